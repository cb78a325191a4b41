"""`truth`: the forward pass with more digits, against the oracle, mpmath and a formula by hand."""

import sys

import mpmath
import numpy as np
import pytest

from npstack import (
    GRU,
    LSTM,
    Bidirectional,
    Dense,
    Embedding,
    EncoderDecoder,
    LSTMState,
    Sequential,
    SourceTarget,
    StackedLSTM,
)
from npstack.cells import CELLS
from npstack.core.errors import ArgumentError, DtypeError, ShapeError
from npstack.core.tape import Tape
from npstack.core.trees import mapped, named
from npstack.data import MissingPackageError
from npstack.layers import Interface, Layer
from npstack.verify import conditioning, truth
from npstack.verify.laws.check import draw_mask
from npstack.verify.laws.trial import draw_trial
from tests.cells.test_cells import build
from tests.tools.other_programs import oracle_results
from tests.tools.random_stacks import compare, draw_case

EPS = float(np.finfo(float).eps)
LONG = float(np.finfo(np.longdouble).eps)


class Squared(Layer):
    """``gain * how(x)``; without a backward."""

    def __init__(self, how):
        super().__init__({"gain": np.full(1, 3.0)}, Interface(input_size=None, output_size=None))
        self.how = how

    def _forward(self, params, x, context):
        return Tape(params, x, context.mask, self.how(x, params["gain"]), None)

    def _backward(self, tape, doutputs, dfinal):
        raise AssertionError("called")


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def lstm(**options):
    return LSTM(2, 3, rng=np.random.default_rng(1), **options)


def apart(a, b):
    """The largest difference, relative to the largest number."""
    return float(np.abs(a - b).max() / np.abs(b).max())


def as_mpf(values):
    """A float of any width as mpmath has it: exactly."""
    found = [mpmath.mp.convert(value) for value in np.ravel(values)]
    return np.array(found, object).reshape(np.shape(values))


def of_trial(trial, **options):
    """`truth` of what a trial of the laws has drawn."""
    return truth(
        trial.layer,
        trial.x,
        trial.states,
        mask=trial.mask,
        resets=trial.resets,
        noise=trial.noise,
        params=trial.params,
        doutputs=trial.doutputs,
        dfinal=trial.dfinal,
        **options,
    )


@pytest.mark.core
@pytest.mark.parametrize("seed", range(1003, 1006))
def test_it_agrees_with_the_scalar_oracle(seed):
    """Stacks with holes in the mask, dropout, embeddings and heads; NaN in the padding."""
    case = draw_case(
        seed, padding="holes", ends=True, dropout=True, junk=np.nan, max_layers=2, max_steps=4
    )
    given = {"mask": case.mask, "noise": case.noise, "doutputs": case.doutputs}
    exact = truth(case.model, case.x, case.states, **given, dfinal=case.dfinal)
    found = exact.arrays
    scalar = oracle_results(case)
    assert set(found) == set(scalar)
    for block, error in compare(case, found, scalar).items():
        assert error < 64, block


def numbers_by_hand(w, x, c, h):
    """The last hidden state of a one-unit LSTM: W, U, b of i, f, g, o in a row."""

    def sigmoid(a):
        return 1 / (1 + mpmath.exp(-a))

    for value in x:
        i, f, g, o = (w[k] * value + w[4 + k] * h + w[8 + k] for k in range(4))
        c = sigmoid(f) * c + sigmoid(i) * mpmath.tanh(g)
        h = sigmoid(o) * mpmath.tanh(c)
    return h


