"""What Python 2.7 lacks and six does not provide."""
import codecs
import functools
import inspect
import os
import sys
import threading
import time
import types

import six

MYPY = False
if MYPY:
    from typing import Any

if hasattr(time, "monotonic"):
    #: Seconds since an arbitrary start, independent of the wall clock.
    monotonic = time.monotonic
elif os.name == "posix":  # pragma: no cover (2.7)
    def monotonic():
        # type: () -> float
        """Seconds since an arbitrary start, independent of the wall clock (ticks of 10 ms)."""
        return os.times()[4]
else:  # pragma: no cover (2.7 on other systems has no monotonic clock)
    monotonic = time.time

if six.PY2:  # pragma: no cover (2.7)
    # 2.7 imports a codec at its first use, which fails if no file descriptor is left, and never
    # tries again.
    for _name in ("ascii", "latin-1", "utf-8", "idna"):
        codecs.lookup(_name)

#: The finest clock for how long something takes, in seconds.
timer = time.time if six.PY2 else time.perf_counter


def known_type(module, name):
    # type: (str, str) -> Any
    """A class of a module; () where the module is not imported: doing that here would be slow."""
    kind = getattr(sys.modules.get(module), name, None)
    if inspect.isclass(kind):
        return kind
    return ()


def is_coroutine_function(func):
    # type: (Any) -> bool
    """True for a callable whose call returns a coroutine or an async generator; 2.7 has none.

    False for a plain function that wraps one: it may run the loop.
    """
    if six.PY2:
        return False
    try:
        for _ in range(16):  # an odd object may refer to itself
            if isinstance(func, functools.partial):
                func = func.func
            elif isinstance(func, (types.MethodType, staticmethod)):
                func = func.__func__
            elif isinstance(func, type(functools.lru_cache()(len))):
                func = func.__wrapped__
            elif inspect.iscoroutinefunction(func) or inspect.isasyncgenfunction(func):
                return True
            elif inspect.isroutine(func):
                return False
            else:
                func = type(func).__call__
    except Exception:  # odd objects may raise anything
        pass
    return False


def is_awaitable(value):
    # type: (Any) -> bool
    """True for coroutines and the like, and for generators: their code has not run yet."""
    if inspect.isgenerator(value) or hasattr(type(value), "__await__"):
        return True
    return not six.PY2 and inspect.isasyncgen(value)


def takes_no_arguments(func):
    # type: (object) -> bool
    """True if func can be called without arguments, or has no signature to inspect."""
    try:
        if six.PY2:  # pragma: no cover (2.7)
            return _required_on_2(func) == 0
        # A wrapped function may need arguments that the decorator supplies.
        parameters = inspect.signature(
            func, follow_wrapped=False).parameters.values()  # type: ignore[arg-type]
    except Exception:  # many built-ins have no signature, and odd objects may raise anything
        return True
    return all(one.default is not one.empty or one.kind in (one.VAR_POSITIONAL, one.VAR_KEYWORD)
               for one in parameters)


if six.PY2:  # pragma: no cover (2.7)
    def _required_on_2(func):
        # type: (object) -> int
        """How many arguments func requires."""
        if isinstance(func, functools.partial):
            given = len(func.args) + len(func.keywords or ())
            return max(0, _required_on_2(func.func) - given)
        if inspect.isclass(func):
            func = func.__init__
        elif not inspect.isroutine(func):
            func = func.__call__
        spec = inspect.getargspec(func)
        bound = 1 if inspect.ismethod(func) else 0
        return len(spec.args) - len(spec.defaults or ()) - bound


def acquire(lock, seconds):
    # type: (Any, float) -> bool
    """Acquires a lock within so many seconds, or returns False; 2.7 has to poll."""
    if not six.PY2:
        return bool(lock.acquire(True, max(0.0, min(seconds, threading.TIMEOUT_MAX))))
    until = monotonic() + seconds  # pragma: no cover (2.7)
    pause = 0.0005
    while not lock.acquire(False):
        remaining = until - monotonic()
        if remaining <= 0:
            return False
        time.sleep(min(pause, remaining))
        pause = min(2 * pause, 0.05)
    return True
