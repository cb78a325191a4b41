"""Who owns what: the layer its parameters, the tape its arrays; copies are protected, too."""

import copy
import pickle

import numpy as np
import pytest

from npstack import (
    LSTM,
    Dense,
    Dropout,
    LSTMCell,
    Recurrent,
    Reversed,
    Sequential,
    StackedLSTM,
)
from npstack.cells import CELLS
from npstack.core.errors import NpstackError
from npstack.core.tape import Tape
from tests.tools.strategies import LAYERS, build, draw_input

pytestmark = pytest.mark.core


@pytest.mark.parametrize("name", CELLS)
def test_the_layer_alone_owns_the_parameters(name):
    cell = CELLS[name](2, 3, np.random.default_rng(0))
    layer, before = Recurrent(cell), dict(cell.params)
    layer.params = {name: 2 * value for name, value in layer.params.items()}
    inner = layer.cell
    while inner is not None:  # under wrappers, too
        assert not inner.params
        inner = getattr(inner, "cell", None)
    assert cell.params.keys() == before.keys()
    assert all(cell.params[name] is before[name] for name in before), "the giver's own stay"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda p: {**p, "b": p["b"][np.newaxis]}, r"params\['b'\] must have shape \(12,\)"),
        (lambda p: {"W": p["W"], "U": p["U"]}, r"missing \['b'\]"),
        (lambda p: {**p, "b": p["b"].astype(np.float32)}, "one dtype"),
    ],
)
def test_a_cell_with_other_parameters_than_it_declares_is_refused(change, words):
    cell = LSTMCell(2, 3, rng=np.random.default_rng(0))
    cell.params = change(cell.params)
    with pytest.raises(NpstackError, match=words):
        Recurrent(cell)


# ---- tapes ------------------------------------------------------------------------------------


def arrays(tape):
    """Every array that a tape holds, its parameters included."""
    values, found = [tape], []
    while values:
        value = values.pop()
        if isinstance(value, np.ndarray):
            found.append(value)
        elif isinstance(value, dict):
            values.extend(value.values())
        elif isinstance(value, tuple):
            values.extend(value)
        elif isinstance(value, Tape):
            values.extend(vars(value).values())
    return found


def again(thing):
    return pickle.loads(pickle.dumps(thing))


@pytest.mark.parametrize("copied", [lambda tape: tape, copy.copy, copy.deepcopy, again])
@pytest.mark.parametrize("name", LAYERS)
def test_nothing_on_a_tape_can_be_written_to(name, copied):
    layer = build(name, np.random.default_rng(0))
    x = draw_input(layer, np.random.default_rng(0), *((2, 5) if not takes_vector(layer) else (2,)))
    how = {} if takes_vector(layer) else {"mask": np.ones((2, 5), bool)}
    tape = copied(layer.forward(x, rng=np.random.default_rng(0), **how))
    held = arrays(tape)
    assert held
    assert not any(array.flags.writeable for array in held)
    assert x.flags.writeable
    assert all(mask.flags.writeable for mask in how.values())


def takes_vector(layer):
    return layer.interface.takes_vector


def test_a_gradient_made_in_place_of_the_outputs_is_refused_not_silently_wrong():
    """``d = tape.outputs; d -= y`` would change what a Dense with tanh reads on the way back."""
    rng = np.random.default_rng(0)
    model = Sequential(
        LSTM(2, 3, return_sequences=False, rng=rng), Dense(3, 1, activation="tanh", rng=rng)
    )
    for layer in (model, LSTM(2, 3, return_sequences=False, rng=rng)):
        d = layer.forward(np.ones((2, 4, 2))).outputs
        with pytest.raises(ValueError, match="read-only"):
            d -= 1.0


def test_parameters_that_can_be_written_to_are_copied_and_stay_as_they_are():
    layer = LSTM(2, 3, rng=np.random.default_rng(0))
    given = {name: value.copy() for name, value in layer.params.items()}
    given["b"].flags.writeable = False
    tape = layer.forward(np.ones((1, 4, 2)), params=given)
    expected = layer.backward(tape, np.ones((1, 4, 3)))
    assert tape.params["b"] is given["b"]
    for name in ("W", "U"):
        assert given[name].flags.writeable
        given[name] *= 7
    found = layer.backward(tape, np.ones((1, 4, 3)))
    assert all(np.array_equal(found.params[name], expected.params[name]) for name in given)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, again])
def test_copies_of_a_model_are_protected_and_apart(copied):
    model = StackedLSTM(2, [3, 2], rng=np.random.default_rng(0))
    twin = copied(model)
    assert not any(value.flags.writeable for value in twin.params.values())
    assert twin.config() == model.config()
    with pytest.raises(ValueError, match="read-only"):
        twin.params["layers.0.b"][0] = 1.0
    twin.params = {name: value + 1 for name, value in twin.params.items()}
    apart = copied is not copy.copy  # a shallow copy has the same layers inside
    same = np.array_equal(twin.params["layers.0.b"], model.params["layers.0.b"])
    assert same is not apart


def test_a_tapes_dictionary_of_parameters_cannot_be_changed():
    for tape in (LSTM(1, 2, rng=np.random.default_rng(0)).forward(np.ones((1, 2, 1))),):
        for one in (tape, again(tape), copy.deepcopy(tape)):
            with pytest.raises(TypeError, match="does not support item assignment"):
                one.params["U"] = np.zeros((2, 8))


def test_what_a_caller_can_still_write_to_is_not_on_the_tape():
    layer = Sequential(Dropout(0.5), Reversed(LSTM(2, 3, rng=np.random.default_rng(0))))
    x, resets = np.ones((1, 4, 2)), np.zeros((1, 4), bool)
    kept = np.ones((1, 4, 2), bool)
    tape = layer.forward(x, noise=(kept[:], None), resets=resets)
    expected = layer.backward(tape, np.ones((1, 4, 3))).x
    kept[:] = False
    resets[:] = True
    assert np.array_equal(layer.backward(tape, np.ones((1, 4, 3))).x, expected)
    assert all(a.base is None or not a.base.flags.writeable for a in arrays(tape))
    base = {name: np.concatenate([v, v]) for name, v in layer.params.items()}
    given = {name: b[: len(b) // 2] for name, b in base.items()}
    for view in given.values():
        view.flags.writeable = False
    tape = layer.forward(x, params=given)
    expected = layer.backward(tape, np.ones((1, 4, 3))).x
    for whole in base.values():
        whole *= 3
    assert np.array_equal(layer.backward(tape, np.ones((1, 4, 3))).x, expected)
