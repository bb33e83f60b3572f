"""What one poll costs that comes alone, 1.1 s after the last, as those of real monitors do.

    python -m tests.benchmarks poll

Each library and number of checks has a process of its own, which serves the endpoint and a bare
route and does nothing in between: it waits for the next request, asleep, while the others are
polled. All are polled once in each round, one after another, evenly spread over its 1.1 s, so that
what disturbs the machine disturbs all of them. Nothing else is done to empty the processor's
caches: a loop that writes over them made polls faster, for it kept the processor awake.

Where a process happens to lie in memory moves its figure by up to a third, for as long as it lives.
So all is measured several times, with new processes, and each figure is the median.

Results are fresh in the first half of the rounds. In the second half one of them expires before
each poll. The bare route sets the content type and the other headers that ours sends, and returns
the same bytes; py-healthcheck's is a route of Flask.
"""
from __future__ import print_function

import collections
import contextlib
import os
import subprocess
import sys
import tempfile
import time
import timeit

from . import apps, environments, measuring
from .report import Row, skip

#: What ours may take at most, in times of the bare route, by the number of checks.
LIMITS = collections.OrderedDict([(1, 1.25), (10, 1.25), (100, 1.25), (1000, 1.60)])

#: Numbers of checks of which one expires before each poll.
STAGGERED = (100, 1000)

KINDS = ("ours", "original", "flask")

#: Seconds from one poll of an endpoint to the next.
PERIOD = 1.1

#: Rounds that are not counted; the first one runs all checks.
WARMING = 3

#: Polls of each half of the rounds.
POLLS, POLLS_QUICK = 25, 7

#: So often all is measured, with new processes.
PASSES, PASSES_QUICK = 5, 1

#: Seconds that other results are kept: they never expire.
FOR_EVER = 3600.0

#: One request to the bare route and one to the endpoint right after it in the order of a round:
#: seconds, and how many checks ran.
Sample = collections.namedtuple("Sample", "bare poll runs")


def lifetimes(count, polls):
    """The seconds that the result of each check is kept.

    All checks run at the first turn of the bare route, half a round before the first poll. In the
    second half of the rounds one of them expires in the middle between two polls. A check that ran
    then is fresh for longer than the rest of the rounds takes.
    """
    first = WARMING + polls
    staggered = [(first + index) * PERIOD for index in range(min(count, polls))]
    return staggered + [FOR_EVER] * (count - len(staggered))


class Endpoint(object):
    """The endpoint of a library, a bare route with the same bytes, and how often checks ran."""

    def __init__(self, kind, count, polls):
        self.runs = 0
        self.kind = kind
        app, self._health = apps.make_health(kind)
        for index, lifetime in enumerate(lifetimes(count, polls)):
            self._add("check_%d" % index, lifetime)
        self.poll = apps.asking(app)
        self.bare = None

    def _add(self, name, lifetime):
        def check():
            self.runs += 1
            if self.kind != "ours":  # they read it when the check has returned
                self._health.success_ttl = lifetime
            return True, "ok"
        check.__name__ = name
        if self.kind == "ours":
            self._health.add_check(check, success_ttl=lifetime)
        else:
            self._health.add_check(check)

    def first_poll(self):
        """Runs all checks."""
        status, body = self.poll()
        assert status.startswith("200"), (self.kind, status)
        make_bare = apps.bare_flask_app if self.kind == "flask" else apps.bare_app
        self.bare = apps.asking(make_bare(body))
        self.bare()


def serve(kind, count, polls):
    """Polls the endpoint or the bare route at each line on stdin and prints seconds and runs."""
    out = os.fdopen(os.dup(1), "w")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)  # for what a library prints
    endpoint = Endpoint(kind, count, polls)
    print("ready", file=out)
    out.flush()
    for line in iter(sys.stdin.readline, ""):
        before = endpoint.runs
        if endpoint.bare is None:
            endpoint.first_poll()
            taken = 0.0
        else:
            job = endpoint.bare if line.strip() == "bare" else endpoint.poll
            begun = timeit.default_timer()
            job()
            taken = timeit.default_timer() - begun
        print("%r %d" % (taken, endpoint.runs - before), file=out)
        out.flush()


