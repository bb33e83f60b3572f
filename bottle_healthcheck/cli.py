"""The command line: ``serve`` runs the demonstration, ``probe URL`` asks a health route."""
from __future__ import print_function

import argparse
import base64
import collections
import json
import os
import re
import socket
import sys
import threading

import bottle
import six
from six.moves import http_client, queue
from six.moves.urllib import parse

from bottle_healthcheck import _jsonable
from bottle_healthcheck._compat import monotonic

MYPY = False
if MYPY:
    from typing import Any, Callable, Dict, List, NoReturn, Optional, Sequence, TextIO, Tuple

TIMEOUT = 5  # seconds; Nagios gives up on a plugin after 10 and must not have to
LONGEST_TIMEOUT = 3600  # seconds; far longer ones overflow
BODY_LIMIT = 1024 * 1024  # bytes
LINE_LIMIT = 500  # characters; NRPE cuts at 1024 bytes, and the performance data come last
PIECE_LIMIT = 100  # characters of one name or output

#: State: its exit status for Nagios, its exit status otherwise (Docker reserves 2), its word.
STATES = {
    "OK": (0, 0, "healthy"),
    "WARNING": (1, 0, "healthy"),
    "CRITICAL": (2, 1, "unhealthy"),
    "UNKNOWN": (3, 1, "unreachable"),
}

#: What a JSON "status" says of a healthy service: this package's word, and those of
#: draft-inadarei-api-health-check-06, in any case.
HEALTHY = ("success", "pass", "warn", "ok", "up", "healthy")

HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):([^\x00-\x08\x0a-\x1f\x7f]*)\Z")
PORT_AT_END = re.compile(r":[^:@\]]+\Z")
URL_SAFE = "%/:=&?~+!$,;'@()*[]"

_Verdict = collections.namedtuple("_Verdict", "state text figures")


class _UsageError(Exception):
    """Arguments that cannot be followed."""


class _Unreachable(Exception):
    """No health answer was had, and why."""


