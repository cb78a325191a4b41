"""What the configuration of a Keras layer says of it: kinds, sizes, activations, directions.

A configuration is a dictionary of plain values, as ``layer.get_config()`` gives it and as files
hold it. Nothing here imports Keras.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from npstack.core.activations import Activation
from npstack.interop.known_layouts.entries import MERGES as JOINS

Config = Mapping[str, Any]

KINDS = {
    **dict.fromkeys(("LSTM", "LSTMCell", "CuDNNLSTM"), "lstm"),
    **dict.fromkeys(("GRU", "GRUCell", "CuDNNGRU"), "gru"),
    **dict.fromkeys(("SimpleRNN", "SimpleRNNCell"), "rnn"),
}
CUDNN = ("CuDNNLSTM", "CuDNNGRU")
SAME = ("linear", "sigmoid", "tanh", "relu", "elu", "softsign", "softplus")
HARD = {True: "hard_sigmoid_fifth", False: "hard_sigmoid_sixth"}  # whether Keras is older than 3
MERGES: dict[object, str] = {None if own == "none" else own: own for own in JOINS}
BY_HAND = "Pass its arrays to npstack.interop.read"


class Settings(NamedTuple):
    """What one recurrent layer of Keras is, or why it cannot be brought in.

    Attributes
    ----------
    kind : str
        lstm, gru or rnn; the nearest of them if it is refused.
    units : tuple of int
        H of each layer, the lowest first: several in a stack of cells.
    attributes : dict
        Keyword arguments for `npstack.interop.read`.
    said : tuple of str
        What else its configuration says, a clause each: dropout, stateful.
    refused : str
    """

    kind: str
    units: tuple[int, ...] = (0,)
    attributes: Mapping[str, Any] = MappingProxyType({})
    said: tuple[str, ...] = ()
    refused: str = ""


def looks_recurrent(class_name: str) -> bool:
    """Whether the name of a class is that of a recurrent layer, of Keras or of somebody else."""
    return any(word in class_name for word in ("LSTM", "GRU", "RNN"))


def refused(class_name: str, why: str) -> Settings:
    """The settings of a layer that cannot be brought in."""
    kind = "gru" if "GRU" in class_name else "lstm" if "LSTM" in class_name else "rnn"
    return Settings(kind, refused=why)


def of_layer(class_name: str, config: Config, *, old: bool) -> Settings:
    """The settings of an LSTM, GRU, SimpleRNN, or RNN around cells; `old` means Keras before 3."""
    if class_name == "RNN":
        return _of_cells(config, old=old)
    if class_name not in KINDS:
        return refused(
            class_name,
            f"{class_name} is not a layer of Keras that npstack has. If it computes what an LSTM, "
            f"a GRU or a SimpleRNN computes: {BY_HAND}.",
        )
    return _of_cell(class_name, config, config, old=old)


def of_pair(forward: Settings, backward: Settings, merge: object) -> Settings:
    """The settings of a Bidirectional, from those of its two layers."""
    both = (forward, backward)
    for own in both:
        if own.refused:
            return own
    ways = [dict(own.attributes) for own in both]
    back = [own.pop("backwards", False) for own in ways]
    why = ""
    if back != [False, True]:
        why = "its forward layer reads from the end, so that its outputs come in reversed order"
    elif any(len(own.units) > 1 for own in both):
        why = "its directions are stacks that are joined at the end only (§8.5)"
    elif forward.kind != backward.kind or ways[0] != ways[1] or forward.units != backward.units:
        why = "its two directions differ in kind, units or activations"
    elif merge not in MERGES:
        why = f"its merge_mode {merge!r} is unknown"
    if why:
        advice = "Bring in each direction by itself, and join them: Bidirectional(forward, …)."
        return forward._replace(refused=f"{why[0].upper()}{why[1:]}. {advice}")
    said = tuple(dict.fromkeys(forward.said + backward.said))
    return forward._replace(attributes=ways[0] | {"merge": MERGES[merge]}, said=said)


def _of_cells(config: Config, *, old: bool) -> Settings:
    """The settings of an RNN, whose cell is one of Keras, or a stack of them."""
    cell = config.get("cell")
    class_name, own = _named(cell)
    cells = [(class_name, own)]
    if class_name == "StackedRNNCells":
        cells = [_named(each) for each in own.get("cells", ())]
    found = []
    for name, each in cells:
        if name not in KINDS or not name.endswith("Cell"):
            advice = f"{BY_HAND} if it computes what a cell of npstack computes."
            return refused(name, f"Its cell {name} is none of Keras. {advice}")
        found.append(_of_cell(name, each, config, old=old))
    if not found:
        return refused("RNN", "It has no cells.")
    for settings in found:
        if settings.refused:
            return settings
    first = found[0]
    if any((own.kind, own.attributes) != (first.kind, first.attributes) for own in found):
        advice = f"{BY_HAND}, cell by cell, and put the layers together: Stacked(…)."
        return first._replace(refused=f"Its cells differ in kind or activations. {advice}")
    said = tuple(dict.fromkeys(clause for own in found for clause in own.said))
    return first._replace(units=tuple(own.units[0] for own in found), said=said)


def _of_cell(class_name: str, cell: Config, layer: Config, *, old: bool) -> Settings:
    """The settings of one cell, in a layer."""
    kind = KINDS[class_name]
    H = cell.get("units", cell.get("output_dim", 0))
    attributes: dict[str, Any] = {"return_sequences": bool(layer.get("return_sequences", False))}
    if layer.get("go_backwards"):
        attributes["backwards"] = True
    if kind == "gru":
        after = cell.get("reset_after", not old) or class_name in CUDNN
        attributes["reset"] = "after" if after else "before"
    if class_name not in CUDNN:  # which has no choice
        try:
            attributes["activations"] = _activations(kind, cell, old=old)
        except ValueError as error:
            return Settings(kind, (H,), attributes, refused=str(error))
    return Settings(kind, (H,), attributes, _said(cell, layer))


def _said(cell: Config, layer: Config) -> tuple[str, ...]:
    """What the numbers of an evaluation do not depend on."""
    found = [
        f"{name}={cell[name]:g}, in training only"
        for name in ("dropout", "recurrent_dropout")
        if isinstance(cell.get(name), int | float) and cell[name]
    ]
    if layer.get("stateful"):
        found.append("stateful: it begins with the state that the call before has left")
    return tuple(found)


def _activations(kind: str, cell: Config, *, old: bool) -> dict[str, str | Activation]:
    """npstack's activations by gate."""
    shown = activation_of(cell.get("activation", "tanh"), old=old)
    if kind == "rnn":
        return {"hidden": shown}
    usual = "hard_sigmoid" if old else "sigmoid"
    gate = cell.get("recurrent_activation", cell.get("inner_activation", usual))
    found = {"gates": activation_of(gate, old=old), "candidate": shown}
    return found if kind == "gru" else found | {"cell": shown}


