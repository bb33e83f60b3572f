"""What is kept and shown of a check's output."""
from .. import _jsonable, _redaction

MYPY = False
if MYPY:
    from typing import Any, Text, Tuple

#: Values (scalars, containers and keys) that one output has at most, and characters of its JSON
#: text: whatever a check returns holds up neither a request nor a cache server.
MAX_VALUES, MAX_LENGTH = 10000, 256 * 1024


def show(output):
    # type: (Any) -> Tuple[Any, Text]
    """Plain JSON data of an output, secrets masked, then cut; and its JSON text."""
    if _redaction.is_too_short(output):
        return output, _jsonable.encode(output)
    room = _jsonable.Room(MAX_VALUES, MAX_LENGTH)
    shown = _redaction.clean_output(_jsonable.plain(output, room))
    text = _jsonable.encode(shown)
    # A value takes two characters at least: most outputs need not be counted.
    has_many = len(text) > 2 * MAX_VALUES and _jsonable.count_values(shown) > MAX_VALUES
    if has_many or len(text) > MAX_LENGTH:
        shown = _jsonable.cut(shown, MAX_VALUES, MAX_LENGTH)
        text = _jsonable.encode(shown)
    return shown, text
