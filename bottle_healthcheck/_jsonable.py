"""Converts any Python value to JSON. Never raises, and shows no repr of an unknown object."""
import codecs
import datetime
import json
import math
import re
import sys
import unicodedata
from collections import OrderedDict, deque
from itertools import islice

import six
from six.moves import UserString, collections_abc

from ._compat import known_type
from ._interrupts import is_interrupt

try:
    from enum import Enum
except ImportError:  # pragma: no cover (2.7)
    Enum = ()  # type: ignore[assignment, misc]

MYPY = False
if MYPY:
    from typing import Any, Container, Dict, Iterable, List, Optional, Text, Tuple

#: The type of JSON objects: a dict that keeps its order.
Object = dict if sys.version_info >= (3, 6) else OrderedDict

#: Levels of nesting that are shown; far from the recursion limits of Python 2.7 and of json.
MAX_DEPTH = 32
#: Items of one list or object that are shown: a check's whole table would stop the service.
MAX_ITEMS = 10000
#: Values that are converted where less is no limit: containers may hold each other in many ways.
MAX_VALUES = 500000
#: Stands for items that are left out.
MORE = u"<more items>"
#: Characters of one text that count: of a longer one only the beginning is shown.
MAX_COUNTED = 128 * 1024
#: Of bytes that are not UTF-8, and of a text with surrogates, so much is shown: escaping is slow.
MAX_ESCAPED = 320 * 1024
#: Characters of JSON that are enough for a note that something was cut.
_MARK = 48
#: Longer integers become text: other languages would read another number.
MAX_INT_BITS = 64
#: About 4300 decimal digits, which Python refuses to print (CVE-2020-10735).
MAX_PRINTED_BITS = 14284
#: Causes of an exception that are followed, and members of an exception group that are shown.
MAX_CAUSES = 10
MAX_MEMBERS = 100

if sys.maxunicode > 0xffff:
    _SURROGATES = u"[\ud800-\udfff]"
else:  # pragma: no cover (narrow builds of 2.7 write every character past U+FFFF as a pair)
    _SURROGATES = u"[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]"
_SURROGATE = re.compile(_SURROGATES)

#: Unicode categories of characters that are invisible or change the order of others.
_UNSEEN = ("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp")
_NULLS = re.compile(u"\0+")
_NUMBER = re.compile(u"[-+]?[0-9.]+\\Z")


class _Pairs(list):  # type: ignore[type-arg]
    """The names and values of a JSON object as it was written: names may be equal."""


_MAPPINGS = (dict, collections_abc.Mapping)  # type: Tuple[Any, ...]
_SEQUENCES = (list, tuple, deque, collections_abc.Sequence)
_SEQUENCES_AND_SETS = _SEQUENCES + (set, frozenset, collections_abc.Set)
#: How Python's own containers are read: methods that a subclass overrides are not called.
_READERS = [(kind, kind.items) for kind in (OrderedDict, dict)] + [
    (kind, kind.__iter__) for kind in (list, tuple, set, frozenset, deque)]  # type: List[Any]

#: The name of a type, whatever its metaclass would say.
_name_of_type = type.__dict__["__name__"].__get__

#: JSON text of plain data, in ASCII, with json's default separators.
encode = json.JSONEncoder(allow_nan=False).encode


class Room(object):
    """How many values, and how many characters of text, may still be converted.

    A value is a scalar, a container or a key.
    """

    __slots__ = ("values", "characters")

    def __init__(self, values=MAX_VALUES, characters=float("inf")):
        # type: (float, float) -> None
        self.values = values
        self.characters = characters

    def is_left(self):
        # type: () -> bool
        """Whether one more value may be converted."""
        return self.values > 0 and self.characters > 0

    def take(self, value):
        # type: (Any) -> Any
        """Counts a plain value, of a container the brackets, and returns what fits of it."""
        self.values -= 1
        if isinstance(value, six.text_type):  # not cut yet: secrets are masked before
            self.characters -= min(len(value), MAX_COUNTED)
        return value


class _JsonRoom(Room):
    """As Room, but characters are those of JSON, and a text that is longer is cut."""

    __slots__ = ()

    def take(self, value):
        # type: (Any) -> Any
        length = len(encode(value))
        if isinstance(value, six.text_type) and value and length > self.characters:
            value = _cut_text(value, self.characters)
            length = len(encode(value))
        self.values -= 1
        self.characters -= length + len(u", ")
        return value


