"""Values that several formats show."""
import datetime
import socket

from ... import _compat

MYPY = False
if MYPY:
    from typing import Dict, Tuple

    from ..._types import Result

#: Seconds for which the host's name is used again: reading it slows down a poll that comes alone.
HOSTNAME_SECONDS = 10.0

#: Under "last" the host's name, and until when it is used by the monotonic clock.
_HOSTNAMES = {}  # type: Dict[str, Tuple[str, float]]


def hostname():
    # type: () -> str
    """The host's name, or "unknown" if it cannot be read; a new name is seen 10 s later."""
    now = _compat.monotonic()
    name, used_until = _HOSTNAMES.get("last", ("", now))
    if now < used_until:
        return name
    try:
        name = socket.gethostname()
    except Exception:
        name = "unknown"
    _HOSTNAMES["last"] = name, now + HOSTNAME_SECONDS
    return name


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
