"""The library's logger, and tracebacks without secrets."""
import logging
import sys
import traceback

from . import _jsonable, _redaction
from ._interrupts import is_interrupt

MYPY = False
if MYPY:
    from typing import Any, Text

log = logging.getLogger("bottle_healthcheck")


def tell(level, message, *args):
    # type: (int, str, *Any) -> None
    """Logs a line; a handler of the application's that raises must not take the answer with it."""
    try:
        log.log(level, message, *args)
    except Exception:
        pass


def failure(message):
    # type: (str) -> None
    """Logs the current exception as an error."""
    tell(logging.ERROR, "%s%s", message, traceback_of(sys.exc_info()))


def traceback_of(exc_info):
    # type: (Any) -> Text
    """The traceback as text on lines of its own, secrets masked; without an exception, nothing.

    Not logging's own exc_info=...: handlers would write the exception's message as it is.
    """
    if exc_info is None:
        return u""
    try:
        told = "".join(traceback.format_exception(*exc_info))
    except BaseException:  # a SyntaxError of somebody's own making is enough
        if is_interrupt():
            raise
        told = "".join(traceback.format_tb(exc_info[2]))
    # A message may have lines of its own, which must not look like the log's.
    return u"\n" + u"\n  ".join(_redaction.clean_output(_jsonable.text(told)).splitlines())
