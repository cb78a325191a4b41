"""Seeds × settings: the same experiment many times, on all cores or on a cluster, through joblib.

Each run gets a generator of its own, made from its seed, so it gives the same result alone, beside
others, and in any order. A run that fails is an entry beside the others, with its error in words.
"""

from __future__ import annotations

import importlib
import inspect
import os
import re
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, as_completed
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from npstack.core.arguments import check_whole
from npstack.core.blas import blas_threads, check_threads, controller
from npstack.core.errors import (
    ArgumentError,
    DtypeError,
    describe,
    fail,
    in_words,
    kind_of,
    optional_package,
)

WHERE = "sweep"
NOT_OWN = rf"^{re.escape(str(Path(__file__).parents[1]))}|site-packages|\.pyx$|^<string>$"
EXAMPLE = "For example [{'hidden_size': 8}, {'hidden_size': 16}]."


class Trial(NamedTuple):
    """One run of a sweep.

    Attributes
    ----------
    setting : dict
    seed : int
    result : object
        What the run returned; None if it failed.
    error : str or None
        Why it failed, in words; None if it did not.
    """

    setting: dict[str, Any]
    seed: int
    result: Any
    error: str | None


@dataclass(frozen=True)
class Job:
    """All that a worker needs for one run; ``number`` is its place in the results."""

    number: int
    run: Callable[..., Any]
    setting: dict[str, Any]
    seed: int
    threads: int | None
    process: int


class Outcome(NamedTuple):
    """What a worker sends back."""

    number: int
    result: Any
    error: str | None


def sweep(
    run: Callable[..., Any],
    settings: Sequence[Mapping[str, Any]],
    seeds: Sequence[int],
    *,
    n_jobs: int | None = None,
    threads: int | None = 1,
    retries: int = 2,
) -> list[Trial]:
    """Call ``run(**setting, rng=rng)`` for every setting and every seed.

    ``rng`` is ``np.random.default_rng(seed)``, made anew for each run: two settings with one seed
    draw the same numbers, which makes their difference less noisy; two seeds are independent.

    Parameters
    ----------
    run : callable
        Builds and trains a model, and returns what is to be kept of it.
    settings : list of dict
        Arguments of ``run``, by name. Each run gets a copy, so that an optimiser in it is new.
    seeds : list of int
        All different.
    n_jobs : int, optional
        As for ``joblib.Parallel``: the number of workers, -1 for one per core; by default, what
        ``joblib.parallel_config`` says, which also chooses another backend, such as dask. 1: here,
        one after another, without joblib.
    threads : int or None
        BLAS threads of each worker while it runs; needs threadpoolctl. None leaves them alone: many
        workers with many threads each are slower than with one.
    retries : int
        How often a run is tried again if its worker was lost (on dask once, which tries itself).

    Returns
    -------
    list of Trial
        In the order of the settings, and for each of them in the order of the seeds.

    Raises
    ------
    ArgumentError, DtypeError
        A wrong argument. What ``run`` raises is kept in its Trial.
    MissingPackageError
        joblib or threadpoolctl is not installed.

    Examples
    --------
    >>> def run(size, rng):
    ...     return round(float(rng.standard_normal(size).sum()), 3)
    >>> for trial in sweep(run, [{"size": 4}, {"size": -1}], [0, 1], n_jobs=1, threads=None):
    ...     print(trial.setting, trial.seed, trial.result, trial.error)
    {'size': 4} 0 0.739 None
    {'size': 4} 1 0.194 None
    {'size': -1} 0 None ValueError: negative dimensions are not allowed, in line 2 of run
    {'size': -1} 1 None ValueError: negative dimensions are not allowed, in line 2 of run
    """
    if not callable(run) or isinstance(run, type):
        expected, advice = "run must be a function", "run(**setting, rng=rng) is called."
        fail(DtypeError, WHERE, expected, describe(run), advice)
    own, numbers = _checked_settings(run, settings), _checked_seeds(seeds)
    if n_jobs is not None:
        n_jobs = check_whole(WHERE, "n_jobs", n_jobs, "Use 2, or -1 for all cores.", least=-4096)
        if n_jobs == 0:
            fail(ArgumentError, WHERE, "n_jobs must not be 0", 0, "Use 2, or -1 for all cores.")
    retries = check_whole(WHERE, "retries", retries, "Use retries=2.")
    if threads is not None:
        threads = check_threads(WHERE, threads)
        controller(WHERE)
    pairs = [(setting, seed) for setting in own for seed in numbers]
    here = os.getpid()
    jobs = [Job(k, run, *pair, threads, here) for k, pair in enumerate(pairs)]
    found = map(attempt, jobs) if n_jobs == 1 else _by_workers(jobs, n_jobs, retries)
    outcomes = {outcome.number: outcome for outcome in found}
    return [Trial(*pair, *outcomes[k][1:]) for k, pair in enumerate(pairs)]


