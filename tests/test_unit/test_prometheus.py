"""bottle_healthcheck.prometheus"""
import bottle
import pytest

from bottle_healthcheck import HealthCheck

prometheus_client = pytest.importorskip("prometheus_client")
from bottle_healthcheck.prometheus import HealthCollector  # noqa: E402


def service():
    health = HealthCheck()
    health.add_check(lambda: (True, "rows: 1"), name="database")
    health.add_check(lambda: (False, "secret reason"), name="queue")
    return health


def test_each_scrape_runs_due_checks_and_registering_none():
    outcomes, ran = [True, False], []
    health = HealthCheck(success_ttl=None, failed_ttl=None)
    health.add_check(lambda: (ran.append(1), (outcomes.pop(0), "secret"))[1], name="database")
    registry = prometheus_client.CollectorRegistry()
    registry.register(HealthCollector(health))
    assert ran == []
    assert registry.get_sample_value(
        "healthcheck_check_passed", {"check": "database", "critical": "true"}) == 1
    body = prometheus_client.generate_latest(registry)
    assert b"\nhealthcheck_success 0.0\n" in body
    assert b"secret" not in body and ran == [1, 1]


def test_collector_describes_what_it_collects():
    health = service()
    collector = HealthCollector(health, prefix="live")
    described = [(family.name, family.documentation, family.type)
                 for family in collector.describe()]
    assert described == [(family.name, family.documentation, family.type)
                         for family in collector.collect()]
    assert [name for name, _, _ in described] == [
        "live_success", "live_draining", "live_check_passed", "live_check_warning",
        "live_check_response_time_seconds", "live_check_last_change_timestamp_seconds"]
    assert all(not family.samples for family in collector.describe())


def test_collector_keeps_the_last_known_results_while_draining():
    health = service()
    health.run()
    health.drain()
    registry = prometheus_client.CollectorRegistry()
    registry.register(HealthCollector(health))
    assert registry.get_sample_value("healthcheck_draining") == 1
    assert registry.get_sample_value(
        "healthcheck_check_passed", {"check": "database", "critical": "true"}) == 1


def test_several_collectors_share_a_registry_under_prefixes():
    registry = prometheus_client.CollectorRegistry()
    registry.register(HealthCollector(service(), prefix="live"))
    registry.register(HealthCollector(HealthCheck(), prefix="ready"))
    assert registry.get_sample_value("live_success") == 0
    assert registry.get_sample_value("ready_success") == 1
    with pytest.raises(ValueError):
        registry.register(HealthCollector(service(), prefix="live"))


@pytest.mark.parametrize("prefix", ["", "my-service", "1st", "a b", "a\n", u"\xe9"])
def test_prefix_that_no_metric_may_have_is_refused(prefix):
    with pytest.raises(ValueError) as problem:
        HealthCollector(HealthCheck(), prefix=prefix)
    assert "expected letters, digits and _" in str(problem.value)


def test_collector_of_something_else_is_refused():
    with pytest.raises(TypeError, match="health is of type Bottle, expected a HealthCheck"):
        HealthCollector(bottle.Bottle())
