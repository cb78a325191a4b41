"""What checkpoints, weights and their JSON refuse: wrong calls, and text that is not plain."""

import io

import numpy as np
import pytest

from npstack import (
    ArgumentError,
    DataError,
    DtypeError,
    History,
    load_checkpoint,
    load_weights,
    save_checkpoint,
    save_weights,
)
from npstack.files import strict_json
from npstack.files.random_state import restore_generator
from tests.tools.memory import peak_bytes
from tests.training.test_checkpoint import checkpoint, folder_bytes, model

# ---- wrong calls -------------------------------------------------------------------------------

DEEP = {"a": 1}
for _ in range(70):
    DEEP = {"a": DEEP}
PARAMS = dict(model().params)
WRONG_SAVES = {
    "no checkpoint": (PARAMS, DtypeError, "must be a Checkpoint, got a dict"),
    "no parameters": (checkpoint(params=model()), DtypeError, "Pass model.params"),
    "config no dictionary": (checkpoint(config=[3]), DtypeError, "config must be of type dict"),
    "an array in config": (checkpoint(config={"a": np.ones(1)}), DtypeError, "not JSON serializ"),
    "NaN in config": (checkpoint(config={"a": np.nan}), DtypeError, "finite float"),
    "a key that is no word": (checkpoint(config={"a": [{1: 2}]}), DtypeError, "a key is no str"),
    "too deep a config": (checkpoint(config=DEEP), ArgumentError, "got 72 levels"),
    "too long a config": (checkpoint(config={"a": "x" * 2**24}), ArgumentError, "16,777,216"),
    "history no history": (checkpoint(history={}), DtypeError, "history must be a History"),
    "a short column": (checkpoint(history=History([1, 2], [0.1])), ArgumentError, "each of its"),
    "words in a column": (checkpoint(history=History([1], ["a"])), ArgumentError, "a number for"),
    "epochs out of order": (checkpoint(history=History([2])), ArgumentError, "history must have"),
    "best epoch to come": (checkpoint(history=History(best_epoch=3)), ArgumentError, "best_epoch"),
    "steps below zero": (checkpoint(steps=-1), ArgumentError, "of at least 0, got -1 (int)"),
    "steps true": (checkpoint(steps=True), ArgumentError, "got True (bool)"),
    "steps no number": (checkpoint(steps="1"), ArgumentError, "steps must be a whole"),
    "best of another": (
        checkpoint(best={**PARAMS, "1.b": np.ones(2)}),
        ArgumentError,
        "the best parameters must have '1.b': float64 of shape (1,), got float64 of shape (2,)",
    ),
    "state of another shape": (
        checkpoint(state={"m.1.b": np.ones(2)}),
        ArgumentError,
        "the optimiser must have 'm.1.b': float64 of shape (1,), got float64 of shape (2,)",
    ),
    "state of no parameter": (checkpoint(state={"m": np.ones(2)}), ArgumentError, "got 'm'"),
    "random state a seed": (checkpoint(random=3), ArgumentError, "PCG64, PCG64DXSM"),
    "random state unknown": (
        checkpoint(random={"bit_generator": "System"}),
        ArgumentError,
        "or SFC64, got 'System'",
    ),
    "random state of another": (
        checkpoint(random={**np.random.PCG64(0).state, "bit_generator": "SFC64"}),
        ArgumentError,
        "must be one of SFC64",
    ),
    "an array of objects": (
        checkpoint(params={"b": np.array([1.0], object)}, best=None, state={}),
        DtypeError,
        "'params/b' must be an array of numbers, got object of shape (1,). Cast it",
    ),
    "a list for an array": (
        checkpoint(params={"b": [1.0]}, best=None, state={}),
        DtypeError,
        "'params/b' must be an array of numbers, got a list",
    ),
    "a name that is a path": (
        checkpoint(params={"../b": np.ones(1)}, best=None, state={}),
        ArgumentError,
        "got 'params/../b'. Rename",
    ),
    "more than a zip file holds": (
        checkpoint(params={"b": np.broadcast_to(1.0, 10**9)}, best=None, state={}),
        ArgumentError,
        "at most 60,000, of 4,000,000,000 bytes together, got 1 of 8,000,000,000",
    ),
}


@pytest.mark.parametrize("name", WRONG_SAVES)
def test_what_a_checkpoint_cannot_hold_is_refused_and_nothing_written(tmp_path, name):
    wrong, error, words = WRONG_SAVES[name]
    save_checkpoint(tmp_path / "c.npz", checkpoint())
    before = folder_bytes(tmp_path)
    with pytest.raises(error) as raised:
        save_checkpoint(tmp_path / "c.npz", wrong)
    assert words in str(raised.value)
    assert str(raised.value).startswith("save_checkpoint: ")
    assert folder_bytes(tmp_path) == before


