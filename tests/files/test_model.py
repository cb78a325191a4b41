"""Models built again: every layer, cell and part, and files of whole models."""

import json
from functools import partial

import numpy as np
import pytest

from npstack import (
    GRU,
    LSTM,
    Activation,
    BidirectionalStacked,
    DataError,
    Dense,
    EncoderDecoder,
    LSTMCell,
    NpstackError,
    Recurrent,
    Reversed,
    Sequential,
    SourceTarget,
    Stacked,
    StackedBidirectional,
    StackedGRU,
    StackedLSTM,
    StackedRNN,
    build,
    load_model,
    save_model,
    save_weights,
)
from npstack.cells import CELLS
from npstack.cells.parts import PARTS
from npstack.core.tape import Tape
from npstack.core.trees import named
from npstack.layers import Interface, Layer
from tests.cells.test_own_parts import Faded, Least, Noisy
from tests.tools.strategies import LAYERS
from tests.tools.strategies import build as build_kind

D, H = 3, 4
RNG = partial(np.random.default_rng, 0)


class Affine(Layer):
    """A user's own layer, with arguments of several kinds."""

    def __init__(self, size, *, scale=1.0, names=("gain", "shift"), rng=None):
        self.names, self.scale = tuple(names), scale
        ones = np.ones(size) if rng is None else rng.standard_normal(size)
        super().__init__(dict.fromkeys(self.names, ones), Interface(size, size))

    def _forward(self, params, x, context):
        gain, shift = (params[name] for name in self.names)
        return Tape(params, x, context.mask, self.scale * gain * x + shift, None)

    def _backward(self, tape, doutputs, dfinal):
        raise NotImplementedError


OWN = {kind.__name__: kind for kind in (Affine, Faded, Least, Noisy)}


def again(thing, params=None):
    """Built again from what JSON holds of it, with its parameters."""
    config = json.loads(json.dumps(thing.config()))
    return build(config, thing.params if params is None else params, known=OWN)


def same_bits(model, twin, x, **how):
    """Outputs, final states and gradients in training, to the last bit."""
    results = []
    for one in (model, twin):
        tape = one.forward(x, rng=np.random.default_rng(3), **how)
        found = named("outputs", (tape.outputs, tape.final, tape.noise))
        grads = one.backward(tape, np.ones_like(tape.outputs))
        found |= grads.params | named("d", (grads.x, grads.initial_states))
        results.append(found)
    ours, theirs = results
    assert ours.keys() == theirs.keys()
    assert all(np.array_equal(ours[name], theirs[name], equal_nan=True) for name in ours)


@pytest.mark.parametrize("name", LAYERS)
def test_every_kind_of_layer_is_built_again(name):
    layer = build_kind(name, RNG())
    twin = again(layer)
    assert type(twin) is type(layer)
    assert twin.interface == layer.interface
    assert twin.config() == layer.config()
    x = layer.blank_input(5)
    if x.dtype == float:
        x = RNG().standard_normal(x.shape)
    same_bits(layer, twin, x)


@pytest.mark.parametrize("name", CELLS)
def test_every_cell_of_the_catalogue_is_built_again(name):
    cell = CELLS[name](D, H, RNG())
    twin = again(cell) if not hasattr(cell, "cell") else again(Recurrent(cell)).cell
    assert repr(twin) == repr(cell)
    layer = Recurrent(cell)
    same_bits(layer, again(layer), RNG().standard_normal((2, 5, D)))


@pytest.mark.parametrize(
    "model",
    [
        StackedLSTM(D, [H, 2], dropout=0.3, learn_initial=True, rng=RNG()),
        StackedGRU(D, H, 2, reset="before", candidate="elu", rng=RNG()),
        StackedRNN(D, [H], activation=Activation("elu", alpha=0.5), rng=RNG(), dtype=np.float32),
        Stacked(partial(GRU, reset="before"), D, [H, 2], return_sequences=False, rng=RNG()),
        Stacked(lambda D, H, **o: CELLS["lstm, zoneout"](D, H, o["rng"]), D, [H], rng=RNG()),
        StackedBidirectional(LSTM, D, [H, 2], dropout=0.2, merge="sum", rng=RNG()),
        BidirectionalStacked(GRU, D, [H, 2], rng=RNG()),
        Sequential(StackedLSTM(D, [H], rng=RNG()), Affine(H, scale=2.0), Dense(H, 1, rng=RNG())),
        Sequential(Affine(D, names=["a", "b"], rng=RNG()), Reversed(LSTM(D, H, rng=RNG()))),
        Recurrent(Least(RNG()), learn_initial=True),
        Recurrent(Noisy(D, H, rng=RNG())),
    ],
    ids=lambda model: type(model).__name__,
)
def test_stacks_and_kinds_of_ones_own_are_built_again(model):
    twin = again(model)
    assert twin.config() == model.config()
    x = RNG().standard_normal((2, 5, D)).astype(model.dtype)
    if any(isinstance(layer, Affine) for layer in model.inside()):
        assert np.array_equal(model.forward(x).outputs, twin.forward(x).outputs)
    else:
        same_bits(model, twin, x)


