"""Recurrent layers found among the arrays of a model, by names and shapes."""

import numpy as np
import pytest

from npstack.core.errors import ArgumentError, DataError
from npstack.interop.known_layouts import LAYOUTS
from npstack.interop.loading import load, open_model
from npstack.interop.opened import Opened
from npstack.interop.parts import RecurrentPart, arrays_of_part, parts_of_arrays
from npstack.interop.reading import read
from tests.interop.by_formula import FORMULAS, second_way

rng = np.random.default_rng(0)


def arrays_of(layout, cell, prefix="", D=3, H=4, groups=("bias",)):
    drawn = FORMULAS[layout, cell].drawn(np.random.default_rng(1), D, H, groups)
    return {prefix + name: value for name, value in drawn.items()}


def chosen(parts, name):
    return Opened(parts, lambda part: {}).part("load", name)


def others(*names):
    shapes = {"weight": (7, 4), "bias": (7,), "running_mean": (7,), "kernel": (4, 8)}
    return {name: rng.standard_normal(shapes.get(name.split(".")[-1], (5, 5))) for name in names}


def found(arrays):
    return [str(part) for part in parts_of_arrays(arrays)]


@pytest.mark.parametrize(
    ("layout", "cell"),
    [
        own
        for own in sorted(FORMULAS)
        if own[0]
        in ("pytorch", "pytorch-cell", "equinox", "keras", "flax-linen", "flax-nnx", "mxnet",
            "lasagne", "keras2-cudnn")
    ],
)  # fmt: skip
def test_kinds_are_told_apart_beside_other_arrays(layout, cell):
    for groups in ((), ("bias",)):
        if "bias" in FORMULAS[layout, cell].table.split() or not groups:
            own = arrays_of(layout, cell, "net.enc/", groups=groups)
            model = {**others("stem.weight", "stem.bias"), **own, **others("head.kernel")}
            (part,) = parts_of_arrays(model)
            said = (part.name, part.kind, part.input_size, part.hidden_size, part.layers)
            assert said == ("net.enc", cell.split()[0], 3, 4, 1)
            assert arrays_of_part(model, part) == own
            same = {"equinox": {"equinox"} if groups else {"pytorch-cell"}}.get(layout, {layout})
            if layout == "keras2-cudnn":
                same = {"keras2-cudnn"}
            assert part.layout in same, groups
            read(arrays_of_part(model, part), part.layout, cell=part.kind, **part.attributes)


def test_a_state_dict_with_several_parts():
    upper = arrays_of("pytorch", "lstm", "encoder.rnn.", 4)
    model = {
        "embed.weight": rng.standard_normal((9, 3)),
        **arrays_of("pytorch", "lstm", "encoder.rnn."),
        **{name.replace("_l0", "_l1"): value for name, value in upper.items()},
        "encoder.norm.weight": rng.standard_normal(4),
        **arrays_of("pytorch", "gru", "decoder.", 5, 2),
        **arrays_of("pytorch-cell", "rnn", "decoder2.", 5, 2),
        **arrays_of("pytorch", "lstm", "projected.", 3, 6, ("bias", "projection")),
        "head.weight": rng.standard_normal((7, 2)),
    }
    assert found(model) == [
        "encoder.rnn: 2 x lstm 3 -> 4, pytorch",
        "decoder: gru 5 -> 2, pytorch",
        "decoder2: rnn 5 -> 2, pytorch-cell",
        "projected: lstm 3 -> 6, pytorch, projected to 5",
    ]
    for part in parts_of_arrays(model):
        own = arrays_of_part(model, part)
        assert own
        assert all(name.startswith(f"{part.name}.") for name in own)
        layer = read(own, part.layout, cell=part.kind).layer
        assert layer.input_size == part.input_size
        assert layer.output_size == (part.projected or part.hidden_size)


def test_two_directions_are_seen():
    for layout in ("pytorch", "mxnet", "keras"):
        own = arrays_of(layout, "gru")
        mark = "/" if layout == "keras" else "."
        model = {
            f"m{mark}{second_way(layout, name)[way]}": value
            for way in (0, 1)
            for name, value in own.items()
        }
        assert found(model) == [f"m: gru 3 -> 4, two directions, {layout}"]
        (part,) = parts_of_arrays(model)
        read(arrays_of_part(model, part), layout, cell="gru", bidirectional=True)


def test_names_of_keras_2_files_and_of_flax_trees():
    keras = {f"{n}:0": a for n, a in arrays_of("keras", "lstm", "lstm_1/lstm_1/").items()}
    dense = {"dense_1/dense_1/kernel:0": np.ones((4, 8)), "dense_1/dense_1/bias:0": np.ones(8)}
    assert found({**dense, **keras}) == ["lstm_1/lstm_1: lstm 3 -> 4, keras"]
    cells = {
        **arrays_of("flax-linen", "lstm", "RNN_0/cell/"),
        **arrays_of("flax-linen", "gru", "GRUCell_0/"),
        **arrays_of("flax-linen", "rnn", "SimpleCell_0/"),
        "Dense_0/kernel": np.ones((4, 4)),
        "Dense_0/bias": np.ones(4),
    }
    assert found(cells) == [
        "RNN_0/cell: lstm 3 -> 4, flax-linen",
        "GRUCell_0: gru 3 -> 4, flax-linen",
        "SimpleCell_0: rnn 3 -> 4, flax-linen",
    ]


