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
#: Stands for items that are left out.
MORE = u"<more items>"
#: Characters of one text that count: of a longer one only the beginning is shown.
MAX_COUNTED = 128 * 1024
#: Bytes, and characters of a text with surrogates, that are read if room is limited: escaping those
#: that cannot be shown is slow.
MAX_READ = 320 * 1024
UNLIMITED = float("inf")
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

#: Bytes that cannot begin a character of UTF-8.
_NO_START = re.compile(b"[\x80-\xc1\xf5-\xff]*")

#: Unicode categories of characters that are invisible or change the order of others.
_UNSEEN = ("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp")
_NULLS = re.compile(u"\0+")
_NUMBER = re.compile(u"[-+]?[0-9.]+\\Z")

_AS_THEY_ARE = (bool, type(None))
_ITERATED = (list, tuple, set, frozenset, deque)  # type: Tuple[Any, ...]
_SETS = (set, frozenset, collections_abc.Set)
_SEQUENCES = (list, tuple, deque, collections_abc.Sequence)
_ISO_8601 = (datetime.datetime, datetime.date, datetime.time)

#: The name of a type, whatever its metaclass would say.
_name_of_type = type.__dict__["__name__"].__get__


def dumps(value):
    # type: (object) -> str
    """JSON text of any value, in ASCII, with json's default separators."""
    return encode(plain(value))


#: JSON text of plain data, in ASCII, with json's default separators.
encode = json.JSONEncoder(allow_nan=False).encode


def plain(value, room=None):
    # type: (object, Optional[Room]) -> Any
    """Plain JSON data of any value: dicts with text keys, lists, text, numbers, bools and None.

    room limits how much is converted; None means no limit.
    """
    return _plain(value, (), room or Room())


class Room(object):
    """How many values, and how many characters of text, may still be converted.

    A value is a scalar, a container or a key.
    """

    __slots__ = ("values", "characters")

    def __init__(self, values=UNLIMITED, characters=UNLIMITED):
        # type: (float, float) -> None
        self.values = values
        self.characters = characters

    def is_left(self):
        # type: () -> bool
        """Whether one more value may be converted."""
        return self.values > 0 and self.characters > 0

    def take(self, value):
        # type: (Any) -> Any
        """Counts a plain value and returns it."""
        self.values -= 1
        if isinstance(value, six.text_type):
            self.characters -= min(len(value), MAX_COUNTED)
        return value

    def trim(self, value):
        # type: (Any) -> Any
        """The part of a text or of bytes that is read."""
        if self.characters == UNLIMITED:
            return value
        return trim(value)


def trim(value):
    # type: (Any) -> Any
    """The beginning of bytes, or of a text with surrogates, as escaping is slow; else the text."""
    if isinstance(value, bytes):
        return bytes.__getitem__(value, slice(0, MAX_READ))
    if _SURROGATE.search(value) is None:
        return value
    return six.text_type.__getitem__(value, slice(0, MAX_READ))


def text(value):
    # type: (object) -> Text
    r"""Text or bytes as text; bytes that are not UTF-8 and surrogates are escaped, as in \xff."""
    if isinstance(value, six.text_type):
        return _SURROGATE.sub(_shown_surrogate, u"".join((value,)))
    if isinstance(value, bytes):
        value = bytes.decode(value, "utf-8", "bottle_healthcheck.shown")
        return _SURROGATE.sub(_shown_surrogate, value)
    return type_name(value)


def message(exc):
    # type: (BaseException) -> Text
    """An exception's message, with its type if the message alone says little.

    For Bottle's HTTPError it is the body, for an exception group the messages of its members, for
    an exception without a message that of its cause.
    """
    return _message(exc, MAX_CAUSES)


def typed_message(exc):
    # type: (BaseException) -> Text
    """An exception's type and message: "ValueError: no such host"."""
    return _typed_message(exc, MAX_CAUSES)


