"""``npstack lessons``: the notebooks, where one can work on them."""

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
