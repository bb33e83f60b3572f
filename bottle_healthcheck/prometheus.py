"""HealthCollector: the results as metrics in an application's own registry.

It needs prometheus_client (the extra `bottle-healthcheck[prometheus]`).
"""
import re

from ._http.formats import FORMATS, metrics
from ._validation import wrong_type, wrong_value
from .healthcheck import HealthCheck

MYPY = False
if MYPY:
    from typing import Iterable

    from prometheus_client import core

_NAME = r"[a-zA-Z_][a-zA-Z0-9_]*\Z"


class HealthCollector(object):
    """A collector for an application's own registry: `REGISTRY.register(HealthCollector(health))`.

    Every scrape runs the checks, or uses their cached results, and shows them whatever `details`
    is. The metrics' names begin with prefix: it must differ between HealthChecks in one registry.
    Raises TypeError if health is not a HealthCheck, ValueError for a prefix that is not letters,
    digits and _.
    """

    def __init__(self, health, prefix=metrics.PREFIX):
        # type: (HealthCheck, str) -> None
        if not isinstance(health, HealthCheck):
            raise wrong_type("health", health, "a HealthCheck")
        if not re.match(_NAME, prefix):
            raise wrong_value("prefix", repr(prefix),
                              "letters, digits and _, not a digit first")
        FORMATS["prometheus"].load()
        self._health = health
        self._prefix = prefix

    def describe(self):
        # type: () -> Iterable[core.GaugeMetricFamily]
        """The metrics without values: registering runs no check."""
        return metrics.empty_families(self._prefix).values()

    def collect(self):
        # type: () -> Iterable[core.GaugeMetricFamily]
        """The metrics, from cached results where they are fresh."""
        return metrics.families_of(self._health.run(), self._prefix)
