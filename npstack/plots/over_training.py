"""The layers over training, from the tapes of a `Recorder`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from npstack.analysis import check_one_time, gate_quantiles, recurrent_tapes
from npstack.analysis.directions import readings
from npstack.core.errors import ArgumentError, describe, fail
from npstack.core.numerics import Array
from npstack.plots.frame import (
    COLOURS,
    SIGNED,
    Picture,
    check_row,
    check_times,
    colour_bar,
    finish,
    heat_map,
    layer_title,
    legend_above,
    mark_points,
    new_picture,
    share_time,
    whole_numbers,
)

MAX_COLUMNS = 4


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
    layer has learned. Red is positive, blue negative, white nothing; masked steps are hatched.

    Parameters
    ----------
    recorder : Recorder
        The one that was passed to `fit`.
    row : int
        The row of the probe's batch.
    epochs : sequence of int, optional
        Recorded epochs to show, 0 is before training; by default up to four from first to last.
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
    if epochs is None:
        chosen = np.linspace(0, len(recorded) - 1, min(MAX_COLUMNS, len(recorded)))
        shown = [list(recorded)[k] for k in np.unique(chosen.round().astype(int))]
    else:
        shown = list(epochs)
        missing = [epoch for epoch in shown if epoch not in recorded]
        if missing or not shown:
            expected = f"epochs must be among those recorded, {list(recorded)}"
            fail(ArgumentError, where, expected, shown, "0 is before training.")
    tapes = [recorded[epoch] for epoch in shown]
    recurrent_tapes(where, tapes[0])
    layers = readings(tapes[0])
    check_one_time(where, layers)
    row = check_row(where, row, len(tapes[0].x))
    first = layers[0].tape.mask
    assert first is not None
    mask = layers[0].in_time(first)[row]
    moments = check_times(where, times, len(mask))
    picture = new_picture(0.9 + 1.25 * len(layers), width=max(4.5, 2.2 * len(shown)))
    panels = picture.subplots(len(layers), len(shown), sharex=True, sharey="row", squeeze=False)
    for column, (epoch, tape) in enumerate(zip(shown, tapes, strict=True)):
        for k, layer in enumerate(readings(tape)):
            ax = panels[len(layers) - 1 - k, column]
            h = layer.in_time(layer.tape.states.h)[row]
            mesh = heat_map(ax, moments, h, mask, SIGNED, (-1, 1))
            name = layer_title(layer.name, h.shape[-1]).replace(" · ", "\n")
            finish(ax, ylabel=name if column == 0 else "")
        share_time(list(panels[:, column]), moments, mask, time_label)
        moment = "before training" if epoch == 0 else f"after epoch {epoch}"
        panels[0, column].set_title(moment, loc="left", fontsize=9.5)
    colour_bar(picture, mesh, panels, "hidden state h")
    return picture


def gates_over_training(recorder: Any) -> Picture:
    """How far the gates of every layer are open, epoch by epoch: median and the middle 80 %.

    Over all units and valid steps of the probe. A forget gate that rises towards 1 learns to keep,
    an input gate that falls learns to be choosy; layers part ways here.

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
    ['input gate', 'forget gate', 'output gate']
    """
    where = "plots.gates_over_training"
    recorded = _recorded(where, recorder)
    epochs = list(recorded)
    recurrent_tapes(where, recorded[epochs[0]])
    quantiles = [gate_quantiles(tape) for tape in recorded.values()]
    gated = [k for k, found in enumerate(quantiles[0]) if found]
    if not gated:
        fail(ArgumentError, where, "at least one layer must have gates", "none", "Use an LSTM.")
    layers = [readings(recorded[epochs[0]])[k] for k in gated]
    measured = [[found[k] for k in gated] for found in quantiles]
    picture = new_picture(0.8 + 1.5 * len(layers))
    panels = list(picture.subplots(len(layers), 1, sharex=True, squeeze=False)[:, 0])
    for k, ax in enumerate(reversed(panels)):
        for name, colour in zip(measured[0][k], COLOURS, strict=False):
            low, middle, high = np.transpose([tape[k][name] for tape in measured])
            ax.fill_between(epochs, low, high, color=colour, alpha=0.15, linewidth=0)
            ax.plot(epochs, middle, color=colour, label=f"{name} gate")
        mark_points(ax, epochs)
        ax.set_ylim(-0.03, 1.03)
        units = next(iter(layers[k].tape.gates)).shape[-1]
        finish(ax, layer_title(layers[k].name, units), ylabel="closed – open")
    panels[-1].set_xlabel("epoch (0: before training)", fontsize=9)
    panels[-1].xaxis.set_major_locator(whole_numbers(8))
    legend_above(panels[0])
    return picture


def _recorded(where: str, recorder: Any) -> dict[int, Any]:
    """The tapes by epoch; an error if there are none."""
    epochs, tapes = getattr(recorder, "epochs", None), getattr(recorder, "tapes", None)
    if not epochs or not tapes:
        expected = "recorder must be a Recorder that fit has filled"
        got = f"a {type(recorder).__name__} without tapes" if tapes == [] else describe(recorder)
        fail(ArgumentError, where, expected, got, "Pass fit(…, recorder=Recorder(x)) first.")
    return dict(zip(epochs, tapes, strict=True))
