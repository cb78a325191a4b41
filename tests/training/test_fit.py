"""What fit does around a step: batches, clipping, learning rates, freezing, weights."""

import numpy as np
import pytest

from npstack import (
    SGD,
    Adam,
    ArgumentError,
    Dense,
    DtypeError,
    Sequential,
    ShapeError,
    StackedLSTM,
    mean_squared_error,
)
from npstack.losses import softmax_cross_entropy
from npstack.losses.samples import Samples
from npstack.training.fit import evaluate, fit
from npstack.training.schedules import StepDecay
from tests.tools.provenance import read_evidence
from tests.training.fits import problem, same, train


def test_batches_of_ones_own_and_no_shuffling():
    model, samples = problem()
    given = [[3, 1], np.array([0, 2, 4, 19])]
    seen = []

    def loss(predictions, targets, mask):
        seen.append(targets)
        return mean_squared_error(predictions, targets, mask)

    train(model, samples, epochs=2, batches=lambda rng: given, loss=loss)
    assert len(seen) == 4
    for found, rows in zip(seen, given * 2, strict=True):
        assert np.array_equal(found, samples.y[rows])
    seen.clear()
    train(model, samples, epochs=1, shuffle=False, batch_size=8, loss=loss)
    assert np.array_equal(np.concatenate(seen), samples.y)
    assert [len(batch) for batch in seen] == [8, 8, 4]


def test_batches_may_draw_from_the_run_s_own_generator():
    def deal(rng):
        return np.array_split(rng.permutation(20), 4)

    one, other = problem(), problem()
    train(*one, batches=deal)
    train(*other)  # equal batches of five from the same permutation
    assert same(one[0].params, other[0].params)


@pytest.mark.parametrize("options", [{"clip_value": 0.01}, {"clip_norm": 0.02, "clip_value": 0.01}])
def test_values_are_clipped_before_the_norm_and_the_norm_told_is_of_neither(options):
    model, samples = problem()
    before = model.params
    tape = model.forward(samples.x)
    loss = mean_squared_error(tape.outputs, samples.y)
    grads = model.backward(tape, loss.gradient).params
    whole = np.concatenate([g.ravel() for g in grads.values()])
    clipped = np.clip(whole, -0.01, 0.01)
    assert (np.abs(whole) > 0.01).any()
    if "clip_norm" in options:
        assert np.linalg.norm(clipped) > 0.02
        clipped = clipped * 0.02 / np.linalg.norm(clipped)
    history = train(
        model, samples, epochs=1, batch_size=20, optimiser=SGD(1.0), shuffle=False, **options
    )
    step = np.concatenate([(before[name] - model.params[name]).ravel() for name in before])
    np.testing.assert_allclose(step, clipped, rtol=1e-9, atol=1e-15)
    assert history.gradient_norm == [pytest.approx(np.linalg.norm(whole), rel=1e-12)]


def test_the_learning_rate_of_the_last_update_is_on_record():
    history = train(*problem(), optimiser=SGD(StepDecay(0.5, every=2, factor=0.1)))
    assert history.learning_rate == pytest.approx([0.05, 0.0005, 5e-6])  # updates 3, 7, 11


def test_frozen_layers_stay_and_are_not_in_the_norm():
    model, samples = problem()
    before = model.params
    tape = model.forward(samples.x)
    loss = mean_squared_error(tape.outputs, samples.y)
    head = model.backward(tape, loss.gradient).params
    norm = np.sqrt(sum((head[name] ** 2).sum() for name in ("1.W", "1.b")))
    adam = Adam(0.1, frozen=("0.*",))
    history = train(
        model, samples, epochs=1, batch_size=20, shuffle=False, optimiser=adam, clip_norm=norm * 2
    )
    assert history.gradient_norm == [pytest.approx(norm, rel=1e-12)]
    for name, value in model.params.items():
        assert np.array_equal(before[name], value) == name.startswith("0.")


