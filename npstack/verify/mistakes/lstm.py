"""Mistakes of the LSTM at one step: forward, and backward to the gates (npstack/cells/lstm.py)."""

from __future__ import annotations

from npstack.verify.mistakes.affine import affine
from npstack.verify.mistakes.entry import mistakes_of
from npstack.verify.mistakes.lstm_gates import OTHER, PACKED, READS, SLOPES

FORWARD = """
@ LSTMCell.step
(1) tanh-input-gate: has tanh where the sigmoid belongs
- i = sigmoid(a.input)
+ i = tanh(a.input)
? Between which bounds does each gate lie?
(2) tanh-forget-gate: has tanh where the sigmoid belongs
- f = sigmoid(a.forget)
+ f = tanh(a.forget)
? Between which bounds does each gate lie?
(4) tanh-output-gate: has tanh where the sigmoid belongs
- o = sigmoid(a.output)
+ o = tanh(a.output)
? Between which bounds does each gate lie?
(3) sigmoid-candidate: has the sigmoid where tanh belongs
- g = tanh(a.candidate)
+ g = sigmoid(a.candidate)
? Can your candidate make a cell smaller?
(3) candidate-tanh-twice: takes tanh twice
- g = tanh(a.candidate)
+ g = tanh(tanh(a.candidate))
? How often does the candidate pass through an activation?
(3) candidate-without-tanh: has no tanh
- g = tanh(a.candidate)
+ g = a.candidate
? Between which bounds does the candidate lie?
(2) forget-one-added-before: adds 1 to a_f, as a forget bias at run time does
- f = sigmoid(a.forget)
+ f = sigmoid(a.forget + 1)
? Is the forget bias in b, or added once more?
(2) forget-one-added-after: adds 1 after the sigmoid
- f = sigmoid(a.forget)
+ f = sigmoid(a.forget) + 1
? On which side of the sigmoid does a bias belong?
(5) i-plus-g: adds i and g instead of multiplying them
- i * g
+ (i + g)
? What does the input gate do to the candidate?
(5) i-not-used: writes the whole candidate: i is missing
- i * g
+ g
? Which gate decides how much is written?
(5) f-not-used: keeps the whole cell: f is missing
- f * state.c
+ state.c
? Which gate decides how much is kept?
(5) i-and-f-exchanged: has i and f exchanged
- f * state.c + i * g
+ i * state.c + f * g
? Which gate belongs to the old cell, which to the candidate?
(5) coupled-gates: writes 1 - f of the candidate instead of i
- i * g
+ (1 - f) * g
? How many gates decide what is written and what is kept?
(5) h-kept-for-c: keeps h' instead of c'
- f * state.c
+ f * state.h
? Which of the two states is the memory?
(5) cell-not-kept: does not keep the old cell
- f * state.c + i * g
+ i * g
? Is it a running sum?
(5) tanh-of-the-new-cell: takes tanh of the whole sum
- f * state.c + i * g
+ tanh(f * state.c + i * g)
? Is the cell state bounded?
(6) h-without-tanh: has no tanh around c
- h = o * tanh(c)
+ h = o * c
? Between which bounds does h lie?
(6) h-tanh-outside: takes tanh of the product with o
- h = o * tanh(c)
+ h = tanh(o * c)
? What comes first, the tanh or the gate?
(6) h-tanh-twice: takes tanh twice
- h = o * tanh(c)
+ h = o * tanh(tanh(c))
? How often does the cell pass through an activation?
(6) h-sigmoid-of-c: has the sigmoid where tanh belongs
- h = o * tanh(c)
+ h = o * sigmoid(c)
? Between which bounds does h lie?
(6) h-of-the-last-cell: shows the cell of the step before
- h = o * tanh(c)
+ h = o * tanh(state.c)
? Is the cell that h shows a step late?
(6) h-without-o: does not use the output gate
- h = o * tanh(c)
+ h = tanh(c)
? Which gate decides how much is shown?
(6) h-gated-by-f: is gated by f instead of o
- h = o * tanh(c)
+ h = f * tanh(c)
? Which gate decides how much is shown?
(a) bias-missing: has no bias
- + params["b"]
+ + 0 * params["b"]
? What is the pre-activation if x and h' are zero?
(a) bias-twice: adds the bias twice
- + params["b"]
+ + 2 * params["b"]
? What is the pre-activation if x and h' are zero?
(a) past-not-read: does not read h'
- state.h @ params["U"]
+ 0 * (state.h @ params["U"])
? Which two vectors do the gates read?
(a) cell-read-for-h: reads c' instead of h'
- state.h @ params["U"]
+ state.c @ params["U"]
? Which two vectors do the gates read?
"""

