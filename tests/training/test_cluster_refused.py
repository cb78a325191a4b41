"""Wrong calls of sharded gradients and sweeps: each says what was expected and what to do."""

import sys

import numpy as np
import pytest

from npstack import (
    LSTM,
    ArgumentError,
    DtypeError,
    NonFiniteError,
    RestartingExecutor,
    Samples,
    ShapeError,
    SourceTarget,
    evaluate,
    sharded_gradients,
    sweep,
)
from npstack.core.errors import MissingPackageError
from tests.training.workers import train

pytestmark = pytest.mark.core
R = np.random.default_rng(0)
MODEL, LAST = (LSTM(2, 2, return_sequences=whole, rng=R) for whole in (True, False))
X = np.zeros((4, 5, 2))
GOOD = Samples(X, X)
ONES = np.ones((4, 5), bool)
SQUARE, FIVE = np.zeros((5, 5, 2)), np.ones((5, 5), bool)
NAN = np.where(np.arange(5)[:, np.newaxis] == 3, np.nan, X)


def wrong(*shards, model=MODEL, executor=None, **options):
    sharded_gradients(model, list(shards) or [GOOD], executor, **options)


def swept(run=train, settings=({"rate": 0.1},), seeds=(0,), **options):
    sweep(run, settings, seeds, **{"n_jobs": 1, "threads": None, **options})


def own_loss(predictions, targets, mask=None):
    return 1.0, np.ones_like(predictions)


