"""Odd but plausible arguments of pictures, and how each ends: drawn, or with which words."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np

from npstack import (
    GRU,
    LSTM,
    RNN,
    Bidirectional,
    Dense,
    EncoderDecoder,
    GRUResetBeforeCell,
    Recorder,
    Recurrent,
    RepeatVector,
    Sequential,
    SourceTarget,
    StackedLSTM,
    analysis,
)
from npstack.core.tape import Tape
from npstack.training.history import History

T = 5
DRAWN = ""  # else some words of the error


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def lstm(D: int = 3, H: int = 4, **options: Any) -> LSTM:
    return LSTM(D, H, rng=rng(), **options)


X = rng().standard_normal((2, T, 3))
TAPE = StackedLSTM(3, [4, 2], rng=rng()).forward(X)
PARAMS = {name: np.array(value) for name, value in lstm().params.items()}
LINE, COUNTS = np.arange(5.0), np.array([[3, 1], [0, 2]])


def cast(layer: Any, kind: Any) -> Any:
    """A tape of numbers of another kind."""
    return layer.forward(kind(X[:1]), params={n: kind(v) for n, v in layer.params.items()})


def as_mpmath(values: Any) -> Any:
    return np.vectorize(mpmath.mpf, otypes=[object])(values)


def as_complex(values: Any) -> Any:
    return values.astype(complex)


def pair(steps: int = 2) -> Any:
    """The tape of an encoder–decoder whose target has so many steps."""
    x = SourceTarget(np.ones((1, 3, 1)), np.ones((1, steps, 1)))
    return EncoderDecoder(lstm(1), lstm(1)).forward(x)


def recorded(epochs: int = 2) -> Recorder:
    recorder, layer = Recorder(X), lstm()
    for epoch in range(epochs):
        recorder.record(layer, epoch)
    return recorder


def recorder_of(**attributes: Any) -> Recorder:
    recorder = recorded()
    for name, value in attributes.items():
        setattr(recorder, name, value)
    return recorder


# What is put in the place of a row of numbers, and how it ends where NaN leaves a gap.
NUMBERS: dict[str, tuple[Any, str]] = {
    "whole": (np.arange(5), DRAWN),
    "int8": (np.arange(5, dtype=np.int8), DRAWN),
    "float32": (LINE.astype(np.float32), DRAWN),
    "longdouble": (LINE.astype(np.longdouble), DRAWN),
    "flags": (LINE > 2, DRAWN),
    "a list": (LINE.tolist(), DRAWN),
    "objects": (LINE.astype(object), DRAWN),
    "mpmath": (as_mpmath(LINE), DRAWN),
    "None among them": ([1, None, 2, 3, 4], DRAWN),
    "masked": (np.ma.masked_equal(LINE, 3), DRAWN),
    "gaps": (np.where(LINE > 2, np.nan, LINE), DRAWN),
    "constant": (np.ones(5), DRAWN),
    "huge": (np.array([-1, 0, 1, 2, 3]) * 0.3e308, DRAWN),
    "texts": (list("abcde"), "must be an array of numbers"),
    "texts of numbers": (list("12345"), "must be an array of numbers"),
    "complex": (LINE + 1j, "must be real numbers"),
    "complex objects": ((LINE + 1j).astype(object), "must be real numbers"),
    "dates": (np.arange(5).astype("M8[D]"), "must be an array of numbers"),
    "ragged": ([[1, 2], [3]], "must be one array"),
    "infinity": (
        np.array([1, 2, np.inf, 3, 4]),
        "must be finite, with NaN for a gap, got inf at 2",
    ),
    "too large": (np.full(5, np.longdouble("1e4000")), "must be finite"),
    "hundreds of digits": ([10**400] * 5, "must be finite"),
    "a tape": (TAPE, "Pass tape.outputs"),
    "a dictionary": ({1: 2}, "must be an array of numbers"),
    "a number": (3.0, "must"),
    "None": (None, "must"),
    "too few": (LINE[1:], "must"),
    "nothing": ([], "must"),
}
TIMES = {
    **{name: NUMBERS[name] for name in ("whole", "int8", "float32", "a list", "objects", "ragged")},
    "None": (None, DRAWN),
    "uneven": (np.array([0, 1, 10, 11, 300.0]), DRAWN),
    "falling, unsigned": (np.array([5, 4, 3, 2, 1], np.uint8), "rising numbers, got 5, then 4"),
    "infinity": (np.array([0, 1, 2, 3, np.inf]), "must be finite"),
    "NaN": (np.array([0, 1, np.nan, 3, 4]), "must be finite"),
    "masked": (np.ma.masked_equal(LINE, 3), "must be finite"),
    "huge": (np.linspace(0, 1, 5) * 1e308, "must lie within"),
    "equal once they are floats": (10**17 + np.arange(5), "rising"),
    "dates": (np.arange(5).astype("M8[D]"), "decimal numbers"),
    "texts": (list("abcde"), "decimal numbers"),
    "a number": (5, "times must be"),
    "too few": (LINE[1:], "T=5"),
}
NAMES = {  # of three things
    "numbers": ([1, 2.5, np.int8(3)], DRAWN),
    "an array": (np.array(["a", "b", "c"]), DRAWN),
    "a generator": (lambda: (c for c in "abc"), DRAWN),
    "formulas": (["$a$", "$\\nothing", "b$"], DRAWN),
    "hidden ones": (["_a", "", "  "], DRAWN),
    "two lines": (["a\nb", "c\0d", "e"], DRAWN),
    "a long one": (["a" * 500, "b" * 60, "c"], DRAWN),
    "one text": ("abc", "must be a list of names"),
    "bytes": ([b"a", b"b", b"c"], "must be texts or numbers"),
    "None among them": (["a", None, "c"], "must be texts or numbers"),
    "a dictionary": ({"a": 1, "b": 2, "c": 3}, "must be a list of names"),
    "a number": (3, "must be a list of names"),
    "too few": (["a", "b"], "must"),
}
TAPES = {
    "a class": (Tape, "tape must be"),
    "the class of a layer": (LSTM, "tape must be"),
    "a layer": (lstm(), "tape must be"),
    "None": (None, "tape must be"),
    "a tuple": (TAPE.layers, "tape must be"),
    "an array": (X, "tape must be"),
    "a head alone": (Dense(3, 1, rng=rng()).forward(X), "recurrent layer"),
    "an encoder–decoder": (pair(), "plots.handover"),
    "one of equal sides": (pair(3), "plots.handover"),
}
HISTORIES = {
    "a loss of zero": (History([1, 2], [1.0, 0.0], [1.0, 0.5], [1.0, 0.0]), DRAWN),
    "losses below zero": (History([1, 2], [-1.0, -2.0], [-1.0, -1.5], [1.0, 1.0]), DRAWN),
    "NaN and infinity": (History([1, 2], [1.0, np.nan], [1.0, np.inf], [1.0, np.inf]), DRAWN),
    "nothing but NaN": (History([1], [np.nan], [np.nan], [np.nan]), DRAWN),
    "no validation": (History([1, 2], [1.0, 0.5], [None, None], [None, None]), DRAWN),
    "huge and tiny": (History([1, 2], [1e308, 1e-300], [1.0, 1.0], [1.0, 1.0]), DRAWN),
    "one epoch": (History([1], [1.0], [1.0], [1.0]), DRAWN),
    "arrays": (History(*(np.arange(1.0, 3) for _ in range(4))), DRAWN),
    "columns too short": (History([1, 2], [1.0], [1.0], [1.0]), "one number for each epoch"),
    "texts": (History([1, 2], ["a", "b"], [1.0, 1.0], [1.0, 1.0]), "must be an array of numbers"),
    "texts for epochs": (History(["a"], [1.0], [1.0], [1.0]), "must be an array of numbers"),
    "no epochs": (History(None, [1.0], [1.0], [1.0]), "history.epochs must be finite"),
    "a class": (History, "the class History"),
    "None": (None, "history must have the columns"),
}
WEIGHTS = {
    "zeros": ({n: 0 * v for n, v in PARAMS.items()}, DRAWN),
    "huge": ({n: v * 1e300 for n, v in PARAMS.items()}, DRAWN),
    "float32": ({n: v.astype(np.float32) for n, v in PARAMS.items()}, DRAWN),
    "objects": ({n: v.astype(object) for n, v in PARAMS.items()}, DRAWN),
    "lists": ({n: v.tolist() for n, v in PARAMS.items()}, DRAWN),
    "a plain network's": (dict(RNN(3, 4, rng=rng()).params), "Give the layer itself"),
    "a GRU's": (
        dict(Recurrent(GRUResetBeforeCell(3, 4, rng=rng())).params),
        "Give the layer itself",
    ),
    "NaN": ({**PARAMS, "b": np.full(16, np.nan)}, "must be finite"),
    "complex": ({n: v + 0j for n, v in PARAMS.items()}, "must be real numbers"),
    "texts": ({n: v.astype(str) for n, v in PARAMS.items()}, "must be an array of numbers"),
    "masked": ({n: np.ma.masked_less(v, 0.1) for n, v in PARAMS.items()}, "must be finite"),
    "one axis more": ({n: v[np.newaxis] for n, v in PARAMS.items()}, "W (D, 4H)"),
    "no units": ({n: v[..., :0] for n, v in PARAMS.items()}, "W (D, 4H)"),
    "names that are none": ({1: 2}, "must be a dictionary of arrays by name"),
    "None": (None, "must be a dictionary"),
    "a text": ("W", "must be a dictionary"),
    "a class": (LSTM, "must be a dictionary"),
    "a model without": (Dense(3, 1, rng=rng()), "must name a recurrent layer"),
}

S = analysis.Saturation
F, G = np.full(2, 0.1), np.full(2, 0.2)
MEASURED = {
    "nine gates": ([S({str(k): F for k in range(9)}, {str(k): F for k in range(9)})], DRAWN),
    "one layer alone": (S({"f": F}, {"f": G}), "what analysis.saturation returned"),
    "of uneven length": ([S({"f": F}, {"f": F[:1]})], "what analysis.saturation returned"),
    "of other names": ([S({"f": F}, {"g": F})], "what analysis.saturation returned"),
    "beyond one": ([S({"f": F + 7}, {"f": F})], "what analysis.saturation returned"),
    "NaN": ([S({"f": F * np.nan}, {"f": F})], "what analysis.saturation returned"),
    "texts": ([S({"f": np.array(["a"])}, {"f": np.array(["b"])})], "what analysis.saturation"),
    "None inside": ([S(None, None)], "what analysis.saturation returned"),
    "no gates": ([S({}, {})], "at least one layer must have gates"),
    "a class": (Tape, "the class Tape"),
}
NORMS = {
    "zeros": ({"h": np.zeros((2, 5))}, DRAWN),
    "NaN": ({"h": np.full((2, 5), np.nan)}, DRAWN),
    "constant": ({"h": np.ones((2, 5))}, DRAWN),
    "one number": ({"h": np.ones((1, 1))}, DRAWN),
    "the ends of the range": ({"h": np.array([[1e308, 1e-320, 1.0, 0.0]])}, DRAWN),
    "thirty layers": ({"h": np.ones((30, 5)) * np.arange(1, 31)[:, None]}, DRAWN),
    "another name": ({1: np.ones((2, 5))}, DRAWN),
    "below zero": ({"h": -np.ones((2, 5))}, "must be at least 0"),
    "infinite": ({"h": np.full((2, 5), np.inf)}, "must be finite"),
    "texts": ({"h": [["1", "2"]]}, "must be an array of numbers"),
    "complex": ({"h": np.ones((2, 5)) + 0j}, "must be real numbers"),
    "no layer": ({"h": np.zeros((0, 5))}, "(L, T)"),
    "no step": ({"h": np.zeros((2, 0))}, "(L, T)"),
    "unequal": ({"h": np.ones((2, 5)), "c": np.ones((2, 4))}, "of one shape"),
    "nothing": ({}, "at least one array by name"),
    "None": (None, "by the name of the state"),
}
COUNTED = {
    "lists": (COUNTS.tolist(), DRAWN),
    "int8": (COUNTS.astype(np.int8) * 40, DRAWN),
    "more than int64 sums": (COUNTS.astype(np.uint64) * np.uint64(2**62), DRAWN),
    "a hundred classes": (np.eye(100, dtype=int), DRAWN),
    "too many classes": (np.eye(501, dtype=int), "at most 500 classes"),
    "shares": (COUNTS / 5, "Pass counts, not shares"),
    "flags": (COUNTS > 0, "whole numbers"),
    "below zero": (-COUNTS, "whole numbers"),
    "objects": (COUNTS.astype(object), "whole numbers"),
    "texts": (COUNTS.astype(str), "array of numbers"),
    "masked": (np.ma.masked_equal(COUNTS, 0), "without a mask"),
    "ragged": ([[1], [2, 3]], "must be one array"),
    "None": (None, "must be"),
}
ROWS = {
    "int8": (np.int8(1), DRAWN),
    "uint64": (np.uint64(1), DRAWN),
    **{repr(v): (v, "row must be a whole number") for v in (True, np.True_, "1", 1.0, None, -1, 2)},
    "an array": (np.array(1), "row must be a whole number"),
}
TEXTS = {
    "beyond the font": ("n😀漢$\t", DRAWN),
    "control characters": ("a\0\r\x1b\n", DRAWN),
    "a list": (list("abcde"), '"".join'),
    "bytes": (b"abcde", "must be a str"),
    "None": (None, "must be a str"),
    "too short": ("abc", "T=5 characters"),
}
BITS = {**NUMBERS, "None": (None, DRAWN), "too few": (LINE[2:], "one number per character")}
UNITS = {
    "a row of arrays": (np.array([[0, 1], [1, 0]]), DRAWN),
    "unsigned": ([np.array([3], np.uint8), [1]], DRAWN),
    "floats": ([[1.0], [0.0]], "units must name units"),
    "flags": ([[True, False], [True]], "units must name units"),
    "one layer": ([[0]], "units must name units"),
    "beyond": ([[4], [0]], "units must name units"),
    "below": ([[-1], [0]], "units must name units"),
    "twice": ([[1, 1], [0]], "units must name units"),
    "ragged": ([[[1], [2, 3]], [1]], "must be one array"),
    "a number": (3, DRAWN),
    "a number below one": (0, "units must be"),
    "half a number": (2.5, "units must name units"),
}
WORDS = {
    "numbers": ([1, 2, 3], DRAWN),
    "an array": (np.array(list("abc")), DRAWN),
    "formulas": (["$a$", "$", "\\x"], DRAWN),
    "a number": (3, "must be a list of names"),
    "None": (None, "must be a list of names"),
    "too few": ("ab", "source must be 3 labels"),
}
LINES = {
    "beyond the font": (["漢😀$"], DRAWN),
    "one text": ("ab", "Use [text] for one line"),
    "None among them": ([None], "printable characters, got None"),
    "a number": (3, "texts must be a list"),
    "too many": (["abc"] * 201, "got 201 lines"),
}
TAGS = {
    "int8": ([np.array([0, 1, 0], np.int8)], DRAWN),
    "an array": (np.zeros((1, 3), int), DRAWN),
    "floats": ([[0.0, 1.0, 0.0]], "must be numbers of classes"),
    "flags": ([[True, False, True]], "must be numbers of classes"),
    "huge": ([[0, 10**30, 0]], "must be numbers of classes"),
    "texts": (["010"], "must be an array of numbers"),
    "ragged": ([[0, [1], 0]], "must be one array"),
    "None": (None, "one for each of 1 texts"),
}
RECORDERS = {
    "a class": (Recorder, "the class Recorder"),
    "None": (None, "must be a Recorder"),
    "empty": (Recorder(X), "must be a Recorder"),
    "of unequal lists": (recorder_of(epochs=[0]), "must be a Recorder"),
    "of no tapes": (recorder_of(tapes=[1, 2]), "must be a Recorder"),
}
MODELS = {
    "a class": (LSTM, "Build it first"),
    "None": (None, "must be a layer"),
    "a tape": (TAPE, "must be a layer"),
    "too many layers": (StackedLSTM(1, [1] * 101, rng=rng()), "at most 100 layers"),
}
TRUTHS = {
    "gaps": (np.where(TAPE.outputs > 0, np.nan, TAPE.outputs), DRAWN),
    "whole": (np.ones(TAPE.outputs.shape, int), DRAWN),
    "one row": (TAPE.outputs[0], "the shape of tape.outputs, (2, 5, 2)"),
    "texts": (TAPE.outputs.astype(str), "must be an array of numbers"),
    "a tape": (TAPE, "Pass tape.outputs"),
    "infinite": (np.full((2, 5, 2), np.inf), "must be finite"),
}
KINDS = {
    "float32": (cast(lstm(), lambda v: v.astype(np.float32)), DRAWN),
    "longdouble": (cast(lstm(), lambda v: v.astype(np.longdouble)), DRAWN),
    "complex": (cast(lstm(), as_complex), DRAWN),
    "mpmath": (cast(lstm(), as_mpmath), DRAWN),
    "one unit, one step": (lstm(1, 1).forward(np.ones((1, 1, 1))), DRAWN),
    "all masked": (lstm().forward(X, mask=np.zeros((2, T), bool)), DRAWN),
}
MODELS_OVER_TIME = {
    **KINDS,
    "a vector repeated": (Sequential(RepeatVector(4), lstm()).forward(X[:, 0]), DRAWN),
    "two directions": (Bidirectional(lstm(), lstm()).forward(X), DRAWN),
    "a GRU": (GRU(3, 4, rng=rng()).forward(X), DRAWN),
    "another time axis in the middle": (
        Sequential(lstm(return_sequences=False), RepeatVector(4), lstm(4)).forward(X),
        "same time axis",
    ),
    "another time axis at the end": (
        Sequential(lstm(return_sequences=False), RepeatVector(4), Dense(4, 2, rng=rng())).forward(
            X
        ),
        "on the time axis of the input",
    ),
    "too many layers": (
        StackedLSTM(1, [1] * 101, rng=rng()).forward(np.ones((1, 1, 1))),
        "at most 100 layers",
    ),
}
