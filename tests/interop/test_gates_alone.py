"""Activations of single gates: what a GRU of npstack or a framework has for all, or not at all."""

from typing import Any

import numpy as np
import pytest

from npstack import Activation, Clipped, GRUCell, LSTMVariantCell, Recurrent, RNNCell
from npstack.cells.parts import Activations
from npstack.core.errors import ArgumentError
from npstack.interop import CannotRepresent, read, write
from npstack.interop.weights import complementary


def rng() -> Any:
    return np.random.default_rng(0)


SINGLE = {
    "one gate of a GRU": lambda: GRUCell(3, 4, gate=Clipped("sigmoid", 0.1), rng=rng()),
    "two limits": lambda: GRUCell(
        3, 4, gate=Clipped("sigmoid", 0.1), candidate=Clipped("tanh", 0.2), rng=rng()
    ),
    "one gate of an LSTM": lambda: LSTMVariantCell(
        3, 4, Activations(input=Clipped("sigmoid", 0.1)), rng=rng()
    ),
    "all of an LSTM": lambda: LSTMVariantCell(
        3,
        4,
        Activations(
            **dict.fromkeys(("input", "forget", "output"), Clipped("sigmoid", 0.1)),
            candidate=Clipped("tanh", 0.1),
            cell=Clipped("tanh", 0.1),
        ),
        rng=rng(),
    ),
}


@pytest.mark.parametrize("name", SINGLE)
def test_a_clip_of_single_gates_is_no_clip_of_all(name: str) -> None:
    with pytest.raises(CannotRepresent, match="onnx has no activation clipped") as caught:
        write(Recurrent(SINGLE[name]()), "onnx")
    assert caught.value.error > 0


def test_a_clip_of_all_is_one() -> None:
    layer = Recurrent(RNNCell(3, 4, activation=Clipped("tanh", 0.1), rng=rng()))
    arrays, report = write(layer, "onnx")
    assert "(clip)" in {row.parameter for row in report.rows}
    x = rng().standard_normal((2, 5, 3))
    again = read(arrays, "onnx", cell="rnn", clip=0.1).layer
    assert np.array_equal(again.forward(x).outputs, layer.forward(x).outputs)


@pytest.mark.parametrize("gate", ["reset", "update"])
def test_two_activations_for_the_gates_of_a_gru_are_refused(gate: str) -> None:
    arrays, _ = write(Recurrent(GRUCell(3, 4, rng=rng())), "keras")
    with pytest.raises(ArgumentError, match="both gates of a GRU must have one activation"):
        read(arrays, "keras", cell="gru", activations={gate: "hard_sigmoid_fifth"})
    both = dict.fromkeys(("reset", "update"), "hard_sigmoid_fifth")
    layer = read(arrays, "keras", cell="gru", activations=both).layer
    assert layer.cell.gate == Activation("hard_sigmoid_fifth")


def test_an_update_gate_that_cannot_be_turned_is_refused() -> None:
    layer = Recurrent(GRUCell(3, 4, rng=rng()))
    layer.params = {**layer.params, "b_recurrent": np.zeros(4)}
    arrays, _ = write(layer, "lasagne")
    with pytest.raises(ArgumentError, match="share that is replaced"):
        read(arrays, "lasagne", cell="gru", activations={"gates": "tanh"})
    read(arrays, "lasagne", cell="gru", activations={"gates": "hard_sigmoid_sixth"})


ALL = [
    *(Activation(n) for n in ("sigmoid", "hard_sigmoid_fifth", "hard_sigmoid_sixth", "tanh")),
    *(Activation(n) for n in ("relu", "softsign", "softplus", "elu", "linear", "affine")),
    Activation("affine", alpha=0.3, beta=0.5),
    Activation("hard_sigmoid_fifth", alpha=0.3, beta=0.5),
    Activation("hard_sigmoid_fifth", alpha=0.2, beta=0.4),
    Clipped("sigmoid", 0.5),
    Clipped("tanh", 0.5),
]


@pytest.mark.parametrize("activation", ALL, ids=repr)
def test_complementary_as_computed(activation: Activation) -> None:
    a = np.linspace(-4, 4, 33)
    same = np.allclose(1 - activation.function(a), activation.function(-a), rtol=0, atol=1e-15)
    assert complementary(activation) == same
