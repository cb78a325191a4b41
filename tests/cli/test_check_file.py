"""``npstack check FILE.py``: what it finds in a file, what it says, its exit codes."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from npstack.cli import main as cli
from npstack.cli.commands.check import CELLS, STYLES
from npstack.verify.mistakes.explanation import Explanation
from npstack.verify.other_code.adapt import STYLES as ALL_STYLES
from npstack.verify.other_code.file_check import check_file
from npstack.verify.other_code.packing import KINDS
from tests.verify import column_pairs, course_pairs

RIGHT = Path(course_pairs.__file__).read_text(encoding="utf-8")


def step_only(old="", new=""):
    """The LSTM's step and nothing else, with one expression exchanged for another."""
    text = RIGHT[: RIGHT.index("def lstm_forward")]
    if new.endswith("("):  # the rest of the line is left, but not used
        end = text[text.index(old) :].splitlines()[0]
        return text.replace(end, end.replace(old, new) + ")")
    assert old in text
    return text.replace(old, new) if old else text


def test_a_right_pair(check):
    code, out, _ = check(step_only())
    assert code == 0
    assert out.startswith("lstm_step_forward and lstm_step_backward: one step of an LSTM\n")
    assert "right: these are the numbers of an LSTM" in out
    assert re.search(r"gradients of 2 steps: \d+ blocks right by complex step", out)
    assert "laws: 23 of 23 hold" in out


def test_a_wrong_line_is_named_and_the_smallest_case_comes_first(check):
    line = "dnext_c * prev_c * f"
    assert RIGHT.count(line) == 1
    code, out, _ = check(step_only(line, "dnext_c * next_c * f"))
    assert code == 1
    report = out.splitlines()
    assert report[2].startswith("wrong; the smallest case that is: T = 1, B = 1")
    assert "uses c for c' in df" in out
    assert "as if:   df = dc * new_state.c" in out
    assert re.search(r"^gradients of 1 step:$", out, re.MULTILINE)
    assert "laws: 23 of 23 hold; they do not see what is wrong" in out


@pytest.mark.slow
def test_if_the_step_is_right_only_mistakes_of_the_loop_are_named(check):
    text, line = RIGHT[: RIGHT.index("def lstm_full_forward")], "dh[:, t] + dprev_h, dprev_c"
    assert text.count(line) == 1
    code, out, _ = check(text.replace(line, "dh[:, t] + dprev_h, 0 * dprev_c"))
    assert code == 1
    step, _, loop = out.partition("lstm_forward and lstm_backward: ")
    assert "right: these are the numbers of an LSTM" in step
    assert "whose loop over time, backward, does not add the gradient of c" in loop
    assert "equation" not in loop
    assert "lstm_step_backward is right, so only mistakes of the loop are named" in loop


@pytest.mark.slow
def test_a_sequence_with_buffers(check):
    code, out, _ = check(RIGHT, "--forward", "lstm_forward")
    assert code == 0
    assert "lstm_forward and lstm_backward: a sequence of an LSTM" in out
    assert "blocks right by differences" in out


@pytest.mark.slow
def test_samples_in_columns(check):
    text = Path(column_pairs.__file__).read_text(encoding="utf-8")
    code, out, _ = check(text, "--forward", "rnn_cell_forward")
    assert code == 0
    assert "rnn_cell_forward and rnn_cell_backward: one step of a plain recurrent network" in out


@pytest.mark.slow
def test_every_pair_of_a_file_is_found(check):
    code, out, _ = check(RIGHT)
    assert code == 0
    found = re.findall(r"^(\w+) and (\w+): ", out, re.MULTILINE)
    assert len(found) == 8
    assert all(ahead.replace("forward", "backward") == back for ahead, back in found)


CELL = """
from npstack import LSTMCell

class Mine(LSTMCell):
    def step_backward(self, params, x, state, gates, new_state, dnew_state, noise=None):
        dnew_state = dnew_state._replace(c=0 * dnew_state.c)
        return super().step_backward(params, x, state, gates, new_state, dnew_state)
"""


