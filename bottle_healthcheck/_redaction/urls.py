"""Passwords in URLs."""
import re

from six.moves.urllib.parse import unquote

from .values import MASK

MYPY = False
if MYPY:
    from typing import List, Match, Text

#: Schemes of URLs whose user may be a token.
TOKEN_SCHEMES = ("http", "https", "nats")

#: Where another URL or a query begins.
_STOP = r"(?!://|[?&][\w.-]{1,64}=|[|,;][\w+.-]{1,32}://)"
_USER = r"[^\s/?#@:\[\"'<>`]"
#: In a password @ : / ? may stand unescaped: it goes up to the last @ before a blank, a quote or a
#: query. Where there is no such @ these may stand before the first one, but no other URL.
_URL = re.compile(r"""
    ://(?P<user>
        (?:{user}{{1,128}}@(?=[^\s/?#@\[\"'<>`]{{1,128}}@))?  # ://ann@tenant@host
        {user}{{0,128}})
    (?::(?!/?[\s/])(?P<password>
        (?:{stop}[^\s@\"'<>`])+(?:@(?:{stop}[^\s@,;|\"'<>`])+)*(?=@)  # ://ann:a/b@c@host
        |(?![0-9]{{1,5}}(?!\w))  # no port: ://host:80 and ann@host
        (?:[^\s@,;|\"'<>`]|[ \t,;|\"'<>`](?![\w+.-]{{1,32}}://)){{1,256}}  # ://ann:a 'b@host
        (?:@[^\s@,;|\"'<>`]{{0,256}})*(?=@)
    ))?@(?!sha\d)""".format(user=_USER, stop=_STOP), re.U | re.X)
_PORT_AND_PATH = re.compile(r"[0-9]{1,5}[/?#]")


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
        is_empty = not user and not password
        if is_empty or _PORT_AND_PATH.match(password):  # http://host:80/path@2
            return match.group()
        return u"://" + MASK + u"@"
    if password:
        return u"://" + user + u":" + MASK + u"@"
    return match.group()
