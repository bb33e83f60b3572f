# coding: utf-8
"""bottle_healthcheck._engine.registry and .check: names, the list of checks, exception handlers."""
import functools
import json
import os
import threading

import bottle
import pytest
import six

from bottle_healthcheck import HealthCheck, basic_exception_handler
from tests import counting, internals
from tests.worlds import run_python
from tests.helpers import fails, raise_, succeeds
from tests.wsgi import ask_health as ask


class Callable(object):
    def __call__(self):
        return True, "called"

    def method(self):
        return True, "method"

    def __eq__(self, other):
        return isinstance(other, Callable)

    def __hash__(self):
        return 1


def names(health):
    return [checker.__name__ for checker in health.checkers]


class OldStyle:
    def __call__(self):
        return True, "old"


class TestName(object):
    """Every check has a name of its own."""

    @pytest.mark.parametrize("func, name", [
        (succeeds, "succeeds"),
        (functools.partial(functools.partial(lambda a, b: (a, b), True), 1), "<lambda>"),
        (functools.partial(Callable()), "Callable"),
        (Callable(), "Callable"),
        (Callable().method, "method"),
        (OldStyle(), "OldStyle"),
        (dict, "dict"),
    ])
    def test_comes_from_the_function(self, func, name):
        assert names(HealthCheck(checkers=[func])) == [name]

    def test_that_is_no_text_is_not_used(self):
        func = Callable()
        func.__name__ = 7
        assert names(HealthCheck(checkers=[func])) == ["Callable"]

    def test_with_lone_surrogates_is_shown_in_every_format(self):
        app = bottle.Bottle()
        health = HealthCheck(app, "/health")
        for name in (u"a\ud800", u"a\udfff", u"a\udcff"):
            health.add_check(lambda: (True, ""), name=name)
        shown = names(health)
        assert shown == ["a\\ud800", "a\\udfff", "a\\xff"]
        for name in (u"a\udfff", u"a\\udfff"):  # as every format shows it, it is taken
            with pytest.raises(ValueError):
                health.add_check(lambda: (True, ""), name=name)
        results = json.loads(ask(app).body.decode("ascii"))["results"]
        assert [result["checker"] for result in results] == shown
        rows = ask(app, "format=text").body.decode("ascii").split("\n")
        assert rows[:3] == [u"[+]%s ok" % name for name in shown]
        components = json.loads(ask(app, "format=health").body.decode("ascii"))["checks"]
        assert sorted(components) == sorted(name + ":responseTime" for name in shown)
        pytest.importorskip("prometheus_client")
        metrics = ask(app, "format=prometheus").body.decode("ascii").split("\n")
        series = [line for line in metrics if line.startswith(u"healthcheck_check_passed{")]
        assert len(set(series)) == 3

    def test_with_a_lone_surrogate_finds_its_check(self):
        health = HealthCheck()
        health.add_check(lambda: (True, "found"), name=u"a\ud800")
        assert health.run(check=u"a\ud800").results == health.run(check=u"a\\ud800").results
        assert health.run_check(u"a\ud800")["output"] == "found"

    def test_of_a_second_check_is_numbered(self):
        health = HealthCheck(checkers=[succeeds, succeeds])
        health.add_check(succeeds, name="succeeds_3")
        health.add_check(succeeds)
        assert names(health) == ["succeeds", "succeeds_2", "succeeds_3", "succeeds_4"]

    def test_of_checks_in_a_slice_is_numbered(self):
        def twin():
            return fails()
        twin.__name__ = "succeeds"
        health = HealthCheck()
        health.checkers[:] = [succeeds, twin]
        assert names(health) == ["succeeds", "succeeds_2"]
        assert [one["passed"] for one in health.run().results] == [True, False]

    def test_taken_name_is_refused(self):
        health = HealthCheck(checkers=[succeeds, succeeds])
        for name in ("succeeds", "succeeds_2", u"succeeds"):
            with pytest.raises(ValueError) as caught:
                health.add_check(fails, name=name)
            assert str(caught.value) == (
                "a check named '%s' is registered already: give this one another name" % name)
        assert names(health) == ["succeeds", "succeeds_2"]

    def test_removed_check_cannot_return_to_a_taken_name(self):
        health = HealthCheck(checkers=[succeeds])
        removed = health.checkers.pop()
        health.add_check(fails, name="succeeds")
        with pytest.raises(ValueError) as caught:
            health.checkers.append(removed)
        assert str(caught.value) == \
            "two checks are named 'succeeds': expected names that differ"
        assert names(health) == ["succeeds"]

    def test_pop_takes_the_last_check_or_that_at_an_index(self):
        health = HealthCheck(checkers=[succeeds, fails, succeeds])
        assert health.checkers.pop().__name__ == "succeeds_2"
        health.add_check(succeeds, name="last")
        assert health.checkers.pop(0).__name__ == "succeeds"
        assert names(health) == ["fails", "last"]

    def test_replaced_check_frees_its_name(self):
        health = HealthCheck(checkers=[succeeds])
        health.checkers[0] = succeeds
        assert names(health) == ["succeeds"]
        health.checkers = [fails, succeeds]
        assert names(health) == ["fails", "succeeds"]
        health.checkers[1:] = [succeeds, succeeds]
        assert names(health) == ["fails", "succeeds", "succeeds_2"]
        health.checkers = health.checkers
        assert names(health) == ["fails", "succeeds", "succeeds_2"]

    def test_reloaded_checks_are_numbered_from_the_beginning(self):
        health = HealthCheck(checkers=[succeeds] * 4)
        health.checkers[:] = [succeeds] * 2
        assert names(health) == ["succeeds", "succeeds_2"]

    def test_registered_check_keeps_its_name_beside_a_new_one(self):
        health = HealthCheck(checkers=[succeeds])
        health.checkers[:] = [succeeds, health.checkers[0]]
        assert names(health) == ["succeeds_2", "succeeds"]

    @pytest.mark.parametrize("name, error", [
        (7, TypeError), (["a"], TypeError), (True, TypeError), ("", ValueError), (u"", ValueError)])
    def test_invalid_name_is_refused(self, name, error):
        with pytest.raises(error) as caught:
            HealthCheck().add_check(succeeds, name=name)
        assert "name" in str(caught.value) and "expected" in str(caught.value)

    @pytest.mark.skipif(six.PY2, reason="bytes are text there")
    def test_bytes_are_refused(self):
        with pytest.raises(TypeError):
            HealthCheck().add_check(succeeds, name=b"database")


