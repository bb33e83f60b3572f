"""bottle_healthcheck._http.callbacks: what a callback leaves behind in its request."""
import json
import threading

import bottle
import pytest
import webtest
from six.moves import collections_abc

from bottle_healthcheck import EnvironmentDump, HealthCheck
from tests import internals
from tests.worlds import Gone
from tests.wsgi import ask


# What a callback may do

def set_everything(app):
    response = bottle.response
    response.status = 404
    response.content_type = "text/csv"
    response.set_header("X-Inner", "1")
    response.set_header("X-Hook", "changed")
    response.add_header("Content-Length", "3")
    response.set_cookie("session", "of-the-callback")
    response.set_cookie("hook", "changed")
    response.delete_cookie("gone")
    response.body = "pong"


def call_app(app):
    assert ask(app, "/ping").status == 201


def call_wsgi(app):
    environ = {"PATH_INFO": "/ping", "REQUEST_METHOD": "HEAD", "SERVER_NAME": "inner",
               "SERVER_PORT": "80", "wsgi.url_scheme": "http"}
    list(app.wsgi(environ, lambda status, headers, exc_info=None: None))


def call_with_webtest(app):
    assert webtest.TestApp(app).get("/ping", status=201).text == "pong"


def call_with_a_copy_of_the_environ(app):
    environ = dict(bottle.request.environ, PATH_INFO="/ping", REQUEST_METHOD="HEAD")
    list(app(environ, lambda status, headers, exc_info=None: None))


def call_a_path_that_is_not_there(app):
    assert ask(app, "/missing").status == 404


def call_another_app(app):
    other = bottle.Bottle()
    other.route("/", callback=lambda: bottle.redirect("/elsewhere"))
    assert ask(other, "/").status in (302, 303)


def bind_both(app):
    bottle.request.bind({"PATH_INFO": "/bound"})
    bottle.response.bind()


DEEDS = [set_everything, call_app, call_wsgi, call_with_webtest, call_with_a_copy_of_the_environ,
         call_a_path_that_is_not_there, call_another_app, bind_both]

NEED_A_REQUEST = [set_everything, call_with_a_copy_of_the_environ]

every_deed = pytest.mark.parametrize("deed", DEEDS)


class Service(object):
    """An app with a hook before each request, and one after it that looks where it is."""

    def __init__(self):
        self.app = bottle.Bottle()
        self.seen = []
        self.app.add_hook("before_request", self.before)
        self.app.add_hook("after_request", self.after)
        self.app.route("/ping", callback=self.ping)

    def before(self):
        if bottle.request.path != "/healthcheck":
            return
        bottle.response.set_header("X-Hook", "1")
        bottle.response.add_header("X-Hook", "2")
        bottle.response.set_cookie("hook", "1", path="/", httponly=True)

    def after(self):
        self.seen.append((bottle.request.path, bottle.response.status_code))

    @staticmethod
    def ping():
        bottle.response.status = 201
        bottle.response.set_cookie("session", "of-the-inner-request")
        return "pong"

    def answer(self):
        """The answer of the health check, of which a hook sees the same."""
        answer = ask(self.app)
        path, status = self.seen[-1]
        assert path == "/healthcheck"
        assert status == answer.status
        assert int(answer.headers["Content-Length"]) == len(answer.body)
        return answer

    def expect(self, status):
        """The headers and the text of the answer, but for its times."""
        answer = self.answer()
        assert answer.status == status
        assert [value for name, value in answer.pairs if name == "X-Hook"] == ["1", "2"]
        cookies = [value for name, value in answer.pairs if name == "Set-Cookie"]
        assert len(cookies) == 1 and cookies[0].startswith("hook=1;")
        names = sorted(name for name, _ in answer.pairs
                       if name not in ("X-Hook", "Set-Cookie", "Vary"))
        assert names == ["Cache-Control", "Content-Length", "Content-Type",
                         "X-Content-Type-Options"]
        assert answer.headers["Content-Type"] == "application/json"
        return json.loads(answer.body.decode("ascii"))


@pytest.fixture
def service():
    return Service()


