"""What a layer reads and passes on, and the context in which it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Interface:
    """What a layer reads and passes on.

    Attributes
    ----------
    input_size, output_size : int or None
        Size of the last axis of the input and of the output; None if the layer accepts any size
        and does not change it.
    needs_time, takes_vector, keeps_time : bool
        Whether the input must have a time axis; whether it must have none; whether the output keeps
        the time axis.
    makes_time : bool
        Whether the output has a new time axis, independent of the input.
    takes_symbols : bool
        Whether the input is integers (B, T), numbers from 0 to ``input_size - 1``.
    takes_pair : bool
        Whether the input is a source and a target, which no other layer passes on.
    turned : bool
        Whether the outputs are in the reverse order of the input.
    extra_axis : bool
        Whether the outputs have an axis of branches before the last one (``merge="none"``).
    causal : bool
        Whether the output of a step depends on no later step, so that states can be carried over.
    carries : bool
        Whether the states are all that a later part of a sequence needs.
    """

    input_size: int | None = None
    output_size: int | None = None
    needs_time: bool = False
    takes_vector: bool = False
    keeps_time: bool = True
    makes_time: bool = False
    takes_symbols: bool = False
    takes_pair: bool = False
    turned: bool = False
    extra_axis: bool = False
    causal: bool = True
    carries: bool = True

    def then(self, above: Interface) -> Interface:
        """The interface of two layers, one after another.

        Examples
        --------
        >>> sequence, last = Interface(3, 8), Interface(8, 4, needs_time=True, keeps_time=False)
        >>> both = sequence.then(last)
        >>> both.input_size, both.output_size, both.needs_time, both.keeps_time
        (3, 4, True, False)
        """
        same_time = self.keeps_time and not self.makes_time  # above: the input's order
        return Interface(
            input_size=above.input_size if self.input_size is None else self.input_size,
            output_size=self.output_size if above.output_size is None else above.output_size,
            needs_time=self.needs_time or (same_time and above.needs_time),
            takes_vector=self.takes_vector or (same_time and above.takes_vector),
            keeps_time=self.keeps_time and above.keeps_time,
            makes_time=above.makes_time or (self.makes_time and above.keeps_time),
            takes_symbols=self.takes_symbols,
            turned=above.turned ^ (above.keeps_time and self.turned),
            extra_axis=above.extra_axis,
            causal=self.causal and above.causal,
            carries=self.carries and above.carries,
        )


Mask = NDArray[np.bool_] | None
States = tuple[Any, ...]


class Context(NamedTuple):
    """The arguments of a layer besides its parameters and its input.

    Attributes
    ----------
    states : tuple
        One per recurrent layer inside; None if none was given.
    mask, resets, resets_back : bool arrays (B, T), or None
        Valid steps (None for an input without time); steps before which the state is reset;
        the resets in the original order, if time has been reversed.
    rng : numpy.random.Generator, or None
        If given, the layer trains.
    noise : tree, or None
        Draws of an earlier pass, to be used again.
    engine : Engine, or None
        The path by which the layers run; None: the readable path.
    """

    states: States = ()
    mask: Mask = None
    resets: Mask = None
    resets_back: Mask = None
    rng: np.random.Generator | None = None
    noise: Any = None
    engine: Any = None

    def beyond_time(self, mask: Mask = None) -> Context:
        """For a layer above one without a time axis, or above a new time axis with this mask."""
        return self._replace(mask=mask, resets=None, resets_back=None)
