"""Ways to damage the contents of an archive of npstack: its arrays, its JSON, what they mean.

A kind is a function ``kind(rng, whole) -> bytes``, as in `tests.files.bad_zips`. Container and
digest are right each time.
"""

from __future__ import annotations

import json
import pickle
import struct
from typing import Any

import numpy as np

from tests.files.forged import (
    CANARY,
    Entry,
    Kind,
    Rng,
    Trap,
    archive_bytes,
    entries_of,
    npy_bytes,
    pick,
    pickled_array,
    with_array,
    with_json,
)

DESCRS = ("<i8", "<u8", ">f8", "<f4", "<f2", "<c16", "<U2", "|S8", "<M8[s]", "|b1", "|V8", "|O")
DESCRS += ("<f0", "O8", "float64", "<f16", "<f3", "<f8,<f8", [("a", "<f8")], ("<f8", (2,)), 8, None)
FORMATS = ("npstack-weight", "NPSTACK-WEIGHTS", "torch", "", "\n" * 500, None, 3, ["a"])


# ---- arrays ------------------------------------------------------------------------------------


def array_of(rng: Rng, entries: list[Entry]) -> tuple[int, list[Any], bytes]:
    """One of the arrays: its number, what JSON lists of it, and its bytes."""
    listed = list(json.loads(entries[0].data)["arrays"].values())
    k = int(rng.integers(len(listed)))
    size = 8 * int(np.prod(listed[k][1:]))
    return k, listed[k], entries[k + 1].data[-size:]


def array_shape(rng: Rng, whole: bytes) -> bytes:
    entries = entries_of(whole)
    k, (_, *shape), data = array_of(rng, entries)
    count = len(data) // 8
    wrong = [(count + 1,), (count, 2), (1, 1, *shape), (count - 1,), (count, 1, 1), (), (0, count)]
    new = pick(rng, [s for s in wrong if list(s) != shape])
    told = ["float64", *new] if rng.random() < 0.5 else None
    if told and np.prod(new) != count and rng.random() < 0.5:  # all agree, but with the model
        data = bytes(8 * int(np.prod(new)))
    return archive_bytes(with_array(entries, k, npy_bytes("<f8", new, data), told))


def array_dtype(rng: Rng, whole: bytes) -> bytes:
    entries = entries_of(whole)
    k, (_, *shape), data = array_of(rng, entries)
    descr = pick(rng, DESCRS)
    listed = pick(rng, [None, [str(descr), *shape], ["int64", *shape], ["float32", *shape]])
    return archive_bytes(with_array(entries, k, npy_bytes(descr, tuple(shape), data), listed))


def array_of_objects(rng: Rng, whole: bytes) -> bytes:
    entries = entries_of(whole)
    k, (_, *shape), _data = array_of(rng, entries)
    traps = [
        pickled_array(Trap()),
        npy_bytes("|O", (1,), pickle.dumps(np.array([Trap()], object))),
        npy_bytes("|O", tuple(shape), pickle.dumps(Trap())),
        npy_bytes([("a", "|O"), ("b", "<f8")], (1,), pickle.dumps([Trap()])),
        pickle.dumps(Trap()),
    ]
    listed = pick(rng, [None, ["object", 1], ["object", *shape], ["float64", *shape]])
    return archive_bytes(with_array(entries, k, pick(rng, traps), listed))


def huge_array(rng: Rng, whole: bytes) -> bytes:
    entries = entries_of(whole)
    k, _, data = array_of(rng, entries)
    large = int(10 ** rng.uniform(9, 17))
    shapes = [(large,), (large, large), (10**30,), (2**61, 8), (-1,), (-large, 4), (0, large)]
    shape = pick(rng, [*shapes, (1,) * 70, (2**32, 2**32), (large, 0, large)])
    listed = pick(rng, [None, ["float64", *shape]])
    npy = npy_bytes("<f8", shape, data, fortran=bool(rng.integers(2)))
    return archive_bytes(with_array(entries, k, npy, listed))


def array_header(rng: Rng, whole: bytes) -> bytes:
    entries = entries_of(whole)
    k, (_, *shape), data = array_of(rng, entries)
    right = npy_bytes("<f8", tuple(shape), data)
    code = b"__import__('builtins').open('" + CANARY.encode() + b"', 'w')"
    plain = b"{'descr': '<f8', 'fortran_order': False, 'shape': %s, }\n"
    headers = [
        plain % b"(3 4)",
        plain % b"(3.0,)",
        plain % b"[3, 4]",
        plain % b"(True,)",
        plain % b"(3)",
        plain % b"(03,)",
        plain % b"(3L,)",
        plain % (b"(" * 3000 + b")" * 3000),
        plain % (b"-" * 5000 + b"1"),
        plain % code,
        b"{'descr': %s, 'fortran_order': False, 'shape': (3,), }\n" % code,
        b"{'descr': '<f8', 'shape': (3,), }\n",
        b"{'descr': '<f8', 'fortran_order': 0, 'shape': (3,), }\n",
        b"{'descr': '<f8', 'fortran_order': False, 'shape': (3,), 'more': 1, }\n",
        b"{[]: 1}\n",
        code,
        b"\xff\xfe" * 40,
        b"",
    ]
    whole_files = [
        b"\x93NUMPY\2\0" + struct.pack("<I", 2**32 - 1) + right[10:],  # 4 GB of header
        b"\x93NUMPY\3\0" + struct.pack("<I", len(right) - 10) + right[10:],
        b"\x93NUMPY\1\0" + struct.pack("<H", 65535) + right[10:],
        b"\x93NUMPY\1\0" + struct.pack("<H", 3) + right[10:],
        b"\x93NUMPX" + right[6:],
        right[: int(rng.integers(len(right) - 8 * 1))],
        right + b"\0",
    ]
    forged = [npy_bytes(None, None, data, header=header) for header in headers]
    return archive_bytes(with_array(entries, k, pick(rng, [*forged, *whole_files])))


