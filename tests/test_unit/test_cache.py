"""bottle_healthcheck._engine.cache: which outcome a request gets, rule by rule."""
import functools
import gc
import logging
import os
import sys
import threading
import time
import weakref

import pytest

from bottle_healthcheck import HealthCheck, ResultCache
from tests import internals
from tests.worlds import Check, Gone, run_python
from tests.helpers import PY2, wait_until
from tests.wsgi import ask_webtest


def outcome(report, index=0):
    """(passed, output) of one of a report's results."""
    return report.results[index]["passed"], report.results[index]["output"]


def health_of(check, **options):
    """A HealthCheck with that one check."""
    return HealthCheck(checkers=[check], **options)


def do_nothing():
    """A callback without any effect."""


class TestFreshResult(object):
    """Rule 1: a fresh result is used."""

    @pytest.mark.parametrize("began", [1000.0, 0.75])  # that soon after the machine's start, too
    @pytest.mark.parametrize("passed, lifetime", [(True, 27), (False, 9)])
    def test_is_used_until_its_lifetime_ends(self, world, began, passed, lifetime):
        world.clock.now = began
        check = Check(returns=(passed, "first"))
        health = health_of(check)
        health.run()
        assert internals.fresh_until(health) == began + lifetime
        check.returns = (passed, "second")
        world.clock.tick(lifetime - 0.125)
        assert outcome(health.run()) == (passed, "first")
        world.clock.tick(0.125)
        assert outcome(health.run()) == (passed, "second")
        assert check.runs == 2

    @pytest.mark.parametrize("nothing_kept", [None, 0])
    def test_without_lifetime_is_not_cached(self, world, nothing_kept):
        check = Check()
        health = health_of(check, success_ttl=nothing_kept, failed_ttl=9)
        for _ in range(3):
            assert outcome(health.run()) == (True, "fine")
        assert check.runs == 3
        check.returns = (False, "down")
        assert outcome(health.run()) == outcome(health.run()) == (False, "down")
        assert check.runs == 4

    def test_at_the_start_of_a_request_is_used(self, world):
        """Also by a HealthCheck that has not used it before, and though others clear it."""
        shared, other = Check("shared"), []
        first = health_of(shared)
        first.run()

        def clears():
            other.append(1)
            first.cache.clear()
            return True, "cleared"
        second = HealthCheck(cache=first.cache, checkers=[clears, shared])
        assert outcome(second.run(), 1) == (True, "fine")
        assert shared.runs == 1
        assert outcome(second.run(), 1) == (True, "fine")
        assert shared.runs == 2

    def test_expires_though_wall_clock_is_set_back(self, world, wall):
        check = Check(returns=(False, "down"))
        health = health_of(check)
        health.run()
        wall.tick(-3600)
        check.returns = (True, "up")
        world.clock.tick(9)
        result = health.run().results[0]
        assert (result["passed"], result["output"]) == (True, "up")
        assert result["timestamp"] == result["since"] == wall.now
        assert result["expires"] == wall.now + 27


def replace_timer(monkeypatch, *times):
    """Replaces the clock of response times by one that shows these, one after another."""
    shown = list(times)
    internals.replace(monkeypatch, internals.TIMER, lambda: shown.pop(0))


class TestResponseTime(object):

    @pytest.mark.parametrize("passed", [True, False])
    @pytest.mark.parametrize("began, ended, took", [(50.0, 50.25, 0.25), (0.25, 0.75, 0.5),
                                                    (50.0, 49.0, 0.0)])
    def test_is_duration_of_run_and_never_negative(
            self, world, monkeypatch, passed, began, ended, took):
        replace_timer(monkeypatch, began, ended)
        assert health_of(Check(returns=(passed, ""))).run().results[0]["response_time"] == took

    def test_of_overrun_is_time_since_start(self, world):
        health = health_of(Check(), timeout=2)
        assert health.run().results[0]["response_time"] == 2.0
        world.clock.tick(1.5)
        assert health.run().results[0]["response_time"] == 3.5

    def test_history_holds_last_sixty_runs(self, world, monkeypatch):
        check = Check(returns=lambda: (check.runs % 2 == 0, ""))
        health = health_of(check, success_ttl=0, failed_ttl=0)
        assert health.cache.history(health.checkers[0]) == []
        times = [time for number in range(61) for time in (100.0, 100.0 + number)]
        replace_timer(monkeypatch, *times)
        for _ in range(61):
            health.run()
        assert health.cache.history(health.checkers[0]) == [
            (number % 2 == 1, float(number)) for number in range(1, 61)]

    def test_history_is_no_longer_while_a_run_overruns(self, world):
        check = Check()
        health = health_of(check, timeout=2, success_ttl=0)
        for _ in range(60):
            world.work_after(0)
            health.run()
        assert outcome(health.run()) == (False, "timed out after 2 s")
        history = health.cache.history(health.checkers[0])
        assert [passed for passed, _ in history] == [True] * 59 + [False]


