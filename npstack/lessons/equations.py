"""Which equation is wrong: what `explain` finds in a pair of functions."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache, wraps
from typing import Any, NamedTuple

import numpy as np

from npstack.core.errors import CodeError, NpstackError, fail
from npstack.core.params import Params
from npstack.layers.base import Layer
from npstack.lessons.attempts import Functions
from npstack.lessons.right_numbers import LayerOf
from npstack.lessons.stages import Course, Stage
from npstack.verify.mistakes.entry import Mistake
from npstack.verify.mistakes.explanation import Explanation
from npstack.verify.mistakes.naming import explain
from npstack.verify.other_code.adapt import foreign

LOOP = "(t)"
WORDS = {"(a)": "the sum a", LOOP: "the loop over time"}
WAYS = "forward", "backward"
D, H = 3, 4
PATIENCE = 30.0  # seconds


class Named(NamedTuple):
    """What wrong numbers say: the equation, a hint, and, for teachers, the mistakes that fit."""

    equation: str = ""
    hint: str = ""
    mistakes: tuple[str, ...] = ()


class Pairs:
    """The step functions and the sequence functions of a submission, as layers.

    Parameters
    ----------
    course : Course
    functions : dict of callable
    """

    def __init__(self, course: Course, functions: Functions) -> None:
        self.course, self.functions = course, functions
        self.explained = cache(self._explained)

    def layer_of(self, style: str) -> LayerOf:
        """Layers of a pair; an NpstackError if the functions are not there, or do not run."""

        def build(params: Params) -> Layer:
            forward: Any
            forward, backward = (self.functions.get(f"{style}_{way}") for way in WAYS)
            cell, gates = self.course.name, self.course.order
            return foreign(forward, backward, params, style=style, cell=cell, gates=gates)

        return build

    def _explained(self, style: str) -> Explanation | None:
        """What `explain` says about a pair; None if it cannot be tried, or takes too long."""
        rng = np.random.default_rng(0)
        params = self.course.cell(D, H, rng=rng, bias_init="uniform").params
        end = time.monotonic() + PATIENCE
        hurried = {name: _until(end, own) for name, own in self.functions.items()}
        layer_of = Pairs(self.course, hurried).layer_of(style)
        try:
            return explain(layer_of(params), rng=rng)
        except NpstackError:
            return None

    def backward_fits(self) -> bool:
        """Whether the step's backward is right if its forward is left as it is.

        It is the derivative of this forward; or what is wrong in the forward gives all numbers of
        the backward, too.
        """
        found = self.explained("step")
        if found is None:
            return False
        slips = bool(found.named) and all(own.is_forward for own in found.named)
        return bool(found.backward_fits) or slips

    def named(self, stage: Stage) -> Named:
        """The equation that a stage has wrong, if the numbers are those of a known mistake."""
        if stage.name not in ("forward", "backward", "time"):
            return Named()
        found = self.explained("step" if stage.of_step else "sequence")
        if found is None:
            return Named()
        mistakes = found.forward if stage.name == "forward" else found.named
        if stage.name == "backward":
            mistakes = tuple(own for own in mistakes if not own.is_forward)
        here = tuple(own for own in mistakes if (own.equation == LOOP) != stage.of_step)
        return _in_words(here or mistakes, self.course.name)


def _until(end: float, function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that is refused from a moment on: `explain` calls it hundreds of times."""

    @wraps(function)
    def hurried(*given: Any) -> Any:
        if time.monotonic() > end:
            advice = "The equation is not named."
            fail(CodeError, "grade", f"it must take {PATIENCE:g} s at most", "more", advice)
        return function(*given)

    return hurried


def _in_words(mistakes: tuple[Mistake, ...], cell: str) -> Named:
    """What is said about mistakes that give the same numbers."""
    if not mistakes:
        return Named()
    places = dict.fromkeys(WORDS.get(m.equation, f"equation {m.equation}") for m in mistakes)
    way = "" if mistakes[0].is_forward else ", backward"
    sentences = tuple(own.sentence(cell) for own in mistakes)
    return Named(" or ".join(places) + way, mistakes[0].hint, sentences)
