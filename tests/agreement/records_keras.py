"""Records of Keras's own tests, expressed by npstack's layers.

`keras_layer` builds what a record describes: a cell over time, a stack of cells, backwards
(``go_backwards``), or two directions. What then differs from Keras is no calculation but a choice
of the outputs at masked steps, and `keras_outputs` makes it Keras's way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from npstack import (
    Bidirectional,
    Directions,
    GRUCell,
    GRUResetBeforeCell,
    LSTMCell,
    Recurrent,
    RecurrentTape,
    Reversed,
    RNNCell,
    Sequential,
)
from npstack.cells import Cell
from npstack.core.tape import Tape
from npstack.layers.base import Layer
from tests.agreement.keras_test_cells import OneStateRNNCell, TwoStates, TwoStatesRNNCell
from tests.agreement.records import RNG, Record, array, worst

Weights = Iterator[np.ndarray]  # of all cells, in Keras's order


# ---- cells -------------------------------------------------------------------------------------


def bias(config: Record, weights: Weights, *shape: int) -> np.ndarray:
    """The next array, or zeros of its shape where a cell has no bias."""
    return next(weights) if config["use_bias"] else np.zeros(shape)


def lstm(config: Record, D: int, weights: Weights) -> Cell:
    """Gates are packed i, f, g, o in both."""
    assert (config["activation"], config["recurrent_activation"]) == ("tanh", "sigmoid")
    cell = LSTMCell(D, config["units"], rng=RNG)
    W, U = next(weights), next(weights)
    cell.params = {"W": W, "U": U, "b": bias(config, weights, W.shape[1])}
    return cell


def from_keras_gru_gates(packed: np.ndarray) -> np.ndarray:
    """From z, r, n to r, z, n (§2.2)."""
    z, r, n = np.split(packed, 3, axis=-1)
    return np.concatenate([r, z, n], axis=-1)


def gru(config: Record, D: int, weights: Weights) -> Cell:
    """With two rows of biases, the second is added to ``h' U``; that of n merges only if the
    reset gate acts before the product (§2.4, §2.5)."""
    H, after = config["units"], config["reset_after"]
    W, U = (from_keras_gru_gates(next(weights)) for _ in range(2))
    rows = from_keras_gru_gates(np.atleast_2d(bias(config, weights, 3 * H)))
    b, b_recurrent = rows[0], rows[1] if len(rows) == 2 else np.zeros(3 * H)
    merges = np.arange(3 * H) < (2 * H if after else 3 * H)
    kind = GRUCell if after else GRUResetBeforeCell
    names = {"gate": config["recurrent_activation"], "candidate": config["activation"]}
    cell = kind(D, H, rng=RNG, **names)
    cell.params = {"W": W, "U": U, "b": b + np.where(merges, b_recurrent, 0.0)}
    if after:
        cell.params["b_recurrent"] = b_recurrent[2 * H :]
    return cell


def simple_rnn(config: Record, D: int, weights: Weights) -> Cell:
    """The Elman network."""
    cell = RNNCell(D, config["units"], rng=RNG, activation=config["activation"])
    W, U = next(weights), next(weights)
    cell.params = {"W": W, "U": U, "b": bias(config, weights, W.shape[1])}
    return cell


def own(kind: Any) -> Callable[[Record, int, Weights], Cell]:
    """A cell that Keras's tests define themselves: no bias, no activation."""

    def build(config: Record, D: int, weights: Weights) -> Cell:
        cell: Cell = kind(D, config["units"], rng=RNG)
        cell.params = {name: next(weights) for name in cell.params}
        return cell

    return build


CELLS: dict[str, Callable[[Record, int, Weights], Cell]] = {
    "LSTM": lstm,
    "GRU": gru,
    "SimpleRNN": simple_rnn,
    "OneStateRNN": own(OneStateRNNCell),
    "TwoStatesRNN": own(TwoStatesRNNCell),
}


# ---- layers ------------------------------------------------------------------------------------


def cells_of(kind: str, config: Record) -> list[tuple[str, Record]]:
    """Class and configuration of every cell of a recurrent layer, bottom first."""
    if kind != "RNN":
        return [(kind, config)]  # the layer's configuration holds the cell's
    cell = config["cell"]
    cells = cell["config"]["cells"] if cell["class_name"] == "StackedRNNCells" else [cell]
    return [(one["class_name"].removesuffix("Cell"), one["config"]) for one in cells]


