"""The layers over training, from the tapes of a `Recorder`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from npstack.analysis import gate_quantiles
from npstack.analysis.directions import readings
from npstack.core.arguments import is_whole
from npstack.core.errors import ArgumentError, TapeError, describe, fail
from npstack.core.numerics import Array
from npstack.core.tape import Tape
from npstack.plots.frame import (
    LABEL,
    TITLE,
    Picture,
    finish,
    gate_name,
    keeps,
    layer_title,
    legend_above,
    look,
    mark_points,
    new_picture,
    row_of_batch,
    share_time,
    whole_numbers,
    with_note,
)
from npstack.plots.given import (
    check_panels,
    check_row,
    check_times,
    layers_over_time,
    on_tape,
    text,
)
from npstack.plots.scale import (
    beyond,
    colour_bar,
    heat_map,
    height_of_units,
    power_of_ten,
    rows_note,
    scale_of,
    with_power,
    without_power,
)

MAX_COLUMNS, MOST_COLUMNS = 4, 12  # by default; at all
NARROW = 20  # characters under a column
BANDS = "line: median; band: the middle 80 % of units and steps"


def layers_over_training(
    recorder: Any,
    *,
    row: int = 0,
    epochs: Sequence[int] | None = None,
    times: Sequence[float] | Array | None = None,
    time_label: str = "time step",
) -> Picture:
    """Hidden states of every layer on the same input, before training and after some epochs.

    Read a column from the bottom up, layer 0 first; read a row from left to right to see what one
    layer has learned. Red is positive, blue negative, white zero; masked steps are hatched. All
    panels of a layer share one scale, that of `activations`.

    Parameters
    ----------
    recorder : Recorder
        The one that was passed to `fit`.
    row : int
        The row of the probe's batch.
    epochs : sequence of int, optional
        At most 12 recorded epochs to show, 0 is before training; by default up to four from first
        to last.
    times, time_label
        As for `activations`.

    Returns
    -------
    matplotlib.figure.Figure
        One row of axes per layer, last layer at the top; one column per epoch; a colour bar.

    Raises
    ------
    ArgumentError, ShapeError
        Nothing recorded, no such epoch or row; times that do not fit.
    TapeError
        No recurrent layer on the tapes.
    NonFiniteError
        NaN or infinity at a valid step.

    Examples
    --------
    >>> from npstack import LSTM, Recorder
    >>> layer = LSTM(1, 4, rng=np.random.default_rng(0))
    >>> recorder = Recorder(np.ones((1, 9, 1)))
    >>> recorder.record(layer, 0)
    >>> [ax.get_title(loc="left") for ax in layers_over_training(recorder).axes[:1]]
    ['before training']
    """
    where = "plots.layers_over_training"
    recorded = _recorded(where, recorder)
    shown = _chosen(where, list(recorded), epochs)
    tapes = [recorded[epoch] for epoch in shown]
    layers = layers_over_time(where, tapes[0])
    row = check_row(where, row, len(tapes[0].x))
    first = layers[0].tape.mask
    assert first is not None
    mask = layers[0].in_time(first)[row]
    moments = check_times(where, times, len(mask))
    time_label = text(where, "time_label", time_label)
    states = [
        [
            on_tape(where, f"h of {layer.name}", layer.in_time(layer.tape.states.h)[row], mask)
            for layer in readings(tape)
        ]
        for tape in tapes
    ]
    scales = [
        scale_of(layer.tape, "h", np.concatenate([column[k][mask] for column in states]))
        for k, layer in enumerate(layers)
    ]
    apart = len(set(scales)) > 1 or any(scale.high != 1 for scale in scales)
    heights = [height_of_units(h.shape[-1], 1.25) for h in states[0]]
    picture = new_picture(0.9 + sum(heights), width=max(4.5, 1.45 * len(shown) + 0.9))
    panels = picture.subplots(
        len(layers),
        len(shown),
        sharex=True,
        sharey="row",
        squeeze=False,
        height_ratios=heights[::-1],
    )[::-1]
    note = row_of_batch(row, len(tapes[0].x))
    for column, epoch in enumerate(shown):
        for k, (layer, scale) in enumerate(zip(layers, scales, strict=True)):
            ax, h = panels[k, column], states[column][k]
            mesh = heat_map(ax, moments, h, mask, scale)
            name = layer_title(layer.name, h.shape[-1]).replace(" · ", "\n")
            finish(ax, ylabel=name + rows_note(h, scale) if column == 0 else "")
            if column == len(shown) - 1 and apart:
                far = beyond(np.concatenate([own[k][mask] for own in states]), scale)
                colour_bar(picture, mesh, list(panels[k]), far.replace(", ", "\n") or "h", scale)
        share_time(list(panels[::-1, column]), moments, mask, time_label, NARROW, note)
        moment = "before training" if epoch == 0 else f"after epoch {epoch}"
        panels[-1, column].set_title(moment, loc="left", fontsize=TITLE)
    if not apart:
        colour_bar(picture, mesh, panels, "hidden state h", scales[0], 5)
    return picture


def _chosen(where: str, recorded: list[int], epochs: Any) -> list[int]:
    """The epochs to show: some from first to last, or those that were chosen."""
    if epochs is None:
        chosen = np.linspace(0, len(recorded) - 1, min(MAX_COLUMNS, len(recorded)))
        return [recorded[k] for k in np.unique(chosen.round().astype(int))]
    listed = list(epochs) if isinstance(epochs, list | tuple | range | np.ndarray) else [epochs]
    whole = all(map(is_whole, listed))
    if not (whole and 1 <= len(listed) <= MOST_COLUMNS and set(listed) <= set(recorded)):
        few = f"{recorded}" if len(recorded) <= 20 else f"{recorded[:3]} … {recorded[-3:]}"
        expected = f"epochs must be a list of 1 to {MOST_COLUMNS} of those recorded, {few}"
        fail(ArgumentError, where, expected, describe(epochs), "0 is before training.")
    return [int(epoch) for epoch in listed]


def gates_over_training(recorder: Any) -> Picture:
    """How far the gates of every layer are open, epoch by epoch: median and the middle 80 %.

    Over all units and valid steps of the probe. A forget gate that rises towards 1 keeps more of
    its cell state; an input gate that falls lets less of the candidate in. Compare the layers.

    Parameters
    ----------
    recorder : Recorder
        The one that was passed to `fit`.

    Returns
    -------
    matplotlib.figure.Figure
        One panel per layer, layer 0 at the bottom.

    Raises
    ------
    ArgumentError, TapeError
        Nothing recorded; no recurrent layer on the tapes.

    Examples
    --------
    >>> from npstack import LSTM, Recorder
    >>> layer = LSTM(1, 4, rng=np.random.default_rng(0))
    >>> recorder = Recorder(np.ones((1, 9, 1)))
    >>> recorder.record(layer, 0)
    >>> [line.get_label() for line in gates_over_training(recorder).axes[0].lines]
    ['input gate i', 'forget gate f', 'output gate o']
    """
    where = "plots.gates_over_training"
    recorded = _recorded(where, recorder)
    epochs = list(recorded)
    layers = readings(recorded[epochs[0]])
    if not layers:
        expected = "the tapes must have at least one recurrent layer"
        fail(TapeError, where, expected, "none", "Record a model with an LSTM in it.")
    quantiles = [gate_quantiles(tape) for tape in recorded.values()]
    gated = [k for k, found in enumerate(quantiles[0]) if found]
    if not gated:
        fail(ArgumentError, where, "at least one layer must have gates", "none", "Use an LSTM.")
    check_panels(where, "layers", len(gated), "Record a smaller model.")
    picture = new_picture(0.8 + 1.2 * len(gated))
    panels = list(picture.subplots(len(gated), 1, sharex=True, squeeze=False)[:, 0])
    for k, ax in zip(gated, reversed(panels), strict=True):
        curves = {
            name: np.transpose([found[k][name] for found in quantiles]) for name in quantiles[0][k]
        }
        power = power_of_ten(*curves.values())
        own = layers[k].tape.gates._fields
        for name, curve in curves.items():
            low, middle, high = without_power(curve, power)
            colour = look(name, list(curves)).colour
            band = {"facecolor": (colour, 0.1), "edgecolor": (colour, 0.6), "linestyle": ":"}
            ax.fill_between(epochs, low, high, linewidth=0.8, **band)
            said = with_note(gate_name(name, own), "1 keeps" if keeps(name, own) else "")
            ax.plot(epochs, middle, color=colour, label=said)
        mark_points(ax, [look(name, list(curves)).marker for name in curves])
        fractions = all(0 <= curve.min() <= curve.max() <= 1 for curve in curves.values())
        if fractions:
            ax.set_ylim(-0.03, 1.03)
        units = next(iter(layers[k].tape.gates)).shape[-1]
        label = "0 closed\n1 open" if fractions else with_power("value of the gate", power)
        finish(ax, layer_title(layers[k].name, units), ylabel=label)
    panels[-1].set_xlabel("epoch (0: before training)", fontsize=LABEL)
    panels[-1].xaxis.set_major_locator(whole_numbers(8))
    legend_above(panels[0], BANDS)
    return picture


def _recorded(where: str, recorder: Any) -> dict[int, Tape]:
    """The tapes by epoch; an error if there are none."""
    epochs: Any = getattr(recorder, "epochs", None)
    tapes: Any = getattr(recorder, "tapes", None)
    lists = isinstance(epochs, list) and isinstance(tapes, list) and len(epochs) == len(tapes) > 0
    if not lists or not all(isinstance(tape, Tape) for tape in tapes):
        expected = "recorder must be a Recorder that fit has filled"
        got = f"a {type(recorder).__name__} without tapes" if tapes == [] else describe(recorder)
        fail(ArgumentError, where, expected, got, "Pass fit(…, recorder=Recorder(x)) first.")
    return dict(zip(epochs, tapes, strict=True))
