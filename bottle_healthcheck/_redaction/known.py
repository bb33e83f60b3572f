"""Secrets that the process knows, masked wherever they turn up in a text."""
import os
import re
import weakref

import six

from .. import _compat, _jsonable
from .names import STRONG, Names, named_values
from .patterns import url_passwords
from .values import MASK, is_harmless

MYPY = False
if MYPY:
    from typing import Any, Callable, Iterable, List, Mapping, Text, Tuple

    #: An owner, which may be gone, and what reads its names and values.
    Reader = Tuple[weakref.ref[Any], Callable[[Any], Mapping[Any, Any]]]

#: Shorter secrets are not looked for elsewhere: they would hide ordinary words.
MIN_LENGTH = 8
#: So often the sources are compared with what was read of them, in seconds.
COMPARE_SECONDS = 1
#: Secrets are looked for so many levels deep, and in so many characters of a text.
MAX_DEPTH, MAX_READ = 65, 256 * 1024

#: What a weak name must end with if its secret is to be masked wherever it turns up.
_CREDENTIAL = re.compile(r"(?i)(?:credential|key|pass|psw|pw|token)s?\Z")
#: A lower-case word (DB_PASSWORD=postgres), a number or a URL would hide what is said of others.
_ORDINARY = re.compile(r"(?:[a-z]+|[\W\d_]+)\Z|[\w+.-]{1,32}://", re.U)
#: The first word of a secret is looked for before the secret.
_WORDS = re.compile(r"[^\W_]+", re.U)
#: No letter or digit stands before, but for those of an escape such as \n, \x0a or %0a.
_START = re.compile(r"(?<![^\W_])|(?<=\\[a-z])|(?<=%..)|(?<=\\x..)|(?<=\\u....)", re.U)


class SecretIndex(object):
    """Masks secrets that stand as whole words: inside of a word mere letters are meant."""

    def __init__(self, secrets=()):
        # type: (Iterable[str]) -> None
        self._given = frozenset(secrets)
        self._secrets = frozenset(
            one for one in self._given if len(one) >= MIN_LENGTH and not _ORDINARY.match(one))
        self._starts = frozenset(secret[:MIN_LENGTH] for secret in self._secrets)
        self._words = frozenset(_WORDS.findall(secret)[0] for secret in self._secrets)
        self._lengths = sorted(set(map(len, self._secrets)), reverse=True)

    def with_more(self, secrets):
        # type: (Iterable[str]) -> SecretIndex
        """An index of these secrets too."""
        more = self._given.union(secrets)
        return self if more == self._given else SecretIndex(more)

    def mask(self, text):
        # type: (str) -> str
        """The text without these secrets, the longest first."""
        is_escaped = u"\\" in text or u"%" in text
        if not is_escaped and self._words.isdisjoint(_WORDS.findall(text)):
            return text
        shown, at = [], 0
        for start in range(len(text) - MIN_LENGTH + 1):
            if start >= at and text[start:start + MIN_LENGTH] in self._starts:
                for end in [start + length for length in self._lengths]:
                    if text[start:end] in self._secrets and _is_word(text, start, end):
                        shown += [text[at:start], MASK]
                        at = end
                        break
        return u"".join(shown) + text[at:]


def _is_word(text, start, end):
    # type: (Text, int, int) -> bool
    begins = not text[start].isalnum() or bool(_START.match(text, start))
    goes_on = text[end - 1:end].isalnum() and text[end:end + 1].isalnum()
    return begins and not goes_on


class Sources(object):
    """What may hold secrets: the environment, and read(owner) of each owner that is still alive."""

    def __init__(self):
        # type: () -> None
        #: A new list at each change.
        self.readers = []  # type: List[Reader]

    def add(self, owner, read):
        # type: (Any, Callable[[Any], Mapping[Any, Any]]) -> None
        """Adds read(owner), a mapping of names to values; the owner is not kept alive."""
        others = [reader for reader in self.readers if reader[0]() not in (None, owner)]
        self.readers = others + [(weakref.ref(owner), read)]

    def data(self):
        # type: () -> List[Any]
        """Plain data of every source."""
        found = [_jsonable.plain(os.environ)]
        for reference, read in self.readers:
            try:
                found.append(_jsonable.plain(read(reference())))
            except Exception:  # the owner is gone, or has no such thing
                continue
        return found


#: Those of the process.
SOURCES = Sources()


class KnownSecrets(object):
    """The index of the secrets that the sources have under these names."""

    def __init__(self, names, sources=SOURCES, clock=_compat.monotonic):
        # type: (Names, Sources, Callable[[], float]) -> None
        self._names, self._sources, self._clock = names, sources, clock
        #: When which readers were asked, what they returned, and the index of that.
        self._last = 0, None, None, SecretIndex()  # type: Tuple[float, Any, Any, SecretIndex]

    def index(self, more=None):
        # type: (Any) -> SecretIndex
        """An index, of the secrets in more too; concurrent threads build equal ones.

        It is built again if a source has changed.
        """
        read_at, last_readers, last_data, index = self._last
        now, readers = self._clock(), self._sources.readers
        is_recent = 0 <= now - read_at < COMPARE_SECONDS
        if not is_recent or readers is not last_readers:
            data = self._sources.data()
            if data != last_data:
                index = SecretIndex(collect_secrets(data, self._names))
            self._last = now, readers, data, index
        return index.with_more(collect_secrets(more, self._names))


def collect_secrets(data, names, name=u"", depth=0):
    # type: (Any, Names, Text, int) -> List[Text]
    """What stands under names of credentials, in lists under their plurals, and in URLs."""
    found = []  # type: List[Text]
    inner = []  # type: List[Tuple[Text, Any]]
    if depth > MAX_DEPTH:
        return found
    if isinstance(data, dict):
        inner = [(about, value) for _, about, value in named_values(data)]
    elif isinstance(data, list):
        plural = name if name[-1:] in u"sS" else u""
        inner = [(plural, item) for item in data]
    elif isinstance(data, six.text_type):
        if _is_credential(data, names, name):
            found.append(data)
        data = data[:MAX_READ]
        if u"://" in data:
            found += url_passwords(data)
        parsed = _jsonable.parse(data)
        if parsed is not None:
            inner = [(u"", parsed)]
    for about, value in inner:
        found += collect_secrets(value, names, about, depth + 1)
    return found


def _is_credential(text, names, name):
    # type: (Text, Names, Text) -> bool
    strength = names.strength(name)
    is_named = strength == STRONG or bool(strength and _CREDENTIAL.search(name))
    return is_named and not is_harmless(name, text, strength, False)