class TestStartingRun(object):
    """Rule 2: a check that is not running is started."""

    def test_without_timeout_runs_in_thread_of_request(self, world):
        threads = []
        health = health_of(
            Check(returns=lambda: (threads.append(threading.current_thread()), "here")))
        health.run()
        assert threads == [threading.current_thread()]
        assert not world.worker_names and not world.waits

    def test_with_timeout_runs_in_worker(self, world):
        check = Check()
        health = health_of(check, timeout=2)
        world.work_after(1.9)
        assert outcome(health.run()) == (True, "fine")
        assert world.waits == [2.0]
        assert world.worker_names == ["healthcheck check"]

    def test_waits_as_long_right_after_boot(self, world):
        world.clock.now = 0.75
        assert outcome(health_of(Check(), timeout=2).run()) == (False, "timed out after 2 s")
        assert world.waits == [2.0]

    def test_each_check_has_its_own_timeout(self, world):
        health = HealthCheck(timeout=2)
        health.add_check(Check("longest"))
        health.add_check(Check("same"))
        health.add_check(Check("shortest"), timeout=0.5)
        report = health.run()
        assert [result["output"] for result in report.results] == [
            "timed out after 2 s", "timed out after 2 s", "timed out after 0.5 s"]
        assert sum(world.waits) == 2.0

    def test_workers_start_before_inline_checks(self, world):
        order = []
        health = HealthCheck(timeout=2)

        @health.add_check(timeout=None)
        def a():
            order.append("inline a, %d handed over" % len(world.jobs))
            return True, "a"
        health.add_check(lambda: (order.append("timed b"), "b"), name="b")
        health.add_check(lambda: (order.append("inline c"), "c"), name="c", timeout=None)
        health.add_check(lambda: (order.append("timed d"), "d"), name="d")
        world.work_after(0)
        report = health.run()
        assert order == ["inline a, 2 handed over", "inline c", "timed b", "timed d"]
        assert [result["checker"] for result in report.results] == ["a", "b", "c", "d"]

    def test_worker_times_out_while_inline_checks_run(self, world):
        health = HealthCheck()
        health.add_check(lambda: (True, world.clock.tick(5)), name="slow")
        health.add_check(Check("hung"), timeout=2)
        report = health.run()
        assert outcome(report, 1) == (False, "timed out after 2 s")
        assert world.waits == []

    def test_runs_inline_if_no_thread_can_start(self, world):
        world.refuses_threads = True
        check = Check()
        health = health_of(check, timeout=2, stale_while_revalidate=60)
        assert outcome(health.run()) == (True, "fine")
        world.clock.tick(30)
        check.returns = (True, "renewed")
        assert outcome(health.run()) == (True, "renewed")
        assert not world.waits

    def test_tries_thread_again_after_refusal(self, world):
        world.refuses_threads = True
        check = Check()
        health = health_of(check, timeout=2, success_ttl=0)
        health.run()
        world.refuses_threads = False
        world.work_after(0)
        health.run()
        assert world.waits == [2.0] and check.runs == 2

    def test_interrupted_start_of_thread_ends_run(self, world, monkeypatch):
        check = Check()
        health = health_of(check, timeout=2, failed_ttl=0)

        def interrupted(self, job):
            raise Gone()
        with monkeypatch.context() as patch:
            patch.setattr(getattr(*internals.WORKER), "submit", interrupted)
            with pytest.raises(Gone):
                health.run()
        assert health.cache.reported(health.checkers[0]) is None
        world.work_after(0)
        assert outcome(health.run()) == (True, "fine")

    def test_run_outlives_its_interrupted_request(self, monkeypatch):
        release = threading.Event()
        check = Check(returns=lambda: (release.wait(60), "done"))
        health = HealthCheck(checkers=[check], timeout=60)
        start = getattr(*internals.start_place(health.cache))

        def start_and_end(*args):  # as a signal's handler that raises ends a request
            start(*args)
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            internals.replace(patch, internals.start_place(health.cache), start_and_end)
            with pytest.raises(KeyboardInterrupt):
                health.run()
        release.set()
        assert outcome(health.run()) == (True, "done")
        assert check.runs == 1


def stale_health(world, check):
    health = health_of(check, timeout=2, success_ttl=10, stale_while_revalidate=60)
    world.work_after(0)
    health.run()
    check.returns = (True, "renewed")
    return health


class TestStaleWhileRevalidate(object):
    """Rule 2: an outcome that expired a short while ago is used while a worker renews it."""

    @pytest.mark.parametrize("age", [10, 69.999])
    def test_stale_result_is_used_at_once(self, world, age):
        check = Check()
        health = stale_health(world, check)
        world.clock.tick(age)
        assert outcome(health.run()) == outcome(health.run()) == (True, "fine")
        assert world.waits == [2.0] and len(world.jobs) == 1
        world.work()
        assert outcome(health.run()) == (True, "renewed")
        assert check.runs == 2

    def test_result_stale_for_too_long_is_not_used(self, world):
        health = stale_health(world, Check())
        world.clock.tick(70)
        world.work_after(0)
        assert outcome(health.run()) == (True, "renewed")

    @pytest.mark.parametrize("nothing_kept", [None, 0])
    def test_without_lifetime_nothing_is_stale(self, world, nothing_kept):
        check = Check()
        health = health_of(check, timeout=2, success_ttl=nothing_kept, stale_while_revalidate=60)
        for _ in range(2):
            world.work_after(0)
            assert outcome(health.run()) == (True, "fine")
        assert world.waits == [2.0] * 2 and check.runs == 2

    def test_stale_result_is_used_until_renewal_overruns(self, world):
        check = Check()
        health = stale_health(world, check)
        world.clock.tick(40)  # longer than its lifetime: by rule 3 alone, nobody would use it
        health.run()
        world.clock.tick(1.999)
        assert outcome(health.run()) == (True, "fine")
        world.clock.tick(0.001)
        assert outcome(health.run()) == (False, "still running after 2.0 s")
        assert len(world.jobs) == 1

    def test_renewal_overruns_right_after_boot(self, world):
        world.clock.now = 0.25
        health = health_of(Check(), timeout=2, success_ttl=0.25, stale_while_revalidate=60)
        world.work_after(0)
        health.run()
        world.clock.tick(0.25)
        assert outcome(health.run()) == (True, "fine")
        world.clock.tick(1.875)
        assert outcome(health.run()) == (True, "fine")
        world.clock.tick(0.125)
        assert outcome(health.run()) == (False, "still running after 2.0 s")


