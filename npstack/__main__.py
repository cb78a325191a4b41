"""``python -m npstack`` is the command ``npstack``."""

import sys

from npstack.cli import main

sys.exit(main())
