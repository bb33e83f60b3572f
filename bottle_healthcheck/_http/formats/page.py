# mypy: disable-error-code="import-untyped"
"""The page for a person on call: the overall status, then what fails, what warns, what passes."""
import base64
import collections
import hashlib
import os

import bottle
import six
from six.moves.urllib.parse import quote

from ... import _jsonable
from ..._engine.runs import HISTORY_LENGTH
from . import wording
from .base import Format
from .values import hostname, iso_8601, state_of

MYPY = False
if MYPY:
    from typing import Any, Dict, List, Optional, Sequence, Set, Text, Tuple

    from ..._report import Report
    from ..._types import PastRun, Result
    from .base import Encoded, Request

#: Seconds after which the browser reloads the page, unless the query has refresh=off: people who
#: use a screen reader, or read a long output, need a page that does not change.
REFRESH = 10

#: A strip is the bar chart of a check's last runs. In units of the drawing: the width of a run, the
#: shortest and the longest bar, and the height including the marks below the bars.
PITCH, MIN_BAR, MAX_BAR, STRIP_HEIGHT = 4, 2, 20, 26

#: How many names of checks in one state the summary lists.
MAX_LISTED = 5

#: Characters of an output's preview.
MAX_GLIMPSE = 160

#: A text given to drain() is the headline if it has at most so many characters.
MAX_HEADLINE = 60

#: For each state of checks, the most urgent first: (state, what a check in it is doing, what one
#: check does, what several do).
STATES = ((u"failed", u"failing", u"fails", u"fail"), (u"warning", u"warning", u"warns", u"warn"),
          (u"passed", u"passing", u"passes", u"pass"))

#: Symbols in the title of the browser's tab: a favicon would need a weaker policy.
MARKS = {u"success": u"\u2705", u"failure": u"\u274c", u"warning": u"\u26a0\ufe0f",
         u"draining": u"\u23f8\ufe0f"}


class PageFormat(Format):
    """An HTML page whose Content-Security-Policy allows its own style and nothing else."""

    may_be_kept = False  # it shows how long ago things happened

    _template = None  # type: Any
    _style = u""
    _security_policy = ""

    def load(self):
        # type: () -> None
        """Reads and compiles the page, once per process."""
        if self._template is not None:
            return
        self._style = _read("page.css")
        digest = base64.b64encode(hashlib.sha256(self._style.encode("utf-8")).digest())
        self._security_policy = (
            "default-src 'none'; style-src 'sha256-%s'; base-uri 'none'; form-action 'none'; "
            "frame-ancestors 'none'" % six.ensure_str(digest))
        template = bottle.SimpleTemplate(_read("page.html"))
        assert template.co  # reading it compiles the template
        self._template = template

    def encode(self, report, request):
        # type: (Report, Request) -> Encoded
        html = self._template.render(style=self._style, **_content(report, request))
        headers = [("Content-Type", self.content_type),
                   ("Content-Security-Policy", self._security_policy)]
        return (html.encode("utf-8"),), headers


def _read(name):
    # type: (str) -> Text
    """The text of a file beside this module, which may be in a zip."""
    import pkgutil  # takes long to import, and only those who offer the page need it
    content = pkgutil.get_data(__name__, name)
    assert content is not None  # what loads this module can load data
    return content.decode("utf-8")


def _content(report, request):
    # type: (Report, Request) -> Dict[str, Any]
    """What the template shows of a report; without details, only the overall status."""
    kind, headline, note = _overall(report)
    about = report.about or {}
    place = u"health check"
    if report.details:
        place = u"%s on %s" % (_jsonable.text(request.path), _jsonable.text(hostname()))
    title = u"%s %s - %s" % (MARKS[kind], headline, about.get("serviceId") or place)
    format_links = [(one.title, _link(request, format=[one.name], refresh=[]))
                    for one in request.offered if one.title]
    return {
        "kind": kind, "headline": headline, "note": note, "title": title, "about": about,
        "place": place, "pid": os.getpid(), "is_hidden": not report.details,
        "made": u"%s UTC" % iso_8601(report.timestamp)[:19].replace("T", " "),
        "sections": _sections(report), "is_draining": report.draining,
        "is_partial": "check" in request.fields or "exclude" in request.fields,
        "all_link": _link(request, check=[], exclude=[]), "format_links": format_links,
        "is_refreshing": request.fields.get("refresh") != ["off"], "refresh": REFRESH,
        "stop_link": _link(request, refresh=["off"]), "start_link": _link(request, refresh=[]),
        "strip_size": (PITCH * HISTORY_LENGTH, STRIP_HEIGHT, MAX_BAR)}


def _overall(report):
    # type: (Report) -> Tuple[Text, Text, Text]
    """(kind, headline, note below it) of a report."""
    if not report.details:
        headline = u"Healthy" if report.passed else u"Failing"
        return report.status, headline, u"Details are hidden for this request."
    if report.draining:
        return _drained(report)
    if not report.results:
        return u"warning", u"No checks are registered", (
            u"This reports success whenever the process can answer. That suits a liveness probe; "
            u"it says nothing about the service.")
    if not report.passed:
        return u"failure", u"Failing", u""
    if not report.warns:
        return u"success", u"Healthy", u""
    warnings = sum(1 for result in report.results if not result["passed"])
    words = u"a warning" if warnings == 1 else u"%d warnings" % warnings
    return u"warning", u"Healthy, with " + words, u""


