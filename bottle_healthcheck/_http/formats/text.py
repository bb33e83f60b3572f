"""Plain text, as the health endpoints of Kubernetes write it."""
import six

from ... import _jsonable
from .values import state_of

MYPY = False
if MYPY:
    from ..._report import Report
    from ..._types import Result


def write(report):
    # type: (Report) -> six.text_type
    """A line for each check, and the overall status on the last one."""
    lines = [_line(result) for result in report.results]
    lines.append(_jsonable.text(report.status))
    return u"\n".join(lines) + u"\n"


def _line(result):
    # type: (Result) -> six.text_type
    name = _jsonable.one_line(result["checker"])
    state = state_of(result)
    if state == "passed":
        return u"[+]%s ok" % name
    output = _jsonable.one_line(_jsonable.output_text(result["output"]))
    if state == "warning":
        return u"[!]%s warning: %s" % (name, output)
    return u"[-]%s failed: %s" % (name, output)
