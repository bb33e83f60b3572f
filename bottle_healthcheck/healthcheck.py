# mypy: disable-error-code="import-untyped"
"""HealthCheck: the checks of a service, their overall status, and the route that reports it."""
import collections
import functools
import os

import bottle

from . import _compat, _jsonable, _log
from ._compat import is_awaitable
from ._engine.cache import ResultCache, validate_cache
from ._engine.check import Settings, basic_exception_handler
from ._engine.drain import Drain
from ._engine.registry import Registry
from ._engine.transitions import ChangeObserver
from ._http.callbacks import call_callback, call_handler
from ._http.formats import validate_formats
from ._http.formats.json_body import json_failed_handler, json_success_handler
from ._http.negotiation import RequestError, RequestOptions, is_navigation
from ._http.plugin import SET_BY_INIT, Plugin, refuse_unknown, validate_options
from ._http.response import BASE_HEADERS, Response, send, to_bytes, validate_headers
from ._interrupts import forget_earlier_calls, is_interrupt
from ._report import Report
from ._validation import (NOT_GIVEN, kind_of, validate_about, validate_callable, validate_details,
                          validate_file, validate_list, validate_seconds, validate_status,
                          validate_timeout)

MYPY = False
if MYPY:
    from typing import (Any, Callable, Dict, Iterable, Mapping, Optional, Text, Tuple, Union,
                        overload)

    from ._engine.check import Check as RegisteredCheck
    from ._types import (App, Check, CheckT, ExceptionHandler, Handler, Headers, NotGiven,
                         Result, Texts)

    _Secs = Optional[float]  # seconds
    _Name = Optional[Text]

#: Responses that are kept, one for each Accept header in use.
MAX_KEPT = 32


def _validate_exception_handler(name, value):
    # type: (str, Any) -> Any
    """Return the handler; None means the default one."""
    if value is None:
        return basic_exception_handler
    return validate_callable(name, value)


#: What validates each option, at construction and whenever it is set.
_VALIDATORS = {
    "success_status": validate_status, "failed_status": validate_status,
    "success_headers": validate_headers, "failed_headers": validate_headers,
    "success_handler": validate_callable, "failed_handler": validate_callable,
    "success_ttl": validate_seconds, "failed_ttl": validate_seconds,
    "stale_while_revalidate": validate_seconds, "on_change": validate_callable,
    "exception_handler": _validate_exception_handler,
    "timeout": lambda name, value: validate_timeout(value),
    "cache": lambda name, value: validate_cache(value),
    "details": lambda name, value: validate_details(value),
    "formats": lambda name, value: validate_formats(value),
    "drain_status": lambda name, value: None if value is None else validate_status(name, value),
    "drain_file": validate_file,
    "about": lambda name, value: validate_about(value),
}  # type: Dict[str, Callable[[str, Any], Any]]

_OPTIONS = ("app", "path", "checkers") + tuple(_VALIDATORS)

_CHECK_OPTIONS = ("name", "timeout", "success_ttl", "failed_ttl", "critical")


