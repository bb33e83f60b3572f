"""Several processes that share a cache server, in any interleaving of what each of them does.

Hypothesis chooses what happens. Each request and each worker has a thread that stops where it calls
the server, where it runs a check and where it waits, until the machine lets it go on; no time
passes by itself, and no two threads run at once.
"""
import json

import pytest

from bottle_healthcheck import HealthCheck, ResultCache
from tests import internals
from tests.helpers import PY2, FakeClock, examples, need_module
from tests.worlds import Actor, CacheServer, Gone, TakenOver

hypothesis = need_module("hypothesis")
from hypothesis import stateful, strategies as st  # noqa: E402

EXAMPLES = examples(10, "MODEL_EXAMPLES")

#: The checks' timeouts in seconds.
TIMEOUTS = {"db": 3, "mail": 1, "disk": None}
RUN_LIMITS = {"db": 3, "mail": 1, "disk": 10}

#: What the endpoints of each process show; requests for the first two never run a check themselves.
READERS = [("db", "mail"), ("db",), ("disk",), ("db", "disk", "mail")]

#: Seconds that a request may wait longer than for the check: the shared cache was asked first.
DELAY = 0.1

#: Seconds for which an outcome is fresh, by whether the check passed.
LIFETIMES = {True: 10, False: 4}

TICKS = [0.0625, 0.25, 0.5, 1, 3, 4, 10, 12]


class Store(CacheServer):
    """A cache server on the machine's clock; each call stops its thread first."""

    def __init__(self, machine):
        CacheServer.__init__(self, machine.clock)
        self.machine = machine

    def call(self, method, key, value=None, timeout=None):
        order = self.machine.actor.stop("asks", method)
        if order == "fails":
            raise IOError("connection refused")
        answer = CacheServer.call(self, method, key, value, timeout)
        if order == "loses the answer":
            raise IOError("timed out")
        return answer


class Worker(object):
    """What a check's worker was handed, and the job that it runs."""

    def __init__(self, process):
        self.process, self.jobs, self.actor, self.is_stopped = process, [], None, False
        process.workers.append(self)

    def submit(self, job):
        self.jobs.append(job)
        return True

    def stop(self):
        self.is_stopped = True


class Process(object):
    """One process: a cache of its own on the common server, and its endpoints."""

    def __init__(self, machine):
        self.workers, self.actors = [], []
        self.cache = ResultCache(backend=machine.store, prefix="shop")
        self.checks = dict((name, self._check(machine, name)) for name in TIMEOUTS)
        self.healths = [self._health(names) for names in READERS]

    def _check(self, machine, name):
        def run():
            passed = True
            if machine.mode != "healthy":
                machine.note_second_run(self, name)
                actor = machine.actor
                actor.since = machine.clock.now
                passed = actor.stop("runs", name)
                if machine.clock.now >= actor.since + RUN_LIMITS[name]:
                    machine.had_late_run = True
            machine.number += 1
            shared_until = machine.clock.now + 2 * LIFETIMES[passed]
            machine.actor.completed = name, machine.number, shared_until
            return passed, machine.number
        run.__name__ = name
        return run

    def _health(self, names):
        health = HealthCheck(cache=self.cache, success_ttl=LIFETIMES[True],
                             failed_ttl=LIFETIMES[False])
        for name in names:
            health.add_check(self.checks[name], timeout=TIMEOUTS[name])
        return health


