"""What stands on the card: equations with the lines of the cell, shapes, orders of gates, advice.

Nothing here is computed. Tests compare the lines of code with ``npstack/cells/lstm.py`` and the
orders with the specification, §2.1 and §2.2; the shapes and counts on the card are those of cells
that are built.
"""

from __future__ import annotations

from typing import NamedTuple


class Equation(NamedTuple):
    """An equation, and the line of the cell that computes it."""

    number: str
    formula: str
    code: str


FORWARD = (
    Equation(
        "",
        r"$a = x\,W + h'\,U + b$",
        'a = split_gates(x @ params["W"] + state.h @ params["U"] + params["b"])',
    ),
    Equation("(1)", r"$i = \sigma(a_i)$   input gate", "i = sigmoid(a.input)"),
    Equation("(2)", r"$f = \sigma(a_f)$   forget gate", "f = sigmoid(a.forget)"),
    Equation("(3)", r"$g = \tanh(a_g)$   candidate", "g = tanh(a.candidate)"),
    Equation("(4)", r"$o = \sigma(a_o)$   output gate", "o = sigmoid(a.output)"),
    Equation("(5)", r"$c = f \odot c' + i \odot g$   cell state", "c = f * state.c + i * g"),
    Equation("(6)", r"$h = o \odot \tanh(c)$   hidden state", "h = o * tanh(c)"),
)

BACKWARD = (
    Equation("(6)", r"$do = dh \odot \tanh(c)$", "do = dh * tanh_c"),
    Equation(
        "(6)",
        r"$dc = \overline{dc} + dh \odot o \odot (1 - \tanh^2(c))$",
        "dc = dnew_state.c + dh * o * tanh_derivative(tanh_c)",
    ),
    Equation("(5)", r"$df = dc \odot c'$", "df = dc * state.c"),
    Equation("(5)", r"$di = dc \odot g$", "di = dc * g"),
    Equation("(5)", r"$dg = dc \odot i$", "dg = dc * i"),
    Equation("(5)", r"$dc' = dc \odot f$", "dc_before = dc * f"),
    Equation("(4)", r"$da_o = do \odot o \odot (1 - o)$", "output=do * sigmoid_derivative(o),"),
    Equation("(3)", r"$da_g = dg \odot (1 - g^2)$", "candidate=dg * tanh_derivative(g),"),
    Equation("(2)", r"$da_f = df \odot f \odot (1 - f)$", "forget=df * sigmoid_derivative(f),"),
    Equation("(1)", r"$da_i = di \odot i \odot (1 - i)$", "input=di * sigmoid_derivative(i),"),
    Equation(
        "",
        r"$dW = x^T\,da,\quad dU = h'^T\,da,\quad db = \sum_{\mathrm{rows}} da$",
        'dparams = {"W": x.T @ da, "U": state.h.T @ da, "b": da.sum(axis=0)}',
    ),
    Equation("", r"$dx = da\,W^T$", 'dx = da @ params["W"].T'),
    Equation("", r"$dh' = da\,U^T$", 'dh_before = da @ params["U"].T'),
)

OVER_TIME = (
    r"$dh_t$: from the output at $t$, plus $dh'$ of step $t+1$",
    r"$\overline{dc}_t$: $dc'$ of step $t+1$; zero after the last step",
    r"$dW$, $dU$, $db$: sums over all steps and rows",
    r"Stack: $dx$ of layer $l+1$ is the output's gradient of layer $l$",
    "Masked step: state and gradient pass unchanged",
)

# By system: the order of an LSTM's gates (§2.1) and of a GRU's (§2.2), in the letters of npstack.
ORDERS = {
    "PyTorch": ("i f g o", "r z n"),
    "Keras": ("i f g o", "z r n"),
    "onnxruntime": ("i o f g", "z r n"),
    "JAX": ("i f g o", ""),
    "Flax nnx": ("i f g o", "r z n"),
    "Haiku": ("i g f o", "z r n"),
    "Equinox": ("i f g o", "r z n"),
    "TensorFlow 1": ("i g f o", ""),
    "OpenVINO": ("f i g o", ""),
    "OpenCV, Core ML, DyNet, MIOpen": ("i f o g", ""),
    "WebNN": ("i o f g", ""),
    "MATLAB": ("i f g o", ""),
}
NOTE = (
    r"$dq$ is the gradient of the loss by $q$. A prime: of the step before."
    r" $\overline{dc}$: what comes back to $c$ from the next step. $\odot$: entry by entry.",
    r"$\sigma(a) = 1/(1+e^{-a})$. Slopes, written with the value:"
    r" $s\,(1-s)$ for $s = \sigma(a)$, and $1-t^2$ for $t = \tanh(a)$.",
)
ORDERS_NOTE = (
    "The candidate g is called c in Keras and ONNX, j in TensorFlow 1.",
    "PyTorch, ONNX and JAX store W and U transposed, and two biases.",
    "WebNN: its default. Evidence: docs/specification.md, §2.",
)
COUNTS_NOTE = (
    "A second bias adds 4H to an LSTM; the two act through their sum.",
    "In a stack, D of a layer is H of the layer below.",
)

CHECK = (
    "1  T = 1, one row, states zero; $dh$ alone, then $dc$ alone.",
    "2  T = 1, random states: now $df$ and $dU$ are not zero.",
    "3  T = 2: the loop. Two layers: the stack. Then masks.",
    "4  Gate by gate: $dW$, $dU$, $db$ in blocks of H columns.",
    r"Compare with $\partial\ell/\partial q = \mathrm{Im}\,\ell(q + \varepsilon\sqrt{-1})"
    r"\,/\,\varepsilon$,  $\varepsilon = 10^{-30}$",
)
COMMANDS = (
    "npstack check FILE.py",
    "gradcheck(forward, backward, arrays)",
    "check_gradients(layer, x)",
    "explain(step_forward, step_backward)",
)
SIGNS = (
    ("right at T = 1, wrong at T = 2", r"the loop: $dh$, $\overline{dc}$, the sums"),
    ("one gate is wrong", "the line of this gate"),
    ("all gates are wrong", r"what they share: $dh$, $dc$, $\tanh(c)$"),
    ("$dU$ alone is wrong", "$h'$ is that of the step before"),
    ("$dc'$ alone is wrong", "the factor $f$"),
    ("a constant factor", "a mean in place of a sum"),
)
