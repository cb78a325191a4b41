"""What layers around layers do to sizes, to the time axis, to states and to order."""

import numpy as np
import pytest

from npstack import (
    GRU,
    LSTM,
    RNN,
    Bidirectional,
    Directions,
    Dropout,
    Embedding,
    LSTMState,
    Parallel,
    RepeatVector,
    Residual,
    Reversed,
    Sequential,
    SkipConnected,
    TimeDistributed,
)
from tests.layers.small import FLAGS, LAST, R, around, dense, lstm, read
from tests.tools.strategies import LAYERS, build, draw_input

pytestmark = pytest.mark.core

SEQUENCE = {"needs_time", "keeps_time"}
# What layers around layers say of axes and sizes: flags, input size, output size.
AROUND = {
    "residual": (lambda: Residual(lstm(3, 3)), SEQUENCE, 3, 3),
    "residual of any axes": (lambda: Residual(Dropout(0.1)), {"keeps_time"}, None, None),
    "reversed": (lambda: Reversed(lstm()), SEQUENCE, 3, 4),
    "as read": (lambda: read(3), SEQUENCE | {"turned"}, 3, 4),
    "as read twice": (lambda: Reversed(read(3), order="as_read"), SEQUENCE, 3, 4),
    "as read, the last step": (lambda: read(3, return_sequences=False), {"needs_time"}, 3, 4),
    "reversed symbols": (
        lambda: Reversed(Sequential(Embedding(5, 3, rng=R), lstm())),
        SEQUENCE | {"takes_symbols"},
        5,
        4,
    ),
    "reversed branches apart": (
        lambda: Reversed(Parallel(lstm(), lstm(), merge="none")),
        SEQUENCE | {"extra_axis"},
        3,
        4,
    ),
    "reversed, then repeated": (
        lambda: Reversed(Sequential(lstm(return_sequences=False), RepeatVector(2))),
        {"needs_time", "makes_time"},
        3,
        4,
    ),
    "step by step": (lambda: TimeDistributed(dense(3, 2)), SEQUENCE, 3, 2),
    "step by step, branches apart": (
        lambda: TimeDistributed(Parallel(dense(), dense(), merge="none")),
        SEQUENCE | {"extra_axis"},
        3,
        3,
    ),
    "branches of any axes": (lambda: Parallel(dense(), dense(3, 2)), {"keeps_time"}, 3, 5),
    "the first branch needs time": (lambda: Parallel(lstm(), dense()), SEQUENCE, 3, 7),
    "the last branch needs time": (lambda: Parallel(dense(), lstm()), SEQUENCE, 3, 7),
    "a branch of any width first": (
        lambda: Parallel(Dropout(0.1), dense(3, 2)),
        {"keeps_time"},
        3,
        5,
    ),
    "a branch of any width last": (
        lambda: Parallel(dense(3, 3), Dropout(0.1), merge="mul"),
        {"keeps_time"},
        3,
        3,
    ),
    "one branch of any width": (lambda: Parallel(Dropout(0.1)), {"keeps_time"}, None, None),
    "branches that take a vector": (
        lambda: Parallel(around(), Sequential(dense(), RepeatVector(2))),
        {"takes_vector", "makes_time"},
        3,
        6,
    ),
    "the first branch takes a vector": (
        lambda: Parallel(around(return_sequences=False), Sequential(around(), lstm(3, 2, **LAST))),
        {"takes_vector"},
        3,
        5,
    ),
    "the last branch takes any axes": (
        lambda: Parallel(dense(), dense(), merge="sum"),
        {"keeps_time"},
        3,
        3,
    ),
    "branches of the last step": (
        lambda: Parallel(lstm(**LAST), lstm(3, 2, **LAST)),
        {"needs_time"},
        3,
        6,
    ),
    "branches apart within branches": (
        lambda: Parallel(
            Parallel(dense(), dense(), merge="none"), Parallel(dense(), dense(), merge="none")
        ),
        {"keeps_time", "extra_axis"},
        3,
        6,
    ),
    "branches as read": (lambda: Parallel(read(3), read(3)), SEQUENCE | {"turned"}, 3, 8),
    "branches of symbols": (
        lambda: Parallel(Embedding(5, 3, rng=R), Embedding(5, 2, rng=R)),
        SEQUENCE | {"takes_symbols"},
        5,
        5,
    ),
    "both directions": (lambda: Bidirectional(lstm(), lstm(3, 2)), SEQUENCE, 3, 6),
    "skips": (lambda: SkipConnected(lstm(), lstm(7, 2)), SEQUENCE, 3, 6),
    "skips, the last alone": (
        lambda: SkipConnected(lstm(), lstm(7, 2), to_output=False),
        SEQUENCE,
        3,
        2,
    ),
    "skips of any axes": (lambda: SkipConnected(dense(), dense(6, 2)), {"keeps_time"}, 3, 5),
    "skips, the first needs time": (lambda: SkipConnected(lstm(), dense(7, 2)), SEQUENCE, 3, 6),
    "skips, the last needs time": (lambda: SkipConnected(dense(), lstm(6, 2)), SEQUENCE, 3, 5),
}


