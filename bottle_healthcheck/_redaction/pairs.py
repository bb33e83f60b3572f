# mypy: allow-any-generics, allow-untyped-defs, allow-untyped-calls, no-warn-return-any
"""name=value, name: value, name "value" and their like, in whatever notation they stand."""
import re

from .names import WEAK, Names, is_setting
from .values import MASK, MAX_HARMLESS, SCHEMES, is_harmless

_QUOTES = r"\\{0,8}[\"'`]|&quot;|&#3[49];|%(?:25)?22"
#: name=value with its quotes, [name] =, (name)=(, a name and below it value=, ('name', 'value'),
#: name "value" and a form's name="name", two line breaks and the value.
_PAIR = (
    r"(?<![\w.-])(?P<name>[\w.-]{1,200})(?![\w.-])(?:"
    r"(?:[\"']?[,;]?\s{1,40}[\"']?(?:[Pp]arameter)?[Vv]alue[\"']?"
    r"|(?:" + _QUOTES + r")?(?:\](?=[ \t]{0,8}=)|\)(?==\())?)"
    r"[ \t]{0,40}(?P<sign>=>|:=|==|::(?= )|[=:]|(?<= )->(?= )|%(?:25)?3[AaDd])[ \t]{0,40}"
    r"|[\"'],[ ]?(?=[bu]?([\"'])(?:\\.|(?!\3)[^\\\n]){0,512}\3\))"
    r"|[ \t]{1,8}(?=[\"'])|[\"'](?:\r?\n){2}")
#: <name>value</name>, <x name="name">value</x>
_ELEMENT = r"|(?P<tag>[^<>]{0,256}>(?:<!\[CDATA\[)?)(?=[^<]{1,4096}</)"
#: Elements are only looked for where there is a "<": that takes long.
_PAIRS = re.compile(_PAIR + "|(?P<tag>(?!)))", re.U)
_PAIRS_OR_ELEMENTS = re.compile(_PAIR + _ELEMENT + ")", re.U)
_SIGN = re.compile("[=:'\"<>]|%[23]")
_QUOTE = re.compile(r"[ \t]?\$?[bBuUrR]{0,2}(\"\"\"|'''|" + _QUOTES + ")")
#: auth=HTTPBasicAuth('user', 'password') and its like
_OPENED = re.compile(r"(?:[A-Za-z_][\w.]{0,63}(?=\((?:[bu]?[\"']|\w{1,64}=)))?[\[({]")
_BRACKET = re.compile(r"([\[({])|[\])}]")
#: In YAML the lines below that are further in, or a list's items.
_BLOCK = re.compile(r"[|>]?[+-]?[ \t]{0,8}\r?\n")
#: Below a weak name in YAML, what may be secret is masked, not the whole mapping.
_MAPPING = re.compile(r"(?<=\n)[ \t]{1,64}[\w.-]{1,64}:\s")
_FIELD = re.compile(r"[^;=\r\n\"']{1,256};[\w ]{1,64}=", re.U)
_ENDS = {
    "word": re.compile(
        r"[\s\x00-\x1f;<`]|&(?:quot;|#3[49];|(?=[\w.-]{1,64}=))|,(?=\s|[\w.-]{1,64}[=:])"
        r"|[\"'](?=[\s,;:)\]}>]|\Z)|%26(?=[\w.-]{1,64}%3[Dd])|\\[nr\"']", re.U),
    "field": re.compile(r"[;\r\n\"']"),
    "line": re.compile(r"[\r\n]|\\[rn](?=\s|[\w.-]{1,64}[ \t]?[:=]|[\"']|\Z)", re.U),
    "element": re.compile("<"),
    "quoted line": re.compile(r"[\r\n\"']"),
}
_HEADER = re.compile(r"(?i)(?:authorization|cookie)\Z")
_PHRASE = re.compile(r"(?i)(?!-).*(?:mnemonic|phrase)\Z")
#: In front of a port, such a name is a host.
_PORT = re.compile(r"[0-9]{1,5}(?![^\s/,;'\"?)])")
#: A store's secret "db-credentials": a name of its, no secret text.
_STORED = re.compile(
    r"(?i)secrets? ([\"'])[a-z]{1,64}(?:[._-][a-z]{1,64}){0,8}\1 (?:not|is|was|has|does)\b")


