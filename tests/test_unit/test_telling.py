# -*- coding: utf-8 -*-
"""bottle_healthcheck._engine.transitions and .drain: log lines, on_change, and draining."""
import errno
import gc
import logging
import os
import threading
import time

import bottle
import pytest
import webtest

from bottle_healthcheck import HealthCheck
from tests import internals
from tests.worlds import Check, run_python
from tests.helpers import PY2, FakeClock, wait_until
from tests.wsgi import ask_webtest


@pytest.fixture
def lines(caplog):
    """Records of the package's logger: (level, first line, whether there is a traceback)."""
    caplog.set_level(logging.DEBUG, "bottle_healthcheck")
    formatter = logging.Formatter("%(message)s")

    def lines_so_far():
        texts = [(record.levelname, formatter.format(record)) for record in caplog.records
                 if record.name == "bottle_healthcheck"]
        assert len(texts) == len(caplog.records), "another logger was used"
        return [(level, text.split("\n")[0], "Traceback (most recent call last)" in text)
                for level, text in texts]
    return lines_so_far


def every_time(check, **options):
    """A HealthCheck that runs its one check for every request."""
    return HealthCheck(checkers=[check], success_ttl=0, failed_ttl=0, **options)


def raising(exc):
    def check():
        raise exc
    return check


# The log

def test_what_a_check_says_stays_on_its_line(world, caplog):
    health = every_time(Check("a\nb", (False, u"down\nERROR forged\r\u2028line")))
    health.run()
    every_time(Check("table", (False, {"rows": ["a\nb"]}))).run()
    assert [record.getMessage() for record in caplog.records] == [
        "check a b is failing: down ERROR forged line",
        'check table is failing: {"rows": ["a\\nb"]}']


def test_one_line_when_a_check_starts_failing_one_when_it_recovers(world, lines):
    check = Check("database")
    health = every_time(check)
    for returned in [(True, "fine"), (True, "fine"), (False, "down"), (False, "still down"),
                     raising(ValueError("down, too")), (True, "fine"), (True, "fine"),
                     raising(ValueError("no route"))]:
        check.returns = returned
        health.run()
    assert lines() == [("WARNING", "check database is failing: down", False),
                       ("INFO", "check database has recovered", False),
                       ("WARNING", "check database is failing: no route", True)]


def test_a_check_that_fails_at_once_is_a_line_one_that_passes_at_once_is_none(world, lines):
    HealthCheck(checkers=[Check("up"), Check("down", (False, "no disk"))]).run()
    assert lines() == [("WARNING", "check down is failing: no disk", False)]


def test_a_cleared_cache_and_a_fork_are_no_reason_for_a_line(world, lines):
    check = Check("database", (False, "down"))
    health = HealthCheck(checkers=[check])
    health.run()
    health.cache.clear()
    health.run()
    world.fork()
    health.cache.clear()
    health.run()
    assert check.runs == 3 and len(lines()) == 1


def test_an_overrun_is_a_line_its_late_success_another(world, lines):
    health = HealthCheck(checkers=[Check("slow")], timeout=2)
    for _ in range(3):
        health.run()
        world.clock.tick(1)
    world.work()
    assert lines() == [("WARNING", "check slow is failing: timed out after 2 s", False),
                       ("INFO", "check slow has recovered", False)]


def test_an_overrun_that_fails_in_the_end_is_one_line(world, lines):
    health = HealthCheck(checkers=[Check("slow", raising(ValueError("refused")))], timeout=2)
    health.run()
    world.work()
    health.run()
    assert lines() == [("WARNING", "check slow is failing: timed out after 2 s", False)]


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


