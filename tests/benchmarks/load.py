"""README's fleet: how often 66 polls a minute run a check, over an hour of a clock of our own.

    python -m tests.benchmarks load
"""
import random
import time

from . import apps
from .report import Row, each_kind

HAPROXIES = 30
MINUTES = 60


def polls():
    """The seconds at which somebody asks: 30 haproxies twice a minute, one monit six times."""
    chance = random.Random(66)
    every = [(30.0, chance.uniform(0, 30)) for _ in range(HAPROXIES)] + [(10.0, 3.0)]
    return sorted(begin + period * turn for period, begin in every
                  for turn in range(int(MINUTES * 60 / period)))


def runs_a_minute(kind, passed):
    """How often a check that always says so runs a minute."""
    now = [1e9]
    runs = []

    def check():
        runs.append(None)
        return passed, "as ever"
    ask = apps.asking(apps.make_app(kind, [check]))
    clocks = _set_clocks(kind, lambda: now[0])
    try:
        for poll in polls():
            now[0] = 1e9 + poll
            ask()
    finally:
        for module, name, clock in clocks:
            setattr(module, name, clock)
    return len(runs) / float(MINUTES)


def _set_clocks(kind, clock):
    """Puts the clock in place of those that the library reads, and returns these."""
    clocks = [(time, "time", time.time)]
    if kind == "ours":
        from tests.internals import CLOCK
        clocks.append(CLOCK + (getattr(*CLOCK),))
    for module, name, _ in clocks:
        setattr(module, name, clock)
    return clocks


def measure(kind, quick):
    """{figure: number} of one library."""
    return {"passing": runs_a_minute(kind, True), "failing": runs_a_minute(kind, False)}


def rows(quick):
    """The rows of the table."""
    found = each_kind("load", quick)
    what = "%d polls a minute, a %s check"
    asked = len(polls()) // MINUTES
    return [Row.of(what % (asked, "passing"), "runs a minute", "passing", found, 2.3),
            Row.of(what % (asked, "failing"), "runs a minute", "failing", found, 6.7)]
