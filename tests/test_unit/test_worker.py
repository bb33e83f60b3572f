"""bottle_healthcheck._engine.worker"""
import gc
import sys
import threading
import time
import weakref

import pytest

from tests.helpers import wait_until
from tests.internals import Worker, has_begun, interrupt_idle, lose_thread


def done(worker, job=lambda: None):
    """The thread that ran a job, once it has; what it holds is gone then."""
    threads, ended = [], threading.Event()

    def last():
        threads.append(threading.current_thread())
        ended.set()
    assert worker.submit(job) is True
    assert worker.submit(last) is True
    assert ended.wait(60)
    return threads[0]


class TestThread(object):
    """A worker has one daemon thread, which runs its jobs in order."""

    def test_is_not_started_at_construction(self):
        before = set(threading.enumerate())
        Worker("nobody")
        assert set(threading.enumerate()) <= before  # one that another test has left may end

    def test_is_the_same_named_daemon_thread(self):
        worker = Worker("healthcheck database")
        first, second = done(worker), done(worker)
        assert first is second is not threading.current_thread()
        assert first.name == "healthcheck database"
        assert first.daemon

    def test_runs_jobs_in_order(self):
        worker, order, go = Worker("worker"), [], threading.Event()
        worker.submit(lambda: (go.wait(60), order.append("first")))
        worker.submit(lambda: order.append("second"))
        assert order == []
        go.set()
        done(worker)
        assert order == ["first", "second"]

    def test_differs_between_workers(self):
        here, there = threading.Event(), threading.Event()
        met = []
        for mine, other in ((here, there), (there, here)):
            Worker("one of two").submit(
                lambda mine=mine, other=other: (mine.set(), met.append(other.wait(60))))
        wait_until(lambda: len(met) == 2)
        assert met == [True, True]

    @pytest.mark.parametrize("kind", [ValueError, SystemExit, KeyboardInterrupt, GeneratorExit])
    def test_survives_job_that_raises(self, kind, capfd):
        def job():
            raise kind("not the worker's business")
        worker = Worker("worker")
        assert done(worker, job) is done(worker)
        assert capfd.readouterr() == ("", "")

    def test_runs_job_that_raises_once_more(self):
        """It may have raised before it began, for want of memory; one that has begun knows that."""
        worker, runs = Worker("worker"), []

        def job():
            runs.append(1)
            raise MemoryError()
        worker.submit(job)
        done(worker)
        assert len(runs) == 2

    def test_keeps_no_job_alive(self):
        class Job(object):
            def __call__(self):
                pass
        job = Job()
        kept = weakref.ref(job)
        Worker("worker").submit(job)
        del job

        def is_gone():
            gc.collect()
            return kept() is None
        wait_until(is_gone, what="the job's end")

    def test_is_replaced_where_it_seems_to_have_ended(self):
        worker = Worker("worker")
        first = done(worker)
        lose_thread(worker)
        second = done(worker)
        wait_until(lambda: done(worker) is second and not first.is_alive(), what="the first to end")
        assert second is not first


class TestStop(object):
    """stop() ends the thread after the jobs that it has."""

    def test_thread_ends_after_its_jobs(self):
        worker, order = Worker("worker"), []
        thread = done(worker)
        worker.submit(lambda: order.append("handed over before"))
        worker.stop()
        thread.join(60)
        assert not thread.is_alive()
        assert order == ["handed over before"]

    def test_further_jobs_are_refused(self):
        worker = Worker("worker")
        thread = done(worker)
        worker.stop()
        assert worker.submit(lambda: None) is False
        thread.join(60)
        assert worker.submit(lambda: None) is False
        assert Worker("never started").submit(lambda: None) is True

    def test_job_is_refused_that_is_handed_over_as_the_thread_ends(self):
        worker = Worker("worker")
        thread = done(worker)

        def is_alive():
            worker.stop()
            thread.join(60)
            return True  # a moment ago
        thread.is_alive = is_alive
        assert worker.submit(lambda: None) is False


