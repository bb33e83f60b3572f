"""Known secrets, wherever they turn up in a text."""
import bisect
import re

MYPY = False
if MYPY:
    from typing import Iterable, List, Text

#: What stands for a secret.
MASK = u"********"
#: Shorter secrets are not looked for elsewhere: they would hide ordinary words.
MIN_KNOWN = 8

#: Where no letter or digit stands before, but for those of an escape such as \n, \x0a or %0a.
_WORD_START = r"(?:(?<![^\W_])|(?<=\\[a-z])|(?<=%..)|(?<=\\x..)|(?<=\\u....))"
#: Where no letter or digit follows.
_WORD_END = r"(?![^\W_])"


class Known(object):
    """Secrets that are masked wherever they turn up as whole words: inside of one, they'd be told.

    They are sorted: those that a text goes on with stand at or before its place, each being the
    beginning of the next. So the time hardly depends on how many there are.
    """

    def __init__(self, secrets):
        # type: (Iterable[Text]) -> None
        self._secrets = sorted(secret for secret in secrets if len(secret) >= MIN_KNOWN)
        self._starts = set(secret[:MIN_KNOWN] for secret in self._secrets)
        self._longest = max([0] + [len(secret) for secret in self._secrets])
        self._word_start, self._word_end = [re.compile(one, re.U)
                                            for one in (_WORD_START, _WORD_END)]
        self._shorter = []  # type: List[int]
        for at, secret in enumerate(self._secrets):  # which other one each begins with, or -1
            while at and not secret.startswith(self._secrets[at - 1]):
                at = self._shorter[at - 1] + 1
            self._shorter.append(at - 1)

    def masked(self, text):
        # type: (Text) -> Text
        """The text without these secrets."""
        shown, at = [], 0
        for start in range(len(text) - MIN_KNOWN + 1) if self._secrets else ():
            if text[start:start + MIN_KNOWN] in self._starts and start >= at:
                end = self._end(text, start)
                if end:
                    shown += [text[at:start], MASK]
                    at = end
        return u"".join(shown) + text[at:]

    def _end(self, text, start):
        # type: (Text, int) -> int
        """Where the longest secret ends that begins there, or 0."""
        if text[start].isalnum() and not self._word_start.match(text, start):
            return 0
        at = bisect.bisect(self._secrets, text[start:start + self._longest]) - 1
        while at >= 0:
            secret, at = self._secrets[at], self._shorter[at]
            end = start + len(secret)
            if text.startswith(secret, start) \
                    and (not secret[-1].isalnum() or self._word_end.match(text, end)):
                return end
        return 0
