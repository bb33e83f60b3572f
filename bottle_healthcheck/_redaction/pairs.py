"""What a text names: name=value and its like in any notation, options, name and value in a row."""
import re

from .names import MASK, SCHEMES, STRONG, WEAK, Names, is_harmless, is_setting

MYPY = False
if MYPY:
    from typing import Match, Pattern, Text, Tuple

_QUOTES = r"\\{0,8}[\"'`]|&quot;|&\#3[49];|%(?:25)?22"
#: A name, with the blanks and quotes before it where it is the first of its line.
_NAME = r"""(?:^(?P<indent>[ \t\"'-]{0,200})|\\[nrt]|(?<![\w.-]))
    (?P<name>(?P<option>-{1,2}(?=[A-Za-z]))?(?:\w{1,32}[ ](?=[Kk]ey\b|phrase\b))?[\w.-]{1,200})
    (?![\w.-])"""
#: What says that its value follows: - name: x, and below it value: y; key="x" value="y"
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
""".replace("QUOTES", _QUOTES).replace("VALUE", _VALUE)
#: <name>y</name>, <x name="name">y</x>
_ELEMENT = r"|(?P<tag>[^<>]{0,256}>(?:<!\[CDATA\[)?)(?=[^<]{1,4096}</)"
_PAIRS = re.compile(_NAME + _SIGN + ")", re.U | re.M | re.X)
#: Only for texts with a "<": looking for elements takes long.
_PAIRS_OR_ELEMENTS = re.compile(_NAME + _SIGN + _ELEMENT + ")", re.U | re.M | re.X)
_NAME_OF_VALUE = re.compile(_VALUE)
_QUOTE = re.compile(r"[ \t]?\$?[bBuUrR]{0,2}(\"\"\"|'''|" + _QUOTES + ")")
#: Also auth=HTTPBasicAuth('user', 'password') and its like.
_BRACKETS = re.compile(r"(?:[A-Za-z_][\w.]{0,63}(?=\((?:[bu]?[\"']|\w{1,64}=)))?"
                       r"[\[({][^\[({\])}]{0,512}[\])}](?!\w)", re.U)
#: In YAML the lines below that are further in, or a list's items.
_BLOCK = re.compile(r"[|>]?[+-]?[ \t]{0,8}\r?\n")
_HEADER = re.compile(r"(?i).*(?:authorization|cookie)\Z")
_PHRASE_NAME = re.compile(r"(?i)(?!-).*(?:mnemonic|phrase)\Z")
_WORD_END = re.compile(
    r"[\s\x00-\x1f;<`]|&(?:quot;|#3[49];|(?=[\w.-]{1,64}=))|[,|](?=\s|[\w.-]{1,64}[=:])"
    r"|[\"'](?=[\s,;:)\]}>]|\Z)|%26(?=[\w.-]{1,64}%3[Dd])|\\[nr\"']", re.U)
_FIELD_END = re.compile(r"[;\r\n\x1f\"']")
_LINE_END = re.compile(r"[\r\n\x1f]|\\[rn]")
_QUOTED_LINE_END = re.compile(r"[\r\n\x1f\"']")
#: A resource, arn:aws:secret:x; a store's secret "db-credentials": a name of its, no secret text.
_NO_PAIR = re.compile(r"(?i)(?<=:)[\w.-]{1,200}:|secrets?:? ([\"']?)[a-z]{1,64}"
                      r"(?:[._-][a-z]{1,64}){1,8}\1 (?:not|in|is|was|has|does)\b")


def mask_pairs(text, names, all_names=False):
    # type: (Text, Names, bool) -> Text
    """The text with the values of secret names masked; all_names: each name is weak at least."""
    pairs = _PAIRS_OR_ELEMENTS if "<" in text else _PAIRS
    shown, at, match = [], 0, pairs.search(text)
    while match:
        name, following = match.group("name"), match.end("name")
        strength = names.strength(name)
        if all_names and not is_setting(name):
            strength = strength or WEAK
        if strength and not _NO_PAIR.match(text, match.start("name")):
            start, end = _value_span(text, match)
            if _is_secret(text, start, end, match, strength, names):
                shown += [text[at:start], MASK]
                at = following = end
        match = pairs.search(text, following)
    return u"".join(shown) + text[at:]


def _is_secret(text, start, end, match, strength, names):
    # type: (Text, int, int, Match[Text], int, Names) -> bool
    """Whether the value is a secret. A quoted value behind = is no prose."""
    name, value, sign = match.group("name"), text[start:end], match.group("sign") or u""
    if match.group("gap"):
        is_key = strength == STRONG or len(value) > 11 or match.group("gap").strip(u" :") != u""
        return is_key and u":" not in value and not is_harmless(name, value, WEAK, True)
    if _NAME_OF_VALUE.match(text, end) and names.strength(value):  # key: password, value: x
        return False
    may_be_prose = u"=" not in sign or text[start - 1] not in u"'\"`"
    if match.group("option") and not sign:
        may_be_prose = names.for_outputs
    return not is_harmless(name, value, strength, may_be_prose)


def _value_span(text, match):
    # type: (Text, Match[Text]) -> Tuple[int, int]
    """Where the value begins and ends: in quotes or brackets, a block of YAML, a line, a word."""
    start, sign, name = match.end(), match.group("sign"), match.group("name")
    quote = _QUOTE.match(text, start)
    if quote:
        closing = re.compile(r"(?<!\\)" + re.escape(quote.group(1)) + r"(?!\w)", re.U)
        return quote.end(), _find(closing, text, quote.end())
    brackets = _BRACKETS.match(text, start)
    if brackets:
        return brackets.span()
    block, indent = _BLOCK.match(text, start), match.group("indent")
    if block and sign == ":" and indent is not None:
        further_in = re.compile(r"\n(?!\s{%d}[ \t-])" % len(indent))
        return block.end(), _find(further_in, text, block.end() - 1)
    before = text[max(0, match.start("name") - 1):match.start("name")]
    is_header = bool(_HEADER.match(name))
    is_line = is_header and sign == ":"
    if is_line or _PHRASE_NAME.match(name):
        return start, _find(_QUOTED_LINE_END if before in ("'", "\"") else _LINE_END, text, start)
    if before == ";":  # a field of a connection string
        return start, _find(_FIELD_END, text, start)
    if match.groupdict().get("tag"):
        return start, text.index("<", start)
    end = _find(_WORD_END, text, start)
    if text[start:end].lower() in SCHEMES and text[end:end + 1] == u" ":
        start = start if is_header else end + 1
        end = _find(_WORD_END, text, end + 1)
    return start, end


def _find(pattern, text, start):
    # type: (Pattern[Text], Text, int) -> int
    """Where the pattern is found, or the end of the text."""
    found = pattern.search(text, start)
    return found.start() if found else len(text)
