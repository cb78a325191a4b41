"""Weights of one layer and their gradients, gate by gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from npstack.cells import Cell
from npstack.core.errors import ArgumentError, DtypeError, ShapeError, describe, fail
from npstack.core.numerics import Array
from npstack.core.params import LSTMGates, without_prefix
from npstack.layers import Layer
from npstack.layers.walk import walk
from npstack.plots.frame import (
    DASHES,
    LABEL,
    TITLE,
    WIDTH,
    Picture,
    finish,
    legend_above,
    letters_of,
    lines,
    look,
    new_picture,
    whole_numbers,
)
from npstack.plots.given import numbers, text
from npstack.plots.scale import (
    beyond,
    by_units,
    colour_bar,
    heat_map,
    power_of_ten,
    rows_note,
    with_power,
    without_power,
)

Axes = Mapping[str, Sequence[Any]]
NONE = "Pass a layer such as LSTM, or a model with one in it."
GREY = "#6B6B6B"  # for parameters without gates
TIGHT = 8.0  # points: titles side by side


def weights(
    params: Mapping[str, Array] | Layer,
    gradients: Mapping[str, Array] | None = None,
    *,
    layer: str = "",
) -> Picture:
    """Weights, and their gradients, by gate: a heat map for each, and a histogram of all.

    Parameters
    ----------
    params : Layer, or dict
        A recurrent layer, or a whole model, with ``layer``. For an LSTM the parameters are enough:
        ``W``, ``U``, ``b``, or those of the whole model.
    gradients : dict, optional
        ``grads.params``, under the same names.
    layer : str
        Which layer of a model's parameters: ``"layers.0"`` of a stack, ``"0.layers.0"`` of a
        Sequential that begins with one.

    Returns
    -------
    matplotlib.figure.Figure
        A row for each parameter and its gradient: W, dW, U, dU, b, db. A row shows the gates (for
        an LSTM i, f, g, o) on one scale of colours around zero, and their histogram. If few columns
        are far larger than the others, the colours end at the 90th percentile of the columns'
        largest values, and the histogram's title says how many go further. Over all: the name of
        the layer, if it is given.

    Raises
    ------
    ArgumentError, DtypeError
        No such layer, or not a recurrent one; not a dictionary of numbers.
    ShapeError
        Not the shapes of an LSTM; gradients that are not of the shapes of the parameters.
    NonFiniteError
        NaN or infinity.

    Examples
    --------
    >>> from npstack import LSTM
    >>> layer = LSTM(3, 4, rng=np.random.default_rng(0))
    >>> picture = weights(layer.params)
    >>> [ax.get_title(loc="left") for ax in picture.axes[:4]]
    ['W · input i', 'W · forget f', 'W · candidate g', 'W · output o']
    """
    where = "plots.weights"
    axes, H = _LSTM_AXES, 0
    if not isinstance(layer, str):
        expected, advice = "layer must be a name", "Use layer='layers.0' for the first of a stack."
        fail(ArgumentError, where, expected, describe(layer), advice)
    if isinstance(params, Layer):
        cell = _cell(where, params, layer)
        axes, H, params = cell.axes, cell.hidden_size, params.params
        own = _layer(where, "params", params, layer, axes)
    else:
        own = _layer(where, "params", params, layer, axes)
        _check_lstm(where, own)
    rows = {name: own[name] for name in axes}
    if gradients is not None:
        slopes = _layer(where, "gradients", gradients, layer, axes)
        for name in axes:
            if slopes[name].shape != own[name].shape:
                expected = f"gradients[{name!r}] must have shape {own[name].shape}"
                advice = "Pass grads.params of the same model."
                fail(ShapeError, where, expected, slopes[name].shape, advice)
        rows = {
            key: value
            for name in axes
            for key, value in {name: own[name], f"d{name}": slopes[name]}.items()
        }
    blocks = [_blocks(values, axes[name.removeprefix("d")], H) for name, values in rows.items()]
    wide = max(map(len, blocks))
    heights = [0.5 if values.ndim < 2 else 1.0 for values in rows.values()]
    picture = new_picture(0.4 + 1.5 * sum(heights), width=7.2 if wide > 2 else WIDTH)
    ratios = [*[1.0] * wide, 1.3]
    panels = picture.subplots(
        len(rows), wide + 1, squeeze=False, height_ratios=heights, width_ratios=ratios
    )
    for line, (name, values), own_blocks in zip(panels, rows.items(), blocks, strict=True):
        counted = axes[name.removeprefix("d")]
        from_label = _FROM.get(counted[0], "") if values.ndim > 1 else ""
        _row(picture, line, name, own_blocks, from_label)
    for ax in panels[-1, :wide]:
        ax.set_xlabel("to unit", fontsize=LABEL)
    if not panels[-1, -1].get_xlabel():
        panels[-1, -1].set_xlabel("value", fontsize=LABEL)
    legend_above(panels[0, -1])
    if layer:
        picture.suptitle(f"parameters of {text(where, 'layer', layer)}", fontsize=TITLE)
    return picture


# The axes of a cell's parameters (`npstack.Cell.axes`), and their labels.
_LSTM_AXES: Axes = {
    "W": ("x", LSTMGates._fields),
    "U": ("h", LSTMGates._fields),
    "b": (LSTMGates._fields,),
}
_FROM = {"x": "from input", "h": "from unit", "units": "from unit"}


def _blocks(values: Array, axes: Sequence[Any], units: int) -> dict[str, Array]:
    """An array by gate, each ``(from, to)``; as a whole, without a name, if none are packed."""
    rows = np.atleast_2d(values)
    gates = axes[-1] if isinstance(axes[-1], tuple) else ("",)
    width = units if units and len(gates) > 1 else rows.shape[1] // len(gates)
    return {gate: rows[:, k * width : (k + 1) * width] for k, gate in enumerate(gates)}


def _row(
    picture: Picture,
    panels: Any,
    name: str,
    blocks: Mapping[str, Array],
    from_label: str,
) -> None:
    """One array, gate by gate: heat maps on one scale of colours, histograms on one axis."""
    every = np.concatenate([np.atleast_2d(block) for block in blocks.values()], axis=1)
    scale, power = by_units(every), power_of_ten(every)
    high = float(np.abs(without_power(every, power)).max()) or 1.0
    *maps, histogram = panels
    letters = letters_of(blocks)
    for k, (ax, (gate, block)) in enumerate(zip(maps, blocks.items(), strict=False)):
        to = np.arange(block.shape[1], dtype=float)
        mesh = heat_map(ax, to, block.T, None, scale)
        title = f"{name} · {gate} {letters.get(gate, '')}".strip(" ·")
        shared = rows_note(block.T, scale)
        finish(ax, ylabel=from_label + shared if ax is maps[0] else "")
        ax.set_title(title, loc="left", fontsize=TIGHT)
        ax.xaxis.set_major_locator(whole_numbers(3))
        ax.tick_params(labelleft=ax is maps[0] and bool(from_label), left=bool(from_label))
        label = letters.get(gate, gate) or name
        histogram.hist(
            without_power(block.ravel(), power),
            np.linspace(-high, high, 25).tolist(),
            histtype="step",
            color=look(gate, list(blocks)).colour if gate else GREY,
            linestyle=DASHES[k % len(DASHES)],
            label=label,
        )
    histogram.yaxis.set_major_locator(whole_numbers(3))
    for ax in maps[len(blocks) :]:
        ax.set_axis_off()
    colour_bar(picture, mesh, maps[len(blocks) - 1], "", scale, maps=maps)
    note = beyond(every, scale, what="column")
    finish(histogram, xlabel=with_power("value", power) if power else "", ylabel="count")
    histogram.set_title(lines(note, 19), loc="left", fontsize=TIGHT)


def _cell(where: str, model: Layer, path: str) -> Cell:
    """The cell of the recurrent layer with the given path."""
    found = {
        visit.prefix.removesuffix("."): visit.layer.cell
        for visit in walk(model)
        if visit.layer.cell is not None
    }
    if path not in found:
        expected = "layer must name a recurrent layer of the model"
        advice = f"Pick one by layer=: {', '.join(map(repr, found))}." if found else NONE
        fail(ArgumentError, where, expected, repr(path), advice)
    return found[path]


def _layer(
    where: str, name: str, params: Mapping[str, Array], layer: str, axes: Axes
) -> dict[str, Array]:
    """The parameters of one recurrent layer, as real numbers."""
    if not isinstance(params, Mapping) or not all(isinstance(key, str) for key in params):
        expected = f"{name} must be a dictionary of arrays by name"
        advice = "Pass layer.params, or the layer." if name == "params" else "Pass grads.params."
        fail(DtypeError, where, expected, describe(params), advice)
    own = without_prefix(layer, params) if layer else dict(params)
    own = {key: value for key, value in own.items() if not key.startswith("initial.")}
    if own.keys() != axes.keys():
        found = sorted(key.removesuffix(".U") for key in params if key.endswith(".U"))
        expected = f"{name} must hold {', '.join(axes)} of one recurrent layer"
        advice = f"Pick one by layer=: {', '.join(map(repr, found))}." if found else NONE
        if own.keys() > axes.keys():
            advice = "Give the model instead of its parameters: other cells have more of them."
        fail(ArgumentError, where, expected, f"{sorted(own)} (layer={layer!r})", advice)
    return {key: numbers(where, f"{name}[{key!r}]", own[key], gaps=False) for key in axes}


def _check_lstm(where: str, own: Mapping[str, Array]) -> None:
    """Check parameters without their layer: they must be those of an LSTM."""
    shapes = [own[name].shape for name in "WUb"]
    H = own["b"].size // 4
    D = len(own["W"]) if own["W"].ndim else 0
    if shapes != [(D, 4 * H), (H, 4 * H), (4 * H,)] or not D * H:
        expected = "params must be W (D, 4H), U (H, 4H), b (4H,) of an LSTM"
        advice = "Another cell? Give the layer itself instead of its parameters."
        fail(ShapeError, where, expected, ", ".join(map(str, shapes)), advice)
