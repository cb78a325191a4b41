"""Modules that import a framework are imported by tests that need it, not collected themselves."""

collect_ignore = ["hostile_libraries.py", "hostile_torch.py", "trips_flax.py", "trips_torch.py"]
