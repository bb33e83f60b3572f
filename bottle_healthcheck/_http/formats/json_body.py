"""The library's own JSON."""
import collections
import os
import time

from ... import _jsonable
from .base import Format
from .values import hostname

MYPY = False
if MYPY:
    from typing import Mapping, Sequence

    from ..._report import Report
    from .base import Encoded, Request


def json_success_handler(results):
    # type: (Sequence[Mapping[str, object]]) -> str
    """Returns the JSON body that reports success with these results.

    A handler of your own may call this. The body has no `about`, which is not among the results.
    """
    return _json_body("success", results)


def json_failed_handler(results):
    # type: (Sequence[Mapping[str, object]]) -> str
    """Returns the JSON body that reports failure; otherwise the same as json_success_handler."""
    return _json_body("failure", results)


class JsonFormat(Format):
    """JSON with the results as they were encoded when their checks completed."""

    def encode(self, report, request):
        # type: (Report, Request) -> Encoded
        """(parts of the body, headers) of a report; the current time is sent between two parts."""
        headers = [("Content-Type", self.content_type)]
        if not report.details:
            return (_jsonable.dumps({"status": report.status}).encode("ascii"),), headers
        before = u'{"status": "%s", "hostname": %s, "pid": %d, "timestamp": ' % (
            report.status, _jsonable.encode(hostname()), os.getpid())
        about = u""
        if report.about:
            about = u', "about": ' + _jsonable.dumps(report.about)
        results = b", ".join(report.result_texts())
        after = about.encode("ascii") + b', "results": [' + results + b"]}"
        return (before.encode("ascii"), after), headers


def _json_body(status, results):
    # type: (str, Sequence[Mapping[str, object]]) -> str
    # status comes first: balancers look for it in the first bytes (haproxy: 16 KiB).
    return _jsonable.dumps(collections.OrderedDict([
        ("status", status),
        ("hostname", hostname()),
        ("pid", os.getpid()),
        ("timestamp", time.time()),
        ("results", results),
    ]))