def test_weights_and_classes_reach_the_loss():
    rng = np.random.default_rng(0)
    stack = StackedLSTM(1, [4], rng=rng)
    model = Sequential(stack, Dense(4, 3, rng=rng))
    x, y = rng.standard_normal((6, 5, 1)), rng.integers(0, 3, (6, 5))
    weights = rng.random((6, 5))
    outputs = model.forward(x).outputs
    samples = Samples(x, y, weights=weights)
    expected = softmax_cross_entropy(outputs, y, weights=weights).value
    assert evaluate(model, samples, softmax_cross_entropy) == expected
    history = train(
        model, samples, epochs=1, batch_size=6, shuffle=False, loss=softmax_cross_entropy
    )
    assert history.train_loss == [expected]


def test_a_row_without_a_last_small_batch_and_rows_chosen_together():
    samples = Samples(*(np.arange(8.0).reshape(4, 2) + k for k in range(2)))
    chosen = samples.rows([2, 0])
    assert np.array_equal(chosen.y, samples.y[[2, 0]])
    assert chosen.mask is None


def test_the_committed_profile_meets_the_bar():
    found = read_evidence("fit_profile")
    usual = [row["share"] for row in found["jobs"].values() if row["usual"]]
    assert len(usual) >= 4
    assert min(usual) >= found["bar"] == 0.85


# ---- wrong calls ---------------------------------------------------------------------------------


WRONG = {
    "patience without validation": ({"patience": 3}, ArgumentError, "need validation"),
    "keep_best without validation": ({"keep_best": True}, ArgumentError, "need validation"),
    "patience of nothing": ({"patience": 0}, ArgumentError, "patience"),
    "a rate for an optimiser": ({"optimiser": 0.1}, DtypeError, r"Adam\(0.001\)"),
    "a class for an optimiser": ({"optimiser": Adam}, DtypeError, r"Adam\(0.001\)"),
    "no loss": ({"loss": "mse"}, DtypeError, "mean_squared_error"),
    "clip at nothing": ({"clip_norm": 0.0}, ArgumentError, "clip_norm"),
    "clip at a negative value": ({"clip_value": -1.0}, ArgumentError, "clip_value"),
    "batches as a list": ({"batches": [[0, 1]]}, DtypeError, r"batches\(rng\)"),
    "rows that are not there": ({"batches": lambda rng: [[0, 20]]}, ArgumentError, "0 to 19"),
    "rows from behind": ({"batches": lambda rng: [[-1]]}, ArgumentError, "0 to 19"),
    "an empty batch": ({"batches": lambda rng: [[]]}, ArgumentError, "row numbers"),
    "fractions of rows": ({"batches": lambda rng: [[0.5]]}, ArgumentError, "row numbers"),
    "no batch at all": ({"batches": lambda rng: []}, ArgumentError, "whole epoch"),
    "a seed for a generator": ({"rng": 0}, DtypeError, "default_rng"),
    "nothing to learn": ({"epochs": 0}, ArgumentError, "epochs"),
    "samples of one part": ({"samples": (np.zeros((2, 2, 1)),)}, DtypeError, "pair"),
    "validation of another length": (
        {"validation": (np.zeros((3, 2, 1)), np.zeros((2, 1)))},
        ShapeError,
        "validation must have 3 rows",
    ),
    "resets that are numbers": (
        {"samples": problem()[1]._replace(resets=np.zeros(20))},
        DtypeError,
        "resets",
    ),
    "a model that is none": ({"model": "LSTM"}, DtypeError, "model must be a layer"),
    "a recorder that is none": ({"recorder": np.zeros(3)}, DtypeError, r"Recorder\(x\)"),
    "rows of different lengths": ({"samples": ([[1.0], [1.0, 2.0]], [1, 2])}, ShapeError, "Pad"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_calls_are_explained_before_the_first_step(name):
    options, error, words = WRONG[name]
    model, samples = problem()
    before = model.params
    arguments = {"epochs": 1, "batch_size": 5, "rng": np.random.default_rng(0), **options}
    with pytest.raises(error, match=words):
        fit(arguments.pop("model", model), arguments.pop("samples", samples), **arguments)
    assert same(before, model.params)
