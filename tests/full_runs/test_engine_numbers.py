"""Slices of the run that holds every engine to extended precision, and its committed figures."""

import pytest

from tests.full_runs import engine_numbers
from tests.full_runs.engine_numbers import STACKS, check, figures, require
from tests.tools.provenance import read_evidence

NEARLY_CLOSED = 86  # a stack with a gate whose digits the engines' sigmoid loses


def test_a_quick_slice():
    found = figures([check(number) for number in (NEARLY_CLOSED, *range(7, STACKS, 160))])
    require(found)
    assert len(found["by the sigmoid of the engines"]) == 1


@pytest.mark.slow
def test_a_slice():
    require(figures([check(number) for number in range(3, STACKS, 13)]))


def test_an_error_that_is_not_rounding_is_found(monkeypatch):
    def wrong(trial, engine, *change):
        found = numbers(trial, engine, *change)
        if engine == engine_numbers.ENGINES["wavefront"]:
            found["outputs"] = found["outputs"] * (1 + 1e-4)
        return found

    numbers = engine_numbers.numbers
    monkeypatch.setattr(engine_numbers, "numbers", wrong)
    with pytest.raises(AssertionError, match="wavefront: outputs"):
        require(figures([check(7)]))


def test_the_full_run_is_whole_and_meets_the_bar():
    evidence = read_evidence("engine_numbers")
    assert evidence["stacks"] == STACKS
    require(evidence)