def calls_to_register(number, register):
    """How many functions are called while so many checks are registered."""
    def job():
        health = HealthCheck()
        for _ in range(number):
            register(health)
        assert len(health.checkers) == number
    return counting.calls(job)


class TestList(object):
    """health.checkers is a list of checks that registers functions."""

    def test_function_is_registered(self):
        health = HealthCheck(checkers=[succeeds])
        health.checkers.append(fails)
        health.checkers.insert(0, Callable())
        health.checkers.extend([functools.partial(succeeds)])
        health.checkers += [fails]
        assert names(health) == ["Callable", "succeeds", "fails", "succeeds_2", "fails_2"]
        assert [one["output"] for one in health.run().results] == [
            "called", "fine", "down", "fine", "down"]
        assert all(callable(checker) for checker in health.checkers)
        assert health.checkers[1]() == (True, "fine")

    def test_name_of_a_refused_insertion_stays_free(self):
        health = HealthCheck(checkers=[succeeds])
        with pytest.raises(TypeError):
            health.checkers.insert("0", fails)
        assert names(health) == ["succeeds"]
        health.add_check(fails, name="fails")
        assert names(health) == ["succeeds", "fails"]

    def test_function_is_found(self):
        health = HealthCheck(checkers=[succeeds, fails])
        assert succeeds in health.checkers and fails in health.checkers
        assert Callable() not in health.checkers and "succeeds" not in health.checkers
        assert health.checkers.index(fails) == 1
        assert health.checkers.count(fails) == 1
        assert health.checkers[0] == succeeds and succeeds == health.checkers[0]
        assert health.checkers[0] != fails
        assert {succeeds: "mine"}[health.checkers[0]] == "mine"
        health.checkers.remove(succeeds)
        assert names(health) == ["fails"]
        with pytest.raises(ValueError):
            health.checkers.remove(succeeds)

    def test_method_is_found_by_owner_and_function(self):
        mine, equal = Callable(), Callable()
        health = HealthCheck(checkers=[mine.method])
        assert mine.method in health.checkers
        assert equal.method not in health.checkers
        health.checkers.remove(mine.method)
        assert len(health.checkers) == 0

    def test_checks_of_one_function_differ(self):
        health = HealthCheck(checkers=[succeeds, succeeds])
        first, second = health.checkers
        assert first != second
        assert health.checkers.index(second) == 1
        assert health.run_check(second)["checker"] == "succeeds_2"
        health.checkers.remove(second)
        assert names(health) == ["succeeds"]

    def test_reading(self):
        health = HealthCheck(checkers=[succeeds, fails])
        assert len(health.checkers) == 2
        assert health.checkers[-1].__name__ == "fails"
        assert [one.__name__ for one in health.checkers[::-1]] == ["fails", "succeeds"]
        assert [one.__name__ for one in reversed(health.checkers)] == ["fails", "succeeds"]
        assert repr(health.checkers) == "<checks: succeeds, fails>"
        with pytest.raises(IndexError):
            health.checkers[2]

    def test_removing_and_moving(self):
        health = HealthCheck(checkers=[succeeds, fails])
        health.add_check(Callable(), name="third", critical=False)
        health.checkers.insert(0, health.checkers.pop())
        assert names(health) == ["third", "succeeds", "fails"]
        assert health.checkers[0].critical is False
        health.checkers.reverse()
        assert names(health) == ["fails", "succeeds", "third"]
        del health.checkers[1]
        assert names(health) == ["fails", "third"]
        del health.checkers[:]
        assert names(health) == []
        assert health.run().passed is True

    def test_sorting(self):
        health = HealthCheck(checkers=[succeeds, fails, Callable()])
        health.checkers.sort(key=lambda check: check.__name__)
        assert names(health) == ["Callable", "fails", "succeeds"]
        health.checkers.sort(lambda check: check.func is fails, reverse=True)
        assert names(health) == ["fails", "Callable", "succeeds"]
        assert [result["checker"] for result in health.run().results] == names(health)

    def test_swapping(self):
        health = HealthCheck(checkers=[succeeds, fails])
        first, second = health.checkers
        health.checkers[0] = second
        health.checkers[1] = first
        assert list(health.checkers) == [second, first]
        assert [result["checker"] for result in health.run().results] == ["fails", "succeeds"]

    def test_check_listed_twice_is_reported_once(self):
        runs = []
        health = HealthCheck(success_ttl=None)
        health.add_check(lambda: (True, runs.append(1)), name="database")
        health.checkers.append(health.checkers[0])
        health.checkers += [health.checkers[0], fails]
        assert names(health) == ["database", "database", "database", "fails"]
        assert [result["checker"] for result in health.run().results] == ["database", "fails"]
        assert [result["checker"] for result in health.run("database").results] == ["database"]
        assert runs == [1, 1]
        del health.checkers[0]
        assert len(health.run().results) == 2  # it is still there

    def test_sum_is_a_plain_list(self):
        health = HealthCheck(checkers=[succeeds])
        for both in (health.checkers + [fails], health.checkers + (fails,)):
            assert isinstance(both, list) and both == [succeeds, fails]
        assert [fails] + health.checkers == [fails, succeeds]
        assert health.checkers + health.checkers == [succeeds, succeeds]
        assert names(health) == ["succeeds"]
        assert names(HealthCheck(checkers=health.checkers + [fails])) == ["succeeds", "fails"]

    def test_checks_of_another_list_are_registered(self):
        other = HealthCheck(success_ttl=5)
        other.add_check(succeeds, name="database", critical=False)
        health = HealthCheck(checkers=other.checkers, success_ttl=7)
        assert names(health) == ["database"]
        assert health.checkers[0].success_ttl == 7.0
        assert succeeds in health.checkers
        assert names(other) == ["database"]

    def test_methods_of_another_list_are_registered(self):
        other = HealthCheck(checkers=[Callable().method])
        health = HealthCheck(checkers=other.checkers, cache=other.cache)
        health.add_check(other.checkers[0], name="again")
        assert names(health) == ["method", "again"]
        assert [result["output"] for result in health.run().results] == ["method", "method"]

    def test_equals_a_list_of_its_functions(self):
        health = HealthCheck(checkers=[succeeds, fails])
        assert health.checkers == [succeeds, fails] == health.checkers
        assert health.checkers != [succeeds] and health.checkers != [fails, succeeds]
        assert HealthCheck().checkers == [] and not HealthCheck().checkers != ()
        assert health.checkers != {succeeds, fails} and health.checkers != "text"

    @pytest.mark.parametrize("checkers", [5, "text", b"bytes", {"a": 1}, succeeds, 1.5])
    def test_what_is_no_list_is_refused(self, checkers):
        with pytest.raises(TypeError):
            HealthCheck(checkers=checkers)
        with pytest.raises(TypeError):
            HealthCheck().checkers = checkers

    @pytest.mark.parametrize("checkers", [(succeeds,), {succeeds}, iter([succeeds])],
                             ids=["tuple", "set", "iterator"])
    def test_may_be_any_iterable(self, checkers):
        assert names(HealthCheck(checkers=checkers)) == ["succeeds"]

    @pytest.mark.parametrize("register", [
        lambda health: health.add_check(succeeds),
        lambda health: health.add_check(succeeds, name="check %d" % len(health.checkers)),
        lambda health: health.checkers.append(succeeds),
        lambda health: health.checkers.insert(0, succeeds),
    ], ids=["add_check", "add_check with a name", "append", "insert"])
    def test_registering_takes_constant_steps(self, register):
        assert calls_to_register(400, register) <= 8 * calls_to_register(50, register)


