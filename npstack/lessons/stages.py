"""What is to be written, in stages: the functions of each, their results, and where it is tried."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from npstack.cells.gru import GRUCell
from npstack.cells.lstm import LSTMCell


@dataclass(frozen=True)
class Case:
    """Inputs on which a stage is tried.

    Attributes
    ----------
    title : str
        When it is wrong: "with T = 1".
    sizes : tuple of int
        B, T, D, and H of each layer, bottom first.
    hint : str
        What to think of if this is the first case that is wrong.
    mask : tuple of str
        A row per sequence, with ``.`` where a step is masked; empty without a mask.
    nan : bool
        Whether masked steps hold NaN.
    """

    title: str
    sizes: tuple[int, ...]
    hint: str
    mask: tuple[str, ...] = ()
    nan: bool = False

    @property
    def H(self) -> tuple[int, ...]:
        """Of each layer."""
        return self.sizes[3:]


@dataclass(frozen=True)
class Stage:
    """One stage: a function that runs forward, its backward, or both.

    Attributes
    ----------
    name, title : str
        In one word, and in a few.
    forward, backward : str
        The functions that are called; empty if there is no backward.
    counted : tuple of str
        Which of the two are graded.
    cases : tuple of Case
        The smallest first.
    points : int
        As part of a course.
    """

    name: str
    title: str
    forward: str
    backward: str
    counted: tuple[str, ...]
    cases: tuple[Case, ...]
    points: int = 0

    @property
    def of_step(self) -> bool:
        """Whether it is one step, without a time axis."""
        return self.forward == "step_forward"

    @property
    def around(self) -> tuple[str, ...]:
        """The functions of earlier stages that it may call: those of a step, of a sequence."""
        if self.of_step:
            return ()
        return ("sequence", "step") if self.name == "stack" else ("step",)


@dataclass(frozen=True)
class Course:
    """The stages for one cell, and the names that its functions use.

    Attributes
    ----------
    name : str
        On the command line, and in `foreign`.
    cell : type
        npstack's own.
    order : str
        The letters of the gates, as they are packed.
    states, weights : dict
        By the names in the exercise: the fields of npstack's state, its parameters.
    stages : dict of Stage
    """

    name: str
    cell: Any
    order: str
    states: dict[str, str]
    weights: dict[str, str]
    stages: dict[str, Stage]

    def results(self, stage: Stage, layers: int = 1) -> dict[str, tuple[str, ...]]:
        """What the functions of a stage return, in order; of a forward, a cache follows.

        Examples
        --------
        >>> for name, results in COURSES["gru"].results(COURSES["gru"].stages["time"]).items():
        ...     print(name, *results)
        sequence_forward hs
        sequence_backward dx dh0 dWx dWh db db_recurrent
        """
        weights = [f"d{name}" for name in self.weights]
        if stage.of_step:
            forward, before = list(self.states), [f"d{name}_before" for name in self.states]
        else:
            forward, before = ["hs"], [f"d{name}0" for name in self.states]
        if stage.name == "stack":
            before = []
            weights = [f"{name} of layer {k}" for k in range(layers) for name in weights]
        backward = ["dx", *before, *weights]
        found = {stage.forward: tuple(forward)}
        return found | ({stage.backward: tuple(backward)} if stage.backward else {})


STEP_HINT = "Take one row and one unit (B = 1, H = 1) and compute the equations by hand, in order."
TRANSPOSE_HINT = "Write the shape beside each product, in letters: which matrix must be transposed?"
FORWARD = Stage(
    "forward",
    "one step forward",
    "step_forward",
    "",
    ("step_forward",),
    (
        Case("with B = 1, D = 1 and H = 1", (1, 1, 1, 1), STEP_HINT),
        Case("as soon as H is above 1", (1, 1, 1, 4), "How are the gates packed in the last axis?"),
        Case("as soon as B is above 1", (5, 1, 3, 4), "Each row of the batch is on its own."),
    ),
)
BACKWARD = Stage(
    "backward",
    "one step backward",
    "step_forward",
    "step_backward",
    ("step_backward",),
    (
        Case("with B = 1, D = 1 and H = 1", (1, 1, 1, 1), STEP_HINT),
        Case("as soon as H is above 1", (1, 1, 3, 4), TRANSPOSE_HINT),
        Case(
            "as soon as B is above 1",
            (5, 1, 3, 4),
            "Weights and bias are shared by all rows. What does that do to their gradients?",
        ),
        Case("where B = D = H", (3, 1, 3, 3), TRANSPOSE_HINT),
    ),
)
TIME = Stage(
    "time",
    "a sequence, forward and back through time",
    "sequence_forward",
    "sequence_backward",
    ("sequence_forward", "sequence_backward"),
    (
        Case(
            "with a single step, T = 1",
            (2, 1, 3, 3),
            "With T = 1, every number is that of your own step. What is added or lost?",
        ),
        Case(
            "from T = 2 on",
            (2, 2, 3, 3),
            "What does one step get from the other: forward, backward? Which gradients are sums?",
        ),
        Case(
            "from T = 3 on",
            (2, 6, 3, 3),
            "What do all steps but the first and the last have that those two do not have?",
        ),
    ),
)
MASKS = Stage(
    "masks",
    "masks",
    "masked_forward",
    "masked_backward",
    ("masked_forward", "masked_backward"),
    (
        Case(
            "with no step masked",
            (2, 4, 3, 3),
            "Without masked steps, every number must be that of stage time.",
            mask=("xxxx", "xxxx"),
        ),
        Case(
            "with padding at the end",
            (3, 4, 3, 3),
            "What are h, c and hs after a masked step? Which gradients pass it?",
            mask=("xxxx", "xx..", "x..."),
        ),
        Case(
            "with masked steps between valid ones, or before them",
            (3, 5, 3, 3),
            "A masked step must pass on what it gets: the state forward, dh and dc backward.",
            mask=("xx.xx", "..xxx", "x...x"),
        ),
        Case(
            "where what is masked holds NaN",
            (3, 5, 3, 3),
            "Where could a NaN get into a sum? 0 * NaN is NaN, also within a matrix product.",
            mask=("xx.xx", "..xxx", "xxx.."),
            nan=True,
        ),
    ),
)
STACK = Stage(
    "stack",
    "a stack",
    "stack_forward",
    "stack_backward",
    ("stack_forward", "stack_backward"),
    (
        Case(
            "with a single layer",
            (2, 4, 3, 3),
            "With one layer, every number is that of your own sequence functions.",
        ),
        Case(
            "with two layers of the same size",
            (2, 4, 3, 3, 3),
            "What does the upper layer read? What becomes of its dx? Whose gradients are first?",
        ),
        Case(
            "with layers of different sizes",
            (2, 4, 3, 4, 2, 3),
            "What is H in the state of each layer?",
        ),
    ),
)


def _worth(*points: tuple[Stage, int]) -> dict[str, Stage]:
    """Stages by name, with what each is worth in a course."""
    return {stage.name: replace(stage, points=worth) for stage, worth in points}


COURSES = {
    "lstm": Course(
        "lstm",
        LSTMCell,
        "ifgo",
        {"h": "h", "c": "c"},
        {"Wx": "W", "Wh": "U", "b": "b"},
        _worth((FORWARD, 20), (BACKWARD, 30), (TIME, 20), (MASKS, 16), (STACK, 14)),
    ),
    "gru": Course(
        "gru",
        GRUCell,
        "rzn",
        {"h": "h"},
        {"Wx": "W", "Wh": "U", "b": "b", "b_recurrent": "b_recurrent"},
        _worth((FORWARD, 25), (BACKWARD, 40), (TIME, 35)),
    ),
}
