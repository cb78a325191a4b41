"""Mistakes of the LSTM with peepholes at one step (cells/variant.py, cells/parts/peepholes.py)."""

from __future__ import annotations

from npstack.verify.mistakes.affine import affine
from npstack.verify.mistakes.entry import mistakes_of
from npstack.verify.mistakes.through_time import overwritten

FORWARD = """
@ LSTMVariantCell.step
(4) output-reads-last-cell: lets the output gate read c', the cell before the step
- o = gate("output", c)
+ o = gate("output", state.c)
? Which gates read the cell before the step, and which the cell after it?
(3) candidate-reads-cell: lets the candidate read the cell, with the peephole of i
- g = gate("candidate", state.c)
+ g = tanh(self._sums(params, "input", a["candidate"], state.c)[-1])
? Which gates have a peephole?
(1) input-reads-h: lets the input gate read h' through its peephole
- i = gate("input", state.c)
+ i = gate("input", state.h)
? Which of the two states does a peephole read?
(2) forget-reads-h: lets the forget gate read h' through its peephole
- gate("forget", state.c)
+ gate("forget", state.h)
? Which of the two states does a peephole read?
(1) input-without-peephole: does not read the cell
- i = gate("input", state.c)
+ i = gate("input", 0 * state.c)
? Which gates have a peephole?
(2) forget-without-peephole: does not read the cell
- gate("forget", state.c)
+ gate("forget", 0 * state.c)
? Which gates have a peephole?
(4) output-without-peephole: does not read the cell
- o = gate("output", c)
+ o = gate("output", 0 * c)
? Which gates have a peephole?
(4) output-peephole-after-sigmoid: adds P_o * c after the sigmoid
- o = gate("output", c)
+ o = gate("output", 0 * c) + self._sums(params, "output", 0 * c, c)[-1]
? On which side of the sigmoid is the peephole?
(4) output-reads-tanh: lets the output gate read tanh(c)
- o = gate("output", c)
+ o = gate("output", tanh(c))
? Is there an activation between the cell and a peephole?
(1) input-reads-tanh: lets the input gate read tanh(c')
- i = gate("input", state.c)
+ i = gate("input", tanh(state.c))
? Is there an activation between the cell and a peephole?
(5) i-and-f-exchanged: has i and f exchanged
- f * state.c + i * g
+ i * state.c + f * g
? Which gate belongs to the old cell, which to the candidate?
(5) i-plus-g: adds i and g instead of multiplying them
- i * g
+ (i + g)
? What does the input gate do to the candidate?
(6) h-without-tanh: has no tanh around c
- o * self.activations["cell"].function(c)
+ o * c
? Between which bounds does h lie?
(6) h-of-the-last-cell: shows the cell of the step before
- self.activations["cell"].function(c)
+ self.activations["cell"].function(state.c)
? Is the cell that h shows a step late?
@ Peepholes._place
(4) peepholes-f-and-o-exchanged: has the peepholes of f and o in each other's place
- ["input", "forget", "output"] if
+ ["input", "output", "forget"] if
? In which order are the peepholes packed?
(1) peepholes-i-and-f-exchanged: has the peepholes of i and f in each other's place
- ["input", "forget", "output"] if
+ ["forget", "input", "output"] if
? In which order are the peepholes packed?
"""

