"""The page, as Chromium shows it."""
import json

import bottle
import pytest

from bottle_healthcheck import HealthCheck
from tests.browser import chromium
from tests.serving import serving

pytestmark = pytest.mark.servers

WIDTHS = (1280, 390)

HOSTILE = (u"</pre></td></table></main><script>window.ran = 1; document.title = 'ran'</script>"
           u"<img src=x onerror='window.ran = 1'><svg onload='window.ran = 1'>"
           u"<style>body { display: none }</style><base href='http://127.0.0.1:1/'>")

#: The contrast (WCAG 2) of an element's words with what is painted below them.
CONTRAST = """(function (selector) {
  function rgb(colour) { return colour.match(/[0-9.]+/g).map(Number); }
  function luminance(colour) {
    var parts = rgb(colour).slice(0, 3).map(function (part) {
      part /= 255;
      return part <= 0.03928 ? part / 12.92 : Math.pow((part + 0.055) / 1.055, 2.4); });
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]; }
  function below(element) {
    var colour = getComputedStyle(element).backgroundColor;
    return rgb(colour)[3] === 0 ? below(element.parentElement) : colour; }
  return Math.min.apply(null, Array.from(document.querySelectorAll(selector), function (one) {
    var both = [luminance(getComputedStyle(one).color), luminance(below(one))];
    both.sort(function (a, b) { return b - a; });
    return (both[0] + 0.05) / (both[1] + 0.05); }));
})(%s)"""

#: The boxes of the elements that a selector finds, as [left, top, width, height] in pixels.
BOXES = """Array.from(document.querySelectorAll(%s), function (one) {
  var box = one.getBoundingClientRect(); return [box.left, box.top, box.width, box.height]; })"""


@pytest.fixture(scope="module")
def browser():
    with chromium() as one:
        yield one


def service(*checks, **options):
    """An app whose checks are (name, passed, output, critical)."""
    app = bottle.Bottle()
    app.health = HealthCheck(app, "/health", **options)
    for name, passed, output, critical in checks:
        app.health.add_check(lambda passed=passed, output=output: (passed, output), name=name,
                             critical=critical)
    return app


MIXED = (("database", True, {"rows": 1}, True), ("queue", False, "no route to host", True),
         ("disk", False, "slow", False))


def complaints(browser):
    """What the console says, but for the status of the page itself."""
    return [one for one in browser.complaints()
            if one.get("entry", {}).get("source") != "network"]


def boxes(browser, selector):
    return browser.value(BOXES % json.dumps(selector))


class TestLayout(object):
    @pytest.mark.parametrize("width", [pytest.param(1280, marks=pytest.mark.smoke), 390])
    def test_shows_first_what_fails(self, browser, width):
        with serving(service(*MIXED, about={"serviceId": "shop", "version": "1.2"})) as url:
            browser.open(url + "/health?format=html", width)
            assert browser.value("innerWidth") == width
            assert browser.value("document.title") == u"\u274c Failing - shop"
            text = browser.value("document.body.innerText")
            strips = [box[2] for box in boxes(browser, ".strip")]
        lines = [line.strip() for line in text.splitlines()]
        assert lines[0] == "Failing"
        places = [text.index(words) for words in (
            "1 of 3 checks fails: queue", "1 warns: disk", "1 passes", "shop 1.2", "/health on ",
            "Failing 1", "failing for ", "no route to host", "Warning 1", "warning for ", "slow\n",
            "Passing 1", "database")]
        assert places == sorted(places)
        assert "passing for" not in text and '"rows": 1\n' not in text  # folded
        assert len(strips) == 3 and all(150 < one <= 400 for one in strips[:2])
        assert 150 < strips[2] <= 240 if width == 1280 else strips[2] == 0
        assert complaints(browser) == []

    def test_passing_check_takes_one_line(self, browser):
        name = "replica_of_the_database_of_orders_in_eu_west_1"
        checks = [(name + "_%d" % number, True, {"rows": number}, True) for number in range(40)]
        with serving(service(*checks)) as url:
            browser.open(url + "/health?format=html", 390)
            rows = boxes(browser, "details.check")
            assert len(rows) == 40 and all(height < 50 for _, _, _, height in rows)
            browser.value("document.querySelector('details.check').open = true")
            assert '"rows": 0' in browser.value("document.querySelector('details.check').innerText")
            assert boxes(browser, ".strip")[0][2] > 250
            assert browser.value("document.scrollingElement.scrollWidth <= innerWidth") is True

    @pytest.mark.parametrize("width", WIDTHS)
    def test_breaks_names_between_words(self, browser, width):
        name = "_".join(["replica"] * 12)
        with serving(service((name, False, "x", True))) as url:
            browser.open(url + "/health?format=html", width)
            # Each part stands in one line: a part that is broken has two boxes.
            parts = browser.value("""Array.from(document.querySelector("h3").childNodes)
            .filter(function (node) { return node.nodeType === 3 && node.data.trim(); })
            .map(function (node) { var range = document.createRange(); range.selectNode(node);
                                   return range.getClientRects().length; })""")
            assert parts == [1] * 12
            assert browser.value("document.querySelector('h3').innerText") == name

    def test_without_details_shows_status_alone(self, browser):
        with serving(service(*MIXED, details=False)) as url:
            browser.open(url + "/health?format=html")
            lines = browser.value("document.body.innerText").split("\n")
        lines = [line for line in lines if line]
        assert lines[:2] == ["Failing", "Details are hidden for this request."]
        assert [line.split(" ")[0] for line in lines[2:]] == ["as", "refreshes", "Also"]


STATES = {"failure": MIXED, "warning": MIXED[::2], "success": MIXED[:1], "none": ()}

