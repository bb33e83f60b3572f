"""name=value, name: value, name "value" and their like, in whatever notation they stand."""
import re

from .names import STRONG, WEAK, Names, is_setting
from .values import MASK, SCHEMES, is_harmless

MYPY = False
if MYPY:
    from typing import Match, Pattern, Text, Tuple

_QUOTES = r"\\{0,8}[\"'`]|&quot;|&\#3[49];|%(?:25)?22"
#: A name, with the blanks and quotes before it where it is the first of its line.
_NAME = (r"(?:^(?P<indent>[ \t\"'-]{0,200})|\\[nrt]|(?<![\w.-]))"
         r"(?P<name>(?:\w{1,32}[ ](?=[Kk]ey\b|phrase\b))?[\w.-]{1,200})(?![\w.-])")
#: What says that its value follows: - name: x, and below it value: y; key="x" value="y"
_VALUE = r"[\"']?[,;]?\s{1,40}[\"']?(?:[Pp]arameter)?[Vv]alue[\"']?"
_SIGN = r"""
    (?:VALUE
        |(?:QUOTES)?(?:\](?=[ \t]{0,8}=)|\)(?==\())?)  # 'name': y, ['name'] = y, (name)=(y)
    [ \t]{0,40}(?P<sign>=>|:=|==|::(?=[ ])|[=:]|(?<=[ ])->(?=[ ])|%(?:25)?3[AaDd])[ \t]{0,40}
    |[\"'],[ ]?(?=[bu]?([\"'])(?:\\.|(?!\4)[^\\\n]){0,512}\4\))  # ('name', 'y')
    |[ \t]{1,8}(?=[\"'])  # name "y"
    |[\"'](?:\r?\n){2}  # name="name" of a form, and after an empty line y
""".replace("QUOTES", _QUOTES).replace("VALUE", _VALUE)
#: <name>y</name>, <x name="name">y</x>
_ELEMENT = r"|(?P<tag>[^<>]{0,256}>(?:<!\[CDATA\[)?)(?=[^<]{1,4096}</)"
_PAIRS = re.compile(_NAME + "(?:" + _SIGN + ")", re.U | re.M | re.X)
#: Only for texts with a "<": looking for elements takes long.
_PAIRS_OR_ELEMENTS = re.compile(_NAME + "(?:" + _SIGN + _ELEMENT + ")", re.U | re.M | re.X)
_NAME_OF_VALUE = re.compile(_VALUE)
_ANY_SIGN = re.compile("[=:'\"<>]|%[23]")
_QUOTE = re.compile(r"[ \t]?\$?[bBuUrR]{0,2}(\"\"\"|'''|" + _QUOTES + ")")
#: A bracket, also of auth=HTTPBasicAuth('user', 'password') and its like.
_OPENED = re.compile(r"(?:[A-Za-z_][\w.]{0,63}(?=\((?:[bu]?[\"']|\w{1,64}=)))?[\[({]")
_BRACKET = re.compile(r"([\[({])|[\])}]")
#: In YAML the lines below that are further in, or a list's items.
_BLOCK = re.compile(r"[|>]?[+-]?[ \t]{0,8}\r?\n")
#: Below a weak name in YAML each name counts as weak: what may be secret is masked, the rest stays.
_MAPPING = re.compile(r"(?<=\n)[ \t]{1,64}[\w.-]{1,64}:\s")
#: A field of a connection string: user=app;pwd=x
_FIELD = re.compile(r"[^;=\r\n\"']{1,256};[\w ]{1,64}=", re.U)
#: password: my dog has fleas
_PASSPHRASE = re.compile(r"[a-z]{1,15}(?: [a-z]{1,15}){2,15}(?=[ \t]*(?:[\r\n]|\Z))")
_LINE_HEADER = re.compile(r"(?i)(?:authorization|cookie)\Z")
_PHRASE_NAME = re.compile(r"(?i)(?!-).*(?:mnemonic|phrase)\Z")
_WORD_END = re.compile(
    r"[\s\x00-\x1f;<`]|&(?:quot;|#3[49];|(?=[\w.-]{1,64}=))|,(?=\s|[\w.-]{1,64}[=:])"
    r"|[\"'](?=[\s,;:)\]}>]|\Z)|%26(?=[\w.-]{1,64}%3[Dd])|\\[nr\"']"
    r"|[|/](?=\w{0,32}(?:passw|pwd|secret|token)\w{0,9}[=:])", re.U)  # password=x|secret: y
_FIELD_END = re.compile(r"[;\r\n\"']")
_LINE_END = re.compile(r"[\r\n]|\\[rn](?=\s|[\w.-]{1,64}[ \t]?[:=]|[\"']|\Z)", re.U)
_QUOTED_LINE_END = re.compile(r"[\r\n\"']")
_ELEMENT_END = re.compile("<")
#: A store's secret "db-credentials": a name of its, no secret text.
_STORED = re.compile(
    r"(?i)secrets? ([\"'])[a-z]{1,64}(?:[._-][a-z]{1,64}){0,8}\1 (?:not|in|is|was|has|does)\b")


