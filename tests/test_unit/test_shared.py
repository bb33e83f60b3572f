# -*- coding: utf-8 -*-
"""bottle_healthcheck._engine.shared: results in a backend that several processes share.

Each HealthCheck with a ResultCache of its own stands for a process.
"""
import json
import logging
import re
import threading

import pytest

from bottle_healthcheck import WARN, HealthCheck, ResultCache
from tests import internals
from tests.worlds import CacheServer, Check, Gone, World
from tests.helpers import PY2, raise_, succeeds

YEAR = 365 * 86400


#: The calls for one run of a check that passes.
RUN = [("get",), ("add", 10), ("get",), ("set", 54), ("get",), ("set", 1)]


class Backend(CacheServer):
    """A cache server on the world's clock that keeps a list of its calls, each of some seconds.

    If `broken` is set, it is called with (method, key) in place of every method.
    """

    def __init__(self, clock):
        CacheServer.__init__(self, clock)
        self.calls = []
        self.seconds = 0
        self.broken = None

    def call(self, method, key, value=None, timeout=None):
        assert isinstance(key, str) and (value is None) == (timeout is None)
        assert timeout is None or type(timeout) is int and timeout > 0
        self.calls.append((method, timeout) if timeout else (method,))
        self.clock.tick(self.seconds)
        if self.broken is not None:
            return self.broken(method, key)
        return CacheServer.call(self, method, key, value, timeout)

    def take_calls(self):
        """The calls since the last time, with their lifetimes."""
        calls, self.calls = self.calls, []
        return calls


class Fleet(World):
    """A World with a wall clock, which is wrong by `skew`, and a sleep that moves the clock.

    If it is eager, workers execute a job as soon as a request waits; a check may `hang`.
    """

    def __init__(self):
        World.__init__(self)
        self.eager = False
        self._stops, self._goes = threading.Semaphore(0), threading.Semaphore(0)
        self.skew = 0.0
        self.sleeps = []
        fleet = self

        class Time(object):
            @staticmethod
            def time():
                return 1.7e9 + fleet.clock.now + fleet.skew

            @staticmethod
            def sleep(seconds):
                assert seconds > 0  # time.sleep refuses less than 0
                fleet.sleeps.append(round(seconds, 6))
                if fleet.meanwhile:
                    fleet.meanwhile.pop(0)()
                fleet.clock.tick(seconds)

        self.wall = Time.time
        self.replaced += [(place, Time) for place in internals.WALL_CLOCKS]
        self.backend = Backend(self.clock)

    def wait(self, run, seconds):
        if self.eager:
            self.work()
        World.wait(self, run, seconds)

    def work(self):
        """Has the workers execute their jobs, until they are done or hang."""
        while self.jobs:
            thread = threading.Thread(target=self._execute, args=(self.jobs.pop(0),))
            thread.daemon = True
            thread.start()
            self._stops.acquire()

    def _execute(self, job):
        try:
            job()
        except BaseException:  # as a worker does
            pass
        finally:
            self._stops.release()

    def hang(self):
        """A check with a timeout that hangs until release() is called."""
        self._stops.release()
        self._goes.acquire()
        return True, "late"

    def release(self):
        """Lets a check return that hangs."""
        self._goes.release()
        self._stops.acquire()

    def process(self, *checks, **options):
        """The HealthCheck of a new process; with cache= of an existing one."""
        if "cache" not in options:
            options["cache"] = ResultCache(backend=self.backend, prefix="shop")
        return HealthCheck(checkers=checks, **options)

    def crash_during_run(self, name="check", **options):
        """Another process takes the lock of a check and crashes."""
        def die():
            self.backend.broken = lambda method, key: None
            raise Gone()
        with pytest.raises(Gone):
            self.process(Check(name, returns=die), **options).run()
        self.backend.broken = None


@pytest.fixture
def fleet(monkeypatch):
    fleet = Fleet()
    fleet.take_over(monkeypatch)
    return fleet


@pytest.fixture
def lines(caplog):
    caplog.set_level(logging.INFO, logger="bottle_healthcheck")
    return lambda: [(record.levelname, record.getMessage()) for record in caplog.records
                    if "shared cache" in record.getMessage()]


def only(health):
    """The result of a HealthCheck's only check."""
    result, = health.run().results
    return result


def output_of(health):
    """The output of a HealthCheck's only check."""
    return only(health)["output"]


def key_of(fleet, prefix, name):
    """The key of a result."""
    del fleet.backend.calls[:]
    fleet.backend.kept.clear()
    cache = ResultCache(backend=fleet.backend, prefix=prefix)
    fleet.process(Check(name), cache=cache).run_check(name)
    key, = fleet.backend.kept
    return key


def value(**fields):
    """A value as another process may have written it."""
    return json.dumps(dict({"version": 2, "passed": True, "warning": False, "output": "theirs",
                            "timestamp": 1.7e9 + 1000, "response_time": 0.1,
                            "since": 1.7e9 + 900}, **fields))


def without(name):
    fields = json.loads(value())
    del fields[name]
    return json.dumps(fields)


def put(fleet, value, seconds=YEAR):
    """Keeps a value as the result of `check`."""
    key = internals.key_of(fleet.backend, "shop", "check")
    fleet.backend.kept[key] = value, fleet.clock.now + seconds


class TestSharedResult(object):
    """A fresh outcome of one process is used by the others."""

    def test_fresh_result_is_used_by_others(self, fleet):
        check = Check(returns=lambda: (True, {"rows": check.runs}))
        first = only(fleet.process(check))
        fleet.clock.tick(5)
        second = fleet.process(check)
        assert only(second) == first
        assert check.runs == 1
        fleet.clock.tick(21.9)
        assert only(second) == first  # its age counts
        fleet.clock.tick(0.2)
        assert output_of(second) == {"rows": 2}

    def test_failure_is_shared_for_its_lifetime(self, fleet):
        check = Check(returns=(False, "down"))
        fleet.process(check).run()
        fleet.clock.tick(8.9)
        assert output_of(fleet.process(check)) == "down"
        assert check.runs == 1
        fleet.clock.tick(0.2)
        assert output_of(fleet.process(check)) == "down"
        assert check.runs == 2

    def test_backend_is_called_when_local_copy_expires(self, fleet):
        health = fleet.process(Check())
        health.run()
        assert fleet.backend.take_calls() == RUN
        for _ in range(26):
            fleet.clock.tick(1)
            health.run()
        assert fleet.backend.take_calls() == []
        fleet.clock.tick(1)
        health.run()
        assert fleet.backend.take_calls() == RUN

    @pytest.mark.parametrize("stamped, adopted", [(-1, False), (0, False), (1, True)])
    def test_only_newer_result_is_adopted(self, fleet, stamped, adopted):
        health = fleet.process(Check(returns=(False, "mine")))
        health.run()
        at = fleet.wall() + stamped
        fleet.clock.tick(9)
        put(fleet, value(timestamp=at, since=at))
        assert output_of(health) == ("theirs" if adopted else "mine")

    @pytest.mark.parametrize("ahead, left", [(20, 27), (0, 27), (-0.5, 26.5), (-20, 7)])
    def test_adopted_result_is_fresh_for_rest_of_lifetime(self, fleet, ahead, left):
        at = fleet.wall() + ahead
        put(fleet, value(timestamp=at, since=at))
        health = fleet.process(Check())
        assert output_of(health) == "theirs"
        fleet.backend.take_calls()
        fleet.clock.tick(left - 0.25)
        assert output_of(health) == "theirs"
        assert fleet.backend.take_calls() == []
        fleet.clock.tick(0.25)
        assert output_of(health) == "fine"

    def test_readers_have_their_own_lifetimes(self, fleet):
        check = Check(returns=lambda: (True, check.runs))
        long = fleet.process(check)
        short = fleet.process(check, cache=long.cache, success_ttl=5)
        assert [output_of(long), output_of(short)] == [1, 1]
        fleet.clock.tick(5)
        assert [output_of(long), output_of(short), output_of(long)] == [1, 2, 2]
        fleet.clock.tick(6)
        assert output_of(fleet.process(check)) == 2
        assert output_of(fleet.process(check, success_ttl=5)) == 3

    def test_without_lifetimes_backend_is_not_called(self, fleet):
        check = Check()
        for lifetime in (None, 0):
            fleet.process(check, success_ttl=lifetime, failed_ttl=lifetime).run()
        assert check.runs == 2 and fleet.backend.calls == []

    def test_with_one_lifetime_no_lock_is_taken(self, fleet):
        check = Check(returns=(False, "down"))
        for _ in range(2):
            fleet.process(check, failed_ttl=None).run()
        assert check.runs == 2
        check.returns = True, "fine"
        for _ in range(2):
            assert output_of(fleet.process(check, failed_ttl=None)) == "fine"
        assert check.runs == 3
        assert fleet.backend.calls == [("get",)] * 3 + [("set", 54), ("get",)]

    def test_warning_is_shared_as_warning(self, fleet):
        warning = Check(returns=(WARN, "85 % full"))
        fleet.process(warning).run()
        check = Check()
        other = fleet.process(check)
        report = other.run()
        assert report.passed and report.warns and check.runs == 0
        result, = report.results
        assert (result["passed"], result["critical"]) == (False, False)
        assert result["output"] == "85 % full"
        text, = [one for one, _ in fleet.backend.kept.values() if one.startswith("{")]
        assert json.loads(text)["version"] != 1  # whose readers would take it for a failure

    def test_since_is_shared(self, fleet):
        check = Check()
        first = only(fleet.process(check))
        fleet.clock.tick(26)
        second = fleet.process(check)
        assert only(second)["since"] == first["since"]
        fleet.clock.tick(1)
        assert only(second)["since"] == first["since"] != only(second)["timestamp"]

    def test_change_elsewhere_is_logged_and_notified(self, fleet, caplog):
        caplog.set_level(logging.INFO, logger="bottle_healthcheck")
        changes = []
        check = Check()
        health = fleet.process(check, on_change=lambda *change: changes.append(change[:2]))
        health.run()
        fleet.clock.tick(27)
        fleet.process(Check(returns=(False, "down"))).run()
        assert output_of(health) == "down"
        assert changes == [(None, "success"), ("success", "failure")]
        assert caplog.messages.count("check check is failing: down") == 2
        assert health.cache.history(health.checkers[0]) == [(True, pytest.approx(0, abs=1))]

    @pytest.mark.parametrize("timeout", [None, 1])
    def test_base_exception_is_not_shared(self, fleet, timeout):
        class Panic(BaseException):
            pass

        def panics():
            raise Panic("at row 7")
        fleet.work_after(0)
        assert output_of(fleet.process(Check(returns=panics), timeout=timeout)) == "Panic: at row 7"
        assert [call for call in fleet.backend.take_calls() if call == ("set", 18)] == []
        fleet.work_after(0)
        assert output_of(fleet.process(Check(), timeout=timeout)) == "fine"
        assert fleet.sleeps == []


