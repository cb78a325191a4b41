"""npstack's model of a configuration, and every number that both programs are given."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np

import npstack.cells
from npstack import LSTMCell, LSTMVariantCell, Recurrent, Sequential
from npstack.cells import Cell
from npstack.cells.parts import Activations, Coupled, Part, Peepholes, PreactivationClip, Projection
from npstack.core.errors import NonFiniteError
from npstack.core.trees import filled, named
from npstack.layers import Bidirectional, Reversed
from npstack.layers.base import Layer
from tests.agreement.lattice.config import Config
from tests.tools.random_stacks import Case

LARGE = 1e3
GRID = 2.0**-20  # sums of two numbers of it are exact, in float32, too


def values(config: Config, name: str, shape: tuple[int, ...], scale: float = 1.0) -> np.ndarray:
    """Uniform numbers between -scale and scale, always the same for a name, on the grid."""
    rng = np.random.default_rng([config.seed, zlib.crc32(name.encode())])
    return np.round(rng.uniform(-scale, scale, shape) / GRID) * GRID


def make_cell(config: Config, below: int, size: int, direction: int) -> Cell:
    """One cell; its numbers are put in later."""
    rng = np.random.default_rng(0)
    acts = config.activations_of(direction)
    if config.cell == "rnn":
        return npstack.cells.RNNCell(below, size, activation=acts[0], rng=rng)
    if config.cell != "lstm":
        kinds = {"gru": "GRUCell", "gru_reset_before": "GRUResetBeforeCell"}
        kind = getattr(npstack.cells, kinds[config.cell])
        return kind(below, size, gate=acts[0], candidate=acts[1], rng=rng)
    parts: list[Part] = []
    if config.activations:
        gate, candidate, cell = acts
        gates = dict.fromkeys(("input", "forget", "output"), gate)
        parts.append(Activations(**gates, candidate=candidate, cell=cell))
    if config.peepholes:
        parts.append(Peepholes())
    if config.coupled:
        parts.append(Coupled())
    if config.clip is not None:
        parts.append(PreactivationClip(config.clip))
    if config.projection:
        parts.append(Projection(config.projection))
    if not parts:
        return LSTMCell(below, size, rng=rng)
    return LSTMVariantCell(below, size, *parts, rng=rng)


def in_directions(config: Config, layers: list[Layer], merge: str) -> Layer:
    """One layer per direction, read as the configuration says."""
    if config.directions == "both":
        return Bidirectional(*layers, merge=merge)
    (layer,) = layers
    if config.directions == "forward":
        return layer
    return Reversed(layer, order="time" if config.directions == "backward" else "as_read")


def make_model(config: Config) -> Sequential:
    """npstack's model, always a `Sequential`; float64, its own numbers."""
    top = len(config.sizes) - 1

    def recurrent(k: int, below: int, direction: int) -> Layer:
        last = config.last_only and k == top
        cell = make_cell(config, below, config.sizes[k], direction)
        return Recurrent(cell, return_sequences=not last)

    def width(k: int) -> int:
        return config.projection or config.sizes[k]

    if config.one_loop:
        inputs = [config.input_size, *(width(k) for k in range(top))]
        stacks: list[Layer] = [
            Sequential(*(recurrent(k, below, d) for k, below in enumerate(inputs)))
            for d in range(len(config.ends))
        ]
        return Sequential(in_directions(config, stacks, config.merge))
    layers, below = [], config.input_size
    for k in range(top + 1):
        merge = "concat" if config.merge == "none" and k < top else config.merge
        pair = [recurrent(k, below, d) for d in range(len(config.ends))]
        layers.append(in_directions(config, pair, merge))
        below = width(k) * (len(pair) if merge == "concat" else 1)
    return Sequential(*layers)


def layer_of(name: str) -> int:
    """The layer that a parameter belongs to: ``1.forward.W`` and ``0.forward.1.W`` to layer 1."""
    return [int(part) for part in name.split(".") if part.isdigit()][-1]


def draw_mask(config: Config) -> np.ndarray | None:
    """See `Config.padding`."""
    B, T = config.batch, config.steps
    rng = np.random.default_rng([config.seed, 1])
    if config.padding == "none":
        return None
    if config.padding == "holes":
        mask = rng.random((B, T)) < 0.7
        mask[rng.random(B) < 0.1] = False
        return mask
    least = 1 if config.padding == "lengths" else 0
    return np.arange(T) < rng.integers(least, T + 1, B)[:, np.newaxis]


def make_case(config: Config, dtype: Any = np.float64, junk: float = 7.0) -> Case:
    """The model with its numbers, the input (``junk`` where masked), states and cotangents."""
    model = make_model(config)
    params = {}
    for name, value in model.params.items():
        drawn = values(config, name, value.shape, config.sizes[layer_of(name)] ** -0.5)
        if name.rsplit(".", 1)[-1].startswith("b"):
            without = "no_recurrent_bias" in config.extras and name.endswith("b_recurrent")
            if without or not config.bias:
                drawn = np.zeros_like(drawn)
            elif "unit_forget_bias" in config.extras:
                drawn = value  # as a cell begins
        params[name] = drawn.astype(dtype)
    model.params = params

    x = values(config, "x", (config.batch, config.steps, config.input_size), 2.0).astype(dtype)
    mask = draw_mask(config)
    if mask is not None:
        x[~mask] = junk
    tape = model.forward(x, mask=mask)

    def like(prefix: str, tree: Any) -> Any:
        arrays = [values(config, name, a.shape) for name, a in named(prefix, tree).items()]
        return filled(tree, iter([a.astype(dtype) for a in arrays]))

    states = like("initial", tape.final) if config.initial else ()
    doutputs = values(config, "doutputs", tape.outputs.shape).astype(dtype)
    return Case(config.seed, model, x, states, mask, None, doutputs, like("dfinal", tape.final))


class Redraw(Exception):
    """This configuration says nothing: its numbers have grown too large."""


def refuse_large(config: Config) -> None:
    """Raise `Redraw` where outputs or final states exceed a thousand."""
    try:
        tape = make_case(config).forward()
    except (FloatingPointError, NonFiniteError):
        raise Redraw from None
    largest = [abs(a).max(initial=0) for a in (tape.outputs, *named("", tape.final).values())]
    if max(largest) > LARGE:
        raise Redraw


def second_bias(config: Config, name: str, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A bias as the sum, to the bit, of two that other frameworks have."""
    if not config.bias:
        return np.zeros_like(b), np.zeros_like(b)
    second = values(config, f"second of {name}", b.shape).astype(b.dtype)
    return b - second, second


def prefixes(config: Config) -> dict[tuple[int, int], str]:
    """What stands before the names of each layer and direction, in npstack: ``1.forward.``."""
    top = range(len(config.sizes))
    found = {}
    for d, end in enumerate(config.ends):
        middle = f"{end}." if end else ""
        found |= {(k, d): f"0.{middle}{k}." if config.one_loop else f"{k}.{middle}" for k in top}
    return found


def state_names(config: Config, prefix: str) -> dict[tuple[int, int], str]:
    """What stands before the fields of each state in the results of a `Case`."""
    names = {}
    for k, d in prefixes(config):
        end = f".{config.ends[d]}" if config.ends[d] else ""
        whole = config.one_loop and config.directions == "both"
        names[k, d] = f"{prefix}.0{end}.{k}" if whole else f"{prefix}.{k}{end}"
    return names
