"""Trained models that other people published: ``python -m tests.full_runs.real_models``.

Every recurrent layer of seven packages is brought into npstack, and what it computes is compared
with the package's own program on the same input. Each block, the outputs or a final state, must be
explained by rounding, as `npstack.verify.check_rounding` judges it beside the truth in extended
precision and 24 draws of `npstack.verify.conditioning`.

The environment variable NPSTACK_MODELS names a folder that holds the packages unpacked, each in
``PACKAGE-VERSION``. Nothing is downloaded here, and no file of theirs is in this repository::

    pip download --no-deps -d wheels PACKAGE==VERSION    # then unzip, or tar xzf … --strip 1

silero_vad 6.2.3, Resemblyzer 0.1.4, g2p_en 2.1.0, g2pM 0.1.2.5, chars2vec 0.1.7, pythainlp 5.4.0,
nagisa 0.3.0 (needs six). Lines are those that bring a layer in, once its file or arrays are there.
"""

from __future__ import annotations

import os
import sys
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from npstack import Recurrent
from npstack.interop import Agreement, agreement
from npstack.interop.comparison import DRAWS
from npstack.layers.walk import walk
from tests.interop.published import PACKAGES, Case
from tests.tools.full_run import begin

FOLDER, STEPS = "NPSTACK_MODELS", 100
LINES = 3  # that bring a layer in


def cases(name: str, root: Path, steps: int) -> list[Case]:
    """The layers of a package, with what was recorded over at most so many steps."""
    own = PACKAGES[name]
    with np.errstate(all="ignore"), warnings.catch_warnings():  # their code is theirs
        warnings.simplefilter("ignore")
        return list(own.cases(root / own.folder, steps))


def row_of(case: Case, judged: Agreement) -> dict[str, Any]:
    """The figures of a layer."""
    leaves = (own.layer for own in walk(case.layer) if own.leaf)
    cells = [own.cell for own in leaves if isinstance(own, Recurrent)]
    blocks = {
        row.block: {
            "theirs": round(row.theirs, 2),
            "npstack": round(row.own, 2),
            "allowed": round(row.allowed, 2),
            "explained": row.explained,
        }
        for row in judged.rows
    }
    return {
        "layer": type(case.layer).__name__,
        "cells": [f"{type(c).__name__} {c.input_size} -> {c.hidden_size}" for c in cells],
        "input": list(case.recorded.x.shape),
        "dtype": str(case.recorded.dtype),
        "lines": case.lines,
        "errors in eps": blocks,
    }


def figures(name: str, root: Path, steps: int) -> dict[str, Any]:
    """Every layer of a package, judged."""
    found: dict[str, Any] = {}
    for case in cases(name, root, steps):
        began = time.perf_counter()
        judged = agreement(case.layer, case.recorded)
        found[case.part] = row_of(case, judged)
        print(f"{name} {case.part}, {time.perf_counter() - began:.0f} s\n{judged}", flush=True)
    own = PACKAGES[name]
    return {"package": own.folder, "held against": own.runtime, "layers": found}


def require(found: Mapping[str, Any]) -> None:
    """The bar: all are there, in few lines, and rounding explains every block."""
    for name, package in found.items():
        assert package["layers"], name
        for part, row in package["layers"].items():
            assert row["lines"] <= LINES, (name, part)
            blocks = row["errors in eps"]
            assert blocks, (name, part)
            assert all(block["explained"] for block in blocks.values()), (name, part, blocks)


def main() -> None:
    """Judge all, print all."""
    needed = sorted({package for own in PACKAGES.values() for package in own.needs})
    full = begin(
        __doc__, "tests.full_runs.real_models", "real_models", packages=lambda part: needed
    )
    if FOLDER not in os.environ:
        sys.exit(f"{FOLDER} must name the folder of the unpacked packages; see --help.")
    root = Path(os.environ[FOLDER])
    found = {name: figures(name, root, STEPS) for name in PACKAGES}
    full.keep({"steps, at most": STEPS, "draws": DRAWS, "models": found})
    require(found)


if __name__ == "__main__":
    main()
