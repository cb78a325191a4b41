"""The encoder–decoder: gradients, padding, the handover, and both sides run by hand."""

import numpy as np
import pytest

from npstack import LSTM, EncoderDecoder, LSTMState, SourceTarget, StackedLSTM, gradcheck
from npstack.core.errors import ArgumentError
from npstack.seq2seq.pairs import reverse_valid
from npstack.verify.gradients.layer_function import gate_blocks
from npstack.verify.laws.trial import same_bits
from tests.seq2seq.pairs import BOTH_SIDES, EVERY_WAY, SYMBOLS, WAYS, Pairs, draw_pairs, draw_way

# ---- gradients -------------------------------------------------------------------------------


def check(pairs: Pairs, **options):
    """`gradcheck` of every parameter, input and initial state; every output and final state."""

    def f(**inputs):
        tape = pairs.forward(inputs)
        return {"outputs": tape.outputs, "final": tape.parts[1].final}

    def backward(doutputs, **inputs):
        tape = pairs.forward(inputs)
        return pairs.gradients(tape, doutputs["outputs"], doutputs["final"])

    return gradcheck(f, backward, pairs.inputs, blocks=gate_blocks(pairs.model), **options)


@EVERY_WAY
@pytest.mark.parametrize("masked", ["lengths", "holes"])
def test_every_gradient_equals_a_complex_step(way, masked):
    pairs = draw_way(3, way, symbols=False, masked=masked, dropout=0.4, batch=3, steps=(4, 3))
    report = check(pairs, entries=3)
    assert report.route == "complex"
    assert {row.verdict for row in report.rows} <= {"ok", "rounding"}, report
    assert sum(row.verdict == "rounding" for row in report.rows) <= 1, report
    assert {row.parameter for row in report.rows} == set(pairs.inputs)


def test_every_entry_with_embeddings_and_dropout():
    pairs = draw_pairs(5, sizes=(2, 1), dropout=0.5, batch=2, steps=(3, 2), reverse_source=True)
    report = check(pairs)
    assert report.passed, report
    assert len(report.rows) == 2 * (1 + 2 * 3 * 4) + 2 + 4  # embeddings, gates, head, states


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_wide_and_long(seed):
    way = WAYS[seed % len(WAYS)]
    rng = np.random.default_rng(seed)
    H, L = int(rng.integers(8, 65)), int(rng.integers(1, 4))
    steps = tuple(int(n) for n in rng.integers(10, 101, 2))
    pairs = draw_pairs(seed, sizes=(H,) * L, symbols=False, dropout=0.3, steps=steps, **way)
    report = check(pairs, entries=1)
    assert report.passed, report


def test_the_states_handed_over_carry_a_gradient():
    """Every encoder parameter of every layer gets a gradient, and only through the states."""
    for way in WAYS:
        pairs = draw_way(7, way)
        grads = pairs.model.backward(pairs.forward(), pairs.doutputs)
        for name, value in grads.params.items():
            assert np.abs(value).max() > 0, (way, name)


# ---- by hand: the two sides are run as anybody would -------------------------------------------


@BOTH_SIDES
@pytest.mark.parametrize("handover", ["all", "top"])
def test_it_is_the_two_sides_run_by_hand(symbols, handover):
    pairs = draw_way(11, {"handover": handover}, symbols=symbols, dropout=0.3)
    encoder, decoder = pairs.model.encoder, pairs.model.decoder
    source_mask, (noise, other_noise) = pairs.x.source_mask, pairs.noise
    read = encoder.forward(pairs.x.source, pairs.states, mask=source_mask, noise=noise)
    zero = LSTMState(*(np.zeros_like(value) for value in read.final[-1]))
    begin = read.final if handover == "all" else (read.final[-1], zero)
    written = decoder.forward(pairs.x.target_in, begin, mask=pairs.mask, noise=other_noise)
    after = decoder.backward(written, pairs.doutputs, pairs.dfinal)
    handed = after.initial_states
    before = encoder.backward(
        read, dfinal_states=handed if handover == "all" else (zero, handed[0])
    )

    tape = pairs.forward()
    grads = pairs.model.backward(tape, pairs.doutputs, pairs.dfinal)
    same_bits({"outputs": tape.outputs}, {"outputs": written.outputs})
    for mine, theirs in zip(grads.initial_states, before.initial_states, strict=True):
        same_bits(mine._asdict(), theirs._asdict())
    for side, theirs in {"encoder": before, "decoder": after}.items():
        mine = {name: grads.params[f"{side}.{name}"] for name in theirs.params}
        same_bits(mine, theirs.params, side)
    assert set(grads.params) == set(pairs.model.params)
    if not symbols:
        same_bits({"dx": grads.x.source}, {"dx": before.x})
        same_bits({"dx": grads.x.target_in}, {"dx": after.x})
    else:
        assert grads.x == (None, None, None)


