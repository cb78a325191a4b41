"""Reversed: time read from its end to its beginning."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from npstack.core.arguments import check_option
from npstack.core.errors import ArgumentError, fail
from npstack.core.numerics import Array
from npstack.core.params import Params
from npstack.core.tape import Tape
from npstack.layers.base import Layer
from npstack.layers.boundary import tape_of
from npstack.layers.interface import Context, Mask, States
from npstack.layers.wrapper import Wrapper, WrapperTape


@dataclass(frozen=True, eq=False, repr=False)
class ReversedTape(WrapperTape):
    """One forward pass from the end; its part is in the order of reading."""


class Reversed(Wrapper):
    """A layer that reads time from its end to its beginning.

    The whole time axis is reversed, and the mask with it. A masked step holds the state, so each
    row is read from its last valid step to its first, whatever its length: the states are the same
    as when the valid part alone is read backwards.

    Parameters
    ----------
    layer : Layer
    order : {"time", "as_read"}
        ``time``: the outputs are put back in the order of time, as in PyTorch, ONNX and Flax with
        ``keep_order``. ``as_read``: the output of the last step comes first, and the mask of the
        layers above is reversed, too (Keras ``go_backwards``).

    Examples
    --------
    >>> from npstack import LSTM
    >>> layer = Reversed(LSTM(1, 2, rng=np.random.default_rng(0)))
    >>> tape = layer.forward(np.ones((1, 3, 1)))
    >>> bool((tape.outputs[:, 0] == tape.final.h).all())  # the first step is read last
    True
    """

    tape_type = ReversedTape
    in_series = True

    def __init__(self, layer: Layer, *, order: str = "time") -> None:
        super().__init__(layer, turned=True)
        self.order = check_option("Reversed", "order", order, ("time", "as_read"))
        own = layer.interface
        turned = own.turned ^ (order == "as_read" and own.keeps_time)
        self.interface = replace(own, causal=False, turned=turned)
        if not own.needs_time:
            expected = "layer must need a sequence (B, T, D)"
            fail(ArgumentError, "Reversed", expected, layer, "There is nothing to reverse.")

    def _turned(self, outputs: Array) -> Array:
        """Outputs, or their gradients, reversed if they are put back in the order of time."""
        put_back = self.interface.keeps_time and self.order == "time"
        return outputs[:, ::-1] if put_back else outputs

    def _forward(self, params: Params, x: Array, context: Context) -> ReversedTape:
        x_read = np.ascontiguousarray(x[:, ::-1])
        part = self.layer.pass_on(params, x_read, _turned_context(context))
        part = tape_of(self.layer, part)
        outputs = np.ascontiguousarray(self._turned(part.outputs))
        tape: ReversedTape = self.composed(params, x, context, outputs, [part])
        return tape

    def _backward(
        self, tape: WrapperTape, doutputs: Array, dfinal: States
    ) -> tuple[dict[str, Array], Array | None, States]:
        doutputs = np.ascontiguousarray(self._turned(doutputs))
        dparams, dx, dinitial = self.layer.pass_back(tape.parts[0], doutputs, dfinal)
        return dparams, None if dx is None else np.ascontiguousarray(dx[:, ::-1]), dinitial

    def _after(self, context: Context, tape: Tape) -> Context:
        if not self.interface.keeps_time:
            return super()._after(context, tape)
        return _turned_context(context) if self.interface.turned else context


def _turned_context(context: Context) -> Context:
    """Mask and resets in the order in which they are read from the end."""
    assert context.mask is not None
    resets, back = context.resets, context.resets_back
    resets = turned_resets(resets, context.mask) if back is None else back
    back = context.resets
    return context._replace(mask=context.mask[:, ::-1], resets=resets, resets_back=back)


def turned_resets(resets: Mask, mask: Any) -> Mask:
    """The resets for reading from the end: one at the step before each original reset.

    A reset at step ``t`` separates ``t`` from the valid step before it. Read from the end, that
    step begins a new sequence (§6.6). A reset at the first valid step has no effect and is dropped.

    Examples
    --------
    >>> resets = np.array([[False, False, True, False]])
    >>> turned_resets(resets, np.ones((1, 4), bool))  # steps 3, 2 | 1, 0
    array([[False, False,  True, False]])
    """
    if resets is None:
        return None
    found = np.zeros_like(resets)
    begins = np.zeros(len(resets), bool)  # whether the valid step read last had a reset
    for t in reversed(range(resets.shape[1])):
        found[:, t] = begins & mask[:, t]
        begins = np.where(mask[:, t], resets[:, t], begins)
    return np.ascontiguousarray(found[:, ::-1])
