# coding: utf-8
"""bottle_healthcheck._http.response: headers, and what a response is whoever asks how."""
import copy
import json
import time

import bottle
import pytest

from bottle_healthcheck import EnvironmentDump, HealthCheck
from tests import internals
from tests.wsgi import ask

BOTH = pytest.mark.parametrize("kind", [HealthCheck, EnvironmentDump])


class TestResponse(object):
    """A response is bytes with their length."""

    @BOTH
    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    def test_is_bytes_with_their_length(self, app, kind, method):
        kind(app, "/x")
        answer = ask(app, "/x", method=method)
        whole = ask(app, "/x")
        assert answer.status == 200
        assert answer.body == (b"" if method == "HEAD" else answer.body)
        assert abs(int(answer.headers["Content-Length"]) - len(whole.body)) < 50  # times may differ
        assert int(whole.headers["Content-Length"]) == len(whole.body) > 50
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert len(answer.pairs) == len(answer.headers) == (5 if kind is HealthCheck else 4)  # Vary

    @BOTH
    def test_is_sent_to_a_client_without_headers(self, app, kind):
        kind(app, "/x")
        answer = ask(app, "/x", without=["HTTP_HOST"], SERVER_PROTOCOL="HTTP/1.0")
        assert answer.status == 200

    @BOTH
    @pytest.mark.parametrize("header",
                             ["HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE", "HTTP_RANGE"])
    def test_is_always_complete(self, app, kind, header):
        kind(app, "/x")
        value = {"HTTP_IF_NONE_MATCH": "*", "HTTP_RANGE": "bytes=0-3",
                 "HTTP_IF_MODIFIED_SINCE": "Sun, 06 Nov 2044 08:49:37 GMT"}[header]
        assert ask(app, "/x", **{header: value}).status == 200

    def test_to_options_is_the_health_checks_alone(self, app):
        HealthCheck(app, "/healthcheck", checkers=[lambda: (False, "down")], failed_status=503)
        EnvironmentDump(app, "/environment")
        answer = ask(app, method="OPTIONS", without=["HTTP_HOST"], SERVER_PROTOCOL="HTTP/1.0")
        assert answer.status == 503 and b'"down"' in answer.body
        assert ask(app, "/environment", method="OPTIONS").status == 405
        assert ask(app, method="POST").status == 405

    def test_is_not_replaced_by_an_error_page(self, app):
        HealthCheck(app, "/healthcheck", checkers=[lambda: (False, "down")])

        @app.error(500)
        def page(error):
            return "<h1>an error page</h1>"

        assert b'"down"' in ask(app).body

    @pytest.mark.parametrize("status", [100, 418, 599])
    def test_status_of_hooks_and_checks_is_replaced(self, app, status):
        HealthCheck(app, "/healthcheck", checkers=[lambda: (True, "fine")], success_ttl=None)

        @app.hook("before_request")
        def before():
            bottle.response.status = status

        assert ask(app).status == 200

    def test_hooks_may_add_to_it(self, app):
        seen = []
        HealthCheck(app, "/healthcheck", checkers=[lambda: (False, "down")], failed_status=503)

        @app.hook("before_request")
        def before():
            bottle.response.set_header("X-Before", "1")
            bottle.response.set_header("Cache-Control", "public")

        @app.hook("after_request")
        def after():
            seen.append(bottle.response.status_code)
            bottle.response.set_header("X-After", "2")

        for _ in range(3):  # the third is the same bytes again
            answer = ask(app)
            assert (answer.headers["X-Before"], answer.headers["X-After"]) == ("1", "2")
            assert answer.headers["Cache-Control"] == "no-store"
            assert len(answer.pairs) == len(answer.headers)
        assert seen == [503] * 3

    def test_nothing_leaks_between_requests(self, app):
        state = [False]
        HealthCheck(app, "/healthcheck", checkers=[lambda: (state[0], "")], failed_ttl=None,
                    success_ttl=None, failed_headers={"X-Failed": "1"},
                    success_headers={"X-Passed": "1"}, failed_status=503)

        @app.route("/plain")
        def plain():
            return "plain"

        first = ask(app)
        assert first.status == 503 and first.headers["X-Failed"] == "1"
        state[0] = True
        second = ask(app)
        assert second.status == 200
        assert "X-Failed" not in second.headers and second.headers["X-Passed"] == "1"
        third = ask(app, "/plain")
        assert third.status == 200 and "X-Passed" not in third.headers
        assert "Cache-Control" not in third.headers


ARGUMENTS = pytest.mark.parametrize("argument", ["success_headers", "failed_headers"])