def mask_pairs(text, names, all_names=False):
    # type: (str, Names, bool) -> str
    """The text with the values of secret names masked; all_names: each name is weak at least."""
    if not _ANY_SIGN.search(text):
        return text
    pairs = _PAIRS_OR_ELEMENTS if "<" in text else _PAIRS
    shown, at, match = [], 0, pairs.search(text)
    while match:
        following = match.end("name")
        strength = names.strength(match.group("name"))
        if all_names and not is_setting(match.group("name")):
            strength = strength or WEAK
        if strength and not _is_no_pair(text, match):
            start, end = _value_span(text, match, names)
            is_name = bool(_NAME_OF_VALUE.match(text, end) and names.strength(text[start:end]))
            if not is_name and _is_secret(text[start:end], match, strength, start):
                value = MASK
                if strength == WEAK and not all_names and _MAPPING.match(text, start):
                    value = mask_pairs(text[start:end], names, all_names=True)
                shown += [text[at:start], value]
                at = following = end
        match = pairs.search(text, following)
    return u"".join(shown) + text[at:]


def _is_no_pair(text, match):
    # type: (Text, Match[Text]) -> bool
    """Whether it is a host and its port, a resource (arn:aws:secret:x), a thing with a name."""
    start = match.start("name")
    if match.group("sign") == ":":
        before = text[max(0, start - 3):start]
        return before == "://" or before.endswith(":")
    return bool(_STORED.match(text, start))


def _is_secret(value, match, strength, start):
    # type: (Text, Match[Text], int, int) -> bool
    """Whether the value is a secret. A quoted value behind = is no prose, nor is one of a call."""
    name, sign = match.group("name"), match.group("sign") or u""
    is_quoted = match.string[start - 1:start] in ("'", "\"", "`") or value.endswith("')")
    may_be_prose = "=" not in sign or not is_quoted
    return not is_harmless(name, value, strength, may_be_prose)


def _value_span(text, match, names):
    # type: (Text, Match[Text], Names) -> Tuple[int, int]
    """Where the value begins and ends: behind a quote, in brackets, as a block of YAML, bare."""
    start = match.end()
    quote = _QUOTE.match(text, start)
    if quote:
        closing = re.compile(r"(?<!\\)" + re.escape(quote.group(1)) + r"(?!\w)", re.U)
        return quote.end(), _find(closing, text, quote.end())
    opened = _OPENED.match(text, start)
    if opened:
        end = _closing_bracket(text, opened.end())
        goes_on = text[end:end + 1].isalnum()  # (part)of-it
        return start, _find(_WORD_END, text, end) if goes_on else end
    block = _BLOCK.match(text, start)
    if block and match.group("sign") == ":" and _is_first(match):
        further_in = r"\n(?!\s{%d}[ \t-])" % len(match.group("indent") or u"")
        end = _find(re.compile(further_in), text, block.end() - 1)
        return block.end(), max(block.end(), end)
    return _bare_span(text, match, names)


def _bare_span(text, match, names):
    # type: (Text, Match[Text], Names) -> Tuple[int, int]
    """A line, a field, a phrase, an element, or a word: of a header with the scheme before it."""
    start, sign, name = match.end(), match.group("sign"), match.group("name")
    before = text[max(0, match.start("name") - 1):match.start("name")]
    is_header = bool(_LINE_HEADER.search(name))
    is_yaml = not names.for_outputs and text[start - 1] != ":" and _is_first(match)
    is_line = sign == ":" and (is_header or is_yaml)
    if is_line or _PHRASE_NAME.match(name):
        line_end = _QUOTED_LINE_END if before in ("'", "\"") else _LINE_END
        return start, _find(line_end, text, start)
    if before == ";" or _FIELD.match(text, start):
        return start, _find(_FIELD_END, text, start)
    phrase = _PASSPHRASE.match(text, start)
    if phrase and sign == ":" and names.strength(name) == STRONG:
        return phrase.span()
    if "tag" in match.groupdict() and match.group("tag"):
        return start, _find(_ELEMENT_END, text, start)
    end = _find(_WORD_END, text, start)
    if text[start:end].lower() in SCHEMES and text[end:end + 1] == u" ":
        if not is_header:
            start = end + 1
        end = _find(_WORD_END, text, end + 1)
    return start, end


def _is_first(match):
    # type: (Match[Text]) -> bool
    """Whether the name is the first of its line, as in YAML."""
    return match.group("indent") is not None or "\n" in match.group()


def _find(pattern, text, start):
    # type: (Pattern[Text], Text, int) -> int
    """Where the pattern is found, or the end of the text."""
    found = pattern.search(text, start)
    return found.start() if found else len(text)


def _closing_bracket(text, at):
    # type: (Text, int) -> int
    """Where the bracket is closed, by whatever bracket."""
    depth = 1
    for match in _BRACKET.finditer(text, at):
        depth += 1 if match.group(1) else -1
        if not depth:
            return match.end()
    return len(text)
