"""One process of a fleet that shares its results, for tests/test_integration/test_shared.py.

    python -m tests.member BACKEND ADDRESS NOTES [TIMEOUT [TAKES [SOCKET_TIMEOUT]]]

reads seconds, one number a line: so much later by its own clocks it runs its only check, and
writes a line of JSON: the result, how often the backend was called, and what was logged. The check
appends "run" to the file NOTES, and takes a while. The backend's client has a timeout of
SOCKET_TIMEOUT seconds.
"""
import json
import logging
import sys
import time

from bottle_healthcheck import HealthCheck, ResultCache
from tests import internals


def _redis(address, socket_timeout):
    from cachelib import RedisCache
    # Without that, redis-py from 6 on tries three times more, with pauses.
    options = {} if sys.version_info[0] == 2 else {"retry": None}
    return RedisCache("127.0.0.1", int(address), socket_timeout=socket_timeout,
                      socket_connect_timeout=socket_timeout, **options)


def _memcache(address, socket_timeout):
    import memcache
    from cachelib import MemcachedCache
    return MemcachedCache(memcache.Client(["127.0.0.1:" + address], socket_timeout=socket_timeout,
                                          dead_retry=1))


def _pylibmc(address, socket_timeout):
    import pylibmc
    from cachelib import MemcachedCache
    return MemcachedCache(pylibmc.Client(["127.0.0.1:" + address], behaviors={
        "connect_timeout": socket_timeout * 1000, "send_timeout": socket_timeout * 10 ** 6,
        "receive_timeout": socket_timeout * 10 ** 6, "_poll_timeout": socket_timeout * 1000}))


def _files(address, socket_timeout):
    from cachelib import FileSystemCache
    return FileSystemCache(address)


def _django(address, socket_timeout):
    from django.conf import settings
    settings.configure(CACHES={"default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": "redis://127.0.0.1:" + address,
        "OPTIONS": {"socket_timeout": socket_timeout, "retry": None}}})
    from django.core.cache import cache
    return cache


def _redis_py(address, socket_timeout):
    import redis
    options = {} if sys.version_info[0] == 2 else {"retry": None}
    return redis.Redis("127.0.0.1", int(address), socket_timeout=socket_timeout,
                       socket_connect_timeout=socket_timeout, **options)


def _pymemcache(address, socket_timeout):
    from pymemcache.client.base import PooledClient
    return PooledClient(("127.0.0.1", int(address)), timeout=socket_timeout,
                        connect_timeout=socket_timeout)


def _pymemcache_client(address, socket_timeout):
    from pymemcache.client.base import Client
    return Client(("127.0.0.1", int(address)), timeout=socket_timeout,
                  connect_timeout=socket_timeout)


def _pymemcache_hash(address, socket_timeout):
    from pymemcache.client.hash import HashClient
    return HashClient([("127.0.0.1", int(address))], timeout=socket_timeout,
                      connect_timeout=socket_timeout, use_pooling=True, retry_attempts=0,
                      dead_timeout=1)


BACKENDS = {"redis": _redis, "memcache": _memcache, "pylibmc": _pylibmc, "files": _files,
            "django": _django, "redis-py": _redis_py, "pymemcache": _pymemcache,
            "pymemcache client": _pymemcache_client, "pymemcache hash": _pymemcache_hash}


def count(backend):
    """Makes a backend count how often it is asked; it stays of its class."""
    class Counted(type(backend)):
        asked = [0]

        def __getattribute__(self, name):
            if name in ("get", "set", "add", "getrange"):
                self.asked[0] += 1
            return super(Counted, self).__getattribute__(name)
    object.__setattr__(backend, "__class__", Counted)  # Django's sets another object's
    return backend.asked


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


def main(backend, address, notes, timeout=0.0, takes=0.3, socket_timeout=30):
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
    shared = BACKENDS[backend](address, int(socket_timeout))
    asked = count(shared)
    shared.get("x")  # imports and connects
    for place in internals.LONGEST_WAITS:
        internals.put(place, 60.0)  # a loaded machine may stall
    health = HealthCheck(checkers=[check], timeout=float(timeout) or None,
                         cache=ResultCache(backend=shared, prefix="tests"))
    for line in iter(sys.stdin.readline, ""):
        later.seconds += float(line)
        before = asked[0]
        result, = health.run().results
        sys.stdout.write(json.dumps(dict(result, asked=asked[0] - before,
                                         lines=logged.lines)) + "\n")
        sys.stdout.flush()
        logged.lines = []


if __name__ == "__main__":
    main(*sys.argv[1:])
