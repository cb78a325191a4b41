"""A GRU that resets before the product, in the style of a course."""
# ruff: noqa: B905, F841, RUF059 (mistakes use what the right program does not)

import numpy as np


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def step_forward(x, prev_h, Wx, Wh, b):
    H = prev_h.shape[1]
    Ur, Uz, Un = Wh[:, :H], Wh[:, H : 2 * H], Wh[:, 2 * H :]
    ax = x.dot(Wx) + b
    ar = ax[:, :H] + prev_h.dot(Ur)
    az = ax[:, H : 2 * H] + prev_h.dot(Uz)
    r = sigmoid(ar)
    z = sigmoid(az)
    s = r * prev_h
    an = ax[:, 2 * H :] + s.dot(Un)
    n = np.tanh(an)
    next_h = z * prev_h + (1 - z) * n
    cache = x, prev_h, Wx, (Ur, Uz, Un), (ar, az, an), (r, z, n), next_h
    return next_h, cache


def step_backward(dnext_h, cache):
    x, prev_h, Wx, (Ur, Uz, Un), (ar, az, an), (r, z, n), next_h = cache
    B, H = len(x), prev_h.shape[1]
    s = r * prev_h
    dz = dnext_h * (prev_h - n)
    dn = dnext_h * (1 - z)
    direct = dnext_h * z
    dan = dn * (1 - n**2)
    ds = dan.dot(Un.T)
    dr = ds * prev_h
    by_reset = ds * r
    daz = dz * z * (1 - z)
    dar = dr * r * (1 - r)
    by_z = daz.dot(Uz.T)
    by_r = dar.dot(Ur.T)
    dprev_h = direct + by_reset + by_z + by_r
    da = np.hstack((dar, daz, dan))
    dWx = x.T.dot(da)
    dUr = prev_h.T.dot(dar)
    dUz = prev_h.T.dot(daz)
    dUn = s.T.dot(dan)
    dWh = np.hstack((dUr, dUz, dUn))
    db = da.sum(axis=0)
    dx = da.dot(Wx.T)
    return dx, dprev_h, dWx, dWh, db


def forward(x, h0, Wx, Wh, b):
    hs, caches = [], []
    h = h0
    for t in range(x.shape[1]):
        before = h
        h, cache = step_forward(x[:, t], before, Wx, Wh, b)
        hs.append(h)
        caches.append(cache)
    return np.stack(hs, axis=1), h, (caches, (Wx, Wh, b))


def backward(dhs, dh_last, cache):
    caches, weights = cache
    T = len(caches)
    dx = [np.zeros_like(cache[0]) for cache in caches]
    sums = [np.zeros_like(weight) for weight in weights]
    dh = dh_last
    for t in reversed(range(T)):
        cache = caches[t]
        arriving = dh + dhs[:, t]
        dx[t], dh, *dweights = step_backward(arriving, cache)
        sums = [s + d for s, d in zip(sums, dweights)]
    return np.stack(dx, axis=1), dh, *sums
