# mypy: allow-any-generics, allow-untyped-defs, allow-untyped-calls, no-warn-return-any
"""Results that several processes and hosts share through a cache server.

The backend is the user's client object: one of redis-py or pymemcache, or one with `get(key)`,
`set(key, value, timeout=seconds)` and `add(key, value, timeout=seconds)`, such as cachelib's caches
and Django's. It is called in the thread that runs the check, may fail, hang as long as its own
timeout lets it, forget, and lie.

To run a check, a process claims it: it reads what others have published, and takes a lock whose
name tells the result that is to be replaced, so that a run that is over blocks nobody.
"""
import binascii
import collections
import hashlib
import json
import logging
import math
import os
import time

import six

from .. import _compat, _jsonable, _log
from .._validation import kind_of
from . import backends
from .breaker import CircuitBreaker
from .returned import WARN
from .runs import Outcome

MYPY = False
if MYPY:
    from typing import Any, Optional, Text

    from .check import Check

#: Of the values that are written; others are not understood. 1 knew no warnings.
FORMAT_VERSION = 2

#: Seconds, or half of what a run may take, after which a claim asks no more questions.
LONGEST_CLAIM = 1.0

#: Bytes of a value that is parsed; a larger one is no result of ours.
MAX_VALUE = 2 ** 19

#: Characters of a whole number of 64 bits, with its sign.
MOST_DIGITS = 21

#: Bytes of a lock's value, and more.
MAX_LOCK = 100

#: No server refuses a value below that for its size: memcached's least limit is 1 KiB.
LEAST_REFUSED = 1000

#: What the value of a lock that is held begins with.
HELD = u"held by "

#: The value of a lock that was released.
RELEASED = u""

#: What a claim came to: another process's outcome and its age in seconds, or whether this process
#: may run the check.
Claim = collections.namedtuple("Claim", "outcome age may_run")

#: What was read where a result should be, and is none.
NoResult = collections.namedtuple("NoResult", "reason")

GRANTED = Claim(None, 0.0, True)
DENIED = Claim(None, 0.0, False)


class SharedLock(object):
    """A process's lock on running one check; it may not be held, or not any more."""

    def __init__(self):
        # type: () -> None
        self.value = HELD + _jsonable.text(binascii.hexlify(os.urandom(16)))
        #: Its name in the backend, from before it is taken until it is released.
        self.key = None  # type: Optional[str]


