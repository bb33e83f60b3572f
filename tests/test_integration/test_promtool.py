"""What Prometheus, promtool and blackbox_exporter make of the route."""
import contextlib
import io
import json
import os
import shutil
import subprocess
import tempfile

import bottle
import pytest
from six.moves.urllib.parse import quote
from six.moves.urllib.request import urlopen

from bottle_healthcheck import HealthCheck
from tests.helpers import DATA, free_port, need_command, need_module, wait_until
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


def client_config(name, folder, **replaced):
    """A file of README, with the addresses and times of this test, in that folder."""
    with io.open(os.path.join(DATA, "clients", name), encoding="utf-8") as source:
        text = source.read()
    for old, new in [("15s", "1s"), ("timeout: 5s", "timeout: 60s"),
                     ("127.0.0.1:8080", replaced["service"]),
                     ("127.0.0.1:9115", replaced.get("blackbox", ""))]:
        text = text.replace(old, new)
    path = os.path.join(folder, name)
    with io.open(path, "w", encoding="utf-8") as target:
        target.write(text)
    return path


@contextlib.contextmanager
def running(*command):
    """A process, ended by its pid."""
    with open(os.devnull, "r+b") as nowhere:
        process = subprocess.Popen(command, stdin=nowhere, stdout=nowhere, stderr=nowhere)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def folder():
    path = tempfile.mkdtemp()
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def fetch(url):
    """The text of a URL, or nothing where there is no answer yet."""
    try:
        with contextlib.closing(urlopen(url, timeout=60)) as answer:
            return answer.read().decode("utf-8")
    except EnvironmentError:
        return u""


@contextlib.contextmanager
def blackbox(path, service):
    """The address of a blackbox_exporter with README's module."""
    command, address = need_command("prometheus-blackbox-exporter"), free_address()
    config = client_config("blackbox.yml", path, service=service)
    with running(command, "--config.file=" + config, "--web.listen-address=" + address):
        wait_until(lambda: fetch("http://%s/-/healthy" % address), what="blackbox_exporter")
        yield address


@contextlib.contextmanager
def prometheus(path, service, exporter):
    """The address of a Prometheus with README's configuration."""
    command, address = need_command("prometheus"), free_address()
    config = client_config("prometheus.yml", path, service=service, blackbox=exporter)
    with running(command, "--config.file=" + config, "--web.listen-address=" + address,
                 "--storage.tsdb.path=" + os.path.join(path, "data")):
        wait_until(lambda: fetch("http://%s/-/ready" % address), what="Prometheus")
        yield address


def free_address():
    return "127.0.0.1:%d" % free_port()


def value(address, query):
    """What a Prometheus knows of a query with one series, as text; None where it knows none."""
    answer = json.loads(fetch("http://%s/api/v1/query?query=%s" % (address, quote(query)))
                        or u'{"data": {"result": []}}')
    found = answer["data"]["result"]
    return found[0]["value"][1] if found else None


@pytest.mark.parametrize("state", [
    pytest.param("failing", marks=pytest.mark.smoke), "passing", "draining"])
def test_promtool_has_nothing_to_say_about_the_metrics(app, state):
    promtool = need_command("promtool")
    app.outcome["passed"] = state == "passing"
    if state == "draining":
        app.health.run()
        app.health.drain()
    answer = ask(app, "format=prometheus", path="/healthcheck")
    assert "version=0.0.4" in answer.headers["Content-Type"]
    process = subprocess.Popen([promtool, "check", "metrics"], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert process.communicate(answer.body) == (b"", None)
    assert process.returncode == 0


def test_promtool_accepts_documented_configuration():
    path = os.path.join(DATA, "clients", "prometheus.yml")
    subprocess.check_output([need_command("promtool"), "check", "config", path])


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


def test_documented_alerts_fire_when_they_should():
    promtool = need_command("promtool")
    with folder() as path:
        shutil.copy(os.path.join(DATA, "clients", "alerts.yml"), path)
        with io.open(os.path.join(path, "tests.yml"), "w") as tests:
            tests.write(ALERTS)
        process = subprocess.Popen([promtool, "test", "rules", "tests.yml"], cwd=path,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        output = process.communicate()[0]
        assert process.returncode == 0, output


@pytest.mark.smoke
def test_prometheus_keeps_scraping_while_checks_fail(app):
    queue = r'healthcheck_check_passed{check="que\"ue\n\\",critical="true"}'
    with serving(app) as url, folder() as path:
        service = url.split("//")[1]
        with blackbox(path, service) as exporter, prometheus(path, service, exporter) as address:
            for name, expected in [
                    ("healthcheck_success", "0"), (queue, "0"),
                    ('healthcheck_check_passed{check="database"}', "1"),
                    ('up{job="healthcheck"}', "1"), ("probe_success", "0"),
                    ("probe_http_status_code", "503")]:
                wait_until(lambda: value(address, name) == expected, what=name)
            app.outcome["passed"] = True
            for name in ("healthcheck_success", queue, "probe_success"):
                wait_until(lambda: value(address, name) == "1", what=name)


def test_blackbox_exporter_distinguishes_success_and_failure(app):
    with serving(app) as url, folder() as path:
        with blackbox(path, url.split("//")[1]) as exporter:
            probe = "http://%s/probe?module=healthcheck&target=%s" % (
                exporter, quote(url + "/healthcheck", ""))
            assert u"\nprobe_success 0\n" in fetch(probe)
            app.outcome["passed"] = True
            assert u"\nprobe_success 1\n" in fetch(probe)
            app.health.drain()
            assert u"\nprobe_success 0\n" in fetch(probe)
