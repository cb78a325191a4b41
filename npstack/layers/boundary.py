"""What a layer checks: the arguments of `forward` and `backward`, and its children."""

from __future__ import annotations

from typing import Any

import numpy as np

from npstack.core import params as names
from npstack.core.arguments import check_generator
from npstack.core.arrays import (
    check_count,
    check_float,
    check_input,
    check_params,
    check_symbol_range,
    check_symbols,
)
from npstack.core.errors import (
    ArgumentError,
    DtypeError,
    NonFiniteError,
    ShapeError,
    TapeError,
    describe,
    fail,
    kind_of,
)
from npstack.core.masks import check_finite, check_mask, check_no_mask, check_resets
from npstack.core.numerics import Array
from npstack.core.params import Params
from npstack.layers.interface import Mask, States


def check_built(where: str, name: str, layer: Any) -> None:
    """Check a layer, or a whole model, that is already built."""
    if not isinstance(layer, type) and hasattr(layer, "_forward"):
        return
    advice = "Use Sequential(…), StackedLSTM(…) or another layer."
    if isinstance(layer, type):
        advice = f"Build it first: {layer.__name__}(…)."
    elif isinstance(layer, list | tuple):
        advice = "Several layers become one layer in Sequential(first, second, …)."
    elif hasattr(layer, "step_backward"):
        advice = "A cell becomes a layer in Recurrent(cell)."
    fail(DtypeError, where, f"{name} must be a layer", describe(layer), advice)


def check_layer(where: str, name: str, layer: Any) -> None:
    """Check a layer that is put into another: already built, and with a sequence as its input."""
    check_built(where, name, layer)
    if layer.interface.takes_pair:
        expected = f"{name} must be a layer that takes one sequence"
        advice = "It is a whole model: it reads a source and a target. Put layers into its sides."
        fail(ArgumentError, where, expected, kind_of(layer), advice)


class SetByLayer:
    """Stands for an attribute until the constructor of `Layer` has set it."""

    def __get__(self, layer: Any, kind: type) -> Any:
        if layer is None:  # asked of the class
            return None
        expected = "its constructor must call super().__init__(params, Interface(…))"
        advice = "npstack/layers/dense.py is a short example."
        return fail(ArgumentError, kind.__name__, expected, "no such call", advice)


def check_children(layer: Any) -> None:
    """Check that each layer is used in one place only, and that all have one dtype."""
    where = type(layer).__name__
    inside = [id(inner) for inner in layer.inside()]
    if len(set(inside)) < len(inside):
        expected = "every layer must be used in one place only"
        fail(ArgumentError, where, expected, "one layer twice", "Build a layer for each place.")
    found = (child.dtype for child in layer.children.values())
    dtypes = {str(dtype) for dtype in found if dtype is not None}
    if len(dtypes) > 1:
        got = " and ".join(sorted(dtypes))
        fail(DtypeError, where, "all layers must have one dtype", got, "Build them with dtype=…")


def check_causal(where: str, name: str, model: Any) -> None:
    """Check that no step depends on a later one, so that reading in parts gives the same result."""
    if not model.interface.causal:
        layers = [inner for inner in (model, *model.inside()) if not inner.interface.causal]
        kinds = dict.fromkeys(type(inner).__name__ for inner in layers)
        got = f"a {' in a '.join(reversed(kinds))}"  # from the inside
        expected = f"{name} needs a model in which no step depends on a later one"
        advice = "Its state cannot be carried on: later steps would change earlier outputs."
        fail(ArgumentError, where, expected, got, advice)


# ---- forward -----------------------------------------------------------------------------------


def check_own_params(layer: Any, where: str, params: Params | None) -> dict[str, Array]:
    """The parameters for a tape: by reference if nobody can write to them, else a copy."""
    if params is None:
        return dict(layer.params)
    check_params(where, params, layer.params)
    return {name: a if _is_locked(a) else np.array(a, order="K") for name, a in params.items()}


