"""Pictures change nothing, keep matplotlib's global state alone; the diagram shows the layers."""

import subprocess
import sys
import textwrap

import numpy as np
import pytest

from npstack import GRU, LSTM, RNN, Dense, Embedding, Sequential, StackedLSTM, plots
from npstack.plots.unrolled import BOX
from tests.plots.drawn import MASK, T, assert_drawable, stack_and_tape


def test_pictures_touch_no_global_state(tmp_path):
    program = """
        import sys
        import numpy as np
        import npstack
        import npstack.plots
        assert "matplotlib" not in sys.modules
        assert "activations" in dir(npstack.plots)
        assert "matplotlib" not in sys.modules
        layer = npstack.LSTM(1, 2, rng=np.random.default_rng(0))
        tape = layer.forward(np.ones((1, 4, 1)))
        picture = npstack.plots.activations(tape)
        import matplotlib
        before = matplotlib.rcParams.copy()
        npstack.plots.gates(tape).savefig(sys.argv[1])
        npstack.plots.diagram(layer)._repr_png_()
        assert "matplotlib.pyplot" not in sys.modules
        assert dict.items(matplotlib.rcParams) == dict.items(before)
        try:
            npstack.plots.nothing
        except AttributeError as error:
            assert "nothing" in str(error)
        else:
            raise SystemExit("npstack.plots offers what it does not have")
    """
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(program)]
    command.append(str(tmp_path / "gates.png"))
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_notebook_shows_a_picture_as_png():
    _, tape = stack_and_tape()
    assert plots.activations(tape, row=1)._repr_png_()[:8] == b"\x89PNG\r\n\x1a\n"


def test_arrays_on_the_tape_stay_as_they_are_and_may_be_write_protected():
    stack, tape = stack_and_tape()
    for layer in tape.layers:
        for values in (*layer.states, *layer.gates, layer.x, layer.mask, layer.outputs):
            values.flags.writeable = False
    kept = [values.copy() for layer in tape.layers for values in (*layer.states, *layer.gates)]
    plots.activations(tape)._repr_png_()
    plots.gates(tape.layers[1], row=1)._repr_png_()
    plots.saturation(tape)._repr_png_()
    plots.weights(tape.layers[0].params)._repr_png_()
    now = [values for layer in tape.layers for values in (*layer.states, *layer.gates)]
    for before, after in zip(kept, now, strict=True):
        np.testing.assert_array_equal(before, after)
    assert stack.forward(tape.x, mask=MASK).outputs.tobytes() == tape.outputs.tobytes()


@pytest.mark.parametrize("dtype", [np.float32, np.longdouble])
def test_tapes_of_other_floating_types_can_be_drawn(dtype):
    layer = LSTM(1, 3, rng=np.random.default_rng(6), dtype=dtype)
    tape = layer.forward(np.ones((1, T, 1), dtype))
    assert_drawable(plots.activations(tape))
    assert_drawable(plots.gates(tape))


# ---- diagram -----------------------------------------------------------------------------------


def texts(picture):
    return [(text.get_text(), *text.get_position()) for text in picture.axes[0].texts]


def boxes(picture, word):
    """Corner positions (column, row) of all boxes that hold a word."""
    return sorted((x, y) for text, x, y in texts(picture) if text == word)


def test_the_diagram_shows_layers_bottom_up_with_their_shapes():
    rng = np.random.default_rng(4)
    stack = StackedLSTM(2, [5, 4], dropout=0.1, return_sequences=False, rng=rng)
    picture = plots.diagram(Sequential(stack, Dense(4, 1, rng=rng)))
    shapes = sorted((y, text) for text, _, y in texts(picture) if text.startswith("(B"))
    wanted = ["(B, T, 2)", "(B, T, 5)", "(B, T, 5)", "(B, 4)", "(B, 1)"]
    assert [text for _, text in shapes] == wanted
    rows = [round(y) for _, y in boxes(picture, "LSTM")]
    assert [x for x, _ in boxes(picture, "LSTM")] == [0, 0, 1, 1, 3, 3]
    assert rows == [0, 2, 0, 2, 0, 2]
    assert boxes(picture, "Dropout")[:3] == [(-0.8, 1), (0, 1), (1, 1)]
    assert (3, 3) in boxes(picture, "Dense")  # on the last step alone
    assert (0, 3) not in boxes(picture, "Dense")
    states = [text for text, _, _ in texts(picture) if text.startswith("h, c")]
    assert states == ["h, c  (B, 5)", "h, c  (B, 4)"]
    names = [text for text, _, _ in texts(picture) if text.startswith("layer")]
    assert names == ["layer 0 · LSTM\n2 → 5", "layer 1 · LSTM\n5 → 4"]
    assert_drawable(picture)


@pytest.mark.parametrize(("cell", "gates"), [(LSTM, "ifgo"), (GRU, "rzn"), (RNN, "")])
def test_in_each_box_are_the_letters_of_the_gates(cell, gates):
    picture = plots.diagram(cell(2, 3, rng=np.random.default_rng(0)))
    bold = [text for text in picture.axes[0].texts if text.get_weight() == "bold"]
    inside = [text for text in bold if text.get_position()[1] > -0.5]
    assert "".join(text.get_text() for text in inside) == 3 * gates  # at steps 0, 1 and T-1
    for text in inside[: len(gates)]:
        assert abs(text.get_position()[0]) < BOX[0] / 2
    below = "".join(text.get_text() for text in bold if text not in inside)
    assert below == ("ifgoch" if cell is LSTM else "")  # what the letters mean


def test_the_cell_state_goes_to_the_right_alone_and_h_also_upwards():
    words = texts(plots.diagram(StackedLSTM(2, [3, 3], rng=np.random.default_rng(0))))
    h = [(x, y) for word, x, y in words if word == "h" and y > -1]
    c = [(x, y) for word, x, y in words if word == "c" and y > -1]
    between = {-0.5, 0.5, 1.5, 2.5, 3.5}
    assert {x for x, _ in c} == between
    assert {x for x, _ in h} - between == {-0.08}  # beside the arrow upwards
    assert len(c) == len(h) - 2 == 10


def test_the_diagram_of_a_sequence_model_has_outputs_at_every_step():
    rng = np.random.default_rng(5)
    model = Sequential(Embedding(9, 3, rng=rng), LSTM(3, 4, rng=rng), Dense(4, 2, rng=rng))
    picture = plots.diagram(model)
    words = [text for text, _, _ in texts(picture)]
    assert {"x(0)", "x(1)", "x(T-1)", "y(0)", "y(1)", "y(T-1)"} <= set(words)
    assert [word for word in words if word.startswith("(B")] == [
        "(B, T)",
        "(B, T, 3)",
        "(B, T, 4)",
        "(B, T, 2)",
    ]
