# coding: utf-8
"""bottle_healthcheck._jsonable"""
import collections
import datetime
import json
import sys
import types

import bottle
import pytest
import six
from six.moves import UserString, collections_abc

from tests import corpus_loader
from tests.internals import _jsonable

EVIL = RuntimeError("must not be shown")
OPAQUE = corpus_loader._Opaque


def _type_name(kind):
    return u"<%s.%s>" % (kind.__module__, kind.__name__)


def evil(*args, **kwargs):
    raise EVIL


class EvilClass(object):
    @property
    def __class__(self):
        raise EVIL

    def __getattr__(self, name):
        raise EVIL

    __repr__ = __str__ = __hash__ = __eq__ = evil


def caused(exc, cause, **attributes):
    """An exception with a cause, as `raise exc from cause` makes it on Python 3."""
    exc.__cause__ = cause
    for name, value in attributes.items():
        setattr(exc, name, value)
    return exc


class EvilMapping(collections_abc.Mapping):
    __getitem__ = __iter__ = __len__ = items = __repr__ = __str__ = evil


class EvilSequence(collections_abc.Sequence):
    __getitem__ = __len__ = __iter__ = __repr__ = __str__ = evil


class EvilText(six.text_type):
    __str__ = __repr__ = __iter__ = __len__ = encode = __getitem__ = evil


class EvilInt(int):
    __str__ = __repr__ = __int__ = __index__ = __add__ = bit_length = evil


class EvilFloat(float):
    __str__ = __repr__ = __float__ = __eq__ = __ne__ = __gt__ = __hash__ = evil


class EvilDict(dict):
    __iter__ = __getitem__ = items = keys = values = iteritems = __repr__ = evil


class EvilList(list):
    __iter__ = __getitem__ = __len__ = __repr__ = evil


class OddClass(type):
    __module__ = property(lambda self: 1 / 0)