def second_request_during(world, health, check, age):
    """The report of a second request, made when the first has run the check for so long."""
    answers = []

    def running():
        world.clock.tick(age)
        answers.append(health.run())
        return True, "at last"
    check.returns = running
    assert outcome(health.run()) == (True, "at last")
    return answers[0]


class TestRunningCheck(object):
    """Rule 3: a check is running; the previous outcome is used, or the request joins the run."""

    def test_previous_result_is_used(self, world):
        check = Check(returns=(True, "previous"))
        health = health_of(check, timeout=2)
        world.work_after(0)
        health.run()
        world.clock.tick(27)
        world.start_run(health)
        check.returns = (True, "new")
        world.clock.tick(1.999)
        assert outcome(health.run()) == (True, "previous")
        world.clock.tick(0.001)
        assert outcome(health.run()) == (False, "still running after 2.0 s")
        world.clock.tick(0.5)
        assert outcome(health.run()) == (False, "still running after 2.5 s")
        assert world.waits == [2.0, 2.0]

    @pytest.mark.parametrize("overdue, used", [(26.999, True), (27, False), (40, False)])
    def test_previous_result_is_used_for_one_more_lifetime(self, world, overdue, used):
        health = health_of(Check(returns=(True, "previous")), timeout=60)
        world.work_after(0)
        health.run()
        world.clock.tick(27 + overdue)
        world.start_run(health)
        del world.waits[:]
        assert outcome(health.run())[0] is used
        assert world.waits == ([] if used else [60.0])

    def test_joining_request_waits_until_timeout_of_run(self, world):
        health = health_of(Check(), timeout=2)
        world.start_run(health)
        world.clock.tick(1.5)
        del world.waits[:]
        assert outcome(health.run()) == (False, "timed out after 2 s")
        assert world.waits == [0.5]

    def test_joining_request_gets_outcome_of_run(self, world):
        check = Check()
        health = health_of(check, timeout=2)
        world.start_run(health)
        world.work_after(0.5)
        assert outcome(health.run()) == (True, "fine")
        assert check.runs == 1

    @pytest.mark.parametrize("nothing_kept", [None, 0])
    def test_request_joins_run_where_nothing_is_cached(self, world, nothing_kept):
        check = Check()
        health = health_of(check, timeout=2, success_ttl=nothing_kept, failed_ttl=nothing_kept)
        world.work_after(0)
        health.run()
        answers = []
        world.meanwhile.append(lambda: answers.append(health.run()))
        world.work_after(0)
        answers.append(health.run())
        assert [outcome(answer) for answer in answers] == [(True, "fine")] * 2
        assert check.runs == 2 and len(world.waits) == 3

    @pytest.mark.parametrize("age, waits, output", [
        (0, [2.0], "timed out after 2 s"),
        (7.9, [2.0], "timed out after 2 s"),
        (8, [2.0], "timed out after 10 s"),
        (9.5, [0.5], "timed out after 10 s"),
        (10, [], "still running after 10.0 s"),
        (12.34, [], "still running after 12.3 s"),
    ])
    def test_without_timeout_others_wait_two_seconds(self, world, age, waits, output):
        check = Check()
        health = health_of(check)
        assert outcome(second_request_during(world, health, check, age)) == (False, output)
        assert world.waits == waits and check.runs == 1

    def test_without_timeout_nothing_is_stale(self, world):
        check = Check(returns=(True, "previous"))
        health = HealthCheck(timeout=2, stale_while_revalidate=60)
        health.add_check(check, timeout=None, success_ttl=0.25)
        health.run()
        world.clock.tick(0.75)
        assert outcome(second_request_during(world, health, check, 0)) == (
            False, "timed out after 2 s")

    @pytest.mark.parametrize("reading", range(1, 6))
    def test_run_that_ends_meanwhile_is_not_repeated(
            self, world, monkeypatch, reading):
        """Whenever it ends: at each time that the request reads the clock."""
        check = Check()
        health = health_of(check, timeout=2)
        world.start_run(health)
        readings = []

        def work_meanwhile():
            readings.append(1)
            if len(readings) == reading:
                world.work()
            return world.clock.now
        internals.replace(monkeypatch, internals.CLOCK, work_meanwhile)
        world.work_after(0)
        assert outcome(health.run()) == (True, "fine")
        assert check.runs == 1

    def test_without_timeout_all_waits_share_two_seconds(self, world):
        health, answers = HealthCheck(), []

        def second():
            answers.append(health.run())
            return True, "second"

        def first():
            other = HealthCheck(cache=health.cache)
            other.add_check(health.checkers[1].func, name="second")
            other.run()
            return True, "first"
        health.add_check(first)
        health.add_check(second)
        health.run()
        assert [result["output"] for result in answers[0].results] == ["timed out after 2 s"] * 2
        assert world.waits == [2.0]

    def test_without_timeout_previous_result_is_used(self, world):
        check = Check(returns=(True, "previous"))
        health = health_of(check)
        health.run()
        world.clock.tick(27)
        assert outcome(second_request_during(world, health, check, 9.999)) == (True, "previous")
        world.clock.tick(27)
        assert outcome(second_request_during(world, health, check, 10)) == (
            False, "still running after 10.0 s")
        assert world.waits == []

    def test_check_that_runs_itself_does_not_hang(self, world):
        health = HealthCheck()

        @health.add_check
        def myself():
            return health.run_check("myself")["passed"], "asked"
        assert outcome(health.run()) == (False, "asked")


