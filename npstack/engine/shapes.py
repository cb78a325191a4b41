"""The sizes of a run, from which all of its arrays follow, and how its work is divided."""

from __future__ import annotations

from typing import NamedTuple

SMALL_PRODUCT = 500_000  # multiplications: OpenBLAS has quicker kernels for products below 10^6
CACHED = 400_000  # numbers of a chunk's factors that stay in a processor's cache
# So many chunks of so many steps, at least, if there are enough steps: the other thread computes
# the large products of one while the loop goes through the next.
CHUNKS, FEWEST = 4, 6


class LayerShape(NamedTuple):
    """One recurrent layer of a run.

    Attributes
    ----------
    input_size, hidden_size : int
        D and H.
    own_input : bool
        Whether its input is written into the run's array: that of the first layer, and of a layer
        above a dropout. The others read the hidden states of the layer below where they are.
    """

    input_size: int
    hidden_size: int
    own_input: bool


class RunShape(NamedTuple):
    """Everything that the arrays of a run depend on.

    Attributes
    ----------
    cell : str
        "lstm" or "gru".
    steps, batch : int
        T and B.
    dtype : str
    layers : tuple of LayerShape
    chunk : int
        Steps whose large products are computed at once; the same in a part of a run.
    """

    cell: str
    steps: int
    batch: int
    dtype: str
    layers: tuple[LayerShape, ...]
    chunk: int

    @classmethod
    def of(
        cls, cell: str, steps: int, batch: int, dtype: str, layers: tuple[LayerShape, ...]
    ) -> RunShape:
        """The shape of a whole run, cut into chunks of about one length.

        Examples
        --------
        >>> shape = RunShape.of("lstm", 50, 32, "float32", (LayerShape(64, 128, True),))
        >>> shape.chunk, shape._replace(steps=26).chunk
        (13, 13)
        """
        H = max(own.hidden_size for own in layers)
        longest = max(8, min(32, CACHED // (6 * batch * H)))
        count = max(1, -(-steps // longest), min(CHUNKS, steps // FEWEST))
        return cls(cell, steps, batch, dtype, layers, -(-steps // count))

    def tiles(self, layer: LayerShape) -> int:
        """Into how many tiles of columns each gate is cut, so that products are small."""
        D, H, _ = layer
        for count in (1, 2, 4):
            if H % count or (count > 1 and H // count < 32):
                break
            if self.batch * (H // count) * (D + 1 + H) <= SMALL_PRODUCT:
                return count
        return 1

    def starts(self) -> tuple[int, ...]:
        """The first column of each layer's window, and the number of columns, in `Run.states`."""
        found, column = [], 0
        below = 0
        for D, H, own_input in self.layers:
            if own_input:
                found.append(column)
                column += D
            else:
                found.append(column - below)
            column += 1 + H
            below = H
        return (*found, column)
