"""What the environment dump and the redaction of secrets cost.

    python -m tests.benchmarks dump
"""
import json
import os

from . import apps, measuring
from .report import Row, each_kind

#: What a container's environment may hold beside the process's own.
VARIABLES = 100

#: In times of a bare route, half of what 1.0.0 took.
LIMIT = 531


def fill_environment():
    """A large environment, some of it secret."""
    for index in range(VARIABLES):
        os.environ["SERVICE_%d_HOST" % index] = "10.0.0.%d" % index
        os.environ["SERVICE_%d_URL" % index] = "https://user:secret%d@10.0.0.1:443/path" % index
        os.environ["SERVICE_%d_TOKEN" % index] = "0123456789abcdef%d" % index


def make_app(kind):
    """A WSGI application with the dump at apps.PATH."""
    if kind == "flask":
        import flask
        import healthcheck
        app = flask.Flask("benchmark")
        app.add_url_rule(apps.PATH, "environment", view_func=healthcheck.EnvironmentDump().run)
        return app
    import bottle
    from bottle_healthcheck import EnvironmentDump
    app = bottle.Bottle()
    EnvironmentDump(app, apps.PATH)
    return app


def answer(kind, rounds):
    """How much longer an answer takes than a bare route with the same bytes."""
    ask = apps.asking(make_app(kind))
    status, body = ask()
    if not status.startswith("200"):
        return status
    return measuring.ratio(ask, apps.asking(apps.bare_app(body)), rounds)


def redaction(rounds):
    """How much longer redacting the environment takes than writing it as JSON."""
    from tests.internals import _jsonable, scrubber
    data = _jsonable.plain(os.environ)
    return measuring.ratio(lambda: scrubber.Redactor().clean(data), lambda: json.dumps(data),
                           rounds)


def growth(rounds):
    """How much longer redacting 8 times as long a hostile text takes."""
    from tests.internals import scrubber

    def clean(size):
        text = (u"password=a:b@c/ --token " * size)[:size]
        return lambda: scrubber.Redactor().clean({u"text": text})
    return measuring.ratio(clean(8 * 8000), clean(8000), rounds)


def measure(kind, quick):
    """{figure: number} of one library."""
    fill_environment()
    rounds = 10 if quick else 40
    figures = {"answer": answer(kind, rounds)}
    if kind == "ours":
        figures["redaction"] = redaction(rounds)
        figures["growth"] = growth(rounds)
    return figures


def rows(quick):
    """The rows of the table."""
    found = each_kind("dump", quick, ("ours", "original", "flask"))
    return [Row.of("environment dump, %d variables" % (3 * VARIABLES), "x bare route", "answer",
                   found, LIMIT),
            Row.of("its redaction", "x json.dumps", "redaction", found),
            Row.of("redaction of a hostile text 8 times as long", "x", "growth", found)]
