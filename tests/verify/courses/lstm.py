"""An LSTM in the style of a course: i, f, o, g side by side, caches in tuples."""
# ruff: noqa: B905, F841, RUF059 (mistakes use what the right program does not)

import numpy as np


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def step_forward(x, prev_h, prev_c, Wx, Wh, b):
    H = prev_h.shape[1]
    a = x.dot(Wx) + prev_h.dot(Wh) + b
    ai, af, ao, ag = a[:, :H], a[:, H : 2 * H], a[:, 2 * H : 3 * H], a[:, 3 * H :]
    i = sigmoid(ai)
    f = sigmoid(af)
    o = sigmoid(ao)
    g = np.tanh(ag)
    next_c = f * prev_c + i * g
    next_h = o * np.tanh(next_c)
    cache = x, prev_h, prev_c, Wx, Wh, (ai, af, ao, ag), (i, f, o, g), next_h, next_c
    return next_h, next_c, cache


def step_backward(dnext_h, dnext_c, cache):
    x, prev_h, prev_c, Wx, Wh, (ai, af, ao, ag), (i, f, o, g), next_h, next_c = cache
    B, H = len(x), prev_h.shape[1]
    tc = np.tanh(next_c)
    do = dnext_h * tc
    dc = dnext_c + dnext_h * o * (1 - tc**2)
    df = dc * prev_c
    di = dc * g
    dg = dc * i
    dprev_c = dc * f
    dai = di * i * (1 - i)
    daf = df * f * (1 - f)
    dao = do * o * (1 - o)
    dag = dg * (1 - g**2)
    da = np.hstack((dai, daf, dao, dag))
    dWx = x.T.dot(da)
    dWh = prev_h.T.dot(da)
    db = da.sum(axis=0)
    dx = da.dot(Wx.T)
    dprev_h = da.dot(Wh.T)
    return dx, dprev_h, dprev_c, dWx, dWh, db


def forward(x, h0, c0, Wx, Wh, b):
    hs, caches = [], []
    h, c = h0, c0
    for t in range(x.shape[1]):
        before = h, c
        h, c, cache = step_forward(x[:, t], *before, Wx, Wh, b)
        hs.append(h)
        caches.append(cache)
    return np.stack(hs, axis=1), h, c, (caches, (Wx, Wh, b))


def backward(dhs, dh_last, dc_last, cache):
    caches, weights = cache
    T = len(caches)
    dx = [np.zeros_like(cache[0]) for cache in caches]
    sums = [np.zeros_like(weight) for weight in weights]
    dh, dc = dh_last, dc_last
    for t in reversed(range(T)):
        cache = caches[t]
        arriving = dh + dhs[:, t], dc
        dx[t], dh, dc, *dweights = step_backward(*arriving, cache)
        sums = [s + d for s, d in zip(sums, dweights)]
    return np.stack(dx, axis=1), dh, dc, *sums
