"""The command line, run in this process against small servers that say what a test wants."""
import base64
import errno
import json
import os
import re
import runpy
import socket
import ssl
import subprocess
import sys
import threading
import types
import unicodedata

import pytest
import six

import bottle_healthcheck
from bottle_healthcheck import cli
from tests.helpers import ROOT, free_port, need_command, wait_until

SHORT = ("--timeout", "0.3")
LONG = ("--timeout", "60")  # a loaded machine may stall for longer than the default
HEADERS = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


class Server(object):
    """Listens on loopback; talk(connection, stop) answers each request, in a thread of its own."""

    def __init__(self, talk, context=None):
        self.talk, self.context = talk, context
        self.requests = []
        self.stop = threading.Event()
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(5)
        self.port = self.listener.getsockname()[1]
        self.url = "http://127.0.0.1:%d/health" % self.port
        self._accepting = self._start(self._accept)

    def _start(self, target, *args):
        thread = threading.Thread(target=target, args=args)
        thread.daemon = True
        thread.start()
        return thread

    def _accept(self):
        while not self.stop.is_set():
            try:
                connection = self.listener.accept()[0]
            except EnvironmentError:
                return
            self._start(self._answer, connection)

    def _answer(self, connection):
        try:
            if self.context:
                connection = self.context.wrap_socket(connection, server_side=True)
            request = b""
            while b"\r\n\r\n" not in request:
                data = connection.recv(65536)
                if not data:
                    return
                request += data
            self.requests.append(request.decode("latin-1"))
            self.talk(connection, self.stop)
        except EnvironmentError:
            pass  # the probe has had enough
        finally:
            connection.close()

    def close(self):
        """Ends every thread that waits for `stop`."""
        self.stop.set()
        # First: a thread that still accepts would do so for the next socket of the same number.
        self.listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        self.listener.close()


@pytest.fixture
def serve():
    """Starts servers; talk may also be the bytes to send."""
    servers = []

    def start(talk, context=None):
        servers.append(Server(talk if callable(talk) else saying(talk), context))
        return servers[-1]

    yield start
    for one in servers:
        one.close()


@pytest.fixture
def probe(capsys):
    """Runs `probe` and gives its exit status and its line, which is all that it printed."""
    def run(*arguments):
        status = cli.main(("probe",) + LONG + arguments)
        out, err = capsys.readouterr()
        assert err == ""
        lines = out.split("\n")
        assert lines[1:] == [""]
        assert [one for one in lines[0] if unicodedata.category(six.text_type(one))[0] == "C"] == []
        return status, lines[0]
    return run


def saying(data):
    """A talk that sends these bytes and hangs up."""
    def talk(connection, stop):
        connection.sendall(data)
    return talk


def answer(body, code="200 OK"):
    """The bytes of an answer."""
    body = body if isinstance(body, bytes) else json.dumps(body).encode("ascii")
    return b"HTTP/1.0 " + code.encode("ascii") + b"\r\n\r\n" + body


def short(value):
    """A test's name for a parameter that is too long for one."""
    name = getattr(value, "__name__", None) or repr(value)
    return re.sub("[^ -~]", "?", name)[:40]


def report(status, *results):
    """The body of one of our own routes; a result is (checker, passed, output[, critical])."""
    names = ("checker", "passed", "output", "critical")
    return {"status": status, "hostname": "h", "pid": 1, "timestamp": 1.5,
            "results": [dict(zip(names, one)) for one in results]}


def endless(data):
    """Says data first, then the rest for ever."""
    def talk(connection, stop):
        connection.sendall(data[0])
        while not stop.is_set():
            connection.sendall(data[1])
    return talk


@pytest.fixture
def demo(monkeypatch):
    """Stands in for the demonstration service: what it was asked to serve, and its status."""
    demo = types.ModuleType("bottle_healthcheck._demo")
    demo.served, demo.status = [], 0

    def serve(*arguments):
        demo.served.append(arguments)
        return demo.status

    demo.serve = serve
    monkeypatch.setitem(sys.modules, "bottle_healthcheck._demo", demo)
    monkeypatch.setattr(bottle_healthcheck, "_demo", demo, raising=False)
    return demo


