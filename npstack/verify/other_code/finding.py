"""The pairs of functions in a file, found by their names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple

from npstack.core.errors import ArgumentError, CodeError, DataError, ShapeError, fail
from npstack.verify.other_code.adapt import Pair, made
from npstack.verify.other_code.agreement import DECIDED
from npstack.verify.other_code.calls import Function
from npstack.verify.other_code.packing import KINDS, usual_order_of

FORWARD, BACKWARD = ("forward", "fwd"), ("backward", "bwd")
CELLS_BY_WORD = {"peephole": "peephole", "gru": "gru", "lstm": "lstm", "rnn": "rnn", "elman": "rnn"}
STEPS, SEQUENCES = ("step", "cell"), ("sequence", "layer", "time")
COLUMNS = ("parameters", "params")  # the last argument of a forward with samples in columns


class Found(NamedTuple):
    """The names of two functions, and what they may be: styles and cells, likely ones first."""

    forward: str
    backward: str
    styles: tuple[str, ...]
    cells: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.forward} and {self.backward}"


def pairs(functions: Mapping[str, Any]) -> Iterator[Found]:
    """Every pair of functions that may be a cell, steps first.

    Examples
    --------
    >>> names = ["lstm_forward", "lstm_backward", "lstm_step_forward", "lstm_step_backward"]
    >>> functions = dict.fromkeys([*names, "affine_forward", "affine_backward"], print)
    >>> [(str(pair), pair.styles[0]) for pair in pairs(functions)]
    [('lstm_step_forward and lstm_step_backward', 'step'),
     ('lstm_forward and lstm_backward', 'sequence')]
    """
    found = []
    for name in functions:
        for ahead, back in zip(FORWARD, BACKWARD, strict=True):
            partner = name.replace(ahead, back)
            words = (*CELLS_BY_WORD, *STEPS, *SEQUENCES)
            ours = any(word in name.lower() for word in words) or name == ahead
            if ahead in name and partner in functions and ours:
                found.append(pair_of(functions, name, partner))
    return iter(sorted(found, key=lambda pair: "sequence" in pair.styles[0]))


def pair_of(functions: Mapping[str, Any], forward: str, backward: str) -> Found:
    """Two functions, and what they may be by their names and arguments."""
    name = forward.lower()
    styles: tuple[str, ...] = ("sequence", "step")
    if any(word in name for word in STEPS):
        styles = ("step",)
    elif forward in FORWARD:
        styles = ("step", "sequence")
    arguments = Function(functions[forward], "forward").arguments() or [""]
    if arguments[-1] in COLUMNS:
        turned = {"step": "columns", "sequence": "columns_sequence"}
        styles = tuple(turned[style] for style in styles)
    known = ("lstm", "rnn") if styles[0].startswith("columns") else tuple(KINDS)
    cells = tuple(cell for word, cell in CELLS_BY_WORD.items() if word in name)[:1]
    if cells == ("lstm",) and known == tuple(KINDS):
        cells = ("lstm", "peephole")
    return Found(forward, backward, styles, cells or known)


def chosen(
    where: str,
    functions: Mapping[str, Any],
    forward: str | None,
    backward: str | None,
    classes: Sequence[str] = (),
) -> list[Found]:
    """The pairs of a file: those that are found, or the one that a user has named."""
    names = ", ".join(functions) or "none"
    if forward is None and backward is None:
        every = list(pairs(functions))
        if not every:
            expected = "it must define two functions such as step_forward and step_backward"
            advice = "If they have other names: --forward NAME --backward NAME."
            got = f"functions: {names}"
            if classes:
                got += f"; classes: {', '.join(classes)}"
                advice += " Methods of a class: write two functions that call them."
            fail(DataError, where, expected, got, advice)
        return every
    if forward is None or backward is None:
        one = forward or backward or ""
        table = zip(FORWARD, BACKWARD, strict=True)
        swapped = {a: b for pair in table for a, b in (pair, pair[::-1])}
        partner = next((one.replace(a, b) for a, b in swapped.items() if a in one), one)
        forward, backward = forward or partner, backward or partner
    for name in (forward, backward):
        if name not in functions:
            expected = f"it must define the function {name}"
            fail(DataError, where, expected, f"functions: {names}", "Is the name right?")
    return [pair_of(functions, forward, backward)]


def adapted(
    functions: Mapping[str, Any], pair: Found, *, gates: str | None = None, **options: Any
) -> tuple[Pair, str]:
    """The layer of a pair, in the first style and as the first cell that its functions fit.

    If ``forward`` is npstack's in no order of the gates, npstack's own order is assumed, and the
    second result says so.
    """
    both = functions[pair.forward], functions[pair.backward]
    refused: list[Exception] = []
    unordered: list[tuple[str, str, ArgumentError]] = []
    for style, cell in product(pair.styles, pair.cells):
        try:
            return made(*both, style=style, cell=cell, gates=gates, **options), ""
        except ArgumentError as error:
            unordered.append((style, cell, error))
        except (CodeError, ShapeError) as error:
            if getattr(error, "raised", None) in DECIDED:
                raise
            refused.append(error)
    if not unordered or gates is not None:
        raise (refused or [error for *_, error in unordered])[0]
    style, cell, why = unordered[0]
    layer = made(*both, style=style, cell=cell, gates=usual_order_of(cell), **options)
    return layer, f"wrong: its forward gives {why.got}"
