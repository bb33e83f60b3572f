"""Taking a service out of use: by call, or by a file that exists."""
import errno
import functools
import logging
import os
import time

from .. import _compat, _jsonable, _log, _redaction
from .._report import Report
from .output import show
from .runs import Run
from .worker import Worker

MYPY = False
if MYPY:
    from typing import Any, Dict, Optional

#: Seconds that a request waits at most for the file system to find the file.
MAX_LOOK_SECONDS = 0.25


class Drain(object):
    """Whether the service is being taken out of use, by call or by a file that exists."""

    def __init__(self):
        # type: () -> None
        self.path = None  # type: Any
        self._called_since = None  # type: Optional[float]  # epoch seconds
        self._output = "draining"  # type: Any
        #: When this process first found the file; None while it is absent.
        self._file_since = None  # type: Optional[float]
        self._complained = False
        self._looks = {}  # type: Dict[int, _Looks]  # by process id

    def watch(self, path):
        # type: (Any) -> None
        """Sets the file to look for; None looks for none."""
        self.path = path
        self._file_since = None
        self._complained = False
        self._looks = {}  # the last look may be hanging

    def begin(self, output):
        # type: (Any) -> None
        """Begins draining, if it has not begun, and sets the output that is reported."""
        self._output, _ = show(output)
        if self._called_since is None:
            self._called_since = time.time()

    def end(self):
        # type: () -> None
        """Ends what begin() began; a file that exists still drains."""
        self._called_since = None

    def is_on(self, limit=None):
        # type: (Optional[float]) -> bool
        """True from drain() to resume(), and while the file exists.

        limit is the seconds to wait for the look for the file, which a worker does; after that the
        last result counts. With None this thread looks, however long the file system takes.
        """
        if self._called_since is not None:
            return True
        if self.path is None:
            return False
        if limit is None:
            return self._look_for_file()
        return self._look_in_worker(limit)

    def report(self, limit=None):
        # type: (Optional[float]) -> Optional[Report]
        """The report of a draining service, in place of the checks'; None if it is not draining."""
        if not self.is_on(limit):
            return None
        now, output = time.time(), "draining"  # type: float, Any
        beginnings = [now] + [one for one in (self._called_since, self._file_since) if one]
        if self._called_since is not None:
            output = _jsonable.plain(self._output)  # a copy: who gets the report may change it
        report = Report([{"checker": "drain", "output": output, "passed": False, "timestamp": now,
                          "expires": now, "response_time": 0.0, "since": min(beginnings)}])
        report.draining = True
        return report

    def _look_in_worker(self, limit):
        # type: (float) -> bool
        """Whether the file is there, by the last look that ended within so many seconds."""
        pid = os.getpid()
        looks = self._looks.get(pid)
        if looks is None:
            self._looks.clear()  # the parent's of a fork
            looks = self._looks.setdefault(pid, _Looks())
        look = looks.last
        if look is None or look.is_over:
            look = Run("drain_file", "drain_file", None)
            look.led_since = _compat.monotonic()
            if not looks.worker.submit(functools.partial(self._complete, look)):
                return self._look_for_file()
            looks.last = look  # only now: nobody must wait for a look that the worker refused
        remaining = look.led_since + min(limit, MAX_LOOK_SECONDS) - _compat.monotonic()
        if remaining > 0:
            look.wait(remaining)
        is_there = self._file_since is not None
        if not look.is_over and not self._complained:
            self._complained = True
            _log.write(logging.WARNING, "the file system of drain_file does not answer: the file "
                       "is taken as %s", "present" if is_there else "absent")
        return is_there

    def _complete(self, look):
        # type: (Run) -> None
        """Looks for the file, in the worker, and wakes the requests that wait for that."""
        if look.is_over:
            return
        try:
            self._look_for_file()
        finally:
            look.wake_waiters()

    def _look_for_file(self):
        # type: () -> bool
        """Looks for the file, notes since when it exists, and returns whether it does."""
        path, complaint = self.path, None
        try:
            os.stat(path)
            is_there = True
        except (EnvironmentError, ValueError) as exc:
            is_there = False
            if getattr(exc, "errno", None) != errno.ENOENT:
                complaint = _redaction.clean_output(_jsonable.message(exc))
        if self.path is not path:  # another one was set meanwhile
            return False
        if not is_there:
            self._file_since = None
        elif self._file_since is None:
            self._file_since = time.time()
        if complaint is not None and not self._complained:
            self._complained = True
            _log.write(logging.WARNING, "drain_file cannot be looked for, and is taken as absent: "
                       "%s", complaint)
        return is_there


class _Looks(object):
    """The worker of this process that looks for the file, and its last look."""

    def __init__(self):
        # type: () -> None
        self.worker = Worker("healthcheck drain_file")
        self.last = None  # type: Optional[Run]

    def __del__(self):
        # type: () -> None
        worker = self.__dict__.get("worker")
        if worker is not None:
            worker.stop()
