"""``npstack lessons``: the notebooks, where one can work on them."""

import json
import re

import pytest

from npstack.cli.main import main
from npstack.lessons.notebooks import notebooks, notebooks_folder


def test_the_notebooks_are_copied(tmp_path, capsys):
    assert main(["lessons", str(tmp_path / "course")]) == 0
    found = {path.name for path in (tmp_path / "course").iterdir()}
    assert found == set(notebooks())
    assert "8 files" in capsys.readouterr().out


def test_solutions_only_if_they_are_asked_for(tmp_path):
    assert main(["lessons", str(tmp_path), "--solutions"]) == 0
    assert (tmp_path / "solutions" / "01_one_step.md").read_bytes() == (
        notebooks_folder() / "solutions" / "01_one_step.md"
    ).read_bytes()
    assert len(list((tmp_path / "solutions").iterdir())) == 8


@pytest.mark.parametrize("more", [[], ["--solutions"]])
def test_no_link_of_a_copy_is_dead(tmp_path, more):
    assert main(["lessons", str(tmp_path), *more]) == 0
    links = 0
    for path in tmp_path.glob("*.ipynb"):
        copied, own = (
            json.loads(one.read_text(encoding="utf-8"))["cells"]
            for one in (path, notebooks_folder() / path.name)
        )
        text = "".join("".join(c["source"]) for c in copied if c["cell_type"] == "markdown")
        for target in re.findall(r"\]\(([^)#]+)", text):
            assert target.startswith("https://") or (tmp_path / target).is_file(), target
            links += 1
        assert ("lessons DIR --solutions" in text) is not bool(more)
        for now, then in zip(copied, own, strict=True):
            assert now["cell_type"] == then["cell_type"] == "markdown" or now == then
    assert links > 8
    text = (tmp_path / "03_backward.ipynb").read_text(encoding="utf-8")
    assert "`docs/derivation.md` in npstack's repository" in text


@pytest.mark.parametrize("name", ["01_one_step.ipynb", "08_masks.ipynb"])
def test_work_is_not_overwritten(tmp_path, capsys, name):
    (tmp_path / name).write_text("mine")
    assert main(["lessons", str(tmp_path)]) == 2
    assert "exists" in capsys.readouterr().err
    assert (tmp_path / name).read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 1
    assert main(["lessons", str(tmp_path), "--overwrite"]) == 0
    assert (tmp_path / name).read_text() != "mine"


def test_a_file_is_no_folder(tmp_path, capsys):
    (tmp_path / "a").write_text("")
    assert main(["lessons", str(tmp_path / "a")]) == 2
    assert "folder" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["folder", "link to a folder", "link to nowhere", "file"])
@pytest.mark.parametrize("name", ["08_masks.ipynb", "solutions/08_masks.md", "solutions"])
def test_what_is_in_the_way_is_noticed_before_anything_is_written(tmp_path, capsys, name, kind):
    course, elsewhere = tmp_path / "course", tmp_path / "elsewhere"
    elsewhere.mkdir()
    target = course / name
    target.parent.mkdir(parents=True)
    if kind == "folder":
        target.mkdir()
    elif kind == "file":
        target.write_text("mine")
    else:
        target.symlink_to(elsewhere if kind == "link to a folder" else tmp_path / "nowhere")
    before = {path: path.lstat().st_ino for path in tmp_path.rglob("*")}
    code = main(["lessons", str(course), "--solutions", "--overwrite"])
    if (kind == "folder") == (name == "solutions"):  # a link where a file goes is replaced
        assert code == 0
        assert (course / "solutions" / "08_masks.md").is_file()
        assert (course / name).is_dir() == (name == "solutions")
        assert not list(elsewhere.iterdir())
    else:
        assert code == 2
        assert "folder" in capsys.readouterr().err
        assert {path: path.lstat().st_ino for path in tmp_path.rglob("*")} == before
