"""Arrays of unknown origin: every reading that the shapes admit, and how data choose."""

import numpy as np
import pytest

from npstack import LSTM
from npstack.core.errors import ArgumentError, DataError, ShapeError
from npstack.interop.candidates import nearest, readings
from npstack.interop.known_layouts import LAYOUTS
from npstack.interop.reading import read
from npstack.interop.writing import write
from tests.full_runs.readings import SEEDS, drawn, is_excluded, tried
from tests.tools.provenance import read_evidence

SLICE = (*SEEDS[:8], *SEEDS[50::50])


@pytest.mark.parametrize("names", [True, False], ids=["names", "in order"])
@pytest.mark.parametrize("seed", SLICE)
def test_the_true_reading_is_found_and_picked(seed, names):
    row = tried(seed, names)
    assert row["true_found"]
    assert row["picked"]
    assert row["excluded"] == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", [seed for seed in SEEDS if seed not in SLICE][::4])
def test_more_of_them(seed):
    for names in (True, False):
        row = tried(seed, names)
        assert row["true_found"]
        assert row["picked"]
        assert row["excluded"] == []


def test_the_evidence_is_complete():
    found = read_evidence("readings")
    assert (found["layers"], found["tried"]) == (200, 400)
    assert found["true_found"] == found["picked"] == found["tried"]
    assert found["excluded_readings"] == 0
    assert found["missed"] == []
    # almost every layout, in every kind of cell
    assert len(found["columns"]) >= 45
    assert {name.split()[0] for name in found["columns"]} == set(LAYOUTS)


def test_a_reading_that_shapes_exclude_would_be_seen():
    case = drawn(0)
    arrays = list(case["arrays"].values())
    found = readings(case["arrays"], cell=case["options"]["cell"])[0]
    assert not is_excluded(found, case["options"]["cell"], arrays)
    assert is_excluded(found, case["options"]["cell"], arrays[:-1])
    assert is_excluded(found, case["options"]["cell"], [*arrays[:-1], np.ones((99, 98))])


def layer(D=3, H=4):
    return LSTM(D, H, bias_init="uniform", rng=np.random.default_rng(0))


def test_each_says_its_arguments_and_what_it_assumes():
    arrays, _ = write(layer(), "tf1")
    found = readings(arrays)
    assert [str(own) for own in found] == ["tf1(forget_bias=1.0)", "tf1(forget_bias=0.0)"]
    for own in found:
        again = read(arrays, own.layout, **own.options).layer
        assert all((again.params[n] == a).all() for n, a in own.layer.params.items())
    by_file = readings(write(layer(), "keras")[0])
    assert {own.layout for own in by_file} == {"keras", "keras2"}
    assert [own.options["activations"]["gates"] for own in by_file] == [
        *("sigmoid", "hard_sigmoid_fifth", "hard_sigmoid_sixth"),
        *("sigmoid", "hard_sigmoid_fifth"),
    ]


def test_names_decide_if_they_are_those_of_a_layout():
    arrays, _ = write(layer(), "pytorch")
    assert {own.layout for own in readings(arrays)} == {"pytorch", "jax"}
    listed = readings(list(arrays.values()))
    assert {own.layout for own in listed} == {"pytorch", "pytorch-cell", "jax", "cudnn", "mxnet"}
    renamed = {f"parameter {k}": value for k, value in enumerate(arrays.values())}
    assert [str(own) for own in readings(renamed)] == [str(own) for own in listed]


def test_layouts_can_be_chosen():
    arrays = list(write(layer(), "dynet")[0].values())
    assert {own.layout for own in readings(arrays)} == {"dynet", "equinox"}
    assert {own.layout for own in readings(arrays, layouts=["equinox", "keras"])} == {"equinox"}
    with pytest.raises(ArgumentError, match="layout must be one of"):
        readings(arrays, layouts=["torch"])
    with pytest.raises(ArgumentError, match="cell must be one of"):
        readings(arrays, cell="LSTM")


def test_arrays_that_nothing_admits():
    with pytest.raises(DataError, match=r"shapes \(3, 4\), \(5,\)\. Are they those of one"):
        readings([np.ones((3, 4)), np.ones(5)])


def test_scores_of_a_float32_layer_and_of_other_shapes():
    source = LSTM(3, 4, bias_init="uniform", rng=np.random.default_rng(0), dtype="float32")
    x = np.random.default_rng(1).standard_normal((2, 6, 3))  # recorded in float64
    outputs = source.forward(x.astype("float32")).outputs
    found = readings(write(source, "dynet")[0])
    (error, best), (worse, _) = nearest(found, x, outputs)
    assert error == 0 < worse < 1
    assert str(best) == "dynet(forget_bias=1.0)"
    for wrong in ((x, outputs[..., :2]), (x[..., :2], outputs)):
        with pytest.raises(ShapeError, match="batch first"):
            nearest(found, *wrong)
    wide = readings(write(LSTM(3, 2, rng=np.random.default_rng(0)), "dynet")[0])
    assert nearest([*wide, *found], x, outputs)[-1][0] == float("inf")
    assert nearest(found, x, np.zeros_like(outputs))[0][0] > 0.05
    with pytest.raises(ArgumentError, match="there must be readings"):
        nearest([], x, outputs)


def test_outputs_of_another_shape_are_no_reading():
    arrays = [np.ones((3, 8)), np.ones((2, 8)), np.ones(8)]
    found = readings(arrays)
    x = np.ones((1, 4, 3))
    outputs = found[0].layer.forward(x).outputs
    assert nearest(found, x, outputs)[0][0] == 0
    for wrong in ((x, outputs[:, -1]), (x[0], outputs), (x, outputs.swapaxes(1, 2))):
        with pytest.raises(ShapeError, match="batch first"):
            nearest(found, *wrong)
