"""bottle_healthcheck._engine.breaker: a client that fails is not called for a while."""
import logging
import os
import threading

import pytest

from tests import internals
from tests.helpers import FakeClock, wait_until


class Client(object):
    """Returns what it is asked for; raises, or takes its time, where a test says so."""

    def __init__(self, clock):
        self.clock, self.raises, self.takes, self.calls = clock, None, 0.0, 0

    def get(self, key):
        self.calls += 1
        self.clock.tick(self.takes)
        if self.raises is not None:
            raise self.raises
        return key


@pytest.fixture
def clock(monkeypatch):
    clock = FakeClock(1000.0)
    internals.replace(monkeypatch, internals.CLOCK, clock)
    return clock


@pytest.fixture
def client(clock):
    return Client(clock)


@pytest.fixture
def breaker(clock):
    return internals.CircuitBreaker()


@pytest.fixture
def levels(caplog):
    caplog.set_level(logging.INFO, logger="bottle_healthcheck")
    return lambda: [record.levelname for record in caplog.records]


class TestClosed(object):
    def test_calls_go_through(self, breaker, client):
        assert [breaker.call(client.get, "a"), breaker.call(client.get, key="b")] == ["a", "b"]
        assert client.calls == 2
        assert breaker.is_open() is False

    def test_quick_calls_never_add_up_to_a_failure(self, breaker, client):
        client.takes = 0.09
        assert [breaker.call(client.get, "a") for _ in range(100)] == ["a"] * 100

    @pytest.mark.parametrize("takes, calls", [(1.01, 1), (0.34, 3), (0.11, 10)])
    def test_slow_calls_of_one_thread_add_up_to_a_failure(self, breaker, client, takes, calls):
        client.takes = takes
        assert [breaker.call(client.get, "a") for _ in range(calls)] == ["a"] * (calls - 1) + [None]
        assert breaker.is_open() is True

    def test_slow_calls_that_lie_far_apart_do_not_add_up(self, breaker, client, clock):
        client.takes = 0.9
        for _ in range(10):
            assert breaker.call(client.get, "a") == "a"
            clock.tick(10)

    def test_slow_calls_of_many_threads_do_not_add_up(self, breaker, client):
        client.takes, answers, over = 0.9, [], threading.Event()

        def ask():
            answers.append(breaker.call(client.get, "a"))
            over.wait(60)  # or the next thread might be given the same number
        threads = [threading.Thread(target=ask) for _ in range(10)]
        for number, thread in enumerate(threads):
            thread.start()
            wait_until(lambda: len(answers) > number)
        over.set()
        for thread in threads:
            thread.join(60)
        assert answers == ["a"] * 10


class TestLimits(object):
    """What counts as slow, and for how long, also right after the machine's start."""

    @pytest.mark.parametrize("takes, answer", [(0.1, None), (0.0625, "a")])
    def test_call_of_exactly_the_limit_is_slow(self, breaker, client, clock, takes, answer):
        client.takes = takes
        answers = []
        for _ in range(11):
            clock.now = 0.0  # or rounding would change the duration
            answers.append(breaker.call(client.get, "a"))
        assert answers == ["a"] * 10 + [answer]

    @pytest.mark.parametrize("takes, answer", [(1.125, None), (1.0, "a")])
    def test_slow_call_right_after_boot_is_a_failure(self, breaker, client, clock, takes, answer):
        clock.now, client.takes = 0.5, takes
        assert breaker.call(client.get, "a") == answer

    def test_calls_go_through_right_after_boot(self, breaker, client, clock):
        clock.now = 0.25
        assert [breaker.call(client.get, "a"), breaker.call(client.get, "b")] == ["a", "b"]
        assert client.calls == 2

    @pytest.mark.parametrize("second, answer", [(9.25, None), (9.75, "a")])
    def test_slow_calls_right_after_boot_add_up(
            self, breaker, client, clock, second, answer):
        clock.now, client.takes = 0.25, 0.75
        assert breaker.call(client.get, "a") == "a"
        clock.now = second
        assert breaker.call(client.get, "a") == answer

    def test_interrupted_trial_is_repeated_later(
            self, breaker, client, clock):
        client.raises = IOError("down")
        breaker.call(client.get, "a")
        clock.tick(10)
        client.raises = KeyboardInterrupt()
        with pytest.raises(KeyboardInterrupt):
            breaker.call(client.get, "a")
        client.raises = None
        assert breaker.call(client.get, "a") is None
        clock.tick(10)
        assert breaker.call(client.get, "a") == "a"


