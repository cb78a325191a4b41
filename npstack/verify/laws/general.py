"""The laws: statements that hold for every layer, each tested on random numbers.

Tests of shapes and of a falling loss cannot find a zero or shifted gradient; these can. A law is
called with any `Layer`, also your own, single or composite::

    laws.causality(layer, x, rng=np.random.default_rng(0))

It returns None, or raises `LawBroken` with the place of the first difference, or `NotApplicable`
with the reason. `check_laws` tries all of them and prints a table.

`npstack.verify.laws.purity` has the laws on side effects.

Most laws hold bit for bit. Those that compare different sums of the same numbers hold to rounding:
64 eps per block (gate, time step), except for blocks that rounding of the inputs explains.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from npstack.core.numerics import Array
from npstack.core.tape import Tape
from npstack.core.trees import mapped, named
from npstack.layers.sequential import Sequential
from npstack.verify.laws.base import law
from npstack.verify.laws.permutations import draw_permutation
from npstack.verify.laws.trial import (
    LawBroken,
    Results,
    Trial,
    all_zero,
    close,
    final,
    gradients,
    needs,
    results,
    same_bits,
    same_names,
)

# ---- time ------------------------------------------------------------------------------------


def _cuts(t: Trial) -> Iterator[tuple[int, slice, slice]]:
    """Every division of the sequence into two parts: the place, the steps before and after it."""
    needs(t.has_time, "no time axis")
    needs(t.x.shape[1] > 1, "a single time step has no before and after")
    needs(t.layer.interface.causal, "the layer reads the future")
    return ((s, slice(None, s), slice(s, None)) for s in range(1, t.x.shape[1]))


def _over_time(t: Trial) -> Results:
    """All records of the forward pass that have time steps."""
    tape = t.forward()
    record: Results = {"outputs": tape.outputs} if t.keeps_time else {}
    for k, layer in enumerate(tape.layers):
        record |= named(f"layers[{k}].states", layer.states)
        record |= named(f"layers[{k}].gates", layer.gates)
    needs(record, "nothing is recorded step by step")
    return record


@law
def causality(t: Trial) -> None:
    """Changing x[t] leaves everything before t unchanged."""
    before = _over_time(t)
    for s, early, late in _cuts(t):
        other = t.x.copy()
        other[:, late] = t.redrawn()[:, late]
        after = _over_time(t.but(x=other))
        same_bits(
            {name: value[:, early] for name, value in after.items()},
            {name: value[:, early] for name, value in before.items()},
            f"x changed from time step {s} on",
        )


@law
def gradients_never_flow_forward_in_time(t: Trial) -> None:
    """Changing doutputs[t] leaves the gradient of every later input unchanged."""
    needs(t.keeps_time, "the outputs have no time axis")
    tape = t.forward()
    before = _dx(t, tape)
    for s, early, late in _cuts(t):
        other = t.doutputs.copy()
        other[:, early] *= -3
        after = _dx(t.but(doutputs=other), tape)
        what = f"doutputs changed before time step {s}"
        same_bits({"dx": after[:, late]}, {"dx": before[:, late]}, what)


def _dx(t: Trial, tape: Tape) -> Array:
    dx = t.backward(tape).x
    needs(dx is not None, "symbols have no gradient")
    return np.asarray(dx)


@law
def splitting_and_carrying_state(t: Trial) -> None:
    """Splitting a sequence and carrying the state equals not splitting it, bit for bit."""
    needs(t.layer.interface.carries, "its states are not all that a later part needs")
    whole = results(t.forward())
    for s, early, late in _cuts(t):
        first = t.steps(early).forward()
        second = t.steps(late).but(states=final(first)).forward()
        got = results(second)
        if t.keeps_time:
            got["outputs"] = np.concatenate([first.outputs, second.outputs], axis=1)
        same_bits(got, whole, f"split at time step {s}")


@law
def backward_in_pieces_is_backward_at_once(t: Trial) -> None:
    """Splitting the backward pass and carrying dstate equals not splitting it."""
    needs(t.layer.interface.carries, "its states are not all that a later part needs")
    whole = gradients(t.backward(t.forward()))
    for s, early, late in _cuts(t):
        first, second = t.steps(early), t.steps(late)
        tape = first.forward()
        second = second.but(states=final(tape))
        after = second.backward(second.forward())
        doutputs = first.doutputs if t.keeps_time else np.zeros_like(tape.outputs)
        carried = after.initial_states if t.layer.recurrent else None
        before = first.but(doutputs=doutputs, dfinal=carried).backward(tape)
        got = gradients(before)
        for name, value in after.params.items():
            got[f"d{name}"] = got[f"d{name}"] + value
        if before.x is not None and after.x is not None:
            got["dx"] = np.concatenate([before.x, after.x], axis=1)
        close(t, got, whole, f"split at time step {s}")


# ---- padding -----------------------------------------------------------------------------------


def _padding(t: Trial) -> Array:
    """The mask of the invalid steps."""
    needs(t.has_time, "no time axis, so no mask")
    needs(t.mask is not None and not t.mask.all(), "no step is masked")
    return ~np.asarray(t.mask)


@law
def padding_is_irrelevant(t: Trial) -> None:
    """Values in the padding of x and doutputs change nothing, even NaN and infinity."""
    padding, before = _padding(t), t.run()
    for fill in (-1, 10**9) if t.layer.interface.takes_symbols else (np.nan, np.inf, -np.inf, 1e30):
        x, doutputs = t.x.copy(), t.doutputs.copy()
        x[padding] = fill
        if t.keeps_time:
            doutputs[t.padding_after] = float(fill)
        same_bits(t.but(x=x, doutputs=doutputs).run(), before, f"padding filled with {fill}")


@law
def masked_steps_give_zero(t: Trial) -> None:
    """The outputs at masked steps are exactly zero."""
    _padding(t)
    needs(t.keeps_time, "the outputs have no time axis")
    all_zero({"outputs at masked steps": t.forward().outputs[t.padding_after]})


@law
def masked_steps_get_zero_gradient(t: Trial) -> None:
    """The gradient of x at masked steps is exactly zero."""
    padding = _padding(t)
    all_zero({"dx": np.where(padding[..., np.newaxis], _dx(t, t.forward()), 0)})


@law
def masked_steps_hold_the_state(t: Trial) -> None:
    """A masked step keeps its state, forward and backward: a row of padding changes nothing."""
    padding = _padding(t)
    needs(t.layer.recurrent, "no recurrent layer")
    tape = t.forward()
    for k, layer in enumerate(tape.layers):
        held = ~np.asarray(layer.mask)
        for field, states in layer.states._asdict().items():
            before = np.concatenate(
                [getattr(layer.initial, field)[:, None], states[:, :-1]], axis=1
            )
            name = f"layers[{k}].states.{field}"
            same_bits({name: states[held]}, {name: before[held]}, "held over masked steps")
    empty = padding.all(axis=1) & (not t.layer.interface.makes_time)
    silent = t.but(doutputs=np.zeros_like(t.doutputs)).rows(empty)
    if empty.any():
        tape = silent.forward()
        after = named("state", final(tape))
        same_bits(after, named("state", silent.states), "final, of rows that are all padding")
        dinitial = named("dstate", silent.backward(tape).initial_states)
        same_bits(dinitial, named("dstate", silent.dfinal), "rows that are all padding")


@law
def padded_equals_alone(t: Trial) -> None:
    """A sequence with padding and holes equals the same sequence alone."""
    padding, whole = _padding(t), t.run()
    got = {name: np.zeros_like(value) for name, value in whole.items()}
    for b in np.flatnonzero(~padding.all(axis=1)):
        row, valid = np.s_[b : b + 1], np.flatnonzero(~padding[b])
        after = np.flatnonzero(~t.padding_after[b]) if t.keeps_time else None
        alone = t.rows(row).steps(valid, after).but(mask=None).run()
        _put_row(t, got, alone, row, valid, after)
    for b in np.flatnonzero(padding.all(axis=1)):
        row = np.s_[b : b + 1]
        _put_row(t, got, t.rows(row).run(), row)
    close(t, got, whole)


@law
def an_open_mask_is_no_mask(t: Trial) -> None:
    """A mask that is True everywhere, full lengths, and neither of them give the same results."""
    needs(t.has_time, "no time axis, so no mask")
    free = t.but(mask=None)
    before = free.run()
    same_bits(free.but(mask=np.ones(t.x.shape[:2], bool)).run(), before, "mask all True")
    lengths = np.full(len(t.x), t.x.shape[1])
    given: dict[str, Any] = {"resets": t.resets, "params": t.params, "noise": t.noise}
    tape = t.layer.forward(t.x, t.states, lengths=lengths, **given)
    same_bits({**results(tape), **gradients(t.backward(tape))}, before, "lengths all T")


# ---- batch and units ---------------------------------------------------------------------------


def _put_row(
    t: Trial,
    got: Results,
    alone: Results,
    row: slice,
    steps: Any = slice(None),
    after: Any = slice(None),
) -> None:
    """Put the results of one row into those of the batch."""
    for name, value in alone.items():
        if name != "dx" and name.removeprefix("d") in t.params:
            got[name] += value
        elif name == "outputs" and t.keeps_time:
            got[name][row, after] = value
        elif name == "dx" and t.has_time:
            got[name][row, steps] = value
        else:
            got[name][row] = value


@law
def batch_is_a_loop(t: Trial) -> None:
    """A batch equals its rows run one by one, with the parameters' gradients added."""
    whole = t.run()
    got = {name: np.zeros_like(value) for name, value in whole.items()}
    for b in range(len(t.x)):
        row = np.s_[b : b + 1]
        _put_row(t, got, t.rows(row).run(), row)
    close(t, got, whole)


