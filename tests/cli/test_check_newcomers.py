"""``npstack check FILE.py`` on what newcomers bring: classes, other arguments, own cells."""

import pytest

from tests.cli.test_check_file import step_only

CLASS = """
import numpy as np

def sigmoid(a):
    return 1 / (1 + np.exp(-a))

class Net:
    def forward(self, x):
        return sigmoid(x)

    def backward(self, dy):
        return dy
"""


def test_a_class_is_named_and_the_way_out(check):
    code, _, err = check(CLASS)
    assert code == 3
    assert "functions: sigmoid; classes: Net" in err
    assert "Methods of a class: write two functions that call them." in err


def test_other_arguments_are_shown_and_the_way_out(check):
    text = "def lstm_step_forward(hx, c, W, b):\n    return hx, c, b\n\n"
    code, out, _ = check(text + "def lstm_step_backward(dh, dc, cache):\n    return dh\n")
    assert code == 1
    assert "it must take x, h, c, Wx, Wh, b, got 4 arguments, hx, c, W, b" in out
    assert "write two functions that call yours" in out


CELL = """
import numpy as np
from npstack import LSTMCell

class Mine(LSTMCell):
    {line}
        {body}
"""


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("def step_backward(self, params, dstate, cache):", "got params, dstate, cache"),
        ("def step_backward(self):", "got nothing"),
        ("def step(self, x):", "it must take params, x, state, got x"),
        ("def __init__(self, D, H):", "it must be made by Mine(input_size, hidden_size, rng="),
        ("def __init__(self):", "it must be made by Mine(input_size, hidden_size, rng="),
    ],
)
def test_methods_of_a_cell_that_take_something_else(check, line, words):
    code, out, _ = check(CELL.format(line=line, body="return None"))
    assert code == 1
    assert out.startswith("Mine\n\nnot checked: Mine")
    assert words in out
    for inside in ("positional", "argument 1", "keyword", "Leave it out", ".."):
        assert inside not in out, out


def test_an_exception_in_a_constructor_is_shown_with_its_line(check):
    line = "def __init__(self, input_size, hidden_size, *, rng, dtype):"
    _, out, _ = check(CELL.format(line=line, body="self.sizes = sise"))
    assert "Mine: it must run, got NameError: name 'sise' is not defined (line 7 of mine.py" in out


def test_in_the_table_a_missing_gradient_has_no_numbers(check):
    code, out, _ = check(step_only("da.sum(axis=0)\n", "None\n"))
    assert code == 1
    assert "MISSING" in out
    assert "nan" not in out
    assert "inf" not in out


CLIPPED = "np.clip(da.sum(axis=0), -0.1, 0.1)"
ONE_GATE = "da.sum(axis=0) * np.repeat([1, 3, 1, 1], 3)"


@pytest.mark.parametrize(("db", "only"), [(CLIPPED, False), (ONE_GATE, True)])
def test_one_gate_is_accused_alone_only_if_no_case_shows_another(check, db, only):
    _, out, _ = check(step_only("da.sum(axis=0)\n", f"{db}\n"))
    assert "mistakes, each tried alone, gives these numbers; your forward is right" in out
    words = "Of the parameters, only those of the gate f get wrong gradients in cases with T = 1."
    assert (words in out) is only
    assert ("only those of the gate" in out) is only
