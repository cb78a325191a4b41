"""Outputs without tapes: of a whole sequence in little memory, or step by step as it arrives.

A layer in which no step depends on a later one may read a sequence in parts: the final states of a
part are the initial states of the next. Nothing else is kept, so the memory does not grow with the
number of steps.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from npstack.core.arrays import as_array
from npstack.core.errors import ArgumentError, NonFiniteError, ShapeError, fail
from npstack.core.masks import check_bool_mask, check_mask, check_resets
from npstack.core.numerics import Array
from npstack.layers.base import Layer
from npstack.layers.boundary import check_built, check_causal
from npstack.layers.interface import Mask
from npstack.layers.twins import Engine, check_engine

LONGEST, NUMBERS = 256, 2**24  # steps that are read at once; numbers that they may leave on a tape


def predict(
    model: Layer,
    x: Any,
    states: Any = None,
    *,
    mask: Mask = None,
    lengths: Any = None,
    resets: Mask = None,
    engine: Engine | str | None = None,
) -> Array:
    """The outputs of a model that does not train, without a tape.

    The sequence is read in parts if the model allows it; then only the outputs take memory that
    grows with the number of steps. A model in which a step depends on later ones reads it at once.

    Parameters
    ----------
    model : Layer
    x, states, mask, lengths, resets, engine
        As for ``model.forward``. The budget of an engine is for training, and is ignored.

    Returns
    -------
    array
        ``tape.outputs`` of ``model.forward``, to rounding.

    Raises
    ------
    NpstackError
        As `Layer.forward`.

    Examples
    --------
    >>> from npstack import LSTM
    >>> rng = np.random.default_rng(0)
    >>> model, x = LSTM(3, 4, return_sequences=False, rng=rng), rng.standard_normal((2, 999, 3))
    >>> bool(np.allclose(predict(model, x), model.forward(x).outputs))
    True
    """
    where = "predict"
    check_built(where, "model", model)
    axes = 2 if model.interface.takes_symbols else 3
    in_parts = _in_parts(model)
    x = as_array(where, "x", x) if in_parts else x
    if not in_parts or x.ndim != axes:
        told = {"mask": mask, "lengths": lengths, "resets": resets, "engine": engine}
        return _read(model, x, states, 0, **told)[0]
    if mask is not None or lengths is not None or resets is not None:
        mask = check_mask(where, mask, lengths, x.shape[:2])
        resets = check_resets(where, resets, mask)
    T = x.shape[1]
    size = _steps(model, len(x), T)
    outputs: Any = None
    for a in range(0, max(T, 1), size):
        part = slice(a, a + size)
        within = {"mask": _part(mask, part), "resets": _part(resets, part), "engine": engine}
        found, states = _read(model, x[:, part], states, a, **within)
        if size >= T or not model.interface.keeps_time:
            outputs = found
            continue
        if outputs is None:
            outputs = np.empty((len(x), T, *found.shape[2:]), found.dtype)
        outputs[:, part] = found
    return np.asarray(outputs)


class Stream:
    """A model that reads a sequence step by step, as it arrives, and keeps nothing but its states.

    Parameters
    ----------
    model : Layer
        No step may depend on a later one.
    states : state, or tuple of one state per recurrent layer, optional
        Initial states, as for ``model.forward``.
    engine : {"readable", "fused", "wavefront", "auto"}, or Engine, optional
        How it is computed, if not by the engine of the model.

    Attributes
    ----------
    states
        After the last step that was read, for ``model.forward`` or another stream; what was given,
        before the first.
    steps : int
        How many have been read.

    Raises
    ------
    ArgumentError
        The model cannot read a sequence in parts.

    Examples
    --------
    >>> from npstack import LSTM
    >>> rng = np.random.default_rng(0)
    >>> model, x = LSTM(3, 4, rng=rng), rng.standard_normal((2, 9, 3))
    >>> stream = Stream(model)
    >>> outputs = [stream.step(x[:, t]) for t in range(9)]
    >>> bool(np.allclose(np.stack(outputs, axis=1), model.forward(x).outputs))
    True
    >>> stream.steps, stream.states.h.shape
    (9, (2, 4))
    """

    def __init__(
        self, model: Layer, states: Any = None, *, engine: Engine | str | None = None
    ) -> None:
        check_built("Stream", "model", model)
        check_causal("Stream", "it", model)
        if not _in_parts(model):
            expected = "it needs a model that reads one sequence, and whose states are all it keeps"
            advice = "Use model.forward on the whole sequence, or predict."
            fail(ArgumentError, "Stream", expected, type(model).__name__, advice)
        self.model, self.states, self.steps = model, states, 0
        self.engine = None if engine is None else check_engine("Stream", engine)
        self._rows: int | None = None

    def step(self, x: Any, *, mask: Any = None, resets: Any = None) -> Array:
        """Read one step.

        Parameters
        ----------
        x : array (B, D), or integers (B,) for a model of symbols
        mask : bool array (B,), optional
            False: this row has no step now; its state stays, and its output is zero.
        resets : bool array (B,), optional
            True: something new begins in this row, and its state is reset before the step.

        Returns
        -------
        array (B, K)
            The output at this step.
        """
        where, keeps_time = "Stream.step", self.model.interface.keeps_time
        x = self._check(where, as_array(where, "x", x))
        if mask is not None:
            mask = check_bool_mask(where, mask, (len(x),), "mask", "where there is a step")
        if resets is not None:
            meaning = "where something new begins"
            resets = check_bool_mask(where, resets, (len(x),), "resets", meaning)
        within = {"mask": _column(mask), "resets": _column(resets), "engine": self.engine}
        found, self.states = _read(self.model, x[:, np.newaxis], self.states, self.steps, **within)
        self.steps, self._rows = self.steps + 1, len(x)
        return found[:, 0] if keeps_time else found

    def _check(self, where: str, x: Array) -> Array:
        """One step of every row."""
        size, symbols = self.model.input_size, self.model.interface.takes_symbols
        rows = "B" if self._rows is None else f"B={self._rows}"
        wanted = (
            f"({rows},)" if symbols else f"({rows}, D)" if size is None else f"({rows}, D={size})"
        )
        sizes = [self._rows] if symbols else [self._rows, size]
        if x.ndim != len(sizes) or any(
            one not in (None, given) for one, given in zip(sizes, x.shape, strict=True)
        ):
            advice = "It is one step of every row, and always of the same rows."
            fail(ShapeError, where, f"x must be {wanted}", x.shape, advice)
        return x


def _in_parts(model: Layer) -> bool:
    """Whether a model reads one sequence, which may be given in parts."""
    needs = model.interface
    whole = needs.takes_pair or needs.takes_vector or needs.makes_time
    return needs.causal and needs.carries and not whole


def _steps(model: Layer, rows: int, steps: int) -> int:
    """How many steps are read at once: a tape holds some eight numbers for every output.

    The parts are about equally long; each begins with work that does not depend on its length.
    """
    width = sum(layer.output_size or 0 for layer in (model, *model.inside()))
    longest = max(8, min(LONGEST, NUMBERS // (8 * max(1, rows * width))))
    count = max(1, -(-steps // longest))
    even = next((n for n in range(count, 2 * count) if steps % n == 0), count)
    return -(-steps // even) or longest  # parts of two lengths would take arrays of both


def _part(values: Any, part: slice) -> Any:
    return None if values is None else values[:, part]


def _column(values: Any) -> Any:
    return None if values is None else values[:, np.newaxis]


def _read(model: Layer, x: Any, states: Any, first: int, **how: Any) -> tuple[Array, Any]:
    """Outputs and final states of some steps; errors count from ``first`` steps before them."""
    where, engine = f"{type(model).__name__}.forward", how.pop("engine")
    engine = model.engine if engine is None else check_engine(where, engine)
    try:
        tape = model.forward(x, states, engine=replace(engine, budget=None), **how)
    except NonFiniteError as error:
        if error.step is not None:
            error.step += first
        raise
    found, final = np.array(tape.outputs), tape.final
    tape.release()
    return found, final
