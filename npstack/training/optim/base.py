"""The base of all optimisers: names, learning rate, weight decay, freezing, state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from npstack.core.arguments import (
    FLOAT_DTYPES,
    check_not_negative,
    check_positive,
    check_whole,
)
from npstack.core.arrays import as_array
from npstack.core.errors import ArgumentError, DtypeError, ShapeError, describe, fail
from npstack.core.numerics import Array
from npstack.core.params import Params, with_prefix, without_prefix
from npstack.training.optim.given import check_arrays, check_names, check_still_finite
from npstack.training.optim.patterns import check_patterns, matching
from npstack.training.schedules import Schedule


@dataclass(eq=False)
class Optimiser:
    """The base of all optimisers: names, learning rate, weight decay, freezing, state.

    Parameters
    ----------
    learning_rate : float or Schedule
        The size of the steps; a schedule of `npstack.training.schedules` changes it over time.
    weight_decay : float
        Adds ``weight_decay · parameter`` to the gradient (`AdamW`: see there). 0 is none.
    decayed : tuple of str
        Patterns of the names that decay: ``("*W", "*U")`` leaves out the biases.
    frozen : tuple of str
        Patterns of the names that are not trained.

    Attributes
    ----------
    steps : int
        The number of updates so far.
    memory : dict of dicts of arrays
        The arrays kept between updates: by kind, then by the parameter's name.
    """

    learning_rate: float | Schedule = 1e-3
    weight_decay: float = field(default=0.0, kw_only=True)
    decayed: tuple[str, ...] = field(default=("*",), kw_only=True)
    frozen: tuple[str, ...] = field(default=(), kw_only=True)
    steps: int = field(default=0, init=False)
    memory: dict[str, dict[str, Array]] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        where = type(self).__name__
        if not isinstance(self.learning_rate, Schedule):
            advice = "Begin with 0.001, or use a schedule of npstack.training.schedules."
            self.learning_rate = check_positive(where, "learning_rate", self.learning_rate, advice)
        decay = check_not_negative(where, "weight_decay", self.weight_decay, "0.0 means none.")
        self.weight_decay = decay
        self.decayed = check_patterns(where, "decayed", self.decayed)
        self.frozen = check_patterns(where, "frozen", self.frozen)

    @property
    def rate(self) -> float:
        """The learning rate of the next update."""
        given: object = self.learning_rate
        if isinstance(given, Schedule):
            given = given(self.steps)
        where, advice = type(self).__name__, "The rate of a step may be 0, and no less."
        return check_not_negative(where, "learning_rate", given, advice)

    def kinds(self) -> tuple[str, ...]:
        """The kinds of arrays that are kept for each parameter, by name."""
        return ()

    def _step(
        self, value: Array, g: Array, past: Mapping[str, Array], rate: float, steps: int
    ) -> tuple[Array, dict[str, Array]]:
        """The rule: a parameter's new value, and the arrays to keep; ``steps`` counts this step."""
        raise NotImplementedError

    def _decay(self, value: Array, g: Array, rate: float) -> tuple[Array, Array]:
        """Value and gradient with weight decay: the gradient of ``weight_decay · value² / 2``."""
        return value, g + self.weight_decay * value

    def update(self, params: Params, grads: Params) -> dict[str, Array]:
        """Return new parameters; assign them: ``model.params = adam.update(model.params, grads)``.

        Parameters
        ----------
        params : dict of arrays
            All parameters; frozen parameters are returned as the same arrays.
        grads : dict of arrays
            The gradients of the parameters; those of frozen parameters may be left out.

        Raises
        ------
        ArgumentError
            The gradients are not those of the parameters, a pattern matches no parameter, or the
            stored arrays belong to other parameters.
        ShapeError, DtypeError
            They are not floating-point arrays by name, or do not fit each other.
        NonFiniteError
            A gradient is not finite, or a new value or an array to be kept overflows, for example
            the square of a gradient. Nothing has changed then.
        """
        where = f"{type(self).__name__}.update"
        check_names(where, "params", params)
        check_names(where, "grads", grads)
        trained = self._trained(where, params)
        decayed = matching(where, "decayed", self.decayed, params)
        values = check_arrays(where, "params", params, trained)
        slopes = _check_grads(where, values, params, grads)
        self._check_memory(where, values, trained)
        rate, steps, new = self.rate, self.steps + 1, {}
        memory: dict[str, dict[str, Array]] = {kind: {} for kind in self.kinds()}
        with np.errstate(over="ignore", invalid="ignore"):  # an error in words says it
            for name in trained:
                value, g = values[name], slopes[name]
                zeros = np.zeros_like(value)
                past = {kind: self.memory[kind][name] if self.steps else zeros for kind in memory}
                if self.weight_decay and name in decayed:
                    value, g = self._decay(value, g, rate)
                value, kept = self._step(value, g, past, rate, steps)
                new[name] = np.asarray(value, dtype=zeros.dtype)
                for kind in memory:
                    memory[kind][name] = np.asarray(kept[kind], dtype=zeros.dtype)
        check_still_finite(where, new, values, memory)
        self.steps, self.memory = steps, memory
        return {**params, **new}

    def trainable(self, grads: Params) -> dict[str, Array]:
        """The gradients that are not frozen, for clipping and the norm.

        Examples
        --------
        >>> from npstack.training.optim import SGD
        >>> grads = {"0.W": np.ones(2), "1.W": np.zeros(2)}
        >>> SGD(frozen=("0.*",)).trainable(grads)
        {'1.W': array([0., 0.])}
        """
        where = f"{type(self).__name__}.trainable"
        check_names(where, "grads", grads)
        return {name: grads[name] for name in self._trained(where, grads)}

    def state(self) -> dict[str, Array]:
        """All arrays that are kept, by kind and name, such as ``m.0.layers.1.U``.

        Together with ``steps`` and ``config()`` they are all that the next update depends on.
        """
        flat = (with_prefix(kind, arrays) for kind, arrays in self.memory.items())
        return {name: array for part in flat for name, array in part.items()}

    def load(self, steps: int, state: Params) -> None:
        """Continue from the state of another optimiser with the same configuration.

        Raises
        ------
        ArgumentError, DtypeError
            It is not the state of such an optimiser. Nothing has changed then.

        Examples
        --------
        >>> from npstack.training.optim import Adam, optimiser_from
        >>> adam = Adam()
        >>> params = adam.update({"b": np.zeros(2)}, {"b": np.ones(2)})
        >>> other = optimiser_from(adam.config())
        >>> other.load(adam.steps, adam.state())
        >>> bool((other.update(params, params)["b"] == adam.update(params, params)["b"]).all())
        True
        """
        where, advice = f"{type(self).__name__}.load", "Pass steps and all of state()."
        steps = check_whole(where, "steps", steps, advice, most=2**63 - 1)
        check_names(where, "state", state, advice)
        memory = {kind: without_prefix(kind, state) for kind in self.kinds()}
        unknown = sorted(name for name in state if name.split(".")[0] not in memory)
        if unknown:
            expected = f"state must hold {' and '.join(memory) or 'nothing'}, by parameter"
            fail(ArgumentError, where, expected, unknown, "Is it of another kind of optimiser?")
        names = {name for arrays in memory.values() for name in arrays}
        missing = [f"{k}.{n}" for k in memory for n in sorted(names) if n not in memory[k]]
        if missing or (memory and bool(names) != bool(steps)):
            got = f"{steps} updates and {len(names)} names, missing {missing}"
            fail(ArgumentError, where, "state must be whole", got, advice)
        for name, array in state.items():
            if not isinstance(array, np.ndarray) or array.dtype not in FLOAT_DTYPES:
                expected = f"state[{name!r}] must be an array of floating-point numbers"
                fail(DtypeError, where, expected, describe(array), advice)
            as_array(where, f"state[{name!r}]", array)  # without a mask of its own
        self.steps = steps
        self.memory = {k: {n: a.copy("K") for n, a in kind.items()} for k, kind in memory.items()}

    def config(self) -> dict[str, Any]:
        """Name and hyper-parameters, as plain JSON; `optimiser_from` reads it.

        Examples
        --------
        >>> from npstack.training.optim import SGD
        >>> SGD(0.1, frozen=("0.*",)).config() == {
        ...     "name": "SGD", "learning_rate": 0.1, "momentum": 0.0, "nesterov": False,
        ...     "weight_decay": 0.0, "decayed": ["*"], "frozen": ["0.*"]}
        True
        """
        options = {f.name: getattr(self, f.name) for f in fields(self) if f.init}
        plain = {name: _plain(value) for name, value in options.items()}
        return {"name": type(self).__name__, **plain}

    def _trained(self, where: str, params: Params) -> list[str]:
        """The names that are not frozen."""
        frozen = matching(where, "frozen", self.frozen, params)
        trained = [name for name in params if name not in frozen]
        if params and not trained:
            expected, got = "at least one parameter must be trained", f"frozen={self.frozen}"
            fail(ArgumentError, where, expected, got, "It freezes all of them.")
        return trained

    def _check_memory(self, where: str, params: Params, trained: list[str]) -> None:
        """Check that the stored arrays belong to these parameters."""
        for kind in self.kinds() if self.steps else ():
            kept = self.memory.get(kind, {})
            odd = sorted(kept.keys() ^ trained) or [
                f"{name} {describe(kept[name])} for {describe(params[name])}"
                for name in trained
                if (kept[name].shape, kept[name].dtype) != (params[name].shape, params[name].dtype)
            ]
            if odd:
                expected = f"params must be those that {kind} was computed for"
                advice = "Other parameters, or others frozen? Begin with a new optimiser."
                fail(ArgumentError, where, expected, odd, advice)


def _plain(value: Any) -> Any:
    """A hyper-parameter as a JSON value."""
    if isinstance(value, Schedule):
        return value.config()
    return list(value) if isinstance(value, tuple) else value


def _check_grads(where: str, values: Params, params: Params, grads: Params) -> dict[str, Array]:
    """Check for a gradient of every trained parameter, with its shape, and for no other."""
    missing = [name for name in values if name not in grads]
    unknown = [name for name in grads if name not in params]
    if missing or unknown:
        expected, got = (
            "grads must have the names of params",
            f"missing {missing}, unknown {unknown}",
        )
        advice = "Pass the gradients of this model: model.backward(…).params."
        fail(ArgumentError, where, expected, got, advice)
    slopes = check_arrays(where, "grads", grads, values)
    for name, g in slopes.items():
        value = values[name]
        if g.shape != value.shape:
            expected = f"grads[{name!r}] must have the shape of the parameter, {value.shape}"
            fail(ShapeError, where, expected, describe(g), "Is it the gradient of another model?")
        if g.dtype != value.dtype:
            expected = f"grads[{name!r}] must be {value.dtype} like the parameter"
            fail(DtypeError, where, expected, g.dtype, "Cast them together with astype.")
    return slopes