class TestOverrun(object):
    """Rule 4: a check runs for longer than its limit; its late outcome counts when it returns."""

    def test_is_reported_at_once_until_check_returns(self, world):
        check = Check(returns=(True, "late"))
        health = health_of(check, timeout=2)
        health.run()
        for age in (2.0, 12.3, 3600.0):
            world.clock.now = 1000.0 + age
            assert outcome(health.run()) == (False, "still running after %.1f s" % age)
        assert world.waits == [2.0] and len(world.jobs) == 1
        world.work()
        assert outcome(health.run()) == (True, "late")
        assert check.runs == 1

    def test_is_a_failure_in_history_though_check_passed(self, world):
        health = health_of(Check(), timeout=2, success_ttl=0)
        world.work_after(0)
        health.run()
        health.run()
        world.work()
        assert [passed for passed, _ in health.cache.history(health.checkers[0])] == [True, False]

    def test_lifetime_of_late_result_begins_with_return(self, world):
        check = Check(returns=(True, "late"))
        health = health_of(check, timeout=2)
        health.run()
        world.clock.tick(100)
        world.work()
        world.clock.tick(26.999)
        assert outcome(health.run()) == (True, "late")
        assert not world.jobs
        world.clock.tick(0.001)
        world.start_run(health)
        assert len(world.jobs) == 1

    def test_is_never_cached(self, world):
        health = health_of(Check(), timeout=2, failed_ttl=1000)
        result = health.run().results[0]
        assert result["expires"] == result["timestamp"]
        assert internals.fresh_until(health) < 0
        world.work()
        assert outcome(health.run()) == (True, "fine")

    def test_check_slower_than_its_timeout_alternates(self, world):
        health = health_of(Check(), timeout=2, success_ttl=10)
        seen = []
        for _ in range(3):
            seen.append(outcome(health.run())[0])
            world.clock.tick(1)
            world.work()
            seen.append(outcome(health.run())[0])
            world.clock.tick(20)  # too old to be a previous result of any use
        assert seen == [False, True] * 3

    def test_outcome_at_timeout_is_preferred(self, world, caplog):
        caplog.set_level(logging.INFO, "bottle_healthcheck")
        health = health_of(Check(), timeout=2)
        world.work_after(2)  # at the very moment at which the wait ends
        assert outcome(health.run()) == (True, "fine")
        assert caplog.records == []

    def test_outcome_that_wait_missed_is_preferred(self, world, monkeypatch, caplog):
        caplog.set_level(logging.INFO, "bottle_healthcheck")
        health = health_of(Check(), timeout=2)
        # The run completes during the wait, which does not notice it.
        monkeypatch.setattr(world, "wait",
                            lambda event, seconds: (world.clock.tick(2), world.work()))
        assert outcome(health.run()) == (True, "fine")
        assert caplog.records == []

    def test_outcome_is_preferred_to_that_of_next_run(
            self, world, monkeypatch, caplog):
        caplog.set_level(logging.INFO, "bottle_healthcheck")
        health = health_of(Check(), timeout=2, success_ttl=0)
        report_overrun = internals.transitions.report_overrun

        def report_late(*args):
            world.work()
            world.work_after(0)
            health.run()
            return report_overrun(*args)
        monkeypatch.setattr(internals.transitions, "report_overrun", report_late)
        assert outcome(health.run()) == (True, "fine")
        assert health.cache.reported(health.checkers[0]).passed
        assert caplog.records == []

    def test_late_success_is_a_recovery(self, world, caplog):
        caplog.set_level(logging.INFO, "bottle_healthcheck")
        health = health_of(Check(), timeout=2)
        health.run()
        health.run()
        world.work()
        health.run()
        assert [record.getMessage() for record in caplog.records] == [
            "check check is failing: timed out after 2 s", "check check has recovered"]

    def test_since_is_time_of_last_change(self, world, wall):
        wall.now = 5000.0
        check = Check()
        health = health_of(check, timeout=2, success_ttl=0, failed_ttl=0)

        def since(in_time):
            wall.tick(100)
            if in_time:
                world.work_after(0)
            return health.run().results[0]["since"]
        assert [since(True), since(True), since(False), since(False)] == [5100, 5100, 5300, 5300]
        world.work()
        assert since(True) == 5400  # the late success was complete before the clock moved on
        check.returns = (False, "down")
        assert [since(True), since(True)] == [5600, 5600]

    @pytest.mark.parametrize("timeout", [None, 2])
    def test_interrupted_late_run_is_run_again(self, world, timeout):
        check = Check()
        health = HealthCheck()
        health.add_check(lambda: (True, internals.give_up(health.cache, run)), name="meanwhile")
        health.add_check(check, timeout=timeout)
        run = internals.register_run(health.cache, health.checkers[1])
        run.started = world.clock.now
        world.clock.tick(20)
        world.work_after(0)
        assert outcome(health.run(), 1) == (True, "fine")
        assert check.runs == 1


