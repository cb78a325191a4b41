"""The picture of the states passed by an encoder shows what is on the tape, and nothing else."""

import numpy as np
import pytest

from npstack import LSTM, EncoderDecoder, SourceTarget, StackedLSTM, plots
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
        (line,) = ax.lines
        assert set(line.get_xdata()) == {len(source) - 0.5}


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
