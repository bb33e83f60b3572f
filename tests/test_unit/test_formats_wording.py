# coding: utf-8
"""bottle_healthcheck._http.formats.wording"""
import functools

import pytest

from bottle_healthcheck import HealthCheck
from tests.internals import wording

NOW = 1770091506.25  # 2026-02-03 04:05:06 UTC


class TestTimes(object):
    @pytest.mark.parametrize("seconds, words", [
        (-5, u"< 1 s"), (0.9, u"< 1 s"), (1, u"1 s"), (119.9, u"119 s"), (120, u"2 min"),
        (792, u"13 min"), (3599, u"59 min"), (3600, u"1 h"), (7199, u"1 h 59 min"),
        (86399, u"23 h"),
        (86400, u"1 d"), (86400 + 3600 * 5, u"1 d 5 h"), (86400 * 10.5, u"10 d"),
        (86400 * 1000, u"1000 d")])
    def test_period_has_one_or_two_units(self, seconds, words):
        assert wording.period(seconds) == words

    @pytest.mark.parametrize("seconds, words", [
        (0, u"< 0.1 ms"), (0.00004, u"< 0.1 ms"), (0.00006, u"0.1 ms"), (0.0009, u"0.9 ms"),
        (0.00994, u"9.9 ms"), (0.00996, u"10 ms"), (0.25, u"250 ms"), (0.9994, u"999 ms"),
        (0.9996, u"1.0 s"), (3.002, u"3.0 s"), (9.96, u"10 s"), (61.3, u"61 s"), (119.6, u"2 min"),
        (4000, u"1 h 6 min")])
    def test_duration_has_a_suitable_unit(self, seconds, words):
        assert wording.duration(seconds) == words

    @pytest.mark.parametrize("ago, words", [
        (780, u"03:52:06 UTC"), (0, u"04:05:06 UTC"), (4 * 3600 + 307, u"2026-02-02 23:59 UTC"),
        (-86400, u"2026-02-04 04:05 UTC")])
    def test_moment_of_another_day_has_its_date(self, ago, words):
        assert wording.moment(NOW - ago, NOW) == words


LINES = [u"line %d" % number for number in range(40)]


class TestOutput(object):
    @pytest.mark.parametrize("output, words", [
        (u"plain", u"plain"), (u"two\nlines", u"two\nlines"), (u"C:\\new", u"C:\\new"),
        (None, u"null"),
        (1.5, u"1.5"), (True, u"true"), ([], u"[]"), ({}, u"{}"),
        ({u"rows": [1, u"\xe9"]}, u'{\n  "rows": [\n    1,\n    "\xe9"\n  ]\n}'),
        ([u"a\nb"], u'[\n  "a\nb"\n]'),
        ([u"C:\\new \\\\n"], u'[\n  "C:\\\\new \\\\\\\\n"\n]'),
        ([u'say "hi"\t'], u'[\n  "say \\"hi\\"\\t"\n]')])
    def test_json_is_indented(self, output, words):
        assert wording.pretty(output) == words

    @pytest.mark.parametrize("text", [u"", u"one", u"x" * 2000, u"\n".join(LINES[:20])])
    def test_short_one_is_not_folded(self, text):
        assert wording.fold(text) == (text, u"", u"")

    def test_middle_of_a_long_one_is_folded(self):
        beginning, middle, end = wording.fold(u"\n".join(LINES))
        assert beginning.split(u"\n") == LINES[:8]
        assert middle.split(u"\n") == LINES[8:-6]
        assert end.split(u"\n") == LINES[-6:]
        assert wording.amount(middle) == u"26 lines"

    @pytest.mark.parametrize("text", [
        u"x" * 2001, u"abc " * 20000, u"first\n" + u"x" * 70000, u"x" * 70000 + u"\nlast",
        u"\n" * 30, u"\n".join([u"y" * 500] * 21)])
    def test_nothing_of_a_long_one_is_lost(self, text):
        beginning, middle, end = wording.fold(text)
        assert text.startswith(beginning) and text.endswith(end)
        assert (beginning + middle + end).replace(u"\n", u"") == text.replace(u"\n", u"")
        assert len(beginning) <= 800 and len(end) <= 600

    @pytest.mark.parametrize("text, words", [
        (u"a\nb\nc", u"3 lines"), (u"\n".join(LINES) * 100, u"3,901 lines"),
        (u"x" * 68600, u"68,600 characters"), (u"x\ny", u"3 characters")])
    def test_amount_that_is_folded(self, text, words):
        assert wording.amount(text) == words