def test_a_cell_of_the_package(check):
    code, out, _ = check(CELL)
    assert code == 1
    assert out.startswith("Mine: one step of an LSTM\n")
    assert "lacks the carried dc" in out


OWN = """
import numpy as np
from npstack import RNNState
from npstack.cells import Cell

class Gain(Cell):
    def __init__(self, input_size, hidden_size, *, rng, dtype):
        self.input_size, self.hidden_size = input_size, hidden_size
        self.state_sizes, self.record_sizes = RNNState(hidden_size), RNNState(hidden_size)
        self.params = {"V": rng.standard_normal((input_size, hidden_size)).astype(dtype)}

    def step(self, params, x, state, noise=None):
        h = state.h / 2 + x @ params["V"]
        return RNNState(h), RNNState(h)

    def step_backward(self, params, x, state, record, new_state, dnew, noise=None):
        return {"V": x.T @ dnew.h}, dnew.h @ params["V"].T, RNNState(dnew.h / 2)
"""


@pytest.mark.slow
def test_a_cell_of_ones_own(check):
    code, out, _ = check(OWN)
    assert code == 0
    assert out.startswith("Gain: one step of a cell of its own\n")
    code, out, _ = check(OWN.replace("x.T @ dnew.h", "x.T @ x @ params['V']"))
    assert code == 1


@pytest.mark.slow
def test_a_forward_that_is_no_lstm_is_wrong(check):
    line = "next_h = o * np.tanh(next_c)"
    code, out, _ = check(step_only(line, "next_h = o * next_c"))
    assert code == 1
    assert "has no tanh around c" in out
    assert "the gates are packed i, f, o, g" in out
    code, out, _ = check(step_only(line, "next_h = o * np.tanh(next_c) + next_c**2"))
    assert code == 1
    assert "wrong: its forward gives other numbers in all 24 orders of i, f, g, o" in out
    assert "gradients of 1 step:" in out


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "return da @ Wx.T, ",
            "raise NotImplementedError; (",
            "it must be written, got NotImplementedError at line",
        ),
        ("return da @ Wx.T, ", "return 0; (", "it must return dx"),
        ("tanh_c = np.tanh(next_c)\n", "import os; os._exit(5)\n", "with exit code 5"),
        pytest.param(
            *("tanh_c = np.tanh(next_c)\n", "while True: pass\n", "within 1 s"),
            marks=pytest.mark.slow,
        ),
        ("tanh_c = np.tanh(next_c)\n", "1 / 0\n", "ZeroDivisionError"),
        ("tanh_c = np.tanh(next_c)\n", "tanh_c = next_c / 0\n", "dx must be finite"),
    ],
)
def test_code_that_does_not_run_is_wrong_in_words(check, old, new, words):
    assert RIGHT.count(old) >= 1
    code, out, _ = check(step_only(old, new), "--seconds", "1")
    assert (code, words in out) == (1, True), out


@pytest.mark.slow
def test_functions_of_numpy_that_are_replaced_are_reported(check):
    code, out, _ = check(step_only("def sigmoid", "np.dot = max\n\n\ndef sigmoid"))
    assert code == 0
    assert "it replaces functions of NumPy: dot" in out


@pytest.mark.slow
def test_what_is_left_out_is_said(check):
    less = step_only("return da @ Wx.T, da", "return None, da")
    code, out, _ = check(less)
    assert code == 0
    assert "not returned, so not compared: dx" in out
    assert "MISSING: dx" in out


