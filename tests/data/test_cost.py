"""What reading costs: no look-up grows with the square of a file, no memory without a figure."""

import io
import tracemalloc
import zipfile
from contextlib import contextmanager

import numpy as np
import pytest

from npstack import ArgumentError, DataError
from npstack.data import (
    load_csv,
    load_labelled_csv,
    load_labelled_npz,
    load_npz,
    load_ts,
    pad,
    records,
    split_by_row,
    window_positions,
    windows,
)
from npstack.data.table import find_columns
from tests.data.advice.others import with_header


@contextmanager
def memory_below(most):
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()


class Counted(str):
    """A text that counts how often one is compared."""

    compared = 0

    def __eq__(self, other):
        Counted.compared += 1
        return str.__eq__(self, other)

    __hash__ = str.__hash__

    def strip(self, *given):
        return Counted(str.strip(self, *given))


@pytest.fixture
def counted(monkeypatch):
    """Fields of files are counted texts."""
    plain = records._reader
    monkeypatch.setattr(
        records,
        "_reader",
        lambda *given: (list(map(Counted, fields)) for fields in plain(*given)),
    )
    Counted.compared = 0


def wide(count, first="", row=""):
    names = [f"c{j}" for j in range(count)]
    return names, f"{first}{','.join(names)}\n{row}{','.join('1' * count)}\n"


@pytest.mark.parametrize("backwards", [False, True])
def test_columns_are_found_in_one_look_at_every_name(write, counted, backwards):
    names, content = wide(3000)
    wanted = names[::-1] if backwards else None
    table = load_csv(write(content), columns=wanted)
    assert table.names == tuple(wanted or names)
    assert Counted.compared < 10 * 3000


def test_features_are_found_in_one_look_at_every_name(write, counted):
    names, content = wide(3000, "sequence,label,", "a,p,")
    found = load_labelled_csv(write(content), features=names[::-1])
    assert found.features == tuple(names[::-1])
    assert Counted.compared < 15 * 3000


def test_one_name_among_many_is_looked_up_like_many():
    names = [Counted(f"c{j}") for j in range(3000)]
    Counted.compared = 0
    assert find_columns("here", names[::-1], names) == list(range(3000))[::-1]
    assert Counted.compared < 3 * 3000


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (",".join(["c"] * 20_000) + "\n1\n", "'c' in columns 1 and 2 and 3, 20000 in all"),
        (wide(20_000)[1].replace("1,1", "1,x", 1), "line 2, column 2"),
        (wide(20_000)[1] + "1\n", "line 3: a record must have 20000 fields"),
        ("x" * 100_000 + "," + "y" * 100_000 + "\n1,2,3\n", "line 2: a record must have 2"),
        ("x" * 100_000 + ",b\nz,2\n", "line 2, column 1"),
    ],
)
def test_what_a_large_file_has_wrong_is_said_in_few_words(write, content, words):
    with pytest.raises(DataError, match=words) as raised:
        load_csv(write(content))
    assert len(str(raised.value)) < 1000


# ---- memory --------------------------------------------------------------------------------------

LONG = "sequence,x,label\n" + "a,1,p\n" * 2000 + "".join(f"s{k},1,q\n" for k in range(900))
TS = "@classLabel true p q\n@data\n" + ",".join("1" * 2000) + ":p\n" + "1:q\n" * 900


@pytest.mark.parametrize(("load", "content"), [(load_labelled_csv, LONG), (load_ts, TS)])
def test_sequences_that_one_long_one_would_blow_up_are_refused_with_the_figure(
    write, load, content
):
    words = r"padded sequences must need at most 500,000 bytes, got 16,218,000 bytes for 901 rows "
    words += r"of 2,000 steps. Cut the longest sequences, or .*most_bytes=16218000"
    path = write(content)
    with memory_below(2**21), pytest.raises(DataError, match=words):
        load(path, most_bytes=500_000)
    assert load(path, most_bytes=16_218_000).samples.x.shape == (901, 2000, 1)


