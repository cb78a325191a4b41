"""PyTorch's ``nn.LSTM``, ``GRU`` and ``RNN`` in float64: outputs, finals and all gradients."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from npstack.core.activations import Activation
from tests.agreement.lattice.config import TANH, Config, sound
from tests.agreement.lattice.judging import Framework, Pair
from tests.agreement.lattice.models import make_case, prefixes, second_bias, state_names
from tests.tools.random_stacks import Arrays, Case

RELU = Activation("relu")
CHOICES = {
    "cell": ("lstm", "lstm", "gru", "rnn"),
    "batch": (1, 2, 3, 4),
    "steps": range(1, 9),
    "layers": (1, 2, 3),
    "directions": ("forward", "both"),
    "last_only": (False, False, True),
    "bias": (True, True, True, False),
    "initial": (True, True, False),
    "padding": ("none", "lengths"),
    "projection": (0, 0, 1, 2, 3),
    "activation": (lambda rng: TANH, lambda rng: RELU),
}


def allowed(config: Config) -> Config:
    """One size for all layers; tanh or relu in an Elman network, for both directions."""
    config = replace(config, sizes=(config.sizes[0],) * len(config.sizes))
    acts = config.activations[:1] * len(config.ends) if config.cell == "rnn" else ()
    return sound(replace(config, activations=acts))


def results(config: Config, case: Case) -> Arrays:
    """What PyTorch makes of the case, under npstack's names."""
    import torch

    torch.set_num_threads(1)
    tensors = {name: torch.tensor(a, requires_grad=True) for name, a in case.inputs.items()}
    module = make_module(config)
    places = {(k, d): f"_l{k}{'_reverse' if d else ''}" for k, d in prefixes(config)}
    with torch.no_grad():
        for place, suffix in places.items():
            for name, value in weights(config, case, prefixes(config)[place]).items():
                getattr(module, name + suffix).copy_(torch.tensor(value))
    fields = "hc" if config.cell == "lstm" else "h"
    rows = list(state_names(config, "initial").values())  # layer by layer, forward first: 2k + d
    rows.sort(key=lambda name: int(name.split(".")[1]))
    given = [torch.stack([tensors[f"{row}.{f}"] for row in rows]) for f in fields if config.initial]
    sequence: Any = tensors["x"]
    if case.mask is not None:
        pack = torch.nn.utils.rnn.pack_padded_sequence
        lengths = torch.tensor(case.lengths)
        sequence = pack(sequence, lengths, batch_first=True, enforce_sorted=False)
    state = (tuple(given) if config.cell == "lstm" else given[0]) if given else None
    outputs, after = module(sequence, state)
    if case.mask is not None:
        unpack = torch.nn.utils.rnn.pad_packed_sequence
        outputs, _ = unpack(outputs, batch_first=True, total_length=config.steps)
    finals = {
        f"{row.replace('initial', 'final')}.{f}": value
        for f, stacked in zip(fields, after if config.cell == "lstm" else (after,), strict=True)
        for row, value in zip(rows, stacked, strict=True)
    }
    if config.last_only:
        ends = [finals[f"{row.replace('initial', 'final')}.h"] for row in rows[-len(config.ends) :]]
        outputs = torch.cat(ends, dim=-1)
    loss = (outputs * torch.tensor(case.doutputs)).sum()
    for name, cotangent in case.dfinals.items():
        loss = loss + (finals[name] * torch.tensor(cotangent)).sum()
    loss.backward()

    found = {"outputs": outputs, **finals, "dx": tensors["x"].grad}
    found |= {f"d{n}": v.grad for n, v in tensors.items() if n.startswith("initial")}
    arrays = {name: value.detach().numpy() for name, value in found.items()}
    for place, suffix in places.items():
        grads = {
            name.removesuffix(suffix): p.grad.numpy()
            for name, p in module.named_parameters()
            if name.endswith(suffix)
        }
        arrays |= gradients(config, grads, f"d{prefixes(config)[place]}")
    return arrays


def make_module(config: Config) -> Any:
    import torch

    options: dict[str, Any] = {"proj_size": config.projection} if config.projection else {}
    if config.cell == "rnn":
        options["nonlinearity"] = config.activations_of(0)[0].name
    kind = getattr(torch.nn, config.cell.upper())
    return kind(
        config.input_size,
        config.sizes[0],
        len(config.sizes),
        bias=config.bias,
        batch_first=True,
        bidirectional=config.directions == "both",
        dtype=torch.float64,
        **options,
    )


def weights(config: Config, case: Case, prefix: str) -> Arrays:
    """One layer's parameters as PyTorch names and turns them (§2.1 to §2.5)."""
    p = {n.removeprefix(prefix): a for n, a in case.model.params.items() if n.startswith(prefix)}
    found = {"weight_ih": p["W"].T, "weight_hh": p["U"].T}
    if config.projection:
        found["weight_hr"] = p["R"].T
    if config.bias:
        found["bias_ih"], found["bias_hh"] = second_bias(config, prefix, p["b"])
        if config.cell == "gru":
            H = config.sizes[0]  # the candidate's biases stand apart
            found["bias_ih"][2 * H :] = p["b"][2 * H :]
            found["bias_hh"][2 * H :] = p["b_recurrent"]
    return {name: np.ascontiguousarray(a) for name, a in found.items()}


def gradients(config: Config, grads: Arrays, prefix: str) -> Arrays:
    """One layer's gradients under npstack's names; both biases are compared with ours."""
    found = {f"{prefix}W": grads["weight_ih"].T, f"{prefix}U": grads["weight_hh"].T}
    if config.projection:
        found[f"{prefix}R"] = grads["weight_hr"].T
    if config.bias and config.cell == "gru":
        H = config.sizes[0]
        merged = np.concatenate([grads["bias_hh"][: 2 * H], grads["bias_ih"][2 * H :]])
        found |= {f"{prefix}b": grads["bias_ih"], f"{prefix}b:hh": merged}
        found[f"{prefix}b_recurrent"] = grads["bias_hh"][2 * H :]
    elif config.bias:
        found |= {f"{prefix}b": grads["bias_ih"], f"{prefix}b:hh": grads["bias_hh"]}
    return found


def pair(config: Config) -> Pair:
    """Both programs, everything compared; NaN stands in the padding."""
    case = make_case(config, junk=np.nan)
    ours, theirs = case.run(), results(config, case)
    biases = {name for name in ours if name.rsplit(".", 1)[-1].startswith("b")}
    left = ours.keys() - theirs.keys() - (set() if config.bias else biases)
    assert not left, f"not compared: {sorted(left)}"
    return Pair(case, ours, theirs)


FRAMEWORK = Framework(CHOICES, pair, 64, 2000, ("torch",), allowed, all_held=True)
