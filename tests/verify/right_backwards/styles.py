"""Six styles in which the same program is written: what it stores in, what it takes and gives.

``buffers``: NumPy's default dtype, float64, which drops an imaginary part. ``in place``: it adds
to the cotangent. ``dict``, ``tuple``: what goes in and comes out, by name or by position.
``float32``: everything is kept in that. ``object``: it remembers the last forward pass.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npstack import GRU, LSTM, RNN
from tests.verify.right_backwards.by_hand import CELLS, SIGMOIDS, Cell, Function, Make, two_sided
from tests.verify.right_backwards.own import weigh
from tests.verify.right_backwards.problem import (
    DTYPES,
    LONG,
    Arrays,
    Problem,
    Rng,
    Setting,
    draw_options,
    draw_setting,
    time_blocks,
)

STYLES = ("buffers", "in place", "dict", "tuple", "float32", "object")
NAMED = {
    "LSTM": LSTM,
    "GRU": lambda D, H, **o: GRU(D, H, reset="before", **o),
    "RNN": RNN,
}
MAKE: dict[str, Make] = {
    "buffers": lambda shape, like: np.zeros(shape),
    "float32": lambda shape, like: np.zeros(shape, np.float32),
}


def like_input(shape: tuple[int, ...], like: Any) -> Any:
    """A buffer of the dtype of something else."""
    return np.zeros(shape, like.dtype)


class Program:
    """One cell in one style."""

    def __init__(self, cell: Cell, style: str, sigmoid: Function) -> None:
        self.cell, self.style, self.sigmoid = cell, style, sigmoid
        self.make = MAKE.get(style, like_input)
        self.remembered: Any = None

    def run(self, *inputs: Any) -> tuple[Any, Any]:
        """Outputs, and what the backward needs."""
        return self.cell.forward(self.make, self.sigmoid, *inputs)  # type: ignore[no-any-return]

    def by_position(self, *inputs: Any) -> Any:
        """The forward of the style ``tuple``."""
        return self.run(*inputs)[0]

    def back_by_position(self, d: Any, *inputs: Any) -> Any:
        """Its backward."""
        return self.back(d, self.run(*inputs)[1])

    def by_name(self, **inputs: Any) -> Any:
        """The forward of the other styles."""
        outputs, remembered = self.run(*(inputs[name] for name in self.cell.inputs))
        if self.style == "object":
            self.remembered = remembered
        return dict(zip(self.cell.outputs, outputs, strict=True))

    def back_by_name(self, d: Any, **inputs: Any) -> Arrays:
        """Their backward."""
        remembered = self.remembered
        if self.style != "object":
            remembered = self.run(*(inputs[name] for name in self.cell.inputs))[1]
        found = self.back(tuple(d.values()), remembered)
        return dict(zip(self.cell.inputs, found, strict=True))

    def back(self, d: Any, remembered: Any) -> Any:
        """The gradients; only the style ``in place`` changes what it is given."""
        given = d if self.style == "in place" else [np.array(value) for value in d]
        return self.cell.backward(self.make, *given, remembered)


def draw(number: int, rng: Rng) -> Problem:
    """A cell, a style and a sigmoid; the weights are a layer's."""
    style = STYLES[int(rng.integers(len(STYLES)))]
    setting = draw_setting(number, rng, ("float32",) if style == "float32" else DTYPES)
    name, sigmoid = (str(rng.choice(list(table))) for table in (CELLS, SIGMOIDS))
    inputs = draw_inputs(name, setting, rng)
    program = Program(CELLS[name], style, SIGMOIDS[sigmoid])
    f, backward, blocks = program.by_name, program.back_by_name, draw_blocks(name, setting)
    plain = Program(CELLS[name], "dict", two_sided)
    safe = plain.by_name, plain.back_by_name
    if style == "tuple":
        f, backward = program.by_position, program.back_by_position
        safe = numbered(plain.by_position), numbered(plain.back_by_position)
        blocks = {str(k): blocks[each] for k, each in enumerate(inputs) if each in blocks}
        inputs = list(inputs.values())
    options = draw_options(setting, rng)
    if style in MAKE and options.get("route") == "direction":
        options = {"entries": 1}  # a direction needs complex numbers
    return Problem(
        "by hand",
        f"{name}, {style}, sigmoid {sigmoid}",
        f,
        backward,
        inputs,
        blocks,
        setting.labels,
        setting.standard,
        options,
        safe,
    )


def numbered(f: Any) -> Any:
    """A function by position as one of inputs that are called 0, 1, …"""

    def by_name(*given: Any, **inputs: Any) -> Any:
        found = f(*given, *inputs.values())
        return dict(zip(inputs, found, strict=True)) if given else found

    return by_name


def draw_inputs(name: str, setting: Setting, rng: Rng) -> Arrays:
    """What a program takes; which gate a part of the weights belongs to does not matter here."""
    layer = NAMED[name](
        setting.D, setting.H, rng=rng, bias_init="uniform", dtype=np.dtype(setting.dtype)
    )
    weigh(layer, setting, rng)
    weights = dict(zip(("Wx", "Wh", "b"), (layer.params[n] for n in "WUb"), strict=True))

    def state() -> Any:
        return rng.uniform(-1, 1, (setting.B, setting.H)).astype(setting.dtype)

    states = {"h0": state(), "c0": state()} if name == "LSTM" else {"h0": state()}
    return {"x": setting.draw_x(rng), **states, **weights}


def draw_blocks(name: str, setting: Setting) -> Arrays:
    """Weights by gate, x by time."""
    if setting.T >= LONG:
        return {}
    H, gates = setting.H, CELLS[name].gates
    by_gate = {gate: np.s_[..., k * H : (k + 1) * H] for k, gate in enumerate(gates)}
    return {"x": time_blocks(setting.T), **dict.fromkeys(("Wx", "Wh", "b"), by_gate)}
