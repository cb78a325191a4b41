"""PyTorch's checkpoints: nested dictionaries of tensors, read by its weights-only loader.

The loader makes tensors and plain values, and no object of any other class. It runs in the child
process: it is a program of its own size, and the archive below it is read by C++.
"""

from __future__ import annotations

import io
import pickle
import re
from typing import Any, BinaryIO

from npstack.core.errors import DataError, fail
from npstack.core.numerics import Array
from npstack.files.strict_json import brief
from npstack.interop.files.child import in_child, needs_package
from npstack.interop.files.stored import (
    MOST_LEVELS,
    SPOILT,
    Stored,
    check_few,
    check_total,
    words_of,
)
from npstack.interop.files.zipped import zipped

TRUSTED = (
    "Loading these could run code. Only if you trust who made it: load it with torch.load(path, "
    "weights_only=False), and pass model.state_dict()."
)
UNSUMMED = "Saved with set_crc32_options(False)? Then load it in torch, and pass its state_dict()."
GLOBAL = re.compile(r"(?:GLOBAL|class|function) ([\w.]+)")
PLAIN = (bool, int, float, str)
LONGEST = 200  # characters that tell what another value is
KEPT = (
    *("bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"),
    *("float16", "float32", "float64", "complex64"),
)


def read(where: str, source: BinaryIO) -> Stored:
    """Read a checkpoint; names are joined by dots: ``model_state.lstm.weight_ih_l0``.

    Raises
    ------
    DataError
        It is damaged, holds other objects, or tensors without plain numbers.
    MissingPackageError
        There is no torch.
    """
    source.seek(0)
    if source.read(2) == b"PK":
        _check_sums(where, source)
    name = f"{__name__}:load"
    attributes, arrays = in_child(name, source, where, where=where, package="torch")
    return Stored(arrays, attributes, "pytorch")


def _check_sums(where: str, source: BinaryIO) -> None:
    """Compare the checksums of the archive, which torch does not."""
    try:
        with zipped(where, source) as members:
            for name in members.sizes:
                with members.opened(name) as stream:
                    while stream.read(2**20):
                        pass
    except DataError as error:
        advice = f"{error.advice} {UNSUMMED}"
        raise DataError(error.where, error.expected, error.got, advice) from None


def load(stream: BinaryIO, where: str) -> tuple[dict[str, Any], dict[str, Array]]:
    """Plain values and arrays; in the child process."""
    torch = needs_package(where, "torch")
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    try:
        found = torch.load(stream, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        text = str(error)
        named = GLOBAL.search(text)
        got = f"an object of {named[1]}" if named else brief(text.splitlines()[-1])
        advice = TRUSTED if named else SPOILT
        fail(DataError, where, "it must hold tensors and plain values only", got, advice)
    except MemoryError:
        raise
    except Exception as error:
        fail(DataError, where, "torch must be able to load it", words_of(error), SPOILT)
    flat = _Flat(where, torch, size)
    if not isinstance(found, dict | list | tuple):
        found = {"": found}
    flat.add("", found, 0)
    return flat.attributes, flat.arrays


class _Flat:
    """Nested dictionaries and lists, their tensors and plain values under joined names."""

    def __init__(self, where: str, torch: Any, size: int) -> None:
        self.where, self.torch, self.size = where, torch, size
        self.total = self.visited = 0
        self.attributes: dict[str, Any] = {}
        self.arrays: dict[str, Array] = {}

    def add(self, name: str, value: Any, level: int) -> None:
        """A value, and all in it."""
        if level > MOST_LEVELS:
            expected = f"it must be nested at most {MOST_LEVELS} times"
            fail(DataError, self.where, expected, "more", SPOILT)
        self.visited += 1
        check_few(self.where, self.visited, "values")
        if isinstance(value, self.torch.Tensor):
            self.arrays[self.new(name)] = self.array(name, value)
        elif isinstance(value, dict) or (isinstance(value, list | tuple) and not _is_plain(value)):
            pairs = value.items() if isinstance(value, dict) else enumerate(value)
            for key, own in pairs:
                self.add(f"{name}.{key}" if name else str(key), own, level + 1)
        elif value is not None:
            self.attributes[self.new(name)] = _json(value)

    def new(self, name: str) -> str:
        """A name that is not taken."""
        if name in self.arrays or name in self.attributes:
            expected = "names, joined by dots, must differ"
            fail(DataError, self.where, expected, f"{brief(name)} twice", TRUSTED)
        return name

    def array(self, name: str, tensor: Any) -> Array:
        """The numbers of a tensor; bfloat16 as float32, which has all its values."""
        torch, where = self.torch, f"{self.where}, tensor {brief(name)}"
        if tensor.is_quantized:
            advice = "In torch: tensor.dequantize(), or pass the model before quantisation."
            fail(DataError, where, "it must hold plain numbers", "quantised ones", advice)
        if tensor.layout != torch.strided or tensor.device.type != "cpu":
            got = f"{tensor.layout} on {tensor.device.type}"
            advice = "In torch: tensor.to_dense().cpu()."
            fail(DataError, where, "it must hold plain numbers", got, advice)
        kind = str(tensor.dtype).removeprefix("torch.")
        if kind not in (*KEPT, "bfloat16"):
            advice = "In torch: tensor.to(torch.float64)."
            fail(DataError, where, "it must be of a dtype that NumPy has", kind, advice)
        self.total += tensor.numel() * max(tensor.element_size(), 4)
        check_total(where, self.total, self.size)
        tensor = tensor.detach().resolve_conj().resolve_neg().contiguous()
        made: Array = (tensor.float() if kind == "bfloat16" else tensor).numpy()
        return made


def _is_plain(value: Any) -> bool:
    return all(isinstance(own, PLAIN) for own in value)


def _json(value: Any) -> Any:
    """A plain value, or what it is as a text."""
    if isinstance(value, list | tuple):
        return [_json(own) for own in value]
    endless = isinstance(value, float) and not abs(value) < float("inf")
    return value if isinstance(value, PLAIN) and not endless else str(value)[:LONGEST]
