"""Train a stack in npstack, go on in Keras, and bring it back from a file.

    python examples/continue_in_keras.py

The stack reads four years of monthly sunspot numbers and forecasts the number a year ahead. It
learns this in npstack for some epochs. Then it becomes a ``keras.Sequential``, which computes the
same numbers and is fitted further by Keras. Keras writes it as ``.keras`` and as ``.weights.h5``;
what comes back from the model and from either file has its kernels bit for bit.
"""

import argparse
import os
import tempfile
from importlib import import_module
from pathlib import Path

import numpy as np

from npstack import Adam, Dense, Sequential, StackedGRU, fit
from npstack.data import Standardiser, load_sunspots, split_by_time, windows
from npstack.interop import agreement, capture, load, recurrent_parts, to_model, write
from npstack.training.metrics import rmse

os.environ.setdefault("KERAS_BACKEND", "torch")  # before the import: Keras reads it once
try:
    keras = import_module("keras")
except ImportError:  # --help works without it
    keras = None

WINDOW, AHEAD, STRIDE = 48, 12, 3  # months
TRAIN, VALIDATION = 1920, 480  # months; those after them are new
UNITS, RATE, BATCH, EPOCHS, MORE = [16, 16], 0.005, 32, 3, 4


def months():
    """The windows for training and the new ones, in float32, as Keras has them."""
    values = load_sunspots().values.astype(np.float32)
    split = split_by_time(len(values), train=TRAIN, validation=VALIDATION)
    scaler = Standardiser.fit(values, rows=split.train)
    parts = split.divide(windows(values, WINDOW, ahead=AHEAD, scaler=scaler))
    return parts.train.rows(slice(None, None, STRIDE)), parts.test


def learn(data, rng):
    """Two layers and a linear map of the last state, trained in npstack."""
    stack = StackedGRU(1, UNITS, return_sequences=False, rng=rng, dtype=np.float32)
    model = Sequential(stack, Dense(UNITS[-1], 1, rng=rng, dtype=np.float32))
    fit(model, data, epochs=EPOCHS, batch_size=BATCH, rng=rng, optimiser=Adam(RATE))
    return model


def export(model):
    """The same model in Keras: two layers in a ``keras.Sequential``, and a linear map."""
    stack, dense = model.children.values()
    there = to_model(stack)
    there.add(keras.layers.Dense(1))
    there.layers[-1].set_weights([dense.params["W"], dense.params["b"]])
    return there


def go_on(there, data):
    """More epochs, in Keras."""
    keras.utils.set_random_seed(0)
    there.compile(keras.optimizers.Adam(RATE), "mse")
    there.fit(data.x, data.y, batch_size=BATCH, epochs=MORE, verbose=0)


def bring_back(source, there, **options):
    """The layers of a live model or of a file, and Keras' linear map, in npstack."""
    parts = recurrent_parts(source)
    layers = [load(source, part.name, biases="kept", **options).layer for part in parts]
    dense = Dense(UNITS[-1], 1, rng=np.random.default_rng(0), dtype=np.float32)
    dense.params = dict(zip("Wb", there.layers[-1].get_weights(), strict=True))
    return Sequential(*layers, dense)


def check_bits(back, there):
    """Every kernel and bias that came back is that of Keras."""
    *layers, _ = back.children.values()
    for own, theirs in zip(layers, there.layers[:-1], strict=True):
        arrays, _ = write(own, "keras", biases="kept")
        for (name, value), other in zip(arrays.items(), theirs.get_weights(), strict=True):
            assert value.tobytes() == other.tobytes(), name


def error_of(model, part):
    """The root mean squared error in sunspot numbers, in npstack."""
    outputs = model.forward(part.samples.x).outputs
    return rmse(part.unscale(outputs), part.unscale(part.samples.y)).item()


def main():
    """The whole way; returns the errors on new months after each part of it."""
    rng = np.random.default_rng(0)
    train, new = months()
    model = learn(train.samples, rng)
    there = export(model)

    stack = model.children["0"].children
    recorded = capture(there, new.samples.x[:8])
    for layer, (name, one) in zip(stack.values(), recorded.items(), strict=True):
        compared = agreement(layer, one)
        print(f"{name}\n{compared}\n")
        assert compared.explained

    go_on(there, train.samples)
    with tempfile.TemporaryDirectory() as folder:
        whole, weights = Path(folder, "forecast.keras"), Path(folder, "forecast.weights.h5")
        there.save(whole)
        there.save_weights(weights)
        back = bring_back(whole, there)
        for source in (there, whole, weights):
            check_bits(bring_back(source, there), there)
    print("Every kernel and bias came back bit for bit: of the model, of .keras and .weights.h5.")

    outputs = there.predict(new.samples.x, verbose=0)
    difference = np.abs(back.forward(new.samples.x).outputs - outputs).max().item()
    errors = error_of(model, new), error_of(back, new)
    print(f"Largest difference of the outputs: {difference:.1e}")
    print(f"Error on new months, in sunspots: {errors[0]:.1f} before Keras, {errors[1]:.1f} after")
    return *errors, difference


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.parse_args()
    if keras is None:
        raise SystemExit("This needs Keras 3 and PyTorch: pip install keras torch h5py")
    main()
