"""`read_file` and `write_file`: which format a file has, by its suffix and by its content."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from npstack.core.errors import ArgumentError, DataError, DtypeError, describe, fail
from npstack.core.numerics import Array
from npstack.files.atomic import replacing
from npstack.files.paths import check_path, check_target, of_file, open_file
from npstack.files.strict_json import brief
from npstack.interop.files import (
    hdf5_files,
    keras_archives,
    numpy_files,
    safetensors_files,
    torch_files,
)
from npstack.interop.files.stored import SPOILT, Stored
from npstack.interop.files.zipped import zipped

READERS: dict[str, Callable[[str, Any], Stored]] = {
    "safetensors": safetensors_files.read,
    "pytorch": torch_files.read,
    "npz": numpy_files.read,
    "hdf5": hdf5_files.read,
    "keras": keras_archives.read,
}
SUFFIXES = {
    ".safetensors": "safetensors",
    **dict.fromkeys((".pt", ".pth", ".bin", ".ckpt"), "pytorch"),
    ".npz": "npz",
    **dict.fromkeys((".h5", ".hdf5"), "hdf5"),
    ".keras": "keras",
}
WRITERS = {
    ".safetensors": safetensors_files.write,
    ".npz": numpy_files.write,
    ".weights.h5": hdf5_files.write,
}
OTHER = "If it holds arrays, read them yourself and pass a dictionary; or rename it."
IN_TORCH = "In torch: model = torch.jit.load(path), and pass model.state_dict()."
ADVICE = {
    ".jit": IN_TORCH,
    ".pt2": "In torch: torch.export.load(path), and pass its state_dict.",
    ".npy": "Pass np.load(path, allow_pickle=False) in a dictionary, under its name.",
    ".pkl": "A pickle runs code. If you trust it, load it yourself, and pass the arrays.",
    ".onnx": "Pass its path to npstack.interop.recurrent_parts.",
}
SCRIPT, EXPORTED = "TorchScript, a program", "an exported program of torch"


def read_file(path: str | Path) -> Stored:
    """Read arrays and plain values from a file of another framework, without trust.

    Nothing in the file is executed, and nothing is written; a file of h5py's or torch's kind is
    read in a process of its own, with limits of memory and time.

    Parameters
    ----------
    path : str or Path
        ``.safetensors``; ``.pt``, ``.pth``, ``.bin`` or ``.ckpt`` of PyTorch (needs torch);
        ``.npz``; ``.h5`` or ``.hdf5`` of Keras, ``.keras`` (these need h5py).

    Returns
    -------
    Stored
        ``arrays`` by name, ``attributes`` (plain values), ``format``.

    Raises
    ------
    DataError
        The file is damaged, holds what is no array, would take too much memory or time, or is of
        another kind than its suffix says.
    MissingPackageError
        The package for this kind of file is not installed.
    OSError
        There is no such file, or it cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_file(f"{folder}/a.safetensors", {"w": np.ones(2)}, {"from": "here"})
    ...     read_file(f"{folder}/a.safetensors")
    Stored(arrays={'w': array([1., 1.])}, attributes={'from': 'here'}, format='safetensors')
    """
    where = of_file("read_file", path)
    place = check_path(where, path)
    suffix = place.suffix.lower()
    wanted = SUFFIXES.get(suffix)
    if wanted is None:
        expected = f"the path must end with one of {', '.join(SUFFIXES)}"
        fail(DataError, where, expected, brief(place.name), ADVICE.get(suffix, OTHER))
    with open_file(where, place) as file:
        found = _content(where, file)
        if found != wanted and (wanted != "safetensors" or found):
            expected = f"the content must be that of a {suffix} file ({wanted})"
            advice = {SCRIPT: IN_TORCH, EXPORTED: ADVICE[".pt2"]}.get(found, SPOILT)
            if found in READERS:
                right = next(end for end, kind in SUFFIXES.items() if kind == found)
                advice = f"If it is what you wanted, rename it: its name must end with {right}."
            fail(DataError, where, expected, found or "another beginning", advice)
        return READERS[wanted](where, file)


def _content(where: str, file: BinaryIO) -> str:
    """What a file holds, by its beginning; empty if that is not known."""
    begin = file.read(16)
    if begin.startswith(b"\x89HDF\r\n\x1a\n"):
        return "hdf5"
    if begin[6:9] == b"\0\0{":  # first: a head of 640 bytes begins as a pickle does
        return "safetensors"
    if begin[:1] == b"\x80" and begin[1:2] in (b"\2", b"\3", b"\4", b"\5"):
        return "pytorch"  # a pickle, as torch wrote until 1.5; its loader looks for torch's mark
    if not begin.startswith(b"PK\3\4"):
        return ""
    with zipped(where, file) as members:
        tops = {name.partition("/")[2] for name in members.sizes}
        if "constants.pkl" in tops or any(name.startswith("code/") for name in tops):
            return SCRIPT
        if "archive_format" in tops or "serialized_exported_program.json" in members.sizes:
            return EXPORTED
        if "data.pkl" in tops or "data.pkl" in members.sizes:
            return "pytorch"
        return "keras" if keras_archives.CONFIG in members.sizes else "npz"


def write_file(
    path: str | Path, arrays: Mapping[str, Array], attributes: Mapping[str, Any] | None = None
) -> None:
    """Write arrays into a file of another framework, completely or not at all.

    Parameters
    ----------
    path : str or Path
        Ends with ``.safetensors``, ``.npz`` or ``.weights.h5`` (needs h5py); in the last, ``/`` in
        a name makes groups.
    arrays : dict of str to array
        Numbers.
    attributes : dict, optional
        Texts, dictionaries and lists, as JSON has them.

    Raises
    ------
    ArgumentError, DtypeError
        What the file cannot hold; nothing is written.
    MissingPackageError
        There is no h5py.
    """
    where = "write_file"
    target = check_target(where, path)
    writer = next((w for end, w in WRITERS.items() if target.name.lower().endswith(end)), None)
    if writer is None:
        expected = f"the path must end with one of {', '.join(WRITERS)}"
        fail(ArgumentError, where, expected, brief(target.name), "Rename it.")
    if not isinstance(arrays, Mapping):
        advice = "Pass {name: array}."
        fail(DtypeError, where, "arrays must be a dictionary", describe(arrays), advice)
    for name, value in arrays.items():
        if not isinstance(name, str) or not name:
            expected, advice = "names of arrays must be texts", "Rename it."
            fail(DtypeError, where, expected, describe(name), advice)
        if not isinstance(value, np.ndarray) or value.dtype.kind not in "biufc":
            expected, advice = f"{name!r} must be an array of numbers", "Cast it: astype(float)."
            fail(DtypeError, where, expected, describe(value), advice)
    content = io.BytesIO()
    writer(content, where, arrays, dict(attributes or {}))
    with replacing(target) as file:
        file.write(content.getbuffer())
