"""Dropout between layers: drawn for every step, or once for all steps of a row."""

import numpy as np
import pytest

from npstack import ArgumentError, Dropout

pytestmark = pytest.mark.core


def run(each_step, x):
    layer = Dropout(0.4, each_step=each_step)
    return layer, layer.forward(x, rng=np.random.default_rng(0))


def test_variational_dropout_draws_once_for_all_steps_of_a_row():
    x = np.ones((50, 6, 4))
    _, tape = run(False, x)
    assert tape.noise.shape == (50, 4)
    assert (tape.outputs == np.where(tape.noise[:, None], 1 / 0.6, 0.0)).all()
    assert tape.noise.any()
    assert not tape.noise.all()
    assert not (tape.noise == tape.noise[0]).all()


def test_plain_dropout_draws_for_every_step():
    assert [Dropout(0.1).each_step, Dropout(0.1, each_step=False).each_step] == [True, False]
    _, tape = run(True, np.ones((5, 6, 4)))
    assert tape.noise.shape == (5, 6, 4)
    assert not (tape.noise == tape.noise[:, :1]).all()


@pytest.mark.parametrize("each_step", [True, False])
def test_what_is_dropped_forward_is_dropped_backward(each_step):
    layer, tape = run(each_step, np.ones((5, 6, 4)))
    dx = layer.backward(tape, np.full(tape.outputs.shape, 3.0)).x
    assert (dx == 3 * tape.outputs).all()


@pytest.mark.parametrize("shape", [(5, 4), (7, 6, 4)])
def test_without_time_both_are_one(shape):
    x = np.ones(shape)
    assert run(False, x)[1].noise.shape == (shape[0], 4)
    assert run(True, x)[1].noise.shape == shape


def test_draws_of_the_other_kind_are_refused():
    x = np.ones((5, 6, 4))
    noise = run(True, x)[1].noise
    with pytest.raises(ArgumentError, match=r"noise must be boolean of shape \(5, 4\)"):
        Dropout(0.4, each_step=False).forward(x, noise=noise)
