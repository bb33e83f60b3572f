# coding: utf-8
"""bottle_healthcheck._formats, and the route's choice among them."""
import io
import json
import os
import sys

import bottle
import pytest
import six
from six.moves.urllib.parse import quote

from bottle_healthcheck import HealthCheck
from tests import growth, internals
from tests.helpers import DATA
from tests.internals import _formats
from tests.wsgi import NAIVE, ask_health as ask, service

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
PROMETHEUS = ("application/openmetrics-text;version=1.0.0,application/openmetrics-text;"
              "version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1")
JSON = "application/json"
HEALTH = "application/health+json"
HTML = "text/html; charset=utf-8"
TEXT = "text/plain; charset=utf-8"

#: As a check's results come: 2026-02-03 04:05:06 UTC and a little before.
NOW = 1770091506.25
PASSED = {"checker": "database", "output": {"rows": 1}, "passed": True, "timestamp": NOW,
          "expires": NOW + 27, "response_time": 0.25, "since": NOW - 3600}
FAILED = {"checker": "queue", "output": [u"caf\xe9", None], "passed": False,
          "timestamp": NOW - 1.5, "expires": NOW + 9, "response_time": 1.5, "since": NOW - 60}
WARNED = {"checker": "a:b", "output": u"no route", "passed": False, "timestamp": NOW,
          "expires": NOW + 9, "response_time": 0.0, "since": NOW, "critical": False}
DRAINED = {"checker": "drain", "passed": False, "output": "draining"}


@pytest.fixture
def without_prometheus_client(monkeypatch):
    monkeypatch.setitem(sys.modules, "prometheus_client", None)


# The choice

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
def test_what_an_accept_header_prefers(accept, name):
    pytest.importorskip("prometheus_client")
    assert _formats.prefer(accept, _formats.FORMATS) == name


@pytest.mark.parametrize("offered, accept, name", [
    (("json", "text"), BROWSER, "json"),
    (("health", "html"), "*/*", "health"),
    (("html",), "application/json", "html"),
    (("text",), PROMETHEUS, "text"),
    (("json", "html"), "text/html;q=0.1, application/health+json", "html"),
    (_formats.check_formats(["html", "text"]), "*/*", "text"),
])
def test_formats_limits_what_an_accept_header_gets(offered, accept, name):
    assert _formats.prefer(accept, offered) == name


@pytest.mark.parametrize("other", ["json", "health", "text", "html"])
def test_who_asks_for_no_metrics_is_never_told_a_failure_with_their_status_200(other):
    pytest.importorskip("prometheus_client")
    app = service(formats=["prometheus", other])
    for accept in (None, "*/*", "text/plain", "image/png", "rubbish"):
        answer = ask(app, accept=accept)
        assert answer.status == 500 and b"healthcheck_success" not in answer.body
    assert ask(app, accept=PROMETHEUS).status == 200


@pytest.mark.parametrize("name, content_type", [
    ("json", JSON), ("health", HEALTH), ("html", HTML), ("text", TEXT),
    ("prometheus", "text/plain; version=0.0.4; charset=utf-8")])
def test_the_query_wins_over_the_accept_header_and_nothing_varies(name, content_type):
    if name == "prometheus":
        pytest.importorskip("prometheus_client")
    answer = ask(service(), "format=" + name, "image/png")
    assert answer.headers["Content-Type"] == content_type
    assert "Vary" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("accept, content_type", [
    (None, JSON), ("*/*", JSON), (BROWSER, HTML), (HEALTH, HEALTH)])
def test_an_answer_by_the_accept_header_varies_with_it(accept, content_type):
    app = service()
    for _ in range(2):  # the second one is sent again as it is
        answer = ask(app, accept=accept)
        assert answer.headers["Content-Type"] == content_type
        assert answer.headers["Vary"] == "Accept"


def test_answers_that_are_kept_are_told_apart_by_the_accept_header():
    app = service("up")
    for accept, content_type in [(BROWSER, HTML), (None, JSON), (HEALTH, HEALTH)] * 2:
        assert ask(app, accept=accept).headers["Content-Type"] == content_type


def test_a_vary_of_the_users_own_stays():
    app = service("up", success_headers={"Vary": "Cookie", "Content-Type": "text/x-mine"})
    assert ask(app).headers["Vary"] == "Cookie, Accept"
    assert ask(app).headers["Content-Type"] == "text/x-mine"
    assert ask(app, accept=HEALTH).headers["Content-Type"] == HEALTH
    assert ask(app, "format=json").headers["Vary"] == "Cookie"


