# mypy: disable-error-code="import-untyped"
"""The command line: ``serve`` runs the demonstration, ``probe URL`` asks a health route."""
from __future__ import print_function

import argparse
import collections
import difflib
import json
import os
import re
import socket
import sys

import bottle
import six
from six.moves import http_client
from six.moves.urllib import parse

from bottle_healthcheck import _http_client, _jsonable, _redaction
from bottle_healthcheck._compat import monotonic

MYPY = False
if MYPY:
    from typing import Any, Dict, List, NoReturn, Optional, Sequence, Set, Text, TextIO, Tuple

COMMANDS = ("serve", "probe")

TIMEOUT = 5  # seconds; Nagios gives up on a plugin after 10 and must not have to
LONGEST_TIMEOUT = 3600  # seconds; far longer ones overflow
LINE_LIMIT = 500  # characters; NRPE cuts at 1024 bytes, and the performance data come last
PIECE_LIMIT = 100  # characters of one name or output

#: State: its exit status for Nagios, its exit status otherwise (Docker reserves 2).
STATES = {"OK": (0, 0), "WARNING": (1, 0), "CRITICAL": (2, 1), "UNKNOWN": (3, 1)}

#: How a line begins that was made of a response.
WORDS = {"OK": "healthy", "WARNING": "degraded", "CRITICAL": "unhealthy",
         "UNKNOWN": "no health answer"}

#: What a JSON "status" says of a healthy service: this package's word, and those of
#: draft-inadarei-api-health-check-06, in any case.
HEALTHY = ("success", "pass", "warn", "ok", "up", "healthy")

HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):([^\x00-\x08\x0a-\x1f\x7f]*)\Z")
PORT_AT_END = re.compile(r":[^:@\]]+\Z")
URL_SAFE = "%/:=&?~+!$,;'@()*[]"

UNREADABLE = ("the URL's host or port cannot be read (a / or @ in its password is written %2F or "
              "%40)")

#: An argument that can be shown; any other may be a secret, as may what follows a = in one.
PLAIN_WORD = re.compile(r"(--)?[a-z][a-z-]{0,23}\Z")

DESCRIPTION = """Health checks of a Bottle service: serve runs a demonstration service, probe asks
a health route and exits with its status.
"""
EXAMPLES = """examples:
  bottle-healthcheck serve --port 8080
  bottle-healthcheck probe http://127.0.0.1:8080/healthcheck
"""
SERVE_DESCRIPTION = """Run a demonstration service with both routes, /healthcheck and
/environment, until Ctrl-C ends it.
"""
SERVE_EXAMPLES = """example:
  bottle-healthcheck serve --port 8081 --server waitress
"""
PROBE_DESCRIPTION = """Ask a health route, print its status in a line, and exit with 0 if it is
healthy or degraded (only checks that are not critical fail), else with 1.
"""
PROBE_EXAMPLES = """examples:
  bottle-healthcheck probe --timeout 5 --check database http://127.0.0.1:8080/healthcheck
  bottle-healthcheck probe --nagios --header "Authorization: Bearer ..." https://shop.example/health
"""

#: What a response comes to; lines are those of its checks.
_Finding = collections.namedtuple("_Finding", "state text perfdata lines")


class _UsageError(Exception):
    """Arguments that cannot be followed."""


class _Unreachable(Exception):
    """There was no response, and why."""


class _NoHealthAnswer(Exception):
    """There was a response that says nothing about health, and why."""


def main(argv=None):
    # type: (Optional[Sequence[str]]) -> int
    """Run the command line and return the exit status; argv is sys.argv[1:] where it is None."""
    if argv is None:
        argv = sys.argv[1:]
    arguments = list(argv)
    is_complete = arguments[:1] in (["-h"], ["--help"], ["--version"])
    names_command = bool(arguments) and not arguments[0].startswith("-")
    if not names_command and not is_complete:
        arguments.insert(0, "serve")  # Python 2.7's argparse cannot do without a sub-command
    try:
        _validate_command(arguments[0])
        options, unknown = _parser().parse_known_args(arguments)
        if unknown:
            raise _UsageError(_unknown_argument(unknown[0], options.known))
    except _UsageError as exc:
        return _complain(str(exc), arguments)
    return int(options.run(options))


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        # type: (str) -> NoReturn
        """Raises _UsageError for arguments that cannot be read."""
        raise _UsageError(message)  # argparse itself exits with 2: CRITICAL to Nagios