class TestHeaders(object):
    """success_headers and failed_headers."""

    @pytest.mark.parametrize("argument", ["success_headers", "failed_headers"])
    @pytest.mark.parametrize("headers, error", [
        ("Content-Type", TypeError), (5, TypeError), ({"X": None}, TypeError),
        ({"X": ["a"]}, TypeError), ({None: "x"}, TypeError), ({"X": True}, TypeError),
        ({"X": "a\nb"}, ValueError), ({"X": "a\rb"}, ValueError), ({"X": "a\0b"}, ValueError),
        ({"X\n": "a"}, ValueError), ({"": "a"}, ValueError), ({"X Y": "a"}, ValueError),
        ({"X:": "a"}, ValueError), ({u"\xfc": "a"}, ValueError),
        ({"Content-Length": "5"}, ValueError),
        ({"content_length": 5}, ValueError), ({"Transfer-Encoding": "chunked"}, ValueError),
        ([("X", "a", "b")], TypeError)])
    def test_invalid_ones_are_refused(self, argument, headers, error):
        with pytest.raises(error) as caught:
            HealthCheck(**{argument: headers})
        assert argument in str(caught.value)

    def test_defaults_are_replaced_by_name(self, app):
        HealthCheck(app, "/healthcheck", checkers=[lambda: (False, "down")],
                    success_headers={"X-Mine": "1"},
                    failed_headers={"content-type": "text/plain", "cache_control": u"no-cache",
                                    "X-Number": 5, "X-Text": u"\xfc"})
        answer = ask(app)
        assert answer.headers["Content-Type"] == "text/plain"
        assert answer.headers["Cache-Control"] == "no-cache"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Number"] == "5"
        assert answer.headers["X-Text"] == str("\xc3\xbc")
        assert "X-Mine" not in answer.headers

    def test_may_be_pairs(self, app):
        HealthCheck(app, "/healthcheck", success_headers=[("X-Mine", "1")])
        answer = ask(app)
        assert answer.headers["X-Mine"] == "1"
        assert answer.headers["Content-Type"] == "application/json"

    @ARGUMENTS
    def test_are_read_as_dictionaries(self, argument):
        headers = getattr(HealthCheck(**{argument: {"x-mine": 1}}), argument)
        assert isinstance(headers, dict)
        assert headers == {"Content-Type": "application/json", "Cache-Control": "no-store",
                           "X-Content-Type-Options": "nosniff", "X-Mine": "1"}
        for name in ("X-Mine", "x-mine", u"X_MINE"):
            assert name in headers and headers[name] == headers.get(name) == "1"
        assert "X-Other" not in headers and None not in headers
        assert headers.get("X-Other") is None and headers.get("X-Other", 5) == 5
        with pytest.raises(KeyError):
            headers["X-Other"]
        assert sorted(headers) == sorted(name for name,
                                         _ in headers.items()) == sorted(headers.keys())
        assert json.loads(json.dumps(headers)) == headers

    @ARGUMENTS
    def test_defaults_are_read_too(self, argument):
        assert getattr(HealthCheck(), argument)["Content-Type"] == "application/json"

    @ARGUMENTS
    @pytest.mark.parametrize("change", [
        lambda headers: headers.__setitem__("X-Mine", "a\nb"),
        lambda headers: headers.__delitem__("Content-Type"),
        lambda headers: headers.update({"X-Mine": "1"}),
        lambda headers: headers.setdefault("X", "1"),
        lambda headers: headers.pop("Content-Type"), lambda headers: headers.popitem(),
        lambda headers: headers.clear(), lambda headers: headers.__ior__({"X": "1"})])
    def test_are_changed_as_a_whole(self, argument, change):
        health = HealthCheck()
        with pytest.raises(TypeError) as caught:
            change(getattr(health, argument))
        assert "health.%s = dict(health.%s" % (argument, argument) in str(caught.value)
        assert getattr(health, argument) == getattr(HealthCheck(), argument)

    @pytest.mark.parametrize("copied",
                             [dict, copy.copy, copy.deepcopy, lambda headers: headers.copy()])
    def test_copy_may_be_changed_and_assigned(self, app, copied):
        health = HealthCheck(app, "/healthcheck", success_headers={"X-Mine": "1"})
        headers = copied(health.success_headers)
        headers["X-Served-By"] = "web1"
        health.success_headers = headers
        answer = ask(app)
        assert (answer.headers["X-Mine"], answer.headers["X-Served-By"]) == ("1", "web1")
        health.failed_headers = health.success_headers
        assert health.failed_headers == health.success_headers

    @pytest.mark.parametrize("options", [{}, {"formats": ["json"]}, {"success_handler": None},
                                         {"success_handler": lambda results: 1 / 0}])
    @pytest.mark.parametrize("path", ["/healthcheck", "/healthcheck?format=json"])
    def test_are_sent_with_every_response(self, app, options, path):
        HealthCheck(app, "/healthcheck", success_headers={"X-Mine": "1"}, **options)
        for _ in range(2):
            answer = ask(app, path)
            assert answer.headers["X-Mine"] == "1"
            assert answer.headers["Cache-Control"] == "no-store"


class TestBody(object):
    """The time in a body is at most a millisecond old."""

    def test_with_a_time_is_sent_again_for_a_millisecond(self, monkeypatch):
        now = [1000.0]
        monkeypatch.setattr(time, "time", lambda: now[0])
        response = internals.Response(200, (), (b'{"timestamp": ', b"}"))
        bottle.response.bind()
        assert internals.send(response) == b'{"timestamp": 1000.0}'
        now[0] += 0.0005
        assert internals.send(response) == b'{"timestamp": 1000.0}'
        now[0] += 0.001
        assert internals.send(response) == b'{"timestamp": 1000.0015}'
        now[0] -= 3600  # the clock is set back
        assert internals.send(response) == b'{"timestamp": -2599.9985}'

    def test_without_a_time_is_its_only_part(self):
        bottle.response.bind()
        assert internals.send(internals.Response(200, (), (b"OK",))) == b"OK"
