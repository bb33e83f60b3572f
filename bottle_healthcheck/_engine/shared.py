"""Results that several processes and hosts share through a cache server.

The backend is the user's client object: one of redis-py or pymemcache, or one with `get(key)`,
`set(key, value, timeout=seconds)` and `add(key, value, timeout=seconds)`, such as cachelib's caches
and Django's. It is called in the thread that runs the check. It may fail, hang for as long as its
own timeout, lose values and return wrong ones.

To run a check, a process claims it: it reads the result that others have published, and takes a
lock named after the result that it will replace, so that the lock of an earlier run blocks nobody.
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
from .._validation import is_number, is_text, wrong_type, wrong_value
from .backends import MAX_VALUE, adapt
from .breaker import CircuitBreaker
from .returned import WARN
from .runs import Outcome

MYPY = False
if MYPY:
    from typing import Any, Dict, Optional, Set, Text, Tuple

    from .check import Check

#: The version of written values; other versions are ignored. Version 1 had no warnings.
FORMAT_VERSION = 2

#: Seconds after which a claim sends no more requests; or half of the check's limit, if less.
LONGEST_CLAIM = 1.0

#: Characters of the longest whole number in an output, with its sign.
MOST_DIGITS = 21

#: Bytes that no lock's value exceeds.
MAX_LOCK = 100

#: No server refuses a smaller value for its size: memcached's lowest limit is 1 KiB.
LEAST_REFUSED = 1000

#: The beginning of the value of a lock that is held.
HELD = u"held by "

#: The value of a lock that was released. A RedisClient reads it as None, as if it had expired.
RELEASED = u""

#: The result of a claim: another process's outcome, or whether this process may run the check.
Claim = collections.namedtuple("Claim", "outcome may_run")

GRANTED = Claim(None, True)
DENIED = Claim(None, False)


class SharedLock(object):
    """A process's lock on running one check; it may be not held yet, or no longer."""

    def __init__(self):
        # type: () -> None
        self.value = HELD + _jsonable.text(binascii.hexlify(os.urandom(16)))
        #: Its name in the backend, from before it is taken until it is released.
        self.key = None  # type: Optional[str]


class SharedResults(object):
    """Results and locks by the check's name, in a backend that may fail."""

    def __init__(self, backend, prefix):
        # type: (Any, Any) -> None
        self._backend = adapt(backend)
        if not is_text(prefix):
            raise wrong_type("prefix", prefix, "text such as 'shop': a backend needs one")
        if not prefix:
            raise wrong_value("prefix", "empty", "a text that separates this service's results "
                              "from those of others in the same backend")
        self._prefix = prefix
        self._breaker = CircuitBreaker()
        #: Names of checks whose results are too large.
        self._refused = set()  # type: Set[str]
        #: By name, another process's lock, and since when.
        self._foreign = {}  # type: Dict[str, Tuple[Optional[Text], float]]

    def claim(self, check, known, lock, asked_at):
        # type: (Check, Optional[Outcome], SharedLock, float) -> Claim
        """Returns another process's newer outcome, or whether this process may run the check.

        asked_at is when the claim began, by the monotonic clock. If the backend fails, every
        process runs the check, as without a backend.
        """
        if not check.success_ttl and not check.failed_ttl:
            return GRANTED  # outcomes that are not cached are not shared
        found = self._breaker.call(self._read, check.__name__)
        if _is_news(found, known, check):
            return Claim(found, False)
        if not check.success_ttl or not check.failed_ttl:
            return GRANTED  # no process waits for an outcome that may not be cached
        # A slow backend must not use up the time that others wait for the check.
        claim_until = asked_at + _longest_claim(check)
        if _compat.monotonic() > claim_until:
            self._breaker.trip("its answer took more than half of a check's timeout")
            return GRANTED
        # Of what all processes see: one may have cached a result that the backend has lost.
        replaced = "nothing" if found is None else repr(found.origin)
        if not self._take(check, self._key(check.__name__, replaced), lock):
            return DENIED
        if _compat.monotonic() <= claim_until:  # a run may have ended since the first read
            found = self._breaker.call(self._read, check.__name__)
            if _is_news(found, known, check):
                self.release(lock)
                return Claim(found, False)
        return GRANTED

    def publish(self, name, outcome, lifetime):
        # type: (str, Outcome, float) -> None
        """Shares an outcome that is fresh for so many seconds."""
        value = json.dumps({"version": FORMAT_VERSION, "passed": outcome.passed,
                            "warning": outcome.is_warning, "output": outcome.output,
                            "timestamp": outcome.origin, "since": outcome.since,
                            "response_time": outcome.response_time})
        # Longer than it is fresh: the lock of the next run is named after it, everywhere.
        self._breaker.call(self._store, name, value, _whole(2 * lifetime))

    def forget(self, name):
        # type: (str) -> None
        """Deletes the shared result of a check."""
        self._breaker.call(self._set, self._key(name), "", 1)

    def hangs(self):
        # type: () -> bool
        """Whether a call of the backend hangs.

        So it can for ever with a server that sends a byte now and then.
        """
        return self._breaker.hangs()

    def note_silence(self, check, seconds):
        # type: (Check, float) -> None
        """Notes how long a claim has had no reply; trips the breaker if that is too long."""
        if seconds > _longest_claim(check):
            self._breaker.trip("it has not answered for %.1f s" % seconds)

    def release(self, lock):
        # type: (SharedLock) -> None
        """Releases the lock of a run that is over, if it is still held.

        The published result may be evicted. The lock may have expired, and be another process's, or
        an exception may have interrupted its taking.
        """
        if lock.key is None:
            return
        if self._breaker.call(self._holder, lock.key) == lock.value:
            self._breaker.call(self._set, lock.key, RELEASED, 1)
        lock.key = None

    def _read(self, name):
        # type: (str) -> Optional[Outcome]
        """The published outcome of a check, or None; another value is a failure of the backend."""
        key = self._key(name)
        value = self._backend.get(key)
        if value is None:
            return None
        try:
            return _parse(_as_text(value, MAX_VALUE))
        except Exception as exc:
            reason = _jsonable.message(exc)
        self._backend.set(key, "", timeout=1)
        self._breaker.trip(u"it holds what is no result (%s)" % reason)
        return None

    def _set(self, key, value, seconds):
        # type: (str, str, int) -> None
        """Writes a value. Returns nothing: a backend that says it did may not have kept it."""
        self._backend.set(key, value, timeout=seconds)

    def _add(self, key, value, seconds):
        # type: (str, str, int) -> Any
        """What the backend returns: true if it has written the value of a new key."""
        return self._backend.add(key, value, timeout=seconds)

    def _store(self, name, value, seconds):
        # type: (str, str, int) -> None
        """Stores a result; logs once that the server accepts no value of that size."""
        key = self._key(name)
        try:
            stored = self._backend.set(key, value, timeout=seconds)
        except Exception as exc:
            if len(value) < LEAST_REFUSED or "timeout" in type(exc).__name__.lower():
                raise
            # Memcached may close the connection without a reply. If it accepts a small value, the
            # size was the reason; else this raises.
            self._backend.set(key, "", timeout=1)
            stored = False
        # Some clients return None. If the server is down, python-memcached returns 0 as well.
        if stored is None or stored or len(value) < LEAST_REFUSED:
            self._refused.discard(name)
        elif name not in self._refused:
            self._refused.add(name)
            _log.write(logging.WARNING, "the shared cache does not store the result of check %s, "
                       "%d bytes: each process runs that check itself", name, len(value))

    def _take(self, check, key, lock):
        # type: (Check, str, SharedLock) -> bool
        """Whether this process may run the check; false if another process holds the lock.

        It may if it has taken the lock, if the lock was released at this moment, if the backend
        keeps no locks, or if the other process's lock is there for longer than it may be.
        """
        lock.key = key
        seconds = _whole(check.run_limit)
        if self._breaker.call(self._add, key, lock.value, seconds):
            return True
        holder = self._breaker.call(self._holder, key)
        if not holder:  # it was released or expired: cachelib's files then refuse add()
            self._breaker.call(self._set, key, lock.value, seconds)
            holder = self._breaker.call(self._holder, key)
        if holder is None:
            if not self._breaker.is_open():
                self._breaker.trip("it refuses a lock that nobody holds")
            return True
        is_free = holder in (RELEASED, lock.value)
        if is_free or self._has_outlived(check.__name__, holder, seconds):
            return True
        lock.key = None
        return False

    def _holder(self, key):
        # type: (str) -> Optional[Text]
        """The value of a lock that is held, RELEASED, or None for anything else."""
        value = self._backend.get(key)
        try:
            value = _as_text(value, MAX_LOCK)
        except ValueError:
            return None
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
        """A key that any backend accepts, whatever characters the names contain."""
        text = json.dumps([_jsonable.text(part) for part in (self._prefix,) + parts])
        return "healthcheck-" + hashlib.sha256(text.encode("ascii")).hexdigest()


