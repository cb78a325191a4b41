"""LSTM variants drawn at random: the cell, and the same thing as data for the scalar oracle."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from npstack import LSTMVariantCell
from npstack.cells import (
    Activations,
    CellClip,
    Coupled,
    ForgetBias,
    Part,
    Peepholes,
    PreactivationClip,
    Projection,
)
from npstack.core.activations import ACTIVATIONS, Activation
from npstack.verify import oracle

SITES = ("input", "forget", "candidate", "output", "cell")


class Variant(NamedTuple):
    """A drawn cell, and the oracle's layer for it."""

    cell: LSTMVariantCell
    layer: oracle.Layer


def draw_activation(rng: np.random.Generator) -> Activation:
    """Any activation of the table, half of them with parameters of their own."""
    name = str(rng.choice(list(ACTIVATIONS)))
    count = len(ACTIVATIONS[name].defaults) if rng.random() < 0.5 else 0
    return Activation(name, *(float(number) for number in rng.uniform(-1, 1, count)))


def draw_variant(rng: np.random.Generator, input_size: int, hidden_size: int) -> Variant:
    """Each part is there with probability one half, in any order."""
    parts: list[Part] = []
    options: dict[str, Any] = {}

    def chosen() -> bool:
        return bool(rng.random() < 0.5)

    if chosen():
        parts.append(Peepholes())
    if chosen():
        parts.append(Coupled())
        options["coupled"] = True
    elif chosen():
        options["forget_bias"] = float(rng.uniform(-1, 1))
        parts.append(ForgetBias(options["forget_bias"]))
    for name, kind in {"preactivation_clip": PreactivationClip, "cell_clip": CellClip}.items():
        if chosen():
            options[name] = float(rng.uniform(0.2, 1.0))
            parts.append(kind(options[name]))
    if chosen():
        clip = float(rng.uniform(0.1, 0.5)) if chosen() else None
        parts.append(Projection(int(rng.integers(1, hidden_size + 2)), clip))
        options |= {} if clip is None else {"projection_clip": clip}
    if chosen():
        sites = {site: draw_activation(rng) for site in SITES if chosen()}
        parts.append(Activations(**sites))
        options["activations"] = {
            site: (a.name, *list(a.config().values())[2:]) for site, a in sites.items()
        }
        if options.get("coupled"):
            options["activations"].pop("forget", None)
    order = rng.permutation(len(parts))
    cell = LSTMVariantCell(
        input_size, hidden_size, *(parts[k] for k in order), bias_init="uniform", rng=rng
    )
    return Variant(cell, oracle.Layer("lstm", options=options))
