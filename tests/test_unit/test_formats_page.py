# coding: utf-8
"""bottle_healthcheck._http.formats.page"""
import base64
import hashlib
import os
import re
import threading
import zipfile

import bottle
import pytest
from six.moves.html_parser import HTMLParser

from bottle_healthcheck import HealthCheck
from tests.worlds import run_python
from tests.helpers import GENEROUS_SECONDS, ROOT
from tests.internals import FORMATS, Report, Request
from tests.wsgi import NAIVE, ask_health as ask, service

NOW = 1770091506.25  # 2026-02-03 04:05:06 UTC
EMPTY_TAGS = ("meta", "br", "link", "img", "wbr")


class Page(HTMLParser):
    """A page's elements as (tag, attributes, text up to the next tag); unbalanced tags raise."""

    def __init__(self, text):
        HTMLParser.__init__(self)
        self.elements, self._open = [], []
        self._whole, self._indices = [], []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append([tag, dict(attrs), u""])
        self._whole.append(u"")
        if tag not in EMPTY_TAGS:
            self._open.append(tag)
            self._indices.append(len(self.elements) - 1)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag
        self._indices.pop()

    def handle_data(self, data):
        if self.elements:
            self.elements[-1][2] += data
        for index in self._indices:
            self._whole[index] += data

    def handle_entityref(self, name):  # 2.7 does not resolve them
        self.handle_data({"lt": u"<", "gt": u">", "amp": u"&", "quot": u'"'}[name])

    def handle_charref(self, name):
        self.handle_data({"039": u"'", "13": u"\r", "10": u"\n", "9": u"\t"}[name])

    def all(self, tag, **attributes):
        """(attributes, text up to the next tag) of elements with that tag and attributes."""
        wanted = [(name.rstrip("_"), value) for name, value in attributes.items()]
        return [(attrs, text.strip()) for found, attrs, text in self.elements if found == tag
                and all(attrs.get(name) == value for name, value in wanted)]

    def whole_texts(self, tag, **attributes):
        """The texts of such elements with all that they hold; blank lines left out."""
        found = []
        for (name, attrs, _), text in zip(self.elements, self._whole):
            if name == tag and all(attrs.get(key.rstrip("_")) == value
                                   for key, value in attributes.items()):
                lines = [line.strip() for line in text.split(u"\n")]
                found.append(u"\n".join(line for line in lines if line))
        return found

    def texts(self, tag, **attributes):
        return [text for _, text in self.all(tag, **attributes)]


def result(name="database", passed=True, output="OK", **more):
    return dict({"checker": name, "output": output, "passed": passed, "timestamp": NOW - 3,
                 "expires": NOW + 27, "response_time": 0.0009, "since": NOW - 792}, **more)


class Asked(Request):
    """What a test asks for."""

    path = "/h"

    def __init__(self, offered=("json", "html"), **fields):
        self.offered = [FORMATS[name] for name in offered]
        self.fields = fields


@pytest.fixture
def page(monkeypatch):
    monkeypatch.setattr("socket.gethostname", lambda: "web-1<&>")
    monkeypatch.setattr("os.getpid", lambda: 4321)
    monkeypatch.setattr("time.time", lambda: NOW)

    def make(*results, **more):
        report = Report(list(results), more.get("runs_of"))
        report.draining = more.get("draining", False)
        report.last_known = more.get("last_known")
        report.about = more.get("about")
        if more.get("hidden"):
            report = report.without_details()
        FORMATS["html"].load()
        body, = FORMATS["html"].encode(report, more.get("request", Asked()))[0]
        return Page(body.decode("utf-8"))
    return make


def page_of(app, query="format=html"):
    return Page(ask(app, query).body.decode("utf-8"))


def about_of(found):
    return found.whole_texts("div", class_="about")[0].split(u"\n")


