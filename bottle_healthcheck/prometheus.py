"""Results as metrics, through prometheus_client (the extra `bottle-healthcheck[prometheus]`)."""
import collections
import re

from . import _jsonable
from ._validation import kind_of

MYPY = False
if MYPY:
    from typing import Dict, Iterable, Sequence, Text, Tuple

    from prometheus_client import core

    from ._report import Report
    from .healthcheck import HealthCheck

PREFIX = "healthcheck"

NOT_INSTALLED = ("needs a package that is not installed: "
                 "pip install 'bottle-healthcheck[prometheus]'")

#: The modules of prometheus_client, once they are loaded; none where it is not installed.
_installed = []  # type: list

_NAME = r"[a-zA-Z_][a-zA-Z0-9_]*\Z"


class HealthCollector(object):
    """A collector for an application's own registry: `REGISTRY.register(HealthCollector(health))`.

    Every scrape runs the checks, or uses their kept results, and tells them whatever details says.
    prefix begins the metrics' names: give each of several HealthChecks in one registry its own.
    Raises TypeError for what is no HealthCheck, ValueError for a prefix that no metric's name can
    begin with.
    """

    def __init__(self, health, prefix=PREFIX):
        # type: (HealthCheck, str) -> None
        from . import healthcheck  # which imports this module
        if not isinstance(health, healthcheck.HealthCheck):
            raise TypeError("health is %s, expected a HealthCheck" % kind_of(health))
        if not re.match(_NAME, prefix):
            raise ValueError("prefix is %r, expected letters, digits and _, not a digit first"
                             % prefix)
        load()
        self._health = health
        self._prefix = prefix

    def describe(self):
        # type: () -> Iterable[core.GaugeMetricFamily]
        """The metrics without values: registering runs no check."""
        return _families(self._prefix).values()

    def collect(self):
        # type: () -> Iterable[core.GaugeMetricFamily]
        """The metrics of this moment."""
        return metrics(self._health.run(), self._prefix)


class _Fixed(object):
    """What prometheus_client's encoders take for a registry: the metrics of one report."""

    def __init__(self, families):
        # type: (Iterable[core.GaugeMetricFamily]) -> None
        self._families = families

    def collect(self):
        # type: () -> Iterable[core.GaugeMetricFamily]
        """The metrics."""
        return self._families


def metrics(report, prefix=PREFIX):
    # type: (Report, str) -> Iterable[core.GaugeMetricFamily]
    """The metrics of a report; of one without details, the verdict alone."""
    families = _families(prefix)
    families["success"].add_metric([], 1 if report.passed else 0)
    for result in report.results:
        labels = [_jsonable.text(result["checker"])]
        families["passed"].add_metric(labels, 1 if result["passed"] else 0)
        if "response_time" in result:  # a drained service has none
            families["took"].add_metric(labels, result["response_time"])
            families["since"].add_metric(labels, result["since"])
    return [family for family in families.values() if family.samples]


def encode(report, media_type):
    # type: (Report, str) -> Tuple[bytes, Text]
    """(body, Content-Type): OpenMetrics where the media type is that, else Prometheus' text."""
    from prometheus_client.exposition import choose_encoder  # the extra
    write, content_type = choose_encoder(media_type)
    return write(_Fixed(metrics(report))), content_type


def load():
    # type: () -> bool
    """Imports prometheus_client where it is installed, and returns whether it is.

    Constructors call this: in a request an import fails where no file descriptor is left.
    """
    try:
        import prometheus_client.core
        import prometheus_client.exposition
    except ImportError:
        _installed[:] = []
    else:
        _installed[:] = [prometheus_client.core, prometheus_client.exposition]
    return is_installed()


def is_installed():
    # type: () -> bool
    """Whether prometheus_client was there when the last constructor looked for it."""
    return bool(_installed)


def _families(prefix):
    # type: (str) -> Dict[str, core.GaugeMetricFamily]
    from prometheus_client.core import GaugeMetricFamily  # the extra

    def gauge(name, explanation, labels=()):
        # type: (str, str, Sequence[str]) -> core.GaugeMetricFamily
        return GaugeMetricFamily("%s_%s" % (prefix, name), explanation, labels=labels)

    return collections.OrderedDict([
        ("success", gauge("success", "Whether every critical check passes (1) or not (0).")),
        ("passed", gauge("check_passed", "Whether the check passed (1) or failed (0).",
                         ["check"])),
        ("took", gauge("check_response_time_seconds", "How long the last run took.", ["check"])),
        ("since", gauge("check_last_change_timestamp_seconds",
                        "When the check began to pass or to fail, in epoch seconds.",
                        ["check"])),
    ])
