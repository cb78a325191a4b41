"""Files of other frameworks that are damaged, or made to do harm: safetensors, and zip files.

A kind is a function ``kind(rng, good) -> Case``, where ``good`` is a file as its library writes it.
`hostile_libraries` and `hostile_torch` have the kinds of the formats that libraries in C++ read.
"""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from npstack.files.container import CENTRAL, END
from npstack.interop.files import safetensors_files
from tests.files import bad_arrays, bad_zips
from tests.files.forged import Entry, Rng, archive_bytes, entries_of, pick

Arrays = dict[str, np.ndarray[Any, Any]]


class Good(NamedTuple):
    """A file that is right, what is in it, and a folder in which its traps would leave a trace."""

    content: bytes
    arrays: Arrays
    folder: str = ""


class Case(NamedTuple):
    """A bad file.

    Attributes
    ----------
    content : bytes
    right : dict of arrays, or None
        What may be read in spite of it; None: whatever comes, as damage cannot be noticed.
    refused : bool
        Whether it must be refused.
    """

    content: bytes
    right: Arrays | None
    refused: bool = True


Kind = Callable[[Rng, Good], Case]


def draw_arrays(rng: Rng) -> Arrays:
    """The weights of a small layer."""
    d, h = int(rng.integers(1, 5)), int(rng.integers(1, 5))
    shapes = {"lstm.weight_ih_l0": (4 * h, d), "lstm.weight_hh_l0": (4 * h, h), "bias": (4 * h,)}
    return {name: rng.standard_normal(shape, np.float32) for name, shape in shapes.items()}


# ---- accidents, and files that are something else ----------------------------------------------


def damaged(rng: Rng, good: Good) -> Case:
    """Cut, overwritten, lost and added bytes, and single bits."""
    ways = (
        *(bad_zips.truncated, bad_zips.bit_flipped, bad_zips.bit_flipped),
        *(bad_zips.stretch_overwritten, bad_zips.bytes_lost, bad_zips.bytes_added),
    )
    checked = good.content.startswith(b"PK")  # zip files have checksums
    right = good.arrays if checked else None
    return Case(pick(rng, ways)(rng, good.content), right, refused=False)


def truncated(rng: Rng, good: Good) -> Case:
    return Case(bad_zips.truncated(rng, good.content), good.arrays)


def something_else(rng: Rng, good: Good) -> Case:
    """Another kind of file under this suffix, or a pickle that runs a command."""
    trap = Command(good.folder)
    pickles = [pickle.dumps(trap, protocol) for protocol in (0, 2, 4)]
    others = [bad_zips.another_file(rng, good.content) for _ in range(3)]
    named = [b"__import__('os').system('x')", bytes(5000), rng.bytes(3000), b"\x89HDF\r\n\x1a\n"]
    return Case(pick(rng, pick(rng, [pickles, others, named])), None, refused=False)


