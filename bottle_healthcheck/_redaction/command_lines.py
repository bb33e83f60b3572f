"""What follows on a secret's name without a sign: on command lines, in sentences."""
import re

from .names import STRONG, Names
from .values import MASK, is_harmless, is_plain

#: Programs and their options with a password, which may follow without a blank.
PROGRAMS = [re.compile(r"((?<![\w.-])(?:%s)(?=[\s\"'])[^\n|;]{0,256}?[\s\"']%s)([^\s\"',]{1,256})"
                       % pair, re.U) for pair in (
    (r"(?:mysql|mariadb|mongo|sshpass|cqlsh|twine|7z)[\w.-]{0,32}", r"-p[\s\"',]{0,4}"),
    (r"(?:redis-cli|https?)", r"-a[\s\"',]{0,4}"),
    (r"(?:curl|lftp)", r"-u[\s\"',]{0,4}[^\s\"':,]{1,64}[:,]"),
    (r"ldap\w{1,16}", r"-w[\s\"',]{0,4}"),
    (r"(?:sqlcmd|bcp|zip|unzip|mosquitto_\w{3})", r"-P[\s\"',]{0,4}"))]
#: user:password or user%password
_USER = re.compile(r"(?<![\w-])(?P<before>(?:-[uU]|--user|--proxy-user)[\s\"',=]{1,4}"
                   r"(?P<user>[\w.@\\/-]{1,64})[:%])(?!//)(?P<value>[^\s\"',]{1,256})", re.U)
_OPTION = re.compile(r"(?<![\w-])(?P<before>--?(?P<name>[A-Za-z][\w.-]{0,63})[\s\"',]{1,4})"
                     r"(?P<value>(?!-{1,2}[A-Za-z-]{1,64}(?![\w.-]))[^\s\"',\])]{1,512})", re.U)
#: Neighbours: set aws_secret_access_key X, incorrect API key provided: X, the token X has expired
_NEIGHBOURS = re.compile(
    r"(?<![\w.-])(?P<before>(?P<first>\w{1,32} )??(?P<name>[A-Za-z][\w.-]{1,63})"
    r"(?:[ \x1f](?:given|is|provided|supplied|used|was))?:?[ \x1f]{1,3})"
    r"(?=[A-Za-z+/=_~-]{0,256}[0-9])(?P<value>[A-Za-z0-9+/=_~-]{8,512})(?![\w:@/+=~-])")
_LONG = re.compile(r"[A-Za-z0-9+/=_~-]{8}")
_IN_TEXT = re.compile(r"(?:^|[\s\"'\[(])-[-\w]", re.U)
_ODD = re.compile(r"(?=\D*\d)(?=[^A-Za-z]*[A-Za-z])[^:/]{6,512}\Z")
_FILE_NAME = re.compile(r"[\w-]{1,64}\.[a-z]{1,4}\Z")


def mask_command_line(text, names):
    # type: (str, Names) -> str
    """The text with the values of secret options masked."""
    if _LONG.search(text):
        text = _NEIGHBOURS.sub(lambda match: _mask_neighbour(match, names), text)
    if "-" in text and _IN_TEXT.search(text):
        for pattern in PROGRAMS:
            text = pattern.sub(lambda match: match.group(1) + MASK, text)
        text = _USER.sub(_mask_password, text)
        text = _OPTION.sub(lambda match: _mask_value(match, names), text)
    return text


def _mask_password(match):
    user, password = match.group("user", "value")
    is_group = password == user or password.isdigit()
    return match.group() if is_group else match.group("before") + MASK


def _mask_value(match, names):
    name, value = match.group("name", "value")
    strength = names.strength(name)
    is_secret = strength and not is_harmless(name, value, strength, names.for_outputs)
    if name == "p":  # of an unknown program: a port, a path, or a password
        is_file = names.for_outputs and bool(_FILE_NAME.match(value))
        is_secret = _ODD.match(value) and not is_file
    return match.group("before") + MASK if is_secret else match.group()


def _mask_neighbour(match, names):
    """What follows on a secret's name, masked where it has letters and digits as a key has."""
    name, value = match.group("name", "value")
    if name.lower() == "key":
        name = (match.group("first") or u"").strip() + u"_key"
    strength = names.strength(name)
    least = 8 if strength == STRONG else 12
    is_secret = strength and len(value) >= least and not is_plain(value)
    return match.group("before") + MASK if is_secret else match.group()
