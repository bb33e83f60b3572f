"""Taking a service out of use: by call, or by a file that exists."""
import errno
import logging
import os

from .. import _jsonable, _log, _redaction
from .._report import Report
from .._validation import validate_file

MYPY = False
if MYPY:
    from typing import Any


class Drain(object):
    """Whether the service is being taken out of use, by call or by a file that exists."""

    def __init__(self, path):
        # type: (Any) -> None
        self.called = False
        self.output = "draining"  # type: Any
        self.path = validate_file("drain_file", path)
        self._complained = False

    def is_on(self):
        # type: () -> bool
        """True from drain() to resume(), and while the file exists."""
        return self.called or self.path is not None and self._file_exists()

    def report(self):
        # type: () -> Any
        """The report that answers instead of the checks', or None."""
        if not self.is_on():
            return None
        # A copy: whoever gets the report may change it.
        output = _jsonable.plain(self.output) if self.called else "draining"
        report = Report([{"checker": "drain", "passed": False, "output": output}])
        report.draining = True
        return report

    def _file_exists(self):
        # type: () -> bool
        try:
            os.stat(self.path)
            return True
        except (EnvironmentError, ValueError) as exc:
            if getattr(exc, "errno", None) != errno.ENOENT and not self._complained:
                self._complained = True
                _log.tell(logging.WARNING,
                          "drain_file cannot be looked for, and is taken as absent: %s",
                          _redaction.clean_output(_jsonable.message(exc)))
            return False
