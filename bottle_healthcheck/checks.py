"""Ready-made checks: each function here returns a check, a callable that returns (passed, output).

The checks report errors in their output instead of raising them, and name their target in it. tcp,
http and certificate open a connection themselves and end within their timeout, in seconds, however
slowly the peer responds; only name resolution takes as long as the system allows. sql, redis and
memcached use a client of yours and take as long as it waits: configure its timeouts, and use
`add_check(timeout=...)` for the rest. All raise TypeError or ValueError for an invalid argument.
"""
import contextlib
import math
import os
import re
import shutil
import ssl
import time
from timeit import default_timer

import six
from six.moves import http_client

from bottle_healthcheck import _compat, _http_client, _jsonable, _redaction
from bottle_healthcheck._validation import (
    mark_factory, name_of, validate_codes, validate_min_free, validate_number, validate_path,
    validate_port, validate_text, wrong_type)

MYPY = False
if MYPY:
    from typing import Any, Callable, Collection, List, Tuple, Union

    from bottle_healthcheck._types import Engine, RedisClient
    Check = Callable[[], Tuple[bool, str]]

_VISIBLE_ASCII = re.compile(r"[!-~]*\Z")
_ESCAPES_EXPECTED = ("url: expected http://host/path or https://host/path, without fragment, and "
                     "with everything beside the host that is not ASCII, and every @ after the "
                     "host, %-escaped")
_LONGEST_TIMEOUT = 3600  # seconds
SECONDS_OF_DAY = 86400.0


def tcp(host, port, timeout=5):
    # type: (str, int, float) -> Check
    """Passes if host accepts a connection; the kernel does that for a process that hangs, too."""
    address, shown = _validate_address(host, port)
    validate_number("timeout", timeout, 0.001, _LONGEST_TIMEOUT, "seconds")

    def probe():
        # type: () -> Tuple[bool, str]
        with _http_client.connected(address, port, _http_client.Deadline(timeout)):
            return True, "connected"
    return _check("tcp", shown, probe)


def http(url, status=range(200, 300), timeout=5):
    # type: (str, Union[int, Collection[int]], float) -> Check
    """Passes if a GET of url gets a complete response of at most 1 MiB with (one of) status.

    Redirects are not followed and proxies are not used. A user and password in the URL are sent as
    basic authentication. They and the query are never shown, the path is. https verifies the
    certificate as `certificate` does.
    """
    target, shown = _validate_url(url)
    codes = validate_codes(status)
    validate_number("timeout", timeout, 0.001, _LONGEST_TIMEOUT, "seconds")
    headers = {"User-Agent": "bottle-healthcheck"}

    def probe():
        # type: () -> Tuple[bool, str]
        try:
            response = _http_client.get(target, headers, _http_client.Deadline(timeout))
        except http_client.HTTPException as exc:  # its message may be our request, echoed
            return False, "no valid HTTP response (%s)" % type(exc).__name__
        answered = _http_client.status_text(response.status)
        if response.status in codes:
            return True, answered
        return False, "%s, expected %s" % (answered, _list_of(codes))
    return _check("", shown, probe)


def certificate(host, port, min_days, timeout=5):
    # type: (str, int, float, float) -> Check
    """Passes if host's TLS certificate is trusted, is for host, and is valid for min_days more.

    On Python 3.10 and newer the certificates of its issuers must be valid for as long. The system's
    authorities are trusted; add a private authority there, or set the environment variable
    SSL_CERT_FILE, which OpenSSL reads, to a file of certificates.
    """
    address, shown = _validate_address(host, port)
    validate_number("min_days", min_days, 0, 36500, "days")
    validate_number("timeout", timeout, 0.001, _LONGEST_TIMEOUT, "seconds")

    def probe():
        # type: () -> Tuple[bool, str]
        deadline = _http_client.Deadline(timeout)
        with _http_client.connected(address, port, deadline, tls=True) as sock:
            chain = _certificate_chain(sock)
        ends = [ssl.cert_time_to_seconds(one["notAfter"]) for one in chain]
        end = min(ends)
        first = chain[ends.index(end)]
        days = (end - time.time()) / SECONDS_OF_DAY
        left = "%.1f" % days
        if days < min_days:
            left = _beyond(min_days, days, 1)
        text = "expires in %s days (%s)" % (left, time.strftime("%Y-%m-%d", time.gmtime(end)))
        if first is not chain[0]:
            text = "its issuer %s %s" % (_common_name(first), text)
        if days >= min_days:
            return True, text
        return False, "%s, expected at least %.10g" % (text, min_days)
    return _check("certificate", shown, probe)


