"""What an engine keeps, and what it computes again: the same bits, in the memory that is given."""

import copy
import gc
import os
import pickle
import subprocess
import sys
import weakref
from dataclasses import replace

import numpy as np
import pytest

import npstack as nps
from npstack import Engine, TapeError
from npstack.engine import layer_by_layer
from npstack.engine.checkpointed import CheckpointedRun, block_steps
from npstack.engine.fused import Arrays, FusedRun
from npstack.engine.shapes import LayerShape, RunShape
from tests.layers.test_engines import contents, drawn, like, what_counts

LEAST = Engine("fused", budget=1)
WHOLE = Engine("fused")
SIZES = [(1, 33, [4, 3]), (3, 41, [5, 4]), (9, 70, [6, 3, 5]), (8, 65, [8])]
TILED = pytest.param(32, 70, [128, 64], marks=pytest.mark.slow)
OPTIONS = [
    {},
    {"dropout": 0.3, "learn_initial": True},
    {"dropout": 0.3, "learn_initial": True, "return_sequences": False},
]


def runs(model, x, rng, states=None, engines=(WHOLE, LEAST), **how):
    """Tapes and gradients by two engines, of the same draws."""
    found = []
    for engine in engines:
        draws = np.random.default_rng(5)
        tape = model.forward(x, states, rng=draws, engine=engine, **how)
        if not found:
            doutputs = rng.standard_normal(tape.outputs.shape).astype(x.dtype)
            dfinal = like(tape.final, rng, x.dtype)
        found.append((tape, model.backward(tape, doutputs, dfinal)))
    return found


def same_bits(first, second):
    right, ours = contents(*first), contents(*second)
    assert right.keys() == ours.keys()
    for name, value in right.items():
        assert ours[name].dtype == value.dtype, name
        assert ours[name].shape == value.shape, name
        assert (ours[name] == value).all(), name


# ---- blocks that are computed again ------------------------------------------------------------


@pytest.mark.parametrize("kind", [nps.StackedLSTM, nps.StackedGRU])
@pytest.mark.parametrize("how", ["all", "holes", "ends", "resets", "both"])
@pytest.mark.parametrize(("B", "T", "sizes"), [*SIZES, TILED])
def test_a_run_in_blocks_has_the_bits_of_a_whole_one(kind, how, B, T, sizes):
    for options in OPTIONS:
        dtype = np.float32 if B > 8 else np.float64
        model, x, rng = drawn(kind, B, T, sizes, dtype=dtype, **options)
        states = model.forward(x[:, :1]).final if B % 2 else None
        whole, parts = runs(model, x, rng, states, **what_counts(B, T, rng)[how])
        assert isinstance(whole[0].layers[0].run, FusedRun)
        assert isinstance(parts[0].layers[-1].run, CheckpointedRun)
        same_bits(whole, parts)


def test_every_length_of_a_block_gives_the_same_bits(monkeypatch):
    model, x, rng = drawn(nps.StackedLSTM, 9, 200, [6, 5], dropout=0.2)
    lengths = iter([None, 29, 58, 87, 116, 145, 174])
    monkeypatch.setattr(layer_by_layer, "block_steps", lambda *shape: next(lengths))
    whole, *others = runs(model, x, rng, engines=[LEAST] * 7)
    assert isinstance(whole[0].layers[0].run, FusedRun)
    for k, part in enumerate(others, 1):
        assert part[0].layers[0].run.block == 29 * k
        same_bits(whole, part)


def test_backward_twice_and_two_tapes_at_once():
    model, x, _ = drawn(nps.StackedGRU, 2, 80, [5, 4])
    model.engine = LEAST
    first, second = model.forward(x), model.forward(2 * x)
    doutputs = np.ones(first.outputs.shape)
    grads = [model.backward(tape, doutputs) for tape in (second, first, first, second)]
    for name, value in grads[0].params.items():
        assert (grads[3].params[name] == value).all()
        assert (grads[1].params[name] == grads[2].params[name]).all()


