"""Checks of paths: which names are accepted, and which files are read or written.

Every path is checked here. It leads to a file, or an error says what it is instead: reading a pipe
or a device would never end, and a number would be a stream of the process.
"""

from __future__ import annotations

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path

from npstack.core.errors import ArgumentError, DataError, DtypeError, describe, fail

KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}
IN_CIRCLES = "a link that leads back to itself"


def check_path(where: str, path: object, name: str = "path") -> Path:
    """Check the name of a file, which need not exist.

    Examples
    --------
    >>> check_path("load_csv", "rain.csv").name
    'rain.csv'
    """
    advice = "Give a name, for example 'data.csv'."
    try:
        text = os.fspath(path)  # type: ignore[call-overload]
    except TypeError:
        text = None
    if not isinstance(text, str):
        advice = "Use os.fsdecode(path)." if isinstance(path, bytes) else advice
        fail(DtypeError, where, f"{name} must be a str or a Path", describe(path), advice)
    if not text:
        fail(ArgumentError, where, f"{name} must name a file", "''", advice)
    if "\0" in text:
        advice = "Take it out: no file has one in its name."
        fail(ArgumentError, where, f"{name} must have no zero character", describe(text), advice)
    first = (*Path(text).parts, "")[0]
    at_home = first == "~" or (first.startswith("~") and first != text)
    if at_home and not os.path.lexists(first):
        advice = f"For your home folder, use Path({text!r}).expanduser()."
        fail(ArgumentError, where, f"{name} must be spelt out", describe(text), advice)
    return Path(text)


def of_file(function: str, path: object) -> str:
    """How an error names a call: with its path, if it is one.

    Examples
    --------
    >>> of_file("load_csv", "rain.csv"), of_file("load_csv", None)
    ("load_csv('rain.csv')", 'load_csv')
    """
    return f"{function}({str(path)!r})" if isinstance(path, str | os.PathLike) else function


def _kind_of(path: Path) -> str | None:
    """What a path leads to, if it is not a file; None for a file. OSError if there is nothing."""
    try:
        mode = stat.S_IFMT(path.stat().st_mode)
    except OSError as error:
        if error.errno == errno.ELOOP:
            return IN_CIRCLES
        raise
    return None if mode == stat.S_IFREG else KINDS.get(mode, "something else")


def open_file(
    where: str, path: object, most_bytes: int | None = None, advice: str = ""
) -> BufferedReader:
    """Open a file for reading, after a check of its kind and size.

    Parameters
    ----------
    where : str
        The function that the user called, and the file, for errors.
    path : str or Path
    most_bytes : int, optional
        The largest size allowed.
    advice : str
        What to do with a larger one; by default, to allow more by an argument.

    Raises
    ------
    DataError
        It is a folder, a pipe, a device, or too large.
    OSError
        There is no such file, or it cannot be read.
    """
    place = check_path(where, path)
    kind = _kind_of(place)
    if kind is not None:
        other = "Give the path of a file; save there first what comes from elsewhere."
        fail(DataError, where, "path must lead to a file", kind, other)
    file = open(place, "rb")  # noqa: SIM115 (the caller closes it)
    size = os.fstat(file.fileno()).st_size
    if most_bytes is not None and size > most_bytes:
        file.close()
        expected, got = f"the file must have at most {most_bytes:,} bytes", f"{size:,}"
        more = f"Is it the right file? Then allow more: most_bytes={size}."
        fail(DataError, where, expected, got, advice or more, typed=advice or "Make it smaller.")
    return file


def check_target(where: str, path: object, name: str = "path") -> Path:
    """Check that a file may be written: its folder exists, and only a file would be replaced.

    Raises
    ------
    ArgumentError
        The path leads to a folder, a pipe or a device, or its folder does not exist.
    """
    place = check_path(where, path, name)
    try:
        kind = _kind_of(place)
    except FileNotFoundError:
        kind = None
    except NotADirectoryError:
        kind = "a path that goes through a file"
    if kind is not None:
        advice = "Give the name of a new file, or of one to be replaced."
        fail(ArgumentError, where, f"{name} must be free, or lead to a file", kind, advice)
    if not place.resolve().parent.is_dir():
        expected, got = f"the folder of {name} must exist", f"{str(place.parent)!r}, which does not"
        fail(ArgumentError, where, expected, got, "Make it: Path.mkdir.")
    return place
