"""How a wrong gradient is related to the right one as a whole, whatever line made it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from npstack.cells.base import Cell
from npstack.core.numerics import Array
from npstack.verify.mistakes.comparing import MOVES, UNITS, Trial

FACTORS: dict[str, Callable[[int, int], float]] = {
    "1/B": lambda B, T: 1 / B,
    "B times": lambda B, T: B,
    "1/T": lambda B, T: 1 / T,
    "T times": lambda B, T: T,
    "1/(B T)": lambda B, T: 1 / (B * T),
    "B T times": lambda B, T: B * T,
    "minus": lambda B, T: -1.0,
}


def relations(trials: Sequence[Trial]) -> tuple[str, ...]:
    """Every relation that holds in all trials: sentences that begin with the gradients' names."""
    names = trials[0].theirs.gradients
    wrong = [
        name
        for name in names
        if any(_differ(trial, name, trial.right.gradients[name]) for trial in trials)
    ]
    told: dict[str, list[str]] = {}
    for name in wrong:
        words = _relation(trials, name)
        if words:
            told.setdefault(words, []).append(name)
    found = []
    for words, members in told.items():
        everything = "all gradients are" if members == list(names) else ""
        some = ", ".join(f"d{name}" for name in members) + (" are" if len(members) > 1 else " is")
        found.append(f"{everything or some} {words}")
    return tuple(found)


def _differ(trial: Trial, name: str, other: Array) -> bool:
    """Whether a gradient of theirs differs from this one by more than rounding."""
    theirs = trial.theirs.gradients[name]
    if other.shape != theirs.shape:
        return True
    eps = UNITS * float(np.finfo(trial.program.dtype).eps)
    moves = max(move for block, move in trial.moves.items() if _is_of(block, name))
    scale = max(np.abs(theirs).max(initial=0.0), np.abs(other).max(initial=0.0))
    return not np.abs(theirs - other).max(initial=0.0) <= eps * scale + MOVES * moves


def _is_of(block: str, name: str) -> bool:
    """Whether a block is a part of an array."""
    return block == name or block.startswith((f"{name}.", f"{name}["))


def _relation(trials: Sequence[Trial], name: str) -> str:
    """How a gradient is related to the right one, in words; empty if it is not."""
    telling = [trial for trial in trials if trial.right.gradients[name].any()]
    if not any(trial.theirs.gradients[name].any() for trial in trials):
        return "zero"
    for words, factor in FACTORS.items():
        if all(_is_factor(trial, name, factor) for trial in telling):
            return f"{words} the right ones"
    constant = _constant(telling, name)
    if constant is not None:
        return f"{constant:.6g} times the right ones"
    for words, change in _changes(trials[0].cell, name):
        if all(not _differ(t, name, change(t.right.gradients[name])) for t in trials):
            return words
    other = {"h0": "c0", "c0": "h0"}.get(name, "")
    if other in trials[0].right.gradients and all(
        not _differ(trial, name, trial.right.gradients[other]) for trial in trials
    ):
        return f"the right d{other}"
    return "right to single precision only" if _is_single(telling, name) else ""


def _is_factor(trial: Trial, name: str, factor: Callable[[int, int], float]) -> bool:
    """Whether a gradient is the right one times a factor that depends on B and T."""
    B, T = trial.point.x.shape[:2]
    right = trial.right.gradients[name]
    return not _differ(trial, name, right * right.dtype.type(factor(B, T)))


def _constant(trials: Sequence[Trial], name: str) -> float | None:
    """The factor by which a gradient is off in all trials; None if there is none."""
    if not trials:
        return None
    right, theirs = trials[0].right.gradients[name], trials[0].theirs.gradients[name]
    at = np.unravel_index(np.argmax(np.abs(right)), right.shape)
    factor = float(theirs[at] / right[at])
    if all(_is_factor(trial, name, lambda B, T: factor) for trial in trials):
        return factor
    return None


def _changes(cell: Cell, name: str) -> Iterator[tuple[str, Callable[[Array], Array]]]:
    """The ways in which the whole array may be turned, shifted or permuted."""
    gates = cell.gate_blocks(name)
    H = cell.hidden_size
    if name == "x":
        yield "shifted by one step to the end", lambda g: np.roll(g, 1, axis=1)
        yield "shifted by one step to the beginning", lambda g: np.roll(g, -1, axis=1)
        yield "in the reverse order of the steps", lambda g: g[:, ::-1]
        return
    yield "transposed", lambda g: g.T
    yield "the right numbers in the order of the transpose", lambda g: g.T.reshape(g.shape)

    def by_gate(change: Callable[[list[Array]], list[Any]]) -> Callable[[Array], Array]:
        return lambda g: np.concatenate(change(np.split(g, len(gates), axis=-1)), axis=-1)

    if name == "U" and cell.output_size == H:
        yield "transposed gate by gate", by_gate(lambda parts: [part.T for part in parts])
    letters = [cell.letters[gate] for gate in gates]
    for one in range(len(letters)):
        for other in range(one + 1, len(letters)):
            order = list(range(len(letters)))
            order[one], order[other] = order[other], order[one]
            words = f"right, with the blocks of {letters[one]} and {letters[other]} exchanged"
            yield words, by_gate(partial(_ordered, order))


def _ordered(order: list[int], parts: list[Array]) -> list[Array]:
    """The parts in another order."""
    return [parts[k] for k in order]


def _is_single(trials: Sequence[Trial], name: str) -> bool:
    """Whether a float64 gradient is off by the rounding of float32."""
    if trials and trials[0].program.dtype != np.float64:
        return False
    for trial in trials:
        right, theirs = trial.right.gradients[name], trial.theirs.gradients[name]
        if np.abs(theirs - right).max() > 1e-5 * np.abs(right).max():
            return False
    return bool(trials)
