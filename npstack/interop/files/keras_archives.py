"""The ``.keras`` archive: configuration and weights, read without keras: nothing is built of it."""

from __future__ import annotations

from typing import Any, BinaryIO

from npstack.core.errors import DataError, fail
from npstack.files import strict_json
from npstack.files.strict_json import brief
from npstack.interop.files import hdf5_files
from npstack.interop.files.stored import SPOILT, Stored
from npstack.interop.files.zipped import zipped

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"


def read(where: str, file: BinaryIO) -> Stored:
    """Read a ``.keras`` file: ``attributes["model_config"]`` is the configuration.

    Raises
    ------
    DataError
        It is damaged, or a part is missing.
    MissingPackageError
        There is no h5py.
    """
    with zipped(where, file) as members:
        for name in (CONFIG, WEIGHTS):
            if name not in members.sizes:
                got = f"none among {brief(list(members.sizes))}"
                advice = "Save it by Keras 3, unsharded: model.save('model.keras')."
                fail(DataError, where, f"it must hold {name}", got, advice)
        texts: dict[str, Any] = {}
        for name in {CONFIG, METADATA} & members.sizes.keys():
            place = f"{where}, {name}"
            texts[name] = strict_json.load(
                place, members.text(name, strict_json.MOST_BYTES), SPOILT
            )
            if not isinstance(texts[name], dict):
                fail(DataError, place, "it must hold a dictionary", brief(texts[name]), SPOILT)
        weights = members.text(WEIGHTS, members.sizes[WEIGHTS])
    inner = hdf5_files.read(f"{where}, {WEIGHTS}", weights)
    attributes = {**inner.attributes, **texts.get(METADATA, {}), "model_config": texts[CONFIG]}
    return Stored(inner.arrays, attributes, "keras")
