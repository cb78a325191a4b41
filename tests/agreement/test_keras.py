"""Keras in float32: outputs and final states to 1e-6, masks with holes included.

The full run of 100 stacks is ``python -m tests.full_runs.agreement keras``; here its first stacks.
"""

import numpy as np
import pytest

from tests.agreement.records_keras import keras_held
from tests.full_runs.agreement import FLOAT32_BAR, RUNS
from tests.tools.other_programs import KERAS_COPY_WARNING, import_keras, keras_held_outputs
from tests.tools.provenance import read_evidence
from tests.tools.random_stacks import block_error, draw_case, require, same_figures

pytestmark = [pytest.mark.frameworks, pytest.mark.filterwarnings(KERAS_COPY_WARNING)]


@pytest.fixture(autouse=True, scope="module")
def _keras() -> None:
    pytest.importorskip("torch")
    try:
        import_keras()
    except ModuleNotFoundError as reason:
        pytest.skip(str(reason))


def test_first_stacks_of_the_full_run() -> None:
    part = RUNS["keras"].figures(8)
    assert part["above_bar_not_explained"] == 0, part["exceptions"]
    same_figures(part, read_evidence("agreement_keras"))


def test_the_full_run_met_the_bar() -> None:
    full = read_evidence("agreement_keras")
    assert (full["stacks"], full["bar_eps"]) == (100, FLOAT32_BAR)
    require(full)


def test_masked_outputs_are_repeated_by_keras_and_zero_here() -> None:
    """Keras' default at masked steps is npstack's held state (zero before the first valid step);
    with ``zero_output_for_mask`` it is npstack's output."""
    options = {"padding": "holes", "dtype": np.float32, "junk": 7.0, "max_layers": 2}
    cases = [draw_case(seed, **options) for seed in range(12)]
    cases = [case for case in cases if case.mask is not None and not case.mask.all()]
    assert len(cases) >= 4
    repeated = 0
    for case in cases:
        top = case.forward().layers[-1]
        held = keras_held(top).astype(np.float32)
        error = block_error(keras_held_outputs(case), held, float(np.finfo(np.float32).eps))
        assert error <= FLOAT32_BAR
        repeated += bool(held[~case.mask].any())
    assert repeated >= 3
