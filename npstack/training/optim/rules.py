"""The rules: SGD, RMSprop, Adam, AdamW."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from npstack.core.arguments import check_flag, check_fraction, check_positive
from npstack.core.errors import ArgumentError, fail
from npstack.core.numerics import Array, is_finite, relu
from npstack.core.wide import Wide, careful
from npstack.training.optim.base import Optimiser
from npstack.training.schedules import Schedule, chosen, schedule_from


@dataclass(eq=False)
class SGD(Optimiser):
    """Gradient descent, with momentum (Polyak 1964) or Nesterov's (Sutskever et al. 2013).

    ::

        velocity  <- momentum * velocity + g
        parameter <- parameter - learning_rate * velocity

    With Nesterov's momentum, the second line uses ``g + momentum * velocity`` instead of
    ``velocity``: the current gradient and the velocity of the next update.

    Parameters
    ----------
    learning_rate : float or Schedule
    momentum : float
        0 ≤ momentum < 1: the fraction of the velocity that is kept between updates.
    nesterov : bool
        Needs momentum.
    weight_decay, decayed, frozen
        As for every `Optimiser`.

    Examples
    --------
    >>> sgd, params = SGD(0.1, momentum=0.5), {"b": np.array([1.0])}
    >>> for _ in range(2):
    ...     params = sgd.update(params, {"b": np.array([1.0])})
    >>> params["b"].round(6)  # 1 - 0.1 - 0.15
    array([0.75])
    """

    momentum: float = 0.0
    nesterov: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self.momentum = check_fraction("SGD", "momentum", self.momentum, "0.9 is usual.")
        self.nesterov = check_flag("SGD", "nesterov", self.nesterov)
        if self.nesterov and not self.momentum:
            expected, advice = "nesterov needs momentum", "Use momentum=0.9."
            fail(ArgumentError, "SGD", expected, "momentum 0", advice)

    def kinds(self) -> tuple[str, ...]:
        """The velocity, with momentum."""
        return ("velocity",) if self.momentum else ()

    def _step(
        self, value: Array, g: Array, past: Mapping[str, Array], rate: float, steps: int
    ) -> tuple[Array, dict[str, Array]]:
        if not self.momentum:
            return value - rate * g, {}
        velocity = self.momentum * past["velocity"] + g
        direction = g + self.momentum * velocity if self.nesterov else velocity
        return value - rate * direction, {"velocity": velocity}


@dataclass(eq=False)
class RMSprop(Optimiser):
    """RMSprop (Tieleman & Hinton 2012): each step relative to the usual size of its gradient.

    ::

        v         <- alpha * v + (1 - alpha) * g²
        parameter <- parameter - learning_rate * g / (sqrt(v) + epsilon)

    Parameters
    ----------
    learning_rate : float or Schedule
    alpha : float
        0 ≤ alpha < 1: the decay of the mean square ``v`` of the gradient.
    epsilon : float
        Above 0; added after the root, as in PyTorch.
    momentum : float
        0 ≤ momentum < 1: the direction is then
        ``velocity <- momentum * velocity + g / (sqrt(v) + epsilon)``.
    centered : bool
        Divides by the standard deviation of the gradient, ``sqrt(v - m²)`` with ``m`` its running
        mean, instead of ``sqrt(v)`` (Graves 2013).
    weight_decay, decayed, frozen
        As for every `Optimiser`.

    Examples
    --------
    >>> rmsprop = RMSprop(0.1, alpha=0.75)
    >>> rmsprop.update({"b": np.array([1.0])}, {"b": np.array([5.0])})["b"].round(6)
    array([0.8])
    """

    learning_rate: float | Schedule = 1e-2
    alpha: float = 0.99
    epsilon: float = 1e-8
    momentum: float = 0.0
    centered: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        where = "RMSprop"
        self.alpha = check_fraction(where, "alpha", self.alpha, "0.99 is usual.")
        self.epsilon = check_positive(where, "epsilon", self.epsilon, "1e-8 is usual.")
        self.momentum = check_fraction(where, "momentum", self.momentum, "0.9 is usual.")
        self.centered = check_flag(where, "centered", self.centered)

    def kinds(self) -> tuple[str, ...]:
        """The mean square ``v``; the mean ``m`` if centred; the velocity with momentum."""
        return ("v", *("m",) * self.centered, *("velocity",) * bool(self.momentum))

    def _step(
        self, value: Array, g: Array, past: Mapping[str, Array], rate: float, steps: int
    ) -> tuple[Array, dict[str, Array]]:
        kept = {"v": self.alpha * past["v"] + (1 - self.alpha) * g * g}
        spread = kept["v"]
        if self.centered:
            kept["m"] = self.alpha * past["m"] + (1 - self.alpha) * g
            spread = relu(spread - kept["m"] * kept["m"])  # rounding may make it negative
        direction = g / (_root(spread, 1.0) + self.epsilon)
        if self.momentum:
            kept["velocity"] = direction = self.momentum * past["velocity"] + direction
        return value - rate * direction, kept


@dataclass(eq=False)
class Adam(Optimiser):
    """Adam (Kingma & Ba 2015).

    ::

        m         <- beta1 * m + (1 - beta1) * g
        v         <- beta2 * v + (1 - beta2) * g²
        parameter <- parameter - learning_rate * m_hat / (sqrt(v_hat) + epsilon)

    ``m_hat = m / (1 - beta1^steps)``, and ``v_hat`` likewise, because both means begin at zero.

    Parameters
    ----------
    learning_rate : float or Schedule
    beta1, beta2, epsilon : float
        As in the paper, with its default values.
    weight_decay, decayed, frozen
        As for every `Optimiser`. The decay is part of the gradient and is normalised with it;
        in `AdamW` it is separate.

    Examples
    --------
    >>> adam = Adam(learning_rate=0.1)
    >>> adam.update({"b": np.array([1.0])}, {"b": np.array([5.0])})["b"].round(6)
    array([0.9])
    """

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        super().__post_init__()
        where = type(self).__name__
        self.beta1 = check_fraction(where, "beta1", self.beta1, "0.9 is usual.")
        self.beta2 = check_fraction(where, "beta2", self.beta2, "0.999 is usual.")
        self.epsilon = check_positive(where, "epsilon", self.epsilon, "1e-8 is usual.")

    def kinds(self) -> tuple[str, ...]:
        """The running means of the gradient, ``m``, and of its square, ``v``."""
        return ("m", "v")

    def _step(
        self, value: Array, g: Array, past: Mapping[str, Array], rate: float, steps: int
    ) -> tuple[Array, dict[str, Array]]:
        m = self.beta1 * past["m"] + (1 - self.beta1) * g
        v = self.beta2 * past["v"] + (1 - self.beta2) * g * g
        m_hat = m / (1 - self.beta1**steps)  # both begin at zero
        weight = 1 - self.beta2**steps
        return value - rate * m_hat / (_root(v, weight) + self.epsilon), {"m": m, "v": v}


@dataclass(eq=False)
class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019).

    Before Adam's step every decayed parameter is multiplied by ``1 - learning_rate ·
    weight_decay``; the decay is not part of its gradient or of the means.

    Parameters
    ----------
    learning_rate, beta1, beta2, epsilon, decayed, frozen
        As for `Adam`.
    weight_decay : float
        0.01 by default, as in PyTorch.

    Examples
    --------
    >>> adamw = AdamW(0.1, weight_decay=0.5)
    >>> adamw.update({"b": np.array([1.0])}, {"b": np.array([5.0])})["b"].round(6)
    array([0.85])
    """

    weight_decay: float = field(default=0.01, kw_only=True)

    def _decay(self, value: Array, g: Array, rate: float) -> tuple[Array, Array]:
        return value * (1 - rate * self.weight_decay), g


def _root(squares: Array, weight: float) -> Array:
    """``sqrt(squares / weight)``; NaN where a square was too large: steps over it would be 0."""
    root = np.sqrt(squares / weight)
    if is_finite(root).all():
        return np.asarray(root)
    wide = careful(root, is_finite(root), lambda: (Wide(squares) / weight).sqrt())
    return np.where(is_finite(squares), wide, np.nan)


OPTIMISERS: dict[str, type[Optimiser]] = {k.__name__: k for k in (SGD, RMSprop, Adam, AdamW)}


def optimiser_from(config: Mapping[str, Any]) -> Optimiser:
    """A new optimiser from a configuration, the inverse of ``optimiser.config()``.

    Raises
    ------
    ArgumentError, DtypeError
        It does not describe an optimiser of this package.

    Examples
    --------
    >>> optimiser_from(Adam(0.01).config()).rate
    0.01
    """
    kind, options = chosen("optimiser_from", config, OPTIMISERS)
    if isinstance(options["learning_rate"], Mapping):
        options["learning_rate"] = schedule_from(options["learning_rate"])
    found: Optimiser = kind(**options)
    return found
