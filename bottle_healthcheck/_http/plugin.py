# mypy: disable-error-code="import-untyped"
"""The base of both plugins: paths and options of routes, registering, Bottle's plugin API."""
import weakref

import bottle
import six

from .. import _redaction
from .._validation import is_text, refuse_factory, wrong_type

MYPY = False
if MYPY:
    from typing import Any, Dict, Iterable, List, Optional, Sequence

#: The keyword arguments of Bottle's own `route()`: they are never misspelt options of ours.
BOTTLE_OPTIONS = ("method", "name", "apply", "skip")

#: An unknown option that is as similar to one of ours (difflib's ratio) counts as misspelt.
NEAR_MISS = 0.85

#: Shorter names of ours resemble options of other plugins: `cached` is not a misspelt `cache`.
SHORTEST_COMPARED = 6

#: Names that are easily taken for options of ours, and what to write instead.
_HALF_NAMES = {
    "ttl": "did you mean 'success_ttl' or 'failed_ttl'?",
    "status": "did you mean 'success_status' or 'failed_status'?",
    "header": "did you mean 'success_headers' or 'failed_headers'?",
    "headers": "did you mean 'success_headers' or 'failed_headers'?",
    "handler": "did you mean 'success_handler' or 'failed_handler'?",
    "format": "did you mean 'formats'?",
    "check": "did you mean 'checkers'?",
    "checks": "did you mean 'checkers'?",
    "detail": "did you mean 'details'?",
    "drain": "did you mean 'drain_status' or 'drain_file'?",
    "stale": "did you mean 'stale_while_revalidate'?",
    "error_timeout": "did you mean 'timeout'?",
    "log_on_failure": "leave it out, every check that starts failing is logged; the level of the "
                      "logger 'bottle_healthcheck' decides what is written.",
}

#: Beginnings and endings of our options' names, also as they are often misspelt.
_OUR_BEGINNINGS = ("success_", "succes_", "failed_", "fail_", "failure_", "drain_", "exception_",
                   "stale_")
_OUR_ENDINGS = ("_ttl",)

#: (what people write, the word in our options).
_OUR_WORDS = (("succes_", "success_"), ("failure_", "failed_"), ("fail_", "failed_"),
              ("_code", "_status"), ("_path", "_file"))

#: The method of the routes of mounts, which Bottle matches before all others.
_MOUNT = "PROXY"


def validate_app(app, path, kind):
    # type: (Any, Any, str) -> None
    """Raises TypeError, saying what to do, where app is no Bottle; kind is the plugin's class."""
    if isinstance(app, bottle.AppStack):
        raise TypeError("app is Bottle's stack of apps (bottle.app, bottle.default_app), expected "
                        "an app: call it, as in bottle.default_app()")
    if app is bottle:
        raise TypeError("app is the module bottle, expected a bottle.Bottle: the app of "
                        "@bottle.route is bottle.default_app()")
    if isinstance(app, type) and issubclass(app, bottle.Bottle):
        raise TypeError("app is the class %s, expected a bottle.Bottle: call it, as in "
                        "bottle.Bottle()" % app.__name__)
    if is_text(app) and isinstance(path, bottle.Bottle):
        raise TypeError("app is a text and path is a bottle.Bottle: they are swapped, expected "
                        "(app, path), as in %s(app, '/healthcheck')" % kind)
    if is_text(app):
        raise TypeError("app is a text, expected a bottle.Bottle: the path comes after it, or by "
                        "name, as in path='/healthcheck'")
    if not isinstance(app, bottle.Bottle):
        raise wrong_type("app", app, "a bottle.Bottle; to guard another WSGI application, mount "
                         "it in a Bottle")


def validate_route_path(path):
    # type: (Any) -> Any
    """The path, or a flat list of paths, as native text. Raises TypeError or ValueError."""
    if isinstance(path, (list, tuple)) and path:
        rules = []  # type: List[str]
        for one in path:
            rules += bottle.makelist(validate_route_path(one))
        return rules
    if not isinstance(path, (six.text_type, str)):
        raise wrong_type("path", path, "a text such as '/healthcheck'")
    if not path.startswith("/"):
        raise ValueError("path is %r, which no request can match: expected a leading slash, "
                         "as in '/healthcheck'" % path)
    return six.ensure_str(path)


# Options

