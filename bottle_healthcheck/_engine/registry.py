"""The registered checks: their list, their names, and the selection of some."""
import collections
import contextlib
import os
import time

import six
from six.moves import _thread, collections_abc

from .. import _jsonable, _redaction
from .._validation import is_text, name_of, validate_func, validate_name
from .check import Check

MYPY = False
if MYPY:
    from typing import (Any, Dict, Iterable, Iterator, List, MutableSequence, Optional, Set, Tuple)

    from .cache import ResultCache
    from .check import Settings
    from .results import Snapshot

    #: Of what may be registered: a function, or a registered check.
    CheckSequence = MutableSequence[Any]
else:
    CheckSequence = collections_abc.MutableSequence


class Registry(CheckSequence):
    """The registered checks, in order; a function that is inserted is registered.

    Threads may change the list concurrently. cache holds the outcomes.
    """

    def __init__(self, settings, cache):
        # type: (Settings, ResultCache) -> None
        _redaction.load_rules()  # here, not in a check's thread
        self._settings = settings
        settings.cache = cache
        cache.attach(self)
        #: By process id: who may change the list now.
        self._turns = {}  # type: Dict[int, List[int]]
        self._list = []  # type: List[Check]
        #: The registered checks by name.
        self._names = {}  # type: Dict[str, Check]
        #: By name: the last number that was added to it.
        self._numbers = {}  # type: Dict[str, int]
        self._items = settings.version, ()  # type: Tuple[object, Tuple[Check, ...]]
        #: The last snapshot of all checks' results.
        self.known = None  # type: Optional[Snapshot]

    @property
    def cache(self):
        # type: () -> ResultCache
        """The cache of the outcomes; may be replaced.

        A run in progress then ends in the previous cache: the check may run a second time
        meanwhile.
        """
        cache = self._settings.cache  # type: ResultCache
        return cache

    @cache.setter
    def cache(self, cache):
        # type: (ResultCache) -> None
        with self._turn():
            previous = self.cache
            if cache is previous:
                return
            cache.attach(self)
            try:
                for check in self._list:
                    cache.admit(check)
            except ValueError:
                cache.detach(self)
                raise
            self._settings.cache = cache
            self._note_change()
            previous.detach(self)

    @property
    def items(self):
        # type: () -> Tuple[Check, ...]
        """The checks, each once: the same tuple until they or their options change."""
        version, items = self._items
        if version is not self._settings.version:
            # Read before the list: a change in between makes the tuple outdated.
            version = self._settings.version
            # A check may be there twice, as while two of them swap places.
            items = tuple(collections.OrderedDict((id(check), check)
                                                  for check in self._list).values())
            self._items = version, items
        return items

    def register(self, func, name, **options):
        # type: (Any, Any, **Any) -> None
        """Registers a check as the last one; ValueError for a name that is taken."""
        with self._turn():
            check = self._new(self._names, func, name, **options)
            self._insert(len(self._list), check)

    def insert(self, index, value):
        # type: (int, Any) -> None
        """Registers a function at that index, or inserts a registered check there."""
        with self._turn():
            if self._is_own(value):
                _refuse_taken(self._names, value)
                self._insert(index, value)
            else:
                self._insert(index, self._new(self._names, value))

    def select(self, check=None, exclude=None):
        # type: (Any, Any) -> Tuple[Check, ...]
        """The checks with these names, in order; the tuple `items` itself if none are given.

        check and exclude are a name or a list of names: only those, or all but those. Raises
        ValueError where one is not registered, or none is left.
        """
        items = self.items
        if check is None and exclude is None:
            return items
        known = [one.__name__ for one in items]
        included = _as_set("check", check, known)
        excluded = _as_set("exclude", exclude, known)
        if check is None:
            included = set(known)
        selected = tuple(one for one in items if one.__name__ in included - excluded)
        # A selection of no checks would be a success; only a HealthCheck without checks is one.
        is_selection = check is not None or bool(excluded)
        if is_selection and not selected:
            raise ValueError("check and exclude leave no check, expected at least one")
        return selected

    def find(self, what):
        # type: (object) -> Check
        """The check that what is: a registered check, its function or its name; else ValueError."""
        items = self.items
        for check in items:  # first by identity: one function may be two checks
            if check is what:
                return check
        if is_text(what):
            what = _shown(what)
        for check in items:
            if isinstance(what, str):  # an object may claim to equal any name
                is_meant = check.__name__ == what
            else:
                is_meant = check == what
            if is_meant:
                return check
        raise ValueError("no such check: expected one of %r, its function or its name; "
                         "health.add_check(check) registers one" % self)

    def pop(self, index=-1):
        # type: (int) -> Check
        """Removes the check at that index and returns it."""
        with self._turn():  # the index must not change its meaning in between
            check = CheckSequence.pop(self, index)  # type: Check
            return check

    def remove(self, value):
        # type: (Any) -> None
        """Removes a registered check, or the first one of a function."""
        with self._turn():
            del self[self._list.index(self.find(value))]

    def reverse(self):
        # type: () -> None
        """Reverses the order."""
        with self._turn():
            self._replace(self._list[::-1])

    def sort(self, key, reverse=False):
        # type: (Any, bool) -> None
        """Puts the checks in the order of key(check); checks have no order of their own."""
        with self._turn():
            self._replace(sorted(self._list, key=key, reverse=reverse))

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

    def __add__(self, others):
        # type: (Iterable[Any]) -> List[Any]
        """A plain list; nothing is registered."""
        return list(self) + list(others)

    def __radd__(self, others):
        # type: (Iterable[Any]) -> List[Any]
        return list(others) + list(self)

    def __eq__(self, other):
        # type: (Any) -> bool
        if not isinstance(other, (list, tuple, Registry)):
            return NotImplemented
        return list(self) == list(other)

    def __ne__(self, other):
        # type: (Any) -> bool
        return not self == other

    def __repr__(self):
        # type: () -> str
        return "<checks: %s>" % ", ".join(check.__name__ for check in self.items)

    @contextlib.contextmanager
    def _turn(self):
        # type: () -> Iterator[None]
        """Lets one thread of this process at a time change the list.

        It is no Lock, since one made when checks are registered would be older than a fork or
        than gevent's patches.
        """
        turn = [_thread.get_ident()]
        try:
            try:
                holder = self._turns.setdefault(os.getpid(), turn)
                is_reentrant = holder == turn  # this thread has the turn already
                while holder is not turn and not is_reentrant:
                    time.sleep(0.001)
                    holder = self._turns.setdefault(os.getpid(), turn)
                yield
            finally:
                self._end_turn(turn)
        finally:  # an exception of a signal's handler may have interrupted the first
            self._end_turn(turn)

    def _end_turn(self, turn):
        # type: (List[int]) -> None
        if self._turns.get(os.getpid()) is turn:
            self._turns.pop(os.getpid(), None)

    def _insert(self, index, check):
        # type: (int, Check) -> None
        try:
            self._names[check.__name__] = check
            self._list.insert(index, check)
            self._note_change()  # else who tidies the cache would not find it, and forget it again
            self.cache.admit(check)
        except ValueError:
            self._list.remove(check)
            self._names.pop(check.__name__, None)
            raise
        finally:
            self._note_change()

    def _note_change(self):
        # type: () -> None
        self._settings.version = object()
        self.known = None
        self.cache.generation = object()

    def _replace(self, values):
        # type: (List[Any]) -> None
        """Replaces the whole list; functions among the values are registered."""
        names = {}  # type: Dict[str, Check]
        for value in values:
            if self._is_own(value):
                _refuse_taken(names, value)
                names[value.__name__] = value
        self._numbers = {}  # names that were taken may be free
        items = []
        for value in values:
            if not self._is_own(value):
                value = self._new(names, value)
                names[value.__name__] = value
            items.append(value)
        before = self._list, self._names
        self._set(items, names)
        try:
            self.cache.forget_unregistered()  # so that names of removed checks are free
            for check in items:
                self.cache.admit(check)
        except ValueError:
            self._set(*before)
            self.cache.forget_unregistered()  # those that were admitted before the refused one
            for check in self._list:
                self.cache.admit(check)
            raise

    def _set(self, items, names):
        # type: (List[Check], Dict[str, Check]) -> None
        self._list, self._names = items, names
        self._note_change()

    def _is_own(self, value):
        # type: (Any) -> bool
        return isinstance(value, Check) and value.settings is self._settings

    def _new(self, names, func, name=None, **options):
        # type: (Dict[str, Check], Any, Any, **Any) -> Check
        """A new check whose name is not in names."""
        given_name = name_of(func) if name is None else validate_name(name)
        own_name = _shown(given_name)
        if isinstance(func, Check):
            func = func.func
        else:
            validate_func(func)
        if name is not None and own_name in names and names[own_name].given_name == given_name:
            raise ValueError("a check named %r is registered already: give this one another name"
                             % own_name)
        unique_name, number = own_name, self._numbers.get(own_name, 1)
        while unique_name in names:
            number += 1
            unique_name = "%s_%d" % (own_name, number)
        check = Check(self._settings, func, unique_name, **options)
        if given_name != own_name:
            check.given_name = given_name
        self._numbers[own_name] = number
        return check


def _shown(name):
    # type: (Any) -> str
    """A name that every format can write: without lone surrogates; on 2.7 bytes."""
    return six.ensure_str(_jsonable.text(name))


def _refuse_taken(names, check):
    # type: (Dict[str, Check], Check) -> None
    """Raises ValueError if another check has the same name."""
    if names.get(check.__name__, check) is not check:
        raise ValueError("two checks are named %r: expected names that differ"
                         % check.__name__)


def _as_set(argument, names, known):
    # type: (str, Any, List[str]) -> Set[str]
    """A name or a list of names as a set; ValueError if one is unknown."""
    listed = names or ()
    if isinstance(names, (six.text_type, str)):
        listed = [names]
    listed = [_shown(name) if is_text(name) else name for name in listed]
    expected = u"there is none"
    if known:
        expected = u"expected one of " + _jsonable.text(", ".join(known))
    for name in listed:
        if not isinstance(name, str) or name not in known:
            shown = _jsonable.text(name)[:80]  # it is a client's, and may be long
            raise ValueError("%s names '%s', which is no check: %s"
                             % (argument, shown, expected))
    return set(listed)
