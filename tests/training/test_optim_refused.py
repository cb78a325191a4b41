"""Wrong calls of optimisers: each says what was expected, what came and what to do."""

import json

import numpy as np
import pytest

from npstack import (
    SGD,
    Adam,
    AdamW,
    ArgumentError,
    Constant,
    DtypeError,
    NpstackError,
    RMSprop,
    ShapeError,
    StepDecay,
    WarmUp,
    optimiser_from,
)

pytestmark = pytest.mark.core

PARAMS = {name: np.ones(2) for name in ("0.layers.0.W", "0.layers.0.b", "1.W", "1.b")}
ONE = {"b": np.ones(2)}


def update(optimiser, params=PARAMS, grads=None):
    return optimiser.update(params, params if grads is None else grads)


def after_a_step(params=PARAMS):
    adam = Adam()
    adam.update(params, params)
    return adam


def half_loaded():
    adam = Adam()
    adam.load(1, {"m.b": np.ones(2), "v.b": np.ones(3)})
    return adam


def with_momentum_later():
    sgd = SGD()
    sgd.update(ONE, ONE)
    sgd.momentum = 0.5
    return sgd


REFUSED = {
    "a rate of zero": (lambda: SGD(0.0), "SGD: learning_rate must be above 0", "schedule"),
    "a rate of words": (lambda: Adam("0.1"), "learning_rate must be a finite number, got '0.1'"),
    "a rate of 400 digits": (lambda: Adam(10**400), "learning_rate must be a finite number"),
    "a function as a schedule": (lambda: SGD(lambda step: 0.1), "npstack.training.schedules"),
    "momentum of one": (
        lambda: SGD(momentum=1),
        "momentum must be a number with 0 <= momentum < 1",
    ),
    "momentum of 400 digits": (lambda: SGD(momentum=10**400), "momentum"),
    "Nesterov without momentum": (lambda: SGD(nesterov=True), "nesterov needs momentum", "0.9"),
    "Nesterov as a number": (
        lambda: SGD(momentum=0.9, nesterov=1),
        "nesterov must be True or False, got 1",
    ),
    "Adam's epsilon": (lambda: Adam(epsilon=-1e-8), "Adam: epsilon must be above 0"),
    "RMSprop's alpha": (lambda: RMSprop(alpha=1.0), "RMSprop: alpha must be"),
    "RMSprop's epsilon": (lambda: RMSprop(epsilon=0), "RMSprop: epsilon must be above 0"),
    "RMSprop's momentum": (lambda: RMSprop(momentum=-0.1), "RMSprop: momentum must be"),
    "centred as a word": (lambda: RMSprop(centered="yes"), "centered must be True or False"),
    "AdamW's beta": (lambda: AdamW(beta2=1), "AdamW: beta2 must be"),
    "decay below zero": (
        lambda: AdamW(weight_decay=-0.1),
        "AdamW: weight_decay must be at least 0",
    ),
    "decay of less than nothing": (
        lambda: SGD(weight_decay=-1),
        r"SGD: weight_decay must be at least 0, got -1 \(int\)",
    ),
    "decay as a word": (
        lambda: SGD(weight_decay="little"),
        "SGD: weight_decay must be a finite number, got 'little'",
    ),
    "one string for patterns": (
        lambda: Adam(decayed="*W"),
        r"decayed must be a tuple of patterns, got '\*W'",
        r"decayed=\('\*.b',\)",
    ),
    "patterns that are numbers": (lambda: Adam(frozen=(1,)), "frozen must be a tuple of patterns"),
    "a pattern that matches nothing": (
        lambda: update(SGD(frozen=("0.layer.*",))),
        r"SGD.update: every pattern in frozen must match a parameter, got '0.layer.\*'",
        "Near it: 0.layers.0.[Wb], 0.layers.0.[Wb]\\.$",
    ),
    "a pattern far from everything": (
        lambda: update(SGD(decayed=("*W", "zzz"))),
        "every pattern in decayed must match a parameter, got 'zzz'",
        "Near it: 0.layers.0.W, 0.layers.0.b, 1.W\\.$",
    ),
    "a pattern near to many": (
        lambda: update(
            SGD(frozen=("layers.7.W",)), {f"layers.{k}.W": np.ones(1) for k in range(5)}
        ),
        r"got 'layers.7.W'. Near it: layers.\d.W, layers.\d.W, layers.\d.W\.$",
    ),
    "patterns that match nothing": (
        lambda: update(SGD(frozen=("x", "y"))),
        "every pattern in frozen must match a parameter, got 'x'",
    ),
    "a pattern in another case": (lambda: update(SGD(frozen=("*.w",))), "every pattern in frozen"),
    "a pattern that matches no gradient": (
        lambda: Adam(frozen=("2.*",)).trainable(PARAMS),
        "Adam.trainable: every pattern in frozen must match",
    ),
    "everything frozen": (
        lambda: update(SGD(frozen=("0.*", "1.*"))),
        "at least one parameter must be trained",
        "freezes all",
    ),
    "gradients of other names": (
        lambda: update(Adam(), grads={**PARAMS, "2.b": np.ones(2)}),
        r"Adam.update: grads must have the names of params, got missing \[\], unknown \['2.b'\]",
    ),
    "a gradient left out": (
        lambda: update(SGD(frozen=("1.*",)), grads={"0.layers.0.W": np.ones(2)}),
        r"grads must have the names of params, got missing \['0.layers.0.b'\], unknown",
    ),
    "all gradients left out": (
        lambda: update(SGD(), grads={}),
        r"missing \['0.layers.0.W', '0.layers.0.b', '1.W', '1.b'\], unknown \[\]",
    ),
    "a gradient that comes first and belongs to nothing": (
        lambda: update(SGD(), ONE, {"a": np.ones(2), **ONE}),
        r"missing \[\], unknown \['a'\]",
    ),
    "gradients that belong to nothing": (
        lambda: update(SGD(), ONE, {**ONE, "z": np.ones(2), "a": np.ones(2)}),
        r"missing \[\], unknown \['z', 'a'\]",
    ),
    "a gradient of another shape": (
        lambda: update(Adam(), ONE, {"b": np.ones((2, 1))}),
        r"grads\['b'\] must have the shape of the parameter, \(2,\), got float64 of shape \(2, 1\)",
    ),
    "gradients of other shapes": (
        lambda: update(Adam(), grads={name: np.ones(3) for name in PARAMS}),
        r"grads\['0.layers.0.W'\] must have the shape of the parameter",
    ),
    "a gradient of another dtype": (
        lambda: update(Adam(), ONE, {"b": np.ones(2, "f4")}),
        r"grads\['b'\] must be float64 like the parameter, got float32",
    ),
    "a gradient of a wider dtype": (
        lambda: update(Adam(), {"b": np.ones(2, "f4")}, ONE),
        r"grads\['b'\] must be float32 like the parameter, got float64",
    ),
    "a gradient that is a number": (lambda: update(Adam(), ONE, {"b": 1.0}), "shape of the param"),
    "other parameters than before": (
        lambda: update(after_a_step(), ONE),
        "params must be those that m was computed for",
        "new optimiser",
    ),
    "parameters of another shape than before": (
        lambda: update(after_a_step(ONE), {"b": np.ones(3)}),
        r"m was computed for, got \['b float64 of shape \(2,\) for float64 of shape \(3,\)'\]",
    ),
    "several parameters of another shape than before": (
        lambda: update(after_a_step(), {name: np.ones((2, 1)) for name in PARAMS}),
        r"\['0.layers.0.W float64 .*'0.layers.0.b float64 .*'1.W float64 .*'1.b float64",
    ),
    "parameters of another dtype than before": (
        lambda: update(after_a_step(ONE), {"b": np.ones(2, "f4")}),
        "m was computed for, .*float32",
    ),
    "state of another shape than the parameters": (
        lambda: update(half_loaded(), ONE),
        r"v was computed for, got \['b float64 of shape \(3,\) for float64 of shape \(2,\)'\]",
    ),
    "momentum that came later": (
        lambda: update(with_momentum_later(), ONE),
        r"params must be those that velocity was computed for, got \['b'\]",
    ),
    "steps below zero": (
        lambda: Adam().load(-1, {}),
        "Adam.load: steps must be a whole number from 0",
    ),
    "steps beyond all counting": (lambda: Adam().load(2**63, {}), "steps must be a whole number"),
    "steps far beyond": (lambda: Adam().load(2**64, {}), "steps must be a whole number"),
    "steps that are true": (lambda: Adam().load(True, {}), "steps must be a whole number"),
    "steps that are floats": (lambda: SGD().load(1.0, {}), "steps must be a whole number"),
    "state of another optimiser": (
        lambda: SGD(momentum=0.9).load(1, after_a_step().state()),
        "state must hold velocity, by parameter",
        "another kind of optimiser",
    ),
    "state where none is kept": (lambda: SGD().load(1, {"m.b": np.ones(2)}), "must hold nothing"),
    "state without steps": (lambda: Adam().load(0, after_a_step(ONE).state()), "must be whole"),
    "steps without state": (lambda: Adam().load(3, {}), "state must be whole, got 3 updates and 0"),
    "half of a state": (
        lambda: Adam().load(1, {name: np.ones(2) for name in ("m.a", "m.d", "v.c", "v.b")}),
        r"got 1 updates and 4 names, missing \['m.b', 'm.c', 'v.a', 'v.d'\]",
    ),
    "state of integers": (
        lambda: Adam().load(1, {"m.b": np.ones(2, int), "v.b": np.ones(2)}),
        r"state\['m.b'\] must be an array of floating-point numbers, got int64",
    ),
    "state of integers at its end": (
        lambda: Adam().load(1, {"m.b": np.ones(2), "v.b": np.ones(2, int)}),
        r"state\['v.b'\] must be an array of floating-point numbers, got int64",
    ),
    "state of integers throughout": (
        lambda: Adam().load(1, {"v.b": np.ones(2, int), "m.b": np.ones(2, int)}),
        r"state\['v.b'\] must be an array of floating-point numbers, got int64",
    ),
    "state of lists": (
        lambda: Adam().load(1, {"m.b": [1.0], "v.b": np.ones(1)}),
        r"state\['m.b'\] must be an array",
    ),
    "a configuration that is none": (
        lambda: optimiser_from("Adam"),
        "optimiser_from: config must be a dictionary with a name, got 'Adam'",
        "SGD, RMSprop, Adam, AdamW",
    ),
    "an optimiser of no name": (lambda: optimiser_from({"beta1": 0.9}), "dictionary with a name"),
    "an unknown optimiser": (
        lambda: optimiser_from({"name": "RMSProp"}),
        "name must be one of 'SGD', 'RMSprop', 'Adam', 'AdamW', got 'RMSProp'",
        "Did you mean 'RMSprop'",
    ),
    "an optimiser named by a list": (lambda: optimiser_from({"name": ["SGD"]}), "name must be one"),
    "a configuration with a hole": (
        lambda: optimiser_from({"name": "SGD", "learning_rate": 0.1}),
        "SGD must have learning_rate, weight_decay, decayed, frozen, momentum, nesterov, got",
        r"missing \['weight_decay', 'decayed', 'frozen', 'momentum', 'nesterov'\], unknown \[\]",
    ),
    "a configuration with a stranger": (
        lambda: optimiser_from({**Adam().config(), "steps": 3}),
        r"Adam must have .*, got missing \[\], unknown \['steps'\]",
    ),
    "a configuration with a wrong value": (
        lambda: optimiser_from({**Adam().config(), "beta1": "0.9"}),
        "Adam: beta1 must be a number",
    ),
    "a configuration with a broken schedule": (
        lambda: optimiser_from({**Adam().config(), "learning_rate": {"name": "Cosine"}}),
        "schedule_from: Cosine must have rate, steps, final",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_wrong_calls_say_what_was_expected_and_what_to_do(name):
    call, *words = REFUSED[name]
    for word in words:
        with pytest.raises(NpstackError, match=word) as raised:
            call()
        assert isinstance(raised.value, ArgumentError | DtypeError | ShapeError)


def test_an_update_that_fails_changes_nothing():
    adam = after_a_step()
    steps, state = adam.steps, adam.state()
    for wrong in ({}, {**PARAMS, "1.b": np.ones(3)}, {**PARAMS, "1.b": np.ones(2, "f4")}):
        with pytest.raises(NpstackError):
            adam.update(PARAMS, wrong)
    with pytest.raises(NpstackError):
        adam.load(3, {"m.b": np.ones(2)})
    assert adam.steps == steps
    assert adam.state().keys() == state.keys()
    assert all(adam.state()[name] is state[name] for name in state)


def test_every_hole_in_a_configuration_is_found():
    """A damaged file is reported, whichever of its values is missing or of another type."""
    configs = [
        SGD(0.1, momentum=0.5).config(),
        RMSprop(StepDecay(0.1, every=3)).config(),
        Adam(WarmUp(Constant(0.1), steps=5), frozen=("0.*",)).config(),
        AdamW().config(),
    ]
    for config in configs:
        assert optimiser_from(json.loads(json.dumps(config))).config() == config
        assert optimiser_from(dict(reversed(config.items()))).config() == config
        for key in config:
            with pytest.raises(NpstackError):
                optimiser_from({k: v for k, v in config.items() if k != key})
            for odd in (None, "x", [[]], {}, {"name": "SGD"}, -1, float("nan"), 10**400):
                with pytest.raises(NpstackError):
                    optimiser_from({**config, key: odd})
