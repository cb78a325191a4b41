"""A pair of functions for whole sequences, ``lstm_forward`` and ``lstm_backward``, as a layer.

The functions know no mask. Each part of a sequence between two resets is passed alone, and without
its masked steps: that is what masks and resets mean.
"""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

import numpy as np

from npstack.cells.base import Cell, each
from npstack.core.errors import CodeError, ShapeError, fail
from npstack.core.numerics import Array
from npstack.core.params import Params
from npstack.core.tape import LSTMState, RecurrentTape
from npstack.core.trees import mapped
from npstack.layers.base import Layer
from npstack.layers.interface import Context, Interface, States
from npstack.verify.other_code.agreement import fail_time_first, with_time_first
from npstack.verify.other_code.base import ALIASES, OtherCell, OtherPair
from npstack.verify.other_code.calls import (
    Function,
    Wanted,
    array_of,
    fail_few,
    is_shaped,
    results_of,
)


class Hidden(NamedTuple):
    """The state of a layer whose functions pass on ``h`` only."""

    h: Array


class Stateless(NamedTuple):
    """The state of a layer whose functions begin each sequence at zero."""


class Piece(NamedTuple):
    """Steps that the functions get in one call, and the rows whose results are used.

    Every call gets all rows: the last bits of a product may depend on their number.
    """

    rows: Array
    steps: Array
    anew: bool  # whether it begins at a reset
    begins: bool  # whether it is the first of these rows
    ends: bool  # whether it is the last of these rows


def pieces(mask: Array, resets: Array | None) -> list[Piece]:
    """Every call that a batch needs: one for each part between two resets, without masked steps.

    Examples
    --------
    >>> mask = np.array([[True, True, False], [True, True, True], [True, True, False]])
    >>> resets = np.array([[False] * 3, [False, False, True], [False] * 3])
    >>> for piece in pieces(mask, resets):
    ...     print(piece.rows, piece.steps, piece.anew, piece.begins, piece.ends)
    [0 2] [0 1] False True True
    [1] [0 1] False True False
    [1] [2] True False True
    """
    alike: dict[tuple[Any, ...], list[int]] = {}
    for b in range(len(mask)):
        valid = np.flatnonzero(mask[b])
        anew = np.zeros(len(valid), bool) if resets is None else resets[b, valid]
        parts = np.split(valid, np.flatnonzero(anew[1:]) + 1) if len(valid) else []
        for k, steps in enumerate(parts):
            after_reset = bool(anew[np.searchsorted(valid, steps[0])])
            key = (tuple(steps), after_reset, k == 0, k == len(parts) - 1)
            alike.setdefault(key, []).append(b)
    return [Piece(np.array(rows), np.array(key[0]), *key[1:]) for key, rows in alike.items()]


class SequenceCell(OtherCell):
    """What is known about two functions for whole sequences; it has no step of its own.

    Parameters
    ----------
    taken : tuple of str
        The initial states that forward takes, ``("h", "c")``.

    Attributes
    ----------
    finals : tuple of (str or None)
        The final state that each result between ``hs`` and the cache is.
    passed : tuple of str
        The final states whose gradients backward takes.
    """

    def __init__(
        self, model: Cell, forward: Function, backward: Function, order: str, taken: tuple[str, ...]
    ) -> None:
        super().__init__(model, forward, backward, order)
        self.taken = taken
        self.finals: tuple[str | None, ...] = ()
        self.passed: tuple[str, ...] = ()
        self.set_state(("h",) if taken else ())

    @property
    def output_size(self) -> int:
        """The width of the outputs."""
        return self.hidden_size

    def set_state(self, fields: tuple[str, ...]) -> None:
        """The states that are passed in and out; without ``c``, it is zero at the beginning."""
        kind: Any = {0: Stateless, 1: Hidden, 2: LSTMState}[len(fields)]
        self.state_sizes = each(kind, self.hidden_size)

    def step(self, *given: Any) -> Any:
        """There is none: the functions read whole sequences."""
        raise NotImplementedError

    def step_backward(self, *given: Any) -> Any:
        """There is none, either."""
        raise NotImplementedError

    def ran(
        self, params: Params, x: Array, state: dict[str, Array]
    ) -> tuple[dict[str, Array], Array, list[Any], Any]:
        """What forward is given; its outputs, its other results and its cache."""
        B, T = x.shape[:2]
        zeros = np.zeros((B, self.hidden_size), x.dtype)
        given, found = self.called(params, x, {f"{f}0": state.get(f, zeros) for f in self.taken})
        results = results_of(self.forward, found, ["h", "cache"], ALIASES)
        if len(results) < 2:
            fail_few(self.forward, "hs (B, T, H), cache", found)
        wanted = Wanted("B, T, H", (B, T, self.hidden_size))
        hs = array_of(self.forward, "hs", results[0], wanted, x.dtype)
        return given, hs, results[1:-1], results[-1]

    def _runs_with_time_first(self, params: Params, x: Array) -> bool:
        """Whether forward takes sequences (T, B, D)."""
        swapped = copy.copy(self)
        swapped.forward = with_time_first(self.forward)
        try:
            swapped.ran(params, x, {})
        except (CodeError, ShapeError):
            return False
        return True

    def learn(self, params: Params, x: Array) -> None:
        """Find out which final states forward returns, and which of them backward takes."""
        try:
            _, hs, others, _ = self.ran(params, x, {})
        except (CodeError, ShapeError):
            if self._runs_with_time_first(params, x):
                fail_time_first(self.forward)
            raise
        shape = (len(x), self.hidden_size)
        finals: list[str | None] = [None] * len(others)
        for k, value in enumerate(others):
            if is_shaped(value) and value.shape == shape:
                finals[k] = "h" if np.array_equal(value, hs[:, -1]) else "c"
        self.finals = tuple(finals)
        arguments = self.backward.arguments()
        extra = None if arguments is None else len(arguments) - 2
        known = [name for name in finals if name is not None]
        if extra in (None, len(known)):
            self.passed = tuple(known)
        elif extra == 1 and known:
            self.passed = ("c",) if "c" in known else ("h",)
        elif extra:
            names = ", ".join(["dhs", *(f"d{name}_last" for name in known), "cache"])
            got = f"{len(arguments or ())} arguments: {', '.join(arguments or ())}"
            fail(CodeError, self.backward.name, f"it must take {names}", got, "In this order.")
        if "c" in self.taken and "c" in self.passed:
            self.set_state(("h", "c"))


