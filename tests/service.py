"""The service that the integration tests run under real servers; no test runs in its process.

The environment variable SERVICE shapes it, a JSON object: `checks` are names of functions below,
`optional` those of checks that are not critical, `used_before_fork` runs them at import, `notes`
is a file that gets a line for each start of a check, `asked` one that gets a line for each
request, `cors_plugin` installs one that answers OPTIONS itself; the rest are arguments of
HealthCheck.
"""
import contextlib
import functools
import json
import os
import signal
import socket
import sys
import threading
import time
from wsgiref.simple_server import make_server

import bottle

from bottle_healthcheck import HealthCheck

SHAPE = json.loads(os.environ.get("SERVICE", "{}"))


def note(what, path=None):
    """Notes for the test that a check has started, or that this process got a request."""
    with open(path or SHAPE["notes"], "a") as notes:
        notes.write("%s %d\n" % (what, os.getpid()))


def redis():
    """Pings the redis-server on the port REDIS; a plain socket needs no client library."""
    address = "127.0.0.1", int(os.environ["REDIS"])
    with contextlib.closing(socket.create_connection(address, 60)) as connection:
        connection.settimeout(60)
        connection.sendall(b"PING\r\n")
        answer = connection.recv(64).decode("ascii").strip()
    return answer == "+PONG", answer


def hung():
    """Does not return."""
    note("hung")
    while True:
        time.sleep(60)


def hung_too():
    """Does not return either, and is another check."""
    note("hung_too")
    while True:
        time.sleep(60)


def slow():
    """Takes a while, and less than its timeout."""
    note("slow")
    time.sleep(0.1)
    return True, "took its time"


def failing():
    """Fails at once."""
    return False, "broken"


def quick():
    """Passes at once."""
    return True, "fine"


def cors(callback):
    """A plugin as many services have one: it answers OPTIONS of every route, with an empty 200."""
    def answer(*args, **kwargs):
        bottle.response.headers["Access-Control-Allow-Origin"] = "*"
        if bottle.request.method == "OPTIONS":
            return ""
        return callback(*args, **kwargs)
    return answer


#: More time for checks that must not fail where the machine stalls.
GENEROUS = {"slow": {"timeout": 600}}


def make_app(checks=(), optional=(), used_before_fork=False, notes=None, asked=None,
             cors_plugin=False, **arguments):
    """An app with the health checks /healthcheck, /patient and /live, with /ping and /now."""
    app = bottle.Bottle()
    if cors_plugin:
        app.install(cors)
    health = HealthCheck(app, "/healthcheck", **arguments)
    for name in checks:
        health.add_check(globals()[name], **GENEROUS.get(name, {}))
    for name in optional:
        health.add_check(globals()[name], critical=False)
    HealthCheck(app, "/live")
    HealthCheck(app, "/patient", checkers=[hung_too], timeout=4)
    app.route("/ping", callback=lambda: "pong")
    app.route("/now", callback=lambda: repr(time.time()))
    if asked:
        app.add_hook("before_request", lambda: note("asked", asked))
    if used_before_fork:
        health.run()
    return app


app = make_app(**dict((str(name), value) for name, value in SHAPE.items()))


def serve(adapter, port):
    """Serves until SIGINT or SIGTERM, and then ends as any Python process does."""
    if adapter == "wsgiref":  # it swallows an exception that hits it within a request
        server = make_server("127.0.0.1", port, app)
        run, stop = server.serve_forever, threading.Thread(target=server.shutdown).start
    elif adapter == "cheroot":  # one that hits it as it hands a request on may lose it a worker
        from cheroot import wsgi
        server = wsgi.Server(("127.0.0.1", port), app)
        run, stop = server.start, threading.Thread(target=server.stop).start
    else:
        run = functools.partial(bottle.run, app, server=adapter, port=port, quiet=True)
        stop = sys.exit
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda signum, frame: stop())
    run()


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
