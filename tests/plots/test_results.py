"""Pictures of finished systems show the numbers that they are given."""

import re

import numpy as np
import pytest

from npstack import ArgumentError, DtypeError, ShapeError, plots
from tests.plots.drawn import assert_drawable, assert_named, panels, titles

COUNTS = np.array([[18, 2, 0], [1, 9, 0], [0, 0, 5]])


def test_the_confusion_matrix_shows_counts_in_their_cells_and_shares_of_rows():
    picture = plots.confusion_matrix(COUNTS, ["anna", "bert", "carl"], what="speaker")
    ax = picture.axes[0]
    shown = {
        (round(t.get_position()[1] - 0.5), round(t.get_position()[0] - 0.5)): t.get_text()
        for t in ax.texts
    }
    assert shown == {(i, j): str(COUNTS[i, j]) for i, j in np.argwhere(COUNTS)}
    (mesh,) = ax.collections
    shares = COUNTS / COUNTS.sum(1, keepdims=True)
    np.testing.assert_array_equal(np.asarray(mesh.get_array()).reshape(3, 3), shares)
    assert ax.yaxis_inverted()  # the first class on top, as in the array
    assert [t.get_text() for t in ax.get_yticklabels()] == ["anna", "bert", "carl"]
    assert [t.get_text() for t in ax.get_xticklabels()] == ["anna", "bert", "carl"]
    assert titles(picture)[0] == "3 of 35 wrong"
    assert (ax.get_ylabel(), ax.get_xlabel()) == ("true speaker", "predicted speaker")
    assert_drawable(picture)


def test_numbers_are_read_on_dark_and_on_light_cells():
    colours = {t.get_text(): t.get_color() for t in plots.confusion_matrix(COUNTS).axes[0].texts}
    assert colours == {"18": "white", "2": "black", "1": "black", "9": "white", "5": "white"}


@pytest.mark.parametrize("K", [1, 2, 20, 21, 70])
def test_any_number_of_classes_is_drawable(K):
    picture = plots.confusion_matrix(np.eye(K, dtype=int) * 30, [f"class {k}" for k in range(K)])
    assert len(picture.axes[0].texts) == (K if K <= 20 else 0)
    assert_drawable(picture)


def test_a_class_that_never_comes_is_an_empty_row():
    counts = np.array([[3, 1], [0, 0]])
    (mesh,) = plots.confusion_matrix(counts).axes[0].collections
    assert np.asarray(mesh.get_array()).reshape(2, 2)[1].tolist() == [0, 0]


def test_every_horizon_has_a_panel_with_the_truth_and_everyones_forecast():
    N, horizons = 30, ["1 month ahead", "6 months ahead", "24 months ahead"]
    rng = np.random.default_rng(0)
    truth = rng.standard_normal(N)
    said = {"stack": rng.standard_normal((N, 3)), "ridge": rng.standard_normal((N, 3))}
    said["stack"][:5, 2] = np.nan
    picture = plots.forecast_horizons(
        np.arange(N) + 1900.0, truth, said, horizons, time_label="year", value_label="number"
    )
    assert titles(picture) == horizons
    for a, ax in enumerate(panels(picture)):
        lines = {line.get_label(): line.get_ydata() for line in ax.lines}
        np.testing.assert_array_equal(lines.pop("truth"), truth)
        assert lines.keys() == said.keys()
        for name, values in lines.items():
            np.testing.assert_array_equal(values, said[name][:, a])
    assert panels(picture)[-1].get_xlabel() == "year"
    assert picture.get_supylabel() == "number"
    assert_drawable(picture)
    alone = plots.forecast_horizons(np.arange(N), truth, {"a": said["ridge"][:, :1]}, ["1"])
    assert len(panels(alone)) == 1


def test_errors_of_several_seeds_are_a_mean_in_a_band():
    errors = {"persistence": np.array([2.0, 6.0]), "stack": np.array([[1.0, 4.0], [3.0, 2.0]])}
    picture = plots.errors_by_horizon([1, 12], errors, horizon_label="months", error_label="RMSE")
    ax = picture.axes[0]
    lines = {line.get_label(): line.get_ydata().tolist() for line in ax.lines}
    assert lines == {"persistence": [2.0, 6.0], "stack": [2.0, 3.0]}
    (band,) = ax.collections
    heights = band.get_paths()[0].vertices
    assert {(x, y) for x, y in heights.tolist()} >= {(1, 1), (1, 3), (12, 2), (12, 4)}
    assert ax.get_ylim()[0] == 0
    assert ax.get_xticks().tolist() == [1, 12]
    assert_named(picture)
    assert_drawable(picture)


WRONG = {
    "no square": (lambda: plots.confusion_matrix(np.ones((2, 3), int)), ShapeError, "(K, K)"),
    "shares": (lambda: plots.confusion_matrix(np.eye(2)), DtypeError, "counts must be whole"),
    "all zero": (lambda: plots.confusion_matrix(np.zeros((2, 2), int)), DtypeError, "not all 0"),
    "one name too few": (
        lambda: plots.confusion_matrix(COUNTS, ["a", "b"]),
        ArgumentError,
        "classes must be K=3 names, got 2",
    ),
    "truth with columns": (
        lambda: plots.forecast_horizons([1, 2], np.ones((2, 1)), {"a": np.ones((2, 1))}, ["1"]),
        ShapeError,
        "truth[:, 0]",
    ),
    "a horizon without name": (
        lambda: plots.forecast_horizons([1, 2], np.ones(2), {"a": np.ones((2, 3))}, ["1", "2"]),
        ShapeError,
        "predictions['a'] must be (N, A) with (2, 2) in the end, got (2, 3)",
    ),
    "nobody": (
        lambda: plots.forecast_horizons([1, 2], np.ones(2), {}, ["1"]),
        ArgumentError,
        "dictionary of at least one array by name",
    ),
    "horizons backwards": (
        lambda: plots.errors_by_horizon([2, 1], {"a": np.ones(2)}),
        ArgumentError,
        "rising",
    ),
    "no horizons": (
        lambda: plots.errors_by_horizon([], {"a": np.ones(0)}),
        ShapeError,
        "one number",
    ),
    "errors of other horizons": (
        lambda: plots.errors_by_horizon([1, 2], {"a": np.ones((2, 3))}),
        ShapeError,
        "errors['a'] must be (A,) or (S, A) with (2,) in the end, got (2, 3)",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_calls_are_answered_in_words(case):
    call, error, words = WRONG[case]
    with pytest.raises(error, match=re.escape(words)):
        call()
