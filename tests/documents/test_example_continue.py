"""The example that goes on in PyTorch: the numbers stay the same, and the bits come back."""

import importlib.util
from pathlib import Path

import pytest

pytestmark = pytest.mark.frameworks
EXAMPLE = Path(__file__).parents[2] / "examples" / "continue_in_pytorch.py"


def test_the_way_to_pytorch_and_back(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    spec = importlib.util.spec_from_file_location("continue_in_pytorch", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    before, after, difference = module.main()
    assert after < 0.9 * before < 0.9 * 0.2  # the variance of the means is 1/5
    assert 0 < difference < 1e-14
    printed = capsys.readouterr().out
    assert printed.count("rounding") == 5
    assert "NOT" not in printed
    assert "bit for bit" in printed
