"""Secrets in texts: URLs, tokens, name=value in its many spellings, command lines.

Every pattern's repeats are bounded, or cannot begin again inside of what they have read: the time
is linear in the text's length. Which names are secret is what `names.secret` says.
"""
import re

from .known import MASK

MYPY = False
if MYPY:
    from typing import Any, Dict, Iterator, List, Optional, Text, Tuple

#: A word of a name.
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
#: Texts that are whole a path of files, a name, a number.
PATH = re.compile(r"(?:~|\.{1,2}|[A-Za-z]:)?[/\\][\w. @-]{0,20}(?:[/\\][\w. @-]{0,255}){0,64}\Z",
                  re.U)
PLAIN_NAME = re.compile(r"\w[\w.-]{0,63}\Z", re.U)
NUMBER = re.compile(r"[+-]?[0-9][0-9.,/]{0,30}%?\Z")

#: Schemes of the Authorization header: prose alone, in front of a secret otherwise.
SCHEMES = set("basic bearer digest negotiate token".split())
#: Schemes of URLs whose user may be a token.
TOKEN_SCHEMES = ("http", "https", "nats")
#: Headers whose value goes to the end of the line.
HEADERS = ("authorization", "cookie")
#: How tokens begin whose makers marked them; such a token has 20 characters and a digit.
PREFIXES = tuple(
    "AIza AKIA ASIA ATATT3 ATBB GOCSPX- NRAK- PMAK- SG. dapi dckr_pat_ dop_v1_ ghp_ gho_ ghs_ "
    "ghu_ ghr_ github_pat_ glpat- gldt- glrt- glsa_ hf_ hvb. hvr. hvs. lin_api_ rk_live_ rk_test_ "
    "shpat_ shpss_ sk- sk_live_ sk_test_ whsec_ xapp- xoxa- xoxb- xoxp- xoxr- xoxs- ya29.".split())

#: (needle, pattern): in a text with the needle, group 1 is kept and the rest of a match masked.
SHAPES = [(needle, re.compile(pattern)) for needle, pattern in (
    ("PRIVATE KEY", r"(-----BEGIN [A-Z ]{0,32}PRIVATE KEY[A-Z ]{0,32}-----)(?:[^-]|-(?!----))+"),
    ("eyJ", r"(?<![\w-])()eyJ[\w-]{5,8192}(?:\.[\w-]{0,8192}){2,4}"),
    ("npm_", r"(?<![\w-])()npm_[A-Za-z0-9]{30,255}"),
    ("pypi-", r"(?<![\w-])()pypi-[\w-]{30,1024}"),
    ("hooks.", r"(hooks\.slack\.com/\w{1,20}/)[\w/.-]{8,255}"),
    ("webhook", r"(/webhooks/\d{1,24}/|/webhookb2/|/webhook/)[\w@/.-]{8,512}"),
    (":AA", r"((?<![\w-])(?:bot)?\d{6,12}:)AA[\w-]{30,64}"),
    ("earer ", r"(\b[Bb]earer {1,4})(?=[\w.~+/-]{0,512}\d)[\w.~+/-]{8,8192}=*"),
    ("BEARER ", r"(\bBEARER {1,4})(?=[\w.~+/-]{0,512}\d)[\w.~+/-]{8,8192}=*"),
    ("asic ", r"(\b[Bb]asic {1,4})(?=[\w+/]{0,512}(?:\d|[a-z][A-Z]|=))[\w+/-]{8,8192}=*"),
    ("AUTH ", r"(\bAUTH {1,4}(?:\w{1,64} {1,4})?)(?=\S{0,256}\d)\S{8,512}"),
    ("@", r"((?<![\w.:@/-])[\w.-]{1,64}:)(?!/)[^\s\"']{1,256}"
          r"(?=@(?!sha\d)(?:tcp\(|unix\(|[\w.-]{1,128}[:/][\w/]))"),
    ("oracle", r"(jdbc:oracle:\w{1,8}:[\w.-]{1,64}/)[^\s\"']{1,128}(?=@)"),
    ("host name", r"(host name \")[^\"\s]{1,256}(?=@)"),
    ("does not appear", r"()'[^'\n]{1,512}(?=' does not appear to be an IP)"),
    ("login", r"(\blogin\s{1,8}\S{1,256}\s{1,8}password\s{1,8})\S{1,512}"),
    ("lftp", r"(\blftp -u [\w.@-]{1,64},)\S{1,256}"),
    ("requirepass", r"(\brequirepass[ \t]{1,8})\S{1,512}"),
    ("masterauth", r"(\bmasterauth[ \t]{1,8})\S{1,512}"),
    ("@//", r"((?<![\w./-])[\w.-]{1,64}/)[^\s\"'/@]{1,128}(?=@//[\w.-]{1,255}[:/])"),
    ("'", r"(\b(?:cast to integer value as|control characters\.|found:|header value|netloc|"
          r"input_value=|nonnumeric port:|URL from string|url type:|with base 10:|"
          r"IDENTIFIED BY|identified by|PASSWORD FOR [^=\n]{1,200} =) ?b?')[^'\n]{1,512}"),
    ("\"", r"((?:integer value|missing \"=\" after|port number:|IDENTIFIED BY) \")[^\"\n]{1,512}"),
)]

