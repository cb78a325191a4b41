"""A GRU that resets after the product, in the style of a course; b_recurrent is called bn."""
# ruff: noqa: B905, F841, RUF059 (mistakes use what the right program does not)

import numpy as np


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def step_forward(x, prev_h, Wx, Wh, b, bn):
    H = prev_h.shape[1]
    ax = x.dot(Wx) + b
    ah = prev_h.dot(Wh)
    ar = ax[:, :H] + ah[:, :H]
    az = ax[:, H : 2 * H] + ah[:, H : 2 * H]
    q = ah[:, 2 * H :] + bn
    r = sigmoid(ar)
    z = sigmoid(az)
    an = ax[:, 2 * H :] + r * q
    n = np.tanh(an)
    next_h = z * prev_h + (1 - z) * n
    cache = x, prev_h, Wx, Wh, bn, (ar, az, an), (r, z, n), next_h
    return next_h, cache


def step_backward(dnext_h, cache):
    x, prev_h, Wx, Wh, bn, (ar, az, an), (r, z, n), next_h = cache
    B, H = len(x), prev_h.shape[1]
    q = prev_h.dot(Wh[:, 2 * H :]) + bn
    dz = dnext_h * (prev_h - n)
    dn = dnext_h * (1 - z)
    direct = dnext_h * z
    dan = dn * (1 - n**2)
    dr = dan * q
    dq = dan * r
    daz = dz * z * (1 - z)
    dar = dr * r * (1 - r)
    dax = np.hstack((dar, daz, dan))
    dah = np.hstack((dar, daz, dq))
    dWx = x.T.dot(dax)
    dWh = prev_h.T.dot(dah)
    db = dax.sum(axis=0)
    dbn = dq.sum(axis=0)
    dx = dax.dot(Wx.T)
    dprev_h = dah.dot(Wh.T)
    dprev_h = dprev_h + direct
    return dx, dprev_h, dWx, dWh, db, dbn


def forward(x, h0, Wx, Wh, b, bn):
    hs, caches = [], []
    h = h0
    for t in range(x.shape[1]):
        before = h
        h, cache = step_forward(x[:, t], before, Wx, Wh, b, bn)
        hs.append(h)
        caches.append(cache)
    return np.stack(hs, axis=1), h, (caches, (Wx, Wh, b, bn))


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