OUTPUT = """
@ LSTMCell.step_backward
(6) do-without-tanh: leaves tanh(c) out of do
- do = dh * tanh_c
+ do = dh
? By which number is o multiplied in the forward?
(6) do-by-c: multiplies do by c, not by tanh(c)
- do = dh * tanh_c
+ do = dh * new_state.c
? By which number is o multiplied in the forward?
(6) do-by-last-cell: multiplies do by tanh of the cell before the step
- do = dh * tanh_c
+ do = dh * tanh(state.c)
? Which cell does the output gate show?
(6) do-sign: has the wrong sign in do
- do = dh * tanh_c
+ do = -dh * tanh_c
? If o grows, does h grow with it?
(6) do-zero: has no gradient of o
- do = dh * tanh_c
+ do = 0 * dh
? Does the output gate learn?
(6) do-by-o: multiplies do by o, not by tanh(c)
- do = dh * tanh_c
+ do = dh * o
? A product's derivative by one factor is the other factor.
(6) dc-without-carry: lacks the carried dc: one of the two paths of c
- dc = dnew_state.c + dh * o * tanh_derivative(tanh_c)
+ dc = dh * o * tanh_derivative(tanh_c)
? By how many paths does c reach the loss?
(6) dc-without-h: lacks the path of c through h
- dc = dnew_state.c + dh * o * tanh_derivative(tanh_c)
+ dc = dnew_state.c
? By how many paths does c reach the loss?
(6) dc-without-slope: leaves out the slope of tanh
- dh * o * tanh_derivative(tanh_c)
+ dh * o
? Between c and h there is a tanh.
(6) dc-without-o: leaves o out of dc
- dh * o * tanh_derivative(tanh_c)
+ dh * tanh_derivative(tanh_c)
? What is tanh(c) multiplied by in the forward?
(6) dc-slope-without-square: has 1 - y for 1 - y^2
- tanh_derivative(tanh_c)
+ (1 - tanh_c)
? What is the derivative of tanh?
(6) dc-slope-of-sigmoid: has the slope of the sigmoid where that of tanh belongs
- tanh_derivative(tanh_c)
+ sigmoid_derivative(tanh_c)
? Which activation is between c and h?
(6) dc-slope-at-c: takes the slope at c, 1 - c^2, although the formula wants tanh(c)
- tanh_derivative(tanh_c)
+ tanh_derivative(new_state.c)
? Is the formula of the slope in terms of the argument or of the value?
(6) dc-slope-tanh-twice: takes tanh of tanh(c) before the slope
- tanh_derivative(tanh_c)
+ tanh_derivative(tanh(tanh_c))
? Is the cached value already a tanh?
(6) dc-slope-at-last-cell: takes the slope at the cell before the step
- tanh_derivative(tanh_c)
+ tanh_derivative(tanh(state.c))
? Which cell does h show?
(6) dc-sign: subtracts the path through h
- dnew_state.c + dh * o
+ dnew_state.c - dh * o
? Are the two paths of c added?
(6) dc-from-do: uses do for dh
- dh * o * tanh_derivative(tanh_c)
+ do * o * tanh_derivative(tanh_c)
? Which derivative arrives at the line h = o * tanh(c)?
(6) dc-carry-inside: multiplies the carried dc by the slope, too
- dnew_state.c + dh * o * tanh_derivative(tanh_c)
+ (dnew_state.c + dh * o) * tanh_derivative(tanh_c)
? Does the cell pass through tanh on its way to the next step?
(6) dc-carry-times-o: multiplies the carried dc by o and the slope, too
- dnew_state.c + dh * o * tanh_derivative(tanh_c)
+ (dnew_state.c + dh) * o * tanh_derivative(tanh_c)
? Does the cell pass through the output gate on its way to the next step?
(6) dc-without-slope-and-carry: is dh * o alone
- dc = dnew_state.c + dh * o * tanh_derivative(tanh_c)
+ dc = dh * o
? What lies between c and the loss, and on how many paths?
"""

