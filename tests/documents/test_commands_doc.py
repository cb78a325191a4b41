"""The commands in the documents are executed, and print what these say, numbers aside."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

from npstack.cli import main as cli
from npstack.lessons import exercise
from tests.documents.test_docs import python_blocks

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"\d+([.,]\d+)*")


def words(line):
    """A line without its numbers and without the width of its gaps."""
    return " ".join(NUMBER.sub("#", line).split())


def commands(text):
    """Every command with the lines that it is said to print."""
    for block in BLOCK.findall(text):
        for part in block.split("$ ")[1:]:
            command, *printed = part.splitlines()
            yield command, printed


@pytest.mark.parametrize(
    "page",
    [pytest.param("docs/commands.md", marks=pytest.mark.slow), "docs/exercises.md"],
)
def test_commands_print_what_the_page_says(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in ("npstack/data/sunspots_monthly.csv", "docs/derivation.md"):
        (tmp_path / name).parent.mkdir(parents=True)
        shutil.copy(ROOT / name, tmp_path / name)
    text = (ROOT / page).read_text(encoding="utf-8")
    for _, code in python_blocks(text):
        if not code.startswith(">>>"):
            exec(code, {})
    found = list(commands(text))
    assert len(found) >= 5
    for command, printed in found:
        program, *arguments = shlex.split(command)
        assert program == "npstack"
        expected = cli.FAILED if arguments[0] == "grade" else cli.OK  # what is not written yet
        assert cli.main(arguments) == expected, command
        out = [words(line) for line in capsys.readouterr().out.splitlines()]
        open_end = "…" in printed
        said = [words(line) for line in printed if line != "…"]
        assert set(said) <= set(out), (command, set(said) - set(out))
        if not open_end:
            assert len(said) == len(out), command


def test_the_page_of_exercises_shows_what_is_in_the_file():
    text = (ROOT / "docs/exercises.md").read_text(encoding="utf-8")
    shown = [code for _, code in python_blocks(text) if not code.startswith(">>>")]
    assert len(shown) == 1
    assert shown[0] in exercise("lstm")
