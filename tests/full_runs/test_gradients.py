"""A slice of the 300 random stacks, and the committed figures of all of them."""

import pytest

from tests.full_runs.gradients import STACKS, draw, figures, require
from tests.tools.provenance import read_evidence

SLICE = range(0, 60, 10)


@pytest.fixture(scope="module")
def evidence():
    return read_evidence("gradients")


@pytest.mark.slow
def test_a_slice_passes_and_agrees_with_the_full_run(evidence):
    reports = [draw(seed) for seed in SLICE]
    for seed, report in zip(SLICE, reports, strict=True):
        assert report.passed, f"seed {seed}\n{report}"
    found = figures(reports)["worst_of_each_stack_in_eps"]
    full = [evidence["worst_of_each_stack_in_eps"][seed] for seed in SLICE]
    for here, there in zip(found, full, strict=True):  # another BLAS rounds otherwise
        assert here <= max(64, 8 * there)
        assert there <= max(64, 8 * here)


def test_the_full_run_is_whole_and_below_the_bar(evidence):
    assert evidence["stacks"] == STACKS
    require(evidence)