def sql(connect_or_engine, query="SELECT 1"):
    # type: (Union[Callable[[], Any], Engine], str) -> Check
    """Passes if query returns a row, and shows its first column ("SHOW server_version").

    connect_or_engine is a callable that returns a new DB-API connection, which the check closes, or
    an SQLAlchemy engine, whose pool is used: create it with pool_pre_ping=True, or the check fails
    after a restart of the server until the pool has noticed. The check is named after either.
    """
    connect = getattr(connect_or_engine, "raw_connection", connect_or_engine)
    if not callable(connect) or hasattr(connect, "cursor"):
        raise wrong_type("connect_or_engine", connect_or_engine, "a callable that returns a new "
                         "connection, such as lambda: sqlite3.connect(path), or an SQLAlchemy "
                         "engine")
    if not _compat.takes_no_arguments(connect):
        raise TypeError("connect_or_engine is %s, which needs arguments, expected a callable "
                        "without: bind them, as in lambda: sqlite3.connect(path)"
                        % name_of(connect))
    validate_text("query", query)

    def probe():
        # type: () -> Tuple[bool, str]
        with contextlib.closing(connect()) as connection:
            with contextlib.closing(connection.cursor()) as cursor:
                cursor.execute(query)
                row = cursor.fetchone()
        if row is None:
            return False, "%s: no row" % query
        if hasattr(row, "values"):  # a dictionary with some drivers
            row = list(row.values())
        return True, "%s: %s" % (query, row[0])
    return _check("sql", _sql_target(connect_or_engine), probe)


def redis(client):
    # type: (RedisClient) -> Check
    """Passes if the server of a redis.Redis answers PING; shows its version if INFO is allowed.

    Newer clients call a server that does not respond several times, far beyond their timeout,
    unless they are created with `retry=None`.
    """
    if not hasattr(client, "ping") or not hasattr(client, "info"):
        raise wrong_type("client", client, "one with ping() and info(), such as redis.Redis() or "
                         "redis.Redis.from_url(url)")
    if hasattr(type(client), "__aenter__"):
        raise wrong_type("client", client, "one that is not asynchronous, such as redis.Redis()")

    def probe():
        # type: () -> Tuple[bool, str]
        answer = client.ping()
        if answer is False or hasattr(answer, "__await__"):
            return False, "PING was not answered with PONG"
        try:
            return True, "Redis %s" % client.info("server")["redis_version"]
        except Exception:  # many users may send PING but not INFO, which counts as dangerous
            return True, "PONG"
    return _check("redis", _redis_target(client), probe)


def memcached(client):
    # type: (Any) -> Check
    """Passes if every server of a pymemcache, pylibmc or python-memcached client responds."""
    if not any(hasattr(client, one) for one in ("version", "clients", "get_stats")):
        raise wrong_type("client", client, "one of pymemcache, pylibmc or python-memcached")

    def probe():
        # type: () -> Tuple[bool, str]
        versions, servers = _memcached_versions(client), _memcached_servers(client)
        if len(versions) < max(1, len(servers)):
            return False, "%d of %d servers answered" % (len(versions), len(servers))
        return True, "memcached " + ", ".join(six.ensure_str(one) for one in versions)
    return _check("memcached", ", ".join(_memcached_servers(client)), probe)


