"""How many threads the matrix products of NumPy run on, for a while."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from types import ModuleType
from typing import Any

from npstack.core.arguments import check_size
from npstack.core.errors import MissingPackageError, fail

_LOCK = Lock()
_wanted: dict[object, int] = {}  # by the block that asked, in this process; the last one holds
_before: list[Any] = []  # what held before the first of them


@contextmanager
def blas_threads(where: str, threads: int | None) -> Iterator[None]:
    """Run a block with so many threads of BLAS; with None they are left alone.

    The number is one for the whole process. If several blocks run at once, in threads or one inside
    another, that of the last one holds; after all of them, the number before the first.

    Raises
    ------
    MissingPackageError
        The threads can be set with threadpoolctl only, and it is not installed.
    """
    if threads is None:
        yield
        return
    threads, control, own = check_threads(where, threads), controller(where), object()
    with _LOCK:
        limit = control.threadpool_limits(threads, user_api="blas")
        if not _wanted:
            _before[:] = [limit]
        _wanted[own] = threads
    try:
        yield
    finally:
        with _LOCK:
            del _wanted[own]
            if _wanted:
                control.threadpool_limits(list(_wanted.values())[-1], user_api="blas")
            else:
                _before.pop().restore_original_limits()


def check_threads(where: str, threads: object) -> int:
    """Check a number of threads."""
    return check_size(where, "threads", threads, "Use threads=1; None leaves them alone.")


def controller(where: str) -> ModuleType:
    """threadpoolctl, which sets the number of threads."""
    try:
        return importlib.import_module("threadpoolctl")
    except ImportError:
        expected = "threads= is set with threadpoolctl, which must be installed"
        advice = "Use: pip install npstack[cluster], or threads=None, which leaves them alone."
        fail(MissingPackageError, where, expected, "no such package", advice)
