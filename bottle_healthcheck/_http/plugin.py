"""What both plugins share of Bottle: paths, options of routes, registering, the plugin API."""
import operator

import bottle
import six

from .. import _redaction
from .._validation import wrong_type

MYPY = False
if MYPY:
    from typing import Any

#: What Bottle's own `route()` takes by name: never a misspelt option of ours.
BOTTLE_OPTIONS = ("method", "name", "apply", "skip")

#: Above this similarity (difflib's ratio) an unknown option is taken for a misspelt one of ours.
NEAR_MISS = 0.93


def validate_app(app):
    # type: (Any) -> None
    """Raises TypeError, saying what to do, where app is no Bottle."""
    if isinstance(app, bottle.AppStack):
        raise TypeError("app is Bottle's stack of apps (bottle.app, bottle.default_app), expected "
                        "an app: call it, as in bottle.default_app()")
    if not isinstance(app, bottle.Bottle):
        raise wrong_type("app", app, "a bottle.Bottle; to guard another WSGI application, mount "
                         "it in a Bottle")


def validate_route_path(path):
    # type: (Any) -> Any
    """The path, or list of paths, as Bottle wants it; raises TypeError or ValueError."""
    if isinstance(path, (list, tuple)) and path:
        return [validate_route_path(one) for one in path]
    if not isinstance(path, (six.text_type, str)):
        raise wrong_type("path", path, "a text such as '/healthcheck'")
    if not path.startswith("/"):
        raise ValueError("path is %r, which no request can match: expected a leading slash, "
                         "as in '/healthcheck'" % path)
    return six.ensure_str(path)


def validate_options(options, own_names):
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
    import difflib  # heavy, and needed here alone
    for name in unknown:
        near = difflib.get_close_matches(name, own_names, 1, NEAR_MISS)
        if near:
            raise TypeError("unknown option %r: did you mean %r?" % (name, near[0]))


class Plugin(object):
    """A route that registers itself, also as a plugin of Bottle's API v2: `app.install(...)`."""

    api = 2

    def __init__(self, app, path, callback, methods, options):
        # type: (Any, Any, Any, list, dict) -> None
        """Registers the route where app and path are given; a subclass calls this last."""
        self.path = path if path is None else validate_route_path(path)
        self._callback = callback
        self.options = dict({"method": methods}, **options)
        if app is not None:
            validate_app(app)
            if path is not None:
                self.init_app(app, path)

    def init_app(self, app, path):
        # type: (bottle.Bottle, Any) -> None
        """Registers the route on an app; calling it again registers one more.

        path is a text, or a list of texts, with a leading slash. Raises TypeError or ValueError.
        """
        validate_app(app)
        app.route(validate_route_path(path), callback=self._callback, **self.options)
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
