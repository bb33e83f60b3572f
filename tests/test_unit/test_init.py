"""bottle_healthcheck: the public names, and what importing and constructing do not do."""
import inspect
import logging
import re

import pytest
import six

import bottle_healthcheck
from bottle_healthcheck import EnvironmentDump, HealthCheck
from tests.worlds import run_python

PUBLIC = ["EnvironmentDump", "HealthCheck", "ResultCache", "basic_exception_handler",
          "check_reduce", "json_failed_handler", "json_success_handler"]


class TestNames(object):
    """What can be imported from the package."""

    @pytest.mark.parametrize("name", PUBLIC)
    def test_public_name_is_there(self, name):
        assert name in bottle_healthcheck.__all__
        assert getattr(bottle_healthcheck, name)

    def test_name_in_all_exists(self):
        for name in bottle_healthcheck.__all__:
            assert getattr(bottle_healthcheck, name) is not None
        assert bottle_healthcheck.__all__ == sorted(bottle_healthcheck.__all__)

    def test_version_is_a_release_number(self):
        assert re.match(r"\d+\.\d+\.\d+$", bottle_healthcheck.__version__)


#: The contract's order of arguments, as calls by position rely on it.
HEALTHCHECK = """app path success_status success_headers success_handler success_ttl failed_status
    failed_headers failed_handler failed_ttl exception_handler checkers timeout
    stale_while_revalidate cache details formats on_change drain_status drain_file about""".split()
ENVIRONMENT = "app path include_os include_python include_config include_process hide show".split()


def _arguments(kind):
    getargspec = getattr(inspect, "getfullargspec", None) or inspect.getargspec
    spec = getargspec(kind.__init__)
    return spec.args[1:], dict(zip(spec.args[::-1], spec.defaults[::-1])), spec[2]


class TestArguments(object):
    """Order and defaults of arguments are fixed."""

    @pytest.mark.parametrize("kind, contract, released", [
        (HealthCheck, HEALTHCHECK, 12), (EnvironmentDump, ENVIRONMENT, 6)])
    def test_order_is_fixed(self, kind, contract, released):
        arguments, _, keywords = _arguments(kind)
        assert arguments[:released] == contract[:released]
        assert arguments == [name for name in contract if name in arguments]
        assert keywords == "options"

    def test_defaults_are_fixed(self):
        defaults = _arguments(HealthCheck)[1]
        expected = {
            "app": None, "path": None, "success_status": 200, "success_headers": None,
            "success_handler": bottle_healthcheck.json_success_handler, "success_ttl": 27,
            "failed_status": 500, "failed_headers": None,
            "failed_handler": bottle_healthcheck.json_failed_handler, "failed_ttl": 9,
            "exception_handler": bottle_healthcheck.basic_exception_handler, "checkers": None,
            "timeout": None, "stale_while_revalidate": 0, "cache": None, "on_change": None,
            "drain_status": None, "drain_file": None, "about": None}
        assert dict((name, defaults[name]) for name in expected) == expected
        defaults = _arguments(EnvironmentDump)[1]
        assert [defaults[name] for name in ENVIRONMENT[:6]] == [None, None, True, True, True, True]

    @pytest.mark.skipif(six.PY2, reason="signatures show nothing there")
    def test_may_be_given_by_position(self):
        for kind in (HealthCheck, EnvironmentDump):
            assert not inspect.getfullargspec(kind.__init__).kwonlyargs


class TestImport(object):
    """Importing and constructing has no side effects."""

    def test_logger_is_silent_until_configured(self):
        handlers = logging.getLogger("bottle_healthcheck").handlers
        assert any(isinstance(one, logging.NullHandler) for one in handlers)

    def test_no_thread_and_no_lock_is_made(self):
        code = """
import logging, bottle, six.moves.queue, threading
# Packages of others, which constructors import, may make locks of their own.
for name in ("prometheus_client", "pkg_resources", "importlib.metadata", "email.parser"):
    try:
        __import__(name)
    except ImportError:
        pass
def refuse(*args, **kwargs):
    raise AssertionError("a thread or a lock")
before = threading.active_count()
for name in ("Lock", "RLock", "Condition", "Event", "Semaphore", "Thread"):
    setattr(threading, name, refuse)
six.moves.queue.Queue = refuse
import bottle_healthcheck
app = bottle.Bottle()
health = bottle_healthcheck.HealthCheck(app, "/h", timeout=1, stale_while_revalidate=2,
                                        checkers=[lambda: (True, 1)], on_change=refuse)
health.add_check(lambda: (True, 1), timeout=3)
health.drain()
health.resume()
bottle_healthcheck.EnvironmentDump(app, "/e")
assert threading.active_count() == before
print("fine")
"""
        assert run_python(code) == (0, "fine\n", "")

    def test_no_module_needs_typing(self):
        status, output, errors = run_python(
            "import pkgutil, sys\n"
            "import bottle_healthcheck\n"
            "names = [name for _, name, _ in pkgutil.walk_packages(bottle_healthcheck.__path__,\n"
            "                                                      'bottle_healthcheck.')\n"
            "         if not name.endswith('__main__')]\n"
            "for name in names:\n"
            "    __import__(name)\n"  # and what it needs of others, which may use typing
            "for name in list(sys.modules):\n"
            "    if name.split('.')[0] == 'bottle_healthcheck':\n"
            "        del sys.modules[name]\n"
            "sys.modules['typing'] = None\n"  # 2.7 has none
            "for name in names:\n"
            "    __import__(name)\n"
            "print(len(names) > 30)\n")
        assert (status, output, errors) == (0, "True\n", "")
