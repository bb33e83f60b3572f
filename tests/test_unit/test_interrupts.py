"""bottle_healthcheck._interrupts: which exceptions are a callback's own, wherever callbacks run."""
import os
import signal
import sys
import types

import bottle
import pytest
import six

from bottle_healthcheck import EnvironmentDump, HealthCheck, ResultCache
from tests.helpers import need_module
from tests.internals import _interrupts, _jsonable, _log
from tests.wsgi import ask

needs_signals = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="has no such signals")


class Panic(BaseException):
    """As extensions written in Rust raise."""


def raiser(kind, *args):
    def callback(*args_of_caller):
        raise kind(*args)
    return callback


def leave(*args):
    sys.exit("leaving")


def resets_itself(signum, frame):
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    leave()


def interrupted_by(handler):
    """A callback that is interrupted by a signal with that handler, by the time it returns."""
    def callback(*args):
        before = signal.signal(signal.SIGALRM, handler)
        try:
            os.kill(os.getpid(), signal.SIGALRM)
            for _ in range(10 ** 6):  # handlers run between two instructions
                pass
        finally:
            signal.signal(signal.SIGALRM, before)
        raise AssertionError("the signal did not come")
    return callback


def is_interrupt(callback):
    try:
        callback()
    except BaseException:
        return _interrupts.is_interrupt()
    raise AssertionError("the callback did not raise")


class Handler(object):
    def method(self, signum, frame):
        leave()

    def __call__(self, signum, frame):
        leave()


def passes_on(*args):
    resets_itself(*args)


def assigns_to_its_arguments(signum, *rest):
    rest = None  # noqa: F841
    leave()


def nested(signum, frame):
    def inner():
        return frame  # so that frame is a cell
    try:
        leave()
    finally:
        inner()


HANDLERS = [lambda signum, frame: leave(), lambda *args: leave(), Handler().method, Handler(),
            resets_itself, passes_on, nested]


class TestIsInterrupt(object):
    """A callback's own exceptions, and those that interrupt it."""

    @pytest.mark.parametrize("kind", [ValueError, MemoryError, Panic, GeneratorExit, BaseException])
    def test_exception_is_the_callbacks_own(self, kind):
        assert is_interrupt(raiser(kind)) is False

    def test_cancelled_task_is_the_callbacks_own(self):
        asyncio = need_module("asyncio")
        assert is_interrupt(raiser(asyncio.CancelledError)) is False

    def test_keyboard_interrupt_is_one(self):
        assert is_interrupt(raiser(KeyboardInterrupt)) is True

    @pytest.mark.parametrize("module, name", [
        ("greenlet", "GreenletExit"), ("gevent.timeout", "Timeout"),
        ("eventlet.timeout", "Timeout")])
    def test_exceptions_that_end_a_greenlet_are_some(self, monkeypatch, module, name):
        kind = type(name, (BaseException,), {})
        assert is_interrupt(raiser(kind)) is False
        imported = types.ModuleType(module)
        setattr(imported, name, kind)
        monkeypatch.setitem(sys.modules, module, imported)
        assert is_interrupt(raiser(kind)) is True
        assert is_interrupt(raiser(Panic)) is False

    def test_exceptions_of_gevent_are_some(self):
        gevent = need_module("gevent")
        assert is_interrupt(raiser(gevent.Timeout, 1)) is True
        assert is_interrupt(raiser(gevent.GreenletExit)) is True

    def test_exit_is_the_callbacks_own(self):
        assert is_interrupt(leave) is False
        assert is_interrupt(raiser(SystemExit, 3)) is False

    @needs_signals
    @pytest.mark.parametrize("handler", HANDLERS)
    def test_exit_of_a_signal_handler_is_one(self, handler):
        assert is_interrupt(interrupted_by(handler)) is True

    @needs_signals
    def test_handler_that_forgets_its_arguments_is_not_known(self):
        assert is_interrupt(interrupted_by(assigns_to_its_arguments)) is False


class Raising(object):
    """Raises whatever is asked of it."""

    def __init__(self, callback):
        self.callback = callback

    def __str__(self):
        return self.callback()

    __unicode__ = __fspath__ = isoformat = __str__


class RaisingException(Exception):
    def __init__(self, callback):
        Exception.__init__(self)
        self.callback = callback

    def __str__(self):
        return self.callback()

    __unicode__ = __str__


def odd_syntax_error(callback):
    """One that raises where its traceback is written."""
    class Odd(SyntaxError):
        args = filename = property(lambda self: callback())
    return Odd()


class Store(object):
    def __init__(self, callback):
        self.get = self.set = self.add = lambda *args, **kwargs: callback()


def raises_in_its_name(callback):
    class Meta(type):
        @property
        def __module__(cls):
            return callback()
    return six.with_metaclass(Meta, object)


def in_a_check(callback):
    return HealthCheck(checkers=[callback]).run().results[0]


def in_an_exception_handler(callback):
    return HealthCheck(checkers=[raiser(ValueError)], exception_handler=callback).run()


def in_a_handler(callback):
    app = bottle.Bottle()
    HealthCheck(app, "/health", success_handler=callback)
    return ask(app, "/health")


def in_details(callback):
    app = bottle.Bottle()
    HealthCheck(app, "/health", details=lambda: callback())
    return ask(app, "/health")


def in_on_change(callback):
    HealthCheck(checkers=[lambda: (True, "")], on_change=callback).run()


def in_a_shared_cache(callback):
    cache = ResultCache(backend=Store(callback), prefix="shop")
    HealthCheck(checkers=[lambda: (True, "")], cache=cache).run()


def in_a_section(callback):
    dump = EnvironmentDump()
    dump.add_section("section", lambda: callback())
    return dump.dump_environment()


def in_an_output(callback):
    return _jsonable.plain(Raising(callback))


def in_a_class(callback):
    class Nameless(raises_in_its_name(callback)):
        pass
    return _jsonable.type_name(Nameless())


def in_a_message(callback):
    return _jsonable.message(RaisingException(callback))


def in_a_traceback(callback):
    try:
        raise odd_syntax_error(callback)
    except SyntaxError:
        return _log.traceback_of(sys.exc_info())


PLACES = [in_a_check, in_an_exception_handler, in_a_handler, in_details, in_on_change,
          in_a_shared_cache, in_a_section, in_an_output, in_a_class, in_a_message, in_a_traceback]
IDS = [place.__name__ for place in PLACES]


class TestEveryPlace(object):
    """Wherever callbacks run, only interrupts pass through."""

    @pytest.mark.parametrize("place", PLACES, ids=IDS)
    @pytest.mark.parametrize("kind", [SystemExit, Panic, GeneratorExit])
    def test_own_exception_goes_no_further(self, place, kind):
        place(raiser(kind, "own"))

    @pytest.mark.parametrize("place", PLACES, ids=IDS)
    def test_keyboard_interrupt_passes_through(self, place):
        with pytest.raises(KeyboardInterrupt):
            place(raiser(KeyboardInterrupt))

    @needs_signals
    @pytest.mark.parametrize("place", PLACES, ids=IDS)
    def test_exit_of_a_signal_handler_passes_through(self, place):
        with pytest.raises(SystemExit) as caught:
            place(interrupted_by(resets_itself))
        assert caught.value.code == "leaving"