class Contestant(object):
    """A process that serves one library with so many checks."""

    def __init__(self, column, count):
        self.column = column
        self.count = count
        self.samples = []
        self._process = None
        self._errors = None

    @contextlib.contextmanager
    def running(self, polls):
        """Until the end of the block; environments.Missing where it does not start."""
        with environments.inside(self.column) as (python, environment, folder):
            with tempfile.TemporaryFile() as self._errors:
                command = [python, "-m", "tests.benchmarks.poll", self.column.kind,
                           str(self.count), str(polls)]
                self._process = subprocess.Popen(
                    command, cwd=folder, env=environment, stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE, stderr=self._errors)
                try:
                    self._read()
                    yield self
                finally:
                    self._process.stdin.close()
                    self._process.wait()
                    self._process.stdout.close()

    def request(self, what):
        """(seconds, runs) of a request to the "bare" route or of a "poll"."""
        self._process.stdin.write(what.encode("ascii") + b"\n")
        self._process.stdin.flush()
        taken, runs = self._read().split()
        return float(taken), int(runs)

    def _read(self):
        line = self._process.stdout.readline().decode("ascii")
        if not line:
            self._errors.seek(0)
            raise environments.Missing("poll failed: %s"
                                       % environments.last_line(self._errors.read()))
        return line


def poll_in_turns(contestants, rounds):
    """Polls each once in a round, evenly spread over it, and keeps the samples."""
    slot = PERIOD / (2 * len(contestants))
    begun = timeit.default_timer()
    turn = 0
    for number in range(rounds):
        # First the bare route of each, then the endpoint of each: half a round lies between.
        halves = []
        for what in ("bare", "poll"):
            answers = []
            for one in contestants:
                time.sleep(max(0.0, begun + turn * slot - timeit.default_timer()))
                answers.append(one.request(what))
                turn += 1
            halves.append(answers)
        if number >= WARMING:
            for one, bare, poll in zip(contestants, *halves):
                one.samples.append(Sample(bare[0], poll[0], poll[1]))


def figures(samples, polls):
    """{figure: seconds, or times of the bare route} of one contestant.

    Only polls that ran as many checks as they should: a machine that stalls lets two expire.
    """
    fresh = [sample for sample in samples[:polls] if sample.runs == 0]
    staggered = [sample for sample in samples[polls:] if sample.runs == 1]
    found = {}
    if len(fresh) > polls // 2:
        found["bare"] = measuring.median([sample.bare for sample in fresh])
        found["poll"] = measuring.median([sample.poll for sample in fresh]) / found["bare"]
    if len(staggered) > polls // 2:
        found["staggered"] = measuring.median([sample.poll for sample in staggered])
    return found


def measured(polls):
    """{(column title, number of checks): figures}, all of them polled in the same rounds."""
    with contextlib.ExitStack() as stack:
        contestants = []
        for column in environments.COLUMNS:
            if column.kind not in KINDS or column.python is not None:
                continue  # on the Python that runs this, all of them
            try:
                contestants += [stack.enter_context(Contestant(column, count).running(polls))
                                for count in LIMITS]
            except environments.Missing as reason:
                skip("%s: %s" % (column.title, reason))
        poll_in_turns(contestants, WARMING + 2 * polls)
    found = collections.OrderedDict(((one.column.title, one.count), figures(one.samples, polls))
                                    for one in contestants)
    for (title, count), by_figure in found.items():
        expected = ("poll", "staggered") if count in STAGGERED else ("poll",)
        for figure in expected:
            if figure not in by_figure:
                skip("%s, %d checks: too many polls ran another number of checks than expected"
                     % (title, count))
    return found


def median_of(passes):
    """{(column title, number of checks): figures}: of each figure the median of those measured."""
    found = collections.OrderedDict()
    for key in passes[0]:
        by_figure = collections.OrderedDict()
        for one in passes:
            for figure, value in one.get(key, {}).items():
                by_figure.setdefault(figure, []).append(value)
        found[key] = dict((figure, measuring.median(values))
                          for figure, values in by_figure.items())
    return found


def rows(quick):
    """The rows of the table."""
    polls, passes = (POLLS_QUICK, PASSES_QUICK) if quick else (POLLS, PASSES)
    found = median_of([measured(polls) for _ in range(passes)])

    def row(what, unit, count, figure, limit=None, times=1):
        by_title = collections.OrderedDict(
            (column.title, found[column.title, count]) for column in environments.COLUMNS
            if (column.title, count) in found)
        return Row.of(what, unit, figure, by_title, limit, times)
    table = [row("poll %g s after the last, %d check%s" % (PERIOD, count, "s"[count == 1:]),
                 "x bare route", count, "poll", limit) for count, limit in LIMITS.items()]
    table.append(row("the bare route itself, polled likewise", "us", 100, "bare", times=1e6))
    for count in STAGGERED:
        table.append(row("poll that finds one of %d results expired" % count, "us", count,
                         "staggered", times=1e6))
        original = table[-1].cells.get("0.2.1, Python 3")
        table[-1].limit = original and original / 2
    return table


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