class Command:
    """Unpickling it runs a command that makes a file in a folder."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        import os

        return os.system, (f"touch {self.folder}/this-was-executed",)


# ---- safetensors -------------------------------------------------------------------------------


def parts_of(good: Good) -> tuple[dict[str, Any], bytes]:
    """The head of a safetensors file, and its data."""
    length = struct.unpack("<Q", good.content[:8])[0]
    head = json.loads(good.content[8 : 8 + length])
    return {name: head[name] for name in good.arrays}, good.content[8 + length :]


def joined(head: Any, data: bytes, length: int | None = None) -> bytes:
    """A safetensors file with such a head, and perhaps with a length that lies."""
    text = head if isinstance(head, bytes) else json.dumps(head).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def st_length(rng: Rng, good: Good) -> Case:
    head, data = parts_of(good)
    size = len(json.dumps(head))
    lies = [0, 1, 8, size - 1, size + 1, size + len(data) + 1, 2**31, 2**32, 2**63, 2**64 - 1]
    return Case(joined(head, data, pick(rng, lies)), good.arrays)


def st_number(rng: Rng, good: Good) -> Case:
    """A shape or offsets that are no numbers, negative, or huge."""
    head, data = parts_of(good)
    own = head[pick(rng, good.arrays)]
    field = pick(rng, ["shape", "data_offsets"])
    at = int(rng.integers(len(own[field])))
    wrong = [-1, -(2**63), 2**62, 2**63, 2**64, 10**4000, 1.5, 1e300, float("nan"), float("inf")]
    own[field][at] = pick(rng, [*wrong, None, "3", True, [], {}, own[field][at] + 1])
    if rng.random() < 0.2:
        own[field] = pick(rng, [None, [], [0], [1] * 1000, [2**40] * 3, [0, 2**70], "x", {}, 7])
    return Case(joined(head, data), good.arrays)


def st_offsets(rng: Rng, good: Good) -> Case:
    """Arrays that overlap, leave gaps, end beyond the file, or stand the wrong way round."""
    head, data = parts_of(good)
    first, second, *_ = head
    style = pick(rng, ["same", "gap", "beyond", "turned", "all", "more", "less"])
    a, b = head[first]["data_offsets"], head[second]["data_offsets"]
    if style == "same":
        head[second]["data_offsets"] = a
    elif style == "gap":
        head[second]["data_offsets"] = [b[0] + 4, b[1] + 4]
    elif style == "beyond":
        head[second]["data_offsets"] = [len(data), len(data) + b[1] - b[0]]
    elif style == "turned":
        head[first]["data_offsets"] = a[::-1]
    elif style == "all":
        head[first]["data_offsets"] = [0, len(data)]
    data = {"more": data + bytes(4), "less": data[:-4]}.get(style, data)
    return Case(joined(head, data), good.arrays)


def st_dtype(rng: Rng, good: Good) -> Case:
    head, data = parts_of(good)
    wrong = ["F64", "F16", "U8", "O", "object", "|O", "f32", "F8_E4M3", "", "Q4", "F32 ", "I128"]
    head[pick(rng, good.arrays)]["dtype"] = pick(rng, [*wrong, None, 32, ["F32"], {"F32": 1}])
    return Case(joined(head, data), good.arrays)


def st_json(rng: Rng, good: Good) -> Case:
    """JSON that is deep, long, ambiguous, or none."""
    head, data = parts_of(good)
    text = json.dumps(head).encode()
    name = next(iter(good.arrays))
    twice = b"{" + json.dumps({name: head[name]}).encode()[1:-1] + b", " + text[1:]
    texts = [
        *(b"[" * 100_000, b'{"a":' * 50_000, b"{" + b'"x":{},' * 100_000 + text[1:]),
        *(twice, text[:-1], b"[]", b"{}", b"null", b"NaN", b"", text.replace(b'"', b"'")),
        *(text[:-1] + b', "x": NaN}', text[:-1] + b', "x": ' + b"9" * 10_000 + b"}"),
        *(text.replace(b"bias", b"b\xff"), text.decode().encode("utf-16"), b"{" + text[1:] + b"}"),
        *(text[:-1] + b', "__metadata__": 3}', text[:-1] + b', "__metadata__": {"a": 3}}'),
        *(text[:-1] + b', "__metadata__": [' + b"[" * 900 + b"]" * 901 + b"}",),
    ]
    return Case(joined(pick(rng, texts), data), good.arrays)


def st_name(rng: Rng, good: Good) -> Case:
    """Names that are paths, if somebody makes files of them: here they are keys."""
    head, data = parts_of(good)
    old = pick(rng, good.arrays)
    new = pick(rng, ["../../x", "/etc/passwd", "a\0b", "x" * 5000, "", "\u202e", "C:\\x", "~root"])
    head = {new if name == old else name: own for name, own in head.items()}
    right = {new if name == old else name: value for name, value in good.arrays.items()}
    return Case(joined(head, data), right, refused=False)


def good_safetensors(rng: Rng, folder: str) -> Good:
    arrays, stream = draw_arrays(rng), io.BytesIO()
    safetensors_files.write(stream, "hostile", arrays, {"format": "pt"})
    return Good(stream.getvalue(), arrays, folder)


# ---- zip files ---------------------------------------------------------------------------------


def zip_trick(rng: Rng, good: Good) -> Case:
    """Headers, sizes, offsets and methods that lie; members that stand twice or overlap."""
    tricks = (
        *(bad_zips.headers_lie, bad_zips.headers_disagree, bad_zips.end_record),
        *(bad_zips.members_overlap, bad_zips.member_twice, bad_zips.gaps, bad_zips.compressed),
    )
    return Case(pick(rng, tricks)(rng, good.content), good.arrays, refused=False)


def zip_name(rng: Rng, good: Good) -> Case:
    """A member more, whose name leads out of the folder."""
    names = [b"../../x", b"/etc/passwd", b"..\\x", b"C:\\x", b"a/../../x", b"x\0y", b"//x", b"a//b"]
    entries = entries_of(good.content)
    name = pick(rng, names) + pick(rng, [b"", b".npy"])
    extra = Entry(name, pick(rng, [b"", b"#!/bin/sh\n", entries[-1].data]))
    if rng.random() < 0.3:
        extra.central["attributes"] = 0o120777 << 16  # a symbolic link
    at = int(rng.integers(len(entries) + 1))
    return Case(archive_bytes([*entries[:at], extra, *entries[at:]]), good.arrays)


def zip_bomb(rng: Rng, good: Good) -> Case:
    """Members of zeros without end, one or many, or many that share their bytes."""
    entries = entries_of(good.content)
    entry = pick(rng, entries)
    entry.data = bad_zips.bomb()
    facts = {"method": 8, "size": pick(rng, [bad_zips.BOMB, 2**31, 1000, len(entry.data)])}
    entry.local, entry.central = dict(facts), dict(facts)
    if rng.random() < 0.5:
        names = [entry.name + b"%d.npy" % k for k in range(int(rng.integers(1, 300)))]
        offset = {"offset": 0} if rng.random() < 0.5 else {}
        more = [Entry(name, b"", dict(facts), {**facts, **offset}) for name in names]
        entries = [entry, *more] if offset else [*entries, *more]
    return Case(archive_bytes(entries), good.arrays, refused=False)  # if nobody reads the member


def zip_many(rng: Rng, good: Good) -> Case:
    """More members in the directory than any file needs."""
    whole = archive_bytes(entries_of(good.content))[:-64]  # without the digest
    _, _, _, count, _, size, at, _ = END.unpack(whole[-END.size :])
    names = [b"%d.npy" % k for k in range(int(rng.integers(60_001, 65_000)))]
    facts = (b"PK\1\2", 20, 20, 0x800, 0, 0, 0x21, 0, 0, 0)
    more = b"".join(CENTRAL.pack(*facts, len(name), *[0] * 6) + name for name in names)
    count += len(names)
    end = END.pack(b"PK\5\6", 0, 0, count, count, size + len(more), at, 0)
    return Case(whole[: -END.size] + more + end, good.arrays)


# ---- npz ---------------------------------------------------------------------------------------


def npz_kind(kind: Any) -> Kind:
    """A way to spoil ``.npz`` files that the readers of data meet, too."""

    def spoil(rng: Rng, good: Good) -> Case:
        content = kind(rng).content
        right: Arrays | None = {}
        try:
            with np.load(io.BytesIO(content)) as found:
                right = {name.removesuffix(".npy"): found[name] for name in found.files}
        except Exception:  # of numpy, for whatever reason
            right = {}
        return Case(content, right, refused=False)

    spoil.__name__ = kind.__name__
    return spoil


def good_npz(rng: Rng, folder: str) -> Good:
    arrays, stream = draw_arrays(rng), io.BytesIO()
    np.savez(stream, **arrays)
    return Good(stream.getvalue(), arrays, folder)


def zipped_with(good: Good, name: str, data: bytes) -> bytes:
    """A zip file with another content of one member."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(good.content)) as old, zipfile.ZipFile(stream, "w") as new:
        for own in old.namelist():
            new.writestr(own, data if own == name else old.read(own))
    return stream.getvalue()


COMMON: tuple[Kind, ...] = (truncated, damaged, something_else)
ZIPS: tuple[Kind, ...] = (zip_trick, zip_name, zip_bomb, zip_many)
ST: tuple[Kind, ...] = (st_length, st_number, st_offsets, st_dtype, st_json, st_name)
NPZ = tuple(map(npz_kind, bad_arrays.KINDS))
