"""`foreign`: wrong functions and wrong arguments are answered in words."""

import inspect
import re

import numpy as np
import pytest

from npstack import ArgumentError, CodeError, DtypeError, ShapeError, check_gradients
from npstack.verify import explain, foreign
from tests.verify import course_pairs
from tests.verify.column_pairs import COLUMN_PAIRS
from tests.verify.course_pairs import PAIRS

SMALL = {"input_size": 2, "hidden_size": 3}
right_forward, right_backward = course_pairs.lstm_step_forward, course_pairs.lstm_step_backward


def changed(function, change):
    """The function with its results changed."""

    def step(*given):
        return change(function(*given))

    step.__name__ = function.__name__
    step.__signature__ = inspect.signature(function)
    return step


def of_forward(change):
    return changed(right_forward, change), right_backward


def of_backward(change):
    return right_forward, changed(right_backward, change)


def bad_product(dh, dc, cache):
    return cache[0] @ dh  # (B, D) @ (B, H)


def ends(dh, dc, cache):
    raise SystemExit


WRONG = {
    "h transposed": (of_forward(lambda r: (r[0].T, *r[1:])), ShapeError, "Is it transposed?"),
    "no cache": (of_forward(lambda r: r[:2]), CodeError, "must return h, c, cache"),
    "None": (of_forward(lambda r: None), CodeError, "must return h, c, cache, got None. Is it not"),
    "h is None": (of_forward(lambda r: (None, *r[1:])), CodeError, "h must be an array"),
    "float32": (
        of_forward(lambda r: (r[0].astype("f4"), *r[1:])),
        CodeError,
        "h must be float64, as its arguments are",
    ),
    "a name": (of_forward(lambda r: {"hid": r[0], "c": r[1]}), CodeError, "got hid, c"),
    "dW transposed": (
        of_backward(lambda r: (*r[:3], r[3].T, *r[4:])),
        ShapeError,
        "dWx must be (D, 4H) = (2, 12), got (12, 2). Is it transposed?",
    ),
    "db not summed": (
        of_backward(lambda r: (*r[:5], np.ones((2, 12)))),
        ShapeError,
        "db must be (4H,) = (12,), got (2, 12). Sum it over the batch.",
    ),
    "too few": (of_backward(lambda r: r[0]), CodeError, "it must return dh and dc"),
    "too many": (of_backward(lambda r: (*r, 1.0)), CodeError, "(12,), a float. Return them"),
    "lists": (of_backward(lambda r: (*r[:5], ["a"])), CodeError, "must be an array"),
    "complex": (
        of_backward(lambda r: (r[0] + 1j, *r[1:])),
        CodeError,
        "must be float64, as its arguments are, got complex128. Return a real",
    ),
    "an exception": (
        (right_forward, bad_product),
        CodeError,
        "test_foreign_refused.py: return cache[0] @ dh  # (B, D) @ (B, H))",
    ),
    "an end": ((right_forward, ends), CodeError, "SystemExit: it ends the program"),
    "arguments": ((right_forward, lambda dh, cache: 0), CodeError, "it must take dh, dc, cache"),
    "another cell": (PAIRS["gru"][:2], CodeError, "must take dh, dc, cache, got 2 arguments"),
    "another style": (PAIRS["gru before"][:2], CodeError, "Pass cell='gru': with it"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_code_is_answered_in_words(name):
    pair, kind, words = WRONG[name]
    with pytest.raises(kind) as caught:
        foreign(*pair, gates="ifog", **SMALL)
    assert words in str(caught.value)


ARGUMENTS = {
    "no function": ({"backward": 3}, DtypeError),
    "no forward": ({"forward": None}, DtypeError),
    "a gate twice": ({"gates": "iifo"}, ArgumentError),
    "gates of a GRU": ({"gates": "rzn"}, ArgumentError),
    "gates, no text": ({"gates": 4}, ArgumentError),
    "cell": ({"cell": "LSTM"}, ArgumentError),
    "style": ({"style": "steps"}, ArgumentError),
    "columns of a GRU": ({"style": "columns", "cell": "gru"}, ArgumentError),
    "gates of columns": ({"style": "columns", "gates": "ifog"}, ArgumentError),
    "size": ({"hidden_size": 0}, ArgumentError),
    "dtype": ({"dtype": "i4"}, DtypeError),
    "rng": ({"rng": 0}, DtypeError),
    "params": ({"params": 3}, ArgumentError),
    "params of another cell": ({"params": dict(PAIRS)}, ArgumentError),
}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_wrong_arguments_are_refused(name):
    given, kind = ARGUMENTS[name]
    own = {"forward": right_forward, "backward": right_backward, **given}
    with pytest.raises(kind, match=r"^foreign: "):
        foreign(own.pop("forward"), own.pop("backward"), **own)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("lstm as in CS231n", "got 5 arguments, x, h0, Wx, Wh, b. Pass style='sequence':"),
        ("lstm with both states", "Pass style='sequence': with it, both functions fit."),
        ("lstm in columns", "Pass style='columns':"),
        ("gru", "Pass cell='gru':"),
        ("gru before", "Pass cell='gru':"),
    ],
)
def test_another_style_or_cell_that_fits_is_named_and_the_advice_works(name, words):
    forward, backward = {**PAIRS, **COLUMN_PAIRS}[name][:2]
    with pytest.raises((CodeError, ShapeError)) as caught:
        foreign(forward, backward, **SMALL)
    assert words in str(caught.value)
    how = dict(re.findall(r"(style|cell)='(\w+)'", caught.value.advice))
    assert foreign(forward, backward, **how, **SMALL).gate_order
    with pytest.raises((CodeError, ShapeError), match="Pass "):
        explain(forward, backward)