#: Longer values are masked under a secret name, in characters: no path, number or word is longer.
LONGEST_READ = 16 * 1024

#: Options with a secret, by how the program's name begins; the value may follow without a blank.
OPTIONS = {
    "-p": ("mysql", "mariadb", "mongo", "sshpass", "cqlsh", "twine", "7z"),
    "-a": ("redis-cli", "http"),
    "-u": ("curl", "lftp"),
    "-w": ("ldap",),
    "-P": ("sqlcmd", "bcp", "zip", "unzip", "mosquitto"),
}
#: Options with user:password.
USER_OPTIONS = set(("-u", "-U", "--user", "--proxy-user"))

_MARKED = re.compile(r"(?<![A-Za-z0-9_-])[A-Za-z]{2}[\w.+/-]{18,}")
_SLASH, _DIGIT, _LOWER, _UPPER = [re.compile(one) for one in ("/", "[0-9]", "[a-z]", "[A-Z]")]
_ELEMENT = re.compile(r"(<(?:[\w.-]{1,64}:)?([\w.-]{1,200})(\s[^<>]{0,256})?>(?:<!\[CDATA\[)?)"
                      r"([^<]{1,4096})(?=</)", re.U)
_ATTRIBUTE = re.compile(r"\b(?:name|key|id)=[\"']([\w.:-]{1,200})[\"']")
#: Between an item that tells a name and the item that has the value.
_VALUE = r"[\"']?[,;]?\s{1,40}[\"']?(?:[Pp]arameter)?[Vv]alue[\"']?"
#: name=value with its quotes, [name] =, (name)=(, such items, and ('name', 'value').
_PAIR = re.compile(
    r"(?<![\w.-])(?P<name>[\w.-]{1,200})(?![\w.-])(?:"
    r"(?:" + _VALUE + r"|\\{0,8}[\"']?(?:\](?=[ \t]{0,8}=)|\)(?==\())?)[ \t]{0,40}"
    r"(?P<sep>=>|:=|==|[=:]|%3[Dd])[ \t]{0,40}"
    r"|[\"'](?P<comma>,)[ ]?(?=[bu]?([\"'])(?:\\.|(?!\4)[^\\\n]){0,512}\4\))"
    r"|[ \t]{1,8}(?=[\"']))", re.U)
_NAME_TOLD = re.compile(r"[\"']?[\w.-]{1,200}" + _VALUE + "[ \t]{0,40}[=:]", re.U)
_QUOTE = re.compile(r"[ \t]?\$?[bBuUrR]{0,2}(\"\"\"|\'\'\'|\\{0,8}[\"'`])")
_ENDS = {
    "word": re.compile(r"[\s\x00-\x1f;<`]|&(?=[\w.-]{1,64}=)|,(?=\s|[\w.-]{1,64}=)"
                       r"|[\"'](?=[\s,;:)\]}]|$)|%26(?=[\w.-]{1,64}%3[Dd])", re.U),
    "field": re.compile(r"[;\r\n\"']"),
    "line": re.compile(r"[\r\n]"),
    "\"": re.compile(r"[\r\n\"]"),
    "'": re.compile(r"[\r\n']"),
}
_ESCAPED_OR = dict((quote, re.compile(r"\\.|" + quote, re.S)) for quote in "\"'`")
_FIELD = re.compile(r"[^;=\r\n\"']{1,256};[\w ]{1,64}=", re.U)
_BLOCK = re.compile(r"[|>]?[+-]?[ \t]{0,8}\r?\n")
_BRACKET = re.compile(r"[\[\](){}]")
_REST = re.compile(r"(?:\w[^\s;<`&,\"')\]}]*)?", re.U)
#: A parser's token 'FROM' and a store's secret "db-credentials": names of theirs, no secret texts.
_NO_SECRET = re.compile(r"(?i)(?:token (['\"])(?:[a-z]{1,64}|[^\w\s]{1,3})\1 at "
                        r"|secrets? (['\"])[a-z]{1,64}(?:[._-][a-z]{1,64}){0,8}\2 not found)")
