"""Ready-made checks: each factory returns a check, a callable that returns (passed, output).

They return what went wrong instead of raising it, and name their target in it. Those that open
a connection themselves (tcp, http, certificate) end within their timeout, in seconds, however
slowly the peer talks; only the resolution of a host's name is up to the system. Those that use a
client of yours (sql, redis, memcached) last as long as that client waits: give it time-outs, and
give the rest `add_check(timeout=...)`.
"""
import base64
import contextlib
import os
import re
import shutil
import ssl
import time
from timeit import default_timer

import six
from six.moves import http_client
from six.moves.urllib.parse import unquote

from bottle_healthcheck import _jsonable, _peer, _redaction
from bottle_healthcheck._validation import (
    unexpected_type, validate_codes, validate_number, validate_path, validate_percent,
    validate_port, validate_text)

MYPY = False
if MYPY:
    from typing import Any, Callable, Collection, Dict, List, Tuple, Union
    Check = Callable[[], Tuple[bool, str]]

#: The @ stands before the path or nowhere: elsewhere it may end a password with a bare slash in it.
_URL = re.compile(r"(?=[!-~]+\Z)(?P<scheme>https?)://((?P<user>[^/?#]*)@)?"
                  r"(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:(?P<port>[0-9]{1,5}))?"
                  r"(?P<path>(/[^?#@]*)?)(?P<query>(\?[^#@]*)?)\Z", re.IGNORECASE)
_LONGEST = 3600  # seconds


def tcp(host, port, timeout=5):
    # type: (str, int, float) -> Check
    """Passes where host accepts a connection, which a hung process's kernel still does."""
    target = _address(_host(host), validate_port(port))
    validate_number("timeout", timeout, 0.001, _LONGEST, "seconds")

    def ask():
        # type: () -> Tuple[bool, str]
        with _peer.connected(host, port, _peer.Deadline(timeout)):
            return True, "connected"
    return _check("tcp " + target, ask)


def http(url, status=range(200, 300), timeout=5):
    # type: (str, Union[int, Collection[int]], float) -> Check
    """Passes where a GET of url is answered whole, at most 1 MiB, with status (or one of them).

    Redirects are an answer and not followed, proxies not used. A user and password in the URL are
    sent as basic authentication. They and the query are never shown, the path is. https verifies
    the certificate as `certificate` does.
    """
    parts, codes = _url(url), validate_codes(status)
    validate_number("timeout", timeout, 0.001, _LONGEST, "seconds")
    tls = parts["scheme"].lower() == "https"
    host = parts["host"].strip("[]")
    port = validate_port(int(parts["port"] or (443 if tls else 80)))
    request = _request(parts)

    def ask():
        # type: () -> Tuple[bool, str]
        deadline = _peer.Deadline(timeout)
        with _peer.connected(host, port, deadline, tls) as sock:
            sock.settimeout(deadline.left())
            sock.sendall(request)
            code = _peer.http_status(sock, deadline)
        told = ("%d %s" % (code, http_client.responses.get(code, ""))).strip()
        return code in codes, told if code in codes else "%s, expected %s" % (told, _spelt(codes))
    return _check("%s://%s%s" % (parts["scheme"], _netloc(parts), parts["path"]), ask)


def certificate(host, port, min_days, timeout=5):
    # type: (str, int, float, float) -> Check
    """Passes where host's TLS certificate is trusted, its own, and valid for min_days more.

    Trusted is what the system trusts; for a private authority, add it there, or name a file of
    certificates in the environment variable SSL_CERT_FILE, which OpenSSL reads.
    """
    target = _address(_host(host), validate_port(port))
    validate_number("min_days", min_days, 0, 36500, "days")
    validate_number("timeout", timeout, 0.001, _LONGEST, "seconds")

    def ask():
        # type: () -> Tuple[bool, str]
        with _peer.connected(host, port, _peer.Deadline(timeout), tls=True) as sock:
            end = ssl.cert_time_to_seconds(sock.getpeercert()["notAfter"])
        days = (end - time.time()) / 86400
        told = "expires in %.1f days (%s)" % (days, time.strftime("%Y-%m-%d", time.gmtime(end)))
        return days >= min_days, told if days >= min_days else told + ", expected %g" % min_days
    return _check("certificate " + target, ask)


