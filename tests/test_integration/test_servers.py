"""A check that hangs takes no server down: threads or none, forked before or after first use."""
import collections
import contextlib
import functools
import json
import multiprocessing.pool
import os
import select
import signal
import socket
import sys

import pytest
from six.moves.http_client import HTTPConnection

from tests import servers
from tests.helpers import GENEROUS_SECONDS, ROOT, free_port, need_module, wait_until

pytestmark = pytest.mark.servers

PROBES = 8

#: Seconds: the time-out of the checks.
TIMEOUT = 1

gunicorn, uwsgi = servers.gunicorn_service, servers.uwsgi_service

#: Those that answer one request at a time in each process.
SINGLE = {
    "wsgiref": functools.partial(servers.bottle_service, "wsgiref"),
    "gunicorn sync": gunicorn,
    "gunicorn sync --preload": functools.partial(gunicorn, "--preload", used_before_fork=True),
    "uwsgi": functools.partial(uwsgi, used_before_fork=True),
    "uwsgi --enable-threads": functools.partial(uwsgi, "--enable-threads", used_before_fork=True),
}

#: Those that answer several, here in one process: what one request holds, another must not need.
THREADED = {
    "waitress": functools.partial(servers.bottle_service, "waitress"),
    "cheroot": functools.partial(servers.bottle_service, "cheroot"),
    "gunicorn gthread": functools.partial(gunicorn, "--worker-class", "gthread", "--threads", "4",
                                          workers=1),
    "gunicorn gevent": functools.partial(gunicorn, "--worker-class", "gevent", workers=1),
    "uwsgi --threads": functools.partial(uwsgi, "--threads", "4", "--processes", "1",
                                         used_before_fork=True),
}

ALL = dict(SINGLE, **THREADED)

#: Those whose health check runs in the process that forks the others.
USED_BEFORE_FORK = sorted(name for name in ALL
                          if getattr(ALL[name], "keywords", {}).get("used_before_fork"))


@contextlib.contextmanager
def served(start, tmpdir):
    """A service with a hung and a slow check under the server; `.notes()` counts their starts."""
    path = tmpdir.join("notes")
    path.write("")
    with start(checks=["hung", "slow"], timeout=TIMEOUT, notes=str(path)) as server:
        server.notes = lambda: collections.Counter(path.read().splitlines())
        yield server


def ask(server, path="/healthcheck"):
    """(status, body) of one request; raises where it is not answered."""
    with contextlib.closing(HTTPConnection(server.host, server.port,
                                           timeout=GENEROUS_SECONDS)) as connection:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode("ascii")


@contextlib.contextmanager
def patient_request(server):
    """A request under way: it waits for another hung check, until that one's time-out."""
    with contextlib.closing(socket.create_connection((server.host, server.port))) as connection:
        connection.settimeout(GENEROUS_SECONDS)
        connection.sendall(b"GET /patient HTTP/1.0\r\n\r\n")
        wait_until(lambda: any("hung_too" in line for line in server.notes()),
                   what="the start of a check")
        yield connection


def check_probes(server):
    """Sends the probes side by side; returns the processes that answered them."""
    pool = multiprocessing.pool.ThreadPool(PROBES)
    try:
        answers = pool.map(lambda _: ask(server), range(PROBES))
    finally:
        pool.terminate()
    pids = set()
    for status, body in answers:
        report = json.loads(body)
        hung, slow = report["results"]
        assert (status, report["status"]) == (500, "failure")
        assert hung["output"].startswith(("timed out after 1 s", "still running after"))
        assert (slow["passed"], slow["output"]) == (True, "took its time")
        pids.add(report["pid"])
    return pids


def check_starts(server, pids):
    """Each process started the hung check once, and the slow one at most once."""
    notes = server.notes()
    assert set(notes.values()) == {1}
    for pid in pids:
        assert notes["hung %d" % pid] == 1


def check_service(server):
    """Every probe is answered, SIGTERM ends the server; returns who answered."""
    pids = check_probes(server)
    check_starts(server, pids)
    assert ask(server, "/ping") == (200, "pong")
    os.kill(server.pid, signal.SIGTERM)
    server.wait_for_end()
    check_starts(server, pids)
    return pids


def with_smoke(names, *smoke):
    """Parameters; what is a server of its own is tried once by every run."""
    return [pytest.param(name, marks=[pytest.mark.smoke] * (name in smoke))
            for name in sorted(names)]


class TestHungCheck(object):
    @pytest.mark.parametrize("name", with_smoke(
        set(ALL) - set(USED_BEFORE_FORK), "wsgiref", "gunicorn sync", "waitress", "cheroot"))
    def test_leaves_probes_and_sigterm_working(self, name, tmpdir):
        with served(ALL[name], tmpdir) as server:
            check_service(server)

    @pytest.mark.parametrize("name", with_smoke(USED_BEFORE_FORK, "uwsgi"))
    def test_does_so_after_use_and_fork(self, name, tmpdir):
        with served(ALL[name], tmpdir) as server:
            pids = check_service(server)
            assert server.pid not in pids
            # Results from before the fork are still cached: no worker ran the check again.
            assert [line for line in server.notes() if "slow" in line] == ["slow %d" % server.pid]

    @pytest.mark.parametrize("name", sorted(THREADED))
    def test_leaves_other_routes_responding(self, name, tmpdir):
        with served(THREADED[name], tmpdir) as server:
            with patient_request(server) as waiting:
                assert ask(server, "/ping") == (200, "pong")
                assert select.select([waiting], [], [], 0)[0] == []
                assert b"timed out after 4 s" in waiting.makefile("rb").read()


DRAINED = """
import re, signal, sys
import bottle
alarms = []
signal.alarm = alarms.append
source = re.search("```python\\n([^`]*on_sigterm[^`]*)```", open(sys.argv[1]).read()).group(1)
exec(source)
app.route("/alarms", callback=lambda: repr(alarms))
bottle.run(app, server="waitress", port=int(sys.argv[2]), quiet=True)
"""


class TestSigterm(object):
    @pytest.mark.parametrize("name", sorted(name for name in ALL if name.startswith("gunicorn")))
    def test_waiting_request_is_answered(self, name, tmpdir):
        with served(ALL[name], tmpdir) as server:
            with patient_request(server) as waiting:
                os.kill(server.pid, signal.SIGTERM)
                assert b"timed out after 4 s" in waiting.makefile("rb").read()
                server.wait_for_end()

    def test_handler_of_readme_drains_then_ends(self):
        need_module("waitress")
        port = free_port()
        command = [sys.executable, "-c", DRAINED, os.path.join(ROOT, "README.md"), str(port)]
        server = servers.Server(command, port, servers.accepts, env=servers.environment())
        server.start()
        try:
            assert ask(server)[0] == 200
            os.kill(server.pid, signal.SIGTERM)
            wait_until(lambda: ask(server)[0] == 404, what="the drained answer")
            assert ask(server, "/alarms") == (200, "[40]")
            os.kill(server.pid, signal.SIGALRM)  # what the kernel does after so many seconds
            server.wait_for_end()
        finally:
            server.stop()
