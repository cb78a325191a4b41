"""Zip files as an attacker would make them: every field of every header can be a lie.

`archive_bytes` builds what npstack builds when nothing is overridden (a test says so), with the
right SHA-256 at the end: the digest finds accidents, and does not prevent a forgery.
"""

from __future__ import annotations

import hashlib
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from npstack.files.container import CENTRAL, END, LOCAL

Rng = np.random.Generator
Kind = Callable[[Rng, bytes], bytes]  # a way to spoil what npstack wrote
CANARY = "this-was-executed"
FIELDS = ("need", "flags", "method", "time", "date", "crc", "stored", "size")


class Trap:
    """Unpickling it makes a file in the current folder."""

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (CANARY, "w")


def pick(rng: Rng, options: Any) -> Any:
    """One of some, whatever they are."""
    options = list(options)
    return options[int(rng.integers(len(options)))]


@dataclass
class Entry:
    """A member: its data, and what its two headers say about it."""

    name: bytes
    data: bytes
    local: dict[str, Any] = field(default_factory=dict)
    central: dict[str, Any] = field(default_factory=dict)

    def header(self, which: str) -> tuple[tuple[int, ...], bytes, bytes]:
        """The facts, the name and the extra bytes that a header holds."""
        size, crc = len(self.data), zlib.crc32(self.data)
        facts = dict(zip(FIELDS, (20, 0x800, 0, 0, 0x21, crc, size, size), strict=True))
        lies = getattr(self, which)
        facts |= {name: lies[name] for name in FIELDS if name in lies}
        return tuple(facts.values()), lies.get("name", self.name), lies.get("extra", b"")


def entries_of(whole: bytes) -> list[Entry]:
    """The members of an archive that npstack wrote."""
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        return [Entry(name.encode(), archive.read(name)) for name in archive.namelist()]


def archive_bytes(entries: Sequence[Entry], between: bytes = b"", **end: int) -> bytes:
    """A sealed archive. ``between`` stands in front of every header; ``end`` lies at the end."""
    body, directory = b"", b""
    for entry in entries:
        body += between
        at = entry.central.get("offset", len(body))
        facts, name, extra = entry.header("local")
        body += LOCAL.pack(b"PK\3\4", *facts, len(name), len(extra)) + name + extra + entry.data
        facts, name, extra = entry.header("central")
        rest = (0, 0, 0, entry.central.get("attributes", 0), at)
        directory += (
            CENTRAL.pack(b"PK\1\2", 20, *facts, len(name), len(extra), *rest) + name + extra
        )
    facts = {"disk": 0, "count": len(entries), "size": len(directory), "at": len(body)} | end
    count, disk = facts["count"], facts["disk"]
    last = END.pack(b"PK\5\6", disk, disk, count, count, facts["size"], facts["at"], 64)
    return sealed(body + directory + last)


def sealed(body: bytes) -> bytes:
    """With the right digest behind it."""
    return body + hashlib.sha256(body).hexdigest().encode()


def resealed(whole: bytes) -> bytes:
    """The same bytes, with the digest that they have now."""
    return sealed(whole[:-64])


def npy_bytes(
    descr: Any, shape: Any, data: bytes, *, fortran: Any = False, header: bytes | None = None
) -> bytes:
    """An ``.npy`` file with the given header."""
    if header is None:
        fields = {"descr": descr, "fortran_order": fortran, "shape": shape}
        header = ("{" + "".join(f"{k!r}: {v!r}, " for k, v in fields.items()) + "}").encode()
        header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header + data


def pickled_array(trap: Any) -> bytes:
    """An array of objects whose unpickling would run what ``trap`` holds."""
    stream = io.BytesIO()
    np.save(stream, np.array([trap], object), allow_pickle=True)
    return stream.getvalue()


def with_json(entries: list[Entry], change: Any) -> list[Entry]:
    """The JSON changed: by new text (bytes), or by a function of the values."""
    text = change
    if not isinstance(change, bytes):
        values = json.loads(entries[0].data)
        changed = change(values)
        text = json.dumps(values if changed is None else changed).encode()
    return [Entry(entries[0].name, text), *entries[1:]]


def with_array(entries: list[Entry], k: int, npy: bytes, listed: list[Any] | None = None) -> Any:
    """The k-th array replaced, and with ``listed`` the list that JSON gives of it."""
    changed = [*entries[: k + 1], Entry(entries[k + 1].name, npy), *entries[k + 2 :]]
    if listed is None:
        return changed
    name = entries[k + 1].name.decode().removesuffix(".npy")
    return with_json(changed, lambda values: values["arrays"].update({name: listed}))
