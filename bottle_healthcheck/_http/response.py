# mypy: disable-error-code="import-untyped"
"""Headers and body of a response, and how it is sent through Bottle."""
import re
import time

import bottle
import six

from .. import _jsonable
from .._validation import is_number, is_text, kind_of, wrong_type

MYPY = False
if MYPY:
    from typing import Any, Dict, Iterable, Tuple

    HeaderDict = Dict[str, str]
    HeaderPair = Tuple[str, str]
else:
    HeaderDict = dict

#: Sent with every response; headers that the user names replace them.
BASE_HEADERS = (("Content-Type", "application/json"),
                ("Cache-Control", "no-store"),
                ("X-Content-Type-Options", "nosniff"))

#: Seconds for which a body with a time in it is sent again: under load, 1,000 checks are 250 kB
#: that need not be copied for every request.
SAME_TIME = 0.001

#: A header's name (RFC 9110, 5.6.2).
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z"


class Headers(HeaderDict):
    """Headers by name, in any spelling, to read: nobody would validate a change."""

    def __init__(self, name, headers):
        # type: (str, Dict[str, str]) -> None
        dict.__init__(self, headers)
        self._name = name

    def __getitem__(self, name):
        # type: (str) -> str
        return dict.__getitem__(self, _spelling(name))

    def __contains__(self, name):
        # type: (object) -> bool
        return dict.__contains__(self, _spelling(name))

    def get(self, name, default=None):
        # type: (str, Any) -> Any
        """The value of a header, or the default."""
        if name in self:
            return self[name]
        return default

    def _refuse(self, *args, **kwargs):
        # type: (*Any, **Any) -> Any
        raise TypeError("%s cannot be changed in place, where nobody would validate it: assign a "
                        "dictionary, as in health.%s = dict(health.%s, Server='web1')"
                        % (self._name, self._name, self._name))

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self):
        # type: () -> Any
        return dict, (dict(self),)  # a copy may be changed


def _spelling(name):
    # type: (Any) -> Any
    """A header's name as Bottle keeps it, who ignores case and takes underscores for hyphens."""
    if not hasattr(name, "title"):
        return name
    return name.title().replace("_", "-")


def validate_headers(name, headers):
    # type: (str, Any) -> Headers
    """The headers to send: the base, replaced by name with what the user gave (None: nothing)."""
    merged = dict(BASE_HEADERS)
    try:
        given = dict(headers or ())
    except (TypeError, ValueError):
        raise wrong_type(name, headers, "a dictionary of header names and values")
    for key, value in given.items():
        spelt = _spelling(_header_text(name, key))
        if not re.match(_TOKEN, spelt):
            raise ValueError("%s names %r, which is no header's name" % (name, spelt))
        merged[spelt] = _header_text(name, value)
    if "Content-Length" in merged or "Transfer-Encoding" in merged:
        raise ValueError("%s names a header that frames the body; it is set for every answer, "
                         "leave it out" % name)
    return Headers(name, merged)


def _header_text(name, value):
    # type: (str, Any) -> str
    """A header's name or value as the native text that WSGI requires."""
    if not is_text(value) and not is_number(value):
        raise TypeError("%s holds %s, expected text" % (name, kind_of(value)))
    text = six.ensure_str(value) if isinstance(value, six.text_type) else str(value)
    if any(character in text for character in "\n\r\0"):
        raise ValueError("%s holds a line break or a null in %r: expected one line"
                         % (name, text))
    return text


def to_bytes(body):
    # type: (Any) -> bytes
    """A handler's body as bytes; a dictionary as JSON. Raises TypeError for anything else."""
    if isinstance(body, dict):
        body = _jsonable.dumps(body)
    if isinstance(body, bytes):
        return b"".join([body])  # the very type: a subclass might raise further on
    if isinstance(body, six.text_type):
        return _jsonable.text(body).encode("utf-8")
    raise wrong_type("what the handler returned", body, "text, bytes or a dictionary")


class Response(object):
    """Status, headers and body: its parts, between which the present time stands.

    A body without a time has one part. headers are pairs, of which the last of a name counts.
    """

    __slots__ = ("status", "headers", "parts", "body", "written", "options", "generation",
                 "valid_until", "pid")

    def __init__(self, status, headers, parts, options=None):
        # type: (int, Iterable[HeaderPair], Tuple[bytes, ...], Any) -> None
        self.status = status
        self.headers = headers
        self.parts = parts
        #: The body that was sent last, and when it was written, in epoch seconds.
        self.body = b""
        self.written = 0.0
        #: The RequestOptions that a format was selected by; None where no format wrote the body.
        self.options = options
        #: Of a response that is kept: the state of the results that it shows, until when it is
        #: valid by the monotonic clock, and the process that it was made in.
        self.generation = None  # type: object
        self.valid_until = 0.0
        self.pid = 0


def send(response):
    # type: (Response) -> bytes
    """Sends a response through bottle.response, and returns its whole body.

    No HTTPError (Bottle replaces its body with an HTML page), no new HTTPResponse (it drops what
    before_request hooks set). Bottle adds the Content-Length, and drops the body of a HEAD.
    """
    sent = bottle.response
    if sent.status_code != response.status:  # a check may have left another one there
        sent.status = response.status
    named = sent.headers.dict  # at once: set_header would check the same names again
    for name, value in response.headers:
        named[name] = [value]  # a list for each response: hooks may add to it
    now = time.time()
    if 0 <= now - response.written < SAME_TIME:
        return response.body
    body = repr(now).encode("ascii").join(response.parts)
    response.body = body
    response.written = now  # last: whoever sees it finds the body
    return body
