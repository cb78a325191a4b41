"""Every law of the design, on every layer type; and the laws' own power, on broken layers."""

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npstack import LSTM, Dense, StackedLSTM
from npstack.layers.parallel import MERGES
from npstack.verify import LAWS, LawBroken, NotApplicable, check_laws
from npstack.verify.laws.check import draw_mask
from npstack.verify.laws.trial import close, draw_trial, mapped, same_bits
from tests.tools.nested import NESTED
from tests.tools.strategies import LAYERS, Sizes, build, cases, draw_input
from tests.verify.broken_layers import BROKEN

NO_STATE = {
    "masked_steps_hold_the_state",
    "permuting_hidden_units",
    "a_reset_begins_a_new_sequence",
}
NO_DRAWS = {"noise_repeats_the_pass"}
LAST_STEP = {"gradients_never_flow_forward_in_time", "masked_steps_give_zero"}
SYMBOLS = {"gradients_never_flow_forward_in_time", "masked_steps_get_zero_gradient"}
NO_PARAMS = {"a_tape_stays_true_after_parameters_change", "given_parameters_are_like_own"}
READS_THE_FUTURE = {
    "causality",
    "gradients_never_flow_forward_in_time",
    "splitting_and_carrying_state",
    "backward_in_pieces_is_backward_at_once",
}
BOTH_SIDES = {"a_reset_begins_a_new_sequence"}
JOINED_BY_NUMBER = {"permuting_hidden_units"}


def exempt(kind):
    """The laws that say nothing about a kind of layer."""
    layer = build(kind, np.random.default_rng(0))
    draws = "Dropout" in kind or "dropout" in kind or kind in DRAWS_INSIDE
    found = set() if layer.recurrent else set(NO_STATE)
    found |= set() if draws else NO_DRAWS
    found |= set() if layer.params else NO_PARAMS
    found |= SYMBOLS if layer.interface.takes_symbols else set()
    found |= set() if layer.interface.keeps_time else LAST_STEP
    found |= set() if layer.interface.causal else READS_THE_FUTURE
    found |= set() if layer.interface.causal or layer.interface.keeps_time else BOTH_SIDES
    return found | (JOINED_BY_NUMBER if kind in ONE_ORDER else set())


DRAWS_INSIDE = {
    "Embedding, stack, Dense",
    "Reversed twice, as read",
    "as read twice, LSTM",
    "Bidirectional on Bidirectional",
    "Bidirectional of stacks",
    "Bidirectional in Bidirectional",
    "Residual of two, reversed",
    "Parallel, concat",
    "TimeDistributed",
}
ONE_ORDER = {kind for kind in LAYERS if kind.endswith(tuple(f", {m}" for m in MERGES))}
ONE_ORDER -= {"Bidirectional, concat", "Parallel, concat"}
ONE_ORDER |= {kind for kind in LAYERS if kind.startswith("Residual")}
ONE_ORDER |= {"Bidirectional on Bidirectional", "Bidirectional in Bidirectional"}  # sum, ave
DOES_NOT_APPLY = {kind: exempt(kind) for kind in LAYERS}


@pytest.mark.core
@pytest.mark.parametrize("kind", LAYERS)
def test_every_law_holds(kind):
    rng = np.random.default_rng(3)
    report = check_laws(build(kind, rng), rng=rng, batch=4, steps=3)
    assert report.passed, f"\n{report}"
    applies_not = {row.law for row in report.rows if row.verdict == "not applicable"}
    assert applies_not == DOES_NOT_APPLY[kind]


# Two tests: Hypothesis nests the settings of one test a level deeper per set of parameters.
APPLY = [(kind, law) for kind in LAYERS for law in LAWS if law not in DOES_NOT_APPLY[kind]]


@pytest.mark.parametrize(("kind", "law"), [pair for pair in APPLY if pair[0] not in NESTED])
@settings(max_examples=6)
@given(data=st.data())
def test_law_holds_for_any_size_mask_and_dtype(kind, law, data):
    try_law(kind, law, data)


@pytest.mark.parametrize(("kind", "law"), [pair for pair in APPLY if pair[0] in NESTED])
@settings(max_examples=3)
@given(data=st.data())
def test_law_holds_for_layers_around_layers(kind, law, data):
    try_law(kind, law, data)


def rounds_by_address():
    """Whether a product with a single column has other last bits at another place in memory.

    NumPy 1.26's BLAS does on some processors. No layer can then keep its bits when a sequence is
    split, so such products are left out.
    """
    rng = np.random.default_rng(0)
    rows, column = rng.standard_normal((40, 3)), rng.standard_normal((3, 1))
    return any((rows[k:] @ column != (rows @ column)[k:]).any() for k in range(1, 40))


ROUNDS_BY_ADDRESS = rounds_by_address()


def try_law(kind, law, data):
    layer, x, mask, resets, rng = data.draw(cases(kind))
    if ROUNDS_BY_ADDRESS and any(v.ndim == 2 and v.shape[1] == 1 for v in layer.params.values()):
        return
    try:
        LAWS[law](layer, x, mask=mask, resets=resets, rng=rng)
    except NotApplicable:
        if x.shape[1] > 1 and mask is not None and not mask.all():
            raise


# ---- the laws' own power -----------------------------------------------------------------------