def validate_route_options(options):
    # type: (Dict[str, Any]) -> None
    """Raises an error if the decorators of apply= cannot be applied, or skip= would drop them."""
    if "callback" in options:
        raise TypeError("callback is no option: the route's callback is this plugin's own")
    decorators = bottle.makelist(options.get("apply"))
    for decorator in decorators:  # else Bottle would raise at the first request
        refuse_factory("a decorator of apply", decorator)
        if not callable(decorator) and not hasattr(decorator, "apply"):
            raise wrong_type("a decorator of apply", decorator, "a callable or a plugin of Bottle")
    if decorators and True in bottle.makelist(options.get("skip")):
        raise ValueError("skip=True together with apply=...: Bottle would skip the decorators of "
                         "apply too; name the plugins to skip instead, as in skip=['name']")


def validate_options(options, own_names):
    # type: (Dict[str, Any], Sequence[str]) -> None
    """Raises an error for a misspelt option of ours, and where validate_route_options() does.

    All other options go to the route, where plugins read them.
    """
    validate_route_options(options)
    for name in sorted(set(options).difference(BOTTLE_OPTIONS)):
        advice = _advice_on(name, own_names)
        if advice is not None:
            raise TypeError("unknown option %r: %s For a plugin that reads it from the route, set "
                            "health.options[%r] before health.init_app(app, path)"
                            % (name, advice, name))


def refuse_unknown(names, known, advice=""):
    # type: (Iterable[str], Sequence[str], str) -> None
    """Raises TypeError for the first name that is not known; advice may contain one %r for it."""
    for name in sorted(set(names).difference(known)):
        import difflib  # heavy, and needed for mistakes alone
        message = "unknown option %r: " % name
        for nearest in difflib.get_close_matches(name, known, 1, NEAR_MISS):
            message += "did you mean %r? " % nearest
        message += "expected one of %s" % ", ".join(repr(one) for one in known)
        if advice:
            message += advice % name
        raise TypeError(message)


def _advice_on(name, own_names):
    # type: (str, Sequence[str]) -> Optional[str]
    """What to write instead of a name that resembles one of ours; None if it does not."""
    import difflib
    spelt = name.lower().replace("-", "_")
    if spelt in _HALF_NAMES:
        return _HALF_NAMES[spelt]
    if spelt.startswith("include_"):
        return "it is EnvironmentDump that has options of this kind."
    long_names = [one for one in own_names if len(one) >= SHORTEST_COMPARED]
    is_near = difflib.get_close_matches(spelt, long_names, 1, NEAR_MISS)
    if not is_near and not spelt.startswith(_OUR_BEGINNINGS) and not spelt.endswith(_OUR_ENDINGS):
        return None
    for word, our_word in _OUR_WORDS:
        spelt = spelt.replace(word, our_word)
    beginning = spelt.partition("_")[0] + "_"
    same_beginning = [one for one in long_names if one.startswith(beginning)]
    nearest = difflib.get_close_matches(spelt, same_beginning or long_names, 1, 0.0)[0]
    return "did you mean %r?" % nearest


# Routes that exist already

def route_at(app, rule, method):
    # type: (bottle.Bottle, str, str) -> Any
    """The route that one of the same rule and method would replace in silence, or None.

    A rule is the same whatever its wildcards are called.
    """
    router = app.router
    alone = bottle.Router(router.strict_order)
    alone.filters = router.filters
    alone.add(rule, method, None)
    for path in alone.static.get(method, ()):
        if path in router.static.get(method, ()):
            return router.static[method][path][0]
    for _, pattern, _, _ in alone.dyna_routes.get(method, ()):
        for _, other_pattern, route, _ in router.dyna_routes.get(method, ()):
            if pattern == other_pattern:
                return route
    return None


def _refuse_mounted(app, rule):
    # type: (bottle.Bottle, str) -> None
    """Raises ValueError where a mounted application gets all requests for the path."""
    try:
        route, _ = app.match({"REQUEST_METHOD": _MOUNT, "PATH_INFO": rule})
    except bottle.HTTPError:  # nothing matches
        return
    if route.method == _MOUNT:
        raise ValueError("path is %r, which lies in a mounted application, and requests go there: "
                         "register on that application, or take another path" % rule)


