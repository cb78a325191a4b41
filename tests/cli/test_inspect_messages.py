"""What ``npstack inspect`` and ``npstack convert`` say: options, never arguments of Python."""

import re
import sys

import numpy as np
import pytest

from npstack import LSTM, GRUResetBeforeCell, Recurrent, interop
from npstack.cli.main import BAD_DATA, FAILED, OK, USAGE, main
from npstack.interop.files.by_suffix import write_file
from tests.interop.test_loading import MODEL

PYTHON = re.compile(r"\b(?<!-)(part|layout|overwrite|dtype|biases)=|Path\.mkdir|PosixPath")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("two.npz", **MODEL)
    np.savez("head.npz", weight=np.ones((2, 3)))
    np.savez("x.npz", x=np.ones((1, 2, 3)))
    rng = np.random.default_rng(0)
    interop.save(LSTM(3, 4, rng=rng), "one.safetensors")
    interop.save(Recurrent(GRUResetBeforeCell(3, 4, rng=rng)), "before.npz", "keras")
    layers = [{"class_name": "LSTM", "config": {"name": "lstm", "units": 4}}]
    config = {"class_name": "Sequential", "config": {"layers": layers}}
    write_file("refused.npz", {"a": np.ones(2)}, {"model_config": config})
    return tmp_path


REFUSED = {
    "inspect a.tflite": (BAD_DATA, ["MODEL must end with one of .onnx", "In Python"]),
    "inspect a.pkl": (BAD_DATA, ["A pickle runs code"]),
    "inspect two.npz --part nope": (USAGE, ["--part must be one of", "--part='encoder.lstm'"]),
    "inspect two.npz --feed x.npz": (
        USAGE,
        ["--feed must go with", "Leave --feed out", "inspect("],
    ),
    "inspect a.onnx --feed a.txt": (USAGE, ["--feed must be an .npz file", "np.savez"]),
    "inspect two.npz --out x.npz": (USAGE, ["--out must be a folder"]),
    "convert two.npz y.npz": (USAGE, ["--part must name one", "--part='encoder.lstm'"]),
    "convert two.npz y.npz --part nope": (USAGE, ["--part must be one of"]),
    "convert one.safetensors y.pt": (USAGE, [".onnx, got 'y.pt'", "take .safetensors"]),
    "convert one.safetensors y.h5": (USAGE, ["take .weights.h5"]),
    "convert one.safetensors y": (USAGE, ["OUT must end with one of .safetensors"]),
    "convert one.safetensors no/y.npz": (USAGE, ["the folder of OUT must exist", "Make it first"]),
    "convert one.safetensors x.npz": (USAGE, ["OUT must be new", "--overwrite"]),
    "convert one.safetensors y.npz --layout torch": (USAGE, ["--layout must be one of"]),
    "convert one.safetensors y.onnx --layout keras": (USAGE, ["Leave --layout out"]),
    "convert before.npz y.safetensors": (USAGE, ["pytorch has no GRU that resets before"]),
    "convert head.npz y.npz": (BAD_DATA, ["there must be a recurrent layer"]),
    "convert refused.npz y.npz": (BAD_DATA, ["Give the file that has them"]),
}


@pytest.mark.parametrize("command", REFUSED)
def test_errors_speak_of_the_options_of_the_command(folder, capsys, command):
    before = sorted(folder.iterdir())
    code, words = REFUSED[command]
    assert main(command.split()) == code
    said = capsys.readouterr().err
    assert said.startswith(f"npstack {command.split()[0]}: ")
    assert all(word in said for word in words), said
    assert not PYTHON.search(said), said
    assert sorted(folder.iterdir()) == before


def test_pictures_that_are_there_can_be_replaced_by_an_option(folder, capsys):
    command = ["inspect", "two.npz", "--part", "decoder", "--out", "look"]
    assert main(command) == OK
    assert main(command) == USAGE
    said = capsys.readouterr().err
    assert said.startswith("npstack inspect: ")
    assert said.strip().endswith("Choose another --out, or replace it with --overwrite.")
    assert main([*command, "--overwrite"]) == OK


def test_the_layer_that_is_suggested_can_be_typed(folder, capsys):
    assert main(["convert", "two.npz", "y.npz", "--part=encoder.lstm"]) == OK
    assert (folder / "y.npz").exists()


def test_a_refused_layer_is_listed_but_not_drawn(folder, capsys):
    assert main(["inspect", "refused.npz", "--part", "lstm"]) == OK
    assert main(["inspect", "refused.npz", "--part", "lstm", "--out", "look"]) == FAILED
    assert capsys.readouterr().out.count("Give the file that has them") == 2
    assert not (folder / "look").exists()


def test_a_package_that_is_missing_is_named(folder, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    (folder / "a.onnx").write_bytes(bytes(100))
    assert main(["inspect", "a.onnx"]) == USAGE
    assert "pip install" in capsys.readouterr().err


@pytest.mark.frameworks
@pytest.mark.parametrize(
    ("feed", "code", "said"),
    [
        ({"y": np.ones((1, 2, 3))}, USAGE, "--feed must hold x and nothing else, got y"),
        ({"x": np.ones((0, 2, 3))}, USAGE, "--feed['x'] must have at least one row"),
        ({"x": np.full((1, 2, 3), np.nan)}, USAGE, "Are they in FILE"),
        ({"x": np.ones((1, 2, 7))}, BAD_DATA, "Got: 7 Expected: 3"),
    ],
)
def test_a_feed_that_does_not_fit(folder, capsys, feed, code, said):
    pytest.importorskip("onnxruntime")
    interop.save(LSTM(3, 4, rng=np.random.default_rng(0), dtype=np.float32), "a.onnx")
    np.savez("f.npz", **feed)
    assert main(["inspect", "a.onnx", "--feed", "f.npz"]) == code
    assert said in capsys.readouterr().err


def test_a_listing_says_what_differs_from_a_plain_layer(folder, capsys):
    assert main(["inspect", "before.npz"]) == OK
    said = capsys.readouterr().out.strip()
    assert said == "(the model): gru 3 -> 4, keras, resets before the product"
