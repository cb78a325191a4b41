"""Configurations that are damaged, hostile or odd: limits, refusals, the user's own classes."""

import copy
import json
import sys
import tracemalloc
from functools import partial

import numpy as np
import pytest

from npstack import (
    LSTM,
    Activation,
    ArgumentError,
    Dense,
    Dropout,
    LSTMCell,
    NpstackError,
    Recurrent,
    Sequential,
    StackedLSTM,
    build,
    load_model,
    save_model,
)
from npstack.cells import CELLS
from npstack.core.undrawn import Undrawn
from npstack.layers import Interface, Layer
from tests.files.test_model import Affine, again

D, H = 3, 4
RNG = partial(np.random.default_rng, 0)


# ---- damaged and hostile configurations ----------------------------------------------------------


def spoil(rng, config):
    """One value somewhere in a configuration replaced, removed or added."""
    config = copy.deepcopy(config)
    places = []

    def collect(value):
        keys = list(value) if isinstance(value, dict) else range(len(value))
        for key in keys:
            places.append((value, key))
            if isinstance(value[key], dict | list):
                collect(value[key])

    collect(config)
    holder, key = places[int(rng.integers(len(places)))]
    odd = [
        *(-1, 0, 10**12, 10**30, 0.5, True, "os.system", "__import__('os')", "", None),
        *([], {}, [[]], {"type": "os.system"}, {"type": ["LSTM"]}, {"type": "Layer"}),
        *({"type": "subprocess.Popen", "args": ["true"]}, "lambda x: x", {"__class__": "x"}),
    ]
    how = rng.integers(3)
    if how == 0:
        del holder[key]
    elif how == 1 and isinstance(holder, dict):
        holder["surplus"] = odd[int(rng.integers(len(odd)))]
    else:
        holder[key] = odd[int(rng.integers(len(odd)))]
    return config


def deep(depth):
    config = LSTM(1, 1, rng=RNG()).config()
    for _ in range(depth):
        config = {"type": "Sequential", "layers": [config]}
    return config


HOSTILE = [
    deep(2000),
    {"type": "LSTM", "input_size": 10**6, "hidden_size": 10**6, "rng": None},
    {"type": "StackedLSTM", "children": {}, "hidden_sizes": []},
    {"type": "Dense", "input_size": 10**7, "output_size": 10**7, "rng": None},
    {"type": "Stacked", "cell_type": {"type": "LSTMCell"}, "input_size": 1, "hidden_sizes": 1},
    {"type": "LSTM", "input_size": 1, "hidden_size": 2, "rng": {"type": "LSTM"}},
    {"type": "Recurrent", "cell": {"type": "Zoneout", "cell": 3}},
    {"type": "Activation", "name": "eval"},
    {"type": "npstack.LSTM"},
    {"type": None},
    {},
]


def test_damaged_and_hostile_configurations_are_refused_in_words_and_import_nothing():
    model = Sequential(
        StackedLSTM(D, [H, 2], dropout=0.1, rng=RNG()),
        Recurrent(CELLS["projection, zoneout"](2, 3, RNG())),
        Dense(2, 1, activation=Activation("elu", alpha=0.5), rng=RNG()),
    )
    config = json.loads(json.dumps(model.config()))
    rng, before = RNG(), set(sys.modules)
    words = []
    for bad in [*HOSTILE, *(spoil(rng, config) for _ in range(200))]:
        try:
            made = build(bad, model.params)
        except NpstackError as error:
            words.append(str(error))
        else:  # what was changed has no part in what is computed, or has a default
            assert made.params.keys() == model.params.keys()
    assert len(words) >= 100 + len(HOSTILE), len(words)
    assert all(20 < len(said) < 2000 for said in words)
    assert all(said.startswith(("build", "Sequential.params")) for said in words)
    inside = ("object has", " at 0x", "__init__", "iterable", "positional", "default_rng")
    assert not [said for said in words for word in inside if word in said]
    assert set(sys.modules) == before


