# coding: utf-8
"""bottle_healthcheck._http_client, against loopback sockets and sockets that a test makes up"""
import base64
import socket

import pytest
import six

from six.moves import http_client
from tests.helpers import FakeClock, free_port
from tests.internals import Deadline, Url, _http_client
from tests.test_unit.test_checks import CHUNKED, OK, peer

PATIENT = 60  # seconds, far more than any of these takes
INET = (socket.AF_INET, socket.SOCK_STREAM, 0, "")


@pytest.fixture
def clock(monkeypatch):
    clock = FakeClock()
    monkeypatch.setattr(_http_client, "monotonic", clock)
    return clock


class Network(object):
    """Stands in for socket.socket: what becomes of each attempt to connect, and its timeouts."""

    def __init__(self, clock, outcomes):
        self.clock, self.outcomes = clock, outcomes
        self.timeouts, self.tried, self.closed = [], [], 0

    def __call__(self, *args):
        return self

    def settimeout(self, seconds):
        self.timeouts.append(seconds)

    def connect(self, address):
        self.tried.append(address)
        outcome = self.outcomes[len(self.tried) - 1]
        if outcome == "silent":
            self.clock.tick(self.timeouts[-1])
            raise socket.timeout("timed out")
        if outcome != "accepts":
            raise outcome

    def close(self):
        self.closed += 1


def get(real_port, headers=(), **parts):
    """The response of a peer on this port of loopback, whatever the URL says."""
    url = Url(**dict(dict(scheme="http", host="h.example", port=80, user="", target="/"), **parts))
    real = socket.getaddrinfo
    socket.getaddrinfo = lambda *args: [INET + (("127.0.0.1", real_port),)]
    try:
        return _http_client.get(url, dict(headers), Deadline(PATIENT))
    finally:
        socket.getaddrinfo = real


class TestDeadline(object):

    def test_it_says_what_is_left_until_nothing_is(self, clock):
        deadline = Deadline(5)
        clock.tick(4.5)
        assert deadline.left() == 0.5
        clock.tick(0.5)
        with pytest.raises(socket.timeout, match="timed out"):
            deadline.left()

    def test_nothing_is_called_after_the_deadline(self, clock):
        deadline, called = Deadline(5), []
        sock = socket.socket()
        assert deadline.call(sock, called.append, 1) is None
        clock.tick(5)
        with pytest.raises(socket.timeout):
            deadline.call(sock, called.append, 2)
        sock.close()
        assert called == [1]


class TestHost(object):
    """Hosts are read as people write them."""

    @pytest.mark.parametrize("given, host", [
        ("db", "db"), ("my_db.example.", "my_db.example."), ("127.0.0.1", "127.0.0.1"),
        (u"db", "db"), (u"bücher.example", "xn--bcher-kva.example"),
        (six.ensure_str(u"bücher.example"), "xn--bcher-kva.example"),
        (u"BÜCHER.example", "xn--bcher-kva.example"), ("xn--bcher-kva.example",) * 2,
        (u"bücher。example", "xn--bcher-kva.example"),
        ("::1", "::1"), ("[::1]", "::1"), (u"[2001:DB8::1]", "2001:DB8::1"),
        ("::ffff:10.0.0.1", "::ffff:10.0.0.1"), ("fe80::1%eth0", "fe80::1%eth0"),
    ])
    def test_is_read_as_people_write_it(self, given, host):
        assert _http_client.read_host(given) == host
        assert type(_http_client.read_host(given)) is str

    @pytest.mark.parametrize("given", [
        "", "hunter2:5432", "db:5432", "1.2.3.4:80", "[::1]:80", "[hunter2]", "[127.0.0.1]", "[::1",
        "::1]", "[]", ":", "user:hunter2@h", "http://hunter2", "h/hunter2", "hunter2 x",
        "hunter2\n",
        "hunter2..x", ".hunter2", "hunter2" * 10, u"hunter2ü" * 10, u"hunter2\u2100x",
        u"hunter2\ud800",
        "fe80::1%", "fe80::1%a/hunter2", "::hunter2", "h?hunter2", "h#hunter2", "h\0hunter2",
        "b%C3%BCcher.example",
    ])
    def test_invalid_one_is_refused_and_not_repeated(self, given):
        with pytest.raises(ValueError, match="host: expected a name or an address") as caught:
            _http_client.read_host(given)
        assert "hunter2" not in str(caught.value)

    @pytest.mark.parametrize("host, port, shown", [
        ("h", 80, "h:80"), ("::1", 80, "[::1]:80"), ("h", None, "h"), ("::1", None, "[::1]")])
    def test_and_port_are_written_together(self, host, port, shown):
        assert _http_client.address_of(host, port) == shown

    def test_without_an_address_is_an_error(self, monkeypatch):
        monkeypatch.setattr(socket, "getaddrinfo", lambda *args: [])
        with pytest.raises(socket.gaierror, match="no address"):
            with _http_client.connected("h", 80, Deadline(PATIENT)):
                pytest.fail("there is no address")