class TestCheck(object):

    @every_deed
    @pytest.mark.parametrize("passed, status", [(True, 200), (False, 500)])
    def test_answer_is_the_same_whoever_ran_it(self, service, deed, passed, status):
        def check():
            deed(service.app)
            return passed, "x"

        HealthCheck(service.app, "/healthcheck", checkers=[check])
        first = service.expect(status)
        second = service.expect(status)
        assert first["results"] == second["results"]

    @every_deed
    def test_nothing_stays_of_one_that_raises(self, service, deed):
        def check():
            deed(service.app)
            raise ValueError("refused")

        HealthCheck(service.app, "/healthcheck", checkers=[check])
        assert service.expect(500)["results"][0]["output"] == "refused"

    def test_nothing_stays_of_one_that_aborts(self, service):
        HealthCheck(service.app, "/healthcheck", checkers=[
            lambda: bottle.abort(503, "database down"), lambda: bottle.redirect("/elsewhere")])
        results = service.expect(500)["results"]
        assert [result["passed"] for result in results] == [False, False]

    @every_deed
    def test_next_check_sees_the_request_that_it_runs_in(self, service, deed):
        seen = []

        def look():
            seen.append((bottle.request.path, bottle.response.status_code,
                         dict(bottle.response.headers)))
            return True, "fine"

        def check():
            deed(service.app)
            return True, "fine"

        HealthCheck(service.app, "/healthcheck", checkers=[look, check, lambda: look()])
        service.expect(200)
        assert seen == [("/healthcheck", 200, {})] * 2

    def test_output_that_runs_code_is_read_likewise(self, service):
        class Output(collections_abc.Mapping):  # those of a dict are not called
            __getitem__ = __iter__ = None

            def __len__(self):
                return 1

            def items(self):
                set_everything(service.app)
                return []

        class Passed(object):
            def __bool__(self):
                set_everything(service.app)
                return True

            __nonzero__ = __bool__

        HealthCheck(service.app, "/healthcheck", checkers=[
            lambda: (Passed(), "x"), lambda: (True, Output())])
        service.expect(200)

    def test_what_it_puts_into_the_environ_stays_for_a_hook(self, service):
        closed = []

        def check():
            bottle.request.environ["session"] = "open"
            bottle.request.user = "ann"
            return True, "fine"

        HealthCheck(service.app, "/healthcheck", checkers=[check])
        service.app.add_hook("after_request", lambda: closed.append(
            (bottle.request.environ["session"], bottle.request.user)))
        service.expect(200)
        assert closed == [("open", "ann")]

    def test_health_check_may_ask_another_one_of_the_service(self, service):
        def inner():
            call_app(service.app)
            return False, "down"

        def outer():
            answer = ask(service.app, "/inner")
            assert int(answer.headers["Content-Length"]) == len(answer.body)
            return answer.status == 503, json.loads(answer.body.decode("ascii"))["status"]

        HealthCheck(service.app, "/inner", checkers=[inner], failed_status=503)
        HealthCheck(service.app, "/healthcheck", checkers=[outer])
        assert service.expect(200)["results"][0]["output"] == "failure"

    def test_poll_whose_results_are_fresh_does_not_pay_for_it(self, service, monkeypatch):
        HealthCheck(service.app, "/healthcheck", checkers=[lambda: (True, "fine")])
        service.expect(200)
        internals.replace(monkeypatch, internals.CALLBACK_STATE, None)  # whoever makes one raises
        service.expect(200)


class TestInterrupt(object):

    @every_deed
    def test_nothing_stays_where_one_passes_through(self, service, deed):
        states = []

        def check():
            deed(service.app)
            raise Gone()

        health = HealthCheck(checkers=[check])

        def route():
            bottle.response.set_header("X-Route", "1")
            try:
                health.run()
            except Gone:
                states.append("gone")
            return bottle.request.path

        service.app.route("/healthcheck", callback=route)
        answer = service.answer()
        assert states == ["gone"]
        assert (answer.status, answer.body) == (200, b"/healthcheck")
        assert answer.headers["X-Route"] == "1" and answer.headers["X-Hook"]
        assert "X-Inner" not in answer.headers and "session" not in str(answer.pairs)


class TestOwnRoute(object):
    """health.run() inside a route of the user's."""

    @every_deed
    def test_what_the_route_has_set_stays(self, service, deed):
        def check():
            deed(service.app)
            return True, "fine"

        health = HealthCheck(checkers=[check], success_ttl=None)

        def route():
            bottle.response.status = 202
            bottle.response.set_header("X-Route", "1")
            bottle.response.set_cookie("route", "1")
            report = health.run()
            assert health.run_check(health.checkers[0])["passed"]
            bottle.response.set_header("X-After", "1")
            return {"passed": report.passed, "path": bottle.request.path}

        service.app.route("/healthcheck", callback=route)
        answer = service.answer()
        assert answer.status == 202
        assert json.loads(answer.body.decode("ascii")) == {"passed": True, "path": "/healthcheck"}
        assert (answer.headers["X-Route"], answer.headers["X-After"]) == ("1", "1")
        cookies = sorted(value.split(";")[0] for name, value in answer.pairs
                         if name == "Set-Cookie")
        assert cookies == ["hook=1", "route=1"]
        assert "X-Inner" not in answer.headers


