"""HDF5 files, as Keras 2 and 3 write them: every dataset under its path.

Read in the child process by h5py. Only hard links are followed, each group once; links to other
names and files, data that are in other files, references and objects are refused.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np

from npstack.core.errors import ArgumentError, DataError, fail
from npstack.core.numerics import Array
from npstack.files.strict_json import MOST_BYTES, brief
from npstack.interop.files.child import in_child, needs_package
from npstack.interop.files.safetensors_files import from_texts, to_texts
from npstack.interop.files.stored import (
    MOST_LEVELS,
    SPOILT,
    Stored,
    check_few,
    check_total,
)

WHOLE = "model_weights/"  # where Keras 2 keeps the weights in the file of a whole model
OWN = "It is no file of weights: read it with h5py, and pass the arrays."


def read(where: str, source: BinaryIO | bytes) -> Stored:
    """Read an HDF5 file.

    ``attributes`` are those of the file; those of its groups and datasets are in
    ``attributes["inside"]``, by their paths.

    Raises
    ------
    DataError
        It is damaged, holds other things than numbers, or leads to other files.
    MissingPackageError
        There is no h5py.
    """
    attributes, arrays = in_child(f"{__name__}:walk", source, where, where=where, package="h5py")
    inside = {path: from_texts(own) for path, own in attributes.items() if path}
    own = {**inside.get(WHOLE[:-1], {}), **from_texts(attributes.get("", {}))}
    if any(name.startswith(WHOLE) for name in arrays):
        inside = {path.removeprefix(WHOLE): own for path, own in inside.items()}
        arrays = {name.removeprefix(WHOLE): value for name, value in arrays.items()}
    return Stored(arrays, {**own, **({"inside": inside} if inside else {})}, "hdf5")


def walk(stream: BinaryIO, where: str) -> tuple[dict[str, Any], dict[str, Array]]:
    """Attributes by path, and arrays by path; in the child process."""
    return _Walk(stream, where).result()


class _Walk:
    """One pass over the groups of a file."""

    def __init__(self, stream: BinaryIO, where: str) -> None:
        self.h5py = needs_package(where, "h5py")
        self.where, self.stream = where, stream
        self.size = stream.seek(0, io.SEEK_END)
        self.attributes: dict[str, Any] = {}
        self.arrays: dict[str, Array] = {}
        self.seen: set[Any] = set()
        self.total = 0

    def result(self) -> tuple[dict[str, Any], dict[str, Array]]:
        self.stream.seek(0)
        with self.h5py.File(self.stream, "r") as file:
            self.group(file, "", 0)
        return self.attributes, self.arrays

    def group(self, group: Any, path: str, level: int) -> None:
        """A group, and all below it."""
        self.once(group, path)
        if level > MOST_LEVELS:
            got = "more"
            fail(DataError, self.where, f"groups must be at most {MOST_LEVELS} deep", got, SPOILT)
        check_few(self.where, len(self.seen) + len(group), "groups and arrays")
        for name in group:
            place = f"{path}/{name}".lstrip("/")
            if type(group.get(name, getlink=True)) is not self.h5py.HardLink:
                expected = "its links must not lead to other names or files"
                fail(DataError, self.where, expected, f"one at {brief(place)}", OWN)
            found = group[name]
            if isinstance(found, self.h5py.Group):
                self.group(found, place, level + 1)
            elif isinstance(found, self.h5py.Dataset):
                self.dataset(found, place)
            else:
                fail(DataError, self.where, "it must hold groups and arrays", brief(place), OWN)

    def once(self, found: Any, path: str) -> None:
        """Count an object, keep its attributes, and refuse to meet it again."""
        known = self.h5py.h5o.get_info(found.id)
        if (known.fileno, known.addr) in self.seen:
            expected = "each group and array must have one name"
            fail(DataError, self.where, expected, f"a second one, {brief(path)}", SPOILT)
        self.seen.add((known.fileno, known.addr))
        own = {name: self.attribute(found, name, path) for name in found.attrs}
        if own:
            self.attributes[path] = own

    def attribute(self, owner: Any, name: str, path: str) -> Any:
        """A number, a text, or a list of these; of another value, what it is."""
        h5t, kind = self.h5py.h5t, self.h5py.h5a.open(owner.id, name.encode())
        room = kind.get_space().get_simple_extent_npoints() * kind.get_type().get_size()
        self.total += room
        if room > MOST_BYTES:
            got = f"more in {brief(name)} of {brief(path)}"
            fail(DataError, self.where, f"attributes must have {MOST_BYTES:,} bytes", got, OWN)
        if kind.get_type().get_class() not in (h5t.INTEGER, h5t.FLOAT, h5t.STRING, h5t.ENUM):
            return "neither number nor text"
        value = owner.attrs[name]
        return _plain(value.tolist() if isinstance(value, np.ndarray | np.generic) else value)

    def dataset(self, found: Any, path: str) -> None:
        """An array."""
        self.once(found, path)
        where = f"{self.where}, array {brief(path)}"
        if found.dtype.kind not in "biufc" or found.shape is None:
            expected, got = "it must be an array of numbers", f"{found.dtype} of {found.shape}"
            fail(DataError, where, expected, got, OWN)
        if found.external or found.is_virtual:
            expected = "its numbers must be in this file"
            fail(DataError, where, expected, "numbers in other files", OWN)
        chunk = math.prod(found.chunks or ()) * found.dtype.itemsize
        self.total += math.prod(found.shape) * found.dtype.itemsize
        check_total(where, max(self.total, chunk), self.size)
        self.arrays[path] = np.asarray(found[()])


def _plain(value: Any) -> Any:
    """Texts and numbers as JSON has them."""
    if isinstance(value, list):
        return [_plain(own) for own in value]
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    finite = not isinstance(value, float) or abs(value) < float("inf")
    return value if isinstance(value, str | int | float) and finite else str(value)


def write(file: BinaryIO, where: str, arrays: Mapping[str, Array], attributes: Any) -> None:
    """Write an HDF5 file; ``/`` in a name makes groups.

    Raises
    ------
    ArgumentError
        A name is also that of a group.
    MissingPackageError
        There is no h5py.
    """
    h5py = needs_package(where, "h5py")
    texts = to_texts(where, attributes)
    groups = {name[:k] for name in arrays for k, sign in enumerate(name) if sign == "/"}
    for name in arrays:
        if name in groups or {"", ".", ".."} & {*name.split("/")}:
            expected = "names must have parts between their '/', and be no beginning of another"
            fail(ArgumentError, where, expected, repr(name), "Rename it.")
    for text in [*arrays, *texts, *texts.values()]:
        if "\0" in text:
            expected = "texts must have no zero character"
            fail(ArgumentError, where, expected, brief(text), "Take it out: HDF5 has none.")
    memory = io.BytesIO()
    with h5py.File(memory, "w") as target:
        for name, value in arrays.items():
            target.create_dataset(name, data=value)
        if any("/vars/" in name for name in arrays) and "vars" not in target:
            target.create_group("vars")  # of the model itself: Keras 3.3 loads no file without it
        for name, text in texts.items():
            target.attrs[name] = text
    file.write(memory.getbuffer())
