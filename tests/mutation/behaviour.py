"""What the package computes, as bits: outputs, finals, gradients, losses, summaries, refusals.

`behaviour` runs everything that the mutated files do on one random input: a layer of any type with
sizes from 1 up, T = 1 and H = 1 included, any mask, any dtype, states or none, dropout or none;
half of the calls are then made wrong in one place. Two versions of the package that give the same
bits (and the same refusals, to the letter) for a thousand seeds are taken to be the same.
"""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import Any

import mpmath
import numpy as np

from npstack import LSTM, Dense, Dropout, Embedding, Layer, LSTMCell, Sequential, StackedLSTM
from npstack.core.activations import ACTIVATIONS, Activation
from npstack.core.init import INITIALISERS
from npstack.core.numerics import (
    absolute,
    clip,
    cos,
    exp,
    is_finite,
    log,
    log1p,
    log_softmax,
    logsumexp,
    real,
    sign,
    softmax,
    softplus,
)
from npstack.core.tape import Tape
from npstack.losses import (
    binary_cross_entropy,
    huber,
    mean_absolute_error,
    mean_squared_error,
    softmax_cross_entropy,
)
from npstack.verify.laws.trial import final, mapped
from tests.tools.strategies import LAYERS, Sizes, build, draw_input

DTYPES = (np.float64, np.float32, np.longdouble)
KINDS = list(LAYERS)
LOGITS = (binary_cross_entropy, softmax_cross_entropy)
LOSSES = (mean_squared_error, mean_absolute_error, huber, *LOGITS)
PLAIN = (is_finite, real, exp, log, log1p, cos, absolute, sign, softplus)
ROWS = (logsumexp, log_softmax, softmax)  # along the last axis
Results = Callable[[np.random.Generator], Iterator[Any]]


def behaviour(seed: int, results: Results) -> str:
    """A fingerprint of everything that comes out for one seed."""
    digest = hashlib.sha256()
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for item in results(np.random.default_rng(seed)):
            for part in _flat(item):
                digest.update(part)
    return digest.hexdigest()


def _flat(item: Any) -> Iterator[bytes]:
    """Bits, with type and shape, of whatever comes out."""
    if isinstance(item, dict) or hasattr(item, "items"):
        yield repr(list(item)).encode()
        for value in item.values():
            yield from _flat(value)
    elif isinstance(item, tuple | list):
        yield f"{type(item).__name__} {len(item)}".encode()
        for value in item:
            yield from _flat(value)
    elif isinstance(item, np.ndarray | np.generic):
        array = np.asarray(item)
        yield f"{array.dtype} {array.shape}".encode()
        padded = array.dtype in (np.longdouble, np.clongdouble) or array.dtype == object
        yield repr(array.tolist()).encode() if padded else array.tobytes()
    else:
        yield re.sub(r"0x[0-9a-f]+", "", repr(item)).encode()


def tried(function: Any, *arguments: Any, **others: Any) -> Any:
    """The result, or the error message with its attributes."""
    try:
        return function(*arguments, **others)
    except Exception as error:
        told = [getattr(error, name, None) for name in ("step", "layer", "gate")]
        return re.sub(r"0x[0-9a-f]+", "", f"{type(error).__name__}: {error} {told}")


def layers(rng: np.random.Generator) -> Iterator[Any]:
    """What the layers, the losses and the numbers compute."""
    yield from _construction(rng)
    yield from _numbers(rng)
    yield from _losses(rng)
    kind = KINDS[rng.integers(len(KINDS))]
    sizes = Sizes(*(int(n) for n in rng.integers(1, 5, len(Sizes._fields))))
    layer = build(kind, rng, sizes, rng.choice(DTYPES))
    yield kind
    yield from tried_out(rng, layer)


def tried_out(rng: np.random.Generator, layer: Any) -> Iterator[Any]:
    """Both passes of a layer, right or wrong in one place, and its parameters assigned."""
    yield layer.params, repr(layer), layer.dtype, layer.parameter_formula
    yield layer.input_size, layer.output_size, layer.interface
    B, T = (int(n) for n in rng.integers(1, 5, 2))
    x = draw_input(layer, rng, B, T, dtype=rng.choice(DTYPES))
    if rng.random() < 0.2 and not layer.interface.needs_time:
        x = x[:, 0]
    given = _arguments(rng, layer, x)
    if rng.random() < 0.4:
        name = list(given)[rng.integers(len(given))]
        given[name] = spoilt(rng, given[name])
    tape = tried(layer.forward, **given)
    yield _contents(tape)
    if rng.random() < 0.2:
        yield tried(layer.summary, B, T)
    if isinstance(tape, str):
        return
    doutputs = like(rng, tape.outputs)
    back = {"tape": tape, "doutputs": doutputs, "dfinal_states": _dfinal(rng, tape)}
    if rng.random() < 0.2:
        back[("doutputs", "dfinal_states")[rng.integers(2)]] = None
    if rng.random() < 0.3:
        name = list(back)[rng.integers(3)]
        back[name] = spoilt(rng, back[name])
    yield tried(layer.backward, **back)
    yield _contents(tried(layer.forward, x, noise=tape.noise)), tape.nbytes
    params = dict(layer.params)
    yield tried(setattr, layer, "params", spoilt(rng, params) if rng.random() < 0.5 else params)
    yield layer.params