class TestLock(object):
    """One process at a time runs a check; the others wait for its outcome."""

    def test_lifetimes_and_locks_are_whole_seconds(self, fleet):
        health = fleet.process(Check(), timeout=2.5, success_ttl=0.2)
        fleet.work_after(0.1)
        health.run()
        assert fleet.backend.take_calls() == [
            ("get",), ("add", 3), ("get",), ("set", 1), ("get",), ("set", 1)]

    def test_run_elsewhere_is_awaited(self, fleet):
        fleet.crash_during_run()
        other = fleet.process(Check(returns=(True, "theirs")))
        fleet.meanwhile = [lambda: None, lambda: None, lambda: other.run_check("check")]
        mine = Check(returns=(True, "mine"))
        assert output_of(fleet.process(mine)) == "theirs"
        assert fleet.sleeps == [0.2] * 3
        assert mine.runs == 0

    def test_run_that_ended_before_lock_is_adopted(self, fleet):
        other, mine = fleet.process(Check(returns=(True, "theirs"))), Check(returns=(True, "mine"))
        add = fleet.backend.add

        def add_late(*args, **kwargs):
            fleet.backend.add = add
            other.run_check("check")
            return add(*args, **kwargs)
        fleet.backend.add = add_late
        health = fleet.process(mine)
        assert output_of(health) == "theirs"
        assert mine.runs == 0
        assert fleet.backend.take_calls()[-1] == ("set", 1)  # the lock is released
        assert health.cache.history(health.checkers[0]) == []

    def test_previous_result_is_used_during_run_elsewhere(self, fleet):
        check, seen = Check(returns=(True, "old")), []
        mine = fleet.process(check)
        mine.run()
        fleet.clock.tick(27)
        newcomer = Check(returns=lambda: (True, seen.append(output_of(mine)) or "new"))
        fleet.process(newcomer).run()
        assert seen == ["old"] and fleet.sleeps == []
        fleet.backend.take_calls()
        assert output_of(mine) == "old" and fleet.backend.calls == []  # it has just looked
        fleet.clock.tick(0.2)
        assert output_of(mine) == "new"
        assert check.runs == 1

    def test_previous_result_is_used_for_one_more_lifetime(self, fleet):
        check = Check()
        mine = fleet.process(check, failed_ttl=27)
        mine.run()
        fleet.clock.tick(53.9)
        seen = []
        fleet.process(Check(returns=lambda: (True, seen.append(output_of(mine))))).run()
        assert seen == ["fine"] and fleet.sleeps == []
        mine.cache.clear()
        fleet.clock.tick(2)
        fleet.process(Check(returns=lambda: (False, seen.append(output_of(mine))))).run()
        assert seen[1:] == ["timed out after 2 s"]

    def test_stale_result_is_used_while_one_process_renews(self, fleet):
        check = Check(returns=lambda: (True, check.runs))
        options = {"timeout": 1, "stale_while_revalidate": 60}
        first, second = fleet.process(check, **options), fleet.process(check, **options)
        fleet.eager = True
        assert [output_of(first), output_of(second)] == [1, 1]
        fleet.eager = False
        fleet.clock.tick(70)
        assert [output_of(first), output_of(second), output_of(first)] == [1, 1, 1]
        assert len(fleet.jobs) == 2
        check.returns = fleet.hang
        fleet.work()
        assert [output_of(first), output_of(second), check.runs] == [1, 1, 2]
        fleet.release()
        fleet.clock.tick(0.2)
        assert [output_of(first), output_of(second)] == ["late", 1]
        fleet.work()
        assert [output_of(second), check.runs] == ["late", 2]
        assert fleet.sleeps == []

    @pytest.mark.parametrize("timeout, output, sleeps", [
        (None, "timed out after 2 s", [0.2] * 10), (0.5, "timed out after 0.5 s", [0.2, 0.2, 0.1])])
    def test_missing_outcome_is_a_failure_in_time(self, fleet, timeout, output, sleeps):
        fleet.crash_during_run()
        fleet.eager = True
        began = fleet.clock.now
        assert output_of(fleet.process(Check(), timeout=timeout)) == output
        assert fleet.sleeps == sleeps
        assert fleet.clock.now - began == pytest.approx(timeout or 2)

    @pytest.mark.parametrize("timeout", [None, 11])
    def test_lock_of_crashed_process_expires(self, fleet, timeout):
        fleet.crash_during_run()
        fleet.clock.tick(8.5)
        check = Check()
        fleet.eager = True
        health = fleet.process(check, timeout=timeout)
        assert output_of(health) == "fine"
        assert check.runs == 1
        assert fleet.sleeps == [0.2] * 8

    def test_runs_once_after_result_is_lost(self, fleet):
        check, seen = Check(), []
        mine = fleet.process(check)
        mine.run()
        fleet.clock.tick(100)  # the server has forgotten the result
        newcomer = Check(returns=lambda: (True, seen.append(output_of(mine)) or "new"))
        fleet.process(newcomer).run()
        assert seen == ["timed out after 2 s"]
        assert check.runs == 1 and newcomer.runs == 1

    def test_run_after_wait_has_its_whole_timeout(self, fleet):
        fleet.crash_during_run(timeout=None)
        fleet.eager, check = True, Check(returns=fleet.hang)
        health = fleet.process(check, timeout=10.5)
        assert output_of(health) == "another process's run took 10.0 s of 10.5 s"
        assert check.runs == 1  # when the lock had expired after 10 s
        checker = health.checkers[0]
        assert (health.cache.reported(checker), health.cache.history(checker)) == (None, [])
        fleet.clock.tick(5)
        fleet.meanwhile = [fleet.release]
        assert output_of(health) == "late"
        assert [passed for passed, _ in health.cache.history(checker)] == [True]

    def test_overrun_elsewhere_is_not_one_of_next_run(self, fleet, monkeypatch):
        fleet.crash_during_run()
        fleet.clock.tick(9)
        health = fleet.process(Check(), timeout=1.0625)
        checker = health.checkers[0]
        # The last claim, after one second, is not answered when the request's time is over.
        fleet.eager = True
        fleet.meanwhile = [succeeds] * 4 + [lambda: setattr(fleet, "eager", False)]
        report_overrun = internals.transitions.report_overrun

        def report_late(state, run, overrun):
            outcome = report_overrun(state, run, overrun)
            run.started = fleet.clock.now  # in its worker, meanwhile
            return outcome
        monkeypatch.setattr(internals.transitions, "report_overrun", report_late)
        assert output_of(health) == "timed out after 1.0625 s"
        assert health.cache.history(checker) == []
        fleet.work()
        assert [passed for passed, _ in health.cache.history(checker)] == [True]

    def test_check_that_is_replaced_during_the_wait_is_reported_in_its_place(self, fleet, caplog):
        caplog.set_level(logging.INFO, logger="bottle_healthcheck")
        fleet.crash_during_run()
        check = Check()
        health = fleet.process(check, timeout=1)
        fleet.eager = True

        def reload():
            health.checkers = []
            health.checkers.append(check)
        fleet.meanwhile = [reload]
        assert output_of(health) == "timed out after 1 s"
        fleet.clock.tick(60)
        assert output_of(health) == "fine"
        assert [record.getMessage() for record in caplog.records] == [
            "check check is failing: timed out after 1 s", "check check has recovered"]

    def test_expired_lock_is_left_to_its_next_holder(self, fleet):
        results = internals.SharedResults(fleet.backend, "shop")
        checker = fleet.process(Check()).checkers[0]
        first, second, third = [internals.SharedLock() for _ in range(3)]
        assert results.claim(checker, None, first, fleet.clock.now).may_run
        fleet.clock.tick(11)
        assert results.claim(checker, None, second, fleet.clock.now).may_run
        results.release(first)
        assert not results.claim(checker, None, third, fleet.clock.now).may_run
        results.release(second)
        assert results.claim(checker, None, third, fleet.clock.now).may_run

    def test_lock_that_never_expires_is_overridden(self, fleet):
        fleet.crash_during_run()
        for key, (value, _) in list(fleet.backend.kept.items()):
            fleet.backend.kept[key] = value, float("inf")
        check = Check()
        health = fleet.process(check)
        assert output_of(health) == "timed out after 2 s"
        fleet.clock.tick(8.1)
        assert output_of(health) == "fine"
        fleet.clock.tick(27)
        assert output_of(fleet.process(check)) == "fine"  # that lock named another result
        assert check.runs == 2

    def test_each_hung_run_elsewhere_holds_the_lock(self, fleet):
        fleet.crash_during_run()
        health, check = fleet.process(Check()), Check()
        for _ in range(4):
            assert output_of(health) == "timed out after 2 s"
            fleet.clock.tick(8.1)
            fleet.crash_during_run()  # it is the first after the lock's end
        assert check.runs == 0

    def test_result_is_looked_for_at_the_end_of_the_wait_too(self, fleet, monkeypatch):
        internals.replace(monkeypatch, internals.POLL_INTERVAL, 0.25)
        fleet.crash_during_run()
        other = fleet.process(Check(returns=(True, "theirs")))
        fleet.meanwhile = [lambda: None] * 7 + [lambda: other.run_check("check")]
        assert output_of(fleet.process(Check())) == "theirs"
        assert fleet.sleeps == [0.25] * 8

    def test_run_elsewhere_took_as_long_as_it_was_waited_for(self, fleet):
        fleet.crash_during_run()
        fleet.eager = True
        result = only(fleet.process(Check(), timeout=0.5))
        assert result["output"] == "timed out after 0.5 s"
        assert result["response_time"] == 0.5

    @pytest.mark.parametrize("interval", [0.2, 2.0])  # the second look is due when the wait ends
    def test_long_wait_is_no_failure_of_next_check(self, fleet, monkeypatch, interval):
        internals.replace(monkeypatch, internals.POLL_INTERVAL, interval)
        slow, quick = Check("slow"), Check("quick")
        fleet.crash_during_run("slow")
        fleet.crash_during_run("quick")
        fleet.meanwhile = [lambda: fleet.process(Check("quick", (True, "ran"))).run_check("quick")]
        results = fleet.process(slow, quick).run().results
        assert [one["output"] for one in results] == ["timed out after 2 s", "ran"]

    def test_clock_differences_do_not_make_two_run(self, fleet):
        check, rivals = Check(), []
        ahead, behind = fleet.process(check), fleet.process(check)
        third = fleet.process(check)
        fleet.skew = 3
        ahead.run()
        fleet.skew = 0
        behind.run()
        fleet.skew = 1
        third.run()
        fleet.clock.tick(27)
        check.returns = lambda: (True, rivals.append(behind.run()))
        third.run()
        assert check.runs == 2  # while the third runs it, the one with its clock behind does not

    def test_one_request_polls_for_all_of_its_process(self, fleet):
        fleet.crash_during_run()
        health = fleet.process(Check())
        fleet.backend.take_calls()
        answers = []
        fleet.meanwhile = [lambda: answers.append(output_of(health))]
        answers.append(output_of(health))
        assert answers == ["timed out after 2 s"] * 2
        assert fleet.backend.take_calls().count(("add", 10)) == 11  # every 0.2 s within 2 s

    def test_slow_backend_does_not_shorten_the_wait(self, fleet):
        fleet.crash_during_run()
        other = fleet.process(Check(returns=(True, "theirs")))
        health = fleet.process(Check(), timeout=2)
        fleet.backend.seconds = 0.2
        fleet.meanwhile = [fleet.work, lambda: setattr(fleet.backend, "seconds", 0),
                           lambda: (other.run_check("check"), fleet.work())]
        assert output_of(health) == "theirs"

    def test_slow_backend_does_not_prolong_the_wait(self, fleet):
        fleet.crash_during_run()
        health = fleet.process(Check())
        began = fleet.clock.now
        fleet.backend.seconds = 0.04
        assert output_of(health) == "timed out after 2 s"
        assert fleet.clock.now - began < 2.5

    @pytest.mark.parametrize("kind", [Gone, KeyboardInterrupt])
    def test_interrupted_run_releases_its_lock(self, fleet, kind):
        def interrupted():
            raise kind()
        with pytest.raises(kind):
            fleet.process(Check(returns=interrupted)).run()
        assert output_of(fleet.process(Check())) == "fine"
        assert fleet.sleeps == []

    def test_fork_has_runs_of_its_own(self, fleet):
        check = Check(returns=fleet.hang)
        health = fleet.process(check, timeout=1)
        fleet.start_run(health)
        fleet.work()
        fleet.fork()
        check.returns, fleet.eager = (True, "the child's"), True
        assert output_of(health) == "timed out after 1 s"  # the parent has the lock
        assert output_of(health) == "the child's"
        assert check.runs == 2


