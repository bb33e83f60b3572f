# coding: utf-8
"""bottle_healthcheck._http.negotiation: which format and which checks a request asks for."""
import json

import bottle
import pytest
import six
from six.moves.urllib.parse import quote

from bottle_healthcheck import HealthCheck
from tests import growth, internals
from tests.internals import RequestOptions, validate_formats
from tests.wsgi import NAIVE, NAVIGATION, ask_health as ask, service

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
JSON = "application/json"
HEALTH = "application/health+json"
HTML = "text/html; charset=utf-8"
PROMETHEUS = ("application/openmetrics-text;version=1.0.0,application/openmetrics-text;"
              "version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1")


def format_of(accept, offered, navigates=True):
    return RequestOptions("", accept, offered, navigates).format.name


class TestAccept(object):
    """The Accept header selects the format."""

    @pytest.mark.parametrize("accept, name", [
        ("", "json"), ("*/*", "json"), ("text/*", "json"), ("application/*", "json"),
        ("text/plain", "json"), ("text/plain;version=0.0.3", "json"), ("image/png", "json"),
        ("text/plain, text/*, */*", "json"), (BROWSER, "html"), (PROMETHEUS, "prometheus"),
        ("text/plain;version=0.0.4", "prometheus"), ("text/plain; version=0.0.4", "prometheus"),
        ("application/health+json", "health"),
        ("text/html;q=0.5, application/json;q=0.5", "json"), ("text/html, */*", "json"),
        ("text/html, application/health+json", "json"), ("text/html;q=0", "json"),
        ("text/html;q=0.1, */*;q=0", "html"), ("text/html;q=0.5, image/png", "html"),
        ("text/html;q=0.4, application/health+json;q=0.6, */*;q=0.1", "health"),
        ("TEXT/HTML ; Q=0.9", "html"), ("text/html,", "html"),
        # malformed
        ("text/html;q=2", "json"), ("text/html;q=-1", "json"), ("text/html;q=x", "json"),
        ("text/html;q=", "json"), ("text/html;q=nan", "json"), ("text/html, rubbish", "json"),
        ("rubbish", "json"), (";", "json"), ("text/html/x", "json"), ("\xff\xfe", "json"),
    ])
    def test_preferred_format(self, accept, name):
        pytest.importorskip("prometheus_client")
        assert format_of(accept, validate_formats(None)) == name

    @pytest.mark.parametrize("offered, accept, name", [
        (("json", "text"), BROWSER, "json"),
        (("health", "html"), "*/*", "health"),
        (("html",), "application/json", "html"),
        (("text",), PROMETHEUS, "text"),
        (("json", "html"), "text/html;q=0.1, application/health+json", "html"),
        (validate_formats(["html", "text"]), "*/*", "text"),
    ])
    def test_formats_limits_it(self, offered, accept, name):
        assert format_of(accept, offered) == name

    @pytest.mark.parametrize("other", ["json", "health", "text", "html"])
    def test_failure_is_200_in_metrics_alone(self, other):
        pytest.importorskip("prometheus_client")
        app = service(formats=["prometheus", other])
        for accept in (None, "*/*", "text/plain", "image/png", "rubbish"):
            answer = ask(app, accept=accept)
            assert answer.status == 500 and b"healthcheck_success" not in answer.body
        assert ask(app, accept=PROMETHEUS).status == 200

    @pytest.mark.parametrize("accept, content_type", [
        (None, JSON), ("*/*", JSON), ("text/html", HTML), (HEALTH, HEALTH)])
    def test_response_varies_with_it(self, accept, content_type):
        app = service()
        for _ in range(2):  # the second one is sent again as it is
            answer = ask(app, accept=accept)
            assert answer.headers["Content-Type"] == content_type
            assert answer.headers["Vary"] == "Accept"

    def test_vary_of_the_user_stays(self):
        app = service("up", success_headers={"Vary": "Cookie", "Content-Type": "text/x-mine"})
        assert ask(app).headers["Vary"] == "Cookie, Accept"
        assert ask(app).headers["Content-Type"] == "text/x-mine"
        assert ask(app, accept=HEALTH).headers["Content-Type"] == HEALTH
        assert ask(app, "format=json").headers["Vary"] == "Cookie"

    def test_responses_are_kept_by_it(self):
        app = service("up")
        for accept, content_type in [(BROWSER, HTML), (None, JSON), (HEALTH, HEALTH)] * 2:
            assert ask(app, accept=accept, **NAVIGATION).headers["Content-Type"] == content_type

    def test_prometheus_needs_its_package(self, without_prometheus_client):
        app = service("up")
        assert ask(app, accept=PROMETHEUS).headers["Content-Type"] == JSON
        answer = ask(app, accept=PROMETHEUS + ",text/html;q=0.6", **NAVIGATION)
        assert answer.headers["Content-Type"] == HTML
        answer = ask(app, "format=prometheus")
        assert answer.status == 400
        assert (b"needs a package that is not installed: "
                b"pip install 'bottle-healthcheck[prometheus]'") in answer.body
        assert b"one of json, health, text, html\"" in ask(app, "format=xml").body

    @pytest.mark.parametrize("accept", [
        "a" * 65536, "," * 65536, ";" * 65536, "/" * 65536, "text/html," * 6553,
        "text/html;q=0." + "1" * 65000, "text/html;q=" + "9" * 65000, "text/html;" + "a=b;" * 16000,
        "application/openmetrics-text," * 2200, "application/openmetrics-text;version=x",
        "application/openmetrics-text;version=" + "1." * 30000, "text/html ;" + " " * 65000 + "q=1",
        "text/plain;version=0.0.4;" * 2600, "\"" * 65536, "(" * 65536, "\xff" * 65536,
        "text/html;q=1e-999999", "*/*;q=0", "text/html\t,\x00/\x00"])
    def test_hostile_one_is_answered(self, accept):
        app = service("up")
        assert ask(app, accept=accept).status == 200
        assert ask(app, "format=text", accept).status == 200
        pytest.importorskip("prometheus_client")
        assert ask(app, "format=prometheus", accept).status == 200
        # The page, which the last one gets, is made for every request.
        is_kept = len(accept) < 1024 and not accept.startswith("text/html\t")
        assert internals.kept_responses(app.health) == int(is_kept)

    @pytest.mark.growth
    @pytest.mark.parametrize("query", ["", "format=text", "format=prometheus"])
    @pytest.mark.parametrize("start, unit", [
        ("", "a"), ("", ","), ("", ";"), ("", "/"), ("", "text/html,"), ("text/html;q=0.", "1"),
        ("text/html;q=", "9"), ("text/html;", "a=b;"), ("", "application/openmetrics-text,"),
        ("application/openmetrics-text;version=", "1."), ("text/html ;", " "),
        ("", "text/plain;version=0.0.4;"), ("", "\""), ("", "("), ("", "\xff")])
    def test_takes_time_linear_in_its_length(self, start, unit, query):
        if "prometheus" in query:
            pytest.importorskip("prometheus_client")
        app = service("up")
        growth.assert_linear(lambda accept: ask(app, query, accept),
                             lambda size: start + unit * (size // len(unit)), 1024)

    def test_too_long_one_is_not_read(self, monkeypatch):
        app, accept = service("up"), "text/html" + " " * 8183
        assert ask(app, accept=accept).headers["Content-Type"] == HTML
        assert ask(app, accept=accept + " ").headers["Content-Type"] == JSON


class TestBrowser(object):
    """A browser that opens a page gets HTML, a monitor that looks like one does not."""

    @pytest.mark.parametrize("accept, name", [
        (BROWSER, "json"), ("text/html, */*;q=0.1", "json"), ("text/html, */*;q=0", "html"),
        ("text/html", "html"), ("text/html, text/plain", "json"),
        ("text/html, text/*;q=0.5", "html"),
        ("text/html, application/health+json;q=0.9, */*;q=0.8", "health")])
    def test_monitor_gets_json(self, accept, name):
        assert format_of(accept, validate_formats(None), navigates=False) == name

    @pytest.mark.parametrize("other", ["!/!", "*/!", "x/y"])
    def test_wildcard_is_what_a_browser_sends(self, other):
        assert format_of("text/html, " + other, validate_formats(None), navigates=False) == "html"

    def test_monitor_gets_the_first_format_without_json(self):
        assert format_of(BROWSER, ("text", "html"), navigates=False) == "text"
        assert format_of(BROWSER, ("html",), navigates=False) == "html"

    @pytest.mark.parametrize("environ, content_type", [
        ({"HTTP_SEC_FETCH_MODE": "navigate"}, HTML),
        ({"HTTP_UPGRADE_INSECURE_REQUESTS": "1"}, HTML),
        ({}, JSON), ({"HTTP_SEC_FETCH_MODE": "cors"}, JSON),
        ({"HTTP_SEC_FETCH_MODE": "no-cors"}, JSON),
        ({"HTTP_UPGRADE_INSECURE_REQUESTS": "0"}, JSON)])
    def test_is_known_by_its_headers(self, environ, content_type):
        app = service("up")
        for _ in range(2):  # the other kind asks in between
            assert ask(app, accept=BROWSER, **environ).headers["Content-Type"] == content_type
            for other, its_type in ((NAVIGATION, HTML), ({}, JSON)):
                answer = ask(app, accept=BROWSER, **other)
                assert answer.headers["Content-Type"] == its_type
                assert answer.headers["Vary"] == (
                    "Accept, Upgrade-Insecure-Requests, Sec-Fetch-Mode")


TEXT = "text/plain; charset=utf-8"


class TestQuery(object):
    """?format= selects the format."""

    @pytest.mark.parametrize("name, content_type", [
        ("json", JSON), ("health", HEALTH), ("html", HTML), ("text", TEXT),
        ("prometheus", "text/plain; version=0.0.4; charset=utf-8")])
    def test_format_takes_precedence_and_nothing_varies(self, name, content_type):
        if name == "prometheus":
            pytest.importorskip("prometheus_client")
        answer = ask(service(), "format=" + name, "image/png")
        assert answer.headers["Content-Type"] == content_type
        assert "Vary" not in answer.headers
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"

    @pytest.mark.parametrize("query, words", [
        ("format=xml", "unknown or not offered, expected one of json, text"),
        ("format=html", "unknown or not offered, expected one of json, text"),
        ("format=", "unknown or not offered"), ("format", "unknown or not offered"),
        ("format=JSON", "unknown or not offered"), ("format=json%00", "unknown or not offered"),
        ("format=json&format=json", "given 2 times, expected once"),
        ("format=json&format=text", "given 2 times, expected once"),
        ("f%6Frmat=xml", "unknown or not offered"),
    ])
    def test_unknown_format_is_400(self, query, words):
        answer = ask(service("up", formats=("text", "json")), query, BROWSER)
        assert (answer.status, answer.headers["Content-Type"]) == (400, JSON)
        problem = json.loads(answer.body.decode("ascii"))
        assert problem["status"] == "failure" and words in problem["error"]

    def test_unknown_field_is_ignored(self):
        for query in ("_=123", "&&&", "=", "?", "formats=xml", "Format=xml", "%", "%zz=%", "a;b"):
            assert ask(service("up"), query).status == 200

    @pytest.mark.parametrize("query, status", [
        ("check=up&" * 90, 200), ("check=up&" * 90 + "check=x", 404), ("check=x&" * 90, 404),
        ("exclude=up&" * 90, 404), ("format=json&" * 90, 400), ("&" * 99, 200),
        ("%" * 8192, 200), ("%41" * 2700, 200), ("=" * 8192, 200), ("+" * 8192, 200),
        ("check=" + "%ff" * 2700, 404), ("check=" + "%" * 8000, 404), ("\xff" * 8192, 200),
        ("".join("check%d=up&" % number for number in range(90)), 200)])
    def test_hostile_one_is_answered(self, query, status):
        answer = ask(service("up"), query)
        assert answer.status == status
        if status >= 400:
            assert len(answer.body) < 1000

    @pytest.mark.parametrize("path",
                             ["/http://[", "/http://[::1", "/http://other.example/", "/a:b"])
    def test_path_of_a_catch_all_is_no_url(self, path):
        app = bottle.Bottle()
        HealthCheck(app, "/<rest:path>")
        answer = ask(app, "format=html", path=path)
        assert answer.status == 200
        assert path in answer.body.decode("utf-8")


def names_in(answer):
    return [result["checker"]
            for result in json.loads(answer.body.decode("ascii"))["results"]]


class TestSelection(object):
    """?check= and ?exclude= select checks."""

    @pytest.mark.parametrize("query, status, names", [
        ("check=up", 200, ["up"]), ("check=down", 500, ["down"]),
        ("check=down&check=up", 500, ["up", "down"]), ("check=up&check=up", 200, ["up"]),
        ("exclude=down", 200, ["up", NAIVE]), ("exclude=down&exclude=up", 200, [NAIVE]),
        ("check=up&check=down&exclude=down", 200, ["up"]), ("ch%65ck=u%70", 200, ["up"]),
        ("check=" + quote(NAIVE), 200, [NAIVE]),
        ("check=" + quote(NAIVE).replace("%20", "+"), 200, [NAIVE]),
        ("exclude=" + quote(NAIVE) + "&exclude=down", 200, ["up"]),
    ])
    def test_names_select_checks(self, query, status, names):
        answer = ask(service("up", "down", NAIVE), query)
        assert answer.status == status
        assert names_in(answer) == [six.ensure_text(name) for name in names]

    @pytest.mark.parametrize("query, words", [
        ("check=nothing", u"check names 'nothing', which is no check"),
        ("exclude=nothing", u"exclude names 'nothing', which is no check"),
        ("check=up&check=nothing", u"'nothing'"), ("check=", u"''"), ("check", u"''"),
        ("check=UP", u"'UP'"), ("check=up%00", u"'up\0'"), ("check=%ff", u"'\\xff'"),
        ("check=%zz", u"'%zz'"), ("check=%E2%9C%93", u"'\u2713'"), ("check=\xe2", u"'\\xe2'"),
        ("check=%ED%A0%80", u"which is no check"), ("check=%3Cscript%3E", u"'<script>'"),
        ("check=" + "x" * 1000, u"'%s'" % (u"x" * 80)),
        ("check=a%0d%0aSet-Cookie:b", u"'a\r\nSet-Cookie:b'"),
    ])
    def test_unknown_check_is_404(self, query, words):
        answer = ask(service("up", NAIVE), query, BROWSER)
        assert (answer.status, answer.headers["Content-Type"]) == (404, JSON)
        problem = json.loads(answer.body.decode("ascii"))
        assert problem["status"] == "failure" and words in problem["error"]
        assert problem["error"].endswith(u"expected one of up, " + six.ensure_text(NAIVE))

    def test_unknown_check_without_checks_is_404(self):
        health = HealthCheck()
        with pytest.raises(ValueError, match="which is no check: there is none"):
            health.run("database")

    @pytest.mark.parametrize("query", [
        "exclude=up&exclude=down", "exclude=down&exclude=up&exclude=up", "check=up&exclude=up"])
    def test_empty_selection_is_404(self, query):
        answer = ask(service("up", "down"), query)
        assert (answer.status, answer.headers["Content-Type"]) == (404, JSON)
        assert b"check and exclude leave no check" in answer.body

    def test_only_selected_checks_run(self):
        app, ran = bottle.Bottle(), []
        health = HealthCheck(app, "/health", success_ttl=None)
        for name in "abc":
            health.add_check(lambda name=name: (True, ran.append(name)), name=name)
        ask(app, "check=b")
        ask(app, "exclude=b")
        ask(app, "check=c&format=text", BROWSER)
        assert ran == ["b", "a", "c", "c"]
        ask(app, "check=d")
        ask(app, "check=a&format=xml")
        assert ran == ["b", "a", "c", "c"]


class TestLongQueries(object):
    """Nothing of a query is read that is longer than anybody needs."""

    @pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
    @pytest.mark.parametrize("query, status, error", [
        ("&" * 8193, 414, "the query has 8193 bytes, expected at most 8192"),
        ("check=" + "\xff" * 300000, 414, "the query has 300006 bytes, expected at most 8192"),
        ("&" * 100, 400, "the query has 101 fields, expected at most 100"),
        ("check=up&" * 100, 400, "the query has 101 fields, expected at most 100"),
    ])
    def test_it_is_refused_unread(self, method, query, status, error, monkeypatch):
        internals.replace(monkeypatch, internals.UNQUOTE, None)  # it would raise a TypeError
        answer = ask(service("up"), query, method=method)
        assert answer.status == status
        assert answer.headers["Content-Type"] == JSON
        if method != "HEAD":
            assert json.loads(answer.body.decode("utf-8")) == {"status": "failure", "error": error}

    def test_one_at_the_limits_is_answered(self):
        app = service("up")
        assert ask(app, "check=up&" * 99).status == 200
        assert ask(app, "a=" + "b" * 8190).status == 200
        assert ask(app, "check=" + "b" * 8186).status == 404
