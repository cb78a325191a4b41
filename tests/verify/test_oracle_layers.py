"""The oracle's layers against sums done by hand: the cell is an adder, so a layer adds up."""

from typing import Any

import pytest

from npstack.verify.oracle import Layer, run

pytestmark = pytest.mark.core

ADDER = Layer("rnn", options={"activation": "linear"})
LAST = Layer("rnn", options={"activation": "linear"}, last=True)
OWN = {"W": [[1.0]], "U": [[1.0]], "b": [0.0]}
TIMES10 = {"W": [[10.0]], "U": [[1.0]], "b": [0.0]}
ONE = [[[1.0], [2.0], [4.0]]]


def column(outputs: Any) -> list[Any]:
    """The numbers of the first sequence, its vectors having one number."""
    return [number for (number,) in outputs[0]]


def backwards(*children: Layer, order: str = "time") -> Layer:
    return Layer("reversed", children=children, order=order)


# ---- time, masks, states -----------------------------------------------------------------------


def test_masked_steps_hold_the_state_and_give_zeros() -> None:
    x, nan = [[[1.0], [2.0], [4.0]], [[8.0], [16.0], [32.0]]], float("nan")
    x[0][1] = [nan]
    outputs, finals = run([ADDER], [OWN], x, mask=[[True, False, True], [False] * 3])
    assert outputs == [[[1.0], [0.0], [5.0]], [[0.0], [0.0], [0.0]]]
    assert finals == [{"h": [[5.0], [0.0]]}]


def test_a_row_of_length_zero_passes_its_state_throughinside() -> None:
    both = Layer("bidirectional", children=(LAST, backwards(LAST)), merge="sum")
    states = [{"h": [[3.0]]}, {"h": [[5.0]]}, {"h": [[6.0]]}]
    model, params = [ADDER, both], [OWN, [OWN, [OWN]]]
    outputs, finals = run(model, params, ONE, states, [[False, False, False]])
    assert (outputs, finals) == ([[11.0]], states)


def test_a_reset_at_a_masked_step_does_nothing() -> None:
    resets = [[False, True, True]]
    assert column(run([ADDER], [OWN], ONE, resets=resets)[0]) == [1, 2, 4]
    assert column(run([ADDER], [OWN], ONE, resets=[[False, True, False]])[0]) == [1, 2, 6]
    skipped = run([ADDER], [OWN], ONE, resets=[[False, True, False]], mask=[[True, False, True]])
    assert column(skipped[0]) == [1, 0, 5]


def test_a_reset_reaches_all_layers_and_replaces_the_state_that_was_given() -> None:
    states = [{"h": [[100.0]]}, {"h": [[1000.0]]}]
    outputs, _ = run([ADDER, ADDER], [OWN, OWN], ONE, states, resets=[[False, True, False]])
    assert column(outputs) == [1101, 2, 8]
    outputs, _ = run([ADDER, ADDER], [OWN, OWN], ONE, states, resets=[[True, False, False]])
    assert column(outputs) == [1, 4, 11]


def test_states_are_one_per_cell_in_the_order_of_the_model() -> None:
    inner = Layer("sequential", children=(ADDER, Layer("dropout")))
    model = [Layer("parallel", children=(inner, backwards(ADDER)), merge="sum"), ADDER]
    states: Any = [{"h": [[10.0]]}, {"h": [[20.0]]}, {"h": [[30.0]]}]
    _, finals = run(model, [[[OWN, {}], [OWN]], OWN], ONE, states)
    assert finals == [{"h": [[17.0]]}, {"h": [[27.0]]}, {"h": [[30.0 + 38 + 39 + 41]]}]
    with pytest.raises(ValueError, match="3 cells need as many states, got 2"):
        run(model, [[[OWN, {}], [OWN]], OWN], ONE, states[:2])


# ---- reversed and bidirectional ----------------------------------------------------------------


def test_reversed_reads_from_the_end_and_answers_in_order_or_as_read() -> None:
    states = [{"h": [[10.0]]}]
    outputs, finals = run([backwards(ADDER)], [[OWN]], ONE, states)
    assert (column(outputs), finals) == ([17, 16, 14], [{"h": [[17.0]]}])
    outputs, finals = run([backwards(ADDER, order="as_read")], [[OWN]], ONE, states)
    assert (column(outputs), finals) == ([14, 16, 17], [{"h": [[17.0]]}])
    assert run([backwards(LAST)], [[OWN]], ONE, states)[0] == [[17.0]]
    with pytest.raises(ValueError, match="order must be time or as_read, got backwards"):
        run([backwards(ADDER, order="backwards")], [[OWN]], ONE)


