"""What the records of ONNX, onnxruntime and WebNN prove: which mistakes they notice.

A node is read wrongly on purpose, in one way after another, and the records that then disagree are
counted. ONNX's own hardly notice anything, since each of their matrices is one constant.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

import tests.agreement.records_training as training
from npstack import GRUCell, LSTMVariantCell, Recurrent, Reversed
from npstack.cells import CellClip
from npstack.interop import weights
from npstack.layers.base import Layer
from tests.agreement.records import RNG, Record, array
from tests.agreement.records_onnx import PLACES, check_onnx, onnx_layer, onnx_node, tensor
from tests.agreement.test_conformance import allowed, records

Patch = pytest.MonkeyPatch
Rewrite = Callable[[Record], Record]
Arrays = dict[str, np.ndarray]
FILES = ("onnx_node", "ort", "webnn")


@cache
def nodes(name: str) -> list[Record]:
    """The records that are a node LSTM, GRU or RNN and have results."""
    found = [onnx_node(record) if name == "webnn" else record for record in records(name)]
    return [r for r in found if r["op"] in PLACES and not r.get("expect_failure")]


# ---- what computes them --------------------------------------------------------------------------


CENSUS = {
    "onnx_node": {"LSTM": 5, "LSTM Peepholes": 1, "GRUResetBefore": 6, "RNN": 6},
    "ort": {
        "LSTM": 27,
        "LSTM Activations": 12,
        "LSTM Peepholes": 12,
        "LSTM Peepholes Coupled": 2,
        "LSTM Peepholes PreactivationClip": 2,
        "LSTM PreactivationClip": 1,
        "GRU": 22,
        "GRUResetBefore": 34,
        "RNN": 19,
    },
    "webnn": {"LSTM": 1, "LSTM Peepholes Activations": 3, "GRU": 18, "GRUResetBefore": 1},
}


def kind(layer: Layer) -> str:
    """The cell, and the parts of a variant."""
    cell = next(one.cell for one in (layer, *layer.inside()) if isinstance(one, Recurrent))
    name = type(cell).__name__.removesuffix("Cell").removesuffix("Variant")
    return " ".join([name, *(type(part).__name__ for part in getattr(cell, "parts", ()))])


@pytest.mark.parametrize("name", FILES)
def test_every_node_runs_on_the_least_cell_that_computes_it(name: str) -> None:
    assert Counter(kind(onnx_layer(record)[0]) for record in nodes(name)) == CENSUS[name]


# ---- mistakes ------------------------------------------------------------------------------------


def attributes(**values: Any) -> Rewrite:
    return lambda record: record | {"attributes": record["attributes"] | values}


def without(*names: str) -> Rewrite:
    """Inputs and attributes left out."""

    def rewrite(record: Record) -> Record:
        parts = {where: record[where] for where in ("inputs", "attributes")}
        return record | {
            where: {name: value for name, value in part.items() if name not in names}
            for where, part in parts.items()
        }

    return rewrite


def inputs(change: Callable[[Arrays], Arrays]) -> Rewrite:
    """Other inputs, made of those that there are."""

    def rewrite(record: Record) -> Record:
        given = {name: value for name, value in record["inputs"].items() if value is not None}
        changed = change({name: array(value) for name, value in given.items()})
        return record | {"inputs": given | {n: tensor(value) for n, value in changed.items()}}

    return rewrite


def only(rewrite: Rewrite, **attributes: str) -> Rewrite:
    """Nothing is changed in records that have other attributes."""
    wanted = attributes.items()
    return lambda r: rewrite(r) if wanted <= {**r["attributes"], "op": r["op"]}.items() else r


def orders(op: str, names: str, count: int) -> list[Rewrite]:
    """Gates of W, R and B, or peepholes, in every order but the right one."""

    def order_of(order: tuple[int, ...]) -> Rewrite:
        def reordered(name: str, values: np.ndarray) -> np.ndarray:
            gates = values.reshape(len(values), 2 if name == "B" else 1, count, -1)
            return gates[:, :, list(order)].reshape(values.shape)

        change = inputs(lambda given: {n: reordered(n, given[n]) for n in names if n in given})
        return only(change, op=op)

    return [order_of(order) for order in list(itertools.permutations(range(count)))[1:]]


def transposed(given: Arrays) -> Arrays:
    """Every recurrent kernel, gate by gate."""
    R = given["R"]
    d, rows, H = R.shape
    return {"R": R.reshape(d, rows // H, H, H).swapaxes(2, 3).reshape(R.shape)}


def no_recurrent_bias(given: Arrays) -> Arrays:
    return {"B": given["B"] * np.repeat([1, 0], given["B"].shape[1] // 2)} if "B" in given else {}


def exchanged_biases(given: Arrays) -> Arrays:
    return {"B": np.roll(given["B"], given["B"].shape[1] // 2, axis=1)} if "B" in given else {}


def exchanged_states(given: Arrays) -> Arrays:
    h, c = given.get("initial_h"), given.get("initial_c")
    return {} if h is None or c is None else {"initial_h": c, "initial_c": h}


def exchanged_directions(given: Arrays) -> Arrays:
    ours = {"W", "R", "B", "P", "initial_h", "initial_c"} & given.keys()
    return {name: given[name][::-1] for name in ours}


FORWARD, SWAPPED = attributes(direction="forward"), inputs(exchanged_directions)
ONES = {"activation_alpha": [1.0] * 2, "activation_beta": [1.0]}


def other_reset(record: Record) -> Record:
    after = record["attributes"].get("linear_before_reset", 0)
    return attributes(linear_before_reset=1 - after)(record)


# How many of the 18, 131 and 23 nodes notice; of several ways, the one that fewest notice.
REWRITTEN: dict[str, tuple[list[Rewrite], tuple[int, int, int]]] = {
    "gates of an LSTM in another order": (orders("LSTM", "WRB", 4), (0, 52, 0)),
    "gates of a GRU in another order": (orders("GRU", "WRB", 3), (1, 52, 7)),
    "peepholes in another order": (orders("LSTM", "P", 3), (0, 14, 0)),
    "recurrent kernels transposed": ([inputs(transposed)], (2, 87, 0)),
    "recurrent bias left out": ([inputs(no_recurrent_bias)], (1, 6, 14)),
    "the two biases exchanged": ([inputs(exchanged_biases)], (0, 20, 15)),
    "initial h and c exchanged": ([inputs(exchanged_states)], (0, 6, 0)),
    "initial h ignored": ([without("initial_h")], (0, 28, 7)),
    "initial c ignored": ([without("initial_c")], (0, 6, 0)),
    "lengths ignored": ([without("sequence_lens")], (0, 40, 0)),
    "peepholes ignored": ([without("P")], (1, 16, 0)),
    "clip ignored": ([without("clip")], (0, 3, 0)),
    "coupled gates ignored": ([without("input_forget")], (0, 2, 0)),
    "activations ignored": ([without("activations")], (0, 15, 6)),
    "alpha and beta one": ([attributes(**ONES)], (0, 2, 0)),
    "reset before the product for after, after for before": ([other_reset], (1, 39, 10)),
    "reversed reading left out": ([only(FORWARD, direction="reverse")], (3, 23, 2)),
    "directions exchanged": ([only(SWAPPED, direction="bidirectional")], (3, 11, 0)),
}


class Late(LSTMVariantCell):
    """Its output gate looks at the old cell state."""

    def step(self, params: Any, x: Any, state: Any, noise: Any = None) -> Any:
        self.old = state.c
        return super().step(params, x, state, noise)

    def _sums(self, params: Any, name: str, a: Any, c: Any) -> Any:
        return super()._sums(params, name, a, self.old if name == "output" else c)


REPLACED: dict[str, tuple[Any, str, Any, tuple[int, int, int]]] = {
    "output gate looks at the old cell": (weights, "LSTMVariantCell", Late, (1, 14, 0)),
    "cell clipped for pre-activations": (weights, "PreactivationClip", CellClip, (0, 3, 0)),
    "backward half left as read": (Reversed, "_turned", lambda self, y: y, (2, 37, 3)),
}


def noticed(rewrites: list[Rewrite], name: str) -> int:
    """How many records of a file disagree, by far; of several ways, with the least noticed."""

    def count(rewrite: Rewrite) -> int:
        return sum(check_onnx(rewrite(record)) > 10 * allowed(record) for record in nodes(name))

    return min(count(rewrite) for rewrite in rewrites)


def assert_as_in_the_table(found: int, name: str, counts: tuple[int, int, int]) -> None:
    """At least this number; none if the table has none."""
    least = counts[FILES.index(name)]
    assert found >= least if least else found == 0


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("mistake", REWRITTEN)
def test_records_notice_what_is_read_wrongly(mistake: str, name: str) -> None:
    rewrites, counts = REWRITTEN[mistake]
    assert_as_in_the_table(noticed(rewrites, name), name, counts)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("mistake", REPLACED)
def test_records_notice_what_is_computed_wrongly(
    mistake: str, name: str, monkeypatch: Patch
) -> None:
    target, attribute, wrong, counts = REPLACED[mistake]
    monkeypatch.setattr(target, attribute, wrong)
    assert_as_in_the_table(noticed([lambda record: record], name), name, counts)


# ---- rows of length zero -------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "count"), [("onnx_node", 0), ("ort", 16), ("webnn", 0)])
def test_rows_of_length_zero_begin_with_zeros(name: str, count: int) -> None:
    """So no record sees that the final state of such a row is zero in onnxruntime, and the initial
    one in npstack (§7.5)."""
    empty = 0
    for record in nodes(name):
        given = {n: array(value) for n, value in record["inputs"].items() if value is not None}
        if "sequence_lens" in given:  # none of these is batch-first
            rows = given["sequence_lens"] == 0
            empty += rows.sum()
            assert not any(given[n][:, rows].any() for n in given if n.startswith("initial"))
    assert empty == count


# ---- the training operators ----------------------------------------------------------------------


def training_records() -> list[Record]:
    """States and gates of a pass, and gradients from a cache, of an LSTM and a GRU."""
    return [r for r in records("ort") if r["op"].endswith(("Training", "Grad"))]


def test_training_operators_notice_gates_in_another_order(monkeypatch: Patch) -> None:
    monkeypatch.setattr(training, "ORDERS", {"LSTM": ("oifc", "ifco"), "GRU": ("rzh", "rzh")})
    assert [training.check_ort(r) > 10 * allowed(r) for r in training_records()] == [True] * 4


@pytest.mark.parametrize("op", ["LSTMGrad", "GRUGrad"])
def test_only_the_cache_of_the_lstm_is_no_forward_pass(op: str) -> None:
    (record,) = (r for r in training_records() if r["op"] == op)
    given = record["inputs"]
    layer, params = training.layer_of(op.removesuffix("Grad"), given)
    tape = layer.forward(array(given["input_tensor"]).swapaxes(0, 1), params=params)
    apart = np.abs(tape.outputs - training.over_time(given["HAll"])).max()
    assert apart > 0.1 if op == "LSTMGrad" else apart < 1e-6


def test_the_gradient_of_a_gru_does_not_see_what_is_reset(monkeypatch: Patch) -> None:
    """All its reset gates are 1, so the GRU that resets after the product passes as well."""

    def after(op: str, given: Record) -> tuple[Recurrent, Arrays]:
        _, params = right(op, given)
        D, H = len(params["W"]), len(params["U"])
        params["b_recurrent"] = array(given["bias"])[0, -H:]
        return Recurrent(GRUCell(D, H, rng=RNG)), params

    right = training.layer_of
    (record,) = (r for r in training_records() if r["op"] == "GRUGrad")
    reset, *_ = training.gates_over_time("GRU", record["inputs"]["zrh"])
    assert (reset == 1).all()
    monkeypatch.setattr(training, "layer_of", after)
    assert training.check_ort(record) <= allowed(record)
