"""Optimisers: they put new arrays in place and never change old ones."""

from __future__ import annotations

import numpy as np

from npstack.numerics import Array
from npstack.params import Params
from npstack.shapes import ArgumentError, check_fraction, check_positive, fail


def global_norm(grads: Params) -> float:
    """Euclidean norm of all gradients together, as one long vector.

    Examples
    --------
    >>> global_norm({"W": np.array([[3.0]]), "b": np.array([4.0])})
    5.0
    """
    largest = max((float(np.abs(g).max()) for g in grads.values()), default=0.0)
    if largest == 0 or not np.isfinite(largest):
        return largest
    scaled = (g / largest for g in grads.values())  # a square of 1e160 would not be finite
    return largest * float(np.sqrt(sum(float((g * g).sum()) for g in scaled)))


def clip_by_global_norm(grads: Params, max_norm: float) -> dict[str, Array]:
    """Scale all gradients by one factor if their global norm exceeds ``max_norm``.

    The direction is kept (Pascanu, Mikolov & Bengio 2013).

    Examples
    --------
    >>> clip_by_global_norm({"W": np.array([3.0]), "b": np.array([4.0])}, 1.0)
    {'W': array([0.6]), 'b': array([0.8])}
    """
    max_norm = check_positive("clip_by_global_norm", "max_norm", max_norm, "1.0 is customary.")
    norm = global_norm(grads)
    factor = max_norm / norm if norm > max_norm else 1.0
    return {name: g * factor for name, g in grads.items()}


class Adam:
    """Adam (Kingma & Ba 2015).

    Parameters
    ----------
    learning_rate, beta1, beta2, epsilon : float
        As in the paper, and its defaults.

    Attributes
    ----------
    steps : int
        How many updates were made.
    m, v : dict
        Running means of the gradient and of its square, under the parameters' names.

    Examples
    --------
    >>> adam = Adam(learning_rate=0.1)
    >>> adam.update({"b": np.array([1.0])}, {"b": np.array([5.0])})["b"].round(6)
    array([0.9])
    """

    def __init__(
        self,
        learning_rate: float = 1e-3,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
    ) -> None:
        self.learning_rate = check_positive(
            "Adam", "learning_rate", learning_rate, "Begin with 0.001."
        )
        self.beta1 = check_fraction("Adam", "beta1", beta1, "0.9 is customary.")
        self.beta2 = check_fraction("Adam", "beta2", beta2, "0.999 is customary.")
        self.epsilon = check_positive("Adam", "epsilon", epsilon, "1e-8 is customary.")
        self.steps = 0
        self.m: dict[str, Array] = {}
        self.v: dict[str, Array] = {}

    def update(self, params: Params, grads: Params) -> dict[str, Array]:
        """Return new parameters; assign them: ``model.params = adam.update(model.params, grads)``.

        Raises
        ------
        ArgumentError
            The gradients are not those of the parameters.
        """
        if params.keys() != grads.keys():
            odd = sorted(params.keys() ^ grads.keys())
            fail(ArgumentError, "Adam.update", "grads must have the names of params", odd)
        self.steps += 1
        new = {}
        for name, value in params.items():
            g = grads[name]
            m = self.m.get(name, np.zeros_like(value))
            v = self.v.get(name, np.zeros_like(value))
            self.m[name] = m = self.beta1 * m + (1 - self.beta1) * g
            self.v[name] = v = self.beta2 * v + (1 - self.beta2) * g * g
            m_hat = m / (1 - self.beta1**self.steps)  # both began at zero
            v_hat = v / (1 - self.beta2**self.steps)
            new[name] = value - self.learning_rate * m_hat / (np.sqrt(v_hat) + self.epsilon)
        return new
