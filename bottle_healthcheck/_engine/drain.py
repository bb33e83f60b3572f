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
    from typing import Any, Dict, Optional, Text

#: Seconds that a request waits at most for the file system to find the file.
MAX_LOOK_SECONDS = 0.25


class Drain(object):
    """Whether the service is being taken out of use, by call or by a file that exists."""

    def __init__(self):
        # type: () -> None
        self._called_since = None  # type: Optional[float]  # epoch seconds
        self._output = "draining"  # type: Any
        self.watch(None)

    def watch(self, path):
        # type: (Any) -> None
        """Sets the file to look for; None looks for none."""
        self.path = path
        #: By process id. A look for the former file may be hanging, and ends by itself.
        self._files = {}  # type: Dict[int, _WatchedFile]

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
        return self.path is not None and self._file().exists(limit)

    def report(self, limit=None):
        # type: (Optional[float]) -> Optional[Report]
        """The report of a draining service, in place of the checks'; None if it is not draining."""
        if not self.is_on(limit):
            return None
        now, called_since = time.time(), self._called_since
        output = "draining"  # type: Any
        if called_since is not None:
            output = _jsonable.plain(self._output)  # a copy: who gets the report may change it
        beginnings = [now, called_since] + [one.since for one in list(self._files.values())]
        since = min(one for one in beginnings if one is not None)
        report = Report([{"checker": "drain", "output": output, "passed": False, "timestamp": now,
                          "expires": now, "response_time": 0.0, "since": since}])
        report.draining = True
        return report

    def _file(self):
        # type: () -> _WatchedFile
        """The file as this process sees it: made on first use, and again after a fork."""
        files, pid = self._files, os.getpid()
        found = files.get(pid)
        if found is None:
            files.clear()  # the parent's of a fork
            found = files.setdefault(pid, _WatchedFile(self.path))
        return found


class _WatchedFile(object):
    """A file that may exist, as one process sees it."""

    def __init__(self, path):
        # type: (Any) -> None
        self._path = path
        #: When this process first found it; None while it is absent.
        self.since = None  # type: Optional[float]
        self._has_complained = False
        self._worker = Worker("healthcheck drain_file")
        #: The worker's last look.
        self._last = None  # type: Optional[Run]

    def __del__(self):
        # type: () -> None
        worker = self.__dict__.get("_worker")
        if worker is not None:
            worker.stop()

    def exists(self, limit):
        # type: (Optional[float]) -> bool
        """Whether the file exists, by the worker's last look that ended within so many seconds.

        With None, and where no thread can be started, this thread looks.
        """
        if limit is None:
            return self._look()
        look = self._last
        if look is None or look.is_over:
            look = Run("drain_file", "drain_file", None)
            if not self._worker.submit(functools.partial(self._complete, look)):
                return self._look()
            self._last = look  # only now: nobody must wait for a look that the worker refused
        remaining = look.registered_at + min(limit, MAX_LOOK_SECONDS) - _compat.monotonic()
        if remaining > 0:
            look.wait(remaining)
        exists = self.since is not None
        if not look.is_over:
            self._complain("the file system of drain_file does not answer: the file is taken as %s",
                           "present" if exists else "absent")
        return exists

    def _complete(self, look):
        # type: (Run) -> None
        """Looks for the file, in the worker, and wakes the requests that wait for that."""
        try:
            self._look()
        finally:
            look.wake_waiters()

    def _look(self):
        # type: () -> bool
        """Looks for the file, notes since when it exists, and returns whether it does."""
        try:
            os.stat(self._path)
        except (EnvironmentError, ValueError) as exc:
            self.since = None
            if getattr(exc, "errno", None) != errno.ENOENT:
                self._complain("drain_file cannot be looked for, and is taken as absent: %s",
                               _redaction.clean_output(_jsonable.message(exc)))
            return False
        if self.since is None:
            self.since = time.time()
        return True

    def _complain(self, message, arg):
        # type: (str, Text) -> None
        """Logs what is wrong, once."""
        if not self._has_complained:
            self._has_complained = True
            _log.write(logging.WARNING, message, arg)
