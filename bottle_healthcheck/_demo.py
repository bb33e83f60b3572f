# mypy: disable-error-code="import-untyped"
"""The demonstration service: both routes, with real checks of what every machine has."""
from __future__ import print_function

import contextlib
import functools
import os
import signal
import socket
import sqlite3
import sys

import bottle

from . import checks
from .environment import EnvironmentDump
from ._http_client import address_of
from .healthcheck import HealthCheck

MYPY = False
if MYPY:
    from typing import Iterator

#: Free space below which the disk check fails.
LEAST_FREE_BYTES = 100 * 1024 * 1024

#: Options that silence the servers that ignore Bottle's own `quiet`.
_QUIET_OPTIONS = {"gunicorn": {"loglevel": "critical"}}


def serve(host="127.0.0.1", port=8080, server="wsgiref"):
    # type: (str, int, str) -> int
    """Runs the service until Ctrl-C or SIGTERM; returns an exit status, 1 if it cannot run.

    server is the name of one of Bottle's adapters; with port 0 a free port is chosen.
    """
    if server not in bottle.server_names:
        return _fail("unknown server %r: expected one of %s"
                     % (server, ", ".join(sorted(bottle.server_names))))
    try:
        port = _bindable_port(host, port)
    except (EnvironmentError, OverflowError, ValueError) as exc:
        return _fail("cannot listen on %r port %d: %s" % (host, port, _reason(exc)))
    with _signals_exit():
        return _run(make_app(), host, port, server)


def make_app():
    # type: () -> bottle.Bottle
    """A Bottle app with /healthcheck and /environment."""
    app = bottle.Bottle()
    health = HealthCheck(app, "/healthcheck", timeout=1)
    connect = functools.partial(sqlite3.connect, ":memory:")
    health.add_check(checks.sql(connect, "SELECT sqlite_version()"), name="database")
    health.add_check(checks.disk(os.curdir, LEAST_FREE_BYTES), name="disk")
    EnvironmentDump(app, "/environment")
    return app


def _run(app, host, port, server):
    # type: (bottle.Bottle, str, int, str) -> int
    """Prints what this is and which URLs to request, and serves."""
    authority = address_of(host, port)
    print("A demonstration of both routes, until Ctrl-C ends it:")
    print("curl -i http://%s/healthcheck" % authority)
    print("curl -i http://%s/environment" % authority)
    sys.stdout.flush()
    if server == "gunicorn":
        sys.argv = sys.argv[:1]  # with Bottle 0.12 it would parse our command line
    try:
        bottle.run(app, server=server, host=host, port=port, quiet=True,
                   **_QUIET_OPTIONS.get(server, {}))
        return 0
    except ImportError as exc:
        return _fail("the server %s is not installed: %s" % (server, exc))
    except Exception as exc:  # each server raises its own errors
        return _fail("the server %s failed: %s" % (server, _reason(exc)))


@contextlib.contextmanager
def _signals_exit():
    # type: () -> Iterator[None]
    """In this block, Ctrl-C and SIGTERM end the process at once.

    An exception would not: wsgiref swallows those that are raised within a request. And in a
    container whose only process this is, SIGTERM has no effect without a handler.
    """
    def end(signum, frame):
        # type: (int, object) -> None
        os._exit(0)

    previous = [(number, signal.signal(number, end)) for number in (signal.SIGINT, signal.SIGTERM)]
    try:
        yield
    finally:
        for number, handler in previous:
            signal.signal(number, handler)


def _fail(problem):
    # type: (str) -> int
    print("bottle-healthcheck: %s" % " ".join(problem.split()), file=sys.stderr)
    return 1


def _reason(exc):
    # type: (BaseException) -> str
    """The operating system's message, else the exception's, without the error's number."""
    return getattr(exc, "strerror", None) or str(exc) or type(exc).__name__


def _bindable_port(host, port):
    # type: (str, int) -> int
    """The port, or a free one for 0. Raises if it is taken: not every server says so briefly."""
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, 0, socket.SOCK_STREAM)[0]
    with contextlib.closing(socket.socket(family, kind, protocol)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((address[0], port) + address[2:])  # getaddrinfo accepts ports above 65535
        return int(probe.getsockname()[1])
