"""bottle_healthcheck._http.formats.metrics"""
import pytest

from bottle_healthcheck import HealthCheck
from tests.wsgi import ask_health as ask

TEXT = "text/plain; version=0.0.4; charset=utf-8"

pytest.importorskip("prometheus_client")

from prometheus_client.parser import text_string_to_metric_families  # noqa: E402


def service(app=None, **options):
    health = HealthCheck(app, "/health", **options)
    health.add_check(lambda: (True, "rows: 1"), name="database")
    health.add_check(lambda: (False, "secret reason"), name='que"ue\n\\')
    return health


def samples(body):
    """{(metric, check): value} of a body in Prometheus' text format."""
    return dict(((sample[0], sample[1].get("check")), sample[2])
                for family in text_string_to_metric_families(body.decode("utf-8"))
                for sample in family.samples)


class TestMetrics(object):
    """A series for each check, and the overall status."""

    def test_status_code_is_200_while_a_check_fails(self, app):
        results = service(app).run().results
        answer = ask(app, "format=prometheus")
        assert (answer.status, answer.headers["Content-Type"]) == (200, TEXT)
        found = samples(answer.body)
        queue = 'que"ue\n\\'
        assert found.pop(("healthcheck_success", None)) == 0
        assert found.pop(("healthcheck_draining", None)) == 0
        for check in ("database", queue):
            assert found.pop(("healthcheck_check_warning", check)) == 0
        assert found.pop(("healthcheck_check_passed", "database")) == 1
        assert found.pop(("healthcheck_check_passed", queue)) == 0
        assert [result["checker"] for result in results] == ["database", queue]
        for metric, field in (("healthcheck_check_response_time_seconds", "response_time"),
                              ("healthcheck_check_last_change_timestamp_seconds", "since")):
            for result in results:
                value = found.pop((metric, result["checker"]))
                assert abs(value - result[field]) < 0.001  # what six digits of JSON leave
        assert found == {}
        assert b"secret reason" not in answer.body

    def test_success_is_1(self, app):
        health = HealthCheck(app, "/health")
        health.add_check(lambda: (False, "slow"), name="disk", critical=False)
        health.add_check(lambda: (True, "up"), name="queue", critical=False)
        body = ask(app, "format=prometheus").body
        found = samples(body)
        assert found[("healthcheck_success", None)] == 1
        assert found[("healthcheck_check_passed", "disk")] == 0
        assert found[("healthcheck_check_warning", "disk")] == 1
        assert found[("healthcheck_check_warning", "queue")] == 0

    def test_series_have_the_label_critical(self, app):
        health = HealthCheck(app, "/health")
        health.add_check(lambda: (False, "slow"), name="disk", critical=False)
        health.add_check(lambda: (False, "down"), name="database")
        body = ask(app, "format=prometheus").body.decode("utf-8")
        for name in ("passed", "warning", "response_time_seconds", "last_change_timestamp_seconds"):
            for check, critical in (("disk", "false"), ("database", "true")):
                assert ('\nhealthcheck_check_%s{check="%s",critical="%s"} ' % (name, check,
                                                                               critical)
                        in body)

    def test_metrics_have_one_help_and_final_newline(self, app):
        service(app)
        body = ask(app, "format=prometheus").body.decode("utf-8")
        for name in ("success", "draining", "check_passed", "check_warning",
                     "check_response_time_seconds", "check_last_change_timestamp_seconds"):
            assert body.count("# HELP healthcheck_%s " % name) == 1
            assert body.count("# TYPE healthcheck_%s gauge" % name) == 1
        assert body.endswith("\n") and "\r" not in body


OPENMETRICS = "application/openmetrics-text; version="


class TestMediaType(object):
    """OpenMetrics, or Prometheus' text."""

    def test_openmetrics_is_preferred(self, app):
        service(app)
        for query in ("", "format=prometheus"):
            answer = ask(app, query, "application/openmetrics-text;version=1.0.0,*/*;q=0.1")
            assert answer.status == 200
            assert answer.headers["Content-Type"].startswith(OPENMETRICS)
            assert answer.body.endswith(b"\n# EOF\n")
            assert b"healthcheck_success 0.0\n" in answer.body

    @pytest.mark.parametrize("accept, content_type", [
        ("application/openmetrics-text;q=0,text/plain;version=0.0.4", TEXT),
        ("application/openmetrics-text;version=1.0.0;q=0.2,text/plain;version=0.0.4;q=0.9", TEXT),
        ("text/plain;version=0.0.4;q=0.2,application/openmetrics-text;q=0.9", OPENMETRICS),
        ("application/openmetrics-text;q=0.5,text/plain;version=0.0.4;q=0.5", OPENMETRICS),
        ("text/html,text/plain;version=0.0.4;q=0.5,application/openmetrics-text;q=0.4", TEXT)])
    def test_highest_quality_wins(self, app, accept, content_type):
        service(app)
        answer = ask(app, "format=prometheus", accept)
        assert answer.headers["Content-Type"].startswith(content_type)
        assert (answer.body[-6:] == b"# EOF\n") is (content_type == OPENMETRICS)

    @pytest.mark.parametrize("version", ["9.9.9", "0.0.1", "1." * 3000, ""])
    def test_unknown_version_is_not_promised(self, app, version):
        service(app)
        content_type = ask(app, "format=prometheus",
                           "application/openmetrics-text;version=" + version
                           ).headers["Content-Type"]
        assert content_type.startswith(OPENMETRICS) and len(content_type) < 100
        assert "9.9.9" not in content_type

    @pytest.mark.parametrize("accept", [
        "application/openmetrics-text;version=x", "application/openmetrics-text;version=",
        "application/openmetrics-text;version=1.0.0;escaping=\xff", ";;,", "\xff"])
    def test_malformed_header_is_ignored(self, app, accept):
        service(app)
        answer = ask(app, "format=prometheus", accept)
        assert answer.status == 200 and b"healthcheck_success 0.0\n" in answer.body


class TestHiddenDetails(object):
    def test_overall_status_is_shown(self, app):
        service(app, details=False)
        body = ask(app, "format=prometheus").body
        assert samples(body) == {("healthcheck_success", None): 0}
        assert b"check_passed" not in body

    def test_draining_is_hidden_and_no_failure(self, app):
        health = HealthCheck(app, "/health", checkers=[lambda: (True, "fine")], details=False)
        health.run()
        health.drain()
        body = ask(app, "format=prometheus").body
        assert samples(body) == {("healthcheck_success", None): 1}


class TestDraining(object):
    def test_last_results_stay(self, app):
        runs = []
        health = HealthCheck(app, "/health", success_ttl=None)
        health.add_check(lambda: (not runs.append(1), "fine"), name="database")
        before = samples(ask(app, "format=prometheus").body)
        health.add_check(lambda: (runs.append(1), "never runs"), name="new")
        health.drain()
        found = samples(ask(app, "format=prometheus").body)
        assert found.pop(("healthcheck_draining", None)) == 1
        assert before.pop(("healthcheck_draining", None)) == 0
        assert found == before and found[("healthcheck_success", None)] == 1
        assert runs == [1]
        health.resume()
        assert samples(ask(app, "format=prometheus").body)[("healthcheck_draining", None)] == 0

    def test_failed_check_stays_a_failure(self, app):
        health = service(app)
        health.run()
        health.drain()
        found = samples(ask(app, "format=prometheus").body)
        assert found[("healthcheck_success", None)] == 0
        assert found[("healthcheck_check_passed", "database")] == 1
        assert ("healthcheck_check_passed", "drain") not in found