BACKWARD = """
@ LSTMVariantCell.step_backward
(4) third-path-missing: lacks the path from o to c, by the peephole
- dc = dc + gate_backward("output", o, c, do)
+ gate_backward("output", o, c, do)
? By how many paths does c reach the loss?
(4) output-peephole-of-last-cell: uses c' for c in the gradient of P_o
- dc = dc + gate_backward("output", o, c, do)
+ dc = dc + gate_backward("output", o, state.c, do)
? Which cell does the output gate read?
(2) path-by-forget-missing: lacks the path from f to c', by the peephole
- dc_before = dc_before + gate_backward("forget", f, state.c, df)
+ gate_backward("forget", f, state.c, df)
? By how many paths does c' reach the loss?
(1) path-by-input-missing: lacks the path from i to c', by the peephole
- dc_before = dc_before + gate_backward("input", i, state.c, di)
+ gate_backward("input", i, state.c, di)
? By how many paths does c' reach the loss?
(1) both-paths-to-last-cell-missing: lacks the paths from i and f to c', by the peepholes
- packed = join_gates
+ dc_before = dc * f; packed = join_gates
? By how many paths does c' reach the loss?
(2) forget-peephole-of-new-cell: uses c for c' in the gradient of P_f
- gate_backward("forget", f, state.c, df)
+ gate_backward("forget", f, c, df)
? Which cell does the forget gate read?
(1) input-peephole-of-new-cell: uses c for c' in the gradient of P_i
- gate_backward("input", i, state.c, di)
+ gate_backward("input", i, c, di)
? Which cell does the input gate read?
(6) do-without-tanh: leaves tanh(c) out of do
- do = dm * shown
+ do = dm
? By which number is o multiplied in the forward?
(6) do-by-c: multiplies do by c, not by tanh(c)
- do = dm * shown
+ do = dm * c
? By which number is o multiplied in the forward?
(6) do-sign: has the wrong sign in do
- do = dm * shown
+ do = -dm * shown
? If o grows, does h grow with it?
(6) do-zero: has no gradient of o
- do = dm * shown
+ do = 0 * dm
? Does the output gate learn?
(6) dc-without-carry: lacks the carried dc: one of the paths of c
- dc = dnew_state.c + dm
+ dc = dm
? By how many paths does c reach the loss?
(6) dc-without-h: lacks the path of c through h
- dc = dnew_state.c + dm
+ dc = dnew_state.c + 0 * dm
? By how many paths does c reach the loss?
(6) dc-without-slope: leaves out the slope of tanh
- dm * o * act["cell"].derivative(c, shown)
+ dm * o
? Between c and h there is a tanh.
(6) dc-without-o: leaves o out of dc
- dm * o * act
+ dm * act
? What is tanh(c) multiplied by in the forward?
(6) dc-slope-without-square: has 1 - y for 1 - y^2
- act["cell"].derivative(c, shown)
+ (1 - shown)
? What is the derivative of tanh?
(6) dc-slope-at-c: takes the slope at c, 1 - c^2, although the formula wants tanh(c)
- act["cell"].derivative(c, shown)
+ tanh_derivative(c)
? Is the formula of the slope in terms of the argument or of the value?
(5) df-by-new-cell: uses c for c' in df
- dc * state.c, dc * g, dc * i
+ dc * c, dc * g, dc * i
? Which cell does the forget gate keep a part of?
(5) di-and-dg-exchanged: has i and g exchanged: di is multiplied by i, dg by g
- dc * state.c, dc * g, dc * i
+ dc * state.c, dc * i, dc * g
? A product's derivative by one factor is the other factor.
(5) df-and-di-exchanged: has df and di in each other's place
- dc * state.c, dc * g, dc * i
+ dc * g, dc * state.c, dc * i
? Which two numbers does each gate stand between?
(5) df-zero: has no gradient of f
- dc * state.c, dc * g, dc * i
+ 0 * dc, dc * g, dc * i
? Does the forget gate learn?
(5) di-zero: has no gradient of i
- dc * state.c, dc * g, dc * i
+ dc * state.c, 0 * dc, dc * i
? Does the input gate learn?
(5) dg-zero: has no gradient of g
- dc * state.c, dc * g, dc * i
+ dc * state.c, dc * g, 0 * dc
? Does the candidate learn?
(5) carried-dc-without-f: leaves f out of the direct path to c'
- dc_before = dc * f
+ dc_before = dc
? How much of the old cell is kept?
(5) carried-dc-zero: lacks the direct path to c'
- dc_before = dc * f
+ dc_before = 0 * dc
? What carries the gradient over many steps?
(1) gates-without-slope: leaves out the slopes of all activations
- d, dc = dy * act[name].derivative(sums[-1], y),
+ d, dc = dy,
? Between a gate and its pre-activation there is an activation.
(1) slopes-without-square: has 1 - y for the slope of every gate and of the candidate
- dy * act[name].derivative(sums[-1], y)
+ dy * (1 - y)
? What are the derivatives of the sigmoid and of tanh?
(1) slopes-of-sigmoid: has the slope of the sigmoid for the candidate, too
- act[name].derivative(sums[-1], y)
+ sigmoid_derivative(y)
? Which activation does the candidate have?
(1) slopes-of-tanh: has the slope of tanh for every gate, too
- act[name].derivative(sums[-1], y)
+ tanh_derivative(y)
? Which activation does each gate have?
(a) dU-by-cell: uses c' for h' in dU
- "U": state.h.T
+ "U": state.c.T
? Which of the two states do the matrices read?
@ Peepholes.gate_backward
(1) dP-zero: gives no gradient to P, and so have (2) and (4)
- (da * c).sum(axis=0)
+ 0 * (da * c).sum(axis=0)
? Do the peepholes learn?
(1) dP-mean: averages dP over the batch, and so do (2) and (4)
- (da * c).sum(axis=0)
+ (da * c).mean(axis=0)
? A peephole meets every row: what do the rows' gradients do?
(1) dP-without-cell: leaves the cell out of dP, and so do (2) and (4)
- (da * c).sum(axis=0)
+ da.sum(axis=0)
? What is P multiplied with?
(1) dP-sign: has the wrong sign in dP, and so have (2) and (4)
- (da * c).sum(axis=0)
+ -(da * c).sum(axis=0)
? What is the sign of dP?
(1) dP-of-tanh: uses tanh of the cell in dP, and so do (2) and (4)
- (da * c).sum(axis=0)
+ (da * tanh(c)).sum(axis=0)
? Is there an activation between the cell and a peephole?
(1) no-path-by-peepholes: passes nothing to the cell, and neither do (2) and (4)
- return da, da * params["P"][place], {"P": dP}
+ return da, 0 * da, {"P": dP}
? By how many paths does a cell reach the loss?
(1) path-without-P: leaves P out of the paths to the cell, and so do (2) and (4)
- return da, da * params["P"][place], {"P": dP}
+ return da, da, {"P": dP}
? What is the cell multiplied with on its way to a gate?
"""