def without(package, call):
    """A call as if a package were not installed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, package, None)
        call()


SHARDED = {
    "no list": (
        lambda: sharded_gradients(MODEL, GOOD, None),
        DtypeError,
        "shards must be a list of Samples.* got a Samples.*array_split",
    ),
    "a pair of arrays": (
        lambda: sharded_gradients(MODEL, (X, X), None),
        DtypeError,
        "a list of Samples or pairs .*got a tuple of an array",
    ),
    "no shard": (lambda: sharded_gradients(MODEL, [], None), DtypeError, "a list of nothing"),
    "one that is no shard": (lambda: wrong(GOOD, 3), DtypeError, "list of Samples or pairs"),
    "one without targets": (lambda: wrong(GOOD, (X,)), DtypeError, r"shards\[1\] must be Samples"),
    "rows that do not fit": (
        lambda: wrong(GOOD, (X, X[:2])),
        ShapeError,
        r"shards\[1\] must have 4 rows in every part, got 4 in x, 2 in y",
    ),
    "a mask that does not fit": (
        lambda: wrong(GOOD, GOOD._replace(mask=ONES[:, :3])),
        ShapeError,
        r"LSTM.forward: mask must .*shards\[1\]",
    ),
    "a mask that does not fit, and resets": (
        lambda: wrong(GOOD._replace(mask=ONES[:, 0], resets=ONES[:, 0])),
        ShapeError,
        "mask must",
    ),
    "counts for rows where steps count": (
        lambda: wrong(GOOD._replace(mask=ONES, counts=ONES[:, 0])),
        ShapeError,
        r"counts must have the shape of mask, \(4, 5\).*np.repeat",
    ),
    "counts for as many rows as there are steps": (
        lambda: evaluate(MODEL, Samples(SQUARE, SQUARE, mask=FIVE, counts=FIVE[0])),
        ShapeError,
        r"counts must have the shape of mask, \(5, 5\)",
    ),
    "weights for rows where steps count": (
        lambda: wrong(GOOD._replace(mask=ONES, weights=np.ones(4))),
        ShapeError,
        r"weights must have the shape of what counts, \(4, 5\)",
    ),
    "weights below zero": (
        lambda: wrong(GOOD._replace(weights=np.linspace(-1, 3, 20).reshape(4, 5))),
        ArgumentError,
        r"weights must be finite and at least 0.*shards\[0\]",
    ),
    "nothing counts": (
        lambda: wrong(GOOD._replace(counts=~ONES)),
        ArgumentError,
        "at least one prediction must count, got none",
    ),
    "targets of which nobody knows how many count": (
        lambda: wrong(GOOD._replace(y=X[..., 0]), loss=own_loss),
        ShapeError,
        "targets must have an entry for each prediction.*4 of them for 20 predictions.*counts=",
    ),
    "resets of a pair": (
        lambda: wrong(Samples(SourceTarget(X, X), X, resets=ONES[:, 0])),
        ArgumentError,
        r"shards\[0\].resets needs samples of one input",
    ),
    "NaN in the input": (lambda: wrong(GOOD, (NAN, X)), NonFiniteError, r"shards\[1\].x must be"),
    "NaN in the targets": (
        lambda: wrong(GOOD, (X, NAN)),
        NonFiniteError,
        r"shards\[1\].y must be finite.*first at time step 3 \(row 0\)",
    ),
    "a complex model": (
        lambda: wrong(model=LSTM(2, 2, dtype=complex, rng=R)),
        DtypeError,
        "model must have real parameters, got complex128",
    ),
    "a model of its class": (lambda: wrong(model=LSTM), DtypeError, "model must be a layer"),
    "a number of workers": (
        lambda: wrong(executor=4),
        DtypeError,
        r"executor must be a concurrent.futures.Executor or None, got 4 \(int\)",
    ),
    "states of one shard": (
        lambda: wrong(GOOD, GOOD, states=[None]),
        ArgumentError,
        "states must be a list of 2, one per shard, got 1",
    ),
    "one state": (
        lambda: wrong(GOOD, GOOD, states=MODEL.forward(X).final),
        ArgumentError,
        "states must be a list of 2, one per shard, got an LSTMState",
    ),
    "states of another size": (
        lambda: wrong(GOOD, states=[LSTM(2, 3, rng=R).forward(X).final]),
        ShapeError,
        r"states.h must have shape .*shards\[0\]",
    ),
    "retries below zero": (lambda: wrong(retries=-1), ArgumentError, "retries must be a whole"),
    "no threads at all": (lambda: wrong(threads=0), ArgumentError, "threads must be a whole"),
    "threads without threadpoolctl": (
        lambda: without("threadpoolctl", lambda: wrong(threads=1)),
        MissingPackageError,
        r"threadpoolctl, which must be installed.*npstack\[cluster\]",
    ),
    "an executor instead of a function": (
        lambda: RestartingExecutor(3),
        DtypeError,
        "make must be a function",
    ),
    "a function that makes no executor": (
        lambda: RestartingExecutor(lambda: 3),
        DtypeError,
        "make must return a concurrent.futures.Executor",
    ),
}
SWEEPS = {
    "run is no function": (lambda: swept(run="train"), DtypeError, "run must be a function"),
    "settings are one dictionary": (
        lambda: swept(settings={"rate": 0.1}),
        DtypeError,
        "settings must be a list of dictionaries, got a dict",
    ),
    "no settings": (lambda: swept(settings=[]), DtypeError, "list of dictionaries, got none"),
    "a setting that is a number": (
        lambda: swept(settings=[{"rate": 0.1}, 0.2]),
        DtypeError,
        r"settings\[1\] must be a dictionary",
    ),
    "a setting with a number as a name": (
        lambda: swept(settings=[{1: 0.1}]),
        DtypeError,
        r"settings\[0\] must be a dictionary with names",
    ),
    "a setting with a generator": (
        lambda: swept(settings=[{"rate": 0.1, "rng": R}]),
        ArgumentError,
        r"settings\[0\] must not have an rng",
    ),
    "a setting that run does not know": (
        lambda: swept(settings=[{"rate": 0.1}, {"rates": 0.1}]),
        ArgumentError,
        r"run must accept the arguments of settings\[1\], and rng.*rate",
    ),
    "a run without a generator": (
        lambda: swept(run=lambda rate: rate),
        ArgumentError,
        r"run must accept the arguments of settings\[0\], and rng",
    ),
    "one seed": (lambda: swept(seeds=3), DtypeError, "seeds must be a list of whole numbers"),
    "no seeds": (lambda: swept(seeds=range(0)), DtypeError, "list of whole numbers, got none"),
    "a seed below zero": (lambda: swept(seeds=[0, -1]), ArgumentError, r"seeds\[1\] must be a who"),
    "a seed twice": (
        lambda: swept(seeds=[0, 1, np.int8(0)]),
        ArgumentError,
        "seeds must all be different, got 0 twice",
    ),
    "no workers": (lambda: swept(n_jobs=0), ArgumentError, "n_jobs must not be 0"),
    "half a worker": (lambda: swept(n_jobs=0.5), ArgumentError, "n_jobs must be a whole number"),
    "no threads at all": (lambda: swept(threads=0), ArgumentError, "threads must be a whole"),
    "retries below zero": (lambda: swept(retries=-1), ArgumentError, "retries must be a whole"),
    "threads without threadpoolctl": (
        lambda: without("threadpoolctl", lambda: swept(threads=1)),
        MissingPackageError,
        r"threadpoolctl, which must be installed.*threads=None",
    ),
    "workers without joblib": (
        lambda: without("joblib", lambda: swept(n_jobs=2)),
        MissingPackageError,
        "joblib, which must be installed.*n_jobs=1",
    ),
}
EVERY = {f"{title}: {name}": call for title, table in
         (("sharded", SHARDED), ("sweep", SWEEPS)) for name, call in table.items()}  # fmt: skip


@pytest.mark.parametrize("name", EVERY)
def test_a_wrong_call_is_refused_in_words(name):
    call, kind, message = EVERY[name]
    with pytest.raises(kind, match=message):
        call()
