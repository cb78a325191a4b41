"""The wavefront against the readable path, and when it hands over to the fused twin."""

import numpy as np
import pytest

import npstack as nps
from npstack import Engine
from npstack.engine import wavefront, wavefront_loop
from npstack.engine.shapes import LayerShape, RunShape
from npstack.engine.wavefront import quicker
from npstack.engine.wavefront_joined import is_joined
from npstack.verify import check_gradients, check_laws
from tests.layers.test_engines import agree, both, drawn, what_counts

# B, T, D, H, L: more input than units, fewer steps than layers, one of each, too many units for one
# matrix, two threads
SIZES = [
    (1, 9, 3, 4, 2),
    (1, 50, 3, 8, 3),
    (2, 2, 9, 4, 5),
    (1, 1, 2, 1, 2),
    (4, 7, 1, 5, 8),
    (9, 70, 3, 4, 2),
]


def stack(B, T, D, H, L, dtype=np.float64, seed=0, **options):
    rng = np.random.default_rng(seed)
    model = nps.StackedLSTM(D, H, L, rng=rng, dtype=dtype, **options)
    model.params = {n: rng.normal(0, 0.4, v.shape).astype(dtype) for n, v in model.params.items()}
    return model, rng.standard_normal((B, T, D)).astype(dtype), rng


def agreeing(model, x, rng, kind="wavefront", **how):
    found = both(model, x, rng, engine="wavefront", **how)
    assert found[1][0].engine.kind == kind
    agree(found)
    return found[1][0]


@pytest.mark.core
@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("learned", [False, True])
@pytest.mark.parametrize("full", [True, False])
def test_it_computes_what_the_readable_path_does(sizes, learned, full):
    for dtype in (np.float64, np.float32):
        options = {"learn_initial": learned, "return_sequences": full, "dtype": dtype}
        model, x, rng = stack(*sizes, **options)
        agreeing(model, x, rng).release()
        agreeing(model, x, rng, states=model.forward(x).final).release()


def test_random_sizes():
    rng = np.random.default_rng(1)
    for seed in range(25):
        sizes = [int(rng.integers(1, most)) for most in (5, 30, 9, 7, 6)]
        sizes[-1] += 1
        options = {"learn_initial": seed % 2 == 0, "return_sequences": seed % 3 > 0}
        model, x, own = stack(*sizes, seed=seed, **options)
        agreeing(model, x, own)


@pytest.mark.parametrize(
    "sizes", [(1, 40, 3, 4, 2), (2, 33, 5, 4, 20), (1, 3, 2, 3, 40), (9, 50, 2, 3, 3)]
)
def test_many_chunks(sizes, monkeypatch):
    monkeypatch.setattr(wavefront_loop, "CACHED", 1)
    for pool in (wavefront.WAVE_LOOPS, wavefront.WAVE_SCRATCH):
        monkeypatch.setattr(pool, "waiting", [])
    for full in (True, False):
        model, x, rng = stack(*sizes, return_sequences=full)
        agreeing(model, x, rng)


@pytest.mark.parametrize("B", [1, 2])
def test_gradients_of_final_states_alone(B):
    model, x, rng = stack(B, 6, 3, 4, 3)
    tapes = [model.forward(x, engine=kind) for kind in ("readable", "wavefront")]
    for layer in range(3):
        dfinal = [None, None, None]
        dfinal[layer] = nps.LSTMState(*rng.standard_normal((2, B, 4)))
        right, ours = (model.backward(tape, dfinal_states=tuple(dfinal)) for tape in tapes)
        for name, value in right.params.items():
            assert np.allclose(ours.params[name], value, rtol=1e-12, atol=1e-14), name
            above = int(name.split(".")[1]) > layer
            assert not (above and ours.params[name].any())
        assert np.allclose(ours.x, right.x, rtol=1e-12, atol=1e-14)


def test_a_dropout_that_drops_nothing_is_no_hindrance():
    model, x, rng = stack(1, 6, 3, 4, 3, dropout=0.5)
    agreeing(model, x, rng)
    agreeing(model, x, rng, "fused", train=1)


@pytest.mark.parametrize("how", ["holes", "ends", "resets", "both"])
def test_masks_and_resets_are_left_to_the_fused_twin(how):
    model, x, rng = stack(2, 8, 3, 4, 3)
    agreeing(model, x, rng, "fused", **what_counts(2, 8, rng)[how])


def test_a_mask_and_resets_that_do_nothing_run_as_a_wavefront():
    model, x, rng = stack(2, 8, 3, 4, 3)
    none = np.zeros((2, 8), bool)
    agreeing(model, x, rng, mask=~none, resets=none)


def test_other_layers_are_left_to_the_fused_twin():
    for kind, sizes in (
        (nps.StackedLSTM, [4]),
        (nps.StackedLSTM, [4, 5]),
        (nps.StackedGRU, [4, 4]),
    ):
        model, x, rng = drawn(kind, 1, 5, sizes)
        agreeing(model, x, rng, "fused")
    model, x, rng = drawn(nps.StackedLSTM, 1, 50, [4, 4])
    for budget, kind in ((10**9, "wavefront"), (1, "fused")):  # which runs in blocks
        assert model.forward(x, engine=Engine("wavefront", budget=budget)).engine.kind == kind


