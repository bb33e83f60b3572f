"""bottle_healthcheck._shared: results in a backend that several processes ask."""
import pytest

from bottle_healthcheck import HealthCheck, ResultCache


class Backend(object):
    """A backend in memory, without lifetimes."""

    def __init__(self):
        self.values = {}

    def get(self, key):
        return self.values.get(key)

    def set(self, key, value, timeout):
        self.values[key] = value

    def add(self, key, value, timeout):
        return self.values.setdefault(key, value) is value


def process(backend, check):
    """What one of several processes has."""
    return HealthCheck(checkers=[check], cache=ResultCache(backend=backend, prefix="shop"))


def test_a_result_of_one_process_is_the_others():
    runs = []

    def database():
        runs.append(1)
        return True, {"rows": len(runs)}

    backend = Backend()
    results = [process(backend, database).run().results[0] for _ in range(3)]
    assert len(runs) == 1
    assert [(one["passed"], one["output"]) for one in results] == [(True, {"rows": 1})] * 3
    assert len(set(one["timestamp"] for one in results)) == 1


def test_a_backend_that_is_none_is_refused():
    with pytest.raises(TypeError, match="expected an object with get, set and add"):
        ResultCache(backend=object(), prefix="shop")
