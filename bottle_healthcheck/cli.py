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
import threading

import bottle
import six
from six.moves import http_client
from six.moves.urllib import parse

from bottle_healthcheck import _http_client, _jsonable, _redaction
from bottle_healthcheck._compat import monotonic

MYPY = False
if MYPY:
    from typing import Any, Dict, List, NoReturn, Optional, Sequence, Text, TextIO, Tuple

TIMEOUT = 5  # seconds; Nagios ends a plugin after 10
LONGEST_TIMEOUT = 3600  # seconds; much longer ones would overflow
GRACE = 0.1  # seconds; all but the look-up of a name ends by itself
LINE_LIMIT = 500  # characters; NRPE cuts at 1024 bytes, and the perfdata follow
PIECE_LIMIT = 100  # characters of one name or output
RESULT_LIMIT = 10000  # results of a response; more than this package's fit into 1 MiB

#: {state: (exit status for Nagios, exit status otherwise)}; Docker reserves 2.
STATES = {"OK": (0, 0), "WARNING": (1, 0), "CRITICAL": (2, 1), "UNKNOWN": (3, 1)}

#: The beginning of the line about a health response.
WORDS = {"OK": "healthy", "WARNING": "degraded", "CRITICAL": "unhealthy"}

#: Values of a JSON "status" that mean healthy, in any case: this package's, and those of
#: draft-inadarei-api-health-check-06.
HEALTHY = ("success", "pass", "warn", "ok", "up", "healthy")

HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):([^\x00-\x08\x0a-\x1f\x7f]*)\Z")
URL_SAFE = "%/:=&?~+!$,;'@()*[]"

#: An argument that may be shown. Any other may be a secret, and so may a value after =.
PLAIN_WORD = re.compile(r"(--)?[a-z][a-z-]{0,23}\Z")

SERVE_DESCRIPTION = """Run a demonstration service with both routes, /healthcheck and
/environment, until Ctrl-C ends it. The command probe asks a health route instead, see
bottle-healthcheck probe --help.
"""
SERVE_EXAMPLES = """examples:
  bottle-healthcheck serve --port 8080
  bottle-healthcheck serve --port 8081 --server waitress
  bottle-healthcheck probe http://127.0.0.1:8080/healthcheck
"""
PROBE_DESCRIPTION = """Ask a health route, print its status in a line, and exit with 0 if it is
healthy or degraded (only checks that are not critical fail), else with 1.
"""
PROBE_EXAMPLES = """examples:
  bottle-healthcheck probe --timeout 5 --check database http://127.0.0.1:8080/healthcheck
  bottle-healthcheck probe --nagios --header "Authorization: Bearer ..." https://shop.example/health
"""

#: What the probe found: the text of its line, and the results in the response, all and failed.
_Finding = collections.namedtuple("_Finding", "state text results failed")


class _UsageError(Exception):
    """Invalid arguments, and why."""


def main(argv=None):
    # type: (Optional[Sequence[str]]) -> int
    """Run the command line and return the exit status; argv None means sys.argv[1:]."""
    if argv is None:
        argv = sys.argv[1:]
    try:
        options = _parse(list(argv))
    except _UsageError as exc:
        return _report_usage_error(str(exc), argv)
    return int(options.run(options))


# Arguments

class _Parser(argparse.ArgumentParser):
    def error(self, message):
        # type: (str) -> NoReturn
        """Raises _UsageError."""
        raise _UsageError(message)  # argparse would exit with 2, which is CRITICAL to Nagios


def _parse(arguments):
    # type: (List[str]) -> argparse.Namespace
    """The options of a command, by default of serve. Raises _UsageError, which shows no secret."""
    command = "serve"
    if arguments and not arguments[0].startswith("-"):
        command = arguments.pop(0)
    if command == "serve":
        parser = _serve_parser()
    elif command == "probe":
        parser = _probe_parser()
    elif "://" in command:
        raise _UsageError("a URL stands where a command is expected: write bottle-healthcheck "
                          "probe URL")
    else:
        raise _UsageError(_unknown_word("command", command, ["serve", "probe"]))
    options, unknown = parser.parse_known_args(arguments)
    if not unknown:
        return options
    if unknown[0].startswith("-"):
        known = sorted(set(re.findall("--[a-z]+", parser.format_help())))
        raise _UsageError(_unknown_word("option", unknown[0].partition("=")[0], known))
    raise _UsageError(_unknown_word("argument", unknown[0], []) + ": every option that has a value "
                      "is written --name VALUE, a value with blanks in quotes")


def _unknown_word(kind, word, known):
    # type: (str, str, List[str]) -> str
    """A message with the unknown word, unless it may be a secret, and the nearest known one."""
    if not PLAIN_WORD.match(word):
        return "unknown %s (not shown, it may be a secret)" % kind
    message = "unknown %s %s" % (kind, word)
    nearest = difflib.get_close_matches(word, known, 1)
    if nearest:
        return "%s: did you mean %s?" % (message, nearest[0])
    if known:
        return "%s: expected one of %s" % (message, ", ".join(known))
    return message


