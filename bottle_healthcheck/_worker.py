"""One lasting daemon thread per timed check."""
import threading

from six.moves import queue

MYPY = False
if MYPY:
    from typing import Any


class Worker(object):
    """A thread that runs one job after another, started by the first.

    It belongs to one check, so that clients that are bound to a thread keep theirs. It is a
    daemon: a check that hangs must not keep the process from ending.
    """

    def __init__(self, name):
        # type: (str) -> None
        self._name = name
        self._jobs = None  # type: Any
        self._thread = None  # type: Any

    def submit(self, job):
        # type: (Any) -> bool
        """Hands a job over; False where no thread can be started.

        Interpreters that end, isolated sub-interpreters and exhausted machines refuse, each with
        an exception of its own.
        """
        if self._jobs is None or not self._thread.is_alive():  # gevent can end it
            try:
                jobs = queue.Queue()  # type: Any
                thread = threading.Thread(target=_work, args=(jobs,), name=self._name)
                thread.daemon = True
                thread.start()
            except Exception:
                return False
            self._jobs, self._thread = jobs, thread
        self._jobs.put(job)
        return True


def _work(jobs):
    # type: (Any) -> None
    while True:
        try:
            job = jobs.get()
        except Exception:  # 2.7 takes the modules apart at exit while this waits
            return
        try:
            job()
        # A flight lands whatever its check raises: nothing is left to do.
        except:  # noqa: E722 pylint: disable=bare-except
            pass
        del job  # what it holds must not live until the next one