def test_what_is_not_kept_is_computed_again_and_counted():
    model, x, _ = drawn(nps.StackedLSTM, 4, 200, [32, 32, 32])
    whole, tape = (model.forward(x, engine=engine) for engine in (WHOLE, LEAST))
    before = tape.nbytes
    assert before < whole.nbytes / 5
    assert (tape.layers[1].gates.forget == whole.layers[1].gates.forget).all()
    assert tape.nbytes > before + 8 * x.shape[1] * 4 * 32 * 4
    for part in (tape, *tape.parts):
        assert not part.outputs.flags.writeable
        assert not part.x.flags.writeable
    for twin in (copy.deepcopy(tape), pickle.loads(pickle.dumps(tape))):
        assert twin.layers[0].run is None
        assert (twin.layers[2].states.c == whole.layers[2].states.c).all()
    tape.release()
    with pytest.raises(TapeError, match="release"):
        model.backward(tape, np.zeros(tape.outputs.shape))
    with pytest.raises(TapeError, match="release"):
        assert tape.layers[1].gates


@pytest.mark.parametrize("engine", [WHOLE, LEAST, Engine("wavefront")])
def test_observers_and_analysis_read_such_a_tape(engine):
    rng = np.random.default_rng(0)
    stack = nps.StackedLSTM(3, [4, 4], dropout=0.3, rng=rng)
    model, x = nps.Sequential(stack, nps.Dense(4, 2, rng=rng)), rng.standard_normal((2, 80, 3))
    doutputs, norms = rng.standard_normal((2, 80, 2)), []
    for path in ("readable", engine):
        tape = model.forward(x, rng=np.random.default_rng(3), engine=path)
        norms.append(nps.analysis.gradient_norms(model, tape, doutputs))
    assert norms[0].keys() == norms[1].keys()
    for name, value in norms[0].items():
        assert np.allclose(norms[1][name], value, rtol=1e-12, atol=1e-14)
    assert replace(tape.layers[0]).run is None


def test_a_budget_that_is_not_needed_changes_nothing():
    model, x, rng = drawn(nps.StackedLSTM, 1, 80, [4, 4])
    for kind in ("fused", "wavefront", "auto"):
        engines = Engine(kind), Engine(kind, budget=2**30), Engine(kind, budget=1)
        plain, roomy, tight = runs(model, x, rng, engines=engines)
        same_bits(plain, roomy)
        assert roomy[0].engine == plain[0].engine
        assert isinstance(tight[0].layers[0].run, CheckpointedRun)


def test_two_directions_are_two_runs():
    rng = np.random.default_rng(0)
    model = nps.StackedBidirectional(nps.LSTM, 3, [4, 5], rng=rng)
    whole, parts = runs(model, rng.standard_normal((2, 80, 3)), rng)
    same_bits(whole, parts)
    found = {id(layer.run) for layer in parts[0].layers}
    assert len(found) == 4


def test_nan_in_a_block_is_found_where_it_is_born():
    model, x, _ = drawn(nps.StackedLSTM, 2, 80, [4, 3])
    params = dict(model.params)
    params["layers.1.b"] = np.full_like(params["layers.1.b"], np.nan)
    model.params = params
    said = []
    for engine in ("readable", LEAST):
        with pytest.raises(nps.NonFiniteError) as error:
            model.forward(x, engine=engine)
        said.append(str(error.value))
    assert said[0] == said[1]


@pytest.mark.parametrize("kind", [nps.StackedLSTM, nps.StackedGRU])
def test_a_gradient_that_has_decayed_is_zero_and_not_slow(kind):
    model, x, _ = drawn(kind, 2, 2500, [3, 3], dtype=np.float32, return_sequences=False)
    for engine in (WHOLE, LEAST):
        tape = model.forward(x, engine=engine)
        dx = model.backward(tape, np.ones((2, 3), np.float32)).x
        last = np.abs(dx).max(axis=(0, 2)).nonzero()[0][0]
        assert 0 < last < 2400
        slow = (dx != 0) & (np.abs(dx) < np.finfo(np.float32).tiny)
        assert slow.any(axis=(0, 2)).sum() < 2 * 32  # two chunks


