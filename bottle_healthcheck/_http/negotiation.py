# mypy: disable-error-code="import-untyped"
"""Which format and which checks a request selects, by its query and its Accept header."""
import collections

import bottle
import six
from six.moves.urllib.parse import unquote, unquote_to_bytes

from .. import _jsonable
from .formats import FORMATS, available
from .formats.base import Request

MYPY = False
if MYPY:
    from typing import Any, Dict, List, Sequence, Set, Tuple

#: Responses to an Accept header that is longer are not kept.
LONGEST_KEPT_ACCEPT = 1024

#: A longer Accept header counts as malformed.
LONGEST_ACCEPT = 8192

#: Most bytes and most fields of a query: some servers accept 256 KiB and more.
LONGEST_QUERY = 8192
MOST_FIELDS = 100

#: The name of the format that each media type selects; all others are ignored.
_FORMAT_NAMES = dict((media_type, one.name)
                     for one in FORMATS.values() for media_type in one.media_types)

#: What distinguishes a browser that opens a page from a monitor with a browser's Accept header.
_NAVIGATION_HEADERS = ["Upgrade-Insecure-Requests", "Sec-Fetch-Mode"]

#: A part of an Accept header; format is the name of the format that it selects, or None.
_Range = collections.namedtuple("_Range", "quality format media_type")


class RequestError(ValueError):
    """A request for a format or a check that does not exist; status is the HTTP status."""

    def __init__(self, status, message):
        # type: (int, str) -> None
        ValueError.__init__(self, message)
        self.status = status


def is_navigation(environ):
    # type: (Dict[str, Any]) -> bool
    """Whether the headers are those of a browser that opens a page."""
    return (environ.get("HTTP_UPGRADE_INSECURE_REQUESTS") == "1"
            or environ.get("HTTP_SEC_FETCH_MODE") == "navigate")


class RequestOptions(Request):
    """The format and the checks that a request selects.

    navigates says whether a browser opens a page: monitors that send the same Accept header get
    JSON. Raises RequestError for an unknown format and for a query that is too long.
    """

    def __init__(self, query, accept, offered, navigates=False):
        # type: (str, str, Sequence[str], bool) -> None
        fields = {}  # type: Dict[str, List[str]]
        if query:
            fields = _fields(query)
        self.fields = fields
        self.check = fields.get("check")
        self.exclude = fields.get("exclude")
        #: Whether the query names checks.
        self.selects = self.check is not None or self.exclude is not None
        #: The headers that the format was chosen by.
        self.vary = []  # type: List[str]
        ranges = _ranges(accept)
        if "format" in fields:
            name = _named_format(fields["format"], offered)
        else:
            name, self.vary = _negotiate(ranges, offered, navigates)
        self.format = FORMATS[name]
        #: The media type of the Accept header that selects the format; "" where none does.
        self.media_type = _preferred_media_type(ranges, name)
        self.offered = [FORMATS[one] for one in available(offered)]
        #: Whether every request with the same Accept header gets the same response.
        self.may_be_kept = (self.format.may_be_kept and self.vary == ["Accept"] and not query
                            and len(accept) <= LONGEST_KEPT_ACCEPT)

    @property
    def path(self):
        # type: () -> str
        """The path of the current request."""
        # Not fullpath, which takes it for a URL: "/http://[" would be a broken one.
        return str(bottle.request.script_name + bottle.request.path.lstrip("/"))


def _negotiate(ranges, offered, navigates):
    # type: (List[_Range], Sequence[str], bool) -> Tuple[str, List[str]]
    """The name of the format that the headers select, and the names of those that decided."""
    name = _preferred_format(ranges, offered)
    accepts_anything = any(one.media_type == "*/*" for one in ranges)
    if name != "html" or not accepts_anything:
        return name, ["Accept"]
    if not navigates:
        name = _preferred_format([one for one in ranges if one.format != "html"], offered)
    return name, ["Accept"] + _NAVIGATION_HEADERS


def _preferred_format(ranges, offered):
    # type: (List[_Range], Sequence[str]) -> str
    """The offered format that an Accept header (RFC 9110, 12.5.1) prefers.

    The first one that is offered if it prefers none of them, or several equally.
    """
    offered = available(offered)
    ranges = [one for one in ranges if one.format in offered]
    highest = max([one.quality for one in ranges] or [0])
    best = set(one.format for one in ranges if one.quality == highest)  # type: Set[str]
    if len(best) == 1:
        return best.pop()
    return offered[0]


def _preferred_media_type(ranges, name):
    # type: (List[_Range], str) -> str
    ranges = [one for one in ranges if one.format == name]
    if not ranges:
        return ""
    return str(max(ranges, key=lambda one: one.quality).media_type)


def _named_format(names, offered):
    # type: (List[str], Sequence[str]) -> str
    """The format that the query names. Raises RequestError if it is not one that is offered."""
    if len(names) > 1:
        raise RequestError(400, "format is given %d times, expected once" % len(names))
    name = names[0]
    if name not in offered:
        raise RequestError(400, "format is unknown or not offered, expected one of %s"
                           % ", ".join(available(offered)))
    reason = FORMATS[name].reason_unavailable()
    if reason:
        raise RequestError(400, "format=%s %s" % (name, reason))
    return name


def _fields(query):
    # type: (str) -> Dict[str, List[str]]
    """The values of a query string by name; bytes that are not UTF-8 match nothing.

    Raises RequestError for a query that is too long, before parsing it.
    """
    if len(query) > LONGEST_QUERY:
        raise RequestError(414, "the query has %d bytes, expected at most %d"
                           % (len(query), LONGEST_QUERY))
    if query.count("&") >= MOST_FIELDS:
        raise RequestError(400, "the query has %d fields, expected at most %d"
                           % (query.count("&") + 1, MOST_FIELDS))
    fields = {}  # type: Dict[str, List[str]]
    for part in query.split("&"):
        name, _, value = part.partition("=")
        fields.setdefault(_unquote(name), []).append(_unquote(value))
    return fields


def _unquote(text):
    # type: (str) -> str
    text = text.replace("+", " ")
    if six.PY2:
        raw = unquote(text)
    else:
        raw = unquote_to_bytes(text.encode("latin-1", "replace"))
    return six.ensure_str(_jsonable.text(raw))


def _ranges(accept):
    # type: (str) -> List[_Range]
    """The parts of an Accept header with a quality above 0; none if it is malformed or too long."""
    if len(accept) > LONGEST_ACCEPT:
        return []
    try:
        ranges = [_range(part) for part in accept.split(",") if part.strip()]
    except ValueError:
        return []
    return [one for one in ranges if one.quality > 0]


def _range(text):
    # type: (str) -> _Range
    """Parses a part of an Accept header. Raises ValueError if it is malformed."""
    parts = [part.strip().lower() for part in text.split(";")]
    media_type = parts[0]
    if media_type.count("/") != 1:
        raise ValueError("not a media type: %r" % media_type)
    quality = 1.0
    for part in parts[1:]:
        if part.startswith("q="):
            quality = float(part[2:])
            if not 0 <= quality <= 1:
                raise ValueError("not a quality: %r" % part)
        elif parts[0] + ";" + part in _FORMAT_NAMES:
            media_type = parts[0] + ";" + part
    return _Range(quality, _FORMAT_NAMES.get(media_type), media_type)
