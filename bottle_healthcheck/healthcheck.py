"""HealthCheck: the checks of a service, their verdict, and the route that tells it."""
import collections
import os

import bottle
import six

from . import _compat, _jsonable, _log, _redaction
from ._cache import ResultCache, check_cache
from ._changes import Changes
from ._checkers import NOT_GIVEN, Checkers, basic_exception_handler
from ._drain import Drain
from ._http.formats import validate_formats
from ._http.formats.json_body import json_failed_handler, json_success_handler
from ._http.negotiation import RequestError, RequestOptions
from ._http.plugin import Plugin, validate_options
from ._http.response import BASE_HEADERS, add_vary, override, send, to_bytes, validate_headers
from ._interrupts import is_interrupt
from ._report import Report
from ._validation import (validate_callable, validate_details, validate_list, validate_seconds,
                          validate_status, validate_timeout)

MYPY = False
if MYPY:
    from typing import Any, Callable, Iterable, Optional, Tuple, Union
    Check = Callable[[], Tuple[Any, Any]]
    Handler = Callable[[list], Any]
    ExceptionHandler = Callable[[Any, BaseException], Tuple[Any, Any]]

#: Seconds for which the same bytes are sent again while no result changes: so old may the
#: timestamp in them be.
ANSWER_AGE = 1.0

#: Their bodies may be sent again; what a user's own handler answers is the user's business.
_OWN_HANDLERS = (json_success_handler, json_failed_handler)

#: Answers that are kept, one for each Accept header in use.
MOST_ANSWERS = 32

_OPTIONS = ("app", "path", "success_status", "success_headers", "success_handler", "success_ttl",
            "failed_status", "failed_headers", "failed_handler", "failed_ttl",
            "exception_handler", "checkers", "timeout", "stale_while_revalidate", "cache",
            "details", "formats", "on_change", "drain_status", "drain_file")

#: What the options must be, at construction and whenever they are set.
_CHECKS = {
    "success_status": validate_status, "failed_status": validate_status,
    "success_headers": validate_headers, "failed_headers": validate_headers,
    "success_handler": validate_callable, "failed_handler": validate_callable,
    "success_ttl": validate_seconds, "failed_ttl": validate_seconds,
    "stale_while_revalidate": validate_seconds, "on_change": validate_callable,
    "exception_handler": lambda name, value: (validate_callable(name, value)
                                              or basic_exception_handler),
    "timeout": lambda name, value: validate_timeout(value),
    "cache": lambda name, value: check_cache(value),
    "details": lambda name, value: validate_details(value),
    "formats": lambda name, value: validate_formats(value),
    "drain_status": lambda name, value: None if value is None else validate_status(name, value),
}

_Answer = collections.namedtuple(
    "_Answer", "body status headers until version checkers pid")


