"""LSTM, GRU and RNN over a sequence as people write them for a course: forward and backward.

``make(shape, like)`` makes every buffer, so that a style decides about its dtype. The backward
adds what comes back from the next step to the cotangent that it was given, in place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

Make = Callable[[tuple[int, ...], Any], Any]
Function = Callable[[Any], Any]


def plain(a: Any) -> Any:
    """The formula of the textbook, which overflows on its way to 0."""
    return 1 / (1 + np.exp(-a))


def halved(a: Any) -> Any:
    """By tanh, as some programs do."""
    return 0.5 * (1 + np.tanh(0.5 * a))


def two_sided(a: Any) -> Any:
    """One formula for each sign."""
    small = np.exp(np.where(a.real < 0, a, -a))
    return np.where(a.real < 0, small, 1) / (1 + small)


SIGMOIDS: dict[str, Function] = {"plain": plain, "halved": halved, "two-sided": two_sided}


def lstm_forward(make: Make, sigmoid: Function, x: Any, h0: Any, c0: Any, Wx: Any, Wh: Any, b: Any):
    """Gates i, f, o, g, as CS231n packs them."""
    B, T, _ = x.shape
    H = h0.shape[1]
    hs, h, c, cache = make((B, T, H), x), h0, c0, []
    for t in range(T):
        a = x[:, t] @ Wx + h @ Wh + b
        i, f, o = (sigmoid(a[:, k * H : (k + 1) * H]) for k in range(3))
        g = np.tanh(a[:, 3 * H :])
        cache.append((x[:, t], h, c, i, f, o, g))
        c = f * c + i * g
        h = o * np.tanh(c)
        hs[:, t] = h
        cache[-1] = (*cache[-1], np.tanh(c))
    return (hs, c), (cache, Wx, Wh)


def lstm_backward(make: Make, dhs: Any, dc: Any, remembered: Any):
    """Gradients by x, h0, c0, Wx, Wh, b."""
    cache, Wx, Wh = remembered
    B, T, H = dhs.shape
    dx = make((B, T, len(Wx)), Wx)
    dWx, dWh, db = make(Wx.shape, Wx), make(Wh.shape, Wh), make((4 * H,), Wx)
    dh0 = make((B, H), Wx)
    for t in reversed(range(T)):
        x, h, c, i, f, o, g, tanh_c = cache[t]
        dh = dhs[:, t]
        dc += dh * o * (1 - tanh_c**2)
        da = np.hstack(
            [
                dc * g * i * (1 - i),
                dc * c * f * (1 - f),
                dh * tanh_c * o * (1 - o),
                dc * i * (1 - g**2),
            ]
        )
        dx[:, t] = da @ Wx.T
        dWx += x.T @ da
        dWh += h.T @ da
        db += da.sum(axis=0)
        dc *= f
        if t:
            dhs[:, t - 1] += da @ Wh.T
        else:
            dh0 += da @ Wh.T
    return dx, dh0, dc, dWx, dWh, db


def gru_forward(make: Make, sigmoid: Function, x: Any, h0: Any, Wx: Any, Wh: Any, b: Any):
    """The form of the paper: the reset gate acts before the product. Gates r, z, n."""
    B, T, _ = x.shape
    H = h0.shape[1]
    hs, h, cache = make((B, T, H), x), h0, []
    for t in range(T):
        a = x[:, t] @ Wx + b
        rz = sigmoid(a[:, : 2 * H] + h @ Wh[:, : 2 * H])
        r, z = rz[:, :H], rz[:, H:]
        n = np.tanh(a[:, 2 * H :] + (r * h) @ Wh[:, 2 * H :])
        cache.append((x[:, t], h, r, z, n))
        h = z * h + (1 - z) * n
        hs[:, t] = h
    return (hs,), (cache, Wx, Wh)


def gru_backward(make: Make, dhs: Any, remembered: Any):
    """Gradients by x, h0, Wx, Wh, b."""
    cache, Wx, Wh = remembered
    B, T, H = dhs.shape
    dx = make((B, T, len(Wx)), Wx)
    dWx, dWh, db = make(Wx.shape, Wx), make(Wh.shape, Wh), make((3 * H,), Wx)
    dh0 = make((B, H), Wx)
    for t in reversed(range(T)):
        x, h, r, z, n = cache[t]
        dh = dhs[:, t]
        dn = dh * (1 - z) * (1 - n**2)
        dread = dn @ Wh[:, 2 * H :].T
        drz = np.hstack([dread * h * r * (1 - r), dh * (h - n) * z * (1 - z)])
        da = np.hstack([drz, dn])
        dx[:, t] = da @ Wx.T
        dWx += x.T @ da
        dWh[:, : 2 * H] += h.T @ drz
        dWh[:, 2 * H :] += (r * h).T @ dn
        db += da.sum(axis=0)
        back = dh * z + dread * r + drz @ Wh[:, : 2 * H].T
        if t:
            dhs[:, t - 1] += back
        else:
            dh0 += back
    return dx, dh0, dWx, dWh, db


def rnn_forward(make: Make, sigmoid: Function, x: Any, h0: Any, Wx: Any, Wh: Any, b: Any):
    """h = tanh(x Wx + h' Wh + b)."""
    B, T, _ = x.shape
    hs, h, cache = make((B, T, h0.shape[1]), x), h0, []
    for t in range(T):
        before, h = h, np.tanh(x[:, t] @ Wx + h @ Wh + b)
        cache.append((x[:, t], before, h))
        hs[:, t] = h
    return (hs,), (cache, Wx, Wh)


def rnn_backward(make: Make, dhs: Any, remembered: Any):
    """Gradients by x, h0, Wx, Wh, b."""
    cache, Wx, Wh = remembered
    B, T, H = dhs.shape
    dx = make((B, T, len(Wx)), Wx)
    dWx, dWh, db, dh0 = (make(shape, Wx) for shape in (Wx.shape, Wh.shape, (H,), (B, H)))
    for t in reversed(range(T)):
        x, before, h = cache[t]
        da = dhs[:, t] * (1 - h**2)
        dx[:, t] = da @ Wx.T
        dWx += x.T @ da
        dWh += before.T @ da
        db += da.sum(axis=0)
        if t:
            dhs[:, t - 1] += da @ Wh.T
        else:
            dh0 += da @ Wh.T
    return dx, dh0, dWx, dWh, db


class Cell(NamedTuple):
    """A pair of functions, the names of what they take, and the gates in one of their weights."""

    forward: Any
    backward: Any
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    gates: str


STATELESS = ("x", "h0", "Wx", "Wh", "b")
CELLS = {
    "LSTM": Cell(
        lstm_forward, lstm_backward, ("x", "h0", "c0", "Wx", "Wh", "b"), ("hs", "c"), "ifog"
    ),
    "GRU": Cell(gru_forward, gru_backward, STATELESS, ("hs",), "rzn"),
    "RNN": Cell(rnn_forward, rnn_backward, STATELESS, ("hs",), "h"),
}
