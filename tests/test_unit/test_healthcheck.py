# coding: utf-8
"""bottle_healthcheck.healthcheck: the route, seen from outside, and running without one."""
import functools
import json
import logging
import os
import socket

import bottle
import pytest
import six
import webtest

from bottle_healthcheck import HealthCheck, json_failed_handler, json_success_handler
from tests import corpus_loader, internals
from tests.helpers import PY2, fails, raise_, succeeds
from tests.wsgi import ask as ask_wsgi, ask_webtest as ask


class Evil(object):
    def __str__(self):
        raise RuntimeError("must not be shown")

    __repr__ = __str__

    def __getattr__(self, name):
        raise RuntimeError("must not be shown")


class TestStatus(object):
    """One critical check that fails makes the overall status failure."""

    def test_success_is_json_with_status_first(self, app):
        health = HealthCheck(app, "/healthcheck")
        health.add_check(lambda: (True, {"rows": 1}), name="database")
        answer = ask(app)
        assert answer.status_code == 200
        assert answer.content_type == "application/json"
        assert answer.body.startswith(b'{"status": "success", ')
        assert [(one["checker"], one["output"],
                 one["passed"]) for one in answer.json["results"]] == [
            ("database", {"rows": 1}, True)]

    @pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
    def test_failure_is_json_with_reason_for_every_method(self, app, method):
        health = HealthCheck(app, "/healthcheck")

        @health.add_check
        def database():
            raise ValueError("no route to host")

        answer = ask(app, method=method)
        assert answer.status_code == 500
        assert answer.content_type == "application/json"
        if method == "HEAD":
            assert answer.body == b"" and int(answer.headers["Content-Length"]) > 100
        else:
            assert answer.json["status"] == "failure"
            assert answer.json["results"][0]["output"] == "no route to host"

    def test_no_checks_are_a_success(self, app):
        HealthCheck(app, "/healthcheck")
        answer = ask(app)
        assert answer.status_code == 200
        assert answer.json["status"] == "success" and answer.json["results"] == []

    def test_every_failure_is_reported(self, app):
        HealthCheck(app, "/healthcheck", failed_status=503,
                    checkers=[fails, succeeds, lambda: raise_(OSError("disk"))])
        answer = ask(app)
        assert answer.status_code == 503
        assert [(one["checker"], one["passed"],
                 one["output"]) for one in answer.json["results"]] == [
            ("fails", False, "down"), ("succeeds", True, "fine"), ("<lambda>", False, "disk")]

    def test_noncritical_failure_is_status_success(self, app):
        health = HealthCheck(app, "/healthcheck", checkers=[succeeds])
        health.add_check(fails, critical=False)
        answer = ask(app)
        assert answer.status_code == 200 and answer.json["status"] == "success"
        critical, other = answer.json["results"]
        assert "critical" not in critical
        assert other["critical"] is False and other["passed"] is False
        health.add_check(lambda: (False, "critical"))
        assert ask(app).status_code == 500


