# coding: utf-8
"""bottle_healthcheck._engine.output: an output is bounded as a whole, however it nests."""
import collections
import json
import random

import pytest
import six
from six.moves import collections_abc

from bottle_healthcheck import HealthCheck, ResultCache
from tests import internals
from tests.counting import calls
from tests.internals import _jsonable, output as module, scrubber
from tests.worlds import CacheServer, Check

MAX_VALUES, MAX_LENGTH = 10000, 256 * 1024
MORE = u"<more items>"
Row = collections.namedtuple("Row", "number name")


def make_graph(size):
    """Dictionaries that hold each other: there are size! ways through them."""
    nodes = [{} for _ in range(size)]
    for node in nodes:
        for number, other in enumerate(nodes):
            node[str(number)] = other
    return nodes[0]


def nest(levels, width):
    """Lists in lists: width ** levels numbers."""
    if not levels:
        return 7
    inner = nest(levels - 1, width)
    return [inner] * width


class Endless(collections_abc.Sequence):
    """A sequence that goes on for ever."""

    def __len__(self):
        return 1

    def __getitem__(self, index):
        return index


TOO_LARGE = {
    "graph": lambda: make_graph(8),
    "nested lists": lambda: nest(5, 10),
    "nested dictionaries": lambda: {str(one): {str(two): {"a": 1} for two in range(100)}
                                    for one in range(100)},
    "table": lambda: [{"id": number, "name": "row"} for number in range(20000)],
    "records": lambda: [Row(number, u"row") for number in range(20000)],
    "numbers": lambda: list(range(10000)),
    "pairs": lambda: dict.fromkeys(range(6000)),
    "empty lists": lambda: [[]] * 50000,
    "set": lambda: set(range(50000)),
    "sets": lambda: [frozenset([number]) for number in range(9000)],
    "floats": lambda: [1.0 / 3] * 9000 + [1] * 5000,
    "endless": Endless,
    "deque": lambda: collections.deque(range(50000)),
    "text": lambda: u"x\n" * 500000,
    "bytes": lambda: b"\xff" * 500000,
    "no text": lambda: u"\ud800x" * 500000,
    "bytes that may change": lambda: bytearray(b"\xffx" * 500000),
    "a view of bytes": lambda: memoryview(b"\xffx" * 500000),
    "an exception's message that is no text": lambda: ValueError(u"\ud800x" * 500000),
    "text that JSON escapes": lambda: u"\xe9" * 60000,
    "text that JSON escapes twice": lambda: u"\U0001F600" * 60000,
    "texts": lambda: [u"line %d " % number * 1000 for number in range(100)],
    "short texts": lambda: [u"a line of a log, and its other half"] * 9990,
    "texts by name": lambda: {str(number): u"\u2028" * 1000 for number in range(1000)},
    "long names": lambda: {u"%d" % number * 10000: number for number in range(1000, 2000)},
    "one long name": lambda: {u"n\xe4me" * 30000: 1, u"other": 2},
    "names that are tuples": lambda: {(u"x" * 100, number): 1 for number in range(9000)},
    "exception": lambda: [ValueError(u"no " * 100000)] * 9,
    "numbers of many digits": lambda: [10 ** 4000] * 500,
}


def assert_bounded(shown):
    """It has no more values and no more JSON text than allowed, and says that it is cut."""
    text = json.dumps(shown)
    assert _jsonable.count_values(shown) <= MAX_VALUES
    assert len(text) <= MAX_LENGTH
    assert MORE in text or "characters cut>" in text
    assert len(text) > 20000  # there is something left


def make_data(chance, depth):
    """Any plain data."""
    kind = chance.randrange(8)
    if depth and kind < 3:
        return [make_data(chance, depth - 1) for _ in range(chance.randrange(12))]
    if depth and kind < 6:
        return {u"\xe9" * chance.randrange(30) + str(number): make_data(chance, depth - 1)
                for number in range(chance.randrange(12))}
    return chance.choice([None, True, 0, -2.5e-200, 10 ** 19, u"", u"x" * chance.randrange(900),
                          u"\U0001F600\n\"" * chance.randrange(90)])


