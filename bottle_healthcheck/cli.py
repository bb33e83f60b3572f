# mypy: disable-error-code="import-untyped"
"""The command line: ``serve`` runs the demonstration, ``probe URL`` requests a health route."""
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

TIMEOUT = 5  # seconds; Nagios ends a plugin after 10
LONGEST_TIMEOUT = 3600  # seconds; much longer ones would overflow
LINE_LIMIT = 500  # characters; NRPE cuts at 1024 bytes, and the perfdata follow
PIECE_LIMIT = 100  # characters of one name or output
RESULT_LIMIT = 10000  # results of a response; more than this package's fit into 1 MiB

#: {state: (exit status for Nagios, exit status otherwise)}; Docker reserves 2.
STATES = {"OK": (0, 0), "WARNING": (1, 0), "CRITICAL": (2, 1), "UNKNOWN": (3, 1)}

#: The beginning of the line about a response.
WORDS = {"OK": "healthy", "WARNING": "degraded", "CRITICAL": "unhealthy",
         "UNKNOWN": "no health answer"}

#: Values of a JSON "status" that mean healthy, in any case: this package's, and those of
#: draft-inadarei-api-health-check-06.
HEALTHY = ("success", "pass", "warn", "ok", "up", "healthy")

HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):([^\x00-\x08\x0a-\x1f\x7f]*)\Z")
PORT_AT_END = re.compile(r":[^:@\]]+\Z")
URL_SAFE = "%/:=&?~+!$,;'@()*[]"

UNREADABLE = ("the URL's host or port cannot be read (a / or @ in its password is written %2F or "
              "%40)")

#: An argument that may be shown. Any other may be a secret, and so may a value after =.
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

#: What a response means: text for the first line, perfdata for Nagios, one of lines for each check.
_Finding = collections.namedtuple("_Finding", "state text perfdata lines")


class _UsageError(Exception):
    """Invalid arguments, and why."""


class _Unreachable(Exception):
    """There was no response; the message says why."""


class _NoHealthAnswer(Exception):
    """The response is not that of a health check; the message says why."""


def main(argv=None):
    # type: (Optional[Sequence[str]]) -> int
    """Run the command line and return the exit status; argv None means sys.argv[1:]."""
    if argv is None:
        argv = sys.argv[1:]
    arguments = list(argv)
    is_complete = arguments[:1] in (["-h"], ["--help"], ["--version"])
    names_command = bool(arguments) and not arguments[0].startswith("-")
    if not names_command and not is_complete:
        arguments.insert(0, "serve")  # on Python 2.7, argparse requires a sub-command
    try:
        _validate_command(arguments[0])
        options, unknown = _parser().parse_known_args(arguments)
        if unknown:
            raise _UsageError(_unknown_argument(unknown[0], options.known))
    except _UsageError as exc:
        return _report_usage_error(str(exc), arguments)
    return int(options.run(options))


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        # type: (str) -> NoReturn
        """Raises _UsageError."""
        raise _UsageError(message)  # argparse would exit with 2, which is CRITICAL to Nagios


def _report_usage_error(message, arguments):
    # type: (str, List[str]) -> int
    """Print what is wrong with the arguments, and return the exit status."""
    message = six.ensure_str(_redaction.clean_output(_jsonable.text(message)))
    if any(len(one) > 2 and "--nagios".startswith(one) for one in arguments):
        _print(_nagios_line("UNKNOWN", "usage: " + message, []), sys.stdout)
        return STATES["UNKNOWN"][0]
    _print(_jsonable.one_line("bottle-healthcheck: " + message, LINE_LIMIT), sys.stderr)
    return STATES["UNKNOWN"][1]


def _validate_command(word):
    # type: (str) -> None
    """Raises _UsageError for an unknown command, which argparse would show in full."""
    if word in COMMANDS or word.startswith("-"):
        return
    if "://" in word:
        raise _UsageError("a URL stands where a command is expected: write bottle-healthcheck "
                          "probe URL")
    raise _UsageError(_unknown_word("command", word, COMMANDS))


def _unknown_argument(argument, known):
    # type: (str, List[str]) -> str
    """A message about an unknown argument that shows no secret."""
    if not argument.startswith("-"):
        return _unknown_word("argument", argument, []) + (": every option that has a value is "
                                                          "written --name VALUE, a value with "
                                                          "blanks in quotes")
    return _unknown_word("option", argument.partition("=")[0], known)


