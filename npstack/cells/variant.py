"""The LSTM with parts: what a variant adds is in a file for each part (`cells.parts`).

This is the plain cell (`cells/lstm.py`) again, line for line, with calls of the parts wherever a
variant may differ; without parts, it gives the same bits. In one step (§3.2)::

    a = x W + h' U + b            pre-activations of all gates

    (1)  i = act_i(a_i)           gate: bias, peephole (at c'), clip
    (2)  f = act_f(a_f)           gate                            coupled: f = 1 - i
    (3)  g = act_g(a_g)           gate
    (5)  c = f * c' + i * g       cell: clip
    (4)  o = act_o(a_o)           gate: bias, peephole (at c: the new cell), clip
    (6)  m = o * act_c(c)
    (7)  h = m                    hidden: projection

The output gate comes after the cell, because its peephole reads the new cell. Backward, the lines
are read from the last to the first. What a tape does not keep (sums before the activations, the
cell before its clip) is computed again from what it keeps, so the tape of every variant has the
same fields as that of the plain LSTM: states and gates.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

import numpy as np

from npstack.cells.base import GatedCell, WeightOptions, each
from npstack.cells.parts import PARTS, Part
from npstack.core.activations import Activation, Range
from npstack.core.errors import ArgumentError, describe, fail
from npstack.core.numerics import Array
from npstack.core.params import LSTMGates, Params, join_gates
from npstack.core.tape import LSTMState

USUAL = {
    **dict.fromkeys(("input", "forget", "output"), Activation("sigmoid")),
    **dict.fromkeys(("candidate", "cell"), Activation("tanh")),
}

SIZES = {"units": "H", "h": "P"}


class LSTMVariantCell(GatedCell):
    """An LSTM with parts, in any combination.

    Parameters
    ----------
    input_size, hidden_size : int
        D and H.
    *parts : Part
        At most one of a kind, in any order; they act in the order of `PARTS`.
    rng, kernel_init, recurrent_init, bias_init, forget_bias, dtype
        As in `LSTMCell`; ``forget_bias`` is stored in ``b`` (with `Coupled` there is none).

    Attributes
    ----------
    params : dict
        ``W (D, 4H)``, ``U (P, 4H)``, ``b (4H,)`` and what the parts add: ``P (3H,)`` of
        `Peepholes`, ``R (H, P)`` of `Projection`.
    parts : tuple of Part
        In the order in which they act.
    activations : dict of Activation
        By gate, and ``"cell"``.

    Examples
    --------
    >>> from npstack import LSTMVariantCell, Recurrent
    >>> from npstack.cells.parts import Peepholes, Projection
    >>> rng = np.random.default_rng(0)
    >>> layer = Recurrent(LSTMVariantCell(3, 8, Peepholes(), Projection(2), rng=rng))
    >>> tape = layer.forward(np.ones((4, 5, 3)))
    >>> tape.outputs.shape, tape.final.c.shape
    ((4, 5, 2), (4, 8))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *parts: Part,
        forget_bias: float | None = 1.0,
        **options: Unpack[WeightOptions],
    ) -> None:
        where = type(self).__name__
        for part in parts:
            if not isinstance(part, Part):
                advice = "Build it: LSTMVariantCell(3, 8, Peepholes(), rng=rng)."
                fail(ArgumentError, where, "parts must be parts", describe(part), advice)
        kinds = [type(part) for part in parts]
        twice = dict.fromkeys(kind.__name__ for kind in kinds if kinds.count(kind) > 1)
        if twice:
            got = f"two of {', '.join(twice)}"
            fail(ArgumentError, where, "parts must be of different kinds", got, "Leave one out.")
        order = {kind: place for place, kind in enumerate(PARTS)}
        self.parts = tuple(sorted(parts, key=lambda part: order.get(type(part), len(PARTS))))
        self.coupled = any(part.coupled for part in parts)
        without = {"forget"} if self.coupled else set()
        self.gates = tuple(gate for gate in LSTMGates._fields if gate not in without)
        super().__init__(input_size, hidden_size, **options)

        H = self.hidden_size
        self.state_sizes = each(LSTMState, H)._replace(h=self.width(H))
        self.record_sizes = each(LSTMGates, H)
        self.activations = dict(USUAL)
        added: dict[str, Array] = {}
        for part in self.parts:
            own, axes = part.params(self.gates, H, options["rng"])
            added |= own
            self.axes = {**self.axes, **axes}
            for name, usual in self.activations.items():
                self.activations[name] = part.activation(name, usual)
        dtype = self.params["b"].dtype
        self.params = {**self.params, **{name: v.astype(dtype) for name, v in added.items()}}
        self._write_forget_bias(None if self.coupled else forget_bias)

    @property
    def ranges(self) -> Mapping[str, Range]:  # type: ignore[override]
        """Ranges of the gates from their activations, of the states from these and the parts."""
        found = {name: activation.range for name, activation in self.activations.items()}
        shown = found.pop("cell")
        if self.coupled:
            low, high = found["input"]
            found["forget"] = 1 - high, 1 - low
        ends = [a * b if a and b else 0.0 for a in found["output"] for b in shown]  # no 0 * inf
        ranges: Mapping[str, Range] = {**found, "h": (min(ends), max(ends))}
        for part in self.parts:
            ranges = part.ranges(ranges)
        return ranges

    @classmethod
    def _gate_count(cls, parts: tuple[Any, ...]) -> int:
        return 3 if any(part.coupled for part in parts) else 4

    def width(self, hidden_size: int) -> int:
        """The width of ``h``: P of a projection, else H."""
        for part in self.parts:
            hidden_size = part.width(hidden_size)
        return hidden_size

    @property
    def parameter_formula(self) -> str:  # type: ignore[override]
        """Formula for the number of parameters."""
        P = "P" if "R" in self.axes else "H"

        def letters(axes: tuple[Any, ...]) -> str:
            return "".join(f"{len(a)}H" if isinstance(a, tuple) else SIZES[a] for a in axes)

        added = [letters(axes) for name, axes in self.axes.items() if name not in ("W", "U", "b")]
        return " + ".join([f"{len(self.gates)}H(D + {P} + 1)", *added])

    @property
    def formula(self) -> str:
        """The same, with the letters' values."""
        return super().formula + (f", P={self.output_size}" if "R" in self.axes else "")

    # ---- values before and after each part ----------------------------------------------------

    def _sums(self, params: Params, name: str, a: Array, c: Array) -> list[Array]:
        """A gate's pre-activation before the parts, and after each of them."""
        sums = [a]
        for part in self.parts:
            sums.append(part.gate(params, name, sums[-1], c))
        return sums

    def _cells(self, c: Array) -> list[Array]:
        """The new cell before the parts, and after each of them."""
        cells = [c]
        for part in self.parts:
            cells.append(part.cell(cells[-1]))
        return cells

    def _hiddens(self, params: Params, m: Array) -> list[Array]:
        """``o * act(c)`` before the parts, and after each of them."""
        hiddens = [m]
        for part in self.parts:
            hiddens.append(part.hidden(params, hiddens[-1]))
        return hiddens

    def _affine(self, params: Params, x: Array, state: LSTMState) -> dict[str, Array]:
        """The pre-activations by gate, before any part."""
        a = x @ params["W"] + state.h @ params["U"] + params["b"]
        return dict(zip(self.gates, np.split(a, len(self.gates), axis=-1), strict=True))

    # ---- the step, and its mirror image --------------------------------------------------------

    def step(
        self, params: Params, x: Array, state: LSTMState, noise: Any = None
    ) -> tuple[LSTMState, LSTMGates]:
        """One step forward; see `LSTMCell.step`."""
        a = self._affine(params, x, state)

        def gate(name: str, c: Array) -> Array:
            return self.activations[name].function(self._sums(params, name, a[name], c)[-1])

        i = gate("input", state.c)  # (1)
        f = 1 - i if self.coupled else gate("forget", state.c)  # (2)
        g = gate("candidate", state.c)  # (3)
        c = self._cells(f * state.c + i * g)[-1]  # (5)
        o = gate("output", c)  # (4)
        m = o * self.activations["cell"].function(c)  # (6)
        h = self._hiddens(params, m)[-1]  # (7)
        return LSTMState(h=h, c=c), LSTMGates(input=i, forget=f, candidate=g, output=o)

    def step_backward(
        self,
        params: Params,
        x: Array,
        state: LSTMState,
        gates: LSTMGates,
        new_state: LSTMState,
        dnew_state: LSTMState,
        noise: Any = None,
    ) -> tuple[dict[str, Array], Array, LSTMState]:
        """One step backward: `step` read from its last line to its first."""
        i, f, g, o = gates.input, gates.forget, gates.candidate, gates.output
        a, act = self._affine(params, x, state), self.activations
        c = new_state.c
        dparams: dict[str, Array] = {}
        da: dict[str, Array] = {}

        def note(added: dict[str, Array]) -> None:
            for name, value in added.items():
                dparams[name] = dparams[name] + value if name in dparams else value

        def gate_backward(name: str, y: Array, c: Array, dy: Array) -> Array:
            """Back through a gate to its sum, and to the cell that it reads."""
            sums = self._sums(params, name, a[name], c)
            d, dc = dy * act[name].derivative(sums[-1], y), np.zeros_like(c)
            for part, after in zip(reversed(self.parts), reversed(sums), strict=False):
                d, seen, added = part.gate_backward(params, name, after, c, d)
                note(added)
                dc = dc if seen is None else dc + seen
            da[name] = d
            return dc

        shown = act["cell"].function(c)
        hiddens, dm = self._hiddens(params, o * shown), dnew_state.h
        for k, part in reversed(list(enumerate(self.parts))):  # (7)
            dm, added = part.hidden_backward(params, hiddens[k], hiddens[k + 1], dm)
            note(added)
        do = dm * shown  # (6)
        dc = dnew_state.c + dm * o * act["cell"].derivative(c, shown)  # (6) both paths of c
        dc = dc + gate_backward("output", o, c, do)  # (4) and a third, by the peephole
        cells = self._cells(f * state.c + i * g)
        for part, after in zip(reversed(self.parts), reversed(cells), strict=False):  # (5)
            dc = part.cell_backward(after, dc)
        df, di, dg = dc * state.c, dc * g, dc * i  # (5)
        dc_before = dc * f  # (5)
        dc_before = dc_before + gate_backward("candidate", g, state.c, dg)  # (3)
        if self.coupled:
            di = di - df  # (2)
        else:
            dc_before = dc_before + gate_backward("forget", f, state.c, df)  # (2)
        dc_before = dc_before + gate_backward("input", i, state.c, di)  # (1)

        packed = join_gates([da[gate] for gate in self.gates])
        dparams |= {"W": x.T @ packed, "U": state.h.T @ packed, "b": packed.sum(axis=0)}
        dx, dh_before = packed @ params["W"].T, packed @ params["U"].T
        return dparams, dx, LSTMState(h=dh_before, c=dc_before)
