"""A resumed run has the same bits as one that never stopped."""

import functools
from dataclasses import asdict

import numpy as np
import pytest

from npstack import (
    SGD,
    Adam,
    AdamW,
    ArgumentError,
    DataError,
    Dense,
    Engine,
    RMSprop,
    Sequential,
    StackedLSTM,
    huber,
    load_checkpoint,
    mean_absolute_error,
    mean_squared_error,
    save_checkpoint,
)
from npstack.losses.samples import Samples
from npstack.training.fit import fit
from npstack.training.plan import Plan
from npstack.training.resume import digest, name_of
from npstack.training.schedules import Cosine, WarmUp

EPOCHS = 5


def job(last=False, **changes):
    """Everything that a script builds each time it is started."""
    rng = np.random.default_rng(7)
    stack = StackedLSTM(1, changes.pop("sizes", [3, 2]), dropout=0.3, rng=rng)
    model = Sequential(stack, Dense(stack.output_size, 1, rng=rng))
    x = rng.standard_normal((8, 6, 1))
    samples = Samples(x[:6], np.cumsum(x, axis=1)[:6], mask=rng.random((6, 6)) < 0.8)
    held_out = Samples(x[6:], np.cumsum(x, axis=1)[6:])
    options = {
        "epochs": EPOCHS,
        "batch_size": 2,
        "rng": np.random.default_rng(1),
        "optimiser": Adam(0.05),
        "validation": held_out,
        "clip_norm": 1.0,
        **changes,
    }
    return model, samples, options


JOBS = {
    "Adam": {},
    "best weights": {"keep_best": True},
    "patience": {"patience": 2, "epochs": 9},
    "truncated": {"truncate": (2, 3)},
    "stateful": {"stateful": True},
    "stateful and truncated": {"stateful": True, "truncate": (3, 2)},
    "own batches": {"batches": lambda rng: np.array_split(rng.permutation(6), 2)},
    "RMSprop": {"optimiser": lambda: RMSprop(0.01, momentum=0.5)},
    "SGD with a schedule": {
        "optimiser": lambda: SGD(WarmUp(Cosine(0.1, 12), 4), momentum=0.9, nesterov=True)
    },
    "AdamW, frozen": {
        "optimiser": lambda: AdamW(
            0.02, weight_decay=0.1, decayed=("*W",), frozen=("0.layers.0.*",)
        )
    },
    "no validation": {"validation": None, "clip_value": 0.1},
}


def changes_of(name):
    made = dict(JOBS[name])
    if callable(made.get("optimiser")):
        made["optimiser"] = made["optimiser"]()
    return made


def columns(history):
    return {name: value for name, value in asdict(history).items() if name != "seconds"}


def assert_same(one, other):
    """Model, history, optimiser and random generator of two runs."""
    (model, history, options), (twin, twins, theirs) = one, other
    assert all(np.array_equal(model.params[n], twin.params[n]) for n in model.params)
    assert columns(history) == columns(twins)
    assert len(history.seconds) == len(twins.seconds)
    ours, optimiser = options["optimiser"], theirs["optimiser"]
    assert ours.steps == optimiser.steps
    assert ours.state().keys() == optimiser.state().keys()
    assert all(np.array_equal(a, optimiser.state()[n]) for n, a in ours.state().items())
    assert options["rng"].bit_generator.state == theirs["rng"].bit_generator.state


def run(name, **changes):
    model, samples, options = job(**{**changes_of(name), **changes})
    return model, fit(model, samples, **options), options


@functools.cache
def uninterrupted(name):
    return run(name)


@pytest.mark.parametrize("name", JOBS)
def test_stopped_between_epochs(name, tmp_path):
    whole = uninterrupted(name)
    for first in (1, 3):
        file = tmp_path / f"{first}.npz"
        run(name, checkpoint=file, epochs=first)
        assert_same(run(name, checkpoint=file, resume=True), whole)


