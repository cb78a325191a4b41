"""A cell over time: one loop forward, the same loop backward.

::

    state(-1) = initial
    for t = 0 … T-1:
        valid step    state(t), record(t) = cell.step(params, x(t), state(t-1))
        masked step   state(t), record(t) = state(t-1), 0              the state is held

Backpropagation through time runs this loop backwards. ``dstate(t)`` is the derivative of the loss
by ``state(t)`` through the later steps. The derivative through the layer above is added to the
derivative by ``h(t)``, and the cell computes the derivative by ``state(t-1)`` from the sum.
Parameters are shared by all steps, so their gradient is the sum over the steps.

::

    dstate(T-1) = dfinal
    for t = T-1 … 0:
        valid step    dparams(t), dx(t), dstate(t-1) = step_backward(…, dstate(t) + doutputs(t))
        masked step   dparams(t), dx(t), dstate(t-1) = 0, 0, dstate(t)

Masks select values and never multiply them: ``0 * NaN`` is NaN.

A reset at a valid step sets the state to the beginning state before the step; backward, no
gradient passes from that step to the one before. The beginning state is the one that is given; if
none is given, it is zero, or a state that the layer learns like its other parameters.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npstack.cells.base import Cell, check_cell, check_cell_params
from npstack.cells.made import check_step, check_step_back
from npstack.core.arguments import check_flag
from npstack.core.arrays import check_noise_tree, check_tuple
from npstack.core.errors import ArgumentError, fail
from npstack.core.masks import check_finite, check_resets, zero_where_masked
from npstack.core.numerics import Array
from npstack.core.params import Params, with_prefix, without_prefix
from npstack.core.tape import RecurrentTape
from npstack.core.trees import at_step, mapped, over_time, select
from npstack.layers.base import Layer
from npstack.layers.interface import Context, Interface, States


class Recurrent(Layer):
    """Any cell over time.

    Parameters
    ----------
    cell : Cell
        `LSTMCell`, `GRUCell`, … or your own.
    return_sequences : bool
        True: outputs are the hidden states of all steps, ``(B, T, H)``, zero where masked. False:
        the hidden state after the last step, ``(B, H)`` (for a row that is all padding, the initial
        state).
    learn_initial : bool
        If no state is given, sequences begin with the parameters ``initial.h``, … ``(H,)``
        instead of zeros. These parameters are zero before training.

    Examples
    --------
    >>> from npstack import LSTMCell
    >>> layer = Recurrent(LSTMCell(3, 8, rng=np.random.default_rng(0)), learn_initial=True)
    >>> layer.forward(np.ones((2, 5, 3))).final.h.shape, layer.params["initial.h"].shape
    ((2, 8), (8,))
    """

    tape_type = RecurrentTape
    cell: Cell

    def __init__(
        self, cell: Cell, *, return_sequences: bool = True, learn_initial: bool = False
    ) -> None:
        where = type(self).__name__
        self.cell = check_cell(where, cell).without_params()
        self.return_sequences = check_flag(where, "return_sequences", return_sequences)
        self.learn_initial = check_flag(where, "learn_initial", learn_initial)
        self.hidden_size = cell.hidden_size
        params = check_cell_params(where, cell.params, cell.param_shapes)
        if self.learn_initial:
            (dtype,) = {value.dtype for value in params.values()}
            zeros = mapped(lambda a: a[0], cell.zero_state(1, dtype))
            params |= with_prefix("initial", zeros._asdict())
        sizes = cell.input_size, cell.output_size
        super().__init__(
            params, Interface(*sizes, needs_time=True, keeps_time=self.return_sequences)
        )

    @property
    def recurrent(self) -> tuple[Layer, ...]:
        """This layer itself."""
        return (self,)

    @property
    def parameter_formula(self) -> str:  # type: ignore[override]
        """Formula for the number of parameters."""
        formula = self.cell.formula
        return f"{formula}, and the initial state" if self.learn_initial and formula else formula

    def _beginning(self, params: Params, like: Array) -> Any:
        """The initial state if none is given: zeros, or the learned one."""
        state = self.cell.zero_state(len(like), like.dtype)
        if not self.learn_initial:
            return state
        learned = state._replace(**without_prefix("initial", params))
        return mapped(lambda own, zero: zero + own, learned, state)

    def _forward(self, params: Params, x: Array, context: Context) -> RecurrentTape:
        (given,) = context.states
        mask, resets = context.mask, context.resets
        assert mask is not None
        noise = self._noise(context, len(x), x.shape[1])
        beginning = self._beginning(params, x)
        initial = beginning if given is None else given
        state, after, records = initial, [], []
        for t in range(x.shape[1]):
            valid = mask[:, t, np.newaxis]
            before = state if resets is None else select(~resets[:, t, None], state, beginning)
            made = self.cell.step(params, x[:, t], before, at_step(noise, t))
            proposed, record = made if t else check_step(self.cell, made, len(x))
            state = select(valid, proposed, state)
            after.append(state)
            records.append(select(valid, record))
        every_state, gates = over_time(after), over_time(records)
        outputs = state.h
        if self.return_sequences:
            outputs = zero_where_masked(every_state.h, mask)
        return RecurrentTape(
            params,
            x,
            mask,
            outputs,
            noise,
            initial,
            every_state,
            gates,
            state,
            resets,
            learned=self.learn_initial and given is None,
            ranges=tuple((name, *ends) for name, ends in self.cell.ranges.items()),
        )

    def _backward(
        self, tape: RecurrentTape, doutputs: Array, dfinal: States
    ) -> tuple[dict[str, Array], Array, States]:
        assert tape.mask is not None
        (dstate,) = dfinal
        if dstate is None:
            dstate = mapped(np.zeros_like, tape.final)
        if not self.return_sequences:
            dstate = dstate._replace(h=dstate.h + doutputs)
        dparams = {name: np.zeros_like(value) for name, value in tape.params.items()}
        dx = np.zeros_like(tape.x)
        beginning = self._beginning(tape.params, tape.x)

        def begin(dstate: Any) -> None:
            """The gradient of the initial state belongs to the parameters, if it is learned."""
            for field, value in dstate._asdict().items() if self.learn_initial else ():
                dparams[f"initial.{field}"] += value.sum(axis=0)

        for t in reversed(range(tape.x.shape[1])):
            valid = tape.mask[:, t, np.newaxis]
            if self.return_sequences:
                dstate = dstate._replace(h=dstate.h + doutputs[:, t])
            before = at_step(tape.states, t - 1) if t > 0 else tape.initial
            if tape.resets is not None:
                goes_on = ~tape.resets[:, t, np.newaxis]
                before = select(goes_on, before, beginning)
            dnew = select(valid, dstate)
            found = self.cell.step_backward(
                tape.params,
                tape.x[:, t],
                before,
                at_step(tape.gates, t),
                at_step(tape.states, t),
                dnew,
                at_step(tape.noise, t),
            )
            if t == tape.x.shape[1] - 1:
                check_step_back(self.cell, found)
            if tape.observer is not None:
                tape.observer.stepped(t, dnew, found)
            dstep, dx[:, t], dbefore = found
            if tape.resets is not None:
                begin(select(~goes_on, dbefore))
                dbefore = select(goes_on, dbefore)
            dstate = select(valid, dbefore, dstate)
            for name, value in dstep.items():
                dparams[name] += value
        if tape.learned:
            begin(dstate)
        return dparams, dx, (dstate,)

    def _noise(self, context: Context, batch: int, steps: int) -> Any:
        """The draws of a pass: new ones in training, old ones if they are given, else none."""
        where = f"{type(self).__name__}.forward"
        shapes = self.cell.noise_shapes(batch, steps)
        if context.noise is not None:
            return check_noise_tree(where, context.noise, shapes)
        if context.rng is None:
            return None
        drawn = self.cell.draw_noise(context.rng, batch, steps)
        if shapes is None and drawn is not None:
            expected = f"noise_shapes of {type(self.cell).__name__} must say what it draws"
            fail(ArgumentError, where, expected, "None", "Define it together with draw_noise.")
        return drawn

    def check_state(
        self, where: str, name: str, state: Any, batch: int, dtype: np.dtype[Any]
    ) -> Any:
        """Check a state of this layer that a user gave."""
        checked = check_tuple(where, name, state, self.cell.state_sizes, (batch,), dtype)
        for field, value in checked._asdict().items():
            check_finite(where, f"{name}.{field}", value, None)
        return mapped(np.copy, checked)

    def check_tape(self, where: str, tape: object) -> None:
        super().check_tape(where, tape)
        assert isinstance(tape, RecurrentTape)
        if tape.run is not None:
            return
        assert tape.mask is not None
        B, T = tape.x.shape[:2]
        cell = self.cell
        expected: dict[str, tuple[Any, tuple[int, ...]]] = {
            "initial": (cell.state_sizes, (B,)),
            "states": (cell.state_sizes, (B, T)),
            "gates": (cell.record_sizes, (B, T)),
        }
        for name, (sizes, leading) in expected.items():
            values = getattr(tape, name)
            check_tuple(where, f"tape.{name}", values, sizes, leading, tape.x.dtype)
        check_resets(f"{where}, tape.resets", tape.resets, tape.mask)
        if tape.noise is not None:
            check_noise_tree(f"{where}, tape.noise", tape.noise, cell.noise_shapes(B, T))
