"""Runs all benchmarks, or those that are named, and prints one table; see README.md here.

    python -m tests.benchmarks [--quick] [--json FILE] [--markdown FILE] [name ...]
"""
import argparse
import importlib
import os
import sys

from . import report

#: In the order of the table.
NAMES = ("poll", "cost", "sockets", "stampede", "ten_checks", "hang", "load", "fleet", "dump")


def main(argv=None):
    """Returns the exit status: 1 where a target is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help="of " + ", ".join(NAMES))
    parser.add_argument("--quick", action="store_true", help="fewer rounds: a look, no figures")
    parser.add_argument("--json", metavar="FILE", help="also write the figures there")
    parser.add_argument("--markdown", metavar="FILE", help="also write the table there")
    options = parser.parse_args(argv)
    rows, load_before = [], os.getloadavg()[0]
    for name in options.names or NAMES:
        sys.stderr.write("%s ...\n" % name)
        rows += importlib.import_module("tests.benchmarks." + name).rows(options.quick)
    found = report.Report(rows, load_before)
    print(found.text())
    for path, write in ((options.json, found.json), (options.markdown, found.markdown)):
        if path:
            with open(path, "w") as file:
                file.write(write())
    return 1 if found.missed() else 0


if __name__ == "__main__":
    os.chdir(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    sys.exit(main())
