"""Pictures of tapes, histories and measurements. Each function returns the figure it has drawn.

They only draw: the numbers are on a tape, or `npstack.analysis` measures them.
matplotlib is imported when the first of them is used. No global figure, backend or setting is
changed, so a picture needs no display. Save one with ``picture.savefig("name.png")``; in a notebook
it is displayed.
"""

from typing import TYPE_CHECKING

from npstack.core.lazy import lazy

if TYPE_CHECKING:
    from npstack.plots.backgrounds import influence
    from npstack.plots.curves import forecasts, training_curves
    from npstack.plots.diagnostics import gradient_norms, saturation
    from npstack.plots.encoder_states import handover
    from npstack.plots.lags import gradient_against_lag
    from npstack.plots.one_page import card
    from npstack.plots.over_training import gates_over_training, layers_over_training
    from npstack.plots.parameters import weights
    from npstack.plots.results import confusion_matrix, errors_by_horizon, forecast_horizons
    from npstack.plots.states import activations, gates
    from npstack.plots.steps_of_stack import stack_steps
    from npstack.plots.tagged import tagged_text
    from npstack.plots.text import characters
    from npstack.plots.truncated import truncated_bptt
    from npstack.plots.unrolled import diagram
    from npstack.plots.wiring import cell_step

_HOMES = {
    "npstack.plots.states": "activations gates",
    "npstack.plots.diagnostics": "saturation gradient_norms",
    "npstack.plots.backgrounds": "influence",
    "npstack.plots.truncated": "truncated_bptt",
    "npstack.plots.lags": "gradient_against_lag",
    "npstack.plots.parameters": "weights",
    "npstack.plots.curves": "training_curves forecasts",
    "npstack.plots.over_training": "layers_over_training gates_over_training",
    "npstack.plots.results": "confusion_matrix forecast_horizons errors_by_horizon",
    "npstack.plots.unrolled": "diagram",
    "npstack.plots.wiring": "cell_step",
    "npstack.plots.steps_of_stack": "stack_steps",
    "npstack.plots.text": "characters",
    "npstack.plots.encoder_states": "handover",
    "npstack.plots.tagged": "tagged_text",
    "npstack.plots.one_page": "card",
}

__all__ = [  # noqa: RUF022  in the order in which a model is looked at
    "diagram",
    "cell_step",
    "stack_steps",
    "activations",
    "gates",
    "saturation",
    "gradient_norms",
    "influence",
    "truncated_bptt",
    "gradient_against_lag",
    "weights",
    "training_curves",
    "layers_over_training",
    "gates_over_training",
    "forecasts",
    "confusion_matrix",
    "forecast_horizons",
    "errors_by_horizon",
    "characters",
    "handover",
    "tagged_text",
    "card",
]


__getattr__, __dir__ = lazy(__name__, _HOMES)
