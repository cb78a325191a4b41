"""What happened in a training run, epoch by epoch."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class History:
    """What happened, one entry per epoch.

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
        The epoch of the least validation loss.
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
