"""The layers of this package: every cell in every wrapper, every layer, large and small."""

from __future__ import annotations

from typing import Any

from npstack import GRU, LSTM, RNN, Layer, StackedLSTM, fit
from npstack.cells import CELLS, Cell
from npstack.training.optim import Adam
from npstack.verify.gradients.layer_function import layer_function
from tests.full_runs.combinations import CELL_NAMES, LEFT_OUT, WRAPPERS, wrappers
from tests.tools.strategies import LAYERS, Sizes
from tests.verify.right_backwards.problem import (
    LONG,
    Problem,
    Rng,
    Setting,
    draw_options,
    draw_setting,
    time_blocks,
)

PLAIN = {
    "LSTM": LSTM,
    "GRU": GRU,
    "GRU, reset before": lambda D, H, **o: GRU(D, H, reset="before", **o),
    "RNN": RNN,
    "StackedLSTM": lambda D, H, **o: StackedLSTM(D, [H, H], **o),
}


def draw(number: int, rng: Rng) -> Problem:
    """One of the three tables; a large one of the plain layers."""
    setting = draw_setting(number, rng)
    kind = "plain" if setting.large else rng.choice(["cell", "layer", "plain"], p=[0.6, 0.3, 0.1])
    if kind == "cell":
        name, layer, setting = draw_cell(setting, rng)
    elif kind == "layer":
        name = str(rng.choice(list(LAYERS)))
        n = Sizes(*(int(size) for size in rng.integers(1, 6, len(Sizes._fields))))
        layer = LAYERS[name](n, {"rng": rng, "dtype": setting.dtype})
    else:
        name = str(rng.choice(list(PLAIN)))
        layer = PLAIN[name](setting.D, setting.H, rng=rng, bias_init="uniform", dtype=setting.dtype)
    weigh(layer, setting, rng)
    return of_layer("own", name, layer, setting, rng)


def draw_cell(setting: Setting, rng: Rng) -> tuple[str, Layer, Setting]:
    """A cell of the catalogue in a wrapper."""
    while True:
        cell, wrapper = str(rng.choice(CELL_NAMES)), str(rng.choice(WRAPPERS))
        if (cell, wrapper) not in LEFT_OUT:
            break

    def make(input_size: int, hidden_size: int) -> Cell:
        return CELLS[cell](input_size, hidden_size, rng, float)

    layer = wrappers(rng)[wrapper](make)
    layer.params = {name: value.astype(setting.dtype) for name, value in layer.params.items()}
    return f"{cell}; {wrapper}", layer, setting


def weigh(layer: Layer, setting: Setting, rng: Rng) -> None:
    """Leave the weights as they were drawn, train them for a few steps, or make them large."""
    if setting.weights == "x20":
        layer.params = {name: 20 * value for name, value in layer.params.items()}
    elif setting.weights == "trained" and layer.params:
        x = draw_input(layer, setting, rng, 4, min(setting.T, 8), 1.0)
        y = rng.uniform(-1, 1, layer.forward(x).outputs.shape).astype(setting.dtype)
        fit(layer, (x, y), epochs=4, batch_size=4, rng=rng, optimiser=Adam(0.03))


def draw_input(layer: Layer, setting: Setting, rng: Rng, B: int, T: int, size: float) -> Any:
    """Numbers of a size, or symbols."""
    if layer.interface.takes_symbols:
        return rng.integers(0, layer.input_size or 1, (B, T))
    x = rng.standard_normal((B, T, layer.input_size or setting.D)) * size
    return x.astype(setting.dtype)


def of_layer(
    family: str, name: str, layer: Layer, setting: Setting, rng: Rng, *, mask: bool = True
) -> Problem:
    """A layer as a function with a backward: masked and with dropout now and then."""
    x = draw_input(layer, setting, rng, setting.B, setting.T, setting.size)
    drawn = rng.random(x.shape[:2]) < 0.8 if mask and rng.random() < 0.3 else None
    function = layer_function("own", layer, x, mask=drawn, noise_rng=rng, drawn_states=True)
    blocks = function.parts()
    for each, value in function.numbers.items():
        if value.ndim == 3:
            blocks[each] = time_blocks(value.shape[1])
    if setting.T >= LONG:
        blocks = {}
    return Problem(
        family,
        name,
        lambda **inputs: function.values(inputs),
        lambda d, **inputs: function.gradients(inputs, d),
        function.inputs,
        blocks,
        setting.labels,
        setting.standard,
        draw_options(setting, rng, sum(value.size for value in function.inputs.values())),
    )