@pytest.mark.parametrize("timeout", [None, 600])
def test_a_change_is_one_line_at_any_number_of_threads(lines, timeout, monkeypatch):
    internals.wait_longer(monkeypatch)
    check = Check("database", raising(ValueError("no route")))
    health = every_time(check, timeout=timeout)
    ask_at_once(health)
    wait_until(lines)
    assert lines() == [("WARNING", "check database is failing: no route", True)]
    check.returns = (True, "fine")
    ask_at_once(health)
    wait_until(lambda: len(lines()) > 1)
    assert lines()[1:] == [("INFO", "check database has recovered", False)]


def test_an_overrun_is_one_line_at_any_number_of_threads(lines):
    release = threading.Event()
    health = HealthCheck(timeout=0.05)
    health.add_check(lambda: (release.wait(60), "late"), name="hung")
    try:
        ask_at_once(health)
        (level, line, traceback), = lines()
        assert (level, traceback) == ("WARNING", False)
        assert line.startswith(("check hung is failing: timed out after 0.05 s",
                                "check hung is failing: still running after"))  # a busy machine
    finally:
        release.set()
    wait_until(lambda: len(lines()) > 1)
    assert lines()[1:] == [("INFO", "check hung has recovered", False)]


@pytest.mark.parametrize("message", [u"caf\xe9", u"caf\xe9".encode("utf-8"), b"\xff\xfe"])
@pytest.mark.parametrize("name", ["database", u"donn\xe9es"])
def test_a_line_holds_any_bytes_and_any_text(world, lines, message, name):
    health = HealthCheck()
    health.add_check(raising(ValueError(message)), name=name)
    health.run()
    logged = lines()  # on 2.7 the formatting itself could fail
    assert len(logged) == 1 and logged[0][1].startswith(u"check %s is failing: " % name)
    assert logged[0][2]


@pytest.mark.parametrize("name, shown", [
    (u"caf\udce9", u"caf\\xe9"),  # what Python 3 makes of bytes that are not UTF-8
    (u"donn\xe9es".encode("utf-8") if PY2 else u"donn\xe9es", u"donn\xe9es")])
def test_a_line_holds_any_name_as_text_that_can_be_written(world, lines, name, shown):
    health = HealthCheck()
    health.add_check(Check(returns=(False, u"caf\xe9")), name=name)
    health.run()
    assert lines() == [("WARNING", u"check %s is failing: caf\xe9" % shown, False)]


class Unprintable(Exception):
    def __str__(self):
        raise ValueError("no text")
    __repr__ = __unicode__ = __str__


@pytest.mark.parametrize("exc", [
    Unprintable(), SyntaxError("odd", ("file", 1, 2, 12345)),
    SyntaxError("odd", (1, "a", "b", [])),
    UnicodeDecodeError("ascii", b"\xff", 0, 1, "odd"), ValueError(), RuntimeError("x" * 100000),
])
def test_odd_exceptions_are_logged(world, lines, exc):
    health = HealthCheck(checkers=[Check("odd", raising(exc))])
    assert health.run().status == "failure"
    assert [line[:1] for line in lines()] == [("WARNING",)]


def test_a_recursion_without_end_is_a_failed_check(world, lines):
    def deeper():
        return deeper()
    assert HealthCheck(checkers=[Check("deep", deeper)]).run().status == "failure"
    assert len(lines()) == 1


@pytest.mark.parametrize("level", ["DEBUG", "CRITICAL"])
def test_nothing_is_printed(level):
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


# on_change

class Changes(list):
    """An on_change that records its calls."""

    def __call__(self, previous, current, report):
        assert report.status == current
        self.append((previous, current))


def test_on_change_hears_of_every_change_once_in_order(world):
    check, changes = Check(), Changes()
    health = every_time(check, on_change=changes)
    for passed in (True, True, False, False, True, False):
        check.returns = (passed, "")
        health.run()
    assert changes == [(None, "success"), ("success", "failure"), ("failure", "success"),
                       ("success", "failure")]


def test_on_change_hears_of_a_first_failure(world):
    changes = Changes()
    HealthCheck(checkers=[Check(returns=(False, ""))], on_change=changes).run()
    assert changes == [(None, "failure")]


