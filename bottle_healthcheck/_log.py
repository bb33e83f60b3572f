"""The library's logger, and tracebacks without secrets."""
import logging
import sys
import traceback

import six

from . import _jsonable, _redaction
from ._interrupts import is_interrupt

MYPY = False
if MYPY:
    from typing import Any, Text

log = logging.getLogger("bottle_healthcheck")

#: The first line of a traceback, which tools look for.
TRACEBACK = u"Traceback (most recent call last):"


def write(level, message, *args, **options):
    # type: (int, str, *Any, **Any) -> None
    """Logs a line and, if exc_info is given, the traceback below it.

    Each text among the args is made one line: it may come from a client. extra is passed to
    logging. Errors of the application's log handlers are ignored: the request must be answered.
    """
    try:
        args = tuple(_one_line(arg) for arg in args)
        text = traceback_of(options.get("exc_info"))
        log.log(level, message + "%s", *(args + (text,)), extra=options.get("extra"))
    except Exception:
        pass


def failure(message):
    # type: (str) -> None
    """Logs the current exception as an error."""
    write(logging.ERROR, message, exc_info=sys.exc_info())


def traceback_of(exc_info):
    # type: (Any) -> Text
    """The traceback as text that begins with a line break, secrets masked; "" for None.

    Passing exc_info to logging would write the exception's message with its secrets.
    """
    if exc_info is None:
        return u""
    try:
        text = "".join(traceback.format_exception(*exc_info))
    except BaseException:  # an odd exception, such as a subclass of SyntaxError, may raise
        if is_interrupt():
            raise
        text = "".join(traceback.format_tb(exc_info[2]))
    lines = []
    for line in _redaction.clean_output(_jsonable.text(text)).splitlines():
        shown = _jsonable.one_line(line)
        if shown != TRACEBACK:  # what others worded must not look like another record
            indentation = len(line) - len(line.lstrip(u" "))
            shown = u"  " + u" " * indentation + shown
        lines.append(u"\n" + shown)
    return u"".join(lines)


def _one_line(arg):
    # type: (Any) -> Any
    if isinstance(arg, (six.text_type, bytes)):
        return _jsonable.one_line(_jsonable.text(arg))
    return arg
