"""Numbers measured on a tape: arrays in, arrays out; `npstack.plots` draws them."""

from npstack.analysis.measure import (
    Saturation,
    check_one_time,
    gate_quantiles,
    gradient_norms,
    recurrent_tapes,
    saturation,
    slowest_first,
    state_gradients,
)

__all__ = [
    "Saturation",
    "check_one_time",
    "gate_quantiles",
    "gradient_norms",
    "recurrent_tapes",
    "saturation",
    "slowest_first",
    "state_gradients",
]
