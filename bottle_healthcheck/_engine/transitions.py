"""Reports changes: logs those of checks, and calls on_change for the overall status."""
import logging
import os

from .. import _jsonable, _log
from .._interrupts import forget_earlier_calls, is_interrupt
from .runs import Cell

MYPY = False
if MYPY:
    from typing import Any, Callable, Dict, Optional

    from .._report import Report
    from .runs import CheckState, Outcome, Run

    OnChange = Callable[[Optional[str], str, Report], Any]

#: Changes of the overall status that are queued while on_change does not return.
MAX_WAITING_CHANGES = 100

#: Changes that one request notifies of: an on_change that runs the checks may cause the next one.
MAX_NOTIFICATIONS = MAX_WAITING_CHANGES + 1


def report_completion(state, run, outcome):
    # type: (CheckState, Run, Outcome) -> None
    """Reports the outcome of a run that has completed."""
    outcome.run_token = run.token
    while not _try_to_report(state, state.reported.latest(), run.name, outcome):
        pass


def report_overrun(state, run, overrun):
    # type: (CheckState, Run, Outcome) -> Outcome
    """Reports an overrun, unless its run has completed: returns that outcome then."""
    while True:
        seen = state.reported.latest()
        if seen.value is not None and seen.value.run_token is run.token:
            completed = seen.value  # type: Outcome
            return completed
        if run.outcome is not None:  # the next run has been reported since
            return run.outcome
        if _try_to_report(state, seen, run.name, overrun):
            return overrun


def _try_to_report(state, seen, name, outcome):
    # type: (CheckState, Any, str, Outcome) -> bool
    """Reports an outcome as the next after the seen one; false if another one is next.

    One line is logged when a check starts failing or warning, and one when it recovers.
    """
    previous = seen.value
    outcome.since = outcome.own_since
    if previous is not None and outcome.is_like(previous):
        # The clock may have been set back meanwhile.
        outcome.since = min(previous.since, outcome.timestamp)
    if not state.reported.replace(seen, outcome):
        return False
    exc_info, outcome.exc_info = outcome.exc_info, None  # or it would keep the check's frames alive
    if previous is not None and outcome.is_like(previous):
        return True
    extra = {"check": name, "passed": outcome.passed}
    if not outcome.passed:
        word = "failing"
        if outcome.is_warning:
            word = "warning"
        _log.write(logging.WARNING, "check %s is %s: %s", name, word,
                   _jsonable.output_text(outcome.output), exc_info=exc_info, extra=extra)
    elif previous is not None:
        _log.write(logging.INFO, "check %s has recovered", name, extra=extra)
    return True


class ChangeObserver(object):
    """Notifies of each change of the overall status: once, in order, by one thread at a time.

    While on_change does not return, changes are queued; the oldest ones are dropped.
    """

    def __init__(self):
        # type: () -> None
        #: The report of the last change; None before the first.
        self._report = Cell(None)
        self._notified = self._report.latest()
        self._notifiers = {}  # type: Dict[int, object]  # by process id

    def observe(self, on_change, judge):
        # type: (OnChange, Callable[[], Optional[Report]]) -> None
        """Calls on_change(previous, current, report) if the overall status has changed.

        judge returns the present report, or None while there is none. Exceptions of on_change are
        logged.
        """
        while True:
            seen = self._report.latest()
            report = judge()
            if report is None or report.status == _status(seen.value):
                break
            if self._report.replace(seen, report):
                break
        self._drop_oldest()
        self._notify(on_change)

    def _drop_oldest(self):
        # type: () -> None
        """Drops the oldest of the queued changes, if there are too many."""
        notified = version = self._notified
        waiting = []
        while version.successor:
            version = version.successor[0]
            waiting.append(version)
        if len(waiting) > MAX_WAITING_CHANGES:
            # One link is changed: a thread that follows it meanwhile gets the old or the new one.
            notified.successor[0] = waiting[-MAX_WAITING_CHANGES]

    def _notify(self, on_change):
        # type: (OnChange) -> None
        """Notifies of the queued changes, unless another thread is doing so.

        The next request notifies of those that are left.
        """
        me = object()
        for _ in range(MAX_NOTIFICATIONS):
            if not self._notified.successor:
                return
            try:
                try:
                    if not self._begin(me):
                        return
                    self._notify_of_next(on_change)
                finally:
                    self._end(me)
            finally:  # an exception of a signal's handler may have interrupted the first
                self._end(me)

    def _notify_of_next(self, on_change):
        # type: (OnChange) -> None
        previous = self._notified
        if not previous.successor:  # another thread has just done so
            return
        self._notified = previous.successor[0]
        before, report = _status(previous.value), self._notified.value
        del previous  # who keeps an exception of on_change would keep it, and all later changes
        try:
            on_change(before, report.status, report)
        except BaseException:
            if is_interrupt():
                raise
            forget_earlier_calls()
            _log.failure("on_change failed")

    def _begin(self, who):
        # type: (object) -> bool
        pid = os.getpid()
        for other in [one for one in list(self._notifiers) if one != pid]:
            self._notifiers.pop(other, None)  # the parent of a fork
        return self._notifiers.setdefault(pid, who) is who

    def _end(self, who):
        # type: (object) -> None
        if self._notifiers.get(os.getpid()) is who:
            self._notifiers.pop(os.getpid(), None)


def _status(report):
    # type: (Optional[Report]) -> Optional[str]
    if report is None:
        return None
    return report.status
