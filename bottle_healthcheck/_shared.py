"""Results that several processes and hosts share through a cache server.

The backend is the user's client object, with `get(key)`, `set(key, value, timeout=seconds)` and
`add(key, value, timeout=seconds)`, such as cachelib's caches and Django's. It is asked in the
request, may fail, hang as long as its own time-out lets it, forget, and lie.
"""
import binascii
import hashlib
import json
import logging
import math
import os
import time

import six

from . import _compat, _jsonable, _log, _redaction
from ._validation import kind_of
from ._interrupts import is_interrupt

MYPY = False
if MYPY:
    from typing import Any, Optional, Text

#: Of the values that are written; others are not understood.
FORMAT_VERSION = 1

#: Seconds that the backend may take, in one answer or in all those of REST: more is a failure.
SLOWEST_ANSWER = 1.0

#: Seconds for which a backend that failed is left alone.
REST = 10.0

#: What the value of a lock that is held begins with.
HELD = u"held by "

#: The value of a lock that was let go of.
RELEASED = u""


class Shared(object):
    """A result as it was read: `age` is seconds, below 0 where its writer's clock is ahead.

    `stamp` is the time that its writer gave it; `timestamp` and `since` are never in the future.
    """

    def __init__(self, fields):
        # type: (dict) -> None
        self.passed = fields["passed"]
        self.output = _redaction.clean_output(_jsonable.plain(fields["output"]))
        self.response_time = fields["response_time"]
        self.stamp = fields["timestamp"]
        self.timestamp = min(self.stamp, time.time())
        self.since = min(fields["since"], self.timestamp)
        self.age = time.time() - self.stamp

    def is_fresh(self, lifetime):
        # type: (float) -> bool
        """Whether it holds for so long; what comes from further in the future does not."""
        return abs(self.age) < lifetime


