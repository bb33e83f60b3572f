"""What tests of the cache's rules run in place of threads, clocks, cache servers and processes."""
import logging
import os
import subprocess
import sys
import threading

from tests import internals
from tests.helpers import ROOT, FakeClock


class Gone(KeyboardInterrupt):
    """Ends a request from outside, as gevent's servers do with a client that has gone away."""


class Check(object):
    """A check that returns what it is given, and counts its runs; a callable is called for it."""

    def __init__(self, name="check", returns=(True, "fine")):
        self.__name__ = name
        self.returns = returns
        self.runs = 0

    def __call__(self):
        self.runs += 1
        if callable(self.returns):
            return self.returns()
        return self.returns


class CacheServer(object):
    """A cache server, exclusive as Redis and Memcached are; without a clock nothing expires."""

    def __init__(self, clock=None):
        self.clock = clock
        self.kept = {}
        self._lock = threading.Lock()

    def get(self, key):
        return self.call("get", key)

    def set(self, key, value, timeout):
        return self.call("set", key, value, timeout)

    def add(self, key, value, timeout):
        return self.call("add", key, value, timeout)

    def call(self, method, key, value=None, timeout=None):
        """What each method is; subclasses fail here, or count."""
        with self._lock:
            held = self.unexpired(key)
            if method == "get":
                return held
            if method == "add" and held is not None:
                return False
            self.kept[key] = value, float("inf")
            if self.clock is not None:
                self.kept[key] = value, self.clock.now + timeout
            return True

    def unexpired(self, key):
        """The value of a key, None where it has none or has expired."""
        value, until = self.kept.get(key, (None, 0.0))
        if self.clock is None:
            return value or None  # a lock is released by a value that is empty and expires soon
        if until <= self.clock.now:
            return None
        return value


class World(object):
    """A clock that moves by tick(), waits that move it, workers that run their jobs by work().

    Each wait of a request takes the next of `meanwhile` and calls it: that is what happens while
    this request waits. If the run is not over by then, the clock moves to the end of the wait.
    """

    def __init__(self):
        self.clock = FakeClock()
        self.pid = 100
        self.jobs = []
        self.worker_names = []
        self.refuses_threads = False
        self.waits = []
        self.meanwhile = []
        world = self

        class Worker(object):
            is_stopped = False

            def __init__(self, name):
                world.worker_names.append(name)

            def submit(self, job):
                if not world.refuses_threads:
                    world.jobs.append(job)
                return not world.refuses_threads

            def stop(self):
                self.is_stopped = True

        #: Pairs of a place and what is put there.
        self.replaced = [(internals.CLOCK, self.clock), ((os, "getpid"), lambda: self.pid),
                         (internals.WORKER, Worker),
                         (internals.WAIT, lambda run, seconds: world.wait(run, seconds))]

    def take_over(self, patch):
        """Until monkeypatch undoes it, the package uses this clock and these workers."""
        for place, value in self.replaced:
            internals.replace(patch, place, value)

    def wait(self, run, seconds):
        """What Run.wait is here."""
        if run.is_over:
            return
        until = self.clock.now + seconds
        self.waits.append(round(seconds, 6))
        if self.meanwhile:
            self.meanwhile.pop(0)()
        if not run.is_over:
            self.clock.now = max(self.clock.now, until)

    def work(self):
        """Has the workers execute their jobs."""
        while self.jobs:
            self.jobs.pop(0)()

    def work_after(self, seconds):
        """During the next wait, after so much time, the workers execute their jobs."""
        self.meanwhile.append(lambda: (self.clock.tick(seconds), self.work()))

    def start_run(self, health):
        """A request that starts a run in a worker, and whose client disconnects at once."""
        def leave():
            raise Gone()
        self.meanwhile.insert(0, leave)
        try:
            health.run()
        except Gone:
            return
        raise AssertionError("this request did not wait")

    def fork(self):
        """From here on this is the child: no thread but this one."""
        self.pid += 1
        del self.jobs[:]


class TakenOver(logging.Handler):
    """The package with other things in some of its places, and its log, until give_back().

    replaced: pairs of a place and what is put there; emit is called with each record of the log.
    """

    _log = logging.getLogger("bottle_healthcheck")

    def __init__(self, replaced, emit):
        logging.Handler.__init__(self)
        self.emit = emit
        self._originals = [(place, getattr(*place)) for place, _ in replaced]
        for place, value in replaced:
            internals.put(place, value)
        self._log.addHandler(self)
        self._log.setLevel(logging.INFO)
        self._log.propagate = False

    def give_back(self):
        """All is as it was before."""
        for place, value in self._originals:
            internals.put(place, value)
        self._log.removeHandler(self)
        self._log.setLevel(logging.NOTSET)
        self._log.propagate = True


class Actor(object):
    """A request in a thread that stops at each check that it runs itself, and at each wait."""

    def __init__(self, request, expected, reader):
        self.expected, self.reader = expected, reader
        self.at = self.answer = self.orders = self.event = self.first_wait = None
        self._request = request
        self._turn, self._stopped = threading.Semaphore(0), threading.Semaphore(0)
        thread = threading.Thread(target=self._live)
        thread.daemon = True
        thread.start()

    def _live(self):
        self._turn.acquire()
        try:
            self.answer = self._request()
            self.at = ("done",)
        except Gone:
            self.at = ("gone",)
        except BaseException as exc:
            self.at = ("raised", exc)
        self._stopped.release()

    def go_on(self, orders=None):
        """Lets the thread run until it stops again."""
        self.orders = orders
        self._turn.release()
        self._stopped.acquire()

    def stop(self, *at):
        """In the thread: stops here; returns or raises what it is given."""
        self.at = at
        self._stopped.release()
        self._turn.acquire()
        if isinstance(self.orders, BaseException):
            raise self.orders
        return self.orders


def run_python(script, seconds=120):
    """(exit status, output, errors) of a script in a process of its own, ended after a while."""
    child = subprocess.Popen([sys.executable, "-W", "ignore", "-c", script], cwd=ROOT,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    deadline = threading.Timer(seconds, child.kill)
    deadline.start()
    try:
        output, errors = child.communicate()
    finally:
        deadline.cancel()
    return child.returncode, output.decode("utf-8"), errors.decode("utf-8")
