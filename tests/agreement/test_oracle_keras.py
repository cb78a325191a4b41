"""The oracle against Keras to 1e-6: masks with holes, go_backwards, merges, dropout's place.

Keras repeats its last output at masked steps unless ``zero_output_for_mask`` is set, and with
that it returns 0 as the last output of a row whose last step is masked: so last outputs are
compared without it. (With float64, Keras 3.15 on PyTorch still multiplies matrices in
float32 on its general path; hence the bar.)
"""

from typing import Any

import numpy as np
import pytest

from npstack.verify.oracle import Layer, run
from tests.tools.other_programs import KERAS_COPY_WARNING, import_keras
from tests.verify.oracle_models import cell_params, draw_booleans, drawer, error, state

pytestmark = [pytest.mark.frameworks, pytest.mark.filterwarnings(KERAS_COPY_WARNING)]
torch = pytest.importorskip("torch")

B, T, D, H = 4, 5, 2, 3
MASK = [
    [True, False, True, True, False],
    [False, True, True, False, True],
    [True] * 5,
    [False] * 5,
]
BAR = 1e-6
KINDS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "lstm": ("LSTM", {}, {}),
    "lstm_activations": (
        "LSTM",
        {"activation": "softsign", "recurrent_activation": "hard_sigmoid"},
        {
            "activations": {
                **dict.fromkeys(("input", "forget", "output"), "hard_sigmoid_sixth"),
                **dict.fromkeys(("candidate", "cell"), "softsign"),
            }
        },
    ),
    "gru": ("GRU", {"reset_after": True}, {}),
    "gru_reset_before": ("GRU", {"reset_after": False}, {}),
    "rnn": ("SimpleRNN", {"activation": "softplus"}, {"activation": "softplus"}),
}


@pytest.fixture(autouse=True, scope="module")
def _keras() -> None:
    try:
        import_keras()
    except ModuleNotFoundError as reason:
        pytest.skip(str(reason))


def ours(name: str) -> str:
    return name.removesuffix("_activations")


def weights(name: str, params: dict[str, Any]) -> list[np.ndarray]:
    """Kernel, recurrent kernel, bias: a GRU's gates are z, r, n there, its biases two."""

    def arranged(packed: Any) -> np.ndarray:
        values = np.array(packed)
        if "gru" not in name:
            return values
        r, z, n = np.split(values, 3, axis=-1)
        return np.concatenate([z, r, n], axis=-1)

    W, U, b = (arranged(params[key]) for key in "WUb")
    if name == "gru":
        second = np.linspace(-1, 1, 3 * H)
        first = b - second
        first[2 * H :], second[2 * H :] = b[2 * H :], params["b_recurrent"]
        b = np.stack([first, second])
    return [W, U, b]


def keras_layer(name: str, params: dict[str, Any], **options: Any) -> Any:
    keras = import_keras()
    kind, own, _ = KINDS[name]
    layer = getattr(keras.layers, kind)(H, dtype="float64", **own, **options)
    layer.build((B, T, np.shape(params["W"])[0]))
    layer.set_weights(weights(name, params))
    return layer


def keras_call(layer: Any, x: Any, **given: Any) -> list[np.ndarray]:
    if "mask" in given:
        given["mask"] = torch.tensor(given["mask"])
    with torch.no_grad():
        found = layer(torch.tensor(x, dtype=torch.float64), **given)
    return [a.numpy() for a in (found if isinstance(found, list | tuple) else [found])]


def tensors(*states: dict[str, Any]) -> list[Any]:
    return [torch.tensor(v, dtype=torch.float64) for s in states for v in s.values()]


@pytest.mark.parametrize("backwards", [False, True], ids=["ahead", "backwards"])
@pytest.mark.parametrize("sequences", [True, False], ids=["sequences", "last"])
@pytest.mark.parametrize("name", KINDS)
def test_masks_with_holes(name: str, sequences: bool, backwards: bool) -> None:
    draw = drawer(1)
    params = cell_params(draw, ours(name), D, H)
    x, before = draw(B, T, D), state(draw, ours(name), B, H)
    theirs = keras_call(
        keras_layer(
            name,
            params,
            return_sequences=sequences,
            return_state=True,
            zero_output_for_mask=sequences,
            go_backwards=backwards,
        ),
        x,
        mask=MASK,
        initial_state=tensors(before),
    )
    layer = Layer(ours(name), last=not sequences, options=KINDS[name][2])
    own: Any = params
    if backwards:
        layer, own = Layer("reversed", children=(layer,), order="as_read"), [params]
    outputs, finals = run([layer], [own], x, [before], MASK)
    mine = [outputs, *finals[0].values()]
    if not sequences:
        # Keras' last output of a row without a valid step is zero; here it is the initial state.
        assert not theirs[0][3].any()
        assert mine[0][3] == before["h"][3]
        mine[0], theirs[0] = mine[0][:3], theirs[0][:3]
    for one, other in zip(mine, theirs, strict=True):
        assert error(one, other) < BAR


