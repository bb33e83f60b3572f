"""32 requests at once on a check that takes a second: how often it runs, how long they wait.

    python -m tests.benchmarks stampede
"""
import threading
import time

from . import apps, measuring
from .report import Row, each_kind

CROWD = 32
CHECK_SECONDS = 1.0
#: Long enough for a cold crowd of any library, one after another in the worst case.
LIFETIME = 2.0


def crowd(app):
    """The seconds that each of the requests took; all begin at once."""
    gate, took = threading.Event(), []

    def request():
        ask = apps.asking(app)
        gate.wait()
        took.append(measuring.seconds(ask))
    threads = [threading.Thread(target=request) for _ in range(CROWD)]
    for thread in threads:
        thread.start()
    time.sleep(0.2)  # until all stand at the gate
    gate.set()
    for thread in threads:
        thread.join()
    return took


def measure(kind, quick):
    """Runs and the median wait of a cold crowd, and of one just after the result's expiry."""
    runs = []

    def slow():
        runs.append(None)
        time.sleep(CHECK_SECONDS)
        return True, "ok"
    options = {"success_ttl": LIFETIME} if kind in ("ours", "original", "flask") else {}
    app = apps.make_app(kind, [slow], **options)
    cold = crowd(app)
    figures = {"cold runs": len(runs), "cold p50": measuring.median(cold)}
    time.sleep(LIFETIME + 0.1)
    del runs[:]
    expired = crowd(app)
    figures.update({"expired runs": len(runs), "expired p50": measuring.median(expired)})
    return figures


def rows(quick):
    """The rows of the table."""
    found = each_kind("stampede", quick)
    what = "%d at once, %g s check, " % (CROWD, CHECK_SECONDS)
    return [Row.of(what + "cold", "runs", "cold runs", found, 1),
            Row.of(what + "cold: median wait", "s", "cold p50", found),
            Row.of(what + "expired", "runs", "expired runs", found, 1),
            Row.of(what + "expired: median wait", "ms", "expired p50", found, 50, 1e3)]
