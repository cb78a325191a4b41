"""How a tape was made: by which engine, and with which libraries."""

from __future__ import annotations

from typing import NamedTuple


class Ran(NamedTuple):
    """How a tape was made.

    Attributes
    ----------
    kind : str
        "readable", "fused" or "wavefront"; several, joined by " and ", if its layers differ.
    threads : int or None
        Threads that were asked for; None if they were left as they are.
    why : str
        Why it was the readable path, if another was asked for.
    numpy, blas : str
        Versions, empty for the readable path.
    """

    kind: str = "readable"
    threads: int | None = None
    why: str = ""
    numpy: str = ""
    blas: str = ""
