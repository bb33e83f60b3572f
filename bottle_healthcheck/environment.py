# mypy: disable-error-code="import-untyped"
"""EnvironmentDump: a route that shows what the process runs on, with secrets masked."""
import collections
import functools
import json
import os
import sys

import bottle

try:
    import pwd
except ImportError:  # pragma: no cover (posix alone has it)
    pwd = None  # type: ignore[assignment]

from . import _compat, _jsonable, _redaction
from ._http.callbacks import call_callback
from ._http.negotiation import is_navigation
from ._http.plugin import (BOTTLE_OPTIONS, SET_BY_INIT, Plugin, refuse_unknown,
                           validate_route_options)
from ._http.response import BASE_HEADERS, Response, send
from ._interrupts import forget_earlier_calls, is_interrupt
from ._validation import (NOT_GIVEN, is_text, kind_of, refuse_coroutine_function,
                          validate_flag, validate_words, wrong_type)

MYPY = False
if MYPY:
    from typing import Any, Callable, Dict, Iterable, Optional, Text, Tuple, Union, overload

    from ._types import App, SectionT, Texts

_OPTIONS = ("app", "path", "include_os", "include_python", "include_config", "include_process",
            "hide", "show") + BOTTLE_OPTIONS

#: {name: version} of the installed distributions, empty until they are listed, which is slow.
_packages = {}  # type: Dict[Text, Any]


class EnvironmentDump(Plugin):
    """A route that shows the operating system, Python, configuration and process as JSON.

    A section is left out if its include_ argument is false. Secrets are masked: hide is a list of
    further words that make a name secret, show a list of exact names whose values are shown.
    options are Bottle's options of a route: method, name, apply and skip.
    Raises TypeError or ValueError for an invalid argument.
    """

    name = "environment"
    _callback_name = "dump_environment"
    _default_methods = ("GET",)

    _sections = SET_BY_INIT  # type: Dict[Text, Callable[[], Any]]

    def __init__(self,
                 app=None,  # type: Optional[App]
                 path=None,  # type: Union[Text, Texts, None]
                 include_os=True,  # type: bool
                 include_python=True,  # type: bool
                 include_config=True,  # type: bool
                 include_process=True,  # type: bool
                 hide=(),  # type: Texts
                 show=(),  # type: Texts
                 **options  # type: Any
                 ):
        # type: (...) -> None
        validate_route_options(options)
        refuse_unknown(options, _OPTIONS, ". For a plugin that reads it from the route, set "
                       "environment.options[%r] before environment.init_app(app, path)")
        self._redactor = _redaction.load_rules().Redactor(validate_words("hide", hide),
                                                          validate_words("show", show))
        if include_python:
            # Imports what reads versions: a request may have no file descriptor left.
            for distribution in _distributions():
                _name_and_version(distribution)
                break
        self._sections = collections.OrderedDict()
        for name, is_included, raw in (("os", include_os, self.get_os),
                                       ("python", include_python, self.get_python),
                                       ("config", include_config, _config),
                                       ("process", include_process, self._process)):
            method = "get_" + name
            is_overridden = getattr(type(self), method) != getattr(EnvironmentDump, method)
            if is_overridden:
                raw = getattr(self, method)
            if validate_flag("include_" + name, is_included):
                self.add_section(name, raw)  # not masked yet: the whole dump is masked once
        Plugin.__init__(self, app, path, options)

    if MYPY:  # the type of the function is kept; without one, a decorator is returned
        @overload
        def add_section(self, name, func):
            # type: (Text, SectionT) -> SectionT
            pass

        @overload
        def add_section(self, name):
            # type: (Text) -> Callable[[SectionT], SectionT]
            pass

    def add_section(self, name, func=NOT_GIVEN):
        # type: (Any, Any) -> Any
        """Adds a section with the value of func() and returns func; or returns a decorator.

        The value may be of any type. If func raises, the section shows the error. Raises
        ValueError if the name is taken, TypeError if func is not a callable without arguments.
        """
        if callable(name):
            raise TypeError("name is a function, expected text: the name comes first, as in "
                            "add_section('build', func) or @environment.add_section('build')")
        if not is_text(name):
            raise wrong_type("name", name, "text")
        if name in self._sections:
            raise ValueError("a section named %r exists already: give this one another name" % name)
        if func is NOT_GIVEN:
            return functools.partial(self.add_section, name)
        if not callable(func):
            raise TypeError("the section %r is %s, expected a callable without arguments: for a "
                            "fixed value write lambda: value" % (name, kind_of(func)))
        refuse_coroutine_function("the section %r" % name, func)
        if not _compat.takes_no_arguments(func):
            raise TypeError("the section %r is a callable that needs arguments, expected one "
                            "without: bind them, as in functools.partial(func, argument)" % name)
        self._sections[name] = func
        return func

    def dump_environment(self, **url_args):
        # type: (**Any) -> bytes
        """The route's callback: every section as one JSON object."""
        sections = collections.OrderedDict(
            (_jsonable.text(name), _section(func)) for name, func in list(self._sections.items()))
        # Packages such as passlib and keyring have versions, not secrets: these are not masked.
        python, packages = sections.get(u"python"), None
        if isinstance(python, dict) and python.get(u"packages") == _jsonable.plain(_packages):
            packages = python.pop(u"packages")
        shown = self._redactor.clean(sections)
        if packages is not None and isinstance(shown, dict) and isinstance(shown["python"], dict):
            shown["python"][u"packages"] = packages
        layout = {}  # type: Dict[str, Any]
        if is_navigation(bottle.request.environ):
            layout = {"indent": 2, "separators": (",", ": ")}
        body = json.dumps(shown, allow_nan=False, **layout)
        return send(Response(200, BASE_HEADERS, (body.encode("ascii"),)))

    def get_os(self):
        # type: () -> Dict[str, Any]
        """Platform, name and uname of the operating system."""
        uname = os.uname() if hasattr(os, "uname") else ()
        return {"platform": sys.platform, "name": os.name, "uname": list(uname)}

    def get_config(self):
        # type: () -> Dict[str, Any]
        """The configuration of the app that handles this request; {} outside a request."""
        shown = self.safe_dump(_config())  # type: Dict[str, Any]
        return shown

    def get_python(self):
        # type: () -> Dict[str, Any]
        """Version, executable, path and installed packages of Python."""
        info = sys.version_info
        return {"version": sys.version, "executable": sys.executable, "pythonpath": sys.path,
                "version_info": {"major": info[0], "minor": info[1], "micro": info[2],
                                 "releaselevel": info[3], "serial": info[4]},
                "packages": _section(_installed_packages)}

    def get_login(self):
        # type: () -> str
        """The name of the user that the process acts as, or its number where it has no name."""
        if pwd is None:
            return os.environ.get("USER") or os.environ.get("USERNAME") or "UNKNOWN"
        try:
            return pwd.getpwuid(os.geteuid()).pw_name
        except KeyError:  # usual in containers
            return str(os.geteuid())

    def get_process(self):
        # type: () -> Dict[str, Any]
        """Arguments, working directory, user, pid and environment of the process."""
        shown = self.safe_dump(self._process())  # type: Dict[str, Any]
        return shown

    def safe_dump(self, dictionary):
        # type: (Any) -> Any
        """Returns a copy of a mapping, or of any value, as plain JSON data with secrets masked."""
        return self._redactor.clean(_jsonable.plain(dictionary))

    def _process(self):
        # type: () -> Dict[str, Any]
        try:
            folder = os.getcwd()  # type: Optional[str]
        except OSError:  # it was removed
            folder = None
        environ = _jsonable.plain(os.environ)
        if isinstance(environ, dict):  # text where it was changed while it was read
            environ = collections.OrderedDict(sorted(environ.items()))
        return {"argv": getattr(sys, "argv", []), "cwd": folder, "user": self.get_login(),
                "pid": os.getpid(), "environ": environ}