def _message(exc, causes):
    # type: (BaseException, int) -> Text
    """As message(); causes is how many causes, and groups in groups, are followed."""
    kind = text(_name_of_type(type(exc)))
    try:
        if causes > 0 and _is_group(exc):
            return _group_message(exc, causes - 1)
        said = _own_message(exc)
        if said:
            if _says_little(exc, said):
                return u"%s: %s" % (kind, said)
            return said
        cause = _cause(exc)
        if cause is not None and causes > 0:
            return u"%s: %s" % (kind, _message(cause, causes - 1))
    except BaseException:
        if is_interrupt():
            raise
    return kind


def _typed_message(exc, causes):
    # type: (BaseException, int) -> Text
    kind, said = text(_name_of_type(type(exc))), _message(exc, causes)
    if said == kind or said.startswith(kind + u": "):
        return said
    return u"%s: %s" % (kind, said)


def _says_little(exc, said):
    # type: (BaseException, Text) -> bool
    """Whether a message needs the type: that of a LookupError, a number, or no Exception."""
    if isinstance(exc, LookupError) or not isinstance(exc, Exception):
        return True
    return _NUMBER.match(said.strip()) is not None


def _is_group(exc):
    # type: (BaseException) -> bool
    """True for an exception group, Python's own (3.11) or the backport's."""
    return isinstance(exc, _known_types("builtins exceptiongroup", "BaseExceptionGroup"))


def _group_message(group, causes):
    # type: (Any, int) -> Text
    """The messages of an exception group's members, in their order."""
    members = list(islice(_members(group), MAX_MEMBERS + 1))
    said = [_typed_message(member, causes) for member in members[:MAX_MEMBERS]]
    if len(members) > MAX_MEMBERS:
        said.append(MORE)
    return u"; ".join(said)


def _members(group):
    # type: (Any) -> Iterable[BaseException]
    """The exceptions of a group and of the groups in it."""
    for member in group.exceptions:
        if _is_group(member):
            # 2.7 cannot. pylint: disable=use-yield-from
            for inner in _members(member):
                yield inner
        else:
            yield member


def _own_message(exc):
    # type: (Any) -> Text
    """The message that an exception was given; "" if it is blank or cannot be read."""
    if isinstance(exc, _known_types("bottle", "HTTPResponse")):
        # Its str() is that of a tuple; a redirect has no body.
        for said in (exc.body, exc.status_line):
            if isinstance(said, (six.text_type, bytes)) and said.strip():
                return text(trim(said))
    for kind in (str, six.text_type):  # on 2.7 one may fail and the other not
        try:
            said = text(trim(kind(exc)))
            if said.strip():
                return said
        except BaseException:
            if is_interrupt():
                raise
    return u""


def _cause(exc):
    # type: (BaseException) -> Optional[BaseException]
    """The cause that a traceback would show; None on 2.7, which does not record it."""
    cause = getattr(exc, "__cause__", None)
    if cause is None and not getattr(exc, "__suppress_context__", False):
        cause = getattr(exc, "__context__", None)
    return cause


def _known_types(modules, name):
    # type: (str, str) -> Tuple[Any, ...]
    """The types of that name in modules that are imported already: importing them is slow."""
    found = [getattr(sys.modules.get(module), name, None) for module in modules.split()]
    return tuple(one for one in found if isinstance(one, type))


def exception_line(exc):
    # type: (BaseException) -> Text
    """An exception's message in one line; a system error's text without the number."""
    for said in (getattr(exc, "strerror", None), message(exc)):
        if isinstance(said, (six.text_type, bytes)):
            words = one_line(said).split()
            if words:
                return u" ".join(words)
    return text(_name_of_type(type(exc)))


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


