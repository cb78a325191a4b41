"""Mapping arrays that are in hand imports no framework, and the package no interop."""

import subprocess
import sys

import pytest

HEAVY = [
    *("torch", "keras", "tensorflow", "jax", "flax", "onnx", "onnxruntime"),
    *("h5py", "safetensors", "ml_dtypes", "matplotlib", "scipy", "sklearn"),
]
MAPPING = """
import numpy as np
from npstack.interop import LAYOUTS, nearest, read, readings, recurrent_parts, write
from npstack import GRU, LSTM

rng = np.random.default_rng(0)
for layout in LAYOUTS:
    arrays, report = write(LSTM(3, 2, rng=rng), layout)
    found = read(arrays, layout)
    str(report), str(found), str(LAYOUTS[layout])
found = readings(list(arrays.values()), layouts=["lasagne", "keras"])
x = np.ones((1, 2, 3))
nearest(found, x, found[0].layer.forward(x).outputs)
print(*recurrent_parts({"a/" + name: value for name, value in arrays.items()}))
try:
    write(GRU(3, 2, rng=rng), "haiku")
except ValueError as error:
    print(type(error).__name__)
"""


def modules_after(program):
    """The modules of a new process, and what it printed."""
    end = "\nimport sys\nprint(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program + end], capture_output=True, text=True, check=True
    )
    *said, names = done.stdout.splitlines()
    return set(names.split()), said


def test_the_package_imports_no_interop():
    names, _ = modules_after("import npstack")
    assert not [name for name in names if name.startswith("npstack.interop")]
    assert not names & set(HEAVY)


def test_the_room_imports_nothing_before_it_is_used():
    names, _ = modules_after("import npstack.interop")
    assert {name for name in names if name.startswith("npstack.interop")} == {"npstack.interop"}
    assert not names & set(HEAVY)


def test_mapping_arrays_imports_no_framework():
    names, said = modules_after(MAPPING)
    assert not names & set(HEAVY)
    assert said == ["a: lstm 3 -> 2, lasagne", "CannotRepresent"]


@pytest.mark.parametrize(
    "name", ["reading", "writing", "candidates", "parts", "known_layouts", "layout_text"]
)
def test_each_of_them_alone(name):
    names, _ = modules_after(f"import npstack.interop.{name}")
    assert not names & set(HEAVY)
