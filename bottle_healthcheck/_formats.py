"""A report, how it is written, and the choice among the formats."""
import collections
import datetime
import os
import socket
import time

import six
from six.moves.urllib.parse import unquote, unquote_to_bytes

from . import _jsonable, prometheus
from ._report import Report
from ._validation import kind_of

MYPY = False
if MYPY:
    from typing import Any

#: What can be asked for with `?format=`; the first that is offered is what everything unknown gets.
#: Prometheus' comes last: its status 200 must not tell a balancer that all is well.
FORMATS = ("json", "health", "text", "html", "prometheus")

CONTENT_TYPES = {"json": "application/json",
                 "health": "application/health+json",
                 "html": "text/html; charset=utf-8",
                 "text": "text/plain; charset=utf-8"}  # prometheus_client says its own

#: An Accept header that is longer is answered, and not kept.
LONGEST_KEPT_ACCEPT = 1024

#: What an Accept header names: other types are nothing that we have.
MEDIA_TYPES = {"application/json": "json", "application/*": "json", "*/*": "json",
               "text/*": "json", "text/plain": "json",
               "application/health+json": "health",
               "application/openmetrics-text": "prometheus",
               "text/html": "html"}

#: text/plain with one of these is Prometheus' own text format; of OpenMetrics others are not known.
PROMETHEUS_VERSIONS = ("version=0.0.4", "version=1.0.0")

#: A part of an Accept header: format is our name or None, media_type what Prometheus' client knows.
_Range = collections.namedtuple("_Range", "quality format media_type")


class BadQuestion(ValueError):
    """A request for something that there is not; status is the HTTP status that says so."""

    def __init__(self, status, message):
        # type: (int, str) -> None
        ValueError.__init__(self, message)
        self.status = status


class Question(object):
    """What a request asks for: a format, and which checks.

    Raises BadQuestion where there is no such format.
    """

    def __init__(self, query, accept, offered):
        # type: (str, str, tuple) -> None
        fields = _fields(query) if query else {}
        self.accept = accept
        self.check = fields.get("check")
        self.exclude = fields.get("exclude")
        #: Whether all checks are meant.
        self.selects = self.check is not None or self.exclude is not None
        self.negotiated = "format" not in fields
        #: Whether the same Accept header will always ask for the same again.
        self.is_plain = not query and len(accept) <= LONGEST_KEPT_ACCEPT
        self.format = (prefer(accept, offered) if self.negotiated
                       else _only_format(fields["format"], offered))


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
    return _jsonable.dumps(collections.OrderedDict([
        ("status", status),
        ("hostname", hostname()),
        ("pid", os.getpid()),
        ("timestamp", time.time()),
        ("results", results),
    ]))


def write(report, name, accept):
    # type: (Report, str, str) -> tuple
    """(body, Content-Type, more headers) of a report in the format of that name."""
    if name == "prometheus":
        return prometheus.encode(report, prometheus_type(accept)) + ([],)
    text = WRITERS[name](report)
    body = text if isinstance(text, bytes) else text.encode("utf-8")
    more = []
    if name == "html":
        more.append(("Content-Security-Policy", _page().security_policy()))
    return body, CONTENT_TYPES[name], more


def to_bytes(body):
    # type: (Any) -> bytes
    """A handler's body as bytes; a dictionary as JSON. Raises TypeError for anything else."""
    if isinstance(body, dict):
        body = _jsonable.dumps(body)
    if isinstance(body, bytes):
        return b"".join([body])  # the very type: a subclass might raise further on
    if isinstance(body, six.text_type):
        return _jsonable.text(body).encode("utf-8")
    raise TypeError("the handler returned %s, expected text, bytes or a dictionary"
                    % kind_of(body))


def hostname():
    # type: () -> str
    """The host's name; no health check fails because there is none."""
    try:
        return socket.gethostname()
    except Exception:
        return "unknown"


def as_json(report):
    # type: (Report) -> str
    """The library's own JSON."""
    if not report.details:
        return _jsonable.dumps({"status": report.status})
    return _json_body(report.status, report.results)


def as_health(report):
    # type: (Report) -> str
    """application/health+json as of draft-inadarei-api-health-check-06."""
    status = "warn" if report.warns else "pass" if report.passed else "fail"
    body = collections.OrderedDict([("status", status)])  # type: collections.OrderedDict
    if report.details:
        body["checks"] = collections.OrderedDict()
        for result in report.results:
            # The key's colon tells the component from the measurement: a name has none.
            component = result["checker"].replace(":", "_")
            key = component + (":responseTime" if "response_time" in result else "")
            body["checks"].setdefault(key, []).append(_health_check(result))
    return _jsonable.dumps(body)


def _health_check(result):
    # type: (dict) -> dict
    check = collections.OrderedDict([("componentId", result["checker"])])
    if "response_time" in result:
        check["observedValue"] = result["response_time"]
        check["observedUnit"] = "s"
    check["status"] = ("pass" if result["passed"]
                       else "warn" if result.get("critical") is False else "fail")
    if "timestamp" in result:
        check["time"] = iso_8601(result["timestamp"])
    if not result["passed"]:
        check["output"] = _jsonable.output_text(result["output"])
    return check


