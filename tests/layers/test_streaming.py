"""Outputs without tapes: the same as of the whole sequence, in memory that does not grow."""

import numpy as np
import pytest

import npstack as nps
from npstack import ArgumentError, DtypeError, ShapeError, Stream, predict
from npstack.layers import streaming
from tests.layers.test_engines import drawn, what_counts
from tests.tools.memory import peak_bytes

PART = 16  # steps that are read at once
T = 2 * PART + 5
ENGINES = ["readable", "fused", "wavefront", "auto"]


@pytest.fixture(autouse=True)
def short_parts(monkeypatch):
    monkeypatch.setattr(streaming, "LONGEST", PART)


def models():
    """Layers that read in parts, and layers that cannot."""
    rng = np.random.default_rng(0)
    stack, _, _ = drawn(nps.StackedLSTM, 2, 3, [4, 3], dropout=0.5, learn_initial=True)
    last = nps.GRU(3, 4, return_sequences=False, learn_initial=True, rng=rng)
    gru = nps.StackedGRU(3, [4, 4], rng=rng)
    two = nps.LSTM(3, 2, rng=rng), nps.Dense(3, 2, rng=rng)
    both_ways = nps.StackedBidirectional(nps.LSTM, 3, [4], rng=rng)
    read = nps.RNN(3, 4, return_sequences=False, rng=rng)
    return {
        "stack": (stack, True),
        "last step": (last, True),
        "head": (nps.Sequential(gru, nps.Dense(4, 2, rng=rng)), True),
        "no state": (nps.Dense(3, 2, rng=rng), True),
        "side by side": (nps.Parallel(*two), True),
        "both ways": (both_ways, False),
        "repeated": (nps.Sequential(read, nps.RepeatVector(5)), False),
    }


@pytest.mark.parametrize("name", models())
@pytest.mark.parametrize("engine", ENGINES)
def test_predict_gives_the_outputs_of_forward(name, engine):
    (model, _), rng = models()[name], np.random.default_rng(1)
    x = rng.standard_normal((9, T, 3))
    cases = list(what_counts(9, T, rng).values()) if engine == "fused" else [{}]
    for how in [*cases, {"lengths": rng.integers(0, T + 1, 9)}]:
        tape = model.forward(x, engine=engine, **how)
        given = predict(model, x, engine=engine, **how)
        assert given.shape == tape.outputs.shape
        assert given.dtype == tape.outputs.dtype
        assert given.flags.writeable
        if engine == "auto":
            assert np.abs(given - tape.outputs).max() < 1e-13
        else:
            assert (given == tape.outputs).all()
    if model.recurrent:
        states = model.forward(x[:, :9]).final
        right = model.forward(x, states, engine=engine).outputs
        assert np.abs(predict(model, x, states, engine=engine) - right).max() < 1e-13


def test_predict_of_symbols_of_pairs_and_of_vectors():
    rng = np.random.default_rng(0)
    embedding = nps.Sequential(nps.Embedding(5, 3, rng=rng), nps.LSTM(3, 4, rng=rng))
    symbols = rng.integers(0, 5, (2, T))
    assert (predict(embedding, symbols) == embedding.forward(symbols).outputs).all()
    pair = nps.EncoderDecoder(nps.LSTM(3, 4, rng=rng), nps.LSTM(2, 4, rng=rng))
    both = nps.SourceTarget(rng.standard_normal((2, 6, 3)), rng.standard_normal((2, 5, 2)))
    assert (predict(pair, both) == pair.forward(both).outputs).all()
    dense = nps.Dense(3, 2, rng=rng)
    assert predict(dense, np.ones((4, 3))).shape == (4, 2)


@pytest.mark.parametrize("name", [name for name, (_, parts) in models().items() if parts])
@pytest.mark.parametrize("engine", ENGINES)
def test_a_stream_is_the_whole_sequence(name, engine):
    (model, _), rng = models()[name], np.random.default_rng(1)
    x = rng.standard_normal((9, 12, 3))
    for how in what_counts(9, 12, rng).values():
        tape, stream = model.forward(x, engine=engine, **how), Stream(model, engine=engine)
        for t in range(12):
            told = {key: value[:, t] for key, value in how.items()}
            output = stream.step(x[:, t], **told)
            if tape.outputs.ndim == 3:
                assert np.abs(output - tape.outputs[:, t]).max() < 1e-14
        if tape.outputs.ndim == 2:
            assert np.abs(output - tape.outputs).max() < 1e-14
        assert stream.steps == 12
        goes_on = model.forward(x, stream.states).outputs
        assert np.abs(goes_on - model.forward(x, tape.final).outputs).max() < 1e-13


