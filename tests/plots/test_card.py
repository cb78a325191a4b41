"""The card says what the package computes, and what the specification says of others."""

from __future__ import annotations

import inspect
import io
import itertools
import re
from pathlib import Path

import numpy as np
import pytest

from npstack import GRU, LSTM, RNN, GRUResetBeforeCell, Recurrent, gradcheck, plots
from npstack.cells import GRUCell, LSTMCell
from npstack.plots import card_texts, one_page
from npstack.verify import check_gradients, explain

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def page():
    return plots.card()


def words(page):
    return [text.get_text() for text in page.axes[0].texts]


def lines_of_the_cell():
    text = (ROOT / "npstack/cells/lstm.py").read_text(encoding="utf-8")
    return [re.sub(r"  # .*", "", line.strip()) for line in text.splitlines()]


def test_every_line_of_code_is_the_cells():
    for equation in (*card_texts.FORWARD, *card_texts.BACKWARD):
        assert equation.code in lines_of_the_cell(), equation


def test_every_numbered_line_of_the_cell_is_on_the_card():
    text = (ROOT / "npstack/cells/lstm.py").read_text(encoding="utf-8")
    numbered = re.findall(r"^ +(.+?)  # (\(\d\))", text, re.MULTILINE)
    equations = [*card_texts.FORWARD, *card_texts.BACKWARD]
    assert len(numbered) >= 16
    assert {(own.code, own.number) for own in equations if own.number} == set(numbered)


def test_the_counts_are_those_of_layers(page):
    D, H = one_page.D, one_page.H
    rng = np.random.default_rng(0)
    layers = {
        "LSTM": LSTM(D, H, rng=rng),
        "GRU, reset after product": GRU(D, H, rng=rng),
        "GRU, reset before it": Recurrent(GRUResetBeforeCell(D, H, rng=rng)),
        "plain (Elman)": RNN(D, H, rng=rng),
    }
    rows = {name: (formula, number) for name, formula, number in one_page.parameter_counts()}
    assert rows.keys() == layers.keys()
    for name, layer in layers.items():
        total = sum(value.size for value in layer.params.values())
        formula, number = rows[name]
        assert number == f"{total:,}"
        written = re.sub(r"(\d|\b)H?\(", lambda m: m[0].replace("H(", "*H*("), formula)
        written = re.sub(r"^\*", "", written)
        assert eval(written, {"D": D, "H": H}) == total
        assert {name, formula, number} <= set(words(page))


def table(clause):
    """The second column of a clause's table, by system."""
    text = (ROOT / "docs/specification.md").read_text(encoding="utf-8")
    part = text[text.index(f"### §{clause} ") :]
    part = part[: part.index("\n### ", 5)]
    return dict(re.findall(r"^\| (.+?) \| (.+?) \| \w+ \|$", part, re.MULTILINE))


@pytest.mark.parametrize(("clause", "column"), [("2.1", 0), ("2.2", 1)])
def test_the_orders_are_those_of_the_specification(clause, column):
    said = table(clause)
    for system, orders in card_texts.ORDERS.items():
        if orders[column]:
            letters = re.search(r"(?<!\w)[a-z]( [a-z])+(?!\w)", said[system])[0]
            assert letters == orders[column], system
        else:
            assert system not in said
    assert set(said) - {"system"} - card_texts.ORDERS.keys() <= {"Flax linen"}  # packs nothing


def test_npstacks_own_orders_are_those_in_which_it_packs(page):
    assert one_page.own_orders() == ("i f g o", "r z n")
    for kind, order in zip((LSTMCell, GRUCell), one_page.own_orders(), strict=True):
        cell = kind(2, 3, rng=np.random.default_rng(0))
        blocks = cell.gate_blocks("W")
        letters = sorted(blocks, key=lambda gate: blocks[gate][1].start)
        assert " ".join(cell.letters[gate] for gate in letters) == order
        assert order in words(page)


def test_the_shapes_are_those_of_a_layer():
    B, T, D, H = 2, 5, 3, 4
    sizes = {"B": B, "T": T, "D": D, "H": H, "4H": 4 * H}

    def shape(text):
        return tuple(sizes[name] for name in re.findall(r"\w+", text))

    layer = LSTM(D, H, rng=np.random.default_rng(0))
    tape = layer.forward(np.ones((B, T, D)))
    said = one_page.SHAPES
    assert tape.x.shape == shape(said["x"])
    shapes = [shape(own) for own in re.findall(r"\(.*?\)", said["W, U, b"])]
    assert [layer.params[name].shape for name in "WUb"] == shapes
    at_a_step, on_a_tape = (shape(own) for own in re.findall(r"\(.*?\)", said["i, f, g, o, c, h"]))
    for own in (*tape.gates, *tape.states):
        assert own.shape == on_a_tape
    for own in (*tape.initial, *tape.final):
        assert own.shape == at_a_step
    last = LSTM(D, H, rng=np.random.default_rng(0), return_sequences=False)
    outputs = [shape(own) for own in re.findall(r"\(.*?\)", said["outputs"])]
    assert [tape.outputs.shape, last.forward(tape.x).outputs.shape] == outputs


def test_the_commands_exist():
    own = {"gradcheck": gradcheck, "check_gradients": check_gradients, "explain": explain}
    shell, *calls = card_texts.COMMANDS
    assert shell.startswith("npstack check")
    for call in calls:
        name, _, given = call.partition("(")
        inspect.signature(own[name]).bind(*given.rstrip(")").split(", "))


@pytest.mark.parametrize("kind", ["pdf", "svg"])
def test_it_can_be_printed(page, kind):
    buffer = io.BytesIO()
    page.savefig(buffer, format=kind)
    text = buffer.getvalue().decode("latin-1")
    if kind == "pdf":
        box = re.search(r"/MediaBox \[ ?([\d. ]+) ?\]", text)[1].split()
        assert [round(float(side)) for side in box] == [0, 0, 595, 842]  # A4
        assert len(re.findall(r"/Type /Page\b", text)) == 1
    else:
        assert 'width="595' in text
        assert "<image" not in text


def test_nothing_overlaps_and_all_is_on_the_page(page):
    page.canvas.draw()
    paper = page.bbox.padded(-20)
    boxes = [(text.get_text(), text.get_window_extent()) for text in page.axes[0].texts]
    boxes = [(name, box) for name, box in boxes if name]
    for name, box in boxes:
        assert paper.contains(*box.min), name
        assert paper.contains(*box.max), name
    for (one, here), (other, there) in itertools.combinations(boxes, 2):
        wide = min(here.x1, there.x1) - max(here.x0, there.x0)
        high = min(here.y1, there.y1) - max(here.y0, there.y0)
        assert wide < 1 or high < 0.3 * min(here.height, there.height), (one, other)


def test_letters_can_be_read(page):
    assert min(text.get_fontsize() for text in page.axes[0].texts) >= 7


def test_the_notes_on_storage_are_those_of_the_specification():
    (note,) = [line for line in card_texts.ORDERS_NOTE if "transposed" in line]
    kernels, biases = table("2.3"), table("2.4")
    for name, system in {"PyTorch": "PyTorch", "ONNX": "onnxruntime", "JAX": "JAX"}.items():
        assert name in note
        assert "transposed" in kernels[system]
        assert biases[system].startswith("2")
    assert "transposed" not in kernels["Keras"]
