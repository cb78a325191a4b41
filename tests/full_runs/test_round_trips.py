"""Slices of the round trips; the full run is ``python -m tests.full_runs.round_trips``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.full_runs.round_trips import COUNT, FRAMEWORKS, Framework, require
from tests.interop.trips import Trip, changed, figures, judged, kernels_changed
from tests.tools.other_programs import KERAS_COPY_WARNING
from tests.tools.provenance import read_evidence

pytestmark = [
    pytest.mark.frameworks,
    pytest.mark.filterwarnings("ignore:LSTM with projections"),
    pytest.mark.filterwarnings(KERAS_COPY_WARNING),
]
SLICE = {"pytorch": 40}  # of JAX few, which compiles each


@pytest.fixture(params=FRAMEWORKS)
def name(request: pytest.FixtureRequest) -> str:
    for package in FRAMEWORKS[request.param].packages:
        pytest.importorskip(package)
    return str(request.param)


def test_the_first_round_trips(name: str) -> None:
    found = figures(FRAMEWORKS[name].run(SLICE.get(name, 6)))
    require(found)
    assert found["blocks"] >= 4 * found["configurations"]


def test_the_full_run_met_the_bar(name: str) -> None:
    full = read_evidence(f"round_trips_{name}")
    assert full["configurations"] == COUNT
    require(full)
    assert sum(full["options"]["dtype"].values()) == COUNT


# ---- the comparison can fail ---------------------------------------------------------------------


def trip(name: str, wanted: Callable[[Trip], bool]) -> Trip:
    pytest.importorskip("torch")
    own: Framework = FRAMEWORKS[name]
    return next(made for made in map(own.draw, range(100)) if wanted(made))


def biased_lstm(own: Trip) -> bool:
    shape = own.recorded.x.shape
    return (
        own.options["layer"] == "LSTM"
        and own.pairs is not None
        and shape[1] > 2
        and any("bias" in name for name in own.arrays)
    )


def rolled(arrays: Any) -> dict[str, np.ndarray]:
    """Every gate in the place of the next."""
    return {
        name: np.roll(own, len(own) // 4, axis=0) if "_hr_" not in name else own
        for name, own in arrays.items()
    }


def test_a_wrong_order_of_gates_is_noticed() -> None:
    own = trip("pytorch", biased_lstm)
    found = judged(replace(own, arrays=rolled(own.arrays)), 0)
    assert any("outputs" in fault and "explained=False" in fault for fault in found.faults)


def test_other_bits_of_the_framework_are_noticed() -> None:
    own = trip("pytorch", biased_lstm)

    def nudged(arrays: Any) -> Any:
        name = "weight_hh_l0"
        return own.back({**arrays, name: np.nextafter(arrays[name], 1, dtype=arrays[name].dtype)})

    found = judged(replace(own, back=nudged), 0)
    assert any("computes another outputs" in fault for fault in found.faults)


@pytest.mark.parametrize("seed", [0, 1])
def test_biases_of_another_convention_are_noticed(seed: int) -> None:
    own = trip("pytorch", biased_lstm)
    assert own.pairs is not None
    pairs = own.pairs

    def swapped(arrays: Any) -> Any:
        return [pair._replace(b=pair.b_recurrent, b_recurrent=2 * pair.b) for pair in pairs(arrays)]

    assert not judged(own, seed).faults
    assert any("convention" in fault for fault in judged(replace(own, pairs=swapped), seed).faults)


def test_changed_arrays_are_noticed() -> None:
    own = trip("pytorch", lambda made: made.options["layer"] == "GRU")
    name = next(iter(own.arrays))

    other = {**own.arrays, name: own.arrays[name] + 1}
    assert list(changed(own.arrays, other)) == [f"{name} has other bits"]
    assert list(kernels_changed(own, other)) == [f"{name} has other bits"]
    less = {key: value for key, value in own.arrays.items() if key != name}
    assert list(changed(own.arrays, less)) == [f"{name} is only before"]
    negative = {name: -np.zeros(3)}
    assert list(changed({name: np.zeros(3)}, negative)) == [f"{name} has other bits"]
