"""A user's forward and backward as a layer of npstack."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, NoReturn

import numpy as np
from numpy.typing import DTypeLike

from npstack.cells.base import Cell, check_cell_params
from npstack.core.arguments import check_dtype, check_generator, check_option, check_size
from npstack.core.errors import (
    ArgumentError,
    CodeError,
    DtypeError,
    NpstackError,
    ShapeError,
    describe,
    fail,
)
from npstack.core.params import Params
from npstack.layers.recurrent import Recurrent
from npstack.verify.other_code.agreement import (
    SINGLE,
    check_repeats,
    distance,
    exchanges,
    fail_exchanged,
    fail_single,
    fail_time_first,
    in_single_precision,
    rounding_of,
    sample,
    sample_of_both,
    with_time_first,
)
from npstack.verify.other_code.calls import Function
from npstack.verify.other_code.columns import in_rows
from npstack.verify.other_code.packing import (
    KINDS,
    ONE_BIAS,
    OneBiasGRUCell,
    check_kind,
    check_order,
    drawn_cell,
    orders,
    usual_order,
)
from npstack.verify.other_code.sequences import SequenceCell, SequencePair
from npstack.verify.other_code.steps import StepCell, StepPair

STYLES = ("step", "sequence", "columns", "columns_sequence")
Pair = StepPair | SequencePair


def foreign(
    forward: Callable[..., Any],
    backward: Callable[..., Any] | None,
    params: Params | None = None,
    *,
    style: str = "step",
    cell: str = "lstm",
    gates: str | None = None,
    input_size: int = 3,
    hidden_size: int = 4,
    rng: np.random.Generator | None = None,
    dtype: DTypeLike = np.float64,
) -> Pair:
    """Make a layer of your functions, for `check_gradients`, `check_laws` and `explain`.

    Parameters
    ----------
    forward, backward : callable
        One step, as courses write it (a GRU and a plain network have no ``c``)::

            forward(x, h, c, Wx, Wh, b) -> h, c, cache
            backward(dh, dc, cache) -> dx, dh, dc, dWx, dWh, db

        or a whole sequence, ``style="sequence"``; states may be left out::

            forward(x, h0, c0, Wx, Wh, b) -> hs, …, cache            x (B, T, D), hs (B, T, H)
            backward(dhs, …, cache) -> dx, dh0, dc0, dWx, dWh, db

        Results may be a dictionary by name instead. A GRU that resets after the product has a last
        parameter ``b_recurrent (H,)``, an LSTM with peepholes ``P (3H,)``. Without ``backward``,
        only the layer's forward pass can be used.
    params : dict, optional
        ``W``, ``U``, ``b`` in npstack's order of the gates; by default they are drawn.
    style : {"step", "sequence", "columns", "columns_sequence"}
        ``"columns"`` is a step with samples in columns and a matrix for each gate, as
        `npstack.verify.other_code.columns` describes it; ``"columns_sequence"`` a whole sequence.
    cell : {"lstm", "gru", "gru_reset_before", "rnn", "peephole"}
        ``"gru"`` with a forward that takes no ``b_recurrent`` is ``"gru_reset_before"``, or a GRU
        that resets after the product and has one bias.
    gates : str, optional
        The order in which the functions pack the gates in the last axis, ``"ifog"``. By default all
        orders are tried: with the right one, ``forward`` computes what npstack does. ``Z`` is an
        update gate that keeps the new state, ``h = (1 - z) * h' + z * n``.
    input_size, hidden_size : int
        D and H, if no parameters are given.
    rng : numpy.random.Generator, optional
        Draws the parameters; ``default_rng(0)`` if absent.
    dtype : dtype
        Of the parameters that are drawn, hence of all that the functions are given.

    Returns
    -------
    Layer
        With npstack's parameters. ``layer.gate_order`` is the order of the gates, ``layer.kind``
        the name of the cell, ``layer.notes`` what was found out about the functions.

    Raises
    ------
    CodeError, ShapeError
        A function raises an exception, or returns something else; with its own line.
    ArgumentError, DtypeError
        A wrong argument, or no order of the gates fits.

    Notes
    -----
    The functions get copies. They need not keep anything between calls: ``forward`` is called
    again before each ``backward``.

    Examples
    --------
    >>> def forward(x, h, Wx, Wh, b):
    ...     h = np.tanh(x @ Wx + h @ Wh + b)
    ...     return h, (x, h, Wx, Wh)  # the new h is kept instead of the old one
    >>> def backward(dh, cache):
    ...     x, h, Wx, Wh = cache
    ...     da = dh * (1 - h**2)
    ...     return da @ Wx.T, da @ Wh.T, x.T @ da, h.T @ da, da.sum(axis=0)
    >>> from npstack import check_gradients
    >>> layer = foreign(forward, backward, cell="rnn")
    >>> report = check_gradients(layer, np.random.default_rng(0).normal(size=(2, 1, 3)))
    >>> [row.parameter for row in report.failures]
    ['U']
    """
    how: dict[str, Any] = {"input_size": input_size, "hidden_size": hidden_size, "dtype": dtype}
    try:
        return made(forward, backward, params, style=style, cell=cell, gates=gates, rng=rng, **how)
    except (CodeError, ShapeError) as error:
        other = _other(error, forward, backward, style, cell, how)
        if other:
            error.advice = f"Pass {other}: with it, both functions fit."
        raise


def made(
    forward: Callable[..., Any],
    backward: Callable[..., Any] | None,
    params: Params | None = None,
    *,
    style: str,
    cell: str,
    gates: str | None = None,
    input_size: int = 3,
    hidden_size: int = 4,
    rng: np.random.Generator | None = None,
    dtype: DTypeLike = np.float64,
) -> Pair:
    """`foreign`, without trying another style or cell if these do not fit."""
    where = "foreign"
    style = check_option(where, "style", style, STYLES)
    kind = check_kind(where, cell)
    rng = np.random.default_rng(0) if rng is None else check_generator(where, rng)
    if style.startswith("columns"):
        forward, backward, gates = _turned(where, forward, backward, kind, style, gates)
        style = style.removeprefix("columns_").replace("columns", "step")
    both = _functions(where, forward, backward)
    kinds, taken = _forms(*both, kind, style)
    dtype = check_dtype(where, dtype)
    models = [_model(where, own, params, input_size, hidden_size, rng, dtype) for own in kinds]
    working = models[0].params["W"].dtype
    both = replace(both[0], dtype=working), replace(both[1], dtype=working)

    def build(model: Cell, order: str, ahead: Function = both[0]) -> Pair:
        name = "gru" if isinstance(model, OneBiasGRUCell) else kinds[0]
        if style == "step":
            return StepPair(StepCell(model, ahead, both[1], order), name)
        code = SequenceCell(model, ahead, both[1], order, taken)
        code.learn(model.params, sample(code, 3, working, rng)[0])
        return SequencePair(code, name)

    usual = usual_order(models[0])
    order = None if gates is None else check_order(where, models[0], gates)
    if len(kinds) == 1 and (order is not None or len(usual) == 1):
        layer = build(models[0], order or usual)
    else:
        found, tried = _in_found_order(models, build, order, rng)
        if not found:
            x, given, _ = sample_of_both(build(models[0], order or usual), models[0], rng)
            check_repeats(build(models[0], order or usual), x, given or None)

        def would_fit(ahead: Function) -> bool:
            return bool(_in_found_order(models, partial(build, ahead=ahead), order, rng)[0])

        for what, ahead in exchanges(both[0], style) if not found and len(taken) == 2 else ():
            if would_fit(ahead):
                fail_exchanged(both[0], what, style)
        if not found and style == "sequence" and would_fit(with_time_first(both[0])):
            fail_time_first(both[0])
        if found is None and order is None:
            _fail_unordered(where, usual, tried)
        layer = found or build(models[0], order or usual)  # with named gates, it may be wrong
    if backward is not None:
        _try_backward(layer, rng)
    layer.single = in_single_precision(layer, layer.cell.packing.cell, backward is not None)
    if layer.single == "forward" and layer.dtype == np.float64:
        fail_single(both[0].name)
    return layer


def _other(
    error: Exception, forward: Any, backward: Any, style: str, cell: str, how: dict[str, Any]
) -> str:
    """The style or the cell which two functions fit instead, as arguments; empty if there is none.

    Functions that are not written, that ended, or whose numbers are known are not tried again.
    """
    told = getattr(error, "raised", None) or "Error"
    if told == "NotImplementedError" or not told[0].isupper():
        return ""
    options = [(s, c) for s in STYLES for c in KINDS if (s, c) != (style, cell)]
    options.sort(key=lambda option: 2 * (option[1] != cell) + (option[0] != style))
    for s, c in options:
        try:
            made(forward, backward, style=s, cell=c, **how)
        except NpstackError:
            continue
        changed = [f"style={s!r}"] if s != style else []
        return ", ".join([*changed, *([f"cell={c!r}"] if c != cell else [])])
    return ""


def _turned(
    where: str, forward: Any, backward: Any, kind: str, style: str, gates: object
) -> tuple[Any, Any, str]:
    """Functions with samples in columns, as functions with samples in rows."""
    if kind not in ("lstm", "rnn"):
        advice = "Samples in rows: any cell; in columns: these two."
        fail(ArgumentError, where, "cell must be 'lstm' or 'rnn'", repr(kind), advice)
    if gates is not None:
        advice = "Each gate has a matrix of its own."
        fail(ArgumentError, where, "gates must be left out", describe(gates), advice)
    both = _functions(where, forward, backward)
    turned = in_rows(both[0].body, both[1].body, kind, style == "columns_sequence")
    return turned[0], None if backward is None else turned[1], "ifgo" if kind == "lstm" else "h"


def _functions(where: str, forward: Any, backward: Any) -> tuple[Function, Function]:
    """Both functions; the missing backward is one that says so."""
    for name, function in (("forward", forward), ("backward", backward)):
        if not callable(function) and (name == "forward" or function is not None):
            advice = "Pass the function itself: foreign(step_forward, step_backward)."
            fail(DtypeError, where, f"{name} must be a function", describe(function), advice)
    return Function(forward, "forward"), Function(backward or _no_backward, "backward")


def _no_backward(*given: Any) -> Any:
    expected, advice = "backward must be a function", "Only the forward pass can be used."
    fail(ArgumentError, "foreign", expected, "None", advice)


def _model(where: str, kind: str, params: Any, D: object, H: object, rng: Any, dtype: Any) -> Cell:
    """npstack's own cell of the kind, with the parameters that are given or drawn."""
    if params is None:
        D, H = check_size(where, "input_size", D), check_size(where, "hidden_size", H)
        return drawn_cell(kind, D, H, rng, dtype)
    W, U = (params.get(name) if hasattr(params, "get") else None for name in "WU")
    if not isinstance(W, np.ndarray) or not isinstance(U, np.ndarray) or W.ndim * U.ndim != 4:
        expected, advice = "params must hold W (D, …) and U (H, …)", "Leave it out to draw them."
        fail(ArgumentError, where, expected, describe(params), advice)
    model = drawn_cell(kind, len(W), len(U), rng, W.dtype)
    model.params = check_cell_params(where, params, model.param_shapes)
    return model


