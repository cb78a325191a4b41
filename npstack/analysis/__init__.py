"""Numbers measured on a tape: arrays in, arrays out; `npstack.plots` draws them."""

from npstack.analysis.backward import (
    check_one_time,
    gradient_norms,
    state_gradients,
    truncated_gradient_norms,
)
from npstack.analysis.forward import (
    Saturation,
    gate_quantiles,
    recurrent_tapes,
    saturation,
    slowest_first,
)
from npstack.analysis.lags import gradient_against_lag, state_jacobians
from npstack.analysis.one_output import influence

__all__ = [
    "Saturation",
    "check_one_time",
    "gate_quantiles",
    "gradient_against_lag",
    "gradient_norms",
    "influence",
    "recurrent_tapes",
    "saturation",
    "slowest_first",
    "state_gradients",
    "state_jacobians",
    "truncated_gradient_norms",
]