def _report_usage_error(message, arguments):
    # type: (str, Sequence[str]) -> int
    """Print what is wrong with the arguments, and return the exit status."""
    message = _redaction.clean_output(_jsonable.text(message))
    message = _jsonable.one_line(message, LINE_LIMIT)
    for_nagios, status = STATES["UNKNOWN"]
    if any(len(one) > 2 and "--nagios".startswith(one) for one in arguments):
        _print(u"HEALTHCHECK UNKNOWN - usage: " + message.replace(u"|", u"/"), sys.stdout)
        return for_nagios
    _print(u"bottle-healthcheck: " + message, sys.stderr)
    return status


def _serve_parser():
    # type: () -> argparse.ArgumentParser
    version = sys.modules[__name__.partition(".")[0]].__version__  # its import would be a circle
    parser = _Parser(prog="bottle-healthcheck [serve]", description=SERVE_DESCRIPTION,
                     epilog=SERVE_EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--version", action="version", version="bottle-healthcheck " + version,
                        help="print the version and exit")
    parser.add_argument("--host", default="127.0.0.1", help="where to listen, default %(default)s")
    parser.add_argument("--port", type=_port, default=8080,
                        help="0 to 65535, 0 for a free one, default %(default)s")
    parser.add_argument("--server", default="wsgiref", choices=sorted(bottle.server_names),
                        metavar="NAME", help="one of Bottle's servers, default %(default)s")
    parser.set_defaults(run=_serve)
    return parser


def _probe_parser():
    # type: () -> argparse.ArgumentParser
    parser = _Parser(prog="bottle-healthcheck probe", description=PROBE_DESCRIPTION,
                     epilog=PROBE_EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", metavar="URL", help="http:// or https://; redirects are not "
                        "followed")
    parser.add_argument("--nagios", action="store_true", help="print performance data too; exit "
                        "with 0 OK, 1 WARNING (degraded), 2 CRITICAL (unhealthy), 3 UNKNOWN (no "
                        "health answer)")
    parser.add_argument("--timeout", type=_timeout, default=TIMEOUT, metavar="SECONDS",
                        help="for the whole exchange, default %(default)s")
    parser.add_argument("--check", action="append", default=[], metavar="NAME",
                        help="ask for this check only; may be repeated")
    parser.add_argument("--exclude", action="append", default=[], metavar="NAME",
                        help="ask for all checks but this one; may be repeated")
    parser.add_argument("--header", action="append", default=[], type=_header,
                        metavar="'NAME: VALUE'", help="send this header; may be repeated")
    printed = parser.add_mutually_exclusive_group()
    printed.add_argument("--verbose", action="store_true", help="print a line for each check too")
    printed.add_argument("--quiet", action="store_true", help="print nothing, only exit")
    parser.set_defaults(run=_probe)
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
    value = six.ensure_binary(match.group(2).strip(), "utf-8", "surrogateescape")
    return match.group(1).title(), value


def _serve(options):
    # type: (argparse.Namespace) -> int
    """Run the demonstration service until it is interrupted; return the exit status."""
    from bottle_healthcheck import _demo
    return _demo.serve(options.host, options.port, options.server)


# The probe

def _probe(options):
    # type: (argparse.Namespace) -> int
    """Request the health route, print the finding and return the exit status."""
    started = monotonic()
    finding = _find_in_time(options)
    seconds = monotonic() - started
    lines = [_jsonable.one_line(finding.text, LINE_LIMIT)]
    if options.verbose:
        lines += [_check_line(one) for one in finding.results]
    for_nagios, status = STATES[finding.state]
    if options.nagios:
        status = for_nagios
        lines = [line.replace(u"|", u"/") for line in lines]  # perfdata follow a |
        lines[0] = u"HEALTHCHECK %s - %s | time=%.3fs;;;0" % (finding.state, lines[0], seconds)
        if finding.results:
            lines[0] += u" checks=%d;;;0 failed=%d;;;0" % (
                len(finding.results), len(finding.failed))
    if not options.quiet:
        _print(u"\n".join(lines), sys.stdout)
    return status


def _find_in_time(options):
    # type: (argparse.Namespace) -> _Finding
    """What _find() returns, in a thread: nothing else can end the look-up of a name."""
    findings = []  # type: List[_Finding]
    thread = threading.Thread(target=lambda: findings.append(_find(options)))
    thread.daemon = True
    thread.start()
    thread.join(options.timeout + GRACE)
    if findings:
        return findings[0]
    return _unknown("unreachable: no whole answer within %g s" % options.timeout)


def _find(options):
    # type: (argparse.Namespace) -> _Finding
    """Request the health route and interpret the response; whatever is sent, nothing is raised."""
    headers = {"Accept": "application/json, */*;q=0.5",
               "User-Agent": "bottle-healthcheck-probe"}  # type: Dict[str, Any]
    headers.update(options.header)
    deadline = _http_client.Deadline(options.timeout)
    try:
        return _interpret(_http_client.get(_url_of(options), headers, deadline), options.check)
    except socket.timeout:
        return _unknown("unreachable: no whole answer within %g s" % options.timeout)
    except _http_client.BodyError as exc:
        return _unknown("no health answer: answered %s with a body %s"
                        % (_http_client.status_text(exc.status), exc.problem))
    except http_client.HTTPException as exc:
        return _unknown(u"unreachable: no valid HTTP response: " + _jsonable.exception_line(exc))
    except Exception as exc:
        return _unknown(u"unreachable: " + _jsonable.exception_line(exc))


