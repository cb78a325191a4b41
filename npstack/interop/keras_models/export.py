"""A Keras layer made of a layer of npstack, to go on with there: `to_model`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from numpy.typing import DTypeLike

from npstack.cells.recurrent_dropout_per_gate import RecurrentDropoutPerGate
from npstack.core.activations import Activation
from npstack.core.numerics import Array
from npstack.interop.imported import Imported
from npstack.interop.keras_models.files import ARRAYS
from npstack.interop.keras_models.parts import import_keras
from npstack.interop.keras_models.settings import MERGES, SAME
from npstack.interop.known_layouts import LAYOUTS
from npstack.interop.layout import USUAL, activation_of
from npstack.interop.parts import RecurrentPart
from npstack.interop.pieces import part_for, pieces_of
from npstack.interop.writing import arrays_for
from npstack.layers import Dropout, Layer, Recurrent


def register() -> None:
    """Make the activations of `to_model` known to Keras, so that it can load models with them."""
    _with_parameters(import_keras("register"))


LAYERS = {"lstm": "LSTM", "gru": "GRU", "rnn": "SimpleRNN"}
ARGUMENTS = {  # one gate of those that share a function: `write` has seen that all have it
    "lstm": {"recurrent_activation": "input", "activation": "candidate"},
    "gru": {"recurrent_activation": "update", "activation": "candidate"},
    "rnn": {"activation": "hidden"},
}


def to_model(
    layer: Layer | Imported, *, biases: str = "kept", dtype: DTypeLike | None = None
) -> Any:
    """The Keras layer that computes the same, or a ``keras.Sequential`` of several.

    Parameters
    ----------
    layer : Layer or Imported
        A recurrent layer, in one or two directions, or a stack of them; with `Dropout` and
        `RecurrentDropoutPerGate` around the cell, of one rate in both directions, which Keras
        has, and without other noise.
    biases : {"kept", "input", "halves"}
        Of `write`.
    dtype : dtype, optional
        Of the parameters; by default that of the layer.

    Returns
    -------
    keras.layers.Layer
        Built. One that reads from the end returns its outputs as they are read (§8.2). An
        activation that Keras has no name for is an object that is stored with a model; to load
        that in another process, call ``npstack.interop.keras_models.export.register()`` before.
        Of a stack in float64, ``model(x)`` computes in float64; ``predict`` rounds x to float32.

    Raises
    ------
    CannotRepresent
        Keras has no such layer: with the reason, the clause, and the size of the error.
    MissingPackageError

    Examples
    --------
    >>> from npstack import GRU
    >>> to_model(GRU(3, 4, rng=np.random.default_rng(0)))  # doctest: +SKIP
    <GRU name=gru, built=True>
    """
    where = "to_model"
    keras = import_keras(where)
    pieces = pieces_of(where, layer)
    arrays, _ = arrays_for(where, pieces, "keras", biases=biases, dtype=dtype)
    part = part_for(pieces, "keras", where=where)
    made: list[Any] = []
    name = next(iter(arrays.values())).dtype.name

    def dropout(own: Dropout, *, steps: bool = True) -> Any:
        noise = None if own.each_step or not steps else (None, 1, None)
        return keras.layers.Dropout(own.rate, noise_shape=noise, dtype=name)

    for number in range(part.layers):
        own = _own(arrays, part, number)
        made += map(dropout, pieces.dropout[number])
        full = number < part.layers - 1 or part.attributes["return_sequences"]
        turn = part.attributes["backwards"] and number == 0
        drops = _recurrent_dropout(pieces.recurrent[number])
        made.append(_layer(keras, own, part, full=full, turn=turn, recurrent_dropout=drops))
    steps = part.attributes["return_sequences"]
    made += [dropout(each, steps=steps) for each in pieces.dropout[-1]]
    if len(made) == 1:
        return made[0]
    return keras.Sequential([keras.Input((None, part.input_size), dtype=name), *made])


def _recurrent_dropout(ways: Sequence[Recurrent]) -> float:
    """The rate of Keras' recurrent dropout, if the cells have it."""
    cells = [own.cell for own in ways]
    rates = {
        own.rate if isinstance(own, RecurrentDropoutPerGate) and not own.each_step else 0.0
        for own in cells
    }
    return rates.pop() if len(rates) == 1 else 0.0


def _own(arrays: Mapping[str, Array], part: RecurrentPart, number: int) -> list[dict[str, Array]]:
    """The arrays of one layer, for each direction, by Keras' names."""
    column = LAYOUTS["keras"].column(part.kind)
    assert column is not None
    count = 2 if part.bidirectional else 1
    prefix = f"{number}/" if part.layers > 1 else ""
    found = []
    for direction in range(count):
        names = dict.fromkeys(name for name, _ in column.named(0, direction, count))
        pairs = zip(ARRAYS, (prefix + name for name in names), strict=True)
        found.append({ours: arrays[name] for ours, name in pairs if name in arrays})
    return found


def _layer(
    keras: Any,
    own: list[dict[str, Array]],
    part: RecurrentPart,
    *,
    full: bool,
    turn: bool,
    recurrent_dropout: float,
) -> Any:
    """One layer, in one or two directions."""
    first = own[0]
    D, H = first["kernel"].shape[0], first["recurrent_kernel"].shape[0]
    functions = {**USUAL[part.kind], **part.attributes["activations"]}
    options: dict[str, Any] = {
        argument: _theirs(keras, activation_of(functions[gate]))
        for argument, gate in ARGUMENTS[part.kind].items()
    }
    options |= {"use_bias": "bias" in first, "dtype": first["kernel"].dtype.name}
    if part.kind == "gru":
        options["reset_after"] = part.attributes["reset"] == "after"
    # The outputs stay in this order, so that only the first layer turns it.
    options |= {"return_sequences": full, "go_backwards": turn}
    options["recurrent_dropout"] = recurrent_dropout
    layer = getattr(keras.layers, LAYERS[part.kind])(H, **options)
    if len(own) == 2:
        merges = {ours: theirs for theirs, ours in MERGES.items()}
        merge = merges[part.attributes["merge"]]
        layer = keras.layers.Bidirectional(layer, merge_mode=merge, dtype=options["dtype"])
    layer.build((None, None, D))
    layer.set_weights([cell[name] for cell in own for name in ARRAYS if name in cell])
    return layer


def _theirs(keras: Any, own: Activation) -> str | Callable[..., Any]:
    """Keras' name of an activation, or an object that computes it."""
    if own == Activation("hard_sigmoid_sixth"):
        return "hard_sigmoid"
    if own.name in SAME and own == Activation(own.name):
        return own.name
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