class TestRunCheck(object):
    """HealthCheck.run_check joins a run, or starts one, whatever is cached."""

    def test_runs_check_whose_result_is_fresh(self, world):
        check = Check()
        health = health_of(check)
        health.run()
        check.returns = (True, "again")
        for given in ("check", check, health.checkers[0]):
            assert health.run_check(given)["output"] == "again"
        assert check.runs == 4
        assert outcome(health.run()) == (True, "again")
        assert check.runs == 4

    def test_joins_run(self, world):
        check = Check()
        health = health_of(check, timeout=2)
        world.start_run(health)
        world.work_after(0.5)
        assert health.run_check(check)["output"] == "fine"
        assert check.runs == 1

    def test_uses_no_previous_and_no_stale_result(self, world):
        check = Check()
        health = stale_health(world, check)
        world.clock.tick(11)
        world.start_run(health_of(check, timeout=2, cache=health.cache, success_ttl=0))
        world.work_after(0.5)
        assert health.run_check(check)["output"] == "renewed"

    def test_reports_overrun_at_once(self, world):
        health = health_of(Check(), timeout=2)
        health.run()
        world.clock.tick(1)
        assert health.run_check("check")["output"] == "still running after 3.0 s"
        assert world.waits == [2.0]

    def test_waits_two_seconds_for_run_without_timeout(self, world):
        answers = []
        check = Check(returns=lambda: (True, answers.append(health.run_check(check)["output"])))
        health = health_of(check)
        health.run()
        assert answers == ["timed out after 2 s"]
        assert world.waits == [2.0] and check.runs == 1

    def test_result_has_the_name_that_was_given(self, world):
        health, check = HealthCheck(), Check()
        health.add_check(check, name="one")
        health.add_check(check, name="other")
        assert health.run_check("other")["checker"] == "other"
        assert health.run_check(health.checkers[1])["checker"] == "other"
        assert health.run_check(check)["checker"] == "one"


class TestClear(object):

    def test_forgets_every_result(self, world):
        first, second = Check("first"), Check("second")
        health = HealthCheck(checkers=[first, second])
        health.run()
        health.cache.clear()
        health.run()
        assert (first.runs, second.runs) == (2, 2)

    def test_keeps_run_in_progress(self, world):
        check = Check()
        health = health_of(check, timeout=2)
        world.work_after(0)
        health.run()
        world.clock.tick(27)
        world.start_run(health)
        health.cache.clear()
        world.work_after(0.5)  # no previous result any more, and no second run
        assert outcome(health.run()) == (True, "fine")
        assert outcome(health.run()) == (True, "fine")
        assert check.runs == 2


class TestChangedOption(object):
    """It takes effect at once, on cached results and on kept responses."""

    @pytest.fixture
    def health(self, world, app):
        health = HealthCheck(app, "/healthcheck", checkers=[Check(returns=(False, "down"))])
        assert ask_webtest(app).status_code == 500
        return health

    def test_check_is_no_longer_critical(self, health, app):
        health.checkers[0].critical = False
        answer = ask_webtest(app)
        assert answer.status_code == 200 and answer.json["results"][0]["critical"] is False
        health.checkers[0].critical = True
        assert ask_webtest(app).status_code == 500

    def test_it_counts_while_a_result_is_made(self, health, app, monkeypatch):
        checker, kind = health.checkers[0], internals.check_module.Check
        lifetime = kind.lifetime

        def change_meanwhile(self, passed):
            before = lifetime(self, passed)
            if self.failed_ttl == 9:
                self.failed_ttl = 5
            return before
        checker.critical = True  # its result is made again
        monkeypatch.setattr(kind, "lifetime", change_meanwhile)
        health.run()
        assert checker.failed_ttl == 5
        result = health.run().results[0]
        assert result["expires"] == result["timestamp"] + 5
        result = ask_webtest(app).json["results"][0]
        assert result["expires"] == result["timestamp"] + 5

    def test_lifetime(self, health, app, world):
        result = ask_webtest(app).json["results"][0]
        health.checkers[0].failed_ttl = 5
        changed = ask_webtest(app).json["results"][0]
        assert changed == dict(result, expires=result["timestamp"] + 5)
        world.clock.tick(5)
        ask_webtest(app)
        assert health.checkers[0].func.runs == 2
        health.checkers[0].failed_ttl = None
        ask_webtest(app)
        assert health.checkers[0].func.runs == 3

    def test_timeout(self, health, app, world):
        world.clock.tick(9)
        health.checkers[0].timeout = 2
        assert ask_webtest(app).json["results"][0]["output"] == "timed out after 2 s"
        assert world.waits == [2.0]

    def test_it_is_shown_by_the_run_that_comes_next(self, health, app):
        health.checkers[0].critical = False
        assert health.run().passed
        assert health.run_check("check")["critical"] is False

    @pytest.mark.parametrize("option, value", [
        ("critical", "no"), ("timeout", 0), ("success_ttl", -1), ("failed_ttl", "9")])
    def test_what_makes_no_sense_is_refused(self, health, option, value):
        before = getattr(health.checkers[0], option)
        with pytest.raises((TypeError, ValueError), match=option):
            setattr(health.checkers[0], option, value)
        assert getattr(health.checkers[0], option) == before

    @pytest.mark.parametrize("name", ["func", "key", "settings", "__name__"])
    def test_what_a_check_is_known_by_cannot_be_changed(self, health, name):
        with pytest.raises(AttributeError, match="%s of a registered check" % name):
            setattr(health.checkers[0], name, "other")
        assert [check.__name__ for check in health.checkers] == ["check"]

    def test_new_timeout_brings_stale_results_with_it(self, world):
        check = Check()
        health = HealthCheck(timeout=1, stale_while_revalidate=60, success_ttl=10)
        health.add_check(check, timeout=None)
        health.run()
        health.checkers[0].timeout = 2
        world.clock.tick(60)
        assert health.run().passed
        assert len(world.jobs) == 1 and world.waits == []


