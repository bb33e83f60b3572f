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

With a backend, whoever would start C in 2 first asks the other processes: for their fresh result,
which counts as one of its own, then for the right to run C (`_ask_fleet`). Whoever does not get
that right acts as in 3, and asks again every 0.2 s.
"""
import collections
import functools
import os
import threading
import time

from . import _compat
from ._validation import kind_of
from ._flight import Entry, Flight, Outcome, Process, log_turn
from ._shared import SharedResults
from ._worker import Worker

MYPY = False
if MYPY:
    from typing import Any, Optional

#: Seconds after which a check without a time-out counts as hanging.
PATIENCE = 10.0

#: Seconds that a request waits at most for checks that other requests run in their own threads.
LONGEST_WAIT = 2.0

#: Seconds, or half of the check's patience, after which other processes are asked no more.
LONGEST_ASKING = 1.0

#: Seconds between two questions for the result of another process's run.
ASK_EVERY = 0.2

#: Runs of a check that are remembered, for the page.
KEPT_RUNS = 60

#: What a request waits for: a flight, and since when it does.
_Wait = collections.namedtuple("_Wait", "flight came")


class ResultCache(object):
    """The results of checks in this process; give it to several HealthChecks to share them.

    There, the same function is the same check, whatever its name: it runs once for all.

    With a backend the results are shared among processes and hosts as well, by the checks'
    names: an object with `get(key)`, `set(key, value, timeout=seconds)` and `add(key, value,
    timeout=seconds)`, such as cachelib's caches and Django's. It is asked in the request: give
    its client a socket time-out. prefix tells one service's results from another's. Raises
    TypeError or ValueError where an argument makes no sense.
    """

    def __init__(self, backend=None, prefix=None):
        # type: (Any, Optional[str]) -> None
        if backend is None and prefix is not None:
            raise ValueError("prefix is given without a backend: results stay in this process")
        self._shared = None  # type: Any
        if backend is not None:
            self._shared = SharedResults(backend, prefix)
        self._names = {}  # type: dict  # checks by name, with a backend
        self._entries = {}  # type: dict
        self._processes = {}  # type: dict  # by pid: made on first use, anew after a fork
        #: Changes with everything that may change an answer.
        self.version = 0

    def clear(self):
        # type: () -> None
        """Forgets every result, so that each check runs on the next request.

        A run that is under way is no result yet: it is waited for, and what it says is kept. With
        a backend the shared results too; not those that other processes keep.
        """
        if self._shared is not None:  # first: what is still there might be kept again
            for name in list(self._names):
                self._shared.forget(name)
        with self._process().lock:
            for entry in self._entries.values():
                entry.kept = None
            self.version += 1

    def admit(self, checker):
        # type: (Any) -> None
        """Takes note of a check; ValueError where a backend holds another one of that name."""
        # Checks are held, so that no other gets the identity of one that is gone.
        if self._shared is not None and self._names.setdefault(
                checker.__name__, checker).key != checker.key:
            raise ValueError("another check named %r shares its results through this cache: give "
                             "this one another name" % checker.__name__)

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
        return self._arrive(checker, found, _compat.monotonic() + LONGEST_WAIT, anew=True)

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
        """When an outcome expires on the steady clock; what is not kept is never fresh."""
        return outcome.landed + checker.lifetime(outcome.passed) if outcome.is_kept else 0.0

    def _process(self):
        # type: () -> Process
        """This process's state, made where a fork or the first use asks for it."""
        pid = os.getpid()
        process = self._processes.get(pid)
        if process is None:
            process = self._processes.setdefault(pid, Process())
            for other in [one for one in list(self._processes) if one != pid]:
                self._processes.pop(other, None)  # a later process may get that pid again
        return process

    def _board_or_run(self, checker, anew=False):
        # type: (Any, bool) -> Any
        """An outcome, or what to wait for."""
        outcome, flight, mine = self._board(checker, anew)
        if not mine:
            return outcome or _Wait(flight, _compat.monotonic())
        try:
            if anew or self._shared is None or self._may_run(flight, checker):
                flight.started = _compat.monotonic()  # not when it began to ask
                outcome = self._start(flight, checker) or outcome
            else:
                outcome = flight.outcome or flight.previous
        except:  # noqa: E722 (a signal's handler may raise anywhere: the next request starts anew)
            if flight.outcome is None and not flight.withdrawn:
                self._withdraw(flight)
            raise
        return outcome or _Wait(flight, _compat.monotonic())

    def _board(self, checker, anew):
        # type: (Any, bool) -> tuple
        """Rules 1 to 3: (outcome to use or None, flight or None, whether the flight is mine)."""
        process = self._process()
        with process.lock:
            entry = self._entries.get(checker.key)
            if entry is None:
                entry = self._entries[checker.key] = Entry(checker.key, checker.func)
            now = _compat.monotonic()
            kept = None if anew else entry.kept  # type: Any
            lifetime = kept and checker.lifetime(kept.passed)
            # None where nothing is kept.
            overdue = now - kept.landed - lifetime if lifetime else None
            if overdue is not None and overdue < 0:
                return kept, None, False
            stale = overdue is not None and overdue < checker.stale_while_revalidate
            previous = stale or overdue is not None and overdue < lifetime
            flight = process.flights.get(checker.key)
            if flight is None:
                flight = process.flights[checker.key] = Flight(entry, checker.__name__)
                flight.previous = kept if previous else None
                return kept if stale else None, flight, True
            if previous and now - flight.started < checker.patience:
                return kept, flight, False
            return None, flight, False

    def _start(self, flight, checker):
        # type: (Flight, Any) -> Optional[Outcome]
        """Runs the check here; None where its worker runs it."""
        if checker.timeout is None or not self._hand_over(flight, checker):
            return self._fly(flight, checker)
        return None

    def _hand_over(self, flight, checker):
        # type: (Flight, Any) -> bool
        """Has the check's worker run the flight; False where there can be none."""
        workers = self._process().workers
        worker = workers.get(checker.key)
        if worker is None:
            worker = workers[checker.key] = Worker("healthcheck " + checker.__name__)
        try:
            return worker.submit(functools.partial(self._fly, flight, checker, in_worker=True))
        except BaseException:  # the request ends while the thread starts: nobody else would
            self._withdraw(flight)
            raise

    def _fly(self, flight, checker, in_worker=False):
        # type: (Flight, Any, bool) -> Outcome
        """Runs the check in this thread; its flight ends whatever happens."""
        begun = _compat.timer()
        try:
            passed, output, exc_info = checker.execute(in_worker)
        except:  # noqa: E722 (KeyboardInterrupt, gevent.Timeout: whoever waits runs the check)
            self._withdraw(flight)
            if flight.replaced is not None:
                self._shared.release(checker.__name__, flight.replaced)
            raise
        outcome = Outcome(passed, output, _compat.timer() - begun, exc_info)
        del exc_info  # its traceback holds this frame: they would hold each other
        self._land(flight, outcome)
        if self._shared is not None:
            self._publish(flight, checker, outcome)
        return outcome

    def _land(self, flight, outcome, age=None):
        # type: (Flight, Outcome, Optional[float]) -> None
        """Keeps the outcome of a flight and wakes those who wait for it.

        age is the seconds since another process ran the check, None where this one did.
        """
        process = self._process()
        with process.lock:
            outcome.landed = _compat.monotonic() - (age or 0.0)
            process.end(flight)
            failing = self._tell(flight.entry, outcome)
            flight.outcome = outcome
            flight.entry.kept = outcome if outcome.is_kept else None
            if age is None:
                runs = process.runs.setdefault(flight.entry.key,
                                               collections.deque(maxlen=KEPT_RUNS))
                runs.append((outcome.passed and not flight.overran, outcome.response_time))
        if flight.landing is not None:
            flight.landing.set()
        log_turn(failing, flight.name, outcome)

    def _arrive(self, checker, found, waits_until, anew=False):
        # type: (Any, Any, float, bool) -> Outcome
        """What was found, once it is an outcome."""
        if isinstance(found, Outcome):
            return found
        flight, came = found
        until = (came if flight.withdrawn else flight.started) + checker.patience
        limit = checker.patience
        if until <= came:
            limit = None
        elif checker.timeout is None and waits_until < until:
            until, limit = waits_until, LONGEST_WAIT
        outcome = self._wait(flight, until, limit)
        while outcome is None:
            if self._shared is not None:  # another process may be running the check
                time.sleep(max(0.0, min(ASK_EVERY, until - _compat.monotonic())))
            found = self._board_or_run(checker, anew)
            if isinstance(found, Outcome):
                return found
            outcome = self._wait(found.flight, until, limit)
            if outcome is None and _compat.monotonic() >= until:
                outcome = self._give_up(found.flight, limit)
        return outcome

    def _wait(self, flight, until, limit):
        # type: (Flight, float, Any) -> Optional[Outcome]
        """Waits for a landing until then, else gives up; None where the flight is withdrawn."""
        started = flight.started
        if _compat.monotonic() < until:
            with self._process().lock:
                landing = flight.landing = flight.landing or threading.Event()
                if flight.outcome is not None or flight.withdrawn:
                    landing.set()
            landing.wait(until - _compat.monotonic())
            if flight.started > started:  # the check started when other processes had been asked
                landing.wait(until + flight.started - started - _compat.monotonic())
        return None if flight.withdrawn else self._give_up(flight, limit)

    def _give_up(self, flight, limit):
        # type: (Flight, Any) -> Outcome
        """The outcome that landed, else a failed one: in one locked step, as a landing is.

        limit is the seconds that the wait was for, None where the flight was late already.
        """
        with self._process().lock:
            if flight.outcome is not None:
                return flight.outcome
            running = _compat.monotonic() - flight.started
            outcome = Outcome(False, "still running after %.1f s" % running if limit is None
                              else "timed out after %g s" % limit, running)
            outcome.is_kept = False
            flight.overran = True
            failing = self._tell(flight.entry, outcome)
        log_turn(failing, flight.name, outcome)
        return outcome

    def _may_run(self, flight, checker):
        # type: (Flight, Any) -> bool
        """Whether the check is to be run here; else its flight has landed or is withdrawn."""
        runs = self._ask_fleet(flight, checker)
        if not runs and flight.outcome is None:
            self._withdraw(flight)
        return runs

    def _ask_fleet(self, flight, checker):
        # type: (Flight, Any) -> bool
        """Whether no other process has a result or runs the check; adopts a result."""
        if not (checker.success_ttl or checker.failed_ttl):
            return True  # what is not kept is not shared
        found, last = self._shared.read(checker.__name__), flight.entry.kept
        if self._adopts(flight, checker, found):
            return False
        if not (checker.success_ttl and checker.failed_ttl):
            return True  # what may not be kept is not waited for
        # A slow backend must not eat up the time that others wait for the check.
        asks_until = flight.started + min(LONGEST_ASKING, checker.patience / 2)
        if _compat.monotonic() > asks_until:
            self._shared.fail("its answer took more than half of a check's time-out")
            return True
        replaced = repr((found or last).stamp) if found or last else "nothing"
        if not self._shared.lock(checker.__name__, replaced, checker.patience):
            return False
        flight.replaced = replaced
        # A run may have ended since the first look.
        if (_compat.monotonic() <= asks_until
                and self._adopts(flight, checker, self._shared.read(checker.__name__))):
            self._shared.release(checker.__name__, replaced)
            return False
        return True

    def _withdraw(self, flight):
        # type: (Flight) -> None
        """Ends a flight that did not run; those who wait for it ask for themselves."""
        process = self._process()
        with process.lock:
            process.end(flight)
            flight.withdrawn = True
        if flight.landing is not None:
            flight.landing.set()

    def _adopts(self, flight, checker, found):
        # type: (Flight, Any, Any) -> bool
        """Lands what was found as this flight's outcome, where it is fresh and news."""
        last = flight.entry.kept
        if (found is None or not found.is_fresh(checker.lifetime(found.passed))
                or last is not None and found.stamp <= last.stamp):
            return False
        outcome = Outcome(found.passed, found.output, found.response_time)
        outcome.timestamp, outcome.stamp = found.timestamp, found.stamp
        outcome.since = found.since
        self._land(flight, outcome, max(0.0, found.age))
        return True

    def _publish(self, flight, checker, outcome):
        # type: (Flight, Any, Outcome) -> None
        """Tells the other processes, and lets go of the right to run the check."""
        lifetime = checker.lifetime(outcome.passed)
        if lifetime and outcome.is_kept:
            self._shared.write(checker.__name__, outcome, lifetime)
        if flight.replaced is not None:
            self._shared.release(checker.__name__, flight.replaced)

    def _tell(self, entry, outcome):
        # type: (Entry, Outcome) -> Any
        """Notes the outcome that is told last; needs the lock.

        Returns True where the check starts failing, False where it recovers, else None.
        """
        before, entry.last = entry.last, outcome
        self.version += 1
        if before is not None and before.passed == outcome.passed:
            outcome.since = before.since
            return None
        return None if before is None and outcome.passed else not outcome.passed


def check_cache(cache):
    # type: (Any) -> ResultCache
    """The cache to use, a new one for None, or TypeError."""
    if cache is None:
        return ResultCache()
    if not isinstance(cache, ResultCache):
        raise TypeError("cache is %s, expected a ResultCache, such as another HealthCheck's .cache"
                        % kind_of(cache))
    return cache
