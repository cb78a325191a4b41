"""The state of a random generator as plain values, and back, to continue its draws."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from npstack.core.arguments import check_generator
from npstack.core.errors import DataError, NpstackError, fail
from npstack.files.strict_json import brief

KINDS = ("PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64")
ADVICE = "Take the random state that a checkpoint holds, or rng.bit_generator.state."


def plain(value: Any) -> Any:
    """The same with lists instead of arrays, for JSON.

    Examples
    --------
    >>> plain({"pos": 3, "key": np.arange(3)})
    {'pos': 3, 'key': [0, 1, 2]}
    """
    if isinstance(value, Mapping):
        return {name: plain(inner) for name, inner in value.items()}
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


def check_state(where: str, state: Any, kind: type[NpstackError], advice: str) -> None:
    """Check a state: one of NumPy's bit generators accepts it and returns it unchanged."""
    state = plain(state)
    name = state.get("bit_generator") if isinstance(state, dict) else state
    if name not in KINDS:
        expected = f"the random state must be that of {', '.join(KINDS[:-1])} or {KINDS[-1]}"
        fail(kind, where, expected, brief(name), advice)
    trial = getattr(np.random, name)(0)
    try:
        # NumPy does not check these two, and would read outside of its arrays.
        positions = state.get("buffer_pos", 0), state["state"].get("pos", 0)
        within = 0 <= positions[0] <= 4 and 0 <= positions[1] <= 624
        if within:
            trial.state = state
        taken = within and plain(trial.state) == state
    except (AttributeError, LookupError, TypeError, ValueError, OverflowError):
        taken = False
    if not taken:
        fail(kind, where, f"the random state must be one of {name}", brief(state), advice)


def restore_generator(rng: np.random.Generator, state: Mapping[str, Any]) -> None:
    """Set a generator to a saved state.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws the same numbers as after the state was saved.
    state : dict
        ``checkpoint.random``, or ``rng.bit_generator.state``.

    Raises
    ------
    DataError
        It is the state of another kind of generator, or no state; ``rng`` does not change.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> before = rng.bit_generator.state
    >>> first = rng.random()
    >>> restore_generator(rng, before)
    >>> rng.random() == first
    True
    """
    where = "restore_generator"
    own = check_generator(where, rng).bit_generator
    check_state(where, state, DataError, ADVICE)
    if state["bit_generator"] != type(own).__name__:
        expected = f"the state must be that of the rng's {type(own).__name__}"
        advice = "Build rng with the bit generator that the saved run had."
        fail(DataError, where, expected, repr(state["bit_generator"]), advice)
    own.state = plain(state)
