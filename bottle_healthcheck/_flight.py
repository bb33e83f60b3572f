"""A run of a check, what it comes to, and what the log tells of that."""
import logging
import threading
import time

from . import _compat, _jsonable, _log

MYPY = False
if MYPY:
    from typing import Any, Optional


class Outcome(object):
    """What a check said, or what is told of one that does not return.

    timestamp and since are epoch seconds, response_time is seconds; landed is on the steady
    clock, and None for what was told of a running check. stamp is the timestamp by the clock of
    the host that ran the check. is_kept is false for what has no lifetime: it is used by those who
    waited for it, and by nobody else.
    """

    __slots__ = ("passed", "output", "response_time", "timestamp", "stamp", "landed", "since",
                 "exc_info", "is_kept")

    def __init__(self, passed, output, response_time, exc_info=None):
        # type: (bool, Any, float, Any) -> None
        self.passed = passed
        self.output = output
        self.response_time = max(0.0, response_time)
        self.timestamp = self.stamp = time.time()
        self.landed = None  # type: Any
        self.since = self.timestamp
        self.exc_info = exc_info
        # A panic or a cancellation says little of the dependency.
        self.is_kept = exc_info is None or issubclass(exc_info[0], (Exception, SystemExit))


class Flight(object):
    """One run of one check: `outcome` is None until it has landed.

    One that is withdrawn never does: another process runs the check, or who ran it was ended.
    """

    __slots__ = ("entry", "name", "started", "outcome", "landing", "overran", "previous",
                 "replaced", "withdrawn")

    def __init__(self, entry, name):
        # type: (Entry, str) -> None
        self.entry = entry
        self.name = name
        self.started = _compat.monotonic()
        self.outcome = None  # type: Any
        self.landing = None  # type: Any  # an Event, made by the first who waits
        self.overran = False  # whether somebody gave up on it
        self.previous = None  # type: Any  # the outcome that serves meanwhile
        self.replaced = None  # type: Optional[str]  # what the lock names, while this holds it
        self.withdrawn = False


class Entry(object):
    """What is known of one check: its last landed result, and the last outcome that was told."""

    __slots__ = ("key", "func", "kept", "last")

    def __init__(self, key, func):
        # type: (Any, Any) -> None
        self.key = key
        self.func = func  # held, so that no other function gets its id
        self.kept = None  # type: Any
        self.last = None  # type: Any


class Process(object):
    """What does not survive a fork: the lock; flights, workers and past runs by check."""

    def __init__(self):
        # type: () -> None
        # Reentrant: a signal's handler may call clear() while its thread holds it.
        self.lock = threading.RLock()
        self.flights = {}  # type: dict
        self.workers = {}  # type: dict
        self.runs = {}  # type: dict

    def end(self, flight):
        # type: (Flight) -> None
        """Takes a flight out; not a later one of the same check, where this one was withdrawn."""
        if self.flights.get(flight.entry.key) is flight:
            del self.flights[flight.entry.key]


def log_turn(failing, name, outcome):
    # type: (Any, str, Outcome) -> None
    """One line when a check starts failing, one when it recovers, nothing in between."""
    exc_info, outcome.exc_info = outcome.exc_info, None  # it holds the check's frames: let go
    name = _jsonable.one_line(_jsonable.text(name))
    if failing:
        # One line: what a check tells must not look like a line of somebody else's.
        _log.tell(logging.WARNING, "check %s is failing: %s%s",
                  name, _jsonable.one_line(_jsonable.output_text(outcome.output)),
                  _log.traceback_of(exc_info))
    elif failing is False:
        _log.tell(logging.INFO, "check %s has recovered", name)
