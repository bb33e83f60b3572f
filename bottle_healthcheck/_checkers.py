"""The registered checks: what each is called, how it runs, and the list of them."""
import functools
import inspect
import sys

import six
from six.moves import collections_abc

from . import _cache, _compat, _json

MYPY = False
if MYPY:
    from .healthcheck import HealthCheck

#: Some 30 years: more is a mistake, and clocks and locks have their ends too.
MOST_SECONDS = 10 ** 9


class Checker(object):
    """A registered check: calling it calls its function. It equals that function.

    timeout, success_ttl and failed_ttl are seconds; a timeout of None runs the check in the
    thread that needs it. The other attributes of the HealthCheck are read when they are needed.
    """

    def __init__(self, owner, func, name, timeout, success_ttl, failed_ttl, critical):
        # type: (HealthCheck, object, str, object, object, object, bool) -> None
        self.owner = owner
        self.func = func
        self.key = identity(func)
        self.__name__ = name
        self.timeout = check_timeout(timeout)
        self.success_ttl = check_seconds("success_ttl", success_ttl)
        self.failed_ttl = check_seconds("failed_ttl", failed_ttl)
        self.critical = bool(critical)
        #: Seconds after which a run counts as hanging.
        self.patience = _cache.PATIENCE if timeout is None else self.timeout
        #: Seconds after its expiry for which a result is used while a worker renews it.
        self.stale_while_revalidate = 0.0 if timeout is None else owner.stale_while_revalidate

    def __call__(self):
        # type: () -> tuple
        return self.func()  # type: ignore[operator]

    def __eq__(self, other):
        # type: (object) -> bool
        if isinstance(other, Checker):  # one function may be registered under several names
            return self is other
        return self.key == identity(other)

    def __ne__(self, other):
        # type: (object) -> bool
        return not self == other

    def __hash__(self):
        # type: () -> int
        return hash(self.func)

    def lifetime(self, passed):
        # type: (bool) -> float
        """Seconds for which an outcome of that kind holds."""
        return self.success_ttl if passed else self.failed_ttl

    def execute(self):
        # type: () -> tuple
        """Runs the check: (passed, output as plain JSON data, exc_info or None)."""
        try:
            passed, output = pair(self.func())  # type: ignore[operator]
        except (Exception, SystemExit) as exc:
            passed, output = self._handled(exc)
            # Not in a variable: the traceback holds this frame, and would hold itself.
            return passed, _json.plain(output), sys.exc_info()
        return passed, _json.plain(output), None

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
        # type: (object) -> None
        self._register = register
        self.items = ()  # type: tuple

    def __len__(self):
        # type: () -> int
        return len(self.items)

    def __getitem__(self, index):
        # type: (object) -> object
        return list(self.items)[index]  # type: ignore[call-overload]

    def __setitem__(self, index, value):
        # type: (object, object) -> None
        self._change("__setitem__", index, value)

    def __delitem__(self, index):
        # type: (object) -> None
        self._change("__delitem__", index)

    def insert(self, index, value):
        # type: (int, object) -> None
        """Registers a function there, or puts a registered check there."""
        self._change("insert", index, value)

    def __repr__(self):
        # type: () -> str
        return "<checks: %s>" % ", ".join(checker.__name__ for checker in self.items)

    def _change(self, method, *args):
        # type: (str, *object) -> None
        items = list(self.items)
        getattr(items, method)(*args)
        self.items = tuple(self._register(items))  # type: ignore[operator]


def basic_exception_handler(checker, exc):
    # type: (object, BaseException) -> tuple
    """A check that raised has failed; its output is the exception's message."""
    return False, _json.message(exc)


def identity(func):
    # type: (object) -> object
    """What makes a check the same check: the object, for a bound method its owner and function.

    Equal methods of equal owners are two checks, and each reading of `owner.method` is the same.
    """
    if isinstance(func, Checker):
        return func.key
    if inspect.ismethod(func):
        return id(func.__self__), id(func.__func__)
    return id(func)


def name_of(func):
    # type: (object) -> str
    """A check's name where none is given: the function's, or the class's of a callable object."""
    while isinstance(func, functools.partial):
        func = func.func
    name = getattr(func, "__name__", None)
    return name if isinstance(name, str) else func.__class__.__name__


def pair(returned):
    # type: (object) -> tuple
    """(passed, output) of what a check returned; anything else is a failure that says so."""
    if _is_pair(returned):
        return bool(returned[0]), returned[1]
    came = "None" if returned is None else "%s %s" % (
        "an" if type(returned).__name__[:1] in "aeiou" else "a", type(returned).__name__)
    if isinstance(returned, (tuple, list)):
        came += " of %d" % len(returned)
    return False, "the check returned %s, expected a pair (passed, output)" % came


def _is_pair(returned):
    # type: (object) -> bool
    return isinstance(returned, (tuple, list)) and len(returned) == 2


def check_func(func):
    # type: (object) -> object
    """A function that can be a check, or TypeError."""
    if not callable(func):
        raise TypeError("a check is of type %s, expected a callable without arguments that "
                        "returns (passed, output)" % type(func).__name__)
    if not _compat.takes_no_arguments(func):
        raise TypeError("the check %s needs arguments, expected a callable without: bind them, "
                        "as in functools.partial(check, argument)" % name_of(func))
    return func


def check_name(name):
    # type: (object) -> str
    """A name that is given to a check, or TypeError, ValueError."""
    if not isinstance(name, (six.text_type, str)):
        raise TypeError("name is of type %s, expected text" % type(name).__name__)
    if not name:
        raise ValueError("name is empty, expected a text that tells the check from the others")
    return six.ensure_str(name)


def check_seconds(name, value):
    # type: (str, object) -> float
    """Seconds from 0; None means 0. Raises TypeError or ValueError."""
    if value is None:
        return 0.0
    if isinstance(value, bool) or not isinstance(value, six.integer_types + (float,)):
        raise TypeError("%s is of type %s, expected seconds as a number, or None"
                        % (name, type(value).__name__))
    if not 0 <= value <= MOST_SECONDS:
        raise ValueError("%s is %r, expected seconds from 0 to %d" % (name, value, MOST_SECONDS))
    return float(value)


def check_timeout(value):
    # type: (object) -> object
    """Seconds above 0, or None for no time-out. Raises TypeError or ValueError."""
    seconds = check_seconds("timeout", value)
    if value is not None and seconds == 0:
        raise ValueError("timeout is 0, expected seconds above 0, or None for no time-out")
    return None if value is None else seconds
