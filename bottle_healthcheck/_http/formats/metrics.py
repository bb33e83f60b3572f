"""Metrics, written by prometheus_client (the extra `bottle-healthcheck[prometheus]`)."""
import collections

from ... import _jsonable
from .base import Format
from .values import state_of

MYPY = False
if MYPY:
    from typing import Any, Dict, Iterable, Sequence, Text

    from prometheus_client import core

    from ..._report import Report
    from .base import Encoded, Request

#: The prefix of the metrics' names.
PREFIX = "healthcheck"

#: (name behind the prefix, explanation) of each metric.
_METRICS = (
    ("success", "Whether every critical check passes (1) or not (0)."),
    ("draining", "Whether the service is being taken out of use (1)."),
    ("check_passed", "Whether the check passed (1) or failed (0)."),
    ("check_warning", "Whether the check failed (1) in a way that does not fail the whole."),
    ("check_response_time_seconds", "How long the last run took."),
    ("check_last_change_timestamp_seconds",
     "When the check began to pass or to fail, in epoch seconds."),
)


class MetricsFormat(Format):
    """Prometheus' text format or OpenMetrics; prometheus_client chooses the Content-Type."""

    #: Prometheus drops the metrics of any response but a 200.
    status = 200

    #: prometheus_client, once it is loaded; None where it is not installed.
    _client = None  # type: Any

    def load(self):
        # type: () -> None
        try:
            import prometheus_client.core
            import prometheus_client.exposition
        except ImportError:
            self._client = None
        else:
            self._client = prometheus_client

    def reason_unavailable(self):
        # type: () -> str
        if self._client is not None:
            return ""
        return ("needs a package that is not installed: "
                "pip install 'bottle-healthcheck[prometheus]'")

    def encode(self, report, request):
        # type: (Report, Request) -> Encoded
        """OpenMetrics if that media type selected the format, else Prometheus' text."""
        generate, content_type = self._client.exposition.choose_encoder(request.media_type)
        return (generate(_Registry(report)),), [("Content-Type", content_type)]


class _Registry(object):
    """A registry, as the encoders of prometheus_client expect it: the metrics of one report."""

    def __init__(self, report):
        # type: (Report) -> None
        self._report = report

    def collect(self):
        # type: () -> Iterable[core.GaugeMetricFamily]
        return families_of(self._report)


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
        families["check_passed"].add_metric(labels, int(result["passed"]))
        families["check_warning"].add_metric(labels, int(state_of(result) == "warning"))
        families["check_response_time_seconds"].add_metric(labels, result["response_time"])
        families["check_last_change_timestamp_seconds"].add_metric(labels, result["since"])
    return [family for family in families.values() if family.samples]


def empty_families(prefix=PREFIX):
    # type: (Text) -> Dict[str, core.GaugeMetricFamily]
    """The metrics without values, by the name behind the prefix."""
    from prometheus_client.core import GaugeMetricFamily  # the extra
    families = collections.OrderedDict()
    for name, explanation in _METRICS:
        labels = ()  # type: Sequence[str]
        if name.startswith("check_"):
            labels = ("check", "critical")
        families[name] = GaugeMetricFamily("%s_%s" % (prefix, name), explanation, labels=labels)
    return families
