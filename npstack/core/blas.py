"""How many threads the matrix products of NumPy run on, for a while."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock
from types import ModuleType
from typing import Any

from npstack.core.arguments import check_size
from npstack.core.errors import optional_package

_LOCK = Lock()
_wanted: dict[object, int] = {}  # by the block that asked, in this process; the last one holds
_before: list[tuple[Any, int]] = []  # what each library had before the first of them


@contextmanager
def blas_threads(where: str, threads: int | None) -> Iterator[None]:
    """Run a block with so many threads of BLAS; with None they are left alone.

    Most libraries have one number for the whole process. If several blocks run at once, in threads
    or one inside another, that of the last one holds; after all of them, the number before the
    first. A BLAS on top of OpenMP has a number for each thread that calls it. A BLAS that
    threadpoolctl does not know, such as Apple's, is left alone.

    Raises
    ------
    MissingPackageError
        The threads can be set with threadpoolctl only, and it is not installed.
    """
    if threads is None:
        yield
        return
    threads, control, own = check_threads(where, threads), controller(where), object()
    found = _libraries(control)
    by_thread = [lib for lib in found if getattr(lib, "threading_layer", "") == "openmp"]
    shared = [lib for lib in found if lib not in by_thread]
    earlier = [(lib, lib.num_threads) for lib in by_thread]
    for lib in by_thread:
        lib.set_num_threads(threads)
    with _LOCK:
        if not _wanted:
            _before[:] = [(lib, lib.num_threads) for lib in shared]
        _wanted[own] = threads
        _set((lib, threads) for lib in shared)
    try:
        yield
    finally:
        with _LOCK:
            del _wanted[own]
            number = next(reversed(_wanted.values()), None)
            _set((lib, before if number is None else number) for lib, before in _before)
        for lib, before in earlier:
            lib.set_num_threads(before)


@cache
def _libraries(control: ModuleType) -> list[Any]:
    """The libraries of this process; to look for them takes as long as a small forward pass."""
    return list(control.ThreadpoolController().select(user_api="blas").lib_controllers)


def _set(numbers: Iterable[tuple[Any, int]]) -> None:
    """Set the threads of libraries, whichever thread has set them last."""
    for lib, threads in numbers:
        # threadpoolctl (3.7) ignores all threads but the one that was the first to set a number.
        release = getattr(lib, "clear_controlling_thread", None) or (lambda **_: None)
        release(force=True)
        lib.set_num_threads(threads)
        release(force=True)


def check_threads(where: str, threads: object) -> int:
    """Check a number of threads."""
    return check_size(where, "threads", threads, "Use threads=1; None leaves them alone.")


def controller(where: str) -> ModuleType:
    """threadpoolctl, which sets the number of threads."""
    expected = "threads= is set with threadpoolctl, which must be installed"
    advice = "Use: pip install npstack[cluster], or threads=None, which leaves them alone."
    return optional_package(where, "threadpoolctl", expected, advice)
