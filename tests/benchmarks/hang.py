"""What a hung dependency does to a service: 8 probes, one after another, that give up after 2 s.

    python -m tests.benchmarks.hang [server ...]

prints a row for each server that is installed and each way to write the health route: a plain
Bottle route that calls the hung function, ours without a timeout, and ours with timeout=1.
Takes about a minute: all services run side by side, each in processes of its own.
"""
from __future__ import print_function

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import timeit

from six.moves import http_client, socketserver
from wsgiref import simple_server

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
if ROOT not in sys.path:
    sys.path.insert(0, ROOT)

from tests.helpers import free_port  # noqa: E402

PROBES = 8
GIVE_UP = 2.0  # seconds, haproxy's default
LONGEST_END = 40.0  # seconds from SIGTERM to SIGKILL; gunicorn's own are 30
THREADS = 4

KINDS = ("plain route", "ours, no timeout", "ours, timeout=1")

GUNICORN = [sys.executable, "-m", "gunicorn", "--bind", "127.0.0.1:{port}", "--workers", "1",
            "tests.benchmarks.hang:make_app()"]
OURSELVES = [sys.executable, "-m", "tests.benchmarks.hang", "--serve"]

#: name: (module that it needs, command)
SERVERS = [
    ("wsgiref", ("wsgiref", OURSELVES + ["wsgiref", "{port}"])),
    ("wsgiref, threads", ("wsgiref", OURSELVES + ["threads", "{port}"])),
    ("gunicorn sync", ("gunicorn", GUNICORN)),
    ("gunicorn gthread", ("gunicorn", GUNICORN + ["--threads", str(THREADS)])),
    ("waitress", ("waitress", OURSELVES + ["waitress", "{port}"])),
]


# The service

def hang():
    """A check of a dependency that never answers; notes that it was started."""
    with open(os.environ["HANG_STARTS"], "ab") as starts:
        starts.write(b".")
    threading.Event().wait(3600)
    return True, "at last"


def make_app():
    """The service of the kind that the environment names."""
    import bottle
    from bottle_healthcheck import HealthCheck
    app = bottle.Bottle()
    app.route("/ping", callback=lambda: "pong")
    kind = os.environ["HANG_KIND"]
    if kind == "plain route":
        app.route("/health", callback=lambda: str(hang()))
    else:
        HealthCheck(app, "/health", checkers=[hang],
                    timeout=1 if kind == "ours, timeout=1" else None)
    return app


class ThreadingServer(socketserver.ThreadingMixIn, simple_server.WSGIServer):
    daemon_threads = True


def serve(server, port):
    """Serves until SIGTERM, in this process."""
    if server == "waitress":
        import waitress
        waitress.serve(make_app(), host="127.0.0.1", port=port, threads=THREADS)
    simple_server.make_server(
        "127.0.0.1", port, make_app(),
        ThreadingServer if server == "threads" else simple_server.WSGIServer).serve_forever()


# Its clients

def ask(port, path, seconds=GIVE_UP):
    """(status or None where the client gave up, seconds that it took)."""
    begun = timeit.default_timer()
    connection = http_client.HTTPConnection("127.0.0.1", port, timeout=seconds)
    try:
        connection.request("GET", path)
        status = connection.getresponse().status
    except (EnvironmentError, http_client.HTTPException):
        status = None
    finally:
        connection.close()
    return status, timeit.default_timer() - begun


def measure(port):
    """{column: figure} of 8 probes, and of another route meanwhile and afterwards."""
    pings = []

    def ping_meanwhile():
        time.sleep(GIVE_UP / 8)
        pings.append(ask(port, "/ping"))
    meanwhile = threading.Thread(target=ping_meanwhile)
    meanwhile.start()
    probes = [ask(port, "/health") for _ in range(PROBES)]
    meanwhile.join()
    pings.append(ask(port, "/ping"))
    return {
        "answered": "%d of %d" % (sum(status is not None for status, _ in probes), PROBES),
        "first": _seconds(probes[0]),
        "slowest other": _seconds(max(probes[1:], key=lambda probe: (probe[0] is None, probe[1]))),
        "/ping meanwhile": _seconds(pings[0]),
        "/ping after": _seconds(pings[1]),
    }


def _seconds(asked):
    status, seconds = asked
    return "gave up" if status is None else "%.2f s" % seconds


def end(process):
    """How long the server takes to end on SIGTERM; kills what is left of it."""
    begun = timeit.default_timer()
    process.terminate()
    while process.poll() is None and timeit.default_timer() - begun < LONGEST_END:
        time.sleep(0.05)
    took = timeit.default_timer() - begun
    ended = process.poll() is not None
    try:
        os.killpg(process.pid, signal.SIGKILL)  # the session that start() made, nothing else
    except OSError:
        pass
    process.wait()
    return "%.1f s" % took if ended else "killed after %g s" % LONGEST_END


def start(command, kind, port, starts):
    """The running server, once it answers."""
    environment = dict(os.environ, HANG_KIND=kind, HANG_STARTS=starts)
    process = subprocess.Popen([part.format(port=port) for part in command], cwd=ROOT,
                               env=environment, preexec_fn=os.setsid,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    drain = threading.Thread(target=process.stdout.read)
    drain.daemon = True
    drain.start()
    deadline = time.time() + 30
    while ask(port, "/ping")[0] is None and process.poll() is None and time.time() < deadline:
        time.sleep(0.05)
    return process


def row(server, command, kind):
    """The figures of one service."""
    port = free_port()
    handle, starts = tempfile.mkstemp()
    os.close(handle)
    try:
        process = start(command, kind, port, starts)
        try:
            figures = measure(port)
        finally:
            ended = end(process)
        return dict(figures, server=server, route=kind, started=str(os.path.getsize(starts)),
                    SIGTERM=ended)
    finally:
        os.remove(starts)


def table(rows):
    """The figures as text."""
    columns = ["server", "route", "answered", "first", "slowest other", "/ping meanwhile",
               "/ping after", "SIGTERM", "started"]
    lines = [columns] + [[one[column] for column in columns] for one in rows]
    widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
    return "\n".join("  ".join(text.ljust(width) for text, width in zip(line, widths)).rstrip()
                     for line in lines)


def installed(module):
    try:
        __import__(module)
    except ImportError:
        return False
    return True


def run(names=()):
    """The rows of these servers (none named: all that are installed), measured side by side."""
    rows, threads = {}, []
    for server, (module, command) in SERVERS:
        if names and server not in names or not installed(module):
            continue
        for kind in KINDS:
            def work(server=server, command=command, kind=kind):
                rows[server, kind] = row(server, command, kind)
            threads.append(threading.Thread(target=work))
            rows[server, kind] = None  # in order
            threads[-1].start()
    for thread in threads:
        thread.join()
    return [rows[server, kind] for server, _ in SERVERS for kind in KINDS
            if rows.get((server, kind))]


def rows(quick):
    """The same as rows of the table of all benchmarks."""
    from .report import Row
    found = dict(((one["server"], one["route"]), one) for one in run())
    table = []
    for server, _ in SERVERS:
        for what, column in (("probes answered", "answered"),
                             ("from SIGTERM to its end", "SIGTERM")):
            cells = [(title, found[server, kind][column])
                     for title, kind in (("ours", KINDS[2]), ("a plain route", KINDS[0]))
                     if (server, kind) in found]
            if cells:
                table.append(Row("hung check, %s: %s" % (server, what), "", dict(cells)))
    return table


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(sys.argv[2], int(sys.argv[3]))
    else:
        print(table(run(sys.argv[1:])))
