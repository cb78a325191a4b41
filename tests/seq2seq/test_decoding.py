"""Teacher forcing, greedy decoding, and training by `fit`."""

import numpy as np
import pytest

from npstack import (
    LSTM,
    SGD,
    Adam,
    Dense,
    Embedding,
    EncoderDecoder,
    Samples,
    Sequential,
    SourceTarget,
    StackedLSTM,
    evaluate,
    fit,
    greedy_decode,
    shift_right,
    softmax_cross_entropy,
)
from npstack.core.errors import ArgumentError, DtypeError, ShapeError
from npstack.verify.laws.trial import same_bits
from tests.seq2seq.pairs import BOTH_SIDES, EVERY_WAY, SYMBOLS, draw_pairs, draw_way

START, STOP = 0, 1
rng = np.random.default_rng(0)


def test_shift_right_puts_the_start_before_everything_else():
    target = np.array([[3, 4, 5], [6, 7, 8]])
    assert shift_right(target, 1).tolist() == [[1, 3, 4], [1, 6, 7]]
    vectors = shift_right(target[..., np.newaxis] / 2, 0.0)
    assert vectors[0, :, 0].tolist() == [0.0, 1.5, 2.0]
    with pytest.raises(ShapeError, match=r"target\[np.newaxis\]"):
        shift_right(target[0], 1)


@EVERY_WAY
def test_greedy_decoding_equals_teacher_forcing_with_its_own_words(way):
    lengths = set()
    for seed in range(6):
        pairs = draw_way(seed, way, masked="lengths", batch=7)
        model, x = pairs.model, pairs.x
        model.params = {name: 6 * value for name, value in model.params.items()}  # not too timid
        said = greedy_decode(
            model, x.source, start=START, stop=STOP, max_steps=9, source_mask=x.source_mask
        )
        fed = SourceTarget(x.source, shift_right(said.symbols, START), x.source_mask)
        forced = model.forward(fed, mask=said.mask).outputs.argmax(axis=-1)
        assert (forced[said.mask] == said.symbols[said.mask]).all()
        assert said.mask[:, 0].all()
        for symbols, mask in zip(said.symbols, said.mask, strict=True):
            n = int(mask.sum())
            lengths.add(n)
            assert mask[:n].all()  # no holes
            assert (symbols[: n - 1] != STOP).all()
            assert n == 9 or (symbols[n - 1 :] == STOP).all()
        assert said.symbols.shape == said.mask.shape == (7, 9)
    assert len(lengths) > 2, lengths  # rows do stop, and not all at once


def test_a_row_that_has_stopped_leaves_the_others_alone():
    pairs = draw_pairs(2, masked="lengths", batch=7)
    source, mask = pairs.x.source, pairs.x.source_mask
    options = {"start": START, "stop": STOP, "max_steps": 9}
    together = greedy_decode(pairs.model, source, source_mask=mask, **options)
    for row in range(len(source)):
        alone = greedy_decode(
            pairs.model, source[row : row + 1], source_mask=mask[row : row + 1], **options
        )
        assert (alone.symbols[0] == together.symbols[row]).all()
        assert (alone.mask[0] == together.mask[row]).all()


def test_the_states_of_encode_are_those_that_the_decoder_begins_with():
    pairs = draw_pairs(61, reverse_source=True)
    states = pairs.model.encode(pairs.x.source, pairs.x.source_mask)
    tape = pairs.model.forward(pairs.x, mask=pairs.mask)
    for state, layer in zip(states, tape.parts[1].layers, strict=True):
        same_bits(state._asdict(), layer.initial._asdict())