def _unknown_word(kind, word, known):
    # type: (str, str, Sequence[str]) -> str
    """A message with the unknown word, unless it may be a secret, and the nearest known one."""
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
    """The package's version; importing it by name would be a circle."""
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
    """Run the demonstration service until it is interrupted; return the exit status."""
    from bottle_healthcheck import _demo
    return _demo.serve(options.host, options.port, options.server)


def _probe(options):
    # type: (argparse.Namespace) -> int
    """Request the health route, print the finding and return the exit status."""
    started = monotonic()
    try:
        finding = _interpret(_request(options), options.check)
        words = WORDS[finding.state]
    except _NoHealthAnswer as exc:
        finding = _Finding("UNKNOWN", _jsonable.exception_line(exc), [], [])
        words = WORDS["UNKNOWN"]
    except Exception as exc:  # whatever the server sends, print a line, not a traceback
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
        lines[1:] = [line.replace(u"|", u"/") for line in lines[1:]]  # perfdata follow a |
    if not options.quiet:
        _print(u"\n".join(lines), sys.stdout)
    if options.nagios:
        return for_nagios
    return otherwise


def _request(options):
    # type: (argparse.Namespace) -> _http_client.Response
    """The health route's response. Raises _Unreachable or _NoHealthAnswer."""
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
    """Parses the URL and adds fields to its query. Raises _Unreachable, without showing the URL."""
    try:
        parts = parse.urlsplit(text)
        user, _, server = parts.netloc.rpartition("@")
        host, port = parts.hostname or "", parts.port
        if server.startswith("["):
            host = "[%s]" % host  # urlsplit() accepts brackets around any host
        if host:
            host = _http_client.read_host(host)
    except ValueError:
        raise _Unreachable(UNREADABLE)
    if port is None and PORT_AT_END.search(server):  # on 2.7 the port is None if it is out of range
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
    """The target of the request: the URL's path and query with more fields."""
    query = []
    if url.query:
        query.append(parse.quote(url.query, URL_SAFE))
    query += ["%s=%s" % (name, parse.quote(value, "")) for name, value in fields]
    path = parse.quote(url.path or "/", URL_SAFE)
    if query:
        path += "?" + "&".join(query)
    return path


def _interpret(response, checks):
    # type: (_http_client.Response, List[str]) -> _Finding
    """What a response means, by its status code and, if it has one, its JSON status.

    checks are the names of the checks that were requested. Raises _NoHealthAnswer.
    """
    code, document = response.status, _document(response)
    if document is None:  # plain text
        return _interpret_code(code, "")
    if _is_refusal(code, document):
        raise _NoHealthAnswer(_answered(code) + _error_in(document))
    if "status" in document:
        return _interpret_report(code, document, checks)
    if _is_success(code):
        raise _NoHealthAnswer("%s with JSON that has no status" % _answered(code))
    return _interpret_code(code, _error_in(document))


def _interpret_code(code, error):
    # type: (int, Text) -> _Finding
    """What a response without a JSON status means."""
    if _is_success(code):
        return _Finding("OK", _answered(code), [], [])
    if code < 200 or 300 <= code < 400:
        raise _NoHealthAnswer("%s (redirects are not followed)" % _answered(code))
    return _Finding("CRITICAL", _answered(code) + error, [], [])


def _interpret_report(code, document, checks):
    # type: (int, Dict[str, Any], List[str]) -> _Finding
    """What a response with a JSON status means."""
    status = _one_line(document["status"])
    results = _results_in(document)
    if len(results) > RESULT_LIMIT:
        raise _NoHealthAnswer("%s with over %d results" % (_answered(code), RESULT_LIMIT))
    failed = [one for one in results if one.get("passed") is not True]
    state = _state_of(code, status.lower(), failed)
    if state != "CRITICAL":  # a draining service reports failure without naming checks
        _refuse_unnamed(code, document, checks)
    text = _answered(code) + _status_text(code, status) + _error_in(document)
    perfdata = []
    if results:
        text += ", " + _summary(state, results, failed)
        perfdata = [("checks", "%d" % len(results)), ("failed", "%d" % len(failed))]
    return _Finding(state, text, perfdata, [_check_line(one) for one in results])


def _is_refusal(code, document):
    # type: (int, Dict[str, Any]) -> bool
    """Whether the request was refused, for example for an unknown check or a missing token."""
    return 400 <= code < 500 and "error" in document and "results" not in document


