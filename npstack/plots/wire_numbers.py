"""The numbers of one step of an LSTM, wire by wire, forward and backward.

The cell's own two functions are run on one row of a tape, and return their variables; see
`edited`. No equation is written here: a picture shows what ``npstack/cells/lstm.py`` computes, also
while somebody changes it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple, NoReturn

import numpy as np

from npstack.core.arguments import check_whole
from npstack.core.errors import ArgumentError, ShapeError, TapeError, describe, fail, kind_of
from npstack.core.numerics import Array
from npstack.core.params import GATE_LETTERS, LSTMGates, split_gates, without_prefix
from npstack.core.tape import LSTMState, RecurrentTape, Tape
from npstack.core.trees import mapped
from npstack.plots.given import check_row, numbers, on_tape
from npstack.plots.sheet import shown
from npstack.verify.mistakes.entry import edited, place_of

LETTERS = tuple(GATE_LETTERS.values())

# The cell's own expressions, with a name for each part that a wire has.
_NAMED = {
    "LSTMCell.step": (
        ('x @ params["W"]', '(xW := x @ params["W"])'),
        ('state.h @ params["U"]', '(hU := state.h @ params["U"])'),
        ("c = f * state.c + i * g", "c = (kept := f * state.c) + (written := i * g)"),
        ("o * tanh(c)", "o * (tanh_c := tanh(c))"),
    ),
    "LSTMCell.step_backward": (
        (
            "dh * o * tanh_derivative(tanh_c)",
            "(through_h := (dtanh_c := dh * o) * tanh_derivative(tanh_c))",
        ),
    ),
}
# By wire: the variable of ``step_backward`` that is its gradient.
_GRADIENTS = {
    **{letter: f"d{letter}" for letter in LETTERS},
    **dict.fromkeys(("kept", "written", "c"), "dc"),
    "tanh_c": "dtanh_c",
    "through_h": "through_h",
    "h": "dh",
    "x": "dx",
    "h'": "dh_before",
    "c'": "dc_before",
}


class Wires(NamedTuple):
    """The numbers of one step of one row.

    Attributes
    ----------
    forward : dict of array (H,)
        By wire: ``xW_i``, ``hU_i``, ``b_i`` and their sum ``a_i`` for each gate; the gates ``i``,
        ``f``, ``g``, ``o``; ``kept`` is f * c', ``written`` i * g; ``tanh_c``, ``c``, ``h`` and,
        from the step before, ``h'`` and ``c'``. ``x`` is (D,).
    backward : dict of array, or empty
        The gradient on each of these wires, without those of the three summands; ``later`` and
        ``through_h`` are the two paths whose sum is the gradient of ``c``.

    A wire is left out if the cell's file, changed by somebody, has no such variable.
    """

    forward: dict[str, Array]
    backward: dict[str, Array]

    def words(self, wire: str, entry: int, *, back: bool = False) -> str:
        """A number as text; a question mark for a wire that is left out."""
        values = (self.backward if back else self.forward).get(wire)
        return "?" if values is None else shown(float(values[entry]))


@cache
def opened(name: str) -> Callable[..., dict[str, Any]]:
    """One of the cell's two functions, which returns its variables in place of its results."""
    text = place_of(name).text.rstrip()
    last = text[text.rindex("return ") :]
    return edited(name, (*_NAMED[name], (last, "return locals()")))


def lstm_tape(where: str, tape: object) -> RecurrentTape:
    """Check that a tape is that of one LSTM layer."""
    advice = "Pick one: tape.layers[0] reads the input."
    if not isinstance(tape, Tape) or tape.layers != (tape,):
        got = kind_of(tape) if isinstance(tape, Tape | tuple) else describe(tape)
        fail(TapeError, where, "tape must be the tape of one recurrent layer", got, advice)
    assert isinstance(tape, RecurrentTape)
    own = {name for name in tape.params if not name.startswith("initial.")}
    if not isinstance(tape.gates, LSTMGates) or own != {"W", "U", "b"}:
        _not_plain(where, f"one with {', '.join((*tape.gates._fields, *sorted(own)))}")
    return tape


def _not_plain(where: str, got: str) -> NoReturn:
    expected = "tape must be that of a plain LSTM: gates i, f, g, o, and W, U, b"
    fail(TapeError, where, expected, got, "plots.gates draws every cell.")


