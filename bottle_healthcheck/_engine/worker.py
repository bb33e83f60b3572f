# mypy: allow-any-generics, allow-untyped-defs, allow-untyped-calls, no-warn-return-any
"""One lasting daemon thread per timed check."""
import collections
import threading

from six.moves import _thread

MYPY = False
if MYPY:
    from typing import Any, Callable, Optional


class Worker(object):
    """A thread that runs one job after another, started by the first.

    It belongs to one check, so that clients that are bound to a thread keep theirs. It is a
    daemon: a check that hangs must not keep the process from ending. A job must be one that does
    nothing when it is run again.
    """

    def __init__(self, name):
        # type: (str) -> None
        self._name = name
        self._jobs = collections.deque()  # type: collections.deque
        #: Held while there is nothing to do. A queue has locks of its own, and an exception of a
        #: signal's handler can leave those held.
        self._idle = threading.Lock()
        self._idle.acquire()
        #: The thread that works. It records itself, too: starting it may be interrupted.
        self._thread = None  # type: Optional[threading.Thread]
        self._is_stopped = False
        #: The thread that has ended last; it may be alive for a moment.
        self._ended = None  # type: Optional[threading.Thread]

    def submit(self, job):
        # type: (Callable[[], Any]) -> bool
        """Hands a job over; false where no thread can be started, or after stop().

        Interpreters that end, isolated sub-interpreters and exhausted machines refuse, each with
        an exception of its own.
        """
        if self._is_stopped:
            return False
        if self._thread is None or not self._thread.is_alive():  # gevent can end it
            try:
                thread = threading.Thread(target=self._work, name=self._name)
                thread.daemon = True
                thread.start()
                self._thread = thread
            except Exception:
                return False
        self._jobs.append(job)
        self._wake()
        if self._ended is self._thread and job in self._jobs:  # the thread ended just before
            return False
        return True

    def stop(self):
        # type: () -> None
        """Ends the thread when it has run the jobs that it was handed; later ones are refused."""
        self._is_stopped = True
        self._wake()

    def _wake(self):
        # type: () -> None
        try:
            self._idle.release()
        except _thread.error:  # it is not held: the thread is awake, and will see the job
            pass

    def _work(self):
        # type: () -> None
        self._thread = me = threading.current_thread()
        is_to_end = False
        while True:
            try:
                if self._thread is not me:  # another one was started while this one seemed dead
                    self._wake()
                    return
                while self._jobs:
                    job = self._jobs[0]
                    _run(job)
                    self._jobs.remove(job)
                    del job  # what it holds must not live until the next one
                if is_to_end or self._is_stopped:
                    self._ended = me
                    if self._jobs:  # handed over before that could be seen
                        continue
                    self._wake()  # another one that was started ends too
                    return
                self._idle.acquire()
            except Exception:  # for want of memory, say: what has not been run is still there
                pass
            except BaseException:  # who raises that in an idle thread ends it: gevent's kill()
                is_to_end = True


def _run(job):
    # type: (Callable[[], Any]) -> None
    """Runs a job, once more where it raises: it may not have begun for want of memory.

    A job that has begun knows that, and does nothing.
    """
    for _ in range(2):
        try:
            job()
            return
        except:  # noqa: E722 pylint: disable=bare-except
            pass
