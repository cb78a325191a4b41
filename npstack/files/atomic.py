"""Files that are written completely or not at all, even if the process is killed or power fails."""

from __future__ import annotations

import errno
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # Windows, which removes and renames no open file anyway
    fcntl = None  # type: ignore[assignment]

PART, PREVIOUS = ".part", ".previous"
LEFT = re.compile(r"(.+)\.[0-9a-f]{8}\.part", re.DOTALL)  # what a killed save leaves: of which file


def previous_of(path: Path) -> Path:
    """The name under which a replaced file is kept."""
    path = path.resolve()
    return path.with_name(path.name + PREVIOUS)


@contextmanager
def replacing(
    path: Path, keep_previous: bool = False, *, follow: bool = True, new: bool = False
) -> Iterator[BinaryIO]:
    """Write to a file next to ``path`` that replaces it when the block ends without an error.

    Until then, and if the block raises, ``path`` does not change. The new bytes are on the disk
    before the file is renamed, so that ``path`` is a complete file at every moment.

    Parameters
    ----------
    path : Path
        The file to write. Its folder must exist.
    keep_previous : bool
        Keep the file that is replaced, under the name `previous_of` (where the file system has
        hard links).
    follow : bool
        If ``path`` is a symbolic link, replace its target. Otherwise the link itself is replaced:
        nothing outside of the folder is touched.
    new : bool
        Replace nothing: FileExistsError if a file of this name exists when the block ends. If two
        processes write it, one of them gets this error.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "a.txt")
    ...     with replacing(path) as file:
    ...         _ = file.write(b"whole")
    ...     [found.name for found in Path(folder).iterdir()], path.read_bytes()
    (['a.txt'], b'whole')
    """
    path = path.resolve() if follow else Path(os.path.realpath(path.parent), path.name)
    _sweep(path)
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}{PART}")
    try:
        with open(part, "xb") as file:
            with suppress(OSError):  # not every file system has locks
                _lock(file)
            yield file
            file.flush()
            os.fsync(file.fileno())
            if fcntl is None:
                file.close()
            if keep_previous and path.exists():
                previous_of(path).unlink(missing_ok=True)
                with suppress(OSError):
                    os.link(path, previous_of(path))
            if new:
                _take_name(part, path)
            else:
                os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _take_name(part: Path, path: Path) -> None:
    """Give a file a name that is free, or raise FileExistsError."""
    if os.name == "nt":  # where renaming replaces nothing
        os.rename(part, path)
        return
    try:
        os.link(part, path)
    except FileExistsError:
        raise
    except OSError:  # no hard links: between this look and the renaming, there is a moment
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
        os.replace(part, path)
    part.unlink(missing_ok=True)


def _sweep(path: Path) -> None:
    """Remove what saves that were killed have left: parts that no process holds a lock on."""
    for left in path.parent.iterdir():
        found = LEFT.fullmatch(left.name)
        if found is None or found[1] != path.name or left.is_symlink() or not left.is_file():
            continue
        with suppress(OSError), open(left, "rb") as file:
            _lock(file)
            if fcntl is None:
                file.close()
            left.unlink()


def _lock(file: BinaryIO) -> None:
    """Lock an open file, or raise OSError; the system unlocks it when its process ends."""
    if fcntl is not None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _sync_folder(folder: Path) -> None:
    """Flush a folder's list of names to the disk, if the system can."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
