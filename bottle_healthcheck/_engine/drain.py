"""Taking a service out of use: by call, or by a file that exists."""
import errno
import logging
import os
import time

from .. import _jsonable, _log, _redaction
from .._report import Report
from .output import show

MYPY = False
if MYPY:
    from typing import Any, Optional


class Drain(object):
    """Whether the service is being taken out of use, by call or by a file that exists."""

    def __init__(self):
        # type: () -> None
        self.path = None  # type: Any
        self._called_since = None  # type: Optional[float]  # epoch seconds
        self._output = "draining"  # type: Any
        #: Since when the file is there, as far as this process has looked.
        self._file_since = None  # type: Optional[float]
        self._complained = False

    def watch(self, path):
        # type: (Any) -> None
        """Looks for that file from now on, or for none."""
        self.path = path
        self._file_since = None
        self._complained = False

    def begin(self, output):
        # type: (Any) -> None
        """Is on from now, if it is not already, and says so with this output."""
        self._output, _ = show(output)
        if self._called_since is None:
            self._called_since = time.time()

    def end(self):
        # type: () -> None
        """Ends what begin() began; a file that is still there goes on."""
        self._called_since = None

    def is_on(self):
        # type: () -> bool
        """True from drain() to resume(), and while the file exists."""
        if self._called_since is not None:
            return True
        return self.path is not None and self._look_for_file()

    def report(self):
        # type: () -> Any
        """The report that answers instead of the checks', or None."""
        if not self.is_on():
            return None
        now, output = time.time(), "draining"  # type: float, Any
        beginnings = [now] + [one for one in (self._called_since, self._file_since) if one]
        if self._called_since is not None:
            output = _jsonable.plain(self._output)  # a copy: whoever gets the report may change it
        report = Report([{"checker": "drain", "output": output, "passed": False, "timestamp": now,
                          "expires": now, "response_time": 0.0, "since": min(beginnings)}])
        report.draining = True
        return report

    def _look_for_file(self):
        # type: () -> bool
        """Whether the file is there; notes since when."""
        try:
            os.stat(self.path)
            if self._file_since is None:
                self._file_since = time.time()
            return True
        except (EnvironmentError, ValueError) as exc:
            self._file_since = None
            if getattr(exc, "errno", None) != errno.ENOENT and not self._complained:
                self._complained = True
                _log.tell(logging.WARNING,
                          "drain_file cannot be looked for, and is taken as absent: %s",
                          _redaction.clean_output(_jsonable.message(exc)))
            return False
