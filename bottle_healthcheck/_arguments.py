"""What arguments must be: a mistake in configuration is refused where it is made."""
import functools

import six

from . import _compat, _json

MYPY = False
if MYPY:
    from typing import Any

#: Some 30 years: more is a mistake, and clocks and locks have their ends too.
MOST_SECONDS = 10 ** 9

#: A whole body needs a status that may carry one: Bottle or the server would drop it otherwise.
BODILESS = (204, 205, 206, 304)


def kind_of(value):
    # type: (Any) -> str
    """How an error names a wrong value: by its type, never by its content."""
    return "None" if value is None else "of type %s" % type(value).__name__


def check_callable(name, value):
    # type: (str, Any) -> Any
    """A callable or None, or TypeError."""
    if value is not None and not callable(value):
        raise TypeError("%s is %s, expected a callable or None" % (name, kind_of(value)))
    return value


def check_words(name, words):
    # type: (str, Any) -> Any
    """A list of texts, or TypeError for a text alone, ValueError for an empty one in it."""
    if isinstance(words, (six.text_type, bytes)) or not hasattr(words, "__iter__"):
        raise TypeError("%s is %r, expected a list of texts such as (\"word\",)" % (name, words))
    words = list(words)
    for word in words:
        if not isinstance(word, six.string_types):
            raise TypeError("%s holds %r, expected texts only" % (name, word))
        if not word:
            raise ValueError("%s holds an empty text, which is part of every name" % name)
    return [_json.text(word) for word in words]


def name_of(func):
    # type: (Any) -> str
    """A check's name where none is given: the function's, or the class's of a callable object."""
    while isinstance(func, functools.partial):
        func = func.func
    name = getattr(func, "__name__", None)
    return name if isinstance(name, str) else func.__class__.__name__


def check_func(func):
    # type: (Any) -> Any
    """A function that can be a check, or TypeError."""
    if not callable(func):
        raise TypeError("a check is of type %s, expected a callable without arguments that "
                        "returns (passed, output)" % type(func).__name__)
    if _compat.is_coroutine_function(func):
        raise TypeError("the check %s is a coroutine function, expected a plain one: let it run "
                        "the loop itself, as with asyncio.run(...)" % name_of(func))
    if not _compat.takes_no_arguments(func):
        raise TypeError("the check %s needs arguments, expected a callable without: bind them, "
                        "as in functools.partial(check, argument)" % name_of(func))
    return func


def check_name(name):
    # type: (Any) -> str
    """A name that is given to a check, or TypeError, ValueError."""
    if not isinstance(name, (six.text_type, str)):
        raise TypeError("name is of type %s, expected text" % type(name).__name__)
    if not name:
        raise ValueError("name is empty, expected a text that tells the check from the others")
    return six.ensure_str(name)


def check_seconds(name, value):
    # type: (str, Any) -> float
    """Seconds from 0; None means 0. Raises TypeError or ValueError."""
    if value is None:
        return 0.0
    if isinstance(value, bool) or not isinstance(value, six.integer_types + (float,)):
        raise TypeError("%s is of type %s, expected seconds as a number, or None"
                        % (name, type(value).__name__))
    if not 0 <= value <= MOST_SECONDS:
        raise ValueError("%s is %r, expected seconds from 0 to %d" % (name, value, MOST_SECONDS))
    return float(value)


def check_flag(name, value):
    # type: (str, Any) -> bool
    """True or False, 1 and 0 too, or TypeError: "no" would be true."""
    if not isinstance(value, int):
        raise TypeError("%s is %s, expected True or False" % (name, kind_of(value)))
    return bool(value)


def check_timeout(value):
    # type: (Any) -> Any
    """Seconds above 0, or None for no time-out. Raises TypeError or ValueError."""
    seconds = check_seconds("timeout", value)
    if value is not None and seconds == 0:
        raise ValueError("timeout is 0, expected seconds above 0, or None for no time-out")
    return None if value is None else seconds


def check_status(name, status):
    # type: (str, Any) -> int
    """A status that can carry a body, or TypeError, ValueError."""
    if isinstance(status, bool) or not isinstance(status, six.integer_types):
        raise TypeError("%s is %s, expected an integer such as 200 or 503"
                        % (name, kind_of(status)))
    if not 200 <= status <= 599 or status in BODILESS:
        raise ValueError("%s is %d, expected a status from 200 to 599 that has a whole body (not "
                         "%s)" % (name, status, ", ".join(str(one) for one in BODILESS)))
    return int(status)


def check_list(checkers):
    # type: (Any) -> list
    """The checks to register first; never the caller's own list."""
    if checkers is None:
        return []
    if callable(checkers) or isinstance(checkers, (six.text_type, bytes, dict)):
        raise TypeError("checkers is %s, expected a list of checks" % kind_of(checkers))
    return list(checkers)


def check_file(name, path):
    # type: (str, Any) -> Any
    """A path to look for, or None. Raises TypeError or ValueError."""
    if path is None:
        return None
    if not isinstance(path, (six.text_type, bytes)) and not hasattr(path, "__fspath__"):
        raise TypeError("%s is %s, expected the path of a file" % (name, kind_of(path)))
    plain = _json.text(path.__fspath__() if hasattr(path, "__fspath__") else path)
    if not plain or u"\0" in plain:
        raise ValueError("%s is %r, expected the path of a file" % (name, path))
    return path


def check_details(details):
    # type: (Any) -> Any
    """True, False or a callable without arguments, or TypeError."""
    if not callable(details) and not isinstance(details, bool):
        raise TypeError("details is %s, expected True, False or a callable without arguments"
                        % kind_of(details))
    return details
