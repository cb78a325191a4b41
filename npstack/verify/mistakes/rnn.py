"""Mistakes of the plain recurrent network at one step (npstack/cells/rnn.py)."""

from __future__ import annotations

from npstack.verify.mistakes.affine import affine
from npstack.verify.mistakes.entry import mistakes_of

FORWARD = """
@ RNNCell.step
(2) sigmoid-for-tanh: has the sigmoid where tanh belongs
- h = self.activation.function(a)
+ h = sigmoid(a)
? Between which bounds does h lie?
(2) without-activation: has no activation
- h = self.activation.function(a)
+ h = a
? Between which bounds does h lie?
(2) activation-twice: takes the activation twice
- h = self.activation.function(a)
+ h = self.activation.function(self.activation.function(a))
? How often does h pass through an activation?
@ RNNCell.sums
(1) bias-missing: has no bias
- + params["b"]
+ + 0 * params["b"]
? What is the pre-activation if x and h' are zero?
(1) bias-twice: adds the bias twice
- + params["b"]
+ + 2 * params["b"]
? What is the pre-activation if x and h' are zero?
(1) past-not-read: does not read h'
- state.h @ params["U"]
+ 0 * (state.h @ params["U"])
? Which two vectors does the step read?
(1) U-transposed: multiplies by U transposed
- state.h @ params["U"]
+ state.h @ params["U"].T
? Which index of U counts what it reads?
"""

BACKWARD = """
@ RNNCell.step_backward
(2) without-slope: leaves out the slope of tanh
- dnew_state.h * self.activation.derivative(a, new_state.h)
+ dnew_state.h
? Between the sum and h there is an activation.
(2) slope-without-square: has 1 - y for 1 - y^2
- self.activation.derivative(a, new_state.h)
+ (1 - new_state.h)
? What is the derivative of tanh?
(2) slope-of-sigmoid: has the slope of the sigmoid where that of tanh belongs
- self.activation.derivative(a, new_state.h)
+ sigmoid_derivative(new_state.h)
? Which activation is between the sum and h?
(2) slope-at-preactivation: takes the slope at a, 1 - a^2, although the formula wants h
- self.activation.derivative(a, new_state.h)
+ tanh_derivative(self.sums(params, x, state))
? Is the formula of the slope in terms of the argument or of the value?
(2) slope-tanh-twice: takes tanh of h once more before the slope
- self.activation.derivative(a, new_state.h)
+ tanh_derivative(tanh(new_state.h))
? Is the cached value already a tanh?
(2) slope-at-last-h: takes the slope at h of the step before
- self.activation.derivative(a, new_state.h)
+ tanh_derivative(state.h)
? Which h did this step make?
(2) sign: has the wrong sign in da
- da = dnew_state.h
+ da = -dnew_state.h
? Does h fall when its pre-activation grows?
(1) dh-past-the-matrix: passes dh to h' without U
- dh_before = da @ params["U"].T
+ dh_before = da
? How does h' enter the sum?
(1) dh-and-the-old: adds dh itself to the gradient of h'
- dh_before = da @ params["U"].T
+ dh_before = da @ params["U"].T + dnew_state.h
? By how many paths does h' reach h?
"""

RNN = mistakes_of(
    "rnn", FORWARD + BACKWARD + affine("RNNCell.step_backward", "(1)", "da", "state.h")
)
