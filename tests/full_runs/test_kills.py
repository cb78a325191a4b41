"""Killed and started again: a slice of the full run, and the order in which a save works."""

import os
import stat

from npstack import load_checkpoint
from npstack.files.atomic import replacing
from tests.full_runs.resume import KILLS, MODES, kill_many, look, reference, require, table
from tests.tools.provenance import read_evidence
from tests.training.killed_run import JOBS

JOB = "Adam, best weights"


def test_three_kills_and_the_end_has_the_bits_of_an_uninterrupted_run():
    found = kill_many(3, 7, [JOB])
    assert [point["faults"] for point in found["points"]] == [[]] * 3
    assert found["in_a_save"] >= 1
    assert [run["faults"] for run in found["ends"]] == [[]] * found["runs"]


def test_the_committed_run_met_the_bar():
    evidence = read_evidence("resume")
    require(evidence)
    assert {point["job"] for point in evidence["points"]} == set(JOBS)
    assert {point["mode"] for point in evidence["points"]} == set(MODES)
    assert evidence["in_a_save"] >= KILLS // 2
    assert "half-written" in table(evidence)


def test_what_is_wrong_after_a_kill_is_seen(tmp_path):
    known = reference(JOB)
    path = tmp_path / "checkpoint.npz"
    assert look(tmp_path, known, 0) == (0, None, [])
    assert look(tmp_path, known, 2)[2] == ["2 epochs were safe, and now 0"]
    path.write_bytes(known.after[2])
    (tmp_path / "checkpoint.npz.1.part").write_bytes(b"half")
    assert look(tmp_path, known, 2) == (3, 4, [])
    other = known._replace(after=known.after[::-1])
    assert look(tmp_path, other, 2)[2] == ["the checkpoint after epoch 3 is another one"]
    (tmp_path / "checkpoint.npz.previous").write_bytes(known.after[0])
    assert look(tmp_path, known, 2)[2] == ["the previous checkpoint is not the one before"]
    path.write_bytes(known.after[2][:-1])
    assert "whole npstack-checkpoint" in look(tmp_path, known, 2)[2][0]
    assert len(load_checkpoint(tmp_path / "checkpoint.npz.previous").history.epochs) == 1


def test_the_bytes_are_on_the_disk_before_they_get_the_name(tmp_path, monkeypatch):
    path, calls = tmp_path / "a", []
    path.write_bytes(b"old")

    def listen(name):
        right = getattr(os, name)

        def call(*given):
            folder = name == "fsync" and stat.S_ISDIR(os.fstat(given[0]).st_mode)
            calls.append(f"{name} of the folder" if folder else name)
            return right(*given)

        monkeypatch.setattr(os, name, call)

    for name in ("fsync", "link", "replace"):
        listen(name)
    with replacing(path, keep_previous=True) as file:
        file.write(b"new")
    assert calls == ["fsync", "link", "replace", "fsync of the folder"]
    assert path.read_bytes() == b"new"
