"""Spoken times, written as a clock shows them: "quarter to three pm" becomes "14:45".

    python examples/encoder_decoder.py --out pictures

An encoder reads words, a decoder writes digits. Half of all times are used for training; the test
is on others, in four phrases each. The example measures which states a *deep* encoder should pass
on: those of every layer, or only that of the last one, as in programs for one layer that are used
with three; and whether it helps to read the source backwards. Each handover uses the better of the
rates 0.01 and 0.02.
"""

from itertools import pairwise

import numpy as np

import common
from npstack import (
    Adam,
    Cosine,
    Dense,
    Embedding,
    EncoderDecoder,
    Samples,
    Sequential,
    SourceTarget,
    StackedLSTM,
    WarmUp,
    fit,
    greedy_decode,
    plots,
    shift_right,
    softmax_cross_entropy,
)
from npstack.data import pad, spoken_times
from npstack.plots.frame import COLOURS, MARKERS, finish, legend_above, new_picture
from npstack.text import Vocabulary

HEARD, TESTED, EPOCHS, BATCH, VECTOR, UNITS = 720, 240, 10, 64, 16, 40
RATES = {"all": 0.02, "top": 0.01}
WAYS = {  # layers, handover, reverse_source
    "three layers, every state handed over": (3, "all", False),
    "three layers, every state, source reversed": (3, "all", True),
    "three layers, the last one's state only": (3, "top", False),
    "three layers, the last one's only, reversed": (3, "top", True),
    "one layer": (1, "all", False),
}
TIMES = spoken_times()
WORDS = sorted({word for phrases in TIMES.values() for p in phrases for word in p.split()})
WRITTEN = Vocabulary("^$:0123456789")  # ^ is what the decoder reads first, $ ends a time
START, STOP = WRITTEN.encode("^$").tolist()


def samples_of(pairs):
    """Padded symbols and the mask of the source; the target is shifted right by one step."""
    source, mask = pad([np.array([WORDS.index(word) for word in phrase]) for phrase, _ in pairs])
    target = np.stack([WRITTEN.encode(shown) for _, shown in pairs])
    return Samples(SourceTarget(source, shift_right(target, START), mask), target)


def build(way, rng):
    """Embedding and stack that read; embedding, stack and head that write."""
    layers, handover, reverse = WAYS[way]

    def side(symbols):
        vectors = Embedding(len(symbols), VECTOR, init="orthogonal", rng=rng)
        return vectors, StackedLSTM(VECTOR, UNITS, layers, rng=rng)

    reader = Sequential(*side(WORDS))
    writer = Sequential(*side(WRITTEN), Dense(UNITS, len(WRITTEN), rng=rng))
    return EncoderDecoder(reader, writer, handover=handover, reverse_source=reverse)


def wrong(said, meant):
    """Rows that are not right from the first to the last character, in percent."""
    return 100 * float((said != meant).any(1).mean())


def train(way, seed, learn, test):
    """Train one model; return its errors after every epoch, when it reads its own outputs."""
    rng = np.random.default_rng(seed)
    model, curve = build(way, rng), []

    def examine(*_):
        options = {"start": START, "stop": STOP, "max_steps": test.y.shape[1]}
        said = greedy_decode(model, test.x.source, source_mask=test.x.source_mask, **options)
        curve.append(wrong(said.symbols, test.y))

    updates = EPOCHS * -(-len(learn.y) // BATCH)
    adam = Adam(WarmUp(Cosine(RATES[model.handover], updates), -(-updates // 10)))
    options = {"epochs": EPOCHS, "batch_size": BATCH, "clip_norm": 1.0, "on_epoch": examine}
    fit(model, learn, optimiser=adam, loss=softmax_cross_entropy, rng=rng, **options)
    common.say(f"seed {seed}, {way}: {curve[-1]:.1f} % wrong")
    return model, curve


def baselines(pairs, count, y):
    """The most similar training phrase; linear maps from words and pairs of words to characters."""
    grams = [{*phrase, *pairwise(phrase)} for phrase, _ in pairs]
    names = sorted(set().union(*grams[:count]), key=str)
    X = np.array([[name in found for name in names] for found in grams], dtype=float)
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    learn, test = X[:count], X[count:]
    Y = np.eye(len(WRITTEN))[y[:count]].reshape(count, -1)
    W = np.linalg.solve(learn.T @ learn + np.eye(len(names)), learn.T @ Y)
    nearest, places = (test @ learn.T).argmax(1), (test @ W).reshape(len(test), -1, len(WRITTEN))
    return {
        "answer to the most similar phrase that was heard": y[nearest],
        "linear (ridge), from words and pairs of words": places.argmax(-1),
    }


def curves_of(found):
    """Errors after every epoch: a thin line for each seed, a thick one for their mean."""
    picture, epochs = new_picture(4.0), np.arange(1, EPOCHS + 1)
    ax = picture.subplots()
    for (way, curves), colour, marker in zip(found.items(), COLOURS, MARKERS, strict=False):
        ax.plot(epochs, np.transpose(curves), color=colour, linewidth=0.5)
        ax.plot(
            epochs, np.mean(curves, axis=0), color=colour, marker=marker, markersize=5, label=way
        )
    ax.set(ylim=(0, 101), xticks=epochs)
    finish(ax, "", "epoch", "times not written exactly, %")
    legend_above(ax)
    return picture


def example(seeds):
    """All kinds of handover, all seeds; the picture of the states is of the first seed."""
    curves, simple, drawn = {way: [] for way in WAYS}, {}, []
    for seed in seeds:
        order = np.random.default_rng([seed, 2]).permutation(list(TIMES))[: HEARD + TESTED]
        pairs = [(phrase.split(), f"{shown}$") for shown in order for phrase in TIMES[shown]]
        samples, count = samples_of(pairs), 4 * HEARD
        learn, test = samples.rows(slice(count)), samples.rows(slice(count, None))
        for name, said in baselines(pairs, count, samples.y).items():
            simple.setdefault(name, []).append(wrong(said, test.y))
        for way, found in curves.items():
            model, curve = train(way, seed, learn, test)
            found.append(curve)
            drawn.append((model, *pairs[count]))
    rows = [common.Row(way, [curve[-1] for curve in found]) for way, found in curves.items()]
    title = f"{len(test.y)} phrases of times never heard: % not written exactly, lower is better"
    table = common.Table(title, rows, [common.Row(*row) for row in simple.items()], digits=1)

    def pictures():
        yield "curves", curves_of(curves)
        model, phrase, shown = drawn[0]
        tape = model.forward(samples_of([(phrase, shown)]).x)
        label = "step as read (^: the start)"
        yield "states", plots.handover(tape, phrase, "^" + shown[:-1], label=label)

    settings = {"heard": HEARD, "tested": TESTED, "epochs": EPOCHS, "batch_size": BATCH}
    settings |= {"units": UNITS, "embedding": VECTOR, "rates": RATES, "ways": WAYS}
    return common.Outcome([table], settings, pictures)


if __name__ == "__main__":
    common.run(__doc__, example)
