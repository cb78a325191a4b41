"""What a step costs in calls of NumPy and in bytes: the same for every T and L."""

import numpy as np
import pytest

import npstack as nps
from npstack import Engine
from npstack.engine import backward, fused, gru, lstm
from tests.layers.test_engines import drawn
from tests.tools.memory import peak_bytes

CALLS = ("add", "matmul", "multiply", "subtract", "tanh")
MODULES = {nps.StackedLSTM: lstm, nps.StackedGRU: gru}
MOST = {nps.StackedLSTM: (9, 5), nps.StackedGRU: (11, 4)}  # forward and backward, per step


@pytest.fixture
def calls(monkeypatch):
    """Every call of the functions with which the loops compute."""
    found = []

    def counting(function):
        def counted(*given, **named):
            found.append(function)
            return function(*given, **named)

        return counted

    for module in (lstm, gru):
        for name in CALLS:
            monkeypatch.setattr(module, name, counting(getattr(np, name)))
    return found


def counted(calls, model, T, B):
    """Calls of the forward pass, and of the backward pass."""
    x = np.ones((B, T, 3))
    calls.clear()
    tape = model.forward(x, engine="fused")
    forward = len(calls)
    model.backward(tape, np.ones(tape.outputs.shape))
    return np.array([forward, len(calls) - forward])


@pytest.mark.parametrize("kind", MODULES)
@pytest.mark.parametrize("B", [2, 9])
def test_calls_per_step_and_layer_are_constant(calls, kind, B):
    chunk, per_step = 32, []
    for L in (1, 2, 4):
        model, _, _ = drawn(kind, B, 1, [4] * L)
        one, two, four = (counted(calls, model, T * chunk, B) for T in (1, 2, 4))
        assert (four - two == 2 * (two - one)).all()
        per_step.append((two - one) / (L * chunk))
    assert (per_step[0] == per_step[1]).all()
    assert (per_step[0] == per_step[2]).all()
    of_chunk = 1 / chunk, 30 / chunk  # a product; the local factors
    assert (per_step[0] <= np.add(MOST[kind], of_chunk)).all()
    assert (per_step[0] > 3).all()


def peak(model, x, engine):
    """The most that a forward and a backward pass take, with arrays that nobody has used before."""
    for pool in (fused.ARRAYS, backward.SCRATCH):
        pool.waiting.clear()
    doutputs = np.ones((*x.shape[:2], 32))
    return peak_bytes(lambda: model.backward(model.forward(x, engine=engine), doutputs))


@pytest.mark.parametrize("kind", MODULES)
def test_bytes_per_step_and_layer_are_constant(kind):
    B, H, first = 4, 32, 288  # from a length on of which views are not kept
    found = {}
    for L in (1, 2, 3):
        model, _, _ = drawn(kind, B, 1, [H] * L)
        for k in (1, 2, 3) if L == 2 else (1, 2):
            found[L, k] = peak(model, np.zeros((B, k * first, 3)), "fused")
    once, twice = (found[2, k + 1] - found[2, k] for k in (1, 2))
    assert abs(twice / once - 1) < 0.02
    slopes = {L: found[L, 2] - found[L, 1] for L in (1, 2, 3)}
    second, third = (slopes[L] - slopes[L - 1] for L in (2, 3))
    slots = 5 if kind is nps.StackedLSTM else 4
    own = 8 * first * B * (slots * H + 1 + H)  # what a step keeps: its gates, [1 h]
    assert abs(third / own - 1) < 0.02
    assert second < own + 1.1 * 8 * first * B * H  # and the gradient between two layers, once


@pytest.mark.parametrize("kind", MODULES)
def test_a_run_in_blocks_takes_bytes_like_its_input_and_output(kind):
    B, H = 4, 32
    model, _, _ = drawn(kind, B, 1, [H, H, H])
    peaks = [peak(model, np.zeros((B, T, 3)), Engine("fused", budget=1)) for T in (288, 576)]
    whole = peak(model, np.zeros((B, 576, 3)), "fused")
    ends = 8 * B * (3 + H + 3)  # x, the outputs, dx
    slope = (peaks[1] - peaks[0]) / 288
    assert slope < 2 * ends
    assert peaks[1] < whole / 3


@pytest.mark.parametrize("engine", ["readable", "fused", "wavefront"])
@pytest.mark.parametrize("kind", MODULES)
def test_summary_says_what_a_tape_takes(engine, kind):
    model, _, rng = drawn(kind, 2, 3, [5, 4], dropout=0.5)
    whole = nps.Sequential(model, nps.Dense(4, 2, rng=rng))
    whole.engine = engine
    for B, T in ((1, 9), (9, 2), (20, 300)):
        tape = whole.forward(np.ones((B, T, 3)), rng=rng)
        said = whole.summary(B, T).splitlines()[-1]
        assert f": {tape.nbytes:,} bytes" in said
        assert ("(" in said) == (engine != "readable")
        tape.release()
    whole.engine = Engine("fused", budget=10_000)
    assert "in blocks" in whole.summary(20, 300)
    assert "in blocks" not in whole.summary(2, 3)
