"""A model by what it is: listed, brought in, saved, seen from inside; without any framework."""

import numpy as np
import pytest

import npstack as nps
from npstack import interop

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
    with pytest.raises(nps.DtypeError, match="Run it in its framework"):
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


def test_a_layer_that_is_refused_leaves_no_file(tmp_path):
    layer = nps.StackedLSTM(3, [4, 5], rng=np.random.default_rng(1))
    with pytest.raises(interop.CannotRepresent, match="number of units"):
        interop.save(layer, tmp_path / "layer.npz", "pytorch")
    assert not list(tmp_path.iterdir())


def test_inside_of_a_file_with_its_pictures(tmp_path):
    seen = interop.inspect(MODEL)
    assert [one.part.name for one in seen] == ["encoder.lstm", "decoder"]
    assert seen[0].agreement is None
    assert "No input of this layer was recorded" in str(seen[0])
    (one,) = interop.inspect(MODEL, part="decoder")
    files = one.draw(tmp_path / "pictures")
    assert [path.name for path in files] == [
        "decoder-activations.png",
        "decoder-gates-0.png",
        "decoder-saturation.png",
    ]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in files)
    with pytest.raises(nps.ArgumentError, match="overwrite=True"):
        one.draw(tmp_path / "pictures")
    one.draw(tmp_path / "pictures", overwrite=True)
    with pytest.raises(nps.ArgumentError, match=r"'encoder\.lstm', 'decoder'"):
        interop.inspect(MODEL, part="head")
