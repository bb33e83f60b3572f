"""bottle_healthcheck._http.formats.values"""
import socket

import pytest

from tests import internals
from tests.helpers import FakeClock
from tests.internals import hostname, iso_8601, state_of

#: 2026-02-03 04:05:06 UTC.
NOW = 1770091506.25


@pytest.mark.parametrize("seconds, text", [
    (0, "1970-01-01T00:00:00.000Z"), (NOW, "2026-02-03T04:05:06.250Z"),
    (1770091506.9996, "2026-02-03T04:05:06.999Z"), (4102444800, "2100-01-01T00:00:00.000Z"),
    (1e15, "1000000000000000.000")])
def test_moment_in_iso_8601(seconds, text):
    assert iso_8601(seconds) == text


def test_host_without_a_name(monkeypatch):
    assert hostname() == socket.gethostname()

    def fail():
        raise OSError("no name")

    internals.forget_hostname()
    monkeypatch.setattr(socket, "gethostname", fail)
    assert hostname() == "unknown"


def test_new_name_of_the_host_is_seen_some_seconds_later(monkeypatch):
    clock, names = FakeClock(), ["web-1", "web-2"]
    monkeypatch.setattr(*(internals.CLOCK + (clock,)))
    monkeypatch.setattr(socket, "gethostname", lambda: names[0])
    assert hostname() == "web-1"
    names.pop(0)
    clock.tick(internals.HOSTNAME_SECONDS - 1)
    assert hostname() == "web-1"
    clock.tick(1)
    assert hostname() == "web-2"


@pytest.mark.parametrize("result, state", [
    ({"passed": True}, "passed"), ({"passed": True, "critical": False}, "passed"),
    ({"passed": False}, "failed"), ({"passed": False, "critical": False}, "warning")])
def test_state_of_a_check(result, state):
    assert state_of(result) == state