def _drained(report):
    # type: (Report) -> Tuple[Text, Text, Text]
    """(kind, headline, note) while draining; the text given to drain() comes first."""
    result, = report.results
    note = (u"Out of use on purpose for %s: this process reports failure so that load balancers "
            u"stop sending it requests." % wording.period(report.timestamp - result["since"]))
    said = _jsonable.output_text(result["output"]).strip()
    if len(said) > MAX_HEADLINE or u"\n" in said or not said:
        return u"draining", u"Out of rotation", u"%s\n%s" % (said, note)
    return u"draining", said, note


def _link(request, **changes):
    # type: (Request, **List[str]) -> Text
    """A link to this page with other values in its query; [] leaves a field out."""
    fields = dict(request.fields, **changes)
    pairs = [u"%s=%s" % (name, quote(value, safe=""))
             for name in ("check", "exclude", "format", "refresh")
             for value in fields.get(name, [])]
    return u"?" + u"&".join(pairs)


# The checks

#: The checks in one state. The summary lists names of them, each in parts, and counts more.
_Section = collections.namedtuple("_Section", "title rows summary names more")


class _Row(object):
    """What the page shows of a check, as text."""

    def __init__(self, result, check, runs, now, is_draining, is_running):
        # type: (Result, Any, Sequence[PastRun], float, bool, bool) -> None
        self.state = state_of(result)
        self.name = wording.parts_of_name(result["checker"])
        self.doc = wording.first_paragraph(check)
        self.glimpse = _jsonable.one_line(_jsonable.output_text(result["output"]), MAX_GLIMPSE)
        self.beginning, self.middle, self.end = wording.fold(wording.pretty(result["output"]))
        self.fold = u"Show %s more" % wording.amount(self.middle)
        self.verb, = [verb for state, verb, _, _ in STATES if state == self.state]
        known_until = now
        if is_draining:  # it is not run, and may have changed
            self.verb = u"was " + self.verb
            known_until = result["timestamp"]
        self.lasts = wording.period(known_until - result["since"])
        self.since = wording.moment(result["since"], now)
        self.since_iso = iso_8601(result["since"])
        self.checked = wording.period(now - result["timestamp"])
        self.checked_iso = iso_8601(result["timestamp"])
        self.took = wording.duration(result["response_time"])
        self.duration = u"took %s" % self.took
        if is_running:
            self.duration = u"has run for %s" % self.took
        self.runs, self.paths = _strip(runs)


def _sections(report):
    # type: (Report) -> List[_Section]
    """A section for each state that a check is in, the most urgent first."""
    every_row, sections = _rows(report), []
    of_all = u" of %s" % _plural(len(every_row), u"check")
    for state, verb, one, several in STATES:
        rows = [row for row in every_row if row.state == state]
        if not rows:
            continue
        title = verb.capitalize()
        if report.draining:
            title = u"Last seen %s" % verb
        summary = u"%d%s %s" % (len(rows), of_all, one if len(rows) == 1 else several)
        names = [row.name for row in rows[:MAX_LISTED] if state != u"passed"]
        sections.append(_Section(title, rows, summary, names, len(rows) - MAX_LISTED))
        of_all = u""  # only the first summary says of how many
    return sections


def _rows(report):
    # type: (Report) -> List[_Row]
    """The rows of the checks; while draining, those of the last results."""
    known = report  # type: Optional[Report]
    if report.draining:
        known = report.last_known
    if known is None:
        return []
    checks = known.checks or [None] * len(known.results)
    running = set()  # type: Set[Text]
    if known.snapshot is not None:
        running.update(one.name for one in known.snapshot.results if one.outcome.is_overrun)
    return [_Row(result, check, known.runs_of(check), report.timestamp, report.draining,
                 result["checker"] in running)
            for check, result in zip(checks, known.results)]


def _plural(number, noun):
    # type: (int, Text) -> Text
    if number == 1:
        return u"1 %s" % noun
    return u"%d %ss" % (number, noun)


def _strip(runs):
    # type: (Sequence[PastRun]) -> Tuple[Text, List[Tuple[Text, Text]]]
    """A strip's text alternative and its bars, [(CSS class, SVG path)], the newest on the right.

    Each run is a bar: the slower the run, the longer the bar. A failed run has another colour and,
    for people who cannot see that, a mark below its bar.
    """
    if not runs:
        return u"", []
    slowest = max(took for _, took in runs)
    passed_bars, failed_bars = [], []
    for number, (passed, took) in enumerate(runs, HISTORY_LENGTH - len(runs)):
        middle = number * PITCH + PITCH // 2
        height = MIN_BAR
        if slowest > 0:
            height = max(MIN_BAR, int(round(MAX_BAR * took / slowest)))
        bar = u"M%d %dv-%d" % (middle, MAX_BAR, height)
        if passed:
            passed_bars.append(bar)
        else:
            failed_bars.append(bar + u"M%d %dV%d" % (middle, MAX_BAR + 2, STRIP_HEIGHT))
    words = u"last %s: %d failed, the slowest took %s" % (
        _plural(len(runs), u"run"), len(failed_bars), wording.duration(slowest))
    bars = ((u"passed", passed_bars), (u"failed", failed_bars))
    return words, [(state, u"".join(paths)) for state, paths in bars if paths]
