"""How a part of a model is listed: short if it is plain, and whatever differs is said."""

import numpy as np
import pytest

from npstack.core.activations import Activation
from npstack.core.own_activation import OwnActivation
from npstack.interop import RecurrentPart, read, recurrent_parts
from npstack.interop.options import LIMITS

FIFTH = "hard_sigmoid_fifth"
TEXTS = {
    "a plain LSTM": ("lstm", "pytorch", {}, ""),
    "a plain GRU": ("gru", "pytorch", {"reset": "after"}, ""),
    "what a plain one says of itself": (
        "lstm",
        "keras",
        {"activations": {"gates": "sigmoid", "candidate": "tanh"}, "return_sequences": True},
        "",
    ),
    "as in the older form": (
        "gru",
        "keras",
        {"reset": "before", "backwards": True},
        ", resets before the product, reads from the end",
    ),
    "a layout with one form of its GRU": ("gru", "tf1", {}, ", resets before the product"),
    "other functions": (
        "lstm",
        "onnx",
        {"activations": {"gates": FIFTH, "candidate": "relu"}},
        f", gates {FIFTH}, candidate relu",
    ),
    "another function of one gate": (
        "lstm",
        "onnx",
        {"activations": {"forget": Activation("leaky_relu", alpha=0.3)}},
        ", forget Activation('leaky_relu', alpha=0.3)",
    ),
    "functions of the layout": ("gru", "keras2", {}, f", gates {FIFTH}"),
    "an own function": (
        "rnn",
        "pytorch",
        {"activations": {"hidden": OwnActivation("bent", np.sin, np.cos)}},
        ", hidden OwnActivation('bent')",
    ),
    "a function that is not known": ("rnn", "flax-nnx", {"activations": {"hidden": None}}, ""),
    "a forget bias": ("lstm", "tf1", {}, ", 1 added to the forget gate's sum"),
    "clips": (
        "lstm",
        "onnx",
        {"clip": 3.0, "cell_clip": 2.5, "projection_clip": 1.0, "coupled": True},
        ", forget gate = 1 - input gate, sums clipped at 3, cell state clipped at 2.5, "
        "projected state clipped at 1",
    ),
    "the last step": ("rnn", "keras", {"return_sequences": False}, ", returns the last step only"),
}


@pytest.mark.parametrize("case", TEXTS)
def test_what_differs_from_a_plain_layer_is_said(case):
    kind, layout, attributes, said = TEXTS[case]
    part = RecurrentPart("enc", kind, 3, 4, 1, False, layout, attributes)
    assert str(part) == f"enc: {kind} 3 -> 4, {layout}{said}"


@pytest.mark.parametrize(
    ("merge", "said"),
    [
        ("concat", ""),
        ("sum", ", summed"),
        ("mul", ", multiplied"),
        ("ave", ", averaged"),
        ("none", ", not joined"),
    ],
)
def test_how_two_directions_are_joined_is_said(merge, said):
    part = RecurrentPart("enc", "lstm", 3, 4, 2, True, "keras", {"merge": merge})
    assert str(part) == f"enc: 2 x lstm 3 -> 4, two directions{said}, keras"


def test_a_size_that_is_not_known_is_no_zero():
    part = RecurrentPart("x", "lstm", 0, 4, 1, False, "onnx", {}, "Its weights are not constant.")
    why = "Not to be brought in: Its weights are not constant."
    assert str(part) == f"x: lstm ? -> 4, onnx. {why}"


def test_what_is_said_is_what_is_computed():
    """An attribute that changes the numbers changes the text, for every one that `read` takes."""
    rng = np.random.default_rng(0)
    H, x = 4, rng.standard_normal((2, 5, 3))
    arrays = {
        "lstm": {"W": (1, 4 * H, 3), "R": (1, 4 * H, H), "B": (1, 8 * H)},
        "gru": {"W": (1, 3 * H, 3), "R": (1, 3 * H, H), "B": (1, 6 * H)},
    }
    options = {
        **dict.fromkeys(LIMITS[:2], 0.2),
        "coupled": True,
        "forget_bias": 1.0,
        "reset": "after",
        "backwards": True,
        "return_sequences": False,
        "activations": {"candidate": "relu"},
    }
    for name, value in options.items():
        kind = "gru" if name == "reset" else "lstm"
        given = {key: rng.standard_normal(shape) for key, shape in arrays[kind].items()}
        texts, outputs = set(), []
        for told in ({}, {name: value}):
            texts.add(
                str(
                    RecurrentPart(
                        "",
                        kind,
                        3,
                        H,
                        1,
                        False,
                        "onnx",
                        {"reset": "before", **told} if kind == "gru" else told,
                    )
                )
            )
            outputs.append(read(given, "onnx", cell=kind, **told).layer.forward(x).outputs)
        same = outputs[0].shape == outputs[1].shape and np.array_equal(*outputs)
        assert not same, name
        assert len(texts) == 2, name


def test_the_width_of_a_projection_is_said():
    drawn = {"w.weight_ih_l0": (24, 3), "w.weight_hh_l0": (24, 2), "w.weight_hr_l0": (2, 6)}
    (part,) = recurrent_parts({name: np.ones(shape) for name, shape in drawn.items()})
    assert (part.projected, str(part)) == (2, "w: lstm 3 -> 6, pytorch, projected to 2")
