"""bottle_healthcheck._compat"""
import functools

import pytest

from tests.internals import _compat


class Callable(object):
    def __call__(self):
        return True, "called"

    def method(self):
        return True, "method"

    def needs(self, something):
        return True, something


class Odd(Callable):
    def __eq__(self, other):
        raise AttributeError("which inspect compares with classes")

    __hash__ = None


def one(something):
    return True, something


class NeedsOne(object):
    def __init__(self, something):
        self.something = something


class TestTakesNoArguments(object):
    @pytest.mark.parametrize("func", [
        lambda: None,
        lambda something=1: None,
        lambda *args, **kwargs: None,
        Callable(),
        Callable().method,
        functools.partial(one, 1),
        functools.partial(one, something=1),
        dict,
        "text".upper,
        Odd(),
    ])
    def test_true_for(self, func):
        assert _compat.takes_no_arguments(func) is True

    @pytest.mark.parametrize("func", [
        one, lambda a, b=1: None, Callable().needs, functools.partial(one), NeedsOne,
    ])
    def test_false_for(self, func):
        assert _compat.takes_no_arguments(func) is False


class TestMonotonic(object):
    def test_never_goes_back(self):
        readings = [_compat.monotonic() for _ in range(1000)]
        assert readings == sorted(readings)
