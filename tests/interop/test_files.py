"""Files that npstack reads and writes by itself, and how `read_file` chooses."""

import io
import json
import struct
import zipfile

import numpy as np
import pytest

from npstack.core.errors import ArgumentError, DataError, DtypeError
from npstack.interop.files.by_suffix import SUFFIXES, read_file, write_file
from tests.files.bad_reader import snapshot
from tests.full_runs.hostile import FILES, Reader, equal, one, plain_formats, read, require, table
from tests.tools.provenance import read_evidence

PLAIN = plain_formats()
KINDS = [(name, kind) for name, form in PLAIN.items() for kind in form.kinds]
ATTRIBUTES = {"from": "é", "config": {"units": [3, 4], "dropout": 0.5, "none": None}, "list": []}


def some_arrays():
    rng = np.random.default_rng(0)
    kinds = ("?", "i1", "u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f2", "<f4", "<f8", "<c8")
    arrays = {f"a.{kind[-2:]}": (10 * rng.random((3, 4))).astype(kind) for kind in kinds}
    more = {"0d": np.array(3.5, np.float32), "none": np.zeros((0, 3)), "big": np.arange(3.0)}
    more["big"] = more["big"].astype(">f8")
    return (
        arrays | more | {"turned": np.asfortranarray(rng.random((3, 2))), "3d": np.ones((2, 1, 2))}
    )


# ---- there and back ----------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".safetensors", ".npz"])
def test_what_is_written_is_read_bit_for_bit(tmp_path, suffix):
    arrays = some_arrays()
    write_file(tmp_path / f"a{suffix}", arrays, ATTRIBUTES)
    found = read_file(tmp_path / f"a{suffix}")
    assert equal(found.arrays, arrays)
    assert list(found.arrays) == list(arrays)
    assert found.attributes == ATTRIBUTES
    assert found.format == suffix[1:]
    assert all(value.dtype.isnative and value.flags.writeable for value in found.arrays.values())
    assert [path.name for path in tmp_path.iterdir()] == [f"a{suffix}"]


def test_npz_of_numpy_and_back(tmp_path):
    arrays = {**some_arrays(), "lstm/kernel": np.ones((2, 8)), "c16": np.ones(2, complex)}
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "a.npz", **arrays)
        assert equal(read_file(tmp_path / "a.npz").arrays, arrays)
    write_file(tmp_path / "b.npz", arrays)
    with np.load(tmp_path / "b.npz") as found:
        assert found.files == list(arrays)
        for name, value in arrays.items():
            assert found[name].dtype == value.dtype
            assert found[name].tobytes() == value.tobytes()


def test_texts_in_an_npz_are_attributes(tmp_path):
    np.savez(tmp_path / "a.npz", w=np.ones(2), names=np.array(["a", "é"]), one=np.array(b"x"))
    found = read_file(tmp_path / "a.npz")
    assert list(found.arrays) == ["w"]
    assert found.attributes == {"names": ["a", "é"], "one": "x"}


def test_bfloat16_becomes_float32_exactly(write):
    bits = np.array([0x3F80, 0xC000, 0x0001, 0x7F80, 0x4049], "<u2")
    head = {"w": {"dtype": "BF16", "shape": [5], "data_offsets": [0, 10]}}
    text = json.dumps(head).encode()
    found = read_file(write(struct.pack("<Q", len(text)) + text + bits.tobytes(), "a.safetensors"))
    assert found.arrays["w"].dtype == np.float32
    assert found.arrays["w"].tolist() == [1.0, -2.0, 2.0**-133, np.inf, 3.140625]


@pytest.mark.parametrize("length", [640, 896, 1152, 1280])
def test_a_head_whose_length_looks_like_a_pickle_is_no_pickle(tmp_path, length):
    path = tmp_path / "a.safetensors"
    write_file(path, {"w": np.ones(2)}, {"note": ""})
    now = struct.unpack("<Q", path.read_bytes()[:8])[0]
    write_file(path, {"w": np.ones(2)}, {"note": "x" * (length - now)})
    assert path.read_bytes()[:2] == struct.pack("<H", length)
    assert read_file(path).arrays["w"].tolist() == [1, 1]


def test_order_in_memory_does_not_matter_to_what_is_written(tmp_path):
    value = np.arange(24.0).reshape(2, 3, 4)
    views = {"strided": value[:, ::2], "turned": value.T, "backwards": value[::-1]}
    for name in ("a.safetensors", "a.npz"):
        write_file(tmp_path / name, views)
        assert equal(read_file(tmp_path / name).arrays, views)


@pytest.mark.parametrize(
    ("arrays", "attributes", "error", "words"),
    [
        ({"w": np.array([None])}, {}, DtypeError, "'w' must be an array of numbers"),
        ({"w": [1.0]}, {}, DtypeError, "'w' must be an array of numbers"),
        ([np.ones(2)], {}, DtypeError, "arrays must be a dictionary"),
        ({3: np.ones(2)}, {}, DtypeError, "names of arrays must be texts"),
        ({"w": np.ones(2, complex)}, {}, DtypeError, "a dtype that safetensors has"),
        ({"w": np.ones(2)}, {"rate": 0.1}, DtypeError, "must be a text, a dictionary or a list"),
        ({"w": np.ones(2)}, {"rate": [np.nan]}, DtypeError, "plain values that JSON holds"),
    ],
)
def test_what_a_file_cannot_hold_is_refused_and_nothing_is_written(
    tmp_path, arrays, attributes, error, words
):
    with pytest.raises(error, match=words):
        write_file(tmp_path / "a.safetensors", arrays, attributes)
    assert list(tmp_path.iterdir()) == []


