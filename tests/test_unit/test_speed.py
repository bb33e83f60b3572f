"""What an answer costs beside a hand-written route, and what an import brings along."""
import json

import pytest

from tests import counting, internals
from tests.benchmarks import apps, cost
from tests.worlds import run_python
from tests.wsgi import ask

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


class TestFreshPoll(object):
    @pytest.mark.parametrize("count", cost.COUNTS)
    def test_calls_no_more_than_a_bare_route(self, count):
        # `python -m tests.benchmarks cost` measures how long that takes.
        ours = apps.asking(apps.make_app("ours", apps.many(count)))
        _, body = ours()
        bare = apps.asking(apps.bare_app(body))
        assert counting.calls(ours) <= counting.calls(bare)

    def test_sends_what_the_bare_route_sends(self):
        app = apps.make_app("ours", apps.many(3))
        ours = ask(app)
        bare = ask(apps.bare_app(ours.body))
        assert (bare.status, bare.headers, bare.body) == (ours.status, ours.headers, ours.body)


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
