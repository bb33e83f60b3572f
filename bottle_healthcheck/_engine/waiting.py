"""How long a request waits for a run of a check: rules 3 and 4 in cache.py, which uses this."""
from .. import _compat

MYPY = False
if MYPY:
    from .check import Check
    from .runs import CheckState, Run

#: Seconds that a request waits at most for inline checks, for all of them together: those without
#: a timeout, which run in the thread of another request. Each waiting probe holds one of the
#: server's threads: with a hung check, none would be left.
MAX_INLINE_WAIT = 2.0

#: Seconds by which a request's wait is extended at most, so that a check has its whole time limit
#: although the shared cache was queried first.
MAX_DELAY = 0.1


def inline_deadline():
    # type: () -> float
    """When a wait for inline checks that begins now ends, by the monotonic clock."""
    return _compat.monotonic() + MAX_INLINE_WAIT


class Wait(object):
    """The wait of one request for a run of a check; all times are by the monotonic clock.

    looked_at is when the request looked up the check last, since when it did so first.
    """

    def __init__(self, check, state, run, now, force):
        # type: (Check, CheckState, Run, float, bool) -> None
        self.check = check
        self.state = state
        self.run = run
        self.force = force
        self.since = self.looked_at = now
        #: Whether the run had overrun before the request, which then does not wait.
        self.was_late = False
        #: Whether the request has waited for another process's run.
        self.was_denied = False
        #: When the wait ends.
        self.until = now
        #: When it ends for a check that started late, because the shared cache was queried first.
        self.latest = now
        #: The seconds that a failure names.
        self.limit = check.run_limit

    def begin(self, deadline):
        # type: (float) -> None
        """Sets the end: run_limit after the run's start, without a timeout the deadline for
        inline checks if that is earlier.
        """
        run, check = self.run, self.check
        self.was_late = run.is_late(self.limit, self.since)
        if self.was_late:
            return
        self.until = self.since + self.limit
        self.latest = self.until + MAX_DELAY
        if run.started is not None and not run.is_over:
            self.until = min(run.started + self.limit, self.latest)
        if check.timeout is None and deadline < self.until:  # rule 3: the earlier one
            self.until, self.latest = deadline, deadline + MAX_DELAY
            self.limit = MAX_INLINE_WAIT

    def run_had_its_time(self):
        # type: () -> bool
        """Whether the run had all the time of the wait, but for a short delay."""
        if self.run.started is None:
            return False
        delay = self.run.started - self.since  # type: float
        return delay <= MAX_DELAY
