"""Activations of every unit while a text is read, under its characters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.font_manager import findfont, get_font

from npstack.analysis import check_one_time, recurrent_tapes
from npstack.analysis.directions import readings
from npstack.core.errors import ArgumentError, ShapeError, fail
from npstack.core.numerics import Array
from npstack.core.tape import Tape
from npstack.plots.frame import (
    COLOURS,
    GRID,
    SIGNED,
    WIDTH,
    Picture,
    check_row,
    colour_bar,
    finish,
    heat_map,
    layer_title,
    new_picture,
)

FONT = "DejaVu Sans Mono"  # comes with matplotlib
STAND_INS = {" ": "␣", "\n": "↵", "\t": "⇥"}
MOST = 200  # characters on one line that are readable
PER_CHARACTER = 0.088  # inches


def characters(
    tape: Tape,
    text: str,
    *,
    row: int = 0,
    bits: Array | None = None,
    units: Sequence[Array] | None = None,
    unit_label: str = "unit",
) -> Picture:
    """Hidden state of every unit of every layer under the characters that were read.

    Read a column from the bottom up: the character that comes in, layer 0 that reads it, each
    layer that reads the one below, and what came next, as tall as it was surprising. Red is
    positive, blue negative, white nothing. Pale lines stand before every word.

    Parameters
    ----------
    tape : Tape
        From `forward` of a character model.
    text : str
        The T characters that went in, at most 200; masked steps are left white.
    row : int
        The row of the batch.
    bits : array (T,) or (T - 1,), optional
        How surprising was the character after each, ``-log2`` of its probability:
        `npstack.text.read` gives it. Drawn over the character that it belongs to.
    units : sequence of int arrays, optional
        Which units of each layer to draw, from the bottom of its panel up; all by their numbers by
        default. `npstack.analysis.slowest_first` puts slow units first.
    unit_label : str
        What the panels' upward axis says: "units, slow to quick".

    Returns
    -------
    matplotlib.figure.Figure
        Axes from top to bottom: surprise (with ``bits``), last layer, …, layer 0, colour bar.

    Raises
    ------
    TapeError
        No recurrent layer on the tape.
    ArgumentError, ShapeError
        No such row; a text or bits of another length; a text that is too long to be read.

    Examples
    --------
    >>> from npstack.analysis import slowest_first
    >>> from npstack.text import Vocabulary, character_model
    >>> vocabulary = Vocabulary.of("to be or not to be")
    >>> model = character_model(len(vocabulary), [8, 4], rng=np.random.default_rng(0))
    >>> tape = model.forward(vocabulary.encode("not to be")[np.newaxis])
    >>> picture = characters(tape, "not to be", units=slowest_first(tape))
    >>> [ax.get_title(loc="left") for ax in picture.axes[:2]]
    ['layer 1 · 4 units', 'layer 0 · 8 units']
    """
    where = "plots.characters"
    layers = recurrent_tapes(where, tape)
    own = readings(tape)
    check_one_time(where, own)
    row = check_row(where, row, len(tape.x))
    T = layers[0].x.shape[1]
    if len(text) != T:
        expected = f"text must be the T={T} characters that the tape has read"
        fail(ShapeError, where, expected, len(text))
    if T > MOST:
        expected = f"text must have at most {MOST} characters to be readable"
        fail(ArgumentError, where, expected, T, "Let the model read a shorter text.")
    if bits is not None and np.shape(bits) not in ((T,), (T - 1,)):
        expected, got = f"bits must be one number per character, (T={T},)", np.shape(bits)
        fail(ShapeError, where, expected, got, "npstack.text.read gives them.")

    if units is None:
        units = [np.arange(layer.states.h.shape[-1]) for layer in layers]
    _check_units(where, units, [layer.states.h.shape[-1] for layer in layers])
    assert layers[0].mask is not None  # a recurrent layer has a time axis, and with it a mask
    mask = own[0].in_time(layers[0].mask)
    picture = new_picture(
        2.1 * len(layers) + (0.9 if bits is not None else 0.2),
        max(WIDTH, 1.2 + PER_CHARACTER * T),
    )
    heights = [0.45] * (bits is not None) + [1.0] * len(layers)
    panels = list(
        np.atleast_1d(picture.subplots(len(heights), 1, sharex=True, height_ratios=heights))
    )
    if bits is not None:
        _surprise(panels[0], np.asarray(bits, float), T)
    for k, (ax, layer) in enumerate(zip(reversed(panels), own, strict=False)):
        h, chosen = layer.in_time(layer.tape.states.h)[row], np.asarray(units[k])
        mesh = heat_map(ax, np.arange(T, dtype=float), h[:, chosen], mask[row], SIGNED, (-1, 1))
        H, numbered = h.shape[1], bool((chosen == np.arange(len(chosen))).all())
        some = "" if len(chosen) == H else f", {len(chosen)} of them"
        finish(ax, layer_title(layer.name, H) + some, ylabel=unit_label)
        if not numbered:
            ax.set_yticks([])
    colour_bar(picture, mesh, panels[-len(layers) :], "hidden state h")
    for ax in panels:
        _letters(ax, text)
    panels[-1].set_xlabel("character that is read", fontsize=9)
    return picture


def _check_units(where: str, units: Sequence[Array], sizes: list[int]) -> None:
    """Numbers of units for each layer, each at most once."""
    numbers = [np.asarray(chosen).tolist() for chosen in units]
    right = len(numbers) == len(sizes) and all(
        chosen and len(set(chosen)) == len(chosen) and set(chosen) <= set(range(H))
        for chosen, H in zip(numbers, sizes, strict=True)
    )
    if not right:
        expected = f"units must name units of each of the layers of {sizes}, each at most once"
        got = f"{[len(chosen) for chosen in numbers]} numbers"
        fail(ArgumentError, where, expected, got, "Use analysis.slowest_first(tape).")


def _surprise(ax: Axes, bits: Array, T: int) -> None:
    """A bar over each character except the first, for which there is no prediction."""
    came = np.arange(1, T)
    ax.bar(came, bits[: T - 1], width=0.8, color=COLOURS[0])
    finish(ax, "surprise: bits of each character, given all before it", ylabel="bits")
    ax.set_axisbelow(True)
    ax.grid(axis="y", color=GRID, linewidth=0.6)


def _letters(ax: Axes, text: str) -> None:
    """The characters along an axis, and a line where a word begins."""
    known = get_font(findfont(FONT)).get_charmap()
    shown = [STAND_INS.get(c, c) for c in text]
    labels = [c if c.isprintable() and ord(c) in known else "□" for c in shown]
    ax.set_xticks(range(len(text)), [c.replace("$", r"\$") for c in labels], family=FONT)
    ax.tick_params(axis="x", length=0, pad=2, labelsize=7.5, labelbottom=True)
    ax.set_xlim(-0.5, len(text) - 0.5)
    for k in range(1, len(text)):
        if text[k - 1].isspace() and not text[k].isspace():
            ax.axvline(k - 0.5, color="#9A9A9A", linewidth=0.5)
