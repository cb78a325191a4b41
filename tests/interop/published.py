"""The recurrent layers of seven published packages, and what their own programs compute.

`tests.full_runs.real_models` says where the packages come from. What brings the layers into npstack
comes first: few lines each, which are counted.
"""

from __future__ import annotations

import json
import os
import pickle
import sys
import types
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from inspect import getsource
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from npstack import Bidirectional, GRUState, Layer, Sequential
from npstack.interop import Recorded, capture, load, read


class Case(NamedTuple):
    """A layer, what its own program computed, and the function that brought it in."""

    part: str
    layer: Layer
    recorded: Recorded
    brought_in_by: Callable[..., Layer]

    @property
    def lines(self) -> int:
        """The lines of that function below its ``def``."""
        return getsource(self.brought_in_by).count("\n") - 1


class Package(NamedTuple):
    """A package: what runs it, what that needs, and its layers."""

    folder: str
    runtime: str
    needs: tuple[str, ...]
    cases: Callable[[Path, int], Iterator[Case]]  # from its folder, and the steps of a sequence


# ---- what brings each in -------------------------------------------------------------------------


def from_file(path: Path, part: str | None = None, **options: Any) -> Layer:
    return load(path, part, **options).layer


def gru_of_g2p(arrays: Mapping[str, np.ndarray], side: str) -> Layer:
    in_order = [arrays[f"{side}_{name}"] for name in ("w_ih", "w_hh", "b_ih", "b_hh")]
    return read(in_order, "pytorch", cell="gru").layer


def lstm_of_g2pm(weights: Mapping[str, np.ndarray]) -> Layer:
    return load(weights).layer


def words_of_chars2vec(path: Path) -> Layer:
    low = load(path, "lstm_1")
    high = load(path, "lstm_2", return_sequences=False)
    return Sequential(low.layer, high.layer)


def pair_of_nagisa(arrays: Mapping[str, np.ndarray], name: str, **options: Any) -> Layer:
    ways = (f"/{name}/vanilla-lstm-builder{number}" for number in ("", "_1"))
    return Bidirectional(*(load(arrays, way, **options).layer for way in ways))


# ---- what each is held against -------------------------------------------------------------------


def silero_vad(root: Path, steps: int) -> Iterator[Case]:
    """One ONNX graph over a whole recording, one called chunk by chunk with the state carried."""
    data = root / "silero_vad/data"
    sound = voice(steps * 512)
    begun = np.concatenate([np.zeros(64, np.float32), sound])  # each chunk has 64 of the one before
    chunks = np.stack([begun[512 * k : 512 * k + 576] for k in range(steps)])
    whole = data / "silero_vad_16k_sequence.onnx"
    zero = np.zeros((1, 1, 128), np.float32)
    for part, own in capture(whole, (chunks, zero, zero)).items():
        yield Case(f"sequence {part}", from_file(whole, part), own, from_file)
    streamed = data / "silero_vad.onnx"
    state = np.zeros((2, 1, 128), np.float32)
    for chunk in chunks[:3]:
        ((part, own),) = capture(streamed, (chunk[None], state, np.array(16000))).items()
        state = np.stack([own.final.h, own.final.c])
    yield Case(f"streaming {part}", from_file(streamed, part), own, from_file)


def resemblyzer(root: Path, steps: int) -> Iterator[Case]:
    """A checkpoint of PyTorch, in float32 and float64."""
    import torch

    torch.set_num_threads(1)
    path = root / "resemblyzer/pretrained.pt"
    state = torch.load(path, map_location="cpu", weights_only=True)["model_state"]
    for dtype in (np.float32, np.float64):
        lstm = torch.nn.LSTM(40, 256, 3, batch_first=True).to(getattr(torch, np.dtype(dtype).name))
        own = {k.removeprefix("lstm."): v for k, v in state.items() if k.startswith("lstm.")}
        lstm.load_state_dict(own)
        x = spectrum(voice(160 * (steps - 1) + 400), 40).astype(dtype)
        (recorded,) = capture(lstm, np.stack([x, x[::-1] / 2])).values()
        layer = from_file(path, dtype=dtype)
        yield Case(f"lstm {np.dtype(dtype).name}", layer, recorded, from_file)


