"""bottle_healthcheck._formats: the verdict and the JSON bodies."""
import json
import os
import socket
import time

import pytest
from six.moves import reduce

from bottle_healthcheck import (HealthCheck, check_reduce, json_failed_handler,
                                json_success_handler)
from tests.internals import Report


@pytest.mark.parametrize("passed, result, verdict", [
    (True, {"passed": True}, True),
    (True, {"passed": False}, False),
    (True, {}, False),
    (False, {"passed": True}, False),
    (True, {"passed": False, "critical": False}, True),
    (True, {"passed": False, "critical": True}, False),
    (True, {"passed": False, "critical": None}, False),
    (False, {"passed": False, "critical": False}, False),
])
def test_a_failed_critical_result_makes_the_verdict_false(passed, result, verdict):
    assert check_reduce(passed, result) is verdict


def test_no_results_are_a_success():
    assert reduce(check_reduce, [], True) is True
    assert Report([]).passed is True and Report([]).status == "success"


def test_a_report(monkeypatch):
    monkeypatch.setattr(time, "time", lambda: 1234.5)
    results = [{"passed": True}, {"passed": False}]
    report = Report(results)
    assert (report.passed, report.status, report.results, report.timestamp) == (
        False, "failure", results, 1234.5)


@pytest.mark.parametrize("handler, status", [(json_success_handler, "success"),
                                             (json_failed_handler, "failure")])
def test_the_body_of_a_handler(monkeypatch, handler, status):
    monkeypatch.setattr(time, "time", lambda: 1234.5)
    results = [{"checker": "database", "passed": True, "output": b"\xff"}]
    body = handler(results)
    assert isinstance(body, str)
    assert body.startswith('{"status": "%s", ' % status)
    pairs = json.loads(body, object_pairs_hook=list)
    assert [name for name, _ in pairs] == ["status", "hostname", "pid", "timestamp", "results"]
    assert json.loads(body) == {
        "status": status, "hostname": socket.gethostname(), "pid": os.getpid(),
        "timestamp": 1234.5,
        "results": [{"checker": "database", "passed": True, "output": "\\xff"}]}


def test_the_status_comes_within_the_first_16_kib_whatever_the_results():
    health = HealthCheck(checkers=[lambda: (True, '"status": "failure"' * 2000)])
    assert json_success_handler(health.run().results).index('"status": "success"') < 100
