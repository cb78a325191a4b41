"""Tables and texts from files: every error says the place."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npstack import ArgumentError, DataError
from npstack.data import load_csv, load_npz, load_text
from tests.files.damaged import attempt, mutated

GOOD = "time,mm,wind\n1,0.5,3\n2,0.25,4\n3,-1e2,.5\n"


# ---- tables that are as they should be -----------------------------------------------------------


def test_all_columns_by_default(write):
    table = load_csv(write(GOOD))
    assert table.names == ("time", "mm", "wind")
    assert table.values.tolist() == [[1, 0.5, 3], [2, 0.25, 4], [3, -100, 0.5]]
    assert table.values.dtype == np.float64
    assert table.mask.all()
    assert table.column("wind") == 2


def test_columns_by_name_in_the_order_that_is_wanted(write):
    table = load_csv(write(GOOD.replace("3,-1e2", "Wednesday,-1e2")), columns=["wind", "mm"])
    assert table.names == ("wind", "mm")
    assert table.values[2].tolist() == [0.5, -100]
    assert load_csv(write(GOOD), columns="mm").values.shape == (3, 1)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", " ", "   "])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_delimiter_line_ends_and_byte_order_mark_are_recognised(write, delimiter, ends, mark):
    content = mark + GOOD.replace(",", delimiter).replace("\n", ends).encode()
    assert np.array_equal(load_csv(write(content)).values, load_csv(write(GOOD)).values)
    assert load_csv(write(content)).names == ("time", "mm", "wind")


@pytest.mark.parametrize(
    ("content", "options", "expected"),
    [
        ("# rain\n\n# of May\na,b\n1,2\n\n3,4\n", {}, [[1, 2], [3, 4]]),
        ("a,b\n1,2", {}, [[1, 2]]),
        ("a,b\n 1 , 2 \n", {}, [[1, 2]]),
        ("1,2\n3,4\n", {}, [[1, 2], [3, 4]]),
        ("a, b\n1, 2\n", {}, [[1, 2]]),
        ("2020,2021\n1,2\n", {"header": True}, [[1, 2]]),
        ("7\n8\n", {}, [[7], [8]]),
        ("x\n7\n", {}, [[7]]),
        ('"a;b","c ""d"""\n"1","2"\n', {}, [[1, 2]]),
        ("a;b\n1,5;2,5\n", {"decimal": ","}, [[1.5, 2.5]]),
        ("a b\n1,5 2,5\n", {"decimal": ","}, [[1.5, 2.5]]),
        ("a;b\n1,5;2,5\n", {"delimiter": ";", "decimal": ","}, [[1.5, 2.5]]),
        ("a:b\n1:2\n", {"delimiter": ":"}, [[1, 2]]),
        ("%x\na,b\n1,2\n", {"comment": "%"}, [[1, 2]]),
        ("month name,value\n1,2\n", {}, [[1, 2]]),
        ("a,\n1,2\n", {"columns": ["column 2"]}, [[2]]),
        ("1,2\n3,4\n", {"columns": ["column 2"]}, [[2], [4]]),
    ],
)
def test_tables_in_many_dresses(write, content, options, expected):
    assert load_csv(write(content), **options).values.tolist() == expected


@pytest.mark.parametrize("word", ["", "NA", "n/a", "NaN", "null", "None", "?"])
def test_missing_values_are_refused_or_masked(write, word):
    path = write(GOOD.replace("0.25", word))
    with pytest.raises(DataError, match=r"line 3, column 2 \('mm'\).*missing='mask'"):
        load_csv(path)
    table = load_csv(path, missing="mask")
    assert np.argwhere(~table.mask).tolist() == [[1, 1]]
    assert np.array_equal(np.isnan(table.values), ~table.mask)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=30))
def test_numbers_come_back_bit_for_bit(tmp_path_factory, numbers):
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    path.write_text("x\n" + "".join(f"{value!r}\n" for value in numbers))
    assert load_csv(path).values[:, 0].tolist() == numbers


