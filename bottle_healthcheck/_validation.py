"""Validates arguments, so that a mistake in the configuration is an error where it was made.

A wrong type is a TypeError, a wrong value a ValueError. The message says what was given, what was
expected and, if that is not obvious, what to do. A text that may contain a password is not shown.
"""
import collections
import functools
import re

import six

from . import _compat, _jsonable

MYPY = False
if MYPY:
    from typing import Any, List

#: The default of an argument for which None has another meaning.
NOT_GIVEN = object()  # type: Any

#: Some 30 years: more is a mistake, and clocks and locks have limits too.
MAX_SECONDS = 10 ** 9

#: Limits of a disk's free space. Less than a MiB is useless, and probably a percentage without %.
MIN_BYTES = 2 ** 20
MAX_BYTES = 2 ** 63

#: The names in `about`, in the order in which responses show them.
ABOUT_NAMES = ("serviceId", "version", "releaseId", "description")

#: Statuses whose responses have no body, or a part of one.
BODILESS = (204, 205, 206, 304)


# Errors

def kind_of(value):
    # type: (Any) -> str
    """How an error describes a value: by its type, never by its content."""
    if value is None:
        return "None"
    return "of type %s" % type(value).__name__


def wrong_type(name, value, expected):
    # type: (str, Any, str) -> TypeError
    """The error for an option or an argument of a wrong type."""
    return TypeError("%s is %s, expected %s" % (name, kind_of(value), expected))


def wrong_value(name, given, expected):
    # type: (str, str, str) -> ValueError
    """The error for an option or an argument of a wrong value, which given describes."""
    return ValueError("%s is %s, expected %s" % (name, given, expected))


#: A name that may be repeated; any other text may be a secret.
_PLAIN_NAME = re.compile(r"[A-Za-z][A-Za-z _-]{0,39}\Z")

#: The attribute of a function that returns checks or guards: how to call it.
_FACTORY = "_is_called_as"


def mark_factory(func, call):
    # type: (Any, str) -> None
    """Marks a function that returns a check or a guard, so that refuse_factory() knows it."""
    setattr(func, _FACTORY, call)


def refuse_factory(name, func):
    # type: (str, Any) -> None
    """Raises TypeError for a marked function, given instead of what it returns."""
    call = attribute_of(func, _FACTORY)
    if is_text(call):
        raise TypeError("%s is the function %s, expected what it returns: call it, as in %s"
                        % (name, name_of(func), call))


# Kinds of values

def attribute_of(value, name):
    # type: (Any, str) -> Any
    """An attribute, or None; an object's own __getattr__ may raise any exception."""
    try:
        return getattr(value, name, None)
    except Exception:
        return None


def is_text(value):
    # type: (Any) -> bool
    """True for text, and on 2.7 for bytes."""
    return isinstance(value, (six.text_type, str))


def is_integer(value):
    # type: (Any) -> bool
    """True for an integer; False for True and False."""
    return isinstance(value, six.integer_types) and not isinstance(value, bool)


def is_number(value):
    # type: (Any) -> bool
    """True for a number; False for True and False."""
    return is_integer(value) or isinstance(value, float)


# Options of a HealthCheck, an EnvironmentDump and a check

def validate_callable(name, value):
    # type: (str, Any) -> Any
    """Return a callable or None."""
    if value is not None and not callable(value):
        raise wrong_type(name, value, "a callable or None: give the function, without calling it")
    refuse_coroutine_function(name, value)
    return value


def refuse_coroutine_function(what, func):
    # type: (str, Any) -> None
    """Raises TypeError for a callback that returns a coroutine, which would count as true."""
    if _compat.is_coroutine_function(func):
        raise TypeError("%s is a coroutine function, expected a plain one: let it run the loop "
                        "itself, as with asyncio.run(...)" % what)