def test_a_stream_of_symbols_and_from_states():
    rng = np.random.default_rng(0)
    model = nps.Sequential(nps.Embedding(5, 3, rng=rng), nps.LSTM(3, 4, rng=rng))
    symbols = rng.integers(0, 5, (2, 9))
    first = model.forward(symbols[:, :4])
    stream = Stream(model, first.final)
    outputs = [stream.step(symbols[:, t]) for t in range(4, 9)]
    assert (np.stack(outputs, 1) == model.forward(symbols).outputs[:, 4:]).all()


@pytest.mark.parametrize("engine", ENGINES)
def test_what_predict_takes_does_not_grow_with_time(engine):
    B, H = 64, 32
    model, _, _ = drawn(nps.StackedLSTM, B, 1, [H], return_sequences=False)
    rng = np.random.default_rng(0)
    peaks = []
    for parts in (1, 8, 64):
        x = rng.standard_normal((B, parts * PART, 3))
        peaks.append(peak_bytes(lambda x=x: predict(model, x, engine=engine)))
    a_state_per_part = (64 - 8) * B * H * x.itemsize
    # Not zero: Python keeps freed tuples, up to 2,000 of each length.
    assert peaks[2] - peaks[1] < 0.2 * a_state_per_part


@pytest.mark.parametrize("engine", ENGINES)
def test_an_error_names_the_step_of_the_sequence(engine):
    model, x, _ = drawn(nps.StackedLSTM, 2, T, [4])
    x[1, T - 3, 0] = np.nan
    with pytest.raises(nps.NonFiniteError, match=f"time step {T - 3} ") as error:
        predict(model, x, engine=engine)
    assert error.value.step == T - 3
    stream = Stream(model, engine=engine)
    for t in range(5):
        stream.step(x[:, t])
    before = stream.states
    with pytest.raises(nps.NonFiniteError, match="time step 5 "):
        stream.step(x[:, T - 3])
    assert stream.states is before
    assert stream.steps == 5


ONE_STEP = r"x must be \(B=2, D=3\)"
WRONG = {
    "a sequence": (ShapeError, lambda x: (x, {}), ONE_STEP),
    "other rows": (ShapeError, lambda x: (x[:1, 0], {}), ONE_STEP),
    "other size": (ShapeError, lambda x: (x[:, 0, :2], {}), ONE_STEP),
    "float32": (DtypeError, lambda x: (x[:, 0].astype(np.float32), {}), "float64"),
    "a mask of numbers": (DtypeError, lambda x: (x[:, 0], {"mask": [1, 0]}), "mask must be bool"),
    "a long mask": (ShapeError, lambda x: (x[:, 0], {"mask": [True] * 3}), r"mask must be \(B\)"),
    "resets": (ShapeError, lambda x: (x[:, 0], {"resets": True}), r"resets must be \(B\)"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_step_changes_nothing(wrong):
    model, x, _ = drawn(nps.StackedLSTM, 2, 5, [4])
    kind, call, said = WRONG[wrong]
    given, told = call(x)
    stream = Stream(model)
    stream.step(x[:, 0])
    before = stream.states
    with pytest.raises(kind, match=said):
        stream.step(given, **told)
    assert stream.states is before
    assert (stream.step(x[:, 1]) == model.forward(x).outputs[:, 1]).all()


def test_a_model_that_reads_from_the_end_has_no_stream():
    for name, (model, parts) in models().items():
        if not parts:
            with pytest.raises(ArgumentError, match="no step depends on a later one"):
                Stream(model)
            assert name
    rng = np.random.default_rng(0)
    pair = nps.EncoderDecoder(nps.LSTM(3, 4, rng=rng), nps.LSTM(2, 4, rng=rng))
    with pytest.raises(ArgumentError, match="reads one sequence"):
        Stream(pair)
    for wrong in (nps.LSTM, "model"):
        with pytest.raises(DtypeError, match="must be a layer"):
            Stream(wrong)
        with pytest.raises(DtypeError, match="must be a layer"):
            predict(wrong, np.ones((1, 2, 3)))
    with pytest.raises(ArgumentError, match="engine"):
        predict(nps.LSTM(3, 4, rng=rng), np.ones((1, 2, 3)), engine="quick")


def test_parts_have_one_length_where_the_steps_can_be_divided_so(monkeypatch):
    monkeypatch.setattr(streaming, "LONGEST", 256)
    model = nps.LSTM(3, 4, rng=np.random.default_rng(0))
    for steps, parts in ((16_000, 250), (1000, 250), (256, 256), (1, 1), (512, 256)):
        assert streaming._steps(model, 2, steps) == parts, steps
    assert streaming._steps(model, 2, 521) in range(174, 257)  # a prime number
