"""Arrays that other programs wrote, from ``.npz`` files: nothing in them is executed."""

import io
import tracemalloc
import zipfile

import numpy as np
import pytest

from npstack import DataError, save_weights
from npstack.data import load_npz
from tests.files.damaged import attempt, mutated

ARRAYS = {
    "x": np.random.default_rng(0).standard_normal((3, 4, 2)),
    "f": np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)),
    "big": np.arange(3, dtype=">i4"),
    "y": np.array(["one", "two"]),
    "b": np.array(True),
    "none": np.zeros((0, 3)),
}


def archive(savez=np.savez_compressed, **arrays):
    stream = io.BytesIO()
    savez(stream, **(arrays or ARRAYS))
    return stream.getvalue()


@pytest.mark.parametrize("savez", [np.savez, np.savez_compressed])
def test_arrays_come_back(write, savez):
    found = load_npz(write(archive(savez)))
    assert found.keys() == ARRAYS.keys()
    for name, value in ARRAYS.items():
        assert np.array_equal(found[name], value), name
        assert found[name].dtype == value.dtype.newbyteorder("=")
        assert found[name].flags.writeable


class Bomb:
    def __reduce__(self):
        return (open, ("executed", "w"))


def zipped(compression=zipfile.ZIP_STORED, **members):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as file:
        for name, content in members.items():
            file.writestr(name.replace("_", "."), content)
    return stream.getvalue()


def npy(header, data=b""):
    header = header.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header + data


def test_objects_are_refused_and_nothing_runs(write, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"array 'x': .*unpickled"):
        load_npz(write(archive(x=np.array([Bomb()], dtype=object))))
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "a whole .npz file"),
        (b"x,y\n1,2\n", "a whole .npz file"),
        (archive()[:-10], "a whole .npz file"),
        (zipped(x_npy=b"not an array"), "a whole .npz file"),
        (zipped(x_txt=b"a"), "ends in .npy, got 'x.txt'"),
        (zipped(), "1 to 1,000 arrays, got 0"),
        (zipped(zipfile.ZIP_BZIP2, x_npy=b"\x93NUMPY\1\0"), "stored or deflated, got method 12"),
        (zipped(x_npy=npy("{'descr': 'O', 'fortran_order': False, 'shape': (1,), }")), "unpickled"),
        (
            zipped(x_npy=npy("{'descr': '<f8', 'fortran_order': False, 'shape': (9999999999,), }")),
            "must fill its 0 bytes",
        ),
        (
            zipped(
                x_npy=npy("{'descr': '<f8', 'fortran_order': False, 'shape': (-1, -1), }", b" " * 8)
            ),
            "must fill its 8 bytes",
        ),
        (
            zipped(x_npy=npy("{'descr': [('a', 'O')], 'fortran_order': False, 'shape': (1,), }")),
            "unpickled",
        ),
        (zipped(x_npy=npy("__import__('os').abort()")), "a whole .npz file"),
        (zipped(x_npy=b"\x93NUMPY\7\0"), r"version \(7, 0\)|whole"),
    ],
)
def test_arrays_that_lie_are_refused(write, content, words):
    with pytest.raises(DataError, match=words):
        load_npz(write(content))


def test_a_bomb_of_zeros_is_refused_before_it_is_unpacked(write):
    zeros = archive(x=np.zeros(2**22))
    assert len(zeros) < 2**16
    path = write(zeros)
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=r"at most 1,000,000 bytes, got 33,554,560.*most_bytes"):
            load_npz(path, most_bytes=10**6)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()
    assert load_npz(path)["x"].shape == (2**22,)


def test_sizes_that_no_compression_reaches_are_refused(write):
    content = bytearray(archive(np.savez_compressed, x=np.zeros(4)))
    at = content.rindex(b"PK\1\2") + 24  # the size in the directory
    content[at : at + 4] = (2**29).to_bytes(4, "little")
    with pytest.raises(DataError, match=r"size must be possible in a file of \d+ bytes"):
        load_npz(write(bytes(content)))


def test_a_file_of_our_own_is_sent_to_its_reader(tmp_path):
    save_weights(tmp_path / "w.npz", {"b": np.ones(2)})
    with pytest.raises(DataError, match="Use load_weights"):
        load_npz(tmp_path / "w.npz")


@pytest.mark.parametrize("savez", [np.savez, np.savez_compressed])
def test_a_damaged_archive_is_refused_or_harmless(write, savez):
    rng = np.random.default_rng(0)
    path = write(whole := archive(savez), "a.npz")
    as_written = {value.tobytes() for value in load_npz(path).values()}
    tracemalloc.start()
    try:
        found = [attempt(load_npz, write(mutated(whole, rng), "a.npz")) for _ in range(250)]
        assert tracemalloc.get_traced_memory()[1] < 2**23
    finally:
        tracemalloc.stop()
    errors = [error for error in found if isinstance(error, str)]
    assert all(str(path) in error for error in errors)
    assert len(errors) > 150
    for arrays in found:  # the rest: only what no checksum covers (names, dates, gaps) was changed
        assert isinstance(arrays, str) or {v.tobytes() for v in arrays.values()} <= as_written
