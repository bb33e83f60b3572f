"""A report, and how it is written."""
import os
import socket
import time
from collections import OrderedDict

from six.moves import reduce

from . import _json


def check_reduce(passed, result):
    # type: (bool, dict) -> bool
    """Folds a result into a verdict: a failed critical result makes it false."""
    return bool(passed and (result.get("passed") or result.get("critical") is False))


class Report(object):
    """What a run of checks came to.

    results is a list of result dictionaries, timestamp is epoch seconds.
    """

    def __init__(self, results):
        # type: (list) -> None
        self.results = results
        self.timestamp = time.time()
        #: True where every critical check passed.
        self.passed = reduce(check_reduce, results, True)

    @property
    def status(self):
        # type: () -> str
        """The verdict as the answer spells it: "success" or "failure"."""
        return "success" if self.passed else "failure"


def json_success_handler(results):
    # type: (list) -> str
    """The JSON body that reports success with these results."""
    return _json_body("success", results)


def json_failed_handler(results):
    # type: (list) -> str
    """The JSON body that reports failure with these results."""
    return _json_body("failure", results)


def _json_body(status, results):
    # type: (str, list) -> str
    # status comes first: balancers look for it in the first bytes (haproxy: 16 KiB).
    return _json.dumps(OrderedDict([
        ("status", status),
        ("hostname", socket.gethostname()),
        ("pid", os.getpid()),
        ("timestamp", time.time()),
        ("results", results),
    ]))
