"""The laws of resets: a step with a reset begins a new sequence.

See `npstack.verify.laws` for the other laws.
"""

from __future__ import annotations

import numpy as np

from npstack.core.numerics import Array
from npstack.core.trees import mapped
from npstack.verify.laws.base import law
from npstack.verify.laws.trial import Results, Trial, close, gradients, needs, results, same_bits


@law
def a_reset_begins_a_new_sequence(t: Trial) -> None:
    """A reset at step s equals two sequences, one that ends before s and one that begins there.

    If step s is masked, it changes nothing. A layer that reads the future has no state that can
    be given to a part, so it begins with zeros, or with the learned state.
    """
    needs(t.has_time, "no time axis")
    needs(t.layer.recurrent, "no recurrent layer")
    T, causal = t.x.shape[1], t.layer.interface.causal
    needs(t.keeps_time or causal, "the output has read from both sides of a reset")
    needs(T > 1, "a single time step has no before and after")
    plain = t.but(resets=None) if causal else _without_states(t.but(resets=None))
    for s in range(1, T):
        met = np.ones(len(t.x), bool) if t.mask is None else t.mask[:, s]
        at_s = np.zeros(t.x.shape[:2], bool)
        at_s[:, s] = True
        what = f"reset at time step {s}"
        one = _run(plain, ~met)
        same_bits(_run(plain.but(resets=at_s), ~met), one, f"{what}, where it is masked")
        early, late = _part(plain, 0, s), _without_states(_part(plain, s, T), ends=False)
        early = early.but(dfinal=mapped(np.zeros_like, early.dfinal))
        if not t.keeps_time:  # the part before has no outputs
            early = early.but(doutputs=np.zeros_like(early.doutputs))
        first, second = (_run(part, met) for part in (early, late))
        whole = _run(plain.but(resets=at_s), met)
        if not causal:  # the states of the two directions belong to different parts
            whole = {n: a for n, a in whole.items() if not n.startswith(("final", "dstates"))}
        expected = {name: _joined(t, name, first, second) for name in whole}
        forward = [n for n in whole if n == "outputs" or n.startswith("final")]
        same_bits({n: whole[n] for n in forward}, {n: expected[n] for n in forward}, what)
        close(plain.but(resets=at_s), whole, expected, what)


def _joined(t: Trial, name: str, first: Results, second: Results) -> Array:
    """The expected results of a whole sequence, from those of its two parts."""
    if name.startswith("final") or (name == "outputs" and not t.keeps_time):
        return second[name]
    if name.startswith("dstates"):
        return first[name]
    pair = [first[name], second[name]]
    if name == "outputs" and t.layer.interface.turned:
        pair.reverse()
    return np.concatenate(pair, axis=1) if name in ("outputs", "dx") else pair[0] + pair[1]


def _without_states(t: Trial, *, ends: bool = True) -> Trial:
    """Without initial states; with ``ends``, the loss does not depend on the final states."""
    return t.but(states=None, dfinal=mapped(np.zeros_like, t.dfinal) if ends else t.dfinal)


def _part(t: Trial, begin: int, stop: int) -> Trial:
    T = t.x.shape[1]
    after = slice(T - stop, T - begin) if t.layer.interface.turned else slice(begin, stop)
    return t.steps(slice(begin, stop), after)


def _run(t: Trial, rows: Array) -> Results:
    """Both passes over the whole batch, of which only some rows are compared.

    The others stay, without a gradient: the bits of a product depend on its number of rows.
    """

    def zeroed(a: Array) -> Array:
        return np.where(rows.reshape(-1, *[1] * (a.ndim - 1)), a, np.zeros_like(a))

    t = t.but(doutputs=zeroed(t.doutputs), dfinal=mapped(zeroed, t.dfinal))
    tape = t.forward()
    found = {**results(tape), **gradients(t.backward(tape))}
    batch = {n: a for n, a in found.items() if n[1:] not in t.params}
    return found | {n: a[rows] for n, a in batch.items()}
