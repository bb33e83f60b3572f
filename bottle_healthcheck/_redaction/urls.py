"""Passwords in URLs and in user:password@host and their like."""
import re

from .values import MASK, is_plain

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
#: The same, escaped, as within the query of another URL.
_ENCODED_URL = re.compile(
    r"(?i)(%(?:25)?3A(?:%(?:25)?2F){2}(?:(?!%(?:25)?3A)[\w.~%-]){0,64}%(?:25)?3A)"
    r"(?:(?!%(?:25)?40)[\w.~!%+-]){1,256}(?=%(?:25)?40)")
#: user:password@host, Oracle's user/password@host:port and user/password@NAME.
_USER_AT = re.compile(
    r"(?<![\w.:@/-])([\w.-]{0,64}:)(?![/0-9]{1,6}(?!\w))([^\s\"']{1,256})"
    r"(?=@(?!sha\d)(tcp\(|unix\(|[\w.-]{1,128}[:/][\w/])?[\w.-])", re.U)
_ORACLE = re.compile(
    r"((?<![\w./-])[\w.-]{1,64}/)([^\s\"'/@]{1,128})"
    r"(?=@(?!sha\d|v?\d)(//[\w.-]{1,255}[:/]|[\w.-]{1,255}:\d)?[\w/])", re.U)
_PORT = re.compile(r"[0-9]{1,5}[/?#]")


def mask_urls(text):
    # type: (str) -> str
    """The text without passwords of URLs and user names that may be tokens."""
    if "://" in text:
        text = _URL.sub(_mask_user, text)
    if "%40" in text or "%2540" in text:
        text = _ENCODED_URL.sub(lambda match: match.group(1) + MASK, text)
    if "@" in text:
        text = _USER_AT.sub(_mask_password, text)
        text = _ORACLE.sub(_mask_password, text)
    return text


def url_passwords(text):
    # type: (str) -> list
    """The passwords of URLs, but for those that are a user's or a database's name as well."""
    found = [(match.group("password"), text[max(0, match.start() - 99):match.end() + 99])
             for match in _URL.finditer(text if "://" in text else u"")]
    return [word for word, around in found if word and around.count(word) == 1]


def _mask_user(match):
    user, password = match.group("user"), match.group("password") or u""
    scheme = match.string[max(0, match.start() - 5):match.start()].lower()
    if scheme.endswith(TOKEN_SCHEMES):
        is_address = not user + password or bool(_PORT.match(password))
        return match.group() if is_address else u"://" + MASK + u"@"
    return u"://" + user + u":" + MASK + u"@" if password else match.group()


def _mask_password(match):
    """The match with its password masked, if the host or its letters and digits tell it is one."""
    user, password, host = match.groups()
    return match.group() if not host and is_plain(password) else user + MASK
