"""A plain recurrent network in the style of a course."""
# ruff: noqa: B905, F841, RUF059 (mistakes use what the right program does not)

import numpy as np


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def step_forward(x, prev_h, Wx, Wh, b):
    a = x.dot(Wx) + prev_h.dot(Wh) + b
    next_h = np.tanh(a)
    return next_h, (x, prev_h, Wx, Wh, a, next_h)


def step_backward(dnext_h, cache):
    x, prev_h, Wx, Wh, a, next_h = cache
    B, H = len(x), prev_h.shape[1]
    da = dnext_h * (1 - next_h**2)
    dWx = x.T.dot(da)
    dWh = prev_h.T.dot(da)
    db = da.sum(axis=0)
    dx = da.dot(Wx.T)
    dprev_h = da.dot(Wh.T)
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