class SharedResults(object):
    """Results and locks by the check's name, in a backend that may fail."""

    def __init__(self, backend, prefix):
        # type: (Any, Any) -> None
        for method in ("get", "set", "add"):
            if not callable(getattr(backend, method, None)):
                raise TypeError("backend is of type %s, expected an object with get, set and add, "
                                "such as cachelib's caches" % type(backend).__name__)
        if not isinstance(prefix, (six.text_type, str)):
            raise TypeError("prefix is %s, expected text such as 'shop': a backend needs one"
                            % kind_of(prefix))
        if not prefix:
            raise ValueError("prefix is empty, expected a text that tells this service's results "
                             "from those of others in the same backend")
        self._backend = backend
        self._prefix = prefix
        self._fails = False
        self._rests_until = 0.0
        self._taken, self._taken_since = 0.0, 0.0  # seconds of answers, and since when
        self._locks = {}  # type: dict  # by name: another's lock and since when it is seen

    def read(self, name):
        # type: (str) -> Optional[Shared]
        """The result of the check of that name, or None."""
        value = self._ask("get", self._key(name))
        if value is None:
            return None
        try:
            found = _parse(value)
        except Exception as exc:
            self.forget(name)  # what nobody understands must not stay
            self.fail("it holds what is no result (%s)" % type(exc).__name__)
            return None
        self._answers()
        return found

    def write(self, name, outcome, lifetime):
        # type: (str, Any, float) -> None
        """Keeps an outcome that holds for so many seconds."""
        value = json.dumps({"version": FORMAT_VERSION, "passed": outcome.passed,
                            "output": outcome.output, "timestamp": outcome.stamp,
                            "response_time": outcome.response_time, "since": outcome.since})
        # Longer than it holds: the next run's lock names it, in processes that never saw it too.
        self._ask("set", self._key(name), value, timeout=_whole(2 * lifetime))

    def forget(self, name):
        # type: (str) -> None
        """Forgets the result of the check of that name."""
        self._ask("set", self._key(name), "", timeout=1)

    def lock(self, name, replaced, seconds):
        # type: (str, str, float) -> bool
        """Whether this process may run the check, in place of the result that is replaced.

        True as well where the backend fails: then everybody runs it, as without one.
        """
        key = self._key(name, replaced)
        mine = HELD + _jsonable.text(binascii.hexlify(os.urandom(16)))
        if self._ask("add", key, mine, timeout=_whole(seconds)):
            return self._answers()
        held = self._holder(key)
        if not held:  # it was released, or expired: cachelib's files refuse to add to that
            self._ask("set", key, mine, timeout=_whole(seconds))
            held = self._holder(key)
        if held is not None:
            self._answers()
            return held in (RELEASED, mine) or self._outlived(name, held, seconds)
        if not self._rests():
            self.fail("it refuses a lock that nobody holds")
        return True

    def release(self, name, replaced):
        # type: (str, str) -> None
        """Lets go of the lock of a finished run: what that kept may have been evicted."""
        self._ask("set", self._key(name, replaced), RELEASED, timeout=1)

    def _holder(self, key):
        # type: (str) -> Optional[Text]
        """The value of a lock that is held, RELEASED, or None where there is neither."""
        value = self._ask("get", key)
        if isinstance(value, (six.text_type, bytes)):
            value = _jsonable.text(value)
            return value if value == RELEASED or value.startswith(HELD) else None
        return None

    def _outlived(self, name, held, seconds):
        # type: (str, Text, float) -> bool
        """Whether another's lock is there for longer than it may be: some backends forget to
        let a lock expire when who takes it dies.
        """
        seen, since = self._locks.get(name, (None, 0.0))
        if seen != held:
            since = _compat.monotonic()
            self._locks[name] = held, since
        return _compat.monotonic() - since > _whole(seconds)

    def _key(self, *parts):
        # type: (*str) -> str
        """A key that any backend takes, whatever the names hold."""
        text = json.dumps([_jsonable.text(part) for part in (self._prefix,) + parts])
        return "healthcheck-" + hashlib.sha256(text.encode("ascii")).hexdigest()

    def _ask(self, method, *args, **kwargs):
        # type: (str, *Any, **Any) -> Any
        """The backend's answer, or None where it fails or is left alone."""
        if self._rests():
            return None
        started = _compat.monotonic()
        if self._fails:  # one tries, the others go on without it meanwhile
            self._rests_until = started + REST
        try:
            answer = getattr(self._backend, method)(*args, **kwargs)
        except BaseException as exc:
            if is_interrupt():  # which says nothing of the backend
                raise
            self.fail("%s: %s" % (type(exc).__name__, _jsonable.message(exc)))
            return None
        if self._is_slow(started):
            return None
        self._rests_until = 0.0
        return answer

    def _is_slow(self, started):
        # type: (float) -> bool
        """Whether the answer to what was asked then is one too many: requests wait for them."""
        now = _compat.monotonic()
        if started - self._taken_since > REST:
            self._taken, self._taken_since = 0.0, started
        self._taken += now - started
        if self._taken <= SLOWEST_ANSWER:
            return False
        self.fail("its answers took %.1f s of %.1f s" % (self._taken, now - self._taken_since))
        self._taken = 0.0
        return True

    def _rests(self):
        # type: () -> bool
        return _compat.monotonic() < self._rests_until

    def fail(self, reason):
        # type: (str) -> None
        """Leaves the backend alone for a while."""
        failed_before, self._fails = self._fails, True
        self._rests_until = _compat.monotonic() + REST
        if not failed_before:
            _log.tell(logging.WARNING, "the shared cache fails, and is left alone for %d s: %s",
                      REST, _redaction.clean_output(_jsonable.text(reason)))

    def _answers(self):
        # type: () -> bool
        """Notes a proof that the backend works; some clients tell nothing of a server's death."""
        failed_before, self._fails = self._fails, False
        if failed_before:
            _log.tell(logging.INFO, "the shared cache answers again")
        return True


def _whole(seconds):
    # type: (float) -> int
    """Whole seconds, at least one: some backends know no others, and take 0 for ever."""
    return max(1, int(math.ceil(seconds)))


def _parse(value):
    # type: (Any) -> Optional[Shared]
    """A result of what was read; None where that is forgotten, or of another version.

    Raises whatever it may where it is no value of ours.
    """
    text = _jsonable.text(value)
    if not text:
        return None
    fields = json.loads(text)
    if fields["version"] != FORMAT_VERSION:
        return None
    if not isinstance(fields["passed"], bool):
        raise TypeError("passed")
    for name in ("timestamp", "response_time", "since"):
        if isinstance(fields[name], bool) or not 0 <= fields[name] < 1e11:
            raise ValueError(name)  # NaN, milliseconds; and on 2.7 text, None and lists
    return Shared(fields)
