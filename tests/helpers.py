"""What several test modules share."""
import contextlib
import os
import random
import socket
import sys
import time

import pytest
import six
from six.moves.urllib.request import urlopen

PY2 = sys.version_info[0] == 2
DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data")

#: Seconds that a test waits for what has to happen, and goes on at once when it has. A loaded
#: machine may stall for some of them; only a fault takes them all.
GENEROUS_SECONDS = 60

_CHANCE = random.SystemRandom()  # hypothesis seeds the other

#: The checkout.
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

#: The PYTHONPATH of a process that a test starts.
IMPORTS = os.pathsep.join([ROOT] + os.environ.get("PYTHONPATH", "").split(os.pathsep))

#: Debian keeps daemons and monitoring plugins where a user's PATH does not look.
MORE_PATHS = ("/usr/sbin", "/usr/local/sbin", "/usr/lib/nagios/plugins")


def succeeds():
    """A check that passes."""
    return True, "fine"


def fails():
    """A check that fails."""
    return False, "down"


def raise_(exc):
    """For a lambda that raises."""
    raise exc


def failed(check):
    """The output of a ready-made check that has to fail."""
    passed, output = check()
    assert passed is False, output
    kind, _, target = six.ensure_text(check.__name__).partition(u" ")
    # Once: the check may be registered under another name, and the error may name it too.
    assert target == u"<lambda>" or target in output
    assert not output.startswith(kind + u" ")
    return output


def passed(check):
    """The output of a ready-made check that has to pass."""
    done, output = check()
    assert done is True, output
    return output


def examples(few, many):
    """How many examples a test generates: few, or the variable `many` of a stage of .ci/run."""
    return int(os.environ.get(many, few))


def need_command(name):
    """The path of a program; without it the test is skipped, or fails where REQUIRE_SERVERS=1."""
    folders = os.environ.get("PATH", "").split(os.pathsep) + list(MORE_PATHS)
    for folder in folders:
        path = os.path.join(folder, name)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return missing("the program %s is not installed" % name)


def need_module(name):
    """An importable module; without it as need_command."""
    try:
        __import__(name)
    except ImportError as exc:
        return missing("the module %s is not installed (%s)" % (name, exc))
    return sys.modules[name]


def missing(reason):
    """Skips the test, or fails it where REQUIRE_SERVERS=1."""
    if os.environ.get("REQUIRE_SERVERS") == "1":
        pytest.fail("REQUIRE_SERVERS=1, and " + reason)
    pytest.skip(reason)


def client_config(name, replacements):
    """The text of tests/data/clients/name, which README shows too, with words replaced."""
    with open(os.path.join(DATA, "clients", name)) as file:
        text = file.read()
    for old, new in replacements.items():
        assert old in text, "%s has no %s" % (name, old)
        text = text.replace(old, str(new))
    return text


def free_port():
    """A TCP port on 127.0.0.1 that nobody listens on, and that nobody else is given soon.

    Each worker of pytest-xdist has its own, all below those that Linux gives away.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 8
    for _ in range(100):
        with contextlib.closing(socket.socket()) as probe:
            port = 10000 + 8 * _CHANCE.randrange(2800) + worker
            try:
                probe.bind(("127.0.0.1", port))
            except EnvironmentError:
                continue
            return port
    raise RuntimeError("no port of 100 is free")


def fetch(url):
    """The body of a URL as text; None where nobody answers, or an error."""
    try:
        with contextlib.closing(urlopen(url, timeout=GENEROUS_SECONDS)) as answer:
            return answer.read().decode("utf-8")
    except EnvironmentError:
        return None


def wait_until(condition, what="the condition"):
    """Polls until condition() is true and returns its value; fails after GENEROUS_SECONDS."""
    deadline = time.time() + GENEROUS_SECONDS
    while True:
        value = condition()
        if value:
            return value
        if time.time() > deadline:
            pytest.fail("%s did not come true within %d s" % (what, GENEROUS_SECONDS))
        time.sleep(0.02)


class FakeClock(object):
    """A clock that moves only by tick()."""

    def __init__(self, now=1000.0):
        self.now = now

    def __call__(self):
        return self.now

    def tick(self, seconds):
        """Lets so many seconds pass."""
        self.now += seconds
