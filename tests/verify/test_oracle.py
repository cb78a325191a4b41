"""The scalar oracle judges the package: outputs, finals and all gradients, ≤ 64 eps per block.

The oracle shares no code with npstack, so anyone has independent proof without a framework. The
full run of 300 stacks is ``python -m tests.full_runs.agreement oracle``.
"""

import ast
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from npstack import LSTM, Dense, LSTMState, StackedLSTM, mean_squared_error
from npstack.verify import oracle
from tests.full_runs.agreement import RUNS
from tests.tools.other_programs import oracle_results
from tests.tools.provenance import read_evidence
from tests.tools.random_stacks import Case, compare, draw_case, judge, require, same_figures
from tests.tools.rounding import explain

SMALL = {"max_layers": 3, "max_size": 4, "max_steps": 4, "junk": np.nan}


def assert_agrees(case: Case) -> None:
    """All blocks within 64 eps, or explained by rounding."""
    ours, theirs = case.run(), oracle_results(case)
    assert set(ours) == set(theirs)
    for block, error in compare(case, ours, theirs).items():
        if error > 64:
            explanation = explain(case, block, ours, theirs)
            assert explanation["explained"], (block, error, explanation)


@pytest.mark.core
@pytest.mark.parametrize("seed", range(1000, 1012))
def test_stack_with_holes_dropout_and_head(seed: int) -> None:
    assert_agrees(draw_case(seed, padding="holes", ends=True, dropout=True, **SMALL))


def test_first_stacks_of_the_full_run() -> None:
    run, full = RUNS["oracle"], read_evidence("agreement_oracle")
    part = run.figures(10)
    assert part["above_bar_not_explained"] == 0, part["exceptions"]
    same_figures(part, full)


def test_the_full_run_met_the_bar() -> None:
    full = read_evidence("agreement_oracle")
    assert (full["stacks"], full["bar_eps"]) == (300, 64)
    require(full)


@pytest.mark.core
def test_draws_cover_what_they_claim() -> None:
    """Holes, all-padding rows, dropout, embeddings, heads, last steps and H = 1 all occur."""
    cases = [
        draw_case(seed, padding="holes", ends=True, dropout=True, **SMALL)
        for seed in range(1000, 1040)
    ]
    masks = [case.mask for case in cases if case.mask is not None]
    assert any(not row.any() for mask in masks for row in mask)
    assert any((np.diff(row.astype(int)) == 1).any() for mask in masks for row in mask)
    noise = [case.noise for case in cases]
    assert any(not a.all() for a in arrays(noise))
    assert {case.model.interface.takes_symbols for case in cases} == {True, False}
    assert {case.model.interface.keeps_time for case in cases} == {True, False}
    assert {len(case.sizes) - 1 for case in cases} == {1, 2, 3}
    assert any(1 in case.sizes[1:] for case in cases)
    tops = [list(case.model.children.values())[-1] for case in cases]
    heads = {top.activation.name for top in tops if isinstance(top, Dense)}
    assert heads == {"linear", "sigmoid", "tanh", "relu"}
    assert not all(isinstance(top, Dense) for top in tops)


def arrays(tree: Any) -> list[np.ndarray]:
    """All arrays of nested tuples and lists."""
    if isinstance(tree, tuple | list):
        return [a for branch in tree for a in arrays(branch)]
    return [] if tree is None else [tree]


@pytest.mark.core
def test_the_comparison_sees_one_wrong_entry() -> None:
    """A relative error of 1e-12 in one entry of the smallest gate is above the bar."""
    case = draw_case(1000, **SMALL)
    ours, theirs = case.run(), oracle_results(case)
    index = np.unravel_index(np.abs(ours["dlayers.0.W"]).argmax(), ours["dlayers.0.W"].shape)
    ours["dlayers.0.W"] = ours["dlayers.0.W"].copy()
    ours["dlayers.0.W"][index] *= 1 + 1e-12
    found = compare(case, ours, theirs)
    above = [block for block, error in found.items() if error > 64]
    assert len(above) == 1
    assert not explain(case, above[0], ours, theirs)["explained"]


@pytest.mark.core
@pytest.mark.parametrize("masked", [False, True])
def test_mean_squared_error(masked: bool) -> None:
    rng = np.random.default_rng(5)
    p, t = rng.standard_normal((2, 3, 4, 2))
    mask = rng.random((3, 4)) < 0.6 if masked else None
    loss = mean_squared_error(p, t, mask)
    rows = None if mask is None else mask.tolist()
    value, slope = oracle.differentiate(
        lambda v: oracle.mean_squared_error(v, t.tolist(), rows), p.tolist()
    )
    eps = np.finfo(float).eps
    assert abs(loss.value - value) <= 4 * eps * value
    assert np.abs(loss.gradient - np.array(slope)).max() <= 4 * eps * np.abs(slope).max()