@pytest.mark.parametrize(
    ("old", "new", "names"),
    [
        ("da.sum(axis=0)\n", "None\n", "db is"),
        pytest.param(
            *("dWx, dWh, db\n", "None, dWh, None\n", "dWx and db are"),
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_parameter_without_a_gradient_is_incomplete_and_not_wrong(check, old, new, names):
    code, out, _ = check(step_only(old, new))
    assert code == 1
    assert f"\nincomplete: {names} not returned; all others are right\n" in out
    assert "MISSING" in out
    assert not re.search("WRONG|ERROR|right: |Begin with", out)
    assert re.search(r"laws: (\d+) of \1 hold", out)


@pytest.mark.slow
def test_only_gradients_of_inputs_and_states_may_be_left_out(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(step_only(), encoding="utf-8")
    (checked,) = check_file(path, input_size=2, hidden_size=3, steps=2)
    assert checked.passed
    assert replace(checked, missing=("x", "h", "c")).passed
    assert not replace(checked, missing=("b",)).passed
    assert not replace(checked, explanation=Explanation("lstm", right=False)).passed
    assert not replace(checked, trouble="it does not run").passed


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("def f(:\n", "SyntaxError"),
        ("import nothing_there\n", "ModuleNotFoundError"),
        ("def f(x):\n    return x\n", "got functions: f. If they have other names"),
        ("", "got functions: none"),
    ],
)
def test_a_bad_file_is_exit_code_3(check, text, words):
    code, out, err = check(text)
    assert (code, out) == (3, "")
    assert words in err
    assert err.startswith("npstack: mine.py: ")


def test_a_function_that_is_not_there(check):
    code, _, err = check(step_only(), "--forward", "nope")
    assert code == 3
    assert "it must define the function nope" in err


@pytest.mark.parametrize(
    "options",
    [["--dropout", "0.1"], ["--dropout", "0.2"], ["--last-step"], ["--hidden-sizes", "4"]],
)
def test_options_of_a_stack_do_not_go_with_a_file(check, options):
    code, out, err = check(step_only(), *options)
    assert (code, out) == (2, "")
    assert f"{options[0]} must go with a stack, got it with a file" in err


@pytest.mark.parametrize("option", ["--forward", "--gates", "--hidden-size", "--seconds"])
def test_options_of_a_file_do_not_go_without_one(capsys, option):
    assert cli.main(["check", option, "3"]) == 2
    assert f"{option} must go with a file" in capsys.readouterr().err


def test_the_words_on_the_command_line_are_those_of_foreign():
    assert set(CELLS) == set(KINDS)
    assert STYLES == ALL_STYLES


SUM = "a = x @ Wx + prev_h @ Wh + b\n"
BUFFER = "a = np.zeros((len(x), len(b)), dtype=np.float32)\n    a[:] = x @ Wx + prev_h @ Wh + b\n"


@pytest.mark.slow
def test_a_buffer_in_float32_is_not_called_wrong_and_the_advice_works(check):
    code, out, _ = check(step_only(SUM, BUFFER))
    assert code == 1
    assert "not checked: lstm_step_forward: it must compute in float64" in out
    assert "np.zeros_like(x)" in out
    assert "--dtype float32" in out
    code, out, _ = check(step_only(SUM, BUFFER), "--dtype", "float32")
    assert code == 0
    assert "right: these are the numbers of an LSTM" in out
    assert not re.search("WRONG|ERROR|inf", out)


def test_a_backward_in_float32_is_not_called_wrong(check):
    line = "return da @ Wx.T, da"
    text = step_only(line, f"da = da.astype(np.float32).astype(x.dtype)\n    {line}")
    code, out, _ = check(text)
    assert code == 1
    assert "not checked: lstm_step_backward: it must compute in float64" in out
    assert not re.search("WRONG|wrong:", out)


@pytest.mark.slow
def test_a_wrong_backward_of_a_forward_in_float32_is_still_wrong(check):
    text = step_only(SUM, BUFFER).replace("dnext_c * prev_c * f", "dnext_c * next_c * f")
    code, out, _ = check(text, "--dtype", "float32")
    assert code == 1
    assert "uses c for c' in df" in out


def test_states_in_each_others_place_are_asked_about(check):
    code, out, _ = check(step_only("(x, prev_h, prev_c, Wx", "(x, prev_c, prev_h, Wx"))
    assert code == 1
    assert "wrong: lstm_step_forward: it must have h before c" in out
    assert "Are the arguments in the order x, h, c, Wx, Wh, b?" in out
