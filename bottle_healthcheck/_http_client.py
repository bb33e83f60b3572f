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
import threading

import six
from six.moves import http_client, queue
from six.moves.urllib.parse import unquote_to_bytes

from bottle_healthcheck._compat import monotonic

MYPY = False
if MYPY:
    from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Text, Tuple, Union
    #: As getaddrinfo returns it: family, type, protocol, name, address.
    Address = Tuple[int, int, int, str, Tuple[Any, ...]]
    Resolver = Callable[[str, int, "Deadline"], List[Address]]

BODY_LIMIT = 2 ** 20  # bytes

#: Bytes of a whole exchange, so that nothing else is longer: headers, interim responses, trailers,
#: the sizes of chunks, and a chunk of a size below 0, which http_client reads to its end.
EXCHANGE_LIMIT = 2 * BODY_LIMIT

#: Without it, 2.7 parses anything as HTTP/0.9.
_STRICT = {"strict": True} if six.PY2 else {}  # type: Dict[str, Any]
_SWITCHING_PROTOCOLS = 101  # no other response follows
_NAME = re.compile(r"[A-Za-z0-9_.-]+\Z")

#: A parsed URL. host is what read_host() returned, user is what precedes the @, or None; target is
#: path and query, in ASCII.
Url = collections.namedtuple("Url", "is_tls host port user target")

Response = collections.namedtuple("Response", "status body")


class NoFinalResponse(http_client.HTTPException):
    """The peer sent interim responses only and closed the connection."""


class ExchangeTooLong(http_client.HTTPException):
    """A peer that sends more than EXCHANGE_LIMIT bytes."""


class BodyError(ValueError):
    """A body that was not read completely."""

    def __init__(self, status, message):
        # type: (int, str) -> None
        super(BodyError, self).__init__(message)
        #: The status code of its response.
        self.status = status


class BodyTooLong(BodyError):
    """A body of more than BODY_LIMIT bytes."""


class BodyCutOff(BodyError):
    """A body shorter than its Content-Length."""


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


# Hosts

def read_host(host):
    # type: (Any) -> str
    """The name or address to connect to, in ASCII (IDNA) and without brackets.

    Raises ValueError, which does not show the text: it may contain a password.
    """
    text = six.ensure_text(host)
    is_bracketed = text.startswith(u"[") and text.endswith(u"]")
    if is_bracketed:
        text = text[1:-1]
    if is_bracketed or u":" in text:
        is_host = _is_ipv6(text)
    else:
        text = _to_idna(text)
        is_host = _NAME.match(text) is not None
    if not is_host:
        raise ValueError("host: expected a name or an address, without scheme, user, port or path")
    return six.ensure_str(text)


def default_port(is_tls):
    # type: (bool) -> int
    """The port of https, or of http."""
    if is_tls:
        return 443
    return 80


def _is_ipv6(text):
    # type: (Text) -> bool
    address, has_zone, zone = text.partition(u"%")
    if has_zone and not _NAME.match(zone):
        return False
    try:
        ipaddress.IPv6Address(address)
    except ValueError:
        return False
    return True


def _to_idna(name):
    # type: (Text) -> Text
    """The name in ASCII, as name servers know it; "" if it is not a name."""
    try:
        return name.encode("idna").decode("ascii")
    except UnicodeError:
        return u""


def address_of(host, port):
    # type: (str, Any) -> str
    """host:port, with brackets around an IPv6 address; only the host if port is None."""
    if ":" in host:
        host = "[%s]" % host
    if port is None:
        return host
    return "%s:%s" % (host, port)


def resolve(host, port, _deadline):
    # type: (str, int, Deadline) -> List[Address]
    """The addresses of a host, as getaddrinfo returns them; the system limits how long it takes."""
    addresses = socket.getaddrinfo(
        host, port, socket.AF_UNSPEC, socket.SOCK_STREAM)  # type: List[Any]
    if not addresses:
        raise socket.gaierror(socket.EAI_NONAME, "the host has no address")
    return addresses


def resolve_in_thread(host, port, deadline):
    # type: (str, int, Deadline) -> List[Address]
    """As resolve(), but raises socket.timeout at the deadline; for processes that end soon after.

    A lookup cannot be cancelled: the thread runs on until the system gives up.
    """
    outcomes = queue.Queue()  # type: queue.Queue[Tuple[List[Address], Optional[Exception]]]

    def run():
        # type: () -> None
        try:
            outcomes.put((resolve(host, port, deadline), None))
        except Exception as exc:
            outcomes.put(([], exc))

    thread = threading.Thread(target=run, name="bottle_healthcheck resolver")
    thread.daemon = True
    thread.start()
    try:
        addresses, error = outcomes.get(timeout=deadline.left())
    except queue.Empty:
        raise socket.timeout("timed out")
    if error is not None:
        raise error
    return addresses


# Connections