def test_digits_are_those_of_a_formula_by_hand():
    layer = LSTM(1, 1, return_sequences=False, rng=np.random.default_rng(3))
    weights = [30.0 * v for name in "WUb" for v in layer.params[name].ravel()]  # saturated
    layer.params = {
        name: np.array(weights[4 * k : 4 * k + 4]).reshape(layer.params[name].shape)
        for k, name in enumerate("WUb")
    }
    x, state = normal(1, 3, 1), LSTMState(np.array([[0.3]]), np.array([[-0.7]]))
    exact = truth(layer, x, state, doutputs=np.ones((1, 1)), digits=60)
    with mpmath.workdps(90):
        at = [mpmath.mpf(v) for v in [*weights, *x.ravel(), state.c[0, 0], state.h[0, 0]]]

        def last(*v):
            return numbers_by_hand(v[:12], v[12:15], v[15], v[16])

        slopes = [mpmath.diff(last, at, tuple(int(j == k) for j in range(17))) for k in range(17)]
        assert apart(exact.outputs[0], np.array([last(*at)])) < 1e-60
        grads = exact.gradients
        found = [*(v for name in "WUb" for v in grads.params[name].ravel()), *grads.x.ravel()]
        found += [grads.initial_states.c[0, 0], grads.initial_states.h[0, 0]]
        for ours, theirs in zip(found, slopes, strict=True):
            assert abs(ours - theirs) < 1e-30 * abs(theirs)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if k % 3 == 0 or name == "gru" else pytest.mark.slow)
        for k, name in enumerate(CELLS)
    ],
)
def test_longdouble_agrees_with_mpmath_for_every_cell(name):
    rng = np.random.default_rng(8)
    layer = build(name, rng, learn_initial=name == "gru")
    mask = draw_mask(rng, 2, 2)
    trial = draw_trial(layer, normal(2, 2, 3), mask=mask, rng=rng)
    entries = {"entries": 1}
    floats = of_trial(trial, **entries).arrays
    exact = of_trial(trial, digits=30, **entries).arrays
    assert set(floats) == set(exact)
    with mpmath.workdps(40):
        for label, true in exact.items():
            known = ~np.isnan(floats[label])
            assert (known == (true == true)).all(), label
            assert known.any()
            a, b = as_mpf(floats[label][known]), true[known]
            assert (np.abs(a - b) <= 64 * LONG * (1 + np.abs(b))).all(), label


def test_more_digits_change_only_what_fewer_do_not_have():
    x, d = 3 * normal(1, 3, 2), normal(1, 3, 3)
    few, many = (truth(lstm(), x, doutputs=d, digits=n, only=["dU"]).arrays for n in (20, 60))
    with mpmath.workdps(80):
        errors = [apart(few[name], many[name]) for name in ("outputs", "dU")]
    assert all(0 < error < 1e-20 for error in errors[1:])
    assert mpmath.mp.dps == 15


def test_the_backward_has_no_part_in_it():
    x = normal(2, 3, 2)
    grads = truth(Squared(lambda x, gain: gain * x**2), x, doutputs=np.ones(x.shape)).gradients
    wide = x.astype(np.longdouble)
    assert apart(grads.x, 6 * wide) < 4 * LONG
    assert apart(grads.params["gain"], (wide**2).sum()) < 4 * LONG


def test_it_has_the_form_of_what_the_layer_returns():
    model = Sequential(
        Embedding(4, 2, rng=np.random.default_rng(0)),
        StackedLSTM(2, [3, 2], rng=np.random.default_rng(0)),
        Dense(2, 2, rng=np.random.default_rng(0)),
    )
    x, d = np.array([[0, 3, 1]]), normal(1, 3, 2)
    tape = model.forward(x)
    grads = model.backward(tape, d)
    found = truth(model, x, doutputs=d)
    assert found.gradients.x is None
    for ours, theirs in (
        (tape.final, found.final),
        (grads.initial_states, found.gradients.initial_states),
    ):
        assert [type(state) for state in ours] == [type(state) for state in theirs]
        for a, b in zip(named("", ours).values(), named("", theirs).values(), strict=True):
            assert apart(a, b) < 64 * EPS
    assert list(found.gradients.params) == list(grads.params)