def _refuse_unnamed(code, document, checks):
    # type: (int, Dict[str, Any], List[str]) -> None
    """Raises _NoHealthAnswer if the response does not name a check that was requested."""
    named = _names_in(document)
    for name in checks:
        requested = _jsonable.one_line(name)
        if requested not in named:
            raise _NoHealthAnswer("%s, and does not name the check %s"
                                  % (_answered(code), _one_line(requested)))


def _names_in(document):
    # type: (Dict[str, Any]) -> Set[Any]
    """The names of the checks in this package's JSON, and in application/health+json."""
    names = set(_one_line(one.get("checker"), None) for one in _results_in(document))
    checks = document.get("checks")
    if isinstance(checks, dict):
        names.update(key.partition(":")[0] for key in checks)
    return names


def _results_in(document):
    # type: (Dict[str, Any]) -> List[Dict[str, Any]]
    """The results in a JSON object; [] if they are not a list of objects."""
    results = document.get("results")
    if not isinstance(results, list):
        return []
    return [one for one in results if isinstance(one, dict)]


def _status_text(code, status):
    # type: (int, Text) -> Text
    """The JSON status in words that follow the status code, and say if the two disagree."""
    if _is_success(code) == (status.lower() in HEALTHY):
        return ", status " + status
    return ", but its status is " + status


def _state_of(code, status, failed):
    # type: (int, Text, List[Any]) -> str
    """The state by the status code, the JSON status in lower case and the failed checks."""
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
    """The error that the route reports, for example an unknown check; "" if there is none."""
    if "error" not in document:
        return ""
    return ", error: " + _one_line(document["error"])


def _document(response):
    # type: (_http_client.Response) -> Optional[Dict[str, Any]]
    """The body as a JSON object; {} for a list, None for plain text. Raises _NoHealthAnswer."""
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
    return float(digits)  # int() of 1 MiB would take seconds


def _summary(state, results, failed):
    # type: (str, List[Dict[str, Any]], List[Dict[str, Any]]) -> Text
    """How many checks passed, or which ones failed and why."""
    checks = "1 check" if len(results) == 1 else "%d checks" % len(results)
    if not failed:
        return "%s passed" % checks
    weight = " (not critical)" if state == "WARNING" else ""
    return "%d of %s failed%s: %s" % (len(failed), checks, weight, "; ".join(
        _named_output(one, PIECE_LIMIT) for one in failed[:LINE_LIMIT]))


def _check_line(result):
    # type: (Dict[str, Any]) -> Text
    """A line about a check, marked as in the text format."""
    mark = "-"
    if result.get("passed") is True:
        mark = "+"
    elif result.get("critical") is False:
        mark = "!"
    return _jsonable.one_line("[%s]%s" % (mark, _named_output(result, LINE_LIMIT)), LINE_LIMIT)


def _named_output(result, limit):
    # type: (Dict[str, Any], int) -> Text
    """A check's name and output, without repeating the name if the output begins with it."""
    name = _one_line(result.get("checker"))
    output = _one_line(result.get("output"), limit)
    start, colon, rest = output.partition(": ")
    if colon and (start + " ").startswith(name + " "):
        return output
    if rest and name.endswith(" " + start):
        return "%s: %s" % (name, rest)
    return "%s: %s" % (name, output)


def _answered(code):
    # type: (int) -> str
    return "answered " + _http_client.status_text(code)


def _one_line(value, limit=PIECE_LIMIT):
    # type: (Any, Optional[int]) -> Text
    """A value of the response in one line, of at most limit characters."""
    if not isinstance(value, six.text_type):
        value = json.dumps(value)
    return _jsonable.one_line(value, limit)


def _nagios_line(state, text, perfdata):
    # type: (str, str, List[Tuple[str, str]]) -> str
    """A line as the Monitoring Plugins guidelines want it; 0 is the minimum of all perfdata."""
    line = u"HEALTHCHECK %s - %s" % (
        state, _jsonable.one_line(text, LINE_LIMIT).replace(u"|", u"/"))
    data = u" ".join(u"%s=%s;;;0" % pair for pair in perfdata)
    if data:
        line += u" | " + data
    return line


def _print(text, stream):
    # type: (Text, TextIO) -> None
    """Print text, with escapes for characters that the stream cannot encode.

    An error of the stream is ignored: the exit status has to be right even if the disk is full.
    """
    encoding = getattr(stream, "encoding", None) or "ascii"
    try:
        print(text.encode(encoding, "backslashreplace").decode(encoding), file=stream)
        stream.flush()
    except EnvironmentError:
        # Python flushes again at exit, and would exit with another status.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
