"""Mistakes of the LSTM at one step: back through the gates (npstack/cells/lstm.py)."""

from __future__ import annotations

GATE = """
@ LSTMCell.step_backward
({number}) {gate}-without-slope: leaves out the slope of the sigmoid in da_{letter}
- {gate}=d{letter} * sigmoid_derivative({letter})
+ {gate}=d{letter}
? Between a gate and its pre-activation there is an activation.
({number}) {gate}-slope-at-preactivation: takes the slope at a_{letter}, not at {letter}
- {gate}=d{letter} * sigmoid_derivative({letter})
+ {gate}=d{letter} * sigmoid_derivative({total})
? Is the formula of the slope in terms of the argument or of the value?
({number}) {gate}-slope-of-tanh: has the slope of tanh where that of the sigmoid belongs
- {gate}=d{letter} * sigmoid_derivative({letter})
+ {gate}=d{letter} * tanh_derivative({letter})
? Which activation does this gate have?
({number}) {gate}-slope-half: has 1 - y for y (1 - y)
- {gate}=d{letter} * sigmoid_derivative({letter})
+ {gate}=d{letter} * (1 - {letter})
? What is the derivative of the sigmoid?
({number}) {gate}-slope-other-half: has y for y (1 - y)
- {gate}=d{letter} * sigmoid_derivative({letter})
+ {gate}=d{letter} * {letter}
? What is the derivative of the sigmoid?
({number}) {gate}-slope-of-sigmoid-twice: takes the sigmoid of {letter} once more before the slope
- {gate}=d{letter} * sigmoid_derivative({letter})
+ {gate}=d{letter} * sigmoid_derivative(sigmoid({letter}))
? Is the cached value already a sigmoid?
({number}) {gate}-sign: has the wrong sign in da_{letter}
- {gate}=d{letter} * sigmoid_derivative({letter})
+ {gate}=-d{letter} * sigmoid_derivative({letter})
? Does a gate fall when its pre-activation grows?
"""

CANDIDATE = """
@ LSTMCell.step_backward
(3) candidate-without-slope: leaves out the slope of tanh in da_g
- dg * tanh_derivative(g)
+ dg
? Between the candidate and its pre-activation there is an activation.
(3) candidate-slope-at-preactivation: takes the slope at a_g, not at g
- dg * tanh_derivative(g)
+ dg * tanh_derivative({total})
? Is the formula of the slope in terms of the argument or of the value?
(3) candidate-slope-without-square: has 1 - y for 1 - y^2
- dg * tanh_derivative(g)
+ dg * (1 - g)
? What is the derivative of tanh?
(3) candidate-slope-of-sigmoid: has the slope of the sigmoid where that of tanh belongs
- dg * tanh_derivative(g)
+ dg * sigmoid_derivative(g)
? Which activation does the candidate have?
(3) candidate-slope-tanh-twice: takes tanh of g once more before the slope
- dg * tanh_derivative(g)
+ dg * tanh_derivative(tanh(g))
? Is the cached value already a tanh?
(3) candidate-sign: has the wrong sign in da_g
- dg * tanh_derivative(g)
+ -dg * tanh_derivative(g)
? Does the candidate fall when its pre-activation grows?
"""


TOTAL = 'split_gates(x @ params["W"] + state.h @ params["U"] + params["b"]).'
GATES = (("output", "o", 4), ("forget", "f", 2), ("input", "i", 1))
SLOPES = [
    GATE.format(gate=gate, letter=letter, number=number, total=TOTAL + gate)
    for gate, letter, number in GATES
]
SLOPES.append(CANDIDATE.format(total=TOTAL + "candidate"))

OTHER = """
@ LSTMCell.step_backward
(4) output-from-df: uses df for do
- output=do *
+ output=df *
? Does every gate get its own gradient?
(4) output-from-dc: uses dc for do
- output=do *
+ output=dc *
? Does every gate get its own gradient?
(2) forget-from-di: uses di for df
- forget=df *
+ forget=di *
? Does every gate get its own gradient?
(1) input-from-df: uses df for di
- input=di *
+ input=df *
? Does every gate get its own gradient?
(1) input-from-dg: uses dg for di
- input=di *
+ input=dg *
? Does every gate get its own gradient?
(3) candidate-from-di: uses di for dg
- candidate=dg *
+ candidate=di *
? Does every gate get its own gradient?
(4) output-slope-of-f: takes the slope of o at f
- sigmoid_derivative(o)
+ sigmoid_derivative(f)
? Is each slope taken at the gate's own value?
(2) forget-slope-of-i: takes the slope of f at i
- sigmoid_derivative(f)
+ sigmoid_derivative(i)
? Is each slope taken at the gate's own value?
(1) input-slope-of-f: takes the slope of i at f
- sigmoid_derivative(i)
+ sigmoid_derivative(f)
? Is each slope taken at the gate's own value?
"""

# The gates packed in an order that is not that of W, U and b: by what the last block is called.
PACKED = "".join(
    f"""
@ LSTMCell.step_backward
(a) packed-{one}-for-{two}: packs da_{one} and da_{two} in each other's place
- dparams = {{"W"
+ da = join_gates(split_gates(da)._replace({edit})); dparams = {{"W"
? In which order are the gates packed in W, U and b?
"""
    for one, two, edit in [
        ("g", "o", "candidate=split_gates(da).output, output=split_gates(da).candidate"),
        ("i", "f", "input=split_gates(da).forget, forget=split_gates(da).input"),
        ("f", "g", "forget=split_gates(da).candidate, candidate=split_gates(da).forget"),
    ]
)

READS = """
@ LSTMCell.step_backward
(a) dU-by-cell: uses c' for h' in dU
- "U": state.h.T
+ "U": state.c.T
? Which of the two states do the gates read?
(a) dh-without-output-gate: leaves the output gate out of the gradient of h'
- da @ params["U"].T
+ join_gates(split_gates(da)._replace(output=0 * o)) @ params["U"].T
? How many gates read h'?
(a) dh-and-dc-exchanged: returns the gradients of h' and c' in each other's place
- LSTMState(h=dh_before, c=dc_before)
+ LSTMState(h=dc_before, c=dh_before)
? In which order are the two states returned?
"""