# ---- tables that are not -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "options", "words"),
    [
        (GOOD.replace("0.25", "12,5"), {}, r"line 3: a record must have 3 fields like line 1, got"),
        (GOOD.replace("0.25", "abc"), {}, r"line 3, column 2 \('mm'\): this field .*got 'abc'"),
        (GOOD.replace("0.25", "inf"), {}, r"line 3, column 2 .*infinity"),
        (GOOD.replace("0.25", "-Infinity"), {}, "line 3, column 2 .*infinity"),
        (GOOD.replace("0.25", "1e999"), {}, "line 3, column 2 .*infinity"),
        (GOOD.replace("0.25", "inf"), {"missing": "mask"}, "line 3, column 2 .*infinity"),
        (GOOD.replace("0.25", "1_000"), {}, "line 3, column 2 .*thousands"),
        (GOOD.replace("0.25", "1 000.5"), {}, "line 3, column 2 .*thousands"),
        (GOOD.replace("0.25", "٣"), {}, "line 3, column 2 .*got '٣'"),
        (GOOD.replace("0.25", "0x1f"), {}, "line 3, column 2"),
        ("a;b\n1,5;2\n", {}, r"line 2, column 1 \('a'\).*got '1,5'.*decimal=','"),
        ("a;b\n1.5;2\n", {"decimal": ","}, r"line 2, column 1 .*decimal='\.'"),
        ("a;b\n1.000,5;2\n", {"decimal": ","}, "line 2, column 1 .*thousands"),
        (GOOD + "4,5\n", {}, r"line 5: .*must have 3 fields .*got 2"),
        ("# x\n\n" + GOOD + "4,5\n", {}, "line 7: .* fields like line 3"),
        ("a,b,a\n1,2,3\n", {}, "line 1: names .* must differ, got 'a' in columns 1 and 3"),
        ("2020-01,5\n2020-02,6\n", {}, "line 1, column 1 .*'2020-01'.*columns="),
        (GOOD, {"columns": ["winds"]}, "columns must be among 'time', 'mm', 'wind', .*'wind'"),
        (GOOD, {"header": False}, r"line 1, column 1 \('column 1'\).*'time'"),
        ("", {}, "must hold a table, got nothing"),
        ("# only\n\n", {}, "must hold a table"),
        ("a,b\n", {}, "must hold numbers"),
        ('a,b\n"1,2\n', {}, r"line 2: fields must be as in CSV"),
        ('a,b\n"1"x,2\n', {}, "line 2: fields must be as in CSV"),
        (b"a,b\n1,\xff\n", {}, "line 2, character 3: .*UTF-8 text, got the byte 0xff"),
        ("a,b\n1,2\n".encode("utf-16"), {}, "got UTF-16 text"),
        ("naïve,b\n1,2\n".encode("latin-1"), {}, "line 1, character 3: .*0xef"),
        (b"a,b\n1,\x002\n", {}, "line 2: .*zero byte at byte 3"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", {}, "UTF-8 text"),
        (b"PK\x03\x04abc", {}, "a zip file"),
        (b"\x1f\x8b\x08", {}, "a gzip file"),
        ("a,b\r1,2\r", {}, "line 1: .*carriage return"),
        ("a\n" + "1" * 2**20 + "\n", {}, "line 2: a line must have at most 1,048,576 bytes"),
        ("a,b\n1," + "1" * 200_000 + "\n", {}, "line 2: .*field larger"),
    ],
)
def test_what_is_wrong_with_a_table_is_said_with_its_place(write, content, options, words):
    with pytest.raises(DataError, match=words):
        load_csv(write(content), **options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"delimiter": ";;"}, "one character"),
        ({"missing": "drop"}, "'refuse', 'mask'"),
        ({"decimal": ";"}, r"decimal must be one of '\.', ','"),
        ({"columns": []}, "columns must be names"),
        ({"columns": ["mm", "mm"]}, "each once"),
    ],
)
def test_wrong_options_are_explained(write, options, words):
    with pytest.raises(ArgumentError, match=words):
        load_csv(write(GOOD), **options)


def test_a_path_that_leads_to_no_file(tmp_path):
    for load in (load_csv, load_text, load_npz):
        with pytest.raises(FileNotFoundError):
            load(tmp_path / "missing.csv")
        with pytest.raises(DataError, match="must lead to a file, got a folder"):
            load(tmp_path)


def test_a_line_of_a_gigabyte_does_not_fill_the_memory(tmp_path):
    path = tmp_path / "a.csv"
    with open(path, "wb") as file:
        file.write(b"a,b\n1,2\n")
        file.truncate(2**30)  # zeros, as far as the file system knows
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=r"line 3: .*zero byte"):
            load_csv(path)
        assert tracemalloc.get_traced_memory()[1] < 2**23
    finally:
        tracemalloc.stop()


def test_a_damaged_table_is_refused_or_still_a_table(write):
    rng = np.random.default_rng(0)
    rows = "".join(f"{a:.3f},{b:.3f}\n" for a, b in rng.standard_normal((30, 2)))
    content = f"a,b\n{rows}".encode()
    paths = (write(mutated(content, rng)) for _ in range(250))
    found = [attempt(load_csv, path, header=True) for path in paths]
    errors = [error for error in found if isinstance(error, str)]
    assert all("a.csv" in error for error in errors)
    assert len(errors) > 100
    for table in found:
        assert isinstance(table, str) or np.isfinite(table.values).all()


# ---- texts ---------------------------------------------------------------------------------------


def test_a_text_is_read_with_line_feeds(write):
    assert load_text(write(b"\xef\xbb\xbfa\r\nb\rc\nd\xc3\xa9")) == "a\nb\nc\ndé"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("é\nab\n".encode() + b"c\xc3\n", "line 3, character 2: .*0xc3"),
        (b"\xfe\xff\0a", "UTF-16"),
        (b"ab\nc\0d", "line 2, character 2: .*zero byte"),
        (b"", "an empty file"),
        (b"\xef\xbb\xbf", "an empty file"),
        (b"%PDF-1.7", "a PDF file"),
    ],
)
def test_what_is_wrong_with_a_text_is_said_with_its_place(write, content, words):
    with pytest.raises(DataError, match=words):
        load_text(write(content))


def test_a_text_that_is_too_long_is_refused_before_it_is_read(write):
    with pytest.raises(DataError, match="at most 3 bytes"):
        load_text(write("abcd"), most_bytes=3)
    assert load_text(write("abc"), most_bytes=3) == "abc"
