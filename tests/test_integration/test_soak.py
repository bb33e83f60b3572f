"""Most of a minute of everything at once; `python -m tests.benchmarks.soak` does it for ten.

And what the soak must find, in texts that are made up.
"""
import json

import pytest

from tests.benchmarks import soak, soak_app
from tests.helpers import GENEROUS_SECONDS, need_module


class TestSoak(object):
    @pytest.mark.soak
    def test_has_documented_responses_only(self, monkeypatch):
        # The benchmark measures how long.
        monkeypatch.setattr(soak, "LONGEST", float(GENEROUS_SECONDS))
        monkeypatch.setattr(soak, "RECOVERY", float(GENEROUS_SECONDS))
        soaked = soak.soak(50)
        assert soaked.wrong == []
        seen = set(status for client, status in soaked.answers if client == "haproxy")
        # The troubles have reached the clients; so, at times, has a signal in a request.
        assert seen - {soak_app.INTERRUPTED} == {200, 404, 500}
        assert set(soaked.troubles) == soak.TROUBLES


def body(passed=True, **outputs):
    """A body with the results of checks, as bytes."""
    results = [{"checker": name, "passed": passed, "output": output}
               for name, output in outputs.items()]
    return json.dumps({"status": "success" if passed else "failure",
                       "results": results}).encode("ascii")


class TestBody(object):
    @pytest.mark.parametrize("validate, status, accepted", [
        (soak.is_json, 200, body()), (soak.is_json, 500, body(False)),
        (soak.hides_details, 500, b'{"status": "failure"}'),
        (soak.is_prompt, 200, body(shared=4711, table=[{"id": 0, "state": "open"}])),
        (soak.is_prompt, 500, body(False, shared="the shared cache took 0.9 s of 1 s")),
        (soak.is_prompt, 500, body(False, hanging="still running after 12.5 s")),
        (soak.is_bounded, 200, body(table=list(range(9999)))),
        (soak.is_large, 200, body(prose="x" * 50000)),
        (soak.is_refusal, 414, b'{"status": "failure", "error": "too long"}'),
        (soak.is_refusal, 414, b"<p>Request Line is too large (9000 &gt; 4094)</p>")])
    def test_documented_one_is_accepted(self, validate, status, accepted):
        validate(status, accepted)

    @pytest.mark.parametrize("validate, status, wrong", [
        (soak.is_json, 200, body(False)), (soak.is_json, 500, body()), (soak.is_json, 200, b"{"),
        (soak.hides_details, 500, body(False)),
        (soak.is_prompt, 200, body(shared="planted")), (soak.is_prompt, 200, body(table=[1])),
        (soak.is_prompt, 200, body(shared=True)),
        (soak.is_prompt, 500, body(False, shared="planted")),
        (soak.is_bounded, 200, body(table=list(range(10000)))),
        (soak.is_bounded, 200, body(prose="x" * 256 * 1024)),
        (soak.is_large, 200, body(graph={})), (soak.is_large, 200, body(prose="x" * 256 * 1024)),
        (soak.is_refusal, 414, body(False))])
    def test_other_one_is_refused(self, validate, status, wrong):
        with pytest.raises((ValueError, LookupError, TypeError)):
            validate(status, wrong)

    def test_scrape_needs_both_series(self):
        need_module("prometheus_client")
        series = b'healthcheck_check_passed{check="%s"} 1\n'
        soak.has_twins(200, series % b"one" + series % b"two")
        for wrong in (series % b"one", series % b"one" + series % b"one", b"} 1\n"):
            with pytest.raises(ValueError):
                soak.has_twins(200, wrong)


def log(*more):
    """A log as it has to be, and more lines."""
    lines = (u"waitress 1 WARNING check flapping is failing: down %s" % soak_app.FORGED,
             u"Traceback (most recent call last):", u"  ValueError: down",
             u"gunicorn 2 WARNING the shared cache fails: it holds what is no result (ValueError)",
             u"gunicorn 2 ERROR on_change failed", u"gunicorn 2 ERROR details() failed",
             u"gunicorn 3 ERROR details() failed",
             u"waitress 1 WARNING the file system of drain_file does not answer")
    return u"\n".join(lines + more) + u"\n"


class TestLog(object):
    def test_documented_one_has_no_fault(self):
        assert soak.faults_of_log(log()) == []

    @pytest.mark.parametrize("end", soak_app.LINE_ENDS)
    def test_forged_line_is_found(self, end):
        found = soak.faults_of_log(log(u"waitress 1 INFO x" + end + soak_app.FORGED))
        assert len(found) == 1 and "forged" in found[0]

    @pytest.mark.parametrize("missing", [
        soak_app.FORGED, "no result", "on_change", "details", "drain_file", "shared cache"])
    def test_silence_is_found(self, missing):
        lines = [line for line in log().splitlines() if missing not in line]
        assert soak.faults_of_log(u"\n".join(lines)) != []

    def test_blamed_check_is_found(self):
        line = u"gunicorn 2 WARNING check shared is failing: the shared cache took 0.9 s of 1 s"
        assert soak.faults_of_log(log(line)) == ["the log blames a check for the shared cache"]

    def test_details_logged_twice_are_found(self):
        assert len(soak.faults_of_log(log(u"gunicorn 2 ERROR details() failed"))) == 1


class TestStall(object):
    @pytest.mark.parametrize("waits, seconds", [
        ([], 0), ([(1, 2)], 0), ([(9, 13)], 3), ([(14, 30)], 6), ([(9, 13), (12, 19)], 7),
        ([(9, float("inf"))], 10), ([(21, 22)], 0)])
    def test_is_the_longest_wait_meanwhile(self, waits, seconds):
        assert soak.stalled(waits, 10, 20) == seconds


class TestChanges(object):
    @pytest.mark.parametrize("text", [
        u"gunicorn 1 None success\nwaitress 2 None failure\ngunicorn 1 success failure\n",
        u"waitress 1 None success\nwaitress 1 hangs\nwaitress 1 success failure\n"])
    def test_all_in_order_are_no_fault(self, text):
        assert soak.faults_of_changes(text) == []

    @pytest.mark.parametrize("text", [
        u"gunicorn 1 success failure\n", u"gunicorn 1 None success\ngunicorn 1 None success\n",
        u"gunicorn 1 None success\ngunicorn 1 failure success\n", u"",
        u"gunicorn 1 None success\ngunicorn 1 success success\n"])
    def test_missing_one_is_found(self, text):
        assert len(soak.faults_of_changes(text)) == 1


class TestGrowth(object):
    USED = {"server": "interrupted", "memory": 0, "threads": 12, "files": 9, "connections": 4}

    def test_what_is_flat_is_no_fault(self):
        assert soak.grown({1: self.USED}, {1: dict(self.USED, memory=8 * soak.MIB, files=8)}) == []

    @pytest.mark.parametrize("resource, used", [
        ("memory", 8 * soak.MIB + 1), ("threads", 13), ("files", 10), ("connections", 5)])
    def test_more_of_anything_is_found(self, resource, used):
        assert len(soak.grown({1: self.USED}, {1: dict(self.USED, **{resource: used})})) == 1

    def test_process_that_has_ended_is_found(self):
        assert len(soak.grown({1: self.USED, 2: self.USED}, {1: self.USED})) == 1
