"""What an answer costs beside a hand-written route, and what an import brings along."""
import json

import pytest

from tests.benchmarks import apps, cost
from tests.flights import run_python
from tests.wsgi import ask

#: The target is 1.00: the rest is for busy machines.
LIMIT = 1.20

HEAVY = ["pkg_resources", "importlib.metadata", "importlib_metadata", "difflib", "decimal", "uuid",
         "bottle_healthcheck._page", "prometheus_client"]

MEASURE = """
import json
from tests.benchmarks import cost
ratios = []
while len(ratios) < 25 and (not ratios or min(ratios) > %(limit)s):
    ratios.append(cost.cached("ours", %(count)d, 40))
print(json.dumps(ratios))
"""

IMPORT = """
import json, sys
import bottle
before = set(sys.modules)
from bottle_healthcheck import EnvironmentDump, HealthCheck
assert "bottle_healthcheck._redaction.scrubber" not in sys.modules  # slow patterns
app = bottle.Bottle()
HealthCheck(app, "/healthcheck", checkers=[lambda: (True, {"rows": [1.5, "ok"]})], timeout=5)
EnvironmentDump(app, "/environment", include_python=False)
from tests.wsgi import ask
assert ask(app).status == ask(app, "/environment").status == 200
print(json.dumps(sorted(set(sys.modules) - before)))
"""


@pytest.mark.parametrize("count", cost.COUNTS)
def test_a_cached_answer_costs_no_more_than_a_bare_route(count):
    # In a process of its own, which no coverage slows down. Others use the machine too: one quiet
    # moment of a few is enough.
    status, output, errors = run_python(MEASURE % {"count": count, "limit": LIMIT})
    assert (status, errors) == (0, "")
    ratios = json.loads(output)
    assert min(ratios) <= LIMIT, ratios


def test_the_bare_route_sends_what_ours_sends():
    app = apps.make_app("ours", apps.many(3))
    ask(app)  # runs the checks; from here on the same bytes are sent
    ours = ask(app)
    bare = ask(apps.bare_app(ours.body))
    assert (bare.status, bare.headers, bare.body) == (ours.status, ours.headers, ours.body)
    assert ask(app).body == ours.body


def test_nothing_heavy_is_imported_before_it_is_needed():
    status, output, errors = run_python(IMPORT)
    assert (status, errors) == (0, "")
    imported = json.loads(output)
    assert "bottle_healthcheck.healthcheck" in imported
    assert [name for name in imported if name in HEAVY] == []


@pytest.mark.parametrize("constructor", ["HealthCheck", "EnvironmentDump"])
def test_a_constructor_loads_what_the_first_answer_needs(constructor):
    # The first answer may be made in a check's thread, whose time it would take, or in the child
    # of a fork, where an import can wait for ever.
    status, output, errors = run_python(
        "import sys, bottle_healthcheck\n"
        "bottle_healthcheck.%s()\n"
        "print('bottle_healthcheck._redaction.scrubber' in sys.modules)" % constructor)
    assert (status, output.strip(), errors) == (0, "True", "")
