# coding: utf-8
"""bottle_healthcheck._engine.returned: what checks and exception handlers return."""
import collections
import copy
import decimal
import functools
import logging
import pickle

import pytest
import six

from bottle_healthcheck import WARN, HealthCheck, ResultCache
from tests import internals
from tests.helpers import PY2, fails, need_module, succeeds
from tests.worlds import Check
from tests.wsgi import ask_health as ask, service

pair = internals.returned.pair


class Unsized(object):
    """As an array of numpy without dimensions, or a proxy of Django: __len__ is there, no length.

    True where `truth` is.
    """

    def __init__(self, truth):
        self.truth = truth

    def __bool__(self):
        return self.truth

    __nonzero__ = __bool__

    def __len__(self):
        raise TypeError("len() of unsized object")


class Response(object):
    """As a response of requests: true where it is no error."""

    def __init__(self, ok):
        self.ok = ok

    def __bool__(self):
        return self.ok

    __nonzero__ = __bool__


class Flags(int):
    """As enum.IntFlag since Python 3.11."""

    def __len__(self):
        return bin(self).count("1")


class Old:  # an old-style class on 2.7: pylint: disable=old-style-class
    """A class of Python 2."""


class Coroutine(object):
    """What a coroutine function returns."""

    def __await__(self):
        raise AssertionError("nobody awaits it")


Row = collections.namedtuple("Row", "one")


class TestPassed(object):
    """What the first value of the pair may be."""

    @pytest.mark.parametrize("passed, expected", [
        (True, True), (False, False), (1, True), (0, False), (None, False), (0.5, True),
        (0.0, False), (decimal.Decimal(0), False), (decimal.Decimal(1), True), (2 ** 70, True),
        (object(), True), (Response(True), True), (Response(False), False), (Old(), True),
        (Unsized(True), True), (Unsized(False), False), (Flags(3), True), (Flags(0), False)])
    def test_counts_by_its_truth(self, passed, expected):
        for returned in ((passed, "x"), [passed, "x"]):
            assert pair(returned) == (expected, "x")
            assert pair(returned)[0] is expected

    @pytest.mark.parametrize("passed, kind", [
        ("DOWN", "a str"), ("", "a str"), (u"ok", "a unicode" if PY2 else "a str"),
        (b"no", "a str" if PY2 else "a bytes"), (bytearray(b"no"), "a bytearray"),
        ([], "a list"), ([False], "a list"), ((True,), "a tuple"), ({"ok": False}, "a dict"),
        (set(), "a set"), (Row(1), "a Row"), (collections.deque(), "a deque"),
        (six.moves.UserDict(), "an instance" if PY2 else "a UserDict"),
        (ValueError("down"), "a ValueError"), (KeyboardInterrupt(), "a KeyboardInterrupt"),
        (ValueError, "a class"), (Old, "a class"), (int, "a class"),
        (succeeds, "a function"), (Check().__call__, "an instancemethod" if PY2 else "a method"),
        (len, "a builtin_function_or_method"), (Coroutine(), "a Coroutine")])
    def test_invalid_one_is_a_failure(self, passed, kind):
        assert pair((passed, "connection refused")) == (
            False, "the check returned %s as passed, expected True, False or WARN" % kind)

    @pytest.mark.skipif(PY2, reason="2.7 has no coroutines")
    def test_coroutine_says_nothing(self):
        names = {}
        exec("async def ping():\n    return True", names)  # pylint: disable=exec-used
        coroutine = names["ping"]()
        assert pair((coroutine, "pong")) == (
            False, "the check returned a coroutine as passed, expected True, False or WARN")
        coroutine.close()

    def test_row_of_a_database_is_a_failure(self):
        health = HealthCheck(checkers=[lambda: ((0,), "nothing is wrong")])
        report = health.run()
        assert not report.passed
        assert report.results[0]["output"] == (
            "the check returned a tuple as passed, expected True, False or WARN")

    def test_exception_of_bool_or_len_is_a_failure(self):
        class Raising(object):
            def __bool__(self):
                raise ValueError("the truth of an array is ambiguous")

            __nonzero__ = __bool__

        class Endless(object):
            def __len__(self):
                raise RuntimeError("the cursor is closed")

        for passed, output in ((Raising(), "the truth of an array is ambiguous"),
                               (Endless(), "the cursor is closed")):
            result, = HealthCheck(checkers=[lambda: (passed, "x")]).run().results
            assert (result["passed"], result["output"]) == (False, output)


class TestNoPair(object):

    @pytest.mark.parametrize("returned, kind", [
        (None, "None"), (True, "a bool"), (7, "an int"), ((), "a tuple of 0"), (WARN, "WARN"),
        ([1, 2, 3], "a list of 3"), ("ok", "a str"), (Check(), "a Check"), (succeeds, "a function"),
        (Check, "a class")])
    def test_says_what_was_returned(self, returned, kind):
        assert pair(returned) == (
            False, "the check returned %s, expected a pair (passed, output)" % kind)

    @pytest.mark.parametrize("returned", [
        ("refused", False), ["fine", True], (b"", True), (u"slow", WARN)])
    def test_pair_the_wrong_way_round_says_so(self, returned):
        assert pair(returned) == (
            False, "the check returned (output, passed), expected (passed, output)")


