"""The memory of the machine, and refusing jobs that would need more."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from npstack.core.errors import ArgumentError, fail

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

UNKNOWN = 2**36  # bytes, if the system does not report its memory
CONTAINER = Path("/sys/fs/cgroup/memory.max")


def available() -> int:
    """The largest memory that this process can have, in bytes."""
    limits = []
    with suppress(AttributeError, ValueError, OSError):  # not every system says it
        limits.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    with suppress(ValueError, OSError):  # "max" is no limit
        limits.append(int(CONTAINER.read_text(encoding="ascii")))
    if resource is not None:
        limits.append(resource.getrlimit(resource.RLIMIT_AS)[0])
    return min((limit for limit in limits if limit > 0), default=UNKNOWN)


def afford(where: str, what: str, need: int, advice: str) -> None:
    """Refuse a job that needs more memory than there is.

    Parameters
    ----------
    where : str
    what : str
        The object that needs it, with its size.
    need : int
        Bytes that are certainly needed.
    advice : str

    Examples
    --------
    >>> afford("npstack check", "a stack of 12 parameters", 96, "Take fewer.")
    """
    have = available()
    if need > have:
        expected = f"{what} must fit into the memory of this machine, {size(have)}"
        fail(ArgumentError, where, expected, f"a need of {size(need)}", advice)


def size(count: int) -> str:
    """Bytes in a readable unit.

    Examples
    --------
    >>> size(512), size(24_700_000_000), size(10**40)
    ('512 bytes', '24.7 GB', 'more than 1,000 YB')
    """
    units = ("bytes", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB")
    for k, unit in enumerate(units):
        if count < 1000 ** (k + 1):
            return f"{count / 1000**k:.3g} {unit}"
    return "more than 1,000 YB"


def lstm_numbers(inputs: int, sizes: Iterable[int]) -> int:
    """The number of parameters of a stack of LSTMs: 4H(D + H + 1) for each layer.

    Examples
    --------
    >>> from npstack import StackedLSTM
    >>> import numpy as np
    >>> stack = StackedLSTM(2, [4, 3], rng=np.random.default_rng(0))
    >>> lstm_numbers(2, [4, 3]), sum(value.size for value in stack.params.values())
    (208, 208)
    """
    total = 0
    for H in sizes:
        total += 4 * H * (inputs + H + 1)
        inputs = H
    return total
