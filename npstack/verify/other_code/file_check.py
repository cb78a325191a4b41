"""The check of a file with a user's functions: gradients, the line that is wrong, laws."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from npstack.core.errors import NpstackError
from npstack.verify.gradients.hints import SHORTER
from npstack.verify.gradients.layer_check import check_gradients
from npstack.verify.gradients.report import Report, Row
from npstack.verify.laws.check import LawReport, Verdict, check_laws
from npstack.verify.mistakes.entry import CELLS
from npstack.verify.mistakes.explanation import FITS, Explanation, incomplete
from npstack.verify.mistakes.naming import explain_layer
from npstack.verify.mistakes.simulate import program_for
from npstack.verify.other_code.adapt import Pair, foreign
from npstack.verify.other_code.agreement import EXCHANGED, fail_single
from npstack.verify.other_code.calls import gradient_of
from npstack.verify.other_code.cells import layer_of_cell
from npstack.verify.other_code.finding import Found, adapted, chosen
from npstack.verify.other_code.program import Limits, Program
from npstack.verify.other_code.sequences import SequencePair
from npstack.verify.other_code.slipped import orders_with_a_slip

STOPPED = "not checked: "
MIRRORS = "gradients_mirror_what_went_in"  # the law that a missing gradient breaks


@dataclass(frozen=True)
class Checked:
    """What was found out about two functions, or a cell; ``print`` it.

    Attributes
    ----------
    name : str
        Of the functions.
    what : str
        What they are, ``"one step of an LSTM"``; empty if that could not be found out.
    trouble : str
        Why they could not be run, or compared with npstack's own cell.
    explanation : Explanation or None
        Which line is wrong.
    gradients : Report or None
        Of the smallest number of steps that is wrong, else of the largest.
    steps : int
        That number.
    laws : LawReport or None
    missing : tuple of str
        The gradients that are not returned.
    notes : tuple of str
    """

    name: str
    what: str = ""
    trouble: str = ""
    explanation: Explanation | None = None
    gradients: Report | None = None
    steps: int = 0
    laws: LawReport | None = None
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def wrong_laws(self) -> tuple[Verdict, ...]:
        """The laws that are broken; a gradient of an input or a state may be left out."""
        broken = () if self.laws is None else self.laws.failures
        return tuple(r for r in broken if not (self.missing and r.law == MIRRORS))

    @property
    def wrong_gradients(self) -> tuple[Row, ...]:
        """The gradients that are wrong, but not those that are not returned."""
        failures = () if self.gradients is None else self.gradients.failures
        return tuple(row for row in failures if row.verdict != "MISSING")

    @property
    def lost(self) -> tuple[str, ...]:
        """The parameters whose gradients are not returned; those of inputs may be left out."""
        return tuple(name for name in self.missing if name not in ("x", "h", "c"))

    @property
    def right(self) -> bool:
        """Whether everything that is returned is right."""
        if self.trouble or self.laws is None or not self.gradients:
            return False
        explained = self.explanation is None or self.explanation.right
        return explained and not (self.wrong_gradients or self.wrong_laws)

    @property
    def passed(self) -> bool:
        """Whether everything is right, and every parameter has its gradient."""
        return self.right and not self.lost

    def __str__(self) -> str:
        what = f": {self.what}" if self.what else ""
        parts = ["\n".join([f"{self.name}{what}", *(f"  {note}" for note in self.notes)])]
        if self.trouble:
            parts.append(self.trouble)
        if self.right and self.lost:
            notes = () if self.explanation is None else self.explanation.notes
            parts.append("\n".join([incomplete(map(gradient_of, self.lost)), *notes]))
        elif self.explanation is not None:
            parts.append(str(self.explanation))
        if self.gradients is not None:
            parts.append("\n".join(self._of_gradients(self.gradients)))
        if self.laws is not None:
            parts.append("\n".join(self._of_laws(self.laws)))
        return "\n\n".join(parts)

    def _of_laws(self, report: LawReport) -> list[str]:
        wrong = self.wrong_laws
        count = sum(row.verdict == "holds" for row in report.rows)
        words = f"laws: {count} of {count + len(wrong)} hold"
        if self.wrong_gradients and not wrong:
            words += "; they do not see what is wrong"
        return [*(f"{row.law} {row.verdict} {row.detail}" for row in wrong), words]

    def _of_gradients(self, report: Report) -> list[str]:
        steps = f"gradients of {self.steps} step{'s' * (self.steps > 1)}"
        if self.wrong_gradients or self.lost:
            return [f"{steps}:", str(report)]
        rows = [row for row in report.rows if row.verdict != "MISSING"]
        route = {"complex": "by complex step"}.get(report.route, "by differences")
        worst = max((row.error for row in rows), default=0.0)
        lost = f"; MISSING: {', '.join(map(gradient_of, self.missing))}" if self.missing else ""
        return [f"{steps}: {len(rows)} blocks right {route}, largest error {worst:.1e}{lost}"]


def check_file(
    path: str | Path,
    *,
    forward: str | None = None,
    backward: str | None = None,
    style: str | None = None,
    cell: str | None = None,
    gates: str | None = None,
    input_size: int = 3,
    hidden_size: int = 4,
    batch: int = 2,
    steps: int = 5,
    dtype: Any = np.float64,
    seed: int = 0,
    limits: Limits = Limits(),  # noqa: B008
) -> Iterator[Checked]:
    """Check what a file defines: pairs of functions, and cells that inherit from `npstack.Cell`.

    The file runs in a process of its own; see `Program`. Parameters are those of ``npstack check``.

    Raises
    ------
    CodeError, DataError, OSError
        The file does not run, or defines none of these.
    """
    with Program(path, limits) as program:
        rng = np.random.default_rng(seed)
        sizes = {"input_size": input_size, "hidden_size": hidden_size, "dtype": dtype, "rng": rng}
        shape = batch, steps, input_size
        unnamed = forward is None and backward is None
        for name in program.cells if unnamed else ():
            try:
                layer: Pair = layer_of_cell(program, name, **sizes)
            except NpstackError as error:
                yield Checked(name, trouble=f"{STOPPED}{error}")
                continue
            yield _checked(name, layer, "", shape, rng)
        if program.cells and unnamed:
            return
        right_steps: dict[str, str] = {}
        for pair in chosen(
            program.path.name, program.functions, forward, backward, program.classes
        ):
            pair = pair._replace(styles=(style,)) if style else pair
            pair = pair._replace(cells=(cell,)) if cell else pair
            try:
                layer, why = adapted(program.functions, pair, gates=gates, **sizes)
                if why:
                    layer, why = _by_a_slip(program, pair, layer, why, sizes)
            except NpstackError as error:
                wrong = getattr(error, "raised", None) == EXCHANGED
                trouble = f"{'wrong: ' if wrong else STOPPED}{error}"
                yield Checked(str(pair), trouble=trouble, notes=_of_program(program))
                continue
            is_step = not isinstance(layer, SequencePair)
            step = "" if is_step else right_steps.get(layer.kind, "")
            found = _checked(str(pair), layer, why, shape, rng, _of_program(program), step)
            explained = found.explanation
            if is_step and explained is not None and explained.right and not explained.missing:
                right_steps[layer.kind] = pair.backward
            yield found


def _by_a_slip(
    program: Program, pair: Found, layer: Pair, why: str, sizes: dict[str, Any]
) -> tuple[Pair, str]:
    """The layer in the order of the gates in which a known slip explains its forward, if any."""
    style = "sequence" if isinstance(layer, SequencePair) else "step"
    forward, backward = program.functions[pair.forward], program.functions[pair.backward]

    def build(order: str, backward: Any = None) -> Pair:
        how: dict[str, Any] = {"style": style, "cell": layer.kind, "gates": order}
        return foreign(forward, backward, layer.params, **how)

    found = orders_with_a_slip(layer, build)
    return (build(found[0], backward), "") if found else (layer, why)


def _of_program(program: Program) -> tuple[str, ...]:
    """What is worth knowing about the file."""
    if not program.replaced:
        return ()
    return (f"it replaces functions of NumPy: {', '.join(program.replaced)}",)


def _checked(
    name: str,
    layer: Pair,
    why: str,
    shape: tuple[int, int, int],
    rng: np.random.Generator,
    notes: tuple[str, ...] = (),
    right_step: str = "",
) -> Checked:
    """Run every check on a layer; an exception of its functions ends them, and is reported."""
    how = "a sequence of" if isinstance(layer, SequencePair) else "one step of"
    what = f"{how} {CELLS[layer.kind]}" if layer.kind in CELLS else "one step of a cell of its own"
    found: dict[str, Any] = {"what": what, "trouble": why, "missing": layer.missing}
    B, T, D = shape
    try:
        if layer.single == "backward" and layer.dtype == np.float64:
            fail_single(layer.cell.backward.name)
        for steps in sorted({1, min(2, T), T}):
            x = rng.standard_normal((B, steps, D)).astype(layer.dtype)
            report = check_gradients(layer, x, rng=rng)
            hints = tuple(hint for hint in report.hints if hint != SHORTER)  # it is done here
            found |= {"gradients": replace(report, hints=hints), "steps": steps}
            if any(row.verdict != "MISSING" for row in report.failures):
                break
        if layer.kind not in CELLS:
            notes = (*notes, "the catalogue of mistakes is about other cells")
        elif not why:
            found["explanation"] = explain_layer(
                layer, program_for(layer, None), B, T, rng, right_step=right_step
            )
        found["laws"] = check_laws(layer, rng=rng, batch=max(B, 3), steps=max(T, 3))
    except NpstackError as error:
        found["trouble"] = "\n".join(filter(None, (why, f"{STOPPED}{error}")))
    own = () if "explanation" in found else layer.notes  # an explanation has them, too
    checked = Checked(name, notes=(*notes, *own), **found)
    if why and found["trouble"] == why and not checked.wrong_gradients:
        return replace(checked, trouble=f"{why}.\n{FITS}")
    return checked
