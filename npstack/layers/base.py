"""What every layer is: ``params``, ``forward -> tape``, ``backward -> gradients``.

`Layer` has the public methods of all layers: they check arguments, set padding to zero, fill in
missing states. A layer defines ``_forward`` and its mirror image ``_backward``, which rely on this.

A layer may contain others, its children. Their parameters follow its own, under the name of the
child and a dot; states and draws are passed to them in the same order.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, cast

import numpy as np

from npstack.cells.base import Cell
from npstack.core import params as names
from npstack.core.arguments import check_flag
from npstack.core.arrays import check_params
from npstack.core.backward_reports import Observer
from npstack.core.config import Configured
from npstack.core.masks import zero_where_masked
from npstack.core.numerics import Array
from npstack.core.params import Params
from npstack.core.tape import Gradients, Tape, Way
from npstack.layers import boundary, twins
from npstack.layers.interface import Context, Interface, Mask, States
from npstack.layers.outer import Outer
from npstack.layers.summary import summary


class Layer(Outer, Configured, ABC):
    """Base of all layers; see `forward` and `backward`.

    Parameters
    ----------
    params : dict
        The layer's own parameters, not those of its children.
    interface : Interface
    children : dict of Layer, optional
        By name; the name is the prefix of their parameters' names.
    ways : tuple of Way, optional
        How the children read the sequence; by default, as the layer itself does.
    """

    tape_type: type[Tape] = Tape
    cell: Cell | None = None  # the cell, if the layer is a cell over time
    in_series = False  # whether a picture shows its children instead, stacked
    parameter_formula = ""  # formula for the number of parameters, in the letters B T D H L K
    interface: Interface = cast(Any, boundary.SetByLayer())
    _params: dict[str, Array] = cast(Any, boundary.SetByLayer())
    engine: twins.Engine = cast(Any, twins.EngineAttribute())
    by_step = False  # whether its children run once per time step
    children: dict[str, Layer]

    def __init__(
        self,
        params: Params,
        interface: Interface,
        children: Mapping[str, Layer] = MappingProxyType({}),
        ways: Sequence[Way] | None = None,
    ) -> None:
        self.interface, self.children = interface, dict(children)
        self.ways = tuple(map(Way, self.children)) if ways is None else tuple(ways)
        self._params = dict(params)
        boundary.check_children(self)
        self._store(params)

    @property
    def params(self) -> Params:
        """The parameters by name. Assign a complete dictionary to change them.

        The arrays are write-protected and replaced, never changed: a tape that refers to them
        stays correct after a training step.
        """
        found = dict(self._params)
        for name, child in self.children.items():
            found |= names.with_prefix(name, child.params)
        return MappingProxyType(found)

    @params.setter
    def params(self, params: Params) -> None:
        check_params(f"{type(self).__name__}.params", params, self.params)
        self._store(params)
        for name, child in self.children.items():
            child.params = names.without_prefix(name, params)

    def _store(self, params: Params) -> None:
        self._params = {name: np.array(params[name]) for name in self._params}
        for value in self._params.values():
            value.flags.writeable = False

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Protect the parameters of a copy or of an unpickled layer, as in the original."""
        self.__dict__.update(state)
        self._store(self._params)

    @property
    def input_size(self) -> int | None:
        """D; None if the layer accepts any size."""
        return self.interface.input_size

    @property
    def output_size(self) -> int | None:
        """Size of the output's last axis; None if it equals the size of the input's."""
        return self.interface.output_size

    @property
    def dtype(self) -> np.dtype[Any] | None:
        """The dtype of the parameters; None for a layer without any."""
        return names.dtype_of(self.params)

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
        engine: twins.Engine | str | None = None,
    ) -> Tape:
        """Run the layer and leave a tape.

        Parameters
        ----------
        x : array (B, T, D), (B, D) for layers without time, integers (B, T) for an embedding
            Of the parameters' dtype. Values at masked steps do not matter.
        states : state, or tuple of one state per recurrent layer, optional
            Initial states; by default zeros, or the initial states that the layer has learned.
            ``tape.final`` of an earlier call can be used.
        mask : bool array (B, T), optional
            True at valid steps; holes and left padding are allowed.
        lengths : int array (B,), optional
            Instead of a mask: the first ``lengths[b]`` steps of row ``b`` are valid.
        resets : bool array (B, T), optional
            True at valid steps with which something new begins (an episode, a document): the state
            of every recurrent layer is reset before that step. Ignored at masked steps.
        rng : numpy.random.Generator, optional
            If given, the layer trains (dropout is on); otherwise it evaluates.
        params : dict, optional
            Run with these parameters instead of the layer's own, which do not change.
        noise : tree, optional
            ``tape.noise`` of an earlier call: its random draws are used again.
        engine : {"readable", "fused", "wavefront", "auto"}, or Engine, optional
            How it is computed, if not by the layer's own `engine`.

        Returns
        -------
        Tape
            ``tape.outputs``, ``tape.final``, ``tape.layers[k].gates`` …

        Raises
        ------
        ShapeError, DtypeError, ArgumentError
            A wrong argument; the message says what was expected, what was given and what to do.
        NonFiniteError
            NaN or infinity at a valid step of ``x``, or computed by a layer.
        """
        where = f"{type(self).__name__}.forward"
        params = boundary.check_own_params(self, where, params)
        x, mask, resets = boundary.check_sequence(self, where, x, mask, lengths, resets, params)
        boundary.check_draws(where, rng, noise)
        dtype = names.dtype_of(params) or x.dtype
        begin = boundary.check_states(self, where, "states", states, len(x), dtype)
        engine = self.engine if engine is None else twins.check_engine(where, engine)
        context = Context(begin, mask, resets, rng=rng, noise=noise, engine=engine)
        run = self._forward if engine.kind == "readable" else self.pass_on
        made = run(params, zero_where_masked(x, mask), context)
        tape: Tape = boundary.tape_of(self, made).protected()
        boundary.check_outcome(where, self.first_non_finite(tape))
        return tape

    def backward(
        self,
        tape: Tape,
        doutputs: Array | None = None,
        dfinal_states: Any = None,
        *,
        need_x: bool = True,
    ) -> Gradients:
        """Read a tape from its end to its beginning.

        Parameters
        ----------
        tape : Tape
            From `forward`, or recorded elsewhere with the same fields.
        doutputs : array like ``tape.outputs``, optional
            Derivative of the loss by the outputs; values at masked steps are ignored. May be left
            out if ``dfinal_states`` is given (as for an encoder whose outputs are not used).
        dfinal_states : state, or tuple of one state per recurrent layer, optional
            Derivative of the loss by ``tape.final``.
        need_x : bool
            False: the derivative by the input is left out, ``x`` is None. An engine does not
            compute it then.

        Returns
        -------
        Gradients
            ``params`` (same names), ``x``, ``initial_states``.

        Raises
        ------
        TapeError
            The tape belongs to another model.
        ShapeError, DtypeError, ArgumentError, NonFiniteError
            A wrong argument.
        """
        where = f"{type(self).__name__}.backward"
        need_x = check_flag(where, "need_x", need_x)
        self.check_tape(where, tape)
        mask = self._after(Context(mask=tape.mask), tape).mask
        doutputs = boundary.check_doutputs(where, doutputs, dfinal_states, tape, mask)
        B, dtype = len(tape.x), tape.outputs.dtype
        dfinal = boundary.check_states(self, where, "dfinal_states", dfinal_states, B, dtype)
        if mask is not None and not mask.all():
            doutputs = zero_where_masked(doutputs, mask)
        dparams, dx, dinitial = self.pass_back(tape, doutputs, dfinal, need_x)
        return Gradients(dparams, dx if need_x else None, self.pack_states(dinitial))

    def summary(self, batch_size: int = 1, time_steps: int = 1) -> str:
        """Layers, output shapes, parameter counts, and the memory that a tape will take."""
        return summary(self, batch_size, time_steps)

    def __repr__(self) -> str:
        sizes = f"{self.input_size} -> {self.output_size}, " if self.output_size else ""
        return f"{type(self).__name__}({sizes}{names.count(self.params):,} parameters)"

    @abstractmethod
    def _forward(self, params: Params, x: Array, context: Context) -> Tape:
        """Compute the tape; ``x`` is zero where masked, and the outputs must be zero there, too.

        ``context.noise`` is None, or the noise of an earlier tape of this layer.
        """

    @abstractmethod
    def _backward(
        self, tape: Any, doutputs: Array, dfinal: States
    ) -> tuple[dict[str, Array], Array | None, States]:
        """Mirror of `_forward`; ``doutputs`` is zero where masked, and ``dx`` must be, too.

        ``dfinal`` is None for a state that gets no gradient.
        """

    # ---- the path by which it runs ---------------------------------------------------------------

    def pass_on(self, params: Params, x: Array, context: Context) -> Tape:
        """`_forward`, or what a faster engine does instead of it."""
        own = twins.Item(self, params, context.states, context.noise)
        made, why = twins.by_twin([own], x, context)
        return made[0] if made else twins.with_reason(self._forward(params, x, context), why)

    def pass_back(
        self, tape: Tape, doutputs: Array, dfinal: States, need_x: bool = True
    ) -> twins.Triple:
        """`_backward`, or what a faster engine does; with a report to the tape's observer."""
        if tape.run is not None and tape.run.count == 1:
            return cast(twins.Triple, tape.run.backward(doutputs, [dfinal], need_x)[0])
        observer = tape.observer or Observer()
        observer.entered(doutputs)
        dparams, dx, dinitial = boundary.triple(self, self._backward(tape, doutputs, dfinal))
        observer.left(dparams, dx)
        return dparams, dx, dinitial

    # ---- for layers to override ------------------------------------------------------------------

    def _after(self, context: Context, tape: Tape) -> Context:
        """Mask and resets for the layer above: they are passed on if the time axis is kept."""
        if self.interface.keeps_time:
            return context
        return context._replace(mask=None, resets=None, resets_back=None)

    def _outputs_shape(self, tape: Tape) -> tuple[int, ...]:
        """The shape that the outputs of a tape must have."""
        like: Any = tape.x if tape.run is None else tape.mask  # which is never computed again
        leading = np.shape(like)[: 2 if tape.mask is not None and self.interface.keeps_time else 1]
        return (*leading, self.output_size or tape.x.shape[-1])

    def blank_input(self, steps: int, rows: int = 1) -> Any:
        """Zeros that the layer accepts, with these numbers of steps and rows."""
        if self.interface.takes_symbols:
            return np.zeros((rows, steps), int)
        leading = (rows,) if self.interface.takes_vector else (rows, steps)
        return np.zeros((*leading, self.input_size or 1), self.dtype or np.float64)

    def check_state(
        self, where: str, name: str, state: Any, batch: int, dtype: np.dtype[Any]
    ) -> Any:
        """Check one state of a recurrent layer; other layers have none."""
        raise NotImplementedError

    def check_tape(self, where: str, tape: Any) -> None:
        """Check a tape: of this kind of layer, with parameters of these names and shapes."""
        boundary.check_tape(self, where, tape, len(self.children))
        for name, child, _, part in self.reached(tape):
            child.check_tape(f"{where}, part {name}" if name else where, part)

    def first_non_finite(self, tape: Tape, turned: bool = False) -> tuple[str, int, str] | None:
        """Where NaN or infinity was first computed; ``turned``: time is read from the end."""
        return boundary.first_non_finite(self, tape, turned)
