"""Secrets that are known by their shape or their surroundings, whatever their names."""
import re

from six.moves.urllib.parse import unquote

from .values import MASK, is_plain, looks_random

MYPY = False
if MYPY:
    from typing import Iterable, List, Match, Pattern, Text, Tuple

#: How the tokens of known makers begin; such a token has 20 characters or more and a digit.
PREFIXES = tuple(
    "ABSK AGE-SECRET-KEY-1 aio_ AIza AKCp AKIA api_org_ AQVN ASIA ATATT3 ATBB ATCTT3 bkua_ CCIPAT_ "
    "ccipat_ CFPAT- CLOJARS_ csk- dapi dckr_oat_ dckr_pat_ doo_v1_ dop_v1_ dor_v1_ dp.audit. "
    "dp.ct. dp.pt. dp.sa. dp.scim. dp.st. dt0c01. dt0s01. e2b_ EAA EZAK EZTK figd_ fio-u- FLWSECK "
    "fm2_ fo1_ gho_ ghp_ ghr_ ghs_ ghu_ github_pat_ glagent- glc_ glcbt- gldt- glffct- glft- "
    "glimt- gloas- glpat- glptt- glrt- glsa_ glsoat- glwt- GOCSPX- gsk_ hf_ HRKU- hvb. hvr. hvs. "
    "ico- jina_ lin_api_ lin_oauth_ LTAI mlsn. napi_ nfp_ npm_ NRAK- NRII- NRJS- ntn_ nvapi- ops_ "
    "pat-eu1- pat-na1- phx_ PMAK- pnu_ pplx- pscale_ pul- pypi- r8_ rdme_ re_ rk_live_ rk_test_ "
    "rpa_ rubygems_ sb_secret_ sbp_ secret_ SG. sgp_ sha256~ shippo_live_ shpat_ shpca_ shppa_ "
    "shpss_ sk- sk. sk_live_ sk_test_ sntrya_ sntrys_ sntryu_ sq0atp- sq0csp- sqa_ sqp_ squ_ tfp_ "
    "tk-us- tskey- tvly- whsec_ xai- xapp- xkeysib- xoxa- xoxb- xoxc- xoxd- xoxe- xoxe. xoxp- "
    "xoxr- xoxs- xsmtpsib- ya29.".split())
_WORD = re.compile(r"(?<![\w.-])[A-Za-z][\w.~+-]{18,}={0,2}")

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