def test_arrays_that_one_long_one_would_blow_up_are_refused_with_the_figure():
    words = "pad: padded sequences must need at most 1,073,741,824 bytes, got 10,801,800,000 bytes"
    sequences = [np.ones((200_000, 1)), *[np.ones((1, 1))] * 6000]
    with memory_below(2**21), pytest.raises(ArgumentError, match=words):
        pad(sequences)
    with memory_below(2**21), pytest.raises(ArgumentError, match="18,000,000,000 bytes for 2 rows"):
        pad(sequences[:2], length=10**9)
    assert pad(sequences[1:], most_bytes=9 * 6000).x.shape == (6000, 1, 1)
    with pytest.raises(ArgumentError, match="at most 53,999 bytes, got 54,000 bytes"):
        pad(sequences[1:], most_bytes=9 * 6000 - 1)


def test_windows_that_would_blow_up_a_series_are_refused_with_the_figure():
    series = np.zeros(60_000)
    words = r"at most 4,294,967,296 bytes, got 14,400,\d+,\d+ bytes for 30,000 rows of 30,000 steps"
    with (
        memory_below(2**22),
        pytest.raises(ArgumentError, match=f"{words}.*stride.*most_bytes=144"),
    ):
        windows(series, 30_000)
    with memory_below(2**22), pytest.raises(ArgumentError, match="7,200,240,000 bytes"):
        window_positions(60_000, 30_000)
    with pytest.raises(ArgumentError, match="rows of 30,000 steps"):
        windows(series, 30_000, every_step=True, ahead=range(1, 99), stride=50)
    assert len(windows(series, 30_000, stride=10_000)) == 3
    told = windows(np.zeros(10), 3, most_bytes=7 * (3 * 16 + 16))
    assert len(told) == 7
    with pytest.raises(ArgumentError, match="at most 447 bytes, got 448"):
        windows(np.zeros(10), 3, most_bytes=7 * (3 * 16 + 16) - 1)


def test_the_lines_of_sequences_are_kept_as_numbers(write):
    path = write("sequence,step,x,y,label\n" + "".join(f"a,{t},1,2,p\n" for t in range(2000)))
    for labels in ("sequence", "step"):
        with memory_below(4e5):  # 100 bytes for each number
            found = load_labelled_csv(path, labels=labels)
        assert found.samples.x.shape == (1, 2000, 2)


def zipped(**members):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return stream.getvalue()


def test_a_list_of_many_members_is_refused_before_it_is_read(write):
    path = write(zipped(**{f"a{k}" * 100: b"" for k in range(2500)}))
    with memory_below(2**20), pytest.raises(DataError, match=r"1 to 1,000 arrays, got a list"):
        load_npz(path)
    with pytest.raises(DataError, match="1 to 1,000 arrays, got 1,001"):
        load_npz(write(zipped(**{f"a{k}": b"" for k in range(1001)})))


def npy(value):
    stream = io.BytesIO()
    np.save(stream, value)
    return stream.getvalue()


def test_small_numbers_that_become_large_ones_are_counted_as_large(write):
    path = write(zipped(x=npy(np.zeros((10, 10_000, 15), np.int8))))
    words = "x as float64 must need at most 2,000,000 bytes, got 12,101,920 bytes"
    with memory_below(4e6), pytest.raises(DataError, match=words):
        load_labelled_npz(path, most_bytes=2 * 10**6)
    many_names = write(zipped(x=npy(np.zeros((1, 1, 10**5), np.int8))))
    with memory_below(1e6), pytest.raises(DataError, match=r"got 7,200,065 bytes"):
        load_labelled_npz(many_names, most_bytes=5 * 10**6)


def test_texts_of_no_length_take_no_memory(write):
    header = "{'descr': '<U0', 'fortran_order': False, 'shape': (10000000000,), }"
    with memory_below(2**20), pytest.raises(DataError, match="numbers, booleans or text"):
        load_npz(write(with_header(header)))


def test_rows_are_divided_by_label_without_a_scan_per_label(monkeypatch):
    rows, seen = 20_000, []
    labels = np.arange(rows) % 5_000
    counted = np.flatnonzero
    monkeypatch.setattr(np, "flatnonzero", lambda *given: seen.append(1) or counted(*given))
    split = split_by_row(rows, rng=np.random.default_rng(0), labels=labels, train=0.5)
    assert len(seen) < 10
    assert sorted(np.concatenate(split)) == list(range(rows))
