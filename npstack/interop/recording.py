"""What a recurrent layer of another framework did in one call: its input, outputs and states."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from npstack.cells.gru import GRUState
from npstack.cells.rnn import RNNState
from npstack.core.arguments import check_positive
from npstack.core.errors import (
    ArgumentError,
    DataError,
    DtypeError,
    NpstackError,
    ShapeError,
    describe,
    fail,
    kind_of,
)
from npstack.core.numerics import Array
from npstack.core.tape import LSTMState
from npstack.files import archive
from npstack.files.archive import Kind
from npstack.files.container import CRAFTED
from npstack.files.paths import check_path, of_file
from npstack.files.strict_json import brief
from npstack.layers.bidirectional import Directions

RECORDED = Kind("npstack-recorded", 1, {"source": str, "trees": dict})
TREES, TABLES, ARRAYS = ("initial", "final"), ("states", "gates", "gradients"), ("x", "outputs")
STATE_OF: dict[str, Any] = {"lstm": LSTMState, "gru": GRUState, "rnn": RNNState}
STATES: dict[str, Any] = {kind.__name__: kind for kind in (*STATE_OF.values(), Directions)}
TUPLE, LEAF, MOST_LEVELS = "tuple", "array", 8


@dataclass(frozen=True, eq=False, repr=False)
class Recorded:
    """One call of a recurrent layer, as another framework computed it.

    Attributes
    ----------
    x : array (B, T, D)
        The input.
    outputs : array (B, T, K) or (B, K)
        The outputs; zero at padded steps. ``K`` is ``H``, or ``2 H`` for two directions.
    lengths : integers (B,), or None
        Valid steps per row; None if all are.
    initial, final : state
        As ``forward`` takes them and ``tape.final`` gives them: `LSTMState`, `GRUState` or
        `RNNState` of ``(B, H)``, a tuple of these for a stack, `Directions` for two directions.
        None: zeros for ``initial``, not known for ``final``.
    states, gates, gradients : dict of str to array
        What else is known; empty if nothing is.
    source : str
        Where it comes from.
    eps : float, optional
        Of the type in which it was computed, if the arrays have a wider one: ``2**-7`` for
        bfloat16. None: that of ``dtype``.

    Raises
    ------
    DtypeError, ShapeError
        What is no array, or not of one batch.

    Examples
    --------
    >>> recorded = Recorded(np.ones((2, 5, 3)), np.zeros((2, 5, 4)), source="a test")
    >>> recorded
    Recorded(x (2, 5, 3), outputs (2, 5, 4), float64, from a test)
    """

    x: Array
    outputs: Array
    lengths: Array | None = None
    initial: Any = None
    final: Any = None
    states: Mapping[str, Array] = field(default_factory=dict)
    gates: Mapping[str, Array] = field(default_factory=dict)
    gradients: Mapping[str, Array] = field(default_factory=dict)
    source: str = ""
    eps: float | None = None

    def __post_init__(self) -> None:
        for name in ARRAYS:
            value = getattr(self, name)
            if not isinstance(value, np.ndarray) or value.dtype.kind not in "fc":
                expected = f"{name} must be an array of real or complex numbers"
                fail(DtypeError, "Recorded", expected, describe(value), "Use np.asarray.")
        batch = self.x.shape[:1]
        if self.x.ndim != 3 or self.outputs.ndim < 2 or self.outputs.shape[:1] != batch:
            expected = "x must be (B, T, D), and outputs (B, T, K) or (B, K)"
            got = f"{self.x.shape} and {self.outputs.shape}"
            fail(ShapeError, "Recorded", expected, got, "Put the batch first.")
        if self.lengths is not None:
            lengths = np.asarray(self.lengths)
            if lengths.shape != batch or lengths.dtype.kind not in "iu":
                expected = f"lengths must be (B={batch[0]},), whole numbers"
                fail(ShapeError, "Recorded", expected, describe(lengths), "One per row.")
            object.__setattr__(self, "lengths", lengths)
        if self.eps is not None:
            eps = check_positive("Recorded", "eps", self.eps, "Leave it out for that of dtype.")
            object.__setattr__(self, "eps", eps)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the outputs."""
        return self.outputs.dtype

    def __repr__(self) -> str:
        origin = f", from {self.source}" if self.source else ""
        return f"Recorded(x {self.x.shape}, outputs {self.outputs.shape}, {self.dtype}{origin})"

    def save(self, path: str | Path) -> None:
        """Write it into an ``.npz`` file, completely or not at all.

        Parameters
        ----------
        path : str or Path

        Raises
        ------
        ArgumentError, DtypeError
            What the file cannot hold; nothing is written.
        """
        where = "Recorded.save"
        arrays = {name: getattr(self, name) for name in ARRAYS}
        if self.lengths is not None:
            arrays["lengths"] = self.lengths
        if self.eps is not None:
            arrays["eps"] = np.array(self.eps)
        trees = {name: _taken(where, name, getattr(self, name), arrays) for name in TREES}
        for table in TABLES:
            arrays |= {f"{table}.{name}": value for name, value in getattr(self, table).items()}
        fields = {"source": self.source, "trees": trees}
        archive.write(check_path(where, path), where, RECORDED, fields, arrays)

    @staticmethod
    def load(path: str | Path) -> Recorded:
        """Read what `save` wrote. Nothing in the file is executed.

        Raises
        ------
        DataError
            The file is damaged or foreign.
        OSError
            There is no such file, or it cannot be read.

        Examples
        --------
        >>> import tempfile
        >>> recorded = Recorded(np.ones((1, 2, 3)), np.ones((1, 2, 4)), final=GRUState(np.ones(4)))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     recorded.save(f"{folder}/a.npz")
        ...     Recorded.load(f"{folder}/a.npz").final
        GRUState(h=array([1., 1., 1., 1.]))
        """
        where = of_file("Recorded.load", path)
        fields, arrays = archive.read(check_path("Recorded.load", path), where, RECORDED)
        given: dict[str, Any] = {name: arrays.pop(name, None) for name in (*ARRAYS, "lengths")}
        given["eps"] = arrays.pop("eps").tolist() if "eps" in arrays else None
        for name in TREES:
            given[name] = _grown(where, name, fields["trees"].get(name), arrays)
        for table in TABLES:
            names = [name for name in arrays if name.startswith(f"{table}.")]
            given[table] = {name.removeprefix(f"{table}."): arrays.pop(name) for name in names}
        if arrays or fields["trees"].keys() != {*TREES}:
            got = f"others, {brief([*arrays, *fields['trees']])}"
            fail(DataError, where, "it must hold the parts of a Recorded", got, CRAFTED)
        try:
            return Recorded(**given, source=fields["source"])
        except NpstackError as error:
            raise DataError(where, error.expected, error.got, CRAFTED) from None


