"""Every cell of `npstack.cells.CELLS`: laws, gradients, the scalar oracle, number types."""

import re
from typing import Any

import mpmath
import numpy as np
import pytest

from npstack import Recurrent, check_gradients
from npstack.cells import CELLS, Zoneout
from npstack.core.trees import mapped
from npstack.verify import check_laws, oracle
from npstack.verify.laws.check import draw_mask
from npstack.verify.laws.trial import close, draw_trial
from tests.tools.slope import check_along_a_direction

D, H = 3, 4
EVERY_CELL = pytest.mark.parametrize("name", CELLS)


def build(name: str, rng: np.random.Generator, dtype: Any = np.float64, **options: Any) -> Any:
    """A cell of the table over time."""
    return Recurrent(CELLS[name](D, H, rng, dtype), **options)


@pytest.mark.core
@EVERY_CELL
def test_laws_hold_for_every_cell(name):
    rng = np.random.default_rng(3)
    report = check_laws(build(name, rng), rng=rng, batch=4, steps=3)
    assert report.passed, f"\n{report}"
    applies_not = {row.law for row in report.rows if row.verdict == "not applicable"}
    random = "dropout" in name or "zoneout" in name
    assert applies_not == (set() if random else {"noise_repeats_the_pass"})


@pytest.mark.core
@EVERY_CELL
def test_every_cell_explains_the_number_of_its_parameters(name):
    cell = CELLS[name](D, H, np.random.default_rng(0))
    formula, *sizes = cell.formula.split(", ")
    values = {letter: int(size) for letter, _, size in (text.partition("=") for text in sizes)}
    product = re.sub(r"(?<=[0-9A-Z)])(?=[A-Z(])", "*", formula)  # 4H(D + 1) is 4*H*(D + 1)
    assert eval(product, {}, values) == sum(value.size for value in cell.params.values())


@pytest.mark.core
def test_the_letters_of_gates_are_those_of_the_equations():
    letters = {
        name: "".join(CELLS[name](D, H, np.random.default_rng(0)).letters.values())
        for name in ("lstm", "gru", "gru, reset before", "gru, zoneout")
    }
    rzn = "rzn"
    assert letters == {"lstm": "ifgo", "gru": rzn, "gru, reset before": rzn, "gru, zoneout": rzn}


@EVERY_CELL
def test_gates_and_states_stay_in_the_range_that_the_tape_says(name):
    rng = np.random.default_rng(11)
    layer = build(name, rng)
    for scale in (1, 30):  # large weights drive every gate to both of its ends
        params = {n: scale * v for n, v in layer.params.items()}
        tape = layer.forward(rng.standard_normal((3, 20, D)), params=params, rng=rng)
        ranges = {field: ends for field, *ends in tape.ranges}
        assert tape.gates._asdict().keys() <= ranges.keys()
        assert ranges.keys() <= tape.gates._asdict().keys() | tape.states._asdict().keys()
        for field, (low, high) in ranges.items():
            values = (tape.gates._asdict() | tape.states._asdict())[field]
            assert low <= values.min() <= values.max() <= high, field


def test_the_range_of_what_is_handed_on_follows_its_cell():
    ends = {}
    for name in CELLS:
        ends[name] = build(name, np.random.default_rng(0)).cell.ranges.get("h")
    inf = np.inf
    assert {ends[n] for n in ("lstm", "layer-norm lstm", "gru", "gru, zoneout", "rnn")} == {(-1, 1)}
    assert ends["rnn, relu"] == ends["rnn, softplus"] == (0, inf)
    assert ends["lstm, projection"] == ends["projection, zoneout"] == (-inf, inf)
    assert ends["lstm, clipped projection"] == (-0.1, 0.1)
    assert ends["gru, activations"] is None  # its gates are no shares


def broken_up(name, rng, learned=False):
    """A layer with random parameters, an input with holes, and resets."""
    layer = build(name, rng, learn_initial=learned)
    layer.params = {n: v + rng.normal(0, 0.2, v.shape) for n, v in layer.params.items()}
    mask = np.array([[True, False, True], [True] * 3])
    resets = np.array([[False, False, True], [False] * 3])
    return layer, rng.standard_normal((2, 3, D)), {"mask": mask, "resets": resets}


@pytest.mark.core
@EVERY_CELL
@pytest.mark.parametrize("learned", [False, True], ids=["given", "learned"])
def test_all_gradients_of_every_cell_add_up_along_a_direction(name, learned):
    rng = np.random.default_rng(7)
    layer, x, given = broken_up(name, rng, learned)
    trial = draw_trial(layer, x, **given, rng=rng)
    check_along_a_direction(trial.but(states=None) if learned else trial)


