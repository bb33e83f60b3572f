"""Secrets that are known by their shape or their surroundings, whatever their names."""
import re

from .names import MASK, is_plain

MYPY = False
if MYPY:
    from typing import Match, Text

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
    "xoxr- xoxs- xsmtpsib- access-production- ya29.".split())
#: Its parts that have a digit or a capital letter.
_DIGITS = re.compile(r"[^\W_]*[A-Z0-9][^\W_]*", re.U)
_WORD = re.compile(r"(?<![\w.-])[A-Za-z][\w.~+-]{18,}={0,2}")

_USER = r"[^\s/?#@:\[\"'<>`]{0,128}(?:@[^\s/?#@:\[\"'<>`]{1,128}(?=[:@]))?"
#: @ : / ? may stand in it unescaped, and blanks and quotes if no other URL follows: it goes up to
#: the last @ before a blank, a quote or a query. A port is none.
_PASSWORD = (r"(?!/?[\s/]|[0-9]{1,5}(?![\w@]|:\S))"
             r"(?:(?!://)[^\s@,;|\"'<>`]|[ \t,;|\"'<>`](?![\w+.-]{1,32}://)){1,1024}"
             r"(?:@(?:(?![?&][\w.-]{1,64}=)[^\s@,;|\"'<>`]){0,256})*(?=@(?!sha\d))")
URL = re.compile("(://" + _USER + ":)(?P<password>" + _PASSWORD + ")", re.U)

#: In front of the value of a program's option: mysql -p, also in lists of words.
_OPTION_OF = r"((?<![\w.-])%s[\s\"'](?:[^\n|;]{0,256}?[\s\"'])??%s[\s\"',]{0,4})[^\s\"',]{1,256}"
#: (needle, pattern): in a text with the needle, group 1 is kept and the rest of a match is masked;
#: where the rest is in a group called "perhaps", only unless it is plain words.
_TABLE = (
    # http://X@host, http://ann:X@host, where the user may be a token, redis://ann:X@host
    ("://", "((?:https?|nats)://)(?!:?@)" + _USER + "(?::" + _PASSWORD + r")?(?=@(?!sha\d))"),
    ("://", URL.pattern),
    # %3A%2F%2Fann%3AX%40host, ann:X@host, scott/X@host
    ("%", r"(%(?:25)?3[Aa](?:%(?:25)?2[Ff]){2}(?:(?!%(?:25)?3[Aa])[\w.~%-]){0,64}%(?:25)?3[Aa])"
          r"(?:(?!%(?:25)?40)[\w.~!%+-]){1,256}(?=%(?:25)?40)"),
    ("@", r"((?<![\w.:@/-])(?!(?:[Bb]?[Cc]c|[Tt]o|[Ff]rom|mailto):)[\w.-]{0,64}:)"
          r"(?![/0-9]{1,6}(?!\w))(?P<perhaps>[^\s\"']{1,256})(?=@(?!sha\d)[\w.-])"),
    ("@", r"((?<![\w./-])[\w.-]{1,64}/)(?P<perhaps>[^\s\"'/@]{1,128})(?=@(?!sha\d|v?\d)[\w/])"),
    # user:password of a program, not 1000:1000; mysql -pX
    ("-", r"((?<![\w-])(?:-[uU]|--(?:proxy-)?user(?![\w-]))[\s\"',=]{0,4}([\w.@\\/-]{1,64})[:%])"
          r"(?!//|(?:\2|\d{1,256})(?![^\s\"',]))[^\s\"',]{1,256}"),
    ("-", r"((?<![\w-])-[pP][\s\"',]{1,4})(?P<perhaps>[^\s\"',/]{1,512})(?![^\s\"',])"),
    ("-p", _OPTION_OF % (r"(?:mysql|maria|mongo|sshpass|cqlsh|twine|7z)[\w.-]{0,32}", "-p(?!ort)")),
    ("-a", _OPTION_OF % ("(?:redis-cli|https?)", "-a")),
    ("-w", _OPTION_OF % (r"ldap\w{1,16}", "-w")),
    ("-encrypt", _OPTION_OF % ("(?:consul|nomad|serf)", "-encrypt=?")),
    ("-u", _OPTION_OF % ("lftp", r"-u[\s\"',]{1,4}[^\s\"':,]{1,64}")),
    # A private key, -----BEGIN RSA PRIVATE KEY-----..., but for certificates in base64 too
    ("PRIVATE KEY", r"(-----BEGIN [A-Z ]{0,32}PRIVATE KEY[A-Z ]{0,32}-----)(?:[^-]|-(?!----))+"),
    ("LS0tLS1CRUdJTi", r"()LS0tLS1CRUdJTi(?!BDRVJU|BQVUJM)[\w+/\\-]{16,}=*"),
    # PuTTY: Private-Lines: 2, the lines, Private-MAC: 0a1b...
    ("Private-Lines", r"(Private-Lines:)[\w+/=:\s\\-]+"),
    # A JWT: eyJhbGci.eyJzdWIi.c2ln
    ("eyJ", r"(?<![\w-])()eyJ[\w-]{5,8192}(?:\.[\w-]{0,8192}){2,4}"),
    # What Mailgun, Airtable, Twilio, Azure, Discord and Terraform issue
    ("", r"(?<![\w.-])()(?:key-[0-9a-f]{32}|pat\w{14}\.[0-9a-f]{64}|SK[0-9a-f]{32}"
         r"|[\w~.-]{3}\dQ~[\w~.-]{31,34}|[MNO][A-Za-z0-9]{23,27}\.[\w-]{6}\.[\w-]{27,38}"
         r"|\w{14}\.atlasv1\.[\w-]{60,})(?![\w-])"),
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
    (" ", r"(\b(?:login\s{1,8}\S{1,256}\s{1,8}password|requirepass|masterauth|(?:IDENTIFIED BY"
          r"|[Ii]dentified by|PASSWORD FOR [^=\n]{1,200} =)(?= ['\"]))\s{1,8}['\"]?)"
          r"[^\s'\"]{1,512}"),
    # What a client could not read: invalid literal for int() with base 10: 'X', header value: 'X'
    (" ", r"((?:integer value(?: as)?|base 10:|port(?: number)?:|header value:?|netloc"
          r"|Failed to parse:|adapters were found for|url type:|URL from string|host name"
          r"|control characters\.|input_value=|encoded token:|missing \"=\" after|'\(', found:)"
          r" ?[bu]?([\"']))(?P<perhaps>(?:(?!\2)[^\n]){1,512})"),
    ("to be an IP", r"()'(?P<perhaps>[^'\n]{1,512})(?=' does not appear to be an IP)"),
)
PATTERNS = [(needle, re.compile(pattern, re.U)) for needle, pattern in _TABLE]


def mask_patterns(text):
    # type: (Text) -> Text
    """The text without what the patterns find, and without makers' tokens."""
    for needle, pattern in PATTERNS:
        if needle in text:
            text = pattern.sub(_mask, text)
    return _WORD.sub(_mask_token, text)


def _mask(match):
    # type: (Match[Text]) -> Text
    perhaps = match.groupdict().get("perhaps")
    if perhaps is not None and all(map(is_plain, perhaps.split())):
        return match.group()
    return match.group(1) + MASK


def _mask_token(match):
    # type: (Match[Text]) -> Text
    word = match.group()
    is_token = word.startswith(PREFIXES) and not all(map(is_plain, _DIGITS.findall(word)))
    return MASK if is_token else word
