"""Clients of every kind against three servers while everything that can go wrong does.

    python -m tests.benchmarks.soak [--seconds N]

runs for ten minutes, or so many seconds: a redis, which is checked and is a shared cache too, ends,
is killed or hangs, and returns; somebody plants values in it; a check hangs and is released, also
while the redis hangs; the services are drained and resumed, the file system of the drain file and
on_change hang; checks are replaced by others; gunicorn reloads. Checks return graphs, large tables
and large texts, and what looks like records of the log. In a third server, a signal's handler
raises at any place of every request.

It fails where a client gets anything but the documented answers, waits long though the server
answers what needs no check, or never sees a trouble or its end; where somebody reads a planted
value, forges a record of the log, or on_change misses a change; or where threads, files or memory
grow.
"""
from __future__ import print_function

import argparse
import collections
import contextlib
import io
import json
import os
import random
import re
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
import timeit

from tests.benchmarks import soak_app
from tests.helpers import IMPORTS, ROOT, free_port, need_module
from tests.servers import Server, redis_server

#: Seconds after which a client counts an answer as an error, besides those for which the server
#: answers nothing at all: it starts, or the machine is busy.
LONGEST = 5.0
#: Seconds for which a server may answer nothing at all.
MOST_STALL = 25.0
#: How long each trouble lasts, and how long nothing is wrong after it, in seconds.
TROUBLE = 1.2
#: Seconds within which all is well again.
RECOVERY = 20.0

MIB = 1024 * 1024
#: Threads of each process: the main one, those for requests but in the server that is interrupted,
#: and the workers of the service's timed checks and of its look for the drain file.
THREADS = 8
WORKERS = 10
#: Connections of a process to the redis: those that its clients keep.
CONNECTIONS = soak_app.POOL * len(soak_app.DATABASES)
#: A process's memory may grow so much from the middle of the soak to its end: large outputs leave
#: gaps in it, here and there. Each of the checks that are replaced holds 1 MB.
MOST_GROWTH = 8 * MIB

#: Values of one output, and characters of its JSON text.
MOST_VALUES, LONGEST_OUTPUT = 10000, 256 * 1024
#: The size of the largest value that is planted; each reader may read 512 KiB of it.
PLANTED_SIZE = 20 * MIB

#: What a check that always passes says where a shared cache, another process or a busy machine took
#: its time.
DELAYS = re.compile(r"(the shared cache|another process's run) took [\d.]+ s of 1 s|"
                    r"the shared cache has not answered for [\d.]+ s|"
                    r"timed out after 1 s|still running after [\d.]+ s")


SERVERS = "gunicorn", "waitress", "interrupted"


# What a body must be; each raises an exception for another one

def is_json(status, body):
    """Returns the fields of a body whose status is that of the response."""
    fields = json.loads(body.decode("ascii"))
    if "status" in fields and (fields["status"] == "success") is not (status == 200):
        raise ValueError("status %d with %r" % (status, body[:80]))
    return fields


def hides_details(status, body):
    """Accepts the overall status alone."""
    if body != b'{"status": "failure"}':
        raise ValueError("hides nothing: %r" % body[:80])


def is_prompt(status, body):
    """Accepts what the checks return, and what is said where others, or the machine, took the time.
    """
    for result in is_json(status, body)["results"]:
        passes = {"shared": lambda output: isinstance(output, int) and output > 1,
                  "table": lambda output: output[0] == {"id": 0, "state": "open"},
                  "hanging": lambda output: output == "did not hang"}.get(
                      # Of those that are replaced; a signal may have hit the search for its name.
                      result["checker"], lambda output: output == 1000000)
        output = result["output"]
        if result["passed"] and not passes(output):
            raise ValueError("%s returned %r" % (result["checker"], str(output)[:80]))
        if not result["passed"] and not DELAYS.match(output):
            raise ValueError("%s fails with %r" % (result["checker"], str(output)[:80]))


