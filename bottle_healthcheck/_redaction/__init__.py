"""Secrets out of plain data: masked by name, by shape, and wherever a known one turns up again."""
from .known import MASK
from .scrubber import FAILED, Redactor, clean_output, load_rules

__all__ = ["FAILED", "MASK", "Redactor", "clean_output", "load_rules"]
