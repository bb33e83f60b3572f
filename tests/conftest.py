"""Fixtures of many modules."""
import logging
import sys
import time

import bottle
import pytest

from tests import internals
from tests.helpers import FakeClock
from tests.worlds import World


@pytest.fixture(autouse=True)
def no_known_hostname():
    """Each test may give the host another name."""
    internals.forget_hostname()
    yield
    internals.forget_hostname()


@pytest.fixture
def app():
    """An application without routes."""
    return bottle.Bottle()


@pytest.fixture
def steady(monkeypatch):
    """The clock of lifetimes, which stands still until a test moves it."""
    clock = FakeClock()
    internals.replace(monkeypatch, internals.CLOCK, clock)
    return clock


@pytest.fixture
def wall(monkeypatch):
    """The wall clock, likewise."""
    clock = FakeClock(1000000.0)
    monkeypatch.setattr(time, "time", clock)
    return clock


@pytest.fixture
def without_prometheus_client(monkeypatch):
    """Its import fails."""
    monkeypatch.setitem(sys.modules, "prometheus_client", None)


@pytest.fixture
def world(monkeypatch):
    """Runs without threads and without time."""
    world = World()
    world.take_over(monkeypatch)
    return world


@pytest.fixture
def log_lines(caplog):
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
