"""Odd tables, with the numbers that they should give."""

import gzip

import numpy as np

from tests.data.advice.machine import Case


def columns(**intended):
    """Right are these numbers, under these names; columns may have been left out, rows never."""

    def right(found, state):
        own = dict(zip(found.names, found.values.T.tolist(), strict=True))
        told = {name.replace("_", " "): values for name, values in intended.items()}
        return bool(own) and all(
            name in told and np.array_equal(values, np.array(told[name], float), equal_nan=True)
            for name, values in own.items()
        )

    return right


def wrong(found, state):
    """Nothing that could be read is right."""
    return False


def table(content, right, options=None, **others):
    return Case("load_csv", content, right, options or {}, **others)


NAN = np.nan
AB = {"names": ("a", "b")}
AB_12 = columns(a=[1, 3], b=[2, 4])
GOOD = "a,b\n1,2\n3,4\n"
ONE_CELL = {  # a field of column a that is no plain number, what it means, and how that is written
    "abc": (5, "5"),
    "12%": (0.12, "0.12"),
    "$3": (3, "3"),
    "1.2.3": (1.23, "1.23"),
    "#REF!": (8, "8"),
    "inf": (NAN, ""),
    "1e999": (NAN, ""),
    "NA": (NAN, ""),
    "#N/A": (NAN, ""),
    "1_234": (1234, "1234"),
    "1 234": (1234, "1234"),
    "1\u202f234": (1234, "1234"),
    "1'234.5": (1234.5, "1234.5"),
    "1.234.567": (1234567, "1234567"),
}
IN_QUOTES = {  # with a comma inside
    "1,234": (1234, "1234"),
    "1,234 ": (1.234, "1.234"),
    "1,234.5": (1234.5, "1234.5"),
    "1,234,567": (1234567, "1234567"),
    "-1,234": (-1234, "-1234"),
    "0,456": (0.456, "0.456"),
    "12,5": (12.5, "12.5"),
    "1234,5": (1234.5, "1234.5"),
    "1.234,5": (1234.5, "1234.5"),
}
CELLS = {
    **{f"cell {text}": (text, *meant) for text, meant in ONE_CELL.items()},
    **{f"cell {text} in quotes": (f'"{text}"', *meant) for text, meant in IN_QUOTES.items()},
}

