"""bottle_healthcheck._formats"""
import pytest

from bottle_healthcheck import _formats

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
PROMETHEUS = ("application/openmetrics-text;version=1.0.0,application/openmetrics-text;"
              "version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1")


@pytest.mark.parametrize("accept, name", [
    ("", "json"), ("*/*", "json"), ("text/*", "json"), ("text/plain", "json"),
    ("text/plain, text/*, */*", "json"), (BROWSER, "html"), (PROMETHEUS, "prometheus"),
    ("text/plain;version=0.0.4", "prometheus"), ("application/health+json", "health"),
    ("text/html;q=0.5, application/json;q=0.5", "json"), ("text/html;q=0", "json"),
    ("text/html;q=0.1, */*;q=0", "html"), ("text/html;q=2", "json"), ("rubbish", "json"),
    ("text/html;q=0.4, application/health+json;q=0.6, */*;q=0.1", "health"),
    ("TEXT/HTML ; Q=0.9", "html"),
])
def test_what_an_accept_header_prefers(accept, name):
    pytest.importorskip("prometheus_client")
    assert _formats.prefer(accept, _formats.FORMATS) == name


def test_text_is_a_line_a_check_and_the_verdict():
    report = _formats.Report([
        {"checker": "database", "passed": True, "output": {"rows": 1}},
        {"checker": "queue", "passed": False, "output": u"no\nroute \u2028 to\x1b[0m 0.5 u"}])
    assert _formats.as_text(report) == (
        u"[+]database ok\n[-]queue failed: no route   to [0m 0.5 u\nfailure\n")
