"""The twin that runs layers one after another: what it takes, and the tapes it leaves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from npstack.cells import GRUCell, LSTMCell
from npstack.core.activations import Activation
from npstack.core.arrays import check_noise
from npstack.core.numerics import Array
from npstack.core.ran import Ran
from npstack.core.tape import Tape
from npstack.engine.checkpointed import CheckpointedRun, block_steps
from npstack.engine.fused import FusedRun, Place
from npstack.engine.held import HeldRun
from npstack.engine.run_tapes import RunDropoutTape, RunTape
from npstack.engine.shapes import LayerShape, RunShape
from npstack.layers.dropout import Dropout
from npstack.layers.interface import Context
from npstack.layers.recurrent import Recurrent
from npstack.layers.twins import Item, Twin, has_its_own, libraries

PASSES = ("_forward", "_backward")
STEPS = {"step", "step_backward"}


class Fused(Twin):
    """Layers one after another; see `Twin`."""

    def takes(self, items: Sequence[Item], x: Array, context: Context) -> tuple[int, str]:
        kind, why = kind_of(items[0].layer)
        if not kind:
            return 0, why
        if x.dtype not in (np.float32, np.float64):
            return 0, f"no engine computes in {x.dtype}"
        if not x.size or not x.shape[1]:
            return 0, "no steps"
        count = 1
        while count < len(items) and items[count - 1].layer.interface.keeps_time:
            above = count + _is_dropout(items[count].layer)
            if above == len(items) or kind_of(items[above].layer)[0] != kind:
                break
            count = above + 1
        return count, ""

    def forward(self, items: Sequence[Item], x: Array, context: Context) -> tuple[Tape, ...]:
        shape, places = prepared(items, x, context)
        return ran(run_of(shape, places, context), places, x, context)


def run_of(shape: RunShape, places: list[Place], context: Context) -> HeldRun:
    """A run that keeps every step, or one in blocks if that would exceed the budget."""
    keeps_time = places[-1].item.layer.return_sequences
    block = block_steps(shape, context.engine.budget, keeps_time)
    if block is None:
        return FusedRun(shape, places, context)
    return CheckpointedRun(shape, places, context, block)


def prepared(items: Sequence[Item], x: Array, context: Context) -> tuple[RunShape, list[Place]]:
    """The shape of a run of these layers, and the recurrent ones, with states and draws."""
    kind, _ = kind_of(items[0].layer)
    places = list(_places(items, x, context))
    sizes = ((p.item.layer.input_size, p.item.layer.hidden_size) for p in places)
    layers = tuple(
        LayerShape(*both, number == 0 or place.kept is not None)
        for number, (both, place) in enumerate(zip(sizes, places, strict=True))
    )
    B, T, _ = x.shape
    return RunShape.of(kind, T, B, x.dtype.str, layers), places


def ran(
    run: Any, places: list[Place], x: Array, context: Context, why: str = ""
) -> tuple[Tape, ...]:
    """The tapes of a run, after its forward pass; ``why`` it is not of the kind asked for."""
    run.forward(x)
    found = tuple(_tapes(run, places, context, why))
    run.count = len(found)
    return found


def _is_dropout(layer: Any) -> bool:
    return type(layer) is Dropout and not has_its_own(layer, Dropout, *PASSES, "draw")


def kind_of(layer: Any) -> tuple[str, str]:
    """The twin of a layer's cell, "lstm" or "gru"; if there is none, why."""
    cell = layer.cell
    if cell is None:
        return "", ""
    name = type(cell).__name__
    if has_its_own(layer, Recurrent, *PASSES, "_beginning", "_noise"):
        return "", f"{type(layer).__name__} has passes of its own"
    if not STEPS.isdisjoint(vars(cell)):
        return "", f"{name} has steps of its own"
    if type(cell) is LSTMCell:
        return "lstm", ""
    if type(cell) is GRUCell:
        usual = (cell.gate, cell.candidate) == (Activation("sigmoid"), Activation("tanh"))
        return ("gru", "") if usual else ("", f"no engine computes {name} with these activations")
    return "", f"no engine computes {name}"


def _places(items: Sequence[Item], x: Array, context: Context) -> Iterator[Place]:
    """The recurrent layers of some items, with the dropouts below them."""
    dropout, size = None, 0
    B, T, _ = x.shape
    for item in items:
        layer = item.layer
        if isinstance(layer, Dropout):
            dropout = item
            continue
        if item.noise is not None:
            check_noise(f"{type(layer).__name__}.forward", item.noise, None)
        kept = None
        if dropout is not None:
            told = context._replace(noise=dropout.noise)
            kept = dropout.layer.draw((B, T, size), told)
            if kept is not None:
                kept = kept[np.newaxis] if kept.ndim == 2 else kept.swapaxes(0, 1)
        beginning = layer._beginning(item.params, x)
        (given,) = item.states
        yield Place(item, beginning, beginning if given is None else given, dropout, kept)
        dropout, size = None, layer.hidden_size


def _tapes(run: Any, places: list[Place], context: Context, why: str) -> Iterator[Tape]:
    """The tapes of a run, bottom first."""
    engine = Ran(run.kind, context.engine.threads, why, *libraries())
    mask = context.mask
    for number, (item, _, initial, dropout, kept) in enumerate(places):
        if dropout is not None:
            noise = kept
            if kept is not None:
                noise = kept.swapaxes(0, 1) if dropout.layer.each_step else kept[0]
            yield RunDropoutTape(
                run=run, place=number, params=dropout.params, mask=mask, noise=noise
            )
        learned = item.layer.learn_initial and item.states[0] is None
        yield RunTape(
            run=run,
            place=number,
            layer=item.layer,
            params=item.params,
            mask=mask,
            resets=context.resets,
            initial=initial,
            learned=learned,
            engine=engine,
        )
