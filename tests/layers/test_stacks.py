"""Stacks of any cell, and the two ways to stack two directions."""

import numpy as np
import pytest

from npstack import (
    GRU,
    LSTM,
    RNN,
    ArgumentError,
    Bidirectional,
    BidirectionalStacked,
    DtypeError,
    GRUCell,
    GRUResetBeforeCell,
    LSTMCell,
    Recurrent,
    RNNCell,
    Sequential,
    Stacked,
    StackedBidirectional,
    StackedGRU,
    StackedLSTM,
    StackedRNN,
    check_gradients,
)
from npstack.cells import CELLS, LSTMVariantCell, Projection
from npstack.core.trees import mapped
from npstack.verify import check_laws

D, SIZES = 3, [4, 2, 5]


def generator() -> np.random.Generator:
    return np.random.default_rng(6)


def same_results(one, other):
    """Outputs and gradients of two layers whose parameters come in one order, bit for bit."""
    assert [v.shape for v in one.params.values()] == [v.shape for v in other.params.values()]
    rng = np.random.default_rng(0)
    x, mask = rng.standard_normal((3, 4, D)), rng.random((3, 4)) < 0.8
    tapes = [layer.forward(x, mask=mask) for layer in (one, other)]
    doutputs = rng.standard_normal(tapes[0].outputs.shape)
    a, b = (t.backward(tape, doutputs) for t, tape in zip((one, other), tapes, strict=True))
    assert np.array_equal(tapes[0].outputs, tapes[1].outputs)
    assert np.array_equal(a.x, b.x)
    assert all(map(np.array_equal, a.params.values(), b.params.values()))


@pytest.mark.core
@pytest.mark.parametrize(
    ("stack", "layer", "options"),
    [
        (StackedLSTM, LSTM, {"forget_bias": None, "bias_init": "uniform"}),
        (StackedGRU, GRU, {"reset": "before", "candidate": "softsign"}),
        (StackedGRU, GRU, {"bias_init": "uniform"}),
        (StackedRNN, RNN, {"activation": "relu"}),
    ],
)
@pytest.mark.parametrize("last", [False, True])
def test_a_stack_is_its_layers_on_top_of_one_another(stack, layer, options, last):
    whole = stack(D, SIZES, return_sequences=not last, rng=generator(), **options)
    rng, below, layers = generator(), D, []
    for k, size in enumerate(SIZES):
        full = not (last and k == len(SIZES) - 1)
        layers.append(layer(below, size, return_sequences=full, rng=rng, **options))
        below = size
    assert [type(part) for part in whole.children.values()] == [layer] * 3
    assert all(map(np.array_equal, whole.params.values(), Sequential(*layers).params.values()))
    same_results(whole, Sequential(*layers))


@pytest.mark.core
@pytest.mark.parametrize(
    ("named", "cell", "options"),
    [
        (StackedLSTM, LSTMCell, {}),
        (StackedGRU, GRUCell, {}),
        (StackedRNN, RNNCell, {"activation": "relu"}),
    ],
)
def test_stacks_by_name_are_stacks_of_their_cell(named, cell, options):
    one = named(D, SIZES, dropout=0.5, rng=generator(), **options)
    other = Stacked(cell, D, SIZES, dropout=0.5, rng=generator(), **options)
    assert list(one.params) == list(other.params)
    assert list(one.params)[:3] == ["layers.0.W", "layers.0.U", "layers.0.b"]
    assert list(one.children) == list(other.children)
    same_results(one, other)
    assert one.children["dropouts.1"].rate == 0.5


@pytest.mark.core
def test_the_gru_resets_where_it_is_told():
    for reset, kind in {"after": GRUCell, "before": GRUResetBeforeCell}.items():
        assert type(GRU(D, 2, reset=reset, rng=generator()).cell) is kind
    assert type(GRU(D, 2, rng=generator()).cell) is GRUCell
    with pytest.raises(ArgumentError, match="GRU: reset must be one of 'after', 'before'"):
        GRU(D, 2, reset="never", rng=generator())


