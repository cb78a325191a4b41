"""The cells that Keras's own tests of ``keras.layers.RNN`` define, as a user of npstack would.

``keras/src/layers/rnn/rnn_test.py`` writes two small linear cells, and records of its tests are
made of them. They are no cells of npstack, and `npstack.Recurrent` runs them all the same.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from npstack.cells import Cell
from npstack.core.init import glorot


class NoRecord(NamedTuple):
    """Nothing but the states is kept of a step."""


class OneState(NamedTuple):
    """The output is all of the state."""

    h: Any


class OneStateRNNCell(Cell):
    """A linear network: ``(1) h = x W + h' U``."""

    def __init__(self, input_size: int, hidden_size: int, *, rng: np.random.Generator) -> None:
        D, H = self.input_size, self.hidden_size = input_size, hidden_size
        self.state_sizes, self.record_sizes = OneState(h=H), NoRecord()
        self.params = {"W": glorot(rng, (D, H)), "U": glorot(rng, (H, H))}

    def step(self, params: Any, x: Any, state: OneState, noise: Any = None) -> Any:
        h = x @ params["W"] + state.h @ params["U"]  # (1)
        return OneState(h=h), NoRecord()

    def step_backward(
        self,
        params: Any,
        x: Any,
        state: OneState,
        record: NoRecord,
        new_state: OneState,
        dnew_state: OneState,
        noise: Any = None,
    ) -> Any:
        dh = dnew_state.h
        dparams = {"W": x.T @ dh, "U": state.h.T @ dh}  # (1)
        return dparams, dh @ params["W"].T, OneState(h=dh @ params["U"].T)  # (1)


class TwoStates(NamedTuple):
    """Two states, and their sum: in Keras the output is not a state, but here it must be one."""

    h: Any
    first: Any
    second: Any


class TwoStatesRNNCell(Cell):
    """Two linear networks with one input; the second state is written and never read.

    ::

        (1) first  = x W + first' U1
        (2) second = x W + first' U2          first', as Keras's test has it, and not second'
        (3) h = first + second
    """

    def __init__(self, input_size: int, hidden_size: int, *, rng: np.random.Generator) -> None:
        D, H = self.input_size, self.hidden_size = input_size, hidden_size
        self.state_sizes, self.record_sizes = TwoStates(H, H, H), NoRecord()
        shapes = {"W": (D, H), "U1": (H, H), "U2": (H, H)}
        self.params = {name: glorot(rng, shape) for name, shape in shapes.items()}

    def step(self, params: Any, x: Any, state: TwoStates, noise: Any = None) -> Any:
        from_x = x @ params["W"]
        first = from_x + state.first @ params["U1"]  # (1)
        second = from_x + state.first @ params["U2"]  # (2)
        return TwoStates(h=first + second, first=first, second=second), NoRecord()  # (3)

    def step_backward(
        self,
        params: Any,
        x: Any,
        state: TwoStates,
        record: NoRecord,
        new_state: TwoStates,
        dnew_state: TwoStates,
        noise: Any = None,
    ) -> Any:
        dfirst = dnew_state.first + dnew_state.h  # (3)
        dsecond = dnew_state.second + dnew_state.h  # (3)
        dfrom_x = dfirst + dsecond  # (2), (1)
        dparams = {
            "W": x.T @ dfrom_x,
            "U1": state.first.T @ dfirst,  # (1)
            "U2": state.first.T @ dsecond,  # (2)
        }
        dfirst_before = dfirst @ params["U1"].T + dsecond @ params["U2"].T  # (1), (2)
        unread = np.zeros_like(dfirst)
        return (
            dparams,
            dfrom_x @ params["W"].T,
            TwoStates(h=unread, first=dfirst_before, second=unread),
        )
