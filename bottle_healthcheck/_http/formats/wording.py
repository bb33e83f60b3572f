"""How the page words durations, moments, outputs, names and docstrings for a person."""
import functools
import inspect
import json
import re

from ... import _jsonable, _redaction
from .values import iso_8601

MYPY = False
if MYPY:
    from typing import Any, List, Text, Tuple

#: The middle of a longer output is folded: its beginning and its end stay visible.
MAX_LINES, MAX_CHARACTERS = 20, 2000
BEGINNING_LINES, BEGINNING_CHARACTERS = 8, 800
END_LINES, END_CHARACTERS = 6, 600

MINUTE, HOUR, DAY = 60, 3600, 86400

#: A long name may be broken after each of these parts.
_PART_OF_NAME = re.compile(u"[^_.:/@-]*[_.:/@-]+|[^_.:/@-]+")

#: A long address may be broken after each of these.
_PART_OF_LINK = re.compile(u"[^/]*//[^/]*/?|[^/]*/+|[^/]+")

_LINK = re.compile(u"https?://[^\\s<>\"'`]{1,2000}", re.IGNORECASE)

#: Characters after a link that belong to the sentence, not to the link.
_AFTER_A_LINK = u".,;:!?*_]"

#: The escape of a line break in JSON, and whole escapes of backslashes before it.
_LINE_BREAK = re.compile(r"(?<!\\)((?:\\\\)*)\\n")


# Times

def period(seconds):
    # type: (float) -> Text
    """How long something has lasted, in one or two units: "13 min", "1 h 59 min"."""
    seconds = int(seconds)
    if seconds < 1:
        return u"< 1 s"
    if seconds < 2 * MINUTE:
        return u"%d s" % seconds
    if seconds < HOUR:
        return u"%d min" % (seconds // MINUTE)
    size, unit, smaller_size, smaller_unit = HOUR, u"h", MINUTE, u"min"
    if seconds >= DAY:
        size, unit, smaller_size, smaller_unit = DAY, u"d", HOUR, u"h"
    many, few = seconds // size, seconds % size // smaller_size
    if few == 0 or many >= 10:
        return u"%d %s" % (many, unit)
    return u"%d %s %d %s" % (many, unit, few, smaller_unit)


def duration(seconds):
    # type: (float) -> Text
    """How long a run took, in a unit that suits it: "0.9 ms", "250 ms", "3.0 s"."""
    milliseconds = 1000 * seconds
    if milliseconds < 0.05:
        return u"< 0.1 ms"
    if milliseconds < 9.95:
        return u"%.1f ms" % milliseconds
    if milliseconds < 999.5:
        return u"%.0f ms" % milliseconds
    if seconds < 9.95:
        return u"%.1f s" % seconds
    return period(seconds + 0.5)


def moment(epoch_seconds, now):
    # type: (float, float) -> Text
    """A time in UTC: "23:59:07 UTC" if it is today, else "2026-11-26 23:59 UTC"."""
    then, today = iso_8601(epoch_seconds), iso_8601(now)
    if then[:10] == today[:10]:
        return u"%s UTC" % then[11:19]
    return u"%s %s UTC" % (then[:10], then[11:16])


# Outputs

def pretty(output):
    # type: (Any) -> Text
    """An output for a person: JSON is indented, and line breaks in its strings are real."""
    if not isinstance(output, (dict, list)):
        return _jsonable.output_text(output)
    indented = json.dumps(output, indent=2, ensure_ascii=False, separators=(",", ": "))
    return _LINE_BREAK.sub(u"\\1\n", _jsonable.text(indented))


def fold(text):
    # type: (Text) -> Tuple[Text, Text, Text]
    """(beginning, middle, end) of a text; the middle is "" where the text is short.

    The end stays visible: it is where a traceback names the error.
    """
    if text.count(u"\n") < MAX_LINES and len(text) <= MAX_CHARACTERS:
        return text, u"", u""
    lines = text.split(u"\n")
    if len(lines) < MAX_LINES:
        lines = [text]
    beginning = u"\n".join(lines[:BEGINNING_LINES])[:BEGINNING_CHARACTERS]
    end = u"\n".join(lines[-END_LINES:])[-END_CHARACTERS:]
    return beginning, text[len(beginning):-len(end)].strip(u"\n"), end


def amount(text):
    # type: (Text) -> Text
    """The length of a text in words: "12 lines", "1,200 characters"."""
    lines = text.count(u"\n") + 1
    if lines > 2:
        return u"{:,} lines".format(lines)
    return u"{:,} characters".format(len(text))


# Names and docstrings

def parts_of_name(name):
    # type: (Any) -> List[Text]
    """A name in one line, split where a browser may break the line."""
    return _PART_OF_NAME.findall(_jsonable.one_line(name))


def first_paragraph(check):
    # type: (Any) -> List[Tuple[List[Text], Text]]
    """The first paragraph of a check's docstring: (parts of a text, address of a link or "").

    For a partial, that of the function in it. Secrets are masked, as in outputs.
    """
    if check is None:  # draining is no check; and since Python 3.13 None has a docstring
        return []
    func = check.func
    while isinstance(func, functools.partial):
        func = func.func
    try:
        doc = getattr(func, "__doc__", None)
    except Exception:  # an odd object raises; the page has to show the rest
        return []
    if not isinstance(doc, (bytes, type(u""))):
        return []
    paragraph = inspect.cleandoc(_jsonable.text(doc)).partition(u"\n\n")[0]
    return _with_links(_redaction.clean_output(u" ".join(paragraph.split())))


def _with_links(text):
    # type: (Text) -> List[Tuple[List[Text], Text]]
    pieces = []  # type: List[Tuple[List[Text], Text]]
    end = 0
    for match in _LINK.finditer(text):
        link = match.group().rstrip(_AFTER_A_LINK)
        if u"(" not in link:  # else the bracket at its end may be its own
            link = link.rstrip(_AFTER_A_LINK + u")")
        pieces.append(([text[end:match.start()]], u""))
        pieces.append((_PART_OF_LINK.findall(link), link))
        end = match.start() + len(link)
    pieces.append(([text[end:]], u""))
    return [piece for piece in pieces if piece[0] != [u""]]