@EVERY_CELL
def test_gradients_of_every_cell_are_right(name):
    """Block by block."""
    rng = np.random.default_rng(7)
    layer, x, given = broken_up(name, rng)
    report = check_gradients(layer, x, **given, noise_rng=rng, entries=4, rng=rng)
    assert report.passed, f"\n{report}"


# ---- the scalar oracle -------------------------------------------------------------------------


def told(kind: str, **options: Any) -> oracle.Layer:
    return oracle.Layer(kind, options=options)


# What each cell of the table is in the oracle's words; its draws are added from the tape.
ORACLE = {
    "lstm": told("lstm"),
    "lstm, peepholes": told("lstm"),
    "lstm, coupled": told("lstm", coupled=True),
    "lstm, coupled peepholes": told("lstm", coupled=True),
    "lstm, run-time forget bias": told("lstm", forget_bias=1.0),
    "lstm, pre-activation clip": told("lstm", preactivation_clip=0.8),
    "lstm, cell clip": told("lstm", cell_clip=0.3),
    "lstm, projection": told("lstm"),
    "lstm, clipped projection": told("lstm", projection_clip=0.1),
    "lstm, activations": told(
        "lstm", activations={"input": "hard_sigmoid_sixth", "cell": "softsign"}
    ),
    "layer-norm lstm": told("layer_norm_lstm"),
    "gru": told("gru"),
    "gru, activations": told("gru", activations={"gate": "softsign", "candidate": "elu"}),
    "gru, reset before": told("gru_reset_before"),
    "gru, reset before, activations": told(
        "gru_reset_before", activations={"gate": "softsign", "candidate": "elu"}
    ),
    "gru, clipped": told(
        "gru",
        activations={"gate": ("clipped", "sigmoid", 0.8), "candidate": ("clipped", "tanh", 0.8)},
    ),
    "gru, reset before, clipped": told(
        "gru_reset_before",
        activations={"gate": ("clipped", "sigmoid", 0.8), "candidate": ("clipped", "elu", 0.8)},
    ),
    "rnn": told("rnn"),
    "rnn, relu": told("rnn", activation="relu"),
    "rnn, softplus": told("rnn", activation="softplus"),
    "rnn, clipped": told("rnn", activation=("clipped", "tanh", 0.8)),
}
WRAPPED = {
    "lstm, two biases": "lstm",
    "lstm, coupled, two biases": "lstm, coupled peepholes",
    "gru, two biases": "gru",
    "gru, reset before, two biases": "gru, reset before",
    "lstm, no bias": "lstm",
    "gru, no bias": "gru",
    "gru, two biases, recurrent dropout": "gru",
    "lstm, recurrent dropout": "lstm",
    "projection, recurrent dropout": "lstm, projection",
    "gru, recurrent dropout": "gru",
    "gru, reset before, recurrent dropout": "gru, reset before",
    "rnn, recurrent dropout": "rnn",
    "lstm, zoneout": "lstm",
    "lstm, zoneout of c": "lstm",
    "projection, zoneout": "lstm, projection",
    "gru, zoneout": "gru",
    "lstm, recurrent dropout around zoneout": "lstm",
    "gru, recurrent dropout around zoneout": "gru",
    "lstm, zoneout around recurrent dropout": "lstm",
    "lstm, recurrent dropout per gate": "lstm",
    "projection, recurrent dropout per gate": "lstm, projection",
    "lstm, coupled peepholes, recurrent dropout per gate": "lstm, coupled peepholes",
    "gru, recurrent dropout per gate": "gru",
    "gru, reset before, recurrent dropout per gate": "gru, reset before",
    "rnn, recurrent dropout per gate": "rnn",
    "lstm, recurrent dropout per gate around zoneout": "lstm",
    "gru, two biases, recurrent dropout per gate": "gru",
    "lstm, no bias, zoneout around recurrent dropout per gate": "lstm",
}


def in_the_oracles_words(name: str, cell: Any, noise: Any) -> oracle.Layer:
    """With the draws of a tape, wrapper by wrapper."""
    words = dict(vars(ORACLE[WRAPPED.get(name, name)]))
    while noise is not None:
        own, noise = noise
        if isinstance(cell, Zoneout):
            stays = own._asdict()
            words["zoneout"] = {field: v.tolist() for field, v in stays.items() if v is not None}
        else:
            words |= {"rate": cell.rate, "kept": mapped(np.ndarray.tolist, own)}
        cell = cell.cell
    return oracle.Layer(**words)


