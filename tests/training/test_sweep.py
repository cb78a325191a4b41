"""A sweep: every run is that of its seed and setting, whatever stands beside it."""

import numpy as np
import pytest

from npstack import SGD, sweep
from tests.training.workers import train

HERE = {"n_jobs": 1, "threads": None}
RATES = [{"rate": rate} for rate in (0.1, 0.5, 0.2)]


def same_result(one, other):
    return one[0] == other[0] and all(
        np.array_equal(one[1][name], other[1][name]) for name in one[1]
    )


def test_results_come_in_the_order_of_settings_and_seeds():
    found = sweep(train, RATES, [3, 1], **HERE)
    assert [trial.setting for trial in found] == [RATES[k] for k in (0, 0, 1, 1, 2, 2)]
    assert [trial.seed for trial in found] == [3, 1] * 3
    for trial in found:
        assert trial.error is None
        alone = train(np.random.default_rng(trial.seed), **trial.setting)
        assert same_result(trial.result, alone)


def test_a_run_does_not_depend_on_the_others():
    found = sweep(train, RATES, range(2), **HERE)
    (alone,) = sweep(train, [RATES[2]], [np.int8(1)], **HERE)
    assert alone.seed == 1
    assert same_result(found[-1].result, alone.result)


def test_an_optimiser_in_a_setting_is_new_for_every_run():
    setting = {"rate": 0.0, "optimiser": SGD(0.1, momentum=0.9)}
    first, again = sweep(train, [setting, dict(setting)], [0], **HERE)
    assert same_result(first.result, again.result)
    assert setting["optimiser"].steps == 0


def test_a_run_that_fails_is_kept_beside_the_others():
    found = sweep(train, [{"rate": -1.0}, RATES[0]], [0, 1], **HERE)
    for trial in found[:2]:
        assert trial.result is None
        assert trial.error.startswith("ZeroDivisionError: float division by zero, in line ")
        assert trial.error.endswith(" of train")
    assert [trial.error for trial in found[2:]] == [None, None]
    assert same_result(found[2].result, train(np.random.default_rng(0), 0.1))


def test_an_error_of_the_package_names_the_line_of_the_run():
    (found,) = sweep(train, [{"rate": float("nan")}], [0], **HERE)
    assert "SGD: learning_rate must be a finite number" in found.error
    assert found.error.endswith(" of train")


def test_an_interrupt_ends_the_sweep():
    def run(rng):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweep(run, [{}], [0], **HERE)
