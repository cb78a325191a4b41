"""Who owns what: the layer its parameters, the tape its arrays; copies are protected, too."""

import numpy as np
import pytest

from npstack import LSTMCell, Recurrent
from npstack.cells import CELLS
from npstack.core.errors import NpstackError

pytestmark = pytest.mark.core


@pytest.mark.parametrize("name", CELLS)
def test_the_layer_alone_owns_the_parameters(name):
    cell = CELLS[name](2, 3, np.random.default_rng(0))
    layer, before = Recurrent(cell), dict(cell.params)
    layer.params = {name: 2 * value for name, value in layer.params.items()}
    inner = layer.cell
    while inner is not None:  # under wrappers, too
        assert not inner.params
        inner = getattr(inner, "cell", None)
    assert cell.params.keys() == before.keys()
    assert all(cell.params[name] is before[name] for name in before), "the giver's own stay"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda p: {**p, "b": p["b"][np.newaxis]}, r"params\['b'\] must have shape \(12,\)"),
        (lambda p: {"W": p["W"], "U": p["U"]}, r"missing \['b'\]"),
        (lambda p: {**p, "b": p["b"].astype(np.float32)}, "one dtype"),
    ],
)
def test_a_cell_with_other_parameters_than_it_declares_is_refused(change, words):
    cell = LSTMCell(2, 3, rng=np.random.default_rng(0))
    cell.params = change(cell.params)
    with pytest.raises(NpstackError, match=words):
        Recurrent(cell)
