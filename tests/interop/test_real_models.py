"""Trained models that ship inside published packages: brought in, compared, looked into.

Skipped unless NPSTACK_MODELS names a folder that holds the packages unpacked
(`tests.full_runs.real_models` says which); nothing is downloaded.
"""

from __future__ import annotations

import os
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from npstack import GRU, Bidirectional
from npstack.core.errors import DataError, NpstackError
from npstack.interop import (
    agreement,
    capture,
    inspect,
    load,
    nearest,
    read,
    readings,
    recurrent_parts,
)
from npstack.verify import check_rounding
from tests.full_runs.real_models import FOLDER, LINES, cases, require
from tests.interop.published import PACKAGES, importable, pair_of_nagisa, words_of_chars2vec
from tests.tools.provenance import read_evidence

OLD = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
FRAMEWORKS, SLOW = pytest.mark.frameworks, pytest.mark.slow
MARKS = {
    "silero-vad": FRAMEWORKS,
    "Resemblyzer": (FRAMEWORKS, SLOW),
    "g2p-en": SLOW,
    "g2pM": (),
    "chars2vec": (FRAMEWORKS, SLOW),
    "thai2rom": FRAMEWORKS,
    "nagisa": SLOW,
}
STEPS = 6


def root_of(name: str) -> Path:
    """The folder of all packages; the test is skipped if this one cannot be run."""
    own = PACKAGES[name]
    if FOLDER not in os.environ:
        pytest.skip(f"{FOLDER} does not name a folder of unpacked packages")
    root = Path(os.environ[FOLDER])
    if not (root / own.folder).is_dir():
        pytest.skip(f"there is no {own.folder} in {FOLDER}")
    for package in own.needs:
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    return root


def folder_of(name: str) -> Path:
    return root_of(name) / PACKAGES[name].folder


def arrays_of_nagisa() -> dict[str, np.ndarray]:
    """By the names of DyNet; the package reads its own text."""
    root = folder_of("nagisa")
    with importable(root):
        read_text = import_module("nagisa.dynet_loader").load_dynet_text_model
    kept = read_text(str(root / "nagisa/data/nagisa_v001.model"))
    return {name: array for name, (_, array) in kept.items()}


@pytest.mark.parametrize("name", [pytest.param(name, marks=MARKS[name]) for name in PACKAGES])
def test_the_packages_own_program_agrees(name: str) -> None:
    found = cases(name, root_of(name), STEPS)
    assert found
    for case in found:
        assert case.lines <= LINES
        assert np.abs(case.recorded.outputs).max() > 0.1
        judged = agreement(case.layer, case.recorded)
        assert judged.explained, f"{case.part}\n{judged}"


def test_the_full_run_is_whole_and_meets_the_bar() -> None:
    evidence = read_evidence("real_models")["models"]
    assert set(evidence) == set(PACKAGES)
    require(evidence)


@FRAMEWORKS
def test_what_is_captured_is_what_the_graph_returns() -> None:
    runtime = pytest.importorskip("onnxruntime")
    path = folder_of("silero-vad") / "silero_vad/data/silero_vad.onnx"
    rng = np.random.default_rng(0)
    feed: dict[str, Any] = {"input": rng.standard_normal((1, 576)).astype(np.float32)}
    feed |= {"state": rng.standard_normal((2, 1, 128)).astype(np.float32), "sr": np.array(16000)}
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    _, state = session.run(None, feed)
    (recorded,) = capture(path, feed).values()  # of four nodes, that of the branch that was taken
    np.testing.assert_array_equal(np.stack(recorded.initial), feed["state"])
    np.testing.assert_array_equal(np.stack(recorded.final), state)


