"""Two biases kept apart, and none: what the tests of the table do not cover."""

import numpy as np
import pytest

from npstack import (
    ArgumentError,
    Bidirectional,
    DtypeError,
    GRUCell,
    GRUResetBeforeCell,
    LayerNormLSTMCell,
    LSTMCell,
    LSTMVariantCell,
    NoBias,
    Recurrent,
    RecurrentDropout,
    RNNCell,
    Sequential,
    ShapeError,
    Stacked,
    TwoBiases,
    Zoneout,
    build,
    check_gradients,
    check_laws,
    load_model,
    save_model,
)
from npstack.cells import Coupled, Peepholes, Projection
from npstack.core.trees import mapped

pytestmark = pytest.mark.core
D, H = 3, 4
KINDS = {
    "lstm": LSTMCell,
    "coupled": lambda *sizes, **o: LSTMVariantCell(*sizes, Coupled(), Peepholes(), **o),
    "projection": lambda *sizes, **o: LSTMVariantCell(*sizes, Projection(2), **o),
    "layer norm": LayerNormLSTMCell,
    "gru": GRUCell,
    "gru, reset before": GRUResetBeforeCell,
    "rnn": RNNCell,
}
EACH = pytest.mark.parametrize("name", KINDS)


@pytest.fixture
def rng():
    return np.random.default_rng(4)


def drawn(name, rng):
    return KINDS[name](D, H, bias_init="uniform", rng=rng)


def ran(cell, params, rng):
    """Outputs and every gradient of a cell over time."""
    layer, rng = Recurrent(cell), np.random.default_rng(9)
    tape = layer.forward(rng.standard_normal((3, 5, D)), lengths=[5, 2, 4], params=params)
    doutputs = rng.standard_normal(tape.outputs.shape)
    grads = layer.backward(tape, doutputs, mapped(np.ones_like, tape.final))
    return tape.outputs, dict(grads.params), grads.x


@EACH
def test_two_biases_compute_the_cell_with_their_sum(name, rng):
    cell = drawn(name, rng)
    two = TwoBiases(cell)
    width = len(cell.params["b"])
    b, b_recurrent = rng.standard_normal((2, width))
    params = {**two.params, "b": b, "b_recurrent": b_recurrent}
    merged = {**cell.params, "b": b + b_recurrent}
    if name == "gru":  # r and z have the sum, n both
        merged["b"][2 * H :], merged["b_recurrent"] = b[2 * H :], b_recurrent[2 * H :]
    outputs, dparams, dx = ran(two, params, rng)
    expected, dmerged, dx_expected = ran(cell, merged, rng)
    assert np.array_equal(outputs, expected)
    assert np.array_equal(dx, dx_expected)
    last = dmerged.pop("b_recurrent", dmerged["b"][-H:])
    assert np.array_equal(dparams.pop("b_recurrent"), [*dmerged["b"][:-H], *last])
    assert dparams.keys() == dmerged.keys()
    assert all(np.array_equal(value, dmerged[n]) for n, value in dparams.items())


@EACH
def test_the_halves_of_a_bias_are_its_cell_bit_for_bit(name, rng):
    cell = drawn(name, rng)
    before = {n: v.copy() for n, v in cell.params.items()}
    two = TwoBiases(cell)
    b, b_recurrent = two.params["b"], two.params["b_recurrent"]
    assert b.shape == b_recurrent.shape == cell.params["b"].shape
    merged = slice(2 * H if name == "gru" else None)
    assert np.array_equal(b[merged], b_recurrent[merged])
    assert not np.shares_memory(b, b_recurrent)
    (ours, _, dx), (plain, _, dx_plain) = ran(two, None, rng), ran(cell, None, rng)
    assert np.array_equal(ours, plain)
    assert np.array_equal(dx, dx_plain)
    assert all(np.array_equal(v, before[n]) for n, v in cell.params.items())


