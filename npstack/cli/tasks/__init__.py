"""The tasks of ``npstack train``: one module per task, and one line here."""

from __future__ import annotations

from npstack.cli.tasks import classify, forecast, text
from npstack.cli.tasks.common import SYSTEM, Option, Predictions, Problem, Scores, Task

TASKS: dict[str, Task] = {
    "forecast": forecast,
    "classify": classify,
    "text": text,
}

__all__ = ["SYSTEM", "TASKS", "Option", "Predictions", "Problem", "Scores", "Task"]
