"""The examples that go on elsewhere: the numbers stay the same, and the bits come back."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from tests.specification.keras_runs import keras_or_skip
from tests.tools.other_programs import KERAS_COPY_WARNING

pytestmark = pytest.mark.frameworks
EXAMPLES = Path(__file__).parents[2] / "examples"


def example(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_way_to_pytorch_and_back(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    before, after, difference = example("continue_in_pytorch").main()
    assert after < 0.9 * before < 0.9 * 0.2  # the variance of the means is 1/5
    assert 0 < difference < 1e-14
    printed = capsys.readouterr().out
    assert printed.count("rounding") == 5
    assert "NOT" not in printed
    assert "bit for bit" in printed


@pytest.mark.filterwarnings(KERAS_COPY_WARNING)
def test_the_way_to_keras_and_back(capsys: pytest.CaptureFixture[str]) -> None:
    keras_or_skip()
    pytest.importorskip("h5py")
    before, after, difference = example("continue_in_keras").main()
    assert after < 0.95 * before < 0.95 * 39.7  # that of the last month read: 39.8
    assert 0 < difference < 5e-6
    printed = capsys.readouterr().out
    assert printed.count("rounding") == 4
    assert "NOT" not in printed
    assert "bit for bit" in printed