def activation_of(value: object, *, old: bool) -> str | Activation:
    """npstack's activation for one of Keras: a name, or a class with its configuration.

    Raises
    ------
    ValueError
        If there is none, in words.

    Examples
    --------
    >>> activation_of("hard_sigmoid", old=True), activation_of("hard_sigmoid", old=False)
    ('hard_sigmoid_fifth', 'hard_sigmoid_sixth')
    """
    if value is None:
        return "linear"
    if isinstance(value, str):
        if value in SAME:
            return value
        if value == "hard_sigmoid":
            return HARD[old]
        if value == "leaky_relu" and not old:
            return Activation("leaky_relu", alpha=0.2)
        name = value
    else:
        name, config = _named(value)
        slope = config.get("negative_slope", config.get("alpha"))
        if name == "LeakyReLU":
            return Activation("leaky_relu", alpha=0.3 if slope is None else _number(slope))
        if name == "ELU":
            return Activation("elu", alpha=1.0 if slope is None else _number(slope))
        if name == "NpstackActivation":  # of `to_model`
            return Activation(**config)
        if name in ("function", "Function"):
            name = str(value.get("config")) if isinstance(value, Mapping) else name
    raise ValueError(
        f"Its activation {name!r} is none that npstack has. {BY_HAND} with activations=…, where "
        "npstack.OwnActivation(name, function, derivative) makes one from a function and its slope."
    )