def _longest_claim(check):
    # type: (Check) -> float
    """Seconds after which a claim sends no more requests."""
    return min(LONGEST_CLAIM, check.run_limit / 2)


def _is_news(found, known, check):
    # type: (Optional[Outcome], Optional[Outcome], Check) -> bool
    """Whether a shared outcome is fresh for this check, and newer than the known one."""
    if found is None:
        return False
    age = time.time() - found.origin  # below 0 if its writer's clock is ahead
    if abs(age) >= check.lifetime(found.passed):
        return False  # nor is one from further in the future fresh
    return known is None or found.origin > known.origin


def _whole(seconds):
    # type: (float) -> int
    """Whole seconds, at least one: some backends take no fractions, and 0 for no expiry."""
    return max(1, int(math.ceil(seconds)))


def _as_text(value, most):
    # type: (Any, int) -> Text
    """A value that was read as text; ValueError if it is none, or has more bytes than that."""
    if not isinstance(value, (six.text_type, bytes)):
        raise ValueError("no text")
    if len(value) > most:
        raise ValueError("more than %d bytes" % most)
    return _jsonable.text(value)


def _parse(text):
    # type: (Text) -> Optional[Outcome]
    """The outcome that was published; None if it was deleted or is of another version.

    `timestamp` and `since` are never in the future. Raises any exception for another text.
    """
    if not text:
        return None
    fields = json.loads(text, parse_int=_integer)
    if fields["version"] != FORMAT_VERSION:
        return None
    for name in ("passed", "warning"):
        if not isinstance(fields[name], bool):
            raise ValueError("%s is no boolean" % name)
    for name in ("timestamp", "response_time", "since"):
        # NaN and milliseconds are refused too.
        if not is_number(fields[name]) or not 0 <= fields[name] < 1e11:
            raise ValueError("%s is no time" % name)
    passed = fields["passed"]
    if fields["warning"]:
        passed = WARN
    outcome = Outcome(passed, fields["output"], float(fields["response_time"]))
    now = time.time()
    outcome.origin = float(fields["timestamp"])
    outcome.timestamp = min(outcome.origin, now)
    outcome.completed -= now - outcome.timestamp
    outcome.own_since = outcome.since = min(float(fields["since"]), outcome.timestamp)
    return outcome


def _integer(digits):
    # type: (Text) -> int
    """An integer of a limited length, since longer ones are slow to parse; outputs have none."""
    if len(digits) > MOST_DIGITS:
        raise ValueError("a number has too many digits")
    return int(digits)
