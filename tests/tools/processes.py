"""One function for many numbers, shared between processes with one BLAS thread each."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Iterable
from typing import TypeVar

Result = TypeVar("Result")


def shared(
    work: Callable[[int], Result],
    numbers: Iterable[int],
    processes: int,
    say: Callable[[Result], str],
) -> list[Result]:
    """The results in the order of the numbers; progress is printed, and what ``say`` says."""
    numbers, found, began = list(numbers), [], time.perf_counter()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")  # read by NumPy when a new process imports it
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        for result in pool.imap(work, numbers, chunksize=5):
            found.append(result)
            if text := say(result):
                print(text, flush=True)
            if len(found) % 100 == 0:
                seconds = time.perf_counter() - began
                print(f"{len(found)} of {len(numbers)}, {seconds:.0f} s", flush=True)
    return found
