"""Mistakes of the loop over time (npstack/layers/recurrent.py), the same for every cell."""

from __future__ import annotations

from npstack.verify.mistakes.entry import mistakes_of

FORWARD = """
@ Recurrent._forward
(t) state-not-fed-back: begins every step with the initial state
- before = state if
+ before = initial if
? Which state does step t begin with?
(t) initial-state-not-read: begins with zeros, whatever state is given
- initial = beginning if given is None else given
+ initial = mapped(np.zeros_like, beginning)
? Which state does step 0 begin with?
(t) state-not-held: does not hold the state at masked steps
- state = select(valid, proposed, state)
+ state = proposed
? What is the state after a masked step?
(t) state-zero-at-masked: sets the state to zero at masked steps
- state = select(valid, proposed, state)
+ state = select(valid, proposed)
? What is the state after a masked step?
(t) cell-begins-with-zeros: reads the initial h, but begins with c = 0
- initial = beginning if given is None else given
+ initial = only_h(beginning if given is None else given)
? Which state does step 0 begin with?
(t) cell-not-fed-back: begins every step with the initial cell state
- before = state if
+ before = without_new_cell(state, initial) if
? Which state does step t begin with?
"""

STATE = """
@ Recurrent._backward
(t) outputs-before-the-last: uses the gradient of the last output only
- h=dstate.h + doutputs[:, t]
+ h=dstate.h + (doutputs[:, t] if t == tape.x.shape[1] - 1 else 0 * dstate.h)
? Which steps' outputs does the loss see?
(t) outputs-not-used: does not use the gradients of the outputs
- h=dstate.h + doutputs[:, t]
+ h=dstate.h + 0 * doutputs[:, t]
? Which steps' outputs does the loss see?
(t) carried-dh-not-added: does not add the gradient of h that comes from the next step
- h=dstate.h + doutputs[:, t]
+ h=doutputs[:, t]
? By how many paths does h reach the loss?
(t) carried-dh-lost: forgets the gradient of h from the next step, except at the last step
- h=dstate.h + doutputs[:, t]
+ h=doutputs[:, t] + (dstate.h if t == tape.x.shape[1] - 1 else 0)
? By how many paths does h reach the loss?
(t) outputs-one-step-late: uses the output's gradient of the step before
- h=dstate.h + doutputs[:, t]
+ h=dstate.h + doutputs[:, max(t - 1, 0)]
? Does the gradient of each output meet the step that made it?
(t) outputs-in-reverse: reads the outputs' gradients from the wrong end
- h=dstate.h + doutputs[:, t]
+ h=dstate.h + doutputs[:, tape.x.shape[1] - 1 - t]
? The loop runs backwards: does each gradient meet its own step?
(t) carried-dc-lost: forgets the gradient of c from the next step, except at the last step
- dnew = select(valid, dstate)
+ dnew = select(valid, dstate if t == tape.x.shape[1] - 1 else only_h(dstate))
? By how many paths does c reach the loss?
(t) carried-dc-not-added: does not add the gradient of c, not even that of the last one
- dnew = select(valid, dstate)
+ dnew = select(valid, only_h(dstate))
? By how many paths does c reach the loss?
(t) final-gradient-not-used: does not use the gradients of the final states
- (dstate,) = dfinal
+ dstate = None
? What does the loop begin with?
(t) final-h-not-used: does not use the gradient of the final h
- (dstate,) = dfinal
+ dstate = only_c(dfinal)
? What does the loop begin with?
(t) first-step-left-out: stops before the first step
- reversed(range(tape.x.shape[1]))
+ reversed(range(1, tape.x.shape[1]))
? How many steps does the loop have, and which is the last one that it meets?
(t) last-step-left-out: begins with the last step but one
- reversed(range(tape.x.shape[1]))
+ reversed(range(tape.x.shape[1] - 1))
? How many steps does the loop have, and which is the first one that it meets?
(t) steps-in-order: runs from the first step to the last
- reversed(range(tape.x.shape[1]))
+ range(tape.x.shape[1])
? In which direction does the gradient run through time?
(t) carry-cut: passes no gradient from a step to the one before
- dstate = select(valid, dbefore, dstate)
+ dstate = mapped(np.zeros_like, dbefore)
? What does a step hand to the one before?
(t) carry-added-to-the-old: adds the new gradient of the state to the old one
- dstate = select(valid, dbefore, dstate)
+ dstate = mapped(np.add, dbefore, dstate)
? The gradient of the new state is used up: is it kept once more?
"""

READS = """
@ Recurrent._backward
(t) initial-state-as-zero: treats the initial state as zero
- if t > 0 else tape.initial
+ if t > 0 else mapped(np.zeros_like, tape.initial)
? What is the state before step 0?
(t) state-of-this-step: reads the state of this step for that of the last
- before = at_step(tape.states, t - 1) if t > 0 else tape.initial
+ before = at_step(tape.states, t)
? Which state did the step begin with?
(t) state-always-initial: reads the initial state at every step
- before = at_step(tape.states, t - 1) if t > 0 else tape.initial
+ before = tape.initial
? Which state did the step begin with?
(t) state-two-steps-back: reads the state of two steps before
- before = at_step(tape.states, t - 1) if t > 0 else tape.initial
+ before = at_step(tape.states, t - 2) if t > 1 else tape.initial
? Which state did the step begin with?
(t) input-of-the-step-before: reads x of the step before
- tape.x[:, t],
+ tape.x[:, max(t - 1, 0)],
? Which input did the step read?
"""

