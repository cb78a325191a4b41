"""`foreign`: somebody's functions as a layer."""

import numpy as np
import pytest

from npstack.verify import check_gradients, check_laws, foreign
from tests.verify.course_pairs import PAIRS


def made(name, **options):
    forward, backward, style, cell, _ = PAIRS[name]
    return foreign(forward, backward, style=style, cell=cell, **options)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", PAIRS)
def test_right_pairs_are_right(name, dtype):
    rng = np.random.default_rng(0)
    layer = made(name, dtype=dtype)
    assert layer.gate_order == PAIRS[name][-1]
    x = rng.standard_normal((2, 4, 3)).astype(dtype)
    assert check_gradients(layer, x).passed
    assert check_gradients(layer, x, lengths=[4, 2]).passed
    assert check_laws(layer, rng=rng).passed
