"""bottle_healthcheck._engine.runs: runs, what a process knows of them, and cells."""
import threading

import pytest

from tests import internals


@pytest.fixture
def run():
    """A run that begins a quarter of a second after the machine's start."""
    run = internals.runs.Run("key", "check", None)
    run.registered_at = 0.25
    return run


class TestLateRun(object):
    @pytest.mark.parametrize("now, is_late", [(0.25, False), (1.125, False), (1.25, True),
                                              (1.375, True), (2.25, True)])
    def test_shared_cache_has_as_long_as_the_check(self, run, now, is_late):
        assert run.is_late(1.0, now) is is_late

    @pytest.mark.parametrize("now, is_late", [(1.25, False), (1.375, False), (1.5, True),
                                              (1.625, True), (2.5, True)])
    def test_time_of_the_check_begins_with_its_start(self, run, now, is_late):
        run.started = 0.5
        assert run.is_late(1.0, now) is is_late

    def test_run_of_another_process_is_not_late(self, run):
        run.denied_at = 0.5
        assert run.is_late(1.0, 100.0) is False

    def test_run_that_is_over_is_not_late(self, run):
        run.wake_waiters()
        assert run.is_late(1.0, 100.0) is False


class TestDeniedRun(object):
    @pytest.mark.parametrize("moment, is_found", [(0.375, True), (0.5, False), (0.625, False)])
    def test_is_found_if_denied_after_the_moment(self, run, moment, is_found):
        process = internals.runs.ProcessState()
        run.denied_at = 0.5
        process.denied["key"] = run
        assert (process.denied_since("key", moment) is run) is is_found

    def test_of_another_check_is_not_found(self, run):
        process = internals.runs.ProcessState()
        run.denied_at = 0.5
        process.denied["key"] = run
        assert process.denied_since("another", 0.0) is None


class TestWaiters(object):
    def test_all_wake_after_an_interrupt(self, run):
        woken, waits = threading.Lock(), threading.Lock()
        waits.acquire()
        internals.add_waiter(run, woken)  # another thread has released it
        internals.add_waiter(run, waits)
        run.wake_waiters()
        assert not waits.locked()
        run.wake_waiters()

    def test_two_threads_may_wake_them_at_once(self, run):
        class Waiter(object):
            released = 0

            def release(self):
                self.released += 1
                if self.released == 1:
                    run.wake_waiters()  # the other thread
        waiters = [Waiter(), Waiter()]
        for waiter in waiters:
            internals.add_waiter(run, waiter)
        run.wake_waiters()
        assert all(waiter.released for waiter in waiters)


class TestCell(object):
    def test_is_replaced_by_who_has_seen_its_value(self):
        cell = internals.runs.Cell("first")
        seen = cell.latest()
        assert cell.replace(seen, "second") is True
        assert cell.latest().value == "second"

    def test_is_not_replaced_by_who_has_seen_an_older_value(self):
        cell = internals.runs.Cell("first")
        seen = cell.latest()
        cell.replace(seen, "second")
        assert cell.replace(seen, "third") is False
        assert cell.latest().value == "second"

    def test_has_the_value_of_a_writer_that_was_interrupted(self):
        cell = internals.runs.Cell("first")
        first = cell.latest()
        cell.replace(first, "second")
        cell.replace(cell.latest(), "third")
        internals.lose_latest(cell, first)
        assert cell.latest().value == "third"
