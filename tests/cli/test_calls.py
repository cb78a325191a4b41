"""Wrong calls of ``npstack train``, ``predict`` and ``plot``; their help, pictures, and a demo."""

import json
import shlex
import shutil

import numpy as np
import pytest

from npstack import plots
from npstack.cli import main as cli
from npstack.cli import runs
from npstack.cli.commands import demo_text, plot, predict, train
from npstack.cli.tasks import forecast
from npstack.data import Text
from tests.cli.small_runs import (
    CLASSIFY,
    FOLDERS,
    FORECAST,
    RHYME,
    SHORT,
    TEXT,
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


# ---- wrong calls -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("train", cli.USAGE, "DATA and --task"),
        ("train sales.csv", cli.USAGE, "no --task"),
        ("train sales.csv --task fly", cli.USAGE, "fly"),
        ("train sales.csv --task forecast", cli.USAGE, "'sold', 'rain'"),
        ("train sales.csv --task forecast --target sould", cli.BAD_DATA, "Did you mean 'sold'"),
        ("train sales.csv --task forecast --target day", cli.BAD_DATA, "'day 0'"),
        (FORECAST + " --inputs rian", cli.BAD_DATA, "Did you mean 'rain'"),
        (FORECAST + " --window 60", cli.BAD_DATA, "window + horizon = 60 + 3"),
        (FORECAST + " --horizon 13", cli.BAD_DATA, "Shorten --window or --horizon"),
        (FORECAST + " --temperature 1", cli.USAGE, "temperature"),
        (FORECAST + " --span 8", cli.USAGE, "--span must go with a task that has it, text"),
        (FORECAST + " --layers 4,0", cli.USAGE, "--layers"),
        (FORECAST + " --learning-rate 0", cli.USAGE, "above 0"),
        (FORECAST + " --dropout 1", cli.USAGE, "below 1"),
        (FORECAST + " --validation 0.6 --test 0.35", cli.BAD_DATA, "for training"),
        (FORECAST + " --schedule sine", cli.USAGE, "constant or cosine"),
        (FORECAST + " --inputs sold,,rain", cli.USAGE, "names with commas"),
        (FORECAST.replace("sales", "none"), cli.BAD_DATA, "none.csv"),
        (FORECAST.replace("sales.csv", "rhyme.txt"), cli.BAD_DATA, "rhyme.txt"),
        (CLASSIFY + " --target lable", cli.BAD_DATA, "'label', got 'lable'"),
        (CLASSIFY + " --target sequence", cli.USAGE, "three columns"),
        (CLASSIFY + " --validation 0.5 --test 0.5", cli.USAGE, "leave something to train on"),
        (TEXT + " --batch-size 64", cli.BAD_DATA, "64 · 8 characters for training"),
        (TEXT + " --replacement ab", cli.USAGE, "single character"),
        ("train --resume", cli.USAGE, "--resume needs --out"),
        ("train --resume --out nowhere", cli.BAD_DATA, "no such folder"),
        ("train sales.csv --task forecast --target sold --out .", cli.USAGE, "new or empty"),
        ("predict nowhere", cli.BAD_DATA, "no such folder"),
        ("predict .", cli.BAD_DATA, "no config.json"),
        ("plot nowhere", cli.BAD_DATA, "no such folder"),
        ("predict", cli.USAGE, "RUN"),
    ],
)
def test_wrong_calls_are_told_and_leave_no_folder(line, code, words, workplace, capsys):
    before = sorted(workplace.iterdir())
    assert npstack(line) == code
    assert words in capsys.readouterr().err
    assert sorted(workplace.iterdir()) == before


def test_nothing_is_overwritten(workplace, capsys, copy_of):
    copy_of("forecast")
    before = {path: path.read_bytes() for path in (workplace / "sales-forecast").iterdir()}
    assert npstack(FORECAST + SHORT) == cli.USAGE
    told = capsys.readouterr().err
    assert "a run that is there already" in told
    assert "npstack train --resume --out sales-forecast" in told
    assert npstack("predict sales-forecast sales.csv --out signs.csv") == cli.USAGE
    assert "'signs.csv', which exists" in capsys.readouterr().err
    assert (workplace / "signs.csv").read_text() == signs()
    assert before == {path: path.read_bytes() for path in (workplace / "sales-forecast").iterdir()}


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("train --resume --out RUN --task text", cli.USAGE, "that of the run, forecast"),
        ("train --resume --out RUN --layers 9", cli.USAGE, "--layers must be that of the run, 4,3"),
        ("train --resume --out RUN --span 9", cli.USAGE, "text"),
        ("train signs.csv --resume --out RUN", cli.BAD_DATA, "signs.csv with other bytes"),
        ("train --resume --out RUN --epochs 1", cli.BAD_DATA, "epochs=1"),
        ("predict RUN", cli.USAGE, "give the table"),
        ("predict RUN signs.csv", cli.BAD_DATA, "'sequence', 'u', 'v', 'label', got 'sold'"),
        ("predict RUN sales.csv --temperature 1", cli.USAGE, "--temperature must go with"),
        ("predict RUN rhyme.txt", cli.BAD_DATA, "rhyme.txt"),
        ("predict RUN none.csv", cli.BAD_DATA, "none.csv"),
        ("plot RUN signs.csv", cli.BAD_DATA, "other bytes"),
    ],
)
def test_a_run_is_used_as_what_it_is(line, code, words, capsys, copy_of):
    copy_of("forecast")
    assert npstack(line.replace("RUN", "sales-forecast")) == code
    assert words in capsys.readouterr().err


