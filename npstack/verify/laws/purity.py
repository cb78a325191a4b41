"""Laws on side effects: a layer stores nothing, changes no argument, and draws only from ``rng``.

See `npstack.verify.laws` for the other laws.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npstack.core.numerics import Array
from npstack.core.trees import mapped, named
from npstack.verify.laws.base import law
from npstack.verify.laws.trial import (
    LawBroken,
    Results,
    Trial,
    gradients,
    needs,
    results,
    same_bits,
)

# ---- nothing is stored, nothing is changed -------------------------------------------------------


@law
def second_call_equals_first(t: Trial) -> None:
    """A second call equals the first, also after other calls: the layer stores nothing."""
    tape = t.forward()
    before = {**results(tape), **gradients(t.backward(tape))}
    another = t.but(x=t.redrawn(), doutputs=t.draw(t.doutputs), states=mapped(t.draw, t.states))
    another.run()
    same_bits(t.run(), before, "forward and backward again")
    again = {**results(tape), **gradients(t.backward(tape))}
    same_bits(again, before, "backward again on the first tape")


@law
def arguments_are_never_modified(t: Trial) -> None:
    """Forward and backward do not write to their arguments."""

    def locked(a: Array) -> Array:
        a = a.copy()
        a.flags.writeable = False
        return a

    guarded = t.but(
        x=locked(t.x),
        states=mapped(locked, t.states),
        mask=mapped(locked, t.mask),
        resets=mapped(locked, t.resets),
        params={name: locked(value) for name, value in t.params.items()},
        noise=mapped(locked, t.noise),
        doutputs=locked(t.doutputs),
        dfinal=mapped(locked, t.dfinal),
    )
    before = t.run()
    try:
        same_bits(guarded.run(), before, "with write-protected arguments")
    except ValueError as error:
        raise LawBroken(f"an argument is written to: {error}") from error


@law
def a_tape_owns_its_arrays(t: Trial) -> None:
    """Changing x, states, mask or resets in place after forward does not change the tape."""
    arguments = {name: getattr(t, name) for name in ("x", "states", "mask", "resets")}
    mine = t.but(**{name: mapped(np.copy, value) for name, value in arguments.items()})
    tape = mine.forward()
    before = {**results(tape), **gradients(t.backward(tape))}
    before = {name: value.copy() for name, value in before.items()}
    mine.x[...] = t.redrawn()
    for array in named("states", mine.states).values():
        array *= -1
    for flags in (mine.mask, mine.resets):
        if flags is not None:
            flags[...] = ~flags
    after = {**results(tape), **gradients(t.backward(tape))}
    same_bits(after, before, "the caller's arrays changed after forward")


@law
def a_tape_stays_true_after_parameters_change(t: Trial) -> None:
    """Backward uses the parameters of the tape, not the current ones of the layer."""
    needs(t.params, "no parameters")
    own = dict(t.layer.params)
    tape = t.but(params=None).forward()
    before = gradients(t.backward(tape))
    try:
        t.layer.params = t.params
        after = gradients(t.backward(tape))
    finally:
        t.layer.params = own
    same_bits(after, before, "backward after the layer got other parameters")


@law
def given_parameters_are_like_own(t: Trial) -> None:
    """forward(params=p) equals the forward of a layer with p, and does not change the layer."""
    needs(t.params, "no parameters")
    own = dict(t.layer.params)
    given = t.run()
    same_bits(dict(t.layer.params), own, "the layer's own parameters")
    try:
        t.layer.params = t.params
        same_bits(given, t.but(params=None).run(), "params=p against a layer that has p")
    finally:
        t.layer.params = own


# ---- random numbers ------------------------------------------------------------------------------


@law
def same_seed_same_bits(t: Trial) -> None:
    """Two passes with generators of the same seed give the same bits."""
    seed = int(t.rng.integers(2**32))
    one, two = (_seeded(t, seed) for _ in range(2))
    same_bits(two[0], one[0], f"seed {seed}")


@law
def noise_repeats_the_pass(t: Trial) -> None:
    """forward(noise=tape.noise) repeats the pass that drew the noise."""
    needs(named("noise", t.noise), "nothing is drawn")
    before, noise = _seeded(t, int(t.rng.integers(2**32)))
    tape = t.but(noise=noise).forward()
    same_bits({**results(tape), **named("noise", tape.noise)}, before)


def _seeded(t: Trial, seed: int) -> tuple[Results, Any]:
    """A training pass: its results and draws by name, and the draws as a tree."""
    rng = np.random.default_rng(seed)
    given: dict[str, Any] = {"mask": t.mask, "resets": t.resets, "params": t.params}
    tape = t.layer.forward(t.x, t.states, **given, rng=rng)
    return {**results(tape), **named("noise", tape.noise)}, tape.noise