def _is_locked(a: Array) -> bool:
    """Whether nobody can write to an array."""
    return type(a) is np.ndarray and not a.flags.writeable and a.base is None


def check_sequence(
    layer: Any, where: str, x: object, mask: object, lengths: object, resets: object, params: Params
) -> tuple[Array, Mask, Mask]:
    """The input, its mask and its resets; both are None without a time axis."""
    size, needs_time = layer.input_size, layer.interface.needs_time
    symbols = layer.interface.takes_symbols
    if symbols:
        x = check_symbols(where, x, size)
    else:
        x = check_input(where, x, size, names.dtype_of(params), needs_time)
    valid = anew = None
    if symbols or x.ndim == 3:
        valid = check_mask(where, mask, lengths, x.shape[:2])
        anew = check_resets(where, resets, valid)
    else:
        check_no_mask(where, mask, lengths, resets)
    if symbols:
        check_symbol_range(where, x, valid, size)
    else:
        check_finite(where, "x", x, valid)
    return x, valid, anew


def check_draws(where: str, rng: object, noise: object) -> None:
    """Check the generator for new draws, or the old draws; both may be absent."""
    if rng is None:
        return
    check_generator(where, rng)
    if noise is not None:
        expected = "give rng (new draws) or noise (old draws)"
        fail(ArgumentError, where, expected, "both", "Leave one out.")


def first_non_finite(layer: Any, tape: Any, turned: bool) -> tuple[str, int, str] | None:
    """Where the first NaN or infinity was computed; ``turned``: time is read from the end."""
    for name, child, way, part in layer.reached(tape) if layer.children else ():
        found: tuple[str, int, str] | None = child.first_non_finite(part, way.under(turned))
        if found is not None:
            return f"{names.shown_path(name)}{found[0]}", *found[1:]
    own = tape.first_non_finite()  # a sum or product of finite numbers may be infinite
    if own is None:
        return None
    step = tape.steps - 1 - own[0] if turned ^ tape.turned else own[0]
    return type(layer).__name__, step, own[1]


def check_outcome(where: str, found: tuple[str, int, str] | None) -> None:
    """Check that no layer computed NaN or infinity from finite numbers."""
    if found is not None:
        layer, step, gate = found
        expected = "every number must stay finite"
        got = f"NaN or infinity first at time step {{step}} of {layer}, in {gate!r}"
        advice = "Scale the inputs, or look for parameters that have grown too large."
        fail(NonFiniteError, where, expected, got, advice, step=step, layer=layer, gate=gate)


def tape_of(layer: Any, tape: Any) -> Any:
    """What `_forward` has returned is a tape of the layer, with the outputs that it promises."""
    where = f"{type(layer).__name__}._forward"
    if not isinstance(tape, layer.tape_type):
        expected = f"it must return {layer.tape_type.__name__}(params, x, mask, outputs, noise)"
        fail(
            DtypeError,
            where,
            expected,
            kind_of(tape),
            "npstack/layers/dense.py is a short example.",
        )
    shape = layer._outputs_shape(tape)
    if np.shape(tape.outputs) != shape:
        expected = f"its outputs must have shape {shape}, as its interface says"
        fail(ShapeError, where, expected, np.shape(tape.outputs), "Is output_size right?")
    return tape


# ---- backward ----------------------------------------------------------------------------------


def check_kind(layer: Any, where: str, tape: Any) -> None:
    """A tape of this kind of layer."""
    if not isinstance(tape, layer.tape_type):
        kind = layer.tape_type.__name__
        expected = f"tape must be {'an' if kind[0] in 'AEIO' else 'a'} {kind}"
        advice = f"Pass the tape that {type(layer).__name__}.forward of this model returned."
        fail(TapeError, where, expected, kind_of(tape), advice)


