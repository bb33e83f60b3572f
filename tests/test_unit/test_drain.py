"""bottle_healthcheck._engine.drain: drain(), resume() and drain_file."""
import errno
import gc
import os
import threading
import time

import bottle
import pytest

from bottle_healthcheck import HealthCheck
from tests import internals
from tests.worlds import Check
from tests.helpers import FakeClock, wait_until
from tests.wsgi import ask_webtest


def since_of(health):
    (result,) = health.run().results
    return result["since"]


class TestDrain(object):
    """drain() and resume()."""

    def test_response_is_failure_without_running_checks(self, world, app):
        check = Check()
        health = HealthCheck(app, "/healthcheck", checkers=[check], drain_status=404)
        assert ask_webtest(app).status_code == ask_webtest(app).status_code == 200
        health.drain()
        answer = ask_webtest(app)
        assert answer.status_code == 404
        assert answer.json["status"] == "failure"
        result, = answer.json["results"]
        assert (result["checker"], result["passed"]) == ("drain", False)
        assert result["output"] == "draining"
        health.resume()
        assert ask_webtest(app).status_code == 200
        assert check.runs == 1

    def test_interrupted_call_drains_or_not(self, world, app, monkeypatch):
        health = HealthCheck(app, "/healthcheck", checkers=[Check()])
        assert ask_webtest(app).status_code == 200
        begin = internals.Drain.begin

        def begin_and_end(self, output):  # as a signal's handler that raises ends the call
            begin(self, output)
            raise KeyboardInterrupt
        monkeypatch.setattr(internals.Drain, "begin", begin_and_end)
        with pytest.raises(KeyboardInterrupt):
            health.drain()
        assert ask_webtest(app).status_code == 500

    def test_status_is_failed_status_by_default(self, world, app):
        HealthCheck(app, "/healthcheck", failed_status=503).drain()
        assert ask_webtest(app).status_code == 503

    @pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
    def test_every_method(self, world, app, method):
        HealthCheck(app, "/healthcheck", drain_status=404).drain()
        answer = ask_webtest(app, method=method)
        assert answer.status_code == 404
        assert (answer.body == b"") is (method == "HEAD")

    def test_output_is_shown(self, world, app):
        health = HealthCheck(app, "/healthcheck")
        health.drain({"until": "noon"})
        assert ask_webtest(app).json["results"][0]["output"] == {"until": "noon"}
        health.drain()
        assert ask_webtest(app).json["results"][0]["output"] == "draining"

    def test_changing_a_report_does_not_change_the_next(self, world):
        health = HealthCheck()
        health.drain({"until": "noon"})
        health.run().results[0]["output"].clear()
        assert health.run().results[0]["output"] == {"until": "noon"}

    def test_failed_handler_makes_the_body(self, world, app):
        HealthCheck(app, "/healthcheck", failed_handler=None).drain()
        assert ask_webtest(app).body == b"NOT OK"

    def test_run_reports_draining_and_runs_nothing(self, world):
        check = Check()
        health = HealthCheck(checkers=[check])
        health.drain("rolling out")
        report = health.run()
        assert (report.passed, report.status) == (False, "failure")
        assert [(one["checker"], one["passed"], one["output"]) for one in report.results] == [
            ("drain", False, "rolling out")]
        assert check.runs == 0

    def test_result_has_every_field(self, world, wall, tmpdir):
        wall.now = 5000.5
        path = tmpdir.join("drain")
        health = HealthCheck(checkers=[Check()], drain_file=str(path))
        fields = set(health.run().results[0])
        result = dict.fromkeys(["timestamp", "expires"], 5000.5)
        result.update(checker="drain", output="draining", passed=False, response_time=0.0,
                      since=5000.5)
        health.drain()
        assert health.run().results == [result] and set(result) == fields
        wall.tick(2)
        health.drain("again")  # goes on since then
        assert since_of(health) == 5000.5
        path.write("")
        health.resume()
        wall.tick(1)
        assert since_of(health) == 5003.5  # when this process first looked and found the file
        wall.tick(1)
        health.drain()
        assert since_of(health) == 5003.5
        health.resume()
        path.remove()
        assert health.run().passed
        health.drain()
        assert since_of(health) == 5004.5

    def test_signal_handler_may_call_it_without_a_lock(self, monkeypatch):
        """A handler may run while its own thread holds any lock."""
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