@pytest.mark.core
def test_the_oracle_is_told_of_every_cell():
    assert ORACLE.keys() | WRAPPED.keys() == CELLS.keys()


def nested(tree: Any) -> Any:
    """Arrays as the oracle's lists."""
    return {name: value.tolist() for name, value in tree.items()}


@pytest.mark.core
@EVERY_CELL
def test_every_cell_equals_the_oracle(name):
    """Outputs, finals and every gradient, with masks, resets, draws and a given state."""
    rng = np.random.default_rng(11)
    layer, B, T = build(name, rng), 3, 4
    x, mask, resets = rng.standard_normal((B, T, D)), rng.random((B, T)) < 0.8, rng.random((B, T))
    resets = resets < 0.2
    draw = mapped(lambda size: rng.standard_normal((B, size)), layer.cell.state_sizes)
    params = {n: v + rng.normal(0, 0.2, v.shape) for n, v in layer.params.items()}
    tape = layer.forward(x, draw, mask=mask, resets=resets, params=params, rng=rng)
    doutputs = rng.standard_normal(tape.outputs.shape)
    dfinal = mapped(lambda a: rng.standard_normal(a.shape), tape.final)
    grads = layer.backward(tape, doutputs, dfinal)
    model = [in_the_oracles_words(name, layer.cell, tape.noise)]

    def run(given: Any) -> Any:
        return oracle.run(
            model, [given["params"]], given["x"], [given["state"]], mask.tolist(), resets.tolist()
        )

    def loss(given: Any) -> Any:
        outputs, (final,) = run(given)
        parts = [(outputs, doutputs), *((final[f], w) for f, w in dfinal._asdict().items())]
        return sum(oracle.weighted_sum(values, w.tolist()) for values, w in parts)

    inputs = {"params": nested(params), "x": x.tolist(), "state": nested(draw._asdict())}
    outputs, (final,) = run(inputs)
    _, slopes = oracle.differentiate(loss, inputs)
    pairs = {"outputs": (tape.outputs, outputs), "dx": (grads.x, slopes["x"])}
    for field in draw._fields:
        pairs[f"final {field}"] = getattr(tape.final, field), final[field]
        pairs[f"dstate {field}"] = getattr(grads.initial_states, field), slopes["state"][field]
    pairs |= {f"d{n}": (value, slopes["params"][n]) for n, value in grads.params.items()}
    for what, (ours, theirs) in pairs.items():
        scale = np.abs(theirs).max()
        assert np.abs(ours - theirs).max() <= 1e-12 * scale + 1e-14, what


# ---- number types ------------------------------------------------------------------------------


@pytest.mark.core
@EVERY_CELL
@pytest.mark.parametrize("dtype", [np.float32, np.longdouble])
def test_every_cell_keeps_the_dtype(name, dtype):
    rng = np.random.default_rng(0)
    layer = build(name, rng, dtype)
    trial = draw_trial(layer, rng.standard_normal((2, 3, D)).astype(dtype), rng=rng)
    assert {value.dtype for value in trial.run().values()} == {np.dtype(dtype)}
    exact = trial.but(
        x=trial.x.astype(np.float64),
        states=mapped(np.float64, trial.states),
        params={n: v.astype(np.float64) for n, v in trial.params.items()},
        doutputs=trial.doutputs.astype(np.float64),
        dfinal=mapped(np.float64, trial.dfinal),
    )
    eps = max(np.finfo(dtype).eps, np.finfo(float).eps)
    for what, value in trial.run().items():
        reference = exact.run()[what]
        assert np.abs(value - reference).max() <= 200 * eps * np.abs(reference).max(), what


@pytest.mark.core
@EVERY_CELL
def test_mpmath_numbers_run_through_every_cell(name):
    rng = np.random.default_rng(8)
    layer = build(name, rng)
    trial = draw_trial(layer, rng.standard_normal((3, 3, D)), mask=draw_mask(rng, 3, 3), rng=rng)

    def cast(a: Any) -> Any:
        return np.array([mpmath.mpf(v) for v in a.ravel()], object).reshape(a.shape)

    other = trial.but(
        x=cast(trial.x),
        states=mapped(cast, trial.states),
        params={n: cast(value) for n, value in trial.params.items()},
        doutputs=cast(trial.doutputs),
        dfinal=mapped(cast, trial.dfinal),
    )
    with mpmath.workdps(30):
        result = other.run()
    close(trial, {n: value.astype(float) for n, value in result.items()}, trial.run())
