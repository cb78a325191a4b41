"""`explain`: which line of a forward or a backward is wrong."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from npstack.cells.base import Cell, check_cell
from npstack.core.arguments import check_generator, check_size
from npstack.core.arrays import check_input
from npstack.core.errors import ArgumentError, DtypeError, NpstackError, describe, fail
from npstack.core.numerics import Array
from npstack.layers.base import Layer
from npstack.layers.recurrent import Recurrent
from npstack.verify.gradients.layer_check import check_gradients
from npstack.verify.mistakes.cases import (
    Blocks,
    Point,
    cases,
    drawn,
    ends_of,
    state_of,
    state_type,
)
from npstack.verify.mistakes.catalogue import catalogue_of
from npstack.verify.mistakes.comparing import Search, Trial
from npstack.verify.mistakes.distinguishing import apart
from npstack.verify.mistakes.entry import Mistake
from npstack.verify.mistakes.explanation import Explanation
from npstack.verify.mistakes.intermediates import first_wrong, keeping_extras
from npstack.verify.mistakes.relations import relations
from npstack.verify.mistakes.simulate import WHERE, Program, program_for
from npstack.verify.other_code.adapt import Pair, foreign
from npstack.verify.other_code.base import OtherPair
from npstack.verify.other_code.packing import usual_order_of
from npstack.verify.other_code.slipped import orders_with_a_slip
from npstack.verify.other_code.steps import StepPair

LARGE = 1e-3  # an error of a direction, at standard scale, that is not rounding


def explain(
    code: Any,
    backward: Any = None,
    *,
    cell: str | None = None,
    gates: str | None = None,
    style: str = "step",
    input_size: int = 3,
    hidden_size: int = 4,
    batch: int = 2,
    steps: int = 5,
    x: Array | None = None,
    rng: np.random.Generator | None = None,
    dtype: DTypeLike = np.float64,
) -> Explanation:
    """Find the line of an LSTM, a GRU or a plain network that is wrong.

    The code is tried on one step first, then on more. Its numbers are compared with those of the
    package's own cell, and with those of this cell with each mistake of `CATALOGUE`. Only a mistake
    that gives all of the numbers, to rounding, is named.

    Parameters
    ----------
    code : Cell, Layer or callable
        Your cell, a recurrent layer, or the forward function of a pair, as for `foreign`.
    backward : callable, optional
        The backward function of the pair. If it returns a dictionary, this may contain values
        inside the step, such as ``do`` and ``dc``, and the first wrong one is named. (A cell
        may put them into its ``dparams``.)
    cell, gates, style, input_size, hidden_size, dtype
        As for `foreign`. For a cell or a layer, only ``cell`` counts: its kind, if the names and
        shapes of its parameters do not tell.
    batch, steps : int
        B and T of the largest case.
    x : array (B, T, D), optional
        An input of your own for the largest case; it sets B and T.
    rng : numpy.random.Generator, optional
        Draws what is not given; ``default_rng(0)`` if absent.

    Returns
    -------
    Explanation
        ``print`` it. ``right``, ``named``, ``confident`` …

    Raises
    ------
    ArgumentError, DtypeError, ShapeError
        A wrong argument, or another cell than the five that it knows.
    CodeError
        A function raises an exception; with its own line.

    Examples
    --------
    >>> import npstack
    >>> from npstack.verify import explain
    >>> class MyCell(npstack.LSTMCell):
    ...     def step_backward(self, params, x, state, gates, new_state, dnew_state, noise=None):
    ...         dlast = dnew_state._replace(c=0 * dnew_state.c)  # lost: dc of the next step
    ...         right = super().step_backward
    ...         return right(params, x, state, gates, new_state, dlast)
    >>> print(explain(MyCell(3, 4, rng=np.random.default_rng(0))))
    wrong; the smallest case that is: T = 1, B = 1, initial states given, dc alone
      wrong there: W.i, W.f, W.g, U.i, U.f, U.g, b.i, b.f, b.g, x, h0, c0
      right there: W.o, U.o, b.o
    Your numbers are those of an LSTM whose equation (6), backward, lacks the carried dc: one of the
    two paths of c.
        npstack/cells/lstm.py:173
          npstack: dc = dnew_state.c + dh * o * tanh_derivative(tanh_c)
          as if:   dc = dh * o * tanh_derivative(tanh_c)
    No other of 110 mistakes gives these numbers.
    """
    batch, steps = check_size(WHERE, "batch", batch), check_size(WHERE, "steps", steps)
    rng = np.random.default_rng(0) if rng is None else check_generator(WHERE, rng)
    how = {"style": style, "input_size": input_size, "hidden_size": hidden_size, "dtype": dtype}
    layer = _layer_of(code, backward, cell, gates, how)
    program = program_for(layer, cell if backward is None else None)
    return explain_layer(layer, program, batch, steps, rng, x=x)


def explain_layer(
    layer: Layer,
    program: Program,
    batch: int,
    steps: int,
    rng: np.random.Generator,
    *,
    x: Array | None = None,
    right_step: str = "",
) -> Explanation:
    """What `explain` says about a layer.

    ``right_step`` is the name of a backward of one step, in the same file, that is right. Mistakes
    of a step are then named only if no mistake of the loop gives the numbers.
    """
    if x is not None:
        x = check_input(WHERE, x, layer.input_size, layer.dtype, True)
        batch, steps = x.shape[:2]
    layer = keeping_extras(layer)
    fields = state_type(layer)._fields
    wanted = [
        case
        for case in cases(steps, batch, fields, x is not None)
        if not case.masked or _meets_masks(layer)
    ]
    ends = ends_of(layer)
    points = [drawn(case, program, fields, layer.params, x, rng, ends) for case in wanted]
    trials = [Trial(program, point, layer) for point in points]
    found = _judged(layer, program, trials)
    in_loop = tuple(own for own in found.named if own.is_in_loop)
    if not right_step or found.forward or not in_loop or in_loop == found.named:
        return found
    return replace(
        found,
        named=in_loop,
        **apart(program, layer, in_loop, found.missing, _meets_masks(layer)),
        tried=sum(own.is_in_loop and not own.is_forward for own in catalogue_of(program.kind)),
        notes=(f"{right_step} is right, so only mistakes of the loop are named", *found.notes),
    )


def _layer_of(
    code: Any, backward: Any, cell: str | None, gates: str | None, how: dict[str, Any]
) -> Layer:
    """What the user gave, as a layer."""
    if isinstance(code, Layer | Cell):
        if backward is not None:
            expected = "backward must be left out"
            got = f"one, for a {type(code).__name__}"
            fail(ArgumentError, WHERE, expected, got, "A cell or a layer has its own.")
        return code if isinstance(code, Layer) else Recurrent(check_cell(WHERE, code))
    if not callable(code) or isinstance(code, type):
        expected = "code must be a cell, a layer, or two functions"
        advice = "Build it first, or pass explain(step_forward, step_backward)."
        fail(DtypeError, WHERE, expected, describe(code), advice)
    if backward is None:
        expected = "backward must be given with a forward function"
        fail(ArgumentError, WHERE, expected, "none", "Use explain(step_forward, step_backward).")
    how = {**how, "cell": "lstm" if cell is None else cell}
    return _of_functions(code, backward, gates, how)


def _of_functions(forward: Any, backward: Any, gates: str | None, how: dict[str, Any]) -> Layer:
    """Two functions as a layer; if no order of the gates is right, the one that a slip explains."""

    def build(order: str | None, backward: Any = None) -> Pair:
        return foreign(forward, backward, gates=order, **how)

    try:
        return build(gates, backward)
    except ArgumentError as error:
        if gates is not None:
            raise
        usual = usual_order_of(how["cell"])
        try:
            layer = build(usual)
        except NpstackError:
            raise error from None
        orders = orders_with_a_slip(layer, build)
        if not orders:
            raise
        return build(orders[0], backward)


def _judged(layer: Layer, program: Program, trials: Sequence[Trial]) -> Explanation:
    """The verdict, and what is named."""
    known: dict[str, Any] = {
        "cell": program.kind,
        "cases": tuple(trial.point.case for trial in trials),
        "missing": trials[0].theirs.missing,
        "notes": tuple(getattr(layer, "notes", ())),
    }
    off = [trial for trial in trials if trial.wrong_outputs]
    if off:
        return _forward_judged(layer, program, trials, off[0], known)
    wrong = [trial for trial in trials if trial.wrong_gradients]
    if all(trial.point.case.own and _fits(layer, trial.point) for trial in wrong):
        return Explanation(right=True, **known)
    candidates = [own for own in _possible(layer, program) if not own.is_forward]
    search = Search(trials)
    named = tuple(mistake for mistake in candidates if search.fits([mistake]))
    smallest = wrong[0]
    return Explanation(
        right=False,
        **_where_wrong(smallest, smallest.wrong_gradients, smallest.split_theirs.gradients),
        named=named,
        confident=bool(named) and not known["missing"],
        **apart(program, layer, named, known["missing"], _meets_masks(layer)),
        gate=_only_gate(wrong),
        first_wrong=_first_wrong(layer, program, trials),
        relations=relations(trials),
        tried=len(candidates),
        **known,
    )


def _forward_judged(
    layer: Layer, program: Program, trials: Sequence[Trial], smallest: Trial, known: dict[str, Any]
) -> Explanation:
    """A forward that is not the cell's: its slip, and whether the backward fits it."""
    possible = _possible(layer, program)
    slips = [own for own in possible if own.is_forward]
    later = [own for own in possible if not own.is_forward]
    search = Search(trials)
    forward = tuple(slip for slip in slips if search.fits([slip], outputs_only=True))
    fits = all(_fits(layer, trial.point) for trial in trials)
    named: tuple[Mistake, ...] = ()
    if forward and not fits:
        unaware = tuple(slip for slip in forward if search.fits([slip]))
        named = unaware or tuple(m for m in later if search.fits([forward[0], m]))
    elif fits:
        named = forward
    return Explanation(
        right=False,
        **_where_wrong(smallest, smallest.wrong_outputs, smallest.split_theirs.outputs),
        named=named,
        confident=bool(named) and not known["missing"],
        **apart(program, layer, named, known["missing"], _meets_masks(layer)),
        forward=forward,
        backward_fits=fits,
        tried=len(slips) if fits else len(slips) + len(later),
        **known,
    )


