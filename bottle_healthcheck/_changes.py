"""Telling of the verdict's changes."""
import collections
import os

from . import _log
from ._interrupts import is_interrupt
from ._report import Report

MYPY = False
if MYPY:
    from typing import Any


class Changes(object):
    """Tells on_change of the verdict's changes: each once, in order, by one thread at a time."""

    def __init__(self, healthcheck):
        # type: (Any) -> None  # a HealthCheck, whose module imports this one
        self._healthcheck = healthcheck
        self._current = None  # type: Any
        self._untold = collections.deque()  # type: collections.deque
        self._teller = None  # type: Any  # the process whose thread is telling

    def look(self):
        # type: () -> None
        """Judges by the last outcome of every check, and tells what has changed."""
        if self._healthcheck.on_change is None:
            return
        with self._healthcheck.cache.lock():
            self._judge()
            if not self._untold or self._teller == os.getpid():
                return  # the thread that is telling comes to it
            self._teller = os.getpid()
        self._tell()

    def _judge(self):
        # type: () -> None
        checkers = self._healthcheck.checkers.items
        outcomes = [self._healthcheck.cache.last(checker) for checker in checkers]
        if None in outcomes:
            return
        report = Report([checker.result(outcome)
                         for checker, outcome in zip(checkers, outcomes)])
        if report.status != self._current:
            self._untold.append((self._current, report.status, report))
            self._current = report.status

    def _tell(self):
        # type: () -> None
        """Calls on_change outside every lock, until nothing is left to tell."""
        try:
            while True:
                with self._healthcheck.cache.lock():
                    if not self._untold:
                        self._teller = None
                        return
                    change = self._untold.popleft()
                try:
                    self._healthcheck.on_change(*change)
                except BaseException:
                    if is_interrupt():
                        raise
                    _log.failure("on_change failed")
        except BaseException:  # not ours to stop, wherever it hits; the next thread tells the rest
            self._teller = None
            raise