def test_a_folder_that_is_missing_and_a_path_that_is_none_are_told_so(tmp_path):
    with pytest.raises(ArgumentError, match=r"folder of path must exist, got '.*away'.* Make it"):
        save_weights(tmp_path / "away" / "w.npz", {"b": np.ones(1)})
    for call in (
        lambda: save_weights(3, {}),
        lambda: load_weights(3),
        lambda: save_checkpoint(io.BytesIO(), checkpoint()),
        lambda: load_checkpoint(None),
    ):
        with pytest.raises(DtypeError, match="path must be a str or a Path"):
            call()
    with pytest.raises(DataError, match="path must lead to a file, got a folder"):
        load_weights(tmp_path)
    with pytest.raises(FileNotFoundError):
        load_checkpoint(tmp_path / "none.npz")


def test_saving_a_model_instead_of_its_parameters_is_told_so(tmp_path):
    with pytest.raises(DtypeError, match=r"model\.params"):
        save_weights(tmp_path / "w.npz", model())


def test_weights_and_checkpoints_are_not_mistaken_for_one_another(tmp_path):
    save_weights(tmp_path / "w.npz", PARAMS)
    save_checkpoint(tmp_path / "c.npz", checkpoint())
    with pytest.raises(DataError, match=r"got 'npstack-weights', version 2\. Use load_weights\."):
        load_checkpoint(tmp_path / "w.npz")
    with pytest.raises(DataError, match=r"got 'npstack-checkpoint', .* Use load_checkpoint\."):
        load_weights(tmp_path / "c.npz")


def test_a_generator_of_another_kind_is_told_so_and_not_touched():
    rng = np.random.default_rng(0)
    before = rng.bit_generator.state
    with pytest.raises(DataError, match="must be that of the rng's PCG64, got 'MT19937'"):
        restore_generator(rng, np.random.MT19937(0).state)
    with pytest.raises(DataError, match="must be one of PCG64"):
        restore_generator(rng, {**before, "uinteger": -1})
    with pytest.raises(DtypeError, match="default_rng"):
        restore_generator(0, before)
    assert rng.bit_generator.state == before


@pytest.mark.parametrize(
    ("kind", "part", "name", "value"),
    [
        ("MT19937", "state", "pos", 10**6),
        ("MT19937", "state", "pos", -1),
        ("Philox", None, "buffer_pos", -7),
        ("Philox", None, "buffer_pos", 5),
    ],
)
def test_a_position_outside_its_array_never_reaches_numpy(kind, part, name, value):
    rng = np.random.Generator(getattr(np.random, kind)(0))
    state = rng.bit_generator.state
    (state if part is None else state[part])[name] = value
    with pytest.raises(DataError, match=f"must be one of {kind}"):
        restore_generator(rng, state)


# ---- plain JSON --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b'{"a": NaN}', "'NaN' is no finite number"),
        (b'{"a": -Infinity}', "'-Infinity' is no"),
        (b'{"a": 1e999}', "'1e999' is no"),
        (b'{"a": 1, "a": 2}', "a key occurs twice"),
        (b"[" * 99_999, "recursion"),
        (b"[" * 70 + b"]" * 70, "got 70 levels"),
        (b"1" * 5000, "digits"),
        (b'{"a": "\xff"}', "decode"),
        (b'{"a": 1} {', "Extra data"),
        (b"", "Expecting value"),
        (b" " * (2**24 + 1), "16,777,217 bytes"),
        (b"[" + b"[]," * 200_000 + b"0]", "200,001 brackets"),
    ],
    ids=lambda part: str(part[:12]),
)
def test_json_that_could_mean_two_things_or_never_end_is_refused(text, words):
    with pytest.raises(DataError) as raised:
        strict_json.load("here", text, "Do this.")
    assert words in str(raised.value)
    assert str(raised.value).endswith("Do this.")
    assert len(str(raised.value)) < 300


@pytest.mark.slow
@pytest.mark.parametrize(
    "piece",
    [b"1e1,", b'"ab",', '"\U0001d11e",'.encode(), b"[],", b'{"a":{}},'],
    ids=["numbers", "words", "wide words", "lists", "dictionaries"],
)
def test_memory_of_json_is_in_proportion_to_its_length(piece):
    marks = sum(map(piece.count, (b"[", b"{", b":")))
    count = min((2**24 - 10) // len(piece), 199_999 // max(1, marks))
    text = b"[" + piece * count + b"0]"
    peak = peak_bytes(lambda: strict_json.load("here", text, ""))
    assert 8 * len(text) < peak < 16 * len(text) + 50 * 10**6
