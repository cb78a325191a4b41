"""Output folders: one process at a time, and nothing is written outside of them.

Files are written completely or not at all, under their own names: a link that is there is replaced
or refused, never followed.
"""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from npstack.core.errors import ArgumentError, DataError, fail
from npstack.files.atomic import LEFT, replacing

try:
    import fcntl
except ImportError:  # Windows, where the first file of a new run decides
    fcntl = None  # type: ignore[assignment]

OVERWRITE = "--overwrite replaces the files that this makes"


def check_empty(where: str, folder: Path, mine: Iterable[str] = (), advice: str = "") -> None:
    """Check that a folder is new, or has only the given files and remains of killed saves.

    Parameters
    ----------
    where : str
    folder : Path
    mine : iterable of str
        Names that may be there.
    advice : str
        What to do with a folder that holds other files, besides choosing another one.
    """
    check_folder(where, "--out", folder)
    if not folder.is_dir():
        return
    found = {path.name for path in folder.iterdir() if not LEFT.fullmatch(path.name)}
    if found - set(mine):
        other = min(found - set(mine))
        expected = f"the folder {str(folder)!r} must be new or empty"
        got = f"one that holds {other!r}" + (" and more" if len(found) > 1 else "")
        fail(ArgumentError, where, expected, got, f"{advice} Or choose another --out.".lstrip())


def check_folder(where: str, name: str, folder: Path) -> None:
    """Check that a folder is there, or can be made."""
    if os.path.lexists(folder) and not folder.is_dir():
        got = "a link that leads nowhere" if folder.is_symlink() else "a file"
        expected = f"{name} must be a folder, or new: {str(folder)!r}"
        fail(ArgumentError, where, expected, got, f"Choose another {name}.")


def make(folder: Path) -> None:
    """Make a folder if there is none, and check at once that files can be made in it."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as trial:
        trial.write(b"room?")


@contextmanager
def claimed(where: str, folder: Path) -> Iterator[None]:
    """Make a folder if there is none, and keep other processes of npstack from filling it.

    The lock is held by the system and ends with the process. Without locks (Windows, some network
    drives), other processes are not kept out.
    """
    make(folder)
    if fcntl is None:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            expected = f"one process at a time may write into {str(folder)!r}"
            advice = "Wait until it is done, or choose another --out."
            fail(ArgumentError, where, expected, "another npstack at work there", advice)
        except OSError:
            pass
        yield
    finally:
        os.close(handle)


def check_own(where: str, folder: Path, names: Iterable[str]) -> None:
    """Check that these names are files in the folder, not links."""
    for name in names:
        path = folder / name
        if path.is_symlink() or (path.exists() and not path.is_file()):
            got = "a link to elsewhere" if path.is_symlink() else "something else"
            advice = "Put a copy of the file in its place, or take another run."
            fail(DataError, where, f"{name} must be a file in this folder", got, advice)


def unlinked(path: Path) -> Path:
    """The path, after removing a link there, so that writing does not follow it."""
    if path.is_symlink():
        with suppress(FileNotFoundError):
            path.unlink()
    return path


def write(path: Path, content: bytes, *, new: bool = False) -> None:
    """Write a file in the folder, completely or not at all."""
    with replacing(path, follow=False, new=new) as file:
        file.write(content)


def check_new(where: str, name: str, path: Path, overwrite: bool) -> None:
    """Check that a file may be replaced, or is not there."""
    if os.path.lexists(path) and not overwrite:
        advice = "Choose another name, or replace it with --overwrite."
        fail(ArgumentError, where, f"{name} must be new", f"{str(path)!r}, which exists", advice)
    if path.is_dir() and not path.is_symlink():
        got = f"{str(path)!r}, which is a folder"
        fail(ArgumentError, where, f"{name} must be a file, or new", got, "Choose another name.")


def write_picture(path: Path, picture: Any) -> None:
    """Write a figure as PNG, completely or not at all."""
    buffer = io.BytesIO()
    picture.savefig(buffer, format="png", dpi=144)
    write(path, buffer.getvalue())