@pytest.mark.parametrize("kind", [nps.StackedLSTM, nps.StackedGRU])
@pytest.mark.parametrize("B", [2, 9])
@pytest.mark.parametrize("options", OPTIONS)
def test_steps_that_no_gradient_reaches(kind, B, options):
    model, x, _ = drawn(kind, B, 330, [4, 3], dtype=np.float32, **options)
    model.params = {name: value / 8 for name, value in model.params.items()}  # it decays soon
    found = []
    for engine in ("readable", WHOLE, LEAST):
        tape = model.forward(x, rng=np.random.default_rng(0), engine=engine)
        doutputs = np.ones(tape.outputs.shape, np.float32)
        if doutputs.ndim == 3:
            doutputs[:, :220] = doutputs[:, 225:] = 0
        found.append((tape, model.backward(tape, doutputs)))
    same_bits(*found[1:])
    right, ours = (contents(*pair) for pair in found[:2])
    for name, value in right.items():
        allowed = 1e-5 * np.abs(value).max() + np.finfo(np.float32).tiny
        assert np.abs(ours[name] - value).max() <= allowed, name
    if doutputs.ndim == 3:
        assert not found[1][1].x[:, 225:].any()
    assert not found[1][1].x[:, :32].any()
    nothing = model.backward(tape, np.zeros_like(doutputs))
    assert not any(value.any() for value in nothing.params.values())
    assert not nothing.x.any()


@pytest.mark.parametrize("engine", ["readable", WHOLE, LEAST, "wavefront"])
def test_without_dx_all_else_has_the_same_bits(engine):
    rng = np.random.default_rng(0)
    stack, _, _ = drawn(nps.StackedLSTM, 2, 3, [4, 4], dropout=0.2, learn_initial=True)
    for model in (
        stack,
        nps.LSTM(3, 4, rng=rng),
        nps.Sequential(nps.GRU(3, 4, rng=rng), stack_of(4)),
    ):
        tape = model.forward(rng.standard_normal((2, 80, 3)), rng=rng, engine=engine)
        doutputs = rng.standard_normal(tape.outputs.shape)
        whole, less = (model.backward(tape, doutputs, need_x=need) for need in (True, False))
        assert whole.x is not None
        assert less.x is None
        right, ours = contents(tape, whole), contents(tape, less._replace(x=whole.x))
        assert all((ours[name] == value).all() for name, value in right.items())


def test_an_engine_does_not_compute_the_dx_that_nobody_reads(monkeypatch):
    asked, rng = [], np.random.default_rng(0)
    once = FusedRun.backward

    def seen(run, doutputs, dfinal, need_x=True):
        asked.append(need_x)
        return once(run, doutputs, dfinal, need_x)

    monkeypatch.setattr(FusedRun, "backward", seen)
    x, y = rng.standard_normal((4, 9, 3)), rng.standard_normal((4, 9, 2))
    head = nps.Dense(4, 2, rng=rng)
    for model in (
        nps.Sequential(nps.StackedLSTM(3, [4, 4], rng=rng), head),
        nps.Sequential(nps.LSTM(3, 4, rng=rng), nps.Dense(4, 4, rng=rng), nps.GRU(4, 2, rng=rng)),
    ):
        nps.fit(model, (x, y), epochs=1, batch_size=4, rng=rng, engine="fused")
    assert asked == [False, True, False]  # from the top; below the dense layer there is a reader


def stack_of(size):
    rng = np.random.default_rng(1)
    return nps.Sequential(nps.Dense(size, 3, rng=rng), nps.StackedGRU(3, [4, 4], rng=rng))


