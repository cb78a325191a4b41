"""The exercises of the notebooks, by number: a module for each notebook."""

from npstack.lessons.checking import Task
from npstack.lessons.tasks import (
    backward,
    find_the_bug,
    masks,
    one_step,
    over_time,
    stacking,
    watching,
    why_lstms,
)

_BY_NOTEBOOK = (
    *(one_step, over_time, backward, find_the_bug),
    *(stacking, why_lstms, watching, masks),
)
TASKS: dict[str, Task] = {task.number: task for module in _BY_NOTEBOOK for task in module.TASKS}
