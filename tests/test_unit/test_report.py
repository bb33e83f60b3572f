"""bottle_healthcheck._report: results folded into a report."""
import time

import pytest
from six.moves import reduce

from bottle_healthcheck import check_reduce
from tests.internals import Report


class TestCheckReduce(object):
    """check_reduce() folds a result into the overall status."""

    @pytest.mark.parametrize("passed, result, status", [
        (True, {"passed": True}, True),
        (True, {"passed": False}, False),
        (True, {}, False),
        (False, {"passed": True}, False),
        (True, {"passed": False, "critical": False}, True),
        (True, {"passed": False, "critical": True}, False),
        (True, {"passed": False, "critical": None}, False),
        (False, {"passed": False, "critical": False}, False),
    ])
    def test_failed_critical_result_makes_it_false(self, passed, result, status):
        assert check_reduce(passed, result) is status


class TestReport(object):
    """Results, the overall status and the time."""

    def test_without_results_is_a_success(self):
        assert reduce(check_reduce, [], True) is True
        assert Report([]).passed is True and Report([]).status == "success"

    def test_fields(self, monkeypatch):
        monkeypatch.setattr(time, "time", lambda: 1234.5)
        results = [{"passed": True}, {"passed": False}]
        report = Report(results)
        assert (report.passed, report.status, report.results, report.timestamp) == (
            False, "failure", results, 1234.5)

    @pytest.mark.parametrize("results, passed, shown", [
        ([], True, "<Report: success, 0 of 0 results failed>"),
        ([{"passed": True}, {"passed": False, "critical": False}], True,
         "<Report: success, 1 of 2 results failed>"),
        ([{"passed": True}, {"passed": False}], False, "<Report: failure, 1 of 2 results failed>")])
    def test_is_true_if_it_passed(self, results, passed, shown):
        report = Report(results)
        assert bool(report) is passed and repr(report) == shown

    @pytest.mark.parametrize("results, warns", [
        ([], False),
        ([{"passed": True}], False),
        ([{"passed": True}, {"passed": False, "critical": False}], True),
        ([{"passed": False}, {"passed": False, "critical": False}], False),
    ])
    def test_warns_if_no_critical_check_fails(self, results, warns):
        assert Report(results).warns is warns

    def test_without_details_keeps_status_and_time(self):
        report = Report([{"passed": False, "checker": "database"}])
        report.draining, report.about = True, {"serviceId": "shop"}
        report.last_known = Report([{"passed": True, "checker": "database"}])
        bare = report.without_details()
        assert (bare.about, bare.last_known.results, bare.last_known.status) == (None, [],
                                                                                 "success")
        assert (bare.status, bare.timestamp) == ("failure", report.timestamp)
        assert (bare.results, bare.details, bare.draining) == ([], False, False)
