"""Single nodes ``LSTM``, ``GRU`` and ``RNN`` of onnxruntime in float32: outputs and finals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from npstack.core.activations import Activation
from tests.agreement.lattice.config import SIGMOID, TANH, Config, sound
from tests.agreement.lattice.judging import FLOAT32_BAR, Framework, Pair, by_rounding
from tests.agreement.lattice.models import (
    make_case,
    prefixes,
    refuse_large,
    second_bias,
    state_names,
)
from tests.specification.onnx_runs import node_model, session, weights_of
from tests.tools.random_stacks import Arrays, Case, block_error

NAMES = {
    "sigmoid": "Sigmoid",
    "tanh": "Tanh",
    "relu": "Relu",
    "leaky_relu": "LeakyRelu",
    "thresholded_relu": "ThresholdedRelu",
    "elu": "Elu",
    "softsign": "Softsign",
    "softplus": "Softplus",
    "scaled_tanh": "ScaledTanh",
    "affine": "Affine",
    "hard_sigmoid_fifth": "HardSigmoid",
}

EPS = float(np.finfo(np.float32).eps)
INEXACT = 2e-7  # the absolute error of its sigmoid, tanh and elu; near 0 they have no other (§11.1)


def drawn(
    name: str, *parameters: tuple[float, float]
) -> Callable[[np.random.Generator], Activation]:
    """An activation with alpha and beta from intervals, which float32 represents."""
    return lambda rng: Activation(name, *(round(rng.uniform(*p) * 1024) / 1024 for p in parameters))


CHOICES = {
    "cell": ("lstm", "lstm", "lstm", "gru", "gru_reset_before", "rnn"),
    "batch": (1, 2, 3, 4),
    "steps": range(1, 9),
    "directions": ("forward", "backward", "both"),
    "bias": (True, True, True, False),
    "initial": (True, True, False),
    "padding": ("none", "lengths", "empty"),
    "peepholes": (False, True),
    "coupled": (False, False, True),
    "clip": (None, None, 0.25, 0.5, 1.0),
    "activation": (
        *[lambda rng: SIGMOID, lambda rng: TANH, drawn("softsign")] * 3,
        *[drawn("hard_sigmoid_fifth", (0.1, 0.5), (0.3, 0.7))] * 3,
        *[drawn("scaled_tanh", (0.5, 1.5), (0.5, 1.5))] * 3,
        drawn("relu"),
        drawn("leaky_relu", (0.01, 0.5)),
        drawn("thresholded_relu", (0.0, 1.0)),
        drawn("elu", (0.5, 1.5)),
        drawn("softplus"),
        drawn("affine", (0.2, 1.0), (-0.5, 0.5)),
    ),
}


def allowed(config: Config) -> Config:
    """One layer, whose two directions have an axis of their own."""
    merge = "none" if config.directions == "both" else "concat"
    return replace(sound(replace(config, sizes=config.sizes[:1])), merge=merge)


def full_width(config: Config, p: dict[str, Any]) -> dict[str, Any]:
    """Coupled gates as ONNX stores them: with numbers for a forget gate, which are not read."""
    H = config.sizes[0]

    def with_forget(packed: np.ndarray) -> np.ndarray:
        unread = np.full_like(packed[..., :H], 0.75)
        return np.concatenate([packed[..., :H], unread, packed[..., H:]], axis=-1)

    return {name: with_forget(a) for name, a in p.items()} if config.coupled else p


def weights(config: Config, case: Case) -> Arrays:
    """The node's weights: as ONNX packs them, §2."""
    rows = []
    for prefix in prefixes(config).values():
        p = {
            n.removeprefix(prefix): a for n, a in case.model.params.items() if n.startswith(prefix)
        }
        b, second = second_bias(config, prefix, p["b"])
        if config.cell == "gru":
            H = config.sizes[0]  # the candidate's biases stand apart
            b[2 * H :], second[2 * H :] = p["b"][2 * H :], p.pop("b_recurrent")
        rows.append(full_width(config, p | {"b": b, "b2": second}))
    found = weights_of(kind(config), rows)
    return found if config.bias else {name: a for name, a in found.items() if name != "B"}


def kind(config: Config) -> str:
    """The name of the operator."""
    return config.cell[:3].upper() if config.cell != "lstm" else "LSTM"


