"""States of every layer over time, and the gates of one layer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from npstack.analysis.directions import Reading
from npstack.core.activations import ANY
from npstack.core.errors import TapeError, describe, fail, kind_of
from npstack.core.numerics import Array
from npstack.core.tape import RecurrentTape, Tape
from npstack.plots.frame import (
    STATES,
    TITLE,
    WIDE,
    Picture,
    finish,
    gate_name,
    keeps,
    layer_title,
    lines,
    new_picture,
    row_of_batch,
    share_time,
    with_note,
)
from npstack.plots.given import (
    LONGEST_NAME,
    check_row,
    check_times,
    layers_over_time,
    on_tape,
    text,
)
from npstack.plots.scale import (
    ABOVE,
    FRACTION,
    beyond,
    colour_bar,
    heat_map,
    height_of_units,
    rows_note,
    scale_of,
)
from npstack.plots.signals import (
    draw_signal,
    height_of,
    last_part,
    outputs_of_row,
    over_time,
    signal,
    truth_of_row,
)


def activations(
    tape: Tape,
    *,
    row: int = 0,
    times: Sequence[float] | Array | None = None,
    time_label: str = "time step",
    input_labels: Sequence[str] | None = None,
    output_labels: Sequence[str] | None = None,
    truth: Array | None = None,
    truth_label: str = "truth",
) -> Picture:
    """Hidden state of every unit of every layer over time, under the output, over the input.

    Read it from the bottom up: the input, layer 0 that reads it, each layer that reads the one
    below, the output. All panels share one axis of time, layers that read from the end included.
    Red is positive, blue negative, white zero; masked steps are hatched.

    Where the range of the hidden state is fixed, as -1 to 1 of an LSTM, the colours span that
    range; where it has no bounds (relu, a projection), they run from minus to plus the largest
    absolute value of the layer, or end earlier as those of `gates` do. Layers with different ranges
    have a colour bar each.

    Each unit has a row. Of more than 200 units, some neighbours share one, which shows their value
    farthest from zero at each step; the axis says of how many.

    What has no time axis, such as an output after the last step, is drawn as a bar for each column,
    with its number.

    Parameters
    ----------
    tape : Tape
        From `forward` of a layer, a stack or a whole model.
    row : int
        The row of the batch.
    times : array (T,), optional
        The position of each time step on the axis, such as decimal years; 0 … T-1 by default.
    time_label : str
        Name and unit of the time axis; the row is added if there are several.
    input_labels, output_labels : sequence of str, optional
        Name of each column of the input and of the output.
    truth : array like ``tape.outputs``, optional
        The targets of the outputs, for at most 6 columns; NaN leaves a gap.
    truth_label : str
        Its name. A target is drawn at the step whose output it is compared with, as the output is:
        of forecasts, say how much later it comes true, as in ``"truth, 12 months later"``.

    Returns
    -------
    matplotlib.figure.Figure
        Axes from top to bottom: output, last layer, …, layer 0, input; then the colour bars.

    Raises
    ------
    TapeError
        No recurrent layer on the tape, or layers with different time axes.
    ArgumentError, ShapeError, DtypeError
        No such row; times, labels or a truth that do not fit.
    NonFiniteError
        NaN or infinity at a valid step.

    Examples
    --------
    >>> from npstack import StackedLSTM
    >>> stack = StackedLSTM(1, [8, 4], rng=np.random.default_rng(0))
    >>> picture = activations(stack.forward(np.ones((2, 30, 1))), row=1)
    >>> [ax.get_title(loc="left") for ax in picture.axes[:4]]
    ['output', 'layer 1 · 4 units', 'layer 0 · 8 units', 'input']
    """
    where = "plots.activations"
    layers = layers_over_time(where, tape)
    row = check_row(where, row, len(tape.x))
    mask = _row_of_mask(layers[0], row)
    times = check_times(where, times, len(mask))
    time_label = text(where, "time_label", time_label)
    truth_label = text(where, "truth_label", truth_label, LONGEST_NAME)
    shown = [
        on_tape(where, f"h of {layer.name}", layer.in_time(layer.tape.states.h)[row], mask)
        for layer in layers
    ]
    scales = [scale_of(own.tape, "h", h[mask]) for own, h in zip(layers, shown, strict=True)]
    alike = len(set(scales)) == 1

    T = len(mask)
    read = signal(where, "input", tape.x[row], mask, input_labels)
    said = outputs_of_row(where, tape, tape.outputs, row, T)
    told = signal(where, "output", said, mask, output_labels)
    right = None if truth is None else truth_of_row(where, tape, truth, row, T)
    heights = [height_of(told, 0.9)]
    heights += [height_of_units(h.shape[1], 1.0) for h in reversed(shown)]
    heights += [height_of(read, 0.8)]
    picture = new_picture(0.6 + sum(heights))
    inner = [height - ABOVE for height in heights]  # without titles
    panels = list(picture.subplots(len(heights), 1, height_ratios=inner))
    timed = [ax for ax, own in zip(panels, (told, *layers, read), strict=True) if over_time(own)]
    states = isinstance(last_part(tape), RecurrentTape)  # then the outputs are hidden states
    ends = scales[-1][1:] if states else ANY
    draw_signal(picture, panels[0], told, times, mask, right, ends, truth_label)
    for ax, layer, h, scale in zip(panels[-2:0:-1], layers, shown, scales, strict=True):
        mesh = heat_map(ax, times, h, mask, scale)
        note = beyond(h[mask], scale)
        title = with_note(layer_title(layer.name, h.shape[1]), note)
        finish(ax, title, ylabel="unit" + rows_note(h, scale))
        if not alike:
            colour_bar(picture, mesh, ax, "h", scale)
    draw_signal(picture, panels[-1], read, times, mask)
    if alike:
        ticks = 3 if len(layers) == 1 else 5
        colour_bar(picture, mesh, panels[1:-1], "hidden state h", scales[0], ticks)
    for ax in timed[:-1]:
        ax.sharex(timed[-1])
    share_time(timed, times, mask, time_label, note=row_of_batch(row, len(tape.x)))
    return picture


def _row_of_mask(layer: Reading, row: int) -> Array:
    assert layer.tape.mask is not None  # a recurrent layer has a time axis, and with it a mask
    return np.asarray(layer.in_time(layer.tape.mask)[row])


def gates(
    tape: RecurrentTape,
    *,
    row: int = 0,
    times: Sequence[float] | Array | None = None,
    time_label: str = "time step",
    title: str = "",
) -> Picture:
    """Gates and states of one layer over time, in the order of the cell's equations upwards.

    A gate goes from 0, closed (pale), to 1, open (dark green); the update gate z of a GRU from 0,
    which replaces the old state, to 1, which keeps it. The candidate and the states have a sign:
    red is positive, blue negative, white zero. The colours of a function with a fixed range
    span that range: 0 to 1 for a sigmoid, -1 to 1 for a tanh. For a value without bounds, such as
    the cell state, they run from minus to plus its largest absolute value; if that is more than
    three times the 90th percentile of the units' largest values, they end at the percentile, and
    the title says which units go further. Masked steps are hatched. Of more than 200 units, some
    neighbours share a row, as in `activations`; of gates, the row shows their mean.

    The time axis follows the order in which the layer read the steps. For the backward direction of
    a `Bidirectional` this is last to first, so label the axis, such as
    ``time_label="step as read"``. `activations` puts every layer in the order of time.

    Parameters
    ----------
    tape : RecurrentTape
        Of one layer: ``tape.layers[k]`` of a stack.
    row, times, time_label
        As for `activations`.
    title : str
        Over the whole picture, such as ``"layer 0"``.

    Returns
    -------
    matplotlib.figure.Figure
        Axes from top to bottom: hidden state, cell state, output gate, candidate, forget gate,
        input gate; then their colour bars.

    Raises
    ------
    TapeError
        Not the tape of one recurrent layer.
    ArgumentError, ShapeError, DtypeError
        No such row; times or texts that do not fit.
    NonFiniteError
        NaN or infinity at a valid step.

    Examples
    --------
    >>> from npstack import LSTM
    >>> tape = LSTM(1, 4, rng=np.random.default_rng(0)).forward(np.ones((1, 30, 1)))
    >>> [ax.get_title(loc="left") for ax in gates(tape).axes[:3]]
    ['hidden state h', 'cell state c', 'output gate o']
    """
    where = "plots.gates"
    if not isinstance(tape, Tape) or tape.layers != (tape,):
        expected = "tape must be the tape of one recurrent layer"
        got = kind_of(tape) if isinstance(tape, Tape | tuple) else describe(tape)
        fail(TapeError, where, expected, got, "Pick one: tape.layers[0] reads the input.")
    row = check_row(where, row, len(tape.x))
    mask = _row_of_mask(Reading(tape, "", False), row)
    times = check_times(where, times, len(mask))
    time_label, over = text(where, "time_label", time_label), text(where, "title", title)
    rows = {
        **{gate_name(name, tape.gates._fields): name for name in tape.gates._fields},
        **{STATES.get(name, f"state {name}"): name for name in reversed(tape.states._fields)},
    }
    arrays = {**tape.gates._asdict(), **tape.states._asdict()}
    height = height_of_units(next(iter(arrays.values())).shape[-1], 0.95)
    picture = new_picture(0.6 + height * len(rows))
    panels = list(picture.subplots(len(rows), 1, sharex=True, squeeze=False)[:, 0])
    for ax, (shown_name, name) in zip(reversed(panels), rows.items(), strict=True):
        values = on_tape(where, shown_name, arrays[name][row], mask)
        scale = scale_of(tape, name, values[mask])
        mesh = heat_map(ax, times, values, mask, scale)
        title = with_note(shown_name, beyond(values[mask], scale))
        finish(ax, title, ylabel="unit" + rows_note(values, scale))
        word = "0 replaces\n1 keeps" if keeps(name, tape.gates._fields) else "0 closed\n1 open"
        word = word if scale.colours == FRACTION else "value"
        colour_bar(picture, mesh, ax, word, scale)
    share_time(panels, times, mask, time_label, note=row_of_batch(row, len(tape.x)))
    if over:
        picture.suptitle(lines(over, WIDE), fontsize=TITLE)
    return picture
