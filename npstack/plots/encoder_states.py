"""The states that an encoder passes on: those of every layer on both sides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from npstack import analysis
from npstack.analysis.directions import readings
from npstack.core.arguments import is_whole
from npstack.core.errors import ArgumentError, ShapeError, TapeError, fail, kind_of
from npstack.core.numerics import Array
from npstack.core.tape import Tape
from npstack.plots.frame import (
    LABEL,
    WIDE,
    WIDTH,
    Picture,
    finish,
    layer_title,
    lines,
    new_picture,
    with_note,
)
from npstack.plots.given import check_panels, check_row, names, on_tape, some_units, text
from npstack.plots.scale import (
    Scale,
    beyond,
    colour_bar,
    common,
    heat_map,
    rows_note,
    scale_of,
)
from npstack.plots.text import part_of, separate_units

MOST = 200  # labels in a row that are readable
PER_LABEL = 0.11  # inches


class _Half(NamedTuple):
    """One layer of one side: its hidden state ``(n, H)`` at the steps that count."""

    layer: int
    h: Array
    times: Array
    scale: Scale


def handover(
    tape: Tape,
    source: Sequence[str],
    target_in: Sequence[str],
    *,
    row: int = 0,
    units: Sequence[Array] | int | None = None,
    label: str = "what is read, step by step",
) -> Picture:
    """Hidden state of some units of every layer while a source is read and a target is written.

    Left of the line the encoder reads, right of it the decoder; each layer of the decoder begins
    with the final state of the same layer of the encoder, unless ``handover="top"``: then all
    except layer 0 begin at zero. Red is positive, blue negative, white zero, on the scale of
    `activations`; masked steps are left out.

    Parameters
    ----------
    tape : Tape
        From `EncoderDecoder.forward`.
    source, target_in : str, or sequences of str
        What is read at each valid step: characters or words. With a reversed source, in the order
        of the source: the picture shows them as they are read.
    row : int
        The row of the batch.
    units : int, or sequence of int arrays, optional
        As for `characters`, the same units on both sides. The slowest are those of the encoder, or
        of the decoder in layers that the encoder has not.
    label : str
        Under the labels: what they are, and what a sign among them means.

    Returns
    -------
    matplotlib.figure.Figure
        Last layer at the top, colour bar. If one side has more layers, the other half of their
        panels is empty.

    Raises
    ------
    TapeError
        Not the tape of an encoder–decoder.
    ArgumentError, ShapeError
        No such row; labels that are not one per valid step.
    NonFiniteError
        NaN or infinity at a valid step.

    Examples
    --------
    >>> from npstack import EncoderDecoder, SourceTarget, StackedLSTM
    >>> rng = np.random.default_rng(0)
    >>> sides = [StackedLSTM(1, [4, 3], rng=rng) for _ in range(2)]
    >>> x = SourceTarget(np.ones((1, 3, 1)), np.ones((1, 2, 1)))
    >>> picture = handover(EncoderDecoder(*sides).forward(x), "abc", "^x")
    >>> [ax.get_title(loc="left") for ax in picture.axes[:2]]
    ['layer 1 · 3 units', 'layer 0 · 4 units']
    """
    where = "plots.handover"
    x = tape.x if isinstance(tape, Tape) else None
    if not isinstance(tape, Tape) or len(tape.parts) != 2 or not hasattr(x, "target_in"):
        expected = "tape must be that of an EncoderDecoder"
        got = kind_of(tape)
        fail(TapeError, where, expected, got, "Pass model.forward(…).")
    row = check_row(where, row, len(tape.outputs))
    label = text(where, "label", label)
    labels: list[str] = []
    halves: list[_Half] = []
    ends = []
    sides = zip(("source", "target_in"), (source, target_in), tape.parts, strict=True)
    for name, words, part in sides:
        mask = part.layers[0].mask
        assert mask is not None  # a recurrent layer has a time axis
        listed = names(where, name, list(words) if isinstance(words, str) else words)
        if len(listed) != mask[row].sum():
            expected = f"{name} must be {mask[row].sum()} labels, one per valid step of row {row}"
            advice = "Characters or words, masked steps left out."
            fail(ShapeError, where, expected, len(listed), advice)
        halves += _halves(where, part, row, mask[row], len(labels))
        labels += listed
        ends.append(len(labels))
    if not labels:
        expected = f"row {row} must have a valid step"
        fail(ShapeError, where, expected, "padding alone", "Choose another row.")
    if len(labels) > MOST:
        expected = f"source and target_in must have at most {MOST} valid steps to be readable"
        fail(ArgumentError, where, expected, len(labels), "Draw a shorter row.")
    n = ends[0]
    if _is_reversed(tape.parts[0], x, row) ^ readings(tape.parts[0])[0].turned:
        labels[:n] = labels[:n][::-1]  # as layer 0 reads them
    depth = 1 + max(half.layer for half in halves)
    check_panels(where, "layers", depth, "plots.gates(tape.layers[k]) draws one of them.")
    picture = new_picture(1.0 + 1.3 * depth, max(WIDTH, 1.5 + PER_LABEL * len(labels)))
    panels = picture.subplots(depth, 1, sharex=True, squeeze=False)[::-1, 0]
    sizes = [min(own.h.shape[1] for own in halves if own.layer == k) for k in range(depth)]
    chosen = some_units(where, units, sizes, lambda: _slowest(tape, depth))
    meshes = {}
    scales = [common([own.scale for own in halves if own.layer == k]) for k in range(depth)]
    for half in halves:
        k = half.layer
        meshes[k] = heat_map(panels[k], half.times, half.h[:, chosen[k]], None, scales[k])
        H = half.h.shape[1]
        note = part_of(chosen[k], H, is_whole(units))
        both = np.concatenate([own.h[:, chosen[k]] for own in halves if own.layer == k])
        far = beyond(both, scales[k], names_of=chosen[k])
        title = with_note(layer_title(k, H) + note, far)
        finish(panels[k], title, ylabel="unit" + rows_note(both, scales[k]))
    for ax, some in zip(panels, chosen, strict=True):
        separate_units(ax, some)
        ax.axvline(n - 0.5, color="black", linewidth=1.5)
        ax.tick_params(axis="x", length=0)
    long = max(map(len, labels)) > 1
    panels[0].set_xticks(range(len(labels)), labels, rotation=45 if long else 0)
    panels[0].set_xlim(-0.5, len(labels) - 0.5)
    panels[0].set_xlabel(lines(label, WIDE), fontsize=LABEL)
    spans = {"the encoder reads": (0, n), "the decoder reads": (n, len(labels))}
    above = {(a + b - 1) / 2: side for side, (a, b) in spans.items() if b > a}
    sides_above = panels[-1].secondary_xaxis("top")
    sides_above.set_xticks(list(above), list(above.values()), fontsize=LABEL)
    sides_above.tick_params(length=0)
    sides_above.spines["top"].set_visible(False)
    if len(set(scales)) == 1:
        colour_bar(picture, meshes[0], panels[::-1], "hidden state h", scales[0], 5)
        return picture
    for k, mesh in meshes.items():
        colour_bar(picture, mesh, panels[k], "h", scales[k])
    return picture


def _halves(where: str, part: Tape, row: int, mask: NDArray[np.bool_], first: int) -> list[_Half]:
    """The layers of one side, all in the order in which the first of them reads."""
    if not mask.any():
        return []
    layers = readings(part)
    times = np.arange(first, first + mask.sum(), dtype=float)
    found = []
    for k, layer in enumerate(layers):
        h = layer.tape.states.h[row]
        h = h if layer.turned == layers[0].turned else h[::-1]
        h = on_tape(where, f"h of {layer.name}", h[mask])
        found.append(_Half(k, h, times, scale_of(layer.tape, "h", h)))
    return found


def _slowest(tape: Tape, depth: int) -> list[Array]:
    """The units of each layer from slow to quick, on the side that has the layer."""
    first = analysis.slowest_first(tape.parts[0])[:depth]
    return [*first, *analysis.slowest_first(tape.parts[1])[len(first) : depth]]


def _is_reversed(encoder: Tape, x: Any, row: int) -> bool:
    """Whether the encoder read the source from its end."""
    return bool((encoder.x[row] != x.source[row]).any())
