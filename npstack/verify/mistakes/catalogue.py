"""Every mistake that `explain` knows."""

from __future__ import annotations

from npstack.verify.mistakes.entry import Mistake
from npstack.verify.mistakes.gru import GRU
from npstack.verify.mistakes.gru_reset_before import GRU_RESET_BEFORE
from npstack.verify.mistakes.lstm import LSTM
from npstack.verify.mistakes.lstm_peepholes import LSTM_PEEPHOLES
from npstack.verify.mistakes.rnn import RNN
from npstack.verify.mistakes.through_time import THROUGH_TIME

CATALOGUE: tuple[Mistake, ...] = (
    *LSTM,
    *LSTM_PEEPHOLES,
    *GRU,
    *GRU_RESET_BEFORE,
    *RNN,
    *THROUGH_TIME,
)


def catalogue_of(cell: str) -> tuple[Mistake, ...]:
    """The mistakes of a cell: its own, and those of the loop over time.

    Examples
    --------
    >>> {mistake.cell for mistake in catalogue_of("gru")} == {"gru", "any"}
    True
    """
    return tuple(mistake for mistake in CATALOGUE if mistake.cell in (cell, "any"))
