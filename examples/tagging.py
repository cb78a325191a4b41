"""Colour Python code as it is typed: tag each character, given the characters before it.

    python examples/tagging.py --out pictures

Names, keywords, strings, comments …: a tag at every step, and statements of different lengths with
a mask. The text is the standard library of the Python that runs this, so the figures differ between
versions. Every fifth module is kept for the test, without statements that also occur in the others.
Neither the stack nor the baselines may read ahead, so the ``i`` of ``if`` may always be the
beginning of a name. The learning rate and the number of epochs were chosen on other draws.
"""

import platform
from collections import Counter, defaultdict

import numpy as np

import common
from npstack import (
    Adam,
    Cosine,
    Dense,
    Embedding,
    Samples,
    Sequential,
    StackedLSTM,
    WarmUp,
    fit,
    plots,
    softmax_cross_entropy,
)
from npstack.data import by_length, library_statements, pad
from npstack.data.highlighting import TAGS
from npstack.text import Vocabulary
from npstack.training.metrics import confusion_matrix, error_rate

TRAIN, TEST, SHORTEST, LONGEST = 4000, 1000, 8, 100
EPOCHS, BATCH, RATE, VECTOR, UNITS = 6, 32, 0.02, 24, 64


def draw():
    """Statements of a readable length of all modules: for training, for the test."""
    parts = [], []
    for k, statements in enumerate(library_statements().values()):
        parts[k % 5 == 4].extend(s for s in statements if SHORTEST <= len(s.text) <= LONGEST)
    known = {statement.text for statement in parts[0]}
    return parts[0], [statement for statement in parts[1] if statement.text not in known]


def samples_of(pairs, vocabulary):
    """Characters and tags in one array each, with the mask that says where a statement ends."""
    x, mask = pad([vocabulary.encode(text) for text, _ in pairs])
    return Samples(x, pad([tags for _, tags in pairs]).x, mask)


def train(layers, seed, learn, symbols):
    """A stack with a tag as output at every step."""
    rng = np.random.default_rng(seed)
    stack = StackedLSTM(VECTOR, UNITS, layers, rng=rng)
    vectors = Embedding(symbols, VECTOR, init="orthogonal", rng=rng)
    model = Sequential(vectors, stack, Dense(UNITS, len(TAGS), rng=rng))
    updates = EPOCHS * -(-len(learn.y) // BATCH)
    options = {"epochs": EPOCHS, "batch_size": BATCH, "batches": by_length(learn.mask, BATCH)}
    adam = Adam(WarmUp(Cosine(RATE, updates), -(-updates // 10)))
    options |= {"optimiser": adam, "loss": softmax_cross_entropy, "clip_norm": 1.0}
    fit(model, learn, rng=rng, **options)
    return model


def by_counts(learn, test, longest, chained):
    """The most frequent tag after the last characters and, if chained, after the tag before.

    The longest known sequence of 1 to ``longest`` characters decides.
    """

    def keys(text, i, before):
        ends = (text[max(0, i + 1 - n) : i + 1].rjust(n, "\0") for n in range(longest, 0, -1))
        return [(end, before if chained else None) for end in ends]

    counts = defaultdict(Counter)
    for text, tags in learn:
        for i, tag in enumerate(tags):
            for key in keys(text, i, tags[i - 1] if i else None):
                counts[key][tag] += 1
    best = {key: found.most_common(1)[0][0] for key, found in counts.items()}
    said = [[] for _ in test]
    for row, (text, _) in zip(said, test, strict=True):
        for i in range(len(text)):
            before = row[-1] if row else None
            found = (best[key] for key in keys(text, i, before) if key in best)
            row.append(next(found, TAGS.index("name") if before is None else before))
    return pad([np.array(row) for row in said]).x


BASELINES = {
    "most frequent tag of the character": (1, False),
    "most frequent tag after the last 6 characters": (6, False),
    "most frequent tag after these and its own last tag": (6, True),
}


def example(seeds):
    """Two layers and one, all seeds; pictures of the first."""
    known, unknown = draw()
    chars, whole, drawn = {}, {}, []

    def judge(name, said, test):
        chars.setdefault(name, []).append(100 * error_rate(said, test.y, test.mask))
        wrong = ((said != test.y) & test.mask).any(axis=1)
        whole.setdefault(name, []).append(100 * float(wrong.mean()))
        common.say(f"{name}: {chars[name][-1]:.2f} % of the characters wrong")

    for seed in seeds:
        rng = np.random.default_rng([seed, 1])
        learn, test = (
            [part[k] for k in rng.permutation(len(part))[:count]]
            for part, count in ((known, TRAIN), (unknown, TEST))
        )
        vocabulary = Vocabulary.of("".join(text for text, _ in learn), replacement="?")
        samples, held = samples_of(learn, vocabulary), samples_of(test, vocabulary)
        for layers in (2, 1):
            model = train(layers, seed, samples, len(vocabulary))
            said = model.forward(held.x, mask=held.mask).outputs.argmax(-1)
            judge(f"stacked LSTM, {'-'.join([str(UNITS)] * layers)}", said, held)
            drawn.append((test, held, said))
        for name, (longest, chained) in BASELINES.items():
            judge(name, by_counts(learn, test, longest, chained), held)

    def table(title, found):
        rows = [common.Row(*row) for row in found.items()]
        return common.Table(f"{title} wrong, lower is better", rows[:2], rows[2:], digits=2)

    def pictures():
        test, held, said = drawn[0]
        short = [k for k, s in enumerate(test) if len(s.text) < 77 and s.text.isprintable()][:18]
        short = sorted(short, key=lambda k: len(test[k].text))
        texts, tags = zip(*(test[k] for k in short), strict=True)
        yield "coloured", plots.tagged_text(texts, said[short], TAGS, tags)
        counts = confusion_matrix(said, held.y, len(TAGS), held.mask)
        yield "confusion", plots.confusion_matrix(counts, TAGS, what="tag")

    of = f"of {TEST} statements of modules never seen, Python {platform.python_version()}"
    tables = [table(f"characters {of}: %", chars), table("the same, whole: % with any", whole)]
    settings = {"train": TRAIN, "test": TEST, "lengths": [SHORTEST, LONGEST], "epochs": EPOCHS}
    settings |= {"units": UNITS, "embedding": VECTOR, "batch_size": BATCH, "learning_rate": RATE}
    return common.Outcome(tables, settings | {"clip_norm": 1.0}, pictures)


if __name__ == "__main__":
    common.run(__doc__, example)