class TestOverallStatus(object):
    """The overall status comes first."""

    @pytest.mark.parametrize("results, mark, headline, kind, summary", [
        ([result()], u"\u2705", u"Healthy", "success", [u"1 of 1 check passes"]),
        ([result("a"), result("b"), result("disk", False, critical=False)], u"\u26a0\ufe0f",
         u"Healthy, with a warning", "warning", [u"1 of 3 checks warns: disk", u"2 pass"]),
        ([result("a_b", False, critical=False), result("c", False, critical=False)],
         u"\u26a0\ufe0f",
         u"Healthy, with 2 warnings", "warning", [u"2 of 2 checks warn: a_b, c"]),
        ([result(), result("disk", False, critical=False), result("queue", False)], u"\u274c",
         u"Failing", "failure", [u"1 of 3 checks fails: queue", u"1 warns: disk", u"1 passes"]),
        ([result("n%d" % number, False) for number in range(7)], u"\u274c", u"Failing", "failure",
         [u"7 of 7 checks fail: n0, n1, n2, n3, n4 and 2 more"])])
    def test_is_first_and_in_the_title(self, page, results, mark, headline, kind,
                                       summary):
        found = page(*results)
        assert [tag for tag, _, text in found.elements if tag in ("h1", "h2", "h3")][0] == "h1"
        assert found.texts("h1") == [headline]
        assert found.all("body") == [({"class": kind}, u"")]
        assert found.texts("title")[0] == u"%s %s - /h on web-1<&>" % (mark, headline)
        assert found.whole_texts("li") == summary

    def test_no_checks_are_a_warning(self, page):
        found = page()
        assert found.all("body")[0][0] == {"class": "warning"}
        assert found.texts("h1") == [u"No checks are registered"]
        assert u"That suits a liveness probe" in found.texts("p", class_="note")[0]
        assert found.all("section") == []

    @pytest.mark.parametrize("draining", [True, False])
    def test_is_shown_though_details_are_hidden(self, page, draining):
        found = page(result("secret", False, "secret"), hidden=True, draining=draining,
                     about={"serviceId": u"secret"}, last_known=Report([result("secret")]))
        assert found.texts("h1") == [u"Failing"]
        assert found.texts("title") == [u"\u274c Failing - health check"]
        assert found.texts("p", class_="note") == [u"Details are hidden for this request."]
        assert about_of(found) == [u"as of 2026-02-03 04:05:06 UTC", u"refreshes every 10 s (stop)"]
        assert found.all("section") == []


def links_of(found):
    """(text, address) of a page's links."""
    return [(text, attrs["href"])
            for text, (attrs, _) in zip(found.whole_texts("a"), found.all("a"))]


class TestHead(object):
    """Which process answers, when, and where the links go."""

    @pytest.mark.parametrize("about, lines, title", [
        (None, [], u"/h on web-1<&>"), ({}, [], u"/h on web-1<&>"),
        ({"serviceId": u"<shop>", "version": u"1.2", "releaseId": u"0a1b", "description": u"sells"},
         [u"<shop> 1.2", u"sells", u"release 0a1b"], u"<shop>"),
        ({"version": u"1.2"}, [u"1.2"], u"/h on web-1<&>")])
    def test_service_host_and_process(self, page, about, lines, title):
        found = page(result(), about=about)
        assert about_of(found)[:-2] == lines + [u"/h on web-1<&>", u"process 4321"]
        assert found.texts("title")[0] == u"\u2705 Healthy - " + title

    def test_path_is_that_of_the_request(self):
        parent, app = bottle.Bottle(), service("up")
        parent.mount("/shop/", app)
        app.route("/caf\xc3\xa9" if str is bytes else u"/caf\xe9", callback=app.health.check)
        assert u"/shop/health on " in about_of(Page(
            ask(parent, "format=html", path="/shop/health").body.decode("utf-8")))[0]
        assert about_of(Page(ask(app, "format=html", path="/caf\xc3\xa9").body.decode("utf-8")))[
            0].startswith(u"/caf\xe9 on ")

    def test_time_and_refresh(self, page):
        found = page(result())
        assert about_of(found)[-2:] == [u"as of 2026-02-03 04:05:06 UTC",
                                        u"refreshes every 10 s (stop)"]
        assert ({"http-equiv": "refresh", "content": "10"}, u"") in found.all("meta")
        link, = found.all("a", **{"aria-label": "stop refreshing"})
        assert link[0]["href"] == "?refresh=off"

    def test_times_in_1970_are_shown(self, page):
        """A machine may boot in 1970, and learn the time later."""
        found = page(result("drain", False, since=1000.0), draining=True)
        assert u"on purpose for 20487 d:" in found.texts("p", class_="note")[0]
        found = page(result(passed=False, since=1000.0, timestamp=2000.0))
        assert found.whole_texts("p", class_="lasts") == [u"failing for 20487 d"]
        assert found.whole_texts("div", class_="facts") == [
            u"since 1970-01-01 00:16 UTC; took 0.9 ms, checked 20487 d ago"]

    def test_refresh_can_be_switched_off(self):
        app = service("up")
        found = page_of(app, "format=html&check=up&refresh=off")
        assert [attrs for attrs, _ in found.all("meta") if "http-equiv" in attrs] == []
        assert about_of(found)[-1] == u"not refreshing (refresh every 10 s)"
        assert (u"refresh every 10 s", "?check=up&format=html") in links_of(found)

    def test_selection_is_marked(self, page):
        found = page(result(), request=Asked(check=["database"], exclude=["a&b"], format=["html"]))
        assert u"Only some checks were requested." in found.texts("p", class_="note")
        links = links_of(found)
        assert (u"Show all", "?format=html") in links
        assert (u"JSON", "?check=database&exclude=a%26b&format=json") in links
        assert u"Show all" not in dict(links_of(page(result())))

    @pytest.mark.parametrize("offered, words", [
        (("html",), []), (("json", "html", "text"), [u"JSON", u"text"]),
        (("json", "health", "text", "html", "prometheus"), [u"JSON", u"health+json", u"text",
                                                            u"metrics"])])
    def test_links_to_offered_formats(self, page, offered, words):
        found = page(result(), request=Asked(offered, refresh=["off"]))
        links = [(text, link) for text, link in links_of(found) if link.startswith("?format=")]
        assert [text for text, _ in links] == words
        assert [link[len("?format="):] for _, link in links] == [
            name for name in ("json", "health", "text", "prometheus") if name in offered]

    def test_links_with_names_of_any_kind(self):
        app = service(NAIVE, "up")
        link = dict(links_of(page_of(app, "format=html&check=na%C3%AFve+%E2%9C%93")))[u"text"]
        assert link == "?check=na%C3%AFve%20%E2%9C%93&format=text"
        assert ask(app, str(link[1:])).body.decode("utf-8") == u"[+]na\xefve \u2713 ok\nsuccess\n"


