"""Bad HDF5 files, made with h5py, and bad ``.keras`` archives; kinds as in `hostile`."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from typing import Any

import h5py
import numpy as np

from tests.files.forged import Rng, pick
from tests.interop.hostile import (
    Arrays,
    Case,
    Command,
    Good,
    Kind,
    draw_arrays,
    zipped_with,
)

# ---- HDF5 --------------------------------------------------------------------------------------


def h5_bytes(arrays: Arrays, change: Any = None) -> bytes:
    """An HDF5 file as Keras writes it; ``change(file)`` adds the harm."""
    memory = io.BytesIO()
    with h5py.File(memory, "w") as file:
        file.attrs["keras_version"] = "2.2.4"
        for name, value in arrays.items():
            file[f"layer/{name}"] = value
        if change is not None:
            change(file)
    return memory.getvalue()


def in_layer(arrays: Arrays) -> Arrays:
    return {f"layer/{name}": value for name, value in arrays.items()}


def good_h5(rng: Rng, folder: str) -> Good:
    arrays = draw_arrays(rng)
    return Good(h5_bytes(arrays), in_layer(arrays), folder)


def plain(good: Good) -> Arrays:
    return {name.removeprefix("layer/"): value for name, value in good.arrays.items()}


def h5_overwritten(rng: Rng, good: Good) -> Case:
    """Bytes of its own structures changed: signatures, addresses, sizes, types, heaps."""
    spoilt = bytearray(good.content)
    places = [good.content.find(mark) for mark in (b"TREE", b"HEAP", b"SNOD", b"GCOL")]
    start = pick(rng, [0, *[at for at in places if at >= 0]])
    for _ in range(int(rng.integers(1, 20))):
        at = start + int(rng.integers(120))
        if at < len(spoilt):
            spoilt[at] = int(pick(rng, [0, 255, 127, 128, int(rng.integers(256))]))
    return Case(bytes(spoilt), None, refused=False)


def h5_link(rng: Rng, good: Good) -> Case:
    """Links to other names and files, and groups that contain themselves."""
    style = int(rng.integers(6))
    names = ["../../secret.h5", "/etc/passwd", f"{good.folder}/other.h5", "bad.h5"]

    def change(file: Any) -> None:
        if style == 0:
            file["layer/more"] = h5py.ExternalLink(pick(rng, names), "/w")
        elif style == 1:
            file["layer/more"] = h5py.SoftLink(pick(rng, ["/layer", "/nothing", "/layer/more"]))
        elif style == 2:
            file["layer/again"] = pick(rng, [file["layer"], file["/"]])
        elif style == 3:
            one, two = file.create_group("one"), file.create_group("two")
            one["two"], two["one"] = two, one
        elif style == 4:  # every level twice: two to the power of thirty paths
            group = file.create_group("deep")
            for _ in range(30):
                below = group.create_group("a")
                group["b"] = below
                group = below
        else:
            file["again"] = file["layer/bias"]

    return Case(h5_bytes(plain(good), change), good.arrays)


def h5_elsewhere(rng: Rng, good: Good) -> Case:
    """Numbers that are in other files."""

    def change(file: Any) -> None:
        if rng.random() < 0.5:
            place = pick(rng, ["/etc/passwd", "../../x", f"{good.folder}/bad.h5", "bad.h5"])
            file.create_dataset("layer/more", (10,), "u1", external=[(place, 0, 10)])
        else:
            layout = h5py.VirtualLayout((4,), "f4")
            layout[:] = h5py.VirtualSource(pick(rng, ["/etc/x.h5", "../x.h5", "."]), "w", (4,))
            file.create_virtual_dataset("layer/more", layout)

    return Case(h5_bytes(plain(good), change), good.arrays)


def h5_huge(rng: Rng, good: Good) -> Case:
    """Shapes, chunks and compression that ask for more memory than there is."""
    style = int(rng.integers(5))

    def change(file: Any) -> None:
        make = file.create_dataset
        if style == 0:
            shape = pick(rng, [(2**20, 2**20), (2**31,), (2**62,), (2**40, 2**40)])
            make("layer/more", shape, "f4", chunks=(2**10,) * len(shape))
        elif style == 1:
            data = np.zeros(int(rng.integers(8, 20)) * 10**7, np.uint8)
            make("layer/more", data=data, chunks=(10**6,), compression="gzip", compression_opts=9)
        elif style == 2:
            more = make("layer/more", (2**28,), "u1", chunks=(2**28,), compression="gzip")
            more.id.write_direct_chunk((0,), b"x\x9c" + bytes(20))
        elif style == 3:
            for k in range(100):
                make(f"layer/more{k}", (10**6,), "f4")
        else:
            make("layer/more", (2**33,), "f8")

    return Case(h5_bytes(plain(good), change), good.arrays)


def h5_type(rng: Rng, good: Good) -> Case:
    """What is no array of numbers: texts, references, records, objects, empty things."""
    texts, references = h5py.string_dtype(), h5py.ref_dtype
    style = int(rng.integers(8))

    def change(file: Any) -> None:
        make = file.create_dataset
        if style == 0:
            make("layer/more", data=["text", "other"], dtype=texts)
        elif style == 1:
            make("layer/more", (1,), references)[0] = file["layer"].ref
        elif style == 2:
            make("layer/more", (2,), np.dtype([("a", "f4"), ("b", "i4")]))
        elif style == 3:
            make("layer/more", (2,), h5py.vlen_dtype(np.float32))
        elif style == 4:
            make("layer/more", data=np.void(pickle.dumps(Command(good.folder))))
        elif style == 5:
            make("layer/more", data=h5py.Empty("f4"))
        elif style == 6:
            file["layer/more"] = np.dtype("f8")
        else:
            make("layer/more", data=np.array([b"abc", b"d"]))

    return Case(h5_bytes(plain(good), change), good.arrays)


def h5_attribute(rng: Rng, good: Good) -> Case:
    """Attributes that are deep, long, no text, or no number: the arrays are right."""

    def change(file: Any) -> None:
        owner = pick(rng, [file, file["layer"]])
        values = [
            *("[" * 100_000, '{"a":' * 5000, '{"a": 1, "a": 2}', "__import__('os').system('x')"),
            *(np.array([np.nan, np.inf]), h5py.Empty("f4"), np.void(b"\x80\x04."), "x" * 10**6),
            *(file["layer"].ref, np.zeros(3, [("a", "f4")]), b"\xff\xfe", -(2**63), '{"x": NaN}'),
        ]
        owner.attrs[pick(rng, ["model_config", "keras_version", "é"])] = pick(rng, values)

    return Case(h5_bytes(plain(good), change), good.arrays, refused=False)


def h5_deep(rng: Rng, good: Good) -> Case:
    """Groups within groups, or more of them than any model has."""

    def change(file: Any) -> None:
        if rng.random() < 0.85:
            file.create_group("/".join("a" * int(rng.integers(66, 400))))
        else:
            for k in range(60_001):
                file.create_group(f"g{k}")

    return Case(h5_bytes(plain(good), change), good.arrays)


# ---- keras -------------------------------------------------------------------------------------

CONFIG = {"class_name": "Sequential", "config": {"name": "s", "layers": []}}


def good_keras(rng: Rng, folder: str) -> Good:
    arrays, stream = draw_arrays(rng), io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.15.1"}))
        archive.writestr("config.json", json.dumps(CONFIG))
        archive.writestr("model.weights.h5", h5_bytes(arrays))
    return Good(stream.getvalue(), in_layer(arrays), folder)


def keras_config(rng: Rng, good: Good) -> Case:
    """JSON that is deep, long, ambiguous, or none; layers that keras would build or run."""
    code = {"class_name": "Lambda", "config": {"function": ["4wEAAAA=", None, None]}}
    module = {"module": "os", "class_name": "system", "config": {"command": "touch x"}}
    bad = [
        *(b"[" * 100_000, b'{"a":' * 100_000, b'{"a": 1, "a": 2}', b"[]", b"", b"null", b'"x"'),
        *(b'{"a": NaN}', b'{"a": 1e999}', b"\xff\xfe{}", b"{'a': 1}", b'{"a": ' + b"9" * 9999),
        *(b'{"a": [' + b"[]," * 300_000 + b"[]]}", b"\x80\x04.", b"\0" * 100),
    ]
    if rng.random() < 0.3:
        text = json.dumps({**CONFIG, "config": {"layers": [pick(rng, [code, module])]}}).encode()
        return Case(zipped_with(good, "config.json", text), good.arrays, refused=False)
    name = pick(rng, ["config.json", "metadata.json"])
    return Case(zipped_with(good, name, pick(rng, bad)), good.arrays)


def keras_weights(rng: Rng, good: Good) -> Case:
    """A hostile HDF5 file in the archive, or something else in its place."""
    inner = Good(h5_bytes(plain(good)), good.arrays, good.folder)
    if rng.random() < 0.3:
        others = [b"", pickle.dumps(Command(good.folder)), rng.bytes(999), b"\x89HDF\r\n\x1a\n"]
        return Case(zipped_with(good, "model.weights.h5", pick(rng, others)), good.arrays)
    case = pick(rng, H5)(rng, inner)
    return case._replace(content=zipped_with(good, "model.weights.h5", case.content))


H5: tuple[Kind, ...] = (
    *(h5_overwritten, h5_link, h5_elsewhere, h5_huge, h5_type, h5_attribute, h5_deep),
)
KERAS: tuple[Kind, ...] = (keras_config, keras_weights)
