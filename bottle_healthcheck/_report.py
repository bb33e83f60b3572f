"""Results folded into a report."""
import time

from six.moves import reduce

from . import _jsonable

MYPY = False
if MYPY:
    from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Text

    from ._types import PastRun, Result


def check_reduce(passed, result):
    # type: (bool, Mapping[str, Any]) -> bool
    """Folds a result into the overall status: a failed critical result makes it false."""
    may_pass = result.get("passed") or result.get("critical") is False
    return bool(passed and may_pass)


class Report(object):
    """The results of the checks that were run, and the overall status.

    timestamp is epoch seconds, passed is true where every critical check passed; so is the report.
    """

    #: Whether more than the overall status may be shown; where false, results is empty.
    details = True

    #: What the service says of itself: text by name, or None.
    about = None  # type: Optional[Dict[str, Text]]

    #: Whether the service is being taken out of use; the one result then says why.
    draining = False

    #: While draining, the report of the last outcomes of all checks that have run.
    last_known = None  # type: Optional[Report]

    def __init__(self, results, runs_of=None):
        # type: (Optional[List[Result]], Optional[Callable[[Any], Sequence[PastRun]]]) -> None
        self._results = results
        #: A snapshot of checks' results, where these are not given.
        self.snapshot = None  # type: Any
        #: The registered checks whose results these are, where these are not given.
        self.checks = ()  # type: Sequence[Any]
        self.timestamp = time.time()
        self.passed = True
        if results is not None:
            self.passed = reduce(check_reduce, results, True)
        #: Returns the last runs of a check in this process, oldest first.
        self.runs_of = runs_of or (lambda check: ())

    @classmethod
    def of_snapshot(cls, snapshot, runs_of):
        # type: (Any, Callable[[Any], Sequence[PastRun]]) -> Report
        """The report of checks' results; their dictionaries are made when somebody reads them."""
        report = cls(None, runs_of)
        report.snapshot, report.checks = snapshot, snapshot.checks
        report.passed = snapshot.passes()
        return report

    def __bool__(self):
        # type: () -> bool
        return self.passed

    __nonzero__ = __bool__  # 2.7

    def __repr__(self):
        # type: () -> str
        failed = sum(1 for result in self.results if not result["passed"])
        return "<Report: %s, %d of %d results failed>" % (self.status, failed, len(self.results))

    @property
    def results(self):
        # type: () -> List[Result]
        """The list of result dictionaries."""
        if self._results is None:
            self._results = [result.as_dict() for result in self.snapshot.results]
        return self._results

    def result_texts(self):
        # type: () -> List[bytes]
        """The results as JSON; those of checks are kept by the checks."""
        if self._results is not None:
            return [_jsonable.dumps(result).encode("ascii") for result in self._results]
        texts = self.snapshot.texts  # type: List[bytes]
        return texts

    @property
    def status(self):
        # type: () -> str
        """The overall status as responses spell it: "success" or "failure"."""
        if self.passed:
            return "success"
        return "failure"

    @property
    def warns(self):
        # type: () -> bool
        """True where checks failed, and none of them is critical this time."""
        return self.passed and not all(result["passed"] for result in self.results)

    def without_details(self):
        # type: () -> Report
        """A report that has the overall status and nothing else."""
        bare = Report([])
        bare.passed, bare.timestamp, bare.details = self.passed, self.timestamp, False
        if self.last_known is not None:
            bare.last_known = self.last_known.without_details()
        return bare
