"""bottle_healthcheck._http.formats.health"""
import io
import json
import os

import bottle
import pytest

from bottle_healthcheck import HealthCheck
from tests.internals import FORMATS, Report
from tests.helpers import DATA
from tests.wsgi import ask_health as ask

#: As a check's results come: 2026-02-03 04:05:06 UTC and a little before.
NOW = 1770091506.25
PASSED = {"checker": "database", "output": {"rows": 1}, "passed": True, "timestamp": NOW,
          "expires": NOW + 27, "response_time": 0.25, "since": NOW - 3600}
FAILED = {"checker": "queue", "output": [u"caf\xe9", None], "passed": False,
          "timestamp": NOW - 1.5, "expires": NOW + 9, "response_time": 1.5, "since": NOW - 60}
WARNED = {"checker": "a:b", "output": u"no route", "passed": False, "timestamp": NOW,
          "expires": NOW + 9, "response_time": 0.0, "since": NOW, "critical": False}
DRAINED = {"checker": "drain", "output": "draining", "passed": False, "timestamp": NOW,
           "expires": NOW, "response_time": 0.0, "since": NOW}


HEALTH_BODIES = [
    ("pass", [PASSED],
     '{"status": "pass", "checks": {"database:responseTime": [{"componentId": "database", '
     '"observedValue": 0.25, "observedUnit": "s", "status": "pass", '
     '"time": "2026-02-03T04:05:06.250Z"}]}}'),
    ("warn", [PASSED, WARNED, dict(WARNED, checker="a_b")],
     '{"status": "warn", "checks": {"database:responseTime": [{"componentId": "database", '
     '"observedValue": 0.25, "observedUnit": "s", "status": "pass", '
     '"time": "2026-02-03T04:05:06.250Z"}], "a_b:responseTime": [{"componentId": "a:b", '
     '"observedValue": 0.0, "observedUnit": "s", "status": "warn", '
     '"time": "2026-02-03T04:05:06.250Z", "output": "no route"}, {"componentId": "a_b", '
     '"observedValue": 0.0, "observedUnit": "s", "status": "warn", '
     '"time": "2026-02-03T04:05:06.250Z", "output": "no route"}]}}'),
    ("fail", [FAILED, WARNED],
     '{"status": "fail", "checks": {"queue:responseTime": [{"componentId": "queue", '
     '"observedValue": 1.5, "observedUnit": "s", "status": "fail", '
     '"time": "2026-02-03T04:05:04.750Z", "output": "[\\"caf\\\\u00e9\\", null]"}], '
     '"a_b:responseTime": [{"componentId": "a:b", "observedValue": 0.0, "observedUnit": "s", '
     '"status": "warn", "time": "2026-02-03T04:05:06.250Z", "output": "no route"}]}}'),
    ("drained", [DRAINED],
     '{"status": "fail", "checks": {"drain:responseTime": [{"componentId": "drain", '
     '"observedValue": 0.0, "observedUnit": "s", "status": "fail", '
     '"time": "2026-02-03T04:05:06.250Z", "output": "draining"}]}}'),
    ("no checks", [], '{"status": "pass", "checks": {}}'),
]


def body_of(*checks, **options):
    app = bottle.Bottle()
    health = HealthCheck(app, "/health", **options)
    for name in checks:
        health.add_check(lambda name=name: (name == "up", name), name=name,
                         critical=name != "warning")
    return json.loads(ask(app, "format=health").body.decode("ascii"))


class TestHealthJson(object):
    @pytest.mark.parametrize("results, body", [case[1:] for case in HEALTH_BODIES],
                             ids=[case[0] for case in HEALTH_BODIES])
    def test_as_a_whole(self, results, body):
        assert FORMATS["health"].encode(Report(results), "") == (
            (body.encode("ascii"),), [("Content-Type", "application/health+json")])

    def test_is_what_the_draft_describes(self):
        jsonschema = pytest.importorskip("jsonschema")
        with io.open(os.path.join(DATA, "health_check_06.schema.json"), encoding="utf-8") as source:
            schema = jsonschema.Draft7Validator(json.load(source))
        bodies = [json.loads(body) for _, _, body in HEALTH_BODIES] + [
            body_of(*checks, **options)
            for checks in [("up",), ("up", "warning"), ("up", "down", u"\xfc")]
            for options in [{}, {"details": False},
                            {"about": {"serviceId": "shop", "version": "1"}}]]
        for body in bodies:
            schema.validate(body)
        for wrong in ({}, {"status": "ok"}, {"status": "pass", "output": "x"},
                      {"status": "pass", "checks": {"a:b:c": [{}]}},
                      {"status": "pass", "checks": {"a": [{"time": "yesterday"}]}},
                      {"status": "fail", "checks": {"a": [{"observedUnit": "s"}]}}):
            assert not schema.is_valid(wrong)
