"""One walk through a model: each layer in it, with its parameters, tape and draws.

Code that measures, draws or checks a model uses this walk and does not ask for classes of layers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from npstack.core.params import shown_path
from npstack.core.tape import Tape

if TYPE_CHECKING:
    from npstack.layers.base import Layer


class Visit(NamedTuple):
    """One layer of a model.

    Attributes
    ----------
    layer : Layer
    prefix : str
        The prefix of the names of its parameters: ``"0.layers.1."``.
    name : str
        As in errors and in `Layer.summary`: ``"0.1.LSTM"``.
    tape : Tape or None
        Its part of the model's tape.
    turned : bool
        Whether it reads time from its end.
    same_time : bool
        Whether its time axis is that of the model's input.
    noise : tree
        Its part of the model's draws.
    """

    layer: Layer
    prefix: str
    name: str
    tape: Tape | None
    turned: bool
    same_time: bool
    noise: Any

    @property
    def leaf(self) -> bool:
        """Whether no other layer is inside, except layers that run at each time step separately."""
        return not _holds_sequences(self.layer)


def _holds_sequences(layer: Layer) -> bool:
    return bool(layer.children) and not layer.by_step


def walk(
    model: Layer,
    tape: Tape | None = None,
    noise: Any = None,
    enter: Callable[[Layer], bool] = _holds_sequences,
) -> Iterator[Visit]:
    """Every layer of a model in the order of a tape's parts, each before the layers inside it.

    Parameters
    ----------
    model : Layer
    tape : Tape, optional
        Of this model; each visit has the part of its layer.
    noise : tree, optional
        Draws of this model, such as ``tape.noise``; each visit has the part of its layer.
    enter : callable
        Decides which layers the walk enters; by default, all that are not leaves.

    Examples
    --------
    >>> import numpy as np
    >>> from npstack import LSTM, Reversed, Sequential, StackedLSTM
    >>> rng = np.random.default_rng(0)
    >>> model = Sequential(Reversed(LSTM(2, 3, rng=rng)), StackedLSTM(3, [4], rng=rng))
    >>> for visit in walk(model):
    ...     print(visit.name, visit.prefix, visit.turned)
    Sequential  False
    0.Reversed 0. False
    0.LSTM 0. True
    1.StackedLSTM 1. False
    1.0.LSTM 1.layers.0. False
    """
    whole = Visit(model, "", type(model).__name__, tape, False, True, noise)
    yield from _from(whole, "", enter)


def _from(here: Visit, shown: str, enter: Callable[[Layer], bool]) -> Iterator[Visit]:
    yield here
    if not enter(here.layer):
        return
    layer = here.layer
    parts = (None,) * len(layer.children) if here.tape is None else here.tape.parts
    draws = layer.noise_shares(here.noise)
    inside = zip(layer.children.items(), layer.ways, parts, draws, strict=True)
    for (name, child), way, part, noise in inside:
        path = f"{shown}{shown_path(name)}"
        below = Visit(
            layer=child,
            prefix=f"{here.prefix}{name}." if name else here.prefix,
            name=f"{path}{type(child).__name__}",
            tape=part,
            turned=way.under(here.turned),
            same_time=here.same_time and way.same_time,
            noise=noise,
        )
        yield from _from(below, path, enter)


def map_noise(model: Layer, noise: Any, change: Callable[[Visit], Any]) -> Any:
    """The draws of a model, with the part of every leaf changed.

    Examples
    --------
    >>> from npstack import Dropout, Sequential
    >>> map_noise(Sequential(Dropout(0.1), Dropout(0.2)), None, lambda visit: visit.name)
    ('0.Dropout', '1.Dropout')
    """
    shares = iter([change(visit) for visit in walk(model, noise=noise) if visit.leaf])

    def joined(layer: Layer) -> Any:
        if not _holds_sequences(layer):
            return next(shares)
        return layer.join_noise([joined(child) for child in layer.children.values()])

    return joined(model)
