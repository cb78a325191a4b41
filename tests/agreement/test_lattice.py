"""The lattices: configurations are drawn by seed, and what fails becomes as small as it can.

No framework is needed here; ``tests/agreement/test_lattice_frameworks.py`` runs slices of the full
runs.
"""

from __future__ import annotations

import importlib
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from tests.agreement.lattice.config import Config, shrink, smaller, sound
from tests.agreement.lattice.judging import Framework, Pair, figures, require, run
from tests.agreement.lattice.models import GRID, make_case, values
from tests.full_runs.lattice import NAMES, framework
from tests.tools.random_stacks import Case


@pytest.mark.parametrize("name", NAMES)
def test_a_seed_means_one_configuration(name: str) -> None:
    lattice = framework(name)
    first, again = ([lattice.draw(seed) for seed in range(20)] for _ in range(2))
    assert first == again
    assert len({config.fingerprint for config in first}) == 20
    assert lattice.draw(0, attempt=1) != lattice.draw(0)


@pytest.mark.parametrize("name", NAMES)
def test_every_value_of_every_option_is_drawn(name: str) -> None:
    lattice = framework(name)
    drawn = [lattice.draw(seed) for seed in range(400)]
    for field in fields(Config):
        wanted = set(lattice.choices.get(field.name, ()))
        if name == "onnxruntime" and field.name == "merge":
            continue
        assert wanted <= {getattr(config, field.name) for config in drawn}, field.name
    assert {len(config.sizes) for config in drawn} == set(lattice.choices.get("layers", (1,)))
    assert any(1 in config.sizes for config in drawn)
    assert set(lattice.choices.get("extra", ())) <= {e for c in drawn for e in c.extras}


@pytest.mark.parametrize("name", NAMES)
def test_what_is_allowed_stays_so_and_becomes_no_larger(name: str) -> None:
    allowed = framework(name).allowed
    for config in map(framework(name).draw, range(40)):
        assert allowed(config) == config
        for less in map(allowed, smaller(config)):
            assert allowed(less) == less


def test_shrinking_leaves_what_the_failure_needs() -> None:
    def fails(config: Config) -> bool:
        return config.peepholes and config.steps >= 3 and config.directions == "both"

    large = [framework("onnxruntime").draw(seed) for seed in range(400)]
    failing = [config for config in large if fails(config)]
    assert len(failing) > 10
    for config in failing[:4]:
        least = Config(config.seed, steps=3, directions="both", peepholes=True)
        assert shrink(config, fails) == least


def test_shrinking_reduces_sizes_layers_and_activations_one_by_one() -> None:
    def fails(config: Config) -> bool:
        names = [a.name for own in config.activations for a in own]
        return len(config.sizes) == 2 and config.sizes[1] >= 3 and "elu" in names

    draws = map(framework("keras").draw, range(400))
    config = next(c for c in draws if fails(c) and c.cell == "lstm" and c.steps > 2)
    least = shrink(config, fails)
    assert least.sizes == (1, 3)
    assert [a.name for own in least.activations for a in own].count("elu") == 1
    assert replace(least, sizes=(1,), activations=()) == Config(config.seed)


def test_numbers_of_one_array_depend_on_nothing_else_and_add_exactly() -> None:
    small, large = Config(3), Config(3, steps=4, peepholes=True, initial=True)
    a, b = (make_case(config).model.params["0.W"] for config in (small, large))
    assert np.array_equal(a, b)
    x = values(small, "x", (100,), 2.0)
    assert np.array_equal(np.round(x / GRID) * GRID, x)
    assert np.array_equal(x.astype("f4"), x)


# ---- against npstack itself, with a fault ------------------------------------------------------


def against_itself(tamper: Any) -> Framework:
    """npstack's model on one side, and on the other the same with a fault."""

    def pair(config: Config) -> Pair:
        case = make_case(config)
        return Pair(case, case.run(), tamper(case).run())

    lattice = framework("pytorch")
    return replace(lattice, pair=pair, choices={**lattice.choices, "cell": ("lstm",)})


def without_mask(case: Case) -> Case:
    return replace(case, mask=None)


def gates_swapped(case: Case) -> Case:
    """Other numbers in the model: the gates of each bias in another order."""
    model = make_case(Config(0)).model if case is None else case.model
    params = {
        n: a.reshape(4, -1)[::-1].ravel() if n.endswith(".b") else a
        for n, a in model.params.items()
    }
    return replace(case, model=Renamed(model, params))


class Renamed:
    """A model that always runs with other parameters than it shows."""

    def __init__(self, model: Any, params: dict[str, np.ndarray]) -> None:
        self.model, self.params, self.interface = model, params, model.interface

    def forward(self, *given: Any, **options: Any) -> Any:
        return self.model.forward(*given, **options)

    def backward(self, *given: Any) -> Any:
        return self.model.backward(*given)


def test_nothing_differs_from_itself() -> None:
    lattice = against_itself(lambda case: case)
    found = figures(lattice, list(run(lattice, 20)))
    assert found["quantiles_eps"]["1"] == 0
    require(found)


def test_a_dropped_mask_is_noticed_reduced_and_told() -> None:
    lattice = against_itself(without_mask)
    small = {"layers": (1,), "steps": (3, 4), "batch": (1,), "padding": ("lengths",)}
    lattice = replace(lattice, choices={**lattice.choices, **small})
    found = figures(lattice, list(run(lattice, 4)))
    assert found["above_bar_not_explained"] > 0
    with pytest.raises(AssertionError):
        require(found)
    for reduced in found["reduced"]:
        least = reduced["smallest"]
        assert least.keys() == {"seed", "steps", "padding"}
        assert least["steps"] <= 3


def test_a_wrong_order_of_gates_is_noticed_and_reduced_to_one_unit() -> None:
    lattice = against_itself(gates_swapped)
    config = next(c for c in map(lattice.draw, range(20)) if c.bias and max(c.sizes) > 2)
    assert lattice.fault(config)
    assert lattice.smallest(config)["smallest"] == {"seed": config.seed}


def test_an_exception_is_a_failure() -> None:
    def pair(config: Config) -> Pair:
        if config.peepholes:
            raise IndexError("of theirs")
        case = make_case(config)
        return Pair(case, case.run(), case.run())

    lattice = replace(framework("onnxruntime"), pair=pair, choices={"peepholes": (True,)})
    found = figures(lattice, list(run(lattice, 1)))
    assert found["reduced"] == [
        {"smallest": {"seed": 0, "peepholes": True}, "fault": "IndexError: of theirs"}
    ]


def test_what_is_not_compared_is_a_failure() -> None:
    def pair(config: Config) -> Pair:
        case = make_case(config)
        return Pair(case, case.run(), {"outputs": case.run()["outputs"]})

    assert "not compared" in replace(framework("pytorch"), pair=pair).fault(Config(0))


def test_modules_of_frameworks_can_be_imported_without_them() -> None:
    for name in NAMES:
        assert importlib.import_module(f"tests.agreement.lattice.{name}").FRAMEWORK.count >= 200


def test_options_without_meaning_are_left_out() -> None:
    wanted = Config(0, cell="rnn", sizes=(3,))
    assert sound(Config(0, cell="rnn", sizes=(3,), projection=2, clip=1.0, merge="sum")) == wanted