class TestPlain(object):
    """Any value becomes plain JSON data."""

    @pytest.mark.parametrize("case", corpus_loader.load("json_cases.json"),
                             ids=lambda case: case["id"])
    def test_collected_case(self, case):
        expected = case["expect"]
        if isinstance(case["value"], OPAQUE):
            expected = _type_name(OPAQUE)
        assert _jsonable.plain(case["value"]) == expected
        written = json.loads(_jsonable.dumps(case["value"]))
        assert written == expected
        assert type(written) is type(expected)

    @pytest.mark.parametrize("kind, expected", [
        (EvilText, u"a"), (EvilInt, 7), (EvilFloat, 0.5), (EvilDict, {u"a": 1}), (EvilList, [1]),
    ])
    def test_subclass_becomes_the_builtin(self, kind, expected):
        made = _jsonable.plain(kind(expected))
        assert made == expected
        assert type(made) is (_jsonable.Object if isinstance(expected, dict) else type(expected))

    @pytest.mark.parametrize("kind", [EvilMapping, EvilSequence, EvilClass])
    def test_raising_value_becomes_its_type(self, kind):
        assert _jsonable.plain({"a": [kind()]}) == {u"a": [_type_name(kind)]}

    def test_unknown_object_is_not_shown(self):
        class Unknown(object):
            calls = []

            def __repr__(self):
                self.calls.append(1)
                return "repr"

            __str__ = __unicode__ = __format__ = __repr__

        assert _jsonable.plain([Unknown(), {Unknown(): 1}]) == [
            _type_name(Unknown), {_type_name(Unknown): 1}]
        assert not Unknown.calls
        assert _jsonable.plain(Unknown) == _type_name(type)

    @pytest.mark.parametrize("kind", [OddClass])
    def test_object_whose_class_raises(self, kind):
        assert _jsonable.plain([kind("Odd", (), {})()]) == ["<object>"]

    @pytest.mark.parametrize("value, expected", [
        (2 ** 64 - 1, 2 ** 64 - 1),
        (-2 ** 64 + 1, -2 ** 64 + 1),
        (2 ** 64, u"18446744073709551616"),
        (10 ** 4200, u"1" + u"0" * 4200),
        (2 ** 14284 - 1, six.text_type(2 ** 14284 - 1)),  # 4300 digits
        (2 ** 14284, u"<int of 14285 bits>"),
        (-10 ** 5000, u"<int of 16610 bits>"),
        (-0.0, -0.0),
        (collections.deque([1, 2]), [1, 2]),
        (range(3), [0, 1, 2]),
        (UserString("abc"), u"abc"),
        (memoryview(b"a\xff"), u"a\\xff"),
        ({1: 2}.values() if not six.PY2 else OPAQUE("x"), None),
        ({1: 2}.keys(), [1]),
        (frozenset([frozenset([2]), 3, u"a", None, (1,)]), None),
        (datetime.time(1, 2, 3), u"01:02:03"),
        (datetime.timedelta(-1), u"-1 day, 0:00:00"),
        ([u"\udc7f\udfff\ud83d"], [u"\\udc7f\\udfff\\ud83d"]),
        (u"\U0001F600é", u"\U0001F600é"),
        (b"\xed\xa0\x80", None),
        ({(1, u"b"): 1, 1.5: 2, 2 ** 70: 3}, {
            u'[1, "b"]': 1, u"1.5": 2, u"1180591620717411303424": 3}),
        ([{}, [], (), set()], [{}, [], [], []]),
        (KeyError(u"k"), u"KeyError: 'k'" if not six.PY2 else u"KeyError: u'k'"),
        ([ValueError()], [u"ValueError"]),
    ], ids=lambda value: type(value).__name__)
    def test_more_values(self, value, expected):
        made = _jsonable.plain(value)
        assert json.loads(_jsonable.dumps(value)) == made
        if expected is not None:
            assert made == expected

    @pytest.mark.skipif(sys.version_info < (3, 4), reason="enum is new in Python 3.4")
    def test_enum_becomes_its_value(self):
        import enum

        class Number(enum.IntEnum):
            ONE = 1

        class Word(str, enum.Enum):
            A = "a"

        class Inside(enum.Enum):
            MANY = ({"a": {1}},)

        assert _jsonable.plain([Number.ONE, Word.A, Inside.MANY]) == [1, u"a", [{u"a": [1]}]]
        assert [type(one) for one in _jsonable.plain([Number.ONE, Word.A])] == [int, str]

    @pytest.mark.skipif(sys.version_info < (3, 6), reason="os.PathLike is new in Python 3.6")
    def test_path_becomes_text(self):
        import pathlib
        assert _jsonable.plain(pathlib.PurePosixPath("/srv/app")) == u"/srv/app"

    def test_plain_data_stays_equal(self):
        data = {u"a": [1, 2.5, None, True, u"b", {u"c": []}]}
        assert _jsonable.plain(data) == data
        assert _jsonable.plain(_jsonable.plain(data)) == data

    def test_equal_names_keep_every_value(self):
        made = _jsonable.plain(collections.OrderedDict(
            [(1, "a"), (u"1'", "b"), ("1", "c"), (True, "d")]))
        assert sorted(made.values()) == ["b", "c", "d"]
        pairs = _jsonable.plain(collections.OrderedDict(
            [(u"1'", "a"), (2, "b"), ("2", "c"), (1.0, "d")]))
        assert list(pairs.items()) == [(u"1'", "a"), (u"2", "b"), (u"2'", "c"), (u"1.0", "d")]

    def test_order_is_kept(self):
        names = [u"status", u"hostname", u"b", u"a", u"results"]
        ordered = collections.OrderedDict((name, 1) for name in names)
        assert list(_jsonable.plain(ordered)) == names
        assert _jsonable.dumps(ordered).startswith('{"status": 1, "hostname": 1')
        if hasattr(ordered, "move_to_end"):
            ordered.move_to_end(u"status")
            assert list(_jsonable.plain(ordered)) == names[1:] + [u"status"]


class TestNesting(object):
    """Circles, depth and numbers of items are limited."""

    def test_shared_value_is_no_circle(self):
        shared = [1]
        assert _jsonable.plain([shared, {"a": shared}]) == [[1], {u"a": [1]}]

    def test_circle_of_every_kind(self):
        a = []
        a.append((a, {"a": a}))
        assert _jsonable.plain(a) == [[u"<circular>", {u"a": u"<circular>"}]]

    def test_depth_is_limited(self):
        deep = shown = u"secret"
        for _ in range(5000):
            deep = [{"a": deep}]
        shown = _jsonable.dumps(deep)
        assert u"secret" not in shown
        assert shown.count("[") == shown.count("{") == 32 // 2
        assert '"<too deep>"' in shown
        level = shown = u"leaf"
        for _ in range(32):
            level = [level]
        assert "leaf" in _jsonable.dumps(level)

    def test_number_of_values_is_limited(self):
        many = _jsonable.plain([[None] * 1000] * 1000)
        assert _jsonable.count_values(many) <= 500010
        assert many[-2][-1] == many[-1] == "<more items>"

    def test_set_of_several_types_has_an_order(self):
        assert _jsonable.plain({10, 9, 2.5, None, u"a", u"10"}) == [2.5, 9, 10, u"10", u"a", None]

    def test_number_of_items_is_limited(self):
        many = _jsonable.plain({"list": range(10 ** 5), "set": set(range(20000)),
                                "dict": dict((number, number) for number in range(20000))})
        assert len(many["list"]) == len(many["set"]) == len(many["dict"]) == 10001
        assert many["list"][:2] == [0, 1]
        assert many["list"][-1] == many["set"][-1] == "<more items>"
        assert many["dict"]["<more items>"] == "" and "0" in many["dict"]
        assert _jsonable.plain(many) == many
        whole = list(range(10000))
        assert _jsonable.plain(whole) == whole
        assert len(_jsonable.plain(dict.fromkeys(map(str, whole)))) == 10000


