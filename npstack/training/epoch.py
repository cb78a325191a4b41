"""One epoch of training: batches of rows, spans of time, clipped updates, and undoing them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from npstack.core.arguments import check_generator
from npstack.core.arrays import as_array
from npstack.core.errors import (
    ArgumentError,
    DtypeError,
    NonFiniteError,
    ShapeError,
    describe,
    fail,
)
from npstack.core.numerics import Array
from npstack.core.params import Params
from npstack.core.wide import mean
from npstack.layers import Layer
from npstack.losses.samples import Samples
from npstack.training.bptt import passes
from npstack.training.history import History
from npstack.training.nonfinite import REMEDIES, all_finite
from npstack.training.optim import Optimiser, clip_by_global_norm, clip_by_value, global_norm
from npstack.training.plan import WHERE, Plan, check_kind


class Kept(NamedTuple):
    """Parameters and optimiser at one moment; their arrays are replaced, never changed."""

    params: Params
    steps: int
    state: Params


class Epoch(NamedTuple):
    """The figures of one epoch: one number per update."""

    losses: list[float]
    norms: list[float]
    rates: list[float]

    def summary(self) -> dict[str, float]:
        """One number per epoch, under the names used in a history.

        Examples
        --------
        >>> Epoch([0.5, 0.25], [2.0, 1.0], [0.1, 0.01]).summary()
        {'train_loss': 0.375, 'gradient_norm': 1.5, 'learning_rate': 0.01}
        """
        return {
            "train_loss": float(mean(np.array(self.losses))),
            "gradient_norm": float(mean(np.array(self.norms))),
            "learning_rate": self.rates[-1],
        }


class Learner:
    """All that training changes: a model, its optimiser, and the random generator.

    Attributes
    ----------
    whole : Kept
        After the last complete step: restored if the next one is interrupted.
    good : Kept
        The last one for which forward, loss and backward were finite.
    """

    def __init__(self, model: Layer, optimiser: Optimiser, rng: np.random.Generator) -> None:
        check_generator(WHERE, rng)
        advice = "Pass Sequential(…), StackedLSTM(…) or another layer."
        check_kind(model, Layer, "model must be a layer", advice)
        advice = "Use optimiser=Adam(0.001)."
        check_kind(optimiser, Optimiser, "optimiser must be an optimiser", advice)
        self.model, self.optimiser, self.rng = model, optimiser, rng
        self.good = self.whole = self._now()

    def epoch(self, plan: Plan, tell: Callable[[int, float, float], None]) -> Epoch:
        """Go through all rows once; ``tell(steps, loss, norm)`` after every update."""
        model, rng, done = self.model, self.rng, Epoch([], [], [])
        states: Any = None  # final states of the batch before
        anew: Any = False  # rows to be reset
        for batch in batches(plan, model.interface.keeps_time, rng):
            resets = None
            if plan.stateful and batch.resets is not None:
                anew = anew | batch.resets
                resets = batch.beginnings(anew)
                anew = anew & ~resets.any(axis=1)  # a row of padding waits for its first step
            begin = states if plan.stateful else None
            for found in passes(model, batch, plan.truncate, begin, plan.loss, rng, resets):
                states = found.final
                if found.grads is None:
                    continue
                done.rates.append(self.optimiser.rate)
                done.norms.append(self.update(found.grads, plan))
                done.losses.append(found.value)
                tell(len(done.losses), done.losses[-1], done.norms[-1])
        if not done.losses:
            expected = "at least one prediction must count"
            advice = "Look at mask and counts, and whether there are rows."
            fail(ArgumentError, WHERE, expected, "none in a whole epoch", advice)
        return done

    def update(self, grads: Params, plan: Plan) -> float:
        """One step of the optimiser; returns the gradient norm before clipping."""
        trained = self.optimiser.trainable(grads)
        norm = global_norm(trained)
        if not np.isfinite(norm):
            expected, got = "the gradient norm must be finite", f"a norm of {norm}"
            fail(NonFiniteError, "update", expected, got, REMEDIES)
        self.good = self.whole  # with it loss, gradients and their norm were finite
        if plan.clip_value is not None:
            trained = clip_by_value(trained, plan.clip_value)
        if plan.clip_norm is not None and norm > plan.clip_norm:  # clipping can only reduce it
            trained = clip_by_global_norm(trained, plan.clip_norm)
        params = self.optimiser.update(self.model.params, {**grads, **trained})
        if not all_finite(params):
            names = ", ".join(name for name in params if not all_finite({name: params[name]}))
            got = f"NaN or infinity first in the new value of {names}"
            fail(NonFiniteError, "update", "parameters must stay finite", got, REMEDIES)
        self.model.params = params
        self.whole = self._now()
        return norm

    def _now(self) -> Kept:
        return Kept(self.model.params, self.optimiser.steps, self.optimiser.state())

    def settle(self) -> None:
        """Mark the current parameters as complete."""
        self.whole = self._now()

    def bring_back(self, kept: Kept) -> None:
        """Undo later or incomplete updates."""
        self.model.params = kept.params
        self.optimiser.load(kept.steps, kept.state)

    def go_on_from(self, kept: Kept) -> None:
        """Continue from the state of another run; nothing before it can be restored."""
        self.bring_back(kept)
        self.good = self.whole = self._now()

    @contextmanager
    def staying_finite(self, epoch: int) -> Iterator[None]:
        """Overflow is found, undone, and reported as an error, so NumPy need not warn."""
        try:
            with np.errstate(all="ignore"):
                yield
        except NonFiniteError as error:
            got = f"{error.got} (epoch {epoch}, after {self.whole.steps} updates)"
            self.bring_back(self.good)
            known = {"step": error.step, "layer": error.layer, "gate": error.gate}
            fail(NonFiniteError, WHERE, "every number must stay finite", got, REMEDIES, **known)

    @contextmanager
    def interruptible(self, history: History) -> Iterator[None]:
        """Ctrl-C ends training, not the program; an incomplete step or epoch is undone."""
        try:
            yield
        except KeyboardInterrupt:
            self.bring_back(self.whole)
            history.only_whole_epochs()
            history.stopped = "interrupted"


def batches(plan: Plan, keeps_time: bool, rng: np.random.Generator) -> Iterator[Samples]:
    """The samples of one epoch, batch by batch."""
    count = len(plan.samples.y)
    if plan.batches is not None:
        chosen = own_rows(plan.batches(rng), count, plan.stateful)
    else:
        order = rng.permutation(count) if plan.shuffle and not plan.stateful else np.arange(count)
        size = plan.batch_size
        chosen = (order[start : start + size] for start in range(0, count, size))
    for rows in chosen:
        batch = plan.samples.rows(rows)
        if plan.batches is not None and plan.truncate is None and not plan.stateful:
            from npstack.data.ragged import trim  # here, for `npstack.data` is slow to import

            batch = trim(batch, keeps_time)  # batches of short rows cost little
        yield batch


def own_rows(given: Iterable[Any], count: int, stateful: bool) -> Iterator[Array]:
    """Row numbers of custom batches; each is checked when it is used."""
    size, example = None, "For example lambda rng: np.array_split(rng.permutation(n), 8)."
    if not isinstance(given, Iterable):
        expected = "batches must give the rows of one batch after the other"
        fail(DtypeError, WHERE, expected, describe(given), example)
    for batch in given:
        rows = as_array(WHERE, "a batch", batch)
        inside = rows.dtype.kind in "iu" and rows.size and 0 <= rows.min() <= rows.max() < count
        if rows.ndim != 1 or not inside:
            expected = f"batches must give arrays of row numbers from 0 to {count - 1}"
            fail(ArgumentError, WHERE, expected, describe(batch), example)
        if stateful and size not in (None, len(rows)):
            expected = f"stateful batches must have {size} rows like the first"
            advice = "Each row continues the same row of the batch before."
            fail(ShapeError, WHERE, expected, len(rows), advice)
        size = len(rows)
        yield rows