@pytest.mark.parametrize("name", JOBS)
def test_interrupted_within_an_epoch(name, tmp_path):
    whole = uninterrupted(name)
    for call in (0, 4, 10):
        file, calls = tmp_path / f"{call}.npz", iter(range(10**6))

        def mean_squared_error(*given, calls=calls, call=call, **more):
            if next(calls) == call:
                raise KeyboardInterrupt
            return right(*given, **more)

        mean_squared_error.__qualname__ = "mean_squared_error"
        _, history, _ = run(name, checkpoint=file, loss=mean_squared_error)
        assert history.stopped == "interrupted"
        assert_same(run(name, checkpoint=file, resume=True), whole)


right = mean_squared_error


def test_stopped_again_and_again(tmp_path):
    file = tmp_path / "run.npz"
    for epochs in range(1, EPOCHS + 1):
        last = run("best weights", checkpoint=file, resume=True, epochs=epochs)
    assert_same(last, uninterrupted("best weights"))
    assert last[1].epochs == list(range(1, EPOCHS + 1))


@pytest.mark.parametrize("name", ["Adam", "best weights", "patience"])
def test_a_complete_run_returns_at_once(name, tmp_path):
    file = tmp_path / "run.npz"
    whole = run(name, checkpoint=file)
    before = file.read_bytes()

    def never(*given):
        raise AssertionError("nothing is to be learned any more")

    never.__qualname__ = "mean_squared_error"
    done = run(name, checkpoint=file, resume=True, loss=never)
    assert_same(done, whole)
    assert file.read_bytes() == before
    if name == "patience":
        assert whole[1].stopped == "early"
        assert whole[1].epochs[-1] < 9
        later = run(name, checkpoint=file, resume=True, loss=never, epochs=20)
        assert later[1].stopped == "early"


def test_more_epochs_are_learned_on_top(tmp_path):
    file = tmp_path / "run.npz"
    run("best weights", checkpoint=file)
    assert_same(
        run("best weights", checkpoint=file, resume=True, epochs=9), run("best weights", epochs=9)
    )


def test_without_a_file_there_is_nothing_to_resume_and_without_resume_it_begins_anew(tmp_path):
    file = tmp_path / "run.npz"
    assert_same(run("Adam", checkpoint=file, resume=True), uninterrupted("Adam"))
    assert_same(run("Adam", checkpoint=str(file)), uninterrupted("Adam"))


def test_the_file_says_how_training_stands(tmp_path):
    file = tmp_path / "run.npz"
    model, history, options = run("best weights", checkpoint=file)
    found = load_checkpoint(file, model.params)
    assert columns(found.history) == columns(history)
    assert found.steps == options["optimiser"].steps == 3 * EPOCHS
    assert all(np.array_equal(model.params[n], found.best[n]) for n in found.best)
    assert found.config["fit"]["batch_size"] == 2
    assert found.config["fit"]["loss"] == "mean_squared_error"
    run("Adam", checkpoint=file)
    assert load_checkpoint(file).best is None


OTHERS = {
    "batch_size": {"batch_size": 3},
    "clip_norm": {"clip_norm": 2.0},
    "clip_value": {"clip_value": 1.0},
    "shuffle": {"shuffle": False},
    "truncate": {"truncate": (2, 2)},
    "stateful": {"stateful": True},
    "keep_best": {"keep_best": True},
    "patience": {"patience": 8},
    "loss": {"loss": mean_absolute_error},
    "batches": {"batches": lambda rng: [[0, 1, 2]]},
    "optimiser": {"optimiser": Adam(0.04)},
    "validation": {"validation": None},
}


def test_every_part_of_the_plan_must_be_the_same_when_a_run_is_resumed():
    assert {*OTHERS, "samples"} == {*Plan._fields, "optimiser"}


@pytest.mark.parametrize("name", OTHERS)
def test_another_setting_is_told_and_changes_nothing(name, tmp_path):
    file = tmp_path / "run.npz"
    run("Adam", checkpoint=file, epochs=2)
    model, samples, options = job(checkpoint=file, resume=True, **OTHERS[name])
    params, state = model.params, options["rng"].bit_generator.state
    with pytest.raises(DataError, match=rf"settings of this call, got {name}: .* in the file") as e:
        fit(model, samples, **options)
    assert "model.params = load_checkpoint(path).params" in str(e.value)
    assert model.params == params
    assert options["rng"].bit_generator.state == state
    assert options["optimiser"].steps == 0


