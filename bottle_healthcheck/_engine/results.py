"""What checks report, and all that one request uses of it."""
from .. import _jsonable

MYPY = False
if MYPY:
    from typing import Any, List, Optional, Sequence

    from .._types import Result
    from .runs import CheckState, Outcome

#: Before any reading of the monotonic clock.
NEVER = float("-inf")

#: A result as JSON text, with json's default separators.
_TEXT = (u'{"checker": %s, "output": %s, "passed": %s, "timestamp": %r, "expires": %r, '
         u'"response_time": %r, "since": %r%s}')
_PASSED_TEXT = {True: u"true", False: u"false"}
_CRITICAL_TEXT = {True: u"", False: u', "critical": false'}


class _Nothing(object):
    """Stands for the result of a check that has none, and for a state that is not known."""

    version = outcome = cached = None
    fresh_until = NEVER
    fails_all = False
    text = b""

    @property
    def state(self):
        # type: () -> _Nothing
        """Itself, so that `result.state.cached` reads None: a poll need not ask for NOTHING."""
        return self


NOTHING = _Nothing()


class CheckResult(object):
    """An outcome as one check reports it: name, weight and lifetime are the check's.

    state is where the check's outcome is cached, None where it is not. fresh_until is by the
    monotonic clock, text is JSON. fails_all: whether the overall status is failure for it.
    """

    __slots__ = ("version", "name", "outcome", "state", "expires", "fresh_until", "is_critical",
                 "fails_all", "text")

    def __init__(self, check, outcome, state):
        # type: (Any, Outcome, Optional[CheckState]) -> None
        #: That of the checks' options; first, so that one that changes meanwhile outdates this.
        self.version = check.settings.version
        self.name = check.__name__  # not the check, which holds this
        self.outcome = outcome
        self.state = state or NOTHING  # type: Any
        lifetime = 0.0
        if outcome.is_cacheable:
            lifetime = check.lifetime(outcome.passed)
        self.expires = outcome.timestamp + lifetime
        self.fresh_until = outcome.completed + lifetime
        self.is_critical = check.critical and not outcome.is_warning
        self.fails_all = self.is_critical and not outcome.passed
        # As json would write as_dict(), and in less time.
        text = _TEXT % (check.name_text, outcome.output_text, _PASSED_TEXT[outcome.passed],
                        outcome.timestamp, self.expires, outcome.response_time, outcome.since,
                        _CRITICAL_TEXT[self.is_critical])
        self.text = text.encode("ascii")

    def as_dict(self):
        # type: () -> Result
        """The result as a dictionary of its own: whoever gets it may change it."""
        outcome = self.outcome
        result = {"checker": self.name, "output": _jsonable.plain(outcome.output),
                  "passed": outcome.passed, "timestamp": outcome.timestamp,
                  "expires": self.expires, "response_time": outcome.response_time,
                  "since": outcome.since}  # type: Result
        if not self.is_critical:
            result["critical"] = False
        return result


class Snapshot(object):
    """A result of each of some checks, as one request found them.

    What every poll reads is kept in lists of its own, so that it reads nothing else.
    """

    __slots__ = ("checks", "results", "texts", "states", "outcomes", "limits", "fail_all",
                 "generation")

    def __init__(self, checks, results):
        # type: (Sequence[Any], Sequence[Any]) -> None
        self.checks = checks
        self.results = list(results)
        #: The results as JSON.
        self.texts = [result.text for result in results]  # type: List[bytes]
        #: Where outcomes are cached, those of these results, and until when they are fresh.
        self.states = [result.state for result in results]
        self.outcomes = [result.outcome for result in results]
        self.limits = [result.fresh_until for result in results]  # type: List[float]
        self.fail_all = [result.fails_all for result in results]
        #: The cache's generation at which these results were last known to be what is cached.
        self.generation = None  # type: object

    def copy(self):
        # type: () -> Snapshot
        """One whose results may be replaced."""
        copied = Snapshot.__new__(Snapshot)  # reading each of the results would take long
        copied.checks = self.checks
        copied.results = list(self.results)
        copied.texts = list(self.texts)
        copied.states = list(self.states)
        copied.outcomes = list(self.outcomes)
        copied.limits = list(self.limits)
        copied.fail_all = list(self.fail_all)
        copied.generation = None
        return copied

    def replace(self, index, result):
        # type: (int, CheckResult) -> None
        """Puts another result of the check there."""
        self.results[index] = result
        self.texts[index] = result.text
        self.states[index] = result.state
        self.outcomes[index] = result.outcome
        self.limits[index] = result.fresh_until
        self.fail_all[index] = result.fails_all

    def changed(self, generation):
        # type: (object) -> List[int]
        """Where a result is no longer what is cached.

        generation is the cache's, as it was read before: while it is the same, nothing changes.
        """
        if self.generation is generation:
            return []
        cached = [state.cached for state in self.states]
        if cached == self.outcomes:
            self.generation = generation
            return []
        return [index for index, outcome in enumerate(cached)
                if outcome is not self.outcomes[index]]

    def expired(self, now):
        # type: (float) -> List[int]
        """Where a result is not fresh."""
        return [index for index, until in enumerate(self.limits) if until <= now]

    def fresh_until(self, generation):
        # type: (object) -> float
        """Until when all results are fresh, by the monotonic clock.

        NEVER where one of them is not what is cached now. generation is as in changed().
        """
        if self.changed(generation):
            return NEVER
        return min(self.limits or [float("inf")])

    def passes(self):
        # type: () -> bool
        """Whether the overall status is success."""
        return True not in self.fail_all
