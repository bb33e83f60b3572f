"""The page for a person at night: the overall status large, then a row for each check."""
import base64
import hashlib
import os

import bottle
import six

from ... import _jsonable
from ..._engine.runs import HISTORY_LENGTH
from .base import Format
from .values import hostname, iso_8601, state_of

MYPY = False
if MYPY:
    from typing import Any, Dict, List, Sequence, Text, Tuple

    from ..._report import Report
    from ..._types import Result

#: Seconds after which the browser loads the page again.
REFRESH = 10

#: A strip of runs, in pixels of its drawing: its middle line, and the room for one run.
MIDDLE, PITCH = 12, 4


class PageFormat(Format):
    """An HTML page, under a policy that allows nothing but its own style."""

    may_be_kept = False  # it says how long ago everything was

    def load(self):
        # type: () -> None
        """Reads and compiles the page, once per process."""
        _page()

    def encode(self, report, media_type):
        # type: (Report, str) -> Tuple[tuple, list]
        """(parts of the body, headers) of a report."""
        parts, headers = Format.encode(self, report, media_type)
        return parts, headers + [("Content-Security-Policy", _page().security_policy)]


class _Page(object):
    """The style, the template that it is put into, and the policy that allows it."""

    def __init__(self, style, template):
        # type: (Text, Text) -> None
        self.style = style
        self.template = bottle.SimpleTemplate(template)
        assert self.template.co  # compiled when it is first read
        digest = base64.b64encode(hashlib.sha256(style.encode("utf-8")).digest())
        self.security_policy = (
            "default-src 'none'; style-src 'sha256-%s'; base-uri 'none'; form-action 'none'; "
            "frame-ancestors 'none'" % six.ensure_str(digest))


_loaded = []  # type: List[_Page]


def _page():
    # type: () -> _Page
    """The page of this process; the first call reads it."""
    if not _loaded:
        _loaded.append(_Page(_read("page.css"), _read("page.html")))
    return _loaded[0]


def _read(name):
    # type: (str) -> Text
    """The text of a file beside this module, which may be in a zip."""
    import pkgutil  # takes long to import, and only those who offer the page need it
    content = pkgutil.get_data(__name__, name)
    assert content is not None  # what loads this module can load data
    return content.decode("utf-8")


def write(report):
    # type: (Report) -> Text
    """The page of a report; of one without details, only the overall status."""
    page = _page()
    host = u"health check"
    about = u"%s UTC" % iso_8601(report.timestamp)[:19].replace("T", " ")
    if report.details:
        host = _jsonable.text(hostname())
        about += u" on %s, process %d" % (host, os.getpid())
    service = report.about or {}
    rows = []  # type: list
    if not report.draining:
        rows = [_row(number, result, report) for number, result in enumerate(report.results)]
    return page.template.render(
        style=page.style, refresh=REFRESH, kind=_kind(report), note=_note(report), about=about,
        title=service.get("serviceId") or host, service=service, headline=_headline(report),
        rows=rows, pid=os.getpid(), width=PITCH * HISTORY_LENGTH, middle=MIDDLE,
        height=2 * MIDDLE)


def _kind(report):
    # type: (Report) -> Text
    """The class of the headline, which gives it its colour."""
    if report.warns or report.draining:
        return u"warning"
    return _jsonable.text(report.status)


def _headline(report):
    # type: (Report) -> Text
    if report.draining:
        return u"Draining"
    if report.warns:
        return u"Healthy, with a warning"
    return u"Healthy" if report.passed else u"Failing"


def _note(report):
    # type: (Report) -> Text
    """The line below the headline; the names of the checks that do not pass follow it."""
    if not report.details:
        return u"No details are told here."
    if report.draining:
        return _jsonable.output_text(report.results[0]["output"])
    if not report.results:
        return u"There are no checks."
    passed = sum(1 for result in report.results if result["passed"])
    note = u"%d of %d checks passed." % (passed, len(report.results))
    if passed < len(report.results):
        note += u" Look at:"
    return note


def _row(number, result, report):
    # type: (int, Result, Report) -> Dict[str, Any]
    """What the row of a check shows, as text."""
    kind = state_of(result)
    runs = report.runs_of(result["checker"])
    failures = sum(1 for passed, _ in runs if not passed)
    slowest = max([took for _, took in runs] or [0.0])
    return {"id": u"check-%d" % number, "kind": kind, "name": _jsonable.text(result["checker"]),
            "state": u"FAILED" if kind == "failed" else _jsonable.text(kind),
            "output": _jsonable.output_text(result["output"]),
            "since": iso_8601(result["since"]),
            "since_ago": _ago(report.timestamp - result["since"]),
            "took": u"%.3f s" % result["response_time"],
            "checked": iso_8601(result["timestamp"]),
            "checked_ago": _ago(report.timestamp - result["timestamp"]),
            "bars": _bars(runs, slowest),
            "summary": u"last %d runs: %d passed, %d failed, the slowest took %.3f s"
            % (len(runs), len(runs) - failures, failures, slowest)}


def _bars(runs, slowest):
    # type: (Sequence[Tuple[bool, float]], float) -> list
    """(class, x, y, height) of a strip's bars, the newest on the right.

    The slower the run, the longer its bar; the bars of failures hang below the middle line.
    """
    bars = []
    for number, (passed, took) in enumerate(runs, HISTORY_LENGTH - len(runs)):
        bar = max(3, int(round(MIDDLE * took / (slowest or 1.0))))
        bars.append(("passed" if passed else "failed", number * PITCH,
                     MIDDLE - bar if passed else MIDDLE, bar))
    return bars


def _ago(seconds):
    # type: (float) -> Text
    """How long ago, as a person says it."""
    seconds = max(0, int(seconds))
    for size, unit in ((86400, u"d"), (3600, u"h"), (60, u"min")):
        if seconds >= 2 * size:
            return u"%d %s ago" % (seconds // size, unit)
    return u"%d s ago" % seconds