def _config():
    # type: () -> Any
    try:
        return bottle.request.route.app.config
    except (AttributeError, KeyError, RuntimeError):  # outside a request
        return {}


def _section(func):
    # type: (Any) -> Any
    """The value of a section, or its error: the other sections are shown in any case."""
    try:
        return call_callback(lambda: _jsonable.plain(func()))
    except BaseException as exc:
        if is_interrupt():
            raise
        forget_earlier_calls()
        return _jsonable.plain({"error": _jsonable.typed_message(exc)})


def _installed_packages():
    # type: () -> Dict[Text, Any]
    """{name: version} of the installed distributions, listed once per process."""
    if not _packages:
        _packages.update(_list_packages())
    return _packages


def _list_packages():
    # type: () -> Dict[Text, Any]
    pairs = [_name_and_version(one) for one in _distributions()]
    # Python imports the first of several versions: in reverse order, that one is kept.
    return dict((name, version) for name, version in reversed(pairs) if name)


def _distributions():
    # type: () -> Iterable[Any]
    """The installed distributions; the modules for it are slow to import."""
    try:
        from importlib import metadata  # new in Python 3.8
        return metadata.distributions()
    except ImportError:  # pragma: no cover (2.7, 3.6, 3.7)
        import pkg_resources
        return list(pkg_resources.working_set)


def _name_and_version(distribution):
    # type: (Any) -> Tuple[Optional[Text], Optional[Text]]
    try:
        name = getattr(distribution, "project_name", None)  # pkg_resources has it
        return name or distribution.metadata["Name"], distribution.version
    except Exception:  # broken on disk
        return None, None
