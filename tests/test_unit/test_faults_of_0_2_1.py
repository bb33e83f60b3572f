# coding: utf-8
"""What was wrong in 0.2.1, a test each: none of it may come back."""
import functools
import json
import sys
import threading

import bottle
import pytest
import six

from bottle_healthcheck import EnvironmentDump, HealthCheck
from tests import internals
from tests.helpers import succeeds, wait_until
from tests.worlds import run_python
from tests.wsgi import ask


def serve(*checks, **arguments):
    """An app with these checks on /healthcheck."""
    app = bottle.Bottle()
    health = HealthCheck(app, "/healthcheck", **arguments)
    for check in checks:
        health.add_check(check)
    return app


def response_of(app, path="/healthcheck"):
    """(status, the JSON answer)."""
    answer = ask(app, path)
    return answer.status, json.loads(answer.body.decode("ascii"))


def others_are_reported(status, answer):
    assert status == 500 and answer["status"] == "failure"
    assert [one["passed"] for one in answer["results"]] == [False, True]
    assert answer["results"][1]["output"] == "fine"


class TestAnswer(object):
    """What was shown was not what the check or the app had said."""

    def test_failure_was_html_labelled_json(self):
        answer = ask(serve(lambda: (False, "down")))
        assert answer.status == 500
        assert answer.headers["Content-Type"] == "application/json"
        assert json.loads(answer.body.decode("ascii"))["results"][0]["output"] == "down"

    def test_class_of_exception_was_shown(self):
        seen = []

        def raises():
            raise ValueError("no route to db1")

        def handler(checker, exc):
            seen.append(exc)
            return False, str(exc)

        assert response_of(serve(raises))[1]["results"][0]["output"] == "no route to db1"
        assert response_of(serve(raises, exception_handler=handler))[1]["results"][0]["output"] == (
            "no route to db1")
        assert isinstance(seen[0], ValueError)

    def test_config_was_of_the_default_app(self):
        app = bottle.Bottle()
        app.config["whose"] = "mine"
        EnvironmentDump(app, "/environment", include_python=False)
        assert response_of(app, "/environment")[1]["config"]["whose"] == "mine"
        assert "whose" not in bottle.default_app().config

    @pytest.mark.parametrize("returned", ["ok", u"ok", b"ok", {True: 1, "output": 2}], ids=repr)
    def test_ok_passed_for_a_pair(self, returned):
        status, answer = response_of(serve(lambda: returned, succeeds))
        others_are_reported(status, answer)
        assert "expected a pair (passed, output)" in answer["results"][0]["output"]


class TestBrokenRoute(object):
    """One bad check, output, section or import took the whole route down."""

    def test_with_any_pip_since_10(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "pip", None)  # neither wanted nor asked
        app = bottle.Bottle()
        EnvironmentDump(app, "/environment")
        status, answer = response_of(app, "/environment")
        assert status == 200
        assert answer["python"]["packages"]["six"] == six.__version__

    def test_with_raising_section(self):
        app = bottle.Bottle()
        dump = EnvironmentDump(app, "/environment", include_python=False)
        dump.add_section("broken", lambda: 1 // 0)
        dump.add_section("fine", lambda: "fine")
        status, answer = response_of(app, "/environment")
        assert status == 200
        assert answer["broken"]["error"].startswith("ZeroDivisionError: ")
        assert answer["fine"] == "fine" and answer["os"]["platform"] == sys.platform

    @pytest.mark.parametrize("output", [object(), {1, 2}, b"\xff", {(1, 2): 3}, float("nan"),
                                        {b"a": 1}],
                             ids=lambda value: type(value).__name__)
    def test_with_output_that_is_not_json(self, output):
        def no_constant(name):
            pytest.fail("%s is no JSON" % name)

        answer = ask(serve(lambda: (False, output), succeeds))
        others_are_reported(answer.status, json.loads(answer.body.decode("ascii"),
                                                      parse_constant=no_constant))

    def test_with_unhashable_check(self):
        class Unhashable(object):
            __hash__ = None

            def __eq__(self, other):
                return self is other

            def __call__(self):
                return False, "called"

            def method(self):
                return False, "called"

        for check in (Unhashable(), Unhashable().method):
            app = serve(check, succeeds)
            others_are_reported(*response_of(app))
            others_are_reported(*response_of(app))

    def test_with_partial(self):
        def reaches(host):
            return False, host

        status, answer = response_of(serve(functools.partial(reaches, "db1"), succeeds))
        others_are_reported(status, answer)
        assert [answer["results"][0][key] for key in ("checker", "output")] == ["reaches", "db1"]

    @pytest.mark.parametrize("returned", [None, True, (), (True,), (True, 1, 2), 7,
                                          {"a": 1, "b": 2}],
                             ids=repr)
    def test_with_check_that_returns_no_pair(self, returned):
        status, answer = response_of(serve(lambda: returned, succeeds))
        others_are_reported(status, answer)
        assert "expected a pair (passed, output)" in answer["results"][0]["output"]
        assert "the check returned " in answer["results"][0]["output"]


class TestCaching(object):
    """A check ran too often or too seldom."""

    @pytest.mark.parametrize("none", [None, 0, 0.0])
    @pytest.mark.usefixtures("wall", "steady")
    def test_lifetime_of_none_was_a_tick(self, none):
        runs = []
        app = serve(lambda: (True, runs.append(1)), success_ttl=none)
        response_of(app)
        response_of(app)
        assert len(runs) == 2

    def test_clock_set_back_froze_results(self, wall, steady):
        runs = []
        app = serve(lambda: (True, runs.append(1)))
        response_of(app)
        wall.tick(-3600)
        steady.tick(26.9)
        response_of(app)
        assert len(runs) == 1
        steady.tick(0.2)
        response_of(app)
        assert len(runs) == 2

    def test_32_requests_ran_a_check_32_times(self, monkeypatch):
        internals.replace(monkeypatch, internals.LONGEST_WAIT, 0.1)
        runs, entered, release, answers = [], threading.Event(), threading.Event(), []

        def slow():
            runs.append(1)
            entered.set()
            release.wait(60)
            return True, "slow"

        app = serve(slow)
        threads = [threading.Thread(target=lambda: answers.append(response_of(app)))
                   for _ in range(32)]
        for thread in threads:
            thread.start()
        try:
            entered.wait(60)
            wait_until(lambda: len(answers) == 31)  # each of them had the chance to run it too
        finally:
            release.set()
            for thread in threads:
                thread.join(60)
        assert len(runs) == 1
        assert len(answers) == 32


class TestProcess(object):
    """The library printed, changed its argument, or imported what Python no longer has."""

    def test_success_printed_ok(self, capsys):
        assert response_of(serve(succeeds))[0] == 200
        captured = capsys.readouterr()
        assert (captured.out, captured.err) == ("", "")

    def test_callers_list_was_changed(self):
        mine = [succeeds]
        health = HealthCheck(checkers=mine)
        health.add_check(lambda: (True, "another"))
        assert mine == [succeeds]
        assert len(health.checkers) == 2
        mine.append(succeeds)
        assert len(health.checkers) == 2
        empty = []
        HealthCheck(checkers=empty).add_check(succeeds)
        assert empty == []

    @pytest.mark.skipif(sys.version_info < (3, 8), reason="setuptools itself may import it there")
    def test_imp_was_imported(self):
        status, output, errors = run_python(
            "import sys\n"
            "sys.modules['imp'] = None\n"
            "import bottle_healthcheck\n"
            "print('packages' in bottle_healthcheck.EnvironmentDump().get_python())\n")
        assert (status, output, errors) == (0, "True\n", "")