@pytest.mark.core
def test_a_bias_that_does_not_merge_begins_as_the_others_do():
    assert not GRUCell(D, 4, rng=generator()).params["b_recurrent"].any()
    drawn = GRUCell(D, 4, bias_init="uniform", rng=generator(), dtype="f4").params["b_recurrent"]
    assert (drawn.dtype, len(set(drawn.tolist()))) == (np.float32, 4)
    assert abs(drawn).max() <= 0.5


@pytest.mark.core
@pytest.mark.parametrize("layer", [GRU, RNN])
def test_named_layers_pass_their_options_on(layer):
    made = layer(D, 4, learn_initial=True, return_sequences=False, rng=generator(), dtype="f4")
    assert made.params["initial.h"].dtype == np.float32
    assert made.forward(np.ones((2, 3, D), "f4")).outputs.shape == (2, 4)


@pytest.mark.core
@pytest.mark.parametrize(
    ("kind", "count"),
    [
        (GRUCell, "3H(D + H + 1) + H, D=3, H=4"),
        (GRUResetBeforeCell, "3H(D + H + 1), D=3, H=4"),
        (RNNCell, "H(D + H + 1), D=3, H=4"),
    ],
)
def test_formulas_count_the_parameters(kind, count):
    cell = kind(D, 4, rng=generator())
    assert cell.formula == count
    formula = count.split(",")[0].replace("3H", "3*H").replace("H(", "H*(")
    assert eval(formula, {"D": 3, "H": 4}) == sum(v.size for v in cell.params.values())


@pytest.mark.core
def test_gradient_reports_speak_the_letters_of_their_cell():
    for layer, letters in ((GRU, "rzn"), (LSTM, "ifgo"), (RNN, "h")):
        report = check_gradients(layer(D, 2, rng=generator()), np.ones((1, 2, D)))
        named = {row.block for row in report.rows if row.parameter == "W"}
        assert named == set(letters)


# ---- two directions ----------------------------------------------------------------------------


@pytest.mark.core
def test_layer_by_layer_each_layer_reads_both_directions():
    stack = StackedBidirectional(GRUCell, D, [4, 2], rng=generator())
    rng, below, layers = generator(), D, []
    for size in (4, 2):
        pair = (Recurrent(GRUCell(below, size, rng=rng)) for _ in range(2))
        layers.append(Bidirectional(*pair))
        below = 2 * size
    assert list(stack.params)[3:5] == ["layers.0.forward.b_recurrent", "layers.0.backward.W"]
    assert stack.params["layers.1.backward.W"].shape == (8, 6)
    same_results(stack, Sequential(*layers))


@pytest.mark.core
@pytest.mark.parametrize("last", [False, True])
def test_whole_stacks_meet_at_the_end_only(last):
    how = {"return_sequences": not last}
    whole = BidirectionalStacked(LSTM, D, [4, 2], merge="sum", rng=generator(), **how)
    rng = generator()
    pair = (StackedLSTM(D, [4, 2], rng=rng, **how) for _ in range(2))
    assert list(whole.params)[-1] == "backward.layers.1.b"
    assert whole.params["backward.layers.1.W"].shape == (4, 8)
    same_results(whole, Bidirectional(*pair, merge="sum"))


@pytest.mark.core
def test_of_two_directions_the_merge_says_what_is_handed_up():
    stack = StackedBidirectional(RNN, D, 4, num_layers=2, merge="ave", dropout=0.3, rng=generator())
    assert list(stack.children) == ["layers.0", "dropouts.0", "layers.1"]
    assert stack.params["layers.1.forward.W"].shape == (4, 4)
    single = StackedBidirectional(RNN, D, [4], merge="none", rng=generator())
    assert single.forward(np.ones((1, 2, D))).outputs.shape == (1, 2, 2, 4)
    with pytest.raises(ArgumentError, match="one sequence of two for the layer above"):
        StackedBidirectional(RNN, D, [4, 4], merge="none", rng=generator())


@pytest.mark.parametrize("kind", [StackedBidirectional, BidirectionalStacked])
@pytest.mark.parametrize("last", [False, True])
def test_laws_and_gradients_of_stacks_in_two_directions(kind, last):
    rng = np.random.default_rng(2)

    def cell(D, H, **options):
        return CELLS["gru, recurrent dropout"](D, H, options["rng"], np.float64)

    stack = kind(cell, D, [4, 3], dropout=0.3, return_sequences=not last, rng=rng)
    report = check_laws(stack, rng=rng, steps=4)
    assert report.passed, f"\n{report}"
    x, resets = rng.standard_normal((2, 3, D)), rng.random((2, 3)) < 0.3
    report = check_gradients(stack, x, lengths=[3, 2], resets=resets, noise_rng=rng)
    assert report.passed, f"\n{report}"


