# mypy: disable-error-code="import-untyped"
"""Guards: decorators for Bottle's ``apply=[...]`` that decide who may read a route."""
import hashlib
import hmac
import ipaddress
import re

import bottle
import six

from ._http.response import BASE_HEADERS, Response, send, to_bytes
from ._validation import mark_factory

MYPY = False
if MYPY:
    from typing import Any, Callable, Dict, Iterable, List, Optional, Tuple, Union
    _Environ = Dict[str, Any]
    _Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]
    _Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]
    _Guard = Callable[[Callable[..., Any]], Callable[..., Any]]

SHORTEST_TOKEN = 16  # characters

#: Headers that proxies set, and that anybody can forge.
FORWARDING = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP", "HTTP_VIA")

#: Addresses as some proxies write them: with a port (Azure), in brackets, or both.
_IN_BRACKETS_OR_WITH_PORT = re.compile(
    r"(?:(?P<ipv4>[0-9.]+)|\[(?P<ipv6>[^\]\[]*:[^\]\[]*)\])(?::(?P<port>[0-9]{1,5}))?\Z")
MAX_PORT = 65535

#: The length of the prefix of IPv4-mapped IPv6 addresses, in bits.
MAPPED_PREFIX = 96


def require_token(token, *more):
    # type: (str, *str) -> _Guard
    """Let requests with ``Authorization: Bearer <token>`` pass; others get a 401 response.

    Any of several tokens will do, so that one can be replaced without a gap. Each is text of at
    least 16 characters. Tokens in the query string or in a cookie do not count. Raises ValueError
    for a token that is too short or is not text.
    """
    digests = [hashlib.sha256(_checked_token(one)).digest() for one in (token,) + more]

    def may_read(environ):
        # type: (_Environ) -> bool
        given = hashlib.sha256(_bearer(environ)).digest()
        # A list, so that every token is compared: timing must not reveal which one matched.
        # pylint: disable=use-a-generator
        return any([hmac.compare_digest(given, known) for known in digests])

    return _guard(may_read, 401, "a bearer token is required",
                  (("Www-Authenticate", 'Bearer realm="monitoring"'),))


def allow_networks(*networks, **options):
    # type: (*str, **Iterable[str]) -> _Guard
    """Let clients with an address in one of the networks pass; others get a 403 response.

    allow_networks(*networks, trusted_proxies=()): each is text like "10.0.0.0/8" or "::1". The
    client's address is that of the connection. A request with a forwarding header
    (X-Forwarded-For, Forwarded, X-Real-IP, Via) is refused unless it comes from a trusted proxy:
    then X-Forwarded-For is read from right to left, up to the first address that is not a trusted
    proxy's. Addresses may have a port or brackets; addresses and networks may be IPv4-mapped IPv6.
    Connections without an address (Unix sockets) are refused. Raises ValueError for what is not a
    network, TypeError for trusted_proxies that is not a list.
    """
    proxies = options.pop("trusted_proxies", ())
    if options:
        raise TypeError("allow_networks() takes networks and trusted_proxies=, not %s"
                        % ", ".join(sorted(options)))
    if not networks:
        raise ValueError('allow_networks() needs at least one network, such as "127.0.0.0/8"')
    if isinstance(proxies, (six.text_type, bytes)):
        raise TypeError("trusted_proxies is a list of networks, not text: write [%r]" % (proxies,))
    for network in networks:
        if isinstance(network, (list, tuple, set, frozenset)):
            raise ValueError("a network is of type %s, expected each as an argument of its own: "
                             "write allow_networks(*networks)" % type(network).__name__)
    allowed = [_checked_network(one) for one in networks]
    trusted = [_checked_network(one) for one in proxies]

    def may_read(environ):
        # type: (_Environ) -> bool
        return _is_in(_client(environ, trusted), allowed)

    return _guard(may_read, 403, "not allowed from this address", ())


mark_factory(require_token, "guards.require_token(token)")
mark_factory(allow_networks, "guards.allow_networks('10.0.0.0/8')")


