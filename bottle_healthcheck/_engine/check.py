"""One registered check: how it runs, and its results."""
import inspect
import os
import sys

import six

from .. import _compat, _jsonable, _log
from .._interrupts import forget_earlier_calls, is_interrupt
from .._validation import (NOT_GIVEN, attribute_of, validate_flag, validate_seconds,
                           validate_timeout)
from .results import NOTHING, CheckResult
from .returned import fault_of, pair
from .runs import Outcome

MYPY = False
if MYPY:
    from typing import Any, Callable, Optional, Text, Tuple

    from .returned import Pair
    from .runs import CheckState, Key

#: Seconds that a run may take where the check has no timeout: longer means that it hangs.
DEFAULT_RUN_LIMIT = 10.0

#: Outputs of these types run no code of their own when they are read.
_PLAIN_TYPES = (six.text_type, str, bool, type(None))

#: What a registered check is known by: another function or name is another check.
_FIXED = ("func", "key", "settings", "__name__")

#: What may be changed of a registered check.
_OPTIONS = {
    "timeout": lambda name, value: validate_timeout(value),
    "success_ttl": validate_seconds, "failed_ttl": validate_seconds, "critical": validate_flag,
}


def basic_exception_handler(checker, exc):
    # type: (Any, BaseException) -> Tuple[bool, Text]
    """A check that raised has failed; its output is what the exception says."""
    return False, _jsonable.message(exc)


class Settings(object):
    """What checks use that are not given their own, and how callbacks are called.

    cache is where their outcomes are kept. call(callback, *args) returns what the callback returns.
    """

    def __init__(self, call):
        # type: (Callable[..., Any]) -> None
        self.call = call
        self.cache = None  # type: Any  # a ResultCache
        #: Another object whenever a check comes or goes, or has another option or cache.
        self.version = object()
        self.timeout = None  # type: Any
        self.success_ttl = 0.0
        self.failed_ttl = 0.0
        self.stale_while_revalidate = 0.0
        self.exception_handler = basic_exception_handler  # type: Any
        #: The exception handler whose fault was logged last.
        self.faulty_handler = None  # type: Any