def test_a_stack_inside_a_model():
    rng = np.random.default_rng(0)
    lstms = [nps.LSTM(5, 4, rng=rng), nps.LSTM(4, 4, return_sequences=False, rng=rng)]
    dense = nps.Dense(3, 5, rng=rng), nps.Dense(4, 2, rng=rng)
    model = nps.Sequential(dense[0], *lstms, dense[1])
    agreeing(model, rng.standard_normal((1, 7, 3)), rng)


def test_tapes_wait_and_arrays_that_are_used_again_leave_nothing_behind():
    model, x, _ = stack(1, 9, 3, 4, 3)
    model.engine = "wavefront"
    first, second = model.forward(x), model.forward(2 * x)
    doutputs = np.ones(first.outputs.shape)
    grads = [model.backward(tape, doutputs).x for tape in (second, first, first, second)]
    assert (grads[1] == grads[2]).all()
    assert (grads[0] == grads[3]).all()
    assert (grads[0] != grads[1]).any()
    first.release()
    with pytest.raises(nps.TapeError, match="release"):
        model.backward(first, doutputs)
    again = model.forward(2 * x)
    assert (model.backward(again, doutputs).x == grads[0]).all()


@pytest.mark.parametrize("layer", [0, 1, 2])
@pytest.mark.parametrize("B", [1, 2])
def test_nan_is_found_where_it_is_born(layer, B):
    model, x, _ = stack(B, 9, 3, 4, 3)
    bad = dict(model.params)
    bad[f"layers.{layer}.b"] = np.full_like(bad[f"layers.{layer}.b"], np.nan)
    messages = []
    for kind in ("readable", "wavefront"):
        with pytest.raises(nps.NonFiniteError) as error:
            model.forward(x, params=bad, engine=kind)
        messages.append(str(error.value))
    assert messages[0] == messages[1]
    assert np.isfinite(model.forward(x, engine="wavefront").outputs).all()


def test_the_laws_and_the_gradients():
    model, x, _ = stack(2, 3, 3, 4, 2)
    model.engine = "wavefront"
    report = check_laws(model, rng=np.random.default_rng(1))
    assert report.passed, report
    assert check_gradients(model, x).passed


def chosen(T=50, B=1, D=32, H=64, L=2, dtype="float32"):
    layers = LayerShape(D, H, True), *[LayerShape(H, H, False)] * (L - 1)
    shape = RunShape.of("lstm", T, B, dtype, layers)
    return quicker(shape)


def test_one_matrix_where_it_has_few_zeros():
    for sizes, joined in (((1, 3, 2), True), ((1, 40, 7), False), ((2, 3, 2), False)):
        B, H, L = sizes
        model, x, _ = stack(B, 2, 3, H, L)
        run = model.forward(x, engine="wavefront").layers[0].run
        assert is_joined(run.shape) == joined


def test_auto_depends_on_the_sizes_alone_and_only_once_changes_its_mind():
    assert chosen(100, 1, 32, 64, 2)
    assert chosen(200, 1, 16, 32, 8)
    assert not chosen(100, 64, 64, 256, 3)
    assert not chosen(50, 32, 64, 128, 2)
    many = [1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 987]
    for name in ("B", "D", "H", "L"):
        found = [chosen(**{name: n}) for n in many]
        assert found == sorted(found, reverse=True), name
        assert True in found
        assert False in found
        assert found == [chosen(T=5, **{name: n}) for n in many]
        wide = [chosen(**{name: n}, dtype="float64") for n in many]
        assert sum(wide) <= sum(found)


def test_a_wavefront_keeps_the_budget_and_says_why_it_is_none():
    model, x, _ = stack(8, 300, 3, 6, 3)
    arrays = model.forward(x, engine="wavefront").layers[0].run.arrays
    size = arrays.states.nbytes + arrays.kept.nbytes
    for budget, kind in ((size, "wavefront"), (size - 1, "fused")):
        engine = model.forward(x, engine=Engine("wavefront", budget=budget)).engine
        assert engine.kind == kind
        assert engine.why == ("" if kind == "wavefront" else "a wavefront would exceed the budget")
    mask = np.arange(300) < np.array([[300]] * 7 + [[4]])
    assert "masked" in model.forward(x, mask=mask, engine="wavefront").engine.why
    uneven = nps.StackedLSTM(3, [6, 5], rng=np.random.default_rng(0))
    assert "one size" in uneven.forward(x, engine="wavefront").engine.why


def test_auto_is_what_the_sizes_say():
    for H, kind in ((8, "wavefront"), (200, "fused")):
        model, x, _ = stack(2, 2, 3, H, 3)
        assert model.forward(x, engine="auto").engine.kind == kind