def sql(connect_or_engine, query="SELECT 1"):
    # type: (Any, str) -> Check
    """Passes where query returns a row, whose first column is told ("SHOW server_version").

    connect_or_engine: a callable that returns a new DB-API connection, which is closed again, or
    an SQLAlchemy engine, whose pool is used (after a restart of the server it fails until the pool
    has noticed, so give the engine pool_pre_ping=True). The check is named after either.
    """
    connect = getattr(connect_or_engine, "raw_connection", connect_or_engine)
    if not callable(connect) or hasattr(connect, "cursor"):
        raise unexpected_type("sql", "a callable that returns a new connection, or an SQLAlchemy "
                              "engine", connect_or_engine)
    validate_text("query", query)

    def ask():
        # type: () -> Tuple[bool, str]
        with contextlib.closing(connect()) as connection:
            with contextlib.closing(connection.cursor()) as cursor:
                cursor.execute(query)
                row = cursor.fetchone()
        return row is not None, "%s: %s" % (query, "no row" if row is None else _first(row))
    return _check("sql " + _sql_target(connect_or_engine), ask)


def redis(client):
    # type: (Any) -> Check
    """Passes where the server of a redis.Redis answers PING and INFO (which tells its version).

    Newer clients ask a silent server several times, far beyond their time-out, unless they are
    given `retry=None`.
    """
    if not hasattr(client, "ping") or not hasattr(client, "info"):
        raise unexpected_type("redis", "a client with ping() and info(), such as redis.Redis()",
                              client)

    def ask():
        # type: () -> Tuple[bool, str]
        client.ping()
        return True, "Redis %s" % client.info("server").get("redis_version", "of no version")
    return _check(("redis " + _redis_target(client)).strip(), ask)


def memcached(client):
    # type: (Any) -> Check
    """Passes where every server of a pymemcache, pylibmc or python-memcached client answers."""
    if not any(hasattr(client, one) for one in ("version", "clients", "get_stats")):
        raise unexpected_type("memcached", "a client of pymemcache, pylibmc or python-memcached",
                              client)

    def ask():
        # type: () -> Tuple[bool, str]
        versions, servers = _memcached_versions(client), _memcached_servers(client)
        if len(versions) < max(1, len(servers)):
            return False, "%d of %d servers answered" % (len(versions), len(servers))
        return True, "memcached " + ", ".join(six.ensure_str(one) for one in versions)
    return _check(("memcached " + ", ".join(_memcached_servers(client))).strip(), ask)


