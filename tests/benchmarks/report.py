"""The table of a run: what was measured, for each library, and on what machine."""
import collections
import json
import os
import platform
import sys
import time

from . import environments

#: What README says before the table.
HEAD = """# Benchmarks

    python -m tests.benchmarks --markdown tests/benchmarks/README.md

in an environment that has what `requirements.txt` names runs them all and writes this file; it
takes about 15 minutes. Names after it choose some: `python -m tests.benchmarks cost load`.
`--quick` takes a look with fewer rounds, `--json FILE` writes the figures for programs, and the
exit status is 1 where a target is missed. The other libraries are installed at pinned versions
into environments under `~/.cache/bottle-healthcheck`.

Each figure compares: with a hand-written Bottle route that returns the same bytes and sets the
same headers ("x bare route"), or with the target beside it. All are medians, of turns that
alternate with what they are compared with. "a plain route" calls its checks and keeps nothing.
"0.2.1, Python 3" is 0.2.1 with its `print` statement made a call: its checks need no more there.

The polls come alone, 1.1 s after the last, as a monitor's do; so they run code that is in no
processor's cache, and cost many times what the same request costs in a loop (the rows "cached
answer"). Each library and number of checks has a process of its own, and all are polled in the
same rounds, with a bare route beside each; py-healthcheck's is a route of Flask here. Results
are fresh, except in the rows where one of them expires before each poll; there the target is half
of what 0.2.1 takes. Where a process happens to lie in memory moves its figure by up to a third: all
is polled five times, with new processes, and each figure is the median.

`python -m tests.benchmarks.plots` draws how cost grows, in 10 minutes more:

![by the number of checks](checks.svg)
![by the number of clients](clients.svg)
![by the number of processes](processes.svg)

"""

#: Why a cell is empty, once for each reason.
_reasons = collections.OrderedDict()  # type: collections.OrderedDict


class Row(object):
    """One line: cells by column title, a number or text each; limit is what ours may be at most.

    at_least turns the limit round; without a limit a row has no verdict.
    """

    def __init__(self, what, unit, cells, limit=None, at_least=False):
        self.what = what
        self.unit = unit
        self.cells = cells
        self.limit = limit
        self.at_least = at_least

    @classmethod
    def of(cls, what, unit, figure, found, limit=None, times=1):
        """A row of one figure out of each_kind()."""
        cells = collections.OrderedDict(
            (title, figures[figure] if times == 1 else figures[figure] * times)
            for title, figures in found.items() if figure in figures)
        return cls(what, unit, cells, limit)

    def target(self):
        """The limit as text."""
        if self.limit is None:
            return ""
        return "%s %s" % (">=" if self.at_least else "<=", _figure(self.limit))

    def is_missed(self):
        """Whether ours is past its limit."""
        found = self.cells.get(environments.COLUMNS[0].title)
        if self.limit is None or found is None:
            return False
        return found < self.limit if self.at_least else found > self.limit


class Report(object):
    """The rows, and on what they were measured."""

    def __init__(self, rows, load_before):
        self.rows = rows
        self.machine = machine(load_before)
        self.reasons = list(_reasons)
        used = [title for row in rows for title in row.cells]
        known = [column.title for column in environments.COLUMNS]
        others = [title for title in collections.OrderedDict.fromkeys(used) if title not in known]
        self.columns = [title for title in known if title in used] + others

    def missed(self):
        """The rows whose target is missed."""
        return [row for row in self.rows if row.is_missed()]

    def lines(self):
        """The cells of the table, the header's first."""
        yield ["", "unit", "target"] + self.columns
        for row in self.rows:
            yield ([row.what, row.unit, row.target() + " MISSED" * row.is_missed()]
                   + [_figure(row.cells.get(title)) for title in self.columns])

    def text(self):
        """For a terminal."""
        lines = list(self.lines())
        widths = [max(len(line[index]) for line in lines) for index in range(len(lines[0]))]
        table = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip()
                 for line in lines]
        return "\n".join(table + [""] + self.notes())

    def markdown(self):
        """README.md of this folder."""
        lines = ["| " + " | ".join(line) + " |" for line in self.lines()]
        lines.insert(1, "|" + " --- |" * (3 + len(self.columns)))
        return HEAD + "\n".join(lines + [""] + ["- " + note for note in self.notes()]) + "\n"

    def json(self):
        """For programs."""
        rows = [{"what": row.what, "unit": row.unit, "target": row.target(), "cells": row.cells,
                 "missed": row.is_missed()} for row in self.rows]
        return json.dumps({"machine": self.machine, "rows": rows, "skipped": self.reasons},
                          indent=2) + "\n"

    def notes(self):
        """On what it ran, and what was left out."""
        machine = ["%s: %s" % pair for pair in self.machine.items()]
        return machine + ["skipped: " + reason for reason in self.reasons]


def each_kind(module, quick, kinds=None):
    """{column title: figures} of a module's measure() in every environment that can be had."""
    found = collections.OrderedDict()
    for column in environments.COLUMNS:
        if kinds is not None and column.kind not in kinds:
            continue
        try:
            found[column.title] = environments.measured(column, module, quick)
        except environments.Missing as reason:
            skip("%s: %s" % (column.title, reason))
    return found


def skip(reason):
    """Notes why something could not be measured."""
    _reasons[reason] = True


def machine(load_before):
    """What a run depends on, and nothing that identifies the machine."""
    import bottle
    return collections.OrderedDict([
        ("date", time.strftime("%Y-%m-%d")),
        ("processor", "%s, %s cores" % (_processor(), os.sysconf("SC_NPROCESSORS_ONLN"))),
        ("system", platform.system()),
        ("Python", platform.python_version()),
        ("Bottle", bottle.__version__),
        ("load average", "%.1f before, %.1f after" % (load_before, os.getloadavg()[0]))])


def _processor():
    try:
        with open("/proc/cpuinfo") as lines:
            for line in lines:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except EnvironmentError:
        pass
    return platform.processor() or sys.platform


def _figure(value):
    """A number with as many digits as mean something."""
    if value is None:
        return "-"
    if not isinstance(value, float):
        return str(value)
    return "%.2f" % value if value < 10 else "%.1f" % value if value < 100 else "%.0f" % value
