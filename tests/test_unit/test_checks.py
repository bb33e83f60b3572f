# coding: utf-8
"""bottle_healthcheck.checks, against loopback sockets, SQLite and stand-ins for clients"""
import contextlib
import functools
import os
import socket
import sqlite3
import threading
import time

import pytest
import six

from bottle_healthcheck import checks
from tests import internals
from tests.helpers import failed, free_port, passed, raise_
from tests.internals import _http_client

ECHO = object()
DRIPS = dict(pause=0.05)  # far below the time-out of each read
NAN = float("nan")


@contextlib.contextmanager
def peer(*chunks, **options):
    """Answers every connection's request with the chunks, pause= seconds apart; its port."""
    listener, ended, requests = socket.socket(), threading.Event(), options.get("requests", [])

    def serve():
        while True:
            try:
                connection = listener.accept()[0]
            except (OSError, socket.error):
                return
            with contextlib.closing(connection):
                try:
                    if not options.get("speaks_first"):
                        requests.append(connection.recv(65536))
                    for chunk in chunks:
                        connection.sendall(requests[-1] if chunk is ECHO else chunk)
                        ended.wait(options.get("pause", 0))
                except (OSError, socket.error):
                    pass

    listener.bind(("127.0.0.1", 0))
    listener.listen(5)
    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        ended.set()
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()  # first: it would accept for the next socket of the same number
        listener.close()


def drips(data):
    return [data[index:index + 1] for index in range(len(data))]


@contextlib.contextmanager
def listening():
    """Connections are accepted by the kernel alone: nothing ever answers."""
    with contextlib.closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(5)
        yield listener.getsockname()[1]


def answer(port, path="/health", **options):
    options.setdefault("timeout", 60)  # a loaded machine may stall for longer than the default
    return checks.http("http://127.0.0.1:%d%s" % (port, path), **options)


class Redis(object):
    def __init__(self, fails=None, **options):
        self.fails = fails
        self.connection_pool = self
        self.connection_kwargs = dict(options, password="hunter2")

    def ping(self):
        if self.fails:
            raise self.fails

    def info(self, section):
        return {"redis_version": "7.0.15"} if section == "server" else {}