class TestDrainFile(object):

    def test_drains_while_it_exists(self, world, app, tmpdir):
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

    def test_may_exist_from_the_start(self, world, app, tmpdir):
        path = tmpdir.join("drain")
        path.write("")
        HealthCheck(app, "/healthcheck", drain_file=str(path))
        assert ask_webtest(app).status_code == 500

    def test_set_later_counts_at_once(self, world, app, tmpdir):
        health = HealthCheck(app, "/healthcheck", checkers=[Check()])
        assert health.drain_file is None and ask_webtest(app).status_code == 200
        health.drain_file = str(tmpdir)
        assert ask_webtest(app).status_code == 500 and health.drain_file == str(tmpdir)
        health.drain_file = None
        assert ask_webtest(app).status_code == 200
        with pytest.raises(TypeError):
            health.drain_file = 5

    def test_may_be_path_object_or_bytes(self, world, tmpdir):
        path = tmpdir.join("drain")
        path.write("")
        for given in [str(path).encode("utf-8")] + [path] * hasattr(os, "fspath"):
            assert not HealthCheck(drain_file=given).run().passed

    @pytest.mark.parametrize("query", ["", "?check=check"], ids=["kept", "made"])
    def test_each_request_looks_once(self, app, monkeypatch, tmpdir, query):
        path, looks, real_stat = str(tmpdir.join("drain")), [], os.stat

        def stat(looked_for, *args, **kwargs):
            if looked_for == path:
                looks.append(looked_for)
            return real_stat(looked_for, *args, **kwargs)
        monkeypatch.setattr(os, "stat", stat)
        HealthCheck(app, "/healthcheck", checkers=[Check()], drain_file=path)
        for number in range(1, 4):
            assert ask_webtest(app, "/healthcheck" + query).status_code == 200
            assert len(looks) == number

    def test_look_during_which_another_is_set_says_nothing_of_that(self, monkeypatch, tmpdir):
        clock, stat, drain = FakeClock(5000.5), os.stat, internals.Drain()
        path = tmpdir.join("drain")

        def stat_late(old):
            monkeypatch.setattr(os, "stat", stat)
            drain.watch(str(path))
            return stat(old)
        monkeypatch.setattr(time, "time", clock)
        monkeypatch.setattr(os, "stat", stat_late)
        drain.watch(str(tmpdir))
        drain.is_on()  # of the former file
        assert drain.is_on() is False
        path.write("")
        clock.tick(2)
        assert drain.report().results[0]["since"] == 5002.5

    def test_forked_process_finds_it_for_itself(self, monkeypatch, tmpdir):
        clock, drain = FakeClock(5000.5), internals.Drain()
        monkeypatch.setattr(time, "time", clock)
        drain.watch(str(tmpdir))
        assert drain.report().results[0]["since"] == 5000.5
        monkeypatch.setattr("os.getpid", lambda: -1)
        clock.tick(2)
        assert drain.report().results[0]["since"] == 5002.5

    def test_impossible_path_is_logged_once_and_absent(self, world, log_lines, tmpdir):
        tmpdir.join("file").write("")
        health = HealthCheck(drain_file=str(tmpdir.join("file", "below a file")))
        for _ in range(3):
            assert health.run().passed
        assert len(log_lines()) == 1
        assert log_lines()[0][0] == "WARNING" and "drain_file" in log_lines()[0][1]

    @pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM])
    def test_unreadable_folder_is_logged_once(self, world, log_lines, monkeypatch, number):
        def stat(path):
            raise OSError(number, os.strerror(number), path)
        app = bottle.Bottle()
        HealthCheck(app, "/healthcheck", drain_file="/secret/drain")
        with monkeypatch.context() as patch:
            patch.setattr(os, "stat", stat)
            assert [ask_webtest(app).status_code for _ in range(5)] == [200] * 5
        assert len(log_lines()) == 1 and os.strerror(number) in log_lines()[0][1]

    def test_absent_file_is_not_logged(self, world, log_lines, tmpdir):
        health = HealthCheck(drain_file=str(tmpdir.join("no folder", "no file")))
        assert health.run().passed
        assert log_lines() == []


