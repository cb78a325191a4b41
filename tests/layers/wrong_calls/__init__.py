"""Wrong calls: name, call, the error that must come, and words that must stand in it.

The messages in full are listed in ``tests/layers/errors.txt``.
"""

from tests.layers.wrong_calls.backward import BACKWARD
from tests.layers.wrong_calls.cells import WRONG_CELLS
from tests.layers.wrong_calls.construction import CONSTRUCTION
from tests.layers.wrong_calls.forward import ARGUMENTS, INPUT
from tests.layers.wrong_calls.losses_and_checks import LOSS_AND_CHECKS
from tests.layers.wrong_calls.nested import NESTED
from tests.layers.wrong_calls.nested_tapes import NESTED_TAPES
from tests.layers.wrong_calls.streaming import STREAMING
from tests.layers.wrong_calls.world import world

GROUPS = (
    CONSTRUCTION,
    WRONG_CELLS,
    NESTED,
    NESTED_TAPES,
    INPUT,
    ARGUMENTS,
    BACKWARD,
    STREAMING,
    LOSS_AND_CHECKS,
)
WRONG_CALLS = {name: row for group in GROUPS for name, row in group.items()}