@pytest.mark.core
def test_every_law_has_a_layer_that_breaks_it():
    assert BROKEN.keys() == LAWS.keys()


@pytest.mark.core
@pytest.mark.parametrize("law", LAWS)
def test_law_notices_the_layer_that_breaks_it(law):
    layer, rng = BROKEN[law], np.random.default_rng(5)
    x, mask = draw_input(layer, rng, 4, 4), draw_mask(rng, 4, 4)
    with pytest.raises(LawBroken):
        LAWS[law](layer, x, mask=mask, rng=rng)


@pytest.mark.core
def test_report_shows_law_verdict_and_place():
    rng = np.random.default_rng(0)
    report = check_laws(BROKEN["causality"], rng=rng)
    assert not report.passed
    line = next(line for line in str(report).splitlines() if line.startswith("causality"))
    assert "BROKEN" in line
    assert "x changed from time step 1 on: outputs differs first at index (0, 0, 0)" in line
    assert "(row 0, time step 0)" in line
    assert "not applicable  nothing is drawn" in str(report)


def test_report_names_the_error_that_a_layer_raises():
    class Crashes(LSTM):
        def _backward(self, tape, doutputs, dfinal):
            raise IndexError("off by one")

    rng = np.random.default_rng(0)
    report = check_laws(Crashes(2, 3, rng=rng), rng=rng)
    assert ("batch_is_a_loop", "ERROR", "IndexError: off by one") in [
        (row.law, row.verdict, row.detail) for row in report.rows
    ]
    assert not report.passed


def test_laws_on_vectors_say_what_does_not_apply():
    rng = np.random.default_rng(0)
    report = check_laws(Dense(3, 2, rng=rng), rng=rng, steps=None)
    assert report.passed
    reasons = {row.law: row.detail for row in report.rows if row.verdict == "not applicable"}
    assert reasons["padding_is_irrelevant"] == "no time axis, so no mask"
    assert reasons["splitting_and_carrying_state"] == "no time axis"
    assert "batch_is_a_loop" not in reasons


def test_to_rounding_means_64_eps_or_what_rounding_explains():
    rng = np.random.default_rng(0)
    trial = draw_trial(Dense(1, 1, rng=rng), np.ones((2, 1)), rng=rng)
    result = trial.run()
    within = {name: value * (1 + 60 * np.finfo(float).eps) for name, value in result.items()}
    beyond = {name: value * (1 + 600 * np.finfo(float).eps) for name, value in result.items()}
    close(trial, within, result)
    with pytest.raises(LawBroken):
        close(trial, beyond, result)
    # dW = sum of x dy: as it cancels, its error is not small compared with it
    cancelling = trial.but(doutputs=np.array([[1.0], [-1.0 + 2.0**-40]]))
    result = cancelling.run()
    close(cancelling, {**result, "dW": result["dW"] + np.finfo(float).eps}, result)


# ---- the same layers, seen from another side --------------------------------------------------


@settings(max_examples=20)
@given(data=st.data(), last=st.booleans())
def test_stack_of_one_is_that_layer(data, last):
    layer, x, mask, resets, rng = data.draw(cases("LSTM, last step" if last else "LSTM"))
    stack = StackedLSTM(
        layer.input_size, [layer.hidden_size], return_sequences=not last, rng=rng, dtype=layer.dtype
    )
    trial = draw_trial(layer, x, mask=mask, resets=resets, rng=rng)
    stacked = trial.but(
        layer=stack,
        params={f"layers.0.{name}": value for name, value in trial.params.items()},
        states=(trial.states,),
        noise=(None,),
        dfinal=(trial.dfinal,),
    )
    got = {
        name.replace("dlayers.0.", "d").replace("[0]", ""): value
        for name, value in stacked.run().items()
    }
    same_bits(got, trial.run())


@pytest.mark.core
@pytest.mark.parametrize("kind", [kind for kind in LAYERS if kind != "Dense, relu"])
@pytest.mark.parametrize("number", ["complex", "mpmath"])
def test_complex_and_mpmath_numbers_run_through(kind, number):
    rng = np.random.default_rng(8)
    layer = build(kind, rng, Sizes(2, 2, 3, 1))
    trial = draw_trial(layer, draw_input(layer, rng, 3, 3), mask=draw_mask(rng, 3, 3), rng=rng)

    def cast(a):
        if a.dtype.kind in "biu":
            return a
        if number == "complex":
            return a.astype(complex)
        return np.array([mpmath.mpf(v) for v in a.ravel()], object).reshape(a.shape)

    other = trial.but(
        x=cast(trial.x),
        states=mapped(cast, trial.states),
        params={name: cast(value) for name, value in trial.params.items()},
        doutputs=cast(trial.doutputs),
        dfinal=mapped(cast, trial.dfinal),
    )
    with mpmath.workdps(30):
        result = other.run()
    dtypes = {value.dtype for value in result.values()}
    assert dtypes == {np.dtype(complex if number == "complex" else object)}
    assert all((np.imag(value) == 0).all() for value in result.values() if number == "complex")
    as_float = {
        name: np.real(v).astype(float) if number == "complex" else v.astype(float)
        for name, v in result.items()
    }
    close(trial, as_float, trial.run())