class TestRunCheckAndClear(object):

    def test_run_check_runs_now_and_publishes(self, fleet):
        check = Check(returns=lambda: (True, check.runs))
        first, second = fleet.process(check), fleet.process(check)
        first.run()
        assert first.run_check("check")["output"] == 2
        assert second.run_check(check)["output"] == 3
        assert output_of(first) == 2  # its own, as long as that holds
        assert output_of(fleet.process(check)) == 3
        assert ("add", 10) not in fleet.backend.take_calls()[4:]

    def test_run_check_does_not_wait_for_another_process(self, fleet):
        fleet.crash_during_run()
        assert fleet.process(Check()).run_check("check")["output"] == "fine"
        assert fleet.sleeps == []

    def test_run_check_runs_now_after_joining_a_denied_run(self, fleet):
        fleet.crash_during_run()
        health = fleet.process(Check())
        denied = internals.register_run(health.cache, health.checkers[0])
        fleet.meanwhile = [lambda: internals.give_up(health.cache, denied)]
        assert health.run_check("check")["output"] == "fine"
        assert fleet.waits == [2.0] and fleet.sleeps == []

    def test_run_check_does_not_adopt_what_a_joined_run_found(self, fleet):
        fleet.process(Check(returns=(True, "before"))).run()
        fleet.clock.tick(1)
        check = Check(returns=(True, "now"))
        health = fleet.process(check, timeout=2)
        fleet.start_run(health)  # it queries the server when its worker begins
        fleet.meanwhile = [fleet.work, fleet.work]
        assert health.run_check("check")["output"] == "now"
        assert check.runs == 1

    def test_run_check_adopts_nothing_cached_meanwhile(self, fleet):
        check = Check()
        health = fleet.process(check)
        health.run()
        place = internals.start_place(health.cache)
        start = getattr(*place)

        def start_late(run, *args):
            run.cached_before = None  # another request's run has ended since this looked
            start(run, *args)
        internals.put(place, start_late)
        health.run_check("check")
        assert check.runs == 2

    def test_clear_deletes_shared_results(self, fleet):
        check = Check(returns=lambda: (True, check.runs))
        health = fleet.process(check)
        assert output_of(health) == 1
        health.cache.clear()
        assert output_of(health) == 2  # the lock of the previous run is released
        assert output_of(fleet.process(check)) == 2
        assert fleet.sleeps == []

    def test_old_result_is_not_cached_during_clear(self, fleet):
        check = Check(returns=lambda: (True, check.runs))
        health = fleet.process(check)
        health.run()
        asked = fleet.backend.set

        def poll_meanwhile(key, value, timeout):
            health.run()
            return asked(key, value, timeout)
        fleet.backend.set = poll_meanwhile
        health.cache.clear()
        fleet.backend.set = asked
        assert output_of(health) == 2


