"""Right pairs of functions in the style of courses, written by hand, with NumPy alone."""

import numpy as np


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    """Gates packed i, f, o, g, as in CS231n; the cache is a tuple."""
    a = x @ Wx + prev_h @ Wh + b
    ai, af, ao, ag = np.split(a, 4, axis=1)
    i, f, o, g = sigmoid(ai), sigmoid(af), sigmoid(ao), np.tanh(ag)
    next_c = f * prev_c + i * g
    next_h = o * np.tanh(next_c)
    return next_h, next_c, (x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c)


def lstm_step_backward(dnext_h, dnext_c, cache):
    x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c = cache
    tanh_c = np.tanh(next_c)
    dnext_c += dnext_h * o * (1 - tanh_c**2)  # in place, as courses do
    da = np.hstack(
        [
            dnext_c * g * i * (1 - i),
            dnext_c * prev_c * f * (1 - f),
            dnext_h * tanh_c * o * (1 - o),
            dnext_c * i * (1 - g**2),
        ]
    )
    dWx, dWh, db = x.T @ da, prev_h.T @ da, da.sum(axis=0)
    return da @ Wx.T, da @ Wh.T, dnext_c * f, dWx, dWh, db


def lstm_forward(x, h0, Wx, Wh, b):
    """A whole sequence, as in CS231n: c begins at zero, outputs in a buffer of floats."""
    N, T, _ = x.shape
    h, prev_h, prev_c, cache = np.zeros((N, T, h0.shape[1])), h0, np.zeros_like(h0), []
    for t in range(T):
        prev_h, prev_c, kept = lstm_step_forward(x[:, t], prev_h, prev_c, Wx, Wh, b)
        h[:, t] = prev_h
        cache.append(kept)
    return h, cache


def lstm_backward(dh, cache):
    N, T, H = dh.shape
    x, _, _, Wx, Wh = cache[0][:5]
    dx, dWx, dWh = np.zeros((N, T, x.shape[1])), np.zeros_like(Wx), np.zeros_like(Wh)
    db, dprev_h, dprev_c = np.zeros(4 * H), np.zeros((N, H)), np.zeros((N, H))
    for t in reversed(range(T)):
        dx[:, t], dprev_h, dprev_c, dWx_t, dWh_t, db_t = lstm_step_backward(
            dh[:, t] + dprev_h, dprev_c, cache[t]
        )
        dWx += dWx_t
        dWh += dWh_t
        db += db_t
    return dx, dprev_h, dWx, dWh, db


def lstm_full_forward(x, h0, c0, Wx, Wh, b):
    """A whole sequence with both states, in lists; the last states are results, too."""
    h, c, hs, cache = h0, c0, [], []
    for t in range(x.shape[1]):
        h, c, kept = lstm_step_forward(x[:, t], h, c, Wx, Wh, b)
        hs.append(h)
        cache.append(kept)
    return np.stack(hs, axis=1), h, c, cache


def lstm_full_backward(dhs, dh, dc, cache):
    dxs, grads = [], {"dWx": 0, "dWh": 0, "db": 0}
    for t in reversed(range(dhs.shape[1])):
        dx, dh, dc, *dparams = lstm_step_backward(dhs[:, t] + dh, dc + 0, cache[t])
        dxs.insert(0, dx)
        for name, value in zip(grads, dparams, strict=True):
            grads[name] = grads[name] + value
    return {"dx": np.stack(dxs, axis=1), "dh0": dh, "dc0": dc, **grads}


def lstm_bare_forward(x, Wx, Wh, b):
    """A whole sequence without states."""
    zeros = np.zeros((len(x), Wh.shape[0]), x.dtype)
    hs, _, _, cache = lstm_full_forward(x, zeros, zeros, Wx, Wh, b)
    return hs, cache


def lstm_bare_backward(dhs, cache):
    zeros = np.zeros_like(dhs[:, 0])
    grads = lstm_full_backward(dhs, zeros, zeros, cache)
    return grads["dx"], grads["dWx"], grads["dWh"], grads["db"]


def gru_step_forward(x, h, Wx, Wh, b, b_recurrent):
    """The reset gate after the product; gates packed z, r, n; results in dictionaries."""
    H = h.shape[1]
    ax, ah = x @ Wx + b, h @ Wh
    z, r = sigmoid(ax[:, :H] + ah[:, :H]), sigmoid(ax[:, H : 2 * H] + ah[:, H : 2 * H])
    q = ah[:, 2 * H :] + b_recurrent
    n = np.tanh(ax[:, 2 * H :] + r * q)
    cache = {"x": x, "h": h, "Wx": Wx, "Wh": Wh, "z": z, "r": r, "q": q, "n": n}
    return {"next_h": z * h + (1 - z) * n, "cache": cache}


def gru_step_backward(dnext_h, cache):
    x, h, Wx, Wh, z, r, q, n = cache.values()
    da_n = dnext_h * (1 - z) * (1 - n**2)
    da_z = dnext_h * (h - n) * z * (1 - z)
    da_r = da_n * q * r * (1 - r)
    dx_sums, dh_sums = np.hstack([da_z, da_r, da_n]), np.hstack([da_z, da_r, da_n * r])
    return {
        "dx": dx_sums @ Wx.T,
        "dprev_h": dnext_h * z + dh_sums @ Wh.T,
        "dWx": x.T @ dx_sums,
        "dWh": h.T @ dh_sums,
        "db": dx_sums.sum(axis=0),
        "db_recurrent": (da_n * r).sum(axis=0),
        "da_n": da_n,
    }


