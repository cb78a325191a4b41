"""Records of layers that compute with fewer digits than their arrays have, or than NumPy has."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import npstack as nps
from npstack.core.errors import ArgumentError, DataError, DtypeError
from npstack.core.trees import mapped
from npstack.files import archive
from npstack.interop import Recorded, agreement, capture, inspect
from npstack.interop.comparison import Agreement, inputs_for
from npstack.interop.recording import RECORDED
from tests.specification.keras_runs import keras_or_skip
from tests.tools.other_programs import KERAS_COPY_WARNING

BFLOAT16 = 2.0**-7


def half(**options: Any) -> tuple[nps.LSTM, Recorded]:
    """A layer of float32, and its record in float16, with initial states."""
    rng = np.random.default_rng(0)
    layer = nps.LSTM(3, 4, rng=rng, dtype=np.float32)
    x = rng.standard_normal((2, 6, 3)).astype(np.float16)
    initial = nps.LSTMState(*rng.standard_normal((2, 2, 4)).astype(np.float16))
    tape = layer.forward(x.astype("f4"), mapped(lambda a: a.astype("f4"), initial))
    final = mapped(lambda a: a.astype(np.float16), tape.final)
    outputs = tape.outputs.astype(np.float16)
    return layer, Recorded(x, outputs, initial=initial, final=final, **options)


def accused(found: Agreement) -> set[str]:
    """The blocks that rounding does not explain; of so few digits, many cannot be resolved."""
    return {row.block for row in found.rows if row.explained is False}


def test_float16_with_initial_states() -> None:
    layer, recorded = half()
    found = agreement(layer, recorded, draws=3)
    assert not accused(found)
    assert found.eps == 2.0**-10
    mixed = {**layer.params, "W": layer.params["W"][:, ::-1]}
    layer.params = mixed
    assert accused(agreement(layer, recorded, draws=3)) == {"outputs", "final.0.h", "final.0.c"}
    layer, recorded = half()
    x, initial = inputs_for(layer, recorded)
    assert {x.dtype, initial.h.dtype, initial.c.dtype} == {np.dtype(np.float32)}
    wide = replace(recorded, initial=nps.LSTMState(*np.full((2, 2, 4), 0.1)))
    with pytest.raises(DtypeError, match="initial must be numbers that the layer has"):
        agreement(layer, wide, draws=3)


def test_the_given_eps_decides() -> None:
    layer, recorded = half()
    off = replace(recorded, outputs=recorded.outputs * np.float16(1 + 3 * BFLOAT16))
    assert accused(agreement(layer, off, draws=3)) == {"outputs"}
    found = agreement(layer, replace(off, eps=BFLOAT16), draws=3)
    assert not accused(found)
    assert found.eps == BFLOAT16


def test_eps_is_stored(tmp_path: Any) -> None:
    _, recorded = half(eps=BFLOAT16)
    recorded.save(tmp_path / "a.npz")
    assert Recorded.load(tmp_path / "a.npz").eps == BFLOAT16


@pytest.mark.parametrize("eps", [np.ones(2), np.array(0.0), np.array(np.nan)])
def test_a_forged_eps_is_refused(tmp_path: Any, eps: Any) -> None:
    with pytest.raises((ArgumentError, DtypeError), match="eps"):
        half(eps=eps.tolist())
    arrays = {"x": np.ones((2, 5, 3)), "outputs": np.ones((2, 5, 4)), "eps": eps}
    fields = {"source": "", "trees": {"initial": None, "final": None}}
    archive.write(tmp_path / "a.npz", "t", RECORDED, fields, arrays)
    with pytest.raises(DataError, match="do not trust"):
        Recorded.load(tmp_path / "a.npz")


@pytest.mark.frameworks
@pytest.mark.parametrize("name", ["LSTM", "GRU", "LSTMCell", "GRUCell"])
def test_a_right_layer_of_pytorch_in_bfloat16_is_not_accused(name: str) -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    layer = getattr(torch.nn, name)(3, 4, dtype=torch.bfloat16)
    x = torch.randn(*((6, 2, 3) if "Cell" not in name else (2, 3)), dtype=torch.bfloat16)
    assert capture(layer, x)[""].eps == BFLOAT16
    (found,) = inspect(layer, x, draws=3)
    assert found.agreement is not None
    assert not accused(found.agreement), str(found.agreement)


@pytest.mark.frameworks
@pytest.mark.filterwarnings(KERAS_COPY_WARNING)
@pytest.mark.parametrize(("dtype", "eps"), [("mixed_bfloat16", BFLOAT16), ("float32", 2.0**-23)])
def test_a_right_layer_of_keras_with_mixed_bfloat16_is_not_accused(dtype: str, eps: float) -> None:
    keras = keras_or_skip()
    layer = keras.layers.LSTM(4, return_sequences=True, dtype=dtype)
    model = keras.Sequential([keras.Input((5, 3)), layer])
    x = np.random.default_rng(0).standard_normal((2, 5, 3)).astype("f4")
    (found,) = inspect(model, x, draws=3)
    assert found.recorded is not None
    assert found.recorded.eps == eps
    assert found.agreement is not None
    assert not accused(found.agreement), str(found.agreement)
