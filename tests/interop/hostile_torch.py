"""Bad checkpoints of PyTorch, made with it; kinds as in `hostile`."""

from __future__ import annotations

import io
import pickle
import warnings
import zipfile
from collections import OrderedDict
from typing import Any

import numpy as np
import torch

from tests.files.forged import Rng, pick
from tests.interop.hostile import Case, Command, Good, Kind, draw_arrays, zipped_with


def pt_bytes(value: Any, old: bool = False) -> bytes:
    """A checkpoint, as torch writes it now or as it did until 1.5."""
    stream = io.BytesIO()
    torch.save(value, stream, _use_new_zipfile_serialization=not old)
    return stream.getvalue()


def good_pt(rng: Rng, folder: str, old: bool | None = None) -> Good:
    arrays = draw_arrays(rng)
    tensors = OrderedDict((name, torch.from_numpy(value)) for name, value in arrays.items())
    old = rng.random() < 0.2 if old is None else old
    return Good(pt_bytes(tensors, old), arrays, folder)


def as_zip(rng: Rng, good: Good) -> Good:
    """The file if it is a zip file, or another one that is."""
    return good if good.content.startswith(b"PK") else good_pt(rng, good.folder, old=False)


def members_of(good: Good) -> dict[str, tuple[str, bytes]]:
    """By its last name, the whole name of a member, and its data."""
    with zipfile.ZipFile(io.BytesIO(good.content)) as archive:
        return {name.split("/", 1)[1]: (name, archive.read(name)) for name in archive.namelist()}


def pickles(folder: str) -> list[bytes]:
    """Pickles that run something, go round in circles, unfold to very many, or are none."""
    laughs: Any = [0] * 1000
    circle: list[Any] = []
    circle.append(circle)
    deep: Any = 0
    wide: Any = {}
    for k in range(400):
        deep = [deep, {}]
        wide = {"a": wide, "b": wide} if k < 40 else wide
        laughs = [laughs] * 10 if k < 12 else laughs
    run = f"touch {folder}/this-was-executed".encode()
    call = b"X" + len(run).to_bytes(4, "little") + run + b"\x85R."
    huge = pickle.dumps(10**11, 2)[2:-1] + b"\x85R."
    unusual = (laughs, circle, deep, wide, ["x"] * 100_000, np.ones(3), {1, 2}, OrderedDict)
    return [
        *(pickle.dumps(own, 2) for own in (Command(folder), OrderedDict(a=Command(folder)))),
        *(b"\x80\x02c" + name + b"\n" + call for name in (b"posix\nsystem", b"os\npopen")),
        *(b"\x80\x02c" + name + b"\n" + call for name in (b"builtins\neval", b"torch.hub\nload")),
        *(b"\x80\x02c" + name + b"\nbytearray\n" + huge for name in (b"builtins", b"__builtin__")),
        *(b"\x80\x02ctorch\n" + name + b"\n" + huge for name in (b"empty", b"Tensor", b"Size")),
        *(b"\x80\x02", b"", b".", b"\x80\x02" + b"(" * 10**6 + b".", b"\x80\x02" + b"]" * 10**5),
        *(pickle.dumps(own, 2) for own in unusual),
    ]


def pt_pickle(rng: Rng, good: Good) -> Case:
    text = pick(rng, pickles(good.folder))
    if rng.random() < 0.2:
        return Case(text, {}, refused=False)
    zipped = as_zip(rng, good)
    return Case(zipped_with(zipped, members_of(zipped)["data.pkl"][0], text), {}, refused=False)


def pt_tensor(rng: Rng, good: Good) -> Case:
    """Tensors that unfold, or hold no plain numbers."""
    one, three = torch.zeros(1), torch.ones(3)
    far = torch.tensor([[0, 10**9]])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        quantised = torch.quantize_per_tensor(three, 0.1, 0, torch.qint8)
        sparse = torch.eye(3).to_sparse_csr()
    tensors = [
        *(one.expand(10**6, 10**6), one.expand(10**9), one.expand(2**30, 2**30)),
        *(quantised, torch.eye(3).to_sparse(), sparse),
        *(torch.ones(3, device="meta"), three.to(torch.float8_e4m3fn), three.to(torch.complex128)),
        torch.sparse_coo_tensor(far, torch.ones(2), (10**10,), check_invariants=True),
    ]
    found = {**{k: torch.from_numpy(v) for k, v in good.arrays.items()}, "w": pick(rng, tensors)}
    return Case(pt_bytes(found), good.arrays)


def pt_numbers(rng: Rng, good: Good) -> Case:
    """Sizes, strides and offsets in the pickle that lie."""
    zipped = as_zip(rng, good)
    name, data = members_of(zipped)["data.pkl"]
    text = bytearray(data)
    places = [at for at in range(len(text) - 1) if text[at : at + 1] == b"K"]
    for at in rng.choice(places, min(len(places), int(rng.integers(1, 4))), replace=False):
        text[at + 1] = int(pick(rng, [0, 1, 255, 128, int(rng.integers(256))]))
    if rng.random() < 0.4:
        at = int(pick(rng, places))
        huge = pick(rng, [-1, -(2**31), 2**31 - 1, 2**40, 2**62, 2**63, 2**64])
        text[at : at + 2] = pickle.dumps(huge, 2)[2:-1]
    return Case(zipped_with(zipped, name, bytes(text)), None, refused=False)


def pt_parts(rng: Rng, good: Good) -> Case:
    """Storages that are cut, a byte order or version that is none, TorchScript."""
    zipped = as_zip(rng, good)
    members = members_of(zipped)
    if rng.random() < 0.2:
        stream = io.BytesIO(zipped.content)
        with zipfile.ZipFile(stream, "a") as archive:
            root = members["version"][0].removesuffix("version")
            archive.writestr(f"{root}constants.pkl", b"\x80\x02).")
            archive.writestr(f"{root}code/__torch__.py", b"import os\n")
        return Case(stream.getvalue(), {})
    whole = members["data/0"][1]
    changes = [("data/0", whole[: len(whole) // 2]), ("data/0", b""), ("data/0", whole + bytes(9))]
    changes += [("byteorder", b"big"), ("byteorder", b"middle")]
    changes += [("version", b"99999999999\n"), ("version", b"x")]
    name, data = pick(rng, changes)
    right = None if name == "byteorder" else zipped.arrays
    return Case(zipped_with(zipped, members[name][0], data), right, refused=False)


PT: tuple[Kind, ...] = (pt_pickle, pt_tensor, pt_numbers, pt_parts)
