"""The registered checks: what each is called, how it runs, and the list of them."""
import contextlib
import inspect
import os
import sys
import time

import six
from six.moves import _thread, collections_abc

from . import _cache, _jsonable, _redaction
from ._validation import (name_of, validate_flag, validate_func, validate_name, validate_seconds,
                          validate_timeout)
from ._interrupts import is_interrupt

MYPY = False
if MYPY:
    from typing import Any, Iterator


#: Told from None, which has a meaning of its own.
NOT_GIVEN = object()  # type: Any


class Checker(object):
    """A registered check: calling it calls its function. It equals that function.

    What is not given is the owner's. timeout, success_ttl and failed_ttl are seconds; a timeout of
    None runs the check in the thread that needs it. The other attributes of the HealthCheck are
    read when they are needed.
    """

    def __init__(self, owner, func, name, timeout=NOT_GIVEN, success_ttl=NOT_GIVEN,
                 failed_ttl=NOT_GIVEN, critical=True):
        # type: (Any, Any, str, Any, Any, Any, bool) -> None
        if timeout is NOT_GIVEN:
            timeout = owner.timeout
        if success_ttl is NOT_GIVEN:
            success_ttl = owner.success_ttl
        if failed_ttl is NOT_GIVEN:
            failed_ttl = owner.failed_ttl
        self.owner = owner
        self.func = func
        self.key = identity(func)
        self.__name__ = name
        self.__doc__ = getattr(func, "__doc__", None)
        self.timeout = validate_timeout(timeout)
        self.success_ttl = validate_seconds("success_ttl", success_ttl)
        self.failed_ttl = validate_seconds("failed_ttl", failed_ttl)
        self.critical = validate_flag("critical", critical)
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

    def execute(self, in_worker=False):
        # type: (bool) -> tuple
        """Runs the check: (passed, output as plain JSON data, exc_info or None).

        Raises what ends the request that runs the check; in a worker nothing does.
        """
        try:
            passed, output = pair(self.func())
        # Bare, as 2.7 raises old-style classes too.
        except:  # noqa: E722 pylint: disable=bare-except
            if is_interrupt() and not in_worker:
                raise
            passed, output = self._handled(sys.exc_info()[1], in_worker)
            # Not in a variable: the traceback holds this frame, and would hold itself.
            return passed, _shown(output), sys.exc_info()
        return passed, _shown(output), None

    def result(self, outcome):
        # type: (_cache.Outcome) -> dict
        """An outcome as this check's result: name, weight and lifetimes are the reader's."""
        lifetime = self.lifetime(outcome.passed) if outcome.is_kept else 0.0
        # A copy of the output: whoever gets the result may change it.
        result = {"checker": self.__name__, "output": _jsonable.plain(outcome.output),
                  "passed": outcome.passed, "timestamp": outcome.timestamp,
                  "expires": outcome.timestamp + lifetime,
                  "response_time": outcome.response_time, "since": outcome.since}
        if not self.critical:
            result["critical"] = False
        return result

    def _handled(self, exc, in_worker):
        # type: (Any, bool) -> tuple
        """What the exception handler makes of it; a faulty handler counts as the default."""
        try:
            handled = self.owner.exception_handler(self, exc)
            if _is_pair(handled):
                return pair(handled)
        except BaseException:
            if is_interrupt() and not in_worker:
                raise
        return basic_exception_handler(self, exc)


