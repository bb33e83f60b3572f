"""Secrets in texts: by their shape or surroundings, and by the names in front of them."""
import re

from .names import MASK, SCHEMES, STRONG, WEAK, Names, is_harmless, is_plain, is_setting

MYPY = False
if MYPY:
    from typing import Match, Pattern, Text, Tuple

#: How the tokens of known makers begin.
PREFIXES = "|".join(r"""
    ABSK access-production- AGE-SECRET-KEY-1 aio_ AIza AKCp AKIA api_org_ AQVN ASIA ATATT3 ATBB
    ATCTT3 bkua_ CCIPAT_ ccipat_ CFPAT- CLOJARS_ csk- dapi dckr_[op]at_ do[opr]_v1_ dp\.[a-z]{2,5}\.
    dt0[cs]01\. e2b_ EAA EZ[AT]K figd_ fio-u- FLWSECK fm2_ fo1_ gh[oprsu]_ github_pat_ gl[a-z]{2,5}-
    gl(?:c|sa)_ GOCSPX- gsk_ hf_ HRKU- hv[brs]\. ico- jina_ lin_(?:api|oauth)_ LTAI mlsn\. napi_
    nfp_ npm_ NR(?:AK|II|JS)- ntn_ nvapi- ops_ pat-[en]a?u?1- phx_ PMAK- pnu_ pplx- pscale_ pul-
    pypi- r8_ rdme_ re_ [rs]k_(?:live|test)_ rpa_ rubygems_ sb_secret_ sbp_ secret_ SG\. sgp_
    sha256~ shippo_live_ shp[a-z]{2,3}_ sk[-.] sntry[asu]_ sq0[ac][st]p- sq[apu]_ tfp_ tk-us- tskey-
    tvly- whsec_ xai- xapp- xkeysib- xox[a-z][.-] xsmtpsib- ya29\.""".split())
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
          r"(?![/0-9]{1,6}(?!\w))(?:[^\s\"']{1,256}(?=@(?!sha\d)(?:tcp\(|[\w.-]{1,128}:\d))"
          r"|(?P<perhaps>[^\s\"']{1,256})(?=@(?!sha\d)[\w.-]))"),
    ("@", r"((?<![\w./-])[\w.-]{1,64}/)(?:[^\s\"'/@]{1,128}(?=@(?!sha\d)[\w.-]{1,128}:\d)"
          r"|(?P<perhaps>[^\s\"'/@]{1,128})(?=@(?!sha\d|v?\d)[\w/]))"),
    # curl -u ann:X, not 1000:1000; mysql -pX
    ("-", r"((?<![\w-])(?:-[uU]|--(?:proxy-)?user(?![\w-]))[\s\"',=]{0,4}([\w.@\\/-]{1,64})[:%])"
          r"(?!//|(?:\2|\d{1,256})(?![^\s\"',]))[^\s\"',]{1,256}"),
    ("-", r"((?<![\w-])-[pP][\s\"',]{1,4})(?P<perhaps>[^\s\"',/]{1,512})(?![^\s\"',])"),
    ("-p", _OPTION_OF % (r"(?:mysql|maria|mongo|sshpass|cqlsh|twine|7z)[\w.-]{0,32}", "-p(?!ort)")),
    ("-a", _OPTION_OF % ("(?:redis-cli|https?)", "-a")),
    ("-w", _OPTION_OF % (r"ldap\w{1,16}", "-w")),
    ("-encrypt", _OPTION_OF % ("(?:consul|nomad|serf)", "-encrypt=?")),
    ("-u", _OPTION_OF % ("lftp", r"-u[\s\"',]{1,4}[^\s\"':,]{1,64}")),
    # Private keys, no certificates, and PuTTY's; a JWT; tokens of Mailgun, Airtable, Azure, Discord
    ("PRIVATE KEY", r"(-----BEGIN [A-Z ]{0,32}PRIVATE KEY[A-Z ]{0,32}-----)(?:[^-]|-(?!----))+"),
    ("LS0tLS1CRUdJTi", r"()LS0tLS1CRUdJTi(?!BDRVJU|BQVUJM)[\w+/\\-]{16,}=*"),
    ("Private-Lines", r"(Private-Lines:)[\w+/=:\s\\-]+"),
    ("eyJ", r"(?<![\w-])()eyJ[\w-]{5,8192}(?:\.[\w-]{0,8192}){2,4}"),
    ("", r"(?<![\w.-])()(?:key-[0-9a-f]{32}|pat\w{14}\.[0-9a-f]{64}|SK[0-9a-f]{32}"
         r"|[\w~.-]{3}\dQ~[\w~.-]{31,34}|[MNO][A-Za-z0-9]{23,27}\.[\w-]{6}\.[\w-]{27,38}"
         r"|\w{14}\.atlasv1\.[\w-]{60,})(?![\w-])"),
    ("", r"(?<![\w.-])((?=[\w.~+-]{19})(?:" + PREFIXES + r"))(?P<perhaps>[\w.~+-]{9,}={0,2})"),
    ("hook", r"((?:hooks\.slack\.com|/webhooks?(?:b2)?)/(?:\w{1,24}/)?)[\w@/.-]{8,512}"),
    ("$", r"()\$(?:2[abxy]|[156y]|apr1|argon2\w{1,2})\$[\w./$=,+-]{8,256}"),
    (":AA", r"((?<![\w-])(?:bot)?\d{6,12}:)AA[\w-]{30,64}"),
    (" ", r"((?<!\w)[Bb](?:earer|EARER|asic(?= +\S*[A-Z=])) {1,4})"
          r"(?=[\w.~+/-]{0,8191}?(?:[0-9=]|[a-z][A-Z]|\w{16}))[\w.~+/-]{8,8192}=*(?![\w=])"),
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

