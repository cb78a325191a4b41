"""Files that h5py, Keras, PyTorch and safetensors wrote; and what Keras and these read of ours."""

import os
from collections import OrderedDict

import numpy as np
import pytest

from npstack.core.errors import ArgumentError, DataError
from npstack.interop.files.by_suffix import read_file, write_file
from tests.full_runs.hostile import Reader, equal, formats, one, read
from tests.interop.test_files import ATTRIBUTES, some_arrays
from tests.tools.provenance import read_evidence

KERAS = "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
pytestmark = [pytest.mark.frameworks, pytest.mark.filterwarnings(KERAS)]
os.environ.setdefault("KERAS_BACKEND", "torch")
OTHERS = ["hdf5", "keras", "pytorch", "onnx"]


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


@pytest.fixture
def keras():
    return pytest.importorskip("keras")


@pytest.fixture
def h5py():
    return pytest.importorskip("h5py")


# ---- safetensors -------------------------------------------------------------------------------


def test_safetensors_reads_ours_and_we_read_its(tmp_path):
    theirs = pytest.importorskip("safetensors.numpy")
    arrays = some_arrays()
    if "c8" not in theirs._TYPES.values():
        arrays = {name: value for name, value in arrays.items() if value.dtype.kind != "c"}
    write_file(tmp_path / "a.safetensors", arrays, {"format": "np"})
    assert equal(theirs.load_file(tmp_path / "a.safetensors"), arrays)
    native = {name: value.astype(value.dtype.newbyteorder("=")) for name, value in arrays.items()}
    native = {name: np.ascontiguousarray(value) for name, value in native.items()}
    native["0d"] = arrays["0d"]
    theirs.save_file(native, tmp_path / "b.safetensors", {"note": "é", "json": '{"a": [1]}'})
    found = read_file(tmp_path / "b.safetensors")
    assert equal(found.arrays, native)
    assert found.attributes == {"note": "é", "json": {"a": [1]}}


def test_bfloat16_of_torch_is_read_from_both_of_its_formats(tmp_path, torch):
    theirs = pytest.importorskip("safetensors.torch")
    value = torch.randn(50, generator=torch.Generator().manual_seed(0)).to(torch.bfloat16)
    theirs.save_file({"w": value}, tmp_path / "a.safetensors")
    torch.save({"w": value}, tmp_path / "a.pt")
    for name in ("a.safetensors", "a.pt"):
        assert read_file(tmp_path / name).arrays["w"].tolist() == value.double().tolist()


# ---- PyTorch -----------------------------------------------------------------------------------


@pytest.mark.parametrize("old", [False, True])
def test_a_state_dict_of_torch_comes_back_bit_for_bit(tmp_path, torch, old):
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.LSTM(3, 4, 2, bidirectional=True), torch.nn.Linear(8, 1))
    state = module.double().state_dict()
    path = tmp_path / "a.pth"
    torch.save(state, path, _use_new_zipfile_serialization=not old)
    found = read_file(path)
    assert found.format == "pytorch"
    assert found.attributes == {}
    assert list(found.arrays) == list(state)
    assert equal(found.arrays, {name: value.numpy() for name, value in state.items()})


def test_a_checkpoint_is_flattened_with_dots_and_its_plain_values_are_kept(tmp_path, torch):
    shared = torch.arange(6.0).reshape(2, 3)
    whole = {
        "model_state": OrderedDict([("w", torch.nn.Parameter(shared)), ("tied", shared.T)]),
        "optimiser": {"state": {7: {"step": torch.tensor(3), "m": [shared, shared[:, :2]]}}},
        "step": 1564501,
        "best": float("inf"),
        "none": None,
        "lr": 0.1,
        "name": "é",
        "sizes": [3, 4],
        "shape": torch.Size([2]),
        "config": {"hidden": 256, "bias": True},
    }
    torch.save(whole, tmp_path / "a.pt")
    found = read_file(tmp_path / "a.pt")
    expected = {
        "model_state.w": shared,
        "model_state.tied": shared.T,
        "optimiser.state.7.step": torch.tensor(3),
        "optimiser.state.7.m.0": shared,
        "optimiser.state.7.m.1": shared[:, :2],
    }
    assert equal(found.arrays, {name: value.numpy() for name, value in expected.items()})
    assert found.attributes == {
        "step": 1564501,
        "best": "inf",
        "lr": 0.1,
        "name": "é",
        "sizes": [3, 4],
        "shape": [2],
        "config.hidden": 256,
        "config.bias": True,
    }


