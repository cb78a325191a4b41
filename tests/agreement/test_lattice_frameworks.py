"""Slices of the lattices; the full runs are ``python -m tests.full_runs.lattice``."""

from __future__ import annotations

import importlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from npstack.layers import Interface
from tests.agreement.lattice.config import Config
from tests.agreement.lattice.judging import Framework, Pair, Result, figures, require, run
from tests.full_runs.lattice import NAMES, framework
from tests.specification.keras_runs import keras_or_skip
from tests.tools.other_programs import KERAS_COPY_WARNING
from tests.tools.provenance import read_evidence
from tests.tools.random_stacks import Case

pytestmark = [pytest.mark.frameworks, pytest.mark.filterwarnings(KERAS_COPY_WARNING)]
SLICES = {"pytorch": 300, "onnxruntime": 400, "keras": 120, "flax": 10}


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    if request.param == "keras":
        keras_or_skip()  # on the backend that the lattice uses
    for package in framework(request.param).packages:
        pytest.importorskip(package)
    return str(request.param)


def same_line(now: str, then: str, bar: float) -> None:
    """The same seed, configuration and number of blocks, and errors on the same side of the bar.

    Another processor sums in another order: 12 eps on one machine can be 0 on the next.
    """
    (*config, worst), (*recorded, was) = now.split(), then.split()
    assert config == recorded
    assert float(worst) <= bar
    assert float(was) <= max(bar, 4 * float(worst) + 8)


def test_a_slice_agrees_and_is_the_beginning_of_the_full_run(name: str) -> None:
    lattice = framework(name)
    results = list(run(lattice, SLICES[name]))
    found = figures(lattice, results)
    assert found["above_bar_not_explained"] == 0, found["reduced"]
    assert found["unbounded"]["above_bar_not_explained"] == 0, found["unbounded"]["reduced"]
    full = read_evidence(f"lattice_{name}")["each"]
    assert len(full) == lattice.count
    for result, then in zip(results, full, strict=False):
        if not result.above:  # what is above the bar was explained, at some expense
            same_line(result.line, then, lattice.bar)


def test_the_full_run_met_the_bar(name: str) -> None:
    full, lattice = read_evidence(f"lattice_{name}"), framework(name)
    assert (full["configurations"], full["bar_eps"]) == (lattice.count, lattice.bar)
    assert full["share_above_allowed"] == lattice.share
    require(full)
    assert sum(full["options"]["cell"].values()) == lattice.count


# ---- the comparison can fail ---------------------------------------------------------------------


def tampered(name: str, change: Any) -> Framework:
    """The lattice whose framework is given a changed case."""
    module = importlib.import_module(f"tests.agreement.lattice.{name}")
    lattice = framework(name)

    def pair(config: Config) -> Pair:
        honest = lattice.pair(config)
        theirs = module.results(config, change(honest.case))
        return Pair(honest.case, honest.ours, theirs)

    return replace(lattice, pair=pair)


def gates_rolled(case: Case) -> Case:
    """The numbers of each gate in the place of the next one's."""
    params = case.model.params
    packed = {n: a for n, a in params.items() if n.endswith((".W", ".U"))}
    rolled = {n: np.roll(a, a.shape[-1] // 4, axis=-1) for n, a in packed.items()}
    return replace(case, model=Shown({**params, **rolled}))


class Shown:
    """What the adapters read of a model."""

    interface = Interface()

    def __init__(self, params: dict[str, np.ndarray]) -> None:
        self.params = params


def first(lattice: Framework, wanted: Any) -> Config:
    return next(config for config in map(lattice.draw, range(200)) if wanted(config))


def test_a_wrong_order_of_gates_is_noticed(name: str) -> None:
    lattice = tampered(name, gates_rolled)
    config = first(lattice, lambda c: c.cell == "lstm" and not c.coupled and min(c.sizes) > 1)
    assert "explained" in lattice.fault(config)
    assert not framework(name).fault(config)


def test_a_dropped_mask_is_noticed(name: str) -> None:
    lattice = tampered(name, lambda case: replace(case, mask=None))

    def wanted(config: Config) -> bool:
        ragged = config.padding in ("lengths", "holes") and config.steps > 4
        return ragged and config.cell == "lstm" and config.batch > 2

    config = first(lattice, wanted)
    assert lattice.fault(config)
    assert not framework(name).fault(config)


def test_a_failure_is_reduced_in_the_framework_itself() -> None:
    pytest.importorskip("torch")
    lattice = tampered("pytorch", gates_rolled)
    config = first(lattice, lambda c: c.cell == "lstm" and len(c.sizes) == 2 and c.initial)
    found = lattice.smallest(config)["smallest"]
    assert found == {"seed": config.seed}, found


def test_results_have_lines() -> None:
    line = Result(Config(3), 0, {"outputs": 1.23456, "final.0.h": 0.0}, []).line
    assert line.split()[2:] == ["2", "1.23"]