class TestArguments(object):
    """Mistakes are refused when the check is made."""

    @pytest.mark.parametrize("make, message", [
        (lambda: checks.tcp(b"\xff", 1) if str is not bytes else checks.tcp(3, 1),
         "host is of type .*, expected text"),
        (lambda: checks.tcp("h", "80"), "port is of type str, expected a whole number"),
        (lambda: checks.tcp("h", True), "port is of type bool, expected a whole number"),
        (lambda: checks.tcp("h", 80.5), "port is of type float, expected a whole number"),
        (lambda: checks.tcp("h", 80, timeout="5"),
         "timeout is of type str, expected seconds as a number"),
        (lambda: checks.tcp("h", 80, timeout=None), "timeout is None"),
        (lambda: checks.http(None), "url is None, expected text"),
        (lambda: checks.http("http://h", status="200"), "status is '200'"),
        (lambda: checks.http("http://h", status=None), "status is None"),
        (lambda: checks.http("http://h", status=[200, "x"]),
         r"status is \[200, 'x'\], expected an integer or a"),
        (lambda: checks.http("http://h", status=()), r"status is \(\)"),
        (lambda: checks.http("http://h", status=True), "status is True"),
        (lambda: checks.certificate("h", 443, "14"),
         "min_days is of type str, expected days as a number"),
        (lambda: checks.sql("dsn"), "connect_or_engine is of type str, expected a callable"),
        (lambda: checks.sql(sqlite3.connect(":memory:")), "connect_or_engine is of type Conn"),
        (lambda: checks.sql(sqlite3.connect, query=None), "query is None, expected text"),
        (lambda: checks.redis("redis://"), "client is of type str, expected one with ping"),
        (lambda: checks.memcached("localhost"), "client is of type str, expected one of pyme"),
        (lambda: checks.disk(3), "path is of type int, expected text"),
        (lambda: checks.disk("/", None), "min_free is None, expected bytes as a number"),
        (lambda: checks.heartbeat("/f", "60"),
         "max_age is of type str, expected seconds as a number"),
    ])
    def test_wrong_type_is_refused(self, make, message):
        with pytest.raises(TypeError, match=message):
            make()

    @pytest.mark.parametrize("make, message", [
        (lambda: checks.tcp(" ", 80), "host is blank, expected text"),
        (lambda: checks.tcp("h", 0), "port is 0, expected a TCP port from 1 to 65535"),
        (lambda: checks.tcp("h", 65536), "port is 65536, expected a TCP port from 1 to 65535"),
        (lambda: checks.tcp("h", 80, timeout=0),
         "timeout is 0, expected seconds from 0.001 to 3600"),
        (lambda: checks.tcp("h", 80, timeout=-1), "timeout is -1"),
        (lambda: checks.tcp("h", 80, timeout=NAN), "timeout is nan"),
        (lambda: checks.tcp("h", 80, timeout=float("inf")), "timeout is inf"),
        (lambda: checks.http("ftp://h/"), "url: http:// or https:// is missing"),
        (lambda: checks.http("http://"), "url: expected http://host/path"),
        (lambda: checks.http("http://h:70000/"), "its host or port cannot be read"),
        (lambda: checks.http("http://h..x/"), "url: expected http://host/path"),
        (lambda: checks.http("http://[h]/"), "url: expected http://host/path"),
        (lambda: checks.http("http://[::g]/"), "url: expected http://host/path"),
        (lambda: checks.http("http://b%C3%BCcher.example/"), "url: expected http://host/path"),
        (lambda: checks.http("http://h/a b"), "url: expected http://host/path"),
        (lambda: checks.http("http://h/a\r\nX: y"), "url: expected http://host/path"),
        (lambda: checks.http("http://h/\n"), "url: expected http://host/path"),
        (lambda: checks.http(u"http://h/ä"), "url: expected http://host/path"),
        (lambda: checks.http("http://h", status=600),
         "status is 600, expected an HTTP status from 100 to 599"),
        (lambda: checks.http("http://h", timeout=0), "timeout is 0"),
        (lambda: checks.certificate("h", 443, -1), "min_days is -1, expected days from 0 to 36500"),
        (lambda: checks.certificate("h", 443, 14, timeout=0), "timeout is 0"),
        (lambda: checks.sql(sqlite3.connect, query=" "), "query is blank, expected text"),
        (lambda: checks.disk(""), "path is blank, expected text"),
        (lambda: checks.disk("/", 0),
         r"min_free is 0, expected '5%' or bytes \(at least 1048576\)"),
        (lambda: checks.disk("/", "0%"), "min_free is 0.0, expected percent from 0.001 to 100"),
        (lambda: checks.disk("/", "101%"), "min_free is 101.0, expected percent from 0.001 to 100"),
        (lambda: checks.disk("/", "5 GB"), "min_free is '5 GB', expected .* share such as \"5%\""),
        (lambda: checks.heartbeat("/f", 0), "max_age is 0, expected seconds from 0.001 to"),
        (lambda: checks.heartbeat("/f", NAN), "max_age is nan"),
    ])
    def test_impossible_limit_is_refused(self, make, message):
        with pytest.raises(ValueError, match=message):
            make()

    @pytest.mark.parametrize("make, below, least, most, above", [
        (lambda value: checks.tcp("h", 80, timeout=value), 0.0009, 0.001, 3600, 3600.1),
        (lambda value: checks.http("http://h/", timeout=value), 0.0009, 0.001, 3600, 3600.1),
        (lambda value: checks.certificate("h", 443, 14, timeout=value), 0.0009, 0.001, 3600,
         3600.1),
        (lambda value: checks.certificate("h", 443, value), -0.1, 0, 36500, 36500.1),
        (lambda value: checks.tcp("h", value), 0, 1, 65535, 65536),
        (lambda value: checks.http("http://h:%d/" % value), 0, 1, 65535, 65536),
        (lambda value: checks.http("http://h/", status=value), 99, 100, 599, 600),
        (lambda value: checks.disk("/", value), 2 ** 20 - 1, 2 ** 20, 2 ** 63, 2 ** 63 + 2 ** 20),
        (lambda value: checks.disk("/", "%.4f%%" % value), 0.0009, 0.001, 100, 100.1),
        (lambda value: checks.heartbeat("/f", value), 0.0009, 0.001, 10 ** 9, 10 ** 9 + 0.1)])
    def test_both_ends_of_a_limit_are_accepted(self, make, below, least, most, above):
        assert callable(make(least)) and callable(make(most))
        for value in (below, above):
            with pytest.raises(ValueError):
                make(value)

    @pytest.mark.parametrize("url", [
        "http://user:hunter2@", "http://user:hunter2@h/ ", "http://user:hun/ter2@h/",
        "http://user:80/hunter2@h/", "http://user:80?hunter2@h/", "http://user:80#hunter2@h/",
        "http://user:hunter2@h:x/", "http://user:hunter2@h/#fragment", u"http://user:hunter2ä@h/",
    ])
    def test_refused_url_is_not_repeated(self, url):
        with pytest.raises(ValueError) as caught:
            checks.http(url)
        assert "hunter" not in str(caught.value) and "ter2" not in str(caught.value)

    @pytest.mark.parametrize("host", [
        "user:hunter2@h", "hunter2:5432", "http://hunter2", "h/hunter2", "[hunter2]", "hunter2 x"])
    @pytest.mark.parametrize("make", [
        lambda host: checks.tcp(host, 80), lambda host: checks.certificate(host, 443, 14)])
    def test_refused_host_is_not_repeated(self, make, host):
        with pytest.raises(ValueError, match="host: expected a name or an address") as caught:
            make(host)
        assert "hunter2" not in str(caught.value)

    @pytest.mark.parametrize("host", ["db:5432", "127.0.0.1:5432", "[::1]:5432",
                                      u"b\xfccher.example:1",
                                      "tcp://db", "db/", "user@db", "b%C3%BCcher.example", "db..",
                                      "."])
    @pytest.mark.parametrize("make", [
        lambda host: checks.tcp(host, 80), lambda host: checks.certificate(host, 443, 14)])
    def test_invalid_host_is_refused(self, make, host):
        with pytest.raises(ValueError, match="host: expected a name or an address, without scheme, "
                                             "user, port or path"):
            make(host)


