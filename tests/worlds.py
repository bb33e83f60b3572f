"""Runs without threads and without time: what the tests of the cache's rules replace both by."""
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
            def __init__(self, name):
                world.worker_names.append(name)

            def submit(self, job):
                if not world.refuses_threads:
                    world.jobs.append(job)
                return not world.refuses_threads

            def stop(self):
                pass

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
