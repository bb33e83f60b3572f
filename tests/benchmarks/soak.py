"""Clients of every kind against three servers while everything that can go wrong does.

    python -m tests.benchmarks.soak [--seconds N]

runs for ten minutes, or so many seconds: a redis, which is checked and is a shared cache too, ends,
is killed or hangs, and returns; a check hangs and is released; checks are replaced by others; the
services are drained and resumed; gunicorn reloads. In a third server, a signal's handler
raises at any place of every request. It fails where a client gets anything but the documented
answers, waits long, or where threads, files or memory grow.
"""
from __future__ import print_function

import argparse
import collections
import contextlib
import json
import os
import random
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
import timeit

from tests.helpers import IMPORTS, ROOT, free_port, need_module
from tests.servers import Server, redis_server

#: The check's time-out; a request may take that long and some.
TIMEOUT = 1
#: Seconds after which a client counts an answer as an error, on a busy machine.
LONGEST = 5.0
#: How long each trouble lasts, and how long nothing is wrong after it, in seconds.
TROUBLE = 1.5
#: Seconds within which all is well again.
RECOVERY = 20.0

MIB = 1024 * 1024.0
#: Request threads of each process, and the workers of the timed checks below and of the look for
#: the drain file; each has a main thread too.
THREADS = 8
WORKERS = 6
#: Files that a process may open late: a redis client keeps the connections that threads needed at
#: the same time. A leak with each trouble or request would open many more.
MORE_FILES = 3
#: A process's memory may grow so much from the middle of the soak to its end.
MOST_GROWTH = 4 * MIB


# The service

def make_app():
    """Checks of a redis and of something that hangs while a file exists, and two more routes."""
    import bottle

    from redis import Redis

    from bottle_healthcheck import EnvironmentDump, HealthCheck, ResultCache
    from tests.service import redis
    hang, drain = os.environ["SOAK_HANG"], os.environ["SOAK_DRAIN"]
    app = bottle.Bottle()
    health = HealthCheck(app, "/healthcheck", timeout=TIMEOUT, success_ttl=0.5, failed_ttl=0.25,
                         drain_file=drain, drain_status=404)
    health.add_check(redis)

    @health.add_check
    def hanging():
        while os.path.exists(hang):
            time.sleep(0.05)
        return True, "did not hang"

    @health.add_check(timeout=None)
    def inline():
        return True, {"nested": [1, 2.5, u"\xe4"]}

    @health.add_check(critical=False)
    def raising():
        raise ValueError("as ever")
    server = Redis(port=int(os.environ["REDIS"]), socket_timeout=TIMEOUT / 2.0,
                   socket_connect_timeout=TIMEOUT / 2.0, retry=None)
    fleet = HealthCheck(app, "/fleet", timeout=TIMEOUT, success_ttl=0.5, failed_ttl=0.25,
                        cache=ResultCache(backend=server, prefix="soak"))
    fleet.add_check(lambda: (True, os.getpid()), name="shared")
    changing = HealthCheck(app, "/changing", timeout=TIMEOUT, success_ttl=0.1)

    @app.route("/change")
    def change():
        blob = b"x" * 100000
        changing.checkers[:] = [lambda: (True, len(blob))]
        return "changed"
    HealthCheck(app, "/live")
    EnvironmentDump(app, "/environment")
    app.route("/ping", callback=lambda: "pong")
    if os.environ.get("SOAK_SIGNALS"):
        return interrupted(app)
    return app


class TimeLimit(Exception):
    """As a handler raises that ends what takes too long."""


def interrupted(app):
    """The app, with a signal during each request whose handler raises; then the answer is 503."""
    chance, state = random.Random(os.getpid()), {"armed": False, "fired": False}

    def handle(*signal_and_frame):
        if state["armed"]:
            state["armed"], state["fired"] = False, True
            raise TimeLimit("the request takes too long")
    signal.signal(signal.SIGALRM, handle)

    def call(environ, start_response):
        started = []
        state["fired"] = False
        try:
            try:
                state["armed"] = True
                signal.setitimer(signal.ITIMER_REAL, chance.uniform(2e-5, 2e-3))
                body = b"".join(app(environ, lambda *args: started.append(args)))
            finally:
                state["armed"] = False
        except TimeLimit:
            pass
        if state["fired"]:  # Bottle may have made an error page of it
            body = b'{"status": "failure"}'
            started = [("503 Service Unavailable", [("Content-Type", "application/json"),
                                                    ("Content-Length", str(len(body)))])]
        start_response(*started[-1])
        return [body]
    return call


# The clients: (name, request, the statuses that are documented for it, whether it is JSON)

def _get(path, *headers, **how):
    lines = ("%s %s HTTP/%s" % (how.get("method", "GET"), path, how.get("version", "1.0")),)
    return "\r\n".join(lines + headers + ("", "")).encode("ascii")


