"""What a report says beyond numbers: outputs, caches, shapes, what wrong numbers look like."""

import numpy as np
import pytest

from npstack import ArgumentError, DtypeError, gradcheck

pytestmark = pytest.mark.core
RNG = np.random.default_rng(3)
X, W = RNG.standard_normal((4, 3)), RNG.standard_normal((3, 3))
SEQUENCES = RNG.standard_normal((2, 5, 3))


def affine(x, W):
    return np.tanh(x @ W)


def right(d, x, W):
    da = d * (1 - np.tanh(x @ W) ** 2)
    return {"x": da @ W.T, "W": (x.reshape(-1, 3).T @ da.reshape(-1, 3))}


def hints(change, x=X, **options):
    def backward(d, **given):
        found = right(d, **given)
        return {**found, **change(found)}

    return gradcheck(affine, backward, {"x": x, "W": W}, **options).hints


def test_a_right_backward_gets_no_hints():
    assert hints(lambda found: {}) == ()


def test_one_factor():
    assert hints(lambda found: {n: 2 * g for n, g in found.items()}) == (
        "Every wrong gradient is 2 times the reference.",
    )
    (mean,) = hints(lambda found: {n: g / 4 for n, g in found.items()})
    assert mean == (
        "Every wrong gradient is 0.25 times the reference. "
        "Axis 0 of x has length 4: a mean instead of a sum?"
    )
    assert hints(lambda found: {"W": -found["W"]}) == ("W is the reference with the wrong sign.",)
    assert hints(lambda found: {"W": 0 * found["W"]}) == (
        "All numbers of W are zero, and the reference is not.",
    )


def test_a_transpose():
    assert hints(lambda found: {"W": found["W"].T}) == ("W is the reference transposed.",)


def test_a_step_too_late_or_too_early():
    def shifted(by):
        return hints(lambda found: {"x": np.roll(found["x"], by, axis=1)}, SEQUENCES)

    assert shifted(1)[0] == "x is the reference, one time step too late."
    assert shifted(-1)[0] == "x is the reference, one time step too early."


def test_gates_exchanged():
    parts = {"W": {gate: np.s_[:, k] for k, gate in enumerate("ifo")}}
    found = hints(lambda found: {"W": found["W"][:, [1, 0, 2]]}, blocks=parts)
    assert found[:2] == (
        "Part i of W holds that of part f of W.",
        "Part f of W holds that of part i of W.",
    )


def test_begin_with_one_step():
    def squared(x):
        return " ".join(hints(lambda found: {n: g**2 for n, g in found.items()}, x))

    assert "Begin with sequences of length 1, then 2: a mistake in one step" in squared(SEQUENCES)
    assert "Begin with" not in squared(SEQUENCES[:, :1])


def test_the_shape_that_was_given():
    report = gradcheck(affine, lambda d, x, W: {"x": x.T, "W": W}, {"x": X, "W": W})
    assert report.failures[0].given_shape == (3, 4)
    assert "SHAPE (3, 4)" in str(report)


# ---- outputs and caches ----------------------------------------------------------------------


def with_cache(x, W):
    y = np.tanh(x @ W)
    return y, (x, W, y)


def test_the_cache_is_left_out_by_outputs():
    given = {"x": X, "W": W}
    assert gradcheck(with_cache, right, given, outputs=0).passed
    several = gradcheck(
        lambda x, W: {"y": affine(x, W), "z": x * 2, "cache": x},
        lambda d, x, W: {**right(d[0], x, W), "x": right(d[0], x, W)["x"] + 2 * d[1]},
        given,
        outputs=("y", "z"),
    )
    assert several.passed


def test_a_cache_among_the_outputs_is_suspected():
    report = gradcheck(with_cache, lambda d, x, W: right(d[0], x, W), {"x": X, "W": W})
    assert not report.passed
    assert report.hints[-1].startswith("f returns inputs again (1.0, 1.1). If it returns a cache")
    with pytest.raises(
        (TypeError, ValueError)
    ) as raised:  # the user's own error, and what may be the reason
        gradcheck(with_cache, right, {"x": X, "W": W})
    assert "outputs=0 for the first" in raised.value.__notes__[0]


@pytest.mark.parametrize("outputs", [5, "y", ("y", 0), 1.5])
def test_outputs_that_are_not_there(outputs):
    with pytest.raises(ArgumentError, match="outputs must name results of f"):
        gradcheck(with_cache, right, {"x": X, "W": W}, outputs=outputs)


# ---- refused in words ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda: gradcheck(affine, right, {"x": X * 1j, "W": W}), DtypeError, "x must hold real"),
        (
            lambda: gradcheck(affine, right, {"x": np.where(X > 1, np.inf, X), "W": W}),
            ArgumentError,
            "x must be finite, got inf at",
        ),
        (
            lambda: gradcheck(lambda x: x / 0 * 0, lambda d, x: d, [np.ones(2)]),
            ArgumentError,
            r"the outputs of f must be finite, got nan at output\[0\]",
        ),
        (
            lambda: gradcheck(affine, lambda d, x, W: {"x": x, "W": W.astype(object)}, [X, W]),
            ArgumentError,
            "names of the inputs",
        ),
        (
            lambda: gradcheck(affine, lambda d, x, W: (x, W.astype(object)), [X, W]),
            DtypeError,
            "the gradient by 1 must be an array of real numbers, got dtype object",
        ),
        (
            lambda: gradcheck(affine, right, {"x": X, "W": W}, blocks={"W": {"i": np.s_[:, 3:]}}),
            ArgumentError,
            r"blocks\['W'\]\['i'\] must hold entries",
        ),
        (
            lambda: gradcheck(affine, right, {"x": X, "W": W}, blocks={"W": {"i": np.s_[:, :, 1]}}),
            ArgumentError,
            "must be an index of",
        ),
    ],
)
def test_refused(call, kind, words):
    with np.errstate(all="ignore"), pytest.raises(kind, match=words):
        call()