class TestHealthy(object):
    """Status code and status must both say that a service is healthy."""

    @pytest.mark.parametrize("body, code, nagios", [
        (report("success", ("db", True, "ok")), "200 OK", 0),
        (report("success"), "200 OK", 0),
        ({"status": "success"}, "200 OK", 0),
        ({"status": "success"}, "299 Whatever", 0),
        ({"status": "pass"}, "200 OK", 0),
        ({"status": "PASS"}, "200 OK", 0),
        ({"status": "UP"}, "200 OK", 0),
        ({"status": "warn"}, "200 OK", 1),
        (report("success", ("db", True, "ok"), ("mail", False, "late", False)), "200 OK", 1),
        (report("failure", ("db", False, "gone")), "500 Internal Server Error", 2),
        (report("failure", ("db", False, "gone")), "200 OK", 2),
        (report("failure", ("drain", False, "draining")), "404 Not Found", 2),
        (report("failure", ("db", False, "gone")), "302 Found", 2),
        ({"status": "success"}, "500 Internal Server Error", 2),
        ({"status": "success"}, "302 Found", 2),
        ({"status": "fail"}, "200 OK", 2),
        ({"status": "whatever"}, "200 OK", 2),
        ({"status": None}, "200 OK", 2),
        ({"status": 200}, "200 OK", 2),
        ({"status": ["success"]}, "200 OK", 2),
        ({"error": "no such check"}, "404 Not Found", 3),
        ({"status": "failure", "error": "check names 'b', which is no check"}, "404 Not Found", 3),
        ({"error": "maintenance"}, "503 Service Unavailable", 2),
        ({"error": "maintenance"}, "200 OK", 3),
        ({"orders": []}, "200 OK", 3),
        ({"status": "success", "error": "one section is late"}, "200 OK", 0),
        ({"error": "no such format"}, "400 Bad Request", 3), ({"error": "closed"}, "499 x", 3),
        ({"error": "broken"}, "500 Internal Server Error", 2),
        ({"status": "failure", "error": "gone", "results": []}, "404 Not Found", 2),
        (b"Not found", "404 Not Found", 2),
        (b"", "300 Multiple Choices", 3), (b"", "399 x", 3), (b"", "400 Bad Request", 2),
        (b"OK", "200 OK", 0), (b"OK", "299 x", 0),
        (b"", "204 No Content", 0),
        (b"", "200 OK", 0),
        (b"\xff\xfe", "200 OK", 0),
        (b"NOT OK", "500 Internal Server Error", 2),
        (["success"], "200 OK", 3),
        (["status"], "200 OK", 3),
        ([], "500 Internal Server Error", 2),
        ("status", "200 OK", 0),
        (7, "200 OK", 0),
        ("failure", "500 Internal Server Error", 2),
        (b'\xef\xbb\xbf {"status": "failure"}', "200 OK", 2),
    ], ids=short)
    def test_status_and_code_both_count(self, serve, probe, body, code, nagios):
        url = serve(answer(body, code)).url
        word, state = [("healthy", "OK"), ("degraded", "WARNING"), ("unhealthy", "CRITICAL"),
                       ("no health answer", "UNKNOWN")][nagios]
        status, line = probe(url)
        assert (status, line.split(":")[0]) == (1 if nagios > 1 else 0, word)
        status, line = probe(url, "--nagios")
        assert (status, line.split(" - ")[0]) == (nagios, "HEALTHCHECK " + state)

    @pytest.mark.parametrize("results", [
        "text", {"a": 1}, None, [None, 1, "x"], [{}], [{"passed": "no", "checker": ["n"]}], 7])
    def test_results_may_have_any_shape(self, serve, probe, results):
        url = serve(answer({"status": "success", "results": results})).url
        assert probe(url)[0] == 0

    def test_chunked_response_is_read(self, serve, probe):
        body = json.dumps({"status": "failure"}).encode("ascii")
        chunk = ("%x\r\n" % len(body)).encode("ascii") + body + b"\r\n0\r\n\r\n"
        assert probe(serve(HEADERS + b"Transfer-Encoding: chunked\r\n\r\n" + chunk).url)[0] == 1

    def test_body_in_pieces_is_read_to_its_end(self, serve, probe):
        def talk(connection, stop):
            body = json.dumps(report("failure", ("db", False, "x" * 200))).encode("ascii")
            connection.sendall(HEADERS + ("Content-Length: %d\r\n\r\n" % len(body)).encode("ascii"))
            for start in range(0, len(body), 20):
                connection.sendall(body[start:start + 20])
                stop.wait(0.001)

        assert "db" in probe(serve(talk).url)[1]

    def test_body_of_1_mib_is_read(self, serve, probe):
        body = b'{"status": "failure"'
        body += b" " * (1024 * 1024 - len(body) - 1) + b"}"
        assert probe(serve(answer(body)).url)[1].startswith("unhealthy")

    def test_long_number_is_read(self, serve, probe):
        body = b'{"status": "success", "pid": ' + b"9" * 1000000 + b"}"
        assert probe(serve(answer(body)).url, "--nagios")[0] == 0

    def test_informational_responses_are_skipped(self, serve, probe):
        hint = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
        assert probe(serve(hint * 2 + answer({"status": "success"})).url)[0] == 0


EVIL = (u"a\nb\r\tc\x00\x1b[31md\x7f\x9b2Je\u202ef\u2066g\u2028h\u200bi\ud800j|k\xe4l")