def _plain(value, parents, room):
    # type: (Any, Tuple[int, ...], Room) -> Any
    """As plain(); parents are the ids of the containers around the value."""
    kind = type(value)
    if kind is six.text_type:
        return room.take(_SURROGATE.sub(_shown_surrogate, room.trim(value)))
    if kind in _AS_THEY_ARE:
        return room.take(value)
    try:
        if kind is not dict and kind is not list and not isinstance(value, Enum):
            if isinstance(value, bytearray):
                value = bytes(value)
            elif isinstance(value, memoryview):
                value = value.tobytes()
            if isinstance(value, (six.text_type, bytes)):
                value = room.trim(value)
            scalar = _scalar(value)
            if scalar is not None:
                return room.take(scalar)
        return _nested(value, parents, room)
    except BaseException:
        if is_interrupt():
            raise
        return room.take(type_name(value))


def _nested(value, parents, room):
    # type: (Any, Tuple[int, ...], Room) -> Any
    """A container as plain data; a note if it contains itself or is nested too deeply."""
    room.take(None)
    if id(value) in parents:
        return u"<circular>"
    if len(parents) >= MAX_DEPTH:
        return u"<too deep>"
    parents += (id(value),)
    if isinstance(value, Enum):
        return _plain(value.value, parents, room)
    if isinstance(value, UserString):  # a Sequence of UserStrings of UserStrings
        return _plain(value.data, parents, room)
    if isinstance(value, collections_abc.Mapping):
        return _object(_pairs(value), parents, room)
    fields = getattr(value, "_fields", None)
    if isinstance(value, tuple) and isinstance(fields, tuple):
        return _object(zip(fields, tuple.__iter__(value)), parents, room)
    if isinstance(value, _SETS):
        items, has_more = _list(value, parents, room)
        return sorted(items, key=_order) + [MORE] * has_more
    if isinstance(value, _SEQUENCES):
        items, has_more = _list(value, parents, room)
        return items + [MORE] * has_more
    return type_name(value)


def _scalar(value):
    # type: (Any) -> Any
    """A value that is not a container as plain data; None if it may be one."""
    if isinstance(value, six.integer_types):
        return _integer(value)
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, (six.text_type, bytes)):
        return text(value)
    if isinstance(value, BaseException):
        return message(value)
    if isinstance(value, _ISO_8601):
        return text(value.isoformat())
    if isinstance(value, _written()):
        return text(str(value))
    if hasattr(type(value), "__fspath__"):
        return text(value.__fspath__())
    return None


def _written():
    # type: () -> Tuple[Any, ...]
    """Types whose str() is the whole value. Their modules are not imported here: that is slow."""
    return (datetime.timedelta, getattr(sys.modules.get("decimal"), "Decimal", ()),
            getattr(sys.modules.get("uuid"), "UUID", ()))


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


def _float(value):
    # type: (float) -> Any
    """A float, or the name of one that JSON cannot represent."""
    value = float.__float__(value)
    if math.isnan(value):
        return u"NaN"
    if value == float("inf"):
        return u"Infinity"
    if value == float("-inf"):
        return u"-Infinity"
    return value


def _pairs(mapping):
    # type: (Any) -> List[Tuple[Any, Any]]
    """A mapping's items as a list, as another thread may change the mapping."""
    for kind in (OrderedDict, dict):
        if isinstance(mapping, kind):
            return _some(kind.items(mapping))
    return _some(mapping.items())


def _items(iterable):
    # type: (Any) -> List[Any]
    for kind in _ITERATED:
        if isinstance(iterable, kind):
            return _some(kind.__iter__(iterable))
    return _some(iterable)


def _some(iterable):
    # type: (Iterable[Any]) -> List[Any]
    """The items that are shown, and one more if there are any."""
    return list(islice(iterable, MAX_ITEMS + 1))


def _list(value, parents, room):
    # type: (Any, Tuple[int, ...], Room) -> Tuple[List[Any], bool]
    """(items of a sequence or a set that are shown, whether there are more)."""
    shown = []  # type: List[Any]
    for item in _items(value):
        if len(shown) >= MAX_ITEMS or not room.is_left():
            return shown, True
        shown.append(_plain(item, parents, room))
    return shown, False


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
            name = text(json.dumps(name))
        elif not isinstance(name, six.text_type):
            name = text(str(name))
        if name in result:
            name = unused(name, result, equal)
        result[name] = _plain(value, parents, room)
    return result


