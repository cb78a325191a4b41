"""A slice of the odd commands, and that what is wrong with one is seen; all of them when slow."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("resource", reason="limits of a process are as Unix has them")

from tests.cli.odd.case import BAD_DATA, OK, USAGE, Case, Met, faults
from tests.cli.odd.place import changed, snapshot
from tests.full_runs.odd_commands import CASES, LEAST, ROOMS, figures, require, run
from tests.tools.provenance import read_evidence

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="reads what a process takes as Linux says it"
)
SLICE, SEED = 40, 0


def test_a_slice_of_the_odd_commands_ends_as_promised():
    quick = [case for case in CASES if "sparse" not in case[1].name]
    drawn = np.random.default_rng(SEED).choice(len(quick), SLICE, replace=False)
    found = figures(run(quick[k] for k in sorted(drawn)))
    assert found["faults"] == {}
    assert found["cases"] == SLICE
    assert all(row["cases"] >= 2 for row in found["rooms"].values())


@pytest.mark.slow
def test_all_odd_commands_end_as_promised():
    require(figures(run(CASES)))


def test_the_committed_run_met_the_bar():
    evidence = read_evidence("odd_commands")
    require(evidence)
    assert set(evidence["rooms"]) == set(ROOMS)
    assert evidence["messages"] > LEAST


def test_no_case_stands_twice_and_there_are_enough():
    names = [f"{room}: {case.name} {case.code}" for room, case in CASES]
    assert len(set(names)) > 0.97 * len(names)  # long ones are shown in part
    assert len(names) >= LEAST


MESSAGE = "npstack: 'a': no such file or directory. Is the name right?\n"
RIGHT = Met(BAD_DATA, "", MESSAGE, 0.1, 10**6, [])


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"code": 1}, "exit code 1, not 3"),
        ({"code": None}, "exit code None"),
        ({"err": ""}, "not one message"),
        ({"err": MESSAGE + MESSAGE}, "not one message"),
        ({"err": "Traceback (most recent call last)\n"}, "the inside"),
        ({"err": MESSAGE + "Exception ignored in: <x>\n"}, "the inside"),
        ({"err": MESSAGE.replace("'a'", "\x1b[2J")}, "a terminal obeys"),
        ({"err": MESSAGE.replace("such", "sort of")}, "'such' is not in"),
        ({"out": "after row\n"}, "output beside it"),
        ({"seconds": 21.0}, "21 s"),
        ({"memory": 2 * 10**9}, "2,000,000,000 bytes"),
        ({"changed": ["outside/secret.txt"]}, "secret"),
    ],
)
def test_what_is_wrong_is_seen(other, words):
    case = Case("train a --task text", BAD_DATA, "such")
    assert faults(case, RIGHT) == []
    found = faults(case, RIGHT._replace(**other))
    assert any(words in fault for fault in found), found


def test_usage_of_argparse_is_one_message():
    err = "usage: npstack [-h]\n               COMMAND\nnpstack: error: what?\n"
    assert faults(Case("", USAGE), RIGHT._replace(code=USAGE, err=err)) == []
    assert faults(Case("", OK), RIGHT._replace(code=OK, err="")) == []


def test_every_change_is_seen(tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    for name in ("a", "b", "c", "d"):
        (work / name).write_text(name)
    (work / "e").symlink_to("a")
    before = snapshot(tmp_path)
    assert changed(before, snapshot(tmp_path), ()) == []
    (work / "a").write_text("b")
    (work / "b").unlink()
    (work / "c").chmod(0o600)
    (work / "e").unlink()
    (work / "e").symlink_to("c")
    (work / "made").mkdir()
    (work / "made" / "here").write_text("")
    found = changed(before, snapshot(tmp_path), ())
    assert found == [f"work/{name}" for name in ("a", "b", "c", "e", "made", "made/here")]
    assert changed(before, snapshot(tmp_path), ("made", "a", "b", "c")) == ["work/e"]
