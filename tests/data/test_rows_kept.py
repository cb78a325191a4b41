"""No record of a table vanishes: it is read, or an error says why not."""

import numpy as np
import pytest

from npstack import DataError
from npstack.data import load_csv, load_labelled_csv

NAN = np.nan
MASKED = {"missing": "mask"}


@pytest.mark.parametrize(
    ("content", "options", "names", "rows"),
    [
        # lines that begin with the mark of a comment, and are records
        ("a,b\n1,2\n#N/A,21\n3,4\n", MASKED, ("a", "b"), [[1, 2], [NAN, 21], [3, 4]]),
        ("#N/A,21\n3,4\n", MASKED, ("column 1", "column 2"), [[NAN, 21], [3, 4]]),
        ("#Passengers\n112\n118\n", {}, ("#Passengers",), [[112], [118]]),
        ("#a,b\n1,2\n", {}, ("#a", "b"), [[1, 2]]),
        ("%a,b\n1,2\n", {"comment": "%"}, ("%a", "b"), [[1, 2]]),
        # comments
        ("# of A\n#\n# B\na,b\n1,2\n", {}, ("a", "b"), [[1, 2]]),
        ("# of A\n\n# B\nPassengers\n112\n", {}, ("Passengers",), [[112]]),
        ("  # of A\n1,2\n", {}, ("column 1", "column 2"), [[1, 2]]),
        ('# he said, "and open\na,b\n1,2\n', {}, ("a", "b"), [[1, 2]]),
        ("#c,d,e\n1,2\n", {}, ("column 1", "column 2"), [[1, 2]]),
        # empty lines
        ("a\n1\n\n3\n", MASKED, ("a",), [[1], [NAN], [3]]),
        ("a\n1\n3\n\n", MASKED, ("a",), [[1], [3], [NAN]]),
        ("\n\na\n\n1\n", MASKED, ("a",), [[NAN], [1]]),
        ("1\n\n3\n", MASKED, ("column 1",), [[1], [NAN], [3]]),
        ('a\n1\n""\n3\n', MASKED, ("a",), [[1], [NAN], [3]]),
        ("a\r\n1\r\n\r\n3\r\n", MASKED, ("a",), [[1], [NAN], [3]]),
        ("a,b\n1,2\n\n3,4\n\n", {}, ("a", "b"), [[1, 2], [3, 4]]),
        ("a\tb\n1\t2\n\t\n3\t4\n", MASKED, ("a", "b"), [[1, 2], [NAN, NAN], [3, 4]]),
        ("a,b\n1,2\n,\n3,4\n", MASKED, ("a", "b"), [[1, 2], [NAN, NAN], [3, 4]]),
        # the first record is a row
        ("1,NA\n2,3\n", MASKED, ("column 1", "column 2"), [[1, NAN], [2, 3]]),
        (",1\n2,3\n", MASKED, ("column 1", "column 2"), [[NAN, 1], [2, 3]]),
        ("1,5;2,5\n3;4\n", {"decimal": ","}, ("column 1", "column 2"), [[1.5, 2.5], [3, 4]]),
        ("NA\n7\n", {"header": False, **MASKED}, ("column 1",), [[NAN], [7]]),
        ("Na,K\n1,2\n", {}, ("Na", "K"), [[1, 2]]),
        ("time,,\n1,2,3\n", {}, ("time", "column 2", "column 3"), [[1, 2, 3]]),
        ("air passengers\n7\n8\n", {}, ("air passengers",), [[7], [8]]),
        # a delimiter at the end of every line
        ("a,b,\n1,2,\n3,4,\n", {}, ("a", "b"), [[1, 2], [3, 4]]),
        ("day,b,\nMon,1,\nTue,3,\n", {"columns": "b"}, ("b",), [[1], [3]]),
        ("1,\n3,\n", MASKED, ("column 1", "column 2"), [[1, NAN], [3, NAN]]),
        ("a;b;\n1;NA;\n", MASKED, ("a", "b"), [[1, NAN]]),
        # fields that go on over lines
        ('"a\nb",c\n1,2\n', {}, ("a\nb", "c"), [[1, 2]]),
        ('t,c\n"x\n\n#\ny",2\n"z",3\n', {"columns": "c"}, ("c",), [[2], [3]]),
        # the byte order mark, and line ends
        ("\ufeff#N/A,1\n2,3\n", MASKED, ("column 1", "column 2"), [[NAN, 1], [2, 3]]),
        ("\ufeffa,b\r\n1,2\r\n3,4", {}, ("a", "b"), [[1, 2], [3, 4]]),
        # decimal commas
        ("a;b\n1,5;2\n", {"decimal": ","}, ("a", "b"), [[1.5, 2]]),
        ('a,b\n"1,5","2"\n', {"decimal": ","}, ("a", "b"), [[1.5, 2]]),
        ("1,5\n2,5\n", {"decimal": ","}, ("column 1",), [[1.5], [2.5]]),
        ("x\n1,5\n2,5\n", {"decimal": ","}, ("x",), [[1.5], [2.5]]),
    ],
)
def test_every_record_is_there(write, content, options, names, rows):
    table = load_csv(write(content), **options)
    assert table.names == names
    np.testing.assert_array_equal(table.values, np.array(rows, float))
    assert np.array_equal(table.mask, ~np.isnan(table.values))


