"""A layer with the arguments for testing a law, and the comparison of two runs.

A `Trial` holds a layer and the arguments of one forward and one backward pass. A law changes some
of them (``trial.but(x=…)``), runs again, and compares the results: named arrays, of which the first
difference is reported with its index.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from npstack.core.errors import NpstackError
from npstack.core.numerics import Array, is_finite
from npstack.core.params import Params
from npstack.core.tape import Gradients, Tape
from npstack.core.trees import mapped, named
from npstack.layers.base import Layer
from npstack.layers.interface import Context
from npstack.verify.gradients.layer_function import gate_blocks
from npstack.verify.laws.draws import draws_of_steps

Results = dict[str, Array]


class LawBroken(NpstackError, AssertionError):
    """A layer breaks a law; the message says where the first difference is."""


class NotApplicable(NpstackError):
    """A law does not apply to this layer or this input; the message says why."""


def needs(condition: object, reason: str) -> None:
    """Leave a law that does not apply, with the reason."""
    if not condition:
        raise NotApplicable(reason)


# ---- one trial -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Trial:
    """A layer and the arguments of one forward and one backward pass.

    Attributes
    ----------
    layer : Layer
    rng : numpy.random.Generator
        For random numbers of a law.
    x, states, mask, resets, params, noise
        Of ``layer.forward``.
    doutputs, dfinal
        Of ``layer.backward``.
    tolerance : float
        Of laws that hold to rounding: error of a block in eps.
    """

    layer: Layer
    rng: np.random.Generator
    x: Array
    states: Any
    mask: Array | None
    resets: Array | None
    params: Params
    noise: Any
    doutputs: Array
    dfinal: Any
    tolerance: float

    def but(self, **changes: Any) -> Trial:
        """The same trial with other arguments."""
        return replace(self, **changes)

    def draw(self, like: Array) -> Array:
        """Normal random numbers of a shape and dtype."""
        return np.asarray(self.rng.standard_normal(like.shape)).astype(like.dtype)

    def redrawn(self) -> Array:
        """Another input of the same kind."""
        if self.layer.interface.takes_symbols:
            return self.rng.integers(0, self.layer.input_size or 1, self.x.shape)
        return self.draw(self.x)

    def forward(self) -> Tape:
        """The forward pass."""
        return self.layer.forward(
            self.x,
            self.states,
            mask=self.mask,
            resets=self.resets,
            params=self.params,
            noise=self.noise,
        )

    def backward(self, tape: Tape) -> Gradients:
        """The backward pass."""
        return self.layer.backward(tape, self.doutputs, self.dfinal)

    def run(self) -> Results:
        """Both passes; all results, by name."""
        tape = self.forward()
        return {**results(tape), **gradients(self.backward(tape))}

    @property
    def has_time(self) -> bool:
        """Whether the input has a time axis."""
        return self.layer.interface.takes_symbols or self.x.ndim == 3

    @property
    def keeps_time(self) -> bool:
        """Whether the outputs have a time axis, too."""
        return self.has_time and self.layer.interface.keeps_time

    @property
    def padding_after(self) -> Array:
        """The padding of the outputs: the layer may have reversed them."""
        tape = self.forward()
        return ~np.asarray(self.layer._after(Context(mask=tape.mask), tape).mask)

    def rows(self, index: Any) -> Trial:
        """Some rows of the batch."""

        def pick(a: Array) -> Array:
            return np.asarray(a[index])

        return self.but(
            x=self.x[index],
            states=mapped(pick, self.states),
            mask=mapped(pick, self.mask),
            resets=mapped(pick, self.resets),
            noise=mapped(pick, self.noise),
            doutputs=self.doutputs[index],
            dfinal=mapped(pick, self.dfinal),
        )

    def steps(self, index: Any, after: Any = None) -> Trial:
        """Some time steps; ``after`` gives their positions in the outputs, if these are reversed.

        Noise of shape (B, T, H) is divided as well; noise (B, H) is for all steps.
        """
        T = self.x.shape[1]
        later = index if after is None else after

        def cut(a: Array) -> Array:
            return a[:, index]

        return self.but(
            x=self.x[:, index],
            mask=mapped(cut, self.mask),
            resets=mapped(cut, self.resets),
            noise=draws_of_steps(self.layer, self.noise, np.arange(T)[index], T),
            doutputs=self.doutputs[:, later] if self.keeps_time else self.doutputs,
        )


def draw_trial(
    layer: Layer,
    x: Array,
    states: Any = None,
    *,
    mask: Array | None = None,
    resets: Array | None = None,
    rng: np.random.Generator,
    tolerance: float = 64.0,
) -> Trial:
    """Add the other arguments that a law needs: states, noise, cotangents, parameters.

    The parameters are the layer's own, each changed a little: with biases of zero, an error in
    their use would not be found.
    """
    dtype = layer.dtype or (np.dtype(float) if layer.interface.takes_symbols else x.dtype)

    def draw(a: Array) -> Array:
        return np.asarray(rng.standard_normal(a.shape)).astype(dtype)

    params = {k: (v + draw(v) / 8).astype(dtype) for k, v in layer.params.items()}
    tape = layer.forward(x, states, mask=mask, resets=resets, params=params, rng=rng)
    like = final(tape)
    return Trial(
        layer,
        rng,
        x,
        states=mapped(draw, like) if states is None else states,
        mask=mask,
        resets=resets,
        params=params,
        noise=tape.noise,
        doutputs=draw(tape.outputs),
        dfinal=mapped(draw, like),
        tolerance=float(tolerance),
    )


# ---- results, and their comparison -------------------------------------------------------------


def results(tape: Tape) -> Results:
    """Outputs and final states by name."""
    return {"outputs": tape.outputs, **named("final", final(tape))}


def final(tape: Tape) -> Any:
    """The final states, to be carried on; None if no layer is recurrent."""
    return tape.final if tape.layers else None


def gradients(grads: Gradients) -> Results:
    """Gradients by name, each with a ``d`` before it."""
    params = {f"d{name}": value for name, value in grads.params.items()}
    return {**params, **named("dx", grads.x), **named("dstates", grads.initial_states)}


def same_bits(got: Results, expected: Results, what: str = "") -> None:
    """Check that all arrays are equal bit for bit; raise `LawBroken` with the first difference."""
    same_names(got, expected, what)
    for name, reference in expected.items():
        value = got[name]
        equal = (value == reference) & (np.signbit(value) == np.signbit(reference))
        equal |= (value != value) & (reference != reference)
        _all_true(equal, name, value, reference, what)


def all_zero(got: Results, what: str = "") -> None:
    """Check that all arrays are exactly zero (of either sign); raise `LawBroken`."""
    for name, value in got.items():
        _all_true(value == 0, name, value, np.zeros_like(value), what)


def close(trial: Trial, got: Results, expected: Results, what: str = "") -> None:
    """Check that all blocks are equal to rounding; raise `LawBroken`.

    A block is a gate of a parameter, a time step, or a whole array; its error may be
    ``trial.tolerance`` eps of its largest number. A larger error is accepted if the block
    changes as much when every input and parameter changes by one unit in the last place: then a
    sum cancels, and the layer is not wrong.
    """
    same_names(got, expected, what)
    moved: list[Results] = []
    for name, reference in expected.items():
        value, eps = got[name], float(np.finfo(reference.dtype).eps)
        for block in _blocks(trial, name, reference):
            error = np.abs(value[block] - reference[block])
            scale = float(np.abs(reference[block]).max(initial=0))
            if float(error.max(initial=0)) <= trial.tolerance * eps * scale:
                continue
            moved = moved or _sensitivity(trial)
            slack = max(float(np.abs(change[name][block]).max()) for change in moved)
            bound = np.zeros_like(reference)
            bound[block] = 8 * slack + 16 * eps * scale
            within = np.ones(reference.shape, bool)
            within[block] = error <= bound[block]
            _all_true(within, name, value, reference, what)


def same_names(got: Results, expected: Results, what: str = "") -> None:
    """Check for the same names and shapes; raise `LawBroken`."""
    shapes = [{name: np.shape(value) for name, value in side.items()} for side in (got, expected)]
    if shapes[0] != shapes[1]:
        raise LawBroken(f"{_after(what)}the arrays are {shapes[0]}, not {shapes[1]}")


def _all_true(good: Array, name: str, got: Array, expected: Array, what: str) -> None:
    if np.all(good):
        return
    wrong = np.argwhere(~good)
    if name in ("outputs", "dx") and got.ndim == 3:  # the first in time is the most useful
        wrong = wrong[np.argsort(wrong[:, 1], kind="stable")]
        place = f" (row {wrong[0][0]}, time step {wrong[0][1]})"
    else:
        place = ""
    index = tuple(map(int, wrong[0]))
    raise LawBroken(
        f"{_after(what)}{name} differs first at index {index}{place}: "
        f"{got[index]!s} instead of {expected[index]!s}; {len(wrong)} of {got.size} differ"
    )


def _after(what: str) -> str:
    return f"{what}: " if what else ""


def _blocks(trial: Trial, name: str, value: Array) -> list[Any]:
    gates = gate_blocks(trial.layer).get(name.removeprefix("d"))
    if gates is not None:
        return list(gates.values())
    if name in ("outputs", "dx") and value.ndim == 3:
        return [np.s_[:, t] for t in range(value.shape[1])]
    return [...]


def _sensitivity(trial: Trial) -> list[Results]:
    """Four times: the change of the results when every input changes by half an ulp.

    The working dtype has no half ulps: inputs change by a whole one, and half the change is taken.
    """
    still = trial.run()
    moved = (_jittered(trial).run() for _ in range(4))
    return [{name: (new[name] - value) / 2 for name, value in still.items()} for new in moved]


def _jittered(trial: Trial) -> Trial:
    """Every finite number of the trial changed to the next one, up or down: by one ulp."""

    def jitter(a: Array) -> Array:
        if a.dtype.kind != "f":
            return a
        far = trial.rng.choice([-np.inf, np.inf], a.shape).astype(a.dtype)
        return np.where(is_finite(a), np.nextafter(a, far), a)

    return trial.but(
        x=jitter(trial.x),
        states=mapped(jitter, trial.states),
        params={name: jitter(value) for name, value in trial.params.items()},
        doutputs=jitter(trial.doutputs),
        dfinal=mapped(jitter, trial.dfinal),
    )