@law
def permuting_hidden_units(t: Trial) -> None:
    """Hidden units have no order: permuting them permutes the results and changes nothing else."""
    needs(t.layer.recurrent, "no recurrent layer")
    p = draw_permutation(t)
    tape = t.forward()
    grads = t.backward(tape)
    expected = {
        "outputs": p.outgoing(tape.outputs),
        **named("final", p.states(final(tape))),
        **{f"d{name}": value for name, value in p.params(grads.params).items()},
        **named("dx", grads.x),
        **named("dstates", p.states(grads.initial_states)),
    }
    permuted = t.but(
        params=p.params(t.params),
        noise=p.noise,
        states=p.states(t.states),
        doutputs=p.outgoing(t.doutputs),
        dfinal=p.states(t.dfinal),
    )
    close(permuted, permuted.run(), expected)


@law
def a_sequence_of_one_layer_is_that_layer(t: Trial) -> None:
    """A model of one layer gives the same results as the layer."""
    states = len(t.layer.recurrent)
    needs(len(t.forward().slots) == states, "it does not end with the states that it begins with")
    single = t.layer.single_state

    def wrap(tree: Any) -> Any:
        return (tree,) if single else tree

    model = t.but(
        layer=Sequential(t.layer, engine=t.layer.engine),
        states=wrap(t.states),
        params={f"0.{name}": value for name, value in t.params.items()},
        noise=(t.noise,),
        dfinal=wrap(t.dfinal),
    )
    got = {
        name.replace("d0.", "d", 1).replace("[0]", "", single): value
        for name, value in model.run().items()
    }
    same_bits(got, t.run())


