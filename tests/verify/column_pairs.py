"""Right pairs of functions that keep samples in columns, written by hand, with NumPy alone."""

import numpy as np


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def softmax(a):
    e = np.exp(a - a.max(axis=0))
    return e / e.sum(axis=0)


def lstm_cell_forward(xt, a_prev, c_prev, parameters):
    Wf, bf, Wi, bi = (parameters[name] for name in ("Wf", "bf", "Wi", "bi"))
    Wc, bc, Wo, bo = (parameters[name] for name in ("Wc", "bc", "Wo", "bo"))
    concat = np.concatenate([a_prev, xt])
    ft, it = sigmoid(Wf @ concat + bf), sigmoid(Wi @ concat + bi)
    cct, ot = np.tanh(Wc @ concat + bc), sigmoid(Wo @ concat + bo)
    c_next = ft * c_prev + it * cct
    a_next = ot * np.tanh(c_next)
    yt_pred = softmax(parameters["Wy"] @ a_next + parameters["by"])
    cache = a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters
    return a_next, c_next, yt_pred, cache


def lstm_cell_backward(da_next, dc_next, cache):
    _, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters = cache
    n_a = len(a_prev)
    tanh_c = np.tanh(c_next)
    dot = da_next * tanh_c * ot * (1 - ot)
    dc = dc_next + da_next * ot * (1 - tanh_c**2)
    dit, dft, dcct = dc * cct * it * (1 - it), dc * c_prev * ft * (1 - ft), dc * it * (1 - cct**2)
    concat = np.concatenate([a_prev, xt])
    gradients = {"dc_prev": dc * ft}
    dconcat = 0
    for gate, d in zip("fico", (dft, dit, dcct, dot), strict=True):
        gradients[f"dW{gate}"] = d @ concat.T
        gradients[f"db{gate}"] = d.sum(axis=1, keepdims=True)
        dconcat = dconcat + parameters[f"W{gate}"].T @ d
    return {**gradients, "da_prev": dconcat[:n_a], "dxt": dconcat[n_a:]}


def lstm_forward(x, a0, parameters):
    _, m, T_x = x.shape
    n_y, n_a = parameters["Wy"].shape
    a, c, y = np.zeros((n_a, m, T_x)), np.zeros((n_a, m, T_x)), np.zeros((n_y, m, T_x))
    a_next, c_next, caches = a0, np.zeros((n_a, m)), []
    for t in range(T_x):
        a_next, c_next, yt, cache = lstm_cell_forward(x[:, :, t], a_next, c_next, parameters)
        a[:, :, t], c[:, :, t], y[:, :, t] = a_next, c_next, yt
        caches.append(cache)
    return a, y, c, (caches, x)


def lstm_backward(da, caches):
    caches, x = caches
    n_a, m, T_x = da.shape
    dx, da_prevt, dc_prevt = np.zeros(x.shape), np.zeros((n_a, m)), np.zeros((n_a, m))
    total = {}
    for t in reversed(range(T_x)):
        gradients = lstm_cell_backward(da[:, :, t] + da_prevt, dc_prevt, caches[t])
        dx[:, :, t] = gradients.pop("dxt")
        da_prevt, dc_prevt = gradients.pop("da_prev"), gradients.pop("dc_prev")
        for name, value in gradients.items():
            total[name] = total.get(name, 0) + value
    return {"dx": dx, "da0": da_prevt, **total}


def rnn_cell_forward(xt, a_prev, parameters):
    Wax, Waa, ba = parameters["Wax"], parameters["Waa"], parameters["ba"]
    a_next = np.tanh(Wax @ xt + Waa @ a_prev + ba)
    yt_pred = softmax(parameters["Wya"] @ a_next + parameters["by"])
    return a_next, yt_pred, (a_next, a_prev, xt, parameters)


def rnn_cell_backward(da_next, cache):
    a_next, a_prev, xt, parameters = cache
    da = da_next * (1 - a_next**2)
    return {
        "dxt": parameters["Wax"].T @ da,
        "da_prev": parameters["Waa"].T @ da,
        "dWax": da @ xt.T,
        "dWaa": da @ a_prev.T,
        "dba": da.sum(axis=1, keepdims=True),
    }


COLUMN_PAIRS = {
    "lstm in columns": (lstm_cell_forward, lstm_cell_backward, "columns", "lstm", "ifgo"),
    "lstm sequences in columns": (lstm_forward, lstm_backward, "columns_sequence", "lstm", "ifgo"),
    "rnn in columns": (rnn_cell_forward, rnn_cell_backward, "columns", "rnn", "h"),
}
