"""bottle_healthcheck.prometheus"""
import pytest

from bottle_healthcheck import HealthCheck
from tests.wsgi import ask_health as ask

prometheus_client = pytest.importorskip("prometheus_client")
from bottle_healthcheck.prometheus import HealthCollector  # noqa: E402
from prometheus_client.parser import text_string_to_metric_families  # noqa: E402

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version="


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


def test_the_metrics_of_a_failing_service_come_with_status_200(app):
    results = service(app).run().results
    answer = ask(app, "format=prometheus")
    assert (answer.status, answer.headers["Content-Type"]) == (200, TEXT)
    found = samples(answer.body)
    queue = 'que"ue\n\\'
    assert found.pop(("healthcheck_success", None)) == 0
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


def test_a_success_is_one(app):
    HealthCheck(app, "/health").add_check(lambda: (False, "slow"), name="disk", critical=False)
    found = samples(ask(app, "format=prometheus").body)
    assert found[("healthcheck_success", None)] == 1
    assert found[("healthcheck_check_passed", "disk")] == 0


def test_every_metric_is_explained_once_and_the_text_ends_with_a_line(app):
    service(app)
    body = ask(app, "format=prometheus").body.decode("utf-8")
    for name in ("success", "check_passed", "check_response_time_seconds",
                 "check_last_change_timestamp_seconds"):
        assert body.count("# HELP healthcheck_%s " % name) == 1
        assert body.count("# TYPE healthcheck_%s gauge" % name) == 1
    assert body.endswith("\n") and "\r" not in body


def test_openmetrics_where_it_is_asked_for(app):
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
def test_the_type_of_the_highest_quality(app, accept, content_type):
    service(app)
    answer = ask(app, "format=prometheus", accept)
    assert answer.headers["Content-Type"].startswith(content_type)
    assert (answer.body[-6:] == b"# EOF\n") is (content_type == OPENMETRICS)


@pytest.mark.parametrize("version", ["9.9.9", "0.0.1", "1." * 30000, ""])
def test_a_version_that_is_not_known_is_not_promised(app, version):
    service(app)
    content_type = ask(app, "format=prometheus", "application/openmetrics-text;version=" + version
                       ).headers["Content-Type"]
    assert content_type.startswith(OPENMETRICS) and len(content_type) < 100
    assert "9.9.9" not in content_type


@pytest.mark.parametrize("accept", [
    "application/openmetrics-text;version=x", "application/openmetrics-text;version=",
    "application/openmetrics-text;version=1.0.0;escaping=\xff", ";;,", "\xff"])
def test_a_malformed_header_is_answered_all_the_same(app, accept):
    service(app)
    answer = ask(app, "format=prometheus", accept)
    assert answer.status == 200 and b"healthcheck_success 0.0\n" in answer.body


def test_hidden_details_leave_the_verdict(app):
    service(app, details=False)
    body = ask(app, "format=prometheus").body
    assert samples(body) == {("healthcheck_success", None): 0}
    assert b"check_passed" not in body


def test_a_drained_service_has_no_times(app):
    service(app).drain()
    assert samples(ask(app, "format=prometheus").body) == {
        ("healthcheck_success", None): 0, ("healthcheck_check_passed", "drain"): 0}


# The collector

def test_a_collector_tells_of_every_scrape_and_registering_runs_no_check():
    outcomes, ran = [True, False], []
    health = HealthCheck(success_ttl=None, failed_ttl=None)
    health.add_check(lambda: (ran.append(1), (outcomes.pop(0), "secret"))[1], name="database")
    registry = prometheus_client.CollectorRegistry()
    registry.register(HealthCollector(health))
    assert ran == []
    assert registry.get_sample_value("healthcheck_check_passed", {"check": "database"}) == 1
    body = prometheus_client.generate_latest(registry)
    assert samples(body)[("healthcheck_success", None)] == 0
    assert b"secret" not in body and ran == [1, 1]


def test_a_collector_describes_what_it_collects():
    health = service()
    collector = HealthCollector(health, prefix="live")
    described = [(family.name, family.documentation, family.type)
                 for family in collector.describe()]
    assert described == [(family.name, family.documentation, family.type)
                         for family in collector.collect()]
    assert [name for name, _, _ in described] == [
        "live_success", "live_check_passed", "live_check_response_time_seconds",
        "live_check_last_change_timestamp_seconds"]
    assert all(not family.samples for family in collector.describe())


def test_several_collectors_share_a_registry_under_prefixes():
    registry = prometheus_client.CollectorRegistry()
    registry.register(HealthCollector(service(), prefix="live"))
    registry.register(HealthCollector(HealthCheck(), prefix="ready"))
    assert registry.get_sample_value("live_success") == 0
    assert registry.get_sample_value("ready_success") == 1
    with pytest.raises(ValueError):
        registry.register(HealthCollector(service(), prefix="live"))


@pytest.mark.parametrize("prefix", ["", "my-service", "1st", "a b", "a\n", u"\xe9"])
def test_a_prefix_that_no_metric_may_have_is_refused(prefix):
    with pytest.raises(ValueError) as problem:
        HealthCollector(HealthCheck(), prefix=prefix)
    assert "expected letters, digits and _" in str(problem.value)


def test_a_collector_of_something_else_is_refused(app):
    with pytest.raises(TypeError, match="health is of type Bottle, expected a HealthCheck"):
        HealthCollector(app)
