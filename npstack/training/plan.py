"""The settings of a training run; errors in them are raised before the first step."""

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

WHERE = "fit"  # the user called fit, whichever function finds the error
Batches = Callable[[np.random.Generator], Iterable[Array]]


class Plan(NamedTuple):
    """The settings of a run; arguments of `npstack.training.fit.fit`.

    A resumed run keeps its plan. The number of epochs, and callbacks, are not part of it.
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
    """Check samples and settings; numbers become Python's own types."""
    limits: dict[str, Any] = {
        name: check_positive(WHERE, name, limit, "1.0 is usual.")
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
    """Check k1 and k2, and that rows can be divided in time."""
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
    """Check that there is a state to carry, and that all batches have the same number of rows."""
    check_carries(WHERE, "stateful", model)
    if isinstance(plan.samples.x, tuple):
        expected, got = "stateful needs samples of one input", "two"
        fail(ArgumentError, WHERE, expected, got, "A decoder begins with the state of the encoder.")
    if plan.batches is None and len(plan.samples.y) % plan.batch_size:
        expected = f"stateful training needs batches of batch_size={plan.batch_size} rows"
        got = f"{len(plan.samples.y)} rows, which leave a smaller one"
        advice = "Each row continues the same row of the batch before."
        fail(ShapeError, WHERE, expected, got, advice)


def check_validation(
    model: Layer, validation: object, patience: int | None, keep_best: bool
) -> Samples | None:
    """Check the validation samples, which keep_best and patience require."""
    if validation is not None:
        samples = check_samples(WHERE, "validation", validation)
        check_values(WHERE, "validation", model, samples)
        return samples
    if keep_best or patience is not None:
        advice = "Pass validation=…: the best epoch is the one of the least validation loss."
        fail(ArgumentError, WHERE, "keep_best and patience need validation", "none", advice)
    return None


def check_values(where: str, whole: str, model: Layer, samples: Samples) -> None:
    """Report NaN and infinity by their row in the samples, not in a batch."""
    counts = counted(model.interface.keeps_time, samples)
    parts = {"x": (samples.x, samples.mask), "y": (samples.y, counts)}
    for name, (values, mask) in parts.items():
        if not isinstance(values, np.ndarray) or values.dtype.kind != "f":
            continue  # symbols; or a NamedTuple of two inputs, which the model checks
        if mask is None and values.ndim == 3:
            mask = np.ones(values.shape[:2], dtype=bool)  # the error then names row and time step
        if mask is None or values.shape[: mask.ndim] == mask.shape:
            check_finite(where, f"{whole}.{name}", values, mask)


def check_kind(value: object, kind: type[Any], expected: str, advice: str) -> None:
    """Check for an object of this class; neither the class itself nor a substitute."""
    if not isinstance(value, kind):
        fail(DtypeError, WHERE, expected, describe(value), advice)
