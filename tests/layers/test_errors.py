"""Wrong calls: each says what was expected, what came and what to do, and changes nothing.

The table is `tests.layers.wrong_calls`. The messages in full are listed in
``tests/layers/errors.txt``, which ``python -m tests.layers.test_errors`` writes.
"""

import re
from pathlib import Path

import numpy as np
import pytest

from npstack import NpstackError
from npstack.verify.laws.trial import named
from tests.layers.wrong_calls import GROUPS, WRONG_CALLS, world

pytestmark = pytest.mark.core
LISTING = Path(__file__).with_name("errors.txt")


def everything(w):
    """All arrays of `World` by name, as bytes."""
    arrays = {}
    for name, value in vars(w).items():
        if isinstance(value, np.ndarray):
            arrays[name] = value
        elif hasattr(value, "forward"):
            arrays |= {f"{name}.{key}": array for key, array in value.params.items()}
        elif hasattr(value, "outputs"):
            arrays |= named(name, (value.outputs, value.noise, *(t.states for t in value.layers)))
    return {name: array.tobytes() for name, array in arrays.items()}


@pytest.mark.parametrize("name", WRONG_CALLS)
def test_wrong_call_is_explained_and_changes_nothing(name):
    call, (error, *words) = WRONG_CALLS[name]
    w = world()
    before = everything(w)
    with pytest.raises(error) as raised:
        call(w)
    message = str(raised.value)
    for word in words:
        assert word in message
    assert everything(w) == before
    if issubclass(error, NpstackError):  # where: what was expected, got what came. What to do.
        assert re.fullmatch(r"[\w., ]+: .+, got .+\. \S.+[.?…]", message, re.DOTALL)


def listing():
    """Every wrong call with all that it says."""
    for name, (call, (error, *_)) in WRONG_CALLS.items():
        if issubclass(error, NpstackError):
            with np.errstate(all="ignore"), pytest.raises(error) as raised:
                call(world())
            yield f"{name}\n    {error.__name__}: {raised.value}\n"


def test_every_message_is_the_listed_one():
    listed = LISTING.read_text(encoding="utf-8")
    assert "\n".join(listing()) == listed


def test_there_are_at_least_forty_wrong_calls():
    assert len(WRONG_CALLS) >= 40
    assert sum(map(len, GROUPS)) == len(WRONG_CALLS)  # no name stands twice


if __name__ == "__main__":
    LISTING.write_text("\n".join(listing()), encoding="utf-8")
