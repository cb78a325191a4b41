"""A neutral description of one configuration: how it is drawn, and how it becomes smaller.

`draw` takes each field from the values that a framework offers. `smaller` yields all configurations
with one option less, and `shrink` goes on as long as one of them still fails: the result is the
smallest description of a disagreement that can be found in this way.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np

from npstack.core.activations import Activation

SIGMOID, TANH = Activation("sigmoid"), Activation("tanh")
USUAL = {  # in ONNX's order: gates, candidate, and of an LSTM the cell on its way out
    "lstm": (SIGMOID, TANH, TANH),
    "gru": (SIGMOID, TANH),
    "gru_reset_before": (SIGMOID, TANH),
    "rnn": (TANH,),
}
BOUNDED = {
    *("sigmoid", "tanh", "softsign", "scaled_tanh", "hard_sigmoid_fifth", "hard_sigmoid_sixth")
}
Choices = Mapping[str, Sequence[Any]]


@dataclass(frozen=True)
class Config:
    """One configuration; every default is the smallest value.

    Attributes
    ----------
    seed : int
        Of all numbers; each array has its own generator.
    cell : {"lstm", "gru", "gru_reset_before", "rnn"}
    batch, steps, input_size : int
        B, T, D.
    sizes : tuple of int
        H of each layer, bottom first.
    directions : {"forward", "backward", "as_read", "both"}
        ``backward`` gives its outputs in the order of time, ``as_read`` in that of reading.
    merge : str
        Of both directions; ``none`` on top of a stack only, ``concat`` below it then.
    one_loop : bool
        All cells within one step of time: of both directions, two whole stacks (§8.5).
    last_only : bool
        The top layer returns its last step.
    bias, initial : bool
        Whether there are biases (None of the other's is zero of ours), and initial states.
    padding : {"none", "lengths", "empty", "holes"}
        Lengths from 1, lengths from 0, or any mask.
    projection : int
        P; 0 for none.
    peepholes, coupled : bool
    clip : float or None
        Of pre-activations.
    activations : tuple of tuple of Activation
        One tuple per direction, as `USUAL` lists them; empty for the usual ones.
    flavour : str
        Which of several programs of the framework computes it.
    extras : tuple of str
        Further settings of that program; npstack's model depends on them only by a stored bias.
    """

    seed: int
    cell: str = "lstm"
    batch: int = 1
    steps: int = 1
    input_size: int = 1
    sizes: tuple[int, ...] = (1,)
    directions: str = "forward"
    merge: str = "concat"
    one_loop: bool = False
    last_only: bool = False
    bias: bool = True
    initial: bool = False
    padding: str = "none"
    projection: int = 0
    peepholes: bool = False
    coupled: bool = False
    clip: float | None = None
    activations: tuple[tuple[Activation, ...], ...] = ()
    flavour: str = ""
    extras: tuple[str, ...] = ()

    @property
    def ends(self) -> tuple[str, ...]:
        """The directions by name; one without a name where there is only one."""
        return ("forward", "backward") if self.directions == "both" else ("",)

    def activations_of(self, direction: int) -> tuple[Activation, ...]:
        """Of one direction, the usual ones included."""
        return self.activations[direction] if self.activations else USUAL[self.cell]

    @property
    def bounded(self) -> bool:
        """Whether no activation can grow."""
        return all(a.name in BOUNDED for own in self.activations for a in own)

    @property
    def fingerprint(self) -> str:
        """Eight letters that are others for any other configuration, near enough."""
        return f"{zlib.crc32(repr(self).encode()):08x}"

    def described(self) -> dict[str, Any]:
        """The fields that are not the smallest, as JSON has them."""
        plain = asdict(Config(self.seed))
        return {n: v for n, v in asdict(self).items() if n == "seed" or v != plain[n]}


def sound(config: Config) -> Config:
    """The same without options that have no effect together with the others."""
    changes: dict[str, Any] = {}
    smallest = min(config.sizes)
    if config.cell != "lstm":
        changes |= {"projection": 0, "peepholes": False, "coupled": False, "clip": None}
    elif config.projection >= smallest:
        changes["projection"] = smallest - 1
    if config.directions != "both":
        changes["merge"] = "concat"
    if config.directions != "both" or all(a == USUAL[config.cell] for a in config.activations):
        kept = config.activations[:1]
        changes["activations"] = () if kept == (USUAL[config.cell],) else kept
    if config.activations and len(config.activations[0]) != len(USUAL[config.cell]):
        changes["activations"] = ()
    return replace(config, **changes)


def draw(rng: np.random.Generator, seed: int, choices: Choices) -> Config:
    """One configuration; each field is one of the values that are listed for it, or the smallest.

    ``layers`` stands for the length of ``sizes``, ``same`` for whether all sizes are equal,
    ``activation`` for what each of the ``activations`` may be, ``extra`` for what each of the
    ``extras`` may be (each is drawn in every third configuration). One layer in twenty-five has a
    single unit: there a block is often one number, a sum that may cancel.
    """

    def one(values: Sequence[Any]) -> Any:
        return values[int(rng.integers(len(values)))]

    def size() -> int:
        return 1 if rng.random() < 0.04 else int(rng.integers(2, 9))

    found = {
        field.name: one(choices[field.name]) for field in fields(Config) if field.name in choices
    }
    layers = one(choices.get("layers", (1,)))
    sizes = (
        [size()] * layers if one(choices.get("same", (True,))) else [size() for _ in range(layers)]
    )
    extras = tuple(extra for extra in choices.get("extra", ()) if rng.random() < 1 / 3)
    found |= {"sizes": tuple(sizes), "input_size": size(), "extras": extras}
    config = Config(seed, **found)
    if "activation" in choices and rng.random() < 0.6:
        drawn = [
            tuple(one(choices["activation"])(rng) for _ in USUAL[config.cell]) for _ in config.ends
        ]
        config = replace(config, activations=tuple(drawn))
    return sound(config)


def smaller(config: Config) -> Iterator[Config]:
    """Every configuration with one option less, the largest steps first."""
    plain = Config(config.seed)
    for field in fields(Config):
        now, least = getattr(config, field.name), getattr(plain, field.name)
        steps: list[Any] = [] if now == least else [least]
        if isinstance(now, int) and not isinstance(now, bool):
            steps += [value for value in (now // 2, now - 1) if value > least]
        elif field.name == "sizes":
            steps += [now[:-1], now[1:]] if len(now) > 1 else []
            for k, size in enumerate(now):
                for value in sorted({1, size // 2, size - 1} - {0, size}):
                    steps.append((*now[:k], value, *now[k + 1 :]))
        elif field.name == "extras":
            steps += [(*now[:k], *now[k + 1 :]) for k in range(len(now))]
        elif field.name == "activations":
            for d, own in enumerate(now):
                for k, usual in enumerate(USUAL[config.cell]):
                    other = (*own[:k], usual, *own[k + 1 :])
                    steps.append((*now[:d], other, *now[d + 1 :]))
        for value in steps:
            yield replace(config, **{field.name: value})


def shrink(
    config: Config, fails: Callable[[Config], bool], allowed: Callable[[Config], Config] = sound
) -> Config:
    """The smallest configuration that still fails, option by option.

    ``allowed`` turns a configuration into one that the framework can represent.
    """
    tried = {config}
    while True:
        for candidate in map(allowed, smaller(config)):
            if candidate not in tried and not tried.add(candidate) and fails(candidate):
                config = candidate
                break
        else:
            return config
