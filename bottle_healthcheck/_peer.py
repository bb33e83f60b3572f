"""Talking to a peer until a deadline, which is that of the whole exchange."""
import contextlib
import errno
import io
import select
import socket
import ssl

import six
from six.moves import http_client

from bottle_healthcheck._compat import monotonic

MYPY = False
if MYPY:
    from typing import Any, Callable, Dict, Iterator

_MOST_BODY = 2 ** 20  # bytes
_STRICT = {"strict": True} if six.PY2 else {}  # type: Dict[str, Any]  # 2.7 takes all for HTTP/0.9


class Deadline(object):
    """The end of a whole exchange, however slowly the peer talks."""

    def __init__(self, seconds):
        # type: (float) -> None
        self._end = monotonic() + seconds

    def left(self):
        # type: () -> float
        """The seconds that are left; raises socket.timeout where none are."""
        seconds = self._end - monotonic()
        if seconds <= 0:
            raise socket.timeout("timed out")
        return seconds

    def call(self, sock, func, *args):
        # type: (socket.socket, Callable[..., Any], *Any) -> Any
        """What func(*args), which waits for the peer of sock, returns before the end."""
        if six.PY2:  # pragma: no cover (2.7)
            return self._call_on_2(sock, func, *args)
        sock.settimeout(self.left())
        return func(*args)

    if six.PY2:  # pragma: no cover (2.7)
        def _call_on_2(self, sock, func, *args):
            """On 2.7 the time-out of a TLS socket starts anew with every byte of a record."""
            sock.setblocking(False)
            while True:
                wanted = select.POLLIN
                try:
                    return func(*args)
                except ssl.SSLWantWriteError:
                    wanted = select.POLLOUT
                except socket.error as exc:
                    if not isinstance(exc, ssl.SSLWantReadError) and exc.errno != errno.EAGAIN:
                        raise
                poll = select.poll()
                poll.register(sock, wanted)
                poll.poll(self.left() * 1000)


@contextlib.contextmanager
def connected(host, port, deadline, tls=False):
    # type: (str, int, Deadline, bool) -> Iterator[Any]
    """A socket connected to host, which is closed again; with tls after a verified handshake."""
    with contextlib.closing(_connect(host, port, deadline)) as sock:
        if not tls:
            yield sock
            return
        context = ssl.create_default_context()  # each time: authorities come and go
        with contextlib.closing(context.wrap_socket(sock, server_hostname=host,
                                                    do_handshake_on_connect=False)) as secure:
            deadline.call(secure, secure.do_handshake)
            yield secure


def _connect(host, port, deadline):
    # type: (str, int, Deadline) -> socket.socket
    """A socket connected to the first of host's addresses that accepts; they share the time."""
    addresses = socket.getaddrinfo(host, port, socket.AF_UNSPEC, socket.SOCK_STREAM)
    for tried, address in enumerate(addresses[:-1]):
        try:
            return _connect_to(address, deadline.left() / (len(addresses) - tried))
        except socket.error:
            continue
    return _connect_to(addresses[-1], deadline.left())


def _connect_to(address, seconds):
    # type: (Any, float) -> socket.socket
    """A socket connected to what getaddrinfo told."""
    sock = socket.socket(*address[:3])
    try:
        sock.settimeout(seconds)
        sock.connect(address[4])
    except BaseException:  # gevent's time-outs are no Exception
        sock.close()
        raise
    return sock


class _Replies(io.RawIOBase):
    """What a peer sends, until the deadline, as the file that http_client reads from a socket."""

    def __init__(self, sock, deadline):
        # type: (socket.socket, Deadline) -> None
        self._sock = sock
        self._deadline = deadline

    def makefile(self, *_):
        # type: (*Any) -> io.BufferedReader
        """What http_client asks a socket for."""
        return io.BufferedReader(self)

    def readable(self):
        # type: () -> bool
        """True, which io.BufferedReader asks for."""
        return True

    def readinto(self, buf):
        # type: (Any) -> int
        """Fills buf with what comes next."""
        return self._deadline.call(self._sock, self._sock.recv_into, buf)


def http_status(sock, deadline):
    # type: (socket.socket, Deadline) -> int
    """The status code of a response, once its whole body has come."""
    response = http_client.HTTPResponse(_Replies(sock, deadline), **_STRICT)  # type: ignore
    try:
        response.begin()
        body = response.read(_MOST_BODY + 1)
    except http_client.HTTPException as exc:  # its message may be our request, echoed
        raise ValueError("no valid HTTP came (%s)" % type(exc).__name__)
    finally:
        response.close()
    if len(body) > _MOST_BODY:
        raise ValueError("the body is longer than %d bytes" % _MOST_BODY)
    if response.length:
        raise ValueError("the connection was closed %d bytes too early" % response.length)
    return response.status
