"""A Keras layer made of the arrays of a layer, to go on with there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np

from npstack.core.activations import Activation
from npstack.core.errors import ArgumentError, DataError, fail
from npstack.core.numerics import Array
from npstack.interop.keras_files import ARRAYS
from npstack.interop.keras_parts import import_keras
from npstack.interop.keras_settings import MERGES, SAME
from npstack.interop.known_layouts import LAYOUTS
from npstack.interop.layout import USUAL, activation_of
from npstack.interop.parts import RecurrentPart


def register() -> None:
    """Make the activations of `to_model` known to Keras, so that it can load models with them."""
    _with_parameters(import_keras("register"))


LAYERS = {"lstm": "LSTM", "gru": "GRU", "rnn": "SimpleRNN"}
GROUPS: dict[
    str, dict[str, tuple[str, ...]]
] = {  # Keras has one function for all gates, and one for what is shown
    "lstm": {
        "recurrent_activation": ("input", "forget", "output"),
        "activation": ("candidate", "cell"),
    },
    "gru": {"recurrent_activation": ("reset", "update"), "activation": ("candidate",)},
    "rnn": {"activation": ("hidden",)},
}


def to_model(arrays: Mapping[str, Array], part: RecurrentPart) -> Any:
    """A Keras layer, or a ``keras.Sequential`` of several, with these parameters.

    Parameters
    ----------
    arrays : dict of array
        As `npstack.interop.write` gives them for the layout ``keras`` or ``keras2``; of several
        layers ``0/kernel``, ``1/kernel`` …
    part : RecurrentPart
        What the arrays do not say, as `npstack.interop.descriptions.part_for` gives it.

    Returns
    -------
    keras.layers.Layer
        Built, with the dtype of the arrays. One that reads from the end returns its outputs as
        they are read (§8.2). An activation that Keras has no name for is an object that is
        stored with a model; to load that in another process, call `register` before.

    Raises
    ------
    ArgumentError
        Something that no layer of Keras can do.
    DataError
        An array is missing.
    """
    where = "to_model"
    keras = import_keras(where)
    made = []
    for number in range(part.layers):
        own = _own(where, arrays, part, number)
        full = number < part.layers - 1 or part.attributes.get("return_sequences", True)
        turn = bool(part.attributes.get("backwards")) and number == 0
        made.append(_layer(where, keras, own, part, full=full, turn=turn))
    if len(made) == 1:
        return made[0]
    D = _own(where, arrays, part, 0)[0]["kernel"].shape[0]
    dtype = _own(where, arrays, part, 0)[0]["kernel"].dtype.name
    return keras.Sequential([keras.Input((None, D), dtype=dtype), *made])


def _own(
    where: str, arrays: Mapping[str, Array], part: RecurrentPart, number: int
) -> list[dict[str, Array]]:
    """The arrays of one layer, for each direction, by Keras' names."""
    column = LAYOUTS["keras"].column(part.kind)
    assert column is not None
    count = 2 if part.bidirectional else 1
    prefix = f"{number}/" if part.layers > 1 else ""
    found = []
    for direction in range(count):
        names = dict.fromkeys(name for name, _ in column.named(0, direction, count))
        pairs = [(ours, prefix + name) for ours, name in zip(ARRAYS, names, strict=True)]
        for ours, name in pairs:
            if name not in arrays and ours != "bias":
                got, advice = ", ".join(arrays), 'Use write(layer, "keras").'
                fail(DataError, where, f"arrays must have {name}", got, advice)
        found.append({ours: np.asarray(arrays[name]) for ours, name in pairs if name in arrays})
    return found


