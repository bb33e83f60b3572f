"""Requests per second through real servers, a cached answer of 100 checks against a bare route.

    python -m tests.benchmarks sockets

One process of each server serves both; wrk asks the one and the other in turns.
"""
import collections
import contextlib
import os
import re
import socket
import subprocess
import sys
import time
import timeit

from . import apps, environments, measuring
from .report import Row, skip

CHECKS = 100
CLIENTS = 8

APP = "tests.benchmarks.apps:service()"
GUNICORN = ["-m", "gunicorn.app.wsgiapp", "--bind", "127.0.0.1:{port}", "--workers", "1", APP]

#: The arguments of a Python that has it.
SERVERS = collections.OrderedDict([
    ("gunicorn sync", GUNICORN),
    ("gunicorn gthread", GUNICORN + ["--worker-class", "gthread", "--threads", "4"]),
    ("waitress", ["-m", "tests.benchmarks.sockets", "{port}"]),
])


def free_port():
    """A TCP port on 127.0.0.1 that nobody listens on."""
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def serving(column, arguments, **variables):
    """The port of a running server with the column's service; environments.Missing without one."""
    port = free_port()
    with environments.inside(column) as (python, environment, folder):
        command = [python] + [part.format(port=port) for part in arguments]
        environment = dict(environment, BENCHMARK_KIND=column.kind, BENCHMARK_CHECKS=str(CHECKS),
                           **variables)
        with open(os.devnull, "r+b") as nowhere:
            process = subprocess.Popen(command, cwd=folder, env=environment, stdin=nowhere,
                                       stdout=nowhere, stderr=nowhere)
        try:
            _await(process, port, command)
            yield port
        finally:
            _end(process)


def _await(process, port, command):
    deadline = timeit.default_timer() + 30
    while timeit.default_timer() < deadline:
        if process.poll() is not None:
            raise environments.Missing("%s ended with status %d"
                                       % (" ".join(command[1:3]), process.returncode))
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except (OSError, socket.error):
            time.sleep(0.05)
    raise environments.Missing("%s does not answer" % " ".join(command[1:3]))


def _end(process):
    if process.poll() is not None:
        return
    process.terminate()
    deadline = timeit.default_timer() + 30
    while process.poll() is None and timeit.default_timer() < deadline:
        time.sleep(0.05)
    if process.poll() is None:
        process.kill()
    process.wait()


def _await_queue(port, path):
    """Returns when a server has come to the end of its queue, but for what its threads are at.

    A slow turn leaves there what all its clients asked last.
    """
    from six.moves import http_client  # not in the environments of all that are served
    try:
        with contextlib.closing(http_client.HTTPConnection("127.0.0.1", port, timeout=30)) as one:
            one.request("GET", path)
            one.getresponse().read()
    except (EnvironmentError, http_client.HTTPException) as exc:
        raise environments.Missing("%s was not answered: %s" % (path, exc))


def requests_a_second(port, path, seconds, clients=CLIENTS):
    """What wrk counts; Missing where one answer is no success, or wrk is not there."""
    _await_queue(port, path)
    command = ["wrk", "--threads", "1", "--connections", str(clients),
               "--duration", "%ds" % seconds, "http://127.0.0.1:%d%s" % (port, path)]
    try:
        output = subprocess.check_output(command).decode("ascii")
    except EnvironmentError:
        raise environments.Missing("wrk is not installed")
    if "Non-2xx" in output:
        raise environments.Missing("answers that were no success: " + path)
    return float(re.search(r"Requests/sec:\s*([0-9.]+)", output).group(1))


def ratio(port, rounds, clients=CLIENTS):
    """Its requests per second by the bare route's: the median over turns and those around them."""
    paths = apps.PATH, "/bare"
    for path in paths:
        requests_a_second(port, path, 1, clients)
    turns = [requests_a_second(port, paths[turn % 2], 1, clients) for turn in range(2 * rounds + 1)]
    ratios = []
    for turn in range(1, 2 * rounds):
        around = (turns[turn - 1] + turns[turn + 1]) / 2
        ratios.append(around / turns[turn] if turn % 2 else turns[turn] / around)
    return measuring.median(ratios)


def rows(quick):
    """The rows of the table."""
    table = []
    for name, arguments in SERVERS.items():
        cells = collections.OrderedDict()
        for column in environments.COLUMNS:
            if column.kind == "plain":
                continue
            rounds = 3 if quick else 30 if column.title == "ours" else 4
            try:
                with serving(column, arguments) as port:
                    cells[column.title] = ratio(port, rounds)
            except environments.Missing as reason:
                skip("%s under %s: %s" % (column.title, name, reason))
        table.append(Row("requests a second, %s, %d checks" % (name, CHECKS), "x bare route", cells,
                         0.97, at_least=True))
    return table


if __name__ == "__main__":
    import waitress
    waitress.serve(apps.service(), host="127.0.0.1", port=int(sys.argv[1]), threads=4)
