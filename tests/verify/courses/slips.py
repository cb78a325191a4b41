"""Every mistake of the catalogue, written into the programs of this folder by hand.

``= old`` is an expression that occurs once in a program; each line below it is the name of a
mistake, a colon and what is written instead. The programs share no code with the package.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tests.verify.courses import slips_everywhere as everywhere
from tests.verify.courses import slips_of_lstms as lstms
from tests.verify.courses import slips_of_others as others

Edits = list[tuple[str, str]]

GATES = {"lstm": "ifog", "peephole": "ifog", "gru": "rzn", "gru_reset_before": "rzn", "rnn": None}


def _affine(da: str, dh: str | None) -> str:
    text = everywhere.AFFINE + (everywhere.RECURRENT if dh else "")
    return text.replace("DA", da).replace("DH", dh or "")


STEPS = {
    "lstm": lstms.LSTM_FORWARD
    + lstms.BOTH_FORWARD
    + lstms.BOTH_BACKWARD
    + lstms.LSTM_BACKWARD
    + _affine("da", "da"),
    "peephole": lstms.PEEPHOLE_FORWARD
    + lstms.BOTH_FORWARD
    + lstms.BOTH_BACKWARD
    + lstms.PEEPHOLE_BACKWARD
    + _affine("da", "da"),
    "gru": others.GRUS + others.GRU + _affine("dax", "dah"),
    "gru_reset_before": others.GRUS + others.GRU_RESET_BEFORE + _affine("da", None),
    "rnn": others.RNN + _affine("da", "da"),
}
TOGETHER: dict[str, dict[str, Edits]] = {
    "peephole": lstms.PEEPHOLE_TOGETHER,
    "gru": others.GRU_TOGETHER,
    "gru_reset_before": others.GRU_RESET_BEFORE_TOGETHER,
}


def _read(text: str) -> dict[str, Edits]:
    """The edits of a table, by the name of the mistake."""
    found: dict[str, Edits] = {}
    old = ""
    for line in text.strip().splitlines():
        if line.startswith("= "):
            old = line[2:]
        elif line:
            name, _, new = line.partition(": ")
            found[name] = [(old, new)]
    return found


@cache
def slips(cell: str, loop: bool) -> dict[str, Edits]:
    """The mistakes of a step, or those of the loop over time, as edits of the course's program."""
    if not loop:
        return {**_read(STEPS[cell]), **TOGETHER.get(cell, {})}
    own = everywhere.LOOP_HC if cell in ("lstm", "peephole") else everywhere.LOOP_H
    fourth = {"gru": "b_recurrent", "peephole": "P"}.get(cell)
    more = everywhere.LOOP_OF_FOURTH.replace("FOURTH", fourth) if fourth else ""
    return {**_read(everywhere.LOOP), **_read(own), **_read(more)}


@cache
def source(cell: str) -> str:
    """The text of a course's program."""
    return (Path(__file__).parent / f"{cell}.py").read_text(encoding="utf-8")


def program(cell: str, edits: Edits = ()) -> Any:  # type: ignore[assignment]
    """The functions of a course's program with edits, by name."""
    text = source(cell)
    for old, new in edits:
        assert text.count(old) == 1, (cell, old, text.count(old))
        text = text.replace(old, new)
    space: dict[str, Any] = {}
    exec(compile(text, f"<{cell} of a course>", "exec"), space)
    return space


def functions(cell: str, style: str, edits: Edits = ()) -> tuple[Any, Any]:  # type: ignore[assignment]
    """The pair of functions in a style."""
    space = program(cell, edits)
    prefix = "step_" if style == "step" else ""
    return space[f"{prefix}forward"], space[f"{prefix}backward"]


def without_c(edits: Edits) -> tuple[Any, Any]:
    """An LSTM for whole sequences: h0 goes in, and no gradient of a final state."""
    forward, backward = functions("lstm", "sequence", edits)

    def from_zero(x: Any, h0: Any, Wx: Any, Wh: Any, b: Any) -> Any:
        hs, _, _, cache = forward(x, h0, np.zeros_like(h0), Wx, Wh, b)
        return hs, cache

    def to_h(dhs: Any, cache: Any) -> Any:
        zeros = np.zeros_like(dhs[:, 0])
        dx, dh, _, *sums = backward(dhs, zeros, zeros, cache)
        return dx, dh, *sums

    return from_zero, to_h