def _where_wrong(trial: Trial, wrong: tuple[str, ...], blocks: Blocks) -> dict[str, Any]:
    """The case of a trial, and what is wrong and right in it, as fields of an `Explanation`."""
    agree = tuple(name for name in blocks if name not in wrong)
    return {"case": trial.point.case, "wrong": wrong, "agree": agree}


def _has_loop(layer: Layer) -> bool:
    """Whether it has a loop over time of its own; cells and step functions have none."""
    if isinstance(layer, OtherPair):
        return not isinstance(layer, StepPair)
    loops = ("_forward", "_backward")
    ours = all(getattr(type(layer), name) is getattr(Recurrent, name, None) for name in loops)
    return not ours or bool(set(loops) & vars(layer).keys())


def _meets_masks(layer: Layer) -> bool:
    """Whether masks are in its own code: functions are called without masked steps."""
    return _has_loop(layer) and not isinstance(layer, OtherPair)


def _possible(layer: Layer, program: Program) -> tuple[Mistake, ...]:
    """The mistakes that it can have, those of its own loop first."""
    every = catalogue_of(program.kind)
    in_loop = tuple(own for own in every if own.is_in_loop)
    in_step = tuple(own for own in every if not own.is_in_loop)
    return in_loop + in_step if _has_loop(layer) else in_step