def mask_pairs(text, names, all_names=False):
    # type: (str, Names, bool) -> str
    """The text with the values of secret names masked; all_names: each name is weak at least."""
    if not _SIGN.search(text):
        return text
    pairs = _PAIRS_OR_ELEMENTS if "<" in text else _PAIRS
    shown, at, match = [], 0, pairs.search(text)
    while match:
        following = match.end("name")
        strength = _strength(text, match, names)
        if all_names and not strength and not is_setting(match.group("name")):
            strength = WEAK
        if strength and not _is_no_pair(text, match):
            start, end = _value_span(text, match, names)
            if not _is_harmless(text, match, names, strength, start, end):
                value = MASK
                if strength == WEAK and not all_names and _MAPPING.match(text, start):
                    value = mask_pairs(text[start:end], names, all_names=True)
                shown += [text[at:start], value]
                at = following = end
        match = pairs.search(text, following)
    return u"".join(shown) + text[at:]


def _strength(text, match, names):
    """How secret the pair's name is; it may have two words: API key, recovery phrase."""
    name, start = match.group("name"), match.start()
    previous = text[max(0, start - 1):start]
    if previous == "\\" and name[0] in "nrt":  # an escaped line break
        return max(names.strength(name), names.strength(name[1:]))
    if name.lower() not in ("key", "phrase"):
        return names.strength(name)
    if previous in ("?", "&"):  # in a query it opens an API
        return WEAK
    words = text[max(0, start - 16):start].split()
    if words and previous == " ":
        name = words[-1] + u"_" + name
    return names.strength(name)


def _is_no_pair(text, match):
    """Whether it is a resource, a host with its port, a thing that has a name."""
    start, end = match.span()
    if match.group("sign") != ":":
        return bool(_STORED.match(text, start))
    is_host = text[max(0, start - 3):start] == "://" and bool(_PORT.match(text, end))
    return is_host or text[start - 1:start] == ":" or text.startswith("//", end)


def _is_harmless(text, match, names, strength, start, end):
    """Whether the value is no secret. What is quoted behind = is no prose, nor is a call."""
    if end - start > MAX_HARMLESS:
        return False
    name, value, sign = match.group("name"), text[start:end], match.group("sign") or u""
    is_quoted = text[start - 1:start] in ("'", "\"", "`")
    scheme = (text[match.end():start].strip() or value.split(" ")[0]).lower()
    if scheme in SCHEMES and _HEADER.search(name) and value.lower() != scheme:
        return False
    if name.lower() == "key" and names.strength(value):  # key="password" value="X"
        return True
    is_literal = "=" in sign and (is_quoted or value.endswith("')"))
    is_masked_url = value.startswith(MASK + "@")
    return is_masked_url or is_harmless(name, value, strength, may_be_prose=not is_literal)


def _value_span(text, match, names):
    """Where the value begins and ends."""
    start, sign, name = match.end(), match.group("sign"), match.group("name")
    quote = _QUOTE.match(text, start)
    if quote:
        closing = re.compile(r"(?<!\\)" + re.escape(quote.group(1)) + r"(?!\w)", re.U)
        return quote.end(), _find_end(closing, text, quote.end())
    opened = _OPENED.match(text, start)
    if opened:
        end = _closing_bracket(text, opened.end())
        is_part = text[end:end + 1].isalnum()  # (part)of-it
        return start, _find_end(_ENDS["word"], text, end) if is_part else end
    near = max(0, match.start() - 200)
    line = text.rfind("\n", near, match.start()) + 1 or near
    is_first = "\n" in match.group() or not text[line:match.start()].strip(" \t-\"'")
    block = is_first and sign == ":" and _BLOCK.match(text, start)
    if block:
        no_further_in = re.compile(r"\n(?!\s{%d}[ \t-])" % (match.start() - line))
        return block.end(), max(block.end(), _find_end(no_further_in, text, block.end() - 1))
    before = text[match.start() - 1:match.start()]
    is_yaml = is_first and not names.for_outputs and text[start - 1] != ":"
    kind = "element" if match.group("tag") else "word"
    is_line = sign == ":" and bool(is_yaml or _HEADER.search(name))
    if is_line or _PHRASE.match(name):
        kind = "quoted line" if before in ("'", "\"") else "line"
    elif before == ";" or _FIELD.match(text, start):
        kind = "field"
    elif text[start:start + 16].split(" ")[0].lower() in SCHEMES:
        start = text.find(" ", start) + 1 or start
    return start, _find_end(_ENDS[kind], text, start)


def _find_end(pattern, text, start):
    """Where the pattern is found; what is longer than harmless values is read once only."""
    end = pattern.search(text, start, start + MAX_HARMLESS + 1) or pattern.search(text, start)
    return end.start() if end else len(text)


def _closing_bracket(text, at):
    """Where the bracket is closed, by whatever bracket."""
    depth = 1
    for match in _BRACKET.finditer(text, at):
        depth += 1 if match.group(1) else -1
        if not depth:
            return match.end()
    return len(text)