def one_direction(kind: str, config: Record, D: int, weights: Weights) -> Layer:
    """A layer, or one layer per cell, that reads time forward."""
    cells, layers = cells_of(kind, config), []
    for k, (name, settings) in enumerate(cells):
        assert not any(settings.get(rate) for rate in ("dropout", "recurrent_dropout"))
        cell = CELLS[name](settings, D, weights)
        full = config["return_sequences"] or k < len(cells) - 1
        layers.append(Recurrent(cell, return_sequences=full))
        D = cell.output_size
    return layers[0] if len(layers) == 1 else Sequential(*layers)


def keras_layer(record: Record) -> Layer:
    """The layer that a record describes, with its parameters."""
    kind, config, D = record["layer"], record["config"], record["input"]["shape"][-1]
    weights = iter([array(w) for w in record["weights"]])
    if kind == "Bidirectional":
        inner = [config[side] for side in ("layer", "backward_layer")]
        assert [part["config"]["go_backwards"] for part in inner] == [False, True]
        directions = (one_direction(p["class_name"], p["config"], D, weights) for p in inner)
        layer: Layer = Bidirectional(*directions, merge=config["merge_mode"] or "none")
    else:
        layer = one_direction(kind, config, D, weights)
        layer = Reversed(layer, order="as_read") if config["go_backwards"] else layer
    assert next(weights, None) is None
    return layer


# ---- states ------------------------------------------------------------------------------------


def carried(state: Any) -> list[str]:
    """The fields of a state that are states in Keras, too, in its order."""
    return [name for name in state._fields if not (isinstance(state, TwoStates) and name == "h")]


def keras_states(layer: Layer, batch: int, given: Weights) -> Any:
    """The state of a layer, made of Keras's flat list."""
    if isinstance(layer, Reversed):
        return keras_states(layer.layer, batch, given)
    if isinstance(layer, Bidirectional):
        return Directions(*(keras_states(each, batch, given) for each in layer.children.values()))
    if isinstance(layer, Sequential):
        return tuple(keras_states(each, batch, given) for each in layer.children.values())
    assert isinstance(layer, Recurrent)
    zero = layer.cell.zero_state(batch, np.float64)
    return zero._replace(**{name: next(given) for name in carried(zero)})


# ---- outputs -----------------------------------------------------------------------------------


def keras_held(tape: RecurrentTape) -> np.ndarray:
    """Keras' default at masked steps: the output of the last valid step, zero before the first."""
    assert tape.mask is not None
    begun = np.logical_or.accumulate(tape.mask, axis=1)
    return np.where(begun[:, :, np.newaxis], tape.states.h, 0.0)


def keras_outputs(record: Record, layer: Layer, tape: Tape) -> list[np.ndarray]:
    """The outputs of the layer by Keras's rules (§7.2): one array, or one for each direction."""
    config, y = record["config"], tape.outputs
    if isinstance(layer, Bidirectional):  # forces zero at masked steps
        return [y[..., k, :] for k in range(2)] if layer.merge == "none" else [y]
    if record["mask"] is None:
        return [y]
    if config["return_sequences"]:
        return [y if config["zero_output_for_mask"] else keras_held(tape.layers[-1])]
    assert not config["zero_output_for_mask"]  # §7.6
    return [y]


def check_keras(record: Record) -> float:
    """Any record of Keras's own tests."""
    x, layer = array(record["input"]), keras_layer(record)
    mask = None if record["mask"] is None else array(record["mask"], bool)
    assert mask is None or mask.any(axis=1).all()  # §7.5, §7.6: Keras has zero for an empty row
    states = None
    if record["initial_state"]:
        given = iter([array(state) for state in record["initial_state"]])
        states = keras_states(layer, len(x), given)
        assert next(given, None) is None
    tape = layer.forward(x, states, mask=mask)
    outputs = keras_outputs(record, layer, tape)
    finals = [part.final for part in tape.layers]
    outputs += [getattr(final, name) for final in finals for name in carried(final)]
    target = record["target"]
    output = outputs[target["output"]]
    output = output if target["index"] is None else output[target["index"]]
    return worst([(output, array(record["expected"]))])
