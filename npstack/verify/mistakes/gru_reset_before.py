"""Mistakes of the GRU that resets before the product (npstack/cells/gru_reset_before.py)."""

from __future__ import annotations

from npstack.verify.mistakes.affine import affine
from npstack.verify.mistakes.both_grus import both_forms
from npstack.verify.mistakes.entry import mistakes_of

FORWARD = """
@ GRUResetBeforeCell.step_reading
(3) r-not-used: does not use the reset gate
- s = r * read
+ s = read
? Which gate decides how much of the past the candidate reads?
(3) z-for-r: uses z for r
- s = r * read
+ s = z * read
? Which gate decides how much of the past the candidate reads?
(4) r-after-the-product: multiplies r with the product, not with h' before it
- self.candidate_sum(params, x, s)
+ self.candidate_sum(params, x, 0 * s) + r * (read @ split_gates(params["U"], GRUGates).candidate)
? Does r act before or after U_n mixes the units?
(4) past-not-read: does not read h'
- self.candidate_sum(params, x, s)
+ self.candidate_sum(params, x, 0 * s)
? Which two vectors does the candidate read?
@ GRUResetBeforeCell.candidate_sum
(4) candidate-bias-missing: has no bias
- x @ W + s @ U + b
+ x @ W + s @ U
? What is the candidate's sum if x and h' are zero?
"""

BACKWARD = """
@ GRUResetBeforeCell.step_reading_backward
(4) ds-not-transposed: multiplies by U_n as it is, not transposed
- ds = da_n @ U.candidate.T
+ ds = da_n @ U.candidate
? Which index of U counts what it reads, and which what it writes?
(4) ds-zero: passes no gradient through U_n
- ds = da_n @ U.candidate.T
+ ds = 0 * da_n
? Does the candidate read the past?
(3) dr-zero: has no gradient of r
- dr = ds * read
+ dr = 0 * ds
? Does the reset gate learn?
(3) dr-without-h: leaves h' out of dr
- dr = ds * read
+ dr = ds
? What is r multiplied with?
(3) dr-sign: has the wrong sign in dr
- dr = ds * read
+ dr = -ds * read
? If r grows, does the past count more?
(3) dr-by-new-h: uses h for h' in dr
- dr = ds * read
+ dr = ds * new_state.h
? Which h is reset?
(3) dr-from-da: uses da_n for ds in dr, as if there were no U_n between
- dr = ds * read
+ dr = da_n * read
? What lies between r * h' and the candidate's sum?
(3) reset-path-without-r: leaves r out of the path from s to h'
- dread = ds * r
+ dread = ds
? What is h' multiplied with in (3)?
(3) reset-path-missing: lacks the path from s to h'
- dread = ds * r
+ dread = 0 * ds
? By how many paths does h' reach h?
(3) reset-path-by-z: multiplies the path from s to h' by z
- dread = ds * r
+ dread = ds * z
? Which gate decides how much of the past the candidate reads?
(2) path-through-z-missing: lacks the path of h' through z
- da_z @ U.update.T
+ 0 * da_z @ U.update.T
? By how many paths does h' reach h?
(1) path-through-r-missing: lacks the path of h' through r
- da_r @ U.reset.T
+ 0 * da_r @ U.reset.T
? By how many paths does h' reach h?
(2) path-through-z-not-transposed: multiplies by U_z as it is, not transposed
- da_z @ U.update.T
+ da_z @ U.update
? Which index of U counts what it reads, and which what it writes?
(1) path-through-r-not-transposed: multiplies by U_r as it is, not transposed
- da_r @ U.reset.T
+ da_r @ U.reset
? Which index of U counts what it reads, and which what it writes?
(4) dU-by-h: uses h' for r * h' in the gradient of U_n
- candidate=s.T @ da_n
+ candidate=read.T @ da_n
? What does U_n multiply in this form?
(4) dU-candidate-zero: gives no gradient to U_n
- candidate=s.T @ da_n
+ candidate=0 * s.T @ da_n
? Do the recurrent weights of the candidate learn?
(4) dU-candidate-transposed: has the gradient of U_n transposed
- candidate=s.T @ da_n
+ candidate=da_n.T @ s
? Which index of U counts what it reads, and which what it writes?
(1) dU-reset-by-s: uses r * h' for h' in the gradient of U_r
- reset=read.T @ da_r
+ reset=s.T @ da_r
? What does U_r multiply?
(2) dU-update-by-s: uses r * h' for h' in the gradient of U_z
- update=read.T @ da_z
+ update=s.T @ da_z
? What does U_z multiply?
(2) dU-update-by-new-h: uses h of this step for h of the last in the gradient of U_z
- update=read.T @ da_z
+ update=new_state.h.T @ da_z
? Which h did U_z multiply in this step?
"""

SUM = "self.candidate_sum(params, x, s)"
GRU_RESET_BEFORE = mistakes_of(
    "gru_reset_before",
    FORWARD
    + both_forms("GRUResetBeforeCell", SUM, "self.gate_sums(params, x, read)")
    + BACKWARD
    + affine("GRUResetBeforeCell.step_reading_backward", "(a)", "da"),
)