class TestName(object):
    @pytest.mark.parametrize("name, parts", [
        ("queue", [u"queue"]), ("db_replica_2", [u"db_", u"replica_", u"2"]),
        ("https://a.example/x", [u"https://", u"a.", u"example/", u"x"]),
        ("__x__", [u"__", u"x__"]),
        (u"na\xefve check", [u"na\xefve check"]), ("two\nlines", [u"two lines"]), ("_", [u"_"])])
    def test_may_be_broken_between_words(self, name, parts):
        assert wording.parts_of_name(name) == parts


def paragraph_of(doc):
    def check():
        return True, ""
    check.__doc__ = doc
    health = HealthCheck(checkers=[check])
    return wording.first_paragraph(health.checkers[0])


def text_of(pieces):
    return u"".join(u"".join(parts) for parts, _ in pieces)


def links_of(pieces):
    return [link for _, link in pieces if link]


class Callable(object):
    """Checks the queue."""

    def __call__(self):
        return True, ""


def check_of(name):
    """Checks by name."""
    return True, name


class Odd(object):
    """Raises where its docstring is read, once it is registered."""

    is_registered = False

    def __getattribute__(self, name):
        if name == "__doc__" and Odd.is_registered:
            raise RuntimeError("no docstring")
        return object.__getattribute__(self, name)

    def __call__(self):
        return True, ""


class TestDocstring(object):
    """The first paragraph of a check's docstring."""

    @pytest.mark.parametrize("doc, text", [
        (None, u""), ("", u""), ("  \n ", u""), ("One line.", u"One line."),
        ("Two\n    lines.\n\n    And more.", u"Two lines."),
        ("\n    It begins below.\n\n    :returns: a pair\n    ", u"It begins below."),
        (u"Caf\xe9 <b>", u"Caf\xe9 <b>")])
    def test_first_paragraph(self, doc, text):
        assert text_of(paragraph_of(doc)) == text

    @pytest.mark.parametrize("doc, links", [
        ("See https://wiki.example/orders.", [u"https://wiki.example/orders"]),
        ("(http://wiki.example/a), HTTPS://wiki.example/b?c=d#e!", [
            u"http://wiki.example/a", u"HTTPS://wiki.example/b?c=d#e"]),
        ("https://en.wikipedia.example/wiki/Queue_(data)", [
            u"https://en.wikipedia.example/wiki/Queue_(data)"]),
        ("`https://wiki.example/x`_ and <https://wiki.example/y>", [
            u"https://wiki.example/x", u"https://wiki.example/y"]),
        ("javascript:alert(1) file:///etc/passwd ftp://a.example data:text/html,x //b.example", []),
        ("java\nscript:https", []), ("https://", [])])
    def test_links_are_http_alone(self, doc, links):
        pieces = paragraph_of(doc)
        assert links_of(pieces) == links
        assert text_of(pieces) == u" ".join(doc.split())

    def test_long_link_may_be_broken_after_slashes(self):
        for link, parts in (("https://wiki.example/a_b/c",
                             [u"https://wiki.example/", u"a_b/", u"c"]),
                            ("https://wiki.example", [u"https://wiki.example"])):
            assert paragraph_of(link) == [(parts, link)]

    def test_secrets_are_masked(self):
        docstring = "Log in with password=hunter22 at https://ann:hunter22@a.example"
        text = text_of(paragraph_of(docstring))
        assert u"hunter22" not in text and u"Log in with password=" in text

    @pytest.mark.parametrize("func, text", [
        (Callable(), u"Checks the queue."), (lambda: (True, ""), u""),
        (functools.partial(check_of, "a"), u"Checks by name."),
        (functools.partial(functools.partial(check_of), "a"), u"Checks by name.")])
    def test_of_partials_and_methods(self, func, text):
        health = HealthCheck(checkers=[func])
        assert text_of(wording.first_paragraph(health.checkers[0])) == text

    def test_missing_one_is_empty(self):
        func = Callable()
        func.__doc__ = 5
        assert wording.first_paragraph(HealthCheck(checkers=[func]).checkers[0]) == []
        assert wording.first_paragraph(None) == []

    def test_raising_one_is_empty(self, monkeypatch):
        health = HealthCheck(checkers=[Odd()])
        monkeypatch.setattr(Odd, "is_registered", True)
        assert wording.first_paragraph(health.checkers[0]) == []