RUBBISH = [
    5, True, [], {}, object(), ("a",), b"\xff\xfe", u"\ud800", "rubbish", "{", "null ", "[]", "{}",
    "5", '"text"', "[" * 100000, '{"version": 2}', "9" * 10000, "\0", " ", value(output=10 ** 21),
    value(passed="true"), value(passed=1), value(passed=None), value(warning=0),
    value(warning="true"), without("passed"), without("warning"), without("output"),
    without("timestamp"), without("since"), without("response_time"), without("version"),
] + [value(**{name: wrong}) for name in ("timestamp", "since", "response_time") for wrong in (
    "1700000000", None, [], {}, True, -1, float("nan"), float("inf"), 1e11, 1.7e12,
    10 ** 400)]

MISSES = ["", b"", value(version=1), value(version=3), value(version="2"), value(version=None),
          json.dumps({"version": 3, "result": []})]


class TestValues(object):
    """Keys and values in the backend."""

    def test_keys_are_hashes_of_prefix_and_name(self, fleet):
        keys = [key_of(fleet, prefix, name) for prefix, name in [
            ("shop", "database"), ("shop", "data base"), ("shopd", "atabase"),
            ("shop\0", "database"),
            (u"caf\xe9", "database"), ("shop", "x" * 10000), ("sh", 'op", "database')]]
        assert len(set(keys)) == len(keys)
        assert all(re.match("healthcheck-[0-9a-f]{64}$", key) for key in keys)
        assert key_of(fleet, "shop", "database") == keys[0]
        assert key_of(fleet, b"caf\xe9" if PY2 else "caf\udce9", "database") not in keys

    def test_value_is_json_text_with_a_version(self, fleet, monkeypatch):
        shown = [50.0, 50.25]
        internals.replace(monkeypatch, internals.TIMER, lambda: shown.pop(0))
        fleet.process(Check(returns=(True, {u"caf\xe9": [1, None]})), success_ttl=60).run()
        text, = [one for one, _ in fleet.backend.kept.values() if one.startswith("{")]
        assert isinstance(text, str)
        text.encode("ascii")
        now = fleet.wall()
        fields = json.loads(text)
        assert fields == {"version": 2, "response_time": 0.25, "passed": True, "warning": False,
                          "timestamp": now, "since": now, "output": {u"caf\xe9": [1, None]}}

    def test_every_written_number_is_read(self, fleet, lines):
        output = [-2 ** 64 + 1, -2 ** 63, 2 ** 64 - 1, 1e300]  # the first has the most digits
        assert output_of(fleet.process(Check(returns=(True, output)))) == output
        assert output_of(fleet.process(Check())) == output
        assert lines() == []

    def test_valid_values_are_read(self, fleet, lines):
        for text in (value(), value().encode("ascii"), u"" + value(), value(more="fields")):
            put(fleet, text)
            assert output_of(fleet.process(Check())) == "theirs"
        assert lines() == []

    @pytest.mark.parametrize("name, adopted", [
        ("timestamp", False), ("since", True), ("response_time", True)])
    def test_largest_time_is_read(self, fleet, lines, name, adopted):
        put(fleet, value(**{name: 99999999999.5}))
        assert output_of(fleet.process(Check())) == ("theirs" if adopted else "fine")
        assert lines() == []

    @pytest.mark.parametrize("text", RUBBISH, ids=lambda text: repr(text).split(" at 0x")[0][:60])
    def test_invalid_value_is_replaced_and_logged_once(self, fleet, lines, text):
        put(fleet, text)
        check = Check()
        assert output_of(fleet.process(check)) == "fine"
        assert check.runs == 1
        (level, line), = lines()
        assert level == "WARNING" and "it holds what is no result" in line
        fleet.clock.tick(10)
        assert [output_of(fleet.process(check)) for _ in range(2)] == ["fine"] * 2
        assert check.runs == 2

    @pytest.mark.parametrize("text", MISSES, ids=repr)
    def test_deleted_value_and_other_versions_are_misses(self, fleet, lines, text):
        put(fleet, text)
        check = Check()
        assert [output_of(fleet.process(check)) for _ in range(2)] == ["fine"] * 2
        assert check.runs == 1
        assert lines() == []

    @pytest.mark.parametrize("ahead, adopted", [
        (-YEAR, False), (-7200, False), (-28, False), (-26, True), (0, True), (26, True),
        (28, False),
        (7200, False), (YEAR, False)])
    def test_result_of_wrong_clock_is_clamped_or_a_miss(self, fleet, lines, ahead, adopted):
        now = fleet.wall()
        put(fleet, value(timestamp=now + ahead, since=now + ahead + 5))
        result = only(fleet.process(Check()))
        assert result["output"] == ("theirs" if adopted else "fine")
        assert result["timestamp"] <= now and result["since"] <= result["timestamp"]
        assert now < result["expires"] <= now + 27
        assert lines() == []

    @pytest.mark.parametrize("skew", [-YEAR, -7200, -28, -20, -1, 0, 1, 20, 26, 28, 7200, YEAR])
    def test_no_result_is_used_for_over_two_lifetimes(self, fleet, skew):
        fleet.skew = skew
        fleet.process(Check(returns=(True, "old"))).run()
        fleet.skew = 0.0
        for key, (kept, _) in list(fleet.backend.kept.items()):
            fleet.backend.kept[key] = kept, float("inf")  # a backend that never forgets, as well
        began, old_until = fleet.clock.now, 0
        pollers = [fleet.process(Check()) for _ in range(3)]
        for _ in range(70):
            for number, health in enumerate(pollers):
                if fleet.clock.now - began >= 10 * number and output_of(health) == "old":
                    old_until = fleet.clock.now - began
                    for key, (kept, _) in list(fleet.backend.kept.items()):
                        fleet.backend.kept[key] = kept, float("inf")
            fleet.clock.tick(1)
        assert old_until <= 2 * 27