def g2p_en(root: Path, steps: int) -> Iterator[Case]:
    """Encoder and decoder for the sounds of English words, in the package's NumPy code."""
    with importable(root, *("nltk", "nltk.corpus", "nltk.tokenize", "inflect")) as stubs:
        stubs["nltk"].data = types.SimpleNamespace(find=lambda name: None)
        stubs["nltk"].pos_tag = stubs["inflect"].engine = lambda *given: None
        stubs["nltk.corpus"].cmudict = types.SimpleNamespace(dict=dict)
        stubs["nltk.tokenize"].TweetTokenizer = lambda: types.SimpleNamespace(tokenize=None)
        theirs = import_module("g2p_en.g2p").G2p()
    arrays, word, h0 = theirs.variables, "antidisestablishmentarianism"[: steps - 1], None
    phones = [2] + [theirs.p2idx[name] for name in theirs.predict(word)]  # after <s>
    inputs = {"enc": theirs.encode(word), "dec": theirs.dec_emb[phones][None]}
    for side, x in inputs.items():
        own = [arrays[f"{side}_{name}"] for name in ("w_ih", "w_hh", "b_ih", "b_hh")]
        y = theirs.gru(x, x.shape[1], *own, h0)
        initial = None if h0 is None else GRUState(h0)
        recorded = Recorded(x, y, initial=initial, final=GRUState(y[:, -1]))
        yield Case(side, gru_of_g2p(arrays, side), recorded, gru_of_g2p)
        h0 = y[:, -1]  # where the decoder begins


class Arrays(pickle.Unpickler):
    """Arrays and plain containers, nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        allowed = ("_reconstruct", "ndarray", "dtype", "scalar", "OrderedDict")
        if module.split(".")[0] in ("numpy", "collections") and name in allowed:
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"{module}.{name}")


def g2pm(root: Path, steps: int) -> Iterator[Case]:
    """Two directions over a ragged batch of Chinese sentences, in the package's NumPy code."""
    with (root / "g2pM/np_ckpt.pkl").open("rb") as file:
        weights = Arrays(file).load()
    with (root / "g2pM/char2idx.pkl").open("rb") as file:
        index = Arrays(file).load()
    with importable(root):
        theirs = import_module("g2pM.g2pM").G2pM.__new__(import_module("g2pM.g2pM").G2pM)
    theirs.load_variable(weights)
    theirs.fc_layer = lambda hidden: seen.append(hidden) or hidden  # all that is wanted
    texts = ("时然而他红了20年以后他竟退出了大家的视线", "北京银行重庆分行的行长长得很好", "数数")
    rows = [[index.get(c, index["<UNK>"]) for c in f"시{text}끝"][:steps] for text in texts]
    lengths = np.array([len(row) for row in rows])
    T = int(lengths.max())
    ids = np.array([row + [0] * (T - len(row)) for row in rows], np.int32)
    seen: list[np.ndarray] = []
    for t in range(T):  # what they give their dense layers for step t of each row
        theirs.predict(ids, [t] * len(rows))
    valid = np.arange(T) < lengths[:, None]
    y = np.where(valid[..., None], np.stack(seen, axis=1), 0).astype(np.float32)
    recorded = Recorded(weights["embedding.weight"][ids], y, lengths)
    # their states are float64, but kernels times embeddings are float32: that is what they know
    yield Case("lstm", lstm_of_g2pm(weights), recorded, lstm_of_g2pm)


def chars2vec(root: Path, steps: int) -> Iterator[Case]:
    """Two layers of Keras 2.2, whose hard sigmoid no file records, against Keras 3 with it."""
    os.environ.setdefault("KERAS_BACKEND", "torch")
    import h5py
    import keras

    def gate(a: Any) -> Any:
        return keras.ops.clip(0.2 * a + 0.5, 0.0, 1.0)

    for size in (50, 300):
        folder = root / f"chars2vec/trained_models/eng_{size}"
        with (folder / "model.pkl").open("rb") as file:
            letters = Arrays(file).load()[1]
        words = ("stacked", "stakced", "recurrent")
        T = min(max(map(len, words)), steps)
        x = np.zeros((len(words), T, len(letters)), np.float32)
        for row, word in zip(x, words, strict=True):
            for t, letter in enumerate(word[:T], start=max(0, T - len(word))):  # zeros in front
                row[t, letters[letter]] = 1
        lstm, options = keras.layers.LSTM, {"recurrent_activation": gate}
        given = keras.Input((T, len(letters)))
        low = lstm(size, return_sequences=True, **options)
        high = lstm(size, return_state=True, **options)
        model = keras.Model(given, high(low(given)))
        with h5py.File(folder / "weights.h5") as file:
            for k, layer in enumerate((low, high), start=1):
                own = file[f"lstm_{k}/lstm_{k}"]
                names = ("kernel:0", "recurrent_kernel:0", "bias:0")
                layer.set_weights([np.array(own[name]) for name in names])
        y, *_ = model.predict(x, verbose=0)
        layer = words_of_chars2vec(folder / "weights.h5")
        yield Case(f"{size}: lstm_1, lstm_2", layer, Recorded(x, y), words_of_chars2vec)


