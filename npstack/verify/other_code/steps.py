"""A pair of step functions, ``step_forward`` and ``step_backward``, as a cell over time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from npstack.core.errors import CodeError, fail
from npstack.core.numerics import Array
from npstack.core.params import Params
from npstack.core.tape import RecurrentTape
from npstack.layers.interface import States
from npstack.verify.other_code.base import ALIASES, NoRecord, OtherCell, OtherPair
from npstack.verify.other_code.calls import Wanted, array_of, fail_few, keys_of, results_of


class StepCell(OtherCell):
    """Two step functions as a cell."""

    def split(self, found: Any, state: Any) -> tuple[list[Array], Any]:
        """The new state and the cache among the results of forward."""
        fields = state._fields
        results = results_of(self.forward, found, [*fields, "cache"], ALIASES)
        if len(results) <= len(fields):
            fail_few(self.forward, ", ".join([*fields, "cache"]), found)
        values = [
            array_of(self.forward, field, value, Wanted("B, H", old.shape), old.dtype)
            for field, value, old in zip(fields, results, state, strict=False)
        ]
        return values, results[-1]

    def step(self, params: Params, x: Array, state: Any, noise: Any = None) -> tuple[Any, NoRecord]:
        """Call forward; its first results are the new state."""
        _, found = self.called(params, x, state._asdict())
        return type(state)(*self.split(found, state)[0]), NoRecord()

    def _returned(self, params: Params, x: Array, state: Any, dnew_state: Any) -> Any:
        """What backward returns, with the cache of a new call of forward."""
        given, found = self.called(params, x, state._asdict())
        cotangents = {f"d{field}": value for field, value in dnew_state._asdict().items()}
        return self.returned(given, cotangents, self.split(found, state)[1])

    def _wanted(self, x: Array, state: Any) -> dict[str, Wanted]:
        shapes = {field: value.shape for field, value in state._asdict().items()}
        return self.wanted(x, shapes, "B, D")

    def results(self, params: Params, x: Array, state: Any, dnew_state: Any) -> dict[str, Any]:
        """What backward returns besides gradients, if it returns a dictionary."""
        found = self._returned(params, x, state, dnew_state)
        if not isinstance(found, Mapping):
            return {}
        gradients = keys_of(found, self._wanted(x, state)).values()
        return {key: value for key, value in found.items() if key not in gradients}

    def step_backward(
        self,
        params: Params,
        x: Array,
        state: Any,
        record: Any,
        new_state: Any,
        dnew_state: Any,
        noise: Any = None,
    ) -> tuple[dict[str, Array], Array, Any]:
        """Call forward for its cache, then backward."""
        found = self._returned(params, x, state, dnew_state)
        named = self.named(found, self._wanted(x, state), x.dtype)
        lost = [f"d{field}" for field in state._fields if field not in named]
        if lost:
            expected = f"it must return {' and '.join(lost)}, the gradient of the step before"
            advice = "Without it, nothing flows back in time."
            fail(CodeError, self.backward.name, expected, "none", advice)
        dparams = {name: named[name] for name in self.names if name in named}
        dstate = type(state)(*(named[field] for field in state._fields))
        return dparams, named.get("x", np.zeros_like(x)), dstate


class StepPair(OtherPair):
    """A cell of a user's two step functions over time; made by `foreign`."""

    def _backward(
        self, tape: RecurrentTape, doutputs: Array, dfinal: States
    ) -> tuple[dict[str, Array], Any, States]:
        dparams, dx, dstates = super()._backward(tape, doutputs, dfinal)
        return *self.without_missing(dparams, dx), dstates