class TestLargeValues(object):
    """What is too large to be a result is not parsed, and what the server refuses is logged."""

    LIMIT = 2 ** 19

    def test_value_over_the_limit_is_refused_unparsed(self, fleet, lines, monkeypatch):
        text = value()
        put(fleet, text + " " * (self.LIMIT - len(text)))
        assert output_of(fleet.process(Check())) == "theirs"
        for refused in (text + " " * (self.LIMIT + 1 - len(text)),
                        b"x" * (self.LIMIT + 1)):
            with monkeypatch.context() as patch:
                internals.replace(patch, internals.PARSE, None)  # it would raise a TypeError
                put(fleet, refused)
                assert output_of(fleet.process(Check())) == "fine"
        assert [line.partition(": ")[2] for _, line in lines()] == [
            "it holds what is no result (more than 524288 bytes)"] * 2

    def test_time_that_reading_takes_is_the_servers(self, fleet, lines, monkeypatch):
        module, name = internals.PARSE
        parse = getattr(module, name)

        def slowly(text):
            fleet.clock.tick(1.5)
            return parse(text)
        internals.replace(monkeypatch, internals.PARSE, slowly)
        put(fleet, value())
        assert output_of(fleet.process(Check())) == "fine"
        assert [line for _, line in lines()] == [
            "the shared cache fails, and is left alone for 10 s: its answers took 1.5 s"]

    @pytest.mark.parametrize("refuse", [
        lambda: False, lambda: 0,
        lambda: raise_(ValueError("b'object too large for cache'")),
        lambda: raise_(EOFError("the connection was closed"))])
    def test_result_refused_for_its_size_is_logged_once(
            self, fleet, lines, refuse):
        output = ["x" * 5000]
        health, do_set = fleet.process(Check("a\nb", lambda: (True, output[0]))), fleet.backend.set

        def set_small(key, value, timeout):
            return refuse() if len(value) > 1000 else do_set(key, value, timeout)
        fleet.backend.set = set_small

        def results(count):
            for _ in range(count):
                assert health.run().passed
                fleet.clock.tick(28)
        results(3)
        (level, line), = lines()
        assert level == "WARNING"
        assert line.startswith("the shared cache does not store the result of check a b, 51")
        output[0] = "y"
        results(2)
        assert len(lines()) == 1
        output[0] = "x" * 6000
        results(2)
        assert len(lines()) == 2

    @pytest.mark.parametrize("error", [EOFError, type("TimeoutError", (Exception,), {})])
    def test_server_that_fails_at_a_result_is_left_alone(self, fleet, lines, error):
        health, calls = fleet.process(Check(returns=(True, "x" * 5000))), []

        def fail(key, value, timeout):
            calls.append(value)
            raise error("gone")
        fleet.backend.set = fail
        assert output_of(health) == "x" * 5000
        assert len(calls) == (2 if error is EOFError else 1)  # a timeout is waited for once
        assert [line for _, line in lines()] == [
            "the shared cache fails, and is left alone for 10 s: %s: gone" % error.__name__]

    def test_small_result_is_not_refused_for_its_size(self, fleet, lines):
        health, do_set = fleet.process(Check()), fleet.backend.set
        fleet.backend.set = lambda key, value, timeout: do_set(key, value, timeout) and 0
        assert output_of(health) == "fine" and lines() == []

    @pytest.mark.parametrize("size, is_stored", [(999, True), (1000, False)])
    def test_value_of_1000_bytes_may_be_refused(self, size, is_stored):
        class Backend(CacheServer):
            def set(self, key, value, timeout):
                return 0
        assert internals.store(Backend(), "x" * size) is is_stored

    @pytest.mark.parametrize("size, fails", [(999, True), (1000, False)])
    def test_error_for_1000_bytes_may_be_of_their_size(self, size, fails):
        class Backend(CacheServer):
            def set(self, key, value, timeout):
                if value:
                    raise EOFError()
        if fails:
            with pytest.raises(EOFError):
                internals.store(Backend(), "x" * size)
        else:
            assert internals.store(Backend(), "x" * size) is False

    def test_largest_output_is_shared(self, fleet, lines):
        output = [u"\xe9" * 5000] * 5000  # is cut to what an output may have at most
        first = output_of(fleet.process(Check(returns=(True, output))))
        assert output_of(fleet.process(Check())) == first
        assert len(json.dumps(first)) > 200000 and lines() == []

    @pytest.mark.parametrize("value, may_run", [
        ("held by " + "x" * 92, False), ("held by " + "x" * 93, True), ("x", True), (5, True)],
        ids=["longest", "longer", "rubbish", "number"])
    def test_lock_that_is_no_lock_is_nobodys(self, fleet, lines, value, may_run):
        checker, lock = fleet.process(Check()).checkers[0], internals.SharedLock()
        results = internals.SharedResults(fleet.backend, "shop")
        assert results.claim(checker, None, lock, fleet.clock.now).may_run
        key, = fleet.backend.kept
        fleet.backend.add = lambda key, value, timeout: False
        fleet.backend.set = lambda key, value, timeout: True
        fleet.backend.kept[key] = value, fleet.clock.now + 60
        claim = results.claim(checker, None, internals.SharedLock(), fleet.clock.now)
        assert claim.may_run is may_run and len(lines()) == int(may_run)


def raises(exc):
    def broken(method, key):
        raise exc
    return broken


class Odd(Exception):
    def __str__(self):
        raise ValueError("no text")


BROKEN = {
    "down": raises(IOError("connection refused")),
    "odd": raises(Odd()),
    "a bad client": raises(TypeError("set() got an unexpected keyword argument")),
    "recursing": raises(RuntimeError("maximum recursion depth exceeded")),
    "out of memory": raises(MemoryError()),
    "exiting": raises(SystemExit()),
    "silent": lambda method, key: None if method == "get" else 0,
    "refusing": lambda method, key: None if method == "get" else False,
    "rubbish": lambda method, key: "rubbish",
    "objects": lambda method, key: object(),
}


