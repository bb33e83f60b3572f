"""Cached outcomes, and one run of a check at a time.

P is how long a run may take, `check.run_limit`: the check's timeout, or 10 s without one. For each
check, a request follows the first of these rules that applies:

1. There is a fresh outcome: it uses that.
2. The check is not running: it starts the check. Without a timeout that runs in the request's own
   thread, else in the check's worker thread, for which the request waits until P after the start.
   An outcome that expired less than stale_while_revalidate ago is used at once instead.
3. The check has been running for less than P: it uses the previous outcome if that expired less
   than its own lifetime ago, or less than stale_while_revalidate. Otherwise it waits for the run:
   until P after its start, or for 2 s if that is earlier and the check has no timeout (it is an
   inline check then). The 2 s are for all inline checks together, and begin when the request has
   run its own due checks. After the wait it reports a failure ("timed out after 2 s").
4. The check has been running for longer than P: it reports a failure at once ("still running after
   12.3 s").

With a backend, rule 2 first claims the run in the thread that would run the check. If another
process has a fresh outcome, that is used. If another process runs the check, this one acts by rule
3 and looks again every 0.2 s. Time that the backend takes counts against the request, but is no
failure of the check: where it left the check no time, the request uses the previous outcome as in
3, or a failure that says so and that is not reported as one of the check.
"""
import functools
import os
import time
import weakref

from .. import _compat
from .._validation import wrong_type
from . import transitions
from .results import NOTHING, Snapshot
from .runs import HISTORY_LENGTH, CheckState, Outcome, ProcessState, Run
from .shared import SharedLock, SharedResults
from .waiting import MAX_DELAY, Wait, inline_deadline

MYPY = False
if MYPY:
    from typing import Any, Dict, List, Optional, Sequence, Tuple, Union

    from .._types import PastRun
    from .check import Check
    from .runs import Key

#: How fresh a cached outcome is, the freshest first; EXPIRED must not be used.
FRESH, STALE, PREVIOUS, EXPIRED = range(4)

#: Seconds between two looks for the outcome of another process's run.
POLL_INTERVAL = 0.2

#: Takes the roles of a run that is given up.
GIVEN_UP = object()

#: Calls within calls that running a check takes at most, beside the check's own.
CALLS_OF_RUN = 80


