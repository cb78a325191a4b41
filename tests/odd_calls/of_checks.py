"""Checks of gradients and laws, and what is measured on tapes."""

import numpy as np

import npstack as nps
from npstack import analysis
from npstack.verify import explain, foreign
from tests.odd_calls.calls import Call, draw, normal
from tests.odd_calls.kinds import REFUSED, SAME
from tests.verify.course_pairs import lstm_step_backward, lstm_step_forward


def of_lstm():
    return nps.LSTM(2, 3, rng=draw()).forward(normal(4, 5, 2))


CALLS = {
    "check_gradients": Call(
        lambda layer, x, entries: nps.check_gradients(layer, x, entries=entries, rng=draw()),
        lambda: {"layer": nps.LSTM(2, 3, rng=draw()), "x": normal(2, 3, 2), "entries": 4},
        {"layer": "layer", "x": "finite", "entries": "size or None"},
    ),
    "check_laws": Call(
        nps.check_laws,
        lambda: {
            "layer": nps.LSTM(2, 3, rng=draw()),
            "rng": draw(),
            "batch": 3,
            "steps": 4,
            "tolerance": 64.0,
        },
        {
            "layer": "layer",
            "rng": "rng",
            "batch": "size",
            "steps": "size or None",
            "tolerance": "number",
        },
    ),
    "gradcheck": Call(
        lambda f, backward, x, tolerance, route: (
            nps.gradcheck(f, backward, {"x": x}, tolerance=tolerance, route=route).passed
        ),
        lambda: {
            "f": lambda x: np.tanh(x),
            "backward": lambda d, x: {"x": d * (1 - np.tanh(x) ** 2)},
            "x": normal(3, 2),
            "tolerance": 64.0,
            "route": "complex",
        },
        {
            "f": "function",
            "backward": "function",
            "x": "floats",
            "tolerance": "number",
            "route": "word",
        },
        dict.fromkeys(
            [
                ("x", "half precision"),
                ("x", "the other byte order"),
                ("x", "an array of no axes"),
            ],
            SAME,
        ),
    ),
    "foreign": Call(
        foreign,
        lambda: {
            "forward": lstm_step_forward,
            "backward": lstm_step_backward,
            "style": "step",
            "cell": "lstm",
            "gates": "ifog",
            "input_size": 3,
            "hidden_size": 4,
            "rng": draw(),
        },
        {
            "forward": "function",
            "backward": "function or None",
            "style": "word",
            "cell": "word",
            "gates": "word or None",
            "input_size": "size",
            "hidden_size": "size",
            "rng": "rng or None",
        },
    ),
    "explain": Call(
        explain,
        lambda: {
            "code": lstm_step_forward,
            "backward": lstm_step_backward,
            "cell": "lstm",
            "gates": "ifog",
            "style": "step",
            "input_size": 2,
            "hidden_size": 2,
            "batch": 1,
            "steps": 1,
            "x": normal(1, 1, 2),
            "rng": draw(),
        },
        {
            "code": "function",
            "backward": "function",
            "cell": "word or None",
            "gates": "word or None",
            "style": "word",
            "input_size": "size",
            "hidden_size": "size",
            "batch": "size",
            "steps": "size",
            "x": "floats or None",
            "rng": "rng or None",
        },
    ),
    "explain, a layer": Call(
        explain,
        lambda: {"code": nps.LSTM(2, 3, rng=draw()), "x": normal(1, 1, 2), "cell": "lstm"},
        {"code": "layer", "x": "floats or None", "cell": "word or None"},
    ),
    "gradient_norms": Call(
        analysis.gradient_norms,
        lambda: {
            "model": nps.LSTM(2, 3, rng=draw()),
            "tape": of_lstm(),
            "doutputs": normal(4, 5, 3),
        },
        {"model": "layer", "tape": "thing", "doutputs": "finite"},
        {("doutputs", "None"): REFUSED},
    ),
    "truncated_gradient_norms": Call(
        analysis.truncated_gradient_norms,
        lambda: {
            "model": nps.LSTM(2, 3, rng=draw()),
            "tape": of_lstm(),
            "doutputs": normal(4, 5, 3),
            "k": 2,
        },
        {"model": "layer", "tape": "thing", "doutputs": "finite", "k": "size"},
    ),
    "influence": Call(
        analysis.influence,
        lambda: {"model": nps.LSTM(2, 3, rng=draw()), "tape": of_lstm(), "output": 1, "step": 4},
        {"model": "layer", "tape": "thing", "output": "index", "step": "index"},
        {("step", "None"): SAME},
    ),
    "gradient_against_lag": Call(
        analysis.gradient_against_lag,
        lambda: {"model": nps.LSTM(2, 3, rng=draw()), "x": normal(4, 5, 2)},
        {"model": "layer", "x": "finite"},
    ),
    "state_jacobians": Call(
        analysis.state_jacobians,
        lambda: {"layer": nps.LSTM(2, 3, rng=draw()), "tape": of_lstm()},
        {"layer": "layer", "tape": "thing"},
    ),
    "gate_quantiles": Call(
        analysis.gate_quantiles,
        lambda: {"tape": of_lstm(), "quantiles": np.array([0.0, 1.0])},
        {"tape": "thing", "quantiles": "floats"},
        dict.fromkeys(
            [("quantiles", own) for own in ("integers", "half precision", "the other byte order")],
            SAME,
        ),
    ),
    "saturation": Call(
        analysis.saturation,
        lambda: {"tape": of_lstm(), "open_above": 0.75, "closed_below": 0.25},
        {"tape": "thing", "open_above": "number", "closed_below": "number"},
    ),
    "slowest_first": Call(analysis.slowest_first, lambda: {"tape": of_lstm()}, {"tape": "thing"}),
}
