"""One epoch of training: batches of rows, spans of time, clipped updates; and the way back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from npstack.core.arguments import check_positive, check_size
from npstack.core.errors import (
    ArgumentError,
    DtypeError,
    NonFiniteError,
    ShapeError,
    describe,
    fail,
)
from npstack.core.masks import check_finite
from npstack.core.numerics import Array
from npstack.core.params import Params
from npstack.layers import Layer
from npstack.losses.samples import LossFunction, Samples, counted
from npstack.training.bptt import check_carries, check_truncation, passes
from npstack.training.nonfinite import REMEDIES, all_finite
from npstack.training.optim import Optimiser, clip_by_global_norm, clip_by_value, global_norm

Batches = Callable[[np.random.Generator], Iterable[Array]]


class Plan(NamedTuple):
    """What every epoch is told; the arguments of `npstack.training.fit.fit`."""

    samples: Samples
    batch_size: int
    loss: LossFunction
    clip_norm: float | None
    clip_value: float | None
    shuffle: bool
    batches: Batches | None
    truncate: tuple[int, int] | None
    stateful: bool


class Kept(NamedTuple):
    """Parameters and optimiser at one moment; their arrays are replaced, never changed."""

    params: Params
    steps: int
    state: Params


class Epoch(NamedTuple):
    """What one epoch was like: one number per update."""

    losses: list[float]
    norms: list[float]
    rates: list[float]


class Learner:
    """A model and its optimiser, and how both stood when all was well.

    Attributes
    ----------
    whole : Kept
        After the last whole step: what remains if the next one is interrupted half-way.
    good : Kept
        The last with which forward, loss and backward were finite.
    """

    def __init__(self, model: Layer, optimiser: Optimiser) -> None:
        self.model, self.optimiser = model, optimiser
        self.good = self.whole = self._now()

    def _now(self) -> Kept:
        return Kept(self.model.params, self.optimiser.steps, self.optimiser.state())

    def settle(self) -> None:
        """What stands now is whole."""
        self.whole = self._now()

    def bring_back(self, kept: Kept) -> None:
        """Undo what came later, or was left half done."""
        self.model.params = kept.params
        self.optimiser.load(kept.steps, kept.state)

    def epoch(
        self, plan: Plan, rng: np.random.Generator, tell: Callable[[int, float, float], None]
    ) -> Epoch:
        """Go through all rows once; ``tell(steps, loss, norm)`` after every update."""
        states: Any = None
        anew: Any = False
        done = Epoch([], [], [])
        for chosen in row_numbers(plan, rng):
            batch = plan.samples.rows(chosen)
            if plan.batches is not None and plan.truncate is None and not plan.stateful:
                from npstack.data.ragged import trim

                batch = trim(batch, self.model.keeps_time)  # short rows together cost little
            resets = None
            if not plan.stateful:
                states = None
            elif batch.resets is not None:
                anew = anew | batch.resets
                resets = batch.beginnings(anew)
                anew = anew & ~resets.any(axis=1)  # a row of padding waits for its first step
            for found in passes(self.model, batch, plan.truncate, states, plan.loss, rng, resets):
                states = found.final
                if found.grads is None:
                    continue
                done.rates.append(self.optimiser.rate)
                done.norms.append(self.update(found.grads, plan))
                done.losses.append(found.value)
                tell(len(done.losses), done.losses[-1], done.norms[-1])
        if not done.losses:
            expected, advice = "at least one prediction must count", "Look at mask and counts."
            fail(ArgumentError, "fit", expected, "none in a whole epoch", advice)
        return done

    def update(self, grads: Params, plan: Plan) -> float:
        """One step of the optimiser; returns the gradient norm before clipping."""
        trained = self.optimiser.trainable(grads)
        norm = global_norm(trained)
        if not np.isfinite(norm):
            expected, got = "the gradient norm must be finite", f"a norm of {norm}"
            fail(NonFiniteError, "update", expected, got, REMEDIES)
        if plan.clip_value is not None:
            trained = clip_by_value(trained, plan.clip_value)
        if plan.clip_norm is not None and norm > plan.clip_norm:  # clipped values only shrink it
            trained = clip_by_global_norm(trained, plan.clip_norm)
        params = self.optimiser.update(self.model.params, {**grads, **trained})
        if not all_finite(params):
            names = ", ".join(name for name in params if not all_finite({name: params[name]}))
            got = f"NaN or infinity first in the new value of {names}"
            fail(NonFiniteError, "update", "parameters must stay finite", got, REMEDIES)
        self.model.params = params
        self.good, self.whole = self.whole, self._now()
        return norm


def row_numbers(plan: Plan, rng: np.random.Generator) -> Iterator[Array]:
    """The rows of each batch of one epoch."""
    count = len(plan.samples.y)
    if plan.batches is not None:
        size = None
        for given in plan.batches(rng):
            rows = np.asarray(given)
            inside = rows.dtype.kind in "iu" and rows.size and 0 <= rows.min() <= rows.max() < count
            if rows.ndim != 1 or not inside:
                expected = f"batches must give arrays of row numbers from 0 to {count - 1}"
                advice = "For example lambda rng: np.array_split(rng.permutation(n), 8)."
                fail(ArgumentError, "fit", expected, describe(given), advice)
            if plan.stateful and size not in (None, len(rows)):
                expected = f"stateful batches must have {size} rows like the first"
                advice = "Each row goes on where the same row of the batch before ended."
                fail(ShapeError, "fit", expected, len(rows), advice)
            size = len(rows)
            yield rows
        return
    order = rng.permutation(count) if plan.shuffle and not plan.stateful else np.arange(count)
    for start in range(0, count, plan.batch_size):
        yield order[start : start + plan.batch_size]


def check_plan(where: str, model: Layer, plan: Plan) -> None:
    """Every wrong argument is told before the first step."""
    check_size(where, "batch_size", plan.batch_size)
    if not callable(plan.loss):
        advice = "Use loss=mean_squared_error."
        fail(DtypeError, where, "loss must be a function", describe(plan.loss), advice)
    for name in ("clip_norm", "clip_value"):
        if getattr(plan, name) is not None:
            check_positive(where, name, getattr(plan, name), "1.0 is customary.")
    if plan.batches is not None and not callable(plan.batches):
        expected, got = "batches must be a function", describe(plan.batches)
        fail(DtypeError, where, expected, got, "batches(rng) gives the rows of each batch.")
    check_values(where, "samples", model, plan.samples)
    if plan.truncate is not None:
        if not isinstance(plan.truncate, tuple | list) or len(plan.truncate) != 2:
            expected, got = "truncate must be a pair (k1, k2)", describe(plan.truncate)
            advice = "truncate=(20, 20) cuts every 20 steps."
            fail(ArgumentError, where, expected, got, advice)
        for name, steps in zip(("k1", "k2"), plan.truncate, strict=True):
            check_size(where, f"truncate, {name},", steps, "It is a number of time steps.")
        check_truncation(where, "truncate", model, plan.samples)
    if plan.stateful:
        check_carries(where, "stateful", model)
        if isinstance(plan.samples.x, tuple):
            expected, got = "stateful needs samples of one input", "two"
            fail(ArgumentError, where, expected, got, "A decoder begins with the encoder's state.")
        if plan.batches is None and len(plan.samples.y) % plan.batch_size:
            expected = f"stateful training needs batches of batch_size={plan.batch_size} rows"
            got = f"{len(plan.samples.y)} rows, which leave a smaller one"
            advice = "Each row goes on where the same row of the batch before ended."
            fail(ShapeError, where, expected, got, advice)


def check_values(where: str, whole: str, model: Layer, samples: Samples) -> None:
    """Numbers that are none are told by their row in the samples, not in some batch."""
    parts = {"x": (samples.x, samples.mask), "y": (samples.y, counted(model.keeps_time, samples))}
    for name, (values, mask) in parts.items():
        if not isinstance(values, np.ndarray) or values.dtype.kind != "f":
            continue  # symbols; or a NamedTuple of two inputs, which the model looks at
        if mask is None and values.ndim == 3:
            mask = np.ones(values.shape[:2], dtype=bool)  # the error then says row and time step
        if mask is None or values.shape[: mask.ndim] == mask.shape:
            check_finite(where, f"{whole}.{name}", values, mask)
