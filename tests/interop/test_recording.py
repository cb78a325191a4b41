"""What was recorded elsewhere, saved and loaded."""

import json

import numpy as np
import pytest

from npstack.cells.gru import GRUState
from npstack.cells.rnn import RNNState
from npstack.core.errors import ArgumentError, DataError, DtypeError, ShapeError
from npstack.core.tape import LSTMState
from npstack.core.trees import named
from npstack.files import archive
from npstack.interop.recording import RECORDED, Recorded
from npstack.layers.bidirectional import Directions

RNG = np.random.default_rng(0)


def lstm(dtype=np.float64):
    return LSTMState(*(RNG.standard_normal((2, 4)).astype(dtype) for _ in "hc"))


FINALS = {
    "none": None,
    "one layer": lstm(),
    "a stack": (lstm(), lstm()),
    "gru and rnn": (GRUState(np.ones((2, 4))), RNNState(np.zeros((2, 4)))),
    "directions": Directions(lstm(), lstm()),
    "directions of stacks": (Directions((lstm(), lstm()), (lstm(), None)), ()),
    "an array": np.ones((2, 4)),
}


def types_of(tree):
    return (type(tree), *map(types_of, tree)) if isinstance(tree, tuple) else type(tree)


@pytest.mark.parametrize("final", FINALS.values(), ids=FINALS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_everything_comes_back_bit_for_bit(tmp_path, final, dtype):
    x, outputs = (RNG.standard_normal((2, 5, n)).astype(dtype) for n in (3, 4))
    more = {"forget": outputs + 1, "layers.0.input": outputs}
    recorded = Recorded(
        x,
        outputs,
        lengths=np.array([5, 2]),
        initial=(lstm(dtype),),
        final=final,
        states={"c": outputs},
        gates=more,
        gradients={"W": x[0]},
        source="é, a layer",
    )
    recorded.save(tmp_path / "a.npz")
    again = Recorded.load(tmp_path / "a.npz")
    assert again.dtype == dtype
    assert again.source == recorded.source
    assert types_of(again.final) == types_of(final)
    for name in ("x", "outputs", "lengths"):
        assert getattr(again, name).tobytes() == getattr(recorded, name).tobytes()
    for name in ("initial", "final"):
        before, after = (named(name, getattr(own, name)) for own in (recorded, again))
        assert before.keys() == after.keys()
        assert all(after[key].tobytes() == value.tobytes() for key, value in before.items())
    for name in ("states", "gates", "gradients"):
        before, after = getattr(recorded, name), getattr(again, name)
        assert before.keys() == after.keys()
        assert all(after[key].tobytes() == value.tobytes() for key, value in before.items())


def test_what_is_not_given_is_not_there(tmp_path):
    Recorded(np.ones((2, 5, 3)), np.ones((2, 4))).save(tmp_path / "a.npz")
    again = Recorded.load(tmp_path / "a.npz")
    assert (again.lengths, again.initial, again.final) == (None, None, None)
    assert (again.states, again.gates, again.gradients, again.source) == ({}, {}, {}, "")


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"x": np.ones((5, 3))}, ShapeError, "Put the batch first"),
        ({"outputs": np.ones((5, 2, 4))}, ShapeError, "Put the batch first"),
        ({"x": [[[1.0]]]}, DtypeError, "x must be an array"),
        ({"outputs": np.ones((2, 5, 4), int)}, DtypeError, "outputs must be an array"),
        ({"lengths": [5]}, ShapeError, r"lengths must be \(B=2,\)"),
        ({"lengths": [5.0, 2.0]}, ShapeError, "whole numbers"),
    ],
)
def test_what_is_not_of_one_batch_is_refused(given, error, words):
    with pytest.raises(error, match=words):
        Recorded(**{"x": np.ones((2, 5, 3)), "outputs": np.ones((2, 5, 4)), **given})


def test_states_of_other_kinds_are_not_saved(tmp_path):
    recorded = Recorded(np.ones((2, 5, 3)), np.ones((2, 5, 4)), final=[np.ones(2)])
    with pytest.raises(ArgumentError, match="final must be made of arrays, tuples and LSTMState"):
        recorded.save(tmp_path / "a.npz")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "trees",
    [
        {},
        {"initial": None},
        {"initial": None, "final": "array"},
        {"initial": None, "final": ["os.system", "array"]},
        {"initial": None, "final": ["LSTMState", None]},
        {"initial": None, "final": [["tuple"], None]},
        {"initial": None, "final": []},
        {"initial": None, "final": 3},
        {"initial": None, "final": json.loads('["tuple", ' * 20 + "null" + "]" * 20)},
        {"initial": None, "final": None, "more": None},
    ],
)
def test_a_forged_form_is_refused(tmp_path, trees):
    arrays = {"x": np.ones((2, 5, 3)), "outputs": np.ones((2, 5, 4))}
    archive.write(tmp_path / "a.npz", "t", RECORDED, {"source": "", "trees": trees}, arrays)
    with pytest.raises(DataError, match="do not trust"):
        Recorded.load(tmp_path / "a.npz")


@pytest.mark.parametrize(
    "change", [{"x": None}, {"x": np.ones((2, 5))}, {"other": np.ones(2)}, {"lengths": np.ones(2)}]
)
def test_forged_arrays_are_refused(tmp_path, change):
    arrays = {"x": np.ones((2, 5, 3)), "outputs": np.ones((2, 5, 4)), **change}
    arrays = {name: value for name, value in arrays.items() if value is not None}
    trees = {"initial": None, "final": None}
    archive.write(tmp_path / "a.npz", "t", RECORDED, {"source": "", "trees": trees}, arrays)
    with pytest.raises(DataError, match="do not trust"):
        Recorded.load(tmp_path / "a.npz")
