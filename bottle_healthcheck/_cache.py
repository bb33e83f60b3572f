"""Results by outcome: what a check last said, how long that holds, and one flight at a time.

A *flight* is one run of one check in this process. P, a check's patience, is its time-out, or
10 s without one. A request that needs check C:

1. C has a fresh result: uses it.
2. C is not running: starts it; without a time-out in its own thread, else in C's worker thread,
   for which it waits until P after the start. A result that expired less than
   stale_while_revalidate ago is used at once instead.
3. C is running, since less than P: uses C's previous result where that expired less than its own
   lifetime ago (or as in 2); else waits, until P after the start, without a time-out 2 s at most.
4. C is running for longer than P, or the wait is over: tells so, as a failed result, at once.

`ResultCache._board` decides among 1, 2 and 3, `_wait` is the waiting in 2 and 3, and 4.
"""
import collections
import functools
import logging
import os
import sys
import threading
import time
import timeit
import traceback

from . import _compat, _json
from ._worker import Worker

MYPY = False
if MYPY:
    from typing import Any, Text

log = logging.getLogger("bottle_healthcheck")

#: Seconds after which a check without a time-out counts as hanging.
PATIENCE = 10.0

#: Seconds that a request waits at most for checks that other requests run in their own threads.
LONGEST_WAIT = 2.0


#: Runs of a check that are remembered, for the page.
KEPT_RUNS = 60


class Outcome(object):
    """What a check said, or what is told of one that does not return.

    timestamp and since are epoch seconds, response_time is seconds; landed is on the steady
    clock, and None for what was told of a running check: that is never kept.
    """

    __slots__ = ("passed", "output", "response_time", "timestamp", "landed", "since", "exc_info")

    def __init__(self, passed, output, response_time, exc_info=None):
        # type: (bool, Any, float, Any) -> None
        self.passed = passed
        self.output = output
        self.response_time = max(0.0, response_time)
        self.timestamp = time.time()
        self.landed = None  # type: Any
        self.since = self.timestamp
        self.exc_info = exc_info


class Flight(object):
    """One run of one check: `outcome` is None until it has landed."""

    __slots__ = ("entry", "name", "started", "outcome", "landing", "overran")

    def __init__(self, entry, name):
        # type: (_Entry, str) -> None
        self.entry = entry
        self.name = name
        self.started = _compat.monotonic()
        self.outcome = None  # type: Any
        self.landing = None  # type: Any  # an Event, made by the first who waits
        self.overran = False  # whether somebody gave up on it


class _Entry(object):
    """What is known of one check: its last landed result, and the last outcome that was told."""

    __slots__ = ("key", "func", "kept", "last")

    def __init__(self, key, func):
        # type: (Any, Any) -> None
        self.key = key
        self.func = func  # held, so that no other function gets its id
        self.kept = None  # type: Any
        self.last = None  # type: Any


class _Process(object):
    """What does not survive a fork: the lock; flights, workers and past runs by check."""

    def __init__(self):
        # type: () -> None
        self.lock = threading.Lock()
        self.flights = {}  # type: dict
        self.workers = {}  # type: dict
        self.runs = {}  # type: dict