class Stop(BaseException):
    """As gevent's timeouts are."""


@pytest.fixture
def sockets(monkeypatch):
    """Every socket that is made."""
    made, real = [], socket.socket

    def make(*args):
        made.append(real(*args))
        return made[-1]
    monkeypatch.setattr(socket, "socket", make)
    return made


def is_closed(sock):
    try:
        return sock.fileno() == -1
    except socket.error:  # 2.7
        return True


REFUSED = socket.error(111, "Connection refused")


class TestConnection(object):
    """A socket to the first address that accepts, closed in any case."""

    def test_is_closed_however_its_use_ends(self, sockets):
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen(5)
        port = listener.getsockname()[1]
        with pytest.raises(Stop):
            with _http_client.connected("127.0.0.1", port, Deadline(PATIENT)):
                raise Stop()
        listener.close()
        assert len(sockets) == 2 and is_closed(sockets[1])

    def test_failed_one_is_closed(self, sockets):
        port = free_port()
        del sockets[:]
        with pytest.raises(socket.error):
            with _http_client.connected("127.0.0.1", port, Deadline(PATIENT)):
                pytest.fail("nobody listens there")
        assert len(sockets) == 1 and is_closed(sockets[0])

    @pytest.mark.parametrize("outcomes, timeouts", [
        (["accepts"], [6.0]), (["silent", "accepts"], [3.0, 3.0]),
        (["silent", "silent", "accepts"], [2.0, 2.0, 2.0]),
        ([REFUSED, "silent", "accepts"], [2.0, 3.0, 3.0]),
        (["accepts", "silent"], [3.0]), ([REFUSED, "accepts", "silent"], [2.0, 3.0]),
    ])
    def test_addresses_share_the_time(self, monkeypatch, clock, outcomes, timeouts):
        network = Network(clock, outcomes)
        monkeypatch.setattr(socket, "socket", network)
        addresses = [INET + (("192.0.2.%d" % number, 80),) for number in range(len(outcomes))]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *args: addresses)
        with _http_client.connected("h", 80, Deadline(6)) as sock:
            assert sock is network
        assert network.timeouts == timeouts
        assert network.tried == [one[4] for one in addresses[:len(timeouts)]]
        assert network.closed == len(timeouts)

    @pytest.mark.parametrize("outcomes, error", [
        ([REFUSED, REFUSED], "refused"), (["silent", REFUSED], "refused"),
        ([REFUSED, "silent"], "timed out"), (["silent"] * 3, "timed out")])
    def test_error_is_that_of_the_last_address(self, monkeypatch, clock, outcomes, error):
        network = Network(clock, outcomes)
        monkeypatch.setattr(socket, "socket", network)
        addresses = [INET + (("h", 80),)] * len(outcomes)
        monkeypatch.setattr(socket, "getaddrinfo", lambda *args: addresses)
        begun = clock.now
        with pytest.raises(socket.error, match=error):
            with _http_client.connected("h", 80, Deadline(6)):
                pytest.fail("nobody accepts")
        assert len(network.tried) == network.closed == len(outcomes)
        assert clock.now - begun <= 6

    def test_address_of_an_unknown_family_is_skipped(self, monkeypatch, clock):
        network, families = Network(clock, ["accepts"]), []

        def make(family, *args):
            families.append(family)
            if family == socket.AF_INET6:
                raise socket.error(97, "Address family not supported by protocol")
            return network

        addresses = [(socket.AF_INET6, socket.SOCK_STREAM, 0, "", ("::1", 80, 0, 0)),
                     INET + (("192.0.2.1", 80),)]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *args: addresses)
        monkeypatch.setattr(socket, "socket", make)
        with _http_client.connected("h", 80, Deadline(6)) as sock:
            assert sock is network
        assert families == [socket.AF_INET6, socket.AF_INET]

    def test_interrupted_one_is_closed(self, monkeypatch, clock):
        network = Network(clock, [Stop()])
        monkeypatch.setattr(socket, "socket", network)
        with pytest.raises(Stop):
            with _http_client.connected("127.0.0.1", 1, Deadline(PATIENT)):
                pytest.fail("it was stopped")
        assert network.closed == 1


