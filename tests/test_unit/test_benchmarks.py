"""The benchmarks' own arithmetic: medians, verdicts, tables."""
import json
import socket

import pytest

from tests.benchmarks import environments, load, measuring, report, sockets
from tests.helpers import FakeClock
from tests.serving import serving


def test_the_median_is_the_middle_one_or_between_the_two_in_the_middle():
    assert measuring.median([9, 1, 2]) == 2
    assert measuring.median([9, 1, 2, 4]) == 3


def test_what_takes_four_times_as_long_is_told_so(monkeypatch):
    clock = FakeClock()
    monkeypatch.setattr(measuring.timeit, "default_timer", clock)
    ratio = measuring.ratio(lambda: clock.tick(0.25), lambda: clock.tick(0.0625), 40)
    assert ratio == 4
    assert measuring.over(lambda: clock.tick(0.25), lambda: clock.tick(0.0625), 40) == 0.1875


@pytest.mark.parametrize("found, limit, at_least, missed", [
    (1.0, 1.0, False, False), (1.01, 1.0, False, True),
    (0.97, 0.97, True, False), (0.96, 0.97, True, True),
    (5.0, None, False, False), (None, 1.0, False, False)])
def test_a_target_is_missed_past_its_limit(found, limit, at_least, missed):
    cells = {"a plain route": 100.0}
    if found is not None:
        cells["ours"] = found
    assert report.Row("cost", "x", cells, limit, at_least).is_missed() is missed


def test_the_table_names_what_it_ran_on_and_not_whose_machine_it_is():
    found = report.Report([report.Row("cost", "x", {"ours": 1.234, "else": 56.78}, 1.0)], 0.5)
    lines = found.text().splitlines()
    assert lines[0].split() == ["unit", "target", "ours", "else"]
    assert lines[1].split() == ["cost", "x", "<=", "1.00", "MISSED", "1.23", "56.8"]
    assert "| cost | x | <= 1.00 MISSED | 1.23 | 56.8 |" in found.markdown()
    told = json.loads(found.json())
    assert (told["rows"][0]["cells"]["ours"], told["rows"][0]["missed"]) == (1.234, True)
    assert set(told["machine"]) >= {"processor", "Python", "Bottle", "load average"}
    assert socket.gethostname() not in json.dumps(told["machine"]).split()


def test_the_fleet_of_readme_polls_66_times_a_minute():
    polls = load.polls()
    assert len(polls) == 66 * load.MINUTES
    assert polls == sorted(polls)


def test_requests_are_counted_when_the_queue_of_those_before_is_empty(monkeypatch):
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


def test_a_server_that_answers_nobody_is_left_out_of_the_table():
    with pytest.raises(environments.Missing) as raised:
        sockets.requests_a_second(sockets.free_port(), "/bare", 1)
    assert str(raised.value).startswith("/bare was not answered: ")