class TestOtherCallbacks(object):

    @every_deed
    def test_exception_handler(self, service, deed):
        seen = []

        def check():
            deed(service.app)
            raise ValueError("refused")

        def handler(checker, exc):
            seen.append((bottle.request.path, bottle.response.status_code))
            deed(service.app)
            return False, "handled"

        HealthCheck(service.app, "/healthcheck", checkers=[check], exception_handler=handler)
        assert service.expect(500)["results"][0]["output"] == "handled"
        assert seen == [("/healthcheck", 200)]

    @every_deed
    @pytest.mark.parametrize("raises", [False, True])
    def test_details(self, service, deed, raises):
        def details():
            deed(service.app)
            if raises:
                raise ValueError("refused")
            return True

        HealthCheck(service.app, "/healthcheck", checkers=[lambda: (True, "fine")],
                    details=details)
        for _ in range(2):
            assert ("results" in service.expect(200)) is not raises

    @every_deed
    @pytest.mark.parametrize("raises", [False, True])
    def test_on_change(self, service, deed, raises):
        notified = []

        def on_change(previous, current, report):
            notified.append((current, bottle.request.path))
            deed(service.app)
            if raises:
                raise ValueError("refused")

        HealthCheck(service.app, "/healthcheck", checkers=[lambda: (False, "down")],
                    on_change=on_change)
        service.expect(500)
        assert notified == [("failure", "/healthcheck")]

    @every_deed
    def test_sections_of_the_dump(self, service, deed):
        class Value(dict):
            def items(self):
                deed(service.app)
                return [("path", bottle.request.path)]

        def section():
            deed(service.app)
            return Value(a=1)

        def raising():
            deed(service.app)
            raise ValueError("refused")

        dump = EnvironmentDump(service.app, "/healthcheck", include_python=False,
                               include_process=False)
        dump.add_section("mine", section)
        dump.add_section("raising", raising)
        dump.add_section("path", lambda: bottle.request.path)
        shown = service.expect(200)
        assert shown["path"] == "/healthcheck"
        assert shown["raising"] == {"error": "ValueError: refused"}


class TestHandler(object):
    """What makes the body may set headers."""

    def test_its_headers_and_cookies_are_sent(self, service):
        def handler(results):
            bottle.response.set_header("X-Handler", "1")
            bottle.response.set_cookie("handler", "1")
            return "fine"

        HealthCheck(service.app, "/healthcheck", success_handler=handler)
        for _ in range(2):
            answer = service.answer()
            assert answer.status == 200 and answer.body == b"fine"
            assert answer.headers["X-Handler"] == "1"
            assert "handler=1" in str(answer.pairs) and "hook=1" in str(answer.pairs)

    @pytest.mark.parametrize("deed", DEEDS[1:])
    @pytest.mark.parametrize("raises", [False, True])
    def test_application_that_it_calls_leaves_nothing(self, service, deed, raises):
        def handler(results):
            bottle.response.set_header("X-Handler", "1")
            deed(service.app)
            if raises:
                raise ValueError("refused")
            return {"status": "success"}

        HealthCheck(service.app, "/healthcheck", success_handler=handler)
        answer = service.answer()
        assert (answer.status, answer.body) == (200, b'{"status": "success"}')
        assert answer.headers["X-Handler"] == "1"
        assert "session" not in str(answer.pairs) and "hook=1" in str(answer.pairs)


class TestOutsideARequest(object):

    @staticmethod
    def in_a_thread(func):
        """Calls func in a thread of its own, for which Bottle knows no request."""
        raised = []

        def run():
            try:
                func()
            except BaseException as exc:
                raised.append(exc)

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        assert raised == []

    @pytest.mark.parametrize("deed", [one for one in DEEDS if one not in NEED_A_REQUEST])
    def test_thread_is_in_no_request_afterwards(self, service, deed):
        def check():
            with pytest.raises(RuntimeError):
                assert bottle.request.environ
            deed(service.app)
            return True, "fine"

        health = HealthCheck(checkers=[check], success_ttl=None)

        def run():
            for _ in range(2):
                assert health.run().results[0]["output"] == "fine"
            with pytest.raises(RuntimeError):
                assert bottle.request.environ

        self.in_a_thread(run)

    def test_worker_sees_no_request(self, service):
        outputs = []

        def check():
            try:
                outputs.append(bottle.request.path)
            except RuntimeError:
                outputs.append(None)
            call_app(service.app)
            return True, "fine"

        HealthCheck(service.app, "/healthcheck", checkers=[check], timeout=60, success_ttl=None)
        for _ in range(3):
            service.expect(200)
        assert outputs == [None] * 3

    def test_what_a_check_raises_has_nothing_to_do_with_it(self):
        raised = []

        def check():
            raise ValueError("refused")

        def handler(checker, exc):
            raised.append(exc)
            return False, "x"

        health = HealthCheck(checkers=[check], exception_handler=handler)
        self.in_a_thread(health.run)
        assert getattr(raised[0], "__context__", None) is None
