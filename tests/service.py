"""The service that the integration tests run under real servers; no test runs in its process.

The environment variable SERVICE shapes it, a JSON object: `checks` are names of functions below,
`used_before_fork` runs them at import, `notes` is a file that gets a line for each start of a
check; the rest are arguments of HealthCheck.
"""
import contextlib
import json
import os
import signal
import socket
import sys
import time

import bottle

from bottle_healthcheck import HealthCheck

SHAPE = json.loads(os.environ.get("SERVICE", "{}"))


def note(check):
    """Tells the test that a check is started in this process."""
    with open(SHAPE["notes"], "a") as notes:
        notes.write("%s %d\n" % (check, os.getpid()))


def redis():
    """Asks the redis-server on the port REDIS; a plain socket needs no client library."""
    address = "127.0.0.1", int(os.environ["REDIS"])
    with contextlib.closing(socket.create_connection(address, 1)) as connection:
        connection.settimeout(1)
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
    """Takes a while, and less than the time-out."""
    note("slow")
    time.sleep(0.3)
    return True, "took its time"


def failing():
    """Fails at once."""
    return False, "broken"


def quick():
    """Passes at once."""
    return True, "fine"


def make_app(checks=(), used_before_fork=False, notes=None, **arguments):
    """An app with /healthcheck, a /patient health check, /ping and /now."""
    app = bottle.Bottle()
    health = HealthCheck(app, "/healthcheck", checkers=[globals()[name] for name in checks],
                         **arguments)
    HealthCheck(app, "/patient", checkers=[hung_too], timeout=2)
    app.route("/ping", callback=lambda: "pong")
    app.route("/now", callback=lambda: repr(time.time()))
    if used_before_fork:
        health.run()
    return app


app = make_app(**dict((str(name), value) for name, value in SHAPE.items()))

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda signum, frame: sys.exit(0))
    bottle.run(app, server=sys.argv[1], port=int(sys.argv[2]), quiet=True)
