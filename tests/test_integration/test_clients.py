"""What other monitoring clients make of each answer, with the configurations that README shows.

The clients are the real ones, but for Kubernetes and Consul: there it is their request, and the
verdict that they document for the status that comes back.
"""
import contextlib
import json
import os
import re
import shlex
import subprocess
import sys

import pytest
from six.moves.http_client import HTTPConnection
from six.moves.urllib.parse import urlsplit

from tests import servers
from tests.helpers import IMPORTS, ROOT, client_config, missing, need_command

pytestmark = pytest.mark.servers


def run(command):
    """The exit status of a command."""
    env = dict(os.environ, PYTHONPATH=IMPORTS)
    with open(os.devnull, "r+b") as nowhere:
        return subprocess.call(command, env=env, stdin=nowhere, stdout=nowhere, stderr=nowhere)


def get(port, path, method="GET", headers=None):
    """(status, headers, body) of one request."""
    with contextlib.closing(HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request(method, path, headers=headers or {})
        answer = connection.getresponse()
        headers = dict((name.lower(), value) for name, value in answer.getheaders())
        return answer.status, headers, answer.read().decode("ascii")


def nagios(port):
    """{plugin: exit status}: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN."""
    config = client_config("nagios.cfg", {"-p 8080": "-p %d" % port, "$HOSTADDRESS$": "127.0.0.1",
                                          "$USER1$": os.path.dirname(need_command("check_http")),
                                          "-t 10": "-t 60"})
    commands = [shlex.split(one) for one in re.findall("command_line +(.*)", config)]
    for one in commands:
        need_plugin(os.path.basename(one[0]))
    return dict((os.path.basename(one[0]), run(one)) for one in commands)


def need_plugin(name):
    """The path of a Nagios plugin whose libraries are there too: they are only recommended."""
    path = need_command(name)
    return path if run([path, "-V"]) != 127 else missing("%s lacks a shared library" % name)


def shell(port):
    """{program: exit status}."""
    lines = client_config("commands.sh", {"8080": port, "-m 5": "-m 60",
                                          "-T 5": "-T 60"}).splitlines()
    return dict((line.split()[0], run([need_command(line.split()[0])] + shlex.split(line)[1:]))
                for line in lines)


def docker(port):
    """The exit status of Docker's HEALTHCHECK: 0 healthy, 1 unhealthy, 2 reserved."""
    config = client_config("Dockerfile", {"8080": port, '"5"': '"60"'})
    command = json.loads(re.search(r"CMD (\[.*\])", config, re.S).group(1))
    assert command[0] == "bottle-healthcheck"
    return run([sys.executable, "-m", "bottle_healthcheck"] + command[1:])


def kubernetes(port):
    """{probe: whether the kubelet takes the answer for a success}."""
    config = client_config("kubernetes.yaml", {"port: 8080": "port: %d" % port})
    probes = re.findall(r"(\w+)Probe:\n.*?path: (\S+)\n +port: (\d+)\n", config, re.S)
    assert len(probes) == 2
    headers = {"User-Agent": "kube-probe/1.30", "Accept": "*/*", "Connection": "close"}
    return dict((name, 200 <= get(int(port), path, headers=headers)[0] < 400)
                for name, path, port in probes)


def consul(port):
    """The state of Consul's HTTP check: "passing", "warning" or "critical"."""
    check = json.loads(client_config("consul.json", {"8080": port}))["service"]["check"]
    url = urlsplit(check["http"])
    headers = {"User-Agent": "Consul Health Check", "Accept": "text/plain, text/*, */*"}
    status = get(url.port, url.path, headers=headers)[0]
    return "passing" if 200 <= status < 300 else "warning" if status == 429 else "critical"


def verdicts(port):
    """What each client makes of the service on that port."""
    found = {"docker": docker(port), "consul": consul(port)}
    for several in (nagios, shell, kubernetes):
        found.update(several(port))
    return found


HEALTHY = {"check_http": 0, "check_curl": 0, "curl": 0, "wget": 0, "docker": 0, "liveness": True,
           "readiness": True, "consul": "passing"}
UNHEALTHY = {"check_http": 2, "check_curl": 2, "curl": 22, "wget": 8, "docker": 1,
             "liveness": True, "readiness": False, "consul": "critical"}


class TestVerdict(object):
    @pytest.mark.parametrize("shape, expected", [
        ({"checks": ["quick"]}, HEALTHY),
        ({"checks": ["quick"], "optional": ["failing"]}, HEALTHY),
        pytest.param({"checks": ["quick", "failing"]}, UNHEALTHY, marks=pytest.mark.smoke),
        ({"checks": ["quick", "failing"], "failed_status": 503}, UNHEALTHY),
        ({"checks": ["hung"], "timeout": 1, "notes": os.devnull}, UNHEALTHY),
        ({"checks": ["quick"], "drain_file": ROOT}, UNHEALTHY),
        ({"checks": ["quick"], "drain_file": ROOT, "drain_status": 404}, UNHEALTHY),
        ({"checks": ["failing"], "failed_status": 429}, dict(UNHEALTHY, consul="warning")),
        # The body says so to those who read it; the status does not.
        ({"checks": ["failing"], "failed_status": 200},
         dict(HEALTHY, check_http=2, check_curl=2, docker=1)),
    ])
    def test_of_each_client(self, shape, expected):
        with servers.bottle_service("wsgiref", **shape) as service:
            assert verdicts(service.port) == expected

    def test_on_a_service_that_is_gone(self):
        with servers.bottle_service("wsgiref", checks=["quick"]) as service:
            service.stop()
            found = dict(nagios(service.port), docker=docker(service.port), **shell(service.port))
        assert found == {"check_http": 2, "check_curl": 2, "curl": 7, "wget": 4, "docker": 1}


class TestNagios(object):
    @pytest.mark.parametrize("plugin", ["check_http", "check_curl"])
    @pytest.mark.parametrize("method", ["HEAD", "OPTIONS"])
    def test_takes_other_methods(self, plugin, method):
        command = [need_plugin(plugin), "-I", "127.0.0.1", "-u", "/healthcheck", "-j", method,
                   "-t", "60", "-p"]
        with servers.bottle_service("wsgiref", checks=["quick"]) as service:
            assert run(command + [str(service.port)]) == 0
        with servers.bottle_service("wsgiref", checks=["failing"]) as service:
            assert run(command + [str(service.port)]) == 2


class TestNginx(object):
    @pytest.mark.smoke
    def test_keeps_no_response(self, tmpdir):
        drain_file = tmpdir.join("drain")
        with servers.bottle_service("waitress", checks=["quick"], success_ttl=0,
                                    drain_file=str(drain_file)) as service:
            config = client_config("nginx.conf", {"127.0.0.1:8080": "127.0.0.1:%d" % service.port,
                                                  "timeout 2s": "timeout 60s",
                                                  "timeout 5s": "timeout 60s"})
            with servers.nginx(service, config) as nginx:
                # It does keep answers that may be kept.
                assert get(nginx.port, "/now")[2] == get(nginx.port, "/now")[2]
                for draining, expected in ((False, (200, "success")), (True, (500, "failure")),
                                           (False, (200, "success"))):
                    if draining:
                        drain_file.write("")
                    elif drain_file.check():
                        drain_file.remove()
                    status, headers, body = get(nginx.port, "/healthcheck")
                    report = json.loads(body)
                    assert (status, report["status"]) == expected
                    assert headers["cache-control"] == "no-store"
                    assert headers["content-type"] == "application/json"
                    assert get(nginx.port, "/healthcheck", "HEAD")[::2] == (status, "")