#: In front of a port, such a name is a host.
_PORT = re.compile(r"[0-9]{1,5}(?![^\s/,;'\"?)])")
#: auth=HTTPBasicAuth('user', 'password') and its like
_CALL = re.compile(r"[A-Za-z_][\w.]{0,63}(?=\((?:[bu]?[\"']|\w{1,64}=))")
_URL_END = re.compile(r"[\s\"'<>`]|[?&][\w.-]{1,64}=", re.U)
_QUERY = re.compile(r"\s|[?&][\w.-]{1,64}=", re.U)
_URL_START = re.compile(r"[,;|\s]?[\w+.-]{0,32}\Z")
_SCHEME = re.compile(r"[\w+.-]{1,32}\Z")
#: user:password@ with a quote, a blank or their like in the password: what follows the colon is no
#: port, and an @ comes on the same line before another URL.
_FAR_USER = re.compile(
    r"[^\s/?#@:\[\"'<>`]{0,128}:(?![0-9]{1,5}(?!\w)|[\s/])"
    r"(?:[^\s@,;|\"'<>`]|[ \t,;|\"'<>`](?![\w+.-]{1,32}://)){1,256}@(?!sha\d)"
    r"(?:[^\s@,;|\"'<>`]{0,256}@)*", re.U)
_HOST_PORT = re.compile(r"(?:\[[^\]]{0,64}\]|[\w.-]{1,255}):\d{1,5}\Z", re.U)
_OPTION = re.compile(r"(?:^|[\s\"'\[(])-[-\w]")
_PERCENT = re.compile(r"[\w.@\\/-]{1,64}%", re.U)
_UNKNOWN_P = re.compile(r"(?=\D*\d)(?=[^A-Za-z]*[A-Za-z])[^:/]{6,512}\Z")
_FILE_NAME = re.compile(r"[\w-]{1,64}\.[a-z]{1,4}\Z", re.U)
_LONE_OPTION = re.compile(r"--?[A-Za-z][\w.-]{0,63}\Z", re.U)
_BETWEEN = re.compile(r"([\s\"',\[\]()]+)")


def masked(text, names):
    # type: (Text, Any) -> Text
    """The text with all that looks like a secret masked."""
    if "://" in text:
        text = urls(text)
    for needle, pattern in SHAPES:
        if needle in text:
            text = pattern.sub(lambda match: match.group(1) + MASK, text)
    if len(text) >= 20:
        text = _MARKED.sub(_marked, text)
    if "</" in text:
        text = _ELEMENT.sub(lambda match: _element(match, names), text)
    if "=" in text or ":" in text or "'" in text or '"' in text or "%3" in text:
        text = _pairs(text, names)
    if "-" in text and _OPTION.search(text):
        parts = _BETWEEN.split(text)
        parts[::2] = options(parts[::2], names)
        text = u"".join(parts)
    return text


def _marked(match):
    # type: (Any) -> Text
    """The word masked, or of a path the rest from a token on, which has all kinds of letters."""
    word = match.group()
    if word.startswith(PREFIXES) and _DIGIT.search(word):
        return MASK
    for slash in _SLASH.finditer(word):
        part = word[slash.end():slash.end() + 512].partition("/")[0]
        if part.startswith(PREFIXES) and len(part) >= 20 \
                and all(kind.search(part) for kind in (_DIGIT, _LOWER, _UPPER)):
            return word[:slash.end()] + MASK
    return word


def _element(match, names):
    # type: (Any, Any) -> Text
    """An element of XML, masked where its name or the name in its attributes is secret."""
    start, name, attributes, value = match.groups()
    told = _ATTRIBUTE.search(attributes or u"")
    for name in (name, told.group(1) if told else u""):
        if names.secret(name) and not names.readable(name, value):
            return start + MASK
    return match.group()


def urls(text):
    # type: (Text) -> Text
    """Passwords of URLs masked, and user names that may be tokens."""
    shown, at = [], 0
    for start, end in _passwords(text):
        shown += [text[at:start], MASK]
        at = end
    return u"".join(shown) + text[at:]


