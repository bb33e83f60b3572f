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
    """Logs a line, and below it the traceback of exc_info, where that is given.

    Texts among the args become one line each: they may be a client's. extra is logging's. A
    handler of the application's that raises must not take the answer with it.
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
    """The traceback as text on lines of its own, secrets masked; without an exception, nothing.

    Not logging's own exc_info=...: handlers would write the exception's message as it is.
    """
    if exc_info is None:
        return u""
    try:
        text = "".join(traceback.format_exception(*exc_info))
    except BaseException:  # a SyntaxError of somebody's own making is enough
        if is_interrupt():
            raise
        text = "".join(traceback.format_tb(exc_info[2]))
    lines = _redaction.clean_output(_jsonable.text(_jsonable.trim(text))).splitlines()
    return u"".join(_line_below(line) for line in lines)


def _line_below(line):
    # type: (Text) -> Text
    """A line below a record's first, which must not look like a record of its own."""
    shown = _jsonable.one_line(line)
    if shown == TRACEBACK:
        return u"\n" + shown
    indentation = len(line) - len(line.lstrip(u" "))
    return u"\n  " + u" " * indentation + shown


def _one_line(arg):
    # type: (Any) -> Any
    if isinstance(arg, (six.text_type, bytes)):
        return _jsonable.one_line(_jsonable.text(arg))
    return arg