def reports_of_threads(health, count=32):
    """The reports of so many threads that call health.run() at once."""
    here, answers = [], []
    go = threading.Event()

    def ask():
        here.append(1)
        go.wait(60)
        answers.append(health.run())
    threads = [threading.Thread(target=ask) for _ in range(count)]
    for thread in threads:
        thread.start()
    go.set()
    for thread in threads:
        thread.join(60)
    assert len(answers) == len(here) == count
    return answers


class TestManyThreads(object):

    @pytest.mark.parametrize("timeout", [None, 600])
    @pytest.mark.parametrize("state", ["cold", "expired long ago"])
    def test_run_a_check_once(self, timeout, state, monkeypatch):
        internals.wait_longer(monkeypatch)
        check = Check()
        health = health_of(check, timeout=timeout)
        if state != "cold":
            now = [1000.0]
            health.run()
            internals.replace(monkeypatch, internals.CLOCK,
                              lambda: now[0] + time.time() % 1000 / 1e3)
            health.cache.clear()
            health.run()
            now[0] += 1000
            check.runs = 0
        answers = reports_of_threads(health)
        assert [outcome(answer) for answer in answers] == [(True, "fine")] * 32
        assert check.runs == 1

    def test_all_wake_when_the_run_is_over(self, monkeypatch):
        waiting, release = [], threading.Event()
        wait = getattr(*internals.WAIT)

        def counted(run, seconds):
            """Releases the check once 31 threads wait for it."""
            waiting.append(run)
            if len(waiting) == 31:
                release.set()
            wait(run, seconds)
        internals.replace(monkeypatch, internals.WAIT, counted)
        internals.wait_longer(monkeypatch)
        check = Check(returns=lambda: (release.wait(60), "done"))
        health = health_of(check, success_ttl=None, failed_ttl=None)
        assert [outcome(answer) for answer in reports_of_threads(health)] == [(True, "done")] * 32
        assert check.runs == 1


class Owner(object):
    """Equal to every other Owner."""

    def __init__(self):
        self.runs = 0

    def __eq__(self, other):
        return isinstance(other, Owner)

    def __hash__(self):
        return 1

    def ping(self):
        self.runs += 1
        return True, self.runs


class TestCacheOfSeveral(object):
    """One cache for several HealthChecks."""

    def test_function_runs_once_for_all(self, world):
        check = Check()
        live = health_of(check)
        ready = HealthCheck(cache=live.cache, success_ttl=5)
        ready.add_check(check, name="other name", critical=False)
        other = HealthCheck(cache=live.cache, checkers=[live.checkers[0]])
        check.returns = (True, "once")
        for health in (live, ready, other):
            assert outcome(health.run()) == (True, "once")
        assert check.runs == 1

    def test_name_critical_and_lifetimes_are_per_reader(self, world):
        check = Check(returns=(False, "down"))
        live = health_of(check, failed_ttl=50)
        ready = HealthCheck(cache=live.cache, failed_ttl=5)
        ready.add_check(check, name="another", critical=False)
        first, second = live.run().results[0], ready.run().results[0]
        assert (first["checker"], second["checker"]) == ("check", "another")
        assert "critical" not in first and second["critical"] is False
        assert first["timestamp"] == second["timestamp"]
        assert first["expires"] == first["timestamp"] + 50
        assert second["expires"] == first["timestamp"] + 5
        assert ready.run().passed and not live.run().passed
        world.clock.tick(6)
        live.run()
        assert check.runs == 1
        ready.run()
        assert check.runs == 2

    def test_changing_a_result_changes_no_other(self, world):
        health = health_of(Check(returns=(True, {"rows": [1, 2]})))
        output = health.run().results[0]["output"]
        output["rows"].append(3)
        output["more"] = "of mine"
        assert outcome(health.run()) == (True, {"rows": [1, 2]})

    def test_readers_of_one_run_have_their_own_timeouts(self, world):
        check = Check()
        patient = health_of(check, timeout=5)
        hasty = HealthCheck(cache=patient.cache, timeout=2, checkers=[check])
        none = HealthCheck(cache=patient.cache, checkers=[check])
        world.start_run(patient)
        assert outcome(hasty.run()) == (False, "timed out after 2 s")
        assert outcome(none.run()) == (False, "timed out after 2 s")
        assert outcome(patient.run()) == (False, "timed out after 5 s")
        assert world.waits == [5.0, 2.0, 2.0, 1.0]
        assert check.runs == 0 and len(world.jobs) == 1

    def test_bound_method_is_known_by_owner_and_function(self, world):
        owner, equal = Owner(), Owner()
        first = HealthCheck(checkers=[owner.ping])
        second = HealthCheck(cache=first.cache, checkers=[owner.ping, equal.ping])
        first.run()
        assert [result["output"] for result in second.run().results] == [1, 1]
        assert (owner.runs, equal.runs) == (1, 1)

    def test_equal_names_are_different_checks(self, world):
        first, second = Check("same"), Check("same")
        health = health_of(first)
        other = HealthCheck(cache=health.cache, checkers=[second])
        health.run()
        other.run()
        assert (first.runs, second.runs) == (1, 1)

    def test_equal_partials_are_different_checks(self, world):
        check = Check()
        partials = [functools.partial(check) for _ in range(2)]
        HealthCheck(checkers=partials).run()
        assert check.runs == 2

    def test_result_of_deleted_function_is_not_used(self, world):
        cache = ResultCache()
        for number in range(100):  # each may well get the address of the last one
            def check(number=number):
                return True, number
            assert outcome(HealthCheck(cache=cache, checkers=[check]).run()) == (True, number)
            del check

    @pytest.mark.parametrize("cache, kind", [(object(), "object"), ({}, "dict")])
    def test_cache_of_another_type_is_refused(self, cache, kind):
        with pytest.raises(TypeError) as refused:
            HealthCheck(cache=cache)
        assert str(refused.value) == (
            "cache is of type %s, expected a ResultCache, such as another HealthCheck's .cache"
            % kind)


