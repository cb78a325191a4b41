"""Mistakes that both forms of the GRU have in common, at one step."""

from __future__ import annotations

FORWARD = """
@ CELL.step_reading
(5) z-exchanged: has z and 1 - z exchanged
- h = z * state.h + (1 - z) * n
+ h = (1 - z) * state.h + z * n
? Does z keep the old state, or write the candidate?
(5) z-missing-at-n: writes the whole candidate: 1 - z is missing
- h = z * state.h + (1 - z) * n
+ h = z * state.h + n
? What are the two weights of the old state and of the candidate?
(5) z-missing-at-h: keeps the whole old state: z is missing
- h = z * state.h + (1 - z) * n
+ h = state.h + (1 - z) * n
? What are the two weights of the old state and of the candidate?
(5) old-state-not-kept: does not keep the old state
- h = z * state.h + (1 - z) * n
+ h = (1 - z) * n
? By how many paths does h' reach h?
(5) h-tanh-outside: takes tanh of the new state
- h = z * state.h + (1 - z) * n
+ h = tanh(z * state.h + (1 - z) * n)
? How often does the candidate pass through an activation?
(5) r-for-z: uses r for z
- h = z * state.h + (1 - z) * n
+ h = r * state.h + (1 - r) * n
? Which gate decides what is kept?
(1) tanh-reset-gate: has tanh where the sigmoid belongs
- r = self.gate.function(a_r)
+ r = tanh(a_r)
? Between which bounds does each gate lie?
(2) tanh-update-gate: has tanh where the sigmoid belongs
- z = self.gate.function(a_z)
+ z = tanh(a_z)
? Between which bounds does each gate lie?
(4) sigmoid-candidate: has the sigmoid where tanh belongs
- n = self.candidate.function(
+ n = sigmoid(
? Can your candidate be negative?
(4) candidate-without-tanh: has no tanh
- n = self.candidate.function(
+ n = (
? Between which bounds does the candidate lie?
"""

BACKWARD = """
@ CELL.step_reading_backward
(5) h-of-this-step: reads h of this step for h of the last, and so do the lines behind it
- dh = dnew_state.h
+ dh, read, state = dnew_state.h, new_state.h, new_state
? Which h did the step begin with?
(5) dz-without-n: leaves the candidate out of dz
- dz = dh * (state.h - n)
+ dz = dh * state.h
? In how many places does z occur?
(5) dz-without-h: leaves h' out of dz
- dz = dh * (state.h - n)
+ dz = -dh * n
? In how many places does z occur?
(5) dz-sign: has the wrong sign in dz
- dz = dh * (state.h - n)
+ dz = dh * (n - state.h)
? If z grows, is more of the old state kept?
(5) dz-sum: adds h' and n instead of subtracting
- dz = dh * (state.h - n)
+ dz = dh * (state.h + n)
? What is the sign of z in 1 - z?
(5) dz-zero: has no gradient of z
- dz = dh * (state.h - n)
+ dz = 0 * dh
? Does the update gate learn?
(5) dz-by-new-h: uses h for h' in dz
- dz = dh * (state.h - n)
+ dz = dh * (new_state.h - n)
? Which h does the update gate keep a part of?
(5) dn-by-z: multiplies dn by z, not by 1 - z
- dn = dh * (1 - z)
+ dn = dh * z
? What is the candidate multiplied by?
(5) dn-without-z: leaves 1 - z out of dn
- dn = dh * (1 - z)
+ dn = dh
? What is the candidate multiplied by?
(5) dn-sign: has the wrong sign in dn
- dn = dh * (1 - z)
+ dn = -dh * (1 - z)
? If the candidate grows, what happens to h?
(5) direct-path-missing: lacks the direct path from h to h'
- dh_before = dh * z
+ dh_before = 0 * dh
? By how many paths does h' reach h?
(5) direct-path-without-z: leaves z out of the direct path
- dh_before = dh * z
+ dh_before = dh
? How much of the old state is kept?
(5) direct-path-by-one-minus-z: multiplies the direct path by 1 - z
- dh_before = dh * z
+ dh_before = dh * (1 - z)
? How much of the old state is kept?
(5) direct-path-by-r: multiplies the direct path by r
- dh_before = dh * z
+ dh_before = dh * r
? Which gate decides what is kept?
(4) candidate-without-slope: leaves out the slope of tanh in da_n
- da_n = dn * self.candidate.derivative(
+ da_n = dn + 0 * self.candidate.derivative(
? Between the candidate and its sum there is an activation.
(4) candidate-slope-without-square: has 1 - y for 1 - y^2
- da_n = dn *
+ da_n = dn * (1 - n) + 0 *
? What is the derivative of tanh?
(4) candidate-slope-of-sigmoid: has the slope of the sigmoid where that of tanh belongs
- da_n = dn *
+ da_n = dn * sigmoid_derivative(n) + 0 *
? Which activation does the candidate have?
(4) candidate-slope-tanh-twice: takes tanh of n once more before the slope
- da_n = dn *
+ da_n = dn * tanh_derivative(tanh(n)) + 0 *
? Is the cached value already a tanh?
(4) candidate-slope-at-preactivation: takes the slope at a_n, 1 - a^2, although the formula wants n
- da_n = dn *
+ da_n = dn * tanh_derivative(CANDIDATE_SUM) + 0 *
? Is the formula of the slope in terms of the argument or of the value?
(4) candidate-zero: has no gradient of the candidate
- da_n = dn *
+ da_n = 0 *
? Does the candidate learn?
(1) reset-from-dz: uses dz for dr
- da_r = dr *
+ da_r = dz *
? Does every gate get its own gradient?
(2) update-from-dr: uses dr for dz
- da_z = dz *
+ da_z = dr *
? Does every gate get its own gradient?
"""

