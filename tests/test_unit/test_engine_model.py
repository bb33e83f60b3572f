"""The rules of cached outcomes as a small model, and any interleaving of requests against it.

`Model` and `Request` are the rules, written once more and shorter; `EngineMachine` lets hypothesis
choose what happens and compares each step of the package with the model. No time passes and no
two threads run at once: each request has a thread that stops where it runs a check and where it
waits, until the machine lets it go on.
"""
import pytest

from bottle_healthcheck import WARN, HealthCheck, ResultCache
from tests import internals
from tests.worlds import Actor, Gone, TakenOver, World
from tests.helpers import PY2, examples, need_module

hypothesis = need_module("hypothesis")
from hypothesis import stateful, strategies as st  # noqa: E402

EXAMPLES = examples(10, "MODEL_EXAMPLES")

#: What a check may do. Fractions of time are binary, so that sums are exact.
ENDS = [(True, "fine"), (True, "well"), (WARN, "slow"), (False, "down"), ValueError("refused"),
        Gone()]
TICKS = [0.5, 1, 1.5, 2, 3, 4, 8, 10, 12.25, 40]


# The model

class Setting(object):
    """How one HealthCheck reads one check; all in seconds."""

    def __init__(self, timeout, success_ttl, failed_ttl, stale=0):
        self.timeout = timeout
        self.run_limit = 10 if timeout is None else timeout
        self.lifetimes = {True: success_ttl or 0, False: failed_ttl or 0}
        self.stale = 0 if timeout is None else stale


class Outcome(object):
    """An outcome: what a check said, or what is said of one that does not return.

    passed is True, False or WARN.
    """

    def __init__(self, passed, output, now):
        self.passed, self.output, self.timestamp, self.since = passed, output, now, now


class Run(object):
    def __init__(self, now):
        self.started, self.outcome, self.interrupted = now, None, False


class State(object):
    """What a process knows of a check; a fork's child knows it too, but for the run."""

    def __init__(self):
        self.cached, self.reported, self.run = None, None, None


class Model(object):
    """Every check's state, and what happens to it."""

    def __init__(self, names):
        self.now, self.known, self.lines = 1000.0, dict((name, State()) for name in names), []

    def age(self, name):
        return self.now - self.known[name].cached.timestamp

    def lifetime(self, name, setting):
        """0 where there is no result, or outcomes of its kind are not cached."""
        cached = self.known[name].cached
        return setting.lifetimes[bool(cached.passed)] if cached else 0

    def rule(self, name, setting, force=False):
        """Which of the rules of _engine/cache.py applies; run_check() uses no fresh result."""
        lifetime = self.lifetime(name, setting)
        if lifetime and self.age(name) < lifetime and not force:
            return 1
        run = self.known[name].run
        if run is None:
            return 2
        return 3 if self.now - run.started < setting.run_limit else 4

    def previous(self, name, setting):
        """A result for rule 3: expired less than its own lifetime ago, or as stale as allowed."""
        lifetime = self.lifetime(name, setting)
        overdue = lifetime and self.age(name) - lifetime
        return self.known[name].cached if lifetime and overdue < max(
            lifetime, setting.stale) else None

    def stale(self, name, setting):
        """A result that rule 2 answers with while a worker renews it."""
        lifetime = self.lifetime(name, setting)
        return self.known[name].cached if (
            lifetime and self.age(name) - lifetime < setting.stale) else None

    def boundaries(self, readers):
        """The moments to come at which a rule ends and another begins."""
        moments = set()
        for _, settings, _, _ in readers:
            for name, setting in settings:
                cached, run = self.known[name].cached, self.known[name].run
                if cached:
                    lifetime = setting.lifetimes[bool(cached.passed)]
                    moments.update(cached.timestamp + lifetime + more
                                   for more in (0, lifetime, setting.stale))
                if run:
                    moments.add(run.started + setting.run_limit)
        return sorted(moment for moment in moments if moment > self.now)

    def report(self, name, outcome):
        """The outcome that was reported last decides about log and since."""
        known = self.known[name]
        before, known.reported = known.reported, outcome
        if before and before.passed == outcome.passed:
            outcome.since = before.since
        elif before or not outcome.passed:
            level, state = "WARNING", "is failing"
            if outcome.passed is WARN:
                state = "is warning"
            elif outcome.passed:
                level, state = "INFO", "has recovered"
            self.lines.append((level, name, state))
        return outcome

    def complete(self, name, end):
        """The check returns: its result is cached, late or not."""
        known = self.known[name]
        passed, output = end if isinstance(end, tuple) else (False, str(end) or "Gone")
        outcome = known.run.outcome = self.report(name, Outcome(passed, output, self.now))
        known.cached = None if isinstance(end, Gone) else outcome
        known.run = None

    def interrupt(self, name):
        """The request is ended that runs the check: nothing is known, whoever waits runs it."""
        self.known[name].run.interrupted = True
        self.known[name].run = None

    def overrun(self, name, text):
        """What is reported of a check that does not return; never cached."""
        return self.report(name, Outcome(False, text, self.now))

    def clear(self):
        for known in self.known.values():
            known.cached = None

    def fork(self):
        for known in self.known.values():
            known.run = None


