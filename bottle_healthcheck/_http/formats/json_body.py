"""The library's own JSON."""
import collections
import os
import time

from ... import _jsonable
from .values import hostname

MYPY = False
if MYPY:
    from ..._report import Report


def json_success_handler(results):
    # type: (list) -> str
    """The JSON body that reports success with these results."""
    return _json_body("success", results)


def json_failed_handler(results):
    # type: (list) -> str
    """The JSON body that reports failure with these results."""
    return _json_body("failure", results)


def write(report):
    # type: (Report) -> str
    """The JSON body of a report."""
    if not report.details:
        return _jsonable.dumps({"status": report.status})
    return _json_body(report.status, report.results)


def _json_body(status, results):
    # type: (str, list) -> str
    # status comes first: balancers look for it in the first bytes (haproxy: 16 KiB).
    return _jsonable.dumps(collections.OrderedDict([
        ("status", status),
        ("hostname", hostname()),
        ("pid", os.getpid()),
        ("timestamp", time.time()),
        ("results", results),
    ]))
