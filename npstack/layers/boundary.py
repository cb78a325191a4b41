"""What a layer checks at its boundary: tapes, which others may have recorded, and gradients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from npstack.core import params as names
from npstack.core.arrays import (
    check_count,
    check_float,
    check_input,
    check_symbol_range,
    check_symbols,
)
from npstack.core.errors import ArgumentError, DtypeError, ShapeError, TapeError, describe, fail
from npstack.core.masks import check_mask


def check_layer(where: str, name: str, layer: Any) -> None:
    """What is put into another layer is a layer, built already."""
    if isinstance(layer, type) or not hasattr(layer, "_forward"):
        advice = f"Build it first: {where}(LSTM(…))."
        fail(DtypeError, where, f"{name} must be a layer", describe(layer), advice)


def check_causal(where: str, name: str, model: Any) -> None:
    """No step depends on a later one: what was read in parts is what was read at once."""
    if not model.causal:
        layers = (model, *model._all_layers())
        kinds = dict.fromkeys(type(layer).__name__ for layer in layers if not layer.causal)
        got = f"a {' in a '.join(reversed(kinds))}"  # from the inside
        expected = f"{name} needs a model in which no step depends on a later one"
        advice = "Its state cannot be carried on: what comes later would change what was said."
        fail(ArgumentError, where, expected, got, advice)


def check_kind(layer: Any, where: str, tape: Any) -> None:
    """A tape of this kind of layer."""
    if not isinstance(tape, layer.tape_type):
        expected = f"tape must be a {layer.tape_type.__name__}"
        advice = f"Pass the tape that {type(layer).__name__}.forward of this model returned."
        fail(TapeError, where, expected, f"a {type(tape).__name__}", advice)


def check_parts(layer: Any, where: str, tape: Any, count: int) -> None:
    """A tape of this kind of layer, with so many parts."""
    check_kind(layer, where, tape)
    if len(tape.parts) != count:
        expected = f"tape must have {count} part{'s' * (count != 1)}"
        fail(TapeError, where, expected, len(tape.parts), "It belongs to another model.")


def check_tape(layer: Any, where: str, tape: Any) -> None:
    """A tape of this kind of layer, with parameters of these names and shapes."""
    advice = f"Pass the tape that {type(layer).__name__}.forward of this model returned."
    check_kind(layer, where, tape)
    own = {name: value.shape for name, value in layer.params.items()}
    theirs = {name: np.shape(value) for name, value in tape.params.items()}
    if own != theirs:
        fail(TapeError, where, f"tape must hold parameters {own}", theirs, advice)
    dtype = names.dtype_of(tape.params)
    here = f"{where}, tape.x"
    if layer.takes_symbols:
        check_symbols(here, tape.x, layer.input_size)
        check_symbol_range(here, tape.x, np.ones(tape.x.shape, bool), layer.input_size)
    else:
        check_input(here, tape.x, layer.input_size, dtype, layer.needs_time)
    has_time = layer.takes_symbols or tape.x.ndim == 3
    if has_time != (tape.mask is not None):
        expected = "tape.mask must be boolean (B, T) if x has a time axis, else None"
        fail(TapeError, where, expected, "None" if has_time else "a mask", advice)
    if has_time:
        check_mask(f"{where}, tape.mask", tape.mask, None, tape.x.shape[:2])
    expected_shape = layer._outputs_shape(tape)
    if tape.outputs.shape != expected_shape:
        expected = f"tape.outputs must have shape {expected_shape}"
        fail(TapeError, where, expected, tape.outputs.shape, advice)
    check_float(where, "tape.outputs", tape.outputs, dtype, "tape.params")


def check_states(
    slots: Sequence[Any], where: str, name: str, states: Any, batch: int, dtype: np.dtype[Any]
) -> tuple[Any, ...]:
    """One state for each of the layers that have one; None where none is given."""
    count = len(slots)
    if states is None or (count == 0 and states == ()):
        states = (None,) * count
    elif not count:
        fail(
            ArgumentError,
            where,
            f"{name} must be None: no recurrent layer here",
            f"a {type(states).__name__}",
            "Leave it out.",
        )
    given = check_count(where, name, states, count)
    return tuple(
        None if state is None else layer.check_state(where, f"{name}[{k}]", state, batch, dtype)
        for k, (layer, state) in enumerate(zip(slots, given, strict=True))
    )


def check_doutputs(where: str, doutputs: Any, tape: Any) -> Any:
    """The derivative of a loss by every output."""
    if hasattr(doutputs, "gradient"):
        got = f"a {type(doutputs).__name__}"
        fail(DtypeError, where, "doutputs must be an array", got, "Pass loss.gradient.")
    doutputs = check_float(where, "doutputs", doutputs, tape.outputs.dtype, "tape.outputs")
    if doutputs.shape != tape.outputs.shape:
        expected = f"doutputs must have the shape of tape.outputs, {tape.outputs.shape}"
        advice = "It is the derivative of the loss by every output."
        fail(ShapeError, where, expected, doutputs.shape, advice)
    return doutputs
