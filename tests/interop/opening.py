"""The parts of a model of any framework, and the arrays of one of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from npstack.interop import RecurrentPart, recurrent_parts
from npstack.interop.keras_models import files as keras_files
from npstack.interop.loading import open_model

__all__ = ["arrays_of", "arrays_of_file", "parts_of_file", "recurrent_parts"]


def arrays_of(model: Any, part: RecurrentPart | str) -> dict[str, np.ndarray]:
    """The arrays of a part, by the names of its layout."""
    opened = open_model("arrays_of", model)
    name = part if isinstance(part, str) else part.name
    return opened.arrays(opened.part("arrays_of", name))


def parts_of_file(arrays: Any, attributes: Any) -> tuple[RecurrentPart, ...] | None:
    """The parts in a file of Keras; None if it is none."""
    opened = keras_files.opened(arrays, attributes)
    return None if opened is None else opened.parts


def arrays_of_file(
    arrays: Any, attributes: Any, part: RecurrentPart | str
) -> dict[str, np.ndarray]:
    """The arrays of one of them."""
    opened = keras_files.opened(arrays, attributes)
    assert opened is not None
    name = part if isinstance(part, str) else part.name
    return opened.arrays(opened.part("arrays_of_file", name))