def url_passwords(text):
    # type: (Text) -> Iterator[Text]
    """The passwords of URLs, but for those that are a user's or a database's name as well."""
    for start, end in _passwords(text):
        password = text[start:end]
        if text[start - 1] == "/":  # with the user's name
            password = password.partition(":")[2]
        if password and text.count(password, max(0, start - 99), end + 99) == 1 \
                and password != MASK:
            yield password


def _passwords(text):
    # type: (Text) -> Iterator[Tuple[int, int]]
    """Where the passwords of URLs begin and end, with user names that may be tokens."""
    start = text.find("://")
    while start >= 0:
        begin, following = start + 3, text.find("://", start + 3)
        http = text[max(0, start - 5):start].lower().endswith(TOKEN_SCHEMES)
        alone = following < 0 and bool(_SCHEME.match(text[:start][:33]))
        user_end = begin + _user_length(text[begin:_url_end(text, begin, following, alone)], http)
        far = user_end == begin and _FAR_USER.match(text, begin)
        if far:
            user_end = text.rindex("@") if alone else far.end() - 1
            following = text.find("://", user_end)
        password = begin if http else text.find(":", begin, user_end) + 1
        if 0 < password < user_end:
            yield password, user_end
        start = following


def _url_end(text, begin, following, alone):
    # type: (Text, int, int, bool) -> int
    """Where a URL ends at the latest that begins after its ://; the next :// is at following."""
    end = len(text) if following < 0 else following
    stop = (_QUERY if alone else _URL_END).search(text, begin, end)
    if stop:
        return stop.start()
    tail = text[begin:end][-33:] if following >= 0 else u""
    return end - len(tail) + _URL_START.search(tail).start()  # type: ignore[union-attr]


def _user_length(rest, http):
    # type: (Text, bool) -> int
    """The length of user:password, where @, : and / may stand unescaped; 0 where there is none."""
    last = rest.rfind("@")
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    at = authority.rfind("@")
    if last < 0 or rest.startswith("@sha", last):  # an image's digest
        return 0
    if at < 0 and (":" not in authority or http and _HOST_PORT.match(authority)):
        return 0
    return last if at < 0 or ":" in authority[:at] else at


def _pairs(text, names):
    # type: (Text, Any) -> Text
    """Values of name=value, name: value, name "value" and their like masked."""
    ends = {}  # type: Dict[Any, Any]
    shown, at, match = [], 0, _PAIR.search(text)
    while match:
        name, following = _whole_name(text, match, names), match.end()
        if names.secret(name) and not _no_value(text, match, names.gentle):
            start, end = _extent(text, match, names.gentle, ends)
            if not _is_readable(text, start, end, name, names):
                if start >= at:  # else it begins in what is masked
                    shown += [text[at:start], MASK]
                following, at = end, max(at, end)
                if text[end - 1] in ")]}":  # (part)of-it: masked whole, and searched on in "of-it"
                    at = max(at, _REST.match(text, end).end())  # type: ignore[union-attr]
        match = _PAIR.search(text, following)
    return u"".join(shown) + text[at:]


def _is_readable(text, start, end, name, names):
    # type: (Text, int, int, Text, Any) -> bool
    """Whether a pair's value is no secret, or its mask is that of a URL's password."""
    return text.startswith(MASK + "@", start) or end - start <= LONGEST_READ \
        and names.readable(name, text[start:end])


def _whole_name(text, match, names):
    # type: (Text, Any, Any) -> Text
    """A pair's name; that of a key which is none yet with the word before, as in API key: value."""
    name, start = match.group("name"), match.start()
    if name.lower() != "key" or names.secret(name):
        return name
    before = text[max(0, start - 16):start]
    if before.endswith(("?", "&")):  # in a query it opens an API
        return u"api_" + name
    return before.split()[-1] + u"_" + name if before.endswith(" ") and before.strip() else name


def _no_value(text, match, gentle):
    # type: (Text, Any, bool) -> bool
    """Whether it is no pair but a resource, a host with its port, a thing, or tells a name."""
    start, end = match.span()
    if match.group("name").lower().endswith("key") and _NAME_TOLD.match(text, end):
        return True
    if match.group("sep") == ":":
        return text[start - 1:start] == ":" or text.startswith("//", end) \
            or text[max(0, start - 3):start] == "://" and bool(_PORT.match(text, end))
    return gentle and not match.group("comma") and bool(_NO_SECRET.match(text, start))


