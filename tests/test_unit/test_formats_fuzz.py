"""Whatever a client sends: a documented status, and no success while a critical check fails."""
import json

import pytest
from six.moves.urllib.parse import unquote_plus

from tests.helpers import examples
from tests.wsgi import NAIVE, ask_health as ask, service

hypothesis = pytest.importorskip("hypothesis")
st = hypothesis.strategies

EXAMPLES = hypothesis.settings(
    max_examples=examples(20, "FUZZ_EXAMPLES"), deadline=None, derandomize=True, database=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],  # older ones allow it a second
    phases=(hypothesis.Phase.explicit, hypothesis.Phase.generate))  # on 2.7 the others take minutes

#: What a client may put into a query or a header: octets, as WSGI hands them over.
OCTETS = st.lists(st.integers(0x20, 0xff), max_size=12).map(
    lambda codes: "".join(chr(code) for code in codes))
NAMES = st.one_of(st.sampled_from(["check", "exclude", "format", "ch%65ck", "Check", ""]), OCTETS)
VALUES = st.one_of(
    st.sampled_from(["up", "down", "warning", "d%6Fwn", "%64own", "down%00", "down+", "", "%",
                     "na%C3%AFve+%E2%9C%93", "na%EFve", "json", "health", "prometheus", "html",
                     "text"]),
    OCTETS)
PAIRS = st.lists(st.tuples(NAMES, VALUES), max_size=5).map(
    lambda pairs: "&".join("=".join(pair) for pair in pairs))
QUERIES = st.one_of(PAIRS, OCTETS)

TYPES = st.sampled_from(["text/html", "application/json", "application/health+json", "*/*",
                         "text/*", "text/plain", "application/openmetrics-text", "rubbish", "/"])
PARAMETERS = st.sampled_from(["q=0", "q=0.5", "q=1", "q=2", "q=nan", "q=", "version=0.0.4",
                              "version=1.0.0", "version=x", "escaping=allow-utf-8", "=", ""])
RANGES = st.lists(st.tuples(TYPES, st.lists(PARAMETERS, max_size=3)), max_size=4).map(
    lambda ranges: ", ".join(";".join([kind] + more) for kind, more in ranges))
ACCEPTS = st.one_of(st.none(), RANGES, OCTETS)

METHODS = st.sampled_from(["GET", "HEAD", "OPTIONS"])


def leaves_out_down(query):
    """Whether the query asks for checks without the one that fails; another way of reading it."""
    pairs = [(unquote_plus(part.split("=")[0]), unquote_plus(part.partition("=")[2]))
             for part in query.split("&")]
    chosen = [value for name, value in pairs if name == "check"]
    return ("exclude", "down") in pairs or bool(chosen) and "down" not in chosen


def says_success(answer):
    """Whether a status or a body reports success."""
    kind, body = answer.headers["Content-Type"], answer.body
    if "version=" in kind:
        assert answer.status == 200
        return b"healthcheck_success 1" in body
    if not body:
        return answer.status == 200
    if "html" in kind:
        is_success = b">Failing</h1>" not in body
    elif "json" in kind:
        is_success = json.loads(body.decode("ascii"))["status"] in ("success", "pass", "warn")
    else:
        is_success = not body.endswith(b"failure\n")
    assert is_success == (answer.status == 200)
    return is_success


APP, DISCREET = [
    service("up", "down", "warning", NAIVE, failed_status=503, details=details, output="the-output")
    for details in (True, False)]


class TestAnyRequest(object):
    @pytest.mark.examples
    @EXAMPLES
    @hypothesis.given(QUERIES, ACCEPTS, METHODS)
    def test_turns_no_failure_into_a_success(self, query, accept, method):
        answer = ask(APP, query, accept, method=method)
        assert answer.status in (200, 400, 404, 503)
        if method == "HEAD":  # without a body Prometheus' 200 looks like a success
            assert answer.body == b""
        elif says_success(answer):
            assert leaves_out_down(query)

    @pytest.mark.examples
    @EXAMPLES
    @hypothesis.given(QUERIES, ACCEPTS)
    def test_shows_no_hidden_details(self, query, accept):
        answer = ask(DISCREET, query, accept)
        assert answer.status in (200, 400, 404, 503)
        assert not says_success(answer)
        assert b"the-output" not in answer.body and b"warning<" not in answer.body
