"""What every layer is: ``params``, ``forward -> tape``, ``backward -> gradients``.

`Layer` holds the public boundary, once for all layers: arguments are checked, padding is put to
zero, missing states are filled in. Behind it a layer writes two methods that may assume all that:
``_forward`` and, as its mirror image, ``_backward``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from npstack.core import params as names
from npstack.core.arguments import check_generator
from npstack.core.arrays import check_input, check_params, check_symbol_range, check_symbols
from npstack.core.errors import ArgumentError, NonFiniteError, fail
from npstack.core.masks import (
    check_finite,
    check_mask,
    check_no_mask,
    check_resets,
    zero_where_masked,
)
from npstack.core.numerics import Array
from npstack.core.params import Params
from npstack.core.tape import Gradients, Tape
from npstack.layers.boundary import check_doutputs, check_states, check_tape
from npstack.layers.summary import summary

Mask = NDArray[np.bool_] | None
States = tuple[Any, ...]


class Context(NamedTuple):
    """What a layer is told besides its parameters and its input.

    Attributes
    ----------
    states : tuple
        One per recurrent layer inside; None where none was given.
    mask, resets, resets_back : bool arrays (B, T), or None
        Valid steps (None for an input without time); steps before which the state begins anew;
        where that was before time was turned round, to be turned back.
    rng : numpy.random.Generator, or None
        Given, the layer trains.
    noise : tree, or None
        Draws of an earlier pass, to be used again.
    """

    states: States = ()
    mask: Mask = None
    resets: Mask = None
    resets_back: Mask = None
    rng: np.random.Generator | None = None
    noise: Any = None


class Layer(ABC):
    """Base of all layers; see `forward` and `backward`.

    Attributes
    ----------
    input_size, output_size : int or None
        Size of the last axis that comes in and goes out; None where the layer accepts any size
        and passes it on unchanged.
    needs_time, takes_vector, keeps_time : bool
        Whether the input must have a time axis; must have none; whether the output keeps it.
    makes_time : bool
        Whether the output has a time axis of its own, which the input need not have.
    takes_symbols : bool
        Whether the input is integers (B, T), numbers from 0 to ``input_size - 1``.
    turned : bool
        Whether the outputs stand in the reverse order of the input.
    extra_axis : bool
        Whether the outputs have an axis of branches before the last one (``merge="none"``).
    causal : bool
        Whether the output of a step depends on no later step: what state can be carried over.
    """

    input_size: int | None = None
    output_size: int | None = None
    needs_time: bool = False
    keeps_time: bool = True
    makes_time: bool = False
    takes_symbols: bool = False
    takes_vector: bool = False
    turned: bool = False
    extra_axis: bool = False
    causal: bool = True
    tape_type: type[Tape] = Tape

    def __init__(self, params: Params) -> None:
        self._params = dict(params)
        self.params = self._params

    # ---- parameters ------------------------------------------------------------------------

    @property
    def params(self) -> Params:
        """The parameters by name. Assign a complete dictionary to change them.

        The arrays are write-protected and replaced, never changed: a tape that refers to them
        stays true after a training step.
        """
        return MappingProxyType(self._params)

    @params.setter
    def params(self, params: Params) -> None:
        check_params(f"{type(self).__name__}.params", params, self._params)
        self._store(params)

    def _store(self, params: Params) -> None:
        self._params = {name: np.array(params[name]) for name in self._params}
        for value in self._params.values():
            value.flags.writeable = False

    @property
    def dtype(self) -> np.dtype[Any] | None:
        """The dtype of the parameters; None for a layer without any."""
        return names.dtype_of(self.params)

    @property
    def recurrent(self) -> tuple[Layer, ...]:
        """The layers inside that have a state, bottom first; a pair of directions is one."""
        return ()

    def _all_layers(self) -> Iterator[Layer]:
        """Every layer below this one, those that hold others too."""
        yield from ()

    @property
    def parameter_formula(self) -> str:
        """How the number of parameters comes about, in the legend's letters."""
        return ""

    # ---- the public boundary -----------------------------------------------------------------

    def forward(
        self,
        x: Array,
        states: Any = None,
        *,
        mask: Mask = None,
        lengths: Sequence[int] | Array | None = None,
        resets: Mask = None,
        rng: np.random.Generator | None = None,
        params: Params | None = None,
        noise: Any = None,
    ) -> Tape:
        """Run the layer and leave a tape.

        Parameters
        ----------
        x : array (B, T, D), (B, D) for layers without time, integers (B, T) for an embedding
            Of the parameters' dtype. What stands at masked steps does not matter.
        states : state, or tuple of one state per recurrent layer, optional
            Where to begin; zeros by default, or what the layer has learned to begin with.
            ``tape.final`` of an earlier call fits.
        mask : bool array (B, T), optional
            True at valid steps; holes and left padding are allowed.
        lengths : int array (B,), optional
            Instead of a mask: the first ``lengths[b]`` steps of row ``b`` are valid.
        resets : bool array (B, T), optional
            True at valid steps with which something new begins (an episode, a document): every
            recurrent layer forgets its state before that step. Ignored at masked steps.
        rng : numpy.random.Generator, optional
            Given, the layer trains (dropout on); absent, it evaluates.
        params : dict, optional
            Run with these parameters instead of the layer's own, which stay as they are.
        noise : tree, optional
            ``tape.noise`` of an earlier call: its random draws are used again.

        Returns
        -------
        Tape
            ``tape.outputs``, ``tape.final``, ``tape.layers[k].gates`` …

        Raises
        ------
        ShapeError, DtypeError, ArgumentError
            A wrong argument; the message says what was expected, what came and what to do.
        NonFiniteError
            NaN or infinity at a valid step of ``x``, or born in a layer.
        """
        where = f"{type(self).__name__}.forward"
        if params is None:
            params = dict(self.params)
        else:
            check_params(where, params, self.params)
        dtype = names.dtype_of(params)
        if self.takes_symbols:
            x = check_symbols(where, x, self.input_size)
        else:
            x = check_input(where, x, self.input_size, dtype, self.needs_time)
        if self.takes_symbols or x.ndim == 3:
            mask = check_mask(where, mask, lengths, x.shape[:2])
            resets = check_resets(where, resets, mask)
        else:
            check_no_mask(where, mask, lengths, resets)
        if self.takes_symbols:
            check_symbol_range(where, x, mask, self.input_size)
        else:
            check_finite(where, "x", x, mask)
        if rng is not None:
            check_generator(where, rng)
            if noise is not None:
                expected = "give rng (new draws) or noise (old draws)"
                fail(ArgumentError, where, expected, "both", "Leave one out.")
        state_dtype = x.dtype if dtype is None else dtype
        begin = self._check_states(where, "states", states, len(x), state_dtype)
        context = Context(begin, mask, resets, rng=rng, noise=noise)
        tape = self._forward(params, zero_where_masked(x, mask), context)
        for place, step, what in self._non_finite("", tape):
            expected = "every number must stay finite"
            got = f"NaN or infinity first at time step {{step}} of {place}, in {what!r}"
            advice = "Scale the inputs, or look for parameters that have grown too large."
            fail(NonFiniteError, where, expected, got, advice, step=step, layer=place, gate=what)
        return tape

    def backward(
        self, tape: Tape, doutputs: Array | None = None, dfinal_states: Any = None
    ) -> Gradients:
        """Read a tape from its end to its beginning.

        Parameters
        ----------
        tape : Tape
            From `forward`; or recorded elsewhere, with the same fields.
        doutputs : array like ``tape.outputs``, optional
            Derivative of the loss by the outputs; what stands at masked steps is ignored.
            May be left out if ``dfinal_states`` is given (an encoder whose outputs nobody reads).
        dfinal_states : state, or tuple of one state per recurrent layer, optional
            Derivative of the loss by ``tape.final``.

        Returns
        -------
        Gradients
            ``params`` (same names), ``x``, ``initial_states``.

        Raises
        ------
        TapeError
            The tape is another model's.
        ShapeError, DtypeError, ArgumentError, NonFiniteError
            A wrong argument.
        """
        where = f"{type(self).__name__}.backward"
        self._check_tape(where, tape)
        dtype = tape.outputs.dtype
        if doutputs is None:
            if dfinal_states is None:
                expected = "give doutputs, dfinal_states or both"
                fail(ArgumentError, where, expected, "neither", "What does the loss depend on?")
            doutputs = np.zeros_like(tape.outputs)
        doutputs = check_doutputs(where, doutputs, tape)
        mask = self._after(Context(mask=tape.mask), tape).mask
        check_finite(where, "doutputs", doutputs, mask)
        dfinal = self._check_states(where, "dfinal_states", dfinal_states, len(tape.x), dtype)
        doutputs = zero_where_masked(doutputs, mask)
        dparams, dx, dinitial = self._backward(tape, doutputs, dfinal)
        return Gradients(dparams, dx, self._public_states(dinitial))

    def summary(self, batch_size: int = 1, time_steps: int = 1) -> str:
        """Layers, output shapes, parameter counts, and the memory that a tape will take.

        Examples
        --------
        >>> from npstack import StackedLSTM
        >>> stack = StackedLSTM(3, [8, 4], rng=np.random.default_rng(0))
        >>> print(stack.summary(batch_size=2, time_steps=5))
        layer        output shape  parameters
        0.LSTM       (2, 5, 8)            384 = 4H(D + H + 1), D=3, H=8
        1.LSTM       (2, 5, 4)            208 = 4H(D + H + 1), D=8, H=4
        StackedLSTM  (2, 5, 4)            592
        tape for B=2, T=5: 7,738 bytes
        """
        return summary(self, batch_size, time_steps)

    def __repr__(self) -> str:
        sizes = f"{self.input_size} -> {self.output_size}, " if self.output_size else ""
        return f"{type(self).__name__}({sizes}{names.count(self.params):,} parameters)"

    # ---- what a layer writes -------------------------------------------------------------------

    @abstractmethod
    def _forward(self, params: Params, x: Array, context: Context) -> Tape:
        """Compute; arguments are checked, ``x`` is zero where masked, outputs must be too.

        ``context.noise`` is None, or what an earlier tape of this layer held.
        """

    @abstractmethod
    def _backward(
        self, tape: Any, doutputs: Array, dfinal: States
    ) -> tuple[dict[str, Array], Array | None, States]:
        """Mirror of `_forward`; ``doutputs`` is zero where masked, ``dx`` must be too.

        ``dfinal`` holds None where nothing comes back to a state.
        """

    # ---- what a layer may change or extend -------------------------------------------------------

    def _after(self, context: Context, tape: Tape) -> Context:
        """What the layer above is told of time: the mask travels as long as the time axis does."""
        return context if self.keeps_time else context._replace(mask=None, resets=None)

    def _outputs_shape(self, tape: Tape) -> tuple[int, ...]:
        """The shape that the outputs of a tape must have."""
        leading = tape.x.shape[: 2 if tape.mask is not None and self.keeps_time else 1]
        return (*leading, self.output_size or tape.x.shape[-1])

    def _blank_input(self, steps: int) -> Array:
        if self.takes_symbols:
            return np.zeros((1, steps), int)
        leading = (1,) if self.takes_vector else (1, steps)
        return np.zeros((*leading, self.input_size or 1), self.dtype or np.float64)

    def _check_states(
        self, where: str, name: str, states: Any, batch: int, dtype: np.dtype[Any]
    ) -> States:
        """One state per recurrent layer; None where none is given."""
        if self.recurrent == (self,):
            if states is None:
                return (None,)
            return (self.check_state(where, name, states, batch, dtype),)
        return check_states(self.recurrent, where, name, states, batch, dtype)

    def check_state(
        self, where: str, name: str, state: Any, batch: int, dtype: np.dtype[Any]
    ) -> Any:
        """Check one state of a recurrent layer; other layers have none."""
        raise NotImplementedError

    def _public_states(self, states: States) -> Any:
        """As users see them: a layer with one state of its own gives it as it is."""
        return states[0] if self.recurrent == (self,) else states

    def _as_tuple(self, states: Any) -> States:
        """The inverse of `_public_states`."""
        return (states,) if self.recurrent == (self,) else tuple(states)

    def _check_tape(self, where: str, tape: object) -> None:
        """A tape of this kind of layer, with parameters of these names and shapes."""
        check_tape(self, where, tape)

    def _leaves(self, path: str, tape: Tape) -> Iterable[tuple[str, Layer, Tape]]:
        yield path, self, tape

    def _non_finite(self, path: str, tape: Tape) -> Iterator[tuple[str, int, str]]:
        """Layer, time step and gate where the first wrong number of each leaf was born."""
        found = tape.first_non_finite()
        if found is not None:
            yield f"{path}{type(self).__name__}", *found