def test_what_is_no_plain_tensor_is_refused_by_name(tmp_path, torch):
    for value, words in (
        (torch.eye(2).to_sparse(), r"tensor 'w'.*torch.sparse_coo"),
        (torch.ones(2).to(torch.float8_e5m2), "float8_e5m2"),
        (torch.nn.LSTM(2, 2), "an object of torch.nn.modules.rnn.LSTM.*state_dict"),
    ):
        torch.save({"w": value}, tmp_path / "a.pt")
        with pytest.raises(DataError, match=words):
            read_file(tmp_path / "a.pt")
    torch.save({"a.b": torch.ones(1), "a": {"b": torch.ones(1)}}, tmp_path / "a.pt")
    with pytest.raises(DataError, match=r"joined by dots, must differ, got 'a\.b' twice"):
        read_file(tmp_path / "a.pt")


def test_a_changed_number_in_a_checkpoint_is_noticed_though_torch_does_not(tmp_path, torch):
    value = torch.arange(100.0)
    torch.save({"w": value}, tmp_path / "a.pt")
    whole = (tmp_path / "a.pt").read_bytes()
    at = whole.index(value.numpy().tobytes()) + 203
    (tmp_path / "a.pt").write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    assert (torch.load(tmp_path / "a.pt")["w"] != value).sum() == 1
    with pytest.raises(DataError, match=r"Bad CRC-32.*set_crc32_options"):
        read_file(tmp_path / "a.pt")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_torchscript_and_quantised_modules_are_refused_with_what_to_do(tmp_path, torch):
    scripted = torch.jit.script(torch.nn.Linear(2, 2))
    for name in ("a.pt", "a.jit"):
        torch.jit.save(scripted, tmp_path / name)
        with pytest.raises(DataError, match=r"torch\.jit\.load.*state_dict\(\)"):
            read_file(tmp_path / name)
    quantised = torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8)
    torch.save({"w": quantised}, tmp_path / "a.pt")
    with pytest.raises(DataError, match=r"got quantised ones. .*dequantize"):
        read_file(tmp_path / "a.pt")


# ---- HDF5 and Keras ----------------------------------------------------------------------------


def keras_2(file, whole):
    """A file as Keras 2 wrote it: attributes as bytes, two levels of names."""
    top = file.create_group("model_weights") if whole else file
    if whole:
        file.attrs["model_config"] = b'{"class_name": "Sequential", "config": [{"units": 50}]}'
    for name in ("keras_version", "backend"):
        top.attrs[name] = {"keras_version": b"2.2.0", "backend": b"tensorflow"}[name]
    top.attrs["layer_names"] = np.array([b"lstm_1", b"empty"])
    group = top.create_group("lstm_1")
    names = [b"lstm_1/kernel:0", b"lstm_1/bias:0"]
    group.attrs["weight_names"] = np.array(names)
    top.create_group("empty").attrs["weight_names"] = np.array([])
    arrays = {"lstm_1/kernel:0": np.ones((3, 8), "f4"), "lstm_1/bias:0": np.arange(8.0)}
    for name, value in arrays.items():
        group[name] = value
    return {f"lstm_1/{name}": value for name, value in arrays.items()}


@pytest.mark.parametrize("whole", [False, True])
def test_files_of_keras_2(tmp_path, h5py, whole):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        arrays = keras_2(file, whole)
        if whole:
            file["optimizer_weights/m"] = np.ones(2)
    found = read_file(tmp_path / "a.h5")
    others = {"optimizer_weights/m": np.ones(2)} if whole else {}
    assert equal(found.arrays, {**arrays, **others})
    attributes = found.attributes
    assert attributes["keras_version"] == "2.2.0"
    assert attributes["backend"] == "tensorflow"
    assert attributes["layer_names"] == ["lstm_1", "empty"]
    assert attributes["inside"]["lstm_1"] == {"weight_names": ["lstm_1/kernel:0", "lstm_1/bias:0"]}
    if whole:
        assert attributes["model_config"]["config"] == [{"units": 50}]