class TestFailingBackend(object):
    """A backend that fails costs no response, and is not called for a while."""

    @pytest.mark.parametrize("kind", sorted(BROKEN))
    @pytest.mark.parametrize("timeout", [None, 1])
    def test_endpoint_behaves_as_without_backend(self, fleet, lines, kind, timeout):
        fleet.backend.broken = BROKEN[kind]
        check = Check(returns=lambda: (True, check.runs))
        health = fleet.process(check, timeout=timeout)
        alone = Check(returns=lambda: (True, alone.runs))
        without_backend = fleet.process(alone, timeout=timeout, cache=ResultCache())
        for _ in range(120):
            for one in (health, without_backend):
                if timeout:
                    fleet.meanwhile = [fleet.work]
                assert one.run().passed
            assert check.runs == alone.runs
            fleet.meanwhile = []
            fleet.clock.tick(1)
        assert check.runs == 5
        assert fleet.sleeps == []
        (level, line), = lines()
        assert level == "WARNING"
        assert "fails, and is left alone for 10 s: " in line

    def test_warning_names_the_error(self, fleet, lines):
        fleet.backend.broken = raises(IOError("connection refused"))
        fleet.process(Check()).run()
        assert lines() == [("WARNING", "the shared cache fails, and is left alone for 10 s: "
                                       "%s: connection refused" % IOError.__name__)]

    def test_backend_that_stores_nothing(self, fleet, lines):
        fleet.backend.broken = lambda method, key: None if method == "get" else True
        check = Check()
        for _ in range(3):
            fleet.process(check).run()
        assert check.runs == 3 and lines() == [] and fleet.sleeps == []

    def test_backend_that_evicts_results_but_no_locks(self, fleet, lines):
        check = Check()
        for _ in range(3):
            fleet.process(check).run()
            for key, (kept, _) in list(fleet.backend.kept.items()):
                if kept.startswith("{"):
                    del fleet.backend.kept[key]
        assert check.runs == 3 and lines() == [] and fleet.sleeps == []

    @pytest.mark.parametrize("question", ["add", "set"])
    def test_lock_released_during_claim_is_no_failure(self, fleet, lines, question):
        results = internals.SharedResults(fleet.backend, "shop")
        checker = fleet.process(Check()).checkers[0]
        lock = internals.SharedLock()
        assert results.claim(checker, None, lock, fleet.clock.now).may_run
        if question == "set":  # that is called where nobody holds it
            results.release(lock)
        ask = getattr(fleet.backend, question)

        def another_ends_its_run(key, value, timeout):
            setattr(fleet.backend, question, ask)
            answer = ask(key, value, timeout)
            fleet.backend.set(key, u"", 1)
            return answer
        setattr(fleet.backend, question, another_ends_its_run)
        assert results.claim(checker, None, internals.SharedLock(), fleet.clock.now).may_run
        assert lines() == []

    def test_failed_backend_is_tried_again_later(self, fleet, lines):
        checks = [Check("check_%d" % number) for number in range(5)]
        fleet.backend.broken = raises(IOError("down"))
        health = fleet.process(*checks, success_ttl=1)
        health.run()
        assert len(fleet.backend.take_calls()) == 1
        for _ in range(9):
            fleet.clock.tick(1)
            health.run()
        assert fleet.backend.take_calls() == []
        for _ in range(10):
            fleet.clock.tick(1)
            health.run()
        assert fleet.backend.take_calls() == [("get",)]
        assert [level for level, _ in lines()] == ["WARNING"]
        fleet.backend.broken = None
        fleet.clock.tick(10)
        health.run()
        assert len(fleet.backend.take_calls()) == 5 * len(RUN)
        assert lines()[1:] == [("INFO", "the shared cache answers again")]
        fleet.backend.broken = raises(IOError("down again"))
        fleet.clock.tick(10)
        health.run()
        assert [level for level, _ in lines()] == ["WARNING", "INFO", "WARNING"]

    @pytest.mark.parametrize("stored", [True, None, 0])
    def test_backend_that_only_says_that_it_stores_is_logged_once(self, fleet, lines, stored):
        says = {"get": None, "add": False, "set": stored}
        fleet.backend.broken = lambda method, key: says[method]
        health = fleet.process(Check(), success_ttl=5)
        health.add_check(Check("unlocked"), failed_ttl=0)
        for _ in range(60):
            assert health.run().passed
            fleet.clock.tick(1)
        health.run_check("check")
        assert [level for level, _ in lines()] == ["WARNING"]

    @pytest.mark.parametrize("timeout", [None, 1])
    def test_backend_whose_methods_cannot_be_read_fails(self, fleet, lines, timeout):
        class Proxy(CacheServer):  # of a client that connects when a method is looked up
            is_down = False

            def __getattribute__(self, name):
                if name in ("get", "set", "add") and self.is_down:
                    raise IOError("cannot connect")
                return CacheServer.__getattribute__(self, name)
        check, proxy = Check(), Proxy()
        health = fleet.process(check, timeout=timeout, cache=ResultCache(proxy, "shop"))
        proxy.is_down = fleet.eager = True
        assert output_of(health) == "fine" and check.runs == 1
        health.cache.clear()
        assert output_of(health) == "fine" and check.runs == 2
        assert [level for level, _ in lines()] == ["WARNING"]

    @pytest.mark.parametrize("kind", ["down", "silent", "rubbish", "objects"])
    def test_end_of_outage_is_logged_once(self, fleet, lines, kind):
        check = Check()
        health = fleet.process(check)
        fleet.backend.broken = BROKEN[kind]
        for _ in range(60):
            health.run()
            fleet.clock.tick(1)
        fleet.backend.broken = None
        for _ in range(60):
            health.run()
            fleet.clock.tick(1)
        assert [level for level, _ in lines()] == ["WARNING", "INFO"]
        assert output_of(fleet.process(Check(returns=(True, "not run")))) == "fine"

    def test_one_thread_tries_a_failed_backend(self, fleet):
        health, other = fleet.process(Check()), Check("other")
        health.add_check(other)
        fleet.backend.broken = raises(IOError("down"))
        health.run()
        fleet.clock.tick(28)
        asked = []

        def hang(method, key):
            asked.append(method)
            if len(asked) == 1:  # meanwhile in another thread
                assert health.run(check="other").passed
            raise IOError("timed out")
        fleet.backend.broken = hang
        health.run()
        assert asked == ["get"] and other.runs == 2

    def test_slow_call_is_a_failure(self, fleet, lines):
        def slowly(method, key):
            fleet.clock.tick(1.5)
            return None if method == "get" else True
        fleet.backend.broken = slowly
        check = Check()
        health = fleet.process(check, success_ttl=1)
        for _ in range(5):
            assert output_of(health) == "fine"
            fleet.clock.tick(1)
        assert fleet.backend.calls == [("get",)]
        assert lines() == [("WARNING", "the shared cache fails, and is left alone for 10 s: "
                                       "its answers took 1.5 s")]

    def test_slow_calls_add_up_to_a_failure(self, fleet, lines):
        begun = fleet.clock.now
        fleet.backend.seconds = 0.4
        health = fleet.process(*[Check(str(number)) for number in range(10)])
        assert health.run().passed
        assert len(fleet.backend.calls) == 3 and fleet.clock.now - begun < 1.5
        assert lines() == [("WARNING", "the shared cache fails, and is left alone for 10 s: "
                                       "its answers took 1.2 s")]
        fleet.clock.tick(27)
        fleet.backend.seconds = 0
        for _ in range(20):  # quick answers, whatever their number in whatever time
            fleet.clock.tick(9)
            assert health.run().passed
        assert [level for level, _ in lines()] == ["WARNING", "INFO"]

    def test_slow_backend_leaves_check_half_of_its_time(self, fleet, lines):
        fleet.backend.seconds = 0.3
        health = fleet.process(Check(), timeout=0.5)
        fleet.work_after(0.4)
        assert output_of(health) == "fine"
        assert fleet.backend.calls == [("get",)]
        assert lines() == [("WARNING", "the shared cache fails, and is left alone for 10 s: "
                                       "its answer took more than half of a check's timeout")]

    @pytest.mark.parametrize("timeout, limit", [(1, 0.5), (1.5, 0.75), (4, 1.0)])
    @pytest.mark.parametrize("late, takes_lock", [(0, True), (0.0625, False)])
    def test_claim_ends_after_half_of_the_timeout_or_a_second(
            self, fleet, timeout, limit, late, takes_lock):
        checker = fleet.process(Check(), timeout=timeout).checkers[0]
        results = internals.SharedResults(fleet.backend, "shop")
        asked_at = fleet.clock.now - limit - late
        assert results.claim(checker, None, internals.SharedLock(), asked_at).may_run
        assert ("add" in [call[0] for call in fleet.backend.calls]) is takes_lock

    def test_second_read_only_while_there_is_time(self, fleet):
        fleet.backend.seconds = 0.3
        health = fleet.process(Check(), timeout=1)
        fleet.work_after(0.9)
        assert output_of(health) == "fine"
        assert [call[0] for call in fleet.backend.calls[:3]] == ["get", "add", "set"]

    def test_check_has_whole_timeout_after_backend_hung(self, fleet):
        def hang(method, key):
            fleet.clock.tick(5)  # until the client's own timeout
            raise IOError("timed out")
        fleet.backend.broken = hang
        health = fleet.process(Check(), timeout=1)
        fleet.work_after(0.9)
        assert output_of(health) == "fine"

    @pytest.mark.parametrize("method", ["get", "add", "set"])
    def test_failure_of_one_method_costs_no_response(self, fleet, lines, method):
        def broken(called, key):
            if called == method:
                raise IOError("down")
            return None if called == "get" else True
        fleet.backend.broken = broken
        check = Check()
        assert output_of(fleet.process(check)) == "fine"
        assert check.runs == 1
        assert [level for level, _ in lines()] == ["WARNING"]


