"""Values that several formats show."""
import datetime
import socket

MYPY = False
if MYPY:
    from ..._types import Result


def hostname():
    # type: () -> str
    """The host's name, or "unknown" if it cannot be read."""
    try:
        return socket.gethostname()
    except Exception:
        return "unknown"


def iso_8601(epoch_seconds):
    # type: (float) -> str
    """A time as ISO 8601 in UTC, to the millisecond."""
    try:
        moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=epoch_seconds)
        return "%s.%03dZ" % (moment.strftime("%Y-%m-%dT%H:%M:%S"), moment.microsecond // 1000)
    except (OverflowError, ValueError):  # a clock that is wrong by centuries
        return "%.3f" % epoch_seconds


def state_of(result):
    # type: (Result) -> str
    """The state that a result shows: "passed", "warning" (failed, but not critical) or "failed"."""
    if result["passed"]:
        return "passed"
    if result.get("critical") is False:
        return "warning"
    return "failed"
