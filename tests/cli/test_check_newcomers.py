"""``npstack check FILE.py`` on what newcomers bring: classes, other arguments, own cells."""

import pytest

from npstack.cli import main as cli
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


SEQUENCE = """
import numpy as np

def sigmoid(a):
    return 1 / (1 + np.exp(-a))

def lstm_forward(x, {state}Wx, Wh, b):
    T, B, D = x.shape
    {make}
    c, hs = np.zeros_like(h), []
    for t in range(T):
        i, f, g, o = np.split(x[t] @ Wx + h @ Wh + b, 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        hs.append(h)
    return np.stack(hs), None

def lstm_backward(dhs, cache):
    raise NotImplementedError
"""


@pytest.mark.parametrize(
    ("state", "make"), [("", "h = np.zeros((B, len(Wh)))"), ("h0, ", "h = h0")]
)
def test_sequences_with_time_first_are_not_called_wrong(check, state, make):
    code, out, _ = check(SEQUENCE.format(state=state, make=make))
    assert code == 1
    assert "not checked: lstm_forward: it must read x (B, T, D), got" in out
    assert "x (T, B, D)" in out
    assert "wrong" not in out


def test_a_forward_that_draws_is_not_called_wrong(check):
    drawing = "return next_h * (np.random.rand(*next_h.shape) < 0.5), "
    code, out, _ = check(step_only("return next_h, ", drawing))
    assert code == 1
    assert "not checked: lstm_step_forward: it must return the same twice" in out
    assert "wrong" not in out


@pytest.mark.slow
def test_another_forward_with_a_right_backward(check):
    code, out, _ = check(step_only("prev_h @ Wh + b", "prev_h @ Wh + b + 0.1"))
    assert code == 1
    assert "Your backward is the derivative of your forward: only the forward is off." in out


def test_a_backward_that_returns_nothing(check):
    code, out, _ = check(step_only("return da @ Wx.T", "unused = da @ Wx.T"))
    assert code == 1
    assert "it must return dx, dh, dc, dWx, dWh, db, got None. Is it not written yet" in out


def test_keys_that_are_no_gradients_are_shown_if_one_is_missing(check):
    end = "return da @ Wx.T, da @ Wh.T, dnext_c * f, "
    wanted = "return dict(dx=da @ Wx.T, dh=da @ Wh.T, dprev_c=dnext_c * f, dWx=x.T @ da, "
    line = next(line for line in step_only().splitlines() if end in line).strip()
    code, out, _ = check(step_only(line, wanted + "dWh=prev_h.T @ da, bias_grad=da.sum(axis=0))"))
    assert code == 1
    assert "incomplete: db is not returned" in out
    assert "its keys bias_grad are names of no gradient" in out


def test_a_folder_is_no_file(tmp_path, capsys):
    assert cli.main(["check", str(tmp_path)]) == 3
    told = capsys.readouterr().err
    assert "must lead to a file, got a folder" in told
    assert "Program" not in told
    assert cli.main(["grade", str(tmp_path)]) == 3
    assert f"npstack grade --all {tmp_path}" in capsys.readouterr().err


def test_an_axis_too_many_is_noted(check):
    code, out, _ = check(step_only("da.sum(axis=0)\n", "da.sum(axis=0, keepdims=True)\n"))
    assert code == 0
    assert "db has shape (1, 12), with one axis more than its parameter" in out
