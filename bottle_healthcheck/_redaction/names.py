"""Which names say that what they name is a secret, and what is none all the same."""
import re
import unicodedata

import six

from .. import _jsonable

MYPY = False
if MYPY:
    from typing import Any, Dict, Iterable, List, Text, Tuple

MASK = u"********"
#: How secret a name is. Under a weak name plain words are shown, under a strong one states alone.
NOT_SECRET, WEAK, STRONG = range(3)
MAX_NAME, MAX_HARMLESS = 200, 512  # its last characters are read; longer values are secrets
#: Parts of strong names: dbpassword, PASS-PHRASE, not compass_width, secretary.
STRONG_PARTS = ["passw", "pass.?(?:word|phrase|code)", "secret(?!ar)", "ps?wd", "mnemonic",
                "(?:seed|recovery).?phrase"]
#: Weak at the end of a name whose words are joined by "_", or as its last word.
_WEAK = re.compile(
    r"(?:pass|passin|passout|tokens?|psw|pw|auth|sess(?:ion)?id|\Asession|connect_?sid|credentials?"
    r"|(?:\A|_)(?:authorization|bearer|cookies?|creds?|csrf|dsn|hmac|jwt|otp|pat|pepper|phrase|pin"
    r"|private|psk|salts?|sas|seed|sig|signature|signing|sk|totp|xsrf)|(?:access|account|admin|api"
    r"|app|auth|client|consumer|cryption|deploy|functions|host|license|master|private|service"
    r"|shared|signing|ssh|storage|subscription|unseal|webhook|write)_?keys?)\Z")
#: Last words that say nothing: the word before them counts.
TAILS = frozenset(
    "backup base basic bytes code current data default dev hex id json live new next old previous "
    "primary prod production sandbox secondary staging string test text users utf value".split())
#: Last words of settings, and words that only end like a secret's name.
SETTINGS = frozenset(
    "age algorithm arn audience backend bypass class command compass count days dir disabled "
    "domain enabled endpoint engine env error exception expired expires expiry field file format "
    "header headers helper host hours id interval issuer length limit location manager max method "
    "min minutes mode model name namespace path policy port prefix prompt provider realm region "
    "required reset role rotation scope scopes seconds secure server service size source state "
    "status stdin store timeout total ttl type uri url user username validators version".split())
#: First words of switches and of limits.
SWITCHES = frozenset("allow ask disable enable max min no require show skip use without".split())
#: Schemes of the Authorization header: harmless alone, in front of a secret otherwise.
SCHEMES = frozenset("basic bearer digest negotiate token".split())
#: First words of what is said about a secret under any name.
STATES = frozenset(
    "accepted bad cached cannot changed closed configured connected connecting connection "
    "degraded denied disabled disconnected does down empty enabled error expired expires failed "
    "failing false found from has healthy incorrect invalid is loaded malformed mismatch missing "
    "must never no none not null off offline ok on online optional passed pending present "
    "provided reachable ready refused rejected renewed required revoked rotated running set "
    "starting stopped timed timeout true unavailable unchanged unexpected unhealthy unknown "
    "unreachable unset up updated valid verified was wrong yes".split())
_WORD = re.compile(r"[A-Z]+s?(?![a-z])|[A-Z]?[a-z]+")
#: One part alone needs an ending, or lower-case letters only.
_PATH = re.compile(
    r"(?:(?:~|\.{1,2}|[A-Za-z]:)?/|[A-Za-z]:\\)(?:[a-z][a-z -]{0,63}"
    r"|[\w@-]{0,63}(?:\.[a-z]\w{0,7})+|[\w. @-]{0,63}(?:[/\\][\w. @-]{0,255}){1,64})?\Z", re.U)
#: What a key in base64 looks like and no part of a path: all kinds of letters together.
_RANDOM = re.compile(r"(?=\w*[A-Z])(?=\w*[a-z])(?=\w*[0-9])\w{10}")
#: ${NAME}, $NAME, %(name)s, {{ name }}, <name>, now(), os.environ["NAME"], an ARN, what is masked
_REFERENCE = re.compile(
    r"(?:\$\{[^{}]+\}|\$[A-Z_][A-Z0-9_]*|%\(\w+\)s|\{\{[^{}]+\}\}|<[a-z][\w -]+>|arn:[\w:/*.-]+"
    r"|[a-z_][\w.]*(?:\(\)|[(\[][\"'][A-Za-z_]+[\"']?(?:, ?None)?[\])]?)|\**)\Z|\*{8}(?!\w)")
#: An address or fields, whose own secrets the rules for texts have masked; a class by its path.
_CONNECTION = re.compile(r"://|\w=\S+\s+\w+=|\*{8}|^(?:[a-z_]+\.){2,}[A-Z]")