def as_text(report):
    # type: (Report) -> six.text_type
    """A line a check, as Kubernetes' own health endpoints write them, and the verdict last."""
    lines = []
    for result in report.results:
        name = _jsonable.one_line(_jsonable.text(result["checker"]))
        lines.append(u"[+]%s ok" % name if result["passed"] else
                     u"[-]%s failed: %s" % (
                         name, _jsonable.one_line(_jsonable.output_text(result["output"]))))
    return u"\n".join(lines + [_jsonable.text(report.status), u""])


def as_html(report):
    # type: (Report) -> six.text_type
    """The page for a person."""
    return _page().render(report)


def _page():
    # type: () -> Any
    """The page's module, which takes long to load: only for those who offer it."""
    from . import _page as page
    return page


def iso_8601(epoch_seconds):
    # type: (float) -> str
    """The moment in UTC, to the millisecond."""
    try:
        moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=epoch_seconds)
        return "%s.%03dZ" % (moment.strftime("%Y-%m-%dT%H:%M:%S"), moment.microsecond // 1000)
    except (OverflowError, ValueError):  # a clock that is wrong by centuries
        return "%.3f" % epoch_seconds


WRITERS = {"json": as_json, "health": as_health, "html": as_html, "text": as_text}


def check_formats(formats):
    # type: (Any) -> tuple
    """The formats to offer (None: all), or TypeError, ValueError."""
    if formats is None:
        _load(FORMATS)
        return FORMATS
    if not isinstance(formats, (list, tuple, set, frozenset)):
        raise TypeError("formats is of type %s, expected a list of some of %s"
                        % (type(formats).__name__, ", ".join(FORMATS)))
    unknown = [one for one in formats if one not in FORMATS]
    if unknown or not formats:
        raise ValueError("formats is %r, expected at least one, all of %s"
                         % (formats, ", ".join(FORMATS)))
    offered = tuple(one for one in FORMATS if one in formats)
    _load(offered)
    if not _available(offered):
        raise ValueError("formats is %r, which %s" % (formats, prometheus.NOT_INSTALLED))
    return offered


def _load(offered):
    # type: (tuple) -> None
    """Loads what these formats need: in a request no file descriptor may be left for it."""
    if "prometheus" in offered:
        prometheus.load()
    if "html" in offered:
        _page().load()


def _available(offered):
    # type: (tuple) -> tuple
    """The offered formats, without Prometheus' where its package is missing."""
    return tuple(one for one in offered if one != "prometheus" or prometheus.is_installed())


def _fields(query):
    # type: (str) -> dict
    """The values of a query string by name; what is no UTF-8 raises nothing and matches nothing."""
    fields = {}  # type: dict
    for part in query.split("&"):
        name, _, value = part.partition("=")
        fields.setdefault(_unquoted(name), []).append(_unquoted(value))
    return fields


def _unquoted(text):
    # type: (str) -> str
    text = text.replace("+", " ")
    raw = unquote(text) if six.PY2 else unquote_to_bytes(text.encode("latin-1", "replace"))
    return six.ensure_str(_jsonable.text(raw))


def _only_format(names, offered):
    # type: (list, tuple) -> str
    """The one format that was named, or BadQuestion."""
    if len(names) > 1:
        raise BadQuestion(400, "format is given %d times, expected once" % len(names))
    if names[0] not in offered:
        raise BadQuestion(400, "format is unknown or not offered, expected one of %s"
                          % ", ".join(_available(offered)))
    if names[0] == "prometheus" and not prometheus.is_installed():
        raise BadQuestion(400, "format=prometheus %s" % prometheus.NOT_INSTALLED)
    return names[0]


def prefer(accept, offered):
    # type: (str, tuple) -> str
    """The offered format that an Accept header (RFC 9110, 12.5.1) prefers; ties go to JSON."""
    wanted = _ranges(accept)
    if "prometheus" in [offered[0]] + [one.format for one in wanted]:
        offered = _available(offered)
    known = [one for one in wanted if one.format in offered]
    highest = max(one.quality for one in known) if known else 1
    best = set(one.format for one in known if one.quality == highest)
    return best.pop() if len(best) == 1 else offered[0]


def prometheus_type(accept):
    # type: (str) -> str
    """Which of Prometheus' media types an Accept header prefers; "" where it names none."""
    wanted = [one for one in _ranges(accept) if one.format == "prometheus"]
    return max(wanted, key=lambda one: one.quality).media_type if wanted else ""


def _ranges(accept):
    # type: (str) -> list
    """The parts of an Accept header that are wanted at all; none of a malformed one."""
    try:
        wanted = [_media_range(part) for part in accept.split(",") if part.strip()]
    except ValueError:
        return []
    return [one for one in wanted if one.quality > 0]


def _media_range(text):
    # type: (str) -> _Range
    parts = [part.strip().lower() for part in text.split(";")]
    if parts[0].count("/") != 1:
        raise ValueError("no media type: %r" % parts[0])
    quality = 1.0
    for part in parts[1:]:
        if part.startswith("q="):
            quality = float(part[2:])
            if not 0 <= quality <= 1:
                raise ValueError("no quality: %r" % part)
    versions = [one for one in PROMETHEUS_VERSIONS if one in parts]
    is_prometheus_text = parts[0] == "text/plain" and versions
    return _Range(quality, "prometheus" if is_prometheus_text else MEDIA_TYPES.get(parts[0]),
                  ";".join(parts[:1] + versions[:1]))
