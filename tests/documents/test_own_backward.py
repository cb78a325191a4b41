"""``docs/own_backward.md``: its command prints what it says, and its figures are right."""

import re
from pathlib import Path

import numpy as np
import pytest

from npstack import LSTM, check_gradients, check_laws
from npstack.cli import main as cli
from npstack.verify.other_code.program import Limits
from tests.documents.test_commands_doc import commands, words
from tests.documents.test_docs import python_blocks
from tests.verify.wrong_backwards import WRONG

TEXT = (Path(__file__).parents[2] / "docs/own_backward.md").read_text(encoding="utf-8")
NAMED = [
    "carried dc left out",
    "zeros for the weights",
    "output gate's bias gradient used for all gates",
    "forget factor left out of dc'",
    "sign of one gate",
]


STEP, LOOP = (code for _, code in python_blocks(TEXT) if ">>>" not in code)
MENDED = STEP.replace("dc * c_next, ", "dc * c, ")
OF_STEP, OF_LOOP = commands(TEXT)


def checked(text, command):
    """The exit code of a command on a file with a text."""
    assert command == "npstack check lstm.py"
    Path("lstm.py").write_text(text, encoding="utf-8")
    return cli.main(command.split()[1:])


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (STEP, OF_STEP),
        pytest.param(f"{MENDED}\n\n{LOOP}", OF_LOOP, marks=pytest.mark.slow),
    ],
)
def test_the_command_prints_what_the_page_says(text, shown, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    command, printed = shown
    assert checked(text, command) == cli.FAILED
    out = "\n".join(words(line) for line in capsys.readouterr().out.splitlines())
    *parts, last = "\n".join(words(line) for line in printed).split("…")
    assert out.startswith(parts[0])
    assert out.endswith(last.rstrip())
    for part in parts:
        _, found, out = out.partition(part.strip())
        assert found, part


@pytest.mark.slow
def test_the_mended_file_is_right(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    loop = LOOP.replace(" dWh_t, db +", " dWh + dWh_t, db +")
    assert MENDED != STEP
    assert loop != LOOP
    assert checked(f"{MENDED}\n\n{loop}", OF_STEP[0]) == cli.OK


def test_the_limits_are_those_of_the_page():
    assert "longer than 10 seconds" in TEXT
    assert "does not fit into 2 GB" in TEXT
    assert (Limits().seconds, Limits().memory) == (10, 2 << 30)


def spoilt(wrong):
    layer = LSTM(3, 4, rng=np.random.default_rng(0))
    wrong.spoil(layer)
    return layer


def obeys(wrong):
    """How many laws hold for a wrong backward; 0 if one of them is broken."""
    report = check_laws(spoilt(wrong), rng=np.random.default_rng(1))
    return sum(row.verdict == "holds" for row in report.rows) if report.passed else 0


@pytest.mark.parametrize("name", NAMED)
def test_a_wrong_backward_may_obey_every_law(name):
    (wrong,) = [one for one in WRONG if one.name == name]
    assert obeys(wrong) == 23
    x = np.random.default_rng(0).standard_normal((1, 2, 3))
    assert not check_gradients(spoilt(wrong), x, entries=2).passed


@pytest.mark.slow
def test_the_number_of_wrong_backwards_that_obey_every_law():
    wrong = [one for one in WRONG if one.dtype is np.float64]
    (said,) = re.findall(r"Of (\d+) wrong backwards of an LSTM in the tests, (\d+)", TEXT)
    assert said == (str(len(wrong)), str(sum(obeys(one) == 23 for one in wrong)))