def test_another_engine_is_refused_unless_it_is_asked_for(tmp_path):
    file = tmp_path / "run.npz"
    _, history, _ = run("Adam", checkpoint=file, epochs=2, engine="readable")
    assert history.engine["kind"] == "readable"
    assert history.engine["numpy"] == np.__version__
    with pytest.raises(DataError, match="engine: 'readable' in the file, 'auto' now") as error:
        run("Adam", checkpoint=file, resume=True, epochs=3)
    assert "engine='readable'" in str(error.value)
    with pytest.raises(DataError, match="threads of the engine: None in the file, 1 now") as error:
        run("Adam", checkpoint=file, resume=True, epochs=3, engine=Engine("readable", threads=1))
    assert "Pass engine='readable'" in str(error.value)
    _, same, _ = run("Adam", checkpoint=file, resume=True, epochs=3, engine="readable")
    assert same.train_loss == run("Adam", epochs=3, engine="readable")[1].train_loss
    _, other, _ = run("Adam", checkpoint=file, resume="other engine", epochs=4)
    assert other.engine["kind"] == "auto"
    right = run("Adam", epochs=4, engine="readable")[1].train_loss
    assert other.train_loss == pytest.approx(right, rel=1e-12)


def test_a_file_from_before_there_were_engines_was_run_by_the_readable_path(tmp_path):
    file = tmp_path / "run.npz"
    run("Adam", checkpoint=file, epochs=2, engine="readable")
    written = load_checkpoint(file)
    written.history.engine.clear()
    save_checkpoint(file, written)
    with pytest.raises(DataError, match="engine: 'readable' in the file"):
        run("Adam", checkpoint=file, resume=True, epochs=3)
    assert run("Adam", checkpoint=file, resume=True, epochs=3, engine="readable")[1].epochs[-1] == 3


def test_another_model_other_samples_fewer_epochs_another_generator(tmp_path):
    file = tmp_path / "run.npz"
    run("Adam", checkpoint=file, epochs=2)
    with pytest.raises(DataError, match="the model has"):
        run("Adam", checkpoint=file, resume=True, sizes=[3, 3])
    model, samples, options = job(checkpoint=file, resume=True)
    with pytest.raises(DataError, match="samples: "):
        fit(model, samples._replace(x=samples.x + 1), **options)
    with pytest.raises(DataError, match=r"at most epochs=1 .* got 2"):
        run("Adam", checkpoint=file, resume=True, epochs=1)
    other = np.random.Generator(np.random.MT19937(0))
    with pytest.raises(DataError, match="MT19937"):
        run("Adam", checkpoint=file, resume=True, rng=other)


def test_a_damaged_file_is_told(tmp_path):
    file = tmp_path / "run.npz"
    run("Adam", checkpoint=file, epochs=1)
    file.write_bytes(file.read_bytes()[:-40])
    with pytest.raises(DataError, match=r"run\.npz"):
        run("Adam", checkpoint=file, resume=True)


def test_a_place_that_is_none_is_told_before_the_first_step(tmp_path):
    with pytest.raises(ArgumentError, match="folder of checkpoint must exist"):
        run("Adam", checkpoint=tmp_path / "missing" / "run.npz")
    with pytest.raises(ArgumentError, match="checkpoint must be free, or lead to a file, got a f"):
        run("Adam", checkpoint=tmp_path)
    with pytest.raises(ArgumentError, match="resume needs a checkpoint"):
        run("Adam", resume=True)


def test_functions_and_samples_are_known_again():
    assert name_of(functools.partial(huber, delta=2.0)) == "huber(delta=2.0)"
    assert name_of(functools.partial(huber, delta=2.0)) != name_of(huber)
    x = np.zeros((2, 3, 1))
    one = Samples(x, x)
    others = [
        one._replace(y=x + 1),
        one._replace(x=x.astype(np.float32)),
        Samples(x.reshape(3, 2, 1), x),
        one._replace(mask=np.ones((2, 3), bool)),
        one._replace(counts=np.ones((2, 3), bool)),
        one._replace(x=Samples(x, x)),
    ]
    prints = {digest(samples) for samples in [one, *others]}
    assert len(prints) == 7
    assert digest(Samples(x.copy(), x[::-1])) == digest(one)
    assert digest(None) is None
