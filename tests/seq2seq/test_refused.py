"""What an encoder–decoder refuses, and with which words."""

import numpy as np
import pytest

from npstack import (
    Bidirectional,
    Dense,
    EncoderDecoder,
    LSTMVariantCell,
    Recurrent,
    Reversed,
    Sequential,
    SourceTarget,
    StackedLSTM,
    check_gradients,
)
from npstack.cells.parts import Projection
from npstack.core.errors import ArgumentError, DtypeError, NonFiniteError, ShapeError, TapeError
from tests.seq2seq.pairs import draw_pairs

rng = np.random.default_rng(0)


def stack(*sizes: int, inputs: int = 2) -> StackedLSTM:
    return StackedLSTM(inputs, list(sizes), rng=rng)


@pytest.mark.parametrize(
    ("encoder", "decoder", "options", "error", "words"),
    [
        (stack(4, 3), stack(4), {}, ShapeError, "[4, 3] and [4]: 2 and 1 layers"),
        (stack(4, 3), stack(4, 5), {}, ShapeError, "[4, 3] and [4, 5]: layer 1 differs"),
        (stack(4, 3), stack(4, 3), {"handover": "top"}, ShapeError, "layer 0 of the decoder"),
        (stack(4), stack(4), {"handover": "last"}, ArgumentError, "one of 'all', 'top'"),
        (Dense(2, 4, rng=rng), stack(4), {}, ArgumentError, "encoder must hold a recurrent layer"),
        (stack(4), Dense(2, 4, rng=rng), {}, ArgumentError, "decoder must hold a recurrent layer"),
        (
            Sequential(stack(4), Dense(4, 2, rng=rng)),
            stack(4),
            {},
            ArgumentError,
            "encoder must end in a recurrent layer, got a Dense",
        ),
        (
            stack(4),
            StackedLSTM(2, 4, return_sequences=False, rng=rng),
            {},
            ShapeError,
            "return_sequences=True",
        ),
        (stack(4).params, stack(4), {}, DtypeError, "encoder must be a layer"),
        (
            Bidirectional(stack(2), stack(2)),
            stack(4),
            {},
            ArgumentError,
            "every recurrent layer of the encoder must have one state, got a Bidirectional",
        ),
        (
            stack(4),
            Reversed(stack(4)),
            {},
            ArgumentError,
            "decoder needs a model in which no step depends on a later one, got a Reversed",
        ),
        (
            Recurrent(LSTMVariantCell(2, 8, Projection(4), rng=rng)),
            stack(4),
            {},
            ShapeError,
            "one kind and size, got LSTMState(h=4, c=8) and LSTMState(h=4, c=4)",
        ),
        (
            stack(4),
            StackedLSTM(2, 4, rng=rng, dtype=np.float32),
            {},
            DtypeError,
            "float32 and float64",
        ),
    ],
)
def test_sides_that_do_not_fit(encoder, decoder, options, error, words):
    with pytest.raises(error) as caught:
        EncoderDecoder(encoder, decoder, **options)
    assert words in str(caught.value)


def test_one_layer_on_both_sides_is_refused():
    shared = stack(4)
    with pytest.raises(ArgumentError, match="one place only"):
        EncoderDecoder(shared, shared)


def test_wrong_arguments_say_which_side():
    pairs = draw_pairs(67)
    model, (source, target_in, source_mask) = pairs.model, pairs.x
    for x, error, words in [
        (source, DtypeError, "must be a SourceTarget"),
        ((source, target_in), DtypeError, "must be a SourceTarget"),
        (SourceTarget(source[:2], target_in), ShapeError, "the same number of rows, got 2 and 4"),
        (SourceTarget(source[0], target_in), ShapeError, r"source\[np.newaxis\]"),
        (SourceTarget(source + 99, target_in), ArgumentError, "encoder: .*from 0 to 8"),
        (SourceTarget(source, target_in + 99), ArgumentError, "decoder: .*from 0 to 5"),
        (SourceTarget(source / 2, target_in), DtypeError, "encoder: .*integers"),
        (SourceTarget(source, target_in, source_mask * 1), DtypeError, "encoder: .*boolean"),
        (SourceTarget(source, target_in, pairs.mask), ShapeError, "encoder: .*mask must be"),
    ]:
        with pytest.raises(error, match=words):
            model.forward(x)
    with pytest.raises(ShapeError, match=r"decoder: .*mask must be"):
        model.forward(pairs.x, mask=source_mask)
    with pytest.raises(ArgumentError, match=r"encoder: .*tuple of 2"):
        model.forward(pairs.x, pairs.states[:1])
    with pytest.raises(ArgumentError, match="names"):
        model.forward(pairs.x, params=model.encoder.params)
    tape = pairs.forward()
    with pytest.raises(ShapeError, match=r"decoder: .*doutputs"):
        model.backward(tape, pairs.doutputs[:, 1:])
    with pytest.raises(ArgumentError, match=r"decoder: .*tuple of 2"):
        model.backward(tape, pairs.doutputs, tape.final[:1])
    with pytest.raises(TapeError, match="an EncoderDecoderTape"):
        model.backward(tape.parts[0].parts[0], pairs.doutputs)
    with pytest.raises(TapeError, match="encoder"):
        draw_pairs(67, sizes=(5, 3)).model.backward(tape, pairs.doutputs)


def test_numbers_that_are_none_are_found_on_their_side():
    pairs = draw_pairs(71, symbols=False, masked="none")
    x = np.array(pairs.x.source)
    x[1, 2] = np.nan
    with pytest.raises(NonFiniteError, match=r"encoder: .*time step 2"):
        pairs.model.forward(pairs.x._replace(source=x))
    params = {name: value.copy() for name, value in pairs.model.params.items()}
    params["decoder.0.layers.1.W"][...] = np.nan
    with pytest.raises(NonFiniteError, match=r"decoder: .*LSTM"):
        pairs.model.forward(pairs.x, params=params)


def test_an_encoder_may_read_its_source_from_the_end():
    encoder, decoder = Reversed(stack(4, 3)), stack(4, 3)
    model = EncoderDecoder(encoder, decoder)
    source, target = rng.standard_normal((2, 5, 2)), rng.standard_normal((2, 3, 2))
    tape = model.forward(SourceTarget(source, target))
    final = encoder.layer.forward(source[:, ::-1].copy()).final
    alone = decoder.forward(target, final)
    assert np.array_equal(tape.outputs, alone.outputs)
    assert check_gradients(model.encoder, source).passed
