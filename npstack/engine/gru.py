"""The GRU (reset after the product) in few calls of NumPy per step.

::

    n', r, z, q = [x 1 h'] [W; b; U]      n' from x alone, q from h' alone
    r, z = (1 + tanh) / 2                 the sigmoid, as in `npstack.engine.lstm`
    n = tanh(n' + r q)
    h = n + z (h' - n)

Backward, with the local factors of a chunk of steps::

    dn, dr, dz, dq, dh through z = dh * factors
    dh' = that + [dr dz dq] U'

In memory the blocks are in the order n, r, z, q: those that x enters are neighbours, and those that
h' enters.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npstack.core.numerics import Array
from npstack.core.params import Params
from npstack.engine.one_layer import BackwardLayer, ForwardLayer, Rows

add, matmul, multiply, subtract, tanh = np.add, np.matmul, np.multiply, np.subtract, np.tanh
GATES = {"candidate": 0, "reset": 1, "update": 2}  # their order in memory


class ForwardGRU(ForwardLayer):
    """Slots of a step: n, r, z, q."""

    slots = 4
    room_for = 1

    def views(self) -> tuple[Array, ...]:
        z, s = self.kept[:-1], self.tiles
        sums = z.reshape(len(z), 4 * s, *z.shape[3:])
        products = self.window, self.window[:, :, self.D + 1 :], sums, sums[:, s:]
        return (*products, z[:, 1:3], *z.swapaxes(0, 1), self.hidden[:-1], self.hidden[1:])

    def load(self, params: Params) -> None:
        D, H, s = self.D, self.H, self.tiles
        W = self.W.reshape(4, s, D + 1 + H, H // s)
        for rows, name in ((slice(0, D), "W"), (slice(D, D + 1), "b"), (slice(D + 1, None), "U")):
            value = params[name].reshape(-1, 3, s, H // s).transpose(1, 2, 0, 3)  # r, z, n
            W[1:3, :, rows] = value[:2]
            W[3 if name == "U" else 0, :, rows] = value[2]
        W[3, :, D] = params["b_recurrent"].reshape(s, -1)
        multiply(W[1:3], self.half, W[1:3])
        self.U = self.W[s:, D + 1 :]
        self.from_h = self.from_h[: 3 * s]

    def begin(self, state: Any) -> None:
        self.hidden[0] = self.tiled(state.h)

    def project(self, a: int, b: int) -> None:
        s, D = self.tiles, self.D
        x = self.window[a:b, np.newaxis, :, : D + 1]
        sums = self.kept[a:b].reshape(b - a, -1, *self.kept.shape[3:])
        matmul(x, self.W[: 3 * s, : D + 1], sums[:, : 3 * s])
        sums[:, 3 * s :] = self.W[3 * s :, D, np.newaxis]

    def steps(self, a: int, b: int, projected: bool) -> None:
        half, from_h, W, U, (room,) = self.half, self.from_h, self.W, self.U, self.room
        for v, hw, sums, of_h, rz, n, r, z, q, h_before, h in self.forth(a, b):
            if projected:
                matmul(hw, U, from_h)
                add(of_h, from_h, of_h)
            else:
                matmul(v, W, sums)
            tanh(rz, rz)
            multiply(rz, half, rz)
            add(rz, half, rz)
            multiply(r, q, room)
            add(n, room, n)
            tanh(n, n)
            subtract(h_before, n, room)
            multiply(z, room, room)
            add(n, room, h)

    def hold(self, t: int, rows: Rows) -> None:
        np.copyto(self.hidden[t + 1], self.hidden[t], where=rows[:, np.newaxis])

    def last(self, name: str, steps: int = -1) -> Array:
        found: Array = self.flat_hidden[steps]
        return found

    def after(self, name: str) -> Array:
        if name == "h":
            return self.flat_hidden[1:]
        return self.flat(self.kept[: len(self.kept) - 1, GATES[name]])


class BackwardGRU(BackwardLayer):
    """A row of R: the gradients of n, r, z, q; dh of the step before through z."""

    sums, factors_of = 5, 5

    def shape_of_u(self) -> tuple[int, int, int]:
        return self.tiles, 3 * self.H, self.H // self.tiles

    def views(self, k: int, j: int) -> tuple[Any, ...]:
        H = self.H
        row = self.tiled_row(k, j)
        dsums = self.R[k, j].reshape(self.B, 5 * H)[:, H : 4 * H]
        return self.Q[k, j], row, row[4], dsums

    def load(self, params: Params) -> Array:
        s, H = self.tiles, self.H
        self.U[...] = params["U"].reshape(s, H // s, 3 * H).swapaxes(1, 2)
        W = params["W"]
        return np.concatenate([W[:, 2 * H :], W[:, : 2 * H]], axis=1).T.copy()

    def begin(self, k: int, n: int, dstate: Any) -> None:
        self.dh[...] = 0 if dstate is None else self.tiled(dstate.h)

    def carry(self, k: int, n: int, last: int) -> None:
        """``dh`` is all that a chunk leaves."""

    def factors(self, own: Any, a: int, b: int, k: int, masked: Rows | None) -> None:
        n = b - a
        Q, kept, one = self.Q[k, :n], own.kept[a:b], own.kept.dtype.type(1)
        h_before = self.tiled(own.read(a, b)[:, :, own.D + 1 :])
        candidate, r, z, q = (kept[:, slot] for slot in range(4))
        of_n, of_r, of_z, of_q, through = (Q[:, slot] for slot in range(5))
        subtract(one, z, of_n)
        multiply(of_n, z, of_z)
        subtract(h_before, candidate, through)
        multiply(of_z, through, of_z)
        multiply(candidate, candidate, through)
        subtract(one, through, through)
        multiply(of_n, through, of_n)
        subtract(one, r, of_r)
        multiply(of_r, r, of_r)
        multiply(of_r, q, of_r)
        multiply(of_r, of_n, of_r)
        multiply(of_n, r, of_q)
        np.copyto(through, z)
        if masked is not None:
            where = masked[:, np.newaxis, :, np.newaxis]
            np.copyto(Q[:, :4], 0, where=where[:, np.newaxis])  # `Backward` holds dh

    def steps(self, k: int, j: range, doutputs: Array | None) -> None:
        dh, U, back = self.dh, self.U, self.back[k]
        for t in j:
            of_dh, row, through, dsums = back[t]
            if doutputs is not None:
                add(dh, doutputs[t], dh)
            multiply(of_dh, dh, row)
            matmul(dsums, U, dh)
            add(dh, through, dh)

    def dstate(self, k: int, j: int) -> tuple[Array, ...]:
        return (self.dh.swapaxes(0, 1),)

    def gradients(self, D: int, sums: Array) -> dict[str, Array]:
        H, G = self.H, sums
        of_x = np.concatenate([G[:, H : 3 * H], G[:, :H]], axis=1)
        return {
            "W": of_x[:D],
            "U": G[D + 1 :, H:].copy(),
            "b": of_x[D],
            "b_recurrent": G[D, 3 * H :].copy(),
        }

    def dsums(self, k: int, n: int) -> tuple[Array, Array]:
        every = self.R[k, :n].reshape(-1, 5 * self.H)
        return every[:, : 4 * self.H], every[:, : 3 * self.H]
