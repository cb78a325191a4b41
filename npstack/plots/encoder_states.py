"""The states that an encoder passes on: those of every layer on both sides."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from npstack.analysis.directions import readings
from npstack.core.errors import ShapeError, TapeError, fail
from npstack.core.numerics import Array
from npstack.core.tape import Tape
from npstack.plots.frame import (
    SIGNED,
    Picture,
    check_row,
    colour_bar,
    finish,
    heat_map,
    layer_title,
    new_picture,
)


def handover(
    tape: Tape, source: Sequence[str], target_in: Sequence[str], *, row: int = 0
) -> Picture:
    """Hidden state of every unit of every layer while a source is read and a target is written.

    Left of the line the encoder reads, right of it the decoder; each layer of the decoder begins
    with the final state of the same layer of the encoder, unless ``handover="top"``: then all
    except layer 0 begin at zero. Red is positive, blue negative, white nothing; masked steps are left out.

    Parameters
    ----------
    tape : Tape
        From `EncoderDecoder.forward`.
    source, target_in : sequences of str
        What is read at each valid step: characters or words. With a reversed source, in the order
        of the source: the picture shows them as they are read.
    row : int
        The row of the batch.

    Returns
    -------
    matplotlib.figure.Figure
        Last layer at the top, colour bar. If one side has more layers, their other half is empty.

    Raises
    ------
    TapeError
        Not the tape of an encoder–decoder.
    ArgumentError, ShapeError
        No such row; labels that are not one per valid step.

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
    x = getattr(tape, "x", None)
    if len(getattr(tape, "parts", ())) != 2 or not hasattr(x, "target_in"):
        expected = "tape must be that of an EncoderDecoder"
        fail(TapeError, where, expected, f"a {type(tape).__name__}", "Pass model.forward(…).")
    row = check_row(where, row, len(tape.outputs))
    read, written = (part.layers for part in tape.parts)
    labels: list[str] = []
    valid: list[Array] = []
    for name, words, layers in (("source", source, read), ("target_in", target_in, written)):
        mask = layers[0].mask
        assert mask is not None  # a recurrent layer has a time axis
        valid.append(mask[row])
        if len(words) != mask[row].sum():
            expected = f"{name} must be {mask[row].sum()} labels, one per valid step of row {row}"
            fail(ShapeError, where, expected, len(words))
        labels += map(str, words)
    if not labels:
        fail(ShapeError, where, f"row {row} must have a valid step", "padding alone")
    n = len(source)
    turned = [[layer.turned for layer in readings(part)] for part in tape.parts]
    other = bool((tape.parts[0].x[row] != x.source[row]).any())  # type: ignore[union-attr]
    if other ^ turned[0][0]:  # as layer 0 reads them
        labels[:n] = labels[:n][::-1]
    depth = max(len(read), len(written))
    picture = new_picture(0.8 + 1.6 * depth)
    panels = picture.subplots(depth, 1, sharex=True, squeeze=False)[:, 0]
    steps = np.arange(len(labels), dtype=float)
    for k, ax in enumerate(panels[::-1]):
        sides = ((read, valid[0], steps[:n]), (written, valid[1], steps[n:]))
        for (layers, mask, times), ways in zip(sides, turned, strict=True):
            if k < len(layers) and len(times):
                h = layers[k].states.h[row]
                h = (h if ways[k] == ways[0] else h[::-1])[mask]
                mesh = heat_map(ax, times, h, None, SIGNED, (-1, 1))
                finish(ax, layer_title(k, h.shape[1]), ylabel="unit")
        ax.axvline(n - 0.5, color="black", linewidth=1.5)
        ax.tick_params(axis="x", length=0)
    long = max(map(len, labels)) > 1
    panels[-1].set_xticks(steps, labels, rotation=45 if long else 0)
    panels[-1].set_xlim(-0.5, len(labels) - 0.5)
    spans = {"the encoder reads": steps[:n], "the decoder reads": steps[n:]}
    above = {float(times.mean()): side for side, times in spans.items() if len(times)}
    names = panels[0].secondary_xaxis("top")
    names.set_xticks(list(above), list(above.values()), fontsize=9)
    names.tick_params(length=0)
    names.spines["top"].set_visible(False)
    colour_bar(picture, mesh, panels, "hidden state h")
    return picture
