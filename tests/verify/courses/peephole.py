"""An LSTM with peepholes in the style of a course: i, f, o, g, and P of i, f, o."""
# ruff: noqa: B905, F841, RUF059 (mistakes use what the right program does not)

import numpy as np


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def step_forward(x, prev_h, prev_c, Wx, Wh, b, P):
    H = prev_h.shape[1]
    Pi, Pf, Po = P[:H], P[H : 2 * H], P[2 * H :]
    a = x.dot(Wx) + prev_h.dot(Wh) + b
    ai = a[:, :H] + Pi * prev_c
    af = a[:, H : 2 * H] + Pf * prev_c
    i = sigmoid(ai)
    f = sigmoid(af)
    g = np.tanh(a[:, 3 * H :])
    next_c = f * prev_c + i * g
    ao = a[:, 2 * H : 3 * H] + Po * next_c
    o = sigmoid(ao)
    next_h = o * np.tanh(next_c)
    cache = x, prev_h, prev_c, Wx, Wh, (Pi, Pf, Po), (i, f, o, g), next_h, next_c
    return next_h, next_c, cache


def step_backward(dnext_h, dnext_c, cache):
    x, prev_h, prev_c, Wx, Wh, (Pi, Pf, Po), (i, f, o, g), next_h, next_c = cache
    B, H = len(x), prev_h.shape[1]
    tc = np.tanh(next_c)
    do = dnext_h * tc
    dao = do * o * (1 - o)
    dc = dnext_c + dnext_h * o * (1 - tc**2)
    dc = dc + dao * Po
    df = dc * prev_c
    di = dc * g
    dg = dc * i
    direct = dc * f
    dai = di * i * (1 - i)
    daf = df * f * (1 - f)
    dag = dg * (1 - g**2)
    by_f = daf * Pf
    by_i = dai * Pi
    dprev_c = direct + by_f + by_i
    dPi = (dai * prev_c).sum(axis=0)
    dPf = (daf * prev_c).sum(axis=0)
    dPo = (dao * next_c).sum(axis=0)
    dP = np.hstack((dPi, dPf, dPo))
    da = np.hstack((dai, daf, dao, dag))
    dWx = x.T.dot(da)
    dWh = prev_h.T.dot(da)
    db = da.sum(axis=0)
    dx = da.dot(Wx.T)
    dprev_h = da.dot(Wh.T)
    return dx, dprev_h, dprev_c, dWx, dWh, db, dP


def forward(x, h0, c0, Wx, Wh, b, P):
    hs, caches = [], []
    h, c = h0, c0
    for t in range(x.shape[1]):
        before = h, c
        h, c, cache = step_forward(x[:, t], *before, Wx, Wh, b, P)
        hs.append(h)
        caches.append(cache)
    return np.stack(hs, axis=1), h, c, (caches, (Wx, Wh, b, P))


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
