# mypy: disable-error-code="import-untyped"
"""Calls users' callbacks, and then restores the state of the request.

bottle.request and bottle.response are those of the thread: a callback may set a status or a
cookie, or call the service's own application, which binds both to another request.
"""
import bottle
import six

MYPY = False
if MYPY:
    from typing import Any, Callable, List, Optional

# Copies a response's state to another object. response.copy() would not do: on Bottle 0.12 it loses
# cookies that a hook has set. On 2.7 a method has to be unbound to be called like this.
_copy_state = six.get_unbound_function(bottle.HTTPResponse.apply)


class _State(object):
    """What bottle.request and bottle.response are bound to in this thread.

    Raises RuntimeError outside a request.
    """

    def __init__(self):
        # type: () -> None
        self._environ = bottle.request.environ
        _copy_state(bottle.response, self)
        self.is_restored = False

    def restore(self):
        # type: () -> None
        """Binds them to the saved state; may be called again."""
        _copy_state(self, bottle.response)
        bottle.request.bind(self._environ)
        self.is_restored = True


def _state():
    # type: () -> Optional[_State]
    """The state to restore; None outside a request. On 2.7 a caller would keep the exception."""
    try:
        return _State()
    except RuntimeError:
        return None


def _unbind():
    # type: () -> None
    """Unbinds the request of an application that was called outside a request."""
    try:
        type(bottle.request).environ.__delete__(bottle.request)
    except AttributeError:  # none was called
        return
    bottle.response.bind()


def call_callback(callback, *args):
    # type: (Callable[..., Any], *Any) -> Any
    """Returns what the callback returns, and restores bottle.request and bottle.response.

    The callback has a response of its own. Objects that it puts into the environ stay: a hook may
    close them after the request.
    """
    state = _state()
    if state is None:
        try:
            return callback(*args)
        finally:
            _unbind()
    try:
        try:
            bottle.response.bind()
            return callback(*args)
        finally:
            state.restore()
    finally:  # an exception of a signal's handler may have interrupted the first
        if not state.is_restored:
            state.restore()
        del state  # the environ must not live as long as an exception that holds this frame


def call_handler(handler, results):
    # type: (Callable[..., Any], List[Any]) -> Any
    """Returns what a handler of the body returns; it may set headers.

    If it has called an application, restores bottle.request and bottle.response.
    """
    state = _State()
    headers = bottle.response.headers.dict
    try:
        return handler(results)
    finally:
        if bottle.response.headers.dict is not headers:  # an application has bound it again
            state.restore()
        del state
