# mypy: disable-error-code="import-untyped"
"""The page for a person on call: the overall status, then what fails, what warns, what passes."""
import base64
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
    from ..._types import Result
    from .base import Encoded, Request

#: Seconds after which the browser reloads the page, unless the query has refresh=off: people who
#: use a screen reader, or read a long output, need a page that does not change.
REFRESH = 10

#: A strip is the bar chart of a check's last runs. In units of the drawing: the width of a run, the
#: shortest and the longest bar, and the height including the marks below the bars.
PITCH, MIN_BAR, MAX_BAR, STRIP_HEIGHT = 4, 2, 20, 26

#: How many names of checks in one state the summary lists.
MAX_LISTED = 5

#: A text given to drain() is the headline if it has at most so many characters.
MAX_HEADLINE = 60

#: The verb for a check in each state.
VERBS = {"failed": u"failing", "warning": u"warning", "passed": u"passing"}

#: Symbols in the title of the browser's tab: a favicon would need a weaker policy.
MARKS = {u"success": u"\u2705", u"failure": u"\u274c", u"warning": u"\u26a0\ufe0f",
         u"draining": u"\u23f8\ufe0f"}


class PageFormat(Format):
    """An HTML page whose Content-Security-Policy allows its own style and nothing else."""

    may_be_kept = False  # it shows how long ago things happened

    def load(self):
        # type: () -> None
        """Reads and compiles the page, once per process."""
        _page()

    def encode(self, report, request):
        # type: (Report, Request) -> Encoded
        """(parts of the body, headers) of a report."""
        headers = [("Content-Type", self.content_type),
                   ("Content-Security-Policy", _page().security_policy)]
        return (write(report, request).encode("utf-8"),), headers


class _Page(object):
    """The page's style, its template, and the Content-Security-Policy that allows the style."""

    def __init__(self, style, template):
        # type: (Text, Text) -> None
        self.style = style
        self.template = bottle.SimpleTemplate(template)
        assert self.template.co  # reading it compiles the template
        digest = base64.b64encode(hashlib.sha256(style.encode("utf-8")).digest())
        self.security_policy = (
            "default-src 'none'; style-src 'sha256-%s'; base-uri 'none'; form-action 'none'; "
            "frame-ancestors 'none'" % six.ensure_str(digest))


_loaded = []  # type: List[_Page]


def _page():
    # type: () -> _Page
    """The page, which the first call in a process reads."""
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


def write(report, request):
    # type: (Report, Request) -> Text
    """The page of a report; without details, only the overall status."""
    page = _page()
    kind, headline, note = _overall(report)
    place = _place(report, request)
    rows = _rows(report)
    about = report.about or {}
    is_refreshing = request.fields.get("refresh") != ["off"]
    html = page.template.render(
        style=page.style, kind=kind, headline=headline, note=note, about=about, place=place,
        title=u"%s %s - %s" % (MARKS[kind], headline, about.get("serviceId") or place),
        summary=_summary(rows), sections=_sections(rows, report.draining),
        is_draining=report.draining, is_hidden=not report.details,
        is_partial=_is_partial(request), pid=os.getpid(),
        made=u"%s UTC" % iso_8601(report.timestamp)[:19].replace("T", " "), refresh=REFRESH,
        is_refreshing=is_refreshing, stop_link=_link(request, refresh=["off"]),
        start_link=_link(request, refresh=[]), all_link=_link(request, check=[], exclude=[]),
        format_links=_format_links(request),
        strip_size=(PITCH * HISTORY_LENGTH, STRIP_HEIGHT, MAX_BAR))  # type: Text
    return html


# The overall status

def _overall(report):
    # type: (Report) -> Tuple[Text, Text, Text]
    """(kind, headline, note below it) of a report."""
    status = _jsonable.text(report.status)
    if not report.details:
        headline = u"Healthy" if report.passed else u"Failing"
        return status, headline, u"Details are hidden for this request."
    if report.draining:
        headline, note = _drained(report)
        return u"draining", headline, note
    if not report.results:
        return u"warning", u"No checks are registered", (
            u"This reports success whenever the process can answer. That suits a liveness probe; "
            u"it says nothing about the service.")
    if not report.passed:
        return status, u"Failing", u""
    warnings = sum(1 for result in report.results if not result["passed"])
    if warnings == 1:
        return u"warning", u"Healthy, with a warning", u""
    if warnings > 1:
        return u"warning", u"Healthy, with %d warnings" % warnings, u""
    return status, u"Healthy", u""


def _drained(report):
    # type: (Report) -> Tuple[Text, Text]
    """(headline, note) while draining; the text given to drain() comes first."""
    result, = report.results
    note = (u"Out of use on purpose for %s: this process reports failure so that load balancers "
            u"stop sending it requests." % wording.period(report.timestamp - result["since"]))
    said = _jsonable.output_text(result["output"]).strip()
    if len(said) > MAX_HEADLINE or u"\n" in said or not said:
        return u"Out of rotation", u"%s\n%s" % (said, note)
    return said, note


