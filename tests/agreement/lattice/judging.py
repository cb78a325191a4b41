"""Many configurations, two programs: errors of all blocks, and what is left of a failure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np

from tests.agreement.lattice.config import Choices, Config, draw, shrink, sound
from tests.agreement.lattice.models import Redraw
from tests.tools.random_stacks import Arrays, Case, compare
from tests.tools.rounding import explain

SHOWN = ("1", "0.999", "0.99", "0.9", "0.5")
FLOAT32_BAR = 1e-6 / float(np.finfo(np.float32).eps)  # the bar 1e-6 in eps of float32


class Pair(NamedTuple):
    """The same names, computed twice; ``theirs`` holds all that is compared."""

    case: Case
    ours: Arrays
    theirs: Arrays


def by_rounding(config: Config, pair: Pair, block: str) -> dict[str, Any]:
    """Of inputs and parameters; where that does not suffice, also of what the tape keeps."""
    case, ours, theirs = pair
    found = explain(case, block, ours, theirs)
    if found["explained"]:
        return {**found, "because": "conditioning"}
    return {**explain(case, block, ours, theirs, storing=True), "because": "storing"}


@dataclass(frozen=True)
class Framework:
    """One of the lattices.

    Attributes
    ----------
    choices : dict
        What each field of a configuration may be.
    pair : callable
        Runs both programs.
    allowed : callable
        Turns a configuration into one that the framework can represent.
    bar : float
        In eps of the working dtype.
    count : int
        Configurations of the full run.
    packages : tuple of str
        Whose versions the evidence names.
    all_held : bool
        Whether "at most one block in a thousand above" holds for unbounded activations, too.
    share : float
        How many of the blocks may be above the bar, if each is explained.
    explain : callable
        Whether a block above the bar is right all the same.
    """

    choices: Choices
    pair: Callable[[Config], Pair]
    bar: float
    count: int
    packages: tuple[str, ...]
    allowed: Callable[[Config], Config] = sound
    explain: Callable[[Config, Pair, str], dict[str, Any]] = by_rounding
    all_held: bool = False
    share: float = 1 / 1000

    def draw(self, seed: int, attempt: int = 0) -> Config:
        """The configuration of a seed."""
        rng = np.random.default_rng([seed, attempt])
        return self.allowed(draw(rng, seed, self.choices))

    def compare(self, config: Config) -> tuple[Pair, dict[str, float]]:
        """Both programs, and the error of every block; no output and no final is left out."""
        pair = self.pair(config)
        forward = {name for name in pair.ours if not name.startswith("d")}
        left = forward - pair.theirs.keys()
        assert not left, f"not compared: {sorted(left)}"
        return pair, compare(*pair)

    def above(
        self, config: Config, pair: Pair, found: dict[str, float]
    ) -> Iterator[dict[str, Any]]:
        """Every block above the bar, the worst first, with its explanation.

        After three without one it is enough: the configuration has failed.
        """
        wrong = 0
        for block in sorted(found, key=found.__getitem__, reverse=True):
            if found[block] <= self.bar or wrong == 3:
                return
            why: dict[str, Any] = {"explained": False}
            if np.isfinite(found[block]):  # not: zero in one program only
                why = self.explain(config, pair, block)
            wrong += not why["explained"]
            yield {"block": block, "error": found[block], **why}

    def fault(self, config: Config) -> str:
        """What is wrong with a configuration, in words; empty where nothing is."""
        try:
            above = self.above(config, *self.compare(config))
            return next((str(entry) for entry in above if not entry["explained"]), "")
        except Redraw:
            return ""
        except Exception as error:  # of whatever kind: it is reported, with what led to it
            return f"{type(error).__name__}: {error}"

    def smallest(self, config: Config) -> dict[str, Any]:
        """A failing configuration, reduced option by option, and its fault."""
        least = shrink(config, lambda c: bool(self.fault(c)), self.allowed)
        return {"smallest": least.described(), "fault": self.fault(least)}


class Result(NamedTuple):
    """One configuration, run."""

    config: Config
    attempts: int
    errors: dict[str, float]
    above: list[dict[str, Any]]

    @property
    def line(self) -> str:
        """Seed, fingerprint, number of blocks and the largest error, as evidence has them."""
        config, errors = self.config, self.errors
        worst = max(errors.values(), default=0.0)
        return f"{config.seed} {config.fingerprint} {len(errors)} {worst:.3g}"


def run(framework: Framework, count: int) -> Iterator[Result]:
    """The first ``count`` configurations; what fails with an exception has no errors."""
    for seed in range(count):
        attempt = 0
        while True:
            config = framework.draw(seed, attempt)
            try:
                pair, found = framework.compare(config)
                above = list(framework.above(config, pair, found))
            except Redraw:
                attempt += 1
                continue
            except Exception as error:
                found, words = {}, f"{type(error).__name__}: {error}"
                above = [{"block": "none", "error": words, "explained": False}]
            yield Result(config, attempt, found, above)
            break


def figures(framework: Framework, results: list[Result]) -> dict[str, Any]:
    """What an evidence file holds besides its provenance."""
    held = [result for result in results if result.config.bounded or framework.all_held]
    apart = [result for result in results if result not in held]
    return {
        "bar_eps": framework.bar,
        "share_above_allowed": framework.share,
        "configurations": len(results),
        "redrawn": sum(result.attempts for result in results),
        **errors_of(framework, held),
        "unbounded": errors_of(framework, apart),
        "options": options(results),
        "each": [result.line for result in results],
    }


def errors_of(framework: Framework, results: list[Result]) -> dict[str, Any]:
    """Blocks, their errors, and each block above the bar."""
    errors = [error for result in results for error in result.errors.values()]
    above = [(result.config, entry) for result in results for entry in result.above]
    wrong = [config for config, entry in above if not entry["explained"]]
    first = list(dict.fromkeys(wrong))[:3]  # the others are most likely of the same kind
    return {
        "blocks": len(errors),
        "quantiles_eps": {q: float(np.quantile(errors, float(q))) for q in SHOWN} if errors else {},
        "above_bar": len(above),
        "above_bar_not_explained": len(wrong),
        "because": dict(Counter(e["because"] for _, e in above if e["explained"])),
        "exceptions": [{**entry, "of": config.described()} for config, entry in above],
        "reduced": [framework.smallest(config) for config in first],
    }


def options(results: list[Result]) -> dict[str, dict[str, int]]:
    """How many configurations have which value of each option."""
    counts = {}
    for field in fields(Config):
        if field.name not in ("seed", "activations", "sizes", "extras"):
            found = Counter(str(getattr(result.config, field.name)) for result in results)
            counts[field.name] = dict(sorted(found.items()))
    counts["layers"] = dict(sorted(Counter(str(len(r.config.sizes)) for r in results).items()))
    names = Counter(a.name for r in results for own in r.config.activations for a in own)
    extras = Counter(extra for result in results for extra in result.config.extras)
    counts["extras"] = dict(sorted(extras.items()))
    return {**counts, "activations": dict(sorted(names.items()))}


def require(found: dict[str, Any]) -> None:
    """Nothing unexplained; with bounded activations few blocks above the bar."""
    for own in (found, found["unbounded"]):
        assert own["above_bar_not_explained"] == 0, own["reduced"]
    few = int(found["blocks"] * found["share_above_allowed"])
    assert found["above_bar"] <= max(1, few), found["exceptions"]
