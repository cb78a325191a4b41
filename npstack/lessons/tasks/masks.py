"""Notebook 8: masks, many-to-one, many-to-many, two directions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from npstack.cells.lstm import LSTMCell
from npstack.core.numerics import Array
from npstack.layers import LSTM, Layer
from npstack.layers.stacked_bidirectional import BidirectionalStacked, StackedBidirectional
from npstack.lessons.checking import Task
from npstack.losses import mean_squared_error

# Two rows of three steps; the second one has a single valid step.
PREDICTIONS, TARGETS = np.array([[1.0, 2, 3], [1, 2, 2]]), np.array([[2.0, 3, 5], [5, 0, 0]])
VALID = np.array([[True, True, True], [True, False, False]])
LENGTHS = [4, 2, 3]
FEATURES, UNITS = 3, 5
FORWARD, BACKWARD = slice(0, 2), slice(2, 4)  # halves of an output


def squares() -> Array:
    """The squared errors, padding included."""
    return np.asarray(np.square(PREDICTIONS - TARGETS))


def masked_mean() -> float:
    """The mean squared error over valid steps."""
    pair = PREDICTIONS[..., np.newaxis], TARGETS[..., np.newaxis]
    return float(mean_squared_error(*pair, VALID).value)


def zeros() -> int:
    """How many outputs of a layer are exactly zero, because their step is masked."""
    layer = LSTM(FEATURES, UNITS, rng=np.random.default_rng(0))
    outputs = layer.forward(np.ones((3, max(LENGTHS), FEATURES)), lengths=LENGTHS).outputs
    return int((outputs == 0).sum())


def last_shape() -> tuple[int, ...]:
    """The shape of the outputs of two directions, last states only."""
    sizes: dict[str, Any] = {"return_sequences": False, "rng": np.random.default_rng(0)}
    stack = StackedBidirectional(LSTMCell, 3, [8, 4], **sizes)
    return stack.forward(np.zeros((2, 5, 3))).outputs.shape


def read_steps(kind: Callable[..., Layer], half: slice = BACKWARD) -> int:
    """On how many of five inputs a half of the last layer's output at step 1 depends."""
    stack = kind(LSTMCell, 1, [2, 2], rng=np.random.default_rng(0))
    tape = stack.forward(np.random.default_rng(1).standard_normal((1, 5, 1)))
    doutputs = np.zeros_like(tape.outputs)
    doutputs[:, 1, half] = 1
    dx = stack.backward(tape, doutputs).x
    assert dx is not None
    return int(np.count_nonzero(dx))


def topologies(half: slice = BACKWARD) -> tuple[int, int]:
    """Layer by layer, and whole stacks."""
    return read_steps(StackedBidirectional, half), read_steps(BidirectionalStacked, half)


# ---- functions ----------------------------------------------------------------------------------


def draw_mask(rng: np.random.Generator, B: int, T: int) -> Array:
    """Any mask with a valid step in each row."""
    mask = rng.random((B, T)) < 0.6
    mask[np.arange(B), rng.integers(T, size=B)] = True
    return mask


def draw_outputs(rng: np.random.Generator) -> tuple[Array, Array]:
    """Outputs (B, T, H) of a layer, and the mask that it read."""
    B, T, H = (int(n) for n in rng.integers((3, 4, 2), (6, 8, 5)))
    mask = draw_mask(rng, B, T)
    layer = LSTM(2, H, rng=rng)
    return layer.forward(rng.standard_normal((B, T, 2)), mask=mask).outputs, mask


def last_valid(outputs: Array, mask: Array) -> Array:
    """The outputs at the last valid step of each row."""
    T = mask.shape[1]
    return np.asarray(outputs[np.arange(len(mask)), T - 1 - mask[:, ::-1].argmax(axis=1)])