@contextlib.contextmanager
def connected(host, port, deadline, tls=False, resolver=resolve):
    # type: (str, int, Deadline, bool, Resolver) -> Iterator[Any]
    """A socket connected to host, closed at the end; with tls, after a verified handshake."""
    with contextlib.closing(_connect(resolver(host, port, deadline), deadline)) as sock:
        if not tls:
            yield sock
            return
        context = ssl.create_default_context()  # each time, as the system's authorities may change
        name = host.rstrip(".")  # no final dot in certificates and SNI (RFC 6066, 3)
        with contextlib.closing(context.wrap_socket(sock, server_hostname=name,
                                                    do_handshake_on_connect=False)) as secure:
            deadline.call(secure, secure.do_handshake)
            yield secure


def _connect(addresses, deadline):
    # type: (List[Address], Deadline) -> socket.socket
    """A socket connected to the first address that accepts; the addresses share the time."""
    for tried, address in enumerate(addresses[:-1]):
        try:
            return _connect_to(address, deadline.left() / (len(addresses) - tried))
        except socket.error:
            continue
    return _connect_to(addresses[-1], deadline.left())


def _connect_to(address, seconds):
    # type: (Address, float) -> socket.socket
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

def get(url, headers, deadline, resolver=resolve):
    # type: (Url, Mapping[str, Union[str, bytes]], Deadline, Resolver) -> Response
    """The response to a GET request; headers (names in title case) replace the client's own.

    Raises socket.timeout, http_client.HTTPException for an invalid response (its message may
    contain the request, if that was echoed), BodyTooLong, BodyCutOff, and errors of connecting.
    """
    with connected(url.host, url.port, deadline, url.is_tls, resolver) as sock:
        _send(sock, _request(url, headers), deadline)
        return _receive(sock, deadline)


def status_text(status):
    # type: (int) -> str
    """A status code with its reason phrase, as in "200 OK"."""
    return ("%d %s" % (status, http_client.responses.get(status, ""))).strip()


def _request(url, headers):
    # type: (Url, Mapping[str, Union[str, bytes]]) -> bytes
    """The bytes of a GET request."""
    port = url.port
    if port == default_port(url.is_tls):
        port = None
    fields = collections.OrderedDict([
        ("Host", address_of(url.host, port)), ("Accept", "*/*"),
        ("Accept-Encoding", "identity"), ("Connection", "close")])  # type: Dict[str, Any]
    if url.user:
        fields["Authorization"] = _basic_authorization(url.user)
    fields.update(headers)
    lines = [b"GET %s HTTP/1.1" % six.ensure_binary(url.target)]
    lines += [b"%s: %s" % (six.ensure_binary(name), six.ensure_binary(value))
              for name, value in fields.items()]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def _basic_authorization(user):
    # type: (str) -> bytes
    """The Authorization header for a URL's user and password, or for a user alone, a token."""
    if ":" not in user:
        user += ":"
    return b"Basic " + base64.b64encode(unquote_to_bytes(user))


def _send(sock, data, deadline):
    # type: (socket.socket, bytes, Deadline) -> None
    """Sends all data; a TLS socket's sendall() would use the whole timeout for each piece."""
    send = sock.send
    if six.PY2 and hasattr(sock, "write"):  # pragma: no cover (2.7)
        send = sock.write  # a TLS socket's send() returns 0 instead of waiting
    while data:
        data = data[deadline.call(sock, send, data):]


class _Received(io.RawIOBase):
    """The bytes that a peer sends until the deadline, as a raw stream; at most EXCHANGE_LIMIT."""

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


class _Stream(io.BufferedReader):
    """Stands in for a socket and for its file, from which http_client reads responses."""

    def makefile(self, *_):
        # type: (*Any) -> _Stream
        """Returns itself: the buffer may already contain the next response."""
        return self

    def close(self):
        # type: () -> None
        """Does nothing: every response closes its file, and the next response follows."""


def _receive(sock, deadline):
    # type: (socket.socket, Deadline) -> Response
    """The final response with its whole body."""
    stream = _Stream(_Received(sock, deadline))
    response = _begin(stream)
    while _is_interim(response.status):
        if not stream.peek(1):
            raise NoFinalResponse("only %s was received" % status_text(response.status))
        response = _begin(stream)
    body = response.read(BODY_LIMIT + 1)
    if len(body) > BODY_LIMIT:
        raise BodyTooLong(response.status, "the body is longer than %d bytes" % BODY_LIMIT)
    if response.length:
        raise BodyCutOff(response.status,
                         "the connection was closed %d bytes too early" % response.length)
    return Response(response.status, body)


def _begin(stream):
    # type: (_Stream) -> http_client.HTTPResponse
    """The next response, after its headers."""
    response = http_client.HTTPResponse(stream, **_STRICT)  # type: ignore
    response.begin()
    return response


def _is_interim(status):
    # type: (int) -> bool
    """True for an interim response, which another one follows (RFC 9110, 15.2)."""
    return 100 <= status <= 199 and status != _SWITCHING_PROTOCOLS