def dumps(value):
    # type: (object) -> str
    """JSON text of any value, in ASCII, with json's default separators."""
    return encode(plain(value))


def plain(value, room=None):
    # type: (object, Optional[Room]) -> Any
    """Plain JSON data of any value: dicts with text keys, lists, text, numbers, bools and None.

    room limits how much is converted.
    """
    kind = type(value)
    if kind is six.text_type:  # as most outputs are
        return text(value)
    return _plain(value, (), room or Room())


def cut(data, values, characters):
    # type: (Any, int, int) -> Any
    """Plain data cut to so many values and characters of JSON, with a note wherever it is cut."""
    # Each level may need a note that it is cut, and may take one value too many.
    reserve = MAX_DEPTH + 2
    characters += len(u", ")  # which is counted with each value, and the outermost has none
    return _plain(data, (), _JsonRoom(values - reserve * 2, characters - reserve * _MARK))


def count_values(data):
    # type: (Any) -> int
    """How many values plain data has: scalars, containers and keys."""
    if isinstance(data, list):
        return 1 + sum(map(count_values, data))
    if isinstance(data, dict):
        return 1 + len(data) + sum(map(count_values, data.values()))
    return 1


def parse(source):
    # type: (Text) -> Any
    """The data of a JSON object or array, with all values of repeated names; else None."""
    if source[:64].lstrip()[:1] not in (u"{", u"["):
        return None
    try:
        return plain(json.loads(source, object_pairs_hook=_Pairs))
    except (ValueError, RuntimeError):  # RuntimeError: nested too deeply
        return None


# Values

def _plain(value, parents, room):
    # type: (Any, Tuple[int, ...], Room) -> Any
    """As plain(); parents are the ids of the containers around the value."""
    kind = type(value)
    if kind is bool or value is None:
        return room.take(value)
    if kind is six.text_type:
        return room.take(text(value))
    try:
        if kind is not dict and kind is not list and not isinstance(value, Enum):
            scalar = _scalar(value)
            if scalar is not None:
                return room.take(scalar)
        return _container(value, parents, room)
    except BaseException:
        if is_interrupt():
            raise
        return room.take(type_name(value))


def _scalar(value):
    # type: (Any) -> Any
    """A value that is not a container as plain data; None if it may be one."""
    if isinstance(value, (six.text_type, bytes)):
        return text(value)
    if isinstance(value, six.integer_types):
        return _integer(value)
    if isinstance(value, float):
        value = float.__float__(value)
        if math.isnan(value) or math.isinf(value):  # JSON has no number for them, but json a name
            return text(json.dumps(value))
        return value
    if isinstance(value, (bytearray, memoryview)):
        return text(memoryview(value).tobytes())
    if isinstance(value, BaseException):
        return message(value)
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return text(value.isoformat())
    if isinstance(value, (datetime.timedelta, UserString, known_type("decimal", "Decimal"),
                          known_type("uuid", "UUID"))):
        return text(str(value))
    if hasattr(type(value), "__fspath__"):
        return text(value.__fspath__())
    return None


def _integer(value):
    # type: (Any) -> Any
    """An integer, as text beyond 64 bits. Methods that a subclass overrides are not called."""
    kind = int if isinstance(value, int) else six.integer_types[-1]
    bits = kind.bit_length(value)
    if bits > MAX_PRINTED_BITS:
        return u"<int of %d bits>" % bits
    value = kind.__add__(value, 0)
    if bits > MAX_INT_BITS:
        return text(str(value))
    return value


def _container(value, parents, room):
    # type: (Any, Tuple[int, ...], Room) -> Any
    """A container as plain data; a note if it contains itself or is nested too deeply."""
    room.take([])
    if id(value) in parents:
        return u"<circular>"
    if len(parents) >= MAX_DEPTH:
        return u"<too deep>"
    parents += (id(value),)
    if isinstance(value, Enum):
        return _plain(value.value, parents, room)
    if isinstance(value, _MAPPINGS + (_Pairs,)):
        return _object(_items(value), parents, room)
    fields = getattr(value, "_fields", None)
    if isinstance(value, tuple) and isinstance(fields, tuple):
        return _object(zip(fields, _items(value)), parents, room)
    if isinstance(value, _SEQUENCES_AND_SETS):
        return _array(value, parents, room)
    return type_name(value)


