"""The arrays of `write`, under the names that a ``.weights.h5`` file of Keras 3 has, and back.

Keras calls arrays by the classes of layers and their places in the model, so that ``load_weights``
of a ``keras.Sequential`` of the same layers finds them::

    kernel                    layers/lstm/cell/vars/0
    1/recurrent_kernel        layers/gru_1/cell/vars/1
    2/backward/bias           layers/bidirectional_2/backward_layer/cell/vars/2

Names of other forms stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from npstack.core.numerics import Array
from npstack.interop.keras_models.files import ARRAYS

CLASSES = {"lstm": "lstm", "gru": "gru", "rnn": "simple_rnn"}
WRITTEN = re.compile(rf"(?:([0-9]+)/)?(?:(forward|backward)/)?({'|'.join(ARRAYS)})")


def stored_names(
    arrays: Mapping[str, Array], cell: str, *, bidirectional: bool
) -> dict[str, Array]:
    """Arrays that `npstack.interop.write` gives for the layout keras, under Keras' own names.

    Examples
    --------
    >>> import numpy as np
    >>> arrays = {"0/kernel": np.ones(1), "1/kernel": np.ones(1)}
    >>> list(stored_names(arrays, "rnn", bidirectional=False))
    ['layers/simple_rnn/cell/vars/0', 'layers/simple_rnn_1/cell/vars/0']
    """
    place = _place(cell, bidirectional)

    def stored(name: str) -> str:
        hit = WRITTEN.fullmatch(name)
        if hit is None:
            return name
        number, way, array = hit.groups()
        which = f"_{number}" if int(number or 0) else ""
        side = f"{way}_layer/" if way else ""
        return f"{place}{which}/{side}cell/vars/{ARRAYS.index(array)}"

    return {stored(name): value for name, value in arrays.items()}


def written_names(
    arrays: Mapping[str, Array], cell: str, *, bidirectional: bool
) -> dict[str, Array]:
    """The inverse of `stored_names`.

    Examples
    --------
    >>> import numpy as np
    >>> there = stored_names({"backward/bias": np.ones(1)}, "lstm", bidirectional=True)
    >>> list(there), list(written_names(there, "lstm", bidirectional=True))
    (['layers/bidirectional/backward_layer/cell/vars/2'], ['backward/bias'])
    """
    side = "(?:(forward|backward)_layer/)?"
    pattern = rf"{_place(cell, bidirectional)}(?:_([1-9][0-9]*))?/{side}cell/vars/([012])"
    hits = {name: re.fullmatch(pattern, name) for name in arrays}
    several = any(hit and hit[1] for hit in hits.values())

    def written(name: str) -> str:
        hit = hits[name]
        if hit is None:
            return name
        number, way, k = hit.groups()
        layer = f"{number or 0}/" if several else ""
        return f"{layer}{way}/{ARRAYS[int(k)]}" if way else f"{layer}{ARRAYS[int(k)]}"

    return {written(name): value for name, value in arrays.items()}


def _place(cell: str, bidirectional: bool) -> str:
    """Where the lowest layer is in a file."""
    return f"layers/{'bidirectional' if bidirectional else CLASSES[cell]}"
