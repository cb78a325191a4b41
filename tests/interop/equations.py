"""One time step of each framework's cells, in the words of its own source or documentation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.interop.formula import Formula, Stored


def sg(a: Any) -> Any:
    """The logistic function."""
    return 1 / (1 + np.exp(-a))


def hard(a: Any) -> Any:
    """The hard sigmoid of Keras 1 and 2."""
    return np.clip(0.2 * a + 0.5, 0, 1)


def thirds(a: Any) -> Any:
    return np.split(a, 3, axis=-1) if isinstance(a, np.ndarray) else (a, a, a)


# ---- PyTorch and what stores like it -------------------------------------------------------------


def torch_like(names: str, kind: str, more: str = "", hidden: Callable[..., Any] = np.tanh) -> Any:
    """Four arrays: y = W x + b and U h + b2."""
    w, u, b, b2 = names.split()
    k = {"lstm": "4H", "gru": "3H", "rnn": "H"}[kind]
    table = f"{w} {k},D\n{u} {k},P\n{b} {k} bias\n{b2} {k} bias\n{more}"

    def lstm(a: Any, x: Any, h: Any, c: Any) -> Any:
        i, f, g, o = np.split(x @ a[w].T + a[b] + h @ a[u].T + a[b2], 4, axis=-1)
        c = sg(f) * c + sg(i) * np.tanh(g)
        h = sg(o) * np.tanh(c)
        projection = a[more.split()[0]] if more else 0.0
        return (h @ projection.T if isinstance(projection, np.ndarray) else h), c

    def gru(a: Any, x: Any, h: Any, c: Any) -> Any:
        (ir, iz, i_n), (hr, hz, hn) = thirds(x @ a[w].T + a[b]), thirds(h @ a[u].T + a[b2])
        r, z = sg(ir + hr), sg(iz + hz)
        n = np.tanh(i_n + r * hn)
        return (1 - z) * n + z * h, c

    def rnn(a: Any, x: Any, h: Any, c: Any) -> Any:
        return hidden(x @ a[w].T + a[b] + h @ a[u].T + a[b2]), c

    return Formula(table, {"lstm": lstm, "gru": gru, "rnn": rnn}[kind])


def relu(a: Any) -> Any:
    return np.maximum(a, 0)


TORCH = "weight_ih_l0 weight_hh_l0 bias_ih_l0 bias_hh_l0"
CELL = "weight_ih weight_hh bias_ih bias_hh"
CUDNN = "W0 R0 bW0 bR0"
MXNET = "l0_i2h_weight l0_h2h_weight l0_i2h_bias l0_h2h_bias"


def equinox_lstm(a: Any, x: Any, h: Any, c: Any) -> Any:
    i, f, g, o = np.split(x @ a["weight_ih"].T + h @ a["weight_hh"].T + a["bias"], 4, axis=-1)
    c = sg(f) * c + sg(i) * np.tanh(g)
    return sg(o) * np.tanh(c), c


def equinox_gru(a: Any, x: Any, h: Any, c: Any) -> Any:
    igates = np.split(x @ a["weight_ih"].T + a["bias"], 3, axis=-1)
    hgates = np.split(h @ a["weight_hh"].T, 3, axis=-1)
    reset, inp = sg(igates[0] + hgates[0]), sg(igates[1] + hgates[1])
    new = np.tanh(igates[2] + reset * (hgates[2] + a["bias_n"]))
    return new + inp * (h - new), c


# ---- Keras ---------------------------------------------------------------------------------------

KERAS = "kernel D,{k}\nrecurrent_kernel H,{k}\nbias {b} bias"


def keras_lstm(gate: Callable[..., Any] = sg) -> Callable[..., Any]:
    def step(a: Any, x: Any, h: Any, c: Any) -> Any:
        z = x @ a["kernel"] + h @ a["recurrent_kernel"] + a["bias"]
        z0, z1, z2, z3 = np.split(z, 4, axis=1)
        c = gate(z1) * c + gate(z0) * np.tanh(z2)
        return gate(z3) * np.tanh(c), c

    return step


def keras_gru_after(gate: Callable[..., Any] = sg) -> Callable[..., Any]:
    def step(a: Any, x: Any, h: Any, c: Any) -> Any:
        input_bias, recurrent_bias = a.get("bias", (0.0, 0.0))
        x_z, x_r, x_h = np.split(x @ a["kernel"] + input_bias, 3, axis=-1)
        recurrent_z, recurrent_r, recurrent_h = np.split(
            h @ a["recurrent_kernel"] + recurrent_bias, 3, axis=-1
        )
        z, r = gate(x_z + recurrent_z), gate(x_r + recurrent_r)
        hh = np.tanh(x_h + r * recurrent_h)
        return z * h + (1 - z) * hh, c

    return step


def keras_gru_before(gate: Callable[..., Any] = sg) -> Callable[..., Any]:
    def step(a: Any, x: Any, h: Any, c: Any) -> Any:
        H = h.shape[1]
        x_z, x_r, x_h = np.split(x @ a["kernel"] + a["bias"], 3, axis=-1)
        U = a["recurrent_kernel"]
        z, r = gate(x_z + h @ U[:, :H]), gate(x_r + h @ U[:, H : 2 * H])
        hh = np.tanh(x_h + (r * h) @ U[:, 2 * H :])
        return z * h + (1 - z) * hh, c

    return step


def keras_rnn(a: Any, x: Any, h: Any, c: Any) -> Any:
    return np.tanh(x @ a["kernel"] + a["bias"] + h @ a["recurrent_kernel"]), c


def from_cudnn(a: Any, gates: int) -> Stored:
    """The arrays of Keras' LSTM or GRU: `_convert_rnn_weights` of Keras 2, from cuDNN's."""

    def kernels(stored: np.ndarray, each: Callable[..., Any]) -> np.ndarray:
        return np.hstack([each(kernel) for kernel in np.hsplit(stored, gates)])

    found = Stored(
        kernel=kernels(a["kernel"], lambda k: k.T.reshape(k.shape, order="F")),
        recurrent_kernel=kernels(a["recurrent_kernel"], lambda k: k.T),
    )
    halves = np.split(a["bias"], 2)
    found["bias"] = halves[0] + halves[1] if gates == 4 else np.stack(halves)
    return found


def cudnn_lstm(a: Any, x: Any, h: Any, c: Any) -> Any:
    return keras_lstm()(from_cudnn(a, 4), x, h, c)


def cudnn_gru(a: Any, x: Any, h: Any, c: Any) -> Any:
    return keras_gru_after()(from_cudnn(a, 3), x, h, c)


# ---- ONNX and OpenVINO ---------------------------------------------------------------------------


def onnx_lstm(a: Any, x: Any, h: Any, c: Any) -> Any:
    H = c.shape[1]
    Wi, Wo, Wf, Wc = np.split(a["W"], 4)
    Ri, Ro, Rf, Rc = np.split(a["R"], 4)
    Wbi, Wbo, Wbf, Wbc, Rbi, Rbo, Rbf, Rbc = np.split(a["B"], 8) if "B" in a else [0.0] * 8
    Pi, Po, Pf = np.split(a["P"], 3) if "P" in a else [np.zeros(H)] * 3
    it = sg(x @ Wi.T + h @ Ri.T + Pi * c + Wbi + Rbi)
    ft = sg(x @ Wf.T + h @ Rf.T + Pf * c + Wbf + Rbf)
    ct = np.tanh(x @ Wc.T + h @ Rc.T + Wbc + Rbc)
    Ct = ft * c + it * ct
    ot = sg(x @ Wo.T + h @ Ro.T + Po * Ct + Wbo + Rbo)
    return ot * np.tanh(Ct), Ct


def onnx_gru(linear_before_reset: int) -> Callable[..., Any]:
    def step(a: Any, x: Any, h: Any, c: Any) -> Any:
        Wz, Wr, Wh = np.split(a["W"], 3)
        Rz, Rr, Rh = np.split(a["R"], 3)
        Wbz, Wbr, Wbh, Rbz, Rbr, Rbh = np.split(a["B"], 6) if "B" in a else [0.0] * 6
        zt = sg(x @ Wz.T + h @ Rz.T + Wbz + Rbz)
        rt = sg(x @ Wr.T + h @ Rr.T + Wbr + Rbr)
        if linear_before_reset:
            ht = np.tanh(x @ Wh.T + rt * (h @ Rh.T + Rbh) + Wbh)
        else:
            ht = np.tanh(x @ Wh.T + (rt * h) @ Rh.T + Rbh + Wbh)
        return (1 - zt) * ht + zt * h, c

    return step


def onnx_rnn(a: Any, x: Any, h: Any, c: Any) -> Any:
    Wb, Rb = np.split(a["B"], 2) if "B" in a else (0.0, 0.0)
    return np.tanh(x @ a["W"].T + h @ a["R"].T + Wb + Rb), c


def openvino_lstm(a: Any, x: Any, h: Any, c: Any) -> Any:
    f, i, g, o = np.split(x @ a["W"].T + h @ a["R"].T + a["B"], 4, axis=-1)  # fico
    c = sg(f) * c + sg(i) * np.tanh(g)
    return sg(o) * np.tanh(c), c


def openvino_gru(a: Any, x: Any, h: Any, c: Any) -> Any:
    (Wz, Wr, Wh), (Rz, Rr, Rh) = np.split(a["W"], 3), np.split(a["R"], 3)
    Bz, Br, Bh = thirds(a["B"])
    z, r = sg(x @ Wz.T + h @ Rz.T + Bz), sg(x @ Wr.T + h @ Rr.T + Br)
    n = np.tanh(x @ Wh.T + (r * h) @ Rh.T + Bh)
    return (1 - z) * n + z * h, c


def openvino_rnn(a: Any, x: Any, h: Any, c: Any) -> Any:
    return np.tanh(x @ a["W"].T + h @ a["R"].T + a["B"]), c


# ---- Flax and Haiku ------------------------------------------------------------------------------


def linen_lstm(a: Any, x: Any, h: Any, c: Any) -> Any:
    i, f, g, o = (
        x @ a[f"i{k}/kernel"] + h @ a[f"h{k}/kernel"] + a[f"h{k}/bias"]
        for k in ("i", "f", "g", "o")
    )
    c = sg(f) * c + sg(i) * np.tanh(g)
    return sg(o) * np.tanh(c), c


def linen_gru(a: Any, x: Any, h: Any, c: Any) -> Any:
    r = sg(x @ a["ir/kernel"] + a["ir/bias"] + h @ a["hr/kernel"])
    z = sg(x @ a["iz/kernel"] + a["iz/bias"] + h @ a["hz/kernel"])
    n = np.tanh(x @ a["in/kernel"] + a["in/bias"] + r * (h @ a["hn/kernel"] + a["hn/bias"]))
    return (1 - z) * n + z * h, c


def linen_rnn(a: Any, x: Any, h: Any, c: Any) -> Any:
    return np.tanh(x @ a["i/kernel"] + a["i/bias"] + h @ a["h/kernel"]), c


def nnx_lstm(a: Any, x: Any, h: Any, c: Any) -> Any:
    y = x @ a["dense_i/kernel"] + h @ a["dense_h/kernel"] + a["dense_h/bias"]
    i, f, g, o = np.split(y, 4, axis=-1)
    c = sg(f) * c + sg(i) * np.tanh(g)
    return sg(o) * np.tanh(c), c


def nnx_gru(a: Any, x: Any, h: Any, c: Any) -> Any:
    xr, xz, xn = np.split(x @ a["dense_i/kernel"] + a["dense_i/bias"], 3, axis=-1)
    hr, hz, hn = np.split(h @ a["dense_h/kernel"], 3, axis=-1)
    r, z = sg(xr + hr), sg(xz + hz)
    n = np.tanh(xn + r * hn)
    return (1 - z) * n + z * h, c


def nnx_rnn(a: Any, x: Any, h: Any, c: Any) -> Any:
    return np.tanh(x @ a["dense_i/kernel"] + a["dense_i/bias"] + h @ a["dense_h/kernel"]), c


def haiku_lstm(a: Any, x: Any, h: Any, c: Any) -> Any:
    gated = np.concatenate([x, h], axis=-1) @ a["linear/w"] + a["linear/b"]
    i, g, f, o = np.split(gated, 4, axis=-1)
    c = sg(f + 1) * c + sg(i) * np.tanh(g)
    return sg(o) * np.tanh(c), c


def haiku_gru(a: Any, x: Any, h: Any, c: Any) -> Any:
    H = h.shape[1]
    gates_x = x @ a["w_i"]
    b_z, b_a = (a["b"][: 2 * H], a["b"][2 * H :]) if "b" in a else (0.0, 0.0)
    zr = gates_x[:, : 2 * H] + h @ a["w_h"][:, : 2 * H] + b_z
    z, r = np.split(sg(zr), 2, axis=-1)
    candidate = np.tanh(gates_x[:, 2 * H :] + (r * h) @ a["w_h"][:, 2 * H :] + b_a)
    return (1 - z) * h + z * candidate, c


def haiku_rnn(a: Any, x: Any, h: Any, c: Any) -> Any:
    one = x @ a["input_to_hidden/w"] + a["input_to_hidden/b"]
    two = h @ a["hidden_to_hidden/w"] + a["hidden_to_hidden/b"]
    return relu(one + two), c


# ---- TensorFlow 1, DyNet, Core ML, Lasagne -------------------------------------------------------


def tf1_lstm(a: Any, x: Any, h: Any, c: Any) -> Any:
    forget_bias = 1.0
    i, j, f, o = np.split(np.concatenate([x, h], 1) @ a["kernel"] + a["bias"], 4, axis=1)
    f, i = f + forget_bias + a["w_f_diag"] * c, i + a["w_i_diag"] * c
    c = sg(f) * c + sg(i) * np.tanh(j)
    m = sg(o + a["w_o_diag"] * c) * np.tanh(c)
    return (m @ a["projection/kernel"] if "projection/kernel" in a else m), c


def tf1_gru(a: Any, x: Any, h: Any, c: Any) -> Any:
    value = sg(np.concatenate([x, h], 1) @ a["gates/kernel"] + a["gates/bias"])
    r, u = np.split(value, 2, axis=1)
    joined = np.concatenate([x, r * h], 1)
    new = np.tanh(joined @ a["candidate/kernel"] + a["candidate/bias"])
    return u * h + (1 - u) * new, c


def tf1_rnn(a: Any, x: Any, h: Any, c: Any) -> Any:
    return np.tanh(np.concatenate([x, h], 1) @ a["kernel"] + a["bias"]), c


def dynet_lstm(a: Any, x: Any, h: Any, c: Any) -> Any:
    gates = x @ a["_0"].T + h @ a["_1"].T + a["_2"]
    i, f, o, g = np.split(gates, 4, axis=-1)
    c = sg(f + 1) * c + sg(i) * np.tanh(g)
    return sg(o) * np.tanh(c), c


def coreml_lstm(a: Any, x: Any, h: Any, c: Any) -> Any:
    def sum_of(gate: str, p: Any = 0.0) -> Any:
        W, R = a[f"{gate}WeightMatrix"], a[f"{gate}RecursionMatrix"]
        return (W @ x.T + R @ h.T).T + a[f"{gate}PeepholeVector"] * p + a[f"{gate}BiasVector"]

    i, f, z = sg(sum_of("inputGate", c)), sg(sum_of("forgetGate", c)), np.tanh(sum_of("blockInput"))
    c = c * f + i * z
    return np.tanh(c) * sg(sum_of("outputGate", c)), c


def coreml_gru(a: Any, x: Any, h: Any, c: Any) -> Any:
    def sum_of(gate: str, state: Any) -> Any:
        W, R = a[f"{gate}GateWeightMatrix"], a[f"{gate}GateRecursionMatrix"]
        return (W @ x.T + R @ state.T).T + a[f"{gate}GateBiasVector"]

    z, r = sg(sum_of("update", h)), sg(sum_of("reset", h))
    o = np.tanh(sum_of("output", h * r))
    return (1 - z) * o + z * h, c


def coreml_rnn(a: Any, x: Any, h: Any, c: Any) -> Any:
    return np.tanh((a["weightMatrix"] @ x.T + a["recursionMatrix"] @ h.T).T + a["biasVector"]), c


def lasagne_lstm(a: Any, x: Any, h: Any, c: Any) -> Any:
    def sum_of(gate: str, p: Any = 0.0) -> Any:
        peephole = p * a[f"W_cell_to_{gate}"]
        return x @ a[f"W_in_to_{gate}"] + h @ a[f"W_hid_to_{gate}"] + peephole + a[f"b_{gate}"]

    i, f = sg(sum_of("ingate", c)), sg(sum_of("forgetgate", c))
    c = f * c + i * np.tanh(sum_of("cell"))
    return sg(sum_of("outgate", c)) * np.tanh(c), c


def lasagne_gru(a: Any, x: Any, h: Any, c: Any) -> Any:
    def parts(gate: str) -> Any:
        return x @ a[f"W_in_to_{gate}"] + a[f"b_{gate}"], h @ a[f"W_hid_to_{gate}"]

    r, u = (sg(sum(parts(gate))) for gate in ("resetgate", "updategate"))
    x_part, h_part = parts("hidden_update")
    candidate = np.tanh(x_part + r * h_part)
    return (1 - u) * h + u * candidate, c


def lasagne_rnn(a: Any, x: Any, h: Any, c: Any) -> Any:
    return np.tanh(x @ a["W_in_to_hid"] + h @ a["W_hid_to_hid"] + a["b"]), c
