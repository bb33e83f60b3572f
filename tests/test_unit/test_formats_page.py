"""bottle_healthcheck._http.formats.page"""
import base64
import hashlib
import os
import re
import zipfile

import bottle
import pytest
from six.moves.html_parser import HTMLParser

from bottle_healthcheck import HealthCheck
from tests.worlds import run_python
from tests.helpers import ROOT
from tests.internals import Report, page as html
from tests.wsgi import ask_health as ask

NOW = 1770091506.25  # 2026-02-03 04:05:06 UTC
EMPTY_TAGS = ("meta", "br", "link", "img")


class Page(HTMLParser):
    """A page's elements as (tag, attributes, text up to the next tag); unbalanced tags raise."""

    def __init__(self, text):
        HTMLParser.__init__(self)
        self.elements, self._open = [], []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append([tag, dict(attrs), u""])
        if tag not in EMPTY_TAGS:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if self.elements:
            self.elements[-1][2] += data

    def handle_entityref(self, name):  # 2.7 does not resolve them
        self.handle_data({"lt": u"<", "gt": u">", "amp": u"&", "quot": u'"'}[name])

    def handle_charref(self, name):
        self.handle_data({"039": u"'", "13": u"\r", "10": u"\n", "9": u"\t"}[name])

    def all(self, tag, **attributes):
        """(attributes, text) of the elements with that tag and those attributes."""
        wanted = [(name.rstrip("_"), value) for name, value in attributes.items()]
        return [(attrs, text.strip()) for found, attrs, text in self.elements if found == tag
                and all(attrs.get(name) == value for name, value in wanted)]

    def texts(self, tag, **attributes):
        return [text for _, text in self.all(tag, **attributes)]


def result(name="database", passed=True, output="OK", **more):
    return dict({"checker": name, "output": output, "passed": passed, "timestamp": NOW - 3,
                 "expires": NOW + 27, "response_time": 0.25, "since": NOW - 7300}, **more)


@pytest.fixture
def page(monkeypatch):
    monkeypatch.setattr("socket.gethostname", lambda: "web-1<&>")
    monkeypatch.setattr("os.getpid", lambda: 4321)
    monkeypatch.setattr("time.time", lambda: NOW)

    def make(*results, **more):
        report = Report(list(results), more.get("runs_of"))
        report.draining = more.get("draining", False)
        if more.get("hidden"):
            report = report.without_details()
        return Page(html.write(report))
    return make


@pytest.mark.parametrize("results, headline, kind, note", [
    ([result()], u"Healthy", "success", u"1 of 1 checks passed."),
    ([], u"Healthy", "success", u"There are no checks."),
    ([result(), result("disk", False, critical=False)], u"Healthy, with a warning", "warning",
     u"1 of 2 checks passed. Look at:"),
    ([result(), result("disk", False)], u"Failing", "failure", u"1 of 2 checks passed. Look at:"),
])
def test_the_overall_status_stands_large_and_in_the_title(page, results, headline, kind, note):
    found = page(*results)
    assert found.all("h1") == [({"class": kind}, headline)]
    assert found.texts("title")[0] == headline + u" - web-1<&>"
    assert found.texts("p") == [note, u"2026-02-03 04:05:06 UTC on web-1<&>, process 4321"]


def test_a_row_says_everything_of_a_check(page):
    found = page(result("data<base>", output={"rows": [1, u"\xe9"]}))
    assert found.texts("td", class_="state") == [u"passed"]
    assert found.all("th", scope="row") == [({"scope": "row", "class": "name"}, u"data<base>")]
    assert found.texts("pre") == [u'{"rows": [1, "\\u00e9"]}']
    assert found.all("time") == [
        ({"datetime": "2026-02-03T02:03:26.250Z", "title": "2026-02-03T02:03:26.250Z"},
         u"2 h ago"),
        ({"datetime": "2026-02-03T04:05:03.250Z", "title": "2026-02-03T04:05:03.250Z"},
         u"3 s ago")]
    assert u"0.250 s" in u"".join(text for _, _, text in found.elements)
    assert found.texts("th", scope="col") == [
        u"State", u"Check", u"Output", u"Since", u"Took", u"Checked",
        u"Last runs in process 4321"]


def test_rows_keep_their_order_and_what_does_not_pass_is_linked_from_the_top(page):
    found = page(result("a"), result("b", False), result("c"), result("d", False, critical=False))
    assert found.texts("th", scope="row") == [u"a", u"b", u"c", u"d"]
    assert found.texts("td", class_="state") == [u"passed", u"FAILED", u"passed", u"warning"]
    assert [row.get("class") for row, _ in found.all("tr")] == [
        None, "passed", "failed", "passed", "warning"]
    targets = dict((row.get("id"), row) for row, _ in found.all("tr"))
    assert found.texts("a") == [u"b", u"d"]
    assert [targets[link["href"][1:]]["class"] for link, _ in found.all("a")] == [
        "failed", "warning"]


def test_draining_is_told_apart_from_a_failure(page):
    found = page({"checker": "drain", "passed": False, "output": "moving <out>"}, draining=True)
    assert found.all("h1") == [({"class": "warning"}, u"Draining")]
    assert found.texts("p")[0] == u"moving <out>"
    assert found.all("table") == []


@pytest.mark.parametrize("draining", [True, False])
def test_hidden_details_leave_the_overall_status_and_the_time(page, draining):
    found = page(result("secret", False, "secret"), hidden=True, draining=draining)
    assert found.texts("h1") == [u"Failing"]
    assert found.texts("title")[0] == u"Failing - health check"
    assert found.texts("p") == [u"No details are told here.", u"2026-02-03 04:05:06 UTC"]
    assert found.all("table") == []


# The strip

