"""The demonstration service as a user runs it: `python -m bottle_healthcheck`."""
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys

import pytest
from tests.helpers import IMPORTS, fetch, free_port, need_module, wait_until


@contextlib.contextmanager
def demonstration(tmpdir, *arguments):
    """The process, whose temporary files go to tmpdir/tmp."""
    tmpdir.ensure("tmp", dir=True)
    env = dict(os.environ, PYTHONPATH=IMPORTS, TMPDIR=str(tmpdir.join("tmp")))
    process = subprocess.Popen([sys.executable, "-m", "bottle_healthcheck"] + list(arguments),
                               cwd=str(tmpdir), env=env, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()


def read_json(url):
    """The answer of url as JSON, or None where nobody listens yet."""
    return json.loads(fetch(url) or "null")


def served(process):
    """The URLs that it printed below its first line, once they answer."""
    assert b"Ctrl-C ends it" in process.stdout.readline()
    urls = [process.stdout.readline().decode("ascii").split()[-1] for _ in range(2)]
    wait_until(lambda: read_json(urls[0]), what="an answer of the service")
    return urls


def success(url):
    """The answer of a health check, once it is a success: a loaded machine may stall for longer
    than its checks have time."""
    return wait_until(lambda: [report for report in [read_json(url)]
                               if report and report["status"] == "success"], "a success")[0]


def end(process, signum):
    """Sends the signal: (exit status, stderr)."""
    process.send_signal(signum)
    wait_until(lambda: process.poll() is not None, "the end of the service")
    return process.returncode, process.stderr.read().decode("utf-8")


class TestDemonstration(object):
    @pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
    @pytest.mark.parametrize("server", [
        "wsgiref", pytest.param("gunicorn", marks=pytest.mark.servers),
        pytest.param("waitress", marks=pytest.mark.servers)])
    def test_ends_quietly_and_leaves_nothing_behind(self, server, signum, tmpdir):
        need_module(server)
        with demonstration(tmpdir, "--port", str(free_port()), "--server", server) as process:
            healthcheck, environment = served(process)
            report = success(healthcheck)
            assert [one["checker"] for one in report["results"]] == ["database", "disk"]
            assert "python" in read_json(environment)
            assert end(process, signum) == (0, "")
        assert tmpdir.join("tmp").listdir() == []
        assert tmpdir.listdir() == [tmpdir.join("tmp")]

    @pytest.mark.servers
    def test_worker_that_ends_takes_nothing_from_the_next(self, tmpdir):
        need_module("gunicorn")
        with demonstration(tmpdir, "--port", str(free_port()), "--server", "gunicorn") as process:
            healthcheck = served(process)[0]
            first = success(healthcheck)["pid"]
            os.kill(first, signal.SIGTERM)
            wait_until(lambda: (read_json(healthcheck) or {}).get("pid", first) != first,
                       what="an answer of another worker")
            success(healthcheck)

    def test_without_arguments_serves_on_port_8080(self, tmpdir):
        probe = socket.socket()
        try:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", 8080))
        except EnvironmentError:
            pytest.skip("port 8080 is taken")
        finally:
            probe.close()
        with demonstration(tmpdir) as process:
            assert served(process) == ["http://127.0.0.1:8080/healthcheck",
                                       "http://127.0.0.1:8080/environment"]


class TestError(object):
    def test_of_a_port_in_use_is_one_line(self, tmpdir):
        taken = socket.socket()
        try:
            taken.bind(("127.0.0.1", 0))
            taken.listen(1)
            port = str(taken.getsockname()[1])
            with demonstration(tmpdir, "--port", port) as process:
                out, err = process.communicate()
        finally:
            taken.close()
        assert process.returncode == 1
        assert out == b""
        assert err.count(b"\n") == 1 and port.encode("ascii") in err

    def test_of_a_missing_server_is_one_line(self, tmpdir):
        tmpdir.join("waitress.py").write("raise ImportError('No module named waitress')\n")
        with demonstration(tmpdir, "--port", str(free_port()), "--server", "waitress") as process:
            err = process.communicate()[1]
        assert process.returncode == 1
        assert err.count(b"\n") == 1 and b"the server waitress is not installed" in err
        assert tmpdir.join("tmp").listdir() == []
