"""`foreign`: somebody's functions as a layer."""

import numpy as np
import pytest

from npstack import ArgumentError, CodeError, DtypeError, LSTMCell, ShapeError
from npstack.layers import Recurrent
from npstack.verify import check_gradients, check_laws, foreign
from tests.verify import course_pairs
from tests.verify.column_pairs import COLUMN_PAIRS
from tests.verify.course_pairs import PAIRS as ROW_PAIRS

PAIRS = {**ROW_PAIRS, **COLUMN_PAIRS}
SMALL = {"input_size": 2, "hidden_size": 3}


def made(name, **options):
    forward, backward, style, cell, _ = PAIRS[name]
    return foreign(forward, backward, style=style, cell=cell, **{**SMALL, **options})


@pytest.mark.parametrize("name", PAIRS)
def test_right_pairs_are_right(name):
    rng = np.random.default_rng(0)
    layer = made(name)
    assert layer.gate_order == PAIRS[name][-1]
    assert layer.missing == ()
    assert check_gradients(layer, rng.standard_normal((2, 3, 2)), lengths=[3, 2]).passed
    report = check_laws(layer, rng=rng, batch=3, steps=3)
    assert report.passed
    assert sum(row.verdict == "holds" for row in report.rows) >= 17


@pytest.mark.parametrize("name", ["lstm steps", "lstm without states", "gru", "rnn in columns"])
def test_float32_is_checked_in_float32(name):
    layer = made(name, dtype=np.float32)
    x = np.random.default_rng(0).standard_normal((2, 3, 2)).astype(np.float32)
    assert layer.forward(x).outputs.dtype == np.float32
    assert check_gradients(layer, x).passed


# ---- what is found out ---------------------------------------------------------------------------


def permuted(order):
    """The step of the course, which packs i, f, o, g, in another order."""

    def reordered(value, old, new):
        blocks = dict(zip(old, np.split(value, 4, axis=-1), strict=True))
        return np.concatenate([blocks[gate] for gate in new], axis=-1)

    def forward(x, h, c, Wx, Wh, b):
        theirs = (reordered(value, order, "ifog") for value in (Wx, Wh, b))
        return course_pairs.lstm_step_forward(x, h, c, *theirs)

    def backward(dh, dc, cache):
        *dstates, dWx, dWh, db = course_pairs.lstm_step_backward(dh, dc, cache)
        return *dstates, *(reordered(value, "ifog", order) for value in (dWx, dWh, db))

    return forward, backward


@pytest.mark.parametrize("order", ["ifgo", "iofg", "goif", "fiog"])
def test_the_order_of_the_gates_is_found(order):
    layer = foreign(*permuted(order), **SMALL)
    assert layer.gate_order == order
    named = foreign(*permuted(order), gates=order.replace("g", "c"), **SMALL)
    assert named.gate_order == order
    x = np.random.default_rng(0).standard_normal((2, 3, 2))
    own = Recurrent(LSTMCell.from_params(*(layer.params[name] for name in "WUb")))
    mine, theirs = own.forward(x), layer.forward(x)
    np.testing.assert_allclose(theirs.outputs, mine.outputs, rtol=1e-13)
    grads = [one.backward(tape, tape.outputs) for one, tape in ((own, mine), (layer, theirs))]
    for name in "WUb":
        np.testing.assert_allclose(grads[1].params[name], grads[0].params[name], atol=1e-14)


def test_a_forward_that_is_none_of_these_needs_its_order():
    def forward(x, h, c, Wx, Wh, b):
        h, c, cache = course_pairs.lstm_step_forward(x, h, c, Wx, Wh, b)
        return np.tanh(h), c, cache

    with pytest.raises(ArgumentError, match="in all 24 orders") as caught:
        foreign(forward, course_pairs.lstm_step_backward)
    assert "gates=" in caught.value.advice
    layer = foreign(forward, course_pairs.lstm_step_backward, gates="ifog", **SMALL)
    assert not check_gradients(layer, np.ones((1, 1, 2))).passed


def test_what_is_not_returned_is_missing_and_not_wrong():
    forward, backward = course_pairs.lstm_full_forward, course_pairs.lstm_full_backward

    def without(*names):
        def less(dhs, dh, dc, cache):
            found = backward(dhs, dh, dc, cache)
            return {key: value for key, value in found.items() if key not in names}

        return foreign(forward, less, style="sequence", **SMALL)

    layer = without("dx", "dWh", "dc0")
    assert layer.missing == ("x", "c", "U")
    assert "backward does not return dx, dc, dWh" in layer.notes
    rows = check_gradients(layer, np.ones((2, 2, 2))).rows
    missing = {row.parameter for row in rows if row.verdict == "MISSING"}
    assert missing == {"x", "U", "initial.0.c"}
    assert {row.verdict for row in rows if row.parameter not in missing} == {"ok"}


