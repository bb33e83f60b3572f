"""Secrets that the process knows, masked wherever they turn up in a text."""
import os
import re
import time
import weakref

from .. import _jsonable
from .values import MASK

#: Shorter secrets are not looked for elsewhere: they would hide ordinary words.
MIN_LENGTH = 8
#: So often the sources are compared with what was read of them, in seconds.
COMPARE_SECONDS = 1

#: A lower-case word (DB_PASSWORD=postgres), a number or a URL would hide what is said of others.
_ORDINARY = re.compile(r"(?:[a-z]+|[\W\d_]+)\Z|[\w+.-]{1,32}://", re.U)
#: No letter or digit stands before, but for those of an escape such as \n, \x0a or %0a.
_START = re.compile(r"(?<![^\W_])|(?<=\\[a-z])|(?<=%..)|(?<=\\x..)|(?<=\\u....)", re.U)


class SecretIndex(object):
    """Masks secrets that stand as whole words: inside of a word mere letters are meant."""

    def __init__(self, secrets):
        # type: (list) -> None
        self._secrets = frozenset(
            one for one in secrets if len(one) >= MIN_LENGTH and not _ORDINARY.match(one))
        self._starts = frozenset(secret[:MIN_LENGTH] for secret in self._secrets)
        self._lengths = sorted(set(map(len, self._secrets)), reverse=True)

    def mask(self, text):
        # type: (str) -> str
        """The text without these secrets, the longest first."""
        shown, at = [], 0
        for start in range(len(text) - MIN_LENGTH + 1) if self._secrets else ():
            if start >= at and text[start:start + MIN_LENGTH] in self._starts:
                for end in [start + length for length in self._lengths]:
                    if text[start:end] in self._secrets and _is_word(text, start, end):
                        shown += [text[at:start], MASK]
                        at = end
                        break
        return u"".join(shown) + text[at:]


def _is_word(text, start, end):
    begins = not text[start].isalnum() or _START.match(text, start)
    goes_on = text[end - 1:end].isalnum() and text[end:end + 1].isalnum()
    return begins and not goes_on


def _raw_environment():
    # type: () -> dict
    """The environment as os.environ keeps it: comparing that costs little, decoding it a lot."""
    raw = getattr(os.environ, "_data", None)
    if not isinstance(raw, dict):  # 2.7
        raw = os.environ
    return dict(raw)


class KnownSecrets(object):
    """The index of what collect(data) finds in the environment and in other sources."""

    def __init__(self, collect, clock=getattr(time, "monotonic", time.time)):
        self._collect, self._clock = collect, clock
        self._sources = []
        self._environment = (None, None)  # type: tuple  # as it is kept, and as plain data
        self._read = (None, None, SecretIndex([]))  # type: tuple

    def add_source(self, owner, read):
        """Adds read(owner), a mapping of names to values; the owner is not kept alive."""
        others = [source for source in self._sources if source[0]() not in (None, owner)]
        self._sources = others + [(weakref.ref(owner), read)]
        self._read = (None,) + self._read[1:]

    def data(self):
        # type: () -> list
        """Plain data of every source."""
        raw = _raw_environment()
        if raw != self._environment[0]:
            self._environment = raw, _jsonable.plain(os.environ)
        found = [self._environment[1]]
        for reference, read in self._sources:
            try:
                found.append(_jsonable.plain(read(reference())))
            except Exception:  # the owner is gone, or has no such thing
                continue
        return found

    def index(self):
        # type: () -> SecretIndex
        """The index, made anew where a source has changed; threads at once make the same."""
        read_at, data, index = self._read
        now = self._clock()
        if read_at is None or not 0 <= now - read_at < COMPARE_SECONDS:
            new_data = self.data()
            if new_data != data:
                index = SecretIndex(self._collect(new_data))
            self._read = now, new_data, index
        return index