HEALTH = (200, 404, 500)
INTERRUPTED = 503
CLIENTS = (
    ("haproxy", _get("/healthcheck", method="OPTIONS"), HEALTH, True),
    ("monit", _get("/healthcheck", "Host: localhost", "Accept: */*", "Connection: close",
                   version="1.1"), HEALTH, True),
    ("kubelet", _get("/live", "Host: localhost", "User-Agent: kube-probe/1.30", "Accept: */*",
                     "Connection: close", version="1.1"), (200,), True),
    ("check_http", _get("/healthcheck", method="HEAD"), HEALTH, False),
    ("browser", _get("/healthcheck", "Accept: text/html"), HEALTH, False),
    ("curl, text", _get("/healthcheck?format=text"), HEALTH, False),
    ("one check", _get("/healthcheck?check=inline"), (200, 404), True),
    ("fleet", _get("/fleet"), (200, 500), True),
    ("changing", _get("/changing"), (200,), True),
    ("changes", _get("/change"), (200,), False),
    ("no such check", _get("/healthcheck?check=nonsense"), (404,), True),
    ("no such format", _get("/healthcheck?format=nonsense"), (400,), True),
    ("environment", _get("/environment"), (200,), True),
    ("gives up", _get("/healthcheck"), None, False),
)


def ask(port, request):
    """The whole answer to a request on a connection of its own."""
    with contextlib.closing(socket.create_connection(("127.0.0.1", port), LONGEST)) as connection:
        connection.settimeout(LONGEST)
        connection.sendall(request)
        answer = b""
        while True:
            more = connection.recv(65536)
            if not more:
                return answer
            answer += more


def give_up(port, request):
    """Asks, and does not wait for the answer."""
    with contextlib.closing(socket.create_connection(("127.0.0.1", port), LONGEST)) as connection:
        connection.sendall(request)


def look(answer, statuses, is_json):
    """The status of an answer; ValueError where it is not as documented."""
    head, _, body = answer.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1."):
        raise ValueError("no answer: %r" % answer[:80])
    status = int(head.split()[1])
    fields = json.loads(body.decode("ascii")) if is_json else {}
    if status not in statuses:
        raise ValueError("status %d: %r" % (status, body[:80]))
    if "status" in fields and (fields["status"] == "success") is not (status == 200):
        raise ValueError("status %d with %r" % (status, body[:80]))
    return status


class Soak(object):
    """The services, their clients and their troubles."""

    def __init__(self, servers, redis, hang, drain):
        self.servers = servers
        self._redis = redis
        self._hang = hang
        self._drain = drain
        self._chance = random.Random(0)
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        #: {(client, status): how often}.
        self.answers = collections.Counter()
        #: {what: how often} of what a client must not see.
        self.errors = collections.Counter()

    def run(self, seconds, reloads):
        """Clients and troubles for so long; returns once all is well and quiet again."""
        self._stopped.clear()
        clients = [threading.Thread(target=self._client, args=(server, client))
                   for server in self.servers for client in CLIENTS]
        for client in clients:
            client.start()
        try:
            self._trouble(time.time() + seconds, reloads)
        finally:
            self._stopped.set()
            for client in clients:
                client.join()
        for server in self.servers:
            self._await_success(server)

    def _client(self, server, client):
        name, request, statuses, is_json = client
        chance = random.Random(name)
        if statuses is not None and server.name == "interrupted":
            statuses += (INTERRUPTED, 500)  # an exception that hits a check is its failure
        while not self._stopped.wait(chance.uniform(0.05, 0.2)):
            begun, outcome = timeit.default_timer(), "given up"
            try:
                if statuses is None:
                    give_up(server.port, request)
                else:
                    outcome = look(ask(server.port, request), statuses, is_json)
                if timeit.default_timer() - begun > LONGEST:
                    raise ValueError("took more than %g s" % LONGEST)
            except (EnvironmentError, ValueError) as exc:
                outcome = "error"
                self._count(self.errors, "%s of %s: %s" % (name, server.name, exc))
            self._count(self.answers, (name, outcome))

    def _count(self, counter, what):
        with self._lock:
            counter[what] += 1

    def _trouble(self, until, reloads):
        """One trouble after another, each undone again, two of them at once now and then."""
        troubles = [(self._break_redis, self._mend_redis),
                    (lambda: _touch(self._hang), lambda: os.remove(self._hang)),
                    (lambda: _touch(self._drain), lambda: os.remove(self._drain))]
        if reloads:
            troubles.append((self._reload, lambda: None))
        while time.time() < until:
            chosen = self._chance.sample(troubles, self._chance.choice((1, 1, 2)))
            for begin, _ in chosen:
                begin()
            self._stopped.wait(TROUBLE)
            for _, end in chosen:
                end()
            self._stopped.wait(TROUBLE)

    def _break_redis(self):
        self._chance.choice((self._redis.stop, self._redis.kill, self._redis.pause))()

    def _mend_redis(self):
        if self._redis.is_running():
            self._redis.resume()
        else:
            self._redis.start()

    def _reload(self):
        os.kill(self.servers[0].pid, signal.SIGHUP)

    def _await_success(self, server):
        deadline = time.time() + RECOVERY
        while b" 200 " not in ask(server.port, _get("/healthcheck")).partition(b"\r\n")[0]:
            if time.time() > deadline:
                self.errors["%s is not well again after %g s" % (server.name, RECOVERY)] += 1
                return
            time.sleep(0.1)

    def processes(self):
        """{pid: its resources} of every process that serves."""
        return dict((pid, _resources(pid)) for server in self.servers
                    for pid in _children(server.pid) or [server.pid])


