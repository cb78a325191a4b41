"""The trainer: epochs, validation, the best weights, stopping well and going on."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from npstack.core.arguments import check_generator, check_size
from npstack.core.errors import ArgumentError, DtypeError, NonFiniteError, describe, fail
from npstack.core.numerics import Array
from npstack.core.params import Params
from npstack.layers.base import Layer
from npstack.losses import mean_squared_error
from npstack.losses.samples import LossFunction, Samples, check_samples, counted, loss_of
from npstack.training import resume as resuming
from npstack.training.epoch import Batches, Learner, Plan, check_plan, check_values
from npstack.training.history import History
from npstack.training.nonfinite import REMEDIES
from npstack.training.optim import Adam, Optimiser
from npstack.training.progress import show
from npstack.training.recorder import Recorder

__all__ = ["History", "LossFunction", "Samples", "evaluate", "fit"]


class Best(NamedTuple):
    """The epoch of the least validation loss so far."""

    epoch: int
    loss: float
    params: Params


def evaluate(
    model: Layer,
    samples: Samples | tuple[Any, Array],
    loss: LossFunction = mean_squared_error,
) -> float:
    """Loss of a model on samples, in evaluation (no dropout), all rows at once from zero states.

    Examples
    --------
    >>> from npstack import LSTM
    >>> layer = LSTM(1, 1, rng=np.random.default_rng(0))
    >>> x = np.zeros((2, 3, 1))
    >>> evaluate(layer, (x, layer.forward(x).outputs))
    0.0
    """
    samples = check_samples("evaluate", "samples", samples)
    tape = model.forward(samples.x, mask=samples.mask)
    return float(loss_of(loss, tape.outputs, samples, counted(model.keeps_time, samples)).value)


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
    resume: bool = False,
) -> History:
    """Train a model in place.

    Parameters
    ----------
    model : Layer
        Its parameters are replaced, step by step.
    samples : Samples, or a pair (x, y)
        What to learn from.
    epochs, batch_size : int
        Every epoch goes once through all rows; the last batch may be smaller.
    rng : numpy.random.Generator
        Shuffles, and draws dropout.
    optimiser : Optimiser, optional
        ``Adam()`` by default.
    loss : callable
        ``loss(predictions, targets, mask)`` returns value and gradient; where samples have weights,
        ``loss(predictions, targets, mask, weights=weights)``.
    clip_norm, clip_value : float, optional
        Largest global norm, largest absolute value of a step's gradients; values come first.
    validation : Samples, or a pair (x, y), optional
        Evaluated after every epoch.
    shuffle : bool
        Rows in a new order every epoch; else in their own.
    batches : callable, optional
        ``batches(rng)`` gives the row numbers of each batch of an epoch, instead of equal batches
        (rows of like length together, say: steps at which a whole batch is padding are then left
        out). To be resumable it may depend on ``rng`` only.
    truncate : (k1, k2), optional
        Truncated backpropagation through time: an update every k1 steps from a backward pass over
        the last k2 (`npstack.training.bptt`). Each update has the mean loss of its own k1 steps.
    stateful : bool
        Row ``b`` of a batch goes on with the state in which row ``b`` of the batch before ended
        (it begins anew at the start of an epoch, and where ``samples.resets``). Rows keep their
        order, whatever ``shuffle`` says; the gradient is cut between batches.
    patience : int, optional
        Stop when the validation loss has had no new minimum for so many epochs; implies keep_best.
    keep_best : bool
        In the end the model gets the parameters of the least validation loss.
    on_epoch : callable, optional
        ``on_epoch(model, history)`` after every epoch.
    recorder : Recorder, optional
        Keeps the tape of a probe per epoch.
    progress : bool
        A bar on standard error if tqdm is installed, else a line per epoch.
    checkpoint : str or Path, optional
        A file that is written after every epoch.
    resume : bool
        Go on from the checkpoint if it exists, with the same bits as if there had been no stop.

    Returns
    -------
    History
        Ctrl-C ends training, not the program: ``history.stopped`` is then ``"interrupted"``, and
        the parameters are those after the last whole step (with keep_best, the best so far).

    Raises
    ------
    ShapeError, DtypeError, ArgumentError
        Parts of ``samples`` that do not fit each other, or arguments that contradict each other.
    NonFiniteError
        A loss, a gradient or a parameter is no longer a number. The message names the first time
        step, layer and gate; the model has the last parameters with which all was finite.
    DataError
        The checkpoint cannot be resumed: damaged, another model's, or of other settings.

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
    where = "fit"
    check_size(where, "epochs", epochs)
    check_generator(where, rng)
    if not isinstance(model, Layer):
        advice = "Pass Sequential(…), StackedLSTM(…) or another layer."
        fail(DtypeError, where, "model must be a layer", describe(model), advice)
    optimiser = Adam() if optimiser is None else optimiser
    if not isinstance(optimiser, Optimiser):
        advice, got = "Use optimiser=Adam(0.001).", describe(optimiser)
        fail(DtypeError, where, "optimiser must be an optimiser", got, advice)
    if patience is not None:
        check_size(where, "patience", patience, "It is a number of epochs.")
    keep_best = keep_best or patience is not None
    if validation is not None:
        validation = check_samples(where, "validation", validation)
        check_values(where, "validation", model, validation)
    elif keep_best:
        advice = "Pass validation=…: the best epoch is the one of the least validation loss."
        fail(ArgumentError, where, "keep_best and patience need validation", "none", advice)
    plan = Plan(
        samples=check_samples(where, "samples", samples),
        batch_size=batch_size,
        loss=loss,
        clip_norm=clip_norm,
        clip_value=clip_value,
        shuffle=bool(shuffle),
        batches=batches,
        truncate=truncate,
        stateful=bool(stateful),
    )
    check_plan(where, model, plan)
    if recorder is not None and not isinstance(recorder, Recorder):
        got, advice = describe(recorder), "Use recorder=Recorder(x)."
        fail(DtypeError, where, "recorder must be a Recorder", got, advice)
    path = resuming.check_path(where, checkpoint, resume)
    settings = {} if path is None else resuming.settings(plan, validation, patience, keep_best)
    history, best = History(), None
    if path is not None and resume and path.exists():
        history, params = resuming.restore(path, model, optimiser, rng, epochs, settings)
        if history.best_epoch is not None:  # its parameters are on file if they are wanted
            best = Best(history.best_epoch, history.least_validation_loss, params or {})
    done = epochs if history.stopped == "early" else len(history.epochs)
    learner, bar = Learner(model, optimiser), show(progress, epochs, len(history.epochs))
    try:
        if recorder is not None:
            with np.errstate(all="ignore"):
                recorder.record(model, len(history.epochs))
        for epoch in range(done + 1, epochs + 1):
            began = time.perf_counter()
            try:
                with np.errstate(all="ignore"):  # what overflows is found, and told in words
                    seen = learner.epoch(plan, rng, partial(bar.step, epoch))
                    held_out = None if validation is None else _held_out(model, validation, loss)
                    if recorder is not None:
                        recorder.record(model, epoch)
            except NonFiniteError as error:
                got = f"{error.got} (epoch {epoch}, after {optimiser.steps} updates)"
                learner.bring_back(learner.good)
                known = {"step": error.step, "layer": error.layer, "gate": error.gate}
                fail(NonFiniteError, where, "every number must stay finite", got, REMEDIES, **known)
            history.append(
                train_loss=float(np.mean(seen.losses)),
                validation_loss=held_out,
                gradient_norm=float(np.mean(seen.norms)),
                learning_rate=seen.rates[-1],
                seconds=time.perf_counter() - began,
            )
            if held_out is not None and (best is None or held_out < best.loss):
                best = Best(epoch, held_out, model.params)
                history.best_epoch = epoch
            if patience is not None and best is not None and epoch - best.epoch >= patience:
                history.stopped = "early"
            if on_epoch is not None:
                on_epoch(model, history)
                learner.settle()
            if path is not None:
                kept = best.params if keep_best and best is not None else None
                resuming.save(path, model, optimiser, rng, history, kept, settings)
            bar.epoch(history)
            if history.stopped:
                break
    except KeyboardInterrupt:
        learner.bring_back(learner.whole)
        history.only_whole_epochs()
        history.stopped = "interrupted"
    finally:
        bar.close()
    if keep_best and best is not None:
        model.params = best.params
    return history


def _held_out(model: Layer, validation: Samples, loss: LossFunction) -> float:
    """Validation loss; the error of a loss that is no number."""
    value = evaluate(model, validation, loss)
    if not np.isfinite(value):
        expected, got = "the validation loss must be finite", f"a validation loss of {value}"
        fail(NonFiniteError, "evaluate", expected, got, REMEDIES)
    return value
