"""Odd texts, sequences, arrays and paths, with what they should give."""

import io
import zipfile

import numpy as np

from tests.data.advice.machine import Case
from tests.data.advice.tables import GOOD, wrong

# ---- sequences -----------------------------------------------------------------------------------


def sequences(classes="pq", labels=None, **intended):
    """Right are these rows of numbers by feature, and labels; what was left out may be missing."""

    def right(found, state):
        samples = found.samples
        for k, (name, mask) in enumerate(zip(found.ids, samples.mask, strict=True)):
            rows = np.array(intended[f"s{name}"], float)
            own = np.full((mask.sum(), rows.shape[1]), np.nan)
            for d, feature in enumerate(found.features):
                own[:, "xyz".index(feature[-1])] = samples.x[k, mask, d]
            kept = [
                r
                for r in rows
                if any(np.array_equal(r[~np.isnan(o)], o[~np.isnan(o)]) for o in own)
            ]
            if len(own) < len(rows) and "a step" not in state.left_out:
                return False
            if len(kept) < len(own):
                return False
            wanted = (labels or {}).get(name, classes[k % 2])
            told = samples.y[k] if samples.y.ndim == 1 else samples.y[k, mask]
            if "".join(found.classes[n] for n in np.atleast_1d(told)) != wanted:
                return False
        return len(found.ids) == len(intended) or "a sequence" in state.left_out

    return right


HEAD = "sequence,step,x,y,label\n"
LONG = HEAD + "a,0,1,2,p\na,1,3,4,p\nb,0,5,6,q\n"
RIGHT = sequences(sa=[[1, 2], [3, 4]], sb=[[5, 6]])
XY = {"names": ("x", "y")}


def long(content, right=RIGHT, options=None, **others):
    return Case("load_labelled_csv", content, right, options or {}, **others)


SEQUENCES = {
    "a word for a number": long(
        LONG.replace("a,1,3", "a,1,three"), lines={"a,1,three,4,p": "a,1,3,4,p"}, knows=XY
    ),
    "a missing number": long(
        LONG.replace("a,1,3", "a,1,NA"), lines={"a,1,NA,4,p": "a,1,3,4,p"}, knows=XY
    ),
    "no column of that name": long(
        LONG.replace("label", "weather"), knows={"called": {"label": "weather"}}
    ),
    "no name of a sequence": long(LONG.replace("b,0", ",0"), lines={",0,5,6,q": "b,0,5,6,q"}),
    "no label": long(LONG.replace("6,q", "6,"), lines={"b,0,5,6,": "b,0,5,6,q"}),
    "a label that changes by mistake": long(
        LONG.replace("4,p", "4,q"), lines={"a,1,3,4,q": "a,1,3,4,p"}
    ),
    "a label for each step": long(
        LONG.replace("4,p", "4,q"),
        sequences(sa=[[1, 2], [3, 4]], sb=[[5, 6]], labels={"a": "pq", "b": "q"}),
        yes="Has each step",
    ),
    "a class that is not known": long(LONG, options={"classes": ["p"]}),
    "sequences that are mixed": long(HEAD + "a,0,1,2,p\nb,0,5,6,q\na,1,3,4,p\n"),
    "steps that are mixed": long(HEAD + "a,1,3,4,p\na,0,1,2,p\nb,0,5,6,q\n"),
    "steps that are dates": long(LONG.replace(",0,", ",Monday,").replace("a,1,", "a,Tuesday,")),
    "a step twice": long(LONG.replace("a,0,", "a,0,1,2,p\na,0,", 1), yes="there twice?"),
    "no features": long("sequence,label\na,p\nb,q\n", knows={"whole": LONG.encode()}),
    "no lines": long(HEAD, knows={"whole": LONG.encode()}),
    "a wrong name for a column": long(
        LONG, options={"called": {"klass": "label"}}, knows={"called": {}}
    ),
    "too long to pad": long(LONG, options={"most_bytes": len(LONG) - 1}),
    "too long once padded": long(
        LONG.replace("b,0,5,6,q\n", "") + "".join(f"{k},0,5,6,q\n" for k in "bcdefghijk"),
        sequences(
            sa=[[1, 2], [3, 4]],
            **{f"s{k}": [[5, 6]] for k in "bcdefghijk"},
            labels={"a": "p", **dict.fromkeys("bcdefghijk", "q")},
        ),
        {"most_bytes": 200},
    ),
}