def _number(value: object) -> float:
    """A number of a configuration, in files of Keras 2 sometimes in a dictionary."""
    if isinstance(value, Mapping):
        value = value.get("value")
    if not isinstance(value, int | float):
        raise ValueError(f"Its activation has the parameter {value!r}. {BY_HAND}.")
    return float(value)


def _named(value: object) -> tuple[str, Config]:
    """Class name and configuration of a serialised object."""
    if not isinstance(value, Mapping):
        return str(value), {}
    config = value.get("config")
    return str(value.get("class_name", "")), config if isinstance(config, Mapping) else {}


class Entry(NamedTuple):
    """A layer in the configuration of a model, with the names of the models around it.

    Attributes
    ----------
    path : tuple of str
        Names of layers.
    stored : tuple of str
        Where Keras 3 stores it in a file of weights.
    settings : Settings
    """

    path: tuple[str, ...]
    stored: tuple[str, ...]
    settings: Settings
    bidirectional: bool = False


DEPTH = 32  # models in models


def entries(config: object, *, old: bool) -> list[Entry]:
    """The recurrent layers of a model's configuration, in its order."""
    name, own = _named(config)
    if isinstance(config, Mapping) and isinstance(config.get("config"), Sequence):
        own = {"layers": config["config"]}  # a Sequential of Keras 2.1
    return _below(name, own, (), (), old=old)


def _below(
    class_name: str, config: Config, path: tuple[str, ...], stored: tuple[str, ...], *, old: bool
) -> list[Entry]:
    if len(path) > DEPTH:
        return []
    if class_name == "Bidirectional":
        forward_name, forward = _named(config.get("layer"))
        first = of_layer(forward_name, forward, old=old)
        other = config.get("backward_layer")
        back_name, back = _named(other) if other else (forward_name, {**forward})
        if not other:
            back = {**forward, "go_backwards": not forward.get("go_backwards")}
        second = of_layer(back_name, back, old=old)
        settings = of_pair(first, second, config.get("merge_mode", "concat"))
        return [Entry(path, stored, settings, True)]
    if looks_recurrent(class_name):
        return [Entry(path, stored, of_layer(class_name, config, old=old))]
    if isinstance(config.get("layer"), Mapping):  # a wrapper, such as TimeDistributed
        inner, own = _named(config["layer"])
        return _below(
            inner, own, (*path, str(own.get("name", "layer"))), (*stored, "layer"), old=old
        )
    found: list[Entry] = []
    layers = config.get("layers")
    counts: dict[str, int] = {}
    for each in layers if isinstance(layers, Sequence) and not isinstance(layers, str) else ():
        inner, own = _named(each)
        kind = snake_case(inner)
        number = counts[kind] = counts.get(kind, -1) + 1
        place = kind if number == 0 else f"{kind}_{number}"
        name = own.get("name") or (each.get("name") if isinstance(each, Mapping) else None) or place
        found += _below(inner, own, (*path, str(name)), (*stored, "layers", place), old=old)
    return found


def snake_case(name: str) -> str:
    """The name that Keras 3 gives to a layer of a class in files.

    Examples
    --------
    >>> [snake_case(name) for name in ("LSTM", "SimpleRNN", "TimeDistributed")]
    ['lstm', 'simple_rnn', 'time_distributed']
    """
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
