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
    from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Set, Tuple

    from .cache import ResultCache
    from .check import Settings
    from .results import Snapshot


class Registry(collections_abc.MutableSequence):  # type: ignore[type-arg]
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
            self._insert(len(self._list), self._new(self._names, func, name, **options))

    def insert(self, index, value):
        # type: (int, Any) -> None
        """Registers a function at that index, or inserts a registered check there."""
        with self._turn():
            self._insert(index, self._named(self._names, value))

    def select(self, check=None, exclude=None):
        # type: (Any, Any) -> Tuple[Check, ...]
        """The checks with these names, in order; the tuple `items` itself if none are given.

        check and exclude are a name or a list of names: only those, or all but those. Raises
        ValueError where one is not registered, or none is left.
        """
        items = selected = self.items
        if check is not None:
            included = _as_set("check", check, items)
            selected = tuple(one for one in selected if one.__name__ in included)
        if exclude is not None:
            excluded = _as_set("exclude", exclude, items)
            selected = tuple(one for one in selected if one.__name__ not in excluded)
        # A selection of no checks would be a success; only a HealthCheck without checks is one.
        is_selection = check is not None or bool(exclude)
        if is_selection and not selected:
            raise ValueError("check and exclude leave no check, expected at least one")
        return selected

    def find(self, what):
        # type: (object) -> Check
        """The check that what is: a registered check, its function or its name; else ValueError."""
        if is_text(what):
            name = _shown(what)
            found = [check for check in self.items if check.__name__ == name]
        else:
            found = [check for check in self.items if check == what]
        if not found:
            raise ValueError("no such check: expected one of %r, its function or its name; "
                             "health.add_check(check) registers one" % self)
        return found[0]

    def pop(self, index=-1):
        # type: (int) -> Check
        """Removes the check at that index and returns it."""
        check = self._edit(lambda items: items.pop(index))  # type: Check
        return check

    def remove(self, value):
        # type: (Any) -> None
        """Removes a registered check, or the first one of a function."""
        self._edit(lambda items: items.remove(self.find(value)))

    def reverse(self):
        # type: () -> None
        """Reverses the order."""
        self._edit(lambda items: items.reverse())

    def sort(self, key, reverse=False):
        # type: (Any, bool) -> None
        """Puts the checks in the order of key(check); checks have no order of their own."""
        self._edit(lambda items: items.sort(key=key, reverse=reverse))

    def __len__(self):
        # type: () -> int
        return len(self._list)

    def __getitem__(self, index):
        # type: (Any) -> Any
        return self._list[index]

    def __setitem__(self, index, value):
        # type: (Any, Any) -> None
        self._edit(lambda items: items.__setitem__(index, value))

    def __delitem__(self, index):
        # type: (Any) -> None
        self._edit(lambda items: items.__delitem__(index))

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
                # They are equal if a change of this thread has the turn already.
                while self._turns.setdefault(os.getpid(), turn) != turn:
                    time.sleep(0.001)
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
        """Inserts one check, in a time that does not depend on how many there are."""
        try:
            self._list.insert(index, check)
            self._note_change()  # else who tidies the cache would not find it, and forget it again
            self.cache.admit(check)
        except BaseException:  # of a name that is taken, no index, a signal's handler
            self._list = [one for one in self._list if one is not check]
            self._names.pop(check.__name__, None)
            raise
        finally:
            self._note_change()

    def _edit(self, edit):
        # type: (Callable[[List[Any]], Any]) -> Any
        """Replaces the list by what edit makes of a copy of it; returns what edit returns.

        Functions among the values are registered.
        """
        with self._turn():
            values = list(self._list)
            returned = edit(values)
            names = {}  # type: Dict[str, Check]
            for value in values:
                if self._is_own(value):  # these keep their names
                    self._named(names, value)
            self._numbers = {}  # names that were taken may be free
            checks = [self._named(names, value) for value in values]
            before = self._list, self._names
            try:
                self._replace(checks, names)
            except ValueError:
                self._replace(*before)
                raise
            return returned

    def _replace(self, checks, names):
        # type: (List[Check], Dict[str, Check]) -> None
        self._list, self._names = checks, names
        self._note_change()
        self.cache.forget_unregistered()  # so that names of removed checks are free
        for check in checks:
            self.cache.admit(check)

    def _note_change(self):
        # type: () -> None
        self._settings.version = object()
        self.known = None
        self.cache.generation = object()

    def _is_own(self, value):
        # type: (Any) -> bool
        return isinstance(value, Check) and value.settings is self._settings

    def _named(self, names, value):
        # type: (Dict[str, Check], Any) -> Check
        """A registered check, or a new one for a function; names has it then."""
        if not self._is_own(value):
            return self._new(names, value)
        check = value  # type: Check
        if names.setdefault(check.__name__, check) is not check:
            raise ValueError("two checks are named %r: expected names that differ"
                             % check.__name__)
        return check

    def _new(self, names, func, name=None, **options):
        # type: (Dict[str, Check], Any, Any, **Any) -> Check
        """A new check; names, which must not have its name, has it then."""
        if name is None:
            name = self._free_name(names, _shown(name_of(func)))
        else:
            name = _shown(validate_name(name))
            if name in names:
                raise ValueError("a check named %r is registered already: give this one another "
                                 "name" % name)
        if isinstance(func, Check):
            func = func.func
        else:
            validate_func(func)
        check = names[name] = Check(self._settings, func, name, **options)
        return check

    def _free_name(self, names, name):
        # type: (Dict[str, Check], str) -> str
        """A name that no check has: this one, or this one with a number."""
        if name not in names:
            return name
        number = self._numbers.get(name, 2)
        while "%s_%d" % (name, number) in names:
            number += 1
        self._numbers[name] = number
        return "%s_%d" % (name, number)


def _shown(name):
    # type: (Any) -> str
    """A name that every format can write: without lone surrogates; on 2.7 bytes."""
    return six.ensure_str(_jsonable.text(name))


def _as_set(argument, names, checks):
    # type: (str, Any, Tuple[Check, ...]) -> Set[str]
    """A name or a list of names as a set; ValueError if no check has one of them."""
    known = [check.__name__ for check in checks]
    if is_text(names):
        names = [names]
    given = [_shown(name) for name in names or ()]
    for name in given:
        if name not in known:
            expected = u"there is none"
            if known:
                expected = u"expected one of " + _jsonable.text(", ".join(known))
            shown = _jsonable.text(name)[:80]  # it is a client's, and may be long
            raise ValueError("%s names '%s', which is no check: %s"
                             % (argument, shown, expected))
    return set(given)
