"""The service that the soak runs: its checks and callbacks do what they should not.

The variable SOAK_FOLDER names a folder with the files that follow, SOAK_SERVER the server, REDIS
the port of the redis.
"""
from __future__ import print_function

import logging
import os
import random
import signal
import time

import bottle

from bottle_healthcheck import EnvironmentDump, HealthCheck, ResultCache
from tests.service import redis

#: The checks' timeout; a request may take that long and some.
TIMEOUT = 1
#: Connections of each redis client: one for each check that shares its results through it.
POOL = 2
#: Redis clients, each of another database.
FLEET_DB, PLANTED_DB = DATABASES = 0, 1

#: Files in the folder: while they exist, checks hang, the service is drained, the file system of
#: the drain file hangs, on_change hangs.
HANG, DRAIN, STUCK, OBSERVER = "hang", "drain", "stuck", "observer"
#: Files that each process adds lines to: log records, and the calls of on_change.
LOG, CHANGES = "log", "changes"

#: What somebody takes for a line's end; what a check says after it must not look like a record.
LINE_ENDS = u"\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
FORGED = u"soak 1 CRITICAL forged"

#: Names that differ in a lone surrogate only.
TWINS = u"twin \ud800", u"twin \udc00"


def path_of(name):
    """The path of one of the files above."""
    return os.path.join(os.environ["SOAK_FOLDER"], name)


def wait_while(name):
    """Hangs while that file exists."""
    path = path_of(name)
    while os.path.exists(path):
        time.sleep(0.05)


class LogFile(logging.Handler):
    """Writes each record at once, and without a lock: a signal's handler may raise at any place."""

    def __init__(self, path):
        logging.Handler.__init__(self)
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def createLock(self):
        """Makes none."""
        self.lock = None

    def handle(self, record):
        """Writes a record of the process."""
        write(self._file, u"%s %s" % (record.levelname, record.getMessage()))


def write(file, text):
    """Adds a line of this process to a file in one piece."""
    line = u"%s %d %s\n" % (os.environ["SOAK_SERVER"], os.getpid(), text)
    os.write(file, line.encode("utf-8"))


def set_up_log():
    """Has the library's records written; its levels are looked up before signals are due."""
    log = logging.getLogger("bottle_healthcheck")
    log.setLevel(logging.INFO)
    log.addHandler(LogFile(path_of(LOG)))
    for level in (logging.INFO, logging.WARNING, logging.ERROR):
        log.isEnabledFor(level)


def hang_on_look(path):
    """Has this process's look for a path hang while the file system is to hang."""
    look = os.stat

    def stat(name, *args, **options):
        if name == path:
            wait_while(STUCK)
        return look(name, *args, **options)
    os.stat = stat


def client(database):
    """A redis client of a bounded pool, with time limits."""
    from redis import BlockingConnectionPool, Redis  # needed by those alone who run the service
    pool = BlockingConnectionPool(
        max_connections=POOL, timeout=TIMEOUT / 2.0, port=int(os.environ["REDIS"]), db=database,
        socket_timeout=TIMEOUT / 2.0, socket_connect_timeout=TIMEOUT / 2.0, retry=None)
    return Redis(connection_pool=pool)


# Checks

def hanging():
    """Hangs while the file for that exists."""
    wait_while(HANG)
    return True, "did not hang"


def raising():
    """Fails in the usual way."""
    raise ValueError("as ever")


def inline():
    """Passes at once."""
    return True, {"nested": [1, 2.5, u"\xe4"]}


def shared():
    """Passes, and says in which process it ran."""
    return True, os.getpid()


def flapping():
    """Passes in every other second; else says what looks like records of the log."""
    if int(time.time()) % 2:
        return True, "up"
    raise ValueError(u"down" + u"".join(end + FORGED for end in LINE_ENDS))


def graph():
    """Returns dictionaries that hold each other: as a tree they would have 9! branches."""
    nodes = [{} for _ in range(9)]
    for node in nodes:
        node.update(("to %d" % number, other) for number, other in enumerate(nodes))
    return True, nodes


def table(rows=tuple({"id": number, "state": "open"} for number in range(12000))):
    """Returns a large table."""
    return True, rows


def prose(text=u"a line of a large text, \xe4\n" * 40000):
    """Returns a large text."""
    return True, text


# Routes

def make_app():
    """An app with all of that, behind one route for each kind."""
    set_up_log()
    hang_on_look(path_of(DRAIN))
    app = bottle.Bottle()
    times = {"timeout": TIMEOUT, "success_ttl": 0.5, "failed_ttl": 0.25}
    health = HealthCheck(app, "/healthcheck", drain_file=path_of(DRAIN), drain_status=404,
                         checkers=[redis, hanging], **times)
    health.add_check(inline, timeout=None)
    health.add_check(raising, critical=False)
    HealthCheck(app, "/fleet", cache=ResultCache(backend=client(FLEET_DB), prefix="fleet"),
                checkers=[shared, hanging], **times)
    HealthCheck(app, "/planted", cache=ResultCache(backend=client(PLANTED_DB), prefix="planted"),
                checkers=[shared, table], timeout=TIMEOUT, success_ttl=2)
    HealthCheck(app, "/large", checkers=[graph, table, prose], success_ttl=10)
    add_observed(app)
    add_changing(app)
    twins = HealthCheck(app, "/twins")
    for name in TWINS:
        twins.add_check(lambda: (True, "fine"), name=name)
    HealthCheck(app, "/hidden", checkers=[raising], details=lambda: 1 // 0)
    HealthCheck(app, "/live")
    EnvironmentDump(app, "/environment")
    app.route("/ping", callback=lambda: "pong")
    if os.environ["SOAK_SERVER"] == "interrupted":
        return interrupted(app)
    return app


def add_observed(app):
    """Adds a health check whose on_change raises now and then, and hangs at times."""
    changes = os.open(path_of(CHANGES), os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def on_change(previous, current, report):
        write(changes, u"%s %s" % (previous, current))
        # In the server that has one process and several threads: one request of each waits.
        if os.environ["SOAK_SERVER"] == "waitress" and os.path.exists(path_of(OBSERVER)):
            write(changes, u"hangs")
            wait_while(OBSERVER)
        if current == "success":
            raise ValueError("on_change raises")
    HealthCheck(app, "/observed", checkers=[flapping], on_change=on_change, timeout=TIMEOUT,
                success_ttl=0.1, failed_ttl=0.1)


def add_changing(app):
    """Adds a health check whose only check is replaced by another at each request for /change."""
    changing = HealthCheck(app, "/changing", timeout=TIMEOUT, success_ttl=0.1)

    @app.route("/change")
    def change():
        blob = b"x" * 1000000
        changing.checkers[:] = [lambda: (True, len(blob))]
        return "changed"


# Signals

#: The status of a request that a signal has ended.
INTERRUPTED = 503


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
            started = [("%d Service Unavailable" % INTERRUPTED,
                        [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])]
        start_response(*started[-1])
        return [body]
    return call