def disk(path, min_free="5%"):
    # type: (Any, Union[int, str]) -> Check
    """Passes if path's file system has min_free left for this user: "5%" of it, or bytes."""
    path = validate_path(path)
    is_share = isinstance(min_free, six.string_types)
    least = validate_min_free(min_free)
    expected = "%d bytes" % least
    if is_share:
        expected = "%s %%" % str(min_free)[:-1]

    def probe():
        # type: () -> Tuple[bool, str]
        total, free = _disk_usage(path)
        measured = share = 100.0 * free / max(total, 1)
        if not is_share:
            measured = free
        passed = measured >= least
        shown = "%.1f" % share
        if is_share and not passed:
            shown = _beyond(least, share, 1)
        text = "%d MB (%s %%) free of %d MB" % (free // 10 ** 6, shown, total // 10 ** 6)
        if passed:
            return True, text
        return False, "%s, expected at least %s" % (text, expected)
    return _check("disk", path, probe, timed=False)


def heartbeat(path, max_age):
    # type: (Any, float) -> Check
    """Passes if the file at path, which a job touches, was modified at most max_age seconds ago.

    A time that far in the future fails too: the file would look fresh long after the job has died.
    """
    path = validate_path(path)
    validate_number("max_age", max_age, 0.001, 10 ** 9, "seconds")

    def probe():
        # type: () -> Tuple[bool, str]
        age = time.time() - os.stat(path).st_mtime
        text = "touched %s s ago"
        if age < 0:
            text = "touched %s s in the future"
        if abs(age) <= max_age:
            return True, text % ("%.0f" % abs(age))
        shown = _beyond(max_age, abs(age), 0)
        return False, "%s, expected at most %.10g s" % (text % shown, max_age)
    return _check("heartbeat", path, probe, timed=False)


for _factory, _call in ((tcp, "checks.tcp(host, port)"), (http, "checks.http(url)"),
                        (certificate, "checks.certificate(host, port, min_days)"),
                        (sql, "checks.sql(connect)"), (redis, "checks.redis(client)"),
                        (memcached, "checks.memcached(client)"), (disk, "checks.disk(path)"),
                        (heartbeat, "checks.heartbeat(path, max_age)")):
    mark_factory(_factory, _call)


def _check(kind, target, probe, timed=True):
    # type: (str, str, Check, bool) -> Check
    """A check, named after kind and target, that returns what probe() returns, or its error.

    The output of a failure contains the target, as the check may be registered under another name.
    """
    # Names are shown unmasked, and a URL's path or a client's address may contain a token.
    name = _redaction.clean_output(_jsonable.text(" ".join((kind, target)).strip()))
    shown_target = _redaction.clean_output(_jsonable.text(target))
    if target == "<lambda>":  # no name at all
        shown_target = ""

    def check():
        # type: () -> Tuple[bool, str]
        started = default_timer()
        try:
            passed, output = probe()
        except Exception as exc:
            passed, output = False, _jsonable.exception_line(exc)
        if timed:
            output += " (%.1f ms)" % ((default_timer() - started) * 1000)
        if not passed and shown_target not in output:
            output = "%s: %s" % (shown_target, output)
        return passed, output
    check.__name__ = six.ensure_str(name)
    return check


def _beyond(limit, value, decimals):
    # type: (float, float, int) -> str
    """A value beyond its limit, with one more decimal if rounding would hide that."""
    shown = "%.*f" % (decimals, value)
    if (float(shown) - limit) * (value - limit) > 0:
        return shown
    scale = 10.0 ** (decimals + 1)
    rounded = math.ceil(value * scale)
    if value < limit:
        rounded = math.floor(value * scale)
    return "%.*f" % (decimals + 1, rounded / scale)


# Certificates

def _certificate_chain(sock):
    # type: (Any) -> List[Any]
    """The server's certificate and, where Python shows them, those of its issuers."""
    # New in 3.10; the public method of 3.13 returns bytes, which nothing in Python parses.
    chain_of = getattr(getattr(sock, "_sslobj", None), "get_verified_chain", None)
    chain = []  # type: List[Any]
    if chain_of is not None:
        chain = [one.get_info() for one in chain_of() or ()]
    return chain or [sock.getpeercert()]


def _common_name(certificate_info):
    # type: (Any) -> str
    """The common name in a certificate's subject, or the last of its other names."""
    names = [pair for pairs in certificate_info.get("subject", ()) for pair in pairs]
    names = [(None, "without a name")] + names
    return str(dict(names).get("commonName") or names[-1][1])


# Targets of users' clients

def _sql_target(connect_or_engine):
    # type: (Any) -> str
    """An engine's database without user and password, or a callable's name."""
    if not hasattr(connect_or_engine, "raw_connection"):
        return name_of(connect_or_engine)
    url = connect_or_engine.url
    # If a password has an unescaped @, its rest is in the URL's host.
    host = url.host and url.host.rpartition("@")[2]
    server = ""
    if host:
        server = _http_client.address_of(host, url.port) + "/"
    return "%s %s%s" % (connect_or_engine.dialect.name, server, url.database or "")


def _redis_target(client):
    # type: (Any) -> str
    """host:port or the socket's path; "" if the client has neither."""
    options = getattr(getattr(client, "connection_pool", None), "connection_kwargs", {})
    if options.get("host"):
        return _http_client.address_of(options["host"], options.get("port"))
    return str(options.get("path", ""))


def _memcached_servers(client):
    # type: (Any) -> List[str]
    """host:port of each of the client's servers, as far as they are known."""
    server = getattr(client, "server", None)
    if isinstance(server, six.string_types + (tuple,)):  # pymemcache
        servers = [server]
    else:  # its HashClient, pylibmc, python-memcached
        found = [getattr(client, name, None) for name in ("clients", "addresses", "servers")]
        servers = next((list(one) for one in found if isinstance(one, (dict, list))), [])
    addresses = [getattr(one, "address", one) for one in servers]
    return ["%s:%s" % one if isinstance(one, tuple) else str(one) for one in addresses]


def _memcached_versions(client):
    # type: (Any) -> List[Any]
    """The servers' versions; for a server that is down, a client raises or returns none."""
    if hasattr(client, "version"):
        return [client.version()]
    if hasattr(client, "clients"):
        return [one.version() for one in client.clients.values()]
    return [stats["version"] for _, stats in client.get_stats() if "version" in stats]


def _disk_usage(path):
    # type: (str) -> Tuple[int, int]
    """(bytes in total, bytes that this user may still write)."""
    if six.PY2:  # pragma: no cover (2.7)
        stat = os.statvfs(path)
        return stat.f_blocks * stat.f_frsize, stat.f_bavail * stat.f_frsize
    usage = shutil.disk_usage(path)
    return usage.total, usage.free


# Arguments. No message repeats a text that may contain a password.

def _validate_address(host, port):
    # type: (Any, Any) -> Tuple[str, str]
    """(the host to connect to, host and port for display, as they were given)."""
    address = _http_client.read_host(validate_text("host", host))
    return address, _http_client.address_of(host.strip("[]"), validate_port(port))


def _validate_url(url):
    # type: (Any) -> Tuple[_http_client.Url, str]
    """(the parsed URL, the URL for display: without user, password and query)."""
    text = six.ensure_text(validate_text("url", url))
    target = _http_client.read_url(text)
    # An @ after the host may end a password with an unescaped slash.
    if u"#" in text or "@" in target.target:
        raise ValueError(_ESCAPES_EXPECTED)
    if not _VISIBLE_ASCII.match(target.user + target.target):
        raise ValueError(_ESCAPES_EXPECTED)
    scheme, _, rest = text.partition(u"?")[0].partition(u"://")
    return target, u"%s://%s" % (scheme, rest.rpartition(u"@")[2])


def _list_of(codes):
    # type: (List[int]) -> str
    """Status codes in words: "200 to 299", "200, 204"."""
    if len(codes) > 2 and codes[-1] - codes[0] == len(codes) - 1:
        return "%d to %d" % (codes[0], codes[-1])
    return ", ".join(str(one) for one in codes)