# ---- .ts files -----------------------------------------------------------------------------------

TS = "@problemName p\n@dimensions 2\n@classLabel true p q\n@data\n1,3:2,4:p\n5:6:q\n"
TS_RIGHT = sequences(s0=[[1, 2], [3, 4]], s1=[[5, 6]])


def by_dimension(found, state):
    named = found._replace(features=tuple("xy"[int(name[-1])] for name in found.features))
    return TS_RIGHT(named, state)


def ts(content, right=by_dimension, options=None, **others):
    return Case("load_ts", content, right, options or {}, **others)


WHOLE_TS = {"whole": TS.encode()}
TS_FILES = {
    "a word for a number": ts(TS.replace("1,3", "1,three"), lines={"1,three:2,4:p": "1,3:2,4:p"}),
    "a missing number": ts(TS.replace("1,3", "1,?"), lines={"1,?:2,4:p": "1,3:2,4:p"}),
    "a dimension too few": ts(TS.replace("5:6:q", "6:q"), lines={"6:q": "5:6:q"}),
    "a step too few": ts(TS.replace("2,4", "2"), lines={"1,3:2:p": "1,3:2,4:p"}),
    "a class that is not known": ts(TS.replace("6:q", "6:r")),
    "no classes": ts(TS.replace("true p q", "false"), knows=WHOLE_TS),
    "other dimensions": ts(TS.replace("@dimensions 2", "@dimensions 3"), knows=WHOLE_TS),
    "a key twice": ts(TS.replace("@data", "@dimensions 2\n@data")),
    "time stamps": ts(TS.replace("@data", "@timeStamps true\n@data"), knows=WHOLE_TS),
    "no sequences": ts("@classLabel true p q\n@data\n", knows=WHOLE_TS),
    "a table": ts(
        GOOD, lambda found, _: found.values.tolist() == [[1, 2], [3, 4]], yes="load_csv reads"
    ),
    "too large": ts(TS, options={"most_bytes": 9}),
}

# ---- texts ---------------------------------------------------------------------------------------


def text(content, options=None, **others):
    return Case("load_text", content, lambda found, _: found == "tö be\n", options or {}, **others)


TEXTS = {
    "another encoding": text("tö be\n".encode("latin-1"), knows={"encoding": "latin-1"}),
    "a zero byte": text("tö\0be"),
    "empty": text("", knows={"whole": "tö be\n".encode()}),
    "large": text("tö be\n", {"most_bytes": 3}),
}

# ---- arrays --------------------------------------------------------------------------------------

X = np.arange(12.0).reshape(2, 3, 2)
ARRAYS = {"x": X, "y": np.array(["p", "q"]), "lengths": np.array([3, 2])}


def same(wanted):
    def right(found, state):
        return found.keys() == wanted.keys() and all(
            np.array_equal(value, wanted[name]) for name, value in found.items()
        )

    return right