def rounded(which, dtype):
    """A pair of which one function has a buffer in float32, but returns what it is given."""
    own = {"forward": right_forward, "backward": right_backward}

    def buffered(*given):
        found = list(own[which](*given))
        for k, value in enumerate(found):
            if isinstance(value, np.ndarray):
                found[k] = value.astype(np.float32).astype(given[0].dtype)
        return tuple(found)

    buffered.__name__ = own[which].__name__
    buffered.__signature__ = inspect.signature(own[which])
    return foreign(*{**own, which: buffered}.values(), dtype=dtype, **SMALL)


def test_float32_inside_is_said_and_is_no_other_forward():
    with pytest.raises(
        CodeError, match=r"^lstm_step_forward: it must compute in float64"
    ) as caught:
        rounded("forward", np.float64)
    assert "np.zeros_like(x)" in caught.value.advice
    layer = rounded("forward", np.float32)  # as the advice says
    assert layer.single == "forward"
    assert explain(layer).right
    report = check_gradients(layer, np.ones((1, 2, 2), np.float32))
    assert report.passed
    assert any(note.startswith("f rounds its numbers to about ") for note in report.notes)
    assert "forward computes in float32, also when it is given float64" in layer.notes


def buffered(function):
    """The function with its arrays in buffers of float32."""
    return changed(function, lambda r: (*(np.float32(a) for a in r[:2]), *r[2:]))


def test_buffers_in_float32_are_refused_and_the_advice_works():
    both = buffered(right_forward), buffered(right_backward)
    for tool in (explain, foreign):
        with pytest.raises(
            CodeError, match="must be float64, as its arguments are, got float32"
        ) as e:
            tool(*both, **SMALL)
        assert "use dtype=np.float32" in str(e.value)
    assert explain(*both, dtype=np.float32, **SMALL).right
    layer = foreign(*both, dtype=np.float32, **SMALL)
    assert check_gradients(layer, np.ones((1, 2, 2), np.float32)).passed
    spoilt = both[0], changed(both[1], lambda r: (r[0] * np.float32(1.1), *r[1:]))
    layer = foreign(*spoilt, dtype=np.float32, **SMALL)
    failures = check_gradients(layer, np.ones((1, 2, 2), np.float32)).failures
    assert {row.parameter for row in failures} == {"x"}
    assert not explain(*spoilt, dtype=np.float32, **SMALL).right


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_float32_inside_a_backward_is_noted(dtype):
    assert rounded("backward", dtype).single == "backward"
    assert foreign(right_forward, right_backward, dtype=dtype, **SMALL).single == ""


def test_small_mistakes_are_not_called_single_precision():
    def backward(dh, dc, cache):
        dx, *others = right_backward(dh, dc, cache)
        return dx * (1 + 1e-4), *others

    assert foreign(right_forward, backward, **SMALL).single == ""
    forward = changed(right_forward, lambda r: (r[0] * (1 + 1e-4), *r[1:]))
    with pytest.raises(ArgumentError, match="other numbers in all 24 orders of i, f, g, o"):
        foreign(forward, right_backward, **SMALL)


def takes_c_first(x, c, h, Wx, Wh, b):
    return right_forward(x, h, c, Wx, Wh, b)


def both_c_first(x, c, h, Wx, Wh, b):
    h, c, cache = right_forward(x, h, c, Wx, Wh, b)
    return c, h, cache


def sequence_c_first(x, c0, h0, Wx, Wh, b):
    return course_pairs.lstm_full_forward(x, h0, c0, Wx, Wh, b)


EXCHANGED = {
    "arguments": (takes_c_first, "step", "Are the arguments in the order x, h, c, Wx, Wh, b?"),
    "results": (changed(right_forward, lambda r: (r[1], r[0], r[2])), "step", "returns c before h"),
    "both": (both_c_first, "step", "takes and returns c before h"),
    "a sequence": (sequence_c_first, "sequence", "in the order x, h0, c0, Wx, Wh, b?"),
}


@pytest.mark.parametrize("name", EXCHANGED)
def test_states_in_each_others_place_are_found(name):
    forward, style, words = EXCHANGED[name]
    backward = course_pairs.lstm_full_backward if style == "sequence" else right_backward
    with pytest.raises(CodeError, match="it must have h before c") as caught:
        foreign(forward, backward, style=style, **SMALL)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("lost", "words"),
    [
        ((5,), "incomplete: db is not returned; all others are right"),
        ((3, 4, 5), "incomplete: dW, dU and db are not returned; all others are right"),
        ((0,), "right: these are the numbers of an LSTM in all "),
    ],
)
def test_a_right_backward_that_returns_less_is_incomplete_and_not_right(lost, words):
    less = changed(
        right_backward, lambda r: tuple(None if k in lost else a for k, a in enumerate(r))
    )
    found = str(explain(right_forward, less, **SMALL))
    assert found.startswith(words)
    assert ("not returned, so not compared: dx" in found) is (lost == (0,))
