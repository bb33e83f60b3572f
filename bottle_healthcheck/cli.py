"""The command line: ``serve`` runs the demonstration, ``probe URL`` asks a health route."""
from __future__ import print_function

import argparse
import collections
import json
import os
import re
import socket
import sys

import bottle
import six
from six.moves import http_client
from six.moves.urllib import parse

from bottle_healthcheck import _http_client, _jsonable
from bottle_healthcheck._compat import monotonic

MYPY = False
if MYPY:
    from typing import Any, Dict, List, NoReturn, Optional, Sequence, TextIO, Tuple

TIMEOUT = 5  # seconds; Nagios gives up on a plugin after 10 and must not have to
LONGEST_TIMEOUT = 3600  # seconds; far longer ones overflow
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

UNREADABLE = ("the URL's host or port cannot be read (a / or @ in its password is written %2F or "
              "%40)")

_Finding = collections.namedtuple("_Finding", "state text perfdata")


class _UsageError(Exception):
    """Arguments that cannot be followed."""


class _Unreachable(Exception):
    """No health answer was had, and why."""


def main(argv=None):
    # type: (Optional[Sequence[str]]) -> int
    """Run the command line and return the exit status; argv is sys.argv[1:] where it is None."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    needs_help = arguments[:1] in (["-h"], ["--help"])
    names_command = bool(arguments) and not arguments[0].startswith("-")
    if not names_command and not needs_help:
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
        finding = _judge(_ask(options))
    except Exception as exc:  # whatever the server sends: a line, not a traceback
        finding = _Finding("UNKNOWN", _jsonable.exception_line(exc), [])
    seconds = monotonic() - started
    for_nagios, otherwise, word = STATES[finding.state]
    line = _jsonable.one_line("%s: %s" % (word, finding.text), LINE_LIMIT)
    if options.nagios:
        perfdata = [("time", "%.3fs" % seconds)] + finding.perfdata
        line = _nagios_line(finding.state, line, perfdata)
    if not options.quiet:
        _say(line, sys.stdout)
    return for_nagios if options.nagios else otherwise


def _ask(options):
    # type: (argparse.Namespace) -> _http_client.Response
    """The response of the health route."""
    url = _read_url(options.url, options.check)
    headers = {"Accept": "application/json, */*;q=0.5",
               "User-Agent": "bottle-healthcheck-probe"}  # type: Dict[str, Any]
    headers.update(options.header)
    deadline = _http_client.Deadline(options.timeout)
    try:
        return _http_client.get(url, headers, deadline, _http_client.resolve_in_thread)
    except socket.timeout:
        raise _Unreachable("no whole answer within %g s" % options.timeout)
    except _http_client.BodyTooLong as exc:
        raise _Unreachable("%s with a body over 1 MiB" % _answered(exc.status))
    except _http_client.BodyCutOff as exc:
        raise _Unreachable("%s with a body that is cut off" % _answered(exc.status))
    except http_client.HTTPException as exc:
        raise _Unreachable("no valid HTTP came: %s" % _jsonable.exception_line(exc))


def _read_url(text, checks):
    # type: (str, List[str]) -> _http_client.Url
    """What to ask for. No message shows the URL: it may hold a password."""
    try:
        parts = parse.urlsplit(text)
        user, _, server = parts.netloc.rpartition("@")
        host, port = parts.hostname or "", parts.port
        if server.startswith("["):
            host = "[%s]" % host  # which urlsplit() takes for the brackets of any host
        if host:
            host = _http_client.read_host(host)
    except ValueError:
        raise _Unreachable(UNREADABLE)
    if port is None and PORT_AT_END.search(server):  # 2.7 takes one out of range for none
        raise _Unreachable(UNREADABLE)
    if parts.scheme not in ("http", "https"):
        raise _Unreachable("the URL must begin with http:// or https://")
    if not host:
        raise _Unreachable("the URL names no host")
    is_tls = parts.scheme == "https"
    if port is None:
        port = 443 if is_tls else 80
    return _http_client.Url(is_tls, host, port, user, _path(parts, checks))


def _path(url, checks):
    # type: (parse.SplitResult, List[str]) -> str
    """What to ask the host for: the URL's path and query, and the checks."""
    query = [parse.quote(url.query, URL_SAFE)] if url.query else []
    query += ["check=" + parse.quote(name, "") for name in checks]
    path = parse.quote(url.path or "/", URL_SAFE)
    return path + ("?" + "&".join(query) if query else "")


