"""The trainer, the optimiser, clipping, weights on disk, and the series."""

import numpy as np
import pytest

from npstack import LSTM, ArgumentError, DtypeError, NonFiniteError, ShapeError, mean_squared_error
from npstack.baselines import Split, best_lag, lagged, ridge
from npstack.data import Scale, load_sunspots
from npstack.training.fit import Samples, evaluate, fit
from npstack.training.optim import Adam, clip_by_global_norm, global_norm
from tests.training.fits import problem


def test_training_lowers_the_loss_and_says_so():
    model, samples = problem()
    model.engine = "auto"  # as fit does, so that it evaluates to the same bits afterwards
    before = evaluate(model, samples)
    seen = []
    history = fit(
        model,
        samples,
        epochs=30,
        batch_size=7,
        rng=np.random.default_rng(1),
        optimiser=Adam(0.02),
        clip_norm=1.0,
        validation=samples,
        on_epoch=lambda model, history: seen.append(history.epochs[-1]),
    )
    assert seen == history.epochs == list(range(1, 31))
    assert history.validation_loss[-1] == evaluate(model, samples) < before / 3
    assert len(history.train_loss) == len(history.gradient_norm) == 30
    assert min(history.gradient_norm) > 0


def test_the_same_seed_trains_to_the_same_bits_and_another_does_not():
    def train(seed):
        model, samples = problem(dropout=0.3)
        fit(model, samples, epochs=2, batch_size=6, rng=np.random.default_rng(seed))
        return model.params

    one, same, other = train(1), train(1), train(2)
    assert all(np.array_equal(one[name], same[name]) for name in one)
    assert not all(np.array_equal(one[name], other[name]) for name in one)


def test_every_row_is_seen_once_an_epoch_in_a_new_order():
    model, samples = problem()
    seen = []

    def loss(predictions, targets, mask):
        seen.append(targets.ravel())
        return mean_squared_error(predictions, targets, mask)

    fit(model, samples, epochs=2, batch_size=7, rng=np.random.default_rng(0), loss=loss)
    assert [len(batch) for batch in seen] == [7, 7, 6] * 2
    first, second = np.concatenate(seen[:3]), np.concatenate(seen[3:])
    assert np.array_equal(np.sort(first), np.sort(samples.y.ravel()))
    assert np.array_equal(np.sort(first), np.sort(second))
    assert not np.array_equal(first, second)


def test_the_first_step_is_by_hand():
    model, samples = problem()
    tape = model.forward(samples.x)
    loss = mean_squared_error(tape.outputs, samples.y)
    grads = model.backward(tape, loss.gradient).params
    expected = Adam(0.01).update(model.params, clip_by_global_norm(grads, 0.1))
    history = fit(
        model,
        samples,
        epochs=1,
        batch_size=20,
        rng=np.random.default_rng(0),
        optimiser=Adam(0.01),
        clip_norm=0.1,
    )
    for name, value in model.params.items():  # the rows come in another order: rounding
        np.testing.assert_allclose(value, expected[name], rtol=1e-6, atol=1e-9)
    assert history.train_loss[0] == pytest.approx(float(loss.value), rel=1e-12)
    assert history.gradient_norm[0] == pytest.approx(global_norm(grads), rel=1e-12)


def test_masked_steps_and_a_warm_up_do_not_count():
    rng = np.random.default_rng(0)
    model = LSTM(1, 1, rng=rng)
    x, y = rng.standard_normal((3, 5, 1)), rng.standard_normal((3, 5, 1))
    mask, counts = rng.random((3, 5)) < 0.7, rng.random((3, 5)) < 0.7
    counted = mask & counts
    wrong = np.where(counted[..., np.newaxis], y, np.nan)
    value = evaluate(model, Samples(np.where(mask[..., None], x, np.nan), wrong, mask, counts))
    outputs = model.forward(x, mask=mask).outputs
    assert value == pytest.approx(((outputs - y)[counted] ** 2).mean(), rel=1e-14)
    only_mask = evaluate(model, Samples(x, y, mask))
    assert only_mask == pytest.approx(((outputs - y)[mask] ** 2).mean(), rel=1e-14)


def test_dropout_is_on_in_training_and_off_in_evaluation():
    model, samples = problem(dropout=0.5)
    assert evaluate(model, samples) == evaluate(model, samples)
    rates = []
    stack = model.children["0"]
    right = stack.children["dropouts.0"]._forward

    def listen(params, x, context):
        tape = right(params, x, context)
        rates.append(None if tape.noise is None else 1 - tape.noise.mean())
        return tape

    stack.children["dropouts.0"]._forward = listen
    fit(model, samples, epochs=1, batch_size=20, rng=np.random.default_rng(0), validation=samples)
    assert rates[0] == pytest.approx(0.5, abs=0.1)
    assert rates[1] is None


def test_a_loss_that_explodes_stops_training_and_keeps_the_last_good_weights():
    model, samples = problem()
    before = dict(model.params)
    with (
        np.errstate(all="ignore"),
        pytest.raises(NonFiniteError, match=r"clip_norm|finite"),
    ):
        fit(
            model,
            samples,
            epochs=1,
            batch_size=20,
            rng=np.random.default_rng(0),
            loss=lambda p, t, m: (np.inf, np.zeros_like(p)),
        )
    assert all(np.array_equal(before[name], model.params[name]) for name in before)


def test_samples_of_different_lengths_are_refused():
    model, samples = problem()
    with pytest.raises(ShapeError, match="20 rows"):
        fit(
            model,
            samples._replace(y=samples.y[:3]),
            epochs=1,
            batch_size=2,
            rng=np.random.default_rng(0),
        )


