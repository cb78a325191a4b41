"""The trainer: mini-batches, clipping, validation, early stopping, a history."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from npstack import shapes
from npstack.history import History
from npstack.layers.base import Layer
from npstack.losses import mean_squared_error
from npstack.numerics import Array
from npstack.optim import Adam, clip_by_global_norm, global_norm
from npstack.samples import LossFunction, Samples, check_samples, counted, loss_of
from npstack.shapes import ArgumentError, DtypeError, NonFiniteError, fail

__all__ = ["History", "LossFunction", "Samples", "evaluate", "fit"]

Batches = Callable[[np.random.Generator], Iterable[Array]]


def evaluate(model: Layer, samples: Samples, loss: LossFunction = mean_squared_error) -> float:
    """Loss of a model on samples, in evaluation (no dropout)."""
    tape = model.forward(samples.x, mask=samples.mask)
    return float(loss_of(loss, tape.outputs, samples, counted(model.keeps_time, samples)).value)


def fit(
    model: Layer,
    samples: Samples | tuple[Array, Array],
    *,
    epochs: int,
    batch_size: int,
    rng: np.random.Generator,
    optimiser: Adam | None = None,
    loss: LossFunction = mean_squared_error,
    clip_norm: float | None = None,
    clip_value: float | None = None,
    validation: Samples | tuple[Array, Array] | None = None,
    shuffle: bool = True,
    batches: Batches | None = None,
    truncate: tuple[int, int] | None = None,
    stateful: bool = False,
    patience: int | None = None,
    keep_best: bool = False,
    on_epoch: Callable[[Layer, History], None] | None = None,
    recorder: Any = None,
    progress: bool = False,
    checkpoint: Any = None,
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
        Every epoch goes once through all rows, in a new order.
    rng : numpy.random.Generator
        Shuffles, and draws dropout.
    optimiser : Adam, optional
        ``Adam()`` by default.
    loss : callable
        ``loss(predictions, targets, mask)`` returns value and gradient.
    clip_norm : float, optional
        Largest global norm of a step's gradients.
    validation : Samples, or a pair (x, y), optional
        Evaluated after every epoch.
    on_epoch : callable, optional
        ``on_epoch(model, history)`` after every epoch: progress, keeping the best weights.

    Returns
    -------
    History

    Raises
    ------
    ShapeError
        The parts of ``samples`` differ in their number of rows.
    NonFiniteError
        The loss or a gradient is no longer a number; the model keeps its last good parameters.

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
    shapes.check_size(where, "epochs", epochs)
    shapes.check_size(where, "batch_size", batch_size)
    shapes.check_generator(where, rng)
    samples = check_samples(where, "samples", samples)
    if validation is not None:
        validation = check_samples(where, "validation", validation)
    if not callable(loss):
        advice = "Use loss=mean_squared_error."
        fail(DtypeError, where, "loss must be a function", shapes.describe(loss), advice)
    if optimiser is not None and not hasattr(optimiser, "update"):
        advice = "Use optimiser=Adam(0.001)."
        got = shapes.describe(optimiser)
        fail(DtypeError, where, "optimiser must be an optimiser", got, advice)
    if patience is not None:
        shapes.check_size(where, "patience", patience, "It is a number of epochs.")
    if (keep_best or patience is not None) and validation is None:
        advice = "Pass validation=…: the best epoch is the one of the least validation loss."
        fail(ArgumentError, where, "keep_best and patience need validation", "none", advice)
    if truncate or stateful or recorder or progress or checkpoint or resume or clip_value:
        raise NotImplementedError("on its way")
    optimiser = Adam() if optimiser is None else optimiser
    keep_best = keep_best or patience is not None
    history = History()
    least, best = np.inf, model.params
    for epoch in range(1, epochs + 1):
        began = time.perf_counter()
        rate = optimiser.learning_rate
        losses, norms = [], []
        for chosen in _batches(len(samples.y), batch_size, rng, shuffle, batches):
            value, norm = _step(model, samples.rows(chosen), optimiser, loss, clip_norm, rng)
            losses.append(value)
            norms.append(norm)
        value_now = None if validation is None else evaluate(model, validation, loss)
        if value_now is not None and value_now < least:
            least, best, history.best_epoch = value_now, model.params, epoch
        history.epochs.append(epoch)
        history.train_loss.append(float(np.mean(losses)))
        history.gradient_norm.append(float(np.mean(norms)))
        history.learning_rate.append(rate)
        history.validation_loss.append(value_now)
        history.seconds.append(time.perf_counter() - began)
        if on_epoch is not None:
            on_epoch(model, history)
        if patience is not None and epoch - (history.best_epoch or 0) >= patience:
            history.stopped = "early"
            break
    if keep_best:
        model.params = best
    return history


def _batches(
    count: int, size: int, rng: np.random.Generator, shuffle: bool, batches: Batches | None
) -> Iterator[Array]:
    """Row numbers of each batch of one epoch."""
    if batches is not None:
        yield from batches(rng)
        return
    order = rng.permutation(count) if shuffle else np.arange(count)
    for start in range(0, count, size):
        yield order[start : start + size]


def _step(
    model: Layer,
    batch: Samples,
    optimiser: Adam,
    loss: LossFunction,
    clip_norm: float | None,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """One step of the optimiser: loss and gradient norm before it."""
    tape = model.forward(batch.x, mask=batch.mask, rng=rng)
    value, doutputs = loss_of(loss, tape.outputs, batch, counted(model.keeps_time, batch))
    grads = model.backward(tape, doutputs).params
    norm = global_norm(grads)
    if not np.isfinite([value, norm]).all():
        fail(
            NonFiniteError,
            "fit",
            "loss and gradients must stay finite",
            f"loss {value}, gradient norm {norm} after {optimiser.steps} steps",
            "Clip (clip_norm=1.0), scale the data, or take smaller steps.",
        )
    if clip_norm is not None:
        grads = clip_by_global_norm(grads, clip_norm)
    model.params = optimiser.update(model.params, grads)
    return float(value), norm
