"""How cost grows with checks, clients and processes, as SVG files beside this one.

    python -m tests.benchmarks.plots

matplotlib draws, in an environment of its own.
"""
import json
import os
import subprocess
import sys
import tempfile

from . import apps, environments, report, sockets

FOLDER = os.path.dirname(os.path.abspath(__file__))
DRAWING = environments.Column("plots", None, None, ("matplotlib==3.10.8",))

CLIENTS = (1, 2, 4, 8, 16, 32)
PROCESSES = (1, 2, 3, 4)

#: Of the check whose runs are counted: seconds that its result is kept, and of asking.
LIFETIME = 2
ASKED = 6


def by_checks():
    """{library: [(checks, times as long as a bare route)]}."""
    from . import cost
    found = report.each_kind("cost", False, cost.KINDS)
    return dict((title, [(count, figures["cached %d" % count]) for count in cost.COUNTS])
                for title, figures in found.items())


def by_clients():
    """{library: [(clients, requests a second by the bare route's)]} under gunicorn gthread."""
    found = {}
    for column in environments.COLUMNS:
        if column.kind == "plain":
            continue
        try:
            with sockets.serving(column, sockets.SERVERS["gunicorn gthread"]) as port:
                found[column.title] = [(clients, sockets.ratio(port, 3, clients))
                                       for clients in CLIENTS]
        except environments.Missing as reason:
            sys.stderr.write("%s: %s\n" % (column.title, reason))
    return found


def by_processes():
    """{library: [(processes, runs of a check in a lifetime)]} under gunicorn, asked at full speed.

    "ours, shared" shares results among the processes through a redis-server.
    """
    from tests.servers import redis_server
    ours = environments.COLUMNS[0]
    others = [column for column in environments.COLUMNS if column.kind in ("flask", "django")]
    found = {}
    with redis_server() as redis:
        for title, column, port in ([(ours.title, ours, ""), ("ours, shared", ours, redis.port)]
                                    + [(other.title, other, "") for other in others]):
            try:
                found[title] = [(count, _runs(column, count, port)) for count in PROCESSES]
            except environments.Missing as reason:
                sys.stderr.write("%s: %s\n" % (title, reason))
    return found


def _runs(column, processes, redis_port):
    """Runs of a check in a lifetime."""
    handle, starts = tempfile.mkstemp()
    os.close(handle)
    arguments = sockets.GUNICORN[:-1] + ["--workers", str(processes),
                                         "tests.benchmarks.plots:counting_service()"]
    try:
        with sockets.serving(column, arguments, BENCHMARK_STARTS=starts,
                             BENCHMARK_REDIS=str(redis_port)) as port:
            sockets.requests_a_second(port, apps.PATH, 1)  # all processes are warm
            before = os.path.getsize(starts)
            sockets.requests_a_second(port, apps.PATH, ASKED)
            return (os.path.getsize(starts) - before) * LIFETIME / float(ASKED)
    finally:
        os.remove(starts)


def counting_service():
    """The service whose check notes each start as one byte in a file."""
    kind = os.environ["BENCHMARK_KIND"]
    options = {} if kind == "django" else {"success_ttl": LIFETIME}
    if os.environ["BENCHMARK_REDIS"]:
        import cachelib
        from bottle_healthcheck import ResultCache
        backend = cachelib.RedisCache(port=int(os.environ["BENCHMARK_REDIS"]))
        options["cache"] = ResultCache(backend, prefix="benchmark")

    def noting():
        with open(os.environ["BENCHMARK_STARTS"], "ab") as starts:
            starts.write(b".")
        return True, "ok"
    return apps.make_app(kind, [noting], **options)


#: name: (what measures it, the x axis, the y axis, logarithmic axes)
PLOTS = {
    "checks": (by_checks, "checks", "times as long as a bare route, in the process", True),
    "clients": (by_clients, "clients at once",
                "requests a second by a bare route's,\ngunicorn gthread, 100 checks", False),
    "processes": (by_processes, "processes", "runs of a check in the lifetime of its result,\n"
                  "8 clients at full speed", True),
}


def draw(path):
    """Draws what a JSON file says; runs where matplotlib is."""
    import matplotlib
    matplotlib.use("svg")
    from matplotlib import pyplot, ticker
    matplotlib.rcParams["svg.hashsalt"] = "benchmarks"  # the same figures, the same file
    with open(path) as file:
        found = json.load(file)
    for name, lines in found.items():
        _, across, up, logarithmic = PLOTS[name]
        figure, axes = pyplot.subplots(figsize=(7, 4))
        for title, points in lines.items():
            axes.plot(*zip(*points), marker="o", label=title)
        if logarithmic:
            axes.set_yscale("log")
        if name != "processes":
            axes.set_xscale("log")
        axes.set_xticks([point[0] for point in points])
        axes.xaxis.set_major_formatter(ticker.StrMethodFormatter("{x:g}"))
        axes.xaxis.set_minor_locator(ticker.NullLocator())
        axes.yaxis.set_major_formatter(ticker.StrMethodFormatter("{x:g}"))
        axes.set(xlabel=across, ylabel=up)
        axes.grid(alpha=0.3)
        axes.legend(fontsize="small")
        figure.savefig(os.path.join(FOLDER, name + ".svg"), bbox_inches="tight",
                       metadata={"Date": None})


def main():
    """Measures, then draws."""
    found = dict((name, plot[0]()) for name, plot in PLOTS.items())
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(found, file)
        file.flush()
        with environments.inside(DRAWING) as (python, environment, _):
            subprocess.check_call([python, "-m", "tests.benchmarks.plots", "--draw", file.name],
                                  cwd=environments.ROOT, env=environment)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--draw"]:
        draw(sys.argv[2])
    else:
        main()