class ResultCache(object):
    """The results of checks in this process; give it to several HealthChecks to share them.

    A function that several of them check runs once for all, whatever names they give it.

    With a backend the results are shared among processes and hosts as well, by the checks'
    names: a client of redis-py or pymemcache, or an object with `get(key)`, `set(key, value,
    timeout=seconds)` and `add(key, value, timeout=seconds)`, such as cachelib's caches and
    Django's. It is called in the thread that runs the check, without a timeout the request's: give
    its client a socket timeout. prefix separates the results of different services. Raises
    TypeError or ValueError for an argument that makes no sense.
    """

    def __init__(self, backend=None, prefix=None):
        # type: (Any, Optional[str]) -> None
        if backend is None and prefix is not None:
            raise ValueError("prefix is given without a backend: results stay in this process")
        self._shared = None  # type: Optional[SharedResults]
        if backend is not None:
            self._shared = SharedResults(backend, prefix)
        self._states = {}  # type: Dict[Key, CheckState]  # by the checks' keys
        self._names = {}  # type: Dict[str, Key]  # the keys of checks by name, with a backend
        #: Weak references, by id.
        self._registries = {}  # type: Dict[int, weakref.ref[Any]]
        #: By process id: made on first use, again after a fork.
        self._processes = {}  # type: Dict[int, ProcessState]
        #: Replaced by a new object whenever something changes that a response may show.
        self.generation = object()

    def clear(self):
        # type: () -> None
        """Forgets every result, so that each check runs on the next request.

        A run in progress continues, and its outcome is cached. With a backend the shared results
        are deleted too, but not those that other processes have cached.
        """
        if self._shared is not None:  # first: a shared result might be cached here again
            for name in list(self._names):
                self._shared.forget(name)
        self.generation = object()  # now too: an exception of a signal's handler may end this
        for state in list(self._states.values()):
            state.cached = None
        self.generation = object()

    # Registered checks

    def attach(self, registry):
        # type: (Any) -> None
        """Notes a registry whose checks use this cache, by a weak reference."""
        cache_reference = weakref.ref(self)  # forget must not keep the cache alive

        def forget(_):
            # type: (Any) -> None
            cache = cache_reference()
            if cache is not None:
                cache.forget_unregistered()
        self._registries[id(registry)] = weakref.ref(registry, forget)

    def detach(self, registry):
        # type: (Any) -> None
        """Forgets a registry, and the results of checks that no other one has registered."""
        self._registries.pop(id(registry), None)
        self.forget_unregistered()

    def admit(self, check):
        # type: (Check) -> None
        """Notes a check; ValueError if with a backend another check has the same name."""
        if self._shared is not None:
            if self._names.get(check.__name__, check.key) != check.key:
                self.forget_unregistered()  # an interrupted removal may have left the name
            if self._names.setdefault(check.__name__, check.key) != check.key:
                raise ValueError("another check named %r shares its results through this cache: "
                                 "give this one another name" % check.__name__)
        self._state(check).is_admitted = True

    def forget_unregistered(self):
        # type: () -> None
        """Forgets results, workers and names of checks that no HealthCheck registers any more."""
        # Before the registries are looked at: what is admitted meanwhile stays.
        known_names, known_states = list(self._names.items()), list(self._states.items())
        keys, names = set(), set()
        for number, reference in list(self._registries.items()):
            registry = reference()
            if registry is None:
                self._registries.pop(number, None)
                continue
            for check in registry.items:
                keys.add(check.key)
                names.add((check.__name__, check.key))
        for name, key in known_names:
            if (name, key) not in names and self._names.get(name) == key:
                self._names.pop(name, None)
        process = self._process()
        for key, state in known_states:
            if key not in keys:
                state.is_admitted = False  # first: see _forget_if_removed
                process.forget(key)
                state.cached = None  # results that were made of it, if it is registered again
                self.generation = object()
                self._states.pop(key, None)  # last: the next call goes on if this is interrupted

    def _forget_if_removed(self, key):
        # type: (Key) -> None
        """Forgets what a run has left of a check that was removed before the run ended.

        A removal marks the check's state first and forgets the rest then; a run stores first what
        it leaves and looks at the state then. So one of the two finds it.
        """
        state = self._states.get(key)
        if state is None:
            self._process().forget(key)
        elif not state.is_admitted:
            self.forget_unregistered()

    # Their results

    def snapshot_of(self, checks, previous=None):
        # type: (Sequence[Check], Optional[Snapshot]) -> Snapshot
        """A result of each check: a cached one, or that of a run, which may be executed here.

        previous is an earlier snapshot: results of the same checks that are still valid are reused.
        """
        generation = self.generation  # first: what changes after this is seen by the next request
        now = _compat.monotonic()
        if previous is None or previous.checks is not checks:
            previous = Snapshot(checks, [self._cached_result(check) for check in checks])
        changed = previous.changed(generation)
        due = previous.expired(now)
        if not changed and not due:
            return previous
        snapshot = previous.copy()
        if changed:
            # A result that is fresh now is used, even if clear() is called while other checks run.
            for index in changed:
                snapshot.replace(index, self._cached_result(checks[index]))
            due = snapshot.expired(now)
        found = {}
        # Workers start first, then this thread runs the other checks.
        for index in sorted(due, key=lambda index: checks[index].timeout is None):
            found[index] = self._look_up(checks[index])
        # Read after this request's own checks have run. One deadline for all that it waits for.
        deadline = inline_deadline()
        for index in due:
            check = checks[index]
            outcome = self._resolve(found[index], deadline)
            snapshot.replace(index, check.use(outcome, self._states.get(check.key)))
        return snapshot

    def _cached_result(self, check):
        # type: (Check) -> Any
        """The result of a check's cached outcome, fresh or not; NOTHING where there is none."""
        state = self._states.get(check.key)
        if state is None:
            return NOTHING
        cached = state.cached
        if cached is None:
            return NOTHING
        return check.use(cached, state)

    def run(self, check):
        # type: (Check) -> Outcome
        """Runs the check now, or waits for its run in progress as any request does: the outcome."""
        found = self._look_up(check, force=True)
        return self._resolve(found, inline_deadline())

    def reported(self, check):
        # type: (Check) -> Optional[Outcome]
        """The outcome of a check that was reported last, expired or not; None without one."""
        state = self._states.get(check.key)
        if state is None:
            return None
        outcome = state.reported.latest().value  # type: Optional[Outcome]
        return outcome

    def reported_of(self, checks):
        # type: (Sequence[Check]) -> Snapshot
        """The results that were reported last, of those checks that have one."""
        known, results = [], []
        for check in checks:
            outcome = self.reported(check)
            if outcome is not None:
                known.append(check)
                results.append(check.result(outcome))
        return Snapshot(known, results)

    def history(self, check):
        # type: (Check) -> List[PastRun]
        """(passed, seconds) of the last runs in this process, oldest first; an overrun has failed.

        A run in progress that has been reported as an overrun is the last of them.
        """
        process = self._process()
        run = process.runs.get(check.key)
        history = list(process.history.get(check.key, ()))
        if run is not None and run.started is not None and run.has_overrun:
            history.append((False, _compat.monotonic() - run.started))
        return history[-HISTORY_LENGTH:]

    # Rules 1 to 3

    def _look_up(self, check, force=False):
        # type: (Check, bool) -> Union[Outcome, Wait]
        """A cached outcome that may be used, or the wait for a run, which may be started here.

        force ignores cached outcomes: only a run counts that ends after this call.
        """
        state = self._state(check)
        cached, now = state.cached, _compat.monotonic()
        freshness = EXPIRED
        if not force:
            freshness = freshness_of(cached, check, now)
        if cached is not None and freshness == FRESH:
            return cached
        run, is_mine = self._join_or_start(check, state, cached, now, force)
        outcome = run.usable_outcome(force)
        if outcome is not None:
            return outcome
        if is_mine and not run.is_over:
            may_use_cached = freshness == STALE
        else:
            may_use_cached = freshness < EXPIRED and not run.is_late(check.run_limit, now)
        if cached is not None and may_use_cached:
            return cached
        return Wait(check, state, run, now, force)

    def _join_or_start(self, check, state, cached, now, force):
        # type: (Check, CheckState, Optional[Outcome], float, bool) -> Tuple[Run, bool]
        """The run of the check that goes on, here or in another process; else a new one.

        True with it if this request has started it. Even if this is interrupted, no run stays
        registered that no thread executes.
        """
        process = self._process()
        run = process.runs.get(check.key)
        if run is not None and not self._give_up_if_held(run, check, now):
            return run, False
        if not force and self._shared is not None:
            denied = process.denied_since(check.key, now - POLL_INTERVAL)
            if denied is not None:
                return denied, False
        _refuse_full_stack(CALLS_OF_RUN)
        new = Run(check.key, check.__name__, cached)
        try:
            try:
                run = process.runs.setdefault(check.key, new)
                if run is new:
                    self._start(new, check, state, force)
                return run, run is new
            finally:
                self._end_if_nobody_executes(new)
        finally:  # an exception of a signal's handler may have interrupted the first
            self._end_if_nobody_executes(new)

    def _give_up_if_held(self, run, check, now):
        # type: (Run, Check, float) -> bool
        """Gives up a run whose thread the client of the shared cache holds; true if it did.

        The next run has another worker; the old one ends when the client returns.
        """
        if not run.has("starter", GIVEN_UP):  # else who gave it up was interrupted
            is_late = run.started is None and run.is_late(check.run_limit, now)
            if self._shared is None or not is_late or not self._shared.hangs():
                return False
            if not run.take("starter", GIVEN_UP):
                return False
            self._shared.note_silence(check, now - run.registered_at)
        run.take("executor", GIVEN_UP)  # if it is not in the client yet, it need not begin
        if run.worker is not None:
            run.worker.stop()  # first: the next run looks for a worker when this one is gone
        self._unregister_and_wake(run)
        return True

    def _start(self, run, check, state, force):
        # type: (Run, Check, CheckState, bool) -> None
        """Executes a run that is registered, or has the check's worker do so."""
        has_news = state.cached is not None and state.cached is not run.cached_before
        if has_news and not force:
            # Another run ended between our look at the cache and our registration.
            run.outcome = state.cached
            return
        is_to_claim = self._shared is not None and not force
        if self._shared is None:
            run.started = _compat.monotonic()
        if check.timeout is not None:
            job = functools.partial(self._execute, run, check, state, is_to_claim, in_worker=True)
            for _ in range(2):  # a removal may stop the first worker meanwhile
                run.worker = self._process().worker_of(run)
                run.is_handed_over = run.worker.submit(job)
                if run.is_handed_over or not run.worker.is_stopped:
                    break
        if not run.is_handed_over:
            self._execute(run, check, state, is_to_claim)

    def _end_if_nobody_executes(self, run):
        # type: (Run) -> None
        """Ends a run of this request that no thread executes or is going to execute."""
        if run.is_over or run.is_handed_over:
            return
        is_registered = self._process().runs.get(run.key) is run
        if is_registered and run.take("executor", run):
            self._end(run)

    # Executing

    def _execute(self, run, check, state, is_to_claim, in_worker=False):
        # type: (Run, Check, CheckState, bool, bool) -> None
        """Runs the check in this thread unless another process does; always ends the run.

        The two `finally` survive one exception of a signal's handler, not two.
        """
        me = object()
        try:
            try:
                if not run.take("executor", me):  # its request was interrupted
                    return
                if is_to_claim:
                    may_run = self._claim(run, check, state)
                else:
                    may_run = run.take("starter", me)
                if not may_run:
                    return
                if run.started is None:  # the worker may have been busy with the shared cache
                    run.started = _compat.monotonic()
                outcome = check.execute(in_worker)
                self._complete(run, state, outcome)
                self._process().remember(run, outcome)
                if self._shared is not None:
                    self._publish(run, check, outcome)
            finally:
                if run.has("executor", me):
                    self._end(run)
        finally:  # an exception of a signal's handler may have interrupted the first
            if run.has("executor", me):
                self._end(run)

    def _claim(self, run, check, state):
        # type: (Run, Check, CheckState) -> bool
        """Claims the run from the other processes; true if this one has to run the check."""
        run.lock = SharedLock()
        run.asked_at = _compat.monotonic()
        claim = self._shared.claim(  # type: ignore[union-attr]
            check, state.cached, run.lock, run.asked_at)
        if not run.take("starter", run.lock):  # it took so long that another run has begun
            return False
        now = _compat.monotonic()
        if claim.outcome is not None:
            self._complete(run, state, claim.outcome)
            return False
        if not claim.may_run:
            run.denied_at = now
            self._process().denied[run.key] = run
            return False
        run.started = now
        return True

    def _complete(self, run, state, outcome):
        # type: (Run, CheckState, Outcome) -> None
        """Reports and caches the outcome of a run, and wakes the requests that wait for it."""
        transitions.report_completion(state, run, outcome)
        cached = None
        if outcome.is_cacheable:
            cached = outcome
        state.cached = cached
        run.outcome = outcome
        self._unregister_and_wake(run)

    def _unregister_and_wake(self, run):
        # type: (Run) -> None
        """Unregisters a run, so that the next can start, and wakes requests that wait for it."""
        self.generation = object()
        self._process().remove(run)
        run.wake_waiters()

    def _end(self, run):
        # type: (Run) -> None
        """Ends a run, if it has not ended, and releases its lock; may be called again."""
        if not run.is_over:
            self._unregister_and_wake(run)
        run.wake_waiters()  # again: it may have been interrupted
        if run.lock is not None and self._shared is not None:
            self._shared.release(run.lock)
        self._process().stop_lost_worker(run)
        self._forget_if_removed(run.key)

    def _publish(self, run, check, outcome):
        # type: (Run, Check, Outcome) -> None
        """Shares an outcome with the other processes, and releases the lock: they may run it."""
        lifetime = check.lifetime(outcome.passed)
        if lifetime and outcome.is_cacheable:
            self._shared.publish(  # type: ignore[union-attr]
                check.__name__, outcome, lifetime)
        if run.lock is not None:
            self._shared.release(run.lock)  # type: ignore[union-attr]

    # Rules 3 and 4

    def _resolve(self, found, deadline):
        # type: (Union[Outcome, Wait], float) -> Outcome
        """The outcome that was found; waits for a pending run, until the deadline at most."""
        if isinstance(found, Outcome):
            return found
        wait = found
        wait.begin(deadline)
        while True:
            if wait.run.denied_at is None or wait.force:
                outcome = self._outcome_of_wait(wait)
                if outcome is not None:
                    return outcome
            else:  # another process runs the check
                wait.was_denied = True
                now = _compat.monotonic()
                next_look = wait.run.denied_at + POLL_INTERVAL
                if wait.until <= now < next_look:
                    return self._overrun(wait)
                pause = min(next_look, wait.until) - now
                if pause > 0:
                    time.sleep(pause)
            found = self._look_up(wait.check, wait.force)
            if isinstance(found, Outcome):
                return found
            wait.run, wait.state, wait.looked_at = found.run, found.state, found.looked_at

    def _outcome_of_wait(self, wait):
        # type: (Wait) -> Optional[Outcome]
        """The outcome of a run, or a failure at the deadline; None if the run ended without one."""
        run = wait.run
        run.wait_until(wait.until)
        if not wait.was_late and run.started is not None and run.started > wait.looked_at:
            # The shared cache was queried first: the check gets its whole limit, if it can.
            run.wait_until(min(run.started + wait.limit, wait.latest))
        outcome = run.usable_outcome(wait.force)
        if outcome is not None:
            return outcome
        if run.is_over:
            return None
        if self._is_delayed(wait):
            return self._outcome_of_delay(wait)
        return self._overrun(wait)

    def _is_delayed(self, wait):
        # type: (Wait) -> bool
        """Whether the shared cache or another process has used up the time of a request."""
        if self._shared is None:
            return False
        if wait.run.started is not None:
            return not wait.run_had_its_time()
        if not wait.was_denied:
            return True
        return _compat.monotonic() - wait.looked_at > MAX_DELAY

    def _outcome_of_delay(self, wait):
        # type: (Wait) -> Outcome
        """The previous outcome if it may be used, else a failure that says what took the time.

        That is not reported as a change of the check, which may be healthy.
        """
        run = wait.run
        now = _compat.monotonic()
        if run.started is None and run.asked_at is not None and self._shared is not None:
            self._shared.note_silence(wait.check, now - run.asked_at)
        cached = wait.state.cached  # type: Optional[Outcome]
        may_use_cached = not wait.force and freshness_of(cached, wait.check, now) < EXPIRED
        if cached is not None and may_use_cached:
            return cached
        cause, seconds = "the shared cache", now - wait.looked_at
        if run.started is not None:
            seconds = run.started - wait.since
            if wait.was_denied:
                cause = "another process's run"
        text = "%s took %.1f s of %g s" % (cause, seconds, wait.limit)
        if wait.was_late:
            text = "the shared cache has not answered for %.1f s" % (now - run.registered_at)
        outcome = Outcome(False, text, 0.0)
        outcome.is_cacheable = False
        return outcome

    def _overrun(self, wait):
        # type: (Wait) -> Outcome
        """Reports a failure that says how late a run is; returns its outcome if it has one."""
        run, seconds = wait.run, 0.0
        if run.started is not None:
            seconds = _compat.monotonic() - run.started
        # Where not, another process's run has used up the time, or one that was interrupted.
        is_of_this_run = wait.run_had_its_time()
        text = "still running after %.1f s" % seconds
        if not wait.was_late:
            text = "timed out after %g s" % wait.limit
            seconds = max(seconds, wait.limit)  # the run may be another process's
        overrun = Outcome(False, text, seconds)
        overrun.is_cacheable = False
        overrun.is_overrun = True
        outcome = transitions.report_overrun(wait.state, run, overrun)
        if outcome is overrun:
            run.has_overrun = is_of_this_run
            self.generation = object()
        return outcome

    # States

    def _state(self, check):
        # type: (Check) -> CheckState
        state = self._states.get(check.key)
        if state is None:
            state = self._states.setdefault(check.key, CheckState(check.func))
        return state

    def _process(self):
        # type: () -> ProcessState
        """This process's state, made on first use and again after a fork."""
        pid = os.getpid()
        process = self._processes.get(pid)
        if process is None:
            process = self._processes.setdefault(pid, ProcessState())
            for other in [one for one in list(self._processes) if one != pid]:
                self._processes.pop(other, None)  # a later process may get that pid again
        return process


def freshness_of(cached, check, now):
    # type: (Optional[Outcome], Check, float) -> int
    """How fresh a check's cached outcome is now: FRESH, STALE, PREVIOUS or EXPIRED."""
    if cached is None:
        return EXPIRED
    lifetime = check.lifetime(cached.passed)
    if not lifetime:  # such outcomes are not cached
        return EXPIRED
    overdue = now - cached.completed - lifetime
    if overdue < 0:
        return FRESH
    if overdue < check.stale_while_revalidate:
        return STALE
    if overdue < lifetime:
        return PREVIOUS
    return EXPIRED


def _refuse_full_stack(calls):
    # type: (int) -> None
    """Raises RecursionError (RuntimeError) if the stack has no room for so many more calls.

    During a run that would hit its end, too, and leave the run registered for ever.
    """
    if calls:
        _refuse_full_stack(calls - 1)


def validate_cache(cache):
    # type: (Any) -> ResultCache
    """The given cache, or a new one for None; TypeError for anything else."""
    if cache is None:
        return ResultCache()
    if not isinstance(cache, ResultCache):
        raise wrong_type("cache", cache, "a ResultCache, such as another HealthCheck's .cache")
    return cache
