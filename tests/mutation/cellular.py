"""What cells, their parts, their wrappers and the layers named after them do, as bits.

As `tests.mutation.behaviour`, on other draws: those of that module are part of the table
already, and must not change.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from npstack import (
    GRU,
    RNN,
    BidirectionalStacked,
    Recurrent,
    Stacked,
    StackedBidirectional,
    StackedGRU,
    StackedRNN,
)
from npstack.cells import (
    Activations,
    CellClip,
    Coupled,
    ForgetBias,
    GRUCell,
    GRUResetBeforeCell,
    LayerNormLSTMCell,
    LSTMCell,
    LSTMVariantCell,
    Peepholes,
    PreactivationClip,
    Projection,
    RecurrentDropout,
    RecurrentDropoutPerGate,
    RNNCell,
    Zoneout,
)
from npstack.core.activations import ACTIVATIONS, Activation, check_activation
from npstack.core.init import INITIALISERS
from npstack.core.numerics import clip, clip_backward
from npstack.core.trees import mapped
from tests.mutation.behaviour import DTYPES, like, tried, tried_out

PARTS = (Peepholes, Coupled, Projection, CellClip, PreactivationClip, Activations, ForgetBias)
KINDS = (LSTMVariantCell, LayerNormLSTMCell, GRUCell, GRUResetBeforeCell, RNNCell, LSTMCell)
MERGES = ("concat", "sum", "mul", "ave", "none", "add")


def cells(rng: np.random.Generator) -> Iterator[Any]:
    """A cell by itself and over time; a layer or stack by its name."""
    yield from _numbers(rng)
    cell = tried(_cell, rng)
    if isinstance(cell, str):
        yield cell
    else:
        yield from _by_itself(rng, cell)
        yield from _over_time(rng, lambda: Recurrent(cell, **_how(rng), learn_initial=_once(rng)))
    yield from _over_time(rng, lambda: _named(rng))


def _pick(rng: np.random.Generator, *values: Any) -> Any:
    return values[rng.integers(len(values))]


def _once(rng: np.random.Generator, chance: float = 0.5) -> bool:
    return bool(rng.random() < chance)


def _how(rng: np.random.Generator) -> dict[str, Any]:
    return {"return_sequences": _once(rng)} if _once(rng) else {}


def _size(rng: np.random.Generator) -> Any:
    return _pick(rng, 1, 2, 3, 4, 3, 2) if _once(rng, 0.95) else _pick(rng, 0, -1, 2.0, True, "3")


def _number(rng: np.random.Generator) -> Any:
    return float(rng.uniform(0.1, 1)) if _once(rng, 0.9) else _pick(rng, 0, -1, "x", None, 1, 2)


def _activation(rng: np.random.Generator) -> Any:
    name = _pick(rng, *ACTIVATIONS) if _once(rng, 0.95) else _pick(rng, "sigmod", "", 3, None)
    if _once(rng) or name not in ACTIVATIONS:
        return name
    count = len(ACTIVATIONS[name].defaults) + int(_once(rng, 0.1))
    numbers = [_number(rng) for _ in range(count)]
    return Activation(name, *numbers)


def _numbers(rng: np.random.Generator) -> Iterator[Any]:
    activation = tried(_activation, rng)
    activation = tried(check_activation, "here", "it", activation)
    yield activation
    if not isinstance(activation, Activation):
        return
    yield activation.config(), activation.function, activation.slope_from_output
    yield activation == _pick(rng, *map(Activation, ACTIVATIONS)), hash(activation) == hash(3)
    a = (rng.standard_normal(6) * 3).astype(_pick(rng, *DTYPES))
    a[rng.integers(6)] = _pick(rng, 0, 0.5, -0.5, 1, -1, 2.5, -2.5, 3, -3)
    for values in (a, a + 1e-30j):
        y = activation.function(values)
        yield y, activation.derivative(values, y)
        yield clip_backward(clip(values, 0.5), values, 0.5)


def _part(rng: np.random.Generator) -> Any:
    kind = _pick(rng, *PARTS)
    if kind is Projection:
        clip = {"clip": _number(rng)} if _once(rng) else {}
        return Projection(_size(rng), **clip)
    if kind is Activations:
        sites = ("input", "forget", "candidate", "output", "cell")
        return Activations(**{site: _activation(rng) for site in sites if _once(rng)})
    return kind() if kind in (Peepholes, Coupled) else kind(_number(rng))


def _options(rng: np.random.Generator) -> dict[str, Any]:
    options = {
        "kernel_init": _pick(rng, *INITIALISERS),
        "bias_init": _pick(rng, "uniform", "uniform", *INITIALISERS),
        "dtype": _pick(rng, *DTYPES) if _once(rng, 0.95) else _pick(rng, int, "what"),
    }
    given = {name: value for name, value in options.items() if _once(rng)}
    return {**given, "rng": rng} if _once(rng, 0.95) else given


def _own(rng: np.random.Generator, kind: Any) -> dict[str, Any]:
    """Options that only some kinds of cells have."""
    own: dict[str, Any] = _options(rng)
    if kind in (LSTMVariantCell, LayerNormLSTMCell, LSTMCell) and _once(rng):
        own["forget_bias"] = _pick(rng, 1.0, None, 0, -2, "x")
    if kind is RNNCell and _once(rng):
        own["activation"] = _activation(rng)
    if kind in (GRUCell, GRUResetBeforeCell) and _once(rng):
        own |= {"gate": _activation(rng), "candidate": _activation(rng)}
    return own


def _cell(rng: np.random.Generator) -> Any:
    kind = _pick(rng, LSTMVariantCell, *KINDS)
    parts = [_part(rng) for _ in range(rng.integers(0, 5))] if kind is LSTMVariantCell else []
    parts += [3] if parts and _once(rng, 0.05) else []
    cell: Any = kind(_size(rng), _size(rng), *parts, **_own(rng, kind))
    for _ in range(rng.integers(0, 3)):
        inside = cell if _once(rng, 0.97) else 3
        if _once(rng):
            rates = {name: _pick(rng, 0, 0.3, 0.5) for name in "hc" if _once(rng)}
            known = {name: rate for name, rate in rates.items() if _once(rng, 0.1) or name == "h"}
            cell = Zoneout(inside, **(rates if "c" in cell.state_sizes._fields else known))
        else:
            rate, step = _pick(rng, 0, 0.3, 0.5, 0.5, 1.5), _once(rng)
            dropout = _pick(rng, RecurrentDropout, RecurrentDropoutPerGate)
            cell = dropout(inside, rate, each_step=step)
    return cell


def _by_itself(rng: np.random.Generator, cell: Any) -> Iterator[Any]:
    """What a cell says of itself, and a step there and back, without the checks of a layer."""
    yield cell.params, cell.axes, cell.letters, cell.state_sizes, cell.record_sizes
    yield cell.noise_axes, cell.formula, repr(cell).split(" object")[0], cell.output_size
    dtype = next(iter(cell.params.values())).dtype
    B = int(rng.integers(1, 4))
    zero = cell.zero_state(B, dtype)
    state, params = mapped(lambda a: like(rng, a), zero), {}
    for name, value in cell.params.items():
        params[name] = like(rng, value)
    noise = cell.draw_noise(rng, B, 1) if _once(rng) else None
    noise = mapped(lambda a: a[:, 0] if a.ndim == 3 else a, noise)
    x = rng.standard_normal((B, cell.input_size)).astype(dtype)
    new, record = cell.step(params, x, state, noise)
    yield zero, noise, new, record
    dnew = mapped(lambda a: like(rng, a), new)
    yield cell.step_backward(params, x, state, record, new, dnew, noise)


def _named(rng: np.random.Generator) -> Any:
    """A layer or a stack by its name, with options right or wrong."""
    kind = _pick(rng, GRU, RNN, StackedGRU, StackedRNN, Stacked, StackedBidirectional)
    kind = BidirectionalStacked if _once(rng, 0.15) else kind
    options = {**_how(rng), **_options(rng)}
    if kind in (GRU, StackedGRU) and _once(rng):
        options["reset"] = _pick(rng, "after", "before", "before", "between")
    if kind in (GRU, RNN):
        options |= {"learn_initial": True} if _once(rng, 0.3) else {}
        return kind(_size(rng), _size(rng), **options)
    options |= {"dropout": _pick(rng, 0, 0.3, 0.5, 1.5)} if _once(rng) else {}
    sizes = _pick(rng, [2, 3], [3, 2, 1], 2, [1], [], "x") if _once(rng, 0.5) else [2, 2]
    how = (sizes,) if _once(rng, 0.7) else (sizes, _pick(rng, None, 1, 2, 0))
    if kind in (StackedGRU, StackedRNN):
        return kind(_size(rng), *how, **options)
    options |= {"merge": _pick(rng, *MERGES)} if kind is not Stacked and _once(rng) else {}
    return kind(_pick(rng, LSTMCell, GRUCell, RNNCell, GRU, 3), _size(rng), *how, **options)


def _over_time(rng: np.random.Generator, make: Any) -> Iterator[Any]:
    layer = tried(make)
    if isinstance(layer, str):
        yield layer
        return
    yield from tried_out(rng, layer)