def _checked_settings(run: Callable[..., Any], settings: Any) -> list[dict[str, Any]]:
    """Dictionaries, whose names ``run`` accepts."""
    if not isinstance(settings, list | tuple) or not settings:
        got = kind_of(settings) if not isinstance(settings, list | tuple) else "none"
        fail(DtypeError, WHERE, "settings must be a list of dictionaries", got, EXAMPLE)
    for k, setting in enumerate(settings):
        if not isinstance(setting, Mapping) or not all(isinstance(name, str) for name in setting):
            expected = f"settings[{k}] must be a dictionary with names of arguments"
            fail(DtypeError, WHERE, expected, describe(setting), EXAMPLE)
        if "rng" in setting:
            expected, advice = f"settings[{k}] must not have an rng", "Each seed makes one."
            fail(ArgumentError, WHERE, expected, "one", advice)
        try:
            inspect.signature(run).bind(**setting, rng=None)
        except TypeError as error:
            expected = f"run must accept the arguments of settings[{k}], and rng"
            fail(ArgumentError, WHERE, expected, in_words(error), "Define run(…, rng).")
        except ValueError:  # a function of C has no signature
            continue
    return [dict(setting) for setting in settings]


def _checked_seeds(seeds: Any) -> list[int]:
    """Different whole numbers."""
    if not isinstance(seeds, list | tuple | range) or not seeds:
        got = kind_of(seeds) if not isinstance(seeds, list | tuple | range) else "none"
        fail(DtypeError, WHERE, "seeds must be a list of whole numbers", got, "Use range(5).")
    own = [check_whole(WHERE, f"seeds[{k}]", s, "Use range(5).") for k, s in enumerate(seeds)]
    if len(set(own)) < len(own):
        twice = next(seed for seed in own if own.count(seed) > 1)
        advice = "The same seed gives the same run."
        fail(ArgumentError, WHERE, "seeds must all be different", f"{twice} twice", advice)
    return own


# ---- in a worker -------------------------------------------------------------------------------


def attempt(job: Job) -> Outcome:
    """One run; its error is part of the outcome."""
    try:
        with blas_threads(WHERE, job.threads):
            result = job.run(**deepcopy(job.setting), rng=np.random.default_rng(job.seed))
        if os.getpid() != job.process:
            _pickled(result)
    except Exception as error:
        return Outcome(job.number, None, in_words(error).removesuffix(".") + _place(error))
    return Outcome(job.number, result, None)


def _pickled(value: Any) -> None:
    """Check that a value can be sent, as joblib and dask send it."""
    importlib.import_module("cloudpickle").dumps(value)


def _place(error: Exception) -> str:
    """The last line of the user's own code that it came through."""
    frames = reversed(traceback.extract_tb(error.__traceback__))
    own = (frame for frame in frames if not re.search(NOT_OWN, frame.filename))
    return next((f", in line {frame.lineno} of {frame.name}" for frame in own), "")


# ---- joblib and dask ---------------------------------------------------------------------------


