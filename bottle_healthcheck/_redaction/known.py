"""Secrets that the process knows, masked wherever they turn up in a text."""
import os
import re
import weakref

import six
from six.moves.urllib.parse import unquote

from .. import _compat, _jsonable
from .names import MASK, STRONG, Names, is_harmless, named_values
from .texts import URL

MYPY = False
if MYPY:
    from typing import Any, Callable, Dict, Iterable, List, MutableMapping, Text, Tuple

#: What else may hold secrets, such as apps, while it is alive, and what reads them.
SOURCES = weakref.WeakKeyDictionary()  # type: MutableMapping[Any, Callable[[Any], Any]]
#: What a weak name must end with if its secret is to be masked wherever it turns up.
_CREDENTIAL = re.compile(r"(?i)(?:credential|key|pass|psw|pw|token)s?\Z")
#: A short or lower-case word (DB_PASSWORD=postgres), a number or a URL would hide too much.
_ORDINARY = re.compile(r"(?:[\s\S]{0,7}|[a-z]+|[\W\d_]+)\Z|[\w+.-]{1,32}://", re.U)
#: A secret is a whole word: inside of one mere letters are meant, but behind \n, \x0a or %0a.
_WORD = re.compile(r"[^\W_]+", re.U)
_ESCAPED_WORD = re.compile(r"(?:\\u....|\\x..|\\[a-z]|%..)([^\W_]+)", re.U)
_START = r"(?:(?<![^\W_])|(?<=\\[a-z])|(?<=%..)|(?<=\\x..)|(?<=\\u....))"


class KnownSecrets(object):
    """What the environment and the sources have under secret names."""

    def __init__(self, names, sources=SOURCES, clock=_compat.monotonic):
        # type: (Names, MutableMapping[Any, Callable[[Any], Any]], Callable[[], float]) -> None
        self._names, self._sources, self._clock = names, sources, clock
        #: When how many sources were read, their data, and the index of its secrets.
        self._last = 0, 0, None, {}  # type: Tuple[float, int, Any, Dict[Text, List[Text]]]

    def index(self):
        # type: () -> Dict[Text, List[Text]]
        """Compared with the sources once a second; concurrent threads make equal ones."""
        read_at, last_count, last_data, index = self._last
        now, count = self._clock(), len(self._sources)
        if count == last_count and 0 <= now - read_at < 1:
            return index
        data = [_jsonable.plain(os.environ)]
        for owner, read in list(self._sources.items()):
            try:
                data.append(_jsonable.plain(read(owner)))
            except Exception:  # it has no such thing
                continue
        if data != last_data:
            index = index_of(secrets_in(data, self._names))
        self._last = now, count, data, index
        return index


def secrets_in(data, names, name=u""):
    # type: (Any, Names, Text) -> List[Text]
    """What stands under names of credentials, in lists under their plurals, and in URLs."""
    found, inner = [], []  # type: List[Text], List[Tuple[Text, Any]]
    if isinstance(data, six.text_type):
        strength = names.strength(name)
        is_credential = strength == STRONG or bool(strength and _CREDENTIAL.search(name))
        if is_credential and not is_harmless(name, data, strength, False):
            found.append(data)
        for match in URL.finditer(data):
            found += [match.group("password"), unquote(match.group("password"))]
        data, name = _jsonable.parse(data), u""
    if isinstance(data, dict):
        inner = [(about, value) for _, about, value in named_values(data)]
    elif isinstance(data, list):
        plural = name if name[-1:] in u"sS" else u""
        inner = [(plural, item) for item in data]
    for about, value in inner:
        found += secrets_in(value, names, about)
    return found


def index_of(secrets):
    # type: (Iterable[Text]) -> Dict[Text, List[Text]]
    """The secrets by the first word of each, the longest first."""
    index = {}  # type: Dict[Text, List[Text]]
    secrets = set(secret for secret in secrets if not _ORDINARY.match(secret))
    for secret in sorted(secrets, key=len, reverse=True):
        index.setdefault(_WORD.findall(secret)[0], []).append(secret)
    return index


def mask_secrets(text, index):
    # type: (Text, Dict[Text, List[Text]]) -> Text
    """The text without the secrets of an index."""
    words = set(_WORD.findall(text) + _ESCAPED_WORD.findall(text))
    for secret in [one for word in words if word in index for one in index[word]]:
        start = _START if secret[0].isalnum() else u""
        end = r"(?![^\W_])" if secret[-1].isalnum() else u""
        text = re.sub(start + re.escape(secret) + end, MASK, text, flags=re.U)
    return text
