"""Runs README's first example as installed: asks for its JSON and its page, and probes it."""
import io
import json
import os
import re
import subprocess
import sys
import threading
from wsgiref.simple_server import WSGIRequestHandler, make_server
from wsgiref.util import setup_testing_defaults

import bottle


class QuietHandler(WSGIRequestHandler):
    def log_message(self, *args):
        pass


def response_to(app, query):
    """The status and the text of the response to a request for the health route."""
    environ = {"PATH_INFO": "/healthcheck", "QUERY_STRING": query, "SCRIPT_NAME": ""}
    setup_testing_defaults(environ)
    statuses = []
    body = b"".join(app(environ, lambda status, headers, exc_info=None: statuses.append(status)))
    return statuses, body.decode("utf-8")


with io.open(sys.argv[1], encoding="utf-8") as readme:
    source = re.search(r"^```python\n(.*?)^```$", readme.read(), re.MULTILINE | re.DOTALL).group(1)
bottle.Bottle.run = lambda *args, **kwargs: None
names = {}
exec(compile(source, "README.md", "exec"), names)

statuses, text = response_to(names["app"], "")
report = json.loads(text)
assert statuses == ["200 OK"] and report["status"] == "success", (statuses, report)
assert [result["output"] for result in report["results"]] == ["1 row"], report

statuses, page = response_to(names["app"], "format=html")
assert statuses == ["200 OK"] and "database" in page and "</html>" in page, (statuses, page)

server = make_server("127.0.0.1", 0, names["app"], handler_class=QuietHandler)
thread = threading.Thread(target=server.serve_forever)
thread.start()
command = os.path.join(os.path.dirname(sys.executable), "bottle-healthcheck")
url = "http://127.0.0.1:%d/healthcheck" % server.server_port
try:
    for arguments in (["--check", "database"], ["--nagios"]):
        print(subprocess.check_output([command, "probe"] + arguments + [url]).decode("ascii"))
finally:
    server.shutdown()
    thread.join()
    server.server_close()