@pytest.mark.core
def test_training_step_of_a_masked_loss() -> None:
    """Forward, masked loss and backward together equal the slopes of the whole as one function."""
    rng = np.random.default_rng(6)
    stack = StackedLSTM(2, [3, 2], bias_init="uniform", rng=rng)
    x, targets = rng.standard_normal((2, 3, 4, 2))
    mask = np.array([[1, 1, 0, 1], [0, 1, 1, 0], [0, 0, 0, 0]], bool)
    tape = stack.forward(x, mask=mask)
    grads = stack.backward(tape, mean_squared_error(tape.outputs, targets, mask).gradient)
    model = [oracle.Layer("lstm")] * 2
    names = [[f"layers.{k}.{n}" for n in "WUb"] for k in range(2)]
    params = [{n[-1]: stack.params[n].tolist() for n in own} for own in names]

    def loss(given: Any) -> Any:
        outputs, _ = oracle.run(model, given, x.tolist(), mask=mask.tolist())
        return oracle.mean_squared_error(outputs, targets.tolist(), mask.tolist())

    _, slopes = oracle.differentiate(loss, params)
    for own, slope in zip(names, slopes, strict=True):
        for name in own:
            reference = np.array(slope[name[-1]])
            error = np.abs(grads.params[name] - reference).max() / np.abs(reference).max()
            assert error <= 64 * np.finfo(float).eps, name


@pytest.mark.core
@pytest.mark.parametrize("name", ["sigmoid", "tanh", "relu", "linear"])
@pytest.mark.parametrize("a", [-800.0, -40.0, -3.0, 0.3, 3.0, 40.0, 800.0])
def test_slopes_are_right_in_both_tails(name: str, a: float) -> None:
    """Against formulas with extended precision; a tail must keep its relative accuracy."""
    result = oracle.ACTIVATIONS[name](oracle.Dual(a, [1.0]))
    z = np.longdouble(a)
    with np.errstate(over="ignore", under="ignore"):
        e = np.exp(-abs(z))
        expected = {
            "sigmoid": (1 / (1 + e) if a > 0 else e / (1 + e), e / (1 + e) ** 2),
            "tanh": (np.tanh(z), 4 * e**2 / (1 + e**2) ** 2),
            "relu": (max(z, np.longdouble(0)), np.longdouble(a > 0)),
            "linear": (z, np.longdouble(1)),
        }[name]
    for got, right in zip((result.value, result.slopes[0]), expected, strict=True):
        assert math.isclose(got, float(right), rel_tol=4e-15, abs_tol=1e-300)


@pytest.mark.core
def test_what_stands_at_masked_steps_is_never_read() -> None:
    params = [{"W": [[0.1] * 4], "U": [[0.2] * 4], "b": [0.3] * 4}]
    mask, model = [[True, False, True]], [oracle.Layer("lstm")]
    first = oracle.run(model, params, [[[1.0], [math.nan], [2.0]]], mask=mask)
    second = oracle.run(model, params, [[[1.0], [5.0], [2.0]]], mask=mask)
    assert first == second
    assert first[0][0][1] == [0.0]


@pytest.mark.core
def test_all_padding_row_passes_its_initial_state_through() -> None:
    layer = LSTM(1, 1, return_sequences=False, rng=np.random.default_rng(0))
    params = [{name: value.tolist() for name, value in layer.params.items()}]
    outputs, finals = oracle.run(
        [oracle.Layer("lstm", last=True)],
        params,
        [[[1.0], [1.0]]],
        [{"h": [[0.5]], "c": [[-2.0]]}],
        [[False, False]],
    )
    assert (outputs, finals) == ([[0.5]], [{"h": [[0.5]], "c": [[-2.0]]}])
    state = LSTMState(np.array([[0.5]]), np.array([[-2.0]]))
    assert layer.forward(np.ones((1, 2, 1)), state, lengths=[0]).outputs.tolist() == outputs


def test_unknown_layers_are_refused() -> None:
    with pytest.raises(KeyError, match="capsule"):
        oracle.run([oracle.Layer("capsule")], [{}], [[[1.0]]])


@pytest.mark.core
def test_the_oracle_shares_no_code() -> None:
    """It imports itself and the standard library, and of that nothing that could compute for it."""
    imported = set()
    for path in Path(oracle.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(str(node.module))
    own = {name for name in imported if name.startswith("npstack.verify.oracle.")}
    language = {"__future__", "collections.abc", "dataclasses", "itertools", "math", "typing"}
    assert imported - own == language


def test_judge_counts_and_explains_exceptions() -> None:
    """A program that is wrong by a little is counted, and not excused."""

    def slightly_wrong(case: Case) -> dict[str, np.ndarray]:
        results = oracle_results(case)
        return {**results, "outputs": results["outputs"] * (1 + 1e-12)}

    figures = judge([draw_case(1000, **SMALL)], slightly_wrong, 64, explain)
    assert (figures["above_bar"], figures["above_bar_not_explained"]) == (1, 1)
    assert figures["worst"]["block"] == "outputs"
    with pytest.raises(AssertionError, match="outputs"):
        require(figures)