def main(argv=None):
    # type: (Optional[Sequence[str]]) -> int
    """Run the command line and return the exit status; argv is sys.argv[1:] where it is None."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0].startswith("-") and arguments[0] not in ("-h", "--help"):
        arguments.insert(0, "serve")  # Python 2.7's argparse cannot do without a sub-command
    try:
        options, unknown = _parser().parse_known_args(arguments)
        if unknown:  # not shown: a header or a URL may hold a secret
            raise _UsageError("too many arguments, or unknown ones (%d), see --help" % len(unknown))
    except _UsageError as exc:
        return _complain(str(exc), arguments)
    return options.run(options)


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        # type: (str) -> NoReturn
        raise _UsageError(message)  # argparse itself exits with 2: CRITICAL to Nagios


def _complain(message, arguments):
    # type: (str, List[str]) -> int
    """Tell whoever called what is wrong with the arguments, and return the exit status."""
    if any(len(one) > 2 and "--nagios".startswith(one) for one in arguments):
        _say(_nagios_line("UNKNOWN", "usage: " + message, []), sys.stdout)
        return STATES["UNKNOWN"][0]
    _say(_jsonable.one_line("bottle-healthcheck: " + message, LINE_LIMIT), sys.stderr)
    return STATES["UNKNOWN"][1]


def _parser():
    # type: () -> argparse.ArgumentParser
    parser = _Parser(prog="bottle-healthcheck", description="Health checks of a Bottle service.")
    commands = parser.add_subparsers(metavar="serve|probe")

    serve = commands.add_parser("serve", help="run the demonstration service (the default)")
    serve.add_argument("--host", default="127.0.0.1", help="default %(default)s")
    serve.add_argument("--port", type=_port, default=8080, help="default %(default)s")
    serve.add_argument("--server", default="wsgiref", choices=sorted(bottle.server_names),
                       metavar="NAME", help="one of Bottle's servers, default %(default)s")
    serve.set_defaults(run=_serve)

    probe = commands.add_parser(
        "probe", help="ask a health route", description="Ask a health route: exits with 0 where "
        "it is healthy, with 1 where it is unhealthy or unreachable.")
    probe.add_argument("url", metavar="URL", help="http:// or https://; redirects are not followed")
    probe.add_argument("--nagios", action="store_true", help="print one line with performance "
                       "data; exit with 0 OK, 1 WARNING (of non-critical checks), 2 CRITICAL, "
                       "3 UNKNOWN (unreachable)")
    probe.add_argument("--timeout", type=_timeout, default=TIMEOUT, metavar="SECONDS",
                       help="for the whole exchange, default %(default)s")
    probe.add_argument("--check", action="append", default=[], metavar="NAME",
                       help="ask for this check only; may be repeated")
    probe.add_argument("--header", action="append", default=[], type=_header,
                       metavar="'NAME: VALUE'", help="send this header; may be repeated")
    probe.add_argument("--quiet", action="store_true", help="print nothing, only exit")
    probe.set_defaults(run=_probe)
    return parser


def _port(text):
    # type: (str) -> int
    if not re.match(r"[0-9]{1,5}\Z", text) or int(text) > 65535:
        raise argparse.ArgumentTypeError("expected a number from 0 to 65535")
    return int(text)


def _timeout(text):
    # type: (str) -> float
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0 < seconds <= LONGEST_TIMEOUT:  # not a number (nan) fails both
        raise argparse.ArgumentTypeError(
            "expected seconds, above 0 and at most %d" % LONGEST_TIMEOUT)
    return seconds


def _header(text):
    # type: (str) -> Tuple[str, bytes]
    match = HEADER.match(text)
    if not match:  # not shown: it may hold a secret
        raise argparse.ArgumentTypeError("expected 'Name: value' without line breaks")
    name, value = match.group(1).title(), match.group(2).strip()
    return name, value if isinstance(value, bytes) else value.encode("utf-8", "surrogateescape")


def _serve(options):
    # type: (argparse.Namespace) -> int
    """Run the demonstration service until it is interrupted."""
    from bottle_healthcheck import _demo
    return _demo.serve(options.host, options.port, options.server)


def _probe(options):
    # type: (argparse.Namespace) -> int
    """Ask the health route, print a line and return the exit status."""
    started = monotonic()
    try:
        verdict = _within(options.timeout, lambda opened: _examine(options, opened))
    except Exception as exc:  # whatever the server sends: an answer, not a traceback
        verdict = _Verdict("UNKNOWN", _jsonable.exception_line(exc), [])
    seconds = monotonic() - started
    for_nagios, otherwise, word = STATES[verdict.state]
    line = _jsonable.one_line("%s: %s" % (word, verdict.text), LINE_LIMIT)
    if options.nagios:
        figures = [("time", "%.3fs" % seconds)] + verdict.figures
        line = _nagios_line(verdict.state, line, figures)
    if not options.quiet:
        _say(line, sys.stdout)
    return for_nagios if options.nagios else otherwise


def _within(seconds, exchange):
    # type: (float, Callable[[List[socket.socket]], _Verdict]) -> _Verdict
    """What exchange(opened) returns or raises; _Unreachable where that takes longer.

    A thread, as nothing else ends a name server's silence or one byte a second. The sockets that
    exchange puts into `opened` are then shut, which ends the thread.
    """
    landed = queue.Queue()  # type: queue.Queue[Any]
    opened = []  # type: List[socket.socket]

    def run():
        # type: () -> None
        try:
            landed.put((exchange(opened), None))
        except Exception as exc:
            landed.put((None, exc))

    thread = threading.Thread(target=run, name="bottle_healthcheck probe")
    thread.daemon = True
    thread.start()
    try:
        verdict, error = landed.get(timeout=seconds)
    except queue.Empty:
        error = socket.timeout()
        for one in opened:
            _shut(one)
        thread.join(0.2)  # Python 2.7 prints tracebacks of threads that run on at exit
    if isinstance(error, socket.timeout):
        raise _Unreachable("no whole answer within %g s" % seconds)
    if error is not None:
        raise error
    return verdict


def _shut(opened):
    # type: (socket.socket) -> None
    try:
        opened.shutdown(socket.SHUT_RDWR)
    except (EnvironmentError, ValueError):
        pass  # closed already


def _examine(options, opened):
    # type: (argparse.Namespace, List[socket.socket]) -> _Verdict
    """Ask the health route and judge its answer."""
    url = _split(options.url)
    user, _, _ = url.netloc.rpartition("@")
    factory = http_client.HTTPSConnection if url.scheme == "https" else http_client.HTTPConnection
    connection = factory(url.hostname or "", url.port, timeout=options.timeout)
    setattr(connection, "strict", True)  # Python 2.7 takes any garbage for HTTP/0.9 otherwise
    try:
        connection.connect()
        # Python 2.7's own object is closed once the answer begins, what it wraps is not.
        opened.append(getattr(connection.sock, "_sock", connection.sock))
        connection.request("GET", _path(url, options.check), headers=_headers(user, options.header))
        response = connection.getresponse()
        body = response.read(BODY_LIMIT + 1)
        if len(body) > BODY_LIMIT:
            raise _Unreachable("%s with a body over 1 MiB" % _answered(response.status))
        if response.length:
            raise _Unreachable("%s with a body that is cut off" % _answered(response.status))
        return _judge(response.status, body)
    finally:
        connection.close()


def _split(url):
    # type: (str) -> parse.SplitResult
    """The parts of a URL that can be asked. No message shows it: it may hold a password."""
    try:
        parts = parse.urlsplit(url)
        # Python 2.7 takes a port that is out of range for none at all.
        readable = parts.port is not None or not PORT_AT_END.search(parts.netloc)
    except ValueError:
        readable = False
    if not readable:
        raise _Unreachable("the URL's host or port cannot be read (a / or @ in its password is "
                           "written %2F or %40)")
    if parts.scheme not in ("http", "https"):
        raise _Unreachable("the URL must begin with http:// or https://")
    if not parts.hostname:
        raise _Unreachable("the URL names no host")
    return parts


def _path(url, checks):
    # type: (parse.SplitResult, List[str]) -> str
    """What to ask the host for: the URL's path and query, and the checks."""
    query = [parse.quote(url.query, URL_SAFE)] if url.query else []
    query += ["check=" + parse.quote(name, "") for name in checks]
    path = parse.quote(url.path or "/", URL_SAFE)
    return path + ("?" + "&".join(query) if query else "")


