"""A model by what it is: listed, brought in, saved, seen from inside; without any framework."""

import dataclasses

import numpy as np
import pytest

import npstack as nps
from npstack import interop
from npstack.cells.parts import Coupled, ForgetBias, Peepholes, PreactivationClip
from npstack.interop.comparison import Agreement, AgreementRow
from npstack.interop.files.by_suffix import read_file, write_file
from npstack.interop.pieces import part_for

RNG = np.random.default_rng(0)


def torch_arrays(prefix, D, H, dtype=np.float32):
    shapes = {"weight_ih_l0": (4 * H, D), "weight_hh_l0": (4 * H, H), "bias_ih_l0": (4 * H,)}
    shapes["bias_hh_l0"] = (4 * H,)
    return {f"{prefix}{k}": RNG.standard_normal(s).astype(dtype) for k, s in shapes.items()}


MODEL = {
    "embedding.weight": np.ones((9, 3), np.float32),
    **torch_arrays("encoder.lstm.", 3, 4),
    **torch_arrays("decoder.", 4, 5),
    "head.weight": np.ones((1, 5), np.float32),
}


def test_parts_of_a_dictionary():
    parts = interop.recurrent_parts(MODEL)
    assert [part.name for part in parts] == ["encoder.lstm", "decoder"]
    assert [(part.input_size, part.hidden_size) for part in parts] == [(3, 4), (4, 5)]


def test_one_of_several_must_be_named():
    with pytest.raises(nps.ArgumentError, match=r"'encoder.lstm', 'decoder'"):
        interop.load(MODEL)
    with pytest.raises(nps.ArgumentError, match="part must be one of"):
        interop.load(MODEL, "encoder")
    found = interop.load(MODEL, "decoder")
    assert (found.layer.params["U"] == MODEL["decoder.weight_hh_l0"].T).all()
    assert found.source == "pytorch: decoder of dict"


def test_what_is_no_model():
    with pytest.raises(nps.DtypeError, match="PyTorch module"):
        interop.recurrent_parts(3)
    with pytest.raises(nps.DataError, match="recurrent layer"):
        interop.load({"head.weight": np.ones((1, 5))})
    with pytest.raises(nps.DtypeError, match="Give the live model"):
        interop.capture(MODEL, np.ones((1, 2, 3)))


def test_what_is_no_array_is_named():
    with pytest.raises(nps.DtypeError, match="a must be an array, got a tuple"):
        interop.recurrent_parts({"a": ("x", np.ones(2))})


@pytest.mark.parametrize("suffix", ["npz"])
def test_a_file_gives_the_same_layer(tmp_path, suffix):
    path = tmp_path / f"layer.{suffix}"
    layer = nps.StackedLSTM(3, [4, 4], rng=np.random.default_rng(1), bias_init="uniform")
    report = interop.save(layer, path, "pytorch")
    assert report.lossless
    again = interop.load(path).layer
    assert {*again.params} == {*layer.params}
    assert all((again.params[name] == layer.params[name]).all() for name in layer.params)
    assert [path.name for path in tmp_path.iterdir()] == [f"layer.{suffix}"]


def layers_to_save():
    def rng():
        return np.random.default_rng(1)

    def variant(*parts):
        return nps.Recurrent(nps.LSTMVariantCell(3, 4, *parts, rng=rng(), bias_init="uniform"))

    def two(kind, **how):
        return nps.Bidirectional(kind(3, 4, rng=rng()), kind(3, 4, rng=rng()), **how)

    return {
        "lstm": nps.LSTM(3, 4, rng=rng()),
        "gru": nps.GRU(3, 4, rng=rng(), bias_init="uniform"),
        "reset before": nps.Recurrent(nps.GRUResetBeforeCell(3, 4, rng=rng())),
        "relu": nps.RNN(3, 4, activation="relu", rng=rng()),
        "elu": nps.RNN(3, 4, activation=nps.Activation("elu", alpha=0.5), rng=rng()),
        "stack": nps.StackedGRU(3, [4, 4], rng=rng()),
        "sum": two(nps.LSTM, merge="sum"),
        "last step, from the end": nps.Reversed(nps.LSTM(3, 4, rng=rng(), return_sequences=False)),
        "coupled": variant(Coupled()),
        "peepholes, clip": variant(Peepholes(), PreactivationClip(0.5)),
        "forget bias": variant(ForgetBias(0.7)),
        "zoneout": nps.Recurrent(nps.Zoneout(nps.LSTMCell(3, 4, rng=rng()), h=0.5)),
    }


