"""The dump of a real process whose environment is full of secrets, read over a socket."""
import json
import os
import subprocess
import sys

from tests.corpus_loader import load
from tests.helpers import IMPORTS, fetch, free_port, need_module, wait_until

APP = """
import bottle
from bottle_healthcheck import EnvironmentDump
app = bottle.Bottle()
EnvironmentDump(app, "/environment")
"""


def cases():
    """The cases of the environment whose values a real one can hold."""
    return [case for case in load("redaction_cases.json")
            if case["where"] == "environ" and not isinstance(case["value"], (dict, list))
            and u"\0" not in case["value"]]


class TestDump(object):
    def test_shows_no_secret(self, tmpdir):
        need_module("gunicorn")
        tmpdir.join("dumped.py").write(APP)
        environ = dict(os.environ, PYTHONPATH=IMPORTS)
        for case in cases():
            environ[case["name"]] = case["value"]
            environ.update(case.get("also", {}).get("environ", {}))
        port = free_port()
        url = "http://127.0.0.1:%d/environment" % port
        server = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "-b", "127.0.0.1:%d" % port, "dumped:app"],
            cwd=str(tmpdir), env=environ, stderr=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            body = wait_until(lambda: fetch(url), what="an answer of gunicorn")
        finally:
            server.terminate()
            server.communicate()
        shown = json.loads(body)["process"]["environ"]
        decoded = json.dumps(json.loads(body), ensure_ascii=False)
        assert "dumped:app" in body  # it is the process that was asked
        dumped = [case for case in cases() if case["name"] in shown]
        assert len(dumped) > 100
        leaks = [case["id"] for case in dumped if case["tier"] == "core" and case["secret"]
                 and (case["secret"] in decoded or case["secret"] in body)]
        changed = [case["id"] for case in dumped
                   if case["secret"] is None and not case.get("contract")
                   and shown[case["name"]] != case["value"]]
        print("%d secrets visible, %d innocent values changed: %s %s"
              % (len(leaks), len(changed), leaks, changed))
        assert len(leaks) <= 0.01 * len([case for case in dumped if case["secret"]])
        assert len(changed) <= 0.01 * len([case for case in dumped if case["secret"] is None])
