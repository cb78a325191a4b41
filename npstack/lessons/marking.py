"""A mark for a stage: which results are right, in which case others begin to be wrong, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from npstack.core.errors import NpstackError
from npstack.core.numerics import Array
from npstack.lessons.attempts import NOT_YET, Attempt, Functions, Place, attempt, is_close
from npstack.lessons.equations import Named, Pairs
from npstack.lessons.right_numbers import LayerOf, own_layer, right
from npstack.lessons.sheet import MISSING, RIGHT, WAITS, WRONG, Mark
from npstack.lessons.stages import Course, Stage

PACKED = {"dWx", "dWh", "db"}
SEED, FLOAT32, FEW = 20, 1e-5, 2
NOT_FINITE = "There is NaN or infinity in it: print what is computed, line by line, to see where."
SEVEN_DIGITS = "The numbers agree to seven digits: is something computed in float32?"
AROUND = "Right for what your own functions of earlier stages return."


class Trial:
    """A stage of a submission on all its cases, with what is right.

    Parameters
    ----------
    course : Course
    stage : Stage
    functions : dict of callable
    """

    def __init__(self, course: Course, stage: Stage, functions: Functions) -> None:
        self.course, self.stage = course, stage
        self.attempts: list[Attempt] = []
        for k, case in enumerate(stage.cases):
            rng = np.random.default_rng((SEED, k))
            self.attempts.append(attempt(course, stage, case, functions, rng))
            if any(o.trouble for o in self.attempts[-1].outcomes.values()):
                break  # in larger cases it would be the same: an endless loop, say
        self.expected = self._expected(own_layer(course))

    def _expected(self, layer_of: LayerOf) -> list[dict[str, Array]]:
        """The right results of each case."""
        return [right(self.course, self.stage, one.drawn, layer_of) for one in self.attempts]

    def stops(self) -> dict[Place, str]:
        """The functions of this stage that stop, by file and line."""
        outcomes = [pair for one in self.attempts for pair in one.outcomes.items()]
        return {own.place: name for name, own in reversed(outcomes) if own.place is not None}

    def stops_in(self, function: str, earlier: Mapping[Place, str]) -> str:
        """The function of an earlier stage because of which a function does not run."""
        calls = (call for one in self.attempts for call in reversed(one.outcomes[function].calls))
        return next((earlier[call] for call in calls if call in earlier), "")

    def quoted(self) -> set[str]:
        """What sentences about this stage repeat of a submission's own code and words."""
        outcomes = [own for one in self.attempts for own in one.outcomes.values()]
        return {own.quoted for own in outcomes if own.quoted}

    def wrong_in(
        self, function: str, expected: Sequence[dict[str, Array]] | None = None
    ) -> dict[str, int]:
        """The first case in which a result is wrong, by the name of the result."""
        found: dict[str, int] = {}
        references = expected or self.expected
        for k, (one, reference) in enumerate(zip(self.attempts, references, strict=True)):
            outcome = one.outcomes[function]
            for name in self.course.results(self.stage, len(one.case.H))[function]:
                result = outcome.results.get(name)
                if result is None or not is_close(result, reference[name]):
                    found.setdefault(name.split()[0], k)
        return found

    def right_around(self, function: str, layer_of: LayerOf) -> bool:
        """Whether all its results are right around other layers than npstack's own."""
        try:
            return not self.wrong_in(function, self._expected(layer_of))
        except NpstackError:  # the submission's own steps cannot be used
            return False

    def counted(self) -> dict[str, str]:
        """The results that count, by name: the function that returns each."""
        names = self.course.results(self.stage)
        return {n.split()[0]: own for own in self.stage.counted for n in names[own]}


