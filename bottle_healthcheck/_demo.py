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
import six

from . import _jsonable, checks
from .environment import EnvironmentDump
from ._http_client import address_of
from .healthcheck import HealthCheck

#: Free space below which the disk check fails.
LEAST_FREE_BYTES = 100 * 1024 * 1024

#: Options that silence the servers that ignore Bottle's own `quiet`.
_QUIET_OPTIONS = {"gunicorn": {"loglevel": "critical"}}


def serve(host, port, server):
    # type: (str, int, str) -> int
    """Runs the service until Ctrl-C or SIGTERM; returns an exit status, 1 if it cannot run.

    server is the name of one of Bottle's adapters; with port 0 a free port is chosen.
    """
    try:
        port = _bindable_port(host, port)
    except (EnvironmentError, UnicodeError) as exc:
        return _fail("cannot listen on %r port %d" % (host, port), exc)
    # An exception would not end the process: wsgiref swallows those that are raised in a request.
    # And without a handler, SIGTERM has no effect on a container's only process.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os._exit(0))
    authority = address_of(host, port)
    print("A demonstration of both routes, until Ctrl-C ends it:")
    print("curl -i http://%s/healthcheck" % authority)
    print("curl -i http://%s/environment" % authority)
    sys.stdout.flush()
    if server == "gunicorn":
        sys.argv = sys.argv[:1]  # with Bottle 0.12 it would parse our command line
    try:
        bottle.run(make_app(), server=server, host=host, port=port, quiet=True,
                   **_QUIET_OPTIONS.get(server, {}))
        return 0
    except ImportError as exc:
        return _fail("the server %s is not installed" % server, exc)
    except Exception as exc:  # each server raises its own errors
        return _fail("the server %s failed" % server, exc)


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


def _fail(problem, exc):
    # type: (str, Exception) -> int
    line = "bottle-healthcheck: %s: %s" % (problem, _jsonable.exception_line(exc))
    print(six.ensure_str(line), file=sys.stderr)
    return 1


def _bindable_port(host, port):
    # type: (str, int) -> int
    """The port, or a free one for 0. Raises if it is taken: not every server says so briefly."""
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, 0, socket.SOCK_STREAM)[0]
    with contextlib.closing(socket.socket(family, kind, protocol)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)
        return int(probe.getsockname()[1])