class HealthCheck(Plugin):
    """A route that runs the registered checks and responds with the overall status.

    success_ttl and failed_ttl are how many seconds a result is cached (None or 0: it is not).
    timeout is how many seconds a request waits for a check, which then runs in its own thread; with
    None, checks run in the request's thread, and other requests wait at most 2 s for them.
    stale_while_revalidate is for how many seconds after its expiry a result is still used while it
    is renewed (needs timeout). Handlers get the list of results and return the body: text, bytes or
    a dictionary; None stands for OK and NOT OK. If details is false, or a callable that returns
    false for the current request, only the overall status is shown. formats is a list of the
    formats to offer (None: json, health, text, html and prometheus). on_change(previous, current,
    report) is called for every change of the overall status. While drain_file exists, or from
    drain() to resume(), the response is a failure with drain_status (None: failed_status). about,
    with the keys serviceId, version, releaseId and description, is shown together with details.
    options are passed to `app.route()`.

    Raises TypeError or ValueError for an invalid argument.
    """

    name = "healthcheck"
    _callback_name = "check"
    _default_methods = ("GET", "OPTIONS")

    _checkers = SET_BY_INIT  # type: Registry
    _drain = SET_BY_INIT  # type: Drain

    def __init__(self,
                 app=None,  # type: Optional[App]
                 path=None,  # type: Union[Text, Texts, None]
                 success_status=200,  # type: int
                 success_headers=None,  # type: Optional[Headers]
                 success_handler=json_success_handler,  # type: Optional[Handler]
                 success_ttl=27,  # type: Optional[float]
                 failed_status=500,  # type: int
                 failed_headers=None,  # type: Optional[Headers]
                 failed_handler=json_failed_handler,  # type: Optional[Handler]
                 failed_ttl=9,  # type: Optional[float]
                 exception_handler=basic_exception_handler,  # type: Optional[ExceptionHandler]
                 checkers=None,  # type: Optional[Iterable[Check]]
                 timeout=None,  # type: Optional[float]
                 stale_while_revalidate=0,  # type: float
                 cache=None,  # type: Optional[ResultCache]
                 details=True,  # type: Union[bool, Callable[[], Any]]
                 formats=None,  # type: Optional[Texts]
                 on_change=None,  # type: Optional[Callable[[Optional[str], str, Report], Any]]
                 drain_status=None,  # type: Optional[int]
                 drain_file=None,  # type: Union[Text, bytes, os.PathLike[str], None]
                 about=None,  # type: Optional[Mapping[str, str]]
                 **options  # type: Any
                 ):
        # type: (...) -> None
        validate_options(options, _OPTIONS)
        self._settings = Settings(call_callback)
        #: Kept responses by Accept header.
        self._responses = {}  # type: Dict[str, Response]
        self.success_status = success_status  # type: Any
        self.success_headers = success_headers  # type: Any
        self.success_handler = success_handler  # type: Any
        self.success_ttl = success_ttl  # type: Any
        self.failed_status = failed_status  # type: Any
        self.failed_headers = failed_headers  # type: Any
        self.failed_handler = failed_handler  # type: Any
        self.failed_ttl = failed_ttl  # type: Any
        self.exception_handler = exception_handler  # type: Any
        self.timeout = timeout  # type: Any
        self.stale_while_revalidate = stale_while_revalidate  # type: Any
        if self.stale_while_revalidate and self.timeout is None:
            raise ValueError("stale_while_revalidate needs a timeout: without one there is no "
                             "worker thread to renew a result in")
        #: `.clear()` removes every result; pass it to another HealthCheck to share results.
        self.cache = validate_cache(cache)
        self.details = details  # type: Any
        self.formats = formats  # type: Any
        self.on_change = on_change  # type: Any
        self.drain_status = drain_status  # type: Any
        self._drain = Drain()
        #: (generation of the results, shortest timeout of the checks at that time).
        self._shortest_timeout = None, None  # type: Tuple[object, Optional[float]]
        self.drain_file = drain_file  # type: Any
        self.about = about  # type: Any
        self._changes = ChangeObserver()
        #: {failure: the callback whose failure was logged}.
        self._broken = {}  # type: Dict[str, Any]
        self._checkers = Registry(self._settings, self.cache)
        self._checkers.extend(validate_list(checkers))
        Plugin.__init__(self, app, path, options)

    def __setattr__(self, name, value):
        # type: (str, Any) -> None
        """Sets an attribute; an option is validated and takes effect at once.

        Lifetimes and timeouts take effect for the checks that are registered afterwards.
        """
        if name not in _VALIDATORS:
            object.__setattr__(self, name, value)
            return
        value = _VALIDATORS[name](name, value)
        if name == "cache" and "_checkers" in self.__dict__:
            self._checkers.cache = value
        elif name == "drain_file":
            self._drain.watch(value)
        elif hasattr(self._settings, name):
            setattr(self._settings, name, value)
        object.__setattr__(self, name, value)
        # Last: a response that is being made is kept in the old object, which nobody uses any more.
        self._responses = {}

    @property
    def checkers(self):
        # type: () -> Registry
        """The registered checks, in order; appending a function registers it."""
        return self._checkers

    @checkers.setter
    def checkers(self, checkers):
        # type: (Any) -> None
        """Replaces the registered checks by those in a list."""
        if checkers is not self._checkers:  # `health.checkers += [check]` assigns the same list
            self._checkers[:] = validate_list(checkers)

    if MYPY:  # the type of the check is kept; without one, a decorator is returned
        @overload
        def add_check(self, func, name=None, timeout=None, success_ttl=None, failed_ttl=None,
                      critical=True):
            # type: (CheckT, _Name, _Secs, _Secs, _Secs, bool) -> CheckT
            pass

        @overload
        def add_check(self, func=NotGiven(), name=None, timeout=None, success_ttl=None,
                      failed_ttl=None, critical=True):
            # type: (NotGiven, _Name, _Secs, _Secs, _Secs, bool) -> Callable[[CheckT], CheckT]
            pass

    def add_check(self, func=NOT_GIVEN, name=None, timeout=NOT_GIVEN, success_ttl=NOT_GIVEN,
                  failed_ttl=NOT_GIVEN, critical=True, **unknown):
        # type: (Any, Optional[str], _Secs, _Secs, _Secs, bool, **Any) -> Any
        """Registers a check and returns it; without func, returns a decorator that does so.

        func takes no arguments and returns (passed, output). timeout, success_ttl and failed_ttl
        are in seconds and default to the HealthCheck's. The failure of a check that is not critical
        is reported, but the overall status stays success. Raises TypeError for an invalid argument,
        ValueError also for a name that is taken.
        """
        refuse_unknown(unknown, _CHECK_OPTIONS)
        if func is NOT_GIVEN:
            return lambda func: self.add_check(func, name, timeout, success_ttl, failed_ttl,
                                               critical)
        self._checkers.register(func, name, timeout=timeout, success_ttl=success_ttl,
                                failed_ttl=failed_ttl, critical=critical)
        return func

    def run(self, check=None, exclude=None):
        # type: (Union[Text, Iterable[Text], None], Union[Text, Iterable[Text], None]) -> Report
        """Runs the checks, or uses their cached results, and returns a Report.

        check is a name or a list of names to run only those, exclude to run all others; None
        selects all. Works outside a request. Raises ValueError for an unknown name.
        """
        report = self._report_of_draining()
        if report is None:
            report = self._report_of(self._checkers.select(check, exclude))
        return report

    def run_check(self, checker):
        # type: (Union[Text, Check]) -> Result
        """Runs one check now, or waits for its current run, and returns the result.

        checker is a registered check, its function, or its name. Raises ValueError if it is not
        registered.
        """
        found = self._checkers.find(checker)
        return found.result(self.cache.run(found)).as_dict()

    def check(self, **url_args):
        # type: (**Any) -> bytes
        """The route's callback: responds with the overall status as status and body."""
        environ = bottle.request.environ
        query, accept = environ.get("QUERY_STRING"), environ.get("HTTP_ACCEPT", "")
        response = self._responses.get(accept)  # type: Any
        is_valid = (not query and response is not None
                    and response.generation is self.cache.generation
                    and response.valid_until > _compat.monotonic()
                    and response.pid == os.getpid())
        # drain() and resume() discard kept responses; only the file has to be looked for.
        if is_valid and self.drain_file is not None:
            is_valid = not self._drain.is_on(self._drain_limit())
        if not is_valid:
            response = self._respond(query, accept)
        return send(response)

    def drain(self, output="draining"):
        # type: (Any) -> None
        """From now on this process responds with a failure that shows output and runs no check."""
        try:
            self._drain.begin(output)
        finally:  # an exception of a signal's handler may have interrupted it: no kept success
            self._responses = {}

    def resume(self):
        # type: () -> None
        """Ends what drain() began; a drain_file that still exists stays in effect."""
        self._drain.end()
        self._responses = {}

    def _respond(self, query, accept):
        # type: (str, str) -> Response
        """Makes the response to a request that has no kept response."""
        responses = self._responses  # first, as it may be replaced meanwhile
        kept = responses.get(accept)
        if kept is not None and not query:
            options = kept.options  # parsing takes long
        else:
            try:
                options = RequestOptions(query, accept, self.formats,
                                         is_navigation(bottle.request.environ))
            except RequestError as error:
                return _refuse(error.status, error.args[0])
        details = self.details
        shows_details = details
        if callable(details):
            shows_details = self._call_or_log(
                "details() failed; only the overall status is shown", details,
                lambda: call_callback(_evaluate_details, details))
        if options.selects and not shows_details:
            return _refuse(404, "this health check shows no details")
        report = self._report_of_draining()
        if report is None:
            try:
                checks = self._checkers.select(options.check, options.exclude)
            except ValueError as error:
                return _refuse(404, _jsonable.message(error))
            report = self._report_of(checks)
        response = self._write(report, options, shows_details)
        if details is True and options.may_be_kept and response.options is not None:
            self._keep(responses, accept, response, report)
        return response

    def _keep(self, responses, accept, response, report):
        # type: (Dict[str, Response], str, Response, Report) -> None
        """Keeps a response, to be sent again until a result changes or expires."""
        generation = self.cache.generation  # first: what changes after this makes it invalid
        snapshot = report.snapshot
        is_draining = snapshot is None
        if is_draining or snapshot.checks is not self._checkers.items:  # changed meanwhile
            return
        response.generation = generation
        response.valid_until = snapshot.fresh_until(generation)
        response.pid = os.getpid()  # the body shows it: another one is made after a fork
        if len(responses) >= MAX_KEPT:
            responses.clear()
        responses[accept] = response

    def _report_of_draining(self):
        # type: () -> Optional[Report]
        """The report while draining, with the last results of the checks; else None."""
        limit = None
        if self._drain.path is not None:
            limit = self._drain_limit()
        report = self._drain.report(limit)
        if report is not None:
            report.last_known = self._last_report()
        return report

    def _drain_limit(self):
        # type: () -> Optional[float]
        """Seconds that a request waits for the file system of drain_file.

        It is the shortest timeout of the checks; None, and no thread, if none has a timeout.
        """
        generation = self.cache.generation
        known_at, limit = self._shortest_timeout
        if known_at is not generation:  # it changes with every result and every check
            timeouts = [one.timeout for one in self._checkers.items if one.timeout is not None]
            limit = None
            if timeouts:
                limit = min(timeouts)
            self._shortest_timeout = generation, limit
        return limit

    def _report_of(self, checks):
        # type: (Tuple[RegisteredCheck, ...]) -> Report
        """The report of these checks; if they are all checks, on_change may be called."""
        snapshot = self.cache.snapshot_of(checks, self._checkers.known)
        if checks is self._checkers.items:
            self._checkers.known = snapshot
            if self.on_change is not None:
                on_change = functools.partial(call_callback, _call_plain, "on_change()",
                                              "it to have finished", self.on_change)
                self._changes.observe(on_change, self._report_of_change)
        return Report.of_snapshot(snapshot, self.cache.history)

    def _report_of_change(self):
        # type: () -> Optional[Report]
        """The report of the last result of each check; None before all have run."""
        report = self._last_report()
        if len(report.snapshot.checks) < len(self._checkers.items):
            return None
        return report

    def _last_report(self):
        # type: () -> Report
        """The report of the last result of each check that has run."""
        snapshot = self.cache.reported_of(self._checkers.items)
        return Report.of_snapshot(snapshot, self.cache.history)

    def _write(self, report, options, shows_details):
        # type: (Report, RequestOptions, Any) -> Response
        """A report as a response, in the requested format or by the user's handler."""
        handler, headers = self.failed_handler, self.failed_headers
        status = self.failed_status
        if report.passed:
            handler, headers = self.success_handler, self.success_headers
            status = self.success_status
        if report.draining and self.drain_status is not None:
            status = self.drain_status
        report.about = self.about
        if not shows_details:
            report = report.without_details()
        # By identity: a user's handler may equal anything.
        if handler is not json_success_handler and handler is not json_failed_handler:
            return self._call_handler(handler, report, status, headers)
        if options.format.status is not None:
            status = options.format.status
        parts, headers_of_format = options.format.encode(report, options)
        headers = dict(headers)
        if options.format.name != "json":  # success_headers and failed_headers describe the JSON
            headers.update(headers_of_format)
        if options.vary and len(self.formats) > 1:
            names = options.vary
            if "Vary" in headers:
                names = [headers["Vary"]] + names
            headers["Vary"] = ", ".join(names)
        return Response(status, headers.items(), parts, options)

    def _call_handler(self, handler, report, status, headers):
        # type: (Any, Report, int, Dict[str, str]) -> Response
        """The response with the handler's body; if it fails, with the status alone."""
        if handler is None:
            body = b"NOT OK"
            if report.passed:
                body = b"OK"
            return Response(status, headers.items(), (body,))
        body = self._call_or_log("a handler failed; the answer is the status alone", handler,
                                 lambda: to_bytes(call_handler(handler, report.results)))
        if body is None:
            body = to_bytes({"status": report.status})
            headers = dict(headers)
            headers["Content-Type"] = "application/json"
        return Response(status, headers.items(), (body,))

    def _call_or_log(self, failure, callback, call):
        # type: (str, Any, Callable[[], Any]) -> Any
        """Returns what call() returns, which calls a callback; None if it raises.

        The failure is logged once, not at every request, until the callback works or is replaced.
        """
        try:
            returned = call()
        except BaseException:
            if is_interrupt():
                raise
            forget_earlier_calls()
            if self._broken.get(failure) is not callback:
                self._broken[failure] = callback
                _log.failure(failure)
            return None
        self._broken.pop(failure, None)
        return returned


def _evaluate_details(details):
    # type: (Callable[[], Any]) -> bool
    return bool(_call_plain("details()", "True or False", details))


def _call_plain(call, expected, callback, *args):
    # type: (str, str, Callable[..., Any], *Any) -> Any
    """Returns what a callback returns. Raises TypeError for a coroutine, or a generator.

    Their code has not run yet. call and expected are how the error words what was called.
    """
    returned = callback(*args)
    if is_awaitable(returned):
        raise TypeError("%s is %s, expected %s: let it run the loop itself, as with "
                        "asyncio.run(...)" % (call, kind_of(returned), expected))
    return returned


def _refuse(status, message):
    # type: (int, Text) -> Response
    """The 400, 404 or 414 response, which no load balancer takes for a success."""
    body = to_bytes(collections.OrderedDict([("status", "failure"), ("error", message)]))
    return Response(status, BASE_HEADERS, (body,))
