"""What both plugins share of Bottle: arguments, registering, the plugin API, answering."""
import operator
import re

import bottle
import six

from . import _redaction
from ._arguments import kind_of

MYPY = False
if MYPY:
    from typing import Any

#: What Bottle's own `route()` takes by name: never a misspelt option of ours.
BOTTLE_OPTIONS = ("method", "name", "apply", "skip")

#: Above this similarity (difflib's ratio) an unknown option is taken for a misspelt one of ours.
NEAR_MISS = 0.93

#: Sent with every answer; headers that the user names replace them.
BASE_HEADERS = (("Content-Type", "application/json"),
                ("Cache-Control", "no-store"),
                ("X-Content-Type-Options", "nosniff"))

#: A header's name (RFC 9110, 5.6.2).
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z"


def check_app(app):
    # type: (Any) -> None
    """Raises TypeError, saying what to do, where app is no Bottle."""
    if isinstance(app, bottle.AppStack):
        raise TypeError("app is Bottle's stack of apps (bottle.app, bottle.default_app), expected "
                        "an app: call it, as in bottle.default_app()")
    if not isinstance(app, bottle.Bottle):
        raise TypeError("app is %s, expected a bottle.Bottle; to guard another WSGI application, "
                        "mount it in a Bottle" % kind_of(app))


def check_path(path):
    # type: (Any) -> Any
    """The path, or list of paths, as Bottle wants it; raises TypeError or ValueError."""
    if isinstance(path, (list, tuple)) and path:
        return [check_path(one) for one in path]
    if not isinstance(path, (six.text_type, str)):
        raise TypeError("path is %s, expected a text such as '/healthcheck'" % kind_of(path))
    if not path.startswith("/"):
        raise ValueError("path is %r, which no request can match: expected a leading slash, "
                         "as in '/healthcheck'" % path)
    return six.ensure_str(path)


def check_options(options, own_names):
    # type: (dict, Any) -> None
    """Refuses route options that are misspelt options of ours, or that would drop a guard."""
    if True in bottle.makelist(options.get("skip")) and options.get("apply"):
        raise ValueError("skip=True together with apply=...: Bottle would skip the decorators of "
                         "apply too; name the plugins to skip instead, as in skip=['name']")
    if "callback" in options:
        raise TypeError("callback is no option: the route's callback is this plugin's own")
    unknown = [name for name in options if name not in BOTTLE_OPTIONS]
    if not unknown:
        return
    import difflib  # heavy, and wanted here alone
    for name in unknown:
        near = difflib.get_close_matches(name, own_names, 1, NEAR_MISS)
        if near:
            raise TypeError("unknown option %r: did you mean %r?" % (name, near[0]))


def check_headers(name, headers):
    # type: (str, Any) -> tuple
    """The pairs to send: the base, replaced by name with what the user gave (None: nothing)."""
    pairs = headers.items() if hasattr(headers, "items") else headers or ()
    merged = dict(BASE_HEADERS)
    try:
        # Unpacked, so that what are no pairs are refused here: pylint: disable=R1721
        given = [(key, value) for key, value in pairs]
    except (TypeError, ValueError):
        raise TypeError("%s is %s, expected a dictionary of header names and values"
                        % (name, kind_of(headers)))
    for key, value in given:
        # Spelt as Bottle keeps names, which it tells apart without regard to case and underscore.
        spelt = _header_text(name, key).title().replace("_", "-")
        if not re.match(_TOKEN, spelt):
            raise ValueError("%s names %r, which is no header's name" % (name, spelt))
        merged[spelt] = _header_text(name, value)
    if "Content-Length" in merged or "Transfer-Encoding" in merged:
        raise ValueError("%s names a header that frames the body; it is set for every answer, "
                         "leave it out" % name)
    return tuple(sorted(merged.items()))


def _header_text(name, value):
    # type: (str, Any) -> str
    """A header's name or value as the native text that WSGI wants."""
    if not isinstance(value, (six.text_type, str, int, float)) or isinstance(value, bool):
        raise TypeError("%s holds %s, expected text" % (name, kind_of(value)))
    if isinstance(value, six.text_type):
        value = six.ensure_str(value)
    value = str(value)
    if "\n" in value or "\r" in value or "\0" in value:
        raise ValueError("%s holds a line break or a null in %r: expected one line"
                         % (name, value))
    return value


def replaced(headers, others):
    # type: (tuple, list) -> tuple
    """The headers with others in place of those of the same names."""
    names = [name for name, _ in others]
    return tuple(others) + tuple(pair for pair in headers if pair[0] not in names)


def varying(headers, name):
    # type: (tuple, str) -> tuple
    """The headers with a name added to Vary."""
    named = [value for key, value in headers if key == "Vary"]
    return replaced(headers, [("Vary", ", ".join(named + [name]))])


def answer(body, status, headers):
    # type: (bytes, int, tuple) -> bytes
    """Sends a whole body through bottle.response.

    No HTTPError (Bottle replaces its body with an HTML page), no new HTTPResponse (it drops what
    before_request hooks set). Bottle adds the Content-Length, and drops the body of a HEAD.
    """
    response = bottle.response
    if status != 200:
        response.status = status
    named = response.headers.dict  # at once: set_header would check the same names again
    for name, value in headers:
        named[name] = [value]  # a list for each answer: hooks may add to it
    return body


class Plugin(object):
    """A route that registers itself, also as a plugin of Bottle's API v2: `app.install(...)`."""

    api = 2

    def __init__(self, app, path, callback, methods, options):
        # type: (Any, Any, Any, list, dict) -> None
        """Registers the route where app and path are given; a subclass calls this last."""
        self.path = path if path is None else check_path(path)
        self._callback = callback
        self.options = dict({"method": methods}, **options)
        if app is not None:
            check_app(app)
            if path is not None:
                self.init_app(app, path)

    def init_app(self, app, path):
        # type: (bottle.Bottle, Any) -> None
        """Registers the route on an app; calling it again registers one more.

        path is a text, or a list of texts, with a leading slash. Raises TypeError or ValueError.
        """
        check_app(app)
        app.route(check_path(path), callback=self._callback, **self.options)
        _redaction.add_secret_source(app, operator.attrgetter("config"))

    def setup(self, app):
        # type: (bottle.Bottle) -> None
        """Registers the route on the app that this plugin is installed on."""
        if self.path is None:
            raise ValueError("this plugin has no path: give it one, as in %s(path='/path')"
                             % type(self).__name__)
        self.init_app(app, self.path)

    def apply(self, callback, route):
        # type: (Any, Any) -> Any
        """Leaves the app's other routes as they are."""
        return callback

    def close(self):
        # type: () -> None
        """Ends nothing: Bottle keeps the route, and other apps may use this plugin."""
