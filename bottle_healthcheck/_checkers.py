"""The registered checks: what each is called, how it runs, and the list of them."""
import inspect
import sys

import six
from six.moves import collections_abc

from . import _cache, _jsonable, _redaction
from ._arguments import check_flag, check_seconds, check_timeout

MYPY = False
if MYPY:
    from typing import Any

    from .healthcheck import HealthCheck


class Checker(object):
    """A registered check: calling it calls its function. It equals that function.

    timeout, success_ttl and failed_ttl are seconds; a timeout of None runs the check in the
    thread that needs it. The other attributes of the HealthCheck are read when they are needed.
    """

    def __init__(self, owner, func, name, timeout, success_ttl, failed_ttl, critical):
        # type: (HealthCheck, Any, str, Any, Any, Any, bool) -> None
        self.owner = owner
        self.func = func
        self.key = identity(func)
        self.__name__ = name
        self.__doc__ = getattr(func, "__doc__", None)
        self.timeout = check_timeout(timeout)
        self.success_ttl = check_seconds("success_ttl", success_ttl)
        self.failed_ttl = check_seconds("failed_ttl", failed_ttl)
        self.critical = check_flag("critical", critical)
        #: Seconds after which a run counts as hanging.
        self.patience = _cache.PATIENCE if timeout is None else self.timeout
        #: Seconds after its expiry for which a result is used while a worker renews it.
        self.stale_while_revalidate = 0.0 if timeout is None else owner.stale_while_revalidate

    def __call__(self):
        # type: () -> tuple
        return self.func()

    def __getattr__(self, name):
        # type: (str) -> Any
        """The function's own attributes: exception handlers may look at them."""
        if name == "func":  # not there yet
            raise AttributeError(name)
        return getattr(self.func, name)

    def __eq__(self, other):
        # type: (Any) -> bool
        if isinstance(other, Checker):  # one function may be registered under several names
            return self is other
        return self.key == identity(other)

    def __ne__(self, other):
        # type: (Any) -> bool
        return not self == other

    def __hash__(self):
        # type: () -> int
        try:
            return hash(self.func)
        except TypeError:  # unhashable, and a check all the same
            return hash(self.key)

    def lifetime(self, passed):
        # type: (bool) -> float
        """Seconds for which an outcome of that kind holds."""
        return self.success_ttl if passed else self.failed_ttl

    def execute(self):
        # type: () -> tuple
        """Runs the check: (passed, output as plain JSON data, exc_info or None)."""
        try:
            passed, output = pair(self.func())
        except (Exception, SystemExit) as exc:
            passed, output = self._handled(exc)
            # Not in a variable: the traceback holds this frame, and would hold itself.
            return passed, _shown(output), sys.exc_info()
        return passed, _shown(output), None

    def result(self, outcome):
        # type: (_cache.Outcome) -> dict
        """An outcome as this check's result: name, weight and lifetimes are the reader's."""
        lifetime = 0.0 if outcome.landed is None else self.lifetime(outcome.passed)
        # A copy of the output: whoever gets the result may change it.
        result = {"checker": self.__name__, "output": _jsonable.plain(outcome.output),
                  "passed": outcome.passed, "timestamp": outcome.timestamp,
                  "expires": outcome.timestamp + lifetime,
                  "response_time": outcome.response_time, "since": outcome.since}
        if not self.critical:
            result["critical"] = False
        return result

    def _handled(self, exc):
        # type: (BaseException) -> tuple
        """What the exception handler makes of it; a faulty handler counts as the default."""
        try:
            handled = self.owner.exception_handler(self, exc)
            if _is_pair(handled):
                return pair(handled)
        except (Exception, SystemExit):
            pass
        return basic_exception_handler(self, exc)


class Checkers(collections_abc.MutableSequence):
    """The registered checks, in order; a function that is put in is registered.

    Every change replaces `items`, a tuple: a walk over it is safe, and it tells what is current.
    register makes registered checks of a list of what is to be in it.
    """

    def __init__(self, register):
        # type: (Any) -> None
        _redaction.load_rules()  # loads them: no check's thread has to
        self._register = register
        self.items = ()  # type: tuple

    def __len__(self):
        # type: () -> int
        return len(self.items)

    def __getitem__(self, index):
        # type: (Any) -> Any
        return list(self.items)[index]

    def __setitem__(self, index, value):
        # type: (Any, Any) -> None
        self._change("__setitem__", index, value)

    def __delitem__(self, index):
        # type: (Any) -> None
        self._change("__delitem__", index)

    def __eq__(self, other):
        # type: (Any) -> bool
        if not isinstance(other, (list, tuple, Checkers)):
            return NotImplemented
        return list(self) == list(other)

    def __ne__(self, other):
        # type: (Any) -> bool
        return not self == other

    def insert(self, index, value):
        # type: (int, Any) -> None
        """Registers a function there, or puts a registered check there."""
        self._change("insert", index, value)

    def __repr__(self):
        # type: () -> str
        return "<checks: %s>" % ", ".join(checker.__name__ for checker in self.items)

    def _change(self, method, *args):
        # type: (str, *Any) -> None
        items = list(self.items)
        getattr(items, method)(*args)
        self.items = tuple(self._register(items))


def basic_exception_handler(checker, exc):
    # type: (Any, BaseException) -> tuple
    """A check that raised has failed; its output is the exception's message."""
    return False, _jsonable.message(exc)


def identity(func):
    # type: (Any) -> Any
    """What makes a check the same check: the object, for a bound method its owner and function.

    Equal methods of equal owners are two checks, and each reading of `owner.method` is the same.
    """
    if isinstance(func, Checker):
        return func.key
    if inspect.ismethod(func):
        return id(func.__self__), id(func.__func__)
    return id(func)


def _shown(output):
    # type: (Any) -> Any
    """What is kept of a check's output: plain JSON data, secrets masked, cut."""
    return _redaction.clean_output(_jsonable.plain(output))


def pair(returned):
    # type: (Any) -> tuple
    """(passed, output) of what a check returned; anything else is a failure that says so."""
    if _is_pair(returned):
        if isinstance(returned[0], (six.text_type, bytes)) and isinstance(returned[1], bool):
            return False, "the check returned (output, passed), expected (passed, output)"
        return bool(returned[0]), returned[1]
    came = "None" if returned is None else "%s %s" % (
        "an" if type(returned).__name__[:1] in "aeiou" else "a", type(returned).__name__)
    if isinstance(returned, (tuple, list)):
        came += " of %d" % len(returned)
    return False, "the check returned %s, expected a pair (passed, output)" % came


def _is_pair(returned):
    # type: (Any) -> bool
    return isinstance(returned, (tuple, list)) and len(returned) == 2