def count_values(data):
    # type: (Any) -> int
    """How many values plain data has: scalars, containers and keys."""
    if isinstance(data, list):
        return 1 + sum(map(count_values, data))
    if isinstance(data, dict):
        return 1 + len(data) + sum(map(count_values, data.values()))
    return 1


def cut(data, values, characters):
    # type: (Any, int, int) -> Any
    """Plain data cut to so many values and characters of JSON, with a note wherever it is cut."""
    # Each level may need a note that it is cut, and may take one value too many.
    reserve = MAX_DEPTH + 2
    return _cut(data, Room(values - reserve * 2, characters - reserve * _MARK))


def _cut(data, room):
    # type: (Any, Room) -> Any
    room.values -= 1
    if isinstance(data, list):
        room.characters -= 2  # the brackets
        items = []  # type: List[Any]
        for item in data:
            if not room.is_left():
                return items + [MORE]
            room.characters -= 2  # the comma and a blank
            items.append(_cut(item, room))
        return items
    if isinstance(data, dict):
        return _cut_object(data, room)
    if isinstance(data, six.text_type):
        data = _cut_text(data, room.characters)
    room.characters -= len(encode(data))
    return data


def _cut_object(data, room):
    # type: (Any, Room) -> Any
    room.characters -= 2
    result = Object()  # type: Any
    for name, value in data.items():
        quoted = len(encode(name))
        if not room.is_left() or quoted > room.characters:
            result[unused(MORE, result, {})] = u""
            return result
        room.values -= 1
        room.characters -= quoted + 4  # a colon, a comma and two blanks
        result[name] = _cut(value, room)
    return result


def _cut_text(shown, characters):
    # type: (Text, float) -> Text
    """The beginning of a text, at most so many characters as JSON, and a note on the rest."""
    whole = len(shown)
    while shown and len(encode(shown)) > characters - _MARK:
        shown = shown[:len(shown) // 2]
    if len(shown) == whole:
        return shown
    return shown + u"\n<%d characters cut>" % (whole - len(shown))


def parse(source):
    # type: (Text) -> Any
    """The data of a JSON object or array, with all values of repeated names; else None."""
    if source[:64].lstrip()[:1] not in (u"{", u"["):
        return None
    try:
        return plain(json.loads(source, object_pairs_hook=_every_pair))
    except (ValueError, RuntimeError):  # RuntimeError: nested too deeply
        return None


def _every_pair(pairs):
    # type: (List[Tuple[Text, Any]]) -> Any
    result, equal = Object(), {}  # type: Any, Dict[Text, int]
    for name, value in pairs:
        result[unused(name, result, equal)] = value
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


def _order(item):
    # type: (Any) -> Tuple[bool, float, Text]
    """Sorts plain data of mixed types: numbers, then the rest as text."""
    if isinstance(item, (int, float)):
        return False, item, u""
    if not isinstance(item, six.text_type):
        item = text(json.dumps(item))
    return True, 0, item


def _shown_surrogate(match):
    # type: (Any) -> Text
    r"""An undecodable byte of os.environ (PEP 383) as \xff, any other surrogate as \ud800."""
    code = ord(match.group())
    if 0xdc80 <= code <= 0xdcff:
        return u"\\x%02x" % (code - 0xdc00)
    return u"\\u%04x" % code


def _shown_bytes(error):
    # type: (Any) -> Tuple[Text, int]
    # All invalid bytes that follow at once: each call is slow.
    end = _NO_START.match(error.object, error.end).end()  # type: ignore[union-attr]
    wrong = bytearray(error.object[error.start:end])
    return u"".join(u"\\x%02x" % byte for byte in wrong), end


codecs.register_error("bottle_healthcheck.shown", _shown_bytes)
