"""Round trips of Keras: every recurrent layer, stacks of cells, and every option npstack has."""

from __future__ import annotations

from typing import Any

import numpy as np

from npstack.interop.keras_models.capture import capture
from npstack.interop.keras_models.export import to_model
from npstack.interop.reading import read
from npstack.interop.recording import Recorded
from tests.interop.opening import arrays_of, recurrent_parts
from tests.interop.trips import Arrays, Pair, Trip
from tests.interop.trips_onnx import smallest
from tests.tools.other_programs import import_keras

KINDS = ("LSTM", "GRU", "SimpleRNN")
SHOWN = ("tanh", "softsign", "sigmoid", "hard_sigmoid")
GROWING = ("relu", "elu", "linear", "softplus", "leaky_relu")  # of one step: they may grow
GATES = ("sigmoid", "hard_sigmoid")
MERGES = ("concat", "sum", "mul", "ave", None)
OF_CELLS = ("use_bias", "activation", "recurrent_activation", "reset_after", "dtype")
WAYS = ("forward/", "backward/")


def keras_layers(rng: np.random.Generator) -> Trip:
    """A layer with drawn options, parameters, input, mask and states."""
    keras = import_keras()
    kind, form = str(rng.choice(KINDS)), str(rng.choice(["plain", "two directions", "cells"]))
    D, H, B, T = (int(n) for n in rng.integers(1, (6, 7, 4, 7)))
    mask, dtype = str(rng.choice(["none", "lengths", "holes"], p=[0.5, 0.25, 0.25])), "float32"
    if kind == "LSTM" and form != "cells" and mask == "none" and rng.random() < 0.5:
        dtype = "float64"  # elsewhere Keras multiplies float64 in float32 (§11.4)
    own: dict[str, Any] = {"dtype": dtype, "use_bias": bool(rng.random() < 0.8)}
    if rng.random() < 0.5:
        own["activation"] = str(rng.choice(SHOWN))
    if rng.random() < 0.15:
        own["activation"], T = str(rng.choice(GROWING)), 1
    if kind != "SimpleRNN" and rng.random() < 0.5:
        own["recurrent_activation"] = str(rng.choice(GATES))
    if kind == "GRU":
        own["reset_after"] = bool(rng.random() < 0.5)
    full = bool(rng.random() < 0.7)
    turned = form != "two directions" and bool(rng.random() < 0.3)
    of_layer = {"return_sequences": full, "go_backwards": turned}
    dropout = bool(rng.random() < 0.2)
    if dropout and form != "cells":
        of_layer |= {"dropout": 0.3}
    merge = MERGES[int(rng.integers(len(MERGES)))]
    sizes = [
        int(n) for n in rng.integers(1, 7, rng.integers(2, 4))
    ]  # one cell alone fails in Keras

    def made(use_bias: bool) -> Any:
        options = {**own, "use_bias": use_bias}
        if form == "cells":
            cells = [getattr(keras.layers, f"{kind}Cell")(n, **options) for n in sizes]
            layer = keras.layers.RNN(cells, **of_layer, dtype=dtype)
        else:
            layer = getattr(keras.layers, kind)(H, **options, **of_layer)
        if form == "two directions":
            layer = keras.layers.Bidirectional(layer, merge_mode=merge, dtype=dtype)
        layer.build((None, None, D))
        return layer

    layer, scale = made(own["use_bias"]), float(rng.choice([0.5, 1.0, 2.0]))
    layer.set_weights([scale * rng.uniform(-1, 1, w.shape) for w in layer.get_weights()])
    (part,) = recurrent_parts(layer)
    feed: dict[str, Any] = {"sequences": rng.standard_normal((B, T, D)).astype(dtype)}
    if mask == "lengths":
        feed["mask"] = np.arange(T) < rng.integers(1, T + 1, (B, 1))
    elif mask == "holes":
        feed["mask"] = rng.random((B, T)) < 0.7
        feed["mask"][:, int(rng.integers(T))] = True  # Keras gives zeros for an empty row
    states = form != "cells" and bool(rng.random() < 0.5)
    if states:
        count = (1 + (kind == "LSTM")) * (1 + (form == "two directions"))
        drawn = rng.uniform(-1, 1, (count, B, H)).astype(dtype)
        feed["initial_state"] = list(drawn)

    how = {"cell": part.kind, "bidirectional": part.bidirectional, **part.attributes}
    two = own.get("reset_after", False)
    kept = "input" if kind == "GRU" and not two and own["use_bias"] else "kept"

    def back(arrays: Arrays) -> Recorded:
        if form == "cells":  # to_model makes a model of layers, whose last one reads its own order
            new = made(any("bias" in name for name in arrays))
            new.set_weights(list(arrays.values()))
        else:
            new = to_model(read(arrays, "keras", biases="kept", **how), biases=kept)
        (found,) = capture(new, feed).values()
        return found

    def pairs(arrays: Arrays) -> list[Pair]:
        found = []
        for name, value in arrays.items():
            if name.endswith("bias"):
                merged = np.ones(value.shape[1], bool)
                merged[value.shape[1] // 3 * 2 :] = False  # the candidate
                found.append(Pair(*value, merged))
        return found

    options = {
        "layer": kind,
        "form": form if form != "two directions" else f"two directions, {merge}",
        "dtype": dtype,
        **{k: str(own.get(k, "")) for k in OF_CELLS[:4]},
        **{k: str(v) for k, v in of_layer.items()},
        "mask": mask,
        "states": "given" if states else "zeros",
        "scale": str(scale),
    }
    recorded = capture(layer, feed)[""]
    if smallest(recorded) == 0:  # of a relu: errors have no measure then
        return keras_layers(rng)
    return Trip(
        options,
        arrays_of(layer, part),
        "keras",
        how,
        recorded,
        back,
        pairs if two else None,
        kept,
    )