def test_what_is_missing_in_a_configuration_is_named_and_a_generator_never_is():
    config = LSTM(1, 2, rng=RNG()).config()
    for name in ("input_size", "hidden_size"):
        less = {key: value for key, value in config.items() if key != name}
        with pytest.raises(ArgumentError, match=f"config must hold '{name}' of LSTM.*Add what is"):
            build(less)
    for layer in (LSTM(1, 2, rng=RNG()), Dense(1, 2, rng=RNG())):
        less = {key: value for key, value in layer.config().items() if key != "rng"}
        with pytest.raises(ArgumentError, match=r"must hold 'rng' of .*Add 'rng': None .*nothing"):
            build(less)
        assert build({**less, "rng": None}).config() == layer.config()
    for layers in (None, 3, "LSTM", {}):
        with pytest.raises(ArgumentError, match=r"config.layers must be a list"):
            build({"type": "Sequential", "layers": layers})


class Picky(Affine):
    def __init__(self, size):
        super().__init__(size)
        raise KeyError("no such\nkey")


def test_what_a_constructor_of_ones_own_says_is_passed_on_in_one_line():
    with pytest.raises(ArgumentError, match=r"arguments of Picky.*says: 'no such") as raised:
        build({"type": "Picky", "size": 3}, known={"Picky": Picky})
    assert str(raised.value).isprintable()


def test_kinds_that_are_known_are_classes_of_ours():
    with pytest.raises(NpstackError, match=r"known\['len'\] must be a class of layers"):
        build({"type": "len"}, known={"len": len})
    with pytest.raises(ArgumentError, match=r"config.type must be one of .*, got 'Affine'.*known="):
        build(Affine(3).config())


# ---- limits, and kinds of ones own ---------------------------------------------------------------


@pytest.mark.parametrize("dtype", [float, np.float32, "float32", np.dtype("d"), np.longdouble])
def test_a_dtype_is_written_down_however_it_was_given(dtype):
    layer = LSTM(1, 2, rng=RNG(), dtype=dtype, forget_bias=np.longdouble(1))
    assert again(layer).dtype == layer.dtype == np.dtype(dtype)


def test_what_is_saved_can_be_loaded_or_is_refused_before(tmp_path):
    model = LSTM(1, 2, rng=RNG(), forget_bias=10**8)
    for _ in range(25):
        model = Sequential(model)
    save_model(tmp_path / "a.npz", model)
    assert load_model(tmp_path / "a.npz").config() == model.config()
    for _ in range(20):
        model = Sequential(model)
    with pytest.raises(ArgumentError, match="at most 64 levels"):
        save_model(tmp_path / "b.npz", model)

    class Dense(Layer):  # not npstack's
        def __init__(self, size):
            super().__init__({}, Interface(size, size))

        _forward = _backward = None

    Dense.__abstractmethods__ = frozenset()
    with pytest.raises(ArgumentError, match="a new name"):
        save_model(tmp_path / "b.npz", Sequential(Dense(3)))


def test_a_file_cannot_ask_for_more_memory_than_its_own_arrays():
    config = LSTM(2500, 2500, rng=Undrawn()).config()
    config |= {"kernel_init": "zeros", "recurrent_init": "zeros"}
    tracemalloc.start()
    with pytest.raises(NpstackError, match="at most 0 numbers"):
        build(config, {})
    assert tracemalloc.get_traced_memory()[1] < 2e7
    tracemalloc.stop()
    with pytest.raises(NpstackError, match="at most 10,000 things"):
        build({"type": "Sequential", "layers": [{"type": "Dropout", "rate": 0.1}] * 20_000})
    with pytest.raises(NpstackError, match="at most 10,000 things"):
        build({"type": "StackedLSTM", "num_layers": 10**7, "input_size": 1, "hidden_sizes": 1})


def test_stacks_from_a_configuration_are_checked_like_others():
    first, second = LSTM(1, 3, rng=RNG()).config(), LSTM(5, 3, rng=RNG()).config()
    children = {"layers.0": first, "layers.1": second}
    with pytest.raises(NpstackError, match="takes D=5"):
        build({"type": "StackedLSTM", "children": children})
    written = {"type": "StackedLSTM", "input_size": 1, "hidden_sizes": [3, 2], "rng": None}
    assert build(written).hidden_sizes == (3, 2)


