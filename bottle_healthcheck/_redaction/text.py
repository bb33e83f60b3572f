"""Secrets in texts: each rule in turn, each linear in the text's length."""
import re

from .command_lines import mask_command_line
from .names import Names
from .pairs import mask_pairs
from .tokens import mask_tokens
from .urls import mask_urls
from .values import MASK, is_plain

#: (needle, pattern): what servers and their configurations say; group 1 is kept.
WORDINGS = [(needle, re.compile(pattern)) for needle, pattern in (
    ("AUTH", r"(\bAUTH\"? {1,4}(?:\"?\w{1,64}\"? {1,4})?\"?)(?=\S{0,256}\d)[^\s\"]{8,512}"),
    ("login", r"(\blogin\s{1,8}\S{1,256}\s{1,8}password\s{1,8})\S{1,512}"),
    ("requirepass", r"(\brequirepass[ \t]{1,8})\S{1,512}"),
    ("masterauth", r"(\bmasterauth[ \t]{1,8})\S{1,512}"),
    ("dentified by", r"(\b[Ii]dentified by ['\"])[^'\"\n]{1,512}"),
    ("IDENTIFIED BY", r"(\bIDENTIFIED BY ['\"])[^'\"\n]{1,512}"),
    ("PASSWORD FOR", r"(PASSWORD FOR [^=\n]{1,200} = ')[^'\n]{1,512}"),
    ("to be an IP", r"()'[^'\n]{1,512}(?=' does not appear to be an IP)"),
)]
#: What a client could not read: a number, a header's value, a URL.
_UNREAD = re.compile(
    r"(?P<before>(?:integer value(?: as)?|base 10:|port(?: number)?:|header value:?|netloc"
    r"|Failed to parse:|adapters were found for|url type:|URL from string|host name"
    r"|control characters\.|input_value=|encoded token:|missing \"=\" after|'\(', found:)"
    r" ?[bu]?([\"']))(?P<value>(?:(?!\2)[^\n]){1,512})")


def mask_text(text, names, all_names=False):
    # type: (str, Names, bool) -> str
    """The text with all that looks like a secret masked; all_names: as for mask_pairs."""
    text = mask_tokens(mask_urls(text))
    for needle, pattern in WORDINGS:
        if needle in text:
            text = pattern.sub(lambda match: match.group(1) + MASK, text)
    if "'" in text or "\"" in text:
        text = _UNREAD.sub(_mask_unread, text)
    return mask_command_line(mask_pairs(text, names, all_names), names)


def _mask_unread(match):
    """What could not be read, masked where it is neither a number nor a plain word or address."""
    is_secret = not all(map(is_plain, match.group("value").split()))
    return match.group("before") + MASK if is_secret else match.group()
