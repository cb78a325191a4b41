"""The LSTM in few calls of NumPy per step.

::

    z = tanh([x 1 h'] [W; b; U])      all gates in one product and one call
    o, i, f = (1 + z) / 2             the sigmoid: W, b, U of these three are halved beforehand
    c = i g + f c'                    i, f next to g, c' in memory: both products in one call
    h = o tanh(c)

``(1 + tanh(a / 2)) / 2`` has the absolute error of the sigmoid in `npstack.core.numerics`, but not
its relative error: a gate that is nearly closed loses digits, and is zero in float32 from about
-17. What verifies therefore runs on the readable path.

Backward, everything that does not depend on the gradient is computed for a chunk of steps at once,
the local factors. A step is then two products of elements, two sums and one matrix product::

    dc through h, do = dh * factors
    dc = that + dc f of the step after
    di, df, dg, dc f = dc * factors
    dh' = [do di df dg] U'

In memory the gates are in the order o, i, f, g.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npstack.core.numerics import Array
from npstack.core.params import Params
from npstack.engine.one_layer import BackwardLayer, ForwardLayer, Rows

add, matmul, multiply, subtract, tanh = np.add, np.matmul, np.multiply, np.subtract, np.tanh
GATES = {"output": 0, "input": 1, "forget": 2, "candidate": 3}  # their order in memory


def into_memory(packed: Array, out: Array) -> None:
    """Columns ``(…, 4H)`` from the order of `LSTMGates` to that in memory."""
    H = packed.shape[-1] // 4
    out[..., :H], out[..., H:] = packed[..., 3 * H :], packed[..., : 3 * H]


def from_memory(packed: Array) -> Array:
    """The inverse of `into_memory`."""
    H = packed.shape[-1] // 4
    return np.concatenate([packed[..., H:], packed[..., :H]], axis=-1)


def turned(W: Array) -> Array:
    """``W`` transposed, ``(4 H, D)``, its gates in the order in memory."""
    found = np.empty(W.shape[::-1], W.dtype)
    into_memory(W, found.T)
    return found


def local_factors(kept: Array, c_after: Array, tanh_c: Array, Q: Array) -> None:
    """What the backward pass multiplies by in some steps.

    Parameters
    ----------
    kept : array (5, n, …)
        o, i, f, g, and c before.
    c_after, tanh_c : array (n, …)
        c after; and room.
    Q : array (5, n, …)
        dc by dh; do by dh; di, df, dg by dc.
    """
    one = kept.dtype.type(1)
    oif, o, i, g = kept[:3], kept[0], kept[1], kept[3]
    through_h, of_sums, of_g = Q[0], Q[1:4], Q[4]
    tanh(c_after, tanh_c)
    subtract(one, oif, of_sums)
    multiply(of_sums, oif, of_sums)
    multiply(Q[1], tanh_c, Q[1])
    multiply(Q[2:4], kept[3:5], Q[2:4])
    multiply(tanh_c, tanh_c, through_h)
    subtract(one, through_h, through_h)
    multiply(through_h, o, through_h)
    multiply(g, g, of_g)
    subtract(one, of_g, of_g)
    multiply(of_g, i, of_g)


class ForwardLSTM(ForwardLayer):
    """Slots of a step: o, i, f, g, and c before it."""

    slots = 5
    room_for = 3

    def views(self) -> tuple[Array, ...]:
        kept, z = self.kept[1:], self.kept[:-1]
        sums = z[:, :4].reshape(len(z), 4 * self.tiles, *z.shape[3:])
        products = self.window, self.window[:, :, self.D + 1 :], sums
        return (
            *products,
            z[:, :4],
            z[:, :3],
            z[:, 1:3],
            z[:, 3:],
            kept[:, 4],
            z[:, 0],
            self.hidden[1:],
        )

    def load(self, params: Params) -> None:
        D, H, s = self.D, self.H, self.tiles
        W = self.W.reshape(4, s, D + 1 + H, H // s)
        for rows, name in ((slice(0, D), "W"), (slice(D, D + 1), "b"), (slice(D + 1, None), "U")):
            value = params[name].reshape(-1, 4, s, H // s).transpose(1, 2, 0, 3)
            W[0, :, rows], W[1:, :, rows] = value[3], value[:3]
        multiply(W[:3], self.half, W[:3])
        self.U = self.W[:, D + 1 :]

    def begin(self, state: Any) -> None:
        self.hidden[0], self.kept[0, 4] = self.tiled(state.h), self.tiled(state.c)

    def project(self, a: int, b: int) -> None:
        x = self.window[a:b, np.newaxis, :, : self.D + 1]
        sums = self.kept[a:b, :4]
        matmul(x, self.W[:, : self.D + 1], sums.reshape(b - a, -1, *sums.shape[3:]))

    def steps(self, a: int, b: int, projected: bool) -> None:
        half, from_h, W, U = self.half, self.from_h, self.W, self.U
        both, (one, two, tanh_c) = self.room[:2], self.room
        for v, h_before, sums, z, oif, i_f, g_c, c, o, h in self.forth(a, b):
            if projected:
                matmul(h_before, U, from_h)
                add(sums, from_h, sums)
            else:
                matmul(v, W, sums)
            tanh(z, z)
            multiply(oif, half, oif)
            add(oif, half, oif)
            multiply(i_f, g_c, both)
            add(one, two, c)
            tanh(c, tanh_c)
            multiply(o, tanh_c, h)

    def hold(self, t: int, rows: Rows) -> None:
        for values in (self.hidden, self.kept[:, 4]):
            np.copyto(values[t + 1], values[t], where=rows[:, np.newaxis])

    def reset_cell(self, t: int, rows: Rows, beginning: Any) -> Array:
        before: Array = self.kept[t, 4][:, rows]
        self.kept[t, 4][:, rows] = self.tiled(beginning.c)[:, rows]
        return before

    def c_after(self, a: int, b: int) -> Array:
        """``c`` after steps a to b - 1, tiled."""
        found = self.kept[a + 1 : b + 1, 4]
        steps = [t for t in range(a + 1, b + 1) if t in self.resets]
        if steps:
            found = found.copy()
            for t in steps:
                rows, _, c = self.resets[t]
                found[t - a - 1][:, rows] = c
        return found

    def last(self, name: str, steps: int = -1) -> Array:
        if name == "h":
            found: Array = self.flat_hidden[steps]
        else:
            found = self.flat(self.kept[steps, np.newaxis, 4])[0]
        return found

    def carried(self) -> list[Array]:
        return [self.flat_hidden, self.kept[:, 4]]

    def after(self, name: str) -> Array:
        T = len(self.kept) - 1
        if name == "h":
            return self.flat_hidden[1:]
        if name == "c":
            return self.flat(self.c_after(0, T))
        return self.flat(self.kept[:T, GATES[name]])


class BackwardLSTM(BackwardLayer):
    """A row of R: dc through h; the gradients of the sums o, i, f, g; dc of the step before."""

    sums, factors_of = 6, 6

    def shape_of_u(self) -> tuple[int, int, int]:
        return self.tiles, 4 * self.H, self.H // self.tiles

    def views(self, k: int, j: int) -> tuple[Any, ...]:
        H, q = self.H, self.Q[k, j]
        row, after = self.tiled_row(k, j), self.tiled_row(k, j + 1)
        dsums = self.R[k, j].reshape(self.B, 6 * H)[:, H : 5 * H]
        return q[:2], q[2:], row[:2], row[0], after[5], row[2:], dsums

    def load(self, params: Params) -> Array:
        s, H = self.tiles, self.H
        rows = params["U"].reshape(s, H // s, 4 * H).swapaxes(1, 2)  # (s, 4H, hs)
        into_memory(rows.swapaxes(1, 2), self.U.swapaxes(1, 2))
        return turned(params["W"])

    def begin(self, k: int, n: int, dstate: Any) -> None:
        self.dh[...] = 0 if dstate is None else self.tiled(dstate.h)
        self.R[k, n, :, 5] = 0 if dstate is None else dstate.c

    def carry(self, k: int, n: int, last: int) -> None:
        self.R[k, n, :, 5] = self.R[last, 0, :, 5]

    def factors(self, own: Any, a: int, b: int, k: int, masked: Rows | None) -> None:
        Q, kept = self.Q[k, : b - a], own.kept[a:b]
        by_slot = kept.swapaxes(0, 1), own.c_after(a, b), self.room[: b - a], Q.swapaxes(0, 1)
        local_factors(*by_slot)
        np.copyto(Q[:, 5], kept[:, 2])
        if masked is not None:
            where = masked[:, np.newaxis, :, np.newaxis]
            np.copyto(Q[:, :5], 0, where=where[:, np.newaxis])
            np.copyto(Q[:, 5], 1, where=where)

    def steps(self, k: int, j: range, doutputs: Array | None) -> None:
        dh, dc, U, back = self.dh, self.dc, self.U, self.back[k]
        for t in j:
            of_dh, of_dc, row_dh, through_h, dc_after, row_dc, dsums = back[t]
            if doutputs is not None:
                add(dh, doutputs[t], dh)
            multiply(of_dh, dh, row_dh)
            add(through_h, dc_after, dc)
            multiply(of_dc, dc, row_dc)
            matmul(dsums, U, dh)

    def dstate(self, k: int, j: int) -> tuple[Array, ...]:
        return self.dh.swapaxes(0, 1), self.tiled_row(k, j)[5].swapaxes(0, 1)

    def gradients(self, D: int, sums: Array) -> dict[str, Array]:
        G = from_memory(sums)
        return {"W": G[:D], "U": G[D + 1 :], "b": G[D]}

    def dsums(self, k: int, n: int) -> tuple[Array, Array]:
        found = self.R[k, :n].reshape(-1, 6 * self.H)[:, self.H : 5 * self.H]
        return found, found
