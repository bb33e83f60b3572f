"""bottle_healthcheck._log, and that checks log no secret."""
import logging

import bottle
import pytest
import six
import webtest

from bottle_healthcheck import WARN, HealthCheck, ResultCache
from tests.counting import calls
from tests.internals import FORMATS, _log

PASSWORD = "fake-pw-4711-fake"
URL = "postgresql://shop:%s@db1/shop" % PASSWORD


@pytest.fixture
def lines(caplog):
    caplog.set_level(logging.INFO, "bottle_healthcheck")
    return caplog


def refuse():
    raise RuntimeError("cannot connect to %s" % URL)


class TestTraceback(object):
    """A traceback is logged without secrets."""

    def test_secrets_are_masked(self, lines):
        try:
            refuse()
        except RuntimeError:
            _log.failure("it failed")
        assert "it failed\nTraceback" in lines.text and "in refuse" in lines.text
        assert "postgresql://shop:********@db1/shop" in lines.text
        assert PASSWORD not in lines.text

    def test_beginning_of_a_message_is_read(self):
        def traceback_of(length):
            exc = ValueError(u"\ud800x" * length)
            return _log.traceback_of((ValueError, exc, None))
        few, many = calls(lambda: traceback_of(170000)), calls(lambda: traceback_of(340000))
        assert many < 1.5 * few + 9000  # environment variables may be looked through meanwhile

    def test_without_an_exception_there_is_none(self):
        assert _log.traceback_of(None) == u""


#: What somebody takes for a line's end: str.splitlines, JavaScript, old terminals; and what moves
#: a terminal's cursor.
ENDS = [u"\n", u"\r", u"\r\n", u"\x0b", u"\x0c", u"\x1c", u"\x1d", u"\x1e", u"\x85", u"\u2028",
        u"\u2029", u"\x1b[2J", u"\x9b1A", u"\b"]
FORGED = u"2026-01-01 00:00:00 CRITICAL root: admin logged in"


def is_forged(record):
    """Whether what was worded by others begins a line, or can be read as doing so."""
    said = record.getMessage()
    if set(said) & set(u"\r\x0b\x0c\x1b\x1c\x1d\x1e\x85\x9b\b\u2028\u2029"):
        return True
    return any(line.startswith(FORGED) for line in said.split(u"\n"))


def fail_of(fail):
    """A check of a plain name."""
    def check():
        return fail()
    return check


class TestForgery(object):
    @pytest.mark.parametrize("end", ENDS, ids=[repr(end) for end in ENDS])
    def test_what_others_worded_begins_no_line(self, lines, end):
        text = u"no" + end + FORGED
        error = type("Odd", (Exception,), {"__str__": lambda self: six.ensure_str(text),
                                           "__unicode__": lambda self: text})

        class Backend(object):
            def get(self, key, *value, **options):
                raise error()
            set = add = get

        def fail(*args):
            raise error()
        health = HealthCheck(checkers=[fail_of(fail)], on_change=fail, success_handler=fail,
                             failed_handler=fail, exception_handler=fail, details=fail,
                             cache=ResultCache(backend=Backend(), prefix="shop"))
        health.add_check(lambda: (False, text), name=text)
        bottle_app = bottle.Bottle()
        health.init_app(bottle_app, "/healthcheck")
        webtest.TestApp(bottle_app).get("/healthcheck", expect_errors=True)
        said = [record.getMessage() for record in lines.records]
        assert len(said) >= 6 and [one for one in said if FORGED in one] == said
        assert [one for one in lines.records if is_forged(one)] == []

    def test_exception_that_a_class_words_begins_no_line(self, lines):
        error = type(FORGED.encode("ascii").decode("ascii") if str is not bytes
                     else FORGED.encode("ascii"), (Exception,), {})
        try:
            raise error("x")
        except error as exc:
            kind, raised = type(exc), exc
        _log.write(logging.ERROR, "it failed", exc_info=(kind, raised, None))
        record, = lines.records
        assert FORGED in record.getMessage() and not is_forged(record)

    def test_traceback_stays_readable(self, lines):
        try:
            refuse()
        except RuntimeError:
            _log.failure("it failed")
        text = lines.records[0].getMessage().split("\n")
        assert text[:2] == ["it failed", "Traceback (most recent call last):"]
        assert text[2].startswith(u"    File ") and text[-1].startswith(u"  RuntimeError: cannot")
        assert u"      raise RuntimeError(\"cannot connect to %s\" % URL)" in text


class TestRecord(object):
    """What a log record has."""

    def test_change_names_check_and_outcome(self, lines):
        says = [(False, "down"), (False, "down"), (True, "fine"), (WARN, "slow")]
        health = HealthCheck(success_ttl=0, failed_ttl=0)
        health.add_check(lambda: says.pop(0), name="data base")
        while says:
            health.run()
        assert [(one.levelname, one.check, one.passed) for one in lines.records] == [
            ("WARNING", "data base", False), ("INFO", "data base", True),
            ("WARNING", "data base", False)]

    @pytest.mark.parametrize("check", [refuse, lambda: (False, URL), lambda: (True, {"dsn": URL})],
                             ids=["raised", "failed", "passed"])
    @pytest.mark.parametrize("form", list(FORMATS))
    def test_no_password_of_a_check_is_shown(self, lines, check, form):
        app = bottle.Bottle()
        HealthCheck(app, "/healthcheck", checkers=[check])
        answer = webtest.TestApp(app).get("/healthcheck?format=" + form, expect_errors=True)
        assert PASSWORD not in answer.text and PASSWORD not in lines.text
        if form == "json":
            assert "********" in answer.text

    def test_no_password_of_a_callback_is_shown(self, lines):
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
