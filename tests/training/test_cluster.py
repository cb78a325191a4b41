"""Sharded gradients and sweeps on a dask cluster of two processes, and through joblib's own.

The scheduler and its workers are started here; workers are killed in the middle.
"""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

import numpy as np
import pytest

from npstack import DtypeError, sharded_gradients, sweep
from npstack.core.blas import blas_threads
from tests.documents.test_docs import ROOT, run_blocks
from tests.training import workers
from tests.training.test_sharded import KINDS, by_hand, divided, equal
from tests.training.test_sweep import same_result
from tests.training.truncation import B, model_and_samples, same

pytestmark = pytest.mark.cluster
SEEDS = [0, 7]
RATES = [{"rate": rate} for rate in (0.1, 0.5, 0.2, 0.4)]


@contextmanager
def started():
    """A client of a new cluster: a scheduler, and two processes with one thread each."""
    from dask.distributed import Client, LocalCluster

    options = {"threads_per_worker": 1, "processes": True, "dashboard_address": ":0"}
    with LocalCluster(n_workers=2, **options) as cluster, Client(cluster) as client:
        client.wait_for_workers(2)
        yield client


@pytest.fixture(scope="module")
def client():
    with started() as client:
        yield client


@pytest.fixture(params=["dask", "loky", "threading"])
def backend(request):
    """A backend of joblib, with two workers."""
    import joblib

    if request.param == "dask":
        request.getfixturevalue("client")
    with joblib.parallel_config(backend=request.param, n_jobs=2):
        yield request.param


def set_to(threads):
    """The BLAS of this process, with so many threads for a while."""
    import threadpoolctl

    return threadpoolctl.threadpool_limits(threads, user_api="blas")


def now():
    """The number of BLAS threads of this process."""
    return workers.blas_threads(None)


# ---- sharded gradients -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_sharded_gradients_on_dask_have_the_bits_of_a_serial_loop(kind, client):
    model, samples = model_and_samples(kind)
    shards = divided(samples)
    with client.get_executor() as executor:
        assert equal(sharded_gradients(model, shards, executor), by_hand(model, shards))


def test_a_killed_worker_of_dask_loses_nothing(client, tmp_path):
    model, samples = model_and_samples("all", dropout=0.3)
    many = [samples.rows([k % B]) for k in range(12)]
    serial = sharded_gradients(model, many, None, rng=np.random.default_rng(0))
    before = set(client.run(os.getpid).values())
    loss = partial(workers.deadly_loss, tmp_path, 1)
    with client.get_executor() as executor:
        rng = np.random.default_rng(0)
        found = sharded_gradients(model, many, executor, loss=loss, rng=rng, threads=1)
    assert found.value == serial.value
    assert same(found.params, serial.params)
    assert len(list(tmp_path.iterdir())) == 1
    client.wait_for_workers(2)
    assert len(before & set(client.run(os.getpid).values())) < 2, "one process is another"


def test_dask_sends_functions_that_pickle_cannot(client):
    model, samples = model_and_samples("plain")
    with client.get_executor() as executor:
        found = sharded_gradients(
            model, [samples], executor, loss=lambda *given: workers.mean_squared_error(*given)
        )
    assert equal(found, by_hand(model, [samples]))


# ---- sweeps ------------------------------------------------------------------------------------


def alike(found, serial):
    assert [trial[:2] for trial in found] == [trial[:2] for trial in serial]
    assert [trial.error for trial in found] == [trial.error for trial in serial]
    return all(
        one.result is other.result or same_result(one.result, other.result)
        for one, other in zip(found, serial, strict=True)
    )


def test_a_sweep_has_the_bits_of_a_serial_one(backend):
    settings = [*RATES, {"rate": -1.0}]
    serial = sweep(workers.train, settings, SEEDS, n_jobs=1)
    found = sweep(workers.train, settings, SEEDS)
    assert alike(found, serial)
    assert [trial.error is None for trial in found] == [True] * 8 + [False] * 2