TABLES = {
    name: table(
        f"a,b\n{field},2\n999,4\n",
        columns(a=[value, 999], b=[2, 4]),
        lines={
            f"{field},2": f"{written},2",
            field.strip('"').replace(",", "") + ",2": f"{written},2",
        },
        yes="Is every",
        knows=AB,
    )
    for name, (field, value, written) in CELLS.items()
}
TABLES |= {
    "decimal commas": table(
        "a;b\n1,5;2\n2,25;4\n", columns(a=[1.5, 2.25], b=[2, 4]), yes="Is every", knows=AB
    ),
    "decimal commas, one of which could be a separator": table(
        "a;b\n1,234;2\n2,5;4\n",
        columns(a=[1.234, 2.5], b=[2, 4]),
        lines={"1,234;2": "1.234;2", "1.234;2": "1,234;2"},
        yes="Is every",
        knows=AB,
    ),
    "separators of thousands in another column": table(
        'a;b\n12,5;"1,234"\n2,25;4\n',
        columns(a=[12.5, 2.25], b=[1234, 4]),
        lines={'12,5;"1,234"': '12.5;"1,234"', '12.5;"1,234"': "12.5;1234", "2,25;4": "2.25;4"},
        knows=AB,
    ),
    "points, where commas are said to be decimal": table(
        "a;b\n1.5;2\n", columns(a=[1.5], b=[2]), {"decimal": ","}, yes="Is every", knows=AB
    ),
    "a point that could be either": table(
        "a;b\n1.234;2\n",
        columns(a=[1234], b=[2]),
        {"decimal": ","},
        lines={"1.234;2": "1234;2"},
        knows=AB,
    ),
    "commas that are no decimal signs": table(
        GOOD, AB_12, {"decimal": ","}, yes="no decimal sign here?"
    ),
    "a column with a comma in its name": table(
        "x, y\n1,5\n2,5\n",
        lambda found, _: found.values.tolist() == [[1.5], [2.5]],
        {"decimal": ","},
    ),
    "one column of decimal commas": table(
        "x\n1,5\n2,5\n", columns(x=[1.5, 2.5]), yes="Is every", knows={"delimiter": ";"}
    ),
    # missing values and empty lines
    "a missing last column": table("1,\n3,\n", columns(column_1=[1, 3], column_2=[NAN, NAN])),
    "an empty line for a missing value": table(
        "x\n7\n\n8\n", columns(x=[7, NAN, 8]), yes="Is a value missing?"
    ),
    "an empty line for nothing": table(
        "x\n7\n\n8\n\n", columns(x=[7, 8]), yes="Is it an empty line?"
    ),
    "an empty line first, for a missing value": table(
        "\n7\n8\n",
        columns(column_1=[NAN, 7, 8]),
        {"header": False},
        lines={"": "NA"},
        yes="Is a value missing there?, Is a value missing?",
    ),
    "an empty line first, for nothing": table("\n7\n8\n", columns(column_1=[7, 8])),
    # names
    "a name that is nearly right": table(
        "warm,wet\n1,2\n", columns(warm=[1]), {"columns": ["wam"]}, knows=AB
    ),
    "a name that is quite wrong": table(
        GOOD, columns(b=[2, 4]), {"columns": "speed"}, knows={"columns": ["b"]}
    ),
    "numbers for names": table(GOOD, columns(a=[1, 3]), {"columns": [0]}),
    "a name twice": table(
        "a,a\n1,2\n", columns(a=[1], b=[2]), knows={"header line": "a,b", "has names": True}
    ),
    "a name in every column": table("a" + ",a" * 99 + "\n" + "1" + ",1" * 99, wrong),
    "names beside numbers": table(
        "t,2020\n1,2\n",
        lambda found, _: found.values.tolist() == [[1, 2]],
        yes="Are these names?",
        knows={"header line": "t,y2020", "has names": True},
    ),
    "values beside a word": table(
        "low,5\n1,6\n",
        lambda found, _: found.values[:, -1].tolist() == [5, 6],
        knows={"names": ("column 1", "column 2"), "header line": "t,v"},
        lines={"low,5": "0,5"},
    ),
    "a first record of missing values": table(
        "NA,?\n7,8\n",
        lambda found, _: np.array_equal(found.values, [[NAN, NAN], [7, 8]], equal_nan=True),
        knows={"header line": "a,b"},
    ),
    "a wrong flag": table(GOOD, AB_12, {"header": "no"}, knows={"header": True}),
    # comments
    "a comment within": table("a,b\n1,2\n# pause\n3,4\n", AB_12, yes="Is it a comment?"),
    "a comment like a record": table(
        "# of A, 2020\na,b\n1,2\n3,4\n", AB_12, yes="Is it a comment?"
    ),
    "units below the names": table("#a,b\nmm,s\n1,2\n", lambda f, _: f.values.tolist() == [[1, 2]]),
    "nothing but comments": table(
        "#1,2\n#3,4\n",
        columns(column_2=[2, 4]),
        yes="Are these lines records?",
        knows={"names": ("column 1", "column 2")},
    ),
    "comments only, in one column": table(
        "#a\n", wrong, yes="Are these lines records?", knows={"whole": b""}
    ),
    "no mark of comments": table(GOOD, AB_12, {"comment": None}),
    # records
    "an open quotation mark": table(
        'a,b\n"1,2\n3,4\n', AB_12, lines={'"1,2': "1,2"}, knows={"names": ("b",)}
    ),
    "a quotation mark without end": table("a,b\n" + '"1,2\n' * 2**18, wrong),
    "a long record": table("a,b\n" + '"' + '\n","' * 360_000, wrong),
    "a field too few": table("a,b\n1,2\n3\n", AB_12, lines={"3": "3,4"}, yes="the delimiter?"),
    "another delimiter": table(
        "a:b\n1:2\n3:4\n",
        AB_12,
        knows={"delimiter": ":", "names": ()},
        lines={"1:2": "1:2"},
    ),
    "a delimiter in the names": table(
        "a,b:c\n1:2\n3:4\n",
        lambda f, _: f.values.tolist() == [[1, 2], [3, 4]],
        knows={"delimiter": ":"},
    ),
    "joined files": table("a,b\n1,2\na,b\n3,4\n", AB_12, yes="Were files joined?"),
    "a late value behind the last delimiter": table(
        "a,b,\n" + "1,2,\n" * 12 + "1,2,3\n",
        columns(a=[1] * 13, b=[2] * 13, c=[NAN] * 12 + [3]),
        knows={"header line": "a,b,c", "has names": True, "names": ("a", "b", "c")},
    ),
    "a wrong delimiter": table(GOOD.replace(",", ";"), AB_12, {"delimiter": ";;"}),
    # bytes
    "another encoding": table(
        "naïve,b\n1,2\n".encode("latin-1"), columns(naïve=[1], b=[2]), knows={"encoding": "latin-1"}
    ),
    "two bytes a character": table(GOOD.encode("utf-16"), AB_12, knows={"encoding": "utf-16"}),
    "carriage returns alone": table(GOOD.replace("\n", "\r"), AB_12),
    "packed": table(gzip.compress(GOOD.encode()), AB_12),
    "an .xlsx file": table(b"PK\3\4abc", wrong),
    "a zero byte": table(b"a,b\n1,\x002\n", wrong),
    "a line without end": table(
        "a\n" + "1" * 2**20 + "\n", wrong, knows={"whole": b"a\n1\n"}
    )._replace(right=columns(a=[1])),
    "a large file": table(GOOD, AB_12, {"most_bytes": 3}),
    "an empty file": table("", AB_12, knows={"whole": GOOD.encode()}),
    "names without records": table("a,b\n", AB_12, knows={"whole": GOOD.encode()}),
}