class TestTimeOfTheSharedCache(object):
    """It counts against a check's timeout, and never as a failure of the check."""

    @pytest.fixture(autouse=True)
    def hung(self, fleet):
        def hang(method, key):
            fleet.hang()
            raise IOError("timed out")
        fleet.backend.broken = hang
        fleet.eager = True

    def starts_after(self, fleet, seconds):
        """During the next wait: the shared cache takes so long, then the check runs."""
        fleet.eager = False
        fleet.meanwhile.append(
            lambda: (fleet.work(), fleet.clock.tick(seconds), fleet.release()))

    @pytest.mark.parametrize("timeout", [0.0625, 1, 3])
    def test_no_request_waits_longer_than_for_the_check(self, fleet, timeout):
        health = fleet.process(*[Check(str(number)) for number in range(10)], timeout=timeout)
        began = fleet.clock.now
        report = health.run()
        assert fleet.clock.now - began <= timeout + 0.1
        assert [one["output"] for one in report.results] == [
            "the shared cache took %.1f s of %g s" % (timeout, timeout)] * 10

    def test_wait_for_late_hanging_checks_is_bounded(self, fleet):
        def fail_late(method, key):
            fleet.clock.tick(0.9)
            raise IOError("timed out")
        fleet.backend.broken = fail_late
        fleet.eager, fleet.meanwhile = False, [fleet.work]
        health = fleet.process(Check("one", fleet.hang), Check("two", fleet.hang), timeout=1)
        report = health.run()
        assert fleet.waits == [1.0, 0.1]
        assert [one["output"] for one in report.results] == [
            "the shared cache took 0.9 s of 1 s"] * 2

    def test_it_is_no_failure_of_the_check(self, fleet, caplog):
        changes, check = [], Check()
        health = fleet.process(check, timeout=1, success_ttl=5,
                               on_change=lambda *change: changes.append(change[:2]))
        hang, fleet.backend.broken = fleet.backend.broken, None
        health.run()
        fleet.backend.broken = hang
        fleet.clock.tick(10)
        result = only(health)
        assert (result["passed"], result["output"]) == (False, "the shared cache took 1.0 s of 1 s")
        assert changes == [(None, "success")] and health.cache.reported(health.checkers[0]).passed
        assert "is failing" not in caplog.text
        assert health.cache.history(health.checkers[0]) == [(True, pytest.approx(0, abs=1))]
        fleet.release()
        since = health.cache.reported(health.checkers[0]).since
        assert output_of(health) == "fine" and only(health)["since"] == since
        assert check.runs == 2 and health.cache.history(health.checkers[0])[1][0] is True

    @pytest.mark.parametrize("run", ["run", "run_check"])
    def test_nor_is_an_answer_that_ends_after_the_run(self, fleet, caplog, run):
        caplog.set_level(logging.INFO, "bottle_healthcheck")
        changes = []
        health = fleet.process(Check(), timeout=1, success_ttl=1,
                               on_change=lambda *args: changes.append(args))
        fleet.backend.broken, fleet.eager = None, False
        fleet.work_after(0.1)
        health.run()
        # The worker gets its answer to what it has published byte by byte, for half an hour.
        for _ in range(10):
            fleet.clock.tick(180)
            if run == "run":
                result = only(health)
            else:
                result = health.run_check("check")
            assert result["output"].startswith("the shared cache")
        assert health.cache.reported(health.checkers[0]).passed
        assert [record.getMessage() for record in caplog.records if "check check" in
                record.getMessage()] == []
        assert len(changes) == 1
        fleet.work()
        assert only(health)["passed"]

    def test_previous_result_is_used_where_it_may_be(self, fleet):
        health = fleet.process(Check(returns=(True, "previous")), timeout=1, success_ttl=5)
        hang, fleet.backend.broken = fleet.backend.broken, None
        first = only(health)
        fleet.backend.broken = hang
        fleet.clock.tick(7)
        assert only(health) == first
        assert only(health) == first  # at once
        assert fleet.waits == [1.0]

    def test_who_wants_a_new_run_gets_no_previous_result(self, fleet):
        health = fleet.process(Check(returns=(True, "previous")), timeout=1, success_ttl=5)
        hang, fleet.backend.broken = fleet.backend.broken, None
        health.run()
        fleet.backend.broken = hang
        fleet.clock.tick(7)
        assert output_of(health) == "previous"
        result = health.run_check("check")
        assert result["output"] == "the shared cache has not answered for 1.0 s"

    def test_check_that_had_no_time_left_has_not_failed(self, fleet):
        health = fleet.process(Check(returns=fleet.hang), timeout=1)
        self.starts_after(fleet, 0.9)
        assert output_of(health) == "the shared cache took 0.9 s of 1 s"
        assert fleet.waits == [1.0, 0.1]
        assert health.cache.reported(health.checkers[0]) is None
        fleet.meanwhile = [fleet.release]
        assert output_of(health) == "late"
        assert health.cache.history(health.checkers[0]) == [(True, pytest.approx(0, abs=60))]

    @pytest.mark.parametrize("returns, output", [(True, "late"), (False, "timed out after 1 s")])
    def test_check_has_all_its_time_after_a_short_delay(self, fleet, returns, output):
        health = fleet.process(Check(returns=fleet.hang), timeout=1)
        self.starts_after(fleet, 0.0625)
        if returns:
            fleet.meanwhile.append(lambda: (fleet.clock.tick(0.03125), fleet.release()))
        assert output_of(health) == output
        assert fleet.waits == [1.0, 0.0625]

    def test_hanging_check_fails_after_its_whole_timeout(self, fleet):
        health = fleet.process(Check(returns=fleet.hang), timeout=1)
        self.starts_after(fleet, 0.9)
        output_of(health)
        fleet.clock.tick(0.25)
        assert output_of(health) == "timed out after 1 s"
        assert output_of(health) == "still running after 1.0 s"
        assert fleet.waits == [1.0, 0.1, 0.55]

    def test_joining_request_waits_no_longer(self, fleet):
        health = fleet.process(Check(returns=fleet.hang), timeout=1)
        fleet.eager = False
        fleet.start_run(health)
        fleet.work()
        fleet.clock.tick(0.9)
        fleet.meanwhile = [lambda: (fleet.clock.tick(0.5), fleet.release())]
        del fleet.waits[:]
        assert output_of(health) == "the shared cache took 0.5 s of 1 s"
        assert fleet.waits == [1.0, 0.1]

    @pytest.mark.parametrize("now", [1000.0, 0.25])  # that soon after the machine's start, too
    def test_silent_cache_keeps_nobody_waiting(self, fleet, lines, now):
        fleet.clock.now = now
        health = fleet.process(Check(), Check("other"), timeout=1)
        health.run(check="check")
        fleet.clock.tick(2)
        del fleet.waits[:]
        report = health.run()
        assert [one["output"] for one in report.results] == ["fine"] * 2  # without the cache
        assert fleet.waits == []
        assert lines() == [("WARNING", "the shared cache fails, and is left alone for 10 s: "
                                       "it has not answered for 1.0 s")]

    @pytest.mark.parametrize("forced", [False, True])
    def test_run_that_its_client_holds_is_given_up(self, fleet, forced):
        check = Check()
        health = fleet.process(check, timeout=1, success_ttl=5)
        assert output_of(health) == "the shared cache took 1.0 s of 1 s"
        for number in range(1, 30):  # far longer than a failing client is left alone
            fleet.clock.tick(10)
            result = health.run_check("check") if forced else only(health)
            assert (result["output"], check.runs) == ("fine", number)
        fleet.release()  # the client returns at last
        assert check.runs == 29
        assert fleet.worker_names == ["healthcheck check"] * 2

    def test_run_that_two_requests_give_up_gets_another_worker(self, fleet):
        health = fleet.process(Check(), timeout=1)
        output_of(health)
        fleet.clock.tick(10)
        run, = internals.runs_of(health.cache).values()

        def interrupted():
            raise KeyboardInterrupt()
        run.worker.stop = interrupted
        with pytest.raises(KeyboardInterrupt):
            health.run()  # it gives the run up, and is interrupted
        del run.worker.stop
        assert output_of(health) == "fine"
        assert fleet.worker_names == ["healthcheck check"] * 2

    @staticmethod
    def held_after_the_check(fleet):
        """A check and its HealthCheck; the next run waits for the worker of the first."""
        hang, fleet.backend.broken = fleet.backend.broken, None
        check = Check(returns=lambda: (True, setattr(fleet.backend, "broken", hang) or "fine"))
        health = fleet.process(check, timeout=1, success_ttl=5)
        assert output_of(health) == "fine"
        fleet.eager = False  # its worker waits for the reply to what it has published
        fleet.clock.tick(10)
        assert output_of(health) == "the shared cache took 1.0 s of 1 s"
        return check, health

    def test_run_held_after_the_check_holds_no_other(self, fleet):
        check, health = self.held_after_the_check(fleet)
        stuck = list(fleet.jobs)
        fleet.eager = True
        del fleet.jobs[:]
        fleet.clock.tick(1)
        assert output_of(health) == "fine"
        for job in stuck:  # that worker goes on, and leaves to others what they have done
            job()
        assert check.runs == 2

    def test_run_that_an_interrupted_request_gave_up_is_given_up_again(self, fleet):
        _, health = self.held_after_the_check(fleet)
        fleet.clock.tick(1)
        run, = internals.runs_of(health.cache).values()

        def interrupted():
            raise KeyboardInterrupt()
        run.worker.stop = interrupted
        with pytest.raises(KeyboardInterrupt):
            health.run()
        del run.worker.stop
        fleet.backend.broken = None
        fleet.release()  # the client returns, and the worker goes on with the job of that run
        fleet.eager = True
        fleet.work()
        fleet.clock.tick(60)
        assert output_of(health) == "fine"

    def test_run_whose_check_has_begun_is_not_given_up(self, fleet):
        health = fleet.process(Check(returns=fleet.hang), timeout=1)
        self.starts_after(fleet, 0.5)
        assert output_of(health) == "the shared cache took 0.5 s of 1 s"
        fleet.clock.tick(600)
        assert output_of(health).startswith("still running after 600")

    def test_run_elsewhere_that_hangs_is_a_failure(self, fleet):
        fleet.backend.broken = None
        fleet.crash_during_run()
        health = fleet.process(Check(), timeout=1)
        assert output_of(health) == "timed out after 1 s"
        assert health.cache.reported(health.checkers[0]).passed is False

    def test_cache_that_hangs_in_the_wait_for_a_run(self, fleet):
        hang, fleet.backend.broken = fleet.backend.broken, None
        fleet.crash_during_run()
        health = fleet.process(Check(), timeout=1)
        fleet.meanwhile = [lambda: setattr(fleet.backend, "broken", hang)]
        assert output_of(health) == "the shared cache took 0.8 s of 1 s"
        assert health.cache.reported(health.checkers[0]) is None

    @pytest.mark.parametrize("timeout, output", [
        (0.625, "timed out after 0.625 s"),  # it has hung since 0.6 s
        (0.75, "the shared cache took 0.1 s of 0.75 s"),
    ])
    def test_cache_that_hangs_at_the_end_of_that_wait(
            self, fleet, lines, timeout, output):
        hang, fleet.backend.broken = fleet.backend.broken, None
        fleet.crash_during_run()
        health = fleet.process(Check(), timeout=timeout)
        fleet.meanwhile = [lambda: None] * 2 + [lambda: setattr(fleet.backend, "broken", hang)]
        assert output_of(health) == output
        assert fleet.sleeps == [0.2] * 3
        assert lines() == []  # it has not been silent for long

    def test_short_delay_after_that_wait_is_not_blamed(
            self, fleet, monkeypatch):
        hang, fleet.backend.broken = fleet.backend.broken, None
        internals.replace(monkeypatch, internals.POLL_INTERVAL, 0.1)
        fleet.clock.now = 0.0  # it hangs from 0.1 to 0.2, whose difference is not rounded
        fleet.crash_during_run()
        health = fleet.process(Check(), timeout=0.15)
        fleet.meanwhile = [lambda: setattr(fleet.backend, "broken", hang),
                           lambda: fleet.clock.tick(0.1)]
        assert output_of(health) == "timed out after 0.15 s"
        assert fleet.sleeps == [0.1] and fleet.clock.now == 0.2

    def test_cache_that_hangs_in_that_wait_right_after_boot(self, fleet):
        hang, fleet.backend.broken = fleet.backend.broken, None
        fleet.clock.now = 0.0
        fleet.crash_during_run()
        health = fleet.process(Check(), timeout=0.625)
        fleet.meanwhile = [lambda: setattr(fleet.backend, "broken", hang)]
        assert output_of(health) == "the shared cache took 0.4 s of 0.625 s"

    def test_check_that_started_in_time_has_failed(self, fleet):
        fleet.clock.now = 0.0  # or rounding would change the delay
        health = fleet.process(Check(returns=fleet.hang), timeout=1)
        fleet.eager = False
        fleet.start_run(health)
        fleet.work()
        fleet.meanwhile = [lambda: (fleet.clock.tick(0.1), fleet.release())]
        assert output_of(health) == "timed out after 1 s"

    def test_failure_that_blames_it_expires_at_once(self, fleet):
        result = only(fleet.process(Check(), timeout=1))
        assert result["output"] == "the shared cache took 1.0 s of 1 s"
        assert result["expires"] == result["timestamp"]

    def test_without_a_timeout_late_start_prolongs_the_wait(self, fleet):
        health = fleet.process(Check())
        run = internals.register_run(health.cache, health.checkers[0])
        fleet.meanwhile = [lambda: setattr(run, "started", fleet.clock.now + 0.5)]
        assert output_of(health) == "the shared cache took 0.5 s of 2 s"
        assert fleet.waits == [2.0, 0.1]

    def test_without_a_timeout_the_wait_is_two_seconds(self, fleet):
        health = fleet.process(Check())
        internals.register_run(health.cache, health.checkers[0])  # its request asks the backend
        assert output_of(health) == "the shared cache took 2.0 s of 2 s"
        assert fleet.waits == [2.0]
        assert health.cache.reported(health.checkers[0]) is None


