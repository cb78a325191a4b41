"""The programs of the tutorial that this project grew from, with Keras' numbers.

One LSTM unit on the series 0.1, 0.2, 0.3, with and without ``return_sequences``; stacks of two and
four layers; a dense layer on top; and the stack that cannot work. The numbers that Keras computed
are kept in ``tests/vectors/blog_keras.json``, written by ``python -m
tests.agreement.test_blog_programs``.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from npstack import LSTM, Dense, Sequential, ShapeError, StackedLSTM
from npstack.layers.base import Layer
from tests.tools.other_programs import KERAS_COPY_WARNING, import_keras

VECTORS = Path(__file__).parents[1] / "vectors" / "blog_keras.json"
SERIES = np.array([0.1, 0.2, 0.3], np.float32).reshape(1, 3, 1)
SEED = 7

# Size and return_sequences of each LSTM, bottom first; then, perhaps, the size of a dense layer.
PROGRAMS: dict[str, tuple[list[tuple[int, bool]], int | None, tuple[int, ...]]] = {
    "one unit": ([(1, False)], None, (1, 1)),
    "one unit, return_sequences": ([(1, True)], None, (1, 3, 1)),
    "two layers": ([(3, True), (2, False)], None, (1, 2)),
    "two layers and a dense layer": ([(3, True), (2, False)], 1, (1, 1)),
    "four layers": ([(4, True), (3, True), (5, True), (2, True)], None, (1, 3, 2)),
    "four layers and a dense layer": ([(4, True), (3, True), (5, True), (2, False)], 1, (1, 1)),
    "a dense layer on every step": ([(3, True)], 2, (1, 3, 2)),
}
programs = pytest.mark.parametrize("name", PROGRAMS)


def build(name: str) -> Sequential:
    """The program in npstack."""
    rng = np.random.default_rng(0)
    lstms, dense, _ = PROGRAMS[name]
    layers: list[Layer] = []
    below = 1
    for size, full in lstms:
        layers.append(LSTM(below, size, return_sequences=full, rng=rng, dtype=np.float32))
        below = size
    if dense is not None:
        layers.append(Dense(below, dense, rng=rng, dtype=np.float32))
    return Sequential(*layers)


def run_with(model: Sequential, weights: list[np.ndarray]) -> np.ndarray:
    """Outputs with a list of weights as ``keras.Model.get_weights`` gives it: the parameters of
    each layer in npstack's own order and layout."""
    params = dict(zip(model.params, weights, strict=True))
    return model.forward(SERIES, params=params).outputs


def keras_program(name: str) -> tuple[list[np.ndarray], np.ndarray]:
    """Weights and outputs of the program in Keras."""
    keras = import_keras()
    keras.utils.set_random_seed(SEED)
    lstms, dense, _ = PROGRAMS[name]
    layers = [keras.layers.LSTM(size, return_sequences=full) for size, full in lstms]
    if dense is not None:
        layers.append(keras.layers.Dense(dense))
    model = keras.Sequential([keras.Input((3, 1)), *layers])
    # Trained models have no zeros in their biases, fresh ones have nothing else: draw them.
    rng = np.random.default_rng(SEED)
    weights = [
        w + rng.uniform(-0.5, 0.5, w.shape).astype(np.float32) if w.ndim == 1 else w
        for w in model.get_weights()
    ]
    model.set_weights(weights)
    return weights, np.asarray(model(SERIES).detach())


@programs
def test_shapes_of_the_outputs(name: str) -> None:
    assert build(name).forward(SERIES).outputs.shape == PROGRAMS[name][2]


@programs
def test_equals_the_numbers_of_keras(name: str) -> None:
    recorded = json.loads(VECTORS.read_text())["programs"][name]
    weights = [np.array(w, np.float32) for w in recorded["weights"]]
    outputs = run_with(build(name), weights)
    assert outputs.shape == np.shape(recorded["outputs"])
    assert np.abs(outputs - np.array(recorded["outputs"], np.float32)).max() <= 1e-6


@pytest.mark.frameworks
@pytest.mark.filterwarnings(KERAS_COPY_WARNING)
@programs
def test_equals_keras(name: str) -> None:
    pytest.importorskip("torch")
    weights, expected = keras_program(name)
    outputs = run_with(build(name), weights)
    assert outputs.shape == expected.shape
    assert np.abs(outputs - expected).max() <= 1e-6


def test_stacking_on_a_last_step_is_refused_in_words() -> None:
    """The tutorial's broken program: the second layer gets a vector where it needs a sequence."""
    rng = np.random.default_rng(0)
    with pytest.raises(ShapeError, match="return_sequences") as refusal:
        Sequential(LSTM(1, 3, return_sequences=False, rng=rng), LSTM(3, 1, rng=rng))
    message = str(refusal.value)
    assert "layer 1 (LSTM) needs a sequence (B, T, D)" in message
    assert "return_sequences=True" in message
    stack = StackedLSTM(1, [3, 2], return_sequences=False, rng=rng)
    with pytest.raises(ShapeError, match="return_sequences"):
        Sequential(stack, LSTM(2, 1, rng=rng))


def write_vectors() -> None:
    """Let Keras compute the recorded numbers."""
    keras = import_keras()
    import torch

    programs: dict[str, Any] = {}
    for name in PROGRAMS:
        weights, outputs = keras_program(name)
        programs[name] = {"weights": [w.tolist() for w in weights], "outputs": outputs.tolist()}
    provenance = {
        "computed_by": f"keras=={keras.__version__} on torch=={torch.__version__}",
        "written_by": "python -m tests.agreement.test_blog_programs",
        "seed": SEED,
        "dtype": "float32 (printed so that reading it back gives the same bits)",
        "input": SERIES.tolist(),
    }
    VECTORS.write_text(json.dumps({**provenance, "programs": programs}, indent=1) + "\n")


if __name__ == "__main__":
    write_vectors()
