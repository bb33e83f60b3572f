"""Secrets out of plain data: masked by name, by shape, and wherever a known one turns up again.

Here are the names and the walk; the rules for texts are in `text`, known secrets in
`known`. A secret without a name and without a shape stays visible: an entropy rule would
hide digests and trace ids as well.
"""
import json
import unicodedata

import six

from .. import _jsonable
from .known import Known, MASK

MYPY = False
if MYPY:
    from typing import Any, Dict, Iterable, Iterator, List, Optional, Set, Text, Tuple

#: What stands for a value that a rule failed on.
FAILED = u"<not shown>"
#: Longer texts are cut, in characters.
MAX_TEXT = 64 * 1024
#: What is redacted of a text, in characters: bounds time and memory.
MAX_READ = 256 * 1024
#: Levels of nesting, those of JSON inside text included.
MAX_DEPTH = 64

#: A name that contains one of these has the mask for a value, whatever that is.
CONTRACT = ("key", "token", "pass")

# A name looks secret by its words, _ids and camelCase alike: then switches, file paths and prose
# stay readable. In texts, on command lines and in the outputs of checks, names are judged so, too.

#: Secret anywhere in a name.
STRONG = ("passw", "passphrase", "passcode", "secret", "credential", "pwd", "pswd")
#: Secret as the end of the last word.
SUFFIXES = ("pass", "token", "tokens", "pw", "psw", "auth", "sessid", "sessionid")
#: Secret as all words together: XDG_SESSION_ID and ORACLE_SID are none.
WHOLE = set("session_id connect_sid".split())
#: Secret as the last word.
LAST_WORDS = set(
    "authorization bearer cookie cookies cred creds csrf dsn hmac jwt mnemonic otp pat pepper "
    "phrase pin private psk salt salts sas sig signature sk totp xsrf".split())
#: What makes a key a secret one in the outputs of checks, where a bare "key" is none.
KEYS_OF = set(
    "access account admin api app auth client consumer cryption deploy functions host license "
    "master private service shared signing ssh storage subscription webhook write".split())
#: Last words that tell nothing: the word before them counts.
TAIL_WORDS = set(
    "backup base basic bytes code current data default dev hex id json live new next old previous "
    "primary prod production sandbox secondary staging string test text utf value".split())
#: Last words of names that tell about a secret.
EXEMPT_LAST = set(
    "age algorithm arn backend class command count days dir disabled domain enabled endpoint "
    "engine env expiry field file format header helper host hours interval length limit location "
    "manager max method min minutes mode name namespace path policy port prefix prompt provider "
    "region required reset rotation scope seconds secure size source status stdin store timeout "
    "total ttl type uri url validators version".split())
#: First words of switches.
EXEMPT_FIRST = set("allow ask disable enable no require show skip use without".split())
#: Words that only end like a secret's name.
EXEMPT_WORDS = set("bypass compass".split())
#: Values, or in the outputs of checks first words of values, that are no secret.
PROSE = set(
    "accepted bad cannot changed closed connected connecting connection degraded denied disabled "
    "disconnected does down empty enabled error expired failed failing false has healthy incorrect "
    "invalid is loaded malformed mismatch missing must no none not null off offline ok on online "
    "optional passed pending reachable ready refused rejected required revoked running starting "
    "stopped timed timeout true unavailable unexpected unhealthy unknown unreachable up valid was "
    "wrong yes 0 1".split())
#: Names of components, which outputs of checks tell about: an address or a sentence is no secret.
COMPONENTS = set("auth oauth".split())

_NUMBERS = (bool, float, type(None)) + six.integer_types


class Redactor(object):
    """Masks secrets; hide adds words that make a name secret, show exempts exact names.

    Raises TypeError for a text instead of a list of texts, ValueError for an empty text.
    """

    def __init__(self, hide=(), show=()):
        # type: (Iterable[Text], Iterable[Text]) -> None
        load_rules()  # loads them
        self._names = _Names(_texts("hide", hide), _texts("show", show), gentle=False)

    def clean(self, data, others=()):
        # type: (Any, Iterable[Any]) -> Any
        """A redacted, cut copy of plain data; what is secret in it or in others is masked."""
        try:
            known = set()  # type: Set[Text]
            for source in [data] + list(others):
                _gather(source, self._names, known)
            return _Walk(self._names, Known(known)).value(data)
        except Exception:
            return FAILED


def clean_output(output):
    # type: (Any) -> Any
    """A redacted and cut copy of a check's plain output: text alone is ever masked."""
    return _GENTLE.value(output)