def name_of(func):
    # type: (Any) -> str
    """The default name of a check: the function's, or that of a callable object's class."""
    while isinstance(func, functools.partial):
        func = func.func
    name = attribute_of(func, "__name__")
    if isinstance(name, str):
        return name
    return str(func.__class__.__name__)


def _advice_on_check(value):
    # type: (Any) -> str
    """What to write instead of a value that is not a check."""
    if isinstance(value, (tuple, list)):
        return ": give the function, without calling it"
    if not is_text(value):
        return ""
    shown = "..."
    if _PLAIN_NAME.match(value):
        shown = repr(str(value))
    return "; a name has to be written as name=%s" % shown


def validate_func(func):
    # type: (Any) -> Any
    """Return a function that can be a check."""
    if not callable(func):
        raise wrong_type("a check", func, "a callable without arguments that returns (passed, "
                         "output)" + _advice_on_check(func))
    refuse_factory("a check", func)
    refuse_coroutine_function("the check %s" % name_of(func), func)
    if not _compat.takes_no_arguments(func):
        raise TypeError("the check %s needs arguments, expected a callable without: bind them, "
                        "as in functools.partial(check, argument)" % name_of(func))
    return func


def validate_name(name):
    # type: (Any) -> str
    """Return the name that is given to a check."""
    if not is_text(name):
        raise wrong_type("name", name, "text")
    if not name:
        raise wrong_value("name", "empty", "a text that no other check has")
    return six.ensure_str(name)


def validate_number(name, value, least, most, unit):
    # type: (str, Any, float, float, str) -> Any
    """Return a number from least to most, both included."""
    if not is_number(value):
        raise wrong_type(name, value, "%s as a number" % unit)
    if not least <= value <= most:
        raise wrong_value(name, repr(value), "%s from %s to %s" % (unit, least, most))
    return value


def validate_seconds(name, value):
    # type: (str, Any) -> float
    """Return seconds from 0; None means 0."""
    if value is None:
        return 0.0
    if not is_number(value):
        raise wrong_type(name, value, "seconds as a number, or None")
    return float(validate_number(name, value, 0, MAX_SECONDS, "seconds"))


def validate_flag(name, value):
    # type: (str, Any) -> bool
    """Return True or False, also for 1 and 0; text is refused, as "no" would be true."""
    if not isinstance(value, int):
        raise wrong_type(name, value, "True or False")
    return bool(value)


def validate_timeout(value):
    # type: (Any) -> Any
    """Return seconds above 0, or None for no timeout."""
    if value is None:
        return None
    seconds = validate_seconds("timeout", value)
    if seconds == 0:
        raise wrong_value("timeout", "0", "seconds above 0, or None for no timeout")
    return seconds


def validate_status(name, status):
    # type: (str, Any) -> int
    """Return a status whose response has a body."""
    is_line = is_text(status) and re.match(r"[2-5][0-9]{2}(?![0-9])", status)
    if is_line and int(status[:3]) not in BODILESS:  # Bottle accepts "503 Service Unavailable"
        raise wrong_type(name, status, "an integer: write %s=%s" % (name, status[:3]))
    if not is_integer(status):
        raise wrong_type(name, status, "an integer such as 200 or 503")
    if not 200 <= status <= 599 or status in BODILESS:
        raise wrong_value(name, "%d" % status, "a status from 200 to 599 that has a whole body "
                          "(not %s)" % ", ".join(str(one) for one in BODILESS))
    return int(status)


def validate_list(checkers):
    # type: (Any) -> List[Any]
    """Return the checks to register in a new list, so that the caller's is not changed."""
    if checkers is None:
        return []
    is_other = callable(checkers) or isinstance(checkers, (six.text_type, bytes, dict))
    if is_other or not hasattr(checkers, "__iter__"):
        raise wrong_type("checkers", checkers, "a list of checks, such as [check]")
    return list(checkers)