def test_hdf5_of_every_kind_of_number_chunked_and_compressed(tmp_path, h5py):
    arrays = some_arrays()
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name, value in arrays.items():
            file[f"plain/{name}"] = value
            if value.size > 1:
                file.create_dataset(f"packed/{name}", data=value, compression="gzip", shuffle=True)
    expected = {f"plain/{name}": value for name, value in arrays.items()}
    expected |= {f"packed/{name}": value for name, value in arrays.items() if value.size > 1}
    assert equal(read_file(tmp_path / "a.h5").arrays, expected)


def test_weights_that_we_write_as_hdf5_come_back(tmp_path, h5py):
    arrays = {f"layers/{name}": value for name, value in some_arrays().items()}
    write_file(tmp_path / "a.weights.h5", arrays, {**ATTRIBUTES, "long": "x" * 10**5})
    found = read_file(tmp_path / "a.weights.h5")
    assert equal(found.arrays, arrays)
    assert found.attributes == {**ATTRIBUTES, "long": "x" * 10**5}
    with h5py.File(tmp_path / "a.weights.h5") as file:
        assert file["layers/3d"][()].tolist() == arrays["layers/3d"].tolist()


@pytest.mark.parametrize("names", [["a", "a/b"], ["a//b"], ["../a"], ["/a"], ["a\0b"]])
def test_names_that_hdf5_has_not_are_refused(tmp_path, names):
    with pytest.raises(ArgumentError, match=r"Rename it|zero character"):
        write_file(tmp_path / "a.weights.h5", {name: np.ones(1) for name in names})
    assert list(tmp_path.iterdir()) == []


def test_files_of_keras_3_are_read_without_keras(tmp_path, keras):
    keras.utils.set_random_seed(0)
    layers = keras.layers
    inputs = layers.Input((5, 3))
    both = layers.Bidirectional(layers.GRU(2, return_sequences=True), name="both")(inputs)
    model = keras.Model(inputs, layers.Dense(1)(layers.LSTM(4, name="lstm")(both)))
    lstm, gru = model.get_layer("lstm"), model.get_layer("both").backward_layer
    for name in ("a.keras", "a.weights.h5", "a.h5"):
        if name.endswith("weights.h5"):
            model.save_weights(tmp_path / name)
        else:
            model.save(tmp_path / name)
        found = read_file(tmp_path / name)
        for layer in (lstm, gru):
            for weight in layer.get_weights():
                equals = [
                    value.dtype == weight.dtype and value.tobytes() == weight.tobytes()
                    for value in found.arrays.values()
                    if value.shape == weight.shape
                ]
                assert any(equals), (name, list(found.arrays))
        if name != "a.weights.h5":
            config = found.attributes["model_config"]
            assert config["class_name"] == "Functional"
            assert found.attributes["keras_version"] == keras.__version__
        assert found.format == ("keras" if name == "a.keras" else "hdf5")


def test_keras_reads_weights_that_we_wrote(tmp_path, keras):
    make = lambda: keras.Sequential([keras.layers.Input((5, 3)), keras.layers.LSTM(4)])  # noqa: E731
    one, other = make(), make()
    one.save_weights(tmp_path / "a.weights.h5")
    write_file(tmp_path / "b.weights.h5", read_file(tmp_path / "a.weights.h5").arrays)
    other.load_weights(tmp_path / "b.weights.h5")
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        assert a.tobytes() == b.tobytes()


# ---- hostile files -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def reader():
    with Reader() as reader:
        yield reader


@pytest.mark.parametrize("name", OTHERS)
def test_hostile_files_do_no_harm(reader, name):
    for kind in formats()[name].kinds:
        assert one(name, formats()[name], kind, 1000, reader).faults == []


@pytest.mark.slow
@pytest.mark.parametrize("name", OTHERS)
def test_many_hostile_files_do_no_harm(reader, name):
    for kind in formats()[name].kinds:
        for seed in range(1001, 1003):
            assert one(name, formats()[name], kind, seed, reader).faults == []


def test_the_committed_run_had_every_kind_and_right_files_are_read(tmp_path):
    found = read_evidence("hostile")["formats"]
    for name, form in formats().items():
        assert list(found[name]["kinds"]) == [kind.__name__ for kind in form.kinds]
        good = form.good(np.random.default_rng(0), str(tmp_path))
        path = tmp_path / f"bad{form.suffix}"
        path.write_bytes(good.content)
        assert equal(read(str(path)).arrays, good.arrays), name
