"""What the tests measure, count and wait with can fail."""
import pytest

from tests import counting, growth, helpers
from tests.helpers import FakeClock


@pytest.fixture
def clock(monkeypatch):
    clock = FakeClock(0.0)
    monkeypatch.setattr(growth, "process_time", clock)
    return clock


def test_what_is_linear_passes(clock):
    growth.assert_linear(lambda size: clock.tick(size + 1), int, 100)


def test_what_is_quadratic_fails(clock):
    with pytest.raises(pytest.fail.Exception, match="8 times the input took 64.0 times as long"):
        growth.assert_linear(lambda size: clock.tick(size ** 2), int, 128)


def test_stall_or_two_fail_nothing(clock):
    stalls = [0, 0, 0, 0, 0, 1000, 1000]  # the first run counts nothing, then three and three

    def job(size):
        clock.tick(size + (stalls.pop(0) if stalls else 0))
    growth.assert_linear(job, int, 1)


def test_calls_are_counted_the_same_every_time():
    def job():
        return [len(str(number)) for number in (1, 2)]
    assert counting.calls(job) == counting.calls(job)
    assert counting.calls(lambda: (job(), job())) > counting.calls(job) > 2


def test_what_does_not_come_true_fails(monkeypatch):
    monkeypatch.setattr(helpers, "GENEROUS_SECONDS", 0)
    with pytest.raises(pytest.fail.Exception, match="the end did not come true within 0 s"):
        helpers.wait_until(lambda: False, "the end")
    assert helpers.wait_until(lambda: "value") == "value"
