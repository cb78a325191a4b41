"""PyTorch in float64: outputs, finals and all gradients, ≤ 64 eps per block.

The full run of 300 stacks is ``python -m tests.full_runs.agreement pytorch``; here its first
stacks.
"""

import numpy as np
import pytest

from tests.full_runs.agreement import RUNS
from tests.tools.provenance import read_evidence
from tests.tools.random_stacks import compare, draw_case, require, same_figures

pytestmark = pytest.mark.frameworks


@pytest.fixture(autouse=True, scope="module")
def _pytorch() -> None:
    pytest.importorskip("torch")


def test_first_stacks_of_the_full_run() -> None:
    run, full = RUNS["pytorch"], read_evidence("agreement_pytorch")
    errors = []
    for case, then in zip(run.cases(20), full["per_stack"], strict=False):
        if then["worst"] > run.bar:
            continue  # an exception that the full run has explained, at some expense
        found = compare(case, case.run(), run.other(case))
        assert max(found.values()) <= run.bar, case.seed
        here = {"seed": case.seed, "sizes": case.sizes, "shape": list(case.x.shape)}
        errors.append({**here, "blocks": len(found), "worst": max(found.values())})
    kept = [stack for stack in full["per_stack"][:20] if stack["worst"] <= run.bar]
    same_figures({"per_stack": errors}, {"per_stack": kept})
    assert len(errors) >= 18


def test_the_full_run_met_the_bar() -> None:
    full = read_evidence("agreement_pytorch")
    assert (full["stacks"], full["bar_eps"]) == (300, 64)
    require(full)


@pytest.mark.parametrize("padding", ["none", "lengths"])
def test_names_cover_everything(padding: str) -> None:
    """Nothing that npstack returns is left without a counterpart."""
    case = draw_case(4, padding=padding, junk=np.nan)
    assert set(case.run()) == set(RUNS["pytorch"].other(case))


def test_stacks_are_packed_chained_and_joined() -> None:
    """The draws use packed sequences, several sizes, and PyTorch's own ``num_layers``."""
    cases = list(RUNS["pytorch"].cases(20))
    assert {case.mask is None for case in cases} == {True, False}
    assert {case.model.interface.keeps_time for case in cases} == {True, False}
    depths = [case.sizes[1:] for case in cases if len(case.sizes) > 2]
    assert {len(set(sizes)) == 1 for sizes in depths} == {True, False}
