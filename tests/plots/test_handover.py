"""The picture of the states passed by an encoder shows what is on the tape, and nothing else."""

import numpy as np
import pytest

from npstack import LSTM, EncoderDecoder, SourceTarget, StackedLSTM, analysis, plots
from npstack.core.errors import ArgumentError, ShapeError, TapeError
from tests.plots.drawn import panels
from tests.seq2seq.pairs import draw_pairs


def labels(ax):
    return [tick.get_text() for tick in ax.get_xticklabels()]


@pytest.mark.parametrize("reverse_source", [False, True])
def test_states_of_both_sides_stand_side_by_side(reverse_source):
    pairs = draw_pairs(1, masked="lengths", reverse_source=reverse_source)
    tape, row = pairs.forward(), 2
    valid = [part.mask[row] for part in tape.parts]
    source, target = "abcde"[: valid[0].sum()], "vwxyz"[: valid[1].sum()]
    picture = plots.handover(tape, source, target, row=row)
    top, bottom = panels(picture)
    assert labels(bottom) == [*(source[::-1] if reverse_source else source), *target]
    for k, ax in enumerate((bottom, top)):
        meshes = zip(ax.collections, tape.parts, valid, strict=True)
        for mesh, part, mask in meshes:
            drawn = mesh.get_array().T
            assert (drawn == part.layers[k].states.h[row][mask]).all()
        between = [line for line in ax.lines if set(line.get_xdata()) == {len(source) - 0.5}]
        assert len(between) == 1


def wide_tape():
    rng = np.random.default_rng(0)
    sides = [StackedLSTM(1, [12, 9], rng=rng) for _ in range(2)]
    x = SourceTarget(rng.standard_normal((1, 5, 1)), rng.standard_normal((1, 4, 1)))
    return EncoderDecoder(*sides).forward(x)


def drawn_units(ax):
    return [int(label.get_text()) for label in ax.get_yticklabels()]


def test_of_many_units_a_few_are_drawn_the_same_on_both_sides():
    tape = wide_tape()
    top, bottom = panels(plots.handover(tape, "abcde", "^xyz"))
    assert drawn_units(bottom) == [0, 2, 3, 5, 6, 8, 9, 11]
    assert bottom.get_title(loc="left") == "layer 0 · 12 units, 8 of them"
    assert len(drawn_units(top)) == 8
    for mesh, part in zip(bottom.collections, tape.parts, strict=True):
        h = part.layers[0].states.h[0]
        np.testing.assert_array_equal(mesh.get_array().T, h[:, drawn_units(bottom)])


def test_the_slowest_units_of_the_encoder_are_drawn_on_request():
    tape = wide_tape()
    slow = analysis.slowest_first(tape.parts[0])
    picture = plots.handover(tape, "abcde", "^xyz", units=3)
    for ax, order in zip(reversed(panels(picture)), slow, strict=True):
        assert drawn_units(ax) == order[:3].tolist()
        assert ax.get_title(loc="left").endswith(", the 3 slowest")
    top, bottom = panels(plots.handover(tape, "abcde", "^xyz", units=[[7], [2, 1]]))
    assert (drawn_units(bottom), drawn_units(top)) == ([7], [2, 1])
    with pytest.raises(ArgumentError, match=r"units of each of the layers of \[12, 9\]"):
        plots.handover(tape, "abcde", "^xyz", units=[[7], [9]])


def test_a_row_without_source_and_sides_of_unequal_depth():
    rng = np.random.default_rng(0)
    sides = LSTM(1, 3, rng=rng), StackedLSTM(1, [3, 2], rng=rng)
    mask = np.array([[True, True], [False, False]])
    x = SourceTarget(np.ones((2, 2, 1)), np.ones((2, 3, 1)), mask)
    tape = EncoderDecoder(*sides, handover="top").forward(x)
    counts = [
        [len(ax.collections) for ax in panels(plots.handover(tape, source, "abc", row=row))]
        for row, source in enumerate(["ab", ""])
    ]
    assert counts == [[1, 2], [1, 1]]  # the decoder's upper layer has no partner; no source


def test_wrong_calls():
    pairs = draw_pairs(1, masked="none")
    tape = pairs.forward()
    with pytest.raises(ShapeError, match="source must be 5 labels"):
        plots.handover(tape, "abcd", "vwxy")
    with pytest.raises(ShapeError, match="target_in must be 4 labels"):
        plots.handover(tape, "abcde", "v")
    with pytest.raises(ArgumentError, match="row"):
        plots.handover(tape, "abcde", "vwxy", row=4)
    with pytest.raises(TapeError, match="of an EncoderDecoder"):
        plots.handover(tape.parts[0], "abcde", "vwxy")
    nothing = np.zeros((4, 5), bool), np.zeros((4, 4), bool)
    empty = pairs.model.forward(pairs.x._replace(source_mask=nothing[0]), mask=nothing[1])
    with pytest.raises(ShapeError, match="row 0 must have a valid step"):
        plots.handover(empty, "", "")