def _extent(text, match, gentle, ends):
    # type: (Text, Any, bool, Dict[Any, Any]) -> Tuple[int, int]
    """Where the value of a pair begins and ends; ends are those found before in this text."""
    name, sep, start = match.group("name"), match.group("sep"), match.end()
    near = max(0, match.start() - 200)
    line = text.rfind("\n", near, match.start()) + 1 or near
    first = "\n" in match.group() or not text[line:match.start()].strip(" \t-\"'")
    quote = _QUOTE.match(text, start)
    if quote:
        return quote.end(), _closing(text, quote.group(1), quote.end())
    call = _CALL.match(text, start)
    if call or text[start:start + 1] in ("{", "[", "("):
        if "brackets" not in ends:
            ends["brackets"] = _brackets(text)
        return start, ends["brackets"].get(call.end() if call else start, len(text))
    block = sep == ":" and first and _BLOCK.match(text, start)
    if block:  # YAML: the lines below that are further in, or a list's items
        return block.end(), _block_end(text, block.end(), match.start() - line, ends)
    before = text[match.start() - 1:match.start()]
    kind = "word"
    if sep == ":" and (name.lower().endswith(HEADERS)
                       or first and not gentle and text[start - 1] != ":"):
        kind = before if before in ("'", '"') else "line"
    elif before == ";" or _FIELD.match(text, start):
        kind = "field"
    elif text[start:start + 16].split(" ")[0].lower() in SCHEMES:
        start = text.find(" ", start) + 1 or start
    if not _inside(ends.get(kind), start):
        end = _ENDS[kind].search(text, start)
        ends[kind] = start, end.start() if end else len(text)
    return start, ends[kind][1]


def _inside(found, at):
    # type: (Optional[Tuple[int, int]], int) -> bool
    """Whether what was read before ends where a reading from here would end: read it once."""
    return found is not None and found[0] <= at <= found[1]


def _block_end(text, at, indent, ends):
    # type: (Text, int, int, Dict[Any, Tuple[int, int]]) -> int
    """Where the lines end that are further in than so many blanks, or a list's items."""
    if not _inside(ends.get(indent), at):
        lines = re.compile(r"(?:\s{%d}[ \t-][^\n]*\n?)*" % indent)
        ends[indent] = at, lines.match(text, at).end()  # type: ignore[union-attr]
    return ends[indent][1]


def _closing(text, quote, at):
    # type: (Text, Text, int) -> int
    """Where the quote, with or without backslashes before it, is closed; the end if nowhere."""
    if len(quote) == 1:
        for match in _ESCAPED_OR[quote].finditer(text, at):
            if match.group() == quote:
                return match.start()
        return len(text)
    end = text.find(quote, at)
    return len(text) if end < 0 else end


def _brackets(text):
    # type: (Text) -> Dict[int, int]
    """Where the brackets are closed that are, by whatever bracket."""
    ends, opened = {}, []  # type: Dict[int, int], List[int]
    for match in _BRACKET.finditer(text):
        if match.group() in "[({":
            opened.append(match.start())
        elif opened:
            ends[opened.pop()] = match.end()
    return ends


def options(words, names):
    # type: (List[Text], Any) -> List[Text]
    """The words of a command line, values of secret options masked."""
    shown, program, option = [], u"", u""
    programs = tuple(name for some in OPTIONS.values() for name in some)
    for word in words:
        shown.append(word and _option_value(program, option, word, names))
        if word:
            option = word if _LONE_OPTION.match(word) else u""
            base = word.rsplit("/", 1)[-1]
            program = base if base.startswith(programs) else program
    return shown


def _option_value(program, option, word, names):
    # type: (Text, Text, Text, Any) -> Text
    """A word of a command line, masked where the option before it or in it is secret."""
    name, equals, value = word.partition("=")
    if equals and name.startswith("-"):
        start, option = name + equals, name
    elif word[:2] in OPTIONS and len(word) > 2:
        start, option, value = word[:2], word[:2], word[2:]
        return start + MASK if program.startswith(OPTIONS[option]) else word
    else:
        start, value = u"", word
    if not option or not start and re.match(r"-[A-Za-z]\Z|--[A-Za-z-]+\Z", word):
        return word
    user, colon, password = value.partition("%" if _PERCENT.match(value) else ":")
    if option in USER_OPTIONS and colon and password not in (user, MASK) \
            and not password.isdigit():
        return start + user + colon + MASK
    secret = len(option) > 2 and names.secret(option) or program.startswith(
        OPTIONS.get(option, "\n")) or option == "-p" and _UNKNOWN_P.match(word) \
        and not (names.gentle and _FILE_NAME.match(word))
    return start + MASK if secret and not names.readable(option, value) else word
