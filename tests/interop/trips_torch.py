"""Round trips of PyTorch: every layer and cell, and every option that npstack has."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from npstack.interop import read, to_module
from npstack.interop.pytorch_models.capture import capture
from tests.interop.opening import arrays_of, recurrent_parts
from tests.interop.trips import Arrays, Pair, Trip

LAYERS = {"LSTM": nn.LSTM, "GRU": nn.GRU, "RNN": nn.RNN}
CELLS = {"LSTMCell": nn.LSTMCell, "GRUCell": nn.GRUCell, "RNNCell": nn.RNNCell}


def pytorch(rng: np.random.Generator) -> Trip:
    """A layer or cell with drawn options, parameters, input and states."""
    name = str(rng.choice([*LAYERS, *LAYERS, *CELLS]))
    D, H, B, T = (int(n) for n in rng.integers(1, (6, 7, 4, 7)))
    dtype = getattr(torch, str(rng.choice(["float32", "float64"])))
    chosen: dict[str, Any] = {"bias": bool(rng.random() < 0.8)}
    if name.startswith("RNN"):
        chosen["nonlinearity"] = str(rng.choice(["tanh", "relu"]))
    if name in LAYERS:
        chosen["num_layers"] = int(rng.integers(1, 4))
        chosen["bidirectional"] = bool(rng.random() < 0.5)
        chosen["batch_first"] = bool(rng.random() < 0.5)
        chosen["dropout"] = 0.3 if chosen["num_layers"] > 1 and rng.random() < 0.3 else 0.0
        if name == "LSTM" and H > 1 and rng.random() < 0.4:
            chosen["proj_size"] = int(rng.integers(1, H))
    module = {**LAYERS, **CELLS}[name](D, H, dtype=dtype, **chosen).eval()
    scale = float(rng.choice([0.5, 1.0, 3.0])) / np.sqrt(H)
    with torch.no_grad():
        for own in module.parameters():
            own.copy_(torch.tensor(scale * rng.uniform(-1, 1, own.shape)))
    (part,) = recurrent_parts(module)
    arrays = arrays_of(module, part)
    x = torch.tensor(rng.standard_normal((B, T, D)), dtype=dtype)
    lengths = rng.integers(1, T + 1, B) if name in LAYERS and rng.random() < 0.5 else None
    states = _states(rng, module, B, dtype) if rng.random() < 0.5 else None

    def run(own: Any) -> Any:
        model = own if name in LAYERS else Loop(own)
        given = x if name in CELLS or own.batch_first else x.swapaxes(0, 1)
        if lengths is not None:
            given = nn.utils.rnn.pack_padded_sequence(
                x, torch.tensor(lengths), batch_first=True, enforce_sorted=False
            )
        (recorded,) = capture(model, (given, states)).values()
        return recorded

    def pairs(own: Arrays) -> list[Pair]:
        firsts = [own[key] for key in own if key.startswith("bias_ih")]
        seconds = [own[key] for key in own if key.startswith("bias_hh")]
        merged = np.ones(len(arrays[f"weight_hh{'_l0' if name in LAYERS else ''}"]), bool)
        if part.kind == "gru":
            merged[2 * H :] = False
        return [Pair(b, r, merged) for b, r in zip(firsts, seconds, strict=True)]

    said = {key: str(value) for key, value in chosen.items() if key != "proj_size"}
    options = {
        "layer": name,
        "dtype": str(dtype),
        **said,
        "projection": str("proj_size" in chosen),
        "input": "packed" if lengths is not None else "batch",
        "states": "given" if states is not None else "zeros",
        "scale": f"{scale * np.sqrt(H):.1f}",
    }
    how = {"cell": part.kind, "bidirectional": part.bidirectional, **part.attributes}

    def back(own: Arrays) -> Any:
        return run(to_module(read(own, part.layout, biases="kept", **how), part.layout).eval())

    return Trip(options, arrays, part.layout, how, run(module), back, pairs)


class Loop(nn.Module):
    """A cell over time."""

    def __init__(self, cell: Any) -> None:
        super().__init__()
        self.cell = cell

    def forward(self, x: Any, states: Any) -> Any:
        for t in range(x.shape[1]):
            states = self.cell(x[:, t], states)
        return states


def _states(rng: np.random.Generator, module: Any, B: int, dtype: Any) -> Any:
    """Initial states of a layer or cell."""
    count = getattr(module, "num_layers", 1) * (1 + getattr(module, "bidirectional", False))
    lead = (count,) if isinstance(module, nn.RNNBase) else ()
    sizes = [getattr(module, "proj_size", 0) or module.hidden_size, module.hidden_size]
    drawn = [torch.tensor(rng.uniform(-1, 1, (*lead, B, n)), dtype=dtype) for n in sizes]
    return tuple(drawn) if isinstance(module, nn.LSTM | nn.LSTMCell) else drawn[0]