class TestWarn(object):
    """A check that warns is one that fails without being critical, for this time."""

    def test_is_false_and_unique(self):
        assert not WARN and bool(WARN) is False
        assert repr(WARN) == "WARN"
        copies = [copy.copy(WARN), copy.deepcopy([WARN])[0]]
        copies += [pickle.loads(pickle.dumps(WARN, number))
                   for number in range(pickle.HIGHEST_PROTOCOL + 1)]
        assert [one is WARN for one in copies] == [True] * len(copies)

    def test_is_reported_as_noncritical_failure(self):
        warning = HealthCheck(checkers=[Check("disk", (WARN, "85 % full"))]).run()
        failing = HealthCheck()
        failing.add_check(Check("disk", (False, "85 % full")), critical=False)
        failing = failing.run()
        for report in (warning, failing):
            result, = report.results
            assert (result["passed"], result["critical"]) == (False, False)
            assert (report.passed, report.status, report.warns) == (True, "success", True)
        assert set(warning.results[0]) == set(failing.results[0])

    @pytest.mark.parametrize("query", ["", "format=health", "format=text", "format=html",
                                       "format=prometheus"])
    @pytest.mark.usefixtures("wall")
    def test_every_format_shows_it_as_that(self, world, monkeypatch, query):
        need_module("prometheus_client")
        internals.replace(monkeypatch, internals.TIMER, world.clock)  # no run takes any time
        answers = []
        for passed, critical in ((WARN, True), (False, False)):
            app = service("up")
            app.health.add_check(lambda: (passed, "85 % full"), name="disk", critical=critical)
            answer = ask(app, query)
            answers.append((answer.status, answer.body.decode("utf-8")))
        assert answers[0][0] == 200
        if query == "format=prometheus":  # the label says how the check is registered
            answers[1] = 200, answers[1][1].replace('"disk",critical="false"',
                                                    '"disk",critical="true"')
            assert 'healthcheck_check_warning{check="disk",critical="true"} 1' in answers[0][1]
        assert answers[0] == answers[1]

    def test_whole_fails_where_another_check_fails(self):
        report = HealthCheck(checkers=[Check("disk", (WARN, "85 % full")), fails]).run()
        assert not report.passed and not report.warns
        assert [result.get("critical") for result in report.results] == [False, None]

    def test_noncritical_check_may_warn(self):
        health = HealthCheck()
        health.add_check(Check("disk", (WARN, "85 % full")), critical=False)
        report = health.run()
        assert report.passed and report.results[0]["critical"] is False

    def test_is_cached_as_a_failure(self, world):
        check = Check("disk", (WARN, "85 % full"))
        health = HealthCheck(checkers=[check], success_ttl=60, failed_ttl=9)
        result, = health.run().results
        assert result["expires"] - result["timestamp"] == 9
        world.clock.tick(8.5)
        health.run()
        assert check.runs == 1
        world.clock.tick(0.5)
        health.run()
        assert check.runs == 2

    def test_run_check_returns_it(self):
        result = HealthCheck(checkers=[Check("disk", (WARN, "85 % full"))]).run_check("disk")
        assert (result["passed"], result["critical"]) == (False, False)

    def test_from_and_to_a_warning_are_changes(self, world, caplog):
        caplog.set_level(logging.INFO, "bottle_healthcheck")
        check, notified = Check("disk"), []
        health = HealthCheck(
            checkers=[check], success_ttl=0, failed_ttl=0,
            on_change=lambda previous, current, report: notified.append(current))
        since = []
        for passed in (True, WARN, WARN, False, False, WARN, True, WARN):
            world.clock.tick(1)
            check.returns = (passed, "85 % full")
            since.append(health.run().results[0]["since"])
        assert [later != before for before, later in zip(since, since[1:])] == [
            True, False, True, False, True, True, True]
        assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
            ("WARNING", "check disk is warning: 85 % full"),
            ("WARNING", "check disk is failing: 85 % full"),
            ("WARNING", "check disk is warning: 85 % full"),
            ("INFO", "check disk has recovered"),
            ("WARNING", "check disk is warning: 85 % full")]
        assert notified == ["success", "failure", "success"]

    def test_first_one_is_logged(self, world, caplog):
        HealthCheck(checkers=[Check("disk", (WARN, "85 % full"))]).run()
        assert [record.getMessage() for record in caplog.records] == [
            "check disk is warning: 85 % full"]

    def test_exception_handler_may_return_it(self, world, caplog):
        def raising():
            raise ValueError("too slow")

        health = HealthCheck(checkers=[raising], failed_ttl=0,
                             exception_handler=lambda checker, exc: (WARN, str(exc)))
        for _ in range(2):
            report = health.run()
            assert report.passed and report.results[0]["critical"] is False
            assert report.results[0]["output"] == "too slow"
        line, = [record.getMessage() for record in caplog.records]
        assert line.startswith("check raising is warning: too slow\nTraceback")

    @pytest.mark.parametrize("timeout", [None, 60])
    def test_worker_may_return_it(self, timeout):
        health = HealthCheck(checkers=[functools.partial(Check("disk", (WARN, "85 % full")))],
                             timeout=timeout)
        assert health.run().results[0]["critical"] is False

    def test_endpoints_share_it(self):
        cache, check = ResultCache(), Check("disk", (WARN, "85 % full"))
        for health in [HealthCheck(checkers=[check], cache=cache) for _ in range(2)]:
            report = health.run()
            assert report.passed and report.results[0]["critical"] is False
        assert check.runs == 1