@pytest.mark.parametrize("query, words", [
    ("format=xml", "unknown or not offered, expected one of json, text"),
    ("format=html", "unknown or not offered, expected one of json, text"),
    ("format=", "unknown or not offered"), ("format", "unknown or not offered"),
    ("format=JSON", "unknown or not offered"), ("format=json%00", "unknown or not offered"),
    ("format=json&format=json", "given 2 times, expected once"),
    ("format=json&format=text", "given 2 times, expected once"),
    ("f%6Frmat=xml", "unknown or not offered"),
])
def test_a_format_that_there_is_not_is_400_in_json(query, words):
    answer = ask(service("up", formats=("text", "json")), query, BROWSER)
    assert (answer.status, answer.headers["Content-Type"]) == (400, JSON)
    problem = json.loads(answer.body.decode("ascii"))
    assert problem["status"] == "failure" and words in problem["error"]


@pytest.mark.parametrize("formats, error", [
    ("json", TypeError), (b"json", TypeError), (1, TypeError), ({"json": 1}, TypeError),
    ((), ValueError), (("json", "xml"), ValueError), ([None], ValueError)])
def test_formats_that_make_no_sense_are_refused_at_construction(formats, error):
    with pytest.raises(error) as problem:
        HealthCheck(formats=formats)
    assert "formats is" in str(problem.value) and "json, health, text" in str(problem.value)


def test_what_nobody_asked_about_changes_nothing():
    for query in ("_=123", "&&&", "=", "?", "formats=xml", "Format=xml", "%", "%zz=%", "a;b"):
        assert ask(service("up"), query).status == 200


# Without prometheus_client

def test_without_its_package_prometheus_is_not_offered(without_prometheus_client):
    app = service("up")
    assert ask(app, accept=PROMETHEUS).headers["Content-Type"] == JSON
    assert ask(app, accept=PROMETHEUS + ",text/html;q=0.6").headers["Content-Type"] == HTML
    answer = ask(app, "format=prometheus")
    assert answer.status == 400
    assert (b"needs a package that is not installed: "
            b"pip install 'bottle-healthcheck[prometheus]'") in answer.body
    assert b"one of json, health, text, html\"" in ask(app, "format=xml").body


def test_without_its_package_prometheus_cannot_be_the_only_format(without_prometheus_client):
    with pytest.raises(ValueError) as problem:
        HealthCheck(formats=["prometheus"])
    assert "pip install 'bottle-healthcheck[prometheus]'" in str(problem.value)
    app = service("up", formats=["prometheus", "text"])  # where it stands first
    for accept in (None, PROMETHEUS, "rubbish"):
        assert ask(app, accept=accept).headers["Content-Type"] == TEXT


# The formats

def golden(name):
    with io.open(os.path.join(DATA, name), encoding="utf-8") as source:
        return source.read()


@pytest.fixture
def same_host(monkeypatch):
    monkeypatch.setattr("socket.gethostname", lambda: "web-1")
    monkeypatch.setattr("os.getpid", lambda: 4321)
    monkeypatch.setattr("time.time", lambda: NOW)


def test_json_as_a_whole(same_host):
    result = _formats.collections.OrderedDict((key, PASSED[key]) for key in (
        "checker", "output", "passed", "timestamp", "expires", "response_time", "since"))
    body, content_type, more = _formats.write(_formats.Report([result]), "json", "")
    assert (content_type, more) == (JSON, [])
    assert body == (
        b'{"status": "success", "hostname": "web-1", "pid": 4321, "timestamp": 1770091506.25, '
        b'"results": [{"checker": "database", "output": {"rows": 1}, "passed": true, '
        b'"timestamp": 1770091506.25, "expires": 1770091533.25, "response_time": 0.25, '
        b'"since": 1770087906.25}]}')


