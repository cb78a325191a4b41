"""Every cell in every wrapper: a slice of the full run, which met the bar."""

import pytest

from tests.full_runs.combinations import CELL_NAMES, LEFT_OUT, WRAPPERS, check, require
from tests.tools.provenance import read_evidence


def slice_of_the_run():
    """Every cell and every wrapper, a tenth of all pairs."""
    pairs = [(cell, wrapper) for cell in CELL_NAMES for wrapper in WRAPPERS]
    return [pair for pair in pairs[::10] if pair not in LEFT_OUT]


@pytest.mark.slow
@pytest.mark.parametrize(("cell", "wrapper"), slice_of_the_run())
def test_gradients_are_right_in_every_wrapper(cell, wrapper):
    for how, report in check(cell, wrapper, 0):
        wrong = [row for row in report.failures if row.verdict != "undecidable"]
        assert not wrong, f"{how}\n{report}"


def test_the_slice_has_every_cell_and_every_wrapper():
    cells, wrappers = zip(*slice_of_the_run(), strict=True)
    assert (set(cells), set(wrappers)) == (set(CELL_NAMES), set(WRAPPERS))


def test_the_full_run_met_the_bar():
    full = read_evidence("combinations")
    assert set(full["worst_in_eps"]) == set(CELL_NAMES)
    assert all(
        {(cell, wrapper) for wrapper in WRAPPERS} - LEFT_OUT == {(cell, wrapper) for wrapper in row}
        for cell, row in full["worst_in_eps"].items()
    )
    require(full)
