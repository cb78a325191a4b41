"""Files that take a free name, replace a link, or are left by a kill: what `replacing` touches."""

import os

import pytest

from npstack.files import atomic
from npstack.files.atomic import replacing


def folder_bytes(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_a_new_file_takes_a_free_name_only(tmp_path):
    path = tmp_path / "a"
    with replacing(path, new=True) as file:
        file.write(b"first")
    with pytest.raises(FileExistsError), replacing(path, new=True) as file:
        file.write(b"second")
    assert folder_bytes(tmp_path) == {"a": b"first"}


def test_of_two_that_write_a_new_file_the_first_gets_the_name(tmp_path):
    path = tmp_path / "a"
    slow = replacing(path, new=True)
    slow.__enter__().write(b"slow")
    with replacing(path, new=True) as fast:
        fast.write(b"fast")
    with pytest.raises(FileExistsError):
        slow.__exit__(None, None, None)
    assert folder_bytes(tmp_path) == {"a": b"fast"}


def test_a_new_file_does_not_take_the_name_of_a_link_that_leads_nowhere(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "nowhere")
    with pytest.raises(FileExistsError), replacing(tmp_path / "a", follow=False, new=True) as file:
        file.write(b"first")
    assert os.listdir(tmp_path) == ["a"]


def test_where_there_are_no_hard_links_a_new_file_still_replaces_none(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(1, "no hard links here")

    monkeypatch.setattr(atomic.os, "link", refuse)
    test_a_new_file_takes_a_free_name_only(tmp_path)


def test_a_link_that_is_not_followed_is_replaced_itself(tmp_path):
    outside, folder = tmp_path / "outside", tmp_path / "folder"
    outside.write_bytes(b"somebody's")
    folder.mkdir()
    for target in ("../outside", "../nowhere", "a"):
        (folder / "a").unlink(missing_ok=True)
        (folder / "a").symlink_to(target)
        with replacing(folder / "a", follow=False) as file:
            file.write(b"mine")
        assert not (folder / "a").is_symlink()
        assert folder_bytes(folder) == {"a": b"mine"}
    assert folder_bytes(tmp_path) == {"outside": b"somebody's"}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_only_the_remains_of_saves_are_swept_and_no_pipe_is_waited_for(tmp_path):
    left, others = "a.0123abcd.part", ("a.mine.part", "b.0123abcd.part", "a.0123ABCD.part")
    for name in (left, *others):
        (tmp_path / name).write_bytes(b"half")
    os.mkfifo(tmp_path / "a.00000000.part")
    (tmp_path / "a.11111111.part").symlink_to("b.0123abcd.part")
    with replacing(tmp_path / "a") as file:
        file.write(b"whole")
    assert not (tmp_path / left).exists()
    assert {path.name for path in tmp_path.iterdir()} == {
        "a",
        *others,
        "a.00000000.part",
        "a.11111111.part",
    }