class ResultCache(object):
    """The results of checks in this process; give it to several HealthChecks to share them.

    There, the same function is the same check, whatever its name: it runs once for all.
    """

    def __init__(self):
        # type: () -> None
        self._entries = {}  # type: dict
        self._processes = {}  # type: dict  # by pid: made on first use, anew after a fork
        #: Changes with everything that may change an answer.
        self.version = 0

    def clear(self):
        # type: () -> None
        """Forgets every result, so that each check runs on the next request."""
        with self._process().lock:
            for entry in self._entries.values():
                entry.kept = None
            self.version += 1

    def lock(self):
        # type: () -> Any
        """This process's lock over all that is known; nothing else is called while it is held."""
        return self._process().lock

    def collect(self, checkers):
        # type: (tuple) -> list
        """An outcome for each checker: kept, previous, of a run in this thread, or awaited."""
        boarded = {}
        for timed in (True, False):  # the workers are under way while this thread runs the rest
            for checker in checkers:
                if (checker.timeout is not None) is timed:
                    boarded[checker.__name__] = self._board_or_run(checker)
        waits_until = _compat.monotonic() + LONGEST_WAIT
        return [self._arrive(checker, boarded[checker.__name__], waits_until)
                for checker in checkers]

    def run(self, checker):
        # type: (Any) -> Outcome
        """The outcome of the checker's running flight, else of one that is started now."""
        found = self._board_or_run(checker, anew=True)
        return self._arrive(checker, found, _compat.monotonic() + LONGEST_WAIT)

    def last(self, checker):
        # type: (Any) -> Any
        """The outcome of the checker that was told last, or None; needs no lifetime."""
        entry = self._entries.get(checker.key)
        return entry and entry.last

    def runs(self, checker):
        # type: (Any) -> list
        """(passed, seconds) of the last runs in this process, oldest first; an overrun failed."""
        process = self._process()
        with process.lock:
            return list(process.runs.get(checker.key, ()))

    def fresh_until(self, checker, outcome):
        # type: (Any, Outcome) -> float
        """When an outcome expires on the steady clock; what has not landed is never fresh."""
        return 0.0 if outcome.landed is None else outcome.landed + checker.lifetime(outcome.passed)

    def _process(self):
        # type: () -> _Process
        """This process's state, made where a fork or the first use asks for it."""
        pid = os.getpid()
        process = self._processes.get(pid)
        if process is None:
            process = self._processes.setdefault(pid, _Process())
            for other in [one for one in list(self._processes) if one != pid]:
                self._processes.pop(other, None)  # a later process may get that pid again
        return process

    def _board_or_run(self, checker, anew=False):
        # type: (Any, bool) -> Any
        """An outcome, or (a flight to wait for, when this request came to it)."""
        kept, flight, mine = self._board(checker, anew)
        if mine and (checker.timeout is None or not self._hand_over(flight, checker)):
            return self._fly(flight, checker)
        return kept or (flight, _compat.monotonic())

    def _board(self, checker, anew):
        # type: (Any, bool) -> tuple
        """Rules 1 to 3: (outcome to use or None, flight or None, whether the flight is mine)."""
        process = self._process()
        with process.lock:
            entry = self._entries.get(checker.key)
            if entry is None:
                entry = self._entries[checker.key] = _Entry(checker.key, checker.func)
            now, kept = _compat.monotonic(), None if anew else entry.kept
            lifetime = checker.lifetime(kept.passed) if kept else 0.0
            # None where nothing is kept.
            overdue = now - kept.landed - lifetime if kept and lifetime else None
            if overdue is not None and overdue < 0:
                return kept, None, False
            stale = overdue is not None and overdue < checker.stale_while_revalidate
            flight = process.flights.get(checker.key)
            if flight is None:
                flight = process.flights[checker.key] = Flight(entry, checker.__name__)
                return kept if stale else None, flight, True
            previous = stale or overdue is not None and overdue < lifetime
            if previous and now - flight.started < checker.patience:
                return kept, flight, False
            return None, flight, False

    def _hand_over(self, flight, checker):
        # type: (Flight, Any) -> bool
        """Has the check's worker run the flight; False where there can be none."""
        workers = self._process().workers
        worker = workers.get(checker.key)
        if worker is None:
            worker = workers[checker.key] = Worker("healthcheck " + checker.__name__)
        try:
            return worker.submit(functools.partial(self._fly, flight, checker))
        except BaseException:  # the request ends while the thread starts: nobody else would land
            self._land(flight, _ended(0.0))
            raise

    def _fly(self, flight, checker):
        # type: (Flight, Any) -> Outcome
        """Runs the check in this thread; its flight lands whatever happens."""
        begun = timeit.default_timer()
        try:
            passed, output, exc_info = checker.execute()
            outcome = Outcome(passed, output, timeit.default_timer() - begun, exc_info)
            del exc_info  # its traceback holds this frame: they would hold each other
        except:  # noqa: E722 (KeyboardInterrupt, gevent.Timeout, whatever: on to whom it means)
            outcome = _ended(timeit.default_timer() - begun)
            raise
        finally:
            self._land(flight, outcome)
        return outcome

    def _land(self, flight, outcome):
        # type: (Flight, Outcome) -> None
        """Keeps the outcome of a flight and wakes those who wait for it."""
        process = self._process()
        with process.lock:
            outcome.landed = _compat.monotonic()
            process.flights.pop(flight.entry.key, None)
            failing = self._tell(flight.entry, outcome)
            flight.entry.kept = flight.outcome = outcome
            runs = process.runs.setdefault(flight.entry.key, collections.deque(maxlen=KEPT_RUNS))
            runs.append((outcome.passed and not flight.overran, outcome.response_time))
        if flight.landing is not None:
            flight.landing.set()
        _log_turn(failing, flight.name, outcome)

    def _arrive(self, checker, found, waits_until):
        # type: (Any, Any, float) -> Outcome
        """What was found, once it is an outcome."""
        if isinstance(found, Outcome):
            return found
        flight, came = found
        until, limit = flight.started + checker.patience, checker.patience
        if until <= came:
            return self._wait(flight, until, None)
        if checker.timeout is None and waits_until < until:
            until, limit = waits_until, LONGEST_WAIT
        return self._wait(flight, until, limit)

    def _wait(self, flight, until, limit):
        # type: (Flight, float, Any) -> Outcome
        """Waits for a landing; gives up in the same locked step that a landing takes.

        limit is the seconds that the wait was for, None where the flight was late already.
        """
        lock = self._process().lock
        if _compat.monotonic() < until:
            with lock:
                landing = flight.landing = flight.landing or threading.Event()
                if flight.outcome is not None:
                    landing.set()
            landing.wait(until - _compat.monotonic())
        with lock:
            if flight.outcome is not None:
                return flight.outcome
            running = _compat.monotonic() - flight.started
            outcome = Outcome(False, "still running after %.1f s" % running if limit is None
                              else "timed out after %g s" % limit, running)
            flight.overran = True
            failing = self._tell(flight.entry, outcome)
        _log_turn(failing, flight.name, outcome)
        return outcome

    def _tell(self, entry, outcome):
        # type: (_Entry, Outcome) -> Any
        """Notes the outcome that is told last; needs the lock.

        Returns True where the check starts failing, False where it recovers, else None.
        """
        before, entry.last = entry.last, outcome
        self.version += 1
        if before is not None and before.passed == outcome.passed:
            outcome.since = before.since
            return None
        return None if before is None and outcome.passed else not outcome.passed


def _ended(seconds):
    # type: (float) -> Outcome
    """The outcome of a run that was ended by the current exception, which is no check's own."""
    kind = sys.exc_info()[0]  # type: Any
    return Outcome(False, "ended by %s" % kind.__name__,
                   seconds, sys.exc_info())


def _log_turn(failing, name, outcome):
    # type: (Any, str, Outcome) -> None
    """One line when a check starts failing, one when it recovers, nothing in between."""
    exc_info, outcome.exc_info = outcome.exc_info, None  # it holds the check's frames: let go
    name = _json.text(name)
    if failing:
        log.warning("check %s is failing: %s%s", name, outcome.output, _traceback(exc_info))
    elif failing is False:
        log.info("check %s has recovered", name)


def _traceback(exc_info):
    # type: (object) -> Text
    """The traceback as text on lines of its own; without an exception, nothing."""
    if exc_info is None:
        return u""
    try:
        told = "".join(traceback.format_exception(*exc_info))  # type: ignore[misc]
    except Exception:  # a SyntaxError of somebody's own making is enough
        told = "".join(traceback.format_tb(exc_info[2]))  # type: ignore[index]
    return u"\n" + _json.text(told)
