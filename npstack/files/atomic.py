"""Files that are written completely or not at all, even if the process is killed or power fails."""

from __future__ import annotations

import glob
import os
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


def previous_of(path: Path) -> Path:
    """The name under which a replaced file is kept."""
    path = path.resolve()
    return path.with_name(path.name + PREVIOUS)


@contextmanager
def replacing(path: Path, keep_previous: bool = False) -> Iterator[BinaryIO]:
    """Write to a file next to ``path`` that replaces it when the block ends without an error.

    Until then, and if the block raises, ``path`` does not change. The new bytes are on the disk
    before the file is renamed, so that ``path`` is a complete file at every moment.

    Parameters
    ----------
    path : Path
        The file to write. Its folder must exist. Of a symbolic link, the target is replaced.
    keep_previous : bool
        Keep the file that is replaced, under the name `previous_of` (where the file system has
        hard links).

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
    path = path.resolve()
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
            os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sweep(path: Path) -> None:
    """Remove what saves that were killed have left: parts that no process holds a lock on."""
    for left in path.parent.glob(f"{glob.escape(path.name)}.*{PART}"):
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