class SequencePair(OtherPair):
    """A layer of a user's two functions for whole sequences; made by `foreign`."""

    def __init__(self, cell: SequenceCell, kind: str) -> None:
        super().__init__(cell, kind)
        self.interface = Interface(
            self.interface.input_size,
            self.interface.output_size,
            needs_time=True,
            carries=len(cell.state_sizes) == (2 if kind in ("lstm", "peephole") else 1),
        )

    @property
    def recurrent(self) -> tuple[Layer, ...]:
        """This layer itself, if states are passed in and out."""
        return (self,) if self.cell.state_sizes else ()

    def _forward(self, params: Params, x: Array, context: Context) -> RecurrentTape:
        mask = context.mask
        assert mask is not None
        given = context.states[0] if context.states else Stateless()
        initial = self.cell.zero_state(len(x), x.dtype) if given is None else given
        final = {name: value.copy() for name, value in initial._asdict().items()}
        hs = np.zeros((*x.shape[:2], self.hidden_size), x.dtype)
        for piece in pieces(mask, context.resets):
            state = begin(initial, piece)
            _, outputs, others, _ = self.cell.ran(params, x[:, piece.steps], state)
            rows = piece.rows
            hs[np.ix_(rows, piece.steps)] = outputs[rows]
            ends = {"h": outputs[:, -1], **dict(zip(self.cell.finals, others, strict=True))}
            for name in final if piece.ends else ():
                wanted = Wanted("B, H", outputs[:, -1].shape)
                end = array_of(self.cell.forward, f"{name}_last", ends[name], wanted, x.dtype)
                final[name][rows] = end[rows]
        before = initial.h if hasattr(initial, "h") else np.zeros_like(hs[:, 0])
        held = [before]
        for t in range(x.shape[1]):
            held.append(np.where(mask[:, t, np.newaxis], hs[:, t], held[-1]))
        states = Hidden(np.stack(held[1:], axis=1))
        last = type(initial)(**final)
        noise = self._noise(context, *x.shape[:2])
        return RecurrentTape(
            params,
            x,
            mask,
            hs,
            noise,
            initial if initial else (),
            states,
            self.cell.record_sizes,
            last if last else (),
            context.resets,
        )

    def _backward(
        self, tape: RecurrentTape, doutputs: Array, dfinal: States
    ) -> tuple[dict[str, Array], Any, States]:
        assert tape.mask is not None
        cell, passed = self.cell, self.cell.passed
        initial = tape.initial or Stateless()
        given = dfinal[0] if dfinal else None
        dlast = mapped(np.zeros_like, initial) if given is None else given
        dbefore = {name: value.copy() for name, value in dlast._asdict().items()}
        dparams = {name: np.zeros_like(value) for name, value in tape.params.items()}
        dx = np.zeros_like(tape.x)
        for piece in pieces(tape.mask, tape.resets):
            x = tape.x[:, piece.steps]
            called, outputs, _, cache = cell.ran(tape.params, x, begin(initial, piece))
            dhs, zeros = np.zeros_like(outputs), np.zeros_like(outputs[:, -1])
            rows = piece.rows
            dhs[rows] = doutputs[np.ix_(rows, piece.steps)]
            dends = {name: zeros.copy() for name in dbefore}
            for name, value in dlast._asdict().items() if piece.ends else ():
                dends[name][rows] = value[rows]
            if "h" in dends and "h" not in passed:
                dhs[:, -1] += dends["h"]
            cotangents = {"dhs": dhs, **{f"d{n}_last": dends.get(n, zeros) for n in passed}}
            found = cell.returned(called, cotangents, cache)
            shapes = dict.fromkeys(cell.taken, zeros.shape)
            named = cell.named(found, cell.wanted(x, shapes, "B, T, D"), x.dtype)
            for name in dparams:
                dparams[name] += named.get(name, 0)
            if "x" in named:
                dx[np.ix_(rows, piece.steps)] = named["x"][rows]
            for name in dbefore if piece.begins else ():
                dbefore[name][rows] = 0 if piece.anew else named.get(name, zeros)[rows]
        kept, dinput = self.without_missing(dparams, dx)
        dstate = type(initial)(**{n: None if n in self.missing else a for n, a in dbefore.items()})
        return kept, dinput, (dstate,) if initial else ()

    def check_tape(self, where: str, tape: Any) -> None:
        """Check a tape: kind of layer, names and shapes."""
        Layer.check_tape(self, where, tape)


def begin(initial: Any, piece: Piece) -> dict[str, Array]:
    """The initial states of a piece: those of the batch, or zeros after a reset."""
    return {} if piece.anew else dict(initial._asdict())