def _headers(user, more):
    # type: (str, List[Tuple[str, bytes]]) -> Dict[str, Any]
    headers = {"Accept": "application/json, */*;q=0.5", "Connection": "close",
               "User-Agent": "bottle-healthcheck-probe"}  # type: Dict[str, Any]
    if user:
        name_and_password = parse.unquote_to_bytes(user if ":" in user else user + ":")
        headers["Authorization"] = b"Basic " + base64.b64encode(name_and_password)
    headers.update(more)
    return headers


def _judge(code, body):
    # type: (int, bytes) -> _Verdict
    """The verdict on an answer: its JSON status together with its status code, or that alone."""
    document = _document(code, body)
    good_code = 200 <= code < 300
    error = ", error: " + _piece(document["error"]) if "error" in document else ""
    if "status" not in document:
        if code < 200 or 300 <= code < 400:
            raise _Unreachable("%s, which is no health answer (redirects are not followed)"
                               % _answered(code))
        return _Verdict("OK" if good_code else "CRITICAL", _answered(code) + error, [])
    status = _piece(document["status"])
    results = document.get("results")
    results = results if isinstance(results, list) else []
    failed = [one for one in results if isinstance(one, dict) and one.get("passed") is not True]
    if not good_code or status.lower() not in HEALTHY:
        state = "CRITICAL"
    else:
        state = "WARNING" if failed or status.lower() == "warn" else "OK"
    text = "%s, status %s%s" % (_answered(code), status, error)
    if not results:
        return _Verdict(state, text, [])
    figures = [("checks", "%d" % len(results)), ("failed", "%d" % len(failed))]
    return _Verdict(state, "%s, %s" % (text, _told(results, failed)), figures)


def _document(code, body):
    # type: (int, bytes) -> Dict[str, Any]
    """The JSON object that body is; an empty one for plain text and other JSON."""
    text = body.decode("utf-8-sig", "replace").strip()
    if text.startswith("<"):
        raise _Unreachable("%s with a page, which is no health answer" % _answered(code))
    try:
        document = json.loads(text, parse_int=_number)
    except (ValueError, RuntimeError):  # RuntimeError: nested too deeply
        if text.startswith("{"):
            raise _Unreachable("%s with broken JSON" % _answered(code))
        return {}
    return document if isinstance(document, dict) else {}


def _number(digits):
    # type: (str) -> float
    return int(digits) if len(digits) < 20 else float(digits)  # an int of 1 MiB takes seconds


def _told(results, failed):
    # type: (List[Any], List[Dict[str, Any]]) -> str
    """How many checks passed, or which failed and why."""
    checks = "1 check" if len(results) == 1 else "%d checks" % len(results)
    if not failed:
        return "%s passed" % checks
    return "%d of %s failed: %s" % (len(failed), checks, "; ".join(
        "%s: %s" % (_piece(one.get("checker")), _piece(one.get("output")))
        for one in failed[:LINE_LIMIT]))


def _answered(code):
    # type: (int) -> str
    return ("answered %d %s" % (code, http_client.responses.get(code, ""))).strip()


def _piece(value):
    # type: (Any) -> str
    """A value of the answer, cut."""
    text = value if isinstance(value, six.text_type) else json.dumps(value)
    return _jsonable.one_line(text, PIECE_LIMIT)


def _nagios_line(state, text, figures):
    # type: (str, str, List[Tuple[str, str]]) -> str
    """A line of the Monitoring Plugins guidelines; figures are performance data from 0 upwards."""
    line = u"HEALTHCHECK %s - %s" % (
        state, _jsonable.one_line(text, LINE_LIMIT).replace(u"|", u"/"))
    data = u" ".join(u"%s=%s;;;0" % figure for figure in figures)
    return u"%s | %s" % (line, data) if data else line


def _say(line, stream):
    # type: (str, TextIO) -> None
    """Print the line, with escapes for what the stream cannot show.

    Where nobody reads it, or the disk is full, the exit status is still told.
    """
    encoding = getattr(stream, "encoding", None) or "ascii"
    try:
        print(line.encode(encoding, "backslashreplace").decode(encoding), file=stream)
        stream.flush()
    except EnvironmentError:
        # Python flushes once more at exit, and would exit with a status of its own.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
