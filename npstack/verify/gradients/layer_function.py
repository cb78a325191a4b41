"""A layer as a function of named arrays: what its gradients are taken by, and what it returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from npstack.core.numerics import Array
from npstack.core.params import Params
from npstack.core.tape import Gradients, Tape
from npstack.core.trees import filled, mapped, named
from npstack.layers.base import Layer
from npstack.layers.boundary import check_built
from npstack.layers.interface import Mask
from npstack.layers.walk import walk
from npstack.verify.gradients.derivatives import Inputs
from npstack.verify.gradients.problem import complete


class NamedBlock(NamedTuple):
    """A part of an input: ``label`` is ``W.f`` or ``x.t=3``, or the name of the whole."""

    label: str
    name: str
    index: Any


@dataclass(frozen=True, eq=False)
class LayerFunction:
    """One layer at one point, with its masks, resets and draws fixed.

    Attributes
    ----------
    layer : Layer
    tape : Tape
        A forward pass at this point.
    begin : tuple
        The initial states, one per recurrent layer; empty if they are not differentiated, because
        the layer learns them.
    resets : bool array (B, T) or None

    Examples
    --------
    >>> from npstack import LSTM
    >>> layer = LSTM(2, 3, rng=np.random.default_rng(0))
    >>> function = layer_function("here", layer, np.ones((1, 2, 2)))
    >>> list(function.inputs)
    ['W', 'U', 'b', 'x', 'initial.0.h', 'initial.0.c']
    >>> function.values(function.inputs)["outputs"].shape
    (1, 2, 3)
    """

    layer: Layer
    tape: Tape
    begin: Any
    resets: Mask

    @property
    def read(self) -> Inputs:
        """The arrays of the input; some may be masks."""
        return by_name("x", self.tape.x)

    @property
    def numbers(self) -> Inputs:
        """The arrays of the input that are not masks."""
        return {name: array for name, array in self.read.items() if array.dtype != bool}

    @property
    def initial(self) -> Inputs:
        """The initial states by name."""
        return by_name("initial", self.begin)

    @property
    def inputs(self) -> Inputs:
        """Parameters, input and initial states by name."""
        return {**self.tape.params, **self.numbers, **self.initial}

    def forward(self, inputs: Inputs) -> Tape:
        """Run the layer at other numbers."""
        initial = self.initial
        given = filled(self.begin, iter([inputs[name] for name in initial]))
        read = iter([inputs.get(name, array) for name, array in self.read.items()])
        return self.layer.forward(
            filled(self.tape.x, read),
            self.layer.pack_states(given) if initial else None,
            mask=self.tape.mask,
            resets=self.resets,
            noise=self.tape.noise,
            params={name: inputs[name] for name in self.tape.params},
        )

    def values(self, inputs: Inputs) -> dict[str, Any]:
        """Outputs and final states."""
        tape = self.forward(inputs)
        return {"outputs": tape.outputs, "final": tape.final}

    def gradients(self, inputs: Inputs, doutputs: Any) -> dict[str, Array | None]:
        """What the layer's own backward says, by the names of the inputs."""
        return self.back(self.forward(inputs), doutputs)

    def back(self, tape: Tape, doutputs: Any) -> dict[str, Array | None]:
        """The same from a tape."""
        grads = self.layer.backward(tape, doutputs["outputs"], doutputs["final"])
        dstates = self.layer.unpack_states(grads.initial_states) if self.initial else ()
        absent: dict[str, Array | None] = dict.fromkeys(self.numbers)
        dinput = by_name("x", grads.x)
        return {**grads.params, **absent, **dinput, **by_name("initial", dstates)}

    def packed(self, found: dict[str, Array]) -> Gradients:
        """Gradients by name, in the form in which a layer returns them."""
        dstates = filled(self.begin, iter([found[name] for name in self.initial]))
        return Gradients(
            {name: found[name] for name in self.tape.params},
            filled(self.tape.x, iter([found.get(name) for name in self.read])),  # type: ignore[misc]
            self.layer.pack_states(dstates) if self.initial else None,
        )

    def parts(self) -> dict[str, dict[str, Any]]:
        """Parameters by gate, inputs by time step: ``{"W": {"i": index, …}, …}``."""
        found = gate_blocks(self.layer)
        for name, values in self.numbers.items():
            if values.ndim == 3:
                found[name] = {f"t={t}": np.s_[:, t] for t in range(values.shape[1])}
        return found

    def blocks(self) -> list[NamedBlock]:
        """Every block of every input that has a gradient."""
        parts = self.parts()
        return [
            NamedBlock(f"{name}.{part}" if part else name, name, index)
            for name, value in self.inputs.items()
            if value.dtype.kind in "fO"
            for part, index in complete(value, parts.get(name, {"": ...})).items()
        ]


def layer_function(
    where: str,
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
    drawn_states: bool = False,
) -> LayerFunction:
    """The function at a point; ``drawn_states``: initial states that are not given are random."""
    check_built(where, "layer", layer)
    own = {"mask": mask, "lengths": lengths, "resets": resets}
    tape = layer.forward(x, states, **own, rng=noise_rng, noise=noise, params=params)
    begin = layer.unpack_states(tape.initial)
    if states is None and any(part.learned for part in tape.layers):
        begin = ()  # the learned state is differentiated; a given one would replace it
    elif states is None and drawn_states:
        draw = np.random.default_rng(0)
        begin = mapped(lambda v: draw.uniform(-1, 1, v.shape).astype(v.dtype), begin)
    return LayerFunction(layer, tape, begin, resets)


def gate_blocks(layer: Layer) -> dict[str, dict[str, Any]]:
    """The position of each gate in each parameter: ``{"layers.0.W": {"i": index, …}, …}``.

    Examples
    --------
    >>> from npstack import LSTM
    >>> gate_blocks(LSTM(1, 2, rng=np.random.default_rng(0)))["b"]["f"]
    (Ellipsis, slice(2, 4, None))
    """
    found = {}
    for visit in walk(layer):
        cell = visit.layer.cell
        if cell is None:
            continue
        for name in visit.layer.params:
            blocks = cell.gate_blocks(name)
            if blocks:
                by_letter = {cell.letters.get(g, g): index for g, index in blocks.items()}
                found[f"{visit.prefix}{name}"] = by_letter
    return found


def by_name(name: str, tree: Any) -> dict[str, Array]:
    """The arrays of a tree: ``initial.0.h``, ``initial.1.forward.c``, ``x.source`` …"""
    return {
        path.replace("[", ".").replace("]", ""): array for path, array in named(name, tree).items()
    }
