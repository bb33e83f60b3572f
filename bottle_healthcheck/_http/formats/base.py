"""What all formats have in common."""
import six

MYPY = False
if MYPY:
    from typing import Any, Callable, Dict, List, Optional, Sequence, Text, Tuple

    from ..._report import Report

    #: The parts of a body, and headers.
    Encoded = Tuple[Tuple[bytes, ...], List[Tuple[str, str]]]


class Request(object):
    """What a format can read of a request; these are the values where there is none."""

    #: The media type in the Accept header that selected the format, "" if none did.
    media_type = ""

    #: The formats that the endpoint offers.
    offered = ()  # type: Sequence[Format]

    #: The values of the query by name.
    fields = {}  # type: Dict[str, List[str]]

    @property
    def path(self):
        # type: () -> str
        """The path of the URL."""
        return ""


class Format(object):
    """A format that a report can be written in.

    write(report) returns text. media_types are those that select the format in an Accept header,
    in lower case; "text/plain;version=0.0.4" takes precedence over "text/plain". title is the text
    of the page's link to the format, "" for the page itself.
    """

    #: Whether a body may be sent again until a result changes or expires.
    may_be_kept = True

    #: The HTTP status of every response in this format; None: that of the endpoint.
    status = None  # type: Optional[int]

    def __init__(self, name, content_type="", write=None, media_types=(), title=u""):
        # type: (str, str, Optional[Callable[[Report], Text]], Sequence[str], Text) -> None
        self.name = name
        self.title = title
        self.content_type = content_type
        self.media_types = media_types
        self._write = write  # type: Any  # None where a subclass overrides encode()

    def load(self):
        # type: () -> None
        """Imports or reads what encode() needs.

        Constructors call this: a request may have no file descriptor left.
        """

    def reason_unavailable(self):
        # type: () -> str
        """Why no report can be written in this format; "" where it can."""
        return ""

    def encode(self, report, request):
        # type: (Report, Request) -> Encoded
        """(parts of the body, headers) of a report; the current time is sent between two parts."""
        body = six.ensure_binary(self._write(report))
        return (body,), [("Content-Type", self.content_type)]
