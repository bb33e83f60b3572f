"""A signal's handler may raise between any two instructions of a request: nothing is left behind.

Here an exception is raised at one instruction after the other; a process gets real signals in
tests/benchmarks/soak.py.
"""
import gc
import logging
import os
import sys
import threading

import bottle
import pytest

import bottle_healthcheck
from bottle_healthcheck import HealthCheck, ResultCache
from tests.helpers import examples, wait_until
from tests.internals import callbacks
from tests.worlds import CacheServer

PACKAGE = os.path.dirname(bottle_healthcheck.__file__)

#: Instructions from one that is interrupted to the next; .ci/run tries every one.
STRIDE = examples(97, "INSTRUCTION_STRIDE")

#: Expired as soon as it is cached.
LIFETIME = 1e-9

pytestmark = [
    pytest.mark.skipif(sys.version_info < (3, 7), reason="instructions cannot be traced"),
    pytest.mark.examples]


class HandlerException(Exception):
    """As a handler raises that ends what takes too long."""


class Interruption(object):
    """Raises an exception at the nth instruction of the package, in this thread."""

    def __init__(self, kind, at):
        self.kind, self.at = kind, at
        self.place = None
        self._number = 0

    def trace(self, frame, event, arg):
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            self._number += 1
            if self._number == self.at:
                # Some instructions belong to no line.
                self.place = "%s:%s %s" % (os.path.basename(frame.f_code.co_filename),
                                           frame.f_lineno, frame.f_code.co_name)
                raise self.kind("interrupted")
        return self.trace


def interrupt(kind, at, request):
    """Where the request was interrupted; None where it is over before that instruction."""
    interruption = Interruption(kind, at)
    before = sys.gettrace()  # coverage's
    sys.settrace(interruption.trace)
    try:
        request()
    except kind:
        pass
    finally:
        sys.settrace(before)
    return interruption.place


def run_elsewhere(health):
    """The report of a run in another thread: what is left locked would hold it up."""
    reports = []
    thread = threading.Thread(target=lambda: reports.append(health.run()))
    thread.daemon = True
    thread.start()
    thread.join(60)
    assert reports, "it waits for ever"
    return reports[0]


def workers():
    return [thread for thread in threading.enumerate() if thread.name == "healthcheck database"]


MODES = {
    "plain": {},
    "timed": {"timeout": 60},
    "shared": {"shared": True},
    "timed and shared": {"timeout": 60, "shared": True},
    "with on_change": {"on_change": lambda *change: None},
}


@pytest.fixture(autouse=True)
def quiet():
    """No log lines, and no garbage that is collected while a request is traced."""
    logging.disable(logging.CRITICAL)
    gc.disable()
    yield
    gc.enable()
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("kind", [KeyboardInterrupt, HandlerException])
class TestInterrupt(object):
    @pytest.mark.parametrize("mode", sorted(MODES))
    def test_of_a_request_leaves_no_run_behind(self, mode, kind):
        options = dict(MODES[mode], success_ttl=LIFETIME, failed_ttl=LIFETIME)
        is_shared = options.pop("shared", False)
        others = workers()  # Bottle keeps the last request of a thread, and that its app, say
        at, wrong = 0, []
        # Python 3.12 traces instructions from the second time on that their code is traced.
        interrupt(kind, 0, HealthCheck(checkers=[lambda: (True, "fine")]).run)
        while True:
            at += STRIDE
            cache = None
            if is_shared:
                cache = ResultCache(backend=CacheServer(), prefix="shop")
            health = HealthCheck(cache=cache, **options)
            health.add_check(lambda: (True, "fine"), name="database")
            if at // STRIDE % 2:  # with an expired outcome and without one
                health.run()
            place = interrupt(kind, at, health.run)
            if place is None:
                break
            for _ in range(2):
                report = run_elsewhere(health)
                if not report.passed:
                    wrong.append((place, report.results[0]["output"]))
            del health, cache, report
            gc.collect(1)
        assert wrong == []
        assert at > STRIDE, "nothing was interrupted"
        del health, cache
        gc.collect()
        wait_until(lambda: not [one for one in workers() if one not in others],
                   what="the workers to end with their HealthChecks")

    def test_of_clear_brings_no_result_back(self, kind):
        """A result that was forgotten is used by no one, and so runs for the next who needs it."""
        ran = []

        def database():
            ran.append("database")
            return True, "fine"

        def disk():
            ran.append("disk")
            return True, "fine"

        at, wrong = 0, []
        interrupt(kind, 0, ResultCache().clear)
        while True:
            at += 1
            health = HealthCheck(checkers=[database, disk])
            other = HealthCheck(cache=health.cache, checkers=[database, disk])
            for _ in range(2):  # the second one finds that nothing has changed
                health.run()
            place = interrupt(kind, at, health.cache.clear)
            health.run()
            del ran[:]
            other.run()
            if ran:
                wrong.append((place, ran[:]))
            if place is None:
                break
        assert wrong == []
        assert at > 10

    def test_of_a_callback_restores_the_request(self, kind):
        def callback():
            bottle.request.bind({})
            bottle.response.bind()
            bottle.response.status = 404

        at, wrong = 0, []
        interrupt(kind, 0, lambda: callbacks.call_callback(callback))
        while True:
            at += 1
            environ = {}
            bottle.request.bind(environ)
            bottle.response.bind(status=202, headers={"X-Hook": "1"})
            place = interrupt(kind, at, lambda: callbacks.call_callback(callback))
            left = bottle.response.status_code, dict(bottle.response.headers)
            if bottle.request.environ is not environ or left != (202, {"X-Hook": "1"}):
                wrong.append(place)
            if place is None:
                break
        assert wrong == []
        assert at > 20