def _items(container):
    # type: (Any) -> List[Any]
    """The items or pairs of a container that are shown, and one more if there are any.

    A list, as another thread may change the container.
    """
    for kind, read in _READERS:
        if isinstance(container, kind):
            return list(islice(read(container), MAX_ITEMS + 1))
    if isinstance(container, collections_abc.Mapping):
        container = container.items()
    return list(islice(container, MAX_ITEMS + 1))


def _array(container, parents, room):
    # type: (Any, Tuple[int, ...], Room) -> List[Any]
    """A sequence, or a set in order."""
    shown, more = [], []  # type: List[Any], List[Any]
    for item in _items(container):
        if len(shown) >= MAX_ITEMS or not room.is_left():
            more = [MORE]
            break
        shown.append(_plain(item, parents, room))
    if not isinstance(container, _SEQUENCES):
        shown.sort(key=_order)
    return shown + more


def _order(item):
    # type: (Any) -> Tuple[bool, Any]
    """Numbers, then the rest as text."""
    if isinstance(item, (int, float)):
        return False, item
    if not isinstance(item, six.text_type):
        item = text(encode(item))
    return True, item


def _object(pairs, parents, room):
    # type: (Iterable[Tuple[Any, Any]], Tuple[int, ...], Room) -> Any
    """A JSON object; if names are equal as text, all but the first get a quote."""
    result, equal = Object(), {}  # type: Any, Dict[Text, int]
    for key, value in pairs:
        if len(result) >= MAX_ITEMS or not room.is_left():
            result[unused(MORE, result, equal)] = u""
            break
        name = _plain(key, parents, room)
        if isinstance(name, (dict, list)):
            name = text(encode(name))
        elif not isinstance(name, six.text_type):
            name = text(str(name))
        result[unused(name, result, equal)] = _plain(value, parents, room)
    return result


def unused(name, taken, equal):
    # type: (Text, Container[Text], Dict[Text, int]) -> Text
    """The name; if it is taken, with a quote and a number. equal counts equal names."""
    while name in taken:
        count = equal[name] = equal.get(name, 0) + 1
        name += u"'"
        if count > 1:
            name += u"%d" % count
    return name


