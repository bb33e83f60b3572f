"""A minute of everything at once; `python -m tests.benchmarks.soak` does it for ten."""
import os

import pytest

from tests.benchmarks.soak import soak


@pytest.mark.skipif(os.environ.get("REQUIRE_SERVERS") != "1",
                    reason="takes a minute: REQUIRE_SERVERS=1 runs it")
def test_clients_see_nothing_but_documented_answers_and_nothing_grows():
    answers, wrong = soak(60)
    assert wrong == []
    seen = set(status for client, status in answers if client == "haproxy")
    assert seen == {200, 404, 500}  # the troubles have reached the clients
