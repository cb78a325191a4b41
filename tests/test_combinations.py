"""Every cell in every wrapper: a slice of the full run, which met the bar."""

import pytest

from npstack.cells import CELLS
from tests.full_combinations import WRAPPERS, check, require
from tests.provenance import read_evidence


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_gradients_are_right_in_every_wrapper(cell, wrapper):
    for how, report in check(cell, wrapper, 0):
        wrong = [row for row in report.failures if row.verdict != "undecidable"]
        assert not wrong, f"{how}\n{report}"


def test_the_full_run_met_the_bar():
    full = read_evidence("combinations")
    assert set(full["worst_in_eps"]) == set(CELLS)
    assert all(set(row) == set(WRAPPERS) for row in full["worst_in_eps"].values())
    require(full)
