"""Results that several processes and hosts share through a cache server.

The backend is the user's client object, with `get(key)`, `set(key, value, timeout=seconds)` and
`add(key, value, timeout=seconds)`, such as cachelib's caches and Django's. It is asked in the
request, may fail, hang as long as its own time-out lets it, forget, and lie.
"""
import hashlib
import json
import math
import time

import six

from . import _compat, _json, _log, _redact

MYPY = False
if MYPY:
    from typing import Any, Optional

#: Of the values that are written; others are not understood.
FORMAT_VERSION = 1

#: An answer that takes longer (seconds) counts as a failure of the backend.
SLOWEST_ANSWER = 1.0

#: Seconds for which a backend that failed is left alone.
REST = 10.0

#: Seconds after which a finished run's lock is free, where its result was not kept.
RELEASED = 1


class Shared(object):
    """A result as it was read: `age` is seconds, never negative, however wrong the clocks."""

    def __init__(self, fields):
        # type: (dict) -> None
        self.passed = fields["passed"]
        self.output = fields["output"]
        self.response_time = fields["response_time"]
        self.timestamp = min(fields["timestamp"], time.time())
        self.since = min(fields["since"], self.timestamp)
        self.age = time.time() - self.timestamp
        self.name = repr(fields["timestamp"])


class SharedResults(object):
    """Results and locks by the check's name, in a backend that may fail."""

    def __init__(self, backend, prefix):
        # type: (Any, Any) -> None
        for method in ("get", "set", "add"):
            if not callable(getattr(backend, method, None)):
                raise TypeError("backend is of type %s, expected an object with get, set and add, "
                                "such as cachelib's caches" % type(backend).__name__)
        if not isinstance(prefix, (six.text_type, str)):
            raise TypeError("prefix is of type %s, expected text" % type(prefix).__name__)
        if not prefix:
            raise ValueError("prefix is empty, expected a text that tells this service's results "
                             "from those of others in the same backend")
        self._backend = backend
        self._prefix = prefix
        self._fails = False
        self._rests_until = 0.0

    def read(self, name):
        # type: (str) -> Optional[Shared]
        """The result of the check of that name, or None; what is not understood is none."""
        return _parse(self._ask("get", self._key(name)))

    def write(self, name, outcome, lifetime):
        # type: (str, Any, float) -> None
        """Keeps an outcome for so many seconds."""
        value = json.dumps({"version": FORMAT_VERSION, "passed": outcome.passed,
                            "output": outcome.output, "timestamp": outcome.timestamp,
                            "response_time": outcome.response_time, "since": outcome.since})
        self._ask("set", self._key(name), value, timeout=_whole(lifetime))

    def forget(self, name):
        # type: (str) -> None
        """Forgets the result of the check of that name."""
        self._ask("set", self._key(name), "", timeout=1)

    def lock(self, name, replaced, seconds):
        # type: (str, str, float) -> bool
        """Whether this process may run the check, in place of the result that is replaced.

        True as well where the backend does not answer: then everybody runs it, as without one.
        """
        answer = self._ask("add", self._key(name, replaced), "1", timeout=_whole(seconds))
        return bool(answer) or self._fails

    def release(self, name, replaced):
        # type: (str, str) -> None
        """Lets the lock of a finished run go, soon: what it kept may have been evicted."""
        self._ask("set", self._key(name, replaced), "1", timeout=RELEASED)

    def _key(self, *parts):
        # type: (*str) -> str
        """A key that any backend takes, whatever the names hold."""
        text = json.dumps((self._prefix,) + parts)
        return "healthcheck-" + hashlib.sha256(text.encode("ascii")).hexdigest()

    def _ask(self, method, *args, **kwargs):
        # type: (str, *Any, **Any) -> Any
        """The backend's answer, or None where it fails or is left alone."""
        started = _compat.monotonic()
        if started < self._rests_until:
            return None
        if self._fails:  # one tries, the others go on without it meanwhile
            self._rests_until = started + REST
        try:
            answer = getattr(self._backend, method)(*args, **kwargs)
        except Exception as exc:
            return self._failed("%s: %s" % (type(exc).__name__, _json.message(exc)))
        took = _compat.monotonic() - started
        if took > SLOWEST_ANSWER:
            self._failed("it answered after %.1f s" % took)
        elif self._fails:
            self._fails, self._rests_until = False, 0.0
            _log.log.info("the shared cache answers again")
        return answer

    def _failed(self, reason):
        # type: (str) -> None
        if not self._fails:
            _log.log.warning("the shared cache fails, and is left alone for %d s: %s",
                             REST, _redact.clean_output(_json.text(reason)))
        self._fails, self._rests_until = True, _compat.monotonic() + REST


def _whole(seconds):
    # type: (float) -> int
    """Whole seconds, at least one: some backends know no others, and take 0 for ever."""
    return max(1, int(math.ceil(seconds)))


def _parse(value):
    # type: (Any) -> Optional[Shared]
    """A result of what was read; None where it is no value of ours."""
    if not isinstance(value, (six.text_type, bytes)):
        return None
    try:
        fields = json.loads(_json.text(value))
        if fields["version"] != FORMAT_VERSION or not isinstance(fields["passed"], bool):
            return None
        for name in ("timestamp", "response_time", "since"):
            if not 0 <= fields[name] < 1e11:  # false for NaN, for text (2.7) and for milliseconds
                return None
        fields["output"] = _json.plain(fields["output"])
        return Shared(fields)
    except (ValueError, TypeError, KeyError, RuntimeError):  # RecursionError is one
        return None