class Panic(BaseException):
    """As extensions written in Rust raise."""


OWN_EXCEPTIONS = [Panic, GeneratorExit]
if sys.version_info >= (3, 8):
    import asyncio
    OWN_EXCEPTIONS.append(asyncio.CancelledError)


def raising(kind, *args):
    def check():
        raise kind(*args)
    return check


class TestBaseException(object):
    """What a check raises that is no Exception."""

    @pytest.mark.parametrize("timeout", [None, 600])
    @pytest.mark.parametrize("kind", OWN_EXCEPTIONS)
    def test_is_a_failed_check_that_is_not_cached(self, kind, timeout, caplog):
        check = Check(returns=raising(kind, "at row 7"))
        health = health_of(check, timeout=timeout, success_ttl=60, failed_ttl=60)
        assert outcome(health.run()) == (False, kind.__name__ + ": at row 7")
        first = health.run().results[0]
        assert check.runs == 2
        assert first["expires"] == first["timestamp"]
        assert first["since"] <= first["timestamp"]
        assert len(caplog.records) == 1 and kind.__name__ + ": at row 7" in caplog.text
        check.returns = (True, "fine")
        assert outcome(health.run()) == (True, "fine")

    def test_success_before_a_panic_is_no_previous_result(self, world):
        check = Check()
        health = health_of(check, timeout=2, success_ttl=10, failed_ttl=10)
        world.work_after(0)
        assert outcome(health.run()) == (True, "fine")
        check.returns = raising(Panic)
        world.clock.tick(11)
        world.work_after(0)
        assert outcome(health.run()) == (False, "Panic")
        check.returns = (True, "fine")
        world.start_run(health)
        world.meanwhile = []
        assert outcome(health.run()) == (False, "timed out after 2 s")

    @pytest.mark.parametrize("kind", [KeyboardInterrupt, Gone])
    def test_interrupt_is_no_outcome_of_the_check(self, kind, caplog):
        changes = []
        check = Check(returns=raising(kind))
        health = health_of(check, failed_ttl=60, on_change=lambda *change: changes.append(change))
        with pytest.raises(kind):
            health.run()
        assert (caplog.records, changes) == ([], [])
        assert health.cache.reported(health.checkers[0]) is None
        check.returns = (True, "fine")
        assert outcome(health.run()) == (True, "fine")
        assert check.runs == 2

    @pytest.mark.parametrize("own", [True, False])
    def test_waiting_request_runs_check_after_interrupt(self, own, monkeypatch):
        internals.wait_longer(monkeypatch)
        running, waiting = threading.Event(), threading.Event()

        def interrupted():
            running.set()
            assert waiting.wait(60)
            check.returns = (True, "fine")
            if own:
                raise Panic("mine")
            raise KeyboardInterrupt()
        check = Check(returns=interrupted)
        health = health_of(check, success_ttl=0, failed_ttl=0)
        raised, reports = [], []

        def first():
            try:
                health.run()
            except KeyboardInterrupt as exc:
                raised.append(exc)
        threads = [threading.Thread(target=first),
                   threading.Thread(target=lambda: reports.append(health.run()))]
        threads[0].start()
        assert running.wait(60)
        threads[1].start()
        run, = internals.runs_of(health.cache).values()
        wait_until(lambda: internals.waiters(run), what="the second to wait")
        waiting.set()
        for thread in threads:
            thread.join(60)
        assert len(raised) == (0 if own else 1)
        assert [outcome(report) for report in reports] == [
            (False, "Panic: mine") if own else (True, "fine")]
        assert check.runs == (1 if own else 2)

    @pytest.mark.parametrize("kind", [KeyboardInterrupt, Panic])
    def test_nothing_ends_a_worker(self, kind):
        threads = []

        def ended():
            threads.append(threading.current_thread())
            raise kind("stop")
        check = Check(returns=ended)
        health = health_of(check, timeout=600, failed_ttl=60)
        for _ in range(2):
            assert outcome(health.run()) == (False, kind.__name__ + ": stop")
        assert threads[0] is threads[1]
        check.returns = (True, "fine")
        assert outcome(health.run()) == (True, "fine")

    def test_exception_handler_may_raise_it(self):
        def handler(checker, exc):
            raise raised[0]("of the handler")
        raised = [Panic]
        health = health_of(Check(returns=raising(ValueError, "down")), exception_handler=handler)
        assert outcome(health.run()) == (False, "down")
        raised = [KeyboardInterrupt]
        health = health_of(Check(returns=raising(ValueError, "down")), exception_handler=handler)
        with pytest.raises(KeyboardInterrupt):
            health.run()

    @pytest.mark.skipif(str is not bytes, reason="Python 2 alone raises what is no BaseException")
    def test_old_style_exception_is_a_failed_check(self):
        import types
        old_style = types.ClassType("OldStyle", (), {})
        for timeout in (None, 600):
            check = Check(returns=raising(old_style))
            health = health_of(check, timeout=timeout, failed_ttl=0)
            assert outcome(health.run())[0] is False
            check.returns = (True, "fine")
            assert outcome(health.run()) == (True, "fine")

    @pytest.mark.parametrize("timeout", [None, 30])
    def test_system_exit_is_a_failed_check_and_logged(self, timeout, caplog):
        def leave():
            raise SystemExit("cannot go on")
        health = health_of(Check(returns=leave), timeout=timeout)
        assert outcome(health.run()) == (False, "SystemExit: cannot go on")
        wait_until(lambda: caplog.records, what="the line, written when the request may be over,")
        assert len(caplog.records) == 1 and "Traceback" in caplog.text

    def test_locals_of_failed_check_are_freed_at_once(self):
        class Connection(object):
            pass
        held = []

        def check():
            connection = Connection()
            held.append(weakref.ref(connection))
            raise ValueError("no answer")
        health = health_of(check)
        enabled = gc.isenabled()
        gc.disable()
        try:
            health.run()
            assert held[0]() is None
        finally:
            if enabled:
                gc.enable()