RESULTS = """
@ Recurrent._backward
(t) gradients-overwritten: keeps the parameters' gradient of one step only
- dparams[name] += value
+ dparams[name] = value
? The parameters are shared by all steps: what does this do to their gradient?
(t) gradients-averaged: divides the parameters' gradients by the number of steps T
- return dparams, dx, (dstate,)
+ return {name: own / tape.x.shape[1] for name, own in dparams.items()}, dx, (dstate,)
? The parameters are shared by all steps: are the steps added, or averaged?
(t) gradients-twice: counts the last step twice
- dparams[name] += value
+ dparams[name] += value * (1 + (t == tape.x.shape[1] - 1))
? Is the first addition made twice?
(t) everything-averaged: divides all gradients by the number of rows B
- return dparams, dx, (dstate,)
+ return averaged(dparams, dx), dx / len(dx), (mapped(lambda own: own / len(dx), dstate),)
? Where is the loss divided by the number of rows? Is it divided once more?
(t) initial-gradient-missing: gives no gradient to the initial state
- return dparams, dx, (dstate,)
+ return dparams, dx, (mapped(np.zeros_like, dstate),)
? What is left when the loop has ended?
(t) initial-c-gradient-missing: gives no gradient to the initial c
- return dparams, dx, (dstate,)
+ return dparams, dx, (only_h(dstate),)
? What is left when the loop has ended?
(t) initial-gradient-of-step-one: returns the gradient of the state after step 0
- dstate = select(valid, dbefore, dstate)
+ dstate = select(valid, dbefore, dstate) if t else dstate
? Does the gradient of the initial state pass through step 0?
(t) dx-one-step-late: has dx shifted by one step to the end
- return dparams, dx, (dstate,)
+ return dparams, np.roll(dx, 1, axis=1), (dstate,)
? At which index does the loop store the gradient of x(t)?
(t) dx-one-step-early: has dx shifted by one step to the beginning
- return dparams, dx, (dstate,)
+ return dparams, np.roll(dx, -1, axis=1), (dstate,)
? At which index does the loop store the gradient of x(t)?
(t) dx-in-reverse: returns dx from the last step to the first
- return dparams, dx, (dstate,)
+ return dparams, dx[:, ::-1], (dstate,)
? In which order does the loop make the gradients of x?
(t) dx-of-one-step: keeps dx of step 0 only
- return dparams, dx, (dstate,)
+ return dparams, dx * (np.arange(dx.shape[1]) == 0)[:, None], (dstate,)
? Does every step of x get its own gradient?
(t) dx-added-up: adds dx of all steps
- return dparams, dx, (dstate,)
+ return dparams, np.broadcast_to(dx.sum(axis=1, keepdims=True), dx.shape).copy(), (dstate,)
? Does every step of x get its own gradient?
"""

MASKS = """
@ Recurrent._backward
(t) masked-steps-counted: runs masked steps like valid ones
- valid = tape.mask[:, t, np.newaxis]
+ valid = np.ones_like(tape.mask[:, t, np.newaxis])
? What does a masked step add to the gradients?
(t) gradient-not-held: loses the gradient of the state at masked steps
- dstate = select(valid, dbefore, dstate)
+ dstate = dbefore
? The forward holds the state at a masked step: what is its mirror image?
(t) gradient-added-at-masked: adds the step's gradient to the held one instead of selecting
- dstate = select(valid, dbefore, dstate)
+ dstate = select(valid, dbefore, mapped(lambda own: 2 * own, dstate))
? The forward holds the state at a masked step: what is its mirror image?
(t) masked-gradients-enter: passes the held gradient through masked steps as well
- dnew = select(valid, dstate)
+ dnew = dstate
? What does a masked step add to the gradients?
"""

OVERWRITTEN = """
@ Recurrent._backward
(t) d{name}-overwritten: keeps d{name} of one step only, but adds the other gradients
- dparams[name] += value
+ dparams[name] = value if name == "{name}" else dparams[name] + value
? All steps share {words}: what does this do to their gradient?
"""


def overwritten(name: str, words: str) -> str:
    """The mistake of one parameter's gradient that is not added up.

    Examples
    --------
    >>> overwritten("U", "the recurrent weights").splitlines()[2]
    '(t) dU-overwritten: keeps dU of one step only, but adds the other gradients'
    """
    return OVERWRITTEN.format(name=name, words=words)


OF_ONE = [
    overwritten("W", "the weights of the input"),
    overwritten("U", "the recurrent weights"),
    overwritten("b", "the biases"),
]
THROUGH_TIME = mistakes_of("any", "".join([FORWARD, STATE, READS, RESULTS, *OF_ONE, MASKS]))