class StrictStream(object):
    """A terminal that can show nothing but its encoding."""

    def __init__(self, encoding):
        self.encoding = encoding
        self.shown = b""

    def write(self, text):
        """Raises on what it cannot show."""
        self.shown += text.encode(self.encoding or "ascii")

    def flush(self):
        """Has nothing to do."""


class TestLine(object):
    """The line that the probe prints."""

    def test_of_a_healthy_service(self, serve, probe):
        url = serve(answer(report("success", ("db", True, "ok"), ("disk", True, "ok")))).url
        assert probe(url) == (0, "healthy: answered 200 OK, status success, 2 checks passed")
        status, line = probe(url, "--nagios")
        assert re.match(r"HEALTHCHECK OK - healthy: answered 200 OK, status success, 2 checks "
                        r"passed \| time=[0-9]+\.[0-9]{3}s;;;0 checks=2;;;0 failed=0;;;0$", line)

    def test_of_failure_names_check_and_reason(self, serve, probe):
        body = report("failure", ("db", False, {"free": 3}), ("disk", True, "ok"),
                      ("q", False, "gone"))
        url = serve(answer(body, "500 Internal Server Error")).url
        assert probe(url)[1] == ('unhealthy: answered 500 Internal Server Error, status failure, '
                                 '2 of 3 checks failed: db: {"free": 3}; q: gone')
        assert "checks=3;;;0 failed=2;;;0" in probe(url, "--nagios")[1]

    def test_of_a_single_check(self, serve, probe):
        url = serve(answer(report("success", ("db", True, "ok")))).url
        assert probe(url)[1].endswith(", 1 check passed")
        url = serve(answer(report("failure", ("db", False, "gone")))).url
        assert probe(url)[1].endswith(", 1 of 1 check failed: db: gone")

    @pytest.mark.parametrize("body, line", [
        ({"status": "failure", "error": "no check x"},
         "no health answer: answered 404 Not Found, error: no check x"),
        ({"error": ["a token\n"]},
         'no health answer: answered 404 Not Found, error: ["a token\\n"]')])
    def test_has_the_error_of_the_response(self, serve, probe, body, line):
        assert probe(serve(answer(body, "404 Not Found")).url) == (1, line)

    @pytest.mark.parametrize("name, output, shown", [
        ("db", "gone", "db: gone"), ("db", "db: gone", "db: gone"),
        ("redis localhost:6379", "localhost:6379: refused", "redis localhost:6379: refused"),
        ("redis", "localhost:6379: refused", "redis: localhost:6379: refused"),
        ("redis", "redisearch: gone", "redis: redisearch: gone"), ("a b", "b", "a b: b"),
        ("a b", "b: ", "a b: b:")])
    def test_names_a_check_once(self, serve, probe, name, output, shown):
        url = serve(answer(report("failure", (name, False, output)))).url
        assert probe(url)[1].endswith("1 of 1 check failed: " + shown)

    @pytest.mark.parametrize("code, status, line", [
        ("500 Internal Server Error", "success",
         "unhealthy: answered 500 Internal Server Error, but "
         "its status is success"),
        ("200 OK", "failure", "unhealthy: answered 200 OK, but its status is failure"),
        ("200 OK", "warn", "degraded: answered 200 OK, status warn")])
    def test_shows_disagreement_of_code_and_status(self, serve, probe, code, status, line):
        assert probe(serve(answer({"status": status}, code)).url)[1] == line

    def test_of_a_degraded_service(self, serve, probe):
        url = serve(answer(report("success", ("mail", False, "late", False)))).url
        assert probe(url) == (
            0, "degraded: answered 200 OK, status success, 1 of 1 check failed (not critical): "
            "mail: late")

    def test_without_results_has_only_the_time(self, serve, probe):
        line = probe(serve(answer({"status": "success"})).url, "--nagios")[1]
        assert re.search(r" \| time=[0-9.]+s;;;0$", line)

    def test_is_clean_whatever_a_check_says(self, serve, probe):
        body = report("failure", (EVIL, False, EVIL))
        clean = u"a b c [31md 2Je f g h i j|k\xe4l"
        url = serve(answer(body)).url
        line = probe(url)[1]
        assert u"%s: %s" % (clean, clean) in line
        line = probe(url, "--nagios")[1]
        assert line.count("|") == 1
        assert "j/k" in line

    @pytest.mark.parametrize("status", [EVIL, EVIL * 1000, u"\ud83d\ude00"], ids=short)
    def test_is_clean_whatever_the_status(self, serve, probe, status):
        assert probe(serve(answer({"status": status})).url)[0] == 1

    def test_is_cut_before_the_perfdata(self, serve, probe):
        body = report("failure",
                      *[("check%d" % number, False, "x" * 5000) for number in range(150)])
        url = serve(answer(body, "500 x")).url
        line = probe(url, "--nagios")[1]
        assert len(line) < 700
        assert "x..." in line and "check1" in line
        assert line.endswith("failed=150;;;0")

    @pytest.mark.parametrize("encoding, shown", [
        ("ascii", b"k\\xe4 \\u2713"), (None, b"k\\xe4 \\u2713"), ("latin-1", b"k\xe4 \\u2713"),
        ("utf-8", b"k\xc3\xa4 \xe2\x9c\x93")])
    def test_can_be_shown_by_any_terminal(self, serve, monkeypatch, encoding, shown):
        url = serve(answer({"status": u"k\xe4 \u2713"})).url
        stream = StrictStream(encoding)
        monkeypatch.setattr(sys, "stdout", stream)
        assert cli.main(["probe", url]) == 1
        assert shown in stream.shown

    @pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs Linux' /dev/full")
    @pytest.mark.parametrize("status, code", [("success", 0), ("failure", 1)])
    def test_that_cannot_be_written_keeps_the_exit_status(self, serve, status, code):
        url = serve(answer({"status": status})).url
        with open("/dev/full", "w") as full:
            child = subprocess.Popen([sys.executable, "-m", "bottle_healthcheck", "probe", url],
                                     stdout=full, stderr=subprocess.PIPE, cwd=ROOT)
            errors = child.communicate()[1]
        assert (child.returncode, errors) == (code, b"")


