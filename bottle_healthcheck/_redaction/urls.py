"""Passwords in URLs."""
import re

from six.moves.urllib.parse import unquote

from .values import MASK

MYPY = False
if MYPY:
    from typing import List, Match, Text

#: Schemes of URLs whose user may be a token.
TOKEN_SCHEMES = ("http", "https", "nats")

_STOP = r"(?!://|[?&][\w.-]{1,64}=|[|,;][\w+.-]{1,32}://)"
_USER = r"[^\s/?#@:\[\"'<>`]"
#: In a password @ : / ? may stand unescaped: it goes up to the last @ before a blank, a quote or a
#: query. Where there is no such @ these may stand before the first one, but no other URL.
_URL = re.compile(
    r"://(?P<user>(?:" + _USER + r"{1,128}@(?=[^\s/?#@\[\"'<>`]{1,128}@))?" + _USER + r"{0,128})"
    r"(?::(?!/?[\s/])(?P<password>"
    r"(?:" + _STOP + r"[^\s@\"'<>`])+(?:@(?:" + _STOP + r"[^\s@,;|\"'<>`])+)*(?=@)"
    r"|(?![0-9]{1,5}(?!\w))(?:[^\s@,;|\"'<>`]|[ \t,;|\"'<>`](?![\w+.-]{1,32}://)){1,256}"
    r"(?:@[^\s@,;|\"'<>`]{0,256})*(?=@)))?@(?!sha\d)", re.U)
_PORT = re.compile(r"[0-9]{1,5}[/?#]")


def mask_urls(text):
    # type: (str) -> str
    """The text without passwords of URLs and user names that may be tokens."""
    if "://" in text:
        text = _URL.sub(_mask_user, text)
    return text


def url_passwords(text):
    # type: (Text) -> List[Text]
    """The passwords of URLs, as they stand and decoded.

    Those that are a user's or a database's name as well are none.
    """
    found = [(match.group("password"), text[max(0, match.start() - 99):match.end() + 99])
             for match in _URL.finditer(text)]
    passwords = [word for word, around in found if word and around.count(word) == 1]
    return passwords + [unquote(word) for word in passwords if "%" in word]


def _mask_user(match):
    # type: (Match[Text]) -> Text
    user, password = match.group("user"), match.group("password") or u""
    scheme = match.string[max(0, match.start() - 5):match.start()].lower()
    if scheme.endswith(TOKEN_SCHEMES):
        is_address = not user + password or bool(_PORT.match(password))
        return match.group() if is_address else u"://" + MASK + u"@"
    if password:
        return u"://" + user + u":" + MASK + u"@"
    return match.group()
