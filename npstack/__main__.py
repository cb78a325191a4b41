"""``python -m npstack`` is the command ``npstack``."""

import sys

from npstack.cli.program import run

if __name__ == "__main__":
    sys.exit(run())