def test_a_killed_worker_loses_no_run_of_a_sweep(backend, tmp_path):
    if backend == "threading":
        pytest.skip("a thread cannot be killed alone")
    settings = [
        {**setting, "folder": tmp_path if k == 1 else None} for k, setting in enumerate(RATES)
    ]
    found = sweep(workers.train, settings, SEEDS)
    assert len(list(tmp_path.iterdir())) == 1
    for one, other in zip(found, sweep(workers.train, RATES, SEEDS, n_jobs=1), strict=True):
        assert one.error is None
        assert same_result(one.result, other.result)


def kill_every_worker(often):
    """One run kills its worker each time; the others have the results of a serial sweep."""
    settings = [*RATES[:2], {"rate": -1.0}, *RATES[2:]]
    found = sweep(workers.deadly_if_negative, settings, [0], n_jobs=2, retries=1)
    assert found[2].result is None
    assert found[2].error.startswith(f"its worker was lost {often} (")
    serial = sweep(workers.train, RATES, [0], n_jobs=1)
    assert alike([*found[:2], *found[3:]], serial)


def test_a_run_that_kills_every_process_is_an_error_beside_the_others():
    kill_every_worker("2 times")


def test_a_run_that_kills_every_worker_of_dask_is_an_error_beside_the_others():
    import dask
    import joblib

    # At the first death dask gives up all that its worker had to do, and not after three more.
    at_once = dask.config.set({"distributed.scheduler.allowed-failures": 0})
    with at_once, started(), joblib.parallel_config(backend="dask"):
        kill_every_worker("2 times")


def test_a_run_that_cannot_be_sent_is_refused_and_a_result_is_an_error(backend):
    with pytest.raises(DtypeError, match=r"run and settings must be .* pickled.*lock"):
        sweep(workers.train, [{"rate": 0.1, "optimiser": threading.Lock()}], [0])
    (trial,) = sweep(lambda rng: threading.Lock(), [{}], [0])
    if backend == "threading":
        assert trial.error is None
    else:
        assert trial.error == "TypeError: cannot pickle '_thread.lock' object"


def test_every_worker_has_one_blas_thread_and_this_process_keeps_its_own(backend):
    limits = set_to(2)  # importing threadpoolctl may set a variable
    environment = dict(os.environ)
    with limits:
        assert now() == {2}
        found = sweep(workers.blas_threads, [{}], range(4))
        assert [trial.result for trial in found] == [{1}] * 4
        assert now() == {2}
        assert [trial.result for trial in sweep(workers.blas_threads, [{}], [0], n_jobs=1)] == [{1}]
        left = sweep(workers.blas_threads, [{}], [0], n_jobs=1, threads=None)
        assert [trial.result for trial in left] == [{2}]
    assert dict(os.environ) == environment


# ---- BLAS threads ------------------------------------------------------------------------------


def test_threads_of_one_process_share_a_number_and_give_it_back():
    seen, model_samples = [], model_and_samples("plain")

    def loss(*given):
        seen.append(now())
        return workers.mean_squared_error(*given)

    model, samples = model_samples
    with set_to(2), ThreadPoolExecutor(3) as pool:
        for _ in range(5):
            sharded_gradients(model, divided(samples), pool, loss=loss, threads=1)
            assert now() == {2}
        assert seen == [{1}] * 15
        sharded_gradients(model, divided(samples), pool, loss=loss)
        assert seen[15:] == [{2}] * 3


def test_the_number_of_the_last_block_holds_and_errors_give_it_back():
    with set_to(2):
        with blas_threads("here", 1):
            with blas_threads("here", 3):
                assert now() == {3}
            assert now() == {1}
            with blas_threads("here", None):
                assert now() == {1}
        assert now() == {2}
        with pytest.raises(ZeroDivisionError), blas_threads("here", 1):
            raise ZeroDivisionError
        assert now() == {2}
        first, second = blas_threads("here", 1), blas_threads("here", 3)
        for block in (first, second):  # as in two threads: the first to begin is the first to end
            block.__enter__()
        first.__exit__(None, None, None)
        assert now() == {3}
        second.__exit__(None, None, None)
        assert now() == {2}


# ---- the document ------------------------------------------------------------------------------


def test_the_recipes_in_the_document_run():
    text = (ROOT / "docs/cluster.md").read_text(encoding="utf-8")
    assert text.count("```python cluster\n") == 3
    run_blocks(text.replace("```python cluster\n", "```python\n"), "docs/cluster.md")
