"""`foreign`: somebody's functions as a layer."""

import numpy as np
import pytest

from npstack import ArgumentError, CodeError, LSTMCell
from npstack.layers import Dense, Recurrent, Sequential, SkipConnected
from npstack.verify import check_gradients, check_laws, explain, foreign
from npstack.verify.other_code import finding
from npstack.verify.other_code.sequences import SequencePair
from npstack.verify.other_code.steps import StepPair
from tests.verify import course_pairs
from tests.verify.column_pairs import COLUMN_PAIRS
from tests.verify.course_pairs import PAIRS as ROW_PAIRS

PAIRS = {**ROW_PAIRS, **COLUMN_PAIRS}
SMALL = {"input_size": 2, "hidden_size": 3}


def made(name, **options):
    forward, backward, style, cell, _ = PAIRS[name]
    return foreign(forward, backward, style=style, cell=cell, **{**SMALL, **options})


LONG = {"lstm sequences in columns"}  # by differences


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=[pytest.mark.slow] if n in LONG else []) for n in PAIRS],
)
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


def test_a_gru_with_one_bias_is_told_apart_by_where_it_resets():
    kinds = {name: made(name).kind for name in ("gru", "gru with one bias", "gru before")}
    assert list(kinds.values()) == ["gru", "gru", "gru_reset_before"]
    assert set(made("gru with one bias").params) == {"W", "U", "b"}
    named = made("gru with one bias", gates="zrn")
    assert (named.kind, named.gate_order) == ("gru", "zrn")
    assert made("gru before", gates="rZn").kind == "gru_reset_before"
    assert explain(named).right

    def backward(dh, cache):
        dx, dh, dWx, dWh, db = course_pairs.gru_one_bias_step_backward(dh, cache)
        return dx, dh, dWx, 2 * dWh, db

    wrong = foreign(course_pairs.gru_one_bias_step_forward, backward, cell="gru", **SMALL)
    assert not explain(wrong, steps=2).right


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


@pytest.mark.parametrize("name", ["W", "U", "b"])
def test_a_missing_parameter_is_missing_in_a_model_too_and_breaks_one_law_only(name):
    def backward(dh, dc, cache):
        found = course_pairs.lstm_step_backward(dh, dc, cache)
        return tuple(g for k, g in enumerate(found) if k != 3 + "WUb".index(name))

    layer = foreign(course_pairs.lstm_step_forward, backward, **SMALL)
    for model, prefix in ((Sequential(layer), "0."), (SkipConnected(layer), "0.")):
        failures = check_gradients(model, np.ones((2, 2, 2))).failures
        found = {(row.parameter, row.verdict) for row in failures}
        assert found == {(f"{prefix}{name}", "MISSING")}
    broken = check_laws(layer, rng=np.random.default_rng(0), batch=3, steps=3).failures
    assert [row.law for row in broken] == ["gradients_mirror_what_went_in"]


def test_results_of_a_tuple_are_told_apart_by_their_shapes():
    def backward(dh, dc, cache):
        dx, dh, dc, dWx, _, db = course_pairs.lstm_step_backward(dh, dc, cache)
        return db, dWx, dh, dc, dx

    layer = foreign(course_pairs.lstm_step_forward, backward, **SMALL)
    assert layer.missing == ("U",)
    rows = check_gradients(layer, np.ones((2, 2, 2))).rows
    assert {row.verdict for row in rows if row.parameter != "U"} == {"ok"}


@pytest.mark.parametrize("order", [(3, 4, 5, 0, 1, 2), (5, 4, 3, 1, 2, 0)])
def test_a_complete_tuple_may_be_in_another_order(order):
    def backward(dh, dc, cache):
        found = course_pairs.lstm_step_backward(dh, dc, cache)
        return tuple(found[k] for k in order)

    layer = foreign(course_pairs.lstm_step_forward, backward, **SMALL)
    assert layer.missing == ()
    assert check_gradients(layer, np.ones((2, 2, 2))).passed


def test_a_final_state_without_a_gradient_stays_inside():
    full_forward, full_backward = course_pairs.lstm_full_forward, course_pairs.lstm_full_backward

    def forward(x, h0, c0, Wx, Wh, b):
        hs, h, c, cache = full_forward(x, h0, c0, Wx, Wh, b)
        return hs, h, c, cache

    def backward(dhs, cache):
        zeros = np.zeros_like(dhs[:, 0])
        return full_backward(dhs, zeros, zeros, cache)

    layer = foreign(forward, backward, style="sequence", **SMALL)
    assert layer.cell.state_type._fields == ("h",)
    assert not layer.interface.carries
    rng = np.random.default_rng(0)
    assert check_gradients(layer, rng.standard_normal((2, 3, 2))).passed
    assert check_laws(layer, rng=rng, batch=3, steps=3).passed

    def with_c(dhs, dc, cache):
        return full_backward(dhs, np.zeros_like(dc), dc, cache)

    layer = foreign(forward, with_c, style="sequence", **SMALL)
    assert layer.cell.state_type._fields == ("h", "c")
    assert check_gradients(layer, rng.standard_normal((2, 3, 2))).passed
    with pytest.raises(CodeError, match="it must take dhs, dh_last, dc_last, cache"):
        foreign(forward, lambda dhs, a, b, c, cache: 0, style="sequence", **SMALL)


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


def test_a_layer_that_keeps_a_part_of_its_state_to_itself_says_so():
    parts = {name: made(name).interface.carries for name in PAIRS}
    assert {name for name, carries in parts.items() if not carries} == {
        "lstm as in CS231n",
        "lstm without states",
        "lstm sequences in columns",
    }
    model = Sequential(made("lstm as in CS231n"), Dense(3, 2, rng=np.random.default_rng(0)))
    rows = check_laws(model, rng=np.random.default_rng(0), batch=3, steps=3).rows
    reasons = [row.detail for row in rows if row.law.startswith(("splitting", "backward_in"))]
    assert reasons == ["its states are not all that a later part needs"] * 2


def test_forward_alone_is_enough_for_a_forward_pass():
    layer = foreign(course_pairs.lstm_step_forward, None, **SMALL)
    tape = layer.forward(np.ones((1, 2, 2)))
    with pytest.raises(ArgumentError, match="backward must be a function"):
        layer.backward(tape, tape.outputs)


@pytest.mark.parametrize(
    ("names", "pair", "kind", "found"),
    [
        ("step_forward step_backward", "lstm steps", StepPair, "lstm"),
        ("lstm_step_forward lstm_step_backward", "peephole", StepPair, "peephole"),
        ("forward backward", "gru", StepPair, "gru"),
        ("fwd bwd", "rnn", StepPair, "rnn"),
        ("gru_cell_fwd gru_cell_bwd", "gru before", StepPair, "gru_reset_before"),
        ("lstm_forward lstm_backward", "lstm steps", StepPair, "lstm"),
        ("sequence_forward sequence_backward", "lstm as in CS231n", SequencePair, "lstm"),
        ("forward backward", "lstm with both states", SequencePair, "lstm"),
        ("lstm_cell_forward lstm_cell_backward", "lstm in columns", StepPair, "lstm"),
    ],
)
def test_a_pair_is_found_by_its_names_and_arguments(names, pair, kind, found):
    functions = dict(zip(names.split(), PAIRS[pair][:2], strict=True))
    (one,) = finding.pairs({"sigmoid": np.tanh, "dense_forward": np.tanh, **functions})
    layer, trouble = finding.adapted(functions, one, **SMALL)
    assert (type(layer), layer.kind, trouble) == (kind, found, "")


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
