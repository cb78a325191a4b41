"""Checkpoints and weights: what comes back, what stays when a save fails, what is refused."""

import dataclasses
import json
import os
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from npstack import (
    LSTM,
    Adam,
    Checkpoint,
    DataError,
    Dense,
    History,
    Sequential,
    fit,
    load_checkpoint,
    load_weights,
    save_checkpoint,
    save_weights,
)
from npstack.files import atomic
from npstack.files.random_state import KINDS, restore_generator

BITS = [np.random.PCG64, np.random.PCG64DXSM, np.random.MT19937, np.random.Philox, np.random.SFC64]


def model(seed=0):
    rng = np.random.default_rng(seed)
    return Sequential(LSTM(2, 3, recurrent_init="orthogonal", rng=rng), Dense(3, 1, rng=rng))


def checkpoint(seed=0, **changes):
    """A checkpoint as a run of two epochs would leave it."""
    rng = np.random.default_rng(seed)
    params = dict(model(seed).params)
    state = {
        f"{s}.{name}": rng.standard_normal(v.shape) for s in "mv" for name, v in params.items()
    }
    history = History([1, 2], [0.5, 0.25], [None, 0.1 + 0.2], best_epoch=2)
    best = {name: value + 1 for name, value in params.items()}
    optimiser = {"name": "Adam", "learning_rate": {"name": "Constant", "value": 1e-3}}
    whole = Checkpoint(
        params, optimiser, 14, state, rng.bit_generator.state, history, best, {"sizes": [3]}
    )
    return dataclasses.replace(whole, **changes)


def bits(arrays):
    """Everything about named arrays: dtype, shape, order in memory, bytes."""
    return {
        name: (a.dtype.str, a.shape, a.flags.f_contiguous, a.flags.c_contiguous, a.tobytes())
        for name, a in arrays.items()
    }


def same(one, other):
    for field in dataclasses.fields(Checkpoint):
        here, there = getattr(one, field.name), getattr(other, field.name)
        if field.name in ("params", "best", "state"):
            here, there = bits(here or {}), bits(there or {})
        if here != there:
            return False
    return True


def folder_bytes(folder):
    return {file.name: file.read_bytes() for file in Path(folder).iterdir()}


# ---- what comes back ---------------------------------------------------------------------------


def test_a_checkpoint_comes_back_bit_for_bit(tmp_path):
    saved = checkpoint()
    save_checkpoint(tmp_path / "c.npz", saved)
    found = load_checkpoint(str(tmp_path / "c.npz"), model_params=model().params)
    assert same(found, saved)
    assert found.history.validation_loss[1] == 0.1 + 0.2  # every bit of a float in JSON
    assert os.listdir(tmp_path) == ["c.npz"]


def test_a_checkpoint_without_a_best_epoch_comes_back_without(tmp_path):
    saved = checkpoint(best=None, state={}, steps=0, history=History())
    save_checkpoint(tmp_path / "c.npz", saved)
    assert same(load_checkpoint(tmp_path / "c.npz"), saved)
    assert load_checkpoint(tmp_path / "c.npz").best is None


def test_weights_come_back_bit_for_bit(tmp_path):
    save_weights(tmp_path / "w.npz", model().params, {"sizes": [4, 3]})
    params, config = load_weights(tmp_path / "w.npz", model_params=model().params)
    assert config == {"sizes": [4, 3]}
    assert bits(params) == bits(model().params)
    other = model(1)
    other.params = params
    assert bits(other.params) == bits(model().params)
    assert os.listdir(tmp_path) == ["w.npz"]


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "g", "F", "D", "i4", "u1", "i8", ">f8"])
def test_every_dtype_of_numbers_comes_back_in_every_shape_and_order(tmp_path, dtype):
    whole = np.arange(24).reshape(2, 3, 4).astype(dtype)
    arrays = {"three": whole, "fortran": np.asfortranarray(whole), "matrix": whole[0].T}
    arrays |= {"none": whole[:0], "one": whole[0, 0, :1], "scalar": np.array(whole[1, 1, 1])}
    arrays |= {"strided": whole[:, ::2, ::3], "across": whole.transpose(0, 2, 1)}
    save_weights(tmp_path / "w.npz", arrays)
    found, config = load_weights(tmp_path / "w.npz")
    assert config == {}
    assert list(found) == list(arrays)
    for name, value in arrays.items():
        assert found[name].dtype == value.dtype.newbyteorder("=")
        assert np.array_equal(found[name], value)
        assert found[name].shape == value.shape
        assert found[name].flags.writeable
        if value.flags.forc:  # else it is written, and comes back, in C order
            assert found[name].flags.f_contiguous == value.flags.f_contiguous


