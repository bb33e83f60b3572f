"""Distinguishes a callback's own exceptions from those that interrupt it from outside."""
import inspect
import sys

import six

from ._compat import known_type

MYPY = False
if MYPY:
    from types import FrameType
    from typing import Any, List

#: Exceptions that end a greenlet, or a block of its code, from outside: (module, class).
_GREENLET_EXCEPTIONS = (("greenlet", "GreenletExit"), ("gevent.timeout", "Timeout"),
                        ("eventlet.timeout", "Timeout"))


def is_interrupt():
    # type: () -> bool
    """True if the exception that is being handled interrupts the callback from outside.

    Such exceptions must be raised again: KeyboardInterrupt, those that end a greenlet or a block
    of one, and SystemExit if a signal handler raised it. With all others the callback has failed,
    asyncio.CancelledError and other BaseExceptions included.
    """
    # By its type: an exception may claim to be of another class, or raise when it is asked.
    kind = sys.exc_info()[0]  # type: Any
    if issubclass(kind, SystemExit):
        return comes_from_signal_handler()
    ending = [known_type(module, name) for module, name in _GREENLET_EXCEPTIONS]
    return issubclass(kind, (KeyboardInterrupt,) + tuple(ending))


def forget_earlier_calls():
    # type: () -> None
    """Cuts off the traceback of the exception that is being handled where an earlier call begins.

    A callback that raises the same exception at every call, as a Future's result() does, would
    lengthen it each time. The function that handles it is where a call begins.
    """
    if six.PY2:  # pragma: no cover (2.7, whose exceptions keep no traceback)
        return
    exc, traceback = sys.exc_info()[1:]  # type: Any, Any
    own_code, earlier = traceback.tb_frame.f_code, traceback.tb_next
    while earlier is not None and earlier.tb_frame.f_code is not own_code:
        earlier = earlier.tb_next
    if earlier is not None:
        BaseException.with_traceback(exc, earlier)


def comes_from_signal_handler():
    # type: () -> bool
    """True if a signal handler raised the exception that is being handled.

    Python calls a signal handler with the frame that it interrupted, its caller's; nothing else
    does that.
    """
    traceback = sys.exc_info()[2]
    while traceback is not None:
        frame = traceback.tb_frame
        caller = frame.f_back
        if caller is not None and any(value is caller for value in _arguments(frame)):
            return True
        traceback = traceback.tb_next
    return False


def _arguments(frame):
    # type: (FrameType) -> List[object]
    """The values of a function's arguments, those of its *args one by one."""
    values = inspect.getargvalues(frame)
    names = [name for name in values.args if isinstance(name, str)]  # 2.7 has lists of them too
    arguments = [values.locals.get(name) for name in names]  # type: List[object]
    rest = values.locals.get(values.varargs or "")
    if isinstance(rest, tuple):  # it may have been assigned to
        arguments.extend(rest)
    return arguments
