"""Every layout against the equations of its framework, and layouts against each other."""

import re

import numpy as np
import pytest

from npstack import GRU, LSTM, RNN, GRUResetBeforeCell, Recurrent
from npstack.interop.known_layouts import LAYOUTS
from npstack.interop.reading import read
from npstack.interop.writing import write
from tests.interop.by_formula import FORMULAS, STACKED, TWO_WAYS, in_layer, second_way

B, T = 3, 7
ALL = sorted(FORMULAS)
SIZES = ((3, 5), (4, 4), (1, 2))


def drawn(layout, cell, D=3, H=5, groups=(), seed=0):
    """Arrays of one layer as the layout stores them, and what they compute on x."""
    formula = FORMULAS[layout, cell]
    rng = np.random.default_rng([seed, D, H, *map(ord, layout + cell)])
    arrays = formula.drawn(rng, D, H, groups)
    x = rng.standard_normal((B, T, D))
    outputs = formula.outputs(arrays, x, H, formula.width(H, groups))
    return stored(layout, arrays), x, outputs


def stored(layout, *ways):
    """Arrays of each direction as the layout stores them."""
    if layout in STACKED:
        return {name: np.stack([way[name] for way in ways]) for name in ways[0]}
    return dict(ways[0])


def options(layout, cell):
    return {"cell": cell.split()[0], **FORMULAS[layout, cell].options}


def close(one, other):
    return one.shape == other.shape and np.abs(one - other).max() <= 4e-15 * (
        1 + np.abs(other).max()
    )


def test_every_column_has_a_formula():
    columns = {
        (name, kind)
        for name, layout in LAYOUTS.items()
        for kind in ("lstm", "gru", "rnn")
        if layout.column(kind) is not None
    }
    assert columns == {(layout, cell.split()[0]) for layout, cell in ALL}
    forms = {(n, f) for n, own in LAYOUTS.items() if own.gru for f in own.gru.reset[1:]}
    assert {n for n, _ in forms} == {n for n, cell in ALL if cell == "gru before"}


@pytest.mark.parametrize(("D", "H"), SIZES)
@pytest.mark.parametrize(("layout", "cell"), ALL)
def test_it_computes_what_the_framework_computes(layout, cell, D, H):
    for groups in FORMULAS[layout, cell].choices():
        arrays, x, outputs = drawn(layout, cell, D, H, groups)
        for biases in ("sum", "kept"):
            found = read(arrays, layout, biases=biases, **options(layout, cell))
            assert close(found.layer.forward(x).outputs, outputs), (groups, biases)
        prefixed = {f"a.model/{name}": value for name, value in arrays.items()}
        found = read(prefixed, layout, **options(layout, cell))
        assert close(found.layer.forward(x).outputs, outputs), groups