@pytest.mark.parametrize("name", ["gru, zoneout", "rnn, relu", "projection, recurrent dropout"])
def test_laws_of_stacks_of_any_cell(name):
    rng = np.random.default_rng(2)

    def cell(D, H, **options):
        return CELLS[name](D, H, options["rng"], np.float64)

    report = check_laws(Stacked(cell, D, [4, 3], dropout=0.3, rng=rng), rng=rng, steps=4)
    assert report.passed, f"\n{report}"


@pytest.mark.core
def test_states_of_a_stack_are_one_per_layer():
    stack = StackedGRU(D, [4, 2], rng=generator())
    final = stack.forward(np.ones((1, 2, D))).final
    assert [type(state).__name__ for state in final] == ["GRUState", "GRUState"]
    assert mapped(np.shape, final) == (((1, 4),), ((1, 2),))


@pytest.mark.core
@pytest.mark.parametrize("kind", [Stacked, StackedBidirectional, BidirectionalStacked])
def test_wrong_stacks_are_refused(kind):
    with pytest.raises(DtypeError, match="rng must be"):
        kind(GRUCell, D, [4])
    with pytest.raises(ArgumentError, match="hidden_sizes must list one size per layer"):
        kind(GRUCell, D, [], rng=generator())
    with pytest.raises(ArgumentError, match="cell_type must build a cell"):
        kind(lambda D, H, **options: None, D, [4], rng=generator())
    with pytest.raises(ArgumentError, match="0 <= dropout < 1"):
        kind(GRUCell, D, [4], dropout=1, rng=generator())


@pytest.mark.core
def test_only_the_last_layer_of_a_stack_of_cells_may_give_its_last_step_only():
    stack = Stacked(GRUCell, D, SIZES, return_sequences=False, rng=generator())
    full = [layer.return_sequences for layer in stack.recurrent]
    assert full == [True, True, False]
    assert stack.forward(np.ones((2, 4, D))).outputs.shape == (2, SIZES[-1])


@pytest.mark.core
def test_layers_of_a_projected_stack_take_what_the_layer_below_hands_on():
    def projected(D, H, **options):
        return LSTMVariantCell(D, H, Projection(H - 1), **options)

    stack = Stacked(projected, D, [4, 3], rng=generator())
    assert [layer.input_size for layer in stack.recurrent] == [D, 3]
    assert stack.forward(np.ones((2, 4, D))).outputs.shape == (2, 4, 2)


@pytest.mark.core
@pytest.mark.parametrize(
    "build",
    [
        lambda: StackedLSTM(D, SIZES, rng=generator()),
        lambda: StackedGRU(D, SIZES, rng=generator()),
        lambda: StackedRNN(D, SIZES, rng=generator()),
        lambda: Stacked(GRUCell, D, SIZES, rng=generator()),
        lambda: StackedBidirectional(GRUCell, D, SIZES, rng=generator()),
        lambda: BidirectionalStacked(GRUCell, D, SIZES, rng=generator()),
    ],
)
def test_a_stack_returns_sequences_and_drops_nothing_unless_it_is_told_to(build):
    stack, x = build(), np.ones((2, 4, D))
    assert stack.interface.keeps_time
    trained = stack.forward(x, rng=generator()).outputs
    assert np.array_equal(trained, stack.forward(x).outputs)
    assert trained.shape[:2] == (2, 4)


@pytest.mark.core
def test_the_number_of_layers_reaches_both_stacks():
    both = BidirectionalStacked(GRUCell, D, 4, 3, rng=generator())
    names = {f"{side}.layers.{k}.W" for side in ("forward", "backward") for k in range(3)}
    assert names == {name for name in both.params if name.endswith(".W")}
    for kind in (StackedLSTM, StackedGRU, StackedRNN):
        assert len(kind(D, 4, 3, rng=generator()).recurrent) == 3