def _fits(layer: Layer, point: Point) -> bool:
    """Whether the backward is the derivative of the layer's own forward at a point."""
    twin = copy.copy(layer)
    twin.params = point.params
    given = state_of(layer, point.states) if layer.recurrent else None

    def errors(**options: Any) -> list[float]:
        report = check_gradients(twin, point.x, given, mask=point.mask, **options)
        return [row.error for row in report.failures if row.verdict != "MISSING"]

    try:  # one direction is quick; it decides unless the error is so small that it may be rounding
        found = errors(route="direction")
        if not found or (found[0] > LARGE and not point.case.own):
            return not found
    except ArgumentError:  # it is not complex-safe
        pass
    return not errors()


def _only_gate(wrong: Sequence[Trial]) -> str:
    """The gate whose parameters alone are wrong, in all cases of as few steps as the smallest."""
    steps = wrong[0].point.case.steps
    few = [trial for trial in wrong if trial.point.case.steps == steps]
    gates = {name.partition(".")[2] for trial in few for name in trial.wrong_gradients}
    gates -= {""}  # of what has no gates
    every = {name.partition(".")[2] for name in wrong[0].split_right.gradients} - {""}
    return gates.pop() if len(gates) == 1 < len(every) else ""


def _first_wrong(layer: Layer, program: Program, trials: Sequence[Trial]) -> tuple[str, ...]:
    """The first wrong value inside the step, at a point of one step."""
    ones = [t.point for t in trials if t.point.case.steps == 1 and t.point.case.loss == "all"]
    return first_wrong(program, layer, ones[0]) if ones else ()
