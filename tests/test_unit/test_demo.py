"""bottle_healthcheck._demo: its app, and what it says where it cannot serve."""
import os
import signal
import socket

import bottle
import pytest

from bottle_healthcheck import HealthCheck
from tests import internals
from tests.internals import _demo
from tests.wsgi import ask_webtest as ask


class Adapter(bottle.ServerAdapter):
    """A server that ends at once, as raises says."""

    raises = None
    called_with = None

    def run(self, handler):
        """Notes what it was called with."""
        type(self).called_with = (self.host, self.port)
        if self.raises:
            raise self.raises


@pytest.fixture
def adapter(monkeypatch):
    """A fresh class of Adapter, known to Bottle as "test"; signals are handled as before."""
    fresh = type("Fresh", (Adapter,), {})
    monkeypatch.setitem(bottle.server_names, "test", fresh)
    handlers = [(number, signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM)]
    yield fresh
    for number, handler in handlers:
        signal.signal(number, handler)


@pytest.fixture
def patient(monkeypatch):
    """The checks have more time: a loaded machine may stall for longer than they need."""
    monkeypatch.setattr(_demo, "HealthCheck", lambda *args, **options: HealthCheck(
        *args, **dict(options, timeout=600)))


class TestApp(object):
    """Both routes, with checks of what every machine has."""

    def test_both_checks_pass_with_their_outputs(self, patient):
        answer = ask(_demo.make_app())
        assert answer.status_code == 200
        results = dict((one["checker"], one) for one in answer.json["results"])
        assert sorted(results) == ["database", "disk"]
        assert results["database"]["output"].startswith("SELECT sqlite_version(): 3.")
        assert " free of " in results["disk"]["output"]

    def test_environment_is_served(self):
        answer = ask(_demo.make_app(), "/environment")
        assert answer.json["process"]["pid"] == os.getpid()

    def test_full_disk_fails(self, patient, monkeypatch):
        monkeypatch.setattr(_demo, "LEAST_FREE_BYTES", 2 ** 62)
        answer = ask(_demo.make_app())
        assert answer.status_code == 500
        assert [one["passed"] for one in answer.json["results"]] == [True, False]


class TestServe(object):
    """serve() prints the URLs and runs until it is interrupted."""

    def test_urls_are_printed(self, adapter, capsys):
        assert _demo.serve("127.0.0.1", 0, "test") == 0
        host, port = adapter.called_with
        assert host == "127.0.0.1" and port > 0
        out, err = capsys.readouterr()
        assert out == ("A demonstration of both routes, until Ctrl-C ends it:\n"
                       "curl -i http://127.0.0.1:%d/healthcheck\n"
                       "curl -i http://127.0.0.1:%d/environment\n" % (port, port))
        assert err == ""

    def test_ipv6_address_is_in_brackets(self, adapter, capsys, monkeypatch):
        internals.replace(monkeypatch, internals.BINDABLE_PORT, lambda host, port: port)
        assert _demo.serve("::1", 8080, "test") == 0
        assert "http://[::1]:8080/healthcheck" in capsys.readouterr()[0]


def one_line(capsys):
    """What stderr holds, which is one line."""
    err = capsys.readouterr()[1]
    assert err.startswith("bottle-healthcheck: ") and err.endswith("\n") and err.count("\n") == 1
    return err


class TestError(object):
    """What keeps the service from starting is one line."""

    @pytest.mark.parametrize("raises, reported", [
        (ImportError("No module named 'test'"), "server test is not installed: No module named"),
        (RuntimeError("patch\nfirst"), "server test failed: patch first"),
        (OSError(98, "Address already in use"), "server test failed: Address already in use"),
        (ValueError(), "server test failed: ValueError"),
    ])
    def test_of_a_failing_server_is_one_line(self, adapter, raises, reported, capsys):
        adapter.raises = raises
        assert _demo.serve("127.0.0.1", 0, "test") == 1
        assert reported in one_line(capsys)

    def test_of_a_port_in_use(self, adapter, capsys):
        taken = socket.socket()
        try:
            taken.bind(("127.0.0.1", 0))
            taken.listen(1)
            port = taken.getsockname()[1]
            assert _demo.serve("127.0.0.1", port, "test") == 1
        finally:
            taken.close()
        error = "cannot listen on '127.0.0.1' port %d: Address already in use" % port
        assert error in one_line(capsys)
        assert adapter.called_with is None

    @pytest.mark.parametrize("host, port", [
        ("192.0.2.1", 8080),  # a documentation address: no machine has it
        ("", 8080),
    ])
    def test_of_an_unusable_address(self, adapter, host, port, capsys):
        assert _demo.serve(host, port, "test") == 1
        assert "cannot listen on %r port %d: " % (host, port) in one_line(capsys)
        assert adapter.called_with is None

    @pytest.mark.parametrize("error, reported", [
        (socket.gaierror(-2, "Name or service not known"),
         "'nosuch' port 8080: Name or service not"),
        (UnicodeError("label empty or too long"), "'nosuch' port 8080: label empty or too long"),
    ])
    def test_of_an_unknown_host(self, adapter, monkeypatch, error, reported, capsys):
        def look_up(*args):
            raise error

        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        assert _demo.serve("nosuch", 8080, "test") == 1
        assert reported in one_line(capsys)
