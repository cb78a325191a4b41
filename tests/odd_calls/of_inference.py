"""Outputs without a tape."""

import numpy as np

import npstack as nps
from tests.odd_calls.calls import Call, draw, normal
from tests.odd_calls.kinds import SAME


def lstm():
    return nps.LSTM(3, 2, rng=draw())


def state():
    return nps.LSTMState(normal(4, 2), normal(4, 2))


def streamed(model, states, engine):
    stream = nps.Stream(model, states, engine=engine)
    return stream.step(normal(4, 3)), stream.steps, stream.states


def stepped(**given):
    stream = nps.Stream(lstm())
    stream.step(normal(4, 3))
    return stream.step(**given)


ROWS = np.array([True, False, True, False])  # the value that becomes NaN is in the last row

CALLS = {
    "predict": Call(
        nps.predict,
        lambda: {
            "model": lstm(),
            "x": normal(4, 5, 3),
            "states": state(),
            "mask": np.arange(5) < np.array([[5], [3], [1], [4]]),
            "resets": np.arange(5) == np.array([[1], [1], [0], [2]]),
            "engine": "fused",
        },
        {
            "model": "layer",
            "x": "finite",
            "states": "thing or None",
            "mask": "bools or None",
            "resets": "bools or None",
            "engine": "word or None",
        },
        {("x", "NaN"): SAME, ("x", "infinity"): SAME},  # the last step of the last row is masked
    ),
    "predict, all valid": Call(
        nps.predict,
        lambda: {"model": lstm(), "x": normal(4, 5, 3), "lengths": np.array([5, 5, 5, 5])},
        {"x": "finite", "lengths": "whole or None"},
    ),
    "Stream": Call(
        streamed,
        lambda: {"model": lstm(), "states": state(), "engine": "fused"},
        {"model": "layer", "states": "thing or None", "engine": "word or None"},
    ),
    "step": Call(
        stepped,
        lambda: {"x": normal(4, 3), "mask": ROWS, "resets": ROWS},
        {"x": "finite", "mask": "bools or None", "resets": "bools or None"},
        {("x", "NaN"): SAME, ("x", "infinity"): SAME},
    ),
}
