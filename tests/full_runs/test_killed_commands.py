"""Commands that are killed and typed again: a slice of the full run, and two in one folder."""

import subprocess
import sys

import pytest

from npstack.cli import folders, runs
from npstack.cli import main as cli
from npstack.cli.commands import demo_text
from npstack.core.errors import ArgumentError
from npstack.data import Text
from tests.cli.small_runs import COMMANDS, FORECAST, RHYME, SHORT, kept, npstack, put_files
from tests.full_runs.killed_commands import MODES, kill_many, require, start, typed
from tests.tools.provenance import read_evidence

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills and locks as Unix has them")


def ends_well(found):
    assert [end["faults"] for end in found["ends"]] == [[]] * found["runs"]
    assert found["interrupts"]["faults"] == []


def test_a_few_kills_and_the_end_has_the_bits_of_an_uninterrupted_run():
    ends_well(kill_many(3, 5, ["forecast"]))


@pytest.mark.slow
def test_many_kills_and_interrupts():
    ends_well(kill_many(20, 7, COMMANDS, 10))


def test_the_committed_run_met_the_bar():
    evidence = read_evidence("killed_commands")
    require(evidence)
    assert set(evidence["by mode"]) == set(MODES)
    assert {"remains of a save", "no folder", "trained"} <= set(
        evidence["by what stood in the folder"]
    )


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    put_files(tmp_path)
    return tmp_path


def test_of_two_that_begin_in_one_folder_one_is_refused(workplace):
    words = FORECAST + " --epochs 30 --patience 30 --quiet --no-pictures --out run"
    both = [start(typed(words), workplace) for _ in range(2)]
    said = [process.communicate(timeout=120)[1] for process in both]
    codes = [process.returncode for process in both]
    assert sorted(codes) == [cli.OK, cli.USAGE]
    refused = said[codes.index(cli.USAGE)]
    assert "another npstack at work there" in refused or "a run that is there already" in refused
    assert npstack("predict run sales.csv --quiet") == cli.OK


def test_a_run_that_is_at_work_is_not_joined(workplace, capsys):
    assert npstack(FORECAST + SHORT + " --out run") == cli.OK
    before = kept("run")
    with folders.claimed("somebody", workplace / "run"):
        assert npstack("train --resume --out run --epochs 9") == cli.USAGE
        assert "another npstack at work there" in capsys.readouterr().err
        assert npstack("predict run sales.csv --quiet") == cli.OK  # looking is allowed
    assert kept("run") == before
    assert npstack("train --resume --out run --quiet --no-pictures") == cli.OK


@pytest.mark.parametrize("locks", [True, False])
def test_where_there_are_no_locks_the_first_file_decides(workplace, monkeypatch, capsys, locks):
    if not locks:
        monkeypatch.setattr(folders, "fcntl", None)
    save, mine = runs.Run.save, FORECAST + SHORT + " --out run"

    def too_late(run, **how):
        with monkeypatch.context() as patch:
            patch.setattr(runs.Run, "save", save)
            save(run, new=True)  # the other process
        return save(run, **how)

    monkeypatch.setattr(runs.Run, "save", too_late)
    assert npstack(mine) == cli.USAGE
    assert "a run that is there already" in capsys.readouterr().err


def test_the_remains_of_a_kill_are_no_hindrance(workplace):
    (workplace / "run").mkdir()
    for name in ("config.json", "README.txt"):
        (workplace / "run" / f"{name}.0123abcd.part").write_text("half")
    assert npstack(FORECAST + SHORT + " --out run") == cli.OK
    assert not list((workplace / "run").glob("*.part"))


def test_a_demo_that_was_killed_before_its_run_began_can_be_begun_again(workplace, monkeypatch):
    monkeypatch.setattr(demo_text, "load", lambda name: Text(RHYME, "a rhyme"))
    small = {"layers": [4], "epochs": 1, "batch_size": 4, "span": 8}
    monkeypatch.setattr(demo_text, "SETTINGS", small)
    with monkeypatch.context() as patch:
        patch.setattr(runs, "new_run", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        assert npstack("demo text --quiet --out run") == cli.INTERRUPTED
    assert [path.name for path in (workplace / "run").iterdir()] == ["pydoc.txt"]
    assert npstack("train --resume --out run") == cli.BAD_DATA
    assert npstack("demo text --quiet --out run") == cli.OK


def test_a_lock_dies_with_its_process(tmp_path):
    code = (
        "import os, signal; from pathlib import Path; from npstack.cli.folders import claimed\n"
        f"with claimed('x', Path({str(tmp_path)!r})): os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == -9
    mine = folders.claimed("x", tmp_path)
    with mine, pytest.raises(ArgumentError, match="another npstack"):
        folders.claimed("x", tmp_path).__enter__()
    with folders.claimed("x", tmp_path):
        assert not list(tmp_path.iterdir())
