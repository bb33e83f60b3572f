"""What is loaded when: little by the import, the rest by constructors, nothing by a request."""
import json
import sys

import pytest

from tests import internals
from tests.worlds import run_python

#: What the import of the package must not bring along.
HEAVY = ["pkg_resources", "importlib.metadata", "importlib_metadata", "difflib", "decimal", "uuid",
         "pkgutil", "prometheus_client"]

IMPORT = """
import json, sys
import bottle
before = set(sys.modules)
from bottle_healthcheck import EnvironmentDump, HealthCheck
assert "%(patterns)s" not in sys.modules  # its patterns take long to compile
print(json.dumps(sorted(set(sys.modules) - before)))
"""

#: Asks each route for each format, in a process where nothing was asked for before.
REQUESTS = r"""
import json, os, sys
import bottle
from bottle_healthcheck import EnvironmentDump, HealthCheck, ResultCache
from tests.wsgi import ask


class Store(dict):
    def set(self, key, value, timeout):
        self[key] = value

    def add(self, key, value, timeout):
        return self.setdefault(key, value) is value


def fails():
    raise RuntimeError("down")

app = bottle.Bottle()
OPTIONS = {"plain": {}, "timed": {"timeout": 60},
           "shared": {"timeout": 60, "cache": ResultCache(backend=Store(), prefix="shop")}}
for name, options in OPTIONS.items():
    health = HealthCheck(app, "/" + name, **options)
    health.add_check(lambda: (True, {"rows": [1.5, u"\xfc"]}), name="rows")
    health.add_check(fails)
EnvironmentDump(app, "/environment")
ask(app, "/nothing")  # what Bottle itself loads for its own error page
QUERIES = ["", "format=json", "format=health", "format=text", "format=html", "format=prometheus",
           "format=nope", "check=nope", "check=rows"]
ACCEPTS = ["text/html", "text/plain;version=0.0.4",
           "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"]


def answers():
    for name in sorted(OPTIONS):
        for query in QUERIES:
            yield "/%s?%s" % (name, query), ask(app, "/" + name, QUERY_STRING=query)
        for accept in ACCEPTS:
            yield "/%s %s" % (name, accept), ask(app, "/" + name, HTTP_ACCEPT=accept)
    yield "/environment", ask(app, "/environment")


def wrong():
    for what, answer in answers():
        expected = 500
        if "nope" in what:
            expected = 400 if "format" in what else 404
        elif "check=rows" in what or "environment" in what:
            expected = 200
        elif "prometheus" in what or "plain;" in what:
            expected = 200
        if answer.status != expected or b"DOCTYPE HTML PUBLIC" in answer.body:
            yield what, answer.status, repr(answer.body[:100])
"""


def output_of(script):
    status, output, errors = run_python(REQUESTS + script)
    assert (status, errors) == (0, "")
    return json.loads(output)


class TestImport(object):
    def test_brings_nothing_heavy(self):
        status, output, errors = run_python(IMPORT % {"patterns": internals.PATTERNS})
        assert (status, errors) == (0, "")
        imported = json.loads(output)
        assert "bottle_healthcheck.healthcheck" in imported
        assert [name for name in imported if name in HEAVY] == []


class TestConstructor(object):
    @pytest.mark.parametrize("constructor", ["HealthCheck", "EnvironmentDump"])
    def test_loads_what_the_first_answer_needs(self, constructor):
        # The first answer may be made in a check's thread, whose time it would take, or in the
        # child of a fork, where an import can wait for ever.
        status, output, errors = run_python(
            "import sys, bottle_healthcheck\n"
            "bottle_healthcheck.%s()\n"
            "print('%s' in sys.modules)" % (constructor, internals.PATTERNS))
        assert (status, output.strip(), errors) == (0, "True", "")


class TestRequest(object):
    def test_imports_nothing(self):
        pytest.importorskip("prometheus_client")
        imported = output_of("""
before = set(sys.modules)
assert list(wrong()) == []
print(json.dumps(sorted(name for name in set(sys.modules) - before if sys.modules[name])))
""")
        assert imported == []

    @pytest.mark.skipif(sys.platform == "win32", reason="there descriptors are not limited so")
    def test_needs_no_file_descriptor(self):
        pytest.importorskip("prometheus_client")
        without, afterwards = output_of("""
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
held = []
try:
    while True:
        held.append(os.open(os.devnull, os.O_RDONLY))
except OSError:
    pass
without = list(wrong())
for descriptor in held:
    os.close(descriptor)
print(json.dumps([without, list(wrong())]))
""")
        assert without == []
        assert afterwards == []
