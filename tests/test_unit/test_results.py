# coding: utf-8
"""bottle_healthcheck._engine.results: which results a poll reuses, and which it writes again."""
import json

import pytest

from bottle_healthcheck import WARN, HealthCheck, ResultCache
from tests import counting
from tests.benchmarks import apps
from tests.helpers import PY2
from tests.internals import runs
from tests.worlds import Check


def write_all(health):
    """The results of all checks as they stand in a body."""
    return b"[" + b", ".join(health.run().result_texts()) + b"]"


def as_json_writes_it(report):
    """What json makes of the results of a report."""
    return json.dumps(report.results).encode("ascii")


@pytest.mark.parametrize("name, passed, output, critical", [
    ("database", True, "ok", True),
    ("database", True, None, True),
    (u"datenb\xe4nke" if not PY2 else "banks", False, u"caf\xe9 \"\\\n\U0001F600", True),
    ("cache", False, {"a": [1, 2.5, None, True, {"b": u"\u2028"}], "NaN": float("nan")}, False),
    ("disk", WARN, ["nearly full", 10 ** 30], True),
    ("disk", WARN, 7, False),
])
def test_result_is_written_as_json_would_write_it(name, passed, output, critical):
    health = HealthCheck()
    health.add_check(lambda: (passed, output), name=name, critical=critical)
    report = health.run()
    texts, results = write_all(health), report.results
    assert json.loads(texts.decode("ascii")) == results
    assert PY2 or texts == as_json_writes_it(report)


def test_check_that_raises_is_written_as_json_would_write_it():
    health = HealthCheck(checkers=[Check(returns=lambda: 1 // 0)])
    assert json.loads(write_all(health).decode("ascii")) == health.run().results


@pytest.mark.parametrize("expires", [True, False])
def test_poll_of_fresh_checks_takes_constant_steps(expires):
    def count_calls(number):
        app, health = apps.make_health("ours", checkers=apps.many(number), success_ttl=3600)
        if expires:
            health.add_check(apps.passing, name="never kept", success_ttl=None)
        ask = apps.asking(app)
        # Once a second a poll also looks whether the environment's secrets have changed.
        return min(counting.calls(ask) for _ in range(3))
    assert count_calls(10) == count_calls(200)


def test_what_other_requests_found_meanwhile_is_shown(world):
    checks = [Check("first"), Check("second")]
    health = HealthCheck(checkers=checks)
    health.run()
    checks[1].returns = (True, "new")
    health.run_check("second")
    assert [result["output"] for result in health.run().results] == ["fine", "new"]
    health.cache.clear()
    checks[0].returns = (False, "newer")
    assert [result["output"] for result in health.run().results] == ["newer", "new"]
    assert [check.runs for check in checks] == [2, 3]


def test_check_that_is_taken_out_and_put_back_runs_again(world):
    check = Check()
    health = HealthCheck(checkers=[check])
    health.run()
    registered = health.checkers.pop()
    health.run()
    health.checkers.append(registered)
    health.run()
    assert check.runs == 2


def test_each_cache_has_its_own_results(world):
    check = Check(returns=(True, "here"))
    health, here, there = HealthCheck(checkers=[check]), ResultCache(), ResultCache()
    other = HealthCheck(checkers=[check], cache=there)
    other.run()
    health.cache = here
    check.returns = (True, "there")
    assert health.run().results[0]["output"] == "there" and check.runs == 2
    health.cache = there
    assert health.run().results[0]["output"] == "here" and check.runs == 2
    health.cache = here  # nobody used it meanwhile
    assert health.run().results[0]["output"] == "there" and check.runs == 3


def test_result_is_written_once_for_all_requests_that_use_it(world):
    health = HealthCheck(checkers=[Check("first"), Check("second")])
    first, second = health.run().result_texts()
    assert health.run(check="second").result_texts()[0] is second
    world.clock.tick(20)
    health.run_check("first")
    later, same = health.run().result_texts()
    assert same is second and later is not first


def test_result_belongs_to_where_it_was_found():
    health = HealthCheck(checkers=[Check()])
    checker = health.checkers[0]
    outcome = health.cache.run(checker)
    for _ in range(2):  # the cache has forgotten the check, and knows it again
        state = runs.CheckState(checker.func)
        assert checker.use(outcome, state).state is state
        assert checker.use(outcome, state) is checker.current