class Path(object):
    def __fspath__(self):
        return "/a/path"


class TestName(object):
    """A check is named after its target, without credentials."""

    @pytest.mark.parametrize("check, name", [
        (checks.tcp("127.0.0.1", 6379), "tcp 127.0.0.1:6379"),
        (checks.tcp(u"::1", 6379), "tcp [::1]:6379"),
        (checks.tcp("[::1]", 6379), "tcp [::1]:6379"),
        (checks.http("HTTP://h:080/a"), "HTTP://h:080/a"),
        (checks.http("http://h"), "http://h"),
        (checks.http("https://user:secret@[::1]:8443/a/b?token=secret"), "https://[::1]:8443/a/b"),
        (checks.http("https://h/bot123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw1/getMe"),
         "https://h/bot123456789:********/getMe"),
        (checks.certificate("h", 443, 14), "certificate h:443"),
        (checks.sql(sqlite3.connect), "sql connect"),
        (checks.sql(functools.partial(sqlite3.connect, ":memory:")), "sql connect"),
        (checks.disk(u"/"), "disk /"),
        (checks.disk(Path()), "disk /a/path"),
        (checks.heartbeat("/f", 60), "heartbeat /f"),
    ])
    def test_shows_target_and_no_secret(self, check, name):
        assert check.__name__ == name
        assert type(check.__name__) is str

    def test_spells_host_as_given(self):
        for check, name in ((checks.tcp(u"käse.example", 80), u"tcp käse.example:80"),
                            (checks.certificate(u"käse.example", 443, 14),
                             u"certificate käse.example:443"),
                            (checks.http(u"http://u:pw@käse.example/?a"), u"http://käse.example/")):
            assert check.__name__ == six.ensure_str(name)

    def test_is_not_repeated_in_an_error(self):
        output = failed(checks.redis(Redis(ValueError("connecting to h:1"), host="h", port=1)))
        assert output.startswith("connecting to h:1 (")

    def test_of_a_lambda_is_not_in_an_error(self):
        check = checks.sql(lambda: raise_(ValueError("refused")))
        assert check.__name__ == "sql <lambda>"
        assert failed(check).startswith("refused (")


class TestHost(object):
    """Hosts may be written as people write them."""

    @pytest.mark.parametrize("host, looked_up", [
        (u"käse.example", "xn--kse-qla.example"), ("[::1]", "::1"), ("Db_1", "Db_1")])
    @pytest.mark.parametrize("make", [
        lambda host: checks.tcp(host, 80), lambda host: checks.certificate(host, 80, 14),
        lambda host: checks.http(u"http://%s/" % host)], ids=["tcp", "certificate", "http"])
    def test_is_looked_up_in_ascii(self, monkeypatch, make, host, looked_up):
        asked = []

        def getaddrinfo(name, *args):
            asked.append(name)
            raise socket.gaierror(socket.EAI_NONAME, "unknown")

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        assert "unknown" in failed(make(host))
        assert asked == [looked_up]


class TestTcp(object):
    def test_passes_where_somebody_listens(self):
        with listening() as port:
            assert passed(checks.tcp("127.0.0.1", port, timeout=60)).startswith("connected (")

    def test_refusal_is_shown(self):
        assert "onnection refused (" in failed(checks.tcp("127.0.0.1", free_port()))

    def test_unknown_host_is_shown(self, monkeypatch):
        def unknown(*args):  # no resolver is asked: it is not on this machine
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        monkeypatch.setattr(socket, "getaddrinfo", unknown)
        assert "Name or service not known" in failed(checks.tcp("host.invalid", 80))

    def test_every_address_is_tried(self, monkeypatch):
        with listening() as port:
            kind = (socket.AF_INET, socket.SOCK_STREAM, 0, "")
            addresses = [kind + (("127.0.0.1", free_port()),), kind + (("127.0.0.1", port),)]
            monkeypatch.setattr(socket, "getaddrinfo", lambda *args: addresses)
            passed(checks.tcp("two.example", port, timeout=60))
            addresses.reverse()
            passed(checks.tcp("two.example", port, timeout=60))
            addresses.pop(0)
            failed(checks.tcp("two.example", port))


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nOK\r\n0\r\n\r\n"


