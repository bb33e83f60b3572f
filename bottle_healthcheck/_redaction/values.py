"""What stands under a secret name and is no secret: states, references, paths, settings."""
import re

from .names import STRONG

#: What stands for a secret.
MASK = u"********"
#: Schemes of the Authorization header: harmless alone, in front of a secret otherwise.
SCHEMES = frozenset("basic bearer digest negotiate token".split())
#: First words of what is said about a secret under any name.
STATES = frozenset(
    "absent accepted bad cached cannot changed closed connected connecting connection configured "
    "degraded denied deprecated disabled disconnected does down empty enabled error expired "
    "expires failed failing false found from has healthy incorrect invalid is loaded malformed "
    "match matches mismatch missing must never no none not null off offline ok on online optional "
    "passed pending present provided reachable ready refused rejected renewed required revoked "
    "rotated running set starting stopped timed timeout true unavailable unchanged unexpected "
    "unhealthy unknown unreachable unset up updated valid verified was wrong yes 0 1".split())

#: Longer values are secrets, in characters.
MAX_HARMLESS = 512
#: Longer words of letters are secrets: 16 lower-case letters are the shape of an app password.
MAX_LETTERS = 15
#: Longer mixtures of letters and digits are secrets: sha256 and 12ms are none.
MAX_MIXED = 6

_PART = re.compile(r"[^\W_]+", re.U)
_SIGNS = re.compile(r"[$!#^~|\\]")
_NOT_LOWER = re.compile("[A-Z0-9]")
_HUMPS = re.compile("[a-z][A-Z]")
#: What a key in base64 looks like and no part of a path: all kinds of letters together.
_RANDOM = re.compile(r"(?=\w*[A-Z])(?=\w*[a-z])(?=\w*[0-9])\w{10}")
#: One part alone needs an ending, or lower-case letters only.
_PATH = re.compile(
    r"(?:(?:~|\.{1,2}|[A-Za-z]:)?/|[A-Za-z]:\\)(?:[a-z][a-z -]{0,63}"
    r"|[\w@-]{0,63}(?:\.[a-z]\w{0,7})+|[\w. @-]{0,63}(?:[/\\][\w. @-]{0,255}){1,64})?\Z", re.U)
#: ${NAME}, $NAME, %(name)s, {{ name }}, <name>, now(), os.environ["NAME"], an ARN
_REFERENCE = re.compile(
    r"(?:\$\{[^{}]+\}|\$[A-Z_][A-Z0-9_]*|%\(\w+\)s|\{\{[^{}]+\}\}|<[a-z][\w -]+>|[a-z_][\w.]*\(\)"
    r"|(?:[a-z_]+\.[a-z_.]+|getenv|env)[(\[][\"'][A-Za-z_]+[\"']?(?:, ?None)?[\])]?"
    r"|arn:[\w:/*.-]+)\Z")
_NUMBER = re.compile(r"[+-]?[0-9][0-9.,/]*%?\Z")
#: Names under which a number may be the secret.
_CODE = re.compile(r"(?i)(?:pass|pw|pin|otp)\Z")
#: Where a shell is and was; a folder may be called anything, tmp.G5WINFvnv8 too.
_WORKING_DIRECTORIES = ("PWD", "OLDPWD")
#: An address or fields, whose own secrets the rules for texts have masked; a class by its path.
_CONNECTION = re.compile(r"://|\w=\S+\s+\w+=|\*{8}|^(?:[a-z_]+\.){2,}[A-Z]")


def is_harmless(name, value, strength, may_be_prose):
    # type: (str, str, int, bool) -> bool
    """Whether the text under a secret name of this strength is no secret.

    It may be prose in outputs of checks, and where it lies somewhere below the name.
    """
    text = value.strip(u" \t\r\n\"'")
    if len(value) > MAX_HARMLESS:
        return False
    if not text.strip(u"* ") or _is_reference(name, text):
        return True
    words = text.split()
    first = words[0].lower().rstrip(u").,;:!?]}")
    if first in SCHEMES:
        return len(words) == 1
    if first in STATES and len(words) == 1:
        return True
    if _NUMBER.match(text):
        return _is_number_harmless(name, text, strength, may_be_prose)
    if not all(map(is_plain, words)):
        return False
    if strength == STRONG:
        return may_be_prose and first in STATES
    return may_be_prose or bool(_CONNECTION.search(text))


def _is_reference(name, text):
    # type: (str, str) -> bool
    """Whether it says where the secret is, or is a path without what looks like a key."""
    if _PATH.match(text):
        return name in _WORKING_DIRECTORIES or not _RANDOM.search(text)
    return bool(_REFERENCE.match(text))


def _is_number_harmless(name, text, strength, may_be_prose):
    # type: (str, str, int, bool) -> bool
    is_count = strength != STRONG and not _CODE.search(name)
    if len(text) > 3:  # a PIN has four digits or more
        return may_be_prose and is_count
    return may_be_prose or is_count


def looks_random(word):
    # type: (str) -> bool
    """Whether a part of the word is not plain, and has a digit or a capital letter."""
    return any(_NOT_LOWER.search(part) and not is_plain(part) for part in _PART.findall(word))


def is_plain(word):
    # type: (str) -> bool
    """Whether a word is one of a language, a number or a short name: sha256, 10.0.0.1:389."""
    if _SIGNS.search(word.strip(u"\"'!|")) or len(_HUMPS.findall(word)) > 2:
        return False
    parts = _PART.findall(word.replace(MASK, u""))
    mixed = [part for part in parts if not part.isalpha() and not part.isdigit()]
    is_short = all(len(part) <= MAX_LETTERS for part in parts if part.isalpha())
    return is_short and len(mixed) < 3 and all(len(part) <= MAX_MIXED for part in mixed)
