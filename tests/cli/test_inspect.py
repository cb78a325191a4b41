"""``npstack inspect`` and ``npstack convert``: what they print, exit codes, files."""

import numpy as np
import pytest

from npstack import LSTM, interop
from npstack.cli.main import BAD_DATA, FAILED, OK, USAGE, main
from npstack.interop.files.by_suffix import write_file
from tests.interop.test_loading import MODEL


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "weights.npz"
    np.savez(path, **MODEL)
    return path


def test_parts_are_listed(weights, capsys):
    assert main(["inspect", str(weights)]) == OK
    assert capsys.readouterr().out.splitlines() == [
        "encoder.lstm: lstm 3 -> 4, pytorch",
        "decoder: lstm 4 -> 5, pytorch",
    ]


def test_one_part_is_listed(weights, capsys):
    assert main(["inspect", str(weights), "--part", "decoder"]) == OK
    assert capsys.readouterr().out.splitlines() == ["decoder: lstm 4 -> 5, pytorch"]
    assert main(["inspect", str(weights), "--part", "nope"]) == USAGE
    assert "'encoder.lstm', 'decoder'" in capsys.readouterr().err


def test_a_part_that_is_refused_leaves_no_folder(tmp_path, capsys):
    path, out = tmp_path / "model.npz", tmp_path / "look"
    layers = [{"class_name": "LSTM", "config": {"name": "lstm", "units": 4}}]
    config = {"class_name": "Sequential", "config": {"layers": layers}}
    write_file(path, {"a": np.ones(2)}, {"model_config": config})
    assert main(["inspect", str(path), "--part", "lstm", "--out", str(out)]) == FAILED
    assert "Not to be brought in" in capsys.readouterr().out
    assert not out.exists()


@pytest.mark.parametrize("target", ["layer.safetensors", "layer.npz"])
def test_one_bias_is_converted_to_two_without_options(tmp_path, target):
    layer = LSTM(3, 4, rng=np.random.default_rng(0), bias_init="uniform")
    interop.save(layer, tmp_path / "keras.npz", "keras")
    assert main(["convert", str(tmp_path / "keras.npz"), str(tmp_path / target)]) == OK
    again = interop.load(tmp_path / target).layer
    assert all((again.params[name] == layer.params[name]).all() for name in layer.params)


def test_pictures_are_drawn_once(weights, tmp_path, capsys):
    out = tmp_path / "look"
    arguments = ["inspect", str(weights), "--part", "decoder", "--out", str(out)]
    assert main(arguments) == OK
    said = capsys.readouterr().out
    assert "transposed" in said
    names = sorted(path.name for path in out.iterdir())
    assert names == [
        "decoder-activations.png",
        "decoder-gates-layer-0.png",
        "decoder-saturation.png",
    ]
    assert all(str(out / name) in said for name in names)
    assert main(arguments) == USAGE
    assert main([*arguments, "--overwrite"]) == OK


def test_a_layer_is_converted(weights, tmp_path, capsys):
    target = tmp_path / "layer.npz"
    command = ["convert", str(weights), str(target), "--part", "decoder", "--layout", "pytorch"]
    assert main(command) == OK
    said = capsys.readouterr().out
    assert "bias_hh_l0" in said
    with np.load(target) as found:
        for name in found.files:
            if name in ("weight_ih_l0", "bias_hh_l0"):
                assert (found[name] == MODEL[f"decoder.{name}"]).all()
        assert {"weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"} <= {*found.files}
    assert main(command) == USAGE
    assert main([*command, "--overwrite"]) == OK


def test_what_cannot_be_done(weights, tmp_path, capsys):
    assert main(["inspect", str(tmp_path / "none.npz")]) == BAD_DATA
    np.savez(tmp_path / "head.npz", weight=np.ones((2, 3)))
    assert main(["inspect", str(tmp_path / "head.npz")]) == FAILED
    assert main(["convert", str(weights), str(tmp_path / "a.npz")]) == USAGE
    assert "'encoder.lstm', 'decoder'" in capsys.readouterr().err
    assert main(["convert", str(weights), str(tmp_path / "a.txt"), "--part", "decoder"]) == USAGE
    assert not (tmp_path / "a.txt").exists()
    assert main(["inspect", str(weights), "--part", "none", "--out", str(tmp_path)]) == USAGE


def test_names_of_layouts_are_suggested(weights, tmp_path, capsys):
    target = str(tmp_path / "a.npz")
    given = ["convert", str(weights), target, "--part", "decoder", "--layout", "torch"]
    assert main(given) == USAGE
    said = capsys.readouterr().err
    assert all(name in said for name in interop.LAYOUTS)
