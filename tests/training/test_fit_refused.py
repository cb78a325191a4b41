"""Wrong calls of fit: each says what was expected, what came and what to do; small types are used
as what they stand for."""

import json

import numpy as np
import pytest

from npstack import Adam, NpstackError, load_checkpoint
from npstack.training.fit import fit
from tests.training.fits import problem, same, train

pytestmark = pytest.mark.core


def call(**options):
    model, samples = problem()
    return train(model, samples, **options)


FLAGS = ("shuffle", "stateful", "keep_best", "progress", "resume")
REFUSED = {
    f"{name} as {value!r}": (
        lambda name=name, value=value: call(**{name: value}),
        rf"fit: {name} mu",
    )
    for name in FLAGS
    for value in ("no", 1, None)
} | {
    "a class of optimisers": (
        lambda: call(optimiser=Adam),
        "must be an optimiser, got the class Ad",
    ),
    "a loss by its name": (lambda: call(loss="mse"), "loss must be a function, got 'mse'"),
    "a callback that is none": (
        lambda: call(on_epoch="print"),
        "on_epoch must be a function, got 'p",
    ),
    "a class of callbacks": (
        lambda: call(on_epoch=dict),
        "on_epoch must be a function, got the clas",
    ),
    "a seed for a generator": (
        lambda: fit(*problem(), epochs=1, batch_size=2, rng=0),
        r"rng must be a numpy.random.Generator, got 0 \(int\)",
    ),
    "epochs that are true": (lambda: call(epochs=True), "epochs must be a whole number"),
    "half a batch": (lambda: call(batch_size=2.5), "batch_size must be a whole number"),
    "a folder that is not there": (lambda: call(checkpoint="no/such/run.npz"), "checkpoint"),
    "batches that are none": (
        lambda: call(batches=lambda rng: None),
        "batches must give the rows of",
    ),
    "batches as a number": (lambda: call(batches=lambda rng: 3), "batches must give .*got 3"),
    "batches of words": (
        lambda: call(batches=lambda rng: ["a"]),
        "a batch must be an array of num",
    ),
    "batches of floats": (
        lambda: call(batches=lambda rng: [[0.5]]),
        "batches must give arrays of ro",
    ),
    "batches of masks": (
        lambda: call(batches=lambda rng: [np.ma.array([0, 1], mask=[True, False])]),
        "a batch must be an array without a mask",
    ),
    "batches of several lengths at once": (
        lambda: call(batches=lambda rng: [[[0], [0, 1]]]),
        "a batch must be one array",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_wrong_calls_say_what_was_expected(name):
    run, words = REFUSED[name]
    with pytest.raises(NpstackError, match=words):
        run()


def test_small_types_are_used_as_what_they_stand_for(tmp_path):
    """127 epochs of an int8 are followed by no -128th; and JSON has no NumPy's numbers."""
    model, samples = problem()
    plain = train(model, samples, epochs=2, batch_size=4)
    other, _ = problem()
    options = {"epochs": np.int8(2), "batch_size": np.int64(4), "shuffle": np.True_}
    limits = {"clip_norm": np.float32(1e9), "clip_value": np.int16(30000)}
    file = tmp_path / "run.npz"
    history = train(other, samples, checkpoint=file, **options, **limits)
    assert history.train_loss == plain.train_loss
    assert same(model.params, other.params)
    kept = load_checkpoint(file).config["fit"]
    assert json.loads(json.dumps(kept))["batch_size"] == 4
    again, _ = problem()
    resumed = train(again, samples, checkpoint=file, resume=np.True_, **options, **limits)
    assert resumed.train_loss == plain.train_loss
    few = samples.rows(slice(0, 2))
    assert train(again, few, epochs=np.int8(127), batch_size=2).epochs[-1] == 127