def test_both_directions_and_pairs_of_sequences():
    rng = np.random.default_rng(0)
    both = Bidirectional(GRU(2, 3, rng=rng), GRU(2, 3, rng=rng))
    found = truth(both, normal(2, 3, 2), lengths=[3, 2], doutputs=normal(2, 3, 6)).arrays
    assert {"final.0.forward.h", "dinitial.0.backward.h", "dforward.W"} <= set(found)
    sides = StackedLSTM(2, [3], rng=rng), StackedLSTM(3, [3], rng=rng)
    model = EncoderDecoder(*sides, reverse_source=True)
    pair, d = SourceTarget(normal(2, 4, 2), normal(2, 3, 3)), normal(2, 3, 3)
    grads = model.backward(model.forward(pair), d)
    exact = truth(model, pair, doutputs=d).gradients
    assert apart(grads.x.source, exact.x.source) < 64 * EPS
    assert apart(grads.x.target_in, exact.x.target_in) < 64 * EPS


def test_the_final_state_alone_and_what_is_left_out_of_it():
    stack, x = StackedLSTM(2, [3, 3], rng=np.random.default_rng(0)), normal(2, 3, 2)
    d = LSTMState(normal(2, 3), normal(2, 3, seed=1))
    partly = truth(stack, x, dfinal=(None, d)).arrays
    whole = truth(stack, x, doutputs=0 * normal(2, 3, 3), dfinal=(mapped(np.zeros_like, d), d))
    assert all((partly[name] == value).all() for name, value in whole.arrays.items())
    grads = stack.backward(stack.forward(x), None, (None, d))
    assert apart(grads.x, partly["dx"]) < 64 * EPS


def test_values_in_the_padding_do_not_matter():
    x, d = normal(2, 3, 2), normal(2, 3, 3)
    clean = truth(lstm(), x, lengths=[3, 1], doutputs=d).arrays
    x[1, 1:] = d[1, 1:] = np.nan
    found = truth(lstm(), x, lengths=[3, 1], doutputs=d).arrays
    assert all((found[name] == value).all() for name, value in clean.items())
    assert (found["dx"][1, 1:] == 0).all()


def test_a_choice_of_entries_and_blocks_equals_the_same_entries_of_all():
    x, d = normal(2, 3, 2), normal(2, 3, 3)
    whole = truth(lstm(), x, doutputs=d).arrays
    part = truth(lstm(), x, doutputs=d, only=["dU.f", "dx.t=1", "db"], entries=2).arrays
    known = {name: ~np.isnan(value) for name, value in part.items()}
    counts = {name: int(places.sum()) for name, places in known.items() if name[0] == "d"}
    assert counts == {"dW": 0, "dU": 2, "db": 8, "dx": 2, "dinitial.0.h": 0, "dinitial.0.c": 0}
    assert known["dU"][:, 3:6].sum() == 2
    assert known["dx"][:, 1].sum() == 2
    assert all((part[name][own] == whole[name][own]).all() for name, own in known.items())


def test_progress_counts_forward_passes():
    seen = []
    truth(
        lstm(),
        normal(1, 2, 2),
        doutputs=normal(1, 2, 3),
        only=["db"],
        progress=lambda *told: seen.append(told),
    )
    assert seen == [(k, 12) for k in range(1, 13)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_it_says_how_many_digits_it_has(dtype):
    layer = lstm(dtype=dtype)
    x = normal(1, 2, 2).astype(dtype)
    found = truth(layer, x)
    assert (found.dtype, found.eps) == (np.longdouble, LONG)
    assert found.gradients is None
    assert found.wider == (np.finfo(dtype).eps > LONG)
    digits = truth(layer, x, digits=30)
    assert (digits.dtype, digits.eps, digits.wider) == (object, 1e-30, True)


def test_where_longdouble_is_float64_it_says_so(monkeypatch):
    monkeypatch.setattr(np, "longdouble", np.float64)
    monkeypatch.setattr(np, "clongdouble", np.complex128)
    x, d = normal(1, 2, 2), normal(1, 2, 3)
    found = truth(lstm(), x, doutputs=d)
    assert (found.dtype, found.eps, found.wider) == (np.float64, EPS, False)
    assert "no more digits than the layer's own type" in repr(found)
    assert "no more digits" not in repr(truth(lstm(), x, digits=20))
    assert truth(lstm(dtype=np.float32), x.astype(np.float32)).wider
    moves = conditioning(lstm(), x, doutputs=d, only=["db", "dx.t=1"])
    assert all(EPS / 64 < value < 64 * EPS for value in moves.values())


def test_without_mpmath_its_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "mpmath", None)
    with pytest.raises(MissingPackageError, match=r"pip install npstack\[precision\]"):
        truth(lstm(), normal(1, 2, 2), digits=30)
    truth(lstm(), normal(1, 2, 2))


