"""What all formats have in common."""
import six

MYPY = False
if MYPY:
    from typing import Any, Callable, Dict, List, Optional, Sequence, Text, Tuple

    from ..._report import Report

    #: The parts of a body, and headers.
    Encoded = Tuple[Tuple[bytes, ...], List[Tuple[str, str]]]


class Request(object):
    """What a format may know of the request; of this one nothing is known."""

    #: The media type of the Accept header that selects the format, "" where none does.
    media_type = ""

    #: The formats that are offered.
    offered = ()  # type: Sequence[str]

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
    in lower case; "text/plain;version=0.0.4" counts before "text/plain".
    """

    #: Whether a body stays right for as long as no result changes or expires.
    may_be_kept = True

    #: The HTTP status of every response in this format; None: that of the endpoint.
    status = None  # type: Optional[int]

    def __init__(self, name, content_type="", write=None, media_types=()):
        # type: (str, str, Optional[Callable[[Report], Text]], Sequence[str]) -> None
        self.name = name
        self.content_type = content_type
        self.media_types = media_types
        self._write = write  # type: Any  # None where encode() is another

    def load(self):
        # type: () -> None
        """Loads what encode() needs.

        Constructors call this: in a request no file descriptor may be left for it.
        """

    def reason_unavailable(self):
        # type: () -> str
        """Why no report can be written in this format; "" where it can."""
        return ""

    def encode(self, report, request):
        # type: (Report, Request) -> Encoded
        """(parts of the body, headers) of a report; between two parts the present time is sent."""
        body = six.ensure_binary(self._write(report))
        return (body,), [("Content-Type", self.content_type)]
