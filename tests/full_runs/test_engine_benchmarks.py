"""The benchmarks of the engines: their figures, and that a wrong side is never timed."""

import json
import sys

import numpy as np
import pytest

from benchmarks.engines import curves, fits, page, passes
from benchmarks.engines.__main__ import main, wrong
from benchmarks.engines.bars import EXACT, Bar
from benchmarks.engines.cases import CASES, MODES, Case, draw, error, worst
from benchmarks.engines.child import Worker, Wrong
from benchmarks.engines.figures import (
    Figure,
    bootstrap,
    fastest,
    geometric_mean,
    log_slope,
    median,
    ratios,
    slope,
)
from benchmarks.engines.processes import Child, References, WrongResult
from benchmarks.engines.race import SIDE, Children, Order, race
from benchmarks.engines.sides.base import SPECS, NotOffered, Spec, make
from benchmarks.engines.sides.own import Own

SMALL = Case(5, 2, 3, 4, 2)
FAULTS = ["dead gradient", "shifted", "NaN", "no dx", "another shape", "remembers", "slightly"]


def faulty(fault=""):
    return Spec("a test", "tests.full_runs.faulty_sides:Faulty", options={"fault": fault})


@pytest.fixture
def right(tmp_path):
    """A file with what is right for a small problem, as `References` would write it."""
    side = Own()
    side.prepare(draw(SMALL, "float32").astype("float64"), "train")
    path = tmp_path / "right.npz"
    np.savez(path, **side.answer())
    return str(path)


# ---- figures -------------------------------------------------------------------------------------


def test_the_interval_contains_the_true_median_in_nine_of_ten_draws():
    rng = np.random.default_rng(0)
    found = [median(rng.lognormal(0.3, 0.2, 25)) for _ in range(100)]
    inside = sum(low <= np.exp(0.3) <= high for _, low, high in found)
    assert 82 <= inside <= 98
    assert all(low <= value <= high for value, low, high in found)


def test_what_does_not_vary_has_no_interval():
    assert median([2.0, 2.0, 2.0]) == (2, 2, 2)
    assert geometric_mean([[2.0] * 5, [8.0] * 3]) == pytest.approx((4, 4, 4))


def test_the_same_rounds_give_the_same_interval():
    rounds = np.random.default_rng(1).random(9)
    means = [bootstrap([rounds], lambda a: a.mean(1), seed=seed) for seed in (0, 0, 1)]
    assert means[0] == means[1] != means[2]


def test_ratios_are_taken_within_rounds_and_with_the_better_number_of_threads():
    load = np.array([1.0, 5.0, 1.0, 3.0])  # of the machine; in every side's time
    seconds = {"auto/1": 2 * load, "torch/1": 9 * load, "torch/2": 4 * load}
    assert fastest(seconds, "torch") == "torch/2"
    found = ratios(seconds, "auto", "torch")
    assert np.array_equal(found, [0.5] * 4)
    assert ratios(seconds, "auto", "jax") is None


def test_the_slope_of_a_power_is_its_exponent():
    sizes = np.array([50, 100, 400, 1600])
    assert log_slope(sizes, 3e-5 * sizes**1.1) == pytest.approx(1.1)
    noise = np.random.default_rng(0).lognormal(0, 0.05, (9, 4))
    value, low, high = slope(sizes, 2e-4 * sizes * noise)
    assert 0.95 < low < value < high < 1.05


# ---- bars ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bar", "met"),
    [
        (Bar("time", 1.0, Figure(1.1, 1.0, 1.15)), True),
        (Bar("time", 1.0, Figure(1.1, 1.0, 1.16)), False),
        (Bar("memory", 210, Figure(200, 190, 211), EXACT), False),
        (Bar("memory", 210, Figure(200, 190, 210), EXACT), True),
        (Bar("peer", 5, Figure(5, 4.4, 6), at_least=True), True),
        (Bar("peer", 5, Figure(5, 4.3, 6), at_least=True), False),
        (Bar("time", 1.0, None), None),
    ],
)
def test_a_bar_is_met_by_the_far_end_of_the_interval(bar, met):
    assert bar.met is met


def test_every_bar_of_the_passes_is_judged_from_its_own_cells():
    def seconds(ours):
        sides = {"auto/1": ours, "torch/1": 1.0, "torch/2": 2.0, "jax/1": 1.0, "peer/1": 10 * ours}
        return {name: [value] * 5 for name, value in sides.items()}

    def cell(ours):
        return {"seconds": seconds(ours), "left_out": {}, "wrong": {}, "ran": {}}

    keys = [f"{c} {d} {m}" for c in CASES for d in ("float32", "float64") for m in MODES]
    fast = {"cells": {key: cell(0.2) for key in keys}}
    assert all(bar.met for bar in passes.bars(fast))
    assert len(passes.bars(fast)) == 19
    slow = {"cells": {**fast["cells"], "E float64 train": cell(1.2)}}
    missed = [bar for bar in passes.bars(slow) if not bar.met]
    assert [bar.note for bar in missed if bar.note] == ["(E)"]
    assert all("float64 train" in bar.what for bar in missed)
    del slow["cells"]["E float64 train"]
    assert {bar.met for bar in passes.bars(slow)} == {True, None}
    assert "E" not in passes.faster(fast)


