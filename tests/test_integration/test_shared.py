"""Results shared by real processes through real cache servers, and what their failures cost.

Processes are those of tests/member.py: the tests set their clocks ahead, so that a
lifetime of 27 s takes none; those of the servers do not.
"""
import contextlib
import json
import os
import pickle
import re
import signal
import socket
import subprocess
import sys
import threading

import pytest

from tests import internals, member
from tests.helpers import PY2, ROOT, need_module, wait_until
from tests.servers import memcached_server, redis_server

pytestmark = pytest.mark.servers

#: The server and the module of each kind of client, by its name in tests/member.py.
CLIENTS = {"redis": (redis_server, "redis"), "django": (redis_server, "django"),
           "memcache": (memcached_server, "memcache"), "pylibmc": (memcached_server, "pylibmc"),
           "redis-py": (redis_server, "redis"), "pymemcache": (memcached_server, "pymemcache"),
           "pymemcache client": (memcached_server, "pymemcache"),
           "pymemcache hash": (memcached_server, "pymemcache")}

KINDS = [pytest.param("redis-py", marks=pytest.mark.smoke), "redis", "django", "memcache",
         "pylibmc", "pymemcache", "pymemcache client", "pymemcache hash"]


class Member(object):
    """A process of the fleet."""

    def __init__(self, *arguments):
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.member"]
            + [str(one) for one in arguments],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._deadline = threading.Timer(600, self._process.kill)
        self._deadline.start()

    def start(self, later=0):
        """Has it run its check, so many seconds later by its own clocks."""
        self._process.stdin.write(b"%d\n" % later)
        self._process.stdin.flush()

    def result(self):
        """What the process wrote of its run."""
        line = self._process.stdout.readline()
        assert line, "the process ended"
        return json.loads(line.decode("ascii"))

    def run(self, later=0):
        """Both."""
        self.start(later)
        return self.result()

    def end(self):
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._deadline.cancel()
        self._process.stdin.close()
        self._process.stdout.close()


class Fleet(object):
    """Processes that share a backend, and its server, None for files."""

    def __init__(self, kind, server, folder):
        self.kind = kind
        self.server = server
        self._folder = folder
        self._members = []

    def member(self, timeout=0, takes=0.3, socket_timeout=30):
        address = self.server.port if self.server else os.path.join(self._folder, "cache")
        self._members.append(Member(self.kind, address, self.notes, timeout, takes,
                                    socket_timeout))
        return self._members[-1]

    @property
    def notes(self):
        return os.path.join(self._folder, "notes")

    def runs(self):
        """How often the check ran so far."""
        if not os.path.exists(self.notes):
            return 0
        with open(self.notes) as notes:
            return len(notes.readlines())

    def end(self):
        for member in self._members:
            member.end()


@contextlib.contextmanager
def fleet_with(kind, folder):
    if kind == "django" and sys.version_info < (3, 10):
        pytest.skip("requirements.txt names Django from 3.10 on; its Redis cache is new in 4.0")
    if kind in ("redis", "memcache", "pylibmc", "files"):
        need_module("cachelib")
    if kind == "files":
        if PY2:
            pytest.skip("cachelib's FileSystemCache calls os.replace(), which 2.7 has not")
        fleet = Fleet(kind, None, folder)
        try:
            yield fleet
        finally:
            fleet.end()
        return
    start_server, module = CLIENTS[kind]
    need_module(module)
    with start_server() as server:
        fleet = Fleet(kind, server, folder)
        try:
            yield fleet
        finally:
            fleet.end()


@pytest.fixture(params=KINDS)
def fleet(request, tmpdir):
    with fleet_with(request.param, str(tmpdir)) as fleet:
        yield fleet


def levels(result):
    return [level for level, _ in result["lines"]]


@pytest.fixture(params=KINDS + ["files"])
def any_fleet(request, tmpdir):
    with fleet_with(request.param, str(tmpdir)) as fleet:
        yield fleet


