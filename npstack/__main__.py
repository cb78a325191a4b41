"""``python -m npstack`` is the command ``npstack``."""

import sys

from npstack.cli.main import main

sys.exit(main())
