"""What ``npstack train`` and ``npstack demo`` draw of a model's inside."""

import numpy as np
import pytest

from npstack.cli.tasks import forecast, text
from tests.cli.small_runs import RHYME, put_files, sales
from tests.plots.drawn import assert_drawable, cells, panels


def small(tmp_path, rows="", **options):
    """A forecasting problem and its model, untrained, and the picture of its activations."""
    put_files(tmp_path)
    if rows:
        (tmp_path / "sales.csv").write_text(rows)
    chosen = {o.name: o.default for o in forecast.OPTIONS}
    chosen |= {"target": "sold", "window": 5, "layers": [4, 3], **options}
    problem = forecast.prepare(tmp_path / "sales.csv", chosen)
    model = forecast.build(problem.facts, chosen, np.random.default_rng(0))
    return problem, model, dict(forecast.pictures(model, problem, chosen))["activations"]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_whole_test_part_is_drawn_not_one_window(tmp_path, dtype):
    problem, model, picture = small(tmp_path, dtype=dtype)
    test = problem.data.test
    first, last = test.positions.inputs[0, 0], test.positions.inputs[-1, -1]
    output, upper, lower, inputs = panels(picture)
    assert inputs.get_xlim() == (first - 0.5, last + 0.5)
    assert cells(lower).shape == (last - first + 1, 4)
    assert last - first + 1 > 3 * 5
    # Over the first window, the states are those of the model that was trained.
    tape = model.forward(test.samples.x[:1].astype(dtype))
    np.testing.assert_allclose(cells(upper)[:5], tape.layers[1].states.h[0], rtol=0, atol=1e-6)
    lines = {line.get_label(): line for line in output.lines}
    forecasts = lines["sold 1 step ahead"].get_ydata()
    assert forecasts[4] == pytest.approx(tape.outputs[0, 0], abs=1e-6)
    truth = lines["truth, 1 step later"].get_ydata()
    np.testing.assert_allclose(truth[4 : 4 + len(test)], test.samples.y[:, 0], rtol=1e-6)
    assert_drawable(picture)


def test_several_horizons_are_lines_without_a_truth_and_many_a_heat_map(tmp_path):
    output = panels(small(tmp_path, horizon=2)[2])[0]
    assert [line.get_label() for line in output.lines] == [
        "sold 1 step ahead",
        "sold 2 steps ahead",
    ]
    _, _, picture = small(tmp_path, horizon=8)
    assert cells(panels(picture)[0]).shape[1] == 8
    rows = [label.get_text() for label in panels(picture)[0].get_yticklabels()]
    assert rows == ["1 step ahead", "4 steps ahead", "8 steps ahead"]
    assert_drawable(picture)


def test_the_ends_of_the_axis_have_their_dates(tmp_path):
    head, *lines = sales().splitlines()
    first = np.datetime64("2004-01-01")
    dated = [f"{first + k},{line.partition(',')[2]}" for k, line in enumerate(lines)]
    problem, model, picture = small(tmp_path, rows="\n".join([head, *dated]) + "\n")
    read = problem.data.test.positions.inputs
    ends = "; ".join(f"{step}: {first + step}" for step in (read[0, 0], read[-1, -1]))
    label = f"time step of the test part ({ends})"
    assert panels(picture)[-1].get_xlabel().replace("\n", " ") == label
    assert_drawable(picture)
    options = {o.name: o.default for o in forecast.OPTIONS} | {"target": "sold", "window": 5}
    drawn = dict(forecast.pictures(model, problem, options | {"layers": [4, 3]}))["forecasts"]
    assert f"79: {first + 79})" in panels(drawn)[-1].get_xlabel().replace("\n", " ")


def test_missing_values_are_hatched(tmp_path):
    lines = sales().splitlines()
    lines[75] = "day 74,,0.5"
    _, _, picture = small(tmp_path, rows="\n".join(lines) + "\n", missing="mask")
    for ax in panels(picture):
        (hatched,) = [patch for patch in ax.patches if patch.get_hatch()]
        assert (hatched.get_x(), hatched.get_width()) == (73.5, 1)


def test_of_a_long_test_part_the_beginning_is_drawn(tmp_path, monkeypatch):
    monkeypatch.setattr(forecast, "MOST_READ", 8)
    _, _, picture = small(tmp_path)
    bottom = panels(picture)[-1]
    assert bottom.get_xlim()[1] - bottom.get_xlim()[0] == 8
    said = bottom.get_xlabel().replace("\n", " ")
    assert said == "time step (first 8 steps of the test part, read in one go)"


def test_of_a_character_model_the_slowest_units_are_drawn(tmp_path):
    put_files(tmp_path)
    options = {o.name: o.default for o in text.OPTIONS} | {"layers": [9, 4], "span": 8}
    problem = text.prepare(tmp_path / "rhyme.txt", options)
    model = text.build(problem.facts, options, np.random.default_rng(0))
    picture = dict(text.pictures(model, problem, options))["characters"]
    _, upper, lower = panels(picture)
    assert lower.get_title(loc="left") == "layer 0 · 9 units, the 6 slowest"
    assert upper.get_title(loc="left") == "layer 1 · 4 units, the slowest at the bottom"
    assert len(lower.get_xticks()) == min(text.SHOWN, len(RHYME) - problem.data.validation)
    assert_drawable(picture)
