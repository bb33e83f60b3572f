"""What a hung dependency does to a service: 8 probes, one after another, that give up after 2 s.

    python -m tests.benchmarks hang

asks two services of each server: a plain Bottle route that calls the hung function, and ours with
timeout=1. Takes about a minute: all of them run side by side, each in processes of its own.
"""
import os
import signal
import subprocess
import sys
import threading
import time
import timeit

from six.moves import http_client, socketserver
from wsgiref import simple_server

from tests.helpers import ROOT, free_port
from .report import Row, skip

PROBES = 8
GIVE_UP = 2.0  # seconds, haproxy's default
LONGEST_END = 40.0  # seconds from SIGTERM to SIGKILL; gunicorn's own are 30
THREADS = 4

KINDS = ("ours", "a plain route")

GUNICORN = [sys.executable, "-m", "gunicorn", "--bind", "127.0.0.1:{port}", "--workers", "1",
            "tests.benchmarks.hang:make_app()"]
OURSELVES = [sys.executable, "-m", "tests.benchmarks.hang"]

#: (name, module that it needs, command)
SERVERS = [
    ("wsgiref", "wsgiref", OURSELVES + ["wsgiref", "{port}"]),
    ("wsgiref, threads", "wsgiref", OURSELVES + ["threads", "{port}"]),
    ("gunicorn sync", "gunicorn", GUNICORN),
    ("gunicorn gthread", "gunicorn", GUNICORN + ["--threads", str(THREADS)]),
    ("waitress", "waitress", OURSELVES + ["waitress", "{port}"]),
]


# The service

def hang():
    """A check of a dependency that never answers."""
    threading.Event().wait(3600)
    return True, "at last"


def make_app():
    """The service of the kind that the environment names."""
    import bottle
    from bottle_healthcheck import HealthCheck
    app = bottle.Bottle()
    app.route("/ping", callback=lambda: "pong")
    if os.environ["HANG_KIND"] == "ours":
        HealthCheck(app, "/health", checkers=[hang], timeout=1)
    else:
        app.route("/health", callback=lambda: str(hang()))
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

def is_answered(port, path):
    """Whether an answer comes before the client gives up."""
    connection = http_client.HTTPConnection("127.0.0.1", port, timeout=GIVE_UP)
    try:
        connection.request("GET", path)
        connection.getresponse()
    except (EnvironmentError, http_client.HTTPException):
        return False
    finally:
        connection.close()
    return True


def start(command, kind, port):
    """The running server, once it answers."""
    process = subprocess.Popen([part.format(port=port) for part in command], cwd=ROOT,
                               env=dict(os.environ, HANG_KIND=kind), preexec_fn=os.setsid,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    drain = threading.Thread(target=process.stdout.read)
    drain.daemon = True
    drain.start()
    deadline = time.time() + 30
    while not is_answered(port, "/ping") and process.poll() is None and time.time() < deadline:
        time.sleep(0.05)
    return process


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


def measure(command, kind):
    """(probes that were answered, the time to the end) of one service, as texts."""
    port = free_port()
    process = start(command, kind, port)
    try:
        answered = sum(is_answered(port, "/health") for _ in range(PROBES))
    finally:
        ended = end(process)
    return "%d of %d" % (answered, PROBES), ended


def measure_all():
    """{(server, kind): what measure() returns} of all servers that are installed."""
    found, threads = {}, []
    for server, module, command in SERVERS:
        try:
            __import__(module)
        except ImportError:
            skip("hung check, %s: it is not installed" % server)
            continue
        for kind in KINDS:
            def work(server=server, command=command, kind=kind):
                found[server, kind] = measure(command, kind)
            threads.append(threading.Thread(target=work))
            threads[-1].start()
    for thread in threads:
        thread.join()
    return found


def rows(quick):
    """The rows of the table."""
    found = measure_all()
    return [Row("hung check, %s: %s" % (server, what), "",
                dict((kind, found[server, kind][index]) for kind in KINDS))
            for server, _, _ in SERVERS if (server, KINDS[0]) in found
            for index, what in enumerate(("probes answered", "from SIGTERM to its end"))]


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