class TestWaitForTheLook(object):
    """How long a request waits for the thread that looks for the file."""

    @pytest.fixture
    def drain(self, world, monkeypatch):
        """One whose thread does nothing until world.work()."""
        internals.replace(monkeypatch, internals.DRAIN_WORKER, getattr(*internals.WORKER))
        drain = internals.Drain()
        drain.watch("/no folder/no file")
        return drain

    @pytest.mark.parametrize("limit, waits", [(60, 0.25), (0.25, 0.25), (0.125, 0.125)])
    def test_it_takes_a_quarter_of_a_second_or_the_limit(self, drain, world, limit, waits):
        assert drain.is_on(limit) is False
        assert world.waits == [waits]

    def test_it_counts_from_the_beginning_of_the_look(self, drain, world):
        world.meanwhile.append(lambda: world.clock.tick(0.0625) or drain.is_on(60))
        drain.is_on(60)
        assert world.waits == [0.25, 0.1875]
        assert len(world.jobs) == 1

    def test_look_that_hangs_is_not_waited_for_again(self, drain, world, log_lines):
        for _ in range(3):
            assert drain.is_on(60) is False
            world.clock.tick(1)
        assert world.waits == [0.25]
        assert len(log_lines()) == 1

    def test_next_look_begins_when_the_last_is_over(self, drain, world, log_lines):
        for _ in range(2):
            world.work_after(0.125)
            assert drain.is_on(60) is False
        assert world.waits == [0.25, 0.25]
        assert log_lines() == []


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

    def test_requests_go_on_with_what_was_seen_last(self, hung, log_lines, monkeypatch):
        def hang():
            internals.replace(monkeypatch, internals.LONGEST_LOOK, 0.01)
            hung.clear()

        def go_on():
            internals.replace(monkeypatch, internals.LONGEST_LOOK, 60)
            hung.set()

        health = HealthCheck(checkers=[Check()], drain_file=self.path, timeout=60)
        go_on()
        assert health.run().passed
        hang()
        assert [bool(health.run()) for _ in range(5)] == [True] * 5
        wait_until(lambda: len(self.looks) == 2, "the look that hangs")
        assert self.looks == ["healthcheck drain_file"] * 2 and not hung.is_set()
        assert log_lines() == [
            ("WARNING", "the file system of drain_file does not answer: the file is taken as "
             "absent", False)]
        open(self.path, "w").close()
        go_on()
        wait_until(lambda: not health.run(), "the file to be seen")
        hang()
        assert not health.run() and not hung.is_set()
        assert len(log_lines()) == 1

    def test_file_that_appears_is_seen_at_once(self, hung, monkeypatch):
        internals.replace(monkeypatch, internals.LONGEST_LOOK, 60)
        hung.set()
        health = HealthCheck(checkers=[Check()], drain_file=self.path, timeout=60)
        assert health.run().passed
        open(self.path, "w").close()
        assert not health.run().passed
        os.remove(self.path)
        assert health.run().passed
        assert self.looks == ["healthcheck drain_file"] * 3

    def test_shortest_timeout_is_waited_for(self, hung, monkeypatch):
        internals.replace(monkeypatch, internals.LONGEST_LOOK, 600)
        health = HealthCheck(checkers=[Check()], drain_file=self.path, timeout=60)
        health.add_check(Check(), name="quick", timeout=0.05)
        shown = [result["checker"] for result in health.run().results]
        assert shown == ["check", "quick"] and not hung.is_set()

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

    def test_forked_process_looks_for_itself(self, hung, monkeypatch):
        health = HealthCheck(checkers=[Check()], drain_file=self.path, timeout=60)
        assert health.run().passed
        monkeypatch.setattr("os.getpid", lambda: -1)
        assert health.run().passed
        wait_until(lambda: len(self.looks) == 2, "the looks of both processes")

    def test_thread_ends_with_the_health_check(self, hung):
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
