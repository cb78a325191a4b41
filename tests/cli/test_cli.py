"""The command line: exit codes, files, silence, and a demo on real data."""

import io
import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from npstack.cli import demo
from npstack.cli import main as cli
from npstack.data import Scale, load_sunspots
from npstack.training.checkpoint import load_weights
from tests.cli.small_runs import heed_interrupts

SMALL = demo.Settings(sizes=(3, 2, 2), epochs=1, stride=240, length=60, warm_up=12)
PICTURES = ("activations", "forecasts", "training", "saturation", "gradient_norms", "diagram")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("demo") / "made" / "here"
    said = []
    metrics = demo.run(out, seed=4, settings=SMALL, say=said.append)
    return out, metrics, said


def test_the_demo_writes_pictures_weights_and_metrics(folder):
    out, metrics, said = folder
    names = {path.name for path in out.iterdir()}
    assert {f"{name}.png" for name in PICTURES} <= names
    assert {f"gates_layer_{k}.png" for k in range(3)} <= names
    assert all((out / name).stat().st_size > 5_000 for name in names if name.endswith(".png"))
    assert json.loads((out / "metrics.json").read_text()) == json.loads(json.dumps(metrics))
    assert any("epoch 1 of 1" in line for line in said)


def test_the_demo_states_the_baselines_of_the_series(folder):
    _, metrics, _ = folder
    found = {name: row["mse"] for name, row in metrics["baselines"].items()}
    expected = {
        "persistence": 0.69,
        "best lag": 0.61,
        "ridge over 24 months": 0.41,
        "ridge over a full cycle": 0.32,
    }
    assert found == pytest.approx(expected, abs=0.006)
    assert metrics["baselines"]["best lag"]["choice"] == "lag 128"


def test_the_weights_are_those_of_the_metrics(folder):
    out, metrics, _ = folder
    params, config = load_weights(out / "weights.npz")
    assert config["sizes"] == [3, 2, 2]
    model = demo.build((3, 2, 2), SMALL, np.random.default_rng(0))
    model.params = params
    series = load_sunspots()
    z = Scale.fit(series.values[: demo.SPLIT.train]).apply(series.values)
    ahead, valid = demo.SPLIT.ahead, demo.SPLIT.valid
    outputs = model.forward(z[np.newaxis, :-ahead, np.newaxis]).outputs[0, :, 0]
    error = np.mean((outputs[valid - ahead :] - z[valid:]) ** 2)
    assert error == pytest.approx(metrics["stacks"]["3 layers"]["mse"], rel=1e-12)


def test_the_demo_checks_its_gradients(folder):
    _, metrics, _ = folder
    assert metrics["gradient_check"]["passed"]
    assert metrics["gradient_check"]["blocks"] > 40
    assert metrics["gradient_check"]["worst_error"] < 1e-12


@pytest.mark.slow
def test_stacks_are_compared_at_equal_parameter_count(folder):
    _, metrics, _ = folder
    counts = [row["parameters"] for row in metrics["stacks"].values()]
    assert list(metrics["stacks"]) == ["3 layers", "2 layers", "1 layer"]
    full = demo.Settings()
    sizes = [full.sizes, demo.equal_sizes(2, full), demo.equal_sizes(1, full)]
    assert max(counts) < 1.5 * min(counts)
    numbers = [
        sum(p.size for p in demo.build(s, full, np.random.default_rng(0)).params.values())
        for s in sizes
    ]
    assert max(numbers) < 1.1 * min(numbers)


def test_the_table_says_what_is_hard_to_beat(folder):
    _, metrics, _ = folder
    text = demo.table(metrics)
    assert "hard to beat" in text
    for name in [*metrics["baselines"], "3 layers", "2 layers", "1 layer"]:
        assert name in text


def test_a_shorter_training_is_said(folder):
    _, metrics, _ = folder
    assert "Trained for 1 epochs; npstack demo without --fast trains for 20." in demo.table(metrics)
    whole = metrics["settings"] | {"epochs": 20}
    assert "--fast" not in demo.table(metrics | {"settings": whole})


def test_an_older_demo_is_replaced_only_if_told_so(tmp_path, monkeypatch, capsys):
    out, told = tmp_path / "out", []

    def run(folder, *, seed, settings, say):
        told.append(settings.epochs)
        (folder / "metrics.json").write_text(str(len(told)))
        return {"gradient_check": {"passed": True}}

    monkeypatch.setattr(demo, "run", run)
    words = ["demo", "--quiet", "--fast", "--out", str(out)]
    assert cli.main(words) == cli.OK
    assert cli.main(words) == cli.USAGE
    assert "--overwrite replaces the files that this makes" in capsys.readouterr().err
    assert cli.main([*words, "--overwrite"]) == cli.OK
    assert (out / "metrics.json").read_text() == "2"
    assert told == [demo.FAST, demo.FAST]


