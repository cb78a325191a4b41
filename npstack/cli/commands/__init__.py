"""The commands behind ``npstack``: one module each, with ``add`` for its options and ``run``."""