@pytest.mark.parametrize("sequences", [True, False], ids=["sequences", "last"])
@pytest.mark.parametrize("merge", ["concat", "sum", "mul", "ave", "none"])
@pytest.mark.parametrize("name", ["lstm", "gru_reset_before"])
def test_bidirectional(name: str, merge: str, sequences: bool) -> None:
    draw, keras = drawer(2), import_keras()
    params = [cell_params(draw, name, D, H) for _ in range(2)]
    x, before = draw(B, T, D), [state(draw, name, B, H) for _ in range(2)]
    layer = keras.layers.Bidirectional(
        keras_layer(name, params[0], return_sequences=sequences, return_state=True),
        merge_mode=None if merge == "none" else merge,
        dtype="float64",
    )
    layer.build((B, T, D))
    layer.set_weights([w for own in params for w in weights(name, own)])
    theirs = keras_call(layer, x, mask=MASK, initial_state=tensors(*before))
    cell = Layer(name, last=not sequences)
    both = Layer("bidirectional", children=(cell, cell), merge=merge)
    outputs, finals = run([both], [params], x, before, MASK)
    mine = [outputs, *(value for final in finals for value in final.values())]
    if merge == "none":
        theirs = [np.stack(theirs[:2], -2), *theirs[2:]]
    if not sequences:
        # Keras forces zeros into the last outputs of rows whose last step to be read is masked.
        read = np.array([row[-1] and row[0] for row in MASK])
        mine[0], theirs[0] = np.array(mine[0])[read], theirs[0][read]
    for one, other in zip(mine, theirs, strict=True):
        assert error(one, other) < BAR


@pytest.mark.parametrize("name", [name for name in KINDS if name != "lstm_activations"])
def test_recurrent_dropout(name: str) -> None:
    """One mask for all steps and all gates, and a GRU's leak is not dropped."""
    draw = drawer(3)
    params = cell_params(draw, name, D, H)
    x, kept = draw(B, T, D), draw_booleans(4, B, H)
    layer = keras_layer(name, params, return_sequences=True, recurrent_dropout=0.25)
    mask = torch.tensor(np.array(kept) / 0.75)
    layer.cell.get_recurrent_dropout_mask = lambda h: mask if name == "rnn" else [mask] * 4
    (theirs,) = keras_call(layer, x, training=True)
    own = Layer(name, rate=0.25, kept=kept, options=KINDS[name][2])
    assert error(run([own], [params], x)[0], theirs) < BAR


def test_encoder_decoder_by_repeat_and_time_distributed() -> None:
    draw, keras = drawer(5), import_keras()
    params = [cell_params(draw, "lstm", D, H), cell_params(draw, "gru", H, H)]
    dense = {"W": draw(H, 2), "b": draw(2)}
    head = keras.layers.TimeDistributed(
        keras.layers.Dense(2, activation="softsign", dtype="float64"), dtype="float64"
    )
    head.build((B, 4, H))
    head.set_weights([np.array(dense["W"]), np.array(dense["b"])])
    x = draw(B, T, D)
    theirs: Any = x
    for layer in (
        keras_layer("lstm", params[0]),
        keras.layers.RepeatVector(4, dtype="float64"),
        keras_layer("gru", params[1], return_sequences=True),
        head,
    ):
        (theirs,) = keras_call(layer, theirs)
    model = [
        Layer("lstm", last=True),
        Layer("repeat", steps=4),
        Layer("gru"),
        Layer("time_distributed", children=(Layer("dense", activation="softsign"),)),
    ]
    outputs, _ = run(model, [params[0], {}, params[1], [dense]], x)
    assert error(outputs, theirs) < BAR


def test_time_distributed_cells() -> None:
    draw, keras = drawer(6), import_keras()
    params = cell_params(draw, "lstm", D, H)
    x = draw(B, 3, T, D)
    layer = keras.layers.TimeDistributed(keras_layer("lstm", params), dtype="float64")
    (theirs,) = keras_call(layer, x)
    model = [Layer("time_distributed", children=(Layer("lstm", last=True),))]
    assert error(run(model, [[params]], x)[0], theirs) < BAR
