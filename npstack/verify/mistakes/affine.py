"""Mistakes of the sum of the pre-activations, a = x W + h' U + b, and of its mirror image."""

from __future__ import annotations

OF_THE_INPUT = """
@ {place}
{equation} dW-zero: gives no gradient to W
- "W": x.T @ {da}
+ "W": 0 * (x.T @ {da})
? Do the weights of the input learn?
{equation} dW-mean: divides dW by the number of rows B
- "W": x.T @ {da}
+ "W": x.T @ {da} / len(x)
? A product with x.T adds the rows; does something divide them, too?
{equation} dW-sign: has the wrong sign in dW
- "W": x.T @ {da}
+ "W": -x.T @ {da}
? What is the sign of dW?
{equation} dW-one-row: uses the first row of the batch only in dW
- "W": x.T @ {da}
+ "W": x[:1].T @ {da}[:1]
? Does every row of the batch count?
{equation} db-mean: averages db over the batch
- "b": {da}.sum(axis=0)
+ "b": {da}.mean(axis=0)
? b is added to every row: what do the rows' gradients do?
{equation} db-zero: gives no gradient to b
- "b": {da}.sum(axis=0)
+ "b": 0 * {da}.sum(axis=0)
? Does the bias learn?
{equation} db-one-row: uses the first row of the batch only in db
- "b": {da}.sum(axis=0)
+ "b": {da}[0]
? Does every row of the batch count?
{equation} all-means: averages all parameters' gradients over the batch
- return dparams,
+ return averaged(dparams, x),
? Where is the loss divided by the number of rows? Is it divided once more?
{equation} dx-zero: passes no gradient to x
- {da} @ params["W"].T
+ 0 * ({da} @ params["W"].T)
? What does the layer below get?
{equation} dx-reshaped: reshapes W where it should be transposed, in dx
- {da} @ params["W"].T
+ {da} @ reshaped(params["W"], ORDER)
? Is a transpose the same as a reshape?
{equation} dx-sign: has the wrong sign in dx
- {da} @ params["W"].T
+ -{da} @ params["W"].T
? What is the sign of dx?
{equation} dx-mean: divides dx by the number of rows B
- {da} @ params["W"].T
+ {da} @ params["W"].T / len(x)
? Each row of x has its own gradient: is there anything to average?
"""

OF_THE_STATE = """
@ {place}
{equation} dU-zero: gives no gradient to U
- "U": {read}.T @ {dh}
+ "U": 0 * ({read}.T @ {dh})
? Do the recurrent weights learn?
{equation} dU-by-new-h: uses h of this step for h of the last in dU
- "U": {read}.T @ {dh}
+ "U": new_state.h.T @ {dh}
? Which h did U multiply in this step?
{equation} dU-mean: divides dU by the number of rows B
- "U": {read}.T @ {dh}
+ "U": {read}.T @ {dh} / len(x)
? A product with h'.T adds the rows; does something divide them, too?
{equation} dU-transposed: has each gate's block of dU transposed
- "U": {read}.T @ {dh}
+ "U": turned({read}.T @ {dh})
? Which index of U counts what it reads, and which what it writes?
{equation} dU-sign: has the wrong sign in dU
- "U": {read}.T @ {dh}
+ "U": -{read}.T @ {dh}
? What is the sign of dU?
{equation} dh-zero: passes no gradient to h'
- {dh} @ params["U"].T
+ 0 * ({dh} @ params["U"].T)
? By how many paths does the step reach the one before?
{equation} dh-reshaped: reshapes U where it should be transposed, in the gradient of h'
- {dh} @ params["U"].T
+ {dh} @ reshaped(params["U"], ORDER)
? Is a transpose the same as a reshape?
{equation} dh-not-transposed: multiplies by the blocks of U as they are, not transposed, for h'
- {dh} @ params["U"].T
+ straight({dh}, params["U"])
? Which index of U counts what it reads, and which what it writes?
{equation} dh-sign: has the wrong sign in the gradient of h'
- {dh} @ params["U"].T
+ -{dh} @ params["U"].T
? What is the sign of the gradient of h'?
"""


def affine(place: str, equation: str, da: str, read: str = "", dh: str = "") -> str:
    """The mistakes of one function, by the names that it has.

    Parameters
    ----------
    place, equation : str
        The function, and the number of the equation.
    da : str
        The gradient of the pre-activations, as far as ``x``, ``W`` and ``b`` are concerned.
    read, dh : str
        What ``U`` multiplies, and the gradient of the product; left out if the gates differ.

    Examples
    --------
    >>> affine("RNNCell.step_backward", "(1)", "da").splitlines()[1:3]
    ['@ RNNCell.step_backward', '(1) dW-zero: gives no gradient to W']
    """
    names = {"place": place, "equation": equation, "da": da, "read": read, "dh": dh or da}
    return (OF_THE_INPUT + (OF_THE_STATE if read else "")).format(**names)
