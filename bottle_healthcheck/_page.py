"""The page for a person at night: the verdict large, then a row a check."""
import base64
import hashlib
import os
import socket

import bottle

from . import _json
from ._formats import iso_8601, output_text

MYPY = False
if MYPY:
    from typing import Any, Dict, Sequence, Text, Tuple

    from ._formats import Report

#: Seconds after which the browser asks again.
REFRESH = 10

#: A strip's bar, in pixels of its drawing: its pitch, and its height for the slowest run.
BAR_PITCH, BAR_HEIGHT = 4, 24

STYLE = u"""
:root { color-scheme: light dark; --good: #1a7f37; --bad: #c62828; --warn: #9a6700;
  --ink: #1f2328; --soft: #59636e; --line: #d1d9e0; --paper: #ffffff; }
@media (prefers-color-scheme: dark) { :root { --good: #3fb950; --bad: #ff7b72; --warn: #d29922;
  --ink: #e6edf3; --soft: #9198a1; --line: #3d444d; --paper: #0d1117; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 75rem; padding: 1rem; color: var(--ink);
  background: var(--paper); font: 1rem/1.4 system-ui, sans-serif; }
h1 { margin: .5rem 0 0; font-size: clamp(2.5rem, 10vw, 5rem); line-height: 1.1; }
p { margin: .25rem 0 1rem; color: var(--soft); overflow-wrap: anywhere; }
.success, .passed { color: var(--good); }
.failure, .failed { color: var(--bad); }
.warning { color: var(--warn); }
table { width: 100%; border-collapse: collapse; }
th, td { padding: .5rem .75rem .5rem 0; border-top: 1px solid var(--line); text-align: left;
  vertical-align: top; }
thead th { border-top: 0; color: var(--soft); font-weight: normal; }
tbody th { overflow-wrap: anywhere; min-width: 8rem; }
.state { font-weight: bold; white-space: nowrap; }
.time { white-space: nowrap; font-variant-numeric: tabular-nums; }
pre { margin: 0; max-height: 12rem; overflow: auto; white-space: pre-wrap;
  overflow-wrap: anywhere; font: .875rem/1.4 ui-monospace, monospace; }
svg { display: block; height: 1.5rem; max-width: 100%; }
rect.passed { fill: var(--good); }
rect.failed { fill: var(--bad); }
@media (max-width: 60rem) {
  thead { position: absolute; clip-path: inset(50%); }
  table, tbody, tr, th, td { display: block; }
  tr { padding: .75rem 0; border-top: 1px solid var(--line); }
  tbody th, td { padding: .1rem 0; border: 0; }
  td[data-label]::before { content: attr(data-label) " "; color: var(--soft); }
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
<p>{{about}}</p>
% if rows:
<table>
<thead><tr><th scope="col">State</th><th scope="col">Check</th><th scope="col">Output</th>
<th scope="col">Since</th><th scope="col">Took</th><th scope="col">Age</th>
<th scope="col">Last runs in process {{pid}}</th></tr></thead>
<tbody>
% for row in rows:
<tr>
<td class="state {{row["kind"]}}">{{row["state"]}}</td>
<th scope="row">{{row["name"]}}</th>
<td><pre tabindex="0">{{row["output"]}}</pre></td>
<td class="time" data-label="since">{{row["since"]}}</td>
<td class="time" data-label="took">{{row["took"]}}</td>
<td class="time" data-label="age">{{row["age"]}}</td>
<td>
% if row["bars"]:
<svg role="img" aria-label="{{row["summary"]}}" width="{{width}}"
 viewBox="0 0 {{width}} {{height}}">
<title>{{row["summary"]}}</title>
% for kind, x, y, bar in row["bars"]:
<rect class="{{kind}}" x="{{x}}" y="{{y}}" width="3" height="{{bar}}"></rect>
% end
</svg>
% end
</td>
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
    digest = base64.b64encode(hashlib.sha256(STYLE.encode("utf-8")).digest()).decode("ascii")
    return "default-src 'none'; style-src 'sha256-%s'; frame-ancestors 'none'" % digest


def render(report):
    # type: (Report) -> Text
    """The page of a report; of one without details, the verdict alone."""
    template = _compiled.get(_TEMPLATE)
    if template is None:  # once per process
        template = _compiled[_TEMPLATE] = bottle.SimpleTemplate(_TEMPLATE)
    kind = "warning" if report.warns else report.status
    about = u"At %s" % iso_8601(report.timestamp)
    if report.details:
        about += u" on %s, process %d" % (_json.text(socket.gethostname()), os.getpid())
    return template.render(
        style=STYLE, refresh=REFRESH, kind=kind, about=about, pid=os.getpid(),
        verdict={"success": u"Healthy", "warning": u"Healthy, with a warning",
                 "failure": u"Failing"}[kind],
        title=_json.text(socket.gethostname()) if report.details else u"health check",
        rows=[_row(result, report) for result in report.results],
        width=BAR_PITCH * 60, height=BAR_HEIGHT)


def _row(result, report):
    # type: (Dict[str, Any], Report) -> Dict[str, Any]
    """What a check's row shows, as text."""
    state = ("passed" if result["passed"]
             else "warning" if result.get("critical") is False else "failed")
    runs = report.runs_of(result["checker"])
    failures = sum(1 for passed, _ in runs if not passed)
    row = {"state": {"passed": u"passed", "failed": u"FAILED", "warning": u"warning"}[state],
           "kind": state, "name": _json.text(result["checker"]),
           "output": output_text(result["output"]), "since": u"", "took": u"", "age": u"",
           "bars": _bars(runs), "summary": u"last %d runs: %d passed, %d failed"
           % (len(runs), len(runs) - failures, failures)}
    if "timestamp" in result:
        row.update(since=_age(report.timestamp - result["since"]) + u" ago",
                   took=u"%.3f s" % result["response_time"],
                   age=_age(report.timestamp - result["timestamp"]))
    return row


def _bars(runs):
    # type: (Sequence[Tuple[bool, float]]) -> list
    """(class, x, y, height) of a strip's bars: the slower the run, the higher its bar."""
    slowest = max([took for _, took in runs] or [0]) or 1.0
    bars = []
    for number, (passed, took) in enumerate(runs):
        bar = max(6, int(round(BAR_HEIGHT * took / slowest)))
        bars.append(("passed" if passed else "failed", number * BAR_PITCH, BAR_HEIGHT - bar, bar))
    return bars


def _age(seconds):
    # type: (float) -> Text
    """A duration as a person says it."""
    seconds = max(0, int(seconds))
    for size, unit in ((86400, u"d"), (3600, u"h"), (60, u"min")):
        if seconds >= 2 * size:
            return u"%d %s" % (seconds // size, unit)
    return u"%d s" % seconds
