"""bottle_healthcheck._http.formats.text"""
from tests.internals import FORMATS, Report, text


class TestText(object):
    def test_is_a_line_a_check_and_the_overall_status(self):
        report = Report([
            {"checker": "database", "passed": True, "output": {"rows": 1}},
            {"checker": u"que\nue", "passed": False, "output": u"no\nroute \u2028 to\x1b[0m 0.5 u"},
            {"checker": "c", "passed": False, "output": None},
            {"checker": "d", "passed": False, "output": {"a": [u"\xe9"]}, "critical": False}])
        (body,), headers = FORMATS["text"].encode(report, "")
        assert headers == [("Content-Type", "text/plain; charset=utf-8")]
        assert body.decode("utf-8") == (
            u"[+]database ok\n[-]que ue failed: no route   to [0m 0.5 u\n"
            u"[-]c failed: null\n[!]d warning: {\"a\": [\"\\u00e9\"]}\nfailure\n")

    def test_of_no_checks_is_the_overall_status(self):
        assert text.write(Report([])) == u"success\n"