VERBOSE = report("success", ("db", True, {"rows": 1}), ("mail", False, "a\n|b", False))


class TestVerbose(object):
    """--verbose prints a line for each check."""

    @pytest.mark.parametrize("options, bar", [((), "|"), (("--nagios",), "/")])
    def test_line_for_each_check(self, serve, capsys, options, bar):
        body = dict(VERBOSE, results=VERBOSE["results"] + [None, {"checker": "x" * 1000}])
        url = serve(answer(body)).url
        cli.main(["probe", "--verbose", url] + list(options))
        lines = capsys.readouterr().out.split("\n")
        assert lines[0].replace("HEALTHCHECK WARNING - ", "").startswith("degraded: ")
        assert lines[1:3] == ['[+]db: {"rows": 1}', "[!]mail: a %sb" % bar]
        assert lines[3].startswith("[-]xxx") and len(lines[3]) <= cli.LINE_LIMIT
        assert lines[4:] == [""]

    @pytest.mark.parametrize("body", [b"OK", {"status": "success"}, b"<html>"], ids=short)
    def test_one_line_without_checks(self, serve, probe, body):
        assert ": answered 200 OK" in probe(serve(answer(body)).url, "--verbose")[1]


def say_nothing(connection, stop):
    stop.wait(60)


def hang_up(connection, stop):
    pass


def one_byte_a_moment(connection, stop):
    for byte in [b"H", b"T", b"T", b"P"] + [b"x"] * 1500:  # half a minute, and then an end
        connection.sendall(byte)
        if stop.wait(0.02):
            return


def body_byte_by_byte(connection, stop):
    connection.sendall(HEADERS + b"\r\n")
    one_byte_a_moment(connection, stop)


