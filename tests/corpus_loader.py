"""Reads the collected cases in tests/data; one-key objects such as {"$bytes": ..} stand for
values that JSON cannot hold."""
import collections
import datetime
import decimal
import io
import json
import os
import uuid

from six.moves import builtins
from six.moves.urllib.parse import urlsplit

from tests.helpers import DATA

try:
    import enum
except ImportError:  # 2.7
    enum = None
try:
    from types import MappingProxyType
except ImportError:  # 2.7
    class MappingProxyType(collections.Mapping):
        def __init__(self, mapping):
            self._mapping = mapping

        def __getitem__(self, key):
            return self._mapping[key]

        def __iter__(self):
            return iter(self._mapping)

        def __len__(self):
            return len(self._mapping)


def load(file_name):
    """The list of cases in a file of tests/data, with every value decoded."""
    with io.open(os.path.join(DATA, file_name), encoding="utf-8") as stream:
        return json.load(stream, object_pairs_hook=_decode)


class _Opaque(object):
    """An object whose str and repr contain a secret."""

    def __init__(self, shown):
        self._shown = str(shown)

    def __repr__(self):
        return self._shown

    __str__ = __repr__


class _Path(object):
    def __init__(self, path):
        self._path = path

    def __fspath__(self):
        return self._path


class _UTC(datetime.tzinfo):
    def utcoffset(self, when):
        return datetime.timedelta(0)

    dst = utcoffset

    def tzname(self, when):
        return "UTC"


def _decode(pairs):
    if len(pairs) == 1 and pairs[0][0] in _KINDS:
        kind, argument = pairs[0]
        return _KINDS[kind](argument)
    return dict(pairs)


def _namedtuple(fields):
    return collections.namedtuple("Fields", sorted(fields))(**fields)


def _exception(spec):
    kind = getattr(builtins, spec["type"], None) or type(str(spec["type"]), (Exception,), {})
    made = kind(*spec.get("args", ()))
    made.__cause__ = spec.get("cause")
    return made


def _deep(spec):
    value = spec["leaf"]
    for _ in range(spec["depth"]):
        value = {"level": value}
    return value


def _deep_list(spec):
    value = spec["leaf"]
    for _ in range(spec["depth"]):
        value = [value]
    return value


def _circular(value):
    value["self"] = value
    return value


def _datetime(iso):
    assert iso.endswith("+00:00"), iso
    return datetime.datetime.strptime(iso[:-6], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=_UTC())


_KINDS = {
    "$join": "".join,
    "$bytes": lambda latin_1: latin_1.encode("latin-1"),
    "$bytearray": lambda latin_1: bytearray(latin_1.encode("latin-1")),
    "$tuple": tuple,
    "$set": set,
    "$dict": collections.OrderedDict,
    "$proxy": MappingProxyType,
    "$namedtuple": _namedtuple,
    "$spliturl": urlsplit,
    "$object": _Opaque,
    "$exception": _exception,
    "$deep": _deep,
    "$deeplist": _deep_list,
    "$circular": _circular,
    "$enum": lambda text: enum.Enum("Kind", {"MEMBER": text}).MEMBER if enum else text,
    "$path": _Path,
    "$float": float,
    "$intpow": lambda numbers: numbers[0] ** numbers[1],
    "$datetime": _datetime,
    "$date": lambda iso: datetime.datetime.strptime(iso, "%Y-%m-%d").date(),
    "$seconds": lambda seconds: datetime.timedelta(seconds=seconds),
    "$decimal": decimal.Decimal,
    "$uuid": uuid.UUID,
    "$repeat": lambda parts: parts[0] + parts[1] * parts[2] + parts[3],
}
