"""Can arrays of unknown origin be read? ``python -m tests.full_runs.readings``

Random layers: shape, biases, number of layers and directions are drawn, and the layout in which the
arrays are written; the arrays are then read without saying which. The true layout must be among
the readings, and no reading may be one that the shapes exclude: an independent list of the shapes
of every layout decides. On one recorded input, the best reading must compute what the layer
computes. The arrays are given with their names, and as a list without names.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from npstack.interop.candidates import Reading, nearest, readings
from npstack.interop.reading import read
from tests.interop.by_formula import FORMULAS, STACKED, TWO_WAYS, in_layer, second_way
from tests.tools.full_run import begin

SEEDS = range(200)
ROUNDING = 1e-12
NUMBERED = ("pytorch", "jax", "cudnn", "mxnet")  # names have the number of the layer


def drawn(seed: int) -> dict[str, Any]:
    """A random layer: its layout, its arrays by name, and the arguments that read it."""
    rng = np.random.default_rng([16, seed])
    layout, cell = sorted(FORMULAS)[rng.integers(len(FORMULAS))]
    formula = FORMULAS[layout, cell]
    groups = [()] if rng.random() < 0.15 else [own for own in formula.choices() if "bias" in own]
    chosen = groups[rng.integers(len(groups))] if groups else ()
    two = layout in TWO_WAYS and bool(rng.random() < 0.4)
    layers = 1 if "projection" in chosen else int(rng.integers(1, 4))
    H = int(rng.integers(2, 7))
    D = H if rng.random() < 0.4 else int(rng.integers(1, 8))
    arrays: dict[str, np.ndarray] = {}
    for k in range(layers):
        width = D if k == 0 else (2 if two else 1) * H
        ways = [formula.drawn(rng, width, H, chosen) for _ in range(2 if two else 1)]
        arrays |= named(layout, ways, k, layers)
    options = {"cell": cell.split()[0], **formula.options}
    options |= {"bidirectional": True} if two else {}
    x = rng.standard_normal((4, 10, D))
    return {"layout": layout, "cell": cell, "arrays": arrays, "options": options, "x": x, "D": D,
            "H": H, "layers": layers}  # fmt: skip


def named(layout: str, ways: list[Any], layer: int, layers: int) -> dict[str, np.ndarray]:
    """The arrays of one layer by the names that they have in a stack."""
    if layout in STACKED:
        found = {name: np.stack([way[name] for way in ways]) for name in ways[0]}
    elif len(ways) == 2:
        found = {second_way(layout, n)[k]: a for k, way in enumerate(ways) for n, a in way.items()}
    else:
        found = dict(ways[0])
    if layout in NUMBERED:
        return {in_layer(layout, name, layer): value for name, value in found.items()}
    return found if layers == 1 else {f"{layer}/{name}": a for name, a in found.items()}


def is_excluded(found: Reading, cell: str, arrays: list[np.ndarray]) -> bool:
    """Whether the shapes exclude a reading, by the tables of the formulas."""
    ways = 2 if found.options.get("bidirectional") else 1
    recurrent = found.layer
    layers = found.options.get("layers") or count_of(recurrent)
    H, widths = sizes_of(recurrent, ways)
    shapes = [value.shape for value in arrays]
    for (layout, kind), formula in FORMULAS.items():
        if layout != found.layout or kind.split()[0] != cell:
            continue
        for groups in formula.choices():
            for P in {H, *(value.shape[0] for value in arrays), *(a.shape[-1] for a in arrays)}:
                expected: list[tuple[int, ...]] = []
                for k in range(layers):
                    each = formula.shapes(widths[k], H, P if "projection" in groups else H)
                    own = [shape for shape, group in each.values() if not group or group in groups]
                    if layout in STACKED:
                        expected += [(ways, *shape) for shape in own]
                    else:
                        expected += own * ways
                if sorted(expected) == sorted(shapes):
                    return False
    return True


def count_of(layer: Any) -> int:
    """The layers of a stack."""
    return len(getattr(layer, "layers", [layer]))


def sizes_of(layer: Any, ways: int) -> tuple[int, list[int]]:
    """H, and the input sizes of the layers."""
    own = list(getattr(layer, "layers", [layer]))
    first = own[0].children["forward"] if ways == 2 else own[0]
    return first.cell.hidden_size, [one.input_size for one in own]


def tried(seed: int, names: bool) -> dict[str, Any]:
    """One layer: whether its reading was found, and how many others there were."""
    case = drawn(seed)
    cell = case["options"]["cell"]
    arrays = case["arrays"]
    layer = read(arrays, case["layout"], **case["options"]).layer
    outputs = layer.forward(case["x"]).outputs
    given = arrays if names else list(arrays.values())
    found = readings(given, cell=cell)
    true = [own for own in found if own.layout == case["layout"] and same(own.layer, layer)]
    scored = nearest(found, case["x"], outputs)
    best = [own for error, own in scored if error <= ROUNDING]
    right = bool(best) and scored[0][0] <= ROUNDING and same_outputs(scored[0][1], case, outputs)
    excluded = [str(own) for own in found if is_excluded(own, cell, list(arrays.values()))]
    return {"seed": seed, "layout": case["layout"], "cell": case["cell"], "names": names,
            "layers": case["layers"], "readings": len(found), "true_found": bool(true),
            "excluded": excluded, "picked": right, "equal": len(best)}  # fmt: skip


def same(one: Any, other: Any) -> bool:
    """Whether two layers have the same parameters, bit for bit, and compute the same."""
    if one.params.keys() != other.params.keys():
        return False
    x = np.random.default_rng(7).standard_normal((2, 4, other.input_size))
    equal = all(
        a.shape == b.shape and bool((a == b).all())
        for a, b in zip(one.params.values(), other.params.values(), strict=True)
    )
    return equal and bool((one.forward(x).outputs == other.forward(x).outputs).all())


def same_outputs(reading: Reading, case: dict[str, Any], outputs: np.ndarray) -> bool:
    """Whether a reading computes the same on another input."""
    x = np.random.default_rng(8).standard_normal((3, 6, case["D"])) * 2
    layer = read(case["arrays"], case["layout"], **case["options"]).layer
    other = layer.forward(x).outputs
    return bool(np.abs(reading.layer.forward(x).outputs - other).max() <= ROUNDING)


def figures(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """What all layers come to."""
    counts = [row["readings"] for row in rows]
    return {
        "layers": len({row["seed"] for row in rows}),
        "tried": len(rows),
        "true_found": sum(row["true_found"] for row in rows),
        "picked": sum(row["picked"] for row in rows),
        "excluded_readings": sum(len(row["excluded"]) for row in rows),
        "readings": {"least": min(counts), "median": float(np.median(counts)), "most": max(counts)},
        "columns": sorted({f"{row['layout']} {row['cell']}" for row in rows}),
        "missed": [row for row in rows if not (row["true_found"] and row["picked"])],
    }


def main() -> None:
    """Run, print."""
    full = begin(__doc__, "tests.full_runs.readings", "readings")
    found = figures([tried(seed, names) for seed in SEEDS for names in (True, False)])
    print(json.dumps({k: v for k, v in found.items() if k != "columns"}, indent=1))
    full.keep(found)


if __name__ == "__main__":
    main()