def test_a_cosine_that_is_made_for_some_epochs_is_not_stretched(capsys):
    npstack(TEXT + " --epochs 1 --quiet --no-pictures")
    assert npstack("train --resume --out rhyme-text --epochs 2") == cli.USAGE
    assert "The cosine was made for 1 epochs" in capsys.readouterr().err


def test_data_that_have_changed_or_moved_are_noticed(workplace, capsys):
    npstack(FORECAST + SHORT)
    (workplace / "sales.csv").rename(workplace / "moved.csv")
    assert npstack("plot sales-forecast") == cli.BAD_DATA
    assert "Has it been moved?" in capsys.readouterr().err
    assert npstack("plot sales-forecast moved.csv") == cli.OK
    assert npstack("predict sales-forecast moved.csv --quiet") == cli.OK  # needs no old data
    (workplace / "sales.csv").write_text(sales(seed=1))
    assert npstack("train --resume --out sales-forecast") == cli.BAD_DATA
    assert "other bytes" in capsys.readouterr().err


def test_a_damaged_checkpoint_is_refused(workplace, capsys, copy_of):
    copy_of("forecast")
    path = workplace / "sales-forecast/checkpoint.npz"
    whole = path.read_bytes()
    for damaged in (whole[:-200], whole[:500] + bytes([whole[500] ^ 1]) + whole[501:], b""):
        path.write_bytes(damaged)
        for line in ("predict sales-forecast sales.csv", "train --resume --out sales-forecast"):
            assert npstack(line) == cli.BAD_DATA
            assert "checkpoint.npz" in capsys.readouterr().err
        assert path.read_bytes() == damaged
    path.unlink()
    (workplace / "sales-forecast/checkpoint.npz.previous").unlink()
    assert npstack("predict sales-forecast sales.csv") == cli.BAD_DATA
    assert "a trained run holds checkpoint.npz" in capsys.readouterr().err


def test_advice_is_what_one_can_type(workplace, capsys):
    lines = sales().splitlines()
    for changed, advice in [
        ([lines[0], "x,1.5;2,7"], "line 2"),
        (["day,sold,3", *lines[1:]], "Give every column a name"),
        ([lines[0].replace(",", ";"), "x;1,5;2,5"], "--decimal ,"),
    ]:
        (workplace / "sales.csv").write_text("\n".join(changed) + "\n")
        assert npstack(FORECAST) == cli.BAD_DATA
        assert advice in capsys.readouterr().err


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"task": "forecast"', '"task": "fly"', "task 'fly'"),
        ('"format": "npstack-run"', '"format": "other"', "other"),
        ('"version": 1', '"version": 2', "'version': 2"),
        ('"window": 5', '"window": -5', "window must be a whole number of at least 1"),
        ('"window": 5', '"window": [[]]', "window must be a whole number"),
        ('"options": {', '"options": 7, "x": {', "as npstack wrote it"),
        ('"facts": {', '"x": {', "facts"),
        ('"horizon": 3', '"horizon": 4', "4"),
        ("}", "", "JSON"),
    ],
)
def test_a_config_that_was_spoilt_is_refused(old, new, words, workplace, capsys, copy_of):
    copy_of("forecast")
    path = workplace / "sales-forecast/config.json"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    assert npstack("predict sales-forecast sales.csv") == cli.BAD_DATA
    told = capsys.readouterr()
    assert words in told.err
    assert not told.out


@pytest.mark.parametrize("value", [None, 7, [], {}, {"columns": ["sold"]}, "x"])
def test_facts_that_were_spoilt_are_refused(value, workplace, capsys, copy_of):
    copy_of("forecast")
    path = workplace / "sales-forecast/config.json"
    config = json.loads(path.read_text())
    for facts in (value, config["facts"] | {"columns": value}, config["facts"] | {"scaler": value}):
        path.write_text(json.dumps(config | {"facts": facts}))
        assert npstack("predict sales-forecast sales.csv") == cli.BAD_DATA
        assert "config.json" in capsys.readouterr().err