def validate_words(name, words):
    # type: (str, Any) -> Any
    """Return a list of text; refused are text instead of a list, and empty text in it."""
    if isinstance(words, (six.text_type, bytes)) or not hasattr(words, "__iter__"):
        raise TypeError("%s is %r, expected a list of texts such as (\"word\",)" % (name, words))
    words = list(words)
    for word in words:
        if not is_text(word):
            raise TypeError("%s holds %r, expected texts only" % (name, word))
        if not word:
            raise ValueError("%s holds an empty text, which is part of every name" % name)
    return [_jsonable.text(word) for word in words]


def validate_file(name, path):
    # type: (str, Any) -> Any
    """Return the path of a file, or None."""
    if path is None:
        return None
    shown = _fspath(path)
    if not isinstance(shown, (six.text_type, bytes)):
        raise wrong_type(name, path, "the path of a file")
    shown = _jsonable.text(shown)
    if not shown or u"\0" in shown:
        raise wrong_value(name, repr(path), "the path of a file")
    return path


def validate_details(details):
    # type: (Any) -> Any
    """Return True, False or a callable without arguments."""
    if not callable(details) and not isinstance(details, bool):
        raise wrong_type("details", details, "True, False or a callable without arguments")
    refuse_coroutine_function("details", details)
    return details


def validate_about(about):
    # type: (Any) -> Any
    """Return `about` in the order in which responses show it, or None."""
    if about is None:
        return None
    if not isinstance(about, dict):
        raise wrong_type("about", about, "a dictionary such as {'serviceId': 'shop'}")
    for name, value in about.items():
        if name not in ABOUT_NAMES:
            raise wrong_value("about", "a dictionary with %r" % (name,),
                              "some of %s" % ", ".join(ABOUT_NAMES))
        if not is_text(value):
            raise wrong_type("about[%r]" % str(name), value, "text")
    return collections.OrderedDict(
        (name, _jsonable.text(about[name])) for name in ABOUT_NAMES if name in about)


# Arguments of ready-made checks

def validate_port(port):
    # type: (Any) -> int
    """Return a TCP port."""
    if not is_integer(port):
        raise wrong_type("port", port, "a whole number such as 443")
    return int(validate_number("port", port, 1, 65535, "a TCP port"))


def validate_text(name, value):
    # type: (str, Any) -> Any
    """Return text that is not blank."""
    if not is_text(value):
        raise wrong_type(name, value, "text")
    if not value.strip():
        raise wrong_value(name, "blank", "text")
    return value


def validate_path(path):
    # type: (Any) -> Any
    """Return a path as text."""
    return validate_text("path", _fspath(path))


def _fspath(path):
    # type: (Any) -> Any
    """As os.fspath, which 2.7 lacks; a value that is not a path is returned unchanged."""
    if hasattr(path, "__fspath__"):
        return path.__fspath__()
    return path


def validate_min_free(value):
    # type: (Any) -> Any
    """Return the number of a percentage such as "5%", or a number of bytes."""
    if isinstance(value, six.string_types):
        share = re.match(r"([0-9]{1,3}(?:\.[0-9]+)?)%\Z", value)
        if not share:
            raise wrong_value("min_free", repr(value), 'bytes, or a share such as "5%"')
        return validate_number("min_free", float(share.group(1)), 0.001, 100, "percent")
    if is_number(value) and value < MIN_BYTES:  # probably meant as a percentage
        raise wrong_value("min_free", repr(value), "'5%%' or bytes (at least %d)" % MIN_BYTES)
    return validate_number("min_free", value, MIN_BYTES, MAX_BYTES, "bytes")


def validate_codes(codes):
    # type: (Any) -> List[int]
    """Return a sorted list of one status code or of several."""
    given = [codes] if is_integer(codes) else codes
    try:
        given = sorted(given)
    except TypeError:
        given = []
    if not given or not all(is_integer(one) for one in given):
        raise TypeError("status is %r, expected an integer or a collection of them" % (codes,))
    return [validate_number("status", one, 100, 599, "an HTTP status") for one in given]