def thai2rom(root: Path, steps: int) -> Iterator[Case]:
    """ONNX: an encoder in two directions with lengths, and one step of a decoder."""
    corpus = root / "pythainlp/corpus"
    settings = json.loads((corpus / "thai2rom_loader_onnx.json").read_text(encoding="utf-8"))
    known = settings["char_to_ix"]
    text = [known[letter] for letter in "ประเทศไทยกรุงเทพมหานคร"[: steps - 1]] + [known["<end>"]]
    feed = {"input_tensor": np.array([text]), "input_lengths": np.array([len(text)])}
    path = corpus / "thai2rom_encoder.onnx"
    for part, own in capture(path, feed).items():
        yield Case(f"encoder {part}", from_file(path, part), own, from_file)
    h = np.concatenate([own.final.forward.h, own.final.backward.h], axis=1)[None]
    path = corpus / "thai2rom_decoder.onnx"
    begin_of_text = settings["target_char_to_ix"]["<start>"]
    feed = {"decoder_input": np.array([[begin_of_text]]), "decoder_hidden_1": h}
    feed |= {"encoder_outputs": own.outputs, "mask": np.ones((1, len(text)))}
    for part, own in capture(path, feed).items():
        yield Case(f"decoder {part}", from_file(path, part), own, from_file)


def nagisa(root: Path, steps: int) -> Iterator[Case]:
    """Three pairs of DyNet's LSTMs, against the compiled kernels of a tagger of Japanese."""
    with importable(root):
        builder = import_module("nagisa.np_model")._BiRNN
        kept = import_module("nagisa.dynet_loader").load_dynet_text_model(
            str(root / "nagisa/data/nagisa_v001.model")
        )
    arrays = {name: array for name, (_, array) in kept.items()}
    for name in ("birnn", "birnn_1", "birnn_2"):
        layer = pair_of_nagisa(arrays, name)
        draws = np.random.default_rng(3).standard_normal((steps, layer.input_size))
        x = (0.6 * draws).astype(np.float32)
        ways = [f"/{name}/vanilla-lstm-builder{number}" for number in ("", "_1")]
        two = [{k: arrays[f"{way}/_{n}"] for n, k in enumerate(("Wx", "Wh", "b"))} for way in ways]
        y = np.asarray(builder([tuple(two)]).transduce(x))
        yield Case(name, layer, Recorded(x[None], y[None]), pair_of_nagisa)


PACKAGES = {
    "silero-vad": Package("silero_vad-6.2.3", "onnxruntime", ("onnx", "onnxruntime"), silero_vad),
    "Resemblyzer": Package("Resemblyzer-0.1.4", "torch", ("torch",), resemblyzer),
    "g2p-en": Package("g2p_en-2.1.0", "its NumPy code", (), g2p_en),
    "g2pM": Package("g2pM-0.1.2.5", "its NumPy code", (), g2pm),
    "chars2vec": Package(
        "chars2vec-0.1.7", "keras on torch", ("keras", "torch", "h5py"), chars2vec
    ),
    "thai2rom": Package("pythainlp-5.4.0", "onnxruntime", ("onnx", "onnxruntime"), thai2rom),
    "nagisa": Package("nagisa-0.3.0", "its compiled code", ("six",), nagisa),
}


# ---- inputs, and imports of code that is not installed -------------------------------------------


def voice(samples: int, rate: int = 16000) -> np.ndarray:
    """Something like speech: gliding harmonics in syllables, and noise."""
    t = np.arange(samples) / rate
    pitch = 130 + 35 * np.sin(5.7 * t)
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    peaks = [(k, f) for k in range(1, 25) for f in (550, 1400, 2500)]
    sound = sum(np.sin(k * phase) * np.exp(-(((k * pitch - f) / 180) ** 2)) for k, f in peaks)
    noise = np.random.default_rng(0).standard_normal(samples)
    return np.asarray(0.25 * sound * np.abs(np.sin(9.7 * t)) + 0.003 * noise, np.float32)


def spectrum(sound: np.ndarray, bands: int) -> np.ndarray:
    """The power in some bands, 100 times a second."""
    frames = np.lib.stride_tricks.sliding_window_view(sound, 400)[::160] * np.hanning(400)
    power = np.abs(np.fft.rfft(frames)) ** 2
    edges = np.geomspace(2, power.shape[1] - 1, bands + 1).astype(int)
    pairs = pairwise(edges)
    return np.stack([power[:, a : max(b, a + 1)].sum(-1) for a, b in pairs], -1)


@contextmanager
def importable(root: Path, *absent: str) -> Iterator[dict[str, Any]]:
    """Modules of a folder can be imported; empty modules stand for others that are not needed."""
    stubs = {name: types.ModuleType(name) for name in absent if name not in sys.modules}
    bytecode, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    sys.path.insert(0, str(root))
    sys.modules.update(stubs)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes and the like
            yield stubs
    finally:
        sys.path.remove(str(root))
        sys.dont_write_bytecode = bytecode
        for name in stubs:
            del sys.modules[name]
