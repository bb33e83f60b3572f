"""bottle_healthcheck._http.formats.values"""
import socket

import pytest

from tests import internals
from tests.internals import hostname, iso_8601, state_of

#: 2026-02-03 04:05:06 UTC.
NOW = 1770091506.25


class TestMoment(object):
    @pytest.mark.parametrize("seconds, text", [
        (0, "1970-01-01T00:00:00.000Z"), (NOW, "2026-02-03T04:05:06.250Z"),
        (1770091506.9996, "2026-02-03T04:05:06.999Z"), (4102444800, "2100-01-01T00:00:00.000Z"),
        (1e15, "1000000000000000.000")])
    def test_in_iso_8601(self, seconds, text):
        assert iso_8601(seconds) == text


class TestHostname(object):
    def test_of_a_host_without_one(self, monkeypatch):
        assert hostname() == socket.gethostname()

        def fail():
            raise OSError("no name")

        internals.forget_hostname()
        monkeypatch.setattr(socket, "gethostname", fail)
        assert hostname() == "unknown"

    def test_new_one_is_seen_some_seconds_later(self, monkeypatch, steady):
        names = ["web-1", "web-2"]
        monkeypatch.setattr(socket, "gethostname", lambda: names[0])
        assert hostname() == "web-1"
        names.pop(0)
        steady.tick(internals.HOSTNAME_SECONDS - 1)
        assert hostname() == "web-1"
        steady.tick(1)
        assert hostname() == "web-2"


class TestState(object):
    @pytest.mark.parametrize("result, state", [
        ({"passed": True}, "passed"), ({"passed": True, "critical": False}, "passed"),
        ({"passed": False}, "failed"), ({"passed": False, "critical": False}, "warning")])
    def test_of_a_check(self, result, state):
        assert state_of(result) == state