class Check(object):
    """A registered check: calling it calls its function. It equals that function.

    What is not given is taken from settings. timeout, success_ttl and failed_ttl are seconds; a
    timeout of None runs the check in the thread that needs it. They and critical may be changed
    later, and count at once.
    """

    def __init__(self, settings, func, name, timeout=NOT_GIVEN, success_ttl=NOT_GIVEN,
                 failed_ttl=NOT_GIVEN, critical=True):
        # type: (Settings, Any, str, Any, Any, Any, bool) -> None
        if timeout is NOT_GIVEN:
            timeout = settings.timeout
        if success_ttl is NOT_GIVEN:
            success_ttl = settings.success_ttl
        if failed_ttl is NOT_GIVEN:
            failed_ttl = settings.failed_ttl
        self.settings = settings
        self.func = func
        self.key = identity(func)  # type: Key
        self.__name__ = name
        self.name_text = _jsonable.encode(name)
        self.__doc__ = attribute_of(func, "__doc__")
        #: The result that was used last.
        self.current = NOTHING  # type: Any
        self._stale_while_revalidate = settings.stale_while_revalidate
        self.timeout = timeout  # type: Optional[float]
        self.success_ttl = success_ttl  # type: float
        self.failed_ttl = failed_ttl  # type: float
        self.critical = critical

    def __setattr__(self, name, value):
        # type: (str, Any) -> None
        """Sets an option, which counts at once; what is wrong or cannot be changed is refused."""
        if name in _FIXED and name in self.__dict__:
            raise AttributeError("%s of a registered check cannot be changed: register another "
                                 "one in its place, as in health.checkers[0] = check" % name)
        if name not in _OPTIONS:
            object.__setattr__(self, name, value)
            return
        object.__setattr__(self, name, _OPTIONS[name](name, value))
        self.settings.version = object()  # results, with their texts and times, are outdated
        self.settings.cache.generation = object()  # and so are responses that are kept

    @property
    def run_limit(self):
        # type: () -> float
        """P in the rules of cache.py: seconds that a run may take; after that it counts as hanging.
        """
        if self.timeout is None:
            return DEFAULT_RUN_LIMIT
        return self.timeout

    @property
    def stale_while_revalidate(self):
        # type: () -> float
        """Seconds after its expiry for which a result is used while a worker renews it."""
        if self.timeout is None:
            return 0.0
        return self._stale_while_revalidate

    def __call__(self):
        # type: () -> Any
        return self.func()

    def __getattr__(self, name):
        # type: (str) -> Any
        """The function's own attributes: exception handlers may look at them."""
        if name == "func":  # not there yet
            raise AttributeError(name)
        return getattr(self.func, name)

    def __eq__(self, other):
        # type: (Any) -> bool
        if isinstance(other, Check):  # one function may be registered under several names
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
        """Seconds for which an outcome of that kind is fresh; 0 where it is not cached."""
        if passed:
            return self.success_ttl
        return self.failed_ttl

    def execute(self, in_worker=False):
        # type: (bool) -> Outcome
        """Runs the check and returns its outcome.

        Raises what ends the request that runs the check; in a worker nothing does.
        """
        pid, began = os.getpid(), _compat.timer()
        exc_info = None  # type: Any
        try:
            try:
                passed, output = self.settings.call(_pair_of, self.func)
            # Bare, as 2.7 raises old-style classes too.
            except:  # noqa: E722 pylint: disable=bare-except
                _end_child(pid)
                if is_interrupt() and not in_worker:
                    raise
                forget_earlier_calls()
                exc_info = sys.exc_info()
                passed, output = self.settings.call(_pair_of, self._handle, exc_info[1], in_worker)
            seconds = _compat.timer() - began
            if type(output) in _PLAIN_TYPES:
                return Outcome(passed, output, seconds, exc_info)
            # It may be an object that runs code when it is read.
            outcome = self.settings.call(Outcome, passed, output, seconds, exc_info)
            return outcome  # type: ignore[no-any-return]
        except BaseException as exc:
            if is_interrupt() and not in_worker:
                raise
            fault = (u"what the check returned or raised cannot be read: "
                     + _jsonable.type_name(exc))
            return Outcome(False, fault, _compat.timer() - began)
        finally:
            del exc_info  # its traceback holds this frame: they would hold each other

    def result(self, outcome):
        # type: (Outcome) -> CheckResult
        """An outcome as this check's result."""
        current = self.current  # type: CheckResult
        if current.outcome is outcome and current.version is self.settings.version:
            return current
        return CheckResult(self, outcome, None)

    def use(self, outcome, state):
        # type: (Outcome, Optional[CheckState]) -> CheckResult
        """An outcome as this check's current result: it is written once, for all who read it.

        state is where it is cached, None where the cache has forgotten the check.
        """
        current = self.current  # type: CheckResult
        is_same = current.outcome is outcome and current.state is state
        if not is_same or current.version is not self.settings.version:
            current = self.current = CheckResult(self, outcome, state)
        return current

    def _handle(self, exc, in_worker):
        # type: (Any, bool) -> Pair
        """What the exception handler makes of it; a faulty handler counts as the default."""
        handler = self.settings.exception_handler
        try:
            handled = handler(self, exc)
            fault = fault_of(handled)
            if fault is not None:
                raise TypeError("exception_handler " + fault)
            return pair(handled)
        except BaseException:
            if is_interrupt() and not in_worker:
                raise
            forget_earlier_calls()
            if self.settings.faulty_handler is not handler:  # once, not at every run
                self.settings.faulty_handler = handler
                _log.failure("exception_handler failed; the check fails with what the exception "
                             "says")
        return basic_exception_handler(self, exc)


def identity(func):
    # type: (Any) -> Key
    """What makes a check the same check: the object, for a bound method its owner and function.

    Equal methods of equal owners are two checks, and each reading of `owner.method` is the same.
    """
    if isinstance(func, Check):
        return func.key
    if inspect.ismethod(func):
        return id(func.__self__), id(func.__func__)
    return id(func)


def _end_child(pid):
    # type: (int) -> None
    """Ends a child that the check has forked and that raised SystemExit; pid is the parent's.

    It would go on with the parent's request, log a failure, and share it with other processes.
    """
    exc = sys.exc_info()[1]
    if os.getpid() != pid and isinstance(exc, SystemExit):
        os._exit(exc.code if isinstance(exc.code, int) else int(exc.code is not None))


def _pair_of(func, *args):
    # type: (Any, *Any) -> Pair
    """(passed, output) of what func returns; reading it may run code of its own."""
    return pair(func(*args))
