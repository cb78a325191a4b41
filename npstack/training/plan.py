"""What decides how a training run goes; every wrong word of it is told before the first step."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from npstack.core.arguments import check_positive, check_size
from npstack.core.errors import ArgumentError, DtypeError, ShapeError, describe, fail
from npstack.core.masks import check_finite
from npstack.core.numerics import Array
from npstack.layers import Layer
from npstack.losses.samples import (
    LossFunction,
    Samples,
    check_loss_function,
    check_samples,
    counted,
)
from npstack.training.bptt import check_carries, check_truncation

WHERE = "fit"  # whoever finds something wrong: it is fit that was called
Batches = Callable[[np.random.Generator], Iterable[Array]]


class Plan(NamedTuple):
    """What decides how a run goes; the arguments of `npstack.training.fit.fit`.

    A run that is resumed has the plan that it began with. How many epochs it has, and who watches,
    is not part of it.
    """

    batch_size: int
    loss: LossFunction
    clip_norm: float | None
    clip_value: float | None
    shuffle: bool
    batches: Batches | None
    truncate: tuple[int, int] | None
    stateful: bool
    patience: int | None
    keep_best: bool
    samples: Samples
    validation: Samples | None


def check_plan(model: Layer, plan: Plan) -> Plan:
    """What the model is to learn, and how, with numbers in Python's own types."""
    limits: dict[str, Any] = {
        name: check_positive(WHERE, name, limit, "1.0 is customary.")
        for name, limit in (("clip_norm", plan.clip_norm), ("clip_value", plan.clip_value))
        if limit is not None
    }
    plan = plan._replace(batch_size=check_size(WHERE, "batch_size", plan.batch_size), **limits)
    check_loss_function(WHERE, plan.loss)
    if plan.batches is not None and not callable(plan.batches):
        expected, got = "batches must be a function", describe(plan.batches)
        fail(DtypeError, WHERE, expected, got, "batches(rng) gives the rows of each batch.")
    check_values(WHERE, "samples", model, plan.samples)
    if plan.truncate is not None:
        plan = plan._replace(truncate=_check_truncate(model, plan.truncate, plan.samples))
    if plan.stateful:
        _check_stateful(model, plan)
    return plan


def _check_truncate(model: Layer, truncate: object, samples: Samples) -> tuple[int, int]:
    """A pair of numbers of steps, and rows that can be cut in time."""
    if not isinstance(truncate, tuple | list) or len(truncate) != 2:
        expected, got = "truncate must be a pair (k1, k2)", describe(truncate)
        fail(ArgumentError, WHERE, expected, got, "truncate=(20, 20) cuts every 20 steps.")
    k1, k2 = (
        check_size(WHERE, f"truncate, {name},", steps, "It is a number of time steps.")
        for name, steps in zip(("k1", "k2"), truncate, strict=True)
    )
    check_truncation(WHERE, "truncate", model, samples)
    return k1, k2


def _check_stateful(model: Layer, plan: Plan) -> None:
    """A state to carry, and in every batch the same number of rows to carry it."""
    check_carries(WHERE, "stateful", model)
    if isinstance(plan.samples.x, tuple):
        expected, got = "stateful needs samples of one input", "two"
        fail(ArgumentError, WHERE, expected, got, "A decoder begins with the encoder's state.")
    if plan.batches is None and len(plan.samples.y) % plan.batch_size:
        expected = f"stateful training needs batches of batch_size={plan.batch_size} rows"
        got = f"{len(plan.samples.y)} rows, which leave a smaller one"
        advice = "Each row goes on where the same row of the batch before ended."
        fail(ShapeError, WHERE, expected, got, advice)


def check_validation(
    model: Layer, validation: object, patience: int | None, keep_best: bool
) -> Samples | None:
    """Samples to validate with, or none; but the best epoch and patience cannot do without."""
    if validation is not None:
        samples = check_samples(WHERE, "validation", validation)
        check_values(WHERE, "validation", model, samples)
        return samples
    if keep_best or patience is not None:
        advice = "Pass validation=…: the best epoch is the one of the least validation loss."
        fail(ArgumentError, WHERE, "keep_best and patience need validation", "none", advice)
    return None


def check_values(where: str, whole: str, model: Layer, samples: Samples) -> None:
    """Numbers that are none are told by their row in the samples, not in some batch."""
    counts = counted(model.interface.keeps_time, samples)
    parts = {"x": (samples.x, samples.mask), "y": (samples.y, counts)}
    for name, (values, mask) in parts.items():
        if not isinstance(values, np.ndarray) or values.dtype.kind != "f":
            continue  # symbols; or a NamedTuple of two inputs, which the model looks at
        if mask is None and values.ndim == 3:
            mask = np.ones(values.shape[:2], dtype=bool)  # the error then says row and time step
        if mask is None or values.shape[: mask.ndim] == mask.shape:
            check_finite(where, f"{whole}.{name}", values, mask)


def check_kind(value: object, kind: type[Any], expected: str, advice: str) -> None:
    """An object of this class; neither the class itself, nor what it could be made from."""
    if not isinstance(value, kind):
        fail(DtypeError, WHERE, expected, describe(value), advice)