@BOTH_SIDES
def test_a_reversed_source_is_a_source_given_in_reverse(symbols):
    pairs = draw_pairs(13, symbols=symbols, reverse_source=True)
    turned = np.array(pairs.x.source)
    for row, valid in enumerate(pairs.x.source_mask):  # each row's valid part, in place
        places = np.flatnonzero(valid)
        turned[row, places] = pairs.x.source[row, places[::-1]]
    assert (turned != pairs.x.source).any()
    plain = EncoderDecoder(pairs.model.encoder, pairs.model.decoder)
    by_hand = pairs.but(model=plain, x=pairs.x._replace(source=turned)).run()
    if not symbols:
        by_hand["dsource"] = reverse_valid(by_hand["dsource"], pairs.x.source_mask)
    same_bits(pairs.run(), by_hand)


def test_the_last_valid_step_is_read_first():
    pairs = draw_pairs(13, masked="lengths", reverse_source=True)
    tape = pairs.forward()
    n = pairs.x.source_mask.sum(axis=1)
    rows = np.arange(len(n))
    assert (n < pairs.x.source.shape[1]).any()
    assert (tape.parts[0].x[:, 0] == pairs.x.source[rows, n - 1]).all()
    valid = pairs.x.source_mask
    assert (tape.x.source[valid] == pairs.x.source[valid]).all()  # on the tape it is unchanged


# ---- the handover ------------------------------------------------------------------------------


def test_every_layer_begins_with_the_final_state_of_the_same_layer():
    pairs = draw_pairs(17)
    read, written = pairs.forward().parts
    for layer, below in zip(written.layers, read.layers, strict=True):
        same_bits(layer.initial._asdict(), below.final._asdict())


def test_the_shortcut_hands_over_the_last_layer_alone():
    pairs = draw_pairs(17, sizes=(3, 3, 3), handover="top")
    read, written = pairs.forward().parts
    same_bits(written.layers[0].initial._asdict(), read.layers[-1].final._asdict())
    for layer in written.layers[1:]:
        assert not np.any(layer.initial)
    assert np.abs(read.layers[0].final.h).max() > 0


def test_with_one_layer_the_shortcut_is_no_shortcut():
    ways = [draw_pairs(19, sizes=(5,), handover=handover).run() for handover in ("all", "top")]
    same_bits(*ways)


def test_the_shortcut_takes_sides_of_unequal_depth():
    rng = np.random.default_rng(0)
    encoder, decoder = LSTM(2, 3, rng=rng), StackedLSTM(2, [3, 5], rng=rng)
    model = EncoderDecoder(encoder, decoder, handover="top")
    x = SourceTarget(rng.normal(size=(2, 4, 2)), rng.normal(size=(2, 3, 2)))
    tape = model.forward(x)
    assert tape.outputs.shape == (2, 3, 5)
    grads = model.backward(tape, np.ones_like(tape.outputs))
    assert np.abs(grads.x.source[:, 0]).min() > 0


def test_what_was_read_decides_what_is_said():
    pairs = draw_pairs(23, masked="none", symbols=False)
    before = pairs.forward().outputs
    x = np.array(pairs.x.source)
    x[:, 0] += 1
    after = pairs.but(x=pairs.x._replace(source=x)).forward().outputs
    assert (before != after).all(axis=(1, 2)).all()
    y = np.array(pairs.x.target_in)
    y[:, 2] += 1
    later = pairs.but(x=pairs.x._replace(target_in=y)).forward().outputs
    same_bits({"y": later[:, :2]}, {"y": before[:, :2]})  # causality on the target's side
    assert (later[:, 2:] != before[:, 2:]).any()


# ---- padding and noise -------------------------------------------------------------------------


@BOTH_SIDES
@EVERY_WAY
def test_padding_is_irrelevant_bit_for_bit(way, symbols):
    pairs = draw_way(29, way, symbols=symbols)
    for junk in (-1, 10**9) if symbols else (np.nan, np.inf, 1e30):
        source, target_in = np.array(pairs.x.source), np.array(pairs.x.target_in)
        doutputs = np.array(pairs.doutputs)
        source[~pairs.x.source_mask], target_in[~pairs.mask] = junk, junk
        doutputs[~pairs.mask] = float(junk)
        x = SourceTarget(source, target_in, pairs.x.source_mask)
        same_bits(pairs.but(x=x, doutputs=doutputs).run(), pairs.run(), f"padding of {junk}")


