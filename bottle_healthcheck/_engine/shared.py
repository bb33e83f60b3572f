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
from .._validation import kind_of
from . import backends
from .breaker import CircuitBreaker
from .returned import WARN
from .runs import Outcome

MYPY = False
if MYPY:
    from typing import Any, Dict, Optional, Text, Tuple, Union

    from .check import Check
    from .runs import Run

#: The version of written values; other versions are ignored. Version 1 had no warnings.
FORMAT_VERSION = 2

#: Seconds after which a claim sends no more requests; or half of the check's limit, if less.
LONGEST_CLAIM = 1.0

#: Bytes of the largest value that is parsed; a larger one is no result of this library.
MAX_VALUE = 2 ** 19

#: Characters of a whole number of 64 bits, with its sign.
MOST_DIGITS = 21

#: Bytes that no lock's value exceeds.
MAX_LOCK = 100

#: No server refuses a smaller value for its size: memcached's lowest limit is 1 KiB.
LEAST_REFUSED = 1000

#: The beginning of the value of a lock that is held.
HELD = u"held by "

#: Takes the roles of a run that is given up.
GIVEN_UP = object()

#: The value of a lock that was released. A RedisClient reads it as None, as if it had expired.
RELEASED = u""

#: The result of a claim: another process's outcome and its age in seconds, or whether this process
#: may run the check.
Claim = collections.namedtuple("Claim", "outcome age may_run")

#: A stored value that is no result, and why.
NoResult = collections.namedtuple("NoResult", "reason")

GRANTED = Claim(None, 0.0, True)
DENIED = Claim(None, 0.0, False)


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
        client = backends.adapt(backend)
        if not isinstance(prefix, (six.text_type, str)):
            raise TypeError("prefix is %s, expected text such as 'shop': a backend needs one"
                            % kind_of(prefix))
        if not prefix:
            raise ValueError("prefix is empty, expected a text that separates this service's "
                             "results from those of others in the same backend")
        self._breaker = CircuitBreaker(_Store(client))
        self._prefix = prefix
        #: By name, checks whose results are too large.
        self._refused = {}  # type: Dict[str, bool]
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
        found = self._read(check.__name__)
        if found is not None and _is_news(found, known, check):
            return found
        if not check.success_ttl or not check.failed_ttl:
            return GRANTED  # no process waits for an outcome that may not be cached
        # A slow backend must not use up the time that others wait for the check.
        claim_until = asked_at + _longest_claim(check)
        if _compat.monotonic() > claim_until:
            self._breaker.trip("its answer took more than half of a check's timeout")
            return GRANTED
        replaces = _name_of_result(found)
        if not self._take(check, replaces, lock):
            return DENIED
        if _compat.monotonic() <= claim_until:
            found = self._read(check.__name__)  # a run may have ended since the first read
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
        # Longer than it is fresh: the lock of the next run is named after it, everywhere.
        stored = self._breaker.call("write", self._key(name), value, timeout=_whole(2 * lifetime))
        if stored:
            self._refused.pop(name, None)
        elif stored is False and name not in self._refused:
            self._refused[name] = True
            _log.write(logging.WARNING, "the shared cache does not store the result of check %s, "
                       "%d bytes: each process runs that check itself", name, len(value))

    def forget(self, name):
        # type: (str) -> None
        """Deletes the shared result of a check."""
        self._breaker.call("set", self._key(name), "", timeout=1)

    def gives_up(self, run, check, now):
        # type: (Run, Check, float) -> bool
        """Gives up a run if its check has not begun in time while a call of the backend hangs.

        So it can for ever with a server that sends a byte now and then. True if it was given up.
        """
        is_held = run.started is None and run.is_late(check.run_limit, now)
        if not is_held or not self._breaker.hangs():
            return False
        run.take("executor", GIVEN_UP)  # if it is not in the client yet, it need not begin
        if not run.take("starter", GIVEN_UP):
            return False
        self.note_silence(check, now - run.led_since)
        return True

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
        if self._holder(lock.key) == lock.value:
            self._breaker.call("set", lock.key, RELEASED, timeout=1)
        lock.key = None

    def _read(self, name):
        # type: (str) -> Optional[Claim]
        """The published outcome of a check, or None."""
        found = self._breaker.call("read", self._key(name))  # type: Union[None, Claim, NoResult]
        if isinstance(found, NoResult):
            self._breaker.trip("it holds what is no result (%s)" % found.reason)
            return None
        if found is not None:
            self._breaker.confirm()
        return found

    def _take(self, check, replaces, lock):
        # type: (Check, str, SharedLock) -> bool
        """Whether this process may run the check; false if another process holds the lock.

        It may if it has taken the lock, if the lock was released at this moment, if the backend
        keeps no locks, or if the other process's lock is there for longer than it may be.
        """
        key = lock.key = self._key(check.__name__, replaces)
        seconds = _whole(check.run_limit)
        if self._breaker.call("add", key, lock.value, timeout=seconds):
            self._breaker.confirm()
            return True
        holder = self._holder(key)
        if not holder:  # it was released or expired: cachelib's files then refuse add()
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
        """The value of a lock that is held, RELEASED, or None for anything else."""
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
        """A key that any backend accepts, whatever characters the names contain."""
        text = json.dumps([_jsonable.text(part) for part in (self._prefix,) + parts])
        return "healthcheck-" + hashlib.sha256(text.encode("ascii")).hexdigest()


