"""What an answer, a run, the registration of checks and the import cost in the process.

    python -m tests.benchmarks cost
"""
import compileall
import gc
import os
import shutil
import subprocess
import sys
import tempfile

from . import apps, measuring
from .report import Row, each_kind

KINDS = ("ours", "original", "flask", "django")
COUNTS = (1, 10, 100, 1000)

#: A query that changes nothing, but no response to it is kept: each request builds one.
NOT_KEPT = "not-kept"

#: Numbers of checks whose registration is compared.
REGISTERED = (250, 2000)

IMPORTS = """
import timeit
begun = timeit.default_timer()
import bottle
between = timeit.default_timer()
import bottle_healthcheck
print("%f %f" % (timeit.default_timer() - between, between - begun))
"""


def cached(kind, count, rounds, query=""):
    """How much longer a cached answer takes than a bare route with the same bytes."""
    ask = apps.asking(apps.make_app(kind, apps.many(count)), query=query)
    status, body = ask()
    assert status.startswith("200"), (kind, status)
    return measuring.ratio(ask, apps.asking(apps.bare_app(body)), rounds)


def uncached(rounds, **options):
    """The seconds that a run takes more than its check, which returns at once."""
    from bottle_healthcheck import HealthCheck
    health = HealthCheck(checkers=[apps.passing], success_ttl=None, **options)
    health.run()  # starts the worker
    return measuring.over(health.run, apps.passing, rounds)


def registration(kind, times):
    """How much longer registering many checks takes than registering few: the median of pairs."""
    few, many = [apps.many(count) for count in REGISTERED]

    def register(checks):
        add_check = apps.make_health(kind)[1].add_check

        def register_all():
            for check in checks:
                add_check(check)
        gc.collect()  # what an earlier turn left
        return measuring.seconds(register_all)
    register(few)  # what is made on first use
    return measuring.median([register(many) / register(few) for _ in range(times)])


def fresh_run(count, rounds):
    """The seconds that run() takes for each check where all results are fresh."""
    health = apps.make_health("ours", checkers=apps.many(count), success_ttl=3600)[1]
    health.run()
    return measuring.median([measuring.seconds(health.run) for _ in range(rounds)]) / count


def import_seconds(python, processes):
    """What importing ours takes on top of Bottle, and what Bottle takes: medians, in seconds."""
    import bottle_healthcheck
    folder = tempfile.mkdtemp()
    try:
        copy = os.path.join(folder, "bottle_healthcheck")  # compiled, as pip does
        shutil.copytree(os.path.dirname(bottle_healthcheck.__file__), copy)
        compileall.compile_dir(copy, quiet=1)
        outputs = [subprocess.check_output([python, "-c", IMPORTS], cwd=folder,
                                           env=dict(os.environ, PYTHONPATH=folder))
                   for _ in range(processes)]
    finally:
        shutil.rmtree(folder)
    pairs = [[float(part) for part in line.split()] for line in outputs]
    return [measuring.median(column) for column in zip(*pairs)]


def measure(kind, quick):
    """{figure: number} of one library, in its own environment."""
    rounds = 40 if quick else 200
    figures = {}
    for count in COUNTS:
        turns = max(10, rounds // 10) if kind != "ours" and count > 10 else rounds
        figures["cached %d" % count] = cached(kind, count, turns)
    if kind != "django":
        figures["registration"] = registration(kind, 3 if quick else 9)
    if kind == "ours":
        figures["not kept 100"] = cached(kind, 100, rounds, NOT_KEPT)
        figures["inline"] = uncached(rounds * 10)
        figures["worker"] = uncached(rounds * 10, timeout=5)
        figures["fresh run"] = fresh_run(1000, rounds)
        figures["import"], figures["import bottle"] = import_seconds(sys.executable, rounds // 8)
    return figures


def rows(quick):
    """The rows of the table."""
    found = each_kind("cost", quick, KINDS)
    table = [Row.of("cached answer, %d check%s" % (count, "s"[count == 1:]), "x bare route",
                    "cached %d" % count, found, 1.0) for count in COUNTS]
    table.append(Row.of("response that is not kept, 100 checks", "x bare route", "not kept 100",
                        found))
    table.append(Row.of("uncached run, over the check itself", "us", "inline", found, 60, 1e6))
    table.append(Row.of("the same in a worker thread", "us", "worker", found, 150, 1e6))
    table.append(Row.of("run() with 1000 fresh checks", "us a check", "fresh run", found, 1.0, 1e6))
    table.append(Row.of("registering %d checks" % REGISTERED[1], "x %d checks" % REGISTERED[0],
                        "registration", found, 30))
    table.append(Row.of("import, on top of Bottle's", "ms", "import", found, 15, 1e3))
    return table