class HealthCheck(Plugin):
    """A route that runs the registered checks and answers with their verdict.

    Each result is kept for success_ttl or failed_ttl seconds (None or 0: not at all). timeout is
    the seconds that a request waits for a check, which then runs in a thread of its own; None
    runs checks in the request's thread. stale_while_revalidate is the seconds past its expiry
    for which a result is still used while it is renewed (needs timeout). Handlers get the list of
    results and return the body: text, bytes or a dictionary; None answers OK or NOT OK. details,
    true or false or a callable that says so for the current request, tells more than the verdict.
    formats limits what can be asked for (None: all of json, health, text, html, prometheus).
    on_change(previous, current, report) hears of every change of the verdict. While drain_file
    exists, or from drain() to resume(), the answer is a failure with drain_status (None:
    failed_status). options are passed to `app.route()`.

    Raises TypeError or ValueError where an argument makes no sense.
    """

    name = "healthcheck"

    def __init__(self,
                 app=None,  # type: Optional[bottle.Bottle]
                 path=None,  # type: Any
                 success_status=200,  # type: int
                 success_headers=None,  # type: Any
                 success_handler=json_success_handler,  # type: Optional[Handler]
                 success_ttl=27,  # type: Optional[float]
                 failed_status=500,  # type: int
                 failed_headers=None,  # type: Any
                 failed_handler=json_failed_handler,  # type: Optional[Handler]
                 failed_ttl=9,  # type: Optional[float]
                 exception_handler=basic_exception_handler,  # type: ExceptionHandler
                 checkers=None,  # type: Optional[Iterable[Check]]
                 timeout=None,  # type: Optional[float]
                 stale_while_revalidate=0,  # type: float
                 cache=None,  # type: Optional[ResultCache]
                 details=True,  # type: Union[bool, Callable[[], Any]]
                 formats=None,  # type: Optional[Iterable[str]]
                 on_change=None,  # type: Optional[Callable[[Optional[str], str, Report], Any]]
                 drain_status=None,  # type: Optional[int]
                 drain_file=None,  # type: Any
                 **options  # type: Any
                 ):
        # type: (...) -> None
        validate_options(options, _OPTIONS)
        #: By Accept header: what a request without a query gets, while it holds.
        self._answers = {}  # type: dict
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
        #: `.clear()` forgets every result; give it to another HealthCheck to share results.
        self.cache = cache  # type: Any
        self.details = details  # type: Any
        self.formats = formats  # type: Any
        self.on_change = on_change  # type: Any
        self.drain_status = drain_status  # type: Any
        self._drain = Drain(drain_file)
        self._changes = Changes(self)
        self._broken_handler = None  # type: Any
        self._checkers = Checkers(self, validate_list(checkers))
        Plugin.__init__(self, app, path, "check", ["GET", "OPTIONS"], options)

    def __setattr__(self, name, value):
        # type: (str, Any) -> None
        """An option may be changed later, and counts at once; what is wrong is refused.

        Times count for the checks that are registered from then on.
        """
        if name not in _CHECKS:
            object.__setattr__(self, name, value)
            return
        object.__setattr__(self, name, _CHECKS[name](name, value))
        self._answers = {}  # last: who makes an answer meanwhile puts it into the old one

    @property
    def checkers(self):
        # type: () -> Checkers
        """The registered checks, in order; appending a function registers it."""
        return self._checkers

    @checkers.setter
    def checkers(self, checkers):
        # type: (Any) -> None
        self._checkers[:] = validate_list(checkers)

    def add_check(self,
                  func=NOT_GIVEN,  # type: Any
                  name=None,  # type: Optional[str]
                  timeout=NOT_GIVEN,  # type: Optional[float]
                  success_ttl=NOT_GIVEN,  # type: Optional[float]
                  failed_ttl=NOT_GIVEN,  # type: Optional[float]
                  critical=True  # type: bool
                  ):
        # type: (...) -> Any
        """Registers a check and returns it; without func, returns a decorator that does so.

        func takes no arguments and returns (passed, output). timeout, success_ttl and failed_ttl
        are seconds, the HealthCheck's where not given. A check that is not critical is reported
        and does not fail the whole. Raises TypeError, and ValueError for a name that is taken.
        """
        if func is NOT_GIVEN:
            return lambda func: self.add_check(func, name, timeout, success_ttl, failed_ttl,
                                               critical)
        self._checkers.register(func, name, timeout=timeout, success_ttl=success_ttl,
                                failed_ttl=failed_ttl, critical=critical)
        return func

    def run(self, check=None, exclude=None):
        # type: (Any, Any) -> Report
        """Runs the checks, or uses their kept results, and returns a Report.

        check and exclude are a name or a list of names: only those, or all but those. Works
        outside a request. Raises ValueError for an unknown name.
        """
        return self._drain.report() or self._walk(self._select(check, exclude))[0]

    def run_check(self, checker):
        # type: (Any) -> dict
        """Runs one check now, or joins its running flight; keeps its result and returns it.

        checker is a registered check, its function, or its name. Raises ValueError where it is
        none.
        """
        items = self._checkers.items
        if isinstance(checker, six.text_type):
            checker = six.ensure_str(checker)  # on 2.7 names are bytes
        by_name = isinstance(checker, str)  # what is no text may equal any name
        # One function may be two checks: a registered check is itself first.
        for found in ([one for one in items if one is checker]
                      or [one for one in items
                          if (one.__name__ if by_name else one) == checker]):
            return found.result(self.cache.run(found))
        raise ValueError("no such check: expected one of %r, its function or its name"
                         % self._checkers)

    def check(self, **url_args):
        # type: (**Any) -> bytes
        """The route's callback: answers with the verdict as status and body."""
        environ = bottle.request.environ
        query, accept = environ.get("QUERY_STRING"), environ.get("HTTP_ACCEPT", "")
        answer = None if query else self._answers.get(accept)
        if answer is None or not self._still_holds(answer):
            try:
                answer = self._make_answer(RequestOptions(query, accept, self.formats))
            except RequestError as problem:
                answer = _refusal(problem)
        return send(answer.body, answer.status, answer.headers)

    def drain(self, output="draining"):
        # type: (Any) -> None
        """Answers failure from now on, in this process, past cache and checks."""
        self._drain.output = _redaction.clean_output(_jsonable.plain(output))
        self._drain.called = True

    def resume(self):
        # type: () -> None
        """Ends what drain() began; a drain_file that is still there goes on."""
        self._drain.called = False

    def _still_holds(self, answer):
        # type: (_Answer) -> bool
        """Whether a kept answer is still what a walk through the checks would come to."""
        return (answer.until > _compat.monotonic() and answer.version == self.cache.version
                and answer.checkers is self._checkers.items and answer.pid == os.getpid()
                and not self._drain.is_on())

    def _make_answer(self, options):
        # type: (RequestOptions) -> _Answer
        """One walk: checks, results, report, bytes; kept as long as it holds, a second at most."""
        details = self._may_tell()
        if options.selects and not details:
            raise RequestError(404, "this health check tells no details")
        # Read before the walk: what changes during it must outdate the answer.
        version, checkers = self.cache.version, self._checkers.items
        answers = self._answers
        report, until = self._drain.report(), 0.0
        if report is None:
            report, until = self._walk(self._select(options.check, options.exclude))
        handler = self.success_handler if report.passed else self.failed_handler
        has_formats = any(handler is own for own in _OWN_HANDLERS)
        status = self._status_of(report, options.format.status if has_formats else None)
        if not details:
            report = report.without_details()
        if has_formats:
            body, headers = self._write(report, options)
        else:
            body, headers = self._ask_handler(handler, report)
            until = 0.0  # it is called for every answer
        answer = _Answer(body, status, headers, until, version, checkers, os.getpid())
        if options.is_plain and self.details is True and until:
            if len(answers) >= MOST_ANSWERS:
                answers.clear()
            answers[options.accept] = answer
        return answer

    def _walk(self, checkers):
        # type: (tuple) -> tuple
        """(the report of these checks, the steady time until which the same walk ends the same)."""
        outcomes = self.cache.collect(checkers)
        if checkers is self._checkers.items:
            self._changes.look()
        until = _compat.monotonic() + ANSWER_AGE
        for checker, outcome in zip(checkers, outcomes):
            until = min(until, self.cache.fresh_until(checker, outcome))
        results = [checker.result(outcome) for checker, outcome in zip(checkers, outcomes)]
        return Report(results, self._runs_of), until

    def _runs_of(self, name):
        # type: (str) -> list
        """What the page shows of a check's past."""
        for checker in self._checkers.items:
            if checker.__name__ == name:
                return self.cache.runs(checker)
        return []

    def _status_of(self, report, status_of_format):
        # type: (Report, Optional[int]) -> int
        """The HTTP status of every response with a report."""
        if status_of_format is not None:
            return status_of_format
        if report.draining and self.drain_status is not None:
            return self.drain_status
        return self.success_status if report.passed else self.failed_status

    def _write(self, report, options):
        # type: (Report, RequestOptions) -> tuple
        """(body, headers) of a report in the format that is requested."""
        headers = self.success_headers if report.passed else self.failed_headers
        body, headers_of_format = options.format.encode(report, options.media_type)
        if options.format.name != "json":  # the user's headers describe the JSON
            headers = override(headers, headers_of_format)
        if options.negotiated and len(self.formats) > 1:
            headers = add_vary(headers, "Accept")
        return body, headers

    def _ask_handler(self, handler, report):
        # type: (Any, Report) -> tuple
        """(body, headers) of the user's; a handler that fails must not show what it may hide."""
        headers = self.success_headers if report.passed else self.failed_headers
        if handler is None:
            return b"OK" if report.passed else b"NOT OK", headers
        try:
            body = to_bytes(handler(report.results))
            self._broken_handler = None
            return body, headers
        except BaseException:
            if is_interrupt():
                raise
            broken, self._broken_handler = self._broken_handler, handler
            if broken is not handler:  # once, not at every poll
                _log.failure("a handler failed; the answer is the status alone")
            return (to_bytes({"status": report.status}),
                    override(headers, [("Content-Type", "application/json")]))

    def _may_tell(self):
        # type: () -> bool
        """Whether this request may be told more than the verdict; where in doubt, not."""
        if not callable(self.details):
            return bool(self.details)
        try:
            return bool(self.details())
        except BaseException:
            if is_interrupt():
                raise
            _log.failure("details() failed; only the verdict is told")
            return False

    def _select(self, check, exclude):
        # type: (Any, Any) -> tuple
        """The registered checks that are meant, in order; all of them are the very tuple."""
        checkers = self._checkers.items
        if check is None and exclude is None:
            return checkers
        known = set(checker.__name__ for checker in checkers)
        wanted, unwanted = _names("check", check, known), _names("exclude", exclude, known)
        selected = tuple(one for one in checkers if one.__name__ not in unwanted
                         and (check is None or one.__name__ in wanted))
        if check is not None and not selected:  # nothing to fail is no success
            raise RequestError(404, "check and exclude leave no check, expected at least one")
        return selected


def _refusal(problem):
    # type: (RequestError) -> _Answer
    """The answer to a request for what there is not; no balancer takes it for a success."""
    body = to_bytes(collections.OrderedDict([
        ("status", "failure"), ("error", _jsonable.message(problem))]))
    return _Answer(body, problem.status, BASE_HEADERS, 0.0, 0, (), 0)


def _names(argument, names, known):
    # type: (str, Any, set) -> set
    """A name or a list of names as a set; RequestError where one is unknown."""
    listed = [names] if isinstance(names, (six.text_type, str)) else names or ()
    # On 2.7 a name comes as text or as bytes.
    listed = [six.ensure_str(name) if isinstance(name, six.text_type) else name for name in listed]
    for name in listed:
        if name not in known:
            shown = _jsonable.text(name)[:80]  # it came from outside, and may be long
            raise RequestError(404, "%s names '%s', which is no check" % (argument, shown))
    return set(listed)
