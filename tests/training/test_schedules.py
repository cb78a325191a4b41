"""Schedules of the learning rate: by hand, by what all of them obey, to JSON and back."""

import dataclasses
import itertools
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npstack import SGD, ArgumentError, Constant, Cosine, NpstackError, Schedule, StepDecay, WarmUp
from npstack.training.schedules import schedule_from

pytestmark = pytest.mark.core

PLAIN = {
    "constant": Constant(0.3),
    "steps": StepDecay(0.4, every=7),
    "steps, halved": StepDecay(1.0, every=1, factor=0.5),
    "cosine": Cosine(0.2, steps=60),
    "cosine to a floor": Cosine(0.2, steps=60, final=0.05),
}
SCHEDULES = PLAIN | {
    "warm-up": WarmUp(Constant(0.3), steps=10),
    "warm-up of one": WarmUp(Cosine(0.2, steps=59), steps=1),
    "warm-up and cosine": WarmUp(Cosine(0.2, steps=50, final=0.01), steps=10),
    "warm-up and steps": WarmUp(StepDecay(0.4, every=9, factor=0.3), steps=5),
}
every_schedule = pytest.mark.parametrize("name", SCHEDULES)
of_every_kind = st.builds(
    lambda kind, rate, steps, fraction, rise: (
        {
            "constant": Constant(rate),
            "steps": StepDecay(rate, every=steps, factor=fraction),
            "cosine": Cosine(rate, steps=steps, final=fraction * rate),
        }[kind],
        rise,
    ),
    st.sampled_from(["constant", "steps", "cosine"]),
    st.floats(1e-6, 10),
    st.integers(1, 50),
    st.floats(0, 0.99),
    st.integers(1, 30),
)


def test_constant_and_steps_by_hand():
    assert {PLAIN["constant"](step) for step in range(100)} == {0.3}
    found = [StepDecay(0.8, every=3, factor=0.25)(step) for step in range(7)]
    assert found == [0.8, 0.8, 0.8, 0.2, 0.2, 0.2, 0.05]
    assert StepDecay(0.8, every=3)(3) == 0.8 * 0.1


def test_cosine_by_hand():
    cosine = Cosine(0.5, steps=6, final=0.1)
    expected = [0.1 + 0.4 * (1 + math.cos(math.pi * step / 6)) / 2 for step in range(6)]
    assert [cosine(step) for step in range(6)] == pytest.approx(expected, rel=1e-15)
    assert cosine(0) == 0.5
    assert cosine(3) == pytest.approx(0.3, rel=1e-15)
    assert [cosine(step) for step in (6, 7, 100)] == [0.1] * 3
    assert Cosine(0.5, steps=6)(6) == 0
    assert Cosine(0.5, steps=6, final=0.5)(3) == 0.5


def test_warm_up_by_hand():
    rise = WarmUp(StepDecay(0.8, every=2, factor=0.5), steps=4)
    assert [rise(step) for step in range(8)] == pytest.approx(
        [0.2, 0.4, 0.6, 0.8, 0.8, 0.8, 0.4, 0.4], rel=1e-15
    )


@given(of_every_kind)
def test_rates_fall_and_a_warm_up_only_comes_before(drawn):
    schedule, rise = drawn
    rates = [schedule(step) for step in range(60)]
    assert rates[0] == schedule.rate
    assert min(rates) >= 0
    assert all(b <= a * (1 + 1e-15) for a, b in itertools.pairwise(rates))
    warm = WarmUp(schedule, steps=rise)
    assert [warm(rise + step) for step in range(60)] == rates
    climb = [warm(step) for step in range(rise)]
    assert climb[-1] == rates[0]
    np.testing.assert_allclose(climb, rates[0] * np.arange(1, rise + 1) / rise, rtol=1e-15)


@given(of_every_kind)
def test_every_schedule_comes_back_from_json(drawn):
    schedule, rise = drawn
    for one in (schedule, WarmUp(schedule, steps=rise)):
        assert schedule_from(json.loads(json.dumps(one.config(), allow_nan=False))) == one


@every_schedule
def test_numbers_of_numpy_become_plain_ones(name):
    schedule = SCHEDULES[name]
    numbers = {
        key: np.asarray(value)[()]
        for key, value in vars(schedule).items()
        if not isinstance(value, Schedule)
    }
    same = dataclasses.replace(schedule, **numbers)
    assert same == schedule
    assert json.loads(json.dumps(same.config())) == schedule.config()
    assert type(same(3)) is float
    with pytest.raises(dataclasses.FrozenInstanceError):
        schedule.rate = 1.0


def test_a_schedule_of_ones_own():
    @dataclasses.dataclass(frozen=True)
    class Falling(Schedule):
        rate: float

        def __call__(self, step):
            return self.rate / (1 + step)

    optimiser = SGD(WarmUp(Falling(0.5), steps=2))
    optimiser.steps = 5
    assert optimiser.rate == 0.5 / 4
    inner = {"name": "Falling", "rate": 0.5}
    assert optimiser.config()["learning_rate"] == {"name": "WarmUp", "schedule": inner, "steps": 2}
    with pytest.raises(NotImplementedError):
        Schedule()(0)


