"""Wrong calls of losses, laws and gradient checks."""

import numpy as np

from npstack import (
    ArgumentError,
    DtypeError,
    ShapeError,
    check_gradients,
    gradcheck,
    mean_squared_error,
)
from npstack.verify import check_laws
from tests.layers.wrong_calls.world import B, R, T

LOSS_AND_CHECKS = {
    "targets without the last axis": (
        lambda w: mean_squared_error(w.h[:, :1], w.h[:, 0]),
        (ShapeError, "targets must have the shape of predictions", "(4,) for", "never broadcast"),
    ),
    "targets of another batch": (
        lambda w: mean_squared_error(w.h, w.x[..., 0]),
        (ShapeError, "targets must have the shape of predictions, got (4, 5) for predictions"),
    ),
    "predictions of one axis": (
        lambda w: mean_squared_error(w.h[0], w.x[0]),
        (ShapeError, "predictions must be (B, T, K) or (B, K)", "got (2,)"),
    ),
    "targets of another dtype": (
        lambda w: mean_squared_error(w.h, w.c.astype("f4")),
        (DtypeError, "targets must be float64 like the predictions", "float32"),
    ),
    "predictions of integers": (
        lambda w: mean_squared_error(w.symbols, w.symbols),
        (DtypeError, "predictions must be floating point", "int64", "astype(np.float64)"),
    ),
    "predictions without axes": (
        lambda w: mean_squared_error(np.float64(1), np.float64(2)),
        (ShapeError, "predictions must be (B, T, K) or (B, K)", "got ()"),
    ),
    "loss mask of integers": (
        lambda w: mean_squared_error(w.x, w.x, w.mask.astype(int)),
        (DtypeError, "mask must be boolean", "int64", "mask.astype(bool)"),
    ),
    "loss mask of another shape": (
        lambda w: mean_squared_error(w.h, w.c, w.mask),
        (ShapeError, "mask must be (B) = (4,), got (4, 5)"),
    ),
    "nothing to average": (
        lambda w: mean_squared_error(w.x, w.x, np.zeros((B, T), bool)),
        (ArgumentError, "at least one valid step must be left, got none", "batch"),
    ),
    "laws with a seed": (
        lambda w: check_laws(w.lstm, rng=0),
        (DtypeError, "check_laws: rng must be a numpy.random.Generator"),
    ),
    "laws on no batch": (
        lambda w: check_laws(w.lstm, rng=R, batch=0),
        (ArgumentError, "check_laws: batch must be a whole number of at least 1, got 0"),
    ),
    "gradcheck by an unknown route": (
        lambda w: check_gradients(w.lstm, w.x, route="complexstep"),
        (ArgumentError, "route must be one of", "Did you mean 'complex'?"),
    ),
    "gradcheck of integers": (
        lambda w: gradcheck(lambda x: x, lambda dy, x: {"x": dy}, {"x": w.symbols}),
        (ArgumentError, "inputs must hold a floating-point array"),
    ),
}
