"""npstack's engines beside other programs: ``python -m benchmarks.engines``."""
