"""A run of a check, its outcome, and what is known of a check and of a process.

Nothing is guarded by a lock in the engine: a signal's handler may raise between any two
instructions of the main thread, also between taking a lock and the `try` that would let go of it.
What must be decided once is decided by `dict.setdefault`, which nothing interrupts.
"""
import collections
import threading
import time

from six.moves import _thread

from .. import _compat
from .output import show
from .returned import WARN
from .worker import Worker

MYPY = False
if MYPY:
    from typing import Any, Deque, Dict, Hashable, Optional

    from .._types import PastRun

    #: What makes a check the same check.
    Key = Hashable

#: Runs of a check that are remembered, for the page.
HISTORY_LENGTH = 60


class Outcome(object):
    """What a check returned, or what is reported of one that does not return.

    passed is given as True, False or WARN, and kept as passed and is_warning. output may be
    anything; it is kept as what is shown of it, and as that in JSON. timestamp and since are epoch
    seconds, response_time is seconds. completed is when the run ended by the monotonic clock.
    origin is the timestamp by the clock of the host that ran the check. is_cacheable is false for
    what has no lifetime: only those who waited for it use it.
    """

    __slots__ = ("passed", "is_warning", "output", "output_text", "response_time", "timestamp",
                 "origin", "completed", "own_since", "since", "exc_info", "is_cacheable",
                 "is_overrun", "run_token")

    def __init__(self, passed, output, response_time, exc_info=None):
        # type: (Any, Any, float, Any) -> None
        self.passed = bool(passed)
        self.is_warning = passed is WARN
        self.response_time = max(0.0, response_time)
        self.timestamp = self.origin = time.time()
        self.completed = _compat.monotonic()
        #: Since when the check has been in this state, as far as this outcome alone shows.
        self.own_since = self.since = self.timestamp
        self.exc_info = exc_info
        #: Whether the check has not returned yet.
        self.is_overrun = False
        #: The token of the run that this is the outcome of; None for an overrun.
        self.run_token = None  # type: Optional[object]
        # A panic or a cancellation says little of the dependency.
        self.is_cacheable = exc_info is None or issubclass(exc_info[0], (Exception, SystemExit))
        self.output, self.output_text = show(output)

    def is_like(self, other):
        # type: (Outcome) -> bool
        """Whether going from the other to this one is no change of the check's state."""
        return self.passed == other.passed and self.is_warning == other.is_warning


class Run(object):
    """One run of one check.

    The request that registers it has a thread execute it. Where the cache is shared, that thread
    first claims the run from the other processes; then it calls the check. The run is over when it
    has an outcome, or without one when it was interrupted or another process runs the check;
    requests that wait for it then look up the check again.
    """

    __slots__ = ("key", "name", "token", "cached_before", "registered_at", "started", "asked_at",
                 "denied_at", "outcome", "is_over", "has_overrun", "worker", "is_handed_over",
                 "lock", "_roles", "_waiters")

    def __init__(self, key, name, cached_before):
        # type: (Key, str, Optional[Outcome]) -> None
        self.key = key
        self.name = name
        self.token = object()
        #: The outcome that was cached when this run became due.
        self.cached_before = cached_before
        #: By the monotonic clock.
        self.registered_at = _compat.monotonic()
        #: When the check's time limit began; None before, as while the shared cache is queried.
        self.started = None  # type: Optional[float]
        #: When the shared cache was queried, by the monotonic clock; None before.
        self.asked_at = None  # type: Optional[float]
        #: When the claim was denied because another process runs the check; None if it was not.
        self.denied_at = None  # type: Optional[float]
        self.outcome = None  # type: Optional[Outcome]
        self.is_over = False
        #: Whether an overrun of this very run was reported.
        self.has_overrun = False
        #: The worker that the run is handed to; None for a check that runs in its request.
        self.worker = None  # type: Optional[Worker]
        self.is_handed_over = False
        #: The lock of the shared cache, from before it is asked for until it is released.
        self.lock = None  # type: Any
        self._roles = {}  # type: Dict[str, object]
        self._waiters = collections.deque()  # type: Deque[threading.Lock]

    def take(self, role, who):
        # type: (str, object) -> bool
        """Takes a role for good; false where another one has it.

        The executor executes the run. The starter decides whether the check is called for it.
        """
        return self._roles.setdefault(role, who) is who

    def has(self, role, who):
        # type: (str, object) -> bool
        """Whether who has the role."""
        return self._roles.get(role) is who

    def usable_outcome(self, force):
        # type: (bool) -> Optional[Outcome]
        """The outcome, or None; with force none that was there before the check ran."""
        if force and self.started is None:
            return None
        return self.outcome

    def is_late(self, limit, now):
        # type: (float, float) -> bool
        """Whether the check takes longer than the limit, or the shared cache before it.

        A run that was interrupted, or that is another process's, is not late.
        """
        if self.is_over or self.denied_at is not None:
            return False
        if self.started is None:
            return now - self.registered_at >= limit
        return now - self.started >= limit

    def wake_waiters(self):
        # type: () -> None
        """Marks the run as over and wakes all who wait; may be called again."""
        self.is_over = True
        for waiter in list(self._waiters):
            try:
                waiter.release()
            except _thread.error:  # another thread, or an earlier call, has released it
                pass

    def wait_until(self, until):
        # type: (float) -> None
        """Waits until the run is over, at most until that time by the monotonic clock."""
        seconds = until - _compat.monotonic()
        if seconds > 0:
            self.wait(seconds)

    def wait(self, seconds):
        # type: (float) -> None
        """Waits until the run is over, for at most so many seconds."""
        waiter = threading.Lock()
        waiter.acquire()
        self._waiters.append(waiter)
        if not self.is_over:  # who ends it later finds the waiter
            _compat.acquire(waiter, seconds)