class TestBody(object):
    """The fields of the body and of a result."""

    def test_fields_are_these(self, app, steady, wall, monkeypatch):
        shown = [50.0, 50.25, 60.0, 60.25]
        internals.replace(monkeypatch, internals.TIMER, lambda: shown.pop(0))
        HealthCheck(app, "/healthcheck", checkers=[succeeds, fails])
        pairs = json.loads(ask(app).body.decode("ascii"), object_pairs_hook=list)
        assert [name for name, _ in pairs] == ["status", "hostname", "pid", "timestamp", "results"]
        body = ask(app).json
        assert body["hostname"] == socket.gethostname() and body["pid"] == os.getpid()
        assert body["timestamp"] == 1000000.0
        for result, output, lifetime in zip(body["results"], ("fine", "down"), (27, 9)):
            assert set(result) == set(["checker", "output", "passed", "timestamp", "expires",
                                       "response_time", "since"])
            assert result["output"] == output
            assert result["timestamp"] == result["since"] == 1000000.0
            assert result["expires"] == 1000000.0 + lifetime
            assert result["response_time"] == 0.25

    def test_json_has_content_type_of_success_headers(self, app):
        HealthCheck(app, "/healthcheck", success_headers={"Content-Type": "application/x-mine"})
        for path in ("/healthcheck", "/healthcheck?format=json"):
            assert ask(app, path).content_type == "application/x-mine"

    def test_headers_of_hooks_are_replaced_in_any_case(self, app):
        @app.hook("before_request")
        def before():
            bottle.response.set_header("X-Request-Id", "7")
            bottle.response.set_header("Content-Type", "text/css")

        @app.hook("after_request")
        def after():
            bottle.response.add_header("Vary", "Cookie")

        HealthCheck(app, "/healthcheck", success_headers={"x-REQUEST-id": "8"})
        for _ in range(3):  # no list may grow from answer to answer
            answer = ask(app)
            assert answer.headers.getall("X-Request-Id") == ["8"]
            assert answer.headers.getall("Content-Type") == ["application/json"]
            assert answer.headers.getall("Vary") == ["Accept", "Cookie"]

    def test_vary_is_sent_where_formats_are_several(self, app):
        health = HealthCheck(app, "/healthcheck", formats=["json"])
        assert "Vary" not in ask(app).headers
        health.formats = ["json", "text"]
        assert ask(app).headers["Vary"] == "Accept"

    def test_status_set_by_a_check_is_replaced(self, app):
        health = HealthCheck(app, "/healthcheck")

        @health.add_check
        def sets_a_status():
            bottle.response.status = 503
            return True, "fine"
        assert [ask(app).status_code, ask(app).status_code] == [200, 200]

    def test_hostname_is_unknown_where_it_cannot_be_read(self, app, monkeypatch):
        class Broken(logging.Handler):
            def emit(self, record):
                raise IOError("no disk")

        def nameless():
            raise OSError("no name")

        monkeypatch.setattr("socket.gethostname", nameless)
        monkeypatch.setattr(logging.getLogger("bottle_healthcheck"), "handlers", [Broken()])
        HealthCheck(app, "/healthcheck", checkers=[lambda: (False, "down")])
        for _ in range(2):
            assert ask(app).json["hostname"] == "unknown"


class EvilException(Exception):
    def __str__(self):
        raise RuntimeError("must not be shown")

    __repr__ = __unicode__ = __str__


class EqualToAll(object):
    """A callable that is no less equal to anything else."""

    def __init__(self, *returned):
        self.returned = list(returned)

    def __call__(self, *args):
        return self.returned.pop(0)

    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False

    __hash__ = object.__hash__


def recursing():
    """A check that calls itself without end."""
    return recursing()