class TestNoHealthAnswer(object):
    """What is no answer of a health check says why in a line."""

    @pytest.mark.parametrize("talk, reason", [
        (say_nothing, "no whole answer within 0.3 s"),
        (one_byte_a_moment, "no whole answer within 0.3 s"),
        (body_byte_by_byte, "no whole answer within 0.3 s"),
        (endless((b"", b"HTTP/1.1 100 Continue\r\n\r\n")), "more than 2097152 bytes"),
        (hang_up, ""),
        (b"HTTP", ""),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "SSH-2.0"),
        (b"HTTP/1.1 abc OK\r\n\r\n", ""),
        (b"HTTP/1.1 99999999999999999999 OK\r\n\r\n", ""),
        (b"\x00\x1b[2J\xff\r\n\r\n", ""),
        (HEADERS + b"X: y\r\n" * 10000 + b"\r\n{}", "headers"),
        (endless((HEADERS, b"X: y\r\n" * 100)), "headers"),
        (endless((HEADERS, b"x" * 1000)), ""),
        (endless((b"", b"x" * 1000)), ""),
        (HEADERS + b"Content-Length: 100\r\n\r\n{\"status\": \"success\"}", "cut off"),
        (HEADERS + b"Content-Length: 100\r\n\r\n", "cut off"),
        (HEADERS + b"Transfer-Encoding: chunked\r\n\r\nff\r\n{}", "IncompleteRead"),
        (HEADERS + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}", ""),
        (answer(b"<!DOCTYPE html><title>Log in</title>"), "200 OK with a page"),
        (answer(b"\r\n <html>", "502 Bad Gateway"), "502 Bad Gateway with a page"),
        (answer(b'{"status": "success"'), "broken JSON"),
        (answer(b'{"status":' * 100000), "broken JSON"),
        (answer(b'"' + b"x" * 1024 * 1024), "over 1 MiB"),
        (answer(b'{"status": "success", "results": [' + b"{}," * 10000 + b"{}]}"),
         "200 OK with over 10000 results"),
        (answer(b'{"status": "failure", "results": [' + b"{}," * 10000 + b"{}]}", "500 x"),
         "500 Internal Server Error with over 10000 results"),
        (b"HTTP/1.0 302 Found\r\nLocation: http://127.0.0.1/\r\n\r\n", "302 Found"),
        (answer(b"", "304 Not Modified"), "304"),
        (answer(b"", "103 Early Hints"), "no valid HTTP response"),
    ], ids=short)
    def test_reason_is_one_line(self, serve, probe, talk, reason):
        server, timeout = serve(talk), SHORT if "within" in reason else LONG
        answered = re.match("200 OK with|500|502|over 1 MiB|302|304|cut off|broken JSON", reason)
        words = "no health answer: answered " if answered else "unreachable: "

        def both():
            status, line = probe(server.url, *timeout)
            assert status == 1
            assert line.startswith(words) and reason in line
            status, line = probe(server.url, "--nagios", *timeout)
            assert status == 3
            assert line.startswith("HEALTHCHECK UNKNOWN - " + words) and reason in line
            return server.requests
        # On a loaded machine the time may be over before an impatient one has sent its request.
        wait_until(both, what="a request")

    def test_endless_body_is_read_to_its_limit(self, serve, probe):
        server = serve(endless((HEADERS + b"\r\n{", b"x" * 65536)))
        assert probe(server.url) == (
            1, "no health answer: answered 200 OK with a body over 1 MiB")

    def test_refusing_port_is_unreachable(self, probe):
        status, line = probe("http://127.0.0.1:%d/" % free_port())
        assert status == 1
        assert "refused" in line

    def test_timeout_covers_the_name_server(self, probe, monkeypatch):
        asked, over = threading.Event(), threading.Event()

        def getaddrinfo(*args, **kwargs):
            asked.set()
            over.wait(60)
            raise socket.gaierror(errno.EIO, "over")

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        try:
            assert probe("http://health.example/", *SHORT) == (
                1, "unreachable: no whole answer within 0.3 s")
        finally:
            over.set()
        assert asked.wait(60)

    @pytest.mark.parametrize("url, reason", [
        ("", "http://"), ("/health", "http://"), ("localhost:8080/health", "http://"),
        ("ftp://127.0.0.1/", "http://"), ("file:///etc/passwd", "http://"), ("http:", "http://"),
        ("http://", "no host"), ("http:///health", "no host"), ("http://:80/", "no host"),
        ("https://user:pass@/", "no host"), ("http://[::1/", "cannot be read"),
        ("http://127.0.0.1:http/", "cannot be read"), ("http://127.0.0.1:99999/", "cannot be read"),
        ("http://127.0.0.1:-1/", "cannot be read"), ("http://user:hunter/2@127.0.0.1/", "%2F"),
        ("http://127.0.0.1 x/", "cannot be read"), ("http://[db]/", "cannot be read"),
        ("http://%s.example/" % ("x" * 70), "cannot be read"), ("http://h..x/", "cannot be read"),
        ("http://127.0.0.1:1/\udcff", "")], ids=short)
    def test_invalid_url_is_unreachable(self, probe, url, reason):
        status, line = probe(url)
        assert status == 1
        assert line.startswith("unreachable: ") and reason in line
        assert "hunter" not in line
        assert probe(url, "--nagios")[0] == 3


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """The path of a key with a certificate for localhost that nobody has signed."""
    path = str(tmp_path_factory.mktemp("tls") / "localhost.pem")
    subprocess.check_output([
        need_command("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
        "-keyout", path, "-out", path + ".crt"], stderr=subprocess.STDOUT)
    return path


@pytest.fixture
def tls_server(serve, certificate):
    """A healthy service behind that certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if six.PY3 else ssl.PROTOCOL_SSLv23)
    context.load_cert_chain(certificate + ".crt", certificate)
    return serve(HEADERS + b'Content-Length: 21\r\n\r\n{"status": "success"}', context)


class TestCertificate(object):
    """Certificates are verified."""

    def test_trusted_one_is_accepted(self, probe, tls_server, certificate, monkeypatch):
        monkeypatch.setenv("SSL_CERT_FILE", certificate + ".crt")
        assert probe("https://localhost:%d/" % tls_server.port)[0] == 0

    def test_for_another_host_is_unreachable(self, probe, tls_server, certificate, monkeypatch):
        monkeypatch.setenv("SSL_CERT_FILE", certificate + ".crt")
        status, line = probe("https://127.0.0.1:%d/" % tls_server.port, "--nagios")
        assert status == 3
        assert "127.0.0.1" in line

    def test_self_signed_is_unreachable(self, probe, tls_server):
        status, line = probe("https://localhost:%d/" % tls_server.port)
        assert status == 1
        assert "certificate" in line.lower()
        assert tls_server.requests == []

    def test_tls_and_plain_mixed_up_are_unreachable(self, serve, probe, tls_server):
        assert probe(tls_server.url, *SHORT)[0] == 1
        plain = serve(endless((b"", b"plain text\r\n")))
        assert probe("https://127.0.0.1:%d/" % plain.port, *SHORT)[0] == 1


class TestRequest(object):
    """What the probe sends."""

    def test_fields_of_the_request(self, serve, probe):
        server = serve(answer({"status": "success"}))
        assert probe(server.url)[0] == 0
        request = server.requests[0]
        assert request.startswith("GET /health HTTP/1.1\r\n")
        assert "Host: 127.0.0.1:%d\r\n" % server.port in request
        assert "Accept: application/json" in request
        assert "Connection: close\r\n" in request
        assert "Authorization" not in request

    @pytest.mark.parametrize("tail, checks, targets", [
        ("/health", ["db"], ["/health?check=db"]),
        ("/health?a=1&check=x", ["db", "disk"], ["/health?a=1&check=x&check=db&check=disk"]),
        ("/health?", ["a b&c=d/#\n"], ["/health?check=a%20b%26c%3Dd%2F%23%0A"]),
        ("", [], ["/"]), ("?format=json#part", [], ["/?format=json"]),
        ("?a=b c", [], ["/?a=b%20c"]),
        # Python 3.9.5 drops line breaks.
        ("/a%20b c\r\nX: y", [], ["/a%20b%20c%0D%0AX:%20y", "/a%20b%20cX:%20y"]),
    ])
    def test_checks_are_added_to_the_query(self, serve, probe, tail, checks, targets):
        server = serve(answer(report("success", *[(name, True, "ok") for name in checks])))
        arguments = [part for name in checks for part in ("--check", name)]
        assert probe("http://127.0.0.1:%d%s" % (server.port, tail), *arguments)[0] == 0
        asked = server.requests[0].split("\r\n")[0].split(" ")[1]
        assert asked in targets

    def test_excluded_checks_are_added_to_the_query(self, serve, probe):
        server = serve(answer(report("success", ("db", True, "ok"))))
        assert probe(server.url, "--exclude", "a b", "--exclude=c", "--check", "db")[0] == 0
        assert server.requests[0].startswith(
            "GET /health?check=db&exclude=a%20b&exclude=c HTTP/1.1")

    @pytest.mark.parametrize("body, code, nagios", [
        (report("success", ("db", True, "ok")), "200 OK", 3),
        (report("success", ("mail", False, "late", False)), "200 OK", 3),
        ({"status": "success"}, "200 OK", 3), ({"status": "pass", "checks": []}, "200 OK", 3),
        ({"status": "pass", "checks": {"db:responseTime": [{}]}}, "200 OK", 3),
        (report("success", ("db", True, "ok"), ("queue", True, "ok")), "200 OK", 0),
        ({"status": "pass", "checks": {"queue:responseTime": [{}]}}, "200 OK", 0),
        (b"OK", "200 OK", 0),
        (report("failure", ("drain", False, "draining")), "503 Service Unavailable", 2)], ids=short)
    def test_response_must_name_the_check(self, serve, probe, body, code, nagios):
        status, line = probe(serve(answer(body, code)).url, "--nagios", "--check", "queue")
        assert status == nagios
        assert ("does not name the check queue" in line) == (nagios == 3)

    def test_names_beyond_ascii_are_sent_as_utf_8(self, serve, probe):
        server = serve(answer(report("success", (u"g\xe4ste", True, "ok"))))
        name = u"g\xe4ste".encode("utf-8") if six.PY2 else u"g\xe4ste"
        assert probe(server.url, "--check", name, "--header", "X-Name: " + name)[0] == 0
        assert "?check=g%C3%A4ste " in server.requests[0]
        assert u"X-Name: g\xc3\xa4ste\r\n" in server.requests[0]

    def test_headers_replace_the_defaults(self, serve, probe):
        server = serve(answer({"status": "success"}))
        assert probe(server.url, "--header", "x-token:  a:b ", "--header", "Host: service.example",
                     "--header", "accept: text/plain", "--header", "X-Empty:")[0] == 0
        request = server.requests[0]
        assert "X-Token: a:b\r\n" in request and "X-Empty: \r\n" in request
        assert request.count("Host:") == 1 and "Host: service.example\r\n" in request
        assert request.count("Accept:") == 1 and "Accept: text/plain\r\n" in request

    @pytest.mark.parametrize("user, sent", [
        ("user:hunter2", b"user:hunter2"), ("hunter2", b"hunter2:"), ("user:", b"user:"),
        ("user:h%40nter%2F2", b"user:h@nter/2"), ("user:hunter@2", b"user:hunter@2"),
        ("us%C3%A4r:hunter2", u"us\xe4r:hunter2".encode("utf-8"))])
    def test_user_and_password_are_not_shown(self, serve, probe, user, sent):
        server = serve(answer({"status": "failure"}))
        _, line = probe("http://%s@127.0.0.1:%d/health" % (user, server.port))
        header = "Authorization: Basic %s\r\n" % base64.b64encode(sent).decode("ascii")
        assert header in server.requests[0]
        assert "Host: 127.0.0.1:%d\r\n" % server.port in server.requests[0]
        assert "unhealthy" in line and "nter" not in line
        _, line = probe("http://%s@127.0.0.1:%d/health" % (user, free_port()))
        assert "unreachable" in line and "nter" not in line

    def test_authorization_header_replaces_the_user(self, serve, probe):
        server = serve(answer({"status": "success"}))
        url = "http://user:pw@127.0.0.1:%d/" % server.port
        assert probe(url, "--header", "authorization: Bearer xyz")[0] == 0
        assert server.requests[0].count("Authorization:") == 1
        assert "Authorization: Bearer xyz\r\n" in server.requests[0]

    def test_silent_address_leaves_time_for_the_next(self, serve, probe, monkeypatch):
        server, tried, real = serve(answer({"status": "success"})), [], socket.socket
        kind = (socket.AF_INET, socket.SOCK_STREAM, 0, "")
        addresses = [kind + (("127.0.0.2", server.port),), kind + (("127.0.0.1", server.port),)]

        class Socket(real):
            """A socket to which one address is silent."""

            def connect(self, address):
                tried.append((address[0], self.gettimeout()))
                if address == addresses[0][4]:
                    raise socket.timeout("timed out")
                real.connect(self, address)

        monkeypatch.setattr(socket, "getaddrinfo", lambda *args: addresses)
        monkeypatch.setattr(socket, "socket", Socket)
        assert probe("http://two.example:%d/" % server.port)[0] == 0
        assert [address for address, _ in tried] == ["127.0.0.2", "127.0.0.1"]
        assert tried[0][1] <= 30  # half of LONG

    @pytest.mark.parametrize("host, asked", [
        (u"k\xe4se.example", "xn--kse-qla.example"), (u"K\xc4SE.example", "xn--kse-qla.example"),
        (u"[::1]", "[::1]")])
    def test_host_is_looked_up_in_ascii(self, serve, probe, monkeypatch, host, asked):
        server, looked_up, real = serve(answer({"status": "success"})), [], socket.getaddrinfo

        def getaddrinfo(name, *args):
            looked_up.append(name)
            return real("127.0.0.1", *args)

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        assert probe(six.ensure_str(u"http://%s:%d/" % (host, server.port)))[0] == 0
        assert looked_up == [asked.strip("[]")]
        assert "Host: %s:%d\r\n" % (asked, server.port) in server.requests[0]


USAGE_ERRORS = [
    ["probe"], ["probe", "http://a/", "http://user:hunter2@b/"], ["probe", "http://a/", "--wat"],
    ["probe", "http://a/", "--hunter2=1"], ["probe", "http://a/", "--timeout"],
    ["probe", "http://a/", "--header", "hunter2"], ["probe", "http://a/", "--header", ": hunter2"],
    ["probe", "http://a/", "--header", "X: a\r\nY: hunter2"],
    ["probe", "http://a/", "--header", "X: hunter2\n"],
    ["probe", "http://a/", "--header", "X y: hunter2"],
    ["probe", "http://a/", "--header", "X\n: hunter2"],
    ["probe", "http://a/", "--header", "X: \x1b[31mhunter2"],
] + [["probe", "http://a/", "--timeout=" + bad] for bad in (
    "0", "-1", "nan", "inf", "1e9", "soon", "", "3600.1")]


class TestUsage(object):
    """Mistakes in the arguments are one line that shows no secret."""

    @pytest.mark.parametrize("arguments", USAGE_ERRORS)
    def test_error_of_probe_is_one_line(self, capsys, arguments):
        assert cli.main(arguments) == 1
        out, err = capsys.readouterr()
        assert out == ""
        assert re.match(r"bottle-healthcheck: [^\n]+\n$", err)
        assert "hunter2" not in err

    @pytest.mark.parametrize("option", ["--nagios", "--nag"])
    @pytest.mark.parametrize("arguments", USAGE_ERRORS)
    def test_error_is_unknown_to_nagios(self, capsys, arguments, option):
        assert cli.main([arguments[0], option] + arguments[1:]) == 3
        out, err = capsys.readouterr()
        assert err == ""
        assert re.match(r"HEALTHCHECK UNKNOWN - usage: [^\n]+\n$", out)
        assert "hunter2" not in out

    @pytest.mark.parametrize("arguments", [
        ["serve", "--port", "65536"], ["serve", "--port", "-1"], ["serve", "--port", "http"],
        ["serve", "--server", "nosuch"], ["--wat"], ["walk"]])
    def test_error_of_serve_is_one_line(self, demo, capsys, arguments):
        assert cli.main(arguments) == 1
        out, err = capsys.readouterr()
        assert out == "" and err.count("\n") == 1
        assert demo.served == []

    @pytest.mark.parametrize("arguments, shown", [
        (["probe", "http://a/", "--wat"],
         "unknown option --wat: expected one of --check, --exclude, "
         "--header, --help, --nagios, --quiet, --timeout, --verbose"),
        (["probe", "http://a/", "--nagois"], "unknown option --nagois: did you mean --nagios?"),
        (["probe", "http://a/", "--time-out=hunter2"], "unknown option --time-out: did you mean "
         "--timeout?"),
        (["probe", "http://a/", "--hunter2=1"], "unknown option (not shown, it may be a secret)"),
        (["probe", "http://a/", "http://user:hunter2@b/"],
         "unknown argument (not shown, it may be a "
         "secret)"),
        (["probe", "--check", "orders", "http://a/", "database"],
         "unknown argument database: every "
         "option"),
        (["probe", "http://a/", "--quiet", "--verbose"], "not allowed with argument"),
        (["http://user:hunter2@a/"], "write bottle-healthcheck probe URL"),
        (["prob", "http://a/"], "unknown command prob: did you mean probe?"),
        (["walk"], "unknown command walk: expected one of serve, probe"),
        (["Hunter2"], "unknown command (not shown, it may be a secret)"),
        (["--prot", "8080"], "unknown option --prot: did you mean --port?"),
        (["probe", "http://a/", "--he=Authorization: Bearer hunter2hunter2"], "ambiguous option"),
    ])
    def test_error_names_what_is_wrong(self, demo, capsys, arguments, shown):
        assert cli.main(arguments) == 1
        err = capsys.readouterr().err
        assert shown in err and "unter2" not in err

    @pytest.mark.parametrize("timeout", ["3600", "3.6e3"])
    def test_timeout_may_be_an_hour(self, serve, probe, timeout):
        assert probe(serve(answer(b"OK")).url, "--timeout", timeout)[0] == 0

    def test_error_of_timeout_shows_what_was_expected(self, capsys):
        cli.main(["probe", "http://a/", "--timeout=soon"])
        assert "expected seconds, above 0 and at most 3600" in capsys.readouterr().err


class TestCommand(object):
    """The commands and their options."""

    @pytest.mark.parametrize("body, status",
                             [({"status": "success"}, 0), ({"status": "failure"}, 1)])
    def test_quiet_prints_nothing(self, serve, capsys, body, status):
        assert cli.main(["probe", "--quiet", serve(answer(body)).url]) == status
        assert capsys.readouterr() == ("", "")

    def test_version_is_printed(self, capsys):
        with pytest.raises(SystemExit) as caught:
            cli.main(["--version"])
        assert not caught.value.code
        assert "bottle-healthcheck %s\n" % bottle_healthcheck.__version__ in capsys.readouterr()

    @pytest.mark.parametrize("arguments, shown", [
        (["-h"], "probe"), (["--help"], "probe"), (["serve", "--help"], "--port"),
        (["probe", "-h"], "--nagios")])
    def test_help_is_printed(self, capsys, arguments, shown):
        with pytest.raises(SystemExit) as caught:
            cli.main(arguments)
        assert not caught.value.code
        out = capsys.readouterr().out
        assert "usage: bottle-healthcheck" in out and shown in out
        assert re.search("examples?:\n  bottle-healthcheck ", out)

    @pytest.mark.parametrize("arguments, served", [
        ([], ("127.0.0.1", 8080, "wsgiref")),
        (["serve"], ("127.0.0.1", 8080, "wsgiref")),
        (["--port", "65535"], ("127.0.0.1", 65535, "wsgiref")),
        (["serve", "--host", "0.0.0.0", "--port=0", "--server", "gunicorn"],
         ("0.0.0.0", 0, "gunicorn")),
    ])
    def test_no_command_serves(self, demo, arguments, served):
        assert cli.main(arguments) == 0
        assert demo.served == [served]

    def test_status_of_serve_is_returned(self, demo):
        demo.status = 1
        assert cli.main(["serve"]) == 1

    def test_module_runs_the_command_line(self, serve, monkeypatch, capsys):
        url = serve(answer({"status": "failure"})).url
        monkeypatch.setattr(sys, "argv", ["bottle-healthcheck", "probe", url])
        with pytest.raises(SystemExit) as caught:
            runpy.run_module("bottle_healthcheck", run_name="__main__")
        assert caught.value.code == 1
        assert capsys.readouterr().out.startswith("unhealthy: ")