def _by_workers(jobs: list[Job], n_jobs: int | None, retries: int) -> Iterator[Outcome]:
    """The outcomes, whichever is ready first.

    A run whose worker was lost is tried again alone: one of those beside it may have killed it.
    """
    joblib = _joblib()
    try:
        _pickled(jobs)
    except Exception as error:
        expected = "run and settings must be such that they can be pickled"
        advice = "Open files and make locks inside run."
        fail(DtypeError, WHERE, expected, in_words(error), advice)
    client = getattr(joblib.parallel.get_active_backend()[0], "client", None)
    if client is None:
        return _by_joblib(joblib, jobs, n_jobs, retries)
    return _by_dask(client.get_executor(pure=False), jobs, retries)


def _by_joblib(
    joblib: ModuleType, jobs: list[Job], n_jobs: int | None, retries: int
) -> Iterator[Outcome]:
    """Through joblib's own workers; its pool loses all that were sent and have not come back."""
    while jobs:
        sent: set[int] = set()
        done: set[int] = set()
        try:
            for outcome in _parallel(joblib, n_jobs)(_calls(joblib, jobs, sent)):
                done.add(outcome.number)
                yield outcome
            return
        except Exception as error:
            lost = in_words(error)
            if not sent:
                advice = "Look at joblib.parallel_config."
                expected = "joblib must start its workers"
                fail(ArgumentError, WHERE, expected, in_words(error), advice)
        taken = set(sent)  # joblib takes the next ones in another thread
        for job in [job for job in jobs if job.number in taken - done]:
            yield _again(partial(_alone, joblib, n_jobs, job), job, retries, lost)
        jobs = [job for job in jobs if job.number not in taken]


def _alone(joblib: ModuleType, n_jobs: int | None, job: Job) -> Outcome:
    (outcome,) = _parallel(joblib, n_jobs)(_calls(joblib, [job], set()))
    return Outcome(*outcome)


def _calls(joblib: ModuleType, jobs: list[Job], sent: set[int]) -> Iterator[Any]:
    """Calls for joblib; ``sent`` gets the numbers of those that it has taken."""
    for job in jobs:
        sent.add(job.number)
        yield joblib.delayed(attempt)(job)


def _by_dask(executor: Executor, jobs: list[Job], retries: int) -> Iterator[Outcome]:
    """Through the cluster that joblib would use.

    Dask runs calls again whose worker was lost, and gives one up after some times. joblib (1.6)
    would wait for that one for ever; here it is tried once more, alone.
    """
    waiting = {executor.submit(attempt, job): job for job in jobs}
    lost: list[tuple[Job, str]] = []
    try:
        for future in as_completed(waiting):
            job = waiting.pop(future)  # dask would compute again what is kept here and lost there
            try:
                yield future.result()
            except Exception as error:
                lost.append((job, in_words(error)))
    finally:
        for future in waiting:
            future.cancel()
    for job, why in lost:
        yield _again(partial(_result, executor, job), job, min(retries, 1), why)


def _result(executor: Executor, job: Job) -> Outcome:
    return executor.submit(attempt, job).result()


def _again(call: Callable[[], Outcome], job: Job, retries: int, why: str) -> Outcome:
    """The outcome of a run whose worker was lost, with no other run beside it."""
    for _ in range(retries):
        try:
            return call()
        except Exception as error:
            why = in_words(error)
    often = "once" if retries == 0 else f"{retries + 1} times"
    what = why.partition(". ")[0]
    lost = f"its worker was lost {often} ({what}); does it need too much memory?"
    return Outcome(job.number, None, lost)


def _parallel(joblib: ModuleType, n_jobs: int | None) -> Any:
    """What makes calls in parallel, one for each worker at a time."""
    options = {} if n_jobs is None else {"n_jobs": n_jobs}
    try:
        return joblib.Parallel(**options, batch_size=1, return_as="generator_unordered")
    except ValueError:  # a backend that returns all at once
        return joblib.Parallel(**options, batch_size=1)


def _joblib() -> ModuleType:
    expected = "a sweep in parallel uses joblib, which must be installed"
    advice = "Use: pip install npstack[cluster], or n_jobs=1."
    return optional_package(WHERE, "joblib", expected, advice)