HEALTH_BODIES = [
    ("pass", [PASSED],
     '{"status": "pass", "checks": {"database:responseTime": [{"componentId": "database", '
     '"observedValue": 0.25, "observedUnit": "s", "status": "pass", '
     '"time": "2026-02-03T04:05:06.250Z"}]}}'),
    ("warn", [PASSED, WARNED, dict(WARNED, checker="a_b")],
     '{"status": "warn", "checks": {"database:responseTime": [{"componentId": "database", '
     '"observedValue": 0.25, "observedUnit": "s", "status": "pass", '
     '"time": "2026-02-03T04:05:06.250Z"}], "a_b:responseTime": [{"componentId": "a:b", '
     '"observedValue": 0.0, "observedUnit": "s", "status": "warn", '
     '"time": "2026-02-03T04:05:06.250Z", "output": "no route"}, {"componentId": "a_b", '
     '"observedValue": 0.0, "observedUnit": "s", "status": "warn", '
     '"time": "2026-02-03T04:05:06.250Z", "output": "no route"}]}}'),
    ("fail", [FAILED, WARNED],
     '{"status": "fail", "checks": {"queue:responseTime": [{"componentId": "queue", '
     '"observedValue": 1.5, "observedUnit": "s", "status": "fail", '
     '"time": "2026-02-03T04:05:04.750Z", "output": "[\\"caf\\\\u00e9\\", null]"}], '
     '"a_b:responseTime": [{"componentId": "a:b", "observedValue": 0.0, "observedUnit": "s", '
     '"status": "warn", "time": "2026-02-03T04:05:06.250Z", "output": "no route"}]}}'),
    ("drained", [DRAINED],
     '{"status": "fail", "checks": {"drain": [{"componentId": "drain", "status": "fail", '
     '"output": "draining"}]}}'),
    ("no checks", [], '{"status": "pass", "checks": {}}'),
]


@pytest.mark.parametrize("results, body", [case[1:] for case in HEALTH_BODIES],
                         ids=[case[0] for case in HEALTH_BODIES])
def test_health_json_as_a_whole(results, body):
    assert _formats.write(_formats.Report(results), "health", "") == (
        body.encode("ascii"), HEALTH, [])


def test_health_json_is_what_the_draft_describes():
    jsonschema = pytest.importorskip("jsonschema")
    with io.open(os.path.join(DATA, "health_check_06.schema.json"), encoding="utf-8") as source:
        schema = jsonschema.Draft7Validator(json.load(source))
    bodies = [json.loads(body) for _, _, body in HEALTH_BODIES] + [
        json.loads(ask(service(*checks, **options), "format=health").body.decode("ascii"))
        for checks in [("up",), ("up", "warning"), ("up", "down", NAIVE)]
        for options in [{}, {"details": False}]]
    for body in bodies:
        schema.validate(body)
    for wrong in ({}, {"status": "ok"}, {"status": "pass", "output": "x"},
                  {"status": "pass", "checks": {"a:b:c": [{}]}},
                  {"status": "pass", "checks": {"a": [{"time": "yesterday"}]}},
                  {"status": "fail", "checks": {"a": [{"observedUnit": "s"}]}}):
        assert not schema.is_valid(wrong)


def test_text_is_a_line_a_check_and_the_verdict():
    report = _formats.Report([
        {"checker": "database", "passed": True, "output": {"rows": 1}},
        {"checker": u"que\nue", "passed": False, "output": u"no\nroute \u2028 to\x1b[0m 0.5 u"},
        {"checker": "c", "passed": False, "output": None},
        {"checker": "d", "passed": False, "output": {"a": [u"\xe9"]}, "critical": False}])
    body, content_type, _ = _formats.write(report, "text", "")
    assert content_type == TEXT
    assert body.decode("utf-8") == (
        u"[+]database ok\n[-]que ue failed: no route   to [0m 0.5 u\n"
        u"[-]c failed: null\n[-]d failed: {\"a\": [\"\\u00e9\"]}\nfailure\n")


def test_text_of_no_checks_is_the_verdict():
    assert _formats.as_text(_formats.Report([])) == u"success\n"


@pytest.mark.parametrize("seconds, text", [
    (0, "1970-01-01T00:00:00.000Z"), (NOW, "2026-02-03T04:05:06.250Z"),
    (1770091506.9996, "2026-02-03T04:05:06.999Z"), (4102444800, "2100-01-01T00:00:00.000Z")])
def test_a_moment_in_iso_8601(seconds, text):
    assert _formats.iso_8601(seconds) == text


@pytest.mark.parametrize("checks, status, by_format", [
    (("up",), 200, {"json": "success", "health": "pass", "text": "success", "html": "Healthy"}),
    (("up", "warning"), 200, {"json": "success", "health": "warn", "text": "success",
                              "html": "Healthy, with a warning"}),
    (("up", "down"), 503, {"json": "failure", "health": "fail", "text": "failure",
                           "html": "Failing"})])
def test_every_format_tells_the_same_verdict(checks, status, by_format):
    app = service(*checks, failed_status=503)
    for name, verdict in by_format.items():
        answer = ask(app, "format=" + name)
        assert answer.status == status
        assert verdict_of(name, answer.body) == verdict


