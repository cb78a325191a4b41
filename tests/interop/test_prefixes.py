"""What may stand before the names of a layout: a path, joined to them as the framework does it."""

import numpy as np
import pytest

from npstack.core.errors import DataError
from npstack.interop import LAYOUTS, load, read, recurrent_parts
from npstack.interop.parts import arrays_of_part
from tests.interop.by_formula import FORMULAS, second_way


def arrays_of(cell, prefix, D=3):
    drawn = FORMULAS["mxnet", cell].drawn(np.random.default_rng(1), D, 4, ("bias",))
    return {prefix + name: value for name, value in drawn.items()}


def two_directions(prefix):
    return {
        prefix + second_way("mxnet", name)[way]: value
        for way in (0, 1)
        for name, value in arrays_of("lstm", "").items()
    }


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("prefix", ["lstm0_", "model0_lstm0_", "arg:lstm0_", "a.b/lstm_l0_"])
def test_names_of_mxnet_have_an_underscore_before_them(cell, prefix):
    named, plain = (read(arrays_of(cell, own), "mxnet", cell=cell) for own in (prefix, ""))
    assert all((named.layer.params[k] == plain.layer.params[k]).all() for k in plain.layer.params)


def test_two_directions_and_layers_of_mxnet():
    upper = {n.replace("_l0_", "_l1_"): a for n, a in arrays_of("lstm", "lstm0_", 4).items()}
    assert len(read({**upper, **arrays_of("lstm", "lstm0_")}, "mxnet").layer.children) == 2
    both = read(two_directions("lstm0_"), "mxnet", bidirectional=True).layer
    assert both.output_size == 8
    with pytest.raises(DataError, match=r"must be of one recurrent part, got .*'lstm0_', 'lstm1_'"):
        read({**arrays_of("lstm", "lstm0_"), **arrays_of("lstm", "lstm1_")}, "mxnet")


@pytest.mark.parametrize("layout", [name for name in LAYOUTS if name != "mxnet"])
def test_an_underscore_joins_no_prefix_elsewhere(layout):
    for cell in ("lstm", "gru", "rnn"):
        column = LAYOUTS[layout].column(cell)
        for name, entry in () if column is None else column.named(0, 0, 1):
            ndim = entry.ndim + column.stacked
            assert column.match(f"a.{name}", ndim) is not None
            hit = column.match(f"a_{name}", ndim)  # of a_projection/kernel, "kernel"
            assert hit is None or hit[0].endswith("/")


def test_an_end_of_a_word_is_no_name_of_mxnet():
    column = LAYOUTS["mxnet"].lstm
    for name in ("decoder0_i2h_weight", "lstmcell0_i2h_weight", "lstm0_xl0_i2h_weight"):
        assert column.match(name, 2) is None


def test_parts_of_mxnet_are_found_and_brought_in():
    upper = {n.replace("_l0_", "_l1_"): a for n, a in arrays_of("lstm", "lstm0_", 4).items()}
    model = {
        "dense0_weight": np.ones((7, 4)),
        **arrays_of("gru", "model0_gru1_", 5),
        **arrays_of("lstm", "lstm0_"),
        **upper,
        **two_directions("arg:lstm2_"),
    }
    parts = recurrent_parts(model)
    assert [str(part) for part in parts] == [
        "model0_gru1: gru 5 -> 4, mxnet",
        "lstm0: 2 x lstm 3 -> 4, mxnet",
        "arg:lstm2: lstm 3 -> 4, two directions, mxnet",
    ]
    for part in parts:
        own = arrays_of_part(model, part)
        assert own
        assert all(name.startswith(f"{part.name}_") for name in own)
        assert load(model, part.name).layer.input_size == part.input_size
