"""`check_precision`: every result of a layer, or of another program, against truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from npstack.core.arguments import check_generator, check_option, check_size
from npstack.core.arrays import as_array
from npstack.core.errors import DtypeError, ShapeError, describe, fail
from npstack.core.numerics import Array
from npstack.core.params import Params
from npstack.core.trees import mapped
from npstack.layers.base import Layer
from npstack.layers.interface import Mask
from npstack.verify.gradients.layer_function import NamedBlock, layer_function
from npstack.verify.precision.half_ulps import (
    DRAWS,
    Results,
    changes,
    computed,
    moves,
    picked,
    relative_to,
    storing,
)
from npstack.verify.precision.ladder import LIMIT, check_rounding
from npstack.verify.precision.number_types import (
    Floats,
    check_wider,
    check_working,
    longdouble,
    number_type,
)
from npstack.verify.precision.precision_report import PrecisionReport, PrecisionRow
from npstack.verify.precision.reference import (
    Progress,
    Reference,
    check_cotangents,
    chosen,
    drawn_cotangents,
    extended,
    flat,
    ticks,
)

ROUNDED = 4  # draws of `Side.rounded`
LINEAR = 0.1  # a larger loss of digits says nothing about that of other numbers
EPS = float(np.finfo(np.float64).eps)


def check_precision(
    layer: Layer,
    x: Array,
    states: Any = None,
    *,
    mask: Mask = None,
    lengths: Any = None,
    resets: Mask = None,
    noise_rng: np.random.Generator | None = None,
    noise: Any = None,
    params: Params | None = None,
    doutputs: Array | None = None,
    dfinal: Any = None,
    results: Mapping[str, Array] | None = None,
    wider_results: Mapping[str, Array] | None = None,
    digits: int | None = None,
    draws: int = DRAWS,
    only: Sequence[str] | None = None,
    entries: int | None = None,
    rng: np.random.Generator | None = None,
    progress: Progress | None = None,
) -> PrecisionReport:
    """How far each result of a layer is from the truth, and whether rounding explains it.

    The layer is run twice, with its own numbers and with wider ones: what rounding has spoilt is
    better with wider numbers, a wrong formula is not.

    Parameters
    ----------
    layer, x, states, mask, lengths, resets, noise_rng, noise, params, doutputs, dfinal
        As for `truth`. Without ``doutputs`` and ``dfinal``, random ones are drawn, and without
        ``states`` random initial states (unless there are ``results``): the same as those of
        `check_gradients` with the same ``rng``, so that one report confirms the other.
    results : dict of arrays, optional
        Judge these instead of the layer's own: what another program computed for the same layer,
        by the names of ``truth(…).arrays`` (``outputs``, ``final.0.h``, ``dW`` …), as many as
        there are.
    wider_results : dict of arrays, optional
        What that program computes in wider numbers.
    digits : int, optional
        Truth and the wider run in mpmath, with this number of decimal digits, instead of
        longdouble.
    draws, only, entries, progress
        As for `conditioning`. A sample of entries holds the largest one of the block.
    rng : numpy.random.Generator, optional
        Draws cotangents, entries and directions; ``default_rng(0)`` if absent.

    Returns
    -------
    PrecisionReport
        ``report.passed``; ``print(report)``.

    Examples
    --------
    A right backward whose gates are saturated loses digits, and rounding explains them:

    >>> from npstack import LSTM
    >>> rng = np.random.default_rng(0)
    >>> layer = LSTM(2, 3, rng=rng)
    >>> layer.params = {name: 20 * value for name, value in layer.params.items()}
    >>> report = check_precision(layer, 10 * rng.standard_normal((1, 4, 2)), entries=2, digits=30)
    >>> report.passed, "rounding" in {row.verdict for row in report.rows}
    (True, True)
    """
    where = "check_precision"
    own = {"mask": mask, "lengths": lengths, "resets": resets}
    given = {"noise_rng": noise_rng, "noise": noise, "params": params}
    drawn = results is None
    function = layer_function(where, layer, x, states, **own, **given, drawn_states=drawn)
    eps = check_working(where, function.tape.outputs.dtype)
    numbers = number_type(where, digits)
    check_wider(where, numbers, function.tape.outputs.dtype)
    draws = check_size(where, "draws", draws)
    rng = np.random.default_rng(0) if rng is None else check_generator(where, rng)
    cotangents = check_cotangents(where, function, doutputs, dfinal)
    if cotangents is None:
        cotangents = drawn_cotangents(function, rng)
    own_gradients = function.gradients(function.inputs, cotangents)
    blocks = chosen(where, function, only, entries, rng, own_gradients)
    count = sum(len(places) for _, places in blocks)
    tick = ticks(where, progress, (1 + draws) * count + (count if digits else 0))
    side = Side(Reference(function, cotangents, numbers), blocks, eps, draws, rng)
    readable, found = side.run(lambda value: value), None
    if results is not None:
        found = side.given("results", results)
    if wider_results is not None:
        wider_results = side.given("wider_results", wider_results)
    with extended(where):
        exact = computed(side.reference, blocks, tick)
        near = exact if digits is None else computed(side.floats, blocks, tick)
        distances = side.moves(eps, near, tick)
    wide, kept, note = side.wider_run()
    noise = side.wider_noise(near, distances, kept)
    if found is not None:
        wide = wider_results or {}
    rows = []
    for label, true in exact.items():
        judged = None
        if label in (found or readable):
            ladder: dict[str, Any] = {}
            if label in wide:
                ladder = {"wider": wide[label], "wider_conditioning": noise[label]}
            judged = check_rounding(
                (found or readable)[label],
                true,
                conditioning=max(distances[label], kept.get(label, 0.0)),
                eps=eps,
                own=readable[label] if found else None,
                wider_eps=numbers.eps,
                **ladder,
            )
        if judged or not found:
            rows.append(PrecisionRow(label, distances[label], judged, eps))
    return PrecisionReport(tuple(rows), eps, numbers.eps, (note,) if note else ())


@dataclass(frozen=True, eq=False)
class Side:
    """What is computed of one layer besides truth.

    Attributes
    ----------
    reference : Reference
        In the wider numbers.
    blocks : list
        The parts of the gradients, and their places.
    eps : float
        Of the layer's numbers.
    draws : int
    rng : numpy.random.Generator
    """

    reference: Reference
    blocks: Sequence[tuple[NamedBlock, Array]]
    eps: float
    draws: int
    rng: np.random.Generator

    @property
    def floats(self) -> Reference:
        """In the widest floats: moves need not be computed in mpmath."""
        return replace(self.reference, numbers=longdouble())

    def run(self, wide: Callable[[Array], Array]) -> Results:
        """Outputs, final states and the layer's own gradients, in any numbers."""
        function, cotangents = self.reference.function, self.reference.cotangents
        assert cotangents is not None
        tape = function.forward({name: wide(v) for name, v in function.inputs.items()})
        doutputs = {name: mapped(wide, tree) for name, tree in cotangents.items()}
        found = flat({"outputs": tape.outputs, "final": tape.final})
        return {**found, **picked(function.back(tape, doutputs), self.blocks)}

    def wider_run(self) -> tuple[Results, dict[str, float], str]:
        """`run` in wider numbers, the moves by `storing`, and why there are none, if so."""
        try:
            wide = self.run(self.reference.numbers.wide)
            near = self.run(longdouble().wide)
            kept = storing(self.floats, self.blocks, self.eps, self.draws, self.rng)
        except Exception as error:  # of a user's layer: without its answer there is no ladder
            words = f"{type(error).__name__}: {error}"
            return {}, {}, f"there is no ladder: in wider numbers, backward raises {words}"
        return wide, {label: relative_to(v, near[label]) for label, v in kept.items()}, ""

    def moves(
        self, eps: float, near: Results, tick: Callable[[], None] = lambda: None
    ) -> dict[str, float]:
        """Conditioning: how far each block moves by half a unit of numbers with this eps."""
        return moves(self.floats, self.blocks, tick, near, eps, self.draws, self.rng)

    def rounded(self, near: Results) -> dict[str, float]:
        """How far the truth is off if it is computed in float64.

        A state that is the difference of two numbers next to 1 has lost digits in the forward pass
        already. In longdouble, truth has lost some of them, too, but by so much fewer.
        """
        floats = replace(self.reference, numbers=Floats(np.dtype(np.float64)))
        eps, draws = floats.numbers.eps, min(self.draws, ROUNDED)
        found = changes(floats, self.blocks, lambda: None, near, eps, draws, self.rng)
        return {label: relative_to(value, near[label]) for label, value in found.items()}

    def wider_noise(
        self, near: Results, moves: Mapping[str, float], kept: Mapping[str, float]
    ) -> dict[str, float]:
        """How far the wider numbers of each block, or its truth, may be off by rounding.

        In proportion to the eps, as long as it is little: where the last digits of the inputs
        decide about everything, it is measured, and where those of the states do, it is unknown.
        """
        fine, eps = longdouble().eps, self.reference.numbers.eps
        again = self.moves(fine, near) if max(moves.values()) >= LIMIT else moves
        rounded = self.rounded(near)
        noise = {}
        for label, move in moves.items():
            if move < LIMIT:
                share = move / self.eps
            else:
                share = again[label] / fine if again[label] < LIMIT else np.inf
            lost = rounded[label] / EPS if rounded[label] < LINEAR else np.inf
            noise[label] = eps * max(share, lost, kept.get(label, 0.0) / self.eps)
        return noise

    def given(self, name: str, results: Mapping[str, Array]) -> Results:
        """Check what another program computed, and pick the same places."""
        where, function = "check_precision", self.reference.function
        if not isinstance(results, Mapping):
            advice = "Use {'dW': …, 'outputs': …}."
            fail(DtypeError, where, f"{name} must be a dictionary", describe(results), advice)
        values = flat(function.values(function.inputs))
        shapes = {key: value.shape for key, value in values.items()}
        shapes |= {f"d{block.name}": function.inputs[block.name].shape for block, _ in self.blocks}
        found = {}
        for key, value in results.items():
            key = check_option(where, f"a name in {name}", key, shapes)
            array = as_array(where, f"{name}[{key!r}]", value)
            if array.dtype.kind not in "fO":
                expected = f"{name}[{key!r}] must be floating point"
                fail(DtypeError, where, expected, describe(array), "Use .astype(np.float64).")
            if array.shape != shapes[key]:
                expected = f"{name}[{key!r}] must have shape {shapes[key]}"
                fail(ShapeError, where, expected, array.shape, "Transpose or split it first.")
            found[key] = array
        gradients = {key.removeprefix("d"): v for key, v in found.items() if key not in values}
        return {k: v for k, v in found.items() if k in values} | picked(gradients, self.blocks)
