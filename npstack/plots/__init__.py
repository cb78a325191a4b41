"""Pictures of tapes, histories and measurements. Each function returns the figure it has drawn.

They draw and compute nothing: numbers stand on a tape, or `npstack.analysis` measures them.
matplotlib is imported when the first of them is looked up, never before; no global figure, backend
or setting is touched, so a picture needs no display and leaves nothing behind. Save one by
``picture.savefig("name.png")``; in a notebook it shows itself.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from npstack.plots.curves import forecasts, training_curves
    from npstack.plots.measures import gradient_norms, saturation
    from npstack.plots.parameters import weights
    from npstack.plots.recorded import gates_over_training, layers_over_training
    from npstack.plots.results import confusion_matrix, errors_by_horizon, forecast_horizons
    from npstack.plots.seq2seq import handover
    from npstack.plots.states import activations, gates
    from npstack.plots.tagged import tagged_text
    from npstack.plots.text import characters
    from npstack.plots.unrolled import diagram

_HOMES = {
    "activations": "states",
    "gates": "states",
    "saturation": "measures",
    "gradient_norms": "measures",
    "weights": "parameters",
    "training_curves": "curves",
    "forecasts": "curves",
    "layers_over_training": "recorded",
    "gates_over_training": "recorded",
    "confusion_matrix": "results",
    "forecast_horizons": "results",
    "errors_by_horizon": "results",
    "diagram": "unrolled",
    "characters": "text",
    "handover": "seq2seq",
    "tagged_text": "tagged",
}

__all__ = [  # noqa: RUF022  in the order in which a model is looked at
    "diagram",
    "activations",
    "gates",
    "saturation",
    "gradient_norms",
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
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