@EVERY_WAY
def test_masked_steps_give_zero_and_get_zero_gradient(way):
    pairs = draw_way(31, way, symbols=False)
    results = pairs.run()
    assert (~pairs.mask).any()
    assert (~pairs.x.source_mask).any()
    assert not results["outputs"][~pairs.mask].any()
    assert not results["dtarget_in"][~pairs.mask].any()
    assert not results["dsource"][~pairs.x.source_mask].any()
    assert results["dsource"][pairs.x.source_mask].any(axis=-1).sum() > 4


@EVERY_WAY
def test_a_padded_pair_equals_the_pair_alone(way):
    pairs = draw_way(37, way, symbols=False, masked="lengths", dropout=0.3)
    whole = pairs.run()
    sums = {name: np.zeros_like(value) for name, value in whole.items()}

    def pick(tree, row, valid):
        """One row of a tree of noise: over its valid steps."""
        if isinstance(tree, tuple):
            return tuple(pick(part, row, valid) for part in tree)
        return None if tree is None else tree[row : row + 1, valid]

    for row in range(len(pairs.mask)):
        s, t = np.flatnonzero(pairs.x.source_mask[row]), np.flatnonzero(pairs.mask[row])
        one = slice(row, row + 1)
        x = SourceTarget(pairs.x.source[one, s], pairs.x.target_in[one, t])
        noise = (pick(pairs.noise[0], row, s), pick(pairs.noise[1], row, t))
        states, dfinal = (
            tuple(LSTMState(*(value[one] for value in state)) for state in tree)
            for tree in (pairs.states, pairs.dfinal)
        )
        alone = Pairs(pairs.model, x, None, states, noise, pairs.doutputs[one, t], dfinal).run()
        for name, value in alone.items():
            if name in ("outputs", "dtarget_in"):
                sums[name][one, t] = value
            elif name == "dsource":
                sums[name][one, s] = value
            elif name.startswith(("final", "dinitial")):
                sums[name][one] = value
            else:
                sums[name] += value
    errors = pairs.compare(sums, whole)
    assert max(errors.values()) <= 64, errors


def test_noise_is_drawn_on_both_sides_and_replayed():
    pairs = draw_pairs(41, dropout=0.5)
    model, x = pairs.model, pairs.x
    drawn = model.forward(x, mask=pairs.mask, rng=np.random.default_rng(1))
    again = model.forward(x, mask=pairs.mask, noise=drawn.noise)
    same_bits({"y": again.outputs}, {"y": drawn.outputs})
    still = model.forward(x, mask=pairs.mask)
    assert (still.outputs != drawn.outputs).any()
    for tape, other in zip(drawn.parts, still.parts, strict=True):  # each side has its own
        assert (tape.layers[1].x != other.layers[1].x).any()
    with pytest.raises(ArgumentError, match="rng"):
        model.forward(x, rng=np.random.default_rng(1), noise=drawn.noise)
    with pytest.raises(ArgumentError, match="tuple of 2"):
        model.forward(x, noise=drawn.noise[:1])


def test_lengths_are_a_mask_of_the_target():
    pairs = draw_pairs(43, masked="lengths")
    by_length = pairs.model.forward(pairs.x, lengths=pairs.mask.sum(axis=1))
    by_mask = pairs.model.forward(pairs.x, mask=pairs.mask)
    same_bits({"y": by_length.outputs}, {"y": by_mask.outputs})
    assert (by_length.mask == pairs.mask).all()


def test_float32_stays_float32():
    pairs = draw_pairs(47, symbols=False, dtype=np.float32)
    assert {str(value.dtype) for value in pairs.run().values()} == {"float32"}


# ---- a layer like all others -------------------------------------------------------------------


def test_parameters_are_one_flat_dictionary():
    model = draw_pairs(53).model
    assert {name.split(".")[0] for name in model.params} == {"encoder", "decoder"}
    assert "encoder.1.layers.0.U" in model.params
    assert "decoder.2.b" in model.params
    model.params = {name: 2 * value for name, value in model.params.items()}
    assert (model.encoder.params["0.W"] == model.params["encoder.0.W"]).all()
    assert "encoder.1.0.LSTM" in model.summary()
    assert model.interface.keeps_time
    assert model.output_size == SYMBOLS


def test_nothing_is_remembered_and_parameters_of_the_tape_count():
    pairs = draw_pairs(59)
    tape, model = pairs.forward(), pairs.model
    before = model.backward(tape, pairs.doutputs).params
    model.params = {name: value + 1 for name, value in model.params.items()}
    model.forward(pairs.x)
    same_bits(model.backward(tape, pairs.doutputs).params, before)