class _Names(object):
    """Which names are secret; gentle, as for the outputs of checks, or not."""

    def __init__(self, hide, show, gentle):
        # type: (List[Text], List[Text], bool) -> None
        self.gentle = gentle
        self._hide = tuple(word.lower() for word in hide)
        self._show = frozenset(show)
        self._judged = {}  # type: Dict[Text, bool]

    def contract(self, name):
        # type: (Text) -> bool
        """Whether the value is masked whatever it is."""
        lower = _folded(name).lower()
        return not self.gentle and name not in self._show \
            and any(word in lower for word in CONTRACT + self._hide)

    def secret(self, name):
        # type: (Text) -> bool
        """Whether the name looks secret; what it names stands at its end."""
        if name in self._show:
            return False
        name = name[-200:]
        if name not in self._judged:
            if len(self._judged) > 4096:
                self._judged.clear()
            self._judged[name] = self._looks_secret(_folded(name))
        return self._judged.get(name, True)  # another thread may have cleared it

    def _looks_secret(self, name):
        # type: (Text) -> bool
        lower = name.lower()
        if any(word in lower for word in self._hide):
            return True
        words = [word.lower() for word in load_rules().WORD.findall(name)]
        if "_".join(words) in WHOLE:
            return True
        while words and (words[-1] in TAIL_WORDS or words[-1].isdigit()):
            words.pop()
        if not words or words[0] in EXEMPT_FIRST or words[-1] in EXEMPT_LAST:
            return False
        last, joined = words[-1], "".join(words)
        if joined.endswith(("key", "keys")):
            if not self.gentle and last in ("key", "keys") \
                    or joined.rstrip("s")[:-3].endswith(tuple(KEYS_OF)):
                return True
        return last in LAST_WORDS or any(word in lower for word in STRONG) \
            or last.endswith(SUFFIXES) and last not in EXEMPT_WORDS

    def readable(self, name, value):
        # type: (Text, Any) -> bool
        """Whether the value is no secret though its name looks so."""
        if value is None or isinstance(value, bool) or value in (u"", [], {}):
            return True
        if _is_dsn(name) and (isinstance(value, dict) or isinstance(value, six.text_type)
                              and any(sign in value for sign in (u"://", u"=", u"@"))):
            return True  # the names and the rules for texts know the secrets in there
        if not isinstance(value, six.text_type):
            return self.gentle and not isinstance(value, (dict, list))
        words = value[:100].lower().split(None, 1)
        first = words[0].rstrip(u").,;:!?]}") if words else u""
        alone = len(words) == 1 and len(value) <= 100  # what follows many blanks was not read
        if first in PROSE and (self.gentle or alone):
            return True
        if self.gentle and self._tells(name.lower(), value):
            return True
        return first in load_rules().SCHEMES and alone or not value.strip(u"* ") \
            or bool(load_rules().PATH.match(value))

    @staticmethod
    def _tells(name, value):
        # type: (Text, Text) -> bool
        """Whether the output of a check tells something, under a name that looks secret."""
        words = value[:100].lower().split()
        if name in COMPONENTS and (u"://" in value or len(words) > 2
                                   and words[0] not in load_rules().SCHEMES):
            return True
        # "pass" alone counts what passed, unless it is as long as a password
        return bool(load_rules().NUMBER.match(value)) \
            and ("pass" not in name or name == "pass" and len(value) < 4)


class _Walk(object):
    """One pass over plain data."""

    def __init__(self, names, known):
        # type: (_Names, Optional[Known]) -> None
        self._names, self._known = names, known

    def value(self, value, depth=0, name=u"", inside=u""):
        # type: (Any, int, Text, Text) -> Any
        """The redacted copy; inside: the secret name that the value lies somewhere under."""
        try:
            if self._names.contract(name):
                return MASK
            inside = name if self._names.secret(name) else inside
            holds = isinstance(value, (dict, list))
            if inside and not self._names.readable(inside, value) \
                    and not (holds and self._names.gentle):
                return MASK
            if isinstance(value, six.text_type):
                return self.text(value, depth)
            if not holds:
                return value if isinstance(value, _NUMBERS) else _jsonable.type_name(value)
            if depth > MAX_DEPTH:
                return u"<too deep>"
            if isinstance(value, dict):
                return self._object(value, depth + 1, u"" if _is_dsn(inside) else inside)
            return self._list(value, depth + 1, inside)
        except Exception:
            return FAILED

    def _object(self, data, depth, inside):
        # type: (Any, int, Text) -> Any
        data = _split_result(data)
        result = _jsonable.Object()  # type: Any
        numbers = {}  # type: Dict[Text, int]
        for key, name, value in _named(data):
            shown = _unlike(self.text(key, depth), result, numbers)
            result[shown] = self.value(value, depth, name,
                                       shown if self._names.secret(shown) else inside)
        return result

    def _list(self, data, depth, inside):
        # type: (Any, int, Text) -> Any
        texts = [item for item in data if isinstance(item, six.text_type)]
        if len(data) == 2 and texts[:1] == data[:1] and load_rules().PLAIN_NAME.match(data[0]) \
                and self._names.secret(data[0]):  # ("Authorization", ...)
            return [self.value(data[0], depth), self.value(data[1], depth, data[0], inside)]
        if len(texts) == len(data) and not inside:
            data = load_rules().options(data, self._names)
        return [self.value(item, depth, u"", inside) for item in data]

    def text(self, text, depth):
        # type: (Text, int) -> Text
        """The text without its secrets, cut."""
        try:
            unread = max(0, len(text) - MAX_READ)
            text = text[:MAX_READ]
            data = _parsed(text) if depth <= MAX_DEPTH else None
            if data is not None:
                shown = self.value(data, depth + 1)
                if shown != data:
                    text = _jsonable.text(json.dumps(shown, ensure_ascii=False))
            else:
                text = load_rules().masked(text, self._names)
            return _cut(self._known.masked(text) if self._known else text, unread)
        except Exception:
            return FAILED


