"""Memory tasks as their papers define them, with the loss of an answer that uses no memory.

Every task draws new rows from ``rng`` and states its ``baseline``: the expected loss of an answer
that uses no memory, which its docstring defines. A model that does not beat it has learned nothing.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from npstack.core.arguments import check_generator, check_size
from npstack.core.errors import ArgumentError, describe, fail
from npstack.core.numerics import Array, log
from npstack.losses.samples import Samples


class Task(NamedTuple):
    """Rows of a task, and the loss to beat.

    Attributes
    ----------
    samples : Samples
    baseline : float
        Expected loss without memory: mean squared error, or cross-entropy in nats, as the
        docstring of the task says.
    """

    samples: Samples
    baseline: float


def adding(rng: np.random.Generator, batch: int, length: int) -> Task:
    """Add the two marked numbers (Hochreiter & Schmidhuber 1997, in the current form).

    The form of Arjovsky, Shah & Bengio (2016, "Unitary evolution recurrent neural networks").
    Feature 0 of every step is uniform on [0, 1). Feature 1 marks two steps with 1: one drawn from
    the first half, ``0 … length // 2 - 1``, one from the second, ``length // 2 … length - 1``; it
    is 0 elsewhere. The target, after the last step, is the sum of the two marked numbers.

    The original form is `adding_1997`.

    Parameters
    ----------
    rng : numpy.random.Generator
    batch : int
        Rows, B.
    length : int
        Steps, at least 2.

    Returns
    -------
    Task
        ``x (B, length, 2)``, ``y (B, 1)``. The baseline (always answering 1) is the variance of the
        sum of two uniform numbers, 1/6 = 0.1667 in mean squared error (Le, Jaitly & Hinton 2015
        print 0.1767, Arjovsky et al. 0.167).

    Examples
    --------
    >>> task = adding(np.random.default_rng(0), 1000, 50)
    >>> task.samples.x.shape, round(task.baseline, 4)
    ((1000, 50, 2), 0.1667)
    >>> bool(abs(np.mean((task.samples.y - 1) ** 2) - task.baseline) < 0.02)
    True
    """
    where = "adding"
    rng = check_generator(where, rng)
    batch, length = _check(where, batch=(batch, 1), length=(length, 2))
    rows, half = np.arange(batch), length // 2
    x = np.zeros((batch, length, 2))
    x[..., 0] = rng.random((batch, length))
    first, second = rng.integers(0, half, batch), rng.integers(half, length, batch)
    x[rows, first, 1] = x[rows, second, 1] = 1.0
    y = x[rows, first, 0] + x[rows, second, 0]
    return Task(Samples(x, y[:, np.newaxis]), 1 / 6)


def adding_1997(rng: np.random.Generator, batch: int, length: int) -> Task:
    """Add the two marked numbers, exactly as in Hochreiter & Schmidhuber (1997), experiment 4.

    Lengths are drawn from ``length … length + length // 10``. Feature 0 of every step is uniform
    on [-1, 1). Feature 1 is a marker: 1 at two steps, -1 at the first and the last, else 0. One of
    the first ten steps is marked, and then one of the first ``length // 2 - 1`` that are still
    unmarked. If the first step is drawn, its marker stays -1 and its number counts as 0. The
    target, after the last step, is ``0.5 + (X1 + X2) / 4``. In the paper, an answer
    is correct if its absolute error is below 0.04.

    Parameters
    ----------
    rng, batch
        As for `adding`.
    length : int
        Smallest number of steps, T of the paper, at least 20.

    Returns
    -------
    Task
        ``x (B, length + length // 10, 2)``, ``y (B, 1)``, ``mask``. The baseline (always answering
        0.5) is a little less than 1/24 in mean squared error; 0.0392 for ``length=100``.

    Examples
    --------
    >>> round(adding_1997(np.random.default_rng(0), 1, 100).baseline, 4)
    0.0392
    """
    where = "adding_1997"
    rng = check_generator(where, rng)
    batch, length = _check(where, batch=(batch, 1), length=(length, 20))
    rows, pool = np.arange(batch), length // 2 - 1
    mask = _lengths(rng, batch, length)
    x = np.zeros((*mask.shape, 2))
    x[..., 0] = rng.uniform(-1, 1, mask.shape)
    first, second = rng.integers(0, 10, batch), rng.integers(0, pool, batch)
    second += second >= first  # its place among the unmarked
    x[rows, first, 1] = x[rows, second, 1] = 1.0
    x[:, 0, 1] = x[rows, mask.sum(1) - 1, 1] = -1.0
    x[~mask] = 0.0
    y = 0.5 + (x[..., 0] * (x[..., 1] == 1)).sum(1, keepdims=True) / 4
    first_step_drawn = 1 / 10 + 9 / 10 / pool
    return Task(Samples(x, y, mask), (2 - first_step_drawn) / 3 / 16)


def temporal_order(
    rng: np.random.Generator, batch: int, length: int = 100, relevant: int = 2
) -> Task:
    """The order of X and Y (Hochreiter & Schmidhuber 1997, experiments 6a and 6b)

    Symbols are drawn from a, b, c, d, but the sequence begins with E, ends with B (the trigger),
    and has an X or a Y, with equal chance, at two (6a) or three (6b) steps. Lengths are drawn from
    ``length … length + length // 10``; the steps, in hundredths of ``length``, from 10–20 and 50–60
    (6a), or from 10–20, 33–43 and 66–76 (6b), bounds included, counted from the E at step 0.

    Parameters
    ----------
    rng, batch
        As for `adding`.
    length : int
        Smallest number of steps, at least 20; 100 in the paper.
    relevant : {2, 3}
        The number of X or Y.

    Returns
    -------
    Task
        ``x (B, length + length // 10, 8)``, one feature for each of E, B, a, b, c, d, X, Y;
        ``y (B,)``, the class: X and Y read as the binary digits 0 and 1, so that X X is 0, X Y 1,
        Y X 2 and Y Y 3; ``mask``. The baseline (equal probabilities for all classes) is
        ``relevant · ln 2`` in cross-entropy: 1.3863 for four classes, 2.0794 for eight. It is
        wrong in 3/4, or 7/8, of all rows.

    Examples
    --------
    >>> task = temporal_order(np.random.default_rng(0), 4)
    >>> task.samples.x.shape, round(task.baseline, 4)
    ((4, 110, 8), 1.3863)
    """
    where = "temporal_order"
    rng = check_generator(where, rng)
    batch, length = _check(where, batch=(batch, 1), length=(length, 20))
    (relevant,) = _check(where, relevant=(relevant, 2))
    if relevant > 3:
        expected, advice = "relevant must be 2 (experiment 6a) or 3 (6b)", "Use relevant=2."
        fail(ArgumentError, where, expected, describe(relevant), advice)
    mask = _lengths(rng, batch, length)
    rows = np.arange(batch)
    symbols = rng.integers(2, 6, mask.shape)
    symbols[:, 0], symbols[rows, mask.sum(1) - 1] = 0, 1
    y = np.zeros(batch, np.int64)
    for start in {2: (10, 50), 3: (10, 33, 66)}[relevant]:
        steps = rng.integers(start * length // 100, (start + 10) * length // 100 + 1, batch)
        digit = rng.integers(0, 2, batch)
        symbols[rows, steps] = 6 + digit
        y = 2 * y + digit
    x = np.where(mask[..., np.newaxis], _one_hot(symbols, 8), 0.0)
    return Task(Samples(x, y, mask), relevant * _ln(2))


def copying(
    rng: np.random.Generator, batch: int, delay: int, symbols: int = 8, width: int = 10
) -> Task:
    """Copy symbols after a delay (Arjovsky, Shah & Bengio 2016; from Hochreiter & Schmidhuber).

    ::

        x    s s s s s s s s s s  – – … –  :  – – – – – – – – – –
        y    – – – – – – – – – –  – – … –  –  s s s s s s s s s s
             width                delay       width

    ``width`` symbols are drawn from 0 … symbols - 1; ``delay - 1`` blanks (number ``symbols``)
    follow, then one delimiter (``symbols + 1``), then ``width`` blanks. The target is blank for
    ``delay + width`` steps, and then the drawn symbols in their order.

    Parameters
    ----------
    rng, batch
        As for `adding`.
    delay : int
        T of the paper, at least 1.
    symbols, width : int
        8 and 10 in the paper.

    Returns
    -------
    Task
        ``x (B, delay + 2 width, symbols + 2)``, one feature per symbol, blank and delimiter; ``y
        (B, delay + 2 width)``. The baseline (certain of the blanks, equal probabilities for all
        symbols) is ``width · ln(symbols) / (delay + 2 width)`` in cross-entropy per step: 0.1733
        for ``delay=100``.

    Examples
    --------
    >>> task = copying(np.random.default_rng(0), 1, 2, width=3)
    >>> task.samples.x.argmax(-1), task.samples.y
    (array([[6, 5, 4, 8, 9, 8, 8, 8]]), array([[8, 8, 8, 8, 8, 6, 5, 4]]))
    """
    where = "copying"
    rng = check_generator(where, rng)
    batch, delay = _check(where, batch=(batch, 1), delay=(delay, 1))
    symbols, width = _check(where, symbols=(symbols, 2), width=(width, 1))
    T, blank = delay + 2 * width, symbols
    told = rng.integers(0, symbols, (batch, width))
    x, y = np.full((batch, T), blank), np.full((batch, T), blank)
    x[:, :width] = y[:, -width:] = told
    x[:, width + delay - 1] = blank + 1
    return Task(Samples(_one_hot(x, symbols + 2), y), width * _ln(symbols) / T)


def delayed_recall(
    rng: np.random.Generator, batch: int, length: int, delay: int, symbols: int = 8
) -> Task:
    """At every step, output the symbol of ``delay`` steps ago.

    The short-term memory task of Jaeger (2001, "Short term memory in echo state networks"), with
    symbols instead of numbers: the input is random at every step, so the state must always contain
    the last ``delay`` symbols, in their order.

    Parameters
    ----------
    rng, batch
        As for `adding`.
    length : int
        Steps, more than ``delay``.
    delay : int
        At least 1.
    symbols : int
        Different symbols, at least 2.

    Returns
    -------
    Task
        ``x (B, length, symbols)``, one feature per symbol; ``y (B, length)``; ``counts``, True from
        step ``delay`` on (``y`` is 0 before). The baseline (equal probabilities for all symbols) is
        ``ln(symbols)`` in cross-entropy per counted step: 2.0794 for eight.

    Examples
    --------
    >>> task = delayed_recall(np.random.default_rng(0), 1, 6, 2)
    >>> task.samples.x.argmax(-1), task.samples.y
    (array([[6, 5, 4, 2, 2, 0]]), array([[0, 0, 6, 5, 4, 2]]))
    """
    where = "delayed_recall"
    rng = check_generator(where, rng)
    batch, delay = _check(where, batch=(batch, 1), delay=(delay, 1))
    symbols, length = _check(where, symbols=(symbols, 2), length=(length, delay + 1))
    drawn = rng.integers(0, symbols, (batch, length))
    y = np.zeros_like(drawn)
    y[:, delay:] = drawn[:, :-delay]
    counts = np.broadcast_to(np.arange(length) >= delay, y.shape).copy()
    return Task(Samples(_one_hot(drawn, symbols), y, None, counts), _ln(symbols))


def _check(where: str, **sizes: tuple[object, int]) -> list[int]:
    """Check whole numbers of at least the given size; return them."""
    checked = [check_size(where, name, value) for name, (value, _) in sizes.items()]
    for own, (name, (_, least)) in zip(checked, sizes.items(), strict=True):
        if own < least:
            expected, advice = f"{name} must be at least {least}", f"Use {name}={least} or more."
            fail(ArgumentError, where, expected, describe(own), advice)
    return checked


def _lengths(rng: np.random.Generator, batch: int, length: int) -> NDArray[np.bool_]:
    """A mask of lengths drawn from ``length … length + length // 10``."""
    longest = length + length // 10
    lengths = rng.integers(length, longest + 1, batch)
    return np.arange(longest) < lengths[:, np.newaxis]


def _one_hot(symbols: NDArray[np.int64], count: int) -> Array:
    return np.eye(count)[symbols]


def _ln(value: float) -> float:
    return float(log(np.array(float(value))))