class _SetByInit(object):
    """The class of SET_BY_INIT."""

    def __get__(self, plugin, owner=None):
        # type: (Any, Any) -> Any
        if plugin is None:  # read on the class
            return self
        raise AttributeError("%s is not initialized: its __init__ has to call the inherited one "
                             "first, as in super().__init__(*args, **options)"
                             % type(plugin).__name__)


#: Stands on a class for an attribute that __init__ sets: a subclass' own may not have called it.
SET_BY_INIT = _SetByInit()  # type: Any


class Plugin(object):
    """A route that registers itself, also as a plugin of Bottle's API v2: `app.install(...)`."""

    api = 2

    path = options = SET_BY_INIT

    #: The name of the method that is the route's callback.
    _callback_name = ""

    #: The methods of a route whose options name none.
    _default_methods = ()  # type: Sequence[str]

    #: From then on init_app() needs a path.
    _is_constructed = False

    def __init__(self, app, path, options):
        # type: (Any, Any, Dict[str, Any]) -> None
        """Registers the route where app and path are given; a subclass calls this last."""
        if app is not None:
            validate_app(app, path, type(self).__name__)
        self.path = path if path is None else validate_route_path(path)
        self._default_methods = list(self._default_methods)
        #: The options of the route, which may be changed until it is registered.
        self.options = dict({"method": self._default_methods}, **options)
        #: {route: (callback, options)} as they were when it was registered; holds no app.
        self._registered = weakref.WeakKeyDictionary()  # type: Any
        if app is not None:
            self.init_app(app, path)  # a subclass' own may know a path
        self._is_constructed = True

    def init_app(self, app, path=None):
        # type: (bottle.Bottle, Any) -> None
        """Registers the route on an app; calling it again registers one more.

        path is a text, or a list of texts, with a leading slash. Where it has a route of somebody
        else, ValueError is raised, and nothing is registered. Raises TypeError or ValueError too
        where an argument makes no sense.
        """
        validate_app(app, path, type(self).__name__)
        if path is None and not self._is_constructed:
            return
        rules = bottle.makelist(validate_route_path(path))
        validate_route_options(self.options)
        # Looked up now: somebody may have put a guard around the method.
        callback = getattr(self, self._callback_name)
        for rule in rules:  # all of them before one is registered
            _refuse_mounted(app, rule)
            self._missing_methods(app, rule, callback)
        for rule in rules:
            methods = self._missing_methods(app, rule, callback)
            if methods:
                count = len(app.routes)
                app.route(rule, callback=callback, **dict(self.options, method=methods))
                for route in app.routes[count:]:
                    self._registered[route] = callback, dict(self.options)
        _redaction.add_secret_source(app, lambda app: app.config)

    def _missing_methods(self, app, rule, callback):
        # type: (bottle.Bottle, str, Any) -> List[str]
        """The methods of a path that are not registered as they would be now.

        Raises ValueError where somebody else has a route.
        """
        methods = self.options.get("method", "GET")
        missing = []
        for method in [one.upper() for one in bottle.makelist(methods)]:
            route = route_at(app, rule, method)
            if route is None:
                missing.append(method)
            elif route in self._registered:
                if self._registered[route] != (callback, self.options):
                    missing.append(method)
            elif method == "OPTIONS" and methods is self._default_methods:
                continue  # an application's own answers CORS
            elif route.callback != callback:
                other = route.callback
                raise ValueError("path is %r, which has a route already (%s %s, %s.%s), and Bottle "
                                 "would replace it in silence: expected a path of its own"
                                 % (rule, route.method, route.rule,
                                    getattr(other, "__module__", "?"),
                                    getattr(other, "__name__", type(other).__name__)))
        return missing

    def setup(self, app=None):
        # type: (Any) -> None
        """Registers the route on the app that this plugin is installed on."""
        if app is None:  # called on the class, with the app for self
            raise TypeError("the class is installed, expected an object of it, as in "
                            "app.install(HealthCheck(path='/healthcheck'))")
        if self.path is None:
            raise ValueError("this plugin has no path: give it one, as in %s(path='/path')"
                             % type(self).__name__)
        self.init_app(app, self.path)

    def apply(self, callback, route):
        # type: (Any, Any) -> Any
        """Leaves the app's other routes as they are."""
        return callback

    def close(self):
        # type: () -> None
        """Ends nothing: Bottle keeps the route, and other apps may use this plugin."""