class TestOpen(object):
    @pytest.fixture(autouse=True)
    def fail(self, breaker, client):
        client.raises = IOError("down")
        assert breaker.call(client.get, "a") is None

    def test_client_is_not_called_for_ten_seconds(self, breaker, client, clock):
        clock.tick(9.99)
        assert breaker.call(client.get, "a") is None
        assert client.calls == 1
        client.raises = None
        clock.tick(0.02)
        assert breaker.call(client.get, "a") == "a"

    def test_one_caller_tries_while_the_others_go_without(self, breaker, client, clock):
        clock.tick(10.5)
        client.raises, answers = None, []
        get = client.get

        def get_and_let_another_call(key):
            client.get = get
            answers.append(breaker.call(client.get, "other"))
            return get(key)
        client.get = get_and_let_another_call
        assert breaker.call(client.get, "a") == "a"
        assert answers == [None]


class TestFailure(object):
    """A failure is logged once, until the client returns a value again."""

    def test_is_one_line_until_the_client_returns_a_value(self, breaker, client, clock, levels):
        client.raises = IOError("down")
        for _ in range(3):
            breaker.call(client.get, "a")
            clock.tick(10.5)
        assert levels() == ["WARNING"]
        client.raises = None
        for nothing in (None, False, 0, ""):  # some clients say no more of a server's death
            assert breaker.call(client.get, nothing) == nothing
            assert levels() == ["WARNING"]
        for _ in range(2):
            breaker.call(client.get, "a")
            assert levels() == ["WARNING", "INFO"]

    def test_unreadable_value_is_one(self, breaker, client, levels):
        class Odd(object):
            def __bool__(self):
                raise ValueError("no truth")
            __nonzero__ = __bool__
        assert breaker.call(client.get, Odd()) is None
        assert levels() == ["WARNING"]

    def test_interrupt_says_nothing_of_the_client(self, breaker, client, levels):
        client.raises = KeyboardInterrupt()
        with pytest.raises(KeyboardInterrupt):
            breaker.call(client.get, "a")
        client.raises = None
        assert breaker.call(client.get, "a") == "a"
        assert levels() == []

    @pytest.mark.parametrize("failed_before", [False, True])
    def test_newer_one_is_not_undone_by_an_older_call(
            self, breaker, client, clock, levels, failed_before):
        if failed_before:
            breaker.trip("down")
            clock.tick(10.5)
        get = client.get

        def get_while_another_call_fails(key):
            client.get = get
            breaker.trip("down")
            return get(key)
        client.get = get_while_another_call_fails
        assert breaker.call(client.get, "a") == "a"
        assert breaker.is_open() is True
        assert levels() == ["WARNING"]


class TestHangingCall(object):
    """A call that does not return: no other thread is to hang in the client as well."""

    @pytest.fixture
    def goes_on(self, breaker, client):
        """Ends the call that hangs."""
        begun, goes_on = threading.Event(), threading.Event()

        def hang(key):
            begun.set()
            assert goes_on.wait(60)
            return key
        client.get, quick = hang, client.get
        thread = threading.Thread(target=breaker.call, args=(client.get, "a"))
        thread.start()
        assert begun.wait(60)
        client.get = quick

        def end():
            goes_on.set()
            thread.join(60)
        yield end
        end()

    def test_failing_client_is_left_alone_until_it_returns(self, breaker, client, clock, goes_on):
        clock.tick(2)
        breaker.trip("it has not answered")
        clock.tick(600)
        assert breaker.is_open()
        assert breaker.call(client.get, "b") is None
        goes_on()
        clock.tick(11)
        assert breaker.call(client.get, "c") == "c"
        assert client.calls == 1

    def test_interrupted_call_does_not_hang(self, breaker, client, clock):
        class Calls(dict):
            interrupts = [KeyboardInterrupt()]

            def pop(self, *args):
                if self.interrupts:
                    raise self.interrupts.pop()
                return dict.pop(self, *args)
        internals.watch_calls(breaker, Calls())
        with pytest.raises(KeyboardInterrupt):
            breaker.call(client.get, "a")
        clock.tick(600)
        assert not breaker.hangs()

    @pytest.mark.usefixtures("goes_on")
    def test_client_that_does_not_fail_is_called(self, breaker, client, clock):
        clock.tick(600)
        assert breaker.call(client.get, "b") == "b"

    @pytest.mark.usefixtures("goes_on")
    def test_call_of_the_parent_of_a_fork_does_not_count(
            self, breaker, client, clock, monkeypatch):
        breaker.trip("it has not answered")
        clock.tick(600)
        assert breaker.is_open()
        monkeypatch.setattr(os, "getpid", lambda: -1)
        assert breaker.call(client.get, "b") == "b"
