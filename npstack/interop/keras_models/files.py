"""The recurrent layers in a file of Keras 2 or 3, from its arrays and its configuration.

Four ways of naming arrays are known::

    layers/bidirectional/forward_layer/cell/vars/0      Keras 3, by the classes of layers
    bi/bi/forward_gru/gru_cell/kernel:0                 HDF5 of Keras 2.3 to 3, by their names
    rec/sequential/rec/lstm_cell/kernel                 HDF5 of Keras 3, of a Sequential
    lstm_1/lstm_1/kernel:0                              HDF5 of Keras before 2.3

Nothing here imports Keras: a configuration is read, and nothing in it is built.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from npstack.core.errors import DataError, fail
from npstack.core.numerics import Array
from npstack.interop.files.stored import SPOILT
from npstack.interop.keras_models.settings import Entry, Settings, entries
from npstack.interop.known_layouts import LAYOUTS
from npstack.interop.opened import Opened
from npstack.interop.parts import BLOCKS, RecurrentPart

ARRAYS = ("kernel", "recurrent_kernel", "bias")
CELL = re.compile(r"(.*_)?(cell|cells)(_\d+)?")
SIDES = {"forward": 0, "backward": 1}
Weights = dict[str, Array]  # by the names in ARRAYS
GUESSED = {
    "keras": (
        "no version of Keras is recorded; names without ':0' are taken for those of Keras 2.3 or "
        "newer, whose gates are sigmoids; if older: activations={'gates': 'hard_sigmoid_fifth'}",
    ),
    "keras2": (
        "no version of Keras is recorded; names with ':0' are taken for those of Keras before 2.3, "
        "whose gates are hard sigmoids; if newer: activations={'gates': 'sigmoid'}",
    ),
}
WITHOUT = (
    "the file has no configuration: its layers read forward, return all steps and join directions "
    "by concat; where they do not: load(…, backwards=True), return_sequences=False or merge='sum'"
)


class Version(NamedTuple):
    """The version of Keras that wrote a file; a guess by its names, where none is recorded."""

    major: int
    minor: int
    guessed: bool = False


class Group(NamedTuple):
    """The arrays of one layer of a file.

    Attributes
    ----------
    ways : dict of list
        The cells of each direction, the lowest first.
    by_class : bool
        Whether its place is made of names of classes, as in Keras 3.
    """

    ways: dict[int, list[Weights]]
    by_class: bool


def opened(arrays: Mapping[str, Array], attributes: Mapping[str, Any]) -> Opened | None:
    """The recurrent layers in a file of Keras; None if it is none.

    Parameters
    ----------
    arrays, attributes
        What `npstack.interop.files.read_file` gives.

    Returns
    -------
    Opened, or None
        In the order of the model, if the file holds its configuration. Without one, the attributes
        are empty: what is assumed follows from the layout, ``keras`` or ``keras2``, whose hard
        sigmoids no file records; `npstack.interop.read` lists it. If no version is recorded
        either, the layout follows from the names, and ``assumed`` says so.

    Raises
    ------
    DataError
        The configuration is not that of a model of Keras.
    """
    found = _found(arrays, attributes)
    if not found and "model_config" not in attributes:
        return None
    ways = {part.name: group.ways for part, group in found if group is not None}
    return Opened(tuple(part for part, _ in found), lambda part: named(part, ways[part.name]))


def named(part: RecurrentPart, ways: Mapping[int, list[Weights]]) -> dict[str, Array]:
    """Arrays of Keras under the names of a layout; those of the k-th layer below ``k/``."""
    column = LAYOUTS[part.layout].column(part.kind)
    assert column is not None
    arrays: dict[str, Array] = {}
    for direction, cells in ways.items():
        names = dict.fromkeys(name for name, _ in column.named(0, direction, len(ways)))
        for number, cell in enumerate(cells):
            prefix = f"{number}/" if part.layers > 1 else ""
            for theirs, array in zip(names, ARRAYS, strict=True):
                if array in cell:
                    arrays[prefix + theirs] = cell[array]
    return arrays


def _found(
    arrays: Mapping[str, Array], attributes: Mapping[str, Any]
) -> list[tuple[RecurrentPart, Group | None]]:
    """The parts and their arrays."""
    groups = groups_of(arrays, attributes)
    version = _version(arrays, attributes)
    config = attributes.get("model_config")
    listed: list[Entry] = []
    if config is not None:
        try:
            listed = entries(config, old=version < (3, 0))
        except (TypeError, ValueError, AttributeError, LookupError) as error:
            expected = "the file must hold the configuration of a model of Keras"
            fail(DataError, "recurrent_parts", expected, f"{type(error).__name__}: {error}", SPOILT)
    found: list[tuple[RecurrentPart, Group | None]] = []
    for entry in listed:
        again = entry.path[:1] + entry.path  # a Sequential that has the name of its layer
        places = ("/".join(entry.stored), "/".join(entry.path), "/".join(again))
        own = next((at for at in places if at in groups), None)
        group = None if own is None else groups.pop(own)
        name = "/".join(entry.path)
        found.append((_part(name, entry.settings, group, version, entry.bidirectional), group))
    for place, group in groups.items():
        name = _name(attributes, place) if group.by_class else place
        found.append((_part(name, None, group, version, len(group.ways) == 2), group))
    return _with_own_names(found)


def _with_own_names(
    found: list[tuple[RecurrentPart, Group | None]],
) -> list[tuple[RecurrentPart, Group | None]]:
    """The same parts, no two of one name."""
    taken: set[str] = set()
    result = []
    for part, group in found:
        name, number = part.name, 2
        while name in taken:
            name, number = f"{part.name}_{number}", number + 1
        taken.add(name)
        result.append((part._replace(name=name), group))
    return result


def _part(
    name: str, settings: Settings | None, group: Group | None, version: Version, pair: bool
) -> RecurrentPart:
    """One part: from its configuration if there is one, and from the shapes of its arrays."""
    refused = "" if settings is None else settings.refused
    kind = "" if settings is None else settings.kind
    D = H = 0
    layers = 1 if settings is None else len(settings.units)
    layout = "keras2" if version < (2, 3) else "keras"
    if group is not None:
        ways = list(group.ways.values())
        first, last = ways[0][0], ways[0][-1]
        D, H = first["kernel"].shape[0], last["recurrent_kernel"].shape[0]
        blocks = first["kernel"].shape[1] // first["recurrent_kernel"].shape[0]
        shapes = [[_shape(cell) for cell in cells] for cells in ways]
        kind = kind or BLOCKS[blocks]
        if settings is None:
            layers = len(ways[0])
        if (
            "bias" in first
            and kind != "rnn"
            and first["bias"].shape == (2 * blocks * len(first["recurrent_kernel"]),)
        ):
            layout = "keras2-cudnn"
        wrong = kind != BLOCKS[blocks] or {len(cells) for cells in ways} != {layers}
        if not refused and (wrong or shapes[0] != shapes[-1] or (len(ways) == 2) != pair):
            refused = "Its arrays do not fit its configuration, or each other. " + SPOILT
    elif not refused:
        refused = "The file has no weights for it. Give the file that has them."
    if layers > 1 and pair and not refused:
        refused = (
            "Its directions are stacks that are joined at the end only (§8.5). Bring in each "
            "direction by itself, and join them: Bidirectional(forward, …)."
        )
    guessed = GUESSED.get(layout, ()) if version.guessed and kind != "rnn" else ()
    return RecurrentPart(
        name=name,
        kind=kind or "lstm",
        input_size=D,
        hidden_size=H,
        layers=layers,
        bidirectional=pair,
        layout=layout,
        attributes={} if settings is None else dict(settings.attributes),
        refused=refused,
        assumed=() if settings else (WITHOUT, *guessed),
        remarks=() if settings is None else settings.said,
    )


def _shape(cell: Weights) -> list[tuple[str, tuple[int, ...]]]:
    return [(name, value.shape) for name, value in sorted(cell.items())]


# ---- arrays by layer -----------------------------------------------------------------------------


def groups_of(arrays: Mapping[str, Array], attributes: Mapping[str, Any]) -> dict[str, Group]:
    """The arrays of recurrent layers, by the place of the layer."""
    cells: dict[tuple[str, ...], Weights] = {}
    numbered = set()
    for path, value in arrays.items():
        *place, name = path.removesuffix(":0").split("/")
        if place and place[-1] == "vars" and name in ("0", "1", "2"):
            place, name = place[:-1], ARRAYS[int(name)]
            if not CELL.fullmatch(place[-1] if place else ""):
                continue
            numbered.add(tuple(place))
        if name in ARRAYS:
            cells.setdefault(tuple(place), {})[name] = value
    groups: dict[str, Group] = {}
    order = _order(attributes)
    found = sorted(cells, key=lambda own: (order.get("/".join(own), 0), *map(_natural, own)))
    for own in found:
        if _recurrent(cells[own]):
            at, side = _layer(own if own in numbered else _without_model(own))
            by_class = bool({"layers", "forward_layer", "backward_layer"} & set(own))
            group = groups.setdefault("/".join(at), Group({}, by_class))
            group.ways.setdefault(side, []).append(cells[own])
    return {
        at: group._replace(ways=dict(sorted(group.ways.items()))) for at, group in groups.items()
    }


def _recurrent(cell: Weights) -> bool:
    """Whether these are the arrays of an LSTM, a GRU or a SimpleRNN."""
    if not {"kernel", "recurrent_kernel"} <= set(cell):
        return False
    W, U = cell["kernel"].shape, cell["recurrent_kernel"].shape
    if len(W) != 2 or len(U) != 2 or 0 in W + U or W[1] != U[1]:
        return False
    return U[1] % U[0] == 0 and U[1] // U[0] in BLOCKS


def _layer(place: tuple[str, ...]) -> tuple[tuple[str, ...], int]:
    """The place of the layer of a cell, and the direction."""
    side = 0
    for k, name in enumerate(place):
        begin = name.partition("_")[0]
        if k and begin in SIDES and name != begin:
            place, side = place[:k], SIDES[begin]
            break
    while len(place) > 1 and CELL.fullmatch(place[-1]):
        place = place[:-1]
    return place, side


def _without_model(place: tuple[str, ...]) -> tuple[str, ...]:
    """Without what is before the layer in HDF5 by names: its group, and a model around it."""
    return place[place.index(place[0], 1) :] if place and place[0] in place[1:] else place


def _order(attributes: Mapping[str, Any]) -> dict[str, int]:
    """Where the places of cells come in lists of weights, in HDF5 by names."""
    inside = attributes.get("inside", {})
    found: dict[str, int] = {}
    layers = attributes.get("layer_names", ())
    for k, group in enumerate(layers if isinstance(layers, list) else ()):
        own = inside.get(group, {}) if isinstance(group, str) else {}
        names = own.get("weight_names", ()) if isinstance(own, Mapping) else ()
        for n, name in enumerate(names if isinstance(names, list) else ()):
            found.setdefault(f"{group}/{str(name).rpartition('/')[0]}", 100_000 * k + n)
    return found


def _natural(name: str) -> tuple[str, int]:
    """``lstm_cell_10`` after ``lstm_cell_9``, and both after ``lstm_cell``."""
    begin, _, number = name.rpartition("_")
    return (begin, int(number)) if number.isdecimal() and begin else (name, -1)


def _name(attributes: Mapping[str, Any], place: str) -> str:
    """The names of layers at a place of Keras 3, if the file says them."""
    inside: Any = attributes.get("inside", {})
    pieces, names = place.split("/"), []
    for k, piece in enumerate(pieces):
        if piece != "layers":
            own = inside.get("/".join([*pieces[: k + 1], "vars"]), {})
            said = own.get("name") if isinstance(own, Mapping) else None
            names.append(said if isinstance(said, str) else piece)
    return "/".join(names)


def _version(arrays: Mapping[str, Array], attributes: Mapping[str, Any]) -> Version:
    """The version of Keras that wrote a file: as it says, or by the names of its arrays."""
    said = attributes.get("keras_version")
    numbers = re.match(r"(\d+)\.(\d+)", said) if isinstance(said, str) else None
    if numbers:
        return Version(int(numbers[1]), int(numbers[2]))
    if any("/vars/" in name for name in arrays):
        return Version(3, 0)
    older = any(name.endswith("kernel:0") for name in arrays)
    return Version(2, 0, guessed=True) if older else Version(3, 0, guessed=True)
