"""The history of a training run, epoch by epoch."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class History:
    """The history of a run, one entry per epoch.

    Attributes
    ----------
    epochs : list of int
        Counted from 1.
    train_loss, validation_loss : list of float or None
        Mean loss over the epoch's steps, each taken before its update; loss on the validation
        samples after the epoch (None without them).
    gradient_norm : list of float
        Mean global norm before clipping, of the parameters that are trained.
    learning_rate : list of float
        Of the epoch's last update.
    seconds : list of float
        Wall-clock time of the epoch; the one column that differs from run to run.
    best_epoch : int or None
        The epoch with the smallest validation loss.
    engine : dict
        The kind of engine and the threads that were asked for; the versions of NumPy and of the
        library that multiplies its matrices. Of the last call of `fit`.
    stopped : str
        ``"early"`` if patience ran out, ``"interrupted"`` after Ctrl-C, else empty.

    Examples
    --------
    >>> History([1, 2], [0.9, 0.4], [1.0, 0.7], [3.0, 1.5]).train_loss[-1]
    0.4
    """

    epochs: list[int] = field(default_factory=list)
    train_loss: list[float] = field(default_factory=list)
    validation_loss: list[float | None] = field(default_factory=list)
    gradient_norm: list[float] = field(default_factory=list)
    learning_rate: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    best_epoch: int | None = None
    stopped: str = ""
    engine: dict[str, Any] = field(default_factory=dict)

    @property
    def least_validation_loss(self) -> float:
        """The validation loss of the best epoch; infinity if there is none."""
        best = None if self.best_epoch is None else self.validation_loss[self.best_epoch - 1]
        return float("inf") if best is None else best

    def append(self, **numbers: float | None) -> None:
        """Add an epoch: a number for every column."""
        for name, number in numbers.items():
            getattr(self, name).append(number)
        self.epochs.append(len(self.epochs) + 1)

    def only_whole_epochs(self) -> None:
        """Remove the remains of an interrupted `append`."""
        for column in asdict(self):
            if isinstance(getattr(self, column), list):
                del getattr(self, column)[len(self.epochs) :]