class EvilException(Exception):
    __str__ = __unicode__ = __repr__ = evil


class TestMessage(object):
    """An exception's message, with its type where the message says little."""

    @pytest.mark.parametrize("exc, expected", [
        (ValueError("no"), u"no"),
        (ValueError(), u"ValueError"),
        (ValueError(""), u"ValueError"),
        (ValueError(" \n"), u"ValueError"),
        (ValueError(u"a\n b"), u"a\n b"),
        (ValueError(u"caf\xe9"), u"caf\xe9"),
        (ValueError(b"caf\xc3\xa9"), None),
        (ValueError(u"a", 1), None),
        (ValueError(u"a\ud800"), u"a\\ud800"),
        (ValueError("3 rows"), u"3 rows"),
        (ValueError(3), u"ValueError: 3"),
        (ValueError("-2.5\n"), u"ValueError: -2.5\n"),
        (SystemExit(3), u"SystemExit: 3"),
        (SystemExit("gone"), u"SystemExit: gone"),
        (KeyError("DATABASE_URL"), u"KeyError: 'DATABASE_URL'"),
        (IndexError("list index out of range"), u"IndexError: list index out of range"),
        (KeyError(), u"KeyError"),
        (OSError(111, "Connection refused"), u"[Errno 111] Connection refused"),
        (KeyboardInterrupt("^C"), u"KeyboardInterrupt: ^C"),
        (bottle.HTTPError(503, "database down"), u"database down"),
        (bottle.HTTPError(502, b"bad \xff gateway", ValueError("inner")), u"bad \\xff gateway"),
        (bottle.HTTPResponse("", 303, Location="/login"), u"303 See Other"),
        (bottle.HTTPResponse({"a": 1}, 500), u"500 Internal Server Error"),
    ])
    def test_says_what_happened(self, exc, expected):
        assert isinstance(_jsonable.message(exc), six.text_type)
        if expected is not None:
            assert _jsonable.message(exc) == expected
            assert _jsonable.plain({"a": exc}) == {u"a": expected}

    @pytest.mark.parametrize("kind", [EvilException, EvilClass])
    def test_unreadable_one_is_the_type(self, kind):
        exc = kind() if issubclass(kind, Exception) else ValueError(kind())
        assert _jsonable.message(exc) == type(exc).__name__

    def test_blank_one_is_that_of_the_cause(self):
        refused = OSError(111, "Connection refused")
        assert _jsonable.message(caused(RuntimeError(), refused)) == (
            u"RuntimeError: [Errno 111] Connection refused")
        assert _jsonable.message(caused(RuntimeError("why"), refused)) == u"why"
        assert _jsonable.message(caused(RuntimeError(),
                                        caused(ValueError(" "), KeyError("a")))) == (
            u"RuntimeError: ValueError: KeyError: 'a'")
        circle = RuntimeError()
        circle.__cause__ = circle
        assert _jsonable.message(circle) == u"RuntimeError: " * 10 + u"RuntimeError"

    def test_cause_is_that_of_a_traceback(self):
        error = caused(RuntimeError(), None, __context__=ValueError("down"),
                       __suppress_context__=False)
        assert _jsonable.message(error) == u"RuntimeError: down"
        error.__suppress_context__ = True
        assert _jsonable.message(error) == u"RuntimeError"

    @pytest.mark.parametrize("exc, expected", [
        (ValueError("no"), u"ValueError: no"), (ValueError(), u"ValueError"),
        (KeyError("a"), u"KeyError: 'a'"), (SystemExit(3), u"SystemExit: 3")])
    def test_may_follow_the_type(self, exc, expected):
        assert _jsonable.typed_message(exc) == expected

    def test_that_is_no_text(self):
        class Odd(Exception):
            def __str__(self):
                return 3

        assert _jsonable.message(Odd()) in (u"Odd", u"Odd: 3")  # 2.7 takes the number

    @pytest.mark.parametrize("exc, line", [
        (OSError(111, "Connection refused"), u"Connection refused"),
        (OSError("no number"), u"no number"),
        (OSError(2, ""), u"[Errno 2]"),
        (OSError(1, 2), u"[Errno 1] 2"),
        (ValueError(" two\n\tlines "), u"two lines"),
        (ValueError("a\x1b[31m\x00b"), u"a [31m b"),
        (ValueError(" \n"), u"ValueError"),
        (ValueError(u"\u202e"), u"ValueError"),
        (KeyError(), u"KeyError"),
        (EvilException(), u"EvilException"),
    ])
    def test_line_of_an_exception(self, exc, line):
        assert _jsonable.exception_line(exc) == line