def gru_before_step_forward(x, h, Wx, Wh, b):
    """The reset gate before the product, and z keeps the new state; packed r, z, n."""
    H = h.shape[1]
    r, z = np.split(sigmoid(x @ Wx[:, : 2 * H] + h @ Wh[:, : 2 * H] + b[: 2 * H]), 2, axis=1)
    n = np.tanh(x @ Wx[:, 2 * H :] + (r * h) @ Wh[:, 2 * H :] + b[2 * H :])
    return (1 - z) * h + z * n, (x, h, Wx, Wh, r, z, n)


def gru_before_step_backward(dh, cache):
    x, h, Wx, Wh, r, z, n = cache
    H = h.shape[1]
    da_n = dh * z * (1 - n**2)
    drh = da_n @ Wh[:, 2 * H :].T
    da = np.hstack([drh * h * r * (1 - r), dh * (n - h) * z * (1 - z), da_n])
    dWh = np.hstack([h.T @ da[:, : 2 * H], (r * h).T @ da_n])
    dprev_h = dh * (1 - z) + drh * r + da[:, : 2 * H] @ Wh[:, : 2 * H].T
    return da @ Wx.T, dprev_h, x.T @ da, dWh, da.sum(axis=0, keepdims=True)


def gru_one_bias_step_forward(x, h, Wx, Wh, b):
    """As `gru_step_forward`, without a second bias."""
    found = gru_step_forward(x, h, Wx, Wh, b, np.zeros(h.shape[1]))
    return found["next_h"], found["cache"]


def gru_one_bias_step_backward(dh, cache):
    found = gru_step_backward(dh, cache)
    return tuple(found[name] for name in ("dx", "dprev_h", "dWx", "dWh", "db"))


class RNN:
    """A plain network as an object that keeps its cache."""

    def forward(self, x, h, Wx, Wh, b):
        self.kept = x, h, Wx, Wh, np.tanh(x @ Wx + h @ Wh + b)
        return self.kept[-1], None

    def backward(self, dh, cache):
        x, h, Wx, Wh, new = self.kept
        new *= new  # its own array, which nobody needs any more
        dh *= 1 - new
        return dh @ Wx.T, dh @ Wh.T, x.T @ dh, h.T @ dh, dh.sum(axis=0)


def peephole_step_forward(x, h, c, Wx, Wh, b, P):
    """Gates packed i, f, g, o; P packed i, f, o."""
    ai, af, ag, ao = np.split(x @ Wx + h @ Wh + b, 4, axis=1)
    Pi, Pf, Po = np.split(P, 3)
    i, f, g = sigmoid(ai + Pi * c), sigmoid(af + Pf * c), np.tanh(ag)
    new_c = f * c + i * g
    o = sigmoid(ao + Po * new_c)
    return o * np.tanh(new_c), new_c, (x, h, c, Wx, Wh, P, i, f, g, o, new_c)


def peephole_step_backward(dh, dc, cache):
    x, h, c, Wx, Wh, P, i, f, g, o, new_c = cache
    Pi, Pf, Po = np.split(P, 3)
    tanh_c = np.tanh(new_c)
    da_o = dh * tanh_c * o * (1 - o)
    dc = dc + dh * o * (1 - tanh_c**2) + da_o * Po
    da_i, da_f, da_g = dc * g * i * (1 - i), dc * c * f * (1 - f), dc * i * (1 - g**2)
    da = np.hstack([da_i, da_f, da_g, da_o])
    dP = np.hstack([(da_i * c).sum(0), (da_f * c).sum(0), (da_o * new_c).sum(0)])
    dprev_c = dc * f + da_i * Pi + da_f * Pf
    return da @ Wx.T, da @ Wh.T, dprev_c, x.T @ da, h.T @ da, da.sum(axis=0), dP


rnn = RNN()
PAIRS = {
    "lstm steps": (lstm_step_forward, lstm_step_backward, "step", "lstm", "ifog"),
    "lstm as in CS231n": (lstm_forward, lstm_backward, "sequence", "lstm", "ifog"),
    "lstm with both states": (lstm_full_forward, lstm_full_backward, "sequence", "lstm", "ifog"),
    "lstm without states": (lstm_bare_forward, lstm_bare_backward, "sequence", "lstm", "ifog"),
    "gru": (gru_step_forward, gru_step_backward, "step", "gru", "zrn"),
    "gru with one bias": (
        gru_one_bias_step_forward,
        gru_one_bias_step_backward,
        "step",
        "gru",
        "zrn",
    ),
    "gru before": (gru_before_step_forward, gru_before_step_backward, "step", "gru", "rZn"),
    "rnn": (rnn.forward, rnn.backward, "step", "rnn", "h"),
    "peephole": (peephole_step_forward, peephole_step_backward, "step", "peephole", "ifgo"),
}