@pytest.mark.parametrize("mark", ["/", "."])
def test_cells_of_flax_below_backward_rnn_read_from_the_end(mark):
    cells = {
        f"params{mark}{way}_rnn{mark}cell{mark}{name}": value
        for way in ("forward", "backward")
        for name, value in arrays_of("flax-nnx", "gru").items()
    }
    parts = parts_of_arrays(cells)
    assert [part.attributes for part in parts] == [{}, {"backwards": True}]
    keras = arrays_of("keras", "lstm", "backward_rnn/")
    assert [part.attributes for part in parts_of_arrays(keras)] == [{}]


def test_cells_of_flax_that_cannot_be_brought_in_are_listed():
    gates = ("if", "hf", "in", "hn")
    model = {
        **{f"a/cell/{g}/kernel": np.ones((3 if g[0] == "i" else 4, 4)) for g in gates},
        **arrays_of("flax-linen", "lstm", "b/cell/"),
        **{f"c/cell/{g}/kernel": np.ones((2, 2, 5, 16)) for g in ("ih", "hh")},
        **{n: np.stack([a, a]) for n, a in arrays_of("flax-linen", "gru", "d/cell/").items()},
    }
    parts = parts_of_arrays(model)
    assert [(part.name, part.kind, part.input_size, part.hidden_size) for part in parts] == [
        ("a/cell", "gru", 3, 4),
        ("b/cell", "lstm", 3, 4),
        ("c/cell", "lstm", 5, 4),
        ("d/cell", "gru", 3, 4),
    ]
    assert [part.refused.partition(" ")[0] for part in parts] == [
        *("MGUCell", "", "ConvLSTMCell", "Its"),
    ]


def test_bfloat16_is_widened():
    bfloat16 = pytest.importorskip("ml_dtypes").bfloat16
    exact = arrays_of("flax-linen", "lstm", "cell/")
    short = {name: value.astype(bfloat16) for name, value in exact.items()}
    (part,) = parts_of_arrays(short)
    opened = open_model("test", short)
    for name, value in opened.arrays(part).items():
        assert value.dtype == np.float32
        assert (value == short[name].astype(np.float32)).all()
    assert load(short).layer.dtype == np.float32


def test_the_model_itself_may_be_the_part():
    assert found(arrays_of("pytorch", "rnn")) == ["(the model): rnn 3 -> 4, pytorch"]


def test_square_shapes_do_not_confuse_the_kinds():
    for cell, k in (("lstm", 4), ("gru", 3), ("rnn", 1)):
        for H in (3, 4, 12):
            own = arrays_of("pytorch", cell, D=k * H, H=H)
            assert found(own) == [f"(the model): {cell} {k * H} -> {H}, pytorch"]


@pytest.mark.parametrize(
    "arrays",
    [
        {},
        others("fc.weight", "fc.bias"),
        {"a.weight_ih_l0": np.ones((16, 3))},  # no recurrent kernel
        {"a.weight_ih_l0": np.ones((16, 3)), "a.weight_hh_l0": np.ones((15, 4))},
        {"a.weight_ih_l0": np.ones((16, 3)), "a.weight_hh_l0": np.ones((16, 5))},
        {"a.weight_ih_l0": np.ones((16, 3)), "b.weight_hh_l0": np.ones((16, 4))},
        {"a.weight_ih_l0": np.ones((12, 3)), "a.weight_hh_l0": np.ones((16, 4))},
        {"a.weight_hh_l0": np.ones((0, 0)), "a.weight_ih_l0": np.ones((0, 3))},
        {"weight_hh_l0": np.float64(1), "weight_ih_l0": np.float64(1)},
    ],
)
def test_what_is_no_recurrent_layer_is_not_found(arrays):
    assert parts_of_arrays(arrays) == ()


def test_choosing_a_part():
    parts = parts_of_arrays(
        {**arrays_of("pytorch", "lstm", "a."), **arrays_of("pytorch", "gru", "b.")}
    )
    assert chosen(parts, "b").kind == "gru"
    assert chosen(parts[:1], None).name == "a"
    with pytest.raises(ArgumentError, match="part must name one part, got 'a', 'b'"):
        chosen(parts, None)
    with pytest.raises(ArgumentError, match="part must be one of 'a', 'b', got 'c'"):
        chosen(parts, "c")
    with pytest.raises(DataError, match="there must be a recurrent layer, got none"):
        chosen((), None)
    refused = RecurrentPart(
        "q", "lstm", 3, 2, 1, False, "pytorch", {}, "Convert it to float first."
    )
    with pytest.raises(DataError, match="Convert it to float"):
        chosen((refused,), None)


def test_every_layout_that_is_looked_for_exists():
    from npstack.interop.parts import BY_NAME

    assert set(BY_NAME) <= set(LAYOUTS)
    assert len(BY_NAME) == len(set(BY_NAME))