def test_greedy_decoding_refuses_what_it_cannot_do():
    pairs = draw_pairs(73)
    options = {"start": START, "stop": STOP, "max_steps": 3}
    for changed, words in [
        ({"max_steps": 0}, "max_steps"),
        ({"start": SYMBOLS}, "start must be a whole number from 0 to 5"),
        ({"stop": -1}, "stop must be a whole number"),
        ({"stop": 1.0}, "stop must be a whole number"),
    ]:
        with pytest.raises(ArgumentError, match=words):
            greedy_decode(pairs.model, pairs.x.source, **{**options, **changed})
    vectors = draw_pairs(73, symbols=False)
    with pytest.raises(ArgumentError, match="4 features read, 6 written"):
        greedy_decode(vectors.model, vectors.x.source, **options)
    with pytest.raises(DtypeError, match="must be an EncoderDecoder"):
        greedy_decode(pairs.model.decoder, pairs.x.source, **options)
    sides = [Sequential(Embedding(5, 2, rng=rng), LSTM(2, 4, rng=rng)) for _ in range(2)]
    with pytest.raises(ArgumentError, match="5 symbols read, 4 written"):
        greedy_decode(EncoderDecoder(*sides), np.zeros((1, 2), int), **options)
    with pytest.raises(ShapeError, match=r"source\[np.newaxis\]"):
        greedy_decode(pairs.model, pairs.x.source[0], **options)


# ---- training ------------------------------------------------------------------------------------


@BOTH_SIDES
def test_fit_chooses_the_rows_of_all_parts_together(symbols):
    pairs = draw_pairs(79, symbols=symbols, masked="lengths", batch=6)
    y = np.random.default_rng(1).integers(0, SYMBOLS, pairs.mask.shape)
    samples = Samples(pairs.x, y, pairs.mask)
    rows = np.array([4, 0, 3])
    model = pairs.model
    tape = model.forward(SourceTarget(*(part[rows] for part in pairs.x)), mask=pairs.mask[rows])
    loss = softmax_cross_entropy(tape.outputs, y[rows], pairs.mask[rows])
    grads = model.backward(tape, loss.gradient).params
    by_hand = SGD(0.1).update(model.params, grads)
    history = fit(
        model,
        samples,
        epochs=1,
        batch_size=3,
        rng=np.random.default_rng(0),
        optimiser=SGD(0.1),
        loss=softmax_cross_entropy,
        batches=lambda rng: [rows],
        engine="readable",
    )
    assert history.train_loss == [float(loss.value)]
    same_bits(dict(model.params), by_hand)
    assert evaluate(model, samples.rows(rows), softmax_cross_entropy) < float(loss.value)


def test_it_learns_to_say_a_word_backwards():
    rng = np.random.default_rng(0)
    words = rng.integers(2, 6, (256, 3))
    said = np.column_stack([words[:, ::-1], np.full(256, STOP)])
    sides = [Embedding(6, 8, rng=rng), StackedLSTM(8, [16, 16], rng=rng)]
    head = [Embedding(6, 8, rng=rng), StackedLSTM(8, [16, 16], rng=rng), Dense(16, 6, rng=rng)]
    model = EncoderDecoder(Sequential(*sides), Sequential(*head))
    samples = Samples(SourceTarget(words, shift_right(said, START)), said)
    fit(
        model,
        samples.rows(slice(0, 200)),
        epochs=15,
        batch_size=20,
        rng=rng,
        optimiser=Adam(0.02),
        loss=softmax_cross_entropy,
    )
    written = greedy_decode(model, words[200:], start=START, stop=STOP, max_steps=6)
    assert written.symbols.shape == (56, 6)
    assert (written.symbols[:, :4] == said[200:]).all(axis=1).mean() > 0.9


def test_what_is_read_in_pieces_is_no_pair():
    pairs = draw_pairs(83)
    samples = Samples(pairs.x, np.zeros(pairs.mask.shape, int), pairs.mask)
    options = {"epochs": 1, "batch_size": 2, "rng": rng, "loss": softmax_cross_entropy}
    with pytest.raises(ShapeError, match="truncate needs samples"):
        fit(pairs.model, samples, truncate=(2, 2), **options)
    with pytest.raises(ArgumentError, match="stateful needs samples of one input"):
        fit(pairs.model, samples, stateful=True, **options)