class TestHttp(object):
    @pytest.mark.parametrize("url, scheme, port", [
        ("http://h/", "http", 80), ("HTTP://h:443/", "http", 443), ("https://h/", "https", 443),
        ("HttpS://h", "https", 443), ("https://h:80/", "https", 80)])
    def test_scheme_decides_on_tls_and_port(self, monkeypatch, url, scheme, port):
        requested = []

        def get(url, *args):
            requested.append((url.scheme, url.port))
            return _http_client.Response(200, b"")
        monkeypatch.setattr(_http_client, "get", get)
        passed(checks.http(url))
        assert requested == [(scheme, port)]

    @pytest.mark.parametrize("response", [
        OK, CHUNKED, b"HTTP/1.0 200 OK\r\n\r\nup to the end",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" + OK,
        b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n" * 2 + OK,
    ])
    def test_passes_on_a_complete_response(self, response):
        with peer(response) as port:
            assert passed(answer(port)).startswith(("200 OK (", "204 No Content ("))

    @pytest.mark.parametrize("code, expected, expected_text", [
        (503, None, "503 Service Unavailable, expected 200 to 299 ("),
        (301, None, "301 Moved Permanently, expected 200 to 299 ("),
        (200, 404, "200 OK, expected 404 ("),
        (200, {204, 201}, "200 OK, expected 201, 204 ("),
        (799, 200, "799, expected 200 ("),
    ])
    def test_another_status_fails(self, code, expected, expected_text):
        options = {} if expected is None else {"status": expected}
        head = "HTTP/1.1 %d Whatever\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n" % code
        with peer(head.encode("ascii")) as port:
            assert expected_text in failed(answer(port, **options))

    @pytest.mark.parametrize("expected", [404, [404], (200, 404), range(400, 500), iter([404])])
    def test_takes_a_status_or_several(self, expected):
        with peer(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n") as port:
            assert passed(answer(port, status=expected)).startswith("404 Not Found (")

    @pytest.mark.parametrize("path, target", [
        ("", "/"), ("?a=b", "/?a=b"), ("/a/b?c=d", "/a/b?c=d"), ("//a", "//a"),
    ])
    def test_request_has_path_and_query(self, path, target):
        requests = []
        with peer(OK, requests=requests) as port:
            passed(answer(port, path))
        lines = requests[0].decode("ascii").split("\r\n")
        assert lines[0] == "GET %s HTTP/1.1" % target
        assert "Host: 127.0.0.1:%d" % port in lines
        assert "Connection: close" in lines
        assert not [line for line in lines if line.startswith("Authorization")]

    @pytest.mark.parametrize("user, header", [
        ("user:secret", "dXNlcjpzZWNyZXQ="), ("user:p%40ss", "dXNlcjpwQHNz"),
        (u"user:p@ss", "dXNlcjpwQHNz"), ("token", "dG9rZW46"), (u"j%C3%B8:x", "asO4Ong="),
    ])
    def test_user_and_password_are_sent(self, user, header):
        requests = []
        with peer(OK, requests=requests) as port:
            check = checks.http("http://%s@127.0.0.1:%d/" % (user, port), timeout=60)
            assert user not in check.__name__ + passed(check)
        assert ("\r\nAuthorization: Basic %s\r\n" % header).encode("ascii") in requests[0]

    def test_host_header_is_ascii(self, monkeypatch):
        requests, real = [], socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", lambda host, *args: real("127.0.0.1", *args))
        with peer(OK, requests=requests) as port:
            passed(checks.http(u"http://käse.example:%d/" % port, timeout=60))
        assert ("\r\nHost: xn--kse-qla.example:%d\r\n" % port).encode("ascii") in requests[0]

    @pytest.mark.parametrize("chunks, expected_text", [
        ([b"220 mail.example ESMTP\r\n"], "no valid HTTP response (BadStatusLine)"),
        ([b"\x00\xff" * 50000], "no valid HTTP response (LineTooLong)"),
        ([b"HTTP/1.1 abc\r\n\r\n"], "no valid HTTP response (BadStatusLine)"),
        ([], "no valid HTTP response ("),
        ([b"HTTP/1.1 103 Early Hints\r\n\r\n"], "no valid HTTP response ("),
        ([OK[:-1]], "closed 1 bytes too early"),
        ([CHUNKED[:-9]], "no valid HTTP response (IncompleteRead)"),
        ([b"HTTP/1.1 200 OK\r\n\r\n"] + [b"x" * 2 ** 16] * 17, "longer than 1048576 bytes"),
        ([CHUNKED[:-5]] + [b"10000\r\n" + b"x" * 2 ** 16 + b"\r\n"] * 17, "longer than 1048576"),
        ([ECHO], "no valid HTTP response ("),
    ])
    def test_garbage_fails(self, chunks, expected_text):
        with peer(*chunks) as port:
            output = failed(checks.http("http://user:hunter2@127.0.0.1:%d/?token=hunter2" % port,
                                        timeout=60))
        assert expected_text in output
        assert "hunter2" not in output and "dXNlcjpodW50ZXIy" not in output

    def test_silence_fails(self):
        with listening() as port:
            assert "timed out (" in failed(answer(port, timeout=0.2))

    @pytest.mark.parametrize("chunks", [
        drips(b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 600 + b"\r\nContent-Length: 0\r\n\r\n"),
        [b"HTTP/1.1 100 Continue\r\n\r\n"] * 600 + [OK],
        [b"HTTP/1.1 200 OK\r\nContent-Length: 600\r\n\r\n"] + drips(b"x" * 600),
        [b"HTTP/1.1 200 OK\r\n\r\n"] + drips(b"x" * 600),
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"] + [b"1\r\nx\r\n"] * 600,
    ])
    def test_timeout_covers_the_whole_exchange(self, chunks):
        with peer(*chunks, **DRIPS) as port:
            assert "timed out (" in failed(answer(port, timeout=0.3))

    def test_refusal_is_shown(self):
        assert "onnection refused (" in failed(answer(free_port()))


class Certificate(object):
    """What _ssl returns for one that expires so many seconds after the test's time."""

    def __init__(self, seconds, *names):
        self.seconds, self.names = seconds, names

    def get_info(self):
        import ssl
        end = time.strftime("%b %d %H:%M:%S %Y GMT", time.gmtime(NOW + self.seconds))
        assert ssl.cert_time_to_seconds(end) == NOW + self.seconds
        return {"notAfter": end, "subject": tuple((pair,) for pair in self.names)}


NOW, DAY = 1800000000, 86400


class Secure(object):
    """A TLS socket, of a Python that shows the chain or of one that does not."""

    def __init__(self, chain, shows_chain=True):
        self.chain = chain
        if shows_chain:
            self._sslobj = self

    def get_verified_chain(self):
        return self.chain

    def getpeercert(self):
        return LEAF.get_info()


LEAF = Certificate(90 * DAY, ("commonName", "shop.example"))
ROOT = Certificate(3650 * DAY, ("commonName", "Root"))
ISSUER = Certificate(10 * DAY - 40, ("organizationName", "Acme"), ("commonName", "Acme R3"))


@contextlib.contextmanager
def connected_to(monkeypatch, sock):
    @contextlib.contextmanager
    def connected(*args, **options):
        yield sock

    with monkeypatch.context() as patch:
        patch.setattr(_http_client, "connected", connected)
        patch.setattr(time, "time", lambda: float(NOW))
        yield checks.certificate


class TestCertificate(object):
    """test_integration has the rest, which needs a TLS server."""

    def test_garbage_fails(self):
        with peer(b"220 mail.example ESMTP\r\n") as port:
            assert "SSL" in failed(checks.certificate("127.0.0.1", port, 14, timeout=60))

    def test_silence_fails(self):
        with listening() as port:
            assert "timed out (" in failed(checks.certificate("127.0.0.1", port, 14, timeout=0.2))

    @pytest.mark.parametrize("make", [
        lambda port: checks.certificate("127.0.0.1", port, 14, timeout=0.3),
        lambda port: checks.http("https://127.0.0.1:%d/" % port, timeout=0.3),
    ])
    def test_timeout_covers_the_handshake(self, make):
        record = b"\x16\x03\x03\x40\x00" + b"\x02\x00\x3f\xfc" + b"\x00" * 600
        with peer(*drips(record), **DRIPS) as port:
            assert "timed out (" in failed(make(port))

    @pytest.mark.parametrize("sock, expected_text", [
        (Secure([LEAF, ROOT]), "expires in 90.0 days (2027-04-15)"),
        (Secure([LEAF], shows_chain=False), "expires in 90.0 days (2027-04-15)"),
        (Secure([ISSUER], shows_chain=False), "expires in 90.0 days (2027-04-15)"),
        (Secure([]), "expires in 90.0 days (2027-04-15)"),
        (Secure(None), "expires in 90.0 days (2027-04-15)"),
        (Secure([LEAF, LEAF]), "expires in 90.0 days (2027-04-15)"),
        (Secure([LEAF, ISSUER, ROOT]), "its issuer Acme R3 expires in 10.0 days (2027-01-25)"),
        (Secure([LEAF, Certificate(DAY, ("organizationName", "Acme"))]),
         "its issuer Acme expires in 1.0 days (2027-01-16)"),
        (Secure([LEAF, Certificate(DAY, ("commonName", "100% %s"))]),
         "its issuer 100% %s expires in 1.0 days (2027-01-16)"),
        (Secure([LEAF, Certificate(DAY)]),
         "its issuer without a name expires in 1.0 days (2027-01-16)")])
    def test_first_to_expire_decides(self, monkeypatch, sock, expected_text):
        with connected_to(monkeypatch, sock) as certificate:
            assert passed(certificate("h", 443, 1)).startswith(expected_text + " (")

    @pytest.mark.parametrize("sock, min_days, expected_text", [
        (Secure([LEAF, ISSUER, ROOT]), 14,
         "its issuer Acme R3 expires in 10.0 days (2027-01-25), expected at least 14 ("),
        (Secure([LEAF, ISSUER, ROOT]), 10,
         "its issuer Acme R3 expires in 9.99 days (2027-01-25), expected at least 10 ("),
        (Secure([LEAF]), 90.5, ": expires in 90.0 days (2027-04-15), expected at least 90.5 ("),
        (Secure([LEAF]), 90.04, ": expires in 90.0 days (2027-04-15), expected at least 90.04 ("),
        (Secure([Certificate(14 * DAY - 1)]), 14.0,
         ": expires in 13.99 days (2027-01-29), expected at least 14 (")])
    def test_days_shown_are_below_the_limit(self, monkeypatch, sock, min_days, expected_text):
        with connected_to(monkeypatch, sock) as certificate:
            assert expected_text in failed(certificate("h", 443, min_days))

    @pytest.mark.parametrize("host, name", [
        ("www.example.", "www.example"), ("www.example", "www.example"), ("[::1]", "::1"),
        (u"b\xfccher.example.", "xn--bcher-kva.example")])
    def test_name_is_sent_without_the_final_dot(self, monkeypatch, host, name):
        asked = []

        class Context(object):
            def wrap_socket(self, sock, server_hostname, do_handshake_on_connect):
                asked.append(server_hostname)
                raise ValueError("enough")

        monkeypatch.setattr("ssl.create_default_context", Context)
        real = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", lambda host, *args: real("127.0.0.1", *args))
        with listening() as port:
            assert "enough" in failed(checks.certificate(host, port, 14))
        assert asked == [name]


class Closing(object):
    """A DB-API connection and cursor that notes what is closed."""

    def __init__(self, fails=None):
        self.closed = []
        self.fails = fails

    def cursor(self):
        if self.fails == "cursor":
            raise ValueError("no cursor")
        cursor = Closing(self.fails)
        cursor.closed = self.closed
        return cursor

    def execute(self, query):
        if self.fails == "execute":
            raise ValueError("no\n  execute")

    def fetchone(self):
        return (1,)

    def close(self):
        self.closed.append(self)


class Engine(object):
    class dialect(object):
        name = "postgresql"

    class url(object):
        username, password, host, port, database = "user", "hunter2", "db", 5432, "app"

    def raw_connection(self):
        return Closing()


class TestSql(object):
    def test_first_column_is_shown(self):
        connect = functools.partial(sqlite3.connect, ":memory:")
        assert passed(checks.sql(connect)).startswith("SELECT 1: 1 (")
        assert passed(checks.sql(connect, "SELECT 'a', 'b'")).startswith("SELECT 'a', 'b': a (")
        assert passed(checks.sql(connect, "SELECT NULL")).startswith("SELECT NULL: None (")

    def test_rows_may_be_dictionaries(self):
        def connect():
            connection = sqlite3.connect(":memory:")
            connection.row_factory = lambda cursor, row: {cursor.description[0][0]: row[0]}
            return connection
        passed, output = checks.sql(connect, "SELECT 7 AS number")()
        assert passed and output.startswith("SELECT 7 AS number: 7 (")

    def test_error_is_shown(self, tmpdir):
        memory = functools.partial(sqlite3.connect, ":memory:")
        nowhere = functools.partial(sqlite3.connect, str(tmpdir.join("missing", "file")))
        assert "unable to open database file" in failed(checks.sql(nowhere))
        assert "no such table: jobs" in failed(checks.sql(memory, "SELECT 1 FROM jobs"))
        assert "SELECT 1 WHERE 0: no row" in failed(checks.sql(memory, "SELECT 1 WHERE 0"))

    @pytest.mark.parametrize("fails, closed", [(None, 2), ("execute", 2), ("cursor", 1)])
    def test_what_was_opened_is_closed(self, fails, closed):
        connection = Closing(fails)
        done, output = checks.sql(lambda: connection)()
        assert done is (fails is None)
        assert len(connection.closed) == closed
        assert connection.closed[-1] is connection
        if fails:
            assert "no " + fails in output

    def test_engine_is_named_without_password(self):
        check = checks.sql(Engine())
        assert check.__name__ == "sql postgresql db:5432/app"
        passed(check)

    def test_password_with_an_at_sign_is_not_shown(self, monkeypatch):
        monkeypatch.setattr(Engine.url, "host", "nter2@db")
        monkeypatch.setattr(Engine.url, "port", None)
        assert checks.sql(Engine()).__name__ == "sql postgresql db/app"

    def test_engine_of_a_file_is_named_after_it(self, monkeypatch):
        for name, value in dict(host=None, port=None, database="/data/app.db").items():
            monkeypatch.setattr(Engine.url, name, value)
        assert checks.sql(Engine()).__name__ == "sql postgresql /data/app.db"


class Hardened(Redis):
    """Its user may not run what Redis counts as dangerous."""

    def info(self, section):
        raise RuntimeError("this user has no permissions to run the 'info' command")


class Silent(Redis):
    def info(self, section):
        raise AssertionError("a server that does not answer PING was asked for more")


class Awaitable(object):
    def __await__(self):
        return iter(())


class TestRedis(object):
    @pytest.mark.parametrize("options, name", [
        (dict(host="h", port=6380), "redis h:6380"),
        (dict(path="/run/redis.sock"), "redis /run/redis.sock"),
        ({}, "redis"),
    ])
    def test_name_is_that_of_the_server(self, options, name):
        check = checks.redis(Redis(**options))
        assert check.__name__ == name
        assert passed(check).startswith("Redis 7.0.15 (")

    def test_client_without_address_is_accepted(self):
        client = Redis()
        del client.connection_pool
        assert checks.redis(client).__name__ == "redis"

    @pytest.mark.parametrize("exc, expected_text", [
        (ValueError("Authentication required."), "Authentication required. ("),
        (ValueError("two\n  lines"), "two lines ("),
        (KeyError(), "KeyError ("),
    ])
    def test_error_is_shown(self, exc, expected_text):
        output = failed(checks.redis(Redis(exc, host="h", port=1)))
        assert output.startswith("h:1: " + expected_text)

    @pytest.mark.parametrize("expected_text", [None, "no dictionary", {}, []])
    def test_ping_alone_decides(self, monkeypatch, expected_text):
        assert passed(checks.redis(Hardened(host="h", port=1))).startswith("PONG (")
        monkeypatch.setattr(Redis, "info", lambda self, section: expected_text)
        assert passed(checks.redis(Redis())).startswith("PONG (")

    def test_info_is_not_read_without_ping(self):
        assert "refused (" in failed(checks.redis(Silent(ValueError("refused"))))

    @pytest.mark.parametrize("answer", [False, Awaitable()])
    def test_another_answer_than_pong_fails(self, monkeypatch, answer):
        monkeypatch.setattr(Redis, "ping", lambda self: answer)
        assert "PING was not answered with PONG" in failed(checks.redis(Redis()))

    def test_asynchronous_client_is_refused(self):
        class Asynchronous(Redis):
            def __aenter__(self):
                return self

        with pytest.raises(TypeError, match="client is of type Asynchronous, expected one that is "
                                            "not asynchronous"):
            checks.redis(Asynchronous())


class Versions(object):
    """pymemcache: Client, PooledClient"""
    server = ("h", 11211)

    def version(self):
        return b"1.6.18"


class Unix(Versions):
    server = "/run/memcached.sock"


class Hash(object):
    """pymemcache: HashClient"""
    clients = {"h:11211": Versions()}


class Stats(object):
    """pylibmc raises where a server is down"""
    addresses = ["h:11211"]
    stats = [("h:11211 (0)", {"version": b"1.6.18"})]

    def get_stats(self):
        return self.stats


class Host(object):
    address = ("h", 11211)


class Skipping(Stats):
    """python-memcached leaves out the servers that are down, or returns nothing for them."""
    addresses = None
    servers = [Host()]


class Anonymous(Stats):
    addresses = None


class Lambdas(object):
    """pymemcache's RetryingClient has every attribute."""

    def __getattr__(self, name):
        return lambda: getattr(Versions(), name)()


class TestMemcached(object):
    @pytest.mark.parametrize("client, name", [
        (Versions(), "memcached h:11211"), (Unix(), "memcached /run/memcached.sock"),
        (Hash(), "memcached h:11211"), (Stats(), "memcached h:11211"),
        (Skipping(), "memcached h:11211"), (Anonymous(), "memcached"), (Lambdas(), "memcached"),
    ])
    def test_every_client_is_accepted(self, client, name):
        check = checks.memcached(client)
        assert check.__name__ == name
        assert passed(check).startswith("memcached 1.6.18 (")

    @pytest.mark.parametrize("stats, count", [([], 0), ([("h:11211", {})], 0)])
    @pytest.mark.parametrize("kind, of", [(Skipping, 1), (Anonymous, 0)])
    def test_missing_server_fails(self, stats, count, kind, of):
        client = kind()
        client.stats = stats
        assert "%d of %d servers answered" % (count, of) in failed(checks.memcached(client))


class TestDisk(object):
    """Where the check fails, no number looks as if it kept the limit."""

    def test_free_space_is_shown(self, monkeypatch):
        internals.replace(monkeypatch, internals.DISK_USAGE,
                          lambda path: (200 * 10 ** 6, 5 * 10 ** 6))
        expected_text = "5 MB (2.5 %) free of 200 MB"
        assert passed(checks.disk("/", 5 * 10 ** 6)) == expected_text
        assert passed(checks.disk("/", "2.5%")) == expected_text
        assert failed(checks.disk("/")) == "/: %s, expected at least 5 %%" % expected_text
        assert failed(checks.disk("/", 5000001)) == (
            "/: %s, expected at least 5000001 bytes" % expected_text)

    def test_system_is_asked(self, tmpdir):
        passed(checks.disk(str(tmpdir), 2 ** 20))
        failed(checks.disk(str(tmpdir), 2 ** 62))
        assert "No such file" in failed(checks.disk(str(tmpdir.join("missing"))))

    def test_no_space_at_all_fails(self):
        failed(checks.disk("/proc"))

    @pytest.mark.parametrize("total, free, min_free, shown, expected", [
        (100 * 10 ** 9, 4996 * 10 ** 6, "5%", "4.99 %", "5 %"),
        (10 ** 12, 99951 * 10 ** 6, "10%", "9.99 %", "10 %"),
        (10 ** 12, 10 ** 11 - 1, "10%", "9.99 %", "10 %"),
        (10 ** 12, 49 * 10 ** 9, "5%", "4.9 %", "5 %"),
        (10 ** 12, 24960 * 10 ** 6, "2.50%", "2.49 %", "2.50 %"),
        (10 ** 12, 24951 * 10 ** 6, "2.4958%", "2.49 %", "2.4958 %"),
        (10 ** 12, 0, "0.001%", "0.0 %", "0.001 %"), (0, 0, "5%", "0.0 %", "5 %"),
        (10 ** 12, 10 ** 12 - 1, "100%", "99.99 %", "100 %")])
    def test_percentage_shown_is_below_the_limit(self, monkeypatch, total, free, min_free, shown,
                                                 expected):
        internals.replace(monkeypatch, internals.DISK_USAGE, lambda path: (total, free))
        output = failed(checks.disk("/", min_free))
        assert "(%s) free of" % shown in output
        assert output.endswith(", expected at least " + expected)
        assert float(shown[:-2]) < float(expected[:-2])

    def test_bytes_shown_are_below_the_limit(self, monkeypatch):
        internals.replace(monkeypatch, internals.DISK_USAGE,
                          lambda path: (10 ** 12, 5 * 10 ** 9 - 1))
        assert failed(checks.disk("/", 5 * 10 ** 9)) == (
            "/: 4999 MB (0.5 %) free of 1000000 MB, expected at least 5000000000 bytes")

    @pytest.mark.parametrize("free, min_free", [(5 * 10 ** 9, "5%"), (5004 * 10 ** 6, "5%"),
                                                (4351 * 10 ** 6, "4.35%")])
    def test_just_enough_passes(self, monkeypatch, free, min_free):
        internals.replace(monkeypatch, internals.DISK_USAGE, lambda path: (100 * 10 ** 9, free))
        passed(checks.disk("/", min_free))

    @pytest.mark.parametrize("min_free", [5, 10, 0, 1, 0.05, 5.0, -1, 2 ** 20 - 1])
    def test_bytes_meant_as_percentage_are_refused(self, min_free):
        with pytest.raises(ValueError) as caught:
            checks.disk("/", min_free)
        assert "expected '5%' or bytes" in str(caught.value) and repr(min_free) in str(caught.value)


class TestHeartbeat(object):
    @pytest.mark.parametrize("age, expected_text", [
        (30, "touched 30 s ago"), (-30, "touched 30 s in the future"),
    ])
    def test_age_is_shown(self, tmpdir, monkeypatch, age, expected_text):
        path = tmpdir.join("beat")
        path.write("")
        os.utime(str(path), (1000, 1000))
        monkeypatch.setattr(time, "time", lambda: 1000.0 + age)
        assert checks.heartbeat(str(path), 30)() == (True, expected_text)
        name = "%s: " % path
        expected = name + expected_text + ", expected at most 29 s"
        assert checks.heartbeat(str(path), 29)() == (False, expected)

    def test_present_moment_is_not_in_the_future(self, tmpdir, monkeypatch):
        path = tmpdir.join("beat")
        path.write("")
        os.utime(str(path), (1000, 1000))
        monkeypatch.setattr(time, "time", lambda: 1000.0)
        assert passed(checks.heartbeat(str(path), 30)) == "touched 0 s ago"

    def test_missing_file_fails(self, tmpdir):
        assert "No such file" in failed(checks.heartbeat(str(tmpdir.join("missing")), 60))

    @pytest.mark.parametrize("age, max_age, expected_text", [
        (29.04, 29, "29.1 s ago, expected at most 29 s"),
        (29.0004, 29, "29.1 s ago, expected at most 29 s"),
        (-29.0004, 29.0, "29.1 s in the future, expected at most 29 s"),
        (29.7, 29, "30 s ago, expected at most 29 s"),
        (29.25, 29.15, "29.3 s ago, expected at most 29.15 s"),
        (0.75, 0.5, "1 s ago, expected at most 0.5 s"),
        (1234569, 1234567, "1234569 s ago, expected at most 1234567 s")])
    def test_age_shown_is_above_the_limit(self, tmpdir, monkeypatch, age, max_age, expected_text):
        path = tmpdir.join("beat")
        path.write("")
        os.utime(str(path), (1000, 1000))
        monkeypatch.setattr(time, "time", lambda: 1000.0 + age)
        assert failed(checks.heartbeat(str(path), max_age)).endswith(": touched " + expected_text)