def check_parts(where: str, tape: Any, count: int) -> None:
    """Check the number of parts of a tape."""
    own = len(tape.parts) if isinstance(tape.parts, tuple) else kind_of(tape.parts)
    if own != count:
        expected = f"tape must have {count} part{'s' * (count != 1)}"
        fail(TapeError, where, expected, own, "It belongs to another model.")


def check_tape(layer: Any, where: str, tape: Any, parts: int) -> None:
    """Check a tape: kind of layer, number of parts, names and shapes of parameters."""
    advice = f"Pass the tape that {type(layer).__name__}.forward of this model returned."
    check_kind(layer, where, tape)
    check_parts(where, tape, parts)
    own, theirs = layer.params, tape.params
    same = own.keys() == theirs.keys()
    if not same or any(np.shape(theirs[name]) != value.shape for name, value in own.items()):
        own = {name: value.shape for name, value in own.items()}
        theirs = {name: np.shape(value) for name, value in theirs.items()}
        fail(TapeError, where, f"tape must hold parameters {own}", theirs, advice)
    if tape.run is not None:
        tape.run.check()
        return
    dtype = names.dtype_of(tape.params)
    here = f"{where}, tape.x"
    if layer.interface.takes_symbols:
        check_symbols(here, tape.x, layer.input_size)
        check_symbol_range(here, tape.x, np.ones(tape.x.shape, bool), layer.input_size)
    else:
        check_input(here, tape.x, layer.input_size, dtype, layer.interface.needs_time)
    has_time = layer.interface.takes_symbols or tape.x.ndim == 3
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


def triple(layer: Any, found: Any) -> Any:
    """What `_backward` has returned is the three things that it promises."""
    if not isinstance(found, tuple) or len(found) != 3 or not isinstance(found[0], dict):
        where = f"{type(layer).__name__}._backward"
        got = f"{len(found)} of them" if isinstance(found, tuple) else kind_of(found)
        expected = "it must return a dictionary of gradients, dx, and the gradients of the states"
        fail(DtypeError, where, expected, got, "Without a state: return dparams, dx, ().")
    return found


def check_states(
    layer: Any, where: str, name: str, states: Any, batch: int, dtype: np.dtype[Any]
) -> States:
    """One state for each recurrent layer inside; None if none is given."""
    slots = layer.recurrent
    if layer.single_state:
        states = None if states is None else (states,)
    elif not slots and states is not None and states != ():
        expected, got = (
            f"{name} must be None: no recurrent layer here",
            kind_of(states),
        )
        fail(ArgumentError, where, expected, got, "Leave it out.")
    if states is None:
        return (None,) * len(slots)
    given = check_count(where, name, states, len(slots))
    names_ = [name] if layer.single_state else [f"{name}[{k}]" for k in range(len(slots))]
    return tuple(
        None if state is None else slot.check_state(where, own, state, batch, dtype)
        for slot, own, state in zip(slots, names_, given, strict=True)
    )


def check_doutputs(where: str, doutputs: Any, dfinal: Any, tape: Any, mask: Mask) -> Array:
    """The derivative of the loss by every output; zeros if only the final states count."""
    if doutputs is None:
        if dfinal is None:
            expected = "give doutputs, dfinal_states or both"
            fail(ArgumentError, where, expected, "neither", "What does the loss depend on?")
        return np.zeros_like(tape.outputs)
    if hasattr(doutputs, "gradient"):
        got = kind_of(doutputs)
        fail(DtypeError, where, "doutputs must be an array", got, "Pass loss.gradient.")
    found = check_float(where, "doutputs", doutputs, tape.outputs.dtype, "tape.outputs")
    if found.shape != tape.outputs.shape:
        expected = f"doutputs must have the shape of tape.outputs, {tape.outputs.shape}"
        advice = "It is the derivative of the loss by every output."
        fail(ShapeError, where, expected, found.shape, advice)
    check_finite(where, "doutputs", found, mask)
    return found