def request_of(headers=(), **parts):
    """The lines of the request."""
    requests = []
    with peer(OK, requests=requests) as port:
        assert get(port, headers, **parts) == (200, b"OK")
    assert requests[0].endswith(b"\r\n\r\n")
    return requests[0].decode("utf-8").split("\r\n")[:-2]


class SlowReader(Network):
    """A peer that takes seven bytes of the request a second, and answers."""
    unread = OK
    taken = b""

    def setblocking(self, flag):
        pass

    def send(self, data):
        self.clock.tick(1)
        self.taken += data[:7]
        return len(data[:7])

    def recv_into(self, buf):
        count = min(len(buf), len(self.unread))
        buf[:count], self.unread = self.unread[:count], self.unread[count:]
        return count


class TestRequest(object):
    """What is sent."""

    def test_bytes(self):
        lines = request_of(target="/health?a=b")
        assert lines[:2] == ["GET /health?a=b HTTP/1.1", "Host: h.example"]
        assert sorted(lines[2:]) == ["Accept-Encoding: identity", "Accept: */*",
                                     "Connection: close"]

    @pytest.mark.parametrize("host, port, shown", [
        ("h", 80, "h"), ("h", 443, "h:443"), ("h", 8080, "h:8080"), ("::1", 80, "[::1]"),
        ("::1", 8080, "[::1]:8080")])
    def test_port_is_sent_unless_it_is_the_default(self, host, port, shown):
        assert "Host: " + shown in request_of(host=host, port=port)

    @pytest.mark.parametrize("user, sent", [
        ("user:pw", b"user:pw"), ("token", b"token:"), (":pw", b":pw"),
        ("user:p%40%3A", b"user:p@:"),
        ("us%C3%A4r:%FF", u"us\xe4r:".encode("utf-8") + b"\xff")])
    def test_user_and_password_are_sent(self, user, sent):
        header = "Authorization: Basic " + base64.b64encode(sent).decode("ascii")
        assert header in request_of(user=user)

    def test_no_user_is_sent_without_one(self):
        assert not [line for line in request_of(user="") if line.startswith("Authorization")]

    def test_headers_replace_the_clients_own(self):
        lines = request_of({"Host": "other", "Accept": b"text/plain",
                            "X-A": u"\xe4".encode("utf-8"),
                            "Authorization": "Bearer x"}, user="user:pw")
        assert sorted(one for one in lines if one.split(":")[0] in (
            "Host", "Accept", "Authorization")) == [
                "Accept: text/plain", "Authorization: Bearer x", "Host: other"]
        assert u"X-A: \xe4" in lines

    @pytest.mark.parametrize("seconds, is_whole", [(100, True), (5, False)])
    def test_sending_ends_at_the_deadline(self, monkeypatch, clock, seconds, is_whole):
        network = SlowReader(clock, ["accepts"])
        monkeypatch.setattr(socket, "socket", network)
        monkeypatch.setattr(socket, "getaddrinfo", lambda *args: [INET + (("h", 80),)])
        arguments = (Url("http", "h", 80, "", "/"), {}, Deadline(seconds))
        if is_whole:
            assert _http_client.get(*arguments).status == 200
            assert network.taken.endswith(b"\r\n\r\n")
        else:
            with pytest.raises(socket.timeout):
                _http_client.get(*arguments)
            assert len(network.taken) == 5 * 7
        assert network.closed == 1


HINT = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"


LIMIT = _http_client.BODY_LIMIT


def with_length(length, body):
    return b"HTTP/1.1 203 x\r\nContent-Length: %d\r\n\r\n" % length + body


def chunked(*chunks):
    head = b"HTTP/1.1 203 x\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%s\r\n" % (len(one), one) for one in chunks)


CHUNKS = b"HTTP/1.1 203 x\r\nTransfer-Encoding: chunked\r\n\r\n"


