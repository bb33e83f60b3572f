"""Secrets out of plain data: masked by name, by shape, and wherever a known one turns up again.

Rules are the tables below; `_Walk.value` applies them. Secrets without a name and without a shape
(a bare random text) stay visible: an entropy rule would hide digests and trace ids as well.
"""
import json
import re
import unicodedata

import six

from . import _json

MYPY = False
if MYPY:
    from typing import Any, Callable, Dict, Iterable, List, Optional, Set, Text, Tuple

MASK = u"********"
#: What stands for a value that a rule failed on.
FAILED = u"<not shown>"
#: Longer texts are cut, in characters.
MAX_TEXT = 64 * 1024
#: Levels of nesting, those of JSON inside text included.
MAX_DEPTH = 64
#: Shorter values of strong names are not looked for elsewhere: they would hide ordinary words.
MIN_KNOWN = 8

# Names. A contract word anywhere in a name masks the value, whatever it is; the other tables
# are about names that look secret: there, switches and file paths stay readable.

CONTRACT = ("key", "token", "pass")

#: Secret anywhere in a name.
STRONG = ("passw", "passphrase", "passcode", "secret", "credential", "pwd")

#: Secret at the end of the last word, or as the whole of it.
SUFFIXES = ("pass", "token", "tokens", "pw", "auth", "sessid", "sessionid")
LAST_WORDS = set((
    "authorization", "bearer", "cookie", "cookies", "cred", "creds", "csrf", "hmac", "jwt",
    "mnemonic", "otp", "pat", "pepper", "pin", "private", "psk", "salt", "salts", "sas", "sig",
    "signature", "sk", "totp", "xsrf"))

#: Words that make a key a secret one; in check outputs a bare "key" is none.
KEYS_OF = (
    "access", "account", "admin", "api", "app", "auth", "client", "consumer", "crypt", "cryption",
    "deploy", "hash", "hmac", "host", "license", "master", "private", "service", "shared",
    "signing", "ssh", "storage", "subscription", "webhook", "write")

#: Last words that say more about the value than about the name: the word before them counts.
TAIL_WORDS = set((
    "backup", "base", "bytes", "current", "data", "default", "dev", "hex", "id", "json", "live",
    "new", "next", "old", "previous", "primary", "prod", "production", "secondary", "staging",
    "string", "test", "text", "utf", "value"))

#: Last words of a name that tells about a secret, and first words of a switch.
EXEMPT_LAST = set((
    "age", "algorithm", "arn", "backend", "class", "count", "dir", "disabled", "domain", "enabled",
    "endpoint", "engine", "expiry", "field", "file", "format", "header", "host", "length",
    "manager", "max", "method", "min", "mode", "name", "path", "policy", "port", "prefix",
    "provider", "region", "required", "reset", "rotation", "secure", "size", "store", "timeout",
    "total", "ttl", "type", "uri", "url", "validators", "version"))
EXEMPT_FIRST = set(("allow", "disable", "enable", "no", "require", "skip", "use", "without"))
EXEMPT_WORDS = set(("bypass", "compass", "overpass", "surpass", "underpass"))

#: Values that are no secret under any name that only looks secret.
PROSE = set((
    "accepted", "basic", "bad", "cannot", "changed", "denied", "digest", "disabled", "does",
    "empty", "enabled", "error", "expired", "failed", "false", "has", "incorrect", "invalid", "is",
    "malformed", "missing", "must", "no", "none", "not", "null", "off", "ok", "on", "optional",
    "passed", "refused", "rejected", "required", "revoked", "true", "unknown", "valid", "was",
    "wrong", "yes", "0", "1"))

# Shapes: where one of the needles is in the text, group 1 of the pattern is kept and the rest of
# the match is masked. Every repeat is bounded, or begins where a run of its characters begins.

