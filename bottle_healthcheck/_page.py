"""The page for a person at night: the verdict large, then a row a check."""
import base64
import hashlib
import os

import bottle
import six

from . import _jsonable
from ._cache import KEPT_RUNS
from ._formats import hostname, iso_8601

MYPY = False
if MYPY:
    from typing import Any, Dict, Sequence, Text, Tuple

    from ._report import Report

#: Seconds after which the browser asks again.
REFRESH = 10

#: A strip of runs, in pixels of its drawing: its middle line, and the room for one run.
MIDDLE, PITCH = 12, 4

STYLE = u"""
:root { color-scheme: light dark; --good: #1a7f37; --bad: #c62828; --warn: #8a5c00;
  --ink: #1f2328; --soft: #59636e; --line: #d1d9e0; --paper: #ffffff;
  --bad-paper: #ffebe9; --warn-paper: #fff8c5; }
@media (prefers-color-scheme: dark) { :root { --good: #3fb950; --bad: #ff7b72; --warn: #d29922;
  --ink: #e6edf3; --soft: #9198a1; --line: #3d444d; --paper: #0d1117;
  --bad-paper: #351518; --warn-paper: #2b2108; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 100rem; padding: 1rem; color: var(--ink);
  background: var(--paper); font: 1rem/1.4 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { margin: .5rem; font-size: clamp(2.5rem, 10vw, 5rem); line-height: 1.1; }
p { margin: .25rem .5rem; }
a { margin-right: .5rem; color: inherit; font-weight: bold; }
.about, thead, .label { color: var(--soft); }
h1.success, .passed .state { color: var(--good); }
h1.failure, .failed .state { color: var(--bad); }
h1.warning, .warning .state { color: var(--warn); }
table { width: 100%; margin-top: 1.5rem; table-layout: fixed; border-collapse: collapse; }
th, td { padding: .5rem; border-bottom: 1px solid var(--line); text-align: left;
  vertical-align: top; font-variant-numeric: tabular-nums; }
thead th { font-weight: normal; vertical-align: bottom; }
tr.failed { background: var(--bad-paper); }
tr.warning { background: var(--warn-paper); }
thead .state, thead .took { width: 6.5rem; }
thead .name { width: 13rem; }
thead .since, thead .checked { width: 7rem; }
thead .runs { width: 11.5rem; }
.state, .since, .took, .checked { white-space: nowrap; }
tbody .state { font-weight: bold; }
.took { padding-right: 1.5rem; text-align: right; }
.label { display: none; }
pre { margin: 0; max-height: 12.25rem; overflow: auto; white-space: pre-wrap;
  font: .875rem/1.4 ui-monospace, monospace; }
.failed pre, .warning pre { max-height: 64rem; }
svg { display: block; width: 100%; max-width: 15rem; height: 1.5rem; }
line { stroke: var(--line); }
rect.passed { fill: var(--good); }
rect.failed { fill: var(--bad); }
@media (max-width: 60rem) {
  thead { position: absolute; clip-path: inset(50%); }
  table, tbody { display: block; }
  tr { display: flex; flex-wrap: wrap; gap: .1rem 1rem; padding: .6rem .5rem;
    border-bottom: 1px solid var(--line); }
  tbody th, tbody td { padding: 0; border: 0; }
  .name { flex: 1; }
  .output, .runs { flex: 0 0 100%; }
  .label { display: inline; }
}
"""

