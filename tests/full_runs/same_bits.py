"""``python -m tests.full_runs.same_bits``: two states of the package compute the same, bit for bit.

A change that only moves code, or only changes how a layer is asked, keeps every output, state and
gradient. This draws configurations by seed, over every cell, every kind of layer and every dtype,
runs them in the package as it is and in that of an earlier commit, and compares the digests.

::

    python -m tests.full_runs.same_bits 57ec350              compare with a commit
    python -m tests.full_runs.same_bits 57ec350 --count 60   fewer of them
    python -m tests.full_runs.same_bits --print --count 5    the digests of the package as it is

The configurations use public names only, so that both sides understand them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import npstack
from npstack.cells import CELLS

ROOT = Path(npstack.__file__).parents[1]
OLD_CELLS = 30  # that an earlier commit has, too; younger ones come after them in the table
DTYPES = ("float64", "float32", "longdouble", "complex128")
Build = Callable[..., npstack.Layer]


def cell_layer(cell: str, D: int, H: int, rng: Any, dtype: Any, **options: Any) -> Any:
    """A cell of the table over time."""
    return npstack.Recurrent(CELLS[cell](D, H, rng, dtype), **options)


def kinds(cell: str) -> dict[str, Callable[[int, int, Any, Any], Any]]:
    """Every kind of layer, most of them around layers of one cell: ``(D, H, rng, dtype)``."""
    of = partial(cell_layer, cell)

    def stack(cls: Any, D: int, H: int, rng: Any, dtype: Any, **options: Any) -> Any:
        def build(D: int, H: int, rng: Any, dtype: Any) -> Any:
            return CELLS[cell](D, H, rng, dtype)

        return cls(build, D, [H, H], rng=rng, dtype=dtype, **options)

    n = npstack
    return {
        "alone": of,
        "learned": partial(of, learn_initial=True),
        "last step": partial(of, return_sequences=False),
        "stacked": partial(stack, n.Stacked, dropout=0.3),
        "stacked, last step": partial(stack, n.Stacked, return_sequences=False),
        "two directions, layer by layer": partial(stack, n.StackedBidirectional, dropout=0.3),
        "two directions, whole stacks": partial(stack, n.BidirectionalStacked),
        "bidirectional, sum": lambda D, H, rng, t: n.Bidirectional(
            of(D, H, rng, t), of(D, H, rng, t), merge="sum"
        ),
        "reversed": lambda D, H, rng, t: n.Reversed(of(D, H, rng, t), order="as_read"),
        "reversed below": lambda D, H, rng, t: n.Sequential(
            first := n.Reversed(of(D, H, rng, t), order="as_read"),
            of(first.output_size, H, rng, t),
        ),
        "residual": lambda D, H, rng, t: n.Sequential(
            n.Dense(D, H, rng=rng, dtype=t), n.Residual(n.LSTM(H, H, rng=rng, dtype=t))
        ),
        "skips": lambda D, H, rng, t: n.SkipConnected(
            first := of(D, H, rng, t), of(first.output_size + D, H, rng, t)
        ),
        "parallel": lambda D, H, rng, t: n.Parallel(
            of(D, H, rng, t), n.Dense(D, H, rng=rng, dtype=t), n.Dropout(0.3)
        ),
        "head": lambda D, H, rng, t: n.Sequential(
            first := of(D, H, rng, t),
            n.Dropout(0.3, each_step=False),
            n.TimeDistributed(n.Dense(first.output_size, 2, activation="tanh", rng=rng, dtype=t)),
        ),
        "repeat": lambda D, H, rng, t: n.Sequential(
            first := of(D, H, rng, t, return_sequences=False),
            n.RepeatVector(3),
            of(first.output_size, H, rng, t, return_sequences=True),
        ),
        "symbols": lambda D, H, rng, t: n.Sequential(
            n.Embedding(D, H, rng=rng, dtype=t), of(H, H, rng, t)
        ),
        "encoder, decoder": lambda D, H, rng, t: n.EncoderDecoder(
            stack(n.Stacked, D, H, rng, t), stack(n.Stacked, D, H, rng, t)
        ),
    }


def flat(item: Any) -> Iterator[bytes]:
    """Bits, with type, shape and names, of whatever comes out."""
    if isinstance(item, dict):
        for name in sorted(item):
            yield name.encode()
            yield from flat(item[name])
    elif isinstance(item, tuple):
        yield f"{type(item).__name__} {len(item)}".encode()
        for value in item:
            yield from flat(value)
    elif isinstance(item, np.ndarray):
        yield f"{item.dtype} {item.shape}".encode()
        padded = item.dtype in (np.longdouble, np.clongdouble)  # with bytes that mean nothing
        yield repr(item.tolist()).encode() if padded else np.ascontiguousarray(item).tobytes()
    else:
        yield repr(item).encode()


def drawn_mask(rng: np.random.Generator, shape: tuple[int, int]) -> dict[str, Any]:
    """No mask, lengths, or a mask with holes; resets or none."""
    how = rng.integers(3)
    found: dict[str, Any] = {}
    if how == 1:
        found["lengths"] = rng.integers(0, shape[1] + 1, shape[0])
    elif how == 2:
        found["mask"] = rng.random(shape) < 0.7
    if rng.random() < 0.3:
        found["resets"] = rng.random(shape) < 0.3
    return found


def cast(item: Any, dtype: Any) -> Any:
    """A tree of arrays in another dtype."""
    if isinstance(item, tuple):
        values = [cast(value, dtype) for value in item]
        return type(item)(*values) if hasattr(item, "_fields") else tuple(values)
    return None if item is None else item.astype(dtype)


def results(seed: int) -> Iterator[Any]:
    """What one configuration computes, in training and in evaluation."""
    rng = np.random.default_rng(seed)
    cells = list(CELLS)[:OLD_CELLS]
    cell = cells[seed % len(cells)]
    table = kinds(cell)
    kind = list(table)[int(rng.integers(len(table)))]
    dtype = DTYPES[seed // len(cells) % len(DTYPES)]
    B, T, D, H = (int(n) for n in rng.integers(1, (4, 7, 5, 6)))
    yield f"{seed}: {kind}, {cell}, {dtype}, B={B}, T={T}, D={D}, H={H}"
    real = "float64" if dtype == "complex128" else dtype
    model = table[kind](D, H, rng, real)
    x: Any = rng.standard_normal((B, T, D)).astype(dtype)
    if kind == "symbols":
        x = rng.integers(0, D, (B, T))
    elif kind == "encoder, decoder":
        x = npstack.SourceTarget(x, rng.standard_normal((B, T, D)).astype(dtype))
    params = {name: value.astype(dtype) for name, value in model.params.items()}
    how = {"params": params, **drawn_mask(rng, (B, T))}
    states = None
    for draws in (None, np.random.default_rng(seed)):
        tape = model.forward(x, states, rng=draws, **how)
        if kind != "encoder, decoder" and rng.random() < 0.5:
            states = tape.final or None
        for layer in tape.layers:
            yield layer.states, layer.gates, layer.initial, layer.final, layer.noise
        if kind != "encoder, decoder":  # its layers have been told above
            yield tape.final, tape.initial
        yield tape.outputs, tape.noise
        doutputs = rng.standard_normal(tape.outputs.shape).astype(tape.outputs.dtype)
        ends = tape.parts[-1].final if kind == "encoder, decoder" else tape.final
        grads = model.backward(tape, doutputs, (ends or None) if seed % 2 else None)
        yield grads.params, grads.x, grads.initial_states


def digest(seed: int) -> tuple[str, str]:
    """What the configuration is, and a digest of all that it computes, refusals included."""
    found = hashlib.sha256()
    name = ""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            for item in results(seed):
                name = name or item
                for part in flat(item):
                    found.update(part)
        except npstack.NpstackError as error:  # that it is refused, not in which words
            name += f" ({type(error).__name__})"
            found.update(type(error).__name__.encode())
    return name, found.hexdigest()[:16]


def digests(count: int) -> dict[str, str]:
    return dict(digest(seed) for seed in range(count))


def digests_of(commit: str, count: int) -> dict[str, str]:
    """The digests that the package of an earlier commit gives, in a separate process."""
    with tempfile.TemporaryDirectory() as folder:
        archive = ["git", "-C", str(ROOT), "archive", commit, "npstack"]
        tree = subprocess.run(archive, capture_output=True, check=True).stdout
        subprocess.run(["tar", "-x", "-C", folder], input=tree, check=True)
        script = Path(folder) / "bits.py"
        script.write_text(Path(__file__).read_text(encoding="utf-8"), encoding="utf-8")
        run = subprocess.run(
            [sys.executable, str(script), "--print", "--count", str(count)],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": folder},
            capture_output=True,
            text=True,
            check=True,
        )
    return dict(json.loads(run.stdout))


def main() -> int:
    program = "python -m tests.full_runs.same_bits"
    parser = argparse.ArgumentParser(prog=program, description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("commit", nargs="?", help="the earlier state")
    parser.add_argument("--count", type=int, default=500, help="how many configurations")
    parser.add_argument("--json", action="store_true", help="keep tests/evidence/same_bits.json")
    parser.add_argument("--overwrite", action="store_true", help="replace it if it is there")
    parser.add_argument("--print", action="store_true", help="print the digests as JSON")
    given = parser.parse_args()
    if given.print:
        print(json.dumps(digests(given.count), indent=1))
        return 0
    if given.commit is None:
        parser.error("with which commit?")
    if given.json:
        from tests.tools.full_run import check_free
        from tests.tools.provenance import EVIDENCE, provenance, write_figures

        check_free(parser, [EVIDENCE / "same_bits.json"], given.overwrite)
        made = provenance(f"{program} {given.commit} --json")
    here = digests(given.count)
    before = digests_of(given.commit, given.count)
    other = [name for name in here.keys() | before.keys() if here.get(name) != before.get(name)]
    refused = sum(name.endswith(")") for name in here)
    print(*sorted(other), sep="\n")
    print(f"{given.count} configurations, {refused} of them refused, {len(other)} differ")
    if given.json:
        figures = {"compared_with": given.commit, "configurations": given.count}
        write_figures("same_bits", made, {**figures, "refused": refused, "differ": len(other)})
    return 1 if other else 0


if __name__ == "__main__":
    sys.exit(main())
