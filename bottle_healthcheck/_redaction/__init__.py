"""Masks secrets in plain data: by their name, by their shape, and where a known one turns up again.

scrubber walks over the data, names judges names and values, texts finds secrets in texts, known has
those of the environment and of app.config. In the dump a name with key, token or pass masks all
it names; in outputs states are shown ("token: expired"). No entropy rule: it would hide digests.
"""
import six

MYPY = False
if MYPY:
    from types import ModuleType
    from typing import Any, List

_LOADED = []  # type: List[ModuleType]


def load_rules():
    # type: () -> Any
    """The walk and all rules; constructors load them: a fork's child may wait for imports."""
    if not _LOADED:
        from . import scrubber
        _LOADED.append(scrubber)
    return _LOADED[0]


def is_too_short(output):
    # type: (Any) -> bool
    """Whether an output is text of so few letters and digits that no rule masks it: "ok"."""
    kind = type(output)
    return kind is six.text_type and len(output) < 8 and output.isalnum()


def clean_output(output):
    # type: (Any) -> Any
    """A redacted and cut copy of a check's plain output: text alone is ever masked."""
    return load_rules().clean_output(output)


def add_secret_source(owner, read):
    # type: (Any, Any) -> None
    """Has the secrets in read(owner) masked, beside those of the environment; owner may end."""
    load_rules().known.SOURCES[owner] = read
