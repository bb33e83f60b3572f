"""``python -m bottle_healthcheck``: the command line."""
import sys

from bottle_healthcheck.cli import main

if __name__ == "__main__":
    sys.exit(main())
