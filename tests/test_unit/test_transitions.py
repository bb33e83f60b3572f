# -*- coding: utf-8 -*-
"""bottle_healthcheck._engine.transitions: log lines and on_change."""
import gc
import threading

import bottle
import pytest
import webtest

from bottle_healthcheck import HealthCheck
from tests import internals
from tests.worlds import Check, run_python
from tests.helpers import PY2, wait_until


def every_time(check, **options):
    """A HealthCheck that runs its one check for every request."""
    return HealthCheck(checkers=[check], success_ttl=0, failed_ttl=0, **options)


def raising(exc):
    def check():
        raise exc
    return check


def deeper():
    """A check that calls itself without end."""
    return deeper()


def ask_at_once(health, count=32):
    go = threading.Event()
    threads = [threading.Thread(target=lambda: (go.wait(60), health.run()))
               for _ in range(count)]
    for thread in threads:
        thread.start()
    go.set()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()


class Unprintable(Exception):
    def __str__(self):
        raise ValueError("no text")
    __repr__ = __unicode__ = __str__


class TestLog(object):
    """A line when a check starts failing or warning, and one when it recovers."""

    def test_failure_and_recovery_are_lines(self, world, log_lines):
        check = Check("database")
        health = every_time(check)
        for returned in [(True, "fine"), (True, "fine"), (False, "down"), (False, "still down"),
                         raising(ValueError("down, too")), (True, "fine"), (True, "fine"),
                         raising(ValueError("no route"))]:
            check.returns = returned
            health.run()
        assert log_lines() == [("WARNING", "check database is failing: down", False),
                               ("INFO", "check database has recovered", False),
                               ("WARNING", "check database is failing: no route", True)]

    def test_clear_and_fork_log_nothing(self, world, log_lines):
        check = Check("database", (False, "down"))
        health = HealthCheck(checkers=[check])
        health.run()
        health.cache.clear()
        health.run()
        world.fork()
        health.cache.clear()
        health.run()
        assert check.runs == 3 and len(log_lines()) == 1

    def test_overrun_and_late_success_are_lines(self, world, log_lines):
        health = HealthCheck(checkers=[Check("slow")], timeout=2)
        for _ in range(3):
            health.run()
            world.clock.tick(1)
        world.work()
        assert log_lines() == [("WARNING", "check slow is failing: timed out after 2 s", False),
                               ("INFO", "check slow has recovered", False)]

    def test_overrun_that_fails_late_is_one_line(self, world, log_lines):
        health = HealthCheck(checkers=[Check("slow", raising(ValueError("refused")))], timeout=2)
        health.run()
        world.work()
        health.run()
        assert log_lines() == [("WARNING", "check slow is failing: timed out after 2 s", False)]

    @pytest.mark.parametrize("timeout", [None, 600])
    def test_many_threads_log_a_change_once(self, log_lines, timeout, monkeypatch):
        internals.wait_longer(monkeypatch)
        check = Check("database", raising(ValueError("no route")))
        health = every_time(check, timeout=timeout)
        ask_at_once(health)
        wait_until(log_lines)
        assert log_lines() == [("WARNING", "check database is failing: no route", True)]
        check.returns = (True, "fine")
        ask_at_once(health)
        wait_until(lambda: len(log_lines()) > 1)
        assert log_lines()[1:] == [("INFO", "check database has recovered", False)]

    def test_many_threads_log_an_overrun_once(self, log_lines):
        release = threading.Event()
        health = HealthCheck(timeout=0.05)
        health.add_check(lambda: (release.wait(60), "late"), name="hung")
        try:
            ask_at_once(health)
            (level, line, traceback), = log_lines()
            assert (level, traceback) == ("WARNING", False)
            assert line.startswith(("check hung is failing: timed out after 0.05 s",
                                    "check hung is failing: still running after"))  # a busy machine
        finally:
            release.set()
        wait_until(lambda: len(log_lines()) > 1)
        assert log_lines()[1:] == [("INFO", "check hung has recovered", False)]

    def test_output_stays_on_one_line(self, world, caplog):
        health = every_time(Check("a\nb", (False, u"down\nERROR forged\r\u2028line")))
        health.run()
        every_time(Check("table", (False, {"rows": ["a\nb"]}))).run()
        assert [record.getMessage() for record in caplog.records] == [
            "check a b is failing: down ERROR forged line",
            'check table is failing: {"rows": ["a\\nb"]}']

    @pytest.mark.parametrize("message", [u"caf\xe9", u"caf\xe9".encode("utf-8"), b"\xff\xfe"])
    @pytest.mark.parametrize("name", ["database", u"donn\xe9es"])
    def test_message_of_any_bytes_and_text(self, world, log_lines, message, name):
        health = HealthCheck()
        health.add_check(raising(ValueError(message)), name=name)
        health.run()
        logged = log_lines()  # on 2.7 the formatting itself could fail
        assert len(logged) == 1 and logged[0][1].startswith(u"check %s is failing: " % name)
        assert logged[0][2]

    @pytest.mark.parametrize("name, shown", [
        (u"caf\udce9", u"caf\\xe9"),  # what Python 3 makes of bytes that are not UTF-8
        (u"donn\xe9es".encode("utf-8") if PY2 else u"donn\xe9es", u"donn\xe9es")])
    def test_name_of_any_bytes_and_text(self, world, log_lines, name, shown):
        health = HealthCheck()
        health.add_check(Check(returns=(False, u"caf\xe9")), name=name)
        health.run()
        assert log_lines() == [("WARNING", u"check %s is failing: caf\xe9" % shown, False)]

    @pytest.mark.parametrize("raises", [
        raising(Unprintable()), raising(SyntaxError("odd", ("file", 1, 2, 12345))),
        raising(SyntaxError("odd", (1, "a", "b", []))),
        raising(UnicodeDecodeError("ascii", b"\xff", 0, 1, "odd")), raising(ValueError()),
        raising(RuntimeError("x" * 100000)), deeper])
    def test_odd_exceptions_are_logged(self, world, log_lines, raises):
        health = HealthCheck(checkers=[Check("odd", raises)])
        assert health.run().status == "failure"
        assert [line[:1] for line in log_lines()] == [("WARNING",)]

    @pytest.mark.parametrize("level", ["DEBUG", "CRITICAL"])
    def test_nothing_is_printed(self, level):
        status, output, errors = run_python(
            "import logging\n"
            "from bottle_healthcheck import HealthCheck\n"
            "logging.getLogger('bottle_healthcheck').setLevel(logging.%s)\n"
            "answers = [(True, 'OK'), (False, 'down'), (True, 'OK'), None]\n"
            "health = HealthCheck(success_ttl=0, failed_ttl=0, timeout=60)\n"
            "health.add_check(lambda: answers.pop(), name='one')\n"
            "while answers:\n"
            "    health.run()\n" % level)
        assert (status, output, errors) == (0, "", "")


