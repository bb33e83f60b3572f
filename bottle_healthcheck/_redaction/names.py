"""Which names say that what they name is a secret."""
import re
import unicodedata

import six

from .. import _jsonable

MYPY = False
if MYPY:
    from typing import Any, Dict, Iterable, List, Text, Tuple

#: How secret a name is. A weak name's value may be plain words, a strong one's a state that
#: values.STATES lists.
NOT_SECRET, WEAK, STRONG = range(3)

#: So many characters are read of a name: what it names stands at its end.
MAX_NAME = 200
#: In the dump a name that contains one of these hides whatever stands there.
ALWAYS_MASKED_PARTS = ("key", "token", "pass")
#: Strong in a name whose words are joined by "_": dbpassword, pass_phrase, not compass_width.
_STRONG = re.compile("passw|(?<![a-z])pass_word|pass_?phrase|pass_?code|secret(?!ar)|pwd|pswd"
                     "|mnemonic|(?:seed|recovery)_?phrase")
#: Weak at the end of such a name: auth_token, dbpw; as its last word; as a key of one of these.
_WEAK = re.compile(r"""(?x)(?:
    pass|passin|passout|tokens?|pw|psw|auth|sessid|sessionid|connect_?sid|credentials?|creds
    |(?:\A|_)(?:authorization|bearer|cookies?|cred|csrf|dsn|hmac|jwt|otp|pat|pepper|phrase|pin
        |private|psk|salts?|sas|seed|sig|signature|signing|sk|totp|xsrf)
    |(?:access|account|admin|api|app|auth|client|consumer|cryption|deploy|functions|host|license
        |master|private|service|shared|signing|ssh|storage|subscription|unseal|webhook
        |write)_?keys?)\Z""")
#: Last words that say nothing: the word before them counts.
TAILS = frozenset(
    "backup base basic bytes code current data default dev hex id json live new next old previous "
    "primary prod production sandbox secondary staging string test text users utf value".split())
#: Last words of settings, and words that only end like a secret's name.
SETTINGS = frozenset(
    "addr age algorithm arn at audience backend bypass class command compass count days dir "
    "disabled domain enabled endpoint engine env expires expiry field file format handler hasher "
    "header headers helper host hours interval issuer length level limit location login manager "
    "max method methods min minutes mode model name namespace path policy port prefix prompt "
    "provider queue realm ref region required reset role rotation samesite scope scopes seconds "
    "secretsmanager secure server service size source state status stdin store timeout "
    "total ttl type uri url user username validator validators version".split())
#: First words of switches and of limits.
SWITCHES = frozenset("allow ask disable enable max min no require show skip use without".split())

#: A text that may be a name.
NAME = re.compile(r"\w[\w.-]{0,63}\Z", re.U)
_WORD = re.compile(r"[A-Z]+s?(?![a-z])|[A-Z]?[a-z]+")
_EXCEPTION = re.compile(r"(?:Error|Exception|Expired)\Z")


class Names(object):
    """Judges names; hide adds words that make a name secret, show exempts exact names.

    In the outputs of checks each value is judged; in the dump some names mask any value.
    """

    def __init__(self, hide=(), show=(), for_outputs=False):
        # type: (Iterable[str], Iterable[str], bool) -> None
        self.for_outputs = for_outputs
        hide = [re.escape(word.lower()) for word in hide]
        self._hidden = re.compile("|".join(hide) or "(?!)")
        self._always_masked = re.compile("|".join(list(ALWAYS_MASKED_PARTS) + hide))
        self._show = show
        self._judged = {}  # type: Dict[Text, Tuple[bool, int]]

    def judge(self, name):
        # type: (Text) -> Tuple[bool, int]
        """Whether the name hides whatever is there, as in a dump alone, and its strength."""
        judged = self._judged.get(name)
        if judged is None:
            judged = self._hides_everything(name), self._strength(name[-MAX_NAME:])
            if len(self._judged) > 4096:
                self._judged = {}
            if len(name) <= MAX_NAME:
                self._judged[name] = judged
        return judged

    def strength(self, name):
        # type: (Text) -> int
        """NOT_SECRET, WEAK or STRONG."""
        return self.judge(name)[1]

    def _hides_everything(self, name):
        # type: (Text) -> bool
        if self.for_outputs or name in self._show:
            return False
        return bool(self._always_masked.search(_fold(name).lower()))

    def _strength(self, name):
        # type: (Text) -> int
        words = _words(name)
        if not words or name in self._show or words[0] in SWITCHES:
            return NOT_SECRET
        if self._hidden.search(_fold(name).lower()):
            return STRONG
        if words == ["session", "id"]:  # in XDG_SESSION_ID it is a number
            return WEAK
        while len(words) > 1 and words[-1] in TAILS:
            words.pop()
        last, joined = words[-1], "_".join(words)
        if last in SETTINGS or _EXCEPTION.search(name):
            return NOT_SECRET
        if _STRONG.search(joined):
            return STRONG
        if _WEAK.search(joined):
            return WEAK
        is_bare_key = last in ("key", "keys") and not self.for_outputs
        return WEAK if is_bare_key else NOT_SECRET


def named_values(data):
    # type: (Dict[Text, Any]) -> List[Tuple[Text, Text, Any]]
    """Key, name and value; what is under dbValue is named by the text under dbName or dbKey.

    If the data is cut, so that the name may be missing, the value counts as a secret.
    """
    named, lowered = [], {}  # type: List[Tuple[Text, Text, Any]], Dict[Text, Any]
    if any(key[-5:].lower() == u"value" for key in data):
        lowered = dict((key.lower(), value) for key, value in data.items())
    for key, value in data.items():
        name = key
        if key[-5:].lower() == u"value":
            kind = key[:-5].lower()
            given = lowered.get(kind + u"name") or lowered.get(kind + u"key")
            if isinstance(given, six.text_type) and NAME.match(given):
                name = given
            elif _jsonable.MORE in data:
                name = u"secret"
        named.append((key, name, value))
    return named


def is_setting(name):
    # type: (Text) -> bool
    """Whether the name is that of a setting or an id, which is no secret below a secret name."""
    last = (_words(name[-MAX_NAME:]) or [""])[-1]
    return last == "id" or last in SETTINGS


def _words(name):
    # type: (Text) -> List[Text]
    return [word.lower() for word in _WORD.findall(_fold(name))]


def _fold(name):
    # type: (Text) -> Text
    """The name with full-width letters and their like as ASCII."""
    return unicodedata.normalize("NFKC", name)