def test_where_another_program_is_faster_is_said():
    cell = {"seconds": {"auto/1": [3.0] * 4, "torch/1": [2.0] * 4, "jax/1": [4.0] * 4}}
    assert "**PyTorch** is faster in float32 train: A (1.5)." in passes.faster(
        {"cells": {"A float32 train": cell}}
    )
    assert "JAX" not in passes.faster({"cells": {"A float32 train": cell}})


# ---- what is right -------------------------------------------------------------------------------


def test_errors_are_relative_and_what_is_no_number_or_has_another_shape_is_infinitely_wrong():
    assert error(np.array([3.0, 4.1]), np.array([3.0, 4.0])) == pytest.approx(0.02)
    assert error(np.array([1e-3]), np.zeros(1)) == 1e-3
    assert error(np.array([np.nan]), np.ones(1)) == np.inf
    assert error(np.ones(2), np.ones((2, 1))) == np.inf
    assert worst({"a": np.ones(1)}, {"a": np.ones(1), "b": np.ones(1)}) == (np.inf, "b")


def test_every_process_draws_the_same_problem():
    one, two = (draw(SMALL, "float32") for _ in range(2))
    assert np.array_equal(one.x, two.x)
    assert one.x.dtype == one.weights[1].U.dtype == np.float32
    assert draw(SMALL, "float32", last=True).doutputs.shape == (2, 4)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_wrong_side_is_refused_and_cannot_be_timed(fault, right):
    worker = Worker(1, faulty(fault)._asdict())
    with pytest.raises(Wrong, match="off by"):
        worker.prepare(SMALL, "float32", "train", right)
    with pytest.raises(Wrong, match="nothing has been prepared"):
        worker.time(1)


@pytest.mark.parametrize("kind", ["readable", "fused", "auto"])
def test_a_right_side_is_timed(kind, right):
    worker = Worker(1, SPECS[kind]._asdict())
    for mode in MODES:
        ready = worker.prepare(SMALL, "float32", mode, right)
        assert ready["error"] < 1e-6
        assert 0 < worker.time(2) < 10


def test_a_side_that_was_right_is_refused_when_its_next_problem_is_wrong(right):
    worker = Worker(1, faulty("")._asdict())
    worker.prepare(SMALL, "float32", "train", right)
    worker.side.fault = "NaN"
    with pytest.raises(Wrong):
        worker.prepare(SMALL, "float32", "train", right)
    with pytest.raises(Wrong):
        worker.time(1)


def test_what_a_side_does_not_offer_is_no_error(right):
    worker = Worker(1, SPECS["readable"]._replace(dtypes=("float64",))._asdict())
    with pytest.raises(NotOffered, match="does not offer float32 train"):
        worker.prepare(SMALL, "float32", "train", right)
    missing = Spec("a test", "tests.full_runs.no_such_module:Side")
    with pytest.raises(NotOffered, match="is not installed"):
        make(missing, 1)


# ---- processes -----------------------------------------------------------------------------------


class OnlyThese(References):
    """References that are there already."""

    def __init__(self, path):
        self.path = path

    def file(self, case, dtype, last=False):
        return self.path


def test_right_sides_are_timed_in_rounds_and_wrong_ones_named(right):
    said = []
    with Children(said.append) as children:
        children.start_sides({"right": SPECS["readable"], "wrong": faulty("dead gradient")})
        children.start_sides({"dies": faulty("dies"), "missing": Spec("a test", "no_module:Side")})
        orders = dict.fromkeys(children.running, Order(SMALL, "float32"))
        cell = race(children, OnlyThese(right), orders, 3)
        assert set(cell["seconds"]) == {"right/1"}, cell
        assert len(cell["seconds"]["right/1"]) == 3
        assert cell["wrong"]["wrong/1"].startswith("dU0 is off by 1.0e+00")
        assert cell["wrong"]["dies/1"] == "its process ended with 3"
        assert children.left_out == {"missing/1": "no_module is not installed"}
    assert any("wrong/1 is WRONG and is not timed" in line for line in said)
    assert wrong({"cells": {"A": cell}})
    assert not wrong({"cells": {"A": {**cell, "wrong": {}}}})


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_the_peak_counts_what_is_returned_and_what_was_needed_on_the_way():
    spec = Spec("a test", "tests.full_runs.faulty_sides:Hoarder")
    child = Child(SIDE, 1, spec=spec._asdict())
    try:
        order = Order(SMALL, "float64")._asdict()
        mib = child.ask("peak", **order)["bytes"] / 2**20
    finally:
        child.close()
    assert 47 < mib < 52 or 71 < mib < 76  # NumPy may or may not add in place