@pytest.mark.parametrize(("layout", "cell"), ALL)
def test_every_array_counts(layout, cell):
    """An array whose change changes nothing would be one that no test sees."""
    groups = list(FORMULAS[layout, cell].choices())[-1]
    unseen = None
    for seed in range(4):  # a unit of a relu may be closed at every step
        arrays, x, outputs = drawn(layout, cell, groups=groups, seed=seed)
        places = {(n, at) for n, a in arrays.items() for at in (0, a.size // 2, a.size - 1)}
        for name, at in sorted(places if unseen is None else unseen):
            changed = arrays[name].copy()
            changed.flat[at] += 0.5
            found = read({**arrays, name: changed}, layout, **options(layout, cell))
            if not close(found.layer.forward(x).outputs, outputs):
                places.discard((name, at))
        unseen = places & (unseen if unseen is not None else places)
    assert not unseen


@pytest.mark.parametrize(("layout", "cell"), ALL)
def test_arrays_in_order_are_the_same_as_by_name(layout, cell):
    for groups in FORMULAS[layout, cell].choices():
        arrays, _, _ = drawn(layout, cell, groups=groups)
        if {"projection", "peepholes"} & set(groups) and "bias" not in groups:
            continue  # arrays without names: fewer are not told from others
        by_name = read(arrays, layout, **options(layout, cell)).layer
        in_order = read(list(arrays.values()), layout, **options(layout, cell)).layer
        assert in_order.params.keys() == by_name.params.keys()
        assert all((in_order.params[k] == v).all() for k, v in by_name.params.items())


@pytest.mark.parametrize(("layout", "cell"), [own for own in ALL if own[0] in TWO_WAYS])
def test_two_directions(layout, cell):
    formula = FORMULAS[layout, cell]
    for D, H in SIZES:
        for groups in formula.choices():
            ways = [formula.drawn(np.random.default_rng(k), D, H, groups) for k in (1, 2)]
            x = np.random.default_rng(3).standard_normal((B, T, D))
            P = formula.width(H, groups)
            forward = formula.outputs(ways[0], x, H, P)
            backward = formula.outputs(ways[1], x[:, ::-1], H, P)[:, ::-1]
            if layout in STACKED:
                arrays = stored(layout, *ways)
            else:
                arrays = {second_way(layout, n)[0]: a for n, a in ways[0].items()}
                arrays |= {second_way(layout, n)[1]: a for n, a in ways[1].items()}
            how = {**options(layout, cell), "bidirectional": True, "biases": "kept"}
            found = read(arrays, layout, **how)
            expected = np.concatenate([forward, backward], axis=-1)
            assert close(found.layer.forward(x).outputs, expected), groups
            again, _ = write(found, layout, biases="kept")
            same_bits(again, arrays)


@pytest.mark.parametrize(("layout", "cell"), ALL)
def test_stacks(layout, cell):
    formula = FORMULAS[layout, cell]
    rng = np.random.default_rng(0)
    x = rng.standard_normal((B, T, 3))
    layers = [formula.drawn(rng, D, 4, ("bias",)) for D in (3, 4, 4)]
    outputs = x
    for own in layers:
        outputs = formula.outputs(own, outputs, 4, 4)
    arrays = {}
    for k, own in enumerate(layers):
        numbered = LAYOUTS[layout].column(cell.split()[0]).many
        for name, value in stored(layout, own).items():
            arrays[in_layer(layout, name, k) if numbered else f"{k}/{name}"] = value
    found = read(arrays, layout, biases="kept", **options(layout, cell))
    assert close(found.layer.forward(x).outputs, outputs)
    again, _ = write(found, layout, biases="kept")
    same_bits(again, arrays)
    in_order = read(list(arrays.values()), layout, layers=3, **options(layout, cell))
    assert close(in_order.layer.forward(x).outputs, outputs)


def same_bits(found, expected):
    assert list(found) == list(expected)
    for name, value in expected.items():
        assert found[name].tobytes() == np.ascontiguousarray(value).tobytes(), name
        assert (found[name].shape, found[name].dtype) == (value.shape, value.dtype)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("layout", "cell"), ALL)
def test_biases_kept_give_the_same_arrays_again(layout, cell, dtype):
    for D, H in SIZES:
        for groups in FORMULAS[layout, cell].choices():
            arrays, _, _ = drawn(layout, cell, D, H, groups)
            arrays = {name: value.astype(dtype) for name, value in arrays.items()}
            found = read(arrays, layout, biases="kept", **options(layout, cell))
            assert found.report.lossless
            again, report = write(found, layout, biases="kept")
            same_bits(again, arrays)
            assert report.lossless


@pytest.mark.parametrize(("layout", "cell"), ALL)
def test_what_is_called_lossless_comes_back_bit_for_bit(layout, cell):
    for groups in FORMULAS[layout, cell].choices():
        arrays, _, _ = drawn(layout, cell, groups=groups)
        found = read(arrays, layout, **options(layout, cell))
        lossless = {row.parameter for row in found.report.rows if row.lossless}
        again, _ = write(found, layout)
        for name, value in arrays.items():
            if name in lossless:
                assert again[name].tobytes() == value.tobytes(), (groups, name)
        assert not any(value.any() for name, value in again.items() if name not in arrays)
        kernels = {name for name, value in arrays.items() if value.ndim > 1 and "ias" not in name}
        assert kernels - {"B", "P"} <= lossless


def layers():
    rng = np.random.default_rng(4)
    how = {"bias_init": "uniform", "rng": rng}
    cells = {
        "lstm": LSTM(3, 5, **how),
        "gru": GRU(3, 5, **how),
        "gru before": Recurrent(GRUResetBeforeCell(3, 5, **how)),
        "rnn": RNN(3, 5, **how),
        "rnn relu": RNN(3, 5, activation="relu", **how),
    }
    gru = cells["gru"]
    gru.params = {**gru.params, "b_recurrent": np.zeros(5)}  # not every layout has it
    return cells


def usual(layer):
    """What must be said of a layer, whatever the usual activations of a layout are."""
    kind = type(layer.cell).__name__
    if kind == "RNNCell":
        return {"cell": "rnn", "activations": {"hidden": layer.cell.activation}}
    if kind == "LSTMCell":
        return {"cell": "lstm", "activations": {"gates": "sigmoid"}}
    reset = "before" if "Before" in kind else "after"
    return {"cell": "gru", "activations": {"gates": "sigmoid"}, "reset": reset}


HAVE = {
    "lstm": {name for name, cell in ALL if cell == "lstm"},
    "gru": {name for name, cell in ALL if cell == "gru"}
    - {"haiku", "openvino", "tf1", "coreml"},  # these reset before
    "gru before": {"keras", "keras2", "onnx", "haiku", "openvino", "tf1", "coreml"},
    "rnn": {name for name, cell in ALL if cell == "rnn"} - {"haiku"},
    "rnn relu": {name for name, cell in ALL if cell == "rnn"},
}


@pytest.mark.parametrize("cell", HAVE)
def test_kernels_pass_through_any_two_layouts_bit_for_bit(cell):
    layer = layers()[cell]
    x = np.random.default_rng(5).standard_normal((2, 3, 3))
    outputs = layer.forward(x).outputs
    shift = {name: LAYOUTS[name].column(cell.split()[0]).forget_bias for name in HAVE[cell]}
    for one in sorted(HAVE[cell]):
        first, _ = write(layer, one)
        between = read(first, one, **usual(layer)).layer
        for two in sorted(HAVE[cell] - {one}):
            second, _ = write(between, two)
            there = read(second, two, **usual(layer)).layer
            for name in ("W", "U"):
                assert (there.params[name] == layer.params[name]).all(), (one, two, name)
            if shift[one] == shift[two] == 0:
                assert (there.params["b"] == layer.params["b"]).all(), (one, two)
            assert np.allclose(there.forward(x).outputs, outputs, rtol=0, atol=4e-15)


@pytest.mark.parametrize("layout", ["pytorch", "keras2-cudnn", "onnx", "jax"])
def test_one_bias_in_two_places(layout):
    layer = layers()["lstm"]
    for biases, share in (("input", 1.0), ("halves", 0.5)):
        arrays, report = write(layer, layout, biases=biases)
        both = [a for n, a in arrays.items() if "bias" in n or n == "B"]
        one, two = both if len(both) == 2 else np.split(both[0].ravel(), 2)
        again = read(arrays, layout).layer
        assert (again.params["b"] == layer.params["b"]).all()
        assert np.abs(one).sum() > 0
        assert (two == (1 - share) / share * one).all()
        assert report.lossless


def test_the_clauses_of_layouts_are_those_of_the_specification():
    import pathlib

    text = (pathlib.Path(__file__).parents[2] / "docs/specification.md").read_text("utf-8")
    known = set(re.findall(r"^### (§\d+\.\d+)", text, re.MULTILINE))
    for layout in LAYOUTS.values():
        for cell in ("lstm", "gru", "rnn"):
            column = layout.column(cell)
            if column is not None:
                assert set(column.clauses.values()) <= known
                assert set(re.findall(r"§\d+\.\d+", str(layout))) <= known