# ---- gradients ---------------------------------------------------------------------------------


@law
def zero_gradient_in_zero_out(t: Trial) -> None:
    """A loss that does not depend on the results has a gradient of zero."""
    none = t.but(doutputs=np.zeros_like(t.doutputs), dfinal=mapped(np.zeros_like, t.dfinal))
    all_zero(gradients(none.backward(t.forward())))


@law
def backward_is_linear(t: Trial) -> None:
    """The gradient of a sum of two losses is the sum of their gradients."""
    tape = t.forward()
    other = t.but(doutputs=t.draw(t.doutputs), dfinal=mapped(t.draw, t.dfinal))
    both = t.but(
        doutputs=2 * t.doutputs + other.doutputs / 2,
        dfinal=mapped(lambda a, b: 2 * a + b / 2, t.dfinal, other.dfinal),
    )
    one, another = gradients(t.backward(tape)), gradients(other.backward(tape))
    expected = {name: 2 * one[name] + another[name] / 2 for name in one}
    close(both, gradients(both.backward(tape)), expected)


@law
def gradients_mirror_what_went_in(t: Trial) -> None:
    """Every gradient has the name, the shape and the dtype of its array."""
    tape = t.forward()
    grads = t.backward(tape)
    went_in = {f"d{name}": value for name, value in t.params.items()}
    went_in |= {} if t.layer.interface.takes_symbols else {"dx": t.x}
    went_in |= named("dstates", t.states)
    got = gradients(grads)
    same_names(got, went_in)
    dtypes = {name: str(value.dtype) for name, value in {**results(tape), **got}.items()}
    expected = str(t.doutputs.dtype)
    wrong = {name: dtype for name, dtype in dtypes.items() if dtype != expected}
    if wrong:
        raise LawBroken(f"everything must be {expected}, but these are not: {wrong}")