def is_bounded(status, body):
    """Accepts outputs that are cut to what one may have."""
    for result in is_json(status, body)["results"]:
        length, values = len(json.dumps(result["output"])), count_values(result["output"])
        if length > LONGEST_OUTPUT or values > MOST_VALUES:
            raise ValueError("%s has %d characters and %d values"
                             % (result["checker"], length, values))


def is_large(status, body):
    """Accepts outputs that are as large as they may be."""
    is_bounded(status, body)
    for result in is_json(status, body)["results"]:
        if len(json.dumps(result["output"])) < LONGEST_OUTPUT // 8:
            raise ValueError("%s has %r" % (result["checker"], result["output"]))


def count_values(output):
    """The scalars, containers and keys of JSON data."""
    if isinstance(output, dict):
        return 1 + len(output) + sum(map(count_values, output.values()))
    if isinstance(output, list):
        return 1 + sum(map(count_values, output))
    return 1


def has_twins(status, body):
    """Accepts a scrape that Prometheus takes, with a series for each of two checks."""
    from prometheus_client.parser import text_string_to_metric_families
    families = list(text_string_to_metric_families(body.decode("utf-8")))
    names = [sample.labels["check"] for family in families for sample in family.samples
             if family.name == "healthcheck_check_passed"]
    if len(set(names)) != 2 or len(names) != 2:
        raise ValueError("the series are of %r" % names)


def is_refusal(status, body):
    """Accepts what the library says of a query, and what gunicorn says of a long line by default.
    """
    if b"Request Line is too large" not in body and not is_json(status, body)["error"]:
        raise ValueError("says nothing: %r" % body[:80])


# The clients

def _get(path, *headers, **how):
    lines = ("%s %s HTTP/%s" % (how.get("method", "GET"), path, how.get("version", "1.0")),)
    return "\r\n".join(lines + headers + ("", "")).encode("ascii")


#: A client: what it asks for, about how often in seconds, the statuses that are documented for it,
#: and what takes the body or raises. One without statuses does not wait for the answer.
Client = collections.namedtuple("Client", "name request pause statuses validate")

#: What takes a body of the server that is interrupted: a signal while an output is read leaves the
#: name of its type.
INTERRUPTED_BODIES = {is_large: is_bounded}

HEALTH = (200, 404, 500)
CLIENTS = (
    Client("haproxy", _get("/healthcheck", method="OPTIONS"), 0.2, HEALTH, is_json),
    Client("monit", _get("/healthcheck", "Host: localhost", "Accept: */*", "Connection: close",
                         version="1.1"), 0.2, HEALTH, is_json),
    Client("kubelet", _get("/live", "Host: localhost", "User-Agent: kube-probe/1.30",
                           "Accept: */*", "Connection: close", version="1.1"), 0.2, (200,),
           is_json),
    Client("check_http", _get("/healthcheck", method="HEAD"), 0.2, HEALTH, None),
    Client("browser", _get("/healthcheck", "Accept: text/html"), 0.2, HEALTH, None),
    Client("curl, text", _get("/healthcheck?format=text"), 0.2, HEALTH, None),
    Client("one check", _get("/healthcheck?check=inline"), 0.2, (200, 404), is_json),
    Client("fleet", _get("/fleet"), 0.2, (200, 500), is_prompt),
    Client("planted", _get("/planted"), 0.4, (200, 500), is_prompt),
    Client("large", _get("/large"), 2, (200,), is_large),
    Client("large page", _get("/large?format=html"), 2, (200,), None),
    Client("observed", _get("/observed"), 0.2, (200, 500), is_json),
    Client("changing", _get("/changing"), 0.2, (200, 500), is_prompt),
    Client("changes", _get("/change"), 0.2, (200,), None),
    Client("scraped", _get("/twins?format=prometheus"), 0.4, (200,), has_twins),
    Client("hidden", _get("/hidden"), 0.2, (500,), hides_details),
    Client("no such check", _get("/healthcheck?check=nonsense"), 0.2, (404,), is_json),
    Client("no such format", _get("/healthcheck?format=nonsense"), 0.2, (400,), is_json),
    Client("long query", _get("/healthcheck?" + "x" * 9000), 0.4, (414,), is_refusal),
    Client("many fields", _get("/healthcheck?" + "&" * 100), 0.4, (400,), is_refusal),
    Client("environment", _get("/environment"), 0.2, (200,), is_json),
    Client("gives up", _get("/healthcheck"), 0.2, None, None),
)