def test_results_of_a_tuple_are_told_apart_by_their_shapes():
    def backward(dh, dc, cache):
        dx, dh, dc, dWx, _, db = course_pairs.lstm_step_backward(dh, dc, cache)
        return db, dWx, dh, dc, dx

    layer = foreign(course_pairs.lstm_step_forward, backward, **SMALL)
    assert layer.missing == ("U",)
    rows = check_gradients(layer, np.ones((2, 2, 2))).rows
    assert {row.verdict for row in rows if row.parameter != "U"} == {"ok"}


def test_a_dictionary_may_have_values_of_inside_the_step_in_it():
    def backward(dh, cache):
        found = course_pairs.gru_step_backward(dh, cache)
        return {"da": found.pop("da_n"), "dc": 0, **found, "dh": 7}

    layer = foreign(course_pairs.gru_step_forward, backward, cell="gru", **SMALL)
    assert layer.missing == ()
    x, h, dh = np.ones((1, 2)), np.ones((1, 3)), np.ones((1, 3))
    assert check_gradients(layer, x[np.newaxis]).passed
    state = layer.cell.state_type(h)
    extra = layer.cell.results(layer.params, x, state, layer.cell.state_type(dh))
    assert set(extra) == {"da", "dc", "dh"}


def test_parameters_may_be_given():
    rng = np.random.default_rng(1)
    own = LSTMCell(5, 2, rng=rng, dtype=np.float32)
    forward, backward, style, cell, _ = PAIRS["lstm steps"]
    layer = foreign(forward, backward, own.params, style=style, cell=cell)
    assert (layer.input_size, layer.hidden_size, layer.dtype) == (5, 2, np.float32)
    x = np.ones((1, 3, 5), np.float32)
    np.testing.assert_allclose(layer.forward(x).outputs, Recurrent(own).forward(x).outputs, 1e-5)


def test_forward_alone_is_enough_for_a_forward_pass():
    layer = foreign(course_pairs.lstm_step_forward, None, **SMALL)
    tape = layer.forward(np.ones((1, 2, 2)))
    with pytest.raises(ArgumentError, match="backward must be a function"):
        layer.backward(tape, tape.outputs)


# ---- arguments are theirs to keep ----------------------------------------------------------------


def test_no_array_of_ours_is_changed():
    def forward(x, h, c, Wx, Wh, b):
        found = course_pairs.lstm_step_forward(x, h, c, Wx, Wh, b)
        h *= 0
        return found

    with pytest.raises(CodeError, match="it must leave h unchanged"):
        foreign(forward, course_pairs.lstm_step_backward, gates="ifog")

    def backward(dh, dc, cache):
        found = course_pairs.lstm_step_backward(dh, dc, cache)
        cache[3][...] = 0  # Wx, of which the cache is a view
        return found

    with pytest.raises(CodeError, match="it must leave Wx unchanged"):
        foreign(course_pairs.lstm_step_forward, backward, gates="ifog")


def test_a_backward_that_puts_its_argument_to_zero_is_wrong():
    def backward(dh, dc, cache):
        dh *= 0
        dc *= 0
        return course_pairs.lstm_step_backward(dh, dc, cache)

    layer = foreign(course_pairs.lstm_step_forward, backward, **SMALL)
    assert "backward changes dh, dc in place" in layer.notes
    assert not check_gradients(layer, np.ones((1, 1, 2))).passed


# ---- errors in words -----------------------------------------------------------------------------

right_forward, right_backward = course_pairs.lstm_step_forward, course_pairs.lstm_step_backward


def changed(function, change):
    """The function with its results changed."""

    def step(*given):
        return change(function(*given))

    step.__name__ = function.__name__
    step.__signature__ = __import__("inspect").signature(function)
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
        "test_foreign.py: return cache[0] @ dh  # (B, D) @ (B, H))",
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
    "params of another cell": ({"params": dict(ROW_PAIRS)}, ArgumentError),
}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_wrong_arguments_are_refused(name):
    given, kind = ARGUMENTS[name]
    own = {"forward": right_forward, "backward": right_backward, **given}
    with pytest.raises(kind, match=r"^foreign: "):
        foreign(own.pop("forward"), own.pop("backward"), **own)