def saved(layer, path, layout):
    """Whether the layer could be saved in this layout."""
    try:
        interop.save(layer, path, layout)
    except interop.CannotRepresent:
        return False
    return True


@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
@pytest.mark.parametrize("name", layers_to_save())
def test_what_is_saved_comes_back_from_every_layout(tmp_path, name, suffix):
    layer = layers_to_save()[name]
    x = RNG.standard_normal((2, 5, 3))
    kind = part_for(layer).kind if name != "zoneout" else "lstm"
    layouts = [key for key, own in interop.LAYOUTS.items() if own.column(kind) is not None]
    written = [key for key in layouts if saved(layer, tmp_path / f"{key}.{suffix}", key)]
    assert written
    for key in written:
        (part,) = interop.recurrent_parts(tmp_path / f"{key}.{suffix}")
        assert (part.layout, part.kind, part.input_size, part.hidden_size) == (key, kind, 3, 4)
        again = interop.load(tmp_path / f"{key}.{suffix}").layer
        difference = np.abs(again.forward(x).outputs - layer.forward(x).outputs)
        assert difference.max() < 1e-14, key


@pytest.mark.parametrize(
    "wrong",
    [
        {"layout": "torch"},
        {"cell": "gru"},
        {"layers": 2},
        {"bidirectional": True},
        {"activations": {"input": {"name": "none"}}},
        {"activations": {"input": 3}},
        {"activations": []},
        {"clip": -1},
        {"return_sequences": 2},
        {"biases": "kept"},
        {"unknown": 1},
    ],
    ids=str,
)
def test_what_a_file_says_of_its_layer_is_checked(tmp_path, wrong):
    path = tmp_path / "layer.npz"
    interop.save(nps.LSTM(3, 4, rng=np.random.default_rng(0)), path)
    found = read_file(path)
    assert interop.recurrent_parts(path)
    found.attributes["npstack_layer"] |= wrong
    write_file(path, found.arrays, found.attributes)
    for reader in (interop.recurrent_parts, interop.load):
        with pytest.raises(nps.DataError, match=r"as npstack\.interop\.save writes it"):
            reader(path)


@pytest.mark.parametrize("layout", ["pytorch", "onnx"])
def test_one_bias_kept_is_the_bias_of_the_input(layout):
    layer = nps.LSTM(3, 4, rng=np.random.default_rng(0), bias_init="uniform")
    kept, report = interop.write(layer, layout, biases="kept")
    other, _ = interop.write(layer, layout, biases="input")
    assert {*kept} == {*other}
    assert all((kept[name] == other[name]).all() for name in kept)
    assert "all in the input's bias" in str(report) or "zeros" in str(report)


def test_a_layer_that_is_refused_leaves_no_file(tmp_path):
    layer = nps.StackedLSTM(3, [4, 5], rng=np.random.default_rng(1))
    with pytest.raises(interop.CannotRepresent, match="number of units"):
        interop.save(layer, tmp_path / "layer.npz", "pytorch")
    assert not list(tmp_path.iterdir())


def test_a_feed_for_what_cannot_run_is_refused():
    with pytest.raises(nps.DtypeError, match="inspect it without a feed"):
        interop.inspect(MODEL, np.ones((1, 2, 3)))


@pytest.mark.parametrize(
    ("explained", "said"),
    [
        ((True, True), "own: explained by rounding."),
        ((True, None), "cannot be resolved."),
        ((None, False), "own: it is not rounding."),
    ],
)
def test_three_words_for_an_agreement(explained, said):
    (seen,) = interop.inspect(MODEL, part="decoder")
    rows = tuple(AgreementRow("outputs", 0.0, 1.0, 1.0, 2.0, own) for own in explained)
    judged = dataclasses.replace(seen, agreement=Agreement(rows, 1e-7))
    (line,) = (own for own in str(judged).splitlines() if "the model's own" in own)
    assert line.endswith(said)
    assert judged.agreement.explained == all(explained)


