"""How often a fleet runs a passing check: with a cache in each process, and with one shared.

    python -m tests.benchmarks fleet

30 hosts of 4 workers, all of them real processes on this machine, are polled every 2 s; a result
is kept for 27 s. Everything goes 6 times as fast, and two such minutes are counted. The shared
results are in a redis-server that is started for it. Takes about half a minute.
"""
import os
import random
import shutil
import signal
import tempfile
import time

from bottle_healthcheck import HealthCheck, ResultCache
from tests.servers import redis_server
from .report import Row

HOSTS, WORKERS = 30, 4
SPEED = 6.0
LIFETIME = 27 / SPEED
POLL_EVERY = 2 / SPEED
MINUTES = 2
COUNTED = MINUTES * 60 / SPEED
KINDS = ("a cache in each process", "one shared cache")


def serve(health, first, until):
    """What a process does: answers a poll every now and then, beginning with `first`."""
    parent = os.getppid()
    time.sleep(max(0.0, first - time.time()))
    while time.time() < until and os.getppid() == parent:
        health.run()
        time.sleep(POLL_EVERY)


def make_health(notes, backend):
    """A process's health check, whose check notes when it runs."""
    def service():
        with open(notes, "a") as file:
            file.write("%r\n" % time.time())
        time.sleep(0.01)
        return True, "fine"
    cache = ResultCache(backend=backend, prefix="fleet") if backend else ResultCache()
    return HealthCheck(checkers=[service], success_ttl=LIFETIME, cache=cache)


def fork(job):
    """The pid of a process that does the job and nothing else."""
    pid = os.fork()
    if pid:
        return pid
    try:
        job()
    finally:
        os._exit(0)


def start_all(folder, backend, begin, until):
    """The pids of both fleets; each process joins at a time of its own, before the count."""
    pids = []
    for kind in KINDS:
        for _ in range(HOSTS * WORKERS):
            first = begin - random.uniform(POLL_EVERY, LIFETIME)

            def job(kind=kind, first=first):
                shared = backend if kind == KINDS[1] else None
                serve(make_health(os.path.join(folder, kind), shared), first, until)
            pids.append(fork(job))
    return pids


def end_all(pids):
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            pass
        os.waitpid(pid, 0)


def rate(path, begin, until):
    """Runs a minute from the first to the last that was noted between two times."""
    with open(path) as notes:
        runs = sorted(one for one in map(float, notes) if begin <= one < until)
    return (len(runs) - 1) / (runs[-1] - runs[0]) * 60 / SPEED


def measure():
    """[(kind, runs a minute)]"""
    from cachelib import RedisCache
    folder, pids = tempfile.mkdtemp(), []
    try:
        # What a process loads for its first answer is loaded here, once: this machine does the
        # work of 30, and 240 processes that compile patterns at once would starve each other.
        make_health(os.devnull, None).run()
        with redis_server() as server:
            begin = time.time() + LIFETIME + 3  # until then all of them are made
            until = begin + COUNTED
            try:
                # Each process has connections of its own: none is open yet.
                backend = RedisCache("127.0.0.1", server.port, socket_timeout=1)
                pids = start_all(folder, backend, begin, until + 1)
                time.sleep(max(0.0, until - time.time()))
            finally:
                end_all(pids)
        return [(kind, rate(os.path.join(folder, kind), begin, until)) for kind in KINDS]
    finally:
        shutil.rmtree(folder)


def rows(quick):
    """The rows of the table."""
    return [Row("%d processes of a fleet, %s" % (HOSTS * WORKERS, kind), "runs a minute",
                {"ours": runs}) for kind, runs in measure()]