class TestExceptionGroup(object):
    @pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.11 has exception groups")
    def test_message_is_those_of_the_members(self):
        group = ExceptionGroup("two failed", [  # noqa: F821
            ConnectionError("db refused"),
            ExceptionGroup("more", [ValueError("a"), KeyError("b"), TimeoutError()])])  # noqa: F821
        said = u"ConnectionError: db refused; ValueError: a; KeyError: 'b'; TimeoutError"
        assert _jsonable.message(group) == said
        assert _jsonable.typed_message(group) == u"ExceptionGroup: " + said
        assert _jsonable.message(caused(RuntimeError(), group)) == u"RuntimeError: " + said
        blank = caused(RuntimeError(), caused(ValueError(), KeyError("c")))
        assert _jsonable.message(ExceptionGroup("one failed", [blank])) == (  # noqa: F821
            u"RuntimeError: ValueError: KeyError: 'c'")

    @pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.11 has exception groups")
    def test_number_of_members_is_limited(self):
        half = ExceptionGroup("half", [ValueError("down")] * 51)  # noqa: F821
        group = ExceptionGroup("both", [half, half])  # noqa: F821
        assert _jsonable.message(group) == u"ValueError: down; " * 100 + u"<more items>"
        within = ValueError()
        within.__cause__ = ExceptionGroup("circle", [within])  # noqa: F821
        assert _jsonable.message(within) == u"ValueError: " * 5 + u"ValueError"

    def test_backport_is_one(self, monkeypatch):
        class BaseExceptionGroup(Exception):
            exceptions = (ValueError("a"), KeyError("b"))

        backport = types.ModuleType("exceptiongroup")
        backport.BaseExceptionGroup = BaseExceptionGroup
        monkeypatch.setitem(sys.modules, "exceptiongroup", backport)
        assert _jsonable.message(BaseExceptionGroup("two")) == u"ValueError: a; KeyError: 'b'"


class TestText(object):
    """Text, bytes and lines."""

    @pytest.mark.parametrize("value, expected", [
        (u"a", u"a"), (b"a\xff\xc3\xa9", u"a\\xff\xe9"), (u"\udc80", u"\\x80"),
        (3, _type_name(int)),
    ])
    def test_is_text_of_text_or_bytes(self, value, expected):
        assert _jsonable.text(value) == expected
        assert type(_jsonable.text(value)) is six.text_type

    @pytest.mark.parametrize("value", [u"\xe9" * 400000, u"\xe9".encode("utf-8") * 400000])
    def test_that_needs_no_escapes_is_whole(self, value):
        assert _jsonable.text(value) == u"\xe9" * 400000
        assert _jsonable.plain([value]) == [u"\xe9" * 400000]

    def test_of_json_is_native_and_ascii(self):
        written = _jsonable.dumps({u"é": u"é\u2028\ud800"})
        assert type(written) is str
        assert written == '{"\\u00e9": "\\u00e9\\u2028\\\\ud800"}'

    @pytest.mark.parametrize("value, line", [
        (u"plain  text", None), (u" a\r\nb\tc ", u"a b c"), (u"k\xe4l \U0001d11e", None),
        (u"a \n b", u"a   b"), (u"a\x00\x1b[0m\x7f\x9bb\u2028c\u2029", u"a [0m b c"),
        (u"x\u202ey\u2066z\u200b\ufeff", u"x y z"), (u"a\ud800b", u"a b"), (u"\ue000\u0378", u""),
        (b"bytes \xff\n", u"bytes \\xff"), (7, u"<%s.int>" % int.__module__), (u"", u""),
    ])
    def test_line_has_no_invisible_characters(self, value, line):
        assert _jsonable.one_line(value) == (value if line is None else line)

    @pytest.mark.parametrize("value, line", [
        (u"1234567890", u"1234567890"), (u"12345678901", u"1234567..."),
        (u"x" * 10 ** 6, u"xxxxxxx..."), (u" " * 50 + u"a", u"a"), (u"12345\n67890", u"12345 6..."),
    ])
    def test_line_is_cut_at_its_limit(self, value, line):
        assert _jsonable.one_line(value, 10) == line

    @pytest.mark.skipif(sys.maxunicode == 0xffff,
                        reason="on narrow builds of 2.7 it is a character")
    def test_halves_of_a_pair_are_escaped(self):
        assert _jsonable.text(u"\ud83d" + u"\ude00") == u"\\ud83d\\ude00"