_AT = r"(?<![A-Za-z0-9_-])"
SHAPES = [(needles, re.compile(pattern)) for needles, pattern in (
    (("eyJ",), _AT + r"()eyJ[\w-]{5,8192}(?:\.[\w-]{0,8192}){2,4}"),
    (("AKIA", "ASIA"), _AT + r"()A[KS]IA[A-Z0-9]{16}(?![A-Za-z0-9])"),
    (("gh", "github_pat_"), _AT + r"()(?:gh[opsur]|github_pat)_\w{16,255}"),
    (("gl",), _AT + r"()gl[a-z]{2,5}-[\w.-]{16,255}"),
    (("_live_", "_test_"), _AT + r"()[sr]k_(?:live|test)_\w{12,255}"),
    (("whsec_",), _AT + r"()whsec_[\w+/=]{16,255}"),
    (("sk-",), _AT + r"()sk-[\w-]{20,255}"),
    (("xox", "xapp-"), _AT + r"()(?:xox[a-z]|xapp)-[\w-]{10,255}"),
    (("AIza", "ya29."), _AT + r"()(?:AIza|ya29\.)[\w-]{30,2048}"),
    (("GOCSPX-",), _AT + r"()GOCSPX-[\w-]{16,255}"),
    (("npm_", "pypi-"), _AT + r"()(?:npm_|pypi-)[\w-]{30,255}"),
    (("hv",), _AT + r"()hv[sbr]\.[\w-]{16,255}"),
    (("SG.",), _AT + r"()SG\.[\w-]{16,64}\.[\w-]{16,64}"),
    (("_pat_", "shp", "_v1_", "hf_"),
     _AT + r"()(?:dckr_pat_|shp(?:at|ca|pa|ss)_|do[opr]_v1_|hf_)[\w-]{16,255}"),
    (("hooks.slack.com/",), r"(hooks\.slack\.com/\w{1,20}/)[\w/.-]{8,255}"),
    (("webhook",), r"(/webhooks/\d{1,24}/|/webhookb2/|/webhook/)[\w@/.-]{8,512}"),
    ((":",), r"((?:/bot|" + _AT + r")\d{6,12}:)[\w-]{30,64}"),
    (("earer ", "EARER "), r"(?i)(\bbearer {1,4})(?=[\w.~+/-]{0,512}\d)[\w.~+/-]{8,8192}=*"),
    (("asic ", "ASIC "), r"(\b(?:[Bb]asic|BASIC) {1,4})(?=[\w+/]{0,512}(?:\d|[a-z][A-Z]|=))[\w+/-]{8,8192}=*"),
    (("AUTH ",), r"(\bAUTH {1,4}(?:\w{1,64} {1,4})?)(?=\S{0,256}\d)\S{8,512}"),
    (("@",), r"((?<![\w.:@/-])[\w.-]{1,64}:)(?!sha\d|/)[^\s\"']{1,256}(?=@(?:tcp|unix)\(|@[\w.-]{1,128}[:/][\w/])"),
    (("oracle",), r"(jdbc:oracle:\w{1,8}:[\w.-]{1,64}/)[^\s\"']{1,128}(?=@)"),
    (("login",), r"(\blogin\s{1,8}\S{1,256}\s{1,8}password\s{1,8})\S{1,512}"),
    (("requirepass", "masterauth"), r"(\b(?:requirepass|masterauth)\s{1,8})\S{1,512}"),
    (("IDENTIFIED",), r"(\bIDENTIFIED\s{1,8}BY\s{1,8})\S{1,512}"),
    (("</",), r"(<[\w.:-]{0,64}(?:[Pp]ass|[Ss]ecret|[Tt]oken)[\w.:-]{0,64}>)[^<]{1,4096}"),
    (("integer value as", "nonnumeric", "missing \"=\""),
     r"((?:cast to integer value as|nonnumeric port:|missing \"=\" after) )['\"][^'\"\n]{1,512}"),
    (("does not appear",), r"()'[^'\n]{1,512}(?=' does not appear to be an IP)"),
    (("found: '",), r"(found: ')[^\n]{1,512}"),
)]


#: Options with a secret, by the beginning of the program's name; "-psecret" is one word.
OPTIONS = {
    "-p": ("mysql", "mariadb", "sshpass", "mongo"),
    "-a": ("redis-cli",),
    "-w": ("ldap",),
    "-P": ("sqlcmd", "bcp", "zip", "unzip", "mosquitto"),
}
#: Options with user:password.
USER_OPTIONS = set(("-u", "-U", "--user", "--proxy-user"))

#: Headers whose value goes to the end of the line.
HEADERS = set(("authorization", "cookie"))

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_PATH = re.compile(r"(?:~|\.{1,2}|[A-Za-z]:)?[/\\][\w./\\ @-]{0,4096}\Z", re.U)
_NUMBER = re.compile(r"[+-]?[0-9][0-9.,]{0,30}%?\Z")
_NAME = re.compile(r"[\w.-]{1,64}\Z", re.U)
_PAIR = re.compile(r"(?<![\w.-])(?P<name>[\w.-]{1,200})(?:\\{0,8}[\"']?[ \t]{0,8}"
                   r"(?P<sep>=>|:=|==|[=:])[ \t]{0,8}|[ \t]{1,8}(?=[\"']))", re.U)
