"""Fixtures of many modules."""
import bottle
import pytest

from tests.worlds import World


@pytest.fixture
def app():
    """An application without routes."""
    return bottle.Bottle()


@pytest.fixture
def world(monkeypatch):
    """No threads and no time, but what the test says."""
    world = World()
    world.take_over(monkeypatch)
    return world
