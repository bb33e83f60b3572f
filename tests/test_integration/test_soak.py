"""A minute of everything at once; `python -m tests.benchmarks.soak` does it for ten."""
import pytest

from tests.benchmarks import soak
from tests.helpers import GENEROUS_SECONDS


@pytest.mark.soak
def test_soak_has_documented_responses_and_no_growth(monkeypatch):
    monkeypatch.setattr(soak, "LONGEST", float(GENEROUS_SECONDS))  # the benchmark measures how long
    monkeypatch.setattr(soak, "RECOVERY", float(GENEROUS_SECONDS))
    answers, wrong = soak.soak(60)
    assert wrong == []
    seen = set(status for client, status in answers if client == "haproxy")
    # The troubles have reached the clients; so, at times, has a signal in a request.
    assert seen - {soak.INTERRUPTED} == {200, 404, 500}