class _Store(object):
    """A backend of results; parsing them counts as the backend's time."""

    def __init__(self, backend):
        # type: (Any) -> None
        self._backend = backend

    def __getattr__(self, method):
        # type: (str) -> Any
        return getattr(self._backend, method)

    def read(self, key):
        # type: (str) -> Any
        """A published result as a Claim, None, or NoResult for another value, which is deleted."""
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
        """Stores a result; false if the server accepts no value of that size."""
        if len(value) > MAX_VALUE:
            return False  # no process would parse it
        try:
            stored = self.set(key, value, timeout=timeout)
        except Exception as exc:
            if len(value) < LEAST_REFUSED or "timeout" in type(exc).__name__.lower():
                raise
            # Memcached may close the connection without a reply. If it accepts a small value, the
            # size was the reason; else this raises.
            self.set(key, "", timeout=1)
            return False
        # Some clients return None. If the server is down, python-memcached returns 0 as well.
        return stored is None or bool(stored) or len(value) < LEAST_REFUSED


def _longest_claim(check):
    # type: (Check) -> float
    """Seconds after which a claim sends no more requests."""
    return min(LONGEST_CLAIM, check.run_limit / 2)


def _is_news(found, known, check):
    # type: (Claim, Optional[Outcome], Check) -> bool
    """Whether a shared outcome is fresh for this check, and newer than the known one."""
    if abs(found.age) >= check.lifetime(found.outcome.passed):
        return False  # nor is one from further in the future fresh
    return known is None or found.outcome.origin > known.origin


def _name_of_result(found):
    # type: (Optional[Claim]) -> str
    """A name for the result that a run will replace.

    Of what all processes see: one may have cached a result that the backend has lost.
    """
    if found is None:
        return "nothing"
    return repr(found.outcome.origin)


def _whole(seconds):
    # type: (float) -> int
    """Whole seconds, at least one: some backends take no fractions, and 0 for no expiry."""
    return max(1, int(math.ceil(seconds)))


def _parse(value):
    # type: (Any) -> Optional[Claim]
    """The outcome that was read, with its age; None if deleted or of another version.

    The age is negative if its writer's clock is ahead; `timestamp` and `since` are never in the
    future. Raises any exception for a value of another format.
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
    outcome.completed -= now - outcome.timestamp
    outcome.own_since = outcome.since = min(float(fields["since"]), outcome.timestamp)
    return Claim(outcome, now - outcome.origin, False)


def _integer(digits):
    # type: (Text) -> int
    """An integer of a limited length, since longer ones are slow to parse; outputs have none."""
    if len(digits) > MOST_DIGITS:
        raise ValueError("a number with too many digits")
    return int(digits)
