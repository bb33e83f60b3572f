"""Metrics, written by prometheus_client (the extra `bottle-healthcheck[prometheus]`)."""
import collections

from ... import _jsonable
from .base import Format
from .values import state_of

MYPY = False
if MYPY:
    from types import ModuleType
    from typing import Dict, Iterable, List, Sequence, Text

    from prometheus_client import core

    from ..._report import Report
    from .base import Encoded, Request

#: The prefix of the metrics' names.
PREFIX = "healthcheck"

NOT_INSTALLED = ("needs a package that is not installed: "
                 "pip install 'bottle-healthcheck[prometheus]'")

#: The modules of prometheus_client, once they are loaded; none where it is not installed.
_installed = []  # type: List[ModuleType]


class MetricsFormat(Format):
    """Prometheus' text format or OpenMetrics; prometheus_client chooses the Content-Type."""

    #: Prometheus drops the metrics of any response but a 200.
    status = 200

    def load(self):
        # type: () -> None
        """Imports prometheus_client where it is installed."""
        load()

    def reason_unavailable(self):
        # type: () -> str
        """Why there are no metrics: prometheus_client is not installed; "" if it is."""
        if _installed:
            return ""
        return NOT_INSTALLED

    def encode(self, report, request):
        # type: (Report, Request) -> Encoded
        """(parts of the body, headers) of a report.

        The body is OpenMetrics if that media type selected the format, else Prometheus' text.
        """
        from prometheus_client.exposition import choose_encoder  # the extra
        generate, content_type = choose_encoder(request.media_type)
        body = generate(_Registry(families_of(report)))
        return (body,), [("Content-Type", content_type)]


class _Registry(object):
    """A registry, as the encoders of prometheus_client expect it: the metrics of one report."""

    def __init__(self, families):
        # type: (Iterable[core.GaugeMetricFamily]) -> None
        self._families = families

    def collect(self):
        # type: () -> Iterable[core.GaugeMetricFamily]
        """The metrics."""
        return self._families


def load():
    # type: () -> None
    """Imports prometheus_client where it is installed.

    Constructors call this: in a request the import would fail if no file descriptor is left.
    """
    try:
        import prometheus_client.core
        import prometheus_client.exposition
    except ImportError:
        _installed[:] = []
    else:
        _installed[:] = [prometheus_client.core, prometheus_client.exposition]


def families_of(report, prefix=PREFIX):
    # type: (Report, Text) -> Iterable[core.GaugeMetricFamily]
    """The metrics of a report; without details, only the overall status.

    While draining they show the last results: a deployment is not a failing check.
    """
    families = empty_families(prefix)
    if report.details:
        families["draining"].add_metric([], int(report.draining))
    if report.last_known is not None:
        report = report.last_known
    families["success"].add_metric([], int(report.passed))
    for check, result in zip(report.checks, report.results):
        labels = [_jsonable.text(result["checker"]), str(check.critical).lower()]
        families["passed"].add_metric(labels, int(result["passed"]))
        families["warning"].add_metric(labels, int(state_of(result) == "warning"))
        families["took"].add_metric(labels, result["response_time"])
        families["since"].add_metric(labels, result["since"])
    return [family for family in families.values() if family.samples]


def empty_families(prefix=PREFIX):
    # type: (Text) -> Dict[str, core.GaugeMetricFamily]
    """The metrics without values."""
    from prometheus_client.core import GaugeMetricFamily  # the extra

    def gauge(name, explanation, labels=()):
        # type: (str, str, Sequence[str]) -> core.GaugeMetricFamily
        return GaugeMetricFamily("%s_%s" % (prefix, name), explanation, labels=labels)

    def check_gauge(name, explanation):
        # type: (str, str) -> core.GaugeMetricFamily
        return gauge("check_" + name, explanation, ["check", "critical"])

    return collections.OrderedDict([
        ("success", gauge("success", "Whether every critical check passes (1) or not (0).")),
        ("draining", gauge("draining", "Whether the service is being taken out of use (1).")),
        ("passed", check_gauge("passed", "Whether the check passed (1) or failed (0).")),
        ("warning", check_gauge("warning", "Whether the check failed (1) in a way that does not "
                                "fail the whole.")),
        ("took", check_gauge("response_time_seconds", "How long the last run took.")),
        ("since", check_gauge("last_change_timestamp_seconds",
                              "When the check began to pass or to fail, in epoch seconds.")),
    ])
