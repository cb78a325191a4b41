"""The recurrent nodes of an ONNX model: where they are, and their arrays.

A file is read by a process with limits (`files.child`), and tensors that are stored beside it are
read from its own folder only. A model that is already an object is looked at here.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from npstack.core.activations import Activation
from npstack.core.errors import ArgumentError, DataError, describe, fail, optional_package
from npstack.core.numerics import Array
from npstack.files.paths import check_path, of_file, open_file
from npstack.interop.files.child import in_child
from npstack.interop.files.stored import SPOILT
from npstack.interop.onnx_models.nodes import WEIGHTS, Node, is_recurrent, read_node
from npstack.interop.onnx_models.values import DEPTH, NotConstant, Scope, Values, brief_name
from npstack.interop.opened import Opened
from npstack.interop.parts import RecurrentPart

MOST = 2**31  # bytes that one message of protobuf can have


def import_onnx(where: str, name: str = "onnx") -> Any:
    """A package for ONNX, or the error that names the extra."""
    advice = 'Run pip install "npstack[interop]".'
    return optional_package(where, name, f"{name} must be installed", advice)


# ---- where they are ------------------------------------------------------------------------------


class Found(NamedTuple):
    """A recurrent node in its graphs.

    Attributes
    ----------
    node : onnx.NodeProto
    scope : Scope
    inside : tuple
        The nodes around it, the outermost first, each with the attribute that holds the graph.
    """

    node: Any
    scope: Scope
    inside: tuple[tuple[Any, str], ...]


def nodes_of(scope: Scope, inside: tuple[tuple[Any, str], ...] = ()) -> Iterator[Found]:
    """The recurrent nodes of a graph and of all graphs in it, in their order."""
    from onnx import AttributeProto

    for node in scope.graph.node:
        if is_recurrent(node):
            yield Found(node, scope, inside)
        for attribute in node.attribute:
            graphs = [attribute.g] if attribute.type == AttributeProto.GRAPH else attribute.graphs
            for graph in graphs:
                if scope.depth < DEPTH:
                    yield from nodes_of(Scope(graph, scope), (*inside, (node, attribute.name)))


def tensors_of(graph: Any) -> Iterator[Any]:
    """The tensors of a graph and of all graphs in it."""
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
            for inner in (attribute.g, *attribute.graphs):
                yield from tensors_of(inner)


def names_of(found: list[Found]) -> list[str]:
    """A name for each node: its own if no other has it, else with the nodes around it."""
    own = Counter(each.node.name for each in found)
    names: list[str] = []
    taken: Counter[str] = Counter()
    for number, each in enumerate(found):
        name = each.node.name or f"{each.node.op_type}_{number}"
        if own[each.node.name] > 1 or not each.node.name:
            around = [f"{node.name or node.op_type}.{branch}" for node, branch in each.inside]
            name = "/".join([*around, name])
        unique = name
        while unique in taken:
            taken[name] += 1
            unique = f"{name}_{taken[name]}"
        taken[unique] += 1
        names.append(unique)
    return names


def survey(
    where: str, model: Any, size: int, external: Callable[[Any], bytes]
) -> list[tuple[Found, Node]]:
    """The recurrent nodes of a model, with all that is known of them."""
    values = Values(where, size, external)
    found = list(nodes_of(Scope(model.graph)))
    named = zip(found, names_of(found), strict=True)
    return [(each, read_node(name, each.node, each.scope, values)) for each, name in named]


def inlined(model: Any) -> Any:
    """The model without functions of its own: their nodes in their places."""
    if not model.functions:
        return model
    from onnx import inliner

    return inliner.inline_local_functions(model)


# ---- from a file ---------------------------------------------------------------------------------


def parsed(where: str, text: bytes) -> Any:
    """The model in these bytes."""
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
    from onnx import ModelProto

    model = ModelProto()
    try:
        model.ParseFromString(text)
    except DecodeError as error:
        fail(DataError, where, "it must be a model of ONNX", brief_name(str(error)), SPOILT)
    if not model.graph.node and not model.graph.output:
        fail(DataError, where, "it must be a model of ONNX", "one without a graph", SPOILT)
    return inlined(model)


Pieces = dict[str, list[int]]  # what is stored in other files: beginning and length in the stream


def key_of(tensor: Any) -> str:
    """Location, offset and length of a tensor that is stored in another file, as JSON."""
    entry = {own.key: own.value for own in tensor.external_data}
    return json.dumps([entry.get(name, "") for name in ("location", "offset", "length")])


def in_process(
    stream: BinaryIO, where: str, length: int, pieces: Pieces
) -> tuple[Any, dict[str, Array]]:
    """What `files.child` runs: the nodes of a model, and their arrays below ``0/``, ``1/``, …

    After ``length`` bytes of the model, the stream holds what is stored in other files. If more of
    these are needed, the answer is which.
    """
    model = parsed(where, stream.read(length))
    needed: dict[str, None] = {}

    def external(tensor: Any) -> bytes:
        key = key_of(tensor)
        if key not in pieces:
            needed.setdefault(key)
            raise NotConstant("another file")
        stream.seek(length + pieces[key][0])
        return stream.read(pieces[key][1])

    nodes = [node for _, node in survey(where, model, stream.seek(0, io.SEEK_END), external)]
    if needed:
        return {"needed": list(needed)}, {}
    arrays = {f"{k}/{name}": a for k, node in enumerate(nodes) for name, a in node.arrays.items()}
    return {"nodes": [node[:-1] for node in nodes]}, arrays


def _from_file(where: str, model: Any) -> list[Node]:
    """The nodes of a file, or of the bytes of one."""
    import_onnx(where)
    folder = None if isinstance(model, bytes) else check_path(where, model).parent
    with ExitStack() as stack:
        if isinstance(model, bytes):
            source: BinaryIO = io.BytesIO(model)
        else:
            source = stack.enter_context(open_file(where, model, MOST, "Give a smaller one."))
        length, pieces = source.seek(0, io.SEEK_END), Pieces()
        while True:
            given = model if isinstance(model, bytes) else source
            told = (where, length, pieces)
            reply, arrays = in_child(
                f"{__name__}:in_process", given, *told, where=where, package="onnx"
            )
            missing = reply.get("needed")
            if not missing:
                break
            if folder is None:
                expected, got = "all tensors must be in these bytes", "some in other files"
                fail(DataError, where, expected, got, "Give the path of the model.")
            joined = stack.enter_context(tempfile.TemporaryFile())
            source.seek(0)
            shutil.copyfileobj(source, joined)
            for key in missing:
                pieces[key] = [joined.tell() - length, 0]
                pieces[key][1] = joined.write(beside(where, folder, key))
            source = joined
    nodes = []
    for k, values in enumerate(reply["nodes"]):
        name, kind, sizes, bidirectional, attributes, refused = values
        own = {key: arrays[f"{k}/{key}"] for key in WEIGHTS if f"{k}/{key}" in arrays}
        nodes.append(Node(name, kind, tuple(sizes), bidirectional, attributes, refused, own))
    return nodes


def beside(where: str, folder: Path, key: str) -> bytes:
    """The bytes of a tensor in a file next to the model, which must not leave its folder."""
    location, *numbers = json.loads(key)
    expected = "a tensor in another file must be in the folder of the model"
    home = folder.resolve()
    try:
        place = (home / location).resolve(strict=True)
    except (OSError, ValueError) as error:
        got = f"{brief_name(location)}: {type(error).__name__}"
        fail(DataError, where, expected, got, "Put it there, as it came with the model.")
    inside = place.is_relative_to(home) and not os.path.isabs(location) and place.is_file()
    if not inside or ".." in Path(location).parts:
        fail(DataError, where, expected, brief_name(location), SPOILT)
    size = place.stat().st_size
    offset, length = (
        (int(n) if n.isdecimal() and n.isascii() and len(n) < 20 else -1) if n else usual
        for n, usual in zip(numbers, (0, size), strict=True)
    )
    length = size - offset if not numbers[1] else length
    if min(offset, length) < 0 or offset + length > size:
        got = f"{', '.join(map(brief_name, numbers))} of {size:,} bytes"
        fail(DataError, where, f"{brief_name(location)} must hold the tensor", got, SPOILT)
    with open_file(where, place) as file:
        file.seek(offset)
        return file.read(length)


# ---- parts and arrays ----------------------------------------------------------------------------


def opened(where: str, model: Any) -> Opened:
    """The recurrent nodes of an ONNX model and of all graphs in it: LSTM, GRU and RNN.

    Parameters
    ----------
    where : str
    model : str, Path, bytes or onnx.ModelProto
        A file, or its bytes, is read by a process with limits; nothing in it is executed.

    Returns
    -------
    Opened
        The name of a part is that of the node; with the nodes around it,
        ``"If_0.then_branch/LSTM_1"``, if it has none or shares it. A node whose weights are not
        constant, whose operator is not the standard's, or whose directions have different
        activations is listed with the reason in ``refused``; sizes that are not known are 0.
        Arrays have the names of the layout ``onnx``: W, R, B, P.

    Raises
    ------
    DataError
        The file is damaged, or a tensor is stored outside of its folder.
    MissingPackageError
        onnx is not installed.
    """
    if isinstance(model, str | os.PathLike | bytes):
        nodes = _from_file(where if isinstance(model, bytes) else of_file(where, model), model)
    else:
        onnx = import_onnx(where)
        if not isinstance(model, onnx.ModelProto):
            expected = "model must be a path, bytes or an onnx.ModelProto"
            fail(ArgumentError, where, expected, describe(model), "Give the path of the file.")
        found = survey(where, inlined(model), model.ByteSize(), no_folder)
        nodes = [node for _, node in found]
    arrays = {node.name: node.arrays for node in nodes}
    return Opened(tuple(map(part_of, nodes)), lambda part: arrays[part.name])


def no_folder(tensor: Any) -> bytes:
    """What is done about a tensor in another file, if there is no folder."""
    said = brief_name(json.loads(key_of(tensor))[0])
    raise NotConstant(f"the file {said}, which is not looked for: give the path of the model")


def part_of(node: Node) -> RecurrentPart:
    """The part that a node is."""
    attributes = dict(node.attributes)
    if "activations" in attributes:
        attributes["activations"] = {
            gate: value if isinstance(value, str) else _with_parameters(*value)
            for gate, value in attributes["activations"].items()
        }
    return RecurrentPart(
        name=node.name,
        kind=node.kind,
        input_size=node.sizes[0],
        hidden_size=node.sizes[1],
        layers=1,
        bidirectional=node.bidirectional,
        layout="onnx",
        attributes=attributes,
        refused=node.refused,
    )


def _with_parameters(name: str, alpha: float, beta: float | None = None) -> Activation:
    return Activation(name, alpha=alpha, beta=beta)