_QUOTES = r"\\{0,8}[\"'`]|&quot;|&\#3[49];|%(?:25)?22"
#: A name, with the blanks and quotes before it where it is the first of its line.
_NAME = r"""(?:^(?P<indent>[ \t\"'-]{0,200})|\\[nrt]|(?<![\w.-]))
    (?P<name>(?P<option>-{1,2}(?=[A-Za-z]))?
        (?:[A-Za-z]?(?:API|api|ccess|ecret|rivate|ccount|eed|ecovery)[ ](?=[Kk]ey\b|phrase\b))?
        [\w.-]{1,200})(?![\w.-])"""
#: Between - name: x and below it value: y; key="x" and value="y"
_VALUE = r"[\"']?[,;]?\s{1,40}[\"']?(?:[Pp]arameter)?[Vv]alue[\"']?"
_SIGN = r"""(?:
    (?:VALUE|(?:QUOTES)?[\])]?)  # 'name': y, ['name'] = y, (name)=(y)
    [ \t]{0,40}(?P<sign>=>|:=|==|::(?=[ ])|[=:]|(?<=[ ])->(?=[ ])|%(?:25)?3[AaDd])[ \t]{0,40}
    |[\"'],[ ]?(?=[bu]?(?P<mark>[\"'])(?:(?!(?P=mark))[^\n]){0,512}(?P=mark)\))  # ('name', 'y')
    |[ \t]{1,8}(?=[\"'])  # name "y"
    |[\"'](?:\r?\n){2}  # name="name" of a form, and after an empty line y
    |(?(option)[\s\"',]{1,4}(?!-{1,2}[A-Za-z-]{1,64}(?![\w.-]))|(?!))  # --name y
    # the name y, the name is y, incorrect name provided: y, and in tables: y has a digit
    |(?P<gap>(?:[ \x1f](?:given|is|provided|supplied|used|was))?:?[ \x1f]{1,3}
        |[ \t]{0,40}[|\t][ \t]{0,8})(?=[^\d\s\"'<>,;|]{0,256}\d)(?=[^\s\"'<>,;|]{6})
    |(?P<tag>[^<>]{0,256}>(?:<!\[CDATA\[)?)(?=[^<]{1,4096}</))  # <name>y</name>, <x a="name">y</x>
""".replace("QUOTES", _QUOTES).replace("VALUE", _VALUE)
_PAIR = re.compile(_NAME + _SIGN, re.U | re.M | re.X)
_NAME_OF_VALUE = re.compile(_VALUE)
_QUOTE = re.compile(r"[ \t]?\$?[bBuUrR]{0,2}(\"\"\"|'''|" + _QUOTES + ")")
_BRACKETS = re.compile(r"(?:[A-Za-z_][\w.]{0,63}(?=\((?:[bu]?[\"']|\w{1,64}=)))?"
                       r"[\[({][^\[({\])}]{0,512}[\])}](?!\w)", re.U)
