"""A circuit breaker: after a client fails or takes too long, it is not called for a while."""
import logging
import os

from six.moves import _thread

from .. import _compat, _jsonable, _log, _redaction
from .._interrupts import is_interrupt

MYPY = False
if MYPY:
    from typing import Any, Callable, Dict, Text, Tuple

#: Seconds for which a client that failed is not called.
OPEN_SECONDS = 10.0

#: Seconds that one call may take, and that the slow calls of one thread within OPEN_SECONDS may
#: take in all: more counts as a failure.
MAX_TOTAL_SECONDS = 1.0

#: A call is slow if it takes as many seconds or more. Quick calls are not added up.
SLOW_SECONDS = 0.1


class CircuitBreaker(object):
    """Calls functions of a client; after a failure returns None for a while, then tries again."""

    def __init__(self):
        # type: () -> None
        self._fails = False
        #: Until when the client is not called, and how often it has failed.
        self._open_until, self._failures = 0.0, 0
        #: Seconds that slow calls took, by thread.
        self._totals = {}  # type: Dict[int, float]
        #: Since when they are added up.
        self._totals_since = 0.0
        #: The process and the beginning of each call that has not returned.
        self._running = {}  # type: Dict[object, Tuple[int, float]]

    def is_open(self):
        # type: () -> bool
        """Whether the client is not called at present.

        Nor is one that fails while a call of it hangs: each further call might hold a thread.
        """
        if _compat.monotonic() < self._open_until:
            return True
        return self._fails and self.hangs()

    def hangs(self):
        # type: () -> bool
        """Whether a call has not returned for too long."""
        now, pid = _compat.monotonic(), os.getpid()  # calls of a fork's parent do not return here
        return any(owner == pid and now - began > MAX_TOTAL_SECONDS
                   for owner, began in list(self._running.values()))

    def call(self, func, *args, **kwargs):
        # type: (Callable[..., Any], *Any, **Any) -> Any
        """What func returns; None if it fails, takes too long or is not called."""
        if self.is_open():
            return None
        started = _compat.monotonic()
        if self._fails:  # one thread tries, the others do without the client meanwhile
            self._open_until = started + OPEN_SECONDS
        failures, call = self._failures, object()
        try:
            try:
                self._running[call] = os.getpid(), started
                answer = func(*args, **kwargs)
                is_proof = bool(answer)  # some clients return None or False for a dead server
            finally:
                self._running.pop(call, None)
        except BaseException as exc:
            if is_interrupt():  # which says nothing of the client
                raise
            self.trip(_jsonable.typed_message(exc))
            return None
        finally:  # an exception of a signal's handler may have interrupted the first
            self._running.pop(call, None)
        if self._takes_too_long(_compat.monotonic() - started):
            return None
        if failures == self._failures:  # nor has another thread's call failed meanwhile
            self._open_until = 0.0
            if is_proof and self._fails:
                self._fails = False
                _log.write(logging.INFO, "the shared cache answers again")
        return answer

    def trip(self, reason):
        # type: (Text) -> None
        """Opens the circuit: the client is not called for a while; logs that once."""
        failed_before, self._fails = self._fails, True
        self._failures += 1
        self._open_until = _compat.monotonic() + OPEN_SECONDS
        if not failed_before:
            _log.write(logging.WARNING, "the shared cache fails, and is left alone for %d s: %s",
                       OPEN_SECONDS, _redaction.clean_output(_jsonable.text(reason)))

    def _takes_too_long(self, seconds):
        # type: (float) -> bool
        """Adds a slow call to those of this thread; trips and returns true if they took too long.

        Those of other threads do not count: threads that wait at once have not waited longer.
        """
        if seconds < SLOW_SECONDS:
            return False
        now = _compat.monotonic()
        if now - self._totals_since > OPEN_SECONDS:
            self._totals, self._totals_since = {}, now
        thread = _thread.get_ident()
        total = self._totals.get(thread, 0.0) + seconds
        if total <= MAX_TOTAL_SECONDS:
            self._totals[thread] = total
            return False
        self._totals = {}
        self.trip("its answers took %.1f s" % total)
        return True