def mark(trial: Trial, pairs: Pairs, earlier: Mapping[Place, str]) -> Mark:
    """Grade a stage.

    Parameters
    ----------
    trial : Trial
    pairs : Pairs
        The submission's own layers: results that are right around these are right.
    earlier : dict of str
        The functions of earlier stages that stop, by file and line.
    """
    stage, counted = trial.stage, trial.counted()
    lines: list[str] = []
    wrong: dict[str, int] = {}
    unknown: dict[str, str] = {}  # why there is no result to compare
    for function in stage.counted:
        outcomes = [one.outcomes[function] for one in trial.attempts]
        reason = ""
        if below := trial.stops_in(function, earlier):
            lines.append(f"{function} cannot be tried: it needs {below}, which does not run.")
            reason = WAITS
        elif outcomes[-1].waits:
            if stage.forward not in stage.counted:
                lines.append(f"{function} cannot be tried: it needs the cache of {stage.forward}.")
            reason = WAITS
        elif missing := outcomes[0].missing:
            lines.append(f"{missing}.")
            reason = MISSING
        elif trouble := outcomes[-1].trouble:
            lines.append(trouble)
            reason = WRONG
        elif own_wrong := trial.wrong_in(function):
            if any(trial.right_around(function, pairs.layer_of(own)) for own in stage.around):
                lines.append(AROUND)
            elif stage.name == "backward" and pairs.backward_fits():
                lines.append(f"Right for your own {stage.forward}.")
            else:
                wrong |= own_wrong
        if reason:
            unknown |= {name: reason for name, own in counted.items() if own == function}
    good = [name for name in counted if name not in {*wrong, *unknown}]
    named = Named()
    if wrong:
        lines += _told(trial, wrong, good)
        named = pairs.named(stage)
        if not named.hint:
            named = named._replace(hint=_hint(trial.attempts[min(wrong.values())], lines))
    reasons = [RIGHT, *unknown.values(), *([WRONG] if wrong else [])]
    if len(unknown) == len(counted):  # the verdict says it
        lines = [line for line in lines if line not in {f"{f} {NOT_YET}." for f in stage.counted}]
    verdict = max(reasons, key=[RIGHT, WAITS, MISSING, WRONG].index)
    failed = (*wrong, *(name for name, reason in unknown.items() if reason == WRONG))
    return Mark(
        stage.name,
        stage.title,
        _points(trial, good),
        stage.points,
        verdict,
        tuple(good),
        failed,
        tuple(dict.fromkeys(lines)),
        *named,
    )


def _hint(one: Attempt, lines: list[str]) -> str:
    """The hint of the first case that is wrong, unless the sentences say enough."""
    troubles = any(outcome.troubles for outcome in one.outcomes.values())
    return "" if troubles or {NOT_FINITE, SEVEN_DIGITS} & set(lines) else one.case.hint


def _points(trial: Trial, good: list[str]) -> int:
    """Every function is worth the same, and so is every result of it."""
    counted = list(trial.counted().values())
    share = trial.stage.points / len(trial.stage.counted)
    earned = Counter(own for name, own in trial.counted().items() if name in good)
    return int(sum(share * earned[own] / counted.count(own) for own in earned) + 1e-9)


def _told(trial: Trial, wrong: dict[str, int], good: list[str]) -> list[str]:
    """Sentences on the results that are wrong, and on the first case that has one."""
    first = min(wrong.values())
    one, expected = trial.attempts[first], trial.expected[first]
    found = {name: a for o in one.outcomes.values() for name, a in o.results.items()}
    now = [name for name, k in wrong.items() if k == first]
    order = trial.course.order
    shown = [
        name + _gates(order, found[name], expected[name]) if name in PACKED & set(found) else name
        for name in now
    ]
    lines = [f"Wrong {one.case.title}: {', '.join(shown)}."]
    if later := [name for name in wrong if name not in now]:
        lines.append(f"Wrong in larger cases: {', '.join(later)}.")
    lines += [reason for o in one.outcomes.values() for reason in o.troubles.values()][:FEW]
    if good:
        lines.append(f"Right: {', '.join(good)}.")
    bad = {name for name, a in found.items() if not is_close(a, expected[name])}
    if not one.case.nan and not all(np.isfinite(found[name]).all() for name in bad):
        lines.append(NOT_FINITE)
    elif bad and all(is_close(found[name], expected[name], FLOAT32) for name in bad):
        lines.append(SEVEN_DIGITS)
    return lines


def _gates(order: str, found: Array, expected: Array) -> str:
    """Of an array with the gates side by side, those that are wrong, if not all are."""
    pairs = zip(*(np.split(a, len(order), axis=-1) for a in (found, expected)), strict=True)
    bad = [gate for gate, pair in zip(order, pairs, strict=True) if not is_close(*pair)]
    return "" if len(bad) == len(order) else f" (gate{'s' * (len(bad) > 1)} {', '.join(bad)})"