CELL = """
@ LSTMCell.step_backward
(5) df-by-new-cell: uses c for c' in df
- df = dc * state.c
+ df = dc * new_state.c
? Which cell does the forget gate keep a part of?
(5) df-by-tanh-of-last-cell: uses tanh(c') for c' in df
- df = dc * state.c
+ df = dc * tanh(state.c)
? Which number is f multiplied by?
(5) df-by-h: uses h' for c' in df
- df = dc * state.c
+ df = dc * state.h
? Which of the two states is the memory?
(5) df-by-f: uses f for c' in df
- df = dc * state.c
+ df = dc * f
? A product's derivative by one factor is the other factor.
(5) df-zero: has no gradient of f
- df = dc * state.c
+ df = 0 * dc
? Does the forget gate learn?
(5) df-sign: has the wrong sign in df
- df = dc * state.c
+ df = -dc * state.c
? If f grows, what happens to c?
(5) df-from-carry: uses the carried dc for the whole dc in df
- df = dc * state.c
+ df = dnew_state.c * state.c
? Which dc is complete?
(5) df-without-cell: leaves c' out of df
- df = dc * state.c
+ df = dc
? Which number is f multiplied by?
(5) di-by-i: multiplies di by i, not by g
- di = dc * g
+ di = dc * i
? A product's derivative by one factor is the other factor.
(5) di-zero: has no gradient of i
- di = dc * g
+ di = 0 * dc
? Does the input gate learn?
(5) di-sign: has the wrong sign in di
- di = dc * g
+ di = -dc * g
? If i grows, what happens to c?
(5) di-from-carry: uses the carried dc for the whole dc in di
- di = dc * g
+ di = dnew_state.c * g
? Which dc is complete?
(5) di-without-g: leaves g out of di
- di = dc * g
+ di = dc
? Which number is i multiplied by?
(5) di-by-last-cell: multiplies di by c', not by g
- di = dc * g
+ di = dc * state.c
? Which number is i multiplied by?
(5) dg-by-g: multiplies dg by g, not by i
- dg = dc * i
+ dg = dc * g
? A product's derivative by one factor is the other factor.
(5) dg-by-f: multiplies dg by f, not by i
- dg = dc * i
+ dg = dc * f
? Which gate is the candidate multiplied by?
(5) dg-zero: has no gradient of g
- dg = dc * i
+ dg = 0 * dc
? Does the candidate learn?
(5) dg-sign: has the wrong sign in dg
- dg = dc * i
+ dg = -dc * i
? If g grows, what happens to c?
(5) dg-from-carry: uses the carried dc for the whole dc in dg
- dg = dc * i
+ dg = dnew_state.c * i
? Which dc is complete?
(5) dg-without-i: leaves i out of dg
- dg = dc * i
+ dg = dc
? Which gate is the candidate multiplied by?
(5) di-and-dg-exchanged: has i and g exchanged: di is multiplied by i, dg by g
-     di = dc * g  # (5)
-     dg = dc * i  # (5)
+     di = dc * i  # (5)
+     dg = dc * g  # (5)
? A product's derivative by one factor is the other factor.
(5) carried-dc-without-f: leaves f out of the gradient of c'
- dc_before = dc * f
+ dc_before = dc
? How much of the old cell is kept?
(5) carried-dc-by-i: multiplies the gradient of c' by i, not by f
- dc_before = dc * f
+ dc_before = dc * i
? Which gate is the old cell multiplied by?
(5) carried-dc-by-o: multiplies the gradient of c' by o, not by f
- dc_before = dc * f
+ dc_before = dc * o
? Which gate is the old cell multiplied by?
(5) carried-dc-zero: passes no gradient to c'
- dc_before = dc * f
+ dc_before = 0 * dc
? What carries the gradient over many steps?
(5) carried-dc-without-h: passes only the carried dc to c', without the path through h
- dc_before = dc * f
+ dc_before = dnew_state.c * f
? Which dc is complete?
(5) carried-dc-sign: has the wrong sign in the gradient of c'
- dc_before = dc * f
+ dc_before = -dc * f
? If c' grows, what happens to c?
"""

LSTM = mistakes_of(
    "lstm",
    "".join([FORWARD, OUTPUT, CELL, *SLOPES, OTHER, PACKED, READS])
    + affine("LSTMCell.step_backward", "(a)", "da", "state.h"),
)