class Request(object):
    """What one request must do; `step` is called at its start and whenever it may go on."""

    def __init__(self, model, settings, force, refuses_threads):
        self.model, self.settings, self.force = model, settings, force
        self.refuses_threads = refuses_threads
        self.due = ([one for one in settings if one[1].timeout is not None]
                    + [one for one in settings if one[1].timeout is None])
        self.found, self.running, self.waits_until = {}, None, None
        self.limits, self.looked_up = {}, {}
        self.started, self.awaits = [], None
        self.is_new = True

    def step(self):
        """("runs", name), ("waits", until), or ("done", outcomes)."""
        if self.is_new:
            self.is_new = False
            self.use_fresh()
        if self.running:
            self.found[self.running] = self.found[self.running].outcome
            self.running = None
        while self.due:
            name, setting = self.due.pop(0)
            self.look_up(name, setting)
            if self.running:
                return "runs", self.running
        if self.waits_until is None:
            self.waits_until = self.model.now + 2
        for name, setting in self.settings:
            until = self.resolve(name, setting)
            if self.running:
                return "runs", self.running
            if until is not None:
                return "waits", until
        return "done", [self.found[name] for name, _ in self.settings]

    def use_fresh(self):
        """What is fresh when the request comes is used; only then do checks run."""
        for name, setting in self.settings:
            if self.model.rule(name, setting, self.force) == 1:
                self.found[name] = self.model.known[name].cached
        self.due = [one for one in self.due if one[0] not in self.found]

    def look_up(self, name, setting):
        model, known = self.model, self.model.known[name]
        self.looked_up.setdefault(name, model.now)
        rule = model.rule(name, setting, self.force)
        if rule == 1:
            self.found[name] = known.cached
        elif rule == 2:
            known.run = Run(model.now)
            self.started.append(name)
            inline = setting.timeout is None or self.refuses_threads()
            stale = None if inline or self.force else model.stale(name, setting)
            self.found[name] = stale or known.run
            self.running = name if inline else None
        elif rule == 3:
            previous = None if self.force else model.previous(name, setting)
            self.found[name] = previous or known.run
        else:
            self.found[name] = known.run

    def resolve(self, name, setting):
        """Turns a run into an outcome; until when to wait where that is still to come."""
        run = self.found[name]
        if isinstance(run, Run) and name not in self.limits:
            self.limits[name] = self.limit(name, run, setting)
        while isinstance(run, Run) and run.interrupted:
            self.look_up(name, setting)
            if self.running:
                return None
            run = self.found[name]
        if not isinstance(run, Run):
            return None
        if run.outcome:
            self.found[name] = run.outcome
            return None
        until, limit = self.limits[name]
        if self.model.now < until:
            self.awaits = run
            return until
        text = "still running after %.1f s" % (self.model.now - run.started)
        if limit:
            text = "timed out after %g s" % limit
        self.found[name] = self.model.overrun(name, text)
        return None

    def limit(self, name, run, setting):
        """(until when this request waits for the check, seconds that this is at most)."""
        if run.interrupted:
            until = self.looked_up[name] + setting.run_limit
        else:
            until = run.started + setting.run_limit
        if until <= self.looked_up[name]:
            return until, None
        if setting.timeout is None and self.waits_until < until:
            return self.waits_until, 2
        return until, setting.run_limit


