"""bottle_healthcheck._http.formats.json_body"""
import collections
import json
import os
import socket
import time

import pytest

from bottle_healthcheck import HealthCheck, json_failed_handler, json_success_handler
from tests.internals import FORMATS, Report

#: 2026-02-03 04:05:06 UTC.
NOW = 1770091506.25

PASSED = {"checker": "database", "output": {"rows": 1}, "passed": True, "timestamp": NOW,
          "expires": NOW + 27, "response_time": 0.25, "since": NOW - 3600}


@pytest.fixture
def same_host(monkeypatch):
    monkeypatch.setattr("socket.gethostname", lambda: "web-1")
    monkeypatch.setattr("os.getpid", lambda: 4321)


class TestJson(object):
    """The library's own JSON."""

    @pytest.mark.parametrize("handler, status", [(json_success_handler, "success"),
                                                 (json_failed_handler, "failure")])
    def test_body_of_a_handler(self, monkeypatch, handler, status):
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

    def test_status_is_within_first_16_kib(self):
        health = HealthCheck(checkers=[lambda: (True, '"status": "failure"' * 2000)])
        assert json_success_handler(health.run().results).index('"status": "success"') < 100

    def test_golden_text(self, same_host):
        result = collections.OrderedDict((key, PASSED[key]) for key in (
            "checker", "output", "passed", "timestamp", "expires", "response_time", "since"))
        (before, after), headers = FORMATS["json"].encode(Report([result]), "")
        assert headers == [("Content-Type", "application/json")]
        assert before == (
            b'{"status": "success", "hostname": "web-1", "pid": 4321, "timestamp": ')
        assert after == (  # what stands between them is the time of each response
            b', "results": [{"checker": "database", "output": {"rows": 1}, "passed": true, '
            b'"timestamp": 1770091506.25, "expires": 1770091533.25, "response_time": 0.25, '
            b'"since": 1770087906.25}]}')
