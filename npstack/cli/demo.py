"""The main job on real data: sunspots a year ahead, by stacks of LSTMs and by simple baselines.

Every month, the model reads one number and forecasts the number twelve months later. Months 0–1919
train, 1920–2399 choose (lag, penalty, epoch), and the months from 2400 on are used once, at the
end. Numbers are square roots, standardised with the training months' mean and deviation.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from npstack import analysis, plots
from npstack.baselines import Split, best_lag, lagged, ridge
from npstack.cli import folders
from npstack.core import params
from npstack.core.numerics import Array
from npstack.core.tape import Tape
from npstack.data import Scale, Series, load_sunspots
from npstack.layers import Dense, Sequential
from npstack.layers.base import Layer
from npstack.layers.stacked import StackedLSTM
from npstack.losses import mean_squared_error
from npstack.training import checkpoint
from npstack.training.fit import History, Samples, fit
from npstack.training.optim import Adam
from npstack.verify import Report, check_gradients
from npstack.version import __version__

SPLIT = Split(ahead=12, train=1920, valid=2400)
LAGS = range(60, 201)
CYCLE = 132  # months: eleven years
PENALTIES = 10.0 ** np.arange(-2, 5)
FAST = 8  # enough epochs to beat persistence, the best lag and ridge over two years
Say = Callable[[str], None]


@dataclass(frozen=True)
class Settings:
    """How a stack is trained; chosen on the validation months.

    Attributes
    ----------
    sizes : tuple of int
        Hidden sizes of the three-layer stack.
    warm_up, length, stride : int
        Training rows have ``warm_up + length`` months and begin every ``stride`` months. The
        warm-up, in which the state fills, does not count in the loss.
    batch_size, epochs, learning_rate, dropout, clip_norm
        As usual. The epoch with the smallest validation error is kept.
    """

    sizes: tuple[int, ...] = (12, 12, 12)
    warm_up: int = 72
    length: int = 144
    stride: int = 24
    batch_size: int = 18
    epochs: int = 20
    learning_rate: float = 1e-2
    dropout: float = 0.2
    clip_norm: float = 1.0


@dataclass(frozen=True)
class Trained:
    """A trained model, its history, and its forecasts on the test months."""

    model: Layer
    history: History
    best_epoch: int
    tape: Tape
    predictions: Array
    seconds: float


def rows(z: Array, starts: Array, warm_up: int, length: int) -> Samples:
    """Parts of the series with their targets; the warm-up does not count."""
    index = starts[:, np.newaxis] + np.arange(warm_up + length)
    counts = np.zeros(index.shape, dtype=bool)
    counts[:, warm_up:] = True
    return Samples(z[index][..., np.newaxis], z[index + SPLIT.ahead][..., np.newaxis], None, counts)


def training_rows(z: Array, settings: Settings) -> Samples:
    """Rows whose targets all lie in the training months."""
    last = SPLIT.train - SPLIT.ahead - settings.warm_up - settings.length
    starts = np.arange(0, last + 1, settings.stride)
    return rows(z, starts, settings.warm_up, settings.length)


def validation_rows(z: Array) -> Samples:
    """Rows whose counted targets are the validation months, each once, after a cycle to warm up."""
    length = (SPLIT.valid - SPLIT.train) // 4
    starts = np.arange(SPLIT.train, SPLIT.valid, length) - SPLIT.ahead - CYCLE
    return rows(z, starts, CYCLE, length)


def build(sizes: tuple[int, ...], settings: Settings, rng: np.random.Generator) -> Sequential:
    """A stack with a linear head at every step."""
    stack = StackedLSTM(1, sizes, dropout=settings.dropout, rng=rng)
    return Sequential(stack, Dense(sizes[-1], 1, rng=rng))


def equal_sizes(layers: int, settings: Settings) -> tuple[int, ...]:
    """Sizes of a stack of fewer layers, with nearly the same number of parameters."""

    def count(sizes: tuple[int, ...]) -> int:
        return params.count(build(sizes, settings, np.random.default_rng(0)).params)

    wanted = count(settings.sizes)
    return min(((H,) * layers for H in range(1, 100)), key=lambda sizes: abs(count(sizes) - wanted))


def train(z: Array, sizes: tuple[int, ...], seed: int, settings: Settings, say: Say) -> Trained:
    """Train one stack, keep its best epoch, and let it read the whole series once."""
    began = time.perf_counter()
    rng = np.random.default_rng(seed)
    model = build(sizes, settings, rng)

    def on_epoch(model: Layer, history: History) -> None:
        say(
            f"{len(sizes)} layers, epoch {history.epochs[-1]} of {settings.epochs}: "
            f"training {history.train_loss[-1]:.3f}, validation {history.validation_loss[-1]:.3f}"
        )

    history = fit(
        model,
        training_rows(z, settings),
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        rng=rng,
        optimiser=Adam(settings.learning_rate),
        clip_norm=settings.clip_norm,
        validation=validation_rows(z),
        keep_best=True,
        on_epoch=on_epoch,
    )
    if history.stopped == "interrupted":  # stacks trained for different times cannot be compared
        raise KeyboardInterrupt
    assert history.best_epoch is not None
    series = z[np.newaxis, : -SPLIT.ahead, np.newaxis]
    first = SPLIT.valid - SPLIT.ahead
    before = model.forward(series[:, :first])
    tape = model.forward(series[:, first:], before.final)
    seconds = time.perf_counter() - began
    return Trained(model, history, history.best_epoch, tape, tape.outputs[0, :, 0], seconds)


def check(trained: Trained, z: Array, seed: int) -> list[Report]:
    """Check the trained gradients: random directions on longer rows, and a sample of entries."""
    rng = np.random.default_rng(seed)
    long, short = (rows(z, np.array([0, 600]), 0, length).x for length in (60, 12))
    return [
        check_gradients(trained.model, long, route="direction", entries=5, rng=rng, noise_rng=rng),
        check_gradients(trained.model, short, entries=2, rng=rng, noise_rng=rng),
    ]


def pictures(trained: Trained, series: Series, scale: Scale, others: dict[str, Array]) -> Any:
    """Name and figure of every picture, per-layer activations first."""
    tape, model = trained.tape, trained.model
    targets = series.years[SPLIT.valid :]
    read = targets - SPLIT.ahead / 12
    z = scale.apply(series.values)[SPLIT.valid :]
    loss = mean_squared_error(tape.outputs, z[np.newaxis, :, np.newaxis])
    grads = model.backward(tape, loss.gradient)
    last = np.zeros_like(tape.outputs)
    last[:, -1] = 1  # how far back does the last forecast reach?
    norms = analysis.gradient_norms(model, tape, last)
    yield (
        "activations",
        plots.activations(
            tape,
            times=read,
            time_label="year that is read",
            input_labels=["sunspots, root, standardised"],
            output_labels=["forecast, a year ahead"],
            truth=z[np.newaxis, :, np.newaxis],
            truth_label="truth, a year later",
        ),
    )
    for k, layer in enumerate(tape.layers):
        yield (
            f"gates_layer_{k}",
            plots.gates(layer, times=read, time_label="year that is read", title=f"layer {k}"),
        )
    yield "saturation", plots.saturation(tape)
    yield (
        "gradient_norms",
        plots.gradient_norms(
            norms, times=read, time_label="year that is read", of="the last forecast"
        ),
    )
    yield "weights_layer_0", plots.weights(model.params, grads.params, layer="0.layers.0")
    yield "training", plots.training_curves(trained.history, loss_label="mean squared error")
    spots = {name: scale.invert(values) for name, values in others.items()}
    spots = {"three-layer stack": scale.invert(trained.predictions), **spots}
    yield (
        "forecasts",
        plots.forecasts(
            targets,
            series.values[SPLIT.valid :],
            spots,
            time_label="year",
            value_label="sunspot number, monthly mean",
            title="12 months ahead",
        ),
    )
    yield "diagram", plots.diagram(model)


def run(
    out: Path, *, seed: int = 0, settings: Settings | None = None, say: Say = lambda line: None
) -> dict[str, Any]:
    """Train, compare, check, draw; write everything to ``out`` and return the metrics.

    Parameters
    ----------
    out : Path
        Created if missing; nothing is written elsewhere.
    seed : int
        Of weights, order of batches and dropout.
    settings : Settings, optional
    say : callable
        Gets lines of progress.

    Returns
    -------
    dict
        What ``metrics.json`` holds.
    """
    settings = Settings() if settings is None else settings
    out.mkdir(parents=True, exist_ok=True)  # now, not after a minute of work
    series = load_sunspots()
    scale = Scale.fit(series.values[: SPLIT.train])
    z = scale.apply(series.values)
    truth = z[SPLIT.valid :]
    baselines = {
        "persistence": lagged(z, SPLIT.ahead, SPLIT),
        "best lag": best_lag(z, SPLIT, LAGS),
        "ridge over 24 months": ridge(z, 24, SPLIT, PENALTIES),
        "ridge over a full cycle": ridge(z, CYCLE, SPLIT, PENALTIES),
    }
    stacks = {}
    for layers in (len(settings.sizes), *range(len(settings.sizes) - 1, 0, -1)):
        full = layers == len(settings.sizes)
        sizes = settings.sizes if full else equal_sizes(layers, settings)
        stacks[layers] = train(z, sizes, seed, settings, say)
    main = stacks[len(settings.sizes)]
    say("checking the gradients of the trained stack")
    reports = check(main, z, seed)

    metrics: dict[str, Any] = {
        "npstack": __version__,
        "seed": seed,
        "settings": asdict(settings),
        "split": SPLIT._asdict(),
        "scale": scale._asdict(),
        "baselines": {
            name: {"mse": float(np.mean((f.predictions - truth) ** 2)), "choice": f.choice}
            for name, f in baselines.items()
        },
        "stacks": {
            ("1 layer" if layers == 1 else f"{layers} layers"): {
                "mse": float(np.mean((stack.predictions - truth) ** 2)),
                "sizes": [inner.output_size for inner in stack.model.recurrent],
                "parameters": params.count(stack.model.params),
                "best_epoch": stack.best_epoch,
                "seconds": round(stack.seconds, 1),
            }
            for layers, stack in stacks.items()
        },
        "gradient_check": {
            "passed": all(report.passed for report in reports),
            "blocks": sum(len(report.rows) for report in reports),
            "worst_error": max(report.worst.error for report in reports),
        },
        "history": asdict(main.history),
    }
    say("drawing")
    linear = {"ridge over a full cycle": baselines["ridge over a full cycle"].predictions}
    for name, picture in pictures(main, series, scale, linear):
        folders.write_picture(out / f"{name}.png", picture)
    config = {"model": "Sequential(StackedLSTM, Dense)", **metrics["settings"]}
    checkpoint.save_weights(folders.unlinked(out / "weights.npz"), main.model.params, config)
    folders.write(out / "metrics.json", json.dumps(metrics, indent=1).encode() + b"\n")
    return metrics


def table(metrics: dict[str, Any]) -> str:
    """The result in words and numbers, for a terminal."""
    entries = [(name, m["mse"], m["choice"]) for name, m in metrics["baselines"].items()]
    for name, m in metrics["stacks"].items():
        sizes = "-".join(map(str, m["sizes"]))
        note = f"sizes {sizes}, {m['parameters']:,} parameters, epoch {m['best_epoch']}"
        entries.append((f"stacked LSTM, {name}", m["mse"], note))
    entries.sort(key=lambda entry: -entry[1])
    epochs, usual = metrics["settings"]["epochs"], Settings().epochs
    shorter = f"Trained for {epochs} epochs; npstack demo without --fast trains for {usual}."
    lines = [
        "Sunspots a year ahead: mean squared error on the test months (from January 1949),",
        "square-root scale in standard units of the training months; lower is better.",
        "",
        *(f"  {name:<26} {mse:6.3f}   {note}" for name, mse, note in entries),
        "",
        *([shorter, ""] if epochs < usual else []),
        "A linear model over a full solar cycle is hard to beat here, and on some 3,000 numbers",
        "more layers do not always help: compare the rows above.",
        "",
    ]
    verdict = metrics["gradient_check"]
    lines.append(
        f"Gradients of the trained stack: {'right' if verdict['passed'] else 'WRONG'} in "
        f"{verdict['blocks']} checks by complex step, largest relative error "
        f"{verdict['worst_error']:.0e}."
    )
    return "\n".join(lines)