def eps_of(dtype: str) -> float:
    """The distance from 1 to the next number of a type, by its name; NumPy has no bfloat16."""
    return 2.0**-7 if dtype == "bfloat16" else float(np.finfo(dtype).eps)


def _taken(where: str, name: str, tree: Any, arrays: dict[str, Array]) -> Any:
    """The form of a tree, as JSON; its arrays go to ``arrays`` under dotted names."""
    if tree is None:
        return None
    if isinstance(tree, np.ndarray):
        arrays[name] = tree
        return LEAF
    kind = TUPLE if type(tree) is tuple else type(tree).__name__
    if STATES.get(kind, tuple) is not type(tree):
        expected = f"{name} must be made of arrays, tuples and {', '.join(STATES)}"
        fail(ArgumentError, where, expected, kind_of(tree), "Put its arrays into states={…}.")
    keys = getattr(tree, "_fields", range(len(tree)))
    parts = zip(keys, tree, strict=True)
    return [kind, *(_taken(where, f"{name}.{key}", own, arrays) for key, own in parts)]


def _grown(where: str, name: str, form: Any, arrays: dict[str, Array], level: int = 0) -> Any:
    """The inverse: the tree of a form, out of ``arrays``."""
    if form is None:
        return None
    if form == LEAF and name in arrays:
        return arrays.pop(name)
    kind, *parts = form if isinstance(form, list) and form else [None]
    type_of = {**STATES, TUPLE: tuple}.get(kind) if isinstance(kind, str) else None
    fields = getattr(type_of, "_fields", range(len(parts)))
    if type_of is None or len(fields) != len(parts) or level > MOST_LEVELS:
        expected = f"{name} must be made of arrays, tuples and {', '.join(STATES)}"
        fail(DataError, where, expected, brief(form), CRAFTED)
    grown: Iterator[Any] = (
        _grown(where, f"{name}.{key}", own, arrays, level + 1)
        for key, own in zip(fields, parts, strict=True)
    )
    return tuple(grown) if type_of is tuple else type_of(*grown)
