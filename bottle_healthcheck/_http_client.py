"""An HTTP client for the checks and the probe: one deadline for the whole exchange.

A host's addresses share the time, so that one that does not respond leaves some for the next.
Interim responses are skipped, redirects are not followed, proxies are not used.
"""
import base64
import collections
import contextlib
import errno
import io
import ipaddress
import re
import select
import socket
import ssl

import six
from six.moves import http_client
from six.moves.urllib.parse import unquote_to_bytes

from bottle_healthcheck._compat import monotonic

MYPY = False
if MYPY:
    from typing import Any, Callable, Dict, Iterator, Mapping, Text, Union

BODY_LIMIT = 2 ** 20  # bytes

#: Bytes of a whole exchange, so that nothing else is longer: headers, interim responses, trailers,
#: the sizes of chunks, and a chunk of a size below 0, which http_client reads to its end.
EXCHANGE_LIMIT = 2 * BODY_LIMIT

#: Without it, 2.7 parses anything as HTTP/0.9.
_STRICT = {"strict": True} if six.PY2 else {}  # type: Dict[str, Any]
_SWITCHING_PROTOCOLS = 101  # the others below 200 precede another response (RFC 9110)
_DEFAULT_PORTS = {"http": 80, "https": 443}
_NAME = re.compile(r"[A-Za-z0-9_.-]+\Z")
_URL = re.compile(r"(?P<scheme>https?)://((?P<user>[^/?#]*)@)?"
                  r"(?P<host>[^]/?#@:[]*|\[[^]/?#@[]*\])(:(?P<port>[0-9]{0,5}))?"
                  r"(?P<path>/[^?#]*)?(?P<query>\?[^#]*)?(#.*)?\Z",
                  re.IGNORECASE | re.DOTALL)

#: A parsed URL. host is what read_host() returned, user is what precedes the @, or ""; target is
#: path and query.
Url = collections.namedtuple("Url", "scheme host port user target")

Response = collections.namedtuple("Response", "status body")


class ExchangeTooLong(http_client.HTTPException):
    """A peer that sends more than EXCHANGE_LIMIT bytes."""


class BodyError(ValueError):
    """A body that was not read completely, of a response with this status."""

    def __init__(self, message, status, problem):
        # type: (str, int, str) -> None
        super(BodyError, self).__init__(message)
        self.status = status
        #: What follows "a body" in the probe's line.
        self.problem = problem


class Deadline(object):
    """When a whole exchange has to be complete, however slowly the peer responds."""

    def __init__(self, seconds):
        # type: (float) -> None
        self._end = monotonic() + seconds

    def left(self):
        # type: () -> float
        """The seconds that are left. Raises socket.timeout if there are none."""
        seconds = self._end - monotonic()
        if seconds <= 0:
            raise socket.timeout("timed out")
        return seconds

    def call(self, sock, func, *args):
        # type: (socket.socket, Callable[..., Any], *Any) -> Any
        """Returns func(*args), which waits for sock's peer. Raises socket.timeout at the end."""
        if six.PY2:  # pragma: no cover (2.7)
            return self._call_on_2(sock, func, *args)
        sock.settimeout(self.left())
        return func(*args)

    if six.PY2:  # pragma: no cover (2.7)
        def _call_on_2(self, sock, func, *args):
            """The same on 2.7, where the timeout of a TLS socket starts again with every byte."""
            sock.setblocking(False)
            while True:
                milliseconds = self.left() * 1000  # raises at the end
                event = select.POLLIN
                if func == sock.send:
                    event = select.POLLOUT
                try:
                    return func(*args)
                except ssl.SSLWantWriteError:
                    event = select.POLLOUT
                except ssl.SSLWantReadError:
                    event = select.POLLIN
                except socket.error as exc:
                    if exc.errno != errno.EAGAIN:
                        raise
                poll = select.poll()
                poll.register(sock, event)
                poll.poll(milliseconds)


# Hosts and URLs

def read_host(host):
    # type: (Any) -> str
    """The name or address to connect to, in ASCII (IDNA) and without brackets.

    Raises ValueError, which does not show the text: it may contain a password.
    """
    text = six.ensure_text(host)
    is_bracketed = text.startswith(u"[") and text.endswith(u"]")
    if is_bracketed:
        text = text[1:-1]
    try:
        if is_bracketed or u":" in text:
            address, has_zone, zone = text.partition(u"%")
            ipaddress.IPv6Address(address)
            is_host = not has_zone or _NAME.match(zone) is not None
        else:
            text = text.encode("idna").decode("ascii")  # as name servers know it
            is_host = _NAME.match(text) is not None
    except ValueError:
        is_host = False
    if not is_host:
        raise ValueError("host: expected a name or an address, without scheme, user, port or path")
    return six.ensure_str(text)


def address_of(host, port):
    # type: (str, Any) -> str
    """host:port, with brackets around an IPv6 address; only the host if port is None."""
    if ":" in host:
        host = "[%s]" % host
    if port is None:
        return host
    return "%s:%s" % (host, port)


def read_url(text):
    # type: (Text) -> Url
    """Parses an http or https URL; a fragment is left out.

    Raises ValueError, which does not show the text: it may contain a password.
    """
    if not text.lower().startswith(("http://", "https://")):
        raise ValueError("url: http:// or https:// is missing at its beginning, as in "
                         "http://host/path")
    unreadable = ValueError("url: expected http://host/path or https://host/path; there is no "
                            "host, or its host or port cannot be read (a / or @ in a password is "
                            "written %2F or %40)")
    found = _URL.match(text)
    if not found:
        raise unreadable
    parts = found.groupdict("")
    scheme = parts["scheme"].lower()
    port = int(parts["port"] or _DEFAULT_PORTS[scheme])
    if not 1 <= port <= 65535:
        raise unreadable
    try:
        host = read_host(parts["host"])
    except ValueError:
        raise unreadable
    target = (parts["path"] or "/") + parts["query"]
    return Url(scheme, host, port, six.ensure_str(parts["user"]), six.ensure_str(target))


