"""Real data that ships with the package, and what turns a series into samples."""

from npstack.data.series import Scale, Series, load_sunspots

__all__ = ["Scale", "Series", "load_sunspots"]
