"""10 checks of 200 ms each, none of them run yet: how long one request takes.

    python -m tests.benchmarks ten_checks
"""
import time

from . import apps, measuring
from .report import Row, each_kind

COUNT = 10
CHECK_SECONDS = 0.2


def wait():
    """A check of a dependency that takes its time."""
    time.sleep(CHECK_SECONDS)
    return True, "ok"


def request(kind, **options):
    """The seconds that the first request of a new service takes."""
    checks = []
    for index in range(COUNT):
        def check():
            return wait()
        check.__name__ = "check_%d" % index
        checks.append(check)
    return measuring.seconds(apps.asking(apps.make_app(kind, checks, **options)))


def measure(kind, quick):
    """The median of a few services."""
    times = 1 if quick else 5
    figures = {"as it comes": measuring.median([request(kind) for _ in range(times)])}
    if kind == "ours":
        figures["with timeout"] = measuring.median([request(kind, timeout=5)
                                                    for _ in range(times)])
    return figures


def rows(quick):
    """The rows of the table."""
    found = each_kind("ten_checks", quick)
    what = "%d checks of %g s, cold" % (COUNT, CHECK_SECONDS)
    return [Row.of(what + ", ours with timeout=5", "s", "with timeout", found, 0.3),
            Row.of(what + ", options as they come", "s", "as it comes", found)]