def test_adam_never_changes_old_arrays_and_keeps_the_dtype():
    params = {"b": np.ones(3, np.float32)}
    params["b"].flags.writeable = False
    adam = Adam(0.1)
    first = adam.update(params, {"b": np.full(3, 2, np.float32)})
    m = adam.state()["m.b"].copy()
    kept = adam.state()["m.b"]
    second = adam.update(first, {"b": np.full(3, -1, np.float32)})
    assert np.array_equal(kept, m)
    assert first["b"].dtype == second["b"].dtype == np.float32
    np.testing.assert_allclose(first["b"], 0.9, rtol=1e-6)


@pytest.mark.frameworks
def test_adam_is_pytorchs_adam():
    import torch

    rng = np.random.default_rng(0)
    params = {"W": rng.standard_normal((3, 4)), "b": rng.standard_normal(4)}
    theirs = {name: torch.tensor(value, requires_grad=True) for name, value in params.items()}
    optimiser = torch.optim.Adam(theirs.values(), lr=0.03, betas=(0.8, 0.99), eps=1e-6)
    adam = Adam(0.03, 0.8, 0.99, 1e-6)
    for _ in range(50):
        grads = {name: rng.standard_normal(value.shape) for name, value in params.items()}
        params = adam.update(params, grads)
        for name, value in theirs.items():
            value.grad = torch.tensor(grads[name])
        optimiser.step()
    for name, value in params.items():
        np.testing.assert_allclose(value, theirs[name].detach().numpy(), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "options",
    [{"learning_rate": 0}, {"learning_rate": -1}, {"beta1": 1.0}, {"beta2": -0.1}, {"epsilon": 0}],
)
def test_adam_refuses_what_cannot_work(options):
    with pytest.raises(ArgumentError, match=next(iter(options))):
        Adam(**options)


def test_adam_wants_the_gradients_of_its_parameters():
    with pytest.raises(ArgumentError, match="names of params"):
        Adam().update({"b": np.ones(1)}, {"W": np.ones(1)})


@pytest.mark.parametrize("size", [1e-200, 1.0, 1e200])
def test_clipping_keeps_the_direction_at_every_size(size):
    rng = np.random.default_rng(0)
    grads = {"W": size * rng.standard_normal((3, 4)), "b": size * rng.standard_normal(4)}
    whole = np.concatenate([g.ravel() for g in grads.values()]) / size
    assert global_norm(grads) == pytest.approx(size * np.linalg.norm(whole), rel=1e-14)
    clipped = clip_by_global_norm(grads, size)
    assert global_norm(clipped) == pytest.approx(size, rel=1e-14)
    ratio = np.concatenate([clipped[name].ravel() / grads[name].ravel() for name in grads])
    assert np.ptp(ratio) <= 4e-16 * ratio[0]
    untouched = clip_by_global_norm(grads, 100 * size)
    assert all(np.array_equal(untouched[name], grads[name]) for name in grads)


def test_a_norm_of_nothing_is_zero_and_of_nan_is_not_finite():
    assert global_norm({"b": np.zeros(3)}) == 0
    assert not np.isfinite(global_norm({"b": np.array([np.inf, 1.0])}))


# ---- the series and its baselines -----------------------------------------------------------


def test_the_series_is_the_whole_series():
    series = load_sunspots()
    assert len(series.years) == len(series.values) == 3126
    assert series.years[-1] == pytest.approx(2009 + 5 / 12)
    np.testing.assert_allclose(np.diff(series.years), 1 / 12, atol=1e-9)
    assert series.values[:3].tolist() == [58.0, 62.6, 70.0]
    assert series.values.min() >= 0


def test_scaling_is_undone_by_its_inverse():
    values = load_sunspots().values
    scale = Scale.fit(values[:1920])
    z = scale.apply(values)
    assert z[:1920].mean() == pytest.approx(0, abs=1e-12)
    assert z[:1920].std() == pytest.approx(1)
    np.testing.assert_allclose(scale.invert(z), values, atol=1e-10)


def test_opponents_find_what_is_there_and_never_look_ahead():
    split = Split(ahead=3, train=200, valid=300)
    t = np.arange(400)
    z = np.sin(2 * np.pi * t / 20)
    assert best_lag(z, split, range(15, 30)).choice == "lag 20"
    assert np.array_equal(lagged(z, 20, split).predictions, z[280:380])
    found = ridge(z, 2, split, np.array([1e-9, 1e3]))
    assert found.choice == "penalty 1e-09"
    np.testing.assert_allclose(found.predictions, z[300:], atol=1e-6)
    changed = z.copy()
    changed[350:] += 1
    later = ridge(changed, 2, split, np.array([1e-9, 1e3])).predictions
    assert np.array_equal(later[:50], found.predictions[:50])
    assert np.array_equal(later[50:53], found.predictions[50:53]), "three months ahead"
    assert best_lag(changed, split, range(15, 30)).choice == "lag 20"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"loss": "mse"}, "mean_squared_error"),
        ({"optimiser": 0.01}, r"Adam\(0.001\)"),
        ({"samples": 3}, r"Samples\(x, y\)"),
    ],
)
def test_fit_says_what_it_wants(options, words):
    model, samples = problem()
    options = {"samples": samples, "epochs": 1, "batch_size": 20, **options}
    with pytest.raises(DtypeError, match=words):
        fit(model, rng=np.random.default_rng(0), **options)


def test_a_pair_will_do_for_samples_and_validation():
    model, samples = problem()
    pair = (samples.x, samples.y)
    rng = np.random.default_rng(0)
    history = fit(model, pair, epochs=1, batch_size=20, rng=rng, validation=pair)
    assert history.validation_loss == [evaluate(model, samples)]