def verdict_of(name, body):
    """The verdict as a body of that format spells it."""
    text = body.decode("utf-8")
    if name == "text":
        return text.splitlines()[-1]
    if name == "html":
        return text.split("<h1")[1].split(">")[1].split("<")[0]
    return json.loads(text)["status"]


# check= and exclude=

def names_in(answer):
    return [result["checker"]
            for result in json.loads(answer.body.decode("ascii"))["results"]]


@pytest.mark.parametrize("query, status, names", [
    ("check=up", 200, ["up"]), ("check=down", 500, ["down"]),
    ("check=down&check=up", 500, ["up", "down"]), ("check=up&check=up", 200, ["up"]),
    ("exclude=down", 200, ["up", NAIVE]), ("exclude=down&exclude=up", 200, [NAIVE]),
    ("check=up&check=down&exclude=down", 200, ["up"]), ("ch%65ck=u%70", 200, ["up"]),
    ("check=" + quote(NAIVE), 200, [NAIVE]),
    ("check=" + quote(NAIVE).replace("%20", "+"), 200, [NAIVE]),
    ("exclude=" + quote(NAIVE) + "&exclude=down", 200, ["up"]),
])
def test_some_checks_alone(query, status, names):
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
def test_an_unknown_check_is_404_in_json(query, words):
    answer = ask(service("up", NAIVE), query, BROWSER)
    assert (answer.status, answer.headers["Content-Type"]) == (404, JSON)
    problem = json.loads(answer.body.decode("ascii"))
    assert problem["status"] == "failure" and words in problem["error"]


def test_only_the_named_checks_run():
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


# Who may see what

@pytest.fixture(params=["json", "health", "html", "text", "prometheus"])
def name(request):
    if request.param == "prometheus":
        pytest.importorskip("prometheus_client")
    return request.param


def broken():
    raise RuntimeError("no session")


VERDICTS = {"json": b'{"status": "failure"}', "health": b'{"status": "fail"}',
            "text": b"failure\n"}


@pytest.mark.parametrize("details", [False, lambda: False, lambda: None, broken])
@pytest.mark.parametrize("draining", [False, True])
def test_hidden_details_are_hidden_in_every_format(name, details, draining, monkeypatch):
    monkeypatch.setattr(os, "getpid", lambda: 987654321)  # a real one may be 20, as in 2026
    app = service("up", "down", "warning", NAIVE, details=details)
    if draining:
        app.health.drain("moving-out")
    for _ in range(2):
        answer = ask(app, "format=" + name)
        assert answer.status == (200 if name == "prometheus" else 500)
        assert answer.body == VERDICTS.get(name, answer.body)
        for secret in (b"up", b"down", b"no-route", b"warning\"", b"slow", b"drain", b"moving",
                       bottle.tob(str(os.getpid()))):
            assert secret not in answer.body.split(b"</style>")[-1].lower()


def test_hidden_details_do_not_tell_a_warning():
    app = service("up", "warning", details=False)
    assert ask(app, "format=health").body == b'{"status": "pass"}'
    assert b"warning" not in ask(app, "format=html").body.split(b"</style>")[-1]


@pytest.mark.parametrize("query", ["check=up", "check=nothing", "exclude=up", "exclude=nothing",
                                   "check=", "check=up&exclude=up"])
def test_hidden_details_answer_404_to_every_name(query):
    answers = [ask(service("up", details=details), query) for details in (False, broken)]
    for answer in answers:
        assert (answer.status, answer.headers["Content-Type"]) == (404, JSON)
        assert answer.body == (b'{"status": "failure", "error": "this health check tells no '
                               b'details"}')


def test_details_are_asked_for_every_request():
    tells = []
    app = service("up", details=lambda: bool(tells))
    assert b"all-is-well" not in ask(app).body
    tells.append(True)
    assert b"all-is-well" in ask(app).body
    del tells[:]
    assert b"all-is-well" not in ask(app).body


def test_a_drained_service_says_so_in_every_format(name):
    app = service("up", drain_status=404)
    app.health.drain("moving-out")
    answer = ask(app, "format=" + name)
    assert answer.status == (200 if name == "prometheus" else 404)
    assert b"all-is-well" not in answer.body
    assert (b"drain" if name == "prometheus" else b"moving-out") in answer.body
    app.health.resume()
    assert ask(app, "format=" + name).status == 200
    assert b"moving-out" not in ask(app, "format=" + name).body


