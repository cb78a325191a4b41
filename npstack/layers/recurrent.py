"""A cell over time: one loop forward, the same loop backward.

::

    state(-1) = initial
    for t = 0 … T-1:
        valid step    state(t), record(t) = cell.step(params, x(t), state(t-1))
        masked step   state(t), record(t) = state(t-1), 0              the state is held

Backpropagation through time is that loop read backwards. ``dstate(t)`` is the derivative of the
loss by ``state(t)`` as it comes back from the later steps; the layer above adds its own part to
that of ``h(t)``; the cell turns the sum into the derivative by ``state(t-1)``. Parameters are
shared by all steps, so their gradient is the sum over the steps.

::

    dstate(T-1) = dfinal
    for t = T-1 … 0:
        valid step    dparams(t), dx(t), dstate(t-1) = step_backward(…, dstate(t) + doutputs(t))
        masked step   dparams(t), dx(t), dstate(t-1) = 0, 0, dstate(t)

Masks select, they never multiply: ``0 * NaN`` is NaN.
"""

from __future__ import annotations

import copy
from typing import Any, Unpack

import numpy as np

from npstack import shapes
from npstack.cells.lstm import CellOptions, LSTMCell
from npstack.layers.base import Layer, Mask, States
from npstack.numerics import Array
from npstack.params import Params
from npstack.tape import RecurrentTape


def select(valid: Array, where_valid: Any, elsewhere: Any = None) -> Any:
    """Field by field of a NamedTuple: the first at valid rows, the second (or zeros) elsewhere."""
    if valid.all():
        return where_valid
    elsewhere = map(np.zeros_like, where_valid) if elsewhere is None else elsewhere
    pairs = zip(where_valid, elsewhere, strict=True)
    return type(where_valid)(*(np.where(valid, a, b) for a, b in pairs))


def at_step(values: Any, t: int) -> Any:
    """Step ``t`` of every field: ``(B, T, H)`` to ``(B, H)``."""
    return type(values)(*(value[:, t] for value in values))


def over_time(steps: list[Any]) -> Any:
    """Join a list of NamedTuples of ``(B, H)`` to one of ``(B, T, H)``."""
    return type(steps[0])(*(np.stack(values, axis=1) for values in zip(*steps, strict=True)))


