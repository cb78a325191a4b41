"""Every program beside the package: ``--help`` does nothing else; no older file is lost."""

import json
import runpy
import sys
from pathlib import Path

import pytest

from tests.tools.full_run import begin

ROOT = Path(__file__).parents[2]
RUNS = sorted(
    path.stem
    for path in Path(__file__).parent.glob("[!_]*.py")
    if not path.stem.startswith("test_") and "__main__" in path.read_text(encoding="utf-8")
)
SCRIPTS = sorted(
    str(path.relative_to(ROOT))
    for folder in ("examples", "benchmarks", "notebooks")
    for path in (ROOT / folder).glob("*.py")
    if '"__main__"' in path.read_text(encoding="utf-8")
)
MODULES = [*(f"tests.full_runs.{name}" for name in RUNS), "tests.mutation", "benchmarks.engines"]
NOTHING_KEPT = ("same_bits",)
KEEPING = [f"tests.full_runs.{name}" for name in RUNS if name not in NOTHING_KEPT]


def start(program, *words):
    """Run a program in this process, as if it had been typed; its exit code."""
    sys.argv = [program, *words]
    if program.startswith("notebooks"):
        pytest.importorskip("nbclient")
    is_module = program in MODULES
    run, what = (runpy.run_module, program) if is_module else (runpy.run_path, str(ROOT / program))
    with pytest.raises(SystemExit) as left:
        run(what, run_name="__main__")
    return left.value.code


@pytest.fixture(autouse=True)
def no_traces(monkeypatch):
    """What is imported and set for one program is not there for the next."""
    monkeypatch.setattr(sys, "argv", [])
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith(("tests.full_runs.", "tests.mutation.")):
            del sys.modules[name]


def test_all_programs_are_found():
    assert len(RUNS) >= 10
    assert len(SCRIPTS) >= 11


@pytest.mark.filterwarnings("ignore:.*found in sys.modules:RuntimeWarning")
@pytest.mark.parametrize("program", [*MODULES, *SCRIPTS])
def test_help_is_help(program, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert start(program, "--help") == 0
    shown = capsys.readouterr()
    assert shown.out.startswith("usage:")
    assert not shown.err
    assert not list(tmp_path.iterdir())


@pytest.mark.filterwarnings("ignore:.*found in sys.modules:RuntimeWarning")
@pytest.mark.parametrize("program", KEEPING)
def test_evidence_is_replaced_only_if_told_so(program, capsys):
    assert start(program, "--json") == 2
    assert "exists; --overwrite replaces it" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore:.*found in sys.modules:RuntimeWarning")
@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("tests.full_runs.same_bits", ["HEAD", "--json"]),
        ("tests.mutation", ["run", "--new"]),
        ("tests.mutation", ["confirm", "0", "1"]),
        ("benchmarks/checkpoint.py", ["--json", "there"]),
        ("benchmarks/readable.py", ["--json", "there"]),
        ("benchmarks/fit_profile.py", ["--json"]),
        ("examples/forecasting.py", ["--json", "there"]),
        ("examples/forecasting.py", ["--out", "."]),
        ("examples/pictures.py", ["."]),
        ("notebooks/build.py", []),
    ],
)
def test_nothing_is_replaced_unless_told_so(program, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").write_text("older")
    assert start(program, *words) == 2
    assert "--overwrite replaces" in capsys.readouterr().err
    assert (tmp_path / "there").read_text() == "older"


def test_figures_are_kept_when_told_so_and_older_ones_when_not(tmp_path, monkeypatch, capsys):
    for module in ("provenance", "full_run"):
        monkeypatch.setattr(f"tests.tools.{module}.EVIDENCE", tmp_path)
    path = tmp_path / "figure.json"
    for words, expected in ([], None), (["--json"], 1), (["--json", "--overwrite"], 2):
        full = begin("about", "tests.full_runs.figure", "figure", words)
        full.keep({"figure": expected})
        found = json.loads(path.read_text()) if path.exists() else {"figure": None}
        assert found["figure"] == expected
    assert found["command"] == "python -m tests.full_runs.figure --json"
    assert len(found["commit"]) == 40
    with pytest.raises(SystemExit):
        begin("about", "tests.full_runs.figure", "figure", ["--json"])
    assert "figure.json exists" in capsys.readouterr().err


def test_parts_are_chosen_by_name(capsys):
    parts = {"a": "file_a", "b": "file_b"}
    assert begin("about", "program", parts, []).chosen == ["a", "b"]
    assert begin("about", "program", parts, ["b"]).chosen == ["b"]
    with pytest.raises(SystemExit):
        begin("about", "program", parts, ["c"])
    assert "there is no c, but a, b" in capsys.readouterr().err