def attributes(config: Config) -> dict[str, Any]:
    """The attributes of the node."""
    directions = {"forward": "forward", "backward": "reverse", "both": "bidirectional"}
    found: dict[str, Any] = {"direction": directions[config.directions]}
    if config.clip is not None:
        found["clip"] = config.clip
    if config.coupled:
        found["input_forget"] = 1
    if config.cell == "gru":
        found["linear_before_reset"] = 1
    if config.activations:
        acts = [a for own in config.activations for a in own]
        found["activations"] = [NAMES[a.name] for a in acts]
        for place, name in (("alpha", "activation_alpha"), ("beta", "activation_beta")):
            given = [getattr(a, place) for a in acts if getattr(a, place) is not None]
            found |= {name: given} if given else {}
    return found


def results(config: Config, case: Case) -> Arrays:
    """What onnxruntime makes of the case, under npstack's names."""
    rows = list(state_names(config, "initial").values())
    fields = "hc" if config.cell == "lstm" else "h"
    initial = [
        np.stack([case.inputs[f"{row}.{field}"] for row in rows])
        for field in fields
        if config.initial
    ]
    lengths = None if case.mask is None else case.lengths
    x = np.ascontiguousarray(case.x.swapaxes(0, 1))
    given = node_model(
        kind(config), weights(config, case), x, tuple(initial), lengths, **attributes(config)
    )
    model, names, feeds = given
    outputs, *finals = session(model).run(names, feeds)
    outputs = np.moveaxis(outputs, 2, 0)  # (T, directions, B, H) to (B, T, directions, H)
    found = {"outputs": outputs if config.directions == "both" else outputs[:, :, 0]}
    for field, stacked in zip(fields, finals, strict=True):
        found |= {
            f"{row.replace('initial', 'final')}.{field}": value
            for row, value in zip(rows, stacked, strict=True)
        }
    return found


def pair(config: Config) -> Pair:
    """Both programs. Of an empty row onnxruntime makes zero (§7.5); the rest is compared."""
    refuse_large(config)
    case = make_case(config, np.float32)
    ours, theirs = case.run(), results(config, case)
    if case.mask is not None:
        empty = ~case.mask.any(axis=1)
        for name, value in theirs.items():
            assert not value[empty].any(), f"a row of length zero: {name} is not zero"
            value[empty] = ours[name][empty]
    return Pair(case, ours, theirs)


@dataclass(frozen=True)
class Inexact(Activation):
    """The same function with a random error, as large as that of onnxruntime."""

    draw: int = 0

    def function(self, a: np.ndarray) -> np.ndarray:
        """The value, moved up or down."""
        rng = np.random.default_rng(self.draw)
        return super().function(a) + INEXACT * rng.choice([-1, 1], a.shape)


def moved_by_activations(config: Config, block: str, exact: np.ndarray) -> float:
    """How far a block moves, in eps, when each value of an activation moves by `INEXACT`."""
    changes = []
    for draw in range(4):
        ends = [config.activations_of(d) for d in range(len(config.ends))]
        acts = tuple(
            tuple(Inexact(a.name, a.alpha, a.beta, draw=draw) for a in own) for own in ends
        )
        moved = make_case(replace(config, activations=acts)).run()[block]
        changes.append(block_error(moved, exact, EPS))
    return max(changes)


def explained(config: Config, pair: Pair, block: str) -> dict[str, Any]:
    """By rounding; else, against float64, within 8 times our own error where activations are
    unbounded, or within 4 times what the error of onnxruntime's functions does."""
    found = by_rounding(config, pair, block)
    if found["explained"]:
        return found
    exact = make_case(config).run()[block]
    ours, theirs = (block_error(a[block].astype(float), exact, EPS) for a in pair[1:])
    moved = moved_by_activations(config, block, exact)
    found |= {"npstack_against_float64": ours, "other_against_float64": theirs}
    found["moved_by_activations"] = moved
    if theirs <= 8 * ours and not config.bounded:
        return {**found, "explained": True, "because": "our own error"}
    right = theirs <= 4 * moved + 8 and ours <= 16
    return {**found, "explained": right, "because": "activations"}


FRAMEWORK = Framework(
    CHOICES,
    pair,
    FLOAT32_BAR,
    2000,
    ("onnx", "onnxruntime"),
    allowed,
    explain=explained,
    # 1e-6 is 8.4 eps, and a block is often one row of one or two units: more of them cancel.
    share=1 / 200,
)