def _summary(rows):
    # type: (Dict[str, List[_Row]]) -> List[Tuple[Text, List[List[Text]], int]]
    """For each state that a check is in: (phrase, first names, number of further names)."""
    of_all = u" of %s" % _plural(sum(len(some) for some in rows.values()), u"check")
    summary = []
    for state, one, several in (("failed", u"fails", u"fail"), ("warning", u"warns", u"warn"),
                                ("passed", u"passes", u"pass")):
        some = rows[state]
        if not some:
            continue
        verb = one if len(some) == 1 else several
        names = [row.name for row in some[:MAX_LISTED] if state != "passed"]
        summary.append((u"%d%s %s" % (len(some), of_all, verb), names, len(some) - MAX_LISTED))
        of_all = u""  # only the first phrase says of how many
    return summary


def _plural(number, noun):
    # type: (int, Text) -> Text
    if number == 1:
        return u"1 %s" % noun
    return u"%d %ss" % (number, noun)


def _place(report, request):
    # type: (Report, Request) -> Text
    """The path and the host; neither if details are hidden."""
    if not report.details:
        return u"health check"
    return u"%s on %s" % (_jsonable.text(request.path), _jsonable.text(hostname()))


# Links

def _is_partial(request):
    # type: (Request) -> bool
    return "check" in request.fields or "exclude" in request.fields


def _format_links(request):
    # type: (Request) -> List[Tuple[Text, Text]]
    """(title, address) of a link to each other format that the endpoint offers."""
    return [(one.title, _link(request, format=[one.name], refresh=[]))
            for one in request.offered if one.title]


def _link(request, **changes):
    # type: (Request, **List[str]) -> Text
    """A link to this page with other values in its query; [] leaves a field out."""
    fields = dict(request.fields, **changes)
    pairs = [u"%s=%s" % (name, quote(value, safe=""))
             for name in ("check", "exclude", "format", "refresh")
             for value in fields.get(name, [])]
    return u"?" + u"&".join(pairs)


# The checks

class _Row(object):
    """What the page shows of a check, as text."""

    def __init__(self, result, check, runs, now, is_draining, is_running):
        # type: (Result, Any, Sequence[Tuple[bool, float]], float, bool, bool) -> None
        self.state = state_of(result)
        self.name = wording.parts_of_name(result["checker"])
        self.doc = wording.first_paragraph(check)
        self.glimpse = wording.glimpse(result["output"])
        self.beginning, self.middle, self.end = wording.fold(wording.pretty(result["output"]))
        self.fold = u"Show %s more" % wording.amount(self.middle)
        self.verb = VERBS[self.state]
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
        self.runs = _words_for(runs)
        self.paths = _bars(runs)


def _rows(report):
    # type: (Report) -> Dict[str, List[_Row]]
    """The rows by state; while draining, those of the last results."""
    rows = {"failed": [], "warning": [], "passed": []}  # type: Dict[str, List[_Row]]
    known = report  # type: Optional[Report]
    if report.draining:
        known = report.last_known
    if known is None:
        return rows
    registered = dict((check.__name__, check) for check in known.checks)
    running = _running(known)
    for result in known.results:
        name = result["checker"]
        row = _Row(result, registered.get(name), known.runs_of(name), report.timestamp,
                   report.draining, name in running)
        rows[row.state].append(row)
    return rows


def _running(report):
    # type: (Report) -> Set[Text]
    """The names of the checks that are running beyond their timeout."""
    if report.snapshot is None:
        return set()
    return set(one.name for one in report.snapshot.results if one.outcome.is_overrun)


def _sections(rows, is_draining):
    # type: (Dict[str, List[_Row]], bool) -> List[Tuple[Text, List[_Row]]]
    """(title, rows) for each state that a check is in, the most urgent first."""
    sections = []
    for state, title in (("failed", u"Failing"), ("warning", u"Warning"), ("passed", u"Passing")):
        if is_draining:
            title = u"Last seen %s" % VERBS[state]
        if rows[state]:
            sections.append((title, rows[state]))
    return sections


# Strips

def _words_for(runs):
    # type: (Sequence[Tuple[bool, float]]) -> Text
    """The text alternative of a strip."""
    if not runs:
        return u""
    failures = sum(1 for passed, _ in runs if not passed)
    slowest = max(took for _, took in runs)
    return u"last %s: %d failed, the slowest took %s" % (
        _plural(len(runs), u"run"), failures, wording.duration(slowest))


def _bars(runs):
    # type: (Sequence[Tuple[bool, float]]) -> List[Tuple[Text, Text]]
    """(CSS class, SVG path) of a strip's bars, the newest run on the right.

    Each run is a bar: the slower the run, the longer the bar. A failed run has another colour and,
    for people who cannot see that, a mark below its bar.
    """
    slowest = max([took for _, took in runs] or [0.0])
    bars = {True: [], False: []}  # type: Dict[bool, List[Text]]
    first = HISTORY_LENGTH - len(runs)
    for number, (passed, took) in enumerate(runs, first):
        middle = number * PITCH + PITCH // 2
        height = MIN_BAR
        if slowest > 0:
            height = max(MIN_BAR, int(round(MAX_BAR * took / slowest)))
        bars[passed].append(u"M%d %dv-%d" % (middle, MAX_BAR, height))
        if not passed:
            bars[False].append(u"M%d %dV%d" % (middle, MAX_BAR + 2, STRIP_HEIGHT))
    return [(state, u"".join(bars[passed]))
            for passed, state in ((True, u"passed"), (False, u"failed")) if bars[passed]]
