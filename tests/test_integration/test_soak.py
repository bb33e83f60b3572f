"""A minute of everything at once; `python -m tests.benchmarks.soak` does it for ten."""
import os

import pytest

from tests.benchmarks.soak import soak


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="needs Linux' /proc")
def test_clients_see_nothing_but_documented_answers_and_nothing_grows():
    answers, wrong = soak(60)
    assert wrong == []
    seen = set(status for client, status in answers if client == "haproxy")
    assert seen == {200, 404, 500}  # the troubles have reached the clients
