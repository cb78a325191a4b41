"""What a recurrent node of an ONNX graph is: kinds, sizes, activations, directions, weights."""

from __future__ import annotations

from typing import Any, NamedTuple

from npstack.core.numerics import Array
from npstack.interop.layout import LETTERS
from npstack.interop.onnx_models.values import NotConstant, Scope, Values, attributes_of, brief_name

KINDS = {"LSTM": "lstm", "GRU": "gru", "RNN": "rnn"}
WEIGHTS = {"W": 1, "R": 2, "B": 3, "P": 7}  # places among the inputs
PLACES = {  # of f, g, h: npstack's gates
    "lstm": ("gates", "candidate", "cell"),
    "gru": ("gates", "candidate"),
    "rnn": ("hidden",),
}
USUAL = {"lstm": ("Sigmoid", "Tanh", "Tanh"), "gru": ("Sigmoid", "Tanh"), "rnn": ("Tanh",)}
# ONNX's name in small letters: npstack's, and the defaults of alpha and beta; None: no agreed one
ACTIVATIONS: dict[str, tuple[str, tuple[float | None, ...]]] = {
    "relu": ("relu", ()),
    "tanh": ("tanh", ()),
    "sigmoid": ("sigmoid", ()),
    "softsign": ("softsign", ()),
    "softplus": ("softplus", ()),
    "elu": ("elu", (1.0,)),
    "leakyrelu": ("leaky_relu", (0.01,)),
    "hardsigmoid": ("hard_sigmoid_fifth", (0.2, 0.5)),
    "thresholdedrelu": ("thresholded_relu", (None,)),
    "scaledtanh": ("scaled_tanh", (None, None)),
    "affine": ("affine", (None, None)),
}
DIRECTIONS = ("forward", "reverse", "bidirectional")
BY_HAND = "Pass its arrays to npstack.interop.read."
FOLD = (
    "If it does not depend on the input, have onnxruntime compute it once: set "
    "SessionOptions.optimized_model_filepath, make a session, and read the file it writes."
)


class Node(NamedTuple):
    """A recurrent node.

    Attributes
    ----------
    name : str
    kind : str
    sizes : tuple of int
        D and H; 0 where they are unknown.
    bidirectional : bool
    attributes : dict
        For `npstack.interop.read`, as plain values: an activation is its name, or name and
        parameters.
    refused : str
    arrays : dict of array
    """

    name: str
    kind: str
    sizes: tuple[int, int]
    bidirectional: bool
    attributes: dict[str, Any]
    refused: str
    arrays: dict[str, Array]


class Unfit(Exception):
    """Why a node cannot be brought in, in words with what to do."""


def is_recurrent(node: Any) -> bool:
    """Whether a node is a recurrent one, of the standard or of somebody else."""
    return any(word in node.op_type.upper() for word in ("LSTM", "GRU", "RNN"))


def read_node(name: str, node: Any, scope: Scope, values: Values) -> Node:
    """Everything about a node; in ``refused``, why it cannot be brought in."""
    kind = next((own for word, own in KINDS.items() if word in node.op_type.upper()), "rnn")
    empty = Node(name, kind, (0, 0), False, {}, "", {})
    try:
        if node.domain not in ("", "ai.onnx") or node.op_type not in KINDS:
            raise Unfit(_foreign(node))
        own = attributes_of(values.where, node)
        H = _own(own, "hidden_size", int, 0)
        direction = _own(own, "direction", bytes, b"forward").decode(errors="replace")
        if direction not in DIRECTIONS:
            raise Unfit(f"Its direction is {brief_name(direction)}. {BY_HAND}")
        count = 2 if direction == "bidirectional" else 1
        empty = empty._replace(sizes=(0, max(H, 0)), bidirectional=count == 2)
        attributes = _attributes(kind, own, count)
        if direction == "reverse":
            attributes["backwards"] = True
        arrays = _arrays(kind, node, scope, values)
        D, H = _sizes(kind, arrays, count, H)
        return Node(name, kind, (D, H), count == 2, attributes, "", arrays)
    except Unfit as reason:
        return empty._replace(refused=str(reason))


def _foreign(node: Any) -> str:
    """Why a node of another operator is refused."""
    where = f" of {brief_name(node.domain)[1:-1]}" if node.domain else ""
    said = f"The operator {brief_name(node.op_type)[1:-1]}{where} is not the ONNX standard's. "
    if "Q" in node.op_type or "Quant" in node.op_type:
        return said + "It has quantised weights: bring in the model that was quantised."
    return said + f"If it computes what an LSTM, GRU or RNN computes: {BY_HAND}"


