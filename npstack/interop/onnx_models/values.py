"""Constant values of an ONNX graph: weights, and what moves them about before a node reads them.

Exporters put `Unsqueeze`, `Concat`, `Slice` and the like between the stored tensors and the
recurrent node. These operators move numbers and compute none, and are evaluated here; whatever
depends on an input of the graph, or is computed by another operator, is not constant, and says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from npstack.core.errors import DataError, fail
from npstack.core.numerics import Array
from npstack.interop.files.stored import SPOILT, most_bytes

DEPTH = 100  # operators one after the other, graphs in graphs


class NotConstant(Exception):
    """A value that is known only at run time; the message says why, after "comes from"."""


class Scope:
    """A graph, and the graphs around it, whose names it can read.

    Parameters
    ----------
    graph : onnx.GraphProto
    parent : Scope, optional
    """

    def __init__(self, graph: Any, parent: Scope | None = None) -> None:
        self.graph, self.parent = graph, parent
        self.depth: int = 0 if parent is None else parent.depth + 1
        self.tensors = {tensor.name: tensor for tensor in graph.initializer}
        self.inputs = {value.name for value in graph.input}
        self.makers = {
            name: (node, place)
            for node in graph.node
            for place, name in enumerate(node.output)
            if name
        }


class Values:
    """Values by name.

    Parameters
    ----------
    where : str
        For errors.
    size : int
        Bytes of the file, from which the limit of memory follows.
    external : callable
        Gives the bytes of a tensor that is stored in another file.
    """

    def __init__(self, where: str, size: int, external: Callable[[Any], bytes]) -> None:
        self.where, self.room, self.external = where, most_bytes(size), external
        self.known: dict[tuple[int, str], Array] = {}
        self.scopes: list[Scope] = []  # kept, so that no id is used twice

    def value(self, scope: Scope, name: str, depth: int = 0) -> Array:
        """The constant of a name.

        Raises
        ------
        NotConstant
            It is not constant.
        DataError
            The file is damaged.
        """
        if depth > DEPTH:
            raise NotConstant(f"a chain of more than {DEPTH} operators")
        key = (id(scope), name)
        if key in self.known:
            return self.known[key]
        if name in scope.tensors:
            found = self.tensor(scope.tensors[name])
        elif name in scope.makers:
            node, place = scope.makers[name]
            found = self._made(scope, node, place, depth + 1)
        elif name in scope.inputs:
            raise NotConstant(f"{name!r}, an input of the graph")
        elif scope.parent is None:
            raise NotConstant(f"{name!r}, which the graph does not have")
        else:
            return self.value(scope.parent, name, depth + 1)
        self.room -= found.nbytes
        if self.room < 0:
            expected = "its constants must fit into the memory for a file of its size"
            fail(DataError, self.where, expected, "more", SPOILT)
        self.scopes.append(scope)
        self.known[key] = found
        return found

    def tensor(self, tensor: Any) -> Array:
        """The array of a tensor of the file; bfloat16 as float32."""
        from onnx import TensorProto, numpy_helper

        if tensor.data_location == TensorProto.EXTERNAL:
            raw = self.external(tensor)
            tensor = _with_bytes(tensor, raw)
        name = brief_name(tensor.name)
        held = max(len(tensor.raw_data), *(8 * len(getattr(tensor, k)) for k in FIELDS))
        if any(n < 0 for n in tensor.dims) or math.prod(tensor.dims) > 8 * held:
            fail(DataError, self.where, f"{name} must have its numbers in the file", "none", SPOILT)
        try:
            found = np.asarray(numpy_helper.to_array(tensor))
        except (ValueError, TypeError, KeyError, OverflowError) as error:
            expected = f"{name} must have as many numbers as its shape says"
            fail(DataError, self.where, expected, f"{tuple(tensor.dims)}: {error}", SPOILT)
        if tensor.data_type == TensorProto.BFLOAT16:
            found = found.astype(np.float32)
        if found.dtype.kind not in "fiub":
            raise NotConstant(f"{name}, a tensor of {found.dtype.name}")
        return found

    def _made(self, scope: Scope, node: Any, place: int, depth: int) -> Array:
        """The output of an operator whose inputs are constant."""
        own = f"{node.op_type} {node.name!r}" if node.name else node.op_type
        standard = node.domain in ("", "ai.onnx")
        if standard and node.op_type == "If":
            return self._branch(scope, node, place, depth)
        if not standard or node.op_type not in OPERATORS:
            raise NotConstant(f"{own}, an operator that computes at run time")
        given = [self.value(scope, name, depth) if name else None for name in node.input]
        if sum(a.nbytes for a in given if a is not None) > self.room:
            fail(DataError, self.where, "its constants must fit into memory", "more", SPOILT)
        try:
            return OPERATORS[node.op_type](self, attributes_of(self.where, node), given, place)
        except (ValueError, TypeError, LookupError, OverflowError, AttributeError) as error:
            message = f"{type(error).__name__}: {error}"
            fail(DataError, self.where, f"{own} must fit its inputs", message, SPOILT)

    def _branch(self, scope: Scope, node: Any, place: int, depth: int) -> Array:
        """The output of the branch that an `If` takes, if its condition is constant."""
        try:
            condition = self.value(scope, node.input[0], depth)
        except (NotConstant, IndexError):
            own = f"If {node.name!r}" if node.name else "If"
            raise NotConstant(f"{own}, whose condition is known only at run time") from None
        branch = attributes_of(self.where, node).get(
            "then_branch" if condition.any() else "else_branch"
        )
        if branch is None or place >= len(branch.output):
            fail(
                DataError,
                self.where,
                "an If must have two branches with all outputs",
                "less",
                SPOILT,
            )
        return self.value(Scope(branch, scope), branch.output[place].name, depth)


FIELDS = ("float_data", "int32_data", "int64_data", "double_data", "uint64_data", "string_data")


def brief_name(name: str) -> str:
    """A name for an error: short, and printable.

    Examples
    --------
    >>> brief_name("W"), len(brief_name("W" * 10_000))
    ("'W'", 63)
    """
    return repr(name if len(name) <= 60 else name[:60] + "…")


def attributes_of(where: str, node: Any) -> dict[str, Any]:
    """The attributes of a node by name, as plain values, tensors and graphs."""
    from onnx import helper

    found = {}
    for attribute in node.attribute:
        try:
            found[attribute.name] = helper.get_attribute_value(attribute)
        except ValueError as error:
            expected = f"the attribute {brief_name(attribute.name)} must have a value"
            fail(DataError, where, expected, str(error)[:100], SPOILT)
    return found


def _with_bytes(tensor: Any, raw: bytes) -> Any:
    own = type(tensor)()
    own.CopyFrom(tensor)
    own.ClearField("external_data")
    own.data_location = own.DEFAULT
    own.raw_data = raw
    return own


# ---- operators that move numbers -----------------------------------------------------------------

Given = list[Any]


def _axes(attributes: dict[str, Any], given: Given) -> tuple[int, ...] | None:
    """Axes from the second input, as since opset 13, or from the attribute."""
    if len(given) > 1 and given[1] is not None:
        return tuple(int(n) for n in given[1].ravel())
    return tuple(attributes["axes"]) if "axes" in attributes else None


def _constant(values: Values, own: dict[str, Any], given: Given, place: int) -> Array:
    if "value" in own:
        return values.tensor(own["value"])
    for name, dtype in (("value_float", "f4"), ("value_int", "i8")):
        for key in (name, name + "s"):
            if key in own:
                return np.array(own[key], dtype)
    raise NotConstant(f"a Constant with {', '.join(own) or 'nothing'}")


def _cast(values: Values, own: dict[str, Any], given: Given, place: int) -> Array:
    from onnx import helper

    dtype = np.dtype(helper.tensor_dtype_to_np_dtype(own["to"]))
    if dtype.kind not in "fiub":
        raise NotConstant(f"a Cast to {dtype.name}")
    with np.errstate(all="ignore"):
        return np.asarray(given[0].astype(dtype))


def _unsqueeze(values: Values, own: dict[str, Any], given: Given, place: int) -> Array:
    axes = _axes(own, given) or ()
    return np.expand_dims(given[0], axes)


def _reshape(values: Values, own: dict[str, Any], given: Given, place: int) -> Array:
    shape = [int(n) for n in given[1].ravel()]
    if not own.get("allowzero"):
        shape = [given[0].shape[k] if n == 0 else n for k, n in enumerate(shape)]
    return np.asarray(given[0].reshape(shape))


def _transpose(values: Values, own: dict[str, Any], given: Given, place: int) -> Array:
    return np.transpose(given[0], own.get("perm"))


def _slice(values: Values, own: dict[str, Any], given: Given, place: int) -> Array:
    if len(given) > 1:  # since opset 10
        lists: list[Any] = [None if a is None else a.ravel().tolist() for a in given[1:]]
    else:
        lists = [own["starts"], own["ends"], own.get("axes")]
    starts, ends, axes, steps = (*lists, None, None)[:4]
    axes = list(range(len(starts))) if axes is None else axes
    steps = [1] * len(starts) if steps is None else steps
    cut = [slice(None)] * given[0].ndim
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        cut[axis] = slice(int(start), int(end), int(step))
    return np.asarray(given[0][tuple(cut)])


def _split(values: Values, own: dict[str, Any], given: Given, place: int) -> Array:
    axis, whole = own.get("axis", 0), given[0]
    sizes = given[1].ravel().tolist() if len(given) > 1 and given[1] is not None else None
    sizes = own.get("split") if sizes is None else sizes
    if sizes is None:
        raise NotConstant("a Split into equal parts")
    if sum(sizes) != whole.shape[axis]:
        raise ValueError(f"sizes {sizes} of an axis of {whole.shape[axis]}")
    return np.asarray(np.split(whole, np.cumsum(sizes)[:-1], axis)[place])


OPERATORS: dict[str, Callable[[Values, dict[str, Any], Given, int], Array]] = {
    "Cast": _cast,
    "Concat": lambda values, own, given, place: np.concatenate(given, own["axis"]),
    "Constant": _constant,
    "Identity": lambda values, own, given, place: np.asarray(given[0]),
    "Reshape": _reshape,
    "Slice": _slice,
    "Split": _split,
    "Squeeze": lambda values, own, given, place: np.squeeze(given[0], _axes(own, given)),
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
}
