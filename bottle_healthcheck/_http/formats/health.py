"""application/health+json as of draft-inadarei-api-health-check-06."""
import collections

from ... import _jsonable
from .values import iso_8601, state_of

MYPY = False
if MYPY:
    from typing import Any, Dict

    from ..._report import Report
    from ..._types import Result

#: How the draft spells the state of a check.
_STATUS = {"passed": "pass", "warning": "warn", "failed": "fail"}


def write(report):
    # type: (Report) -> str
    """The health+json body of a report."""
    body = collections.OrderedDict()  # type: Dict[str, Any]
    body["status"] = "fail"
    if report.warns:
        body["status"] = "warn"
    elif report.passed:
        body["status"] = "pass"
    if report.about:
        body.update(report.about)
    if report.details:
        body["checks"] = collections.OrderedDict()
        for result in report.results:
            # In the key a colon separates component and measurement.
            key = result["checker"].replace(":", "_") + ":responseTime"
            body["checks"].setdefault(key, []).append(_check(result))
    return _jsonable.dumps(body)


def _check(result):
    # type: (Result) -> Dict[str, Any]
    check = collections.OrderedDict()  # type: Dict[str, Any]
    check["componentId"] = result["checker"]
    check["observedValue"] = result["response_time"]
    check["observedUnit"] = "s"
    check["status"] = _STATUS[state_of(result)]
    check["time"] = iso_8601(result["timestamp"])
    if not result["passed"]:
        check["output"] = _jsonable.output_text(result["output"])
    return check