def test_the_order_in_memory_is_part_of_what_is_saved(tmp_path):
    """A BLAS may round x @ U otherwise when U is stored as its transpose."""
    U = np.asfortranarray(np.random.default_rng(0).standard_normal((5, 7)))
    save_weights(tmp_path / "w.npz", {"U": U, "V": np.ascontiguousarray(U)})
    params, _ = load_weights(tmp_path / "w.npz")
    assert params["U"].flags.f_contiguous
    assert params["V"].flags.c_contiguous


def test_a_run_that_goes_on_has_the_orders_in_memory_of_one_that_did_not_stop(tmp_path):
    def run(*stops, path):
        for epochs in (*stops, 3):
            rng = np.random.default_rng(0)
            layer = LSTM(2, 3, kernel_init="orthogonal", return_sequences=False, rng=rng)
            x, adam = rng.standard_normal((4, 5, 2)), Adam(0.1)
            options = {"epochs": epochs, "batch_size": 2, "optimiser": adam, "rng": rng}
            options["engine"] = "readable"  # the gradients of the twins have one order
            fit(layer, (x, np.tanh(x[:, -1, [0, 1, 0]])), checkpoint=path, resume=True, **options)
        return bits({**layer.params, **adam.state()})

    straight = run(path=tmp_path / "a.npz")
    orders = {(f, c) for _, _, f, c, _ in straight.values()}
    assert orders >= {(True, False), (False, True)}
    assert run(1, 2, path=tmp_path / "b.npz") == straight


def test_the_same_content_gives_the_same_bytes(tmp_path):
    save_checkpoint(tmp_path / "one.npz", checkpoint())
    save_checkpoint(tmp_path / "two.npz", checkpoint())
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()


def test_numpy_zipfile_and_the_eye_can_read_the_file(tmp_path):
    saved = checkpoint()
    save_checkpoint(tmp_path / "c.npz", saved)
    with np.load(tmp_path / "c.npz", allow_pickle=False) as archive:
        for name, value in saved.params.items():
            assert np.array_equal(archive[f"params/{name}"], value)
        text = json.loads(archive["npstack.json"])
    assert (text["format"], text["version"], text["steps"]) == ("npstack-checkpoint", 1, 14)
    assert text["arrays"]["params/0.W"] == ["float64", 2, 12]
    with zipfile.ZipFile(tmp_path / "c.npz") as archive:
        assert archive.testzip() is None
        assert archive.namelist()[0] == "npstack.json"
        assert len(archive.namelist()) == 1 + 4 * len(saved.params)
        assert len(archive.comment) == 64


@pytest.mark.parametrize("kind", BITS, ids=KINDS)
def test_a_generator_goes_on_where_it_was(tmp_path, kind):
    rng = np.random.Generator(kind(3))
    rng.integers(0, 5, 3, dtype=np.int32)  # leaves half of a draw behind
    rng.standard_normal(700)
    save_checkpoint(tmp_path / "c.npz", checkpoint(random=rng.bit_generator.state))
    restored = np.random.Generator(kind(9))
    restore_generator(restored, load_checkpoint(tmp_path / "c.npz").random)
    for draw in (lambda r: r.integers(0, 5, 3, dtype=np.int32), lambda r: r.random(700)):
        assert np.array_equal(draw(rng), draw(restored))


# ---- a save that does not end well -------------------------------------------------------------


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_failing_write_leaves_the_old_file_and_no_other(tmp_path, monkeypatch, call):
    def broken(*arguments):
        raise OSError("disk full")

    for save, load, old in (
        (save_weights, load_weights, {"b": np.ones(2)}),
        (save_checkpoint, load_checkpoint, checkpoint()),
    ):
        path = tmp_path / f"{save.__name__}.npz"
        save(path, old)
        before = path.read_bytes()
        with monkeypatch.context() as patch:
            patch.setattr(os, call, broken)
            with pytest.raises(OSError, match="disk full"):
                save(path, old)
        assert path.read_bytes() == before
        load(path)
    assert not [name for name in os.listdir(tmp_path) if name.endswith(".part")]