class TestDraining(object):
    """While draining, the last results stay visible."""

    def test_last_results_are_shown(self, page):
        known = Report([result(), result("queue", False, timestamp=NOW - 192)])
        found = page(result("drain", False, "moving <out>", since=NOW - 65), draining=True,
                     last_known=known)
        assert found.all("body")[0][0] == {"class": "draining"}
        assert found.texts("h1") == [u"moving <out>"]
        assert found.texts("p", class_="note") == [
            u"Out of use on purpose for 65 s: this process reports failure so that load balancers "
            u"stop sending it requests.", u"Checks are paused. Last results:"]
        assert found.whole_texts("li") == [u"1 of 2 checks fails: queue", u"1 passes"]
        assert found.whole_texts("h2") == [u"Last seen failing 1", u"Last seen passing 1"]
        assert found.whole_texts("p", class_="lasts") == [u"was failing for 10 min"]

    def test_short_text_is_the_headline(self, page):
        for words in (u"x", u"x" * 60):
            found = page(result("drain", False, words, since=NOW), draining=True)
            assert found.texts("h1") == [words]

    @pytest.mark.parametrize("output", [u"x" * 61, u"two\nlines", {"until": 5}, u" "])
    def test_long_text_is_below_the_headline(self, page, output):
        found = page(result("drain", False, output, since=NOW), draining=True)
        if isinstance(output, dict):
            assert found.texts("h1") == [u'{"until": 5}']
            return
        assert found.texts("h1") == [u"Out of rotation"]
        notes = found.texts("p", class_="note")
        assert notes[:-1] == output.split()[:1] + output.split()[1:]
        assert u"on purpose for < 1 s" in notes[-1]
        assert found.all("section") == []

    def test_service_shows_last_results(self):
        app = service("up", "down")
        ask(app)
        app.health.drain("starting")
        found = page_of(app)
        assert found.texts("h1") == [u"starting"]
        assert found.whole_texts("h3") == [u"down", u"up"]
        assert u"all-is-well" in found.texts("pre")


