"""bottle_healthcheck._formats: the JSON bodies."""
import json
import os
import socket
import time

import pytest

from bottle_healthcheck import HealthCheck, json_failed_handler, json_success_handler


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