def _guard(may_read, status, reason, headers):
    # type: (Callable[[_Environ], bool], int, str, Tuple[Tuple[str, str], ...]) -> _Guard
    """A decorator that responds with status and reason unless may_read(environ) is true."""
    refusal = Response(status, BASE_HEADERS + headers, (to_bytes({"error": reason}),))

    # Plugins find the route's own arguments through the first cell of the closure (Bottle's
    # get_undecorated_callback). Cells are sorted by name: `callback` has to be the first.
    def decorate(callback):
        # type: (Callable[..., Any]) -> Callable[..., Any]
        @six.wraps(callback)
        def guarded(*args, **url_args):
            # type: (*Any, **Any) -> Any
            if may_read(bottle.request.environ):
                return callback(*args, **url_args)
            return send(refusal)
        return guarded
    return decorate


def _checked_token(token):
    # type: (object) -> bytes
    """The token's bytes. Raises ValueError, which does not show it, for one that is too weak."""
    if not isinstance(token, six.string_types):
        advice = ""
        if token is None:
            advice = ": is it set where it is read from?"
        raise ValueError("a token is text, not %s%s" % (type(token).__name__, advice))
    if token != token.strip():
        raise ValueError("a token begins or ends with white space, which no client can send: "
                         "strip() it, and see that it is not blank")
    if len(token) < SHORTEST_TOKEN:
        raise ValueError("a token has %d characters, at least %d are needed: take "
                         "binascii.hexlify(os.urandom(16)), for one" % (len(token), SHORTEST_TOKEN))
    return six.ensure_binary(token)


def _bearer(environ):
    # type: (_Environ) -> bytes
    """The bearer token of the request; no bytes without one."""
    header = environ.get("HTTP_AUTHORIZATION") or ""
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer":
        return b""
    token = token.strip(" ")
    # PEP 3333: a header is text of latin-1 characters that stand for bytes. If a server passes
    # anything else, it must not match a token, and not raise.
    return six.ensure_binary(token, "latin-1", "backslashreplace")


def _checked_network(network):
    # type: (object) -> _Network
    """Parses a network. Raises ValueError if the text is not one."""
    try:
        found = ipaddress.ip_network(six.text_type(network))
    except ValueError as exc:
        advice = ""
        try:
            advice = ", write %s for the network" % ipaddress.ip_network(
                six.text_type(network), strict=False)
        except ValueError:
            pass
        raise ValueError('expected a network such as "10.0.0.0/8" or an address such as "::1" '
                         '(names of hosts are not looked up): %s%s' % (exc, advice))
    if isinstance(found, ipaddress.IPv4Network):
        return found
    mapped = found.network_address.ipv4_mapped
    if mapped is None:  # of ::/0 too, which is IPv6 only
        return found
    return ipaddress.ip_network(u"%s/%d" % (mapped, found.prefixlen - MAPPED_PREFIX))


def _client(environ, trusted):
    # type: (_Environ, List[_Network]) -> Optional[_Address]
    """The client's address; None if it is unknown."""
    address = _address(environ.get("REMOTE_ADDR"))
    if all(environ.get(name) is None for name in FORWARDING):
        return address
    forwarded_for = environ.get("HTTP_X_FORWARDED_FOR")
    if forwarded_for is None or not _is_in(address, trusted):
        return None
    for hop in reversed(forwarded_for.split(",")):
        address = _address(hop.strip())
        if not _is_in(address, trusted):
            break
    return address


def _is_in(address, networks):
    # type: (Optional[_Address], List[_Network]) -> bool
    return address is not None and any(address in network for network in networks)


def _address(text):
    # type: (Optional[str]) -> Optional[_Address]
    """Parses an address as servers and proxies write it; None if it is not one.

    It may have a port or brackets. An IPv4-mapped IPv6 address is returned as IPv4.
    """
    spelt = text or ""
    found = _IN_BRACKETS_OR_WITH_PORT.match(spelt)
    if found:
        if int(found.group("port") or 0) > MAX_PORT:
            return None
        spelt = found.group("ipv4") or found.group("ipv6")
    if ":" in spelt:
        spelt = spelt.partition("%")[0]  # the zone is local to a host; older Pythons refuse it
    try:
        address = ipaddress.ip_address(six.text_type(spelt))
    except ValueError:  # UnicodeDecodeError (2.7) is one as well
        return None
    if isinstance(address, ipaddress.IPv6Address):
        return address.ipv4_mapped or address
    if str(address) != spelt:  # 127.0.0.01 is octal elsewhere
        return None
    return address