def _touch(path):
    open(path, "w").close()


def _children(pid):
    with open("/proc/%d/task/%d/children" % (pid, pid)) as children:
        return [int(child) for child in children.read().split()]


def _resources(pid):
    with open("/proc/%d/status" % pid) as lines:
        fields = dict(line.split(":", 1) for line in lines)
    return {"memory": int(fields["VmRSS"].split()[0]) * 1024, "threads": int(fields["Threads"]),
            "files": len(os.listdir("/proc/%d/fd" % pid))}


def grown(before, after):
    """What is not flat between two looks at the processes, as texts."""
    found = []
    if set(before) != set(after):
        found.append("processes have ended: %s" % sorted(set(before) - set(after)))
    for pid in set(before) & set(after):
        old, new = before[pid], after[pid]
        if new["memory"] - old["memory"] > MOST_GROWTH:
            found.append("%d has grown by %.1f MiB" % (pid, (new["memory"] - old["memory"]) / MIB))
        if new["threads"] > 1 + THREADS + WORKERS:  # a server's pool may fill up late
            found.append("%d has %d threads" % (pid, new["threads"]))
        if new["files"] > old["files"] + MORE_FILES:
            found.append("%d has %d files open, was %d" % (pid, new["files"], old["files"]))
    return found


def settled(before, soaked):
    """What has still grown when the servers have had time to close the last connections."""
    deadline = time.time() + RECOVERY
    while True:
        found = grown(before, soaked.processes())
        if not found or time.time() > deadline:
            return found
        time.sleep(0.1)


@contextlib.contextmanager
def services(redis):
    """The Soak of a gunicorn of two processes, a waitress, and one whose requests are interrupted.

    The last one's requests run in the main threads, where Python runs signals' handlers.
    """
    need_module("gunicorn")
    need_module("waitress")
    need_module("redis")
    folder = tempfile.mkdtemp()
    hang, drain = os.path.join(folder, "hang"), os.path.join(folder, "drain")
    environment = dict(os.environ, PYTHONPATH=IMPORTS, REDIS=str(redis.port), SOAK_HANG=hang,
                       SOAK_DRAIN=drain)
    ports = free_port(), free_port(), free_port()
    commands = (
        ("gunicorn", ["-m", "gunicorn", "--bind", "127.0.0.1:%d" % ports[0], "--workers", "2",
                      "--threads", str(THREADS), "--worker-tmp-dir", "/dev/shm",
                      "tests.benchmarks.soak:make_app()"]),
        ("waitress", ["-m", "waitress", "--listen", "127.0.0.1:%d" % ports[1],
                      "--threads", str(THREADS), "--call", "tests.benchmarks.soak:make_app"]),
        ("interrupted", ["-m", "gunicorn", "--bind", "127.0.0.1:%d" % ports[2], "--workers", "4",
                         "--worker-tmp-dir", "/dev/shm", "tests.benchmarks.soak:make_app()"]))
    servers = []
    try:
        for port, (name, arguments) in zip(ports, commands):
            if name == "interrupted":
                environment = dict(environment, SOAK_SIGNALS="1")
            servers.append(Server([sys.executable] + arguments, port, _answers, cwd=ROOT,
                                  env=environment))
            servers[-1].name = name
            servers[-1].start()
        yield Soak(servers, redis, hang, drain)
    finally:
        for server in servers:
            server.stop()
        shutil.rmtree(folder)


def _answers(server):
    try:
        return b" 200 " in ask(server.port, _get("/ping")).partition(b"\r\n")[0]
    except EnvironmentError:
        return False


def soak(seconds):
    """({(client, status): how often}, what went wrong as texts) of a soak that takes about so long.

    The first part warms up and reloads; in the second the processes stay, and must stay flat.
    """
    with redis_server() as redis, services(redis) as soaked:
        soaked.run(seconds * 0.4, reloads=True)
        before = soaked.processes()
        soaked.run(seconds * 0.6, reloads=False)
        wrong = ["%s (%d times)" % pair for pair in soaked.errors.items()]
        return soaked.answers, wrong + settled(before, soaked)


def main():
    """Prints what was seen; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.soak")
    parser.add_argument("--seconds", type=float, default=600)
    answers, wrong = soak(parser.parse_args().seconds)
    for (name, outcome), count in sorted(answers.items(), key=str):
        print("%6d x %s: %s" % (count, name, outcome))
    print("\n".join(wrong) or "nothing that is not documented, and nothing has grown")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
