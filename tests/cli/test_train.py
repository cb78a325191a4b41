"""``npstack train`` and ``predict``: what a run leaves behind, and its figures."""

import json
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest

from npstack.baselines import NGram
from npstack.cli import learning, runs
from npstack.cli import main as cli
from npstack.cli.tasks import SYSTEM, TASKS, forecast
from npstack.core import params
from npstack.data import split_by_time
from npstack.text import Vocabulary, bits_per_character
from tests.cli.small_runs import (
    CLASSIFY,
    COMMANDS,
    FOLDERS,
    FORECAST,
    RHYME,
    SHORT,
    TEXT,
    kept,
    learn_all,
    npstack,
    put_files,
    rows,
    sales,
    signs,
)


@pytest.fixture(autouse=True)
def workplace(tmp_path, monkeypatch):
    """Three small files in a folder of their own."""
    monkeypatch.chdir(tmp_path)
    put_files(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """A run of each task, made once; `copy_of` it is quicker than another one."""
    return learn_all(tmp_path_factory.mktemp("learned"))


@pytest.fixture
def copy_of(learned, workplace):
    """Copy the run of a task to here."""
    return lambda task: shutil.copytree(learned / FOLDERS[task], workplace / FOLDERS[task])


# ---- what a run leaves behind ------------------------------------------------------------------


@pytest.mark.parametrize("task", TASKS)
def test_a_run_explains_itself(task, workplace, capsys):
    assert npstack(COMMANDS[task] + " --epochs 2 --seed 4") == cli.OK
    folder = workplace / FOLDERS[task]
    names = {path.name for path in folder.iterdir()}
    assert {"README.txt", "config.json", "metrics.json", "checkpoint.npz", "training.png"} <= names
    own = {"forecast": "forecasts", "classify": "confusion", "text": "characters"}[task]
    assert f"{own}.png" in names
    assert all((folder / name).stat().st_size > 5_000 for name in names if name.endswith(".png"))
    config = json.loads((folder / "config.json").read_text())
    assert (config["task"], config["options"]["seed"]) == (task, 4)
    assert config["data"]["path"] == str(workplace / COMMANDS[task].split()[1])
    readme = (folder / "README.txt").read_text().splitlines()
    assert len(readme) == 5
    assert f"npstack train --resume --out {folder.name}" in readme[-1]
    metrics = json.loads((folder / "metrics.json").read_text())
    assert SYSTEM in metrics["scores"]
    assert len(metrics["scores"]) > 2
    assert len(metrics["history"]["epochs"]) == 2
    told = capsys.readouterr()
    assert all(name in told.out for name in metrics["scores"])
    assert f"npstack predict {folder.name}" in told.out
    assert "epoch" in told.err


@pytest.mark.parametrize("task", TASKS)
def test_every_option_is_read_back_as_it_was(task):
    npstack(
        COMMANDS[task] + " --epochs 1 --dropout 0.25 --learning-rate 0.02 --quiet --no-pictures"
    )
    run = runs.open_run(Path(FOLDERS[task]))
    expected = {option.name: option.default for option in TASKS[task].OPTIONS}
    typed = {"epochs": 1, "dropout": 0.25, "learning_rate": 0.02}
    words = shlex.split(COMMANDS[task])[4:]
    for flag, text in zip(words[::2], words[1::2], strict=True):
        name = flag.strip("-").replace("-", "_")
        (option,) = (o for o in TASKS[task].OPTIONS if o.name == name)
        typed[name] = option.read(text)
    assert run.options == expected | typed


@pytest.mark.parametrize("task", TASKS)
def test_what_a_model_needs_is_known_before_it_is_built(task, copy_of):
    run = runs.open_run(copy_of(task))
    assert TASKS[task].numbers(run.facts, run.options) == params.count(learning.build(run).params)


def test_quiet_is_quiet(capsys, copy_of):
    copy_of("forecast")
    npstack("predict sales-forecast sales.csv --out classes.csv --quiet")
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("task", TASKS)
def test_the_test_part_teaches_nothing(task, workplace):
    npstack(COMMANDS[task] + SHORT + " --out first")
    if task == "forecast":
        lines = sales().splitlines()
        start = 1 + split_by_time(80, train=56, validation=12).test.start
        changed = [f"{line.split(',')[0]},99.5,-3" for line in lines[start:]]
        (workplace / "sales.csv").write_text("\n".join([*lines[:start], *changed]) + "\n")
    elif task == "classify":
        options = runs.open_run(Path("first")).options
        tested = TASKS[task].prepare(workplace / "signs.csv", options).data.ids
        lines = signs().splitlines()
        for k, line in enumerate(lines):
            name, *_, label = line.split(",")
            if name in tested:
                lines[k] = f"{name},7,-7,{label}"
        assert 0 < len(tested) < 8
        (workplace / "signs.csv").write_text("\n".join(lines) + "\n")
    else:
        stop = len(RHYME) - round(0.05 * len(RHYME))
        (workplace / "rhyme.txt").write_text(RHYME[:stop] + RHYME[stop:][::-1])
    npstack(COMMANDS[task] + SHORT + " --out second")
    assert kept("first") == kept("second")
    scores = [
        json.loads((workplace / f / "metrics.json").read_text())["scores"]
        for f in ("first", "second")
    ]
    assert scores[0] != scores[1]


# ---- figures -----------------------------------------------------------------------------------


def test_forecast_figures_are_those_of_the_predictions(workplace, capsys, copy_of):
    copy_of("forecast")
    metrics = json.loads((workplace / "sales-forecast/metrics.json").read_text())
    assert npstack("predict sales-forecast sales.csv") == cli.OK
    told = capsys.readouterr()
    assert "76 forecasts; the last lies beyond the end of sales.csv" in told.err
    sold = np.array([float(row["sold"]) for row in rows(sales())])
    found = rows(told.out)
    assert [int(row["after row"]) for row in found] == list(range(5, 81))
    test = split_by_time(80, train=56, validation=12).test
    last = np.arange(test.start - 1, test.stop - 3)  # row that is read last, from 0
    truth = np.stack([sold[last + a] for a in (1, 2, 3)], axis=1)
    said = np.array([[float(found[k - 4][f"sold +{a}"]) for a in (1, 2, 3)] for k in last])
    by_horizon = np.sqrt(np.mean((said - truth) ** 2, axis=0))
    np.testing.assert_allclose(metrics["details"]["rmse by horizon"][SYSTEM], by_horizon, rtol=1e-8)
    assert metrics["scores"][SYSTEM] == pytest.approx(np.sqrt(np.mean((said - truth) ** 2)))
    naive = np.sqrt(np.mean((sold[last][:, np.newaxis] - truth) ** 2))
    assert metrics["scores"]["persistence"] == pytest.approx(naive)
    assert "steps 68 to 79" in metrics["measure"]


def test_the_linear_opponent_is_the_best_ridge_on_the_validation_part(workplace):
    options = {o.name: o.default for o in forecast.OPTIONS} | {"target": "sold", "window": 4}
    problem = forecast.prepare(workplace / "sales.csv", options)
    parts = [part.samples for part in problem.data[:3]]
    best, least = None, np.inf
    for penalty in forecast.PENALTIES:
        X, Y = parts[0].x.reshape(len(parts[0].x), -1), parts[0].y
        X = np.column_stack([X, np.ones(len(X))])
        extra = np.sqrt(penalty) * np.eye(X.shape[1])[:-1]  # least squares with more rows is ridge
        A, y = np.vstack([X, extra]), np.vstack([Y, np.zeros((len(extra), Y.shape[1]))])
        w = np.linalg.lstsq(A, y, rcond=None)[0]
        said = [np.column_stack([p.x.reshape(len(p.x), -1), np.ones(len(p.x))]) @ w for p in parts]
        error = np.mean((said[1] - parts[1].y) ** 2)
        if error < least:
            best, least = said[2], error
    np.testing.assert_allclose(forecast.linear(*parts), best, rtol=1e-8)


def test_an_npz_file_of_columns_gives_the_same_forecasts(workplace):
    table = rows(sales())
    columns = {name: np.array([float(row[name]) for row in table]) for name in ("sold", "rain")}
    np.savez(workplace / "sales.npz", **columns)
    npstack(FORECAST + SHORT + " --out first")
    npstack(FORECAST.replace(".csv", ".npz") + SHORT + " --out second")
    assert kept("first") == kept("second")


def test_missing_values_are_refused_or_masked(workplace, capsys):
    lines = sales().splitlines()
    for k in (20, 21, 75):
        lines[k] = lines[k].rsplit(",", 2)[0] + ",,0.5"
    (workplace / "sales.csv").write_text("\n".join(lines) + "\n")
    assert npstack(FORECAST + SHORT) == cli.BAD_DATA
    told = capsys.readouterr().err
    assert "line 21, column 2 ('sold')" in told
    assert "--missing mask" in told
    assert npstack(FORECAST + SHORT + " --missing mask --out masked") == cli.OK
    metrics = json.loads((workplace / "masked/metrics.json").read_text())
    sold = np.array([float(row["sold"] or "nan") for row in rows("\n".join(lines))])
    errors = []
    for last in range(67, 77):
        truth = sold[last + 1 : last + 4]
        if not np.isnan(truth).any():
            before = sold[: last + 1]
            errors.append((before[~np.isnan(before)][-1] - truth) ** 2)
    assert metrics["scores"]["persistence"] == pytest.approx(np.sqrt(np.mean(errors)))
    npstack("predict masked sales.csv --quiet")
    assert all(np.isfinite(float(row["sold +1"])) for row in rows(capsys.readouterr().out))


def test_classes_are_told_beside_the_most_frequent_one(workplace, capsys, copy_of):
    copy_of("classify")
    metrics = json.loads((workplace / "signs-classify/metrics.json").read_text())
    confused = np.array(metrics["details"]["confusion matrix"])
    wrong = 1 - np.trace(confused) / confused.sum()
    assert metrics["scores"][SYSTEM] == pytest.approx(wrong)
    assert metrics["details"]["classes"] == ["a", "b", "c"]
    usual = 1 - confused[1].sum() / confused.sum()
    assert metrics["scores"]["most frequent class (b)"] == pytest.approx(usual)
    unlabelled = "\n".join(line.rsplit(",", 1)[0] for line in signs(7, seed=3).splitlines())
    (workplace / "new.csv").write_text(unlabelled + "\n")
    capsys.readouterr()
    assert npstack("predict signs-classify new.csv") == cli.OK
    found = rows(capsys.readouterr().out)
    assert [row["sequence"] for row in found] == [f"s{k}" for k in range(7)]
    for row in found:
        shares = {name: float(row[f"p({name})"]) for name in "abc"}
        assert sum(shares.values()) == pytest.approx(1, abs=2e-4)
        assert row["class"] == max(shares, key=shares.get)


def test_columns_of_classes_and_sequences_may_have_any_name(workplace):
    changed = signs().replace("sequence,u,v,label", "who,u,v,sign")
    (workplace / "signs.csv").write_text(changed)
    assert npstack(CLASSIFY + SHORT + " --sequence who --target sign --inputs u") == cli.OK
    assert npstack("predict signs-classify signs.csv --quiet") == cli.OK
    config = json.loads((workplace / "signs-classify/config.json").read_text())
    assert config["facts"]["features"] == ["u"]


def test_bits_are_told_beside_ngrams_and_compressors(workplace, capsys, copy_of):
    copy_of("text")
    metrics = json.loads((workplace / "rhyme-text/metrics.json").read_text())
    vocabulary = Vocabulary.of(RHYME)
    ids = vocabulary.encode(RHYME)
    held_out = round(0.05 * len(ids))
    unseen = ids[-held_out:]
    by_order = NGram(ids[: -2 * held_out], 6, len(vocabulary)).bits_per_character(unseen)
    np.testing.assert_allclose(metrics["details"]["n-gram by order"], by_order)
    assert metrics["scores"]["frequencies alone (order 0)"] == pytest.approx(by_order[0])
    model, _ = learning.trained(runs.open_run(Path("rhyme-text")))
    assert metrics["scores"][SYSTEM] == pytest.approx(bits_per_character(model, unseen))
    (workplace / "unseen.txt").write_text(vocabulary.decode(unseen))
    capsys.readouterr()
    assert npstack("predict rhyme-text unseen.txt") == cli.OK
    told = capsys.readouterr()
    bits = [float(row["bits"]) for row in rows(told.out)]
    assert np.mean(bits) == pytest.approx(metrics["scores"][SYSTEM], abs=1e-4)
    assert f"{metrics['scores'][SYSTEM]:.4f} bits per character" in told.err
    second = rows(told.out)[0]
    assert (second["line"], second["column"]) == ("1", "2")
    assert second["character"] == vocabulary.decode(unseen)[1]


def test_text_is_written_from_a_prompt_at_a_temperature(capsys, copy_of):
    copy_of("text")

    def write(options):
        assert npstack(f"predict rhyme-text {options}") == cli.OK
        return capsys.readouterr().out

    first = write("--prompt 'the ' --length 30 --seed 1")
    assert first.startswith("the ")
    assert len(first) == len("the ") + 30 + 1
    assert first == write("--prompt 'the ' --length 30 --seed 1")
    assert first != write("--prompt 'the ' --length 30 --seed 2")
    cold = [write(f"--temperature 0 --length 9 --seed {seed}") for seed in (1, 2)]
    assert cold[0] == cold[1]


def test_unknown_characters_are_placed_or_replaced(workplace, capsys, copy_of):
    copy_of("text")
    (workplace / "odd.txt").write_text("the cat\nsaß")
    assert npstack("predict rhyme-text odd.txt") == cli.BAD_DATA
    told = capsys.readouterr().err
    assert "'ß' (U+00DF) at line 2, column 3" in told
    assert "npstack train … --replacement '?'" in told
    npstack(TEXT + SHORT + " --replacement . --out second")
    assert npstack("predict second odd.txt") == cli.OK
