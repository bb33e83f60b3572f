"""Results folded into a report."""
import time

from six.moves import reduce

MYPY = False
if MYPY:
    from typing import Any


def check_reduce(passed, result):
    # type: (bool, dict) -> bool
    """Folds a result into the overall status: a failed critical result makes it false."""
    return bool(passed and (result.get("passed") or result.get("critical") is False))


class Report(object):
    """The results of the checks that were run, and the overall status.

    results is a list of result dictionaries, timestamp is epoch seconds, passed is true where
    every critical check passed.
    """

    #: Whether more than the overall status may be shown.
    details = True

    #: Whether the service is being taken out of use; the one result then says why.
    draining = False

    def __init__(self, results, runs_of=None):
        # type: (list, Any) -> None
        self.results = results
        self.timestamp = time.time()
        self.passed = reduce(check_reduce, results, True)
        #: The last runs of the check with that name in this process, oldest first.
        self.runs_of = runs_of or (lambda name: ())

    @property
    def status(self):
        # type: () -> str
        """The overall status as responses spell it: "success" or "failure"."""
        return "success" if self.passed else "failure"

    @property
    def warns(self):
        # type: () -> bool
        """True where checks failed, and only checks that are not critical."""
        return self.passed and not all(result["passed"] for result in self.results)

    def without_details(self):
        # type: () -> Report
        """A report that has the overall status and nothing else."""
        bare = Report([])
        bare.passed, bare.timestamp, bare.details = self.passed, self.timestamp, False
        return bare