class TestResponse(object):
    """What is received."""

    @pytest.mark.parametrize("response, status, body", [
        (OK, 200, b"OK"), (CHUNKED, 200, b"OK"),
        (b"HTTP/1.0 200 OK\r\n\r\nto the end", 200, b"to the end"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""), (b"HTTP/1.1 304 x\r\n\r\n", 304, b""),
        (b"HTTP/1.1 503 x\r\nContent-Length: 0\r\n\r\n", 503, b""),
        (b"HTTP/1.1 799 x\r\n\r\na", 799, b"a"),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + OK, 101, b""),
    ])
    def test_complete_one_is_returned(self, response, status, body):
        with peer(response) as port:
            assert get(port) == (status, body)

    @pytest.mark.parametrize("interim", [
        b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 102 Processing\r\n\r\n", HINT, HINT * 100,
        b"HTTP/1.1 199 x\r\nContent-Length: 5\r\n\r\n",
        HINT + b"HTTP/1.1 100 Continue\r\n\r\n" + HINT])
    @pytest.mark.parametrize("final, status", [(OK, 200), (CHUNKED, 200), (
        b"HTTP/1.1 503 x\r\nContent-Length: 0\r\n\r\n", 503)])
    @pytest.mark.parametrize("pieces", [1, 2])
    def test_interim_ones_are_skipped(self, interim, final, status, pieces):
        chunks = [interim + final] if pieces == 1 else [interim, final]
        with peer(*chunks) as port:
            assert get(port).status == status

    def test_interim_one_alone_is_an_error(self):
        with peer(HINT) as port:
            with pytest.raises(http_client.BadStatusLine):
                get(port)

    @pytest.mark.parametrize("response", [
        with_length(LIMIT, b"x" * LIMIT), chunked(b"x" * LIMIT, b""),
        b"HTTP/1.0 203 x\r\n\r\n" + b"x" * LIMIT], ids=["length", "chunked", "until the end"])
    def test_body_of_the_limit_is_read(self, response):
        with peer(response) as port:
            assert get(port) == (203, b"x" * LIMIT)

    @pytest.mark.parametrize("response", [
        with_length(LIMIT + 1, b"x" * (LIMIT + 1)), with_length(10 ** 12, b"x" * (LIMIT + 1)),
        chunked(b"x" * LIMIT, b"x"), b"HTTP/1.0 203 x\r\n\r\n" + b"x" * (LIMIT + 1),
    ], ids=["length", "endless", "chunked", "until the end"])
    def test_longer_body_is_an_error(self, response):
        with peer(response) as port:
            with pytest.raises(_http_client.BodyError, match="longer than 1048576") as caught:
                get(port)
        assert (caught.value.status, caught.value.problem) == (203, "over 1 MiB")

    @pytest.mark.parametrize("beginning, rest", [
        (CHUNKS + b"-1\r\n", b"x" * 1000), (CHUNKS, b"1\r\nx\r\n" * 200),
        (CHUNKS + b"0\r\n", b"X: y\r\n"),
        (b"", b"HTTP/1.1 103 x\r\nLink: " + b"x" * 50000 + b"\r\n\r\n"),
    ], ids=["negative chunk", "small chunks", "trailers", "interim responses"])
    def test_endless_exchange_is_an_error(self, beginning, rest):
        pieces = [rest * (LIMIT // len(rest))] * 3
        with peer(beginning, *pieces) as port:
            # Old Pythons take what follows on a negative size for the size of another chunk.
            with pytest.raises((_http_client.ExchangeTooLong, http_client.LineTooLong)):
                get(port)

    @pytest.mark.parametrize("length, body, missing", [
        (2, b"", 2), (10, b"123", 7), (10 ** 12, b"", 10 ** 12)])
    def test_body_cut_off_is_an_error(self, length, body, missing):
        with peer(with_length(length, body)) as port:
            with pytest.raises(_http_client.BodyError,
                               match="%d bytes too early" % missing) as caught:
                get(port)
        assert (caught.value.status, caught.value.problem) == (203, "that is cut off")

    @pytest.mark.parametrize("response", [
        b"", b"HTTP", b"220 mail.example ESMTP\r\n", b"HTTP/1.1 abc\r\n\r\n", b"\0\xff" * 50000,
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000 + b"\r\n", chunked(b"abc"),
        chunked(b"abc")[:-4]],
        ids=repr)
    def test_invalid_http_is_an_error(self, response):
        with peer(response) as port:
            with pytest.raises(http_client.HTTPException):
                get(port)

    @pytest.mark.parametrize("status, text",
                             [(200, "200 OK"), (404, "404 Not Found"), (799, "799")])
    def test_status_has_its_reason_phrase(self, status, text):
        assert _http_client.status_text(status) == text