_QUOTE = re.compile(r"[bBuUrR]{0,2}(\\{0,8}[\"'`])")
_SCHEME = re.compile(r"\b(?:bearer|basic|digest|token|negotiate|apikey)[ \t]{1,8}", re.I)
_VALUE_END = re.compile(
    r"[\s\x00-\x1f;<`]|&(?=[\w.-]{1,64}=)|,(?=\s|[\w.-]{1,64}=)|[\"'](?=[\s,;:)\]}]|$)", re.U)
_FIELD_END = re.compile(r"[;\r\n\"']")
_FIELD = re.compile(r"[^;=\r\n\"']{1,256};[\w ]{1,64}=", re.U)
_LINE_END = re.compile(r"[\r\n\"']")
_BRACKET = re.compile(r"[\[\](){}]")
_URL_END = re.compile(r"[\s\"'<>`]|[?&][\w.-]{1,64}=", re.U)
_URL_START = re.compile(r"[,;|\s]?[\w+.-]{0,32}\Z")
_HOST_PORT = re.compile(r"(?:\[[^\]]{0,64}\]|[\w.-]{1,255}):\d{0,5}\Z", re.U)
_OPTION = re.compile(r"(?:^|[\s\"'\[(])-[-\w]")
_TOKEN = re.compile(r"([\s\"',\[\]()]+)")


class Redactor(object):
    """Masks secrets; hide adds words that make a name secret, show exempts exact names."""

    def __init__(self, hide=(), show=()):
        # type: (Iterable[Text], Iterable[Text]) -> None
        self._hide = tuple(word.lower() for word in _texts("hide", hide))
        self._show = frozenset(_texts("show", show))

    def clean(self, data, others=()):
        # type: (Any, Iterable[Any]) -> Any
        """A redacted and cut copy of plain data; what is secret in it, or in others, is everywhere."""
        known = set()  # type: Set[Text]
        try:
            for source in [data] + list(others):
                _gather(source, _Names(self._hide, self._show, False), known, 0)
            ordered = sorted(known, key=len, reverse=True)
            return _Walk(_Names(self._hide, self._show, False), ordered).value(data, 0)
        except Exception:
            return FAILED


def clean_output(output):
    # type: (Any) -> Any
    """A redacted and cut copy of a check's plain output: only text is ever masked."""
    return _OUTPUT.value(output, 0)


class _Names(object):
    """Which names are secret; gently, as in the outputs of checks, or not."""

    def __init__(self, hide, show, gentle):
        # type: (Tuple[Text, ...], frozenset, bool) -> None
        self.gentle = gentle
        self._hide, self._show = hide, show
        self._seen = {}  # type: Dict[Text, bool]

    def contract(self, name):
        # type: (Text) -> bool
        """Whether whatever stands under the name is masked."""
        lower = _folded(name).lower()
        words = CONTRACT + self._hide
        return not self.gentle and name not in self._show and any(one in lower for one in words)

    def secret(self, name):
        # type: (Text) -> bool
        """Whether the name looks secret."""
        found = self._seen.get(name)
        if found is None:
            if len(self._seen) > 4096:
                self._seen.clear()
            found = self._seen[name] = name not in self._show and self._looks_secret(name)
        return found

    def _looks_secret(self, name):
        # type: (Text) -> bool
        folded = _folded(name)
        lower = folded.lower()
        if any(word in lower for word in self._hide):
            return True
        words = [word.lower() for word in _WORD.findall(folded[-200:])]
        while words and (words[-1] in TAIL_WORDS or words[-1].isdigit()):
            words.pop()
        if not words or words[0] in EXEMPT_FIRST or words[-1] in EXEMPT_LAST:
            return False
        last, joined = words[-1], "".join(words)
        if any(word in lower for word in STRONG) or last in LAST_WORDS:
            return True
        if last.endswith(SUFFIXES) and last not in EXEMPT_WORDS:
            return True
        if joined.endswith(("key", "keys")):
            return last in ("key", "keys") and not self.gentle or \
                joined.endswith(tuple(of + key for of in KEYS_OF for key in ("key", "keys")))
        return False

    def readable(self, name, value):
        # type: (Text, Any) -> bool
        """Whether the value is no secret though its name looks so."""
        if value is None or isinstance(value, bool) or value == u"" or value == [] or value == {}:
            return True
        if not isinstance(value, six.text_type):
            return self.gentle
        words = value[:100].split(None, 1)
        first = words[0].rstrip(u").,;:!?]}").lower() if words else u""
        if first in PROSE and (self.gentle or len(words) == 1):
            return True
        if self.gentle and _NUMBER.match(value) and "pass" not in name.lower():
            return True
        return not value.strip(u"* ") or bool(_PATH.match(value))