@pytest.mark.parametrize("name", AROUND)
def test_a_layer_around_layers_says_what_it_does_to_the_axes(name):
    build, flags, takes, gives = AROUND[name]
    layer = build()
    every = (*FLAGS, "takes_symbols")
    assert {flag for flag in every if getattr(layer.interface, flag)} == flags
    assert all(isinstance(getattr(layer.interface, flag), bool) for flag in every)
    assert (layer.input_size, layer.output_size) == (takes, gives)
    x = np.ones((2, 3)) if layer.interface.takes_vector else np.ones((2, 5, 3))
    tape = layer.forward(np.ones((2, 5), int) if layer.interface.takes_symbols else x)
    assert tape.outputs.shape[-1] == (gives or 3)
    assert (tape.outputs.ndim == 2) == (
        not layer.interface.keeps_time and not layer.interface.makes_time
    )
    dx = layer.backward(tape, np.ones_like(tape.outputs)).x
    assert dx is None if layer.interface.takes_symbols else dx.shape == x.shape


def test_what_was_turned_round_lies_in_a_row_again():
    """Strided arrays take another way through BLAS, with other bits."""
    rng = np.random.default_rng(0)
    x, mask = rng.standard_normal((4, 5, 3)), rng.random((4, 5)) < 0.6
    resets = rng.random((4, 5)) < 0.6
    for order in ("time", "as_read"):
        layer = Reversed(lstm(), order=order)
        tape = layer.forward(x, mask=mask, resets=resets)
        assert tape.turned is (order == "as_read")
        assert np.array_equal(tape.x, np.where(mask[..., np.newaxis], x, 0.0))
        dx = layer.backward(tape, tape.outputs).x
        arrays = (tape.outputs, tape.parts[0].x, dx)
        assert all(array.flags.c_contiguous for array in arrays)
        inner = tape.parts[0]
        assert not (inner.resets & ~inner.mask).any()


@pytest.mark.parametrize("length", [2, 5])
def test_branches_tell_the_layer_above_what_was_done_to_time(length):
    x, top = np.random.default_rng(0).standard_normal((2, 5, 3)), lstm(4)
    turned = read(3)
    alone, branch = Sequential(turned, top), Sequential(Parallel(turned), top)
    outputs = [model.forward(x, lengths=[5, length]).outputs for model in (alone, branch)]
    assert np.array_equal(*outputs)
    repeats = Sequential(Parallel(RepeatVector(2), Sequential(dense(), RepeatVector(2))), lstm(6))
    assert repeats.forward(x[:, 0]).outputs.shape == (2, 2, 4)


def test_branches_stand_in_the_order_in_which_they_are_given():
    one, other, last = lstm(3, 2), dense(3, 1), lstm(3, 3)
    x = np.random.default_rng(0).standard_normal((2, 5, 3))
    own = [layer.forward(x).outputs for layer in (one, other, last)]
    both = Parallel(one, other, last)
    assert np.array_equal(both.forward(x).outputs, np.concatenate(own, axis=-1))
    assert list(both.params) == ["0.W", "0.U", "0.b", "1.W", "1.b", "2.W", "2.U", "2.b"]
    apart = Parallel(one, lstm(3, 2), merge="none").forward(x).outputs
    assert np.array_equal(apart[..., 0, :], own[0])
    skips = SkipConnected(one, lstm(5, 4)).forward(x).outputs
    assert np.array_equal(skips[..., :2], own[0])


@pytest.mark.parametrize("kind", [LSTM, GRU, RNN])
def test_layers_by_name_say_in_booleans_what_they_do(kind):
    for yes in (False, True):
        layer = kind(3, 4, return_sequences=yes, learn_initial=yes, rng=R)
        assert layer.learn_initial is layer.return_sequences is layer.interface.keeps_time is yes
    usual = kind(3, 4, rng=R)
    assert (usual.return_sequences, usual.learn_initial) == (True, False)


