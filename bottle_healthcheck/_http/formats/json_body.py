"""The library's own JSON."""
import os
import time

import six

from ... import _jsonable
from .base import Format
from .values import hostname

MYPY = False
if MYPY:
    from typing import Mapping, Optional, Sequence, Text, Tuple

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
        headers = [("Content-Type", self.content_type)]
        if not report.details:
            return (_jsonable.dumps({"status": report.status}).encode("ascii"),), headers
        results = b"[" + b", ".join(report.result_texts()) + b"]"
        return _parts(report.status, report.about, results), headers


def _json_body(status, results):
    # type: (str, Sequence[Mapping[str, object]]) -> str
    before, after = _parts(status, None, _jsonable.dumps(results).encode("ascii"))
    return six.ensure_str(before + repr(time.time()).encode("ascii") + after)


def _parts(status, about, results):
    # type: (str, Optional[Mapping[Text, Text]], bytes) -> Tuple[bytes, bytes]
    """What stands before and behind the timestamp of a body."""
    # status comes first: balancers look for it in the first bytes (haproxy: 16 KiB).
    before = u'{"status": "%s", "hostname": %s, "pid": %d, "timestamp": ' % (
        status, _jsonable.encode(hostname()), os.getpid())
    after = u', "results": '
    if about:
        after = u', "about": ' + _jsonable.dumps(about) + after
    return before.encode("ascii"), after.encode("ascii") + results + b"}"