def _complain(message, arguments):
    # type: (str, List[str]) -> int
    """Print what is wrong with the arguments, and return the exit status."""
    message = six.ensure_str(_redaction.clean_output(_jsonable.text(message)))
    if any(len(one) > 2 and "--nagios".startswith(one) for one in arguments):
        _say(_nagios_line("UNKNOWN", "usage: " + message, []), sys.stdout)
        return STATES["UNKNOWN"][0]
    _say(_jsonable.one_line("bottle-healthcheck: " + message, LINE_LIMIT), sys.stderr)
    return STATES["UNKNOWN"][1]


def _validate_command(word):
    # type: (str) -> None
    """Raises _UsageError for a first word that is no command; argparse would show it whole."""
    if word in COMMANDS or word.startswith("-"):
        return
    if "://" in word:
        raise _UsageError("a URL stands where a command is expected: write bottle-healthcheck "
                          "probe URL")
    raise _UsageError(_unknown_word("command", word, COMMANDS))


def _unknown_argument(argument, known):
    # type: (str, List[str]) -> str
    """What is wrong with an argument, in words that show no secret."""
    if not argument.startswith("-"):
        return _unknown_word("argument", argument, []) + (": every option that has a value is "
                                                          "written --name VALUE, a value with "
                                                          "blanks in quotes")
    return _unknown_word("option", argument.partition("=")[0], known)


def _unknown_word(kind, word, known):
    # type: (str, str, Sequence[str]) -> str
    """Names an unknown word, if it is none that may be a secret, and the nearest known one."""
    if not PLAIN_WORD.match(word):
        return "unknown %s (not shown, it may be a secret)" % kind
    message = "unknown %s %s" % (kind, word)
    if not known:
        return message
    nearest = difflib.get_close_matches(word, known, 1)
    if nearest:
        return "%s: did you mean %s?" % (message, nearest[0])
    return "%s: expected one of %s" % (message, ", ".join(known))


def _version():
    # type: () -> str
    """The version, which the package names above this module."""
    return str(sys.modules[__name__.partition(".")[0]].__version__)


def _parser():
    # type: () -> argparse.ArgumentParser
    parser = _Parser(prog="bottle-healthcheck", description=DESCRIPTION, epilog=EXAMPLES,
                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--version", action="version", version="bottle-healthcheck " + _version(),
                        help="print the version and exit")
    commands = parser.add_subparsers(metavar="serve|probe")
    _add_serve(commands)
    _add_probe(commands)
    return parser


