# coding: utf-8
"""bottle_healthcheck._http.formats: what holds in every format."""
import collections
import json
import os

import bottle
import pytest

from bottle_healthcheck import HealthCheck
from tests.internals import FORMATS
from tests.wsgi import NAIVE, NAVIGATION, ask_health as ask, service

PROMETHEUS = ("application/openmetrics-text;version=1.0.0,application/openmetrics-text;"
              "version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1")
JSON = "application/json"
TEXT = "text/plain; charset=utf-8"


@pytest.fixture(params=list(FORMATS))
def name(request):
    if request.param == "prometheus":
        pytest.importorskip("prometheus_client")
    return request.param


def overall_status_of(name, body):
    """The overall status as a body of that format spells it."""
    text = body.decode("utf-8")
    if name == "text":
        return text.splitlines()[-1]
    if name == "html":
        return text.split("<h1")[1].split(">")[1].split("<")[0]
    return json.loads(text)["status"]


class TestFormats(object):
    """The option formats."""

    @pytest.mark.parametrize("formats, error", [
        ("json", TypeError), (b"json", TypeError), (1, TypeError), ({"json": 1}, TypeError),
        ((), ValueError), (("json", "xml"), ValueError), ([None], ValueError)])
    def test_invalid_ones_are_refused(self, formats, error):
        with pytest.raises(error) as problem:
            HealthCheck(formats=formats)
        assert "formats is" in str(problem.value) and "json, health, text" in str(problem.value)

    def test_prometheus_alone_needs_its_package(self, without_prometheus_client):
        with pytest.raises(ValueError) as problem:
            HealthCheck(formats=["prometheus"])
        assert "pip install 'bottle-healthcheck[prometheus]'" in str(problem.value)
        app = service("up", formats=["prometheus", "text"])  # where it stands first
        for accept in (None, PROMETHEUS, "rubbish"):
            assert ask(app, accept=accept).headers["Content-Type"] == TEXT

    @pytest.mark.parametrize("checks, status, by_format", [
        (("up",), 200, {"json": "success", "health": "pass", "text": "success", "html": "Healthy"}),
        (("up", "warning"), 200, {"json": "success", "health": "warn", "text": "success",
                                  "html": "Healthy, with a warning"}),
        (("up", "down"), 503, {"json": "failure", "health": "fail", "text": "failure",
                               "html": "Failing"})])
    def test_overall_status_is_the_same(self, checks, status, by_format):
        app = service(*checks, failed_status=503)
        for name, expected in by_format.items():
            answer = ask(app, "format=" + name)
            assert answer.status == status
            assert overall_status_of(name, answer.body) == expected


def broken():
    raise RuntimeError("no session")


BODIES = {"json": b'{"status": "failure"}', "health": b'{"status": "fail"}',
          "text": b"failure\n"}


class TestHiddenDetails(object):
    """Without details, every format shows the overall status alone."""

    @pytest.mark.parametrize("details", [False, lambda: False, lambda: None, broken])
    @pytest.mark.parametrize("draining", [False, True])
    def test_hidden_in_every_format(self, name, details, draining, monkeypatch):
        monkeypatch.setattr(os, "getpid", lambda: 987654321)  # a real one may be 20, as in 2026
        app = service("up", "down", "warning", NAIVE, details=details)
        if draining:
            app.health.drain("moving-out")
        for _ in range(2):
            answer = ask(app, "format=" + name)
            assert answer.status == (200 if name == "prometheus" else 500)
            assert answer.body == BODIES.get(name, answer.body)
            for secret in (b"up", b"down", b"no-route", b"warning\"", b"slow", b"drain", b"moving",
                           bottle.tob(str(os.getpid()))):
                assert secret not in answer.body.split(b"</style>")[-1].lower()

    def test_warnings_are_hidden(self):
        app = service("up", "warning", details=False)
        assert ask(app, "format=health").body == b'{"status": "pass"}'
        assert b"warning" not in ask(app, "format=html").body.split(b"</style>")[-1]

    @pytest.mark.parametrize("query", ["check=up", "check=nothing", "exclude=up", "exclude=nothing",
                                       "check=", "check=up&exclude=up"])
    def test_every_name_is_404(self, query):
        answers = [ask(service("up", details=details), query) for details in (False, broken)]
        for answer in answers:
            assert (answer.status, answer.headers["Content-Type"]) == (404, JSON)
            assert answer.body == (b'{"status": "failure", "error": "this health check shows no '
                                   b'details"}')

    def test_callable_is_called_for_every_request(self):
        shown = []
        app = service("up", details=lambda: bool(shown))
        assert b"all-is-well" not in ask(app).body
        shown.append(True)
        assert b"all-is-well" in ask(app).body
        del shown[:]
        assert b"all-is-well" not in ask(app).body

    def test_failing_callable_is_logged_once(self, caplog):
        works = []
        app = service("up", details=lambda: works[0])
        for _ in range(3):
            assert b"all-is-well" not in ask(app).body
        assert caplog.text.count("details() failed") == 1
        works.append(True)
        assert b"all-is-well" in ask(app).body
        del works[:]
        ask(app)
        assert caplog.text.count("details() failed") == 2
        app.health.details = lambda: works[1]
        ask(app)
        assert caplog.text.count("details() failed") == 3

    def test_hidden_where_the_callable_returns_a_generator(self, caplog):
        def details():
            yield False
        assert b"all-is-well" not in ask(service("up", details=details)).body
        assert "details() is of type generator, expected True or False" in caplog.text


