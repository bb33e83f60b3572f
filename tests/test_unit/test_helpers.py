"""What the tests measure, count and wait with can fail."""
import pytest

from tests import counting, growth, helpers
from tests.helpers import FakeClock


@pytest.fixture
def clock(monkeypatch):
    clock = FakeClock(0.0)
    monkeypatch.setattr(growth, "process_time", clock)
    return clock


class TestGrowth(object):
    def test_linear_passes(self, clock):
        growth.assert_linear(lambda size: clock.tick(size + 1), int, 100)

    def test_quadratic_fails(self, clock):
        slower = "8 times the input took 64.0 times as long"
        with pytest.raises(pytest.fail.Exception, match=slower):
            growth.assert_linear(lambda size: clock.tick(size ** 2), int, 128)

    def test_stalls_fail_nothing(self, clock):
        stalls = [0, 0, 0, 0, 0, 1000, 1000]  # the first run counts nothing, then three and three

        def job(size):
            clock.tick(size + (stalls.pop(0) if stalls else 0))
        growth.assert_linear(job, int, 1)


class TestCalls(object):
    def test_are_the_same_every_time(self):
        def job():
            return [len(str(number)) for number in (1, 2)]
        assert counting.calls(job) == counting.calls(job)
        assert counting.calls(lambda: (job(), job())) > counting.calls(job) > 2


class TestWaitUntil(object):
    def test_what_does_not_come_true_fails(self, monkeypatch):
        monkeypatch.setattr(helpers, "GENEROUS_SECONDS", 0)
        with pytest.raises(pytest.fail.Exception, match="the end did not come true within 0 s"):
            helpers.wait_until(lambda: False, "the end")
        assert helpers.wait_until(lambda: "value") == "value"