def into_buffer(x, gain):
    y = np.zeros(x.shape)
    y[:] = gain * x**2
    return y


@pytest.mark.parametrize(
    ("how", "words"),
    [
        (into_buffer, "longdouble.* numbers, got "),
        (
            lambda x, gain: gain * into_buffer(x, 1.0),
            "longdouble and complex numbers, got ComplexW",
        ),
        (lambda x, gain: (gain * x**2).real, "complex numbers, got outputs of "),
        (lambda x, gain: gain * np.cbrt(x), "longdouble and complex numbers, got TypeError: "),
    ],
)
def test_a_layer_that_cannot_compute_with_these_numbers_is_refused(how, words):
    x = normal(1, 2, 2)
    for given in ({"doutputs": x}, {}):
        with pytest.raises(DtypeError, match=f"^truth: the layer must compute with {words}"):
            truth(Squared(how), x, **given)


@pytest.mark.parametrize(
    ("kind", "options", "words"),
    [
        (ArgumentError, {"digits": 3}, "truth: digits must be a whole number from 16 to 300"),
        (ArgumentError, {"digits": True}, "digits must be a whole number"),
        (ArgumentError, {"entries": 0}, "entries must be a whole number of at least 1"),
        (ArgumentError, {"only": ["W"]}, "only must be one of 'dW', .* Did you mean 'dW'"),
        (ArgumentError, {"only": [3]}, r"only must be one of .* got 3 \(int\)"),
        (DtypeError, {"rng": 3}, r"rng must be a numpy.random.Generator"),
        (DtypeError, {"progress": True}, "progress must be a function"),
        (ShapeError, {"doutputs": normal(1, 2)}, "doutputs must have the shape of tape.outputs"),
        (DtypeError, {"doutputs": np.ones((1, 2, 3), int)}, "doutputs must be float64"),
        (ArgumentError, {"dfinal": (1, 2)}, r"dfinal must be LSTMState\(h, c\), got a tuple"),
        (
            ShapeError,
            {"dfinal": LSTMState(normal(1, 2), None)},
            r"dfinal.h must have shape",
        ),
        (DtypeError, {"dfinal": LSTMState([[1.0, 2, "a"]], None)}, "dfinal.h must be"),
        (ArgumentError, {"noise": 3}, "noise must be"),
        (ShapeError, {"lengths": [1, 2]}, "lengths must"),
    ],
)
def test_wrong_arguments(kind, options, words):
    with pytest.raises(kind, match=words):
        truth(lstm(), normal(1, 2, 2), **{"doutputs": normal(1, 2, 3), **options})


@pytest.mark.parametrize("dtype", [complex, object])
def test_only_real_floats_have_a_truth(dtype):
    with pytest.raises(DtypeError, match="the parameters must be float32, float64 or longdouble"):
        truth(lstm(dtype=dtype), normal(1, 2, 2).astype(dtype))
    with pytest.raises(DtypeError, match="truth: layer must be a layer"):
        truth(LSTM, normal(1, 2, 2))