# ---- JSON --------------------------------------------------------------------------------------


def json_text(rng: Rng, whole: bytes) -> bytes:
    entries = entries_of(whole)
    text = entries[0].data
    depth = int(rng.integers(70, 50_000))
    new = pick(
        rng,
        [
            b"[" * depth + b"]" * depth,
            b'{"a":' * depth + b"1" + b"}" * depth,
            b"[" * 150_000,
            b"[" + b"[]," * 300_000 + b"[]]",
            b"[" + b"1e1," * 300_000 + b"1]",
            b"{" + b",".join(b'"%d":1' % i for i in range(210_000)) + b"}",
            b" " * (2**24 + 1),
            text.replace(b'"version": ', b'"version": NaN, "more": '),
            text.replace(b'"version": ', b'"version": -Infinity, "more": '),
            text.replace(b'"version": ', b'"version": 1e999, "more": '),
            text.replace(b'"version": ', b'"version": ' + b"9" * 10_000 + b', "more": '),
            text.replace(b'"version": ', b'"version": 1, "version": '),
            text[: int(rng.integers(len(text)))],
            text + b"}",
            text[:-1],
            b"\xef\xbb\xbf" + text,
            text.decode().encode("utf-16"),
            text.replace(b'"format"', b'"form\xffat"'),
            b"",
            b"null",
            b"[]",
            b"3",
            b'"' + b"x" * 1000 + b'"',
            b"{}",
            rng.bytes(200),
        ],
    )
    return archive_bytes(with_json(entries, new))


def json_fields(rng: Rng, whole: bytes) -> bytes:
    entries = entries_of(whole)
    values = json.loads(entries[0].data)
    name = pick(rng, [name for name in values if name not in ("format", "version")])
    style = int(rng.integers(3))
    if style == 0:
        del values[name]
    elif style == 1:
        values[pick(rng, ["more", "Config", name + " "])] = 1
    else:
        wrong = [None, True, 1.5, [], "\ud800", {"a": {"b": [1, 2]}}, 12, [[1]], -1]
        values[name] = pick(
            rng, [value for value in wrong if type(value) is not type(values[name])]
        )
    return archive_bytes(with_json(entries, json.dumps(values).encode()))


def another_version(rng: Rng, whole: bytes) -> bytes:
    def change(values: Any) -> None:
        own = values["version"]
        if rng.random() < 0.5:
            values["format"] = pick(rng, FORMATS)
        else:
            versions = [0, own + 1, 99, -1, str(own), None, [own], True, float(own)]
            values["version"] = pick(rng, versions)

    return archive_bytes(with_json(entries_of(whole), change))


def array_list(rng: Rng, whole: bytes) -> bytes:
    """The list of arrays in JSON differs from the arrays."""

    def change(values: Any) -> None:
        arrays = values["arrays"]
        name = pick(rng, arrays)
        style = int(rng.integers(5))
        if style == 0:
            del arrays[name]
        elif style == 1:
            arrays["params/more"] = ["float64", 3]
        elif style == 2:
            arrays[name] = pick(rng, [None, [], "float64", ["float64"], [*arrays[name], 1], 7, {}])
        elif style == 3:
            arrays[pick(rng, ["../b", "", "b\n", "a/b/c", "params/" + "a" * 300])] = arrays.pop(
                name
            )
        else:
            arrays[name] = ["int64", *arrays[name][1:]]

    return archive_bytes(with_json(entries_of(whole), change))


# ---- checkpoints only: what is in them ----------------------------------------------------------


def history_changed(rng: Rng, whole: bytes) -> bytes:
    def change(values: Any) -> None:
        history = values["history"]
        name = pick(rng, history)
        wrong = [None, "x", [[]], ["a"], {}, 3.5, [1.0] * 40, -1, [True], [None, {"a": 1}], 10**9]
        if name == "stopped":
            wrong = [None, 3, ["early"], True]
        if name == "best_epoch":
            wrong = ["1", 0, -1, 99, [1], True, {}]
        if rng.random() < 0.2:
            del history[name]
        elif rng.random() < 0.2:
            history["more"] = []
        else:
            history[name] = pick(rng, wrong)

    return archive_bytes(with_json(entries_of(whole), change))


