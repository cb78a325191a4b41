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
    assert "annot be resolved" not in str(found)


def test_it_is_true_only_if_everything_is_explained():
    layer, own = recorded(LAYERS["lstm"])
    assert agreement(layer, own, draws=3)
    assert not agreement(layer, replace(own, outputs=own.outputs * 2), draws=3)
    coarse = replace(own, eps=2.0**-7)
    found = agreement(layer, coarse, draws=3)
    assert {row.explained for row in found.rows} == {None}
    assert not found


@pytest.mark.parametrize(
    ("eps", "said"),
    [(2.0**-7, "bfloat16 is so coarse"), (2.0**-10, "float16 is so"), (0.01, "with eps 0.01 is")],
)
def test_a_coarse_type_says_that_it_is_the_cause(eps, said):
    layer, own = recorded(LAYERS["lstm"])
    found = agreement(layer, replace(own, eps=eps), draws=3)
    *table, against, why = str(found).splitlines()
    assert against.startswith("Errors are distances from npstack's layer")
    assert len(table) == 1 + len(found.rows)
    assert said in why
    assert why.endswith("Compare in float32.")
    worst = max(row.allowed for row in found.rows) * eps
    assert f"an error of {100 * worst:.2g}% of the largest number" in why
    hidden = replace(own, eps=eps, outputs=own.outputs * np.float32(1 + 0.9 * worst))
    assert agreement(layer, hidden, draws=3).rows[0].explained is None
    seen = replace(own, eps=eps, outputs=own.outputs * np.float32(1 + 1.1 * worst))
    assert agreement(layer, seen, draws=3).rows[0].explained is False


def test_a_layer_that_hangs_on_last_digits_says_so():
    """An Elman network with a large U is chaotic: after some steps, rounding moves everything."""
    rng = np.random.default_rng(0)
    layer = nps.RNN(3, 32, rng=rng, dtype=np.float32)
    layer.params = {**layer.params, "U": layer.params["U"] * np.float32(2)}
    tape = layer.forward(0.1 * rng.standard_normal((1, 200, 3), dtype=np.float32))
    found = agreement(layer, Recorded(tape.x, tape.outputs), draws=3)
    assert found.rows[0].explained is None
    assert "digits of the input and the weights matter so much that an error of any" in str(found)
    assert str(found).endswith("Compare in float64, or over fewer steps.")


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