def test_the_mask_is_reversed_with_the_steps_and_new_things_stay_whole() -> None:
    mask = [[True, True, False]]
    assert column(run([backwards(ADDER)], [[OWN]], ONE, mask=mask)[0]) == [3, 2, 0]
    as_read = [backwards(ADDER, order="as_read"), ADDER]
    assert column(run(as_read, [[OWN], OWN], ONE, mask=mask)[0]) == [0, 2, 5]
    resets = [[False, True, False]]  # steps 2 and 1 | step 0
    assert column(run([backwards(ADDER)], [[OWN]], ONE, resets=resets)[0]) == [1, 6, 4]
    assert column(run(as_read, [[OWN], OWN], ONE, resets=resets)[0]) == [4, 10, 1]
    resets, states = [[True, False, False]], [{"h": [[10.0]]}, {"h": [[100.0]]}]
    for order in ("time", "as_read"):  # before step 0 there is nothing to be read
        outputs, _ = run([backwards(ADDER, order=order)], [[OWN]], ONE, states[:1], resets=resets)
        assert sorted(column(outputs)) == [14, 16, 17]
    twice = [backwards(backwards(ADDER, order="as_read"), order="as_read"), ADDER]
    outputs, _ = run(twice, [[[OWN]], OWN], ONE, states, resets=resets)
    assert column(outputs) == [1, 4, 11], "in order again: both begin anew with step 0"
    holes = [[True, False, True]]
    assert column(run([backwards(ADDER)], [[OWN]], ONE, mask=holes)[0]) == [5, 0, 4]


def test_masks_of_dropout_and_zoneout_are_in_the_order_in_which_steps_are_read() -> None:
    layer = Layer("rnn", options={"activation": "linear"}, kept=[[[True], [False], [True]]])
    assert column(run([backwards(layer)], [[OWN]], ONE)[0]) == [3, 2, 4]
    layer = Layer("rnn", options={"activation": "linear"}, zoneout={"h": [[[True], [False], [0]]]})
    assert column(run([backwards(layer)], [[OWN]], ONE)[0]) == [3, 2, 0]


@pytest.mark.parametrize(
    ("merge", "sequence", "last"),
    [
        ("concat", [[1, 70], [3, 60], [7, 40]], [7, 70]),
        ("sum", [[71], [63], [47]], [77]),
        ("mul", [[70], [180], [280]], [490]),
        ("ave", [[35.5], [31.5], [23.5]], [38.5]),
        ("none", [[[1], [70]], [[3], [60]], [[7], [40]]], [[7], [70]]),
    ],
)
def test_bidirectional(merge: str, sequence: Any, last: Any) -> None:
    layer = Layer("bidirectional", children=(ADDER, ADDER), merge=merge)
    outputs, finals = run([layer], [[OWN, TIMES10]], ONE)
    assert (outputs, finals) == ([sequence], [{"h": [[7.0]]}, {"h": [[70.0]]}])
    layer = Layer("bidirectional", children=(LAST, LAST), merge=merge)
    assert run([layer], [[OWN, TIMES10]], ONE) == ([last], finals)


def test_branches_must_end_alike() -> None:
    layer = Layer("bidirectional", children=(ADDER, LAST))
    with pytest.raises(ValueError, match="branches differ"):
        run([layer], [[OWN, OWN]], ONE)


# ---- on top of one another, side by side -------------------------------------------------------


def test_residual_adds_what_it_reads() -> None:
    layer = Layer("residual", children=(ADDER,))
    outputs, _ = run([layer], [[OWN]], ONE, mask=[[True, False, True]])
    assert column(outputs) == [2, 0, 9]
    assert column(run([layer, layer], [[OWN], [OWN]], ONE)[0]) == [4, 12, 29]


WIDE = {"W": [[1.0], [100.0]], "U": [[1.0]], "b": [0.0]}  # reads [h below, x]


@pytest.mark.parametrize(
    ("switches", "upper", "expected"),
    [
        ({}, OWN, [[1], [4], [11]]),
        ({"skip_inputs": True}, WIDE, [[101], [304], [711]]),
        ({"skip_outputs": True}, OWN, [[1, 1], [3, 4], [7, 11]]),
        ({"skip_inputs": True, "skip_outputs": True}, WIDE, [[1, 101], [3, 304], [7, 711]]),
    ],
)
def test_skip_connections(switches: Any, upper: Any, expected: Any) -> None:
    layer = Layer("skip", children=(ADDER, ADDER), **switches)
    outputs, finals = run([layer], [[OWN, upper]], ONE)
    assert outputs == [expected]
    assert finals == [{"h": [[7.0]]}, {"h": [expected[-1][-1:]]}]
    masked, _ = run([layer], [[OWN, upper]], ONE, mask=[[True, False, True]])
    assert masked[0][1] == [0] * len(expected[0])


def test_a_third_layer_reads_the_second_and_the_input_not_the_first() -> None:
    layer = Layer("skip", children=(ADDER,) * 3, skip_inputs=True)
    assert column(run([layer], [[OWN, WIDE, WIDE]], ONE)[0]) == [201, 705, 1816]