# Connections

@contextlib.contextmanager
def connected(host, port, deadline, tls=False):
    # type: (str, int, Deadline, bool) -> Iterator[Any]
    """A socket connected to host, closed at the end; with tls, after a verified handshake.

    The system limits how long it takes to look the host up, the deadline does not.
    """
    with contextlib.closing(_connect(host, port, deadline)) as sock:
        if not tls:
            yield sock
            return
        context = ssl.create_default_context()  # each time, as the system's authorities may change
        name = host.rstrip(".")  # no final dot in certificates and SNI (RFC 6066, 3)
        with contextlib.closing(context.wrap_socket(sock, server_hostname=name,
                                                    do_handshake_on_connect=False)) as secure:
            deadline.call(secure, secure.do_handshake)
            yield secure


def _connect(host, port, deadline):
    # type: (str, int, Deadline) -> socket.socket
    """A socket connected to the host's first address that accepts; the addresses share the time."""
    addresses = socket.getaddrinfo(host, port, socket.AF_UNSPEC, socket.SOCK_STREAM)
    error = socket.gaierror(socket.EAI_NONAME, "the host has no address")  # type: Exception
    for tried, address in enumerate(addresses):
        try:
            return _connect_to(address, deadline.left() / (len(addresses) - tried))
        except socket.error as exc:
            error = exc
    raise error


def _connect_to(address, seconds):
    # type: (Any, float) -> socket.socket
    """A socket connected to an address of getaddrinfo."""
    sock = socket.socket(*address[:3])
    try:
        sock.settimeout(seconds)
        sock.connect(address[4])
    except BaseException:  # such as gevent's Timeout
        sock.close()
        raise
    return sock


# Requests and responses

def get(url, headers, deadline):
    # type: (Url, Mapping[str, Union[str, bytes]], Deadline) -> Response
    """The final response to a GET request, with its whole body.

    headers (names in title case) replace the client's own. Raises socket.timeout,
    http_client.HTTPException for an invalid response (its message may contain the request, if that
    was echoed), BodyError, and errors of connecting.
    """
    fields = {"Accept": "*/*", "Connection": "close"}  # type: Dict[str, Any]
    if url.user:
        user = url.user
        if ":" not in user:  # a token
            user += ":"
        fields["Authorization"] = b"Basic " + base64.b64encode(unquote_to_bytes(user))
    fields.update(headers)
    with connected(url.host, url.port, deadline, url.scheme == "https") as sock:
        exchange = _Exchange(_TimedSocket(sock, deadline))
        connection = http_client.HTTPConnection(url.host, url.port)
        connection.default_port = _DEFAULT_PORTS[url.scheme]
        connection.sock = exchange
        connection.request("GET", url.target, headers=fields)
        while True:
            response = http_client.HTTPResponse(exchange, **_STRICT)  # type: ignore[arg-type]
            response.begin()
            if response.status >= 200 or response.status == _SWITCHING_PROTOCOLS:
                return Response(response.status, _body_of(response))


def status_text(status):
    # type: (int) -> str
    """A status code with its reason phrase, as in "200 OK"."""
    return ("%d %s" % (status, http_client.responses.get(status, ""))).strip()


class _TimedSocket(io.RawIOBase):
    """A connected socket as a raw stream until the deadline; EXCHANGE_LIMIT bytes can be read."""

    def __init__(self, sock, deadline):
        # type: (socket.socket, Deadline) -> None
        self._sock = sock
        self._deadline = deadline
        self._left = EXCHANGE_LIMIT

    def readable(self):
        # type: () -> bool
        """True, as io.BufferedReader requires."""
        return True

    def readinto(self, buf):
        # type: (Any) -> int
        """Reads the next bytes into buf."""
        if self._left <= 0:
            raise ExchangeTooLong("more than %d bytes were received" % EXCHANGE_LIMIT)
        received = int(self._deadline.call(self._sock, self._sock.recv_into, buf))
        self._left -= received
        return received

    def write(self, data):
        # type: (Any) -> int
        """Sends some of the data, and returns how many bytes."""
        return int(self._deadline.call(self._sock, self._sock.send, data))


class _Exchange(io.BufferedReader):
    """Stands in for a socket and for its file: http_client sends and reads through it."""

    def sendall(self, data):
        # type: (bytes) -> None
        """Sends all data."""
        while data:
            data = data[self.raw.write(data):]  # type: ignore[attr-defined]

    def makefile(self, *_):
        # type: (*Any) -> _Exchange
        """Returns itself: the buffer may already contain the next response."""
        return self

    def close(self):
        # type: () -> None
        """Does nothing: every response closes its file, and the next response follows."""


def _body_of(response):
    # type: (http_client.HTTPResponse) -> bytes
    """The whole body. Raises BodyError."""
    body = response.read(BODY_LIMIT + 1)
    if len(body) > BODY_LIMIT:
        raise BodyError("the body is longer than %d bytes" % BODY_LIMIT, response.status,
                        "over 1 MiB")
    if response.length:
        raise BodyError("the connection was closed %d bytes too early" % response.length,
                        response.status, "that is cut off")
    return body