def test_an_encoder_and_a_decoder_are_built_again():
    sides = [StackedLSTM(D, [H, 2], rng=RNG()) for _ in range(2)]
    model = EncoderDecoder(*sides, reverse_source=True)
    pair = SourceTarget(RNG().standard_normal((2, 4, D)), np.ones((2, 3, D)))
    tapes = [one.forward(pair) for one in (model, again(model))]
    assert np.array_equal(tapes[0].outputs, tapes[1].outputs)


@pytest.mark.parametrize("kind", [*PARTS, Activation])
def test_every_part_is_built_again(kind):
    arguments = {"Projection": (2, 0.5), "Activation": ("elu", 0.3)}.get(kind.__name__, ())
    if kind.__name__.endswith("Clip"):
        arguments = (0.5,)
    part = kind(*arguments)
    twin = build(json.loads(json.dumps(part.config())))
    assert type(twin) is kind
    assert vars(twin) == vars(part)


def test_without_parameters_a_model_is_zeros():
    twin = build(StackedLSTM(D, [H, 2], rng=RNG()).config())
    assert not any(value.any() for name, value in twin.params.items() if not name.endswith("b"))


@pytest.mark.parametrize(
    "name", [name for name in CELLS if "dropout" not in name and "zoneout" not in name]
)
def test_a_cell_is_made_of_its_parameters_without_a_generator(name):
    cell = CELLS[name](D, H, RNG())
    inner = getattr(cell, "cell", cell)
    kind, placed = ([], 3) if inner is cell else ([type(inner)], 4)
    given = [n for n in ("W", "U", "b", "b_recurrent")[:placed] if n in cell.params]
    others = {k: v for k, v in cell.params.items() if k not in given}
    for option in ("gate", "candidate", "activation"):
        others |= {option: getattr(inner, option)} if hasattr(inner, option) else {}
    arrays = [cell.params[n] for n in given]
    twin = type(cell).from_params(*kind, *arrays, *getattr(inner, "parts", ()), **others)
    assert twin.param_shapes == cell.param_shapes
    same_bits(Recurrent(cell), Recurrent(twin), RNG().standard_normal((2, 5, D)))


@pytest.mark.parametrize(
    ("W", "U", "b", "words"),
    [
        ((3, 16), (4, 16), (12,), r"params\['b'\] must have shape \(16,\)"),
        ((3, 16), (3, 16), (16,), r"params\['U'\] must have shape \(4, 16\)"),
        ((3, 15), (4, 16), (16,), r"params\['W'\] must have shape \(3, 12\)"),
        ((16,), (4, 16), (16,), r"W must be \(D, 4H\)"),
    ],
)
def test_arrays_that_make_no_cell_are_refused(W, U, b, words):
    with pytest.raises(NpstackError, match=words):
        LSTMCell.from_params(*map(np.zeros, (W, U, b)))


def test_weights_without_a_bias_have_biases_of_zero():
    W, U = np.ones((3, 8)), np.ones((2, 8))
    without, zero = LSTMCell.from_params(W, U), LSTMCell.from_params(W, U, np.zeros(8))
    assert {name: a.tolist() for name, a in without.params.items()} == {
        name: a.tolist() for name, a in zero.params.items()
    }


# ---- one file ------------------------------------------------------------------------------------


def test_a_file_holds_a_whole_model(tmp_path):
    model = Sequential(StackedLSTM(D, [H], rng=RNG()), Affine(H), Dense(H, 1, rng=RNG()))
    save_model(tmp_path / "model.npz", model)
    twin = load_model(tmp_path / "model.npz", known={"Affine": Affine})
    x = RNG().standard_normal((2, 5, D))
    assert np.array_equal(model.forward(x).outputs, twin.forward(x).outputs)
    with pytest.raises(DataError, match=r"load_model\(.*model.npz'\), build: .*'Affine'"):
        load_model(tmp_path / "model.npz")
    save_weights(tmp_path / "weights.npz", model.params)
    with pytest.raises(DataError, match="load_weights"):
        load_model(tmp_path / "weights.npz")
    with pytest.raises(NpstackError, match="model must be a layer"):
        save_model(tmp_path / "none.npz", model.params)
    assert not (tmp_path / "none.npz").exists()


def test_a_file_whose_weights_are_another_models_is_refused(tmp_path):
    from npstack.files import archive
    from npstack.files.model import MODEL

    small, large = (LSTM(D, size, rng=RNG()) for size in (2, 300))
    path = tmp_path / "model.npz"
    archive.write(path, "save_model", MODEL, {"config": large.config()}, small.params)
    with pytest.raises(DataError, match=r"at most 192 numbers"):
        load_model(path)
