"""The pass over plain data: each value is judged by its name, then by what stands there."""
import json
import re

import six

from .. import _jsonable
from . import known
from .command_lines import mask_command_line, mask_words
from .names import NAME, NOT_SECRET, STRONG, Names, is_setting, named_values
from .pairs import mask_pairs
from .patterns import mask_patterns
from .values import MASK, is_harmless

MYPY = False
if MYPY:
    from typing import Any, Dict, Iterable, List, Text, Tuple

    #: The secret name that a value is below, and its strength.
    Above = Tuple[Text, int]
    #: A text that was searched, and whether its names are headers'.
    MaskedText = Tuple[Text, bool]

#: What stands for a value that a rule failed on.
FAILED = u"<not shown>"
#: So many characters of a text are shown, and read: that bounds time and memory.
MAX_TEXT, MAX_READ = 64 * 1024, 256 * 1024
#: Levels of nesting, those of JSON inside text included.
MAX_DEPTH = 64

_HEADER_NAME = re.compile(r"(?i)\w+-[\w-]+\Z|authorization\Z|cookie\Z")
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
        #: The last dump's texts: the next one has most of them too.
        self._masked = {}  # type: Dict[MaskedText, Text]

    def clean(self, data):
        # type: (Any) -> Any
        """A redacted, cut copy of plain data; known secrets are masked, in a dump its own too."""
        try:
            if self._names.for_outputs:
                index = self._known.index()
                return _Scrubber(self._names, index, {}, masks_numbers=False).value(data)
            scrubber = _Scrubber(self._names, self._known.index(data), self._masked)
            result = scrubber.value(data)
            self._masked = scrubber.masked
            return result
        except Exception:
            return FAILED


class _Scrubber(object):
    """One pass over plain data.

    above is the secret name that a value is below and its strength; masked are the texts that were
    searched, as they are shown, but for known secrets.
    """

    def __init__(self, names, index, masked_before, masks_numbers=True):
        # type: (Names, known.SecretIndex, Dict[MaskedText, Text], bool) -> None
        self._names, self._index, self._masks_numbers = names, index, masks_numbers
        self._masked_before = masked_before
        self.masked = {}  # type: Dict[MaskedText, Text]

    def value(self, value, name=u"", above=(u"", NOT_SECRET), depth=0):
        # type: (Any, Text, Above, int) -> Any
        """The redacted copy of a value."""
        try:
            hides_everything, strength = self._names.judge(name)
            if hides_everything:
                return MASK
            if strength:
                above = name, strength
            if isinstance(value, six.text_type):
                return self._named_text(value, name, above, depth)
            if isinstance(value, (dict, list)) and depth > MAX_DEPTH:
                return u"<too deep>"
            if isinstance(value, dict):
                return self._dict(value, above, depth + 1)
            if isinstance(value, list):
                return self._list(value, above, depth + 1)
            if value is None or isinstance(value, bool):
                return value
            if isinstance(value, (float,) + six.integer_types):
                return self._number(value, name, above)
            return _jsonable.type_name(value)
        except Exception:
            return FAILED

    def _dict(self, data, above, depth):
        # type: (Dict[Text, Any], Above, int) -> Any
        result, equal = _jsonable.Object(), {}  # type: Any, Dict[Text, int]
        for key, name, value in named_values(data):
            shown = self._text(key, depth)
            if shown in result:
                shown = _jsonable.unused(shown, result, equal)
            result[shown] = self.value(value, name, above, depth)
        return result

    def _list(self, data, above, depth):
        # type: (List[Any], Above, int) -> List[Any]
        are_texts = all(isinstance(item, six.text_type) for item in data)
        if are_texts and len(data) == 2 and self._is_pair(data[0], data[1]):
            return [self._text(data[0], depth), self.value(data[1], data[0], above, depth)]
        words = [self.value(item, u"", above, depth) for item in data]
        if are_texts and not above[1]:
            words = mask_words(words, self._names)
        return words

    def _is_pair(self, name, value):
        # type: (Text, Text) -> bool
        """Whether two texts are a name and its value, not two names: ["auth", "cache"]."""
        if not NAME.match(name) or self._names.strength(value) or is_setting(value):
            return False
        is_secret_header = self._names.strength(name) and _HEADER_NAME.match(name)
        return bool(is_secret_header) or self._names.strength(name) == STRONG

    def _number(self, number, name, above):
        # type: (float, Text, Above) -> Any
        """A number, judged as its text is; of outputs those of JSON in a text alone."""
        if self._masks_numbers and self._hides(six.text_type(number), name, above):
            return MASK
        return number

    def _named_text(self, text, name, above, depth):
        # type: (Text, Text, Above, int) -> Text
        """A text, masked below a secret name unless it is a state, a setting or a reference."""
        shown = self._text(text, depth, name)
        return MASK if self._hides(shown, name, above) else shown

    def _hides(self, text, name, above):
        # type: (Text, Text, Above) -> bool
        secret_name, strength = above
        is_below = secret_name != name
        is_setting_below = is_below and is_setting(name)
        if not strength or is_setting_below:
            return False
        may_be_prose = self._names.for_outputs or is_below
        return not is_harmless(secret_name, text, strength, may_be_prose)

    def _text(self, text, depth, name=u""):
        # type: (Text, int, Text) -> Text
        """The text without its secrets, cut."""
        unread = max(0, len(text) - MAX_READ)
        text = text[:MAX_READ]
        if _SUSPICIOUS.search(text):  # a vendor names its headers as it likes
            text = self._mask(text, depth, name.lower().endswith(u"_headers"))
        text = self._index.mask(text)
        if len(text) <= MAX_TEXT and not unread:
            return text
        kept = MAX_TEXT - 40
        if unread:  # a secret whose end was not read may not have been known for one: leave it out
            kept = max(0, min(kept, len(text) - MAX_TEXT))
        return text[:kept] + u"\n<%d characters cut>" % (unread + len(text) - kept)

    def _mask(self, text, depth, are_headers):
        # type: (Text, int, bool) -> Text
        """The text without what the rules find, JSON value by value."""
        data = _jsonable.parse(text) if depth <= MAX_DEPTH else None
        if data is None:
            key = text, are_headers
            masked = self._masked_before.get(key)
            if masked is None:
                masked = mask_text(text, self._names, are_headers)
            self.masked[key] = masked
            return masked
        scrubber = self if self._masks_numbers else _Scrubber(self._names, self._index, {})
        shown = scrubber.value(data, depth=depth + 1)
        return text if shown == data else _jsonable.text(json.dumps(shown, ensure_ascii=False))


def mask_text(text, names, all_names=False):
    # type: (str, Names, bool) -> str
    """The text with all that looks like a secret masked; all_names: as for mask_pairs."""
    return mask_command_line(mask_pairs(mask_patterns(text), names, all_names), names)


#: For outputs of checks; what an EnvironmentDump hides and shows counts in that dump alone.
clean_output = Redactor(for_outputs=True).clean
