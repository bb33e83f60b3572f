"""What a check or an exception handler returns: (passed, output)."""
import inspect

import six

MYPY = False
if MYPY:
    from typing import Any, Optional, Text, Tuple, Union

    #: (passed, output), a valid pair; passed is True, False or WARN.
    Pair = Tuple[Union[bool, "_Warn"], Any]


class _Warn(object):
    """The class of WARN."""

    def __bool__(self):
        # type: () -> bool
        return False

    __nonzero__ = __bool__  # 2.7

    def __repr__(self):
        # type: () -> str
        return "WARN"

    def __reduce__(self):
        # type: () -> str
        return "WARN"  # there is one, also for copy and pickle


#: In place of passed: the check fails, and is not critical this time. It counts as false.
WARN = _Warn()


def pair(returned):
    # type: (Any) -> Pair
    """(passed, output) of what a check returned; passed is True, False or WARN.

    Anything but a valid pair is a failure that says what was returned and what was expected.
    """
    fault = fault_of(returned)
    if fault is not None:
        return False, u"the check " + fault
    passed, output = returned
    if passed is not WARN:
        passed = bool(passed)
    return passed, output


def fault_of(returned):
    # type: (Any) -> Optional[Text]
    """What a function returned that is no valid pair, and what was expected; None for a pair."""
    if not isinstance(returned, (tuple, list)):
        return (u"returned %s, expected a pair (passed, output)"
                % _with_article(returned))
    if len(returned) != 2:
        return (u"returned %s of %d, expected a pair (passed, output)"
                % (_with_article(returned), len(returned)))
    passed, output = returned
    if not _says_nothing(passed):
        return None
    is_text = isinstance(passed, (six.text_type, bytes))
    is_swapped = isinstance(output, bool) or output is WARN
    if is_text and is_swapped:
        return u"returned (output, passed), expected (passed, output)"
    return (u"returned %s as passed, expected True, False or WARN"
            % _with_article(passed))


def _says_nothing(passed):
    # type: (Any) -> bool
    """Whether the truth of a value says nothing of a check: an error's text is true, too."""
    if isinstance(passed, six.integer_types + (float,)):
        return False
    if isinstance(passed, BaseException) or inspect.isclass(passed) or inspect.isroutine(passed):
        return True
    if hasattr(type(passed), "__await__"):  # what a coroutine function returns
        return True
    try:
        len(passed)
        return True
    # It has none. Some proxies and arrays have a __len__ all the same; 2.7 has old-style classes.
    except (TypeError, AttributeError):
        return False


def _with_article(value):
    # type: (Any) -> Text
    """A value by its type: "a str"."""
    if value is None or value is WARN:
        return six.ensure_text(repr(value))
    if inspect.isclass(value):
        return u"a class"
    name = six.ensure_text(type(value).__name__, "utf-8", "replace")
    if name[:1] in u"aeio":
        return u"an " + name
    return u"a " + name