def test_classes_need_two_and_one_for_each_part(workplace, capsys):
    text = signs()
    (workplace / "signs.csv").write_text(text.replace(",a\n", ",b\n").replace(",c\n", ",b\n"))
    assert npstack(CLASSIFY + SHORT) == cli.BAD_DATA
    assert "at least 2 classes" in capsys.readouterr().err
    (workplace / "signs.csv").write_text(text + "last,1,2,rare\n")
    assert npstack(CLASSIFY + SHORT) == cli.BAD_DATA
    assert "'rare'" in capsys.readouterr().err
    (workplace / "signs.csv").write_text(text.replace(",0.", ",0;"))
    assert npstack(CLASSIFY + SHORT) == cli.BAD_DATA
    assert "line 2" in capsys.readouterr().err


# ---- help, pictures, demo ----------------------------------------------------------------------


@pytest.mark.parametrize("module", [train, predict, plot])
def test_the_examples_in_the_help_are_commands(module, capsys):
    name = module.__name__.rsplit(".", 1)[1]
    assert npstack(f"{name} --help") == cli.OK
    shown = capsys.readouterr().out
    lines = [line.strip() for line in module.EXAMPLES.splitlines()[1:]]
    assert len(lines) >= 2
    for line in lines:
        assert line in shown
        words = shlex.split(line.split("   ")[0])
        given = cli._parser().parse_args(words[1:])
        assert given.run is module.run


def test_defaults_in_the_help_are_those_of_the_tasks(capsys):
    npstack("train --help")
    shown = " ".join(capsys.readouterr().out.split())
    assert "(default 60; text: 10)" in shown  # --epochs
    assert "(default 32; classify: 16)" in shown  # --batch-size
    assert "(default classify: label)" in shown  # --target
    assert "(default 0.0)" in shown  # --dropout
    assert "for --task forecast" in shown
    assert "for --task forecast and classify" in shown


def test_pictures_are_drawn_again(workplace, capsys):
    npstack(CLASSIFY + " --epochs 1 --quiet")
    first = (workplace / "signs-classify/confusion.png").read_bytes()
    assert npstack("plot signs-classify --out drawn/here") == cli.OK
    names = {path.name for path in (workplace / "drawn/here").iterdir()}
    assert names == {"training.png", "confusion.png", "activations.png"}
    assert capsys.readouterr().out.count(".png") == 3
    assert (workplace / "drawn/here/confusion.png").read_bytes() == first


def test_the_text_demo_is_a_run(workplace, monkeypatch, capsys):
    monkeypatch.setattr(demo_text, "load", lambda name: Text(RHYME + "\n\n" + RHYME, "a rhyme"))
    small = {"layers": [4], "epochs": 1, "batch_size": 4, "span": 8}
    monkeypatch.setattr(demo_text, "SETTINGS", small)
    assert npstack("demo text --seed 3") == cli.OK
    assert "bits per character" in capsys.readouterr().out.lower()
    folder = workplace / "npstack-demo-text"
    assert (folder / "pydoc.txt").read_text() == RHYME.rstrip("\n")  # every paragraph once
    assert npstack("demo text") == cli.USAGE
    assert npstack(f"predict {folder.name} --length 5") == cli.OK
    assert runs.open_run(folder).options["seed"] == 3


def test_forecast_pictures_stand_at_the_step_that_is_told(workplace):
    options = {o.name: o.default for o in forecast.OPTIONS}
    options |= {"target": "sold", "window": 4, "horizon": 3, "layers": [3]}
    problem = forecast.prepare(workplace / "sales.csv", options)
    model = forecast.build(problem.facts, options, np.random.default_rng(0))
    pictures = dict(forecast.pictures(model, problem, options))
    assert set(pictures) == {"forecasts", "errors_by_horizon", "activations"}
    sold = np.array([float(row["sold"]) for row in rows(sales())])
    for ax, ahead in zip(pictures["forecasts"].axes, (1, 2, 3), strict=True):
        lines = {line.get_label(): line.get_xydata() for line in ax.lines}
        steps, truth = lines["truth"].T
        np.testing.assert_allclose(truth, sold[steps.astype(int)])
        at, naive = lines["persistence"][~np.isnan(lines["persistence"][:, 1])].T
        np.testing.assert_allclose(naive, sold[at.astype(int) - ahead])
    assert isinstance(pictures["activations"], plots.diagram(model).__class__)
