"""Character models of one, two and three layers: bits per character on unseen text.

    python examples/characters.py [--seed N] [--seeds 5] [--out FOLDER] [--json FILE]

The text consists of the help topics of Python, each paragraph once (a repeated one would not be
unseen). They differ between versions of Python, and so do the numbers. The first 90 % are for
training, the next 5 % choose the order of the n-gram, the last 5 % are read once, at the end, from
left to right with the state carried over. Layers are of equal size. A deeper stack then has more
parameters, so it is also compared with one wide layer with as many parameters as three layers.

For comparison with general compressors: the bytes that bz2 and lzma need for the unseen text, if
they have compressed the training text before it.
Five seeds take six to eight minutes on one core.
"""

import numpy as np

from common import Outcome, Row, Table, run, say
from npstack import Adam, analysis, fit, plots, softmax_cross_entropy
from npstack.baselines import NGram, compressed_bits
from npstack.data import load
from npstack.text import (
    Vocabulary,
    bits_per_character,
    character_model,
    read,
    sample,
    streams,
    without_repeats,
)
from npstack.training.schedules import Cosine, WarmUp

UNITS, DEPTHS = 80, (1, 2, 3)
SETTINGS = {
    "characters": 375_000,  # at most: newer versions of Python have twice as many
    "embedding": 32,
    "rows": 64,  # that are read at once
    "span": 16,  # characters that a gradient reaches back; the state is carried on
    "epochs": 2,
    "learning_rate": 0.015,
    "warm_up": 100,  # updates, before half a cosine to zero
    "clip_norm": 1.0,
    "dtype": "float32",
}
ORDERS = 6


def parts():
    """The source of the text, the text, its vocabulary, and the ends of its parts."""
    found = load("pydoc")
    text = without_repeats(found.text)[: SETTINGS["characters"]]
    stops = round(0.9 * len(text)), round(0.95 * len(text))
    return found.source, text, Vocabulary.of(text), stops


def build(sizes, ids, vocabulary, rng):
    """A stack over vectors of characters, with logits for the next character at every step."""
    return character_model(
        len(vocabulary),
        sizes,
        rng=rng,
        embedding=SETTINGS["embedding"],
        frequencies=np.bincount(ids, minlength=len(vocabulary)),
        dtype=np.dtype(SETTINGS["dtype"]),
    )


def parameters(model):
    """How many numbers are learned."""
    return sum(value.size for value in model.params.values())


def as_many(sizes, ids, vocabulary):
    """The single layer whose number of parameters is closest to that of a stack."""
    rng = np.random.default_rng(0)
    wanted = parameters(build(sizes, ids, vocabulary, rng))
    counts = {H: parameters(build([H], ids, vocabulary, rng)) for H in range(UNITS, 4 * UNITS)}
    return [min(counts, key=lambda H: abs(counts[H] - wanted))]


def train(sizes, ids, vocabulary, seed):
    """Stateful truncated BPTT: all rows from left to right, an update for every span."""
    rng = np.random.default_rng(seed)
    model, samples = build(sizes, ids, vocabulary, rng), streams(ids, SETTINGS["rows"])
    updates = SETTINGS["epochs"] * -(-samples.x.shape[1] // SETTINGS["span"])
    falling = Cosine(SETTINGS["learning_rate"], updates - SETTINGS["warm_up"])
    history = fit(
        model,
        samples,
        epochs=SETTINGS["epochs"],
        batch_size=SETTINGS["rows"],
        rng=rng,
        optimiser=Adam(WarmUp(falling, SETTINGS["warm_up"])),
        loss=softmax_cross_entropy,
        clip_norm=SETTINGS["clip_norm"],
        truncate=(SETTINGS["span"], SETTINGS["span"]),
        shuffle=False,
    )
    return model, history


def example(seeds):
    """Train every stack with every seed; measure all on the same unseen text."""
    source, text, vocabulary, (first, second) = parts()
    ids = vocabulary.encode(text)
    training, unseen = ids[:first], ids[second:]
    stacks = {f"{n} layer{'s' * (n > 1)} of {UNITS} units": [UNITS] * n for n in DEPTHS}
    wide = as_many([UNITS] * DEPTHS[-1], training, vocabulary)
    stacks[f"1 layer of {wide[0]} units"] = wide
    rows, models = [], {}
    for name, sizes in stacks.items():
        bits = []
        for seed in seeds:
            models[name], history = train(sizes, training, vocabulary, seed)
            bits.append(bits_per_character(models[name], unseen))
            seconds = sum(history.seconds)
            say(f"{name}, seed {seed}: {bits[-1]:.3f} bits per character ({seconds:.0f} s)")
        rows.append(Row(f"{name} ({parameters(models[name]):,} parameters)", bits))
    counted = NGram(training, ORDERS, len(vocabulary))
    best = int(counted.bits_per_character(ids[first:second]).argmin())
    baselines = [
        Row(f"n-gram of order {k}{' (chosen on the middle part)' * (k == best)}", [float(bits)])
        for k, bits in enumerate(counted.bits_per_character(unseen))
    ] + [
        Row(f"{how} behind the training text", [compressed_bits(text[second:], text[:first], how)])
        for how in ("bz2", "lzma")
    ]
    title = f"Bits per character of {len(unseen):,} unseen characters; lower is better. {source}, "
    title += f"every paragraph once: {len(vocabulary)} symbols, {first:,} characters for training."
    deepest = models[list(stacks)[len(DEPTHS) - 1]]

    def pictures():
        shown = slice(second + 300, second + 390)
        *_, (before, _) = read(deepest, ids[second : shown.start])
        ((tape, bits),) = read(deepest, ids[shown], before.final)
        some = np.linspace(0, UNITS - 1, min(UNITS, 32)).astype(int)
        units = [order[some] for order in analysis.slowest_first(tape)]
        told = {"bits": bits, "units": units, "unit_label": "units, slow to quick"}
        yield "characters", plots.characters(tape, text[shown], **told)
        for temperature in (0, 0.5, 1):
            rng, prompt = np.random.default_rng(0), text[second - 200 : second]
            say(f"\n--- three layers write at temperature {temperature}:\n")
            say(sample(deepest, vocabulary, 300, rng=rng, prompt=prompt, temperature=temperature))

    return Outcome([Table(title, rows, baselines)], SETTINGS, pictures)


if __name__ == "__main__":
    run(__doc__, example)