class TestOddCheck(object):
    """Whatever a check does, the route answers and the other checks are reported."""

    @pytest.mark.parametrize("case", corpus_loader.load("json_cases.json"),
                             ids=lambda case: case["id"])
    @pytest.mark.parametrize("passed", [True, False])
    def test_output_of_any_value_is_json(self, app, case, passed):
        HealthCheck(app, "/healthcheck", checkers=[lambda: (passed, case["value"]), succeeds])
        answer = ask_wsgi(app)
        assert answer.status == (200 if passed else 500)
        results = json.loads(answer.body.decode("ascii"), parse_constant=pytest.fail)["results"]
        expected = case["expect"]
        if isinstance(case["value"], corpus_loader._Opaque):  # its module has another name here
            expected = "<%s._Opaque>" % corpus_loader.__name__
        assert results[0]["output"] == expected
        assert type(results[0]["output"]) is type(json.loads(json.dumps(expected)))
        assert results[1]["output"] == "fine"

    @pytest.mark.parametrize("check", [
        recursing, lambda: Evil(), lambda: (True, Evil()), lambda: (Evil(), Evil(), Evil()),
        lambda: raise_(EvilException()), lambda: raise_(ValueError(Evil())),
        lambda: raise_(ValueError(u"\ud800 \xe4")), lambda: raise_(ValueError(b"\xff")),
        lambda: raise_(MemoryError()), lambda: raise_(SystemExit(Evil())),
        lambda: raise_(AssertionError()), lambda: raise_(StopIteration()),
        lambda: (yield), lambda: (False, "x" * 100000), lambda: raise_(RuntimeError("%s %d {}")),
        functools.partial(raise_, UnicodeDecodeError("utf-8", b"\xff", 0, 1, "why"))])
    def test_does_not_affect_the_others(self, app, check, caplog):
        HealthCheck(app, "/healthcheck", checkers=[check, succeeds])
        answer = ask_wsgi(app)
        body = json.loads(answer.body.decode("ascii"))
        assert answer.status == (200 if body["results"][0]["passed"] else 500)
        assert body["results"][1]["output"] == "fine"
        assert "must not be shown" not in json.dumps(body)
        assert all(record.getMessage() for record in caplog.records)

    def test_exit_in_message_or_output_is_a_failed_check(self):
        class Exits(Exception):
            def __str__(self):
                raise SystemExit(3)

        class Mapping(dict):
            def items(self):
                raise SystemExit(3)

        def raises():
            raise Exits()

        results = HealthCheck(checkers=[raises, lambda: (True, Mapping(a=1))]).run().results
        assert [one["passed"] for one in results] == [False, True]
        assert results[0]["output"] == "Exits"

    def test_equal_to_everything_is_reported(self, app, steady, caplog):
        health = HealthCheck(app, "/healthcheck", details=EqualToAll(True, True, False))
        check = EqualToAll((True, "odd"))
        assert health.add_check(check) is check
        for _ in range(2):  # the second one might be kept
            assert ask(app).json["results"][0]["output"] == "odd"
        assert "results" not in ask(app).json
        health.details, health.success_handler = True, EqualToAll("mine", "yours")
        assert [ask(app).body, ask(app).body] == [b"mine", b"yours"]
        assert caplog.records == []
        assert ask(app).json == {"status": "success"}  # it fails, having nothing more to return
        assert len(caplog.records) == 1

    def test_attributes_reach_exception_handler(self):
        def database():
            """Asks it."""
            raise ValueError("down")

        database.owner_team = "storage"
        health = HealthCheck(checkers=[database], exception_handler=lambda checker, exc: (
            False, [checker.owner_team, checker.__doc__]))
        assert health.run().results[0]["output"] == ["storage", "Asks it."]

    def test_request_that_ends_early_leaves_no_run(self, monkeypatch):
        health = HealthCheck(checkers=[lambda: (True, "ok")])
        with monkeypatch.context() as patch:
            internals.replace(patch, internals.start_place(health.cache), lambda *args: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                health.run()
        assert health.run().passed


class TestHandler(object):
    """success_handler and failed_handler make the body."""

    @pytest.mark.parametrize("body, expected", [
        (u"f\xfcr", u"f\xfcr".encode("utf-8")), ("text", b"text"), (b"\xff\0", b"\xff\0"),
        ({"mine": b"\xff"}, b'{"mine": "\\\\xff"}'), (u"", b""), (u"\ud800", b"\\ud800")])
    @pytest.mark.parametrize("passed", [True, False])
    def test_may_return_text_bytes_or_dictionary(self, app, passed, body, expected):
        seen = []

        def handler(results):
            seen.append(results)
            return body

        HealthCheck(app, "/healthcheck", success_handler=handler, failed_handler=handler,
                    failed_status=503, checkers=[lambda: (passed, "out")])
        answer = ask_wsgi(app)
        assert answer.status == (200 if passed else 503)
        assert answer.body == expected
        assert answer.headers["Content-Length"] == str(len(expected))
        assert seen[0][0]["output"] == "out" and isinstance(seen[0], list)

    def test_none_means_ok_or_not_ok(self, app):
        state = [True]
        HealthCheck(app, "/healthcheck", success_handler=None, failed_handler=None,
                    success_ttl=None,
                    failed_ttl=None, checkers=[lambda: (state[0], "")],
                    failed_headers={"Content-Type": "text/plain"})
        answer = ask(app)
        assert (answer.status_code, answer.body) == (200, b"OK")
        assert answer.content_type == "application/json"
        state[0] = False
        answer = ask(app)
        assert (answer.status_code, answer.body) == (500, b"NOT OK")
        assert answer.content_type == "text/plain"

    @pytest.mark.parametrize("handler", [
        lambda results: None, lambda results: 7, lambda results: ["list"], lambda: "no argument",
        lambda results: bytearray(b"x"), lambda results: raise_(ValueError("secret")),
        lambda results: raise_(SystemExit("secret")), lambda results: Evil()])
    @pytest.mark.parametrize("passed", [True, False])
    def test_failing_one_shows_status_alone(self, app, passed, handler, caplog):
        HealthCheck(app, "/healthcheck", success_handler=handler, failed_handler=handler,
                    success_headers={"Content-Type": "text/html"},
                    failed_headers={"content_type": "text/html"},
                    checkers=[lambda: (passed, "secret")])
        for _ in range(3):
            answer = ask_wsgi(app)
            assert answer.status == (200 if passed else 500)
            assert json.loads(answer.body.decode("ascii")) == {
                "status": "success" if passed else "failure"}
            assert answer.headers["Content-Type"] == "application/json"
            assert answer.headers["Cache-Control"] == "no-store"
        logged = [one for one in caplog.records if one.levelno == logging.ERROR]
        assert len(logged) == 1 and logged[0].name == "bottle_healthcheck"

    def test_failing_again_is_logged_again(self, app, caplog):
        state = ["broken"]

        def handler(results):
            return {"fine": "body"}.get(state[0])

        HealthCheck(app, "/healthcheck", success_handler=handler)
        for state[0] in ("broken", "broken", "fine", "broken"):
            ask(app)
        assert len(caplog.records) == 2

    def test_interrupt_is_raised(self, app):
        health = HealthCheck(app, "/healthcheck",
                             success_handler=lambda results: raise_(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            health.check()

    def test_may_change_its_argument(self, app):
        def hiding(results):
            results[0]["output"].pop("internal")
            results[0].pop("since")
            return json_success_handler(results)

        health = HealthCheck(app, "/healthcheck", success_handler=hiding,
                             checkers=[lambda: (True, {"internal": "x", "rows": [1]})])
        for _ in range(3):
            assert ask(app).json["results"][0]["output"] == {"rows": [1]}
        report = health.run()
        report.results[0]["output"]["rows"].append(2)
        assert health.run().results[0]["output"] == {"internal": "x", "rows": [1]}

    @pytest.mark.parametrize("now", [1000.0, 0.5, -1000.0])  # a steady clock may begin anywhere
    def test_is_called_for_every_response(self, app, steady, now):
        steady.now = now
        calls = []
        HealthCheck(app, "/healthcheck", checkers=[succeeds],
                    success_handler=lambda results: str(len(calls) + (calls.append(1) or 0)))
        assert [ask(app).body for _ in range(4)] == [b"0", b"1", b"2", b"3"]


class TestRun(object):
    """run() returns a report outside a request, of all checks or some."""

    def test_works_outside_a_request(self, wall):
        health = HealthCheck(checkers=[succeeds, fails])
        report = health.run()
        assert (report.passed, report.status, report.timestamp) == (False, "failure", 1000000.0)
        assert [one["checker"] for one in report.results] == ["succeeds", "fails"]

    @pytest.mark.parametrize("arguments, names, passed", [
        ({"check": "succeeds"}, ["succeeds"], True),
        ({"check": ["fails", "succeeds"]}, ["succeeds", "fails"], False),
        ({"check": ("fails", "fails")}, ["fails"], False),
        ({"check": u"fails"}, ["fails"], False),
        ({"exclude": "fails"}, ["succeeds", u"pr\xfcfung"], True),
        ({"exclude": set(["fails", "succeeds"])}, [u"pr\xfcfung"], True),
        ({"exclude": []}, ["succeeds", "fails", u"pr\xfcfung"], False),
        ({"check": ["fails", "succeeds"], "exclude": ["fails"]}, ["succeeds"], True),
        ({"check": u"pr\xfcfung"}, [u"pr\xfcfung"], True),
        ({"exclude": [u"pr\xfcfung"]}, ["succeeds", "fails"], False)])
    def test_runs_selected_checks(self, arguments, names, passed):
        runs = []
        health = HealthCheck(checkers=[succeeds, fails])
        health.add_check(lambda: (True, runs.append(1)), name=u"pr\xfcfung")
        report = health.run(**arguments)
        assert [six.ensure_text(one["checker"]) for one in report.results] == names
        assert report.passed is passed
        assert len(runs) == (u"pr\xfcfung" in names)

    @pytest.mark.parametrize("name", ["nosuch", u"nosuch\xe4", "", "Succeeds", succeeds, None, 7])
    @pytest.mark.parametrize("argument", ["check", "exclude"])
    def test_unknown_name_is_refused(self, argument, name):
        health = HealthCheck(checkers=[succeeds, fails])
        with pytest.raises(ValueError) as caught:
            health.run(**{argument: ["fails", name]})
        assert internals.json_message(caught.value).startswith(argument + " names ")

    @pytest.mark.parametrize("name", [["g"], {}, None, 7])
    def test_invalid_name_is_refused(self, name):
        with pytest.raises(ValueError, match="which is no check"):
            HealthCheck(checkers=[succeeds]).run(check=[name])

    def test_empty_selection_is_refused(self):
        health = HealthCheck(checkers=[lambda: (True, "ok")])
        for check, exclude in (([], None), ("<lambda>", "<lambda>"), (None, "<lambda>")):
            with pytest.raises(ValueError, match="check and exclude leave no check"):
                health.run(check, exclude)
        assert len(health.run(exclude=[]).results) == 1
        assert HealthCheck().run(exclude=[]).passed
        with pytest.raises(ValueError, match="check and exclude leave no check"):
            HealthCheck().run(check=[])

    def test_report_has_history(self):
        health = HealthCheck()
        for letter, passed in (("b", True), ("c", False), ("a", False)):
            health.add_check(lambda passed=passed: (passed, ""), name="check " + letter,
                             success_ttl=None)
        health.run()
        report = health.run()
        assert [[passed for passed, _ in report.runs_of(check)] for check in report.checks] == [
            [True, True], [False], [False]]


class TestSelection(object):
    """?check= and ?exclude= select checks by name."""

    @pytest.mark.parametrize("query, names", [
        (u"check=pr\xfcfung", [u"pr\xfcfung"]), (u"exclude=pr\xfcfung", ["succeeds"]),
        (u"check=pr%C3%BCfung", [u"pr\xfcfung"])])
    def test_name_beyond_ascii_is_found(self, app, query, names):
        health = HealthCheck(app, "/healthcheck", checkers=[succeeds])
        health.add_check(lambda: (True, ""), name=u"pr\xfcfung")
        raw = query.encode("utf-8")
        answer = ask_wsgi(app, "/healthcheck?" + (raw if six.PY2 else raw.decode("latin-1")))
        assert answer.status == 200
        results = json.loads(answer.body.decode("ascii"))["results"]
        assert [one["checker"] for one in results] == names

    @pytest.mark.parametrize("query", ["check=nosuch", "exclude=nosuch",
                                       "check=succeeds&check=pr%C3%BC"])
    def test_unknown_name_is_404(self, app, query):
        HealthCheck(app, "/healthcheck", checkers=[succeeds])
        answer = ask_wsgi(app, "/healthcheck?" + query)
        assert answer.status == 404
        body = json.loads(answer.body.decode("ascii"))
        assert body["status"] == "failure" and "which is no check" in body["error"]


class TestRunCheck(object):
    """run_check() runs one check, named in any way."""

    def test_takes_name_function_or_check(self, steady):
        runs = []

        def counting():
            runs.append(1)
            return True, len(runs)

        health = HealthCheck(checkers=[fails, counting])
        health.add_check(succeeds, name=u"pr\xfcfung")
        for checker in ("counting", u"counting", counting, health.checkers[1]):
            result = health.run_check(checker)
            assert result["checker"] == "counting" and result["output"] == len(runs)
        assert len(runs) == 4  # now, whatever is kept
        assert health.run().results[1]["output"] == 4  # and its outcome is cached
        assert health.run_check(u"pr\xfcfung")["output"] == "fine"

    def test_function_with_explicit_name_is_found(self):
        health = HealthCheck(checkers=[fails])
        health.add_check(succeeds, name="database")
        assert health.run_check(succeeds)["checker"] == "database"
        with pytest.raises(ValueError):
            health.run_check("succeeds")

    @pytest.mark.parametrize("checker", ["nosuch", "", None, 7, succeeds, object()])
    def test_unregistered_check_is_refused(self, checker):
        health = HealthCheck(checkers=[fails])
        with pytest.raises(ValueError) as caught:
            health.run_check(checker)
        assert str(caught.value) == (
            "no such check: expected one of <checks: fails>, its function or its name; "
            "health.add_check(check) registers one")

    def test_check_of_another_healthcheck_is_refused(self):
        other = HealthCheck(checkers=[fails])
        with pytest.raises(ValueError):
            HealthCheck(checkers=[succeeds]).run_check(other.checkers[0])


@pytest.fixture
def hot(app, steady):
    """A HealthCheck whose answer is kept."""
    health = HealthCheck(app, "/healthcheck", checkers=[succeeds])
    assert ask(app).body != b""
    assert internals.kept_responses(health) == 1
    return health


class TestKeptResponse(object):
    """A response is kept and sent again until something it shows changes."""

    def test_has_present_time_until_a_result_expires(
            self, app, hot, steady, wall):
        hot.cache.clear()
        first = ask(app).json
        assert first["timestamp"] == 1000000.0
        steady.tick(26.5)
        wall.tick(26.5)
        kept = ask(app).json
        assert kept == dict(first, timestamp=1000026.5)
        steady.tick(0.5)
        wall.tick(0.5)
        assert ask(app).json["results"][0]["timestamp"] == 1000027.0

    def test_ends_with_its_first_result(self, app, steady):
        runs = []
        HealthCheck(app, "/healthcheck", success_ttl=0.3,
                    checkers=[lambda: (True, runs.append(1)), succeeds])
        ask(app)
        ask(app)
        steady.tick(0.31)
        ask(app)
        assert len(runs) == 2

    def test_new_check_is_shown_at_once(self, app, hot):
        hot.add_check(fails)
        assert ask(app).status_code == 500
        hot.checkers.pop()
        assert ask(app).status_code == 200
        hot.checkers = []
        assert ask(app).json["results"] == []

    def test_clear_is_shown_at_once(self, app, steady):
        runs = []
        health = HealthCheck(app, "/healthcheck", checkers=[lambda: (True, runs.append(1))])
        for _ in range(3):
            ask(app)
        assert len(runs) == 1
        health.cache.clear()
        ask(app)
        assert len(runs) == 2

    @pytest.mark.parametrize("before, after", [(200, 500), (500, 200)])
    def test_result_of_run_check_is_shown_at_once(self, app, steady, before, after):
        state = [before]
        health = HealthCheck(app, "/healthcheck", checkers=[lambda: (state[0] == 200, "")])
        ask(app)
        ask(app)
        state[0] = after
        assert ask(app).status_code == before
        health.run_check("<lambda>")
        assert ask(app).status_code == after

    @pytest.mark.parametrize("handler, body", [(lambda results: "mine", b"mine"), (None, b"OK")])
    def test_success_handler_is_used_at_once(self, app, hot, handler, body):
        hot.success_handler = handler
        assert ask(app).body == body
        hot.success_handler = json_success_handler
        assert ask(app).json["status"] == "success"

    def test_failed_handler_is_used_at_once(self, app, steady):
        health = HealthCheck(app, "/healthcheck", checkers=[fails])
        assert ask(app).body != b"" and ask(app).json["status"] == "failure"
        health.failed_handler = lambda results: "mine"
        assert ask(app).body == b"mine"
        health.failed_handler = json_failed_handler
        assert ask(app).json["status"] == "failure"

    def test_handler_of_the_other_outcome_does_not_matter(self, app, steady):
        state, calls = [True], []
        health = HealthCheck(app, "/healthcheck", checkers=[lambda: (state[0], "")],
                             failed_handler=lambda results: str(calls.append(1)))
        assert ask(app).json["status"] == "success"
        assert internals.kept_responses(health) == 1
        state[0] = False
        health.run_check("<lambda>")
        assert [ask(app).body, ask(app).body] == [b"None", b"None"]
        assert len(calls) == 2

    @pytest.mark.parametrize("now", [1000.0, 0.5, -1000.0])
    def test_resuming_is_shown_at_once(self, app, steady, now):
        steady.now = now
        health = HealthCheck(app, "/healthcheck", checkers=[succeeds])
        health.drain()
        assert [ask(app).status_code, ask(app).status_code] == [500, 500]
        health.resume()
        assert ask(app).status_code == 200

    @pytest.mark.parametrize("change", [
        lambda health: health.add_check(fails),
        lambda health: health.checkers.insert(0, fails),
        lambda health: setattr(health, "checkers", [fails]),
    ])
    def test_not_kept_if_checks_change_meanwhile(self, app, change):
        health = HealthCheck(app, "/healthcheck")
        changes = [change]

        @health.add_check
        def plugins():
            if changes:
                changes.pop()(health)
            return True, "loaded"
        assert ask(app).status_code == 200
        assert ask(app).status_code == 500
        assert not health.run().passed

    def test_not_kept_if_an_option_changes_meanwhile(self, app):
        class Slow(HealthCheck):
            """Another request comes just before the new value is there."""

            asked = []

            @property
            def details(self):
                """True until it is set."""
                return self.__dict__.get("shown", True)

            @details.setter
            def details(self, value):
                if app.routes:
                    self.asked.append(ask(app).json)
                self.__dict__["shown"] = value

        health = Slow(app, "/healthcheck")
        health.details = False
        assert "results" in health.asked[0]
        assert ask(app).json == {"status": "success"}

    def test_removed_check_is_not_in_the_next(self, app):
        health = HealthCheck(app, "/healthcheck", checkers=[fails])
        other = HealthCheck(checkers=[fails], cache=health.cache)
        removals = [lambda: health.checkers.remove(fails)]

        @health.add_check
        def slow():
            if removals:
                removals.pop()()
            return True, "slow"
        assert ask(app).status_code == 500
        assert ask(app).status_code == 200
        assert not other.run().passed

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
    @pytest.mark.filterwarnings("ignore::DeprecationWarning")
    def test_pid_is_that_of_the_fork(self, app, hot):
        assert ask(app).json["pid"] == os.getpid()
        reading, writing = os.pipe()
        child = os.fork()
        if not child:  # pragma: no cover (the child)
            try:
                os.write(writing, str(ask(app).json["pid"]).encode("ascii"))
            finally:
                os._exit(0)
        os.close(writing)
        with os.fdopen(reading, "rb") as stream:
            pid_in_child = stream.read()
        os.waitpid(child, 0)
        assert int(pid_in_child) == child != os.getpid()
        assert ask(app).json["pid"] == os.getpid()

    @pytest.mark.parametrize("pid", [1, 2 ** 31])
    def test_not_sent_in_another_process(self, app, hot, monkeypatch, pid):
        monkeypatch.setattr(os, "getpid", lambda: pid)
        assert ask(app).json["pid"] == pid

    def test_32_are_kept(self, app, hot):
        kept = []
        for number in range(70):
            headers = {"Accept": "application/json;number=%d" % number}
            assert webtest.TestApp(app).get("/healthcheck", headers=headers).status_code == 200
            kept.append(internals.kept_responses(hot))
        assert kept == list(range(2, 33)) + list(range(1, 33)) + list(range(1, 8))


class TestChangedOption(object):
    """Options may be changed later."""

    def test_takes_effect_at_once(self, app):
        health = HealthCheck(app, "/healthcheck", checkers=[lambda: (True, "ok")])
        for _ in range(3):
            assert "results" in ask(app).json
        health.details = False
        assert ask(app).json == {"status": "success"}
        health.details, health.success_status = True, 299
        health.success_headers = {"X-Shop": "1"}
        answer = ask(app)
        assert (answer.status_code, answer.headers["X-Shop"]) == (299, "1")
        health.formats = ["text"]
        assert ask(app).content_type == "text/plain"
        health.failed_status = 503
        health.drain()
        assert ask(app).status_code == 503

    @pytest.mark.parametrize("name, value", [
        ("cache", {}), ("success_ttl", "30"), ("failed_status", 204), ("details", "no"),
        ("formats", ["xml"]), ("success_handler", 5), ("timeout", 0), ("failed_headers", 7)])
    def test_invalid_value_is_refused(self, name, value):
        health = HealthCheck()
        before = getattr(health, name)
        with pytest.raises((TypeError, ValueError)):
            setattr(health, name, value)
        assert getattr(health, name) is before


class TestOnChange(object):
    def test_there_is_no_change_until_a_new_check_has_run(self):
        health = HealthCheck(checkers=[succeeds])
        health.run()
        health.add_check(fails)  # as by another thread, while a request notifies
        assert internals.report_of_change(health) is None
        health.run()
        assert internals.report_of_change(health).status == "failure"


class TestOptions(object):
    """Mistakes of configuration are refused at construction."""

    @pytest.mark.parametrize("argument", ["success_status", "failed_status", "drain_status"])
    @pytest.mark.parametrize("status, error", [
        (204, ValueError), (205, ValueError), (206, ValueError), (304, ValueError),
        (199, ValueError),
        (600, ValueError), (0, ValueError), (-200, ValueError), ("200", TypeError),
        (200.0, TypeError),
        (True, TypeError), ("503 Down", TypeError)])
    def test_status_without_body_is_refused(self, argument, status, error):
        with pytest.raises(error) as caught:
            HealthCheck(**{argument: status})
        assert argument in str(caught.value) and "expected" in str(caught.value)

    @pytest.mark.parametrize("argument", ["success_status", "failed_status"])
    def test_status_of_none_is_refused(self, argument):
        with pytest.raises(TypeError):
            HealthCheck(**{argument: None})

    @pytest.mark.parametrize("status", [200, 299, 404, 429, 503, 599])
    def test_status_is_used(self, app, status):
        HealthCheck(app, "/healthcheck", success_status=status)
        assert ask(app).status_code == status

    @pytest.mark.skipif(PY2, reason="http.HTTPStatus is new in Python 3")
    def test_status_may_be_http_status(self):
        import http
        assert type(HealthCheck(failed_status=http.HTTPStatus.BAD_GATEWAY).failed_status) is int

    @pytest.mark.parametrize("argument", ["success_handler", "failed_handler", "exception_handler",
                                          "on_change"])
    @pytest.mark.parametrize("value", [5, "text", False, {}])
    def test_handler_that_is_not_callable_is_refused(self, argument, value):
        with pytest.raises(TypeError) as caught:
            HealthCheck(**{argument: value})
        assert argument in str(caught.value) and "expected a callable" in str(caught.value)

    @pytest.mark.parametrize("value, error", [(5, TypeError), ([], TypeError), ("", ValueError),
                                              ("a\0b", ValueError)])
    def test_drain_file_that_is_no_path_is_refused(self, value, error):
        with pytest.raises(error) as caught:
            HealthCheck(drain_file=value)
        assert "drain_file" in str(caught.value)

    @pytest.mark.parametrize("value, error, words", [
        ("shop", TypeError, "about is of type str, expected a dictionary"),
        ({"name": "shop"}, ValueError,
         "expected some of serviceId, version, releaseId, description"),
        ({"version": 1.2}, TypeError, "about['version'] is of type float, expected text"),
        ({"version": None}, TypeError, "about['version'] is None, expected text")])
    def test_invalid_about_is_refused(self, value, error, words):
        with pytest.raises(error) as caught:
            HealthCheck(about=value)
        assert words in str(caught.value)
        health = HealthCheck()
        with pytest.raises(error):
            health.about = value

    def test_stale_while_revalidate_needs_timeout(self):
        with pytest.raises(ValueError) as caught:
            HealthCheck(stale_while_revalidate=5)
        assert "timeout" in str(caught.value)
        assert HealthCheck(stale_while_revalidate=5, timeout=1).stale_while_revalidate == 5.0
        assert HealthCheck(stale_while_revalidate=None).stale_while_revalidate == 0.0
