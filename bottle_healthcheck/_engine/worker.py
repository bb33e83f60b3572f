"""One daemon thread for each check with a timeout."""
import collections
import threading

from six.moves import _thread

from .._interrupts import comes_from_signal_handler

MYPY = False
if MYPY:
    from typing import Any, Callable, Deque, Optional


class Worker(object):
    """A thread that runs one job after another; the first job starts it.

    It belongs to one check, so that clients that are bound to a thread keep theirs. It is a
    daemon: a check that hangs must not keep the process from ending. A job that is
    called again must do nothing.
    """

    def __init__(self, name):
        # type: (str) -> None
        self._name = name
        self._jobs = collections.deque()  # type: Deque[Callable[[], Any]]
        #: A binary semaphore: when it is released, the thread looks at the jobs. A queue has locks
        #: of its own, and an exception of a signal's handler can leave those held.
        self._idle = threading.Lock()
        self._idle.acquire()
        #: The running thread; the one that is to be started, before it runs; None while it ends.
        self._thread = None  # type: Optional[threading.Thread]
        #: Whether it takes no more jobs.
        self.is_stopped = False

    def submit(self, job):
        # type: (Callable[[], Any]) -> bool
        """Hands a job to the thread; false if no thread can be started, or after stop().

        Thread.start() raises various exceptions at the interpreter's end, in isolated
        sub-interpreters and where memory or threads are exhausted.
        """
        if self.is_stopped:
            return False
        thread = self._thread  # read once: it is None if it ends meanwhile
        if thread is None or not thread.is_alive():  # gevent can kill it
            try:
                thread = threading.Thread(target=self._work, name=self._name)
                thread.daemon = True
                self._thread = thread  # not later: another request's may have replaced it by then
                thread.start()
            except Exception:
                if comes_from_signal_handler():  # which ends the request
                    raise
                return False
        self._jobs.append(job)
        self._wake()
        has_ended = self._thread is None  # just before it could see the job
        return not has_ended or job not in self._jobs

    def stop(self):
        # type: () -> None
        """Ends the thread after the jobs that it has; later ones are refused."""
        self.is_stopped = True
        self._wake()

    def _wake(self):
        # type: () -> None
        try:
            self._idle.release()
        except _thread.error:  # it is not held: the thread is awake, and will see the job
            pass

    def _work(self):
        # type: () -> None
        me = threading.current_thread()
        is_to_end = False
        while True:
            try:
                other = self._thread
                if other is not None and other is not me and other.is_alive():
                    # It was started while this one seemed dead.
                    self._wake()
                    return
                self._thread = me
                while self._jobs:
                    job = self._jobs[0]
                    _run(job)
                    self._jobs.remove(job)
                    del job  # or its objects would live until the next job
                if is_to_end or self.is_stopped:
                    self._thread = None
                    if self._jobs:  # handed over before that could be seen
                        continue
                    self._wake()  # another thread that was started ends too
                    return
                self._idle.acquire()
            except Exception:  # out of memory, for example: jobs that have not run are still there
                pass
            except BaseException:  # raised in an idle thread to end it, as by gevent's kill()
                is_to_end = True


def _run(job):
    # type: (Callable[[], Any]) -> None
    """Runs a job, a second time if it raises: it may not have begun, out of memory.

    A job that has begun does nothing the second time.
    """
    for _ in range(2):
        try:
            job()
            return
        except:  # noqa: E722 pylint: disable=bare-except
            pass
