"""What cannot be written is refused: with reason, clause, the size of the error, and words."""

import re
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from npstack import (
    LSTM,
    Dense,
    Dropout,
    Recurrent,
    RecurrentDropout,
    Reversed,
    Sequential,
    StackedLSTM,
    Zoneout,
)
from npstack.core.errors import ArgumentError, NpstackError
from npstack.interop.layout import USUAL
from npstack.interop.pieces import part_for
from npstack.interop.reading import read
from npstack.interop.refusals import CannotRepresent
from npstack.interop.writing import write
from tests.interop.unrepresentable import FEATURES, PAIRS, both, lstm, rng

CLAUSES = set(
    re.findall(
        r"^### (§\d+\.\d+)",
        (Path(__file__).parents[2] / "docs/specification.md").read_text("utf-8"),
        re.MULTILINE,
    )
)


def error_without(feature, x):
    """By how much the outputs change without the feature, computed here."""
    outputs = feature.layer.forward(x).outputs
    if feature.without is None:
        return float(np.abs(outputs).max())
    dtype = next(iter(feature.without.params.values())).dtype
    return float(np.abs(feature.without.forward(x.astype(dtype)).outputs - outputs).max())


def x_of(layer, seed=0, shape=(4, 20)):
    dtype = next(iter(layer.params.values())).dtype
    drawn = np.random.default_rng(seed).standard_normal((*shape, layer.input_size))
    return drawn.astype(dtype)


def test_there_are_many():
    assert len(PAIRS) >= 150
    assert len({layout for _, layout in PAIRS}) == 18
    assert {own.clause for own in FEATURES.values()} <= CLAUSES


@pytest.mark.parametrize(("name", "layout"), PAIRS)
def test_it_is_refused_with_the_size_of_the_error(name, layout):
    feature = FEATURES[name]
    with pytest.raises(CannotRepresent) as caught:
        write(feature.layer, layout)
    error = caught.value
    x = x_of(feature.layer)
    assert error.clause == feature.clause
    assert error.reason.count(layout) == 1
    assert feature.words in f"{error.reason} {error.got}"
    assert error.error == pytest.approx(error_without(feature, x), rel=1e-6, abs=1e-30)
    assert error.error > 0
    assert error.largest == pytest.approx(float(np.abs(feature.layer.forward(x).outputs).max()))
    text = str(error)
    assert text.startswith("write: ")
    assert f"({feature.clause})" in text
    assert f"{error.error:.2g}" in text
    assert "on a drawn input, standard normal" in text
    assert ("Nothing can be written without it" in text) == (feature.without is None)
    assert ".." not in text
    assert "None" not in text


@pytest.mark.parametrize("name", FEATURES)
def test_on_a_given_input(name):
    feature = FEATURES[name]
    x = x_of(feature.layer, seed=8, shape=(2, 9)) * 2
    with pytest.raises(CannotRepresent) as caught:
        write(feature.layer, min(feature.refused), x=x)
    assert caught.value.error == pytest.approx(error_without(feature, x), rel=1e-6, abs=1e-30)
    assert "on the given input" in str(caught.value)


def told(layer):
    """What arrays do not say of a layer, as arguments of `read`."""
    part = part_for(layer, "onnx")
    activations = {**USUAL[part.kind], **part.attributes.get("activations", {})}
    own = {**part.attributes, "activations": activations}
    return {"cell": part.kind, "bidirectional": part.bidirectional, **own}


@pytest.mark.parametrize("name", FEATURES)
def test_other_layouts_hold_it(name):
    feature = FEATURES[name]
    others = [layout for layout in feature.layouts if layout not in feature.refused]
    for layout in others:
        arrays, _ = write(feature.layer, layout)
        layer = read(arrays, layout, **told(feature.layer)).layer
        x = x_of(feature.layer)
        one, two = layer.forward(x).outputs, feature.layer.forward(x).outputs
        assert np.allclose(one, two, rtol=0, atol=1e-14), layout


