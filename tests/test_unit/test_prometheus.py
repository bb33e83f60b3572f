"""bottle_healthcheck.prometheus"""
import bottle
import pytest

from bottle_healthcheck import HealthCheck
from bottle_healthcheck.prometheus import HealthCollector  # noqa: E402

prometheus_client = pytest.importorskip("prometheus_client")


def service():
    health = HealthCheck()
    health.add_check(lambda: (True, "rows: 1"), name="database")
    health.add_check(lambda: (False, "secret reason"), name="queue")
    return health


class TestCollector(object):
    """HealthCollector shows the results in an application's own registry."""

    def test_scrape_runs_checks_and_registering_does_not(self):
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

    def test_describes_what_it_collects(self):
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

    def test_keeps_last_results_while_draining(self):
        health = service()
        health.run()
        health.drain()
        registry = prometheus_client.CollectorRegistry()
        registry.register(HealthCollector(health))
        assert registry.get_sample_value("healthcheck_draining") == 1
        assert registry.get_sample_value(
            "healthcheck_check_passed", {"check": "database", "critical": "true"}) == 1

    def test_several_share_a_registry_under_prefixes(self):
        registry = prometheus_client.CollectorRegistry()
        registry.register(HealthCollector(service(), prefix="live"))
        registry.register(HealthCollector(HealthCheck(), prefix="ready"))
        assert registry.get_sample_value("live_success") == 0
        assert registry.get_sample_value("ready_success") == 1
        with pytest.raises(ValueError):
            registry.register(HealthCollector(service(), prefix="live"))

    @pytest.mark.parametrize("prefix", ["", "my-service", "1st", "a b", "a\n", u"\xe9"])
    def test_invalid_prefix_is_refused(self, prefix):
        with pytest.raises(ValueError) as problem:
            HealthCollector(HealthCheck(), prefix=prefix)
        assert "expected letters, digits and _" in str(problem.value)

    def test_health_of_another_type_is_refused(self):
        with pytest.raises(TypeError, match="health is of type Bottle, expected a HealthCheck"):
            HealthCollector(bottle.Bottle())
