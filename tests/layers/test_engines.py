"""The fast twins against the readable path: the same numbers, and what a tape says of them."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import npstack as nps
from npstack import ArgumentError, DtypeError, TapeError
from npstack.cells.parts import Peepholes
from npstack.core.trees import named
from npstack.verify import check_gradients, check_laws

SIZES = [(1, 1, [1]), (3, 5, [4]), (2, 40, [6, 3]), (9, 41, [6, 3, 5]), (16, 50, [64, 64])]
TILED = (32, 20, [128])


def drawn(kind, B, T, sizes, seed=0, dtype=np.float64, **options):
    rng = np.random.default_rng(seed)
    model = kind(3, sizes, rng=rng, dtype=dtype, **options)
    model.params = {n: rng.normal(0, 0.3, v.shape).astype(dtype) for n, v in model.params.items()}
    return model, rng.standard_normal((B, T, 3)).astype(dtype), rng


def both(model, x, rng, train=None, engine="fused", **how):
    """Tapes and gradients by the readable path, and by an engine."""
    found, given = [], None
    for path in ("readable", engine):
        draws = None if train is None else np.random.default_rng(train)
        tape = model.forward(x, rng=draws, engine=path, **how)
        if given is None:
            doutputs = rng.standard_normal(tape.outputs.shape).astype(x.dtype)
            dfinal = like(tape.final, rng, x.dtype)
            given = doutputs, dfinal
        found.append((tape, model.backward(tape, *given)))
    return found


def like(tree, rng, dtype):
    if isinstance(tree, np.ndarray):
        return rng.standard_normal(tree.shape).astype(dtype)
    parts = [like(part, rng, dtype) for part in tree]
    return type(tree)(*parts) if hasattr(tree, "_fields") else tuple(parts)


def contents(tape, grads):
    """Every array by name: of the tape and its parts, and of the gradients."""
    found = {f"d {name}": value for name, value in grads.params.items()}
    found |= named("dx", grads.x) | named("dinitial", grads.initial_states)
    parts, number = [tape], 0
    while parts:
        part = parts.pop()
        parts += part.parts
        fields = ["x", "outputs", "initial", "final", "noise"]
        fields += ["states", "gates"] if hasattr(part, "gates") else []
        for field in fields:
            value = getattr(part, field)
            found |= named(f"{number} {field}", value if field != "noise" else None)
        number += 1
    return found


def agree(found, eps_allowed=100):
    (tape, grads), (fast, quick) = found
    assert fast.layers[0].engine.kind != "readable"
    right, ours = contents(tape, grads), contents(fast, quick)
    assert right.keys() == ours.keys()
    for name, value in right.items():
        assert ours[name].shape == value.shape, name
        assert ours[name].dtype == value.dtype, name
        size = np.abs(value).max(initial=0.0)
        allowed = eps_allowed * np.finfo(value.dtype).eps * size
        assert np.abs(ours[name] - value).max(initial=0.0) <= allowed, name


def what_counts(B, T, rng):
    """Masks and resets, by name."""
    holes = rng.random((B, T)) < 0.7
    ends = np.arange(T) < rng.integers(0, T + 1, B)[:, np.newaxis]
    resets = rng.random((B, T)) < 0.2
    return {
        "all": {},
        "holes": {"mask": holes},
        "ends": {"mask": ends},
        "resets": {"resets": resets},
        "both": {"mask": holes, "resets": resets},
    }


@pytest.mark.core
@pytest.mark.parametrize("kind", [nps.StackedLSTM, nps.StackedGRU])
@pytest.mark.parametrize("how", ["all", "holes", "ends", "resets", "both"])
@pytest.mark.parametrize(("B", "T", "sizes"), SIZES)
def test_the_twin_computes_what_the_readable_path_does(kind, how, B, T, sizes):
    for dtype in (np.float64, np.float32):
        model, x, rng = drawn(kind, B, T, sizes, dtype=dtype)
        agree(both(model, x, rng, **what_counts(B, T, rng)[how]))


@pytest.mark.parametrize("kind", [nps.StackedLSTM, nps.StackedGRU])
@pytest.mark.parametrize("how", ["all", "holes", "ends", "resets", "both"])
@pytest.mark.parametrize(("B", "T", "sizes"), [*SIZES, TILED])
def test_dropout_learned_states_and_the_last_step(kind, how, B, T, sizes):
    options = {"dropout": 0.3, "learn_initial": True, "return_sequences": False}
    model, x, rng = drawn(kind, B, T, sizes, **options)
    counts = what_counts(B, T, rng)[how]
    agree(both(model, x, rng, train=5, **counts))
    states = model.forward(x).final
    agree(both(model, x, rng, states=states, **counts))


@pytest.mark.parametrize("kind", ["both ways", "side by side", "residual", "each step's dropout"])
def test_layers_around_the_twin(kind):
    rng = np.random.default_rng(0)
    lstm, gru = nps.LSTM(3, 4, rng=rng), nps.GRU(3, 4, rng=rng)
    models = {
        "both ways": nps.StackedBidirectional(nps.LSTM, 3, [4, 5], rng=rng),
        "side by side": nps.Parallel(lstm, gru),
        "residual": nps.Sequential(nps.Dense(3, 4, rng=rng), nps.Residual(nps.LSTM(4, 4, rng=rng))),
        "each step's dropout": nps.Sequential(
            nps.Dropout(0.2), lstm, nps.Dropout(0.5, each_step=False), nps.GRU(4, 2, rng=rng)
        ),
    }
    x = rng.standard_normal((9, 7, 3))
    for how in what_counts(9, 7, rng).values():
        agree(both(models[kind], x, rng, train=3, **how))


def test_what_has_no_twin_runs_on_the_readable_path_and_says_so():
    rng = np.random.default_rng(0)
    peephole = nps.Recurrent(nps.LSTMVariantCell(3, 4, Peepholes(), rng=rng))
    model = nps.Sequential(peephole, nps.LSTM(4, 4, rng=rng), nps.Dense(4, 1, rng=rng))
    tape = model.forward(rng.standard_normal((2, 3, 3)), engine="fused")
    assert tape.layers[0].engine.kind == "readable"
    assert tape.layers[0].engine.why == "no engine computes LSTMVariantCell"
    assert tape.engine.kind == "readable and fused"
    assert tape.engine.numpy == np.__version__
    wide = nps.LSTM(3, 4, rng=rng, dtype=np.longdouble)
    why = wide.forward(np.ones((1, 2, 3), np.longdouble), engine="auto").engine.why
    assert "longdouble" in why or "float128" in why
    assert model.forward(np.ones((2, 3, 3))).engine.why == ""


def test_the_engine_of_a_layer_and_of_a_call():
    model, x, _ = drawn(nps.StackedLSTM, 2, 3, [4])
    assert model.engine.kind == "readable"
    model.engine = "fused"
    assert model.forward(x).engine.kind == "fused"
    assert model.forward(x, engine="readable").engine.kind == "readable"
    with pytest.raises(ArgumentError, match="engine"):
        model.engine = "quick"
    with pytest.raises(DtypeError, match="engine must be"):
        model.forward(x, engine=3)


def test_two_tapes_may_wait_and_backward_may_run_twice():
    model, x, _ = drawn(nps.StackedLSTM, 9, 12, [5, 4])
    model.engine = "fused"
    first, second = model.forward(x), model.forward(2 * x)
    doutputs = np.ones(first.outputs.shape)
    grads = [model.backward(tape, doutputs) for tape in (second, first, first, second)]
    again = model.backward(model.forward(x), doutputs)
    for name in grads[0].params:
        assert (grads[1].params[name] == grads[2].params[name]).all()
        assert (grads[0].params[name] == grads[3].params[name]).all()
        assert (grads[1].params[name] == again.params[name]).all()


def test_a_released_tape_is_used_no_more():
    model, x, _ = drawn(nps.StackedLSTM, 2, 3, [4, 4], dropout=0.5)
    tape = model.forward(x, engine="fused")
    outputs = tape.layers[0].outputs.copy()
    tape.release()
    for read in (
        lambda: tape.outputs,
        lambda: tape.x,
        lambda: tape.layers[0].outputs,
        lambda: tape.layers[1].states,
        lambda: model.backward(tape, np.zeros(tape.outputs.shape)),
        lambda: tape.nbytes,
    ):
        with pytest.raises(TapeError, match="release"):
            read()
    again = model.forward(x, engine="fused")
    assert (again.layers[0].outputs == outputs).all()
    tape.release()  # once more does nothing
    assert (again.layers[0].outputs == outputs).all()


def test_arrays_that_are_used_again_leave_nothing_behind():
    model, x, rng = drawn(nps.StackedLSTM, 9, 20, [5, 4])
    for how in what_counts(9, 20, rng).values():
        (_, right), (fast, ours) = both(model, x, rng, **how)
        fast.release()
        found = both(model, x, rng, **how)
        agree(found)
        found[1][0].release()
    assert right.params.keys() == ours.params.keys()


def test_copies_are_plain_tapes():
    model, x, rng = drawn(nps.StackedLSTM, 2, 6, [4, 3], dropout=0.4)
    tape = model.forward(x, rng=rng, engine="fused")
    doutputs = np.ones(tape.outputs.shape)
    right = model.backward(tape, doutputs)
    for twin in (copy.deepcopy(tape), pickle.loads(pickle.dumps(tape))):
        assert twin.layers[0].run is None
        grads = model.backward(twin, doutputs)
        for name, value in right.params.items():
            assert np.allclose(grads.params[name], value, rtol=1e-12, atol=1e-14)


def test_everything_that_a_tape_shows_is_protected():
    model, x, rng = drawn(nps.StackedLSTM, 2, 6, [4, 3], dropout=0.4)
    tape = model.forward(x, rng=rng, engine="fused")
    for part in (tape, *tape.parts):
        shown = named("x", part.x) | named("y", part.outputs) | named("final", part.final)
        if hasattr(part, "gates"):
            shown |= named("gates", part.gates) | named("states", part.states)
        for name, value in shown.items():
            assert not value.flags.writeable, name


def test_gradients_at_once_in_several_threads():
    model, x, _ = drawn(nps.StackedLSTM, 9, 40, [8, 8])
    model.engine = "fused"

    def gradient(k):
        tape = model.forward((1 + k % 3) * x)
        found = model.backward(tape, np.ones(tape.outputs.shape)).params["layers.0.W"].copy()
        tape.release()
        return found

    right = [gradient(k) for k in range(3)]
    with ThreadPoolExecutor(4) as pool:
        for k, found in enumerate(pool.map(gradient, range(24))):
            assert (found == right[k % 3]).all()


def test_nan_is_found_where_it_is_born():
    model, x, _ = drawn(nps.StackedLSTM, 2, 6, [4, 3])
    params = dict(model.params)
    params["layers.1.b"] = np.full_like(params["layers.1.b"], np.nan)
    model.params = params
    with pytest.raises(nps.NonFiniteError) as fast:
        model.forward(x, engine="fused")
    with pytest.raises(nps.NonFiniteError) as readable:
        model.forward(x)
    assert str(fast.value) == str(readable.value)


@pytest.mark.parametrize("kind", [nps.StackedLSTM, nps.StackedGRU])
@pytest.mark.parametrize("engine", ["fused", "wavefront", nps.Engine("fused", budget=1)])
@pytest.mark.parametrize("B", [1, 2, 9])
def test_what_is_not_finite_leaves_nothing_behind(kind, engine, B):
    model, x, _ = drawn(kind, B, 70, [4, 4, 4])
    bad = {name: np.full_like(value, np.nan) for name, value in model.params.items()}
    for T in (2, 9, 70):  # shorter than the pass before, as well
        with np.errstate(all="ignore"):
            for steps in (T, 70):
                with pytest.raises(nps.NonFiniteError):
                    model.forward(x[:, :steps], params=bad, engine=engine)
            right = model.forward(x[:, :T])
            huge = np.full(right.outputs.shape, np.finfo(x.dtype).max)
            tape = model.forward(x[:, :T], engine=engine)
            model.backward(tape, huge)
            tape.release()
        doutputs = np.ones(right.outputs.shape)
        tape = model.forward(x[:, :T], engine=engine)
        grads, ours = model.backward(right, doutputs), model.backward(tape, doutputs)
        for name, value in grads.params.items():
            assert np.allclose(ours.params[name], value, rtol=1e-10, atol=1e-12), name


@pytest.mark.parametrize("kind", [nps.StackedLSTM, nps.StackedGRU])
def test_the_laws_hold_on_the_engine(kind):
    model, _, _ = drawn(kind, 2, 3, [4, 3])
    model.engine = "fused"
    report = check_laws(model, rng=np.random.default_rng(1))
    assert report.passed, report
    assert len(report.rows) > 20


def test_the_gradients_of_the_engine_against_differences():
    model, x, _ = drawn(nps.StackedLSTM, 2, 3, [3, 2])
    model.engine = "fused"
    report = check_gradients(model, x)
    assert report.passed, report