class Checkers(collections_abc.MutableSequence):
    """The registered checks, in order; a function that is put in is registered.

    What is not given for a check is its owner's. Any number of threads may change the list.
    """

    def __init__(self, owner, checkers):
        # type: (Any, list) -> None
        _redaction.load_rules()  # no check's thread has to
        self._owner = owner
        self._turns = {}  # type: dict  # by process id: whose turn it is to change the list
        self._list = []  # type: list
        self._names = {}  # type: dict  # the registered checks by name
        self._numbers = {}  # type: dict  # by name: the last number that was added to it
        self._version = object()  # another one after each change
        self._snapshot = self._version, ()  # type: tuple
        self._replace(checkers)

    @property
    def items(self):
        # type: () -> tuple
        """The checks at this moment: the same tuple until they change."""
        version, items = self._snapshot
        if version is not self._version:
            version = self._version  # before the list: what changes meanwhile outdates the tuple
            items = tuple(self._list)
            self._snapshot = version, items
        return items

    def register(self, func, name, **options):
        # type: (Any, Any, **Any) -> None
        """Registers a check as the last one; ValueError for a name that is taken."""
        with self._turn():
            self._insert(len(self._list), self._new(self._names, func, name, **options))

    def insert(self, index, value):
        # type: (int, Any) -> None
        """Registers a function there, or puts a registered check there."""
        with self._turn():
            if self._is_own(value):
                _reserve(self._names, value)
                self._insert(index, value)
            else:
                self._insert(index, self._new(self._names, value))

    def pop(self, index=-1):
        # type: (int) -> Checker
        """Removes the check there and returns it."""
        with self._turn():  # the place must not move in between
            return collections_abc.MutableSequence.pop(self, index)

    def remove(self, value):
        # type: (Any) -> None
        """Removes a registered check, or the first one of a function."""
        with self._turn():
            collections_abc.MutableSequence.remove(self, value)

    def reverse(self):
        # type: () -> None
        """Turns the order round."""
        with self._turn():
            self._replace(self._list[::-1])

    def __len__(self):
        # type: () -> int
        return len(self._list)

    def __getitem__(self, index):
        # type: (Any) -> Any
        return self._list[index]

    def __setitem__(self, index, value):
        # type: (Any, Any) -> None
        with self._turn():
            items = list(self._list)
            items[index] = value
            self._replace(items)

    def __delitem__(self, index):
        # type: (Any) -> None
        with self._turn():
            items = list(self._list)
            del items[index]
            self._replace(items)

    def __eq__(self, other):
        # type: (Any) -> bool
        if not isinstance(other, (list, tuple, Checkers)):
            return NotImplemented
        return list(self) == list(other)

    def __ne__(self, other):
        # type: (Any) -> bool
        return not self == other

    def __repr__(self):
        # type: () -> str
        return "<checks: %s>" % ", ".join(checker.__name__ for checker in self.items)

    @contextlib.contextmanager
    def _turn(self):
        # type: () -> Iterator[None]
        """Waits until no other thread of this process changes the list, and keeps others waiting.

        Not a lock: one that is made when checks are registered may be older than a fork or than
        gevent's patches.
        """
        turn = [_thread.get_ident()]
        try:
            holder = self._turns.setdefault(os.getpid(), turn)
            while holder is not turn and holder != turn:  # equal: a signal's handler registers
                time.sleep(0.001)
                holder = self._turns.setdefault(os.getpid(), turn)
            yield
        finally:
            if self._turns.get(os.getpid()) is turn:
                del self._turns[os.getpid()]

    def _insert(self, index, checker):
        # type: (int, Checker) -> None
        self._names[checker.__name__] = checker
        self._list.insert(index, checker)
        self._version = object()

    def _replace(self, values):
        # type: (list) -> None
        """Makes the list these, each a registered check under a name of its own."""
        names = {}  # type: dict
        for value in values:
            if self._is_own(value):
                _reserve(names, value)
        self._numbers = {}  # names that were taken may be free
        items = []
        for value in values:
            if not self._is_own(value):
                value = self._new(names, value)
                names[value.__name__] = value
            items.append(value)
        self._list, self._names = items, names
        self._version = object()

    def _is_own(self, value):
        # type: (Any) -> bool
        return isinstance(value, Checker) and value.owner is self._owner

    def _new(self, names, func, name=None, **options):
        # type: (dict, Any, Any, **Any) -> Checker
        """A check under a name that names do not hold."""
        own_name = name_of(func) if name is None else validate_name(name)
        func = func.func if isinstance(func, Checker) else validate_func(func)
        if name is not None and own_name in names:
            raise ValueError("a check named %r is registered already: give this one another name"
                             % own_name)
        unique_name, number = own_name, self._numbers.get(own_name, 1)
        while unique_name in names:
            number += 1
            unique_name = "%s_%d" % (own_name, number)
        checker = Checker(self._owner, func, unique_name, **options)
        self._owner.cache.admit(checker)
        self._numbers[own_name] = number
        return checker


def _reserve(names, checker):
    # type: (dict, Checker) -> None
    """Notes a check by its name; ValueError where another one has it."""
    if names.setdefault(checker.__name__, checker) is not checker:
        raise ValueError("two checks are named %r: expected names that tell them apart"
                         % checker.__name__)


def basic_exception_handler(checker, exc):
    # type: (Any, BaseException) -> tuple
    """A check that raised has failed; its output is the exception's message.

    That of what is no Exception, such as asyncio.CancelledError, begins with its type.
    """
    message = _jsonable.message(exc)
    kind = _jsonable.text(type(exc).__name__)
    if isinstance(exc, (Exception, SystemExit)) or message == kind:
        return False, message
    return False, u"%s: %s" % (kind, message)


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
