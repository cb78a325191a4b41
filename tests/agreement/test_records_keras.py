"""What the records of Keras's tests prove: cells from elsewhere run, and mistakes are noticed.

A record is read wrongly on purpose, and the records that then disagree are counted. What no record
notices (their kernels are constants) is noticed by layers of Keras with weights that all differ.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tests.agreement.records_keras as reader
from npstack import Recurrent, Reversed, Sequential, check_gradients, check_laws
from npstack.layers.parallel import MERGES
from tests.agreement.keras_test_cells import OneStateRNNCell, TwoStates, TwoStatesRNNCell
from tests.agreement.records import Record, array
from tests.agreement.records_keras import check_keras
from tests.agreement.test_conformance import allowed, records
from tests.specification.keras_runs import keras_or_skip
from tests.tools.other_programs import KERAS_COPY_WARNING

Patch = pytest.MonkeyPatch
Rewrite = Callable[[Record], Record]
TOLERANCE = 5e-7  # float64 against what Keras computes in float32 with drawn weights


# ---- a user's own cells --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [OneStateRNNCell, TwoStatesRNNCell])
def test_gradients_and_laws_of_a_cell_from_elsewhere_hold(kind: Any) -> None:
    rng = np.random.default_rng(3)
    x, mask = rng.standard_normal((3, 4, 2)), np.ones((3, 4), bool)
    mask[0, 1] = mask[1, 2:] = mask[2] = False
    stack = Sequential(Recurrent(kind(2, 3, rng=rng)), Recurrent(kind(3, 2, rng=rng)))
    for layer in (Recurrent(kind(2, 3, rng=rng)), Reversed(stack, order="as_read")):
        report = check_gradients(layer, x, mask=mask)
        assert report.passed, str(report)
        laws = check_laws(layer, rng=rng)
        assert laws.passed, str(laws)


# ---- mistakes ------------------------------------------------------------------------------------


def changed(tree: Any, name: str, change: Callable[[Any], Any]) -> Any:
    """A record, or a part of it, in which one setting has another value wherever it stands."""
    if isinstance(tree, list):
        return [changed(part, name, change) for part in tree]
    if not isinstance(tree, dict):
        return tree
    return {k: change(v) if k == name else changed(v, name, change) for k, v in tree.items()}


def other_reset(_: Patch) -> Rewrite:
    return lambda record: changed(record, "reset_after", lambda after: not after)


def other_merge(_: Patch) -> Rewrite:
    others = {"sum": "ave", "ave": "sum", "mul": "sum"}
    return lambda record: changed(record, "merge_mode", lambda merge: others.get(merge, merge))


def zeroed(to: bool) -> Callable[[Patch], Rewrite]:
    def rewrite(record: Record) -> Record:
        whole = record["config"].get("return_sequences")
        return changed(record, "zero_output_for_mask", lambda _: to) if whole else record

    return lambda _: rewrite


def no_mask(_: Patch) -> Rewrite:
    return lambda record: record | {"mask": None}


def no_state(_: Patch) -> Rewrite:
    return lambda record: record | {"initial_state": None}


def forward_only(_: Patch) -> Rewrite:
    return lambda record: record | {"config": record["config"] | {"go_backwards": False}}


def exchanged_gates(patch: Patch) -> Rewrite:
    patch.setattr(reader, "from_keras_gru_gates", lambda packed: packed)
    return lambda record: record


def backward_first(patch: Patch) -> Rewrite:
    for name in ("concat", "none"):
        join = MERGES[name].join
        other = MERGES[name]._replace(join=lambda ys, join=join: join(ys[::-1]))
        patch.setitem(MERGES, name, other)
    return lambda record: record


def turned(when: Callable[[Reversed], bool]) -> Callable[[Patch], Rewrite]:
    def mistake(patch: Patch) -> Rewrite:
        turn = {False: lambda y: y, True: lambda y: y[:, ::-1]}
        patch.setattr(
            Reversed, "_turned", lambda self, y: turn[self.interface.keeps_time and when(self)](y)
        )
        return lambda record: record

    return mistake


def transposed(_: Patch) -> Rewrite:
    """Every recurrent kernel, gate by gate."""

    def rewrite(record: Record) -> Record:
        weights = []
        for weight in record["weights"]:
            if "recurrent_kernel" in weight["path"]:
                U = array(weight)
                gates = np.split(U, U.shape[1] // len(U), axis=1)
                U = np.concatenate([gate.T for gate in gates], axis=1)
                weight = weight | {"data": U.ravel().tolist()}
            weights.append(weight)
        return record | {"weights": weights}

    return rewrite


def own_second_state(patch: Patch) -> Rewrite:
    def step(self: Any, params: Any, x: Any, state: TwoStates, noise: Any = None) -> Any:
        other, _ = right(self, params, x, state._replace(first=state.second))
        after, record = right(self, params, x, state)
        return after._replace(h=after.first + other.second, second=other.second), record

    right = TwoStatesRNNCell.step
    patch.setattr(TwoStatesRNNCell, "step", step)
    return lambda record: record


MISTAKES = {  # and how many records of Keras notice it, at the least
    "reset before the product for after, and after for before": (other_reset, 18),  # of 20 GRUs
    "mask ignored": (no_mask, 24),  # of 24
    "outputs zero at masked steps instead of repeated": (zeroed(True), 8),  # of 8
    "outputs repeated at masked steps instead of zero": (zeroed(False), 6),  # of 6
    "go_backwards ignored": (forward_only, 13),  # of 13
    "backward half left as read": (turned(lambda _: False), 1),  # of 1
    "another merge": (other_merge, 3),  # sum, ave, mul: one each
    "backward direction first": (backward_first, 7),  # of 13
    "initial state ignored": (no_state, 28),  # of 28
}
UNNOTICED = {  # all kernels are constants, and no record goes backwards and returns sequences
    "GRU gates exchanged": exchanged_gates,
    "go_backwards put back in the order of time": turned(lambda _: True),
    "recurrent kernels transposed": transposed,
    "second state of TwoStatesRNNCell read by its own network": own_second_state,
}


def notice(rewrite: Rewrite, given: list[Record]) -> int:
    """How many records disagree."""
    return sum(not check_keras(rewrite(record)) <= allowed(record) for record in given)


@pytest.mark.parametrize("name", MISTAKES)
def test_records_notice_a_mistake(name: str, monkeypatch: Patch) -> None:
    mistake, at_least = MISTAKES[name]
    assert notice(mistake(monkeypatch), records("keras")) >= at_least


@pytest.mark.parametrize("name", UNNOTICED)
def test_records_do_not_notice_a_mistake(name: str, monkeypatch: Patch) -> None:
    assert notice(UNNOTICED[name](monkeypatch), records("keras")) == 0


# ---- what they do not notice, by Keras itself ----------------------------------------------------


def drawn_records(keras: Any) -> list[Record]:
    """Every output of layers with weights that all differ, without a mask and with holes in it."""
    from keras.src.layers.rnn import rnn_test as theirs

    layers, whole = keras.layers, {"return_sequences": True, "return_state": True}
    cells = [layers.LSTMCell(3), layers.GRUCell(2), layers.SimpleRNNCell(3, activation="relu")]
    made = [
        layers.GRU(3, **whole),
        layers.GRU(3, reset_after=False, use_bias=False, go_backwards=True, **whole),
        layers.LSTM(2, zero_output_for_mask=True, go_backwards=True, **whole),
        layers.SimpleRNN(3, return_state=True, go_backwards=True),
        layers.RNN(cells, go_backwards=True, **whole),
        layers.Bidirectional(layers.RNN(cells, return_state=True), merge_mode="mul"),
        layers.Bidirectional(layers.GRU(3, **whole), merge_mode=None),
        layers.RNN([theirs.OneStateRNNCell(3), theirs.TwoStatesRNNCell(2)], **whole),
    ]
    rng, found = np.random.default_rng(5), []
    holes = np.array([[False, True, False, True], [True, True, True, False]])
    for layer, mask in itertools.product(made, (None, holes)):
        x = rng.standard_normal((2, 4, 3)).astype("f4")
        layer.build(x.shape)
        layer.set_weights([0.5 * rng.standard_normal(w.shape) for w in layer.get_weights()])
        told = {
            "layer": type(layer).__name__,
            "config": layer.get_config(),
            "weights": [stored(w.numpy(), w.path) for w in layer.weights],
            "input": stored(x),
            "mask": None if mask is None else stored(mask),
            "initial_state": None,
            "validation": {"keras": {"max_abs": TOLERANCE}},
        }
        for k, y in enumerate(keras.tree.flatten(layer(x, mask=mask))):
            name = f"{layer.name}, {'no mask' if mask is None else 'holes'}, output {k}"
            target = {"output": k, "index": None}
            expected = stored(y.detach().numpy())
            found.append({"name": name, **told, "target": target, "expected": expected})
    return found


def stored(values: np.ndarray, path: str = "") -> Record:
    """An array as records have it."""
    return {"path": path, "shape": list(values.shape), "data": np.ravel(values).tolist()}


@pytest.mark.frameworks
@pytest.mark.filterwarnings(KERAS_COPY_WARNING)
def test_keras_itself_notices_what_its_records_do_not(monkeypatch: Patch) -> None:
    drawn = drawn_records(keras_or_skip())
    errors = {record["name"]: check_keras(record) for record in drawn}
    assert max(errors.values()) <= TOLERANCE, errors
    for name, mistake in UNNOTICED.items():
        with monkeypatch.context() as patch:
            assert notice(mistake(patch), drawn) >= 3, name
