"""Proof: gradient checks, laws, and a scalar oracle."""