#: Every element with words of its own.
WORDS = ("h1", "h2", "h3", ".note", "li", ".about p", ".about a", ".count", ".lasts", "pre", ".doc",
         ".doc a", ".facts", ".facts p", ".glimpse", ".took", "footer p", "footer a", "summary")


def documented():
    """Says what to do: https://wiki.example/what-to-do"""
    return False, "\n".join("line %d" % number for number in range(50))


class TestAccessibility(object):
    @pytest.mark.parametrize("width", WIDTHS)
    def test_screen_reader_finds_headings(self, browser, width):
        with serving(service(*MIXED)) as url:
            browser.open(url + "/health?format=html", width)
            nodes = browser.call("Accessibility.getFullAXTree")["nodes"]
        shown = [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes
                 if not node.get("ignored")]
        for name in ("Failing", "Failing 1", "queue", "Warning 1", "disk", "Passing 1", "database"):
            assert ("heading", name) in shown
        assert [role for role, _ in shown if role in ("image", "img", "SvgRoot")] == []
        roles = [role for role, _ in shown]
        for role in ("banner", "main", "contentinfo", "article", "DisclosureTriangle"):
            assert role in roles, role
        assert ("link", "stop refreshing") in shown
        assert "last 1 run: 1 failed" in " ".join(name for _, name in shown)

    @pytest.mark.parametrize("state", sorted(STATES) + ["draining"])
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_words_stand_out(self, browser, state, scheme):
        app = service(*STATES.get(state, MIXED), about={"serviceId": "shop"})
        app.health.checkers.append(documented)
        if state == "none":
            del app.health.checkers[:]
        app.health.run()
        if state == "draining":
            app.health.drain("moving out")
        with serving(app) as url:
            for width in WIDTHS:
                browser.open(url + "/health?format=html&refresh=off", width, scheme=scheme)
                paper = browser.value("getComputedStyle(document.body).backgroundColor")
                assert paper == {"light": "rgb(245, 246, 248)", "dark": "rgb(14, 17, 22)"}[scheme]
                browser.value("document.querySelectorAll('details').forEach("
                              "function (one) { one.open = true; })")
                for selector in WORDS:
                    if browser.value("document.querySelectorAll('%s').length" % selector):
                        assert browser.value(CONTRAST % ("'%s'" % selector)) >= 4.5, selector


class TestHostileOutput(object):
    @pytest.mark.parametrize("width", WIDTHS)
    @pytest.mark.parametrize("name, output", [
        (HOSTILE, HOSTILE), ("n" * 500, "x" * 65536), ("json", {"a" * 5000: ["b" * 5000] * 3}),
        ("tall", "line\n" * 5000)])
    def test_neither_runs_nor_breaks_layout(self, browser, width, name, output):
        height = "document.scrollingElement.scrollHeight"
        with serving(service((name, False, "x", True), ("good", True, "x", True))) as url:
            browser.open(url + "/health?format=html&refresh=off", width)
            usual_height = browser.value(height)
        with serving(service((name, False, output, True), ("good", True, output, True))) as url:
            browser.open(url + "/health?format=html&refresh=off", width)
            assert browser.value("typeof window.ran") == "undefined"
            assert browser.value("document.scripts.length + document.images.length") == 0
            assert browser.value("document.title").startswith(u"\u274c Failing - ")
            assert browser.value("document.body.offsetHeight") > 100
            assert browser.value("document.scrollingElement.scrollWidth <= innerWidth") is True
            # What is folded would be thousands of pixels tall.
            assert browser.value(height) < usual_height + 1000
            browser.value("document.querySelectorAll('details').forEach("
                          "function (one) { one.open = true; })")
            assert browser.value("document.scrollingElement.scrollWidth <= innerWidth") is True
            assert complaints(browser) == []
        if name == HOSTILE:
            assert browser.value("document.querySelector('pre').innerText") == HOSTILE

    def test_policy_refuses_script_and_style(self, browser):
        with serving(service(*MIXED)) as url:
            browser.open(url + "/health?format=html")
            band = "getComputedStyle(document.querySelector('header')).backgroundColor"
            assert browser.value(band) == "rgb(181, 29, 24)"  # the page's own style works
            for tag, content in (("script", "window.ran = 1"), ("style", "h1 { color: red }")):
                browser.value("""(function () { var one = document.createElement('%s');
                one.textContent = '%s'; document.body.appendChild(one); })()""" % (tag, content))
            assert browser.value("typeof window.ran") == "undefined"
            assert browser.value("getComputedStyle(document.querySelector('h1')).color"
                                 ) != "rgb(255, 0, 0)"
            browser.call("Runtime.evaluate", expression="1")  # after the console's messages
            refused = [one["entry"]["text"] for one in complaints(browser)]
            assert len(refused) == 2 and all("Content Security Policy" in one for one in refused)


class TestRefresh(object):
    def test_stays_at_the_same_place(self, browser):
        outcomes = {"passed": True}
        app = service(*MIXED[:1], failed_ttl=None, success_ttl=None)
        for number in range(40):
            app.health.add_check(lambda: (outcomes["passed"], "x"), name="check %d" % number)
        asked = []
        with serving(app, asked) as url:
            browser.open(url + "/health?format=html")
            assert browser.value("document.querySelector('h1').innerText") == "Healthy"
            browser.value("scrollTo(0, 700)")
            scrolled = browser.value("scrollY")
            outcomes["passed"] = False
            while browser.value("document.querySelector('h1').innerText") != "Failing":
                browser.wait_for("Page.loadEventFired")
            # The page has grown, since what fails takes more room.
            assert abs(browser.value("scrollY") - scrolled) < 5
            assert set(asked) <= set(["/health", "/favicon.ico"])
            assert asked.count("/health") >= 2