class TestLimits(object):
    """An output has at most so many values and characters."""

    @pytest.mark.parametrize("kind", sorted(TOO_LARGE))
    def test_too_large_one_is_cut_and_says_so(self, kind):
        shown, text = module.show(TOO_LARGE[kind]())
        assert_bounded(shown)
        assert json.loads(text) == json.loads(json.dumps(shown)) == shown

    def test_scalars_containers_and_keys_count(self):
        assert _jsonable.count_values({"a": [1, None, {}]}) == 6
        assert _jsonable.count_values([]) == _jsonable.count_values(u"x") == 1

    @pytest.mark.parametrize("whole", [
        list(range(MAX_VALUES - 1)),
        {str(number): 0 for number in range((MAX_VALUES - 1) // 2)},
        [[number] for number in range((MAX_VALUES - 1) // 2)],
        [u"x" * 1000] * 260,
        u"x" * 65536,
        {u"a": u"\xe9" * 40000, u"z": 1},
    ])
    def test_one_within_them_is_not_cut(self, whole):
        shown, text = module.show(whole)
        assert shown == whole and json.loads(text) == whole

    def test_beginning_is_kept_in_order(self):
        shown, _ = module.show([[number] for number in range(20000)])
        assert shown[:3] == [[0], [1], [2]] and shown[-1] == MORE
        shown, _ = module.show({"log": u"x" * 10 ** 6, "state": "up"})
        assert shown["state"] == "up" and shown["log"].startswith(u"xxx")

    @pytest.mark.parametrize("seed", range(20))
    def test_any_data_is_cut_to_any_size(self, seed):
        chance = random.Random(seed)
        data = [make_data(chance, 4) for _ in range(8)]
        values, characters = chance.randrange(100, 500), chance.randrange(2000, 20000)
        shown = _jsonable.cut(data, values, characters)
        assert _jsonable.count_values(shown) <= values
        text = _jsonable.encode(shown)
        assert len(text) <= characters
        assert (shown == data) == (MORE not in text and "characters cut>" not in text)

    def test_deepest_chain_is_cut_at_each_level(self):
        data = u"x" * 100
        for _ in range(16):
            data = [{u"a": data, u"b": 1}, 2]
        for values in range(110, 140):
            shown = _jsonable.cut(data, values, 3000)
            assert _jsonable.count_values(shown) <= values
        for characters in range(1700, 2400, 7):
            assert len(_jsonable.encode(_jsonable.cut(data, 10000, characters))) <= characters


#: Values and characters that are kept free for notes on what is cut, at every level.
SPARE_VALUES, SPARE_CHARACTERS = 68, 34 * 48


class TestWhatFits(object):
    """What fits beside the notes is whole, and one value or character less of room cuts it."""

    DATA = [[0] * 300, {u"\xe9%d" % number: 0 for number in range(300)},
            {u"n%d" % number: 0 for number in range(300)}]

    @pytest.mark.parametrize("data", DATA)
    def test_values(self, data):
        values = _jsonable.count_values(data) + SPARE_VALUES
        assert _jsonable.cut(data, values, 10 ** 6) == data
        assert _jsonable.cut(data, values - 3, 10 ** 6) != data

    @pytest.mark.parametrize("data", DATA)
    def test_characters(self, data):
        characters = len(_jsonable.encode(data)) + SPARE_CHARACTERS
        assert _jsonable.cut(data, 10 ** 6, characters) == data
        assert _jsonable.cut(data, 10 ** 6, characters - 10) != data

    @pytest.mark.parametrize("length, characters", [(390, 200), (70000, 5000), (70, 50)])
    def test_note_says_how_much_of_a_text_is_cut(self, length, characters):
        shown = _jsonable.cut(u"x" * length, 10 ** 6, characters + SPARE_CHARACTERS)
        beginning, _, note = shown.partition(u"\n")
        assert len(shown) <= characters
        assert note == u"<%d characters cut>" % (length - len(beginning))
        assert beginning == u"x" * len(beginning)

    def test_dictionaries_in_each_other_say_at_each_level_that_they_are_cut(self):
        data = {u"end": 1}
        for _ in range(31):
            data = collections.OrderedDict([(u"a", data), (u"b", 1)])
        for values in range(SPARE_VALUES, 200):
            assert _jsonable.count_values(_jsonable.cut(data, values, 10 ** 6)) <= values


class TestReading(object):
    """No more of an output is read than may be shown."""

    def test_no_more_is_read_than_is_shown(self):
        read = []

        class Rows(collections_abc.Sequence):
            def __len__(self):
                return 10 ** 9

            def __getitem__(self, index):
                read.append(index)
                return [index] * 100
        assert_bounded(module.show([Rows(), Rows(), Rows()])[0])
        assert len(read) <= 2 * MAX_VALUES + 10

    def test_graph_of_dictionaries_takes_bounded_steps(self):
        def values_of(size):
            room = _jsonable.Room(MAX_VALUES, MAX_LENGTH)
            return _jsonable.count_values(_jsonable.plain(make_graph(size), room))
        assert values_of(9) <= values_of(20) <= MAX_VALUES + 100

    @pytest.mark.parametrize("kind", [
        lambda text: text, lambda text: {text: 1}, ValueError,
        lambda text: bytearray(b"\xffx" * len(text)), lambda text: memoryview(b"\xffx" * len(text)),
    ])
    def test_beginning_alone_is_read_of_other_types(self, kind):
        few, many = kind(u"\ud800x" * 170000), kind(u"\ud800x" * 340000)
        few, many = calls(lambda: module.show(few)), calls(lambda: module.show(many))
        assert many < 1.5 * few + 9000  # environment variables may be looked through meanwhile


class TestSecrets(object):
    @pytest.mark.parametrize("name", ["name", "key"])
    def test_name_of_a_value_may_be_among_what_is_left_out(self, name):
        record = collections.OrderedDict([(u"value", u"gT5kQ9zwX2")])
        record.update((u"field %d" % number, number) for number in range(20000))
        record[name] = u"password"
        shown, text = module.show([u"first", record])
        assert MORE in text and u"gT5kQ9zwX2" not in text
        assert shown[0] == u"first" and shown[1][u"field 7"] == 7

    def test_they_are_masked_before_anything_is_cut(self):
        secret = u" password=gT5kQ9zwX2 "
        for length in range(0, 24, 3):
            beginning = u"x" * (65530 - length)
            for output in (beginning + secret + u"y" * 99, [beginning] * 3 + [
                    u"x" * (65450 - length) + secret]):
                assert u"gT5k" not in module.show(output)[1]

    @pytest.mark.parametrize("word", [
        "AKIAIOS", "ghp1234", "eyJhbGc", "hunter2", "secret1", "Bearer7", "abcdefg", "1234567",
        "passwor", u"\xe9" * 7, u"\u0661\u0662"])
    def test_word_of_fewer_than_8_letters_is_none(self, word):
        word = six.ensure_text(word)
        assert module.show(word) == (word, json.dumps(word))
        assert scrubber.clean_output(word) == word  # so it may be left out

    @pytest.mark.parametrize("word", ["pw=abc", "a:b@c.d", "abcdefgh", "-psecre", u"a\udc80", ""])
    def test_any_other_text_is_looked_at(self, monkeypatch, word):
        looked_at = []
        internals.replace(monkeypatch, internals.CLEAN_OUTPUT, looked_at.append)
        module.show(word)
        assert looked_at


@pytest.fixture(params=["graph", "table", "text that JSON escapes"])
def too_large(request):
    return TOO_LARGE[request.param]()


class TestEveryWay(object):
    """Wherever outputs pass, they are bounded."""

    def test_what_a_check_returns(self, too_large):
        health = HealthCheck(checkers=[Check(returns=(False, too_large))])
        assert_bounded(health.run().results[0]["output"])
        assert_bounded(health.run_check(health.checkers[0])["output"])

    def test_what_a_check_raises(self):
        def check():
            raise ValueError(u"\xe9" * 10 ** 6)
        assert_bounded(HealthCheck(checkers=[check]).run().results[0]["output"])

    def test_what_an_exception_handler_returns(self, too_large):
        health = HealthCheck(checkers=[Check(returns=lambda: 1 // 0)],
                             exception_handler=lambda checker, exc: (False, too_large))
        assert_bounded(health.run().results[0]["output"])

    def test_what_handlers_and_observers_get(self, too_large):
        seen = []
        health = HealthCheck(checkers=[Check(returns=(False, too_large))],
                             on_change=lambda before, now, report: seen.append(report.results))
        health.run()
        assert_bounded(seen[0][0]["output"])

    def test_what_drain_says(self, too_large):
        health = HealthCheck()
        health.drain(too_large)
        assert_bounded(health.run().results[0]["output"])

    def test_what_is_shared(self, monkeypatch, too_large):
        internals.wait_longer(monkeypatch)
        store = CacheServer()
        health = HealthCheck(checkers=[Check(returns=(True, too_large))],
                             cache=ResultCache(backend=store, prefix="shop"))
        health.run()
        values = [value for value, _ in store.kept.values() if value]
        assert_bounded(json.loads(max(values, key=len))["output"])
        assert max(map(len, values)) < MAX_LENGTH + 1000

    def test_what_others_shared(self, monkeypatch):
        internals.wait_longer(monkeypatch)
        store = CacheServer()

        def health():
            return HealthCheck(checkers=[Check(returns=(True, "mine"))],
                               cache=ResultCache(backend=store, prefix="shop"))
        health().run()
        key = internals.key_of(store, "shop", "check")
        shared = store.get(key).replace('"mine"', json.dumps([[7]] * 60000))
        store.set(key, shared, timeout=1)
        assert_bounded(health().run().results[0]["output"])