def test_on_change_gets_the_report_of_all_checks(world):
    reports = []
    health = HealthCheck(on_change=lambda previous, current, report: reports.append(report))
    health.add_check(Check("one"))
    health.add_check(Check("other", (False, "down")), critical=False)
    health.run()
    assert [(one["checker"], one["passed"]) for one in reports[0].results] == [
        ("one", True), ("other", False)]
    assert reports[0].passed and len(reports) == 1


def test_on_change_is_judged_by_all_checks_and_moved_by_none_alone(world):
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


def test_a_drained_answer_moves_nothing(world):
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


def test_previous_results_do_not_make_it_flap(world):
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


def test_an_overrun_and_its_late_success_are_two_changes(world):
    changes = Changes()
    health = HealthCheck(checkers=[Check()], timeout=2, on_change=changes)
    health.run()
    health.run()
    world.work()
    assert changes == [(None, "failure")]  # notified in a request's thread, not in a worker
    health.run()
    assert changes == [(None, "failure"), ("failure", "success")]


def test_late_success_is_notified_by_route_too(world):
    changes, app = Changes(), bottle.Bottle()
    HealthCheck(app, "/healthcheck", checkers=[Check()], timeout=2, on_change=changes)
    client = webtest.TestApp(app)
    assert client.get("/healthcheck", expect_errors=True).status_code == 500
    world.work()
    assert client.get("/healthcheck").status_code == 200
    assert client.get("/healthcheck").status_code == 200
    assert changes == [(None, "failure"), ("failure", "success")]


@pytest.mark.parametrize("passed", [True, False])
def test_route_shows_new_result_at_once(world, passed):
    """The bytes of the last answer are sent again for a second, unless something has changed."""
    check, app = Check(returns=(passed, "")), bottle.Bottle()
    health = HealthCheck(app, "/healthcheck", checkers=[check])
    client = webtest.TestApp(app)
    for _ in range(3):
        answer = client.get("/healthcheck", expect_errors=True)
    assert answer.json["results"][0]["passed"] is passed and check.runs == 1
    check.returns = (not passed, "")
    health.run_check(check)
    answer = client.get("/healthcheck", expect_errors=True)
    assert answer.json["results"][0]["passed"] is not passed


def test_an_on_change_that_asks_for_the_health_hears_of_what_it_causes(world):
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
def test_exception_is_logged_and_next_change_notified(world, lines, exc):
    check, heard = Check(), []

    def on_change(previous, current, report):
        heard.append(current)
        raise exc
    health = every_time(check, on_change=on_change)
    assert health.run().passed
    check.returns = (False, "down")
    assert not health.run().passed
    assert heard == ["success", "failure"]
    assert lines()[0] == ("ERROR", "on_change failed", True)
    assert [line[0] for line in lines()] == ["ERROR", "WARNING", "ERROR"]


def test_interrupt_leaves_rest_to_next_request(world):
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


def test_an_end_of_the_request_while_a_failure_is_logged_loses_no_later_change(
        world, monkeypatch):
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


def test_an_on_change_that_does_not_return_holds_one_thread_and_the_newest_changes():
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


def test_fork_during_on_change_lets_child_notify(world):
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


def test_many_threads_notify_once_in_order():
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


def test_without_checks_first_status_is_success(world):
    changes = Changes()
    HealthCheck(on_change=changes).run()
    assert changes == [(None, "success")]


@pytest.mark.parametrize("passes", [True, False])
def test_since_is_never_after_the_timestamp_of_a_clock_that_is_set_back(
        world, monkeypatch, passes):
    wall = FakeClock(5000.0)
    for place in internals.WALL_CLOCKS:
        internals.replace(monkeypatch, place, Wall(wall))
    check = Check(returns=lambda: (passes, ""))
    health, times = every_time(check), []
    for now in (5000.0, 5010.0, 1000.0, 1010.0, 900.0, 6000.0):
        wall.now = now
        result, = health.run().results
        times.append((result["since"], result["timestamp"]))
    assert times == [(5000.0, 5000.0), (5000.0, 5010.0), (1000.0, 1000.0), (1000.0, 1010.0),
                     (900.0, 900.0), (900.0, 6000.0)]


