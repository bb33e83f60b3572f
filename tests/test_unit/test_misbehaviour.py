"""Checks that misbehave: odd exceptions, interrupts while an output is read, forks, the same
exception again and again. Each is a failure of its check, and of nothing else."""
import inspect
import os
import sys
import traceback

import bottle
import pytest
import six
from six.moves import collections_abc

from bottle_healthcheck import EnvironmentDump, HealthCheck
from tests import internals
from tests.helpers import raise_, wait_until
from tests.worlds import run_python
from tests.wsgi import ask_health as ask

FORKS = """
import logging, os, sys
from bottle_healthcheck import HealthCheck

def forks():
    statuses = []
    for code in (7, None, "why"):
        pid = os.fork()
        if pid == 0:
            sys.exit(code)
        statuses.append(os.WEXITSTATUS(os.waitpid(pid, 0)[1]))
    return True, statuses

logging.basicConfig(level=logging.INFO)
print(HealthCheck(checkers=[forks], timeout=%r).run().results[0]["output"])
"""


class Interrupts(Exception):
    """An exception that nobody can read."""

    def __str__(self):
        raise KeyboardInterrupt


class InterruptsWhenRead(collections_abc.Mapping):
    """An output that nobody can read."""

    def __getitem__(self, *name):
        raise KeyboardInterrupt

    __iter__ = __len__ = __getitem__


def refuse_to_say(self):
    """For a property that raises."""
    raise ValueError("nobody may ask")


class TestOddException(object):

    @pytest.mark.parametrize("claimed", [refuse_to_say, lambda self: KeyboardInterrupt])
    def test_claimed_class_does_not_count(self, claimed):
        kind = type("Odd", (Exception,), {"__class__": property(claimed)})
        result, = HealthCheck(checkers=[lambda: raise_(kind("down"))]).run().results
        assert result["passed"] is False
        assert result["output"] in ("down", "Odd")

    @pytest.mark.parametrize("args, output", [(("down",), "down"), ((), "Nameless")])
    def test_class_without_readable_name(self, args, output):
        metaclass = type("Meta", (type,), {"__name__": property(refuse_to_say)})
        kind = metaclass("Nameless", (Exception,), {})
        result, = HealthCheck(checkers=[lambda: raise_(kind(*args))]).run().results
        assert (result["passed"], result["output"]) == (False, output)


KNOWN = ValueError("of a Future")


def raise_known(*_):
    """A callback that raises the same exception at every call, as a Future's result() does."""
    raise KNOWN


def run_of(**options):
    """A function that has a new HealthCheck call raise_known."""
    options.setdefault("checkers", [lambda: raise_(OSError("down"))])
    app = bottle.Bottle()
    HealthCheck(app, "/health", failed_ttl=0, **options)
    return lambda: ask(app)


def run_of_on_change():
    """A function that has a HealthCheck call raise_known for a change."""
    passed = iter([True, False] * 9)
    return HealthCheck(checkers=[lambda: (next(passed), "")], success_ttl=0, failed_ttl=0,
                       on_change=raise_known).run


def run_of_section():
    """A function that has an EnvironmentDump call raise_known."""
    environment = EnvironmentDump(include_python=False)
    environment.add_section("known", raise_known)
    app = bottle.Bottle()
    environment.init_app(app, "/health")
    return lambda: ask(app)


class TestSameException(object):
    @pytest.mark.skipif(six.PY2, reason="its exceptions keep no traceback")
    @pytest.mark.parametrize("run", [
        run_of(checkers=[raise_known]), run_of(checkers=[raise_known], timeout=60),
        run_of(exception_handler=raise_known), run_of(details=raise_known),
        run_of(failed_handler=raise_known), run_of_on_change(), run_of_section(),
    ], ids=["check", "check in a worker", "exception_handler", "details", "failed_handler",
            "on_change", "section"])
    def test_does_not_grow(self, run):
        KNOWN.__traceback__ = None
        lengths = []
        for _ in range(4):
            run()
            lengths.append(len(traceback.extract_tb(KNOWN.__traceback__)))
        assert lengths[0] > 0
        assert lengths == [lengths[0]] * 4


class TestInterruptedReading(object):
    @pytest.mark.parametrize("returns", [lambda: raise_(Interrupts()),
                                         lambda: (True, InterruptsWhenRead())])
    def test_is_one_failure(self, returns):
        runs = []

        def check():
            runs.append(1)
            return returns()

        result, = HealthCheck(checkers=[check], timeout=60).run().results
        assert (result["passed"], len(runs)) == (False, 1)
        assert "cannot be read" in result["output"]
        assert "KeyboardInterrupt" in result["output"]

    def test_ends_the_response_time(self, monkeypatch):
        shown = [50.0, 50.25]
        internals.replace(monkeypatch, internals.TIMER, lambda: shown.pop(0))
        health = HealthCheck(checkers=[lambda: raise_(Interrupts())], timeout=60)
        assert health.run().results[0]["response_time"] == 0.25


class TestForkingCheck(object):
    @pytest.mark.skipif(not hasattr(os, "fork"), reason="has no fork")
    @pytest.mark.parametrize("timeout", [None, 60])
    def test_child_that_exits_does_nothing_more(self, timeout):
        status, output, errors = run_python(FORKS % timeout)
        assert (status, output.split("\n"), errors) == (0, ["[7, 0, 1]", ""], "")


def call_at_depth(depth, func):
    """Calls func so many calls deep."""
    if depth:
        return call_at_depth(depth - 1, func)
    return func()


class TestEndOfStack(object):
    @pytest.mark.parametrize("timeout", [None, 0.01])
    def test_leaves_no_run_behind(self, timeout):
        runs = []

        def check():
            runs.append(1)
            return True, len(runs)

        def runs_again(before):
            health.run()
            return len(runs) > before

        used = len(inspect.stack())
        refused = 0
        for left in range(150):
            health = HealthCheck(checkers=[check], timeout=timeout, success_ttl=0)
            try:
                call_at_depth(sys.getrecursionlimit() - used - left, health.run)
            except RuntimeError:  # its subclass RecursionError is new in Python 3.5
                refused += 1
            # More than once: the first may wait for the run before it.
            before = len(runs)
            wait_until(lambda: runs_again(before), what="a run")
        assert 0 < refused < 150