REFUSED = {
    "a rate of zero": (lambda: Constant(0), "Constant: rate must be above 0"),
    "no time between steps": (lambda: StepDecay(0.1, every=0), "StepDecay: every must be a whole"),
    "steps up": (lambda: StepDecay(0.1, every=2, factor=1.5), "StepDecay: factor must be"),
    "half a step": (lambda: Cosine(0.1, steps=2.5), "Cosine: steps must be a whole number"),
    "a cosine that rises": (
        lambda: Cosine(0.1, steps=5, final=0.2),
        "final must lie between 0 and rate, got 0.2 for rate 0.1",
    ),
    "a cosine below zero": (lambda: Cosine(0.1, steps=5, final=-0.1), "final must lie between 0"),
    "a floor that is not a number": (lambda: Cosine(0.1, 5, np.nan), "final must be a finite"),
    "a warm-up to a number": (
        lambda: WarmUp(0.1, steps=5),
        "schedule must be the schedule after the rise, got 0.1",
        r"WarmUp\(Constant\(0.001\), steps=100\)",
    ),
    "a warm-up to a word": (
        lambda: WarmUp("cosine", steps=5),
        "schedule must be the schedule after the rise, got 'cosine'",
    ),
    "a warm-up to a warm-up": (
        lambda: WarmUp(WarmUp(Constant(0.1), 5), 5),
        "schedule must be the schedule after the rise, got WarmUp",
    ),
    "a warm-up of no steps": (lambda: WarmUp(Constant(0.1), 0), "WarmUp: steps must be a whole"),
    "a configuration that is none": (
        lambda: schedule_from([0.1]),
        "schedule_from: config must be a dictionary with a name",
        "Constant, StepDecay, Cosine, WarmUp",
    ),
    "an unknown schedule": (
        lambda: schedule_from({"name": "Cosinus", "rate": 0.1}),
        "name must be one of 'Constant', 'StepDecay', 'Cosine', 'WarmUp', got 'Cosinus'",
        "Did you mean 'Cosine'",
    ),
    "a configuration without its first value": (
        lambda: schedule_from({"name": "Constant", "rates": 0.1, "every": 2}),
        r"Constant must have rate, got missing \['rate'\], unknown \['every', 'rates'\]",
    ),
    "a configuration with holes": (
        lambda: schedule_from({"name": "Cosine", "rate": 0.1, "stops": 3}),
        r"Cosine must have rate, steps, final, got missing \['steps', 'final'\], unknown \['stops",
    ),
    "a warm-up to nothing": (
        lambda: schedule_from({"name": "WarmUp", "schedule": 0.1, "steps": 3}),
        "config must be a dictionary with a name, got 0.1",
    ),
    "an update before the first": (
        lambda: StepDecay(0.1, every=2)(-1),
        r"StepDecay: step must be a whole number of at least 0, got -1 \(int\)",
    ),
    "half an update": (lambda: Cosine(0.1, steps=5)(1.5), "Cosine: step must be a whole number"),
    "an update that is true": (lambda: Constant(0.1)(True), "Constant: step must be a whole"),
    "an update in words": (lambda: WarmUp(Constant(0.1), 5)("x"), "WarmUp: step must be a whole"),
    "a warm-up to a class": (
        lambda: WarmUp(Cosine, steps=3),
        "schedule must be the schedule after the rise, got the class Cosine",
    ),
    "warm-ups in one another, from a file": (
        lambda: schedule_from(WarmUp(Constant(1), 2).config() | {"schedule": {"name": "WarmUp"}}),
        "name must be one of 'Constant', 'StepDecay', 'Cosine', got 'WarmUp'",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_wrong_calls_say_what_was_expected(name):
    call, *words = REFUSED[name]
    for word in words:
        with pytest.raises(NpstackError, match=word):
            call()


def test_rates_of_400_digits_are_refused():
    for wrong in (lambda: Constant(10**400), lambda: Cosine(1.0, steps=9, final=10**400)):
        with pytest.raises(ArgumentError, match="finite number"):
            wrong()
    assert Cosine(1.0, steps=10**400)(7) == 1.0
    assert StepDecay(1.0, every=10**400)(10**6) == 1.0


@pytest.mark.parametrize("far", [10**18, 2**70, 10**400])
def test_however_many_updates_were_made(far):
    assert StepDecay(0.1, every=3)(far) == 0
    assert StepDecay(0.1, every=far)(far - 1) == 0.1
    assert Cosine(0.1, steps=9, final=0.01)(far) == 0.01
    assert Cosine(0.1, steps=far)(far // 2) == pytest.approx(0.05)
    assert WarmUp(Constant(0.1), steps=far)(far // 2) == pytest.approx(0.05)
    assert Constant(0.1)(far) == 0.1


def test_a_step_of_any_integer_type_and_rates_at_both_ends():
    for kind in (np.int8, np.uint8, np.int64):
        rate = StepDecay(0.1, every=3)(kind(100))
        assert type(rate) is float
        assert rate == StepDecay(0.1, every=3)(100)
    assert StepDecay(1e300, every=1)(330) == pytest.approx(1e-30, rel=1e-12)
    assert StepDecay(1e308, every=1)(631) == pytest.approx(1e-323, abs=5e-324)
    assert StepDecay(1.0, every=2, factor=0.0)(1) == 1
    assert StepDecay(1.0, every=2, factor=0.0)(2) == 0