def _arguments(rng: np.random.Generator, layer: Any, x: Any) -> dict[str, Any]:
    """Arguments of ``layer.forward``, each there or not."""
    shape = x.shape[:2]
    given: dict[str, Any] = {"x": x, "states": None, "mask": None, "lengths": None, "rng": None}
    if layer.interface.takes_symbols or x.ndim == 3:
        if rng.random() < 0.5:
            given["mask"] = rng.random(shape) < 0.6
        elif rng.random() < 0.5:
            given["lengths"] = rng.integers(0, shape[1] + 1, shape[0])
        if given["mask"] is not None and x.dtype.kind == "f" and rng.random() < 0.5:
            given["x"] = np.where(given["mask"][..., np.newaxis], x, np.nan).astype(x.dtype)
        if rng.random() < 0.3:
            given["resets"] = rng.random(shape) < 0.4
    if rng.random() < 0.5:
        given["rng"] = np.random.default_rng(int(rng.integers(1000)))
    if rng.random() < 0.5:
        given["states"] = _dfinal(rng, layer.forward(x))
    if rng.random() < 0.3:
        given["params"] = {name: like(rng, value) for name, value in layer.params.items()}
    return given


def like(rng: np.random.Generator, a: Any) -> Any:
    return rng.standard_normal(a.shape).astype(a.dtype)


def _dfinal(rng: np.random.Generator, tape: Any) -> Any:
    return mapped(lambda a: like(rng, a), final(tape))


def spoilt(rng: np.random.Generator, value: Any) -> Any:
    """The same thing, wrong in one place."""
    if isinstance(value, np.ndarray):
        holed = value.copy()
        if holed.size and holed.dtype.kind in "fiu":
            bad = (np.nan, np.inf) if holed.dtype.kind == "f" else (-1, 99)
            holed.flat[rng.integers(holed.size)] = bad[rng.integers(2)]
        kinds = [holed, value.astype("f4"), value.astype(int) if value.dtype != object else value]
        kinds += [value[:-1], value[..., :-1], value.T, value[np.newaxis], value.tolist()]
        kinds += [value[:1], value[:0], value.astype(bool), value.sum(axis=-1)]
        with np.errstate(all="ignore"):
            return kinds[rng.integers(len(kinds))]
    if isinstance(value, Tape):
        chosen = fields(value)[rng.integers(len(fields(value)))].name
        wrong = [None, spoilt(rng, getattr(value, chosen))][int(rng.random() < 0.8)]
        return (replace(value, **{chosen: wrong}), None, value.outputs)[
            rng.choice(3, p=(0.8, 0.1, 0.1))
        ]
    if isinstance(value, dict) or hasattr(value, "items"):
        name = list(value)[rng.integers(len(value))] if value else ""
        without = {k: v for k, v in value.items() if k != name}
        wrong = {**value, name: spoilt(rng, value[name])} if value else {}
        return (without, {**value, "V": np.ones(1)}, wrong, wrong, [1])[rng.integers(5)]
    if isinstance(value, tuple) and value:
        k = int(rng.integers(len(value)))
        parts = [*value[:k], spoilt(rng, value[k]), *value[k + 1 :]]
        wrong = type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
        return (wrong, wrong, tuple(value), value[:-1], value[0], list(value))[rng.integers(6)]
    other = (0, 1, -1, "x", (), (None,), np.ones(2), np.ones((2, 3), bool), 0.5, True, [1, 9])
    return other[rng.integers(len(other))]


def _contents(tape: Any) -> Any:
    """All that a tape holds."""
    if not isinstance(tape, Tape):
        return tape
    values = {f.name: getattr(tape, f.name) for f in fields(tape) if f.name != "children"}
    parts = [_contents(part) for part in tape.parts]
    return type(tape).__name__, values, parts, len(tape.layers), final(tape), tape.nbytes