_GENTLE = _Walk(_Names([], [], gentle=True), None)
#: The module of the rules for texts, when it is loaded.
_LOADED = []  # type: List[Any]


def load_rules():
    # type: () -> Any
    """The rules for texts, whose patterns take long to compile: importing ours must not.

    Constructors load them. A check's thread could wait for an import as long as another thread
    imports (2.7), and in the child of a fork for ever.
    """
    if not _LOADED:
        from . import text
        _LOADED.append(text)
    return _LOADED[0]


def _texts(argument, words):
    # type: (str, Any) -> List[Text]
    if isinstance(words, (six.text_type, bytes)) or not hasattr(words, "__iter__"):
        raise TypeError("%s is %r, expected a list of texts such as (\"word\",)"
                        % (argument, words))
    words = list(words)
    for word in words:
        if not isinstance(word, six.string_types):
            raise TypeError("%s holds %r, expected texts only" % (argument, word))
        if not word:
            raise ValueError("%s holds an empty text, which is part of every name" % argument)
    return [_jsonable.text(word) for word in words]


def _is_dsn(name):
    # type: (Text) -> bool
    """Whether the name is that of a connection string."""
    return name.lower().endswith(u"dsn")


def _folded(name):
    # type: (Text) -> Text
    """The name with full-width letters and their like as ASCII."""
    return unicodedata.normalize("NFKC", name)


def _named(data):
    # type: (Any) -> Iterator[Tuple[Text, Text, Any]]
    """Key, name and value; the value of {"name": .., "value": ..} has the name that is told."""
    told = {}
    for key, value in data.items():
        if isinstance(value, six.text_type) and load_rules().PLAIN_NAME.match(value):
            told[key.lower()] = value
    for key, value in data.items():
        kind, is_value, rest = key.lower().rpartition(u"value")
        about = told.get(kind + u"name") or told.get(kind + u"key")
        yield key, about if about and is_value and not rest else key, value


def _gather(data, names, known, name=u"", depth=0):
    # type: (Any, _Names, Set[Text], Text, int) -> None
    """Adds to known what stands under strong names, in lists under their plurals, and in URLs."""
    if depth > MAX_DEPTH:
        return
    if isinstance(data, dict):
        for _, key, value in _named(data):
            _gather(value, names, known, key, depth + 1)
    elif isinstance(data, list):
        for item in data:
            _gather(item, names, known, name if name[-1:] in u"sS" else u"", depth + 1)
    elif isinstance(data, six.text_type):
        if names.secret(name) and not names.readable(name, data):
            known.add(data)
        else:
            known.update(load_rules().url_passwords(data[:MAX_READ]))
            _gather(_parsed(data[:MAX_READ]), names, known, depth=depth + 1)


def _cut(text, unread):
    # type: (Text, int) -> Text
    """The beginning of a redacted text, unread characters of which were cut before."""
    if len(text) <= MAX_TEXT and not unread:
        return text
    marker = u"\n<%d characters cut>"
    kept = MAX_TEXT - len(marker) - 20
    if unread:  # a secret without its end may not have been known for one: leave it out
        kept = max(0, min(kept, len(text) - MAX_TEXT))
    return text[:kept] + marker % (unread + len(text) - kept)


def _parsed(text):
    # type: (Text) -> Any
    """What JSON text of an object or array holds, or None."""
    if text[:64].lstrip()[:1] not in (u"{", u"["):
        return None
    try:
        return _jsonable.plain(json.loads(text, object_pairs_hook=_every_pair))
    except (ValueError, RuntimeError):  # too deep is a RuntimeError
        return None


def _every_pair(pairs):
    # type: (List[Any]) -> Any
    """A JSON object with every value of a name that it has twice."""
    result, numbers = _jsonable.Object(), {}  # type: Any, Dict[Text, int]
    for name, value in pairs:
        result[_unlike(name, result, numbers)] = value
    return result


def _unlike(name, taken, numbers):
    # type: (Text, Any, Dict[Text, int]) -> Text
    """The name, or one that is not taken: with up to 8 quotes, then with a quote and a number.

    numbers keeps the last number of each name, so that equal names take linear time.
    """
    shown = name
    while shown in taken:
        numbers[name] = number = numbers.get(name, 0) + 1
        shown = name + (u"'" * number if number <= 8 else u"'%d" % number)
    return shown


def _split_result(data):
    # type: (Any) -> Any
    """urllib's SplitResult with the password out of its parts."""
    parts = [data.get(part) for part in (u"scheme", u"netloc", u"path")]
    if not all(isinstance(part, six.text_type) for part in parts):
        return data
    start = parts[0] + u"://"
    shown = load_rules().urls(start + parts[1] + parts[2])[len(start):]
    if shown == parts[1] + parts[2]:
        return data
    netloc, slash, path = shown.partition(u"/")
    return _jsonable.Object(data, netloc=netloc, path=slash + path)
