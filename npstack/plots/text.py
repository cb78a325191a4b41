"""Activations of every unit while a text is read, under its characters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.font_manager import findfont, get_font

from npstack.analysis import slowest_first
from npstack.core.arguments import is_whole
from npstack.core.errors import ShapeError, fail
from npstack.core.numerics import Array
from npstack.core.tape import Tape
from npstack.plots import given
from npstack.plots.frame import (
    COLOURS,
    GRID,
    LABEL,
    WIDTH,
    Picture,
    finish,
    layer_title,
    lines,
    new_picture,
    with_note,
)
from npstack.plots.scale import (
    beyond,
    colour_bar,
    heat_map,
    power_of_ten,
    rows_note,
    scale_of,
    with_power,
    without_power,
)

FONT = "DejaVu Sans Mono"  # comes with matplotlib
STAND_INS = {" ": "␣", "\n": "↵", "\t": "⇥"}
MOST_NUMBERS = 12  # of units, beside the rows of a panel
MOST = 200  # characters on one line that are readable
PER_CHARACTER = 0.095  # inches


def characters(
    tape: Tape,
    text: str,
    *,
    row: int = 0,
    bits: Array | None = None,
    units: Sequence[Array] | int | None = None,
    unit_label: str = "unit",
) -> Picture:
    """Hidden state of some units of every layer under the characters that were read.

    Read a column from the bottom up: the character that is read, layer 0 that reads it, each layer
    that reads the one below, and on top the surprise of that character. Red is positive, blue
    negative, white zero, on the scale of `activations`. A thin line marks the beginning of a word.

    Parameters
    ----------
    tape : Tape
        From `forward` of a character model.
    text : str
        The T characters that were read, at most 200; masked steps are left white.
    row : int
        The row of the batch.
    bits : array (T,) or (T - 1,), optional
        The surprise of the character that follows each one, ``-log2`` of its probability, from
        `npstack.text.read`. Drawn over the character that it belongs to; NaN leaves a gap.
    units : int, or sequence of int arrays, optional
        Which units of each layer to draw: so many of the slowest, the slowest at the bottom
        (`npstack.analysis.slowest_first`), or the numbers of the units, from the bottom of the
        panel up. By default all, or 8 that are evenly spread over their numbers.
    unit_label : str
        Name of the panels' upward axis.

    Returns
    -------
    matplotlib.figure.Figure
        Axes from top to bottom: surprise (with ``bits``), last layer, …, layer 0, colour bar.

    Raises
    ------
    TapeError
        No recurrent layer on the tape.
    ArgumentError, ShapeError, DtypeError
        No such row or units; a text or bits of another length; a text that is too long to be
        legible.
    NonFiniteError
        NaN or infinity at a valid step.

    Examples
    --------
    >>> from npstack.text import Vocabulary, character_model
    >>> vocabulary = Vocabulary.of("to be or not to be")
    >>> model = character_model(len(vocabulary), [8, 4], rng=np.random.default_rng(0))
    >>> tape = model.forward(vocabulary.encode("not to be")[np.newaxis])
    >>> picture = characters(tape, "not to be", units=3)
    >>> [ax.get_title(loc="left") for ax in picture.axes[:2]]
    ['layer 1 · 4 units, the 3 slowest', 'layer 0 · 8 units, the 3 slowest']
    """
    where = "plots.characters"
    own = given.layers_over_time(where, tape)
    row = given.check_row(where, row, len(tape.x))
    layers = [layer.tape for layer in own]
    T = layers[0].x.shape[1]
    expected = f"be the T={T} characters that the tape has read"
    advice = "One for each step, padding included.", "Let the model read a shorter text."
    given.check_characters(where, text, T, MOST, expected, *advice)
    if bits is not None:
        bits = given.numbers(where, "bits", bits)
        if bits.shape not in ((T,), (T - 1,)):
            expected = f"bits must be one number per character, (T={T},)"
            fail(ShapeError, where, expected, bits.shape, "npstack.text.read gives them.")
    sizes = [layer.states.h.shape[-1] for layer in layers]
    chosen = given.some_units(where, units, sizes, lambda: slowest_first(tape))
    unit_label = given.text(where, "unit_label", unit_label, given.LONGEST_NAME)

    assert layers[0].mask is not None  # a recurrent layer has a time axis, and with it a mask
    mask = own[0].in_time(layers[0].mask)[row]
    picture = new_picture(
        1.6 * len(layers) + (1.0 if bits is not None else 0.2),
        max(WIDTH, 1.2 + PER_CHARACTER * T),
    )
    heights = [0.45] * (bits is not None) + [1.0] * len(layers)
    panels = list(
        np.atleast_1d(picture.subplots(len(heights), 1, sharex=True, height_ratios=heights))
    )
    if bits is not None:
        _surprise(panels[0], bits, T)
    shown = [
        given.on_tape(where, f"h of {layer.name}", layer.in_time(layer.tape.states.h)[row], mask)
        for layer in own
    ]
    scales = [scale_of(layer, "h", h[mask]) for layer, h in zip(layers, shown, strict=True)]
    alike = len(set(scales)) == 1
    for k, ax in enumerate(panels[: -1 - len(layers) : -1]):
        H, some = sizes[k], chosen[k]
        mesh = heat_map(ax, np.arange(T, dtype=float), shown[k][:, some], mask, scales[k])
        note = part_of(some, H, is_whole(units))
        name = layer_title(own[k].name, H) + note
        far = beyond(shown[k][mask][:, some], scales[k], some)
        shared = rows_note(shown[k][:, some], scales[k])
        finish(ax, with_note(name, far), ylabel=unit_label + shared)
        separate_units(ax, some)
        if not alike:
            colour_bar(picture, mesh, ax, "h", scales[k])
    if alike:
        colour_bar(picture, mesh, panels[-len(layers) :], "hidden state h", scales[0], 5)
    for ax in panels:
        _letters(ax, text)
    panels[-1].set_xlabel("character that is read", fontsize=LABEL)
    return picture


def part_of(some: Array, H: int, slowest: bool) -> str:
    """What a title says about the units that are drawn."""
    if len(some) == H:
        return ", the slowest at the bottom" if slowest and H > 1 else ""
    return f", the {len(some)} slowest" if slowest else f", {len(some)} of them"


def separate_units(ax: Axes, some: Array) -> None:
    """White lines between the rows of a heat map of few units, and their numbers."""
    if len(some) > MOST_NUMBERS:
        ax.set_yticks([])
        return
    for place in range(1, len(some)):
        ax.axhline(place - 0.5, color="white", linewidth=1.5)
    ax.set_yticks(range(len(some)), [str(k) for k in some])
    ax.tick_params(axis="y", length=0)


def _surprise(ax: Axes, bits: Array, T: int) -> None:
    """A bar over each character except the first, for which there is no prediction."""
    power = power_of_ten(bits)
    ax.bar(np.arange(1, T), without_power(bits[: T - 1], power), width=0.8, color=COLOURS[0])
    title = "bits of each character, given those before it; none for the first"
    finish(ax, title, ylabel=lines(with_power("bits", power), 12))
    ax.set_axisbelow(True)
    ax.grid(axis="y", color=GRID, linewidth=0.6)


def drawable(characters: str, stand_ins: Mapping[str, str] = STAND_INS) -> list[str]:
    """Each character as `FONT` can draw it: a substitute, or a box if it lacks one."""
    known = get_font(findfont(FONT)).get_charmap()
    shown = [stand_ins.get(c, c) for c in characters]
    boxed = [c if c.isprintable() and ord(c) in known else "□" for c in shown]
    return [c.replace("$", r"\$") for c in boxed]


def _letters(ax: Axes, text: str) -> None:
    """The characters along an axis, and a line where a word begins."""
    ax.set_xticks(range(len(text)), drawable(text), family=FONT)
    ax.tick_params(axis="x", length=0, pad=2, labelsize=8.5, labelbottom=True)
    ax.set_xlim(-0.5, len(text) - 0.5)
    for k in range(1, len(text)):
        if text[k - 1].isspace() and not text[k].isspace():
            ax.axvline(k - 0.5, color="#9A9A9A", linewidth=0.5)
