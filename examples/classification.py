"""Who speaks, and which digit is it? Sequences classified from the last state of a stack.

    python examples/classification.py --out pictures

JapaneseVowels: nine men say "ae"; 7 to 29 frames of 12 cepstral coefficients, padded and masked.
Digits: 8 x 8 pixels, read as 8 rows from top to bottom. Sizes, rates, dropout and the number of
epochs were chosen by cross-validation within the training rows; the test rows are classified once,
at the end. (The second half of the digits differs from the first: all methods make more errors.)
"""

from typing import NamedTuple

import numpy as np

import common
from npstack import Adam, Cosine, Dense, Dropout, Sequential, StackedLSTM, fit, plots
from npstack.baselines import dtw, nearest, resample, ridge_classifier, summaries
from npstack.data import Standardiser, load
from npstack.losses import softmax_cross_entropy
from npstack.training.metrics import confusion_matrix, error_rate

PENALTIES = 10.0 ** np.arange(-2, 5)
UNITS, BATCH, RATE = 64, 27, 0.005
# What others report on the same 270 training and 370 test utterances, and on the same digits.
PUBLISHED = {
    "japanese_vowels": {
        "hidden Markov model (Kudo, Toyama & Shimbo 1999)": 3.8,
        "passing-through regions (Kudo, Toyama & Shimbo 1999)": 5.9,
        "1-NN, DTW feature by feature (Bagnall et al. 2018)": 4.1,
        "1-NN, DTW over all features (Bagnall et al. 2018)": 5.1,
        "1-NN, Euclidean (Bagnall et al. 2018)": 7.6,
    },
    "digits": {"support vector machine (scikit-learn's example)": 3.1},
}


class Task(NamedTuple):
    """A data set, and how its stacks are trained."""

    name: str
    what: str
    epochs: int
    input_dropout: float
    dropout: float = 0.3


TASKS = [Task("japanese_vowels", "speaker", 50, 0.3), Task("digits", "digit", 30, 0.1)]


def build(task, layers, features, classes, rng):
    """Dropout on the input, a stack that returns its last state, one output per class."""
    stack = StackedLSTM(
        features, UNITS, layers, dropout=task.dropout, return_sequences=False, rng=rng
    )
    head = Dense(UNITS, classes, rng=rng)
    return Sequential(Dropout(task.input_dropout), stack, Dropout(task.dropout), head)


def train(task, samples, classes, layers, seed):
    """Train one stack on labelled sequences; return it as a function from sequences to its tape."""
    rng = np.random.default_rng(seed)
    # Digits hardly touch the left edge: a column that is blank in all of them stays 0.
    scaler = Standardiser.fit(samples.x, mask=samples.mask, constant="centre")
    model = build(task, layers, samples.x.shape[-1], classes, rng)
    fit(
        model,
        samples._replace(x=scaler.apply(samples.x)),
        epochs=task.epochs,
        batch_size=BATCH,
        rng=rng,
        optimiser=Adam(Cosine(RATE, task.epochs * -(-len(samples.y) // BATCH))),
        loss=softmax_cross_entropy,
        clip_norm=1.0,
    )
    return lambda others: model.forward(scaler.apply(others.x), mask=others.mask)


def cross_validate(task, samples, classes, layers, seed, folds=5):
    """Error on training rows: each fifth of them is left out of training in turn, and tested."""
    order = np.random.default_rng(seed).permutation(len(samples.y))
    order = order[np.argsort(samples.y[order], kind="stable")]
    predicted = np.empty_like(samples.y)
    for fold in range(folds):
        held = np.sort(order[fold::folds])  # every class in proportion
        others = np.setdiff1d(order, held)
        classify = train(task, samples.rows(others), classes, layers, seed)
        predicted[held] = classify(samples.rows(held)).outputs.argmax(-1)
    return error_rate(predicted, samples.y)


def baselines(data):
    """Simple methods, which may use every training row: test error in percent."""
    (x, y, mask, *_), (test_x, test_y, test_mask, *_) = data.train, data.test

    def flat(values, mask):
        return resample(values, mask, 8).reshape(len(values), -1)

    ours, theirs = flat(test_x, test_mask), flat(x, mask)
    squares = ((ours[:, np.newaxis] - theirs) ** 2).sum(-1)
    said = {
        "1-NN, Euclidean, 8 steps of each": nearest(squares, y),
        "linear (ridge), 8 steps of each": ridge_classifier(theirs, y, ours, PENALTIES).predicted,
    }
    if mask is not None:
        said["1-NN, DTW over all features"] = nearest(dtw(test_x, x, test_mask, mask), y)
        pair = summaries(x, mask), summaries(test_x, test_mask)
        linear = ridge_classifier(pair[0], y, pair[1], PENALTIES)
        said["linear (ridge), mean, deviation, extremes, ends"] = linear.predicted
    return {name: 100 * error_rate(classes, test_y) for name, classes in said.items()}


def example(seeds):
    """All tasks, one and two layers, all seeds; pictures of the first."""
    tables, drawn, validated = [], [], {}
    for task in TASKS:
        data = load(task.name)
        K, labels = len(data.classes), data.test.y
        systems = []
        for layers in (2, 1):
            name, errors = f"stacked LSTM, {'-'.join([str(UNITS)] * layers)}", []
            for seed in seeds:
                tape = train(task, data.train, K, layers, seed)(data.test)
                errors.append(100 * error_rate(tape.outputs.argmax(-1), labels))
                common.say(f"{task.name}, {name}, seed {seed}: {errors[-1]:.2f} % wrong")
                if layers == 2 and seed == seeds[0]:
                    drawn.append((task, data, tape))
            systems.append(common.Row(name, errors))
        validated[task.name] = 100 * cross_validate(task, data.train, K, 2, seeds[0])
        common.say(f"{task.name}, cross-validated: {validated[task.name]:.2f} % wrong")
        found = [common.Row(name, [error]) for name, error in baselines(data).items()]
        found += [common.Row(f"published: {who}", [e]) for who, e in PUBLISHED[task.name].items()]
        title = f"{task.name}: error on {len(labels)} test rows in %, lower is better"
        tables.append(common.Table(title, systems, found, digits=2))

    def pictures():
        for task, data, tape in drawn:
            counts = confusion_matrix(tape.outputs.argmax(-1), data.test.y, len(data.classes))
            picture = plots.confusion_matrix(counts, data.classes, what=task.what)
            yield f"{task.name}_confusion", picture
            yield f"{task.name}_activations", plots.activations(tape, output_labels=data.classes)

    settings = {"tasks": [task._asdict() for task in TASKS], "cross_validation_error": validated}
    settings |= {"units": UNITS, "batch_size": BATCH, "learning_rate": RATE, "clip_norm": 1.0}
    return common.Outcome(tables, settings, pictures)


if __name__ == "__main__":
    common.run(__doc__, example, packages=("aeon", "scikit-learn"))
