"""What README.md offers to a newcomer works as printed: each block on its own, in any order."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.documents.test_docs import python_blocks

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = [code for _, code in python_blocks(TEXT)]


def block(part):
    """The only block of code in which a part occurs."""
    (found,) = (code for code in BLOCKS if part in code)
    return found


def printed(code, capsys):
    """What a block prints by itself."""
    names = {"__name__": "__main__"}
    exec(code, names)
    return capsys.readouterr().out, names


def test_it_fits_on_a_few_screens():
    assert TEXT.count("\n") < 120


@pytest.mark.parametrize("part", ["fit", "pytorch"])
def test_a_block_prints_what_its_last_line_says(part, capsys):
    said = block(part).splitlines()[-1].partition("  # ")[2].partition(":")[0]
    assert printed(block(part), capsys)[0] == said + "\n"


def test_the_report_names_the_wrong_gradient_alone(capsys):
    out, _ = printed(block("gradcheck"), capsys)
    assert out.splitlines()[1].split()[0] == "h"  # the first row
    assert out.count("WRONG") == 1
    assert '"h": da @ U,' in block("gradcheck")
    assert "should be `da @ U.T`" in TEXT
    mended = block("gradcheck").replace('"h": da @ U,', '"h": da @ U.T,')
    assert "WRONG" not in printed(mended, capsys)[0]


def check(command, folder):
    """Verdicts of ``npstack check`` with the package in a folder, by parameter and part."""
    program, *arguments = command.split()
    run = [sys.executable, "-m", program, *arguments]
    done = subprocess.run(run, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    rows = [words for words in map(str.split, done.stdout.splitlines()) if len(words) > 2]
    return {(row[0], row[1]): row[-1] for row in rows if row[-1] in ("ok", "WRONG")}


def test_the_mistake_for_students_is_found_where_the_page_says(tmp_path):
    line, other = re.search(r"change `([^`]+)` to `([^`]+)`", TEXT).groups()
    (command,) = re.findall(r"^npstack check .*$", TEXT, re.MULTILINE)
    shutil.copytree(ROOT / "npstack", tmp_path / "npstack", ignore=shutil.ignore_patterns("*.pyc"))
    cell = tmp_path / "npstack/cells/lstm.py"
    source = cell.read_text(encoding="utf-8")
    assert source.count(line) == 1
    cell.write_text(source.replace(line, other), encoding="utf-8")
    found = check(command, tmp_path)
    wrong = {key for key, verdict in found.items() if verdict == "WRONG"}
    gates = {("layers.0." + name, "f") for name in "WUb"}
    assert {key for key in wrong if key[0].startswith("layers")} == gates
    assert {name for name, _ in wrong - gates} == {"x", "initial.0.h"}
    found = check(command.replace("--steps 1", "--steps 2"), tmp_path)
    assert set(found.values()) == {"WRONG"}


@pytest.mark.frameworks
def test_pytorch_computes_the_numbers_that_the_page_states(capsys):
    torch = pytest.importorskip("torch")
    _, names = printed(block("pytorch"), capsys)
    theirs = torch.nn.LSTM(2, 3, batch_first=True, dtype=torch.float64)
    arrays = names["state_dict"]
    theirs.load_state_dict({name: torch.tensor(value) for name, value in arrays.items()})
    outputs = theirs(torch.tensor(names["fill"](1, 4, 2)))[0].detach().numpy()
    np.testing.assert_allclose(outputs[0, -1], names["pytorch"], rtol=0, atol=1e-11)