def draw_pair(rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Predictions, targets (B, T, K) and a mask."""
    B, T, K = (int(n) for n in rng.integers((3, 3, 2), (6, 7, 4)))
    predictions, targets = rng.standard_normal((2, B, T, K))
    return predictions, targets, draw_mask(rng, B, T)


def loss(**changed: Any) -> Callable[..., tuple[Any, Array]]:
    """The mean squared error over valid steps; or one with a mistake."""

    def made(predictions: Array, targets: Array, mask: Array) -> tuple[Any, Array]:
        valid = np.ones_like(mask) if changed.get("padding") else mask
        errors = np.where(valid[..., np.newaxis], predictions - targets, 0)
        count: Any = valid.sum() * errors.shape[2]
        if changed.get("all"):
            count = errors.size
        if changed.get("steps"):
            count = valid.sum()
        if changed.get("rows"):
            count = (len(mask) * errors.shape[2] * valid.sum(axis=1))[:, np.newaxis, np.newaxis]
        slope = predictions - targets if changed.get("unmasked") else errors
        return (errors**2 / count).sum(), changed.get("factor", 2) * slope / count

    return made


TASKS = (
    Task(
        "8.1",
        "the mean squared error over the valid steps",
        masked_mean,
        {
            "The padding counts here; its predictions mean nothing.": (
                lambda: float(squares().mean())
            ),
            "The sum is right; divide it by the number of valid steps, not of all steps.": (
                lambda: float(squares()[VALID].sum() / VALID.size)
            ),
            "This is the mean of the rows' means: a step of a short row counts more.": (
                lambda: float(np.mean((squares() * VALID).sum(axis=1) / VALID.sum(axis=1)))
            ),
            "This is the sum; divide it by the number of valid steps.": (
                lambda: float(squares()[VALID].sum())
            ),
            "This is the sum by the number of rows; divide it by the number of valid steps.": (
                lambda: float(squares()[VALID].sum() / len(VALID))
            ),
            "This is the mean of the absolute errors; take their squares.": (
                lambda: float(np.abs(PREDICTIONS - TARGETS)[VALID].mean())
            ),
            "This is the root of the mean squared error.": lambda: float(masked_mean() ** 0.5),
        },
        "Cross out the padding. How many steps are left, in both rows together?",
        share=1e-3,
    ),
    Task(
        "8.2",
        "how many outputs of LSTM(3, 5) are exactly zero with T = 4 and lengths 4, 2, 3",
        zeros,
        {
            "These are the masked steps; each has an output for every unit.": (
                lambda: sum(max(LENGTHS) - own for own in LENGTHS)
            ),
            "These are the outputs at the valid steps.": lambda: sum(LENGTHS) * UNITS,
            "A step has an output for every unit, not for every input.": (
                lambda: sum(max(LENGTHS) - own for own in LENGTHS) * FEATURES
            ),
            "These are all outputs.": lambda: len(LENGTHS) * max(LENGTHS) * UNITS,
        },
        "Draw the mask: three rows, four steps.",
    ),
    Task(
        "8.3",
        "the shape of the outputs: StackedBidirectional(LSTMCell, 3, [8, 4]), last states only",
        last_shape,
        {
            "This is one direction; both are joined.": lambda: (2, 4),
            "With return_sequences=False there is no time axis.": lambda: (2, 5, 8),
            "These are both directions of layer 0.": lambda: (2, 16),
            "These are both layers, one direction of each; only the last is returned.": (
                lambda: (2, 12)
            ),
            "These are both layers; only the last one is returned.": lambda: (2, 24),
            "This is the whole sequence of one direction.": lambda: (2, 5, 4),
        },
        "Only the last layer is returned: its last states, forward and backward side by side.",
    ),
    Task(
        "8.4",
        "on how many of five inputs the backward half of the output at step 1 depends: "
        "StackedBidirectional, BidirectionalStacked",
        topologies,
        {
            "It is the other way round.": lambda: topologies()[::-1],
            "In one of the two, layer 1 reads both directions of layer 0.": (
                lambda: (topologies()[1],) * 2
            ),
            "In one of the two, the directions do not meet before the end.": (
                lambda: (topologies()[0],) * 2
            ),
            "A step counts itself, too.": lambda: (topologies()[0], topologies()[1] - 1),
            "This is the forward half.": lambda: topologies(FORWARD),
        },
        "The backward half begins at step 4. What does layer 1 read there, and what has that read?",
    ),
    Task(
        "8.5",
        "a function last_valid(outputs, mask) that returns (B, H)",
        last_valid,
        {
            "This is the last step; in a row with padding on the right it is zero.": (
                lambda outputs, mask: outputs[:, -1]
            ),
            "This is right for padding on the right only; a mask may also have holes.": (
                lambda outputs, mask: outputs[np.arange(len(mask)), mask.sum(axis=1) - 1]
            ),
            "This is the first valid step.": (
                lambda outputs, mask: outputs[np.arange(len(mask)), mask.argmax(axis=1)]
            ),
            "Those are counted from the end of the row: at which step is it?": (
                lambda outputs, mask: outputs[np.arange(len(mask)), mask[:, ::-1].argmax(axis=1)]
            ),
            "This is one step too late; in a row without padding at its end, it is the first.": (
                lambda outputs, mask: outputs[np.arange(len(mask)), -mask[:, ::-1].argmax(axis=1)]
            ),
            "This is one step too early.": (
                lambda outputs, mask: outputs[
                    np.arange(len(mask)), mask.shape[1] - 2 - mask[:, ::-1].argmax(axis=1)
                ]
            ),
            "This is the mean over the valid steps.": (
                lambda outputs, mask: outputs.sum(axis=1) / mask.sum(axis=1)[:, np.newaxis]
            ),
        },
        "mask[:, ::-1].argmax(axis=1) counts the masked steps at the end of each row.",
        draw_outputs,
        ("outputs",),
    ),
    Task(
        "8.6",
        "a function masked_loss(predictions, targets, mask) that returns the value and the "
        "gradient",
        lambda predictions, targets, mask: tuple(mean_squared_error(predictions, targets, mask)),
        {
            "The padding counts.": loss(padding=True),
            "The padding is left out of the sum, but not of the number of steps.": loss(all=True),
            "Divide by the number of outputs, too: the mean is over steps and outputs.": (
                loss(steps=True)
            ),
            "This is the mean of the rows' means.": loss(rows=True),
            "The gradient lacks the factor of the square.": loss(factor=1),
            "The value is right. Its gradient at masked steps is zero.": loss(unmasked=True),
        },
        "np.where(mask[..., np.newaxis], predictions - targets, 0) leaves out the padding.",
        draw_pair,
        ("value", "gradient"),
    ),
)