def test_ctrl_c_in_a_save_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"old")

    def save():
        with atomic.replacing(path) as file:
            file.write(b"new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        save()
    assert folder_bytes(tmp_path) == {"a": b"old"}


def test_the_checkpoint_before_is_kept_and_weights_are_not(tmp_path):
    first, second, third = (checkpoint(steps=n) for n in (1, 2, 3))
    path = tmp_path / "c.npz"
    for each in (first, second, third):
        save_checkpoint(path, each)
    assert same(load_checkpoint(path), third)
    assert same(load_checkpoint(atomic.previous_of(path)), second)
    for value in (1.0, 2.0):
        save_weights(tmp_path / "w.npz", {"b": np.array([value])})
    assert sorted(os.listdir(tmp_path)) == ["c.npz", "c.npz.previous", "w.npz"]


def test_where_there_are_no_hard_links_only_the_previous_is_missing(tmp_path, monkeypatch):
    def no_links(*arguments):
        raise OSError("not supported")

    monkeypatch.setattr(os, "link", no_links)
    for n in (1, 2):
        save_checkpoint(tmp_path / "c.npz", checkpoint(steps=n))
    assert load_checkpoint(tmp_path / "c.npz").steps == 2
    assert os.listdir(tmp_path) == ["c.npz"]


def test_what_a_killed_save_left_is_swept_away_and_a_running_one_is_not(tmp_path):
    path = tmp_path / "c[1].npz"  # a name that a pattern would misread
    left, foreign = tmp_path / "c[1].npz.0123abcd.part", tmp_path / "c1.npz.0123abcd.part"
    left.write_bytes(b"half")
    foreign.write_bytes(b"another's")
    with atomic.replacing(path) as file:
        assert not left.exists()
        file.write(b"slow")
        file.flush()
        with atomic.replacing(path) as faster:  # another process, say
            faster.write(b"fast")
        assert path.read_bytes() == b"fast"
    assert folder_bytes(tmp_path) == {path.name: b"slow", foreign.name: b"another's"}


def test_a_link_stays_and_its_target_is_replaced(tmp_path):
    (tmp_path / "far").mkdir()
    link = tmp_path / "c.npz"
    link.symlink_to(tmp_path / "far" / "real.npz")
    for n in (1, 2):
        save_checkpoint(link, checkpoint(steps=n))
    assert link.is_symlink()
    assert load_checkpoint(link).steps == 2
    assert sorted(os.listdir(tmp_path / "far")) == ["real.npz", "real.npz.previous"]


def test_a_new_file_has_the_rights_that_the_user_gives_new_files(tmp_path):
    code = (
        "import os, sys, numpy as np, npstack; os.umask(0o027);"
        "npstack.save_weights(sys.argv[1], {'b': np.ones(1)})"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / "w.npz"], check=True)
    assert stat.S_IMODE((tmp_path / "w.npz").stat().st_mode) == 0o640


# ---- the one before, where the file is damaged -------------------------------------------------


def test_a_damaged_checkpoint_says_that_the_one_before_is_whole(tmp_path):
    path = tmp_path / "c.npz"
    for n in (7, 8):
        save_checkpoint(path, checkpoint(steps=n))
    path.write_bytes(path.read_bytes()[:-200])
    before = folder_bytes(tmp_path)
    with pytest.raises(
        DataError, match=r"after 7 steps, is whole.*rename .*\.previous' to 'c\.npz'"
    ):
        load_checkpoint(path)
    assert folder_bytes(tmp_path) == before
    os.replace(atomic.previous_of(path), path)  # as the message says
    assert load_checkpoint(path).steps == 7


def test_a_damaged_checkpoint_says_that_the_one_before_is_no_better(tmp_path):
    path = tmp_path / "c.npz"
    for n in (7, 8):
        save_checkpoint(path, checkpoint(steps=n))
    path.write_bytes(b"")
    atomic.previous_of(path).write_bytes(b"")
    with pytest.raises(DataError, match=r"previous', cannot be used either\.$"):
        load_checkpoint(path)
    atomic.previous_of(path).unlink()
    with pytest.raises(DataError) as raised:
        load_checkpoint(path)
    assert "before it" not in str(raised.value)


# ---- another model's ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda p: {**p, "1.b": p["1.b"].astype(np.float32)}, "'1.b': float64 of shape (1,)"),
        (lambda p: {**p, "0.W": p["0.W"][:1]}, "'0.W': float64 of shape (2, 12)"),
        (lambda p: {n: v for n, v in p.items() if n != "0.U"}, "'0.U': float64 of shape (3, 12)"),
        (lambda p: {**p, "2.b": p["1.b"]}, "'2.b': none"),
    ],
    ids=["dtype", "shape", "missing", "extra"],
)
def test_another_models_parameters_are_refused(tmp_path, change, words):
    params = change(dict(model().params))
    save_weights(tmp_path / "w.npz", params)
    save_checkpoint(tmp_path / "c.npz", checkpoint(params=params, best=None, state={}))
    for load, name in ((load_weights, "w.npz"), (load_checkpoint, "c.npz")):
        load(tmp_path / name)
        with pytest.raises(DataError) as raised:
            load(tmp_path / name, model_params=model().params)
        message = str(raised.value)
        assert f"the model has {words}, got" in message
        assert name in message
        assert "Build the model as it was" in message
