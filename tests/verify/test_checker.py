"""The power of the gradient check: every wrong backward is caught, as the table says."""

import numpy as np
import pytest

from tests.full_runs.checker_power import Problem, caught, measured_misses, miss_probability
from tests.tools.provenance import read_evidence
from tests.verify.wrong_backwards import WRONG

SLICE = WRONG[::7]


@pytest.mark.core
@pytest.mark.parametrize("dtype_scale", [(np.float64, 1.0), (np.float32, 1.0), (np.float64, 1e-30)])
def test_a_right_backward_passes(dtype_scale):
    problem = Problem(
        WRONG[0]._replace(spoil=lambda layer: None, dtype=dtype_scale[0], scale=dtype_scale[1])
    )
    assert all(problem.check(route) for route in ("complex", "difference", "direction"))


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.name)
def test_every_wrong_backward_is_caught_by_complex_step(wrong):
    assert not Problem(wrong).check("complex")


@pytest.mark.slow
@pytest.mark.parametrize("wrong", SLICE, ids=lambda wrong: wrong.name)
def test_the_committed_table_is_true(wrong):
    table, found = dict(read_evidence("checker")["table"][wrong.name]), caught(wrong)
    if wrong.name == "float32 on the way":  # for differences, the processor's rounding decides
        table["difference"] = found["difference"]
    assert found == table


def test_the_committed_table_is_whole():
    evidence = read_evidence("checker")
    assert list(evidence["table"]) == ["nothing wrong", *(wrong.name for wrong in WRONG)]
    assert evidence["wrong backwards"] == len(WRONG) >= 20


def test_one_direction_misses_as_often_as_predicted():
    (row,) = measured_misses([1e-13], 300)
    assert row["predicted"] == miss_probability(1e-13, 64 * np.finfo(float).eps)
    assert row["measured"] == pytest.approx(row["predicted"], abs=0.06)
