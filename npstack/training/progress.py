"""Progress of a training run: a bar if tqdm is installed, otherwise lines."""

from __future__ import annotations

import importlib
import sys
import time
from typing import Any, Protocol

from npstack.training.history import History


class Progress(Protocol):
    """What `fit` reports while it trains."""

    def step(self, epoch: int, steps: int, loss: float, norm: float) -> None:
        """After every update: loss and gradient norm of that step."""

    def epoch(self, history: History) -> None:
        """After every epoch."""

    def close(self) -> None:
        """At the end, also after an error."""


class Silence:
    """No progress."""

    def step(self, epoch: int, steps: int, loss: float, norm: float) -> None:
        """Nothing."""

    def epoch(self, history: History) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


class Lines:
    """A line on standard error after every epoch, and every ten seconds within a long one."""

    def __init__(self, epochs: int, interval: float = 10.0) -> None:
        self._epochs, self._interval = epochs, interval
        self._last = time.monotonic()

    def step(self, epoch: int, steps: int, loss: float, norm: float) -> None:
        """A line, if the last one was long ago."""
        if time.monotonic() - self._last >= self._interval:
            self._say(f"epoch {epoch} of {self._epochs}, {within(steps, loss, norm)}")

    def epoch(self, history: History) -> None:
        """A line."""
        self._say(f"epoch {history.epochs[-1]} of {self._epochs}: {summary(history)}")

    def close(self) -> None:
        """Nothing is open."""

    def _say(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)
        self._last = time.monotonic()


class Bar:
    """A bar over the epochs, followed by the numbers of the step."""

    def __init__(self, tqdm: Any, epochs: int, done: int, interval: float = 0.1) -> None:
        self._bar = tqdm(total=epochs, initial=done, unit="epoch", file=sys.stderr)
        self._interval, self._last = interval, time.monotonic()

    def step(self, epoch: int, steps: int, loss: float, norm: float) -> None:
        """Redraw, but not too often."""
        if time.monotonic() - self._last >= self._interval:
            self._bar.set_postfix_str(within(steps, loss, norm))
            self._last = time.monotonic()

    def epoch(self, history: History) -> None:
        """Advance by one epoch."""
        self._bar.set_postfix_str(summary(history), refresh=False)
        self._bar.update(1)

    def close(self) -> None:
        """Leave the bar as it is."""
        self._bar.close()


def show(progress: bool, epochs: int, done: int) -> Progress:
    """A bar if tqdm is installed, otherwise lines; nothing if no progress is wanted."""
    if not progress:
        return Silence()
    try:
        tqdm = importlib.import_module("tqdm").tqdm
    except ImportError:
        return Lines(epochs)
    return Bar(tqdm, epochs, done)


def within(steps: int, loss: float, norm: float) -> str:
    """The numbers of one step.

    Examples
    --------
    >>> within(120, 0.53217, 1.5)
    'step 120: loss 0.5322, gradient norm 1.5'
    """
    return f"step {steps}: loss {loss:.4g}, gradient norm {norm:.3g}"


def summary(history: History) -> str:
    """The numbers of the last epoch.

    Examples
    --------
    >>> summary(History([1], [0.5], [0.75], [1.5], [0.001], [2.04]))
    'loss 0.5, validation 0.75, gradient norm 1.5, 2.0 s'
    """
    validation = history.validation_loss[-1]
    held_out = "" if validation is None else f"validation {validation:.4g}, "
    return (
        f"loss {history.train_loss[-1]:.4g}, {held_out}"
        f"gradient norm {history.gradient_norm[-1]:.3g}, {history.seconds[-1]:.1f} s"
    )