ABOUT = {"description": u"sells \u00fcberall", "releaseId": "0a1b2c3", "version": "1.2",
         "serviceId": "shop"}


class TestAbout(object):
    """What the service says of itself."""

    @pytest.mark.parametrize("draining", [False, True])
    def test_has_its_place_in_json(self, draining):
        app = service("up", about=ABOUT)
        if draining:
            app.health.drain()
        body = json.loads(ask(app).body, object_pairs_hook=collections.OrderedDict)
        assert list(body) == ["status", "hostname", "pid", "timestamp", "about", "results"]
        assert list(body["about"].items()) == [
            (name, ABOUT[name]) for name in ("serviceId", "version", "releaseId", "description")]
        body = json.loads(ask(app, "format=health").body)
        assert dict((name, body[name]) for name in ABOUT) == ABOUT

    def test_is_hidden_with_details(self, name):
        shown = []
        app = service("up", about=ABOUT, details=lambda: bool(shown))
        assert b"shop" not in ask(app, "format=" + name).body
        shown.append(True)
        assert (b"shop" in ask(app, "format=" + name).body) is (name not in ("text", "prometheus"))

    def test_may_change(self):
        app = service("up")
        assert "about" not in json.loads(ask(app).body)
        app.health.about = {"version": "2"}
        assert json.loads(ask(app).body)["about"] == {"version": "2"}
        app.health.about = {}
        assert "about" not in json.loads(ask(app).body)


class TestDraining(object):
    def test_is_shown_in_every_format(self, name):
        app = service("up", drain_status=404)
        app.health.drain("moving-out")
        answer = ask(app, "format=" + name)
        assert answer.status == (200 if name == "prometheus" else 404)
        assert b"all-is-well" not in answer.body
        assert (b"drain" if name == "prometheus" else b"moving-out") in answer.body
        app.health.resume()
        assert ask(app, "format=" + name).status == 200
        assert b"moving-out" not in ask(app, "format=" + name).body


BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
HTML = "text/html; charset=utf-8"


class TestHandler(object):
    """A user's handler replaces all formats of its outcome."""

    @pytest.mark.parametrize("handler, body", [
        (lambda results: "mine", b"mine"), (lambda results: {"n": 1}, b'{"n": 1}'),
        (None, b"NOT OK")])
    def test_is_the_only_format_of_its_outcome(self, name, handler, body):
        app = service("up", "down", failed_handler=handler, failed_status=503)
        for query, accept in (("format=" + name, None), ("", BROWSER), ("", PROMETHEUS)):
            answer = ask(app, query, accept)
            assert (answer.status, answer.body) == (503, body)
            assert answer.headers["Content-Type"] == JSON
        app = service("up", failed_handler=handler)  # the other outcome keeps its formats
        assert ask(app, accept=BROWSER, **NAVIGATION).headers["Content-Type"] == HTML

    def test_failing_one_shows_status_alone(self, name):
        app = service("up", "down", failed_handler=lambda results: 1 / 0, failed_status=503)
        answer = ask(app, "format=" + name)
        assert (answer.status, answer.body) == (503, b'{"status": "failure"}')
