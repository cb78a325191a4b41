"""Which names of a function hold things that look the same, found by watching the package run.

Every function of the mutated files is watched while layers of all types run on inputs of distinct
sizes (B, T, D, H all differ), and while wrong calls are refused. Two local names that held, in the
same call, arrays of one shape and dtype (or numbers, words, layers of one type) may be confused
without anything crashing: these are swapped.
"""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from types import FrameType
from typing import Any

import numpy as np

from tests.mutation.operators import FILES, PACKAGE, Alike


def signature(value: Any) -> Any:
    """What a thing looks like from outside; None for what need not be told apart."""
    if value is None:
        return None
    if isinstance(value, np.ndarray):
        return value.dtype.kind, value.shape
    if isinstance(value, type):
        return "type"
    if hasattr(value, "_fields"):
        return type(value).__name__, tuple(map(signature, value))
    if isinstance(value, tuple | list):
        return type(value).__name__, len(value)
    if hasattr(value, "items"):
        return "mapping", tuple(sorted(map(str, value)))
    return "callable" if callable(value) else type(value).__name__


def functions(file: str) -> list[tuple[int, int, str]]:
    """First and last line of every outermost function, with its name."""
    found = []

    def visit(node: ast.AST, path: str) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.ClassDef):
                visit(child, f"{path}{child.name}.")
            elif isinstance(child, ast.FunctionDef):
                first = min([child.lineno, *(node.lineno for node in child.decorator_list)])
                found.append((first, child.end_lineno or 0, f"{path}{child.name}"))

    visit(ast.parse((PACKAGE / file).read_text(encoding="utf-8")), "")
    return found


def watch(run: Any) -> dict[str, Alike]:
    """Run something; return, for each file and function, which names looked the same."""
    spans = {str(PACKAGE / file): (file, functions(file)) for file in FILES}
    pairs: dict[str, dict[str, set[tuple[str, str]]]] = defaultdict(lambda: defaultdict(set))

    def look(frame: FrameType, event: str, _: Any) -> None:
        if event != "return" or frame.f_code.co_filename not in spans:
            return
        file, places = spans[frame.f_code.co_filename]
        line = frame.f_code.co_firstlineno
        inside = [name for first, last, name in places if first <= line <= last]
        if not inside:
            return
        looks = {name: signature(value) for name, value in frame.f_locals.items()}
        for name, look in looks.items():
            for other, same in looks.items():
                if name != other and look is not None and look == same and "__" not in other:
                    pairs[file][inside[-1]].add((name, other))

    sys.setprofile(look)
    try:
        run()
    finally:
        sys.setprofile(None)
    found: dict[str, Alike] = {}
    for file, by_function in sorted(pairs.items()):
        found[file] = {}
        for function, two in sorted(by_function.items()):
            alike: dict[str, list[str]] = {}
            for name, other in sorted(two):
                if name.isidentifier() and other.isidentifier():
                    alike.setdefault(name, []).append(other)
            found[file][function] = alike
    return found


def names_alike() -> dict[str, Alike]:
    """The names to be swapped, by file and function."""
    from npstack import Recurrent, losses
    from npstack.cells import CELLS
    from npstack.verify.laws.check import draw_mask
    from npstack.verify.laws.trial import draw_trial
    from tests.layers.wrong_calls import WRONG_CALLS, world
    from tests.mutation.learning import learning
    from tests.tools.strategies import LAYERS, build, draw_input

    def run() -> None:
        rng = np.random.default_rng(0)
        layers = [build(kind, rng) for kind in LAYERS]
        layers += [Recurrent(cell(3, 4, rng, np.float64)) for cell in CELLS.values()]
        for layer in layers:
            mask = draw_mask(rng, 6, 7)
            trial = draw_trial(layer, draw_input(layer, rng, 6, 7), mask=mask, rng=rng)
            tape = trial.forward()
            trial.backward(tape)
            layer.forward(trial.x, trial.states, mask=mask, rng=rng)
            layer.forward(trial.x, lengths=[7, 3, 2, 1, 0, 6])
            layer.params = trial.params
            layer.summary(6, 7)
            repr(layer)
            losses.mean_squared_error(tape.outputs, tape.outputs)
        predictions, mask = rng.standard_normal((6, 7, 3)), draw_mask(rng, 6, 7)
        for weights in (None, rng.random((6, 7))):
            losses.huber(predictions, predictions[::-1], mask, weights=weights)
            losses.mean_absolute_error(predictions, predictions[::-1], weights=weights)
            losses.binary_cross_entropy(predictions, mask[..., None] + 0 * predictions)
            losses.softmax_cross_entropy(predictions, mask.astype(int), mask, weights=weights)
        for seed in range(6):
            for _ in learning(np.random.default_rng(seed)):
                pass
        for call, _ in WRONG_CALLS.values():
            try:
                call(world())
            except Exception:
                continue

    with np.errstate(all="ignore"):
        return watch(run)
