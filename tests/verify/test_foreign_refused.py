"""`foreign`: wrong functions and wrong arguments are answered in words."""

import inspect

import numpy as np
import pytest

from npstack import ArgumentError, CodeError, DtypeError, ShapeError
from npstack.verify import foreign
from tests.verify import course_pairs
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
    "another style": (PAIRS["gru before"][:2], CodeError, "Is it another cell, or another style?"),
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