@FRAMEWORKS
@OLD
def test_three_files_of_one_model_hold_the_same_bits() -> None:
    torch = pytest.importorskip("torch")
    data = folder_of("silero-vad") / "silero_vad/data"
    script = torch.jit.load(data / "silero_vad.jit", map_location="cpu").state_dict()
    in_branch = "If_0_then_branch__Inline_0__/decoder/rnn/LSTM"
    first, *others = (  # the .safetensors beside them holds other numbers
        load(data / "silero_vad_16k_sequence.onnx"),
        load(data / "silero_vad.onnx", in_branch),
        load(script, "_model.decoder.rnn"),
    )
    for other in others:
        assert list(other.layer.params) == list(first.layer.params)
        for name, value in first.layer.params.items():
            np.testing.assert_array_equal(other.layer.params[name], value)


@FRAMEWORKS
@OLD
def test_what_cannot_be_brought_in_says_what_to_do() -> None:
    torch = pytest.importorskip("torch")
    script = folder_of("silero-vad") / "silero_vad/data/silero_vad.jit"
    with pytest.raises(Exception, match="state_dict"):
        load(script)
    parts = recurrent_parts(torch.jit.load(script, map_location="cpu"))
    assert [part.name for part in parts] == ["_model.decoder.rnn", "_model_8k.decoder.rnn"]
    assert all("state_dict" in part.refused for part in parts)


