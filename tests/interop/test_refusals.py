"""What cannot be written is refused: with reason, clause, the size of the error, and words."""

import re
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from npstack.core.errors import ArgumentError, NpstackError
from npstack.interop.described import part_for
from npstack.interop.layout import USUAL
from npstack.interop.reading import read
from npstack.interop.refusals import CannotRepresent
from npstack.interop.writing import write
from tests.interop.unrepresentable import FEATURES, PAIRS

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
    assert ("There is no layer without it" in text) == (feature.without is None)
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


def test_it_is_an_error_of_the_package():
    assert issubclass(CannotRepresent, ArgumentError)
    assert issubclass(CannotRepresent, NpstackError)