#: In YAML the lines below that are further in, or a list's items.
_BLOCK = re.compile(r"[|>]?[+-]?[ \t]{0,8}\r?\n")
_LINE_NAME = re.compile(r"(?i)(?!-).*(?:authorization|cookie|mnemonic|phrase)\Z")
_LINE_END = re.compile(r"[\r\n\x1f]|\\[rn]")
_QUOTED_LINE_END = re.compile(r"[\r\n\x1f\"']")
_FIELD_END = re.compile(r"[;\r\n\x1f\"']")
_WORD_END = re.compile(
    r"[\s\x00-\x1f;<`]|&(?:quot;|#3[49];|(?=[\w.-]{1,64}=))|[,|](?=\s|[\w.-]{1,64}[=:])"
    r"|[\"'](?=[\s,;:)\]}>]|\Z)|%26(?=[\w.-]{1,64}%3[Dd])|\\[nr\"']", re.U)
#: A resource, arn:aws:secret:x; a store's secret "db-credentials": a name of its, no secret text.
_NO_PAIR = re.compile(r"(?i)(?<=:)[\w.-]{1,200}:|secrets?:? ([\"']?)[a-z]{1,64}"
                      r"(?:[._-][a-z]{1,64}){1,8}\1 (?:not|in|is|was|has|does)\b")


def mask_text(text, names, all_names=False):
    # type: (Text, Names, bool) -> Text
    """The text with what looks like a secret masked; all_names: each name is weak at least."""
    for needle, pattern in PATTERNS:
        if needle in text:
            text = pattern.sub(_mask, text)
    shown, at, match = [], 0, _PAIR.search(text)
    while match:
        name, following = match.group("name"), match.end("name")
        strength = names.strength(name)
        if all_names and not is_setting(name):
            strength = strength or WEAK
        if strength and not _NO_PAIR.match(text, match.start("name")):
            start, end = _value_span(text, match, strength)
            if _is_secret(text, start, end, match, strength, names):
                shown += [text[at:start], MASK]
                at = following = end
        match = _PAIR.search(text, following)
    return u"".join(shown) + text[at:]


def _mask(match):
    # type: (Match[Text]) -> Text
    perhaps = match.groupdict().get("perhaps")
    if perhaps is not None and all(map(is_plain, perhaps.split())):
        return match.group()
    return match.group(1) + MASK


def _is_secret(text, start, end, match, strength, names):
    # type: (Text, int, int, Match[Text], int, Names) -> bool
    name, value, sign = match.group("name"), text[start:end], match.group("sign") or u""
    if match.group("gap"):
        is_key = strength == STRONG or len(value) > 11 or match.group("gap").strip(u" :") != u""
        return is_key and u":" not in value and not is_harmless(name, value, WEAK, True)
    if _NAME_OF_VALUE.match(text, end) and names.strength(value):  # key: password, value: x
        return False
    is_quoted = u"=" in sign and text[start - 1] in u"'\"`"  # x='y' is no prose
    is_argument = bool(match.group("option")) and not names.for_outputs  # --x y of a command line
    return not is_harmless(name, value, strength, not is_quoted and not is_argument)


def _value_span(text, match, strength):
    # type: (Text, Match[Text], int) -> Tuple[int, int]
    """Where the value begins and ends: in quotes, brackets or a call, in YAML, a line, a word."""
    start = match.end()
    quote = _QUOTE.match(text, start)
    if quote:
        closing = re.compile(r"(?<!\\)" + re.escape(quote.group(1)) + r"(?!\w)", re.U)
        return quote.end(), _end_at(closing, text, quote.end())
    brackets = _BRACKETS.match(text, start)
    if brackets:
        return brackets.span()
    block, indent = _BLOCK.match(text, start), match.group("indent")
    if block and match.group("sign") == ":" and indent is not None:
        further_in = re.compile(r"\n(?!\s{%d}[ \t-])" % len(indent))
        return block.end(), _end_at(further_in, text, block.end() - 1)
    before = text[max(0, match.start("name") - 1):match.start("name")]
    is_text = bool(re.match(r": [^\W\d]", text[start - 2:start + 1]))
    is_yaml = is_text and strength == STRONG and indent is not None
    is_line = bool(match.group("sign") and _LINE_NAME.match(match.group("name")))
    if is_yaml or is_line:
        return start, _end_at(_QUOTED_LINE_END if before in ("'", "\"") else _LINE_END, text, start)
    if before == ";":  # of a connection string
        return start, _end_at(_FIELD_END, text, start)
    if match.group("tag"):
        return start, text.index("<", start)
    end = _end_at(_WORD_END, text, start)
    if text[start:end].lower() in SCHEMES and text[end:end + 1] == u" ":
        return end + 1, _end_at(_WORD_END, text, end + 1)
    return start, end


def _end_at(pattern, text, start):
    # type: (Pattern[Text], Text, int) -> int
    found = pattern.search(text, start)
    return found.start() if found else len(text)
