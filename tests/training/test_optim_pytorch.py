"""Optimisers and schedules compared with PyTorch's, step by step."""

import warnings

import numpy as np
import pytest

from npstack import WarmUp
from tests.full_runs.optimisers import SETTINGS, STEPS, ours, scheduler_of, theirs
from tests.tools.provenance import read_evidence
from tests.training.test_schedules import SCHEDULES

pytestmark = pytest.mark.frameworks
torch = pytest.importorskip("torch")


@pytest.mark.parametrize("name", SETTINGS)
def test_pytorch_takes_the_same_steps_today(name):
    then = read_evidence("optimisers")["parameters"][name]
    for step, (found, reference) in enumerate(zip(ours(name), theirs(name), strict=True), start=1):
        for key, value in found.items():
            np.testing.assert_allclose(value, reference[key], rtol=0, atol=1e-12)
            if step in STEPS:
                kept = then[str(step)][key]
                np.testing.assert_allclose(reference[key], kept, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule_is_pytorchs(name):
    """PyTorch's cosine rises again behind its end; ours stays, so the comparison ends there."""
    schedule = SCHEDULES[name]
    inner = schedule.schedule if isinstance(schedule, WarmUp) else schedule
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=inner.rate)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scheduler = scheduler_of(optimiser, schedule)
        for step in range(60):
            rate = optimiser.param_groups[0]["lr"]
            assert schedule(step) == pytest.approx(rate, rel=1e-12, abs=1e-15), step
            optimiser.step()
            scheduler.step()