class FleetMachine(stateful.RuleBasedStateMachine):
    """mode: the server "works", it "fails" at times, or it fails and all checks are "healthy".

    Healthy checks return at once, in the only process.
    """

    def __init__(self):
        stateful.RuleBasedStateMachine.__init__(self)
        machine = self
        self.clock = FakeClock()
        self.store = Store(self)
        self.number, self.mode, self.actor = 0, "works", None
        self.processes, self.lost, self.second_runs = [], [], []
        self.starting, self.had_late_run = None, False
        self.lines = []

        class Time(object):
            @staticmethod
            def time():
                return 1.7e9 + machine.clock.now

            @staticmethod
            def sleep(seconds):
                machine.actor.stop("sleeps", machine.clock.now + seconds)

        def wait(run, seconds):
            if not run.is_over:
                machine.actor.event = run
                machine.actor.stop("waits", machine.clock.now + seconds)

        replaced = [(internals.CLOCK, self.clock), (internals.WAIT, wait),
                    (internals.WORKER, lambda name: Worker(self.starting))]
        replaced += [(place, Time) for place in internals.WALL_CLOCKS]
        self.package = TakenOver(
            replaced, lambda record: self.lines.append(record.getMessage()))

    @stateful.initialize(mode=st.sampled_from(["works", "works", "fails", "healthy"]),
                         processes=st.integers(2, 3))
    def the_service_starts(self, mode, processes):
        self.mode = mode
        if mode == "healthy":
            processes = 1
        self.processes = [Process(self) for _ in range(processes)]

    # What may happen

    @stateful.rule(process=st.integers(0, 2), reader=st.integers(0, 3))
    def a_request_comes(self, process, reader):
        process = self.processes[process % len(self.processes)]
        actor = Actor(process.healths[reader].run, None, reader)
        actor.process, actor.began, actor.promised = process, self.clock.now, {}
        actor.completed = None
        process.actors.append(actor)
        self.go_on(actor)

    @stateful.precondition(lambda self: self.idle_workers())
    @stateful.rule(index=st.integers(0, 9))
    def a_worker_begins(self, index):
        worker = self.idle_workers()[index % len(self.idle_workers())]
        worker.actor = actor = Actor(worker.jobs.pop(0), None, None)
        actor.process, actor.worker, actor.completed = worker.process, worker, None
        self.go_on(actor)

    @stateful.precondition(lambda self: self.at("asks"))
    @stateful.rule(index=st.integers(0, 9))
    def the_server_answers(self, index):
        self.go_on(self.at("asks")[index % len(self.at("asks"))])

    @stateful.precondition(lambda self: self.mode != "works" and self.at("asks"))
    @stateful.rule(index=st.integers(0, 9), how=st.sampled_from(["fails", "loses the answer"]))
    def the_server_fails(self, index, how):
        self.go_on(self.at("asks")[index % len(self.at("asks"))], how)

    @stateful.precondition(lambda self: self.at("runs"))
    @stateful.rule(index=st.integers(0, 9), passed=st.sampled_from([True, True, False]))
    def a_check_returns(self, index, passed):
        self.go_on(self.at("runs")[index % len(self.at("runs"))], passed)

    @stateful.precondition(lambda self: self.at("runs"))
    @stateful.rule(index=st.integers(0, 9))
    def a_check_is_interrupted(self, index):
        actor = self.at("runs")[index % len(self.at("runs"))]
        if actor.reader is not None:  # a worker goes on whatever happens
            self.go_on(actor, Gone())

    @stateful.precondition(lambda self: self.can_wake())
    @stateful.rule(index=st.integers(0, 9))
    def a_request_has_waited(self, index):
        actor = self.can_wake()[index % len(self.can_wake())]
        if actor.at[0] == "waits" and actor.event.outcome is not None:
            actor.promised[actor.event.name] = actor.event.outcome.output
        self.go_on(actor)

    @stateful.precondition(lambda self: self.at("waits"))
    @stateful.rule(index=st.integers(0, 9))
    def a_request_goes_away(self, index):
        self.go_on(self.at("waits")[index % len(self.at("waits"))], Gone())

    @stateful.precondition(lambda self: self.mode != "works" or not self.at("asks"))
    @stateful.rule(seconds=st.sampled_from(TICKS))
    def time_passes(self, seconds):
        self.clock.tick(seconds)

    @stateful.precondition(lambda self: self.mode != "healthy")
    @stateful.rule(index=st.integers(0, 2))
    def a_process_dies(self, index):
        index %= len(self.processes)
        dead, self.processes[index] = self.processes[index], Process(self)
        self.lost += self.actors_of(dead)

    # What must hold

    @stateful.invariant()
    def no_check_runs_twice_at_once(self):
        assert self.second_runs == []

    def note_second_run(self, process, name):
        """Notes a run that must not be: never in a process, nor in the fleet while a lock holds."""
        for other in self.at("runs"):
            if other is self.actor or other.at[1] != name:
                continue
            has_lock = self.mode == "works" and self.clock.now < other.since + RUN_LIMITS[name]
            if other.process is process or has_lock:
                self.second_runs.append((name, other.process is process))

    def look_at_stop(self, actor):
        """No request waits longer than it may, nor for the server where checks have a timeout."""
        if actor.reader is None or actor.at[0] in ("done", "gone"):
            return
        names = READERS[actor.reader]
        if "disk" not in names:
            assert actor.at[0] in ("waits", "sleeps")
            longest = max(TIMEOUTS[name] for name in names)
            assert actor.at[1] <= actor.began + longest + DELAY
        elif names == ("disk",) and self.mode == "works" and actor.at[0] in ("waits", "sleeps"):
            assert actor.at[1] <= actor.began + 2 + DELAY

    def look_at_end(self, actor):
        """No outcome is lost: neither for who waited for it nor for the other processes."""
        assert actor.at[0] in ("done", "gone"), actor.at
        # A run that outlives its lock may replace the result of the next one.
        is_safe = self.mode == "works" and not self.had_late_run
        if actor.completed is not None and is_safe and actor.at[0] == "done":
            name, number, shared_until = actor.completed
            shared = self.store.unexpired(internals.key_of(self.store, "shop", name))
            if shared is None:  # the request may have waited for another check for long
                assert self.clock.now >= shared_until
            else:
                assert json.loads(shared)["output"] >= number
        if actor.reader is None or actor.at[0] == "gone":
            return
        for result in actor.answer.results:
            output = result["output"]
            if isinstance(output, int):
                assert output >= actor.promised.get(result["checker"], 0)
                continue
            assert result["checker"] not in actor.promised
            assert output.startswith(("timed out", "still running", "the shared cache",
                                      "another process's run"))
            assert self.mode != "healthy" or output.startswith("the shared cache")

    @stateful.invariant()
    def a_healthy_check_has_never_failed(self):
        if self.mode == "healthy":
            assert [line for line in self.lines if line.startswith("check ")] == []

    def teardown(self):
        """After any history each process shows the same new result, of one run."""
        try:
            if not self.processes:
                return
            self.come_to_rest()
            self.clock.tick(1000)
            shown = set()
            for process in range(len(self.processes)):
                self.a_request_comes(process, 3)
                self.come_to_rest()
                report = self.finished.answer
                assert report.passed
                shown.add(tuple(result["output"] for result in report.results))
            assert len(shown) == 1
        finally:
            for actor in self.lost + self.all_actors():
                while actor.at[0] not in ("done", "gone", "raised"):
                    self.actor = actor
                    actor.go_on(Gone() if actor.at[0] != "asks" else "fails")
            self.package.give_back()

    # How it is done

    def go_on(self, actor, orders=None):
        """Lets a thread go on until it stops again."""
        if actor.at is None:
            actor.at = ("begins",)
        self.actor, self.starting = actor, actor.process
        actor.go_on(orders)
        self.actor = None
        if actor.at[0] == "raised":
            raise actor.at[1]
        if actor.at[0] in ("done", "gone"):
            if actor.reader is None:
                actor.worker.actor = None
            else:
                actor.process.actors.remove(actor)
                self.finished = actor
            self.look_at_end(actor)
        else:
            self.look_at_stop(actor)

    def actors_of(self, process):
        at_work = [worker.actor for worker in process.workers if worker.actor is not None]
        return process.actors + at_work

    def all_actors(self):
        return [actor for process in self.processes for actor in self.actors_of(process)]

    def at(self, what):
        return [actor for actor in self.all_actors() if actor.at[0] == what]

    def idle_workers(self):
        return [worker for process in self.processes for worker in process.workers
                if worker.jobs and worker.actor is None]

    def can_wake(self):
        now = self.clock.now
        return [actor for actor in self.at("waits") if actor.event.is_over or actor.at[1] <= now
                ] + [actor for actor in self.at("sleeps") if actor.at[1] <= now]

    def come_to_rest(self):
        """The server answers, every check returns, healthy, and every request is answered."""
        for _ in range(10000):
            if self.at("asks"):
                self.the_server_answers(0)
            elif self.at("runs"):
                self.a_check_returns(0, True)
            elif self.idle_workers():
                self.a_worker_begins(0)
            elif self.can_wake():
                self.a_request_has_waited(0)
            elif self.all_actors():
                self.clock.tick(0.0625)
            else:
                return
        raise AssertionError("requests or runs are left that do not end")


FleetMachine.TestCase.settings = hypothesis.settings(
    max_examples=EXAMPLES, stateful_step_count=60, deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow])


@pytest.mark.examples
@pytest.mark.skipif(PY2, reason="hypothesis for Python 2 is too old")
class TestFleet(FleetMachine.TestCase):
    pass