def random_state_changed(rng: Rng, whole: bytes) -> bytes:
    def change(values: Any) -> None:
        state = values["random"]
        inner = state["state"]
        style = int(rng.integers(6))
        if style == 0:
            state["bit_generator"] = pick(
                rng, ["os", "Generator", "__import__", "MT19937", None, 3, "", ["PCG64"], "PCG65"]
            )
        elif style == 1:
            del state[pick(rng, state)]
        elif style == 2:
            inner[pick(rng, inner)] = pick(rng, [-1, 2**128, 1.5, None, "7", [], 10**300])
        elif style == 3:
            state[pick(rng, state)] = pick(rng, [-1, 2**64, [], None, {}, "x"])
        elif style == 4:  # other generators, with positions outside their arrays
            key, pos = (
                [int(k) for k in rng.integers(0, 2**32, 624)],
                pick(rng, [-1, 625, 2**31, 1e3]),
            )
            values["random"] = {"bit_generator": "MT19937", "state": {"key": key, "pos": pos}}
        else:
            state = dict(np.random.Philox(0).state)
            state = {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in state.items()}
            state["state"] = {k: v.tolist() for k, v in state["state"].items()}
            values["random"] = {**state, "buffer_pos": pick(rng, [-1, 5, -(2**31), 2**31])}

    return archive_bytes(with_json(entries_of(whole), change))


def optimiser_changed(rng: Rng, whole: bytes) -> bytes:
    entries = entries_of(whole)
    names = [entry.name.decode() for entry in entries]
    k = pick(rng, [k for k, name in enumerate(names) if name.startswith(("state/", "best/"))])
    style = int(rng.integers(3))
    if style == 0:
        steps = pick(rng, [-1, 1.5, None, "9", True, [1], {}])
        return archive_bytes(with_json(entries, lambda values: values.update(steps=steps)))
    new = (1, *rng.integers(1, 9, 3)) if style == 1 else None
    listed = json.loads(entries[0].data)["arrays"]
    old = names[k].removesuffix(".npy")
    part, _, rest = old.partition("/")
    name = old if new else f"{part}/{pick(rng, ['m', 'm.more', 'b', rest + 'x', 'v.0'])}"
    shape = [int(n) for n in new or listed[old][1:]]
    npy = npy_bytes("<f8", tuple(shape), bytes(8 * int(np.prod(shape))))

    def change(values: Any) -> None:
        items = list(values["arrays"].items())
        items[k - 1] = (name, ["float64", *shape])
        values["arrays"] = dict(items)

    entries[k] = Entry(f"{name}.npy".encode(), npy)
    return archive_bytes(with_json(entries, change))


# ---- runs only: what fit must notice -------------------------------------------------------------


def run_changed(rng: Rng, whole: bytes) -> bytes:
    """Settings of another run, an optimiser that cannot go on, a history with holes."""
    entries = entries_of(whole)
    listed = list(json.loads(entries[0].data)["arrays"])
    params = [name.removeprefix("params/") for name in listed if name.startswith("params/")]
    lost: list[str] = []
    style = pick(rng, ["fit", "config", "optimiser", "kind", "parameter", "all", "steps", "epochs"])
    if style in ("kind", "parameter", "all"):
        one, kind = pick(rng, params), pick(rng, "mv")
        ends = {"kind": f"state/{kind}.", "parameter": one, "all": "state/"}[style]
        lost = [n for n in listed if n.startswith("state/") and (ends in n or n.endswith(ends))]
        entries = [e for e in entries if e.name.decode().removesuffix(".npy") not in lost]

    def change(values: Any) -> None:
        run = values["config"]["fit"]
        if style == "fit":
            run[pick(rng, run)] = pick(rng, [None, "x", -1, [1], {}, "y" * 5000, 10**50, 2.5])
        elif style == "config":
            config = [{}, {"fit": 3}, {"fit": []}, {"fit": None}, {"fit": {}}, {"fat": run}]
            values["config"] = pick(rng, config)
        elif style == "optimiser":
            name = pick(rng, ["os.system", "Adam", "SGD", None, "__class__", 3])
            values["optimiser"] = pick(rng, [{}, {"name": name}, {"learning_rate": [[]]}])
        elif style == "steps":
            values["steps"] = pick(rng, [0, 2**63, 10**40])
        elif style == "epochs":
            history = values["history"]
            if rng.random() < 0.5:
                history[pick(rng, ["train_loss", "seconds", "learning_rate"])] = []
            else:
                columns = {
                    name: [*value, *value, *value]
                    for name, value in history.items()
                    if value and isinstance(value, list)
                }
                values["history"] = {**history, **columns, "epochs": list(range(1, 7))}
        for name in lost:
            del values["arrays"][name]

    return archive_bytes(with_json(entries, change))


ARRAYS: tuple[Kind, ...] = (array_shape, array_dtype, array_of_objects, huge_array, array_header)
TEXTS: tuple[Kind, ...] = (json_text, json_fields, another_version, array_list)
OF_CHECKPOINTS: tuple[Kind, ...] = (history_changed, random_state_changed, optimiser_changed)
OF_RUNS: tuple[Kind, ...] = (run_changed,)
