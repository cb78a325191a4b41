"""Saving as on Windows: there are no file locks, and no open file can be renamed or removed."""

import os
from pathlib import Path

import pytest

from npstack.files import atomic


@pytest.fixture
def windows(monkeypatch):
    """No ``fcntl``; renaming and removing fail for a file that this process has open."""
    opened = []
    real_open, real_replace, real_unlink = open, os.replace, Path.unlink

    def tracked(*arguments, **options):
        opened.append((Path(arguments[0]), real_open(*arguments, **options)))
        return opened[-1][1]

    def refuse_open(path):
        if any(Path(path) == other and not file.closed for other, file in opened):
            raise PermissionError(32, "the file is used by another process", str(path))

    def replace(source, target):
        refuse_open(source)
        real_replace(source, target)

    def unlink(path, **options):
        refuse_open(path)
        real_unlink(path, **options)

    monkeypatch.setattr(atomic, "fcntl", None)
    monkeypatch.setattr(atomic, "open", tracked, raising=False)
    monkeypatch.setattr(os, "replace", replace)
    monkeypatch.setattr(Path, "unlink", unlink)


def test_a_save_replaces_the_file_and_keeps_the_one_before(windows, tmp_path):
    path = tmp_path / "run.npz"
    for content in (b"first", b"second", b"third"):
        with atomic.replacing(path, keep_previous=True) as file:
            file.write(content)
    assert path.read_bytes() == b"third"
    assert atomic.previous_of(path).read_bytes() == b"second"
    assert len(list(tmp_path.iterdir())) == 2


def test_what_a_killed_save_left_is_removed(windows, tmp_path):
    left = tmp_path / "run.npz.00000000.part"
    left.write_bytes(b"half")
    with atomic.replacing(tmp_path / "run.npz") as file:
        file.write(b"whole")
    assert [path.name for path in tmp_path.iterdir()] == ["run.npz"]


def test_a_save_that_fails_leaves_the_old_file(windows, tmp_path):
    path = tmp_path / "run.npz"
    path.write_bytes(b"old")
    with pytest.raises(TypeError), atomic.replacing(path) as file:
        file.write("no bytes")
    assert [found.read_bytes() for found in tmp_path.iterdir()] == [b"old"]
