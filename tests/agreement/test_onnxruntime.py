"""onnxruntime in float32: outputs and final states to 1e-6, sequence lengths included.

The full run of 300 models is ``python -m tests.full_runs.agreement onnxruntime``; here its first
ones. Lengths begin at 1: for a row of length 0 onnxruntime returns zeros where npstack passes the
initial state through, a difference of convention that the last test pins down.
"""

import numpy as np
import pytest

from tests.full_runs.agreement import FLOAT32_BAR, RUNS
from tests.tools.other_programs import onnxruntime_results
from tests.tools.provenance import read_evidence
from tests.tools.random_stacks import draw_case, require, same_figures

pytestmark = pytest.mark.frameworks


@pytest.fixture(autouse=True, scope="module")
def _onnxruntime() -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")


def test_first_models_of_the_full_run() -> None:
    part = RUNS["onnxruntime"].figures(30)
    assert part["above_bar_not_explained"] == 0, part["exceptions"]
    same_figures(part, read_evidence("agreement_onnxruntime"))


def test_the_full_run_met_the_bar() -> None:
    full = read_evidence("agreement_onnxruntime")
    assert (full["stacks"], full["bar_eps"]) == (300, FLOAT32_BAR)
    require(full)


def test_a_row_of_length_zero() -> None:
    from dataclasses import replace

    case = draw_case(2, dtype=np.float32, max_layers=1)
    case = replace(case, mask=np.zeros(case.x.shape[:2], bool))
    theirs = onnxruntime_results(case)
    tape = case.forward()
    assert not theirs["final.0.h"].any()
    assert np.array_equal(tape.final[0].h, case.states[0].h)
    assert tape.final[0].h.any()