class _Walk(object):
    """One pass over plain data."""

    def __init__(self, names, known):
        # type: (_Names, List[Text]) -> None
        self._names, self._known = names, known

    def value(self, value, depth, name=u"", masked=False):
        # type: (Any, int, Text, bool) -> Any
        """The redacted copy; masked: the value lies under a secret name of an output."""
        try:
            if self._names.contract(name):
                return MASK
            if (masked or self._names.secret(name)) and not self._names.readable(name, value):
                if not self._names.gentle or isinstance(value, six.text_type):
                    return MASK
                masked = True
            if isinstance(value, six.text_type):
                return self.text(value, depth)
            if isinstance(value, (bool, int, float, type(None))) \
                    or isinstance(value, six.integer_types):
                return value
            if depth > MAX_DEPTH:
                return u"<too deep>"
            if isinstance(value, dict):
                return self._object(value, depth + 1, masked)
            return self._list(value, depth + 1, name, masked)
        except Exception:
            return FAILED

    def _object(self, data, depth, masked):
        # type: (Any, int, bool) -> Any
        result = _json.Object()
        data = _split_result(data)
        about = data.get(u"name") or data.get(u"key")
        for key, value in data.items():
            name = about if key == u"value" and isinstance(about, six.text_type) else key
            shown = self.text(key, depth)
            while shown in result:
                shown += u"'"
            result[shown] = self.value(value, depth, name, masked)
        return result

    def _list(self, data, depth, name, masked):
        # type: (Any, int, Text, bool) -> Any
        if len(data) == 2 and isinstance(data[0], six.text_type) and _NAME.match(data[0]) \
                and not data[0].startswith(u"-"):
            return [self.value(data[0], depth, u"", masked),
                    self.value(data[1], depth, data[0], masked)]
        if data and all(isinstance(item, six.text_type) for item in data) and not masked:
            data = _options(data, self._names)
        return [self.value(item, depth, u"", masked) for item in data]

    def text(self, text, depth):
        # type: (Text, int) -> Text
        try:
            shown = self._json(text, depth)
            for secret in self._known:
                if secret in shown:
                    shown = shown.replace(secret, MASK)
            return _cut(shown)
        except Exception:
            return FAILED

    def _json(self, text, depth):
        # type: (Text, int) -> Text
        """The text's secrets masked, as JSON where it is JSON."""
        if text[:64].lstrip()[:1] in (u"{", u"[") and depth <= MAX_DEPTH:
            try:
                data = json.loads(text)
            except (ValueError, RuntimeError):  # RecursionError too
                return _shapes(text, self._names)
            data = _json.plain(data)
            shown = self.value(data, depth + 1)
            return text if shown == data else _json.text(json.dumps(shown, ensure_ascii=False))
        return _shapes(text, self._names)


_OUTPUT = _Walk(_Names((), frozenset(), True), [])


def _texts(argument, words):
    # type: (str, Any) -> List[Text]
    if isinstance(words, (six.string_types, bytes)):
        raise TypeError("%s is the text %r, expected a list of texts: write (%r,)"
                        % (argument, words, words))
    words = list(words)
    for word in words:
        if not isinstance(word, six.string_types) or not word:
            raise TypeError("%s contains %r, expected texts that are not empty" % (argument, word))
    return [_json.text(word) for word in words]


def _folded(name):
    # type: (Text) -> Text
    """The name with full-width letters and their like as ASCII."""
    try:
        name.encode("ascii")
        return name
    except UnicodeError:
        return unicodedata.normalize("NFKC", name)