def ask(port, request):
    """The whole answer to a request on a connection of its own."""
    limit = LONGEST + MOST_STALL
    with contextlib.closing(socket.create_connection(("127.0.0.1", port), limit)) as connection:
        connection.settimeout(limit)
        connection.sendall(request)
        answer = b""
        while True:
            more = connection.recv(65536)
            if not more:
                return answer
            answer += more


def give_up(port, request):
    """Asks, and does not wait for the answer."""
    limit = LONGEST + MOST_STALL
    with contextlib.closing(socket.create_connection(("127.0.0.1", port), limit)) as connection:
        connection.sendall(request)


def stalled(waits, begun, ended):
    """Seconds between two times for which the longest of some waits went on, as (begun, ended)."""
    return max([0.0] + [min(ended, until) - max(begun, since) for since, until in waits])


def split(answer):
    """(status, body) of an answer."""
    head, _, body = answer.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1."):
        raise ValueError("no answer: %r" % answer[:80])
    return int(head.split()[1]), body


def look(answer, client, may_be_interrupted):
    """The status of an answer; an exception where it is not as documented."""
    status, body = split(answer)
    # An exception that hits a check is its failure.
    if may_be_interrupted and status in (soak_app.INTERRUPTED, 500):
        return status
    if status not in client.statuses:
        raise ValueError("status %d: %r" % (status, body[-300:]))
    if client.validate is not None:
        client.validate(status, body)
    return status


# What somebody plants in the redis

#: Seconds after which the redis forgets a planted value.
PLANTED_FOR = 5


def plant_text(text):
    """Plants a text."""
    return lambda redis, key: redis.set(key, text, ex=PLANTED_FOR)


def plant_result(**fields):
    """Plants a result that is fresh, with fields that are not what a result's are."""
    def plant(redis, key):
        now = time.time()
        result = {"version": 2, "passed": True, "warning": False, "output": "planted",
                  "timestamp": now, "since": now, "response_time": 0.0}
        plant_text(json.dumps(dict(result, **fields)))(redis, key)
    return plant


def plant_list(redis, key):
    """Plants a list in place of a text."""
    redis.delete(key)
    redis.rpush(key, "planted")
    redis.expire(key, PLANTED_FOR)


