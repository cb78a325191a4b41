"""The example of character models: a small run, and what the committed figures say."""

import importlib.util
import json
import platform
import sys
from pathlib import Path

import numpy as np
import pytest

from npstack.data import Text
from npstack.text import without_repeats

EXAMPLES = Path(__file__).parents[2] / "examples"
EVIDENCE = Path(__file__).parents[1] / "evidence" / "system_characters.json"


@pytest.fixture
def characters(monkeypatch):
    """The example as a module."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    spec = importlib.util.spec_from_file_location("characters", EXAMPLES / "characters.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rows(table):
    return {row.name.split(" (")[0]: row for row in [*table.systems, *table.baselines]}


@pytest.mark.slow
def test_a_small_run_gives_a_whole_table_and_its_picture(characters, monkeypatch, tmp_path, capsys):
    rng = np.random.default_rng(0)
    words = np.array(["stack", "layer", "state", "gate"])
    text = "\n\n".join(" ".join(rng.choice(words, 12)) for _ in range(130))
    monkeypatch.setattr(characters, "load", lambda name: Text(text, "a game of words"))
    monkeypatch.setattr(characters, "UNITS", 4)
    small = {"characters": 8200, "embedding": 3, "rows": 32, "warm_up": 2}
    monkeypatch.setattr(characters, "SETTINGS", characters.SETTINGS | small)
    monkeypatch.setattr(characters, "sample", lambda *given, **more: "stack")
    arguments = ["--seeds", "2", "--seed", "3", "--out", str(tmp_path / "drawn")]
    outcome = characters.run("", characters.example, arguments)
    (table,) = outcome.tables
    found = rows(table)
    assert [f"{n} layer{'s' * (n > 1)} of 4 units" in found for n in (1, 2, 3)] == [True] * 3
    assert all(len(row.values) == 2 for row in table.systems)
    assert all(len(row.values) == 1 for row in table.baselines)
    assert "lzma behind the training text" in found
    assert sum("chosen" in row.name for row in table.baselines) == 1
    counts = [int(row.name.split("(")[1].split()[0].replace(",", "")) for row in table.systems]
    assert abs(counts[3] / counts[2] - 1) < 0.15  # as many parameters, in one layer
    assert "a game of words" in capsys.readouterr().out
    assert (tmp_path / "drawn/characters.png").stat().st_size > 5_000


def test_the_middle_part_chooses_and_the_last_is_unseen(characters, monkeypatch):
    monkeypatch.setattr(characters, "load", lambda name: Text("ab\n\nab\n\n" + "xyz" * 100, "?"))
    _, text, vocabulary, (first, second) = characters.parts()
    assert text == "ab\n\n" + "xyz" * 100
    assert (first, second) == (round(0.9 * len(text)), round(0.95 * len(text)))
    assert len(vocabulary) == len(set(text))


@pytest.mark.skipif(not EVIDENCE.exists(), reason="no figures are committed yet")
def test_the_committed_figures_say_what_the_example_claims(characters):
    figures = json.loads(EVIDENCE.read_text())
    (table,) = figures["tables"]
    assert figures["settings"] == characters.SETTINGS
    assert len(figures["seeds"]) == 5
    means = {name.split(" (")[0]: np.mean(values) for name, values in table["systems"].items()}
    assert all(len(values) == 5 for values in table["systems"].values())
    counted = min(v[0] for name, v in table["baselines"].items() if name.startswith("n-gram"))
    one, two, three = (means[f"{n} layer{'s' * (n > 1)} of 80 units"] for n in (1, 2, 3))
    assert max(two, three) < counted < one  # one small layer does not beat counting; two do
    assert f"Python {figures['versions']['python']}" in table["title"]


@pytest.mark.slow
@pytest.mark.skipif(not EVIDENCE.exists(), reason="no figures are committed yet")
def test_one_of_the_committed_figures_comes_out_again(characters):
    figures = json.loads(EVIDENCE.read_text())
    if figures["versions"]["python"].split(".")[:2] != platform.python_version().split(".")[:2]:
        pytest.skip("the text differs by version of Python")
    source, text, vocabulary, (first, second) = characters.parts()
    assert text == without_repeats(text)
    ids = vocabulary.encode(text)
    model, _ = characters.train([characters.UNITS], ids[:first], vocabulary, 0)
    found = characters.bits_per_character(model, ids[second:])
    (name,) = (n for n in figures["tables"][0]["systems"] if n.startswith("1 layer of 80"))
    # The last bits depend on the BLAS, and two epochs make them larger.
    assert found == pytest.approx(figures["tables"][0]["systems"][name][0], abs=0.03), source
    assert sys.modules.get("common") is not None
