"""The scalar oracle: the equations once more, with Python floats and loops, sharing no code.

Nothing here is imported but `math` and the language's own modules. There is no array, no
broadcasting and no hand-written backward pass: numbers are added and multiplied one by one, and
derivatives come from *dual numbers*, which carry along with every value its slopes by all inputs::

    (a, da) + (b, db) = (a + b, da + db)
    (a, da) * (b, db) = (a * b, da * b + a * db)
    f((a, da))        = (f(a), f'(a) * da)

So a gradient needs nothing but the forward pass: run it on dual numbers and read the slopes off the
result. This is far too slow for training and hard to get wrong, which is what a judge should be.

Everything goes in and comes out as nested lists. One sequence is computed at a time; a batch is a
loop over its members. With ``x`` the input, ``h'`` and ``c'`` the state before the step, for every
unit ``j``::

    a_i[j] = sum_k x[k] W[k][i, j] + sum_k h'[k] U[k][i, j] + b[i, j]       and so for f, g, o
    c[j] = sigmoid(a_f[j]) c'[j] + sigmoid(a_i[j]) tanh(a_g[j])
    h[j] = sigmoid(a_o[j]) tanh(c[j])

To add a cell, write its step (parameters, input vector, state -> new state, a dictionary whose
``h`` is handed on) and enter it in `CELLS`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

PACKED_GATES = ("i", "f", "g", "o")  # order of the gates along the columns of W and U, and in b


# ---- numbers that carry their slopes -----------------------------------------------------------


class Dual:
    """A value and its slopes by every input number.

    Examples
    --------
    >>> x, y = Dual(3.0, [1.0, 0.0]), Dual(5.0, [0.0, 1.0])
    >>> z = x * y + 2.0 * x
    >>> z.value, z.slopes
    (21.0, [7.0, 3.0])
    """

    __slots__ = ("slopes", "value")

    def __init__(self, value: float, slopes: list[float]) -> None:
        self.value = value
        self.slopes = slopes

    def __add__(self, other: Number) -> Dual:
        if isinstance(other, Dual):
            slopes = [p + q for p, q in zip(self.slopes, other.slopes, strict=True)]
            return Dual(self.value + other.value, slopes)
        return Dual(self.value + other, self.slopes)

    def __mul__(self, other: Number) -> Dual:
        a = self.value
        if isinstance(other, Dual):
            b = other.value
            slopes = [p * b + a * q for p, q in zip(self.slopes, other.slopes, strict=True)]
            return Dual(a * b, slopes)
        return Dual(a * other, [p * other for p in self.slopes])

    __radd__ = __add__
    __rmul__ = __mul__

    def __sub__(self, other: Number) -> Dual:
        return self + -1.0 * other


Number = float | Dual
Vector = list[Any]  # of numbers
State = dict[str, Vector]
Params = dict[str, Any]


def function(f: Callable[[float], float], slope: Callable[[float], float]) -> Any:
    """A function of floats and of dual numbers, from the function and its derivative."""

    def of_number(a: Number) -> Number:
        if isinstance(a, Dual):
            d = slope(a.value)
            return Dual(f(a.value), [d * p for p in a.slopes])
        return f(a)

    return of_number


def logistic(a: float) -> float:
    """``1 / (1 + exp(-a))``, never taking the exponential of a positive number: no overflow."""
    if a < 0:
        e = math.exp(a)
        return e / (1.0 + e)
    return 1.0 / (1.0 + math.exp(-a))


# The slopes are written so that neither tail cancels: s(a) s(-a) instead of y (1 - y), and
# 1 / cosh(a)^2 = 4 s(2a) s(-2a) instead of 1 - y^2.
sigmoid = function(logistic, lambda a: logistic(a) * logistic(-a))
tanh = function(math.tanh, lambda a: 4.0 * logistic(2.0 * a) * logistic(-2.0 * a))
relu = function(lambda a: max(a, 0.0), lambda a: 1.0 if a > 0 else 0.0)
ACTIVATIONS = {"linear": lambda a: a, "sigmoid": sigmoid, "tanh": tanh, "relu": relu}


# ---- cells: one step of one sequence -----------------------------------------------------------


def affine(x: Vector, W: list[Vector], column: int, start: Number) -> Number:
    """``start + sum_k x[k] W[k][column]``."""
    for value, row in zip(x, W, strict=True):
        start = start + value * row[column]
    return start


def lstm_step(params: Params, x: Vector, state: State) -> State:
    """One step of the LSTM for one sequence, unit by unit."""
    H = len(state["h"])
    h: Vector = []
    c: Vector = []
    for j in range(H):
        a = {}
        for place, gate in enumerate(PACKED_GATES):
            column = place * H + j
            from_below = affine(x, params["W"], column, params["b"][column])
            a[gate] = affine(state["h"], params["U"], column, from_below)
        kept = sigmoid(a["f"]) * state["c"][j]
        written = sigmoid(a["i"]) * tanh(a["g"])
        c.append(kept + written)
        h.append(sigmoid(a["o"]) * tanh(c[j]))
    return {"h": h, "c": c}


CELLS = {"lstm": (lstm_step, ("h", "c"))}  # the step, and the parts of the state


# ---- layers: one sequence ----------------------------------------------------------------------


@dataclass(frozen=True)
class Layer:
    """What a layer is, its parameters aside.

    ``kind`` is a name in `CELLS` (parameters ``W``, ``U``, ``b``), or one in `STEPWISE`: ``dense``
    (``W``, ``b``), ``embedding`` (``W``), ``dropout`` (none).
    """

    kind: str
    last: bool = False  # of a cell: hand on the last hidden state instead of all
    activation: str = "linear"  # of a dense layer
    rate: float = 0.0  # of dropout
    kept: Any = None  # of dropout: which numbers of [b][t][k] (or [b][k]) stay; None for all


def recurrent(
    layer: Layer, params: Params, x: list[Vector], state: State | None, valid: Sequence[bool]
) -> tuple[Any, State]:
    """A cell over time: masked steps hold the state and give zeros."""
    step, parts = CELLS[layer.kind]
    H = len(params["U"])
    if state is None:
        state = {part: [0.0] * H for part in parts}
    outputs = []
    for vector, is_valid in zip(x, valid, strict=True):
        if is_valid:
            state = step(params, vector, state)
        outputs.append(state["h"] if is_valid else [0.0] * H)
    return (state["h"] if layer.last else outputs), state


def dense(layer: Layer, params: Params, x: Vector, row: int, t: int | None) -> Vector:
    """``activation(x W + b)``."""
    activation = ACTIVATIONS[layer.activation]
    return [activation(affine(x, params["W"], j, b)) for j, b in enumerate(params["b"])]


def embedding(layer: Layer, params: Params, x: int, row: int, t: int | None) -> Vector:
    """A row of the table."""
    vector: Vector = params["W"][x]
    return vector


def dropout(layer: Layer, params: Params, x: Vector, row: int, t: int | None) -> Vector:
    """What is kept is divided by ``1 - rate``."""
    if layer.kept is None:
        return x
    kept = layer.kept[row] if t is None else layer.kept[row][t]
    return [
        a * (1.0 / (1.0 - layer.rate)) if keep else 0.0 for a, keep in zip(x, kept, strict=True)
    ]


# A function of one vector, and how long its result is (which masked steps need, for their zeros).
STEPWISE: dict[str, tuple[Callable[..., Vector], Callable[[Params, Any], int]]] = {
    "dense": (dense, lambda params, x: len(params["b"])),
    "embedding": (embedding, lambda params, x: len(params["W"][0])),
    "dropout": (dropout, lambda params, x: len(x)),
}


def run_sequence(
    model: Sequence[Layer],
    params: Sequence[Params],
    x: Any,
    states: Sequence[State | None],
    valid: Sequence[bool],
    row: int,
) -> tuple[Any, list[State]]:
    """One member of the batch through all layers, bottom first."""
    remaining, finals, has_time = iter(states), [], True
    for layer, own in zip(model, params, strict=True):
        if layer.kind in CELLS:
            x, final = recurrent(layer, own, x, next(remaining), valid)
            finals.append(final)
            has_time = not layer.last
            continue
        apply, width = STEPWISE[layer.kind]
        if has_time:
            x = [
                apply(layer, own, vector, row, t) if valid[t] else [0.0] * width(own, vector)
                for t, vector in enumerate(x)
            ]
        else:
            x = apply(layer, own, x, row, None)
    return x, finals


# ---- what the tests call -----------------------------------------------------------------------


def run(
    model: Sequence[Layer],
    params: Sequence[Params],
    x: Any,
    states: Sequence[State] | None = None,
    mask: Sequence[Sequence[bool]] | None = None,
) -> tuple[Any, list[State]]:
    """Run a model on a batch.

    Parameters
    ----------
    model, params : list of Layer, list of dict
        Bottom first; the parameters as nested lists (an empty dictionary for dropout).
    x : ``[b][t][k]``, or whole numbers ``[b][t]`` for an embedding
    states : list of dict, optional
        One per recurrent layer, each ``{"h": [b][j], "c": [b][j]}``; zeros by default.
    mask : ``[b][t]`` booleans, optional
        True at valid steps; what stands elsewhere is never read.

    Returns
    -------
    outputs : ``[b][t][k]``, or ``[b][k]`` after a layer with ``last``
    finals : list of dict
        Like ``states``.

    Examples
    --------
    >>> model = [Layer("lstm", last=True)]
    >>> params = [{"W": [[0.0] * 4], "U": [[0.0] * 4], "b": [0.0] * 4}]
    >>> outputs, finals = run(model, params, [[[1.0], [2.0]]], [{"h": [[0.0]], "c": [[4.0]]}])
    >>> round(outputs[0][0], 6), finals[0]["c"]
    (0.380797, [[1.0]])
    """
    count = sum(layer.kind in CELLS for layer in model)
    outputs, finals = [], []
    for row, sequence in enumerate(x):
        own: list[State | None] = [None] * count
        if states is not None:
            own = [{part: batch[row] for part, batch in state.items()} for state in states]
        valid = [True] * len(sequence) if mask is None else mask[row]
        output, final = run_sequence(model, params, sequence, own, valid, row)
        outputs.append(output)
        finals.append(final)
    by_layer = [{part: [f[k][part] for f in finals] for part in finals[0][k]} for k in range(count)]
    return outputs, by_layer


def weighted_sum(values: Any, weights: Any) -> Number:
    """The sum of all numbers of ``values``, each times its fellow in ``weights``."""
    pairs = zip(numbers(values), numbers(weights), strict=True)
    return sum((value * weight for value, weight in pairs), 0.0)


def mean_squared_error(predictions: Any, targets: Any, mask: Any = None) -> Number:
    """Mean of ``(prediction - target)^2``; a mask ``[b][t]`` leaves only its valid steps."""
    if mask is not None:
        places = [(b, t) for b, row in enumerate(mask) for t, valid in enumerate(row) if valid]
        predictions, targets = ([v[b][t] for b, t in places] for v in (predictions, targets))
    differences = [p - q for p, q in zip(numbers(predictions), numbers(targets), strict=True)]
    return sum((d * d for d in differences), 0.0) * (1.0 / len(differences))


def differentiate(f: Callable[[Any], Number], inputs: Any) -> tuple[float, Any]:
    """Value of ``f(inputs)`` and its derivative by every float in ``inputs``.

    ``inputs`` is any nesting of dictionaries and lists; the derivative comes back in the same
    nesting. Whole numbers, booleans and None are not differentiated and come back as they are.

    Examples
    --------
    >>> differentiate(lambda v: v["a"] * v["b"][0] + v["b"][1], {"a": 2.0, "b": [3.0, 4.0]})
    (10.0, {'a': 3.0, 'b': [2.0, 1.0]})
    """
    n = len(numbers(inputs))
    places = iter(range(n))

    def with_own_slope(value: float) -> Dual:
        slopes = [0.0] * n
        slopes[next(places)] = 1.0
        return Dual(value, slopes)

    result = f(mapped(with_own_slope, inputs))
    slopes = iter(result.slopes if isinstance(result, Dual) else [0.0] * n)
    value = result.value if isinstance(result, Dual) else result
    return value, mapped(lambda _: next(slopes), inputs)


def mapped(f: Callable[[Any], Any], tree: Any) -> Any:
    """The same nesting with ``f`` applied to every float and dual number, in order."""
    if isinstance(tree, float | Dual):
        return f(tree)
    if isinstance(tree, dict):
        return {name: mapped(f, branch) for name, branch in tree.items()}
    return [mapped(f, branch) for branch in tree] if isinstance(tree, list | tuple) else tree


def numbers(tree: Any) -> list[Any]:
    """All floats and dual numbers in a nesting, in order."""
    found: list[Any] = []
    mapped(found.append, tree)
    return found
