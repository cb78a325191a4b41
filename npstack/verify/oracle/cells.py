"""Cells: one step of one sequence, unit by unit.

A step is a function of the parameters, the input ``x``, the hidden states ``seen`` that ``U``
multiplies (for each gate, as they are packed, that before the step, with recurrent dropout if there
is any), the state before the step, and the options of the layer. It returns the state after the
step: a dictionary whose ``h`` is the output.
``h'`` and ``c'`` are the state before the step; a number ``j`` in square brackets is a unit.

The options, all optional:

=====================  ===========================================================================
``lstm``               ``coupled`` (True); ``forget_bias``, ``preactivation_clip``, ``cell_clip``,
                       ``projection_clip`` (numbers); ``activations``: a dictionary from
                       ``input``, ``forget``, ``candidate``, ``output``, ``cell``. Peepholes are
                       used if there is a parameter ``P``, a projection if there is an ``R``
``gru``                ``activations``: a dictionary from ``gate``, ``candidate``
``gru_reset_before``   the same
``rnn``                ``activation``
=====================  ===========================================================================

A cell may have two biases of each gate, ``b`` and ``b_recurrent``, or neither: what is not among
the parameters is zero. Where there are both, the pre-activation is their sum with the products.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from npstack.verify.oracle.activations import activation, clip, inverse_root
from npstack.verify.oracle.dual import Number, Vector

State = dict[str, Vector]
Params = dict[str, Any]
Options = dict[str, Any]

sigmoid, tanh = activation("sigmoid"), activation("tanh")


def product(x: Vector, W: list[Vector], column: int, start: Any = 0.0) -> Any:
    """``start + sum_k x[k] W[k][column]``."""
    for value, row in zip(x, W, strict=True):
        start = start + value * row[column]
    return start


def biases(params: Params, column: int) -> Any:
    """``b[column] + b_recurrent[column]``; a bias that is not there is left out."""
    there = [params[name][column] for name in ("b", "b_recurrent") if name in params]
    return sum(there, 0.0)


# ---- the LSTM and its parts --------------------------------------------------------------------


def lstm_step(
    params: Params, x: Vector, seen: list[Vector], state: State, options: Options
) -> State:
    """The LSTM with any of its parts.

    For every gate ``k`` and every unit ``j``; a line in brackets is used only with its part::

        a_k[j] = sum x W_k[j] + sum h' U_k[j] + b_k[j]
       (a_f[j] = a_f[j] + forget_bias)
       (a_i[j] = a_i[j] + P_i[j] c'[j]                  peepholes; a_f likewise)
       (a_k[j] = clip(a_k[j], preactivation_clip)       of every gate, at the end)
        i, f, g = input(a_i), forget(a_f), candidate(a_g)
       (f = 1 - i                                       coupled: there is no a_f)
        c[j] = f c'[j] + i g
       (c[j] = clip(c[j], cell_clip))
       (a_o[j] = a_o[j] + P_o[j] c[j]                   peepholes: the new c)
        o = output(a_o)
        m[j] = o cell(c[j])
        h = m
       (h[p] = sum m R[p]                               projection)
       (h[p] = clip(h[p], projection_clip))

    ``W``, ``U`` and ``b`` are packed i, f, g, o (coupled: i, g, o), ``P`` i, f, o (coupled: i, o).
    A part with a parameter is used if the parameter is given; the other parts are options.
    """
    H = len(state["c"])
    coupled = options.get("coupled", False)
    peepholes = "P" in params
    columns = {gate: place * H for place, gate in enumerate("igo" if coupled else "ifgo")}
    peeping = {gate: place * H for place, gate in enumerate("io" if coupled else "ifo")}
    named = options.get("activations", {})
    act_i = activation(named.get("input", "sigmoid"))
    act_f = activation(named.get("forget", "sigmoid"))
    act_g = activation(named.get("candidate", "tanh"))
    act_o = activation(named.get("output", "sigmoid"))
    act_cell = activation(named.get("cell", "tanh"))
    limit = options.get("preactivation_clip")

    c: Vector = []
    m: Vector = []
    for j in range(H):
        before = state["c"][j]
        a = {}
        for own, (gate, first) in zip(seen, columns.items(), strict=True):
            from_below = product(x, params["W"], first + j, biases(params, first + j))
            a[gate] = product(own, params["U"], first + j, from_below)
        if "forget_bias" in options:
            a["f"] = a["f"] + options["forget_bias"]
        if peepholes:
            a["i"] = a["i"] + params["P"][peeping["i"] + j] * before
        if peepholes and not coupled:
            a["f"] = a["f"] + params["P"][peeping["f"] + j] * before
        i = act_i(clip(a["i"], limit))
        f = 1.0 - i if coupled else act_f(clip(a["f"], limit))
        g = act_g(clip(a["g"], limit))
        c.append(clip(f * before + i * g, options.get("cell_clip")))
        if peepholes:
            a["o"] = a["o"] + params["P"][peeping["o"] + j] * c[j]
        o = act_o(clip(a["o"], limit))
        m.append(o * act_cell(c[j]))

    if "R" not in params:
        return {"h": m, "c": c}
    width = len(params["R"][0])
    h = [clip(product(m, params["R"], p), options.get("projection_clip")) for p in range(width)]
    return {"h": h, "c": c}


def normalised(v: Vector) -> Vector:
    """``LN(v) = (v - mean) / sqrt(variance + 1e-5)``, the variance being that of all numbers."""
    mean = sum(v, 0.0) * (1.0 / len(v))
    deviations = [number - mean for number in v]
    variance = sum((d * d for d in deviations), 0.0) * (1.0 / len(v))
    scale = inverse_root(variance + 1e-5)
    return [d * scale for d in deviations]


def layer_norm_lstm_step(
    params: Params, x: Vector, seen: list[Vector], state: State, options: Options
) -> State:
    """The LSTM of Ba et al. (2016), equations 20 to 22.

    ::

        a = LN(x W) gain_x + LN(h' U) gain_h + b        LN over all gates at once
        i, f, g, o = sigmoid(a_i), sigmoid(a_f), tanh(a_g), sigmoid(a_o)
        c = f c' + i g
        h = o tanh(LN(c) gain_c + shift_c)
    """
    H = len(state["c"])
    from_below = normalised([product(x, params["W"], column) for column in range(4 * H)])
    from_before = normalised(
        [product(seen[column // H], params["U"], column) for column in range(4 * H)]
    )
    a = [
        from_below[k] * params["gain_x"][k]
        + from_before[k] * params["gain_h"][k]
        + biases(params, k)
        for k in range(4 * H)
    ]
    c: Vector = []
    for j in range(H):
        i, f, g = sigmoid(a[j]), sigmoid(a[H + j]), tanh(a[2 * H + j])
        c.append(f * state["c"][j] + i * g)
    n = normalised(c)
    h: Vector = []
    for j in range(H):
        o = sigmoid(a[3 * H + j])
        h.append(o * tanh(n[j] * params["gain_c"][j] + params["shift_c"][j]))
    return {"h": h, "c": c}


# ---- the GRU, in its two forms -----------------------------------------------------------------


def gru_step(
    params: Params, x: Vector, seen: list[Vector], state: State, options: Options
) -> State:
    """The GRU whose reset gate acts on the product of the hidden state with ``U``.

    ::

        r[j] = gate(sum x W_r[j] + sum h' U_r[j] + b_r[j])
        z[j] = gate(sum x W_z[j] + sum h' U_z[j] + b_z[j])
        q[j] = sum h' U_n[j] + b_recurrent[j]
        n[j] = candidate(sum x W_n[j] + b_n[j] + r[j] q[j])
        h[j] = z[j] h'[j] + (1 - z[j]) n[j]

    ``W``, ``U`` and ``b`` are packed r, z, n. The ``h'`` of the last line is never dropped. If
    ``b_recurrent`` is packed r, z, n, too, its first two thirds are added to ``b_r`` and ``b_z``.
    """
    W, U, H = params["W"], params["U"], len(state["h"])
    gate, candidate = gru_activations(options)
    b, b_recurrent = params.get("b", [0.0] * 3 * H), params.get("b_recurrent", [0.0] * H)
    b_q = b_recurrent[-H:]  # the candidate's: all, or the last third
    b_rz = b_recurrent[:-H] or [0.0] * 2 * H
    h: Vector = []
    for j in range(H):
        r = gate(product(seen[0], U, j, product(x, W, j, b[j] + b_rz[j])))
        z = gate(product(seen[1], U, H + j, product(x, W, H + j, b[H + j] + b_rz[H + j])))
        q = product(seen[2], U, 2 * H + j, b_q[j])
        n = candidate(product(x, W, 2 * H + j, b[2 * H + j]) + r * q)
        h.append(z * state["h"][j] + (1.0 - z) * n)
    return {"h": h}


def gru_reset_before_step(
    params: Params, x: Vector, seen: list[Vector], state: State, options: Options
) -> State:
    """The GRU of Cho et al. (2014), whose reset gate acts on the hidden state itself.

    As `gru_step`, except for ``n[j] = candidate(sum x W_n[j] + sum (r h') U_n[j] + b_n[j])``.
    """
    W, U, H = params["W"], params["U"], len(state["h"])
    b = [biases(params, column) for column in range(3 * H)]
    gate, candidate = gru_activations(options)
    r = [gate(product(seen[0], U, j, product(x, W, j, b[j]))) for j in range(H)]
    reset = [r[k] * seen[2][k] for k in range(H)]
    h: Vector = []
    for j in range(H):
        z = gate(product(seen[1], U, H + j, product(x, W, H + j, b[H + j])))
        n = candidate(product(reset, U, 2 * H + j, product(x, W, 2 * H + j, b[2 * H + j])))
        h.append(z * state["h"][j] + (1.0 - z) * n)
    return {"h": h}


def gru_activations(options: Options) -> tuple[Any, Any]:
    """Of the two gates, and of the candidate."""
    named = options.get("activations", {})
    return activation(named.get("gate", "sigmoid")), activation(named.get("candidate", "tanh"))


# ---- the plain recurrent network ---------------------------------------------------------------


def rnn_step(
    params: Params, x: Vector, seen: list[Vector], state: State, options: Options
) -> State:
    """Elman's: ``h[j] = activation(sum x W[j] + sum h' U[j] + b[j])``."""
    act = activation(options.get("activation", "tanh"))
    below = [product(x, params["W"], j, biases(params, j)) for j in range(len(state["h"]))]
    return {"h": [act(product(seen[0], params["U"], j, a)) for j, a in enumerate(below)]}


Known = dict[str, tuple[str, ...]]  # options, each with its names if it is a dictionary
LSTM_OPTIONS: Known = {
    **dict.fromkeys(("coupled", "forget_bias"), ()),
    **dict.fromkeys(("preactivation_clip", "cell_clip", "projection_clip"), ()),
    "activations": ("input", "forget", "candidate", "output", "cell"),
}
GRU_OPTIONS: Known = {"activations": ("gate", "candidate")}

# The step, the fields of the state, and the options.
CELLS: dict[str, tuple[Callable[..., State], tuple[str, ...], Known]] = {
    "lstm": (lstm_step, ("h", "c"), LSTM_OPTIONS),
    "layer_norm_lstm": (layer_norm_lstm_step, ("h", "c"), {}),
    "gru": (gru_step, ("h",), GRU_OPTIONS),
    "gru_reset_before": (gru_reset_before_step, ("h",), GRU_OPTIONS),
    "rnn": (rnn_step, ("h",), {"activation": ()}),
}


def check_options(kind: str, options: Options) -> None:
    """Raise an error for an option that no equation uses."""
    _, _, known = CELLS[kind]
    for name, value in options.items():
        if name not in known:
            raise ValueError(f"{kind} has no option {name}, only {', '.join(known) or 'none'}")
        for place in value if isinstance(value, dict) else ():
            if place not in known[name]:
                raise ValueError(f"{name} of {kind} are of {', '.join(known[name])}, not {place}")


def units(params: Params) -> int:
    """How many units a cell has: ``U`` has a row for each, except with a projection ``R``."""
    return len(params["R" if "R" in params else "U"])


def beginning(params: Params, fields: tuple[str, ...]) -> State:
    """The state before the first step if none is given: learned, or zeros.

    ``h`` is as wide as ``U`` has rows. So are the other fields, except with a projection ``R``.
    """
    wide = units(params)
    widths = {field: len(params["U"]) if field == "h" else wide for field in fields}
    return {field: params.get(f"initial.{field}", [0.0] * widths[field]) for field in fields}


def by_gate(params: Params, kept: Any) -> tuple[Any, ...]:
    """The masks of recurrent dropout by gate: a tuple as it is, or one mask for all gates."""
    gates = len(params["U"][0]) // units(params)
    return kept if isinstance(kept, tuple) else (kept,) * gates


def at_step(kept: Any, row: int, t: int | None) -> list[bool] | None:
    """The mask of one step: from ``[b][t][k]``, or from ``[b][k]`` for all steps."""
    if kept is None:
        return None
    own = kept[row]
    found: list[bool] = own[t] if isinstance(own[0], list) else own
    return found


def dropped(x: Vector, rate: float, kept: list[bool] | None) -> Vector:
    """Numbers that are kept are divided by ``1 - rate``, the rest is zero; None changes nothing."""
    if kept is None:
        return x
    scale = 1.0 / (1.0 - rate)
    return [a * scale if keep else 0.0 for a, keep in zip(x, kept, strict=True)]


def zoned_out(old: Vector, new: Vector, kept: list[bool] | None) -> Vector:
    """The old number where it is kept, else the new one; None keeps nothing."""
    if kept is None:
        return new
    chosen: list[Number] = []
    for before, after, keep in zip(old, new, kept, strict=True):
        chosen.append(before if keep else after)
    return chosen
