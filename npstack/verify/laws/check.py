"""All laws on one layer, and the table of verdicts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from npstack.core.arguments import check_generator, check_positive, check_size
from npstack.core.errors import ArgumentError, fail
from npstack.core.numerics import Array
from npstack.layers.base import Layer
from npstack.layers.boundary import check_built
from npstack.verify.laws import general, purity, resets
from npstack.verify.laws.base import Law
from npstack.verify.laws.source_side import SourceSide
from npstack.verify.laws.trial import LawBroken, NotApplicable

LAWS: dict[str, Law] = {
    name: law
    for module in (general, resets, purity)
    for name, law in vars(module).items()
    if isinstance(law, Law)
}


class Verdict(NamedTuple):
    """The result of one law: ``holds``, ``BROKEN``, ``ERROR`` or ``not applicable``."""

    law: str
    verdict: str
    detail: str


@dataclass(frozen=True)
class LawReport:
    """The result of `check_laws`; ``print(report)`` is a table."""

    rows: tuple[Verdict, ...]

    @property
    def passed(self) -> bool:
        """Whether every law that applies holds, and at least one applies."""
        return not self.failures and any(row.verdict == "holds" for row in self.rows)

    @property
    def failures(self) -> tuple[Verdict, ...]:
        """The laws that do not hold."""
        return tuple(row for row in self.rows if row.verdict not in ("holds", "not applicable"))

    def __str__(self) -> str:
        cells = [("law", "verdict", "detail")]
        cells += [(row.law.replace("_", " "), row.verdict, row.detail) for row in self.rows]
        wide = [max(len(line[k]) for line in cells) for k in range(2)]
        lines = [f"{a:<{wide[0]}}  {b:<{wide[1]}}  {c}".rstrip() for a, b, c in cells]
        count = {v: sum(row.verdict == v for row in self.rows) for v in ("holds", "not applicable")}
        lines.append(
            f"{count['holds']} of {len(self.rows) - count['not applicable']} laws hold, "
            f"{count['not applicable']} do not apply"
        )
        return "\n".join(lines)


def check_laws(
    layer: Layer,
    *,
    rng: np.random.Generator,
    batch: int = 5,
    steps: int | None = 6,
    tolerance: float = 64.0,
) -> LawReport:
    """Test every law on a layer, with random input, states, mask, resets and dropout.

    Parameters
    ----------
    layer : Layer
        One of npstack or your own, single or composite. For an `EncoderDecoder`, the laws are
        tested on the model as a reader of sources, and on the decoder as a reader of targets.
    rng : numpy.random.Generator
    batch, steps : int
        B and T. ``steps=None`` tests a layer without time on vectors ``(B, D)``.
    tolerance : float
        In eps, for the laws that hold to rounding.

    Returns
    -------
    LawReport
        ``report.passed``; ``print(report)``. A law that does not apply is listed with the reason.

    Examples
    --------
    >>> from npstack import LSTM
    >>> rng = np.random.default_rng(0)
    >>> report = check_laws(LSTM(3, 4, rng=rng), rng=rng)
    >>> report.passed
    True
    >>> [row.law for row in report.rows if row.verdict == "not applicable"]
    ['noise_repeats_the_pass']
    """
    where = "check_laws"
    check_built(where, "layer", layer)
    rng = check_generator(where, rng)
    tolerance = check_positive(where, "tolerance", tolerance, "64 is usual.")
    B = check_size(where, "batch", batch)
    T = None if steps is None else check_size(where, "steps", steps)
    if not layer.interface.takes_pair:
        return LawReport(tuple(_verdicts(layer, rng, B, T, tolerance)))
    rows = []
    for name, side in _sides(where, layer, rng).items():
        found = _verdicts(side, rng, B, T, tolerance, resets=name == "decoder")
        rows += [row._replace(law=f"{name}: {row.law}") for row in found]
    return LawReport(tuple(rows))


def _verdicts(
    layer: Layer,
    rng: np.random.Generator,
    B: int,
    T: int | None,
    tolerance: float,
    resets: bool = True,
) -> Iterator[Verdict]:
    """The result of every law; without ``resets``, each row is one sequence."""
    shape = (B, T) if T is not None else (B,)
    if layer.interface.takes_symbols:
        x: Array = rng.integers(0, layer.input_size or 1, shape)
    else:
        x = rng.standard_normal((*shape, layer.input_size or 3)).astype(layer.dtype or float)
    mask = None if T is None else draw_mask(rng, B, T)
    anew = rng.random((B, T)) < 0.3 if resets and T is not None else None
    for name, law in LAWS.items():
        try:
            law(layer, x, mask=mask, resets=anew, rng=rng, tolerance=tolerance)
            yield Verdict(name, "holds", "")
        except NotApplicable as reason:
            yield Verdict(name, "not applicable", str(reason))
        except LawBroken as broken:
            yield Verdict(name, "BROKEN", str(broken))
        except Exception as error:  # any error of the user's layer is the finding
            yield Verdict(name, "ERROR", f"{type(error).__name__}: {error}")


def _sides(where: str, model: Any, rng: np.random.Generator) -> dict[str, Layer]:
    """A model that reads a pair: as a reader of sources, and its decoder."""
    if model.handover != "all":
        expected = "the encoder must pass on every state"
        advice = "Check the sides: check_laws(model.encoder), check_laws(model.decoder)."
        fail(ArgumentError, where, expected, f"handover={model.handover!r}", advice)
    decoder = model.decoder
    target = rng.integers(0, decoder.input_size or 1, (1, 4))
    if not decoder.interface.takes_symbols:
        target = rng.standard_normal((1, 4, decoder.input_size or 3)).astype(decoder.dtype)
    return {"source": SourceSide(model, target), "decoder": decoder}


def draw_mask(rng: np.random.Generator, batch: int, steps: int) -> Array:
    """A mask with padding right and left, holes, and (with three or more rows) an empty row.

    Examples
    --------
    >>> draw_mask(np.random.default_rng(0), 4, 6).sum(axis=1) < 6
    array([False,  True,  True,  True])
    """
    mask = rng.random((batch, steps)) < 0.6
    mask[0] = True
    if batch > 2:
        mask[1] = np.arange(steps) >= steps // 2
        mask[2] = False
    return mask