def disk(path, min_free="5%"):
    # type: (Any, Union[int, str]) -> Check
    """Passes where path's file system has min_free, bytes or "5%" of it, left for this user."""
    path = validate_path(path)
    is_share = isinstance(min_free, six.string_types)
    if is_share:
        least = validate_percent("min_free", min_free)
        expected = str(min_free)
    else:
        least = validate_number("min_free", min_free, 1, 2 ** 63, "bytes")
        expected = "%d bytes" % least

    def ask():
        # type: () -> Tuple[bool, str]
        total, free = _disk_usage(path)
        share = 100.0 * free / total if total else 0.0
        told = "%d MB (%.1f %%) free of %d MB" % (free // 10 ** 6, share, total // 10 ** 6)
        left = share if is_share else free
        if left >= least:
            return True, told
        return False, "%s, expected %s" % (told, expected)
    return _check("disk " + path, ask, timed=False)


def heartbeat(path, max_age):
    # type: (Any, float) -> Check
    """Passes where the file at path, which a job touches, is at most max_age seconds old.

    One from as far in the future fails too: it would hide a dead job for as long.
    """
    path = validate_path(path)
    validate_number("max_age", max_age, 0.001, 1e9, "seconds")

    def ask():
        # type: () -> Tuple[bool, str]
        age = time.time() - os.stat(path).st_mtime
        told = "touched %.0f s %s" % (abs(age), "ago" if age >= 0 else "in the future")
        passed = abs(age) <= max_age
        return passed, told if passed else "%s, expected at most %g s" % (told, max_age)
    return _check("heartbeat " + path, ask, timed=False)


def _check(name, ask, timed=True):
    # type: (str, Check, bool) -> Check
    """The check called name: what ask() returns, or why it raised. Failures tell the name too."""
    # Names are shown as they are; a URL's path, or what a client tells of itself, may hold a token.
    name = _redaction.clean_output(_jsonable.text(name))

    def check():
        # type: () -> Tuple[bool, str]
        started = default_timer()
        try:
            passed, output = ask()
        except Exception as exc:
            passed, output = False, _jsonable.exception_line(exc)
        if timed:
            output += " (%.1f ms)" % ((default_timer() - started) * 1000)
        return passed, output if passed else "%s: %s" % (name, output)
    check.__name__ = six.ensure_str(name)
    return check


def _request(url):
    # type: (Dict[str, str]) -> bytes
    """The bytes of a GET request."""
    lines = ["GET %s%s HTTP/1.1" % (url["path"] or "/", url["query"]), "Host: " + _netloc(url),
             "User-Agent: bottle-healthcheck", "Accept: */*", "Connection: close"]
    if url["user"] is not None:
        user = unquote(url["user"]) + ("" if ":" in url["user"] else ":")
        lines.append("Authorization: Basic " +
                     base64.b64encode(six.ensure_binary(user)).decode("ascii"))
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


def _first(row):
    # type: (Any) -> Any
    """The first column of a row, which some drivers can make a dictionary."""
    return list(row.values())[0] if hasattr(row, "values") else row[0]


# What a user's client tells of itself

def _sql_target(connect_or_engine):
    # type: (Any) -> str
    """An engine's database without user and password, or a callable's name."""
    if not hasattr(connect_or_engine, "raw_connection"):
        func = getattr(connect_or_engine, "func", connect_or_engine)  # of a functools.partial
        return str(getattr(func, "__name__", type(func).__name__))
    url = connect_or_engine.url
    # Of a password with a bare @ the URL's host has the rest.
    host = url.host and url.host.rpartition("@")[2]
    server = _address(host, url.port) + "/" if host else ""
    return "%s %s%s" % (connect_or_engine.dialect.name, server, url.database or "")


def _redis_target(client):
    # type: (Any) -> str
    """host:port or the socket's path, where the client has one."""
    options = getattr(getattr(client, "connection_pool", None), "connection_kwargs", {})
    if options.get("host"):
        return _address(options["host"], options.get("port"))
    return str(options.get("path", ""))


def _memcached_servers(client):
    # type: (Any) -> List[str]
    """host:port of each of the client's servers, as far as it tells them."""
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
    """What the servers tell; for one that is down a client raises, or leaves it out."""
    if hasattr(client, "version"):
        return [client.version()]
    if hasattr(client, "clients"):
        return [one.version() for one in client.clients.values()]
    return [stats["version"] for _, stats in client.get_stats() if "version" in stats]


def _disk_usage(path):
    # type: (str) -> Tuple[int, int]
    """Bytes in all, and bytes that this user may still write."""
    if six.PY2:  # pragma: no cover (2.7)
        stat = os.statvfs(path)
        return stat.f_blocks * stat.f_frsize, stat.f_bavail * stat.f_frsize
    usage = shutil.disk_usage(path)
    return usage.total, usage.free


# What the factories are given. No message repeats a text that may hold a password.

def _host(host):
    # type: (Any) -> str
    if not re.match(r"[^\s/@]+\Z", validate_text("host", host)):
        raise ValueError("host: expected a name or an address, without scheme, user, port or path")
    return str(host)


def _url(url):
    # type: (Any) -> Dict[str, str]
    found = _URL.match(six.ensure_str(validate_text("url", url)))
    if not found:
        raise ValueError("url: expected http://host/path or https://host/path, without fragment, "
                         "and with everything that is not ASCII, every @ after the host and every "
                         "/?#@ in a user name or password %-escaped")
    return found.groupdict()


def _address(host, port):
    # type: (str, Any) -> str
    host = "[%s]" % host if ":" in host else host
    return "%s:%s" % (host, port) if port else host


def _netloc(url):
    # type: (Dict[str, str]) -> str
    return url["host"] + (":" + url["port"] if url["port"] else "")


def _spelt(codes):
    # type: (List[int]) -> str
    if len(codes) > 2 and codes[-1] - codes[0] == len(codes) - 1:
        return "%d to %d" % (codes[0], codes[-1])
    return ", ".join(str(one) for one in codes)