def _construction(rng: np.random.Generator) -> Iterator[Any]:
    """Layers with options, right and wrong ones."""

    def pick(*values: Any) -> Any:
        return values[rng.integers(len(values))]

    def size() -> Any:
        return pick(1, 2, 3, 5, np.int64(2), 0, -1, 2.0, True, "3", None)

    draw = np.random.default_rng(int(rng.integers(1000)))
    words = (*INITIALISERS, *INITIALISERS, *INITIALISERS, "glorrot", "", 3)
    options = {
        "rng": pick(draw, draw, draw, draw, draw, 0, None),
        "dtype": pick(*DTYPES, float, complex, object, int, "f4", "what"),
    }
    cell = {
        **options,
        "forget_bias": pick(1.0, 0, None, -3, np.nan, "one", True, np.float32(2)),
        "kernel_init": pick(*words),
        "recurrent_init": pick(*words),
        "bias_init": pick(*words),
    }
    sizes = pick(size(), [2, 3], [size(), size()], (1,), [], "23", np.array([3, 2]))
    rate = pick(0, 0.0, 0.5, np.float32(0.25), 1, 1.5, -0.1, "0.5", True, None)
    dense = {"activation": pick(*ACTIVATIONS, "sigmod"), "bias_init": pick(*words)}
    sequences = bool(rng.integers(2))
    makers: list[tuple[Any, list[Any], dict[str, Any]]] = [
        (LSTM, [size(), size()], {**cell, "return_sequences": sequences}),
        (StackedLSTM, [size(), sizes], {**cell, "return_sequences": sequences}),
        (StackedLSTM, [2, sizes, pick(None, 1, 2, size())], {"rng": draw, "dropout": rate}),
        (Dense, [size(), size()], {**options, **dense, "kernel_init": pick(*words)}),
        (Embedding, [size(), size()], {**options, "init": pick(*words)}),
        (Dropout, [rate], {}),
        (LSTMCell, [size(), size()], cell),
    ]
    made = [tried(make, *arguments, **others) for make, arguments, others in makers]
    for layer in made:
        yield type(layer).__name__, layer if isinstance(layer, str) else repr(list(vars(layer)))
        yield getattr(layer, "params", None)
    layers = [layer for layer in made if isinstance(layer, Layer)] or [Dense]
    layers += [Dense, 1] if rng.random() < 0.2 else []
    parts = [pick(*layers) for _ in range(rng.integers(0, 4))]
    model = tried(Sequential, *parts)
    yield model if isinstance(model, str) else (model.params, model.interface)


def _losses(rng: np.random.Generator) -> Iterator[Any]:
    shape = tuple(int(n) for n in rng.integers(1, 4, rng.integers(2, 4)))
    given: dict[str, Any] = {
        "predictions": rng.standard_normal(shape).astype(rng.choice(DTYPES)),
        "mask": rng.random(shape[:-1]) < 0.7 if rng.random() < 0.7 else None,
    }
    given["targets"] = like(rng, given["predictions"])
    loss = LOSSES[rng.integers(len(LOSSES))]
    if rng.random() < 0.4:
        given["weights"] = rng.integers(0, 3, shape[:-1]).astype(given["predictions"].dtype)
    if loss is binary_cross_entropy:
        given["targets"] = abs(np.tanh(given["targets"]))
    if loss is softmax_cross_entropy:
        given["targets"] = rng.integers(0, shape[-1], shape[:-1])
    if loss is huber and rng.random() < 0.7:
        given["delta"] = (0.5, 2, 0.0, -1, "x")[rng.integers(5)]
    called = {"logits" if k == "predictions" and loss in LOGITS else k: v for k, v in given.items()}
    yield tried(loss, **called)
    name = list(called)[rng.integers(3)]
    yield tried(loss, **{**called, name: spoilt(rng, called[name])})


def _numbers(rng: np.random.Generator) -> Iterator[Any]:
    """Activations and the rest of `npstack.core.numerics`, on every type of number."""
    a = rng.standard_normal(4) * 10.0 ** rng.integers(-3, 3)
    a[rng.integers(4)] = (0.0, 1.0, -800.0, 800.0, 50.0, -50.0, np.nan, np.inf)[rng.integers(8)]
    with mpmath.workdps(25):
        numbers = np.array([mpmath.mpf(value) for value in a], object)
        python = np.array(a.tolist(), object)
        for values in (a, a.astype("f4"), a.astype(np.longdouble), a + 1e-20j, numbers, python):
            yield tried(clip, values, (0.5, 2.0)[rng.integers(2)])
            for function in (*PLAIN, *ROWS):
                yield tried(function, values)
            for name, kind in ACTIVATIONS.items():
                numbers = [float(n) for n in rng.normal(size=len(kind.defaults))]
                activation = Activation(name, *(numbers if rng.random() < 0.5 else ()))
                y = tried(activation.function, values)
                yield activation, activation.config(), y
                yield tried(activation.derivative, values, y)
