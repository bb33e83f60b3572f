"""The formats that a report can be written in, and those that an endpoint offers."""
import collections

from ..._validation import wrong_type, wrong_value
from . import health, json_body, metrics, page, text
from .base import Format

MYPY = False
if MYPY:
    from typing import Any, Sequence, Tuple

#: Every format by name, the preferred one first: a request that names none gets the first that the
#: endpoint offers. Prometheus' is last: its status is 200 while checks fail, which a load balancer
#: would take for healthy. Bare text/plain selects JSON, which 0.2.1 always sent: the text format
#: has no media type. A new format is listed here, in HealthCheck's docstring, in README (Formats;
#: Reference) and in CHANGELOG; its module gets its place in test_house.py. Every format shows the
#: overall status, and nothing else where details are hidden.
FORMATS = collections.OrderedDict((one.name, one) for one in (
    json_body.JsonFormat("json", "application/json", title=u"JSON", media_types=(
        "application/json", "application/*", "*/*", "text/*", "text/plain")),
    Format("health", "application/health+json", health.write, title=u"health+json",
           media_types=("application/health+json",)),
    Format("text", "text/plain; charset=utf-8", text.write, title=u"text"),
    page.PageFormat("html", "text/html; charset=utf-8", media_types=("text/html",)),
    metrics.MetricsFormat("prometheus", title=u"metrics", media_types=(
        "text/plain;version=0.0.4", "text/plain;version=1.0.0",
        "application/openmetrics-text", "application/openmetrics-text;version=1.0.0")),
))


def validate_formats(formats):
    # type: (Any) -> Tuple[str, ...]
    """Returns the names of the formats to offer, in order, and loads the formats; None means all.

    Raises TypeError or ValueError.
    """
    if formats is None:
        formats = tuple(FORMATS)
    if not isinstance(formats, (list, tuple, set, frozenset)):
        raise wrong_type("formats", formats, "a list of some of %s" % ", ".join(FORMATS))
    unknown = [name for name in formats if name not in tuple(FORMATS)]
    if unknown or not formats:
        raise wrong_value("formats", repr(formats),
                          "at least one, all of %s" % ", ".join(FORMATS))
    offered = tuple(name for name in FORMATS if name in formats)
    for name in offered:
        FORMATS[name].load()
    if not available(offered):
        raise ValueError("formats is %r, which %s"
                         % (formats, FORMATS[offered[0]].reason_unavailable()))
    return offered


def available(offered):
    # type: (Sequence[str]) -> Tuple[str, ...]
    """The offered formats, without those that need a package that is not installed."""
    return tuple(name for name in offered if not FORMATS[name].reason_unavailable())