def _add_serve(commands):
    # type: (Any) -> None
    serve = commands.add_parser(
        "serve", help="run the demonstration service (the default)",
        description=SERVE_DESCRIPTION, epilog=SERVE_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    serve.add_argument("--host", default="127.0.0.1", help="where to listen, default %(default)s")
    serve.add_argument("--port", type=_port, default=8080,
                       help="0 to 65535, 0 for a free one, default %(default)s")
    serve.add_argument("--server", default="wsgiref", choices=sorted(bottle.server_names),
                       metavar="NAME", help="one of Bottle's servers, default %(default)s")
    serve.set_defaults(run=_serve, known=_option_names(serve))


def _add_probe(commands):
    # type: (Any) -> None
    probe = commands.add_parser(
        "probe", help="ask a health route", description=PROBE_DESCRIPTION, epilog=PROBE_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    probe.add_argument("url", metavar="URL", help="http:// or https://; redirects are not followed")
    probe.add_argument("--nagios", action="store_true", help="print performance data too; exit "
                       "with 0 OK, 1 WARNING (degraded), 2 CRITICAL (unhealthy), 3 UNKNOWN (no "
                       "health answer)")
    probe.add_argument("--timeout", type=_timeout, default=TIMEOUT, metavar="SECONDS",
                       help="for the whole exchange, default %(default)s")
    probe.add_argument("--check", action="append", default=[], metavar="NAME",
                       help="ask for this check only; may be repeated")
    probe.add_argument("--exclude", action="append", default=[], metavar="NAME",
                       help="ask for all checks but this one; may be repeated")
    probe.add_argument("--header", action="append", default=[], type=_header,
                       metavar="'NAME: VALUE'", help="send this header; may be repeated")
    printed = probe.add_mutually_exclusive_group()
    printed.add_argument("--verbose", action="store_true", help="print a line for each check too")
    printed.add_argument("--quiet", action="store_true", help="print nothing, only exit")
    probe.set_defaults(run=_probe, known=_option_names(probe))


def _option_names(parser):
    # type: (argparse.ArgumentParser) -> List[str]
    """The long options of a parser."""
    # Private, and the same on every Python; _get_option_tuples() and format_help() use it as well.
    return sorted(name for name in parser._option_string_actions  # pylint: disable=W0212
                  if name.startswith("--"))


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
    if isinstance(value, bytes):  # 2.7
        return name, value
    return name, value.encode("utf-8", "surrogateescape")


def _serve(options):
    # type: (argparse.Namespace) -> int
    """Run the demonstration service until it is interrupted."""
    from bottle_healthcheck import _demo
    return _demo.serve(options.host, options.port, options.server)


def _probe(options):
    # type: (argparse.Namespace) -> int
    """Ask the health route, print what it says and return the exit status."""
    started = monotonic()
    try:
        finding = _judge(_ask(options), options.check)
        words = WORDS[finding.state]
    except _NoHealthAnswer as exc:
        finding = _Finding("UNKNOWN", _jsonable.exception_line(exc), [], [])
        words = WORDS["UNKNOWN"]
    except Exception as exc:  # whatever the server sends: a line, not a traceback
        finding = _Finding("UNKNOWN", _jsonable.exception_line(exc), [], [])
        words = "unreachable"
    seconds = monotonic() - started
    for_nagios, otherwise = STATES[finding.state]
    lines = [_jsonable.one_line("%s: %s" % (words, finding.text), LINE_LIMIT)]
    if options.verbose:
        lines += finding.lines
    if options.nagios:
        perfdata = [("time", "%.3fs" % seconds)] + finding.perfdata
        lines[0] = _nagios_line(finding.state, lines[0], perfdata)
        lines[1:] = [line.replace(u"|", u"/") for line in lines[1:]]  # performance data follow it
    if not options.quiet:
        _say(u"\n".join(lines), sys.stdout)
    if options.nagios:
        return for_nagios
    return otherwise


def _ask(options):
    # type: (argparse.Namespace) -> _http_client.Response
    """The response of the health route."""
    url = _read_url(options.url, [("check", name) for name in options.check]
                    + [("exclude", name) for name in options.exclude])
    headers = {"Accept": "application/json, */*;q=0.5",
               "User-Agent": "bottle-healthcheck-probe"}  # type: Dict[str, Any]
    headers.update(options.header)
    deadline = _http_client.Deadline(options.timeout)
    try:
        return _http_client.get(url, headers, deadline, _http_client.resolve_in_thread)
    except socket.timeout:
        raise _Unreachable("no whole answer within %g s" % options.timeout)
    except _http_client.BodyTooLong as exc:
        raise _NoHealthAnswer("%s with a body over 1 MiB" % _answered(exc.status))
    except _http_client.BodyCutOff as exc:
        raise _NoHealthAnswer("%s with a body that is cut off" % _answered(exc.status))
    except http_client.HTTPException as exc:
        raise _Unreachable("no valid HTTP response: %s" % _jsonable.exception_line(exc))


def _read_url(text, fields):
    # type: (str, List[Tuple[str, str]]) -> _http_client.Url
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
        port = _http_client.default_port(is_tls)
    return _http_client.Url(is_tls, host, port, user, _path(parts, fields))


def _path(url, fields):
    # type: (parse.SplitResult, List[Tuple[str, str]]) -> str
    """What to ask the host for: the URL's path and query, and more fields of the query."""
    query = []
    if url.query:
        query.append(parse.quote(url.query, URL_SAFE))
    query += ["%s=%s" % (name, parse.quote(value, "")) for name, value in fields]
    path = parse.quote(url.path or "/", URL_SAFE)
    if query:
        path += "?" + "&".join(query)
    return path


def _judge(response, checks):
    # type: (_http_client.Response, List[str]) -> _Finding
    """What a response says: its JSON status together with its status code, or that alone.

    checks are the names that were asked for.
    """
    code, document = response.status, _document(response)
    if document is None:  # plain text
        return _judge_code(code, "")
    if _is_refusal(code, document):
        raise _NoHealthAnswer(_answered(code) + _error_in(document))
    if "status" in document:
        return _judge_report(code, document, checks)
    if _is_success(code):
        raise _NoHealthAnswer("%s with JSON that has no status" % _answered(code))
    return _judge_code(code, _error_in(document))


def _judge_code(code, error):
    # type: (int, Text) -> _Finding
    """What a status code says without a JSON status beside it."""
    if _is_success(code):
        return _Finding("OK", _answered(code), [], [])
    if code < 200 or 300 <= code < 400:
        raise _NoHealthAnswer("%s (redirects are not followed)" % _answered(code))
    return _Finding("CRITICAL", _answered(code) + error, [], [])


def _judge_report(code, document, checks):
    # type: (int, Dict[str, Any], List[str]) -> _Finding
    """What a JSON object with a status says."""
    status = _piece(document["status"])
    results = _results_in(document)
    failed = [one for one in results if one.get("passed") is not True]
    state = _state_of(code, status.lower(), failed)
    if state != "CRITICAL":  # a failure stays one: a draining service names no check
        _refuse_unnamed(code, document, checks)
    text = _answered(code) + _status_text(code, status) + _error_in(document)
    perfdata = []
    if results:
        text += ", " + _summary(state, results, failed)
        perfdata = [("checks", "%d" % len(results)), ("failed", "%d" % len(failed))]
    return _Finding(state, text, perfdata, [_check_line(one) for one in results])


def _is_refusal(code, document):
    # type: (int, Dict[str, Any]) -> bool
    """Whether the request was refused, as for an unknown check or a missing token."""
    return 400 <= code < 500 and "error" in document and "results" not in document


def _refuse_unnamed(code, document, checks):
    # type: (int, Dict[str, Any], List[str]) -> None
    """Raises _NoHealthAnswer where a response does not name a check that was asked for."""
    named = _names_in(document)
    for name in checks:
        asked_for = _jsonable.one_line(name)
        if asked_for not in named:
            raise _NoHealthAnswer("%s, and does not name the check %s"
                                  % (_answered(code), _piece(asked_for)))


def _names_in(document):
    # type: (Dict[str, Any]) -> Set[Any]
    """The names of the checks in this package's JSON, and in application/health+json."""
    names = set(_piece(one.get("checker"), None) for one in _results_in(document))
    checks = document.get("checks")
    if isinstance(checks, dict):
        names.update(key.partition(":")[0] for key in checks)
    return names


def _results_in(document):
    # type: (Dict[str, Any]) -> List[Dict[str, Any]]
    """The results of a JSON object, whatever it has under that name."""
    results = document.get("results")
    if not isinstance(results, list):
        return []
    return [one for one in results if isinstance(one, dict)]


def _status_text(code, status):
    # type: (int, Text) -> Text
    """A JSON status, as it fits to the status code before it."""
    if _is_success(code) == (status.lower() in HEALTHY):
        return ", status " + status
    return ", but its status is " + status


def _state_of(code, status, failed):
    # type: (int, Text, List[Any]) -> str
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
    # type: (Dict[str, Any]) -> Text
    """What is said of an error of the route's own, as of an unknown check."""
    if "error" not in document:
        return ""
    return ", error: " + _piece(document["error"])


def _document(response):
    # type: (_http_client.Response) -> Optional[Dict[str, Any]]
    """The JSON object that a body is; an empty one for a list, None for plain text."""
    text = response.body.decode("utf-8-sig", "replace").strip()
    if text.startswith("<"):
        raise _NoHealthAnswer("%s with a page" % _answered(response.status))
    try:
        document = json.loads(text, parse_int=_number)
    except (ValueError, RuntimeError):  # RuntimeError: nested too deeply
        if text.startswith("{"):
            raise _NoHealthAnswer("%s with broken JSON" % _answered(response.status))
        return None
    if isinstance(document, list):
        return {}
    if not isinstance(document, dict):
        return None
    return document


def _number(digits):
    # type: (str) -> float
    if len(digits) < 20:
        return int(digits)
    return float(digits)  # an int of 1 MiB takes seconds


def _summary(state, results, failed):
    # type: (str, List[Dict[str, Any]], List[Dict[str, Any]]) -> Text
    """How many checks passed, or which failed and why."""
    checks = "1 check" if len(results) == 1 else "%d checks" % len(results)
    if not failed:
        return "%s passed" % checks
    weight = " (not critical)" if state == "WARNING" else ""
    return "%d of %s failed%s: %s" % (len(failed), checks, weight, "; ".join(
        _named_output(one, PIECE_LIMIT) for one in failed[:LINE_LIMIT]))


def _check_line(result):
    # type: (Dict[str, Any]) -> Text
    """A check in a line, marked as in the format text."""
    mark = "-"
    if result.get("passed") is True:
        mark = "+"
    elif result.get("critical") is False:
        mark = "!"
    return _jsonable.one_line("[%s]%s" % (mark, _named_output(result, LINE_LIMIT)), LINE_LIMIT)


def _named_output(result, limit):
    # type: (Dict[str, Any], int) -> Text
    """A check's name and its output, which may begin with the name, or with what that ends with."""
    name = _piece(result.get("checker"))
    output = _piece(result.get("output"), limit)
    start, colon, rest = output.partition(": ")
    if colon and (start + " ").startswith(name + " "):
        return output
    if rest and name.endswith(" " + start):
        return "%s: %s" % (name, rest)
    return "%s: %s" % (name, output)


def _answered(code):
    # type: (int) -> str
    return "answered " + _http_client.status_text(code)


def _piece(value, limit=PIECE_LIMIT):
    # type: (Any, Optional[int]) -> Text
    """A value of the answer, cut."""
    if not isinstance(value, six.text_type):
        value = json.dumps(value)
    return _jsonable.one_line(value, limit)


def _nagios_line(state, text, perfdata):
    # type: (str, str, List[Tuple[str, str]]) -> str
    """A line of the Monitoring Plugins guidelines; all performance data are from 0 upwards."""
    line = u"HEALTHCHECK %s - %s" % (
        state, _jsonable.one_line(text, LINE_LIMIT).replace(u"|", u"/"))
    data = u" ".join(u"%s=%s;;;0" % pair for pair in perfdata)
    if data:
        line += u" | " + data
    return line


def _say(line, stream):
    # type: (Text, TextIO) -> None
    """Print a line, or several, with escapes for what the stream cannot show.

    If nobody reads it, or the disk is full, the exit status is still the right one.
    """
    encoding = getattr(stream, "encoding", None) or "ascii"
    try:
        print(line.encode(encoding, "backslashreplace").decode(encoding), file=stream)
        stream.flush()
    except EnvironmentError:
        # Python flushes once more at exit, and would exit with a status of its own.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
