"""The pass over plain data: each value is judged by its name, then by what stands there."""
import re

import six

from .. import _jsonable
from . import known
from .names import MASK, NOT_SECRET, Names, is_harmless, is_setting, named_values
from .texts import mask_text

MYPY = False
if MYPY:
    from typing import Any, Dict, Iterable, List, Text, Tuple

FAILED = u"<not shown>"
#: So many characters of a text are shown, and read: that bounds time and memory.
MAX_TEXT, MAX_READ = 64 * 1024, 256 * 1024
#: Without any of these no rule finds a secret: the sign of a pair, a URL or a hash, an option, a
#: long word, a word of letters and digits behind a name, a word that a bare secret follows.
_SUSPICIOUS = re.compile(r"[=:'\"<>@$]|%[0-9]|-(?<![\w-]-)[-\w]|\S{19}|[\s|](?=\S*[0-9])\S{6}"
                         r"|pass|PASS|hook|auth|AUTH|[Bb]earer|BEARER|[Bb]asic", re.U)


class Redactor(object):
    """Masks secrets; hide adds words that make a name secret, show exempts exact names."""

    def __init__(self, hide=(), show=(), for_outputs=False):
        # type: (Iterable[str], Iterable[str], bool) -> None
        self._names = Names(hide, show, for_outputs)
        self._known = known.KnownSecrets(Names(hide, show))
        self._masked = {}  # type: Dict[Tuple[Text, bool], Text]

    def clean(self, data):
        # type: (Any) -> Any
        """A redacted, cut copy of plain data; known secrets are masked, in a dump its own too."""
        try:
            index = self._known.index()
            if not self._names.for_outputs:
                own = known.secrets_in(data, self._names)
                index = known.index_of(sum(index.values(), own))
            return self._value(data, u"", (u"", NOT_SECRET), index)
        except Exception:
            return FAILED

    def _value(self, value, name, above, index):
        # type: (Any, Text, Tuple[Text, int], Dict[Text, List[Text]]) -> Any
        """The redacted copy of a value; above is the secret name that it is below, its strength."""
        try:
            if self._names.hides_everything(name):
                return MASK
            strength = self._names.strength(name)
            is_setting_below = bool(above[1]) and is_setting(name)
            if strength or is_setting_below:
                above = name, strength
            if isinstance(value, six.text_type):
                value = self._text(value, name, index)
            elif isinstance(value, (dict, list)):
                return self._nested(value, above, index)
            elif value is None or isinstance(value, bool):
                return value
            elif not isinstance(value, (float,) + six.integer_types):
                return _jsonable.type_name(value)
            elif self._names.for_outputs:
                return value
            secret_name, strength = above
            may_be_prose = self._names.for_outputs or secret_name != name
            is_secret = bool(strength) and not is_harmless(
                secret_name, six.text_type(value), strength, may_be_prose)
            return MASK if is_secret else value
        except Exception:
            return FAILED

    def _nested(self, data, above, index):
        # type: (Any, Tuple[Text, int], Dict[Text, List[Text]]) -> Any
        if isinstance(data, list):
            items = [self._value(item, u"", above, index) for item in data]
            if above[1] or not all(isinstance(item, six.text_type) for item in data):
                return items
            words = self._mask(u"\x1f".join(items), index).split(u"\x1f")  # of a command line
            if len(words) != len(items):
                return items
            return [word if word == item else word[:word.index(MASK)] + MASK
                    for word, item in zip(words, items)]
        result = _jsonable.Object()  # type: Any
        equal = {}  # type: Dict[Text, int]
        for key, name, value in named_values(data):
            shown = _jsonable.unused(self._text(key, u"", index), result, equal)
            result[shown] = self._value(value, name, above, index)
        return result

    def _text(self, text, name, index):
        # type: (Text, Text, Dict[Text, List[Text]]) -> Text
        """The text without its secrets, cut."""
        unread = max(0, len(text) - MAX_READ)
        text = self._mask(text[:MAX_READ], index, name.lower().endswith(u"_headers"))
        if len(text) <= MAX_TEXT and not unread:
            return text
        kept = MAX_TEXT - 40
        if unread:  # a secret whose end was not read may not have been known for one: leave it out
            kept = max(0, min(kept, len(text) - MAX_TEXT))
        return text[:kept] + u"\n<%d characters cut>" % (unread + len(text) - kept)

    def _mask(self, text, index, are_headers=False):
        # type: (Text, Dict[Text, List[Text]], bool) -> Text
        masked = self._masked.get((text, are_headers))
        if masked is None:
            masked = mask_text(text, self._names, are_headers) if _SUSPICIOUS.search(text) else text
            is_kept = len(text) < 1024 and len(self._masked) < 4096
            if is_kept and not self._names.for_outputs:  # most texts of a dump are in the next one
                self._masked[text, are_headers] = masked
        return known.mask_secrets(masked, index)


clean_output = Redactor(for_outputs=True).clean
