"""What follows on a secret's name without a sign: on command lines, in sentences."""
import re

from .names import STRONG, Names, is_setting
from .patterns import mask_found
from .values import MASK, is_harmless, is_plain

MYPY = False
if MYPY:
    from typing import List, Match, Text

#: Programs, the option in front of their password, which may follow without a blank, and what
#: stands before it.
_PROGRAMS = (
    (r"(?:mysql|mariadb|mongo|sshpass|cqlsh|twine|7z)[\w.-]{0,32}", "-p", r"(?!ort\b)"),
    ("(?:redis-cli|https?)", "-a", ""), (r"ldap\w{1,16}", "-w", ""),
    (r"(?:sqlcmd|bcp|zip|unzip|mosquitto_\w{3})", "-P", ""),
    (r"snmp\w{1,16}", "-A", ""), (r"snmp\w{1,16}", "-X", ""),
    ("(?:consul|nomad|serf)", "-encrypt", "=?"),
    ("lftp", "-u", r"[^\s\"':,]{1,64},"))
#: As in patterns, also for lists of words; the last finds user:password, not 1000:1000.
PATTERNS = [(option, re.compile(
    r"((?<![\w.-])%s(?=[\s\"'])[^\n|;]{0,256}?[\s\"']%s[\s\"',]{0,4}%s)[^\s\"',]{1,256}"
    % (program, option, before), re.U)) for program, option, before in _PROGRAMS]
PATTERNS.append(("-", re.compile(
    r"((?<![\w-])(?:-[uU]|--(?:proxy-)?user(?![\w-]))[\s\"',=]{0,4}([\w.@\\/-]{1,64})[:%])"
    r"(?!//|(?:\2|\d{1,256})(?![^\s\"',]))[^\s\"',]{1,256}", re.U)))
_OPTION = re.compile(r"(?<![\w-])(?P<before>--?(?P<name>[A-Za-z][\w.-]{0,63})[\s\"',]{1,4})"
                     r"(?P<value>(?!-{1,2}[A-Za-z-]{1,64}(?![\w.-]))[^\s\"',\])]{1,512})", re.U)
#: Neighbours: set aws_secret_access_key X, incorrect API key provided: X, the token X has expired,
#: and in tables.
_NEIGHBOURS = re.compile(
    r"(?<![\w.-])(?P<before>(?P<first>\w{1,32} )??(?P<name>[A-Za-z][\w.-]{1,63})"
    r"(?:(?:[ \x1f](?:given|is|provided|supplied|used|was))?:?[ \x1f]{1,3}"
    r"|[ \t]{0,40}[|\t][ \t]{0,8}))"
    r"(?=[A-Za-z+/=_~-]{0,256}[0-9])(?P<value>[A-Za-z0-9+/=_~-]{8,512})(?![\w:@/+=~-])")
_LONG_NEIGHBOUR = re.compile(r"[ \t\x1f|][A-Za-z0-9+/=_~-]{8}")
#: The password is X.
_SAID = re.compile(
    r"(?<![\w.-])(?P<before>(?P<name>[A-Za-z][\w.-]{1,63})[ \x1f](?:is|was):?[ \x1f]{1,3})"
    r"(?P<value>(?=[^\d\s]{0,256}\d)[^\s\"'<>,;]{6,512})")
#: The words of a list are joined by this.
_SEPARATOR = u"\x1f"
_IN_TEXT = re.compile(r"-(?<![\w-]-)[-\w]", re.U)
_ODD = re.compile(r"(?=\D*\d)(?=[^A-Za-z]*[A-Za-z])[^:/]{6,512}\Z")
_FILE_NAME = re.compile(r"[\w-]{1,64}\.[a-z]{1,4}\Z")


def mask_words(words, names):
    # type: (List[Text], Names) -> List[Text]
    """The words of a command line, which may have blanks, with those of secret options masked."""
    joined = mask_command_line(_SEPARATOR.join(words), names).split(_SEPARATOR)
    if len(joined) != len(words):
        return words
    return [_mask_rest(word, masked) for word, masked in zip(words, joined)]


def _mask_rest(word, masked):
    # type: (Text, Text) -> Text
    """A word that was masked, without what follows its first blank or quote."""
    if word == masked:
        return word
    return masked[:masked.index(MASK)] + MASK


def mask_command_line(text, names):
    # type: (str, Names) -> str
    """The text with the values of secret options masked."""
    if u" is" in text or u" was" in text or u"\x1fis" in text or u"\x1fwas" in text:
        text = _SAID.sub(lambda match: _mask_said(match, names), text)
    if _LONG_NEIGHBOUR.search(text):
        text = _NEIGHBOURS.sub(lambda match: _mask_neighbour(match, names), text)
    if "-" in text and _IN_TEXT.search(text):
        text = mask_found(text, PATTERNS)
        text = _OPTION.sub(lambda match: _mask_value(match, names), text)
    return text


def _mask_value(match, names):
    # type: (Match[Text], Names) -> Text
    name, value = match.group("name", "value")
    strength = names.strength(name)
    is_secret = bool(strength) and not is_harmless(name, value, strength, names.for_outputs)
    inner_name, sign, _ = value.partition("=")
    if sign and is_setting(inner_name):  # --secret id=npmrc
        is_secret = False
    if name in ("p", "P"):  # of an unknown program: a port, a path, or a password
        is_file = names.for_outputs and bool(_FILE_NAME.match(value))
        is_secret = bool(_ODD.match(value)) and not is_file and not is_plain(value)
    if is_secret:
        return match.group("before") + MASK
    return match.group()


def _mask_said(match, names):
    # type: (Match[Text], Names) -> Text
    """What is said to be a strong name's value, unless it is a word or a state."""
    name, value = match.group("name", "value")
    is_word = is_plain(value) or is_harmless(name, value, STRONG, True)
    if names.strength(name) == STRONG and not is_word:
        return match.group("before") + MASK
    return match.group()


def _mask_neighbour(match, names):
    # type: (Match[Text], Names) -> Text
    """What follows on a secret's name, masked where it has letters and digits as a key has."""
    name, value = match.group("name", "value")
    if name.lower() == "key":
        name = (match.group("first") or u"").strip() + u"_key"
    strength = names.strength(name)
    is_cell = "|" in match.group("before") or "\t" in match.group("before")
    is_long_enough = strength == STRONG or is_cell or len(value) >= 12
    if strength and is_long_enough and not is_plain(value):
        return match.group("before") + MASK
    return match.group()