def test_names_that_lead_out_of_a_zip_file_are_not_written(tmp_path):
    for name in ("../x", "/x", "a\\b", "C:x"):
        with pytest.raises(DtypeError, match="below one folder"):
            write_file(tmp_path / "a.npz", {name: np.ones(2)})


# ---- which file it is --------------------------------------------------------------------------


def test_a_wrong_suffix_is_told_from_the_content(tmp_path):
    write_file(tmp_path / "a.safetensors", {"w": np.ones(2)})
    write_file(tmp_path / "a.npz", {"w": np.ones(2)})
    (tmp_path / "a.safetensors").rename(tmp_path / "b.npz")
    with pytest.raises(DataError, match=r"got safetensors. .*must end with .safetensors"):
        read_file(tmp_path / "b.npz")
    (tmp_path / "a.npz").rename(tmp_path / "b.pt")
    with pytest.raises(DataError, match=r"got npz. .*must end with .npz"):
        read_file(tmp_path / "b.pt")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a.jit", "torch.jit.load"),
        ("a.pkl", "A pickle runs code"),
        ("a.npy", "np.load"),
        ("a.onnx", "recurrent_parts"),
        ("a", "or rename it"),
    ],
)
def test_other_suffixes_are_refused_with_what_to_do(write, name, words):
    with pytest.raises(DataError, match=words):
        read_file(write(b"x", name))


def test_npstacks_own_files_have_readers_of_their_own(tmp_path):
    from npstack import save_weights

    save_weights(tmp_path / "w.npz", {"b": np.ones(2)})
    with pytest.raises(DataError, match=r"npstack\.load_weights"):
        read_file(tmp_path / "w.npz")


def test_a_folder_is_no_file_and_a_missing_file_is_the_systems_error(tmp_path):
    (tmp_path / "a.npz").mkdir()
    with pytest.raises(DataError, match="a folder"):
        read_file(tmp_path / "a.npz")
    with pytest.raises(FileNotFoundError):
        read_file(tmp_path / "b.npz")
    with pytest.raises(ArgumentError, match="must end with one of"):
        write_file(tmp_path / "a.h5", {})
    assert set(SUFFIXES) > {".bin", ".keras", ".h5"}


# ---- hostile files -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def reader():
    with Reader() as reader:
        yield reader


@pytest.mark.parametrize(("name", "kind"), KINDS, ids=lambda own: getattr(own, "__name__", own))
def test_a_hostile_file_does_no_harm(reader, name, kind):
    for seed in (1000, 1001):
        assert one(name, PLAIN[name], kind, seed, reader).faults == []


def test_the_committed_run_met_the_bar():
    found = read_evidence("hostile")["formats"]
    require(found)
    assert list(found) == ["safetensors", "npz", "hdf5", "keras", "pytorch", "onnx"]
    for name, form in PLAIN.items():
        assert list(found[name]["kinds"]) == [kind.__name__ for kind in form.kinds]
        assert found[name]["files"] >= FILES
    assert "| safetensors | truncated |" in table(found)


def safetensors(**arrays):
    """A file with such dtypes, shapes and offsets, over eight bytes."""
    names = ("dtype", "shape", "data_offsets")
    head = {name: dict(zip(names, facts, strict=True)) for name, facts in arrays.items()}
    text = json.dumps(head).encode()
    return struct.pack("<Q", len(text)) + text + bytes([1, 0, 2, 0, 0, 0, 0, 0])


def test_arrays_that_share_their_bytes_are_refused(write):
    whole = safetensors(a=("F32", [1], [0, 4]), b=("F32", [1], [4, 8]))
    assert list(read_file(write(whole, "a.safetensors")).arrays) == ["a", "b"]
    for begin, end in ((0, 4), (2, 6)):
        whole = safetensors(a=("F32", [1], [0, 4]), b=("F32", [1], [begin, end]))
        with pytest.raises(DataError, match="one behind the other"):
            read_file(write(whole, "a.safetensors"))


def test_truth_values_are_zero_or_one(write):
    with pytest.raises(DataError, match="truth values must be 0 or 1"):
        read_file(write(safetensors(a=("BOOL", [8], [0, 8])), "a.safetensors"))


def test_members_with_odd_names_or_methods_are_refused_whatever_is_in_them(tmp_path):
    npy = io.BytesIO()
    np.save(npy, np.ones(2))
    path = tmp_path / "a.npz"
    for name, method, words in (
        ("../x.npy", zipfile.ZIP_STORED, "below one folder"),
        ("x.npy", zipfile.ZIP_LZMA, "compressed by deflate"),
    ):
        with zipfile.ZipFile(path, "w", method) as archive:
            archive.writestr(name, npy.getvalue())
        with pytest.raises(DataError, match=words):
            read_file(path)


def test_a_right_array_that_unfolds_to_much_more_than_its_file_is_refused(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", w=np.zeros(10**8, np.uint8))
    size = (tmp_path / "a.npz").stat().st_size
    assert size < 200_000
    with pytest.raises(DataError, match=f"a file of {size:,} bytes must hold at most"):
        read_file(tmp_path / "a.npz")
    np.savez_compressed(tmp_path / "a.npz", w=np.zeros(6 * 10**7, np.uint8))
    assert read_file(tmp_path / "a.npz").arrays["w"].size == 6 * 10**7


def test_right_files_are_read_and_a_trap_would_be_seen(tmp_path):
    import pickle

    from tests.interop.hostile import Command

    for name, form in PLAIN.items():
        good = form.good(np.random.default_rng(0), str(tmp_path))
        path = tmp_path / f"bad{form.suffix}"
        path.write_bytes(good.content)
        assert equal(read(str(path)).arrays, good.arrays), name
    before = snapshot(tmp_path)
    pickle.load(io.BytesIO(pickle.dumps(Command(str(tmp_path)))))
    assert snapshot(tmp_path) != before