class Changes(list):
    """An on_change that records its calls."""

    def __call__(self, previous, current, report):
        assert report.status == current
        self.append((previous, current))


class TestOnChange(object):
    """on_change is called once for every change of the overall status, in order."""

    def test_changes_are_notified_once_in_order(self, world):
        check, changes = Check(), Changes()
        health = every_time(check, on_change=changes)
        for passed in (True, True, False, False, True, False):
            check.returns = (passed, "")
            health.run()
        assert changes == [(None, "success"), ("success", "failure"), ("failure", "success"),
                           ("success", "failure")]

    def test_without_checks_first_status_is_success(self, world):
        changes = Changes()
        HealthCheck(on_change=changes).run()
        assert changes == [(None, "success")]

    def test_report_is_of_all_checks(self, world):
        reports = []
        health = HealthCheck(on_change=lambda previous, current, report: reports.append(report))
        health.add_check(Check("one"))
        health.add_check(Check("other", (False, "down")), critical=False)
        health.run()
        assert [(one["checker"], one["passed"]) for one in reports[0].results] == [
            ("one", True), ("other", False)]
        assert reports[0].passed and len(reports) == 1

    def test_run_of_some_checks_changes_nothing(self, world):
        one, other, changes = Check("one"), Check("other"), Changes()
        health = HealthCheck(checkers=[one, other], on_change=changes, success_ttl=0, failed_ttl=0)
        health.run(check="one")
        health.run(exclude="one")
        health.run_check("one")
        assert changes == []
        health.run()
        one.returns = (False, "down")
        health.run(check="one")
        health.run(check=["one", "other"][:1], exclude=[])
        health.run_check("one")
        assert changes == [(None, "success")]
        health.run()
        assert changes == [(None, "success"), ("success", "failure")]

    def test_draining_changes_nothing(self, world):
        check, changes = Check(returns=(True, "")), Changes()
        health = every_time(check, on_change=changes)
        health.run()
        health.drain()
        check.returns = (False, "")
        health.run()
        assert changes == [(None, "success")]
        health.resume()
        health.run()
        assert changes == [(None, "success"), ("success", "failure")]

    def test_previous_results_do_not_make_it_flap(self, world):
        """One request is still served the previous success when another has seen the failure."""
        check, changes = Check(), Changes()
        patient = HealthCheck(checkers=[check], timeout=60, on_change=changes)
        hasty = HealthCheck(checkers=[check], timeout=1, cache=patient.cache)
        world.work_after(0)
        patient.run()
        world.clock.tick(30)
        world.start_run(patient)
        world.clock.tick(1)
        assert not hasty.run().passed
        assert patient.run().passed and patient.run().passed
        assert changes == [(None, "success"), ("success", "failure")]
        world.work()
        patient.run()
        assert changes[2:] == [("failure", "success")]

    def test_overrun_and_late_success_are_changes(self, world):
        changes = Changes()
        health = HealthCheck(checkers=[Check()], timeout=2, on_change=changes)
        health.run()
        health.run()
        world.work()
        assert changes == [(None, "failure")]  # notified in a request's thread, not in a worker
        health.run()
        assert changes == [(None, "failure"), ("failure", "success")]

    def test_late_success_is_notified_by_route_too(self, world):
        changes, app = Changes(), bottle.Bottle()
        HealthCheck(app, "/healthcheck", checkers=[Check()], timeout=2, on_change=changes)
        client = webtest.TestApp(app)
        assert client.get("/healthcheck", expect_errors=True).status_code == 500
        world.work()
        assert client.get("/healthcheck").status_code == 200
        assert client.get("/healthcheck").status_code == 200
        assert changes == [(None, "failure"), ("failure", "success")]

    def test_may_run_the_checks(self, world):
        check, heard = Check(), []

        def on_change(previous, current, report):
            heard.append(("begin", current))
            if len(heard) == 1:
                check.returns = (False, "down")
                assert not health.run().passed
            heard.append(("end", current))
        health = every_time(check, on_change=on_change)
        health.run()
        assert heard == [("begin", "success"), ("end", "success"),
                         ("begin", "failure"), ("end", "failure")]

    @pytest.mark.parametrize("exc", [ValueError("cannot notify"), SystemExit(1)])
    def test_exception_is_logged(self, world, log_lines, exc):
        check, heard = Check(), []

        def on_change(previous, current, report):
            heard.append(current)
            raise exc
        health = every_time(check, on_change=on_change)
        assert health.run().passed
        check.returns = (False, "down")
        assert not health.run().passed
        assert heard == ["success", "failure"]
        assert log_lines()[0] == ("ERROR", "on_change failed", True)
        assert [line[0] for line in log_lines()] == ["ERROR", "WARNING", "ERROR"]

    def test_interrupt_leaves_rest_to_next_request(self, world):
        check, heard = Check(), []

        def on_change(previous, current, report):
            heard.append(current)
            if len(heard) == 1:
                check.returns = (False, "down")
                health.run()
                raise KeyboardInterrupt()
        health = every_time(check, on_change=on_change)
        with pytest.raises(KeyboardInterrupt):
            health.run()
        assert heard == ["success"]
        health.run()
        assert heard == ["success", "failure"]

    def test_interrupt_while_logging_loses_no_change(self, world, monkeypatch):
        check, heard = Check(), []

        def on_change(previous, current, report):
            heard.append(current)
            raise ValueError("no route")

        def interrupted(message):
            raise KeyboardInterrupt()
        health = every_time(check, on_change=on_change)
        with monkeypatch.context() as patch:
            internals.replace(patch, internals.LOG_FAILURE, interrupted)
            with pytest.raises(KeyboardInterrupt):
                health.run()
        check.returns = (False, "down")
        health.run()
        assert heard == ["success", "failure"]

    def test_hanging_one_keeps_newest_changes(self):
        inside, may_return, changes = threading.Event(), threading.Event(), []

        def on_change(previous, current, report):
            changes.append((previous, current, report.results[0]["output"]))
            if len(changes) == 1:
                inside.set()
                may_return.wait(60)
        check = Check(returns=lambda: (check.runs % 2 == 1, check.runs))
        health = every_time(check, on_change=on_change)
        first = threading.Thread(target=health.run)
        first.start()
        assert inside.wait(60)
        gc.collect()
        before = len([one for one in gc.get_objects() if type(one) is internals.Report])
        for _ in range(250):
            health.run()
        gc.collect()
        after = len([one for one in gc.get_objects() if type(one) is internals.Report])
        assert len(changes) == 1 and not may_return.is_set()
        assert after - before <= 101
        may_return.set()
        first.join()
        status = ["failure", "success"]
        assert changes == [(None, "success", 1)] + [
            (status[1 - runs % 2], status[runs % 2], runs) for runs in range(152, 252)]

    def test_one_that_causes_changes_ends(self, world):
        notified = []

        def on_change(previous, current, report):
            notified.append(current)
            if len(notified) < 500:
                health.run()
        check = Check(returns=lambda: (check.runs % 2 == 1, ""))
        health = every_time(check, on_change=on_change)
        health.run()
        assert len(notified) == 101
        health.run()  # notifies of the rest
        assert len(notified) > 101
        both = ["success", "failure"]
        assert notified == [both[number % 2] for number in range(len(notified))]

    def test_fork_during_on_change_lets_child_notify(self, world):
        check, heard = Check(), []

        def on_change(previous, current, report):
            heard.append(current)
            if len(heard) == 1:
                world.fork()
                check.returns = (False, "down")
                health.run()
                assert heard == ["success", "failure"]
        health = every_time(check, on_change=on_change)
        health.run()
        assert heard == ["success", "failure"]

    def test_many_threads_notify_once_in_order(self):
        turns, heard, notifying = [0], [], []
        lock = threading.Lock()

        def check():
            with lock:
                turns[0] += 1
                return turns[0] % 3 == 0, turns[0]

        def on_change(previous, current, report):
            notifying.append(1)
            assert len(notifying) == 1, "two threads notify at once"
            heard.append((previous, current))
            notifying.pop()
        health = HealthCheck(checkers=[check], success_ttl=0, failed_ttl=0, on_change=on_change)
        for _ in range(10):
            ask_at_once(health, 16)
        assert heard[0][0] is None
        for before, after in zip(heard, heard[1:]):
            assert before[1] == after[0] != after[1]


class TestSince(object):
    @pytest.mark.parametrize("passes", [True, False])
    def test_is_never_after_timestamp(self, world, wall, passes):
        check = Check(returns=lambda: (passes, ""))
        health, times = every_time(check), []
        for now in (5000.0, 5010.0, 1000.0, 1010.0, 900.0, 6000.0):
            wall.now = now
            result, = health.run().results
            times.append((result["since"], result["timestamp"]))
        assert times == [(5000.0, 5000.0), (5000.0, 5010.0), (1000.0, 1000.0), (1000.0, 1010.0),
                         (900.0, 900.0), (900.0, 6000.0)]