@pytest.mark.parametrize("name", FEATURES)
def test_nothing_is_changed(name):
    feature = FEATURES[name]
    before = {key: value.copy() for key, value in feature.layer.params.items()}
    for layout in feature.layouts:
        with suppress(CannotRepresent):
            write(feature.layer, layout)
        assert all((feature.layer.params[key] == value).all() for key, value in before.items())


NO_PLACE = {
    "as read": (
        lambda: Reversed(lstm(), order="as_read"), "outputs must be in the order of time (§8.2)"
    ),
    "other layer": (lambda: Dense(3, 4, rng=rng()), "must be a recurrent layer, or a stack"),
    "in a stack": (
        lambda: Sequential(lstm(), Dense(5, 4, rng=rng())), "must be a recurrent layer, or a stack"
    ),
    "nothing": (lambda: Sequential(Dropout(0.5)), "must have a recurrent layer"),
    "no layer": (lambda: "LSTM", "layer must be a recurrent layer"),
    "stacks in both directions": (
        lambda: both(StackedLSTM(3, [4, 5], rng=rng()), StackedLSTM(3, [4, 5], rng=rng())),
        "must be a recurrent layer, or a stack",
    ),
    "one direction above two": (
        lambda: Sequential(both(lstm(), lstm()), LSTM(10, 4, rng=rng())), "same direction"
    ),
    "two merges": (
        lambda: Sequential(
            both(lstm(), lstm(), "sum"), both(LSTM(5, 4, rng=rng()), LSTM(5, 4, rng=rng()))
        ),
        "same direction",
    ),
    "backwards, then forwards": (
        lambda: Sequential(Reversed(lstm()), LSTM(5, 4, rng=rng())), "same direction"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NO_PLACE)
def test_what_is_no_recurrent_layer_or_plain_stack_is_refused(name):
    build, words = NO_PLACE[name]
    with pytest.raises(ArgumentError) as caught:
        write(build(), "keras")
    assert words in str(caught.value)
    assert caught.value.advice


def test_what_acts_in_training_only_is_said():
    inside = lstm().cell
    inside.params = lstm().params
    wrapped = Recurrent(Zoneout(RecurrentDropout(inside, 0.2), h=0.1))
    stack = Sequential(Dropout(0.1), wrapped)
    arrays, report = write(stack, "jax")
    notes = {row.parameter: (row.clause, row.lossless) for row in report.rows}
    assert notes["(zoneout)"] == ("§10.5", False)
    assert notes["(recurrent dropout)"] == ("§10.3", False)
    assert notes["(dropout)"] == ("§10.2", False)
    x = x_of(stack)
    assert (read(arrays, "jax").layer.forward(x).outputs == stack.forward(x).outputs).all()


def test_what_the_caller_must_tell_the_framework_is_said():
    cases = {
        "onnx": (FEATURES["clip"], "(clip)", "§4.1"),
        "tf1": (FEATURES["projection clip"], "(projection_clip)", "§4.3"),
        "coreml": (FEATURES["cell clip"], "(cell_clip)", "§4.2"),
        "lasagne": (FEATURES["relu"], "(activation of candidate)", "§5.4"),
        "keras2": (FEATURES["backwards"], "(activation of forget)", "§5.4"),
        "keras": (FEATURES["backwards"], "(direction)", "§8.1"),
    }
    for layout, (feature, name, clause) in cases.items():
        _, report = write(feature.layer, layout)
        assert (name, clause) in {(row.parameter, row.clause) for row in report.rows}, layout
    _, report = write(FEATURES["reset before"].layer, "onnx")
    (row,) = (row for row in report.rows if row.parameter == "(reset)")
    assert (row.done, row.clause) == ("tell the framework: before the product", "§3.8")
    _, report = write(LSTM(3, 4, rng=rng(), return_sequences=False), "pytorch")
    assert ("(last step)", "§7.6") in {(row.parameter, row.clause) for row in report.rows}


def test_it_is_an_error_of_the_package():
    assert issubclass(CannotRepresent, ArgumentError)
    assert issubclass(CannotRepresent, NpstackError)