def test_training_never_sees_a_month_after_the_training_part():
    z = np.arange(3126.0)
    samples = demo.training_rows(z, demo.Settings())
    assert samples.y.max() < demo.SPLIT.train
    np.testing.assert_array_equal(samples.y, samples.x + demo.SPLIT.ahead)
    held_out = demo.validation_rows(z)
    counted = np.sort(held_out.y[..., 0][held_out.counts])
    np.testing.assert_array_equal(counted, np.arange(demo.SPLIT.train, demo.SPLIT.valid))


def run(*words, cwd):
    command = [sys.executable, "-m", "npstack", *words]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300)


def test_check_prints_gradients_and_laws_and_leaves_no_file(tmp_path):
    done = run("check", "--hidden-sizes", "2,1", "--steps", "3", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for words in ("layers.1.U", "causality", "blocks passed", "4H(D + H + 1)"):
        assert words in done.stdout
    assert not list(tmp_path.iterdir())


def test_check_fails_with_exit_code_1_when_a_backward_is_wrong(monkeypatch, capsys):
    from npstack.cells import lstm

    monkeypatch.setattr(lstm, "tanh_derivative", lambda y: 1 - y)
    assert cli.main(["check", "--hidden-sizes", "2", "--steps", "2"]) == cli.FAILED
    assert "WRONG" in capsys.readouterr().out
    for seed in range(2):  # of one step, which the first seed masks unless it is prevented
        sizes = (f"--{size}=1" for size in ("hidden-sizes", "input-size", "steps", "batch"))
        assert cli.main(["check", *sizes, f"--seed={seed}"]) == cli.FAILED, seed


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["fly"],
        ["check", "--hidden-sizes", "0"],
        ["check", "--hidden-sizes", "a"],
        ["check", "--dropout", "1.5"],
        ["check", "--steps", "0"],
        ["demo", "--seed", "x"],
        ["demo", "--seed", "-1"],
        ["check", "--batch", "-1"],
    ],
)
def test_wrong_usage_is_exit_code_2(words, capsys):
    try:
        code = cli.main(words)
    except SystemExit as error:  # argparse's own way
        code = error.code
    assert code == cli.USAGE
    assert capsys.readouterr().err


def test_an_unwritable_folder_is_exit_code_3(tmp_path, monkeypatch, capsys):
    file = tmp_path / "file"
    file.write_text("")
    monkeypatch.setattr(demo, "Settings", lambda **k: SMALL)
    assert cli.main(["demo", "--out", str(file / "below"), "--quiet"]) == cli.BAD_DATA
    assert "npstack:" in capsys.readouterr().err


def test_a_real_interrupt_ends_the_demo_cleanly(tmp_path):
    out = tmp_path / "out"
    command = [sys.executable, "-m", "npstack", "demo", "--out", str(out)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    demo_run = subprocess.Popen(command, preexec_fn=heed_interrupts, **pipes)
    while not out.exists():
        assert demo_run.poll() is None
        time.sleep(0.05)
    demo_run.send_signal(signal.SIGINT)
    printed, complaint = demo_run.communicate(timeout=60)
    assert demo_run.returncode == cli.INTERRUPTED
    assert (printed, complaint.strip()) == ("", "interrupted")


def test_progress_is_for_terminals(tmp_path, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    def run(out, *, seed, settings, say):
        say("working")
        return {"gradient_check": {"passed": True}}

    monkeypatch.setattr(demo, "run", run)
    monkeypatch.setattr(demo, "table", lambda metrics: "")
    for stream, words, expected in [
        (Terminal(), [], True),
        (Terminal(), ["--quiet"], False),
        (io.StringIO(), [], False),
    ]:
        monkeypatch.setattr(sys, "stderr", stream)
        assert cli.main(["demo", "--out", str(tmp_path), *words]) == cli.OK
        assert ("working" in stream.getvalue()) == expected


def test_a_reader_who_stops_reading_is_no_error(tmp_path):
    command = f"{sys.executable} -m npstack check --hidden-sizes 2 --steps 2 | head -1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, cwd=tmp_path
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_interrupting_is_exit_code_130_and_one_line(monkeypatch, capsys):
    def interrupted(*words, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "run", interrupted)
    assert cli.main(["demo"]) == cli.INTERRUPTED
    assert capsys.readouterr().err.strip() == "interrupted"


def test_quiet_prints_nothing_and_the_version_is_told(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(demo, "run", lambda *a, **k: {"gradient_check": {"passed": True}})
    assert cli.main(["demo", "--quiet", "--out", str(tmp_path)]) == cli.OK
    assert capsys.readouterr() == ("", "")
    with pytest.raises(SystemExit):
        cli.main(["--version"])
    assert capsys.readouterr().out.startswith("npstack 0.")
