"""Gradients of a batch that is divided among workers: threads, processes or machines.

The rows of a batch are divided into shards. The gradient of the mean loss of each is computed by a
worker; their sum, each with its share of what counts, is the gradient of the mean loss over all
rows. It is summed in the order of the shards, so it does not depend on who finishes first::

    shards[0] ──► worker ──► value, gradient ──┐
    shards[1] ──► worker ──► value, gradient ──┼──► sum of share · gradient
    shards[2] ──► worker ──► value, gradient ──┘

Workers come from any executor of `concurrent.futures`, such as that of a dask client.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from npstack.core.arguments import check_generator, check_whole
from npstack.core.blas import blas_threads, check_threads, controller
from npstack.core.errors import (
    ArgumentError,
    DtypeError,
    NpstackError,
    ShapeError,
    describe,
    fail,
    in_words,
    kind_of,
)
from npstack.core.numerics import Array
from npstack.layers import Layer
from npstack.layers.boundary import check_built
from npstack.losses import mean_squared_error
from npstack.losses.samples import (
    LossFunction,
    Samples,
    check_loss_function,
    check_samples,
    counted,
    total_weight,
    with_finite_total,
)
from npstack.training.bptt import Pass, WeightedSum, passes
from npstack.training.executors import results
from npstack.training.plan import check_values

WHERE = "sharded_gradients"


class Sharded(NamedTuple):
    """The result of `sharded_gradients`.

    Attributes
    ----------
    value : float
        The loss over all rows.
    params : dict
        Its gradients by the parameters.
    final : tuple
        Of each shard: the states after the last step.
    """

    value: float
    params: dict[str, Array]
    final: tuple[Any, ...]


@dataclass(frozen=True)
class Task:
    """All that a worker needs for one shard; dask would look for tasks of its own in a tuple."""

    model: Layer
    samples: Samples
    states: Any
    loss: LossFunction
    seed: tuple[int, ...] | None
    threads: int | None
    weight: float


def sharded_gradients(
    model: Layer,
    shards: Sequence[Samples | tuple[Any, Array]],
    executor: Executor | None,
    *,
    states: Sequence[Any] | None = None,
    loss: LossFunction = mean_squared_error,
    rng: np.random.Generator | None = None,
    threads: int | None = None,
    retries: int = 2,
) -> Sharded:
    """Gradients of the mean loss over all rows, each shard of rows computed by a worker.

    The same shards give the same bits, whatever the executor, the number of its workers and their
    order, on machines with the same NumPy, BLAS and number of BLAS threads. The gradients of the
    whole batch at once are the same to rounding. No parameter is changed.

    Parameters
    ----------
    model : Layer
    shards : list of Samples, or of pairs (x, y)
        Rows of a batch. Their lengths in time may differ. A shard in which nothing counts is read,
        and has no share in the loss. Rows with ``resets`` begin anew whatever their state is.
    executor : concurrent.futures.Executor or None
        Where the shards are computed: a pool of threads or processes, `RestartingExecutor`, or
        ``client.get_executor()`` of dask. None: here, one after another.
    states : list of states, optional
        The initial states of each shard, as for ``model.forward``; None in it is zeros.
    loss : callable
        A mean over the predictions that count, like all losses of `npstack.losses`.
    rng : numpy.random.Generator, optional
        If given, the model trains: dropout is drawn from a seed for each shard, which ``rng`` draws
        here.
    threads : int, optional
        BLAS threads of a worker while it computes; needs threadpoolctl there. They are left alone
        by default.
    retries : int
        How often a shard is sent again if its worker was lost.

    Returns
    -------
    Sharded

    Raises
    ------
    ShapeError, DtypeError, ArgumentError
        A wrong argument, found here or by a worker; or workers that are lost again and again.
    NonFiniteError
        Loss or gradient is not finite; the error names the first time step, layer and gate.

    Examples
    --------
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> from npstack import LSTM
    >>> rng = np.random.default_rng(0)
    >>> layer, x = LSTM(1, 2, rng=rng), rng.standard_normal((7, 5, 1))
    >>> samples = Samples(x, np.tanh(np.repeat(x, 2, axis=2)))
    >>> shards = [samples.rows(rows) for rows in np.array_split(np.arange(7), 3)]
    >>> with ThreadPoolExecutor(2) as pool:
    ...     found = sharded_gradients(layer, shards, pool)
    >>> serial, whole = (sharded_gradients(layer, own, None) for own in (shards, [samples]))
    >>> found.value == serial.value, bool(np.array_equal(found.params["U"], serial.params["U"]))
    (True, True)
    >>> bool(np.allclose(found.params["U"], whole.params["U"], rtol=1e-13))
    True
    """
    check_built(WHERE, "model", model)
    if model.dtype is not None and model.dtype.kind != "f":
        expected, advice = "model must have real parameters", "Build it with dtype=np.float64."
        fail(DtypeError, WHERE, expected, model.dtype, advice)
    if executor is not None and not isinstance(executor, Executor):
        expected = "executor must be a concurrent.futures.Executor or None"
        advice = "Use ThreadPoolExecutor(2); dask has client.get_executor()."
        fail(DtypeError, WHERE, expected, describe(executor), advice)
    check_loss_function(WHERE, loss)
    retries = check_whole(WHERE, "retries", retries, "Use retries=2.")
    if threads is not None:
        threads = check_threads(WHERE, threads)
        controller(WHERE)
    parts = with_finite_total(_checked(model, shards))
    begin = [None] * len(parts) if states is None else _one_each(states, len(parts))
    seeds = [None] * len(parts) if rng is None else _seeds(rng, len(parts))
    with np.errstate(all="ignore"):  # the losses say what is wrong with weights
        weights = [_weight(model, part) for part in parts]
    if not sum(weights):
        advice = "Leave rows that are all padding out of the batch."
        fail(ArgumentError, WHERE, "at least one prediction must count", "none", advice)
    tasks = [
        Task(model, part, state, loss, seed, threads, weight)
        for part, state, seed, weight in zip(parts, begin, seeds, weights, strict=True)
    ]
    sums, final = WeightedSum(sum(weights)), []
    for found in _in_order(tasks, executor, retries):
        sums.add(found)
        final.append(found.final)
    return Sharded(sums.value, sums.params, tuple(final))


def _checked(model: Layer, shards: Any) -> list[Samples]:
    """Samples for every shard."""
    listed = isinstance(shards, list | tuple) and not isinstance(shards, Samples)
    if not listed or not shards or not all(isinstance(shard, tuple) for shard in shards):
        of = f" of {kind_of(shards[0]) if shards else 'nothing'}" if listed else ""
        expected = "shards must be a list of Samples or pairs (x, y)"
        advice = "Divide Samples: [samples.rows(r) for r in np.array_split(np.arange(B), 4)]."
        fail(DtypeError, WHERE, expected, f"{kind_of(shards)}{of}", advice)
    checked = [check_samples(WHERE, f"shards[{k}]", shard) for k, shard in enumerate(shards)]
    for k, shard in enumerate(checked):
        if shard.resets is not None and isinstance(shard.x, tuple):
            expected, advice = f"shards[{k}].resets needs samples of one input", "Leave it out."
            fail(ArgumentError, WHERE, expected, "two", advice)
        check_values(WHERE, f"shards[{k}]", model, shard)
    return checked


def _one_each(states: object, count: int) -> Sequence[Any]:
    """States for every shard."""
    if not isinstance(states, list | tuple) or hasattr(states, "_fields") or len(states) != count:
        got = len(states) if type(states) in (list, tuple) else kind_of(states)  # type: ignore[arg-type]
        expected = f"states must be a list of {count}, one per shard"
        fail(ArgumentError, WHERE, expected, got, "Pass final of an earlier result.")
    return states


def _seeds(rng: object, count: int) -> list[tuple[int, ...]]:
    """A seed for every shard."""
    drawn = check_generator(WHERE, rng).integers(2**32, size=(count, 4), dtype=np.uint32)
    return [tuple(seed) for seed in drawn.tolist()]


def _weight(model: Layer, samples: Samples) -> float:
    """The weight of a shard; if nothing says what counts, it is seen from the targets."""
    y = samples.y
    classes = y.dtype.kind in "iu"
    predictions = y.size if classes or y.ndim < 2 else y.size // max(y.shape[-1], 1)
    return total_weight(samples, counted(model.interface.keeps_time, samples), predictions)


# ---- in a worker -------------------------------------------------------------------------------


def compute(task: Task, attempt: int) -> Pass | Exception:
    """One shard. An error is returned; what is raised is the executor's own.

    ``attempt`` makes a call that is sent again another one for executors that keep results.
    """
    try:
        with blas_threads(WHERE, task.threads), np.errstate(all="ignore"):
            return _pass_over(task)
    except Exception as error:
        with suppress(Exception):
            pickle.loads(pickle.dumps(error))
            return error
        return RuntimeError(in_words(error))


def _pass_over(task: Task) -> Pass:
    model, samples, resets = task.model, task.samples, task.samples.resets
    rng = None if task.seed is None else np.random.default_rng(task.seed)
    anew = None if resets is None or samples.x.ndim < 2 else samples.beginnings(resets)
    if not task.weight:  # padding, or a warm-up
        tape = model.forward(samples.x, task.states, mask=samples.mask, rng=rng, resets=anew)
        return Pass(0.0, 0.0, None, tape.final)
    (found,) = passes(model, samples, None, task.states, task.loss, rng, anew)
    if found.weight != task.weight:
        expected = "targets must have an entry for each prediction, with the axes of the outputs"
        got = f"{task.weight:g} of them for {found.weight:g} predictions"
        advice = "If the loss takes others, give counts=np.ones((B, T), bool)."
        fail(ShapeError, WHERE, expected, got, advice)
    return found


def _unless_error(found: Pass | Exception, k: int) -> Pass:
    """The result of a worker; its error is raised here and says which shard it was."""
    if isinstance(found, NpstackError):
        known: dict[str, Any] = {"step": found.step, "layer": found.layer, "gate": found.gate}
        got = f"{found.got} (in shards[{k}])"
        raise type(found)(found.where, found.expected, got, found.advice, **known) from found
    if isinstance(found, Exception):
        found.add_note(f"raised for shards[{k}]")
        raise found
    return found


def _in_order(tasks: list[Task], executor: Executor | None, retries: int) -> Iterator[Pass]:
    """The result for each task, in their order."""
    if executor is None:
        found: Iterator[Any] = (compute(task, 0) for task in tasks)
    else:
        found = results(
            WHERE, compute, {f"shards[{k}]": t for k, t in enumerate(tasks)}, executor, retries
        )
    return (_unless_error(own, k) for k, own in enumerate(found))