@EACH
def test_no_bias_computes_the_cell_with_zeros(name, rng):
    cell = drawn(name, rng)
    none = NoBias(cell)
    assert none.params.keys() == cell.params.keys() - {"b", "b_recurrent"}
    zeros = {n: v * 0 if n in ("b", "b_recurrent") else v for n, v in cell.params.items()}
    outputs, dparams, dx = ran(none, None, rng)
    expected, dzeros, dx_expected = ran(cell, zeros, rng)
    assert np.array_equal(outputs, expected)
    assert np.array_equal(dx, dx_expected)
    assert dparams.keys() == none.params.keys()
    assert all(np.array_equal(value, dzeros[n]) for n, value in dparams.items())


@EACH
@pytest.mark.parametrize("kind", [TwoBiases, NoBias])
def test_laws_and_gradients(name, kind, rng):
    layer = Recurrent(kind(drawn(name, rng)))
    assert check_laws(layer, rng=rng, steps=3).passed
    x = rng.standard_normal((2, 4, D))
    assert check_gradients(layer, x, lengths=[4, 2], entries=3, rng=rng).passed


@pytest.mark.parametrize("kind", [TwoBiases, NoBias])
def test_everywhere_that_a_cell_can_stand(kind, rng, tmp_path):
    """Stacks, two directions, draws; written and read again with the same bits."""

    def cell(input_size, hidden_size, **options):
        return kind(LSTMCell(input_size, hidden_size, **options))

    model = Sequential(
        Stacked(cell, D, [H, 2], rng=rng),
        Bidirectional(*(Recurrent(kind(GRUCell(2, 3, rng=rng))) for _ in range(2))),
        Recurrent(Zoneout(RecurrentDropout(kind(RNNCell(6, 3, rng=rng)), 0.5), h=0.3)),
        Recurrent(cell(3, 2, rng=rng), learn_initial=True),
    )
    model.params = {n: v + rng.standard_normal(v.shape) for n, v in model.params.items()}
    x = rng.standard_normal((2, 5, D))
    assert check_gradients(model, x, lengths=[5, 3], noise_rng=rng, entries=1, rng=rng).passed
    save_model(tmp_path / "model.npz", model)
    again = load_model(tmp_path / "model.npz")
    assert repr(again) == repr(model)
    assert again.params.keys() == model.params.keys()
    assert np.array_equal(again.forward(x).outputs, model.forward(x).outputs)
    assert build(again.config(), model.params).config() == model.config()


def test_parameters_are_listed_and_split_by_gate(rng):
    two, none = TwoBiases(GRUCell(D, H, rng=rng)), NoBias(GRUCell(D, H, rng=rng))
    assert list(two.gate_blocks("b_recurrent")) == ["reset", "update", "candidate"]
    assert two.param_shapes == {"W": (D, 12), "U": (H, 12), "b": (12,), "b_recurrent": (12,)}
    assert none.param_shapes == {"W": (D, 12), "U": (H, 12)}
    assert two.formula == "3H(D + H + 1) + H + 2H, D=3, H=4"
    assert none.formula == "3H(D + H + 1) + H - 4H, D=3, H=4"
    assert TwoBiases(drawn("projection", rng)).formula == "4H(D + P + 1) + HP + 4H, D=3, H=4, P=2"
    assert repr(two) == "TwoBiases(GRUCell(3 -> 4))"
    assert (two.letters, two.ranges) == (GRUCell.letters, GRUCell(D, H, rng=rng).ranges)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_from_params_takes_what_pytorch_stores(dtype, rng):
    for kind, k in ((LSTMCell, 4), (GRUCell, 3), (GRUResetBeforeCell, 3), (RNNCell, 1)):
        W, U = rng.standard_normal((D, k * H)).astype(dtype), np.ones((H, k * H), dtype)
        b, b_recurrent = rng.standard_normal((2, k * H)).astype(dtype)
        two = TwoBiases.from_params(kind, W, U, b, b_recurrent)
        given = {"W": W, "U": U, "b": b, "b_recurrent": b_recurrent}
        assert two.params.keys() == given.keys()
        assert all(np.array_equal(two.params[n], v) for n, v in given.items())
        assert {v.dtype for v in two.params.values()} == {np.dtype(dtype)}
        none = NoBias.from_params(kind, W, U)
        assert {n: v.tolist() for n, v in none.params.items()} == {"W": W.tolist(), "U": U.tolist()}
    b, peepholes = np.ones(4 * H), np.arange(3.0 * H)
    W, U = rng.standard_normal((D, 4 * H)), rng.standard_normal((H, 4 * H))
    two = TwoBiases.from_params(LSTMVariantCell, W, U, b, 2 * b, Peepholes(), P=peepholes)
    assert np.array_equal(two.params["P"], peepholes)
    assert repr(two.cell) == "LSTMVariantCell(3 -> 4)"
    elu = NoBias.from_params(RNNCell, W[:, :H], U[:, :H], activation="elu")
    assert elu.cell.activation.name == "elu"


