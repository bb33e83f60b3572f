"""Coroutine functions are refused wherever a callback is taken: what they return is true."""
import functools
import json
import sys
import types

import pytest

from bottle_healthcheck import EnvironmentDump, HealthCheck
from tests.helpers import PY2, succeeds
from tests.wsgi import ask_health as ask, service

pytestmark = pytest.mark.skipif(PY2, reason="2.7 has none")

#: As text, since 2.7 could not read it.
SOURCE = '''
async def plain(*args):
    return True, "fine"

async def generator(*args):
    yield True

class Object(object):
    async def __call__(self, *args):
        return True, "fine"

    async def method(self, *args):
        return True, "fine"

    @classmethod
    async def of_class(cls, *args):
        return True, "fine"

    @staticmethod
    async def static(*args):
        return True, "fine"

class Generating(object):
    async def __call__(self, *args):
        yield True

class Holding(object):
    __call__ = Object()

class Partial(object):
    __call__ = functools.partial(plain)

class Inheriting(Object):
    pass
'''

PLACES = {
    "add_check": lambda func: HealthCheck().add_check(func),
    "checkers": lambda func: HealthCheck(checkers=[func]),
    "append": lambda func: HealthCheck().checkers.append(func),
    "success_handler": lambda func: HealthCheck(success_handler=func),
    "failed_handler": lambda func: HealthCheck(failed_handler=func),
    "exception_handler": lambda func: HealthCheck(exception_handler=func),
    "details": lambda func: HealthCheck(details=func),
    "on_change": lambda func: HealthCheck(on_change=func),
    "on_change later": lambda func: setattr(HealthCheck(), "on_change", func),
    "add_section": lambda func: EnvironmentDump(include_python=False).add_section("mine", func),
}


def disguises():
    """[(name, callable)] of all that return a coroutine or an async generator."""
    if PY2:
        return []
    names = {"functools": functools, "types": types}
    exec(SOURCE, names)  # pylint: disable=exec-used
    names["one"] = names["Object"]()
    expressions = [
        "plain", "generator", "one", "one.method", "one.of_class", "Object.of_class",
        "Object.static", "Generating()", "Holding()", "Partial()", "Inheriting()",
        "functools.partial(plain)", "functools.partial(functools.partial(plain, 1))",
        "functools.partial(one)", "functools.partial(one.method)", "functools.partial(generator)",
        "functools.lru_cache()(plain)", "types.MethodType(one, 1)"]
    if sys.version_info >= (3, 10):  # where such an object can be called
        expressions.append("staticmethod(plain)")
    return [(text, eval(text, names)) for text in expressions]  # pylint: disable=eval-used


def wrapper_that_runs_the_loop():
    names = dict(disguises())

    @functools.wraps(names["plain"])
    def wrapper(*args):
        return True, "fine"
    return wrapper


class Odd(object):
    """What is looked for cannot be read."""

    def __getattr__(self, name):
        if name.startswith("_is_coroutine"):  # which Python 3.12 looks for
            raise RuntimeError(name)
        raise AttributeError(name)

    def __call__(self, *args):
        return True, "fine"


class Endless(object):
    """It leads to itself."""


Endless.__call__ = Endless()


class TestCoroutineFunction(object):
    """Coroutine functions are refused wherever a callback is taken."""

    @pytest.mark.parametrize("place", sorted(PLACES))
    @pytest.mark.parametrize("name, func", disguises())
    def test_is_refused(self, place, name, func):
        with pytest.raises(TypeError) as caught:
            PLACES[place](func)
        assert " is a coroutine function, expected a plain one: " in str(caught.value)
        assert str(caught.value).endswith("as with asyncio.run(...)")

    @pytest.mark.parametrize("place", sorted(PLACES))
    @pytest.mark.parametrize("func", [
        wrapper_that_runs_the_loop, succeeds, functools.partial(succeeds), Odd(), Endless(), dict,
        functools.partial(Odd())], ids=lambda func: type(func).__name__)
    def test_plain_callable_is_accepted(self, place, func):
        if func is wrapper_that_runs_the_loop:
            func = func()
        PLACES[place](func)


def unfinished():
    """(kind, a callable that returns one) for what has not run yet, and is true for all that."""
    names = {}
    exec("async def coroutine():\n    return False\n"  # pylint: disable=exec-used
         "async def async_generator():\n    yield False\n", names)
    return [("coroutine", lambda: names["coroutine"]()),
            ("async_generator", lambda: names["async_generator"]()),
            ("Future", lambda: Future())]


class Future(object):
    def __await__(self):
        yield False


class TestCoroutine(object):
    """What a callback returns may be a coroutine that never runs."""

    @pytest.mark.parametrize("kind, details", [] if PY2 else unfinished())
    @pytest.mark.filterwarnings("ignore:coroutine 'coroutine' was never awaited")
    def test_details_are_hidden(self, kind, details, caplog):
        app = service("up", details=details)
        assert json.loads(ask(app).body.decode("ascii")) == {"status": "success"}
        line, = [record.getMessage() for record in caplog.records]
        assert "details() is of type %s, expected True or False" % kind in line

    @pytest.mark.parametrize("kind, returning", [] if PY2 else unfinished())
    @pytest.mark.filterwarnings("ignore:coroutine 'coroutine' was never awaited")
    def test_on_change_is_logged(self, kind, returning, caplog):
        HealthCheck(checkers=[succeeds], on_change=lambda previous, current,
                    report: returning()).run()
        line, = [record.getMessage() for record in caplog.records]
        assert "on_change() is of type %s, expected it to have finished" % kind in line
