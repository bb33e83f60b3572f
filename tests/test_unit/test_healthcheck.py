"""bottle_healthcheck.healthcheck: the route, seen from outside."""
import bottle
import pytest
import webtest

from bottle_healthcheck import HealthCheck


@pytest.fixture
def app():
    return bottle.Bottle()


def ask(app, path="/healthcheck", method="GET"):
    return webtest.TestApp(app).request(path, method=method, expect_errors=True)


def test_a_success_is_json_with_the_status_first(app):
    health = HealthCheck(app, "/healthcheck")
    health.add_check(lambda: (True, {"rows": 1}), name="database")
    answer = ask(app)
    assert answer.status_code == 200
    assert answer.content_type == "application/json"
    assert answer.body.startswith(b'{"status": "success", ')
    assert [(one["checker"], one["output"], one["passed"]) for one in answer.json["results"]] == [
        ("database", {"rows": 1}, True)]


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_a_failure_is_json_with_the_reason_whatever_the_method(app, method):
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


def test_a_check_with_a_timeout_costs_that_time_at_most(app):
    import threading
    release = threading.Event()
    health = HealthCheck(app, "/healthcheck", timeout=0.05)
    health.add_check(lambda: (release.wait(60), "late"), name="hung")
    try:
        output = ask(app).json["results"][0]["output"]
        assert output.startswith(("timed out after 0.05 s", "still running after"))
        assert ask(app).json["results"][0]["passed"] is False  # at once, whatever the words
    finally:
        release.set()


def test_headers_of_a_hook_stay_and_are_replaced_by_name_whatever_the_case(app):
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
