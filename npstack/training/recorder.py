"""A recorder: the tapes of one probe input over the epochs of training."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from npstack.core.arguments import check_size
from npstack.core.errors import DtypeError, fail
from npstack.core.masks import check_bool_mask
from npstack.core.tape import Tape
from npstack.core.trees import mapped, named
from npstack.layers import Layer
from npstack.losses.samples import as_arrays


class Recorder:
    """Keeps the tape of a probe input before training and after every epoch.

    The probe is read in evaluation: without dropout or random numbers, and without a change of
    parameters; training has the same bits with and without a recorder. A tape holds its
    parameters, so the weights over training are kept, too.

    Parameters
    ----------
    x : array (B, T, D), or another input of the model
        The probe: a few rows of interest.
    mask : bool array (B, T), optional
        True at valid steps.
    every : int
        A tape is kept after every ``every`` epochs, and before training.

    Attributes
    ----------
    epochs : list of int
        0 is before training.
    tapes : list of Tape
        One per recorded epoch; `npstack.plots.layers_over_training` draws them.

    Examples
    --------
    >>> from npstack import LSTM, fit
    >>> rng = np.random.default_rng(0)
    >>> model, x = LSTM(1, 1, rng=rng), rng.standard_normal((8, 5, 1))
    >>> recorder = Recorder(x[:1])
    >>> history = fit(model, (x, x), epochs=2, batch_size=4, rng=rng, recorder=recorder)
    >>> recorder.epochs, recorder.tapes[-1].gates.forget.shape
    ([0, 1, 2], (1, 5, 1))
    """

    def __init__(self, x: Any, mask: NDArray[np.bool_] | None = None, *, every: int = 1) -> None:
        where = "Recorder"
        if x is None:
            expected, advice = "x must be what the model reads", "Recorder(x[:1]) keeps a row."
            fail(DtypeError, where, expected, "None", advice)
        self.x = mapped(np.array, as_arrays(where, "x", x))  # later changes of x do not matter
        self.mask = mask
        if mask is not None:
            first = next(iter(named("x", self.x).values()))
            self.mask = check_bool_mask(where, mask, first.shape[:2]).copy()
        self.every = check_size(where, "every", every, "1 keeps every epoch.")
        self.epochs: list[int] = []
        self.tapes: list[Tape] = []

    def record(self, model: Layer, epoch: int) -> None:
        """Read the probe if a tape of this epoch is to be kept and is not kept yet."""
        if epoch % self.every == 0 and epoch not in self.epochs:
            tape = model.forward(self.x, mask=self.mask)
            self.epochs.append(epoch)
            self.tapes.append(tape)