SLOPE = """
@ {cell}.step_reading_backward
({number}) {name}-without-slope: leaves out the slope of the sigmoid in da_{k}
- da_{k} = d{k} * self.gate.derivative(a_{k}, {k})
+ da_{k} = d{k}
? Between a gate and its pre-activation there is an activation.
({number}) {name}-slope-of-tanh: has the slope of tanh where that of the sigmoid belongs
- da_{k} = d{k} * self.gate.derivative(a_{k}, {k})
+ da_{k} = d{k} * tanh_derivative({k})
? Which activation does this gate have?
({number}) {name}-slope-half: has 1 - y for y (1 - y)
- da_{k} = d{k} * self.gate.derivative(a_{k}, {k})
+ da_{k} = d{k} * (1 - {k})
? What is the derivative of the sigmoid?
({number}) {name}-slope-other-half: has y for y (1 - y)
- da_{k} = d{k} * self.gate.derivative(a_{k}, {k})
+ da_{k} = d{k} * {k}
? What is the derivative of the sigmoid?
({number}) {name}-slope-of-sigmoid-twice: takes the sigmoid of {k} once more before the slope
- da_{k} = d{k} * self.gate.derivative(a_{k}, {k})
+ da_{k} = d{k} * sigmoid_derivative(sigmoid({k}))
? Is the cached value already a sigmoid?
({number}) {name}-slope-at-preactivation: takes the slope at a_{k}, although the formula wants {k}
- da_{k} = d{k} * self.gate.derivative(a_{k}, {k})
+ da_{k} = d{k} * sigmoid_derivative({sums}[{place}])
? Is the formula of the slope in terms of the argument or of the value?
({number}) {name}-sign: has the wrong sign in da_{k}
- da_{k} = d{k} * self.gate.derivative(a_{k}, {k})
+ da_{k} = -d{k} * self.gate.derivative(a_{k}, {k})
? Does a gate fall when its pre-activation grows?
"""


def both_forms(cell: str, candidate: str, sums: str) -> str:
    """What the two forms have in common."""
    text = (FORWARD + BACKWARD).replace("CELL", cell).replace("CANDIDATE_SUM", candidate)
    gates = (("reset", "r", 1, 0), ("update", "z", 2, 1))
    return text + "".join(
        SLOPE.format(cell=cell, name=name, k=k, number=number, place=place, sums=sums)
        for name, k, number, place in gates
    )