@pytest.mark.parametrize("handler, body", [
    (lambda results: "mine", b"mine"), (lambda results: {"n": 1}, b'{"n": 1}'), (None, b"NOT OK")])
def test_a_handler_of_the_users_own_is_the_only_format_of_its_outcome(name, handler, body):
    app = service("up", "down", failed_handler=handler, failed_status=503)
    for query, accept in (("format=" + name, None), ("", BROWSER), ("", PROMETHEUS)):
        answer = ask(app, query, accept)
        assert (answer.status, answer.body) == (503, body)
        assert answer.headers["Content-Type"] == JSON
    app = service("up", failed_handler=handler)  # the other outcome keeps its formats
    assert ask(app, accept=BROWSER).headers["Content-Type"] == HTML


def test_a_handler_that_fails_hides_what_it_may_have_hidden(name):
    app = service("up", "down", failed_handler=lambda results: 1 / 0, failed_status=503)
    answer = ask(app, "format=" + name)
    assert (answer.status, answer.body) == (503, b'{"status": "failure"}')


# Bad input

@pytest.mark.parametrize("accept", [
    "a" * 65536, "," * 65536, ";" * 65536, "/" * 65536, "text/html," * 6553,
    "text/html;q=0." + "1" * 65000, "text/html;q=" + "9" * 65000, "text/html;" + "a=b;" * 16000,
    "application/openmetrics-text," * 2200, "application/openmetrics-text;version=x",
    "application/openmetrics-text;version=" + "1." * 30000, "text/html ;" + " " * 65000 + "q=1",
    "text/plain;version=0.0.4;" * 2600, "\"" * 65536, "(" * 65536, "\xff" * 65536,
    "text/html;q=1e-999999", "*/*;q=0", "text/html\t,\x00/\x00"])
def test_a_hostile_accept_header_is_answered(accept):
    app = service("up")
    assert ask(app, accept=accept).status == 200
    assert ask(app, "format=text", accept).status == 200
    pytest.importorskip("prometheus_client")
    assert ask(app, "format=prometheus", accept).status == 200
    assert internals.kept_answers(app.health) == (1 if len(accept) < 1024 else 0)


@pytest.mark.parametrize("query, status", [
    ("check=up&" * 10000, 200), ("check=up&" * 10000 + "check=x", 404), ("check=x&" * 10000, 404),
    ("exclude=up&" * 10000, 200), ("format=json&" * 10000, 400), ("&" * 65536, 200),
    ("%" * 65536, 200), ("%41" * 20000, 200), ("=" * 65536, 200), ("+" * 65536, 200),
    ("check=" + "%ff" * 20000, 404), ("check=" + "%" * 60000, 404), ("\xff" * 65536, 200),
    ("".join("check%d=up&" % number for number in range(6000)), 200)])
def test_a_hostile_query_is_answered(query, status):
    answer = ask(service("up"), query)
    assert answer.status == status
    if status >= 400:
        assert len(answer.body) < 1000


@pytest.mark.growth
@pytest.mark.parametrize("query", ["", "format=text", "format=prometheus"])
@pytest.mark.parametrize("start, unit", [
    ("", "a"), ("", ","), ("", ";"), ("", "/"), ("", "text/html,"), ("text/html;q=0.", "1"),
    ("text/html;q=", "9"), ("text/html;", "a=b;"), ("", "application/openmetrics-text,"),
    ("application/openmetrics-text;version=", "1."), ("text/html ;", " "),
    ("", "text/plain;version=0.0.4;"), ("", "\""), ("", "("), ("", "\xff")])
def test_the_time_is_linear_in_the_length_of_an_accept_header(start, unit, query):
    if "prometheus" in query:
        pytest.importorskip("prometheus_client")
    app = service("up")
    growth.assert_linear(lambda accept: ask(app, query, accept),
                         lambda size: start + unit * (size // len(unit)), 8192)


@pytest.mark.growth
@pytest.mark.parametrize("start, unit", [
    ("", "check=up&"), ("", "check=x&"), ("", "exclude=up&"), ("", "format=json&"), ("", "&"),
    ("", "%"), ("", "%41"), ("", "="), ("", "+"), ("check=", "%ff"), ("check=", "%"),
    ("", "\xff")])
def test_the_time_is_linear_in_the_length_of_a_query(start, unit):
    app = service("up")
    growth.assert_linear(lambda query: ask(app, query),
                         lambda size: start + unit * (size // len(unit)), 8192)