class TestInterruptedRequest(object):
    """No run stays registered that nobody executes."""

    @pytest.mark.parametrize("method, nth", [("get", 1), ("add", 1), ("set", 1), ("set", 2)])
    @pytest.mark.parametrize("timeout", [None, 1])
    def test_interrupted_call_of_backend_leaves_no_run(self, fleet, method, nth, timeout):
        calls = []

        def interrupted(called, key):
            calls.append(called)
            if calls.count(method) == nth and called == method:
                raise KeyboardInterrupt()
            return None if called == "get" else True
        fleet.backend.broken = interrupted
        check = Check()
        health = fleet.process(check, timeout=timeout)
        fleet.work_after(0.1)
        try:
            health.run()
        except KeyboardInterrupt:
            pass
        fleet.backend.broken = None
        fleet.meanwhile = [fleet.work]
        assert output_of(health) == "fine"
        assert internals.runs_of(health.cache) == {}

    @pytest.mark.parametrize("timeout", [None, 1])
    def test_request_that_ends_while_it_waits_leaves_no_run(self, fleet, timeout):
        fleet.crash_during_run()
        health = fleet.process(Check(), timeout=timeout)
        fleet.start_run(health)
        fleet.work()
        assert internals.runs_of(health.cache) == {}

    def test_check_that_ends_the_request_leaves_no_other_run(self, fleet):
        fleet.crash_during_run()

        def interrupted():
            raise KeyboardInterrupt()
        check, other = Check(), Check("other", interrupted)
        health = fleet.process()
        health.add_check(check, timeout=1)
        health.add_check(other)
        with pytest.raises(KeyboardInterrupt):
            health.run()
        fleet.work()
        fleet.clock.tick(10)
        fleet.meanwhile = [fleet.work]
        assert health.run(check="check").results[0]["output"] == "fine"

    def test_waiting_request_takes_over(self, fleet):
        """The first asks; a second request of the same process waits for that, and asks itself."""
        health = fleet.process(Check())
        seen = []

        def interrupted(method, key):
            fleet.backend.broken = None
            run, = internals.runs_of(health.cache).values()
            seen.append(run)
            raise KeyboardInterrupt()
        fleet.backend.broken = interrupted
        with pytest.raises(KeyboardInterrupt):
            health.run()
        outcome = internals.outcome_of_waiting(health.cache, health.checkers[0], seen[0],
                                               fleet.clock.now, fleet.clock.now + 2)
        assert outcome.output == "fine"

    def test_waiting_request_that_wakes_late_claims_at_once(self, fleet):
        health = fleet.process(Check(), timeout=2)
        checker = health.checkers[0]
        run = internals.register_run(health.cache, checker)
        begun = fleet.clock.now

        def late():  # this thread runs again after three seconds only
            fleet.clock.tick(3)
            internals.give_up(health.cache, run)
        fleet.meanwhile = [late]
        outcome = internals.outcome_of_waiting(health.cache, checker, run, begun, begun + 2)
        assert outcome.output == "the shared cache took 0.0 s of 2 s"
        assert len(fleet.jobs) == 1 and fleet.waits == [2.0]


class TestManyThreads(object):

    @pytest.mark.parametrize("timeout", [None, 600])
    @pytest.mark.parametrize("processes, threads", [(2, 1), (1, 32), (4, 8)])
    def test_check_runs_once_for_many_processes_and_threads(
            self, monkeypatch, processes, threads, timeout):
        internals.replace(monkeypatch, internals.POLL_INTERVAL, 0.01)
        internals.wait_longer(monkeypatch)
        backend, requests, outputs = CacheServer(), [], []
        everybody = threading.Event()

        def check():
            check.runs += 1
            everybody.wait(60)
            return True, "once"
        check.runs = 0
        healths = [HealthCheck(checkers=[check], timeout=timeout,
                               cache=ResultCache(backend=backend, prefix="shop"))
                   for _ in range(processes)]

        def ask(health):
            requests.append(1)
            if len(requests) == processes * threads:
                everybody.set()
            outputs.append(health.run().results[0]["output"])
        workers = [threading.Thread(target=ask, args=(health,)) for health in healths * threads]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(60)
        assert outputs == ["once"] * processes * threads
        assert check.runs == 1
        assert [internals.runs_of(health.cache) for health in healths] == [{}] * processes


class TestArguments(object):

    def test_second_check_of_a_name_is_refused(self, fleet):
        check, other = Check(), Check()
        health = fleet.process(check)
        fleet.process(check, cache=health.cache)  # the same check in another endpoint
        with pytest.raises(ValueError, match="another check named 'check' shares its results"):
            fleet.process(other, cache=health.cache)
        with pytest.raises(ValueError, match="give this one another name"):
            fleet.process(cache=health.cache).add_check(Check("its own"), name="check")
        alone = ResultCache()
        fleet.process(check, cache=alone)
        fleet.process(other, cache=alone)  # nothing is shared by name without a backend

    @pytest.mark.parametrize("backend, prefix, error, message", [
        (object(), "shop", TypeError, "backend is of type object, expected a client of redis-py"),
        ({}, "shop", TypeError, "backend is of type dict, expected a client of redis-py or"),
        (CacheServer(), None, TypeError, "prefix is None, expected text such as 'shop'"),
        (CacheServer(), 5, TypeError, "prefix is of type int, expected text"),
        (CacheServer(), "", ValueError, "prefix is empty, expected a text that separates"),
        (None, "shop", ValueError, "prefix is given without a backend"),
    ])
    def test_wrong_argument_is_refused(self, backend, prefix, error, message):
        with pytest.raises(error, match=message):
            ResultCache(backend=backend, prefix=prefix)