@pytest.mark.parametrize(
    ("content", "options", "words"),
    [
        ("a,b\n1,2\n#N/A,21\n", {}, r"line 3, column 1 \('a'\): .*got '#N/A'.*missing='mask'"),
        ("a,b\n1,2\n# pause\n3,4\n", {}, "line 3: .*2 fields .*got 1. Is it a comment. Take it"),
        ("a\n1\n# pause\n3\n", {}, "line 3, column 1 .*got '# pause'"),
        ("# a, b\nc,d\n1,2\n", {}, "line 1: a comment must not have 2 fields .*Take it out"),
        ("# of A\n# B\n7\n8\n", {}, r"line 2, column 1 \('# of A'\): .*got '# B'"),
        ("# only\n# these\n", {}, "must hold a table, got comments only.*comment=''"),
        ("a\n1\n\n3\n", {}, "line 3, column 1 .*Is it an empty line. Take it out"),
        ("a\n1\n\n", {}, "line 3, column 1 .*empty line"),
        ("\n7\n8\n", MASKED, "line 1: a column without a name must begin with a value"),
        ("\n\n7\n8\n", {"header": False}, "line 1: a column without a name"),
        ("NA\n7\n", {}, "line 1: .*got 'NA', which may be a missing value. Are these names"),
        ("NA,?\n7,8\n", {}, "may be a missing value"),
        (",\n7,8\n", MASKED, "may be a missing value"),
        ("Mon,\nTue,5\n", MASKED, "may be a missing value"),
        ("Mon,-inf\nTue,5\n", {}, "may be a missing value"),
        ("t,2020\n1,2\n", {}, "'2020' beside 't'. Are these names. Use header=True"),
        ("a,b\n1,2\na,b\n3,4\n", {}, "line 3: names must be in the first record.*Take the line"),
        ("a,b,\n" + "1,2,\n" * 12 + "3,4,5\n", {}, "line 14: field 3 must be empty like those"),
        ("a,b\n1,2,\n", {}, "line 2: a record must have 2 fields"),
        ("a,b\n1,2\n3\n", {}, "line 3: a record must have 2 fields"),
        ('t,c\n"x\ny,2\nz,3\n', {}, "line 2: fields must be as in CSV files"),
        ('t,c\n"x' + "\n" * 2**20, {}, "line 2: a record must have at most|line 2: fields must"),
        ("a,b\n1,2\n", {"decimal": ","}, "another sign must separate.*decimal='.'.*delimiter=';'"),
    ],
)
def test_what_could_be_a_record_and_is_not_read_is_an_error(write, content, options, words):
    with pytest.raises(DataError, match=words):
        load_csv(write(content), **options)


def drawn_table(rng):
    """A table as it is written, and the rows that it stands for (None: no number)."""
    width, height = int(rng.integers(1, 4)), int(rng.integers(1, 15))
    odd = ("#1", "#N/A", "NA", "", "x", "# x", "#", '"1"', " 2 ")
    texts = [
        [
            str(rng.choice(odd)) if rng.random() < 0.2 else str(rng.integers(100))
            for _ in range(width)
        ]
        for _ in range(height)
    ]
    says = {"#N/A": NAN, "NA": NAN, "": NAN, '"1"': 1.0, " 2 ": 2.0}
    rows = [[says.get(t, float(t) if t.isdigit() else None) for t in row] for row in texts]
    lines = [";".join(row) for row in texts]
    header = rng.random() < 0.5
    if header:
        lines.insert(0, ";".join(f"name {j}" for j in range(width)))
    if rng.random() < 0.3:
        lines.insert(0, "# some words")
    if width > 1 and rng.random() < 0.3:
        lines.insert(int(rng.integers(1, len(lines) + 1)), "")
    return "\n".join(lines) + "\n", rows, header


def test_a_drawn_table_comes_back_whole_or_is_refused(write):
    rng = np.random.default_rng(0)
    read = 0
    for _ in range(1500):
        content, rows, header = drawn_table(rng)
        told = (None, header)[int(rng.integers(2))]
        try:
            table = load_csv(write(content), missing="mask", header=told)
        except DataError:
            continue
        read += 1
        if told is None and None in rows[0] and set(rows[0]) <= {None, NAN}:
            rows = rows[1:]  # words above numbers are names
        assert not any(None in row for row in rows), content
        found = table.values.tolist()
        np.testing.assert_array_equal(found, rows, content)
    assert read > 400


# ---- sequences -----------------------------------------------------------------------------------


def test_sequences_may_be_called_anything(write):
    names = ["#1", "#2", "# 3", "4", "NA", "#", '"5;6"', "x\u2028y"]
    lines = [
        f"{name};{t};{t}.5;{'#a' if k % 2 else 'b'}" for k, name in enumerate(names) for t in "01"
    ]
    found = load_labelled_csv(write("# of mine\nsequence;step;x;label\n" + "\n".join(lines)))
    assert found.ids == tuple(name.strip('"') for name in names)
    assert found.samples.mask.sum() == len(lines)
    assert found.classes == ("#a", "b")
    header = load_labelled_csv(
        write("#sequence,x,label\n#1,1,a\n#1,2,a\n"), called={"sequence": "#sequence"}, comment=""
    )
    assert header.samples.x[0, :, 0].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("sequence,x,label\na,1,p\n,2,p\n", "line 3: every line must name its sequence"),
        ("sequence,x,label\na,1,p\na,2,\n", "line 3, column 3: every line must have the label"),
        ("sequence,x,label\n# a\na,1,p\n", "line 2: .*3 fields .*Is it a comment"),
        ("sequence,x,label\na,1,p\nsequence,x,label\nb,1,p\n", "line 3: names must be in the"),
        ("#sequence,x,label\na,1,p\n", r"got 'sequence'. .*called=\{'sequence'"),
    ],
)
def test_a_line_without_its_sequence_is_an_error(write, content, words):
    with pytest.raises(DataError, match=words):
        load_labelled_csv(write(content))