def _gather(data, names, known, depth, name=u""):
    # type: (Any, _Names, Set[Text], int, Text) -> None
    """Adds the texts under strong names to known."""
    if isinstance(data, dict) and depth <= MAX_DEPTH:
        for key, value in data.items():
            _gather(value, names, known, depth + 1, key)
    elif isinstance(data, list) and depth <= MAX_DEPTH:
        for item in data:
            _gather(item, names, known, depth + 1, name if name.lower().endswith("s") else u"")
    elif isinstance(data, six.text_type) and len(data) >= MIN_KNOWN and name:
        if names.secret(name) and not names.readable(name, data):
            known.add(data)


def _cut(text):
    # type: (Text) -> Text
    if len(text) <= MAX_TEXT:
        return text
    marker = u"\n<%d characters cut>"
    kept = MAX_TEXT - len(marker) - 20
    return text[:kept] + marker % (len(text) - kept)


def _split_result(data):
    # type: (Any) -> Any
    """urllib's SplitResult with the password out of its parts."""
    parts = [data.get(part) for part in (u"scheme", u"netloc", u"path")]
    if not all(isinstance(part, six.text_type) for part in parts):
        return data
    start = parts[0] + u"://"
    url = start + parts[1] + parts[2]
    shown = _urls(url)
    if shown == url:
        return data
    data = _json.Object(data)
    netloc, slash, path = shown[len(start):].partition(u"/")
    data[u"netloc"], data[u"path"] = netloc, slash + path
    return data


def _shapes(text, names):
    # type: (Text, _Names) -> Text
    """The text with what looks like a secret masked."""
    if "-----BEGIN" in text:
        text = _pem(text)
    if "://" in text:
        text = _urls(text)
    for needles, pattern in SHAPES:
        for needle in needles:
            if needle in text:
                text = pattern.sub(_keep_first, text)
                break
    if "=" in text or ":" in text or '"' in text or "'" in text:
        text = _pairs(text, names)
    if "-" in text and _OPTION.search(text):
        text = _command_line(text, names)
    return text


def _keep_first(match):
    # type: (Any) -> Text
    return match.group(1) + MASK


def _pem(text):
    # type: (Text) -> Text
    """Private keys masked up to their END, or all that follows where it is missing."""
    shown, at = [], 0  # type: List[Text], int
    while True:
        begin = text.find("-----BEGIN", at)
        label_end = text.find("-----", begin + 10) + 5
        if begin < 0 or label_end < 5:
            return u"".join(shown) + text[at:]
        shown.append(text[at:label_end])
        at = label_end
        if "PRIVATE KEY" in text[begin:label_end]:
            end = text.find("-----END", at)
            shown.append(MASK)
            at = len(text) if end < 0 else end


def _urls(text):
    # type: (Text) -> Text
    """Passwords of URLs masked, and for http(s) user names, which may be tokens."""
    shown, at = [], 0  # type: List[Text], int
    start = text.find("://")
    while start >= 0:
        following = text.find("://", start + 3)
        begin, end = start + 3, len(text) if following < 0 else following
        stop = _URL_END.search(text, begin, end)
        if stop:
            end = stop.start()
        elif following >= 0:
            end = max(begin, following - 33) + _URL_START.search(  # type: ignore[union-attr]
                text[max(begin, following - 33):following]).start()
        user_end = begin + _user_length(text[begin:end])
        if user_end > begin:
            colon = text.find(":", begin, user_end)
            if text[max(0, start - 5):start].lower().endswith(("http", "https")):
                colon = begin - 1
            if colon >= 0 and colon + 1 < user_end:
                shown += [text[at:colon + 1], MASK]
                at = user_end
        start = following
    return u"".join(shown) + text[at:]


def _user_length(rest):
    # type: (Text) -> int
    """The length of user:password, which may hold @, : and / unescaped; 0 without any."""
    last = rest.rfind("@")
    authority = re.split(r"[/?#]", rest, 1)[0]
    at = authority.rfind("@")
    if last < 0 or at < 0 and (":" not in authority or _HOST_PORT.match(authority)):
        return 0
    return last if at < 0 or ":" in authority[:at] else at


def _pairs(text, names):
    # type: (Text, _Names) -> Text
    """Values of name=value, name: value and their like masked under secret names."""
    shown, at = [], 0  # type: List[Text], int
    match = _PAIR.search(text)
    while match:
        following = match.end()
        if names.secret(match.group("name")) and not text.startswith("//", following):
            start, end = _extent(text, match, names.gentle)
            if end > start and not names.readable(match.group("name"), text[start:end]) \
                    and not text.startswith(MASK, start):
                shown += [text[at:start], MASK]
                at = following = end
        elif match.group("sep") and text[match.start() - 1:match.start()] in ("?", "&") \
                and match.group("name").lower() == "key":
            start, end = _extent(text, match, names.gentle)
            shown += [text[at:start], MASK]
            at = following = end
        match = _PAIR.search(text, following)
    return u"".join(shown) + text[at:]