def _own(own: dict[str, Any], name: str, kind: type, default: Any) -> Any:
    """An attribute of the right type."""
    value = own.get(name, default)
    if not isinstance(value, kind):
        raise Unfit(f"Its attribute {name} is {brief_name(str(value))}. {BY_HAND}")
    return value


def _attributes(kind: str, own: dict[str, Any], directions: int) -> dict[str, Any]:
    """What `read` needs besides arrays."""
    found: dict[str, Any] = {"activations": _activations(kind, own, directions)}
    clip = _own(own, "clip", float, 0.0)
    if clip < 0 or clip != clip:
        raise Unfit(f"It has clip={clip:g}, which must be positive. {BY_HAND}")
    if clip and clip != float("inf"):
        found["clip"] = clip
    if kind == "lstm" and _own(own, "input_forget", int, 0):
        found["coupled"] = True
    if kind == "gru":
        found["reset"] = "after" if _own(own, "linear_before_reset", int, 0) else "before"
    return found


def _activations(kind: str, own: dict[str, Any], directions: int) -> dict[str, Any]:
    """npstack's activations, from names with lists of alphas and betas."""
    count = len(USUAL[kind])
    given = _own(own, "activations", list, [])
    names = [str(value, errors="replace") for value in given] or list(USUAL[kind]) * directions
    if len(names) != count * directions:
        expected = f"{count} for each of {directions} directions"
        raise Unfit(f"It names {len(names)} activations, which must be {expected}. {BY_HAND}")
    alphas = iter(_own(own, "activation_alpha", list, []))
    betas = iter(_own(own, "activation_beta", list, []))
    chosen: list[Any] = []
    for name in names:
        if name.lower() not in ACTIVATIONS:
            raise Unfit(f"Its activation {brief_name(name)} is none of ONNX. {BY_HAND}")
        ours, defaults = ACTIVATIONS[name.lower()]
        # Each list is given, in order, to the functions that take this parameter (§5.3).
        pairs = zip((alphas, betas), defaults, strict=False)
        parameters = [next(values, default) for values, default in pairs]
        if None in parameters:
            raise Unfit(
                f"Its activation {name} is without "
                f"{'alpha' if len(parameters) == 1 else 'alpha and beta'}, for which the "
                "specification and onnxruntime have different defaults (§5.3). Write "
                "activation_alpha and activation_beta into the node."
            )
        chosen.append([ours, *parameters] if parameters else ours)
    if directions == 2 and chosen[:count] != chosen[count:]:
        raise Unfit(f"Its directions have different activations. {BY_HAND[:-1]}, one by one.")
    return dict(zip(PLACES[kind], chosen, strict=False))


def _arrays(kind: str, node: Any, scope: Scope, values: Values) -> dict[str, Array]:
    """The weights that the node has, which must be constant."""
    found, reasons = {}, []
    for name, place in WEIGHTS.items():
        given = node.input[place] if place < len(node.input) else ""
        if not given or (name == "P" and kind != "lstm"):
            continue
        try:
            found[name] = values.value(scope, given)
        except NotConstant as reason:
            reasons.append(f"Its {name} comes from {reason}. {FOLD}")
            continue
        if found[name].dtype.kind != "f":
            kinds = "floating-point numbers"
            raise Unfit(f"Its {name} holds {found[name].dtype.name}, not {kinds}. {BY_HAND}")
    if reasons:
        raise Unfit(reasons[0])
    return found


def _sizes(kind: str, arrays: dict[str, Array], directions: int, H: int) -> tuple[int, int]:
    """D and H, from kernels of the right shape."""
    if not {"W", "R"} <= set(arrays):
        raise Unfit(f"It has no {'W' if 'W' not in arrays else 'R'}. {BY_HAND}")
    W, R = arrays["W"], arrays["R"]
    H = H or int(R.shape[-1] if R.ndim else 0)
    D = int(W.shape[-1]) if W.ndim == 3 else 0
    rows = len(LETTERS[kind]) * H
    wanted: dict[str, tuple[int, ...]] = {"W": (directions, rows, D), "R": (directions, rows, H)}
    wanted |= {"B": (directions, 2 * rows), "P": (directions, 3 * H)}
    for name, array in arrays.items():
        if array.shape != wanted[name] or 0 in array.shape:
            must = f"{wanted[name]} for hidden_size={H}"
            raise Unfit(f"Its {name} has the shape {array.shape}, which must be {must}. {BY_HAND}")
    return D, H
