"""ONNX files that are damaged or made to do harm: a clear error or a right result, in little."""

from __future__ import annotations

import os
import re
import resource
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from npstack.core.errors import DataError
from tests.files.bad_reader import snapshot
from tests.interop.hostile_onnx import ONNX, Arrays, Good, good_onnx, read_model

pytestmark = [pytest.mark.frameworks, pytest.mark.slow]
SECONDS, BYTES = 20, 10**9
WORDING = re.compile(
    r"(recurrent_parts|arrays_of)\('.*/bad\.onnx'\).*: .+, got .+\. \S.+", re.DOTALL
)


def met(kind: Any, seed: int, folder: Path) -> str:
    """Refused, right, or not told (a number that changed cannot be noticed); all else fails."""
    rng = np.random.default_rng([seed, *kind.__name__.encode()])
    good: Good = good_onnx(rng, str(folder))
    case = kind(rng, good)
    path = folder / "bad.onnx"
    path.write_bytes(case.content)
    before, began = snapshot(folder), time.perf_counter()
    found: Arrays | None = None
    try:
        found = read_model(path)
    except DataError as error:
        message = str(error)
        assert WORDING.fullmatch(message), message
        assert len(message) < 1200, message
        assert message.isprintable(), message
    seconds = time.perf_counter() - began
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    assert snapshot(folder) == before
    assert seconds < SECONDS
    assert most < BYTES
    if found is None:
        return "refused"
    assert not case.refused
    if case.right is not None and found:
        assert found.keys() == case.right.keys()
        assert all(np.array_equal(found[k], case.right[k]) for k in found)
        return "right"
    return "not told"


@pytest.mark.parametrize("kind", ONNX, ids=lambda kind: kind.__name__)
def test_hostile_onnx_files(kind: Any, tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    seeds = range(int(os.environ.get("NPSTACK_HOSTILE_SEEDS", "2")))
    outcomes = []
    for seed in seeds:
        folder = tmp_path / str(seed)
        folder.mkdir()
        outcomes.append(met(kind, seed, folder))
    print(kind.__name__, outcomes)


def test_the_good_file_is_read(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    good = good_onnx(np.random.default_rng(0), str(tmp_path))
    (tmp_path / "good.onnx").write_bytes(good.content)
    found = read_model(tmp_path / "good.onnx")
    assert found.keys() == good.arrays.keys()
    assert all(np.array_equal(found[k], good.arrays[k]) for k in found)