def _unknown(text):
    # type: (Text) -> _Finding
    return _Finding("UNKNOWN", text, [], [])


def _url_of(options):
    # type: (argparse.Namespace) -> _http_client.Url
    """The URL, with the names of checks in its query. Raises ValueError that does not show it."""
    url = _http_client.read_url(options.url)
    path, _, query = parse.quote(url.target, URL_SAFE).partition("?")
    fields = [query] if query else []
    fields += ["check=" + parse.quote(name, "") for name in options.check]
    fields += ["exclude=" + parse.quote(name, "") for name in options.exclude]
    if fields:
        path += "?" + "&".join(fields)
    return url._replace(target=path)


def _interpret(response, checks):
    # type: (_http_client.Response, List[str]) -> _Finding
    """What a response means, by its status code and, if it has one, its JSON status.

    checks are the names of the checks that were requested.
    """
    code = response.status
    answered = u"answered " + _http_client.status_text(code)
    no_health = u"no health answer: " + answered
    text = response.body.decode("utf-8-sig", "replace").strip()
    if text.startswith(u"<"):
        return _unknown(no_health + u" with a page")
    try:
        document = json.loads(text, parse_int=_number)
    except (ValueError, RuntimeError):  # RuntimeError: nested too deeply
        if text.startswith(u"{"):
            return _unknown(no_health + u" with broken JSON")
        document = None
    error = u""
    if isinstance(document, dict):
        if "error" in document:
            error = u", error: " + _one_line(document["error"])
        if error and 400 <= code < 500 and "results" not in document:  # the request was refused
            return _unknown(no_health + error)
        if "status" in document:
            return _interpret_report(code, document, answered, error, checks)
    if 200 <= code < 300 and isinstance(document, (dict, list)):
        return _unknown(no_health + u" with JSON that has no status")
    return _interpret_code(code, answered, error)


def _interpret_code(code, answered, error):
    # type: (int, Text, Text) -> _Finding
    """What a response without a JSON status means; answered and error are for the line."""
    if 200 <= code < 300:
        return _Finding("OK", u"healthy: " + answered, [], [])
    if code < 200 or 300 <= code < 400:
        return _unknown(u"no health answer: " + answered + u" (redirects are not followed)")
    return _Finding("CRITICAL", u"unhealthy: " + answered + error, [], [])


def _interpret_report(code, document, answered, error, checks):
    # type: (int, Dict[str, Any], Text, Text, List[str]) -> _Finding
    """What a response with a JSON status means; answered and error are for the line."""
    results = document.get("results")
    if not isinstance(results, list):
        results = []
    results = [one for one in results if isinstance(one, dict)]
    if len(results) > RESULT_LIMIT:
        return _unknown("no health answer: %s with over %d results" % (answered, RESULT_LIMIT))
    failed = [one for one in results if one.get("passed") is not True]
    status = _one_line(document["status"])
    is_success = 200 <= code < 300
    is_healthy = status.lower() in HEALTHY
    state = "OK"
    if not is_success or not is_healthy:
        state = "CRITICAL"
    elif failed or status.lower() == "warn":
        state = "WARNING"
    unnamed = _unnamed(checks, results, document.get("checks"))
    if unnamed and state != "CRITICAL":  # a draining service reports failure without naming checks
        return _unknown(u"no health answer: %s, and does not name the check %s"
                        % (answered, _one_line(unnamed[0])))
    words = ", status "
    if is_success != is_healthy:
        words = ", but its status is "
    text = u"%s: %s%s%s%s" % (WORDS[state], answered, words, status, error)
    if results:
        text += ", " + _summary(state, results, failed)
    return _Finding(state, text, results, failed)


def _unnamed(checks, results, health_json):
    # type: (List[str], List[Dict[str, Any]], Any) -> List[Text]
    """The requested checks that neither the results nor application/health+json name."""
    names = set(_one_line(one.get("checker"), None) for one in results)
    if isinstance(health_json, dict):
        names.update(key.partition(":")[0] for key in health_json)
    requested = [_jsonable.one_line(name) for name in checks]
    return [name for name in requested if name not in names]


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
    """A check's name and output, without the end of the name if the output begins with it."""
    name = _one_line(result.get("checker"))
    output = _one_line(result.get("output"), limit)
    start, _, rest = output.partition(": ")
    if rest and (" " + name).endswith(" " + start):
        output = rest
    return "%s: %s" % (name, output)


def _one_line(value, limit=PIECE_LIMIT):
    # type: (Any, Optional[int]) -> Text
    """A value of the response in one line, of at most limit characters."""
    if not isinstance(value, six.text_type):
        value = json.dumps(value)
    return _jsonable.one_line(value, limit)


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