class Recurrent(Layer):
    """Any cell over time.

    Parameters
    ----------
    cell : LSTMCell, or any object that offers the same
        ``input_size``, ``hidden_size``, ``params``, ``state_type``, ``record_type``,
        ``zero_state``, ``step``, ``step_backward``, as in `LSTMCell`.
    return_sequences : bool
        True: outputs are the hidden states of all steps, ``(B, T, H)``, zero where masked.
        False: the hidden state after the last step, ``(B, H)`` (of a row that is all padding,
        the initial one).
    """

    needs_time = True
    tape_type = RecurrentTape

    def __init__(self, cell: LSTMCell, *, return_sequences: bool = True) -> None:
        self.cell = copy.copy(cell)
        super().__init__(cell.params)
        self.input_size = cell.input_size
        self.output_size = self.hidden_size = cell.hidden_size
        self.return_sequences = self.keeps_time = return_sequences

    def _store(self, params: Params) -> None:
        super()._store(params)
        self.cell.params = self._params

    @property
    def recurrent(self) -> tuple[Layer, ...]:
        """This layer itself."""
        return (self,)

    @property
    def parameter_formula(self) -> str:
        """How the number of parameters comes about."""
        return f"{self.cell.parameter_formula}, D={self.input_size}, H={self.hidden_size}"

    def _forward(
        self,
        params: Params,
        x: Array,
        states: States,
        mask: Mask,
        rng: np.random.Generator | None,
        noise: Any,
    ) -> RecurrentTape:
        assert mask is not None
        shapes.check_noise(f"{type(self).__name__}.forward", noise, None)
        (initial,) = states
        state, after, records = initial, [], []
        for t in range(x.shape[1]):
            valid = mask[:, t, np.newaxis]
            proposed, record = self.cell.step(params, x[:, t], state)
            state = select(valid, proposed, state)
            after.append(state)
            records.append(select(valid, record))
        every_state, gates = over_time(after), over_time(records)
        outputs = state.h
        if self.return_sequences:
            outputs = shapes.zero_where_masked(every_state.h, mask)
        return RecurrentTape(params, x, mask, outputs, None, initial, every_state, gates, state)

    def _backward(
        self, tape: RecurrentTape, doutputs: Array, dfinal: States
    ) -> tuple[dict[str, Array], Array, States]:
        assert tape.mask is not None
        (dstate,) = dfinal
        if not self.return_sequences:
            dstate = dstate._replace(h=dstate.h + doutputs)
        dparams = {name: np.zeros_like(value) for name, value in tape.params.items()}
        dx = np.zeros_like(tape.x)
        for t in reversed(range(tape.x.shape[1])):
            valid = tape.mask[:, t, np.newaxis]
            if self.return_sequences:
                dstate = dstate._replace(h=dstate.h + doutputs[:, t])
            dstep, dx[:, t], dbefore = self.cell.step_backward(
                tape.params,
                tape.x[:, t],
                at_step(tape.states, t - 1) if t > 0 else tape.initial,
                at_step(tape.gates, t),
                at_step(tape.states, t),
                select(valid, dstate),
            )
            dstate = select(valid, dbefore, dstate)
            for name, value in dstep.items():
                dparams[name] += value
        return dparams, dx, (dstate,)

    def _check_states(
        self, where: str, name: str, states: Any, batch: int, dtype: np.dtype[Any]
    ) -> States:
        return (self.check_state(where, name, states, batch, dtype),)

    def _public_states(self, states: States) -> Any:
        return states[0]

    def check_state(
        self, where: str, name: str, state: Any, batch: int, dtype: np.dtype[Any]
    ) -> Any:
        """The state of this layer that a user gave, or the one that a sequence begins with."""
        if state is None:
            return self.cell.zero_state(batch, dtype)
        shape = (batch, self.hidden_size)
        checked = shapes.check_tuple(where, name, state, self.cell.state_type, shape, dtype)
        for field, value in checked._asdict().items():
            shapes.check_finite(where, f"{name}.{field}", value, None)
        return type(checked)(*map(np.copy, checked))

    def _check_tape(self, where: str, tape: object) -> None:
        super()._check_tape(where, tape)
        assert isinstance(tape, RecurrentTape)
        B, T, H, cell = *tape.x.shape[:2], self.hidden_size, self.cell
        expected: dict[str, tuple[Any, tuple[int, ...]]] = {
            "initial": (cell.state_type, (B, H)),
            "states": (cell.state_type, (B, T, H)),
            "gates": (cell.record_type, (B, T, H)),
        }
        for name, (kind, shape) in expected.items():
            values = getattr(tape, name)
            shapes.check_tuple(where, f"tape.{name}", values, kind, shape, tape.x.dtype)


class LSTM(Recurrent):
    """One LSTM layer.

    Parameters
    ----------
    input_size, hidden_size : int
        D and H.
    return_sequences : bool
        Hand on every hidden state ``(B, T, H)``, or the last one ``(B, H)``. A layer that
        another LSTM is stacked on needs True.
    rng, kernel_init, recurrent_init, bias_init, forget_bias, dtype
        As in `LSTMCell`.

    Examples
    --------
    >>> layer = LSTM(1, 4, return_sequences=False, rng=np.random.default_rng(0))
    >>> tape = layer.forward(np.array([0.1, 0.2, 0.3]).reshape(1, 3, 1))
    >>> tape.outputs.shape, tape.gates.forget.shape
    ((1, 4), (1, 3, 4))
    >>> grads = layer.backward(tape, np.ones((1, 4)))
    >>> grads.x.shape, grads.initial_states.c.shape
    ((1, 3, 1), (1, 4))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        return_sequences: bool = True,
        **options: Unpack[CellOptions],
    ) -> None:
        shapes.check_generator(type(self).__name__, options.get("rng"))
        cell = LSTMCell(input_size, hidden_size, **options)
        super().__init__(cell, return_sequences=return_sequences)
