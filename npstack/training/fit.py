"""The trainer: epochs, validation, the best weights, stopping and resuming."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from npstack.core.arguments import check_flag, check_size
from npstack.core.errors import DtypeError, NonFiniteError, describe, fail
from npstack.core.numerics import Array
from npstack.core.params import Params
from npstack.layers.base import Layer
from npstack.layers.boundary import check_built
from npstack.layers.streaming import predict
from npstack.layers.twins import Engine, check_engine, own_engine, using
from npstack.losses import mean_squared_error
from npstack.losses.samples import (
    LossFunction,
    Samples,
    check_loss_function,
    check_samples,
    counted,
    loss_of,
)
from npstack.training import resume as resuming
from npstack.training.epoch import Learner
from npstack.training.history import History
from npstack.training.nonfinite import REMEDIES
from npstack.training.optim import Adam, Optimiser
from npstack.training.plan import (
    WHERE,
    Batches,
    Plan,
    check_kind,
    check_plan,
    check_validation,
    check_values,
)
from npstack.training.progress import show
from npstack.training.recorder import Recorder

__all__ = ["History", "LossFunction", "Samples", "evaluate", "fit"]


class Best:
    """The parameters of the best epoch so far, and the patience.

    The number of that epoch and its loss are in the history.

    Attributes
    ----------
    params : dict or None
        None until there is a best epoch, and if they are not needed.
    """

    def __init__(self, plan: Plan, params: Params | None) -> None:
        self.plan, self.params = plan, params

    def judge(self, model: Layer, history: History) -> None:
        """Check whether the last epoch is the best; if not, whether patience has run out."""
        epoch, loss, patience = history.epochs[-1], history.validation_loss[-1], self.plan.patience
        if loss is not None and loss < history.least_validation_loss:
            if self.plan.keep_best:
                self.params = model.params
            history.best_epoch = epoch
        elif patience is not None and epoch - (history.best_epoch or 0) >= patience:
            history.stopped = "early"


def evaluate(
    model: Layer,
    samples: Samples | tuple[Any, Array],
    loss: LossFunction = mean_squared_error,
    *,
    engine: Engine | str | None = None,
) -> float:
    """Loss of a model on samples, in evaluation (no dropout), all rows at once from zero states.

    ``engine`` as for `fit`.

    Examples
    --------
    >>> from npstack import LSTM
    >>> layer = LSTM(1, 1, rng=np.random.default_rng(0))
    >>> x = np.zeros((2, 3, 1))
    >>> evaluate(layer, (x, layer.forward(x).outputs))
    0.0
    """
    where = "evaluate"
    check_built(where, "model", model)
    check_loss_function(where, loss)
    samples = check_samples(where, "samples", samples)
    check_values(where, "samples", model, samples)
    chosen = _chosen(where, model, engine)
    outputs = predict(model, samples.x, mask=samples.mask, engine=chosen)
    counts = counted(model.interface.keeps_time, samples)
    return float(loss_of(loss, outputs, samples, counts).value)


def fit(
    model: Layer,
    samples: Samples | tuple[Any, Array],
    *,
    epochs: int,
    batch_size: int,
    rng: np.random.Generator,
    optimiser: Optimiser | None = None,
    loss: LossFunction = mean_squared_error,
    clip_norm: float | None = None,
    clip_value: float | None = None,
    validation: Samples | tuple[Any, Array] | None = None,
    shuffle: bool = True,
    batches: Batches | None = None,
    truncate: tuple[int, int] | None = None,
    stateful: bool = False,
    patience: int | None = None,
    keep_best: bool = False,
    on_epoch: Callable[[Layer, History], None] | None = None,
    recorder: Recorder | None = None,
    progress: bool = False,
    checkpoint: str | Path | None = None,
    resume: bool | str = False,
    engine: Engine | str | None = None,
) -> History:
    """Train a model in place.

    Parameters
    ----------
    model : Layer
        Its parameters are replaced, step by step.
    samples : Samples, or a pair (x, y)
        The training data.
    epochs, batch_size : int
        Every epoch uses each row once; the last batch may be smaller.
    rng : numpy.random.Generator
        Shuffles, and draws dropout.
    optimiser : Optimiser, optional
        ``Adam()`` by default.
    loss : callable
        ``loss(predictions, targets, mask)`` returns value and gradient; if samples have weights,
        ``loss(predictions, targets, mask, weights=weights)``.
    clip_norm, clip_value : float, optional
        Largest global norm and largest absolute value of a step's gradients; values are clipped
        before the norm.
    validation : Samples, or a pair (x, y), optional
        Evaluated after every epoch.
    shuffle : bool
        True: rows in a new random order every epoch. False: rows in the given order.
    batches : callable, optional
        ``batches(rng)`` gives the row numbers of each batch of an epoch, instead of equal batches
        (for example rows of similar length: steps at which a whole batch is padding are then
        left out). For resuming, it may depend on ``rng`` only.
    truncate : (k1, k2), optional
        Truncated backpropagation through time: an update every k1 steps from a backward pass over
        the last k2 (`npstack.training.bptt`). Each update uses the mean loss of its own k1 steps.
    stateful : bool
        Row ``b`` of a batch continues with the final state of row ``b`` of the batch before (it is
        reset at the start of an epoch, and where ``samples.resets`` is True). Rows keep their
        order, whatever ``shuffle`` is; the gradient is cut between batches.
    patience : int, optional
        Stop after this number of epochs without a new minimum of the validation loss; implies
        keep_best.
    keep_best : bool
        At the end, the model gets the parameters with the smallest validation loss.
    on_epoch : callable, optional
        ``on_epoch(model, history)`` after every epoch.
    recorder : Recorder, optional
        Keeps the tape of a probe per epoch.
    progress : bool
        A bar on standard error if tqdm is installed, else a line per epoch.
    checkpoint : str or Path, optional
        A file that is written after every epoch.
    resume : bool, or "other engine"
        Continue from the checkpoint if it exists, with the same bits as without a stop. "other
        engine": also if it was run by another engine, with the same numbers to rounding.
    engine : {"readable", "fused", "wavefront", "auto"}, or Engine, optional
        How the model is computed; "auto" unless the model has an engine of its own.

    Returns
    -------
    History
        Ctrl-C ends training, not the program: ``history.stopped`` is then ``"interrupted"``, and
        the parameters are those after the last complete step (with keep_best, the best so far).

    Raises
    ------
    ShapeError, DtypeError, ArgumentError
        Parts of ``samples`` that do not fit each other, or arguments that contradict each other.
    NonFiniteError
        A loss, a gradient or a parameter is NaN or infinite. The message names the first time step,
        layer and gate; the model has the last parameters with which everything was finite.
    DataError
        The checkpoint cannot be resumed: damaged, of another model, or with other settings.

    Examples
    --------
    >>> from npstack import LSTM
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal((64, 5, 1))
    >>> model = LSTM(1, 1, return_sequences=False, rng=rng)
    >>> samples = Samples(x, 0.5 * np.tanh(x[:, -1]))
    >>> history = fit(model, samples, epochs=20, batch_size=8, rng=rng, optimiser=Adam(0.03))
    >>> history.train_loss[-1] < history.train_loss[0] / 4
    True
    """
    epochs = check_size(WHERE, "epochs", epochs)
    if patience is not None:
        patience = check_size(WHERE, "patience", patience, "It is a number of epochs.")
    if resume != resuming.OTHER_ENGINE:
        resume = check_flag(WHERE, "resume", resume)
    shuffle, stateful, keep_best, progress = (
        check_flag(WHERE, name, value)
        for name, value in (
            ("shuffle", shuffle),
            ("stateful", stateful),
            ("keep_best", keep_best),
            ("progress", progress),
        )
    )
    if on_epoch is not None and (not callable(on_epoch) or isinstance(on_epoch, type)):
        expected, advice = "on_epoch must be a function", "on_epoch(model, history) is called."
        fail(DtypeError, WHERE, expected, describe(on_epoch), advice)
    learner = Learner(model, Adam() if optimiser is None else optimiser, rng)
    plan = Plan(
        validation=check_validation(model, validation, patience, keep_best),
        samples=check_samples(WHERE, "samples", samples),
        batch_size=batch_size,
        loss=loss,
        clip_norm=clip_norm,
        clip_value=clip_value,
        shuffle=shuffle,
        batches=batches,
        truncate=truncate,
        stateful=stateful,
        patience=patience,
        keep_best=keep_best or patience is not None,
    )
    plan = check_plan(model, plan)
    if recorder is not None:
        check_kind(recorder, Recorder, "recorder must be a Recorder", "Use recorder=Recorder(x).")
    chosen = _chosen(WHERE, model, engine)
    file = resuming.run_file(plan, checkpoint, resume, chosen)
    history, kept = resuming.begin(file if resume else None, learner, epochs)
    history.engine = chosen.record()
    best = Best(plan, kept)
    done = epochs if history.stopped == "early" else len(history.epochs)
    bar = show(progress, epochs, len(history.epochs))
    with closing(bar), learner.interruptible(history), using(model, chosen):
        _record(recorder, model, len(history.epochs))
        for epoch in range(done + 1, epochs + 1):
            began = perf_counter()
            with learner.staying_finite(epoch):
                learned = learner.epoch(plan, partial(bar.step, epoch))
                held_out = _validate(model, plan)
                _record(recorder, model, epoch)
            seconds = perf_counter() - began
            history.append(**learned.summary(), validation_loss=held_out, seconds=seconds)
            best.judge(model, history)
            if on_epoch is not None:
                on_epoch(model, history)
                learner.settle()
            if file is not None:
                resuming.save(file, learner, history, best.params)
            bar.epoch(history)
            if history.stopped:
                break
    if best.params is not None:
        model.params = best.params
    return history


def _chosen(where: str, model: Layer, engine: Engine | str | None) -> Engine:
    """The engine that was asked for, else the model's own, else what is quickest."""
    return own_engine(model) or Engine() if engine is None else check_engine(where, engine)


def _validate(model: Layer, plan: Plan) -> float | None:
    """Validation loss, None without validation samples; NaN and infinity are an error."""
    if plan.validation is None:
        return None
    value = evaluate(model, plan.validation, plan.loss)
    if not np.isfinite(value):
        expected, got = "the validation loss must be finite", f"a validation loss of {value}"
        fail(NonFiniteError, "evaluate", expected, got, REMEDIES)
    return value


def _record(recorder: Recorder | None, model: Layer, epoch: int) -> None:
    """Record the probe; an overflow in it is not reported."""
    if recorder is not None:
        with np.errstate(all="ignore"):
            recorder.record(model, epoch)
