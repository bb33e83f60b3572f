"""The original 0.2.1 release has every fault that this package must not bring back.

Each test shows one fault on the original itself, so that what tests for the same fault, in the
class of the same name in tests/test_unit/test_faults_of_0_2_1.py, is known to bite. Both packages
are imported by the same name: the stage "original" of .ci/run runs this module on Python 2.7, away
from the checkout, where the original alone is installed.
"""
import functools
import inspect
import json
import threading
import time

import bottle
import pytest
import webtest

import bottle_healthcheck as original

if hasattr(original, "__version__"):  # which the original has not
    pytest.skip("bottle_healthcheck is not the original 0.2.1 here: .ci/run original installs that",
                allow_module_level=True)


class Always(object):
    """A check, callable as any other, that no function is."""

    def __call__(self):
        return True, "fine"


class Unhashable(Always):
    """A check that cannot be a key of a dictionary."""
    __name__ = "unhashable"
    __hash__ = None

    def __eq__(self, other):
        return self is other


class Clock(object):
    """Stands in for the wall clock."""

    def __init__(self):
        self.now = 1500000000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    """The wall clock, which stands still until a test moves it."""
    clock = Clock()
    monkeypatch.setattr(time, "time", clock)
    return clock


def passing():
    """A check that passes."""
    return True, "fine"


def failing():
    """A check that fails."""
    return False, "out of order"


def ask(*checks, **options):
    """What the route of these checks answers."""
    client = client_of(original.HealthCheck, checkers=list(checks), **options)
    return client.get("/", status="*", expect_errors=True)


def client_of(plugin, app=None, **options):
    """A client of an application that has the plugin at /."""
    app = app or bottle.Bottle()
    plugin(app, "/", **options)
    return webtest.TestApp(app)


def assert_html_labelled_json(answer):
    """The answer is Bottle's page about an error, and says that it is JSON."""
    assert answer.status_int == 500
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.body.lstrip().startswith(b"<!DOCTYPE HTML")
    with pytest.raises(ValueError):
        json.loads(answer.body)


def dump_status(section=None, **options):
    """The status of an EnvironmentDump, with that section added."""
    dump = original.EnvironmentDump(**options)
    if section:
        dump.add_section("added", section)
    app = bottle.Bottle()
    dump.init_app(app, "/")
    return webtest.TestApp(app).get("/", status="*", expect_errors=True).status_int


def assert_broken(answer, error):
    """The answer is Bottle's own error page, and names no check at all."""
    assert answer.status_int == 500
    assert answer.content_type == "text/html"
    assert b"passing" not in answer.body
    assert error in answer.errors  # the traceback that Bottle wrote to wsgi.errors


def counting(runs):
    """A check that passes and leaves a mark in runs."""
    def check():
        runs.append(1)
        return True, "fine"
    return check


def request_of(path):
    """The arguments of a WSGI call for that path, whose answer nobody reads."""
    return webtest.TestRequest.blank(path).environ, lambda status, headers, exc_info=None: None


class TestAnswer(object):
    def test_of_a_passing_check_was_right(self):
        """Otherwise the tests below would find faults everywhere."""
        answer = ask(passing)

        assert answer.status_int == 200
        assert answer.json["results"][0]["output"] == "fine"

    def test_failure_was_html_labelled_json(self):
        assert_html_labelled_json(ask(failing))

    def test_class_of_exception_was_shown(self):
        def raising():
            raise RuntimeError("the database is gone")

        result = original.HealthCheck().run_check(raising)

        assert result["output"] == "<type 'exceptions.RuntimeError'>"

    def test_config_was_of_the_default_app(self, monkeypatch):
        app = bottle.Bottle()
        app.config["whose"] = "the route's app"
        monkeypatch.setitem(bottle.app().config, "whose", "the default app")

        answer = client_of(original.EnvironmentDump, app=app, include_python=False).get("/")

        assert answer.json["config"]["whose"] == "the default app"

    def test_ok_passed_for_a_pair(self):
        result = ask(lambda: "ok").json["results"][0]

        assert (result["passed"], result["output"]) == ("o", "k")


class TestBrokenRoute(object):
    def test_with_any_pip_since_10(self):
        import pip
        assert not hasattr(pip, "get_installed_distributions")

        assert dump_status(include_os=False, include_config=False, include_process=False) == 500
        assert dump_status(include_python=False) == 200

    def test_with_raising_section(self):
        def raising():
            raise RuntimeError("one section")

        assert dump_status(include_python=False, section=raising) == 500
        assert dump_status(include_python=False, section=object) == 500  # which JSON cannot write
        assert dump_status(include_python=False, section=dict) == 200

    @pytest.mark.parametrize("check, error", [
        pytest.param(Unhashable(), "unhashable type", id="unhashable check"),
        pytest.param(functools.partial(passing), "__name__", id="partial"),
        pytest.param(Always(), "__name__", id="callable object"),
    ])
    def test_with_check_that_is_no_function(self, check, error):
        assert check() == (True, "fine")

        assert_broken(ask(passing, check), error)

    @pytest.mark.parametrize("returned, error", [
        (True, "TypeError"), (None, "TypeError"), ((True,), "ValueError"),
        ((True, "fine", 3), "ValueError"), ("failed", "ValueError"),
    ])
    def test_with_check_that_returns_no_pair(self, returned, error):
        """0.2.1 takes it for an exception of the check, so it shows both faults of those."""
        def check():
            return returned

        assert original.HealthCheck().run_check(check)["output"] == "<type 'exceptions.%s'>" % error
        assert_html_labelled_json(ask(passing, check))

    def test_with_output_that_is_not_json(self):
        assert_broken(ask(passing, lambda: (True, object())), "is not JSON serializable")
        assert_broken(ask(passing, lambda: (True, b"\xff")), "can't decode byte 0xff")


class TestCaching(object):
    @pytest.mark.parametrize("lifetime", [None, 0])
    def test_lifetime_of_none_was_a_tick(self, clock, lifetime):
        runs = []
        client = client_of(original.HealthCheck, checkers=[counting(runs)], success_ttl=lifetime)

        client.get("/")
        client.get("/")
        assert len(runs) == 1
        clock.now += 0.01
        client.get("/")
        assert len(runs) == 2

    def test_clock_set_back_froze_results(self, clock):
        runs = []
        client = client_of(original.HealthCheck, checkers=[counting(runs)])

        client.get("/")
        clock.now -= 3600
        client.get("/")
        clock.now += 3600
        client.get("/")
        assert len(runs) == 1
        clock.now += 28
        client.get("/")
        assert len(runs) == 2

    def test_32_requests_ran_a_check_32_times(self):
        """Every run waits for the others: they can all be there only where none is shared."""
        runs = []
        all_there = threading.Event()

        def slow():
            runs.append(1)
            if len(runs) == 32:
                all_there.set()
            return all_there.wait(60), "ran"

        client = client_of(original.HealthCheck, checkers=[slow])
        threads = [threading.Thread(target=client.app, args=request_of("/")) for _ in range(32)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert all_there.is_set()
        assert len(runs) == 32


class TestProcess(object):
    def test_success_printed_ok(self, capsys):
        ask(passing)

        assert capsys.readouterr().out == "OK\n"

    def test_imp_was_imported(self):
        source = inspect.getsource(original)

        assert "import imp\n" in source
        assert "imp.find_module(" in source

    def test_callers_list_was_changed(self):
        mine = [passing]

        original.HealthCheck(checkers=mine).add_check(failing)

        assert mine == [passing, failing]
