"""The benchmarks' own arithmetic: medians, verdicts, tables."""
import json
import socket

import pytest

from tests.benchmarks import environments, load, measuring, poll, report, sockets
from tests.helpers import FakeClock
from tests.serving import serving


class TestMeasuring(object):
    def test_median(self):
        assert measuring.median([9, 1, 2]) == 2
        assert measuring.median([9, 1, 2, 4]) == 3

    def test_four_times_as_long(self, monkeypatch):
        clock = FakeClock()
        monkeypatch.setattr(measuring.timeit, "default_timer", clock)
        ratio = measuring.ratio(lambda: clock.tick(0.25), lambda: clock.tick(0.0625), 40)
        assert ratio == 4
        assert measuring.over(lambda: clock.tick(0.25), lambda: clock.tick(0.0625), 40) == 0.1875


class TestReport(object):
    @pytest.mark.parametrize("found, limit, at_least, missed", [
        (1.0, 1.0, False, False), (1.01, 1.0, False, True),
        (0.97, 0.97, True, False), (0.96, 0.97, True, True),
        (5.0, None, False, False), (None, 1.0, False, False)])
    def test_target_is_missed_past_its_limit(self, found, limit, at_least, missed):
        cells = {"a plain route": 100.0}
        if found is not None:
            cells["ours"] = found
        assert report.Row("cost", "x", cells, limit, at_least).is_missed() is missed

    def test_names_versions_and_no_machine(self):
        found = report.Report([report.Row("cost", "x", {"ours": 1.234, "else": 56.78}, 1.0)], 0.5)
        lines = found.text().splitlines()
        assert lines[0].split() == ["unit", "target", "ours", "else"]
        assert lines[1].split() == ["cost", "x", "<=", "1.00", "MISSED", "1.23", "56.8"]
        assert "| cost | x | <= 1.00 MISSED | 1.23 | 56.8 |" in found.markdown()
        document = json.loads(found.json())
        row = document["rows"][0]
        assert (row["cells"]["ours"], row["missed"]) == (1.234, True)
        assert set(document["machine"]) >= {"processor", "Python", "Bottle", "load average"}
        assert socket.gethostname() not in json.dumps(document["machine"]).split()


class TestLoad(object):
    def test_fleet_of_readme_polls_66_times_a_minute(self):
        polls = load.polls()
        assert len(polls) == 66 * load.MINUTES
        assert polls == sorted(polls)


class TestRequestsASecond(object):
    def test_are_counted_once_the_queue_is_empty(self, monkeypatch):
        def app(environ, start_response):
            start_response("200 OK", [("Content-Length", "0")])
            return []

        def wrk(command):
            counted.append((command[-1], list(asked)))
            return b"Requests/sec:   12.50\n"
        asked, counted = [], []
        monkeypatch.setattr(sockets.subprocess, "check_output", wrk)
        with serving(app, asked) as url:
            assert sockets.requests_a_second(int(url.rpartition(":")[2]), "/bare", 1) == 12.5
        assert counted == [(url + "/bare", ["/bare"])]

    def test_silent_server_is_left_out(self):
        with pytest.raises(environments.Missing) as raised:
            sockets.requests_a_second(sockets.free_port(), "/bare", 1)
        assert str(raised.value).startswith("/bare was not answered: ")


class TestLifetimes(object):
    def test_end_one_by_one_between_polls(self):
        polls = 25
        lifetimes = poll.lifetimes(100, polls)
        # The checks run first at 0, with the first bare route; a poll comes half a round after it.
        last = (poll.WARMING + 2 * polls - 0.5) * poll.PERIOD
        expiring = [seconds for seconds in lifetimes if seconds < last]
        rounds = [seconds / poll.PERIOD for seconds in expiring]
        assert rounds == pytest.approx(list(range(poll.WARMING + polls, poll.WARMING + 2 * polls)))
        assert all(2 * seconds > last for seconds in expiring)

    @pytest.mark.parametrize("count, expiring", [(1, 1), (10, 10), (1000, 25)])
    def test_there_is_one_for_each_check(self, count, expiring):
        lifetimes = poll.lifetimes(count, 25)
        assert len(lifetimes) == count
        assert len([seconds for seconds in lifetimes if seconds < poll.FOR_EVER]) == expiring


class TestEndpoint(object):
    def test_runs_its_checks_once(self):
        endpoint = poll.Endpoint("ours", 3, 1000)  # results are kept for long: machines may stall
        endpoint.first_poll()
        assert endpoint.runs == 3
        for request in endpoint.bare, endpoint.poll:
            status, body = request()
            assert (status, len(json.loads(body.decode("ascii"))["results"])) == ("200 OK", 3)
        assert endpoint.runs == 3


class TestEdit(object):
    def test_another_file_is_reported(self, tmpdir):
        path = tmpdir.join("module.py")
        path.write('print "OK"\n')
        environments.edit(str(path), 'print "OK"', 'print("OK")')
        assert path.read() == 'print("OK")\n'
        with pytest.raises(environments.Missing) as raised:
            environments.edit(str(path), 'print "OK"', 'print("OK")')
        assert str(raised.value) == "module.py has no 'print \"OK\"'"


class TestFigureOfPolls(object):
    def test_leaves_polls_with_more_runs_out(self):
        fresh = [poll.Sample(bare=0.1, poll=0.2, runs=0)] * 4 + [poll.Sample(0.1, 9.0, 1)] * 3
        staggered = [poll.Sample(0.1, 0.5, 1)] * 5 + [poll.Sample(0.1, 9.0, 2)] * 2
        assert poll.figures(fresh + staggered, 7) == {"bare": 0.1, "poll": 2.0, "staggered": 0.5}

    def test_of_too_few_is_left_out(self):
        samples = [poll.Sample(0.1, 0.2, 1)] * 4 + [poll.Sample(0.1, 0.2, 0)] * 3
        assert poll.figures(samples + samples[::-1], 7) == {"staggered": 0.2}

    def test_is_the_median_of_several_processes(self):
        passes = [{("ours", 1): {"poll": 1.2, "bare": 1e-4}}, {("ours", 1): {"poll": 1.6}},
                  {("ours", 1): {"poll": 1.1}}, {}]
        assert poll.median_of(passes) == {("ours", 1): {"poll": 1.2, "bare": 1e-4}}