FORK = """
import os, signal, sys, threading
from bottle_healthcheck import HealthCheck
from tests import internals

hang, entered, runs = threading.Event(), threading.Event(), []

def kept():
    runs.append("kept")
    return True, "kept"

def hung():
    runs.append("hung")
    entered.set()
    if os.getpid() == parent:
        hang.wait(60)
    return True, "child"

parent = os.getpid()
health = HealthCheck(timeout=0.05)
health.add_check(kept, timeout=%(timeout)s)
health.run()
health.add_check(hung)
health.run()
entered.wait(60)
del runs[:]
pid = os.fork()
if not pid:
    signal.alarm(60)
    internals.give(health.checkers[1], 60)
    outcomes = [(result["passed"], result["output"]) for result in health.run().results]
    print(outcomes == [(True, "kept"), (True, "child")], runs)
    sys.stdout.flush()
    os._exit(0)
print(os.waitpid(pid, 0)[1])
sys.stdout.flush()
os._exit(0)  # 2.7 complains of threads that are left at exit
"""


class TestProcess(object):
    """Construction, forks and the end of the process."""

    def test_fork_keeps_results_but_no_runs_and_workers(self, world):
        kept, hung = Check("kept"), Check("hung")
        health = HealthCheck(timeout=2)
        health.add_check(kept, timeout=None)
        health.add_check(hung)
        health.run()
        assert outcome(health.run(), 1) == (False, "still running after 2.0 s")
        world.fork()
        world.work_after(0)
        report = health.run()
        assert [result["passed"] for result in report.results] == [True, True]
        assert (kept.runs, hung.runs) == (1, 1)
        assert world.worker_names == ["healthcheck hung"] * 2

    def test_repeated_forks_keep_one_state(self, world):
        health = health_of(Check(), success_ttl=0)
        for _ in range(5):
            health.run()
            world.fork()
        health.run()
        assert internals.processes(health.cache) == [world.pid]
        world.pid = 7  # process numbers start over
        health.run()
        assert internals.processes(health.cache) == [7]

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
    @pytest.mark.parametrize("timeout", [None, 60])
    def test_real_fork_while_a_check_runs(self, timeout):
        script = "from __future__ import print_function" + FORK % {"timeout": timeout}
        status, output, errors = run_python(script)
        assert (status, output, errors) == (0, "True ['hung']\n0\n", "")

    def test_process_ends_while_a_check_hangs(self):
        status, output, errors = run_python(
            "import threading\n"
            "from bottle_healthcheck import HealthCheck\n"
            "health = HealthCheck(timeout=0.05)\n"
            "health.add_check(lambda: threading.Event().wait(3600), name='hung')\n"
            "print(health.run().results[0]['output'])\n")
        assert status == 0
        # The second on a busy machine.
        assert output.startswith(("timed out after 0.05 s", "still running after"))
        assert PY2 or errors == ""  # 2.7 takes the modules apart under a thread that still runs
