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


class TestText(object):
    """A result is written as JSON once."""

    @pytest.mark.parametrize("name, passed, output, critical", [
        ("database", True, "ok", True),
        ("database", True, None, True),
        (u"datenb\xe4nke" if not PY2 else "banks", False, u"caf\xe9 \"\\\n\U0001F600", True),
        ("cache", False, {"a": [1, 2.5, None, True, {"b": u"\u2028"}], "NaN": float("nan")}, False),
        ("disk", WARN, ["nearly full", 10 ** 30], True),
        ("disk", WARN, 7, False),
    ])
    def test_is_what_json_writes(self, name, passed, output, critical):
        health = HealthCheck()
        health.add_check(lambda: (passed, output), name=name, critical=critical)
        report = health.run()
        texts, results = write_all(health), report.results
        assert json.loads(texts.decode("ascii")) == results
        assert PY2 or texts == as_json_writes_it(report)

    def test_of_a_check_that_raises(self):
        health = HealthCheck(checkers=[Check(returns=lambda: 1 // 0)])
        assert json.loads(write_all(health).decode("ascii")) == health.run().results

    def test_is_written_once_for_all_requests(self, world):
        health = HealthCheck(checkers=[Check("first"), Check("second")])
        first, second = health.run().result_texts()
        assert health.run(check="second").result_texts()[0] is second
        world.clock.tick(20)
        health.run_check("first")
        later, same = health.run().result_texts()
        assert same is second and later is not first


class TestPoll(object):
    """A poll uses the results that have not changed."""

    @pytest.mark.parametrize("expires", [True, False])
    def test_takes_constant_steps(self, expires):
        def count_calls(number):
            app, health = apps.make_health("ours", checkers=apps.many(number), success_ttl=3600)
            if expires:
                health.add_check(apps.passing, name="never kept", success_ttl=None)
            ask = apps.asking(app)
            # Once a second a poll also looks whether the environment's secrets have changed.
            return min(counting.calls(ask) for _ in range(3))
        assert count_calls(10) == count_calls(200)

    def test_results_of_other_requests_are_shown(self, world):
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

    def test_removed_and_added_check_runs_again(self, world):
        check = Check()
        health = HealthCheck(checkers=[check])
        health.run()
        registered = health.checkers.pop()
        health.run()
        health.checkers.append(registered)
        health.run()
        assert check.runs == 2

    def test_caches_have_their_own_results(self, world):
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

    def test_result_belongs_to_its_state(self):
        health = HealthCheck(checkers=[Check()])
        checker = health.checkers[0]
        outcome = health.cache.run(checker)
        for _ in range(2):  # the cache has forgotten the check, and knows it again
            state = runs.CheckState(checker.func)
            assert checker.use(outcome, state).state is state
            assert checker.use(outcome, state) is checker.current