def _judge(response):
    # type: (_http_client.Response) -> _Finding
    """What a response says: its JSON status together with its status code, or that alone."""
    document = _document(response)
    if "status" in document:
        return _judge_report(response.status, document)
    if response.status < 200 or 300 <= response.status < 400:
        raise _Unreachable("%s, which is no health answer (redirects are not followed)"
                           % _answered(response.status))
    state = "OK" if _is_success(response.status) else "CRITICAL"
    return _Finding(state, _answered(response.status) + _error_in(document), [])


def _judge_report(code, document):
    # type: (int, Dict[str, Any]) -> _Finding
    """What a JSON object with a status says."""
    status = _piece(document["status"])
    results = document.get("results")
    if not isinstance(results, list):
        results = []
    failed = [one for one in results if isinstance(one, dict) and one.get("passed") is not True]
    text = "%s, status %s%s" % (_answered(code), status, _error_in(document))
    perfdata = []
    if results:
        text += ", " + _summary(results, failed)
        perfdata = [("checks", "%d" % len(results)), ("failed", "%d" % len(failed))]
    return _Finding(_state_of(code, status.lower(), failed), text, perfdata)


def _state_of(code, status, failed):
    # type: (int, str, List[Any]) -> str
    """The state that a status code, a JSON status in lower case and the failed checks make."""
    if not _is_success(code) or status not in HEALTHY:
        return "CRITICAL"
    if failed or status == "warn":
        return "WARNING"
    return "OK"


def _is_success(code):
    # type: (int) -> bool
    return 200 <= code < 300


def _error_in(document):
    # type: (Dict[str, Any]) -> str
    """What is said of an error of the route's own, as of an unknown check."""
    if "error" not in document:
        return ""
    return ", error: " + _piece(document["error"])


def _document(response):
    # type: (_http_client.Response) -> Dict[str, Any]
    """The JSON object that a body is; an empty one for plain text and other JSON."""
    text = response.body.decode("utf-8-sig", "replace").strip()
    if text.startswith("<"):
        raise _Unreachable("%s with a page, which is no health answer" % _answered(response.status))
    try:
        document = json.loads(text, parse_int=_number)
    except (ValueError, RuntimeError):  # RuntimeError: nested too deeply
        if text.startswith("{"):
            raise _Unreachable("%s with broken JSON" % _answered(response.status))
        return {}
    return document if isinstance(document, dict) else {}


def _number(digits):
    # type: (str) -> float
    return int(digits) if len(digits) < 20 else float(digits)  # an int of 1 MiB takes seconds


def _summary(results, failed):
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
    return "answered " + _http_client.status_text(code)


def _piece(value):
    # type: (Any) -> str
    """A value of the answer, cut."""
    text = value if isinstance(value, six.text_type) else json.dumps(value)
    return _jsonable.one_line(text, PIECE_LIMIT)


def _nagios_line(state, text, perfdata):
    # type: (str, str, List[Tuple[str, str]]) -> str
    """A line of the Monitoring Plugins guidelines; all performance data are from 0 upwards."""
    line = u"HEALTHCHECK %s - %s" % (
        state, _jsonable.one_line(text, LINE_LIMIT).replace(u"|", u"/"))
    data = u" ".join(u"%s=%s;;;0" % pair for pair in perfdata)
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
