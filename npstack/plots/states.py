"""States of every layer over time, and the gates of one layer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from npstack.analysis import check_one_time, recurrent_tapes
from npstack.analysis.directions import Reading, readings
from npstack.core.errors import ShapeError, TapeError, fail
from npstack.core.numerics import Array
from npstack.core.params import GATE_LETTERS
from npstack.core.tape import RecurrentTape, Tape
from npstack.plots.frame import (
    COLOURS,
    FRACTION,
    MAX_TRACES,
    SIGNED,
    STATES,
    Picture,
    around_zero,
    check_row,
    check_times,
    colour_bar,
    finish,
    heat_map,
    layer_title,
    legend_above,
    new_picture,
    share_time,
    traces,
    whole_numbers,
)


def activations(
    tape: Tape,
    *,
    row: int = 0,
    times: Sequence[float] | Array | None = None,
    time_label: str = "time step",
    input_labels: Sequence[str] | None = None,
    output_labels: Sequence[str] | None = None,
) -> Picture:
    """Hidden state of every unit of every layer over time, under the output, over the input.

    Read it from the bottom up: the input, layer 0 that sees it, each layer that sees the one below,
    the output. A layer that reads time from its end stands in the order of the sequence, too. Red
    is positive, blue negative, white nothing; masked steps are hatched.

    Parameters
    ----------
    tape : Tape
        From `forward` of a layer, a stack or a whole model.
    row : int
        The row of the batch.
    times : array (T,), optional
        The position of each time step on the axis, such as decimal years; 0 … T-1 by default.
    time_label : str
        Name and unit of the time axis.
    input_labels, output_labels : sequence of str, optional
        Name of each column of the input and of the output.

    Returns
    -------
    matplotlib.figure.Figure
        Axes from top to bottom: output, last layer, …, layer 0, input, colour bar.

    Raises
    ------
    TapeError
        No recurrent layer on the tape.
    ArgumentError, ShapeError
        No such row; times or labels that do not fit.

    Examples
    --------
    >>> from npstack import StackedLSTM
    >>> stack = StackedLSTM(1, [8, 4], rng=np.random.default_rng(0))
    >>> picture = activations(stack.forward(np.ones((2, 30, 1))), row=1)
    >>> [ax.get_title(loc="left") for ax in picture.axes[:4]]
    ['output', 'layer 1 · 4 units', 'layer 0 · 8 units', 'input']
    """
    where = "plots.activations"
    recurrent_tapes(where, tape)
    layers = readings(tape)
    check_one_time(where, layers)
    row = check_row(where, row, len(tape.x))
    mask = _row_of_mask(layers[0], row)
    times = check_times(where, times, len(mask))
    picture = new_picture(2.4 + 1.25 * len(layers))
    heights = [0.8, *[1.0] * len(layers), 0.8]
    panels = list(picture.subplots(len(heights), 1, sharex=True, height_ratios=heights))

    said = tape.outputs[row]
    if said.ndim > 1 and len(said) == len(mask):
        said = said[::-1] if tape.turned else said
        said = said.reshape(len(said), -1)  # branches that are not joined stand beside one another
    else:
        said = said.ravel()
    _signals(picture, panels[0], "output", times, said, mask, output_labels)
    for ax, layer in zip(panels[-2:0:-1], layers, strict=True):
        h = layer.in_time(layer.tape.states.h)[row]
        mesh = heat_map(ax, times, h, mask, SIGNED, (-1, 1))
        finish(ax, layer_title(layer.name, h.shape[1]), ylabel="unit")
    _signals(picture, panels[-1], "input", times, tape.x[row], mask, input_labels)
    colour_bar(picture, mesh, panels[1:-1], "hidden state h")
    share_time(panels, times, mask, time_label)
    return picture


def _row_of_mask(layer: Reading, row: int) -> Array:
    assert layer.tape.mask is not None  # a recurrent layer has a time axis, and with it a mask
    return np.asarray(layer.in_time(layer.tape.mask)[row])


def _signals(
    picture: Picture,
    ax: Axes,
    name: str,
    times: Array,
    values: Array,
    mask: Array,
    labels: Sequence[str] | None,
) -> None:
    """What goes in or comes out: lines, a heat map where there are many, points for one step."""
    symbols = values.dtype.kind in "iu"
    if symbols:
        values = values[:, np.newaxis]  # one per step
    columns = values.shape[-1]
    if labels is not None and len(labels) != columns:
        expected = f"{name}_labels must name {columns} columns"
        fail(ShapeError, "plots.activations", expected, len(labels))
    names = [f"{name} {k}" for k in range(columns)] if labels is None else list(labels)
    many, unit = columns > MAX_TRACES, "value"
    if values.ndim == 1:
        last = np.flatnonzero(mask)[-1] if mask.any() else -1
        for k, value in enumerate(values):
            label = None if many else names[k]
            ax.plot(times[last], value, "o", color=COLOURS[k % MAX_TRACES], label=label)
        ax.margins(y=0.3)
        name += " (after the last step)"
    elif many:
        limits = around_zero(values, 1.0)
        mesh = heat_map(ax, times, values, mask, SIGNED, limits)
        unit = "unit"
        if limits[1] > 1:  # else the bar of the layers says it all
            colour_bar(picture, mesh, ax, name)
    else:
        traces(ax, times, values, mask, names)
    if symbols:  # no order among them, hence no line from one to the next
        ax.lines[0].set(linestyle="", marker=".")
        ax.yaxis.set_major_locator(whole_numbers(4))
        unit = "symbol"
    if columns == 1 and labels is not None:
        name += f" · {names[0]}"
    finish(ax, name, ylabel=unit)
    if 1 < columns <= MAX_TRACES:
        legend_above(ax, min(columns, 4))  # more in a row would reach the panel's title


def gates(
    tape: RecurrentTape,
    *,
    row: int = 0,
    times: Sequence[float] | Array | None = None,
    time_label: str = "time step",
    title: str = "",
) -> Picture:
    """Gates and states of one layer over time, in the order of the cell's equations upwards.

    A gate goes from 0, closed (dark blue), to 1, open (yellow). The candidate and the states have a
    sign: red is positive, blue negative, white nothing. Masked steps are hatched.

    Steps are in the order in which the layer read them. One that reads time from its end (the
    backward direction of a `Bidirectional`) begins with the last step of the sequence; a label such
    as ``time_label="step as read"`` says so. `activations` puts every layer in the order of time.

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
    ArgumentError, ShapeError
        No such row; times that do not fit.

    Examples
    --------
    >>> from npstack import LSTM
    >>> tape = LSTM(1, 4, rng=np.random.default_rng(0)).forward(np.ones((1, 30, 1)))
    >>> [ax.get_title(loc="left") for ax in gates(tape).axes[:3]]
    ['hidden state h', 'cell state c', 'output gate o']
    """
    where = "plots.gates"
    if not isinstance(tape, Tape) or tape.layers != (tape,):
        expected, got = "tape must be the tape of one recurrent layer", f"a {type(tape).__name__}"
        fail(TapeError, where, expected, got, "Pick one: tape.layers[0] touches the input.")
    row = check_row(where, row, len(tape.x))
    mask = _row_of_mask(Reading(tape, "", False), row)
    times = check_times(where, times, len(mask))
    rows = [
        *(
            (
                _gate_title(name, tape.gates._fields),
                values[row],
                FRACTION if _is_gate(name, values) else SIGNED,
            )
            for name, values in tape.gates._asdict().items()
        ),
        *(
            (STATES.get(name, f"state {name}"), values[row], SIGNED)
            for name, values in reversed(tape.states._asdict().items())
        ),
    ]
    picture = new_picture(0.6 + 1.15 * len(rows))
    panels = list(picture.subplots(len(rows), 1, sharex=True, squeeze=False)[:, 0])
    for ax, (name, values, colours) in zip(reversed(panels), rows, strict=True):
        limits = (0.0, 1.0) if colours == FRACTION else around_zero(values, 1.0)
        mesh = heat_map(ax, times, values, mask, colours, limits)
        finish(ax, name, ylabel="unit")
        colour_bar(picture, mesh, ax, "closed – open" if colours == FRACTION else "")
    share_time(panels, times, mask, time_label)
    if title:
        picture.suptitle(title, fontsize=10)
    return picture


def _is_gate(name: str, values: Array) -> bool:
    """A gate is a fraction; with an activation of one's own it may be none."""
    return name != "candidate" and bool(((values >= 0) & (values <= 1)).all())


def _gate_title(name: str, gates: tuple[str, ...]) -> str:
    word = name if name == "candidate" else f"{name} gate"
    return f"{word} {GATE_LETTERS[name]}" if set(gates) <= set(GATE_LETTERS) else word
