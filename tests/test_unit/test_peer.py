"""bottle_healthcheck._peer; how it talks to odd peers is tested with the checks"""
import socket

import pytest

from tests.helpers import FakeClock, free_port
from tests.internals import _peer


@pytest.fixture
def clock(monkeypatch):
    clock = FakeClock()
    monkeypatch.setattr(_peer, "monotonic", clock)
    return clock


def test_a_deadline_tells_what_is_left_until_nothing_is(clock):
    deadline = _peer.Deadline(5)
    clock.tick(4.5)
    assert deadline.left() == 0.5
    clock.tick(0.5)
    with pytest.raises(socket.timeout, match="timed out"):
        deadline.left()


class Silent(object):
    """A socket that nobody answers: connecting takes all the time that it is given."""

    def __init__(self, *args):
        self._seconds = None

    def settimeout(self, seconds):
        self._seconds = seconds

    def connect(self, address):
        _peer.monotonic.tick(self._seconds)
        raise socket.timeout("timed out")

    def close(self):
        pass


def test_addresses_share_the_time(clock, monkeypatch):
    address = (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 80))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args: [address] * 20)
    monkeypatch.setattr(socket, "socket", Silent)
    begun = clock.now
    with pytest.raises(socket.timeout):
        with _peer.connected("twenty.example", 80, _peer.Deadline(5)):
            pytest.fail("nobody answers there")
    assert abs(clock.now - begun - 5) < 0.001


class Stop(BaseException):
    """As gevent's time-outs are."""


@pytest.fixture
def sockets(monkeypatch):
    """Every socket that is made."""
    made, real = [], socket.socket

    def make(*args):
        made.append(real(*args))
        return made[-1]
    monkeypatch.setattr(socket, "socket", make)
    return made


def is_closed(sock):
    try:
        return sock.fileno() == -1
    except socket.error:  # 2.7
        return True


def test_a_connection_is_closed_however_its_use_ends(sockets):
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(5)
    with pytest.raises(Stop):
        with _peer.connected("127.0.0.1", listener.getsockname()[1], _peer.Deadline(5)):
            raise Stop()
    listener.close()
    assert len(sockets) == 2 and is_closed(sockets[1])


def test_what_does_not_connect_is_closed(sockets):
    port = free_port()
    del sockets[:]
    with pytest.raises(socket.error):
        with _peer.connected("127.0.0.1", port, _peer.Deadline(5)):
            pytest.fail("nobody listens there")
    assert len(sockets) == 1 and is_closed(sockets[0])


class Stopped(object):
    """A socket that is interrupted while it connects."""
    closed = 0

    def __init__(self, *args):
        pass

    def settimeout(self, seconds):
        pass

    def connect(self, address):
        raise Stop()

    def close(self):
        Stopped.closed += 1


def test_what_is_stopped_while_it_connects_is_closed(monkeypatch):
    monkeypatch.setattr(socket, "socket", Stopped)
    monkeypatch.setattr(Stopped, "closed", 0)
    with pytest.raises(Stop):
        with _peer.connected("127.0.0.1", 1, _peer.Deadline(5)):
            pytest.fail("it was stopped")
    assert Stopped.closed == 1
