"""What is kept and shown of a check's output."""
from .. import _jsonable, _redaction

MYPY = False
if MYPY:
    from typing import Any, Text, Tuple


def show(output):
    # type: (Any) -> Tuple[Any, Text]
    """Plain JSON data of an output, secrets masked, cut; and its JSON text."""
    if not _redaction.is_too_short(output):
        output = _redaction.clean_output(_jsonable.plain(output))
    return output, _jsonable.encode(output)
