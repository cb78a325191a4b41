"""The encoder–decoder: gradients, padding, the handover, and both sides run by hand."""

import numpy as np
import pytest

from npstack import (
    LSTM,
    Dense,
    Embedding,
    EncoderDecoder,
    LSTMState,
    Sequential,
    SourceTarget,
    StackedLSTM,
    gradcheck,
    greedy_decode,
    shift_right,
)
from npstack.shapes import ArgumentError, DtypeError, NonFiniteError, ShapeError, TapeError
from npstack.source_target import reverse_valid
from npstack.verify.models import gate_blocks
from npstack.verify.trial import same_bits
from tests.pairs import SYMBOLS, Pairs, draw_pairs

WAYS = [
    {"handover": handover, "reverse_source": reverse}
    for handover in ("all", "top")
    for reverse in (False, True)
]
# handover="top" joins the encoder's last layer to the decoder's first: equal sizes, unequal for all
SIZES = {"all": (4, 3), "top": (3, 3)}
BOTH_SIDES = pytest.mark.parametrize("symbols", [True, False], ids=["symbols", "vectors"])
EVERY_WAY = pytest.mark.parametrize("way", WAYS, ids=lambda way: "-".join(map(str, way.values())))


def draw(seed: int, way: dict, **options) -> Pairs:
    return draw_pairs(seed, sizes=SIZES[way["handover"]], **way, **options)


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
    pairs = draw(3, way, symbols=False, masked=masked, dropout=0.4, batch=3, steps=(4, 3))
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
@pytest.mark.parametrize("seed", range(20))
def test_wide_and_long(seed):
    way = WAYS[seed % len(WAYS)]
    rng = np.random.default_rng(seed)
    H, L = int(rng.integers(8, 65)), int(rng.integers(1, 4))
    steps = tuple(int(n) for n in rng.integers(10, 101, 2))
    pairs = draw_pairs(seed, sizes=(H,) * L, symbols=False, dropout=0.3, steps=steps, **way)
    report = check(pairs, entries=3)
    assert report.passed, report


def test_the_states_handed_over_carry_a_gradient():
    """No dead road: every encoder parameter of every layer gets one, and only by way of states."""
    for way in WAYS:
        pairs = draw(7, way)
        grads = pairs.model.backward(pairs.forward(), pairs.doutputs)
        for name, value in grads.params.items():
            assert np.abs(value).max() > 0, (way, name)


# ---- by hand: the two sides are run as anybody would -------------------------------------------


@BOTH_SIDES
@pytest.mark.parametrize("handover", ["all", "top"])
def test_it_is_the_two_sides_run_by_hand(symbols, handover):
    pairs = draw(11, {"handover": handover}, symbols=symbols, dropout=0.3)
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
    assert (tape.x.source[valid] == pairs.x.source[valid]).all()  # the tape has it as it was given


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
    pairs = draw(29, way, symbols=symbols)
    for junk in (-1, 10**9) if symbols else (np.nan, np.inf, 1e30):
        source, target_in = np.array(pairs.x.source), np.array(pairs.x.target_in)
        doutputs = np.array(pairs.doutputs)
        source[~pairs.x.source_mask], target_in[~pairs.mask] = junk, junk
        doutputs[~pairs.mask] = float(junk)
        x = SourceTarget(source, target_in, pairs.x.source_mask)
        same_bits(pairs.but(x=x, doutputs=doutputs).run(), pairs.run(), f"padding of {junk}")


@EVERY_WAY
def test_masked_steps_give_zero_and_get_zero_gradient(way):
    pairs = draw(31, way, symbols=False)
    results = pairs.run()
    assert (~pairs.mask).any()
    assert (~pairs.x.source_mask).any()
    assert not results["outputs"][~pairs.mask].any()
    assert not results["dtarget_in"][~pairs.mask].any()
    assert not results["dsource"][~pairs.x.source_mask].any()
    assert results["dsource"][pairs.x.source_mask].any(axis=-1).sum() > 4


