"""monit asks a service of two processes whose check asks a real redis-server."""
import pytest

from tests import servers
from tests.helpers import client_config, wait_until

pytestmark = pytest.mark.servers

#: Seconds, as in the configuration once it is made fit for a test.
CYCLE = 1
SUCCESS_TTL, FAILED_TTL = 2, 1


def watching(service):
    """A monit that asks this service."""
    return servers.monit(client_config("monitrc", {"port 8080": "port %d" % service.port,
                                                   "daemon 10": "daemon %d" % CYCLE,
                                                   "timeout 5": "timeout 60"}))


class TestService(object):
    def test_fails_and_recovers_with_dependency(self):
        with servers.redis_server() as redis:
            shape = {"success_ttl": SUCCESS_TTL, "failed_ttl": FAILED_TTL, "checks": ["redis"]}
            with servers.gunicorn_service(redis=redis.port, **shape) as service:
                with watching(service) as monit:
                    wait_until(lambda: monit.verdict("service") is True, what="a first look")

                    redis.stop()
                    wait_until(lambda: monit.verdict("service") is False,
                               "failure after redis has gone")

                    redis.start()
                    wait_until(lambda: monit.verdict("service") is True,
                               "recovery after redis has returned")

    @pytest.mark.parametrize("shape", [
        pytest.param({"checks": ["failing"], "failed_status": 200}, marks=pytest.mark.smoke),
        {"checks": ["quick"], "success_status": 500},
    ])
    def test_fails_on_failing_status_or_body(self, shape):
        with servers.gunicorn_service(**shape) as service:
            with watching(service) as monit:
                wait_until(lambda: monit.verdict("service") is False, what="failure")
