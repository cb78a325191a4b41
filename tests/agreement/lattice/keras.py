"""Keras' layers, stacks and directions on its PyTorch backend, float32: outputs and finals."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from npstack.core.activations import Activation
from tests.agreement.lattice.config import Config, sound
from tests.agreement.lattice.judging import FLOAT32_BAR, Framework, Pair
from tests.agreement.lattice.models import (
    make_case,
    prefixes,
    refuse_large,
    second_bias,
    state_names,
)
from tests.specification.plainly import held, reorder
from tests.tools.other_programs import import_keras
from tests.tools.random_stacks import Arrays, Case

ACTIVATIONS = {
    **{name: name for name in ("sigmoid", "tanh", "relu", "linear", "softsign", "softplus", "elu")},
    "hard_sigmoid_sixth": "hard_sigmoid",  # §5.2
    "leaky_relu": "leaky_relu",  # whose alpha is 0.2 there
}
USED = [Activation(name) for name in ACTIVATIONS if name != "leaky_relu"]
CHOICES = {
    "cell": ("lstm", "gru", "gru_reset_before", "rnn"),
    "batch": (1, 2, 3, 4),
    "steps": range(1, 9),
    "layers": (1, 1, 2, 3),
    "same": (False,),
    "directions": ("forward", "as_read", "both", "both"),
    "merge": ("concat", "sum", "mul", "ave", "none"),
    "one_loop": (False, True),
    "last_only": (False, False, True),
    "bias": (True, True, True, False),
    "initial": (True, True, False),
    "padding": ("none", "lengths", "holes", "holes"),
    "activation": [lambda rng, a=a: a for a in (*USED, Activation("leaky_relu", 0.2))],
    "extra": ("repeats", "unit_forget_bias", "unroll"),
}


def allowed(config: Config) -> Config:
    """Directions share their activations, and a candidate those of the cell on its way out."""
    config = sound(config)
    if config.activations:
        own = config.activations[0]
        if config.cell == "lstm":
            own = (own[0], own[1], own[1])  # ``activation`` stands for both (§5.4)
        config = replace(config, activations=(own,) * len(config.ends))
    config = sound(config)
    extras = set(config.extras)
    if config.padding == "none" or config.directions == "both":
        extras -= {"repeats"}  # nothing to repeat; forced to zero (§7.2)
    if config.cell != "lstm" or not config.bias:
        extras -= {"unit_forget_bias"}
    if config.padding != "none" and config.directions != "forward":
        extras -= {"unroll"}  # a crash (§8.1)
    return replace(config, extras=tuple(sorted(extras)))


def results(config: Config, case: Case) -> Arrays:
    """What Keras makes of the case, under npstack's names."""
    import torch

    keras = import_keras()
    top = len(config.sizes) - 1
    groups = [list(range(top + 1))] if config.one_loop else [[k] for k in range(top + 1)]
    names, prefix = state_names(config, "initial"), prefixes(config)
    x: Any = case.x
    mask, finals = case.mask, {}
    for group in groups:
        places = [(k, d) for d in range(len(config.ends)) for k in group]
        layer = build(keras, config, group, x.shape[-1])
        given = layer.get_weights()
        wanted = [a for place in places for a in weights(config, case, prefix[place])]
        unset = "unit_forget_bias" in config.extras  # the bias stays as Keras has made it
        layer.set_weights(
            [g if unset and g.ndim == 1 else w for g, w in zip(given, wanted, strict=True)]
        )
        fields = "hc" if config.cell == "lstm" else "h"
        states = [
            [case.inputs[f"{names[p]}.{f}"] for f in fields] for p in places if config.initial
        ]
        if len(group) == 1:
            states = [a for own in states for a in own]
        elif config.cell != "lstm":
            states = [own[0] for own in states]
        with torch.no_grad():
            made = layer(x, mask=mask, initial_state=states or None)
        arrays = [a.numpy() for a in keras.tree.flatten(made)]
        joined = config.directions != "both" or config.merge != "none" or group[-1] < top
        count = 1 if joined else 2
        x = arrays[0] if joined else np.stack(arrays[:2], axis=-2)
        ends = [f"{names[p].replace('initial', 'final')}.{f}" for p in places for f in fields]
        finals |= dict(zip(ends, arrays[count:], strict=True))
        if config.directions == "as_read" and mask is not None:
            mask = mask[:, ::-1].copy()  # Keras does not reverse it
    return {"outputs": x, **finals}