class CheckState(object):
    """What is known of one check: its cached outcome, and the one that was reported last."""

    __slots__ = ("func", "is_admitted", "cached", "reported")

    def __init__(self, func):
        # type: (Any) -> None
        self.func = func  # held, so that no other function gets its id
        #: False if the check is being removed, or if a request made this that had read the checks
        #: before the check was removed.
        self.is_admitted = False
        self.cached = None  # type: Optional[Outcome]
        self.reported = Cell(None)


class ProcessState(object):
    """The runs and workers of this process, and the last runs of each check, by the check's key."""

    def __init__(self):
        # type: () -> None
        self.runs = {}  # type: Dict[Key, Run]
        #: By key, the last run of a check whose claim was denied: another process runs it.
        self.denied = {}  # type: Dict[Key, Run]
        self.workers = {}  # type: Dict[Key, Worker]
        self.history = {}  # type: Dict[Key, Deque[PastRun]]

    def remember(self, run, outcome):
        # type: (Run, Outcome) -> None
        """Adds a run to the history of its check; one that has overrun failed."""
        history = self.history.setdefault(run.key, collections.deque(maxlen=HISTORY_LENGTH))
        history.append((outcome.passed and not run.has_overrun, outcome.response_time))

    def denied_since(self, key, moment):
        # type: (Key, float) -> Optional[Run]
        """The check's last run, if its claim was denied after that moment; else None."""
        run = self.denied.get(key)
        if run is None or run.denied_at is None or run.denied_at <= moment:
            return None
        return run

    def remove(self, run):
        # type: (Run) -> None
        """Unregisters a run, so that the next run of its check can be registered."""
        if self.runs.get(run.key) is run:
            self.runs.pop(run.key, None)

    def forget(self, key):
        # type: (Key) -> None
        """Stops the worker of a check and forgets its history; a run in progress continues."""
        self.history.pop(key, None)
        self.denied.pop(key, None)
        self.stop_worker(key)

    def worker_of(self, run):
        # type: (Run) -> Worker
        """The worker of a run's check; its first job starts its thread."""
        worker = self.workers.get(run.key)
        if worker is None:
            return self.workers.setdefault(run.key, Worker("healthcheck " + run.name))
        if worker.is_stopped:  # see stop_lost_worker, if two requests do this at once
            worker = self.workers[run.key] = Worker("healthcheck " + run.name)
        return worker

    def stop_lost_worker(self, run):
        # type: (Run) -> None
        """Stops the worker that executed a run if no later run can find it."""
        if run.worker is not None and self.workers.get(run.key) is not run.worker:
            run.worker.stop()

    def stop_worker(self, key):
        # type: (Key) -> None
        """Stops the worker of a check, which ends after the job that it runs; the next is new."""
        worker = self.workers.get(key)
        if worker is None:
            return
        try:
            try:
                self.workers.pop(key, None)
            finally:
                worker.stop()
        finally:  # an exception of a signal's handler may have interrupted the first
            worker.stop()

    def __del__(self):
        # type: () -> None
        # Nobody uses these checks any more. After an interrupted constructor there is no attribute.
        for worker in list(self.__dict__.get("workers", {}).values()):
            worker.stop()


class _Version(object):
    """One value of a cell, and the one that replaced it."""

    __slots__ = ("value", "successor")

    def __init__(self, value):
        # type: (Any) -> None
        self.value = value
        self.successor = {}  # type: Dict[int, _Version]


class Cell(object):
    """A value that is replaced only by those who have seen it: compare and set, without a lock."""

    __slots__ = ("_latest",)

    def __init__(self, value):
        # type: (Any) -> None
        self._latest = _Version(value)

    def latest(self):
        # type: () -> _Version
        """The present version; its `value` is what the cell holds."""
        version = self._latest
        while version.successor:  # not in _latest yet, or its writer was interrupted
            version = self._latest = version.successor[0]
        return version

    def replace(self, seen, value):
        # type: (_Version, Any) -> bool
        """Replaces the version that was seen; false where somebody else has replaced it."""
        version = _Version(value)
        if seen.successor.setdefault(0, version) is not version:
            return False
        self._latest = version
        return True
