"""What a poll of fresh results costs beside a hand-written route."""
import pytest

from tests import counting
from tests.benchmarks import apps, cost
from tests.wsgi import ask


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
