"""A right backward with a point at which to check it, and the setting that it was drawn from."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from npstack import gradcheck
from npstack.verify import Report

Rng = np.random.Generator
Arrays = dict[str, Any]

WEIGHTS = ("untrained", "trained", "x20")
DTYPES = ("float64", "float32")
LONG = 100  # steps from which a check in extended precision takes minutes
MANY = 250  # entries of all inputs together from which a sample is checked
# Beside 1.0; the smallest of each dtype are subnormal.
SIZES = {
    "float64": (1e-310, 1e-300, 1e-200, 1e-100, 1e-30, 1e-10, 1e-3, 10.0, 100.0, 1e3),
    "float32": (1e-44, 1e-38, 1e-30, 1e-20, 1e-10, 1e-3, 10.0, 100.0, 1e3),
}


@dataclass(frozen=True)
class Setting:
    """What is drawn for a problem with weights.

    Attributes
    ----------
    dtype, weights : str
        Of `DTYPES` and `WEIGHTS`.
    size : float
        Standard deviation of x.
    B, T, D, H : int
    """

    dtype: str
    weights: str
    size: float
    B: int
    T: int
    D: int
    H: int

    @property
    def standard(self) -> bool:
        """Standard scale, as the design defines it."""
        return self.weights == "untrained" and self.size == 1 and self.T <= 100 and self.H <= 64

    @property
    def labels(self) -> dict[str, str]:
        """What tables count by."""
        size = f"{self.size:.0e}"
        return {
            "dtype": self.dtype,
            "weights": self.weights,
            "x": size,
            "T": str(self.T),
            "H": str(self.H),
        }

    @property
    def large(self) -> bool:
        """Whether a check of every entry would take long."""
        return self.T > 12 or self.H > 8

    def draw_x(self, rng: Rng) -> np.ndarray:
        """An input; where the dtype cannot hold a number, what it rounds to."""
        return (rng.standard_normal((self.B, self.T, self.D)) * self.size).astype(self.dtype)


def draw_setting(number: int, rng: Rng, dtypes: tuple[str, ...] = DTYPES) -> Setting:
    """Weights and dtypes in equal shares; sizes of x half of the time 1; some long, some wide."""
    weights = WEIGHTS[number % 3]
    dtype = dtypes[number // 3 % len(dtypes)]
    size = 1.0 if rng.random() < 0.5 else float(rng.choice(SIZES[dtype]))
    shape = rng.choice(["small", "long", "wide"], p=[0.85, 0.08, 0.07])
    B, D = (int(n) for n in rng.integers(1, 4, 2))
    T, H = (int(n) for n in rng.integers(1, 8, 2))
    if shape == "long":
        B, T = 1, int(rng.choice([30, 100, 200, 500], p=[0.65, 0.2, 0.1, 0.05]))
    elif shape == "wide":
        H = int(rng.choice([16, 32, 64]))
    return Setting(dtype, weights, size, B, T, D, H)


@dataclass(frozen=True)
class Problem:
    """A function, its right backward, and where to check it.

    Attributes
    ----------
    family, name : str
        For the tables.
    f, backward, inputs, blocks
        As `gradcheck` takes them.
    labels : dict
        The setting: dtype, weights, size of x …
    standard : bool
        Whether it is at standard scale, where nothing may be undecidable.
    options : dict
        ``route`` and ``entries``.
    safe_form : pair of functions, optional
        The same by name for code that is not complex-safe, or keeps to its own number type.
    """

    family: str
    name: str
    f: Callable[..., Any]
    backward: Callable[..., Any]
    inputs: Any
    blocks: Any = None
    labels: dict[str, str] = field(default_factory=dict)
    standard: bool = False
    options: dict[str, Any] = field(default_factory=dict)
    safe_form: tuple[Callable[..., Any], Callable[..., Any]] | None = None

    @property
    def safe(self) -> tuple[Callable[..., Any], Callable[..., Any]]:
        """Both functions by name, complex-safe and for every number type."""
        return self.safe_form or (self.f, self.backward)

    def by_name(self) -> Arrays:
        """The inputs; those by position are called 0, 1, …"""
        if isinstance(self.inputs, dict):
            return dict(self.inputs)
        return {str(k): value for k, value in enumerate(self.inputs)}

    def __str__(self) -> str:
        setting = ", ".join(f"{name} {value}" for name, value in self.labels.items())
        return f"{self.family}: {self.name}; {setting}"

    def check(self, **changes: Any) -> Report:
        """The report of `gradcheck`; what the code under test warns about is its own affair."""
        options: Any = {"blocks": self.blocks, **self.options, **changes}
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore", RuntimeWarning)
            warnings.simplefilter("ignore", np.exceptions.ComplexWarning)
            return gradcheck(self.f, self.backward, self.inputs, **options)


def draw_options(setting: Setting, rng: Rng, entries: int = 0) -> dict[str, Any]:
    """All entries by the best route; for large ones a sample of entries, or directions."""
    if setting.large:
        if rng.random() < (0.3 if setting.T < LONG else 0.8):
            return {"route": "direction", "entries": 2 if setting.T < LONG else 1}
        return {"entries": 2 if setting.T < LONG else 1}
    if entries > MANY:
        return {"entries": 4}
    return {"route": str(rng.choice(["auto", "difference", "direction"], p=[0.8, 0.12, 0.08]))}


def time_blocks(T: int) -> dict[str, Any]:
    """Every step of a short sequence; the first, the last and all between of a long one."""
    if T <= 12:
        return {f"t={t}": np.s_[:, t] for t in range(T)}
    return {"t=0": np.s_[:, 0], "between": np.s_[:, 1:-1], f"t={T - 1}": np.s_[:, -1]}