class Wall(object):
    """The time module with another wall clock."""

    sleep = staticmethod(time.sleep)

    def __init__(self, clock):
        self.time = clock


# Draining

def test_drain_answers_failure_past_cache_and_checks(world, app):
    check = Check()
    health = HealthCheck(app, "/healthcheck", checkers=[check], drain_status=404)
    assert ask_webtest(app).status_code == ask_webtest(app).status_code == 200
    health.drain()
    answer = ask_webtest(app)
    assert answer.status_code == 404
    assert answer.json["status"] == "failure"
    assert [(one["checker"], one["passed"], one["output"]) for one in answer.json["results"]] == [
        ("drain", False, "draining")]
    health.resume()
    assert ask_webtest(app).status_code == 200
    assert check.runs == 1


def test_drain_answers_with_failed_status_where_no_other_is_given(world, app):
    HealthCheck(app, "/healthcheck", failed_status=503).drain()
    assert ask_webtest(app).status_code == 503


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_drain_answers_every_method(world, app, method):
    HealthCheck(app, "/healthcheck", drain_status=404).drain()
    answer = ask_webtest(app, method=method)
    assert answer.status_code == 404
    assert (answer.body == b"") is (method == "HEAD")


def test_drain_shows_its_output(world, app):
    health = HealthCheck(app, "/healthcheck")
    health.drain({"until": "noon"})
    assert ask_webtest(app).json["results"][0]["output"] == {"until": "noon"}
    health.drain()
    assert ask_webtest(app).json["results"][0]["output"] == "draining"


def test_who_changes_a_drained_report_does_not_change_the_next(world):
    health = HealthCheck()
    health.drain({"until": "noon"})
    health.run().results[0]["output"].clear()
    assert health.run().results[0]["output"] == {"until": "noon"}


def test_drain_goes_through_the_failed_handler(world, app):
    HealthCheck(app, "/healthcheck", failed_handler=None).drain()
    assert ask_webtest(app).body == b"NOT OK"


def test_run_reports_draining_and_runs_nothing(world):
    check = Check()
    health = HealthCheck(checkers=[check])
    health.drain("rolling out")
    report = health.run()
    assert (report.passed, report.status) == (False, "failure")
    assert [(one["checker"], one["passed"], one["output"]) for one in report.results] == [
        ("drain", False, "rolling out")]
    assert check.runs == 0


def test_a_drained_result_has_every_field(world, monkeypatch, tmpdir):
    clock = FakeClock(5000.5)
    monkeypatch.setattr(time, "time", clock)
    path = tmpdir.join("drain")
    health = HealthCheck(checkers=[Check()], drain_file=str(path))
    fields = set(health.run().results[0])
    result = dict.fromkeys(["timestamp", "expires"], 5000.5)
    result.update(checker="drain", output="draining", passed=False, response_time=0.0, since=5000.5)
    health.drain()
    assert health.run().results == [result] and set(result) == fields
    clock.tick(2)
    health.drain("again")  # goes on since then
    assert since_of(health) == 5000.5
    path.write("")
    health.resume()
    clock.tick(1)
    assert since_of(health) == 5003.5  # when this process first looked and found the file
    clock.tick(1)
    health.drain()
    assert since_of(health) == 5003.5
    health.resume()
    path.remove()
    assert health.run().passed
    health.drain()
    assert since_of(health) == 5004.5


def since_of(health):
    (result,) = health.run().results
    return result["since"]


