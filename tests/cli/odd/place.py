"""Where the cases happen: a folder of files and runs, and one beside it that nobody may touch."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import socket
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from npstack.cli import runs
from tests.cli.small_runs import FOLDERS, learn_all

SPARSE = 2**33  # bytes that take no room on the disk
RUNS = {"forecast": "f", "classify": "c", "text": "t"}  # folder of the run of each task


def template(folder: Path) -> Path:
    """Files, a run of each task that has learned from them, and somebody's files beside."""
    work, outside = folder / "work", folder / "outside"
    work.mkdir(parents=True)
    outside.mkdir()
    learn_all(work)
    for task, name in RUNS.items():
        (work / FOLDERS[task]).rename(work / name)
    with contextlib.chdir(work):
        np.savez("sales.npz", sold=np.arange(80.0), rain=np.ones(80))
        x = np.random.default_rng(0).random((20, 4, 2))
        np.savez("signs.npz", x=x, y=np.arange(20) % 2)
    for name in ("secret.txt", "target.csv", "checkpoint.npz", "config.json"):
        (outside / name).write_text(f"{name} is somebody's\n" * 9)
    return folder


def made_anew(source: Path, target: Path) -> Path:
    """A copy of the template; the folder in which the command runs."""
    shutil.copytree(source, target, symlinks=True)
    for path in (target, *target.rglob("*")):  # that another user may read it, too
        path.chmod(0o755 if path.is_dir() else 0o644)
    return target / "work"


def move_data(work: Path, target: Path) -> None:
    """Let the runs of the template look for their data where copies of it will stand."""
    for name in RUNS.values():
        found = runs.open_run(work / name)
        replace(found, data=target / found.data.name).save()


def snapshot(folder: Path) -> dict[str, Any]:
    """Kind, rights, size, time and content of everything; huge files by their size."""
    found = {}
    for path in sorted(folder.rglob("*")):
        state = path.lstat()
        content = ""
        if path.is_symlink():
            content = os.readlink(path)
        elif stat.S_ISREG(state.st_mode) and state.st_size < 10**7:
            content = hashlib.sha256(path.read_bytes()).hexdigest()
        is_folder = stat.S_ISDIR(state.st_mode)
        size = 0 if is_folder else state.st_size  # a folder's changes with what is in it
        when = 0 if is_folder else state.st_mtime_ns
        found[str(path.relative_to(folder))] = (state.st_mode, size, when, content)
    return found


def changed(before: dict[str, Any], after: dict[str, Any], makes: tuple[str, ...]) -> list[str]:
    """What is new, gone or another, beyond what the command may make."""
    names = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    allowed = [f"work/{name}" for name in makes]
    return sorted(
        name
        for name in names
        if not any(name == made or name.startswith(f"{made}/") for made in allowed)
    )


# ---- what may stand in the place of a file -------------------------------------------------------


def put(path: Path, kind: str) -> None:
    """Something odd under a name, whatever was there."""
    if path.is_symlink() or path.is_file():
        path.unlink()
    outside = path.parents[len(path.parts) - path.parts.index("work")] / "outside"
    if kind in CONTENTS:
        path.write_bytes(CONTENTS[kind])
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "socket":
        here = os.getcwd()
        os.chdir(path.parent)  # the names of sockets must be short
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
        os.chdir(here)
    elif kind == "loop":
        path.symlink_to(path.name)
    elif kind == "dangling":
        path.symlink_to("nowhere")
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "link":
        path.symlink_to(outside / "secret.txt")
    elif kind == "unreadable":
        path.write_text("secret")
        path.chmod(0)
    else:
        assert kind == "sparse", kind
        path.write_bytes(b"a,b\n1,2\n" if path.suffix != ".npz" else b"PK\3\4")
        os.truncate(path, SPARSE)


TEXT = "a,b\n1,2\n" * 20
CONTENTS: dict[str, bytes] = {
    "empty": b"",
    "one byte": b"x",
    "zeros": bytes(1000),
    "random bytes": np.random.default_rng(0).bytes(3000),
    "UTF-16": TEXT.encode("utf-16"),
    "Latin-1": "größe\n1\n".encode("latin-1") * 50,
    "gzip": b"\x1f\x8b" + bytes(range(200)),
    "zip": b"PK\3\4" + bytes(range(200)),
    "picture": b"\x89PNG\r\n\x1a\n" + bytes(range(200)),
    "one long line": b"1," * 500_000,
    "headings alone": b"sequence,u,v,label,sold\n",
    "a brace": b"{",
    "an empty list": b"[]",
    "null": b"null",
    "deep": b"[" * 100_000,
    "a key twice": b'{"format": 1, "format": 2}',
    "not a number": b'{"format": NaN}',
    "many digits": b'{"format": ' + b"9" * 5000 + b"}",
    "half a letter": b'{"format": "\xc3"}',
}