#: (needle, pattern): in a text with the needle, group 1 is kept and the rest of a match is masked;
#: where the rest is in a group called "perhaps", only unless it is plain words.
_TABLE = (
    # %3A%2F%2Fann%3AX%40host, ann:X@host:80, scott/X@host:1521 and scott/X@NAME
    ("%", r"(%(?:25)?3[Aa](?:%(?:25)?2[Ff]){2}(?:(?!%(?:25)?3[Aa])[\w.~%-]){0,64}%(?:25)?3[Aa])"
          r"(?:(?!%(?:25)?40)[\w.~!%+-]){1,256}(?=%(?:25)?40)"),
    ("@", r"((?<![\w.:@/-])(?!(?:[Bb]?[Cc]c|[Tt]o|[Ff]rom|mailto):)[\w.-]{0,64}:)"
          r"(?![/0-9]{1,6}(?!\w))(?:[^\s\"']{1,256}"
          r"(?=@(?!sha\d)(?:tcp\(|unix\(|[\w.-]{1,128}[:/][\w/])[\w.-])"
          r"|(?P<perhaps>[^\s\"']{1,256})(?=@(?!sha\d)[\w.-]))"),
    ("@", r"((?<![\w./-])[\w.-]{1,64}/)(?:[^\s\"'/@]{1,128}"
          r"(?=@(?!sha\d|v?\d)(?://[\w.-]{1,255}[:/]|[\w.-]{1,255}:\d)[\w/])"
          r"|(?P<perhaps>[^\s\"'/@]{1,128})(?=@(?!sha\d|v?\d)[\w/]))"),
    # A private key, -----BEGIN RSA PRIVATE KEY-----..., but for certificates in base64 too
    ("PRIVATE KEY", r"(-----BEGIN [A-Z ]{0,32}PRIVATE KEY[A-Z ]{0,32}-----)(?:[^-]|-(?!----))+"),
    ("LS0tLS1CRUdJTi", r"()LS0tLS1CRUdJTi(?!BDRVJU|BQVUJM)[\w+/\\-]{16,}=*"),
    # PuTTY: Private-Lines: 2, the lines, Private-MAC: 0a1b...
    ("Private-Lines", r"(\bPrivate-Lines: ?\d{1,4}(?:\s|\\[rn]){1,4})"
                      r"(?:[\w+/=]{1,128}(?:\s|\\[rn]|\Z){1,4})+?(?=Private-MAC|\Z)"),
    ("Private-MAC", r"(\bPrivate-MAC: )[0-9a-f]{20,256}"),
    # A JWT: eyJhbGci.eyJzdWIi.c2ln
    ("eyJ", r"(?<![\w-])()eyJ[\w-]{5,8192}(?:\.[\w-]{0,8192}){2,4}"),
    # What Mailgun, Airtable, Cloudflare, Plaid and Twilio issue; Azure, Discord, Terraform
    ("", r"(?<![\w.-])()(?:key-[0-9a-f]{32}|pat\w{14}\.[0-9a-f]{64}"
         r"|v1\.0-[0-9a-f]{24}-[0-9a-f]{100,256}"
         r"|access-(?:sandbox|development|production)-[0-9a-f]{8}(?:-[0-9a-f]{4,12}){4}"
         r"|SK[0-9a-f]{32}|[\w~.-]{3}\dQ~[\w~.-]{31,34}"
         r"|[MNO][A-Za-z0-9]{23,27}\.[\w-]{6}\.[\w-]{27,38}|\w{14}\.atlasv1\.[\w-]{60,})"
         r"(?![\w-])"),
    # hooks.slack.com/services/X, /webhooks/1/X
    ("hook", r"(hooks\.slack\.com/\w{1,20}/|/webhooks/\d{1,24}/|/webhook(?:b2)?/)"
             r"[\w@/.-]{8,512}"),
    # https://maps.example/?key=X
    ("key=", r"([?&]key=)(?P<perhaps>[^\s&#\"'<>]{1,512})"),
    # $2b$12$..., a hash; 123456789:AA..., a bot of Telegram
    ("$", r"()\$(?:2[abxy]|[156y]|apr1|argon2\w{1,2})\$[\w./$=,+-]{8,256}"),
    (":AA", r"((?<![\w-])(?:bot)?\d{6,12}:)AA[\w-]{30,64}"),
    # Bearer X, Basic X
    (" ", r"((?<!\w)[Bb](?:earer|EARER|asic(?= +\S*[A-Z=])) {1,4})"
          r"(?=[\w.~+/-]{0,8191}?(?:[0-9=]|[a-z][A-Z]|\w{16}))[\w.~+/-]{8,8192}=*(?![\w=])"),
    # AUTH ann X, login ann password X, requirepass X, IDENTIFIED BY 'X'
    ("AUTH", r"(\bAUTH\"? {1,4}(?:\"?\w{1,64}\"? {1,4})?\"?)(?=\S{0,256}\d)[^\s\"]{8,512}"),
    (" ", r"(\b(?:login\s{1,8}\S{1,256}\s{1,8}password|requirepass|masterauth)\s{1,8})\S{1,512}"),
    (" ", r"(\b(?:[Ii]dentified by |IDENTIFIED BY |PASSWORD FOR [^=\n]{1,200} = )['\"])"
          r"[^'\"\n]{1,512}"),
    # What a client could not read: invalid literal for int() with base 10: 'X', header value: 'X'
    (" ", r"((?:integer value(?: as)?|base 10:|port(?: number)?:|header value:?|netloc"
          r"|Failed to parse:|adapters were found for|url type:|URL from string|host name"
          r"|control characters\.|input_value=|encoded token:|missing \"=\" after|'\(', found:)"
          r" ?[bu]?([\"']))(?P<perhaps>(?:(?!\2)[^\n]){1,512})"),
    ("to be an IP", r"()'[^'\n]{1,512}(?=' does not appear to be an IP)"),
)
PATTERNS = [(needle, re.compile(pattern, re.U)) for needle, pattern in _TABLE]


def mask_patterns(text):
    # type: (str) -> str
    """The text without passwords of URLs, what the patterns find, and makers' tokens."""
    if u"://" in text:
        text = _URL.sub(_mask_user, text)
    return _WORD.sub(_mask_marked, mask_found(text, PATTERNS))


def mask_found(text, patterns):
    # type: (Text, Iterable[Tuple[str, Pattern[Text]]]) -> Text
    """The text without what these patterns find."""
    for needle, pattern in patterns:
        if needle in text:
            text = pattern.sub(_mask, text)
    return text


def _mask(match):
    # type: (Match[Text]) -> Text
    perhaps = match.groupdict().get("perhaps")
    if perhaps is not None and all(map(is_plain, perhaps.split())):
        return match.group()
    return match.group(1) + MASK


def _mask_marked(match):
    # type: (Match[Text]) -> Text
    """A word, masked if a maker marked it and it looks random."""
    word = match.group()
    is_token = word.startswith(PREFIXES) and looks_random(word)
    return MASK if is_token else word


def url_passwords(text):
    # type: (Text) -> List[Text]
    """The passwords of URLs, as they stand and decoded, but those that name a user or database."""
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
