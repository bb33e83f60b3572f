"""What follows on a secret's name without a sign: on command lines, in sentences, in tables."""
import re

from .names import STRONG, Names, is_setting
from .patterns import mask_found
from .values import MASK, is_harmless, is_plain, looks_random

MYPY = False
if MYPY:
    from typing import List, Match, Text

#: Programs, and the option in front of their password, which may follow without a blank.
_PROGRAMS = (
    (r"(?:mysql|mariadb|mongo|sshpass|cqlsh|twine|7z)[\w.-]{0,32}", r"-p(?!ort\b)"),
    ("(?:redis-cli|https?)", "-a"), (r"ldap\w{1,16}", "-w"), (r"snmp\w{1,16}", "-[AX]"),
    (r"(?:sqlcmd|bcp|zip|unzip|mosquitto_\w{3})", "-P"), ("(?:consul|nomad|serf)", "-encrypt=?"),
    ("lftp", r"-u[\s\"',]{1,4}[^\s\"':,]{1,64}"))
#: As in patterns, also for lists of words; the last finds user:password, not 1000:1000.
PATTERNS = [("-", re.compile(
    r"((?<![\w.-])%s(?=[\s\"'])[^\n|;]{0,256}?[\s\"']%s[\s\"',]{0,4})[^\s\"',]{1,256}"
    % row, re.U)) for row in _PROGRAMS]
PATTERNS.append(("-", re.compile(
    r"((?<![\w-])(?:-[uU]|--(?:proxy-)?user(?![\w-]))[\s\"',=]{0,4}([\w.@\\/-]{1,64})[:%])"
    r"(?!//|(?:\2|\d{1,256})(?![^\s\"',]))[^\s\"',]{1,256}", re.U)))
_OPTION = re.compile(r"(?<![\w-])(?P<before>--?(?P<name>[A-Za-z][\w.-]{0,63})[\s\"',]{1,4})"
                     r"(?P<value>(?!-{1,2}[A-Za-z-]{1,64}(?![\w.-]))[^\s\"',\])]{1,512})", re.U)
#: So many characters with a digit among them.
_VALUE = r"(?=[^\d\s\"'<>,;|]{0,256}\d)[^\s\"'<>,;|\x1f]{5,511}[^\s\"'<>,;|\x1f.)\]}]"
#: Neighbours: set aws_secret_access_key X, incorrect API key provided: X, the token X has expired,
#: the password is X, and in tables.
_NEIGHBOURS = re.compile(
    r"(?<![\w.-])(?P<before>(?P<name>(?:\w{1,32} (?=[Kk]ey\b))?[A-Za-z][\w.-]{1,63})"
    r"(?:(?P<verb>[ \x1f](?:given|is|provided|supplied|used|was))?:?[ \x1f]{1,3}"
    r"|(?P<cell>[ \t]{0,40}[|\t][ \t]{0,8})))(?P<value>" + _VALUE + ")")
_NEIGHBOUR = re.compile(r"[ \t\x1f|]" + _VALUE)
_KEY = re.compile(r"[A-Za-z0-9+/=_~-]{8,512}(?![\w:@/+=~-])")
#: The words of a list are joined by this.
_SEPARATOR = u"\x1f"
_IN_TEXT = re.compile(r"-(?<![\w-]-)[-\w]", re.U)


def mask_words(words, names):
    # type: (List[Text], Names) -> List[Text]
    """The words of a command line, which may have blanks, with those of secret options masked."""
    joined = mask_command_line(_SEPARATOR.join(words), names).split(_SEPARATOR)
    if len(joined) != len(words):
        return words
    for at, masked in enumerate(joined):
        if masked != words[at]:  # what follows the first blank or quote is masked with it
            joined[at] = masked[:masked.index(MASK)] + MASK
    return joined


def mask_command_line(text, names):
    # type: (str, Names) -> str
    """The text with the values of secret options, and what stands beside a name, masked."""
    if _NEIGHBOUR.search(text):
        text = _NEIGHBOURS.sub(lambda match: _mask_neighbour(match, names), text)
    if _IN_TEXT.search(text):
        text = mask_found(text, PATTERNS)
        text = _OPTION.sub(lambda match: _mask_option(match, names), text)
    return text


def _mask_option(match, names):
    # type: (Match[Text], Names) -> Text
    name, value = match.group("name", "value")
    strength = names.strength(name)
    is_secret = bool(strength) and not is_harmless(name, value, strength, names.for_outputs)
    if "=" in value and is_setting(value.partition("=")[0]):  # --secret id=npmrc
        is_secret = False
    if name in ("p", "P"):  # of an unknown program: a port, a path, or a password
        is_secret = looks_random(value) and u"/" not in value
    return match.group("before") + MASK if is_secret else match.group()


def _mask_neighbour(match, names):
    # type: (Match[Text], Names) -> Text
    """What follows on a secret's name, masked where it has letters and digits as a key has."""
    name, value = match.group("name", "value")
    strength, key = names.strength(name), _KEY.match(value)
    if strength == STRONG and match.group("verb"):
        is_secret = not is_plain(value) and not is_harmless(name, value, STRONG, True)
    elif strength and key:
        is_long = strength == STRONG or bool(match.group("cell")) or len(key.group()) >= 12
        is_secret = is_long and not is_plain(key.group())
    else:
        is_secret = False
    return match.group("before") + MASK if is_secret else match.group()
