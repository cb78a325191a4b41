"""A small trainer: mini-batches, clipping, validation, a history."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from npstack import shapes
from npstack.layers.base import Layer
from npstack.losses import Loss, mean_squared_error
from npstack.numerics import Array
from npstack.optim import Adam, clip_by_global_norm, global_norm
from npstack.shapes import DtypeError, NonFiniteError, ShapeError, fail

LossFunction = Callable[[Array, Array, NDArray[np.bool_] | None], Loss]


class Samples(NamedTuple):
    """Inputs and targets, row by row.

    Attributes
    ----------
    x : array (B, T, D)
    y : array (B, T, K) or (B, K)
        Targets, of the shape of the model's outputs.
    mask : bool array (B, T), optional
        True at valid steps: what the model sees.
    counts : bool array (B, T) or (B,), optional
        True where a prediction counts in the loss; by default at every valid step. A warm-up is a
        stretch that the model sees and the loss does not.
    """

    x: Array
    y: Array
    mask: NDArray[np.bool_] | None = None
    counts: NDArray[np.bool_] | None = None

    def rows(self, chosen: Any) -> Samples:
        """Some of the rows."""
        x, y, mask, counts = (None if part is None else part[chosen] for part in self)
        assert x is not None
        assert y is not None
        return Samples(x, y, mask, counts)


@dataclass
class History:
    """What happened, one entry per epoch.

    Attributes
    ----------
    epochs : list of int
        Counted from 1.
    train_loss, validation_loss : list of float or None
        Mean loss over the epoch's batches, taken before each step; loss on the validation
        samples after the epoch (None without them).
    gradient_norm : list of float
        Mean global norm before clipping.
    """

    epochs: list[int] = field(default_factory=list)
    train_loss: list[float] = field(default_factory=list)
    validation_loss: list[float | None] = field(default_factory=list)
    gradient_norm: list[float] = field(default_factory=list)


def evaluate(model: Layer, samples: Samples, loss: LossFunction = mean_squared_error) -> float:
    """Loss of a model on samples, in evaluation (no dropout)."""
    tape = model.forward(samples.x, mask=samples.mask)
    return float(loss(tape.outputs, samples.y, _counted(model, samples)).value)


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
    validation: Samples | tuple[Array, Array] | None = None,
    on_epoch: Callable[[Layer, History], None] | None = None,
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
    if not isinstance(samples, tuple) or not 2 <= len(samples) <= 4:
        advice = "Pass Samples(x, y) or the pair (x, y)."
        fail(DtypeError, where, "samples must be Samples", f"a {type(samples).__name__}", advice)
    samples = Samples(*samples)
    if validation is not None:
        validation = Samples(*validation)
    if not callable(loss):
        advice = "Use loss=mean_squared_error."
        fail(DtypeError, where, "loss must be a function", shapes.describe(loss), advice)
    if optimiser is not None and not hasattr(optimiser, "update"):
        advice = "Use optimiser=Adam(0.001)."
        got = shapes.describe(optimiser)
        fail(DtypeError, where, "optimiser must be an optimiser", got, advice)
    count = len(samples.x)
    if any(part is not None and len(part) != count for part in samples):
        sizes = [None if part is None else len(part) for part in samples]
        expected = f"samples must have {count} rows in every part"
        fail(ShapeError, where, expected, f"{sizes} in x, y, mask, counts")
    optimiser = Adam() if optimiser is None else optimiser
    history = History()
    for epoch in range(1, epochs + 1):
        order = rng.permutation(count)
        losses, norms = [], []
        for start in range(0, count, batch_size):
            batch = samples.rows(order[start : start + batch_size])
            value, norm = _step(model, batch, optimiser, loss, clip_norm, rng)
            losses.append(value)
            norms.append(norm)
        history.epochs.append(epoch)
        history.train_loss.append(float(np.mean(losses)))
        history.gradient_norm.append(float(np.mean(norms)))
        history.validation_loss.append(
            None if validation is None else evaluate(model, validation, loss)
        )
        if on_epoch is not None:
            on_epoch(model, history)
    return history


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
    value, doutputs = loss(tape.outputs, batch.y, _counted(model, batch))
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


def _counted(model: Layer, samples: Samples) -> NDArray[np.bool_] | None:
    """Where a prediction counts: where it is said to, at valid steps."""
    if samples.mask is None or not model.keeps_time:
        return samples.counts
    return samples.mask if samples.counts is None else samples.mask & samples.counts