def test_a_drain_file_that_is_set_later_counts_at_once(world, app, tmpdir):
    health = HealthCheck(app, "/healthcheck", checkers=[Check()])
    assert health.drain_file is None and ask_webtest(app).status_code == 200
    health.drain_file = str(tmpdir)
    assert ask_webtest(app).status_code == 500 and health.drain_file == str(tmpdir)
    health.drain_file = None
    assert ask_webtest(app).status_code == 200
    with pytest.raises(TypeError):
        health.drain_file = 5


def test_a_drain_file_drains_for_as_long_as_it_exists(world, app, tmpdir):
    path = tmpdir.join("drain")
    check = Check()
    health = HealthCheck(app, "/healthcheck", checkers=[check], drain_file=str(path),
                         drain_status=404)
    assert ask_webtest(app).status_code == ask_webtest(app).status_code == 200
    path.write("")
    assert ask_webtest(app).status_code == 404
    assert ask_webtest(app).json["results"][0]["output"] == "draining"
    health.drain("by call")
    assert ask_webtest(app).json["results"][0]["output"] == "by call"
    health.resume()
    assert ask_webtest(app).status_code == 404
    path.remove()
    assert ask_webtest(app).status_code == 200
    assert check.runs == 1


def test_a_drain_file_may_be_there_from_the_start(world, app, tmpdir):
    path = tmpdir.join("drain")
    path.write("")
    HealthCheck(app, "/healthcheck", drain_file=str(path))
    assert ask_webtest(app).status_code == 500


def test_a_drain_file_may_be_a_path_object_or_bytes(world, tmpdir):
    path = tmpdir.join("drain")
    path.write("")
    for given in [str(path).encode("utf-8")] + [path] * hasattr(os, "fspath"):
        assert not HealthCheck(drain_file=given).run().passed


def test_a_drain_file_that_cannot_be_looked_for_is_logged_once_and_absent(world, lines, tmpdir):
    tmpdir.join("file").write("")
    health = HealthCheck(drain_file=str(tmpdir.join("file", "below a file")))
    for _ in range(3):
        assert health.run().passed
    assert len(lines()) == 1
    assert lines()[0][0] == "WARNING" and "drain_file" in lines()[0][1]


def test_a_drain_file_in_a_folder_that_cannot_be_read_is_logged_once(world, lines, monkeypatch):
    def stat(path):
        raise OSError(errno.EACCES, os.strerror(errno.EACCES), path)
    app = bottle.Bottle()
    HealthCheck(app, "/healthcheck", drain_file="/secret/drain")
    with monkeypatch.context() as patch:
        patch.setattr(os, "stat", stat)
        assert [ask_webtest(app).status_code for _ in range(5)] == [200] * 5
    assert len(lines()) == 1 and "Permission denied" in lines()[0][1]


def test_an_absent_drain_file_is_no_reason_for_a_line(world, lines, tmpdir):
    health = HealthCheck(drain_file=str(tmpdir.join("no folder", "no file")))
    assert health.run().passed
    assert lines() == []