def _cut_text(whole, characters):
    # type: (Text, float) -> Text
    """The beginning of a text, at most so many characters as JSON, and a note on the rest."""
    shown = whole
    while shown and len(encode(shown)) > characters - _MARK:
        shown = shown[:len(shown) // 2]
    return shown + u"\n<%d characters cut>" % (len(whole) - len(shown))


# Text

def text(value):
    # type: (object) -> Text
    r"""Text or bytes as text; bytes that are not UTF-8 and surrogates are escaped, as in \xff."""
    if isinstance(value, bytes):
        try:
            value = bytes.decode(value, "utf-8")
        except UnicodeDecodeError:
            beginning = bytes.__getitem__(value, slice(0, MAX_ESCAPED))  # type: ignore[index]
            value = beginning.decode("utf-8", "bottle_healthcheck.shown")
    if not isinstance(value, six.text_type):
        return type_name(value)
    if _SURROGATE.search(value) is None:
        return u"".join((value,))  # of a subclass the text
    value = six.text_type.__getitem__(value, slice(0, MAX_ESCAPED))
    return _SURROGATE.sub(_shown_surrogate, value)


def _shown_surrogate(match):
    # type: (Any) -> Text
    r"""An undecodable byte of os.environ (PEP 383) as \xff, any other surrogate as \ud800."""
    code = ord(match.group())
    if 0xdc80 <= code <= 0xdcff:
        return u"\\x%02x" % (code - 0xdc00)
    return u"\\u%04x" % code


def _shown_bytes(error):
    # type: (Any) -> Tuple[Text, int]
    wrong = bytearray(error.object[error.start:error.end])
    return u"".join(u"\\x%02x" % byte for byte in wrong), error.end


codecs.register_error("bottle_healthcheck.shown", _shown_bytes)


def type_name(value):
    # type: (object) -> Text
    """Stands for a value that cannot be JSON: `<module.Type>`, never its repr."""
    kind = type(value)
    try:
        parts = (getattr(kind, "__module__", None), kind.__name__)
        return u"<%s>" % u".".join(text(part) for part in parts if isinstance(part, (str, bytes)))
    except BaseException:  # a class of a class that raises
        if is_interrupt():
            raise
        return u"<object>"


def output_text(output):
    # type: (Any) -> Text
    """A check's plain output as text; JSON if it is not text."""
    if not isinstance(output, (six.text_type, bytes)):
        output = dumps(output)
    return text(output)


def one_line(value, limit=None):
    # type: (Any, Optional[int]) -> Text
    """Text or bytes as one line of at most limit characters, without any that cannot be seen.

    Line breaks, control, format and unassigned characters in a row become one space.
    """
    line = value if isinstance(value, six.text_type) else text(value)
    if limit is not None:
        line = line[:10 * limit]  # enough for the line: few characters are dropped
    unseen = [ord(one) for one in set(line) if unicodedata.category(one) in _UNSEEN]
    line = _NULLS.sub(u" ", line.translate(dict.fromkeys(unseen, u"\0"))).strip()
    if limit is None or len(line) <= limit:
        return line
    return line[:limit - 3] + u"..."


# Exceptions

def message(exc, causes=MAX_CAUSES):
    # type: (BaseException, int) -> Text
    """An exception's message, with its type if the message alone says little.

    For Bottle's HTTPError it is the body, for an exception group the messages of its members, for
    an exception without a message that of its cause; so many causes and groups are followed.
    """
    kind = text(_name_of_type(type(exc)))
    try:
        leaves = list(islice(_leaves(exc), MAX_MEMBERS + 1))
        if leaves[0] is not exc and causes > 0:
            parts = [typed_message(leaf, causes - 1) for leaf in leaves[:MAX_MEMBERS]]
            return u"; ".join(parts + [MORE] * (len(leaves) > MAX_MEMBERS))
        said = _own_message(exc)
        says_little = (isinstance(exc, LookupError) or not isinstance(exc, Exception)
                       or _NUMBER.match(said.strip()))
        if said and not says_little:
            return said
        said = said or _cause_message(exc, causes)
        if said:
            return u"%s: %s" % (kind, said)
    except BaseException:
        if is_interrupt():
            raise
    return kind


def typed_message(exc, causes=MAX_CAUSES):
    # type: (BaseException, int) -> Text
    """An exception's type and message: "ValueError: no such host"."""
    kind, said = text(_name_of_type(type(exc))), message(exc, causes)
    if said == kind or said.startswith(kind + u": "):
        return said
    return u"%s: %s" % (kind, said)


def exception_line(exc):
    # type: (BaseException) -> Text
    """An exception's message in one line; a system error's text without the number."""
    for said in (getattr(exc, "strerror", None), message(exc)):
        if isinstance(said, (six.text_type, bytes)):
            words = one_line(said).split()
            if words:
                return u" ".join(words)
    return text(_name_of_type(type(exc)))


def _leaves(exc):
    # type: (Any) -> Iterable[BaseException]
    """The exceptions of a group (of Python 3.11, or the backport) and of the groups in it.

    Of another exception itself.
    """
    if not isinstance(exc, (known_type("builtins", "BaseExceptionGroup"),
                            known_type("exceptiongroup", "BaseExceptionGroup"))):
        yield exc
        return
    for member in exc.exceptions:
        # 2.7 cannot. pylint: disable=use-yield-from
        for leaf in _leaves(member):
            yield leaf


def _own_message(exc):
    # type: (Any) -> Text
    """The message that an exception was given; "" if it is blank or cannot be read."""
    if isinstance(exc, known_type("bottle", "HTTPResponse")):
        # Its str() is that of a tuple; a redirect has no body.
        for said in (exc.body, exc.status_line):
            if isinstance(said, (six.text_type, bytes)) and said.strip():
                return text(said)
    for kind in (str, six.text_type):  # on 2.7 one may fail and the other not
        try:
            said = text(kind(exc))
            if said.strip():
                return said
        except BaseException:
            if is_interrupt():
                raise
    return u""


def _cause_message(exc, causes):
    # type: (BaseException, int) -> Text
    """The message of the cause that a traceback would show, which 2.7 does not record."""
    cause = getattr(exc, "__cause__", None)
    if cause is None and not getattr(exc, "__suppress_context__", False):
        cause = getattr(exc, "__context__", None)
    if cause is None or causes <= 0:
        return u""
    return message(cause, causes - 1)