class TestFleet(object):
    """Processes share a result through a cache server."""

    def test_result_and_lifetime_are_shared(self, any_fleet):
        first, second, third = [any_fleet.member() for _ in range(3)]
        results = [one.run() for one in (first, second, third)]
        assert any_fleet.runs() == 1
        assert [(one["output"], one["lines"]) for one in results] == [("fine", [])] * 3
        assert len(set(one["timestamp"] for one in results)) == 1
        results = [one.run(later=28) for one in (second, third, first)]
        assert any_fleet.runs() == 2
        assert len(set(one["timestamp"] for one in results)) == 1
        assert [one["lines"] for one in results] == [[]] * 3

    def test_simultaneous_requests_run_a_check_once(self, fleet):
        members = [fleet.member() for _ in range(6)]
        for later, runs in ((0, 1), (28, 2), (28, 3)):
            for one in members:
                one.start(later)
            results = [one.result() for one in members]
            assert [(one["output"], one["lines"]) for one in results] == [("fine", [])] * 6
            assert fleet.runs() == runs

    def test_processes_on_files_all_have_a_result(self, tmpdir):
        with fleet_with("files", str(tmpdir)) as fleet:
            members = [fleet.member() for _ in range(6)]
            for later in (0, 28, 28):
                for one in members:
                    one.start(later)
                results = [one.result() for one in members]
                assert [(one["output"], one["lines"]) for one in results] == [("fine", [])] * 6
            assert 3 <= fleet.runs() <= 18

    @pytest.mark.parametrize("kind", ["redis-py", "redis", "memcache", "pymemcache"])
    def test_lock_of_a_killed_process_expires(self, kind, tmpdir):
        with fleet_with(kind, str(tmpdir)) as fleet:
            victim, heir = fleet.member(timeout=2, takes=60), fleet.member(timeout=2)
            victim.start()
            wait_until(fleet.runs, what="the victim's run")
            victim.end()
            outputs = []
            while outputs[-1:] != ["fine"] and len(outputs) < 10:
                outputs.append(heir.run()["output"])
            for output in outputs[:-1]:  # the second where the heir itself ran for a while
                assert re.match("timed out after 2 s$|another process's run took [0-9.]+ s of 2 s$",
                                output)
            assert outputs[-1] == "fine"
            assert fleet.runs() == 2

    def test_threads_share_a_pymemcache_connection(self, tmpdir):
        with fleet_with("pymemcache client", str(tmpdir)) as fleet:
            client = need_module("pymemcache.client.base").Client(
                ("127.0.0.1", fleet.server.port), timeout=30, connect_timeout=30)
            backend, wrong = internals.backends.adapt(client), []

            def work(name):
                try:
                    for number in range(200):
                        backend.set(name, "%s %d" % (name, number), timeout=60)
                        value = backend.get(name)
                        if value != ("%s %d" % (name, number)).encode("ascii"):
                            wrong.append((name, number, value))
                except Exception as exc:
                    wrong.append(exc)
            threads = [threading.Thread(target=work,
                                        args=("name%d" % number,)) for number in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert wrong == []


def flush(server):
    """Has a redis or a memcached forget everything."""
    for command in (b"FLUSHALL\r\n", b"flush_all\r\n"):
        with contextlib.closing(socket.create_connection((server.host, server.port), 60)) as one:
            one.sendall(command)
            if one.recv(64) in (b"+OK\r\n", b"OK\r\n"):
                return
    raise AssertionError("neither a redis nor a memcached")


def until_shared(fleet, first, second):
    """Lifetimes pass until the server is known to be back; both say so once, and share again."""
    lines = []
    for _ in range(120):
        for one in (first, second):
            lines += levels(one.run(later=40))
        if len(lines) == 2:
            break
        threading.Event().wait(0.5)  # python-memcached looks again after a second of its own
    assert lines == ["INFO", "INFO"]
    runs = fleet.runs()
    results = [one.run(later=28) for one in (first, second)]
    assert fleet.runs() == runs + 1
    assert [one["lines"] for one in results] == [[], []]


class TestFailingServer(object):
    """A failing server costs log lines, and no request its response."""

    def test_killed_one_costs_two_lines(self, fleet):
        first, second = fleet.member(), fleet.member()
        first.run(), second.run()
        fleet.server.stop()
        results = [one.run(later) for later in (28, 28, 5) for one in (first, second)]
        assert [one["output"] for one in results] == ["fine"] * 6
        assert [levels(one) for one in results] == [["WARNING"]] * 2 + [[]] * 4
        assert fleet.runs() == 1 + 4
        fleet.server.start()
        until_shared(fleet, first, second)

    def test_hanging_one_costs_one_timeout(self, fleet):
        first, second = fleet.member(socket_timeout=3), fleet.member(socket_timeout=3)
        first.run(), second.run()
        fleet.server.pause()
        slow = [one.run(later=28) for one in (first, second)]
        assert [(one["output"], levels(one)) for one in slow] == [("fine", ["WARNING"])] * 2
        quick = [one.run(later=1) for _ in range(8) for one in (first, second)]
        assert [(one["output"], one["lines"]) for one in quick] == [("fine", [])] * 16
        assert [one["asked"] for one in quick] == [0] * 16  # it is left alone
        fleet.server.resume()
        until_shared(fleet, first, second)

    def test_forgetful_one_costs_nothing(self, fleet):
        first, second = fleet.member(), fleet.member()
        first.run(), second.run()
        flush(fleet.server)
        assert [one.run(later=1)["output"] for one in (first, second)] == ["fine"] * 2
        assert fleet.runs() == 1
        results = [one.run(later=27) for one in (first, second)]
        assert fleet.runs() == 2
        flush(fleet.server)
        results.append(fleet.member().run(later=30))  # new, and finds nothing
        assert fleet.runs() == 3
        assert [one["lines"] for one in results] == [[]] * 3


class Planted(object):
    """What runs code where it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


def plant(fleet, value):
    """Stores a value where the fleet's result is, as somebody who can write to the server."""
    if fleet.kind == "redis-py":
        client = need_module("redis").Redis("127.0.0.1", fleet.server.port)
    else:
        client = need_module("pymemcache.client.base").Client(("127.0.0.1", fleet.server.port))
    key = internals.key_of(client, "tests", "check")
    client.set(key, value)
    assert client.get(key) == value
    client.close()


class TestStoredValue(object):
    """Values of others are neither trusted nor too large."""

    @pytest.mark.parametrize("kind", ["redis-py", "pymemcache", "pymemcache client"])
    def test_planted_one_is_neither_run_nor_used(self, kind, tmpdir):
        with fleet_with(kind, str(tmpdir)) as fleet:
            member, trace = fleet.member(), str(tmpdir.join("trace"))
            member.run()
            for value in (pickle.dumps(Planted(trace)), b"!" + pickle.dumps(Planted(trace)),
                          b"\xff\x00", b"x" * 1000000):
                plant(fleet, value)
                result = member.run(later=28)
                assert (result["output"], levels(result)) == ("fine", ["WARNING"])
                assert levels(member.run(later=40)) == ["INFO"]
            assert not os.path.exists(trace)

    @pytest.mark.parametrize("kind", ["memcache", "pymemcache", "pymemcache client"])
    def test_refused_for_its_size_is_logged(self, kind, caplog):
        need_module(CLIENTS[kind][1])
        need_module("cachelib")
        large = ["x" * 60000] * 3
        with memcached_server("-I", "128k", "-o", "slab_chunk_max=65536") as server:
            client = member.BACKENDS[kind](str(server.port), 30)
            results = internals.SharedResults(client, "tests")
            for output in (large, large, "fine"):
                results.publish("large", internals.runs.Outcome(True, output, 0.1), 27)
                results.publish("small", internals.runs.Outcome(True, "fine", 0.1), 27)
            lines = [record.getMessage() for record in caplog.records]
        assert len(lines) == 1 and "does not store the result of check large, 180" in lines[0]
