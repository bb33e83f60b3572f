"""haproxy in front of a service of several processes whose check asks a real redis-server."""
import contextlib

import pytest
from six.moves import http_client

from tests import servers
from tests.helpers import client_config, wait_until

pytestmark = pytest.mark.servers

#: Seconds, as in the configuration once it is made fit for a test.
INTERVAL, FALL = 0.2, 3
SUCCESS_TTL, FAILED_TTL = 2, 1

LIFETIMES = {"success_ttl": SUCCESS_TTL, "failed_ttl": FAILED_TTL}


@contextlib.contextmanager
def balanced(config, first, second):
    """A haproxy whose two servers are these services."""
    text = client_config(config, {"127.0.0.1:8081": "127.0.0.1:%d" % first.port,
                                  "127.0.0.1:8082": "127.0.0.1:%d" % second.port,
                                  "10s": "%dms" % (INTERVAL * 1000)})
    with servers.haproxy(text) as haproxy:
        yield haproxy


def are(haproxy, state, *names):
    """Whether these servers, or both, are in that state: "UP", and not on the way ("UP 1/3")."""
    states = haproxy.states()
    return all(states[name] == state for name in names or ("web1", "web2"))


def requests_status(port):
    """The status of the application's own page, through the haproxy on that port."""
    connection = http_client.HTTPConnection("127.0.0.1", port, timeout=60)
    with contextlib.closing(connection):
        connection.request("GET", "/ping")
        return connection.getresponse().status


class TestServers(object):
    @pytest.mark.parametrize("config", ["haproxy.cfg", "haproxy-plain.cfg"])
    def test_go_down_and_up_with_dependency(self, config):
        with servers.redis_server() as redis:
            shape = dict(LIFETIMES, checks=["redis"], redis=redis.port)
            service = servers.gunicorn_service
            with service(**shape) as first, service(**shape) as second:
                with balanced(config, first, second) as haproxy:
                    wait_until(lambda: are(haproxy, "UP"), what="UP at the start")

                    redis.stop()
                    wait_until(lambda: are(haproxy, "DOWN"), "DOWN after redis has gone")

                    redis.start()
                    wait_until(lambda: are(haproxy, "UP"), "UP after redis has returned")

    @pytest.mark.parametrize("config, shape", [
        pytest.param("haproxy.cfg", {"checks": ["failing"], "failed_status": 200},
                     marks=pytest.mark.smoke),
        ("haproxy.cfg", {"checks": ["quick"], "success_status": 500}),
        ("haproxy-plain.cfg", {"checks": ["failing"], "cors_plugin": True})])
    def test_go_down_on_failing_status_or_body(self, config, shape):
        with servers.gunicorn_service(checks=["quick"]) as good:
            with servers.gunicorn_service(**shape) as bad:
                with balanced(config, good, bad) as haproxy:
                    wait_until(lambda: are(haproxy, "DOWN", "web2"), what="DOWN of web2")
                    wait_until(lambda: are(haproxy, "UP", "web1"), what="UP of web1")

    @pytest.mark.parametrize("config, status", [("haproxy.cfg", 503), ("haproxy-open.cfg", 200)])
    def test_serve_pages_if_haproxy_fails_open(self, config, status):
        with servers.gunicorn_service(checks=["failing"]) as first:
            with servers.gunicorn_service(checks=["failing"]) as second:
                with balanced(config, first, second) as haproxy:
                    wait_until(lambda: are(haproxy, "DOWN"), what="DOWN of both")
                    answers = [requests_status(haproxy.port) for _ in range(8)]
                    assert answers == [status] * 8

    def test_drain_while_the_file_is_present(self, tmpdir):
        drain_file, asked = tmpdir.join("drain"), tmpdir.join("asked")
        shape = {"checks": ["quick"], "drain_file": str(drain_file), "drain_status": 404,
                 "asked": str(asked)}
        with servers.gunicorn_service(**shape) as draining:
            with servers.gunicorn_service(checks=["quick"]) as other:
                with balanced("haproxy-drain.cfg", draining, other) as haproxy:
                    wait_until(lambda: are(haproxy, "UP"), what="UP at the start")

                    drain_file.write("")
                    wait_until(lambda: are(haproxy, "NOLB", "web1"), what="NOLB of web1")
                    asked.write("")
                    # So often that a DOWN would show.
                    wait_until(lambda: len(asked.read().splitlines()) >= 2 * FALL, "health checks")
                    assert are(haproxy, "NOLB", "web1")
                    assert are(haproxy, "UP", "web2")

                    drain_file.remove()
                    wait_until(lambda: are(haproxy, "UP"), what="UP after draining")
