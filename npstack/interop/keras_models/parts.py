"""The recurrent layers of a live Keras model: where they are, and their arrays."""

from __future__ import annotations

from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from npstack.core.errors import ArgumentError, describe, fail, optional_package
from npstack.core.numerics import Array
from npstack.interop.keras_models.files import ARRAYS, named
from npstack.interop.keras_models.settings import Settings, of_layer, of_pair, refused
from npstack.interop.opened import Opened
from npstack.interop.parts import RecurrentPart


def import_keras(where: str) -> ModuleType:
    """Keras, or the error that names the extra."""
    advice = 'Run pip install "npstack[frameworks]", and set KERAS_BACKEND.'
    return optional_package(where, "keras", "Keras 3 must be installed", advice)


# ---- where they are ------------------------------------------------------------------------------


class Place(NamedTuple):
    """A recurrent layer of a model; ``pair`` holds the two layers of a Bidirectional."""

    name: str
    layer: Any
    pair: tuple[Any, ...]


def places(where: str, keras: ModuleType, model: Any) -> list[Place]:
    """The recurrent layers of a model, outer layers first, each layer once."""
    found: list[Place] = []
    seen: set[int] = set()
    names: set[str] = set()

    def visit(layer: Any, path: tuple[str, ...]) -> None:
        if id(layer) in seen:
            return
        seen.add(id(layer))
        pair = isinstance(layer, keras.layers.Bidirectional)
        if pair or isinstance(layer, keras.layers.RNN):
            name, number = "/".join(path), 2
            while name in names:  # names of layers are unique only within one model
                name, number = f"{'/'.join(path)}_{number}", number + 1
            names.add(name)
            both = (layer.forward_layer, layer.backward_layer) if pair else ()
            found.append(Place(name, layer, both))
            return
        inner = (
            layer.layers if isinstance(layer, keras.Model) else layer._flatten_layers(False, False)
        )
        for each in inner:
            visit(each, (*path, each.name))

    if not isinstance(model, keras.layers.Layer):
        expected = "model must be a model or a layer of Keras"
        fail(ArgumentError, where, expected, describe(model), "Give the object, or a file's path.")
    visit(model, ())
    return found


def opened(where: str, model: Any) -> Opened:
    """The recurrent layers of a live Keras model or layer, in its order.

    Parameters
    ----------
    where : str
    model : keras.Model or keras.layers.Layer

    Returns
    -------
    Opened
        The name of a part is the path of layer names, ``"encoder/lstm_1"``; a layer that is used
        twice is listed once. Layers of own classes, own activations, ConvLSTM and the like are
        listed with the reason in ``refused``. Arrays have the names of the layout ``keras``.
    """
    keras = import_keras(where)
    found = {place.name: place for place in places(where, keras, model)}
    parts = tuple(part_at(keras, place) for place in found.values())
    return Opened(parts, lambda part: _arrays(keras, found[part.name], part))


def part_at(keras: ModuleType, place: Place) -> RecurrentPart:
    """The part that a layer is."""
    settings = settings_at(keras, place)
    built = place.layer.built and all(layer.built for layer in place.pair)
    if not built and not settings.refused:
        settings = settings._replace(refused="It has no weights yet. Call the model once.")
    D = 0
    if not settings.refused:
        D = int(_cells(place.pair[0] if place.pair else place.layer)[0].kernel.shape[0])
    return RecurrentPart(
        name=place.name,
        kind=settings.kind,
        input_size=D,
        hidden_size=settings.units[-1],
        layers=len(settings.units),
        bidirectional=bool(place.pair),
        layout="keras",
        attributes=dict(settings.attributes),
        refused=settings.refused,
        remarks=settings.said,
    )


def settings_at(keras: ModuleType, place: Place) -> Settings:
    """What the configuration of a layer says."""
    if not place.pair:
        return _settings_of(keras, place.layer)
    forward, backward = (_settings_of(keras, layer) for layer in place.pair)
    return of_pair(forward, backward, place.layer.merge_mode)


def _settings_of(keras: ModuleType, layer: Any) -> Settings:
    """The settings of one layer; one of an own class is refused, whatever it is called."""
    own = type(layer)
    if own not in (
        keras.layers.RNN,
        *(getattr(keras.layers, k) for k in ("LSTM", "GRU", "SimpleRNN")),
    ):
        return of_layer(f"{own.__module__.split('.')[0]}.{own.__name__}", {}, old=False)
    if own is keras.layers.RNN:
        kinds = {getattr(keras.layers, f"{k}Cell") for k in ("LSTM", "GRU", "SimpleRNN")}
        strange = [type(cell).__name__ for cell in _cells(layer) if type(cell) not in kinds]
        if strange:
            advice = (
                "Pass its arrays to npstack.interop.read if a cell of npstack computes the same."
            )
            return refused(strange[0], f"Its cell {strange[0]} is none of Keras. {advice}")
    return of_layer(own.__name__, layer.get_config(), old=False)


def _cells(layer: Any) -> list[Any]:
    """The cells of a recurrent layer, the lowest first."""
    cells = getattr(layer.cell, "cells", None)
    return [layer.cell] if cells is None else list(cells)


# ---- their arrays --------------------------------------------------------------------------------


def _arrays(keras: ModuleType, place: Place, part: RecurrentPart) -> dict[str, Array]:
    """The arrays of a part; those of a stack of cells have the prefixes ``0/``, ``1/``, …"""
    ways = {
        direction: [
            {
                name: np.array(keras.ops.convert_to_numpy(getattr(cell, name)))
                for name in ARRAYS
                if getattr(cell, name) is not None
            }
            for cell in _cells(layer)
        ]
        for direction, layer in enumerate(place.pair or (place.layer,))
    }
    return named(part, ways)
