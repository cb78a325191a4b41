"""How many bytes a call takes."""

import gc
import sys
import tracemalloc
from collections.abc import Callable

import pytest


def peak_bytes(call: Callable[[], object]) -> int:
    """The most that a call takes at one time; skips the test under a tracer, which takes bytes."""
    if sys.gettrace():
        pytest.skip("a tracer takes memory of its own")
    gc.collect()  # the collector begins to count here, whatever ran before
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