def zipped(compression=zipfile.ZIP_STORED, times=1, name="x.npy", **arrays):
    """An archive with a freedom that np.savez does not take."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for key, value in (arrays or {"x": X}).items():
            part = io.BytesIO()
            np.save(part, value)
            for k in range(times):
                archive.writestr(name if k == 0 else f"{key}{k}.npy", part.getvalue())
    return stream.getvalue()


def with_header(header, data=b"", version=1):
    line = header.encode().ljust(117) + b"\n"
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        start = b"\x93NUMPY" + bytes([version, 0]) + len(line).to_bytes(2, "little")
        archive.writestr("x.npy", start + line + data)
    return stream.getvalue()


def bomb():
    """A size in the directory that no compression reaches."""
    stream = io.BytesIO()
    np.savez_compressed(stream, x=np.zeros(4))
    content = bytearray(stream.getvalue())
    at = content.rindex(b"PK\1\2") + 24
    content[at : at + 4] = (2**29).to_bytes(4, "little")
    return bytes(content)


def short_of_its_size():
    """A member of which the directory says that it has more bytes than there are."""
    content = bytearray(with_header(FLOATS % 5, bytes(8)))
    at = content.rindex(b"PK\1\2") + 24
    content[at : at + 4] = (128 + 40).to_bytes(4, "little")
    return bytes(content)


def archive_of_ours():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("npstack.json", "{}")
    return stream.getvalue()


def npz(content, right=None, options=None, **others):
    return Case("load_npz", content, right or same({"x": X}), options or {}, **others)


FLOATS = "{'descr': '<f8', 'fortran_order': False, 'shape': (%s,), }"
WHOLE_X = {"whole": {"x": X}}
NPZ_FILES = {
    "no archive": npz(b"x,y\n", wrong),
    "cut": npz(zipped()[:-9], knows=WHOLE_X),
    "other members": npz(zipped(name="x.txt"), knows=WHOLE_X),
    "too many arrays": npz(zipped(times=1001), knows=WHOLE_X),
    "a long list of arrays": npz(zipped(times=9, name="x" * 60_000), wrong)._replace(
        content=zipped(times=40, **{"x" * 60_000: np.zeros(0)})
    ),
    "another compression": npz(zipped(zipfile.ZIP_BZIP2), knows=WHOLE_X),
    "a file of ours": npz(archive_of_ours(), wrong),
    "too large": npz({"x": X}, options={"most_bytes": 9}),
    "a bomb": npz(bomb(), wrong),
    "objects": npz(with_header(FLOATS.replace("<f8", "O") % 1), knows=WHOLE_X),
    "a header that lies": npz(with_header(FLOATS % 9, bytes(8)), wrong),
    "a member that is cut": npz(
        with_header(FLOATS % 1, bytes(8)).replace(b"PK\1\2", b"PK\1\3"), wrong
    ),
    "short of its size": npz(short_of_its_size(), wrong),
    "a format to come": npz(with_header(FLOATS % 1, bytes(8), version=3), wrong),
}


def labelled(changes, right=None, options=None, **others):
    content = {k: v for k, v in (ARRAYS | changes).items() if v is not None}
    return Case("load_labelled_npz", content, right or by_feature, options or {}, **others)


def by_feature(found, state):
    kept = [X[0], X[1, :2]]
    rows = [found.samples.x[k, mask] for k, mask in enumerate(found.samples.mask)]
    told = [found.classes[n] for n in found.samples.y]
    whole = all(
        any(
            np.array_equal(row, own) and name == label
            for own, label in zip(kept, "pq", strict=True)
        )
        for row, name in zip(rows, told, strict=True)
    )
    return whole and (len(rows) == 2 or "a sequence" in state.left_out)


SPOILT = X.copy()
SPOILT[0, 1, 1] = np.nan
EMPTY = {
    "x": np.concatenate([X, X[:1]]),
    "y": np.array(["p", "q", "p"]),
    "lengths": np.array([3, 2, 0]),
}
MANY = {"x": np.zeros((2, 300, 2), np.int8), "lengths": None}


def as_many(found, state):
    return found.samples.x.shape == (2 - ("a sequence" in state.left_out), 300, 2)


LABELLED = {
    "other names": labelled({"z": X}, knows={"whole": ARRAYS}),
    "an axis too few": labelled({"x": X[0]}, knows={"whole": ARRAYS}),
    "no steps": labelled({"x": X[:, :0]}, knows={"whole": ARRAYS}),
    "an empty sequence": labelled(EMPTY),
    "a length too large": labelled({"lengths": np.array([3, 9])}, knows={"whole": ARRAYS}),
    "a missing number": labelled({"x": SPOILT}, knows={"whole": ARRAYS}),
    "no label": labelled({"y": np.array(["p", ""])}, knows={"whole": ARRAYS}),
    "a class that is not known": labelled({}, options={"classes": ["p"]}),
    "too large as float64": labelled(MANY, as_many, {"most_bytes": 200}),
}

# ---- paths ---------------------------------------------------------------------------------------

KNOWN = {"whole": GOOD.encode()}


def path(given, **others):
    right = lambda found, _: found.values.tolist() == [[1, 2], [3, 4]]  # noqa: E731
    return Case("load_csv", (given,), right, **others)


PATHS = {
    "bytes": path(b"good.csv"),
    "home": path("~/good.csv"),
    "a zero": path("go\0od.csv"),
    "nothing": path("", knows=KNOWN),
    "a number": path(0, knows=KNOWN),
    "a folder": path(".", knows=KNOWN),
}