_TEMPLATE = u"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="{{refresh}}">
<title>{{verdict}} - {{title}}</title>
<style>{{!style}}</style>
</head>
<body>
<main>
<h1 class="{{kind}}">{{verdict}}</h1>
<p>{{note}}
% for row in rows:
% if row["kind"] != "passed":
<a href="#{{row["id"]}}">{{row["name"]}}</a>
% end
% end
</p>
<p class="about">{{about}}</p>
% if rows:
<table>
<thead><tr><th scope="col" class="state">State</th><th scope="col" class="name">Check</th>
<th scope="col">Output</th><th scope="col" class="since">Since</th>
<th scope="col" class="took">Took</th><th scope="col" class="checked">Checked</th>
<th scope="col" class="runs">Last runs in process {{pid}}</th></tr></thead>
<tbody>
% for row in rows:
<tr id="{{row["id"]}}" class="{{row["kind"]}}">
<td class="state">{{row["state"]}}</td>
<th scope="row" class="name">{{row["name"]}}</th>
<td class="output"><pre>{{row["output"]}}</pre></td>
<td class="since"><span class="label">since</span>
<time datetime="{{row["since"]}}" title="{{row["since"]}}">{{row["since_ago"]}}</time></td>
<td class="took"><span class="label">took</span> {{row["took"]}}</td>
<td class="checked"><span class="label">checked</span>
<time datetime="{{row["checked"]}}" title="{{row["checked"]}}">{{row["checked_ago"]}}</time></td>
<td class="runs"><span class="label">last runs in process {{pid}}</span>
<svg role="img" aria-label="{{row["summary"]}}" viewBox="0 0 {{width}} {{height}}"
 preserveAspectRatio="none"><title>{{row["summary"]}}</title>
<line x1="0" x2="{{width}}" y1="{{middle}}" y2="{{middle}}"></line>
% for kind, x, y, bar in row["bars"]:
<rect class="{{kind}}" x="{{x}}" y="{{y}}" width="3" height="{{bar}}"></rect>
% end
</svg></td>
</tr>
% end
</tbody>
</table>
% end
</main>
</body>
</html>
"""

_compiled = {}  # type: Dict[Text, bottle.SimpleTemplate]


def security_policy():
    # type: () -> str
    """The Content-Security-Policy under which nothing but the page's own style works."""
    digest = base64.b64encode(hashlib.sha256(STYLE.encode("utf-8")).digest())
    return ("default-src 'none'; style-src 'sha256-%s'; base-uri 'none'; form-action 'none'; "
            "frame-ancestors 'none'" % six.ensure_str(digest))


def load():
    # type: () -> bottle.SimpleTemplate
    """The compiled template; constructors call this, so that no request has to wait for it."""
    template = _compiled.get(_TEMPLATE)
    if template is None:  # once per process
        template = bottle.SimpleTemplate(_TEMPLATE)
        assert template.co  # compiled when it is first read
        _compiled[_TEMPLATE] = template
    return template


def render(report):
    # type: (Report) -> Text
    """The page of a report; of one without details, the verdict alone."""
    template = load()
    kind = "warning" if report.warns or report.draining else report.status
    host = _jsonable.text(hostname()) if report.details else u"health check"
    about = u"%s UTC" % iso_8601(report.timestamp)[:19].replace("T", " ")
    if report.details:
        about += u" on %s, process %d" % (host, os.getpid())
    rows = [] if report.draining else [_row(number, result, report)
                                       for number, result in enumerate(report.results)]
    return template.render(
        style=STYLE, refresh=REFRESH, kind=kind, note=_note(report), about=about, title=host,
        verdict=_verdict(report), rows=rows, pid=os.getpid(),
        width=PITCH * KEPT_RUNS, middle=MIDDLE, height=2 * MIDDLE)


def _verdict(report):
    # type: (Report) -> Text
    if report.draining:
        return u"Draining"
    if report.warns:
        return u"Healthy, with a warning"
    return u"Healthy" if report.passed else u"Failing"


def _note(report):
    # type: (Report) -> Text
    """The line below the verdict; the names of what does not pass follow it."""
    if not report.details:
        return u"No details are told here."
    if report.draining:
        return _jsonable.output_text(report.results[0]["output"])
    if not report.results:
        return u"There are no checks."
    passed = sum(1 for result in report.results if result["passed"])
    note = u"%d of %d checks passed." % (passed, len(report.results))
    return note if passed == len(report.results) else note + u" Look at:"


def _row(number, result, report):
    # type: (int, Dict[str, Any], Report) -> Dict[str, Any]
    """What a check's row shows, as text."""
    kind = ("passed" if result["passed"]
            else "warning" if result.get("critical") is False else "failed")
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
    for number, (passed, took) in enumerate(runs, KEPT_RUNS - len(runs)):
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
