"""Secrets that are known by their shape or their surroundings, whatever their names."""
import re

from .values import MASK, is_plain, looks_random

MYPY = False
if MYPY:
    from typing import Iterable, Match, Pattern, Text, Tuple

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
    # -----BEGIN RSA PRIVATE KEY-----...
    ("PRIVATE KEY", r"(-----BEGIN [A-Z ]{0,32}PRIVATE KEY[A-Z ]{0,32}-----)(?:[^-]|-(?!----))+"),
    # PuTTY: Private-Lines: 2, the lines, Private-MAC: 0a1b...
    ("Private-Lines", r"(\bPrivate-Lines: ?\d{1,4}(?:\s|\\[rn]){1,4})"
                      r"(?:[\w+/=]{1,128}(?:\s|\\[rn]|\Z){1,4})+?(?=Private-MAC|\Z)"),
    ("Private-MAC", r"(\bPrivate-MAC: )[0-9a-f]{20,256}"),
    # -----BEGIN ... in base64, but a certificate
    ("LS0tLS1CRUdJTi", r"()LS0tLS1CRUdJTi(?!BDRVJU|BQVUJM)[\w+/\\-]{16,}=*"),
    # a JWT: eyJhbGci.eyJzdWIi.c2ln
    ("eyJ", r"(?<![\w-])()eyJ[\w-]{5,8192}(?:\.[\w-]{0,8192}){2,4}"),
    # Mailgun: key-0a1b2c..., Discord: MTIz....aBcDeF.x..., Terraform: x.atlasv1.y
    ("key-", r"(?<![\w-])()key-[0-9a-f]{32}(?![\w-])"),
    (".", r"(?<![\w.-])()[MNO][A-Za-z0-9]{23,27}\.[\w-]{6}\.[\w-]{27,38}(?![\w.-])"),
    ("atlasv1.", r"(?<![\w.-])()\w{14}\.atlasv1\.[\w-]{60,}"),
    # Cloudflare, Twilio, Airtable, Azure, Plaid
    ("v1.0-", r"(?<![\w.-])()v1\.0-[0-9a-f]{24}-[0-9a-f]{100,256}(?![\w-])"),
    ("SK", r"(?<!\w)()SK[0-9a-f]{32}(?!\w)"),
    ("pat", r"(?<![\w-])()pat\w{14}\.[0-9a-f]{64}(?!\w)"),
    ("Q~", r"(?<![\w~.-])()[\w~.-]{3}\dQ~[\w~.-]{31,34}(?![\w~.-])"),
    ("access-", r"(?<![\w-])()access-(?:sandbox|development|production)-"
                r"[0-9a-f]{8}(?:-[0-9a-f]{4,12}){4}"),
    # hooks.slack.com/services/X, /webhooks/1/X
    ("hooks.", r"(hooks\.slack\.com/\w{1,20}/)[\w/.-]{8,255}"),
    ("webhook", r"(/webhooks/\d{1,24}/|/webhookb2/|/webhook/)[\w@/.-]{8,512}"),
    # $2b$12$..., a hash; 123456789:AA..., a bot of Telegram
    ("$", r"()\$(?:2[abxy]|[156y]|apr1|argon2\w{1,2})\$[\w./$=,+-]{8,256}"),
    (":AA", r"((?<![\w-])(?:bot)?\d{6,12}:)AA[\w-]{30,64}"),
    # Bearer X, Basic X
    (" ", r"((?<!\w)[Bb](?:earer|EARER|asic(?= +\S*[A-Z=])) {1,4})"
          r"(?=[\w.~+/-]{0,8191}?(?:[0-9=]|[a-z][A-Z]|\w{16}))[\w.~+/-]{8,8192}=*(?![\w=])"),
    # AUTH ann X, login ann password X, requirepass X, IDENTIFIED BY 'X'
    ("AUTH", r"(\bAUTH\"? {1,4}(?:\"?\w{1,64}\"? {1,4})?\"?)(?=\S{0,256}\d)[^\s\"]{8,512}"),
    ("pass", r"(\b(?:login\s{1,8}\S{1,256}\s{1,8}password|requirepass)\s{1,8})\S{1,512}"),
    ("masterauth", r"(\bmasterauth[ \t]{1,8})\S{1,512}"),
    ("dentified by", r"(\b[Ii]dentified by ['\"])[^'\"\n]{1,512}"),
    ("IDENTIFIED BY", r"(\bIDENTIFIED BY ['\"])[^'\"\n]{1,512}"),
    ("PASSWORD FOR", r"(PASSWORD FOR [^=\n]{1,200} = ')[^'\n]{1,512}"),
    ("to be an IP", r"()'[^'\n]{1,512}(?=' does not appear to be an IP)"),
    # What a client could not read: invalid literal for int() with base 10: 'X', header value: 'X'
    (" ", r"((?:integer value(?: as)?|base 10:|port(?: number)?:|header value:?|netloc"
          r"|Failed to parse:|adapters were found for|url type:|URL from string|host name"
          r"|control characters\.|input_value=|encoded token:|missing \"=\" after|'\(', found:)"
          r" ?[bu]?([\"']))(?P<perhaps>(?:(?!\2)[^\n]){1,512})"),
)
PATTERNS = [(needle, re.compile(pattern, re.U)) for needle, pattern in _TABLE]


def mask_patterns(text):
    # type: (str) -> str
    """The text without what the patterns find, and without the tokens of known makers."""
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
    """A word that a maker marked, masked if it looks random."""
    word = match.group()
    if not word.startswith(PREFIXES):
        return word
    return MASK if looks_random(word) else word
