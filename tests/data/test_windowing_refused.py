"""Wrong calls of windows: each says what was expected, what came and what to do."""

import numpy as np
import pytest

from npstack import ArgumentError, DataError, DtypeError, ShapeError
from npstack.core.errors import LeakageError, NonFiniteError
from npstack.data import Standardiser, windows

pytestmark = pytest.mark.core
SERIES = np.arange(20.0)
TWO = np.arange(40.0).reshape(20, 2)
REFUSED = {
    "length zero": (lambda: windows(SERIES, 0), ArgumentError, "length must be a whole number"),
    "stride zero": (lambda: windows(SERIES, 3, stride=0), ArgumentError, "stride must be"),
    "horizons that fall": (
        lambda: windows(SERIES, 3, ahead=[3, 1]),
        ArgumentError,
        "ahead must be .* increasing",
    ),
    "unsigned horizons that fall": (  # their difference would go round below zero
        lambda: windows(SERIES, 3, ahead=np.array([3, 1], np.uint8)),
        ArgumentError,
        "ahead must be .* increasing",
    ),
    "horizons that fall at their end": (
        lambda: windows(SERIES, 3, ahead=[1, 4, 2]),
        ArgumentError,
        "ahead must be .* increasing",
    ),
    "horizons that stay": (lambda: windows(SERIES, 3, ahead=[2, 2]), ArgumentError, "increasing"),
    "a horizon in the past": (lambda: windows(SERIES, 3, ahead=-1), ArgumentError, "ahead must be"),
    "one of the horizons in the past": (
        lambda: windows(SERIES, 3, ahead=[-1, 2]),
        ArgumentError,
        "ahead must be",
    ),
    "half a step": (lambda: windows(SERIES, 3, ahead=1.5), ArgumentError, "ahead must be"),
    "no horizon": (lambda: windows(SERIES, 3, ahead=[]), ArgumentError, "ahead must be"),
    "no horizon, in whole numbers": (
        lambda: windows(SERIES, 3, ahead=np.arange(0)),
        ArgumentError,
        "ahead must be",
    ),
    "a table of horizons": (
        lambda: windows(SERIES, 3, ahead=[[1, 2]]),
        ArgumentError,
        "ahead must be",
    ),
    "now of what is read": (
        lambda: windows(SERIES, 3, ahead=0),
        LeakageError,
        "ahead=0 must not be an input, got column 0 in both",
    ),
    "now of two columns that are read": (
        lambda: windows(np.ones((9, 3)), 3, ahead=0, inputs=[2, 1], targets=[0, 2, 1]),
        LeakageError,
        "column 1 in both",
    ),
    "a short series": (
        lambda: windows(SERIES, 19, ahead=2),
        DataError,
        r"length \+ max\(ahead\) = 21 steps, got 20",
    ),
    "a series shorter than the last horizon": (
        lambda: windows(SERIES, 10, ahead=[1, 12]),
        DataError,
        r"length \+ max\(ahead\) = 22 steps, got 20",
    ),
    "integers": (lambda: windows(np.arange(20), 3), DtypeError, "np.float64"),
    "a batch of series": (
        lambda: windows(SERIES.reshape(2, 10, 1), 3),
        ShapeError,
        r"\(N,\) or \(N, D\)",
    ),
    "one number": (lambda: windows(np.array(1.0), 3), ShapeError, r"\(N,\) or \(N, D\)"),
    "a series without steps": (lambda: windows(np.ones((0, 2)), 3), ShapeError, r"\(0, 2\)"),
    "a series without columns": (lambda: windows(np.ones((20, 0)), 3), ShapeError, r"\(20, 0\)"),
    "a column too far": (
        lambda: windows(SERIES, 3, inputs=[1]),
        ArgumentError,
        "inputs must be .* 0 to 0",
    ),
    "a column among others too far": (
        lambda: windows(TWO, 3, inputs=[0, 2]),
        ArgumentError,
        r"0 to 1, each once, got \[0, 2\]",
    ),
    "a column much too far": (lambda: windows(TWO, 3, targets=[5]), ArgumentError, "0 to 1"),
    "a column from behind among others": (
        lambda: windows(TWO, 3, inputs=[1, -1]),
        ArgumentError,
        r"0 to 1, each once, got \[1, -1\]",
    ),
    "a column from behind": (
        lambda: windows(TWO, 3, inputs=[-1]),
        ArgumentError,
        "inputs must be .* 0 to 1",
    ),
    "a column twice": (lambda: windows(SERIES, 3, targets=[0, 0]), ArgumentError, "each once"),
    "no columns": (lambda: windows(SERIES, 3, targets=[]), ArgumentError, "each once"),
    "no columns, in whole numbers": (
        lambda: windows(SERIES, 3, inputs=np.arange(0)),
        ArgumentError,
        "each once",
    ),
    "a table of columns": (lambda: windows(TWO, 3, inputs=[[0, 1]]), ArgumentError, "each once"),
    "half a column": (lambda: windows(TWO, 3, targets=[0.0]), ArgumentError, "each once"),
    "a warm-up of the last step": (
        lambda: windows(SERIES, 3, warm_up=2),
        ArgumentError,
        "every_step=True",
    ),
    "a warm-up without end": (
        lambda: windows(SERIES, 3, every_step=True, warm_up=3),
        ArgumentError,
        "0 to 2",
    ),
    "a warm-up longer than the window": (
        lambda: windows(SERIES, 3, every_step=True, warm_up=4),
        ArgumentError,
        "0 to 2, got 4",
    ),
    "a warm-up below zero": (
        lambda: windows(SERIES, 3, every_step=True, warm_up=-1),
        ArgumentError,
        "0 to 2, got -1",
    ),
    "a warm-up of half a step": (
        lambda: windows(SERIES, 3, every_step=True, warm_up=0.5),
        ArgumentError,
        "0 to 2, got 0.5",
    ),
    "a warm-up of words": (
        lambda: windows(SERIES, 3, every_step=True, warm_up="one"),
        ArgumentError,
        "0 to 2, got 'one'",
    ),
    "a warm-up that is true": (
        lambda: windows(SERIES, 3, every_step=True, warm_up=True),
        ArgumentError,
        "0 to 2, got True",
    ),
    "a scaler that is not fitted": (
        lambda: windows(SERIES, 3, scaler=Standardiser),
        DtypeError,
        "fitted",
    ),
    "nothing observed": (
        lambda: windows(SERIES, 3, mask=np.zeros(20, bool)),
        DataError,
        "Is the mask True",
    ),
    "a mask too short": (
        lambda: windows(SERIES, 3, mask=np.ones(19, bool)),
        ShapeError,
        "mask must be",
    ),
    "missing values": (
        lambda: windows(np.full(20, np.nan), 3),
        NonFiniteError,
        "Missing values",
    ),
    "predictions of another width": (
        lambda: windows(SERIES, 3).unscale(np.ones((4, 2))),
        ShapeError,
        r"\(…, 1\)",
    ),
    "predictions of one horizon of two": (
        lambda: windows(SERIES, 3, ahead=[1, 2]).unscale(np.ones((4, 1))),
        ShapeError,
        r"\(…, 2\), got \(4, 1\)",
    ),
    "one prediction": (
        lambda: windows(SERIES, 3).unscale(np.array(1.0)),
        ShapeError,
        r"predictions must be \(…, 1\), got \(\)",
    ),
    "whole predictions": (
        lambda: windows(SERIES, 3).unscale(np.ones((4, 1), int)),
        DtypeError,
        "predictions must be floating point",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_wrong_calls_are_explained(name):
    call, error, words = REFUSED[name]
    with pytest.raises(error, match=words):
        call()
