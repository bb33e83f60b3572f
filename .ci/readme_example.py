"""Runs README's first example as installed, and asks its health route once."""
import io
import json
import re
import sys
from wsgiref.util import setup_testing_defaults

import bottle

with io.open(sys.argv[1], encoding="utf-8") as readme:
    source = re.search(r"^```python\n(.*?)^```$", readme.read(), re.MULTILINE | re.DOTALL).group(1)
bottle.Bottle.run = lambda *args, **kwargs: None
names = {}
exec(compile(source, "README.md", "exec"), names)
environ = {"PATH_INFO": "/healthcheck", "SCRIPT_NAME": ""}
setup_testing_defaults(environ)
told = []
body = b"".join(names["app"](environ, lambda status, headers, exc_info=None: told.append(status)))
answer = json.loads(body.decode("ascii"))
assert told == ["200 OK"] and answer["status"] == "success", (told, answer)
assert [one["output"] for one in answer["results"]] == ["1 row"], answer
