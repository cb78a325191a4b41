"""No right backward is accused, and one entry off is found: slices of the two runs."""

from dataclasses import replace

import pytest

from tests.full_runs import guilty, innocent

QUICK = (5, 9, 15, 19, 29, 39, 457, 914, 1371, 2285, 3199, 3656, 4113, 4570)  # all but PyTorch
NEXT_TO_ZERO = (941, 1474, 1901, 2014, 3351, 4034)  # entries for which relative steps are too short
SLICE = [number for number in range(7, innocent.PROBLEMS, 61) if number % 10 != 2]
PYTORCH = range(2, innocent.PROBLEMS, 250)


def none_accused(numbers):
    found = innocent.figures([innocent.check(number) for number in numbers])
    assert not found["accused"]
    assert found["undecidable"]["at standard scale"] == 0
    assert found["refused at standard scale"] == 0


def slips_are_found(numbers):
    """All, but next to saturated gates, where the check still grants rounding too much."""
    outcomes = [guilty.check(number) for number in numbers]
    assert guilty.figures(outcomes, {})["slips"] >= len(numbers)
    saturated = {o.number for o in outcomes if is_saturated(innocent.draw_problem(o.number).labels)}
    assert saturated != {o.number for o in outcomes}
    assert not [o for o in outcomes if o.missed and o.number not in saturated]


def is_saturated(labels):
    return labels.get("weights") == "x20" or float(labels.get("x", 0)) >= 10


def test_entries_next_to_zero_are_decided():
    for number in NEXT_TO_ZERO:
        assert not innocent.check(number).undecided, number


def test_a_quick_slice():
    none_accused(QUICK)
    slips_are_found([914, 4570])


@pytest.mark.slow
def test_a_slice():
    none_accused(SLICE)
    slips_are_found(SLICE[::8])


@pytest.mark.frameworks
def test_gradients_of_pytorch():
    none_accused(PYTORCH)
    slips_are_found(PYTORCH[::5])


def test_a_backward_that_is_wrong_is_accused(monkeypatch):
    problem = innocent.draw_problem(5)

    def wrong(d, **inputs):
        return {name: 1.001 * value for name, value in problem.backward(d, **inputs).items()}

    monkeypatch.setattr(innocent, "draw_problem", lambda number: replace(problem, backward=wrong))
    found = innocent.figures([innocent.check(5)])
    with pytest.raises(AssertionError, match="WRONG"):
        innocent.require(found)


def test_a_slip_that_is_not_noticed_is_missed(monkeypatch):
    monkeypatch.setattr(guilty, "spoil", lambda problem, wrong: problem)
    found = guilty.figures([guilty.check(914)], {})
    assert found["missed"]
    with pytest.raises(AssertionError):
        guilty.require(found)
