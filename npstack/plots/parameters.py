"""Weights of one layer and their gradients, gate by gate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from npstack.numerics import Array
from npstack.params import GATE_LETTERS, split_gates, without_prefix
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
from npstack.shapes import ArgumentError, ShapeError, fail

ROWS = {"W": "from input", "U": "from unit", "b": ""}


def weights(
    params: Mapping[str, Array],
    gradients: Mapping[str, Array] | None = None,
    *,
    layer: str = "",
) -> Picture:
    """Weights, and their gradients, by gate: a heat map for each, and a histogram of all four.

    Parameters
    ----------
    params : dict
        ``W``, ``U``, ``b`` of a recurrent layer; or those of a whole model, with ``layer``.
    gradients : dict, optional
        ``grads.params``, under the same names.
    layer : str
        Which layer of a model's parameters: ``"layers.0"`` of a stack, ``"0.layers.0"`` of a
        Sequential that begins with one.

    Returns
    -------
    matplotlib.figure.Figure
        A row for each of W, dW, U, dU, b, db; in a row the gates i, f, g, o and their histogram.

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
    own = _layer(where, "params", params, layer)
    rows = {name: (own[name], ROWS[name]) for name in ROWS}
    if gradients is not None:
        slopes = _layer(where, "gradients", gradients, layer)
        for name in ROWS:
            if slopes[name].shape != own[name].shape:
                expected = f"gradients[{name!r}] must have shape {own[name].shape}"
                fail(ShapeError, where, expected, slopes[name].shape)
        rows = {
            key: pair
            for name, label in ROWS.items()
            for key, pair in {name: (own[name], label), f"d{name}": (slopes[name], label)}.items()
        }
    heights = [0.5 if name.endswith("b") else 1.0 for name in rows]
    picture = new_picture(0.4 + 1.5 * sum(heights), width=8)
    panels = picture.subplots(len(rows), 5, height_ratios=heights, width_ratios=[1, 1, 1, 1, 1.3])
    for line, (name, (values, from_label)) in zip(panels, rows.items(), strict=True):
        _row(picture, line, name, values, from_label)
    for ax in panels[-1, :4]:
        ax.set_xlabel("to unit", fontsize=9)
    panels[-1, 4].set_xlabel("value", fontsize=9)
    legend_above(panels[0, 4])
    return picture


def _row(picture: Picture, panels: Any, name: str, values: Array, from_label: str) -> None:
    """One array, gate by gate: heat maps on one scale of colours, histograms on one axis."""
    blocks = split_gates(np.atleast_2d(values))
    limits = around_zero(values)
    *maps, histogram = panels
    for ax, (gate, block), colour in zip(maps, blocks._asdict().items(), COLOURS, strict=False):
        to = np.arange(block.shape[1], dtype=float)
        mesh = heat_map(ax, to, block.T, None, SIGNED, limits)
        letter = GATE_LETTERS[gate]
        finish(ax, f"{name} · {gate} {letter}", ylabel=from_label if ax is maps[0] else "")
        ax.xaxis.set_major_locator(whole_numbers(3))
        ax.tick_params(labelleft=ax is maps[0] and bool(from_label), left=bool(from_label))
        bins = np.linspace(*limits, 25).tolist()
        histogram.hist(block.ravel(), bins, histtype="step", color=colour, label=letter)
    colour_bar(picture, mesh, maps[-1], "")
    finish(histogram, ylabel="count")


def _layer(where: str, name: str, params: Mapping[str, Array], layer: str) -> dict[str, Array]:
    """W, U and b of one recurrent layer."""
    own = without_prefix(layer, params) if layer else dict(params)
    if own.keys() != ROWS.keys():
        found = sorted(key.removesuffix(".U") for key in params if key.endswith(".U"))
        expected = f"{name} must hold W, U and b of one recurrent layer"
        advice = f"Pick one by layer=: {', '.join(map(repr, found))}." if found else ""
        fail(ArgumentError, where, expected, f"{sorted(own)} (layer={layer!r})", advice)
    return {key: np.asarray(own[key]) for key in ROWS}
