"""Clients of cache servers as backends: get, set and add, as SharedResults calls them.

A client of redis-py or pymemcache is known by its class, without an import of either. All values
are texts, and nothing that a server holds is unpickled.
"""
import collections
import os
import zlib

from .. import _compat, _jsonable
from .._validation import wrong_type

MYPY = False
if MYPY:
    from typing import Any, Deque, Dict, List, Tuple

#: Returned in place of a value that the client cannot decode; it is no result and no lock.
UNREADABLE = u"?"

#: Bytes of the largest value that is parsed; a larger one is no result of this library.
MAX_VALUE = 2 ** 19

_REDIS = ("redis.client.Redis", "redis.client.StrictRedis", "redis.cluster.RedisCluster")
_PYMEMCACHE = ("pymemcache.client.",)

#: Classes that look like backends and are none, and what to say of them.
_REFUSED = (
    (("redis.asyncio.",),
     "an asynchronous client of redis-py, expected a plain one, such as redis.Redis()"),
    (("redis.client.Pipeline", "redis.client.BasePipeline", "redis.cluster.ClusterPipeline"),
     "a pipeline of redis-py, expected the client that made it"),
)

#: The number 7 as pickle writes it, and that compressed: what reads a 7 there unpickles.
_PICKLED = b"I7\n."
_PICKLES = (_PICKLED, zlib.compress(_PICKLED))

#: Flags by which a serde may know how a value was written.
_FLAGS = range(64)

_EXPECTED = ("a client of redis-py or pymemcache, or an object with get, set and add, such as "
             "cachelib's caches")


def adapt(backend):
    # type: (Any) -> Any
    """An object with get, set and add for any backend; TypeError for what cannot be one."""
    for names, fault in _REFUSED:
        if _is_one_of(backend, names):
            raise TypeError("backend is " + fault)
    if _is_one_of(backend, _REDIS) and not hasattr(backend, "add"):
        return RedisClient(backend)
    if _is_one_of(backend, _PYMEMCACHE):
        _refuse_pickling(backend)
        return PymemcacheClient(backend)
    _validate_methods(backend)
    return backend


def _is_one_of(backend, names):
    # type: (Any, Tuple[str, ...]) -> bool
    """Whether the name of the backend's class, or of one of its bases, begins with one of these."""
    return any(("%s.%s" % (kind.__module__, kind.__name__)).startswith(names)
               for kind in type(backend).__mro__)


def _validate_methods(backend):
    # type: (Any) -> None
    """Raises TypeError for an object without plain get, set and add."""
    for name in ("get", "set", "add"):
        method = getattr(backend, name, None)
        if not callable(method):
            raise wrong_type("backend", backend, _EXPECTED)
        if _compat.is_coroutine_function(method):
            raise TypeError("backend is of type %s, whose %s is a coroutine function, expected "
                            "plain ones" % (type(backend).__name__, name))


class RedisClient(object):
    """A client of redis-py, of one server or of a cluster."""

    def __init__(self, client):
        # type: (Any) -> None
        self._client = client

    def get(self, key):
        # type: (str) -> Any
        """The value of a key; None where there is none, or an empty one."""
        try:
            return self._client.getrange(key, 0, MAX_VALUE) or None
        except UnicodeError:  # with decode_responses=True
            return UNREADABLE
        except Exception as exc:
            if not _jsonable.message(exc).startswith(u"WRONGTYPE"):
                raise
            return UNREADABLE  # a list, say: what is set later replaces that too

    def set(self, key, value, timeout):
        # type: (str, Any, int) -> Any
        """Stores a value for so many seconds."""
        return self._client.set(key, value, ex=timeout)

    def add(self, key, value, timeout):
        # type: (str, Any, int) -> Any
        """Stores a value if the key has none; true if it had none."""
        return self._client.set(key, value, ex=timeout, nx=True)


class PymemcacheClient(object):
    """A client of pymemcache, whose connections two threads or processes must not share.

    Each call has a copy of the client with connections that no other call uses meanwhile.
    """

    def __init__(self, client):
        # type: (Any) -> None
        self._client = client
        self._idle = {}  # type: Dict[int, Deque[Any]]  # copies by process id

    def get(self, key):
        # type: (str) -> Any
        """The value of a key, or None."""
        return self._call("get", key)

    def set(self, key, value, timeout):
        # type: (str, Any, int) -> Any
        """Stores a value for so many seconds."""
        # By default it does not wait for the server's reply, and returns True.
        return self._call("set", key, value, expire=timeout, noreply=False)

    def add(self, key, value, timeout):
        # type: (str, Any, int) -> Any
        """Stores a value if the key has none; true if it had none."""
        return self._call("add", key, value, expire=timeout, noreply=False)

    def _call(self, method, *args, **kwargs):
        # type: (str, *Any, **Any) -> Any
        idle = self._idle.setdefault(os.getpid(), collections.deque())
        try:
            client = idle.pop()
        except IndexError:
            client = _copy(self._client)
        answer = getattr(client, method)(*args, **kwargs)
        # Not where it raises: the next call would read the rest of this one's answer.
        idle.append(client)
        return answer


def _copy(client):
    # type: (Any) -> Any
    """A copy of a pymemcache client, and of those inside it, without their connections."""
    copied = object.__new__(type(client))  # copy.copy() needs a method that RetryingClient hides
    attributes = vars(copied)
    attributes.update(vars(client))
    if "sock" in attributes:
        attributes["sock"] = None
    if "_client" in attributes:
        attributes["_client"] = _copy(attributes["_client"])
    if "clients" in attributes:
        attributes["clients"] = {key: _copy(one) for key, one in attributes["clients"].items()}
    return copied


def _refuse_pickling(client):
    # type: (Any) -> None
    """Raises TypeError for a pymemcache client that unpickles what it finds in the server."""
    serdes = _serdes(client)
    if not serdes:
        raise TypeError("backend is a pymemcache client without a readable serde, expected one "
                        "of pymemcache 3 or newer that has a server")
    for serde in serdes:
        if _unpickles(serde):
            raise TypeError(
                "backend is a pymemcache client with a serde that unpickles what the server holds "
                "(%s), expected one without: the values are texts, and whoever can write to the "
                "server could run code here" % type(serde).__name__)


def _serdes(client):
    # type: (Any) -> List[Any]
    """The serdes of a pymemcache client and of those inside it."""
    attributes = vars(client)
    found = []
    if "serde" in attributes:
        found.append(attributes["serde"])
    inner = list(attributes.get("clients", {}).values())  # a HashClient's
    if "_client" in attributes:  # a RetryingClient's, which answers to any name
        inner.append(attributes["_client"])
    for one in inner:
        found.extend(_serdes(one))
    return found


def _unpickles(serde):
    # type: (Any) -> bool
    """Whether a serde reads a pickle of a number as that number."""
    for flags in _FLAGS:
        for pickle in _PICKLES:
            try:
                if serde.deserialize("healthcheck", pickle, flags) == 7:
                    return True
            except Exception:  # with these flags it expects another format
                pass
    return False
