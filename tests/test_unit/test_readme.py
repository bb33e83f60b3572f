"""README.md: its examples run, and answer what it prints."""
import io
import json
import os
import re
import signal

import bottle
import pytest
import webtest

from tests.helpers import DATA, PY2

README = os.path.join(os.path.dirname(__file__), "..", "..", "README.md")

with io.open(README, encoding="utf-8") as _opened:
    TEXT = _opened.read()

#: What differs from run to run.
VOLATILE = ("hostname", "pid", "timestamp", "expires", "response_time", "since")


def blocks():
    """(language, text) of the fenced blocks, in order."""
    return re.findall(r"^```(\w+)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def python_blocks():
    """The Python blocks, each with the console block that shows what it answers, or None."""
    found = blocks()
    return [(text, following[1] if following[0] == "console" else None)
            for (language, text), following in zip(found, found[1:] + [("", "")])
            if language == "python"]


def steady(value):
    """A JSON value without what differs from run to run."""
    if isinstance(value, dict):
        return dict((name, steady(one)) for name, one in value.items() if name not in VOLATILE)
    return [steady(one) for one in value] if isinstance(value, list) else value


@pytest.fixture
def quiet(monkeypatch):
    monkeypatch.setattr(bottle.Bottle, "run", lambda *args, **kwargs: None)
    monkeypatch.setattr(signal, "signal", lambda *args: None)


class TestExample(object):
    @pytest.mark.parametrize("source, shown", python_blocks())
    def test_answers_what_is_shown(self, quiet, source, shown):
        for module, needs in (("prometheus_client", ["prometheus_client"]),
                              ("from redis", ["redis"])):
            if module in source:
                for name in needs:
                    pytest.importorskip(name)
        if "retry=None" in source and PY2:
            pytest.skip("redis-py for 2.7 knows no retry=")
        names = {}
        exec(compile(source, "README.md", "exec"), names)
        tests = [function for name, function in names.items() if name.startswith("test_")]
        for test in tests:
            test()
        assert tests or names["app"].routes
        if shown is not None:
            path, body = re.match(r"\$ curl http://127\.0\.0\.1:8080(\S+)\n(.*)", shown,
                                  re.DOTALL).groups()
            response = webtest.TestApp(names["app"]).get(path, expect_errors=True)
            assert steady(response.json) == steady(json.loads(body))

    def test_every_curl_follows_one(self):
        shown = [one for _, one in python_blocks() if one]
        assert len(shown) >= 2
        assert len(shown) == len([1 for language, _ in blocks() if language == "console"])


class TestLink(object):
    @pytest.mark.parametrize("link", re.findall(r"\]\(([^)#][^)]*)\)|\]\(#([^)]*)\)", TEXT))
    def test_leads_somewhere(self, link):
        path, heading = link
        if heading:
            titles = re.findall(r"^#+ (.*)$", TEXT, re.MULTILINE)
            assert heading in [re.sub(r"[^a-z0-9 _-]", "", title.lower()).replace(" ", "-")
                               for title in titles]
        elif not path.startswith("https://"):
            assert os.path.exists(os.path.join(os.path.dirname(README), path))


class TestConfiguration(object):
    @pytest.mark.parametrize("name", sorted(os.listdir(os.path.join(DATA, "clients"))))
    def test_is_the_one_that_is_tested(self, name):
        with io.open(os.path.join(DATA, "clients", name), encoding="utf-8") as opened:
            assert opened.read().strip() in [text.strip() for _, text in blocks()]