class Kill(BaseException):
    """As gevent's GreenletExit."""


class TestIdleThreadThatIsEnded(object):
    def test_next_job_starts_another(self):
        worker = Worker("worker")
        first = done(worker)
        interrupt_idle(worker, Kill)
        first.join(60)
        assert not first.is_alive()
        assert done(worker) is not first

    def test_next_job_is_accepted_while_a_thread_starts(self, monkeypatch):
        worker, may_begin = Worker("worker"), threading.Event()
        first = done(worker)
        interrupt_idle(worker, Kill)
        first.join(60)
        run = threading.Thread.run
        monkeypatch.setattr(threading.Thread, "run",
                            lambda thread: (may_begin.wait(60), run(thread)))
        try:
            assert worker.submit(lambda: None) is True
        finally:
            may_begin.set()

    def test_job_that_was_handed_over_meanwhile_is_run(self):
        worker, ran = Worker("worker"), []
        first = done(worker)
        interrupt_idle(worker, Kill, meanwhile=lambda: worker.submit(lambda: ran.append("job")))
        first.join(60)
        assert ran == ["job"]

    def test_want_of_memory_does_not_end_it(self):
        worker = Worker("worker")
        first = done(worker)
        interrupt_idle(worker, MemoryError)
        assert done(worker) is first


class TestStartingTheThread(object):
    class Deadline(Exception):
        """As a signal's handler raises that ends what takes too long."""

    def test_exception_of_a_signal_handler_passes_through(self, monkeypatch):
        def handle(signum, frame):
            raise self.Deadline()

        def start(thread):
            handle(14, sys._getframe())  # as the interpreter calls it between two instructions
        monkeypatch.setattr(threading.Thread, "start", start)
        with pytest.raises(self.Deadline):
            Worker("worker").submit(lambda: None)

    @pytest.mark.parametrize("refusal", [RuntimeError, MemoryError, TypeError])
    def test_refusal_is_no_exception(self, monkeypatch, refusal):
        def start(thread):
            raise refusal("can't start new thread")
        monkeypatch.setattr(threading.Thread, "start", start)
        assert Worker("worker").submit(lambda: None) is False

    @pytest.mark.parametrize("refusal",
                             [RuntimeError, MemoryError, ValueError, threading.ThreadError])
    def test_job_is_refused_where_it_fails(self, monkeypatch, refusal):
        ran = []

        def start(thread):
            raise refusal("can't start new thread")
        worker = Worker("worker")
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", start)
            assert worker.submit(lambda: ran.append("refused")) is False
        done(worker, lambda: ran.append("next"))
        assert ran == ["next"]

    def test_second_attempt_succeeds(self, monkeypatch):
        worker = Worker("worker")
        with monkeypatch.context() as patch:
            patch.setattr(threading, "Thread", None)  # late in shutdown, modules are taken apart
            assert worker.submit(done) is False
        assert done(worker).name == "worker"

    def test_job_runs_where_two_requests_start_it(self, monkeypatch):
        worker, threads, second_may_start = Worker("worker"), [], threading.Event()
        real_start = threading.Thread.start

        def submit_until_one_has_ended():
            worker.submit(lambda: None)
            while all(thread.is_alive() for thread in threads):
                worker.submit(lambda: None)
                time.sleep(0.001)

        def start(thread):
            if thread.name != "worker":
                real_start(thread)
                return
            threads.append(thread)
            if len(threads) > 1:
                assert second_may_start.wait(60)
                real_start(thread)
                return
            other = threading.Thread(target=submit_until_one_has_ended)
            other.start()
            wait_until(lambda: len(threads) == 2)
            real_start(thread)
            wait_until(lambda: has_begun(worker))
            second_may_start.set()
            other.join(60)  # one has made way for the other before this start() returns

        monkeypatch.setattr(threading.Thread, "start", start)
        ran = threading.Event()
        assert worker.submit(ran.set) is True
        assert ran.wait(60)
        done(worker)
        assert len(threads) == 2