@FRAMEWORKS
@SLOW
def test_inspect_draws_a_graph_and_a_module(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    path = folder_of("thai2rom") / "pythainlp/corpus/thai2rom_encoder.onnx"
    symbols = np.arange(4, 12)[None]
    (found,) = inspect(path, (symbols, np.array([8])))
    assert "agree with the model's own" in str(found)
    drawn = found.draw(tmp_path / "graph")
    path = folder_of("Resemblyzer") / "resemblyzer/pretrained.pt"
    state = torch.load(path, map_location="cpu", weights_only=True)
    module = torch.nn.ModuleDict({"lstm": torch.nn.LSTM(40, 256, 3, batch_first=True)})
    module.load_state_dict(state["model_state"], strict=False)
    (found,) = inspect(module["lstm"], np.ones((1, 3, 40), np.float32), draws=2)
    assert found.agreement is not None
    assert found.agreement.explained
    drawn += found.draw(tmp_path / "module")
    assert len([path for path in drawn if "gates" in path.name]) == 2 + 3
    assert all(path.stat().st_size > 5000 for path in drawn)


@FRAMEWORKS
@SLOW
def test_another_hard_sigmoid_is_not_explained() -> None:
    (case, _) = cases("chars2vec", root_of("chars2vec"), STEPS)
    path = folder_of("chars2vec") / "chars2vec/trained_models/eng_50/weights.h5"
    assert "hard_sigmoid_fifth" in str(load(path, "lstm_1").report)
    assert repr(case.layer) == repr(words_of_chars2vec(path))
    for gates in ("hard_sigmoid_sixth", "sigmoid"):
        other = [load(path, f"lstm_{k}", activations={"gates": gates}).layer for k in (1, 2)]
        y = other[1].forward(other[0].forward(case.recorded.x).outputs).outputs[:, -1]
        own = case.layer.forward(case.recorded.x).outputs
        assert not check_rounding(y, case.recorded.outputs, own=own).explained


@SLOW
def test_only_one_reading_of_arrays_without_names_computes_their_numbers() -> None:
    case = cases("nagisa", root_of("nagisa"), STEPS)[2]
    own = arrays_of_nagisa()
    arrays = [own[f"/birnn_2/vanilla-lstm-builder/_{k}"] for k in range(3)]
    forward = case.recorded.outputs[..., : arrays[1].shape[1]]
    (error, best), *others = nearest(readings(arrays), case.recorded.x, forward)
    assert str(best) == "dynet(forget_bias=1.0)"
    assert error < 1e-5
    assert len(others) >= 2
    assert min(error for error, _ in others) > 0.1


@SLOW
def test_a_tagger_of_japanese_finds_the_same_words_with_npstack_inside(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with importable(folder_of("nagisa")):
        theirs = import_module("nagisa")
        builder = import_module("nagisa.np_model")._BiRNN
    arrays = arrays_of_nagisa()
    names = ("birnn", "birnn_1", "birnn_2")
    pairs = {own.input_size: own for own in (pair_of_nagisa(arrays, k) for k in names)}
    outputs: list[np.ndarray] = []

    def tagged() -> tuple[list[str], list[str]]:
        found = theirs.tagging("外国人参政権の是非を、東京で議論した。")
        return list(found.words), list(found.postags)

    def ours(self: Any, x: np.ndarray) -> np.ndarray:
        outputs.append(pairs[x.shape[1]].forward(np.asarray(x)[None]).outputs[0])
        return np.array(outputs[-1])

    before = tagged()
    monkeypatch.setattr(builder, "transduce", ours)
    assert tagged() == before
    assert len(outputs) == 2
    assert len(before[0]) > 5


@SLOW
def test_a_forget_bias_that_is_left_out_is_not_explained() -> None:
    arrays = arrays_of_nagisa()
    for case in cases("nagisa", root_of("nagisa"), STEPS):
        assert agreement(pair_of_nagisa(arrays, case.part), case.recorded, draws=4).explained
        bare = pair_of_nagisa(arrays, case.part, forget_bias=0.0)
        assert not agreement(bare, case.recorded, draws=4).explained


# ---- what the arrays of these packages taught: messages, with arrays of such names and shapes ----


def shaped(*names: str, gates: int) -> dict[str, np.ndarray]:
    """Two kernels of 5 -> 3 units and biases, as PyTorch stores them."""
    shapes = (3 * gates, 5), (3 * gates, 3), (3 * gates,), (3 * gates,)
    return {name: np.ones(shape) for name, shape in zip(names, shapes, strict=False)}


def test_names_of_no_layout_lead_to_a_list() -> None:
    arrays = shaped("enc_w_ih", "enc_w_hh", "enc_b_ih", "enc_b_hh", gates=3)
    with pytest.raises(DataError, match="give them to read, in a list"):
        load(arrays)
    with pytest.raises(DataError, match=r"weight_ih_l0, weight_hh_l0, .* in this order, in a list"):
        read(arrays, "pytorch", cell="gru")
    in_order = list(arrays.values())
    with pytest.raises(DataError, match="in this order, weight_ih_l0, weight_hh_l0, bias_ih_l0"):
        read(in_order[::-1], "pytorch", cell="gru")
    assert isinstance(read(in_order, "pytorch", cell="gru").layer, GRU)


@pytest.mark.parametrize(("cell", "gates"), [("lstm", 4), ("gru", 3), ("rnn", 1)])
def test_arrays_of_another_cell_are_told(cell: str, gates: int) -> None:
    arrays = list(shaped("w", "u", "b", "c", gates=gates).values())
    others = {"lstm", "gru", "rnn"} - {cell}
    for other in others:
        with pytest.raises(NpstackError) as caught:
            read(arrays, "pytorch", cell=other)
        if "each gate a block" in str(caught.value):
            assert caught.value.advice == f"They would fit cell={cell!r}."
    assert read(arrays, "pytorch", cell=cell).layer.input_size == 5


def test_two_directions_of_dynet_are_two_parts_and_no_stack() -> None:
    arrays = {
        f"/birnn/vanilla-lstm-builder{way}/{name}": value
        for way in ("", "_1")
        for name, value in shaped("_0", "_1", "_2", gates=4).items()
    }
    parts = recurrent_parts(arrays)
    assert [part.layout for part in parts] == ["dynet", "dynet"]
    with pytest.raises(NpstackError, match="Bidirectional"):
        read(arrays, "dynet", layers=2)
    both = Bidirectional(*(load(arrays, part.name).layer for part in parts))
    assert both.output_size == 6


def test_the_directions_of_a_node_have_their_rows_in_the_report() -> None:
    arrays = {"W": np.ones((2, 8, 3)), "R": np.ones((2, 8, 2)), "B": np.ones((2, 16))}
    rows = read(arrays, "onnx", bidirectional=True).report.rows
    assert [row.parameter for row in rows] == ["W[0]", "R[0]", "B[0]", "W[1]", "R[1]", "B[1]"]