@pytest.mark.parametrize(
    ("model", "names"),
    [
        (lambda: Residual(lstm(3, 3)), ["LSTM"]),
        (
            lambda: Reversed(Sequential(lstm(3, 3), dense())),
            ["0.LSTM", "1.Dense", "Reversed"],
        ),
        (
            lambda: Sequential(Residual(Reversed(lstm(3, 3))), dense()),
            ["0.LSTM", "1.Dense", "Sequential"],
        ),
        (lambda: TimeDistributed(Sequential(dense(), dense())), ["TimeDistributed"]),
    ],
)
def test_a_summary_lists_the_layers_that_compute(model, names):
    lines = model().summary(2, 5).splitlines()[1:-1]
    assert [line.split()[0] for line in lines] == names


def test_what_a_wrapper_does_to_time_is_told_to_the_layer_above():
    repeats = Reversed(Sequential(lstm(3, 3, **LAST), RepeatVector(2)))
    model, x = Sequential(repeats, lstm(3)), np.ones((2, 5, 3))
    alone = lstm(3)
    alone.params = model.children["1"].params
    assert np.array_equal(
        model.forward(x, lengths=[5, 1]).outputs,
        alone.forward(repeats.forward(x, lengths=[5, 1]).outputs).outputs,
    )


@pytest.mark.parametrize("kind", LAYERS)
def test_tapes_are_told_apart_by_identity(kind):
    """They hold arrays, of which neither equality nor a hash would be of use."""
    rng = np.random.default_rng(0)
    layer = build(kind, rng)
    one, other = (layer.forward(draw_input(layer, rng, 2, 3)) for _ in range(2))
    assert len({one, other}) == 2
    assert isinstance(one.parts, tuple)
    assert one != other


def test_what_stands_around_a_recurrent_layer_shows_the_state_it_began_with():
    rng = np.random.default_rng(3)
    x, (h, c, k, m) = rng.standard_normal((2, 5, 3)), rng.standard_normal((4, 2, 3))
    one, other = LSTMState(h, c), LSTMState(k, m)

    def same(found, given):
        return found._fields == given._fields and all(map(np.array_equal, found, given))

    for layer in (Residual(lstm(3, 3)), Reversed(lstm(3, 3)), Residual(Reversed(lstm(3, 3)))):
        tape = layer.forward(x, one)
        assert same(tape.initial, one)
        assert same(tape.slots[0].initial, one)
        assert same(layer.forward(x, tape.final).initial, tape.final)
    tape = Bidirectional(lstm(3, 3), lstm(3, 3)).forward(x, Directions(one, other))
    assert isinstance(tape.initial, Directions)
    assert same(tape.initial.forward, one)
    assert same(tape.initial.backward, other)
    assert same(tape.slots[0].initial.backward, other)


@pytest.mark.parametrize("order", ["time", "as_read"])
def test_turned_round_twice_is_the_layer_itself_with_resets_at_any_step(order):
    """What begins with the first valid step divides nothing from the end, and is not forgotten."""
    rng = np.random.default_rng(4)
    layer = lstm(3, 4, learn_initial=True)
    layer.params = {k: v + 0.3 * rng.standard_normal(v.shape) for k, v in layer.params.items()}
    twice = Reversed(Reversed(layer, order=order), order=order)
    mask, resets = rng.random((8, 5)) < 0.7, rng.random((8, 5)) < 0.5
    mask[:2], resets[:, 0] = True, True
    mask[2, 0] = False
    given = {"x": rng.standard_normal((8, 5, 3)), "mask": mask, "resets": resets}
    states = LSTMState(*rng.standard_normal((2, 8, 4)))
    tapes = [one.forward(states=states, **given) for one in (layer, twice)]
    assert np.array_equal(tapes[0].outputs, tapes[1].outputs)
    doutputs = rng.standard_normal((8, 5, 4))
    plain, found = (
        one.backward(tape, doutputs) for one, tape in zip((layer, twice), tapes, strict=True)
    )
    assert np.array_equal(plain.x, found.x)
    assert all(np.array_equal(value, found.params[name]) for name, value in plain.params.items())
    assert all(map(np.array_equal, plain.initial_states, found.initial_states))


@pytest.mark.parametrize("steps", [3, 7])
def test_resets_end_with_the_time_axis_that_they_are_of(steps):
    """A `Reversed` above a new time axis once got those of the axis below."""
    rng = np.random.default_rng(0)
    model = Sequential(
        Reversed(LSTM(2, 3, rng=rng), order="as_read"),
        LSTM(3, 3, return_sequences=False, rng=rng),
        RepeatVector(steps),
        Reversed(LSTM(3, 2, rng=rng)),
    )
    x, resets = rng.standard_normal((2, 5, 2)), rng.random((2, 5)) < 0.5
    tape = model.forward(x, resets=resets)
    assert tape.parts[-1].parts[0].resets is None
