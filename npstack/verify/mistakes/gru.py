"""Mistakes of the GRU that resets after the product, at one step (npstack/cells/gru.py)."""

from __future__ import annotations

from npstack.verify.mistakes.affine import affine
from npstack.verify.mistakes.both_grus import both_forms
from npstack.verify.mistakes.entry import mistakes_of
from npstack.verify.mistakes.through_time import overwritten

FORWARD = """
@ GRUCell.step_reading
(4) r-not-used: does not use the reset gate
- x_n + r * q
+ x_n + q
? Which gate decides how much of the past the candidate reads?
(4) z-for-r: uses z for r
- x_n + r * q
+ x_n + z * q
? Which gate decides how much of the past the candidate reads?
(4) r-outside-the-bias: multiplies r with the product only, not with its bias
- x_n + r * q
+ x_n + r * (q - params["b_recurrent"]) + params["b_recurrent"]
? Is b_recurrent inside or outside of the product with r?
(4) r-before-the-product: multiplies r with h' before the product, not with the result
- x_n + r * q
+ x_n + (r * read) @ split_gates(params["U"], GRUGates).candidate + params["b_recurrent"]
? Does r act before or after U_n mixes the units?
(4) r-around-all: multiplies r with the input's part, too
- x_n + r * q
+ r * (x_n + q)
? Does the reset gate reset what x contributes?
@ GRUCell.sums
(3) recurrent-bias-missing: has no b_recurrent
- + params["b_recurrent"]
+ + 0 * params["b_recurrent"]
? How many biases does the candidate have in this form?
(3) recurrent-bias-twice: adds b_recurrent twice
- + params["b_recurrent"]
+ + 2 * params["b_recurrent"]
? How many biases does the candidate have in this form?
(a) bias-missing: has no b
- + params["b"]
+ + 0 * params["b"]
? What are the pre-activations if x and h' are zero?
(a) past-not-read: has no h' U
- read @ params["U"]
+ 0 * (read @ params["U"])
? Which two vectors do the gates read?
"""

BACKWARD = """
@ GRUCell.step_reading_backward
(4) dr-without-bias: leaves b_recurrent out of dr
- dr = da_n * q
+ dr = da_n * (q - params["b_recurrent"])
? What is everything that r is multiplied with?
(4) dr-by-h: multiplies dr by h', not by what U_n makes of it
- dr = da_n * q
+ dr = da_n * read
? What is r multiplied with in this form?
(4) dr-without-q: leaves q out of dr
- dr = da_n * q
+ dr = da_n
? What is r multiplied with?
(4) dr-zero: has no gradient of r
- dr = da_n * q
+ dr = 0 * da_n
? Does the reset gate learn?
(4) dr-sign: has the wrong sign in dr
- dr = da_n * q
+ dr = -da_n * q
? If r grows, does the past count more?
(4) dr-before-slope: uses dn for da_n in dr
- dr = da_n * q
+ dr = dn * q
? Is r inside or outside of the tanh?
(4) dq-without-r: leaves r out of dq: U_n gets the gradient of the whole sum
- dq = da_n * r
+ dq = da_n
? What lies between the product with U_n and the candidate's sum?
(4) dq-by-z: multiplies dq by z, not by r
- dq = da_n * r
+ dq = da_n * z
? Which gate decides how much of the past the candidate reads?
(4) dq-zero: passes no gradient through U_n
- dq = da_n * r
+ dq = 0 * da_n
? Does the candidate read the past?
(3) recurrent-bias-gets-da: gives b_recurrent the gradient of the whole sum
- "b_recurrent": dq.sum(axis=0)
+ "b_recurrent": da_n.sum(axis=0)
? Is b_recurrent inside or outside of the product with r?
(3) recurrent-bias-mean: averages the gradient of b_recurrent over the batch
- "b_recurrent": dq.sum(axis=0)
+ "b_recurrent": dq.mean(axis=0)
? A bias is added to every row: what do the rows' gradients do?
(3) recurrent-bias-zero: gives no gradient to b_recurrent
- "b_recurrent": dq.sum(axis=0)
+ "b_recurrent": 0 * dq.sum(axis=0)
? Does the second bias learn?
(4) bias-gets-dq: gives b_n, W_n and x the gradient dq, with r in it
- from_x = join_gates(GRUGates(reset=da_r, update=da_z, candidate=da_n))
+ from_x = join_gates(GRUGates(reset=da_r, update=da_z, candidate=dq))
? Is what x contributes multiplied with r?
(a) packed-r-for-z: packs da_r and da_z in each other's place
- a_r, a_z, q, x_n = self.sums(params, x, read)  # the tape keeps only the gates
+ GRUGates = exchanged_gates; a_r, a_z, q, x_n = self.sums(params, x, read)
? In which order are the gates packed in W, U and b?
"""

GRU = mistakes_of(
    "gru",
    FORWARD
    + both_forms("GRUCell", "x_n + r * q", "self.sums(params, x, read)")
    + BACKWARD
    + overwritten("b_recurrent", "the recurrent bias")
    + affine("GRUCell.step_reading_backward", "(a)", "from_x", "read", "from_h"),
)
