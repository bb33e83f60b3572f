"""bottle_healthcheck._log, and that nothing secret is told by the checks' way out."""
import logging

import bottle
import pytest
import webtest

from bottle_healthcheck import HealthCheck
from tests.internals import _log

PASSWORD = "fake-pw-4711-fake"
URL = "postgresql://shop:%s@db1/shop" % PASSWORD


@pytest.fixture
def lines(caplog):
    caplog.set_level(logging.INFO, "bottle_healthcheck")
    return caplog


def refuse():
    raise RuntimeError("cannot connect to %s" % URL)


def test_a_traceback_is_told_without_its_secrets(lines):
    try:
        refuse()
    except RuntimeError:
        _log.failure("it failed")
    assert "it failed\nTraceback" in lines.text and "in refuse" in lines.text
    assert "postgresql://shop:********@db1/shop" in lines.text
    assert PASSWORD not in lines.text


def test_without_an_exception_there_is_no_traceback():
    assert _log.traceback_of(None) == u""


@pytest.mark.parametrize("check", [refuse, lambda: (False, URL), lambda: (True, {"dsn": URL})],
                         ids=["raised", "failed", "passed"])
@pytest.mark.parametrize("form", ["json", "health", "text", "html"])
def test_no_format_and_no_log_line_shows_a_password(lines, check, form):
    app = bottle.Bottle()
    HealthCheck(app, "/healthcheck", checkers=[check])
    answer = webtest.TestApp(app).get("/healthcheck?format=" + form, expect_errors=True)
    assert PASSWORD not in answer.text and PASSWORD not in lines.text
    if form == "json":
        assert "********" in answer.text


def test_what_drain_and_handlers_and_on_change_say_shows_no_password(lines):
    def handler(results):
        raise ValueError(URL)

    def on_change(previous, current, report):
        raise ValueError(URL)

    app = bottle.Bottle()
    health = HealthCheck(app, "/healthcheck", success_handler=handler, on_change=on_change)
    assert webtest.TestApp(app).get("/healthcheck").json == {"status": "success"}
    health.drain("maintenance of " + URL)
    answer = webtest.TestApp(app).get("/healthcheck", expect_errors=True)
    assert answer.json["results"][0]["output"] == "maintenance of " + URL.replace(PASSWORD,
                                                                                  "********")
    assert lines.text.count("ValueError: postgresql://shop:********@db1/shop") == 2
    assert PASSWORD not in answer.text and PASSWORD not in lines.text