# One gate at a time, although all of them share a line.
SLOPES = """
@ LSTMVariantCell.step_backward
({number}) {gate}-without-slope: leaves out the slope of the sigmoid in da_{letter}
- dy * act[name].derivative(sums[-1], y)
+ dy * (1 if name == "{gate}" else act[name].derivative(sums[-1], y))
? Between a gate and its pre-activation there is an activation.
({number}) {gate}-slope-half: has 1 - y for y (1 - y)
- dy * act[name].derivative(sums[-1], y)
+ dy * (1 - y if name == "{gate}" else act[name].derivative(sums[-1], y))
? What is the derivative of the sigmoid?
({number}) {gate}-slope-other-half: has y for y (1 - y)
- dy * act[name].derivative(sums[-1], y)
+ dy * (y if name == "{gate}" else act[name].derivative(sums[-1], y))
? What is the derivative of the sigmoid?
"""
GATES = (("output", "o", 4), ("forget", "f", 2), ("input", "i", 1))

ONE_GATE = "".join(
    SLOPES.format(gate=gate, letter=letter, number=number) for gate, letter, number in GATES
)

LOOP = overwritten("P", "the peepholes")

LSTM_PEEPHOLES = mistakes_of(
    "peephole",
    FORWARD
    + BACKWARD
    + ONE_GATE
    + LOOP
    + affine("LSTMVariantCell.step_backward", "(a)", "packed", "state.h"),
)