class TestThreads(object):
    """Threads and signal handlers register checks at once."""

    def test_every_check_is_registered(self):
        health = HealthCheck()
        start = threading.Event()

        def register(number):
            start.wait(60)
            for index in range(50):
                health.add_check(succeeds)
                health.checkers.append(succeeds)
                health.checkers.insert(0, fails)
                health.add_check(fails, name="check %d of %d" % (index, number))
                passing_by = functools.partial(succeeds)
                health.checkers.append(passing_by)
                health.checkers.remove(passing_by)
        threads = [threading.Thread(target=register, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        start.set()
        for thread in threads:
            thread.join(60)
        assert len(health.checkers) == 8 * 50 * 4
        assert len(set(names(health))) == 8 * 50 * 4
        assert len(health.checkers.items) == 8 * 50 * 4

    def test_every_check_added_in_place_is_registered(self):
        health = HealthCheck()
        start = threading.Event()

        def register(add):
            start.wait(60)
            for _ in range(100):
                add()

        def add_in_place():
            health.checkers += [fails]
        threads = [threading.Thread(target=register, args=(add,)) for add in (
            add_in_place, lambda: health.add_check(succeeds), add_in_place)]
        for thread in threads:
            thread.start()
        start.set()
        for thread in threads:
            thread.join(60)
        assert len(health.checkers) == 300

    def test_one_thread_gets_a_name(self):
        health = HealthCheck()
        start, refused = threading.Event(), []

        def register():
            start.wait(60)
            for index in range(50):
                try:
                    health.add_check(succeeds, name="check %d" % index)
                except ValueError:
                    refused.append(index)
        threads = [threading.Thread(target=register) for _ in range(8)]
        for thread in threads:
            thread.start()
        start.set()
        for thread in threads:
            thread.join(60)
        assert sorted(names(health)) == sorted("check %d" % index for index in range(50))
        assert len(refused) == 7 * 50

    def test_signal_handler_may_register(self):
        health = HealthCheck()

        class Registering(Callable):
            """Looks at its name while it is registered, as a signal's handler may come then."""

            @property
            def __name__(self):
                if len(health.checkers) < 1:
                    health.add_check(succeeds)
                return "registering"
        health.checkers.append(Registering())
        assert sorted(names(health)) == ["registering", "succeeds"]


class TestTurn(object):
    """One thread at a time changes the list of checks."""

    @pytest.fixture
    def waits(self, monkeypatch):
        """How long this thread waits each time; meanwhile the others end their turns."""
        seconds = []

        class Time(object):
            @staticmethod
            def sleep(pause):
                seconds.append(pause)
                self.others.pop(0)()
        internals.replace(monkeypatch, internals.TURN_TIME, Time)
        return seconds

    @pytest.mark.parametrize("thread", [1, 2 ** 63])
    def test_of_another_thread_is_waited_for(self, waits, thread):
        health = HealthCheck()
        turns = internals.turns(health)
        turns[os.getpid()] = [thread]
        self.others = [lambda: None, turns.clear]
        health.add_check(succeeds)
        assert len(waits) == 2
        assert names(health) == ["succeeds"]

    def test_of_another_process_is_not_waited_for(self, waits):
        """It was the parent's: its thread is not in this process."""
        health = HealthCheck()
        internals.turns(health)[os.getpid() + 1] = [1]
        health.add_check(succeeds)
        assert waits == []

    def test_ends_with_the_change(self):
        health = HealthCheck()
        health.add_check(succeeds, name="taken")
        assert internals.turns(health) == {}
        with pytest.raises(ValueError):
            health.add_check(succeeds, name="taken")
        assert internals.turns(health) == {}

    def test_lasts_until_the_outer_of_two_changes_ends(self, waits):
        health = HealthCheck()
        turns, seen = internals.turns(health), []

        class Registering(Callable):
            @property
            def __name__(self):
                if not seen:
                    seen.append(dict(turns))
                    health.add_check(succeeds)
                    seen.append(dict(turns))
                return "registering"
        health.checkers.append(Registering())
        assert waits == []
        assert seen[0] and seen[0] == seen[1]
        assert turns == {}


def injecting(func):
    """A decorator as many are written: it gives what it wraps an argument."""
    @functools.wraps(func)
    def check():
        return func("a connection")
    return check


def needs_one(connection):
    return True, connection


class TestAddCheck(object):
    """add_check() registers a function with options of its own."""

    def test_returns_the_function(self):
        health = HealthCheck()
        assert health.add_check(succeeds) is succeeds
        assert health.add_check(name="again")(succeeds) is succeeds
        assert health.add_check()(fails) is fails
        assert names(health) == ["succeeds", "again", "fails"]

    def test_options_default_to_the_healthchecks(self):
        health = HealthCheck(success_ttl=5, failed_ttl=3, timeout=2)
        health.add_check(succeeds)
        health.add_check(name="own", success_ttl=None, failed_ttl=0, timeout=None,
                         critical=False)(succeeds)
        inherits, own = health.checkers
        assert (inherits.success_ttl, inherits.failed_ttl, inherits.timeout) == (5.0, 3.0, 2.0)
        assert (own.success_ttl, own.failed_ttl, own.timeout) == (0.0, 0.0, None)
        assert inherits.critical is True and own.critical is False

    @pytest.mark.parametrize("arguments, error", [
        ({"timeout": 0}, ValueError), ({"timeout": -1}, ValueError), ({"timeout": "1"}, TypeError),
        ({"timeout": True}, TypeError), ({"success_ttl": -1}, ValueError),
        ({"failed_ttl": float("nan")}, ValueError), ({"failed_ttl": "9"}, TypeError),
        ({"success_ttl": float("inf")}, ValueError), ({"success_ttl": 10 ** 400}, ValueError)])
    def test_invalid_seconds_are_refused(self, arguments, error):
        for refuse in (lambda: HealthCheck(**arguments),
                       lambda: HealthCheck().add_check(succeeds, **arguments)):
            with pytest.raises(error) as caught:
                refuse()
            assert list(arguments)[0] in str(caught.value) and "expected" in str(caught.value)

    @pytest.mark.parametrize("critical", ["no", None, [], 1.0])
    def test_critical_is_true_or_false(self, critical):
        with pytest.raises(TypeError, match="critical is .*, expected True or False"):
            HealthCheck().add_check(succeeds, critical=critical)

    @pytest.mark.parametrize("func", [None, 5, "succeeds", (True, 1), lambda one: (True, one),
                                      functools.partial(lambda a, b: None, 1)])
    def test_invalid_check_is_refused(self, func):
        health = HealthCheck(checkers=[succeeds])
        for register in (health.add_check, health.checkers.append, health.add_check(name="other"),
                         lambda func: HealthCheck(checkers=[func])):
            with pytest.raises(TypeError) as caught:
                register(func)
            assert "expected a callable" in str(caught.value)
        with pytest.raises(TypeError):
            health.checkers[0] = func
        assert names(health) == ["succeeds"]

    @pytest.mark.parametrize("func", [
        injecting(needs_one), functools.update_wrapper(functools.partial(needs_one, 1), needs_one)])
    def test_wrapped_function_may_need_arguments(self, func):
        assert HealthCheck(checkers=[func]).run().passed

    def test_attributes_are_the_functions(self):
        def check():
            return True, "fine"
        check.about, check.tier = "orders", "gold"
        checker = HealthCheck(checkers=[check]).checkers[0]
        assert (checker.about, checker.tier) == ("orders", "gold")
        with pytest.raises(AttributeError):
            checker.unknown


class Unhashable(object):
    """Equals by what any of its kind holds, and trips over others, as many classes do."""

    def __init__(self, says):
        self.says = says

    def __eq__(self, other):
        return self.says == other.says

    __hash__ = None

    def __call__(self):
        return self.says


class EqualToAll(Callable):
    def __eq__(self, other):
        return True

    __hash__ = None


class Remote(Callable):
    """A proxy that asks its server for what it lacks, and cannot reach it."""

    def __getattr__(self, name):
        raise EnvironmentError("no route to host")

    __doc__ = property(lambda self: self.doc)


class Truthless(Callable):
    """It has neither truth nor length, like some arrays and queries."""

    def __bool__(self):
        raise ValueError("the truth of this is ambiguous")

    __nonzero__ = __len__ = __bool__


class Kind(type):
    """A class whose attributes cannot be read, and whose call is the check."""

    def __getattr__(cls, name):
        raise EnvironmentError("no route to host")

    def __call__(cls):
        return True, "called"


class TestOddCallable(object):
    """A callable whose attributes raise is a check like others."""

    @pytest.mark.parametrize("func", [Unhashable((True, 1)), EqualToAll()])
    def test_comparison_may_be_odd(self, func):
        health = HealthCheck(checkers=[succeeds, func])
        assert health.run().passed
        assert health.run_check(func)["checker"] == type(func).__name__
        assert func in health.checkers and health.checkers[1] in set(health.checkers)
        with pytest.raises(ValueError, match="no such check"):
            HealthCheck(checkers=[succeeds]).run_check(func)

    @pytest.mark.parametrize("func", [Remote(), Truthless(), Kind("Model", (object,), {})],
                             ids=lambda func: type(func).__name__)
    @pytest.mark.parametrize("timeout", [None, 60])
    def test_attributes_may_raise(self, func, timeout):
        app = bottle.Bottle()
        health = HealthCheck(app, "/health", checkers=[functools.partial(func), func],
                             timeout=timeout)
        for query in ("", "format=health", "format=text", "format=html"):
            assert ask(app, query).status == 200
        name = func.__name__ if isinstance(func, type) else type(func).__name__
        assert [result["checker"] for result in health.run().results] == [name, name + "_2"]
        assert health.run_check(func)["output"] == "called"
        health.checkers.remove(func)
        assert names(health) == [name]


class TestExceptionHandler(object):
    """exception_handler makes the outcome of a check that raises."""

    def test_gets_check_and_exception(self):
        seen = []

        def handler(checker, exc):
            seen.append((checker.__name__, checker, type(exc), exc.args))
            return True, {"output": "of the handler"}

        def raising():
            raise KeyError("missing")

        health = HealthCheck(exception_handler=handler, checkers=[raising])
        report = health.run()
        assert seen == [("raising", raising, KeyError, ("missing",))]
        assert report.passed is True
        assert report.results[0]["output"] == {"output": "of the handler"}

    def test_is_called_though_it_is_false(self):
        class Handlers(list):
            def __call__(self, checker, exc):
                return True, "handled"
        health = HealthCheck(checkers=[lambda: 1 / 0], exception_handler=Handlers())
        assert health.run().results[0]["output"] == "handled"

    @pytest.mark.parametrize("handler", [
        lambda checker, exc: 1 // 0, lambda checker, exc: raise_(SystemExit("handler")),
        lambda: None, lambda checker, exc: None, lambda checker, exc: "ok",
        lambda checker, exc: (True,), lambda checker, exc: (True, 1, 2),
        lambda checker, exc: (exc, "down"), lambda checker, exc: ("ok", 1)])
    def test_faulty_one_is_logged_once(self, handler, caplog):
        health = HealthCheck(exception_handler=handler, failed_ttl=None,
                             checkers=[lambda: raise_(OSError("disk")),
                                       lambda: raise_(OSError("net"))])
        for _ in range(3):
            report = health.run()
            assert not report.passed
            assert [result["output"] for result in report.results] == ["disk", "net"]
        about = [record for record in caplog.records
                 if record.getMessage().startswith("exception_handler failed")]
        assert len(about) == 1 and about[0].levelname == "ERROR"

    def test_log_says_what_is_wrong(self, caplog):
        def check():
            raise OSError("disk")

        def of_0_2_1(checker, exc):
            return False, exc.__name__
        for handler, words in [(of_0_2_1, "has no attribute '__name__'"),
                               (lambda checker, exc: "down", "exception_handler returned a str, "
                                                             "expected a pair (passed, output)")]:
            del caplog.records[:]
            HealthCheck(exception_handler=handler, checkers=[check]).run()
            assert words in caplog.records[0].getMessage()

    def test_second_faulty_one_is_logged_too(self, caplog):
        health = HealthCheck(exception_handler=lambda checker, exc: None, failed_ttl=None,
                             checkers=[lambda: raise_(OSError("disk"))])
        health.run()
        del caplog.records[:]
        health.exception_handler = lambda checker, exc: (False, "mended")
        assert health.run().results[0]["output"] == "mended"
        health.exception_handler = lambda checker, exc: 1 // 0
        health.run()
        assert "ZeroDivisionError" in caplog.text

    def test_none_means_the_default(self):
        health = HealthCheck(exception_handler=None, checkers=[lambda: raise_(OSError("disk"))])
        assert health.exception_handler is basic_exception_handler
        assert health.run().results[0]["output"] == "disk"

    def test_default_reports_message_or_type(self):
        assert basic_exception_handler(None, ValueError()) == (False, "ValueError")
        assert basic_exception_handler(None, ValueError("why")) == (False, "why")


SERVES_WHILE_IT_IS_IMPORTED = """
from bottle_healthcheck import HealthCheck

def fails():
    raise ValueError("down")

health = HealthCheck(timeout=60)
for number, output in enumerate([5, u"fine", {"rows": [1, u"fine"]}]):
    health.add_check(lambda output=output: (True, output), name="check %d" % number)
health.add_check(fails)
for result in health.run().results:
    print(result["output"])
"""


class TestImport(object):
    """A service may run its checks while Python imports it."""

    def test_worker_waits_for_no_import(self, tmp_path):
        # Python 2.7 lets no thread import, not even what is loaded, while another one does.
        tmp_path.joinpath("service.py").write_text(six.text_type(SERVES_WHILE_IT_IS_IMPORTED))
        status, output, errors = run_python("import sys\nsys.path.insert(0, %r)\nimport service"
                                            % str(tmp_path))
        assert (status, errors) == (0, "")
        assert "timed out" not in output and output.count("fine") == 2 and "down" in output, output