@EVERY_WAY
def test_a_padded_pair_equals_the_pair_alone(way):
    pairs = draw(37, way, symbols=False, masked="lengths", dropout=0.3)
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
    assert model.keeps_time
    assert model.output_size == SYMBOLS


def test_nothing_is_remembered_and_parameters_of_the_tape_count():
    pairs = draw_pairs(59)
    tape, model = pairs.forward(), pairs.model
    before = model.backward(tape, pairs.doutputs).params
    model.params = {name: value + 1 for name, value in model.params.items()}
    model.forward(pairs.x)
    same_bits(model.backward(tape, pairs.doutputs).params, before)


# ---- teacher forcing and greedy decoding -------------------------------------------------------


def test_shift_right_puts_the_start_before_everything_else():
    target = np.array([[3, 4, 5], [6, 7, 8]])
    assert shift_right(target, 1).tolist() == [[1, 3, 4], [1, 6, 7]]
    vectors = shift_right(target[..., np.newaxis] / 2, 0.0)
    assert vectors[0, :, 0].tolist() == [0.0, 1.5, 2.0]
    with pytest.raises(ShapeError, match=r"target\[np.newaxis\]"):
        shift_right(target[0], 1)


START, STOP = 0, 1


@EVERY_WAY
def test_greedy_decoding_equals_teacher_forcing_with_its_own_words(way):
    lengths = set()
    for seed in range(6):
        pairs = draw(seed, way, masked="lengths", batch=7)
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
        assert said.mask.any(axis=0).all()  # no longer than the longest row
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
        n = alone.symbols.shape[1]
        assert (alone.symbols[0] == together.symbols[row, :n]).all()
        assert together.mask[row].sum() == n


def test_the_states_of_encode_are_those_that_the_decoder_begins_with():
    pairs = draw_pairs(61, reverse_source=True)
    states = pairs.model.encode(pairs.x.source, pairs.x.source_mask)
    tape = pairs.model.forward(pairs.x, mask=pairs.mask)
    for state, layer in zip(states, tape.parts[1].layers, strict=True):
        same_bits(state._asdict(), layer.initial._asdict())


# ---- wrong calls -------------------------------------------------------------------------------

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
        (SourceTarget(source[:2], target_in), ShapeError, "as many rows, got 2 and 4"),
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
        model.backward(tape, pairs.doutputs, tape.final)
    with pytest.raises(TapeError, match="two parts"):
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


def test_greedy_decoding_refuses_what_it_cannot_do():
    pairs = draw_pairs(73)
    options = {"start": START, "stop": STOP, "max_steps": 3}
    for changed, words in [
        ({"max_steps": 0}, "max_steps"),
        ({"start": SYMBOLS}, "start must be a symbol of the decoder, from 0 to 5"),
        ({"stop": -1}, "stop must be a symbol"),
        ({"stop": 1.0}, "stop must be a symbol"),
    ]:
        with pytest.raises(ArgumentError, match=words):
            greedy_decode(pairs.model, pairs.x.source, **{**options, **changed})
    vectors = draw_pairs(73, symbols=False)
    with pytest.raises(ArgumentError, match="4 features read, 6 written"):
        greedy_decode(vectors.model, vectors.x.source, **options)
    with pytest.raises(DtypeError, match="must be an EncoderDecoder"):
        greedy_decode(pairs.model.decoder, pairs.x.source, **options)
    sides = [Sequential(Embedding(5, 2, rng=rng), stack(4)) for _ in range(2)]
    with pytest.raises(ArgumentError, match="5 symbols read, 4 written"):
        greedy_decode(EncoderDecoder(*sides), np.zeros((1, 2), int), **options)
    with pytest.raises(ShapeError, match=r"source\[np.newaxis\]"):
        greedy_decode(pairs.model, pairs.x.source[0], **options)