# ---- how much memory ---------------------------------------------------------------------------


def shape_of(T, B=4, layers=((8, 32), (32, 32)), cell="lstm"):
    sizes = tuple(LayerShape(*sizes, k == 0) for k, sizes in enumerate(layers))
    return RunShape.of(cell, T, B, "float32", sizes)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("T", [1, 7, 300])
@pytest.mark.parametrize("B", [1, 9, 40])
def test_the_bytes_of_a_run_are_known_beforehand(cell, T, B):
    shape = shape_of(T, B, ((8, 64), (64, 64), (64, 32)), cell)
    arrays = Arrays(shape)
    held = [arrays.states, *(own for layer in arrays.layers for own in layer.inside())]
    owners = {id(a if a.base is None else a.base): a if a.base is None else a.base for a in held}
    assert sum(own.nbytes for own in owners.values()) == Arrays.nbytes(shape)


def test_a_run_has_blocks_if_it_does_not_fit():
    shape = shape_of(4000)
    whole = Arrays.nbytes(shape)
    assert block_steps(shape, None, True) is None
    assert block_steps(shape, whole, True) is None
    length = block_steps(shape, whole - 1, True)
    assert length % shape.chunk == 0
    assert block_steps(shape, 1, True) == length
    assert block_steps(shape_of(11), 1, True) is None  # a chunk is the least


def test_a_block_grows_like_the_square_root():
    found = {T: block_steps(shape_of(T), 1, False) for T in (1_000, 16_000, 256_000)}
    assert found[16_000] < 8 * found[1_000]
    assert 2 * found[16_000] <= found[256_000] <= 8 * found[16_000]


@pytest.mark.parametrize("engine", [WHOLE, LEAST, Engine("wavefront")])
def test_a_tape_that_nobody_holds_is_gone_at_once(engine):
    model, x, _ = drawn(nps.StackedLSTM, 2, 80, [4, 4])
    gc.collect()
    gc.disable()
    try:
        tape = model.forward(x, engine=engine)
        model.backward(tape, np.ones(tape.outputs.shape))
        held = [weakref.ref(tape.layers[0].run), weakref.ref(tape.layers[1])]
        assert tape.layers[0].gates.forget.shape == (2, 80, 4)
        del tape
        assert [ref() for ref in held] == [None, None]
    finally:
        gc.enable()


# ---- what the system sees ----------------------------------------------------------------------

PASS = """
import sys
import numpy as np
from npstack import Engine, StackedLSTM

def status(name):
    with open("/proc/self/status") as file:
        (line,) = [line for line in file if line.startswith(name)]
    return 1024 * int(line.split()[1])

T, B, D, H, L, budget, last = map(int, sys.argv[1:])
rng = np.random.default_rng(0)
model = StackedLSTM(D, [H] * L, return_sequences=not last, rng=rng, dtype=np.float32)
x = rng.standard_normal((B, T, D), np.float32)
doutputs = rng.standard_normal((B, H) if last else (B, T, H), np.float32)
few = model.forward(x[:, :9], engine="fused")
model.backward(few, doutputs if last else doutputs[:, :9])
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")  # the peak begins anew: a child begins with that of its parent
held = status("VmRSS")
tape = model.forward(x, engine=Engine("fused", budget=budget or None))
grads = model.backward(tape, doutputs)
print(status("VmHWM") - held)
"""
LONG = 2000, 16, 32, 64, 4
VERY_LONG = 100_000, 4, 8, 32, 3


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    ("sizes", "budget", "last", "most"),
    [(LONG, 0, 0, 210), (LONG, 2**23, 0, 30), (VERY_LONG, 2**25, 1, 100)],
)
def test_the_peak_of_training_in_mebibytes(sizes, budget, last, most):
    command = [sys.executable, "-c", PASS, *map(str, (*sizes, budget, last))]
    limited = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, env=limited, capture_output=True, text=True, check=True)
    assert int(done.stdout) <= most * 2**20