def _forms(
    forward: Function, backward: Function, kind: str, style: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What the cell may be, and the initial states that forward takes, by its arguments."""
    states = ("h", "c") if kind in ("lstm", "peephole") else ("h",)
    count = {"lstm": 3, "peephole": 4, "gru": 4, "gru_reset_before": 3, "rnn": 3}[kind]
    least = len(states) if style == "step" else 0
    arguments = forward.arguments()
    found = len(states) if arguments is None else len(arguments) - 1 - count
    kinds: tuple[str, ...] = (kind,)
    if kind == "gru" and found == len(states) - 1:
        kinds, found = ("gru_reset_before", ONE_BIAS), len(states)
    if not least <= found <= len(states):
        last = {"gru": ["b_recurrent"], "peephole": ["P"]}.get(kind, [])
        zero = "" if style == "step" else "0"
        names = ["x", *(f"{name}{zero}" for name in states), "Wx", "Wh", "b", *last]
        got = f"{len(arguments or ())} arguments, {', '.join(arguments or ())}"
        advice = "Is it another cell, or another style? Else write two functions that call yours."
        fail(CodeError, forward.name, f"it must take {', '.join(names)}", got, advice)
    given = backward.arguments()
    if style == "step" and given is not None and len(given) != 1 + len(states):
        names = [*(f"d{name}" for name in states), "cache"]
        got = f"{len(given)} arguments, {', '.join(given)}"
        advice = "Keep all that it needs in the cache."
        fail(CodeError, backward.name, f"it must take {', '.join(names)}", got, advice)
    return kinds, states[:found]


def _in_found_order(
    models: list[Cell],
    build: Callable[[Cell, str], Pair],
    named: str | None,
    rng: np.random.Generator,
) -> tuple[Pair | None, int]:
    """The layer in whose order of the gates forward computes what one of npstack's cells does.

    The second result is the number of orders that were tried.
    """
    single: list[Pair] = []
    count = 0
    for model in models:
        tried = list(orders(model)) if named is None else [named]
        layers = [build(model, order) for order in tried]
        x, given, state = sample_of_both(layers[0], model, rng)
        expected = Recurrent(model).forward(x, state).outputs
        gaps = [distance(layer.forward(x, given or None).outputs, expected) for layer in layers]
        best, count = int(np.argmin(gaps)), len(tried)
        if gaps[best] <= rounding_of(expected.dtype):
            return layers[best], count
        single += [layers[best]] if gaps[best] <= SINGLE else []
    return next(iter(single), None), count


def _fail_unordered(where: str, usual: str, tried: int) -> NoReturn:
    """Raise the error for a forward that is right in no order of the gates."""
    words = "gates must be given, or forward compute one step as npstack does"
    got = f"other numbers in all {tried} orders of {', '.join(usual)}"
    advice = f"Name the order: gates={usual!r}. Then the check says what is wrong."
    fail(ArgumentError, where, words, got, advice)


def _try_backward(layer: Pair, rng: np.random.Generator) -> None:
    """Run backward once: errors come up here, and what it leaves out is noted."""
    x, state = sample(layer.cell, 3, layer.dtype, rng)
    tape = layer.forward(x, state or None)
    layer.backward(tape, np.ones_like(tape.outputs), state or None)
    wanted = ["x", *state._fields, *layer.params]
    layer.missing = tuple(name for name in wanted if name not in layer.cell.seen)
