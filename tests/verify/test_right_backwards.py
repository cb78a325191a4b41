"""What the runs over right backwards draw, and what they do with it."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from tests.verify.right_backwards.catalogue import draw_problem
from tests.verify.right_backwards.confirm import STEP, confirm
from tests.verify.right_backwards.problem import WEIGHTS
from tests.verify.right_backwards.spoilt import Slip, gradient_of, spoil

DRAWN = 240
NUMBERS = [number for number in range(DRAWN) if number % 10 != 2]  # PyTorch is not needed here


@pytest.fixture(scope="module")
def problems():
    with np.errstate(all="ignore"):
        return [draw_problem(number) for number in NUMBERS]


def labels(problems, name):
    return [problem.labels[name] for problem in problems if name in problem.labels]


def test_every_family_is_drawn_and_weights_come_in_equal_shares(problems):
    families = {problem.family for problem in problems}
    assert families == {"own", "by hand", "invariant", "edges", "extremes"}
    shares = [labels(problems, "weights").count(each) for each in WEIGHTS]
    assert min(shares) >= 0.9 * max(shares)
    dtypes = labels(problems, "dtype")
    assert 0.35 < dtypes.count("float32") / len(dtypes) < 0.65


def test_settings_reach_their_ends(problems):
    sizes = [float(size) for size in labels(problems, "x")]
    assert min(sizes) < 1e-300
    assert max(sizes) >= 1e3
    assert max(map(float, labels(problems, "T"))) == 500
    assert max(map(float, labels(problems, "H"))) == 64
    assert 0.1 < np.mean([problem.standard for problem in problems]) < 0.5


def test_all_styles_and_cells_are_drawn(problems):
    names = [problem.name.split(", ") for problem in problems if problem.family == "by hand"]
    assert {name[0] for name in names} == {"LSTM", "GRU", "RNN"}
    assert {name[1] for name in names} == {
        "buffers",
        "in place",
        "dict",
        "tuple",
        "float32",
        "object",
    }


def test_the_same_number_draws_the_same_problem():
    one, two = draw_problem(1), draw_problem(1)
    for a, b in zip(one.by_name().values(), two.by_name().values(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.skipif(STEP is None, reason="longdouble is float64 here")
@pytest.mark.parametrize("number", [5, 9, 19, 21, 39, 99, 161])
def test_every_form_is_right_in_extended_precision_and_a_slip_is_not(number):
    problem = draw_problem(number)
    for name, gradient in gradient_of(problem).items():
        blocks = (problem.blocks or {}).get(name, {"": ...})
        part = next(iter(blocks))
        first = np.arange(gradient.size).reshape(gradient.shape)[blocks[part]].flat[0]
        entry = tuple(map(int, np.unravel_index(first, gradient.shape)))
        row = SimpleNamespace(parameter=name, block=part, entry=entry)
        assert confirm(problem, row).right, (str(problem), name)
        size = float(np.abs(gradient[blocks[part]]).max())
        if size > 1e-12:
            f, backward = problem.safe
            slip = Slip(name, part, entry, 0.01 * size, 0.01, 0.0, 0.0)
            spoilt = spoil(replace(problem, backward=backward), [slip]).backward
            assert not confirm(replace(problem, safe_form=(f, spoilt)), row).right, str(problem)