def test_a_strip_shows_the_last_runs_newest_on_the_right(page):
    found = page(result(), runs_of=lambda name: [(True, 1.0), (False, 0.5), (True, 0.0)])
    assert [(bar["class"], bar["x"], bar["y"], bar["height"]) for bar, _ in found.all("rect")] == [
        ("passed", "228", "0", "12"), ("failed", "232", "12", "6"), ("passed", "236", "9", "3")]
    words = u"last 3 runs: 2 passed, 1 failed, the slowest took 1.000 s"
    strip, = found.all("svg")
    assert strip[0]["role"] == "img" and strip[0]["aria-label"] == words
    assert strip[0]["viewbox"] == "0 0 240 24"
    assert words in found.texts("title")


@pytest.mark.parametrize("runs", [[], [(True, 0.0)] * 60, [(False, 1e9)] * 60])
def test_a_strip_stays_within_its_drawing(page, runs):
    bars = [bar for bar, _ in page(result(), runs_of=lambda name: runs).all("rect")]
    assert len(bars) == len(runs)
    for bar in bars:
        assert 0 <= int(bar["x"]) <= 237 and 3 <= int(bar["height"]) <= 12
        assert 0 <= int(bar["y"]) and int(bar["y"]) + int(bar["height"]) <= 24


def test_a_strip_has_the_runs_of_this_process():
    app, outcomes = bottle.Bottle(), [True, False, False, True]
    health = HealthCheck(app, "/health", success_ttl=None, failed_ttl=None)
    health.add_check(lambda: (outcomes.pop(0), ""), name="flapping")
    for _ in range(4):
        page = Page(ask(app, "format=html").body.decode("utf-8"))
    assert [bar["class"] for bar, _ in page.all("rect")] == [
        "passed", "failed", "failed", "passed"]


@pytest.mark.parametrize("seconds, words", [
    (-5, u"0 s ago"), (0.9, u"0 s ago"), (119, u"119 s ago"), (120, u"2 min ago"),
    (7199, u"119 min ago"), (7200, u"2 h ago"), (172799, u"47 h ago"), (172800, u"2 d ago"),
    (86400 * 1000, u"1000 d ago")])
def test_a_duration_as_a_person_says_it(seconds, words):
    assert html._ago(seconds) == words


# What the browser may do

def test_nothing_but_the_pages_own_style_is_allowed():
    app = bottle.Bottle()
    HealthCheck(app, "/health").add_check(lambda: (True, ""), name="a")
    for query, accept in (("format=html", None), ("", "text/html")):
        answer = ask(app, query, accept)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy
        style = re.search(b"<style>(.*?)</style>", answer.body, re.S).group(1)
        digest = base64.b64encode(hashlib.sha256(style).digest()).decode("ascii")
        assert "style-src 'sha256-%s'" % digest in policy
    assert "Content-Security-Policy" not in ask(app).headers


def test_the_page_is_whole_without_script_or_another_file(page):
    found = page(result(), result("b", False))
    assert found.elements[0][:2] == ["html", {"lang": "en"}]
    assert ({"http-equiv": "refresh", "content": "10"}, u"") in found.all("meta")
    tags = set(tag for tag, _, _ in found.elements)
    assert not tags & set(["script", "link", "img", "iframe", "object", "form"])
    for _, attributes, text in found.elements:
        assert not [name for name in attributes if name in ("src", "style")
                    or name.startswith("on")]
        assert "url(" not in text and "@import" not in text


HOSTILE = u"</pre></title></style></svg><script>alert(1)</script>\" onload='x' {{bad}} % end\n% x"


@pytest.mark.parametrize("output", [HOSTILE, [HOSTILE], {HOSTILE: HOSTILE}, u"\x00\x0b\x1b[0m",
                                    u"x" * 65536, b"\xff", None, 1.5, True, u"\u202e\ud83d"])
def test_hostile_words_stay_words(page, output):
    found = page(result(HOSTILE, False, output), runs_of=lambda name: [(True, 1)])
    assert "script" not in [tag for tag, _, _ in found.elements]
    assert found.texts("th", scope="row") == [HOSTILE] == found.texts("a")
    if output is HOSTILE:
        assert found.texts("pre") == [HOSTILE]


def test_the_page_is_compiled_once_by_the_constructor_of_who_offers_it():
    status, output, errors = run_python(
        "import bottle\n"
        "from bottle_healthcheck import HealthCheck\n"
        "compiled, template = [], bottle.SimpleTemplate\n"
        "def compile(source):\n"
        "    compiled.append(source)\n"
        "    return template(source)\n"
        "bottle.SimpleTemplate = compile\n"
        "HealthCheck(formats=['json', 'text'])\n"
        "assert compiled == []\n"
        "for _ in range(2):\n"
        "    HealthCheck(formats=['json', 'html'])\n"
        "    assert len(compiled) == 1\n")
    assert (status, output, errors) == (0, "", "")


def test_the_page_is_read_from_a_zip_too(tmpdir):
    archive = str(tmpdir.join("packages.zip"))
    with zipfile.ZipFile(archive, "w") as packed:
        for folder, _, names in os.walk(os.path.join(ROOT, "bottle_healthcheck")):
            for name in names:
                path = os.path.join(folder, name)
                packed.write(path, os.path.relpath(path, ROOT))
    status, output, errors = run_python(
        "import sys\n"
        "sys.path.insert(0, %r)\n"
        "import bottle_healthcheck\n"
        "from tests.internals import page\n"
        "report = bottle_healthcheck.HealthCheck().run()\n"
        "assert 'packages.zip' in page.__file__, page.__file__\n"
        "assert '<h1 class=' in page.write(report)\n" % archive)
    assert (status, output, errors) == (0, "", "")