def test_the_last_states_of_a_skip_stack() -> None:
    layer = Layer("skip", children=(ADDER, ADDER), skip_outputs=True, last=True)
    outputs, _ = run([layer], [[OWN, OWN]], ONE, mask=[[True, True, False]])
    assert outputs == [[3.0, 4.0]]
    with pytest.raises(ValueError, match="last needs skip_outputs"):
        run([Layer("skip", children=(ADDER,), last=True)], [[OWN]], ONE)


@pytest.mark.parametrize(
    ("merge", "expected"),
    [
        ("concat", [[1, 5], [3, 9], [7, 17]]),
        ("sum", [[6], [12], [24]]),
        ("mul", [[5], [27], [119]]),
        ("ave", [[3], [6], [12]]),
    ],
)
def test_parallel_branches_read_the_same(merge: str, expected: Any) -> None:
    layer = Layer("parallel", children=(ADDER, Layer("dense")), merge=merge)
    outputs, finals = run([layer], [[OWN, {"W": [[4.0]], "b": [1.0]}]], ONE)
    assert outputs == [expected]
    assert finals == [{"h": [[7.0]]}]
    masked, _ = run([layer], [[OWN, {"W": [[4.0]], "b": [1.0]}]], ONE, mask=[[False] * 3])
    assert masked == [[[0] * len(expected[0])] * 3]


def test_repeat_makes_a_sequence_of_one_vector() -> None:
    model = [LAST, Layer("repeat", steps=2), ADDER]
    outputs, finals = run(model, [OWN, {}, OWN], ONE, mask=[[True, True, False]])
    assert (outputs, finals) == ([[[3.0], [6.0]]], [{"h": [[3.0]]}, {"h": [[6.0]]}])
    with pytest.raises(ValueError, match="repeat takes one vector"):
        run([Layer("repeat", steps=2)], [{}], ONE)


# ---- functions of one vector -------------------------------------------------------------------


def test_dropout_per_step_and_once_for_all_steps() -> None:
    per_step = Layer("dropout", rate=0.5, kept=[[[True], [False], [True]]])
    once = Layer("dropout", rate=0.5, kept=[[True]])
    assert column(run([per_step], [{}], ONE)[0]) == [2, 0, 8]
    assert column(run([once], [{}], ONE)[0]) == [2, 4, 8]
    assert column(run([Layer("dropout", rate=0.5)], [{}], ONE)[0]) == [1, 2, 4]
    assert run([LAST, once], [OWN, {}], ONE)[0] == [[14.0]]


def test_a_dense_layer_writes_nothing_into_the_padding() -> None:
    dense = Layer("dense", activation=("leaky_relu", 0.5))
    params = {"W": [[1.0, -1.0]], "b": [1.0, 1.0]}
    outputs, _ = run([dense], [params], ONE, mask=[[True, False, True]])
    assert outputs == [[[2.0, 0.0], [0.0, 0.0], [5.0, -1.5]]]


def test_time_distributed_sees_every_step_by_itself() -> None:
    dense = {"W": [[4.0]], "b": [1.0]}
    layer = Layer("time_distributed", children=(Layer("dense"), Layer("dense")))
    outputs, _ = run([layer], [[dense, dense]], ONE, mask=[[True, False, True]])
    assert column(outputs) == [21, 0, 69]
    symbols = Layer("time_distributed", children=(Layer("embedding"), Layer("dense")))
    outputs, _ = run([symbols], [[{"W": [[1.0], [2.0]]}, dense]], [[0, 1, 1]])
    assert column(outputs) == [5, 9, 9]


def test_time_distributed_cells_read_the_sequence_within_each_step() -> None:
    """Nothing lives on from one outer step to the next, and they have no states outside."""
    frames = [[[1.0], [2.0]], [[4.0], [8.0]], [[16.0], [32.0]]]
    layer = Layer("time_distributed", children=(LAST,))
    outputs, finals = run([layer, ADDER], [[OWN], OWN], [frames], [{"h": [[100.0]]}])
    assert (column(outputs), finals) == ([103, 115, 163], [{"h": [[163.0]]}])
    whole = Layer("time_distributed", children=(ADDER,))
    outputs, _ = run([whole], [[OWN]], [frames], mask=[[True, False, True]])
    assert outputs == [[[[1.0], [3.0]], [[0.0], [0.0]], [[16.0], [48.0]]]]


def test_time_distributed_dropout_takes_a_row_per_step() -> None:
    """Step t of sequence b is row ``b T + t`` of the mask."""
    kept = [[True], [False], [True], [False], [False], [True]]
    layer = Layer("time_distributed", children=(Layer("dropout", rate=0.5, kept=kept),))
    outputs, _ = run([layer], [[{}]], [*ONE, *ONE])
    assert outputs == [[[2.0], [0.0], [8.0]], [[0.0], [0.0], [8.0]]]


@pytest.mark.parametrize("kind", ["time_distributed", "rnn"])
def test_layers_over_time_need_time(kind: str) -> None:
    with pytest.raises(ValueError, match=f"{kind} needs a time axis"):
        run([LAST, Layer(kind)], [OWN, OWN], ONE)
