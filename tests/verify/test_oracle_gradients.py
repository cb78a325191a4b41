"""The oracle's slopes against central differences of its own forward pass.

The forward pass is held against other programs and against sums by hand elsewhere; so this covers
the slopes of what no framework has. Masks have holes and a row without a valid step; half of the
models are reset in the middle; the loss weighs every output and every final state.
"""

from typing import Any

import pytest

from npstack.verify import oracle
from npstack.verify.oracle import Layer
from tests.verify.oracle_models import (
    cell_params,
    central_differences,
    draw_booleans,
    drawer,
    error,
    state,
)

B, T, D, H = 3, 4, 2, 2
MASK = [[True, False, True, True], [True, True, True, False], [False] * 4]
RESETS = [[False, False, True, False], [True, False, True, False], [False] * 4]
ACTIVATIONS = {
    "input": "hard_sigmoid_fifth",
    "forget": "hard_sigmoid_sixth",
    "candidate": ("scaled_tanh", 1.5, 0.5),
    "output": "softsign",
    "cell": ("elu", 0.5),
}
CLIPS = {"preactivation_clip": 0.8, "cell_clip": 0.5, "projection_clip": 0.2}
GATES = {"gate": "hard_sigmoid_sixth", "candidate": "softplus"}
# Kind, parts that have parameters, options.
CELLS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "lstm": ("lstm", {}, {}),
    "forget_bias": ("lstm", {"learned": True}, {"forget_bias": 1.0}),
    "peepholes": ("lstm", {"peepholes": True}, {}),
    "coupled": ("lstm", {"coupled": True}, {"coupled": True}),
    "coupled_peepholes": ("lstm", {"coupled": True, "peepholes": True}, {"coupled": True}),
    "clips": ("lstm", {"peepholes": True, "projection": 1}, CLIPS),
    "projection": ("lstm", {"projection": 1, "learned": True}, {}),
    "activations": ("lstm", {}, {"activations": ACTIVATIONS}),
    "all_parts": (
        "lstm",
        {"peepholes": True, "projection": 3, "learned": True},
        CLIPS | {"forget_bias": 0.5, "activations": ACTIVATIONS},
    ),
    "layer_norm_lstm": ("layer_norm_lstm", {"learned": True}, {}),
    "gru": ("gru", {"learned": True}, {}),
    "gru_activations": ("gru", {}, {"activations": GATES}),
    "gru_reset_before": ("gru_reset_before", {}, {"activations": GATES}),
    "gru_reset_before_plain": ("gru_reset_before", {"learned": True}, {}),
    "rnn": ("rnn", {"learned": True}, {}),
    "rnn_leaky": ("rnn", {}, {"activation": ("leaky_relu", 0.2)}),
}


def assert_slopes(model: Any, params: Any, x: Any, states: Any, resets: Any = RESETS) -> None:
    """Every float that went in."""
    draw = drawer(9)
    inputs = {"params": params, "x": x, "states": states}

    def outcome(given: Any) -> Any:
        return oracle.run(model, given["params"], given["x"], given["states"], MASK, resets)

    weights = draw(len(oracle.numbers(outcome(inputs))))

    def loss(given: Any) -> Any:
        return oracle.weighted_sum(outcome(given), weights)

    value, slopes = oracle.differentiate(loss, inputs)
    assert value == loss(inputs)
    found, expected = oracle.numbers(slopes), central_differences(loss, inputs)
    assert max(map(abs, expected)) > 0.1
    assert error(found, expected) < 1e-8


@pytest.mark.parametrize("noisy", [False, True], ids=["plain", "noisy"])
@pytest.mark.parametrize("name", CELLS)
def test_cell(name: str, noisy: bool) -> None:
    kind, parts, options = CELLS[name]
    draw = drawer(len(name))
    width = parts.get("projection", H)
    fields: dict[str, Any] = {}
    if noisy:
        zoneout = {"h": draw_booleans(1, B, T, width), "c": draw_booleans(2, B, H)}
        fields = {"rate": 0.4, "kept": draw_booleans(3, B, width), "zoneout": zoneout}
    params = [cell_params(draw, kind, D, H, **parts)]
    states = None if parts.get("learned") else [state(draw, kind, B, H, width)]
    assert_slopes([Layer(kind, options=options, **fields)], params, draw(B, T, D), states)


LSTM, LAST, GRU = Layer("lstm"), Layer("lstm", last=True), Layer("gru")
DENSE = Layer("dense", activation="softplus")


def lstm_of(D: int, seed: int) -> Any:
    return cell_params(drawer(seed), "lstm", D, H)


def dense_of(D: int, seed: int) -> Any:
    draw = drawer(seed)
    return {"W": draw(D, H), "b": draw(H)}


def gru_of(D: int, seed: int) -> Any:
    return cell_params(drawer(seed), "gru", D, H)


def pair(merge: str, one: Layer = LSTM) -> Layer:
    return Layer("bidirectional", children=(one, one), merge=merge)


LAYERS: dict[str, tuple[list[Layer], list[Any]]] = {
    **{
        f"bidirectional_{merge}": ([pair(merge)], [[lstm_of(D, 1), lstm_of(D, 2)]])
        for merge in ("concat", "sum", "mul", "ave", "none")
    },
    "bidirectional_stack": (
        [pair("concat"), pair("ave")],
        [[lstm_of(D, 1), lstm_of(D, 2)], [lstm_of(2 * H, 3), lstm_of(2 * H, 4)]],
    ),
    "bidirectional_last": ([pair("mul", LAST)], [[lstm_of(D, 1), lstm_of(D, 2)]]),
    "as_read": (
        [Layer("reversed", children=(LSTM,), order="as_read"), GRU],
        [[lstm_of(D, 1)], gru_of(H, 2)],
    ),
    "residual_and_skip": (
        [
            Layer("residual", children=(LSTM,)),
            Layer("skip", children=(LSTM, GRU), skip_inputs=True, skip_outputs=True),
        ],
        [[lstm_of(D, 1)], [lstm_of(H, 2), gru_of(2 * H, 3)]],
    ),
    "parallel": (
        [Layer("parallel", children=(LSTM, DENSE, GRU), merge="mul")],
        [[lstm_of(D, 1), dense_of(D, 2), gru_of(D, 3)]],
    ),
    "encoder_decoder": (
        [LAST, Layer("repeat", steps=3), LSTM, Layer("time_distributed", children=(DENSE,))],
        [lstm_of(D, 1), {}, lstm_of(H, 2), [dense_of(H, 3)]],
    ),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layer(name: str) -> None:
    model, params = LAYERS[name]
    assert_slopes(model, params, drawer(4)(B, T, D), None)


def test_time_distributed_cells() -> None:
    layer = Layer("time_distributed", children=(pair("concat", LAST),))
    assert_slopes([layer], [[[lstm_of(D, 1), lstm_of(D, 2)]]], drawer(5)(B, T, 2, D), None)
