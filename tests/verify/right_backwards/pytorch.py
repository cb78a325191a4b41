"""PyTorch's gradients as the backward of npstack's forward: same weights, another program."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from npstack import GRU, LSTM, RNN
from tests.verify.right_backwards.own import of_layer, weigh
from tests.verify.right_backwards.problem import Arrays, Problem, Rng, draw_setting

KINDS = {"LSTM": LSTM, "GRU": GRU, "RNN": RNN}
PLACES = {"weight_ih_l0": "W", "weight_hh_l0": "U", "bias_ih_l0": "b"}


def draw(number: int, rng: Rng) -> Problem:
    """One layer without a mask, which PyTorch has in another form."""
    setting = draw_setting(number, rng)
    name = str(rng.choice(list(KINDS)))
    layer = KINDS[name](
        setting.D, setting.H, rng=rng, bias_init="uniform", dtype=np.dtype(setting.dtype)
    )
    weigh(layer, setting, rng)
    problem = of_layer("pytorch", name, layer, setting, rng, mask=False)
    own = problem.f, problem.backward
    return replace(problem, backward=Module(name, setting.D, setting.H), safe_form=own)


class Module:
    """``torch.nn.LSTM``, ``GRU`` or ``RNN`` and its automatic differentiation."""

    def __init__(self, name: str, D: int, H: int) -> None:
        self.name, self.D, self.H = name, D, H

    def __call__(self, doutputs: Any, **inputs: Any) -> Arrays:
        """The gradients under npstack's names."""
        import torch

        torch.set_num_threads(1)
        wide = next(iter(inputs.values())).dtype == np.float64
        module = getattr(torch.nn, self.name)(
            self.D, self.H, batch_first=True, dtype=torch.float64 if wide else torch.float32
        )

        def tensor(a: Any) -> Any:
            return torch.tensor(np.array(a))

        with torch.no_grad():
            for theirs, ours in PLACES.items():
                getattr(module, theirs).copy_(tensor(inputs[ours].T))
            module.bias_hh_l0.zero_()
            if "b_recurrent" in inputs:
                module.bias_hh_l0[2 * self.H :] = tensor(inputs["b_recurrent"])
        x = tensor(inputs["x"]).requires_grad_()
        fields = "hc" if self.name == "LSTM" else "h"
        states = [tensor(inputs[f"initial.0.{f}"])[None].requires_grad_() for f in fields]
        outputs, final = module(x, tuple(states) if len(states) > 1 else states[0])
        final = final if isinstance(final, tuple) else (final,)
        loss = (outputs * tensor(doutputs["outputs"])).sum()
        for after, weights in zip(final, doutputs["final"], strict=True):
            loss = loss + (after[0] * tensor(weights)).sum()
        loss.backward()
        found = {ours: getattr(module, theirs).grad for theirs, ours in PLACES.items()}
        if "b_recurrent" in inputs:
            found["b_recurrent"] = module.bias_hh_l0.grad[2 * self.H :]
        found["x"] = x.grad
        for f, state in zip(fields, states, strict=True):
            found[f"initial.0.{f}"] = state.grad[0]
        arrays = {name: value.numpy() for name, value in found.items()}
        return {**arrays, "W": arrays["W"].T, "U": arrays["U"].T}