class Names(object):
    """Judges names; hide adds words that make a name secret, show exempts exact names."""

    def __init__(self, hide=(), show=(), for_outputs=False):
        # type: (Iterable[str], Iterable[str], bool) -> None
        self.for_outputs = for_outputs
        hide = [re.escape(word.lower()) for word in hide]
        self._strong = re.compile("|".join(STRONG_PARTS + hide))
        self._always_masked = re.compile("|".join(["key", "token", "pass"] + hide))
        self._show = show
        self._strengths = {}  # type: Dict[Text, int]

    def hides_everything(self, name):
        # type: (Text) -> bool
        """Whether the name hides whatever stands there, which it does in the dump alone."""
        if self.for_outputs or name in self._show:
            return False
        return bool(self._always_masked.search(unicodedata.normalize("NFKC", name).lower()))

    def strength(self, name):
        # type: (Text) -> int
        """NOT_SECRET, WEAK or STRONG."""
        strength = self._strengths.get(name)
        if strength is None:
            strength = self._judge(name)
            if len(self._strengths) < 4096 and len(name) <= MAX_NAME:
                self._strengths[name] = strength
        return strength

    def _judge(self, name):
        # type: (Text) -> int
        words = _words(name)
        if not words or name in self._show or words[0] in SWITCHES:
            return NOT_SECRET
        while len(words) > 1 and words[-1] in TAILS:
            words.pop()
        if words[-1] in SETTINGS:
            return NOT_SECRET
        if self._strong.search(unicodedata.normalize("NFKC", name[-MAX_NAME:]).lower()):
            return STRONG
        is_bare_key = words[-1] in ("key", "keys") and not self.for_outputs
        return WEAK if is_bare_key or _WEAK.search("_".join(words)) else NOT_SECRET


def named_values(data):
    # type: (Dict[Text, Any]) -> List[Tuple[Text, Text, Any]]
    """Key, name and value; what is under dbValue is named by the text under dbName or dbKey."""
    named = []
    for key, value in data.items():
        names = [key]
        if key[-5:].lower() == u"value":
            beside = [data.get(key[:-5] + word) for word in (u"name", u"Name", u"key", u"Key")]
            names = [text for text in beside if isinstance(text, six.text_type)]
            names.append(u"secret" if _jsonable.MORE in data else key)  # its name may be cut off
        named.append((key, names[0], value))
    return named


def is_setting(name):
    # type: (Text) -> bool
    """Whether the name is that of a setting or an id, which is no secret below a secret name."""
    return (_words(name) or [""])[-1] in SETTINGS


def _words(name):
    # type: (Text) -> List[Text]
    """The last words of a name; full-width letters and their like count as ASCII."""
    name = unicodedata.normalize("NFKC", name[-MAX_NAME:])
    return [word.lower() for word in _WORD.findall(name)]


def is_harmless(name, value, strength, may_be_prose):
    # type: (Text, Text, int, bool) -> bool
    """Whether the text under a secret name of this strength is no secret, as prose may be."""
    text = value.strip(u" \t\r\n\"'")
    if len(value) > MAX_HARMLESS:
        return False
    if _REFERENCE.match(text):
        return True
    if _PATH.match(text):
        return not _RANDOM.search(text) or name in ("PWD", "OLDPWD")  # of a shell, in any folder
    words = text.split()
    first = words[0].lower().rstrip(u").,;:!?]}")
    if first in SCHEMES:
        return len(words) == 1
    if first in STATES and len(words) == 1:
        return True
    if re.match(r"[+-]?[0-9][0-9.,/]*%?\Z", text):
        is_count = strength == WEAK and not re.search(r"(?i)(?:pass|pw|pin|otp)\Z", name)
        return len(text) < 4 or (may_be_prose and is_count)
    if not all(map(is_plain, words)):
        return False
    if strength == STRONG:
        return may_be_prose and first in STATES
    return may_be_prose or bool(_CONNECTION.search(text))


def is_plain(word):
    # type: (Text) -> bool
    """Whether a word is of a language, a number or a short name: sha256, 10.0.0.1:389."""
    has_signs = re.search(r"[$!#^~|\\]", word.strip(u"\"'!|"))
    if has_signs or len(re.findall("[a-z][A-Z]", word)) > 2:
        return False
    parts = re.findall(r"(?u)[^\W_]+", word)
    mixed = [part for part in parts if not part.isalpha() and not part.isdigit()]
    is_short = all(len(part) < 16 for part in parts if part.isalpha())  # 16: an app password
    return is_short and len(mixed) < 3 and all(len(part) < 7 for part in mixed)
