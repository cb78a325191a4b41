"""The messages of wrong calls in training, in full: ``errors_learning.txt``.

``python -m tests.training.test_errors_learning`` writes the listing.
"""

import re
from pathlib import Path

import numpy as np
import pytest

from npstack import NpstackError
from tests.data import test_scaling_ends, test_windowing_refused
from tests.training import (
    test_bptt_refused,
    test_clipping_ends,
    test_cluster_refused,
    test_fit_refused,
    test_losses_refused,
    test_optim_refused,
    test_schedules,
)

pytestmark = pytest.mark.core
LISTING = Path(__file__).with_name("errors_learning.txt")
TABLES = {
    "losses": test_losses_refused.REFUSED,
    "optimisers": test_optim_refused.REFUSED,
    "gradients and parameters": test_clipping_ends.REFUSED,
    "schedules": test_schedules.REFUSED,
    "fit": test_fit_refused.REFUSED,
    "truncated and stateful training": test_bptt_refused.REFUSED,
    "sharded gradients": test_cluster_refused.SHARDED,
    "sweeps": test_cluster_refused.SWEEPS,
    "windows": test_windowing_refused.REFUSED,
    "scalers": test_scaling_ends.REFUSED,
}


def listing():
    """Every wrong call with all that it says."""
    for title, table in TABLES.items():
        yield f"# {title}\n"
        for name, (call, *_) in table.items():
            with np.errstate(all="ignore"), pytest.raises(NpstackError) as raised:
                call()
            yield f"{name}\n    {type(raised.value).__name__}: {raised.value}\n"


def test_every_message_is_the_listed_one():
    assert "\n".join(listing()) == LISTING.read_text(encoding="utf-8")


@pytest.mark.parametrize("line", re.findall(r"Error: (.*)", LISTING.read_text(encoding="utf-8")))
def test_every_message_says_where_what_was_expected_what_came_and_what_to_do(line):
    assert re.fullmatch(r"\w+(\.\w+)?: .+ (must|needs) .+, got .+\. \S.+[.?]", line)


if __name__ == "__main__":
    LISTING.write_text("\n".join(listing()), encoding="utf-8")