def test_inside_of_a_file_with_its_pictures(tmp_path):
    seen = interop.inspect(MODEL)
    assert [one.part.name for one in seen] == ["encoder.lstm", "decoder"]
    assert seen[0].agreement is None
    assert "No input of this layer was recorded" in str(seen[0])
    titles = {own.get_suptitle() for own in seen[0].pictures().values()}
    assert all("encoder.lstm" in title and "a drawn input" in title for title in titles)
    (one,) = interop.inspect(MODEL, part="decoder")
    files = one.draw(tmp_path / "pictures")
    assert [path.name for path in files] == [
        "decoder-activations.png",
        "decoder-gates-layer-0.png",
        "decoder-saturation.png",
    ]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in files)
    with pytest.raises(nps.ArgumentError, match="overwrite=True"):
        one.draw(tmp_path / "pictures")
    one.draw(tmp_path / "pictures", overwrite=True)
    with pytest.raises(nps.ArgumentError, match=r"'encoder\.lstm', 'decoder'"):
        interop.inspect(MODEL, part="head")


def test_gates_of_a_layer_that_reads_from_the_end_say_so():
    arrays = torch_arrays("", 3, 4) | {
        f"{name}_reverse": value for name, value in torch_arrays("", 3, 4).items()
    }
    (seen,) = interop.inspect(arrays)
    pictures = seen.pictures()
    for name, axis in (
        ("layer 0 forward", "time step"),
        ("layer 0 backward", "step as read, from the end"),
    ):
        picture = pictures[f"model-gates-{name.replace(' ', '-')}"]
        assert f"the model, {name} (a drawn input)" in picture.get_suptitle()
        assert f"{axis} (row 0)" in {ax.get_xlabel() for ax in picture.axes}


def test_what_a_part_assumes_stands_in_the_report():
    arrays = {"rnn/kernel:0": np.ones((3, 8)), "rnn/recurrent_kernel:0": np.ones((2, 8))}
    (part,) = interop.recurrent_parts(arrays)
    assert part.layout == "keras2"
    assert part.assumed
    assert {*part.assumed} <= {*interop.load(arrays).report.assumed}


def test_a_path_that_is_not_written_is_refused_before_the_layer_is(tmp_path):
    stack = nps.StackedLSTM(3, [4, 2], rng=np.random.default_rng(0))
    for name in ("m.keras", "m.pt", "m.h5"):
        with pytest.raises(nps.ArgumentError, match=r"must end with one of \.onnx, \.weights\.h5"):
            interop.save(stack, tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_numbers_of_another_type(tmp_path):
    layer = nps.LSTM(3, 4, rng=np.random.default_rng(0))
    report = interop.save(layer, tmp_path / "m.safetensors", dtype="float32")
    assert {row.lossless for row in report.rows if row.parameter[0] != "("} == {False}
    found = interop.load(tmp_path / "m.safetensors").layer
    assert found.dtype == np.float32
    assert all((found.params[name] == a.astype("f4")).all() for name, a in layer.params.items())
    huge = nps.LSTM(3, 4, rng=np.random.default_rng(0))
    huge.params = {**huge.params, "b": np.full(16, 1e300)}
    with pytest.raises(
        nps.ArgumentError, match=r"must hold numbers that float32 has, got .*1\.0e\+300"
    ):
        interop.write(huge, "pytorch", dtype="float32")


def test_where_no_part_can_be_inspected_the_reason_is_told():
    minimal = {
        f"cell/{name}/kernel": np.ones((3, 4) if name[0] == "i" else (4, 4))
        for name in ("if", "in", "hf", "hn")
    }
    with pytest.raises(nps.DataError, match="MGUCell is no cell of npstack"):
        interop.inspect(minimal)
    with pytest.raises(nps.DataError, match="there must be a recurrent layer"):
        interop.inspect({"head": np.ones((2, 2))})


def test_the_name_that_is_printed_for_the_model_is_taken():
    arrays = torch_arrays("", 3, 4)
    assert str(interop.recurrent_parts(arrays)[0]).startswith("(the model): ")
    assert interop.load(arrays, "(the model)").layer.hidden_size == 4
