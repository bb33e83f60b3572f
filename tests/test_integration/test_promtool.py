"""What Prometheus, promtool and blackbox_exporter make of the route."""
import io
import os
import shutil
import subprocess

import bottle
import pytest
from six.moves.urllib.parse import quote

from bottle_healthcheck import HealthCheck
from tests import servers
from tests.helpers import DATA, client_config, fetch, need_command, need_module, wait_until
from tests.serving import serving
from tests.wsgi import ask_health as ask

pytestmark = pytest.mark.servers


@pytest.fixture
def app():
    need_module("prometheus_client")
    app = bottle.Bottle()
    app.health = HealthCheck(app, "/healthcheck", failed_status=503, failed_ttl=None)
    app.health.add_check(lambda: (True, "rows: 1"), name="database")
    app.outcome = {"passed": False}
    app.health.add_check(lambda: (app.outcome["passed"], 'no "route"\n'), name=u'que"ue\n\\')
    return app


def promtool(*arguments, **how):
    """(exit status, output) of promtool."""
    process = subprocess.Popen([need_command("promtool")] + list(arguments),
                               cwd=how.get("folder"), stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    output = process.communicate(how.get("text", b""))[0]
    return process.returncode, output


def blackbox_exporter():
    """A blackbox_exporter with README's module."""
    return servers.blackbox_exporter(client_config("blackbox.yml", {"timeout: 5s": "timeout: 60s"}))


def prometheus(service, exporter):
    """A Prometheus with README's configuration."""
    return servers.prometheus(client_config("prometheus.yml", {
        "15s": "1s", "127.0.0.1:8080": service, "127.0.0.1:9115": "127.0.0.1:%d" % exporter.port}))


ALERTS = u"""
rule_files: [alerts.yml]
evaluation_interval: 30s
tests:
  - interval: 30s
    input_series:
      - {series: 'healthcheck_success{instance="web1"}', values: "1 0x20"}
      - {series: 'healthcheck_draining{instance="web1"}', values: "0x20"}
      - {series: 'healthcheck_success{instance="web2"}', values: "0x20"}
      - {series: 'healthcheck_draining{instance="web2"}', values: "1x20"}
    alert_rule_test:
      - eval_time: 1m
        alertname: HealthCheckFails
      - eval_time: 2m
        alertname: HealthCheckFails
        exp_alerts:
          - exp_labels: {instance: web1}
            exp_annotations: {summary: "web1: a critical check has failed for a minute"}
  - interval: 1m
    input_series:
      - {series: 'healthcheck_check_warning{instance="web1",check="mail"}', values: "1x20"}
      - {series: 'healthcheck_check_warning{instance="web1",check="disk"}', values: "0x20"}
    alert_rule_test:
      - eval_time: 9m
        alertname: HealthCheckWarns
      - eval_time: 10m
        alertname: HealthCheckWarns
        exp_alerts:
          - exp_labels: {instance: web1, check: mail}
            exp_annotations: {summary: "web1: mail has warned for 10 minutes"}
"""


class TestPromtool(object):
    @pytest.mark.parametrize("state", [
        pytest.param("failing", marks=pytest.mark.smoke), "passing", "draining"])
    def test_accepts_metrics(self, app, state):
        app.outcome["passed"] = state == "passing"
        if state == "draining":
            app.health.run()
            app.health.drain()
        answer = ask(app, "format=prometheus", path="/healthcheck")
        assert "version=0.0.4" in answer.headers["Content-Type"]
        assert promtool("check", "metrics", text=answer.body) == (0, b"")

    def test_accepts_configuration(self):
        path = os.path.join(DATA, "clients", "prometheus.yml")
        status, output = promtool("check", "config", path)
        assert status == 0, output

    def test_alerts_fire(self, tmpdir):
        shutil.copy(os.path.join(DATA, "clients", "alerts.yml"), str(tmpdir))
        with io.open(str(tmpdir.join("tests.yml")), "w") as tests:
            tests.write(ALERTS)
        status, output = promtool("test", "rules", "tests.yml", folder=str(tmpdir))
        assert status == 0, output


class TestPrometheus(object):
    @pytest.mark.smoke
    def test_scrapes_while_checks_fail(self, app):
        queue = r'healthcheck_check_passed{check="que\"ue\n\\",critical="true"}'
        with serving(app) as url, blackbox_exporter() as exporter:
            with prometheus(url.split("//")[1], exporter) as server:
                for query, expected in [
                        ("healthcheck_success", "0"), (queue, "0"),
                        ('healthcheck_check_passed{check="database"}', "1"),
                        ('up{job="healthcheck"}', "1"), ("probe_success", "0"),
                        ("probe_http_status_code", "503")]:
                    wait_until(lambda: server.value(query) == expected, what=query)
                app.outcome["passed"] = True
                for query in ("healthcheck_success", queue, "probe_success"):
                    wait_until(lambda: server.value(query) == "1", what=query)


class TestBlackboxExporter(object):
    def test_distinguishes_success_and_failure(self, app):
        with serving(app) as url, blackbox_exporter() as exporter:
            probe = "http://127.0.0.1:%d/probe?module=healthcheck&target=%s" % (
                exporter.port, quote(url + "/healthcheck", ""))
            assert u"\nprobe_success 0\n" in fetch(probe)
            app.outcome["passed"] = True
            assert u"\nprobe_success 1\n" in fetch(probe)
            app.health.drain()
            assert u"\nprobe_success 0\n" in fetch(probe)