def test_a_stack_of_ones_own_is_built_by_its_own_constructor():
    class Scaled(StackedLSTM):
        def __init__(self, size, scale, *, rng):
            super().__init__(1, [size], rng=rng)
            self.scale = scale

    twin = build(Scaled(3, 0.5, rng=RNG()).config(), known={"Scaled": Scaled})
    assert (twin.scale, twin.hidden_sizes) == (0.5, (3,))


def test_a_wrapped_cell_takes_its_parameters():
    cell = CELLS["lstm, zoneout"](D, H, RNG())
    twin = build(cell.config(), cell.params)
    assert all(np.array_equal(twin.params[name], cell.params[name]) for name in cell.params)


def test_a_configuration_is_the_callers_own():
    model = Sequential(LSTM(1, 2, rng=RNG()), Dense(2, 1, rng=RNG()))
    config = model.config()
    config["layers"][0]["hidden_size"] = 99
    assert model.config()["layers"][0]["hidden_size"] == 2


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: build({"type": "LSTM"}, known=[1]), "known must be a dictionary"),
        (lambda: build(LSTM(1, 2, rng=RNG()).config(), [1]), "params must be a dictionary"),
        (lambda: load_model("none.npz", known={"A": 3}), r"load_model: known\['A'\]"),
        (
            lambda: LSTMCell.from_params(*map(np.zeros, ((1, 8), (2, 8), 8)), dtype=float),
            "left out",
        ),
        (lambda: Sequential(Mapped(3, len)).config(), r"layers\[0\].function must be a number"),
        (lambda: Typed("a").config(), "none be called 'type'"),
        (lambda: build(LSTM(1, 2, rng=RNG()).config(), {"Affine": Affine}), "go into known"),
        (lambda: Generated(generator=RNG()).config(), "not called rng"),
        (lambda: changed(Dropout(0.2), rate=0.9).config(), "rate must be as it was built, 0.2"),
        (
            lambda: changed(LSTM(1, 2, rng=RNG()), return_sequences=False).config(),
            "as it was built",
        ),
        (lambda: LSTMCell.from_params(*map(np.zeros, ((8, 3), (8, 2), 8))), "weight_ih.T"),
        (lambda: LSTMCell.from_params(*map(np.zeros, ((8, 3), (8, 2)))), "weight_ih.T"),
        (lambda: LSTMCell.from_params(*map(np.zeros, ((8, 2), (8, 2)))), "weight_ih.T"),
        (lambda: LSTMCell.from_params(*map(np.zeros, ((3, 8), (2, 8), 8, 8))), r"b_ih \+ b_hh"),
    ],
)
def test_wrong_calls_are_answered_in_words(call, words):
    with pytest.raises(NpstackError, match=words):
        call()


class Mapped(Affine):
    def __init__(self, size, function):
        super().__init__(size)


class Generated(Affine):
    def __init__(self, *, generator):
        super().__init__(3)


class Twice(LSTM):
    """It draws a parameter that it has drawn already."""

    def __init__(self, *, rng):
        super().__init__(1, 2, rng=rng)
        self.params = {**self.params, "b": rng.uniform(-1, 1, 8)}


def test_a_kind_that_draws_twice_is_built_again():
    layer = Twice(rng=RNG())
    twin = build(layer.config(), layer.params, known={"Twice": Twice})
    assert np.array_equal(twin.params["b"], layer.params["b"])


def changed(layer, **values):
    vars(layer).update(values)
    return layer


class Typed(Affine):
    def __init__(self, type):
        super().__init__(3)


def test_what_has_no_name_is_refused_in_words():
    for layer in (Mapped(3, np.tanh), Sequential(Mapped(3, np.tanh))):
        with pytest.raises(ArgumentError, match=r"must be a number, .*, got <ufunc 'tanh'"):
            layer.config()
