"""The path of x from `StackedLSTM.forward` to the equations: few folders, and each file once."""

import traceback
from pathlib import Path

import numpy as np
import pytest

import npstack
from npstack import LSTMCell, StackedLSTM
from npstack.layers import Layer

PACKAGE = Path(npstack.__file__).parent


def test_the_road_to_the_cell_is_short(monkeypatch):
    roads = []
    step = LSTMCell.step

    def note(*arguments):
        frames = traceback.extract_stack()
        inside = [
            Path(frame.filename) for frame in frames if PACKAGE in Path(frame.filename).parents
        ]
        roads.append([file.relative_to(PACKAGE).as_posix() for file in inside])
        return step(*arguments)

    monkeypatch.setattr(LSTMCell, "step", staticmethod(note))
    stack = StackedLSTM(1, [3, 2], rng=np.random.default_rng(0))
    stack.forward(np.ones((1, 2, 1)))
    for road in roads:  # and from there to cells/lstm.py
        assert road == ["layers/base.py", "layers/chain.py", "layers/recurrent.py"]
    assert len(roads) == 4


@pytest.mark.parametrize("kind", [StackedLSTM, npstack.StackedGRU, npstack.BidirectionalStacked])
def test_a_stack_is_at_most_four_classes_deep(kind):
    assert len([base for base in kind.__mro__ if issubclass(base, Layer)]) <= 4
