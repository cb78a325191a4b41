"""Observers: the gradients that reach each layer at each step of a model's backward pass.

The model is not changed, and its own equations are run, so the real gradients are observed. A tape
with observers is a copy; the original can be used as before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

from npstack.core.backward_reports import Observer
from npstack.core.tape import Tape
from npstack.layers.base import Layer
from npstack.layers.walk import Visit, walk


def observed(model: Layer, tape: Tape, observer_of: Callable[[Visit], Observer]) -> Tape:
    """A copy of a tape that reports to an observer for each leaf when the model reads it.

    Parameters
    ----------
    model : Layer
    tape : Tape
        Of this model.
    observer_of : callable
        Called with every visit that is a leaf, in the order of the walk.

    Examples
    --------
    >>> import numpy as np
    >>> from npstack import StackedLSTM
    >>> class Steps(Observer):
    ...     def __init__(self, visit):
    ...         self.name = visit.name
    ...     def stepped(self, step, dnew_state, found):
    ...         print(self.name, step)
    >>> stack = StackedLSTM(1, [2, 2], rng=np.random.default_rng(0))
    >>> tape = stack.forward(np.ones((1, 2, 1)))
    >>> _ = stack.backward(observed(stack, tape, Steps), np.ones((1, 2, 2)))
    1.LSTM 1
    1.LSTM 0
    0.LSTM 1
    0.LSTM 0
    """
    model.check_tape(f"{type(model).__name__}.backward", tape)
    visits = (visit for visit in walk(model, tape) if visit.leaf)
    observers = {id(visit.tape): observer_of(visit) for visit in visits}

    def with_observers(part: Tape) -> Tape:
        if id(part) in observers:
            return replace(part, observer=observers[id(part)])
        composite = cast(Any, part)
        return cast(Tape, replace(composite, children=tuple(map(with_observers, part.parts))))

    return with_observers(tape)
