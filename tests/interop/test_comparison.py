"""Whether a layer computes what was recorded: rounding is told from a wrong reading."""

from dataclasses import replace

import numpy as np
import pytest

import npstack as nps
from npstack.interop import Recorded, agreement
from npstack.interop.comparison import results


def recorded(kind, dtype=np.float32, lengths=None):
    rng = np.random.default_rng(0)
    layer = kind(rng, dtype)
    x = rng.standard_normal((2, 6, 3)).astype(dtype)
    tape = layer.forward(x, lengths=lengths)
    valid = None if lengths is None else np.array(lengths)
    return layer, Recorded(tape.x, tape.outputs, lengths=valid, final=tape.final)


LAYERS = {
    "lstm": lambda rng, dtype: nps.LSTM(3, 4, rng=rng, dtype=dtype),
    "stack": lambda rng, dtype: nps.StackedGRU(3, [4, 4], rng=rng, dtype=dtype),
    "two directions": lambda rng, dtype: nps.StackedBidirectional(
        nps.LSTMCell, 3, [4, 4], rng=rng, dtype=dtype
    ),
}


@pytest.mark.parametrize("lengths", [None, [6, 3]])
@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_agrees_with_itself(name, lengths):
    found = agreement(*recorded(LAYERS[name], lengths=lengths), draws=3)
    assert found.explained
    assert {row.difference for row in found.rows} == {0.0}
    assert len(found.rows) == len(results(*recorded_parts(name)))


def recorded_parts(name):
    _, own = recorded(LAYERS[name])
    return own.outputs, own.final


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rounding_is_told_from_a_wrong_reading(dtype):
    layer, own = recorded(LAYERS["lstm"], dtype)
    eps = np.finfo(dtype).eps
    near = replace(own, outputs=own.outputs * (1 + 2 * eps).astype(dtype))
    assert agreement(layer, near, draws=3).explained
    far = replace(own, outputs=own.outputs * (1 + 1000 * eps).astype(dtype))
    found = agreement(layer, far, draws=3)
    assert not found.explained
    assert [row.block for row in found.rows if not row.explained] == ["outputs"]
    assert "NOT rounding" in str(found)


def test_gates_in_another_order_are_not_rounding():
    layer, own = recorded(LAYERS["lstm"])
    params = dict(layer.params)
    params["W"] = params["W"][:, [*range(4, 8), *range(4), *range(8, 16)]]
    layer.params = params
    assert not any(row.explained for row in agreement(layer, own, draws=3).rows)


def test_another_layer_is_refused():
    _, own = recorded(LAYERS["lstm"])
    other = nps.LSTM(3, 5, rng=np.random.default_rng(1), dtype=np.float32)
    with pytest.raises(nps.ShapeError, match="recorded at this layer"):
        agreement(other, own, draws=3)


def test_a_record_with_more_digits_than_the_layer_is_refused():
    _, own = recorded(LAYERS["lstm"], np.float64)
    narrow = nps.LSTM(3, 4, rng=np.random.default_rng(0), dtype=np.float32)
    with pytest.raises(nps.DtypeError, match="dtype='float64'"):
        agreement(narrow, own, draws=3)
    exact = replace(own, x=own.x.astype(np.float32).astype(np.float64))
    outputs = narrow.forward(exact.x.astype(np.float32)).outputs.astype(np.float64)
    final = narrow.forward(exact.x.astype(np.float32)).final
    assert agreement(narrow, replace(exact, outputs=outputs, final=final), draws=3).explained