class TestHangingFileSystem(object):
    """Where a check has a timeout, a look for drain_file holds no request for longer."""

    @pytest.fixture
    def hung(self, monkeypatch, tmpdir):
        """The event that lets the looks for `path` go on."""
        self.path, self.looks, waited = str(tmpdir.join("drain")), [], []
        hung, stat = threading.Event(), os.stat

        def hanging_stat(path, *args, **kwargs):
            if path == self.path:
                self.looks.append(threading.current_thread().name)
                waited.append(hung.wait(60))
            return stat(path, *args, **kwargs)
        monkeypatch.setattr(os, "stat", hanging_stat)
        yield hung
        hung.set()
        assert False not in waited  # a request waited for one until that gave up

    def test_requests_go_on_with_what_was_seen_last(self, hung, lines):
        health = HealthCheck(checkers=[Check()], drain_file=self.path, timeout=60)
        hung.set()
        assert health.run().passed
        hung.clear()
        assert [bool(health.run()) for _ in range(5)] == [True] * 5
        wait_until(lambda: len(self.looks) == 2, "the look that hangs")
        assert self.looks == ["healthcheck drain_file"] * 2 and not hung.is_set()
        assert lines() == [("WARNING", "the file system of drain_file does not answer: the file is "
                            "taken as absent", False)]
        open(self.path, "w").close()
        hung.set()
        wait_until(lambda: not health.run(), "the file to be seen")
        hung.clear()
        assert not health.run() and not hung.is_set()
        assert len(lines()) == 1

    def test_a_file_that_appears_is_seen_at_once(self, hung, monkeypatch):
        internals.replace(monkeypatch, internals.LONGEST_LOOK, 60)
        hung.set()
        health = HealthCheck(checkers=[Check()], drain_file=self.path, timeout=60)
        assert health.run().passed
        open(self.path, "w").close()
        assert not health.run().passed
        os.remove(self.path)
        assert health.run().passed
        assert self.looks == ["healthcheck drain_file"] * 3

    def test_the_shortest_timeout_is_waited_for(self, hung, monkeypatch):
        internals.replace(monkeypatch, internals.LONGEST_LOOK, 600)
        health = HealthCheck(checkers=[Check()], drain_file=self.path, timeout=60)
        health.add_check(Check(), name="quick", timeout=0.05)
        assert health.run().passed and not hung.is_set()

    def test_no_thread_is_started_without_a_timeout(self, hung, monkeypatch):
        internals.replace(monkeypatch, internals.LONGEST_LOOK, 60)
        hung.set()
        health = HealthCheck(checkers=[Check()], drain_file=self.path)
        before = threading.enumerate()
        assert health.run().passed
        assert [one for one in threading.enumerate() if one not in before] == []
        assert self.looks == [threading.current_thread().name]
        health.checkers[0].timeout = 60
        assert health.run().passed
        assert self.looks[1:] == ["healthcheck drain_file"]

    def test_without_a_thread_the_request_looks(self, hung, monkeypatch):
        class Worker(object):
            def __init__(self, name):
                pass

            def submit(self, job):
                return False

            def stop(self):
                pass
        internals.replace(monkeypatch, internals.DRAIN_WORKER, Worker)
        hung.set()
        health = HealthCheck(checkers=[Check()], drain_file=self.path, timeout=60)
        assert health.run().passed
        assert self.looks == [threading.current_thread().name]

    def test_another_path_is_looked_for_at_once(self, hung, tmpdir):
        health = HealthCheck(checkers=[Check()], drain_file=self.path, timeout=60)
        assert health.run().passed
        health.drain_file = str(tmpdir)
        wait_until(lambda: not health.run(), "the other path to be seen")
        hung.set()
        assert not health.run()

    def test_a_forked_process_looks_for_itself(self, hung, monkeypatch):
        health = HealthCheck(checkers=[Check()], drain_file=self.path, timeout=60)
        assert health.run().passed
        monkeypatch.setattr("os.getpid", lambda: -1)
        assert health.run().passed
        wait_until(lambda: len(self.looks) == 2, "the looks of both processes")

    def test_the_thread_ends_with_the_health_check(self, hung):
        hung.set()
        health, before = HealthCheck(drain_file=self.path), threading.enumerate()
        health.add_check(Check(), timeout=60)
        assert health.run().passed
        thread, = [one for one in threading.enumerate()
                   if one not in before and one.name == "healthcheck drain_file"]
        del health
        gc.collect()
        thread.join(60)
        assert not thread.is_alive()


def test_what_a_signal_handler_may_call_makes_and_takes_no_lock(monkeypatch):
    """A handler runs between any two instructions of its thread, also while that holds a lock."""
    check = Check()
    health = HealthCheck(checkers=[check])
    health.run()
    with monkeypatch.context() as patch:
        for name in ("Lock", "RLock", "Condition"):
            patch.delattr(threading, name)
        health.drain()
        assert not health.run().passed
        health.resume()
        health.cache.clear()
        assert health.run().passed
    assert check.runs == 2