class SharedResults(object):
    """Results and locks by the check's name, in a backend that may fail."""

    def __init__(self, backend, prefix):
        # type: (Any, Any) -> None
        client = backends.adapt(backend)
        if not isinstance(prefix, (six.text_type, str)):
            raise TypeError("prefix is %s, expected text such as 'shop': a backend needs one"
                            % kind_of(prefix))
        if not prefix:
            raise ValueError("prefix is empty, expected a text that tells this service's results "
                             "from those of others in the same backend")
        self._breaker = CircuitBreaker(_Store(client))
        self._prefix = prefix
        self._refused = {}  # type: dict  # the checks whose results were too large, by name
        self._foreign = {}  # type: dict  # by name: another's lock and since when it is seen

    def claim(self, check, known, lock, started):
        # type: (Check, Optional[Outcome], SharedLock, float) -> Claim
        """Asks the other processes for an outcome that is fresher than the known one, or to run.

        started is when the run became due, by the monotonic clock. Where the backend fails,
        everybody runs the check, as without one.
        """
        if not check.success_ttl and not check.failed_ttl:
            return GRANTED  # what is not cached is not shared
        found = self._read(check.__name__)
        if found is not None and _is_news(found, known, check):
            return found
        if not check.success_ttl or not check.failed_ttl:
            return GRANTED  # what may not be cached is not waited for
        # A slow backend must not use up the time that others wait for the check.
        asks_until = started + _longest_claim(check)
        if _compat.monotonic() > asks_until:
            self._breaker.trip("its answer took more than half of a check's time-out")
            return GRANTED
        replaces = _name_of_result(found)
        if not self._take(check, replaces, lock):
            return DENIED
        if _compat.monotonic() <= asks_until:
            found = self._read(check.__name__)  # a run may have ended since the first look
            if found is not None and _is_news(found, known, check):
                self.release(lock)
                return found
        return GRANTED

    def publish(self, name, outcome, lifetime):
        # type: (str, Outcome, float) -> None
        """Shares an outcome that is fresh for so many seconds."""
        value = json.dumps({"version": FORMAT_VERSION, "passed": outcome.passed,
                            "warning": outcome.is_warning, "output": outcome.output,
                            "timestamp": outcome.origin, "since": outcome.since,
                            "response_time": outcome.response_time})
        # Longer than it is fresh: the next run's lock names it, also in processes that start later.
        stored = self._breaker.call("write", self._key(name), value, timeout=_whole(2 * lifetime))
        if stored:
            self._refused.pop(name, None)
        elif stored is False and name not in self._refused:
            self._refused[name] = True
            _log.tell(logging.WARNING, "the shared cache does not store the result of check %s, "
                      "%d bytes: each process runs that check itself", name, len(value))

    def forget(self, name):
        # type: (str) -> None
        """Forgets the result of the check of that name."""
        self._breaker.call("set", self._key(name), "", timeout=1)

    def note_silence(self, check, seconds):
        # type: (Check, float) -> None
        """Notes for how many seconds a claim goes on: for longer than it may is a failure."""
        if seconds > _longest_claim(check):
            self._breaker.trip("it has not answered for %.1f s" % seconds)

    def release(self, lock):
        # type: (SharedLock) -> None
        """Releases the lock of a run that is over: what that published may have been evicted."""
        if lock.key is not None:
            self._breaker.call("set", lock.key, RELEASED, timeout=1)
            lock.key = None

    def release_if_held(self, lock):
        # type: (SharedLock) -> None
        """Releases a lock that may not have been taken, since an exception came in between."""
        if lock.key is not None and self._holder(lock.key) == lock.value:
            self.release(lock)

    def _read(self, name):
        # type: (str) -> Optional[Claim]
        """The published outcome of the check of that name, or None."""
        found = self._breaker.call("read", self._key(name))
        if isinstance(found, NoResult):
            self._breaker.trip("it holds what is no result (%s)" % found.reason)
            return None
        if found is not None:
            self._breaker.confirm()
        return found

    def _take(self, check, replaces, lock):
        # type: (Check, str, SharedLock) -> bool
        """Takes the lock; false where another process holds it."""
        key = lock.key = self._key(check.__name__, replaces)
        seconds = _whole(check.run_limit)
        if self._breaker.call("add", key, lock.value, timeout=seconds):
            self._breaker.confirm()
            return True
        holder = self._holder(key)
        if not holder:  # it was released, or expired: cachelib's files refuse to add to that
            self._breaker.call("set", key, lock.value, timeout=seconds)
            holder = self._holder(key)
        if holder is None:
            if not self._breaker.is_open():
                self._breaker.trip("it refuses a lock that nobody holds")
            return True
        self._breaker.confirm()
        if holder in (RELEASED, lock.value):
            return True
        if self._has_outlived(check.__name__, holder, seconds):
            return True
        lock.key = None
        return False

    def _holder(self, key):
        # type: (str) -> Optional[Text]
        """The value of a lock that is held, RELEASED, or None where there is neither."""
        value = self._breaker.call("get", key)
        if not isinstance(value, (six.text_type, bytes)) or len(value) > MAX_LOCK:
            return None
        value = _jsonable.text(value)
        if value == RELEASED or value.startswith(HELD):
            return value
        return None

    def _has_outlived(self, name, holder, seconds):
        # type: (str, Text, float) -> bool
        """Whether another's lock is there for longer than it may be: some backends forget to
        let a lock expire when who takes it dies.
        """
        seen, since = self._foreign.get(name, (None, 0.0))
        now = _compat.monotonic()
        if seen != holder:
            self._foreign[name] = holder, now
            return False
        return now - since > seconds

    def _key(self, *parts):
        # type: (*str) -> str
        """A key that any backend takes, whatever the names hold."""
        text = json.dumps([_jsonable.text(part) for part in (self._prefix,) + parts])
        return "healthcheck-" + hashlib.sha256(text.encode("ascii")).hexdigest()


