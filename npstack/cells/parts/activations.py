"""Other activations: one of `npstack.core.activations` for each gate, and for the cell (§5.4).

::

    i = act_input(a_i)    f = act_forget(a_f)    g = act_candidate(a_g)    o = act_output(a_o)
    h = o * act_cell(c)

In Keras, ``recurrent_activation`` is for input, forget and output, ``activation`` for candidate and
cell; ONNX lists three: f for the gates, g for the candidate, h for the cell.
"""

from __future__ import annotations

from npstack.cells.parts.base import Part
from npstack.core.activations import Activation, check_activation


class Activations(Part):
    """The activation of each gate, and that of the cell in ``h = o * act(c)``.

    Parameters
    ----------
    input, forget, candidate, output, cell : str or Activation, optional
        A name in the table of `npstack.core.activations`, or one with parameters; the defaults are
        the sigmoid (gates) and tanh (candidate, cell).

    Examples
    --------
    >>> import numpy as np
    >>> from npstack import LSTMVariantCell
    >>> hard = Activations(input="hard_sigmoid_fifth", cell=Activation("elu", alpha=0.5))
    >>> cell = LSTMVariantCell(2, 4, hard, rng=np.random.default_rng(0))
    >>> cell.activations["input"]
    Activation('hard_sigmoid_fifth', alpha=0.2, beta=0.5)
    """

    def __init__(
        self,
        *,
        input: str | Activation = "sigmoid",
        forget: str | Activation = "sigmoid",
        candidate: str | Activation = "tanh",
        output: str | Activation = "sigmoid",
        cell: str | Activation = "tanh",
    ) -> None:
        given = {"input": input, "forget": forget, "candidate": candidate, "output": output}
        self.chosen = {
            name: check_activation("Activations", name, value)
            for name, value in {**given, "cell": cell}.items()
        }

    def activation(self, name: str, usual: Activation) -> Activation:
        """The activation that was chosen for this gate."""
        return self.chosen[name]
