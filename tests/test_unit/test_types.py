"""What a type checker says of users' code."""
import io
import os
import re
import subprocess
import sys

import pytest

from tests.helpers import ROOT, need_module

USES = os.path.join(ROOT, "tests", "data", "typed_uses.py")


@pytest.fixture(scope="module")
def errors(tmp_path_factory):
    """{line: message} of the first error that mypy --strict has on each line of the uses."""
    need_module("mypy")
    folder = str(tmp_path_factory.mktemp("mypy"))
    child = subprocess.Popen(
        [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--no-pretty",
         "--cache-dir", folder, USES],
        cwd=folder, env=dict(os.environ, MYPYPATH=ROOT), stdout=subprocess.PIPE,
        universal_newlines=True)
    found = {}
    for line in child.communicate()[0].splitlines():
        match = re.search(r"typed_uses\.py:([0-9]+): error: (.*)", line)
        if match:
            found.setdefault(int(match.group(1)), match.group(2))
    return found


@pytest.fixture(scope="module")
def wrong():
    """{line: source} of the uses that are marked as wrong."""
    with io.open(USES, encoding="utf-8") as opened:
        lines = opened.read().splitlines()
    return dict((number, line) for number, line in enumerate(lines, 1) if line.endswith("# wrong"))


class TestTypedUses(object):
    def test_mistakes_are_seen(self, errors, wrong):
        assert [line for number, line in sorted(wrong.items()) if number not in errors] == []

    def test_good_code_has_no_errors(self, errors, wrong):
        assert [error for number, error in sorted(errors.items()) if number not in wrong] == []