def _layer(
    where: str,
    keras: Any,
    own: list[dict[str, Array]],
    part: RecurrentPart,
    *,
    full: bool,
    turn: bool,
) -> Any:
    """One layer, in one or two directions."""
    first, given = own[0], part.attributes
    for name in ("clip", "coupled", "cell_clip", "projection_clip"):
        if given.get(name):
            advice = 'write(layer, "keras") says what it would cost to leave it out.'
            fail(ArgumentError, where, f"Keras has no {name}", repr(given[name]), advice)
    D, H = first["kernel"].shape[0], first["recurrent_kernel"].shape[0]
    options: dict[str, Any] = {
        "return_sequences": full,
        "use_bias": "bias" in first,
        "dtype": first["kernel"].dtype.name,
        **_activations(where, keras, part.kind, given.get("activations") or {}),
    }
    if part.kind == "gru":
        after = given.get("reset", "after") == "after"
        options["reset_after"] = first["bias"].ndim == 2 if "bias" in first else after
    if turn:  # the outputs stay in this order, so that only the first layer turns it
        options["go_backwards"] = True
    layer = getattr(keras.layers, LAYERS[part.kind])(H, **options)
    if len(own) == 2:
        merges = {ours: theirs for theirs, ours in MERGES.items()}
        merge = merges[given.get("merge", "concat")]
        layer = keras.layers.Bidirectional(layer, merge_mode=merge, dtype=options["dtype"])
    layer.build((None, None, D))
    layer.set_weights([cell[name] for cell in own for name in ARRAYS if name in cell])
    return layer


def _activations(
    where: str, keras: Any, kind: str, given: Mapping[str, Any]
) -> dict[str, str | Callable[..., Any]]:
    """Keras' arguments for activations."""
    found = {}
    for argument, gates in GROUPS[kind].items():
        values = set()
        for gate in gates:
            usual = USUAL[kind][gate]
            usual = usual if argument == "activation" else given.get("gates", usual)
            value = given.get(gate, usual)
            values.add(activation_of(value))
        if len(values) > 1:
            expected = f"{', '.join(gates)} must have one activation in Keras (§5.4)"
            got = ", ".join(sorted(map(repr, values)))
            fail(ArgumentError, where, expected, got, "Keras has one for all of them.")
        found[argument] = _theirs(where, keras, values.pop())
    return found


def _theirs(where: str, keras: Any, own: Activation) -> str | Callable[..., Any]:
    """Keras' name of an activation, or an object that computes it."""
    if own.name in SAME and own == Activation(own.name):
        return own.name
    if own.name == "hard_sigmoid_sixth":
        return "hard_sigmoid"
    if own.name not in FORMULAS or type(own) is not Activation:
        advice = "Pass a function of keras.ops to the layer by hand."
        fail(ArgumentError, where, "Keras must have the activation", repr(own), advice)
    made: Callable[..., Any] = _with_parameters(keras)(own.name, own.alpha, own.beta)
    return made


FORMULAS: dict[str, Callable[..., Any]] = {
    "elu": lambda ops, a, alpha, beta: ops.elu(a, alpha),
    "leaky_relu": lambda ops, a, alpha, beta: ops.leaky_relu(a, alpha),
    "hard_sigmoid_fifth": lambda ops, a, alpha, beta: ops.clip(alpha * a + beta, 0.0, 1.0),
}


@cache
def _with_parameters(keras: Any) -> Any:
    """The class of the activations that Keras has no name for, known to it as npstack's."""

    @keras.saving.register_keras_serializable("npstack")
    class NpstackActivation:
        """An activation with parameters, which can be stored with a model."""

        def __init__(self, name: str, alpha: float | None, beta: float | None) -> None:
            self.name, self.alpha, self.beta = name, alpha, beta

        def __call__(self, a: Any) -> Any:
            return FORMULAS[self.name](keras.ops, a, self.alpha, self.beta)

        def get_config(self) -> dict[str, Any]:
            return {"name": self.name, "alpha": self.alpha, "beta": self.beta}

        @classmethod
        def from_config(cls, config: dict[str, Any]) -> NpstackActivation:
            return cls(**config)

    return NpstackActivation