class TestChecks(object):
    """Each check is shown by its state."""

    def test_order_is_failed_warning_passed(self, page):
        found = page(result("a"), result("b", False, critical=False), result("c", False),
                     result("d"),
                     result("e", False))
        assert found.whole_texts("h2") == [u"Failing 2", u"Warning 1", u"Passing 2"]
        assert found.whole_texts("h3") == [u"c", u"e", u"b", u"a", u"d"]
        assert [attrs["class"] for attrs, _ in found.all("section")] == ["failed", "warning",
                                                                         "passed"]

    @pytest.mark.parametrize("critical, verb", [(True, u"failing"), (False, u"warning")])
    def test_failed_one_shows_everything(self, page, critical, verb):
        found = page(result("data<base>", False, output={"rows": [1]}, critical=critical))
        assert found.whole_texts("h3") == [u"data<base>"]
        assert found.texts("pre") == [u'{\n  "rows": [\n    1\n  ]\n}']
        assert found.whole_texts("p", class_="lasts") == [verb + u" for 13 min"]
        assert found.whole_texts("div", class_="facts") == [
            u"since 03:51:54 UTC; took 0.9 ms, checked 3 s ago"]
        assert [attrs["datetime"] for attrs, _ in found.all("time")] == [
            "2026-02-03T03:51:54.250Z", "2026-02-03T04:05:03.250Z"]
        assert found.all("details") == []

    def test_passed_one_is_a_line_to_unfold(self, page):
        found = page(result("data<base>", output={"rows": [1]}),
                     runs_of=lambda name: [(True, 0.0009)])
        assert [attrs for attrs, _ in found.all("details")] == [{"class": "check"}]
        assert found.whole_texts("h3") == [u"data<base>"]
        assert found.texts("span", class_="glimpse") == [u'{"rows": [1]}']
        assert found.texts("span", class_="took") == [u"0.9 ms"]
        assert found.texts("pre") == [u'{\n  "rows": [\n    1\n  ]\n}']
        assert found.whole_texts("p", class_="facts") == [
            u"passing for 13 min, since 03:51:54 UTC;\ntook 0.9 ms, checked 3 s ago\n"
            u"last 1 run: 0 failed, the slowest took 0.9 ms"]

    @pytest.mark.parametrize("output, preview", [
        ({u"rows": 1}, u'{"rows": 1}'), (u"two\nlines", u"two lines"),
        (u"x" * 1000, u"x" * 157 + u"...")])
    def test_preview_is_one_line(self, page, output, preview):
        assert page(result(output=output)).texts("span", class_="glimpse") == [preview]

    @pytest.mark.parametrize("passed", [True, False])
    def test_middle_of_a_long_output_is_folded(self, page, passed):
        lines = [u"line %d" % number for number in range(500)]
        found = page(result(passed=passed, output=u"\n".join(lines)))
        assert u"Show 486 lines more" in found.texts("summary")
        assert u"\n".join(found.texts("pre")).split(u"\n") == lines
        assert u"more" not in u"".join(page(result(passed=passed)).texts("summary"))

    def test_docstring_is_shown_with_links(self):
        app = service("up")

        @app.health.add_check
        def queue():
            """Restart it, see https://wiki.example/queue?a=1&b=2.

        Not this.
        """
            return False, "down"

        found = page_of(app)
        assert found.whole_texts("p", class_="doc") == [
            u"Restart it, see https://wiki.example/queue?a=1&b=2."]
        assert found.all("a",
                         rel="noreferrer")[0][0]["href"] == "https://wiki.example/queue?a=1&b=2"
        app.health.details = False
        assert b"wiki.example" not in ask(app, "format=html").body

    def test_hung_one_shows_how_long_it_runs(self, world, page):
        app = bottle.Bottle()
        HealthCheck(app, "/health", timeout=2, checkers=[lambda: (False, "late")])
        facts, = page_of(app).whole_texts("div", class_="facts")
        assert u"; has run for 2.0 s, checked < 1 s ago" in facts
        world.clock.tick(60)
        assert u"; has run for 62 s, " in page_of(app).whole_texts("div", class_="facts")[0]
        world.work()
        facts, = page_of(app).whole_texts("div", class_="facts")
        assert u"; took " in facts and u"has run" not in facts


def bars_of(found):
    """(class, x, y, steps) of the strokes in a page's strips."""
    return [(attrs["class"], int(x), int(y), step) for attrs, _ in found.all("path")
            if attrs.get("class") in ("passed", "failed")
            for x, y, step in re.findall(r"M(\d+) (\d+)([vV]-?\d+)", attrs["d"])]


