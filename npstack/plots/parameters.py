"""Weights of one layer and their gradients, gate by gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from npstack.cells import Cell
from npstack.core.errors import ArgumentError, ShapeError, fail
from npstack.core.numerics import Array
from npstack.core.params import GATE_LETTERS, LSTMGates, without_prefix
from npstack.layers import Layer
from npstack.layers.walk import walk
from npstack.plots.frame import (
    COLOURS,
    SIGNED,
    Picture,
    around_zero,
    colour_bar,
    finish,
    heat_map,
    legend_above,
    new_picture,
    whole_numbers,
)

Axes = Mapping[str, Sequence[Any]]
GREY = "#6B6B6B"  # for parameters without gates


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
        A recurrent layer, or a whole model, with ``layer``. Of an LSTM its parameters alone will
        do: ``W``, ``U``, ``b``, or those of the whole model.
    gradients : dict, optional
        ``grads.params``, under the same names.
    layer : str
        Which layer of a model's parameters: ``"layers.0"`` of a stack, ``"0.layers.0"`` of a
        Sequential that begins with one.

    Returns
    -------
    matplotlib.figure.Figure
        A row for each parameter and its gradient: W, dW, U, dU, b, db; in a row the gates, of an
        LSTM i, f, g, o, and their histogram.

    Raises
    ------
    ArgumentError
        No such layer, or not a recurrent one.
    ShapeError
        Gradients that are not of the shapes of the parameters.

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
    if isinstance(params, Layer):
        cell = _cell(where, params, layer)
        axes, H, params = cell.axes, cell.hidden_size, params.params
    own = _layer(where, "params", params, layer, axes)
    rows = {name: own[name] for name in axes}
    if gradients is not None:
        slopes = _layer(where, "gradients", gradients, layer, axes)
        for name in axes:
            if slopes[name].shape != own[name].shape:
                expected = f"gradients[{name!r}] must have shape {own[name].shape}"
                fail(ShapeError, where, expected, slopes[name].shape)
        rows = {
            key: value
            for name in axes
            for key, value in {name: own[name], f"d{name}": slopes[name]}.items()
        }
    blocks = [_blocks(values, axes[name.removeprefix("d")], H) for name, values in rows.items()]
    wide = max(map(len, blocks))
    heights = [0.5 if values.ndim < 2 else 1.0 for values in rows.values()]
    picture = new_picture(0.4 + 1.5 * sum(heights), width=8 if wide > 2 else 5)
    ratios = [*[1.0] * wide, 1.3]
    panels = picture.subplots(
        len(rows), wide + 1, squeeze=False, height_ratios=heights, width_ratios=ratios
    )
    colours = dict(zip(blocks[0], COLOURS, strict=False))  # one colour for each gate
    for line, (name, values), own_blocks in zip(panels, rows.items(), blocks, strict=True):
        counted = axes[name.removeprefix("d")]
        from_label = _FROM.get(counted[0], "") if values.ndim > 1 else ""
        _row(picture, line, name, own_blocks, from_label, colours)
    for ax in panels[-1, :wide]:
        ax.set_xlabel("to unit", fontsize=9)
    panels[-1, -1].set_xlabel("value", fontsize=9)
    legend_above(panels[0, -1])
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
    colours: Mapping[str, str],
) -> None:
    """One array, gate by gate: heat maps on one scale of colours, histograms on one axis."""
    limits = around_zero(np.concatenate([block.ravel() for block in blocks.values()]))
    *maps, histogram = panels
    letters = GATE_LETTERS if set(blocks) <= set(LSTMGates._fields) else {}
    for ax, (gate, block) in zip(maps, blocks.items(), strict=False):
        to = np.arange(block.shape[1], dtype=float)
        mesh = heat_map(ax, to, block.T, None, SIGNED, limits)
        title = f"{name} · {gate} {letters.get(gate, '')}".strip(" ·")
        finish(ax, title, ylabel=from_label if ax is maps[0] else "")
        ax.xaxis.set_major_locator(whole_numbers(3))
        ax.tick_params(labelleft=ax is maps[0] and bool(from_label), left=bool(from_label))
        bins = np.linspace(*limits, 25).tolist()
        label = letters.get(gate, gate) or name
        histogram.hist(
            block.ravel(), bins, histtype="step", color=colours.get(gate, GREY), label=label
        )
    for ax in maps[len(blocks) :]:
        ax.set_axis_off()
    colour_bar(picture, mesh, maps[len(blocks) - 1], "")
    finish(histogram, ylabel="count")


def _cell(where: str, model: Layer, path: str) -> Cell:
    """The cell of the recurrent layer with the given path."""
    found = {
        visit.prefix.removesuffix("."): visit.layer.cell
        for visit in walk(model)
        if visit.layer.cell is not None
    }
    if path not in found:
        expected = "layer must name a recurrent layer of the model"
        advice = f"Pick one by layer=: {', '.join(map(repr, found))}." if found else ""
        fail(ArgumentError, where, expected, repr(path), advice)
    return found[path]


def _layer(
    where: str, name: str, params: Mapping[str, Array], layer: str, axes: Axes
) -> dict[str, Array]:
    """The parameters of one recurrent layer."""
    own = without_prefix(layer, params) if layer else dict(params)
    own = {key: value for key, value in own.items() if not key.startswith("initial.")}
    if own.keys() != axes.keys():
        found = sorted(key.removesuffix(".U") for key in params if key.endswith(".U"))
        expected = f"{name} must hold W, U and b of one recurrent layer"
        advice = f"Pick one by layer=: {', '.join(map(repr, found))}." if found else ""
        if own.keys() > axes.keys():
            advice = "Give the model instead of its parameters: other cells have more of them."
        fail(ArgumentError, where, expected, f"{sorted(own)} (layer={layer!r})", advice)
    return {key: np.asarray(own[key]) for key in axes}