def _extent(text, match, gentle):
    # type: (Text, Any, bool) -> Tuple[int, int]
    """Where the value of a pair begins and ends."""
    start = match.end()
    quote = _QUOTE.match(text, start)
    if quote:
        return quote.end(), _closing(text, quote.group(1), quote.end())
    if text[start:start + 1] in ("{", "[", "("):
        return start, _bracket_end(text, start)
    before = text[:match.start()][-1:]
    line_start = not text[text.rfind("\n", 0, match.start()) + 1:match.start()].strip(" \t-\"'")
    if match.group("sep") == ":" and (_words_end(match.group("name")) in HEADERS
                                      or line_start and not gentle and text[start - 1] != ":"):
        pattern = _LINE_END
    elif before == ";" or _FIELD.match(text, start):
        pattern = _FIELD_END
    else:
        pattern = _VALUE_END
        scheme = _SCHEME.match(text, start)
        if scheme:
            start = scheme.end()
    end = pattern.search(text, start)
    return start, end.start() if end else len(text)


def _words_end(name):
    # type: (Text) -> Text
    words = _WORD.findall(name)
    return words[-1].lower() if words else u""


def _closing(text, quote, at):
    # type: (Text, Text, int) -> int
    """Where the quote, itself with or without backslashes, is closed; the end without one."""
    end = text.find(quote, at)
    while end > at and text[end - 1] == u"\\" and text[at:end].endswith(u"\\"):
        backslashes = end - len(text[at:end].rstrip(u"\\")) - at
        if backslashes % 2 == 0:
            break
        end = text.find(quote, end + len(quote))
    return len(text) if end < 0 else end


def _bracket_end(text, at):
    # type: (Text, int) -> int
    level = 0
    for match in _BRACKET.finditer(text, at):
        level += 1 if match.group() in "[({" else -1
        if not level:
            return match.end()
    return len(text)


def _command_line(text, names):
    # type: (Text, _Names) -> Text
    """A command line inside a text: its words as the options of a list."""
    parts = _TOKEN.split(text)
    words = [part for part in parts[::2] if part]
    shown = iter(_options(words, names))
    return u"".join(part if index % 2 or not part else next(shown)
                    for index, part in enumerate(parts))


def _options(words, names):
    # type: (List[Text], _Names) -> List[Text]
    """Command-line words, values of secret options masked."""
    shown = []  # type: List[Text]
    program = u""
    option = u""
    for word in words:
        shown.append(_option_value(program, option, word, names))
        option = word if word.startswith("-") and shown[-1] == word else u""
        base = word.rsplit("/", 1)[-1]
        if base.startswith(tuple(one for all_ in OPTIONS.values() for one in all_)):
            program = base
    return shown


def _option_value(program, option, word, names):
    # type: (Text, Text, Text, _Names) -> Text
    """A word of a command line, after the option before it."""
    if option and "=" not in option and not word.startswith("--") \
            and not re.match(r"-[A-Za-z]\Z", word):
        if len(option) > 2 and names.secret(option):
            return word if names.readable(option, word) else MASK
        if option in USER_OPTIONS and _is_user_password(word):
            return word.partition(":")[0] + ":" + MASK
        if program.startswith(OPTIONS.get(option, ("\n",))):
            return MASK
        if option == "-p" and re.match(r"(?=\D*\d)(?=[^A-Za-z]*[A-Za-z])[^:/]{6,512}\Z", word):
            return MASK
    if word[:2] in OPTIONS and len(word) > 2 and program.startswith(OPTIONS[word[:2]]):
        return word[:2] + MASK
    name, equals, value = word.partition("=")
    if equals and name in USER_OPTIONS and _is_user_password(value):
        return name + "=" + value.partition(":")[0] + ":" + MASK
    if equals and name.startswith("-") and names.secret(name) \
            and not names.readable(name, value):
        return name + "=" + MASK
    return word


def _is_user_password(value):
    # type: (Text) -> bool
    """user:password, not the user:group of other programs."""
    user, colon, rest = value.partition(":")
    return bool(colon and rest) and rest != user and not rest.isdigit() and MASK != rest
