"""One process of a fleet that shares its results, for tests/test_integration/test_shared.py.

    python -m tests.member BACKEND ADDRESS NOTES [TIMEOUT [TAKES [PATIENCE]]]

reads seconds, one number a line: so much later by its own clocks it runs its only check, and
writes a line of JSON: the result, how often the backend was asked, and what was logged. The check
appends "run" to the file NOTES, and takes a while. The backend's client gives up after PATIENCE
seconds.
"""
import json
import logging
import sys
import time

from bottle_healthcheck import HealthCheck, ResultCache
from tests import internals


def _redis(address, patience):
    from cachelib import RedisCache
    # Without that, redis-py from 6 on tries three times more, with pauses.
    options = {} if sys.version_info[0] == 2 else {"retry": None}
    return RedisCache("127.0.0.1", int(address), socket_timeout=patience,
                      socket_connect_timeout=patience, **options)


def _memcache(address, patience):
    import memcache
    from cachelib import MemcachedCache
    return MemcachedCache(memcache.Client(["127.0.0.1:" + address], socket_timeout=patience,
                                          dead_retry=1))


def _pylibmc(address, patience):
    import pylibmc
    from cachelib import MemcachedCache
    return MemcachedCache(pylibmc.Client(["127.0.0.1:" + address], behaviors={
        "connect_timeout": patience * 1000, "send_timeout": patience * 10 ** 6,
        "receive_timeout": patience * 10 ** 6, "_poll_timeout": patience * 1000}))


def _files(address, patience):
    from cachelib import FileSystemCache
    return FileSystemCache(address)


def _django(address, patience):
    from django.conf import settings
    settings.configure(CACHES={"default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": "redis://127.0.0.1:" + address,
        "OPTIONS": {"socket_timeout": patience, "retry": None}}})
    from django.core.cache import cache
    return cache


BACKENDS = {"redis": _redis, "memcache": _memcache, "pylibmc": _pylibmc, "files": _files,
            "django": _django}


class Counted(object):
    """A backend that counts how often it is asked."""

    def __init__(self, backend):
        self._backend = backend
        self.asked = 0

    def __getattr__(self, name):
        self.asked += 1
        return getattr(self._backend, name)


class Later(object):
    """The time module, `seconds` later."""

    seconds = 0.0
    sleep = staticmethod(time.sleep)

    def time(self):
        return time.time() + self.seconds


class Lines(logging.Handler):
    """Keeps the levels and messages of what is logged."""

    def __init__(self):
        logging.Handler.__init__(self)
        self.lines = []

    def emit(self, record):
        self.lines.append([record.levelname, record.getMessage()])


def main(backend, address, notes, timeout=0.0, takes=0.3, patience=30):
    later, steady, logged = Later(), getattr(*internals.CLOCK), Lines()
    internals.put(internals.CLOCK, lambda: steady() + later.seconds)
    for place in internals.WALL_CLOCKS:
        internals.put(place, later)
    logger = logging.getLogger("bottle_healthcheck")
    logger.addHandler(logged)
    logger.setLevel(logging.INFO)

    def check():
        with open(notes, "a") as file:
            file.write("run\n")
        time.sleep(float(takes))
        return True, "fine"
    shared = Counted(BACKENDS[backend](address, int(patience)))
    shared.get("x")  # imports and connects
    for place in internals.LONGEST_WAITS:
        internals.put(place, 60.0)  # a loaded machine may stall
    health = HealthCheck(checkers=[check], timeout=float(timeout) or None,
                         cache=ResultCache(backend=shared, prefix="tests"))
    for line in iter(sys.stdin.readline, ""):
        later.seconds += float(line)
        before = shared.asked
        result, = health.run().results
        sys.stdout.write(json.dumps(dict(result, asked=shared.asked - before,
                                         lines=logged.lines)) + "\n")
        sys.stdout.flush()
        logged.lines = []


if __name__ == "__main__":
    main(*sys.argv[1:])