def build(keras: Any, config: Config, group: list[int], below: int) -> Any:
    """One layer, or one loop around several cells, in one direction or both."""
    top = group[-1] == len(config.sizes) - 1
    loop = {
        "return_sequences": not (top and config.last_only),
        "return_state": True,
        "zero_output_for_mask": "repeats" not in config.extras,
        "go_backwards": config.directions == "as_read",
        "unroll": "unroll" in config.extras,
    }
    names = [ACTIVATIONS[a.name] for a in config.activations_of(0)]
    own: dict[str, Any] = {"use_bias": config.bias, "activation": names[-1]}
    if config.cell != "rnn":
        own["recurrent_activation"] = names[0]
    if config.cell == "lstm":
        own["unit_forget_bias"] = "unit_forget_bias" in config.extras
    elif config.cell != "rnn":
        own["reset_after"] = config.cell == "gru"
    kind = {"lstm": "LSTM", "rnn": "SimpleRNN"}.get(config.cell, "GRU")
    if config.one_loop:
        cells = [getattr(keras.layers, f"{kind}Cell")(config.sizes[k], **own) for k in group]
        # A list of one cell crashes where there is a mask (§9.1).
        layer = keras.layers.RNN(cells if len(cells) > 1 else cells[0], **loop)
    else:
        layer = getattr(keras.layers, kind)(config.sizes[group[0]], **own, **loop)
    if config.directions == "both":
        merge = config.merge if top or config.merge != "none" else "concat"
        layer = keras.layers.Bidirectional(layer, merge_mode=None if merge == "none" else merge)
    layer.build((None, None, below))
    return layer


def weights(config: Config, case: Case, prefix: str) -> list[np.ndarray]:
    """One cell's parameters as Keras packs them (§2)."""
    p = {n.removeprefix(prefix): a for n, a in case.model.params.items() if n.startswith(prefix)}
    orders = ("rzn", "zrn") if config.cell.startswith("gru") else ("a", "a")
    found = [reorder(p[name], *orders) for name in ("W", "U")]
    if config.bias and config.cell == "gru":
        b, second = second_bias(config, prefix, p["b"])
        H = len(p["b_recurrent"])  # the candidate's biases stand apart
        b[2 * H :], second[2 * H :] = p["b"][2 * H :], p["b_recurrent"]
        found.append(np.stack([reorder(b, *orders), reorder(second, *orders)]))
    elif config.bias:
        found.append(reorder(p["b"], *orders))
    return found


def as_keras_has_it(config: Config, case: Case, outputs: np.ndarray) -> np.ndarray:
    """Our outputs by Keras' conventions at masked steps (§7.2) and for last steps (§7.6)."""
    if case.mask is None:
        return outputs
    repeats = "repeats" in config.extras or config.directions == "both"
    mask = case.mask
    if config.last_only:
        last = 0 if ends_turned(config) else -1
        kept = mask.any(axis=1) if repeats else mask[:, last]
        return np.where(kept.reshape(-1, *[1] * (outputs.ndim - 1)), outputs, 0)
    if "repeats" not in config.extras:
        return outputs
    flipped = mask[:, ::-1] if ends_turned(config) else mask
    return held(outputs, flipped)


def ends_turned(config: Config) -> bool:
    """Whether the outputs of the top layer are in the reverse order of time."""
    loops = 1 if config.one_loop else len(config.sizes)
    return config.directions == "as_read" and loops % 2 == 1


def pair(config: Config) -> Pair:
    """Both programs."""
    refuse_large(config)
    case = make_case(config, np.float32)
    ours = case.run()
    ours["outputs"] = as_keras_has_it(config, case, ours["outputs"])
    return Pair(case, ours, results(config, case))


FRAMEWORK = Framework(CHOICES, pair, FLOAT32_BAR, 500, ("keras", "torch"), allowed)