@pytest.mark.parametrize("engine", ["fused", "wavefront", "auto"])
@pytest.mark.parametrize("kind", [TwoBiases, NoBias])
@pytest.mark.parametrize("inside", [LSTMCell, GRUCell])
def test_no_engine_takes_it_for_the_cell_inside(engine, kind, inside, rng):
    layer = Recurrent(kind(inside(D, H, bias_init="uniform", rng=rng)))
    x = rng.standard_normal((2, 5, D))
    tape = layer.forward(x, engine=engine)
    assert (tape.engine.kind, tape.engine.why) == (
        "readable",
        f"no engine computes {kind.__name__}",
    )
    assert np.array_equal(tape.outputs, layer.forward(x).outputs)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda c: TwoBiases(3), DtypeError, "TwoBiases: cell must be a cell, got 3"),
        (lambda c: NoBias(Recurrent(c)), DtypeError, "NoBias: cell must be a cell, .* is a layer"),
        (
            lambda c: TwoBiases(Zoneout(c, h=0.5)),
            DtypeError,
            r"TwoBiases: cell must be an LSTM, GRU or RNN cell, got Zoneout\(.*"
            r"Put it inside of other wrappers: Zoneout\(TwoBiases\(cell\), h=0.1\)",
        ),
        (lambda c: NoBias(TwoBiases(c)), DtypeError, "NoBias: cell must be an LSTM, GRU or RNN"),
        (
            lambda c: TwoBiases.from_params(c, *c.params.values(), np.ones(16)),
            DtypeError,
            "TwoBiases.from_params: kind must be the class of an LSTM, GRU or RNN cell, got LSTMC",
        ),
        (
            lambda c: NoBias.from_params(Zoneout, c.params["W"], c.params["U"]),
            DtypeError,
            "NoBias.from_params: kind must be the class .* got the class Zoneout",
        ),
        (
            lambda c: TwoBiases.from_params(LSTMCell, *c.params.values(), np.ones(4)),
            ShapeError,
            r"TwoBiases.from_params: .*b_recurrent.* must have shape \(16,\), got \(4,\)",
        ),
        (
            lambda c: TwoBiases.from_params(LSTMCell, *c.params.values(), np.ones(16, np.float32)),
            DtypeError,
            "TwoBiases.from_params: all parameters must have one dtype",
        ),
        (
            lambda c: TwoBiases.from_params(
                GRUCell, np.ones((3, 12)), np.ones((4, 12)), np.ones(12), np.ones(12), b_recurrent=1
            ),
            TypeError,
            "b_recurrent",
        ),
        (
            lambda c: Recurrent(TwoBiases(c)).forward(np.ones((1, 2, D)), params=c.params),
            ArgumentError,
            "b_recurrent",
        ),
    ],
)
def test_what_is_refused(call, error, words, rng):
    with pytest.raises(error, match=words):
        call(LSTMCell(D, H, rng=rng))
