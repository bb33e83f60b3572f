"""Runs one measurement in the environment of one library: `inside MODULE KIND [--quick]`."""
import importlib
import json
import os
import sys


def main(module, kind, quick=""):
    """Prints what the module's measure() comes to as JSON, and nothing that a library prints."""
    out = os.fdopen(os.dup(1), "w")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    measure = importlib.import_module("tests.benchmarks." + module).measure
    out.write(json.dumps(measure(kind, quick == "--quick")))
    out.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