class TestStrip(object):
    """A strip is the bar chart of a check's last runs."""

    def test_newest_run_is_on_the_right(self, page):
        runs = [(True, 1.0), (False, 0.5), (True, 0.0)]
        found = page(result(passed=False), runs_of=lambda name: runs)
        assert bars_of(found) == [("passed", 230, 20, "v-20"), ("passed", 238, 20, "v-2"),
                                  ("failed", 234, 20, "v-10"), ("failed", 234, 22, "V26")]
        assert found.all("svg", class_="strip")[0][0]["viewbox"] == "0 0 240 26"
        words = u"last 3 runs: 1 failed, the slowest took 1.0 s"
        assert words in found.texts("title") and words in found.texts("p")
        assert u"a mark below the line is a failed run" in found.texts("p")[-1]

    @pytest.mark.parametrize("runs", [[], [(True, 0.0)] * 60, [(False, 1e9)] * 60])
    def test_stays_within_its_drawing(self, page, runs):
        bars = bars_of(page(result(), runs_of=lambda name: runs))
        assert len(bars) == len(runs) + len([1 for passed, _ in runs if not passed])
        for _, x, y, step in bars:
            end = int(step[1:]) if step[0] == "V" else y + int(step[1:])
            assert 2 <= x <= 238 and 0 <= y <= 26 and 0 <= end <= 26 and end != y

    def test_has_the_runs_of_this_process(self):
        app, outcomes = bottle.Bottle(), [True, False, False, True]
        health = HealthCheck(app, "/health", success_ttl=None, failed_ttl=None)
        health.add_check(lambda: (outcomes.pop(0), ""), name="flapping")
        for _ in range(4):
            found = page_of(app)
        assert [(kind, x) for kind, x, y, _ in bars_of(found) if y == 20] == [
            ("passed", 226), ("passed", 238), ("failed", 230), ("failed", 234)]

    def test_hung_check_has_a_bar(self):
        gate = threading.Event()
        app = bottle.Bottle()
        HealthCheck(app, "/health", timeout=0.01,
                    checkers=[lambda: (gate.wait(GENEROUS_SECONDS), "")])
        try:
            for _ in range(3):  # one run, one bar
                assert [kind for kind, _, y, _ in bars_of(page_of(app)) if y == 20] == ["failed"]
        finally:
            gate.set()


HOSTILE = u"</pre></title></style></svg><script>alert(1)</script>\" onload='x' {{bad}} % end\n% x"


class TestSafety(object):
    """The page runs and loads nothing, whatever checks report."""

    def test_policy_allows_own_style_alone(self):
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

    def test_no_script_and_no_other_file(self, page):
        found = page(result(), result("b", False))
        assert found.elements[0][:2] == ["html", {"lang": "en"}]
        assert ({"http-equiv": "refresh", "content": "10"}, u"") in found.all("meta")
        tags = set(tag for tag, _, _ in found.elements)
        assert not tags & set(["script", "link", "img", "iframe", "object", "form"])
        for tag, attributes, text in found.elements:
            assert not [name for name in attributes if name in ("src", "style")
                        or name.startswith("on")]
            assert "url(" not in text and "@import" not in text
            # In Chromium a page whose address ends with a fragment does not refresh itself.
            assert tag == "use" or not attributes.get("href", "").startswith("#")

    @pytest.mark.parametrize("passed", [True, False])
    @pytest.mark.parametrize("output", [HOSTILE, [HOSTILE], {HOSTILE: HOSTILE}, u"\x00\x0b\x1b[0m",
                                        u"x" * 65536, b"\xff", None, 1.5, True, u"\u202e\ud83d"])
    def test_hostile_output_is_escaped(self, page, output, passed):
        found = page(result(HOSTILE, passed, output), runs_of=lambda name: [(True, 1)],
                     about={"serviceId": HOSTILE, "description": HOSTILE},
                     request=Asked(check=[HOSTILE]))
        assert "script" not in [tag for tag, _, _ in found.elements]
        assert found.whole_texts("h3") == [u" ".join(HOSTILE.split())]
        if output is HOSTILE:
            assert found.texts("pre") == [HOSTILE]
        assert [name for _, attributes, _ in found.elements for name in attributes
                if name.startswith("on")] == []

    def test_hostile_docstring_is_escaped(self):
        app = service()
        check = app.health.checkers[1].func
        check.__doc__ = u"<script> https://a.example/'onclick='x'\"onclick=\"x"
        found = page_of(app)
        assert "script" not in [tag for tag, _, _ in found.elements]
        assert [sorted(attrs) for attrs, _ in found.all("a", rel="noreferrer")] == [["href", "rel"]]


class TestLoading(object):
    """The page is read and compiled by the constructor."""

    def test_compiled_once(self):
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

    def test_may_be_in_a_zip(self, tmpdir):
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
            "from tests.internals import FORMATS, Request, page\n"
            "report = bottle_healthcheck.HealthCheck().run()\n"
            "assert 'packages.zip' in page.__file__, page.__file__\n"
            "assert b'<h1' in FORMATS['html'].encode(report, Request())[0][0]\n" % archive)
        assert (status, output, errors) == (0, "", "")
