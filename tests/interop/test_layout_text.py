"""What is printed: a layout, a report, a layer that was brought in, a reading, a part."""

import re

import numpy as np
import pytest

from npstack import GRU, LSTM
from npstack.interop.candidates import readings
from npstack.interop.imported import Report, Row
from npstack.interop.known_layouts import LAYOUTS
from npstack.interop.parts import RecurrentPart
from npstack.interop.reading import read
from npstack.interop.writing import write
from tests.interop.by_formula import FORMULAS

ORDERS = {
    "ifgo": "pytorch pytorch-cell keras jax flax-nnx keras2 keras2-cudnn equinox cudnn mxnet",
    "iofg": "onnx",
    "igfo": "tf1 haiku",
    "ifog": "dynet",
    "figo": "openvino",
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_paragraph_names_every_array_with_its_shape(layout):
    text = str(LAYOUTS[layout])
    assert text.startswith(f"{layout}: ")
    for (name, cell), formula in FORMULAS.items():
        if name != layout:
            continue
        title = {"lstm": "An LSTM has", "gru": "A GRU has", "rnn": "An Elman network has"}
        (line,) = (own for own in text.splitlines() if own.startswith(title[cell.split()[0]]))
        for row in formula.table.strip().splitlines():
            array, shape = row.split()[:2]
            shape = shape.replace(",", ", ").replace("D+P", "D + H").replace("D+H", "D + H")
            shape = shape.replace("1H", "H")
            if not array.startswith("weight_hr") and "projection" not in row:
                shape = shape.replace("P", "H")
            assert re.search(rf"\b{re.escape(array)} \(", line), array
            assert f"({shape})" in line[line.index(f"{array} (") :].split(";")[0], (array, shape)


@pytest.mark.parametrize("order", ORDERS)
def test_a_paragraph_says_the_order_of_the_gates(order):
    for layout in ORDERS[order].split():
        assert f"in the order {', '.join(order)} (§2.1)" in str(LAYOUTS[layout]).splitlines()[1]


def test_a_paragraph_says_what_is_odd():
    said = {name: str(layout) for name, layout in LAYOUTS.items()}

    def those(words):
        return {name for name, text in said.items() if words in text}

    assert those("1 is added to the forget gate") == {"tf1", "dynet", "haiku"}
    assert those("the share that is replaced") == {"haiku", "lasagne"}
    assert those("no bias inside the reset product") == {"flax-nnx", "lasagne"}
    assert those("axis for the directions in front") == {"onnx", "openvino"}
    assert those("hard_sigmoid_fifth") == {"keras2"}
    assert those("coupled gates") == {"onnx", "coreml"}
    both = those("after the product (§3.7) or before") | those("before the product (§3.8) or after")
    assert both == {"keras", "keras2", "onnx"}
    live = {"pytorch", "pytorch-cell", "keras", "onnx", "jax", "flax-linen", "flax-nnx"}
    assert set(LAYOUTS) - those("no test runs it") == live


def test_a_report_is_a_table():
    layer = GRU(3, 2, rng=np.random.default_rng(0))
    arrays, report = write(layer, "flax-linen")
    lines = str(report).splitlines()
    assert lines[0].split() == ["array", "what", "was", "done", "clause", "lossless"]
    assert [line.split()[0] for line in lines[1:]] == list(arrays)
    assert all(line.endswith("yes") for line in lines[1:])
    assert len({line.rindex("§") for line in lines[1:] if line.count("§") == 1}) == 1  # columns


def test_a_report_says_what_was_assumed():
    text = str(Report((Row("kernel", "copied", "§2.1", True),), ("gates sigmoid",)))
    assert text.splitlines()[-1] == "Assumed: gates sigmoid"
    arrays, _ = write(LSTM(3, 2, rng=np.random.default_rng(0)), "haiku")
    found = read(arrays, "haiku")
    assert "Assumed: 1 is added to the forget gate at run time (§2.6)" in str(found.report)
    assert "kept as a part of the cell, ForgetBias" in str(found.report)
    assert not found.report.assumed[1:]
    assert not read(arrays, "haiku", forget_bias=1.0).report.assumed


def test_what_was_brought_in_says_what_it_is_and_where_it_came_from():
    arrays, _ = write(LSTM(3, 2, rng=np.random.default_rng(0)), "pytorch")
    found = read(arrays, "pytorch", source="encoder of model.pt")
    first, *table = str(found).splitlines()
    assert first == "LSTM(3 -> 2, 48 parameters) from pytorch: encoder of model.pt"
    assert "\n".join(table) == str(found.report)


def test_a_reading_and_a_part():
    arrays, _ = write(LSTM(3, 2, rng=np.random.default_rng(0)), "dynet")
    assert str(readings(arrays)[0]) == "dynet(forget_bias=1.0)"
    part = RecurrentPart("enc.rnn", "gru", 3, 2, 2, True, "pytorch", {})
    assert str(part) == "enc.rnn: 2 x gru 3 -> 2, two directions, pytorch"
    other = RecurrentPart("", "lstm", 3, 2, 1, False, "onnx", {}, "Export it in float32.")
    assert str(other) == (
        "(the model): lstm 3 -> 2, onnx. Not to be brought in: Export it in float32."
    )