def test_a_failing_worker_says_what_failed():
    child = Child(SIDE, 1, spec=SPECS["readable"]._asdict())
    try:
        with pytest.raises(WrongResult, match="FileNotFoundError"):
            child.ask("prepare", case=SMALL, dtype="float32", mode="train", reference="none.npz")
        assert child.versions == {"numpy": np.__version__}
    finally:
        child.close()


# ---- training ------------------------------------------------------------------------------------


def test_a_training_with_other_losses_is_refused(monkeypatch):
    class History:
        train_loss = (1.0, 0.5)

    monkeypatch.setitem(fits.JOBS, "demo", lambda run: run())
    fitter = fits.Fitter(1, "readable")
    fitter.fit = lambda **named: History
    assert fitter.prepare("demo", None) == {"losses": (1.0, 0.5)}
    fitter.prepare("demo", [1.0, 0.5 * (1 + 1e-7)])
    with pytest.raises(Wrong, match="a loss is off by"):
        fitter.prepare("demo", [1.0, 0.501])
    assert fitter.time(2) > 0


def test_what_stands_for_japanese_vowels_has_its_sizes():
    samples = fits.vowels()
    lengths = samples.mask.sum(1)
    assert samples.x.shape == (270, 26, 12)
    assert (lengths.min(), lengths.max()) == (7, 26)
    assert np.array_equal(np.bincount(samples.y), [30] * 9)


# ---- the command and the page --------------------------------------------------------------------


def test_the_page_shows_what_is_kept():
    text = page.PAGE.read_text(encoding="utf-8")
    assert page.filled(text) == text


def test_the_page_is_filled_from_files(tmp_path):
    empty = "".join(f"<!-- {part} -->\nolder\n<!-- end of {part} -->\n" for part in page.PARTS)
    assert page.filled(empty, tmp_path).count(page.NOT_MEASURED) == len(page.PARTS)
    kept = {
        "machine": "a machine",
        "load": "0.1",
        "date": "today",
        "blas": "a BLAS",
        "threads": "one",
        "commit": "0123456789abcdef",
        "command": "a command",
        "versions": {"numpy": "2"},
        "changed_since_commit": [],
        "figures": {"rounds": 4, "seconds": {"auto float32": {"T=50": [0.5] * 4}}},
    }
    page.file_of("growth", tmp_path).write_text(json.dumps(kept))
    found = page.filled(empty, tmp_path)
    assert "| auto float32 | 500 |" in found
    assert "a machine; load before the run 0.1" in found
    assert page.filled(found, tmp_path) == found
    with pytest.raises(AssertionError, match="no place for"):
        page.filled("a page without places")


def test_figures_are_replaced_only_if_told_so(tmp_path, capsys):
    page.file_of("growth", tmp_path).write_text("older")
    for words in (["growth", "--json", str(tmp_path)], ["nothing"], ["--rounds", "0"]):
        with pytest.raises(SystemExit) as left:
            main(words)
        assert left.value.code == 2
    assert "--overwrite replaces it" in capsys.readouterr().err
    assert page.file_of("growth", tmp_path).read_text() == "older"


@pytest.mark.frameworks
@pytest.mark.parametrize("name", [name for name in SPECS if name not in ("wavefront", "floor")])
def test_every_side_is_right(name, tmp_path):
    order = Order(SMALL, SPECS[name].dtypes[0], SPECS[name].modes[-1])
    path = References(tmp_path).file(SMALL, order.dtype)
    try:
        child = Child(SIDE, 1, spec=SPECS[name]._asdict())
    except NotOffered as why:
        pytest.skip(str(why))
    try:
        ready = child.ask("prepare", reference=path, **order._asdict())
    finally:
        child.close()
    assert ready["error"] < (1e-6 if order.dtype == "float32" else 1e-14)


def test_curves_are_drawn_with_the_points_that_were_measured(tmp_path):
    cell = {"seconds": {"auto/1": [0.002, 0.004, 0.003], "torch/2": [0.001] * 3}}
    cells = {f"float32 {letter}=16": cell for letter in "BHL"}
    held = {"T=250": {"bytes": {"auto": [2**20], "checkpointed": [2**19]}}}
    figures = {"cells": cells, "memory": held}
    assert curves.points(cells, "float32", "H", "auto") == [(16, 3.0)]
    assert curves.points(cells, "float32", "T", "auto") == []
    assert curves.drawn(figures) == ["auto", "torch", "checkpointed"]
    written = [path.name for path in curves.draw(figures, tmp_path)]
    assert written == ["curves_float32.png", "curves_memory.png"]
    assert set(written) <= set(curves.PICTURES)
    assert "| H=16 | 3 | 1 |" in curves.tables(figures)
    assert "| T=250 | 1.0 |  | 0.5 |" in curves.tables(figures)