class _Store(object):
    """A backend that holds results: what they take to be parsed counts as the backend's time."""

    def __init__(self, backend):
        # type: (Any) -> None
        self._backend = backend

    def __getattr__(self, method):
        # type: (str) -> Any
        return getattr(self._backend, method)

    def read(self, key):
        # type: (str) -> Any
        """The Claim that a published result comes to, None, or NoResult; that is forgotten."""
        value = self.get(key)
        if value is None:
            return None
        if isinstance(value, (six.text_type, bytes)) and len(value) > MAX_VALUE:
            reason = "more than %d bytes" % MAX_VALUE
        else:
            try:
                return _parse(value)
            except Exception as exc:
                reason = type(exc).__name__
        self.set(key, "", timeout=1)
        return NoResult(reason)

    def write(self, key, value, timeout):
        # type: (str, str, int) -> bool
        """Stores a result; false where the server takes no value of that size."""
        if len(value) > MAX_VALUE:
            return False  # nobody would read it
        try:
            stored = self.set(key, value, timeout=timeout)
        except Exception as exc:
            if len(value) < LEAST_REFUSED or "timeout" in type(exc).__name__.lower():
                raise
            # Memcached may close the connection without a word. Where it takes a small value, the
            # size was the reason; else this raises.
            self.set(key, "", timeout=1)
            return False
        # Some return nothing. Of a server that is down, python-memcached returns 0 as well.
        return stored is None or bool(stored) or len(value) < LEAST_REFUSED


def _longest_claim(check):
    # type: (Check) -> float
    """Seconds after which a claim asks no more questions."""
    return min(LONGEST_CLAIM, check.run_limit / 2)


def _is_news(found, known, check):
    # type: (Claim, Optional[Outcome], Check) -> bool
    """Whether what was found is fresh for this check, and newer than what is known."""
    if abs(found.age) >= check.lifetime(found.outcome.passed):
        return False  # what comes from further in the future is not fresh either
    return known is None or found.outcome.origin > known.origin


def _name_of_result(found):
    # type: (Optional[Claim]) -> str
    """What tells the result that is to be replaced from others of the check.

    Only what all processes see: one may remember a result that the backend has forgotten.
    """
    if found is None:
        return "nothing"
    return repr(found.outcome.origin)


def _whole(seconds):
    # type: (float) -> int
    """Whole seconds, at least one: some backends know no others, and take 0 for ever."""
    return max(1, int(math.ceil(seconds)))


def _parse(value):
    # type: (Any) -> Optional[Claim]
    """The outcome that was read, with its age; None where it is forgotten or of another version.

    The age is below 0 where its writer's clock is ahead; `timestamp` and `since` are never in the
    future. Raises whatever it may where it is no value of ours.
    """
    text = _jsonable.text(value)
    if not text:
        return None
    fields = json.loads(text, parse_int=_integer)
    if fields["version"] != FORMAT_VERSION:
        return None
    for name in ("passed", "warning"):
        if not isinstance(fields[name], bool):
            raise TypeError(name)
    passed = fields["passed"]
    if fields["warning"]:
        passed = WARN
    for name in ("timestamp", "response_time", "since"):
        if isinstance(fields[name], bool) or not 0 <= fields[name] < 1e11:
            raise ValueError(name)  # NaN, milliseconds; and on 2.7 text, None and lists
    outcome = Outcome(passed, fields["output"], float(fields["response_time"]))
    now = time.time()
    outcome.origin = float(fields["timestamp"])
    outcome.timestamp = min(outcome.origin, now)
    outcome.own_since = outcome.since = min(float(fields["since"]), outcome.timestamp)
    return Claim(outcome, now - outcome.origin, False)


def _integer(digits):
    # type: (Text) -> int
    """A whole number; an output holds larger ones as text, and to read those takes long."""
    if len(digits) > MOST_DIGITS:
        raise ValueError("a number of %d digits" % len(digits))
    return int(digits)