PLANTED = (
    ("rubbish", plant_text(b"\x80\xffplanted")),
    ("512 KiB", plant_text(json.dumps({"version": 2, "output": "x" * 512 * 1024}))),
    ("20 MB", plant_text(b"[" + b"1," * (PLANTED_SIZE // 2) + b"1]")),
    ("deep", plant_text("[" * 200000)),
    ("wrong type", plant_result(passed="yes")),
    ("no time", plant_result(since="planted")),
    ("no mapping", plant_text("[1]")),
    ("long number", plant_text('{"version": 1%s}' % ("0" * 300000))),
    ("old version", plant_result(version=1)),
    ("list", plant_list),
)


#: All that goes wrong in each part of a soak, the reloads in the first alone.
TROUBLES = set(["redis fails", "checks hang", "drained", "reloaded", "redis and checks hang",
                "file system hangs", "on_change hangs"])
TROUBLES.update("planted: " + kind for kind, _ in PLANTED)


class Planter(object):
    """Somebody who may write into the redis, and who shares a database with the services."""

    def __init__(self, server):
        redis = need_module("redis")
        self._errors = redis.RedisError
        self._redis = redis.Redis(port=server.port, db=soak_app.PLANTED_DB, socket_timeout=LONGEST)
        self._kinds = []

    def plant(self, chance):
        """Plants the next kind of value under some keys; its name, None where the redis is down.

        Raises ValueError where the services have read more of it than they may.
        """
        if not self._kinds:
            self._kinds = chance.sample(PLANTED, len(PLANTED))
        name, plant = self._kinds[-1]
        try:
            keys = self._redis.keys("healthcheck-*")
            if not keys:
                return None
            before = self._sent()
            for key in chance.sample(keys, min(len(keys), 3)):
                plant(self._redis, key)
            time.sleep(0.5)
            sent = self._sent() - before
        except self._errors:
            return None
        self._kinds.pop()
        if name == "20 MB" and sent > PLANTED_SIZE:
            raise ValueError("%d bytes were read of a planted value" % sent)
        return name

    def _sent(self):
        """Bytes that the redis has sent to all its clients."""
        return self._redis.info("stats")["total_net_output_bytes"]


# Troubles

class Trouble(object):
    """What goes wrong from begin() to end(); seen(server) returns once a server has shown it."""

    def __init__(self, begin, end, seen):
        self.begin = begin
        self.end = end
        self.seen = seen


class Soak(object):
    """The services, their clients and their troubles."""

    def __init__(self, servers, redis, folder):
        self.servers = servers
        self._redis = redis
        self._folder = folder
        self._planter = Planter(redis)
        self._chance = random.Random(0)
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        #: {(client, status): how often}.
        self.answers = collections.Counter()
        #: {trouble, or kind of planted value: how often}.
        self.troubles = collections.Counter()
        #: {what: how often} of what must not be seen, and {what: what was said the first time}.
        self.errors = collections.Counter()
        self._said = {}
        #: {server: when the requests for what needs no check began and ended}, slow ones.
        self._waits = dict((server.name, []) for server in servers)

    def run(self, seconds, reloads=0.0):
        """Clients and troubles for so long, gunicorn reloads in the first seconds of that.

        Returns once all is well and quiet again.
        """
        self._stopped.clear()
        threads = [threading.Thread(target=self._client, args=(server, client))
                   for server in self.servers for client in CLIENTS]
        threads += [threading.Thread(target=self._ping, args=(server,)) for server in self.servers]
        threads.append(threading.Thread(target=self._plant))
        for thread in threads:
            thread.start()
        try:
            self._trouble(time.time() + seconds, time.time() + reloads)
        finally:
            self._stopped.set()
            for thread in threads:
                thread.join()
        for server in self.servers:
            self._await(server, 200)

    def _client(self, server, client):
        chance = random.Random(client.name)
        if server.name == "interrupted":
            client = client._replace(
                validate=INTERRUPTED_BODIES.get(client.validate, client.validate))
        while not self._stopped.wait(chance.uniform(0.5, 1.5) * client.pause):
            begun, outcome = timeit.default_timer(), "given up"
            try:
                if client.statuses is None:
                    give_up(server.port, client.request)
                else:
                    outcome = look(ask(server.port, client.request), client,
                                   server.name == "interrupted")
                ended = timeit.default_timer()
                stall = stalled(list(self._waits[server.name]), begun, ended)
                if ended - begun > LONGEST + stall:
                    raise ValueError("took %g s, the server answered nothing for %g s of them"
                                     % (ended - begun, stall))
            except (EnvironmentError, ValueError, LookupError, TypeError) as exc:
                outcome = "error"
                self._complain("%s of %s" % (client.name, server.name), exc)
            self._count(self.answers, (client.name, outcome))

    def _ping(self, server):
        """Notes how long a server takes for what needs no check."""
        waits = self._waits[server.name]
        while not self._stopped.wait(0.2):
            wait = [timeit.default_timer(), float("inf")]  # until it has ended
            waits.append(wait)
            try:
                _answers(server)
            finally:
                wait[1] = timeit.default_timer()
            if wait[1] - wait[0] < 0.5:
                waits.remove(wait)

    def _plant(self):
        while not self._stopped.wait(0.2):
            try:
                name = self._planter.plant(self._chance)
            except ValueError as exc:
                self._complain("planted", exc)
                continue
            if name is not None:
                self._count(self.troubles, "planted: " + name)

    def _count(self, counter, what):
        with self._lock:
            counter[what] += 1

    def _complain(self, what, reason):
        self._said.setdefault(what, "%s: %s" % (type(reason).__name__, reason))
        self._count(self.errors, what)

    def complaints(self):
        """What must not be seen and was, as texts."""
        return ["%s, %d times; the first: %s" % (what, count, self._said[what])
                for what, count in sorted(self.errors.items())]

    def _trouble(self, until, reloads_until):
        """One trouble after another, each seen and undone again, two at once now and then."""
        common = {
            "redis fails": Trouble(self._break_redis, self._mend_redis, self._sees_failure),
            "checks hang": self._flag(soak_app.HANG, self._sees_failure),
            "drained": self._flag(soak_app.DRAIN, lambda server: self._await(server, 404)),
            "reloaded": Trouble(self._reload, lambda: None, lambda server: None)}
        troubles = dict(common)
        troubles["redis and checks hang"] = Trouble(self._hang_all, self._release_all,
                                                    self._sees_failure)
        troubles["file system hangs"] = self._flag(
            soak_app.STUCK, lambda server: self._await(server, 200))
        troubles["on_change hangs"] = self._flag(soak_app.OBSERVER, self._sees_observer)
        names = []
        if time.time() < reloads_until:
            names.append("reloaded")
        while time.time() < until:
            if not names:
                names = self._chance.sample(sorted(troubles), len(troubles))
            chosen = set([names.pop()])
            if chosen <= set(common) and self._chance.random() < 0.3:
                chosen.add(self._chance.choice(sorted(common)))
            if time.time() > reloads_until:
                chosen.discard("reloaded")
            if chosen:
                self._suffer(dict((name, troubles[name]) for name in chosen))

    def _suffer(self, chosen):
        for trouble in chosen.values():
            trouble.begin()
        self._stopped.wait(TROUBLE)
        # A service that is drained shows nothing else.
        shown = [name for name in chosen if name == "drained"] or list(chosen)
        for name in shown:
            for server in self.servers:
                chosen[name].seen(server)
        for name, trouble in chosen.items():
            trouble.end()
            self.troubles[name] += 1
        self._stopped.wait(TROUBLE)

    def _flag(self, name, seen):
        """A trouble that lasts while a file exists."""
        path = os.path.join(self._folder, name)
        return Trouble(lambda: open(path, "w").close(), lambda: os.remove(path), seen)

    def _break_redis(self):
        self._chance.choice((self._redis.stop, self._redis.kill, self._redis.pause))()

    def _mend_redis(self):
        if self._redis.is_running():
            self._redis.resume()
        else:
            self._redis.start()

    def _hang_all(self):
        self._redis.pause()
        self._flag(soak_app.HANG, None).begin()

    def _release_all(self):
        self._flag(soak_app.HANG, None).end()
        self._redis.resume()

    def _reload(self):
        os.kill(self.servers[0].pid, signal.SIGHUP)

    # What must be seen

    def _sees_failure(self, server):
        self._await(server, 500)

    def _sees_observer(self, server):
        """While on_change hangs in a process, that still answers other requests."""
        if server.name != "waitress":
            return
        self._await_that(lambda: self._added_changes().endswith(b" hangs\n"),
                         "%s has no change that hangs" % server.name)
        self._await_that(lambda: split(ask(server.port, _get("/observed"))),
                         "%s does not answer while on_change hangs" % server.name)

    def _added_changes(self):
        with open(os.path.join(self._folder, soak_app.CHANGES), "rb") as changes:
            return b"".join(line for line in changes if line.startswith(b"waitress "))

    def _await(self, server, status):
        """Waits until a server answers its health check with that status."""
        self._await_that(lambda: split(ask(server.port, _get("/healthcheck")))[0] == status,
                         "%s does not answer %d" % (server.name, status))

    def await_sharing(self):
        """Waits until all servers show the same process's result: the redis is in use again."""
        def is_shared():
            answers = [split(ask(server.port, _get("/fleet"))) for server in self.servers]
            if [status for status, _ in answers] != [200] * len(answers):
                return False
            outputs = [json.loads(body.decode("ascii"))["results"][0]["output"]
                       for _, body in answers]
            return len(set(outputs)) == 1
        self._await_that(is_shared, "the servers do not share results")

    def _await_that(self, condition, complaint):
        deadline = time.time() + RECOVERY
        while time.time() < deadline:
            try:
                if condition():
                    return
            except (EnvironmentError, ValueError) as exc:
                self._complain(complaint, exc)
            time.sleep(0.1)
        self._complain(complaint, ValueError("not within %g s" % RECOVERY))

    def processes(self):
        """{pid: its resources} of every process that serves."""
        return dict((pid, _resources(pid, server.name, self._redis.port))
                    for server in self.servers for pid in _children(server.pid) or [server.pid])

    def found_in_files(self):
        """What must not stand in the log and in the list of changes, as texts."""
        texts = []
        for name in (soak_app.LOG, soak_app.CHANGES):
            with io.open(os.path.join(self._folder, name), encoding="utf-8", newline="") as file:
                texts.append(file.read())
        return faults_of_log(texts[0]) + faults_of_changes(texts[1])


def faults_of_log(text):
    """What is wrong with the lines that the processes have logged."""
    names = "|".join(SERVERS)
    record = re.compile(r"(%s) \d+ (INFO|WARNING|ERROR) |Traceback \(most recent call last\):$|  "
                        % names)
    faults = ["the log has a forged line: %r" % line[:80]
              for line in text.splitlines() if not record.match(line)][:5]
    for words in (soak_app.FORGED, u"it holds what is no result", u"on_change failed",
                  u"the file system of drain_file does not answer", u"the shared cache fails"):
        if words not in text:
            faults.append("the log says nothing of %r" % words)
    if re.search(u"check (shared|table) is failing: (the shared cache|another process)", text):
        faults.append("the log blames a check for the shared cache")
    counts = collections.Counter(re.findall(
        r"^((?:gunicorn|waitress) \d+) ERROR details\(\) failed", text, re.MULTILINE))
    if not counts or max(counts.values()) > 1:
        faults.append("details() that raises is logged by %d processes, %s times"
                      % (len(counts), sorted(set(counts.values()))))
    return faults


def faults_of_changes(text):
    """Processes for which on_change was not called for each change, in order.

    A signal may end a request before it has called it.
    """
    faults, last = [], {}
    for line in text.splitlines():
        server, pid, previous = line.split()[:3]
        if server == "interrupted" or previous == "hangs":
            continue
        current = line.split()[3]
        if previous != last.get(pid, "None") or current == previous:
            faults.append("on_change of %s: %s -> %s after %s"
                          % (pid, previous, current, last.get(pid)))
        last[pid] = current
    if not last:
        faults.append("on_change was never called")
    return faults[:5]


def _children(pid):
    with open("/proc/%d/task/%d/children" % (pid, pid)) as children:
        return [int(child) for child in children.read().split()]


def _resources(pid, server, redis_port):
    """What a process uses; its connections to the redis do not count as files.

    A client may keep one that the redis has ended, which the kernel does not list any more.
    """
    with open("/proc/%d/status" % pid) as lines:
        fields = dict(line.split(":", 1) for line in lines)
    folder, others = "/proc/%d/fd" % pid, _sockets_to_others(redis_port)
    targets = [_target(os.path.join(folder, number)) for number in os.listdir(folder)]
    connections = len([target for target in targets
                       if target.startswith("socket:") and target not in others])
    return {"server": server, "memory": int(fields["VmRSS"].split()[0]) * 1024,
            "threads": int(fields["Threads"]), "connections": connections,
            "files": len(targets) - connections}


def _target(link):
    try:
        return os.readlink(link)
    except EnvironmentError:
        return "closed meanwhile"


def _sockets_to_others(port):
    """The sockets whose other end is not at that port, as the links in /proc/PID/fd name them."""
    with open("/proc/net/tcp") as lines:
        rows = [line.split() for line in lines]
    return set("socket:[%s]" % row[9] for row in rows if not row[2].endswith(":%04X" % port))


def grown(before, after):
    """What is not flat between two looks at the processes, as texts."""
    found = []
    if set(before) != set(after):
        found.append("processes have ended: %s" % sorted(set(before) - set(after)))
    for pid in set(before) & set(after):
        old, new = before[pid], after[pid]
        name = "%s %d" % (new["server"], pid)
        if new["memory"] - old["memory"] > MOST_GROWTH:
            found.append("%s has grown by %.1f MiB"
                         % (name, (new["memory"] - old["memory"]) / float(MIB)))
        most_threads = 1 + WORKERS + THREADS  # a server's pool may fill up late
        if new["server"] == "interrupted":
            # The next change of a check ends the thread that a signal in the last one has left.
            most_threads = 1 + WORKERS + 1
        if new["threads"] > most_threads:
            found.append("%s has %d threads" % (name, new["threads"]))
        if new["files"] > old["files"]:
            found.append("%s has %d files open, was %d" % (name, new["files"], old["files"]))
        if new["connections"] > CONNECTIONS:
            found.append("%s has %d connections to the redis" % (name, new["connections"]))
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

    The last one's requests run in the main threads, where Python runs signals' handlers. Its
    limit of a request's line is gunicorn's own; the others leave that to the library.
    """
    need_module("prometheus_client")
    folder = tempfile.mkdtemp()
    servers = []
    try:
        for name in SERVERS:
            port = free_port()
            # One arena of memory for all threads: how much is in use shows more clearly.
            environment = dict(os.environ, PYTHONPATH=IMPORTS, REDIS=str(redis.port),
                               SOAK_FOLDER=folder, SOAK_SERVER=name, MALLOC_ARENA_MAX="1")
            servers.append(Server(_command(name, port), port, _answers, cwd=ROOT, env=environment))
            servers[-1].name = name
            servers[-1].start()
        yield Soak(servers, redis, folder)
    finally:
        for server in servers:
            server.stop()
        shutil.rmtree(folder)


def _command(name, port):
    """The command line of a server."""
    if name == "waitress":
        need_module("waitress")
        return [sys.executable, "-m", "waitress", "--listen", "127.0.0.1:%d" % port,
                "--threads", str(THREADS), "--call", "tests.benchmarks.soak_app:make_app"]
    need_module("gunicorn")
    processes = {"gunicorn": ["--workers", "2", "--threads", str(THREADS),
                              "--limit-request-line", "0"],
                 "interrupted": ["--workers", "4"]}[name]
    return [sys.executable, "-m", "gunicorn", "--bind", "127.0.0.1:%d" % port, "--worker-tmp-dir",
            "/dev/shm"] + processes + ["tests.benchmarks.soak_app:make_app()"]


def _answers(server):
    try:
        return split(ask(server.port, _get("/ping")))[0] == 200
    except (EnvironmentError, ValueError):
        return False


Soaked = collections.namedtuple("Soaked", "answers troubles wrong")


def soak(seconds):
    """What was seen in a soak that takes about so long.

    answers is {(client, status): how often}, troubles {trouble: how often}, wrong what went wrong,
    as texts. The first part warms up and reloads; in the second the processes stay, and must stay
    flat.
    """
    with redis_server() as redis, services(redis) as soaked:
        soaked.run(seconds * 0.5, reloads=seconds * 0.2)
        before = soaked.processes()
        soaked.run(seconds * 0.5)
        soaked.await_sharing()
        wrong = soaked.complaints() + settled(before, soaked) + soaked.found_in_files()
        return Soaked(soaked.answers, soaked.troubles, wrong)


def main():
    """Prints what was seen; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.soak")
    parser.add_argument("--seconds", type=float, default=600)
    soaked = soak(parser.parse_args().seconds)
    for (name, outcome), count in sorted(soaked.answers.items(), key=str):
        print("%6d x %s: %s" % (count, name, outcome))
    for name, count in sorted(soaked.troubles.items()):
        print("%6d x %s" % (count, name))
    print("\n".join(soaked.wrong) or "nothing that is not documented, and nothing has grown")
    return 1 if soaked.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