# The package, made to stop and go

class Process(World):
    """A World whose waits and inline checks stop their thread."""

    def __init__(self):
        World.__init__(self)
        self.actor = None
        self.end = None
        process = self

        class Time(object):
            @staticmethod
            def time():
                return process.clock.now
        self.replaced += [(place, Time) for place in internals.WALL_CLOCKS]

    def wait(self, run, seconds):
        if not run.is_over:
            self.actor.event = run
            if self.actor.first_wait is None:
                self.actor.first_wait = self.clock.now
            self.actor.stop("waits", self.clock.now + seconds)

    def check(self, name):
        def run():
            end = self.actor.stop("runs", name) if self.actor else self.end
            if isinstance(end, BaseException):
                raise end
            return end
        run.__name__ = name
        return run


class EngineMachine(stateful.RuleBasedStateMachine):
    """Readers of three checks that share one cache, as several endpoints do."""

    def __init__(self):
        stateful.RuleBasedStateMachine.__init__(self)
        self.process = Process()
        self.lines = []
        self.package = TakenOver(self.process.replaced, self.note_line)
        self.actors, self.lost, self.jobs_of = [], [], []
        self.agrees = True
        names = ("db", "queue", "disk")
        self.model = Model(names)
        self.checks = dict((name, self.process.check(name)) for name in names)
        self.cache = ResultCache()
        self.readers = [
            self.reader([("db", Setting(3, 10, 4)), ("queue", Setting(1, 10, 4))]),
            self.reader([("db", Setting(None, 12, 2)), ("disk", Setting(None, 10, 4)),
                         ("queue", Setting(None, 10, None))]),
            self.reader([("disk", Setting(None, None, None)), ("db", Setting(3, 8, 4, 15)),
                         ("queue", Setting(4, 8, None, 2))]),
        ]

    def reader(self, settings):
        """(HealthCheck, its settings, what on_change notified, what it should have notified)."""
        notified = []
        stale = max(setting.stale for _, setting in settings)
        health = HealthCheck(
            cache=self.cache, timeout=99, stale_while_revalidate=stale,
            on_change=lambda previous, current, report: notified.append((previous, current)))
        for name, setting in settings:
            health.add_check(self.checks[name], timeout=setting.timeout,
                             success_ttl=setting.lifetimes[True],
                             failed_ttl=setting.lifetimes[False])
            setting.stale = stale if setting.timeout else 0
        return health, settings, notified, []

    # What may happen

    @stateful.rule(which=st.integers(0, 2))
    def a_request_comes(self, which):
        health, settings, _, _ = self.readers[which]
        self.begin(health.run, settings, which)

    @stateful.rule(which=st.integers(0, 2), index=st.integers(0, 2), on_demand=st.booleans())
    def a_request_for_one_check_comes(self, which, index, on_demand):
        health, settings, _, _ = self.readers[which]
        settings = [settings[index % len(settings)]]
        name = settings[0][0]
        self.begin((lambda: health.run_check(name)) if on_demand else
                   (lambda: health.run(check=name)), settings, None, force=on_demand)

    @stateful.precondition(lambda self: self.process.jobs)
    @stateful.rule(index=st.integers(0, 9), end=st.sampled_from(ENDS))
    def a_worker_ends_its_run(self, index, end):
        index %= len(self.process.jobs)
        self.process.actor, self.process.end = None, end
        self.model.complete(self.jobs_of.pop(index), end)
        self.process.jobs.pop(index)()

    @stateful.precondition(lambda self: self.running())
    @stateful.rule(index=st.integers(0, 9), end=st.sampled_from(ENDS))
    def a_request_ends_its_run(self, index, end):
        actor = self.running()[index % len(self.running())]
        if isinstance(end, Gone):
            self.model.interrupt(actor.at[1])
        else:
            self.model.complete(actor.at[1], end)
        self.go_on(actor, end, gone=isinstance(end, Gone))

    @stateful.precondition(lambda self: self.can_wake())
    @stateful.rule(index=st.integers(0, 9))
    def a_request_has_waited(self, index):
        self.go_on(self.can_wake()[index % len(self.can_wake())])

    @stateful.precondition(lambda self: self.waiting())
    @stateful.rule(index=st.integers(0, 9))
    def a_request_goes_away(self, index):
        self.go_on(self.waiting()[index % len(self.waiting())], Gone(), gone=True)

    @stateful.rule(seconds=st.sampled_from(TICKS))
    def time_passes(self, seconds):
        self.process.clock.tick(seconds)
        self.model.now += seconds

    @stateful.precondition(lambda self: self.model.boundaries(self.readers))
    @stateful.rule(index=st.integers(0, 30))
    def time_passes_until_something_ends(self, index):
        boundaries = self.model.boundaries(self.readers)
        self.time_passes(boundaries[index % len(boundaries)] - self.model.now)

    @stateful.rule(what=st.sampled_from([
        "the_cache_is_cleared", "a_fork", "threads_are_refused_or_not", "a_drain_is_over"]))
    def something_rare_happens(self, what):
        getattr(self, what)()

    def the_cache_is_cleared(self):
        self.cache.clear()
        self.model.clear()

    def a_drain_is_over(self):
        before = [list(notified) for _, _, notified, _ in self.readers], list(self.lines)
        for health, _, _, _ in self.readers:
            health.drain("for now")
            report = health.run()
            assert (report.passed, report.results[0]["output"]) == (False, "for now")
            health.resume()
        assert before == ([notified for _, _, notified, _ in self.readers], self.lines)

    def threads_are_refused_or_not(self):
        self.process.refuses_threads = not self.process.refuses_threads

    def a_fork(self):
        self.process.fork()
        self.model.fork()
        self.lost += self.actors
        del self.actors[:], self.jobs_of[:]

    # What must hold

    @stateful.invariant()
    def a_check_never_runs_twice_at_once(self):
        running = self.jobs_of + [actor.at[1] for actor in self.running()]
        assert len(running) == len(set(running))
        assert len(self.process.jobs) == len(self.jobs_of)

    @stateful.invariant()
    def no_request_waits_longer_than_it_may(self):
        for actor in self.waiting():
            longest = max([2] + [setting.timeout for _, setting in actor.expected.settings
                                 if setting.timeout is not None])
            assert actor.at[1] - actor.first_wait <= longest

    @stateful.invariant()
    def the_end_of_a_run_wakes_all_who_wait_for_it(self):
        for actor in self.waiting():
            run = actor.expected.awaits
            assert actor.event.is_over is (run.outcome is not None or run.interrupted)

    @stateful.invariant()
    def the_log_has_one_line_for_each_change(self):
        assert self.lines == self.model.lines
        for name in self.checks:
            states = [state for _, one, state in self.lines if one == name]
            assert not [state for state, later in zip(states, states[1:]) if state == later]
            assert states[:1] != ["has recovered"]

    @stateful.invariant()
    def each_change_is_notified_once(self):
        for _, _, notified, expected in self.readers:
            assert notified == expected

    def teardown(self):
        """After any history a healthy check ends up healthy, and every result is cached."""
        try:
            if not self.agrees:
                return
            self.come_to_rest()
            self.time_passes(1000)
            self.process.refuses_threads = False
            for which in range(3):
                self.a_request_comes(which)
                self.come_to_rest()
                actor = self.finished
                assert all(result["passed"] for result in actor.answer.results)
                assert actor.answer.passed
            self.the_log_has_one_line_for_each_change()
            self.each_change_is_notified_once()
        finally:
            for actor in self.actors + self.lost:
                while actor.at[0] in ("runs", "waits"):
                    self.process.actor = actor
                    actor.go_on(Gone())
            self.package.give_back()

    # How it is done

    def note_line(self, record):
        name = record.args[0]
        words = record.getMessage().split(name, 1)[1].split(":")[0]
        self.lines.append((record.levelname, name, words.strip()))

    def begin(self, request, settings, which, force=False):
        fresh = [name for name, setting in settings if self.model.rule(name, setting, force) == 1]
        expected = Request(self.model, settings, force, lambda: self.process.refuses_threads)
        actor = Actor(request, expected, which)
        self.actors.append(actor)
        self.go_on(actor)
        assert not set(fresh) & set(expected.started), "a fresh result was run again"

    def go_on(self, actor, orders=None, gone=False):
        """Lets a request go on, and compares where it stops with where it should."""
        jobs = len(self.process.jobs)
        started = len(actor.expected.started)
        self.process.actor = actor
        actor.go_on(orders)
        self.process.actor = None
        stops = ("gone",) if gone else actor.expected.step()
        if actor.at[0] not in ("runs", "waits"):
            self.actors.remove(actor)
        names = [name for name in actor.expected.started[started:]
                 if name != actor.expected.running]
        self.jobs_of += names[:len(self.process.jobs) - jobs]
        self.agrees = False
        assert actor.at[0] == stops[0]
        if stops[0] == "done":
            self.compare(actor, stops[1])
        else:
            assert actor.at == stops
        self.agrees = True

    def compare(self, actor, outcomes):
        """The answer, and what on_change was to hear of it."""
        self.finished = actor
        results = getattr(actor.answer, "results", [actor.answer])
        for result, outcome, (name, setting) in zip(results, outcomes, actor.expected.settings):
            assert (result["checker"], result["output"], result["timestamp"], result["since"]) == (
                name, outcome.output, outcome.timestamp, outcome.since)
            assert result["passed"] is bool(outcome.passed)
            assert result.get("critical", True) is (outcome.passed is not WARN)
        assert len(results) == len(outcomes)
        if actor.reader is not None:
            _, settings, _, expected = self.readers[actor.reader]
            last = [self.model.known[name].reported for name, _ in settings]
            if all(last):
                status = "success"
                if [one for one in last if one.passed is False]:
                    status = "failure"
                before = expected[-1][1] if expected else None
                if status != before:
                    expected.append((before, status))

    def running(self):
        return [actor for actor in self.actors if actor.at[0] == "runs"]

    def waiting(self):
        return [actor for actor in self.actors if actor.at[0] == "waits"]

    def can_wake(self):
        return [actor for actor in self.waiting()
                if actor.event.is_over or actor.at[1] <= self.process.clock.now]

    def come_to_rest(self):
        """Every check returns, healthy, and every request is answered."""
        for _ in range(10000):
            if not self.process.jobs and not self.actors:
                return
            if self.process.jobs:
                self.a_worker_ends_its_run(0, (True, "healthy"))
            elif self.running():
                self.a_request_ends_its_run(0, (True, "healthy"))
            elif self.can_wake():
                self.a_request_has_waited(0)
            else:
                self.time_passes(0.5)
        raise AssertionError("requests or runs are left that do not end")


EngineMachine.TestCase.settings = hypothesis.settings(
    max_examples=EXAMPLES, stateful_step_count=50, deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow])


@pytest.mark.examples
@pytest.mark.skipif(PY2, reason="hypothesis for Python 2 is too old")
class TestEngine(EngineMachine.TestCase):
    pass
