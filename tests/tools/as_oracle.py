"""Any model as the scalar oracle writes it, and what the oracle makes of it.

The oracle (`npstack.verify.oracle`) shares no code with the layers. Here a layer of npstack is
translated: what it is, its parameters, its draws; and the answers are named as npstack names its
own, so that the two can be compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from npstack import Dense, Dropout, Embedding
from npstack.cells import LSTMCell
from npstack.core.params import without_prefix
from npstack.core.trees import mapped
from npstack.layers import (
    Bidirectional,
    Layer,
    Parallel,
    Recurrent,
    RepeatVector,
    Residual,
    Reversed,
    SkipConnected,
    TimeDistributed,
)
from npstack.layers.chain import Chain
from npstack.verify import oracle
from npstack.verify.laws.trial import Results, Trial

Written = tuple[oracle.Layer, Any]  # what a layer is, and its parameters as lists


def written(layer: Layer, params: Any, noise: Any) -> Written:
    """A layer, its parameters and its draws, as the oracle has them."""
    if isinstance(layer, Bidirectional):
        return _with_children("bidirectional", _sides(layer), params, noise, merge=layer.merge)
    if isinstance(layer, Parallel):
        return _with_children("parallel", layer.children, params, noise, merge=layer.merge)
    if isinstance(layer, SkipConnected):
        switches = {"skip_inputs": layer.from_input, "skip_outputs": layer.to_output}
        return _with_children("skip", layer.children, params, noise, **switches)
    if isinstance(layer, Chain):
        return _with_children("sequential", layer.children, params, noise)
    if isinstance(layer, Reversed | Residual | TimeDistributed):
        if isinstance(layer, TimeDistributed):  # step t of row b is row b T + t
            noise = mapped(lambda a: a.reshape(-1, *a.shape[2:]), noise)
        child, own = written(layer.layer, params, noise)
        kinds = {Reversed: "reversed", Residual: "residual", TimeDistributed: "time_distributed"}
        order = {"order": layer.order} if isinstance(layer, Reversed) else {}
        return oracle.Layer(kinds[type(layer)], children=(child,), **order), [own]
    lists = {name: value.tolist() for name, value in params.items()}
    return leaf(layer, noise), lists


def _sides(layer: Bidirectional) -> dict[str, Layer]:
    """The two layers as they were given: the oracle reverses the second one itself."""
    turned = layer.children["backward"]
    assert isinstance(turned, Reversed)
    return {"forward": layer.children["forward"], "backward": turned.layer}


def _with_children(kind: str, children: Any, params: Any, noise: Any, **fields: Any) -> Written:
    draws = (None,) * len(children) if noise is None else noise
    pairs = [
        written(child, without_prefix(name, params), own)
        for (name, child), own in zip(children.items(), draws, strict=True)
    ]
    layer = oracle.Layer(kind, children=tuple(child for child, _ in pairs), **fields)
    return layer, [own for _, own in pairs]


def leaf(layer: Layer, noise: Any) -> oracle.Layer:
    """What the oracle calls a layer without children."""
    if isinstance(layer, Dense):
        return oracle.Layer("dense", activation=layer.activation.name)
    if isinstance(layer, Dropout):
        kept = None if noise is None else noise.tolist()
        return oracle.Layer("dropout", rate=layer.rate, kept=kept)
    if isinstance(layer, RepeatVector):
        return oracle.Layer("repeat", steps=layer.steps)
    if isinstance(layer, Embedding):
        return oracle.Layer("embedding")
    assert isinstance(layer, Recurrent), layer
    assert type(layer.cell) is LSTMCell, layer.cell
    return oracle.Layer("lstm", last=not layer.return_sequences)


# ---- states: the oracle has one per cell, in the order in which the model is written ------------


def cells(states: Any) -> Iterator[Any]:
    """The states of all cells, however they are nested: in tuples, in `Directions`."""
    if states is None:
        return
    if hasattr(states, "h"):
        yield states
        return
    for part in states:
        yield from cells(part)


def _like(states: Any, values: Iterator[Any]) -> Any:
    """The same nesting, with the oracle's dictionaries in the place of states."""
    if hasattr(states, "h"):
        own = next(values)
        return type(states)(**{field: np.array(own[field]) for field in states._fields})
    parts = [_like(part, values) for part in states]
    return type(states)(*parts) if hasattr(states, "_fields") else tuple(parts)


# ---- parameters: gradients come back as the lists went ------------------------------------------


def _named(layer: Layer, prefix: str, slopes: Any) -> Results:
    """Gradients by npstack's names, from nestings of the oracle's."""
    if isinstance(layer, Bidirectional):
        children = _sides(layer)
    elif isinstance(layer, Reversed | Residual | TimeDistributed):
        return _named(layer.layer, prefix, slopes[0])
    elif layer.children:
        children = layer.children
    else:
        return {f"d{prefix}{name}": np.array(value) for name, value in slopes.items()}
    found: Results = {}
    for (name, child), own in zip(children.items(), slopes, strict=True):
        found |= _named(child, f"{prefix}{name}.", own)
    return found


def scalar_results(t: Trial, *, given: bool = True) -> tuple[Any, ...]:
    """Outputs, finals, gradients by name, gradients by initial states (None without ``given``).

    With ``given`` the trial's states are where it begins, else zeros or what has been learned.
    """
    model, params = written(t.layer, t.params, t.noise)
    mask, resets = (None if flags is None else flags.tolist() for flags in (t.mask, t.resets))
    states = [{f: a.tolist() for f, a in s._asdict().items()} for s in cells(t.states)]
    inputs = {"params": params, "x": t.x.tolist(), "states": states if given else []}
    weights = [t.doutputs.tolist(), [[a.tolist() for a in s] for s in cells(t.dfinal)]]

    def run(at: Any) -> Any:
        return oracle.run([model], [at["params"]], at["x"], at["states"] or None, mask, resets)

    outputs, finals = run(inputs)
    _, slopes = oracle.differentiate(lambda at: oracle.weighted_sum(run(at), weights), inputs)
    found = _named(t.layer, "", slopes["params"])
    if not t.layer.interface.takes_symbols:
        found["dx"] = np.array(slopes["x"])
    none = t.dfinal is None
    after = None if none else _like(t.dfinal, iter(finals))
    before = _like(t.dfinal, iter(slopes["states"])) if given and not none else None
    return np.array(outputs), after, found, before
