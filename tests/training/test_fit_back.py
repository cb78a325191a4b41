"""Where fit goes back to when a number overflows: the last parameters with which all was finite.

The account is kept elsewhere: by runs that are interrupted after so many updates, and by what the
optimiser was given.
"""

import numpy as np
import pytest

from npstack import LSTM, SGD, Adam, NonFiniteError, RMSprop, mean_squared_error
from npstack.losses.samples import Samples
from npstack.training.fit import fit
from tests.training.fits import interrupt_at, problem, same, train

pytestmark = pytest.mark.core
OPTIMISERS = {
    "SGD": lambda: SGD(0.05),
    "RMSprop": lambda: RMSprop(0.01, momentum=0.5),
    "Adam": lambda: Adam(0.05),
    "frozen": lambda: Adam(0.05, frozen=("0.layers.0.*",)),
}


def spoilt_at(call, what, optimiser):
    """The mean squared error, but at one call of it something is no number, or a step too large."""
    calls = iter(range(10**6))

    def loss(predictions, targets, mask):
        value, gradient = mean_squared_error(predictions, targets, mask)
        if next(calls) != call:
            return value, gradient
        if what == "update":
            optimiser.learning_rate = 1e300
        factors = {"loss": (np.inf, 1), "gradient": (1, np.nan), "update": (1, 1e306)}
        return value * factors[what][0], gradient * factors[what][1]

    return loss


def run(loss, optimiser):
    """A run that ends one way or the other: the model and the message."""
    model, samples = problem(dropout=0.2)
    try:
        train(model, samples, loss=loss, optimiser=optimiser, epochs=2)
    except NonFiniteError as error:
        return model, str(error)
    return model, ""


@pytest.mark.parametrize("name", OPTIMISERS)
@pytest.mark.parametrize("call", [0, 1, 5])
@pytest.mark.parametrize("what", ["loss", "gradient", "update"])
def test_the_parameters_are_those_of_a_run_that_stopped_there(what, call, name):
    """What a loss cannot take is undone, one update; what an update cannot make is not there."""
    optimiser, other = OPTIMISERS[name](), OPTIMISERS[name]()
    model, message = run(spoilt_at(call, what, optimiser), optimiser)
    before = call if what == "update" else max(call - 1, 0)
    stopped, _ = run(interrupt_at(before), other)
    assert same(model.params, stopped.params)
    assert (optimiser.steps, before) == (other.steps, before)
    assert same(optimiser.state(), other.state())
    assert f"after {call} updates" in message


@pytest.mark.parametrize(
    "options",
    [
        {"truncate": (2, 2)},
        {"truncate": (2, 4), "clip_value": 1e300},
        {"truncate": (3, 1), "stateful": True, "batch_size": 4},
        {"stateful": True, "batch_size": 2},
    ],
)
@pytest.mark.parametrize("call", [0, 5])
@pytest.mark.parametrize("what", ["gradient", "update"])
def test_it_is_so_in_spans_and_with_states_that_are_carried(what, call, options):
    def one(loss_of):
        rng = np.random.default_rng(0)
        model, optimiser = LSTM(1, 2, rng=rng), Adam(0.05)
        x = rng.standard_normal((8, 6, 1))
        samples = Samples(x, np.cumsum(np.repeat(x, 2, axis=-1), axis=1))
        given = {"epochs": 3, "batch_size": 4, "loss": loss_of(optimiser), **options}
        try:
            history = fit(model, samples, optimiser=optimiser, rng=rng, **given)
        except NonFiniteError:
            return model, optimiser, "not finite"
        return model, optimiser, history.stopped

    model, optimiser, why = one(lambda optimiser: spoilt_at(call, what, optimiser))
    before = call if what == "update" else max(call - 1, 0)
    stopped, other, how = one(lambda optimiser: interrupt_at(before))
    assert (why, how) == ("not finite", "interrupted")
    assert same(model.params, stopped.params)
    assert optimiser.steps == other.steps == before
    assert same(optimiser.state(), other.state())


class Wild(SGD):
    """Makes infinities at one of its updates, however small the gradients; and keeps an account."""

    def wild_at(self, call):
        self.call, self.account = call, []
        return self

    def update(self, params, grads):
        self.account.append((dict(params), self.steps))
        new = super().update(params, grads)
        if len(self.account) - 1 == self.call:
            return {name: value * np.inf for name, value in new.items()}
        return new


@pytest.mark.parametrize("call", [0, 2, 4])
def test_an_optimiser_of_ones_own_is_held_to_the_same(call):
    model, samples = problem()
    optimiser = Wild(0.1).wild_at(call)
    with pytest.raises(NonFiniteError, match=rf"new value of .*after {call} updates"):
        train(model, samples, optimiser=optimiser)
    params, steps = optimiser.account[-1]
    assert same(model.params, params)
    assert optimiser.steps == steps == call


def test_what_a_callback_puts_there_is_kept_if_it_worked():
    model, samples = problem()

    def halve(model, history):
        model.params = {name: value / 2 for name, value in model.params.items()}
        put.append(dict(model.params))

    put, optimiser = [], SGD(0.05)
    loss = spoilt_at(4, "update", optimiser)
    with pytest.raises(NonFiniteError, match="after 4 updates"):
        train(model, samples, on_epoch=halve, loss=loss, optimiser=optimiser)
    assert same(model.params, put[0])


def test_the_run_goes_on_from_there_as_if_nothing_had_been():
    model, samples = problem()
    optimiser = Adam(0.05)
    with pytest.raises(NonFiniteError):
        train(model, samples, optimiser=optimiser, loss=spoilt_at(4, "update", optimiser))
    optimiser.learning_rate = 0.05
    other, _ = problem()
    single = Adam(0.05)
    train(other, samples, epochs=1, optimiser=single)
    for one, own in ((model, optimiser), (other, single)):
        train(one, samples, epochs=1, seed=5, optimiser=own)
    assert same(model.params, other.params)


def test_means_over_an_epoch_of_losses_and_norms_near_the_largest_number():
    def large(predictions, targets, mask):
        return 1.5e308, np.where(predictions > 0, 1e307, -1e307)

    model, samples = problem()
    history = train(model, samples, loss=large, optimiser=SGD(1e-320), epochs=1)
    assert history.train_loss == [1.5e308]
    assert 1e306 < history.gradient_norm[0] < np.inf
