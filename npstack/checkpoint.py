"""Weights in one file: ``.npz`` without pickle, one JSON member, written whole or not at all."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from npstack.numerics import Array
from npstack.params import Params
from npstack.shapes import DataError, DtypeError, fail

FORMAT = "npstack-weights"
VERSION = 1
HEADER = "npstack.json"


def save_weights(path: str | Path, params: Params, config: dict[str, Any] | None = None) -> None:
    """Write parameters under their names.

    Parameters
    ----------
    path : str or Path
        The file appears there when it is complete; a file that was there stays until then.
    params : dict
        ``model.params``.
    config : dict, optional
        Whatever JSON holds that helps to build the model again.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_weights(f"{folder}/w.npz", {"b": np.ones(2)}, {"sizes": [2]})
    ...     load_weights(f"{folder}/w.npz")
    ({'b': array([1., 1.])}, {'sizes': [2]})
    """
    path = Path(path)
    if not isinstance(params, Mapping):
        got, advice = f"a {type(params).__name__}", "Pass model.params."
        fail(DtypeError, "save_weights", "params must be a dictionary of arrays", got, advice)
    header = json.dumps({"format": FORMAT, "version": VERSION, "config": config or {}})
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with open(part, "wb") as file:
            arrays: dict[str, Any] = {HEADER: np.array(header), **params}
            np.savez(file, **arrays)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def load_weights(path: str | Path) -> tuple[dict[str, Array], dict[str, Any]]:
    """Read what `save_weights` wrote: parameters and configuration.

    Raises
    ------
    DataError
        The file is damaged, or no file of this kind.
    """
    where = f"load_weights({str(path)!r})"
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        header = json.loads(str(arrays.pop(HEADER)))
    except (KeyError, TypeError, ValueError, EOFError, zipfile.BadZipFile) as error:
        fail(DataError, where, "the file must be weights that npstack wrote", repr(error))
    if (header.get("format"), header.get("version")) != (FORMAT, VERSION):
        got = f"{header.get('format')}, version {header.get('version')}"
        fail(DataError, where, f"the file must be {FORMAT}, version {VERSION}", got)
    return arrays, header["config"]