def check_place(where: str, tape: RecurrentTape, step: object, row: object) -> tuple[int, int]:
    """The step and the row, which must be a valid step of this row."""
    row = check_row(where, row, len(tape.x))
    most = tape.x.shape[1] - 1
    step = check_whole(where, "step", step, "step=0 is the first that is read.", most=most)
    assert tape.mask is not None
    if not tape.mask[row, step]:
        expected = "step must be a valid step, at which the cell is computed"
        valid = np.flatnonzero(tape.mask[row])
        few = f"{valid[:3].tolist()} …" if len(valid) > 3 else f"{valid.tolist()}"
        fail(ArgumentError, where, expected, f"{step}, masked in row {row}", f"Valid: {few}.")
    return step, row


def check_gradients_of_states(where: str, dstates: object, tape: RecurrentTape) -> LSTMState:
    """What `npstack.analysis.state_gradients` has returned for one layer, as float64."""
    advice = "Measure it: analysis.state_gradients(model, tape, doutputs), one for each layer."
    if not isinstance(dstates, LSTMState):
        expected = "dstates must be an LSTMState of (B, T, H)"
        fail(ArgumentError, where, expected, describe(dstates), advice)
    found = {
        name: numbers(where, f"dstates.{name}", own, gaps=False)
        for name, own in dstates._asdict().items()
    }
    for name, own in found.items():
        if own.shape != tape.states.h.shape:
            expected = f"dstates.{name} must be (B, T, H) = {tape.states.h.shape}"
            fail(ShapeError, where, expected, own.shape, advice)
    return LSTMState(**found)


def wires(where: str, tape: RecurrentTape, step: int, row: int, dstates: LSTMState | None) -> Wires:
    """Run the cell's functions on one step of one row of a tape."""
    at = np.s_[row : row + 1, step]
    x = tape.x[at]
    before, gates, state = _before(tape, step, row), _cut(tape.gates, at), _cut(tape.states, at)
    found = opened("LSTMCell.step")(tape.params, x, before)
    _check_same(where, tape, found, gates, state)
    forward = {
        **_by_letter("b_", split_gates(tape.params["b"][np.newaxis])),
        **_by_letter("", gates),
        "x": x,
        "h'": before.h,
        "c'": before.c,
        **state._asdict(),
        **{name: found[name] for name in ("kept", "written", "tanh_c") if name in found},
    }
    for name in ("xW", "hU"):
        if name in found:
            forward |= _by_letter(f"{name}_", split_gates(found[name]))
    if "a" in found:
        forward |= _by_letter("a_", found["a"])
    backward: dict[str, Array] = {}
    if dstates is not None:
        dnew = _cut(dstates, at)
        got = opened("LSTMCell.step_backward")(tape.params, x, before, gates, state, dnew)
        backward = {wire: got[name] for wire, name in _GRADIENTS.items() if name in got}
        backward["later"] = dnew.c
        if "da" in got:
            backward |= _by_letter("a_", split_gates(got["da"]))
    return Wires(_first_row(where, "", forward), _first_row(where, "d", backward))


def _cut(tree: Any, at: Any) -> Any:
    return mapped(lambda values: values[at], tree)


def _by_letter(start: str, gates: Any) -> dict[str, Array]:
    return {f"{start}{letter}": own for letter, own in zip(LETTERS, gates, strict=True)}


def _first_row(where: str, start: str, found: dict[str, Array]) -> dict[str, Array]:
    return {name: on_tape(where, f"{start}{name}", own[0]) for name, own in found.items()}


def _before(tape: RecurrentTape, step: int, row: int) -> LSTMState:
    """The state that the step has read."""
    if tape.resets is not None and tape.resets[row, step]:
        zeros = mapped(lambda own: np.zeros_like(own[row : row + 1]), tape.initial)
        learned = without_prefix("initial", tape.params)
        return LSTMState(*zeros._replace(**{n: v[np.newaxis] for n, v in learned.items()}))
    cut = mapped(lambda own: own[row : row + 1], tape.initial)
    state = cut if step == 0 else _cut(tape.states, np.s_[row : row + 1, step - 1])
    return LSTMState(*state)


def _check_same(
    where: str, tape: RecurrentTape, found: dict[str, Any], gates: LSTMGates, state: LSTMState
) -> None:
    """Check that the tape's numbers are those of the cell: another cell may have W, U, b, too."""
    recorded = {
        name: own
        for name, own in {**_by_letter("", gates), **state._asdict()}.items()
        if name in found
    }
    kind = tape.x.dtype
    room = float(np.finfo(kind).eps) ** 0.5 if kind.kind in "fc" else 1e-8
    for name, own in recorded.items():
        kept, again = on_tape(where, name, own), on_tape(where, name, found[name])
        if np.abs(kept - again).max() > room * max(1.0, np.abs(kept).max()):
            _not_plain(where, f"one whose {name} is not what LSTMCell computes")
